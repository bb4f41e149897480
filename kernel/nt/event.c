// SPDX-License-Identifier: MIT
/* Events, mutants and semaphores: a dispatcher each. Rules: MSDN, Nt/Zw pages of each call; limits of ntdef.h. */
#include "nt_internal.h"

#define SEMAPHORE_LIMIT 0x7fffffff
#define MUTANT_RECURSION_LIMIT 0x7fffffff
#define MUTANT_LIMIT_EXCEEDED 0xC0000191ll

struct sync { struct nt_dispatcher d; s32 maximum; };

static struct nt_dispatcher *sync_dispatcher(struct file *f) { return &((struct sync *)f->object)->d; }
static u32 sync_poll(struct file *f, struct poll_table *table) { return nt_dispatcher_poll(sync_dispatcher(f), table); }

static void sync_release(struct file *f)
{
	struct sync *s = f->object;
	spin_lock(&nt_dispatcher_lock);
	if (s->d.owner) /* closed while held */
		list_remove(&s->d.owned);
	spin_unlock(&nt_dispatcher_lock);
	kfree(s);
}

static const struct file_ops event_ops = {
	.name = "nt-event", .nt_type = NT_TYPE_EVENT, .dispatcher = sync_dispatcher, .poll = sync_poll, .release = sync_release,
};
static const struct file_ops mutant_ops = {
	.name = "nt-mutant", .nt_type = NT_TYPE_MUTANT, .dispatcher = sync_dispatcher, .poll = sync_poll, .release = sync_release,
};
static const struct file_ops semaphore_ops = {
	.name = "nt-semaphore", .nt_type = NT_TYPE_SEMAPHORE, .dispatcher = sync_dispatcher, .poll = sync_poll, .release = sync_release,
};

static struct file *sync_create(const struct file_ops *ops, enum nt_dispatcher_kind kind, s32 state, s32 maximum)
{
	struct sync *s = kzalloc(sizeof(*s));
	struct file *f = s ? file_create(ops, s, 2) : NULL;
	if (!f) {
		kfree(s);
		return NULL;
	}
	nt_dispatcher_init(&s->d, kind, state);
	s->maximum = maximum;
	f->ino = file_new_ino();
	return f;
}

/* ---- events ---- */
struct file *nt_event_create(bool notification, bool signalled)
{
	return sync_create(&event_ops, notification ? NT_NOTIFICATION : NT_SYNCHRONIZATION, signalled, 1);
}

static s32 event_change(struct nt_dispatcher *d, s32 state, bool pulse)
{
	spin_lock(&nt_dispatcher_lock);
	s32 previous = d->state;
	d->state = state;
	if (state)
		nt_hand_over_locked(d);
	if (pulse)
		d->state = 0;
	spin_unlock(&nt_dispatcher_lock);
	return previous;
}

void nt_event_set(struct file *event) { event_change(sync_dispatcher(event), 1, false); }
void nt_event_clear(struct file *event) { event_change(sync_dispatcher(event), 0, false); }

NT_HANDLER(CreateEvent)
{
	if ((u32)a[3] > 1)
		return NT(INVALID_PARAMETER);
	return nt_object_create(nt_event_create((u32)a[3] == 0, (u8)a[4]), a);
}
NT_HANDLER(OpenEvent) { return nt_object_open(a, NT_TYPE_EVENT); }

static s64 event_call(u64 handle, s32 state, bool pulse, u64 previous_va)
{
	struct file *f;
	bool held;
	s64 st = nt_handle_borrow(handle, NT_TYPE_EVENT, 2, &f, &held);
	if (st)
		return st;
	s32 previous = event_change(sync_dispatcher(f), state, pulse);
	fd_return(f, held);
	return previous_va && COPY_OUT(user_ptr(previous_va), &previous) ? NT(ACCESS_VIOLATION) : 0;
}

NT_HANDLER(SetEvent) { return event_call(a[0], 1, false, a[1]); }
NT_HANDLER(ResetEvent) { return event_call(a[0], 0, false, a[1]); }
NT_HANDLER(ClearEvent) { return event_call(a[0], 0, false, 0); }
NT_HANDLER(PulseEvent) { return event_call(a[0], 1, true, a[1]); }

/* ---- queries share their shape: (handle, class 0, buffer, length, return length) ---- */
static s64 query_get(const u64 *a, enum nt_type type, u32 size, struct file **f)
{
	if ((u32)a[1] != 0)
		return NT(INVALID_INFO_CLASS);
	if ((u32)a[3] != size)
		return NT(INFO_LENGTH_MISMATCH);
	return nt_handle_get(a[0], type, 1, f);
}

NT_HANDLER(QueryEvent)
{
	struct file *f;
	struct { u32 type; s32 state; } info;
	s64 st = query_get(a, NT_TYPE_EVENT, sizeof(info), &f);
	if (st)
		return st;
	info.type = sync_dispatcher(f)->kind == NT_SYNCHRONIZATION;
	info.state = sync_dispatcher(f)->state;
	file_put(f);
	return NT_INFORMATION_OF(info, a);
}

/* ---- mutants ---- */
NT_HANDLER(CreateMutant)
{
	struct thread *t = thread_current();
	struct file *f = sync_create(&mutant_ops, NT_MUTANT_KIND, 1, 1);
	if (f && (u8)a[3]) {
		struct nt_dispatcher *d = sync_dispatcher(f);
		spin_lock(&nt_dispatcher_lock);
		d->state = 0;
		d->owner = t;
		list_push_back(&t->nt->mutants, &d->owned);
		spin_unlock(&nt_dispatcher_lock);
	}
	return nt_object_create(f, a);
}
NT_HANDLER(OpenMutant) { return nt_object_open(a, NT_TYPE_MUTANT); }

