/* SPDX-License-Identifier: MIT */
/* The NT edge: handlers of abi/nt/syscalls.def, handles, waitable objects, what a Windows process and thread carry.
 * A handler is NT_HANDLER(Name) { ... a[0] ... }: a[n] is argument n, all copied in, as many as the row says.
 * It returns an NTSTATUS (>= 0 as s64, NT_*) or a status_t (< 0, ERR_*), which the dispatcher turns into an NTSTATUS.
 * Steps as everywhere: resolve with rights, check, act, copy out. */
#ifndef AMBOS_KERNEL_NT_H
#define AMBOS_KERNEL_NT_H

#include "file.h"
#include "nt_access.h"
#include "../../abi/nt/runtime.h"

#define NT_HANDLER(name) s64 nt_##name(const u64 *a UNUSED)
#define NT_ARGUMENTS_MAX 14
#define NT_CALL(nr, name, count, how) s64 nt_##name(const u64 *a) WEAK;
#include "../../abi/nt/syscalls.def"
#undef NT_CALL

enum nt_status {
#define NTSTATUS(name, value) NT_##name = (int)(value),
#include "../../abi/nt/ntstatus.def"
#undef NTSTATUS
};
#define NT(name) ((s64)(u32)NT_##name)     /* what a handler returns: return NT(INVALID_HANDLE); */
#define NT_IS_ERROR(st) ((u32)(st) >> 30 == 3)
/* NTSTATUS of a handler's or kernel function's result, either form. */
u32 nt_status(s64 result);

/* ---- objects: every NT object is a struct file; ops->nt_type says which (0: a file in NT's sense) ---- */
enum nt_type { NT_TYPE_FILE, NT_TYPE_DIRECTORY, NT_TYPE_SYMLINK, NT_TYPE_EVENT, NT_TYPE_MUTANT, NT_TYPE_SEMAPHORE, NT_TYPE_TIMER,
	NT_TYPE_KEYED_EVENT, NT_TYPE_IO_COMPLETION, NT_TYPE_WAIT_PACKET, NT_TYPE_PROCESS, NT_TYPE_THREAD, NT_TYPE_JOB,
	NT_TYPE_TOKEN, NT_TYPE_SECTION, NT_TYPE_KEY, NT_TYPE_DEBUG, NT_TYPE_COUNT, NT_TYPE_ANY = 255 };

enum nt_object_attribute { NT_OBJ_INHERIT = 2, NT_OBJ_PROTECT_CLOSE = 1, NT_OBJ_PERMANENT = 0x10, NT_OBJ_EXCLUSIVE = 0x20,
	NT_OBJ_CASE_INSENSITIVE = 0x40, NT_OBJ_OPENIF = 0x80, NT_OBJ_OPENLINK = 0x100, NT_OBJ_KERNEL_HANDLE = 0x200 };

#define NT_CURRENT_PROCESS (~0ull)
#define NT_CURRENT_THREAD (~1ull)

/* ---- handles ---- */
/* The file of a handle if it is of this type and grants all of `access`; referenced. 0 or an NTSTATUS. */
s64 nt_handle_get(u64 handle, enum nt_type type, u32 access, struct file **out) MUST_CHECK;
s64 nt_handle_get_access(u64 handle, enum nt_type type, u32 access, struct file **out, u32 *granted) MUST_CHECK;
/* Takes the reference over on success. access: what is granted (mapped); attributes: NT_OBJ_INHERIT, _PROTECT_CLOSE. */
s64 nt_handle_insert(struct file *f, u32 access, u32 attributes, u64 *handle) MUST_CHECK;
/* The usual end of a Create or Open: inserts, copies the handle out to user address `va`; always takes the reference
 * over. `st` is returned on success (0 or NT(OBJECT_NAME_EXISTS)). */
