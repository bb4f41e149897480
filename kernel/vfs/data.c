// SPDX-License-Identifier: MIT
/* File data: the memobj operations of regular files, space budgets, write-back to shared mounts, truncation.
 * Authoritative file systems keep changed pages here for good (charged to the file system's account); a shared
 * mount's dirty pages go to vfsd on close, fsync, last munmap, sync and beyond WRITE_BACK_PAGES. */
#include "vfs_internal.h"

#define FILL_MIN_PAGES 4u            /* a random miss */
#define FILL_MAX_PAGES 32u           /* 128 KiB = IPC_PAYLOAD_BYTES: a sequential reader */

static struct node *owner_of(struct memobj *o) { return o->owner; }

static u64 fill_window(struct node *n, u64 index, u64 wanted, u64 end_page)
{
	u64 count = index == 0 || index == n->fill_next ? FILL_MAX_PAGES : FILL_MIN_PAGES;
	count = MIN(MAX(count, wanted), FILL_MAX_PAGES);
	return MIN(count, end_page > index ? end_page - index : 1);
}

/* Stores `got` bytes of `text` as pages from `index`; the rest of the last page is zero. */
static status_t insert_pages(struct memobj *o, u64 index, u64 count, const u8 *text, u64 got)
{
	for (u64 i = 0; i < count; i++) {
		struct page *p = page_alloc(ALLOC_USER);
		if (!p)
			return i ? OK : ERR_NOMEM;
		u64 from = i * PAGE_SIZE, have = got > from ? MIN(got - from, PAGE_SIZE) : 0;
		memcpy(page_va(p), text + from, have);
		memset((u8 *)page_va(p) + have, 0, PAGE_SIZE - have);
		status_t st = memobj_insert_page(o, index + i, p);
		if (st) {
			page_put(p);
			if (st != ERR_EXIST)
				return i ? OK : st;
		}
	}
	return OK;
}

static status_t node_fill(struct memobj *o, u64 index, u64 wanted)
{
	struct node *n = owner_of(o);
	if (!n)
		return ERR_IO;
	u64 count = fill_window(n, index, wanted, ALIGN_UP(o->size, PAGE_SIZE) >> PAGE_SHIFT);
	u64 offset = index << PAGE_SHIFT, size = count << PAGE_SHIFT;
	if (offset >= n->fill_end)
		return insert_pages(o, index, 1, NULL, 0);
	u8 *text = kmalloc(size);
	if (!text)
		return ERR_NOMEM;
	struct vfs_io_request r = {
		.fs = n->fs->id, .cookie = n->cookie, .offset = offset, .size = MIN(size, n->fill_end - offset),
	};
	s64 got = vfs_call_data(VFS_READ, fs_cause(n->fs, HOP_FIRST_USE), &r, sizeof(r), text, (u32)size, NULL, 0);
	status_t st = got < 0 ? (status_t)got : insert_pages(o, index, count, text, (u64)got);
	n->fill_next = index + count;
	kfree(text);
	return st;
}

bool fs_has_space(struct filesystem *fs, u64 pages)
{
	return !fs->account || pages <= account_left(fs->account);
}

void node_times_written(struct node *n)
{
	spin_lock(&n->spin);
	n->mtime_ns = n->ctime_ns = vfs_now();
	n->flags |= NODE_ATTR_DIRTY;
	n->version++;
	spin_unlock(&n->spin);
}

static status_t node_make_dirty(struct memobj *o, u64 index UNUSED)
{
	struct node *n = owner_of(o);
	if (!n)
		return OK;
	if (n->fs->flags & FS_READ_ONLY)
		return ERR_ROFS;
	if (n->fs->flags & FS_KERNEL_DATA) {
		if (!fs_has_space(n->fs, 1))
			return ERR_NOSPC;
	} else {
		__atomic_add_fetch(&n->dirty_pages, 1, __ATOMIC_RELAXED);
	}
	spin_lock(&n->spin);
	n->mtime_ns = n->ctime_ns = vfs_now();
	n->flags |= NODE_ATTR_DIRTY | (n->fs->flags & FS_KERNEL_DATA ? NODE_PRIVATE_DATA : 0);
	n->version++;
	spin_unlock(&n->spin);
	return OK;
}

static void node_stored(struct memobj *o)
{
	struct node *n = owner_of(o);

	if (n)
		node_times_written(n);
}

const struct memobj_ops node_local_ops = { .make_dirty = node_make_dirty, .stored = node_stored };
const struct memobj_ops node_filled_ops = { .fill = node_fill, .make_dirty = node_make_dirty, .stored = node_stored };

/* ---- write-back ---- */
struct write_run {
	struct node *node;
	u8 *buf;
	u64 start, length; /* bytes gathered for [start, start+length) */
};

static status_t run_send(struct write_run *run)
{
	struct node *n = run->node;
	u64 sent = 0;
	while (sent < run->length) {
		struct vfs_io_request r = {
			.fs = n->fs->id, .cookie = n->cookie, .offset = run->start + sent, .size = run->length - sent,
		};
		s64 done = vfs_call(VFS_WRITE, fs_cause(n->fs, HOP_BY_DESIGN), &r, sizeof(r), NULL, 0, (char *)run->buf + sent,
				    (u32)(run->length - sent));
		if (done <= 0)
			return done ? (status_t)done : ERR_IO;
		sent += (u64)done;
	}
	run->length = 0;
	return OK;
}

