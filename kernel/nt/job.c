// SPDX-License-Identifier: MIT
/* Job objects: membership (children join their parent's job), accounting, active-process limit, kill on close, end of all.
 * A process belongs to at most one job. Members are counted, not listed: the process tree is walked when all are meant. */
#include "nt_internal.h"
#include "process.h"
#include "../../lib/base/string.h"

enum { LIMIT_ACTIVE_PROCESS = 8, LIMIT_DIE_ON_EXCEPTION = 0x400, LIMIT_BREAKAWAY_OK = 0x800, LIMIT_SILENT_BREAKAWAY = 0x1000,
	LIMIT_KILL_ON_CLOSE = 0x2000 };
#define LIMITS_KNOWN (LIMIT_ACTIVE_PROCESS | LIMIT_DIE_ON_EXCEPTION | LIMIT_BREAKAWAY_OK | LIMIT_SILENT_BREAKAWAY | LIMIT_KILL_ON_CLOSE)
enum { MESSAGE_ACTIVE_PROCESS_ZERO = 4, MESSAGE_NEW_PROCESS = 6, MESSAGE_EXIT_PROCESS = 7 };
enum job_class { JOB_BASIC_ACCOUNTING = 1, JOB_BASIC_LIMITS = 2, JOB_PROCESS_LIST = 3, JOB_UI = 4, JOB_COMPLETION_PORT = 7,
	JOB_BASIC_AND_IO = 8, JOB_EXTENDED_LIMITS = 9 };
#define LIST_MAX 1024u /* process ids of one answer */

struct job {
	struct nt_dispatcher d;      /* signalled when the last process is gone */
	u32 active, total, terminated; /* [d] */
	u32 held;                    /* [d] references of members; an ended one keeps its own while somebody holds the process */
	u32 limit_flags, active_limit;
	struct file *port; u64 port_key;
};
struct basic_limits {
	s64 process_time, job_time;
	u32 flags, unused;
	u64 minimum, maximum;
	u32 active_limit, unused2;
	u64 affinity;
	u32 priority, scheduling;
};
struct extended_limits { struct basic_limits basic; u64 io[6], process_memory, job_memory, peak_process, peak_job; };
struct accounting { s64 user, kernel, period_user, period_kernel; u32 faults, total, active, terminated; };
_Static_assert(sizeof(struct basic_limits) == 64 && sizeof(struct extended_limits) == 144 &&
	       sizeof(struct accounting) == 48, "job information");

static const struct file_ops job_ops;

static struct nt_dispatcher *job_dispatcher(struct file *f) { return &((struct job *)f->object)->d; }
static u32 job_poll(struct file *f, struct poll_table *table) { return nt_dispatcher_poll(job_dispatcher(f), table); }

/* Members hold a reference, so this is the last member or handle; kill-on-close acts at the last handle. */
static void job_release(struct file *f)
{
	struct job *j = f->object;
	if (j->port)
		file_put(j->port);
	kfree(j);
}

static void terminate_all(struct file *f, u32 code)
{
	for (struct process *p = process_next(1), *next; p; p = next) {
		if (p->nt && p->nt->job == f && !p->zombie)
			nt_process_terminate(p, code);
		next = process_next(p->pid + 1);
		process_put(p);
	}
}

static void job_close(struct file *f, struct fdtable *table UNUSED)
{
	struct job *j = f->object;
	if ((j->limit_flags & LIMIT_KILL_ON_CLOSE) && f->refs <= j->held + 1)
		terminate_all(f, 0);
}

static const struct file_ops job_ops = {
	.name = "nt-job", .nt_type = NT_TYPE_JOB, .dispatcher = job_dispatcher, .poll = job_poll, .close = job_close, .release = job_release,
};

NT_HANDLER(CreateJobObject)
{
	struct job *j = kzalloc(sizeof(*j));
	struct file *f = j ? file_create(&job_ops, j, 2) : NULL;
	if (!f) {
		kfree(j);
		return ERR_NOMEM;
	}
	nt_dispatcher_init(&j->d, NT_NOTIFICATION, 0);
	return nt_object_create(f, a);
}
NT_HANDLER(OpenJobObject) { return nt_object_open(a, NT_TYPE_JOB); }