s64 nt_handle_out(struct file *f, u32 access, u32 attributes, u64 va, s64 st) MUST_CHECK;
/* What `desired` grants: generic bits mapped for the type, MAXIMUM_ALLOWED is everything. */
u32 nt_access_map(enum nt_type type, u32 desired);
/* Process or thread of a handle or pseudo handle; referenced. */
s64 nt_process_get(u64 handle, u32 access, struct process **out) MUST_CHECK;
/* The address space of a process handle, referenced; PROCESS_IS_TERMINATING when it has none any more. */
s64 nt_process_space_get(u64 handle, u32 access, struct aspace **out) MUST_CHECK;
s64 nt_thread_get(u64 handle, u32 access, struct thread **out) MUST_CHECK;
enum { NT_PROCESS_TERMINATE = 1, NT_PROCESS_CREATE_THREAD = 2, NT_PROCESS_VM_OPERATION = 8, NT_PROCESS_VM_READ = 0x10,
	NT_PROCESS_VM_WRITE = 0x20, NT_PROCESS_DUP_HANDLE = 0x40, NT_PROCESS_CREATE_PROCESS = 0x80,
	NT_PROCESS_SET_INFORMATION = 0x200, NT_PROCESS_QUERY_INFORMATION = 0x400, NT_PROCESS_SUSPEND_RESUME = 0x800,
	NT_PROCESS_QUERY_LIMITED_INFORMATION = 0x1000, NT_PROCESS_ALL_ACCESS = 0x1fffff };
enum { NT_THREAD_TERMINATE = 1, NT_THREAD_SUSPEND_RESUME = 2, NT_THREAD_ALERT = 4, NT_THREAD_GET_CONTEXT = 8,
	NT_THREAD_SET_CONTEXT = 0x10, NT_THREAD_SET_INFORMATION = 0x20, NT_THREAD_QUERY_INFORMATION = 0x40,
	NT_THREAD_SET_TOKEN = 0x80, NT_THREAD_SET_LIMITED_INFORMATION = 0x400, NT_THREAD_QUERY_LIMITED_INFORMATION = 0x800,
	NT_THREAD_ALL_ACCESS = 0x1fffff };

/* ---- arguments ---- */
struct nt_string { u16 *text; u32 bytes; };   /* kmalloc'd, NUL behind the bytes; text NULL: none given */
s64 nt_string_in(u64 unicode_string_va, struct nt_string *out) MUST_CHECK; /* va 0 or empty: text NULL */
void nt_string_free(struct nt_string *s);
struct nt_object_attributes {
	u64 root;                /* handle of a directory (object or file), 0: none */
	u32 attributes;          /* enum nt_object_attribute */
	struct nt_string name;
};
s64 nt_object_attributes_in(u64 va, struct nt_object_attributes *out) MUST_CHECK; /* va 0: all empty */
static inline void nt_object_attributes_free(struct nt_object_attributes *o) { nt_string_free(&o->name); }
/* The end of every query call: refuses length != or < size as `exact` says (INFO_LENGTH_MISMATCH), writes the return
 * length when its address is not 0, copies out. */
s64 nt_query_out(u64 va, u64 length, u64 return_length_va, const void *data, u32 size, bool exact) MUST_CHECK;
/* NT timeout at user address `va` (0: never): monotonic deadline; relative (negative) or absolute system time. */
s64 nt_deadline_in(u64 va, u64 *deadline_ns) MUST_CHECK;
#define NT_TICKS_PER_SECOND 10000000ull
#define NT_EPOCH_TICKS 116444736000000000ull /* 1970 in 100 ns since 1601 */
static inline u64 nt_time_from_ns(u64 wall_ns) { return wall_ns / 100 + NT_EPOCH_TICKS; }
u64 nt_system_time(void);

/* ---- names: kernel/nt/name.c; the tree of directories, symbolic links and named objects ---- */
/* Gives new object `f` the name in `oa` (none: nothing happens). 0: *f is named. NT(OBJECT_NAME_EXISTS) with OBJ_OPENIF and
 * the same type: *f was put and replaced by the existing object, referenced. Else an error, *f untouched.
 * A name lives as long as its file unless OBJ_PERMANENT. */
s64 nt_name_insert(const struct nt_object_attributes *oa, struct file **f) MUST_CHECK;
s64 nt_name_open(const struct nt_object_attributes *oa, enum nt_type type, struct file **out) MUST_CHECK;
void nt_name_drop(struct file *f);                           /* file_release: the last reference is gone */
/* Full path of a named object, "\\BaseNamedObjects\\x"; empty string: unnamed. Freed with nt_string_free. */
s64 nt_file_object_name(struct file *f, struct nt_string *out) MUST_CHECK; /* W5: \??\C:\dir\name; text NULL: none */
s64 nt_name_of(struct file *f, struct nt_string *out) MUST_CHECK;
/* Makes the fixed part of the tree at first use; device files enter with this (W5: \Device\ConDrv, Null, Afd...). */
s64 nt_name_add_permanent(const char *path, struct file *f) MUST_CHECK; /* takes f over */
s64 nt_name_add_link(const char *path, const char *target) MUST_CHECK;

