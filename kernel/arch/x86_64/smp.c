// SPDX-License-Identifier: MIT
/* Starting the other CPUs (INIT-SIPI-SIPI) and TLB shootdown.
 * Shootdown: the sender publishes one request per CPU (shootdown_pending = 1), sends the IPI and waits until the flag
 * falls; a target flushes everything and clears it from the IPI, while spinning (cpu_relax_poll), or in idle.
 *	sender: page table store; pending[t] = 1 (seq_cst); IPI; while (pending[t]) answer own
 *	target: load pending; flush; pending = 0 (release)          -- the flush is after the sender's store */
#include "arch.h"
#include "aspace.h"
#include "../../sched/sched_private.h"
#include "string.h"
#include "tlb.h"

#define TRAMPOLINE_PHYS 0x8000u
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define AP_WAIT_NS (200 * NSEC_PER_MSEC) /* a CPU that does not come up within this is left out */
#define FULL_FLUSH_PAGES 32 /* more single invalidations than this cost more than a refill */

extern char ap_trampoline[], ap_trampoline_end[];
extern u64 ap_stack, ap_cpu;
u32 acpi_apic_ids[MAX_CPUS];
u32 acpi_cpu_count;

static void flush_local(void)
{
	u64 cr4 = read_cr4();
	write_cr4(cr4 & ~(u64)(1 << 7));
	write_cr4(cr4);
}

void shootdown_answer(void)
{
	struct cpu *c = cpu_this();
	if (__atomic_load_n(&c->shootdown_pending, __ATOMIC_ACQUIRE)) {
		flush_local();
		__atomic_store_n(&c->shootdown_pending, 0, __ATOMIC_RELEASE);
	}
}

/* An idle CPU keeps the last space loaded, hoping to run it again. When its owner flushes elsewhere the hope was
 * wrong: leaving the space ends the interruptions. Interrupts come to idle only at hlt, so no lock is held. */
void shootdown_interrupt(void)
{
	struct cpu *c = cpu_this();
	if (c->current == c->idle && c->aspace)
		aspace_switch(NULL);
	shootdown_answer();
}

void cpu_relax_poll(void)
{
	cpu_pause();
	if (unlikely(cpu_this()->shootdown_pending))
		shootdown_answer();
}

static void shoot(u64 mask)
{
	mask &= ~BIT(cpu_this()->id);
	for (u32 i = 0; i < cpu_count; i++)
		if (mask & BIT(i) && cpus[i]->online) {
			/* another sender's request covers ours only if it is not yet taken: wait for our own turn */
			while (__atomic_exchange_n(&cpus[i]->shootdown_pending, 1, __ATOMIC_SEQ_CST))
				cpu_relax_poll();
			apic_send(cpus[i]->apic_id, VECTOR_SHOOTDOWN);
		}
	for (u32 i = 0; i < cpu_count; i++)
		if (mask & BIT(i) && cpus[i]->online)
			while (__atomic_load_n(&cpus[i]->shootdown_pending, __ATOMIC_ACQUIRE))
				cpu_relax_poll();
}

void tlb_flush_range(struct aspace *as, u64 va, u64 size)
{
	struct cpu *c = cpu_this();
	if (c->aspace == as) {
		if (size > FULL_FLUSH_PAGES * PAGE_SIZE)
			write_cr3(read_cr3());
		else
			for (u64 a = va; a < va + size; a += PAGE_SIZE)
				tlb_invalidate_page_local(a);
	}
	u64 mask = __atomic_load_n(&as->cpu_mask, __ATOMIC_SEQ_CST) & ~BIT(c->id);
	if (mask)
		shoot(mask);
}

void tlb_flush_kernel(u64 va, u64 size)
{
	flush_local();
	shoot(~0ull);
}

static void ap_main(void)
{
	struct cpu *c = (struct cpu *)ap_cpu;
	cpu_init(c);
	apic_init_cpu();
	sched_init_cpu(c);
	__atomic_store_n(&c->online, 1, __ATOMIC_RELEASE);
	sched_idle_loop();
}

void smp_start(void)
{
	u64 base = (u64)phys_to_virt(TRAMPOLINE_PHYS);
	memcpy((void *)base, ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	*(u64 *)(base + 0xff0) = (u64)ap_main;
	for (u32 i = 0; i < acpi_cpu_count && cpu_count < MAX_CPUS; i++) {
		if (acpi_apic_ids[i] == cpu_this()->apic_id)
			continue;
		struct cpu *c = kzalloc(sizeof(*c));
		struct arch_cpu *a = kzalloc(sizeof(*a));
		u8 *stacks = kmalloc(3 * 4096);
		if (!c || !a || !stacks)
			break;
		a->ist_stacks = stacks;
		c->arch = a;
		c->id = cpu_count;
		struct thread *idle = sched_make_idle(c);
		ap_stack = (u64)idle->kernel_stack + KERNEL_STACK_SIZE;
		ap_cpu = (u64)c;
		*(u64 *)(base + 0xff8) = ap_stack;
		cpus[cpu_count] = c;
		__atomic_store_n(&cpu_count, cpu_count + 1, __ATOMIC_RELEASE);
		apic_send(acpi_apic_ids[i], ICR_INIT);
		apic_send(acpi_apic_ids[i], ICR_STARTUP | TRAMPOLINE_PHYS >> 12);
		u64 end = time_now_ns() + AP_WAIT_NS;
		while (!__atomic_load_n(&c->online, __ATOMIC_ACQUIRE) && time_now_ns() < end)
			cpu_relax_poll();
		if (!c->online) {
			klog(LOG_ERROR, "cpu with APIC id %u did not start within %u ms", acpi_apic_ids[i], (u32)(AP_WAIT_NS / NSEC_PER_MSEC));
			cpu_count--;
			break;
		}
	}
}
