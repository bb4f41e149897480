// SPDX-License-Identifier: MIT
/* Sending signals: pending sets and queues, choice of the thread, generation side effects (stop, continue, kill).
 * Rules: signal(7), sigaction(2), POSIX 2.4. Entry points in process.h and signal.h; delivery is signal_deliver.c.
 * Invariants under process->signal_lock:
 * 1. A queue entry's bit is set in its set; a legacy signal (< SIGRTMIN) has at most one entry.
 * 2. A stop signal and SIGCONT are never pending together.
 * 3. PROC_EXITING is final: from then on nothing is queued and every thread has WORK_EXIT. */
#include "signal.h"
#include "cpu.h"
#include "../../lib/base/string.h"

static struct slab_cache *entry_cache;

void thread_notify(struct thread *t, u32 work)
{
	__atomic_or_fetch(&t->work, work, __ATOMIC_RELEASE);
	if (t->state == THREAD_NEW && (work & WORK_EXIT))
		sched_release_thread(t);
	if (t == thread_current() || t->state == THREAD_NEW)
		return;
	thread_wake(t);
	if (t->state == THREAD_RUNNING && t->cpu != cpu_this()->id)
		cpu_send_reschedule(t->cpu);
}

bool thread_signal_pending(struct thread *t)
{
	return __atomic_load_n(&t->work, __ATOMIC_ACQUIRE) & (WORK_SIGNAL | WORK_STOP | WORK_EXIT);
}

sigset_t_k signal_pending_set(struct thread *t)
{
	return t->pending.set | t->process->pending.set;
}

void signal_recalculate_locked(struct thread *t)
{
	if (signal_pending_set(t) & ~t->blocked)
		__atomic_or_fetch(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&t->work, ~(u32)WORK_SIGNAL, __ATOMIC_RELAXED);
}

void signal_set_blocked(sigset_t_k blocked)
{
	struct thread *t = thread_current();
	struct process *p = t->process;
	blocked &= ~SIGNALS_UNBLOCKABLE;
	spin_lock(&p->signal_lock);
	sigset_t_k handed_on = p->pending.set & blocked & ~t->blocked;
	t->blocked = blocked;
	signal_recalculate_locked(t);
	if (unlikely(handed_on) && p->thread_count > 1)
		list_for_each(other, &p->threads, struct thread, process_link)
			if (other != t && (handed_on & ~other->blocked))
				thread_notify(other, WORK_SIGNAL);
	spin_unlock(&p->signal_lock);
}

struct siginfo_k siginfo_from_current(int signo, int code)
{
	struct thread *t = thread_current();
	struct siginfo_k info = { .signo = signo, .code = code };
	if (t->process) {
		info.pid = (s32)t->process->pid;
		info.uid = t->cred->uid;
	} else {
		info.code = SI_KERNEL;
	}
	return info;
}

static bool action_ignores(const struct sigaction_k *a, int signo)
{
	return a->handler == SIG_IGN_K || (a->handler == SIG_DFL_K && (SIGBIT(signo) & SIGNALS_IGNORED_BY_DEFAULT));
}

/* A blocked signal is kept even if it is ignored now: the action may change before it is unblocked. */
static bool signal_dropped_locked(struct process *p, struct thread *t, int signo)
{
	const struct sigaction_k *a = &p->actions->action[signo - 1];
	if (t->blocked & SIGBIT(signo))
		return false;
	if (p->pid == 1 && a->handler == SIG_DFL_K)
		return true;
	return action_ignores(a, signo);
}

bool signal_is_ignored_or_blocked(struct thread *t, int signo)
{
	struct process *p = t->process;
	spin_lock(&p->signal_lock);
	bool result = (t->blocked & SIGBIT(signo)) || p->actions->action[signo - 1].handler == SIG_IGN_K;
	spin_unlock(&p->signal_lock);
	return result;
}

static void entry_free(struct sigqueue_entry *e)
{
	__atomic_sub_fetch(&e->user->queued_signals, 1, __ATOMIC_RELAXED);
	user_put(e->user);
	slab_free(entry_cache, e);
}

