/* SPDX-License-Identifier: MIT */
/* One file interface for pipe, node, socket, event, tty: local object and routed service look alike. */
#ifndef AMBOS_KERNEL_FILE_H
#define AMBOS_KERNEL_FILE_H

#include "process.h"

struct file;
struct node;
struct poll_table;
struct text;

/* Linux stat in kernel form; filled by file_ops.stat and node code. Times in ns since the epoch. */
struct attributes {
	u64 dev, ino;
	u32 mode, nlink, uid, gid;
	u64 rdev, size, blocks_512;
	u32 block_size;
	s64 atime_ns, mtime_ns, ctime_ns, btime_ns;
	u32 dos_attributes;          /* VFS_DOS_* */
};

#define POLL_IN 0x001
#define POLL_PRI 0x002
#define POLL_OUT 0x004
#define POLL_ERR 0x008
#define POLL_HUP 0x010
#define POLL_RDNORM 0x040
#define POLL_WRNORM 0x100
#define POLL_RDHUP 0x2000

/* What fchmod, fchown and futimens change of a pipe or socket, which have no node. */
struct own_attributes { u32 mode, uid, gid; s64 atime_ns, mtime_ns, ctime_ns; };

/* All optional; a missing one gives the errno in brackets. Offsets: `pos` NULL means "no position" (pread on a pipe
 * is refused before); for seekable files the caller passes &file->pos under pos_lock or a private copy. */
struct file_ops {
	const char *name;
	s64 (*read)(struct file *f, struct io_buf *to, u64 *pos);            /* [INVAL] */
	s64 (*write)(struct file *f, struct io_buf *from, u64 *pos);         /* [INVAL] */
	s64 (*seek)(struct file *f, s64 offset, int whence);                 /* [SPIPE] */
	/* Current readiness; when `table` is not NULL first registers on the file's wait queues (poll_wait). */
	/* Must not sleep; may take spinlocks of RANK_OBJECT and above; at most two queues per file, which live as long
	 * as the file does (epoll keeps waiters on them). */
	u32 (*poll)(struct file *f, struct poll_table *table);               /* [always IN|OUT] */
	s64 (*ioctl)(struct file *f, u32 command, u64 arg);                  /* [NOTTY] */
	status_t (*map)(struct file *f, struct map_request *r);              /* sets r->obj (referenced) [NODEV] */
	status_t (*stat)(struct file *f, struct attributes *out);            /* [anonymous-inode attributes] */
	struct own_attributes *(*attributes)(struct file *f);                /* NULL: it has a node [cannot be changed] */
	status_t (*sync)(struct file *f, bool data_only);                    /* [INVAL] */
	status_t (*truncate)(struct file *f, u64 size);                      /* [INVAL] */
	status_t (*fallocate)(struct file *f, u32 mode, u64 offset, u64 len);/* [OPNOTSUPP] */
	s64 (*readdir)(struct file *f, struct io_buf *to, bool old_format);  /* [NOTDIR] */
	status_t (*set_flags)(struct file *f, u32 flags);                    /* O_APPEND, O_NONBLOCK change; [accept] */
	void (*close)(struct file *f, struct fdtable *table);                /* each fd close: posix locks, mq; [nothing] */
	void (*release)(struct file *f);                                     /* last reference */
	void (*info)(struct file *f, struct text *w);                        /* lines of /proc/pid/fdinfo/N; [none] */
	struct nt_dispatcher *(*dispatcher)(struct file *f);                 /* NT waits (nt.h) [by poll] */
	u32 nt_type;                                                         /* enum nt_type; 0: a file */
	bool signals_io;                                                     /* O_ASYNC: readiness sends SIGIO */
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
	struct lock_table *locks;    /* record locks while it has no node (vfs/lock.c) */
	struct file_owner *owner;    /* [a] F_SETOWN, F_SETSIG, O_ASYNC (object/async.c) */
	u64 ino;                     /* [I] of files without a node: shown by fstat and /proc/pid/fd */
	struct cred *cred;           /* of the opener */
	struct nt_open *nt_open;     /* [I] what NtCreateFile opened it with (kernel/nt/file.h); NULL: opened by others */
	struct nt_name *nt_name;     /* kernel/nt/name.c: place in the object tree */
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
#define O_ASYNC_K 020000
#define O_DIRECT_K 040000
#define O_LARGEFILE_K 0100000
#define O_DIRECTORY_K 0200000
#define O_NOFOLLOW_K 0400000
#define O_NOATIME_K 01000000
#define O_CLOEXEC_K 02000000
#define O_SYNC_K 04010000
#define O_PATH_K 010000000
#define O_TMPFILE_K 020200000

/* A call for another kind of file: an O_PATH descriptor counts as none at all, open(2). */
static inline status_t file_wrong_kind(const struct file *f) { return f->flags & O_PATH_K ? ERR_BADF : ERR_INVAL; }
struct file *file_create(const struct file_ops *ops, void *object, u32 flags); /* refs 1; NULL = no memory */
static inline void file_get(struct file *f) { __atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED); }
void file_release(struct file *f);                                             /* refs reached 0: only file_put */
static inline void file_put(struct file *f)
{
	if (__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) == 0)
		file_release(f);
}
u64 file_new_ino(void);                                                        /* for anonymous objects */
s64 file_describe(struct file *f, char *buf, size_t size);                     /* "pipe:[7]": link text without a node */
void sockets_text(bool (*add)(void *arg, const char *line, u64 length), void *arg); /* /proc/net/unix */
/* Generic entry points used by handlers: mode checks, pos_lock, O_APPEND. */
s64 file_read(struct file *f, struct io_buf *to);
s64 file_write(struct file *f, struct io_buf *from);
s64 file_pread(struct file *f, struct io_buf *to, u64 pos);
s64 file_pwrite(struct file *f, struct io_buf *from, u64 pos);
u32 file_poll(struct file *f, struct poll_table *table);
status_t file_stat(struct file *f, struct attributes *out);
struct own_attributes own_attributes_new(u32 mode);   /* of the current thread, now */
void own_attributes_stat(const struct own_attributes *own, struct attributes *out); /* into what it has */
s64 file_broken_pipe(void);                         /* SIGPIPE to the caller; ERR_PIPE */
status_t file_check_size_limit(u64 size);           /* RLIMIT_FSIZE for truncate and allocate: SIGXFSZ and ERR_FBIG */
s64 file_fcntl_flags(struct file *f, u32 flags);    /* F_SETFL */
s64 file_ioctl(struct file *f, u32 command, u64 arg); /* generic commands, then the file's own */