/* W5: NT path of a file, "\\Device\\HarddiskVolume1\\..." or a pipe's; freed with nt_string_free. */
s64 nt_file_name_of(struct file *f, struct nt_string *out) WEAK;

/* ---- waiting: kernel/nt/wait.c ----
 * Every object with a state embeds a struct nt_dispatcher and names it in file_ops.dispatcher. All states are under
 * nt_dispatcher_lock, so that wait-all is atomic; a signal hands the state to waiters in order, as NT does.
 * A file without dispatcher is waited for by poll: signalled is POLL_IN (or an error), never consumed. */
enum nt_dispatcher_kind { NT_NOTIFICATION, NT_SYNCHRONIZATION, NT_SEMAPHORE_KIND, NT_MUTANT_KIND };
struct nt_dispatcher {
	u8 kind;                 /* NOTIFICATION stays signalled, SYNCHRONIZATION is consumed by one wait */
	bool abandoned;          /* mutant whose owner died */
	s32 state;               /* > 0: signalled; semaphore: count; mutant: 1 - recursion */
	struct thread *owner;    /* mutant; not referenced: cleared when the thread ends */
	struct list_node owned;  /* in owner's list of mutants */
	struct list_node waits;  /* struct nt_wait_block in order */
	struct wait_queue pollers; /* poll and epoll of Linux programs, wait completion packets */
};
extern struct spinlock nt_dispatcher_lock;                   /* RANK_NT_DISPATCHER */
void nt_dispatcher_init(struct nt_dispatcher *d, enum nt_dispatcher_kind kind, s32 state);
void nt_dispatcher_signal(struct nt_dispatcher *d);          /* state = 1, hands it to waiters; any context */
void nt_dispatcher_reset(struct nt_dispatcher *d);
u32 nt_dispatcher_poll(struct nt_dispatcher *d, struct poll_table *table); /* for file_ops.poll: POLL_IN when signalled */
struct nt_dispatcher *nt_notify_dispatcher(const struct file *f); /* of a directory handle that was asked for changes */
struct nt_dispatcher *nt_file_dispatcher(struct file *f);    /* NULL: by poll */
/* Waits for one file, as NtWaitForSingleObject does; for blocking I/O of synchronous file objects. */
s64 nt_wait_file(struct file *f, bool alertable, u64 deadline_ns) MUST_CHECK;
/* An event's file, from NT_TYPE_EVENT handles (asynchronous I/O): */
void nt_event_set(struct file *event);
void nt_event_clear(struct file *event);
/* A new unnamed event for kernel use. */
struct file *nt_event_create(bool notification, bool signalled);

/* ---- completion ports and APCs ---- */
/* Queues a packet to a port (NT_TYPE_IO_COMPLETION). OK or ERR_NOMEM. */
s64 nt_completion_post(struct file *port, u64 key, u64 value, u32 status, u64 information) MUST_CHECK;
/* Queues a user APC: routine(a1, a2, a3). OK, ERR_NOMEM, or ERR_SRCH when the thread is ending. */
s64 nt_apc_queue(struct thread *t, u64 routine, u64 a1, u64 a2, u64 a3) MUST_CHECK;

/* ---- processes and threads ---- */
struct nt_apc;
/* Of a Windows process; made at commit, freed with struct process. Locks: [d] nt_dispatcher_lock, [I] immutable. */
/* Ids of NT programs: a process id is the pid, a thread id lies above all pids. So no thread id is a process id, as NT
 * programs expect, and both worlds name a process alike. */
static inline u32 nt_thread_id(u32 tid) { return PID_MAX + tid; }
struct thread *nt_thread_of_id(u64 id);  /* referenced, or NULL */

