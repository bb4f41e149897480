// SPDX-License-Identifier: MIT
/* The name cache: (directory, name) -> node, or a negative entry, and the walk section that lets readers
 * follow it without locks or references.
 *
 * Walkers never sleep, so a walk section is one store, a fence and one load on the walker's own cache line.
 * Who wants to unlink or free something holds name_lock and calls names_exclude_locked:
 *	walker                            writer
 *	inside[cpu] = 1                   excluding = 1
 *	fence                             fence
 *	excluding? leave, wait, retry     wait until every inside[] is 0
 * One of the two always sees the other, so nobody is inside while entries go away. Additions need no exclusion:
 * an entry is complete before it is published. */
#include "vfs_internal.h"

#define NAME_BUCKETS 16384u        /* 128 KiB; a chain of 2 at 32k names */
#define NEGATIVE_MAX 4096u         /* missing names of PATH and library searches; oldest go first */
#define HISTORY_BITS 65536u        /* filter of names evicted or revoked, to tell why a hop was made */

struct spinlock name_lock = SPINLOCK_INIT(RANK_NAME_HASH);
static struct name_entry **buckets;
static struct list_node negatives;
static u32 negative_count;
static u8 evicted_filter[HISTORY_BITS / 8], revoked_filter[HISTORY_BITS / 8];

static struct walker_line { u32 inside; u32 unused[15]; } walkers[MAX_CPUS] __attribute__((aligned(64)));
static u32 excluding;

void walk_enter(void)
{
	struct walker_line *line = &walkers[cpu_this()->id];
	for (;;) {
		__atomic_exchange_n(&line->inside, 1, __ATOMIC_SEQ_CST);
		if (likely(!__atomic_load_n(&excluding, __ATOMIC_SEQ_CST)))
			return;
		__atomic_store_n(&line->inside, 0, __ATOMIC_RELEASE);
		while (__atomic_load_n(&excluding, __ATOMIC_RELAXED))
			cpu_relax_poll();
	}
}

void walk_leave(void)
{
	__atomic_store_n(&walkers[cpu_this()->id].inside, 0, __ATOMIC_RELEASE);
}

