// SPDX-License-Identifier: MIT
/* Waiting for objects: any or all, atomic, alertable, with a deadline. One lock covers every object state.
 * Invariants under nt_dispatcher_lock:
 * 1. A signalled object with waiters is handed over before the lock is dropped: a waiting thread never has to compete.
 * 2. A wait that is `done` has consumed its objects and owns its result; nothing touches it again.
 * 3. Blocks are in their objects' lists from the first look until the waiting thread takes them out.
 * Files without a dispatcher are polled by the waiting thread itself; they are never consumed. */
#include "nt_internal.h"
#include "signal.h"
#include "../../lib/base/string.h"

#define WAIT_INLINE 8u     /* objects without an allocation */
#define WAIT_MAX 64u       /* MAXIMUM_WAIT_OBJECTS */
#define ABANDONED 0x80
#define WAIT_MORE (-1)     /* not an NTSTATUS: sleep */

struct nt_wait_block {
	struct list_node link;
	struct nt_wait *wait;
	struct nt_dispatcher *object;  /* NULL: by poll */
};
struct nt_wait {
	struct thread *thread;
	struct nt_wait_block *blocks;
	const struct nt_wait_request *request;
	bool done, polls;
	s64 result;
};
/* The waiters of polled files. */
struct poll_waits { struct poll_table table; struct waiter *waiters; u32 used, capacity; };

struct spinlock nt_dispatcher_lock = SPINLOCK_INIT(RANK_NT_DISPATCHER);

void nt_dispatcher_init(struct nt_dispatcher *d, enum nt_dispatcher_kind kind, s32 state)
{
	*d = (struct nt_dispatcher){ .kind = (u8)kind, .state = state };
	list_init(&d->owned);
	list_init(&d->waits);
	wait_queue_init(&d->pollers);
}

struct nt_dispatcher *nt_file_dispatcher(struct file *f) { return f->ops->dispatcher ? f->ops->dispatcher(f) : nt_notify_dispatcher(f); }

static bool ready(const struct nt_dispatcher *d, const struct thread *t)
{
	return d->state > 0 || (d->kind == NT_MUTANT_KIND && d->owner == t);
}

static bool file_ready(struct file *f) { return file_poll(f, NULL) & (POLL_IN | POLL_ERR | POLL_HUP); }

/* Takes the object for `t`; true if it was abandoned. */
static bool consume(struct nt_dispatcher *d, struct thread *t)
{
	bool abandoned = d->abandoned;
	if (d->kind == NT_NOTIFICATION)
		return false;
	d->state--;
	if (d->kind != NT_MUTANT_KIND)
		return false;
	d->abandoned = false;
	if (d->owner != t) {
		d->owner = t;
		list_push_back(&t->nt->mutants, &d->owned);
	}
	return abandoned;
}

static bool all_ready(struct nt_wait *w)
{
	for (u32 i = 0; i < w->request->count; i++) {
		struct nt_dispatcher *d = w->blocks[i].object;
		if (d ? !ready(d, w->thread) : !file_ready(w->request->files[i]))
			return false;
	}
	return true;
}

static s64 take_all(struct nt_wait *w)
{
	bool abandoned = false;
	for (u32 i = 0; i < w->request->count; i++)
		if (w->blocks[i].object)
			abandoned |= consume(w->blocks[i].object, w->thread);
	return abandoned ? ABANDONED : 0;
}

/* The result if the wait can end now, objects consumed; else WAIT_MORE. */
static s64 try_locked(struct nt_wait *w)
{
	if (w->request->all)
		return all_ready(w) ? take_all(w) : WAIT_MORE;
	for (u32 i = 0; i < w->request->count; i++) {
		struct nt_dispatcher *d = w->blocks[i].object;
		if (d ? ready(d, w->thread) : file_ready(w->request->files[i]))
			return (d && consume(d, w->thread) ? ABANDONED : 0) + (s64)i;
	}
	return WAIT_MORE;
}

