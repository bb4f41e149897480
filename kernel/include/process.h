/* SPDX-License-Identifier: MIT */
/* Processes and threads: shared by Linux, NT and services. A Linux "task" is a struct thread, its thread
 * group a struct process; tid of the first thread = pid. sched/ owns the scheduler fields of the thread. */
#ifndef AMBOS_KERNEL_PROCESS_H
#define AMBOS_KERNEL_PROCESS_H

#include "aspace.h"
#include "sched.h"
#include "trap.h"

struct fdtable;
struct file;
struct node;
struct mount;
struct process;
struct nt_commit;
struct service;
struct tty;
struct call;

#define SIGNAL_MAX 64
enum signal_number {
	SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
	SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ,
	SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS, SIGRTMIN = 32,
};
typedef u64 sigset_t_k;                 /* bit n-1 = signal n */
#define SIGBIT(n) (1ull << ((n) - 1))

/* One real user id (object/user.c). */
struct user {
	struct user *next;               /* in its bucket */
	u32 uid;                         /* [I] */
	u32 refs;                        /* [a] */
	u32 threads;                     /* [a] with unreaped processes, for RLIMIT_NPROC */
	u32 queued_signals;              /* [a] for RLIMIT_SIGPENDING */
	u64 queue_bytes;                 /* [a] of message queues, for RLIMIT_MSGQUEUE */
	u32 inotify_instances;           /* [a] for fs.inotify.max_user_instances */
};
extern struct user user_root;
struct user *user_get(u32 uid);          /* NULL = no memory */
struct user *user_ref(struct user *u);
void user_put(struct user *u);
status_t user_thread_allowed(void) MUST_CHECK; /* the current thread may begin one more (RLIMIT_NPROC); counted under process_tree_lock */

enum securebit { /* capabilities(7); each lock is the bit above */
	SECURE_NOROOT = 1, SECURE_NO_SETUID_FIXUP = 4, SECURE_KEEP_CAPS = 0x10, SECURE_KEEP_CAPS_LOCKED = 0x20,
	SECURE_NO_CAP_AMBIENT_RAISE = 0x40, SECURE_ALL_LOCKS = 0xaa, SECURE_ALL = 0xff,
};
struct cred {                            /* immutable once shared; replaced whole (cred_get/put) */
	u32 refs;
	struct user *user;               /* of uid; referenced */
	u32 uid, gid, euid, egid, suid, sgid, fsuid, fsgid;
	u64 cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	u32 securebits;                  /* SECURE_* */
	u32 group_count;
	u32 *groups;
};
void cred_put(struct cred *c);
static inline struct cred *cred_get(struct cred *c) { __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED); return c; }
bool cred_in_group(const struct cred *c, u32 gid);
bool cred_has_cap(const struct cred *c, int cap); /* CAP_* of capabilities(7), effective */
struct cred *cred_root(void);                     /* new reference to uid 0 with all capabilities */
struct cred *cred_copy(const struct cred *from);  /* private copy, refs 1; NULL = no memory */
void cred_replace(struct cred *c);                /* of the current thread; reference taken over */
status_t cred_set_uid(struct cred *c, u32 uid);   /* of a private copy: the real user id */
enum linux_capability {
	CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_DAC_READ_SEARCH = 2, CAP_FOWNER = 3, CAP_FSETID = 4, CAP_KILL = 5,
	CAP_SETGID = 6, CAP_SETUID = 7, CAP_SETPCAP = 8, CAP_LINUX_IMMUTABLE = 9, CAP_SYS_CHROOT = 18, CAP_SYS_PTRACE = 19,
	CAP_SYS_ADMIN = 21, CAP_SYS_BOOT = 22, CAP_SYS_NICE = 23, CAP_SYS_RESOURCE = 24, CAP_SYS_TIME = 25,
	CAP_SYS_TTY_CONFIG = 26, CAP_MKNOD = 27, CAP_LEASE = 28, CAP_SYSLOG = 34, CAP_LAST = 40,
};
#define CAP_ALL (BIT(CAP_LAST + 1) - 1)

