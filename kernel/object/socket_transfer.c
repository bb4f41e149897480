// SPDX-License-Identifier: MIT
/* Sending and receiving on AF_UNIX sockets. A send builds a message without any lock (it may fault on user memory), then
 * links it to the receiver's queue under the receiver's lock. A receive holds the reader's mutex, so the head message
 * stays while it is copied out; senders only append. */
#include "socket.h"

#include "base/string.h"

#define STREAM_CHUNK KIB(32)       /* largest message of a stream; bounds one allocation */
#define MESSAGE_OVERHEAD (u32)sizeof(struct message)

static struct spinlock in_flight_lock = SPINLOCK_INIT(RANK_OBJECT);
static u32 in_flight; /* socket files inside messages, under in_flight_lock */

status_t socket_files_in_flight(struct file **files, u32 count, bool enter)
{
	u32 sockets = 0;
	status_t st = OK;

	for (u32 i = 0; i < count; i++)
		sockets += socket_of(files[i]) != NULL;
	if (!sockets)
		return OK;
	spin_lock(&in_flight_lock);
	if (!enter)
		in_flight -= sockets;
	else if (in_flight + sockets > SOCKETS_IN_FLIGHT)
		st = FAIL(ERR_TOOMANYREFS, "socket files in flight");
	else
		in_flight += sockets;
	spin_unlock(&in_flight_lock);
	return st;
}

void message_free(struct message *m)
{
	if (m->file_count && socket_files_in_flight(m->files, m->file_count, false)) { /* leaving never fails */ }
	for (u32 i = 0; i < m->file_count; i++)
		file_put(m->files[i]);
	kfree(m->files);
	if (m->from)
		socket_name_put(m->from);
	kfree(m);
}

static u32 charge_of(const struct message *m) { return m->size + MESSAGE_OVERHEAD; }

/* A message of `size` bytes from the buffer. The files are given to it by the caller at the end. */
static status_t message_build(struct socket *s, struct socket_send *send, u32 size, struct message **out)
{
	struct message *m = kmalloc(sizeof(*m) + size);

	if (!m)
		return ERR_NOBUFS;
	*m = (struct message){ .cred = send->cred, .size = size };
	if (io_buf_take(send->from, m->data, size) != size) {
		kfree(m);
		return ERR_FAULT;
	}
	if (s->type == SOCK_DGRAM_K && s->name) {
		m->from = s->name;
		__atomic_add_fetch(&m->from->refs, 1, __ATOMIC_RELAXED);
	}
	*out = m;
	return OK;
}

static void give_files(struct message *m, struct socket_send *send)
{
	m->files = send->files;
	m->file_count = send->file_count;
	send->files = NULL;
	send->file_count = 0;
}

/* Appends to the receiver's queue. ERR_PIPE or ERR_CONNREFUSED when it takes no more; the message is then the caller's. */
static status_t deliver(struct socket *to, struct message *m)
{
	status_t st = OK;

	spin_lock(&to->lock);
	if (to->state == SOCKET_CLOSED)
		st = socket_is_connection(to) ? ERR_PIPE : ERR_CONNREFUSED;
	else if (to->shut_read)
		st = ERR_PIPE;
	else
		st = socket_charge_locked(to, charge_of(m));
	if (st == OK) {
		list_push_back(&to->queue, &m->link);
		to->queue_length++;
	}
	spin_unlock(&to->lock);
	if (st == OK && !list_empty(&to->read_wait.waiters))
		wait_queue_wake(&to->read_wait, UINT32_MAX, POLL_IN | POLL_RDNORM);
	return st;
}

static u64 deadline_of(u64 timeout_ns) { return timeout_ns == DEADLINE_NEVER ? DEADLINE_NEVER : time_now_ns() + timeout_ns; }

static bool may_stop_waiting(struct socket *s, struct socket *to)
{
	return socket_has_room(s, to) || s->shut_write || to->shut_read || to->state == SOCKET_CLOSED;
}