static void tell(struct job *j, u32 message, u32 pid)
{
	if (j->port && nt_completion_post(j->port, j->port_key, pid, 0, message)) { /* no memory: the message is lost, as on Windows */ }
}

s64 nt_job_join(struct file *f, struct process *p)
{
	struct job *j = f->object;
	s64 st = 0;
	spin_lock(&nt_dispatcher_lock);
	if (p->nt->job)
		st = p->nt->job == f ? 0 : NT(ACCESS_DENIED);
	else if ((j->limit_flags & LIMIT_ACTIVE_PROCESS) && j->active >= j->active_limit)
		st = NT(QUOTA_EXCEEDED);
	bool joined = !st && !p->nt->job;
	if (joined) {
		file_get(f);
		p->nt->job = f;
		j->held++;
		j->active++;
		j->total++;
	}
	spin_unlock(&nt_dispatcher_lock);
	if (joined)
		tell(j, MESSAGE_NEW_PROCESS, p->pid);
	return st;
}

void nt_job_inherit(struct process *p)
{
	struct process *parent = p->parent;
	struct file *f = parent && parent->nt ? parent->nt->job : NULL;
	if (f && !(((struct job *)f->object)->limit_flags & LIMIT_SILENT_BREAKAWAY) && nt_job_join(f, p)) { /* full: outside of it */ }
}

void nt_job_process_exited(struct process *p)
{
	if (!p->nt->job)
		return;
	struct job *j = p->nt->job->object;
	spin_lock(&nt_dispatcher_lock);
	bool last = --j->active == 0;
	if (last) {
		j->d.state = 1;
		nt_hand_over_locked(&j->d);
	}
	spin_unlock(&nt_dispatcher_lock);
	tell(j, MESSAGE_EXIT_PROCESS, p->pid);
	if (last)
		tell(j, MESSAGE_ACTIVE_PROCESS_ZERO, 0);
}

void nt_job_leave(struct file *f)
{
	spin_lock(&nt_dispatcher_lock);
	((struct job *)f->object)->held--;
	spin_unlock(&nt_dispatcher_lock);
	file_put(f);
}

NT_HANDLER(AssignProcessToJobObject)
{
	struct file *f;
	struct process *p;
	s64 st = nt_handle_get(a[0], NT_TYPE_JOB, 1, &f);
	if (st)
		return st;
	st = nt_process_get(a[1], NT_PROCESS_TERMINATE, &p);
	if (!st) {
		st = p->zombie ? NT(PROCESS_IS_TERMINATING) : p->nt ? nt_job_join(f, p) : NT(NOT_SUPPORTED);
		process_put(p);
	}
	file_put(f);
	return st;
}

/* (process, job or 0) */
NT_HANDLER(IsProcessInJob)
{
	struct process *p;
	struct file *f = NULL;
	s64 st = nt_process_get(a[0], NT_PROCESS_QUERY_LIMITED_INFORMATION, &p);
	if (st)
		return st;
	if (a[1])
		st = nt_handle_get(a[1], NT_TYPE_JOB, 4, &f);
	if (!st)
		st = p->nt && p->nt->job && (!f || p->nt->job == f) ? NT(PROCESS_IN_JOB) : NT(PROCESS_NOT_IN_JOB);
	if (f)
		file_put(f);
	process_put(p);
	return st;
}

NT_HANDLER(TerminateJobObject)
{
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_JOB, 8, &f);
	if (st)
		return st;
	terminate_all(f, (u32)a[1]);
	file_put(f);
	return 0;
}

