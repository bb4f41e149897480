// SPDX-License-Identifier: MIT
/* Run queues: real-time threads in a list by priority, the others in a tree by virtual run time; stealing; weights;
 * parameters of threads. sched.c decides what runs. */
#include "runqueue.h"
#include "handoff.h"

#define WAKE_GRANULARITY_NS NSEC_PER_MSEC      /* a woken thread preempts one that is ahead by this much */
#define REALTIME_REST_NS (50 * NSEC_PER_MSEC)  /* the default of Linux: 5 % */
#define HURRY_CREDIT_NS (8 * NSEC_PER_MSEC)    /* before any sleeper */
#define WEIGHT_SHIFT 22
#define DELTA_MAX_NS (16 * NSEC_PER_SEC)       /* keeps the weighted product below 64 bits */
#define NICE_MIN (-20)
#define NICE_LEVELS 40
#define NICE_MAX (NICE_MIN + NICE_LEVELS - 1)

struct runqueue runqueues[MAX_CPUS];
static u32 weight_inverse[NICE_LEVELS]; /* 2^22 * 1024 / weight: each nice level is a factor of 1.25 */

static void weights_init(void)
{
	u64 w = (u64)1024 << 20;
	for (int i = -NICE_MIN; i < NICE_LEVELS; i++, w = w * 4 / 5)
		weight_inverse[i] = (u32)(((u64)1024 << (WEIGHT_SHIFT + 20)) / w);
	w = ((u64)1024 << 20) * 5 / 4;
	for (int i = -NICE_MIN - 1; i >= 0; i--, w = w * 5 / 4)
		weight_inverse[i] = (u32)(((u64)1024 << (WEIGHT_SHIFT + 20)) / w);
}

bool sched_cpu_init(struct cpu *c)
{
	struct runqueue *rq = &runqueues[c->id];
	spin_init(&rq->lock, RANK_RUNQUEUE);
	list_init(&rq->realtime);
	c->runqueue = rq;
	timer_cpu_init(c->id);
	return true;
}

void sched_init(void)
{
	weights_init();
	sched_cpu_init(cpu_this());
	thread_pool_init();
}

void runqueue_insert_locked(struct runqueue *rq, struct thread *t)
{
	DEBUG_ASSERT(!t->queued);
	t->queued = true;
	rq->count++;
	if (unlikely(thread_is_realtime(t))) {
		struct list_node *at = rq->realtime.next;
		while (at != &rq->realtime && list_entry(at, struct thread, run_link)->rt_priority >= t->rt_priority)
			at = at->next;
		list_insert_before(at, &t->run_link);
		return;
	}
	group_insert_locked(rq, t);
}

void runqueue_remove_locked(struct runqueue *rq, struct thread *t)
{
	DEBUG_ASSERT(t->queued);
	t->queued = false;
	rq->count--;
	if (list_linked(&t->run_link)) {
		list_remove(&t->run_link);
		return;
	}
	group_remove_locked(rq, t);
}

/* Real-time threads leave REALTIME_REST_NS of each second to the others (sched(7), sched_rt_runtime_us): services must
 * get on, or nothing could end a real-time loop. Sets need_resched when the share is used up. */
void runqueue_realtime_tick(struct runqueue *rq, const struct thread *running, u64 now)
{
	if (now >= rq->realtime_period_ns) {
		rq->realtime_period_ns = now + NSEC_PER_SEC;
		rq->realtime_used_ns = 0;
		if (rq->realtime_waits)
			cpu_this()->need_resched = 1;
		rq->realtime_waits = false;
	}
	if (thread_is_realtime(running)) /* by the clock: ticks come late when the host is busy */
		rq->realtime_used_ns += now - MAX(rq->realtime_tick_ns, running->last_switched_ns);
	rq->realtime_tick_ns = now;
	if (rq->realtime_waits || rq->realtime_used_ns < NSEC_PER_SEC - REALTIME_REST_NS)
		return;
	rq->realtime_waits = true;
	if (thread_is_realtime(running))
		cpu_this()->need_resched = 1;
}

struct thread *runqueue_first_locked(struct runqueue *rq)
{
	if (unlikely(!list_empty(&rq->realtime)) && !(rq->realtime_waits && rq->groups.leftmost))
		return list_first(&rq->realtime, struct thread, run_link);
	return group_next_locked(rq, NULL);
}

struct thread *runqueue_pick_locked(struct runqueue *rq)
{
	struct thread *t = runqueue_first_locked(rq);
	if (t)
		runqueue_remove_locked(rq, t);
	return t;
}

