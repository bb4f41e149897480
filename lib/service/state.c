// SPDX-License-Identifier: MIT
// The state object: header, reply store, undo journal, then the service's own data.
// INVARIANTS
//  1. journal_used == 0: the object is as the last commit left it. Storing 0 is the commit (txn_commit), and the end
//     of a rollback (state_open, txn_abort).
//  2. A byte of service data changes only after its old value is in the journal below journal_used (txn_write).
//  3. A reply slot belongs to a call from its commit until the caller has the reply; its call_id is written with
//     txn_write, so call and effect commit together.
//  4. Death is at an instruction boundary and memory is coherent, so program order is enough: barriers are the
//     compiler's.
#include "internal.h"

#include <pthread.h>

#include "../base/string.h"

#define STATE_MAGIC 0x7473626d61ull /* "ambst" */
#define STATE_LIBRARY_VERSION 1
#define REPLY_SLOTS 64u             /* more than workers and nested replies still wanted */
#define JOURNAL_BYTES KIB(256)      /* largest transaction; a directory operation needs about 2 KiB */
#define GROW_STEP KIB(256)
#define CLASS_COUNT 64u
#define SMALLEST_CLASS 16u

struct journal_record { u64 offset; u64 size; }; /* old bytes follow, padded to 8 */

struct state_header {
	u64 magic;
	u32 library_version, service_version;
	u64 journal_used;
	u64 kill_at, store_points;
	u64 root, root_size, root_filled;
	u64 bump;                    /* first offset never allocated */
	u64 used;                    /* bytes allocated */
	u64 sequence;
	u64 free_lists[CLASS_COUNT];
	struct stored_reply replies[REPLY_SLOTS];
};
#define JOURNAL_OFFSET ALIGN_UP(sizeof(struct state_header), PAGE_SIZE)
#define DATA_OFFSET (JOURNAL_OFFSET + JOURNAL_BYTES)

static struct state_header *header;
u8 *state_base;
#define base state_base
static u64 size_now, size_max;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool in_transaction;
static bool slot_held[REPLY_SLOTS]; /* by a call of this instance that is not delivered yet */

#define barrier() __asm__ volatile("" ::: "memory")

void state_lock(void) { pthread_mutex_lock(&lock); }
void state_unlock(void) { pthread_mutex_unlock(&lock); }
void *state_root(void) { return base + header->root; }
u64 state_bytes_used(void) { return header->used; }
u64 state_store_points(void) { return header->store_points; }
void state_test(u64 kill_at) { header->kill_at = kill_at; }

/* Where the kill walk may end the process: between any two stores that matter. */
static void store_point(void)
{
	header->store_points++;
	if (unlikely(header->kill_at) && --header->kill_at == 0)
		service_panic("killed at its store by the test");
}

static void rollback(void)
{
	u8 *journal = base + JOURNAL_OFFSET;
	u64 starts[1024]; /* a batch of record positions; undone last to first */
	while (header->journal_used) {
		u64 count = 0, at = 0, first = 0;
		while (at < header->journal_used) {
			if (count == ARRAY_SIZE(starts)) { /* keep the last batch */
				memmove(starts, starts + 1, sizeof(starts) - sizeof(starts[0]));
				count--;
			}
			starts[count++] = at;
			at += sizeof(struct journal_record) + ALIGN_UP(((struct journal_record *)(journal + at))->size, 8);
		}
		while (count) {
			first = starts[--count];
			struct journal_record *r = (struct journal_record *)(journal + first);
			memcpy(base + r->offset, r + 1, r->size);
			barrier();
			header->journal_used = first;
			barrier();
		}
	}
}

static void format(const struct service_config *config)
{
	memset(header, 0, sizeof(*header));
	header->library_version = STATE_LIBRARY_VERSION;
	header->service_version = config->state_version;
	header->root = DATA_OFFSET;
	header->root_size = config->state_root_size;
	header->bump = DATA_OFFSET + ALIGN_UP(config->state_root_size, 64);
	barrier();
	header->magic = STATE_MAGIC;
}

static bool grow_to(u64 size)
{
	if (size <= size_now)
		return true;
	u64 wanted = MIN(MAX(size, size_now + GROW_STEP), size_max);
	if (wanted < size || ambos_call(AMBOS_CALL_STATE_GROW, wanted, 0, 0, 0, 0) != 0)
		return false;
	size_now = ALIGN_UP(wanted, PAGE_SIZE);
	return true;
}

bool state_open(const struct service_config *config, const struct ipc_service_info *info)
{
	base = (u8 *)info->state_base;
	header = (struct state_header *)base;
	size_now = info->state_size;
	size_max = info->state_max;
	if (!grow_to(DATA_OFFSET + ALIGN_UP(config->state_root_size, 64)))
		service_panic("state object too small: %llu bytes", (unsigned long long)size_max);
	if (header->magic != STATE_MAGIC)
		format(config);
	if (header->library_version != STATE_LIBRARY_VERSION || header->service_version != config->state_version ||
	    header->root_size != config->state_root_size)
		service_panic("state object of another version");
	rollback();
	if (!header->root_filled)
		memset(base + header->root, 0, header->root_size);
	return !header->root_filled;
}

void state_first_done(void)
{
	TXN_SET(header->root_filled, 1);
}

void txn_begin(void)
{
	state_lock();
	in_transaction = true;
}

static void journal_append(u64 offset, u64 size)
{
	u64 need = sizeof(struct journal_record) + ALIGN_UP(size, 8);
	if (header->journal_used + need > JOURNAL_BYTES)
		service_panic("transaction larger than the journal");
	struct journal_record *r = (struct journal_record *)(base + JOURNAL_OFFSET + header->journal_used);
	r->offset = offset;
	r->size = size;
	memcpy(r + 1, base + offset, size);
	barrier();
	header->journal_used += need;
	barrier();
}