void names_exclude_locked(void)
{
	__atomic_store_n(&excluding, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (u32 i = 0; i < cpu_count; i++)
		while (__atomic_load_n(&walkers[i].inside, __ATOMIC_ACQUIRE))
			cpu_relax_poll();
}

void names_admit_locked(void)
{
	__atomic_store_n(&excluding, 0, __ATOMIC_RELEASE);
}

void name_cache_init(void)
{
	buckets = kzalloc(NAME_BUCKETS * sizeof(*buckets));
	if (!buckets)
		panic("no memory for the name cache");
	list_init(&negatives);
}

u32 name_hash(const struct node *dir, const char *name, u32 length)
{
	u32 h = name_hash_seed(dir);
	for (u32 i = 0; i < length; i++)
		h = NAME_HASH_STEP(h, name[i]);
	return name_hash_end(h);
}

struct name_entry *name_probe(const struct node *dir, u32 hash, const char *name, u32 length)
{
	struct name_entry *e = __atomic_load_n(&buckets[hash % NAME_BUCKETS], __ATOMIC_ACQUIRE);
	for (; e; e = e->next) {
		if (e->hash != hash || e->dir != dir || e->length != length)
			continue;
		u32 i = 0;
		while (i < length && e->text[i] == name[i])
			i++;
		if (i == length)
			return e;
	}
	return NULL;
}

/* The filters hash the directory's identity, not its address: they outlive the node. */
static u32 history_bit(const struct node *dir, const char *name, u32 length)
{
	u32 h = 0;
	for (u32 i = 0; i < length; i++)
		h = NAME_HASH_STEP(h, name[i]);
	return (u32)(hash_u64(dir->cookie * 31 + dir->fs->id) + name_hash_end(h)) % HISTORY_BITS;
}

static void history_note(u8 *filter, const struct node *dir, const char *name, u32 length)
{
	u32 bit = history_bit(dir, name, length);
	filter[bit / 8] |= (u8)(1u << (bit % 8));
}

static bool history_take(u8 *filter, u32 bit)
{
	bool set = filter[bit / 8] >> (bit % 8) & 1;
	filter[bit / 8] &= (u8)~(1u << (bit % 8));
	return set;
}

void name_mark_revoked(const struct node *dir, const char *name, u32 length)
{
	history_note(revoked_filter, dir, name, length);
}

enum hop_cause name_miss_cause(const struct node *dir, const char *name, u32 length)
{
	u32 bit = history_bit(dir, name, length);
	if (dir->fs->flags & FS_SHARED)
		return HOP_SHARED_MOUNT;
	if (dir->fs->flags & FS_NO_NAME_CACHE)
		return HOP_BY_DESIGN;
	if (history_take(revoked_filter, bit))
		return HOP_CHANGED;
	return history_take(evicted_filter, bit) ? HOP_EVICTED : HOP_FIRST_USE;
}

static struct name_entry *entry_create(struct node *dir, const char *name, u32 length)
{
	struct name_entry *e = kmalloc(sizeof(*e) + length + 1);
	if (!e)
		return NULL;
	e->dir = dir;
	e->hash = name_hash(dir, name, length);
	e->hashed = 1;
	e->length = (u8)length;
	e->lease_until_ns = 0;
	memcpy(e->text, name, length);
	e->text[length] = '\0';
	return e;
}

static void entry_publish_locked(struct name_entry *e)
{
	struct name_entry **slot = &buckets[e->hash % NAME_BUCKETS];
	e->next = *slot;
	list_push_back(&e->dir->children, &e->dir_link);
	if (e->child) {
		node_get(e->dir);
		list_push_front(&e->child->names, &e->child_link);
	} else {
		list_push_back(&negatives, &e->child_link);
		negative_count++;
	}
	__atomic_store_n(slot, e, __ATOMIC_RELEASE);
}

static void entry_unhash_excluded(struct name_entry *e)
{
	if (!e->hashed)
		return;
	struct name_entry **slot = &buckets[e->hash % NAME_BUCKETS];
	while (*slot != e)
		slot = &(*slot)->next;
	*slot = e->next;
	e->hashed = 0;
	list_remove(&e->dir_link);
}

/* Dead entries hang by child_link on `dead`; their references go in name_entries_free, outside the lock. */
static void entry_kill_excluded(struct name_entry *e, struct list_node *dead)
{
	entry_unhash_excluded(e);
	list_remove(&e->child_link);
	if (!e->child)
		negative_count--;
	list_push_back(dead, &e->child_link);
}

void name_entries_free(struct list_node *dead)
{
	struct list_node *link;
	while ((link = list_pop_front(dead))) {
		struct name_entry *e = list_entry(link, struct name_entry, child_link);
		if (e->child)
			node_put(e->dir);
		kfree(e);
	}
}

static void negatives_trim_locked(struct list_node *dead)
{
	if (negative_count <= NEGATIVE_MAX)
		return;
	names_exclude_locked();
	for (u32 i = 0; i < NEGATIVE_MAX / 16 && !list_empty(&negatives); i++) {
		struct name_entry *e = list_first(&negatives, struct name_entry, child_link);
		history_note(evicted_filter, e->dir, e->text, e->length);
		entry_kill_excluded(e, dead);
	}
	names_admit_locked();
}

void name_insert(struct node *dir, const char *name, u32 length, struct node *child, u64 lease_ns)
{
	struct name_entry *e = entry_create(dir, name, length);
	struct list_node dead = LIST_INIT(dead);
	struct node *old_parent = NULL;
	if (!e)
		return; /* not cached: the next walk asks again */
	e->child = child;
	if (lease_ns || (dir->fs->flags & FS_SHARED))
		e->lease_until_ns = time_now_ns() + (lease_ns ? lease_ns : VFS_SHARED_LEASE_NS);
	spin_lock(&name_lock);
	struct name_entry *old = name_probe(dir, e->hash, name, length);
	if (old && old->child == child) {
		old->lease_until_ns = e->lease_until_ns;
		spin_unlock(&name_lock);
		kfree(e);
		return;
	}
	if (old) {
		names_exclude_locked();
		entry_kill_excluded(old, &dead);
		names_admit_locked();
	}
	if (child && node_is_dir(child) && child->parent != dir) {
		old_parent = child->parent;
		node_get(dir);
		__atomic_store_n(&child->parent, dir, __ATOMIC_RELEASE);
	}
	entry_publish_locked(e);
	negatives_trim_locked(&dead);
	spin_unlock(&name_lock);
	name_entries_free(&dead);
	if (old_parent)
		node_put(old_parent);
}

void name_remove(struct node *dir, const char *name, u32 length, bool keep_path)
{
	struct list_node dead = LIST_INIT(dead);
	spin_lock(&name_lock);
	struct name_entry *e = name_probe(dir, name_hash(dir, name, length), name, length);
	if (e) {
		names_exclude_locked();
		if (keep_path && e->child)
			entry_unhash_excluded(e);
		else
			entry_kill_excluded(e, &dead);
		names_admit_locked();
	}
	spin_unlock(&name_lock);
	name_entries_free(&dead);
}

static struct name_entry *probe_text(struct node *dir, const char *name)
{
	u32 length = (u32)strlen(name);
	return name_probe(dir, name_hash(dir, name, length), name, length);
}

/* Points directory `child` at its new parent; the old parent's reference is left in *old for the caller. */
static void reparent_excluded(struct node *child, struct node *dir, struct node **old)
{
	*old = NULL;
	if (!child || !node_is_dir(child) || child->parent == dir)
		return;
	*old = child->parent;
	node_get(dir);
	child->parent = dir;
}

/* One exclusion for the whole change: a walker sees the old names or the new ones, never neither. */
void name_move(struct node *old_dir, const char *old_name, struct node *new_dir, const char *new_name, bool exchange)
{
	struct list_node dead = LIST_INIT(dead);
	struct node *parents[2] = { NULL, NULL };
	struct name_entry *there = entry_create(new_dir, new_name, (u32)strlen(new_name));
	struct name_entry *here = entry_create(old_dir, old_name, (u32)strlen(old_name));
	spin_lock(&name_lock);
	names_exclude_locked();
	struct name_entry *from = probe_text(old_dir, old_name), *to = probe_text(new_dir, new_name);
	struct node *moved = from ? from->child : NULL, *other = to ? to->child : NULL;
	if (from)
		entry_kill_excluded(from, &dead);
	if (to && exchange)
		entry_kill_excluded(to, &dead);
	else if (to && other)
		entry_unhash_excluded(to); /* spells the (deleted) path while the replaced object is open */
	else if (to)
		entry_kill_excluded(to, &dead);
	if (moved && there) {
		there->child = moved;
		there->lease_until_ns = from->lease_until_ns;
		entry_publish_locked(there);
		there = NULL;
	}
	reparent_excluded(moved, new_dir, &parents[0]);
	if (here && (!exchange || other)) {
		here->child = exchange ? other : NULL;
		if (exchange || !(old_dir->fs->flags & (FS_SHARED | FS_NO_NAME_CACHE))) {
			here->lease_until_ns = to && exchange ? to->lease_until_ns : 0;
			entry_publish_locked(here);
			here = NULL;
		}
	}
	reparent_excluded(exchange ? other : NULL, old_dir, &parents[1]);
	names_admit_locked();
	spin_unlock(&name_lock);
	name_entries_free(&dead);
	kfree(there);
	kfree(here);
	for (u32 i = 0; i < 2; i++)
		if (parents[i])
			node_put(parents[i]);
}

void names_drop_unhashed(struct node *n)
{
	struct list_node dead = LIST_INIT(dead);
	spin_lock(&name_lock);
	list_for_each_safe(e, &n->names, struct name_entry, child_link) {
		if (!e->hashed) {
			list_remove(&e->child_link);
			list_push_back(&dead, &e->child_link);
		}
	}
	spin_unlock(&name_lock);
	name_entries_free(&dead);
}

void names_revoke_node(struct node *n)
{
	struct list_node dead = LIST_INIT(dead);
	spin_lock(&name_lock);
	names_exclude_locked();
	list_for_each_safe(e, &n->names, struct name_entry, child_link)
		if (e->hashed)
			entry_kill_excluded(e, &dead);
	names_admit_locked();
	spin_unlock(&name_lock);
	name_entries_free(&dead);
}

void names_drop_of_node_excluded(struct node *n, struct list_node *dead)
{
	list_for_each_safe(e, &n->names, struct name_entry, child_link) {
		if (e->hashed)
			history_note(evicted_filter, e->dir, e->text, e->length);
		entry_kill_excluded(e, dead);
	}
}

/* Names below dir: all of them (revoked), or only those that hold no reference (dir is going away). */
void names_drop_children_excluded(struct node *dir, struct list_node *dead, bool all)
{
	list_for_each_safe(e, &dir->children, struct name_entry, dir_link)
		if (all || !e->child)
			entry_kill_excluded(e, dead);
}
