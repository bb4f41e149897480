// SPDX-License-Identifier: MIT
// The control port: two pipes that storaged relays. A frame is read piece by piece with COUNTED_IO into the state
// object and handled when it is whole; the same transaction that records its effect makes room for the next.
#include <fcntl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtimed.h"

#define COUNTED_READ 0
#define COUNTED_WRITE 1

static s64 counted_io(u32 write, s32 fd, void *data, u64 size, u64 *counter)
{
	return ambos_call(AMBOS_CALL_COUNTED_IO, write, (u64)fd, (u64)data, size, (u64)counter);
}

static status_t make_pipes(s64 port)
{
	struct session_state *s = session();
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC | O_NONBLOCK) || pipe2(out, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	txn_begin();
	TXN_SET(s->in_fd, in[0]);
	TXN_SET(s->in_peer, in[1]);
	TXN_SET(s->out_fd, out[1]);
	TXN_SET(s->out_peer, out[0]);
	TXN_SET(s->control_port, (s32)port + 1);
	txn_commit(NULL, OK);
	return OK;
}

static void attached(void)
{
	struct session_state *s = session();
	struct control_hello hello = { CONTROL_VERSION, 0 };
	close(s->in_peer);
	close(s->out_peer);
	txn_begin();
	TXN_SET(s->control_attached, 1);
	TXN_SET(s->phase, PHASE_WAIT);
	control_queue(CONTROL_HELLO, &hello, sizeof(hello));
	txn_commit(NULL, OK);
}

status_t control_connect(void)
{
	struct session_state *s = session();
	status_t st = OK;
	if (!s->control_port) {
		s64 port = storage_find(CONTROL_PORT);
		if (port < 0)
			return (status_t)port;
		st = make_pipes(port);
	}
	const u32 port = (u32)(s->control_port - 1);
	if (st == OK)
		st = storage_attach(port, STORAGE_TO_HOST, s->out_peer);
	if (st == OK)
		st = storage_attach(port, STORAGE_FROM_HOST, s->in_peer);
	if (st == OK)
		attached();
	return st;
}

/* ---- out ---- */
void control_queue(u32 type, const void *payload, u32 size)
{
	struct session_state *s = session();
	u8 frame[sizeof(struct control_header) + 256];
	if (size > sizeof(frame) - sizeof(struct control_header) || s->out_length + sizeof(frame) > OUT_BYTES)
		return; /* only LOG lines can be so many: they are dropped */
	u32 bytes = control_encode(type, payload, size, frame);
	txn_write(s->out + s->out_length, frame, bytes);
	TXN_SET(s->out_length, s->out_length + bytes);
}

bool control_output_pending(void)
{
	return session()->out_written < session()->out_length;
}

void control_write(void)
{
	struct session_state *s = session();
	while (control_output_pending())
		if (counted_io(COUNTED_WRITE, s->out_fd, s->out + s->out_written,
				s->out_length - s->out_written, &s->out_written) <= 0)
			return;
	if (s->out_length) {
		txn_begin();
		TXN_SET(s->out_length, 0);
		TXN_SET(s->out_written, 0);
		txn_commit(NULL, OK);
	}
}

/* ---- in ---- */
void frame_done_in_txn(void)
{
	struct session_state *s = session();
	TXN_SET(s->header_got, 0);
	TXN_SET(s->payload_got, 0);
}

static void frame_done(void)
{
	txn_begin();
	frame_done_in_txn();
	txn_commit(NULL, OK);
}

static void on_launch(u32 size)
{
	struct session_state *s = session();
	txn_begin();
	frame_done_in_txn();
	if (s->phase == PHASE_WAIT) {
		TXN_SET(s->launch_size, size);
		TXN_SET(s->phase, PHASE_LAUNCH);
	}
	txn_commit(NULL, OK);
}

static void on_frame(const struct control_header *h)
{
	struct session_state *s = session();
	union {
		struct control_stream stream;
		struct control_signal signal;
		struct control_window window;
	} u;
	memcpy(&u, s->payload, MIN(h->size, sizeof(u)));
	switch (h->type) {
	case CONTROL_LAUNCH: on_launch(h->size); return; /* finishes the frame itself */
	case CONTROL_INPUT_END: on_input_end(&u.stream); break;
	case CONTROL_READER_GONE: on_reader_gone(&u.stream); break;
	case CONTROL_SIGNAL: send_signal(u.signal.number); break;
	case CONTROL_WINDOW: set_window(&u.window); break;
	case CONTROL_SHUTDOWN:
	case CONTROL_DRAINED:
		txn_begin();
		frame_done_in_txn();
		if (s->phase == PHASE_REPORTED || h->type == CONTROL_SHUTDOWN)
			TXN_SET(s->phase, PHASE_OFF);
		txn_commit(NULL, OK);
		return;
	default: break; /* HELLO needs nothing: the host checks versions */
	}
	frame_done();
}

/* Where the payload goes; LAUNCH gets space of its own when its header is read. */
static u8 *payload_place(const struct control_header *h)
{
	struct session_state *s = session();
	if (h->type != CONTROL_LAUNCH)
		return h->size <= INLINE_PAYLOAD ? s->payload : NULL;
	if (!s->launch) {
		txn_begin();
		TXN_SET(s->launch, state_alloc(CONTROL_PAYLOAD_MAX));
		txn_commit(NULL, OK);
	}
	return state_ptr(s->launch);
}

bool control_read(void)
{
	struct session_state *s = session();
	struct control_header header;
	if (s->header_got < sizeof(s->header)) {
		s64 n = counted_io(COUNTED_READ, s->in_fd, s->header + s->header_got,
				sizeof(s->header) - s->header_got, &s->header_got);
		if (n <= 0)
			return false;
		if (s->header_got < sizeof(s->header))
			return true;
	}
	u8 *place = control_parse_header(s->header, &header) == OK ? payload_place(&header) : NULL;
	if (!place)
		service_panic("the host's frame of type %u, %u bytes is not valid", header.type, header.size);
	if (s->payload_got < header.size) {
		s64 n = counted_io(COUNTED_READ, s->in_fd, place + s->payload_got,
				header.size - s->payload_got, &s->payload_got);
		if (n <= 0)
			return false;
	}
	if (s->payload_got == header.size)
		on_frame(&header);
	return true;
}
