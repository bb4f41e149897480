// SPDX-License-Identifier: MIT
/* Linux rows that change attributes: chmod, chown, times, truncate. */
#include "../vfs/vfs_internal.h"
#include "linux.h"

#define UTIME_NOW_K ((1ll << 30) - 1)
#define UTIME_OMIT_K ((1ll << 30) - 2)

struct time_pair_k { s64 sec, part; };

static struct own_attributes *own_of(struct file *f) { return f->ops->attributes ? f->ops->attributes(f) : NULL; }

static status_t change_walked(const struct walk_result *r, const struct attr_change *c)
{
	if (!r->file)
		return position_change(r->at, c);
	return own_of(r->file) ? own_attributes_change(own_of(r->file), c) : ERR_OPNOTSUPP;
}

static s64 change_at(int dirfd, u64 user_path, u32 walk, const struct attr_change *c)
{
	char *path;
	struct walk_result r;
	status_t st = path_copy_in(user_ptr(user_path), &path);
	if (st)
		return st;
	st = path_walk(dirfd, path, walk, &r);
	path_free(path);
	if (st)
		return st;
	st = change_walked(&r, c);
	walk_result_put(&r);
	return st;
}

static s64 change_fd(int fd, const struct attr_change *c, bool path_fd_ok)
{
	struct file *f = fd_get(fd);
	if (!f)
		return ERR_BADF;
	status_t st = ERR_OPNOTSUPP;
	if ((f->flags & O_PATH_K) && !path_fd_ok)
		st = ERR_BADF;
	else if (f->where.node)
		st = position_change(f->where, c);
	else if (own_of(f))
		st = own_attributes_change(own_of(f), c);
	else if (c->valid & (VFS_SET_ATIME | VFS_SET_MTIME | VFS_SET_MODE))
		st = ERR_PERM;
	file_put(f);
	return st;
}

/* ---- mode ---- */
static struct attr_change mode_change(u64 mode)
{
	return (struct attr_change){ .valid = VFS_SET_MODE, .mode = (u32)mode & 07777 };
}

LINUX_HANDLER(chmod)
{
	struct attr_change c = mode_change(a1);
	return change_at(AT_FDCWD_K, a0, WALK_FOLLOW, &c);
}

LINUX_HANDLER(fchmodat)
{
	struct attr_change c = mode_change(a2);
	return change_at((int)a0, a1, WALK_FOLLOW, &c);
}

LINUX_HANDLER(fchmod)
{
	struct attr_change c = mode_change(a1);
	return change_fd((int)a0, &c, false);
}

/* ---- owner ---- */
static struct attr_change owner_change(u64 uid, u64 gid)
{
	struct attr_change c = { .uid = (u32)uid, .gid = (u32)gid, .owner_call = true };
	c.valid = ((u32)uid != UINT32_MAX ? VFS_SET_UID : 0) | ((u32)gid != UINT32_MAX ? VFS_SET_GID : 0);
	return c;
}

LINUX_HANDLER(chown)
{
	struct attr_change c = owner_change(a1, a2);
	return change_at(AT_FDCWD_K, a0, WALK_FOLLOW, &c);
}

LINUX_HANDLER(lchown)
{
	struct attr_change c = owner_change(a1, a2);
	return change_at(AT_FDCWD_K, a0, 0, &c);
}

LINUX_HANDLER(fchown)
{
	struct attr_change c = owner_change(a1, a2);
	return change_fd((int)a0, &c, false);
}

LINUX_HANDLER(fchownat)
{
	struct attr_change c = owner_change(a2, a3);
	if (a4 & ~(u64)(AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K))
		return ERR_INVAL;
	u32 walk = (a4 & AT_SYMLINK_NOFOLLOW_K ? 0 : WALK_FOLLOW) | (a4 & AT_EMPTY_PATH_K ? WALK_EMPTY_PATH : 0);
	return change_at((int)a0, a1, walk, &c);
}

