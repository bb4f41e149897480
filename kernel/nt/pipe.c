// SPDX-License-Identifier: MIT
/* Named pipes: two ends, byte or message mode, overlapped or blocking; CreatePipe makes its anonymous pipes of them.
 * What is written waits at the reader's end as packets. A write within the quota ends at once; one beyond it ends when
 * its packet has been read. Reads without data wait in order. Linux programs that inherit an end read and write it like
 * any file. Locks: [m] pipe->mutex, [l] pipe_names (mutex). Ends of operations are told after the mutex is dropped. */
#include "pipe.h"

#include "nt_internal.h"
#include "string.h"

#define WRITE_MAX (4u << 20)         /* one write's kernel copy: as large as kmalloc gives */

bool nt_pipe_is(struct file *f) { return f->ops == &nt_pipe_ops; }

static struct nt_pipe_end *end_of(const struct file *f) { return f->object; }
static struct nt_pipe_end *other(struct nt_pipe_end *e) { return &e->pipe->ends[!e->client]; }

/* ---- ends of operations ---- */
static void finish_locked(struct nt_io *io, u32 status, u64 information, struct list_node *done)
{
	io->status = status;
	io->information = information;
	if (list_linked(&io->link))
		list_remove(&io->link);
	if (io->pended) {
		list_push_back(done, &io->link);
		return;
	}
	list_init(&io->link);
	__atomic_store_n(&io->done, true, __ATOMIC_RELEASE); /* its thread waits at the end's queue */
}

void nt_pipe_tell(struct nt_pipe *p, struct list_node *done)
{
	struct list_node *link;
	wake_all(&p->ends[0].changed);
	wake_all(&p->ends[1].changed);
	while ((link = list_pop_front(done))) {
		list_init(link);
		nt_io_complete(list_entry(link, struct nt_io, link));
	}
}

static void packet_free(struct nt_pipe_end *e, struct nt_packet *p, struct list_node *done)
{
	list_remove(&p->link);
	e->queued -= p->size - p->taken;
	if (p->io)
		finish_locked(p->io, NT_SUCCESS, p->io->length, done);
	kfree(p);
}

/* ---- reading ---- */
/* Into the buffers of a Linux reader that sleeps in another address space. */
static s64 put_elsewhere(struct aspace *as, struct io_buf *to, const u8 *from, u64 n)
{
	while (n && to->vec_next < to->vec_count) {
		struct io_vec *v = &to->vecs[to->vec_next];
		u64 step = MIN(n, v->len - to->vec_offset);
		if (aspace_write_bytes(as, v->base + to->vec_offset, from, step) != (s64)step)
			return ERR_FAULT;
		from += step;
		n -= step;
		to->remaining -= step;
		to->vec_offset += step;
		if (to->vec_offset == v->len) {
			to->vec_next++;
			to->vec_offset = 0;
		}
	}
	return n ? ERR_FAULT : 0;
}

static s64 put_bytes(struct nt_io *io, u64 at, const void *from, u64 n)
{
	bool elsewhere = io->as && io->as != process_current()->aspace;
	struct io_buf *to = io->pended ? NULL : io->data;
	if (to && elsewhere && !to->kernel)
		return put_elsewhere(io->as, to, from, n);
	if (to)
		return io_buf_put(to, from, n) == n ? 0 : ERR_FAULT;
	if (io->pended || elsewhere)
		return aspace_write_bytes(io->as, io->buffer + at, from, n) == (s64)n ? 0 : NT(ACCESS_VIOLATION);
	return copy_out(user_ptr(io->buffer + at), from, n);
}

/* Gives `io` what waits at its end. False: nothing does. */
static bool read_locked(struct nt_pipe_end *e, struct nt_io *io, struct list_node *done)
{
	u64 got = 0;
	s64 st = 0;
	bool message = e->read_message;
	if (list_empty(&e->packets))
		return false;
	while (!st && !list_empty(&e->packets)) {
		struct nt_packet *p = list_first(&e->packets, struct nt_packet, link);
		u64 n = MIN((u64)(p->size - p->taken), io->length - got);
		st = n ? put_bytes(io, got, p->data + p->taken, n) : 0;
		if (st)
			break;
		got += n;
		p->taken += (u32)n;
		e->queued -= n;
		bool whole = p->taken == p->size;
		if (whole)
			packet_free(e, p, done);
		if (message && !whole)
			st = NT(BUFFER_OVERFLOW);
		if (message || got == io->length)
			break;
	}
	finish_locked(io, nt_status(st), got, done);
	return true;
}

