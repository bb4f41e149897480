// SPDX-License-Identifier: MIT
/* Run queues and the switch. One queue per CPU: real-time threads by priority, others by virtual run time.
 * Invariants:
 * 1. a thread is on a queue exactly when its state is RUNNABLE; `cpu` names that queue;
 * 2. on_cpu is 1 from the moment a CPU chose the thread until that CPU has left its stack (sched_after_switch),
 *    so a waker on another CPU that finds on_cpu set queues it but no CPU runs it before that;
 * 3. state changes from BLOCKED to RUNNABLE only under the lock of the queue it goes to and only once (wake). */
#include "sched_private.h"
#include "string.h"
#include "tlb.h"

#define SLICE_NS (6 * NSEC_PER_MSEC)       /* long against a switch, short against a person */
#define WAKEUP_CREDIT_NS (3 * NSEC_PER_MSEC) /* how far a sleeper may lie behind when it wakes */
#define NICE_0_WEIGHT 1024u
#define BALANCE_GAP 2                       /* steal only from a queue that has this many more */

/* Weight per nice level: each step is a factor of 1.25, as setpriority(2) users expect. */
static u32 nice_weight[40];

static struct thread *fair_entry(struct rb_node *n) { return rb_entry(n, struct thread, run_node); }

static void weights_init(void)
{
	u64 w = (u64)NICE_0_WEIGHT << 16;
	for (int n = 20; n < 40; n++, w = w * 4 / 5)
		nice_weight[n] = (u32)MAX(w >> 16, 1ull);
	w = (u64)NICE_0_WEIGHT << 16;
	for (int n = 20; n >= 0; n--, w = w * 5 / 4)
		nice_weight[n] = (u32)(w >> 16);
}

static bool is_realtime(const struct thread *t) { return t->rt_priority > 0; }

static void enqueue_locked(struct runqueue *rq, struct thread *t)
{
	ASSERT(t->state != THREAD_RUNNABLE && t->state != THREAD_DEAD);
	rq->count++;
	t->state = THREAD_RUNNABLE;
	if (is_realtime(t)) {
		struct list_node *at = rq->realtime.next;
		while (at != &rq->realtime && list_entry(at, struct thread, run_link)->rt_priority >= t->rt_priority)
			at = at->next;
		list_insert_before(at, &t->run_link);
		return;
	}
	struct rb_node *parent = NULL, **slot = &rq->fair.node;
	bool first = true;
	while (*slot) {
		parent = *slot;
		if ((s64)(t->vruntime - fair_entry(parent)->vruntime) < 0) {
			slot = &parent->left;
		} else {
			slot = &parent->right;
			first = false;
		}
	}
	rb_insert(&rq->fair, &t->run_node, parent, slot);
	if (first)
		rq->fair_first = &t->run_node;
}

static void dequeue_locked(struct runqueue *rq, struct thread *t)
{
	rq->count--;
	if (is_realtime(t)) {
		list_remove(&t->run_link);
		return;
	}
	if (rq->fair_first == &t->run_node)
		rq->fair_first = rb_next(&t->run_node);
	rb_remove(&rq->fair, &t->run_node);
}

static struct thread *first_locked(struct runqueue *rq)
{
	if (!list_empty(&rq->realtime))
		return list_first(&rq->realtime, struct thread, run_link);
	return rq->fair_first ? fair_entry(rq->fair_first) : NULL;
}

static void account(struct thread *t, u64 now)
{
	u64 ran = now - t->last_switched_ns;
	t->last_switched_ns = now;
	t->runtime_ns += ran;
	if (!is_realtime(t) && t != cpu_this()->idle)
		t->vruntime += t->nice == 0 ? ran : ran * NICE_0_WEIGHT / nice_weight[t->nice + 20];
}

u64 sched_thread_runtime_ns(const struct thread *t)
{
	return t->on_cpu ? t->runtime_ns + (time_now_ns() - t->last_switched_ns) : t->runtime_ns;
}

/* An idle CPU looks for a queue with work. Called without locks. */
static struct thread *steal(struct cpu *self)
{
	for (u32 i = 1; i < cpu_count; i++) {
		struct cpu *c = cpus[(self->id + i) % cpu_count];
		struct runqueue *rq = c->runqueue;
		if (!c->online || !rq || __atomic_load_n(&rq->count, __ATOMIC_RELAXED) == 0)
			continue;
		spin_lock(&rq->lock);
		struct thread *t = first_locked(rq);
		for (struct rb_node *n = rq->fair_first; n && t && (t->on_cpu || !(t->affinity & BIT(self->id))); n = rb_next(n))
			t = fair_entry(n);
		if (t && !t->on_cpu && t->affinity & BIT(self->id)) {
			dequeue_locked(rq, t);
			t->on_cpu = 1;
			t->vruntime += self->runqueue->min_vruntime - rq->min_vruntime;
			spin_unlock(&rq->lock);
			t->cpu = self->id;
			return t;
		}
		spin_unlock(&rq->lock);
	}
	return NULL;
}

