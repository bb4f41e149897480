/* SPDX-License-Identifier: MIT */
/* The one tree engine: the root (image base + private changes), tmpfs and devtmpfs.
 * Everything lives in the state object (struct vfsd_state at state_root()); offsets only. Functions that change it
 * run inside a transaction and may fail at any point: the caller aborts. Readers hold the state lock. Invariants:
 * 1. An object has a record when it is not in the image or differs from it; a record is in `objects` and on its
 *    file system's list, or (a dropped directory that still owns entries) on the graveyard's list only.
 * 2. An entry record stands for a private name, or with ino 0 for a hidden image name (whiteout); it is in
 * `entries` and on its directory's list, ordered by sequence. A directory with entries has a record.
 * 3. directory.live_entries = its entry records that are no whiteouts; directory.base_hidden = those with
 * HIDES_BASE. */
#ifndef AMBOS_VFSD_TREE_H
#define AMBOS_VFSD_TREE_H

#include "../../abi/proto/vfs.h"
#include "../../lib/base/string.h"
#include "../../lib/erofs/erofs.h"
#include "../../lib/service/service.h"

#define FS_MAX 256u                      /* mounted file systems; beyond it mount answers NOSPC */
#define FS_GRAVEYARD 0u
#define HASH_SEGMENT_BUCKETS 512u        /* one page of bucket heads */
#define HASH_SEGMENTS_MAX 2048u          /* a million buckets; chains grow longer beyond, nothing fails */
#define TREE_PRIVATE_INO (1ull << 40)    /* root: inode numbers made here start above any image inode */
#define TREE_INO_BIAS 16u                /* image inode number = nid + bias, so that no one is 0 or 1 */
#define TREE_LINK_MAX 65000u             /* as ext4: nlink fits 16 bits for old formats such as cpio */
#define TREE_DEPTH_MAX 65536u            /* bound of a walk to the root */
#define TREE_SYMLINK_MAX 4095u           /* PATH_MAX - 1 */
#define TREE_NAME_MAX 255u
#define TREE_XATTR_MAX (64u << 10)       /* of all attributes of one object; a value alone may have that size on Linux */

enum fs_kind { FS_KIND_NONE, FS_KIND_ROOT, FS_KIND_TMPFS, FS_KIND_DEVTMPFS, FS_KIND_SHOWN, FS_KIND_9P };
enum fs_state { FS_STATE_FREE, FS_STATE_LIVE, FS_STATE_DYING };

#define MODE_TYPE 0170000u
#define MODE_FIFO 0010000u
#define MODE_CHARACTER 0020000u
#define MODE_DIRECTORY 0040000u
#define MODE_BLOCK 0060000u
#define MODE_REGULAR 0100000u
#define MODE_SYMLINK 0120000u
#define MODE_SOCKET 0140000u
#define MODE_SETUID 04000u
#define MODE_SETGID 02000u
#define MODE_STICKY 01000u
#define CAP_CHOWN 0
#define CAP_FOWNER 3
#define CAP_MKNOD 27

struct hash_record { u64 chain, hash; }; /* head of everything in a hash_table */
struct hash_table { u64 count, bucket_count; u64 segments[HASH_SEGMENTS_MAX]; };

