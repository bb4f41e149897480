// SPDX-License-Identifier: MIT
/* User and system time of threads, and the periodic tick that tells them apart.
 * Run time is exact (runtime_ns, at each switch); how it divides is sampled, so that a system call pays nothing: each busy
 * CPU takes an interrupt every TICK_NS, and all time of the thread since its last sample goes to what it was doing.
 * The kernel runs with interrupts off: a tick that came due there is taken at the first instruction of user mode. It is
 * recognised by registers that no user instruction has changed yet: after `syscall` rcx is rip and r11 the flags, after a
 * page fault the sum of all registers is the one that the fault noted. Idle CPUs have no tick. */
#include "runqueue.h"
#include "sched_internal.h"
#include "trap.h"

static u64 frame_sum(const struct trap_frame *f)
{
	return f->rip + f->rax * 3 + f->rbx + f->rcx * 5 + f->rdx + f->rsi * 7 + f->rdi + f->rbp + f->rsp + f->r8 + f->r12;
}

void cputime_fault_done(const struct trap_frame *f) { thread_current()->fault_sum = frame_sum(f); }

/* Before an interrupt is handled: was the CPU doing the program's work? */
void cputime_interrupted(const struct trap_frame *f)
{
	struct cpu *c = cpu_this();
	bool call_ends = f->rip == f->rcx && f->rflags == f->r11;
	c->interrupted_user = frame_is_user(f) && !call_ends && frame_sum(f) != c->current->fault_sum;
}

void cputime_start(struct cpu *c, u64 now)
{
	c->tick_due_ns = now + TICK_NS;
	timer_want(c->tick_due_ns);
}

/* RLIMIT_RTTIME counts what a real-time thread runs without sleeping once. */
static bool burst_is_long(struct thread *t, u64 total)
{
	if (t->burst_switches != t->voluntary_switches || !t->burst_start_ns) {
		t->burst_switches = t->voluntary_switches;
		t->burst_start_ns = total;
	}
	u64 limit_us = t->process->rlimits[RLIMIT_RTTIME].soft;
	return limit_us != UINT64_MAX && (total - t->burst_start_ns) / NSEC_PER_USEC >= limit_us;
}

/* Timer interrupt with a thread that is not idle; gives the next tick's time. */
u64 cputime_tick(struct cpu *c, u64 now)
{
	struct thread *t = c->current;
	if (now < c->tick_due_ns)
		return c->tick_due_ns;
	u64 settled = t->user_ns + t->system_ns, total = t->runtime_ns + (now - t->last_switched_ns);
	u64 rest = total > settled ? total - settled : 0;
	t->in_system = !c->interrupted_user;
	*(t->in_system ? &t->system_ns : &t->user_ns) += rest;
	*(t->in_system ? &c->system_ticks : t->nice > 0 ? &c->nice_ticks : &c->user_ticks) += 1;
	struct process *p = t->process;
	bool long_burst = p && thread_is_realtime(t) && burst_is_long(t, total);
	if (long_burst || (p && (p->cpu_timers || p->rlimits[RLIMIT_CPU].soft != UINT64_MAX)))
		__atomic_or_fetch(&t->work, WORK_CPU_TIME, __ATOMIC_RELAXED);
	runqueue_realtime_tick(c->runqueue, t, now);
	c->tick_due_ns = now + TICK_NS;
	return c->tick_due_ns;
}

/* What was not sampled yet counts as the last sample did. Neither part ever falls (shown_*). */
void thread_times(struct thread *t, u64 *user_ns, u64 *system_ns)
{
	u64 total = sched_thread_runtime_ns(t), settled = t->user_ns + t->system_ns;
	u64 rest = total > settled ? total - settled : 0;
	u64 system = MAX(t->system_ns + (t->in_system ? rest : 0), t->shown_system_ns);
	u64 user = total > system ? total - system : 0;
	if (user < t->shown_user_ns) {
		user = t->shown_user_ns;
		system = MAX(total > user ? total - user : 0, t->shown_system_ns);
	}
	*user_ns = t->shown_user_ns = user;
	*system_ns = t->shown_system_ns = system;
}

/* Busy time of a CPU, divided as its ticks were. */
void cputime_of_cpu(const struct cpu *c, u64 busy_ns, u64 *user_ns, u64 *nice_ns, u64 *system_ns)
{
	u64 ticks = c->user_ticks + c->nice_ticks + c->system_ticks;
	u64 each = ticks ? busy_ns / ticks : 0;
	*system_ns = ticks ? each * c->system_ticks : busy_ns; /* before the first tick only the kernel ran */
	*nice_ns = each * c->nice_ticks;
	*user_ns = busy_ns - *system_ns - *nice_ns;
}
