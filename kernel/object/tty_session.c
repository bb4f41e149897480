// SPDX-License-Identifier: MIT
/* Sessions and job control of terminals: controlling terminal, foreground group, background access, hang-up signals.
 * A session finds its terminal by number (tty->session), so nothing has to be inherited; a process that gave it up
 * with TIOCNOTTY points at tty_none instead. Lock order: process_tree_lock before tty_lock. */
#include "tty.h"

#include "linux/ioctl.h"
#include "vfs.h"

extern struct list_node tty_all;
static struct tty tty_none; /* process->ctty of one that has left its terminal; only its address counts */

static struct tty *tty_of_session_locked(u32 sid)
{
	list_for_each(t, &tty_all, struct tty, all_link)
		if (t->session == sid)
			return t;
	return NULL;
}

bool tty_session_has_terminal(u32 sid)
{
	spin_lock(&tty_lock);
	bool has = tty_of_session_locked(sid);
	spin_unlock(&tty_lock);
	return has;
}

static struct tty *tty_of_session(u32 sid)
{
	struct tty *t;

	if (!sid)
		return NULL;
	spin_lock(&tty_lock);
	t = tty_of_session_locked(sid);
	if (t)
		tty_get(t);
	spin_unlock(&tty_lock);
	return t;
}

struct tty *tty_of_current(void)
{
	struct process *p = process_current();

	return p->ctty == &tty_none ? NULL : tty_of_session(p->sid);
}

u32 tty_of_session_number(u32 sid, s32 *foreground)
{
	struct tty *t = tty_of_session(sid);
	u32 number = 0;

	*foreground = -1;
	if (!t)
		return 0;
	number = (u32)tty_rdev(t);
	if (t->foreground)
		*foreground = (s32)t->foreground;
	tty_put(t);
	return number;
}

static bool is_own(const struct tty *t, const struct process *p) { return t->session && t->session == p->sid && p->ctty != &tty_none; }

/* Waiters for a change of who is in the foreground: Windows programs only, so there is one queue for all terminals. */
static struct wait_queue foreground_changed = { SPINLOCK_INIT(RANK_WAIT_QUEUE), LIST_INIT(foreground_changed.waiters) };

void tty_foreground_changed(void) { wake_all(&foreground_changed); }

/* Is the terminal another group's, and somebody of it alive? */
static bool other_group_has(const struct tty *t, const struct process *p)
{
	u32 foreground = t->foreground;
	bool alive = false;

	if (!is_own(t, p) || !foreground || foreground == p->pgid)
		return false;
	spin_lock(&process_tree_lock);
	list_for_each(o, &process_all, struct process, all_link)
		alive |= o->pgid == foreground && !o->zombie;
	spin_unlock(&process_tree_lock);
	return alive;
}

status_t tty_wait_foreground(struct file *f)
{
	const struct tty *t = f->object;
	const struct process *p = process_current();

	if (likely(!is_own(t, p) || t->foreground == p->pgid))
		return OK;
	return WAIT_EVENT(&foreground_changed, !other_group_has(t, p) || tty_is_hung(f), DEADLINE_NEVER, WAIT_INTERRUPTIBLE) ? ERR_RESTART : OK;
}

status_t tty_check_background(struct tty *t, int signo)
{
	struct process *p = process_current();

	if (likely(!is_own(t, p) || t->foreground == p->pgid || t->foreground == 0))
		return OK;
	if (signal_is_ignored_or_blocked(thread_current(), signo))
		return signo == SIGTTIN ? ERR_IO : OK;
	if (pgrp_is_orphaned(p->pgid))
		return ERR_IO;
	signal_send_group(p->pgid, signo, NULL);
	return ERR_RESTART;
}

static const struct siginfo_k *from_kernel(struct siginfo_k *info, int signo)
{
	*info = (struct siginfo_k){ .signo = signo, .code = 0x80 }; /* SI_KERNEL */
	return info;
}

static void signal_group(u32 pgid, int signo)
{
	struct siginfo_k info;

	if (pgid)
		signal_send_group(pgid, signo, from_kernel(&info, signo));
}

void tty_signal_foreground(struct tty *t, int signo) { signal_group(t->foreground, signo); }

static void signal_leader(u32 sid, int signo)
{
	struct process *p = process_find(sid);
	struct siginfo_k info;

	if (!p)
		return;
	signal_send_process(p, signo, from_kernel(&info, signo));
	process_put(p);
}

