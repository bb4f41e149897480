// SPDX-License-Identifier: MIT
/* Files whose bytes vfsd renders (procfs, sysfs): nothing is cached on the node. An open file keeps the piece it
 * read last, so that a program that reads in small steps sees one consistent rendering; reading at 0 asks again. */
#include "vfs_internal.h"

#define DIRECT_PIECE (64u << 10)       /* rendered at a time; procfs texts are nearly always smaller */

struct rendering {
	u64 start, length;             /* which bytes `text` holds */
	u64 mounts_seen;               /* [a] mount_changes when a poll told last */
	char *text;
	struct mutex lock;
};

static s64 fetch(struct file *f, struct rendering *r, u64 offset)
{
	struct node *n = f->where.node;
	struct vfs_io_request request = { .fs = n->fs->id, .cookie = n->cookie, .offset = offset, .size = DIRECT_PIECE };
	r->length = 0;
	s64 got = vfs_call_data(VFS_READ_DIRECT, HOP_BY_DESIGN, &request, sizeof(request), r->text, DIRECT_PIECE, NULL, 0);
	if (got < 0)
		return got;
	r->start = offset;
	r->length = (u64)got;
	return got;
}

static struct rendering *rendering_of(struct file *f)
{
	struct rendering *r = __atomic_load_n(&f->private_data, __ATOMIC_ACQUIRE), *none = NULL;
	if (r)
		return r;
	r = kzalloc(sizeof(*r));
	if (!r)
		return NULL;
	r->text = kmalloc(DIRECT_PIECE);
	if (!r->text) {
		kfree(r);
		return NULL;
	}
	mutex_init(&r->lock, RANK_NODE_MUTEX);
	if (__atomic_compare_exchange_n(&f->private_data, (void **)&none, r, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return r;
	kfree(r->text);
	kfree(r);
	return f->private_data;
}

static s64 direct_read(struct file *f, struct io_buf *to, u64 *pos)
{
	struct rendering *r = rendering_of(f);
	s64 st = 0;
	if (!r)
		return ERR_NOMEM;
	if (!pos)
		return ERR_INVAL;
	mutex_lock(&r->lock);
	bool inside = *pos && *pos >= r->start && *pos < r->start + r->length;
	bool at_end = *pos && r->length && r->length < DIRECT_PIECE && *pos == r->start + r->length;
	if (!inside && !at_end)
		st = fetch(f, r, *pos);
	if (st >= 0 && *pos >= r->start && *pos < r->start + r->length) {
		u64 skip = *pos - r->start;
		u64 wanted = MIN(r->length - skip, to->remaining);
		st = (s64)io_buf_put(to, r->text + skip, wanted);
		if (!st && wanted)
			st = ERR_FAULT;
	} else if (st >= 0) {
		st = 0;
	}
	mutex_unlock(&r->lock);
	if (st > 0)
		*pos += (u64)st;
	return st;
}

static s64 direct_write(struct file *f, struct io_buf *from, u64 *pos)
{
	struct node *n = f->where.node;
	size_t size = MIN(from->remaining, DIRECT_PIECE);
	char *text = kmalloc(size + 1);
	if (!text)
		return ERR_NOMEM;
	size_t taken = io_buf_take(from, text, size);
	struct vfs_io_request r = { .fs = n->fs->id, .cookie = n->cookie, .offset = pos ? *pos : 0, .size = taken };
	s64 st = ERR_FAULT;
	if (taken || !size)
		st = vfs_call(VFS_WRITE_DIRECT, HOP_BY_DESIGN, &r, sizeof(r), NULL, 0, text, (u32)taken);
	kfree(text);
	if (st < 0)
		return st;
	if (st == 0)
		st = (s64)taken;
	if (pos)
		*pos += (u64)st;
	NOTIFY(n, IN_MODIFY_K, NULL, 0);
	return st;
}

static s64 direct_seek(struct file *f, s64 offset, int whence)
{
	if (whence == 1)
		offset += (s64)f->pos;
	else if (whence != 0)
		return ERR_INVAL;
	if (offset < 0)
		return ERR_INVAL;
	f->pos = (u64)offset;
	return offset;
}

static status_t direct_truncate(struct file *f UNUSED, u64 size UNUSED)
{
	return OK; /* shells open procfs files with O_TRUNC; there is nothing to cut */
}

static void direct_release(struct file *f)
{
	struct rendering *r = f->private_data;
	f->private_data = NULL;
	if (r) {
		kfree(r->text);
		kfree(r);
	}
	node_file_release(f);
}

struct file *mounts_file_watch(struct file *f)
{
	struct rendering *r = rendering_of(f);
	if (!r) {
		file_put(f);
		return NULL;
	}
	r->mounts_seen = __atomic_load_n(&mount_changes, __ATOMIC_ACQUIRE);
	return f;
}

/* proc(5): each change is told once per open file, by POLLPRI and POLLERR. Registering alone takes nothing away. */
static u32 mounts_poll(struct file *f, struct poll_table *table)
{
	struct rendering *r = f->private_data;
	poll_wait(table, &mounts_changed);
	u64 now = __atomic_load_n(&mount_changes, __ATOMIC_ACQUIRE);
	if (__atomic_load_n(&r->mounts_seen, __ATOMIC_RELAXED) == now)
		return POLL_IN | POLL_RDNORM;
	if (!table)
		__atomic_store_n(&r->mounts_seen, now, __ATOMIC_RELAXED);
	return POLL_IN | POLL_RDNORM | POLL_ERR | POLL_PRI;
}

const struct file_ops direct_ops = {
	.name = "rendered file",
	.read = direct_read,
	.write = direct_write,
	.seek = direct_seek,
	.stat = node_file_stat,
	.truncate = direct_truncate,
	.close = node_file_close,
	.release = direct_release,
};

const struct file_ops mounts_ops = {
	.name = "rendered mounts",
	.read = direct_read,
	.write = direct_write,
	.seek = direct_seek,
	.poll = mounts_poll,
	.stat = node_file_stat,
	.truncate = direct_truncate,
	.close = node_file_close,
	.release = direct_release,
};