static void switch_to_slice(struct cpu *c, struct thread *from, struct thread *to, u64 now, u64 slice_end)
{
	to->state = THREAD_RUNNING;
	to->last_switched_ns = now;
	to->slice_end_ns = slice_end;
	c->need_resched = 0;
	if (from == to)
		return;
	c->current = to;
	c->kernel_stack_top = (u64)to->kernel_stack + KERNEL_STACK_SIZE;
	arch_switch_state(from, to);
	if (to->process && c->aspace != to->process->aspace)
		aspace_switch(to->process->aspace);
	c->previous = from;
	switch_stack(&from->kernel_rsp, to->kernel_rsp);
	sched_after_switch();
}

/* First thing on the new stack: the old thread's stack is free for others now. */
void sched_after_switch(void)
{
	struct cpu *c = cpu_this();
	struct thread *from = c->previous;
	bool dead = from->state == THREAD_DEAD;
	__atomic_store_n(&from->on_cpu, 0, __ATOMIC_RELEASE);
	if (dead)
		thread_put(from);
}

void schedule(void)
{
	struct cpu *c = cpu_this();
	struct runqueue *rq = c->runqueue;
	struct thread *from = c->current, *to;
	u64 now = time_now_ns();
	account(from, now);
	spin_lock(&rq->lock);
	if (from->state == THREAD_RUNNING && from != c->idle)
		enqueue_locked(rq, from);
	to = first_locked(rq);
	DEBUG_ASSERT(!to || to == from || !to->on_cpu); /* on_cpu threads wait on the queue of that CPU */
	if (to) {
		dequeue_locked(rq, to);
		to->on_cpu = 1;
		if (!is_realtime(to) && (s64)(to->vruntime - rq->min_vruntime) > 0)
			rq->min_vruntime = to->vruntime;
	}
	spin_unlock(&rq->lock);
	if (!to)
		to = steal(c);
	if (!to)
		to = c->idle;
	switch_to_slice(c, from, to, now, now + SLICE_NS);
	timer_rearm_cpu();
}

/* Chooses the queue of a waking thread: its last CPU if idle, this CPU if idle, any idle one, else its last. */
static struct cpu *place(struct thread *t)
{
	struct cpu *last = cpus[t->cpu];
	if (last->current == last->idle && t->affinity & BIT(last->id))
		return last;
	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *c = cpus[(cpu_this()->id + i) % cpu_count];
		if (c->online && c->current == c->idle && c->runqueue->count == 0 && t->affinity & BIT(c->id))
			return c;
	}
	if (t->affinity & BIT(last->id))
		return last;
	for (u32 i = 0; i < cpu_count; i++)
		if (t->affinity & BIT(i))
			return cpus[i];
	return last;
}

static void make_runnable(struct thread *t)
{
	struct cpu *c = t->on_cpu ? cpus[t->cpu] : place(t);
	struct runqueue *rq = c->runqueue;
	spin_lock(&rq->lock);
	if (t->cpu != c->id && t->last_switched_ns)
		t->vruntime += rq->min_vruntime - cpus[t->cpu]->runqueue->min_vruntime;
	t->cpu = c->id;
	u64 floor = rq->min_vruntime > WAKEUP_CREDIT_NS ? rq->min_vruntime - WAKEUP_CREDIT_NS : 0;
	if ((s64)(t->vruntime - floor) < 0)
		t->vruntime = floor;
	enqueue_locked(rq, t);
	struct thread *running = c->current;
	bool preempt = running == c->idle || (is_realtime(t) && t->rt_priority > running->rt_priority) ||
		       (!is_realtime(running) && (s64)(running->vruntime - t->vruntime) > (s64)NSEC_PER_MSEC);
	spin_unlock(&rq->lock);
	if (preempt)
		c->need_resched = 1;
	if (c != cpu_this()) {
		cpu_send_reschedule(c->id); /* leaves idle, preempts, or at least arms the end of the slice */
		return;
	}
	if (preempt && running != c->idle)
		__atomic_or_fetch(&running->work, WORK_RESCHED, __ATOMIC_RELAXED);
	else
		timer_rearm_cpu();
}

void sched_start_thread(struct thread *t)
{
	t->cpu = cpu_this()->id;
	t->vruntime = cpu_this()->runqueue->min_vruntime;
	DEBUG_ASSERT(t->state == THREAD_NEW); /* stays NEW until it is queued: a wake-up in between must not queue it too */
	make_runnable(t);
}

/* wake_token: 0 awake or asleep without a wake-up, 1 woken. state BLOCKED -> RUNNABLE is claimed by cmpxchg, so
 * that of two wakers one queues the thread. */
