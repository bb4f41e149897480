// SPDX-License-Identifier: MIT
/* Extended attributes: vfsd keeps those of the private file systems; others answer EOPNOTSUPP. Here are the rules of
 * xattr(7) about namespaces: user (files and directories, by permission), trusted and security (CAP_SYS_ADMIN). What
 * would have a meaning that nobody enforces (ACLs, file capabilities) is refused. */
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

enum xattr_space { SPACE_USER, SPACE_TRUSTED, SPACE_SECURITY, SPACE_NONE };

static bool has_prefix(const char *name, const char *prefix) { return !strncmp(name, prefix, strlen(prefix)); }

static enum xattr_space space_of(const char *name)
{
	if (has_prefix(name, "user."))
		return SPACE_USER;
	if (has_prefix(name, "trusted."))
		return SPACE_TRUSTED;
	return has_prefix(name, "security.") && strcmp(name, "security.capability") ? SPACE_SECURITY : SPACE_NONE;
}

static s64 may_change(const struct walk_result *r, const char *name)
{
	const struct cred *c = thread_current()->cred;
	struct node *n = r->at.node;
	u32 type = n->mode & S_IFMT_K;
	if (mount_read_only(r->at.mount))
		return ERR_ROFS;
	switch (space_of(name)) {
	case SPACE_USER:
		if (!name[sizeof("user.") - 1])
			return ERR_INVAL;
		if (type != S_IFREG_K && type != S_IFDIR_K)
			return ERR_PERM;
		if (type == S_IFDIR_K && n->mode & S_ISVTX_K && c->fsuid != n->uid && !cred_has_cap(c, CAP_FOWNER))
			return ERR_PERM;
		return node_permission(n, 2, c);
	case SPACE_TRUSTED:
	case SPACE_SECURITY:
		return cred_has_cap(c, CAP_SYS_ADMIN) ? OK : ERR_PERM;
	default:
		return ERR_OPNOTSUPP;
	}
}

static s64 may_read(struct node *n, const char *name)
{
	const struct cred *c = thread_current()->cred;
	u32 type = n->mode & S_IFMT_K;
	switch (space_of(name)) {
	case SPACE_USER: return type != S_IFREG_K && type != S_IFDIR_K ? ERR_NODATA : node_permission(n, 4, c);
	case SPACE_TRUSTED: return cred_has_cap(c, CAP_SYS_ADMIN) ? OK : ERR_NODATA;
	case SPACE_SECURITY: return OK;
	default: return !strcmp(name, "security.capability") ? ERR_NODATA : ERR_OPNOTSUPP;
	}
}

/* Takes the names of the trusted space out of a list; its new length. */
static s64 hide_trusted(char *names, s64 length)
{
	s64 kept = 0;
	for (s64 at = 0; at < length;) {
		s64 size = (s64)strnlen(names + at, (size_t)(length - at)) + 1;
		if (at + size > length)
			break;
		if (space_of(names + at) != SPACE_TRUSTED) {
			memmove(names + kept, names + at, (size_t)size);
			kept += size;
		}
		at += size;
	}
	return kept;
}

/* GETXATTR or LISTXATTR of a node into user memory; size 0 asks for the length. */
static s64 fetch(struct node *n, u32 op, const char *name, u32 name_length, u64 out, u64 size)
{
	struct vfs_node_request r = { .fs = n->fs->id, .cookie = n->cookie };
	char *buf = kmalloc(XATTR_SIZE_MAX);
	if (!buf)
		return ERR_NOMEM;
	s64 length = n->fs->id ? vfs_call_data(op, fs_cause(n->fs, op == VFS_LISTXATTR ? HOP_FIRST_USE : HOP_BY_DESIGN), &r, sizeof(r), buf,
			XATTR_SIZE_MAX, name, name_length)
			       : ERR_OPNOTSUPP;
	if (length > 0 && op == VFS_LISTXATTR && !cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN))
		length = hide_trusted(buf, length);
	if (length > 0 && size) {
		status_t st = (u64)length > size ? ERR_RANGE : copy_out(user_ptr(out), buf, (size_t)length);
		length = st ? st : length;
	}
	kfree(buf);
	return length;
}

/* Most objects have none: that is asked once and remembered, whatever name a program tries (ls and cp try some). */
static s64 names_of(struct node *n, u64 out, u64 size)
{
	s64 asked = n->ctime_ns, length = n->flags & NODE_NO_XATTR ? 0 : fetch(n, VFS_LISTXATTR, NULL, 0, out, size);
	if (length == 0 && !(n->fs->flags & FS_SHARED) && cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN)) {
		spin_lock(&n->spin); /* others are not shown all names */
		if (n->ctime_ns == asked) /* no change came in between */
			n->flags |= NODE_NO_XATTR;
		spin_unlock(&n->spin);
	}
	return length;
}

