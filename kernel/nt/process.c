// SPDX-License-Identifier: MIT
/* Windows processes: attachment at exec, handles, end and exit codes, console control, OpenProcess. A process is a
 * struct process; its id is the pid. Linux processes can be opened too: they are waited for by poll. */
#include "nt_internal.h"
#include "linux.h"
#include "random.h"
#include "signal.h"
#include "vfs.h"
#include "../../lib/base/string.h"

#define STILL_ACTIVE 0x103u
#define SIGNAL_CODE_BASE 128u

/* ---- exit codes ---- */
static const struct { u32 code; s32 signal; } exit_rows[] = {
#define NT_EXIT(name, signo) { (u32)NT_##name, signo },
#include "../../abi/nt/exit.def"
#undef NT_EXIT
};

s32 nt_wait_status(u32 code)
{
	for (u32 i = 0; i < ARRAY_SIZE(exit_rows); i++)
		if (exit_rows[i].code == code)
			return exit_rows[i].signal;
	u32 low = code & 0xff;
	return (s32)(code && !low ? 1 : low) << 8;
}

static u32 code_of_status(s32 status)
{
	s32 signo = status & 0x7f;
	if (!signo)
		return (u32)status >> 8 & 0xff;
	for (u32 i = 0; i < ARRAY_SIZE(exit_rows); i++)
		if (exit_rows[i].signal == signo)
			return exit_rows[i].code;
	return SIGNAL_CODE_BASE + (u32)signo;
}

u32 nt_exit_code(struct process *p)
{
	if (!p->zombie)
		return STILL_ACTIVE;
	return p->nt && p->nt->exit_code_set ? p->nt->exit_code : code_of_status(p->exit_status);
}

/* ---- attachment ---- */
status_t nt_process_attach(struct process *p, struct thread *t, const struct windows_start *start, u64 peb, u64 teb)
{
	struct nt_process *n = kzalloc(sizeof(*n));
	bool ready = n && !nt_token_inherit(p, &n->token);
	struct nt_thread *nt = ready ? nt_thread_alloc(teb, start->process_start) : NULL;
	if (!nt) {
		if (ready && n->token)
			file_put(n->token);
		kfree(n);
		return ERR_NOMEM;
	}
	nt_dispatcher_init(&n->exited, NT_NOTIFICATION, 0);
	n->start = *start;
	n->peb = peb;
	n->parent_pid = p->parent ? p->parent->pid : 0;
	n->priority_class = NT_CLASS_NORMAL;
	n->io_priority = NT_IO_PRIORITY_NORMAL;
	n->page_priority = NT_PAGE_PRIORITY_NORMAL;
	n->cookie = (u32)random_u64() | 1;
	spin_lock(&p->actions->lock); /* nobody waits for children here: they are reaped by themselves */
	p->actions->action[SIGCHLD - 1].handler = SIG_IGN_K;
	spin_unlock(&p->actions->lock);
	nt->initial = true;
	t->nt = nt;
	p->nt = n;
	fpu_init_area(t->fpu_area);
	fpu_set_control(t->fpu_area, NT_X87_CONTROL);
	fpu_restore(t->fpu_area);
	nt_job_inherit(p);
	__atomic_or_fetch(&p->flags, PROC_WINDOWS, __ATOMIC_RELEASE);
	return OK;
}

void nt_process_free(struct process *p)
{
	if (p->nt->job)
		nt_job_leave(p->nt->job);
	if (p->nt->token)
		file_put(p->nt->token);
	if (nt_memory_free)
		nt_memory_free(p->nt);
	kfree(p->nt);
	p->nt = NULL;
}

void nt_process_exited(struct process *p)
{
	struct nt_process *n = p->nt;
	n->exit_time_ns = time_wall_ns();
	spin_lock(&nt_dispatcher_lock);
	nt_timer_resolution_withdraw_locked(n);
	n->exited.state = 1;
	nt_hand_over_locked(&n->exited);
	spin_unlock(&nt_dispatcher_lock);
	nt_job_process_exited(p);
}

void nt_process_terminate(struct process *p, u32 code)
{
	spin_lock(&p->signal_lock);
	if (!(p->flags & PROC_EXITING) && p->nt) {
		p->nt->exit_code = code;
		p->nt->exit_code_set = true;
	}
	process_begin_exit_locked(p, p->nt ? nt_wait_status(code) : (s32)(code & 0xff) << 8);
	spin_unlock(&p->signal_lock);
}

/* ---- process files ---- */
static struct nt_dispatcher *process_dispatcher(struct file *f)
{
	struct process *p = f->object;
	return p->nt ? &p->nt->exited : NULL;
}

static u32 process_poll(struct file *f, struct poll_table *table)
{
	struct process *p = f->object;
	poll_wait(table, &p->exit_wait);
	return p->zombie ? POLL_IN : 0;
}

static void process_file_release(struct file *f) { process_put(f->object); }
static const struct file_ops process_ops = {
	.name = "nt-process", .nt_type = NT_TYPE_PROCESS, .dispatcher = process_dispatcher,
	.poll = process_poll, .release = process_file_release,
};

struct file *nt_process_file(struct process *p)
{
	struct file *f = file_create(&process_ops, p, 2);
	if (f)
		process_get(p);
	return f;
}

struct process *nt_file_process(struct file *f) { return f->object; }

