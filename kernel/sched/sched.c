// SPDX-License-Identifier: MIT
/* The scheduler: one run queue per CPU, real-time threads by priority, the others by virtual run time (group.c).
 * Invariants:
 *  1. A thread is in at most one queue; `queued` says so (run queue lock of t->cpu).
 *  2. BLOCKED -> RUNNABLE is one compare-exchange; who wins it queues the thread.
 *  3. While on_cpu is set the stack is in use: such a thread is queued only on that CPU and never stolen, so
 *     no CPU waits for another inside schedule().
 *  4. A CPU with its bit in idle_cpus is halted or about to look at its queue once more; clearing the bit obliges to
 *     send the interrupt.
 *	sleeper                          waker
 *	state = BLOCKED (full barrier)   wake_token = 1 (full barrier)
 *	if wake_token: take it back      if state == BLOCKED: claim, queue */
#include "handoff.h"
#include "nt.h"
#include "runqueue.h"
#include "sched_internal.h"

#define SLICE_NS (4 * NSEC_PER_MSEC)           /* two CPU hogs alternate at 250 Hz */
#define PUSH_NS (50 * NSEC_PER_USEC)           /* what a thread waits on a busy CPU before an idle one is called */

static u64 idle_cpus; /* [a] */

/* ---- switching ---- */

struct thread *sched_switch_finish(struct thread *from)
{
	enum thread_state state = from->state;
	bool migrating = from->migrating;
	from->migrating = false;
	/* Once on_cpu is clear a waker may run `from` elsewhere: `state` was read before. */
	__atomic_store_n(&from->on_cpu, 0, __ATOMIC_RELEASE);
	if (unlikely(state == THREAD_DEAD))
		thread_put(from);
	else if (unlikely(migrating))
		queue_woken(from);
	return from;
}

static void turn_begin(struct cpu *c, struct thread *to, u64 now)
{
	const struct group_queue *q = to == c->idle ? NULL : group_queue_of(to);
	c->runqueue->running = (struct running){
		q, to->fair.vruntime, q ? q->fair.vruntime : 0, now, to == c->idle ? -1 : thread_rank(to),
	};
}

static void switch_to(struct cpu *c, struct thread *from, struct thread *to, u64 now)
{
	to->state = THREAD_RUNNING;
	to->cpu = c->id;
	to->on_cpu = 1;
	to->last_switched_ns = now;
	c->slice_end_ns = now + SLICE_NS;
	turn_begin(c, to, now);
	if (to != c->idle) {
		if (c->runqueue->count)
			timer_want(c->slice_end_ns);
		if (unlikely(!c->tick_due_ns))
			cputime_start(c, now);
		if (to->rseq_va && unlikely(to->rseq_cpu != c->id + 1))
			__atomic_or_fetch(&to->work, WORK_RSEQ, __ATOMIC_RELAXED);
		if (unlikely(to->nt)) /* its program reads the time from a page */
			timer_want(nt_clock_tick(now));
	}
	c->current = to;
	struct process *p = to->process;
	if (p && p->aspace && p->aspace != c->aspace)
		aspace_switch(p->aspace);
	arch_switch_user_state(c, from, to);
	sched_switch_finish(context_switch(from, to));
}

static void turn_end_locked(struct runqueue *rq, struct thread *t, u64 now)
{
	group_advance_locked(rq, now);
	group_charge_locked(rq, runqueue_weighted(t, now - rq->running.since_ns));
	runqueue_account(t, now);
}

static void turn_give_up(struct runqueue *rq)
{
	spin_lock(&rq->lock);
	rq->turn = NULL;
	spin_unlock(&rq->lock);
}

static void turn_of_stolen(struct runqueue *rq, struct thread *t, u32 cpu)
{
	spin_lock(&rq->lock);
	group_place_locked(rq, t, cpu);
	rq->turn = thread_is_realtime(t) ? NULL : group_queue_of(t);
	spin_unlock(&rq->lock);
}

