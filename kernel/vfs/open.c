// SPDX-License-Identifier: MIT
/* open: vfs_open (all of openat's semantics), vfs_open_exec, open files of nodes, anonymous files.
 * Order: walk, create when missing, check access, then make the file; O_TRUNC is last, when nothing can fail. */
#include "vfs_internal.h"

/* O_CREAT against unlink of the same name: walk again this often, then EAGAIN-like NOENT */
#define OPEN_RACES_MAX 8u

static u32 want_of(u32 flags)
{
	static const u8 want[4] = { 4, 2, 6, 6 };
	return want[flags & O_ACCMODE_K] | (flags & O_TRUNC_K ? 2 : 0);
}

/* Writers and programs exclude each other; the check and the count are one step. Before the file is made. */
static status_t count_open(struct node *n, bool writer, bool exec)
{
	spin_lock(&n->spin);
	status_t st = (writer && n->exec_count) || (exec && n->write_count) ? ERR_TXTBSY : OK;
	if (!st) {
		n->open_count++;
		n->write_count += writer;
		n->exec_count += exec;
	}
	spin_unlock(&n->spin);
	return st;
}

static void uncount_open(struct node *n, bool writer, bool exec)
{
	spin_lock(&n->spin);
	n->open_count--;
	n->write_count -= writer;
	n->exec_count -= exec;
	spin_unlock(&n->spin);
}

status_t node_writer_begin(struct node *n) { return count_open(n, true, false); }
void node_writer_end(struct node *n) { uncount_open(n, true, false); }

static struct file *file_at(const struct file_ops *ops, struct position at, u32 flags)
{
	const u32 once = O_CREAT_K | O_EXCL_K | O_NOCTTY_K | O_TRUNC_K | O_CLOEXEC_K;
	struct file *f = file_create(ops, at.node, flags & ~once);
	if (!f)
		return NULL;
	f->where = at;
	position_get(at);
	return f;
}

static status_t open_truncate(struct node *n)
{
	status_t st = node_writer_begin(n); /* O_TRUNC may come with O_RDONLY */
	if (st)
		return st;
	mutex_lock(&n->lock);
	st = node_truncate(n, 0);
	mutex_unlock(&n->lock);
	node_writer_end(n);
	return st;
}

static status_t open_regular(struct position at, u32 flags, bool created, struct file **out)
{
	struct node *n = at.node;
	bool writer = flags & O_ACCMODE_K, truncate = flags & O_TRUNC_K && n->data && n->data->size;
	if ((n->fs->flags & FS_SHARED) && !created) {
		status_t st = node_reopen(n, flags & ~(u32)O_CREAT_K);
		if (st)
			return st;
	}
	status_t st = count_open(n, writer, false);
	if (st)
		return st;
	bool mounts = n->flags & NODE_SHOWS_MOUNTS;
	struct file *f = file_at(n->data ? &regular_ops : mounts ? &mounts_ops : &direct_ops, at, flags);
	if (f && mounts && !mounts_file_watch(f))
		return ERR_NOMEM;
	if (!f) {
		uncount_open(n, writer, false);
		return ERR_NOMEM;
	}
	if (truncate)
		st = open_truncate(n);
	else if (n->rdev && (n->fs->flags & FS_NO_DATA_CACHE))
		st = process_memory_attach(f, (u32)n->rdev);
	if (st)
		file_put(f);
	else
		*out = f;
	return st;
}

static status_t open_device(struct position at, u32 flags, struct file **out)
{
	if (at.mount->flags & MS_NODEV_K)
		return ERR_ACCES;
	if (mode_is(at.node->mode, S_IFBLK_K))
		return ERR_NXIO;
	struct file *f = file_at(&path_ops, at, flags);
	if (!f)
		return ERR_NOMEM;
	f->flags |= flags & O_NOCTTY_K; /* a terminal asks for it while it opens */
	status_t st = chardev_open(at.node->rdev, f);
	f->flags &= ~(u32)O_NOCTTY_K;
	if (st) {
		file_put(f);
		return st;
	}
	*out = f;
	return OK;
}

static status_t open_fifo(struct position at, u32 flags, struct file **out)
{
	status_t st = OK;
	struct file *f = pipe_open_fifo(at.node, flags, &st);
	if (!f)
		return st ? st : ERR_NOMEM;
	if (!f->where.node) {
		f->where = at;
		position_get(at);
	}
	*out = f;
	return OK;
}

static status_t open_checks(struct position at, u32 flags, bool created)
{
	struct node *n = at.node;
	const struct cred *c = current_cred();
	u32 want = want_of(flags);
	if (node_is_link(n))
		return ERR_LOOP;
	if (node_is_dir(n) && ((want & 2) || (flags & O_CREAT_K)))
		return ERR_ISDIR;
	if (mode_is(n->mode, S_IFSOCK_K))
		return ERR_NXIO;
	if (!created) {
		status_t st = position_access(at, want, c);
		if (st)
			return st;
	}
	if ((flags & O_NOATIME_K) && !cred_owns(c, n))
		return ERR_PERM;
	return OK;
}