/* An idle CPU takes a thread that waits elsewhere and whose stack nobody uses. */
struct thread *runqueue_steal(struct cpu *c)
{
	for (u32 i = 1; i < cpu_count; i++) {
		struct runqueue *rq = &runqueues[(c->id + i) % cpu_count];
		if (!__atomic_load_n(&rq->count, __ATOMIC_RELAXED) || !spin_try_lock(&rq->lock))
			continue;
		struct thread *found = NULL;
		list_for_each(t, &rq->realtime, struct thread, run_link)
			if (!found && !__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) && (t->affinity & BIT(c->id)))
				found = t;
		for (struct thread *t = group_next_locked(rq, NULL); t && !found; t = group_next_locked(rq, t))
			if (!__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) && (t->affinity & BIT(c->id)))
				found = t;
		if (found)
			runqueue_remove_locked(rq, found);
		spin_unlock(&rq->lock);
		if (found)
			return found;
	}
	return NULL;
}

bool runqueue_preempts(const struct thread *t, const struct running *running, u64 now)
{
	s32 rank = thread_rank(t);
	if (unlikely(rank || running->rank > 0))
		return rank > running->rank;
	const struct group_queue *q = group_queue_of(t);
	u64 ahead = q == running->turn ? running->vruntime - t->fair.vruntime : running->group_vruntime - q->fair.vruntime;
	return (s64)(ahead + (now - running->since_ns)) > (s64)WAKE_GRANULARITY_NS;
}

u64 runqueue_weighted(const struct thread *t, u64 ns)
{
	return t->weight_nice ? MIN(ns, DELTA_MAX_NS) * weight_inverse[t->weight_nice - NICE_MIN] >> WEIGHT_SHIFT : ns;
}

void runqueue_account(struct thread *t, u64 now)
{
	u64 delta = now - t->last_switched_ns;
	t->runtime_ns += delta;
	t->last_switched_ns = now;
	t->fair.vruntime += runqueue_weighted(t, delta);
}

/* ---- parameters of threads ---- */

static struct runqueue *queue_lock_of(struct thread *t)
{
	for (;;) {
		u32 cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
		spin_lock(&runqueues[cpu].lock);
		if (t->cpu == cpu)
			return &runqueues[cpu];
		spin_unlock(&runqueues[cpu].lock);
	}
}

static void weight_update(struct thread *t) { t->weight_nice = t->policy == SCHED_IDLE ? NICE_MAX : t->nice; }

void sched_inherit(struct thread *t, const struct thread *from)
{
	bool reset = from->reset_on_fork;
	t->affinity = from->affinity;
	t->policy = reset && thread_is_realtime(from) ? 0 : from->policy;
	t->rt_priority = thread_is_realtime(t) ? from->rt_priority : 0;
	t->nice = reset && from->nice < 0 ? 0 : from->nice;
	weight_update(t);
}

void sched_hurry(struct thread *t)
{
	struct runqueue *rq = queue_lock_of(t);
	if (t->queued && !thread_is_realtime(t)) {
		runqueue_remove_locked(rq, t);
		t->fair.vruntime = group_queue_of(t)->threads.min_vruntime - HURRY_CREDIT_NS;
		runqueue_insert_locked(rq, t);
	}
	spin_unlock(&rq->lock);
}

void sched_set_nice(struct thread *t, int nice)
{
	struct runqueue *rq = queue_lock_of(t);
	t->nice = nice < NICE_MIN ? NICE_MIN : nice > NICE_MAX ? NICE_MAX : nice;
	weight_update(t);
	spin_unlock(&rq->lock);
}

void sched_set_policy(struct thread *t, s32 policy, s32 priority)
{
	struct runqueue *rq = queue_lock_of(t);
	bool queued = t->queued;
	if (queued)
		runqueue_remove_locked(rq, t);
	t->policy = policy;
	t->rt_priority = priority;
	weight_update(t);
	u32 cpu = t->cpu;
	bool running = t->state == THREAD_RUNNING && cpus[cpu]->current == t;
	if (running)
		rq->running.rank = thread_rank(t);
	if (queued) {
		group_place_locked(rq, t, cpu);
		runqueue_insert_locked(rq, t);
	}
	spin_unlock(&rq->lock);
	if (cpu != cpu_this()->id)
		cpu_send_reschedule(cpu);
	else if (running || queued)
		sched_interrupt(); /* another thread of this CPU may come first now */
}

void sched_set_affinity(struct thread *t, u64 cpu_mask)
{
	struct runqueue *rq = queue_lock_of(t);
	u32 cpu = t->cpu;
	bool move = !(cpu_mask & BIT(cpu)), queued = t->queued && move && !t->on_cpu;
	t->affinity = cpu_mask;
	if (queued)
		runqueue_remove_locked(rq, t);
	spin_unlock(&rq->lock);
	if (queued)
		queue_woken(t);
	else if (move && t == thread_current())
		schedule();
	else if (move && cpu != cpu_this()->id)
		cpu_send_reschedule(cpu);
}

u64 sched_thread_runtime_ns(const struct thread *t)
{
	u64 since = t->state == THREAD_RUNNING ? time_now_ns() - t->last_switched_ns : 0;
	return t->runtime_ns + ((s64)since > 0 ? since : 0);
}