static s64 process_list(struct file *f, const u64 *a)
{
	u32 room = (u32)a[3] < 16 ? 0 : MIN(((u32)a[3] - 8) / 8, LIST_MAX), listed = 0, assigned = 0;
	if (!room)
		return NT(INFO_LENGTH_MISMATCH);
	struct { u32 assigned, listed; u64 ids[]; } *list = kzalloc(8 + room * 8);
	if (!list)
		return ERR_NOMEM;
	for (struct process *p = process_next(1), *next; p; p = next) {
		if (p->nt && p->nt->job == f && !p->zombie && assigned++ < room)
			list->ids[listed++] = p->pid;
		next = process_next(p->pid + 1);
		process_put(p);
	}
	list->assigned = assigned;
	list->listed = listed;
	u32 size = 8 + listed * 8;
	s64 st = copy_out(user_ptr(a[2]), list, size) || (a[4] && COPY_OUT(user_ptr(a[4]), &size)) ? NT(ACCESS_VIOLATION) : 0;
	kfree(list);
	return st ? st : assigned > listed ? NT(BUFFER_OVERFLOW) : 0;
}

static s64 job_answer(struct file *f, const u64 *a)
{
	struct job *j = f->object;
	struct extended_limits limits = { .basic = { .flags = j->limit_flags, .active_limit = j->active_limit } };
	struct { struct accounting basic; u64 io[6]; } account = {
		.basic = { .total = j->total, .active = j->active, .terminated = j->terminated },
	};
	switch ((u32)a[1]) {
	case JOB_BASIC_ACCOUNTING: return nt_query_out(a[2], a[3], a[4], &account, sizeof(account.basic), false);
	case JOB_BASIC_AND_IO: return nt_query_out(a[2], a[3], a[4], &account, sizeof(account), false);
	case JOB_BASIC_LIMITS: return nt_query_out(a[2], a[3], a[4], &limits, sizeof(limits.basic), true);
	case JOB_EXTENDED_LIMITS: return nt_query_out(a[2], a[3], a[4], &limits, sizeof(limits), true);
	case JOB_PROCESS_LIST: return process_list(f, a);
	default: return NT(INVALID_INFO_CLASS);
	}
}

/* Handle 0: the job of this process. */
NT_HANDLER(QueryInformationJobObject)
{
	struct file *f = NULL;
	s64 st = 0;
	if (a[0])
		st = nt_handle_get(a[0], NT_TYPE_JOB, 4, &f);
	else if ((f = process_current()->nt->job))
		file_get(f);
	if (st)
		return st;
	if (!f)
		return NT(ACCESS_DENIED);
	st = job_answer(f, a);
	file_put(f);
	return st;
}

static s64 set_limits(struct job *j, const u64 *a)
{
	struct basic_limits b;
	u32 size = (u32)a[1] == JOB_BASIC_LIMITS ? sizeof(struct basic_limits) : sizeof(struct extended_limits);
	if ((u32)a[3] != size)
		return NT(INFO_LENGTH_MISMATCH);
	if (COPY_IN(&b, user_ptr(a[2])))
		return NT(ACCESS_VIOLATION);
	if (b.flags & ~(u32)LIMITS_KNOWN)
		return NT(INVALID_PARAMETER);
	j->limit_flags = b.flags;
	j->active_limit = b.active_limit;
	return 0;
}

static s64 set_port(struct job *j, const u64 *a)
{
	struct { u64 key, port; } c;
	struct file *port = NULL;
	if ((u32)a[3] != sizeof(c))
		return NT(INFO_LENGTH_MISMATCH);
	if (COPY_IN(&c, user_ptr(a[2])))
		return NT(ACCESS_VIOLATION);
	s64 st = nt_handle_get(c.port, NT_TYPE_IO_COMPLETION, 2, &port);
	if (st)
		return st;
	if (j->port) {
		file_put(port);
		return NT(INVALID_PARAMETER);
	}
	j->port_key = c.key;
	j->port = port;
	return 0;
}

NT_HANDLER(SetInformationJobObject)
{
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_JOB, 2, &f);
	if (st)
		return st;
	switch ((u32)a[1]) {
	case JOB_BASIC_LIMITS:
	case JOB_EXTENDED_LIMITS: st = set_limits(f->object, a); break;
	case JOB_COMPLETION_PORT: st = set_port(f->object, a); break;
	default: st = NT(INVALID_INFO_CLASS); break;
	}
	file_put(f);
	return st;
}
