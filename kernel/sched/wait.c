// SPDX-License-Identifier: MIT
/* Wait queues: waiters on a list, each with a callback (sched.h tells how to use them). */
#include "sched_internal.h"

static bool wake_thread(struct waiter *w, u64 key UNUSED)
{
	thread_wake(w->thread);
	return true;
}

void waiter_init(struct waiter *w)
{
	list_init(&w->link);
	w->queue = NULL;
	w->fn = wake_thread;
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
	bool once = key && !(key & WAKE_EVERYONE), taken = false;
	u32 consumed = 0;
	spin_lock(&q->lock);
	list_for_each_safe(w, &q->waiters, struct waiter, link) {
		if (consumed == count)
			break;
		if (unlikely(w->exclusive) && once && taken)
			continue;
		if (!w->fn(w, key))
			continue;
		consumed++;
		taken |= w->exclusive;
	}
	spin_unlock(&q->lock);
	return consumed;
}