enum object_flag { OBJECT_BASE = 1, OBJECT_DEAD = 2, OBJECT_TMPFILE = 4 };
struct tree_object {
	struct hash_record link;
	u64 ino;
	u32 fs, flags;
	u32 mode, nlink, uid, gid;
	u64 rdev, size;
	s64 atime_ns, mtime_ns, ctime_ns, btime_ns;
	u64 fs_next, fs_previous;        /* file system's list */
	u64 first_entry, last_entry;     /* directories, by sequence */
	u64 next_sequence;
	u64 parent;                      /* directories: ino */
	u32 live_entries, base_hidden;
	u64 target;                      /* symlinks: text of `size` bytes */
	u64 xattrs;                      /* tree_xattr.c; 0: none */
	u32 xattr_bytes, unused;
};
enum entry_flag { ENTRY_HIDES_BASE = 1 };
struct tree_entry {
	struct hash_record link;
	u64 dir, ino;                    /* ino 0: whiteout */
	u16 fs, name_size, capacity;     /* capacity: bytes of room for the name */
	u8 type, flags;
	u64 sequence, next, previous;
	char name[];
};
struct fs_record {
	u32 kind, state, flags;          /* flags: FS_* of abi/proto/vfs.h */
	u32 shown;                       /* FS_KIND_SHOWN: which tree (proc.h) */
	u64 magic, root_ino, next_ino;
	u64 first_object, object_count, object_max, size_max;
	u32 device, host_uid, host_gid, unused; /* 9p; ids that are shown as the caller's own */
	char source[64];
};
#define INTENTS 32u                      /* more than workers: the oldest is of a call that is long over */
/* What a call on a share is about to take a name from, noted before the server is told (share_change.c). */
struct share_intent {
	u64 call_id, moved, victim;      /* cookies; victim 0: none */
	u32 victim_links, hide, directory, unused;
};
struct vfsd_state {
	struct fs_record fs[FS_MAX];
	u32 dying_count, unused;
	struct hash_table objects, entries;
	struct hash_table paths, qids;   /* 9p: share.h */
	u64 next_path;
	struct share_intent intents[INTENTS];
	u64 boot_id[2];
};
static inline struct vfsd_state *vfsd_state(void) { return state_root(); }

/* ---- store (tree_store.c) ---- */
status_t table_insert(struct hash_table *t, struct hash_record *r, u64 hash) MUST_CHECK; /* NOSPC */
void table_remove(struct hash_table *t, struct hash_record *r);
u64 table_first(struct hash_table *t, u64 hash);   /* offset of the first record of the bucket */
struct tree_object *object_find(u32 fs, u64 ino);
struct tree_object *object_new(const struct tree_object *fresh); /* links are filled in; NULL: no space */
void object_free(struct tree_object *o);           /* out of every list; its entries move with it to the graveyard */
struct tree_entry *entry_find(u32 fs, u64 dir, const char *name, u32 name_size);
struct tree_entry *entry_new(struct tree_object *dir, const char *name, u32 name_size, u64 ino, u8 type, u8 flags);
bool entry_rename(struct tree_entry *e, const char *name, u32 name_size); /* in its directory; false: no room */
void entry_free(struct tree_object *dir, struct tree_entry *e);
bool tree_has_garbage(void);                       /* tree_reclaim has work; state lock held */
struct tree_entry *entry_after(struct tree_object *dir, u64 sequence); /* first with entry->sequence >= sequence */
void entry_hint(struct tree_object *dir, struct tree_entry *e);          /* a listing stopped before e */
void tree_reclaim(void);                           /* a bounded piece of pending clean-up; in each changing request */

/* ---- objects and names (tree_object.c) ---- */
struct tree_dir {
	u32 fs;
	u64 ino;
	struct tree_object *record;      /* may be NULL: unchanged image directory */
	bool has_base;
	struct erofs_inode base;
};
struct tree_name {
	struct tree_entry *entry;        /* private entry or whiteout */
	u64 ino;                         /* 0: no such name */
	u8 type;                         /* DT_* */
	bool in_base;
};
extern struct erofs tree_image;
extern bool tree_has_image;
extern u64 tree_memory_bytes;            /* of the machine: default limits are half of it */
void tree_set_image(const struct erofs *image);

s64 wall_time_ns(void);
void tree_begin(void);                   /* at the start of each changing request, in its transaction */
struct fs_record *fs_get(u32 fs);        /* NULL unless live */
bool tree_is_base(u32 fs, u64 ino);
status_t tree_attributes(u32 fs, u64 ino, struct vfs_attributes *out) MUST_CHECK;
status_t tree_node(u32 fs, u64 ino, struct vfs_node *out) MUST_CHECK;
status_t tree_object(u32 fs, u64 ino, struct tree_object **out) MUST_CHECK; /* record, made from the image if need be */
status_t dir_load(u32 fs, u64 ino, struct tree_dir *out) MUST_CHECK;
status_t dir_record(struct tree_dir *d) MUST_CHECK;
status_t dir_find(struct tree_dir *d, const char *name, u32 name_size,
		  struct tree_name *out) MUST_CHECK; /* OK with ino 0 */
