// SPDX-License-Identifier: MIT
/* Fair shares in two levels. The threads of one job (what a command of the shell started, a service;
 * object/job.c) form a sched_group; on each CPU the groups share the time by virtual run time, and the threads of a group
 * share what it gets. A job of thousands of threads so takes no more of a CPU from a shell than a job of one.
 * Invariants, under the run queue's lock:
 *  1. A group queue is in its CPU's tree exactly while threads are queued in it.
 *  2. What runs is charged to rq->turn, the group whose turn it is: a service called by hand-off runs in its caller's.
 *  3. A thread changes its group itself, at its next switch (next_group): no waker ever finds it between two. */
#include "mm.h"
#include "runqueue.h"
#include "string.h"

#define SLEEPER_CREDIT_NS (2 * NSEC_PER_MSEC)  /* what a long sleep may leave a thread or a group behind the others */

struct sched_group *kernel_group; /* of kernel threads, and of what has no other yet */

struct sched_group *sched_group_create(u32 head)
{
	u32 count = kernel_group ? cpu_count : MAX_CPUS; /* the first one comes before the other CPUs */
	struct sched_group *g = kzalloc(sizeof(*g) + count * sizeof(g->queue[0]));
	if (g) {
		g->refs = 1;
		g->head = head;
	}
	return g;
}

u32 sched_group_head(const struct sched_group *g) { return g->head; }
struct job_tally *sched_group_tally(struct sched_group *g) { return &g->tally; }

void sched_group_init(void)
{
	kernel_group = sched_group_create(0);
	if (!kernel_group)
		panic("no memory for the scheduling group of the kernel");
}

struct sched_group *sched_group_get(struct sched_group *g)
{
	__atomic_add_fetch(&g->refs, 1, __ATOMIC_RELAXED);
	return g;
}

