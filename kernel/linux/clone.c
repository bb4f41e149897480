// SPDX-License-Identifier: MIT
/* clone, clone3, fork, vfork, unshare. Flags are checked first, everything that can fail is made next, then the child is
 * linked under the tree lock and started: the acting half cannot fail. Rules: clone(2). */
#include "signal.h"
#include "file.h"
#include "linux.h"
#include "vfs.h"
#include "../../lib/base/string.h"

#define CSIGNAL 0xffull
#define CLONE_VM 0x100ull
#define CLONE_FS 0x200ull
#define CLONE_FILES 0x400ull
#define CLONE_SIGHAND 0x800ull
#define CLONE_PIDFD 0x1000ull
#define CLONE_PTRACE 0x2000ull
#define CLONE_VFORK 0x4000ull
#define CLONE_PARENT 0x8000ull
#define CLONE_THREAD 0x10000ull
#define CLONE_SYSVSEM 0x40000ull
#define CLONE_SETTLS 0x80000ull
#define CLONE_PARENT_SETTID 0x100000ull
#define CLONE_CHILD_CLEARTID 0x200000ull
#define CLONE_DETACHED 0x400000ull  /* ignored since Linux 2.6 */
#define CLONE_UNTRACED 0x800000ull  /* no tracer can be told: as good as done */
#define CLONE_CHILD_SETTID 0x1000000ull
#define CLONE_NEWNS 0x20000ull
#define CLONE_NEWUSER 0x10000000ull
#define CLONE_NEW_PRIVILEGED (CLONE_NEWNS | 0x6e000080ull) /* TIME, CGROUP, UTS, IPC, PID, NET: CAP_SYS_ADMIN */
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#define CLONE_KNOWN (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_PIDFD | CLONE_VFORK | CLONE_PARENT | \
	CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | \
	CLONE_UNTRACED | CLONE_CHILD_SETTID | CLONE_CLEAR_SIGHAND)
#define CLONE_ARGS_FIRST_SIZE 64
#define CLONE_ARGS_MAX_SIZE PAGE_SIZE

struct clone_args_user {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
struct clone_parts {          /* made before the point of no return */
	struct thread *t;
	struct process *p;        /* new one, or the caller's */
	struct file *pidfd_file;
	int pidfd;
	bool new_process;
};

/* There is one namespace of each kind: whoever may make others is told that there are none, others that they may not
 * (clone(2)). A user namespace needs no right. */
static status_t check_namespaces(u64 flags)
{
	if (!(flags & CLONE_NEW_PRIVILEGED) || (flags & CLONE_NEWUSER) || cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN))
		return flags & (CLONE_NEW_PRIVILEGED | CLONE_NEWUSER) ? FAIL(ERR_INVAL, "clone: no namespaces") : OK;
	return flags & CLONE_NEWNS && flags & CLONE_FS ? ERR_INVAL : ERR_PERM;
}

static status_t check_flags(const struct clone_args_user *a)
{
	u64 f = a->flags;
	if (f & ~(CLONE_KNOWN | CLONE_NEW_PRIVILEGED | CLONE_NEWUSER))
		return FAIL(ERR_INVAL, "clone flag not supported");
	if (((f & CLONE_SIGHAND) && !(f & CLONE_VM)) || ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND)))
		return ERR_INVAL;
	if ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND))
		return ERR_INVAL;
	if ((f & CLONE_PIDFD) && (f & (CLONE_THREAD | CLONE_DETACHED)))
		return ERR_INVAL;
	if ((f & CLONE_PARENT) && process_current()->pid == 1)
		return ERR_INVAL;
	if (a->exit_signal > SIGNAL_MAX || ((f & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal))
		return ERR_INVAL;
	return check_namespaces(f);
}

