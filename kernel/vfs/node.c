// SPDX-License-Identifier: MIT
/* Nodes: leases of file system objects, found by (file system, cookie).
 * Life: node_from_lease creates or finds; names and files lead to it; at no reference it stays cached until
 * the clock (node_reclaim) takes it. Pinned: linked objects whose only data is here, and live FIFOs or sockets.
 * Invariants: (1) refs rise from 0 only inside a walk section or under name_lock; (2) a node is freed only under
 * name_lock inside an exclusion with refs 0; (3) VFS_FORGET is sent once, after the node has left the table. */
#include "vfs_internal.h"

#define NODE_BUCKETS 8192u
#define NODE_CACHE_SHARE 32u        /* idle nodes may use about 1/32 of memory */
#define NODE_CACHE_MIN 2048u
#define RECLAIM_BATCH 64u           /* nodes per pass when the bound is met */
#define RECLAIM_SCAN 256u           /* nodes looked at under the lock in one pass */
#define FLUSH_BATCH 16u             /* nodes whose times are sent before they can go */

static struct list_node *table;
static struct list_node clock_list = LIST_INIT(clock_list);
static struct slab_cache *node_slab;
static u32 node_count, node_limit, creations_until_reclaim;

/* Unlinked objects whose space vfsd may free: sent by a worker, because the last reference may go anywhere. */
struct forget_item { struct list_node link; u32 fs; u64 cookie; };
static struct list_node forget_list = LIST_INIT(forget_list);
static struct wait_queue forget_wait;
static bool forget_running;

void node_table_init(void)
{
	struct mm_stats stats;
	table = kmalloc(NODE_BUCKETS * sizeof(*table));
	node_slab = slab_create("node", sizeof(struct node), 64);
	if (!table || !node_slab)
		panic("no memory for the node table");
	for (u32 i = 0; i < NODE_BUCKETS; i++)
		list_init(&table[i]);
	mm_stats_read(&stats);
	u64 limit = stats.total_pages * PAGE_SIZE / NODE_CACHE_SHARE / sizeof(struct node);
	node_limit = (u32)MAX(limit, NODE_CACHE_MIN);
	wait_queue_init(&forget_wait);
}

static struct list_node *bucket_of(const struct filesystem *fs, u64 cookie)
{
	return &table[hash_u64(cookie * 31 + fs->id) % NODE_BUCKETS];
}

static void forget_worker(void *arg UNUSED)
{
	for (;;) {
		spin_lock(&name_lock);
		struct list_node *link = list_pop_front(&forget_list);
		spin_unlock(&name_lock);
		if (!link) {
			status_t st = WAIT_EVENT(&forget_wait, !list_empty(&forget_list), DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE);
			if (st)
				return;
			continue;
		}
		struct forget_item *item = list_entry(link, struct forget_item, link);
		struct vfs_node_request r = { .fs = item->fs, .cookie = item->cookie };
		if (vfs_call(VFS_FORGET, HOP_BY_DESIGN, &r, sizeof(r), NULL, 0, NULL, 0) < 0)
			klog(LOG_DEBUG, "vfs: forget of %u:%llx refused\n", r.fs, (unsigned long long)r.cookie);
		kfree(item);
	}
}

static void forget_later(struct node *n)
{
	struct forget_item *item = kmalloc(sizeof(*item));
	if (!item)
		return; /* vfsd frees it at unmount */
	item->fs = n->fs->id;
	item->cookie = n->cookie;
	spin_lock(&name_lock);
	bool start = !forget_running;
	forget_running = true;
	list_push_back(&forget_list, &item->link);
	spin_unlock(&name_lock);
	if (start) {
		if (!kernel_thread_create("vfs-forget", forget_worker, NULL))
			forget_running = false;
	}
	wake_all(&forget_wait);
}

/* A shared mount's hidden name must be gone before the program's exit status is told: at once where possible. */
static void forget(struct node *n)
{
	const struct process *p = process_current();
	struct vfs_node_request r = { .fs = n->fs->id, .cookie = n->cookie };
	bool now = (n->fs->flags & FS_SHARED) && p && !(p->flags & PROC_SERVICE);
	if (!now || vfs_call(VFS_FORGET, HOP_SHARED_MOUNT, &r, sizeof(r), NULL, 0, NULL, 0) < 0)
		forget_later(n);
}

/* Frees what the node owns; it has left the table and nobody can find it. */
static void node_destroy(struct node *n)
{
	if ((n->flags & NODE_KEPT) && n->fs->id)
		forget(n);
	if (n->data) {
		n->data->owner = NULL;
		memobj_put(n->data);
	}
	listing_drop(n);
	kfree(n->symlink);
	kfree(n->locks);
	if (n->parent)
		node_put(n->parent);
	slab_free(node_slab, n);
}

