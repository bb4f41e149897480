// SPDX-License-Identifier: MIT
/* Debug builds: spinlocks are taken in rising rank. Each CPU keeps the ranks it holds (interrupts are off, so
 * spinlocks are held by CPUs, not threads). */
#include "cpu.h"
#include "spinlock.h"

#define HELD_MAX 16

static struct { u16 rank; const void *lock; } held[MAX_CPUS][HELD_MAX];

void lock_rank_acquire(const void *lock, u16 rank, bool nested)
{
	struct cpu *c = cpu_this();
	u32 n = c->lock_depth;
	if (n >= HELD_MAX)
		panic("more than %u spinlocks held", HELD_MAX);
	for (u32 i = 0; i < n; i++) {
		if (held[c->id][i].lock == lock)
			panic("spinlock of rank %u taken twice", rank);
		if (held[c->id][i].rank > rank || (held[c->id][i].rank == rank && !nested))
			panic("lock rank %u taken while %u is held", rank, held[c->id][i].rank);
	}
	held[c->id][n].rank = rank;
	held[c->id][n].lock = lock;
	c->lock_depth = n + 1;
}

void lock_rank_release(const void *lock, u16 rank)
{
	struct cpu *c = cpu_this();
	for (u32 i = c->lock_depth; i-- > 0;)
		if (held[c->id][i].lock == lock) {
			c->lock_depth--;
			held[c->id][i] = held[c->id][c->lock_depth];
			return;
		}
	panic("spinlock of rank %u released but not held", rank);
}