static status_t make_thread(struct thread *t, u64 flags)
{
	struct thread *self = thread_current();
	list_init(&t->pending.queue);
	list_init(&t->process_link);
	t->cred = cred_get(self->cred);
	t->blocked = self->blocked;
	sched_inherit(t, self);
	t->ioprio = self->ioprio;
	t->timer_slack_ns = t->timer_slack_default_ns = self->timer_slack_ns;
	if (!(flags & CLONE_VM)) {
		t->rseq_va = self->rseq_va;
		t->rseq_signature = self->rseq_signature;
		t->rseq_cpu = self->rseq_cpu;
	}
	fpu_save(t->fpu_area);
	if (!(flags & CLONE_VM) || (flags & CLONE_VFORK)) {
		t->altstack_base = self->altstack_base;
		t->altstack_size = self->altstack_size;
		t->altstack_flags = self->altstack_flags;
	}
	if (flags & CLONE_FILES)
		fdtable_get(t->fds = self->fds);
	else
		t->fds = fdtable_clone(self->fds);
	if (flags & CLONE_FS) {
		t->fs = self->fs;
		__atomic_add_fetch(&t->fs->refs, 1, __ATOMIC_RELAXED);
	} else {
		t->fs = fs_context_clone(self->fs);
	}
	return t->fds && t->fs ? OK : ERR_NOMEM;
}

static status_t make_actions(struct process *p, struct process *from, u64 flags)
{
	if (flags & CLONE_SIGHAND) {
		p->actions = from->actions;
		__atomic_add_fetch(&p->actions->refs, 1, __ATOMIC_RELAXED);
		return OK;
	}
	p->actions = sigactions_create();
	if (!p->actions)
		return ERR_NOMEM;
	memcpy(p->actions->action, from->actions->action, sizeof(p->actions->action));
	if (flags & CLONE_CLEAR_SIGHAND)
		for (u32 i = 0; i < SIGNAL_MAX; i++)
			if (p->actions->action[i].handler != SIG_IGN_K)
				p->actions->action[i] = (struct sigaction_k){ 0 };
	return OK;
}

static status_t make_process(struct clone_parts *parts, const struct clone_args_user *a)
{
	struct process *from = process_current();
	struct process *p = parts->p = process_alloc();
	if (!p)
		return ERR_NOMEM;
	parts->new_process = true;
	p->flags = from->flags & (PROC_DUMPABLE | PROC_NO_NEW_PRIVS | PROC_THP_DISABLED);
	p->exit_signal = (s32)a->exit_signal;
	p->personality = from->personality;
	p->oom_score_adj = from->oom_score_adj;
	memcpy(p->rlimits, from->rlimits, sizeof(p->rlimits));
	timers_process_init(p);
	status_t st = make_actions(p, from, a->flags);
	if (st)
		return st;
	if (a->flags & CLONE_VM) {
		aspace_get(from->aspace);
		p->aspace = from->aspace;
	} else {
		st = aspace_fork(from->aspace, p->account, &p->aspace);
	}
	return st;
}

static void drop_parts(struct clone_parts *parts)
{
	struct thread *t = parts->t;
	struct process *p = parts->p;
	if (t)
		thread_discard(t);
	if (p && parts->new_process) {
		sigactions_put(p->actions);
		if (p->aspace)
			aspace_put(p->aspace);
		p->aspace = NULL;
		if (p->exe)
			file_put(p->exe);
		process_put(p);
	}
	if (parts->pidfd_file && fdtable_close(thread_current()->fds, parts->pidfd)) { /* it was ours */ }
}

static void set_start_frame(struct thread *t, const struct clone_args_user *a)
{
	struct thread *self = thread_current();
	struct trap_frame frame = *thread_user_frame(self);
	frame.rax = 0;
	frame.vector = 0; /* starts by iret, not as a call that could be restarted */
	if (a->stack)
		frame.rsp = a->stack + a->stack_size;
	thread_set_user_start(t, &frame);
	thread_segments_save(self);
	t->user_fs_base = (a->flags & CLONE_SETTLS) ? a->tls : self->user_fs_base;
	t->user_gs_base = self->user_gs_base;
	t->robust_list = 0;
	t->clear_child_tid = (a->flags & CLONE_CHILD_CLEARTID) ? a->child_tid : 0;
	str_copy(t->name, self->name, sizeof(t->name));
}

