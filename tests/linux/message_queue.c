// SPDX-License-Identifier: MIT
/* mq_overview(7): names, limits, order, waiting, timeouts, hand-over to waiters, notification, use as a descriptor. */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static char name[64], buf[8192];

static mqd_t queue_open(int flags, long count, long size)
{
	struct mq_attr a = { .mq_maxmsg = count, .mq_msgsize = size };
	mqd_t q;
	snprintf(name, sizeof(name), "/ambos-test-%d", getpid());
	mq_unlink(name);
	q = mq_open(name, flags | O_CREAT | O_EXCL, 0600, &a);
	CHECK(q >= 0);
	return q;
}
static void queue_close(mqd_t q) { CHECK(mq_close(q) == 0 && mq_unlink(name) == 0); }
static struct timespec in_ms(long ms)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

CASE(names_are_made_found_and_removed)
{
	struct mq_attr a;
	mqd_t q = queue_open(O_RDWR, 3, 16), again;
	CHECK(fcntl(q, F_GETFD) == FD_CLOEXEC);
	CHECK(mq_getattr(q, &a) == 0 && a.mq_flags == 0 && a.mq_maxmsg == 3 && a.mq_msgsize == 16 && a.mq_curmsgs == 0);
	CHECK_ERRNO(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST);
	again = mq_open(name, O_RDONLY);
	CHECK(again >= 0 && mq_send(q, "x", 1, 0) == 0 && mq_receive(again, buf, 16, NULL) == 1);
	CHECK_ERRNO(mq_send(again, "x", 1, 0), EBADF);
	CHECK(mq_unlink(name) == 0);
	CHECK_ERRNO(mq_open(name, O_RDWR), ENOENT);
	CHECK_ERRNO(mq_unlink(name), ENOENT);
	CHECK(mq_send(q, "y", 1, 0) == 0 && mq_receive(again, buf, 16, NULL) == 1 && buf[0] == 'y');
	CHECK(mq_close(q) == 0 && mq_close(again) == 0);
	CHECK_ERRNO(mq_close(q), EBADF);
}