status_t open_position(struct position at, u32 flags, bool created, struct file **out)
{
	struct node *n = at.node;
	if (flags & O_PATH_K) {
		*out = file_at(&path_ops, at, flags & (O_PATH_K | O_DIRECTORY_K | O_NOFOLLOW_K));
		return *out ? OK : ERR_NOMEM;
	}
	status_t st = open_checks(at, flags, created);
	if (st)
		return st;
	switch (n->mode & S_IFMT_K) {
	case S_IFREG_K:
		st = open_regular(at, flags, created, out);
		break;
	case S_IFDIR_K:
		*out = file_at(&directory_ops, at, flags);
		st = *out ? count_open(n, false, false) : ERR_NOMEM; /* a reader is never refused */
		break;
	case S_IFIFO_K:
		st = open_fifo(at, flags, out);
		break;
	default:
		st = open_device(at, flags, out);
	}
	if (st)
		return st;
	NOTIFY(n, IN_OPEN_K, NULL, 0);
	if ((flags & O_TRUNC_K) && !created && node_is_regular(n))
		NOTIFY(n, IN_MODIFY_K, NULL, 0);
	return OK;
}

/* A clone of the file behind a magic link that has no position: a second reference, as far as its mode allows. */
static status_t open_clone(struct file *f, u32 flags, struct file **out)
{
	u32 want = want_of(flags);
	if (!(flags & O_PATH_K) && (((want & 4) && !FILE_CAN_READ(f)) || ((want & 2) && !FILE_CAN_WRITE(f))))
		return ERR_ACCES;
	file_get(f);
	*out = f;
	return OK;
}

status_t vfs_tmpfile(struct position dir, u32 mode, struct node **out)
{
	const struct cred *c = current_cred();
	struct vfs_create_request r = {
		.fs = dir.node->fs->id, .mode = S_IFREG_K | mode, .dir = dir.node->cookie, .uid = c ? c->fsuid : 0,
				.gid = c ? c->fsgid : 0,
	};
	struct vfs_node lease;
	inherit_group(dir.node, &r.mode, &r.gid);
	status_t st = directory_writable(dir);
	if (st)
		return st;
	s64 done = vfs_call(VFS_TMPFILE, HOP_BY_DESIGN, &r, sizeof(r), &lease, sizeof(lease), NULL, 0);
	if (done < 0)
		return (status_t)done;
	*out = node_from_lease(dir.node->fs, &lease);
	if (!*out)
		return ERR_NOMEM;
	(*out)->nlink = 0;
	(*out)->flags |= NODE_UNLINKED | NODE_KEPT;
	return OK;
}

static status_t open_tmpfile(struct position dir, u32 flags, u32 mode, struct file **out)
{
	struct node *n;
	if (!(flags & O_ACCMODE_K))
		return ERR_INVAL;
	status_t st = vfs_tmpfile(dir, mode_of_new(dir.node, mode), &n);
	if (st)
		return st;
	if (!(flags & O_EXCL_K))
		n->flags |= NODE_LINKABLE;
	struct position at = { dir.mount, n };
	st = open_position(at, flags & ~(u32)(O_TMPFILE_K | O_EXCL_K), true, out);
	node_put(n);
	return st;
}

/* The walk ended at a missing name: makes it. ERR_EXIST means that somebody was faster. */
static status_t open_create(struct walk_result *r, u32 flags, u32 mode, struct file **out)
{
	struct create_args a = { .mode = mode_of_new(r->at.node, S_IFREG_K | mode) };
	struct node *n;
	if (r->trailing_slash)
		return ERR_ISDIR;
	status_t st = vfs_create_at(r->at, r->last, r->last_length, &a, &n);
	if (st)
		return st;
	struct position at = { r->at.mount, n };
	st = open_position(at, flags, true, out);
	node_put(n);
	return st;
}

static status_t open_found(struct walk_result *r, u32 flags, u32 mode, struct file **out)
{
	if ((flags & (O_CREAT_K | O_EXCL_K)) == (O_CREAT_K | O_EXCL_K))
		return ERR_EXIST;
	if (r->file)
		return open_clone(r->file, flags, out);
	if ((flags & O_TMPFILE_K) == O_TMPFILE_K)
		return open_tmpfile(r->at, flags, mode, out);
	return open_position(r->at, flags, false, out);
}

static u32 walk_flags_of(u32 flags)
{
	u32 walk = WALK_FILE;
	if (!(flags & O_NOFOLLOW_K) && (flags & (O_CREAT_K | O_EXCL_K)) != (O_CREAT_K | O_EXCL_K))
		walk |= WALK_FOLLOW;
	if (flags & O_DIRECTORY_K)
		walk |= WALK_DIRECTORY;
	if (flags & O_CREAT_K)
		walk |= WALK_CREATE;
	return walk;
}

