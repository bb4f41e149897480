// SPDX-License-Identifier: MIT
/* Rows about the identity of processes and threads: ids, groups and sessions, prctl, arch_prctl, pidfds, kcmp. */
#include "linux.h"
#include "policy.h"
#include "signal.h"
#include "trap.h"
#include "../../lib/base/string.h"

LINUX_HANDLER(getpid)
{
	return process_current()->pid;
}

LINUX_HANDLER(gettid)
{
	return thread_current()->tid;
}

LINUX_HANDLER(getppid)
{
	struct process *p = process_current();
	spin_lock(&process_tree_lock);
	u32 pid = p->parent ? p->parent->pid : p->pid == 1 || list_empty(&p->sibling) ? 0 : 1;
	spin_unlock(&process_tree_lock);
	return pid;
}

LINUX_HANDLER(getpgrp)
{
	return process_current()->pgid;
}

/* 0 means the caller. Referenced, or NULL. */
static struct process *process_of(s32 pid)
{
	if (pid == 0) {
		process_get(process_current());
		return process_current();
	}
	return pid > 0 ? process_find((u32)pid) : NULL;
}

LINUX_HANDLER(getpgid)
{
	struct process *p = process_of((s32)a0);
	if (!p)
		return ERR_SRCH;
	s64 pgid = p->pgid;
	process_put(p);
	return pgid;
}

LINUX_HANDLER(getsid)
{
	struct process *p = process_of((s32)a0);
	if (!p)
		return ERR_SRCH;
	s64 sid = p->sid;
	process_put(p);
	return sid;
}

static s64 setpgid_locked(struct process *self, u32 pid, u32 pgid)
{
	struct process *p = process_find_locked(pid);
	if (!p || (p != self && p->parent != self))
		return ERR_SRCH;
	if (p != self && p->sid != self->sid)
		return ERR_PERM;
	if (p != self && (p->flags & PROC_EXECED))
		return ERR_ACCES;
	if (p->sid == p->pid)
		return ERR_PERM;
	if (pgid != pid && !pgrp_exists_locked(pgid, self->sid))
		return ERR_PERM;
	process_move_group_locked(p, pgid, p->sid);
	return OK;
}

LINUX_HANDLER(setpgid)
{
	struct process *self = process_current();
	u32 pid = (u32)a0 ? (u32)a0 : self->pid, pgid = (u32)a1 ? (u32)a1 : pid;
	if ((s32)a1 < 0)
		return ERR_INVAL;
	if ((s32)a0 < 0)
		return ERR_SRCH;
	spin_lock(&process_tree_lock);
	s64 st = setpgid_locked(self, pid, pgid);
	spin_unlock(&process_tree_lock);
	return st;
}

LINUX_HANDLER(vhangup)
{
	if (!cred_has_cap(thread_current()->cred, CAP_SYS_TTY_CONFIG))
		return ERR_PERM;
	tty_hangup_current();
	return OK;
}

LINUX_HANDLER(setsid)
{
	struct process *p = process_current();
	s64 result = p->pid;
	spin_lock(&process_tree_lock);
	bool group_exists = p->pgid == p->pid;
	list_for_each(other, &process_all, struct process, all_link)
		group_exists |= other->pgid == p->pid;
	if (group_exists) {
		result = ERR_PERM;
	} else {
		process_move_group_locked(p, p->pid, p->pid);
		p->ctty = NULL;
	}
	spin_unlock(&process_tree_lock);
	return result;
}

LINUX_HANDLER(set_tid_address)
{
	struct thread *t = thread_current();
	t->clear_child_tid = a0;
	return t->tid;
}

LINUX_HANDLER(arch_prctl)
{
	enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };
	struct thread *t = thread_current();
	thread_segments_save(t);
	switch ((u32)a0) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (a1 >= USER_TOP)
			return ERR_PERM;
		*((u32)a0 == ARCH_SET_FS ? &t->user_fs_base : &t->user_gs_base) = a1;
		thread_segments_load(t);
		return OK;
	case ARCH_GET_FS: return COPY_OUT(user_ptr(a1), &t->user_fs_base);
	case ARCH_GET_GS: return COPY_OUT(user_ptr(a1), &t->user_gs_base);
	default: return ERR_INVAL;
	}
}

