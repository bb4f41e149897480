// SPDX-License-Identifier: MIT
/* Threads of Windows programs: creation, end, suspension, contexts, handles. An NT thread is a struct thread with a
 * struct nt_thread beside it; its id is nt_thread_id of the tid. A suspended thread stands in nt_return_work, never inside a call:
 * one that sleeps in a wait goes on sleeping, which looks the same. */
#include "nt_internal.h"
#include "nt_layout.h"
#include "linux.h"
#include "signal.h"
#include "vfs.h"
#include "../../lib/base/string.h"

#define SUSPEND_MAX 127u                  /* MAXIMUM_SUSPEND_COUNT */
#define TEB_THREAD_ID_AT 0x48u
#define TEB_FLAGS_AT 0x17eeu
#define TEB_SKIP_ATTACH 8u
#define START_HOME 0x28u                  /* home space and the place of a return address */
#define RFLAGS_START 0x202u

/* ---- thread files ---- */
static struct nt_dispatcher *thread_dispatcher(struct file *f)
{
	struct thread *t = f->object;
	return t->nt ? &t->nt->exited : NULL;
}
static u32 thread_poll(struct file *f, struct poll_table *table)
{
	struct nt_dispatcher *d = thread_dispatcher(f);
	return d ? nt_dispatcher_poll(d, table) : ((struct thread *)f->object)->exiting ? POLL_IN : 0;
}
static void thread_file_release(struct file *f) { thread_put(f->object); }
static const struct file_ops thread_ops = {
	.name = "nt-thread", .nt_type = NT_TYPE_THREAD, .dispatcher = thread_dispatcher, .poll = thread_poll, .release = thread_file_release,
};

struct file *nt_thread_file(struct thread *t)
{
	struct file *f = file_create(&thread_ops, t, 2);
	if (f)
		thread_get(t);
	return f;
}

struct thread *nt_file_thread(struct file *f) { return f->object; }

s64 nt_thread_get(u64 handle, u32 access, struct thread **out)
{
	struct file *f = NULL;
	s64 st = handle == NT_CURRENT_THREAD ? 0 : nt_handle_get(handle, NT_TYPE_THREAD, access, &f);
	if (st)
		return st;
	*out = f ? f->object : thread_current();
	thread_get(*out);
	if (f)
		file_put(f);
	return 0;
}

/* ---- birth ---- */
struct nt_thread *nt_thread_alloc(u64 teb, u64 start_address)
{
	struct nt_thread *n = kzalloc(sizeof(*n));
	if (!n)
		return NULL;
	nt_dispatcher_init(&n->exited, NT_NOTIFICATION, 0);
	list_init(&n->apcs);
	list_init(&n->mutants);
	wait_queue_init(&n->resume_wait);
	n->teb = teb;
	n->start_address = start_address;
	n->create_time_ns = time_wall_ns();
	n->io_priority = NT_IO_PRIORITY_NORMAL;
	n->page_priority = NT_PAGE_PRIORITY_NORMAL;
	return n;
}

void nt_thread_free(struct thread *t)
{
	nt_apcs_free(t->nt);
	if (t->nt->token)
		file_put(t->nt->token);
	kfree(t->nt->description);
	kfree(t->nt);
	t->nt = NULL;
}

static status_t parts_make(struct thread *t, struct process *p)
{
	struct thread *self = thread_current();
	list_init(&t->pending.queue);
	list_init(&t->process_link);
	t->held = 1;
	t->cred = process_cred_get(p);
	sched_inherit(t, self);
	t->fds = process_fds_get(p);
	t->fs = process_fs_get(p);
	fpu_init_area(t->fpu_area);
	fpu_set_control(t->fpu_area, NT_X87_CONTROL);
	return t->cred && t->fds && t->fs ? OK : ERR_SRCH;
}

static status_t link_thread(struct process *p, struct thread *t)
{
	status_t st = OK;
	spin_lock(&process_tree_lock);
	u32 tid = pid_alloc_locked(0);
	if ((p->flags & PROC_EXITING) || p->zombie || p->exec_thread || !p->thread_count)
		st = ERR_SRCH;
	else
		st = tid ? user_thread_allowed() : ERR_AGAIN;
	if (!st) {
		t->process = p;
		process_get(p);
		thread_get(t); /* the caller's */
		thread_link_locked(p, t, tid);
		if (p->flags & PROC_STOPPED)
			__atomic_or_fetch(&t->work, WORK_STOP, __ATOMIC_RELAXED);
	}
	spin_unlock(&process_tree_lock);
	return st;
}

