/* SPDX-License-Identifier: MIT */
/* Threads as the scheduler sees them, the one waiting primitive, mutexes and timers.
 *
 * Waiting (poll, epoll, futex, IPC, NT waits all use it):
 *	struct waiter w; waiter_init(&w);
 *	waiter_add(queue, &w);                 // any number of queues, one waiter each
 *	for (;;) {
 *		wait_prepare();                // from here a wake-up is remembered
 *		if (condition) break;
 *		st = wait_sleep(deadline, WAIT_INTERRUPTIBLE);
 *		if (st) break;                 // ERR_TIMEDOUT or ERR_INTR
 *	}
 *	wait_finish(); waiter_remove(&w);
 * WAIT_EVENT does exactly this for one queue. */
#ifndef AMBOS_KERNEL_SCHED_H
#define AMBOS_KERNEL_SCHED_H

#include "../../lib/base/list.h"
#include "../../lib/base/rbtree.h"
#include "cpu.h"
#include "spinlock.h"

struct thread;
struct waiter;

#define DEADLINE_NEVER UINT64_MAX

/* What shares of a CPU are for: the threads of one job (object/job.c). Rules: sched/group.c. */
struct sched_group;
struct sched_group *sched_group_create(u32 head);  /* pid of its first member; refs 1; NULL = no memory */
u32 sched_group_head(const struct sched_group *g);
struct job_tally { u64 pages, since_ns; u32 kills; }; /* what a job's members are charged, and how many ended for it since when */
struct job_tally *sched_group_tally(struct sched_group *g);
struct sched_group *sched_group_get(struct sched_group *g);
void sched_group_put(struct sched_group *g);       /* NULL is harmless */
void sched_set_group(struct thread *t, struct sched_group *g); /* takes its own reference; in effect at t's next switch */
/* A thread in its group, or a group among the others, of one CPU. */
struct fair_entity {
	struct rb_node node;
	u64 vruntime;
};

struct wait_queue {
	struct spinlock lock;
	struct list_node waiters;
};
static inline void wait_queue_init(struct wait_queue *q)
{
	spin_init(&q->lock, RANK_WAIT_QUEUE);
	list_init(&q->waiters);
}

/* Called with queue->lock held on each wake; returns true when the wake-up was consumed (counts towards `count`).
 * The default wakes waiter->thread. epoll installs its own. `key` is the EPOLL* mask or a private value. */
typedef bool (*waiter_fn)(struct waiter *w, u64 key);
struct waiter {
	struct list_node link;
	struct wait_queue *queue;
	waiter_fn fn;
	struct thread *thread;
	void *arg;
	bool exclusive;
};
void waiter_init(struct waiter *w);                        /* for the current thread */
void waiter_add(struct wait_queue *q, struct waiter *w);
void waiter_remove(struct waiter *w);                      /* harmless when not added */
u32 wait_queue_wake(struct wait_queue *q, u32 count, u64 key); /* returns how many consumed it; count UINT32_MAX = all */
/* An event (a key without WAKE_EVERYONE) is consumed by one exclusive waiter only; key 0 and hang-ups go to each. */
#define WAKE_EVERYONE 0x18 /* POLL_ERR | POLL_HUP */
static inline void wake_all(struct wait_queue *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the condition is stored before the list is read */
	if (!list_empty(&q->waiters)) /* waiters add themselves before they test the condition, so an empty list is final */
		wait_queue_wake(q, UINT32_MAX, 0);
}

void async_signals_send(void);  /* WORK_IO_SIGNAL (object/async.c); before a sleep and before user mode */
enum wait_flags { WAIT_UNINTERRUPTIBLE = 0, WAIT_INTERRUPTIBLE = 1, WAIT_KILLABLE = 2 };
void wait_prepare(void);
/* Sleeps until thread_wake, the deadline (monotonic ns) or, as flags allow, a signal.
 * OK on wake-up, ERR_TIMEDOUT, ERR_INTR. Spurious wake-ups happen. */
