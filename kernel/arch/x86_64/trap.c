// SPDX-License-Identifier: MIT
/* Interrupt table and the dispatcher of exceptions and interrupts.
 * User faults: aspace_fault, else exception_deliver. Kernel faults: only at instructions in .ex_table; all others
 * are panics. Signal numbers and codes: sigaction(2), "The si_code field". */
#include "arch.h"
#include "aspace.h"
#include "extable.h"
#include "process.h"
#include "sched_internal.h"
#include "string.h"

#define PF_WRITE 2
#define PF_FETCH 16
#define PF_PROTECTION 1

enum vector { VEC_DIVIDE = 0, VEC_DEBUG = 1, VEC_NMI = 2, VEC_BREAKPOINT = 3, VEC_OVERFLOW = 4, VEC_BOUND = 5, VEC_OPCODE = 6,
	      VEC_DOUBLE_FAULT = 8, VEC_SEGMENT = 11, VEC_STACK = 12, VEC_PROTECTION = 13, VEC_PAGE = 14, VEC_X87 = 16,
	      VEC_ALIGNMENT = 17, VEC_MACHINE = 18, VEC_SIMD = 19 };
enum { CODE_KERNEL = 0x80, FPE_INTDIV = 1, FPE_FLTDIV = 3, FPE_FLTOVF = 4, FPE_FLTUND = 5, FPE_FLTRES = 6, FPE_FLTINV = 7,
       ILL_ILLOPN = 2, BUS_ADRALN = 1, BUS_ADRERR = 2, TRAP_BRKPT = 1, TRAP_TRACE = 2 };

struct gate { u16 offset_low, selector; u8 ist, type; u16 offset_middle; u32 offset_high, reserved; };
static struct gate idt[256] ALIGNED(16);

static void gate_set(u32 vector, u8 ist, u8 dpl)
{
	u64 at = (u64)trap_stubs + vector * 16ull;
	idt[vector] = (struct gate){ (u16)at, KERNEL_CS, ist, (u8)(0x8e | dpl << 5), (u16)(at >> 16), (u32)(at >> 32), 0 };
}

void idt_init(void)
{
	for (u32 v = 0; v < 256; v++)
		gate_set(v, 0, v == VEC_BREAKPOINT || v == VEC_OVERFLOW ? 3 : 0);
	gate_set(VEC_DOUBLE_FAULT, 1, 0);
	gate_set(VEC_NMI, 2, 0);
	gate_set(VEC_MACHINE, 3, 0);
}

void idt_load(void)
{
	struct { u16 limit; u64 base; } PACKED pointer = { sizeof(idt) - 1, (u64)idt };
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static void user_page_fault(struct trap_frame *f, u64 va, u32 access)
{
	int code = 1;
	struct process *p = process_current();
	status_t st = va < USER_TOP && p->aspace ? aspace_fault(p->aspace, va, access, &code) : ERR_FAULT;
	if (st == OK) {
		cputime_fault_done(f);
		return;
	}
	if (st == ERR_IO)
		exception_deliver(f, SIGBUS, BUS_ADRERR, va);
	else if (st == ERR_NOMEM)
		exception_deliver(f, SIGKILL, CODE_KERNEL, va);
	else if (st == ERR_FAULT)
		exception_deliver(f, SIGSEGV, code, va);
}

static void kernel_page_fault(struct trap_frame *f, u64 va, u32 access)
{
	const struct ex_entry *e = ex_table_find(f->rip);
	if (!e)
		panic_frame(f, "page fault in the kernel at address %lx", (unsigned long)va);
	struct process *p = process_current();
	if (!(e->flags & EX_NOFAULT) && va < USER_TOP && p && p->aspace) {
		int code;
		if (aspace_fault(p->aspace, va, access, &code) == OK)
			return;
	}
	f->rip = e->fixup;
}

static void page_fault(struct trap_frame *f)
{
	u64 va = READ_CR(2);
	u32 access = f->error & PF_FETCH ? FAULT_EXEC : f->error & PF_WRITE ? FAULT_WRITE : FAULT_READ;
	if (frame_is_user(f))
		user_page_fault(f, va, access);
	else
		kernel_page_fault(f, va, access);
}

static int float_code(u32 flags)
{
	static const u8 code_of_bit[6] = { FPE_FLTINV, FPE_FLTUND, FPE_FLTDIV, FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES };
	return flags & 0x3f ? code_of_bit[__builtin_ctz(flags & 0x3f)] : FPE_FLTINV;
}

static int x87_code(void)
{
	u16 status, control;
	__asm__ volatile("fnstsw %0; fnstcw %1" : "=m"(status), "=m"(control));
	return float_code(status & ~control);
}

static int simd_code(void)
{
	u32 mxcsr;
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return float_code(mxcsr & ~(mxcsr >> 7));
}

static int debug_code(void)
{
	u64 dr6;
	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull));
	return dr6 & BIT(14) ? TRAP_TRACE : TRAP_BRKPT;
}

