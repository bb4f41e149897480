// SPDX-License-Identifier: MIT
/* FUTEX_LOCK_PI and friends: locks whose word holds the owner's tid, handed over by the kernel to the
 * waiter of the highest real-time priority, among equals in order of arrival.
 * There is no priority inheritance (scheduling has one class of user threads); hand-over, the owner-died protocol and
 * the errors are those of futex(2). */
#include "futex.h"
#include "linux.h"
#include "../../lib/base/string.h"

#define PI_RETRIES 64

static struct futex_waiter *first_waiter_locked(struct futex_bucket *b, const struct futex_key *key)
{
	list_for_each(w, &b->waiters, struct futex_waiter, link)
		if (w->pi && w->key.a == key->a && w->key.b == key->b)
			return w;
	return NULL;
}

static bool has_waiters_locked(struct futex_bucket *b, const struct futex_key *key)
{
	return first_waiter_locked(b, key) != NULL;
}

/* With the bucket locked: takes the word if it is free, else marks it contended. OK = taken, ERR_BUSY = contended. */
static status_t acquire_locked(struct futex_bucket *b, u64 va, const struct futex_key *key, u32 tid, bool mark)
{
	u32 value, seen, desired;
	if (copy_in_nofault(&value, user_ptr(va), sizeof(value)))
		return ERR_FAULT;
	for (u32 tries = 0; tries < PI_RETRIES; tries++) {
		u32 owner = value & FUTEX_TID_MASK;
		if (owner == tid)
			return ERR_DEADLK;
		bool free = owner == 0;
		if (free)
			desired = tid | (value & FUTEX_OWNER_DIED) | (has_waiters_locked(b, key) ? FUTEX_WAITERS : 0);
		else if (!mark)
			return ERR_BUSY;
		else
			desired = value | FUTEX_WAITERS;
		if (user_cmpxchg32_nofault(user_ptr(va), value, desired, &seen))
			return ERR_FAULT;
		if (seen == value)
			return free ? OK : ERR_BUSY;
		value = seen;
	}
	return ERR_AGAIN;
}

/* A word that names a thread that does not exist would never be unlocked. The tree lock ranks below the bucket's, so
 * this is asked before. */
static status_t check_owner(u64 va)
{
	u32 value, seen;
	if (COPY_IN(&seen, user_ptr(va)))
		return ERR_FAULT;
	do {
		value = seen;
		if (!(value & FUTEX_TID_MASK) || (value & FUTEX_OWNER_DIED))
			return OK;
		struct thread *t = thread_find(value & FUTEX_TID_MASK);
		if (t) {
			thread_put(t);
			return OK;
		}
		if (COPY_IN(&seen, user_ptr(va))) /* an owner that unlocked and ended meanwhile has changed it; C libraries hang on ESRCH */
			return ERR_FAULT;
	} while (seen != value);
	return ERR_SRCH;
}

s64 futex_lock_pi(u64 va, bool private, u64 deadline, bool try_only)
{
	struct futex_waiter w = { .bitset = ~0u, .pi = true };
	status_t st = futex_key(va, private, &w.key);
	if (st)
		return st;
	struct futex_bucket *b = futex_bucket(&w.key);
	u32 tid = thread_current()->tid;
	for (u32 tries = 0; tries < PI_RETRIES; tries++) {
		st = check_owner(va);
		if (st)
			return st;
		spin_lock(&b->lock);
		st = acquire_locked(b, va, &w.key, tid, !try_only);
		if (st == ERR_BUSY && !try_only) {
			futex_link_locked(b, &w);
			spin_unlock(&b->lock);
			st = futex_sleep(&w, deadline); /* OK: the word holds our tid */
			return st == ERR_INTR ? ERR_RESTART_NOINTR : st;
		}
		spin_unlock(&b->lock);
		if (st == ERR_BUSY)
			return ERR_AGAIN;
		if (st == ERR_FAULT && !futex_make_writable(va))
			continue;
		if (st != ERR_AGAIN)
			return st;
	}
	return ERR_FAULT;
}

/* Gives the lock to the first waiter, or frees it. `value` is what the word holds now. */
static status_t hand_over_locked(struct futex_bucket *b, u64 va, const struct futex_key *key, u32 value, u32 keep)
{
	struct futex_waiter *next = first_waiter_locked(b, key);
	u32 desired = keep, seen;
	if (next) {
		list_remove(&next->link);
		desired = next->thread->tid | keep | (has_waiters_locked(b, key) ? FUTEX_WAITERS : 0);
	}
	status_t st = user_cmpxchg32_nofault(user_ptr(va), value, desired, &seen);
	if (st || seen != value) {
		if (next)
			list_push_front(&b->waiters, &next->link);
		return st ? st : ERR_AGAIN;
	}
	if (next) {
		struct thread *t = next->thread;
		__atomic_store_n(&next->woken, true, __ATOMIC_RELEASE);
		thread_wake(t);
	}
	return OK;
}

s64 futex_unlock_pi(u64 va, bool private)
{
	struct futex_key key;
	status_t st = futex_key(va, private, &key);
	if (st)
		return st;
	struct futex_bucket *b = futex_bucket(&key);
	for (u32 tries = 0; tries < PI_RETRIES; tries++) {
		u32 value;
		spin_lock(&b->lock);
		st = futex_load_locked(b, va, &value);
		if (st == ERR_AGAIN)
			continue;
		if (st)
			return st;
		if ((value & FUTEX_TID_MASK) != thread_current()->tid) {
			spin_unlock(&b->lock);
			return ERR_PERM;
		}
		st = hand_over_locked(b, va, &key, value, 0);
		spin_unlock(&b->lock);
		if (st == ERR_FAULT && !futex_make_writable(va))
			continue;
		if (st != ERR_AGAIN)
			return st;
	}
	return ERR_FAULT;
}

/* The word holds OWNER_DIED already: the next owner gets it with that bit and sees that it must repair. */
void futex_owner_died_pi(u64 va)
{
	struct futex_key key;
	u32 value;
	for (int private = 0; private < 2; private++) {
		if (futex_key(va, private, &key))
			continue;
		struct futex_bucket *b = futex_bucket(&key);
		spin_lock(&b->lock);
		if (has_waiters_locked(b, &key) && !copy_in_nofault(&value, user_ptr(va), sizeof(value)) &&
		    hand_over_locked(b, va, &key, value, FUTEX_OWNER_DIED)) { /* the word changed: its new owner wakes */ }
		spin_unlock(&b->lock);
	}
}
