// SPDX-License-Identifier: MIT
/* How threads and processes end. thread_exit_current is the one way out: what the thread shares is released first
 * (files before the parent hears of it), the last thread takes the memory down and makes the zombie.
 * Under process_tree_lock: the step to zombie, children to their new parent, the news to the parent, reaping. */
#include "signal.h"
#include "file.h"
#include "linux.h"
#include "nt.h"
#include "service.h"
#include "vfs.h"
#include "../../lib/base/string.h"

#define NSEC_PER_CLOCK_TICK (NSEC_PER_SEC / 100) /* clock_t in siginfo and times(2) */

static void vfork_release(struct thread *t)
{
	spin_lock(&process_tree_lock);
	struct thread *waiter = t->vfork_waiter;
	__atomic_store_n(&t->vfork_waiter, NULL, __ATOMIC_RELEASE);
	if (waiter)
		thread_wake(waiter);
	spin_unlock(&process_tree_lock);
	if (waiter)
		thread_put(waiter);
}

void thread_release_memory(struct thread *t)
{
	struct aspace *as = t->process->aspace;
	if (t->robust_list)
		futex_exit_robust_list(t);
	t->robust_list = 0;
	if (t->clear_child_tid && as && as->refs + t->process->thread_count > 2) { /* somebody is left to read it */
		u32 zero = 0;
		if (!COPY_OUT(user_ptr(t->clear_child_tid), &zero))
			futex_wake_address(t->clear_child_tid, 1);
	}
	t->clear_child_tid = 0;
	if (t->vfork_waiter)
		vfork_release(t);
}

static void drop_aspace(struct process *p)
{
	spin_lock(&process_tree_lock);
	struct aspace *as = p->aspace;
	p->aspace = NULL;
	spin_unlock(&process_tree_lock);
	if (!as)
		return;
	p->max_rss_pages = MAX(p->max_rss_pages, as->resident_pages);
	aspace_switch(NULL);
	aspace_put(as);
}

static struct process *reaper_of(struct process *p)
{
	for (struct process *a = p->parent; a; a = a->parent)
		if ((a->flags & PROC_CHILD_SUBREAPER) && !(a->flags & PROC_EXITING) && !a->zombie)
			return a;
	struct process *init = process_find_locked(1);
	return init != p ? init : NULL;
}

static void hang_up_stopped_group(u32 pgid)
{
	bool stopped = false;
	list_for_each(p, &process_all, struct process, all_link)
		stopped |= p->pgid == pgid && (p->flags & PROC_STOPPED) && !p->zombie;
	if (!stopped)
		return;
	struct siginfo_k hangup = { .signo = SIGHUP, .code = SI_KERNEL }, cont = { .signo = SIGCONT, .code = SI_KERNEL };
	list_for_each(p, &process_all, struct process, all_link) {
		if (p->pgid != pgid || p->zombie)
			continue;
		signal_send_process_locked(p, SIGHUP, &hangup);
		signal_send_process_locked(p, SIGCONT, &cont);
	}
}

static bool keeps_group_from_orphanhood(const struct process *parent, const struct process *child)
{
	return parent && parent->pgid != child->pgid && parent->sid == child->sid;
}

static void give_children_away_locked(struct process *p)
{
	struct process *reaper = list_empty(&p->children) ? NULL : reaper_of(p);
	while (!list_empty(&p->children)) {
		struct process *child = list_first(&p->children, struct process, sibling);
		process_adopt_locked(reaper, child);
		if (child->parent_death_signal) {
			struct siginfo_k info = { .signo = (s32)child->parent_death_signal, .code = SI_USER, .pid = (s32)p->pid };
			signal_send_process_locked(child, info.signo, &info);
		}
		child->exit_signal = SIGCHLD;
		if (child->zombie)
			signal_notify_parent_locked(child, CLD_EXITED);
		else if (keeps_group_from_orphanhood(p, child) && pgrp_is_orphaned_locked(child->pgid, NULL))
			hang_up_stopped_group(child->pgid);
	}
}

/* siginfo of SIGCHLD: what and how, and the child's times. */
static struct siginfo_k child_info(struct process *p, int code)
{
	struct siginfo_k info = {
		.signo = SIGCHLD, .pid = (s32)p->pid, .uid = p->last_cred ? p->last_cred->uid : p->leader ? p->leader->cred->uid : 0,
		.utime = (s64)(p->dead_user_ns / NSEC_PER_CLOCK_TICK), .stime = (s64)(p->dead_system_ns / NSEC_PER_CLOCK_TICK),
	};
	info.code = code;
	if (code == CLD_STOPPED || code == CLD_CONTINUED) {
		info.status = code == CLD_STOPPED ? p->stop_signal : SIGCONT;
	} else if (p->exit_status & 0x7f) {
		info.code = p->exit_status & 0x80 ? CLD_DUMPED : CLD_KILLED;
		info.status = p->exit_status & 0x7f;
	} else {
		info.code = CLD_EXITED;
		info.status = (p->exit_status >> 8) & 0xff;
	}
	return info;
}

void signal_notify_parent_locked(struct process *p, int code)
{
	struct process *parent = p->parent;
	bool dead = p->zombie;
	if (!parent) {
		if (dead && list_empty(&p->sibling)) /* started by the kernel: nobody will wait; an orphan waits for initd */
			process_reap_locked(p);
		return;
	}
	struct siginfo_k info = child_info(p, code);
	spin_lock(&parent->signal_lock);
	struct sigaction_k a = parent->actions->action[SIGCHLD - 1];
	spin_unlock(&parent->signal_lock);
	int signo = dead ? p->exit_signal : SIGCHLD;
	bool autoreap = dead && signo == SIGCHLD && (a.handler == SIG_IGN_K || (a.flags & SA_NOCLDWAIT));
	info.signo = signo;
	if (signo && !(signo == SIGCHLD && a.handler == SIG_IGN_K) && !(!dead && (a.flags & SA_NOCLDSTOP)))
		signal_send_process_locked(parent, signo, &info);
	wake_all(&parent->child_wait);
	if (autoreap)
		process_reap_locked(p);
}