/* poll_wait registers the table's waiter on a queue; select, poll and epoll bring their own `add`. */
struct poll_table {
	status_t (*add)(struct poll_table *t, struct wait_queue *q);
	u32 mask; /* events of interest */
	bool long_lived; /* epoll: the waiters outlive the call, so queues of the calling process must not be used */
};
static inline void poll_wait(struct poll_table *t, struct wait_queue *q)
{
	if (t && t->add(t, q)) { /* out of memory: the poller sees it as ready and asks again */ }
}

/* Descriptor tables. */
#define FD_CLOEXEC_K 1
#define FDTABLE_INLINE 64        /* one word of bits; most programs never grow */
#define FDTABLE_MAX 262144       /* 2 MiB of slots, one kmalloc; RLIMIT_NOFILE may not ask for more */
/* Locks: [l] lock; a table with refs == 1 is changed only by its one thread, which may look up without the lock.
 * Whoever else wants to look inside takes a reference first and then the lock. */
struct fdtable {
	u32 refs;                /* [a] */
	struct spinlock lock;    /* RANK_FDTABLE */
	u32 capacity;            /* [l] slots, multiple of 64 */
	u32 first_free_word;     /* [l] no free slot below this word of open_bits */
	u32 count;               /* [l] open descriptors */
	struct file **files;     /* [l] */
	u64 *open_bits, *cloexec_bits; /* [l] */
	u32 *access;             /* [l] per slot, FD_ACCESS_*; NULL until a Windows program sets one */
	struct file *inline_files[FDTABLE_INLINE];
	u64 inline_open, inline_cloexec;
};
struct file *fd_borrow_slow(struct fdtable *t, int fd);
/* The file of `fd` for the length of one call; `*held` says whether fd_return has a reference to drop. A lone thread
 * needs none: nobody else can close its descriptors. NULL: BADF. O_PATH files too. */
