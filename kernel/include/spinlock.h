/* SPDX-License-Identifier: MIT */
/* Spinlocks. The kernel runs with interrupts OFF except in idle, in preempt_point() and in user mode
 * (docs/design/interrupts.md), so no lock has an irq-saving variant. While spinning a CPU answers TLB
 * shootdowns (cpu_relax_poll), so holding a spinlock across tlb shootdown is allowed. */
#ifndef AMBOS_KERNEL_SPINLOCK_H
#define AMBOS_KERNEL_SPINLOCK_H

#include "lock_rank.h"
#include "status.h"

struct spinlock {
	u32 locked;
	u16 rank;
	u16 owner_cpu; /* debug: id + 1 */
};
#define SPINLOCK_INIT(r) { 0, (r), 0 }

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
	l->locked = 0;
	l->rank = (u16)rank;
	l->owner_cpu = 0;
}

void cpu_relax_poll(void);                       /* pause + answer pending shootdowns */
void lock_rank_acquire(const void *lock, u16 rank, bool nested); /* debug only; see debug/lock_rank.c */
void lock_rank_release(const void *lock, u16 rank);
void lock_rank_mutex_acquire(u16 rank, bool nested);
void lock_rank_mutex_release(u16 rank);

static inline void spin_lock_raw(struct spinlock *l)
{
	while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
			cpu_relax_poll();
}
static inline void spin_lock(struct spinlock *l)
{
#ifdef AMBOS_DEBUG
	lock_rank_acquire(l, l->rank, false);
#endif
	spin_lock_raw(l);
}
/* Second lock of the same rank; the caller orders the two by address. */
static inline void spin_lock_nested(struct spinlock *l)
{
#ifdef AMBOS_DEBUG
	lock_rank_acquire(l, l->rank, true);
#endif
	spin_lock_raw(l);
}
static inline bool spin_try_lock(struct spinlock *l)
{
	if (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		return false;
#ifdef AMBOS_DEBUG
	lock_rank_acquire(l, l->rank, true);
#endif
	return true;
}
static inline void spin_unlock(struct spinlock *l)
{
#ifdef AMBOS_DEBUG
	lock_rank_release(l, l->rank);
#endif
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

#endif
