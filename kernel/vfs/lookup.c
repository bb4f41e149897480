// SPDX-License-Identifier: MIT
/* Cache misses: calls to vfsd for names, symlink targets, attributes and procfs magic links.
 * A look-up holds the directory's mutex, so its answer is never older than a change made through the kernel;
 * file systems without a name cache need no such order and are asked in parallel. */
#include "vfs_internal.h"

static s64 call_vfsd(struct route_request *r)
{
	r->service = SERVICE_VFSD;
	r->killable_only = true;
	return route_call(r);
}

s64 vfs_call(u32 op, enum hop_cause cause, const void *args, u32 args_size, void *reply, u32 reply_size,
	     const char *payload, u32 payload_size)
{
	struct route_request r = {
		.op = op, .cause = cause, .args = args, .args_size = args_size, .reply = reply, .reply_size = reply_size,
		.payload = payload, .payload_size = payload_size,
	};
	return call_vfsd(&r);
}

s64 vfs_call_data(u32 op, enum hop_cause cause, const void *args, u32 args_size, void *buf, u32 capacity,
		  const char *payload, u32 payload_size)
{
	struct route_request r = {
		.op = op, .cause = cause, .args = args, .args_size = args_size, .payload = payload,
				.payload_size = payload_size,
		.reply_payload = buf, .reply_capacity = capacity,
	};
	s64 st = call_vfsd(&r);
	return st < 0 ? st : (s64)r.reply_length;
}

enum hop_cause fs_cause(const struct filesystem *fs, enum hop_cause otherwise)
{
	if (fs->flags & FS_SHARED)
		return HOP_SHARED_MOUNT;
	return fs->flags & (FS_NO_NAME_CACHE | FS_NO_DATA_CACHE) ? HOP_BY_DESIGN : otherwise;
}

/* What the name led to, though the lease is over: a share is asked faster for what it knows. */
static u64 known_cookie(struct node *dir, const char *name, u32 length)
{
	if (!(dir->fs->flags & FS_SHARED))
		return 0;
	walk_enter();
	const struct name_entry *e = name_probe(dir, name_hash(dir, name, length), name, length);
	u64 cookie = e && e->child ? e->child->cookie : 0;
	walk_leave();
	return cookie;
}

static status_t ask_name(struct node *dir, const char *name, u32 length, struct node **child)
{
	struct vfs_name_request r = { .fs = dir->fs->id, .dir = dir->cookie, .known = known_cookie(dir, name, length) };
	struct vfs_node lease;
	enum hop_cause cause = name_miss_cause(dir, name, length);
	s64 st = vfs_call(VFS_LOOKUP, cause, &r, sizeof(r), &lease, sizeof(lease), name, length);
	if (st == ERR_NOENT && !(dir->fs->flags & (FS_SHARED | FS_NO_NAME_CACHE)))
		name_insert(dir, name, length, NULL, 0);
	if (st < 0)
		return (status_t)st;
	*child = node_from_lease(dir->fs, &lease);
	if (!*child)
		return ERR_NOMEM;
	name_insert(dir, name, length, *child, lease.lease_ns);
	return OK;
}

/* A usable cached answer for a holder of the directory's mutex: entries do not change under us. */
static bool cached_name(struct node *dir, const char *name, u32 length, struct node **child)
{
	bool hit = false;
	walk_enter();
	struct name_entry *e = name_probe(dir, name_hash(dir, name, length), name, length);
	if (e && (!e->lease_until_ns || e->lease_until_ns > time_now_ns())) {
		hit = true;
		*child = e->child;
		if (e->child)
			node_get(e->child);
	}
	walk_leave();
	return hit;
}

status_t name_lookup_locked(struct node *dir, const char *name, u32 length, struct node **child)
{
	if (dir->flags & NODE_UNLINKED)
		return ERR_NOENT;
	if (!(dir->fs->flags & FS_NO_NAME_CACHE) && cached_name(dir, name, length, child))
		return *child ? OK : ERR_NOENT;
	return ask_name(dir, name, length, child);
}

status_t name_lookup(struct node *dir, const char *name, u32 length, struct node **child)
{
	if (length > NAME_MAX_BYTES)
		return ERR_NAMETOOLONG;
	if (dir->fs->flags & FS_NO_NAME_CACHE)
		return ask_name(dir, name, length, child);
	mutex_lock(&dir->lock);
	status_t st = name_lookup_locked(dir, name, length, child);
	mutex_unlock(&dir->lock);
	return st;
}