/* Waits until `to` has room; OK also when sending would now fail in another way. */
static status_t wait_for_room(struct socket *s, struct socket *to, bool nonblock)
{
	struct wait_queue *q = to->peer == s ? &s->write_wait : &to->space_wait;
	status_t st;

	if (socket_has_room(s, to))
		return OK;
	if (nonblock)
		return ERR_AGAIN;
	st = WAIT_EVENT(q, may_stop_waiting(s, to), deadline_of(s->send_timeout_ns), WAIT_INTERRUPTIBLE);
	if (st == OK)
		return OK;
	return st == ERR_TIMEDOUT ? ERR_AGAIN : s->send_timeout_ns == DEADLINE_NEVER ? ERR_RESTART : ERR_INTR;
}

/* One message to `to`: waits for room, builds, delivers. Bytes or error. */
static s64 send_one(struct socket *s, struct socket *to, struct socket_send *send, u32 size, bool nonblock)
{
	struct file **files = send->files;
	u32 file_count = send->file_count;
	struct message *m;
	status_t st;

	st = wait_for_room(s, to, nonblock);
	if (st)
		return st;
	if (s->shut_write)
		return ERR_PIPE;
	st = message_build(s, send, size, &m);
	if (st)
		return st;
	st = file_count ? socket_files_in_flight(files, file_count, true) : OK;
	if (st == OK) {
		give_files(m, send);
		st = deliver(to, m);
		if (st == OK)
			return size;
		if (file_count && socket_files_in_flight(files, file_count, false)) { /* leaving never fails */ }
		send->files = files;
		send->file_count = file_count;
	}
	m->file_count = 0;
	m->files = NULL;
	message_free(m);
	return st;
}

static s64 send_stream(struct socket *s, struct socket_send *send, bool nonblock)
{
	u64 total = send->from->remaining, done = 0;
	struct socket *peer;
	s64 n = OK;

	if (send->to)
		return s->state == SOCKET_CONNECTED ? ERR_ISCONN : ERR_OPNOTSUPP;
	peer = socket_peer_get(s);
	if (!peer)
		return ERR_NOTCONN;
	if (s->shut_write)
		n = ERR_PIPE;
	while (n >= 0 && done < total) {
		n = send_one(s, peer, send, (u32)MIN(total - done, MIN(STREAM_CHUNK, (u64)s->send_buffer / 2)), nonblock);
		if (n > 0)
			done += (u64)n;
	}
	socket_put(peer);
	if (done)
		return (s64)done;
	return n == ERR_PIPE && !(send->flags & MSG_NOSIGNAL_K) ? file_broken_pipe() : n;
}

static status_t packet_receiver(struct socket *s, struct socket_send *send, struct socket **to)
{
	status_t st = OK;

	if (send->to && s->type == SOCK_DGRAM_K) {
		st = socket_lookup(send->to, send->to_length, s->type, to);
		if (st == OK && (*to)->peer && (*to)->peer != s) {
			socket_put(*to);
			st = ERR_PERM;
		}
		return st;
	}
	if (send->to) /* a connected SEQPACKET socket ignores the name */
		st = s->state == SOCKET_CONNECTED ? OK : ERR_NOTCONN;
	*to = st ? NULL : socket_peer_get(s);
	return *to ? OK : ERR_NOTCONN;
}

static s64 send_packet(struct socket *s, struct socket_send *send, bool nonblock)
{
	u64 size = send->from->remaining;
	struct socket *to;
	s64 result = packet_receiver(s, send, &to);

	if (result)
		return result;
	if (size > s->send_buffer - MIN(s->send_buffer, MESSAGE_OVERHEAD))
		result = ERR_MSGSIZE;
	else if (s->shut_write)
		result = ERR_PIPE;
	else
		result = send_one(s, to, send, (u32)size, nonblock);
	socket_put(to);
	return result;
}

s64 socket_send(struct socket *s, struct socket_send *send, bool nonblock)
{
	s32 error = __atomic_exchange_n(&s->error, 0, __ATOMIC_RELAXED);

	if (unlikely(error && error != -ERR_CONNRESET)) /* a reset shows as a broken pipe below */
		return -error;
	return s->type == SOCK_STREAM_K ? send_stream(s, send, nonblock) : send_packet(s, send, nonblock);
}