void thread_wake(struct thread *t)
{
	enum thread_state blocked = THREAD_BLOCKED;
	__atomic_store_n(&t->wake_token, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&t->state, __ATOMIC_SEQ_CST) == THREAD_BLOCKED &&
	    __atomic_compare_exchange_n(&t->state, &blocked, THREAD_NEW, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		make_runnable(t);
}

/* Publishes BLOCKED; false when a wake-up came in between (the caller goes on running). */
bool sched_prepare_block(struct thread *t)
{
	enum thread_state blocked = THREAD_BLOCKED;
	__atomic_store_n(&t->state, THREAD_BLOCKED, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&t->wake_token, __ATOMIC_SEQ_CST))
		return true;
	if (__atomic_compare_exchange_n(&t->state, &blocked, THREAD_RUNNING, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	return true; /* a waker took us: we are on a queue, schedule() picks us up */
}

void sched_yield_current(void)
{
	struct thread *t = thread_current();
	struct runqueue *rq = cpu_this()->runqueue;
	if (rq->count == 0)
		return;
	struct rb_node *last = rb_last(&rq->fair);
	if (last && !is_realtime(t) && (s64)(fair_entry(last)->vruntime - t->vruntime) >= 0)
		t->vruntime = fair_entry(last)->vruntime + 1;
	schedule();
}

void sched_exit_current(void)
{
	thread_current()->state = THREAD_DEAD;
	schedule();
	panic("a dead thread ran");
}

void sched_set_affinity(struct thread *t, u64 cpu_mask)
{
	t->affinity = cpu_mask;
	if (t == thread_current() && !(cpu_mask & BIT(cpu_this()->id))) {
		/* go through a wake-up, which places by the new mask */
		wait_prepare();
		wait_sleep(time_now_ns(), WAIT_UNINTERRUPTIBLE);
		wait_finish();
	}
}

void sched_set_nice(struct thread *t, int nice) { t->nice = nice; }

void preempt_point(void)
{
	struct cpu *c = cpu_this();
	if (unlikely(c->shootdown_pending))
		cpu_relax_poll();
	__asm__ volatile("sti; nop; cli" ::: "memory");
	if (cpu_this()->need_resched && thread_current() != cpu_this()->idle)
		schedule();
}

void sched_idle_loop(void)
{
	for (;;) {
		struct cpu *c = cpu_this();
		schedule();
		if (c->runqueue->count == 0 && !c->need_resched)
			__asm__ volatile("sti; hlt; cli" ::: "memory");
		else
			__asm__ volatile("sti; nop; cli" ::: "memory");
		c->need_resched = 0;
	}
}

void sched_init_cpu(struct cpu *c)
{
	c->current = c->idle;
	c->previous = c->idle;
	c->idle->on_cpu = 1;
	c->idle->state = THREAD_RUNNING;
	c->kernel_stack_top = (u64)c->idle->kernel_stack + KERNEL_STACK_SIZE;
}

struct thread *sched_make_idle(struct cpu *c)
{
	struct runqueue *rq = kzalloc(sizeof(*rq));
	struct thread *t = thread_alloc("idle");
	if (!rq || !t)
		panic("no memory for cpu %u", c->id);
	spin_init(&rq->lock, RANK_RUNQUEUE);
	spin_init(&rq->timer_lock, RANK_TIMER);
	list_init(&rq->realtime);
	t->cpu = c->id;
	c->runqueue = rq;
	c->idle = t;
	return t;
}

void sched_init(void)
{
	weights_init();
	sched_make_idle(cpus[0]);
	sched_init_cpu(cpus[0]);
}

/* Wakes `t` onto this CPU ahead of the others when it is idle-blocked here or anywhere and may run here. */
void sched_wake_here(struct thread *t)
{
	enum thread_state blocked = THREAD_BLOCKED;
	struct cpu *c = cpu_this();
	__atomic_store_n(&t->wake_token, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_compare_exchange_n(&t->state, &blocked, THREAD_NEW, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (t->on_cpu || !(t->affinity & BIT(c->id)) || is_realtime(t)) {
		make_runnable(t);
		return;
	}
	struct runqueue *rq = c->runqueue;
	spin_lock(&rq->lock);
	t->cpu = c->id;
	t->vruntime = rq->fair_first ? fair_entry(rq->fair_first)->vruntime - 1 : c->current->vruntime;
	enqueue_locked(rq, t);
	spin_unlock(&rq->lock);
}

/* The IPC path: `to` runs at once on this CPU in the rest of our slice, without a queue between. False: not possible, nothing
 * was done; else the caller slept (or was woken before it could). */
bool sched_switch_direct(struct thread *to)
{
	enum thread_state blocked = THREAD_BLOCKED;
	struct cpu *c = cpu_this();
	struct thread *from = c->current;
	if (to->on_cpu || !(to->affinity & BIT(c->id)) || is_realtime(to) || is_realtime(from) || c->need_resched)
		return false;
	__atomic_store_n(&to->wake_token, 1, __ATOMIC_RELAXED);
	if (!__atomic_compare_exchange_n(&to->state, &blocked, THREAD_NEW, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	if (unlikely(to->on_cpu) || !sched_prepare_block(from)) {
		make_runnable(to);
		return to != from;
	}
	to->cpu = c->id;
	to->on_cpu = 1;
	to->vruntime = from->vruntime;
	from->voluntary_switches++;
	u64 now = time_now_ns(), slice_end = from->slice_end_ns;
	account(from, now);
	switch_to_slice(c, from, to, now, slice_end);
	return true;
}