void nt_wake_locked(struct thread *t) { thread_wake(t); }

/* Gives a signalled object to its waiters, in order. */
void nt_hand_over_locked(struct nt_dispatcher *d)
{
	list_for_each_safe(block, &d->waits, struct nt_wait_block, link) {
		struct nt_wait *w = block->wait;
		if (d->state <= 0)
			break;
		if (w->done)
			continue;
		if (!w->polls) {
			w->result = try_locked(w);
			w->done = w->result != WAIT_MORE;
		}
		if (w->done || w->polls)
			thread_wake(w->thread);
	}
	if (d->state > 0)
		wake_all(&d->pollers);
}

void nt_dispatcher_signal(struct nt_dispatcher *d)
{
	spin_lock(&nt_dispatcher_lock);
	d->state = 1;
	nt_hand_over_locked(d);
	spin_unlock(&nt_dispatcher_lock);
}

void nt_dispatcher_reset(struct nt_dispatcher *d)
{
	spin_lock(&nt_dispatcher_lock);
	d->state = 0;
	spin_unlock(&nt_dispatcher_lock);
}

u32 nt_dispatcher_poll(struct nt_dispatcher *d, struct poll_table *table)
{
	poll_wait(table, &d->pollers);
	return __atomic_load_n(&d->state, __ATOMIC_RELAXED) > 0 ? POLL_IN | POLL_RDNORM : 0;
}

void nt_mutants_abandon_locked(struct thread *t)
{
	while (!list_empty(&t->nt->mutants)) {
		struct nt_dispatcher *d = list_first(&t->nt->mutants, struct nt_dispatcher, owned);
		list_remove(&d->owned);
		list_init(&d->owned);
		d->owner = NULL;
		d->state = 1;
		d->abandoned = true;
		nt_hand_over_locked(d);
	}
}

/* ---- the sleep ---- */
/* ALERTED or USER_APC ends an alertable wait. */
static s64 interrupted_locked(struct thread *t, bool alertable)
{
	if (!alertable)
		return WAIT_MORE;
	if (nt_apc_pending_locked(t)) {
		nt_apc_request_locked(t);
		return NT(USER_APC);
	}
	if (!t->nt->alerted)
		return WAIT_MORE;
	t->nt->alerted = false;
	return NT(ALERTED);
}

static s64 look_locked(struct nt_wait *w)
{
	if (w->done)
		return w->result;
	s64 st = interrupted_locked(w->thread, w->request->alertable);
	if (st == WAIT_MORE && w->polls)
		st = try_locked(w);
	if (st != WAIT_MORE)
		w->done = true;
	return st;
}

/* WAIT_MORE when the thread must look after a signal, a stop or a suspension first. */
static s64 sleep(struct nt_wait *w)
{
	s64 st;
	status_t slept = OK;
	for (;;) {
		wait_prepare();
		spin_lock(&nt_dispatcher_lock);
		st = look_locked(w);
		if (st == WAIT_MORE && slept == ERR_TIMEDOUT) {
			st = NT(TIMEOUT);
			w->done = true;
		}
		spin_unlock(&nt_dispatcher_lock);
		if (st != WAIT_MORE || slept == ERR_INTR || (w->thread->work & WORK_NT))
			break;
		slept = wait_sleep(w->request->deadline_ns, WAIT_INTERRUPTIBLE);
	}
	wait_finish();
	return st;
}

static status_t poll_add(struct poll_table *table, struct wait_queue *q)
{
	struct poll_waits *p = container_of(table, struct poll_waits, table);
	if (p->used == p->capacity)
		return ERR_NOMEM;
	struct waiter *w = &p->waiters[p->used++];
	waiter_init(w);
	waiter_add(q, w);
	return OK;
}

