// SPDX-License-Identifier: MIT
/* Scheduling rows: nice values, affinity, policies. Deadline scheduling is refused with EPERM. */
#include "cpu.h"
#include "linux.h"
#include "policy.h"
#include "signal.h"

enum { SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3, SCHED_IDLE = 5, SCHED_DEADLINE = 6 };
#define SCHED_RESET_ON_FORK 0x40000000
#define POLICY_KEEP (-1)
#define IOPRIO_WHO_PROCESS 1 /* then group and user, in the order of setpriority's PRIO_* */
enum { ATTR_RESET_ON_FORK = 1, ATTR_KEEP_POLICY = 8, ATTR_KEEP_PARAMETERS = 16 }; /* SCHED_FLAG_* of sched_setattr(2) */
#define ATTR_FLAGS ((u64)(ATTR_RESET_ON_FORK | ATTR_KEEP_POLICY | ATTR_KEEP_PARAMETERS))
#define RT_PRIORITY_MIN 1
#define RT_PRIORITY_MAX 99
#define NICE_MIN (-20)
#define NICE_MAX 19
#define SCHED_ATTR_FIRST_SIZE 48
#define TIME_SLICE_NS 4000000 /* sched_rr_get_interval's answer for ordinary threads */

static bool is_realtime(s32 policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

static u64 online_mask(void)
{
	return cpu_count >= MAX_CPUS ? ~0ull : BIT(cpu_count) - 1;
}

/* 0 means the caller. Referenced, or NULL. */
static struct thread *thread_of(s32 tid)
{
	if (tid == 0) {
		thread_get(thread_current());
		return thread_current();
	}
	return tid > 0 ? thread_find((u32)tid) : NULL;
}

static bool may_schedule(struct thread *t)
{
	const struct cred *c = thread_current()->cred;
	if (t->process == process_current() || cred_has_cap(c, CAP_SYS_NICE))
		return true;
	struct cred *theirs = t->process ? process_cred_get(t->process) : NULL;
	bool same = theirs && (c->euid == theirs->uid || c->euid == theirs->euid);
	cred_put(theirs);
	return same;
}

LINUX_HANDLER(sched_yield)
{
	sched_yield_current();
	return OK;
}

static s64 set_nice(struct thread *t, int nice)
{
	if (!may_schedule(t))
		return ERR_PERM;
	/* RLIMIT_NICE: 20 - limit is the lowest nice value that may be asked for. */
	u64 ceiling = t->process ? t->process->rlimits[RLIMIT_NICE].soft : 0;
	if (nice < t->nice && !cred_has_cap(thread_current()->cred, CAP_SYS_NICE) && (u64)(20 - nice) > ceiling)
		return ERR_ACCES;
	status_t st = policy_schedule_change(t, t->policy, t->rt_priority, nice);
	if (st)
		return st;
	sched_set_nice(t, nice);
	return OK;
}

/* Calls fn for each thread that (which, who) names; its own results decide. */
static s64 for_each_named(int which, s32 who, s64 (*fn)(struct thread *, s64 *), s64 *arg)
{
	enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };
	if (which == PRIO_PROCESS) {
		struct thread *t = thread_of(who);
		s64 st = t ? fn(t, arg) : ERR_SRCH;
		if (t)
			thread_put(t);
		return st;
	}
	if (which != PRIO_PGRP && which != PRIO_USER)
		return ERR_INVAL;
	u32 id = who ? (u32)who : which == PRIO_PGRP ? process_current()->pgid : thread_current()->cred->uid;
	s64 result = ERR_SRCH;
	struct process *p;
	for (u32 from = 1; (p = process_next(from)); process_put(p)) {
		from = p->pid + 1;
		struct cred *c = process_cred_get(p);
		bool match = which == PRIO_PGRP ? p->pgid == id : c->uid == id;
		cred_put(c);
		struct thread *t = match ? thread_find(p->pid) : NULL;
		if (!t)
			continue;
		s64 st = fn(t, arg);
		result = result == ERR_SRCH || st ? st : result;
		thread_put(t);
	}
	return result;
}

static s64 nice_apply(struct thread *t, s64 *arg) { return set_nice(t, (int)*arg); }
static s64 nice_lowest(struct thread *t, s64 *arg)
{
	*arg = MAX(*arg, 20 - (s64)t->nice);
	return OK;
}

