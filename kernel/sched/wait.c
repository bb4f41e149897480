// SPDX-License-Identifier: MIT
/* The waiting primitive (sched.h), sleeping mutexes, and the direct hand-off of the IPC path.
 * Lost wake-ups:
 *	sleeper: waiter_add; wake_token = 0 (wait_prepare); test condition; state = BLOCKED; token still 0? switch
 *	waker:   make condition true; wake_token = 1; state BLOCKED -> claimed? enqueue
 * Either the sleeper sees the condition or the token, or the waker sees BLOCKED. */
#include "sched_private.h"

#define SPIN_LIMIT 300 /* polls: some microseconds, a few times the usual hold time */

static bool wake_default(struct waiter *w, u64 key)
{
	thread_wake(w->thread);
	return true;
}

void waiter_init(struct waiter *w)
{
	list_init(&w->link);
	w->queue = NULL;
	w->fn = wake_default;
	w->thread = thread_current();
	w->arg = NULL;
	w->exclusive = false;
}

void waiter_add(struct wait_queue *q, struct waiter *w)
{
	w->queue = q;
	spin_lock(&q->lock);
	list_push_back(&q->waiters, &w->link);
	spin_unlock(&q->lock);
}

void waiter_remove(struct waiter *w)
{
	struct wait_queue *q = w->queue;
	if (!q)
		return;
	spin_lock(&q->lock);
	list_remove(&w->link);
	spin_unlock(&q->lock);
	w->queue = NULL;
}

u32 wait_queue_wake(struct wait_queue *q, u32 count, u64 key)
{
	u32 woken = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (list_empty(&q->waiters))
		return 0;
	spin_lock(&q->lock);
	list_for_each_safe(w, &q->waiters, struct waiter, link) {
		if (woken >= count)
			break;
		woken += w->fn(w, key);
	}
	spin_unlock(&q->lock);
	return woken;
}

void wait_prepare(void) { __atomic_store_n(&thread_current()->wake_token, 0, __ATOMIC_SEQ_CST); }
void wait_finish(void) { thread_current()->wait_flags = WAIT_UNINTERRUPTIBLE; }

static void sleep_timeout(struct timer *timer)
{
	thread_wake(container_of(timer, struct thread, sleep_timer));
}

static bool interrupted(struct thread *t, enum wait_flags flags)
{
	if (!flags || !t->process)
		return false;
	if (flags & WAIT_INTERRUPTIBLE)
		return thread_signal_pending(t);
	return __atomic_load_n(&t->work, __ATOMIC_ACQUIRE) & WORK_EXIT;
}

status_t wait_sleep(u64 deadline_ns, enum wait_flags flags)
{
	struct thread *t = thread_current();
	bool timed = deadline_ns != DEADLINE_NEVER;
	if (timed && deadline_ns <= time_now_ns()) {
		/* still a scheduling point, or a poll loop with timeout 0 would starve its peers */
		return ERR_TIMEDOUT;
	}
	t->wait_flags = flags;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (interrupted(t, flags))
		return ERR_INTR;
	if (timed) {
		t->sleep_timer.fn = sleep_timeout;
		timer_arm(&t->sleep_timer, deadline_ns);
	}
	if (sched_prepare_block(t)) {
		t->voluntary_switches++;
		schedule();
	}
	if (timed) {
		timer_cancel(&t->sleep_timer);
		if (time_now_ns() >= deadline_ns)
			return ERR_TIMEDOUT;
	}
	return interrupted(t, flags) ? ERR_INTR : OK;
}

status_t sched_handoff(struct thread *to, u64 deadline_ns, enum wait_flags flags)
{
	struct thread *t = thread_current();
	if (deadline_ns == DEADLINE_NEVER && !interrupted(t, flags)) {
		t->wait_flags = flags;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!interrupted(t, flags) && sched_switch_direct(to))
			return interrupted(t, flags) ? ERR_INTR : OK;
	}
	/* `to` is put at the front of this CPU's queue when it may run here, so that schedule() takes it next */
	sched_wake_here(to);
	return wait_sleep(deadline_ns, flags);
}

/* ---- mutex ---- */

void mutex_init(struct mutex *m, enum lock_rank rank)
{
	m->state = 0;
	m->rank = (u16)rank;
	m->owner = NULL;
	wait_queue_init(&m->waiters);
}

static void lock_slow(struct mutex *m)
{
	struct waiter w;
	waiter_init(&w);
	waiter_add(&m->waiters, &w);
	for (;;) {
		wait_prepare();
		if (__atomic_exchange_n(&m->state, 2, __ATOMIC_ACQUIRE) == 0)
			break;
		(void)!wait_sleep(DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE);
	}
	waiter_remove(&w);
}

bool mutex_try_lock(struct mutex *m)
{
	u32 free = 0;
	if (!__atomic_compare_exchange_n(&m->state, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	m->owner = thread_current();
	return true;
}

/* Most holders (page faults, file offsets) are done within a microsecond: while the holder runs on another CPU,
 * waiting for it beats two context switches. */
static bool spin_while_owner_runs(struct mutex *m)
{
	for (u32 i = 0; i < SPIN_LIMIT && cpu_count > 1; i++) {
		struct thread *owner = __atomic_load_n(&m->owner, __ATOMIC_RELAXED);
		if (owner && !__atomic_load_n(&owner->on_cpu, __ATOMIC_RELAXED))
			return false;
		if (mutex_try_lock(m))
			return true;
		cpu_relax_poll();
	}
	return false;
}

void mutex_lock(struct mutex *m)
{
	DEBUG_ASSERT(m->owner != thread_current());
	if (mutex_try_lock(m) || spin_while_owner_runs(m))
		return;
	lock_slow(m);
	m->owner = thread_current();
}

void mutex_lock_nested(struct mutex *m) { mutex_lock(m); }

void mutex_unlock(struct mutex *m)
{
	DEBUG_ASSERT(m->owner == thread_current());
	m->owner = NULL;
	if (__atomic_exchange_n(&m->state, 0, __ATOMIC_RELEASE) == 2)
		wait_queue_wake(&m->waiters, 1, 0);
}
