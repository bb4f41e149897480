// SPDX-License-Identifier: MIT
/* inotify rows and F_NOTIFY; the mechanism is kernel/vfs/watch.c. */
#include "../vfs/vfs_internal.h"
#include "../vfs/watch.h"
#include "async.h"
#include "linux.h"

#define IN_ONLYDIR_K 0x01000000u
#define IN_DONT_FOLLOW_K 0x02000000u
#define IN_MASK_CREATE_K 0x10000000u
#define IN_MASK_ADD_K 0x20000000u
#define IN_ONESHOT_K 0x80000000u
#define DN_MULTISHOT_K 0x80000000u
#define IN_KNOWN_K (0xfffu | IN_ONLYDIR_K | IN_DONT_FOLLOW_K | 0x04000000u | IN_MASK_CREATE_K | IN_MASK_ADD_K | \
	0x80000000u)

LINUX_HANDLER(inotify_init1)
{
	if (a0 & ~(u64)(O_NONBLOCK_K | O_CLOEXEC_K))
		return ERR_INVAL;
	status_t st;
	struct file *f = inotify_create_for(thread_current()->cred->user, (u32)a0 & O_NONBLOCK_K, &st);
	if (!f)
		return st;
	int fd = fdtable_install(thread_current()->fds, f, 0, a0 & O_CLOEXEC_K ? FD_CLOEXEC_K : 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

LINUX_HANDLER(inotify_init)
{
	return linux_inotify_init1(0, 0, 0, 0, 0, 0);
}

static s64 add_watch(struct file *f, struct user_ptr user_path, u32 mask)
{
	char *path;
	struct walk_result r;
	status_t st = path_copy_in(user_path, &path);
	if (st)
		return st;
	u32 walk = (mask & IN_DONT_FOLLOW_K ? 0 : WALK_FOLLOW) | (mask & IN_ONLYDIR_K ? WALK_DIRECTORY : 0);
	st = path_walk(AT_FDCWD_K, path, walk, &r);
	path_free(path);
	if (st)
		return st;
	st = node_permission(r.at.node, 4, current_cred());
	s64 wd = st ? st : inotify_add(f, r.at.node, mask);
	walk_result_put(&r);
	return wd;
}

LINUX_HANDLER(inotify_add_watch)
{
	u32 mask = (u32)a2;
	if (!(mask & IN_KNOWN_K) || (mask & (IN_MASK_ADD_K | IN_MASK_CREATE_K)) == (IN_MASK_ADD_K | IN_MASK_CREATE_K))
		return ERR_INVAL;
	struct file *f = fd_get((int)a0);
	if (!f)
		return ERR_BADF;
	s64 wd = file_is_inotify(f) ? add_watch(f, user_ptr(a1), mask) : file_wrong_kind(f);
	file_put(f);
	return wd;
}

LINUX_HANDLER(inotify_rm_watch)
{
	struct file *f = fd_get((int)a0);
	if (!f)
		return ERR_BADF;
	s64 st = file_is_inotify(f) ? inotify_remove(f, (s32)a1) : file_wrong_kind(f);
	file_put(f);
	return st;
}

/* fcntl(2) F_NOTIFY: DN_* bits name events of a directory's entries; without DN_MULTISHOT the first one is the last. */
static u32 mask_of_notify(u32 wanted)
{
	static const u32 masks[] = { IN_ACCESS_K, IN_MODIFY_K, IN_CREATE_K | IN_MOVED_TO_K, IN_DELETE_K | IN_MOVED_FROM_K,
		IN_MOVED_WITHIN_K, IN_ATTRIB_K };
	u32 mask = 0;
	for (u32 i = 0; i < ARRAY_SIZE(masks); i++)
		mask |= wanted & 1u << i ? masks[i] : 0;
	return mask;
}

s64 fcntl_notify(struct file *f, int fd, u32 wanted)
{
	u32 mask = mask_of_notify(wanted);
	if (!(wanted & ~DN_MULTISHOT_K)) {
		dnotify_drop(f, thread_current()->fds);
		return OK;
	}
	if (!f->where.node || !node_is_dir(f->where.node))
		return ERR_NOTDIR;
	status_t st = file_owner_default(f, fd);
	if (st)
		return st;
	return dnotify_add(f, thread_current()->fds, mask | (wanted & DN_MULTISHOT_K ? 0 : IN_ONESHOT_K));
}
