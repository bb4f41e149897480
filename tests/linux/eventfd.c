// SPDX-License-Identifier: MIT
/* eventfd, timerfd, signalfd, pidfd. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int revents(int fd, int timeout)
{
	struct pollfd f = { fd, POLLIN | POLLOUT, 0 };
	poll(&f, 1, timeout);
	return f.revents;
}

CASE(eventfd_counts_and_resets)
{
	uint64_t v = 5;
	int fd = eventfd(2, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK));
	CHECK(write(fd, &v, 8) == 8 && revents(fd, 0) == (POLLIN | POLLOUT));
	CHECK(read(fd, &v, 8) == 8 && v == 7);
	CHECK_ERRNO(read(fd, &v, 8), EAGAIN);
	CHECK(revents(fd, 0) == POLLOUT);
	CHECK_ERRNO(read(fd, &v, 4), EINVAL);
	v = UINT64_MAX;
	CHECK_ERRNO(write(fd, &v, 8), EINVAL);
	v = UINT64_MAX - 1;
	CHECK(write(fd, &v, 8) == 8 && revents(fd, 0) == POLLIN);
	v = 1;
	CHECK_ERRNO(write(fd, &v, 8), EAGAIN);
	CHECK(lseek(fd, 3, SEEK_SET) == 0);
	CHECK_ERRNO(eventfd(0, 0x40), EINVAL);
	close(fd);
}
CASE(eventfd_semaphore_gives_ones)
{
	uint64_t v;
	int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	CHECK(read(fd, &v, 8) == 8 && v == 1 && read(fd, &v, 8) == 8 && v == 1);
	CHECK_ERRNO(read(fd, &v, 8), EAGAIN);
	close(fd);
}
CASE(eventfd_read_blocks_until_written)
{
	uint64_t v = 3;
	int fd = eventfd(0, 0);
	if (!fork()) {
		usleep(30000);
		_exit(write(fd, &v, 8) != 8);
	}
	v = 0;
	CHECK(read(fd, &v, 8) == 8 && v == 3);
	wait(NULL);
	close(fd);
}
CASE(timerfd_fires_once_and_periodically)
{
	struct itimerspec t = { { 0, 0 }, { 0, 30000000 } }, left;
	uint64_t n = 0;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	CHECK(timerfd_settime(fd, 0, &t, NULL) == 0);
	CHECK(timerfd_gettime(fd, &left) == 0 && left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 30000000);
	CHECK(revents(fd, 0) == 0 && revents(fd, 2000) == POLLIN);
	CHECK(read(fd, &n, 8) == 8 && n == 1);
	CHECK(timerfd_gettime(fd, &left) == 0 && left.it_value.tv_nsec == 0);
	t = (struct itimerspec){ { 0, 10000000 }, { 0, 10000000 } };
	CHECK(timerfd_settime(fd, 0, &t, NULL) == 0);
	usleep(55000);
	CHECK(read(fd, &n, 8) == 8 && n >= 5 && n < 200);
	CHECK(read(fd, &n, 8) == 8 && n >= 1);
	t = (struct itimerspec){ { 0, 0 }, { 0, 0 } };
	CHECK(timerfd_settime(fd, 0, &t, &left) == 0 && left.it_interval.tv_nsec == 10000000);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	CHECK_ERRNO(read(fd, &n, 8), EAGAIN);
	close(fd);
}
CASE(timerfd_absolute_time_in_the_past_fires_at_once)
{
	struct itimerspec t = { { 0, 0 }, { 1, 0 } };
	uint64_t n;
	int fd = timerfd_create(CLOCK_REALTIME, 0);
	CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL) == 0);
	CHECK(read(fd, &n, 8) == 8 && n == 1);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	t.it_value.tv_sec = now.tv_sec + 1;
	t.it_value.tv_nsec = now.tv_nsec;
	CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL) == 0 && revents(fd, 100) == 0 && revents(fd, 3000) == POLLIN);
	t.it_value.tv_nsec = 2000000000;
	CHECK_ERRNO(timerfd_settime(fd, 0, &t, NULL), EINVAL);
	CHECK_ERRNO(timerfd_create(99, 0), EINVAL);
	CHECK_ERRNO(timerfd_settime(1, 0, &(struct itimerspec){ 0 }, NULL), EINVAL);
	close(fd);
}
CASE(signalfd_reads_pending_signals)
{
	struct signalfd_siginfo info;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK);
	CHECK(fd >= 0 && revents(fd, 0) == 0);
	CHECK_ERRNO(read(fd, &info, sizeof(info)), EAGAIN);
	CHECK_ERRNO(read(fd, &info, 100), EINVAL);
	kill(getpid(), SIGUSR1);
	CHECK(revents(fd, 0) == POLLIN);
	CHECK(read(fd, &info, sizeof(info)) == sizeof(info));
	CHECK(info.ssi_signo == SIGUSR1 && info.ssi_pid == (uint32_t)getpid() && info.ssi_uid == getuid() && info.ssi_code == SI_USER);
	CHECK(revents(fd, 0) == 0);
	fcntl(fd, F_SETFL, 0);
	pid_t parent = getpid();
	if (!fork()) {
		usleep(40000);
		kill(parent, SIGUSR2);
		_exit(0);
	}
	CHECK(read(fd, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGUSR2);
	wait(NULL);
	CHECK_ERRNO(signalfd(1, &set, 0), EINVAL);
	close(fd);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
CASE(pidfd_is_readable_after_exit)
{
	pid_t pid = fork();
	if (!pid) {
		usleep(50000);
		_exit(7);
	}
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd f = { fd, POLLIN, 0 };
	CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	CHECK(poll(&f, 1, 0) == 0);
	CHECK(poll(&f, 1, 5000) == 1 && f.revents == POLLIN);
	siginfo_t info;
	CHECK(waitid(3 /* P_PIDFD */, (id_t)fd, &info, WEXITED) == 0 && info.si_status == 7);
	CHECK_ERRNO(syscall(SYS_pidfd_open, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_pidfd_open, 999999, 0), ESRCH);
	close(fd);
}

CASE(path_descriptors_are_none)
{
	struct itimerspec t;
	sigset_t set;
	int path = open("/", O_PATH);
	sigemptyset(&set);
	CHECK_ERRNO(timerfd_gettime(path, &t), EBADF);
	CHECK_ERRNO(signalfd(path, &set, 0), EBADF);
	CHECK_ERRNO(inotify_add_watch(path, "/", 1), EBADF);
	CHECK_ERRNO(inotify_rm_watch(path, 1), EBADF);
	close(path);
}

int main(void)
{
	RUN(eventfd_counts_and_resets);
	RUN(eventfd_semaphore_gives_ones);
	RUN(eventfd_read_blocks_until_written);
	RUN(timerfd_fires_once_and_periodically);
	RUN(timerfd_absolute_time_in_the_past_fires_at_once);
	RUN(signalfd_reads_pending_signals);
	RUN(pidfd_is_readable_after_exit);
	RUN(path_descriptors_are_none);
	return check_summary();
}
