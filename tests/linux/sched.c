// SPDX-License-Identifier: MIT
/* Scheduling classes: policies, their priorities and rights, what a child inherits, and that a real-time thread
 * runs before ordinary ones. sched(7), sched_setscheduler(2), sched_setattr(2). Cases that need root skip without it. */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

struct attr { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; };
/* musl has these only as stubs that fail. */
static int policy_set(pid_t pid, int policy, const struct sched_param *p) { return (int)syscall(SYS_sched_setscheduler, pid, policy, p); }
static int policy_get(pid_t pid) { return (int)syscall(SYS_sched_getscheduler, pid); }
static int parameters_set(pid_t pid, const struct sched_param *p) { return (int)syscall(SYS_sched_setparam, pid, p); }
static int parameters_get(pid_t pid, struct sched_param *p) { return (int)syscall(SYS_sched_getparam, pid, p); }

static struct sched_param prio(int n) { return (struct sched_param){ .sched_priority = n }; }

/* A container's host may forbid real-time threads even to root. */
static int realtime_allowed(void)
{
	struct sched_param one = prio(1), none = prio(0);
	int allowed = policy_set(0, SCHED_RR, &one) == 0;
	policy_set(0, SCHED_OTHER, &none);
	return allowed;
}
#define SKIP_UNLESS(condition) do { if (!(condition)) { printf("  skipped: %s\n", #condition); return; } } while (0)

CASE(priorities_must_suit_the_policy)
{
	struct sched_param zero = prio(0), one = prio(1), hundred = prio(100);
	CHECK_ERRNO(policy_set(0, SCHED_OTHER, &one), EINVAL);
	CHECK_ERRNO(policy_set(0, SCHED_FIFO, &zero), EINVAL);
	CHECK_ERRNO(policy_set(0, SCHED_RR, &hundred), EINVAL);
	CHECK_ERRNO(policy_set(0, 4, &zero), EINVAL);
	CHECK_ERRNO(policy_set(-1, SCHED_OTHER, &zero), EINVAL);
	CHECK_ERRNO(parameters_set(0, &one), EINVAL);
	CHECK(parameters_set(0, &zero) == 0);
	CHECK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1);
	CHECK(sched_get_priority_max(SCHED_OTHER) == 0);
}
CASE(batch_and_idle_are_accepted)
{
	struct sched_param zero = prio(0);
	CHECK(policy_set(0, SCHED_BATCH, &zero) == 0 && policy_get(0) == SCHED_BATCH);
	CHECK(policy_set(0, SCHED_IDLE, &zero) == 0 && policy_get(0) == SCHED_IDLE);
	CHECK(policy_set(0, SCHED_OTHER, &zero) == 0 && policy_get(0) == SCHED_OTHER);
}
CASE(real_time_policy_and_priority_are_shown)
{
	SKIP_UNLESS(realtime_allowed());
	struct sched_param p = prio(7), got;
	struct timespec ts;
	CHECK(policy_set(0, SCHED_FIFO, &p) == 0);
	CHECK(policy_get(0) == SCHED_FIFO);
	CHECK(parameters_get(0, &got) == 0 && got.sched_priority == 7);
	CHECK(sched_rr_get_interval(0, &ts) == 0 && ts.tv_sec == 0 && ts.tv_nsec == 0);
	p = prio(9);
	CHECK(parameters_set(0, &p) == 0 && parameters_get(0, &got) == 0 && got.sched_priority == 9);
	CHECK(policy_set(0, SCHED_RR, &p) == 0);
	CHECK(sched_rr_get_interval(0, &ts) == 0 && ts.tv_nsec > 0);
	struct attr a = { 0 };
	CHECK(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) == 0 && a.policy == SCHED_RR && a.priority == 9);
	p = prio(0);
	CHECK(policy_set(0, SCHED_OTHER, &p) == 0);
}
CASE(children_inherit_unless_reset)
{
	SKIP_UNLESS(realtime_allowed());
	struct sched_param p = prio(3), zero = prio(0);
	for (int reset = 0; reset < 2; reset++) {
		CHECK(policy_set(0, SCHED_RR | (reset ? SCHED_RESET_ON_FORK : 0), &p) == 0);
		CHECK(policy_get(0) == (SCHED_RR | (reset ? SCHED_RESET_ON_FORK : 0)));
		pid_t pid = fork();
		if (pid == 0)
			_exit(policy_get(0));
		int status;
		CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == (reset ? SCHED_OTHER : SCHED_RR));
	}
	CHECK(policy_set(0, SCHED_OTHER, &zero) == 0);
}
CASE(a_user_needs_the_limit_for_real_time)
{
	SKIP_UNLESS(geteuid() == 0 && realtime_allowed());
	pid_t pid = fork();
	if (pid == 0) {
		struct sched_param p = prio(3);
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_RTPRIO, &none);
		if (setresuid(1000, 1000, 1000))
			_exit(1);
		_exit(policy_set(0, SCHED_RR, &p) != -1 || errno != EPERM ? 2 : 0);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	pid = fork();
	if (pid == 0) {
		struct sched_param p = prio(3), high = prio(6);
		struct rlimit l = { 5, 5 };
		if (setrlimit(RLIMIT_RTPRIO, &l) || setresuid(1000, 1000, 1000))
			_exit(getrlimit(RLIMIT_RTPRIO, &l) || l.rlim_max < 5 ? 0 : 1); /* a container's root may not raise it */
		_exit(policy_set(0, SCHED_RR, &p) ? 2 : parameters_set(0, &high) != -1 || errno != EPERM ? 3 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}
CASE(a_user_may_choose_among_ordinary_policies)
{
	SKIP_UNLESS(geteuid() == 0);
	int status;
	pid_t pid = fork();
	if (pid == 0) { /* the real user id stays root's */
		struct sched_param zero = { 0 };
		struct rlimit less = { 19, 19 };
		int raised = setrlimit(RLIMIT_NICE, &less) == 0; /* a container's root may not */
		if (setresuid(0, 1000, 0))
			_exit(1);
		if (policy_set(0, SCHED_OTHER, &zero) || policy_set(0, SCHED_BATCH, &zero) || policy_set(0, SCHED_IDLE, &zero))
			_exit(2);
		if (policy_set(0, SCHED_OTHER, &zero) != -1 || errno != EPERM) /* out of idle only as far as nice may fall */
			_exit(3);
		_exit(nice(5) != 5 || (policy_set(0, SCHED_OTHER, &zero) == 0) != raised ? 4 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}
CASE(setattr_checks_size_and_flags)
{
	struct attr a = { .size = 20 };
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG);
	a = (struct attr){ .size = sizeof(a), .flags = 1ull << 40 };
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
	a = (struct attr){ .size = sizeof(a), .nice = 3 };
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
	CHECK(syscall(SYS_sched_setattr, 0, &a, 0) == 0);
	CHECK(getpriority(PRIO_PROCESS, 0) == 3);
	char large[80] = { 0 };
	memcpy(large, &a, sizeof(a));
	*(uint32_t *)(void *)large = sizeof(large);
	CHECK(syscall(SYS_sched_setattr, 0, large, 0) == 0);
	large[70] = 1;
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, large, 0), E2BIG);
	setpriority(PRIO_PROCESS, 0, 0);
}

static long long cpu_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}
static pid_t hog_start(volatile long *count, int policy, int priority)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct sched_param p = prio(priority);
		if (policy_set(0, policy, &p))
			_exit(1);
		for (;;)
			++*count;
	}
	return pid;
}
/* On one CPU: the parent is above both hogs, sleeps, and looks at what they did. */
static void compare(int policy_a, int priority_a, int policy_b, int priority_b, long *a, long *b)
{
	volatile long *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cpu_set_t old, one;
	struct sched_param top = prio(50), zero = prio(0);
	sched_getaffinity(0, sizeof(old), &old);
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	policy_set(0, SCHED_FIFO, &top);
	pid_t first = hog_start(&counts[0], policy_a, priority_a), second = hog_start(&counts[1], policy_b, priority_b);
	usleep(300000);
	*a = counts[0];
	*b = counts[1];
	kill(first, SIGKILL);
	kill(second, SIGKILL);
	waitpid(first, NULL, 0);
	waitpid(second, NULL, 0);
	policy_set(0, SCHED_OTHER, &zero);
	sched_setaffinity(0, sizeof(old), &old);
}
CASE(the_higher_priority_runs_alone)
{
	SKIP_UNLESS(realtime_allowed());
	long low, high;
	compare(SCHED_FIFO, 10, SCHED_FIFO, 20, &low, &high);
	CHECK(high > 1000 && low < high / 5);
}
CASE(round_robin_threads_share)
{
	SKIP_UNLESS(realtime_allowed());
	long a, b;
	compare(SCHED_RR, 10, SCHED_RR, 10, &a, &b);
	CHECK(a > 1000 && b > 1000);
}
CASE(the_idle_class_gets_little)
{
	SKIP_UNLESS(realtime_allowed());
	long idle, other;
	compare(SCHED_IDLE, 0, SCHED_OTHER, 0, &idle, &other);
	CHECK(other > 1000 && idle < other / 4);
}
CASE(others_live_beside_a_real_time_loop)
{
	SKIP_UNLESS(realtime_allowed());
	volatile long *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cpu_set_t all, one;
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	pid_t pid = hog_start(count, SCHED_FIFO, 99);
	long long start = cpu_ns();
	while (cpu_ns() - start < 20000000)
		getppid();
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(*count > 1000);
	sched_setaffinity(0, sizeof(all), &all);
}

