// SPDX-License-Identifier: MIT
/* futex(2): wait, wake, requeue, wake-op and robust lists. Priority-inheritance operations are in futex_pi.c.
 *
 * The race that matters, and why nothing is lost:
 *	waiter                          waker
 *	lock bucket                     store to the word (user)
 *	load word, compare              futex_wake: lock bucket
 *	link, unlock, sleep             unlink those linked, mark woken, wake
 * Either the waiter sees the new value, or it is linked before the waker looks. A waiter's memory is its own stack: the
 * waker touches it only under the bucket lock, and a woken waiter passes through that lock before it returns. */
#include "futex.h"
#include "cpu.h"
#include "linux.h"
#include "signal.h"
#include "../../lib/base/string.h"

#define FUTEX_BUCKETS 256u
#define FUTEX_PRIVATE_FLAG 128u
#define FUTEX_CLOCK_REALTIME 256u
#define FUTEX_FAULT_RETRIES 64       /* a page that is taken away each time is a hostile mapping */
#define ROBUST_LIST_LIMIT 2048       /* entries followed at exit, as Linux */

enum { FUTEX_WAIT, FUTEX_WAKE, FUTEX_FD, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI, FUTEX_UNLOCK_PI,
	FUTEX_TRYLOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI, FUTEX_LOCK_PI2 };

static struct futex_bucket buckets[FUTEX_BUCKETS];

void futex_init(void)
{
	for (u32 i = 0; i < FUTEX_BUCKETS; i++) {
		spin_init(&buckets[i].lock, RANK_FUTEX);
		list_init(&buckets[i].waiters);
	}
}

struct futex_bucket *futex_bucket(const struct futex_key *key)
{
	return &buckets[hash_u64(key->a ^ (key->b >> 2)) % FUTEX_BUCKETS];
}

status_t futex_key(u64 va, bool private, struct futex_key *key)
{
	if (va & 3)
		return ERR_INVAL;
	if (va >= USER_TOP)
		return ERR_FAULT;
	struct aspace *as = process_current()->aspace;
	if (private) {
		*key = (struct futex_key){ (u64)as, va };
		return OK;
	}
	return aspace_futex_key(as, va, &key->a, &key->b);
}

static inline bool key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->a == b->a && a->b == b->b;
}

/* Loads the word with the bucket locked; on a missing page unlocks, brings it in and says ERR_AGAIN: the caller starts over. */
status_t futex_load_locked(struct futex_bucket *b, u64 va, u32 *value)
{
	if (likely(!copy_in_nofault(value, user_ptr(va), sizeof(*value))))
		return OK;
	spin_unlock(&b->lock);
	return COPY_IN(value, user_ptr(va)) ? ERR_FAULT : ERR_AGAIN;
}

/* Behind those of its own priority; ordinary threads go straight to the end. */
static void queue_locked(struct futex_bucket *b, struct futex_waiter *w)
{
	struct list_node *at = b->waiters.prev;

	while (at != &b->waiters && list_entry(at, struct futex_waiter, link)->priority < w->priority)
		at = at->prev;
	list_insert_before(at->next, &w->link);
}

void futex_link_locked(struct futex_bucket *b, struct futex_waiter *w)
{
	w->bucket = b;
	w->woken = false;
	w->thread = thread_current();
	w->priority = w->thread->rt_priority;
	queue_locked(b, w);
}

static void wake_locked(struct futex_waiter *w)
{
	list_remove(&w->link);
	struct thread *t = w->thread;
	__atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
	thread_wake(t);
}

/* Ends a wait: true when it was woken. Passing through the bucket lock makes sure that the waker is done with *w. */
bool futex_unlink(struct futex_waiter *w)
{
	for (;;) {
		struct futex_bucket *b = __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE);
		spin_lock(&b->lock);
		if (b != w->bucket) { /* requeued meanwhile */
			spin_unlock(&b->lock);
			continue;
		}
		bool woken = w->woken;
		if (!woken)
			list_remove(&w->link);
		spin_unlock(&b->lock);
		return woken;
	}
}

status_t futex_sleep(struct futex_waiter *w, u64 deadline)
{
	status_t st = OK;
	for (;;) {
		wait_prepare();
		if (__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE) || st)
			break;
		st = wait_sleep_until(deadline, WAIT_INTERRUPTIBLE);
	}
	wait_finish();
	return futex_unlink(w) ? OK : st;
}

