// SPDX-License-Identifier: MIT
/* Record locks of any open file: fcntl POSIX locks (owner: descriptor table), OFD locks and flock (owner: open file).
 * POSIX and OFD locks exclude each other; flock is a world of its own, as on Linux.
 * One spinlock guards all tables: lock traffic is rare, and deadlock detection walks from waiter to owner. */
#include "vfs_internal.h"

#include "../../abi/linux/fcntl.h"

#define LOCK_SH_K 1
#define LOCK_EX_K 2
#define LOCK_NB_K 4
#define LOCK_UN_K 8
#define DEADLOCK_STEPS_MAX 64u       /* longer chains of waiters are taken for no deadlock */
#define OFFSET_MAX INT64_MAX

enum lock_kind { LOCK_POSIX, LOCK_OFD, LOCK_FLOCK };
struct record {
	struct list_node link;
	enum lock_kind kind;
	void *owner;                 /* fdtable or file */
	bool exclusive;
	s64 start, end;              /* inclusive */
	u32 pid;                     /* for F_GETLK */
};
struct lock_table {
	struct list_node records;    /* by start */
	struct wait_queue changed;
};
struct blocked { struct list_node link; void *owner; void *by; };
struct flock_k { s16 type, whence; s32 pad; s64 start, len; s32 pid, pad2; };
_Static_assert(sizeof(struct flock_k) == 32, "struct flock");

static struct spinlock locks_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list_node blocked_owners = LIST_INIT(blocked_owners);

