/* SPDX-License-Identifier: MIT */
/* Inside kernel/nt: waits, threads, object files. Others use kernel/include/nt.h. */
#ifndef AMBOS_KERNEL_NT_INTERNAL_H
#define AMBOS_KERNEL_NT_INTERNAL_H

#include "nt.h"

/* A handle's file for the length of one call: no reference when the caller is alone (fd_return). */
s64 nt_handle_borrow(u64 handle, enum nt_type type, u32 access, struct file **out, bool *held) MUST_CHECK;
bool nt_same_object(const struct file *x, const struct file *y);
u64 nt_deadline(s64 ticks);
const char *nt_type_name(enum nt_type type);

struct file *nt_process_file(struct process *p); /* own reference to p; NULL = no memory */
struct file *nt_thread_file(struct thread *t);
struct thread *nt_file_thread(struct file *f);
struct process *nt_file_process(struct file *f);

void nt_name_set_permanent(struct file *f, bool permanent);
s64 nt_volume_links_add(void) MUST_CHECK; /* mount_manager.c: \??\C:, \??\Volume{GUID} and the manager's own name */

/* Common part of Create<Object>: a new object file gets its name and handle. Takes `f` over. */
s64 nt_object_create(struct file *f, const u64 *a); /* a[0] handle va, a[1] access, a[2] attributes */
s64 nt_object_open(const u64 *a, enum nt_type type);

/* wait.c */
struct nt_wait;
void nt_hand_over_locked(struct nt_dispatcher *d);
struct nt_wait_request { struct file **files; u32 count; bool all, alertable; u64 deadline_ns; };
s64 nt_wait(const struct nt_wait_request *r) MUST_CHECK;
/* Sleeps until condition-like state changes under nt_dispatcher_lock: the part of keyed events, ports, alerts. */
s64 nt_sleep(bool *done, bool alertable, u64 deadline_ns) MUST_CHECK;
/* The wake-up of a thread that sleeps in nt_sleep or nt_wait. nt_dispatcher_lock held. */
void nt_wake_locked(struct thread *t);
/* A signal, a stop or a suspension wants the thread that sits in a call: acts on it. */
void nt_settle(struct thread *t);
/* Mutants of an ending thread. nt_dispatcher_lock held. */
void nt_mutants_abandon_locked(struct thread *t);

s64 nt_object_signal(struct file *f, u64 handle); /* event.c: for SignalAndWait */

/* exception.c */
struct nt_apc { struct list_node link; u64 routine, a1, a2, a3; };
bool nt_apc_pending_locked(struct thread *t); /* alertable code may leave for it */
struct nt_apc *nt_apc_spare(u64 routine, u64 a1); /* not queued; NULL = no memory */
void nt_apcs_free(struct nt_thread *n);
void nt_apc_request_locked(struct thread *t); /* deliver the first on the way out */

void nt_apc_deliver(struct trap_frame *f, struct thread *t);

/* process.c: ends p with this NTSTATUS as exit code; the caller too, on its way to user mode. */
void nt_process_terminate(struct process *p, u32 code);
s32 nt_wait_status(u32 code);            /* what Linux sees of an exit code: abi/nt/exit.def */
u32 nt_exit_code(struct process *p);     /* of any ended process */

/* clock.c: an ending process asks for nothing any more. nt_dispatcher_lock held; true: it had asked. */
bool nt_timer_resolution_withdraw_locked(struct nt_process *n);

/* job.c */
s64 nt_job_join(struct file *job, struct process *p) MUST_CHECK;
void nt_job_leave(struct file *job);       /* a member is freed: drops its reference */
void nt_job_inherit(struct process *p);       /* a new process joins its parent's job */
void nt_job_process_exited(struct process *p);