LINUX_HANDLER(setpriority)
{
	s64 nice = MAX(MIN((s64)(s32)a2, NICE_MAX), NICE_MIN);
	return for_each_named((int)a0, (s32)a1, nice_apply, &nice);
}

LINUX_HANDLER(getpriority)
{
	s64 best = 0;
	s64 st = for_each_named((int)a0, (s32)a1, nice_lowest, &best);
	return st ? st : best; /* 1..40, so that it cannot look like an error */
}

LINUX_HANDLER(sched_setaffinity)
{
	u64 mask = 0;
	if (copy_in(&mask, user_ptr(a2), MIN(a1, sizeof(mask))))
		return ERR_FAULT;
	struct thread *t = thread_of((s32)a0);
	if (!t)
		return ERR_SRCH;
	s64 st = !may_schedule(t) ? ERR_PERM : !(mask & online_mask()) ? ERR_INVAL : OK;
	if (!st)
		sched_set_affinity(t, mask & online_mask());
	thread_put(t);
	return st;
}

LINUX_HANDLER(sched_getaffinity)
{
	if (a1 * 8 < cpu_count || (a1 & 7))
		return ERR_INVAL;
	struct thread *t = thread_of((s32)a0);
	if (!t)
		return ERR_SRCH;
	u64 mask = t->affinity & online_mask();
	thread_put(t);
	return COPY_OUT(user_ptr(a2), &mask) ? ERR_FAULT : (s64)sizeof(mask);
}

/* sched(7), "Privileges and resource limits": without CAP_SYS_NICE RLIMIT_RTPRIO is the ceiling. */
static bool may_set_policy(struct thread *t, s32 policy, s32 priority, bool reset)
{
	if (cred_has_cap(thread_current()->cred, CAP_SYS_NICE))
		return true;
	u64 limits = t->process ? t->process->rlimits[RLIMIT_RTPRIO].soft : 0;
	if (is_realtime(policy) && ((policy != t->policy && !limits) || (priority > t->rt_priority && (u64)priority > limits)))
		return false;
	u64 nice_limit = t->process ? t->process->rlimits[RLIMIT_NICE].soft : 0;
	if (t->policy == SCHED_IDLE && policy != SCHED_IDLE && (u64)(20 - t->nice) > nice_limit)
		return false; /* as if the nice value fell */
	return may_schedule(t) && (reset || !t->reset_on_fork);
}

/* policy POLICY_KEEP: only the priority changes, which must suit the policy that it has. */
static s64 set_policy(s32 tid, s32 policy, s32 priority)
{
	bool reset = policy != POLICY_KEEP && (policy & SCHED_RESET_ON_FORK);
	policy = policy == POLICY_KEEP ? policy : policy & ~SCHED_RESET_ON_FORK;
	if (policy == SCHED_DEADLINE)
		return FAIL(ERR_PERM, "deadline scheduling is not supported");
	if (policy != POLICY_KEEP && !is_realtime(policy) && policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE)
		return ERR_INVAL;
	struct thread *t = thread_of(tid);
	if (!t)
		return ERR_SRCH;
	if (policy == POLICY_KEEP) {
		policy = t->policy;
		reset = t->reset_on_fork;
	}
	s64 st = OK;
	if (is_realtime(policy) ? priority < RT_PRIORITY_MIN || priority > RT_PRIORITY_MAX : priority != 0)
		st = ERR_INVAL;
	else if (!may_set_policy(t, policy, priority, reset))
		st = ERR_PERM;
	if (!st)
		st = policy_schedule_change(t, policy, priority, t->nice);
	if (!st) {
		t->reset_on_fork = reset;
		sched_set_policy(t, policy, priority);
	}
	thread_put(t);
	return st;
}

LINUX_HANDLER(sched_setscheduler)
{
	s32 priority;
	if (!a2 || (s32)a0 < 0 || (s32)a1 < 0)
		return ERR_INVAL;
	return COPY_IN(&priority, user_ptr(a2)) ? ERR_FAULT : set_policy((s32)a0, (s32)a1, priority);
}

