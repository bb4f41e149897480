// SPDX-License-Identifier: MIT
/* epoll: level and edge triggered, one shot, nesting, removal by close, waking. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int e, p[2];
static struct epoll_event out[8];
static void *volatile bad_address = (void *)8;
static void on_signal(int s) {}

static void start(uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = 0x123456789abcdefull };
	e = epoll_create1(EPOLL_CLOEXEC);
	CHECK(e >= 0 && pipe(p) == 0);
	CHECK(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev) == 0);
}
static void stop(void) { close(e); close(p[0]); close(p[1]); }
static int ready(void) { return epoll_wait(e, out, 8, 0); }
static void put(int n) { CHECK(write(p[1], "abcdefgh", (size_t)n) == n); }
static void take(int n) { char b[8]; CHECK(read(p[0], b, (size_t)n) == n); }

CASE(level_triggered_repeats_until_drained)
{
	start(EPOLLIN);
	CHECK(ready() == 0);
	put(2);
	CHECK(ready() == 1 && out[0].events == EPOLLIN && out[0].data.u64 == 0x123456789abcdefull);
	CHECK(ready() == 1);
	take(1);
	CHECK(ready() == 1);
	take(1);
	CHECK(ready() == 0);
	stop();
}
CASE(edge_triggered_reports_each_write_once)
{
	start(EPOLLIN | EPOLLET);
	put(1);
	CHECK(ready() == 1 && ready() == 0);
	put(1);
	CHECK(ready() == 1 && ready() == 0);
	take(1);
	CHECK(ready() == 0);
	stop();
}
CASE(one_shot_waits_for_rearm)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = 5 };
	start(EPOLLIN | EPOLLONESHOT);
	put(1);
	CHECK(ready() == 1 && ready() == 0);
	put(1);
	CHECK(ready() == 0);
	CHECK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev) == 0);
	CHECK(ready() == 1 && out[0].data.fd == 5 && ready() == 0);
	stop();
}
CASE(added_when_ready_is_reported)
{
	struct epoll_event ev = { .events = EPOLLOUT };
	start(EPOLLIN);
	CHECK(epoll_ctl(e, EPOLL_CTL_ADD, p[1], &ev) == 0);
	CHECK(ready() == 1 && out[0].events == EPOLLOUT);
	stop();
}
CASE(hang_up_is_always_reported)
{
	start(0);
	close(p[1]);
	CHECK(ready() == 1 && out[0].events == EPOLLHUP);
	close(e);
	close(p[0]);
}
CASE(close_removes_the_item)
{
	start(EPOLLIN);
	put(1);
	int copy = dup(p[0]);
	close(p[0]);
	CHECK(ready() == 1); /* the open file lives on */
	close(copy);
	CHECK(ready() == 0);
	close(e);
	close(p[1]);
}
CASE(wrong_uses_have_their_errno)
{
	struct epoll_event ev = { .events = EPOLLIN };
	start(EPOLLIN);
	CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev), EEXIST);
	CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_MOD, p[1], &ev), ENOENT);
	CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_DEL, p[1], NULL), ENOENT);
	CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_ADD, e, &ev), EINVAL);
	CHECK_ERRNO(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &ev), EINVAL);
	CHECK_ERRNO(epoll_ctl(e, 9, p[1], &ev), EINVAL);
	CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_ADD, 99, &ev), EBADF);
	CHECK_ERRNO(epoll_wait(e, out, 0, 0), EINVAL);
	CHECK_ERRNO(epoll_wait(p[0], out, 1, 0), EINVAL);
	int path = open("/", O_PATH);
	CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_ADD, path, &ev), EBADF);
	CHECK_ERRNO(epoll_ctl(path, EPOLL_CTL_ADD, e, &ev), EBADF);
	CHECK_ERRNO(epoll_wait(path, out, 1, 0), EBADF);
	close(path);
	CHECK_ERRNO(syscall(SYS_epoll_create, 0), EINVAL);
	put(1);
	CHECK_ERRNO(epoll_wait(e, bad_address, 1, 0), EFAULT);
	stop();
}
CASE(nested_instances_report_and_loops_are_refused)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct pollfd f;
	start(EPOLLIN);
	int outer = epoll_create1(0);
	CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, e, &ev) == 0);
	CHECK_ERRNO(epoll_ctl(e, EPOLL_CTL_ADD, outer, &ev), ELOOP);
	CHECK(epoll_wait(outer, out, 8, 0) == 0);
	put(1);
	CHECK(epoll_wait(outer, out, 8, 0) == 1 && out[0].events == EPOLLIN);
	f = (struct pollfd){ outer, POLLIN, 0 };
	CHECK(poll(&f, 1, 0) == 1);
	take(1);
	CHECK(epoll_wait(outer, out, 8, 0) == 0);
	close(outer);
	stop();
}
CASE(chains_of_instances_end_at_five)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int chain[7];
	for (int i = 0; i < 7; i++)
		chain[i] = epoll_create1(0);
	for (int i = 1; i < 5; i++) /* from below */
		CHECK(epoll_ctl(chain[i], EPOLL_CTL_ADD, chain[i - 1], &ev) == 0);
	CHECK_ERRNO(epoll_ctl(chain[5], EPOLL_CTL_ADD, chain[4], &ev), ELOOP);
	CHECK(epoll_ctl(chain[6], EPOLL_CTL_ADD, chain[5], &ev) == 0);
	CHECK_ERRNO(epoll_ctl(chain[0], EPOLL_CTL_ADD, chain[5], &ev), ELOOP); /* from above */
	for (int i = 0; i < 7; i++)
		close(chain[i]);
}
/* A child per instance; each counts its event in the shared byte array. */
static void exclusive_child(volatile char *woken)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE };
	int mine = epoll_create1(0);
	epoll_ctl(mine, EPOLL_CTL_ADD, p[0], &ev);
	*woken = 2;
	*woken = epoll_wait(mine, &ev, 1, 5000) == 1;
	_exit(0);
}
static int count_woken(volatile char *woken, int want)
{
	int n = 0;
	for (int turn = 0; turn < 500 && n < want; turn++) {
		usleep(10000);
		n = 0;
		for (int i = 0; i < 4; i++)
			n += woken[i] == 1;
	}
	return n;
}
CASE(exclusive_watch_wakes_one_of_many_instances)
{
	char c;
	volatile char *woken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(pipe(p) == 0);
	for (int i = 0; i < 4; i++)
		if (!fork())
			exclusive_child(woken + i);
	for (int i = 0; i < 4; i++)
		while (woken[i] != 2)
			usleep(1000);
	usleep(100000); /* into epoll_wait */
	for (int round = 1; round <= 4; round++) {
		put(1);
		CHECK(count_woken(woken, round) == round);
		usleep(50000);
		CHECK(count_woken(woken, round) == round);
		CHECK(read(p[0], &c, 1) == 1);
	}
	for (int i = 0; i < 4; i++)
		wait(NULL);
	munmap((void *)woken, 4096);
	close(p[0]);
	close(p[1]);
}
CASE(waiting_wakes_and_times_out)
{
	struct timespec a, b;
	start(EPOLLIN);
	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK(epoll_wait(e, out, 8, 60) == 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 59);
	if (!fork()) {
		usleep(40000);
		put(1);
		_exit(0);
	}
	CHECK(epoll_wait(e, out, 8, 10000) == 1);
	wait(NULL);
	stop();
}
static void *waiter(void *arg)
{
	struct epoll_event ev;
	return (void *)(long)epoll_wait(*(int *)arg, &ev, 1, 5000);
}
CASE(each_event_wakes_one_of_many_threads)
{
	pthread_t t[4];
	void *got;
	int fds[4], total = 0;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);
	for (int i = 0; i < 4; i++) {
		fds[i] = eventfd(0, 0);
		CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev) == 0);
		pthread_create(&t[i], NULL, waiter, &ep);
	}
	usleep(50000);
	uint64_t one = 1;
	for (int i = 0; i < 4; i++)
		CHECK(write(fds[i], &one, 8) == 8);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &got);
		total += (int)(long)got;
		close(fds[i]);
	}
	CHECK(total == 4);
	close(ep);
}
CASE(many_ready_items_take_turns)
{
	int fds[20], seen[20] = { 0 };
	int ep = epoll_create1(0);
	for (int i = 0; i < 20; i++) {
		fds[i] = eventfd(1, 0);
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = i };
		CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev) == 0);
	}
	for (int round = 0; round < 3; round++) {
		int n = epoll_wait(ep, out, 8, 0);
		CHECK(n == 8);
		for (int i = 0; i < n; i++)
			seen[out[i].data.fd]++;
	}
	for (int i = 0; i < 20; i++)
		CHECK(seen[i] >= 1);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	close(ep);
}
CASE(epoll_wait_is_interrupted)
{
	start(EPOLLIN);
	pid_t parent = getpid();
	struct sigaction sa = { .sa_handler = on_signal };
	sigaction(SIGUSR1, &sa, NULL);
	if (!fork()) {
		usleep(50000);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	CHECK_ERRNO(epoll_wait(e, out, 8, 5000), EINTR);
	wait(NULL);
	stop();
}

int main(void)
{
	RUN(level_triggered_repeats_until_drained);
	RUN(edge_triggered_reports_each_write_once);
	RUN(one_shot_waits_for_rearm);
	RUN(added_when_ready_is_reported);
	RUN(hang_up_is_always_reported);
	RUN(close_removes_the_item);
	RUN(wrong_uses_have_their_errno);
	RUN(nested_instances_report_and_loops_are_refused);
	RUN(chains_of_instances_end_at_five);
	RUN(exclusive_watch_wakes_one_of_many_instances);
	RUN(waiting_wakes_and_times_out);
	RUN(each_event_wakes_one_of_many_threads);
	RUN(many_ready_items_take_turns);
	RUN(epoll_wait_is_interrupted);
	return check_summary();
}
