// SPDX-License-Identifier: MIT
/* Open regular files (regular_ops) and O_PATH files (path_ops). Reads take no lock; writes, truncation and
 * fallocate hold the node's mutex. Times follow the node, setuid bits fall with the first write. */
#include "vfs_internal.h"

#include "../../abi/linux/fcntl.h"

#define SEEK_DATA_K 3
#define SEEK_HOLE_K 4
#define FALLOC_KEEP_SIZE_K 1u
#define FALLOC_PUNCH_HOLE_K 2u
#define FALLOC_ZERO_RANGE_K 16u
#define WRITE_BACK_PAGES 1024u         /* 4 MiB of dirty pages of one shared file: a writer sends them itself */
#define FILE_SIZE_MAX ((u64)INT64_MAX)

static struct node *node_of(struct file *f) { return f->where.node; }

status_t node_file_stat(struct file *f, struct attributes *out)
{
	struct node *n = node_of(f);
	if (node_needs_refresh(n) && !(n->flags & NODE_UNLINKED)) {
		status_t st = node_refresh(n);
		if (st)
			return st;
	}
	node_attributes(n, out);
	return OK;
}

/* close(2) of the last descriptor cannot tell: the pages stay dirty, and the next flush takes them. */
static void write_back_quietly(struct node *n, const char *when)
{
	status_t st = node_write_back(n);
	if (st)
		klog(LOG_WARN, "vfs: write-back of %u:%llx at %s failed: %d\n", n->fs->id, (unsigned long long)n->cookie, when, st);
}

void node_file_close(struct file *f, struct fdtable *t UNUSED)
{
	struct node *n = node_of(f);
	if (n->dirty_pages && FILE_CAN_WRITE(f))
		write_back_quietly(n, "close");
}

void node_file_release(struct file *f)
{
	struct node *n = node_of(f);
	if (n->dirty_pages && FILE_CAN_WRITE(f))
		write_back_quietly(n, "the last reference");
	spin_lock(&n->spin);
	n->open_count--;
	if (FILE_CAN_WRITE(f))
		n->write_count--;
	if (f->private_data == (void *)(uintptr_t)FILE_EXEC_HELD)
		n->exec_count--;
	spin_unlock(&n->spin);
	NOTIFY(n, (FILE_CAN_WRITE(f) ? IN_CLOSE_WRITE_K : IN_CLOSE_NOWRITE_K), NULL, 0);
	NOTIFY_IF_GONE(n);
}

static s64 regular_read(struct file *f, struct io_buf *to, u64 *pos)
{
	struct node *n = node_of(f);
	if (!pos)
		return ERR_INVAL;
	s64 done = memobj_read(n->data, to, *pos);
	if (done >= 0 && !(f->flags & O_NOATIME_K))
		node_touch_atime(f->where.mount, n); /* at the end of the file, too */
	if (done > 0) {
		*pos += (u64)done;
		NOTIFY(n, IN_ACCESS_K, NULL, 0);
	}
	return done;
}

static s64 write_locked(struct file *f, struct node *n, struct io_buf *from, u64 *pos)
{
	if (f->flags & O_APPEND_K)
		*pos = n->data->size;
	if (*pos >= FILE_SIZE_MAX)
		return ERR_FBIG;
	s64 room = (s64)MIN(from->remaining, FILE_SIZE_MAX - *pos);
	if (n->seals & (SEAL_WRITE_K | SEAL_FUTURE_WRITE_K))
		return ERR_PERM;
	if ((n->seals & SEAL_GROW_K) && *pos + (u64)room > n->data->size) {
		if (*pos >= n->data->size)
			return ERR_PERM;
		room = (s64)(n->data->size - *pos);
	}
	u64 cut = from->remaining - (u64)room;
	from->remaining -= cut;
	s64 done = memobj_write(n->data, from, *pos);
	from->remaining += cut;
	if (done > 0) {
		*pos += (u64)done;
		node_times_written(n);
		if (n->mode & (S_ISUID_K | S_ISGID_K)) {
			const struct cred *c = current_cred();
			if (c && !cred_has_cap(c, CAP_FSETID_K))
				node_clear_setid(n);
		}
	}
	return done;
}

static s64 regular_write(struct file *f, struct io_buf *from, u64 *pos)
{
	struct node *n = node_of(f);
	if (!pos)
		return ERR_INVAL;
	if (!from->remaining)
		return 0;
	mutex_lock(&n->lock);
	s64 done = write_locked(f, n, from, pos);
	mutex_unlock(&n->lock);
	if (done == ERR_NOMEM && n->fs->account && !fs_has_space(n->fs, 1))
		done = ERR_NOSPC;
	if (done <= 0)
		return done;
	bool now = n->dirty_pages > WRITE_BACK_PAGES || ((f->flags & O_DSYNC_K) && n->dirty_pages);
	status_t st = now ? node_write_back(n) : OK;
	NOTIFY(n, IN_MODIFY_K, NULL, 0);
	return st ? st : done;
}

static s64 regular_seek(struct file *f, s64 offset, int whence)
{
	struct node *n = node_of(f);
	s64 size = (s64)n->data->size, base = 0;
	switch (whence) {
	case 0:
		break;
	case 1:
		base = (s64)f->pos;
		break;
	case 2:
		base = size;
		break;
	case SEEK_DATA_K:
	case SEEK_HOLE_K:
		if (offset < 0 || offset >= size)
			return ERR_NXIO;
		u64 found = memobj_seek(n->data, (u64)offset, whence == SEEK_DATA_K);
		if (found == UINT64_MAX)
			return ERR_NXIO;
		f->pos = found;
		return (s64)found;
	default:
		return ERR_INVAL;
	}
	s64 to;
	if (__builtin_add_overflow(base, offset, &to) || to < 0)
		return ERR_INVAL;
	f->pos = (u64)to;
	return to;
}

