/* SPDX-License-Identifier: MIT */
/* Between futex.c and futex_pi.c. */
#ifndef AMBOS_KERNEL_FUTEX_H
#define AMBOS_KERNEL_FUTEX_H

#include "process.h"

#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu
#define FUTEX_BITSET_ANY 0xffffffffu

struct futex_key { u64 a, b; };
struct futex_bucket {
	struct spinlock lock;        /* RANK_FUTEX */
	struct list_node waiters;
};
/* On the waiter's stack; [b] its bucket's lock. */
struct futex_waiter {
	struct list_node link;       /* [b] */
	struct futex_bucket *bucket; /* changed under both buckets' locks */
	struct futex_key key;        /* [b] */
	struct thread *thread;
	u32 bitset;
	s32 priority;                /* real-time priority when it began to wait, 0 for others: the higher wakes first */
	bool woken;                  /* [b] to write */
	bool pi;                     /* waits for a lock: only an unlock wakes it */
};

struct futex_bucket *futex_bucket(const struct futex_key *key);
status_t futex_key(u64 va, bool private, struct futex_key *key) MUST_CHECK;
/* ERR_AGAIN: the lock was dropped, start over. ERR_FAULT: dropped. */
status_t futex_load_locked(struct futex_bucket *b, u64 va, u32 *value) MUST_CHECK;
/* Links *w (its bitset is set) when the word is as expected; else ERR_AGAIN, or what is wrong with the address. */
status_t futex_enqueue(struct futex_waiter *w, u64 va, bool private, u32 expected) MUST_CHECK;
void futex_link_locked(struct futex_bucket *b, struct futex_waiter *w);
bool futex_unlink(struct futex_waiter *w);
status_t futex_sleep(struct futex_waiter *w, u64 deadline) MUST_CHECK;
status_t futex_make_writable(u64 va) MUST_CHECK;

s64 futex_lock_pi(u64 va, bool private, u64 deadline, bool try_only);
s64 futex_unlock_pi(u64 va, bool private);
void futex_owner_died_pi(u64 va);

#endif
