// SPDX-License-Identifier: MIT
/* Keys and values in the state object. Fresh blocks are filled directly (an abort frees them); links change by txn_write. */
#include "ntd.h"

#include <string.h>

struct registry_key *key_of(u64 cookie)
{
	struct ntd_root *root = state_root();
	u64 offset = cookie & ((1ull << COOKIE_OFFSET_BITS) - 1);
	if (!cookie)
		return state_ptr(root->root_key);
	if (!offset || offset >= service_info()->state_max)
		return NULL;
	struct registry_key *k = state_ptr(offset);
	return k->generation == cookie >> COOKIE_OFFSET_BITS && k->generation ? k : NULL;
}

u64 cookie_of(const struct registry_key *k) { return k->generation << COOKIE_OFFSET_BITS | state_offset(k); }

static u64 key_size(u32 name_bytes) { return sizeof(struct registry_key) + 2ull * name_bytes; }
static u64 value_size(u32 name_bytes, u32 data_bytes) { return sizeof(struct registry_value) + 2ull * name_bytes + data_bytes; }

void key_touch(struct registry_key *k) { TXN_SET(k->last_write_ns, service_time_ns()); }

struct registry_key *key_create(struct registry_key *parent, const u16 *name, const u16 *folded, u32 bytes)
{
	struct ntd_root *root = state_root();
	u64 offset = state_alloc(key_size(bytes));
	struct registry_key *k = state_ptr(offset);
	if (!k)
		return NULL;
	k->name_bytes = bytes;
	memcpy(k->name, name, bytes);
	memcpy((u8 *)k->name + bytes, folded, bytes);
	k->generation = (root->last_generation + 1) & 0xffffff ? (root->last_generation + 1) & 0xffffff : 1;
	TXN_SET(root->last_generation, k->generation);
	k->last_write_ns = service_time_ns();
	if (parent) {
		k->parent = state_offset(parent);
		k->next = parent->first_child;
		TXN_SET(parent->first_child, offset);
		key_touch(parent);
	}
	return k;
}

static void value_free(struct registry_value *v)
{
	state_free(state_offset(v), value_size(v->name_bytes, v->data_bytes));
}

void key_free(struct registry_key *k)
{
	struct registry_key *parent = state_ptr(k->parent);
	u64 *slot = &parent->first_child, own = state_offset(k);
	while (*slot != own)
		slot = &((struct registry_key *)state_ptr(*slot))->next;
	TXN_SET(*slot, k->next);
	key_touch(parent);
	for (u64 at = k->first_value; at;) {
		struct registry_value *v = state_ptr(at);
		at = v->next;
		value_free(v);
	}
	TXN_SET(k->generation, 0);
	state_free(own, key_size(k->name_bytes));
}

struct registry_key *key_child(const struct registry_key *k, const u16 *folded, u32 bytes)
{
	for (u64 at = k->first_child; at;) {
		struct registry_key *c = state_ptr(at);
		if (c->name_bytes == bytes && !memcmp(key_folded(c), folded, bytes))
			return c;
		at = c->next;
	}
	return NULL;
}

struct registry_value *value_find(const struct registry_key *k, const u16 *folded, u32 bytes)
{
	for (u64 at = k->first_value; at;) {
		struct registry_value *v = state_ptr(at);
		if (v->name_bytes == bytes && !memcmp(v->bytes + bytes, folded, bytes))
			return v;
		at = v->next;
	}
	return NULL;
}

void value_remove(struct registry_key *k, struct registry_value *v)
{
	u64 *slot = &k->first_value;
	struct registry_value *at = state_ptr(*slot);
	while (at && at != v) {
		slot = &at->next;
		at = state_ptr(*slot);
	}
	if (!at)
		return;
	TXN_SET(*slot, at->next);
	key_touch(k);
	value_free(v);
}

/* A new value goes to the end, so that enumeration keeps the order of creation; a changed one keeps its place. */
status_t value_set(struct registry_key *k, u32 type, const u16 *name, const u16 *folded, u32 name_bytes, const void *data, u32 data_bytes)
{
	u64 offset = state_alloc(value_size(name_bytes, data_bytes));
	struct registry_value *v = state_ptr(offset), *old = value_find(k, folded, name_bytes);
	if (!v)
		return ERR_NOSPC;
	*v = (struct registry_value){ .type = type, .name_bytes = name_bytes, .data_bytes = data_bytes };
	memcpy(v->bytes, name, name_bytes);
	memcpy(v->bytes + name_bytes, folded, name_bytes);
	memcpy(v->bytes + 2 * name_bytes, data, data_bytes);
	u64 *slot = &k->first_value;
	while (*slot && (!old || *slot != state_offset(old)))
		slot = &((struct registry_value *)state_ptr(*slot))->next;
	if (old)
		v->next = old->next;
	TXN_SET(*slot, offset);
	key_touch(k);
	if (old)
		value_free(old);
	return OK;
}