void signal_flush_locked(struct process *p, struct sigpending *from, sigset_t_k which)
{
	if (!(from->set & which))
		return;
	from->set &= ~which;
	list_for_each_safe(e, &from->queue, struct sigqueue_entry, link) {
		if (SIGBIT(e->info.signo) & which) {
			list_remove(&e->link);
			entry_free(e);
		}
	}
}

static void flush_everywhere_locked(struct process *p, sigset_t_k which)
{
	signal_flush_locked(p, &p->pending, which);
	list_for_each(t, &p->threads, struct thread, process_link)
		signal_flush_locked(p, &t->pending, which);
}

void process_begin_exit_locked(struct process *p, s32 wait_status)
{
	if (p->flags & PROC_EXITING)
		return;
	p->group_exit_code = (u32)wait_status;
	__atomic_or_fetch(&p->flags, PROC_EXITING, __ATOMIC_RELEASE);
	list_for_each(t, &p->threads, struct thread, process_link) {
		thread_notify(t, WORK_EXIT);
		if (t != thread_current())
			sched_hurry(t);
	}
}

void process_kill(struct process *p, int signo)
{
	spin_lock(&p->signal_lock);
	process_begin_exit_locked(p, signo);
	spin_unlock(&p->signal_lock);
}

static void continue_locked(struct process *p)
{
	flush_everywhere_locked(p, SIGNALS_STOP);
	if (!(p->flags & PROC_STOPPED))
		return;
	__atomic_and_fetch(&p->flags, ~(u32)PROC_STOPPED, __ATOMIC_RELEASE);
	__atomic_or_fetch(&p->flags, PROC_CONTINUED, __ATOMIC_RELEASE);
	p->stopped_count = 0;
	wake_all(&p->stop_wait); /* the first thread that leaves the stop tells the parent */
}

/* Queues one signal. The receiving user's limit makes a real-time signal fail; a legacy one loses only its details. */
static status_t enqueue_locked(struct process *p, struct sigpending *pending, int signo, const struct siginfo_k *info)
{
	if (signo < SIGRTMIN && (pending->set & SIGBIT(signo)))
		return OK;
	if (!entry_cache)
		entry_cache = slab_create("sigqueue", sizeof(struct sigqueue_entry), 8);
	struct sigqueue_entry *e = NULL;
	struct user *user = p->leader->cred->user;
	if (signo < SIGRTMIN || __atomic_load_n(&user->queued_signals, __ATOMIC_RELAXED) < p->rlimits[RLIMIT_SIGPENDING].soft)
		e = slab_alloc(entry_cache);
	if (e) {
		e->info = *info;
		e->user = user_ref(user);
		__atomic_add_fetch(&user->queued_signals, 1, __ATOMIC_RELAXED);
		list_push_back(&pending->queue, &e->link);
	} else if (signo >= SIGRTMIN && info->code != SI_USER) {
		return ERR_AGAIN;
	}
	pending->set |= SIGBIT(signo);
	return OK;
}

static bool thread_wants(struct thread *t, int signo)
{
	return !t->exiting && (!(t->blocked & SIGBIT(signo)) || (t->waiting & SIGBIT(signo)));
}

/* Process-directed: the current or first thread if it takes the signal, else any that does; else it stays pending. */
static struct thread *choose_thread_locked(struct process *p, int signo)
{
	struct thread *self = thread_current();
	if (self->process == p && thread_wants(self, signo))
		return self;
	if (p->leader && thread_wants(p->leader, signo))
		return p->leader;
	list_for_each(t, &p->threads, struct thread, process_link)
		if (thread_wants(t, signo))
			return t;
	return NULL;
}

/* t NULL: process-directed. signal_lock held. */
static status_t send_locked(struct process *p, struct thread *t, int signo, const struct siginfo_k *info, bool forced)
{
	if ((p->flags & PROC_EXITING) || !p->leader)
		return OK;
	struct thread *who = t ? t : p->leader;
	if (signo == SIGKILL) {
		if (p->pid != 1 || forced)
			process_begin_exit_locked(p, SIGKILL);
		return OK;
	}
	if (signo == SIGCONT)
		continue_locked(p);
	else if (SIGBIT(signo) & SIGNALS_STOP)
		flush_everywhere_locked(p, SIGBIT(SIGCONT));
	if (!forced && signal_dropped_locked(p, who, signo))
		return OK;
	status_t st = enqueue_locked(p, t ? &t->pending : &p->pending, signo, info);
	if (st)
		return st;
	wake_all(&p->signal_wait);
	struct thread *target = t ? (thread_wants(t, signo) ? t : NULL) : choose_thread_locked(p, signo);
	if (target)
		thread_notify(target, WORK_SIGNAL);
	return OK;
}