struct nt_process {
	struct nt_dispatcher exited;
	struct windows_start start;      /* [I] */
	u64 peb;                         /* [I] */
	u32 exit_code;                   /* valid when exit_code_set */
	bool exit_code_set;
	u32 error_mode;                  /* ProcessDefaultHardErrorMode */
	u32 priority_class, io_priority, page_priority;
	u32 cookie;                      /* of EncodePointer */
	bool no_boost;
	u32 parent_pid;                  /* InheritedFromUniqueProcessId */
	u64 control_routine;             /* of the console: entered by a new thread for SIGINT and SIGTERM; 0: they kill */
	u64 exit_time_ns;
	struct file *job, *token;        /* [d] referenced; the token is made at first use */
	u32 timer_resolution;            /* [d] 100 ns, asked for by NtSetTimerResolution; 0: not */
	struct list_node resolution_link; /* [d] while asked for */
	void *memory;                    /* W5: reservations, views (freed by nt_memory_free) */
};
void nt_memory_free(struct nt_process *p) WEAK;              /* W5; at the end of the address space */
struct nt_thread {
	struct nt_dispatcher exited;
	u64 teb;                         /* [I] */
	u64 start_address;               /* Win32StartAddress */
	u32 exit_code;
	bool exit_code_set;
	bool initial;
	u32 suspend_count;               /* [d] */
	bool alerted, alerted_by_id;     /* [d] */
	bool apc_wanted;                 /* [d] an alertable wait ended for it: deliver on the way out */
	bool hidden;                     /* from debuggers */
	bool no_boost;
	bool frame_replaced;             /* own: the handler wrote the whole user frame, rax too (NtContinue) */
	struct list_node apcs;           /* [d] struct nt_apc */
	struct list_node mutants;        /* [d] owned */
	u32 settling;                    /* own: inside nt_settle, a call is not over */
	bool parked;                     /* [d] stands in the suspension */
	struct wait_queue resume_wait;   /* resumed, or parked */
	s32 base_priority;
	u32 io_priority, page_priority;  /* told back: there is one I/O queue, and no page is taken from a program that has room */
	struct file *token;              /* impersonation */
	u64 create_time_ns, exit_time_ns;
	u16 *description; u32 description_bytes;
};
/* W1 (exec commit of a PE program), in the committing thread, before its first entry to user mode: makes process->nt and
 * thread->nt, sets PROC_WINDOWS. */
status_t nt_process_attach(struct process *p, struct thread *t, const struct windows_start *start, u64 peb, u64 teb) MUST_CHECK;
/* W1, kernel/broker/windows.c: maps a thread's stack and TEB in `as` and fills them (Tib, ClientId, Peb, gs base is the TEB).
 * reserve/commit 0: the image's. Out: TEB and initial rsp (16-aligned top). */
struct nt_stack_request { u64 reserve, commit, peb; u32 pid, tid; u64 zero_bits; };
s64 nt_teb_create(struct aspace *as, const struct nt_stack_request *r, u64 *teb, u64 *stack_top) WEAK;
void nt_teb_destroy(struct aspace *as, u64 teb) WEAK;        /* TEB and stack of a thread that ended */
/* KUSER_SHARED_DATA, read-only at 0x7ffe0000 in `as`. */
#define NT_SHARED_DATA_VA 0x7ffe0000ull
status_t nt_shared_data_map(struct aspace *as) MUST_CHECK;
u64 nt_clock_tick(u64 now);                                  /* a Windows thread runs: updates the page; when to come again */

/* ---- hooks of the common kernel ---- */
s64 nt_dispatch(struct trap_frame *f, struct thread *t);     /* kernel/nt/table.c, from syscall_dispatch */
/* A fault or exception of a Windows thread; true: the frame now enters the dispatcher. `code` and `addr` as in
 * exception_deliver, CPU vector in f->vector. */
bool nt_exception_deliver(struct trap_frame *f, int signo, int code, u64 addr) WEAK;
void nt_return_work(struct trap_frame *f, struct thread *t); /* WORK_NT: suspension, APCs */
/* A thread of a Windows program ends: mutants abandoned, waiters told. Gives the wait status that Linux sees. */
s32 nt_thread_exit(struct thread *t, s32 wait_status) WEAK;
/* A signal with default action; true: the program is told its own way. */
bool nt_signal(struct process *p, int signo) WEAK;
void nt_process_exited(struct process *p) WEAK;              /* becomes a zombie; tree lock held */
void nt_thread_free(struct thread *t) WEAK;                  /* with the struct */
void nt_process_free(struct process *p) WEAK;
/* W5: a page fault that aspace_fault refused: guard pages and stack growth. 0: retry; else the NTSTATUS to raise
 * (NT(GUARD_PAGE_VIOLATION), NT(STACK_OVERFLOW), NT(IN_PAGE_ERROR), NT(ACCESS_VIOLATION)). */
s64 nt_memory_fault(struct process *p, u64 va, u32 access) WEAK;
const char *nt_call_name(u32 nr);

#endif