status_t futex_enqueue(struct futex_waiter *w, u64 va, bool private, u32 expected)
{
	status_t st = futex_key(va, private, &w->key);
	if (st)
		return st;
	struct futex_bucket *b = futex_bucket(&w->key);
	u32 value;
	for (u32 tries = 0;; tries++) {
		spin_lock(&b->lock);
		st = futex_load_locked(b, va, &value);
		if (!st)
			break;
		if (st != ERR_AGAIN || tries > FUTEX_FAULT_RETRIES)
			return ERR_FAULT;
	}
	if (value != expected) {
		spin_unlock(&b->lock);
		return ERR_AGAIN;
	}
	futex_link_locked(b, w);
	spin_unlock(&b->lock);
	return OK;
}

static s64 futex_wait_once(u64 va, bool private, u32 expected, u64 deadline, u32 bitset)
{
	struct futex_waiter w = { .bitset = bitset };
	status_t st = futex_enqueue(&w, va, private, expected);
	return st ? st : futex_sleep(&w, deadline);
}

static s64 futex_wait_restarted(struct thread *t)
{
	s64 st = futex_wait_once(t->restart_args[0], t->restart_args[1], (u32)t->restart_args[2], t->restart_deadline,
		(u32)t->restart_args[3]);
	if (st == ERR_INTR) {
		t->restart_fn = futex_wait_restarted;
		return ERR_RESTART_BLOCK;
	}
	return st;
}

static s64 futex_wait(u64 va, bool private, u32 expected, u64 deadline, u32 bitset)
{
	if (!bitset)
		return ERR_INVAL;
	s64 st = futex_wait_once(va, private, expected, deadline, bitset);
	if (st != ERR_INTR)
		return st;
	if (deadline == DEADLINE_NEVER)
		return ERR_RESTART;
	struct thread *t = thread_current();
	t->restart_args[0] = va;
	t->restart_args[1] = private;
	t->restart_args[2] = expected;
	t->restart_args[3] = bitset;
	t->restart_deadline = deadline;
	t->restart_fn = futex_wait_restarted;
	return ERR_RESTART_BLOCK;
}

static u32 wake_matching_locked(struct futex_bucket *b, const struct futex_key *key, u32 count, u32 bitset)
{
	u32 woken = 0;
	list_for_each_safe(w, &b->waiters, struct futex_waiter, link) {
		if (woken >= count)
			break;
		if (!key_equal(&w->key, key) || !(w->bitset & bitset) || w->pi)
			continue;
		wake_locked(w);
		woken++;
	}
	return woken;
}

static s64 futex_wake(u64 va, bool private, u32 count, u32 bitset)
{
	struct futex_key key;
	if (!bitset)
		return ERR_INVAL;
	status_t st = futex_key(va, private, &key);
	if (st)
		return st;
	struct futex_bucket *b = futex_bucket(&key);
	spin_lock(&b->lock);
	u32 woken = list_empty(&b->waiters) ? 0 : wake_matching_locked(b, &key, count, bitset);
	spin_unlock(&b->lock);
	return woken;
}

/* For the kernel's own wakes (thread exit): waiters may have used either form of the key. */
u32 futex_wake_address(u64 va, u32 count)
{
	s64 private = futex_wake(va, true, count, FUTEX_BITSET_ANY);
	s64 shared = private < (s64)count ? futex_wake(va, false, count, FUTEX_BITSET_ANY) : 0;
	return (u32)(MAX(private, 0) + MAX(shared, 0));
}

static void lock_two(struct futex_bucket *x, struct futex_bucket *y)
{
	spin_lock(x < y ? &x->lock : &y->lock);
	if (x != y)
		spin_lock_nested(x < y ? &y->lock : &x->lock);
}

static void unlock_two(struct futex_bucket *x, struct futex_bucket *y)
{
	spin_unlock(&x->lock);
	if (x != y)
		spin_unlock(&y->lock);
}