/* Of a file without a node (pipe, socket) its own: such a file is shared by inheriting it. */
static struct lock_table *table_of(struct file *f)
{
	struct lock_table **slot = f->where.node ? &f->where.node->locks : &f->locks;
	struct lock_table *t = __atomic_load_n(slot, __ATOMIC_ACQUIRE), *none = NULL;
	if (t)
		return t;
	t = kmalloc(sizeof(*t));
	if (!t)
		return NULL;
	list_init(&t->records);
	wait_queue_init(&t->changed);
	if (__atomic_compare_exchange_n(slot, &none, t, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return t;
	kfree(t);
	return none;
}

static bool same_owner(const struct record *a, const struct record *b)
{
	return a->kind == b->kind && a->owner == b->owner;
}

static struct record *conflict_locked(struct lock_table *t, const struct record *want)
{
	list_for_each(r, &t->records, struct record, link) {
		bool same_world = (r->kind == LOCK_FLOCK) == (want->kind == LOCK_FLOCK);
		if (!same_world || same_owner(r, want) || !(r->exclusive || want->exclusive))
			continue;
		if (r->start <= want->end && want->start <= r->end)
			return r;
	}
	return NULL;
}

/* Would waiting for `by` close a circle back to `owner`? POSIX owners only: they can be followed. */
static bool deadlock_locked(void *owner, void *by)
{
	for (u32 step = 0; step < DEADLOCK_STEPS_MAX; step++) {
		void *next = NULL;
		if (by == owner)
			return true;
		list_for_each(b, &blocked_owners, struct blocked, link)
			if (b->owner == by)
				next = b->by;
		if (!next)
			return false;
		by = next;
	}
	return false;
}

static void insert_sorted(struct lock_table *t, struct record *r)
{
	struct list_node *at = &t->records;
	list_for_each(o, &t->records, struct record, link) {
		if (o->start > r->start) {
			at = &o->link;
			break;
		}
	}
	list_insert_before(at, &r->link);
}

/* Cuts [start, end] out of the owner's records. `*spare` is used when one record becomes two. */
static void cut_locked(struct lock_table *t, const struct record *range, struct record **spare, struct list_node *dead)
{
	list_for_each_safe(r, &t->records, struct record, link) {
		if (!same_owner(r, range) || r->start > range->end || range->start > r->end)
			continue;
		if (r->start < range->start && r->end > range->end) {
			struct record *tail = *spare;
			*spare = NULL;
			*tail = *r;
			tail->start = range->end + 1;
			r->end = range->start - 1;
			insert_sorted(t, tail);
		} else if (r->start < range->start) {
			r->end = range->start - 1;
		} else if (r->end > range->end) {
			r->start = range->end + 1;
		} else {
			list_remove(&r->link);
			list_push_back(dead, &r->link);
		}
	}
}

static void merge_locked(struct lock_table *t, struct record *fresh, struct list_node *dead)
{
	list_for_each_safe(r, &t->records, struct record, link) {
		if (r == fresh || !same_owner(r, fresh) || r->exclusive != fresh->exclusive)
			continue;
		bool before = r->end != OFFSET_MAX && r->end + 1 == fresh->start;
		bool after = fresh->end != OFFSET_MAX && fresh->end + 1 == r->start;
		if (!before && !after)
			continue;
		if (before)
			fresh->start = r->start;
		else
			fresh->end = r->end;
		list_remove(&r->link);
		list_push_back(dead, &r->link);
	}
	list_remove(&fresh->link);
	insert_sorted(t, fresh);
}

static void free_records(struct list_node *dead)
{
	struct list_node *link;
	while ((link = list_pop_front(dead)))
		kfree(list_entry(link, struct record, link));
}

/* Sets or clears without waiting. AGAIN: another's is in the way. */
static status_t apply(struct lock_table *t, const struct record *want, bool unlock)
{
	struct list_node dead = LIST_INIT(dead);
	struct record *fresh = unlock ? NULL : kmalloc(sizeof(*fresh));
	struct record *spare = kmalloc(sizeof(*spare));
	status_t st = OK;
	if (!spare || (!unlock && !fresh)) {
		kfree(fresh);
		kfree(spare);
		return ERR_NOLCK;
	}
	spin_lock(&locks_lock);
	if (!unlock && conflict_locked(t, want)) {
		st = ERR_AGAIN;
	} else {
		cut_locked(t, want, &spare, &dead);
		if (fresh) {
			*fresh = *want;
			insert_sorted(t, fresh);
			merge_locked(t, fresh, &dead);
			fresh = NULL;
		}
	}
	spin_unlock(&locks_lock);
	if (!st)
		wake_all(&t->changed);
	free_records(&dead);
	kfree(fresh);
	kfree(spare);
	return st;
}

static bool not_blocked_by(struct lock_table *t, const struct record *want, const void *by)
{
	spin_lock(&locks_lock);
	struct record *other = conflict_locked(t, want);
	bool changed = !other || other->owner != by;
	spin_unlock(&locks_lock);
	return changed;
}

/* Waits until the owner who is in the way now is so no longer. The next one in the way may close a circle, which is
 * why the caller tries again whenever that owner changes. */
static status_t wait_for_owner(struct lock_table *t, const struct record *want)
{
	struct blocked me = { .owner = want->owner };
	status_t st = OK;
	list_init(&me.link);
	spin_lock(&locks_lock);
	struct record *other = conflict_locked(t, want);
	if (other) {
		me.by = other->owner;
		bool followed = want->kind == LOCK_POSIX && other->kind == LOCK_POSIX;
		if (followed && deadlock_locked(want->owner, me.by))
			st = ERR_DEADLK;
		else if (followed)
			list_push_back(&blocked_owners, &me.link);
	}
	spin_unlock(&locks_lock);
	if (st || !me.by)
		return st;
	st = WAIT_EVENT(&t->changed, not_blocked_by(t, want, me.by), DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
	spin_lock(&locks_lock);
	list_remove(&me.link);
	spin_unlock(&locks_lock);
	return st;
}

static status_t set_lock(struct file *f, const struct record *want, bool unlock, bool wait)
{
	struct lock_table *t = table_of(f);
	if (!t)
		return ERR_NOLCK;
	for (;;) {
		status_t st = apply(t, want, unlock);
		if (st != ERR_AGAIN || !wait)
			return st;
		st = wait_for_owner(t, want);
		if (st)
			return st == ERR_INTR ? ERR_RESTART : st;
	}
}

static status_t range_of(struct file *f, const struct flock_k *l, struct record *r)
{
	s64 base = 0, start, end;
	if (l->whence == 1)
		base = (s64)f->pos;
	else if (l->whence == 2)
		base = f->where.node && f->where.node->data ? (s64)f->where.node->data->size : 0;
	else if (l->whence != 0)
		return ERR_INVAL;
	if (__builtin_add_overflow(base, l->start, &start))
		return ERR_OVERFLOW;
	if (l->len > 0) {
		if (__builtin_add_overflow(start, l->len - 1, &end))
			return ERR_OVERFLOW;
	} else if (l->len < 0) {
		end = start - 1;
		start += l->len;
	} else {
		end = OFFSET_MAX;
	}
	if (start < 0)
		return ERR_INVAL;
	r->start = start;
	r->end = end;
	return OK;
}

/* What the open file itself holds in the range: F_OFD_GETLK asked with F_UNLCK (Linux 6.6). */
static struct record *own_locked(struct lock_table *t, const struct record *want)
{
	list_for_each(r, &t->records, struct record, link)
		if (same_owner(r, want) && r->start <= want->end && want->start <= r->end)
			return r;
	return NULL;
}

static status_t get_lock(struct file *f, struct record *want, struct user_ptr user, struct flock_k *l)
{
	struct lock_table *t = table_of(f);
	if (!t)
		return ERR_NOLCK;
	spin_lock(&locks_lock);
	struct record *r = l->type == F_UNLCK_K ? own_locked(t, want) : conflict_locked(t, want);
	if (r) {
		l->type = r->exclusive ? F_WRLCK_K : F_RDLCK_K;
		l->whence = 0;
		l->start = r->start;
		l->len = r->end == OFFSET_MAX ? 0 : r->end - r->start + 1;
		l->pid = r->kind == LOCK_OFD ? -1 : (s32)r->pid;
	} else {
		l->type = F_UNLCK_K;
	}
	spin_unlock(&locks_lock);
	return COPY_OUT(user, l);
}

s64 file_lock_fcntl(struct file *f, int command, struct user_ptr user)
{
	struct flock_k l;
	bool ofd = command >= F_OFD_GETLK_K, get = command == F_GETLK_K || command == F_OFD_GETLK_K;
	bool wait = command == F_SETLKW_K || command == F_OFD_SETLKW_K;
	status_t st = COPY_IN(&l, user);
	if (st)
		return st;
	if (l.type < F_RDLCK_K || l.type > F_UNLCK_K || (ofd && l.pid) || (command == F_GETLK_K && l.type == F_UNLCK_K))
		return ERR_INVAL;
	struct record want = {
		.kind = ofd ? LOCK_OFD : LOCK_POSIX, .owner = ofd ? (void *)f : (void *)thread_current()->fds,
		.exclusive = l.type == F_WRLCK_K, .pid = process_current()->pid,
	};
	st = range_of(f, &l, &want);
	if (st)
		return st;
	if (get)
		return get_lock(f, &want, user, &l);
	if ((l.type == F_RDLCK_K && !FILE_CAN_READ(f)) || (l.type == F_WRLCK_K && !FILE_CAN_WRITE(f)))
		return ERR_BADF;
	return set_lock(f, &want, l.type == F_UNLCK_K, wait);
}

s64 file_flock(struct file *f, int operation)
{
	int op = operation & ~LOCK_NB_K;
	if (op != LOCK_SH_K && op != LOCK_EX_K && op != LOCK_UN_K)
		return ERR_INVAL;
	struct record want = { .kind = LOCK_FLOCK, .owner = f, .exclusive = op == LOCK_EX_K, .end = OFFSET_MAX };
	status_t st = set_lock(f, &want, op == LOCK_UN_K, false);
	if (st != ERR_AGAIN || (operation & LOCK_NB_K))
		return st;
	/* A conversion gives the old lock up before it waits, flock(2). */
	st = set_lock(f, &want, true, false);
	return st ? st : set_lock(f, &want, false, true);
}

static void drop(struct lock_table *t, enum lock_kind kind, void *owner)
{
	struct record all = { .kind = kind, .owner = owner, .end = OFFSET_MAX };
	struct list_node dead = LIST_INIT(dead);
	struct record *no_spare = NULL; /* the whole range: nothing is split */
	spin_lock(&locks_lock);
	cut_locked(t, &all, &no_spare, &dead);
	spin_unlock(&locks_lock);
	if (!list_empty(&dead)) {
		wake_all(&t->changed);
		free_records(&dead);
	}
}

void file_locks_drop(struct file *f, struct fdtable *owner)
{
	struct lock_table *tables[] = { f->locks, f->where.node ? f->where.node->locks : NULL };
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
		if (tables[i] && owner)
			drop(tables[i], LOCK_POSIX, owner);
		if (tables[i] && !owner) {
			drop(tables[i], LOCK_OFD, f);
			drop(tables[i], LOCK_FLOCK, f);
		}
	}
	if (!owner)
		kfree(f->locks);
}
