// SPDX-License-Identifier: MIT
/* Sleeping lock: 0 free, 1 held, 2 held and somebody may sleep. Who is woken competes with newcomers, so a lock
 * that is taken often does not pay two switches per turn. Spins a little while the owner runs on another CPU. */
#include "sched_internal.h"

#define SPINS_MAX 200 /* about what a switch costs */

void mutex_init(struct mutex *m, enum lock_rank rank)
{
	m->state = 0;
	m->rank = (u16)rank;
	m->owner = NULL;
	wait_queue_init(&m->waiters);
}

static inline bool take(struct mutex *m)
{
	u32 expected = 0;
	return __atomic_compare_exchange_n(&m->state, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static bool spin_for(struct mutex *m)
{
	for (u32 i = 0; cpu_count > 1 && i < SPINS_MAX; i++) {
		struct thread *owner = __atomic_load_n(&m->owner, __ATOMIC_RELAXED); /* its memory stays, whatever it is by now */
		if (owner && !__atomic_load_n(&owner->on_cpu, __ATOMIC_RELAXED))
			return false;
		if (!__atomic_load_n(&m->state, __ATOMIC_RELAXED) && take(m))
			return true;
		cpu_relax_poll();
	}
	return false;
}

static void lock_slow(struct mutex *m)
{
	if (spin_for(m))
		return;
	struct waiter w;
	waiter_init(&w);
	waiter_add(&m->waiters, &w);
	for (;;) {
		wait_prepare();
		if (!__atomic_exchange_n(&m->state, 2, __ATOMIC_ACQUIRE))
			break;
		(void)!wait_sleep(DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE);
	}
	wait_finish();
	waiter_remove(&w);
}

void mutex_lock(struct mutex *m)
{
#ifdef AMBOS_DEBUG
	lock_rank_mutex_acquire(m->rank, false);
#endif
	if (unlikely(!take(m)))
		lock_slow(m);
	m->owner = thread_current();
}

void mutex_lock_nested(struct mutex *m)
{
#ifdef AMBOS_DEBUG
	lock_rank_mutex_acquire(m->rank, true);
#endif
	if (unlikely(!take(m)))
		lock_slow(m);
	m->owner = thread_current();
}

bool mutex_try_lock(struct mutex *m)
{
	if (!take(m))
		return false;
#ifdef AMBOS_DEBUG
	lock_rank_mutex_acquire(m->rank, true);
#endif
	m->owner = thread_current();
	return true;
}

void mutex_unlock(struct mutex *m)
{
#ifdef AMBOS_DEBUG
	ASSERT(m->owner == thread_current());
	lock_rank_mutex_release(m->rank);
#endif
	m->owner = NULL;
	if (unlikely(__atomic_exchange_n(&m->state, 0, __ATOMIC_RELEASE) == 2))
		wait_queue_wake(&m->waiters, 1, 0);
}
