/* SPDX-License-Identifier: MIT */
/* One file interface for pipe, node, socket, event, tty: local object and routed service look alike. */
#ifndef AMBOS_KERNEL_FILE_H
#define AMBOS_KERNEL_FILE_H

#include "process.h"

struct file;
struct node;
struct poll_table;

/* Linux stat in kernel form; filled by file_ops.stat and node code. Times in ns since the epoch. */
struct attributes {
	u64 dev, ino;
	u32 mode, nlink, uid, gid;
	u64 rdev, size, blocks_512;
	u32 block_size;
	s64 atime_ns, mtime_ns, ctime_ns, btime_ns;
};

#define POLL_IN 0x001
#define POLL_PRI 0x002
#define POLL_OUT 0x004
#define POLL_ERR 0x008
#define POLL_HUP 0x010
#define POLL_RDNORM 0x040
#define POLL_WRNORM 0x100
#define POLL_RDHUP 0x2000

/* All optional; a missing one gives the errno in brackets. Offsets: `pos` NULL means "no position" (pread on a pipe
 * is refused before); for seekable files the caller passes &file->pos under pos_lock or a private copy. */
struct file_ops {
	const char *name;
	s64 (*read)(struct file *f, struct io_buf *to, u64 *pos);            /* [INVAL] */
	s64 (*write)(struct file *f, struct io_buf *from, u64 *pos);         /* [INVAL] */
	s64 (*seek)(struct file *f, s64 offset, int whence);                 /* [SPIPE] */
	/* Current readiness; when `table` is not NULL first registers on the file's wait queues (poll_wait). */
	u32 (*poll)(struct file *f, struct poll_table *table);               /* [always IN|OUT] */
	s64 (*ioctl)(struct file *f, u32 command, u64 arg);                  /* [NOTTY] */
	status_t (*map)(struct file *f, struct map_request *r);              /* sets r->obj (referenced) [NODEV] */
	status_t (*stat)(struct file *f, struct attributes *out);            /* [anonymous-inode attributes] */
	status_t (*sync)(struct file *f, bool data_only);                    /* [INVAL] */
	status_t (*truncate)(struct file *f, u64 size);                      /* [INVAL] */
	status_t (*fallocate)(struct file *f, u32 mode, u64 offset, u64 len);/* [OPNOTSUPP] */
	s64 (*readdir)(struct file *f, struct io_buf *to, bool old_format);  /* [NOTDIR] */
	status_t (*set_flags)(struct file *f, u32 flags);                    /* O_APPEND, O_NONBLOCK change; [accept] */
	void (*close)(struct file *f, struct fdtable *table);                /* each fd close: posix locks, mq; [nothing] */
	void (*release)(struct file *f);                                     /* last reference */
};
/* Locks: [p] pos_lock, [a] atomic, [I] immutable. */
struct file {
	u32 refs;                    /* [a] */
	u32 flags;                   /* [a] O_* status flags and access mode, as Linux has them */
	const struct file_ops *ops;  /* [I] */
	void *object;                /* [I] pipe, socket, ... */
	struct position where;       /* [I] for nodes and devices opened by name; may be empty */
	struct mutex pos_lock;
	u64 pos;                     /* [p] */
	void *private_data;          /* owner: ops */
	struct list_node epoll_links;/* epoll items watching this file */
	u32 owner_pid; s32 owner_signal; /* F_SETOWN, F_SETSIG */
	u64 dir_cookie_unused;
	struct cred *cred;           /* of the opener */
};
#define FILE_CAN_READ(f) (((f)->flags & 3) != 1 && !((f)->flags & O_PATH_K))
#define FILE_CAN_WRITE(f) (((f)->flags & 3) != 0 && !((f)->flags & O_PATH_K))
#define O_ACCMODE_K 3
#define O_CREAT_K 0100
#define O_EXCL_K 0200
#define O_NOCTTY_K 0400
#define O_TRUNC_K 01000
#define O_APPEND_K 02000
#define O_NONBLOCK_K 04000
#define O_DSYNC_K 010000
#define O_DIRECT_K 040000
#define O_LARGEFILE_K 0100000
#define O_DIRECTORY_K 0200000
#define O_NOFOLLOW_K 0400000
#define O_NOATIME_K 01000000
#define O_CLOEXEC_K 02000000
#define O_SYNC_K 04010000
#define O_PATH_K 010000000
#define O_TMPFILE_K 020200000

struct file *file_create(const struct file_ops *ops, void *object, u32 flags); /* refs 1; NULL = no memory */
static inline void file_get(struct file *f) { __atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED); }
void file_put(struct file *f);
/* Generic entry points used by handlers: mode checks, pos_lock, O_APPEND. */
s64 file_read(struct file *f, struct io_buf *to);
s64 file_write(struct file *f, struct io_buf *from);
s64 file_pread(struct file *f, struct io_buf *to, u64 pos);
s64 file_pwrite(struct file *f, struct io_buf *from, u64 pos);
u32 file_poll(struct file *f, struct poll_table *table);
status_t file_stat(struct file *f, struct attributes *out);

/* poll_wait registers the table's waiter on a queue; select, poll and epoll bring their own `add`. */
struct poll_table {
	status_t (*add)(struct poll_table *t, struct wait_queue *q);
	u32 mask; /* events of interest */
};
static inline void poll_wait(struct poll_table *t, struct wait_queue *q)
{
	if (t && t->add(t, q)) { /* out of memory: the poller sees it as ready and asks again */ }
}

/* Descriptor tables. */
#define FD_CLOEXEC_K 1
struct fdtable *fdtable_create(void);
struct fdtable *fdtable_clone(struct fdtable *from);      /* fork; NULL = no memory */
void fdtable_get(struct fdtable *t);
void fdtable_put(struct fdtable *t);                      /* closes all at the last reference */
void fdtable_close_on_exec(struct fdtable *t);
struct fdtable *fdtable_unshare(struct fdtable *t);       /* own copy when shared (exec) */
struct file *fd_get(int fd);                              /* current thread; referenced, or NULL (BADF). O_PATH too */
struct file *fdtable_get_file(struct fdtable *t, int fd);
/* Lowest free number >= min, below RLIMIT_NOFILE; takes over the reference on success. fd or error. */
int fdtable_install(struct fdtable *t, struct file *f, int min, u32 fd_flags) MUST_CHECK;
status_t fdtable_install_at(struct fdtable *t, int fd, struct file *f, u32 fd_flags) MUST_CHECK; /* closes what was there */
status_t fdtable_close(struct fdtable *t, int fd);
/* First open fd >= from, or -1 (for /proc/pid/fd). */
int fdtable_next(struct fdtable *t, int from);
u32 fdtable_count(struct fdtable *t);

/* Objects that other parts create. */
status_t pipe_create(struct file **read_end, struct file **write_end, u32 flags) MUST_CHECK;
struct file *pipe_open_fifo(struct node *n, u32 flags, status_t *st); /* FIFO node; pipe hangs off the node */
/* Character devices by number: table in object/chardev.c (mem, tty, ptmx, console). */
status_t chardev_open(u64 rdev, struct file *f) MUST_CHECK; /* sets ops and object of a half-made file */
status_t socket_bind_node(struct file *socket, struct node *n); /* AF_UNIX name = node, see vfs.h */
struct file *socket_of_node(struct node *n);
/* Master and slave of a new pty pair; slave number for /dev/pts. */
status_t pty_create(struct file **master, u32 *number) MUST_CHECK;
struct file *pty_open_slave(u32 number, u32 flags, status_t *st);
bool pty_exists(u32 number, struct attributes *out);

#endif
