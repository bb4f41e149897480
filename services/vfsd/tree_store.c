// SPDX-License-Identifier: MIT
// Records of the tree in the state object: linear hash tables (grow by one bucket per insert, so that a transaction
// stays small), object and entry records, clean-up in bounded pieces.
#include "tree.h"

#define RECLAIM_STEPS 8 /* records freed per changing request: keeps its journal within a page or two */

/* Positions found by the last listings, so that a long directory is not walked from its head for each piece. */
static struct { u64 dir, sequence, entry, generation; u32 fs; } hints[64];
static u64 hint_generation; /* bumped when an entry goes: all hints are void */

static u64 *bucket_slot(struct hash_table *t, u64 n)
{
	return (u64 *)state_ptr(t->segments[n / HASH_SEGMENT_BUCKETS]) + n % HASH_SEGMENT_BUCKETS;
}

static u64 bucket_number(const struct hash_table *t, u64 hash)
{
	u64 mask = HASH_SEGMENT_BUCKETS;
	while (mask < t->bucket_count)
		mask <<= 1;
	u64 n = hash & (mask - 1);
	return n < t->bucket_count ? n : n & (mask / 2 - 1);
}

static status_t table_add_segment(struct hash_table *t, u64 index)
{
	u64 segment = state_alloc(HASH_SEGMENT_BUCKETS * sizeof(u64));
	if (!segment)
		return ERR_NOSPC;
	TXN_SET(t->segments[index], segment);
	return OK;
}

/* Adds bucket number bucket_count and moves to it the records that hash there. */
static status_t table_split(struct hash_table *t)
{
	u64 n = t->bucket_count;
	if (n == (u64)HASH_SEGMENTS_MAX * HASH_SEGMENT_BUCKETS)
		return OK;
	if (n % HASH_SEGMENT_BUCKETS == 0) {
		status_t st = table_add_segment(t, n / HASH_SEGMENT_BUCKETS);
		if (st)
			return st;
	}
	u64 half = HASH_SEGMENT_BUCKETS;
	while (half * 2 <= n)
		half <<= 1;
	u64 *from = bucket_slot(t, n - half), *to = bucket_slot(t, n);
	TXN_SET(t->bucket_count, n + 1);
	while (*from) {
		struct hash_record *r = state_ptr(*from);
		u64 offset = *from;
		if (bucket_number(t, r->hash) != n) {
			from = &r->chain;
			continue;
		}
		TXN_SET(*from, r->chain);
		TXN_SET(r->chain, *to);
		TXN_SET(*to, offset);
	}
	return OK;
}

status_t table_insert(struct hash_table *t, struct hash_record *r, u64 hash)
{
	status_t st = OK;
	if (!t->bucket_count) {
		st = table_add_segment(t, 0);
		if (!st)
			TXN_SET(t->bucket_count, (u64)HASH_SEGMENT_BUCKETS);
	} else if (t->count >= t->bucket_count) {
		st = table_split(t);
	}
	if (st)
		return st;
	u64 *slot = bucket_slot(t, bucket_number(t, hash));
	*r = (struct hash_record){ *slot, hash }; /* a fresh record: a rollback gives it back whole */
	TXN_SET(*slot, state_offset(r));
	TXN_SET(t->count, t->count + 1);
	return OK;
}

static u64 *slot_of(struct hash_table *t, struct hash_record *r)
{
	u64 *slot = bucket_slot(t, bucket_number(t, r->hash)), offset = state_offset(r);
	while (*slot && *slot != offset)
		slot = &((struct hash_record *)state_ptr(*slot))->chain;
	if (!*slot)
		service_panic("record missing from its hash table");
	return slot;
}

void table_remove(struct hash_table *t, struct hash_record *r)
{
	TXN_SET(*slot_of(t, r), r->chain);
	TXN_SET(t->count, t->count - 1);
}

/* The record's key has changed. */
static void table_move(struct hash_table *t, struct hash_record *r, u64 hash)
{
	TXN_SET(*slot_of(t, r), r->chain);
	u64 *slot = bucket_slot(t, bucket_number(t, hash));
	TXN_SET(*r, ((struct hash_record){ *slot, hash }));
	TXN_SET(*slot, state_offset(r));
}