static s64 get_from(struct walk_result *r, u64 user_name, u64 out, u64 size)
{
	char name[XATTR_NAME_MAX + 1];
	struct node *n = r->at.node;
	s64 length = name_in(user_name, name);
	if (length < 0)
		return length;
	s64 st = may_read(n, name);
	if (st)
		return st;
	st = names_of(n, 0, 0);
	if (st == 0)
		return ERR_NODATA;
	return st < 0 ? st : fetch(n, VFS_GETXATTR, name, (u32)length, out, size);
}

static s64 list_from(struct walk_result *r, u64 out, u64 size)
{
	s64 length = names_of(r->at.node, out, size);
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

/* ---- changes ---- */

static s64 send_change(struct node *n, u32 op, u32 flags, const char *name, u32 name_length, const char *value, u64 size)
{
	struct vfs_node_request q = { .fs = n->fs->id, .flags = flags, .cookie = n->cookie };
	struct route_request r = {
		.service = SERVICE_VFSD, .op = op, .cause = fs_cause(n->fs, HOP_BY_DESIGN), .args = &q, .args_size = sizeof(q),
		.payload = name, .payload_size = name_length, .payload2 = value, .payload2_size = (u32)size,
		.killable_only = true,
	};
	return n->fs->id ? route_call(&r) : ERR_OPNOTSUPP;
}

static void changed(struct node *n, const char *name)
{
	spin_lock(&n->spin);
	n->flags &= ~(u32)NODE_NO_XATTR;
	if (!strcmp(name, "user.DOSATTRIB"))
		n->flags |= NODE_STALE; /* vfsd reads attributes from it */
	n->ctime_ns = vfs_now();
	spin_unlock(&n->spin);
	node_notify(n, IN_ATTRIB_K, NULL, 0);
}

static s64 set_on(struct walk_result *r, u64 user_name, u64 user_value, u64 size, u64 flags)
{
	char name[XATTR_NAME_MAX + 1], *value = NULL;
	if ((u32)flags & ~(XATTR_CREATE_K | XATTR_REPLACE_K))
		return ERR_INVAL;
	s64 length = name_in(user_name, name);
	if (length < 0)
		return length;
	if (size > XATTR_SIZE_MAX)
		return ERR_2BIG;
	s64 st = may_change(r, name);
	if (!st && size && !(value = kmalloc(size)))
		st = ERR_NOMEM;
	if (!st && size)
		st = copy_in(value, user_ptr(user_value), size);
	if (!st)
		st = send_change(r->at.node, VFS_SETXATTR, (u32)flags, name, (u32)length, value, size);
	if (st >= 0)
		changed(r->at.node, name);
	kfree(value);
	return st < 0 ? st : OK;
}

static s64 remove_from(struct walk_result *r, u64 user_name)
{
	char name[XATTR_NAME_MAX + 1];
	s64 length = name_in(user_name, name);
	if (length < 0)
		return length;
	s64 st = may_change(r, name);
	if (!st)
		st = send_change(r->at.node, VFS_REMOVEXATTR, 0, name, (u32)length, NULL, 0);
	if (st >= 0)
		changed(r->at.node, name);
	return st < 0 ? st : OK;
}

static s64 set_path(u64 path, u32 walk, u64 name, u64 value, u64 size, u64 flags)
{
	struct walk_result r;
	s64 st = walk_user(path, walk, &r);
	if (st)
		return st;
	st = set_on(&r, name, value, size, flags);
	walk_result_put(&r);
	return st;
}

static s64 remove_path(u64 path, u32 walk, u64 name)
{
	struct walk_result r;
	s64 st = walk_user(path, walk, &r);
	if (st)
		return st;
	st = remove_from(&r, name);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(setxattr) { return set_path(a0, WALK_FOLLOW, a1, a2, a3, a4); }
LINUX_HANDLER(lsetxattr) { return set_path(a0, 0, a1, a2, a3, a4); }
LINUX_HANDLER(removexattr) { return remove_path(a0, WALK_FOLLOW, a1); }
LINUX_HANDLER(lremovexattr) { return remove_path(a0, 0, a1); }

LINUX_HANDLER(fsetxattr)
{
	struct walk_result r;
	s64 st = result_of_fd((int)a0, &r);
	if (!st)
		st = set_on(&r, a1, a2, a3, a4);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(fremovexattr)
{
	struct walk_result r;
	s64 st = result_of_fd((int)a0, &r);
	if (!st)
		st = remove_from(&r, a1);
	walk_result_put(&r);
	return st;
}
