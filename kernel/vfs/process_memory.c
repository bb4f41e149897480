// SPDX-License-Identifier: MIT
/* /proc/PID/mem, proc(5): the bytes of a process at their addresses, past the rights of its mappings as for a debugger.
 * vfsd shows the file, the kernel serves it. The opener must be allowed to trace, when it opens and whenever it reads:
 * the process may have become somebody else's by execve. A process that is gone reads as an empty file. */
#include "vfs_internal.h"

static const struct file_ops memory_ops;

static struct process *process_of(u32 tid)
{
	struct thread *t = thread_find(tid);
	struct process *p = t ? t->process : NULL;

	if (!t)
		return process_find(tid);
	process_get(p);
	thread_put(t);
	return p;
}

status_t process_memory_attach(struct file *f, u32 tid)
{
	struct process *p = process_of(tid);

	if (!p)
		return ERR_SRCH;
	if (p->service || !process_memory_permitted(p, thread_current()->cred)) {
		process_put(p);
		return ERR_ACCES;
	}
	f->private_data = p;
	f->ops = &memory_ops;
	return OK;
}

/* Up to the end of one page; bytes moved, fewer than there are to move at the end of what can be reached. */
static s64 move_page(struct aspace *as, struct io_buf *io, u64 va, void *bounce, bool write)
{
	u64 n = MIN(io->remaining, PAGE_SIZE - (va & PAGE_MASK));
	s64 moved;

	if (write) {
		n = io_buf_take(io, bounce, n);
		if (!n)
			return ERR_FAULT;
	}
	moved = aspace_force_bytes(as, va, bounce, n, write);
	if (moved <= 0)
		return ERR_IO;
	if (!write && io_buf_put(io, bounce, (u64)moved) != (u64)moved)
		return ERR_FAULT;
	return moved;
}

static s64 move(struct aspace *as, struct io_buf *io, u64 *pos, bool write)
{
	void *bounce = kmalloc(PAGE_SIZE);
	s64 moved = 0;
	u64 total = 0;

	if (!bounce)
		return ERR_NOMEM;
	while (io->remaining) {
		moved = move_page(as, io, *pos, bounce, write);
		if (moved < 0)
			break;
		total += (u64)moved;
		*pos += (u64)moved;
		preempt_point();
		if (thread_signal_pending(thread_current()))
			break;
	}
	kfree(bounce);
	return total ? (s64)total : moved;
}

static s64 memory_io(struct file *f, struct io_buf *io, u64 *pos, bool write)
{
	struct process *p = f->private_data;
	struct aspace *as;
	s64 result;

	if (!pos)
		return ERR_INVAL;
	as = process_aspace_get(p);
	if (!as)
		return 0;
	result = process_memory_permitted(p, f->cred) ? move(as, io, pos, write) : 0;
	aspace_put(as);
	return result;
}

static s64 memory_read(struct file *f, struct io_buf *to, u64 *pos) { return memory_io(f, to, pos, false); }
static s64 memory_write(struct file *f, struct io_buf *from, u64 *pos) { return memory_io(f, from, pos, true); }

static s64 memory_seek(struct file *f, s64 offset, int whence)
{
	if (whence != 0 && whence != 1)
		return ERR_INVAL;
	f->pos = (u64)offset + (whence ? f->pos : 0); /* an address: no number is too large */
	return (s64)f->pos;
}

static void memory_release(struct file *f)
{
	process_put(f->private_data);
	f->private_data = NULL;
	node_file_release(f);
}

static const struct file_ops memory_ops = {
	.name = "process memory", .read = memory_read, .write = memory_write, .seek = memory_seek, .stat = node_file_stat,
	.close = node_file_close, .release = memory_release,
};
