// SPDX-License-Identifier: MIT
// One byte stream between a host descriptor and a port of the VM. Ports are sockets of ours and non-blocking;
// host descriptors are shared with other processes, so O_NONBLOCK is set only on a private reopening of them.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ambos.h"

/* A blocking host descriptor that poll calls writable takes this much without blocking (PIPE_BUF). */
#define BLOCKING_WRITE_BYTES 4096u

int stream_private_fd(int fd, bool writing)
{
	struct stat st;
	if (fstat(fd, &st) || (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
		return fd;
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int own = open(path, (writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : fd;
}

void stream_open(struct stream *s, int from, int to, bool from_is_port)
{
	*s = (struct stream){ .from = from, .to = to, .used = true, .from_is_port = from_is_port,
			.to_is_port = !from_is_port };
	s->buffer = malloc(STREAM_BUFFER_BYTES);
	if (!s->buffer)
		die(EXIT_AMBOS_FAILED, "out of memory");
}

bool stream_wants_read(const struct stream *s)
{
	return s->used && !s->from_ended && (s->length == 0 || s->start + s->length < STREAM_BUFFER_BYTES);
}

bool stream_wants_write(const struct stream *s)
{
	return s->used && s->length > 0;
}

void stream_read(struct stream *s)
{
	if (s->length == 0)
		s->start = 0;
	u32 end = s->start + s->length; /* below the capacity: stream_wants_read */
	ssize_t n = read(s->from, s->buffer + end, STREAM_BUFFER_BYTES - end);
	if (n > 0) {
		s->length += (u32)n;
		s->received += (u64)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		s->from_ended = true;
	}
}

static void drop_output(struct stream *s)
{
	s->to_gone = true;
	s->written += s->length;
	s->length = 0;
}

void stream_write(struct stream *s)
{
	if (s->to_gone) {
		drop_output(s);
		return;
	}
	u32 size = s->length;
	int flags = fcntl(s->to, F_GETFL);
	if (!s->to_is_port && !(flags & O_NONBLOCK))
		size = MIN(size, BLOCKING_WRITE_BYTES);
	ssize_t n = write(s->to, s->buffer + s->start, size);
	if (n >= 0) {
		s->start += (u32)n;
		s->length -= (u32)n;
		s->written += (u64)n;
	} else if (errno != EAGAIN && errno != EINTR) {
		drop_output(s);
	}
}