static void serve_readers_locked(struct nt_pipe_end *e, struct list_node *done)
{
	while (!list_empty(&e->readers) && !list_empty(&e->packets))
		read_locked(e, list_first(&e->readers, struct nt_io, link), done);
}

/* Why an end cannot be read or written now, or 0. */
static u32 state_status(const struct nt_pipe_end *e, bool reading)
{
	switch (e->pipe->state) {
	case PIPE_IS_LISTENING:
		return (u32)NT_PIPE_LISTENING;
	case PIPE_IS_DISCONNECTED:
		return (u32)NT_PIPE_DISCONNECTED;
	case PIPE_IS_CLOSING:
		if (reading)
			return list_empty(&e->packets) ? (u32)NT_PIPE_BROKEN : 0;
		return (u32)NT_PIPE_CLOSING;
	default:
		return 0;
	}
}

/* Sleeps until the operation, which is queued, has ended; a signal takes it out again. */
static s64 wait_io(struct nt_pipe_end *e, struct nt_io *io)
{
	struct nt_pipe *p = e->pipe;
	struct thread *t = thread_current();
	while (WAIT_EVENT(&e->changed, __atomic_load_n(&io->done, __ATOMIC_ACQUIRE), DEADLINE_NEVER, WAIT_INTERRUPTIBLE)) {
		if (!t->nt || (t->work & WORK_EXIT))
			break; /* Linux callers start over; what is to end, ends */
		nt_settle(t);
	}
	if (__atomic_load_n(&io->done, __ATOMIC_ACQUIRE))
		return 0;
	mutex_lock(&p->mutex);
	bool done = io->done;
	if (!done) {
		if (list_linked(&io->link))
			list_remove(&io->link);
		for (u32 i = 0; i < 2; i++)
			list_for_each(packet, &p->ends[i].packets, struct nt_packet, link)
				if (packet->io == io)
					packet->io = NULL; /* what was written stays */
		list_init(&io->link);
	}
	mutex_unlock(&p->mutex);
	return done ? 0 : ERR_RESTART;
}

s64 nt_pipe_read_io(struct file *f, struct nt_io *io, bool wait, struct nt_io **pended)
{
	struct nt_pipe_end *e = end_of(f);
	struct list_node done = LIST_INIT(done);
	*pended = NULL;
	mutex_lock(&e->pipe->mutex);
	u32 status = state_status(e, true);
	bool served = !status && list_empty(&e->readers) && read_locked(e, io, &done);
	s64 st = 0;
	if (status) {
		st = status;
	} else if (!served && e->nonblocking) {
		st = e->pipe->state == PIPE_IS_CONNECTED ? NT(PIPE_EMPTY) : NT(PIPE_BROKEN);
	} else if (!served) {
		struct nt_io *queued = wait ? io : nt_io_pend(io);
		if (wait)
			io->as = process_current()->aspace; /* the writer copies */
		if (queued)
			list_push_back(&e->readers, &queued->link);
		*pended = queued == io ? NULL : queued;
		st = !queued ? ERR_NOMEM : wait ? 0 : NT(PENDING);
	}
	mutex_unlock(&e->pipe->mutex);
	nt_pipe_tell(e->pipe, &done);
	if (!st && !served)
		st = wait_io(e, io);
	return st;
}

s64 nt_pipe_read(struct nt_io *io)
{
	struct nt_io *pended;
	struct file *f = io->file;
	if (!(end_of(f)->reads)) {
		nt_io_drop(io);
		return NT(INVALID_PARAMETER);
	}
	s64 st = nt_pipe_read_io(f, io, nt_is_synchronous(f), &pended);
	if (st == NT(PENDING))
		return st;
	return nt_io_finish(io, st ? st : (s64)io->status, st ? 0 : io->information);
}

