// SPDX-License-Identifier: MIT
/* NtReadFile, NtWriteFile and friends, and how an operation tells its end: status block, event, APC, completion port.
 * What ends at once is told in the caller's thread (nt_io_finish); what waits at a pipe or directory is told by whoever
 * ends it (nt_io_complete), through the requester's address space. */
#include "file.h"

#include "nt_memory.h"
#include "string.h"
#include "../vfs/vfs_internal.h"

#define OFFSET_APPEND (~0ull)          /* write at the end */
#define OFFSET_POSITION 0xfffffffffffffffeull
#define SEGMENTS_MAX 256u              /* pages of one scatter or gather call */
enum { SKIP_PORT_ON_SUCCESS = 1, SKIP_SET_EVENT = 2 };

static struct spinlock nt_io_lock = SPINLOCK_INIT(RANK_OBJECT);

/* ---- begin and end ---- */
s64 nt_io_begin(struct nt_io *io, struct file *f, const u64 *a)
{
	memset(io, 0, sizeof(*io));
	list_init(&io->link);
	io->file = f;
	io->apc = a[2];
	io->context = a[3];
	io->iosb = a[4];
	if (a[1]) {
		s64 st = nt_handle_get(a[1], NT_TYPE_EVENT, 2 /* EVENT_MODIFY_STATE */, &io->event);
		if (st)
			return st;
		nt_event_clear(io->event);
	}
	struct nt_open *o = f->nt_open;
	if (!o || !o->port)
		return 0;
	spin_lock(&nt_io_lock);
	if (o->port) {
		file_get(o->port);
		io->port = o->port;
		io->port_key = o->port_key;
	}
	io->skip_port = o->completion_flags & SKIP_PORT_ON_SUCCESS;
	spin_unlock(&nt_io_lock);
	if (io->port && io->apc) {
		nt_io_drop(io);
		return NT(INVALID_PARAMETER);
	}
	return 0;
}

void nt_io_drop(struct nt_io *io)
{
	if (io->event)
		file_put(io->event);
	if (io->port)
		file_put(io->port);
	io->event = io->port = NULL;
}

/* Event, port, APC. The status block is written already. */
static void tell(struct nt_io *io, struct thread *t)
{
	if (io->event)
		nt_event_set(io->event);
	if (io->apc) {
		if (nt_apc_queue(t, io->apc, io->context, io->iosb, 0)) { /* the thread ends: nobody is left to hear it */ }
	} else if (io->port && io->context && !(io->skip_port && !io->pended)) {
		if (nt_completion_post(io->port, io->port_key, io->context, io->status, io->information))
			klog(LOG_WARN, "no memory for a completion packet");
	}
	nt_io_drop(io);
}

struct status_block { u64 status, information; };

s64 nt_io_finish(struct nt_io *io, s64 status, u64 information)
{
	struct status_block block;
	if (status == ERR_RESTART) { /* nothing happened; the dispatcher calls again */
		nt_io_drop(io);
		return status;
	}
	io->status = nt_status(status);
	io->information = information;
	if (NT_IS_ERROR(io->status)) { /* no operation was begun */
		nt_io_drop(io);
		return (s64)io->status;
	}
	block = (struct status_block){ io->status, information };
	if (io->iosb && COPY_OUT(user_ptr(io->iosb), &block)) {
		nt_io_drop(io);
		return NT(ACCESS_VIOLATION);
	}
	tell(io, thread_current());
	return (s64)io->status;
}