/* Links the child. Refused when the caller is being killed, or when numbers have run out. */
static status_t link_child(struct clone_parts *parts, const struct clone_args_user *a)
{
	struct thread *self = thread_current(), *t = parts->t;
	struct process *from = self->process, *p = parts->p;
	status_t st = OK;
	spin_lock(&process_tree_lock);
	u32 tid = pid_alloc_locked(0);
	if (self->work & WORK_EXIT)
		st = ERR_RESTART_NOINTR;
	else if (!tid)
		st = FAIL(ERR_AGAIN, "no thread numbers left");
	else
		st = user_thread_allowed(); /* again: others may have begun since, and from here it counts */
	if (st) {
		spin_unlock(&process_tree_lock);
		return st;
	}
	t->process = p;
	process_get(p); /* the thread's */
	if (parts->new_process) {
		struct process *parent = (a->flags & CLONE_PARENT) ? from->parent : from;
		if (a->flags & CLONE_PARENT)
			p->exit_signal = from->exit_signal;
		process_link_locked(p, tid, parent);
		process_move_group_locked(p, from->pgid, from->sid);
		p->ctty = from->ctty;
		if (from->exe)
			file_get(p->exe = from->exe);
	}
	if (a->flags & CLONE_VFORK) {
		thread_get(self);
		t->vfork_waiter = self;
	}
	thread_get(t); /* the caller's, until vfork and pidfd are done */
	thread_link_locked(p, t, tid);
	if (p->flags & PROC_STOPPED)
		__atomic_or_fetch(&t->work, WORK_STOP, __ATOMIC_RELAXED);
	spin_unlock(&process_tree_lock);
	return OK;
}

/* The parent sleeps until the child execs or exits; a kill ends the wait and the child goes on alone. */
static void vfork_wait(struct thread *child)
{
	struct thread *self = thread_current();
	for (;;) {
		wait_prepare();
		if (!__atomic_load_n(&child->vfork_waiter, __ATOMIC_ACQUIRE))
			break;
		if (wait_sleep(DEADLINE_NEVER, WAIT_KILLABLE) == ERR_INTR)
			break;
	}
	wait_finish();
	spin_lock(&process_tree_lock);
	bool ours = child->vfork_waiter == self;
	child->vfork_waiter = NULL;
	spin_unlock(&process_tree_lock);
	if (ours)
		thread_put(self);
}

static status_t tell_tid(const struct clone_args_user *a, struct clone_parts *parts)
{
	u32 tid = parts->t->tid;
	if ((a->flags & CLONE_PARENT_SETTID) && COPY_OUT(user_ptr(a->parent_tid), &tid)) { /* as Linux: not an error */ }
	if (a->flags & CLONE_CHILD_SETTID) {
		if (a->flags & CLONE_VM) {
			if (COPY_OUT(user_ptr(a->child_tid), &tid)) { /* as Linux */ }
		} else if (aspace_write_bytes(parts->p->aspace, a->child_tid, &tid, sizeof(tid)) < 0) { /* as Linux */ }
	}
	return OK;
}

static s64 make_pidfd(struct clone_parts *parts, const struct clone_args_user *a)
{
	if (!(a->flags & CLONE_PIDFD))
		return OK;
	if (!pidfd_create)
		return ERR_INVAL;
	struct file *f = pidfd_create(parts->p, O_CLOEXEC_K);
	if (!f)
		return ERR_NOMEM;
	int fd = fdtable_install(thread_current()->fds, f, 0, FD_CLOEXEC_K);
	if (fd < 0) {
		file_put(f);
		return fd;
	}
	parts->pidfd_file = f;
	parts->pidfd = fd;
	return COPY_OUT(user_ptr(a->pidfd), &fd);
}