static void node_detach_excluded(struct node *n, struct list_node *dead)
{
	names_drop_of_node_excluded(n, dead);
	names_drop_children_excluded(n, dead, false);
	list_remove(&n->hash_link);
	list_remove(&n->lru);
	node_count--;
}

/* Last reference of an unlinked node, or nothing if somebody found it again. */
static void node_finish(struct node *n)
{
	struct list_node dead = LIST_INIT(dead);
	spin_lock(&name_lock);
	names_exclude_locked();
	bool last = __atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) == 0;
	if (last)
		node_detach_excluded(n, &dead);
	names_admit_locked();
	spin_unlock(&name_lock);
	name_entries_free(&dead);
	if (last)
		node_destroy(n);
}

void node_put(struct node *n)
{
	if (unlikely(n->flags & (NODE_UNLINKED | NODE_TRANSIENT)))
		node_finish(n);
	else
		__atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL); /* may be gone from here on: the clock owns it */
}

bool node_pinned(const struct node *n)
{
	if (n->object || n->mounted)
		return true;
	if (n->flags & NODE_UNLINKED)
		return false;
	return (n->flags & (NODE_PRIVATE_DATA | NODE_SIZE_DIRTY)) || n->dirty_pages;
}

void node_set_unlinked(struct node *n, u32 nlink, bool kept)
{
	spin_lock(&n->spin);
	n->nlink = nlink;
	n->ctime_ns = vfs_now();
	if (!nlink)
		n->flags |= NODE_UNLINKED | (kept ? NODE_KEPT : 0);
	spin_unlock(&n->spin);
}

void node_apply_attributes(struct node *n, const struct vfs_attributes *a)
{
	spin_lock(&n->spin);
	n->mode = a->mode;
	n->uid = a->uid;
	n->gid = a->gid;
	if (!(n->flags & NODE_UNLINKED)) /* a shared mount counts the hidden name */
		n->nlink = a->nlink;
	if (!(n->flags & NODE_ATTR_DIRTY)) {
		n->atime_ns = a->atime_ns;
		n->mtime_ns = a->mtime_ns;
	}
	n->ctime_ns = MAX(n->ctime_ns, a->ctime_ns);
	n->btime_ns = a->btime_ns;
	n->dos_attributes = a->dos_attributes;
	n->host_blocks = a->blocks_512;
	n->flags &= ~(u32)NODE_STALE;
	spin_unlock(&n->spin);
}

static void lease_until(struct node *n, u64 lease_ns)
{
	if (lease_ns || (n->fs->flags & FS_SHARED))
		n->lease_until_ns = time_now_ns() + (lease_ns ? lease_ns : VFS_SHARED_LEASE_NS);
}

void node_renew_locked(struct node *n, const struct vfs_node *lease)
{
	bool ours = n->dirty_pages || (n->flags & (NODE_SIZE_DIRTY | NODE_PRIVATE_DATA));
	bool changed = n->data && !ours && (n->mtime_ns != lease->attr.mtime_ns || n->data->size != lease->attr.size);
	node_apply_attributes(n, &lease->attr);
	lease_until(n, lease->lease_ns);
	if (!changed)
		return;
	memobj_drop_clean(n->data);
	if (n->data->size != lease->attr.size && memobj_resize(n->data, lease->attr.size))
		klog(LOG_WARN, "vfs: no memory to resize a changed file");
	n->version++;
}

/* A known node meets a look-up's answer. We are the authority of what is ours. On a shared mount the answer may be
 * older than what an open file has written since, so an open file's node is only marked to be asked again. */
static void node_renew(struct node *n, const struct vfs_node *lease)
{
	if (!(n->fs->flags & (FS_SHARED | FS_NO_NAME_CACHE | FS_NO_DATA_CACHE)) && !(n->flags & NODE_STALE))
		return;
	if (!n->data) {
		node_apply_attributes(n, &lease->attr);
		n->plain_size = lease->attr.size;
		lease_until(n, lease->lease_ns);
		return;
	}
	mutex_lock(&n->lock);
	if (n->open_count)
		n->lease_until_ns = 1;
	else
		node_renew_locked(n, lease);
	mutex_unlock(&n->lock);
}

u64 system_image_phys(void) WEAK; /* 0 = no image in memory */