static void start_frame(struct thread *t, const struct nt_thread_request *r, u64 stack_top)
{
	struct trap_frame f = {
		.rip = r->process->nt->start.thread_start, .rsp = stack_top - START_HOME, .rcx = r->start, .rdx = r->argument,
		.cs = USER_CODE_SELECTOR, .ss = USER_DATA_SELECTOR, .rflags = RFLAGS_START,
	};
	thread_set_user_start(t, &f);
	t->user_gs_base = t->nt->teb;
}

/* A thread starts at its class's level. What the creator has from elsewhere (nice of a Linux parent) stays. */
static void first_priority(struct thread *t, struct process *p)
{
	const struct nt_thread *creator = thread_current()->nt;
	if (p->nt->priority_class != NT_CLASS_NORMAL || (creator && creator->base_priority))
		nt_priority_apply(t, p->nt->priority_class, 0);
}

static s64 prepare(struct thread *t, const struct nt_thread_request *r)
{
	u64 teb = 0, top = 0;
	struct aspace *as = process_aspace_get(r->process);
	struct nt_stack_request s = { r->stack_reserve, r->stack_commit, r->process->nt->peb, r->process->pid, 0, r->zero_bits };
	s64 st = !as ? ERR_SRCH : !nt_teb_create ? ERR_NOSYS : nt_teb_create(as, &s, &teb, &top);
	if (!st && !(t->nt = nt_thread_alloc(teb, r->start)))
		st = ERR_NOMEM;
	if (!st)
		first_priority(t, r->process);
	if (!st) {
		start_frame(t, r, top);
		st = link_thread(r->process, t);
	}
	u64 tid = nt_thread_id(t->tid);
	u16 flags = TEB_SKIP_ATTACH;
	if (!st && aspace_write_bytes(as, teb + TEB_THREAD_ID_AT, &tid, sizeof(tid)) < 0) { /* unmapped by the program: its own fault */ }
	if (!st && r->skip_attach && aspace_write_bytes(as, teb + TEB_FLAGS_AT, &flags, sizeof(flags)) < 0) { /* the same */ }
	if (st && teb && nt_teb_destroy)
		nt_teb_destroy(as, teb);
	if (as)
		aspace_put(as);
	return st;
}

s64 nt_thread_create(const struct nt_thread_request *r, struct thread **out)
{
	struct thread *t = thread_alloc(r->process->leader ? r->process->last_name : "thread");
	if (!t)
		return ERR_NOMEM;
	str_copy(t->name, thread_current()->name, sizeof(t->name));
	s64 st = parts_make(t, r->process);
	if (!st)
		st = prepare(t, r);
	if (st) {
		kfree(t->nt);
		thread_discard(t);
		return st;
	}
	if (r->suspended) {
		t->nt->suspend_count = 1;
		__atomic_or_fetch(&t->work, WORK_NT, __ATOMIC_RELEASE);
	}
	*out = t;
	return OK;
}

enum { CREATE_SUSPENDED = 1, CREATE_SKIP_ATTACH = 2, CREATE_HIDE = 4, CREATE_KNOWN = 0x7f };
#define ATTRIBUTE_CLIENT_ID 0x10003u
#define ATTRIBUTE_TEB 0x10004u
#define ATTRIBUTES_MAX 16u
struct attribute { u64 id, size, value, length_va; };

static s64 attribute_answer(const struct attribute *x, struct thread *t)
{
	u64 client[2] = { t->process->pid, nt_thread_id(t->tid) };
	const void *data = (u32)x->id == ATTRIBUTE_CLIENT_ID ? client : &t->nt->teb;
	u64 size = (u32)x->id == ATTRIBUTE_CLIENT_ID ? sizeof(client) : sizeof(u64);
	if ((u32)x->id != ATTRIBUTE_CLIENT_ID && (u32)x->id != ATTRIBUTE_TEB)
		return 0; /* inputs (ideal processor, group affinity) are hints */
	if (x->size < size)
		return NT(INFO_LENGTH_MISMATCH);
	if (copy_out(user_ptr(x->value), data, size) || (x->length_va && COPY_OUT(user_ptr(x->length_va), &size)))
		return NT(ACCESS_VIOLATION);
	return 0;
}