u64 table_first(struct hash_table *t, u64 hash)
{
	return t->bucket_count ? *bucket_slot(t, bucket_number(t, hash)) : 0;
}

static u64 object_hash(u32 fs, u64 ino) { return hash_u64(ino * FS_MAX + fs); }

struct tree_object *object_find(u32 fs, u64 ino)
{
	u64 hash = object_hash(fs, ino);
	struct tree_object *o = state_ptr(table_first(&vfsd_state()->objects, hash));
	while (o && (o->ino != ino || o->fs != fs))
		o = state_ptr(o->link.chain);
	return o;
}

/* The links of a fresh record, and the list's view of it. */
static void list_object(struct fs_record *f, struct tree_object *o)
{
	u64 offset = state_offset(o);
	if (f->first_object)
		TXN_SET(((struct tree_object *)state_ptr(f->first_object))->fs_previous, offset);
	TXN_SET(f->first_object, offset);
	TXN_SET(f->object_count, f->object_count + 1);
}

static void unlist_object(struct fs_record *f, struct tree_object *o)
{
	if (o->fs_previous)
		TXN_SET(((struct tree_object *)state_ptr(o->fs_previous))->fs_next, o->fs_next);
	else
		TXN_SET(f->first_object, o->fs_next);
	if (o->fs_next)
		TXN_SET(((struct tree_object *)state_ptr(o->fs_next))->fs_previous, o->fs_previous);
	TXN_SET(f->object_count, f->object_count - 1);
}

struct tree_object *object_new(const struct tree_object *fresh)
{
	struct fs_record *f = &vfsd_state()->fs[fresh->fs];
	struct tree_object *o = state_ptr(state_alloc(sizeof(*o)));
	if (!o)
		return NULL;
	*o = *fresh;
	o->fs_next = f->first_object;
	o->fs_previous = 0;
	if (table_insert(&vfsd_state()->objects, &o->link, object_hash(o->fs, o->ino)))
		return NULL;
	list_object(f, o);
	return o;
}

/* The last step: no list and no table knows it any more. */
static void object_release(struct tree_object *o)
{
	if (o->target)
		state_free(o->target, o->size);
	if (o->xattrs)
		state_free(o->xattrs, o->xattr_bytes);
	state_free(state_offset(o), sizeof(*o));
}

void object_free(struct tree_object *o)
{
	struct vfsd_state *s = vfsd_state();
	table_remove(&s->objects, &o->link);
	unlist_object(&s->fs[o->fs], o);
	if (o->first_entry) {
		TXN_SET(o->fs_next, s->fs[FS_GRAVEYARD].first_object);
		TXN_SET(o->fs_previous, (u64)0);
		list_object(&s->fs[FS_GRAVEYARD], o);
	} else {
		object_release(o);
	}
}

static u64 entry_hash(u32 fs, u64 dir, const char *name, u32 name_size)
{
	return hash_bytes(name, name_size, hash_u64(dir * FS_MAX + fs));
}

struct tree_entry *entry_find(u32 fs, u64 dir, const char *name, u32 name_size)
{
	u64 hash = entry_hash(fs, dir, name, name_size);
	struct tree_entry *e = state_ptr(table_first(&vfsd_state()->entries, hash));
	while (e && (e->link.hash != hash || e->dir != dir || e->fs != fs || e->name_size != name_size ||
		     memcmp(e->name, name, name_size) != 0))
		e = state_ptr(e->link.chain);
	return e;
}

#define NAME_ROOM 16u /* names get room in steps of this, so that a rename mostly fits where the old name was */