static s64 futex_requeue(u64 va, u64 va2, bool private, u32 wake, u32 move, const u32 *expected)
{
	struct futex_key key, key2;
	u32 value, done = 0, moved = 0;
	if ((s32)wake < 0 || (s32)move < 0)
		return ERR_INVAL;
	status_t st = futex_key(va, private, &key);
	if (!st)
		st = futex_key(va2, private, &key2);
	if (st)
		return st;
	struct futex_bucket *b = futex_bucket(&key), *b2 = futex_bucket(&key2);
	for (u32 tries = 0;; tries++) {
		lock_two(b, b2);
		if (!expected || !copy_in_nofault(&value, user_ptr(va), sizeof(value)))
			break;
		unlock_two(b, b2);
		if (COPY_IN(&value, user_ptr(va)) || tries > FUTEX_FAULT_RETRIES)
			return ERR_FAULT;
	}
	if (expected && value != *expected) {
		unlock_two(b, b2);
		return ERR_AGAIN;
	}
	list_for_each_safe(w, &b->waiters, struct futex_waiter, link) {
		if (!key_equal(&w->key, &key) || w->pi)
			continue;
		if (done < wake) {
			wake_locked(w);
			done++;
		} else if (moved < move) {
			w->key = key2;
			list_remove(&w->link);
			queue_locked(b2, w);
			__atomic_store_n(&w->bucket, b2, __ATOMIC_RELEASE);
			moved++;
		} else {
			break;
		}
	}
	unlock_two(b, b2);
	return expected ? done + moved : done;
}

/* The operation word of FUTEX_WAKE_OP: op 4 bits, comparison 4, operand 12, comparison argument 12. */
static status_t wake_op_compute(u32 code, u32 old, u32 *new_value, bool *wake_second)
{
	u32 op = code >> 28 & 7, cmp = code >> 24 & 15;
	s32 operand = (s32)(code << 8) >> 20, argument = (s32)(code << 20) >> 20, was = (s32)old;
	if (code >> 31)
		operand = (s32)(1u << (operand & 31));
	switch (op) {
	case 0: *new_value = (u32)operand; break;
	case 1: *new_value = old + (u32)operand; break;
	case 2: *new_value = old | (u32)operand; break;
	case 3: *new_value = old & ~(u32)operand; break;
	case 4: *new_value = old ^ (u32)operand; break;
	default: return ERR_NOSYS;
	}
	switch (cmp) {
	case 0: *wake_second = was == argument; break;
	case 1: *wake_second = was != argument; break;
	case 2: *wake_second = was < argument; break;
	case 3: *wake_second = was <= argument; break;
	case 4: *wake_second = was > argument; break;
	case 5: *wake_second = was >= argument; break;
	default: return ERR_NOSYS;
	}
	return OK;
}

static s64 futex_wake_op(u64 va, u64 va2, bool private, u32 count, u32 count2, u32 code)
{
	struct futex_key key, key2;
	u32 old, desired, seen;
	bool second = false;
	status_t st = futex_key(va, private, &key);
	if (!st)
		st = futex_key(va2, private, &key2);
	if (!st)
		st = wake_op_compute(code, 0, &desired, &second);
	if (st)
		return st;
	struct futex_bucket *b = futex_bucket(&key), *b2 = futex_bucket(&key2);
	for (u32 tries = 0;; tries++) {
		lock_two(b, b2);
		st = copy_in_nofault(&old, user_ptr(va2), sizeof(old));
		if (!st && !wake_op_compute(code, old, &desired, &second))
			st = user_cmpxchg32_nofault(user_ptr(va2), old, desired, &seen);
		if (!st && seen == old)
			break;
		unlock_two(b, b2);
		/* Not writable yet (copy-on-write): an atomic add of nothing makes it so. */
		if (st && (futex_make_writable(va2) || tries > FUTEX_FAULT_RETRIES))
			return ERR_FAULT;
	}
	u32 woken = wake_matching_locked(b, &key, count, FUTEX_BITSET_ANY);
	if (second)
		woken += wake_matching_locked(b2, &key2, count2, FUTEX_BITSET_ANY);
	unlock_two(b, b2);
	return woken;
}

/* Brings the word in for writing. The store back of an unchanged value could undo another CPU's store, so the fault is
 * taken by hand. */
status_t futex_make_writable(u64 va)
{
	int code;
	return aspace_fault(process_current()->aspace, va, FAULT_WRITE, &code);
}

static s64 timeout_deadline(u32 op, bool realtime, u64 timeout, u64 *deadline)
{
	u64 ns;
	*deadline = DEADLINE_NEVER;
	if (!timeout)
		return OK;
	status_t st = timespec_in(user_ptr(timeout), &ns);
	if (st)
		return st;
	if (op == FUTEX_WAIT)
		*deadline = deadline_from_relative(ns);
	else
		*deadline = realtime || op == FUTEX_LOCK_PI ? deadline_on_wall(ns) : ns;
	return OK;
}