struct position {                        /* a place in the file tree: (mount, node), both referenced */
	struct mount *mount;
	struct node *node;
};
/* Root, cwd, umask; shared under CLONE_FS. */
struct fs_context {
	u32 refs;                        /* [a] */
	struct spinlock lock;            /* RANK_OBJECT */
	struct position root, cwd;       /* [lock] */
	u32 umask;                       /* [lock] */
};

struct sigaction_k { u64 handler, flags, restorer; sigset_t_k mask; };
struct sigactions {                      /* shared under CLONE_SIGHAND; entries are written under every sharer's rules: */
	u32 refs;                        /* [a] */
	struct spinlock lock;            /* RANK_SIGNAL_ACTIONS, inside process->signal_lock */
	struct sigaction_k action[SIGNAL_MAX];
};
struct siginfo_k { s32 signo, err, code; s32 pid; u32 uid;
	s32 status; u64 value, addr; s64 utime, stime; s32 timer_id, overrun; s32 band, fd; };
struct sigqueue_entry { struct list_node link; struct user *user; struct siginfo_k info; };
struct sigpending { sigset_t_k set; struct list_node queue; };

enum thread_state { THREAD_NEW, THREAD_RUNNABLE, THREAD_RUNNING, THREAD_BLOCKED, THREAD_STOPPED, THREAD_DEAD };
enum thread_work { WORK_RESCHED = 1, WORK_SIGNAL = 2, WORK_STOP = 4, WORK_EXIT = 8, WORK_TRACE = 16, WORK_CALL_CANCEL = 32,
	WORK_CPU_TIME = 64,              /* look at timers and limits on CPU time */
	WORK_RSEQ = 128,                 /* preempted or moved: restartable sequence */
	WORK_NT = 256,                   /* suspension, APCs */
	WORK_IO_SIGNAL = 512,            /* its events owe somebody a SIGIO (object/async.c) */
};

