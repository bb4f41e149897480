/* SPDX-License-Identifier: MIT */
/* Shared by the files of kernel/vfs and its Linux rows: node table, name cache, walk sections, routed calls to vfsd. */
#ifndef AMBOS_KERNEL_VFS_INTERNAL_H
#define AMBOS_KERNEL_VFS_INTERNAL_H

#include "../../abi/linux/stat.h"
#include "../../abi/proto/vfs.h"
#include "../../lib/base/string.h"
#include "../include/call.h"
#include "../include/vfs.h"

#define S_ISUID_K 04000u
#define S_ISGID_K 02000u
#define S_ISVTX_K 01000u

#define CAP_CHOWN_K 0
#define CAP_DAC_OVERRIDE_K 1
#define CAP_DAC_READ_SEARCH_K 2
#define CAP_FOWNER_K 3
#define CAP_FSETID_K 4
#define CAP_SYS_CHROOT_K 18
#define CAP_SYS_ADMIN_K 21
#define CAP_MKNOD_K 27

#define MS_RDONLY_K 1u
#define MS_NOSUID_K 2u
#define MS_NODEV_K 4u
#define MS_NOEXEC_K 8u
#define MS_REMOUNT_K 32u
#define MS_NOATIME_K 1024u
#define MS_NODIRATIME_K 2048u
#define MS_BIND_K 4096u
#define MS_REC_K 16384u
#define MS_SILENT_K 32768u
#define MS_PRIVATE_K (1u << 18)
#define MS_RELATIME_K (1u << 21)
#define MS_STRICTATIME_K (1u << 24)

#define AT_FDCWD_K (-100)
#define AT_SYMLINK_NOFOLLOW_K 0x100u
#define AT_REMOVEDIR_K 0x200u
#define AT_EACCESS_K 0x200u
#define AT_SYMLINK_FOLLOW_K 0x400u
#define AT_NO_AUTOMOUNT_K 0x800u
#define AT_EMPTY_PATH_K 0x1000u

#define IN_ACCESS_K 0x1u
#define IN_MODIFY_K 0x2u
#define IN_ATTRIB_K 0x4u
#define IN_CLOSE_WRITE_K 0x8u
#define IN_CLOSE_NOWRITE_K 0x10u
#define IN_OPEN_K 0x20u
#define IN_MOVED_FROM_K 0x40u
#define IN_MOVED_TO_K 0x80u
#define IN_CREATE_K 0x100u
#define IN_DELETE_K 0x200u
#define IN_DELETE_SELF_K 0x400u
#define IN_MOVE_SELF_K 0x800u
#define IN_MOVED_WITHIN_K 0x1000u /* beside MOVED_FROM: a new name in the same directory. Ours, for F_NOTIFY only */
#define IN_UNMOUNT_K 0x2000u
#define IN_ISDIR_K 0x40000000u
#define IN_LINKS_K (1u << 16)          /* ours: told as IN_ATTRIB, but not to the directories that name it */

static inline bool mode_is(u32 mode, u32 type) { return (mode & S_IFMT_K) == type; }
static inline bool node_is_dir(const struct node *n) { return mode_is(n->mode, S_IFDIR_K); }
static inline bool node_is_link(const struct node *n) { return mode_is(n->mode, S_IFLNK_K); }
static inline bool node_is_regular(const struct node *n) { return mode_is(n->mode, S_IFREG_K); }
static inline s64 vfs_now(void) { return (s64)(time_boot_wall_ns() + time_now_ns()); }

/* ---- name.c: cached names ----
 * Fields change only with name_lock held; what a walker may follow is unlinked only inside an exclusion. */