static s64 mutant_release(struct nt_dispatcher *d, s32 *previous)
{
	s64 st = 0;
	spin_lock(&nt_dispatcher_lock);
	*previous = d->state;
	if (d->owner != thread_current()) {
		st = NT(MUTANT_NOT_OWNED);
	} else if (++d->state == 1) {
		list_remove(&d->owned);
		list_init(&d->owned);
		d->owner = NULL;
		nt_hand_over_locked(d);
	}
	spin_unlock(&nt_dispatcher_lock);
	return st;
}

NT_HANDLER(ReleaseMutant)
{
	struct file *f;
	bool held;
	s32 previous;
	s64 st = nt_handle_borrow(a[0], NT_TYPE_MUTANT, 0, &f, &held);
	if (st)
		return st;
	st = mutant_release(sync_dispatcher(f), &previous);
	fd_return(f, held);
	return !st && a[1] && COPY_OUT(user_ptr(a[1]), &previous) ? NT(ACCESS_VIOLATION) : st;
}

enum mutant_class { MUTANT_BASIC, MUTANT_OWNER };

NT_HANDLER(QueryMutant)
{
	struct file *f;
	struct { s32 count; u8 owned, abandoned; u16 unused; } basic;
	struct { u64 pid, tid; } owner = { 0 };
	if ((u32)a[1] > MUTANT_OWNER)
		return NT(INVALID_INFO_CLASS);
	if ((u32)a[3] != ((u32)a[1] == MUTANT_BASIC ? sizeof(basic) : sizeof(owner)))
		return NT(INFO_LENGTH_MISMATCH);
	s64 st = nt_handle_get(a[0], NT_TYPE_MUTANT, 1, &f);
	if (st)
		return st;
	struct nt_dispatcher *d = sync_dispatcher(f);
	spin_lock(&nt_dispatcher_lock);
	basic.count = d->state;
	basic.owned = d->owner == thread_current();
	basic.abandoned = d->abandoned;
	basic.unused = 0;
	if (d->owner) {
		owner.pid = d->owner->process->pid;
		owner.tid = nt_thread_id(d->owner->tid);
	}
	spin_unlock(&nt_dispatcher_lock);
	file_put(f);
	return (u32)a[1] == MUTANT_BASIC ? NT_INFORMATION_OF(basic, a) : NT_INFORMATION_OF(owner, a);
}

/* ---- semaphores ---- */
NT_HANDLER(CreateSemaphore)
{
	s32 count = (s32)a[3], maximum = (s32)a[4];
	if (maximum <= 0 || count < 0 || count > maximum)
		return NT(INVALID_PARAMETER);
	return nt_object_create(sync_create(&semaphore_ops, NT_SEMAPHORE_KIND, count, maximum), a);
}
NT_HANDLER(OpenSemaphore) { return nt_object_open(a, NT_TYPE_SEMAPHORE); }

static s64 semaphore_release(struct sync *s, u32 count, s32 *previous)
{
	s64 st = 0;
	spin_lock(&nt_dispatcher_lock);
	*previous = s->d.state;
	if (count == 0 || count > (u32)(s->maximum - s->d.state)) {
		st = count == 0 ? NT(INVALID_PARAMETER) : NT(SEMAPHORE_LIMIT_EXCEEDED);
	} else {
		s->d.state += (s32)count;
		nt_hand_over_locked(&s->d);
	}
	spin_unlock(&nt_dispatcher_lock);
	return st;
}

NT_HANDLER(ReleaseSemaphore)
{
	struct file *f;
	bool held;
	s32 previous;
	s64 st = nt_handle_borrow(a[0], NT_TYPE_SEMAPHORE, 2, &f, &held);
	if (st)
		return st;
	st = semaphore_release(f->object, (u32)a[1], &previous);
	fd_return(f, held);
	return !st && a[2] && COPY_OUT(user_ptr(a[2]), &previous) ? NT(ACCESS_VIOLATION) : st;
}

NT_HANDLER(QuerySemaphore)
{
	struct file *f;
	struct { s32 count, maximum; } info;
	s64 st = query_get(a, NT_TYPE_SEMAPHORE, sizeof(info), &f);
	if (st)
		return st;
	struct sync *s = f->object;
	info.count = s->d.state;
	info.maximum = s->maximum;
	file_put(f);
	return NT_INFORMATION_OF(info, a);
}

/* SignalAndWait: what is signalled depends on the type. */
s64 nt_object_signal(struct file *f, u64 handle)
{
	s32 previous;
	struct file *checked;
	u32 access = f->ops->nt_type == NT_TYPE_MUTANT ? 0 : 2;
	s64 st = nt_handle_get(handle, NT_TYPE_ANY, access, &checked);
	if (st)
		return st;
	file_put(checked);
	switch (f->ops->nt_type) {
	case NT_TYPE_EVENT: nt_event_set(f); return 0;
	case NT_TYPE_MUTANT: return mutant_release(sync_dispatcher(f), &previous);
	case NT_TYPE_SEMAPHORE: return semaphore_release(f->object, 1, &previous);
	default: return NT(OBJECT_TYPE_MISMATCH);
	}
}