/* First fields are known to entry.S and switch.S by offset (asserted in arch/x86_64/cpu.c). */
struct thread {
	u64 kernel_rsp;                  /* 0: saved stack pointer while switched out */
	void *kernel_stack;              /* 8: lowest address */
	void *fpu_area;                  /* 16 */
	u32 work;                        /* 24: [a] enum thread_work, tested on each return to user mode */
	u32 in_user_entry;               /* 28 */
	u64 user_fs_base, user_gs_base;  /* 32, 40 */
	/* scheduler: [r] runqueue lock of its CPU, [a] atomic */
	enum thread_state state;         /* [r] */
	u32 cpu;                         /* [r] where it runs or last ran */
	struct list_node run_link;       /* [r] real-time */
	struct fair_entity fair;         /* [r] */
	struct sched_group *group;       /* [r] changed by itself; referenced */
	struct sched_group *next_group;  /* [a] which it will change to; referenced */
	bool queued;                     /* [r] */
	bool migrating;                  /* own: leaves this CPU at the switch in progress */
	bool short_runs;                 /* own: slept again soon after it was last switched to */
	u32 fpu_cpu;                     /* own: 1 + CPU whose registers held its extended state last */
	u32 held_mutexes;                /* debug: count of the ranks below */
	u16 held_mutex_ranks[8];
	u32 wake_token;                  /* [a] */
	u32 held;                        /* [a] THREAD_NEW until sched_release_thread, at the latest by its end */
	u32 on_cpu;                      /* [a] its stack is in use by a CPU */
	u32 wait_flags;                  /* enum wait_flags of the current sleep */
	u64 affinity;                    /* [r] */
	s32 nice, policy, rt_priority;   /* [r] */
	s32 weight_nice;                 /* [r] what its share is: nice, or the least for SCHED_IDLE */
	bool reset_on_fork;              /* [r] SCHED_RESET_ON_FORK */
	u64 runtime_ns, last_switched_ns; /* [r] */
	struct timer sleep_timer;
	u64 user_ns, system_ns;          /* own CPU's tick: run time by samples (sched/cputime.c) */
	u64 shown_user_ns, shown_system_ns; /* what was reported: never falls */
	u64 fault_sum;                   /* own: registers at the end of the last page fault */
	bool in_system;                  /* the last sample */
	u64 burst_start_ns, burst_switches; /* own: run time and voluntary switches where a real-time burst began, by ticks */
	u64 voluntary_switches, involuntary_switches;
	/* identity */
	u32 tid;
	struct process *process;         /* NULL for kernel threads */
	struct list_node process_link;   /* in process->threads, RANK_PROCESS_TREE */
	struct list_node tid_link;
	char name[16];                   /* comm */
	u32 refs;                        /* [a] */
	struct cred *cred;               /* [ts] to write, replaced only by the thread itself */
	struct fdtable *fds;
	struct fs_context *fs;
	/* signals: [s] process->signal_lock */
	sigset_t_k blocked;              /* [s] */
	sigset_t_k waiting;              /* [s] sigtimedwait: blocked signals that wake this thread all the same */
	sigset_t_k saved_mask;           /* restored after sigsuspend, ppoll, ... */
	bool restore_mask;
	struct sigpending pending;       /* [s] */
	bool fault_forced;               /* own: the pending fault has no handler, kills pid 1 too */
	u32 fault_vector, fault_error; u64 fault_address; /* own: last exception, for sigcontext */
	u64 altstack_base, altstack_size; u32 altstack_flags;
	bool wall_wait;                  /* [a] its deadline is on the wall clock: woken when that is set */
	u64 restart_deadline, restart_args[4]; /* of a call that answered ERR_RESTART_BLOCK; */
	s64 (*restart_fn)(struct thread *t);   /* restart_syscall(2) calls it */
	/* Linux odds */
	u64 clear_child_tid, robust_list, robust_list_size;
	u64 rseq_va; u32 rseq_signature; /* own: rseq(2), 0 = not registered */
	u32 rseq_cpu;                    /* own: 1 + CPU number that the program was told, 0 = none */
	struct thread *vfork_waiter;     /* [t] woken when we exec or exit; referenced */
	u64 timer_slack_ns, timer_slack_default_ns; /* PR_SET_TIMERSLACK; 0: what a thread starts with */
	u16 ioprio;                      /* ioprio_set(2): class and level, kept and told back */
	s32 exit_code;
	bool exiting;                    /* [t] takes no more signals */
	u64 minor_faults, major_faults;
	struct call *call;               /* routed call that this thread waits for */
	struct call *serving;            /* service thread: call it executes */
	u64 syscall_nr;
	u32 hops;                        /* routed calls of the current system call (trace) */
	struct nt_thread *nt;            /* of a Windows program's thread, else NULL */
};

enum rlimit_name {
	RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE,
	RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_LOCKS, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO, RLIMIT_RTTIME,
};
struct rlimit_k { u64 soft, hard; };
#define RLIMIT_COUNT 16

enum process_flag {
	PROC_SERVICE = 1,    /* restricted to its manifest's calls; OOM-exempt; not killed by groups */
	PROC_EXITING = 2, PROC_EXECED = 4, PROC_DUMPABLE = 8, PROC_CHILD_SUBREAPER = 16, PROC_WINDOWS = 32, PROC_PREPARED = 64,
	PROC_NO_NEW_PRIVS = 128, PROC_STOPPED = 256,
	PROC_THP_DISABLED = 512,         /* PR_SET_THP_DISABLE: told back; there are no huge pages */
	PROC_CONTINUED = 1024,           /* left a stop, parent not told yet */
};
/* Locks: [t] process_tree_lock (RANK_PROCESS_TREE), [s] signal_lock, [ts] written under both, read under either,
 * [a] atomic, [I] immutable. */
