// SPDX-License-Identifier: MIT
/* futex_waitv(2): one wait for any of several words. The waiters are linked one after the other; a wake in between counts. */
#include "futex.h"
#include "linux.h"

#define WAITV_MAX 128u                 /* FUTEX_WAITV_MAX */
enum { WAITV_U32 = 2, WAITV_PRIVATE = 128, WAITV_KNOWN = WAITV_U32 | WAITV_PRIVATE };

struct waitv_user { u64 value, address; u32 flags, reserved; };

static status_t deadline_in(u64 timeout, s32 clock, u64 *deadline)
{
	u64 ns;
	*deadline = DEADLINE_NEVER;
	if (!timeout)
		return OK;
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return ERR_INVAL;
	status_t st = timespec_in(user_ptr(timeout), &ns);
	if (!st)
		*deadline = clock == CLOCK_REALTIME ? deadline_on_wall(ns) : ns;
	return st;
}

static status_t words_check(const struct waitv_user *words, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if ((words[i].flags & ~(u32)WAITV_KNOWN) || !(words[i].flags & WAITV_U32) || words[i].reserved)
			return ERR_INVAL;
	return OK;
}

/* Index of a waiter that was woken, or -1; none is linked afterwards. */
static s64 unlink_all(struct futex_waiter *w, u32 count)
{
	s64 woken = -1;
	for (u32 i = 0; i < count; i++)
		if (futex_unlink(&w[i]) && woken < 0)
			woken = i;
	return woken;
}

static bool any_woken(const struct futex_waiter *w, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (__atomic_load_n(&w[i].woken, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

static s64 wait_any(const struct waitv_user *words, struct futex_waiter *w, u32 count, u64 deadline)
{
	status_t st = OK;
	u32 linked = 0;
	while (!st && linked < count) {
		w[linked] = (struct futex_waiter){ .bitset = FUTEX_BITSET_ANY };
		st = futex_enqueue(&w[linked], words[linked].address, words[linked].flags & WAITV_PRIVATE, (u32)words[linked].value);
		linked += !st;
	}
	while (!st) {
		wait_prepare();
		if (any_woken(w, count))
			break;
		st = wait_sleep_until(deadline, WAIT_INTERRUPTIBLE);
	}
	wait_finish();
	s64 woken = unlink_all(w, linked);
	return woken >= 0 ? woken : st == ERR_INTR ? ERR_RESTART : st;
}

LINUX_HANDLER(futex_waitv)
{
	u32 count = (u32)a1;
	u64 deadline;
	if ((u32)a2 || !count || count > WAITV_MAX || !a0)
		return ERR_INVAL;
	status_t st = deadline_in(a3, (s32)a4, &deadline);
	if (st)
		return st;
	struct waitv_user *words = kmalloc(count * sizeof(*words));
	struct futex_waiter *waiters = kmalloc(count * sizeof(*waiters));
	s64 result = words && waiters ? OK : ERR_NOMEM;
	if (!result && copy_in(words, user_ptr(a0), count * sizeof(*words)))
		result = ERR_FAULT;
	if (!result)
		result = words_check(words, count);
	if (!result)
		result = wait_any(words, waiters, count, deadline);
	kfree(waiters);
	kfree(words);
	return result;
}
