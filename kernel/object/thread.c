// SPDX-License-Identifier: MIT
/* Thread references, and processes that the kernel itself starts (first process, services, launches).
 * A thread holds a reference on its process; the scheduler drops a thread's own reference once it is off the CPU. */
#include "signal.h"
#include "file.h"
#include "nt.h"
#include "process_table.h"
#include "vfs.h"
#include "../../lib/base/string.h"

/* Limits of a program before a policy grants others: as a Debian shell has them. */
#define STACK_LIMIT MIB(8)
#define FILES_SOFT 1024
#define FILES_HARD 1048576
#define PENDING_SIGNALS 3900      /* queued real-time signals per process */
#define MEMLOCK_LIMIT MIB(8)
#define MESSAGE_QUEUE_BYTES 819200

void thread_put(struct thread *t)
{
	if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	struct process *p = t->process;
	if (t->nt && nt_thread_free)
		nt_thread_free(t);
	cred_put(t->cred);
	if (t->tid)
		pid_object_gone(&pid_slot(t->tid)->thread_objects);
	thread_free(t);
	process_put(p);
}

void thread_discard(struct thread *t)
{
	if (t->fds)
		fdtable_put(t->fds);
	if (t->fs)
		fs_context_put(t->fs);
	if (t->cred)
		cred_put(t->cred);
	thread_free(t);
}

static void rlimits_default(struct rlimit_k *limits)
{
	for (u32 i = 0; i < RLIMIT_COUNT; i++)
		limits[i] = (struct rlimit_k){ UINT64_MAX, UINT64_MAX };
	limits[RLIMIT_STACK] = (struct rlimit_k){ STACK_LIMIT, UINT64_MAX };
	limits[RLIMIT_CORE] = (struct rlimit_k){ 0, UINT64_MAX };
	limits[RLIMIT_NOFILE] = (struct rlimit_k){ FILES_SOFT, FILES_HARD };
	limits[RLIMIT_MEMLOCK] = (struct rlimit_k){ MEMLOCK_LIMIT, MEMLOCK_LIMIT };
	limits[RLIMIT_NPROC] = (struct rlimit_k){ process_count_max() / 2, process_count_max() / 2 }; /* as Linux */
	limits[RLIMIT_SIGPENDING] = (struct rlimit_k){ PENDING_SIGNALS, PENDING_SIGNALS };
	limits[RLIMIT_MSGQUEUE] = (struct rlimit_k){ MESSAGE_QUEUE_BYTES, MESSAGE_QUEUE_BYTES };
	limits[RLIMIT_NICE] = (struct rlimit_k){ 0, 0 };
	limits[RLIMIT_RTPRIO] = (struct rlimit_k){ 0, 0 };
}

struct sigactions sigactions_none = { .refs = 1, .lock = SPINLOCK_INIT(RANK_SIGNAL_ACTIONS) };

struct sigactions *sigactions_create(void)
{
	struct sigactions *a = kzalloc(sizeof(*a));
	if (a) {
		a->refs = 1;
		spin_init(&a->lock, RANK_SIGNAL_ACTIONS);
	}
	return a;
}

void sigactions_put(struct sigactions *a)
{
	if (a && !__atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL))
		kfree(a);
}

/* What a started process does not inherit: it begins with the parent's place in the file tree and credentials. */
static bool thread_fill(struct thread *t, struct process *p, struct process *parent)
{
	t->process = p;
	list_init(&t->pending.queue);
	list_init(&t->process_link);
	struct fs_context *fs = parent ? process_fs_get(parent) : NULL;
	t->cred = parent ? process_cred_get(parent) : cred_root();
	t->fs = fs ? fs_context_clone(fs) : fs_context_initial();
	if (fs)
		fs_context_put(fs);
	t->fds = fdtable_create();
	return t->fs && t->fds;
}

struct process *process_create_pid(u32 pid, struct process *parent, const char *name, void (*fn)(void *), void *arg)
{
	struct process *p = process_alloc();
	struct thread *t = p ? thread_alloc(name) : NULL;
	if (!p)
		return NULL;
	p->actions = sigactions_create();
	p->aspace = aspace_create(p->account);
	p->exit_signal = SIGCHLD;
	p->flags = PROC_DUMPABLE;
	if (parent)
		memcpy(p->rlimits, parent->rlimits, sizeof(p->rlimits));
	else
		rlimits_default(p->rlimits);
	timers_process_init(p);
	if (!t || !p->actions || !p->aspace)
		goto fail;
	if (!thread_fill(t, p, parent))
		goto fail;
	thread_set_start(t, fn, arg);
	spin_lock(&process_tree_lock);
	pid = pid_alloc_locked(pid);
	if (pid) {
		process_link_locked(p, pid, parent);
		process_get(p); /* the thread's */
		thread_link_locked(p, t, pid);
	}
	spin_unlock(&process_tree_lock);
	if (pid)
		return p;
fail:
	if (t)
		thread_discard(t);
	sigactions_put(p->actions);
	if (p->aspace)
		aspace_put(p->aspace);
	p->aspace = NULL;
	process_put(p);
	return NULL;
}

struct process *process_create(struct process *parent, const char *name, void (*fn)(void *), void *arg)
{
	return process_create_pid(0, parent, name, fn, arg);
}

void process_start(struct process *p)
{
	sched_start_thread(p->leader);
}