status_t dir_set(struct tree_dir *d, const char *name, u32 name_size, struct tree_name *at, u64 ino,
		 u8 type) MUST_CHECK;
status_t dir_clear(struct tree_dir *d, const char *name, u32 name_size, struct tree_name *at) MUST_CHECK;
bool dir_is_empty(struct tree_dir *d);
s64 dir_parent(u32 fs, u64 ino, u64 *parent) MUST_CHECK;

/* ---- requests (tree_change.c, tree_rename.c, tree_read.c, tree_mount.c) ---- */
struct tree_create {
	u32 fs, mode, uid, gid;
	u64 dir, rdev;
	const char *name, *target;
	u32 name_size, target_size;
};
status_t tree_lookup(u32 fs, u64 dir, const char *name, u32 name_size, struct vfs_node *out) MUST_CHECK;
status_t tree_create(const struct ipc_caller *c, const struct tree_create *r, struct vfs_node *out) MUST_CHECK;
status_t tree_tmpfile(const struct tree_create *r, struct vfs_node *out) MUST_CHECK;
status_t tree_link(u32 fs, u64 dir, const char *name, u32 name_size, u64 ino, struct vfs_attributes *out) MUST_CHECK;
status_t tree_unlink(const struct ipc_caller *c, const struct vfs_name_request *q, const char *name, u32 name_size,
		     bool directory, struct vfs_unlink_reply *out) MUST_CHECK;
status_t tree_rename(const struct ipc_caller *c, const struct vfs_rename_request *q, const char *old_name, u32 old_size,
		     const char *new_name, u32 new_size, struct vfs_rename_reply *out) MUST_CHECK;
status_t tree_setattr(const struct ipc_caller *c, const struct vfs_setattr_request *q,
		      struct vfs_attributes *out) MUST_CHECK;
u32 tree_dos_attributes(const struct tree_object *o);
status_t tree_set_dos_attributes(struct tree_object *o, u32 value) MUST_CHECK;
s64 tree_getxattr(u32 fs, u64 ino, const char *name, u32 name_size, u8 *buf, u32 size);
s64 tree_listxattr(u32 fs, u64 ino, u8 *buf, u32 size);
status_t tree_setxattr(const struct vfs_node_request *q, const char *name, u32 name_size, const void *value,
		       u32 value_size) MUST_CHECK;
status_t tree_removexattr(const struct vfs_node_request *q, const char *name, u32 name_size) MUST_CHECK;
status_t tree_forget(u32 fs, u64 ino) MUST_CHECK;
s64 tree_readdir(u32 fs, u64 dir, u64 offset, u8 *buf, u32 size);
s64 tree_readlink(u32 fs, u64 ino, char *buf, u32 size);
s64 tree_read(u32 fs, u64 ino, u64 offset, u8 *buf, u64 size);
void tree_statfs(u32 fs, struct vfs_statfs_reply *out);
/* kind ROOT, TMPFS or DEVTMPFS; *fs is the new number. INVAL for an unknown option. */
status_t tree_mount(u32 kind, const char *options, u32 *fs) MUST_CHECK;
s64 fs_slot(u32 kind);                   /* a free slot made LIVE, or NOSPC */
status_t tree_unmount(u32 fs) MUST_CHECK;

/* shared by tree_change.c and tree_rename.c */
status_t name_check(const char *name, u32 size) MUST_CHECK;
/* After dir_load, before a change: ROFS, or makes the record. */
status_t dir_change(struct tree_dir *d) MUST_CHECK;
s64 change_time_ns(void); /* one clock reading for each changing request */
bool sticky_refuses(const struct ipc_caller *c, const struct tree_dir *d, const struct tree_object *victim);
void dir_touch(struct tree_dir *d, s32 nlink_change);
void object_unlinked(struct tree_object *o, u32 fewer, bool keep); /* frees the record at 0 unless kept */

/* Appends one vfs_dirent; false when it does not fit. */
bool dirent_put(u8 *buf, u32 size, u32 *used, u64 ino, u64 offset, u8 type, const char *name, u32 name_size);

#endif
