// SPDX-License-Identifier: MIT
/* Linux rows that move bytes between two files inside the kernel: sendfile, copy_file_range, splice, tee, vmsplice.
 * All of them go through a bounce buffer with the ordinary file operations, so any pair of files works that Linux
 * accepts. A chunk is read only when the target will take it whole; if a write fails after its read, the rest of
 * that chunk (at most COPY_CHUNK) is put back by position, or lost when the source is a pipe. */
#include "linux.h"

#include "linux/stat.h"

#define COPY_CHUNK KIB(64)
#define PIPE_CHUNK PAGE_SIZE      /* POLLOUT promises this much room in a pipe or socket */
#define COPY_MAX 0x7ffff000ull
#define SPLICE_NONBLOCK 2
#define SPLICE_FLAGS 15           /* MOVE, NONBLOCK, MORE, GIFT: hints except NONBLOCK, splice(2) */

struct copy {
	struct file *in, *out;
	bool in_held, out_held;
	u64 *in_pos, *out_pos;        /* NULL: the file's own position */
	void *buf;
	u64 chunk;
	bool nonblock;
};

static s64 copy_read(struct copy *c, u64 n)
{
	struct io_buf to;

	io_buf_init_kernel(&to, c->buf, n);
	return c->in_pos ? file_pread(c->in, &to, *c->in_pos) : file_read(c->in, &to);
}

/* Writes all n bytes unless an error stops it; bytes written or the error when none were. */
static s64 copy_write(struct copy *c, u64 n)
{
	u64 done = 0;

	while (done < n) {
		struct io_buf from;
		s64 w;

		io_buf_init_kernel(&from, (char *)c->buf + done, n - done);
		w = c->out_pos ? file_pwrite(c->out, &from, *c->out_pos + done) : file_write(c->out, &from);
		if (w <= 0)
			return done ? (s64)done : w;
		done += (u64)w;
	}
	return (s64)done;
}

static void give_back(struct copy *c, u64 n)
{
	if (n && !c->in_pos && c->in->ops->seek) {
		mutex_lock(&c->in->pos_lock);
		c->in->pos -= n;
		mutex_unlock(&c->in->pos_lock);
	}
}

/* Would reading (or writing) wait? Asked before each chunk when the call must not block. */
static bool would_block(struct copy *c)
{
	if ((c->nonblock || (c->in->flags & O_NONBLOCK_K)) && !(file_poll(c->in, NULL) & (POLL_IN | POLL_HUP | POLL_ERR)))
		return true;
	return (c->nonblock || (c->out->flags & O_NONBLOCK_K)) && !(file_poll(c->out, NULL) & (POLL_OUT | POLL_ERR));
}

static s64 copy_loop(struct copy *c, u64 length, bool stop_at_short)
{
	u64 total = 0;
	s64 r = OK;

	c->buf = kmalloc(MIN(c->chunk, MAX(length, 1)));
	if (!c->buf)
		return ERR_NOMEM;
	while (total < length) {
		u64 want = MIN(c->chunk, length - total);
		s64 w;

		r = would_block(c) ? ERR_AGAIN : copy_read(c, want);
		if (r <= 0)
			break;
		w = copy_write(c, (u64)r);
		give_back(c, (u64)(r - MAX(w, 0)));
		if (w > 0) {
			total += (u64)w;
			if (c->in_pos)
				*c->in_pos += (u64)w;
			if (c->out_pos)
				*c->out_pos += (u64)w;
		}
		if (w < r) {
			r = w;
			break;
		}
		if (stop_at_short && (u64)r < want)
			break;
		preempt_point();
		if (thread_signal_pending(thread_current())) {
			r = ERR_INTR;
			break;
		}
	}
	kfree(c->buf);
	return total ? (s64)total : r;
}

static void return_pair(struct copy *c)
{
	fd_return(c->in, c->in_held);
	fd_return(c->out, c->out_held);
}