struct tree_entry *entry_new(struct tree_object *dir, const char *name, u32 name_size, u64 ino, u8 type, u8 flags)
{
	u32 room = ALIGN_UP(name_size, NAME_ROOM);
	struct tree_entry *e = state_ptr(state_alloc(sizeof(*e) + room));
	if (!e)
		return NULL;
	*e = (struct tree_entry){
		.dir = dir->ino, .fs = (u16)dir->fs, .name_size = (u16)name_size, .capacity = (u16)room, .ino = ino,
		.type = type, .flags = flags, .sequence = dir->next_sequence, .previous = dir->last_entry,
	};
	memcpy(e->name, name, name_size);
	if (table_insert(&vfsd_state()->entries, &e->link, entry_hash(dir->fs, dir->ino, name, name_size)))
		return NULL;
	u64 offset = state_offset(e), last = dir->last_entry;
	u64 list[3] = { last ? dir->first_entry : offset, offset, dir->next_sequence + 1 };
	if (last)
		TXN_SET(((struct tree_entry *)state_ptr(last))->next, offset);
	_Static_assert(offsetof(struct tree_object, next_sequence) ==
			       offsetof(struct tree_object, first_entry) + 16,
		       "one store");
	txn_write(&dir->first_entry, list, sizeof(list));
	return e;
}

/* Keeps its place in listings: a reader in between sees it under one of the two names or not at all. */
bool entry_rename(struct tree_entry *e, const char *name, u32 name_size)
{
	if (name_size > e->capacity)
		return false;
	table_move(&vfsd_state()->entries, &e->link, entry_hash(e->fs, e->dir, name, name_size));
	txn_write(e->name, name, name_size);
	if (e->name_size != name_size)
		TXN_SET(e->name_size, (u16)name_size);
	return true;
}

void entry_free(struct tree_object *dir, struct tree_entry *e)
{
	hint_generation++;
	table_remove(&vfsd_state()->entries, &e->link);
	if (e->previous)
		TXN_SET(((struct tree_entry *)state_ptr(e->previous))->next, e->next);
	else
		TXN_SET(dir->first_entry, e->next);
	if (e->next)
		TXN_SET(((struct tree_entry *)state_ptr(e->next))->previous, e->previous);
	else
		TXN_SET(dir->last_entry, e->previous);
	state_free(state_offset(e), sizeof(*e) + e->capacity);
}

struct tree_entry *entry_after(struct tree_object *dir, u64 sequence)
{
	u32 slot = hash_u64(dir->ino + sequence) % ARRAY_SIZE(hints);
	struct tree_entry *e = state_ptr(dir->first_entry);
	if (hints[slot].fs == dir->fs && hints[slot].dir == dir->ino && hints[slot].sequence == sequence &&
	    hints[slot].generation == hint_generation && hints[slot].entry)
		e = state_ptr(hints[slot].entry);
	while (e && e->sequence < sequence)
		e = state_ptr(e->next);
	return e;
}

void entry_hint(struct tree_object *dir, struct tree_entry *e)
{
	u32 slot = hash_u64(dir->ino + e->sequence) % ARRAY_SIZE(hints);
	hints[slot].fs = dir->fs;
	hints[slot].dir = dir->ino;
	hints[slot].sequence = e->sequence;
	hints[slot].entry = state_offset(e);
	hints[slot].generation = hint_generation;
}

/* One record of a dropped directory or of an unmounted file system; false when there is nothing to do. */
static bool reclaim_one(struct vfsd_state *s)
{
	struct fs_record *f = &s->fs[FS_GRAVEYARD];
	for (u32 i = 1; !f->first_object && s->dying_count && i < FS_MAX; i++)
		if (s->fs[i].state == FS_STATE_DYING)
			f = &s->fs[i];
	if (!f->first_object)
		return false;
	struct tree_object *o = state_ptr(f->first_object);
	if (o->first_entry) {
		entry_free(o, state_ptr(o->first_entry));
		return true;
	}
	if (f != &s->fs[FS_GRAVEYARD])
		table_remove(&s->objects, &o->link);
	unlist_object(f, o);
	object_release(o);
	if (!f->first_object && f->state == FS_STATE_DYING) {
		TXN_SET(f->state, (u32)FS_STATE_FREE);
		TXN_SET(s->dying_count, s->dying_count - 1);
	}
	return true;
}

void tree_reclaim(void)
{
	struct vfsd_state *s = vfsd_state();
	for (int i = 0; i < RECLAIM_STEPS && reclaim_one(s); i++)
		;
}

bool tree_has_garbage(void)
{
	return vfsd_state()->dying_count || vfsd_state()->fs[FS_GRAVEYARD].first_object;
}