/* ---- writing ---- */
static s64 write_queue(struct nt_pipe_end *e, struct nt_packet *packet, struct nt_io *io, bool wait, struct list_node *done, bool *ended)
{
	struct nt_pipe_end *to = other(e);
	u32 status = state_status(e, false);
	*ended = true;
	if (status)
		return status;
	bool fits = to->queued + packet->size <= to->quota || !packet->size;
	if (!fits && e->nonblocking) {
		kfree(packet);
		io->information = 0;
		return NT(PENDING); /* nothing taken: the caller turns it into 0 bytes */
	}
	list_push_back(&to->packets, &packet->link);
	to->queued += packet->size;
	u32 size = packet->size;
	if (!fits) {
		struct nt_io *waiting = wait ? io : nt_io_pend(io);
		if (!waiting) {
			list_remove(&packet->link);
			to->queued -= size;
			return ERR_NOMEM;
		}
		packet->io = waiting;
		*ended = false;
	}
	serve_readers_locked(to, done);
	io->status = NT_SUCCESS;
	io->information = size;
	return 0;
}

static s64 packet_make(struct nt_io *io, struct nt_packet **out)
{
	struct nt_packet *p = io->length > WRITE_MAX ? NULL : kmalloc(sizeof(*p) + io->length);
	struct io_buf *from = io->data;
	if (!p)
		return io->length > WRITE_MAX ? NT(INSUFFICIENT_RESOURCES) : ERR_NOMEM;
	*p = (struct nt_packet){ .size = io->length };
	s64 st = from ? (io_buf_take(from, p->data, io->length) == io->length ? 0 : ERR_FAULT) :
			copy_in(p->data, user_ptr(io->buffer), io->length);
	if (st)
		kfree(p);
	*out = p;
	return st;
}

s64 nt_pipe_write_io(struct file *f, struct nt_io *io, bool wait)
{
	struct nt_pipe_end *e = end_of(f);
	struct list_node done = LIST_INIT(done);
	struct nt_packet *packet;
	bool ended;
	s64 st = packet_make(io, &packet);
	if (st)
		return st;
	if (!io->length && !e->pipe->message) { /* nothing to say in a stream of bytes */
		kfree(packet);
		return 0;
	}
	mutex_lock(&e->pipe->mutex);
	st = write_queue(e, packet, io, wait, &done, &ended);
	mutex_unlock(&e->pipe->mutex);
	nt_pipe_tell(e->pipe, &done);
	if (st && st != NT(PENDING))
		kfree(packet);
	if (st == NT(PENDING))
		return 0;
	if (!st && !ended)
		st = wait ? wait_io(e, io) : NT(PENDING);
	return st;
}

s64 nt_pipe_write(struct nt_io *io)
{
	struct file *f = io->file;
	if (!(end_of(f)->writes)) {
		nt_io_drop(io);
		return NT(INVALID_PARAMETER);
	}
	s64 st = nt_pipe_write_io(f, io, nt_is_synchronous(f));
	if (st == NT(PENDING))
		return st;
	return nt_io_finish(io, st, st ? 0 : io->information);
}

/* ---- as a file of Linux programs ---- */
static s64 pipe_file_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct nt_io io = { .data = to, .length = (u32)MIN(to->remaining, (u64)WRITE_MAX) }, *pended;
	struct nt_pipe_end *e = end_of(f);
	list_init(&io.link);
	if (!to->remaining)
		return 0;
	if ((f->flags & O_NONBLOCK_K) && e->pipe->state == PIPE_IS_CONNECTED && list_empty(&e->packets))
		return ERR_AGAIN;
	s64 st = nt_pipe_read_io(f, &io, true, &pended);
	if (st == NT(PIPE_BROKEN) || st == (s64)(u32)NT_PIPE_DISCONNECTED || st == NT(PIPE_EMPTY))
		return 0;
	if (!st && io.status && io.status != (u32)NT_BUFFER_OVERFLOW)
		return ERR_FAULT;
	return st < 0 ? st : st ? ERR_IO : (s64)io.information;
}

static s64 pipe_file_write(struct file *f, struct io_buf *from, u64 *pos UNUSED)
{
	struct nt_pipe_end *e = end_of(f);
	s64 total = 0;
	while (from->remaining) {
		struct nt_io io = { .data = from, .length = (u32)MIN(from->remaining, (u64)PAGE_SIZE) };
		list_init(&io.link);
		if ((f->flags & O_NONBLOCK_K) && other(e)->queued >= other(e)->quota)
			return total ? total : ERR_AGAIN;
		s64 st = nt_pipe_write_io(f, &io, true);
		if (st > 0)
			return total ? total : file_broken_pipe();
		if (st < 0)
			return total ? total : st;
		total += io.length;
	}
	return total;
}