struct name_entry {
	struct name_entry *next;       /* bucket */
	struct node *dir;              /* referenced while child != NULL */
	struct node *child;            /* NULL: negative */
	u64 lease_until_ns;            /* shared mounts; 0 = until revoked */
	struct list_node dir_link;     /* dir->children */
	struct list_node child_link;   /* child->names, or the negative LRU */
	u32 hash;
	u8 hashed;                     /* false: kept only to spell the path of an unlinked open object */
	u8 length;
	char text[];
};
extern u64 mount_changes;               /* [a] counts; mounts_changed is woken after */
extern struct wait_queue mounts_changed;
extern struct spinlock name_lock;      /* RANK_NAME_HASH: node table, names, clock, mounts */
void walk_enter(void);                 /* no sleeping, no put, no name_lock until walk_leave */
void walk_leave(void);
void names_exclude_locked(void);       /* name_lock held: waits until walkers have left, keeps them out */
void names_admit_locked(void);
static inline u32 name_hash_seed(const struct node *dir) { return (u32)((uintptr_t)dir >> 6) * 0x9e3779b1u; }
#define NAME_HASH_STEP(h, c) (((h) ^ (u8)(c)) * 0x01000193u)
static inline u32 name_hash_end(u32 h) { return h ^ (h >> 15); }
u32 name_hash(const struct node *dir, const char *name, u32 length);
struct name_entry *name_probe(const struct node *dir, u32 hash, const char *name, u32 length);
void name_cache_init(void);
/* Dir's mutex held (except FS_NO_NAME_CACHE). child NULL = negative. */
void name_insert(struct node *dir, const char *name, u32 length, struct node *child, u64 lease_ns);
/* Removes the name; an object still in use keeps the entry as its (deleted) path when keep_path. */
void name_remove(struct node *dir, const char *name, u32 length, bool keep_path);
void name_move(struct node *old_dir, const char *old_name, struct node *new_dir, const char *new_name, bool exchange);
void names_revoke_node(struct node *n);    /* all names that lead to n are asked again */
#define STALE_RETRIES 4u                   /* a name that led to a vanished object is asked again this often */
void names_drop_unhashed(struct node *n);  /* paths kept for an object that still has other names */
void names_drop_of_node_excluded(struct node *n, struct list_node *dead);
void names_drop_children_excluded(struct node *dir, struct list_node *dead, bool all);
void name_entries_free(struct list_node *dead);
/* why a look-up leaves the kernel */
enum hop_cause name_miss_cause(const struct node *dir, const char *name, u32 length);
void name_mark_revoked(const struct node *dir, const char *name, u32 length);

/* ---- node.c ---- */
void node_table_init(void);
/* New or known node for a lease, referenced; NULL = no memory. */
struct node *node_from_lease(struct filesystem *fs, const struct vfs_node *lease);
struct node *node_create_anonymous(struct filesystem *fs, u32 mode, u32 uid, u32 gid);
struct node *node_find(u32 fs_id, u64 cookie);
void node_renew_locked(struct node *n, const struct vfs_node *lease); /* n->lock held */
void node_apply_attributes(struct node *n, const struct vfs_attributes *a);
bool node_pinned(const struct node *n);
void node_set_unlinked(struct node *n, u32 nlink, bool kept);
u32 nodes_purge(struct filesystem *fs);     /* after unmount: frees what is idle; returns how many nodes remain */
struct node *node_next(struct node *after); /* iteration for sync: referenced; puts `after` */

/* ---- data.c ---- */
extern const struct memobj_ops node_local_ops, node_filled_ops; /* holes are zero; pages come from vfsd */
status_t node_write_back(struct node *n);           /* shared mounts: dirty pages to vfsd */
status_t node_truncate(struct node *n, u64 size);   /* node->lock held */
u64 node_blocks_512(const struct node *n);
void node_times_written(struct node *n);
void node_clear_setid(struct node *n);
bool fs_has_space(struct filesystem *fs, u64 pages);

/* ---- lookup.c ---- */
s64 vfs_call(u32 op, enum hop_cause cause, const void *args, u32 args_size, void *reply, u32 reply_size,
	     const char *payload, u32 payload_size);
s64 vfs_call_data(u32 op, enum hop_cause cause, const void *args, u32 args_size, void *buf, u32 capacity,
		  const char *payload, u32 payload_size); /* length of the reply payload */
enum hop_cause fs_cause(const struct filesystem *fs, enum hop_cause otherwise);
status_t name_lookup(struct node *dir, const char *name, u32 length, struct node **child);        /* takes dir->lock */
status_t name_lookup_locked(struct node *dir, const char *name, u32 length, struct node **child); /* dir->lock held */
s64 node_read_link(struct node *n, char *buf, size_t size); /* length; never cached for FS_NO_DATA_CACHE */
status_t node_refresh(struct node *n);                      /* GETATTR when the lease is over */
status_t node_reopen(struct node *n, u32 flags);            /* OPEN: close-to-open revalidation */
static inline bool node_needs_refresh(const struct node *n)
{
	return (n->flags & NODE_STALE) || (n->lease_until_ns && n->lease_until_ns < time_now_ns());
}
status_t magic_link_follow(struct node *link, struct position *at, struct file **file, bool *magic);

