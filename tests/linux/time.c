// SPDX-License-Identifier: MIT
/* Clocks, sleeping, interval and POSIX timers. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static long long ns_of(clockid_t clock)
{
	struct timespec t = { 0, 0 };
	CHECK(clock_gettime(clock, &t) == 0);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static long long ns_of_call(clockid_t clock)
{
	struct timespec t = { 0, 0 };
	CHECK(syscall(SYS_clock_gettime, clock, &t) == 0);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

CASE(monotonic_never_goes_back)
{
	long long last = ns_of(CLOCK_MONOTONIC);
	for (int i = 0; i < 20000; i++) {
		long long now = i & 1 ? ns_of(CLOCK_MONOTONIC) : ns_of_call(CLOCK_MONOTONIC);
		CHECK(now >= last);
		last = now;
	}
}

CASE(clocks_agree)
{
	struct timeval tv;
	CHECK(gettimeofday(&tv, NULL) == 0);
	CHECK(llabs(ns_of(CLOCK_REALTIME) / 1000000 - (tv.tv_sec * 1000ll + tv.tv_usec / 1000)) < 50);
	CHECK(llabs((long long)time(NULL) - ns_of(CLOCK_REALTIME) / 1000000000) <= 1);
	CHECK(ns_of(CLOCK_REALTIME) > 1700000000ll * 1000000000);
	CHECK(llabs(ns_of(CLOCK_REALTIME_COARSE) - ns_of(CLOCK_REALTIME)) < 50000000);
	CHECK(llabs(ns_of(CLOCK_MONOTONIC_RAW) - ns_of_call(CLOCK_MONOTONIC_RAW)) < 50000000);
	CHECK(ns_of(CLOCK_BOOTTIME) > 0);
	struct timespec r;
	CHECK(clock_getres(CLOCK_MONOTONIC, &r) == 0 && r.tv_sec == 0 && r.tv_nsec > 0);
	CHECK_ERRNO(clock_gettime(77, &r), EINVAL);
	CHECK_ERRNO(clock_getres(77, &r), EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8), EFAULT);
}

CASE(cpu_clocks_count_work)
{
	long long process = ns_of(CLOCK_PROCESS_CPUTIME_ID), thread = ns_of(CLOCK_THREAD_CPUTIME_ID);
	long long start = ns_of(CLOCK_MONOTONIC);
	while (ns_of(CLOCK_MONOTONIC) - start < 30000000)
		;
	CHECK(ns_of(CLOCK_PROCESS_CPUTIME_ID) - process > 1000000);
	CHECK(ns_of(CLOCK_THREAD_CPUTIME_ID) - thread > 1000000);
	clockid_t mine;
	CHECK(pthread_getcpuclockid(pthread_self(), &mine) == 0 && ns_of(mine) >= thread);
	CHECK(clock_getcpuclockid(getpid(), &mine) == 0 && ns_of(mine) >= process);
}

CASE(state_of_the_clock_can_be_read)
{
	struct timex t = { .modes = 0 };
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int state = adjtimex(&t);
	CHECK(state >= 0 && state <= 5);
	CHECK(t.tick >= 9000 && t.tick <= 11000 && t.time.tv_sec >= now.tv_sec && t.time.tv_sec <= now.tv_sec + 2);
	CHECK(!(t.status & STA_UNSYNC) == (state != TIME_ERROR));
	t = (struct timex){ .modes = ADJ_OFFSET_SS_READ };
	CHECK(clock_adjtime(CLOCK_REALTIME, &t) == state && t.offset == 0);
	CHECK_ERRNO(clock_adjtime(CLOCK_MONOTONIC, &t), EOPNOTSUPP);
	CHECK_ERRNO(clock_adjtime(99, &t), EINVAL);
	CHECK_ERRNO(syscall(SYS_adjtimex, 8), EFAULT);
	t = (struct timex){ .modes = 0x8000 };
	CHECK_ERRNO(adjtimex(&t), EINVAL);
	if (!fork()) {
		t = (struct timex){ .modes = ADJ_FREQUENCY };
		_exit((getuid() == 0 && setuid(65534)) || adjtimex(&t) != -1 || errno != EPERM);
	}
	int status;
	CHECK(wait(&status) > 0 && status == 0);
}
CASE(nanosleep_sleeps_long_enough)
{
	struct timespec t = { 0, 20000000 }, bad = { 0, 1000000000 }, negative = { -1, 0 };
	long long start = ns_of(CLOCK_MONOTONIC);
	CHECK(nanosleep(&t, NULL) == 0);
	CHECK(ns_of(CLOCK_MONOTONIC) - start >= 20000000);
	CHECK_ERRNO(nanosleep(&bad, NULL), EINVAL);
	CHECK_ERRNO(nanosleep(&negative, NULL), EINVAL);
	CHECK_ERRNO(nanosleep((void *)8, NULL), EFAULT);
}

CASE(absolute_sleep)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 20000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	long long start = ns_of(CLOCK_MONOTONIC);
	CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == 0);
	CHECK(ns_of(CLOCK_MONOTONIC) - start >= 15000000);
	CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == 0); /* in the past */
	CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL) == EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL), EOPNOTSUPP); /* not libc's */
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, 8, NULL), EOPNOTSUPP);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, 10, 0, &t, NULL), EINVAL);
}