enum prctl_option {
	PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4, PR_GET_KEEPCAPS = 7,
	PR_SET_KEEPCAPS = 8, PR_GET_TIMING = 13, PR_SET_NAME = 15, PR_GET_NAME = 16, PR_GET_SECCOMP = 21,
	PR_CAPBSET_READ = 23, PR_CAPBSET_DROP = 24, PR_GET_TSC = 25, PR_SET_TSC = 26, PR_GET_SECUREBITS = 27,
	PR_SET_SECUREBITS = 28, PR_SET_TIMERSLACK = 29, PR_GET_TIMERSLACK = 30, PR_SET_CHILD_SUBREAPER = 36,
	PR_GET_CHILD_SUBREAPER = 37, PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39, PR_GET_TID_ADDRESS = 40,
	PR_SET_THP_DISABLE = 41, PR_GET_THP_DISABLE = 42, PR_CAP_AMBIENT = 47, PR_GET_SPECULATION_CTRL = 52,
	PR_SET_SPECULATION_CTRL = 53,
};
#define TIMER_SLACK_NS 50000 /* what Linux starts with; a permission to be late, of which no use is made */
#define PR_TSC_ENABLE 1
#define PR_SPEC_ENABLE 2     /* the speculation takes place */
#define SPECULATIONS 2       /* store bypass, indirect branches */

static void flag_set(struct process *p, u32 flag, bool on)
{
	if (on)
		__atomic_or_fetch(&p->flags, flag, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&p->flags, ~flag, __ATOMIC_RELAXED);
}

static s64 prctl_name(struct thread *t, bool set, u64 va)
{
	char name[sizeof(t->name)] = { 0 };
	if (!set)
		return COPY_OUT(user_ptr(va), &t->name);
	s64 n = copy_in_string(name, user_ptr(va), sizeof(name));
	if (n < 0 && n != ERR_NAMETOOLONG)
		return n;
	name[sizeof(name) - 1] = '\0';
	spin_lock(&process_tree_lock);
	memcpy(t->name, name, sizeof(name));
	spin_unlock(&process_tree_lock);
	return OK;
}

static s64 prctl_capability(struct thread *t, u32 option, u64 cap)
{
	if (cap > CAP_LAST)
		return ERR_INVAL;
	if (option == PR_CAPBSET_READ)
		return (t->cred->cap_bounding >> cap) & 1;
	if (!cred_has_cap(t->cred, CAP_SETPCAP))
		return ERR_PERM;
	struct cred *c = cred_copy(t->cred);
	if (!c)
		return ERR_NOMEM;
	c->cap_bounding &= ~BIT(cap);
	return credentials_commit(c);
}

static s64 prctl_ambient(struct thread *t, u64 action, u64 cap)
{
	enum { IS_SET = 1, RAISE, LOWER, CLEAR_ALL };
	if (action == CLEAR_ALL ? cap != 0 : cap > CAP_LAST)
		return ERR_INVAL;
	if (action == IS_SET)
		return (t->cred->cap_ambient >> cap) & 1;
	if (action == RAISE && (!(t->cred->cap_permitted & t->cred->cap_inheritable & BIT(cap)) ||
				(t->cred->securebits & SECURE_NO_CAP_AMBIENT_RAISE)))
		return ERR_PERM;
	struct cred *c = action >= RAISE && action <= CLEAR_ALL ? cred_copy(t->cred) : NULL;
	if (!c)
		return action >= RAISE && action <= CLEAR_ALL ? ERR_NOMEM : ERR_INVAL;
	c->cap_ambient = action == RAISE ? c->cap_ambient | BIT(cap) : action == LOWER ? c->cap_ambient & ~BIT(cap) : 0;
	return credentials_commit(c);
}

/* capabilities(7), "The securebits flags": a lock holds its bit and itself. */
static s64 prctl_securebits(struct thread *t, u64 wanted)
{
	u32 old = t->cred->securebits, locks = old & SECURE_ALL_LOCKS;
	if ((wanted & ~(u64)SECURE_ALL) || (locks & ~wanted) || ((locks >> 1) & (old ^ wanted)) || !cred_has_cap(t->cred, CAP_SETPCAP))
		return ERR_PERM;
	struct cred *c = cred_copy(t->cred);
	if (!c)
		return ERR_NOMEM;
	c->securebits = (u32)wanted;
	return credentials_commit(c);
}

static s64 prctl_keep_capabilities(struct thread *t, u64 on)
{
	if (on > 1)
		return ERR_INVAL;
	if (t->cred->securebits & SECURE_KEEP_CAPS_LOCKED)
		return ERR_PERM;
	struct cred *c = cred_copy(t->cred);
	if (!c)
		return ERR_NOMEM;
	c->securebits = on ? c->securebits | SECURE_KEEP_CAPS : c->securebits & ~(u32)SECURE_KEEP_CAPS;
	return credentials_commit(c);
}

static s64 prctl_speculation(bool set, u64 which, u64 rest)
{
	if (!set && rest)
		return ERR_INVAL;
	if (which >= SPECULATIONS)
		return ERR_NODEV;
	return set ? ERR_NXIO : PR_SPEC_ENABLE;
}

