// SPDX-License-Identifier: MIT
/* Signals on readiness: F_SETOWN, F_SETSIG and O_ASYNC of fcntl(2).
 * An open file with O_ASYNC has waiters on its own queues, as epoll has. Their callback runs under the queue's lock and
 * may not send: it notes the event and gives the current thread WORK_IO_SIGNAL, which is done before that thread
 * sleeps or returns to its program (async_signals_send). So a writer's signal is out before its next instruction.
 * Lock order: the owner's lock, a wait queue, pending_lock; signals are sent without any of them. */
#include "async.h"

#include "poll.h"
#include "signal.h"

#include "linux/fcntl.h"

enum { POLL_CODE_IN = 1, POLL_CODE_OUT = 2, POLL_CODE_MESSAGE = 3, POLL_CODE_HUP = 6 }; /* si_code, sigaction(2) */

/* Locks: [m] lock, [p] pending_lock. */
struct file_owner {
	struct mutex lock;           /* RANK_FILE_POS_MUTEX */
	u32 type;                    /* [p] F_OWNER_* */
	s32 id;                      /* [p] 0: nobody */
	u32 uid, euid;               /* [p] of whoever named the owner */
	int signo;                   /* [p] F_SETSIG; 0: SIGIO without details */
	int fd;                      /* [p] the number that O_ASYNC was set by */
	u32 events;                  /* [p] POLL_* and FILE_EVENT_* that are due */
	struct list_node pending;    /* [p] */
	u32 waiter_count;            /* [m] 0: O_ASYNC is off */
	struct waiter waiters[POLL_QUEUES_MAX]; /* [m] */
};
struct async_table { struct poll_table table; struct file_owner *owner; };

static struct spinlock pending_lock = SPINLOCK_INIT(RANK_EPOLL_READY);
static struct list_node pending_owners = LIST_INIT(pending_owners);

/* The file's, made when it is asked for first. */
static struct file_owner *owner_of(struct file *f)
{
	struct file_owner *o = __atomic_load_n(&f->owner, __ATOMIC_ACQUIRE), *none = NULL;

