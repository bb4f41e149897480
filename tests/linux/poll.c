// SPDX-License-Identifier: MIT
/* poll, ppoll, select, pselect6 over pipes. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int p[2];
static volatile int alarms;
static void *volatile bad_address = (void *)8;
static volatile nfds_t too_many = 1u << 30;
static void on_alarm(int s) { alarms++; }
static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static void later(int ms, int fd)
{
	if (!fork()) {
		usleep((unsigned)ms * 1000);
		_exit(write(fd, "x", 1) != 1);
	}
}

CASE(poll_reports_each_entry)
{
	struct pollfd f[4] = { { p[0], POLLIN, 9 }, { p[1], POLLOUT, 9 }, { -1, POLLIN, 9 }, { 77, POLLIN, 9 } };
	CHECK(poll(f, 4, 0) == 2);
	CHECK(f[0].revents == 0 && f[1].revents == POLLOUT && f[2].revents == 0 && f[3].revents == POLLNVAL);
}
CASE(poll_times_out)
{
	struct pollfd f = { p[0], POLLIN, 0 };
	long start = now_ms();
	CHECK(poll(&f, 1, 100) == 0 && f.revents == 0);
	CHECK(now_ms() - start >= 99 && now_ms() - start < 1500);
	CHECK(poll(NULL, 0, 20) == 0);
}
CASE(poll_wakes_when_written)
{
	struct pollfd f = { p[0], POLLIN, 0 };
	char b;
	later(50, p[1]);
	CHECK(poll(&f, 1, 10000) == 1 && f.revents == POLLIN);
	CHECK(read(p[0], &b, 1) == 1);
	wait(NULL);
}
CASE(poll_of_many_descriptors)
{
	struct pollfd f[100];
	for (int i = 0; i < 100; i++)
		f[i] = (struct pollfd){ p[0], POLLIN, 0 };
	later(30, p[1]);
	CHECK(poll(f, 100, 10000) == 100);
	char b;
	CHECK(read(p[0], &b, 1) == 1 && poll(f, 100, 0) == 0);
	wait(NULL);
}
CASE(poll_is_interrupted)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval t = { { 0, 0 }, { 0, 50000 } };
	struct pollfd f = { p[0], POLLIN, 0 };
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	CHECK_ERRNO(poll(&f, 1, -1), EINTR);
	CHECK(alarms == 1);
}
CASE(ppoll_swaps_the_mask)
{
	struct timespec short_time = { 0, 30000000 };
	sigset_t block, empty, now;
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	sigemptyset(&empty);
	sigprocmask(SIG_BLOCK, &block, NULL);
	alarms = 0;
	raise(SIGALRM);
	CHECK(alarms == 0);
	CHECK(ppoll(NULL, 0, &short_time, NULL) == 0 && alarms == 0);
	CHECK_ERRNO(ppoll(NULL, 0, NULL, &empty), EINTR);
	CHECK(alarms == 1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGALRM));
	sigprocmask(SIG_UNBLOCK, &block, NULL);
}
CASE(poll_argument_errors)
{
	struct timespec bad = { 0, 2000000000 };
	CHECK_ERRNO(poll(bad_address, 1, 0), EFAULT);
	CHECK_ERRNO(poll(bad_address, too_many, 0), EINVAL);
	CHECK_ERRNO(ppoll(NULL, 0, &bad, NULL), EINVAL);
}
CASE(select_reports_bits)
{
	fd_set r, w;
	struct timeval zero = { 0, 0 };
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	CHECK(select(p[1] + 1, &r, &w, NULL, &zero) == 1);
	CHECK(!FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w));
	CHECK(write(p[1], "x", 1) == 1);
	FD_SET(p[0], &r);
	CHECK(select(p[0] + 1, &r, NULL, NULL, NULL) == 1 && FD_ISSET(p[0], &r));
	char b;
	CHECK(read(p[0], &b, 1) == 1);
}
CASE(select_of_a_closed_descriptor_is_ebadf)
{
	fd_set r;
	struct timeval zero = { 0, 0 };
	int fd = dup(0);
	close(fd);
	FD_ZERO(&r);
	FD_SET(fd, &r);
	CHECK_ERRNO(select(fd + 1, &r, NULL, NULL, &zero), EBADF);
	CHECK_ERRNO(select(-1, NULL, NULL, NULL, &zero), EINVAL);
}
/* The call itself: musl gives the kernel a copy of the time. */
static long raw_select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *t) { return syscall(SYS_select, n, r, w, e, t); }
CASE(select_writes_the_time_left)
{
	fd_set r;
	struct timeval t = { 5, 0 };
	char b;
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	later(60, p[1]);
	CHECK(raw_select(p[0] + 1, &r, NULL, NULL, &t) == 1);
	CHECK(t.tv_sec == 4 && t.tv_usec > 0);
	CHECK(read(p[0], &b, 1) == 1);
	wait(NULL);
	t = (struct timeval){ 0, 40000 };
	FD_SET(p[0], &r);
	CHECK(raw_select(p[0] + 1, &r, NULL, NULL, &t) == 0 && !FD_ISSET(p[0], &r) && t.tv_sec == 0 && t.tv_usec == 0);
}

int main(void)
{
	if (pipe(p))
		return 1;
	RUN(poll_reports_each_entry);
	RUN(poll_times_out);
	RUN(poll_wakes_when_written);
	RUN(poll_of_many_descriptors);
	RUN(poll_is_interrupted);
	RUN(ppoll_swaps_the_mask);
	RUN(poll_argument_errors);
	RUN(select_reports_bits);
	RUN(select_of_a_closed_descriptor_is_ebadf);
	RUN(select_writes_the_time_left);
	return check_summary();
}
