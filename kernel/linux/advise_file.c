// SPDX-License-Identifier: MIT
/* readahead, fadvise64, sync_file_range: what programs say about the pages of open files. Only the two advices that have
 * a use here act: WILLNEED fills pages, DONTNEED of a whole file gives clean ones back. */
#include "../vfs/vfs_internal.h"
#include "linux.h"

#define READ_AHEAD_MAX_BYTES MIB(2) /* as Linux bounds one request by the device's window: a hint must not fill memory */

enum { FADV_NORMAL, FADV_RANDOM, FADV_SEQUENTIAL, FADV_WILLNEED, FADV_DONTNEED, FADV_NOREUSE };
enum { SYNC_WAIT_BEFORE = 1, SYNC_WRITE = 2, SYNC_WAIT_AFTER = 4 };

static struct node *data_node(struct file *f)
{
	struct node *n = f->where.node;
	return n && node_is_regular(n) && n->data ? n : NULL;
}

static void fill(struct node *n, u64 offset, u64 size)
{
	u64 end = MIN(offset + MIN(size, READ_AHEAD_MAX_BYTES), n->data->size);
	for (u64 at = offset & ~(PAGE_SIZE - 1); at < end && !thread_signal_pending(thread_current()); at += PAGE_SIZE) {
		struct page *page = NULL;
		phys_t pa;
		if (memobj_get_page(n->data, at >> PAGE_SHIFT, MEMOBJ_READ, &page, &pa))
			return; /* a hint: the read that follows tells */
		if (page)
			page_put(page);
		preempt_point();
	}
}

static void give_back(struct node *n, u64 offset, u64 size)
{
	if (offset || (size && size < n->data->size))
		return;
	if (node_write_back(n) == OK) /* what could not be written stays dirty, and fsync reports it */
		memobj_drop_clean(n->data);
}

static s64 with_file(u64 fd, s64 (*fn)(struct file *f, u64 a, u64 b, u32 c), u64 a, u64 b, u32 c)
{
	bool held;
	struct file *f = fd_borrow((int)fd, &held);
	if (!f)
		return ERR_BADF;
	s64 result = f->flags & O_PATH_K ? ERR_BADF : fn(f, a, b, c);
	fd_return(f, held);
	return result;
}

static s64 read_ahead(struct file *f, u64 offset, u64 size, u32 unused UNUSED)
{
	struct node *n = data_node(f);
	if (!FILE_CAN_READ(f))
		return ERR_BADF;
	if (!n || (s64)offset < 0)
		return ERR_INVAL;
	fill(n, offset, size);
	return OK;
}

LINUX_HANDLER(readahead) { return with_file(a0, read_ahead, a1, a2, 0); }

static s64 advise(struct file *f, u64 offset, u64 size, u32 advice)
{
	struct node *n = data_node(f);
	if (!f->where.node || mode_is(f->where.node->mode, S_IFIFO_K))
		return ERR_SPIPE;
	if ((s64)size < 0 || advice > FADV_NOREUSE)
		return ERR_INVAL;
	if (n && advice == FADV_WILLNEED)
		fill(n, offset, size ? size : UINT64_MAX - offset);
	else if (n && advice == FADV_DONTNEED)
		give_back(n, offset, size);
	return OK;
}

LINUX_HANDLER(fadvise64) { return with_file(a0, advise, a1, a2, (u32)a3); }

static s64 sync_range(struct file *f, u64 offset, u64 size, u32 flags)
{
	struct node *n = f->where.node;
	if (flags & ~(u32)(SYNC_WAIT_BEFORE | SYNC_WRITE | SYNC_WAIT_AFTER))
		return ERR_INVAL;
	if ((s64)offset < 0 || (s64)size < 0 || (s64)(offset + size) < 0)
		return ERR_INVAL;
	if (!n || !(node_is_regular(n) || node_is_dir(n) || mode_is(n->mode, S_IFLNK_K)))
		return ERR_SPIPE;
	return flags && node_is_regular(n) ? node_write_back(n) : OK; /* writing out here is synchronous */
}

LINUX_HANDLER(sync_file_range) { return with_file(a0, sync_range, a1, a2, (u32)a3); }