/* ---- receiving ---- */
/* Unlinks the head and wakes whom the space is for. */
static void consume(struct socket *s, struct message *m)
{
	struct socket *peer = NULL;
	bool wake;

	spin_lock(&s->lock);
	list_remove(&m->link);
	if (socket_charge_locked(s, -(s64)charge_of(m))) { /* giving back never fails */ }
	s->queue_length--;
	wake = __atomic_load_n(&s->want_space, __ATOMIC_SEQ_CST) && (!s->peer || s->charge * 4 <= s->peer->send_buffer);
	if (wake) {
		s->want_space = false;
		peer = s->peer;
		if (peer)
			socket_get(peer);
	}
	spin_unlock(&s->lock);
	if (!wake)
		return;
	wake_all(&s->space_wait);
	if (!peer)
		return;
	if (!list_empty(&peer->write_wait.waiters))
		wait_queue_wake(&peer->write_wait, UINT32_MAX, POLL_OUT | POLL_WRNORM);
	socket_put(peer);
}

static struct message *head_of(struct socket *s)
{
	struct message *m;

	spin_lock(&s->lock);
	m = list_empty(&s->queue) ? NULL : list_first(&s->queue, struct message, link);
	spin_unlock(&s->lock);
	return m;
}

/* The message's descriptors for the receiver: moved, or copied when peeking. */
static status_t take_files(struct message *m, struct socket_receive *r, bool peek)
{
	if (!m->file_count)
		return OK;
	if (peek) {
		r->files = kmalloc(m->file_count * sizeof(struct file *));
		if (!r->files)
			return ERR_NOMEM;
		memcpy(r->files, m->files, m->file_count * sizeof(struct file *));
		for (u32 i = 0; i < m->file_count; i++)
			file_get(m->files[i]);
		r->file_count = m->file_count;
		return OK;
	}
	if (socket_files_in_flight(m->files, m->file_count, false)) { /* leaving never fails */ }
	r->files = m->files;
	r->file_count = m->file_count;
	m->files = NULL;
	m->file_count = 0;
	return OK;
}

/* What a reader meets when the queue is empty: 0 for end of file, an error, or ERR_AGAIN for "wait". */
static s64 empty_queue(struct socket *s)
{
	s32 error = __atomic_exchange_n(&s->error, 0, __ATOMIC_RELAXED);

	if (error)
		return -error;
	if (s->shut_read)
		return 0;
	if (s->type == SOCK_STREAM_K && s->state != SOCKET_CONNECTED)
		return ERR_INVAL;
	if (s->type == SOCK_SEQPACKET_K && s->state != SOCKET_CONNECTED)
		return ERR_NOTCONN;
	return ERR_AGAIN;
}

static bool is_end(s64 empty) { return empty != ERR_AGAIN; }

/* Sleeps without the mutex until there is something to look at. */
static status_t wait_for_message(struct socket *s, u64 deadline_ns)
{
	status_t st;

	mutex_unlock(&s->mutex);
	st = WAIT_EVENT(&s->read_wait, !list_empty(&s->queue) || s->shut_read || s->error, deadline_ns, WAIT_INTERRUPTIBLE);
	mutex_lock(&s->mutex);
	if (st == ERR_TIMEDOUT)
		return ERR_AGAIN;
	if (st)
		return s->receive_timeout_ns == DEADLINE_NEVER ? ERR_RESTART : ERR_INTR;
	return OK;
}

