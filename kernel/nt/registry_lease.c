// SPDX-License-Identifier: MIT
/* The registry's leases: a table of answers by question, sets of WAYS. ntd's answers depend on its tree alone, which only
 * calls through here change, so a lease holds until such a call: a value's change drops what can show it, any change
 * of keys drops everything. ntd's death changes nothing: its tree is transactional. A VALUE_SET that was the last on
 * its value and comes again is answered from here as well; like Windows, that does not move the key's last write. */
#include "registry_lease.h"

#include "string.h"
#include "../../abi/proto/nt.h"

#define SETS 256u
#define WAYS 4u
#define LEASE_BYTES_MAX 1024u /* question and answer of one: names and values at a program's start are far smaller */

struct lease { u64 hash; s64 status; struct registry_question q; u32 reply_size, length; u8 bytes[]; };

static struct spinlock lock = SPINLOCK_INIT(RANK_NAME_HASH);
static struct lease *table[SETS][WAYS];
static u8 next_way[SETS];
static u64 generation; /* moves at both ends of each write */

static u64 hash_of(const struct registry_question *q)
{
	u64 h = hash_bytes(q->args, q->args_size, q->op);
	h = hash_bytes(q->name, q->name_size, h);
	return hash_bytes(q->data, q->data_size, h);
}

static bool same(const void *a, u32 a_size, const void *b, u32 b_size) { return a_size == b_size && !memcmp(a, b, a_size); }

static bool asks(const struct lease *l, u64 hash, const struct registry_question *q)
{
	return l && l->hash == hash && l->q.op == q->op && same(l->q.args, l->q.args_size, q->args, q->args_size) &&
		same(l->q.name, l->q.name_size, q->name, q->name_size) && same(l->q.data, l->q.data_size, q->data, q->data_size);
}

bool registry_lease_find(const struct registry_question *q, struct registry_answer *a, u64 *mark)
{
	u64 hash = hash_of(q);
	bool found = false;
	spin_lock(&lock);
	*mark = generation;
	for (u32 way = 0; way < WAYS && !found; way++) {
		const struct lease *l = table[hash % SETS][way];
		if (!asks(l, hash, q))
			continue;
		found = true;
		const u8 *answer = l->bytes + q->args_size + q->name_size + q->data_size;
		a->status = l->status;
		a->length = l->length;
		memcpy(a->reply, answer, MIN(a->reply_size, l->reply_size));
		memcpy(a->data, answer + l->reply_size, MIN(a->capacity, l->length));
	}
	spin_unlock(&lock);
	return found;
}

static struct lease *lease_make(const struct registry_question *q, const struct registry_answer *a)
{
	u32 asked = q->args_size + q->name_size + q->data_size, length = a->data ? a->length : 0;
	if (asked > LEASE_BYTES_MAX || a->reply_size + length > LEASE_BYTES_MAX - asked)
		return NULL;
	struct lease *l = kmalloc(sizeof(*l) + asked + a->reply_size + length);
	if (!l)
		return NULL;
	*l = (struct lease){ .hash = hash_of(q), .status = a->status, .q = *q, .reply_size = a->reply_size, .length = length };
	u8 *at = l->bytes;
	l->q.args = memcpy(at, q->args, q->args_size);
	l->q.name = memcpy(at += q->args_size, q->name, q->name_size);
	l->q.data = memcpy(at += q->name_size, q->data, q->data_size);
	memcpy(at += q->data_size, a->reply, a->reply_size);
	memcpy(at + a->reply_size, a->data, length);
	return l;
}

void registry_lease_keep(const struct registry_question *q, const struct registry_answer *a, u64 mark)
{
	struct lease *made = lease_make(q, a);
	if (!made)
		return;
	struct lease *dropped = made;
	spin_lock(&lock);
	if (mark == generation) {
		u32 set = made->hash % SETS, way = 0;
		while (way < WAYS && !asks(table[set][way], made->hash, q)) /* asked twice at once */
			way++;
		if (way == WAYS)
			way = next_way[set]++ % WAYS;
		dropped = table[set][way];
		table[set][way] = made;
	}
	spin_unlock(&lock);
	kfree(dropped);
}

u64 registry_lease_writing(void)
{
	spin_lock(&lock);
	u64 mark = ++generation;
	spin_unlock(&lock);
	return mark;
}

static u64 key_of(const struct registry_question *q) { return *(const u64 *)q->args; }

/* Can the write show in this answer? */
static bool shows(const struct lease *l, const struct registry_question *write)
{
	if (write->op != NTD_VALUE_SET && write->op != NTD_VALUE_DELETE)
		return true;
	switch (l->q.op) {
	case NTD_KEY_OPEN:
	case NTD_KEY_PATH:
		return false;
	case NTD_KEY_ENUMERATE: /* tells of a child, which this key may be */
		return true;
	case NTD_VALUE_QUERY:
	case NTD_VALUE_SET:
		return key_of(&l->q) == key_of(write) && same(l->q.name, l->q.name_size, write->name, write->name_size);
	default:
		return key_of(&l->q) == key_of(write);
	}
}

u64 registry_lease_written(const struct registry_question *q)
{
	struct lease *dropped = NULL; /* chained through q.args, which nobody reads any more */
	spin_lock(&lock);
	u64 mark = ++generation;
	for (u32 i = 0; i < SETS * WAYS; i++) {
		struct lease **slot = &table[i / WAYS][i % WAYS];
		if (!*slot || !shows(*slot, q))
			continue;
		(*slot)->q.args = dropped;
		dropped = *slot;
		*slot = NULL;
	}
	spin_unlock(&lock);
	while (dropped) {
		struct lease *next = (struct lease *)(uintptr_t)dropped->q.args;
		kfree(dropped);
		dropped = next;
	}
	return mark;
}
