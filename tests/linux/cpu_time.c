// SPDX-License-Identifier: MIT
/* CPU time: user and system parts, CPU clocks, timers and limits on CPU time. Everything is measured in CPU time, so a
 * busy host does not matter. times(2), getrusage(2), setitimer(2), timer_create(2), getrlimit(2), clock_nanosleep(2). */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

#define MS 1000000ll
static volatile unsigned long sink;
static volatile sig_atomic_t fired;
static void count(int signo) { (void)signo; fired++; }

static long long clock_ns(clockid_t clock)
{
	struct timespec ts;
	return clock_gettime(clock, &ts) ? -1 : ts.tv_sec * 1000000000ll + ts.tv_nsec;
}
static void burn_user(long long ns)
{
	for (long long end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + ns; clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end;)
		for (int i = 0; i < 400000; i++)
			sink += (unsigned long)i * 7;
}
static void burn_system(long long ns)
{
	static char buffer[1 << 18];
	int fd = open("/dev/zero", O_RDONLY);
	for (long long end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + ns; clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end;)
		if (read(fd, buffer, sizeof(buffer)) < 0)
			break;
	close(fd);
}
static long long usage_ns(int who, int system)
{
	struct rusage u;
	getrusage(who, &u);
	struct timeval *tv = system ? &u.ru_stime : &u.ru_utime;
	return tv->tv_sec * 1000000000ll + tv->tv_usec * 1000ll;
}

CASE(a_loop_in_the_program_is_user_time)
{
	long long user = usage_ns(RUSAGE_SELF, 0), system = usage_ns(RUSAGE_SELF, 1);
	burn_user(400 * MS);
	user = usage_ns(RUSAGE_SELF, 0) - user;
	system = usage_ns(RUSAGE_SELF, 1) - system;
	CHECK(user > 300 * MS);
	CHECK(system < user / 3);
}
CASE(long_calls_are_system_time)
{
	long long user = usage_ns(RUSAGE_SELF, 0), system = usage_ns(RUSAGE_SELF, 1);
	burn_system(400 * MS);
	user = usage_ns(RUSAGE_SELF, 0) - user;
	system = usage_ns(RUSAGE_SELF, 1) - system;
	CHECK(system > 200 * MS);
	CHECK(user < system);
}
CASE(page_faults_are_system_time)
{
	long long user = usage_ns(RUSAGE_SELF, 0), system = usage_ns(RUSAGE_SELF, 1), start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 400 * MS) {
		size_t size = 8 << 20;
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (size_t i = 0; i < size; i += 4096)
			p[i] = 1;
		munmap(p, size);
	}
	user = usage_ns(RUSAGE_SELF, 0) - user;
	system = usage_ns(RUSAGE_SELF, 1) - system;
	CHECK(system > 200 * MS);
	CHECK(user < system);
}
CASE(user_and_system_time_never_fall)
{
	long long user = 0, system = 0;
	int falls = 0;
	for (int i = 0; i < 40; i++) {
		i & 1 ? burn_user(3 * MS) : burn_system(3 * MS);
		long long u = usage_ns(RUSAGE_SELF, 0), s = usage_ns(RUSAGE_SELF, 1);
		falls += (u < user) + (s < system);
		user = u;
		system = s;
	}
	CHECK(falls == 0);
}
CASE(the_sum_is_the_process_clock)
{
	long long before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	long long sum = usage_ns(RUSAGE_SELF, 0) + usage_ns(RUSAGE_SELF, 1);
	long long after = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	CHECK(sum >= before - 20 * MS && sum <= after + 20 * MS);
}
CASE(times_and_children_follow)
{
	struct tms a, b;
	times(&a);
	pid_t pid = fork();
	if (pid == 0) {
		burn_system(200 * MS);
		burn_user(200 * MS);
		_exit(0);
	}
	struct rusage u;
	CHECK(wait4(pid, NULL, 0, &u) == pid);
	times(&b);
	CHECK(b.tms_cutime - a.tms_cutime >= 10);
	CHECK(b.tms_cstime - a.tms_cstime >= 10);
	CHECK(u.ru_utime.tv_usec + u.ru_utime.tv_sec * 1000000 > 100000);
	CHECK(u.ru_stime.tv_usec + u.ru_stime.tv_sec * 1000000 > 100000);
}
CASE(proc_stat_shows_the_same)
{
	char text[1024] = "";
	long long user_before = usage_ns(RUSAGE_SELF, 0), system_before = usage_ns(RUSAGE_SELF, 1);
	int fd = open("/proc/self/stat", O_RDONLY);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	long user = -1, system = -1;
	char *p = strrchr(text, ')');
	CHECK(p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) == 2);
	CHECK(user >= user_before / (10 * MS) - 3 && user > 20);
	CHECK(system >= system_before / (10 * MS) - 3 && system > 20);
}

