// SPDX-License-Identifier: MIT
/* Linux rows that change names, and getdents. */
#include "../vfs/vfs_internal.h"
#include "linux.h"

#define RENAME_KNOWN_K 3u              /* NOREPLACE, EXCHANGE; WHITEOUT is refused */
#define MEMFD_NAME_MAX 249u            /* 255 - strlen("memfd:") */

static status_t walk_parent(int dirfd, u64 user_path, struct walk_result *r)
{
	char *path;
	status_t st = path_copy_in(user_ptr(user_path), &path);
	if (st)
		return st;
	st = path_walk(dirfd, path, WALK_PARENT, r);
	path_free(path);
	return st;
}

static bool last_is_dots(const struct walk_result *r)
{
	const char *p = r->last;
	return p[0] == '.' && (r->last_length == 1 || (r->last_length == 2 && p[1] == '.'));
}

/* "name/" cannot become anything but a directory: it is there already, or missing. */
static status_t slash_refusal(const struct walk_result *r)
{
	struct node *there;
	mutex_lock(&r->at.node->lock);
	status_t st = name_lookup_locked(r->at.node, r->last, r->last_length, &there);
	mutex_unlock(&r->at.node->lock);
	if (st)
		return st;
	node_put(there);
	return ERR_EXIST;
}