static s64 clone_run(const struct clone_args_user *a)
{
	struct clone_parts parts = { .p = process_current(), .pidfd = -1 };
	s64 st = check_flags(a);
	if (!st)
		st = user_thread_allowed();
	if (st)
		return st;
	parts.t = memory_admit_program() ? thread_alloc(thread_current()->name) : NULL;
	st = parts.t ? make_thread(parts.t, a->flags) : ERR_NOMEM;
	if (!st && !(a->flags & CLONE_THREAD))
		st = make_process(&parts, a);
	if (!st)
		st = make_pidfd(&parts, a);
	if (!st) {
		set_start_frame(parts.t, a);
		st = link_child(&parts, a);
	}
	if (st) {
		drop_parts(&parts);
		return st;
	}
	struct thread *t = parts.t;
	u32 tid = t->tid;
	if (tell_tid(a, &parts)) { /* never fails */ }
	sched_start_thread(t);
	if (a->flags & CLONE_VFORK)
		vfork_wait(t);
	thread_put(t);
	return tid;
}

LINUX_HANDLER(clone)
{
	struct clone_args_user a = {
		.flags = (u32)a0 & ~CSIGNAL, .exit_signal = a0 & CSIGNAL, .stack = a1, .parent_tid = a2, .pidfd = a2,
		.child_tid = a3, .tls = a4,
	};
	if ((a.flags & CLONE_PIDFD) && (a.flags & CLONE_PARENT_SETTID))
		return ERR_INVAL; /* both would use the same argument */
	if (a.flags & CLONE_THREAD)
		a.exit_signal = 0; /* ignored by clone(2), refused by clone3(2) */
	else if (a.flags & CLONE_PARENT)
		a.exit_signal = 0;
	return clone_run(&a);
}

LINUX_HANDLER(clone3)
{
	struct clone_args_user a = { 0 };
	u8 rest[64];
	if (a1 < CLONE_ARGS_FIRST_SIZE)
		return ERR_INVAL;
	if (a1 > CLONE_ARGS_MAX_SIZE)
		return ERR_2BIG;
	if (copy_in(&a, user_ptr(a0), MIN(a1, sizeof(a))))
		return ERR_FAULT;
	for (u64 at = sizeof(a); at < a1; at += sizeof(rest)) {
		u64 n = MIN(a1 - at, sizeof(rest));
		if (copy_in(rest, user_ptr(a0 + at), n))
			return ERR_FAULT;
		for (u64 i = 0; i < n; i++)
			if (rest[i])
				return ERR_2BIG;
	}
	if (a.set_tid || a.set_tid_size || a.cgroup || (a.flags & (CSIGNAL | CLONE_DETACHED)))
		return FAIL(ERR_INVAL, "clone3 field not supported");
	if (!a.stack != !a.stack_size || a.stack + a.stack_size > USER_TOP)
		return ERR_INVAL;
	return clone_run(&a);
}

LINUX_HANDLER(fork)
{
	struct clone_args_user a = { .exit_signal = SIGCHLD };
	return clone_run(&a);
}

LINUX_HANDLER(vfork)
{
	struct clone_args_user a = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
	return clone_run(&a);
}

/* ---- unshare(2) ---- */
#define UNSHARE_KNOWN (CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | \
	CLONE_NEW_PRIVILEGED | CLONE_NEWUSER)

static status_t unshare_fs(void)
{
	struct thread *self = thread_current();
	struct fs_context *old = self->fs, *own;
	if (__atomic_load_n(&old->refs, __ATOMIC_ACQUIRE) == 1)
		return OK;
	own = fs_context_clone(old);
	if (!own)
		return ERR_NOMEM;
	spin_lock(&process_tree_lock); /* process_fs_get looks under it */
	self->fs = own;
	spin_unlock(&process_tree_lock);
	fs_context_put(old);
	return OK;
}

LINUX_HANDLER(unshare)
{
	u64 f = a0;
	status_t st = check_namespaces(f);
	if (f & ~UNSHARE_KNOWN)
		return ERR_INVAL;
	if ((f & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && process_current()->thread_count > 1)
		return ERR_INVAL; /* memory and signals of a thread group are one */
	if (!st && (f & CLONE_FS))
		st = unshare_fs();
	return !st && (f & CLONE_FILES) ? fdtable_unshare() : st;
}