static status_t borrow_any_pair(struct copy *c, u64 in, u64 out)
{
	c->in = fd_borrow((int)in, &c->in_held);
	if (!c->in)
		return ERR_BADF;
	c->out = fd_borrow((int)out, &c->out_held);
	if (c->out)
		return OK;
	fd_return(c->in, c->in_held);
	return ERR_BADF;
}

static bool modes_suit(const struct copy *c) { return FILE_CAN_READ(c->in) && FILE_CAN_WRITE(c->out); }

static status_t borrow_pair(struct copy *c, u64 in, u64 out)
{
	status_t st = borrow_any_pair(c, in, out);
	if (st || modes_suit(c))
		return st;
	return_pair(c);
	return ERR_BADF;
}

static status_t offset_in(u64 arg, u64 *store, u64 **pos)
{
	status_t st;

	*pos = NULL;
	if (!arg)
		return OK;
	st = COPY_IN(store, user_ptr(arg));
	if (st)
		return st;
	if ((s64)*store < 0)
		return ERR_INVAL;
	*pos = store;
	return OK;
}

static s64 offset_out(u64 arg, const u64 *store, s64 result)
{
	if (!arg || result < 0)
		return result;
	return COPY_OUT(user_ptr(arg), store) ? ERR_FAULT : result;
}

LINUX_HANDLER(sendfile)
{
	struct copy c = { .chunk = COPY_CHUNK };
	u64 in_store = 0;
	s64 result = offset_in(a2, &in_store, &c.in_pos);

	if (result)
		return result;
	result = borrow_pair(&c, a1, a0);
	if (result)
		return result;
	if (!c.in->ops->seek || !c.in->ops->read)
		result = c.in_pos ? ERR_SPIPE : ERR_INVAL;
	else if ((c.out->flags & O_APPEND_K) || (c.in->where.node && S_ISDIR_K(c.in->where.node->mode)))
		result = ERR_INVAL;
	else
		result = copy_loop(&c, MIN(a3, COPY_MAX), false);
	return_pair(&c);
	return offset_out(a2, &in_store, result);
}

/* *length ends where the source ended when the call began: it may copy to its own end. */
static status_t copy_range_check(struct copy *c, u64 *length)
{
	struct node *in = c->in->where.node, *out = c->out->where.node;
	u64 from = c->in_pos ? *c->in_pos : c->in->pos, to = c->out_pos ? *c->out_pos : c->out->pos;

	if (!in || !out)
		return ERR_INVAL;
	if (S_ISDIR_K(in->mode) || S_ISDIR_K(out->mode))
		return ERR_ISDIR;
	if (!S_ISREG_K(in->mode) || !S_ISREG_K(out->mode))
		return ERR_INVAL;
	if (!modes_suit(c) || (c->out->flags & O_APPEND_K))
		return ERR_BADF;
	if (from + *length < from || to + *length < to)
		return ERR_OVERFLOW;
	if (in->data) /* /proc has no sizes */
		*length = from < in->data->size ? MIN(*length, in->data->size - from) : 0;
	if (in == out && from < to + *length && to < from + *length)
		return ERR_INVAL;
	return OK;
}

LINUX_HANDLER(copy_file_range)
{
	struct copy c = { .chunk = COPY_CHUNK };
	u64 in_store = 0, out_store = 0, length = a4;
	s64 result;

	if (a5)
		return ERR_INVAL;
	result = offset_in(a1, &in_store, &c.in_pos);
	if (result == OK)
		result = offset_in(a3, &out_store, &c.out_pos);
	if (result == OK)
		result = borrow_any_pair(&c, a0, a2);
	if (result)
		return result;
	result = copy_range_check(&c, &length);
	if (result == OK)
		result = copy_loop(&c, MIN(length, COPY_MAX), false);
	return_pair(&c);
	result = offset_out(a1, &in_store, result);
	return offset_out(a3, &out_store, result);
}