/* ---- mount.c ---- */
extern struct mount *root_mount;
void vfs_init(void);                   /* harmless when done */
struct mount *mount_on_locked(struct mount *parent, struct node *mountpoint); /* in a walk section or under name_lock */
static inline bool mount_read_only(const struct mount *m)
{
	return (m->flags & MS_RDONLY_K) || (m->fs->flags & FS_READ_ONLY);
}
struct filesystem *anonymous_fs(void);
struct mount *anonymous_mount(void);
status_t vfs_mount_new(const char *type, const char *source, const char *options, u32 flags, struct position on);
status_t vfs_mount_bind(struct position from, struct position on);
status_t vfs_remount(struct position at, u32 flags);
status_t vfs_unmount(struct position at, u32 flags);
bool node_is_mountpoint(struct node *n);
struct mount *mount_next(struct mount *after); /* iteration: referenced; puts `after` */
void vfs_sync_all(void);
void fs_context_set(struct fs_context *c, struct position at, bool root);
extern struct mutex namespace_mutex;

/* ---- attr.c ---- */
struct attr_change {
	u32 valid;                     /* VFS_SET_* */
	u32 mode, uid, gid;
	u32 dos_attributes;            /* VFS_DOS_* */
	s64 atime_ns, mtime_ns, ctime_ns, btime_ns; /* without VFS_SET_CTIME the change time is now */
	bool times_to_now;             /* both times NULL or UTIME_NOW: write permission is enough */
	bool owner_call;               /* chown: takes set-id bits away even when it names nobody */
};
status_t position_change(struct position at, const struct attr_change *c);
status_t own_attributes_change(struct own_attributes *own, const struct attr_change *change);
status_t position_truncate(struct position at, u64 size);
void node_touch_atime(struct mount *m, struct node *n);
status_t node_sticky_check(struct node *dir, struct node *victim, const struct cred *c);
status_t position_access(struct position at, u32 want_rwx, const struct cred *c);
bool cred_owns(const struct cred *c, const struct node *n);

/* ---- change.c ---- */
struct create_args { u32 mode; u64 rdev; const char *target; };
/* at = parent, last = name. Mode is final (umask applied). EXIST when the name is there. */
status_t vfs_create_at(struct position parent, const char *name, u32 length, const struct create_args *a,
		struct node **out);
void inherit_group(const struct node *dir, u32 *mode, u32 *gid);
u32 mode_of_new(const struct node *dir, u32 asked);
status_t vfs_unlink_at(struct position parent, const char *name, u32 length, bool directory);
/* Its directory (referenced) and name; NOENT for a root. */
status_t position_name(struct position at, struct node **dir, char name[NAME_MAX_BYTES + 1]);
status_t position_unlink(struct position at); /* by the name it is known by: NT's delete on close */
status_t vfs_rename_at(const struct walk_result *from, const struct walk_result *to, u32 flags);
status_t vfs_link_at(struct position object, const struct walk_result *to);
status_t directory_writable(struct position dir);
void directory_changed_locked(struct node *dir);

/* ---- open.c, regular.c, directory.c, direct.c ---- */
extern const struct file_ops regular_ops, directory_ops, path_ops, direct_ops, mounts_ops;
status_t vfs_open_resolve(int dirfd, const char *path, u32 flags, u32 mode, u32 resolve, struct file **out);
struct file *mounts_file_watch(struct file *f); /* of mounts_ops: from now on; NULL (f is put): no memory */
status_t open_position(struct position at, u32 flags, bool created, struct file **out);
status_t vfs_tmpfile(struct position dir, u32 mode, struct node **out);
void listing_drop(struct node *dir);
status_t node_file_stat(struct file *f, struct attributes *out);
void node_file_release(struct file *f);
void node_file_close(struct file *f, struct fdtable *t);
status_t process_memory_attach(struct file *f, u32 tid) MUST_CHECK; /* process_memory.c: a half-made file becomes /proc/PID/mem */
status_t node_writer_begin(struct node *n) MUST_CHECK; /* TXTBSY while it is executed; nobody executes it until the end */
void node_writer_end(struct node *n);
#define FILE_EXEC_HELD 1u              /* node_file->flags: counts in node->exec_count */

/* ---- watch.c ---- */
void node_watches_free(struct node *n);
void watches_unmount(const struct filesystem *fs); /* tells and ends the watches of what is in it */
extern u32 watch_count;                /* [a] no watch anywhere: notify is one load */
#define NOTIFY(n, mask, name, cookie) do { if (unlikely(watch_count)) node_notify((n), (mask), (name), \
	(cookie)); } while (0)
/* It lost a name or was closed: IN_DELETE_SELF when that was the last of both. */
#define NOTIFY_IF_GONE(n) do { if (unlikely(watch_count) && !(n)->nlink && !(n)->open_count) node_notify((n), \
	IN_DELETE_SELF_K, NULL, 0); } while (0)

/* Credentials of the caller; NULL inside the kernel itself: everything is allowed. */
static inline const struct cred *current_cred(void)
{
	return thread_current()->process ? thread_current()->cred : NULL;
}

#endif
