// SPDX-License-Identifier: MIT
/* Threads of one process and processes that share files race on descriptors, pipes, sockets, epolls and ptys. Nothing is
 * checked but that the kernel stays up, exact streams stay exact, and everything ends in time. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define THREADS 4
static int run_seconds = 2; /* argv[1]: longer for soak runs */
#define FDS 40 /* numbers that all threads fight over */

static time_t end_time;
static int base_fd;

static unsigned next(unsigned *seed) { return *seed = *seed * 1103515245u + 12345u, *seed >> 8; }
static int time_left(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec < end_time;
}
static void set_end(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	end_time = t.tv_sec + run_seconds;
}

static void make_something(unsigned *seed, int a, int b)
{
	int fd[2] = { -1, -1 };
	switch (next(seed) % 6) {
	case 0: if (pipe2(fd, O_NONBLOCK)) return; break;
	case 1: if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd)) return; break;
	case 2: if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd)) return; break;
	case 3: fd[0] = eventfd(0, EFD_NONBLOCK); fd[1] = dup(fd[0]); break;
	case 4: fd[0] = epoll_create1(0); fd[1] = epoll_create1(0); break;
	case 5:
		fd[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
		if (fd[0] >= 0) {
			int zero = 0;
			ioctl(fd[0], TIOCSPTLCK, &zero);
			fd[1] = ioctl(fd[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
		}
		break;
	}
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0) {
			dup2(fd[i], i ? b : a);
			close(fd[i]);
		}
}
static void send_descriptor(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { "d", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}
static void receive_descriptor(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte[8];
	struct iovec v = { byte, 8 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	if (recvmsg(sock, &m, MSG_DONTWAIT) < 0)
		return;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd;
	if (c && c->cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
		close(fd);
	}
}
static void *racer(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char buf[5000];
	while (time_left()) {
		int a = base_fd + (int)(next(&seed) % FDS), b = base_fd + (int)(next(&seed) % FDS);
		struct epoll_event ev = { .events = EPOLLIN | (next(&seed) % 2 ? EPOLLET : 0) | (next(&seed) % 3 ? EPOLLOUT : 0) }, got[4];
		struct pollfd p[3] = { { a, POLLIN, 0 }, { b, POLLOUT, 0 }, { a, POLLPRI, 0 } };
		switch (next(&seed) % 12) {
		case 0: case 1: make_something(&seed, a, b); break;
		case 2: close(a); break;
		case 3: dup2(a, b); break;
		case 4: epoll_ctl(a, EPOLL_CTL_ADD, b, &ev); break;
		case 5: epoll_ctl(a, next(&seed) % 2 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, b, &ev); break;
		case 6: epoll_wait(a, got, 4, (int)(next(&seed) % 2)); break;
		case 7: poll(p, 3, (int)(next(&seed) % 2)); break;
		case 8: if (write(a, buf, 8 + next(&seed) % 4000) < 0) {} break;
		case 9: if (read(a, buf, 8 + next(&seed) % 4000) < 0) {} break;
		case 10: send_descriptor(a, b); break;
		case 11: receive_descriptor(a); shutdown(b, (int)(next(&seed) % 3)); break;
		}
	}
	return NULL;
}
CASE(threads_race_on_descriptors)
{
	pthread_t t[THREADS];
	signal(SIGPIPE, SIG_IGN);
	base_fd = 100;
	set_end();
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, racer, (void *)(i * 7919 + (uintptr_t)time(NULL)));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < FDS; i++)
		close(base_fd + i);
}
/* Sends a known byte stream in odd pieces through `out`; the child checks it on `in`. */
static void exact_stream(int in, int out, long total)
{
	char buf[9000];
	pid_t pid = fork();
	if (!pid) {
		unsigned seed = 5;
		long at = 0, n;
		close(out);
		while ((n = read(in, buf, 1 + next(&seed) % sizeof(buf))) > 0)
			for (long i = 0; i < n; i++, at++)
				if ((unsigned char)buf[i] != (unsigned char)(at * 31 + at / 257))
					_exit(2);
		_exit(at != total);
	}
	close(in);
	unsigned seed = 9;
	for (long at = 0; at < total;) {
		long n = 1 + next(&seed) % (long)sizeof(buf), done = 0;
		if (n > total - at)
			n = total - at;
		for (long i = 0; i < n; i++)
			buf[i] = (char)((at + i) * 31 + (at + i) / 257);
		while (done < n) {
			long w = write(out, buf + done, (size_t)(n - done));
			CHECK(w > 0);
			if (w <= 0)
				return;
			done += w;
		}
		at += n;
	}
	close(out);
	int status;
	waitpid(pid, &status, 0);
	CHECK(status == 0);
}
CASE(streams_stay_exact)
{
	int p[2];
	CHECK(pipe(p) == 0);
	exact_stream(p[0], p[1], 8000000);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	exact_stream(p[0], p[1], 8000000);
}
CASE(raw_pty_stays_exact)
{
	struct termios a;
	int zero = 0, m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (m < 0)
		return;
	ioctl(m, TIOCSPTLCK, &zero);
	int t = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	tcgetattr(t, &a);
	cfmakeraw(&a);
	tcsetattr(t, TCSANOW, &a);
	pid_t pid = fork();
	if (!pid) { /* slave echoes everything back */
		char buf[700];
		long n;
		close(m);
		while ((n = read(t, buf, sizeof(buf))) > 0)
			if (write(t, buf, (size_t)n) != n)
				break;
		_exit(0);
	}
	close(t);
	long sent = 0, got = 0, total = 1000000;
	fcntl(m, F_SETFL, O_NONBLOCK);
	while (got < total) {
		char buf[1000];
		struct pollfd f = { m, (short)(POLLIN | (sent < total ? POLLOUT : 0)), 0 };
		CHECK(poll(&f, 1, 10000) == 1);
		if (f.revents & POLLOUT) {
			long n = total - sent < 900 ? total - sent : 900;
			for (long i = 0; i < n; i++)
				buf[i] = (char)((sent + i) * 7);
			n = write(m, buf, (size_t)n);
			sent += n > 0 ? n : 0;
		}
		if (f.revents & POLLIN) {
			long n = read(m, buf, sizeof(buf));
			for (long i = 0; i < n; i++)
				if (buf[i] != (char)((got + i) * 7)) {
					CHECK(0);
					got = total;
					break;
				}
			got += n > 0 ? n : 0;
		}
		if (!f.revents)
			break;
	}
	CHECK(got == total);
	close(m);
	waitpid(pid, NULL, 0);
}
CASE(pipeline_of_processes)
{
	int status, first[2], in;
	CHECK(pipe(first) == 0);
	in = first[0];
	for (int i = 0; i < 8; i++) {
		int p[2];
		CHECK(pipe(p) == 0);
		if (!fork()) {
			char c[64];
			long n;
			close(first[1]);
			close(p[0]);
			while ((n = read(in, c, sizeof(c))) > 0)
				if (write(p[1], c, (size_t)n) != n)
					_exit(1);
			_exit(0);
		}
		close(in);
		close(p[1]);
		in = p[0];
	}
	for (int i = 0; i < 2000; i++) {
		char line[16];
		int n = sprintf(line, "%08d\n", i);
		CHECK(write(first[1], line, (size_t)n) == n);
		if (i % 50 == 49)
			for (int k = 0, got = 0; k < 50 * 9; k += got) {
				char back[450];
				got = (int)read(in, back, sizeof(back));
				CHECK(got > 0);
				if (got <= 0)
					return;
			}
	}
	close(first[1]);
	char c;
	CHECK(read(in, &c, 1) == 0);
	close(in);
	for (int i = 0; i < 8; i++) {
		wait(&status);
		CHECK(status == 0);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		run_seconds = atoi(argv[1]);
	alarm((unsigned)run_seconds + 100);
	RUN(threads_race_on_descriptors);
	RUN(streams_stay_exact);
	RUN(raw_pty_stays_exact);
	RUN(pipeline_of_processes);
	return check_summary();
}
