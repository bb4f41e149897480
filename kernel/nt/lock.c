// SPDX-License-Identifier: MIT
/* NtLockFile, NtUnlockFile: byte ranges of a node, owned by an open file, mandatory for reads and writes through other
 * handles (MS-FSA 2.1.5.8). They hang off the node's share record and are seen by NT opens only.
 * Locks and waiting requests are under node->spin; requests are told outside it. */
#include "file.h"

#include "nt_internal.h"
#include "string.h"
#include "../vfs/vfs_internal.h"

#define LOCKS_MAX 4096u              /* per file: a search looks at all of them */

struct range_lock { struct list_node link; struct file *owner; u64 start, last; u32 key; bool exclusive; };
struct lock_wait { struct list_node link; struct nt_io *io; struct range_lock *lock; };
static struct wait_queue lock_ended = NT_QUEUE_INIT(lock_ended);

static bool overlaps(const struct range_lock *a, const struct range_lock *b) { return a->start <= b->last && b->start <= a->last; }

static bool blocked_locked(const struct nt_share *s, const struct range_lock *want)
{
	list_for_each(have, &s->locks, struct range_lock, link)
		if (overlaps(have, want) && (want->exclusive || (have->exclusive && have->owner != want->owner)))
			return true;
	return false;
}

/* May `f` read or write [offset, offset + length)? */
bool nt_range_allowed(struct file *f, u64 offset, u64 length, bool write)
{
	struct node *n = f->where.node;
	bool allowed = true;
	if (likely(!n || !n->share || !length))
		return true;
	struct range_lock want = { .owner = f, .start = offset, .last = offset + length - 1 };
	spin_lock(&n->spin);
	if (n->share && n->share->lock_count)
		list_for_each(have, &n->share->locks, struct range_lock, link)
			if (overlaps(have, &want) && (have->exclusive ? have->owner != f : write))
				allowed = false;
	spin_unlock(&n->spin);
	return allowed;
}

static void take_locked(struct nt_share *s, struct range_lock *l)
{
	list_push_back(&s->locks, &l->link);
	s->lock_count++;
}

/* Requests that can go on now: locks are taken, the requests go to `ready`. */
static void retry_locked(struct nt_share *s, struct list_node *ready)
{
	list_for_each_safe(w, &s->lock_waits, struct lock_wait, link) {
		if (blocked_locked(s, w->lock))
			continue;
		take_locked(s, w->lock);
		w->lock = NULL;
		list_remove(&w->link);
		list_push_back(ready, &w->link);
	}
}

static void tell(struct list_node *ready)
{
	struct list_node *link;
	while ((link = list_pop_front(ready))) {
		struct lock_wait *w = list_entry(link, struct lock_wait, link);
		struct nt_io *io = w->io;
		if (!io->pended) { /* its thread has both on its stack */
			__atomic_store_n(&io->done, true, __ATOMIC_RELEASE);
			continue;
		}
		kfree(w);
		nt_io_complete(io);
	}
	wake_all(&lock_ended);
}

void nt_locks_release(struct file *f)
{
	struct node *n = f->where.node;
	struct list_node dead = LIST_INIT(dead), ready = LIST_INIT(ready), *link;
	spin_lock(&n->spin);
	struct nt_share *s = n->share;
	list_for_each_safe(l, &s->locks, struct range_lock, link)
		if (l->owner == f) {
			list_remove(&l->link);
			list_push_back(&dead, &l->link);
			s->lock_count--;
		}
	list_for_each_safe(w, &s->lock_waits, struct lock_wait, link)
		if (w->lock->owner == f) {
			w->io->status = (u32)NT_CANCELLED;
			list_push_back(&dead, &w->lock->link);
			w->lock = NULL;
			list_remove(&w->link);
			list_push_back(&ready, &w->link);
		}
	retry_locked(s, &ready);
	spin_unlock(&n->spin);
	while ((link = list_pop_front(&dead)))
		kfree(list_entry(link, struct range_lock, link));
	tell(&ready);
}

/* ---- lock ---- */
static s64 wait_here(struct node *n, struct nt_io *io, struct lock_wait *w)
{
	struct thread *t = thread_current();
	struct range_lock *given_up = NULL;
	while (WAIT_EVENT(&lock_ended, __atomic_load_n(&io->done, __ATOMIC_ACQUIRE), DEADLINE_NEVER, WAIT_INTERRUPTIBLE)) {
		if (t->work & WORK_EXIT)
			break;
		nt_settle(t); /* it keeps its place in the queue */
	}
	spin_lock(&n->spin);
	if (!io->done && w->lock) {
		list_remove(&w->link);
		given_up = w->lock;
		w->lock = NULL;
	}
	spin_unlock(&n->spin);
	kfree(given_up);
	return given_up ? ERR_RESTART : (s64)io->status;
}