status_t wait_sleep(u64 deadline_ns, enum wait_flags flags);
void wait_finish(void);
void thread_wake(struct thread *t); /* any context; idempotent */

#define WAIT_EVENT(q, condition, deadline_ns, flags)                        \
	({                                                                  \
		status_t wait_st_ = OK;                                     \
		if (!(condition)) {                                         \
			struct waiter wait_w_;                              \
			waiter_init(&wait_w_);                              \
			waiter_add((q), &wait_w_);                          \
			for (;;) {                                          \
				wait_prepare();                             \
				if (condition)                              \
					break;                              \
				wait_st_ = wait_sleep((deadline_ns), (flags)); \
				if (wait_st_)                               \
					break;                              \
			}                                                   \
			wait_finish();                                      \
			waiter_remove(&wait_w_);                            \
			if (wait_st_ && (condition))                        \
				wait_st_ = OK;                              \
		}                                                           \
		wait_st_;                                                   \
	})

/* Sleeping lock, not recursive, FIFO, uninterruptible. Never taken while a spinlock is held. */
struct mutex {
	u32 state;   /* 0 free, 1 held, 2 held with waiters */
	u16 rank;
	struct thread *owner; /* debug and panic */
	struct wait_queue waiters;
};
void mutex_init(struct mutex *m, enum lock_rank rank);
void mutex_lock(struct mutex *m);
void mutex_lock_nested(struct mutex *m); /* second of the same rank, caller orders by address */
bool mutex_try_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

/* One-shot timer; `fn` runs with interrupts off on some CPU, must not sleep, may re-arm. */
struct timer {
	struct rb_node node;
	u64 deadline_ns;
	void (*fn)(struct timer *t);
	u32 cpu;
	bool armed;
};
void timer_init(struct timer *t, void (*fn)(struct timer *));
void timer_arm(struct timer *t, u64 deadline_ns); /* re-arms when armed */
bool timer_cancel(struct timer *t);               /* true if it had not fired; waits for a running fn on another CPU */

/* Threads. kernel_thread_create starts `fn(arg)` in ring 0 with its own stack; it ends by returning. */
struct thread *kernel_thread_create(const char *name, void (*fn)(void *), void *arg);
void sched_start_thread(struct thread *t);         /* first enqueue of a new thread (user or kernel) */
void sched_release_thread(struct thread *t);       /* the same for one that was `held`, whoever comes first */
void schedule(void);                               /* give the CPU away; returns when chosen again */
void sched_yield_current(void);
/* Blocks the caller (already wait_prepare'd) and runs `to` at once on this CPU if `to` is blocked and may
 * run here; else like thread_wake(to) + wait_sleep. handoff.h has it inline. */
status_t sched_handoff(struct thread *to, enum wait_flags flags);
void sched_exit_current(void) NORETURN;            /* the thread never runs again; its stack is freed later */
void sched_set_affinity(struct thread *t, u64 cpu_mask);
void sched_inherit(struct thread *t, const struct thread *from); /* a new thread's parameters, as fork(2) has them */
void sched_hurry(struct thread *t);                /* it is to end: first of its group, if it waits for a CPU */
void sched_set_nice(struct thread *t, int nice);
void sched_set_policy(struct thread *t, s32 policy, s32 priority); /* SCHED_* of sched(7), checked by the caller */
u64 sched_thread_runtime_ns(const struct thread *t);
void cputime_of_cpu(const struct cpu *c, u64 busy_ns, u64 *user_ns, u64 *nice_ns, u64 *system_ns);
struct trap_frame;
/* Zeroed thread with kernel stack, extended state and scheduler fields; refs 1, not started. NULL = no memory. */
struct thread *thread_alloc(const char *name);
void thread_set_start(struct thread *t, void (*fn)(void *), void *arg);               /* begins in the kernel */
void thread_set_user_start(struct thread *t, const struct trap_frame *frame);         /* begins by returning to user mode */
void thread_free(struct thread *t);                                                   /* stack and state; last reference */

#endif