/* A turn may outlast the threads of its group: a service goes on in it after its caller has ended elsewhere. */
void sched_group_put(struct sched_group *g)
{
	if (!g || __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (u32 i = 0; i < cpu_count; i++) {
		struct runqueue *rq = &runqueues[i];
		spin_lock(&rq->lock);
		if (rq->turn == &g->queue[i])
			rq->turn = NULL;
		spin_unlock(&rq->lock);
	}
	kfree(g);
}

void sched_set_group(struct thread *t, struct sched_group *g)
{
	sched_group_get(g);
	if (t->state == THREAD_NEW) {
		sched_group_put(t->group);
		t->group = g;
		return;
	}
	sched_group_put(__atomic_exchange_n(&t->next_group, g, __ATOMIC_ACQ_REL));
}

static struct fair_entity *entity(struct rb_node *n) { return rb_entry(n, struct fair_entity, node); }

static void tree_insert(struct fair_tree *tree, struct fair_entity *e)
{
	struct rb_node **slot = &tree->root.node, *parent = NULL;
	bool first = true;
	if (likely(!*slot)) { /* nearly always: the lone root needs no balance */
		e->node = (struct rb_node){ 0 };
		*slot = tree->leftmost = &e->node;
		return;
	}
	while (*slot) {
		parent = *slot;
		if ((s64)(e->vruntime - entity(parent)->vruntime) < 0) {
			slot = &parent->left;
		} else {
			slot = &parent->right;
			first = false;
		}
	}
	rb_insert(&tree->root, &e->node, parent, slot);
	if (first)
		tree->leftmost = &e->node;
}

static void tree_remove(struct fair_tree *tree, struct fair_entity *e)
{
	if (likely(tree->root.node == &e->node && !e->node.left && !e->node.right)) {
		tree->root.node = tree->leftmost = NULL;
		return;
	}
	if (tree->leftmost == &e->node)
		tree->leftmost = rb_next(&e->node);
	rb_remove(&tree->root, &e->node);
}

static inline void tree_advance(struct fair_tree *tree, u64 v)
{
	if (tree->leftmost) {
		u64 first = entity(tree->leftmost)->vruntime;
		v = (s64)(first - v) < 0 ? first : v;
	}
	if ((s64)(v - tree->min_vruntime) > 0)
		tree->min_vruntime = v;
}

void group_insert_locked(struct runqueue *rq, struct thread *t)
{
	struct group_queue *q = group_queue_of(t);
	bool was_empty = !q->threads.leftmost;
	tree_insert(&q->threads, &t->fair);
	if (was_empty)
		tree_insert(&rq->groups, &q->fair);
}

void group_remove_locked(struct runqueue *rq, struct thread *t)
{
	struct group_queue *q = group_queue_of(t);
	tree_remove(&q->threads, &t->fair);
	if (!q->threads.leftmost)
		tree_remove(&rq->groups, &q->fair);
}

/* The first in turn, or the next after `t`; NULL at the end. */
struct thread *group_next_locked(struct runqueue *rq, struct thread *t)
{
	struct rb_node *group = rq->groups.leftmost, *thread;
	if (t) {
		struct group_queue *q = group_queue_of(t);
		thread = rb_next(&t->fair.node);
		if (thread)
			return rb_entry(thread, struct thread, fair.node);
		group = rb_next(&q->fair.node);
	}
	return group ? rb_entry(rb_entry(group, struct group_queue, fair.node)->threads.leftmost, struct thread, fair.node) : NULL;
}

/* The running thread's progress counts too, or a hog that ran alone would be made to wait for all of it. */
void group_advance_locked(struct runqueue *rq, u64 now)
{
	u64 ran = now - rq->running.since_ns;
	if (!rq->turn || rq->running.rank)
		return;
	tree_advance(&rq->groups, rq->running.group_vruntime + ran);
	tree_advance(&rq->turn->threads, rq->running.vruntime + ran);
}

/* Ends a turn: its group pays. A group that waits with other threads keeps its place in the tree's order. */
void group_charge_locked(struct runqueue *rq, u64 weighted_ns)
{
	struct group_queue *q = rq->turn;
	if (!q)
		return;
	rq->turn = NULL;
	u64 v = q->fair.vruntime + weighted_ns;
	struct rb_node *next = q->threads.leftmost ? rb_next(&q->fair.node) : NULL;
	if (likely(!next) || (s64)(entity(next)->vruntime - v) >= 0) {
		q->fair.vruntime = v;
		return;
	}
	tree_remove(&rq->groups, &q->fair);
	q->fair.vruntime = v;
	tree_insert(&rq->groups, &q->fair);
}

static inline void raise_to(u64 *vruntime, u64 floor)
{
	if ((s64)(*vruntime - floor) < 0)
		*vruntime = floor;
}

void group_rebase(struct thread *t, u32 cpu)
{
	struct sched_group *g = t->group;
	t->fair.vruntime += g->queue[cpu].threads.min_vruntime - g->queue[t->cpu].threads.min_vruntime;
}

/* Virtual times of a claimed thread and its group for this CPU: a sleep leaves them little behind the others. */
void group_place_locked(struct runqueue *rq, struct thread *t, u32 cpu)
{
	if (t->cpu != cpu)
		group_rebase(t, cpu);
	t->cpu = cpu;
	struct group_queue *q = group_queue_of(t);
	raise_to(&t->fair.vruntime, q->threads.min_vruntime - SLEEPER_CREDIT_NS);
	if (q->threads.leftmost || rq->turn == q)
		return;
	raise_to(&q->fair.vruntime, rq->groups.min_vruntime - (q->started ? SLEEPER_CREDIT_NS : 0));
	q->started = true;
}

/* Of the running thread, before it is queued again. Gives the group to drop, once no run queue is locked. */
struct sched_group *group_change_locked(struct runqueue *rq, struct thread *t)
{
	struct sched_group *old = t->group, *next = __atomic_exchange_n(&t->next_group, NULL, __ATOMIC_ACQ_REL);
	bool queued = t->queued;
	if (!next)
		return NULL;
	if (queued)
		runqueue_remove_locked(rq, t);
	t->fair.vruntime += next->queue[t->cpu].threads.min_vruntime - old->queue[t->cpu].threads.min_vruntime;
	t->group = next;
	if (queued) {
		group_place_locked(rq, t, t->cpu);
		runqueue_insert_locked(rq, t);
	}
	return old;
}

/* sched_yield(2): behind the other threads of the group; one alone lets another group go first. */
void group_yield_locked(struct runqueue *rq, struct thread *t)
{
	struct group_queue *q = group_queue_of(t);
	if (q->threads.leftmost)
		raise_to(&t->fair.vruntime, entity(q->threads.leftmost)->vruntime + 1);
	else if (rq->groups.leftmost)
		raise_to(&q->fair.vruntime, entity(rq->groups.leftmost)->vruntime + 1);
}