void schedule(void)
{
	struct cpu *c = cpu_this();
	struct thread *from = c->current;
	struct runqueue *rq = c->runqueue;
	u64 now = time_now_ns();
	DEBUG_ASSERT(c->lock_depth == 0);
	c->need_resched = 0;
	if (likely(from != c->idle)) {
		if (from->state == THREAD_RUNNING)
			from->involuntary_switches++;
		else
			from->voluntary_switches++;
	}
	struct sched_group *left = NULL;
	spin_lock(&rq->lock);
	turn_end_locked(rq, from, now);
	if (unlikely(from->next_group))
		left = group_change_locked(rq, from);
	if (from->state == THREAD_RUNNING && from != c->idle) {
		from->state = THREAD_RUNNABLE;
		if (likely(from->affinity & BIT(c->id))) {
			group_place_locked(rq, from, c->id);
			runqueue_insert_locked(rq, from);
		} else {
			from->migrating = true; /* queued elsewhere once its stack is free */
		}
	}
	struct thread *to = runqueue_pick_locked(rq);
	rq->turn = to && !thread_is_realtime(to) ? group_queue_of(to) : NULL;
	spin_unlock(&rq->lock);
	if (unlikely(left))
		sched_group_put(left);
	if (unlikely(to && !(to->affinity & BIT(c->id)))) {
		c->need_resched = 1; /* it was woken while its stack was in use here: try again, without it */
		if (to != from) {
			turn_give_up(rq);
			queue_woken(to);
			to = c->idle;
		}
	}
	if (!to && cpu_count > 1 && (to = runqueue_steal(c)))
		turn_of_stolen(rq, to, c->id);
	if (!to)
		to = c->idle;
	if (to == from) {
		to->state = THREAD_RUNNING;
		c->slice_end_ns = now + SLICE_NS;
		to->last_switched_ns = now;
		turn_begin(c, to, now);
		if (rq->count && to != c->idle)
			timer_want(c->slice_end_ns);
		return;
	}
	switch_to(c, from, to, now);
}

void sched_yield_current(void)
{
	struct thread *t = thread_current();
	struct runqueue *rq = cpu_this()->runqueue;
	if (!rq->count)
		return;
	spin_lock(&rq->lock);
	if (!thread_is_realtime(t))
		group_yield_locked(rq, t);
	spin_unlock(&rq->lock);
	schedule();
}

void sched_exit_current(void)
{
	struct thread *t = thread_current();
	timer_cancel(&t->sleep_timer);
	t->state = THREAD_DEAD;
	t->migrating = true;
	schedule();
	panic("a dead thread was chosen");
}

void preempt_point(void)
{
	struct cpu *c = cpu_this();
	DEBUG_ASSERT(c->lock_depth == 0);
	__asm__ volatile("sti; nop; cli" ::: "memory");
	if (unlikely(c->need_resched) && c->current != c->idle)
		schedule();
}

/* ---- waking ---- */

/* Takes a halted CPU out of the idle set: true when the caller must interrupt it. */
static inline bool idle_claim(u32 cpu)
{
	return __atomic_fetch_and(&idle_cpus, ~BIT(cpu), __ATOMIC_SEQ_CST) & BIT(cpu);
}

static u32 choose_cpu(const struct thread *t, u32 here)
{
	u64 allowed = t->affinity & (cpu_count == MAX_CPUS ? UINT64_MAX : BIT(cpu_count) - 1);
	u64 idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & allowed;
	if (unlikely(!allowed))
		return 0;
	if (allowed & BIT(here)) {
		struct cpu *c = cpus[here];
		/* A waker that sleeps often will sleep again: its CPU is the nearest, and warm. */
		if (c->current == c->idle || (c->current->short_runs && !runqueues[here].count))
			return here;
	}
	if (idle & BIT(t->cpu))
		return t->cpu;
	if (idle)
		return (u32)__builtin_ctzll(idle);
	return allowed & BIT(t->cpu) ? t->cpu : (u32)__builtin_ctzll(allowed);
}