struct process {
	u32 pid;                         /* [I] */
	u32 refs;                        /* [a] */
	u32 flags;                       /* [a] enum process_flag */
	struct list_node threads;        /* [ts] */
	u32 thread_count;                /* [ts] */
	struct thread *leader;           /* [t] */
	struct process *parent;          /* [t] */
	struct list_node children, sibling; /* [t] zombies first */
	struct process *newest_zombie;   /* [t] the last of them */
	struct list_node all_link;       /* [t] every process, in order of creation */
	u32 pgid, sid;                   /* [t] */
	struct sched_group *shares;      /* [t] the job that it belongs to (object/job.c), referenced */
	struct tty *ctty;                /* [t] */
	struct aspace *aspace;           /* [t] to write, replaced at exec and exit; others use process_aspace_get */
	struct spinlock signal_lock;     /* RANK_SIGNAL */
	struct sigactions *actions;      /* [s] */
	struct sigpending pending;       /* [s] */
	struct wait_queue stop_wait;     /* threads stopped by job control, exec waiting for siblings */
	u32 stopped_count;               /* [s] threads that have reached the stop */
	struct thread *exec_thread;      /* [t] ends its siblings */
	struct wait_queue child_wait;    /* waiters in wait4 */
	struct wait_queue signal_wait;   /* signalfd, sigtimedwait */
	struct wait_queue exit_wait;     /* pidfd */
	s32 exit_signal;                 /* to the parent, SIGCHLD */
	s32 exit_status;                 /* wait status word, valid when zombie */
	bool zombie, reported_stop, reported_continue; /* [t]; a stop that begins resets reported_stop under signal_lock */
	s32 stop_signal;                 /* [t] */
	u32 group_exit_code;
	struct rlimit_k rlimits[RLIMIT_COUNT]; /* [t] */
	struct file *exe;                /* [t] /proc/pid/exe */
	struct cred *last_cred;          /* [t] of the last thread, once it is gone */
	char last_name[16];              /* [t] its comm */
	u64 start_ns;
	u64 children_user_ns, children_system_ns, dead_user_ns, dead_system_ns;
	u64 minor_faults, major_faults, children_minor_faults, children_major_faults, max_rss_pages, children_max_rss_pages;
	u64 dead_voluntary, dead_involuntary;
	struct account *account;         /* [I] its memory, and the kernel's for it: page tables, threads, pipes, sockets */
	struct service *service;         /* NULL for programs */
	u64 call_targets;                /* [I] bits of services that it may call (short calls) */
	u32 parent_death_signal;         /* [t] */
	s32 oom_score_adj;
	u32 personality;
	struct timer itimer_real; u64 itimer_real_deadline_ns, itimer_real_interval_ns; /* [s] */
	struct cpu_itimer { u64 deadline_ns, interval_ns; } itimer_cpu[2]; /* [s] on user time, on all CPU time; 0 = off */
	u32 cpu_timers;                  /* [s] armed timers on CPU time, these and POSIX ones; read by the tick */
	struct list_node posix_timers;   /* [s] */
	u32 next_timer_id;
	u32 timer_slack_ns_unused;
	u64 launch_call_id;              /* owner of a prepared process */
	struct mutex exec_mutex;
	struct nt_process *nt;           /* [I] once set, freed with the struct; NULL: not a Windows program */
};
static inline struct process *process_current(void) { return thread_current()->process; }
static inline void process_get(struct process *p) { __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED); }
void process_put(struct process *p);
static inline void thread_get(struct thread *t) { __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED); }
void thread_put(struct thread *t);
void thread_discard(struct thread *t);   /* one that was never linked or started: what it holds, then itself */
struct thread *thread_alloc(const char *name); /* sched/: zeroed, refs 1 (the scheduler's), stack and FPU area; NULL = no memory */
void thread_set_start(struct thread *t, void (*fn)(void *), void *arg);
void thread_set_user_start(struct thread *t, const struct trap_frame *f); /* first run goes to user mode with this frame */
void thread_free(struct thread *t);      /* sched/: stack, FPU area and struct, when thread_put drops the last reference */
bool process_memory_permitted(struct process *p, const struct cred *c); /* as ptrace(2) would allow */
struct process *process_find(u32 pid);   /* referenced, or NULL */
struct process *process_find_by_thread(u32 id); /* by the id of any of its threads; referenced, or NULL */
struct thread *thread_find(u32 tid);     /* referenced, or NULL */
u32 thread_id_process(u32 tid);          /* pid of the thread, which may have ended while something refers to it; 0: none */
/* Iterates all processes in pid order: the first with pid >= from, referenced, or NULL. */
struct process *process_next(u32 from);
extern struct spinlock process_tree_lock;
extern struct list_node process_all;     /* [t] by all_link */
extern struct list_node process_orphans; /* [t] by sibling: programs that wait for the next initd */
struct aspace *process_aspace_get(struct process *p); /* referenced, or NULL when it has none (zombie) */
struct fdtable *process_fds_get(struct process *p);   /* referenced table of a live thread, or NULL */
struct fs_context *process_fs_get(struct process *p); /* the same, for /proc/pid/{cwd,root} */
struct cred *process_cred_get(struct process *p);     /* of the leader; the last one of a dead process; NULL: not started */
/* Building blocks of clone(2). The tree lock is held for *_locked. */
struct process *process_alloc(void);                 /* refs 1 (the pid table's), not linked; NULL = no memory */
#define PID_MAX 131072u                      /* numbers 1..PID_MAX-1; a table of at most 4 MiB */
u32 pid_alloc_locked(u32 wanted);                    /* 0 = none free; the slot is not taken until something is linked */
void process_link_locked(struct process *p, u32 pid, struct process *parent);
void process_adopt_locked(struct process *parent, struct process *child); /* also where a new zombie gets its place */
void process_unlink_locked(struct process *p);       /* reaped: out of tree, group and table; drops the table's reference */
void process_move_group_locked(struct process *p, u32 pgid, u32 sid);
void thread_link_locked(struct process *p, struct thread *t, u32 tid);
void thread_unlink_locked(struct thread *t); /* the user's count of threads is the caller's: a zombie takes the last thread's over */
void thread_retid_locked(struct thread *t, u32 tid); /* exec by a thread other than the leader */
bool pgrp_exists_locked(u32 pgid, u32 sid);          /* a group with a member in the session */
struct process *process_find_locked(u32 pid);        /* not referenced */
struct thread *thread_find_locked(u32 tid);
bool pgrp_is_orphaned_locked(u32 pgid, struct process *without);
/* object/pidfd.c: a pidfd for p (takes its own reference); the process of a pidfd, referenced, or NULL. */
struct file *pidfd_create(struct process *p, u32 flags) WEAK;
struct process *pidfd_process(struct file *f) WEAK;
status_t system_name_set(bool domain, const char *text, u64 length) MUST_CHECK; /* uname's nodename or domainname */
void job_of_terminal(struct process *leader);         /* object/job.c */
u32 process_count_max(void);                          /* programs' bound on them */
u32 process_count(void);                              /* threads in the system, for loadavg, sysinfo and RLIMIT_NPROC */
#define LOAD_ONE 2048u                                /* a load of 1.0 */
void load_averages(u64 out[3]);                       /* of 1, 5 and 15 minutes; broker/vfs_facts.c */
void thread_times(struct thread *t, u64 *user_ns, u64 *system_ns);   /* sched/cputime.c */
void process_times(struct process *p, u64 *user_ns, u64 *system_ns); /* dead and live threads; takes the tree lock */
char process_state_letter(struct process *p);         /* R S D T Z of /proc/pid/stat: the first thread's */

