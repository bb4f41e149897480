/* SPDX-License-Identifier: MIT */
/* Files in NT's sense inside kernel/nt: what an NT open adds to struct file, operations in flight, names, devices. */
#ifndef AMBOS_NT_FILE_H
#define AMBOS_NT_FILE_H

#include "nt.h"

/* Kernel objects that are there from the start: no first caller has to make them. */
#define NT_MUTEX_INIT(name, r) { .rank = (r), .waiters = NT_QUEUE_INIT((name).waiters) }
#define NT_QUEUE_INIT(name) { .lock = SPINLOCK_INIT(RANK_WAIT_QUEUE), .waiters = LIST_INIT((name).waiters) }

enum nt_file_access { FILE_READ_DATA = 1, FILE_WRITE_DATA = 2, FILE_APPEND_DATA = 4, FILE_READ_EA = 8, FILE_WRITE_EA = 0x10,
	FILE_EXECUTE = 0x20, FILE_DELETE_CHILD = 0x40, FILE_READ_ATTRIBUTES = 0x80, FILE_WRITE_ATTRIBUTES = 0x100 };
enum nt_share_mode { FILE_SHARE_READ = 1, FILE_SHARE_WRITE = 2, FILE_SHARE_DELETE = 4 };
enum nt_disposition { FILE_SUPERSEDE, FILE_OPEN, FILE_CREATE, FILE_OPEN_IF, FILE_OVERWRITE, FILE_OVERWRITE_IF, FILE_DISPOSITIONS };
enum nt_open_result { FILE_SUPERSEDED, FILE_OPENED, FILE_CREATED, FILE_OVERWRITTEN };
enum nt_create_option { FILE_DIRECTORY_FILE = 1, FILE_WRITE_THROUGH = 2, FILE_SEQUENTIAL_ONLY = 4, FILE_NO_BUFFERING = 8,
	FILE_SYNCHRONOUS_ALERT = 0x10, FILE_SYNCHRONOUS_NONALERT = 0x20, FILE_NON_DIRECTORY_FILE = 0x40, FILE_DELETE_ON_CLOSE = 0x1000,
	FILE_OPEN_BY_FILE_ID = 0x2000, FILE_OPEN_REPARSE_POINT = 0x200000, FILE_OPTIONS_VALID = 0xffffff };
#define FILE_CONSOLE_INPUT 0x40000000u /* the same: a console's input side */
#define FILE_SHARE_ENTERED 0x80000000u /* nt_open.options: counted in node->share */
#define FILE_SYNCHRONOUS (FILE_SYNCHRONOUS_ALERT | FILE_SYNCHRONOUS_NONALERT)
enum nt_file_attribute { NT_ATTRIBUTE_READONLY = 1, NT_ATTRIBUTE_HIDDEN = 2, NT_ATTRIBUTE_SYSTEM = 4, NT_ATTRIBUTE_DIRECTORY = 0x10,
	NT_ATTRIBUTE_ARCHIVE = 0x20, NT_ATTRIBUTE_NORMAL = 0x80, NT_ATTRIBUTE_REPARSE_POINT = 0x400 };
enum nt_device { NT_DEVICE_DISK = 8 /* with a file system */, NT_DEVICE_NAMED_PIPE = 0x11, NT_DEVICE_NULL = 0x15,
	NT_DEVICE_UNKNOWN = 0x22, NT_DEVICE_CONSOLE = 0x50 };
#define NT_REPARSE_SYMLINK 0xa000000cu

/* Locks: [s] node->spin, [i] nt_io_lock, [p] pos_lock of the file, [I] immutable. */
struct nt_open {
	u32 access, share;           /* [I] */
	u32 options;                 /* [a] write-through, sequential and the kind of synchronous change (FileModeInformation) */
	bool delete_on_close;        /* [s] */
	bool shared_counted;         /* [I] */
	u32 completion_flags;        /* [i] FILE_SKIP_* */
	struct file *port;           /* [i] completion port, referenced */
	u64 port_key;                /* [i] */
	struct nt_scan *scan;        /* [p] directory query */
	struct nt_notify *notify;    /* [I once set] change notification */
};
struct nt_share {                    /* of a node while NT opens exist: node->spin */
	u32 opens;                   /* all */
	u32 counted, readers, writers, deleters, share_read, share_write, share_delete;
	bool delete_pending;
	struct list_node locks, lock_waits; /* lock.c */
	u32 lock_count;
};
static inline bool nt_is_synchronous(const struct file *f) { return !f->nt_open || (f->nt_open->options & FILE_SYNCHRONOUS); }

/* One operation: where its end is told. On the stack while it is synchronous, kmalloc'd while it pends. */
struct nt_io {
	struct list_node link;       /* owner: the object it waits at */
	struct file *file;           /* no reference: release of the file ends its operations first */
	struct file *event, *port;   /* referenced, or NULL */
	u64 port_key;
	struct thread *thread;       /* referenced while it pends */
	struct aspace *as;           /* the same */
	u64 apc, context, iosb;
	u64 buffer; u32 length;
	u32 kind;                    /* owner */
	void *data;                  /* owner: bytes of a pending write */
	u32 status; u64 information;
	bool pended, done;
	bool skip_port;              /* FILE_SKIP_COMPLETION_PORT_ON_SUCCESS */
};
/* Arguments common to all: a[0] file, a[1] event, a[2] apc, a[3] context, a[4] iosb. Clears the event. The io_end of every
 * path is nt_io_finish or, after nt_io_pend, nt_io_complete. */