static volatile sig_atomic_t warned;
static void handler(int signo) { warned = signo; }
CASE(a_real_time_burst_has_its_limit)
{
	SKIP_UNLESS(realtime_allowed());
	pid_t pid = fork();
	if (pid == 0) {
		struct sched_param p = prio(2);
		struct rlimit l = { 600000, 900000 };
		signal(SIGXCPU, handler);
		if (setrlimit(RLIMIT_RTTIME, &l) || policy_set(0, SCHED_RR, &p))
			_exit(1);
		for (int i = 0; i < 17; i++) { /* bursts of 40 ms with sleeps are fine */
			for (long long end = cpu_ns() + 40000000; cpu_ns() < end;) { }
			usleep(1000);
		}
		if (warned)
			_exit(2);
		while (!warned) { }
		for (;;) { }
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	RUN(priorities_must_suit_the_policy);
	RUN(batch_and_idle_are_accepted);
	RUN(real_time_policy_and_priority_are_shown);
	RUN(children_inherit_unless_reset);
	RUN(a_user_needs_the_limit_for_real_time);
	RUN(a_user_may_choose_among_ordinary_policies);
	RUN(setattr_checks_size_and_flags);
	RUN(the_higher_priority_runs_alone);
	RUN(round_robin_threads_share);
	RUN(the_idle_class_gets_little);
	RUN(others_live_beside_a_real_time_loop);
	RUN(a_real_time_burst_has_its_limit);
	return check_summary();
}
