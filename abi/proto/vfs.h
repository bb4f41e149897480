/* SPDX-License-Identifier: MIT */
/* Kernel <-> vfsd. Every request names a file system by `fs` and an object by `cookie`: 64 bits that vfsd
 * chose and that alone let it find the object again after a restart (it keeps no table of open files).
 * Names are payload without a NUL. Credentials are in ipc_message.caller; the kernel has checked search
 * and write permission of directories it holds leases for; vfsd decides what needs policy (sticky, quota).
 * Ops are in vfs.def. Times are ns since the epoch. */
#ifndef AMBOS_PROTO_VFS_H
#define AMBOS_PROTO_VFS_H

#include "../../lib/base/base.h"

enum vfs_op {
#define VFS_OP(number, NAME, request, reply, text) VFS_##NAME = (number),
#include "vfs.def"
#undef VFS_OP
};

enum vfs_fs_flag {
	FS_SHARED = 1,         /* others change it (9p): revalidate on open, leases <= VFS_SHARED_LEASE_NS */
	FS_NO_NAME_CACHE = 2,  /* procfs: every look-up asks */
	FS_NO_DATA_CACHE = 4,  /* procfs, sysfs: every read asks, size 0; reads go through VFS_READ_DIRECT */
	FS_READ_ONLY = 8,
	FS_KERNEL_DATA = 16,   /* authoritative: the kernel's pages are the only copy (tmpfs, private root) */
	FS_FOLD_CASE = 32,
};
#define VFS_SHARED_LEASE_NS 1000000000ull /* design 1.2: name and attribute leases of a shared mount, <= 1 s */

struct vfs_attributes {
	u64 ino;
	u32 mode, nlink, uid, gid;
	u32 rdev;              /* 12 bits major, 20 bits minor, as Linux packs them */
	u32 dos_attributes;    /* VFS_DOS_*: of the xattr user.DOSATTRIB ("0x" and hexadecimal digits) */
	u64 size, blocks_512;
	s64 atime_ns, mtime_ns, ctime_ns, btime_ns;
};
/* The bits that Windows programs may set and Linux has no place for; the values are those of FILE_ATTRIBUTE_*. */
enum vfs_dos_attribute { VFS_DOS_READONLY = 1 /* directories */, VFS_DOS_HIDDEN = 2, VFS_DOS_SYSTEM = 4, VFS_DOS_VALID = 7 };
/* A node lease: what the kernel needs to serve it alone. */
struct vfs_node {
	u64 cookie;
	struct vfs_attributes attr;
	u64 backing;           /* regular file of an in-place image: byte offset in the system image, else VFS_NO_BACKING */
	u64 backing_size;
	u64 lease_ns;          /* 0 = until revoked */
};
#define VFS_NO_BACKING UINT64_MAX
#define VFS_SHOWS_MOUNTS (UINT64_MAX - 1) /* as backing: a rendered text of the mounts, whose readers may poll for changes */
_Static_assert(sizeof(struct vfs_attributes) == 80 && sizeof(struct vfs_node) == 112, "layout");

struct vfs_mount_request { u32 flags; u32 target_fs; };       /* payload: type NUL source NUL options NUL */
struct vfs_mount_reply { u32 fs; u32 fs_flags; u64 magic; struct vfs_node root; };
struct vfs_node_request { u32 fs; u32 flags; u64 cookie; };    /* ops on one object */
enum vfs_xattr_flag { VFS_XATTR_CREATE = 1, VFS_XATTR_REPLACE = 2 }; /* SETXATTR: EXIST, NODATA */
struct vfs_name_request { u32 fs; u32 flags; u64 dir;          /* payload: name */
	u64 known; };                                          /* LOOKUP: the cookie that the name led to before, 0: none */
/* UNLINK and RENAME (ored into flags): the kernel still uses the object that loses its name; keep it reachable by its
 * cookie until FORGET (9p: hidden rename). Without the flag an object whose nlink becomes 0 is freed at once and no
 * FORGET follows. TMPFILE objects are always forgotten explicitly. */
enum vfs_unlink_flag { VFS_UNLINK_KEEP = 0x100 };
struct vfs_create_request { u32 fs; u32 mode; u64 dir; u32 uid, gid;
	u64 rdev; u32 flags; u32 unused; }; /* payload: name; payload2: symlink target */
struct vfs_link_request { u32 fs; u32 unused; u64 dir; u64 cookie; };               /* payload: name */
struct vfs_rename_request { u32 fs; u32 flags; u64 old_dir, new_dir; };             /* payload: old, payload2: new; flags RENAME_* */
struct vfs_unlink_reply { u64 cookie; u32 nlink; u32 unused; };                     /* object that lost the name */
struct vfs_rename_reply { u64 moved_cookie; u64 replaced_cookie; u32 replaced_nlink; u32 replaced; };
struct vfs_setattr_request {
	u32 fs; u32 valid;     /* VFS_SET_* */
	u64 cookie; u32 mode, uid, gid, dos_attributes; u64 size; s64 atime_ns, mtime_ns, ctime_ns, btime_ns;
};
enum vfs_set { VFS_SET_MODE = 1, VFS_SET_UID = 2, VFS_SET_GID = 4, VFS_SET_SIZE = 8,
	VFS_SET_ATIME = 16, VFS_SET_MTIME = 32, VFS_SET_CTIME = 64,
	VFS_SET_BTIME = 128 /* ignored where there is none to set */, VFS_SET_DOS = 256 /* OPNOTSUPP without xattrs */ };
struct vfs_io_request { u32 fs; u32 flags; u64 cookie; u64 offset; u64 size; };     /* READ, READ_DIRECT, WRITE, READDIR */
struct vfs_statfs_reply { u64 type, block_size, blocks, blocks_free, blocks_available, files, files_free, name_max, flags, fsid; };
/* READDIR reply payload: packed, each 8-byte aligned. `offset` is the position AFTER this entry, stable under changes. */
struct vfs_dirent { u64 ino; u64 offset; u16 record_size; u8 type; u8 name_size; char name[]; }; /* type: DT_* ; name without NUL */

struct vfs_magic_reply { u32 kind; u32 pid; s32 fd; u32 unused; }; /* VFS_MAGIC_*: the kernel jumps there */
enum vfs_magic { VFS_MAGIC_NONE, VFS_MAGIC_FD, VFS_MAGIC_EXE, VFS_MAGIC_CWD, VFS_MAGIC_ROOT,
	VFS_MAGIC_PROCESS /* the directory of a process */,
	VFS_MAGIC_MEMORY /* no link: a file that the kernel serves, the memory of the process whose id is its attr.rdev */ };

enum vfs_revoke_flag { VFS_REVOKE_NAME = 1, VFS_REVOKE_ATTR = 2, VFS_REVOKE_DATA = 4, VFS_REVOKE_LISTING = 8, VFS_REVOKE_SUBTREE = 16 };

#endif