s64 node_read_link(struct node *n, char *buf, size_t size)
{
	const char *cached = __atomic_load_n(&n->symlink, __ATOMIC_ACQUIRE);
	if (cached)
		return (s64)MIN(str_copy(buf, cached, size), size - 1);
	struct vfs_node_request r = { .fs = n->fs->id, .cookie = n->cookie };
	s64 length = vfs_call_data(VFS_READLINK, fs_cause(n->fs, HOP_FIRST_USE), &r, sizeof(r), buf, (u32)size - 1,
			NULL, 0);
	if (length < 0)
		return length;
	buf[length] = '\0';
	if (n->fs->flags & FS_NO_DATA_CACHE)
		return length;
	char *copy = kmalloc((size_t)length + 1), *none = NULL;
	if (!copy)
		return length;
	memcpy(copy, buf, (size_t)length + 1);
	if (!__atomic_compare_exchange_n(&n->symlink, &none, copy, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		kfree(copy);
	return length;
}

/* GETATTR or OPEN under the node's mutex, so that the answer is not older than our own last write. */
static status_t ask_node(struct node *n, u32 op, u32 flags, enum hop_cause cause)
{
	struct vfs_node_request r = { .fs = n->fs->id, .flags = flags, .cookie = n->cookie };
	struct vfs_node lease;
	mutex_lock(&n->lock);
	s64 st = vfs_call(op, fs_cause(n->fs, cause), &r, sizeof(r), &lease, sizeof(lease), NULL, 0);
	if (st >= 0)
		node_renew_locked(n, &lease);
	mutex_unlock(&n->lock);
	return st < 0 ? (status_t)st : OK;
}

status_t node_refresh(struct node *n)
{
	return ask_node(n, VFS_GETATTR, 0, HOP_CHANGED);
}

status_t node_reopen(struct node *n, u32 flags)
{
	return ask_node(n, VFS_OPEN, flags, HOP_SHARED_MOUNT);
}

/* ---- procfs links that mean an object and not a text ---- */
static status_t magic_fd(u32 pid, s32 fd, struct position *at, struct file **file)
{
	struct process *p = process_find(pid);
	struct fdtable *fds = p ? process_fds_get(p) : NULL;
	struct file *f = fds ? fdtable_get_file(fds, fd) : NULL;
	if (fds)
		fdtable_put(fds);
	if (p)
		process_put(p);
	if (!f)
		return ERR_NOENT;
	if (f->where.node) {
		*at = f->where;
		position_get(*at);
		file_put(f);
	} else {
		*file = f;
	}
	return OK;
}

static status_t magic_exe(u32 pid, struct position *at)
{
	struct process *p = process_find(pid);
	if (!p)
		return ERR_NOENT;
	if (p->exe && p->exe->where.node) {
		*at = p->exe->where;
		position_get(*at);
	}
	process_put(p);
	return at->node ? OK : ERR_NOENT;
}

static status_t magic_directory(u32 pid, bool root, struct position *at)
{
	struct process *p = process_find(pid);
	struct fs_context *fs = p ? process_fs_get(p) : NULL;
	if (fs) {
		spin_lock(&fs->lock);
		*at = root ? fs_root(fs) : fs_cwd(fs);
		if (at->node)
			position_get(*at);
		spin_unlock(&fs->lock);
		fs_context_put(fs);
	}
	if (p)
		process_put(p);
	return at->node ? OK : ERR_NOENT;
}

status_t magic_link_follow(struct node *link, struct position *at, struct file **file, bool *magic)
{
	struct vfs_node_request r = { .fs = link->fs->id, .cookie = link->cookie };
	struct vfs_magic_reply m = { 0 };
	at->node = NULL;
	*file = NULL;
	*magic = false;
	if (!(link->fs->flags & FS_NO_NAME_CACHE))
		return OK;
	s64 st = vfs_call(VFS_MAGIC_LINK, HOP_BY_DESIGN, &r, sizeof(r), &m, sizeof(m), NULL, 0);
	if (st < 0)
		return (status_t)st;
	*magic = m.kind != VFS_MAGIC_NONE;
	switch (m.kind) {
	case VFS_MAGIC_NONE:
		return OK;
	case VFS_MAGIC_FD:
		return magic_fd(m.pid, m.fd, at, file);
	case VFS_MAGIC_EXE:
		return magic_exe(m.pid, at);
	case VFS_MAGIC_CWD:
	case VFS_MAGIC_ROOT:
		return magic_directory(m.pid, m.kind == VFS_MAGIC_ROOT, at);
	}
	return FAIL(ERR_PROTO, "vfsd named an unknown kind of magic link");
}

u32 vfs_process_directory(struct node *n)
{
	struct vfs_node_request r = { .fs = n->fs->id, .cookie = n->cookie };
	struct vfs_magic_reply m;
	if (!node_is_dir(n) || !(n->fs->flags & FS_NO_NAME_CACHE))
		return 0;
	s64 st = vfs_call(VFS_MAGIC_LINK, HOP_BY_DESIGN, &r, sizeof(r), &m, sizeof(m), NULL, 0);
	return st >= 0 && m.kind == VFS_MAGIC_PROCESS ? m.pid : 0;
}
