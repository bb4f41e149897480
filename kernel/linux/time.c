// SPDX-License-Identifier: MIT
/* Clocks and sleeping: clock_get*, nanosleep, gettimeofday, time, times, getrusage. Timers are in time_timer.c, setting in clock_set.c.
 * All kernel time is u64 nanoseconds; an absolute time on any clock becomes a monotonic deadline when the call starts. */
#include "cpu.h"
#include "linux.h"
#include "policy.h"
#include "signal.h"

#define TIME_MAX_NS ((u64)INT64_MAX)  /* 292 years: later deadlines are "never" in practice */
#define CLOCK_TICKS_PER_SEC 100       /* USER_HZ */
#define TIMER_ABSTIME 1
#define CPU_CLOCK_POLL_NS (4 * NSEC_PER_MSEC) /* a sleeper on a CPU clock looks no more often than a tick */

struct timespec_user { s64 sec, nsec; };

status_t timespec_in(struct user_ptr p, u64 *ns)
{
	struct timespec_user ts;
	if (COPY_IN(&ts, p))
		return ERR_FAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)NSEC_PER_SEC)
		return ERR_INVAL;
	*ns = (u64)ts.sec >= TIME_MAX_NS / NSEC_PER_SEC ? TIME_MAX_NS : (u64)ts.sec * NSEC_PER_SEC + (u64)ts.nsec;
	return OK;
}

status_t timespec_out(struct user_ptr p, u64 ns)
{
	struct timespec_user ts = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };
	return COPY_OUT(p, &ts);
}

u64 time_wall_ns(void)
{
	return time_boot_wall_ns() + time_now_ns();
}

u64 deadline_from_relative(u64 ns)
{
	u64 now = time_now_ns();
	return ns >= TIME_MAX_NS - now ? DEADLINE_NEVER : now + ns;
}

u64 deadline_from_realtime(u64 wall_ns)
{
	u64 boot = time_boot_wall_ns();
	if (wall_ns >= TIME_MAX_NS)
		return DEADLINE_NEVER;
	return wall_ns > boot ? wall_ns - boot : 0;
}

/* clockid_t below zero: ~id in the upper bits, bit 2 = thread, bits 0-1 = 2 (scheduler), 0 and 1 (profiling, user). */
#define CPU_CLOCK_PROCESS (-6)
static s64 cpu_clock_of(s32 clock, u64 *ns)
{
	u32 id = ~((u32)clock >> 3 | 0xe0000000u), kind = (u32)clock & 3;
	if (kind == 3) /* clock of a device file */
		return ERR_INVAL;
	s64 st = ERR_INVAL;
	if (clock & 4) {
		struct thread *t = id ? thread_find(id) : NULL;
		if (id && !t)
			return ERR_INVAL;
		struct thread *of = t ? t : thread_current();
		if (of->process == process_current()) {
			u64 user, system;
			thread_times(of, &user, &system);
			*ns = kind == 1 ? user : user + system;
			st = OK;
		}
		if (t)
			thread_put(t);
		return st;
	}
	struct process *p = id ? process_find(id) : NULL;
	if (id && !p)
		return ERR_INVAL;
	struct process *of = p ? p : process_current();
	u64 user, system;
	process_times(of, &user, &system);
	*ns = kind == 1 ? user : user + system;
	if (p)
		process_put(p);
	return OK;
}

s64 clock_read(s32 clock, u64 *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI: /* no leap seconds are known: equals UTC, as on Linux before ntpd says otherwise */
		*ns = time_wall_ns();
		return OK;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: /* the machine never sleeps */
	case CLOCK_BOOTTIME_ALARM:
		*ns = time_now_ns();
		return OK;
	case CLOCK_PROCESS_CPUTIME_ID:
		return cpu_clock_of(CPU_CLOCK_PROCESS, ns);
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = sched_thread_runtime_ns(thread_current());
		return OK;
	default:
		return clock < 0 ? cpu_clock_of(clock, ns) : ERR_INVAL;
	}
}

LINUX_HANDLER(clock_gettime)
{
	u64 ns;
	s64 st = clock_read((s32)a0, &ns);
	return st ? st : timespec_out(user_ptr(a1), ns);
}

LINUX_HANDLER(clock_getres)
{
	u64 ns;
	s64 st = clock_read((s32)a0, &ns);
	return st || !a1 ? st : timespec_out(user_ptr(a1), 1);
}

