/* SPDX-License-Identifier: MIT */
/* The file tree as the kernel remembers it: nodes, names and mounts are leases given by vfsd
 * (abi/proto/vfs.def). A hit never leaves the kernel; a miss is a routed call. */
#ifndef AMBOS_KERNEL_VFS_H
#define AMBOS_KERNEL_VFS_H

#include "file.h"

struct watch;
struct lock_table;

/* Locks: [n] lock (mutex), [s] spin, [h] name-hash lock (kernel/vfs/name.c), [a] atomic, [I] immutable.
 * Cached names hold a reference on their directory and none on the node they lead to: an unreferenced
 * node stays cached until the clock takes it, unless it is pinned (node.c). */
struct node {
	u32 refs;                     /* [a] */
	u32 flags;                    /* [s] NODE_* */
	struct filesystem *fs;        /* [I] */
	u64 cookie;                   /* [I] vfsd's name for it: with fs the identity */
	u64 ino;                      /* [I] st_ino */
	u32 mode, nlink, uid, gid;    /* [s] mode includes the type */
	u64 rdev;                     /* [I] */
	u32 dos_attributes;           /* [s] VFS_DOS_* */
	s64 atime_ns, mtime_ns, ctime_ns, btime_ns; /* [s] */
	struct mutex lock;            /* data writes, truncate; for a directory: its names (RANK_DIR_MUTEX) */
	struct spinlock spin;         /* RANK_NODE */
	struct memobj *data;          /* [I once set] regular files: page cache; size is data->size */
	char *symlink;                /* [I once set] cached target */
	void *object;                 /* [n] FIFO's pipe, bound socket */
	struct list_node hash_link;   /* [h] (fs, cookie) table */
	struct node *parent;          /* [h] directories: where `..` leads, referenced; NULL for a root */
	struct list_node names;       /* [h] names that lead here */
	struct list_node children;    /* [h] cached names below this directory */
	struct mount *mounted;        /* [h] mount whose mountpoint this is, hint */
	void *listing;                /* [n] cached directory listing */
	u64 plain_size;               /* st_size of what has no data object here: directories, links, devices */
	u64 host_blocks;              /* shared mounts: st_blocks as told */
	u64 version;                  /* [s] bumped by each data write or truncate: image caches key on it */
	u64 lease_until_ns;           /* [s] shared mounts: attributes valid until */
	struct lock_table *locks;     /* posix and flock records (vfs/lock.c) */
	struct watch *watches;        /* inotify, NT change notification: the one change-event hook (vfs/watch.c) */
	u32 dirty_pages;              /* [a] shared mounts: since the last write-back */
	u64 fill_next;                /* page after the last fill, for read-ahead */
	u64 fill_end;                 /* [n] bytes that vfsd can still give; shrinks on truncate, beyond are zeros */
	u32 open_count, write_count, exec_count; /* [s] open files; writers; images mapped for execution (TXTBSY) */
	struct nt_share *share;       /* [s] share modes of NT opens; NULL: none is open */
	struct list_node lru;         /* [h] clock */
	u32 seals;                    /* [n] memory files: SEAL_*_K */
	u8 used;                      /* touched since the clock passed; plain stores by walkers */
	u8 was_listed;                /* [n] had a listing before: the next fetch is HOP_CHANGED */
};
enum seal { /* fcntl F_ADD_SEALS */
	SEAL_SEAL_K = 1, SEAL_SHRINK_K = 2, SEAL_GROW_K = 4, SEAL_WRITE_K = 8, SEAL_FUTURE_WRITE_K = 16, SEAL_ALL_K = 31,
};
enum node_flag {
	NODE_UNLINKED = 1,            /* no name left: finished at the last reference */
	NODE_PRIVATE_DATA = 2,        /* the only copy of its pages is here: pinned while linked */
	NODE_ATTR_DIRTY = 4,          /* times newer than vfsd's */
	NODE_SIZE_DIRTY = 8,
	NODE_KEPT = 16,               /* unlinked with VFS_UNLINK_KEEP: VFS_FORGET is due */
	NODE_STALE = 32,              /* revoked: attributes are asked again */
	NODE_TRANSIENT = 256,         /* of a file system without name cache: goes with its last reference */
	NODE_NO_XATTR = 128,          /* asked once: there are none */
	NODE_SHOWS_MOUNTS = 512,      /* rendered; poll tells when the mounts have changed */
	NODE_LINKABLE = 64,           /* O_TMPFILE without O_EXCL: linkat may give it a name */
};

/* Where a mounted tree comes from. Shared by bind mounts of it. */
struct filesystem {
	u32 refs;
	u32 id;                       /* vfsd's number, used in every call */
	u64 dev;                      /* st_dev */
	u32 flags;                    /* FS_* of abi/proto/vfs.h */
	char type[16];
	u64 magic;                    /* statfs f_type */
	struct node *root;
	struct account *account;      /* charged for private data */
};
struct mount {
	u32 refs;
	struct filesystem *fs;
	struct node *root;            /* root of the mounted (sub)tree */
	struct mount *parent;         /* NULL for the root mount */
	struct node *mountpoint;      /* in parent */
	u32 flags;                    /* MS_RDONLY, NOSUID, NOEXEC, NODEV, NOATIME as mount(2) */
	u32 id;
	char source[64];
	struct list_node link, hash_link;
};
static inline void node_get(struct node *n) { __atomic_add_fetch(&n->refs, 1, __ATOMIC_RELAXED); }
void node_put(struct node *n);
static inline void mount_get(struct mount *m) { __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED); }
void mount_put(struct mount *m);
static inline void position_get(struct position p) { mount_get(p.mount); node_get(p.node); }
static inline void position_put(struct position p) { if (p.node) { node_put(p.node); mount_put(p.mount); } }

