// SPDX-License-Identifier: MIT
/* Linux rows that look at a path: open, stat, access, readlink; and the process's place in the tree. */
#include "../vfs/vfs_internal.h"
#include "linux.h"

#define RESOLVE_NO_XDEV_K 1u
#define RESOLVE_NO_MAGICLINKS_K 2u
#define RESOLVE_NO_SYMLINKS_K 4u
#define RESOLVE_BENEATH_K 8u
#define RESOLVE_IN_ROOT_K 16u
#define RESOLVE_CACHED_K 32u
#define OPEN_HOW_SIZE_V0 24u
#define OPEN_KNOWN_K (O_ACCMODE_K | O_CREAT_K | O_EXCL_K | O_NOCTTY_K | O_TRUNC_K | O_APPEND_K | O_NONBLOCK_K | \
		      O_SYNC_K | O_ASYNC_K | O_DIRECT_K | O_LARGEFILE_K | O_DIRECTORY_K | O_NOFOLLOW_K | \
		      O_NOATIME_K | O_CLOEXEC_K | O_PATH_K | O_TMPFILE_K)

struct open_how_k { u64 flags, mode, resolve; };

static s64 open_common(int dirfd, struct user_ptr user_path, u32 flags, u32 mode, u32 resolve)
{
	char *path;
	struct file *f;
	status_t st = path_copy_in(user_path, &path);
	if (st)
		return st;
	st = vfs_open_resolve(dirfd, path, flags, mode, resolve, &f);
	path_free(path);
	if (st)
		return st;
	int fd = fdtable_install(thread_current()->fds, f, 0, flags & O_CLOEXEC_K ? FD_CLOEXEC_K : 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

LINUX_HANDLER(open)
{
	return open_common(AT_FDCWD_K, user_ptr(a0), ((u32)a1 & OPEN_KNOWN_K) | O_LARGEFILE_K, (u32)a2, 0);
}

LINUX_HANDLER(openat)
{
	return open_common((int)a0, user_ptr(a1), ((u32)a2 & OPEN_KNOWN_K) | O_LARGEFILE_K, (u32)a3, 0);
}

LINUX_HANDLER(creat)
{
	return open_common(AT_FDCWD_K, user_ptr(a0), O_CREAT_K | O_TRUNC_K | 1 | O_LARGEFILE_K, (u32)a1, 0);
}

static u32 resolve_flags(u64 resolve)
{
	return (resolve & RESOLVE_NO_XDEV_K ? WALK_NO_XDEV : 0) | (resolve & RESOLVE_NO_MAGICLINKS_K ? WALK_NO_MAGIC : 0) |
	       (resolve & RESOLVE_NO_SYMLINKS_K ? WALK_NO_SYMLINKS : 0) | (resolve & RESOLVE_BENEATH_K ? WALK_BENEATH : 0) |
	       (resolve & RESOLVE_IN_ROOT_K ? WALK_IN_ROOT : 0);
}

/* struct open_how may be larger than ours as long as the rest is zero. */
static status_t how_copy_in(struct open_how_k *how, u64 va, u64 size)
{
	if (size < OPEN_HOW_SIZE_V0)
		return ERR_INVAL;
	if (size > PAGE_SIZE)
		return ERR_2BIG;
	for (u64 at = sizeof(*how); at < size; at++) {
		u8 byte;
		status_t st = COPY_IN(&byte, user_ptr(va + at));
		if (st || byte)
			return st ? st : ERR_2BIG;
	}
	return COPY_IN(how, user_ptr(va));
}

LINUX_HANDLER(openat2)
{
	struct open_how_k how;
	status_t st = how_copy_in(&how, a2, a3);
	if (st)
		return st;
	bool makes = (how.flags & O_CREAT_K) || (how.flags & O_TMPFILE_K) == O_TMPFILE_K;
	if ((how.flags & ~(u64)OPEN_KNOWN_K) || how.resolve >= 2 * RESOLVE_CACHED_K || (how.mode & ~07777ull) ||
			(how.mode && !makes))
		return ERR_INVAL;
	if ((how.resolve & RESOLVE_BENEATH_K) && (how.resolve & RESOLVE_IN_ROOT_K))
		return ERR_INVAL;
	if ((how.flags & O_PATH_K) && (how.flags & ~(u64)(O_PATH_K | O_DIRECTORY_K | O_NOFOLLOW_K | O_CLOEXEC_K)))
		return ERR_INVAL; /* open(2) ignores the others */
	if (how.resolve & RESOLVE_CACHED_K)
		return ERR_AGAIN; /* allowed at any time: the caller retries without it */
	return open_common((int)a0, user_ptr(a1), (u32)how.flags | O_LARGEFILE_K, (u32)how.mode,
			resolve_flags(how.resolve));
}

/* ---- stat ---- */
static status_t result_attributes(const struct walk_result *r, struct attributes *out)
{
	struct node *n = r->at.node;
	if (r->file)
		return file_stat(r->file, out);
	if (unlikely(node_needs_refresh(n)) && !(n->flags & NODE_UNLINKED)) {
		status_t st = node_refresh(n);
		if (st)
			return st;
	}
	node_attributes(n, out);
	return OK;
}

/* Where it is mounted, as statx tells it; 0: nowhere. */
struct place { u64 mount_id; bool is_root; };

/* place may be NULL. */
static status_t attributes_at(int dirfd, struct user_ptr user_path, u32 at_flags, struct attributes *out, struct place *place)
{
	char *path;
	struct walk_result r;
	u32 walk = WALK_FILE | (at_flags & AT_SYMLINK_NOFOLLOW_K ? 0 : WALK_FOLLOW);
	if (at_flags & AT_EMPTY_PATH_K)
		walk |= WALK_EMPTY_PATH;
	status_t st = path_copy_in(user_path, &path);
	if (unlikely(st))
		return st;
	for (u32 i = 0; i <= STALE_RETRIES; i++) {
		st = path_walk(dirfd, path, walk, &r);
		if (st)
			break;
		st = result_attributes(&r, out);
		if (place && !r.file)
			*place = (struct place){ r.at.mount->id, r.at.node == r.at.mount->root };
		if (unlikely(st == ERR_STALE))
			names_revoke_node(r.at.node);
		walk_result_put(&r);
		if (likely(st != ERR_STALE))
			break;
	}
	if (unlikely(st == ERR_STALE) && *path)
		st = ERR_NOENT;
	path_free(path);
	return st;
}

static s64 stat_common(int dirfd, u64 path, u64 out, u32 at_flags)
{
	struct attributes a;
	struct linux_stat s;
	status_t st = attributes_at(dirfd, user_ptr(path), at_flags, &a, NULL);
	if (st)
		return st;
	stat_from_attributes(&a, &s);
	return COPY_OUT(user_ptr(out), &s);
}

LINUX_HANDLER(stat) { return stat_common(AT_FDCWD_K, a0, a1, 0); }
LINUX_HANDLER(lstat) { return stat_common(AT_FDCWD_K, a0, a1, AT_SYMLINK_NOFOLLOW_K); }

static bool is_empty_path(u64 path)
{
	char first;
	return copy_in(&first, user_ptr(path), 1) == OK && !first;
}

LINUX_HANDLER(newfstatat)
{
	if (a3 & ~(u64)(AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K | AT_NO_AUTOMOUNT_K))
		return ERR_INVAL;
	if ((a3 & AT_EMPTY_PATH_K) && (int)a0 >= 0 && is_empty_path(a1)) /* what fstat(3) of glibc does */
		return linux_fstat(a0, a2, 0, 0, 0, 0);
	return stat_common((int)a0, a1, a2, (u32)a3);
}

struct statx_time { s64 sec; u32 nsec; s32 pad; };
struct statx_k {
	u32 mask, blksize;
	u64 attributes;
	u32 nlink, uid, gid;
	u16 mode, pad;
	u64 ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	u32 rdev_major, rdev_minor, dev_major, dev_minor;
	u64 mount_id;
	u32 dio_mem_align, dio_offset_align;
	u64 spare[12];
};
_Static_assert(sizeof(struct statx_k) == 256, "struct statx");
#define STATX_BASIC_STATS_K 0x7ffu
#define STATX_BTIME_K 0x800u
#define STATX_MNT_ID_K 0x1000u
#define STATX_ATTR_MOUNT_ROOT_K 0x2000u
#define STATX_RESERVED_K 0x80000000u
#define AT_STATX_SYNC_TYPE_K 0x6000u

static struct statx_time time_of(s64 ns)
{
	s64 sec = ns / (s64)NSEC_PER_SEC, rest = ns % (s64)NSEC_PER_SEC;
	if (rest < 0) {
		sec--;
		rest += (s64)NSEC_PER_SEC;
	}
	return (struct statx_time){ .sec = sec, .nsec = (u32)rest };
}

static u32 dev_major(u64 dev) { return (u32)((dev >> 8 & 0xfff) | (dev >> 32 & ~0xfffu)); }
static u32 dev_minor(u64 dev) { return (u32)((dev & 0xff) | (dev >> 12 & ~0xffu)); }

LINUX_HANDLER(statx)
{
	struct attributes a;
	struct place place = { 0 };
	if ((a3 & STATX_RESERVED_K) || (a2 & AT_STATX_SYNC_TYPE_K) == AT_STATX_SYNC_TYPE_K)
		return ERR_INVAL;
	if (a2 & ~(u64)(AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K | AT_NO_AUTOMOUNT_K | AT_STATX_SYNC_TYPE_K))
		return ERR_INVAL;
	status_t st = attributes_at((int)a0, user_ptr(a1), (u32)a2, &a, &place);
	if (st)
		return st;
	struct statx_k x = {
		.mask = STATX_BASIC_STATS_K | (a.btime_ns ? STATX_BTIME_K : 0) | (place.mount_id ? STATX_MNT_ID_K : 0),
		.blksize = a.block_size, .attributes = place.is_root ? STATX_ATTR_MOUNT_ROOT_K : 0,
		.attributes_mask = STATX_ATTR_MOUNT_ROOT_K, .mount_id = place.mount_id,
		.nlink = a.nlink, .uid = a.uid, .gid = a.gid, .mode = (u16)a.mode, .ino = a.ino, .size = a.size,
		.blocks = a.blocks_512, .atime = time_of(a.atime_ns), .btime = time_of(a.btime_ns),
		.ctime = time_of(a.ctime_ns), .mtime = time_of(a.mtime_ns), .rdev_major = dev_major(a.rdev),
		.rdev_minor = dev_minor(a.rdev), .dev_major = dev_major(a.dev), .dev_minor = dev_minor(a.dev),
	};
	return COPY_OUT(user_ptr(a4), &x);
}

/* ---- access ---- */
/* access(2) asks with the real ids: a copy of the credentials that says so. */
static struct cred real_credentials(const struct cred *c)
{
	struct cred real = *c;
	real.fsuid = c->uid;
	real.fsgid = c->gid;
	real.cap_effective = c->uid ? 0 : c->cap_permitted;
	return real;
}

static status_t access_at(const struct walk_result *r, u32 want, bool effective)
{
	const struct cred *c = current_cred();
	if (r->file || !c)
		return OK;
	struct cred real = real_credentials(c);
	if ((want & 1) && node_is_regular(r->at.node) && (r->at.mount->flags & MS_NOEXEC_K))
		return ERR_ACCES;
	return position_access(r->at, want, effective ? c : &real);
}

static s64 access_common(int dirfd, u64 user_path, u32 want, u32 at_flags)
{
	char *path;
	struct walk_result r;
	u32 walk = WALK_FILE | (at_flags & AT_SYMLINK_NOFOLLOW_K ? 0 : WALK_FOLLOW);
	walk |= at_flags & AT_EMPTY_PATH_K ? WALK_EMPTY_PATH : 0;
	if (want & ~7u)
		return ERR_INVAL;
	status_t st = path_copy_in(user_ptr(user_path), &path);
	if (st)
		return st;
	st = path_walk(dirfd, path, walk, &r);
	path_free(path);
	if (st)
		return st;
	st = want ? access_at(&r, want, at_flags & AT_EACCESS_K) : OK;
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(access) { return access_common(AT_FDCWD_K, a0, (u32)a1, 0); }
LINUX_HANDLER(faccessat) { return access_common((int)a0, a1, (u32)a2, 0); }

LINUX_HANDLER(faccessat2)
{
	if (a3 & ~(u64)(AT_EACCESS_K | AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K))
		return ERR_INVAL;
	return access_common((int)a0, a1, (u32)a2, (u32)a3);
}

/* ---- readlink ---- */
static s64 magic_text(struct node *link, char *buf)
{
	struct position at;
	struct file *file;
	bool magic;
	status_t st = magic_link_follow(link, &at, &file, &magic);
	if (st || !magic)
		return st ? st : 0;
	s64 length;
	if (file) {
		length = file_describe(file, buf, PATH_MAX_BYTES);
		file_put(file);
	} else {
		length = vfs_path_of(at, fs_root(thread_current()->fs), buf, PATH_MAX_BYTES);
		position_put(at);
	}
	return length;
}

static s64 link_text(const struct walk_result *r, const char *path, char *buf)
{
	struct node *n = r->at.node;
	if (!n || !node_is_link(n))
		return *path ? ERR_INVAL : ERR_NOENT;
	s64 length = n->fs->flags & FS_NO_NAME_CACHE ? magic_text(n, buf) : 0;
	if (length == 0)
		length = node_read_link(n, buf, PATH_MAX_BYTES);
	if (length >= 0)
		node_touch_atime(r->at.mount, n);
	return length;
}

static s64 readlink_common(int dirfd, u64 user_path, u64 out, s64 size)
{
	char *path;
	struct walk_result r;
	if ((int)size <= 0)
		return ERR_INVAL;
	status_t st = path_copy_in(user_ptr(user_path), &path);
	if (st)
		return st;
	st = path_walk(dirfd, path, WALK_EMPTY_PATH | WALK_FILE, &r);
	if (st || (!*path && dirfd == AT_FDCWD_K)) {
		if (!st)
			walk_result_put(&r);
		path_free(path);
		return st ? st : ERR_NOENT;
	}
	char *buf = kmalloc(PATH_MAX_BYTES);
	s64 length = buf ? link_text(&r, path, buf) : ERR_NOMEM;
	walk_result_put(&r);
	path_free(path);
	if (length > 0) {
		length = MIN(length, size);
		st = copy_out(user_ptr(out), buf, (size_t)length);
		length = st ? st : length;
	}
	kfree(buf);
	return length;
}

LINUX_HANDLER(readlink) { return readlink_common(AT_FDCWD_K, a0, a1, (int)a2); }
LINUX_HANDLER(readlinkat) { return readlink_common((int)a0, a1, a2, (int)a3); }

/* ---- place in the tree ---- */
static status_t enter_directory(struct position at, bool root)
{
	const struct cred *c = current_cred();
	if (!node_is_dir(at.node))
		return ERR_NOTDIR;
	status_t st = node_permission(at.node, 1, c);
	if (st)
		return st;
	if (root && c && !cred_has_cap(c, CAP_SYS_CHROOT_K))
		return ERR_PERM;
	fs_context_set(thread_current()->fs, at, root);
	return OK;
}

static s64 enter_path(u64 user_path, bool root)
{
	char *path;
	struct walk_result r;
	status_t st = path_copy_in(user_ptr(user_path), &path);
	if (st)
		return st;
	st = path_walk(AT_FDCWD_K, path, WALK_FOLLOW | WALK_DIRECTORY, &r);
	path_free(path);
	if (st)
		return st;
	st = enter_directory(r.at, root);
	walk_result_put(&r);
	return st;
}

LINUX_HANDLER(chdir) { return enter_path(a0, false); }
LINUX_HANDLER(chroot) { return enter_path(a0, true); }

LINUX_HANDLER(fchdir)
{
	struct file *f = fd_get((int)a0);
	if (!f)
		return ERR_BADF;
	status_t st = f->where.node ? enter_directory(f->where, false) : ERR_NOTDIR;
	file_put(f);
	return st;
}

LINUX_HANDLER(getcwd)
{
	struct fs_context *fs = thread_current()->fs;
	char *buf = kmalloc(PATH_MAX_BYTES);
	if (!buf)
		return ERR_NOMEM;
	spin_lock(&fs->lock);
	struct position cwd = fs_cwd(fs), root = fs_root(fs);
	if (cwd.node) {
		position_get(cwd);
		position_get(root);
	}
	spin_unlock(&fs->lock);
	s64 length = ERR_NOENT;
	if (cwd.node && !(cwd.node->flags & NODE_UNLINKED))
		length = vfs_path_of(cwd, root, buf, PATH_MAX_BYTES);
	if (cwd.node) {
		position_put(cwd);
		position_put(root);
	}
	if (length >= 0)
		length++;
	if (length > 0 && (u64)length > a1)
		length = ERR_RANGE;
	if (length > 0) {
		status_t st = copy_out(user_ptr(a0), buf, (size_t)length);
		length = st ? st : length;
	}
	kfree(buf);
	return length;
}

LINUX_HANDLER(umask)
{
	struct fs_context *fs = thread_current()->fs;
	spin_lock(&fs->lock);
	u32 old = fs->umask;
	fs->umask = (u32)a0 & 0777;
	spin_unlock(&fs->lock);
	return old;
}