static volatile sig_atomic_t fired;
static volatile int fired_value, fired_code, fired_overrun;
static void on_timer(int s, siginfo_t *i, void *u)
{
	(void)s;
	(void)u;
	fired++;
	fired_value = i->si_value.sival_int;
	fired_code = i->si_code;
	fired_overrun = i->si_overrun;
}

CASE(posix_timer_signals)
{
	struct sigaction sa = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 99 };
	struct itimerspec it = { .it_value = { 0, 20000000 } }, now;
	timer_t t;
	sigaction(SIGUSR1, &sa, NULL);
	fired = 0;
	CHECK(timer_create(CLOCK_MONOTONIC, &ev, &t) == 0);
	CHECK(timer_gettime(t, &now) == 0 && now.it_value.tv_nsec == 0);
	CHECK(timer_settime(t, 0, &it, NULL) == 0);
	CHECK(timer_gettime(t, &now) == 0 && now.it_value.tv_nsec > 0);
	while (!fired) /* pause() would hang when the signal comes just before it */
		usleep(1000);
	CHECK(fired == 1 && fired_value == 99 && fired_code == SI_TIMER && fired_overrun == 0);
	CHECK(timer_delete(t) == 0);
}

CASE(posix_timer_overruns)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec it = { .it_value = { 0, 5000000 }, .it_interval = { 0, 5000000 } };
	struct timespec nap = { 0, 60000000 };
	sigset_t set;
	timer_t t;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	fired = 0;
	timer_create(CLOCK_MONOTONIC, &ev, &t);
	sigprocmask(SIG_BLOCK, &set, NULL);
	timer_settime(t, 0, &it, NULL);
	nanosleep(&nap, NULL);
	it = (struct itimerspec){ 0 };
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	timer_settime(t, 0, &it, NULL);
	CHECK(fired >= 1 && fired_overrun >= 0);
	timer_delete(t);
}

CASE(timer_errors)
{
	timer_t t;
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99 };
	struct itimerspec it = { .it_value = { 0, -1 } };
	struct itimerval iv = { { 0, 0 }, { 0, 1000000 } };
	CHECK_ERRNO(timer_create(55, NULL, &t), EINVAL);
	CHECK_ERRNO(timer_create(CLOCK_MONOTONIC, &ev, &t), EINVAL);
	CHECK(timer_create(CLOCK_MONOTONIC, NULL, &t) == 0);
	CHECK_ERRNO(timer_settime(t, 0, &it, NULL), EINVAL);
	CHECK(timer_delete(t) == 0);
	CHECK_ERRNO(syscall(SYS_timer_delete, 12345), EINVAL);
	CHECK_ERRNO(setitimer(ITIMER_REAL, &iv, NULL), EINVAL);
	CHECK_ERRNO(setitimer(9, &iv, NULL), EINVAL);
}

static volatile int thread_notified;
static void notified(union sigval v) { thread_notified = v.sival_int; }
CASE(sigev_thread_calls)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notified, .sigev_value.sival_int = 12 };
	struct itimerspec it = { .it_value = { 0, 10000000 } };
	timer_t t;
	CHECK(timer_create(CLOCK_REALTIME, &ev, &t) == 0);
	timer_settime(t, 0, &it, NULL);
	for (int i = 0; i < 1000 && !thread_notified; i++)
		usleep(1000);
	CHECK(thread_notified == 12);
	timer_delete(t);
}

CASE(times_and_rusage)
{
	struct tms buf;
	struct rusage u;
	CHECK(times(&buf) != -1);
	CHECK(getrusage(RUSAGE_SELF, &u) == 0 && u.ru_maxrss > 0);
	CHECK(getrusage(RUSAGE_THREAD, &u) == 0);
}

CASE(setting_the_clock_checks_its_arguments) /* and never sets it: this runs on the host, too */
{
	struct timeval wrong = { 1000000000, 1000000 }, negative = { -1, 0 };
	int zone[2] = { 1000, 0 };
	CHECK(syscall(SYS_settimeofday, NULL, NULL) == 0);
	CHECK_ERRNO(syscall(SYS_settimeofday, &wrong, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_settimeofday, &negative, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_settimeofday, 8, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_settimeofday, NULL, zone), EINVAL);
}

CASE(load_is_told_by_sysinfo)
{
	struct sysinfo s;
	double load = -1;
	FILE *f = fopen("/proc/loadavg", "r");
	CHECK(f && fscanf(f, "%lf", &load) == 1 && sysinfo(&s) == 0);
	CHECK(s.loads[0] / 65536.0 > load - 0.2 && s.loads[0] / 65536.0 < load + 0.2);
	if (f)
		fclose(f);
}

int main(void)
{
	RUN(monotonic_never_goes_back);
	RUN(clocks_agree);
	RUN(cpu_clocks_count_work);
	RUN(state_of_the_clock_can_be_read);
	RUN(nanosleep_sleeps_long_enough);
	RUN(absolute_sleep);
	RUN(posix_timer_signals);
	RUN(posix_timer_overruns);
	RUN(timer_errors);
	RUN(sigev_thread_calls);
	RUN(times_and_rusage);
	RUN(setting_the_clock_checks_its_arguments);
	RUN(load_is_told_by_sysinfo);
	return check_summary();
}
