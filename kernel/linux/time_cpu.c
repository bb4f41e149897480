// SPDX-License-Identifier: MIT
/* What depends on CPU time: ITIMER_VIRTUAL and ITIMER_PROF, POSIX timers on CPU clocks, RLIMIT_CPU.
 * The tick of a busy CPU (sched/cputime.c) sends its thread here on the way to user mode, when the process has such a
 * timer or limit: deadlines are exact in CPU time and noticed up to a tick late, as on Linux without high resolution.
 * process->cpu_timers counts what is armed; a deadline of 0 is disarmed. */
#include "linux.h"
#include "timers.h"

enum { CPU_CLOCK_KIND_USER = 1, CPU_CLOCK_KIND_DEVICE = 3, CPU_CLOCK_OF_THREAD = 4 };

struct cpu_now cpu_now_get(struct process *p)
{
	u64 user, system;
	process_times(p, &user, &system);
	return (struct cpu_now){ user, user + system };
}

/* ---- interval timers ---- */

static u64 itimer_clock(u32 which, const struct cpu_now *now) { return which == ITIMER_VIRTUAL ? now->user : now->all; }

static u64 left_of(u64 deadline, u64 now) { return !deadline ? 0 : deadline > now ? deadline - now : NSEC_PER_USEC; }

void cpu_itimer_get(u32 which, u64 *value_ns, u64 *interval_ns)
{
	struct process *p = process_current();
	struct cpu_now now = cpu_now_get(p);
	struct cpu_itimer *i = &p->itimer_cpu[which - ITIMER_VIRTUAL];
	spin_lock(&p->signal_lock);
	*value_ns = left_of(i->deadline_ns, itimer_clock(which, &now));
	*interval_ns = i->interval_ns;
	spin_unlock(&p->signal_lock);
}

void cpu_itimer_set(u32 which, u64 value_ns, u64 interval_ns, u64 *old_value, u64 *old_interval)
{
	struct process *p = process_current();
	struct cpu_now now = cpu_now_get(p);
	struct cpu_itimer *i = &p->itimer_cpu[which - ITIMER_VIRTUAL];
	spin_lock(&p->signal_lock);
	*old_value = left_of(i->deadline_ns, itimer_clock(which, &now));
	*old_interval = i->interval_ns;
	p->cpu_timers += !!value_ns - !!i->deadline_ns;
	i->deadline_ns = value_ns ? itimer_clock(which, &now) + value_ns : 0;
	i->interval_ns = interval_ns;
	spin_unlock(&p->signal_lock);
}

static void itimer_check(struct process *p, u32 which, const struct cpu_now *now)
{
	struct cpu_itimer *i = &p->itimer_cpu[which - ITIMER_VIRTUAL];
	struct siginfo_k info = { .signo = which == ITIMER_VIRTUAL ? SIGVTALRM : SIGPROF, .code = SI_KERNEL };
	u64 clock = itimer_clock(which, now);
	spin_lock(&p->signal_lock);
	bool fire = i->deadline_ns && clock >= i->deadline_ns;
	if (fire && i->interval_ns) {
		i->deadline_ns += ((clock - i->deadline_ns) / i->interval_ns + 1) * i->interval_ns;
	} else if (fire) {
		i->deadline_ns = 0;
		p->cpu_timers--;
	}
	spin_unlock(&p->signal_lock);
	if (fire && signal_send_process(p, info.signo, &info)) { /* never refused */ }
}

/* ---- POSIX timers ---- */

s64 cpu_clock_bind(struct posix_timer *t)
{
	u32 id = ~((u32)t->clock >> 3 | 0xe0000000u), kind = (u32)t->clock & 3;
	bool of_thread = t->clock == CLOCK_THREAD_CPUTIME_ID || (t->clock < 0 && t->clock & CPU_CLOCK_OF_THREAD);
	if (t->clock >= 0 ? t->clock != CLOCK_PROCESS_CPUTIME_ID && !of_thread : kind == CPU_CLOCK_KIND_DEVICE)
		return t->clock >= 0 ? ERR_OPNOTSUPP : ERR_INVAL;
	if (of_thread) {
		struct thread *of = thread_find(t->clock >= 0 || !id ? thread_current()->tid : id);
		if (!of || of->process != t->p) {
			if (of)
				thread_put(of);
			return ERR_INVAL;
		}
		t->clock_thread = of;
	} else if (t->clock < 0 && id && id != t->p->pid) {
		struct process *p = process_find(id);
		if (!p)
			return ERR_INVAL;
		process_put(p);
		return FAIL(ERR_OPNOTSUPP, "timer on another process's CPU clock is not supported");
	}
	t->cpu_clock = t->clock < 0 && kind == CPU_CLOCK_KIND_USER ? CPU_CLOCK_USER : CPU_CLOCK_ALL;
	return OK;
}