static u32 pipe_file_poll(struct file *f, struct poll_table *table)
{
	struct nt_pipe_end *e = end_of(f);
	u32 events = 0;
	poll_wait(table, &e->changed);
	if (!list_empty(&e->packets))
		events |= POLL_IN | POLL_RDNORM;
	if (e->pipe->state != PIPE_IS_CONNECTED)
		events |= POLL_HUP | (e->writes ? POLL_ERR : 0);
	else if (other(e)->queued < other(e)->quota || !other(e)->queued)
		events |= POLL_OUT | POLL_WRNORM;
	return events;
}

static status_t pipe_file_stat(struct file *f, struct attributes *out)
{
	*out = (struct attributes){ .ino = end_of(f)->pipe->ino, .mode = 0010600, .nlink = 1, .block_size = PAGE_SIZE };
	return OK;
}

/* ---- state changes ---- */
static void fail_all_locked(struct nt_pipe_end *e, u32 status, bool drop_data, struct list_node *done)
{
	while (!list_empty(&e->readers))
		finish_locked(list_first(&e->readers, struct nt_io, link), status, 0, done);
	while (!list_empty(&e->listeners))
		finish_locked(list_first(&e->listeners, struct nt_io, link), status, 0, done);
	while (drop_data && !list_empty(&e->packets)) {
		struct nt_packet *p = list_first(&e->packets, struct nt_packet, link);
		if (p->io)
			finish_locked(p->io, status, 0, done);
		p->io = NULL;
		packet_free(e, p, done);
	}
}

void nt_pipe_disconnect_locked(struct nt_pipe *p, struct list_node *done)
{
	p->state = PIPE_IS_DISCONNECTED;
	fail_all_locked(&p->ends[0], (u32)NT_PIPE_DISCONNECTED, true, done);
	fail_all_locked(&p->ends[1], (u32)NT_PIPE_DISCONNECTED, true, done);
}

static void pipe_file_release(struct file *f)
{
	struct nt_pipe_end *e = end_of(f);
	struct nt_pipe *p = e->pipe;
	struct list_node done = LIST_INIT(done);
	mutex_lock(&p->mutex);
	e->open = false;
	fail_all_locked(e, (u32)NT_CANCELLED, true, &done);
	if (p->state == PIPE_IS_CONNECTED || p->state == PIPE_IS_CLOSING) {
		p->state = PIPE_IS_CLOSING;
		if (list_empty(&other(e)->packets))
			fail_all_locked(other(e), (u32)NT_PIPE_BROKEN, false, &done);
	} else if (!e->client) {
		p->state = PIPE_IS_CLOSING;
	}
	mutex_unlock(&p->mutex);
	nt_pipe_tell(p, &done);
	if (!e->client)
		nt_pipe_name_leave(p);
	nt_pipe_put(p);
}

void nt_pipe_put(struct nt_pipe *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
		return;
	kfree(p);
}

u32 nt_pipe_cancel(struct file *f, u64 iosb, struct thread *t)
{
	struct nt_pipe_end *e = end_of(f);
	struct list_node done = LIST_INIT(done);
	struct list_node *lists[] = { &e->readers, &e->listeners };
	u32 count = 0;
	mutex_lock(&e->pipe->mutex);
	for (u32 i = 0; i < ARRAY_SIZE(lists); i++)
		list_for_each_safe(io, lists[i], struct nt_io, link)
			if (io->pended && (!iosb || io->iosb == iosb) && (!t || io->thread == t)) {
				finish_locked(io, (u32)NT_CANCELLED, 0, &done);
				count++;
			}
	list_for_each_safe(packet, &other(e)->packets, struct nt_packet, link)
		if (packet->io && packet->io->pended && (!iosb || packet->io->iosb == iosb) && (!t || packet->io->thread == t)) {
			finish_locked(packet->io, (u32)NT_CANCELLED, 0, &done);
			packet->io = NULL;
			packet_free(other(e), packet, &done);
			count++;
		}
	mutex_unlock(&e->pipe->mutex);
	nt_pipe_tell(e->pipe, &done);
	return count;
}

const struct file_ops nt_pipe_ops = {
	.name = "named pipe", .read = pipe_file_read, .write = pipe_file_write, .poll = pipe_file_poll, .stat = pipe_file_stat,
	.release = pipe_file_release,
};
