// SPDX-License-Identifier: MIT
/* Exceptions and interrupts by vector. User faults go to aspace_fault or become signals; kernel faults are
 * resolved through the exception table or end in a panic. */
#include "arch.h"
#include "aspace.h"
#include "extable.h"
#include "irq.h"
#include "process.h"
#include "signal.h"
#include "../../sched/sched_private.h"

#define PF_PRESENT 1
#define PF_WRITE 2
#define PF_USER 4
#define PF_INSTRUCTION 16
#define EFLAGS_AC 0x40000

static struct { int signo, code; } const exception_signal[32] = {
	[0] = { SIGFPE, 1 },  [1] = { SIGTRAP, 2 },  [3] = { SIGTRAP, 0x80 }, [4] = { SIGSEGV, 0x80 }, [5] = { SIGSEGV, 0x80 },
	[6] = { SIGILL, 2 },  [7] = { SIGSEGV, 0x80 }, [10] = { SIGSEGV, 0x80 }, [11] = { SIGBUS, 0x80 }, [12] = { SIGBUS, 0x80 },
	[13] = { SIGSEGV, 0x80 }, [16] = { SIGFPE, 6 }, [17] = { SIGBUS, 1 }, [19] = { SIGFPE, 6 }, [21] = { SIGSEGV, 0x80 },
};

struct irq_slot { void (*fn)(void *); void *arg; };
static struct irq_slot irq_slots[256];

int irq_allocate_vector(void (*fn)(void *), void *arg)
{
	static struct spinlock lock = SPINLOCK_INIT(RANK_OBJECT);
	int vector = ERR_NOSPC;
	spin_lock(&lock);
	for (int v = VECTOR_DEVICE_FIRST; v <= VECTOR_DEVICE_LAST && vector < 0; v++)
		if (!irq_slots[v].fn) {
			irq_slots[v].arg = arg;
			irq_slots[v].fn = fn;
			vector = v;
		}
	spin_unlock(&lock);
	return vector;
}

void irq_free_vector(int vector) { irq_slots[vector].fn = NULL; }

static void bad_kernel_trap(struct trap_frame *f)
{
	panic("kernel exception %lu error %lx at rip %lx rsp %lx address %lx", f->vector, f->error, f->rip, f->rsp, read_cr2());
}

static void page_fault(struct trap_frame *f)
{
	u64 va = read_cr2();
	u32 access = f->error & PF_INSTRUCTION ? FAULT_EXEC : f->error & PF_WRITE ? FAULT_WRITE : FAULT_READ;
	struct thread *t = thread_current();
	int code = 1;
	if (!frame_is_user(f)) {
		const struct ex_entry *e = va < USER_TOP ? ex_table_find(f->rip) : NULL;
		if (!e)
			bad_kernel_trap(f);
		f->rflags &= ~(u64)EFLAGS_AC;
		if (!(e->flags & EX_NOFAULT) && t && t->process && aspace_fault(t->process->aspace, va, access, &code) == OK) {
			f->rflags |= EFLAGS_AC;
			return;
		}
		f->rip = e->fixup;
		return;
	}
	status_t st = va < USER_TOP ? aspace_fault(t->process->aspace, va, access, &code) : ERR_FAULT;
	if (st == OK || st == ERR_RESTART || st == ERR_INTR)
		return;
	if (st == ERR_IO)
		exception_deliver(f, SIGBUS, 2, va);
	else if (st == ERR_NOMEM)
		exception_deliver(f, SIGBUS, 2, va);
	else
		exception_deliver(f, SIGSEGV, code, va);
}

void trap_dispatch(struct trap_frame *f)
{
	u64 v = f->vector;
	if (v == VECTOR_PAGE_FAULT) {
		page_fault(f);
		return;
	}
	if (v >= 32) {
		if (v == VECTOR_SHOOTDOWN)
			shootdown_interrupt();
		else if (v == VECTOR_TIMER)
			timer_interrupt();
		else if (v == VECTOR_RESCHEDULE)
			timer_rearm_cpu();
		else if (v == VECTOR_STOP)
			cpu_halt_forever();
		else if (irq_slots[v].fn)
			irq_slots[v].fn(irq_slots[v].arg);
		if (v != VECTOR_SPURIOUS)
			apic_eoi();
		if (frame_is_user(f) && cpu_this()->need_resched)
			__atomic_or_fetch(&thread_current()->work, WORK_RESCHED, __ATOMIC_RELAXED);
		return;
	}
	if (frame_is_user(f) && exception_signal[v].signo) {
		exception_deliver(f, exception_signal[v].signo, exception_signal[v].code, f->rip);
		return;
	}
	const struct ex_entry *e = v == 13 ? ex_table_find(f->rip) : NULL;
	if (!e)
		bad_kernel_trap(f);
	f->rip = e->fixup;
}