	if (o)
		return o;
	o = kzalloc(sizeof(*o));
	if (!o)
		return NULL;
	o->type = F_OWNER_PID_K;
	mutex_init(&o->lock, RANK_FILE_POS_MUTEX);
	list_init(&o->pending);
	if (__atomic_compare_exchange_n(&f->owner, &none, o, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return o;
	kfree(o);
	return none;
}

static bool exists(u32 type, s32 id)
{
	struct process *p;
	bool found = false;

	spin_lock(&process_tree_lock);
	if (type == F_OWNER_TID_K)
		found = thread_find_locked((u32)id) != NULL;
	else if (type == F_OWNER_PID_K)
		found = process_find_locked((u32)id) != NULL;
	spin_unlock(&process_tree_lock);
	for (u32 from = 1; type == F_OWNER_PGRP_K && !found && (p = process_next(from)); process_put(p)) {
		from = p->pid + 1;
		found = p->pgid == (u32)id;
	}
	return found;
}

status_t file_owner_set(struct file *f, u32 type, s32 id)
{
	const struct cred *c = thread_current()->cred;
	struct file_owner *o;

	if (type > F_OWNER_PGRP_K)
		return ERR_INVAL;
	if (id < 0 || (id && !exists(type, id)))
		return ERR_SRCH;
	o = owner_of(f);
	if (!o)
		return ERR_NOMEM;
	spin_lock(&pending_lock);
	o->type = type;
	o->id = id;
	o->uid = c->uid;
	o->euid = c->euid;
	spin_unlock(&pending_lock);
	return OK;
}

status_t file_owner_default(struct file *f, int fd)
{
	struct file_owner *o = owner_of(f);

	if (!o)
		return ERR_NOMEM;
	o->fd = fd;
	return o->id ? OK : file_owner_set(f, F_OWNER_PID_K, (s32)process_current()->pid);
}

s32 file_owner_get(struct file *f, u32 *type)
{
	struct file_owner *o = __atomic_load_n(&f->owner, __ATOMIC_ACQUIRE);

	*type = o ? o->type : F_OWNER_PID_K;
	return o ? o->id : 0;
}

status_t file_signal_set(struct file *f, int signo)
{
	struct file_owner *o = owner_of(f);

	if (!o)
		return ERR_NOMEM;
	__atomic_store_n(&o->signo, signo, __ATOMIC_RELAXED);
	return OK;
}

int file_signal_get(struct file *f)
{
	struct file_owner *o = __atomic_load_n(&f->owner, __ATOMIC_ACQUIRE);

	return o ? o->signo : 0;
}

/* ---- events ---- */
static void note(struct file_owner *o, u32 events)
{
	spin_lock(&pending_lock);
	o->events |= events;
	if (list_empty(&o->pending))
		list_push_back(&pending_owners, &o->pending);
	spin_unlock(&pending_lock);
	__atomic_or_fetch(&thread_current()->work, WORK_IO_SIGNAL, __ATOMIC_RELAXED);
}

/* Wake-ups without a key are those of writers. */
static bool note_readiness(struct waiter *w, u64 key)
{
	u32 events = (u32)key & (POLL_IN | POLL_OUT);

	note(w->arg, events ? events : key ? POLL_HUP : POLL_OUT);
	return false; /* whoever waits for the file still gets the wake-up */
}

void file_event_note(struct file *f, u32 event) { note(f->owner, event); }

static status_t add_waiter(struct poll_table *table, struct wait_queue *q)
{
	struct file_owner *o = container_of(table, struct async_table, table)->owner;
	struct waiter *w;

	DEBUG_ASSERT(o->waiter_count < POLL_QUEUES_MAX);
	if (o->waiter_count == POLL_QUEUES_MAX)
		return ERR_NOMEM;
	w = &o->waiters[o->waiter_count++];
	waiter_init(w);
	w->fn = note_readiness;
	w->thread = NULL;
	w->arg = o;
	waiter_add(q, w);
	return OK;
}

static void stop(struct file_owner *o)
{
	for (u32 i = 0; i < o->waiter_count; i++)
		waiter_remove(&o->waiters[i]);
	o->waiter_count = 0;
	spin_lock(&pending_lock);
	list_remove(&o->pending);
	o->events = 0;
	spin_unlock(&pending_lock);
}

status_t file_async_set(struct file *f, int fd, bool on)
{
	struct async_table t = { .table = { .add = add_waiter, .mask = POLL_IN | POLL_OUT, .long_lived = true } };
	struct file_owner *o;

	if (!f->ops->signals_io)
		return OK;
	o = t.owner = owner_of(f);
	if (!o)
		return ERR_NOMEM;
	mutex_lock(&o->lock);
	o->fd = fd;
	if (on && !o->waiter_count)
		file_poll(f, &t.table);
	else if (!on)
		stop(o);
	mutex_unlock(&o->lock);
	return OK;
}

void file_owner_free(struct file *f)
{
	stop(f->owner);
	kfree(f->owner);
}

/* ---- sending ---- */
static bool permitted(const struct file_owner *o, struct process *p)
{
	if (p->flags & PROC_SERVICE)
		return false;
	struct cred *c = process_cred_get(p);
	bool allowed = o->euid == 0 || o->euid == c->suid || o->euid == c->uid || o->uid == c->suid || o->uid == c->uid;
	cred_put(c);
	return allowed;
}

static void send_to(const struct file_owner *o, struct process *p, struct thread *t, const struct siginfo_k *info)
{
	const struct siginfo_k plain = { .signo = SIGIO, .code = SI_KERNEL };
	status_t st;

	if (!permitted(o, p))
		return;
	st = t ? signal_send_thread(t, info->signo, info) : signal_send_process(p, info->signo, info);
	if (st) /* fcntl(2): a full queue of real-time signals gives SIGIO */
		st = t ? signal_send_thread(t, SIGIO, &plain) : signal_send_process(p, SIGIO, &plain);
	if (st) { /* a legacy signal always gets through */ }
}

static void send_info(const struct file_owner *o, const struct siginfo_k *info)
{
	struct process *p;

	if (o->type == F_OWNER_TID_K) {
		struct thread *t = thread_find((u32)o->id);
		if (t && t->process)
			send_to(o, t->process, t, info);
		if (t)
			thread_put(t);
	} else if (o->type == F_OWNER_PID_K) {
		p = process_find((u32)o->id);
		if (p) {
			send_to(o, p, NULL, info);
			process_put(p);
		}
	} else {
		for (u32 from = 1; (p = process_next(from)); process_put(p)) {
			from = p->pid + 1;
			if (p->pgid == (u32)o->id)
				send_to(o, p, NULL, info);
		}
	}
}

static void send_events(const struct file_owner *o)
{
	static const struct { u32 event; s32 code, band; } kinds[] = {
		{ POLL_IN, POLL_CODE_IN, POLL_IN | POLL_RDNORM },
		{ POLL_OUT, POLL_CODE_OUT, POLL_OUT | POLL_WRNORM | 0x200 /* POLLWRBAND */ },
		{ FILE_EVENT_MESSAGE, POLL_CODE_MESSAGE, POLL_IN | POLL_RDNORM | FILE_EVENT_MESSAGE },
		{ POLL_HUP, POLL_CODE_HUP, POLL_HUP | POLL_ERR },
	};

	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct siginfo_k info = { .signo = SIGIO, .code = SI_KERNEL };

		if (!(o->events & kinds[i].event))
			continue;
		if (o->signo)
			info = (struct siginfo_k){ .signo = o->signo, .code = kinds[i].code, .band = kinds[i].band, .fd = o->fd };
		send_info(o, &info);
	}
}

void async_signals_send(void)
{
	__atomic_and_fetch(&thread_current()->work, ~(u32)WORK_IO_SIGNAL, __ATOMIC_RELAXED);
	for (;;) {
		struct file_owner due = { 0 };
		struct list_node *first;

		spin_lock(&pending_lock);
		first = list_pop_front(&pending_owners);
		if (first) {
			due = *list_entry(first, struct file_owner, pending);
			list_entry(first, struct file_owner, pending)->events = 0;
		}
		spin_unlock(&pending_lock);
		if (!first)
			return;
		if (due.id)
			send_events(&due);
	}
}