/* After a thread was queued on `cpu`: makes that CPU look when it should. */
static void kick(u32 cpu, bool preempts, u64 now)
{
	struct cpu *here = cpu_this();
	if (cpu != here->id) {
		struct cpu *c = cpus[cpu];
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & BIT(cpu)) {
			if (idle_claim(cpu))
				cpu_send_reschedule(cpu);
		} else if (c->timer_deadline_ns > now + SLICE_NS || preempts) {
			cpu_send_reschedule(cpu);
		}
		return;
	}
	struct thread *running = here->current;
	if (running == here->idle) {
		here->need_resched = 1;
		return;
	}
	if (preempts)
		here->need_resched = 1;
	else
		timer_want(MAX(here->slice_end_ns, now));
	if (idle_cpus & ~BIT(here->id))
		timer_want(now + PUSH_NS);
}

void queue_woken(struct thread *t)
{
	u32 cpu = t->cpu;
	if (!__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE))
		cpu = choose_cpu(t, cpu_this()->id);
	struct runqueue *rq = &runqueues[cpu];
	u64 now = time_now_ns();
	spin_lock(&rq->lock);
	group_advance_locked(rq, now);
	group_place_locked(rq, t, cpu);
	if (!rq->count)
		rq->waiting_since_ns = now;
	runqueue_insert_locked(rq, t);
	bool preempts = runqueue_preempts(t, &rq->running, now);
	spin_unlock(&rq->lock);
	kick(cpu, preempts, now);
}

void thread_wake(struct thread *t)
{
	__atomic_exchange_n(&t->wake_token, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&t->state, __ATOMIC_RELAXED) == THREAD_BLOCKED && thread_claim_blocked(t))
		queue_woken(t);
}

void sched_start_thread(struct thread *t)
{
	ASSERT(t->state == THREAD_NEW);
	t->cpu = cpu_this()->id;
	t->fair.vruntime = group_queue_of(t)->threads.min_vruntime;
	__atomic_store_n(&t->state, THREAD_RUNNABLE, __ATOMIC_RELEASE);
	queue_woken(t);
}

void sched_release_thread(struct thread *t)
{
	if (__atomic_exchange_n(&t->held, 0, __ATOMIC_ACQ_REL))
		sched_start_thread(t);
}

/* ---- sleeping ---- */

static void sleep_expired(struct timer *timer)
{
	thread_wake(container_of(timer, struct thread, sleep_timer));
}

void wait_prepare(void) { __atomic_exchange_n(&thread_current()->wake_token, 0, __ATOMIC_SEQ_CST); }

/* A wait inside another wait's condition may have used up the outer's wake-up: leave one behind. */
void wait_finish(void) { __atomic_store_n(&thread_current()->wake_token, 1, __ATOMIC_RELAXED); }

status_t wait_sleep(u64 deadline_ns, enum wait_flags flags)
{
	struct thread *t = thread_current();
	DEBUG_ASSERT(cpu_this()->lock_depth == 0);
	if (unlikely(t->work & WORK_IO_SIGNAL))
		async_signals_send();
	t->wait_flags = flags;
	bool timed = deadline_ns != DEADLINE_NEVER;
	bool may_sleep = !wait_interrupted(t, flags) && !(timed && deadline_ns <= time_now_ns());
	if (may_sleep && timed) {
		t->sleep_timer.fn = sleep_expired;
		timer_arm(&t->sleep_timer, deadline_ns);
	}
	if (may_sleep && thread_block(t, flags)) {
		u64 ran = time_now_ns() - t->last_switched_ns;
		t->short_runs = ran < SHORT_RUN_NS;
		schedule();
	}
	if (may_sleep && timed)
		timer_cancel(&t->sleep_timer);
	if (wait_interrupted(t, flags))
		return ERR_INTR;
	return timed && deadline_ns <= time_now_ns() ? ERR_TIMEDOUT : OK;
}