status_t vfs_open_resolve(int dirfd, const char *path, u32 flags, u32 mode, u32 resolve, struct file **out)
{
	status_t st = ERR_NOENT;
	if (flags & O_PATH_K)
		flags &= O_PATH_K | O_DIRECTORY_K | O_NOFOLLOW_K | O_CLOEXEC_K;
	if ((flags & O_CREAT_K) && (flags & O_DIRECTORY_K))
		return ERR_INVAL;
	mode &= 07777;
	for (u32 i = 0; i < OPEN_RACES_MAX; i++) {
		struct walk_result r;
		st = path_walk(dirfd, path, walk_flags_of(flags) | resolve, &r);
		if (st)
			return st;
		st = r.missing ? open_create(&r, flags, mode, out) : open_found(&r, flags, mode, out);
		bool again = (r.missing && st == ERR_EXIST && !(flags & O_EXCL_K)) || st == ERR_STALE;
		if (st == ERR_STALE && r.at.node)
			names_revoke_node(r.at.node);
		walk_result_put(&r);
		if (!again)
			return st;
	}
	return st == ERR_STALE ? ERR_NOENT : st;
}

status_t vfs_open(int dirfd, const char *path, u32 flags, u32 mode, struct file **out)
{
	return vfs_open_resolve(dirfd, path, flags, mode, 0, out);
}

status_t vfs_open_exec(int dirfd, const char *path, u32 at_flags, struct file **out)
{
	struct walk_result r;
	u32 walk = at_flags & AT_SYMLINK_NOFOLLOW_K ? 0 : WALK_FOLLOW;
	if (at_flags & ~(AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K))
		return ERR_INVAL;
	if (at_flags & AT_EMPTY_PATH_K)
		walk |= WALK_EMPTY_PATH;
	status_t st = path_walk(dirfd, path, walk, &r);
	if (st)
		return st;
	struct node *n = r.at.node;
	if (node_is_link(n))
		st = ERR_LOOP;
	else if (!node_is_regular(n) || !n->data || (r.at.mount->flags & MS_NOEXEC_K))
		st = ERR_ACCES;
	else
		st = node_permission(n, 1, current_cred());
	if (!st)
		st = count_open(n, false, true);
	struct file *f = st ? NULL : file_at(&regular_ops, r.at, 0);
	if (!st && !f) {
		uncount_open(n, false, true);
		st = ERR_NOMEM;
	}
	if (!st) {
		f->private_data = (void *)(uintptr_t)FILE_EXEC_HELD;
		NOTIFY(n, IN_OPEN_K, NULL, 0);
		*out = f;
	}
	walk_result_put(&r);
	return st;
}

struct file *vfs_anonymous_file(const char *name, u32 flags)
{
	const struct cred *c = current_cred();
	struct node *n = node_create_anonymous(anonymous_fs(), S_IFREG_K | 0777, c ? c->fsuid : 0, c ? c->fsgid : 0);
	if (!n)
		return NULL;
	size_t length = strlen(name);
	n->symlink = kmalloc(length + 2); /* spells its path, see vfs_path_of */
	if (n->symlink) {
		n->symlink[0] = '/';
		memcpy(n->symlink + 1, name, length + 1);
	}
	struct file *f = file_create(&regular_ops, n, flags);
	if (f) {
		f->where.node = n;
		f->where.mount = anonymous_mount();
		position_get(f->where);
		if (count_open(n, FILE_CAN_WRITE(f), false)) { /* nobody executes what was made just now */ }
	}
	node_put(n);
	return f;
}

/* ---- names of AF_UNIX sockets ---- */
status_t vfs_mknod_socket(int dirfd, const char *path, struct node **out)
{
	struct walk_result r;
	struct fs_context *fs = thread_current()->fs;
	struct create_args a = { .mode = S_IFSOCK_K | (0777 & ~fs->umask) };
	status_t st = path_walk(dirfd, path, WALK_PARENT, &r);
	if (st)
		return st;
	if (!r.last_length || r.trailing_slash || !strcmp(r.last, ".") || !strcmp(r.last, ".."))
		st = ERR_ADDRINUSE;
	else
		st = vfs_create_at(r.at, r.last, r.last_length, &a, out);
	walk_result_put(&r);
	return st == ERR_EXIST ? ERR_ADDRINUSE : st;
}

status_t vfs_lookup_socket(const char *path, struct node **out)
{
	struct walk_result r;
	status_t st = path_walk(AT_FDCWD_K, path, WALK_FOLLOW, &r);
	if (st)
		return st;
	st = node_permission(r.at.node, 2, current_cred());
	if (!st && !mode_is(r.at.node->mode, S_IFSOCK_K))
		st = ERR_CONNREFUSED;
	if (!st) {
		*out = r.at.node;
		node_get(*out);
	}
	walk_result_put(&r);
	return st;
}