static status_t regular_map(struct file *f, struct map_request *r)
{
	struct node *n = node_of(f);
	bool shared = r->flags & MAP_F_SHARED;
	if (!FILE_CAN_READ(f))
		return ERR_ACCES;
	if (shared && (r->prot & PROT_W) && !FILE_CAN_WRITE(f))
		return ERR_ACCES;
	bool no_exec = f->where.mount && (f->where.mount->flags & MS_NOEXEC_K);
	if (no_exec && (r->prot & PROT_X))
		return ERR_PERM;
	if (shared && (n->seals & (SEAL_WRITE_K | SEAL_FUTURE_WRITE_K)) && (r->prot & PROT_W))
		return ERR_PERM;
	if (shared && (!FILE_CAN_WRITE(f) || (n->seals & (SEAL_WRITE_K | SEAL_FUTURE_WRITE_K))))
		r->max_prot &= ~(u32)PROT_W;
	if (no_exec)
		r->max_prot &= ~(u32)PROT_X;
	node_touch_atime(f->where.mount, n);
	memobj_get(n->data);
	r->obj = n->data;
	return OK;
}

static status_t regular_sync(struct file *f, bool data_only UNUSED)
{
	return node_write_back(node_of(f));
}

static status_t regular_truncate(struct file *f, u64 size)
{
	struct node *n = node_of(f);
	if (size > FILE_SIZE_MAX)
		return ERR_INVAL;
	mutex_lock(&n->lock);
	status_t st = node_truncate(n, size);
	if (!st && (n->mode & (S_ISUID_K | S_ISGID_K)))
		node_clear_setid(n);
	mutex_unlock(&n->lock);
	if (!st)
		NOTIFY(n, IN_MODIFY_K, NULL, 0);
	return st;
}

/* Punching needs whole pages gone and partial ones zeroed: memobj_punch does both. */
static status_t punch_locked(struct node *n, u64 offset, u64 len)
{
	u64 size = n->data->size;
	if (n->seals & (SEAL_WRITE_K | SEAL_FUTURE_WRITE_K))
		return ERR_PERM;
	if (!(n->fs->flags & FS_KERNEL_DATA) || n->data->ops != &node_local_ops || n->data->backing != PHYS_NONE)
		return ERR_OPNOTSUPP;
	if (offset < size)
		memobj_punch(n->data, offset, MIN(len, size - offset));
	node_times_written(n);
	return OK;
}

static status_t extend_locked(struct node *n, u64 end, bool keep_size)
{
	u64 size = n->data->size, have = n->data->page_count;
	u64 need = ALIGN_UP(end, PAGE_SIZE) / PAGE_SIZE;
	if (end > size && (n->seals & SEAL_GROW_K))
		return ERR_PERM;
	if ((n->fs->flags & FS_KERNEL_DATA) && need > have && !fs_has_space(n->fs, need - have))
		return ERR_NOSPC;
	if (keep_size || end <= size)
		return OK;
	return node_truncate(n, end);
}

static status_t regular_fallocate(struct file *f, u32 mode, u64 offset, u64 len)
{
	struct node *n = node_of(f);
	u64 end;
	if (mode & ~(FALLOC_KEEP_SIZE_K | FALLOC_PUNCH_HOLE_K | FALLOC_ZERO_RANGE_K))
		return ERR_OPNOTSUPP;
	if (__builtin_add_overflow(offset, len, &end) || end > FILE_SIZE_MAX)
		return ERR_FBIG;
	bool punch = mode & FALLOC_PUNCH_HOLE_K, zero = mode & FALLOC_ZERO_RANGE_K;
	if (punch && (zero || !(mode & FALLOC_KEEP_SIZE_K)))
		return ERR_OPNOTSUPP;
	mutex_lock(&n->lock);
	status_t st = punch || zero ? punch_locked(n, offset, len) : OK;
	if (!st && !punch)
		st = extend_locked(n, end, mode & FALLOC_KEEP_SIZE_K);
	mutex_unlock(&n->lock);
	if (!st)
		NOTIFY(n, IN_MODIFY_K, NULL, 0);
	return st;
}

const struct file_ops regular_ops = {
	.name = "file",
	.read = regular_read,
	.write = regular_write,
	.seek = regular_seek,
	.map = regular_map,
	.stat = node_file_stat,
	.sync = regular_sync,
	.truncate = regular_truncate,
	.fallocate = regular_fallocate,
	.close = node_file_close,
	.release = node_file_release,
};

/* O_PATH: a place, not an open file; also the form of a device file before its driver takes over. */
const struct file_ops path_ops = { .name = "path", .stat = node_file_stat };

/* Seals of a memory file: fcntl F_ADD_SEALS and F_GET_SEALS. */
s64 file_seals(struct file *f, int command, u64 seals)
{
	struct node *n = node_of(f);
	if (f->ops != &regular_ops || n->fs->id)
		return ERR_INVAL;
	if (command == F_GET_SEALS_K)
		return (s64)n->seals;
	if (seals & ~(u64)SEAL_ALL_K)
		return ERR_INVAL;
	if (!FILE_CAN_WRITE(f) || (n->seals & SEAL_SEAL_K))
		return ERR_PERM;
	mutex_lock(&n->lock);
	bool busy = (seals & SEAL_WRITE_K) && memobj_mapped_writable(n->data); /* fcntl(2), F_SEAL_WRITE */
	if (!busy)
		n->seals |= (u32)seals;
	mutex_unlock(&n->lock);
	return busy ? ERR_BUSY : 0;
}
