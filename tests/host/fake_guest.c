// SPDX-License-Identifier: MIT
// Stands in for QEMU and the guest (AMBOS_QEMU): speaks the control protocol over the inherited sockets and runs the
// program on the host. Only what the tests of tools/ambos need: pipes, /dev/null, one pty, signals, exit status.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/control.h"

static int ports[5] = { -1, -1, -1, -1, -1 }; /* control, tty, fd0, fd1, fd2: enum vm_port */
static u8 payload[CONTROL_PAYLOAD_MAX];
static u64 sent[CONTROL_STREAM_COUNT];
static u64 input_end = UINT64_MAX;
static pthread_mutex_t end_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t end_told = PTHREAD_COND_INITIALIZER;
static pid_t child;
static int read_ends[3] = { -1, -1, -1 }, master = -1;

static bool write_all(int fd, const void *data, size_t size)
{
	for (const char *p = data; size > 0;) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

static void send_frame(u32 type, const void *data, u32 size)
{
	u8 buffer[256];
	write_all(ports[0], buffer, control_encode(type, data, size, buffer));
}

struct copy { int from, to; u64 *count; };
static void *copy_out(void *arg)
{
	struct copy *c = arg;
	char buffer[65536];
	ssize_t n;
	while ((n = read(c->from, buffer, sizeof(buffer))) > 0) {
		*c->count += (u64)n;
		write_all(c->to, buffer, (size_t)n);
	}
	return NULL;
}

static void *copy_in(void *arg)
{
	struct copy *c = arg;
	char buffer[65536];
	u64 total = 0;
	for (;;) {
		struct pollfd p = { .fd = c->from, .events = POLLIN };
		poll(&p, 1, 5);
		pthread_mutex_lock(&end_lock);
		u64 end = input_end;
		pthread_mutex_unlock(&end_lock);
		if (total >= end)
			break;
		if (!p.revents)
			continue;
		ssize_t n = read(c->from, buffer, sizeof(buffer));
		if (n <= 0)
			break;
		total += (u64)n;
		write_all(c->to, buffer, (size_t)n);
	}
	if (c->to != master)
		close(c->to);
	return NULL;
}

static void start_copy(void *(*fn)(void *), int from, int to, u64 *count, pthread_t *thread)
{
	struct copy *c = malloc(sizeof(*c));
	*c = (struct copy){ from, to, count };
	pthread_create(thread, NULL, fn, c);
}

static pthread_t out_threads[CONTROL_STREAM_COUNT];
static bool out_running[CONTROL_STREAM_COUNT];

static void launch(u32 size)
{
	struct control_launch_view v;
	if (control_decode_launch(payload, size, &v))
		_exit(99);
	char **argv = calloc(v.head.argc + 1, sizeof(*argv));
	for (u32 i = 0; i < v.head.argc; i++)
		argv[i] = (char *)control_string(&v, v.argv_first + i);
	int fds[3], slave = -1;
	pthread_t unused;
	if (ports[1] >= 0) {
		struct winsize w = { v.head.window.rows, v.head.window.columns, 0, 0 };
		openpty(&master, &slave, NULL, NULL, &w);
		start_copy(copy_out, master, ports[1], &sent[CONTROL_STREAM_TTY], &out_threads[3]);
		out_running[3] = true;
		start_copy(copy_in, ports[1], master, NULL, &unused);
	}
	for (int i = 0; i < 3; i++) {
		int pair[2];
		if (v.head.fd_kind[i] == CONTROL_FD_NULL) {
			fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		} else if (v.head.fd_kind[i] == CONTROL_FD_TTY) {
			fds[i] = slave;
		} else if (pipe2(pair, O_CLOEXEC) == 0) {
			fds[i] = pair[i != 0];
			if (i == 0) {
				start_copy(copy_in, ports[2], pair[1], NULL, &unused);
			} else {
				read_ends[i] = pair[0];
				start_copy(copy_out, pair[0], ports[2 + i], &sent[i], &out_threads[i]);
				out_running[i] = true;
			}
		}
	}
	child = fork();
	if (child == 0) {
		setsid();
		for (int i = 0; i < 3; i++)
			dup2(fds[i], i);
		for (u32 i = 0; i < v.head.envc; i++)
			putenv((char *)control_string(&v, v.env_first + i));
		execvp(v.program, argv);
		_exit(errno == ENOENT ? 127 : 126);
	}
	for (int i = 0; i < 3; i++)
		if (fds[i] != slave)
			close(fds[i]);
	struct control_launch_result ok = { 0, 0 };
	send_frame(CONTROL_LAUNCH_RESULT, &ok, sizeof(ok));
	close(slave);
}

static void *wait_child(void *arg)
{
	while (!child)
		usleep(1000);
	struct control_exit result = { 0 };
	int status;
	waitpid(child, &status, 0);
	for (int i = 0; i < CONTROL_STREAM_COUNT; i++)
		if (out_running[i])
			pthread_join(out_threads[i], NULL);
	result.wait_status = (u32)status;
	memcpy(result.sent, sent, sizeof(sent));
	send_frame(CONTROL_EXIT, &result, sizeof(result));
	return arg;
}

static bool read_all(int fd, void *data, size_t size)
{
	for (char *p = data; size > 0;) {
		ssize_t n = read(fd, p, size);
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

static void handle(const struct control_header *h)
{
	struct control_stream stream;
	struct control_signal signal_frame;
	switch (h->type) {
	case CONTROL_LAUNCH: launch(h->size); break;
	case CONTROL_INPUT_END:
		memcpy(&stream, payload, sizeof(stream));
		pthread_mutex_lock(&end_lock);
		input_end = stream.bytes;
		pthread_cond_broadcast(&end_told);
		pthread_mutex_unlock(&end_lock);
		if (stream.stream == CONTROL_STREAM_TTY)
			write_all(master, "\004", 1);
		break;
	case CONTROL_READER_GONE:
		memcpy(&stream, payload, sizeof(stream));
		if (stream.stream < 3)
			close(read_ends[stream.stream]);
		break;
	case CONTROL_SIGNAL:
		memcpy(&signal_frame, payload, sizeof(signal_frame));
		kill(-child, (int)signal_frame.number);
		break;
	case CONTROL_DRAINED: _exit(0);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int port, fd;
		if (sscanf(argv[i], "socket,id=port%d,fd=%d", &port, &fd) == 2 && port >= 0 && port < 5) {
			ports[port] = fd;
			fcntl(fd, F_SETFD, FD_CLOEXEC);
		} else if (sscanf(argv[i], "socket,id=log,fd=%d", &fd) == 1) {
			dprintf(fd, "fake guest\n");
		}
	}
	const char *mode = getenv("FAKE_GUEST");
	if (mode && !strcmp(mode, "die")) {
		fputs("fake: no machine today\n", stderr);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	struct control_hello hello = { CONTROL_VERSION, 0 };
	send_frame(CONTROL_HELLO, &hello, sizeof(hello));
	pthread_t waiter;
	pthread_create(&waiter, NULL, wait_child, NULL);
	struct control_header header;
	u8 raw[sizeof(header)];
	while (read_all(ports[0], raw, sizeof(raw)) && control_parse_header(raw, &header) == OK &&
	       read_all(ports[0], payload, header.size))
		handle(&header);
	return 0;
}