/* uaddr, op, val, timeout or val2, uaddr2, val3 */
LINUX_HANDLER(futex)
{
	u32 op = (u32)a1 & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool private = a1 & FUTEX_PRIVATE_FLAG, realtime = a1 & FUTEX_CLOCK_REALTIME;
	u64 deadline = DEADLINE_NEVER;
	bool sleeps = op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET || op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2;
	if (realtime && op != FUTEX_WAIT && op != FUTEX_WAIT_BITSET && op != FUTEX_LOCK_PI2)
		return ERR_NOSYS;
	if (sleeps) {
		s64 st = timeout_deadline(op, realtime, a3, &deadline);
		if (st)
			return st;
	}
	u32 expected = (u32)a5;
	switch (op) {
	case FUTEX_WAIT: return futex_wait(a0, private, (u32)a2, deadline, FUTEX_BITSET_ANY);
	case FUTEX_WAIT_BITSET: return futex_wait(a0, private, (u32)a2, deadline, (u32)a5);
	case FUTEX_WAKE: return futex_wake(a0, private, (u32)a2, FUTEX_BITSET_ANY);
	case FUTEX_WAKE_BITSET: return futex_wake(a0, private, (u32)a2, (u32)a5);
	case FUTEX_REQUEUE: return futex_requeue(a0, a4, private, (u32)a2, (u32)a3, NULL);
	case FUTEX_CMP_REQUEUE: return futex_requeue(a0, a4, private, (u32)a2, (u32)a3, &expected);
	case FUTEX_WAKE_OP: return futex_wake_op(a0, a4, private, (u32)a2, (u32)a3, (u32)a5);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2: return futex_lock_pi(a0, private, deadline, false);
	case FUTEX_TRYLOCK_PI: return futex_lock_pi(a0, private, 0, true);
	case FUTEX_UNLOCK_PI: return futex_unlock_pi(a0, private);
	default: return ERR_NOSYS;
	}
}

/* One robust mutex of a dying thread: marks it so that the next locker learns of it, and wakes one. */
static void robust_entry_died(u64 va, u32 tid, bool pi)
{
	u32 value, seen;
	if ((va & 3) || COPY_IN(&value, user_ptr(va)))
		return;
	for (u32 tries = 0; tries < FUTEX_FAULT_RETRIES && (value & FUTEX_TID_MASK) == tid; tries++) {
		u32 desired = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (user_cmpxchg32_nofault(user_ptr(va), value, desired, &seen)) {
			if (futex_make_writable(va))
				return;
			continue;
		}
		if (seen == value) {
			if (pi)
				futex_owner_died_pi(va);
			else if (value & FUTEX_WAITERS)
				futex_wake_address(va, 1);
			return;
		}
		value = seen;
	}
}

/* The list of set_robust_list(2): head { next, offset, pending }; bit 0 of a pointer marks a PI mutex. */
void futex_exit_robust_list(struct thread *t)
{
	struct { u64 next, offset, pending; } head;
	u64 entry, next;
	if (COPY_IN(&head, user_ptr(t->robust_list)))
		return;
	entry = head.next;
	for (u32 i = 0; i < ROBUST_LIST_LIMIT && (entry & ~1ull) != t->robust_list; i++, entry = next) {
		bool last = COPY_IN(&next, user_ptr(entry & ~1ull)) != OK;
		if ((entry & ~1ull) != (head.pending & ~1ull))
			robust_entry_died((entry & ~1ull) + head.offset, t->tid, entry & 1);
		if (last)
			return;
	}
	if (head.pending)
		robust_entry_died((head.pending & ~1ull) + head.offset, t->tid, head.pending & 1);
}

LINUX_HANDLER(set_robust_list)
{
	if (a1 != 24) /* sizeof(struct robust_list_head) */
		return ERR_INVAL;
	thread_current()->robust_list = a0;
	return OK;
}

LINUX_HANDLER(get_robust_list)
{
	struct thread *t = thread_current();
	u64 size = 24, head = t->robust_list;
	if ((s32)a0 && (u32)a0 != t->tid) {
		struct thread *other = thread_find((u32)a0);
		if (!other)
			return ERR_SRCH;
		bool allowed = other->process == t->process || cred_has_cap(t->cred, CAP_SYS_PTRACE);
		head = other->robust_list;
		thread_put(other);
		if (!allowed)
			return ERR_PERM;
	}
	return COPY_OUT(user_ptr(a1), &head) || COPY_OUT(user_ptr(a2), &size) ? ERR_FAULT : OK;
}