static status_t node_make_data(struct node *n, const struct vfs_node *lease)
{
	if (!node_is_regular(n) || (n->fs->flags & FS_NO_DATA_CACHE))
		return OK;
	bool in_place = lease->backing != VFS_NO_BACKING && system_image_phys && system_image_phys();
	bool local = in_place || ((n->fs->flags & FS_KERNEL_DATA) && !lease->attr.size);
	n->fill_end = n->fs->flags & FS_SHARED ? UINT64_MAX : lease->attr.size;
	n->data = memobj_create(lease->attr.size, local ? &node_local_ops : &node_filled_ops, n);
	if (!n->data)
		return ERR_NOMEM;
	account_get(n->data->account = n->fs->flags & FS_KERNEL_DATA ? n->fs->account : NULL);
	if (in_place) {
		n->data->backing = system_image_phys() + lease->backing;
		n->data->backing_size = lease->backing_size;
	}
	return OK;
}

static struct node *node_allocate(struct filesystem *fs, const struct vfs_node *lease)
{
	struct node *n = slab_alloc(node_slab);
	if (!n)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->refs = 1;
	n->fs = fs;
	n->cookie = lease->cookie;
	n->ino = lease->attr.ino;
	n->mode = lease->attr.mode;
	n->nlink = lease->attr.nlink;
	n->uid = lease->attr.uid;
	n->gid = lease->attr.gid;
	n->rdev = lease->attr.rdev;
	n->plain_size = lease->attr.size;
	n->host_blocks = lease->attr.blocks_512;
	n->atime_ns = lease->attr.atime_ns;
	n->mtime_ns = lease->attr.mtime_ns;
	n->ctime_ns = lease->attr.ctime_ns;
	n->btime_ns = lease->attr.btime_ns;
	n->dos_attributes = lease->attr.dos_attributes;
	n->version = 1;
	n->flags = fs->flags & FS_NO_NAME_CACHE ? NODE_TRANSIENT : 0;
	if ((fs->flags & FS_NO_DATA_CACHE) && lease->backing == VFS_SHOWS_MOUNTS)
		n->flags |= NODE_SHOWS_MOUNTS;
	n->used = 1;
	lease_until(n, lease->lease_ns);
	mutex_init(&n->lock, node_is_dir(n) ? RANK_DIR_MUTEX : RANK_NODE_MUTEX);
	spin_init(&n->spin, RANK_NODE);
	list_init(&n->names);
	list_init(&n->children);
	list_init(&n->hash_link);
	list_init(&n->lru);
	if (node_make_data(n, lease)) {
		slab_free(node_slab, n);
		return NULL;
	}
	return n;
}

static struct node *node_probe_locked(const struct filesystem *fs, u64 cookie)
{
	struct list_node *bucket = bucket_of(fs, cookie);
	list_for_each(n, bucket, struct node, hash_link) {
		if (n->cookie == cookie && n->fs == fs) {
			node_get(n);
			n->used = 1;
			return n;
		}
	}
	return NULL;
}

static u32 node_reclaim(u32 target, bool may_sleep);

static void node_bound_cache(void)
{
	if (node_count < node_limit)
		return;
	if (creations_until_reclaim) {
		creations_until_reclaim--;
		return;
	}
	if (!node_reclaim(RECLAIM_BATCH, true))
		creations_until_reclaim = RECLAIM_BATCH; /* all busy or pinned: do not scan at each creation */
}

struct node *node_from_lease(struct filesystem *fs, const struct vfs_node *lease)
{
	spin_lock(&name_lock);
	struct node *n = node_probe_locked(fs, lease->cookie);
	spin_unlock(&name_lock);
	if (n) {
		node_renew(n, lease);
		return n;
	}
	node_bound_cache();
	struct node *fresh = node_allocate(fs, lease);
	if (!fresh)
		return NULL;
	spin_lock(&name_lock);
	n = node_probe_locked(fs, lease->cookie);
	if (!n) {
		list_push_back(bucket_of(fs, lease->cookie), &fresh->hash_link);
		list_push_back(&clock_list, &fresh->lru);
		node_count++;
	}
	spin_unlock(&name_lock);
	if (n)
		node_destroy(fresh);
	return n ? n : fresh;
}

struct node *node_create_anonymous(struct filesystem *fs, u32 mode, u32 uid, u32 gid)
{
	static u64 next_cookie;
	s64 now = vfs_now();
	struct vfs_node lease = {
		.cookie = __atomic_add_fetch(&next_cookie, 1, __ATOMIC_RELAXED), .backing = VFS_NO_BACKING,
		.attr = { .mode = mode, .uid = uid, .gid = gid, .atime_ns = now, .mtime_ns = now, .ctime_ns = now,
				.btime_ns = now },
	};
	lease.attr.ino = lease.cookie;
	struct node *n = node_from_lease(fs, &lease);
	if (n)
		n->flags |= NODE_UNLINKED;
	return n;
}