#define NT_X87_CONTROL 0x27fu /* threads begin with 53 bits of precision */
/* priority.c: process classes by their numbers in PROCESS_PRIORITY_CLASS, a thread's increment of its class's level. */
enum { NT_CLASS_IDLE = 1, NT_CLASS_NORMAL, NT_CLASS_HIGH, NT_CLASS_REALTIME, NT_CLASS_BELOW_NORMAL, NT_CLASS_ABOVE_NORMAL };
void nt_priority_apply(struct thread *t, u32 class, s32 increment);
s64 nt_priority_set_class(struct process *p, u32 class);
s64 nt_priority_set_increment(struct thread *t, s32 increment);
s64 nt_thread_zero_tls(u32 index);                             /* thread_tls.c */
s64 nt_thread_impersonate(struct thread *t, u64 token_handle); /* token.c; 0: ends it */
status_t nt_token_inherit(struct process *p, struct file **out) MUST_CHECK; /* a copy of the parent's; NULL: it has made none */
s64 nt_token_primary(u64 handle, struct file **out) MUST_CHECK; /* one that a process may be given */
status_t nt_token_assign(struct process *p, struct file *from) MUST_CHECK; /* a copy of this one, before p runs */

/* I/O and page priority of threads and processes: hints that are kept and told back. */
enum { NT_IO_PRIORITY_NORMAL = 2, NT_IO_PRIORITY_CRITICAL = 4, NT_PAGE_PRIORITY_NORMAL = 5 };
static inline s64 nt_io_priority_set(u32 *to, u32 value)
{
	if (value > NT_IO_PRIORITY_NORMAL) /* high ones ask for a privilege that nobody has here */
		return value <= NT_IO_PRIORITY_CRITICAL ? NT(PRIVILEGE_NOT_HELD) : NT(INVALID_PARAMETER);
	*to = value;
	return 0;
}
static inline s64 nt_page_priority_set(u32 *to, u32 value)
{
	if (value > NT_PAGE_PRIORITY_NORMAL)
		return NT(INVALID_PARAMETER);
	*to = value;
	return 0;
}

/* thread.c */
struct nt_thread_request {
	struct process *process;
	u64 start, argument, stack_reserve, stack_commit, zero_bits;
	bool suspended, skip_attach;
};
s64 nt_thread_create(const struct nt_thread_request *r, struct thread **out) MUST_CHECK; /* *out referenced, for sched_release_thread */
struct nt_thread *nt_thread_alloc(u64 teb, u64 start_address);
s64 nt_thread_suspend(struct thread *t, u32 *previous) MUST_CHECK;
u32 nt_thread_resume(struct thread *t);  /* previous count */
void nt_thread_alert(struct thread *t);

/* context.c */
struct nt_context;
#define NT_CONTEXT_SIZE 0x4d0u
#define NT_CONTEXT_FRAME 0x4f0u    /* with CONTEXT_EX */
#define NT_RECORD_SIZE 0x98u
#define NT_CONTEXT_ALL 0x10001fu   /* every part but the extended state */
void nt_context_capture(struct nt_context *c, struct thread *t, u32 flags); /* t current, or not running */
struct nt_xstate;
/* The AVX part behind a CONTEXT with CONTEXT_XSTATE. *va: its place; 0: none. */
s64 nt_xstate_find(const struct nt_context *c, u64 context_va, u64 *va) MUST_CHECK;
void nt_xstate_capture(struct nt_xstate *x, struct thread *t);
void nt_xstate_apply(const struct nt_xstate *x, struct thread *t);
s64 nt_context_apply(const struct nt_context *c, struct thread *t) MUST_CHECK;

s64 nt_query_logical_processors(u64 va, u64 length, u64 return_va) MUST_CHECK;                 /* processors.c */
s64 nt_query_logical_processors_ex(u32 relation, u64 va, u64 length, u64 return_va) MUST_CHECK;
#define NT_INFORMATION_OF(type, a) nt_query_out((a)[2], (a)[3], (a)[4], &(type), sizeof(type), true)

#endif
