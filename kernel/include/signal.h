/* SPDX-License-Identifier: MIT */
/* Inside of the signal, exit and clone code (kernel/linux, kernel/object). Others use process.h. */
#ifndef AMBOS_KERNEL_SIGNAL_H
#define AMBOS_KERNEL_SIGNAL_H

#include "process.h"

#define SIG_DFL_K 0ull
#define SIG_IGN_K 1ull
#define SA_NOCLDSTOP 1ull
#define SA_NOCLDWAIT 2ull
#define SA_SIGINFO 4ull
#define SA_EXPOSE_TAGBITS 0x800ull
#define SA_RESTORER 0x04000000ull
#define SA_ONSTACK 0x08000000ull
#define SA_RESTART 0x10000000ull
#define SA_NODEFER 0x40000000ull
#define SA_RESETHAND 0x80000000ull

enum { SI_USER = 0, SI_KERNEL = 0x80, SI_QUEUE = -1, SI_TIMER = -2, SI_MESGQ = -3, SI_ASYNCIO = -4, SI_SIGIO = -5, SI_TKILL = -6 };
enum { CLD_EXITED = 1, CLD_KILLED = 2, CLD_DUMPED = 3, CLD_TRAPPED = 4, CLD_STOPPED = 5, CLD_CONTINUED = 6 };
enum { SS_ONSTACK = 1, SS_DISABLE = 2 };
#define SS_AUTODISARM (1u << 31)
#define MINSIGSTKSZ 2048

#define SIGNALS_UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define SIGNALS_STOP (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define SIGNALS_IGNORED_BY_DEFAULT (SIGBIT(SIGCONT) | SIGBIT(SIGCHLD) | SIGBIT(SIGWINCH) | SIGBIT(SIGURG))
#define SIGNALS_CORE (SIGBIT(SIGQUIT) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGABRT) | SIGBIT(SIGFPE) | SIGBIT(SIGSEGV) | \
	SIGBIT(SIGBUS) | SIGBIT(SIGSYS) | SIGBIT(SIGXCPU) | SIGBIT(SIGXFSZ))
#define SIGNALS_FAULT (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS))

struct sigactions *sigactions_create(void);
void sigactions_put(struct sigactions *a);
extern struct sigactions sigactions_none; /* of a zombie: all default, never written */

/* signal.c. p->signal_lock held for *_locked. */
void thread_notify(struct thread *t, u32 work);         /* sets work bits and makes the thread look at them */
void signal_recalculate_locked(struct thread *t);       /* WORK_SIGNAL = something deliverable is pending */
void signal_set_blocked(sigset_t_k blocked);            /* of the current thread */
int signal_dequeue_locked(struct thread *t, sigset_t_k set, struct siginfo_k *info);
void signal_flush_locked(struct process *p, struct sigpending *from, sigset_t_k which);
/* Tree lock held: exit notifications and group rules. */
void signal_send_process_locked(struct process *p, int signo, const struct siginfo_k *info);
void signal_notify_parent_locked(struct process *p, int code); /* CLD_*; fills siginfo, wakes wait4 */
struct siginfo_k siginfo_from_current(int signo, int code);
status_t siginfo_from_user(struct user_ptr p, struct siginfo_k *info) MUST_CHECK;

/* signal_frame.c */
status_t signal_frame_push(struct trap_frame *f, int signo, const struct siginfo_k *info, const struct sigaction_k *action,
	sigset_t_k mask) MUST_CHECK;
bool signal_on_altstack(const struct thread *t, u64 sp);

/* exit.c */
void process_begin_exit_locked(struct process *p, s32 wait_status); /* signal_lock held: all threads get WORK_EXIT */
void thread_release_memory(struct thread *t);           /* before the thread leaves its space: clear_child_tid, robust list, vfork */
void process_reap_locked(struct process *p);            /* zombie -> gone */

/* wait.c: struct rusage of the ABI. */
struct usage { u64 user_ns, system_ns, minor_faults, major_faults, max_rss_pages, voluntary, involuntary; };
status_t usage_out(struct user_ptr p, const struct usage *u) MUST_CHECK;

/* time_timer.c */
void timers_process_init(struct process *p);
void timers_process_exit(struct process *p, bool exec); /* exec keeps the interval timer */
void cpu_time_check(struct thread *t);                  /* time_cpu.c, WORK_CPU_TIME: the current thread's process */
void timer_signal_taken_locked(struct process *p, struct siginfo_k *info); /* fills the overrun count */

/* rseq.c: before the thread goes on in user mode after a preemption, a move or a signal. */
void rseq_settle(struct trap_frame *f, struct thread *t);

/* futex.c */
void futex_init(void);
u32 futex_wake_address(u64 va, u32 count);
void futex_exit_robust_list(struct thread *t);

#endif