struct node *node_find(u32 fs_id, u64 cookie)
{
	struct node *found = NULL;
	struct filesystem key = { .id = fs_id };
	spin_lock(&name_lock);
	list_for_each(n, bucket_of(&key, cookie), struct node, hash_link) {
		if (n->cookie == cookie && n->fs->id == fs_id) {
			node_get(n);
			found = n;
			break;
		}
	}
	spin_unlock(&name_lock);
	return found;
}

struct node *node_next(struct node *after)
{
	struct node *next = NULL;
	spin_lock(&name_lock);
	struct list_node *link = after ? after->lru.next : clock_list.next;
	if (link != &clock_list) {
		next = list_entry(link, struct node, lru);
		node_get(next);
	}
	spin_unlock(&name_lock);
	if (after)
		node_put(after);
	return next;
}

/* Times that only we know go to vfsd before the node may be dropped. */
static void node_flush_times(struct node *n)
{
	struct vfs_setattr_request r = {
		.fs = n->fs->id, .valid = VFS_SET_ATIME | VFS_SET_MTIME | VFS_SET_CTIME, .cookie = n->cookie,
		.atime_ns = n->atime_ns, .mtime_ns = n->mtime_ns, .ctime_ns = n->ctime_ns,
	};
	struct vfs_attributes reply;
	spin_lock(&n->spin);
	n->flags &= ~(u32)NODE_ATTR_DIRTY;
	spin_unlock(&n->spin);
	if (vfs_call(VFS_SETATTR, HOP_EVICTED, &r, sizeof(r), &reply, sizeof(reply), NULL, 0) < 0)
		klog(LOG_DEBUG, "vfs: times of an evicted node were refused\n");
}

/* Ends a pass over the nodes: names may be looked up again, and what it took (name_lock is held until here) is freed. */
static void destroy_detached(struct list_node *names, struct list_node *gone)
{
	struct list_node *link;
	names_admit_locked();
	spin_unlock(&name_lock);
	name_entries_free(names);
	while ((link = list_pop_front(gone)))
		node_destroy(list_entry(link, struct node, lru));
}

/* One pass of the clock: referenced or used nodes get another round. */
static u32 node_reclaim(u32 target, bool may_sleep)
{
	struct list_node names = LIST_INIT(names), gone = LIST_INIT(gone);
	struct node *flush[FLUSH_BATCH];
	u32 taken = 0, flushes = 0;
	spin_lock(&name_lock);
	names_exclude_locked();
	for (u32 i = 0; i < RECLAIM_SCAN + target && taken < target && !list_empty(&clock_list); i++) {
		struct node *n = list_first(&clock_list, struct node, lru);
		list_remove(&n->lru);
		list_push_back(&clock_list, &n->lru);
		if (n->refs || n->used || node_pinned(n)) {
			n->used = 0;
			continue;
		}
		if (n->flags & NODE_ATTR_DIRTY) {
			if (may_sleep && flushes < FLUSH_BATCH) {
				node_get(n);
				flush[flushes++] = n;
			}
			continue;
		}
		node_detach_excluded(n, &names);
		list_push_back(&gone, &n->lru);
		taken++;
	}
	destroy_detached(&names, &gone);
	for (u32 i = 0; i < flushes; i++) {
		node_flush_times(flush[i]);
		node_put(flush[i]);
	}
	return taken;
}

/* Children let go of their directories, so passes repeat until one frees nothing. */
u32 nodes_purge(struct filesystem *fs)
{
	u32 taken, left;
	do {
		struct list_node names = LIST_INIT(names), gone = LIST_INIT(gone);
		taken = left = 0;
		spin_lock(&name_lock);
		names_exclude_locked();
		list_for_each_safe(n, &clock_list, struct node, lru) {
			if (n->fs != fs)
				continue;
			if (n->refs) {
				left++;
				continue;
			}
			node_detach_excluded(n, &names);
			list_push_back(&gone, &n->lru);
			taken++;
		}
		destroy_detached(&names, &gone);
	} while (taken);
	return left;
}

u32 vfs_reclaim(u32 count)
{
	const struct process *p = process_current();
	bool service = p && (p->flags & PROC_SERVICE); /* must not wait for vfsd: it may be vfsd */
	return table ? node_reclaim(count, !service) : 0;
}