/* ---- times ---- */
static s64 to_ns(s64 sec, s64 ns)
{
	s64 limit = INT64_MAX / (s64)NSEC_PER_SEC - 1; /* the year 2262: as far as nanoseconds in 64 bits go */
	sec = MIN(MAX(sec, -limit), limit);
	return sec * (s64)NSEC_PER_SEC + ns;
}

static struct attr_change times_now(void)
{
	s64 now = vfs_now();
	return (struct attr_change){ .valid = VFS_SET_ATIME | VFS_SET_MTIME, .atime_ns = now, .mtime_ns = now,
			.times_to_now = true };
}

/* Pairs as timespec, with UTIME_NOW and UTIME_OMIT; scale 1000 turns timevals into them. */
static status_t times_in(u64 va, s64 scale, struct attr_change *c)
{
	struct time_pair_k t[2];
	if (!va) {
		*c = times_now();
		return OK;
	}
	status_t st = copy_in(t, user_ptr(va), sizeof(t));
	if (st)
		return st;
	*c = (struct attr_change){ .valid = 0 };
	bool all_now = true;
	for (u32 i = 0; i < 2; i++) {
		bool now = scale == 1 && t[i].part == UTIME_NOW_K, omit = scale == 1 && t[i].part == UTIME_OMIT_K;
		if (!now && !omit && (t[i].part < 0 || t[i].part * scale >= (s64)NSEC_PER_SEC))
			return ERR_INVAL;
		all_now &= now;
		if (omit)
			continue;
		s64 ns = now ? vfs_now() : to_ns(t[i].sec, t[i].part * scale);
		c->valid |= i ? VFS_SET_MTIME : VFS_SET_ATIME;
		if (i)
			c->mtime_ns = ns;
		else
			c->atime_ns = ns;
	}
	c->times_to_now = all_now;
	return OK;
}

LINUX_HANDLER(utimensat)
{
	struct attr_change c;
	if (a3 & ~(u64)(AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K))
		return ERR_INVAL;
	status_t st = times_in(a2, 1, &c);
	if (st)
		return st;
	if (!a1) {
		if (a3 || (int)a0 == AT_FDCWD_K)
			return a3 ? ERR_INVAL : ERR_FAULT;
		return change_fd((int)a0, &c, false);
	}
	u32 walk = (a3 & AT_SYMLINK_NOFOLLOW_K ? 0 : WALK_FOLLOW) | (a3 & AT_EMPTY_PATH_K ? WALK_EMPTY_PATH : 0);
	return change_at((int)a0, a1, walk, &c);
}

static s64 futimesat_common(int dirfd, u64 path, u64 times)
{
	struct attr_change c;
	status_t st = times_in(times, 1000, &c);
	if (st)
		return st;
	return path ? change_at(dirfd, path, WALK_FOLLOW, &c) : change_fd(dirfd, &c, false);
}

LINUX_HANDLER(futimesat) { return futimesat_common((int)a0, a1, a2); }
LINUX_HANDLER(utimes) { return futimesat_common(AT_FDCWD_K, a0, a1); }

LINUX_HANDLER(utime)
{
	struct { s64 actime, modtime; } t;
	struct attr_change c = times_now();
	if (a1) {
		status_t st = copy_in(&t, user_ptr(a1), sizeof(t));
		if (st)
			return st;
		c.times_to_now = false;
		c.atime_ns = to_ns(t.actime, 0);
		c.mtime_ns = to_ns(t.modtime, 0);
	}
	return change_at(AT_FDCWD_K, a0, WALK_FOLLOW, &c);
}

/* ---- size ---- */
LINUX_HANDLER(truncate)
{
	char *path;
	struct walk_result r;
	if ((s64)a1 < 0)
		return ERR_INVAL;
	status_t st = path_copy_in(user_ptr(a0), &path);
	if (st)
		return st;
	st = path_walk(AT_FDCWD_K, path, WALK_FOLLOW, &r);
	path_free(path);
	if (st)
		return st;
	st = node_is_regular(r.at.node) ? file_check_size_limit(a1) : OK;
	if (!st)
		st = position_truncate(r.at, a1);
	walk_result_put(&r);
	return st;
}