CASE(odd_names_and_limits_are_refused)
{
	static char wide[300];
	struct mq_attr none = { .mq_maxmsg = 0, .mq_msgsize = 1 }, negative = { .mq_maxmsg = 1, .mq_msgsize = -1 };
	struct mq_attr huge = { .mq_maxmsg = 65537, .mq_msgsize = 1 };
	memset(wide, 'a', 256);
	CHECK_ERRNO(syscall(SYS_mq_open, "", O_CREAT | O_RDWR, 0600, NULL), ENOENT);
	CHECK_ERRNO(syscall(SYS_mq_open, "a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
	CHECK_ERRNO(syscall(SYS_mq_open, ".", O_CREAT | O_RDWR, 0600, NULL), EACCES);
	CHECK_ERRNO(syscall(SYS_mq_open, wide, O_CREAT | O_RDWR, 0600, NULL), ENAMETOOLONG);
	CHECK_ERRNO(syscall(SYS_mq_open, (void *)16, O_RDWR, 0, NULL), EFAULT);
	CHECK_ERRNO(mq_open("/ambos-none", O_CREAT | O_RDWR, 0600, &none), EINVAL);
	CHECK_ERRNO(mq_open("/ambos-none", O_CREAT | O_RDWR, 0600, &negative), EINVAL);
	CHECK_ERRNO(mq_open("/ambos-none", O_CREAT | O_RDWR, 0600, &huge), EINVAL);
	CHECK_ERRNO(mq_open("/ambos-none", O_RDWR), ENOENT);
}

CASE(messages_come_by_priority_then_age)
{
	unsigned priority = 99;
	mqd_t q = queue_open(O_RDWR, 5, 16);
	CHECK(!mq_send(q, "a", 1, 1) && !mq_send(q, "b", 1, 7) && !mq_send(q, "c", 1, 7) && !mq_send(q, "", 0, 32767));
	CHECK(!mq_send(q, "e", 1, 0));
	CHECK(mq_receive(q, buf, 16, &priority) == 0 && priority == 32767);
	CHECK(mq_receive(q, buf, 16, &priority) == 1 && priority == 7 && buf[0] == 'b');
	CHECK(mq_receive(q, buf, 16, &priority) == 1 && priority == 7 && buf[0] == 'c');
	CHECK(mq_receive(q, buf, 16, &priority) == 1 && priority == 1 && buf[0] == 'a');
	CHECK(mq_receive(q, buf, 16, NULL) == 1 && buf[0] == 'e');
	CHECK_ERRNO(mq_send(q, "a", 1, 32768), EINVAL);
	CHECK_ERRNO(mq_send(q, buf, 17, 0), EMSGSIZE);
	CHECK_ERRNO(mq_send(q, (void *)16, 1, 0), EFAULT);
	CHECK_ERRNO(mq_receive(q, buf, 15, NULL), EMSGSIZE);
	queue_close(q);
}

CASE(full_and_empty_end_as_asked)
{
	struct mq_attr a = { .mq_flags = O_NONBLOCK }, old, odd = { .mq_flags = O_APPEND };
	struct timespec t = in_ms(30), bad = { 0, 1000000000 };
	mqd_t q = queue_open(O_RDWR, 1, 16);
	CHECK_ERRNO(mq_timedreceive(q, buf, 16, NULL, &t), ETIMEDOUT);
	CHECK_ERRNO(mq_timedreceive(q, buf, 16, NULL, &bad), EINVAL);
	CHECK(mq_timedsend(q, "x", 1, 0, &t) == 0);
	t = in_ms(30);
	CHECK_ERRNO(mq_timedsend(q, "x", 1, 0, &t), ETIMEDOUT);
	CHECK(mq_setattr(q, &a, &old) == 0 && old.mq_flags == 0 && old.mq_curmsgs == 1);
	CHECK_ERRNO(mq_setattr(q, &odd, NULL), EINVAL);
	CHECK_ERRNO(mq_send(q, "x", 1, 0), EAGAIN);
	CHECK(mq_receive(q, buf, 16, NULL) == 1);
	CHECK_ERRNO(mq_receive(q, buf, 16, NULL), EAGAIN);
	queue_close(q);
}

static mqd_t shared;
static _Atomic int order[3], arrived;
static void *receive_one(void *arg)
{
	struct sched_param p = { .sched_priority = (int)(intptr_t)arg };
	char own[16];
	if (p.sched_priority)
		syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p);
	long n = mq_receive(shared, own, sizeof(own), NULL);
	order[arrived++] = p.sched_priority;
	return (void *)n;
}
CASE(receivers_are_served_by_priority)
{
	static const int arrive[3] = { 0, 3, 9 }, leave[3] = { 9, 3, 0 };
	pthread_t t[3];
	void *n;
	if (geteuid())
		return;
	shared = queue_open(O_RDWR, 4, 16);
	for (int i = 0; i < 3; i++) {
		CHECK(!pthread_create(&t[i], NULL, receive_one, (void *)(intptr_t)arrive[i]));
		usleep(20000);
	}
	for (int i = 0; i < 3; i++) {
		CHECK(mq_send(shared, "abc", 3, 0) == 0);
		for (int spin = 0; arrived == i && spin < 1000; spin++)
			usleep(1000);
		CHECK(order[i] == leave[i]);
	}
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_join(t[i], &n) && (long)n == 3);
	queue_close(shared);
}

CASE(a_waiting_sender_gets_the_room)
{
	int status;
	mqd_t q = queue_open(O_RDWR, 1, 16);
	CHECK(mq_send(q, "1", 1, 0) == 0);
	pid_t child = fork();
	if (!child)
		_exit(mq_send(q, "2", 1, 0) != 0);
	usleep(50000);
	CHECK(mq_receive(q, buf, 16, NULL) == 1 && buf[0] == '1');
	CHECK(mq_receive(q, buf, 16, NULL) == 1 && buf[0] == '2');
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	queue_close(q);
}