s64 nt_process_get(u64 handle, u32 access, struct process **out)
{
	struct file *f = NULL;
	s64 st = handle == NT_CURRENT_PROCESS ? 0 : nt_handle_get(handle, NT_TYPE_PROCESS, access, &f);
	if (st)
		return st;
	*out = f ? f->object : process_current();
	process_get(*out);
	if (f)
		file_put(f);
	return 0;
}

s64 nt_process_space_get(u64 handle, u32 access, struct aspace **out)
{
	struct process *p;
	s64 st = nt_process_get(handle, access, &p);
	if (st)
		return st;
	*out = process_aspace_get(p);
	process_put(p);
	return *out ? 0 : NT(PROCESS_IS_TERMINATING);
}

/* May the current program touch p? As kill(2): the same user, or root; services are nobody's business. */
static bool permitted(struct process *p) { return p->nt || (!(p->flags & PROC_SERVICE) && signal_permitted(p, 0)); }

/* (handle, access, attributes, client id) */
NT_HANDLER(OpenProcess)
{
	u64 id[2];
	struct nt_object_attributes oa;
	if (COPY_IN(&id, user_ptr(a[3])))
		return NT(ACCESS_VIOLATION);
	s64 st = nt_object_attributes_in(a[2], &oa);
	nt_object_attributes_free(&oa);
	if (st)
		return st;
	struct process *p = NULL;
	if (id[0]) {
		p = process_find((u32)id[0]);
	} else if (id[1]) {
		struct thread *t = nt_thread_of_id(id[1]);
		if (t && t->process)
			process_get(p = t->process);
		if (t)
			thread_put(t);
	}
	if (!p || (p->zombie && !p->nt)) {
		if (p)
			process_put(p);
		return NT(INVALID_CID);
	}
	struct file *f = permitted(p) ? nt_process_file(p) : NULL;
	process_put(p);
	return f ? nt_handle_out(f, nt_access_map(NT_TYPE_PROCESS, (u32)a[1]), oa.attributes, a[0], 0) : NT(ACCESS_DENIED);
}

/* ---- end ---- */
static void end_siblings(struct process *p, struct thread *t, u32 code)
{
	spin_lock(&p->signal_lock);
	list_for_each(other, &p->threads, struct thread, process_link) {
		if (other == t)
			continue;
		if (other->nt && !other->nt->exit_code_set) {
			other->nt->exit_code = code;
			other->nt->exit_code_set = true;
		}
		thread_notify(other, WORK_EXIT);
	}
	spin_unlock(&p->signal_lock);
	if (WAIT_EVENT(&p->stop_wait, p->thread_count == 1, DEADLINE_NEVER, WAIT_KILLABLE)) { /* killed meanwhile */ }
}

/* (process, code). Handle 0: the other threads of this process, which goes on. */
NT_HANDLER(TerminateProcess)
{
	struct process *p;
	if (!a[0]) {
		end_siblings(process_current(), thread_current(), (u32)a[1]);
		return 0;
	}
	s64 st = nt_process_get(a[0], NT_PROCESS_TERMINATE, &p);
	if (st)
		return st;
	if (p->zombie)
		st = NT(PROCESS_IS_TERMINATING);
	else if (!p->nt && !signal_permitted(p, SIGKILL))
		st = NT(ACCESS_DENIED);
	else
		nt_process_terminate(p, (u32)a[1]);
	process_put(p);
	return st;
}

static s64 process_threads(u64 handle, bool suspend)
{
	struct process *p;
	u32 previous;
	s64 st = nt_process_get(handle, NT_PROCESS_SUSPEND_RESUME, &p);
	if (st)
		return st;
	if (!p->nt)
		st = NT(NOT_SUPPORTED);
	spin_lock(&process_tree_lock);
	if (!st)
		list_for_each(t, &p->threads, struct thread, process_link) {
			if (!t->nt)
				continue;
			if (suspend)
				st = nt_thread_suspend(t, &previous) == NT(SUSPEND_COUNT_EXCEEDED) ? NT(SUSPEND_COUNT_EXCEEDED) : st;
			else
				nt_thread_resume(t);
		}
	spin_unlock(&process_tree_lock);
	process_put(p);
	return st;
}

NT_HANDLER(SuspendProcess) { return process_threads(a[0], true); }
NT_HANDLER(ResumeProcess) { return process_threads(a[0], false); }

/* ---- console control: SIGINT and SIGTERM become a thread at the program's control routine ---- */
bool nt_signal(struct process *p, int signo)
{
	struct thread *t;
	u32 event = signo == SIGINT ? 0 : signo == SIGQUIT ? 1 : 2;
	if ((signo != SIGINT && signo != SIGQUIT && signo != SIGTERM && signo != SIGHUP) || !p->nt->control_routine)
		return false;
	struct nt_thread_request r = { .process = p, .start = p->nt->control_routine, .argument = event };
	if (nt_thread_create(&r, &t))
		return false;
	sched_release_thread(t);
	thread_put(t);
	return true;
}

NT_HANDLER(SetThreadExecutionState)
{
	u32 previous = 0x80000000u; /* ES_CONTINUOUS: nothing here sleeps by itself */
	if ((u32)a[0] & ~0x800000c3u)
		return NT(INVALID_PARAMETER);
	return COPY_OUT(user_ptr(a[1]), &previous) ? NT(ACCESS_VIOLATION) : 0;
}