/* Takes the session off; returns what it was. */
static void detach(struct tty *t, u32 *session, u32 *foreground)
{
	spin_lock(&tty_lock);
	*session = t->session;
	*foreground = t->foreground;
	t->session = t->foreground = 0;
	spin_unlock(&tty_lock);
	tty_foreground_changed();
}

/* Hang-up: the leader and the foreground group get SIGHUP and SIGCONT, the session loses its terminal. */
void tty_disassociate_session(struct tty *t)
{
	u32 session, foreground;

	detach(t, &session, &foreground);
	if (!session)
		return;
	signal_leader(session, SIGHUP);
	signal_leader(session, SIGCONT);
	signal_group(foreground, SIGHUP);
	signal_group(foreground, SIGCONT);
}

void tty_session_leader_exit(struct process *p)
{
	struct tty *t = p->pid == p->sid ? tty_of_session(p->sid) : NULL;
	u32 session, foreground;

	if (!t)
		return;
	if (t->pty) { /* the line stays up: another session may take the pty over */
		detach(t, &session, &foreground);
		signal_group(foreground, SIGHUP);
		signal_group(foreground, SIGCONT);
	} else {
		tty_hangup(t);
	}
	tty_put(t);
}

static status_t take_session(struct tty *t, struct process *p, bool steal)
{
	struct tty *old;
	status_t st = OK;

	spin_lock(&tty_lock);
	old = tty_of_session_locked(p->sid);
	if (old == t)
		st = OK;
	else if (p->pid != p->sid || old)
		st = ERR_PERM;
	else if (t->session && !steal)
		st = ERR_PERM;
	else {
		t->session = p->sid;
		t->foreground = p->pgid;
	}
	spin_unlock(&tty_lock);
	if (!st && old != t)
		job_of_terminal(p);
	return st;
}

void tty_become_controlling(struct tty *t, bool noctty)
{
	struct process *p = process_current();

	if (!noctty && p && p->pid == p->sid && !t->session && !p->service)
		(void)!take_session(t, p, false);
}

static s64 leave_terminal(struct tty *t, struct process *p)
{
	u32 session, foreground;

	if (!is_own(t, p))
		return ERR_NOTTY;
	if (p->pid != p->sid) {
		p->ctty = &tty_none;
		return OK;
	}
	detach(t, &session, &foreground);
	signal_group(foreground, SIGHUP);
	signal_group(foreground, SIGCONT);
	return OK;
}

/* A group of this session: ERR_SRCH when there is none, ERR_PERM when it is another session's. */
static status_t check_group(u32 pgid, u32 sid)
{
	status_t st = ERR_SRCH;

	spin_lock(&process_tree_lock);
	list_for_each(p, &process_all, struct process, all_link)
		if (p->pgid == pgid) {
			st = p->sid == sid ? OK : ERR_PERM;
			break;
		}
	spin_unlock(&process_tree_lock);
	return st;
}

static s64 set_foreground(struct tty *t, u64 arg)
{
	struct process *p = process_current();
	s32 pgid;
	status_t st;

	if (!is_own(t, p))
		return ERR_NOTTY;
	st = tty_check_background(t, SIGTTOU);
	if (st)
		return st == ERR_IO ? ERR_NOTTY : st;
	st = COPY_IN(&pgid, user_ptr(arg));
	if (st)
		return st;
	if (pgid < 0)
		return ERR_INVAL;
	st = check_group((u32)pgid, p->sid);
	if (st)
		return st;
	spin_lock(&tty_lock);
	t->foreground = (u32)pgid;
	spin_unlock(&tty_lock);
	tty_foreground_changed();
	return OK;
}

s64 tty_session_ioctl(struct tty *t, u32 command, u64 arg, bool is_master)
{
	struct process *p = process_current();
	u32 value;

	switch (command) {
	case TIOCGPGRP_K:
		if (!is_master && !is_own(t, p))
			return ERR_NOTTY;
		value = t->foreground;
		return COPY_OUT(user_ptr(arg), &value);
	case TIOCGSID_K:
		if (!t->session || (!is_master && !is_own(t, p)))
			return ERR_NOTTY;
		value = t->session;
		return COPY_OUT(user_ptr(arg), &value);
	case TIOCSPGRP_K:
		return set_foreground(t, arg);
	case TIOCSCTTY_K:
		if (p->pid != p->sid)
			return ERR_PERM;
		return take_session(t, p, arg == 1 && cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN));
	case TIOCNOTTY_K:
		return leave_terminal(t, p);
	default:
		return FAIL(ERR_NOTTY, "tty ioctl");
	}
}
