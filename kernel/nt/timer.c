// SPDX-License-Identifier: MIT
/* Waitable timers with period and APC, and keyed events. */
#include "nt_internal.h"
#include "../../lib/base/string.h"

/* ---- timers ---- */
struct nt_timer {
	struct nt_dispatcher d;
	struct timer timer;
	struct thread *apc_thread;      /* [d] referenced; NULL: no routine */
	u64 routine, argument;
	struct nt_apc *apc;             /* [d] prepared for the next expiry */
	u64 due_ns, period_ns;
	bool set;
};
#define PERIOD_MAX_MS 0x7fffffffu

static struct nt_dispatcher *timer_dispatcher(struct file *f) { return &((struct nt_timer *)f->object)->d; }
static u32 timer_poll(struct file *f, struct poll_table *table) { return nt_dispatcher_poll(timer_dispatcher(f), table); }

static void timer_fire(struct timer *t)
{
	struct nt_timer *n = container_of(t, struct nt_timer, timer);
	spin_lock(&nt_dispatcher_lock);
	if (n->set) {
		n->d.state = 1;
		nt_hand_over_locked(&n->d);
		if (n->apc && n->apc_thread && n->apc_thread->nt && !n->apc_thread->nt->exited.state && !list_linked(&n->apc->link)) {
			u64 now = nt_system_time();
			n->apc->a2 = (u32)now;
			n->apc->a3 = now >> 32;
			list_push_back(&n->apc_thread->nt->apcs, &n->apc->link);
			thread_wake(n->apc_thread);
			n->apc = n->period_ns ? nt_apc_spare(n->routine, n->argument) : NULL;
		}
		if (n->period_ns) {
			n->due_ns += n->period_ns;
			timer_arm(&n->timer, MAX(n->due_ns, time_now_ns()));
		} else {
			n->set = false;
		}
	}
	spin_unlock(&nt_dispatcher_lock);
}

/* True if it was set. */
static bool timer_stop(struct nt_timer *n)
{
	spin_lock(&nt_dispatcher_lock);
	bool was = n->set;
	n->set = false;
	n->period_ns = 0;
	struct thread *t = n->apc_thread;
	struct nt_apc *apc = n->apc;
	n->apc_thread = NULL;
	n->apc = NULL;
	spin_unlock(&nt_dispatcher_lock);
	timer_cancel(&n->timer);
	if (t)
		thread_put(t);
	kfree(apc);
	return was;
}

static void timer_release(struct file *f)
{
	timer_stop(f->object);
	kfree(f->object);
}

static const struct file_ops timer_ops = {
	.name = "nt-timer", .nt_type = NT_TYPE_TIMER, .dispatcher = timer_dispatcher, .poll = timer_poll, .release = timer_release,
};

NT_HANDLER(CreateTimer)
{
	if ((u32)a[3] > 1)
		return NT(INVALID_PARAMETER_4);
	struct nt_timer *n = kzalloc(sizeof(*n));
	struct file *f = n ? file_create(&timer_ops, n, 2) : NULL;
	if (!f) {
		kfree(n);
		return ERR_NOMEM;
	}
	nt_dispatcher_init(&n->d, (u32)a[3] ? NT_SYNCHRONIZATION : NT_NOTIFICATION, 0);
	timer_init(&n->timer, timer_fire);
	return nt_object_create(f, a);
}
NT_HANDLER(OpenTimer) { return nt_object_open(a, NT_TYPE_TIMER); }

static void timer_set(struct nt_timer *n, s64 due, u32 period_ms, struct nt_apc *apc)
{
	u64 deadline = nt_deadline(due);
	spin_lock(&nt_dispatcher_lock);
	n->d.state = 0;
	n->set = true;
	n->due_ns = deadline ? deadline : time_now_ns();
	n->period_ns = (u64)period_ms * NSEC_PER_MSEC;
	n->apc = apc;
	n->routine = apc ? apc->routine : 0;
	n->argument = apc ? apc->a1 : 0;
	if (apc)
		thread_get(n->apc_thread = thread_current());
	spin_unlock(&nt_dispatcher_lock);
	if (n->due_ns <= time_now_ns())
		timer_fire(&n->timer);
	else if (deadline != DEADLINE_NEVER)
		timer_arm(&n->timer, n->due_ns);
}