LINUX_HANDLER(sched_getscheduler)
{
	struct thread *t = (s32)a0 < 0 ? NULL : thread_of((s32)a0);
	if (!t)
		return (s32)a0 < 0 ? ERR_INVAL : ERR_SRCH;
	s64 policy = t->policy | (t->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	thread_put(t);
	return policy;
}

LINUX_HANDLER(sched_setparam)
{
	s32 priority;
	if (!a1 || (s32)a0 < 0)
		return ERR_INVAL;
	if (COPY_IN(&priority, user_ptr(a1)))
		return ERR_FAULT;
	return set_policy((s32)a0, POLICY_KEEP, priority);
}

LINUX_HANDLER(sched_getparam)
{
	if (!a1 || (s32)a0 < 0)
		return ERR_INVAL;
	struct thread *t = thread_of((s32)a0);
	if (!t)
		return ERR_SRCH;
	s32 priority = t->rt_priority;
	thread_put(t);
	return COPY_OUT(user_ptr(a1), &priority);
}

static bool policy_known(s32 policy)
{
	return policy >= SCHED_OTHER && policy <= SCHED_DEADLINE && policy != 4;
}

LINUX_HANDLER(sched_get_priority_max)
{
	return !policy_known((s32)a0) ? ERR_INVAL : (s32)a0 == SCHED_FIFO || (s32)a0 == SCHED_RR ? RT_PRIORITY_MAX : 0;
}

LINUX_HANDLER(sched_get_priority_min)
{
	return !policy_known((s32)a0) ? ERR_INVAL : (s32)a0 == SCHED_FIFO || (s32)a0 == SCHED_RR ? RT_PRIORITY_MIN : 0;
}

LINUX_HANDLER(sched_rr_get_interval)
{
	struct thread *t = (s32)a0 < 0 ? NULL : thread_of((s32)a0);
	if (!t)
		return (s32)a0 < 0 ? ERR_INVAL : ERR_SRCH;
	bool whole = t->policy == SCHED_FIFO;
	thread_put(t);
	return timespec_out(user_ptr(a1), whole ? 0 : TIME_SLICE_NS);
}

struct sched_attr_user { u32 size, policy; u64 flags; s32 nice; u32 priority; u64 runtime, deadline, period; };
_Static_assert(sizeof(struct sched_attr_user) == SCHED_ATTR_FIRST_SIZE, "Linux layout");

/* The program's structure may be larger than ours: what is beyond must be zero. */
static s64 sched_attr_in(struct user_ptr p, struct sched_attr_user *in)
{
	u32 size;
	u8 rest[64];
	if (COPY_IN(&size, p))
		return ERR_FAULT;
	if (!size)
		size = SCHED_ATTR_FIRST_SIZE;
	if (size < SCHED_ATTR_FIRST_SIZE || size > PAGE_SIZE) {
		size = sizeof(*in);
		return COPY_OUT(p, &size) ? ERR_FAULT : ERR_2BIG;
	}
	if (COPY_IN(in, p))
		return ERR_FAULT;
	for (u32 done = sizeof(*in); done < size; done += sizeof(rest)) {
		u32 n = MIN(size - done, (u32)sizeof(rest));
		if (copy_in(rest, user_add(p, done), n))
			return ERR_FAULT;
		for (u32 i = 0; i < n; i++)
			if (rest[i])
				return ERR_2BIG;
	}
	return OK;
}

LINUX_HANDLER(sched_setattr)
{
	struct sched_attr_user in;
	if (!a1 || (s32)a0 < 0 || (u32)a2)
		return ERR_INVAL;
	s64 st = sched_attr_in(user_ptr(a1), &in);
	if (st)
		return st;
	if ((s32)in.policy < 0 || in.flags & ~ATTR_FLAGS || in.policy & SCHED_RESET_ON_FORK)
		return ERR_INVAL;
	bool keep_policy = in.flags & ATTR_KEEP_POLICY, keep_parameters = in.flags & ATTR_KEEP_PARAMETERS;
	struct thread *t = thread_of((s32)a0);
	if (!t)
		return ERR_SRCH;
	s32 policy = keep_policy ? t->policy : (s32)in.policy;
	if (keep_parameters) {
		in.priority = is_realtime(policy) ? (u32)t->rt_priority : 0;
		in.nice = t->nice;
	}
	st = set_policy((s32)a0, policy | (in.flags & ATTR_RESET_ON_FORK ? SCHED_RESET_ON_FORK : 0), (s32)in.priority);
	if (!st && !is_realtime(policy) && policy != SCHED_IDLE)
		st = set_nice(t, MAX(MIN(in.nice, NICE_MAX), NICE_MIN));
	thread_put(t);
	return st;
}

LINUX_HANDLER(sched_getattr)
{
	if (!a1 || (s32)a0 < 0 || a2 < SCHED_ATTR_FIRST_SIZE || a2 > PAGE_SIZE || (u32)a3)
		return ERR_INVAL;
	struct thread *t = thread_of((s32)a0);
	if (!t)
		return ERR_SRCH;
	struct sched_attr_user out = { .size = sizeof(out), .policy = (u32)t->policy, .priority = (u32)t->rt_priority,
		.flags = t->reset_on_fork ? ATTR_RESET_ON_FORK : 0, .nice = is_realtime(t->policy) ? 0 : t->nice };
	thread_put(t);
	return COPY_OUT(user_ptr(a1), &out);
}

LINUX_HANDLER(getcpu)
{
	u32 cpu = cpu_this()->id, node = 0;
	if (a0 && COPY_OUT(user_ptr(a0), &cpu))
		return ERR_FAULT;
	return a1 && COPY_OUT(user_ptr(a1), &node) ? ERR_FAULT : OK;
}

/* ---- I/O priorities: there is no block scheduler to obey them; they are kept, inherited and told back ---- */
enum { IOPRIO_NONE = 0, IOPRIO_REALTIME = 1, IOPRIO_BEST_EFFORT = 2, IOPRIO_IDLE = 3 };
#define IOPRIO_CLASS(priority) ((priority) >> 13)
#define IOPRIO_VALUE(class, level) ((class) << 13 | (level))
#define IOPRIO_LEVEL 7u

static s64 ioprio_check(u32 priority)
{
	const struct cred *c = thread_current()->cred;
	switch (IOPRIO_CLASS(priority)) {
	case IOPRIO_REALTIME: return cred_has_cap(c, CAP_SYS_NICE) || cred_has_cap(c, CAP_SYS_ADMIN) ? OK : ERR_PERM;
	case IOPRIO_BEST_EFFORT:
	case IOPRIO_IDLE: return OK;
	case IOPRIO_NONE: return priority & IOPRIO_LEVEL ? ERR_INVAL : OK;
	default: return ERR_INVAL;
	}
}

static s64 ioprio_apply(struct thread *t, s64 *priority)
{
	if (!may_schedule(t))
		return ERR_PERM;
	t->ioprio = (u16)*priority;
	return OK;
}

/* What counts for a thread that has none of its own follows its nice value. */
static s64 ioprio_best(struct thread *t, s64 *best)
{
	u32 class = is_realtime(t->policy) ? IOPRIO_REALTIME : t->policy == SCHED_IDLE ? IOPRIO_IDLE : IOPRIO_BEST_EFFORT;
	u32 nice_level = (u32)(t->nice - NICE_MIN) / 5;
	s64 mine = IOPRIO_CLASS((u32)t->ioprio) ? t->ioprio : (s64)IOPRIO_VALUE(class, nice_level);
	*best = MIN(*best, mine);
	return OK;
}

LINUX_HANDLER(ioprio_get)
{
	s64 best = INT32_MAX, st;
	if ((s32)a0 == IOPRIO_WHO_PROCESS) {
		struct thread *t = thread_of((s32)a1);
		s64 own = t ? t->ioprio : ERR_SRCH;
		if (t)
			thread_put(t);
		return own;
	}
	st = (s32)a0 < IOPRIO_WHO_PROCESS ? ERR_INVAL : for_each_named((s32)a0 - IOPRIO_WHO_PROCESS, (s32)a1, ioprio_best, &best);
	return st ? st : best;
}

LINUX_HANDLER(ioprio_set)
{
	s64 priority = (s32)a2;
	s64 st = priority < 0 || priority > UINT16_MAX ? ERR_INVAL : ioprio_check((u32)priority);
	if (st)
		return st;
	return (s32)a0 < IOPRIO_WHO_PROCESS ? ERR_INVAL :
		for_each_named((s32)a0 - IOPRIO_WHO_PROCESS, (s32)a1, ioprio_apply, &priority);
}
