// SPDX-License-Identifier: MIT
/* Debug builds: each lock is of a higher rank than every lock held, and no mutex is taken under a spinlock.
 * Spinlocks are held by a CPU, mutexes by a thread. Releases may come in any order. */
#include "process.h"
#include "sched.h"

#ifdef AMBOS_DEBUG
#define SPINLOCKS_MAX 16

static struct { const void *lock[SPINLOCKS_MAX]; u16 rank[SPINLOCKS_MAX]; } held[MAX_CPUS];

void lock_rank_acquire(const void *lock, u16 rank, bool nested)
{
	struct cpu *c = cpu_this();
	u32 n = c->lock_depth;
	for (u32 i = 0; i < n; i++) {
		u16 other = held[c->id].rank[i];
		if (held[c->id].lock[i] == lock)
			panic("spinlock of rank %u taken twice", rank);
		if (other > rank || (other == rank && !nested))
			panic("spinlock of rank %u taken while holding rank %u", rank, other);
	}
	if (n == SPINLOCKS_MAX)
		panic("too many spinlocks held");
	held[c->id].lock[n] = lock;
	held[c->id].rank[n] = rank;
	c->lock_depth = n + 1;
}

void lock_rank_release(const void *lock, u16 rank)
{
	struct cpu *c = cpu_this();
	for (u32 i = c->lock_depth; i-- > 0;) {
		if (held[c->id].lock[i] != lock)
			continue;
		u32 last = --c->lock_depth;
		held[c->id].lock[i] = held[c->id].lock[last];
		held[c->id].rank[i] = held[c->id].rank[last];
		return;
	}
	panic("spinlock of rank %u released but not held", rank);
}

void lock_rank_mutex_acquire(u16 rank, bool nested)
{
	struct thread *t = thread_current();
	if (cpu_this()->lock_depth)
		panic("mutex of rank %u taken under a spinlock", rank);
	for (u32 i = 0; i < t->held_mutexes; i++)
		if (t->held_mutex_ranks[i] > rank || (t->held_mutex_ranks[i] == rank && !nested))
			panic("mutex of rank %u taken while holding rank %u", rank, t->held_mutex_ranks[i]);
	if (t->held_mutexes == ARRAY_SIZE(t->held_mutex_ranks))
		panic("too many mutexes held");
	t->held_mutex_ranks[t->held_mutexes++] = rank;
}

void lock_rank_mutex_release(u16 rank)
{
	struct thread *t = thread_current();
	for (u32 i = t->held_mutexes; i-- > 0;) {
		if (t->held_mutex_ranks[i] != rank)
			continue;
		t->held_mutex_ranks[i] = t->held_mutex_ranks[--t->held_mutexes];
		return;
	}
	panic("mutex of rank %u released but not held", rank);
}
#endif