LINUX_HANDLER(gettimeofday)
{
	u64 ns = time_wall_ns();
	struct timeval_user tv = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC) };
	if (a0 && COPY_OUT(user_ptr(a0), &tv))
		return ERR_FAULT;
	return a1 ? user_zero(user_ptr(a1), 8) : OK; /* struct timezone: UTC */
}

LINUX_HANDLER(time)
{
	s64 seconds = (s64)(time_wall_ns() / NSEC_PER_SEC);
	return a0 && COPY_OUT(user_ptr(a0), &seconds) ? ERR_FAULT : seconds;
}

status_t wait_sleep_until(u64 deadline, enum wait_flags flags)
{
	struct thread *t = thread_current();
	status_t st;

	if (deadline == DEADLINE_NEVER || !(deadline & DEADLINE_WALL))
		return wait_sleep(deadline, flags);
	__atomic_store_n(&t->wall_wait, true, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	st = wait_sleep(deadline_from_realtime(deadline & ~DEADLINE_WALL), flags);
	__atomic_store_n(&t->wall_wait, false, __ATOMIC_RELAXED);
	return st;
}

static status_t sleep_until(u64 deadline)
{
	status_t st = OK;
	while (!st) {
		wait_prepare();
		st = wait_sleep_until(deadline, WAIT_INTERRUPTIBLE);
	}
	wait_finish();
	return st == ERR_TIMEDOUT ? OK : st;
}

void sleepers_clock_set(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* against wait_sleep_until: it sees the new clock, or we see that it sleeps */
	spin_lock(&process_tree_lock);
	list_for_each(p, &process_all, struct process, all_link)
		list_for_each(t, &p->threads, struct thread, process_link)
			if (__atomic_load_n(&t->wall_wait, __ATOMIC_RELAXED))
				thread_wake(t);
	spin_unlock(&process_tree_lock);
}

/* Sleeps until a CPU clock has reached `target`. It cannot run faster than all CPUs together, so it is looked at no
 * earlier than that; no timer is needed at the threads that make it run. */
static s64 sleep_on_cpu_clock(s32 clock, u64 target)
{
	u64 ns;
	for (;;) {
		s64 st = clock_read(clock, &ns);
		if (st || ns >= target)
			return st;
		u64 wait = MAX((target - ns) / cpu_count, CPU_CLOCK_POLL_NS);
		wait_prepare();
		st = wait_sleep(deadline_from_relative(wait), WAIT_INTERRUPTIBLE);
		wait_finish();
		if (st == ERR_INTR)
			return st;
	}
}

/* args: [0] where the remaining time goes, or 0; [1] clock, [2] its value at the end */
static s64 relative_cpu_sleep(struct thread *t)
{
	u64 ns;
	s64 st = sleep_on_cpu_clock((s32)t->restart_args[1], t->restart_args[2]);
	if (st != ERR_INTR)
		return st;
	if (clock_read((s32)t->restart_args[1], &ns) || ns >= t->restart_args[2])
		return OK;
	if (t->restart_args[0] && timespec_out(user_ptr(t->restart_args[0]), t->restart_args[2] - ns))
		return ERR_FAULT;
	t->restart_fn = relative_cpu_sleep;
	return ERR_RESTART_BLOCK;
}

static bool clock_is_own_thread(s32 clock)
{
	return clock == CLOCK_THREAD_CPUTIME_ID || (clock < 0 && (clock & 4));
}

static s64 cpu_clock_sleep(s32 clock, bool absolute, u64 ns, u64 remaining_va)
{
	struct thread *t = thread_current();
	u64 now;
	s64 st = clock_read(clock, &now);
	if (st)
		return st;
	if (absolute) {
		st = sleep_on_cpu_clock(clock, ns);
		return st == ERR_INTR ? ERR_RESTART_NOHAND : st;
	}
	t->restart_args[0] = remaining_va;
	t->restart_args[1] = (u64)(s64)clock;
	t->restart_args[2] = now + MIN(ns, TIME_MAX_NS);
	return relative_cpu_sleep(t);
}

/* args: [0] where the remaining time goes, or 0 */
static s64 relative_sleep(struct thread *t)
{
	u64 deadline = t->restart_deadline;
	status_t st = sleep_until(deadline);
	if (st != ERR_INTR)
		return st;
	u64 now = time_now_ns();
	if (now >= deadline)
		return OK;
	if (t->restart_args[0] && timespec_out(user_ptr(t->restart_args[0]), deadline - now))
		return ERR_FAULT;
	t->restart_fn = relative_sleep;
	return ERR_RESTART_BLOCK;
}

static s64 sleep_relative(u64 ns, u64 remaining_va)
{
	struct thread *t = thread_current();
	t->restart_deadline = deadline_from_relative(ns);
	t->restart_args[0] = remaining_va;
	return relative_sleep(t);
}

LINUX_HANDLER(nanosleep)
{
	u64 ns;
	status_t st = timespec_in(user_ptr(a0), &ns);
	return st ? st : sleep_relative(ns, a1);
}

LINUX_HANDLER(clock_nanosleep)
{
	u64 ns;
	s32 clock = (s32)a0;
	bool wall = clock == CLOCK_REALTIME || clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM;
	bool cpu = clock == CLOCK_PROCESS_CPUTIME_ID || clock < 0;
	if (clock != CLOCK_THREAD_CPUTIME_ID && clock_is_own_thread(clock)) /* it stands still meanwhile */
		return ERR_INVAL;
	if (!cpu && !wall && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_BOOTTIME_ALARM)
		return clock > CLOCK_TAI || clock == CLOCK_SGI_CYCLE ? ERR_INVAL : ERR_OPNOTSUPP;
	status_t st = timespec_in(user_ptr(a2), &ns);
	if (st)
		return st;
	if (cpu)
		return cpu_clock_sleep(clock, (u32)a1 & TIMER_ABSTIME, ns, a3);
	if (!((u32)a1 & TIMER_ABSTIME))
		return sleep_relative(ns, a3);
	st = sleep_until(wall ? deadline_on_wall(ns) : ns);
	return st == ERR_INTR ? ERR_RESTART_NOHAND : st;
}

LINUX_HANDLER(times)
{
	struct process *p = process_current();
	u64 tick = NSEC_PER_SEC / CLOCK_TICKS_PER_SEC, user, system;
	process_times(p, &user, &system);
	s64 out[4] = {
		(s64)(user / tick), (s64)(system / tick),
		(s64)(p->children_user_ns / tick), (s64)(p->children_system_ns / tick),
	};
	if (a0 && copy_out(user_ptr(a0), out, sizeof(out)))
		return ERR_FAULT;
	return (s64)(time_now_ns() / tick);
}

static struct usage usage_of_process(struct process *p)
{
	struct usage u = { 0 };
	process_times(p, &u.user_ns, &u.system_ns);
	spin_lock(&process_tree_lock);
	u.minor_faults = p->minor_faults;
	u.major_faults = p->major_faults;
	u.voluntary = p->dead_voluntary;
	u.involuntary = p->dead_involuntary;
	list_for_each(t, &p->threads, struct thread, process_link) {
		u.minor_faults += t->minor_faults;
		u.major_faults += t->major_faults;
		u.voluntary += t->voluntary_switches;
		u.involuntary += t->involuntary_switches;
	}
	u.max_rss_pages = MAX(p->max_rss_pages, p->aspace ? p->aspace->resident_pages : 0);
	spin_unlock(&process_tree_lock);
	return u;
}

LINUX_HANDLER(getrusage)
{
	enum { RUSAGE_CHILDREN = -1, RUSAGE_SELF = 0, RUSAGE_THREAD = 1 };
	struct thread *t = thread_current();
	struct process *p = t->process;
	struct usage u;
	switch ((s32)a0) {
	case RUSAGE_SELF:
		u = usage_of_process(p);
		break;
	case RUSAGE_CHILDREN:
		u = (struct usage){ p->children_user_ns, p->children_system_ns, p->children_minor_faults,
			p->children_major_faults, p->children_max_rss_pages, 0, 0 };
		break;
	case RUSAGE_THREAD:
		u = (struct usage){ 0, 0, t->minor_faults, t->major_faults, p->max_rss_pages, t->voluntary_switches,
			t->involuntary_switches };
		thread_times(t, &u.user_ns, &u.system_ns);
		break;
	default:
		return ERR_INVAL;
	}
	return usage_out(user_ptr(a1), &u);
}