/* ---- hand-off ---- */

void handoff_moved(struct cpu *c, struct thread *to)
{
	group_rebase(to, c->id);
	to->cpu = c->id;
	if (to->rseq_va && to->rseq_cpu != c->id + 1)
		__atomic_or_fetch(&to->work, WORK_RSEQ, __ATOMIC_RELAXED);
}

void handoff_queued(struct thread *to)
{
	queue_woken(to);
	schedule();
}

void handoff_general(struct cpu *c, struct thread *t, struct thread *to)
{
	handoff_turn(c, t, to);
	struct process *p = to->process;
	if (p && p->aspace && p->aspace != c->aspace)
		aspace_switch(p->aspace);
	arch_switch_user_state(c, t, to);
	sched_switch_finish(context_switch(t, to));
}

status_t sched_handoff(struct thread *to, enum wait_flags flags)
{
	struct cpu *c = cpu_this();
	struct thread *t = c->current;
	DEBUG_ASSERT(c->lock_depth == 0);
	if (!handoff_claim(c, to)) {
		thread_wake(to);
		return wait_sleep(DEADLINE_NEVER, flags);
	}
	t->wait_flags = flags;
	if (unlikely(!thread_block(t, flags)))
		queue_woken(to);
	else if (likely(!__atomic_load_n(&to->on_cpu, __ATOMIC_ACQUIRE)))
		handoff_general(c, t, to);
	else
		handoff_queued(to);
	return wait_interrupted(t, flags) ? ERR_INTR : OK;
}

/* ---- interrupts, idle ---- */

static u64 slice_tick(struct cpu *c, u64 now)
{
	struct runqueue *rq = c->runqueue;
	if (!rq->count)
		return DEADLINE_NEVER;
	u64 idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & ~BIT(c->id);
	if (idle && now - rq->waiting_since_ns < PUSH_NS)
		return MIN(rq->waiting_since_ns + PUSH_NS, c->slice_end_ns);
	if (idle) { /* somebody waits here and a CPU is free: let it come and take one */
		u32 other = (u32)__builtin_ctzll(idle);
		if (idle_claim(other))
			cpu_send_reschedule(other);
	}
	if (now < c->slice_end_ns)
		return c->slice_end_ns;
	if (!(c->current->policy == SCHED_FIFO))
		c->need_resched = 1;
	return now + SLICE_NS;
}

u64 sched_tick(u64 now)
{
	struct cpu *c = cpu_this();
	if (c->current == c->idle) {
		c->tick_due_ns = 0; /* starts again with the next thread */
		return DEADLINE_NEVER;
	}
	u64 tick = cputime_tick(c, now), slice = slice_tick(c, now);
	if (unlikely(c->current->nt))
		tick = MIN(tick, nt_clock_tick(now));
	return MIN(tick, slice);
}

void sched_interrupt(void)
{
	struct cpu *c = cpu_this();
	struct runqueue *rq = c->runqueue;
	if (c->current == c->idle) {
		c->need_resched = 1;
		return;
	}
	spin_lock(&rq->lock);
	struct thread *first = runqueue_first_locked(rq);
	u64 now = time_now_ns();
	if ((first && runqueue_preempts(first, &rq->running, now)) || !(c->current->affinity & BIT(c->id)))
		c->need_resched = 1;
	spin_unlock(&rq->lock);
	if (first)
		timer_want(MAX(c->slice_end_ns, now));
}

void sched_idle_loop(void)
{
	struct cpu *c = cpu_this();
	for (;;) {
		schedule();
		__atomic_fetch_or(&idle_cpus, BIT(c->id), __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&c->runqueue->count, __ATOMIC_RELAXED) && !c->need_resched)
			__asm__ volatile("sti; hlt; cli" ::: "memory");
		else
			__asm__ volatile("sti; nop; cli" ::: "memory");
		__atomic_fetch_and(&idle_cpus, ~BIT(c->id), __ATOMIC_SEQ_CST);
	}
}
