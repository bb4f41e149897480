/* SPDX-License-Identifier: MIT */
/* Thread pool: pools of workers, and objects (work, timer, wait, I/O) whose callbacks the workers run.
 * One lock for all (pool_lock). An object stands in its pool's queue while pending > 0; a worker takes one pending call at a
 * time. Memory of an object lives as long as its references: the owner's, one per queue entry or running call, one per armed
 * timer or wait. */
#ifndef AMBOS_WINDOWS_POOL_H
#define AMBOS_WINDOWS_POOL_H

#include <ntdll.h>

struct pool {
	LONG references, threads, idle, maximum, minimum; /* references: objects and the owner */
	LONG calls, starting; /* calls in the queue; workers that have not begun */
	LIST_ENTRY queue;
	RTL_CONDITION_VARIABLE work;
	SIZE_T stack_reserve, stack_commit;
	bool closing;
};
struct group { LIST_ENTRY members; LONG references; bool closing; };
enum pool_kind { POOL_WORK, POOL_SIMPLE, POOL_TIMER, POOL_WAIT, POOL_IO };

struct pool_object {
	enum pool_kind kind;
	LONG references, pending, running, detached; /* detached: running calls that TpDisassociateCallback took out */
	struct pool *pool;
	struct group *group;
	LIST_ENTRY group_link, queue_link, service_link; /* service: timer list or wait list */
	RTL_CONDITION_VARIABLE finished;
	void *callback, *context;
	PTP_CLEANUP_GROUP_CANCEL_CALLBACK cancelled;
	PTP_SIMPLE_CALLBACK finalization;
	void *race_module;
	bool queued, closing, armed;
	bool timer_set;
	ULONGLONG due;           /* timers and waits with a timeout: system time */
	ULONG period_ms;
	HANDLE handle;           /* wait */
	bool has_due, in_wait_thread; /* wait: its callback runs in the thread that waits */
	ULONG result;            /* of the wait */
	LIST_ENTRY completions;  /* I/O: struct completion, oldest first */
	LONG started;            /* I/O operations that were announced */
	void (*dispose)(void *context); /* legacy interfaces: frees context with the object */
};
struct completion { LIST_ENTRY link; void *value; IO_STATUS_BLOCK io; };
/* What a callback gets as PTP_CALLBACK_INSTANCE. */
struct pool_instance {
	struct pool_object *object;
	bool associated;
	RTL_CRITICAL_SECTION *section;
	HANDLE mutex, semaphore, event;
	LONG semaphore_count;
	HMODULE module;
};
extern RTL_SRWLOCK pool_lock;
static inline void pool_enter(void) { RtlAcquireSRWLockExclusive(&pool_lock); }
static inline void pool_leave(void) { RtlReleaseSRWLockExclusive(&pool_lock); }

NTSTATUS pool_object_make(enum pool_kind kind, void *callback, void *context, TP_CALLBACK_ENVIRON *environment, struct pool_object **out);
void pool_object_submit_locked(struct pool_object *object);
void pool_object_run_locked(struct pool_object *object); /* one submitted call, in this thread; the lock is dropped meanwhile */
void pool_object_put_locked(struct pool_object *object); /* may free: the object is not touched after */
void pool_object_release(struct pool_object *object);    /* the owner lets go */
void pool_object_wait(struct pool_object *object, bool cancel);
NTSTATUS pool_thread(LPTHREAD_START_ROUTINE function, void *argument, const struct pool *pool);
void pool_list_add(LIST_ENTRY *head, LIST_ENTRY *entry);
void pool_list_take(LIST_ENTRY *entry);
ULONGLONG pool_now(void);
void pool_timer_disarm_locked(struct pool_object *object);
void pool_wait_disarm_locked(struct pool_object *object);

NTSTATUS NTAPI RtlSleepConditionVariableSRW(RTL_CONDITION_VARIABLE *, RTL_SRWLOCK *, const LARGE_INTEGER *, ULONG);
void NTAPI RtlWakeConditionVariable(RTL_CONDITION_VARIABLE *);
void NTAPI RtlWakeAllConditionVariable(RTL_CONDITION_VARIABLE *);
NTSTATUS NTAPI RtlCreateUserThread(HANDLE, SECURITY_DESCRIPTOR *, BOOLEAN, ULONG, SIZE_T, SIZE_T, LPTHREAD_START_ROUTINE, void *,
	HANDLE *, CLIENT_ID *);
NTSTATUS NTAPI TpAllocTimer(struct pool_object **, PTP_TIMER_CALLBACK, void *, TP_CALLBACK_ENVIRON *);
void NTAPI TpSetTimer(struct pool_object *, LARGE_INTEGER *, LONG, LONG);
NTSTATUS NTAPI TpAllocWait(struct pool_object **, PTP_WAIT_CALLBACK, void *, TP_CALLBACK_ENVIRON *);
void NTAPI TpSetWait(struct pool_object *, HANDLE, LARGE_INTEGER *);
NTSTATUS NTAPI TpSimpleTryPost(PTP_SIMPLE_CALLBACK, void *, TP_CALLBACK_ENVIRON *);

#endif
