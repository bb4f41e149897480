// SPDX-License-Identifier: MIT
/* The signal rows of the Linux table, siginfo in its user form, and temporary masks (ppoll and friends). */
#include "signal.h"
#include "linux.h"
#include "policy.h"
#include "service.h"
#include "../../lib/base/string.h"

#define SIGSET_BYTES 8

struct sigaction_user { u64 handler, flags, restorer; sigset_t_k mask; };
#define SA_KNOWN (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND)

static inline u64 pair(s32 low, s32 high)
{
	return (u32)low | (u64)(u32)high << 32;
}

#define POLL_CODES 6 /* POLL_IN to POLL_HUP, sigaction(2) */

/* siginfo_t as words: 0 signo and errno, 1 code, from 2 on a union that signal and code select. */
void siginfo_to_user(const struct siginfo_k *info, u64 out[16])
{
	out[0] = pair(info->signo, info->err);
	out[1] = (u32)info->code;
	for (u32 i = 4; i < 16; i++)
		out[i] = 0;
	out[2] = pair(info->pid, (s32)info->uid);
	out[3] = info->value;
	if (info->code == SI_TIMER) {
		out[2] = pair(info->timer_id, info->overrun);
	} else if (info->code > 0 && info->signo == SIGCHLD) {
		out[3] = (u32)info->status;
		out[4] = (u64)info->utime;
		out[5] = (u64)info->stime;
	} else if (info->code > 0 && (SIGBIT(info->signo) & SIGNALS_FAULT)) {
		out[2] = info->addr;
		out[3] = 0;
	} else if (info->code > 0 && info->code <= POLL_CODES) { /* F_SETSIG: of any signal */
		out[2] = (u64)(s64)info->band;
		out[3] = (u32)info->fd;
	}
}

status_t siginfo_from_user(struct user_ptr p, struct siginfo_k *info)
{
	u8 raw[128];
	status_t st = copy_in(raw, p, sizeof(raw));
	*info = (struct siginfo_k){ 0 };
	memcpy(&info->err, raw + 4, 4);
	memcpy(&info->code, raw + 8, 4);
	memcpy(&info->pid, raw + 16, 4);
	memcpy(&info->uid, raw + 20, 4);
	memcpy(&info->value, raw + 24, 8);
	memcpy(&info->band, raw + 16, 4); /* the same bytes: the code says which */
	memcpy(&info->fd, raw + 24, 4);
	return st;
}

status_t signal_mask_temporary(struct user_ptr mask, u64 size)
{
	struct thread *t = thread_current();
	sigset_t_k wanted;
	if (user_is_null(mask))
		return OK;
	if (size != SIGSET_BYTES)
		return ERR_INVAL;
	if (COPY_IN(&wanted, mask))
		return ERR_FAULT;
	t->saved_mask = t->blocked;
	t->restore_mask = true;
	signal_set_blocked(wanted);
	return OK;
}