static inline struct file *fd_borrow(int fd, bool *held)
{
	struct fdtable *t = thread_current()->fds;
	if (likely(__atomic_load_n(&t->refs, __ATOMIC_RELAXED) == 1)) {
		*held = false;
		return (u32)fd < t->capacity ? t->files[fd] : NULL;
	}
	*held = true;
	return fd_borrow_slow(t, fd);
}
static inline void fd_return(struct file *f, bool held)
{
	if (held)
		file_put(f);
}
struct fdtable *fdtable_create(void);
struct fdtable *fdtable_clone(struct fdtable *from);      /* fork; NULL = no memory */
void fdtable_get(struct fdtable *t);
void fdtable_put(struct fdtable *t);                      /* closes all at the last reference */
void fdtable_close_on_exec(struct fdtable *t);
status_t fdtable_unshare(void) MUST_CHECK;                /* the current thread gets its own copy when it shares; NOMEM */
struct file *fd_get(int fd);                              /* current thread; referenced, or NULL (BADF). O_PATH too */
struct file *fdtable_get_file(struct fdtable *t, int fd);
/* Lowest free number >= min, below RLIMIT_NOFILE; takes over the reference on success. fd or error. */
int fdtable_install(struct fdtable *t, struct file *f, int min, u32 fd_flags) MUST_CHECK;
status_t fdtable_install_at(struct fdtable *t, int fd, struct file *f, u32 fd_flags) MUST_CHECK; /* closes what was there */
status_t fdtable_close(struct fdtable *t, int fd);
/* Granted access of an NT handle beside its slot; 0: none was set (the file's own mode counts). ERR_NOMEM, ERR_BADF. */
#define FD_ACCESS_SET 0x80000000u
#define FD_ACCESS_PROTECTED 0x40000000u /* from close */
status_t fdtable_set_access(struct fdtable *t, int fd, u32 access) MUST_CHECK;
struct file *fdtable_get_access(struct fdtable *t, int fd, u32 *access, bool *inherit); /* referenced, or NULL */
status_t fdtable_set_flags(struct fdtable *t, int fd, u32 fd_flags) MUST_CHECK;
s64 fdtable_get_flags(struct fdtable *t, int fd);
status_t fdtable_close_range(struct fdtable *t, u32 first, u32 last, bool only_mark_cloexec);
/* First open fd >= from, or -1 (for /proc/pid/fd). */
int fdtable_next(struct fdtable *t, int from);
u32 fdtable_count(struct fdtable *t);

/* Objects that other parts create. */
status_t pipe_create(struct file **read_end, struct file **write_end, u32 flags) MUST_CHECK;
struct file *pipe_open_fifo(struct node *n, u32 flags, status_t *st); /* FIFO node; pipe hangs off the node */
/* Character devices by number: table in object/chardev.c (mem, tty, ptmx, console). */
status_t chardev_open(u64 rdev, struct file *f) MUST_CHECK; /* sets ops and object of a half-made file */
/* For services: bytes between a pipe or file and kernel memory go through file_read/file_write. */
u32 pipe_bytes(struct file *f);                                  /* readable now */
bool pipe_has_writers(struct file *f);
s64 pipe_peek(struct file *f, void *buf, size_t size);           /* copies without consuming (tee); waits for a first byte or the end */
s64 pipe_peek_now(struct file *f, void *buf, size_t size);       /* the same without waiting */
bool pipe_is(struct file *f);
/* What there is room for; waits for the first byte's unless nonblock. */
s64 pipe_write_some(struct file *f, struct io_buf *from, bool nonblock);
s64 pipe_set_size(struct file *f, u64 bytes);                    /* F_SETPIPE_SZ: new size or error */
s64 pipe_get_size(struct file *f);
void epoll_file_released(struct file *f);                        /* drops the items that watch a dying file */
/* Master and slave of a new pty pair; slave number for /dev/pts. */
status_t pty_create(struct file **master, u32 *number) MUST_CHECK;
struct file *pty_open_slave(u32 number, u32 flags, status_t *st);
bool pty_exists(u32 number, struct attributes *out);
struct file *console_file_open(void);                            /* serial console with a line discipline; NULL = no memory */
void tty_foreground_changed(void);                               /* also when a process ends: its group may be gone */
void tty_session_leader_exit(struct process *p);                 /* hang-up of its terminal; called by exit */
void tty_hangup_current(void);                                   /* vhangup(2): of the caller, if it has one */
/* Gives a slave opened without a path its name in /dev/pts, so that ttyname(3) finds it. Harmless on other files. */
void tty_name_file(struct file *f);
/* tty_nr and tpgid of /proc/pid/stat: device number (0 = none), *foreground = group or -1. */
bool tty_session_has_terminal(u32 sid);
u32 tty_of_session_number(u32 sid, s32 *foreground);

/* pidfd_create and pidfd_process are in process.h. */

#endif
