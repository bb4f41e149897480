// SPDX-License-Identifier: MIT
// See fake_service.h. Allocator: free lists by 16-byte size class inside the state object, all through txn_write.
#include "fake_service.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_BYTES (64u << 20)
#define CLASSES 1024u
struct head { u64 bump, live; u64 free[CLASSES]; };
struct undo { void *at; u32 size; u8 old[]; };

jmp_buf fake_kill;
u64 fake_kill_at, fake_stores;
u8 *state_base;
#define state state_base
static u64 state_bound, root_at;
static struct undo *journal[1 << 16];
static u32 journal_size;
static bool open_transaction;

void fake_state_reset(u64 root_size, u64 bound)
{
	if (!state)
		state = aligned_alloc(4096, STATE_BYTES);
	memset(state, 0, STATE_BYTES);
	root_at = ALIGN_UP(sizeof(struct head), 16ull);
	((struct head *)state)->bump = ALIGN_UP(root_at + root_size, 16ull);
	state_bound = bound ? bound : STATE_BYTES;
}
void *state_root(void) { return state + root_at; }
void state_lock(void) { }
void state_unlock(void) { }
u64 fake_state_live(void) { return ((struct head *)state)->live; }

void txn_begin(void)
{
	if (open_transaction)
		abort();
	open_transaction = true;
	fake_stores = 0;
}

void txn_write(void *dst, const void *src, size_t n)
{
	if (!open_transaction || (u8 *)dst < state || (u8 *)dst + n > state + STATE_BYTES)
		abort();
	if (++fake_stores == fake_kill_at)
		longjmp(fake_kill, 1);
	struct undo *u = malloc(sizeof(*u) + n);
	u->at = dst;
	u->size = (u32)n;
	memcpy(u->old, dst, n);
	journal[journal_size++] = u;
	memmove(dst, src, n);
}

void fake_rollback(void)
{
	while (journal_size) {
		struct undo *u = journal[--journal_size];
		memcpy(u->at, u->old, u->size);
		free(u);
	}
	open_transaction = false;
}
void txn_abort(void) { fake_rollback(); }
void txn_commit(struct service_request *r, s64 status)
{
	while (journal_size)
		free(journal[--journal_size]);
	open_transaction = false;
}

u64 state_alloc(u64 size)
{
	struct head *h = (struct head *)state;
	static const u8 zero[8192];
	u64 class = (size + 15) / 16, offset = h->free[class];
	if (offset) {
		TXN_SET(h->free[class], *(u64 *)state_ptr(offset));
	} else {
		offset = h->bump;
		if (offset + class * 16 > state_bound)
			return 0;
		TXN_SET(h->bump, offset + class * 16);
	}
	TXN_SET(h->live, h->live + class * 16);
	txn_write(state_ptr(offset), zero, class * 16);
	return offset;
}

void state_free(u64 offset, u64 size)
{
	struct head *h = (struct head *)state;
	u64 class = (size + 15) / 16;
	u8 poison[8192];
	memset(poison, 0xa5, class * 16);
	txn_write(state_ptr(offset), poison, class * 16);
	TXN_SET(*(u64 *)state_ptr(offset), h->free[class]);
	TXN_SET(h->free[class], offset);
	TXN_SET(h->live, h->live - class * 16);
}

void service_log(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}
void service_panic(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	printf("\n");
	abort();
}