static void on_alarm(int signo) { (void)signo; }
CASE(a_signal_interrupts_the_wait)
{
	struct sigaction once = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value.tv_usec = 30000 };
	mqd_t q = queue_open(O_RDWR, 1, 16);
	sigaction(SIGALRM, &once, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_ERRNO(mq_receive(q, buf, 16, NULL), EINTR);
	queue_close(q);
}

CASE(the_listener_is_told_once)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77 }, odd = e;
	struct timespec none = { 0, 0 };
	siginfo_t info;
	sigset_t set;
	mqd_t q = queue_open(O_RDWR, 4, 16);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	CHECK(mq_notify(q, &e) == 0);
	CHECK_ERRNO(mq_notify(q, &e), EBUSY);
	CHECK(mq_send(q, "x", 1, 0) == 0);
	CHECK(sigtimedwait(&set, &info, &none) == SIGUSR1 && info.si_code == SI_MESGQ && info.si_value.sival_int == 77);
	CHECK(info.si_pid == getpid() && info.si_uid == getuid());
	CHECK(mq_notify(q, &e) == 0 && mq_send(q, "y", 1, 0) == 0); /* it was not empty */
	CHECK_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
	CHECK(mq_notify(q, NULL) == 0 && mq_notify(q, NULL) == 0 && mq_notify(q, &e) == 0);
	int copy = dup(q); /* closing any descriptor ends it */
	CHECK(copy >= 0 && close(copy) == 0 && mq_notify(q, &e) == 0);
	odd.sigev_signo = 65;
	CHECK_ERRNO(mq_notify(q, &odd), EINVAL);
	odd.sigev_notify = 99;
	CHECK_ERRNO(mq_notify(q, &odd), EINVAL);
	CHECK_ERRNO(mq_notify(0, &e), EBADF);
	queue_close(q);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

CASE(a_queue_is_a_descriptor)
{
	mqd_t q = queue_open(O_RDWR, 1, 16);
	struct pollfd p = { q, POLLIN | POLLOUT, 0 };
	struct stat st;
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
	CHECK(mq_send(q, "abc", 3, 0) == 0 && poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	CHECK(fstat(q, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600 && st.st_size == 80 && st.st_nlink == 1);
	CHECK(read(q, buf, sizeof(buf)) > 0 && !strncmp(buf, "QSIZE:3 ", 8));
	CHECK_ERRNO(write(q, "x", 1), EINVAL);
	queue_close(q);
}

static int as_stranger(void)
{
	struct rlimit small = { 100, 100 };
	if (setgid(65534) || setuid(65534))
		return 1;
	if (mq_open(name, O_RDONLY) != -1 || errno != EACCES)
		return 2;
	if (syscall(SYS_mq_unlink, name + 1) != -1 || errno != EPERM)
		return 3;
	if (mq_open("/ambos-deep", O_CREAT | O_RDWR, 0600, &(struct mq_attr){ .mq_maxmsg = 11, .mq_msgsize = 1 }) != -1 || errno != EINVAL)
		return 4;
	if (setrlimit(RLIMIT_MSGQUEUE, &small) || mq_open("/ambos-dear", O_CREAT | O_RDWR, 0600, NULL) != -1 || errno != EMFILE)
		return 5;
	return 0;
}
CASE(strangers_are_kept_out)
{
	int status;
	if (geteuid())
		return;
	mqd_t q = queue_open(O_RDWR, 1, 16);
	pid_t child = fork();
	if (!child)
		_exit(as_stranger());
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	queue_close(q);
}

int main(void)
{
	RUN(names_are_made_found_and_removed);
	RUN(odd_names_and_limits_are_refused);
	RUN(messages_come_by_priority_then_age);
	RUN(full_and_empty_end_as_asked);
	RUN(receivers_are_served_by_priority);
	RUN(a_waiting_sender_gets_the_room);
	RUN(a_signal_interrupts_the_wait);
	RUN(the_listener_is_told_once);
	RUN(a_queue_is_a_descriptor);
	RUN(strangers_are_kept_out);
	return check_summary();
}
