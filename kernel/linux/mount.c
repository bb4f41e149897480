// SPDX-License-Identifier: MIT
/* Linux rows on mounts and whole file systems. */
#include "../vfs/vfs_internal.h"
#include "linux.h"

#define MOUNT_TEXT_MAX 256u            /* type and source names */
#define ST_RELATIME_K 4096u
#define ST_VALID_K 0x20u               /* statfs f_flags: "the flags are there" */

struct statfs_k {
	s64 type, bsize;
	u64 blocks, bfree, bavail, files, ffree, fsid;
	s64 namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct statfs_k) == 120, "struct statfs");

/* Figures of what the kernel itself accounts: the space budget of private data. */
static void apply_budget(const struct filesystem *fs, struct statfs_k *s)
{
	if (!fs->account || fs->account->limit_pages == UINT64_MAX)
		return;
	u64 limit = fs->account->limit_pages, left = account_left(fs->account);
	if (!s->blocks || s->blocks < limit) { /* tmpfs: the budget is the whole */
		s->blocks = limit;
		s->bfree = s->bavail = left;
		s->bsize = s->frsize = (s64)PAGE_SIZE;
	} else {
		s->bfree = s->bavail = left;
	}
}

static status_t statfs_of(struct position at, struct statfs_k *s)
{
	struct filesystem *fs = at.node->fs;
	struct vfs_node_request r = { .fs = fs->id, .cookie = at.node->cookie };
	struct vfs_statfs_reply reply = { .type = fs->magic, .block_size = PAGE_SIZE, .name_max = NAME_MAX_BYTES };
	if (fs->id) {
		s64 st = vfs_call(VFS_STATFS, fs_cause(fs, HOP_BY_DESIGN), &r, sizeof(r), &reply, sizeof(reply), NULL, 0);
		if (st < 0)
			return (status_t)st;
	}
	*s = (struct statfs_k){
		.type = (s64)reply.type, .bsize = (s64)reply.block_size, .blocks = reply.blocks, .bfree = reply.blocks_free,
		.bavail = reply.blocks_available, .files = reply.files, .ffree = reply.files_free, .fsid = reply.fsid,
		.namelen = (s64)reply.name_max, .frsize = (s64)reply.block_size,
		.flags = (s64)(ST_VALID_K | (at.mount->flags & (15u | MS_NOATIME_K | MS_NODIRATIME_K)) |
			       (at.mount->flags & MS_RELATIME_K ? ST_RELATIME_K : 0)),
	};
	apply_budget(fs, s);
	return OK;
}

LINUX_HANDLER(statfs)
{
	char *path;
	struct walk_result r;
	struct statfs_k s;
	status_t st = path_copy_in(user_ptr(a0), &path);
	if (st)
		return st;
	st = path_walk(AT_FDCWD_K, path, WALK_FOLLOW, &r);
	path_free(path);
	if (st)
		return st;
	st = statfs_of(r.at, &s);
	walk_result_put(&r);
	return st ? st : COPY_OUT(user_ptr(a1), &s);
}

LINUX_HANDLER(fstatfs)
{
	struct statfs_k s = { .type = 0x50495045, .bsize = (s64)PAGE_SIZE, .namelen = NAME_MAX_BYTES,
			.frsize = (s64)PAGE_SIZE };
	struct file *f = fd_get((int)a0);
	if (!f)
		return ERR_BADF;
	status_t st = f->where.node ? statfs_of(f->where, &s) : OK; /* pipes and sockets: pipefs answers so */
	file_put(f);
	return st ? st : COPY_OUT(user_ptr(a1), &s);
}

static status_t text_in(u64 va, char *buf, u64 size)
{
	buf[0] = '\0';
	if (!va)
		return OK;
	s64 length = copy_in_string(buf, user_ptr(va), size);
	return length < 0 ? (status_t)length : OK;
}

static status_t bind_mount(u64 user_source, struct position on)
{
	char *path;
	struct walk_result r;
	status_t st = path_copy_in(user_ptr(user_source), &path);
	if (st)
		return st;
	st = path_walk(AT_FDCWD_K, path, WALK_FOLLOW, &r);
	path_free(path);
	if (st)
		return st;
	st = vfs_mount_bind(r.at, on);
	walk_result_put(&r);
	return st;
}

static status_t new_mount(u64 source, u64 type, u64 data, u32 flags, struct position on)
{
	char type_text[32], source_text[MOUNT_TEXT_MAX], *options = kmalloc(PAGE_SIZE);
	if (!options)
		return ERR_NOMEM;
	status_t st = type ? text_in(type, type_text, sizeof(type_text)) : ERR_INVAL;
	if (!st)
		st = text_in(source, source_text, sizeof(source_text));
	if (!st)
		st = text_in(data, options, PAGE_SIZE);
	if (!st && !node_is_dir(on.node))
		st = ERR_NOTDIR;
	if (!st)
		st = vfs_mount_new(type_text, *source_text ? source_text : "none", options, flags, on);
	kfree(options);
	return st;
}

static status_t mount_at(struct position on, u64 source, u64 type, u32 flags, u64 data)
{
	const u32 known = 15u | MS_REMOUNT_K | MS_NOATIME_K | MS_NODIRATIME_K | MS_BIND_K | MS_REC_K | MS_SILENT_K |
			MS_PRIVATE_K |			  MS_RELATIME_K | MS_STRICTATIME_K;
	if (flags & ~known)
		return ERR_INVAL;
	if (flags & MS_PRIVATE_K)
		return OK; /* mounts propagate nowhere: all of them are private */
	if (flags & MS_REMOUNT_K)
		return vfs_remount(on, flags);
	if (flags & MS_BIND_K)
		return bind_mount(source, on);
	if (!(flags & (MS_NOATIME_K | MS_STRICTATIME_K)))
		flags |= MS_RELATIME_K;
	return new_mount(source, type, data, flags, on);
}

LINUX_HANDLER(mount)
{
	const struct cred *c = current_cred();
	char *path;
	struct walk_result r;
	u32 flags = (u32)a3;
	if ((flags & 0xffff0000u) == 0xc0ed0000u) /* historic magic, ignored as Linux does */
		flags &= 0xffffu;
	if (c && !cred_has_cap(c, CAP_SYS_ADMIN_K))
		return ERR_PERM;
	status_t st = path_copy_in(user_ptr(a1), &path);
	if (st)
		return st;
	st = path_walk(AT_FDCWD_K, path, WALK_FOLLOW, &r);
	path_free(path);
	if (st)
		return st;
	st = mount_at(r.at, a0, a2, flags, a4);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(umount2)
{
	const struct cred *c = current_cred();
	char *path;
	struct walk_result r;
	if (c && !cred_has_cap(c, CAP_SYS_ADMIN_K))
		return ERR_PERM;
	status_t st = path_copy_in(user_ptr(a0), &path);
	if (st)
		return st;
	st = path_walk(AT_FDCWD_K, path, a1 & 8 ? 0 : WALK_FOLLOW, &r);
	path_free(path);
	if (st)
		return st;
	st = vfs_unmount(r.at, (u32)a1);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(sync)
{
	vfs_sync_all();
	return OK;
}