static s64 prctl_flags(struct process *p, u32 option, u64 value, u64 a3, u64 a4)
{
	switch (option) {
	case PR_SET_DUMPABLE:
		if (value > 1)
			return ERR_INVAL;
		flag_set(p, PROC_DUMPABLE, value);
		return OK;
	case PR_SET_THP_DISABLE:
		if (a3 || a4)
			return ERR_INVAL;
		flag_set(p, PROC_THP_DISABLED, value);
		return OK;
	case PR_SET_CHILD_SUBREAPER:
		flag_set(p, PROC_CHILD_SUBREAPER, value);
		return OK;
	case PR_SET_NO_NEW_PRIVS:
		if (value != 1 || a3 || a4)
			return ERR_INVAL;
		flag_set(p, PROC_NO_NEW_PRIVS, true);
		return OK;
	default:
		return ERR_INVAL;
	}
}

LINUX_HANDLER(prctl)
{
	struct thread *t = thread_current();
	struct process *p = t->process;
	u32 option = (u32)a0, word;
	switch (option) {
	case PR_SET_PDEATHSIG:
		if (a1 > SIGNAL_MAX)
			return ERR_INVAL;
		p->parent_death_signal = (u32)a1;
		return OK;
	case PR_GET_PDEATHSIG: return COPY_OUT(user_ptr(a1), &p->parent_death_signal);
	case PR_GET_DUMPABLE: return !!(p->flags & PROC_DUMPABLE);
	case PR_GET_KEEPCAPS: return !!(t->cred->securebits & SECURE_KEEP_CAPS);
	case PR_SET_KEEPCAPS: return prctl_keep_capabilities(t, a1);
	case PR_GET_NO_NEW_PRIVS: return a1 || a2 || a3 || a4 ? ERR_INVAL : !!(p->flags & PROC_NO_NEW_PRIVS);
	case PR_GET_CHILD_SUBREAPER:
		word = !!(p->flags & PROC_CHILD_SUBREAPER);
		return COPY_OUT(user_ptr(a1), &word);
	case PR_SET_NAME: return prctl_name(t, true, a1);
	case PR_GET_NAME: return prctl_name(t, false, a1);
	case PR_GET_TIMING:
	case PR_GET_SECCOMP: return 0;
	case PR_CAPBSET_READ:
	case PR_CAPBSET_DROP: return prctl_capability(t, option, a1);
	case PR_CAP_AMBIENT: return a3 || a4 ? ERR_INVAL : prctl_ambient(t, a1, a2);
	case PR_GET_SECUREBITS: return t->cred->securebits;
	case PR_SET_SECUREBITS: return prctl_securebits(t, a1);
	case PR_GET_TIMERSLACK: return (s64)(t->timer_slack_ns ? t->timer_slack_ns : TIMER_SLACK_NS);
	case PR_SET_TIMERSLACK:
		t->timer_slack_ns = a1 ? a1 : t->timer_slack_default_ns;
		return OK;
	case PR_GET_TSC:
		word = PR_TSC_ENABLE;
		return COPY_OUT(user_ptr(a1), &word);
	case PR_SET_TSC: return a1 == PR_TSC_ENABLE ? OK : FAIL(ERR_INVAL, "rdtsc cannot be taken away");
	case PR_GET_THP_DISABLE: return a1 || a2 || a3 || a4 ? ERR_INVAL : !!(p->flags & PROC_THP_DISABLED);
	case PR_GET_SPECULATION_CTRL:
	case PR_SET_SPECULATION_CTRL: return prctl_speculation(option == PR_SET_SPECULATION_CTRL, a1, a2 | a3 | a4);
	case PR_GET_TID_ADDRESS: return COPY_OUT(user_ptr(a1), &t->clear_child_tid);
	default: return prctl_flags(p, option, a1, a2, a3 | a4);
	}
}

/* ---- pidfds ---- */

LINUX_HANDLER(pidfd_open)
{
	if (((u32)a1 & ~O_NONBLOCK_K) || (s32)a0 <= 0)
		return ERR_INVAL;
	if (!pidfd_create)
		return ERR_NOSYS;
	struct process *p = process_find((u32)a0);
	if (!p) {
		struct thread *t = thread_find((u32)a0);
		if (t)
			thread_put(t);
		return t ? ERR_INVAL : ERR_SRCH;
	}
	struct file *f = pidfd_create(p, (u32)a1);
	process_put(p);
	if (!f)
		return ERR_NOMEM;
	int fd = fdtable_install(thread_current()->fds, f, 0, FD_CLOEXEC_K);
	if (fd < 0)
		file_put(f);
	return fd;
}

/* Referenced process of a pidfd, or NULL with *st. */
static struct process *process_of_pidfd(int fd, s64 *st)
{
	struct file *f = fd_get(fd);
	struct process *p = f && pidfd_process ? pidfd_process(f) : NULL;
	if (f)
		file_put(f);
	*st = p ? OK : ERR_BADF;
	return p;
}

