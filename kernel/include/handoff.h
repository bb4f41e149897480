/* SPDX-License-Identifier: MIT */
/* The CPU passes from one thread to another past the run queue; inline for the hot path of IPC (ipc/fast.c), in calls for
 * everybody else (sched_handoff). Protocol: the receiver is claimed (only who claimed it can wake it), what it waits for
 * is stored, then it is handed the CPU. */
#ifndef AMBOS_KERNEL_HANDOFF_H
#define AMBOS_KERNEL_HANDOFF_H

#include "../arch/x86_64/switch.h"
#include "process.h"
#include "sched_internal.h"

#define SHORT_RUN_NS (100 * NSEC_PER_USEC) /* who slept again within this will probably do so next time */

void queue_woken(struct thread *t);                        /* puts a claimed thread on a CPU's queue */
void handoff_moved(struct cpu *c, struct thread *to);      /* it comes from another CPU */
void handoff_general(struct cpu *c, struct thread *t, struct thread *to); /* any two threads; t is blocked */
void handoff_queued(struct thread *to);                    /* the claimed thread's stack is still in use: both queue */

static inline bool wait_interrupted(const struct thread *t, enum wait_flags flags)
{
	u32 work = __atomic_load_n(&t->work, __ATOMIC_ACQUIRE);
	if (likely(!work) || flags == WAIT_UNINTERRUPTIBLE)
		return false;
	return work & (flags == WAIT_KILLABLE ? WORK_EXIT : WORK_EXIT | WORK_SIGNAL | WORK_STOP);
}

static inline bool thread_claim_blocked(struct thread *t)
{
	enum thread_state blocked = THREAD_BLOCKED;
	return __atomic_compare_exchange_n(&t->state, &blocked, THREAD_RUNNABLE, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* BLOCKED unless a wake-up came first; then the thread is as before. False when it must not sleep. */
static inline bool thread_block(struct thread *t, enum wait_flags flags)
{
	__atomic_exchange_n(&t->state, THREAD_BLOCKED, __ATOMIC_SEQ_CST);
	if (likely(!__atomic_load_n(&t->wake_token, __ATOMIC_RELAXED) && !wait_interrupted(t, flags)))
		return true;
	enum thread_state blocked = THREAD_BLOCKED;
	return !__atomic_compare_exchange_n(&t->state, &blocked, THREAD_RUNNING, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static inline bool handoff_claim(struct cpu *c, struct thread *to)
{
	return likely(!c->need_resched && (to->affinity >> c->id & 1)) && likely(thread_claim_blocked(to));
}

/* Slice and turn are the CPU's and go on: what runs for a caller is charged to the caller's group, and a pair that calls
 * back and forth cannot starve the queue. */
HANDOFF_INLINE void handoff_turn(struct cpu *c, struct thread *from, struct thread *to)
{
	u64 now = time_now_ns();
	u64 ran = now - from->last_switched_ns;
	from->short_runs = ran < SHORT_RUN_NS;
	from->runtime_ns += ran;
	from->fair.vruntime += ran;
	from->voluntary_switches++;
	to->last_switched_ns = now;
	to->state = THREAD_RUNNING;
	to->on_cpu = 1;
	if (unlikely(to->cpu != c->id))
		handoff_moved(c, to);
	c->current = to;
}

static inline void handoff_finish(struct thread *last)
{
	if (unlikely(last->migrating)) /* or dead */
		sched_switch_finish(last);
	else
		__atomic_store_n(&last->on_cpu, 0, __ATOMIC_RELEASE);
}

/* Sleeps like wait_sleep(DEADLINE_NEVER, WAIT_INTERRUPTIBLE), while `to` (claimed; service: it is one's worker) runs at
 * once. The current thread is one of user mode. */
HANDOFF_INLINE void handoff_direct(struct cpu *c, struct thread *t, struct thread *to, bool service)
{
	DEBUG_ASSERT(c->lock_depth == 0);
	struct aspace *as = service || to->process ? to->process->aspace : NULL;
	t->wait_flags = WAIT_INTERRUPTIBLE;
	if (unlikely(!thread_block(t, WAIT_INTERRUPTIBLE))) {
		queue_woken(to);
	} else if (unlikely(__atomic_load_n(&to->on_cpu, __ATOMIC_ACQUIRE))) {
		handoff_queued(to);
	} else if (!service && unlikely(!as)) {
		handoff_general(c, t, to); /* a thread of the kernel, or one before its first program */
	} else {
		handoff_turn(c, t, to);
		if (likely(as != c->aspace))
			aspace_switch_loaded(c, c->aspace, as);
		handoff_finish(arch_switch_direct(c, t, to, service));
	}
}

#endif
