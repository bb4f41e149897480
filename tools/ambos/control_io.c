// SPDX-License-Identifier: MIT
// Frames over the control port: an input buffer that holds one largest frame, an output queue that grows.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ambos.h"

#define IN_CAPACITY (sizeof(struct control_header) + 65536u) /* frames of the guest are small */

void control_open(struct control_io *c, int fd)
{
	*c = (struct control_io){ .fd = fd, .in = malloc(IN_CAPACITY) };
	if (!c->in)
		die(EXIT_AMBOS_FAILED, "out of memory");
}

static u8 *reserve(struct control_io *c, u32 size)
{
	if (c->out_start) {
		memmove(c->out, c->out + c->out_start, c->out_length);
		c->out_start = 0;
	}
	if (c->out_length + size > c->out_capacity) {
		c->out_capacity = c->out_length + size;
		c->out = realloc(c->out, c->out_capacity);
		if (!c->out)
			die(EXIT_AMBOS_FAILED, "out of memory");
	}
	return c->out + c->out_length;
}

void control_send(struct control_io *c, u32 type, const void *payload, u32 size)
{
	u8 *at = reserve(c, (u32)sizeof(struct control_header) + size);
	c->out_length += control_encode(type, payload, size, at);
}

void control_send_launch(struct control_io *c, const struct control_launch_request *request)
{
	const u32 capacity = (u32)sizeof(struct control_header) + CONTROL_PAYLOAD_MAX;
	u8 *at = reserve(c, capacity);
	s64 n = control_encode_launch(request, at, capacity);
	if (n < 0)
		die(EXIT_NOT_EXECUTABLE, "arguments and environment are longer than %u bytes", CONTROL_PAYLOAD_MAX);
	c->out_length += (u32)n;
}

void control_flush(struct control_io *c)
{
	while (c->out_length && !c->broken) {
		ssize_t n = write(c->fd, c->out + c->out_start, c->out_length);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			c->broken = errno != EAGAIN;
			return;
		}
		c->out_start += (u32)n;
		c->out_length -= (u32)n;
	}
}

void control_fill(struct control_io *c)
{
	ssize_t n = read(c->fd, c->in + c->in_length, IN_CAPACITY - c->in_length);
	if (n > 0)
		c->in_length += (u32)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->broken = true;
}

bool control_next(struct control_io *c, struct control_header *header, const u8 **payload)
{
	static u8 frame[IN_CAPACITY];
	if (c->in_length < sizeof(*header))
		return false;
	if (control_parse_header(c->in, header) || header->size > IN_CAPACITY - sizeof(*header)) {
		c->broken = true;
		c->in_length = 0;
		return false;
	}
	u32 size = (u32)sizeof(*header) + header->size;
	if (c->in_length < size)
		return false;
	memcpy(frame, c->in + sizeof(*header), header->size);
	*payload = frame;
	c->in_length -= size;
	memmove(c->in, c->in + size, c->in_length);
	return true;
}