static status_t polls_begin(struct nt_wait *w, struct poll_waits *p)
{
	*p = (struct poll_waits){ .table = { .add = poll_add, .mask = POLL_IN | POLL_ERR | POLL_HUP }, .capacity = w->request->count * 2 };
	if (!w->polls)
		return OK;
	p->waiters = kmalloc(p->capacity * sizeof(struct waiter));
	if (!p->waiters)
		return ERR_NOMEM;
	for (u32 i = 0; i < w->request->count; i++)
		if (!w->blocks[i].object)
			file_poll(w->request->files[i], &p->table);
	return OK;
}

static void polls_end(struct poll_waits *p)
{
	for (u32 i = 0; i < p->used; i++)
		waiter_remove(&p->waiters[i]);
	kfree(p->waiters);
}

static void blocks_link_locked(struct nt_wait *w)
{
	for (u32 i = 0; i < w->request->count; i++) {
		w->blocks[i].wait = w;
		if (w->blocks[i].object)
			list_push_back(&w->blocks[i].object->waits, &w->blocks[i].link);
	}
}

static void blocks_unlink(struct nt_wait *w)
{
	spin_lock(&nt_dispatcher_lock);
	for (u32 i = 0; i < w->request->count; i++)
		if (w->blocks[i].object)
			list_remove(&w->blocks[i].link);
	spin_unlock(&nt_dispatcher_lock);
}

/* First look and, if that is not enough, one sleep. WAIT_MORE: again, after nt_settle. */
static s64 wait_once(struct nt_wait *w)
{
	struct poll_waits polls = { 0 };
	w->done = false;
	if (polls_begin(w, &polls))
		return ERR_NOMEM;
	spin_lock(&nt_dispatcher_lock);
	s64 st = try_locked(w);
	if (st == WAIT_MORE)
		st = interrupted_locked(w->thread, w->request->alertable);
	if (st == WAIT_MORE && w->request->deadline_ns == 0)
		st = NT(TIMEOUT);
	bool linked = st == WAIT_MORE;
	if (linked)
		blocks_link_locked(w);
	spin_unlock(&nt_dispatcher_lock);
	if (linked) {
		st = sleep(w);
		blocks_unlink(w);
		if (st == WAIT_MORE && w->done) /* handed over after the last look */
			st = w->result;
	}
	polls_end(&polls);
	return st;
}

static s64 wait_run(struct nt_wait *w)
{
	for (;;) {
		s64 st = wait_once(w);
		if (st != WAIT_MORE)
			return st;
		nt_settle(w->thread);
		if (w->thread->work & WORK_EXIT)
			return NT(TIMEOUT); /* never seen: the thread ends on its way out */
	}
}

s64 nt_wait(const struct nt_wait_request *r)
{
	struct nt_wait_block inline_blocks[WAIT_INLINE];
	struct nt_wait w = { .thread = thread_current(), .request = r, .blocks = inline_blocks };
	if (r->count > WAIT_INLINE && !(w.blocks = kmalloc(r->count * sizeof(*w.blocks))))
		return ERR_NOMEM;
	for (u32 i = 0; i < r->count; i++) {
		w.blocks[i].object = nt_file_dispatcher(r->files[i]);
		w.polls |= !w.blocks[i].object;
	}
	s64 st = wait_run(&w);
	if (w.blocks != inline_blocks)
		kfree(w.blocks);
	return st;
}

s64 nt_wait_file(struct file *f, bool alertable, u64 deadline_ns)
{
	return nt_wait(&(struct nt_wait_request){ &f, 1, false, alertable, deadline_ns });
}

s64 nt_sleep(bool *done, bool alertable, u64 deadline_ns)
{
	struct thread *t = thread_current();
	status_t slept = OK;
	for (;;) {
		wait_prepare();
		spin_lock(&nt_dispatcher_lock);
		s64 st = *done ? 0 : interrupted_locked(t, alertable);
		if (st == WAIT_MORE && (slept == ERR_TIMEDOUT || deadline_ns == 0 || (t->work & WORK_EXIT)))
			st = NT(TIMEOUT);
		spin_unlock(&nt_dispatcher_lock);
		if (st != WAIT_MORE) {
			wait_finish();
			return st;
		}
		if (slept == ERR_INTR || (t->work & WORK_NT)) {
			wait_finish();
			nt_settle(t);
			slept = OK;
			continue;
		}
		slept = wait_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
	}
}