static void expect_itimer(int which, int signo, void (*burn)(long long))
{
	signal(signo, count);
	fired = 0;
	struct itimerval v = { { 0, 20000 }, { 0, 40000 } }, left;
	CHECK(setitimer(which, &v, NULL) == 0);
	CHECK(getitimer(which, &left) == 0 && left.it_interval.tv_usec == 20000 && left.it_value.tv_usec > 0 &&
	      left.it_value.tv_usec <= 44000);
	burn(300 * MS);
	CHECK(fired >= 1 && fired <= 60);
	v.it_value.tv_usec = v.it_interval.tv_usec = 0;
	CHECK(setitimer(which, &v, &left) == 0 && left.it_interval.tv_usec == 20000);
	int before = fired;
	burn(60 * MS);
	CHECK(fired == before);
	CHECK(getitimer(which, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
}
CASE(virtual_timer_counts_user_time) { expect_itimer(ITIMER_VIRTUAL, SIGVTALRM, burn_user); }
CASE(profiling_timer_counts_user_time) { expect_itimer(ITIMER_PROF, SIGPROF, burn_user); }
CASE(profiling_timer_counts_system_time) { expect_itimer(ITIMER_PROF, SIGPROF, burn_system); }
CASE(virtual_timer_does_not_run_while_asleep)
{
	signal(SIGVTALRM, count);
	fired = 0;
	struct itimerval v = { { 0, 0 }, { 0, 30000 } }, left;
	setitimer(ITIMER_VIRTUAL, &v, NULL);
	usleep(100000);
	CHECK(fired == 0);
	CHECK(getitimer(ITIMER_VIRTUAL, &left) == 0 && left.it_value.tv_usec > 1000);
	burn_user(150 * MS);
	CHECK(fired == 1);
}
CASE(cpu_itimers_are_not_inherited_and_survive_nothing_else)
{
	struct itimerval v = { { 0, 0 }, { 5, 0 } }, off = { { 0, 0 }, { 0, 0 } };
	setitimer(ITIMER_PROF, &v, NULL);
	pid_t pid = fork();
	if (pid == 0) {
		struct itimerval left;
		_exit(getitimer(ITIMER_PROF, &left) || left.it_value.tv_sec || left.it_value.tv_usec);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	setitimer(ITIMER_PROF, &off, NULL);
	CHECK_ERRNO(setitimer(3, &off, NULL), EINVAL);
	CHECK_ERRNO(getitimer(3, &off), EINVAL);
}

static void expect_posix_timer(clockid_t clock)
{
	timer_t id;
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec v = { { 0, 20 * MS }, { 0, 40 * MS } }, left;
	signal(SIGUSR1, count);
	fired = 0;
	CHECK(timer_create(clock, &e, &id) == 0);
	CHECK(timer_gettime(id, &left) == 0 && left.it_value.tv_nsec == 0);
	CHECK(timer_settime(id, 0, &v, NULL) == 0);
	CHECK(timer_gettime(id, &left) == 0 && left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 40 * MS);
	usleep(80000);
	CHECK(fired <= 1);
	burn_user(300 * MS);
	CHECK(fired >= 1 && fired <= 60); /* 14 when nobody stalls the CPU: expirations of a stalled one are one signal */
	CHECK(timer_delete(id) == 0);
	int before = fired;
	burn_user(60 * MS);
	CHECK(fired == before);
}
CASE(timer_on_the_process_clock) { expect_posix_timer(CLOCK_PROCESS_CPUTIME_ID); }
CASE(timer_on_the_thread_clock) { expect_posix_timer(CLOCK_THREAD_CPUTIME_ID); }
CASE(timer_on_a_clock_by_id)
{
	clockid_t clock;
	CHECK(pthread_getcpuclockid(pthread_self(), &clock) == 0);
	expect_posix_timer(clock);
	CHECK(clock_getcpuclockid(0, &clock) == 0);
	expect_posix_timer(clock);
}
CASE(absolute_cpu_time_in_the_past_fires_soon)
{
	timer_t id;
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec v = { { 0, 0 }, { 0, 1 } };
	fired = 0;
	CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &e, &id) == 0);
	CHECK(timer_settime(id, TIMER_ABSTIME, &v, NULL) == 0);
	burn_user(30 * MS);
	CHECK(fired == 1);
	timer_delete(id);
}
CASE(timer_on_a_clock_of_nobody_is_refused)
{
	timer_t id;
	CHECK_ERRNO(timer_create((clockid_t)(~0x3ffffeu << 3 | 2), NULL, &id), EINVAL);
	CHECK_ERRNO(timer_create(99, NULL, &id), EINVAL);
}

static volatile int helper_stop;
static void *helper(void *arg)
{
	(void)arg;
	while (!helper_stop)
		sink++;
	return NULL;
}
CASE(sleep_on_the_process_clock_needs_another_thread)
{
	pthread_t t;
	helper_stop = 0;
	CHECK(pthread_create(&t, NULL, helper, NULL) == 0);
	struct timespec ts = { 0, 100 * MS };
	long long before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	CHECK(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &ts, NULL) == 0);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - before >= 100 * MS);
	helper_stop = 1;
	pthread_join(t, NULL);
	CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL) == EINVAL);
}