/* The last component names something new: `made` is its mode with type, umask not yet applied. */
static s64 make_at(int dirfd, u64 user_path, u32 made, u64 rdev, const char *target)
{
	struct walk_result r;
	struct node *n;
	status_t st = walk_parent(dirfd, user_path, &r);
	if (st)
		return st;
	struct create_args a = { .mode = target ? made : mode_of_new(r.at.node, made), .rdev = rdev, .target = target };
	if (!r.last_length || last_is_dots(&r))
		st = ERR_EXIST;
	else if (r.trailing_slash && !mode_is(made, S_IFDIR_K))
		st = slash_refusal(&r);
	else
		st = vfs_create_at(r.at, r.last, r.last_length, &a, &n);
	if (!st)
		node_put(n);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(mkdir) { return make_at(AT_FDCWD_K, a0, S_IFDIR_K | ((u32)a1 & 01777), 0, NULL); }
LINUX_HANDLER(mkdirat) { return make_at((int)a0, a1, S_IFDIR_K | ((u32)a2 & 01777), 0, NULL); }

static s64 mknod_common(int dirfd, u64 path, u32 mode, u64 dev)
{
	const struct cred *c = current_cred();
	switch (mode & S_IFMT_K) {
	case 0:
		mode |= S_IFREG_K;
		break;
	case S_IFREG_K:
	case S_IFIFO_K:
	case S_IFSOCK_K:
		break;
	case S_IFCHR_K:
	case S_IFBLK_K:
		if (c && !cred_has_cap(c, CAP_MKNOD_K))
			return ERR_PERM;
		return make_at(dirfd, path, mode & (S_IFMT_K | 07777), (u32)dev, NULL);
	case S_IFDIR_K:
		return ERR_PERM;
	default:
		return ERR_INVAL;
	}
	return make_at(dirfd, path, mode & (S_IFMT_K | 07777), 0, NULL);
}

LINUX_HANDLER(mknod) { return mknod_common(AT_FDCWD_K, a0, (u32)a1, a2); }
LINUX_HANDLER(mknodat) { return mknod_common((int)a0, a1, (u32)a2, a3); }

static s64 symlink_common(u64 user_target, int dirfd, u64 user_path)
{
	char *target;
	status_t st = path_copy_in(user_ptr(user_target), &target);
	if (st)
		return st;
	s64 result = *target ? make_at(dirfd, user_path, S_IFLNK_K | 0777, 0, target) : ERR_NOENT;
	path_free(target);
	return result;
}

LINUX_HANDLER(symlink) { return symlink_common(a0, AT_FDCWD_K, a1); }
LINUX_HANDLER(symlinkat) { return symlink_common(a0, (int)a1, a2); }

/* ---- removal ---- */
static s64 unlink_common(int dirfd, u64 path)
{
	struct walk_result r;
	status_t st = walk_parent(dirfd, path, &r);
	if (st)
		return st;
	if (!r.last_length || last_is_dots(&r))
		st = ERR_ISDIR;
	else if (r.trailing_slash)
		st = ERR_NOTDIR;
	else
		st = vfs_unlink_at(r.at, r.last, r.last_length, false);
	if (st == ERR_NOTDIR && r.trailing_slash) { /* "dir/" is a directory, "missing/" is missing */
		struct node *n;
		status_t look = name_lookup(r.at.node, r.last, r.last_length, &n);
		if (!look) {
			st = node_is_dir(n) ? ERR_ISDIR : ERR_NOTDIR;
			node_put(n);
		} else {
			st = look;
		}
	}
	walk_result_put(&r);
	return st;
}

static s64 rmdir_common(int dirfd, u64 path)
{
	struct walk_result r;
	status_t st = walk_parent(dirfd, path, &r);
	if (st)
		return st;
	if (!r.last_length)
		st = ERR_BUSY;
	else if (last_is_dots(&r))
		st = r.last_length == 1 ? ERR_INVAL : ERR_NOTEMPTY;
	else
		st = vfs_unlink_at(r.at, r.last, r.last_length, true);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(unlink) { return unlink_common(AT_FDCWD_K, a0); }
LINUX_HANDLER(rmdir) { return rmdir_common(AT_FDCWD_K, a0); }

LINUX_HANDLER(unlinkat)
{
	if (a2 & ~(u64)AT_REMOVEDIR_K)
		return ERR_INVAL;
	return a2 ? rmdir_common((int)a0, a1) : unlink_common((int)a0, a1);
}

/* ---- rename, link ---- */
static s64 rename_common(int old_dirfd, u64 old_path, int new_dirfd, u64 new_path, u32 flags)
{
	struct walk_result from, to;
	if ((flags & ~RENAME_KNOWN_K) || flags == RENAME_KNOWN_K)
		return ERR_INVAL;
	status_t st = walk_parent(old_dirfd, old_path, &from);
	if (st)
		return st;
	st = walk_parent(new_dirfd, new_path, &to);
	if (!st) {
		if (from.at.mount != to.at.mount)
			st = ERR_XDEV;
		else if (!from.last_length || last_is_dots(&from) || !to.last_length || last_is_dots(&to))
			st = flags & 1 && (!to.last_length || last_is_dots(&to)) ? ERR_EXIST : ERR_BUSY;
		else
			st = vfs_rename_at(&from, &to, flags);
		walk_result_put(&to);
	}
	walk_result_put(&from);
	return st;
}

LINUX_HANDLER(rename) { return rename_common(AT_FDCWD_K, a0, AT_FDCWD_K, a1, 0); }
LINUX_HANDLER(renameat) { return rename_common((int)a0, a1, (int)a2, a3, 0); }
LINUX_HANDLER(renameat2) { return rename_common((int)a0, a1, (int)a2, a3, (u32)a4); }

static status_t link_object(struct position object, int new_dirfd, u64 new_path)
{
	struct walk_result to;
	status_t st = walk_parent(new_dirfd, new_path, &to);
	if (st)
		return st;
	if (!to.last_length || last_is_dots(&to))
		st = ERR_EXIST;
	else if (to.trailing_slash)
		st = slash_refusal(&to);
	else
		st = vfs_link_at(object, &to);
	walk_result_put(&to);
	return st;
}

static s64 link_common(int old_dirfd, u64 old_path, int new_dirfd, u64 new_path, u32 flags)
{
	struct walk_result object;
	char *path;
	const struct cred *c = current_cred();
	u32 walk = (flags & AT_SYMLINK_FOLLOW_K ? WALK_FOLLOW : 0) | (flags & AT_EMPTY_PATH_K ? WALK_EMPTY_PATH : 0);
	if (flags & ~(AT_SYMLINK_FOLLOW_K | AT_EMPTY_PATH_K))
		return ERR_INVAL;
	if ((flags & AT_EMPTY_PATH_K) && c && !cred_has_cap(c, CAP_DAC_READ_SEARCH_K))
		return ERR_NOENT;
	status_t st = path_copy_in(user_ptr(old_path), &path);
	if (st)
		return st;
	for (u32 i = 0; i <= STALE_RETRIES; i++) {
		st = path_walk(old_dirfd, path, walk, &object);
		if (st)
			break;
		st = link_object(object.at, new_dirfd, new_path);
		if (st == ERR_STALE)
			names_revoke_node(object.at.node);
		walk_result_put(&object);
		if (st != ERR_STALE)
			break;
	}
	path_free(path);
	return st == ERR_STALE ? ERR_NOENT : st;
}

LINUX_HANDLER(link) { return link_common(AT_FDCWD_K, a0, AT_FDCWD_K, a1, 0); }
LINUX_HANDLER(linkat) { return link_common((int)a0, a1, (int)a2, a3, (u32)a4); }

/* ---- listing ---- */
static s64 getdents_common(int fd, u64 buf, u32 size, bool old_format)
{
	struct io_buf to;
	struct file *f = fd_get(fd);
	if (!f)
		return ERR_BADF;
	s64 result = f->flags & O_PATH_K ? ERR_BADF : ERR_NOTDIR;
	if (f->ops->readdir && !(f->flags & O_PATH_K)) {
		io_buf_init_user(&to, user_ptr(buf), size);
		mutex_lock(&f->pos_lock);
		result = f->ops->readdir(f, &to, old_format);
		mutex_unlock(&f->pos_lock);
		io_buf_done(&to);
	}
	file_put(f);
	return result;
}

LINUX_HANDLER(getdents) { return getdents_common((int)a0, a1, (u32)a2, true); }
LINUX_HANDLER(getdents64) { return getdents_common((int)a0, a1, (u32)a2, false); }

/* ---- memory files ---- */
LINUX_HANDLER(memfd_create)
{
	char name[MEMFD_NAME_MAX + 8] = "memfd:";
	if (a1 & ~3ull) /* MFD_CLOEXEC, MFD_ALLOW_SEALING; no huge pages */
		return ERR_INVAL;
	s64 length = copy_in_string(name + 6, user_ptr(a0), MEMFD_NAME_MAX + 1);
	if (length < 0)
		return length == ERR_NAMETOOLONG ? ERR_INVAL : length;
	struct file *f = vfs_anonymous_file(name, 2 | O_LARGEFILE_K);
	if (!f)
		return ERR_NOMEM;
	if (!(a1 & 2))
		f->where.node->seals = SEAL_SEAL_K;
	int fd = fdtable_install(thread_current()->fds, f, 0, a1 & 1 ? FD_CLOEXEC_K : 0);
	if (fd < 0)
		file_put(f);
	return fd;
}