static status_t send(struct process *p, struct thread *t, int signo, const struct siginfo_k *info)
{
	struct siginfo_k own;
	if (signo < 0 || signo > SIGNAL_MAX)
		return ERR_INVAL;
	if (signo == 0)
		return OK;
	if (!info) {
		own = siginfo_from_current(signo, t ? SI_TKILL : SI_USER);
		info = &own;
	}
	spin_lock(&p->signal_lock);
	status_t st = t && t->exiting ? OK : send_locked(p, t, signo, info, false);
	spin_unlock(&p->signal_lock);
	return st;
}

status_t signal_send_process(struct process *p, int signo, const struct siginfo_k *info)
{
	return send(p, NULL, signo, info);
}

status_t signal_send_thread(struct thread *t, int signo, const struct siginfo_k *info)
{
	return send(t->process, t, signo, info);
}

void signal_send_process_locked(struct process *p, int signo, const struct siginfo_k *info)
{
	if (send(p, NULL, signo, info)) { /* a legacy signal always gets through */ }
}

u32 signal_send_group(u32 pgid, int signo, const struct siginfo_k *info)
{
	u32 reached = 0;
	spin_lock(&process_tree_lock);
	list_for_each(p, &process_all, struct process, all_link) {
		if (p->pgid != pgid || (p->flags & PROC_SERVICE) || p->zombie)
			continue;
		reached += send(p, NULL, signo, info) == OK;
	}
	spin_unlock(&process_tree_lock);
	return reached;
}

void signal_force(int signo, int code, u64 addr)
{
	struct thread *t = thread_current();
	struct process *p = t->process;
	struct siginfo_k info = { .signo = signo, .code = code, .addr = addr };
	spin_lock(&p->signal_lock);
	struct sigaction_k *a = &p->actions->action[signo - 1];
	if ((t->blocked & SIGBIT(signo)) || a->handler == SIG_IGN_K) {
		spin_lock(&p->actions->lock);
		a->handler = SIG_DFL_K;
		spin_unlock(&p->actions->lock);
		t->blocked &= ~SIGBIT(signo);
	}
	if (a->handler == SIG_DFL_K)
		t->fault_forced = true; /* kills pid 1 too */
	if (send_locked(p, t, signo, &info, true)) { /* legacy signals are never refused */ }
	spin_unlock(&p->signal_lock);
}

static bool take_entry_locked(struct process *p, struct sigpending *from, int signo, struct siginfo_k *info)
{
	struct sigqueue_entry *found = NULL;
	bool more = false;
	list_for_each(e, &from->queue, struct sigqueue_entry, link) {
		if (e->info.signo != signo)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = e;
	}
	if (!more)
		from->set &= ~SIGBIT(signo);
	if (!found) {
		*info = (struct siginfo_k){ .signo = signo, .code = SI_USER };
		return true;
	}
	*info = found->info;
	list_remove(&found->link);
	entry_free(found);
	return true;
}

/* The thread's own signals first, faults before others, then by number. */
int signal_dequeue_locked(struct thread *t, sigset_t_k set, struct siginfo_k *info)
{
	struct process *p = t->process;
	struct sigpending *from = &t->pending;
	sigset_t_k ready = from->set & set;
	if (ready & SIGNALS_FAULT)
		ready &= SIGNALS_FAULT;
	if (!ready) {
		from = &p->pending;
		ready = from->set & set;
	}
	if (!ready)
		return 0;
	int signo = __builtin_ctzll(ready) + 1;
	take_entry_locked(p, from, signo, info);
	if (info->code == SI_TIMER)
		timer_signal_taken_locked(p, info);
	return signo;
}

int signal_take(sigset_t_k set, struct siginfo_k *info)
{
	struct thread *t = thread_current();
	spin_lock(&t->process->signal_lock);
	int signo = signal_dequeue_locked(t, set, info);
	signal_recalculate_locked(t);
	spin_unlock(&t->process->signal_lock);
	return signo;
}
