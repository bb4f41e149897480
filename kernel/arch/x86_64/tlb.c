// SPDX-License-Identifier: MIT
/* TLB shootdown. One request at a time, system-wide: the sender holds `request_busy`, marks each target CPU and
 * sends an interrupt; a target flushes, then takes itself out of `waiting`. Everything that spins answers too
 * (cpu_relax_poll), so neither two senders nor a sender and a lock holder can wait for each other.
 *	sender                          target
 *	request = ...                   (interrupt or spin)
 *	waiting = mask                  if pending: pending = 0; flush per request
 *	pending[t] = 1, IPI             waiting &= ~me */
#include "tlb.h"
#include "arch.h"
#include "aspace.h"
#include "process.h"

#define PAGES_ONE_BY_ONE 32 /* above that reloading CR3 is cheaper */

static u32 request_busy;
static struct { struct aspace *as; u64 va, size; } request;
static u64 waiting;

static void flush_everything(void)
{
	u64 cr4 = READ_CR(4);
	WRITE_CR(4, cr4 & ~CR4_PGE); /* global ones too */
	WRITE_CR(4, cr4);
}

static void flush_local(struct aspace *as, u64 va, u64 size)
{
	struct cpu *c = cpu_this();
	if (as && c->aspace != as)
		return;
	if (as && (!c->current->process || c->current->process->aspace != as)) { /* loaded lazily: drop it, so that we are not asked again */
		aspace_switch(NULL);
		return;
	}
	if (size / PAGE_SIZE <= PAGES_ONE_BY_ONE) {
		for (u64 at = ALIGN_DOWN(va, PAGE_SIZE); at < va + size; at += PAGE_SIZE)
			tlb_invalidate_page_local(at);
	} else if (as) {
		WRITE_CR(3, READ_CR(3));
	} else {
		flush_everything();
	}
}

void tlb_answer(void)
{
	struct cpu *c = cpu_this();
	if (!__atomic_exchange_n(&c->shootdown_pending, 0, __ATOMIC_ACQ_REL))
		return;
	flush_local(request.as, request.va, request.size);
	__atomic_and_fetch(&waiting, ~BIT(c->id), __ATOMIC_RELEASE);
}

void cpu_relax_poll(void)
{
	cpu_pause();
	if (unlikely(__atomic_load_n(&cpu_this()->shootdown_pending, __ATOMIC_RELAXED)))
		tlb_answer();
}

static void shoot(u64 targets, struct aspace *as, u64 va, u64 size)
{
	while (__atomic_exchange_n(&request_busy, 1, __ATOMIC_ACQUIRE))
		cpu_relax_poll();
	request.as = as;
	request.va = va;
	request.size = size;
	__atomic_store_n(&waiting, targets, __ATOMIC_RELEASE);
	for (u64 left = targets; left; left &= left - 1) {
		struct cpu *c = cpus[__builtin_ctzll(left)];
		__atomic_store_n(&c->shootdown_pending, 1, __ATOMIC_RELEASE);
		apic_send(c->apic_id, VECTOR_SHOOTDOWN);
	}
	while (__atomic_load_n(&waiting, __ATOMIC_ACQUIRE))
		cpu_relax_poll();
	__atomic_store_n(&request_busy, 0, __ATOMIC_RELEASE);
}

static u64 online_mask(void) { return cpu_count == MAX_CPUS ? UINT64_MAX : BIT(cpu_count) - 1; }

void tlb_flush_range(struct aspace *as, u64 va, u64 size)
{
	/* The page table stores before this must be visible before the mask is read. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flush_local(as, va, size);
	u64 targets = __atomic_load_n(&as->cpu_mask, __ATOMIC_RELAXED) & online_mask() & ~BIT(cpu_this()->id);
	if (targets)
		shoot(targets, as, va, size);
}

void tlb_flush_kernel(u64 va, u64 size)
{
	flush_local(NULL, va, size);
	u64 targets = online_mask() & ~BIT(cpu_this()->id);
	if (targets)
		shoot(targets, NULL, va, size);
}