/* pidfd_send_signal(2) takes an open /proc/PID, too. */
static struct process *process_of_signal_fd(int fd, s64 *st)
{
	struct process *p = process_of_pidfd(fd, st);
	struct file *f = p ? NULL : fd_get(fd);
	u32 pid = f && f->where.node && !(f->flags & O_PATH_K) ? vfs_process_directory(f->where.node) : 0;
	if (f)
		file_put(f);
	if (pid)
		*st = (p = process_find(pid)) ? OK : ERR_SRCH;
	return p;
}

LINUX_HANDLER(pidfd_send_signal)
{
	s64 st;
	int signo = (int)a1;
	if ((u32)a3 || signo < 0 || signo > SIGNAL_MAX)
		return ERR_INVAL;
	struct process *p = process_of_signal_fd((int)a0, &st);
	if (!p)
		return st;
	struct siginfo_k info = siginfo_from_current(signo, SI_USER);
	if (a2) {
		u8 raw[4];
		st = siginfo_from_user(user_ptr(a2), &info);
		if (!st && copy_in(raw, user_ptr(a2), 4))
			st = ERR_FAULT;
		if (!st && memcmp(raw, &signo, 4))
			st = ERR_INVAL;
		if (!st && (info.code >= 0 || info.code == SI_TKILL) && p != process_current())
			st = ERR_PERM;
		info.signo = signo;
	}
	if (!st)
		st = list_empty(&p->all_link) ? ERR_SRCH : signal_permitted(p, signo) ? signal_send_process(p, signo, &info) : ERR_PERM;
	process_put(p);
	return st;
}

/* ptrace access: same user, or CAP_SYS_PTRACE. */
static bool may_inspect(struct process *target)
{
	const struct cred *c = thread_current()->cred;
	if (target == process_current() || cred_has_cap(c, CAP_SYS_PTRACE))
		return true;
	struct cred *theirs = process_cred_get(target);
	bool same = c->euid == theirs->uid && c->euid == theirs->euid && c->euid == theirs->suid && (target->flags & PROC_DUMPABLE);
	cred_put(theirs);
	return same;
}

LINUX_HANDLER(pidfd_getfd)
{
	s64 st;
	if ((u32)a2)
		return ERR_INVAL;
	struct process *p = process_of_pidfd((int)a0, &st);
	if (!p)
		return st;
	struct fdtable *fds = may_inspect(p) && !(p->flags & PROC_SERVICE) ? process_fds_get(p) : NULL;
	st = fds ? OK : p->zombie ? ERR_SRCH : ERR_PERM;
	struct file *f = fds ? fdtable_get_file(fds, (int)a1) : NULL;
	if (fds)
		fdtable_put(fds);
	process_put(p);
	if (st || !f)
		return st ? st : ERR_BADF;
	int fd = fdtable_install(thread_current()->fds, f, 0, FD_CLOEXEC_K);
	if (fd < 0)
		file_put(f);
	return fd;
}

LINUX_HANDLER(kcmp)
{
	enum { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM };
	struct process *p = process_find((u32)a0), *q = process_find((u32)a1);
	s64 st = !p || !q ? ERR_SRCH : may_inspect(p) && may_inspect(q) ? OK : ERR_PERM;
	u64 x = 0, y = 0;
	if (!st) {
		spin_lock(&process_tree_lock);
		struct thread *t = p->leader, *u = q->leader;
		switch ((u32)a2) {
		case KCMP_VM: x = (u64)p->aspace; y = (u64)q->aspace; break;
		case KCMP_FILES: x = t ? (u64)t->fds : 0; y = u ? (u64)u->fds : 0; break;
		case KCMP_FS: x = t ? (u64)t->fs : 0; y = u ? (u64)u->fs : 0; break;
		case KCMP_SIGHAND: x = (u64)p->actions; y = (u64)q->actions; break;
		case KCMP_FILE: break;
		default: st = ERR_INVAL;
		}
		spin_unlock(&process_tree_lock);
	}
	if (!st && (u32)a2 == KCMP_FILE) {
		struct fdtable *f = process_fds_get(p), *g = process_fds_get(q);
		struct file *a = f ? fdtable_get_file(f, (int)a3) : NULL, *b = g ? fdtable_get_file(g, (int)a4) : NULL;
		x = (u64)a;
		y = (u64)b;
		st = a && b ? OK : ERR_BADF;
		if (a)
			file_put(a);
		if (b)
			file_put(b);
		if (f)
			fdtable_put(f);
		if (g)
			fdtable_put(g);
	}
	if (p)
		process_put(p);
	if (q)
		process_put(q);
	return st ? st : x == y ? 0 : x < y ? 1 : 2;
}