void signal_mask_finish(bool interrupted)
{
	struct thread *t = thread_current();
	if (!t->restore_mask)
		return;
	if (interrupted) { /* the handler must run under the temporary mask; delivery restores the saved one */
		__atomic_or_fetch(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
		return;
	}
	t->restore_mask = false;
	signal_set_blocked(t->saved_mask);
}

LINUX_HANDLER(rt_sigaction)
{
	int signo = (int)a0;
	struct sigaction_user in, out;
	struct process *p = process_current();
	if (a3 != SIGSET_BYTES || signo < 1 || signo > SIGNAL_MAX)
		return ERR_INVAL;
	if (a1 && (SIGBIT(signo) & SIGNALS_UNBLOCKABLE))
		return ERR_INVAL;
	if (a1 && COPY_IN(&in, user_ptr(a1)))
		return ERR_FAULT;
	spin_lock(&p->signal_lock);
	struct sigaction_k *a = &p->actions->action[signo - 1];
	out = (struct sigaction_user){ a->handler, a->flags, a->restorer, a->mask };
	if (a1) {
		spin_lock(&p->actions->lock);
		/* Unknown flags read back as zero: that is how programs probe for support (sigaction(2)). */
		*a = (struct sigaction_k){ in.handler, in.flags & SA_KNOWN, in.restorer, in.mask & ~SIGNALS_UNBLOCKABLE };
		spin_unlock(&p->actions->lock);
		bool ignored = a->handler == SIG_IGN_K ||
			(a->handler == SIG_DFL_K && (SIGBIT(signo) & SIGNALS_IGNORED_BY_DEFAULT));
		if (ignored) {
			signal_flush_locked(p, &p->pending, SIGBIT(signo));
			list_for_each(t, &p->threads, struct thread, process_link)
				signal_flush_locked(p, &t->pending, SIGBIT(signo));
		}
	}
	spin_unlock(&p->signal_lock);
	return a2 ? COPY_OUT(user_ptr(a2), &out) : OK;
}

LINUX_HANDLER(rt_sigprocmask)
{
	enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
	struct thread *t = thread_current();
	sigset_t_k old = t->blocked, set;
	if (a3 != SIGSET_BYTES)
		return ERR_INVAL;
	if (a1) {
		if (COPY_IN(&set, user_ptr(a1)))
			return ERR_FAULT;
		switch ((int)a0) {
		case SIG_BLOCK: set |= old; break;
		case SIG_UNBLOCK: set = old & ~set; break;
		case SIG_SETMASK: break;
		default: return ERR_INVAL;
		}
		signal_set_blocked(set);
	}
	return a2 ? COPY_OUT(user_ptr(a2), &old) : OK;
}

LINUX_HANDLER(rt_sigpending)
{
	struct thread *t = thread_current();
	if (a1 > SIGSET_BYTES)
		return ERR_INVAL;
	sigset_t_k pending = signal_pending_set(t) & t->blocked;
	return copy_out(user_ptr(a0), &pending, a1);
}

LINUX_HANDLER(rt_sigsuspend)
{
	sigset_t_k set;
	struct thread *t = thread_current();
	if (a1 != SIGSET_BYTES)
		return ERR_INVAL;
	if (COPY_IN(&set, user_ptr(a0)))
		return ERR_FAULT;
	t->saved_mask = t->blocked;
	t->restore_mask = true;
	signal_set_blocked(set);
	do
		wait_prepare();
	while (!thread_signal_pending(t) && wait_sleep(DEADLINE_NEVER, WAIT_INTERRUPTIBLE) != ERR_INTR);
	wait_finish();
	signal_mask_finish(true);
	return ERR_RESTART_NOHAND;
}

LINUX_HANDLER(pause)
{
	struct thread *t = thread_current();
	do
		wait_prepare();
	while (!thread_signal_pending(t) && wait_sleep(DEADLINE_NEVER, WAIT_INTERRUPTIBLE) != ERR_INTR);
	wait_finish();
	return ERR_RESTART_NOHAND;
}

LINUX_HANDLER(restart_syscall)
{
	struct thread *t = thread_current();
	s64 (*fn)(struct thread *) = t->restart_fn;
	t->restart_fn = NULL;
	return fn ? fn(t) : ERR_INTR;
}

static void set_waiting(struct thread *t, sigset_t_k set)
{
	spin_lock(&t->process->signal_lock);
	t->waiting = set;
	spin_unlock(&t->process->signal_lock);
}

LINUX_HANDLER(rt_sigtimedwait)
{
	struct thread *t = thread_current();
	struct siginfo_k info;
	sigset_t_k set;
	u64 deadline = DEADLINE_NEVER, timeout_ns;
	if (a3 != SIGSET_BYTES)
		return ERR_INVAL;
	if (COPY_IN(&set, user_ptr(a0)))
		return ERR_FAULT;
	if (a2) {
		status_t st = timespec_in(user_ptr(a2), &timeout_ns);
		if (st)
			return st;
		deadline = deadline_from_relative(timeout_ns);
	}
	set &= ~SIGNALS_UNBLOCKABLE;
	set_waiting(t, set);
	int signo = 0;
	status_t st = OK;
	for (;;) {
		wait_prepare();
		signo = signal_take(set, &info);
		if (signo || st)
			break;
		if (a2 && timeout_ns == 0)
			st = ERR_TIMEDOUT;
		else
			st = wait_sleep(deadline, WAIT_INTERRUPTIBLE);
	}
	wait_finish();
	set_waiting(t, 0);
	if (!signo)
		return st == ERR_TIMEDOUT ? ERR_AGAIN : ERR_INTR;
	if (a1) {
		u64 raw[16];
		siginfo_to_user(&info, raw);
		if (copy_out(user_ptr(a1), raw, sizeof(raw)))
			return ERR_FAULT;
	}
	return signo;
}

bool signal_permitted(struct process *target, int signo)
{
	struct thread *t = thread_current();
	if (target == t->process)
		return true;
	if (target->service && target->service->id == SERVICE_ROOTD) /* its death is the machine's */
		return signo == 0;
	struct cred *theirs = process_cred_get(target);
	const struct cred *c = t->cred;
	bool allowed = c->euid == theirs->suid || c->euid == theirs->uid || c->uid == theirs->suid || c->uid == theirs->uid ||
		(signo == SIGCONT && target->sid == t->process->sid);
	if (!allowed && cred_has_cap(c, CAP_KILL))
		allowed = policy_signal_by_capability(target, theirs, signo);
	cred_put(theirs);
	return allowed;
}

static s64 kill_process(u32 pid, int signo, const struct siginfo_k *info)
{
	struct process *p = process_find_by_thread(pid);
	if (!p)
		return ERR_SRCH;
	s64 st = signal_permitted(p, signo) ? signal_send_process(p, signo, info) : ERR_PERM;
	process_put(p);
	return st;
}

/* kill(-1) and groups. Collects first, sends then: permission needs the credentials, which need the tree lock. */
static s64 kill_many(u32 pgid, int signo, const struct siginfo_k *info)
{
	u32 self = process_current()->pid, matched = 0, sent = 0;
	s64 failure = ERR_SRCH;
	struct process *p;
	for (u32 from = 1; (p = process_next(from)); process_put(p)) {
		from = p->pid + 1;
		if ((p->flags & PROC_SERVICE) || (pgid ? p->pgid != pgid : p->pid == 1 || p->pid == self))
			continue;
		matched++;
		s64 st = signal_permitted(p, signo) ? signal_send_process(p, signo, info) : ERR_PERM;
		if (st == OK)
			sent++;
		else
			failure = st;
		preempt_point();
	}
	return sent ? OK : matched ? failure : ERR_SRCH;
}

static s64 kill_by_id(s32 pid, int signo, const struct siginfo_k *info)
{
	if (signo < 0 || signo > SIGNAL_MAX)
		return ERR_INVAL;
	if (pid > 0)
		return kill_process((u32)pid, signo, info);
	if (pid == 0)
		return kill_many(process_current()->pgid, signo, info);
	if (pid == -1)
		return kill_many(0, signo, info);
	return pid == INT32_MIN ? ERR_SRCH : kill_many((u32)-pid, signo, info);
}

LINUX_HANDLER(kill)
{
	struct siginfo_k info = siginfo_from_current((int)a1, SI_USER);
	return kill_by_id((s32)a0, (int)a1, &info);
}

static s64 kill_thread(s32 tgid, s32 tid, int signo, const struct siginfo_k *info)
{
	if (tid <= 0 || signo < 0 || signo > SIGNAL_MAX)
		return ERR_INVAL;
	struct thread *t = thread_find((u32)tid);
	if (!t)
		return ERR_SRCH;
	s64 st = ERR_SRCH;
	if (t->process && (tgid == 0 || t->process->pid == (u32)tgid))
		st = signal_permitted(t->process, signo) ? signal_send_thread(t, signo, info) : ERR_PERM;
	thread_put(t);
	return st;
}

LINUX_HANDLER(tkill)
{
	struct siginfo_k info = siginfo_from_current((int)a1, SI_TKILL);
	return kill_thread(0, (s32)a0, (int)a1, &info);
}

LINUX_HANDLER(tgkill)
{
	struct siginfo_k info = siginfo_from_current((int)a2, SI_TKILL);
	return (s32)a0 <= 0 ? ERR_INVAL : kill_thread((s32)a0, (s32)a1, (int)a2, &info);
}

/* A program may only claim codes that the kernel never uses, except towards itself. */
static s64 queueinfo_in(struct user_ptr p, int signo, u32 target_pid, struct siginfo_k *info)
{
	if (siginfo_from_user(p, info))
		return ERR_FAULT;
	info->signo = signo;
	if ((info->code >= 0 || info->code == SI_TKILL) && target_pid != process_current()->pid)
		return ERR_PERM;
	return OK;
}

LINUX_HANDLER(rt_sigqueueinfo)
{
	struct siginfo_k info;
	s64 st = queueinfo_in(user_ptr(a2), (int)a1, (u32)a0, &info);
	if (st)
		return st;
	if ((int)a1 < 0 || (int)a1 > SIGNAL_MAX)
		return ERR_INVAL;
	return (s32)a0 <= 0 ? ERR_SRCH : kill_process((u32)a0, (int)a1, &info);
}

LINUX_HANDLER(rt_tgsigqueueinfo)
{
	struct siginfo_k info;
	s64 st = queueinfo_in(user_ptr(a3), (int)a2, (u32)a0, &info);
	if (st)
		return st;
	return (s32)a0 <= 0 ? ERR_INVAL : kill_thread((s32)a0, (s32)a1, (int)a2, &info);
}

struct stack_user { u64 sp; s32 flags, pad; u64 size; };

static s64 altstack_set(struct thread *t, const struct stack_user *in)
{
	u32 mode = (u32)in->flags & ~SS_AUTODISARM;
	if (signal_on_altstack(t, thread_user_frame(t)->rsp))
		return ERR_PERM;
	if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
		return ERR_INVAL;
	if (mode == SS_DISABLE) {
		t->altstack_base = t->altstack_size = 0;
		t->altstack_flags = 0;
		return OK;
	}
	if (in->size < MINSIGSTKSZ)
		return ERR_NOMEM;
	t->altstack_base = in->sp;
	t->altstack_size = in->size;
	t->altstack_flags = (u32)in->flags & SS_AUTODISARM;
	return OK;
}

LINUX_HANDLER(sigaltstack)
{
	struct thread *t = thread_current();
	struct stack_user in, out = { t->altstack_base, 0, 0, t->altstack_size };
	out.flags = !t->altstack_size ? SS_DISABLE : signal_on_altstack(t, thread_user_frame(t)->rsp) ? SS_ONSTACK : 0;
	out.flags |= (s32)t->altstack_flags;
	if (a0) {
		if (COPY_IN(&in, user_ptr(a0)))
			return ERR_FAULT;
		s64 st = altstack_set(t, &in);
		if (st)
			return st;
	}
	return a1 ? COPY_OUT(user_ptr(a1), &out) : OK;
}