/* Most stores are one word. */
static inline bool write_word(u64 offset, const void *src)
{
	struct journal_record *r = (struct journal_record *)(base + JOURNAL_OFFSET + header->journal_used);
	u64 value;
	if (unlikely(header->journal_used + sizeof(*r) + sizeof(value) > JOURNAL_BYTES))
		return false;
	*r = (struct journal_record){ offset, sizeof(value) };
	__builtin_memcpy(r + 1, base + offset, sizeof(value));
	__builtin_memcpy(&value, src, sizeof(value));
	barrier();
	header->journal_used += sizeof(*r) + sizeof(value);
	barrier();
	store_point();
	__builtin_memcpy(base + offset, &value, sizeof(value));
	barrier();
	store_point();
	return true;
}

void txn_write(void *dst, const void *src, size_t n)
{
	u64 offset = (u64)((u8 *)dst - base);
	if (unlikely(!in_transaction || offset > size_now || n > size_now - offset))
		service_panic("store outside a transaction or the state object");
	if (n == sizeof(u64) && write_word(offset, src))
		return;
	journal_append(offset, n);
	store_point();
	memcpy(dst, src, n);
	barrier();
	store_point();
}

static struct stored_reply *slot_choose(u32 *index)
{
	struct stored_reply *oldest = NULL;
	for (u32 i = 0; i < REPLY_SLOTS; i++) {
		struct stored_reply *s = &header->replies[i];
		if (slot_held[i])
			continue;
		if (!oldest || (s->call_id ? s->sequence : 0) < (oldest->call_id ? oldest->sequence : 0)) {
			oldest = s;
			*index = i;
		}
		if (!s->call_id)
			break;
	}
	if (!oldest)
		service_panic("more calls in flight than reply slots");
	return oldest;
}

/* The body goes to a slot that means nothing yet; the call id, journalled, gives it its meaning. */
static void reply_store(struct service_request *r, s64 status)
{
	u32 index = 0;
	if (r->reply_payload_size > TXN_REPLY_PAYLOAD)
		service_panic("reply of op %u too large for the reply store", r->message.op);
	struct stored_reply *s = slot_choose(&index);
	TXN_SET(s->call_id, 0);
	s->sequence = ++header->sequence;
	s->status = status;
	s->args_size = r->reply_args_size;
	s->payload_size = r->reply_payload_size;
	s->nested = (r->message.flags & IPC_NESTED) != 0;
	memcpy(s->args, r->reply_args, r->reply_args_size);
	memcpy(s->payload, r->reply_payload, r->reply_payload_size);
	barrier();
	TXN_SET(s->call_id, r->message.call_id);
	slot_held[index] = true;
	r->reply_slot = index + 1;
}

void txn_commit(struct service_request *r, s64 status)
{
	if (!in_transaction)
		service_panic("commit without a transaction");
	if (r)
		reply_store(r, status);
	store_point();
	barrier();
	header->journal_used = 0;
	barrier();
	store_point();
	in_transaction = false;
	state_unlock();
}

void txn_abort(void)
{
	rollback();
	in_transaction = false;
	state_unlock();
}

const struct stored_reply *reply_find(u64 call_id)
{
	for (u32 i = 0; i < REPLY_SLOTS; i++) {
		if (header->replies[i].call_id != call_id)
			continue;
		slot_held[i] = true;
		return &header->replies[i];
	}
	return NULL;
}

void reply_delivered(u64 call_id)
{
	for (u32 i = 0; i < REPLY_SLOTS; i++) {
		if (!slot_held[i] || header->replies[i].call_id != call_id)
			continue;
		if (!header->replies[i].nested)
			header->replies[i].call_id = 0;
		slot_held[i] = false;
		return;
	}
}

/* ---- space: size classes 16, 32, 48, 64, 96, 128, 192, ...; a free block starts with the next one's offset ---- */
static u32 class_of(u64 size, u64 *class_size)
{
	u64 block = SMALLEST_CLASS;
	u32 index = 0;
	if (size <= SMALLEST_CLASS) {
		*class_size = block;
		return 0;
	}
	for (block = 32, index = 1;; block <<= 1, index += 2) {
		if (size <= block)
			break;
		if (size <= block + block / 2) {
			block += block / 2;
			index++;
			break;
		}
	}
	*class_size = block;
	return index;
}

u64 state_alloc(u64 size)
{
	u64 block;
	if (size == 0 || size > size_max)
		return 0;
	u32 class = class_of(size, &block);
	u64 offset = header->free_lists[class];
	if (offset) {
		u64 next = *(u64 *)(base + offset);
		TXN_SET(header->free_lists[class], next);
		TXN_SET(*(u64 *)(base + offset), 0); /* a rollback needs the link; the rest of a free block means nothing */
	} else {
		offset = ALIGN_UP(header->bump, 16);
		if (!grow_to(offset + block))
			return 0;
		TXN_SET(header->bump, offset + block);
	}
	memset(base + offset, 0, block);
	TXN_SET(header->used, header->used + block);
	return offset;
}

void state_free(u64 offset, u64 size)
{
	u64 block;
	if (!offset)
		return;
	u32 class = class_of(size, &block);
	journal_append(offset, block); /* whole: the block may be handed out again, zeroed, before the commit */
	TXN_SET(*(u64 *)(base + offset), header->free_lists[class]);
	TXN_SET(header->free_lists[class], offset);
	TXN_SET(header->used, header->used - block);
}