static s64 lock_range(struct nt_io *io, struct range_lock *l, bool fail)
{
	struct node *n = io->file->where.node;
	bool synchronous = nt_is_synchronous(io->file);
	struct lock_wait here = { .io = io, .lock = l }, *wait = &here;
	if (!synchronous && !fail) {
		wait = kmalloc(sizeof(*wait));
		struct nt_io *pended = wait ? nt_io_pend(io) : NULL;
		if (!pended) {
			kfree(wait);
			kfree(l);
			return nt_io_finish(io, ERR_NOMEM, 0);
		}
		*wait = (struct lock_wait){ .io = pended, .lock = l };
	}
	spin_lock(&n->spin);
	struct nt_share *s = n->share;
	bool full = s->lock_count >= LOCKS_MAX, blocked = blocked_locked(s, l);
	if (!full && !blocked)
		take_locked(s, l);
	else if (!full && !fail)
		list_push_back(&s->lock_waits, &wait->link);
	spin_unlock(&n->spin);
	if (!full && blocked && !fail)
		return synchronous ? nt_io_finish(io, wait_here(n, io, wait), 0) : NT(PENDING);
	s64 st = full ? NT(INSUFFICIENT_RESOURCES) : blocked ? NT(LOCK_NOT_GRANTED) : 0;
	if (st)
		kfree(l);
	if (wait == &here)
		return nt_io_finish(io, st, 0);
	struct nt_io *pended = wait->io; /* told at once, as an operation that had to wait: its handles are in the copy */
	kfree(wait);
	pended->status = nt_status(st);
	if (st)
		nt_io_discard(pended);
	else
		nt_io_complete(pended);
	return st;
}

static s64 range_in(const u64 *a, u32 at, struct range_lock *l)
{
	u64 length;
	if (copy_in(&l->start, user_ptr(a[at]), 8) || copy_in(&length, user_ptr(a[at + 1]), 8))
		return NT(ACCESS_VIOLATION);
	if (length && length - 1 > UINT64_MAX - l->start)
		return NT(INVALID_LOCK_RANGE);
	l->last = length ? l->start + length - 1 : l->start;
	l->key = (u32)a[at + 2];
	return 0;
}

NT_HANDLER(LockFile)
{
	struct file *f;
	struct nt_io io;
	struct range_lock range;
	s64 st = range_in(a, 5, &range);
	if (!st)
		st = nt_handle_get(a[0], NT_TYPE_FILE, 0, &f);
	if (st)
		return st;
	if (!f->nt_open || !(f->nt_open->options & FILE_SHARE_ENTERED) || node_is_dir(f->where.node))
		st = NT(INVALID_PARAMETER);
	struct range_lock *l = st ? NULL : kmalloc(sizeof(*l));
	if (!st && !l)
		st = ERR_NOMEM;
	if (!st)
		st = nt_io_begin(&io, f, a);
	if (!st) {
		*l = range;
		l->owner = f;
		l->exclusive = (u8)a[9];
		st = lock_range(&io, l, (u8)a[8]);
	} else {
		kfree(l);
	}
	file_put(f);
	return st;
}

NT_HANDLER(UnlockFile)
{
	struct { u64 status, information; } block = { 0, 0 };
	struct list_node ready = LIST_INIT(ready);
	struct range_lock range, *found = NULL;
	struct file *f;
	s64 st = range_in(a, 2, &range);
	if (!st)
		st = nt_handle_get(a[0], NT_TYPE_FILE, 0, &f);
	if (st)
		return st;
	struct node *n = f->where.node;
	if (n && f->nt_open && (f->nt_open->options & FILE_SHARE_ENTERED)) {
		spin_lock(&n->spin);
		list_for_each(l, &n->share->locks, struct range_lock, link)
			if (!found && l->owner == f && l->start == range.start && l->last == range.last && l->key == range.key)
				found = l;
		if (found) {
			list_remove(&found->link);
			n->share->lock_count--;
			retry_locked(n->share, &ready);
		}
		spin_unlock(&n->spin);
		tell(&ready);
	}
	file_put(f);
	if (!found)
		return NT(RANGE_NOT_LOCKED);
	kfree(found);
	return a[1] && COPY_OUT(user_ptr(a[1]), &block) ? NT(ACCESS_VIOLATION) : 0;
}