static status_t splice_check(const struct copy *c)
{
	bool in_pipe = pipe_is(c->in), out_pipe = pipe_is(c->out);

	if (!in_pipe && !out_pipe)
		return ERR_INVAL;
	if ((in_pipe && c->in_pos) || (out_pipe && c->out_pos))
		return ERR_SPIPE;
	if (in_pipe && out_pipe && c->in->object == c->out->object)
		return ERR_INVAL;
	if ((c->out_pos && !c->out->ops->seek) || (c->in_pos && !c->in->ops->seek))
		return ERR_INVAL;
	if (!out_pipe && (c->out->flags & O_APPEND_K))
		return ERR_INVAL;
	return OK;
}

LINUX_HANDLER(splice)
{
	struct copy c = { .chunk = PIPE_CHUNK, .nonblock = a5 & SPLICE_NONBLOCK };
	u64 in_store = 0, out_store = 0;
	s64 result;

	if (a4 == 0)
		return 0;
	if (a5 & ~(u64)SPLICE_FLAGS)
		return ERR_INVAL;
	result = offset_in(a1, &in_store, &c.in_pos);
	if (result == OK)
		result = offset_in(a3, &out_store, &c.out_pos);
	if (result == OK)
		result = borrow_pair(&c, a0, a2);
	if (result)
		return result;
	result = splice_check(&c);
	if (result == OK) { /* a pipe gives what it has, as read(2) does, so the first short read ends the call */
		result = copy_loop(&c, MIN(a4, pipe_is(c.in) ? MAX(pipe_bytes(c.in), PIPE_CHUNK) : COPY_CHUNK), true);
		return_pair(&c);
		result = offset_out(a1, &in_store, result);
		return offset_out(a3, &out_store, result);
	}
	return_pair(&c);
	return result;
}

LINUX_HANDLER(tee)
{
	struct copy c = { .chunk = PIPE_CHUNK, .nonblock = a3 & SPLICE_NONBLOCK };
	s64 result;

	if (a3 & ~(u64)SPLICE_FLAGS)
		return ERR_INVAL;
	if (a2 == 0)
		return 0;
	result = borrow_pair(&c, a0, a1);
	if (result)
		return result;
	c.buf = kmalloc(COPY_CHUNK);
	if (!pipe_is(c.in) || !pipe_is(c.out) || c.in->object == c.out->object)
		result = ERR_INVAL;
	else if (!c.buf)
		result = ERR_NOMEM;
	else if (would_block(&c))
		result = ERR_AGAIN;
	else {
		result = pipe_peek(c.in, c.buf, MIN(a2, COPY_CHUNK));
		if (result > 0)
			result = copy_write(&c, (u64)result);
	}
	kfree(c.buf);
	return_pair(&c);
	return result;
}

static s64 vmsplice_pipe(struct file *f, struct io_buf *buf, bool nonblock)
{
	if (FILE_CAN_WRITE(f))
		return pipe_write_some(f, buf, nonblock);
	return nonblock && !pipe_bytes(f) && pipe_has_writers(f) ? ERR_AGAIN : file_read(f, buf);
}

LINUX_HANDLER(vmsplice)
{
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	struct io_buf buf;
	s64 result;

	if (!f)
		return ERR_BADF;
	if (!pipe_is(f))
		result = ERR_BADF;
	else if ((a3 & ~(u64)SPLICE_FLAGS) || a2 > IO_VECTORS_MAX)
		result = ERR_INVAL;
	else
		result = io_buf_init_iovec(&buf, user_ptr(a1), (u32)a2);
	if (result == OK) {
		buf.remaining = MIN(buf.remaining, COPY_MAX);
		if (buf.remaining)
			result = vmsplice_pipe(f, &buf, a3 & SPLICE_NONBLOCK);
		io_buf_done(&buf);
	}
	fd_return(f, held);
	return result;
}
