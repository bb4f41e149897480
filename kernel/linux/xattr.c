// SPDX-License-Identifier: MIT
/* Extended attributes: reading goes to vfsd (the image carries some); no file system stores new ones, so setting
 * answers EOPNOTSUPP as Linux does there. */
#include "../vfs/vfs_internal.h"
#include "linux.h"

#define XATTR_NAME_MAX 255u
#define XATTR_SIZE_MAX 65536u
#define XATTR_CREATE_K 1u
#define XATTR_REPLACE_K 2u

static status_t walk_user(u64 user_path, u32 walk, struct walk_result *r)
{
	char *path;
	status_t st = path_copy_in(user_ptr(user_path), &path);
	if (st)
		return st;
	st = path_walk(AT_FDCWD_K, path, walk, r);
	path_free(path);
	return st;
}

/* The node of a descriptor as a walk result, so that all forms share the rest. */
static status_t result_of_fd(int fd, struct walk_result *r)
{
	struct file *f = fd_get(fd);
	r->file = NULL;
	r->at.node = NULL;
	if (!f)
		return ERR_BADF;
	status_t st = f->flags & O_PATH_K ? ERR_BADF : f->where.node ? OK : ERR_OPNOTSUPP;
	if (!st) {
		r->at = f->where;
		position_get(r->at);
	}
	file_put(f);
	return st;
}

static s64 name_in(u64 user_name, char *name)
{
	s64 length = copy_in_string(name, user_ptr(user_name), XATTR_NAME_MAX + 1);
	if (length == ERR_NAMETOOLONG || length == 0)
		return ERR_RANGE;
	return length;
}

/* GETXATTR or LISTXATTR of a node into user memory; size 0 asks for the length. */
static s64 fetch(struct node *n, u32 op, const char *name, u32 name_length, u64 out, u64 size)
{
	struct vfs_node_request r = { .fs = n->fs->id, .cookie = n->cookie };
	char *buf = kmalloc(XATTR_SIZE_MAX);
	if (!buf)
		return ERR_NOMEM;
	s64 length = n->fs->id ? vfs_call_data(op, fs_cause(n->fs, HOP_BY_DESIGN), &r, sizeof(r), buf,
			XATTR_SIZE_MAX, name, name_length)
			       : ERR_OPNOTSUPP;
	if (length > 0 && size) {
		status_t st = (u64)length > size ? ERR_RANGE : copy_out(user_ptr(out), buf, (size_t)length);
		length = st ? st : length;
	}
	kfree(buf);
	return length;
}

static s64 get_from(struct walk_result *r, u64 user_name, u64 out, u64 size)
{
	char name[XATTR_NAME_MAX + 1];
	s64 length = name_in(user_name, name);
	if (length < 0)
		return length;
	if (r->at.node->flags & NODE_NO_XATTR)
		return ERR_NODATA;
	s64 st = fetch(r->at.node, VFS_GETXATTR, name, (u32)length, out, size);
	return st;
}

static s64 list_from(struct walk_result *r, u64 out, u64 size)
{
	struct node *n = r->at.node;
	if (n->flags & NODE_NO_XATTR)
		return 0;
	s64 length = fetch(n, VFS_LISTXATTR, NULL, 0, out, size);
	if (length == 0 && !(n->fs->flags & FS_SHARED)) {
		spin_lock(&n->spin);
		n->flags |= NODE_NO_XATTR;
		spin_unlock(&n->spin);
	}
	return length == ERR_OPNOTSUPP ? 0 : length;
}

static s64 get_path(u64 path, u32 walk, u64 name, u64 out, u64 size)
{
	struct walk_result r;
	s64 st = walk_user(path, walk, &r);
	if (st)
		return st;
	st = get_from(&r, name, out, size);
	walk_result_put(&r);
	return st;
}

static s64 list_path(u64 path, u32 walk, u64 out, u64 size)
{
	struct walk_result r;
	s64 st = walk_user(path, walk, &r);
	if (st)
		return st;
	st = list_from(&r, out, size);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(getxattr) { return get_path(a0, WALK_FOLLOW, a1, a2, a3); }
LINUX_HANDLER(lgetxattr) { return get_path(a0, 0, a1, a2, a3); }
LINUX_HANDLER(listxattr) { return list_path(a0, WALK_FOLLOW, a1, a2); }
LINUX_HANDLER(llistxattr) { return list_path(a0, 0, a1, a2); }

LINUX_HANDLER(fgetxattr)
{
	struct walk_result r;
	s64 st = result_of_fd((int)a0, &r);
	if (!st)
		st = get_from(&r, a1, a2, a3);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(flistxattr)
{
	struct walk_result r;
	s64 st = result_of_fd((int)a0, &r);
	if (!st)
		st = list_from(&r, a1, a2);
	walk_result_put(&r);
	return st;
}

/* What a set or remove is checked for before it is refused. */
static s64 refuse_change(status_t st, struct walk_result *r, u64 user_name, u64 size, u64 flags)
{
	char name[XATTR_NAME_MAX + 1];
	s64 result = st;
	if (!result && (flags & ~(u64)(XATTR_CREATE_K | XATTR_REPLACE_K)))
		result = ERR_INVAL;
	if (!result && size > XATTR_SIZE_MAX)
		result = ERR_2BIG;
	if (!result) {
		s64 length = name_in(user_name, name);
		result = length < 0 ? length : mount_read_only(r->at.mount) ? ERR_ROFS : ERR_OPNOTSUPP;
	}
	if (!st)
		walk_result_put(r);
	return result;
}

static s64 change_path(u64 path, u32 walk, u64 name, u64 size, u64 flags)
{
	struct walk_result r;
	status_t st = walk_user(path, walk, &r);
	return refuse_change(st, &r, name, size, flags);
}

LINUX_HANDLER(setxattr) { return change_path(a0, WALK_FOLLOW, a1, a3, a4); }
LINUX_HANDLER(lsetxattr) { return change_path(a0, 0, a1, a3, a4); }
LINUX_HANDLER(removexattr) { return change_path(a0, WALK_FOLLOW, a1, 0, 0); }
LINUX_HANDLER(lremovexattr) { return change_path(a0, 0, a1, 0, 0); }

LINUX_HANDLER(fsetxattr)
{
	struct walk_result r;
	status_t st = result_of_fd((int)a0, &r);
	return refuse_change(st, &r, a1, a3, a4);
}

LINUX_HANDLER(fremovexattr)
{
	struct walk_result r;
	status_t st = result_of_fd((int)a0, &r);
	return refuse_change(st, &r, a1, 0, 0);
}
