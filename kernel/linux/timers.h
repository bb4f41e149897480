/* SPDX-License-Identifier: MIT */
/* Between time_timer.c (timers on the time of day) and time_cpu.c (timers and limits on CPU time). */
#ifndef AMBOS_KERNEL_LINUX_TIMERS_H
#define AMBOS_KERNEL_LINUX_TIMERS_H

#include "signal.h"

enum { ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2 };
enum { SIGEV_NONE = 1 };

/* Locks: [s] process->signal_lock, [I] immutable. */
struct posix_timer {
	struct list_node link;       /* [s] */
	struct timer timer;
	struct process *p;           /* [I] */
	struct thread *target;       /* [I] SIGEV_THREAD_ID: referenced */
	u32 id;                      /* [I] */
	s32 clock, notify, signo;    /* [I] */
	enum { CPU_CLOCK_NONE, CPU_CLOCK_USER, CPU_CLOCK_ALL } cpu_clock; /* [I] what the deadline is counted in, if CPU time */
	struct thread *clock_thread; /* [I] whose CPU time; NULL: the process's */
	u64 value;                   /* [I] */
	u64 deadline_ns, interval_ns;/* [s] deadline 0 = disarmed */
	bool wall;                   /* [s] the deadline stands for a time on the wall clock */
	s32 overrun, overrun_delivered; /* [s] */
	bool queued;                 /* [s] its signal was sent and not taken */
};
static inline struct siginfo_k posix_timer_info(const struct posix_timer *t)
{
	return (struct siginfo_k){ .signo = t->signo, .code = SI_TIMER, .timer_id = (s32)t->id, .value = t->value };
}
bool posix_timer_expire_locked(struct posix_timer *t, u64 now);
struct posix_timer *posix_timer_find_locked(struct process *p, u32 id);

/* time_cpu.c. A process's CPU time needs the tree lock, so it is taken before the signal lock. */
struct cpu_now { u64 user, all; };
struct cpu_now cpu_now_get(struct process *p);
s64 cpu_clock_bind(struct posix_timer *t) MUST_CHECK;   /* t->clock is not a clock of the time of day */
u64 cpu_clock_now(struct posix_timer *t, const struct cpu_now *now);
void cpu_timer_start(struct posix_timer *t, const struct cpu_now *now, bool absolute, u64 value, u64 interval);
void cpu_itimer_set(u32 which, u64 value_ns, u64 interval_ns, u64 *old_value, u64 *old_interval);
void cpu_itimer_get(u32 which, u64 *value_ns, u64 *interval_ns);

#endif