enum walk_flags {
	WALK_FOLLOW = 1,              /* follow a final symlink */
	WALK_PARENT = 2,              /* stop at the parent; the last component is left in result->last */
	WALK_DIRECTORY = 4,           /* result must be a directory */
	WALK_NO_SYMLINKS = 8, WALK_BENEATH = 16, WALK_IN_ROOT = 32, WALK_NO_XDEV = 64, WALK_NO_MAGIC = 128, /* openat2 */
	WALK_EMPTY_PATH = 256,        /* AT_EMPTY_PATH */
	WALK_FILE = 512,              /* an object without a position (pipe behind a magic link) comes in result->file */
	WALK_CREATE = 1024,           /* a missing last component is no error: result->missing, at = parent, last set */
};
#define NAME_MAX_BYTES 255
#define PATH_MAX_BYTES 4096
struct walk_result {
	struct position at;           /* the object, or the parent with WALK_PARENT; referenced */
	char last[NAME_MAX_BYTES + 1];
	u32 last_length;
	bool trailing_slash;
	bool missing;                 /* WALK_CREATE */
	struct file *file;            /* WALK_FILE: referenced, `at` is empty */
};
void walk_result_put(struct walk_result *r);
/* Walks `path` (kernel string) from dirfd (AT_FDCWD) with the current thread's root, cwd and credentials. */
status_t path_walk(int dirfd, const char *path, u32 flags, struct walk_result *out) MUST_CHECK;
/* Copies the path in; *path is a pooled buffer of PATH_MAX_BYTES, free with path_free. */
status_t path_copy_in(struct user_ptr p, char **path) MUST_CHECK;
void path_free(char *path);
/* Opens with full openat semantics (create, truncate, FIFOs, devices). Referenced file. */
status_t vfs_open(int dirfd, const char *path, u32 flags, u32 mode, struct file **out) MUST_CHECK;
/* Opens for execve: regular, x permission, mount not noexec. */
status_t vfs_open_exec(int dirfd, const char *path, u32 at_flags, struct file **out) MUST_CHECK;
/* Path of a position as seen from `root`: "/a/b", "(unreachable)/x", " (deleted)" suffix. Length or error. */
struct position fs_root(struct fs_context *c);  /* unreferenced; the global root when the context has none */
struct position fs_cwd(struct fs_context *c);
s64 vfs_path_of(struct position at, struct position root, char *buf, size_t size);
status_t node_permission(struct node *n, u32 want_rwx, const struct cred *c) MUST_CHECK; /* R 4, W 2, X 1 */
u32 vfs_process_directory(struct node *n); /* the process whose /proc/PID this is, or 0 */
void node_attributes(struct node *n, struct attributes *out);
status_t vfs_mknod_socket(int dirfd, const char *path, struct node **out); /* bind(2) of AF_UNIX */
status_t vfs_lookup_socket(const char *path, struct node **out);           /* connect(2): write permission checked */
/* An unlinked regular file on the anonymous tmpfs (memfd, shared anonymous memory with a name). */
struct file *vfs_anonymous_file(const char *name, u32 flags);
struct fs_context *fs_context_clone(struct fs_context *from);
void fs_context_put(struct fs_context *c);
struct fs_context *fs_context_initial(void); /* "/" of the root mount */
status_t vfs_init_root(void);                /* asks vfsd for the root mount; called when vfsd is up */
bool vfs_has_root(void);
/* Gives up to `count` idle nodes back under memory pressure; may sleep. Returns how many. */
u32 vfs_reclaim(u32 count);
/* fcntl F_GETLK, F_SETLK, F_SETLKW and the F_OFD_ forms; flock(2) operations. */
s64 file_lock_fcntl(struct file *f, int command, struct user_ptr flock);
s64 file_flock(struct file *f, int operation);
/* Ends what F_NOTIFY of a table (NULL: of any) asked for. */
void dnotify_drop(struct file *f, const struct fdtable *by);
/* Releases the record locks of a table on close; with owner NULL those of the open file, at its end. */
void file_locks_drop(struct file *f, struct fdtable *owner);
static inline bool file_has_locks(const struct file *f)
{
	return unlikely(f->locks || (f->where.node && f->where.node->locks)); /* a terminal may get its node late */
}
s64 vfs_syncfs(struct file *f);
s64 file_seals(struct file *f, int command, u64 seals);
/* The one change-event hook: IN_* mask on the node; `name` when the event is about an entry of directory n. */
/* A name in `dir` that equals `name` but for case: its exact text into `found` (NAME_MAX_BYTES + 1). NOENT: none. */
status_t directory_find_folded(struct node *dir, const char *name, u32 length, char *found) MUST_CHECK;
void node_notify(struct node *n, u32 mask, const char *name, u32 cookie);
/* Text of /proc/<pid>/mounts for `root`; bytes written. */
size_t vfs_mounts_text(struct position root, char *buf, size_t size);
/* vfsd (through SYS_AMBOS_VFS_BROKER) revokes: flags of VFS_REVOKE_* in abi/proto/vfs.h. */
status_t vfs_revoke(u32 fs_id, u64 dir_cookie, const char *name, u32 flags);

#endif