/* A process with one thread that will start in kernel function `fn(arg)` (spawn, first process). Not started; not
 * referenced for the caller, who takes process_get before process_start if it goes on using it. */
struct process *process_create(struct process *parent, const char *name, void (*fn)(void *), void *arg);
/* The same with a chosen pid, which must be free (rootd keeps 1 for initd); 0: the next one. */
struct process *process_create_pid(u32 pid, struct process *parent, const char *name, void (*fn)(void *), void *arg);
void process_start(struct process *p);               /* lets the thread of process_create run */
void process_exit_group(s32 wait_status) NORETURN;   /* ends the current process; wait status word (code << 8 or signal) */
void process_kill(struct process *p, int signo);     /* SIGKILL in effect, from anywhere, whatever it blocks (OOM, launch abort) */
void thread_exit_current(s32 wait_status) NORETURN;  /* ends the current thread only; the last one ends the process */
u32 oom_kill(void);                                  /* ends the program with the largest charge; its pid or 0 */
bool thread_signal_pending(struct thread *t);        /* an unblocked signal or kill */
/* Sends to a process (group-directed) or thread. info may be NULL (SI_USER from the current thread). */
status_t signal_send_process(struct process *p, int signo, const struct siginfo_k *info);
status_t signal_send_thread(struct thread *t, int signo, const struct siginfo_k *info);
u32 signal_send_group(u32 pgid, int signo, const struct siginfo_k *info); /* number of processes reached */
void signal_force(int signo, int code, u64 addr);    /* fault on the current thread: cannot be blocked or ignored */
/* signalfd, sigtimedwait: dequeues one pending signal of `set` for the current thread; signal number or 0. */
int signal_take(sigset_t_k set, struct siginfo_k *info);
sigset_t_k signal_pending_set(struct thread *t);     /* thread and process, blocked or not */
/* ppoll, pselect6, epoll_pwait: a temporary mask (null pointer: none), and its end. When the call was interrupted the
 * mask stays until the signal is delivered. */