static bool same_cred(const struct ucred_k *a, const struct ucred_k *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

enum step { STEP_MORE, STEP_STOP, STEP_FAULT };

/* Takes bytes of one stream message. A reader never mixes senders' credentials or two sets of descriptors. */
static enum step stream_step(struct socket *s, struct socket_receive *r, struct message *m, u64 *done)
{
	u32 left = m->size - m->offset;
	size_t n;

	if (*done && ((s->passcred && !same_cred(&r->cred, &m->cred)) || (r->file_count && m->file_count)))
		return STEP_STOP;
	if (!*done)
		r->cred = m->cred;
	n = io_buf_put(r->to, m->data + m->offset, MIN((u64)left, r->to->remaining));
	if (!n && left)
		return STEP_FAULT;
	*done += n;
	if (take_files(m, r, false))
		return STEP_STOP;
	m->offset += (u32)n;
	if (m->offset < m->size)
		return STEP_STOP;
	consume(s, m);
	message_free(m);
	return r->file_count ? STEP_STOP : STEP_MORE;
}

static s64 receive_stream_locked(struct socket *s, struct socket_receive *r, bool nonblock, u64 deadline_ns)
{
	u64 wanted = r->flags & MSG_WAITALL_K ? r->to->remaining : 1, done = 0;
	s64 empty;
	status_t st;

	while (r->to->remaining) {
		struct message *m = head_of(s);
		enum step step;

		if (m) {
			step = stream_step(s, r, m, &done);
			if (step == STEP_FAULT)
				return done ? (s64)done : ERR_FAULT;
			if (step == STEP_STOP)
				break;
			continue;
		}
		if (done >= wanted)
			break;
		empty = empty_queue(s);
		if (is_end(empty))
			return done ? (s64)done : empty;
		if (nonblock)
			return done ? (s64)done : ERR_AGAIN;
		st = wait_for_message(s, deadline_ns);
		if (st)
			return done ? (s64)done : st;
	}
	return (s64)done;
}

/* The next message, waiting for it; NULL with *result set (0: end of file). */
static struct message *next_message_locked(struct socket *s, bool nonblock, u64 deadline_ns, s64 *result)
{
	struct message *m;

	while (!(m = head_of(s))) {
		*result = empty_queue(s);
		if (is_end(*result) || nonblock)
			return NULL;
		*result = wait_for_message(s, deadline_ns);
		if (*result)
			return NULL;
	}
	return m;
}

static s64 receive_packet_locked(struct socket *s, struct socket_receive *r, bool nonblock, u64 deadline_ns)
{
	bool peek = r->flags & MSG_PEEK_K;
	struct message *m;
	s64 result;
	size_t n;

	m = next_message_locked(s, nonblock, deadline_ns, &result);
	if (!m)
		return result;
	r->cred = m->cred;
	r->from_length = m->from ? socket_name_copy(m->from, &r->from) : 0;
	n = io_buf_put(r->to, m->data, MIN((u64)m->size, r->to->remaining));
	result = r->flags & MSG_TRUNC_K ? m->size : (s64)n;
	if (n < m->size) {
		if (r->to->remaining)
			result = ERR_FAULT;
		else
			r->out_flags |= MSG_TRUNC_K;
	}
	if (result >= 0 && take_files(m, r, peek))
		result = ERR_NOMEM;
	if (!peek) {
		consume(s, m);
		message_free(m);
	}
	return result;
}

/* Peeks at a stream: the bytes of as many messages as fit, nothing consumed. */
static s64 peek_stream_locked(struct socket *s, struct socket_receive *r, bool nonblock, u64 deadline_ns)
{
	struct message *m;
	s64 result;
	u64 done = 0;

	m = next_message_locked(s, nonblock, deadline_ns, &result);
	if (!m)
		return result;
	r->cred = m->cred;
	if (take_files(m, r, true))
		return ERR_NOMEM;
	for (;;) {
		struct list_node *next;
		size_t n = io_buf_put(r->to, m->data + m->offset, MIN((u64)(m->size - m->offset), r->to->remaining));

		done += n;
		if (n < m->size - m->offset || r->file_count || !r->to->remaining)
			break;
		spin_lock(&s->lock);
		next = m->link.next == &s->queue ? NULL : m->link.next;
		spin_unlock(&s->lock);
		if (!next)
			break;
		m = list_entry(next, struct message, link);
		if (m->file_count)
			break;
	}
	return done || !r->to->remaining ? (s64)done : ERR_FAULT;
}

s64 socket_receive(struct socket *s, struct socket_receive *r, bool nonblock)
{
	u64 deadline = deadline_of(s->receive_timeout_ns);
	s64 result;

	mutex_lock(&s->mutex);
	if (s->type != SOCK_STREAM_K)
		result = receive_packet_locked(s, r, nonblock, deadline);
	else if (r->flags & MSG_PEEK_K)
		result = peek_stream_locked(s, r, nonblock, deadline);
	else
		result = receive_stream_locked(s, r, nonblock, deadline);
	mutex_unlock(&s->mutex);
	return result;
}