/* ---- calls ---- */
NT_HANDLER(WaitForSingleObject)
{
	struct file *f;
	bool held = false;
	u64 deadline;
	s64 st = nt_deadline_in(a[2], &deadline);
	if (st)
		return st;
	if (a[0] >= NT_CURRENT_THREAD) {
		f = a[0] == NT_CURRENT_PROCESS ? nt_process_file(process_current()) : nt_thread_file(thread_current());
		held = true;
		if (!f)
			return ERR_NOMEM;
	} else {
		st = nt_handle_borrow(a[0], NT_TYPE_ANY, NT_SYNCHRONIZE, &f, &held);
	}
	if (st)
		return st;
	st = nt_wait(&(struct nt_wait_request){ &f, 1, false, (u8)a[1], deadline });
	fd_return(f, held);
	return st;
}

static s64 wait_files_get(u64 va, u32 count, struct file **files, u32 *got)
{
	u64 handles[WAIT_MAX];
	if (copy_in(handles, user_ptr(va), count * sizeof(u64)))
		return NT(ACCESS_VIOLATION);
	for (*got = 0; *got < count; (*got)++) {
		s64 st = 0;
		u64 h = handles[*got];
		if (h >= NT_CURRENT_THREAD)
			files[*got] = h == NT_CURRENT_PROCESS ? nt_process_file(process_current()) : nt_thread_file(thread_current());
		else
			st = nt_handle_get(h, NT_TYPE_ANY, NT_SYNCHRONIZE, &files[*got]);
		if (st || !files[*got])
			return st ? st : ERR_NOMEM;
	}
	return 0;
}

enum { WAIT_TYPE_ALL, WAIT_TYPE_ANY };

NT_HANDLER(WaitForMultipleObjects)
{
	struct file *files[WAIT_MAX];
	u64 deadline;
	u32 count = (u32)a[0], got = 0;
	if (count == 0 || count > WAIT_MAX)
		return NT(INVALID_PARAMETER_1);
	if ((u32)a[2] > WAIT_TYPE_ANY)
		return NT(INVALID_PARAMETER_3);
	s64 st = nt_deadline_in(a[4], &deadline);
	if (!st)
		st = wait_files_get(a[1], count, files, &got);
	if (!st)
		st = nt_wait(&(struct nt_wait_request){ files, count, (u32)a[2] == WAIT_TYPE_ALL, (u8)a[3], deadline });
	while (got)
		file_put(files[--got]);
	return st;
}

NT_HANDLER(SignalAndWaitForSingleObject)
{
	struct file *signal, *f;
	u64 deadline;
	s64 st = nt_deadline_in(a[3], &deadline);
	if (!st)
		st = nt_handle_get(a[1], NT_TYPE_ANY, NT_SYNCHRONIZE, &f);
	if (st)
		return st;
	st = nt_handle_get(a[0], NT_TYPE_ANY, 0, &signal);
	if (!st) {
		st = nt_object_signal(signal, a[0]);
		file_put(signal);
	}
	if (!st)
		st = nt_wait(&(struct nt_wait_request){ &f, 1, false, (u8)a[2], deadline });
	file_put(f);
	return st;
}

NT_HANDLER(DelayExecution)
{
	u64 deadline;
	bool never = false;
	s64 st = nt_deadline_in(a[1], &deadline);
	if (st)
		return st;
	if (deadline == 0 && !(u8)a[0]) {
		sched_yield_current();
		return 0;
	}
	st = nt_sleep(&never, (u8)a[0], deadline);
	return st == NT(TIMEOUT) ? 0 : st;
}

NT_HANDLER(YieldExecution)
{
	sched_yield_current();
	return 0;
}