static s64 attributes_answer(u64 va, struct thread *t)
{
	u64 total;
	struct attribute list[ATTRIBUTES_MAX];
	if (!va)
		return 0;
	if (COPY_IN(&total, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	u64 count = total < sizeof(u64) ? 0 : (total - sizeof(u64)) / sizeof(struct attribute);
	if (count > ATTRIBUTES_MAX)
		return NT(INVALID_PARAMETER);
	if (count && copy_in(list, user_ptr(va + sizeof(u64)), count * sizeof(struct attribute)))
		return NT(ACCESS_VIOLATION);
	s64 st = 0;
	for (u64 i = 0; i < count && !st; i++)
		st = attribute_answer(&list[i], t);
	return st;
}

static s64 create_thread(struct process *p, const u64 *a)
{
	struct thread *t;
	u32 flags = (u32)a[6];
	struct nt_thread_request r = {
		.process = p, .start = a[4], .argument = a[5], .stack_commit = a[8], .stack_reserve = a[9],
		.zero_bits = a[7], .suspended = flags & CREATE_SUSPENDED, .skip_attach = flags & CREATE_SKIP_ATTACH,
	};
	if (!p->nt)
		return NT(NOT_SUPPORTED);
	s64 st = nt_thread_create(&r, &t);
	if (st)
		return st == ERR_SRCH ? NT(PROCESS_IS_TERMINATING) : st;
	t->nt->hidden = flags & CREATE_HIDE;
	st = attributes_answer(a[10], t);
	struct file *f = nt_thread_file(t);
	if (!st)
		st = f ? nt_handle_out(f, nt_access_map(NT_TYPE_THREAD, (u32)a[1]), 0, a[0], 0) : ERR_NOMEM;
	else if (f)
		file_put(f);
	if (st)
		thread_notify(t, WORK_EXIT);
	if (!r.suspended)
		sched_release_thread(t);
	thread_put(t);
	return st;
}

/* (handle, access, attributes, process, start, argument, flags, zero bits, stack commit, stack reserve, attribute list) */
NT_HANDLER(CreateThreadEx)
{
	struct process *p;
	if ((u32)a[6] & ~(u32)CREATE_KNOWN)
		return NT(INVALID_PARAMETER);
	s64 st = nt_process_get(a[3], NT_PROCESS_CREATE_THREAD, &p);
	if (st)
		return st;
	st = create_thread(p, a);
	process_put(p);
	return st;
}

/* ---- suspension ---- */
void nt_return_work(struct trap_frame *f, struct thread *t)
{
	struct nt_thread *n = t->nt;
	__atomic_and_fetch(&t->work, ~(u32)WORK_NT, __ATOMIC_ACQ_REL);
	if (!n)
		return;
	if (__atomic_load_n(&n->suspend_count, __ATOMIC_ACQUIRE)) {
		n->parked = true;
		wake_all(&n->resume_wait);
		if (WAIT_EVENT(&n->resume_wait, !__atomic_load_n(&n->suspend_count, __ATOMIC_ACQUIRE) || (t->work & WORK_EXIT),
		    DEADLINE_NEVER, WAIT_KILLABLE)) { /* killed: WORK_EXIT is seen next */ }
		n->parked = false;
		if (t->work & WORK_EXIT)
			return;
	}
	if (n->settling)
		return;
	nt_apc_deliver(f, t);
}

/* Inside a call that is not over: stops, signals and suspensions are acted on, APCs wait. */
void nt_settle(struct thread *t)
{
	t->nt->settling++;
	bool exit = t->work & WORK_EXIT;
	if (!exit)
		user_return_work(thread_user_frame(t));
	t->nt->settling--;
	if (t->nt->apc_wanted)
		__atomic_or_fetch(&t->work, WORK_NT, __ATOMIC_RELEASE);
}

s64 nt_thread_suspend(struct thread *t, u32 *previous)
{
	s64 st = 0;
	spin_lock(&nt_dispatcher_lock);
	*previous = t->nt->suspend_count;
	if (t->nt->exited.state)
		st = NT(THREAD_IS_TERMINATING);
	else if (t->nt->suspend_count == SUSPEND_MAX)
		st = NT(SUSPEND_COUNT_EXCEEDED);
	else
		t->nt->suspend_count++;
	if (!st)
		thread_notify(t, WORK_NT);
	spin_unlock(&nt_dispatcher_lock);
	return st;
}

u32 nt_thread_resume(struct thread *t)
{
	spin_lock(&nt_dispatcher_lock);
	u32 previous = t->nt->suspend_count;
	if (previous)
		__atomic_store_n(&t->nt->suspend_count, previous - 1, __ATOMIC_RELEASE);
	spin_unlock(&nt_dispatcher_lock);
	if (previous == 1 && t->state == THREAD_NEW)
		sched_release_thread(t);
	wake_all(&t->nt->resume_wait);
	return previous;
}

static s64 suspend_call(const u64 *a, bool resume, bool alert)
{
	struct thread *t;
	u32 previous = 0;
	s64 st = nt_thread_get(a[0], NT_THREAD_SUSPEND_RESUME, &t);
	if (st)
		return st;
	if (!t->nt) /* a Linux program's thread is never suspended, so resuming it is nothing to do */
		st = resume ? 0 : NT(NOT_SUPPORTED);
	else if (!resume)
		st = nt_thread_suspend(t, &previous);
	else
		previous = nt_thread_resume(t);
	if (!st && alert && t->nt)
		nt_thread_alert(t);
	thread_put(t);
	return !st && a[1] && COPY_OUT(user_ptr(a[1]), &previous) ? NT(ACCESS_VIOLATION) : st;
}

NT_HANDLER(SuspendThread) { return suspend_call(a, false, false); }
NT_HANDLER(ResumeThread) { return suspend_call(a, true, false); }
NT_HANDLER(AlertResumeThread) { return suspend_call(a, true, true); }

/* ---- alerts ---- */
void nt_thread_alert(struct thread *t)
{
	spin_lock(&nt_dispatcher_lock);
	t->nt->alerted = true;
	thread_wake(t);
	spin_unlock(&nt_dispatcher_lock);
}

NT_HANDLER(AlertThread)
{
	struct thread *t;
	s64 st = nt_thread_get(a[0], NT_THREAD_ALERT, &t);
	if (st)
		return st;
	if (t->nt)
		nt_thread_alert(t);
	thread_put(t);
	return 0;
}

struct thread *nt_thread_of_id(u64 id)
{
	return (u32)id > PID_MAX ? thread_find((u32)id - PID_MAX) : NULL;
}

NT_HANDLER(AlertThreadByThreadId)
{
	struct thread *t = nt_thread_of_id(a[0]);
	if (!t) { /* one that has ended keeps its id while a handle refers to it */
		u32 pid = (u32)a[0] > PID_MAX ? thread_id_process((u32)a[0] - PID_MAX) : 0;
		return pid == process_current()->pid ? 0 : pid ? NT(ACCESS_DENIED) : NT(INVALID_CID);
	}
	s64 st = t->process == process_current() && t->nt ? 0 : NT(ACCESS_DENIED);
	if (!st) {
		spin_lock(&nt_dispatcher_lock);
		t->nt->alerted_by_id = true;
		thread_wake(t);
		spin_unlock(&nt_dispatcher_lock);
	}
	thread_put(t);
	return st;
}

/* (address, timeout): the address is only for debuggers. */
NT_HANDLER(WaitForAlertByThreadId)
{
	struct nt_thread *n = thread_current()->nt;
	u64 deadline;
	s64 st = nt_deadline_in(a[1], &deadline);
	if (st)
		return st;
	st = nt_sleep(&n->alerted_by_id, false, deadline);
	spin_lock(&nt_dispatcher_lock);
	bool alerted = n->alerted_by_id;
	n->alerted_by_id = false;
	spin_unlock(&nt_dispatcher_lock);
	return alerted ? NT(ALERTED) : st;
}

/* ---- end ---- */
s32 nt_thread_exit(struct thread *t, s32 wait_status)
{
	struct process *p = t->process;
	struct nt_thread *n = t->nt;
	n->exit_time_ns = time_wall_ns();
	if (!n->exit_code_set)
		n->exit_code = p->nt->exit_code_set ? p->nt->exit_code : 0;
	n->exit_code_set = true;
	spin_lock(&nt_dispatcher_lock);
	nt_mutants_abandon_locked(t);
	n->exited.state = 1;
	nt_hand_over_locked(&n->exited);
	spin_unlock(&nt_dispatcher_lock);
	wake_all(&n->resume_wait);
	if (!(p->flags & PROC_EXITING) && p->thread_count == 1) { /* the last thread's code is the process's */
		if (!p->nt->exit_code_set)
			p->nt->exit_code = n->exit_code;
		p->nt->exit_code_set = true;
		wait_status = nt_wait_status(p->nt->exit_code);
	}
	return wait_status;
}

static void terminate_self(struct thread *t, u32 code) NORETURN;
static void terminate_self(struct thread *t, u32 code)
{
	t->nt->exit_code = code;
	t->nt->exit_code_set = true;
	if (nt_teb_destroy && t->process->thread_count > 1)
		nt_teb_destroy(t->process->aspace, t->nt->teb);
	thread_exit_current(0);
}

/* (thread or 0 for the caller, code) */
NT_HANDLER(TerminateThread)
{
	struct thread *t;
	s64 st = nt_thread_get(a[0] ? a[0] : NT_CURRENT_THREAD, NT_THREAD_TERMINATE, &t);
	if (st)
		return st;
	if (t == thread_current()) {
		thread_put(t);
		terminate_self(t, (u32)a[1]);
	}
	if (!t->nt) {
		st = NT(ACCESS_DENIED);
	} else if (!t->nt->exited.state) {
		t->nt->exit_code = (u32)a[1];
		t->nt->exit_code_set = true;
		thread_notify(t, WORK_EXIT);
	}
	thread_put(t);
	return st;
}

/* (handle, access, attributes, client id) */
NT_HANDLER(OpenThread)
{
	u64 id[2];
	struct nt_object_attributes oa;
	if (COPY_IN(&id, user_ptr(a[3])))
		return NT(ACCESS_VIOLATION);
	s64 st = nt_object_attributes_in(a[2], &oa);
	nt_object_attributes_free(&oa);
	if (st)
		return st;
	struct thread *t = nt_thread_of_id(id[1]);
	if (!t || !t->process || (id[0] && t->process->pid != id[0])) {
		if (t)
			thread_put(t);
		return NT(INVALID_CID);
	}
	struct file *f = (t->process->flags & PROC_SERVICE) ? NULL : nt_thread_file(t);
	thread_put(t);
	return f ? nt_handle_out(f, nt_access_map(NT_TYPE_THREAD, (u32)a[1]), oa.attributes, a[0], 0) : NT(ACCESS_DENIED);
}

/* (process, thread, access, attributes, flags, out): the threads of a process in order; NO_MORE_ENTRIES ends. */
NT_HANDLER(GetNextThread)
{
	struct process *p;
	struct thread *after = NULL, *next = NULL;
	if ((u32)a[4])
		return NT(INVALID_PARAMETER);
	s64 st = nt_process_get(a[0], NT_PROCESS_QUERY_INFORMATION, &p);
	if (!st && a[1])
		st = nt_thread_get(a[1], 0, &after);
	if (!st) {
		bool found = !after;
		spin_lock(&process_tree_lock);
		list_for_each(t, &p->threads, struct thread, process_link) {
			if (found && !t->exiting && t->nt) {
				next = t;
				thread_get(t);
				break;
			}
			found |= t == after;
		}
		spin_unlock(&process_tree_lock);
		process_put(p);
	}
	if (after)
		thread_put(after);
	if (st || !next)
		return st ? st : NT(NO_MORE_ENTRIES);
	struct file *f = nt_thread_file(next);
	thread_put(next);
	return f ? nt_handle_out(f, nt_access_map(NT_TYPE_THREAD, (u32)a[2]), (u32)a[3], a[5], 0) : ERR_NOMEM;
}

NT_HANDLER(GetCurrentProcessorNumber) { return cpu_this()->id; }
