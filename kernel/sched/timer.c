// SPDX-License-Identifier: MIT
/* One-shot timers: a tree by deadline per CPU, and that CPU's hardware timer.
 * The hardware is armed for the earliest thing anybody wants and never moved later: an interrupt that finds
 * nothing due arms again. So cancelling and re-arming touch no device register. */
#include "sched_internal.h"

struct timer_base {
	struct spinlock lock;
	struct rb_root root;    /* [lock] */
	struct rb_node *first;  /* [lock] */
	struct timer *running;  /* [lock] */
};
static struct timer_base bases[MAX_CPUS];

void timer_cpu_init(u32 cpu) { spin_init(&bases[cpu].lock, RANK_TIMER); }

void timer_init(struct timer *t, void (*fn)(struct timer *))
{
	*t = (struct timer){ .fn = fn };
}

void timer_want(u64 deadline_ns)
{
	struct cpu *c = cpu_this();
	if (deadline_ns >= c->timer_deadline_ns)
		return;
	c->timer_deadline_ns = deadline_ns;
	arch_timer_program(deadline_ns, time_now_ns());
}

static void base_insert_locked(struct timer_base *b, struct timer *t)
{
	struct rb_node **slot = &b->root.node, *parent = NULL;
	bool first = true;
	while (*slot) {
		parent = *slot;
		if (t->deadline_ns < rb_entry(parent, struct timer, node)->deadline_ns) {
			slot = &parent->left;
		} else {
			slot = &parent->right;
			first = false;
		}
	}
	rb_insert(&b->root, &t->node, parent, slot);
	if (first)
		b->first = &t->node;
	t->armed = true;
}

static void base_remove_locked(struct timer_base *b, struct timer *t)
{
	if (b->first == &t->node)
		b->first = rb_next(&t->node);
	rb_remove(&b->root, &t->node);
	t->armed = false;
}

/* The base that holds t, locked. A timer moves only when it is armed anew. */
static struct timer_base *base_lock(struct timer *t)
{
	for (;;) {
		u32 cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
		struct timer_base *b = &bases[cpu];
		spin_lock(&b->lock);
		if (likely(t->cpu == cpu))
			return b;
		spin_unlock(&b->lock);
	}
}

void timer_arm(struct timer *t, u64 deadline_ns)
{
	u32 here = cpu_this()->id;
	struct timer_base *b = base_lock(t);
	if (t->armed)
		base_remove_locked(b, t);
	if (t->cpu != here) {
		__atomic_store_n(&t->cpu, here, __ATOMIC_RELEASE);
		spin_unlock(&b->lock);
		b = &bases[here];
		spin_lock(&b->lock);
	}
	t->deadline_ns = deadline_ns;
	base_insert_locked(b, t);
	bool first = b->first == &t->node;
	spin_unlock(&b->lock);
	if (first)
		timer_want(deadline_ns);
}

bool timer_cancel(struct timer *t)
{
	struct timer_base *b = base_lock(t);
	bool was_armed = t->armed;
	if (was_armed)
		base_remove_locked(b, t);
	u32 here = cpu_this()->id;
	while (b->running == t && b != &bases[here]) {
		spin_unlock(&b->lock);
		cpu_relax_poll();
		spin_lock(&b->lock);
	}
	spin_unlock(&b->lock);
	return was_armed;
}

void timer_interrupt(void)
{
	struct cpu *c = cpu_this();
	struct timer_base *b = &bases[c->id];
	u64 now = time_now_ns(), next = DEADLINE_NEVER;
	c->timer_deadline_ns = UINT64_MAX;
	spin_lock(&b->lock);
	while (b->first) {
		struct timer *t = rb_entry(b->first, struct timer, node);
		if (t->deadline_ns > now) {
			next = t->deadline_ns;
			break;
		}
		base_remove_locked(b, t);
		b->running = t;
		spin_unlock(&b->lock);
		t->fn(t); /* t may be gone afterwards */
		spin_lock(&b->lock);
		b->running = NULL;
	}
	spin_unlock(&b->lock);
	u64 slice = sched_tick(now);
	next = MIN(next, slice);
	if (next != DEADLINE_NEVER)
		timer_want(next);
}