s64 nt_io_begin(struct nt_io *io, struct file *f, const u64 *a) MUST_CHECK;
s64 nt_io_finish(struct nt_io *io, s64 status, u64 information) MUST_CHECK; /* in the caller's thread; returns the status */
struct nt_io *nt_io_pend(struct nt_io *io) MUST_CHECK;  /* heap copy that survives the call; NULL = no memory */
void nt_io_complete(struct nt_io *io);                  /* of a pended one, status and information set: tells and frees. May sleep */
void nt_io_discard(struct nt_io *io);                   /* of a pended one that fails at once: frees without telling */
void nt_io_drop(struct nt_io *io);                      /* of a begun one that fails without completion */

s64 nt_file_set_port(struct file *f, struct file *port, u64 key) MUST_CHECK;
s64 nt_file_completion_flags(struct file *f, u32 *set) MUST_CHECK;

/* ---- file_name.c ---- */
enum nt_target_kind { NT_TARGET_PATH, NT_TARGET_PIPE, NT_TARGET_NULL, NT_TARGET_CONSOLE, NT_TARGET_MOUNT_MANAGER, NT_TARGET_VOLUME };
struct nt_target {
	enum nt_target_kind kind;
	int dirfd;                   /* NT_TARGET_PATH: where a relative path begins */
	char *path;                  /* pooled: path_free */
	bool trailing;               /* ended in a backslash */
	const u16 *rest;             /* pipe name or ConDrv object, inside the attributes' name */
	u32 rest_count;
};
s64 nt_target_in(const struct nt_object_attributes *oa, struct nt_target *out) MUST_CHECK;
void nt_target_free(struct nt_target *t);
struct walk_result;
/* Case does not count. Like path_walk with WALK_CREATE: a missing last name is result->missing. */
s64 nt_walk(const struct nt_target *t, bool follow, struct walk_result *out) MUST_CHECK;
/* "\dir\name" on its volume and the drive letter; kmalloc'd. */
s64 nt_path_of(const struct file *f, struct nt_string *out, u16 *drive) MUST_CHECK;
s64 nt_short_name_of(const struct file *f, u16 *out) MUST_CHECK; /* characters, NT_SHORT_NAME_MAX at most; 0: it has none of its own */

/* ---- file_open.c ---- */
struct nt_open_request { u64 handle_va, iosb_va, allocation_va; u32 access, attributes, share, disposition, options; };
s64 nt_open_object(const struct nt_open_request *r, const struct nt_object_attributes *oa) MUST_CHECK;
struct nt_open *nt_open_new(const struct nt_open_request *r);
s64 nt_open_finish(struct file *f, const struct nt_open_request *r, u32 object_attributes, u32 result) MUST_CHECK; /* takes f over */
s64 nt_share_enter(struct node *n, struct nt_open *o) MUST_CHECK;
void nt_open_release(struct file *f);           /* hook of file_release */
u32 nt_attributes_of(const struct attributes *a);
/* FILE_ATTRIBUTE_*: read-only is the mode (of a directory a mark), hidden and system are kept beside; the archive bit is
 * always set and the rest are hints about content that is not treated so here. Other changes ride along. */
struct attr_change;
s64 nt_attributes_change(struct position at, u32 attributes, struct attr_change *change) MUST_CHECK;
s64 nt_status_of_path(s64 st);                  /* ENOENT, ENOTDIR of a path as NT words it */

/* ---- devices ---- */
enum nt_device nt_device_of(struct file *f);
bool nt_pipe_is(struct file *f);
bool nt_pipe_directory_is(const struct file *f);
s64 nt_pipe_directory_control(u32 code, const u64 *a) MUST_CHECK;
s64 nt_pipe_open(const struct nt_open_request *r, const struct nt_object_attributes *oa, const struct nt_target *t) MUST_CHECK;
s64 nt_pipe_read(struct nt_io *io) MUST_CHECK;
s64 nt_pipe_write(struct nt_io *io) MUST_CHECK;
s64 nt_pipe_control(struct nt_io *io, u32 code, const u64 *a) MUST_CHECK;
s64 nt_pipe_query(struct file *f, u32 class, u64 va, u32 length, u64 *information) MUST_CHECK;
s64 nt_pipe_set(struct file *f, u32 class, u64 va, u32 length) MUST_CHECK;
u32 nt_pipe_cancel(struct file *f, u64 iosb, struct thread *t);
s64 nt_console_open(const struct nt_open_request *r, const struct nt_object_attributes *oa, const struct nt_target *t) MUST_CHECK;
bool nt_console_is(struct file *f);
s64 nt_console_control(struct nt_io *io, u32 code, const u64 *a) MUST_CHECK;
s64 nt_console_read(struct nt_io *io) MUST_CHECK;
s64 nt_console_write(struct nt_io *io) MUST_CHECK;
bool nt_mount_manager_is(const struct file *f);
s64 nt_mount_manager_open(const struct nt_open_request *r, struct file **out) MUST_CHECK;
s64 nt_mount_manager_control(struct nt_io *io, u32 code, u32 granted, const u64 *a) MUST_CHECK;
s64 nt_console_records(struct nt_io *io, const u64 *a, bool peek) MUST_CHECK;
bool nt_range_allowed(struct file *f, u64 offset, u64 length, bool write); /* byte-range locks */
void nt_locks_release(struct file *f);
u32 nt_notify_cancel(struct file *f, u64 iosb, struct thread *t);
void nt_notify_release(struct file *f);
void nt_scan_free(struct nt_scan *s);

#endif