u64 cpu_clock_now(struct posix_timer *t, const struct cpu_now *now)
{
	u64 user = now->user, all = now->all;
	if (t->clock_thread) {
		u64 system;
		thread_times(t->clock_thread, &user, &system);
		all = user + system;
	}
	return t->cpu_clock == CPU_CLOCK_USER ? user : all;
}

void cpu_timer_start(struct posix_timer *t, const struct cpu_now *now, bool absolute, u64 value, u64 interval)
{
	spin_lock(&t->p->signal_lock);
	u64 deadline = !value ? 0 : absolute ? value : cpu_clock_now(t, now) + value;
	t->p->cpu_timers += !!deadline - !!t->deadline_ns;
	t->deadline_ns = deadline;
	t->interval_ns = interval;
	t->overrun = 0;
	t->queued = false;
	spin_unlock(&t->p->signal_lock);
	if (deadline)
		thread_notify(thread_current(), WORK_CPU_TIME); /* it may lie in the past */
}

/* Takes one expired timer; false when there is none. */
static bool timer_check(struct process *p, const struct cpu_now *now)
{
	struct thread *target = NULL;
	struct siginfo_k info = { 0 };
	bool expired = false;
	spin_lock(&p->signal_lock);
	list_for_each(t, &p->posix_timers, struct posix_timer, link) {
		u64 clock = t->cpu_clock && t->deadline_ns ? cpu_clock_now(t, now) : 0;
		if (!clock || clock < t->deadline_ns)
			continue;
		expired = true;
		if (posix_timer_expire_locked(t, clock)) {
			info = posix_timer_info(t);
			if ((target = t->target))
				thread_get(target);
		}
		if (!t->deadline_ns)
			p->cpu_timers--;
		break;
	}
	spin_unlock(&p->signal_lock);
	if (!info.signo)
		return expired;
	status_t st = target ? signal_send_thread(target, info.signo, &info) : signal_send_process(p, info.signo, &info);
	if (target)
		thread_put(target);
	if (st) { /* queue limit: this expiry is lost, as timer_create(2) allows */
		spin_lock(&p->signal_lock);
		struct posix_timer *t = posix_timer_find_locked(p, (u32)info.timer_id);
		if (t)
			t->queued = false;
		spin_unlock(&p->signal_lock);
	}
	return expired;
}

/* ---- RLIMIT_CPU ---- */

/* setrlimit(2): SIGXCPU at the soft limit and each second after it, SIGKILL at the hard limit. */
static void limit_check(struct process *p, const struct cpu_now *now)
{
	u64 seconds = now->all / NSEC_PER_SEC;
	struct siginfo_k info = { .signo = SIGXCPU, .code = SI_KERNEL };
	spin_lock(&process_tree_lock);
	struct rlimit_k *l = &p->rlimits[RLIMIT_CPU];
	bool kill = seconds >= l->hard, warn = !kill && seconds >= MAX(l->soft, 1ull); /* 0 counts as 1 */
	if (warn)
		l->soft = seconds + 1;
	spin_unlock(&process_tree_lock);
	if (kill)
		process_kill(p, SIGKILL);
	else if (warn && signal_send_process(p, SIGXCPU, &info)) { /* never refused */ }
}

/* The same for the current real-time thread, in microseconds since it last slept. */
static void burst_check(struct thread *t)
{
	u64 burst_us = (sched_thread_runtime_ns(t) - t->burst_start_ns) / NSEC_PER_USEC;
	struct siginfo_k info = { .signo = SIGXCPU, .code = SI_KERNEL };
	if (!t->rt_priority || !t->burst_start_ns || t->burst_switches != t->voluntary_switches)
		return;
	spin_lock(&process_tree_lock);
	struct rlimit_k *l = &t->process->rlimits[RLIMIT_RTTIME];
	bool kill = burst_us >= l->hard, warn = !kill && burst_us >= l->soft;
	if (warn)
		l->soft = burst_us + NSEC_PER_SEC / NSEC_PER_USEC;
	spin_unlock(&process_tree_lock);
	if (kill)
		process_kill(t->process, SIGKILL);
	else if (warn && signal_send_process(t->process, SIGXCPU, &info)) { /* never refused */ }
}

void cpu_time_check(struct thread *t)
{
	struct process *p = t->process;
	struct cpu_now now = cpu_now_get(p);
	itimer_check(p, ITIMER_VIRTUAL, &now);
	itimer_check(p, ITIMER_PROF, &now);
	while (timer_check(p, &now)) { /* an expired timer's deadline moves past `now` or is disarmed */ }
	limit_check(p, &now);
	burst_check(t);
}