/* (timer, due, routine, argument, resume, period in ms, previous state out) */
NT_HANDLER(SetTimer)
{
	struct file *f;
	s64 due;
	if ((u32)a[5] > PERIOD_MAX_MS)
		return NT(INVALID_PARAMETER_6);
	if (COPY_IN(&due, user_ptr(a[1])))
		return NT(ACCESS_VIOLATION);
	struct nt_apc *apc = a[2] ? nt_apc_spare(a[2], a[3]) : NULL;
	if (a[2] && !apc)
		return ERR_NOMEM;
	s64 st = nt_handle_get(a[0], NT_TYPE_TIMER, 2, &f);
	if (st) {
		kfree(apc);
		return st;
	}
	struct nt_timer *n = f->object;
	u8 previous = n->d.state > 0;
	timer_stop(n);
	timer_set(n, due, (u32)a[5], apc);
	file_put(f);
	if (a[6] && COPY_OUT(user_ptr(a[6]), &previous))
		return NT(ACCESS_VIOLATION);
	return (u8)a[4] ? NT(TIMER_RESUME_IGNORED) : 0;
}

NT_HANDLER(CancelTimer)
{
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_TIMER, 2, &f);
	if (st)
		return st;
	u8 was = timer_stop(f->object);
	file_put(f);
	return a[1] && COPY_OUT(user_ptr(a[1]), &was) ? NT(ACCESS_VIOLATION) : 0;
}

NT_HANDLER(QueryTimer)
{
	struct file *f;
	struct { s64 left; u8 signalled; u8 unused[7]; } info = { 0 };
	if ((u32)a[1] != 0)
		return NT(INVALID_INFO_CLASS);
	if ((u32)a[3] != sizeof(info))
		return NT(INFO_LENGTH_MISMATCH);
	s64 st = nt_handle_get(a[0], NT_TYPE_TIMER, 1, &f);
	if (st)
		return st;
	struct nt_timer *n = f->object;
	info.left = n->set ? ((s64)n->due_ns - (s64)time_now_ns()) / 100 : 0;
	info.signalled = n->d.state > 0;
	file_put(f);
	return NT_INFORMATION_OF(info, a);
}

/* ---- keyed events: a release meets one wait with the same key of the same process ---- */
struct keyed { struct list_node waits, releases; };   /* under nt_dispatcher_lock */
struct keyed_wait { struct list_node link; struct thread *thread; struct process *process; u64 key; bool done; };

static void keyed_release(struct file *f) { kfree(f->object); }
static const struct file_ops keyed_ops = { .name = "nt-keyed-event", .nt_type = NT_TYPE_KEYED_EVENT, .release = keyed_release };
static struct keyed default_keyed = { LIST_INIT(default_keyed.waits), LIST_INIT(default_keyed.releases) };

NT_HANDLER(CreateKeyedEvent)
{
	if ((u32)a[3])
		return NT(INVALID_PARAMETER_4);
	struct keyed *k = kzalloc(sizeof(*k));
	struct file *f = k ? file_create(&keyed_ops, k, 2) : NULL;
	if (!f) {
		kfree(k);
		return ERR_NOMEM;
	}
	list_init(&k->waits);
	list_init(&k->releases);
	return nt_object_create(f, a);
}
NT_HANDLER(OpenKeyedEvent) { return nt_object_open(a, NT_TYPE_KEYED_EVENT); }

static s64 keyed_meet(struct keyed *k, const u64 *a, bool release, u64 deadline)
{
	struct keyed_wait w = { .thread = thread_current(), .process = process_current(), .key = a[1] };
	spin_lock(&nt_dispatcher_lock);
	list_for_each(other, release ? &k->waits : &k->releases, struct keyed_wait, link) {
		if (other->key != w.key || other->process != w.process || other->done)
			continue;
		other->done = true;
		list_remove(&other->link);
		thread_wake(other->thread);
		spin_unlock(&nt_dispatcher_lock);
		return 0;
	}
	list_push_back(release ? &k->releases : &k->waits, &w.link);
	spin_unlock(&nt_dispatcher_lock);
	s64 st = nt_sleep(&w.done, (u8)a[2], deadline);
	spin_lock(&nt_dispatcher_lock);
	if (w.done)
		st = 0;
	else
		list_remove(&w.link);
	spin_unlock(&nt_dispatcher_lock);
	return st;
}

/* (event or 0 for the common one, key, alertable, timeout) */
static s64 keyed_call(const u64 *a, bool release)
{
	struct file *f = NULL;
	u64 deadline;
	if (a[1] & 1)
		return NT(INVALID_PARAMETER_1);
	s64 st = nt_deadline_in(a[3], &deadline);
	if (!st && a[0])
		st = nt_handle_get(a[0], NT_TYPE_KEYED_EVENT, release ? 2 : 1, &f);
	if (st)
		return st;
	st = keyed_meet(f ? f->object : &default_keyed, a, release, deadline);
	if (f)
		file_put(f);
	return st;
}

NT_HANDLER(WaitForKeyedEvent) { return keyed_call(a, false); }
NT_HANDLER(ReleaseKeyedEvent) { return keyed_call(a, true); }