struct nt_io *nt_io_pend(struct nt_io *io)
{
	struct nt_io *copy = kmalloc(sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = *io;
	list_init(&copy->link);
	copy->pended = true;
	copy->thread = thread_current();
	thread_get(copy->thread);
	copy->as = process_current()->aspace;
	aspace_get(copy->as);
	return copy;
}

void nt_io_complete(struct nt_io *io)
{
	struct status_block block = { io->status, io->information };
	if (io->iosb && aspace_write_bytes(io->as, io->iosb, &block, sizeof(block)) != (s64)sizeof(block))
		klog(LOG_DEBUG, "status block of a finished operation is gone");
	tell(io, io->thread);
	kfree(io->data);
	aspace_put(io->as);
	thread_put(io->thread);
	kfree(io);
}

void nt_io_discard(struct nt_io *io)
{
	nt_io_drop(io);
	kfree(io->data);
	aspace_put(io->as);
	thread_put(io->thread);
	kfree(io);
}

/* ---- read and write ---- */
static s64 offset_in(struct file *f, u64 va, bool write, u64 *offset, bool *positioned)
{
	*positioned = false;
	if (!f->ops->seek)
		return 0;
	if (!va) {
		return nt_is_synchronous(f) ? 0 : NT(INVALID_PARAMETER);
	}
	s64 st = copy_in(offset, user_ptr(va), 8);
	if (st)
		return st;
	if (*offset == OFFSET_POSITION)
		return nt_is_synchronous(f) ? 0 : NT(INVALID_PARAMETER);
	if ((s64)*offset < 0 && !(write && *offset == OFFSET_APPEND))
		return NT(INVALID_PARAMETER);
	*positioned = true;
	return 0;
}

static s64 read_status(struct file *f, s64 n, u64 wanted)
{
	if (n == ERR_PIPE)
		return NT(PIPE_BROKEN);
	if (n < 0)
		return n == ERR_ISDIR ? NT(INVALID_DEVICE_REQUEST) : n;
	if (n || !wanted)
		return 0;
	if (pipe_is(f))
		return NT(PIPE_BROKEN);
	return nt_device_of(f) == NT_DEVICE_DISK || nt_device_of(f) == NT_DEVICE_NULL ? NT(END_OF_FILE) : 0;
}

/* A read of no bytes from a pipe waits until there are some: how libuv learns of them. */
static s64 wait_for_bytes(struct file *f)
{
	s64 st = pipe_peek(f, NULL, 0);
	return st ? st : pipe_bytes(f) || pipe_has_writers(f) ? 0 : ERR_PIPE;
}

static s64 read_file(struct nt_io *io, struct io_buf *to, u64 offset, bool positioned)
{
	struct file *f = io->file;
	u64 wanted = to->remaining;
	if (!nt_range_allowed(f, positioned ? offset : f->pos, wanted, false))
		return nt_io_finish(io, NT(FILE_LOCK_CONFLICT), 0);
	s64 n = !wanted && pipe_is(f) ? wait_for_bytes(f) : positioned ? file_pread(f, to, offset) : file_read(f, to);
	if (positioned && n >= 0 && nt_is_synchronous(f))
		__atomic_store_n(&f->pos, offset + (u64)n, __ATOMIC_RELAXED);
	s64 st = read_status(f, n, wanted);
	return nt_io_finish(io, st, n > 0 ? (u64)n : 0);
}

static s64 read_call(struct nt_io *io, u64 offset_va)
{
	struct file *f = io->file;
	struct io_buf to;
	u64 offset;
	bool positioned;
	if (nt_pipe_is(f))
		return nt_pipe_read(io);
	if (nt_console_is(f))
		return nt_console_read(io);
	s64 st = offset_in(f, offset_va, false, &offset, &positioned);
	if (st) {
		nt_io_drop(io);
		return st;
	}
	io_buf_init_user(&to, user_ptr(io->buffer), io->length);
	return read_file(io, &to, offset, positioned);
}

NT_HANDLER(ReadFile)
{
	struct file *f;
	struct nt_io io;
	s64 st = nt_handle_get(a[0], NT_TYPE_FILE, FILE_READ_DATA, &f);
	if (st)
		return st;
	st = nt_io_begin(&io, f, a);
	if (!st) {
		io.buffer = a[5];
		io.length = (u32)a[6];
		nt_memory_will_store(process_current()->aspace, io.buffer, io.length);
		st = read_call(&io, a[7]);
	}
	file_put(f);
	return st;
}

static s64 write_status(s64 n)
{
	if (n == ERR_PIPE)
		return NT(PIPE_CLOSING);
	if (n == ERR_NOSPC || n == ERR_DQUOT)
		return NT(DISK_FULL);
	return n < 0 ? n : 0;
}

static s64 write_file(struct nt_io *io, struct io_buf *from, u64 offset, bool positioned, bool append)
{
	struct file *f = io->file;
	s64 n;
	if (positioned && offset == OFFSET_APPEND)
		append = true;
	if (append && f->where.node && f->where.node->data) {
		offset = f->where.node->data->size;
		positioned = true;
	}
	if (!nt_range_allowed(f, positioned ? offset : f->pos, from->remaining, true))
		return nt_io_finish(io, NT(FILE_LOCK_CONFLICT), 0);
	n = positioned ? file_pwrite(f, from, offset) : file_write(f, from);
	if (positioned && n >= 0 && nt_is_synchronous(f))
		__atomic_store_n(&f->pos, offset + (u64)n, __ATOMIC_RELAXED);
	return nt_io_finish(io, write_status(n), n > 0 ? (u64)n : 0);
}

static s64 write_call(struct nt_io *io, u64 offset_va, bool append)
{
	struct file *f = io->file;
	struct io_buf from;
	u64 offset;
	bool positioned;
	if (nt_pipe_is(f))
		return nt_pipe_write(io);
	if (nt_console_is(f))
		return nt_console_write(io);
	s64 st = offset_in(f, offset_va, true, &offset, &positioned);
	if (st) {
		nt_io_drop(io);
		return st;
	}
	io_buf_init_user(&from, user_ptr(io->buffer), io->length);
	return write_file(io, &from, offset, positioned, append);
}

NT_HANDLER(WriteFile)
{
	struct file *f;
	struct nt_io io;
	u32 granted;
	s64 st = nt_handle_get_access(a[0], NT_TYPE_FILE, 0, &f, &granted);
	if (st)
		return st;
	if (!(granted & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		st = NT(ACCESS_DENIED);
	if (!st)
		st = nt_io_begin(&io, f, a);
	if (!st) {
		io.buffer = a[5];
		io.length = (u32)a[6];
		st = write_call(&io, a[7], !(granted & FILE_WRITE_DATA));
	}
	file_put(f);
	return st;
}

/* ---- scatter and gather: pages named by an array of 64-bit addresses ---- */
static s64 segments(const u64 *a, bool write)
{
	struct file *f;
	struct nt_io io;
	u64 pages[16], offset, done = 0, length = (u32)a[6];
	if (!length || !IS_ALIGNED(length, PAGE_SIZE) || length / PAGE_SIZE > SEGMENTS_MAX)
		return NT(INVALID_PARAMETER);
	s64 st = nt_handle_get(a[0], NT_TYPE_FILE, write ? FILE_WRITE_DATA : FILE_READ_DATA, &f);
	if (st)
		return st;
	st = nt_io_begin(&io, f, a);
	if (st) {
		file_put(f);
		return st;
	}
	st = !f->ops->seek || !a[7] ? NT(INVALID_PARAMETER) : copy_in(&offset, user_ptr(a[7]), 8);
	for (u64 i = 0; !st && done < length; i++) {
		struct io_buf b;
		if (i % ARRAY_SIZE(pages) == 0)
			st = copy_in(pages, user_ptr(a[5] + i * 8), MIN(ARRAY_SIZE(pages), (length - done) / PAGE_SIZE) * 8);
		if (st)
			break;
		io_buf_init_user(&b, user_ptr(pages[i % ARRAY_SIZE(pages)]), PAGE_SIZE);
		s64 n = write ? file_pwrite(f, &b, offset + done) : file_pread(f, &b, offset + done);
		if (n <= 0) {
			st = n < 0 ? n : done ? 0 : NT(END_OF_FILE);
			break;
		}
		done += (u64)n;
		if (n < (s64)PAGE_SIZE)
			break;
	}
	st = nt_io_finish(&io, st, done);
	file_put(f);
	return st;
}

NT_HANDLER(ReadFileScatter) { return segments(a, false); }
NT_HANDLER(WriteFileGather) { return segments(a, true); }

/* ---- flush, cancel ---- */
static s64 flush(u64 handle, u64 iosb)
{
	struct file *f;
	struct status_block block = { 0, 0 };
	s64 st = nt_handle_get(handle, NT_TYPE_FILE, 0, &f);
	if (st)
		return st;
	if (f->ops->sync)
		st = f->ops->sync(f, false);
	else if (f->where.node && f->where.node->data)
		st = node_write_back(f->where.node);
	file_put(f);
	return st ? st : COPY_OUT(user_ptr(iosb), &block);
}

NT_HANDLER(FlushBuffersFile) { return flush(a[0], a[1]); }

NT_HANDLER(FlushBuffersFileEx)
{
	if ((u32)a[1] & ~7u || a[2] || (u32)a[3])
		return NT(INVALID_PARAMETER);
	return flush(a[0], a[4]);
}

static s64 cancel(u64 handle, u64 which, struct thread *t, u64 iosb)
{
	struct file *f;
	struct status_block block = { 0, 0 };
	s64 st = nt_handle_get(handle, NT_TYPE_FILE, 0, &f);
	if (st)
		return st;
	u32 count = nt_pipe_is(f) ? nt_pipe_cancel(f, which, t) : nt_notify_cancel(f, which, t);
	file_put(f);
	if (COPY_OUT(user_ptr(iosb), &block))
		return NT(ACCESS_VIOLATION);
	return count || t ? 0 : NT(NOT_FOUND);
}

NT_HANDLER(CancelIoFile) { return cancel(a[0], 0, thread_current(), a[1]); }
NT_HANDLER(CancelIoFileEx) { return cancel(a[0], a[1], NULL, a[2]); }

/* ---- the completion port of a file: FileCompletionInformation (30) and its notification modes (41) ---- */
s64 nt_file_set_port(struct file *f, struct file *port, u64 key)
{
	struct nt_open *o = f->nt_open;
	if (!o || (o->options & FILE_SYNCHRONOUS))
		return NT(INVALID_PARAMETER);
	spin_lock(&nt_io_lock);
	bool taken = o->port;
	if (!taken) {
		file_get(port);
		o->port = port;
		o->port_key = key;
	}
	spin_unlock(&nt_io_lock);
	return taken ? NT(INVALID_PARAMETER) : 0;
}

s64 nt_file_completion_flags(struct file *f, u32 *set)
{
	struct nt_open *o = f->nt_open;
	if (!o)
		return NT(INVALID_PARAMETER);
	spin_lock(&nt_io_lock);
	o->completion_flags |= *set; /* they can only be added */
	*set = o->completion_flags;
	spin_unlock(&nt_io_lock);
	return 0;
}
