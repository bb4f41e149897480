// SPDX-License-Identifier: MIT
/* One-shot timers: a tree per CPU, the local APIC armed for the earliest (or the end of the time slice when
 * another thread waits). A timer lives on the CPU that armed it; cancel from elsewhere takes that CPU's lock. */
#include "sched_private.h"

void timer_init(struct timer *t, void (*fn)(struct timer *))
{
	t->fn = fn;
	t->armed = false;
	t->cpu = 0;
}

static void remove_locked(struct runqueue *rq, struct timer *t)
{
	if (rq->timer_first == t) {
		struct rb_node *n = rb_next(&t->node);
		rq->timer_first = n ? rb_entry(n, struct timer, node) : NULL;
	}
	rb_remove(&rq->timers, &t->node);
	t->armed = false;
}

bool timer_cancel(struct timer *t)
{
	for (;;) {
		u32 cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
		struct runqueue *rq = cpus[cpu]->runqueue;
		spin_lock(&rq->timer_lock);
		if (t->cpu != cpu) {
			spin_unlock(&rq->timer_lock);
			continue;
		}
		bool was = t->armed;
		if (was)
			remove_locked(rq, t);
		bool running = rq->timer_running == t && cpu != cpu_this()->id;
		spin_unlock(&rq->timer_lock);
		if (!running)
			return was;
		cpu_relax_poll();
	}
}

void timer_arm(struct timer *t, u64 deadline_ns)
{
	if (t->armed)
		timer_cancel(t);
	struct cpu *c = cpu_this();
	struct runqueue *rq = c->runqueue;
	spin_lock(&rq->timer_lock);
	struct rb_node *parent = NULL, **slot = &rq->timers.node;
	bool first = true;
	while (*slot) {
		parent = *slot;
		if (deadline_ns < rb_entry(parent, struct timer, node)->deadline_ns) {
			slot = &parent->left;
		} else {
			slot = &parent->right;
			first = false;
		}
	}
	t->deadline_ns = deadline_ns;
	t->cpu = c->id;
	t->armed = true;
	rb_insert(&rq->timers, &t->node, parent, slot);
	if (first)
		rq->timer_first = t;
	spin_unlock(&rq->timer_lock);
	if (first)
		timer_rearm_cpu();
}

void timer_rearm_cpu(void)
{
	struct cpu *c = cpu_this();
	struct runqueue *rq = c->runqueue;
	struct timer *first = __atomic_load_n(&rq->timer_first, __ATOMIC_RELAXED);
	u64 deadline = first ? first->deadline_ns : UINT64_MAX;
	if (rq->count && c->current != c->idle && c->current->slice_end_ns < deadline)
		deadline = c->current->slice_end_ns;
	if (deadline == UINT64_MAX || (c->timer_deadline_ns <= deadline && c->timer_deadline_ns > time_now_ns()))
		return; /* armed early is harmless: the interrupt re-arms */
	c->timer_deadline_ns = deadline;
	timer_hardware_arm(deadline);
}

void timer_interrupt(void)
{
	struct cpu *c = cpu_this();
	struct runqueue *rq = c->runqueue;
	u64 now = time_now_ns();
	c->timer_deadline_ns = UINT64_MAX;
	spin_lock(&rq->timer_lock);
	while (rq->timer_first && rq->timer_first->deadline_ns <= now) {
		struct timer *t = rq->timer_first;
		remove_locked(rq, t);
		rq->timer_running = t;
		spin_unlock(&rq->timer_lock);
		t->fn(t);
		spin_lock(&rq->timer_lock);
		rq->timer_running = NULL;
	}
	spin_unlock(&rq->timer_lock);
	if (rq->count && (c->current == c->idle || c->current->slice_end_ns <= now))
		c->need_resched = 1;
	timer_rearm_cpu();
}
