/* SPDX-License-Identifier: MIT */
/* Private to sched/: the run queue of one CPU. Rules and invariants: sched.c. */
#ifndef AMBOS_SCHED_RUNQUEUE_H
#define AMBOS_SCHED_RUNQUEUE_H

#include "sched_internal.h"

#define TICK_NS (4 * NSEC_PER_MSEC) /* period of samples of busy CPUs: what Debian's Linux has (250 Hz) */
enum { SCHED_FIFO = 1, SCHED_RR = 2, SCHED_IDLE = 5 };

/* What others may know about the running thread without touching it: it can end at any moment. */
struct running {
	const struct group_queue *turn; /* only to compare */
	u64 vruntime, group_vruntime, since_ns;
	s32 rank;                       /* -1 idle, 0 fair, else real-time priority */
};
struct fair_tree {
	struct rb_root root;        /* of fair_entity, by vruntime */
	struct rb_node *leftmost;
	u64 min_vruntime;           /* never falls */
};
/* The threads of one group that wait for one CPU. */
struct group_queue {
	struct fair_entity fair;    /* in runqueue->groups while threads are queued */
	struct fair_tree threads;
	bool started;               /* has had a place among the groups */
};
struct sched_group {
	u32 refs;                   /* [a] */
	u32 head;                   /* [I] pid of the first member */
	struct job_tally tally;     /* object/oom.c's, under process_tree_lock */
	struct group_queue queue[]; /* [lock of that CPU's run queue] */
};
struct runqueue {
	struct spinlock lock;
	struct running running;     /* written by its CPU */
	struct fair_tree groups;    /* [lock] */
	struct group_queue *turn;   /* [lock] whose time it is; NULL: idle, real-time, or the group is gone */
	struct list_node realtime;  /* [lock] by falling priority */
	u32 count;                  /* [lock] queued, without the running one */
	u64 realtime_period_ns;     /* own CPU: end of the period in which real-time threads may use their share */
	u64 realtime_used_ns;       /* own CPU: what they used in it, as the ticks saw it */
	u64 realtime_tick_ns;       /* own CPU: the last tick */
	bool realtime_waits;        /* own CPU: they have used it up and others run first */
	u64 waiting_since_ns;       /* [lock] when count last left zero */
};
extern struct runqueue runqueues[MAX_CPUS];

static inline bool thread_is_realtime(const struct thread *t) { return t->policy == SCHED_FIFO || t->policy == SCHED_RR; }

static inline s32 thread_rank(const struct thread *t) { return thread_is_realtime(t) ? t->rt_priority : 0; }

void runqueue_insert_locked(struct runqueue *rq, struct thread *t);
void runqueue_remove_locked(struct runqueue *rq, struct thread *t);
void runqueue_realtime_tick(struct runqueue *rq, const struct thread *running, u64 now);
struct thread *runqueue_pick_locked(struct runqueue *rq);      /* taken out; NULL when empty */
struct thread *runqueue_steal(struct cpu *c);                  /* from another CPU, taken out; NULL when there is none */
struct thread *runqueue_first_locked(struct runqueue *rq);
bool runqueue_preempts(const struct thread *t, const struct running *running, u64 now);
u64 runqueue_weighted(const struct thread *t, u64 ns);
void runqueue_account(struct thread *t, u64 now);
static inline struct group_queue *group_queue_of(const struct thread *t) { return &t->group->queue[t->cpu]; }
void group_insert_locked(struct runqueue *rq, struct thread *t);
void group_remove_locked(struct runqueue *rq, struct thread *t);
struct thread *group_next_locked(struct runqueue *rq, struct thread *t);
void group_advance_locked(struct runqueue *rq, u64 now);       /* min_vruntime follows the running thread */
void group_charge_locked(struct runqueue *rq, u64 weighted_ns);
void group_rebase(struct thread *t, u32 cpu);                  /* t->fair.vruntime from t->cpu's clock to that CPU's */
void group_place_locked(struct runqueue *rq, struct thread *t, u32 cpu);
struct sched_group *group_change_locked(struct runqueue *rq, struct thread *t);
void group_yield_locked(struct runqueue *rq, struct thread *t);
void cputime_start(struct cpu *c, u64 now);                    /* the CPU leaves idle and has no tick */
u64 cputime_tick(struct cpu *c, u64 now);

#endif