static void user_exception(struct trap_frame *f)
{
	switch (f->vector) {
	case VEC_DIVIDE: exception_deliver(f, SIGFPE, FPE_INTDIV, f->rip); break;
	case VEC_DEBUG: exception_deliver(f, SIGTRAP, debug_code(), f->rip); break;
	case VEC_BREAKPOINT: exception_deliver(f, SIGTRAP, CODE_KERNEL, 0); break;
	case VEC_OPCODE: exception_deliver(f, SIGILL, ILL_ILLOPN, f->rip); break;
	case VEC_SEGMENT:
	case VEC_STACK: exception_deliver(f, SIGBUS, CODE_KERNEL, 0); break;
	case VEC_X87: exception_deliver(f, SIGFPE, x87_code(), f->rip); break;
	case VEC_SIMD: exception_deliver(f, SIGFPE, simd_code(), f->rip); break;
	case VEC_ALIGNMENT: exception_deliver(f, SIGBUS, BUS_ADRALN, 0); break;
	default: exception_deliver(f, SIGSEGV, CODE_KERNEL, 0); break;
	}
}

static void kernel_exception(struct trap_frame *f)
{
	const struct ex_entry *e = f->vector == VEC_PROTECTION || f->vector == VEC_STACK ? ex_table_find(f->rip) : NULL;
	if (!e)
		panic_frame(f, "exception %lu in the kernel", (unsigned long)f->vector);
	f->rip = e->fixup;
}

void trap_dispatch(struct trap_frame *f)
{
	if (f->vector >= 32) {
		cputime_interrupted(f);
		irq_dispatch((u32)f->vector);
	} else if (f->vector == VEC_PAGE) {
		page_fault(f);
	} else if (f->vector == VEC_NMI) {
		panic_stop_here(f);
	} else if (f->vector == VEC_DOUBLE_FAULT || f->vector == VEC_MACHINE) {
		panic_frame(f, f->vector == VEC_MACHINE ? "machine check" : "double fault (kernel stack overflow?)");
	} else if (frame_is_user(f)) {
		user_exception(f);
	} else {
		kernel_exception(f);
	}
}

/* iretq refused the user frame (sigreturn with a bad rip, cs or ss). `f` overlaps the place of the user frame. */
void trap_bad_user_frame(struct trap_frame *f)
{
	struct trap_frame whole = *f;
	struct trap_frame *user = thread_user_frame(thread_current());
	const u64 *hardware = &user->rip;
	whole.rip = hardware[0];
	whole.cs = USER_CS;
	whole.rflags = (hardware[2] & 0xfd5) | RFLAGS_IF;
	whole.rsp = hardware[3];
	whole.ss = USER_DS;
	memmove(user, &whole, sizeof(whole));
	exception_deliver(user, SIGSEGV, CODE_KERNEL, 0);
}

void trap_return_work(struct trap_frame *f)
{
	if (cpu_this()->need_resched) {
		struct thread *t = thread_current();
		if (t->rseq_va && f->vector != TRAP_SYSCALL) /* a call ends the sequence; any other way in may be inside one */
			__atomic_or_fetch(&t->work, WORK_RSEQ, __ATOMIC_RELAXED);
		schedule();
	}
	if (thread_current()->work)
		user_return_work(f);
}