status_t signal_mask_temporary(struct user_ptr mask, u64 size) MUST_CHECK;
void signal_mask_finish(bool interrupted);
/* kill(2) permission of the current thread. */
bool signal_permitted(struct process *target, int signo);
/* siginfo_t of the Linux ABI, 128 bytes, from the kernel's form. */
void siginfo_to_user(const struct siginfo_k *info, u64 out[16]);
/* For a background process touching its tty: true when the signal would be ignored or blocked. */
bool signal_is_ignored_or_blocked(struct thread *t, int signo);
bool pgrp_is_orphaned(u32 pgid);

/* Exec, the part after loaderd has prepared: swaps space and personality in place. loader result. */
struct exec_image {
	struct aspace *aspace;           /* taken over */
	u64 entry, stack_pointer;
	struct nt_commit *windows;       /* not NULL: a Windows program; the caller's */
	struct file *exe;                /* taken over */
	char name[16];
	struct cred *cred;               /* new credentials (setuid bits) or NULL */
};
void exec_commit(struct exec_image *image);          /* the only point of no return; ends sibling threads first */
/* execve for the current thread: resolves, copies arguments, calls loaderd, commits. Kernel strings. */
struct exec_args {
	struct file *file;               /* opened for execution; taken over */
	char *path;                      /* AT_EXECFN and argv[0] of scripts; kmalloc'd, taken over */
	char *strings;                   /* argv strings then envp strings, each NUL-terminated; vmalloc-like page run */
	u64 strings_size;
	u32 argc, envc;
	void *nt_parameters;             /* struct windows_parameters of an NT parent; kmalloc'd, taken over; may be NULL */
	u32 nt_parameters_size;
};
s64 exec_run(struct exec_args *args);                /* ipc/exec.c; OK = committed, return to user with the new frame */
void exec_args_free(struct exec_args *args);

#endif