/* A run that could not be sent: its pages are dirty again, and the next flush takes them. */
static void run_keep(struct write_run *run)
{
	for (u64 at = run->start; at < run->start + run->length; at += PAGE_SIZE) {
		struct page *page = NULL;
		phys_t pa;
		if (memobj_get_page(run->node->data, at >> PAGE_SHIFT, MEMOBJ_WRITE, &page, &pa) == OK && page)
			page_put(page);
	}
}

static status_t run_add(struct memobj *o, u64 index, struct page *p, void *arg)
{
	struct write_run *run = arg;
	u64 offset = index << PAGE_SHIFT;
	if (offset >= o->size)
		return OK;
	if (run->length && (run->start + run->length != offset || run->length + PAGE_SIZE > IPC_PAYLOAD_BYTES)) {
		status_t st = run_send(run);
		if (st)
			return st;
	}
	if (!run->length)
		run->start = offset;
	u64 size = MIN(PAGE_SIZE, o->size - offset);
	memcpy(run->buf + run->length, page_va(p), size);
	run->length += size;
	return OK;
}

/* The host has set its own mtime: taken over, or the next open would take our pages for changed ones. */
static void adopt_times(struct node *n)
{
	struct vfs_node_request r = { .fs = n->fs->id, .cookie = n->cookie };
	struct vfs_node lease;
	if (vfs_call(VFS_GETATTR, HOP_SHARED_MOUNT, &r, sizeof(r), &lease, sizeof(lease), NULL, 0) >= 0)
		node_apply_attributes(n, &lease.attr);
}

status_t node_write_back(struct node *n)
{
	if (!n->data || !n->dirty_pages || (n->fs->flags & FS_KERNEL_DATA) || !n->fs->id)
		return OK;
	struct write_run run = { .node = n, .buf = kmalloc(IPC_PAYLOAD_BYTES) };
	if (!run.buf)
		return ERR_NOMEM;
	mutex_lock(&n->lock);
	u32 dirty = __atomic_exchange_n(&n->dirty_pages, 0, __ATOMIC_ACQ_REL);
	status_t st = memobj_for_each_dirty(n->data, run_add, &run);
	if (!st)
		st = run_send(&run);
	spin_lock(&n->spin);
	n->flags &= ~(u32)(NODE_SIZE_DIRTY | NODE_ATTR_DIRTY);
	spin_unlock(&n->spin);
	if (st) {
		run_keep(&run);
		__atomic_add_fetch(&n->dirty_pages, dirty, __ATOMIC_RELAXED);
	}
	adopt_times(n);
	mutex_unlock(&n->lock);
	kfree(run.buf);
	return st;
}

/* ---- size ---- */
static status_t truncate_remote(struct node *n, u64 size)
{
	struct vfs_setattr_request r = { .fs = n->fs->id, .valid = VFS_SET_SIZE, .cookie = n->cookie, .size = size };
	struct vfs_attributes reply;
	s64 st = vfs_call(VFS_SETATTR, fs_cause(n->fs, HOP_BY_DESIGN), &r, sizeof(r), &reply, sizeof(reply), NULL, 0);
	return st < 0 ? (status_t)st : OK;
}

status_t node_truncate(struct node *n, u64 size)
{
	status_t st = OK;
	if ((n->seals & SEAL_SHRINK_K && size < n->data->size) || (n->seals & SEAL_GROW_K && size > n->data->size))
		return ERR_PERM;
	if (!(n->fs->flags & FS_KERNEL_DATA))
		st = truncate_remote(n, size);
	if (!st)
		st = memobj_resize(n->data, size);
	if (st)
		return st;
	n->fill_end = n->fs->flags & FS_SHARED ? UINT64_MAX : MIN(n->fill_end, size);
	spin_lock(&n->spin);
	n->mtime_ns = n->ctime_ns = vfs_now();
	n->version++;
	if (n->fs->flags & FS_KERNEL_DATA)
		n->flags |= NODE_SIZE_DIRTY | NODE_ATTR_DIRTY;
	spin_unlock(&n->spin);
	return OK;
}

u64 node_blocks_512(const struct node *n)
{
	if (!n->data)
		return 0;
	if ((n->fs->flags & FS_SHARED) && !n->dirty_pages)
		return n->host_blocks;
	if ((n->fs->flags & FS_KERNEL_DATA) && n->data->backing == PHYS_NONE && n->data->ops == &node_local_ops)
		return n->data->page_count * (PAGE_SIZE / 512);
	return ALIGN_UP(n->data->size, PAGE_SIZE) / 512;
}

/* Writing or changing the owner of a program takes its setuid and (executable) setgid bits away. */
void node_clear_setid(struct node *n)
{
	u32 drop = n->mode & S_ISUID_K;
	if ((n->mode & (S_ISGID_K | 010)) == (S_ISGID_K | 010))
		drop |= S_ISGID_K;
	if (!drop)
		return;
	struct vfs_setattr_request r = { .fs = n->fs->id, .valid = VFS_SET_MODE, .cookie = n->cookie,
			.mode = n->mode & ~drop & 07777 };
	struct vfs_attributes reply;
	if (n->fs->id && vfs_call(VFS_SETATTR, fs_cause(n->fs, HOP_BY_DESIGN), &r, sizeof(r), &reply, sizeof(reply),
			NULL, 0) < 0)
		klog(LOG_WARN, "vfs: cannot clear set-id bits of a written file\n");
	spin_lock(&n->spin);
	n->mode &= ~drop;
	spin_unlock(&n->spin);
}
