// SPDX-License-Identifier: MIT
/* What waits for a time on the wall clock moves when it is set; what waits for a span does not. Sets the clock, so it does
 * nothing on a host unless it is asked to: clock_set set. */
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define JUMP 100
#define FAR 60 /* below JUMP, and longer than the test lasts */

static struct timespec now_plus(clockid_t clock, long seconds)
{
	struct timespec t;
	clock_gettime(clock, &t);
	t.tv_sec += seconds;
	return t;
}
static int jump(long seconds)
{
	struct timespec t = now_plus(CLOCK_REALTIME, seconds);
	return clock_settime(CLOCK_REALTIME, &t);
}
static void *jump_soon(void *arg)
{
	usleep(50000);
	return (void *)(intptr_t)jump((intptr_t)arg);
}

CASE(absolute_sleeps_end_when_their_time_is_skipped)
{
	struct timespec until = now_plus(CLOCK_REALTIME, FAR), start = now_plus(CLOCK_MONOTONIC, 0), end;
	pthread_t t;
	void *failed;
	CHECK(pthread_create(&t, NULL, jump_soon, (void *)JUMP) == 0);
	CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0);
	end = now_plus(CLOCK_MONOTONIC, 0);
	CHECK(end.tv_sec - start.tv_sec < FAR / 2);
	CHECK(pthread_join(t, &failed) == 0 && !failed && jump(-JUMP) == 0);
}

CASE(waits_with_a_time_end_when_it_is_skipped)
{
	struct timespec until = now_plus(CLOCK_REALTIME, FAR), start = now_plus(CLOCK_MONOTONIC, 0), end;
	uint32_t word = 0;
	struct mq_attr a = { .mq_maxmsg = 1, .mq_msgsize = 1 };
	mqd_t q = mq_open("/ambos-clock", O_CREAT | O_RDWR, 0600, &a);
	pthread_t t;
	void *failed;
	char c;
	CHECK(pthread_create(&t, NULL, jump_soon, (void *)JUMP) == 0);
	/* not by a condition variable: musl waits for the span that is left */
	CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &until, NULL, -1), ETIMEDOUT);
	CHECK(pthread_join(t, &failed) == 0 && !failed && jump(-JUMP) == 0);
	CHECK(pthread_create(&t, NULL, jump_soon, (void *)JUMP) == 0);
	CHECK_ERRNO(mq_timedreceive(q, &c, 1, NULL, &until), ETIMEDOUT);
	CHECK(pthread_join(t, &failed) == 0 && !failed && jump(-JUMP) == 0);
	end = now_plus(CLOCK_MONOTONIC, 0);
	CHECK(end.tv_sec - start.tv_sec < FAR / 2);
	CHECK(mq_close(q) == 0 && mq_unlink("/ambos-clock") == 0);
}

CASE(absolute_timers_move)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec at = { .it_value = now_plus(CLOCK_REALTIME, FAR) }, in = { .it_value = { FAR, 0 } }, left;
	struct timespec none = { 1, 0 };
	timer_t absolute, relative;
	siginfo_t info;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	e.sigev_value.sival_int = 1;
	CHECK(timer_create(CLOCK_REALTIME, &e, &absolute) == 0 && timer_settime(absolute, TIMER_ABSTIME, &at, NULL) == 0);
	e.sigev_value.sival_int = 2;
	CHECK(timer_create(CLOCK_REALTIME, &e, &relative) == 0 && timer_settime(relative, 0, &in, NULL) == 0);
	CHECK(jump(-JUMP / 2) == 0 && timer_gettime(absolute, &left) == 0 && left.it_value.tv_sec > FAR + JUMP / 2 - 10);
	CHECK(timer_gettime(relative, &left) == 0 && left.it_value.tv_sec > FAR - 10 && left.it_value.tv_sec <= FAR);
	CHECK(jump(JUMP / 2 + JUMP) == 0);
	CHECK(sigtimedwait(&set, &info, &none) == SIGUSR1 && info.si_value.sival_int == 1);
	CHECK(timer_gettime(relative, &left) == 0 && left.it_value.tv_sec > FAR - 10 && left.it_value.tv_sec <= FAR);
	CHECK(timer_delete(absolute) == 0 && timer_delete(relative) == 0 && jump(-JUMP) == 0);
}

CASE(absolute_timerfds_move)
{
	struct itimerspec at = { .it_value = now_plus(CLOCK_REALTIME, FAR) }, in = { .it_value = { FAR, 0 } };
	int absolute = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), relative = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct pollfd p = { absolute, POLLIN, 0 };
	uint64_t n = 0;
	CHECK(timerfd_settime(absolute, TFD_TIMER_ABSTIME, &at, NULL) == 0 && timerfd_settime(relative, 0, &in, NULL) == 0);
	CHECK_ERRNO(read(absolute, &n, sizeof(n)), EAGAIN);
	CHECK(jump(JUMP) == 0 && poll(&p, 1, 1000) == 1);
	CHECK(read(absolute, &n, sizeof(n)) == sizeof(n) && n == 1);
	CHECK_ERRNO(read(relative, &n, sizeof(n)), EAGAIN);
	close(absolute);
	close(relative);
	CHECK(jump(-JUMP) == 0);
}

CASE(timerfds_can_be_cancelled_by_it)
{
	const int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	struct itimerspec at = { .it_value = now_plus(CLOCK_REALTIME, FAR) };
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct pollfd p = { fd, POLLIN, 0 };
	uint64_t n;
	CHECK(timerfd_settime(fd, flags, &at, NULL) == 0 && poll(&p, 1, 0) == 0);
	CHECK(jump(1) == 0 && poll(&p, 1, 1000) == 1);
	CHECK_ERRNO(read(fd, &n, sizeof(n)), ECANCELED);
	CHECK_ERRNO(read(fd, &n, sizeof(n)), EAGAIN);
	CHECK(jump(-1) == 0);
	CHECK_ERRNO(timerfd_settime(fd, flags, &at, NULL), ECANCELED);
	CHECK_ERRNO(read(fd, &n, sizeof(n)), EAGAIN);
	close(fd);
}

int main(int argc, char **argv)
{
	if ((argc > 1 && !strcmp(argv[1], "set")) || (access("/proc/ambos", F_OK) == 0 && geteuid() == 0)) {
		RUN(absolute_sleeps_end_when_their_time_is_skipped);
		RUN(waits_with_a_time_end_when_it_is_skipped);
		RUN(absolute_timers_move);
		RUN(absolute_timerfds_move);
		RUN(timerfds_can_be_cancelled_by_it);
	}
	return check_summary();
}