CASE(cpu_limit_sends_sigxcpu_then_kills)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit l = { 1, 2 };
		signal(SIGXCPU, count);
		fired = 0;
		if (setrlimit(RLIMIT_CPU, &l))
			_exit(1);
		while (!fired)
			sink++;
		if (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < 400 * MS)
			_exit(2);
		burn_user(5000 * MS);
		_exit(3);
	}
	int status;
	struct rusage u;
	CHECK(wait4(pid, &status, 0, &u) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(u.ru_utime.tv_sec + u.ru_stime.tv_sec <= 2);
}
CASE(cpu_limit_ends_a_program_without_a_handler)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit l = { 1, RLIM_INFINITY };
		setrlimit(RLIMIT_CPU, &l);
		burn_user(5000 * MS);
		_exit(3);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
}

int main(void)
{
	RUN(a_loop_in_the_program_is_user_time);
	RUN(long_calls_are_system_time);
	RUN(page_faults_are_system_time);
	RUN(user_and_system_time_never_fall);
	RUN(the_sum_is_the_process_clock);
	RUN(times_and_children_follow);
	RUN(proc_stat_shows_the_same);
	RUN(virtual_timer_counts_user_time);
	RUN(profiling_timer_counts_user_time);
	RUN(profiling_timer_counts_system_time);
	RUN(virtual_timer_does_not_run_while_asleep);
	RUN(cpu_itimers_are_not_inherited_and_survive_nothing_else);
	RUN(timer_on_the_process_clock);
	RUN(timer_on_the_thread_clock);
	RUN(timer_on_a_clock_by_id);
	RUN(absolute_cpu_time_in_the_past_fires_soon);
	RUN(timer_on_a_clock_of_nobody_is_refused);
	RUN(sleep_on_the_process_clock_needs_another_thread);
	RUN(cpu_limit_sends_sigxcpu_then_kills);
	RUN(cpu_limit_ends_a_program_without_a_handler);
	return check_summary();
}