void process_reap_locked(struct process *p)
{
	/* last_cred stays: a handle or a pidfd may outlive the zombie and ask whose it was (process_put drops it). */
	__atomic_sub_fetch(&p->last_cred->user->threads, 1, __ATOMIC_RELAXED);
	process_unlink_locked(p);
}

static void account_thread_locked(struct process *p, struct thread *t)
{
	u64 user, system;
	thread_times(t, &user, &system);
	p->dead_user_ns += user;
	p->dead_system_ns += system;
	p->minor_faults += t->minor_faults;
	p->major_faults += t->major_faults;
	p->dead_voluntary += t->voluntary_switches;
	p->dead_involuntary += t->involuntary_switches;
}

/* Another thread stays: it may be the one that completes a stop, or must take the signals that were meant for this one. */
static void leave_siblings_locked(struct process *p, struct thread *t)
{
	thread_unlink_locked(t);
	__atomic_sub_fetch(&t->cred->user->threads, 1, __ATOMIC_RELAXED);
	spin_lock(&p->signal_lock);
	signal_flush_locked(p, &t->pending, ~0ull);
	list_for_each(other, &p->threads, struct thread, process_link)
		if (p->pending.set & ~other->blocked)
			thread_notify(other, WORK_SIGNAL);
	bool stop_complete = (p->flags & PROC_STOPPED) && p->stopped_count == p->thread_count;
	spin_unlock(&p->signal_lock);
	if (stop_complete)
		signal_notify_parent_locked(p, CLD_STOPPED);
	wake_all(&p->stop_wait); /* exec waits for its siblings there */
}

static void become_zombie_locked(struct process *p, struct thread *t)
{
	bool may_orphan = keeps_group_from_orphanhood(p->parent, p);
	p->last_cred = cred_get(t->cred); /* the thread's place in its user's count becomes the zombie's: never two, never none */
	str_copy(p->last_name, t->name, sizeof(p->last_name));
	spin_lock(&p->signal_lock);
	t->exiting = true;
	signal_flush_locked(p, &t->pending, ~0ull);
	signal_flush_locked(p, &p->pending, ~0ull);
	spin_unlock(&p->signal_lock);
	thread_unlink_locked(t);
	if (p->flags & PROC_EXITING)
		p->exit_status = (s32)p->group_exit_code;
	__atomic_and_fetch(&p->flags, ~(u32)PROC_STOPPED, __ATOMIC_RELAXED);
	give_children_away_locked(p);
	p->zombie = true;
	if (p->parent)
		process_adopt_locked(p->parent, p);
	if (may_orphan && pgrp_is_orphaned_locked(p->pgid, p))
		hang_up_stopped_group(p->pgid);
	wake_all(&p->exit_wait);
	tty_foreground_changed();
	if (p->nt && nt_process_exited)
		nt_process_exited(p);
	signal_notify_parent_locked(p, CLD_EXITED);
}

/* The last thread: everything that may sleep, before the process is seen dead. */
static void process_teardown(struct process *p)
{
	s32 status = p->flags & PROC_EXITING ? (s32)p->group_exit_code : p->exit_status;
	timers_process_exit(p, false);
	if (p->service)
		service_process_exited(p, status);
	if (p->sid == p->pid)
		tty_session_leader_exit(p);
	drop_aspace(p);
	spin_lock(&process_tree_lock);
	struct file *exe = p->exe;
	p->exe = NULL;
	spin_unlock(&process_tree_lock);
	if (exe)
		file_put(exe);
}

void thread_exit_current(s32 wait_status)
{
	struct thread *t = thread_current();
	struct process *p = t->process;
	thread_release_memory(t);
	if (t->nt && nt_thread_exit)
		wait_status = nt_thread_exit(t, wait_status);
	spin_lock(&process_tree_lock);
	struct fdtable *fds = t->fds;
	struct fs_context *fs = t->fs;
	t->fds = NULL;
	t->fs = NULL;
	spin_unlock(&process_tree_lock);
	if (fds)
		fdtable_put(fds);
	if (fs)
		fs_context_put(fs);
	spin_lock(&process_tree_lock);
	account_thread_locked(p, t);
	spin_lock(&p->signal_lock);
	t->exiting = true;
	bool last = p->thread_count == 1;
	p->exit_status = wait_status; /* the last thread's counts, since Linux 6.0 */
	spin_unlock(&p->signal_lock);
	if (!last)
		leave_siblings_locked(p, t);
	spin_unlock(&process_tree_lock);
	if (last) {
		struct sigactions *actions = p->actions;
		process_teardown(p);
		spin_lock(&process_tree_lock);
		become_zombie_locked(p, t);
		spin_lock(&p->signal_lock);
		p->actions = &sigactions_none;
		spin_unlock(&p->signal_lock);
		spin_unlock(&process_tree_lock);
		sigactions_put(actions);
	}
	sched_exit_current();
}

void process_exit_group(s32 wait_status)
{
	struct process *p = process_current();
	process_kill(p, wait_status);
	thread_exit_current((s32)p->group_exit_code);
}

LINUX_HANDLER(exit)
{
	thread_exit_current((s32)(a0 & 0xff) << 8);
}

LINUX_HANDLER(exit_group)
{
	process_exit_group((s32)(a0 & 0xff) << 8);
}
