// SPDX-License-Identifier: MIT
/* Memory objects: life cycle, getting pages, size changes, the reverse map.
 * Entry points: memobj_create/put/get_page/insert_page/resize/punch/drop_clean/for_each_dirty; bytes move in
 * memobj_io.c. A page in the index holds one reference, has obj and index set, and is charged to o->account.
 * Invariants: 1. obj of a page is set exactly while it is in an index; 2. an index page hides the backing, and
 * in-place mappings of that index are gone before anybody stores to it; 3. no mapping reaches a page at or
 * beyond ALIGN_UP(size): entries are stored and removed under index_lock. */
#include "memobj.h"
#include "string.h"
#include "tlb.h"

#define READ_AHEAD_PAGES 32 /* 128 KiB per fill: one routed call amortised over it */
#define CACHE_FLOOR_DIVISOR 128 /* 8 MiB of 1 GiB: the text that a few running programs use */
#define CACHE_FLOOR_MIN 256ull
#define CACHE_FLOOR_MAX 8192ull
#define FILL_ATTEMPTS 64    /* reclaim may take a page again before we look; more means thrashing */

static struct slab_cache *memobj_cache, *node_cache;
static struct spinlock clock_lock = SPINLOCK_INIT(RANK_SLAB);
static struct list_node clock_pages; /* pages that can be filled again, oldest first */
static u64 clock_count;              /* [clock_lock] */
static struct list_node dead_objects; /* [clock_lock] last reference dropped by reclaim, which must not sleep */

void *index_node_alloc(void)
{
	struct index_node *n = slab_alloc(node_cache);
	if (n)
		memset(n, 0, sizeof(*n));
	return n;
}
void index_node_free(void *n) { slab_free(node_cache, n); }

void memobj_init(void)
{
	memobj_cache = slab_create("memobj", sizeof(struct memobj), 16);
	node_cache = slab_create("index_node", sizeof(struct index_node), 16);
	list_init(&clock_pages);
	list_init(&dead_objects);
}

struct memobj *memobj_create(u64 size, const struct memobj_ops *ops, void *owner)
{
	struct memobj *o = slab_alloc(memobj_cache);
	if (!o)
		return NULL;
	memset(o, 0, sizeof(*o));
	o->refs = 1;
	mutex_init(&o->lock, RANK_MEMOBJ_MUTEX);
	spin_init(&o->index_lock, RANK_PAGE_INDEX);
	list_init(&o->mappings);
	o->size = size;
	o->backing = PHYS_NONE;
	o->ops = ops;
	o->owner = owner;
	return o;
}

/* ---- pages in and out of the index; index_lock held ---- */

/* The clock holds clean refillable pages only: what it counts can be had back. */
static void clock_enter(struct memobj *o, struct page *p)
{
	if (!memobj_refillable(o) || (p->flags & (PAGE_FLAG_CACHED | PAGE_FLAG_DIRTY)))
		return;
	spin_lock(&clock_lock);
	p->flags |= PAGE_FLAG_CACHED;
	list_push_back(&clock_pages, &p->lru);
	clock_count++;
	spin_unlock(&clock_lock);
}

static void clock_leave(struct page *p)
{
	if (!(p->flags & PAGE_FLAG_CACHED))
		return;
	spin_lock(&clock_lock);
	p->flags &= (u16)~PAGE_FLAG_CACHED;
	list_remove(&p->lru);
	clock_count--;
	spin_unlock(&clock_lock);
}

static void mark_dirty_locked(struct page *p)
{
	p->flags |= PAGE_FLAG_DIRTY;
	clock_leave(p);
}

static void page_enter_locked(struct memobj *o, u64 index, struct page *p)
{
	p->obj = o;
	p->index = index;
	o->page_count++;
	stat_add(&stat_cache_pages, 1);
	clock_enter(o, p);
}

/* The index's reference passes to the caller. */
static struct page *page_leave_locked(struct memobj *o, u64 index)
{
	struct page *p = page_index_remove(&o->index, index);
	if (!p)
		return NULL;
	clock_leave(p);
	p->flags &= (u16)~(PAGE_FLAG_DIRTY | PAGE_FLAG_ACTIVE);
	p->obj = NULL;
	o->page_count--;
	stat_add(&stat_cache_pages, -1);
	if (o->account)
		account_uncharge(o->account, 1);
	return p;
}

struct page *memobj_lookup_locked(struct memobj *o, u64 index) { return page_index_find(&o->index, index); }

bool memobj_in_backing(struct memobj *o, u64 index)
{
	return o->backing != PHYS_NONE && ((index + 1) << PAGE_SHIFT) <= o->backing_size;
}

/* Drops index pages [first, last]; nobody maps them. */
static void drop_pages(struct memobj *o, u64 first, u64 last)
{
	for (u64 index = first;; index++) {
		spin_lock(&o->index_lock);
		struct page *p = page_index_next(&o->index, &index);
		if (p && index <= last)
			p = page_leave_locked(o, index);
		else
			p = NULL;
		spin_unlock(&o->index_lock);
		if (!p)
			return;
		page_put(p);
	}
}

static void memobj_destroy(struct memobj *o)
{
	drop_pages(o, 0, UINT64_MAX);
	if (o->ops && o->ops->destroy)
		o->ops->destroy(o);
	account_put(o->account);
	slab_free(memobj_cache, o);
}

static void destroy_deferred(void)
{
	if (likely(list_empty(&dead_objects)))
		return;
	spin_lock(&clock_lock);
	struct list_node *n = list_pop_front(&dead_objects);
	spin_unlock(&clock_lock);
	if (n)
		memobj_destroy(list_entry(n, struct memobj, mappings));
}

void memobj_put(struct memobj *o)
{
	if (__atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL))
		return;
	memobj_destroy(o);
	destroy_deferred();
}

/* ---- reverse map ---- */

/* Calls fn for the part of each mapping that shows pages [first, last]; index_lock held. */
static void for_each_mapping(struct memobj *o, u64 first, u64 last, void (*fn)(struct aspace *, u64, u64))
{
	list_for_each(v, &o->mappings, struct vma, memobj_link) {
		u64 low = v->offset >> PAGE_SHIFT, pages = (v->end - v->start) >> PAGE_SHIFT;
		if (last < low || first >= low + pages)
			continue;
		u64 from = MAX(first, low) - low, to = MIN(last - low, pages - 1) + 1;
		fn(v->as, v->start + (from << PAGE_SHIFT), v->start + (to << PAGE_SHIFT));
	}
}

static void unmap_everything(struct aspace *as, u64 start, u64 end) { pt_unmap_range(as, start, end, false); }

void memobj_unmap(struct memobj *o, u64 first, u64 last, bool private_copies)
{
	if (list_empty(&o->mappings)) /* a mapping made after this sees the new state */
		return;
	spin_lock(&o->index_lock);
	for_each_mapping(o, first, last, private_copies ? unmap_everything : pt_unmap_range_object);
	spin_unlock(&o->index_lock);
}

bool memobj_mapped_writable(struct memobj *o)
{
	bool found = false;
	spin_lock(&o->index_lock);
	list_for_each(v, &o->mappings, struct vma, memobj_link)
		found |= (v->flags & MAP_F_SHARED) && (v->max_prot & PROT_W);
	spin_unlock(&o->index_lock);
	return found;
}

/* ---- getting pages ---- */

/* Takes over p's reference on success. `past_end`: the caller is about to extend the size. */
status_t memobj_insert(struct memobj *o, u64 index, struct page *p, u16 flags, bool past_end)
{
	status_t st = OK;
	if (o->account && account_charge(o->account, 1))
		return ERR_NOMEM;
	spin_lock(&o->index_lock);
	if (!past_end && (index << PAGE_SHIFT) >= ALIGN_UP(o->size, PAGE_SIZE))
		st = ERR_FAULT;
	else if (page_index_find(&o->index, index))
		st = ERR_EXIST;
	else if (!page_index_insert(&o->index, index, p))
		st = ERR_NOMEM;
	else {
		p->flags |= flags;
		page_enter_locked(o, index, p);
	}
	spin_unlock(&o->index_lock);
	if (st && o->account)
		account_uncharge(o->account, 1);
	if (!st && o->backing != PHYS_NONE)
		memobj_unmap(o, index, index, false);
	return st;
}

status_t memobj_insert_page(struct memobj *o, u64 index, struct page *p)
{
	return memobj_insert(o, index, p, 0, false);
}

/* A page for a hole, or a copy of the backing (zeros behind its end). */
static status_t make_page(struct memobj *o, u64 index)
{
	u64 offset = index << PAGE_SHIFT, have = 0;
	if (o->backing != PHYS_NONE && offset < o->backing_size)
		have = MIN(o->backing_size - offset, PAGE_SIZE);
	struct page *p = page_alloc(ALLOC_USER | (have == PAGE_SIZE ? 0 : ALLOC_ZERO));
	if (!p)
		return ERR_NOMEM;
	if (have == PAGE_SIZE)
		page_copy(page_va(p), phys_to_virt(o->backing + offset));
	else if (have)
		memcpy(page_va(p), phys_to_virt(o->backing + offset), have);
	status_t st = memobj_insert(o, index, p, 0, false);
	if (st)
		page_put(p);
	return st == ERR_EXIST ? OK : st;
}

/* First store to a page of an object that tracks them. The caller holds a reference of p. */
static status_t make_dirty(struct memobj *o, u64 index, struct page *p)
{
	if (o->ops && o->ops->make_dirty) {
		status_t st = o->ops->make_dirty(o, index);
		if (st)
			return st;
	}
	spin_lock(&o->index_lock);
	bool there = p->obj == o && p->index == index;
	if (there)
		mark_dirty_locked(p);
	spin_unlock(&o->index_lock);
	return there ? OK : ERR_AGAIN;
}

/* What is at hand: OK, or ERR_AGAIN when the page must be made, ERR_FAULT beyond the end. */
static status_t page_at_hand(struct memobj *o, u64 index, bool write, struct page **page, phys_t *pa)
{
	status_t st = OK;
	spin_lock(&o->index_lock);
	struct page *p = page_index_find(&o->index, index);
	*page = p;
	if ((index << PAGE_SHIFT) >= ALIGN_UP(o->size, PAGE_SIZE)) {
		st = ERR_FAULT;
	} else if (p) {
		page_get(p);
		p->flags |= PAGE_FLAG_ACTIVE;
		*pa = page_to_phys(p);
	} else if ((o->flags & MEMOBJ_PHYSICAL) || (!write && memobj_in_backing(o, index))) {
		*pa = o->backing + (index << PAGE_SHIFT);
	} else {
		st = ERR_AGAIN;
	}
	spin_unlock(&o->index_lock);
	return st;
}

status_t memobj_get_page(struct memobj *o, u64 index, u32 access, struct page **page, phys_t *pa)
{
	bool write = access & MEMOBJ_WRITE;
	for (u32 attempt = 0; attempt < FILL_ATTEMPTS; attempt++) {
		status_t st = page_at_hand(o, index, write, page, pa);
		if (!st) {
			if (!write || !*page || !memobj_tracked(o) || ((*page)->flags & PAGE_FLAG_DIRTY))
				return OK;
			st = make_dirty(o, index, *page);
			if (!st)
				return OK;
			page_put(*page);
			if (st != ERR_AGAIN)
				return st;
			continue;
		}
		if (st != ERR_AGAIN || (access & MEMOBJ_NOFILL))
			return st;
		bool in_backing = o->backing != PHYS_NONE && (index << PAGE_SHIFT) < o->backing_size;
		st = o->ops && o->ops->fill && !in_backing ? o->ops->fill(o, index, READ_AHEAD_PAGES) : make_page(o, index);
		if (st)
			return st;
	}
	return ERR_IO;
}

/* ---- size ---- */

static void zero_page_tail(struct memobj *o, u64 size)
{
	struct page *p;
	if (IS_ALIGNED(size, PAGE_SIZE))
		return;
	spin_lock(&o->index_lock);
	p = page_index_find(&o->index, size >> PAGE_SHIFT);
	if (p)
		memset((char *)page_va(p) + (size & PAGE_MASK), 0, PAGE_SIZE - (size & PAGE_MASK));
	spin_unlock(&o->index_lock);
}

status_t memobj_resize(struct memobj *o, u64 size)
{
	if (o->flags & MEMOBJ_PHYSICAL)
		return ERR_INVAL;
	mutex_lock(&o->lock);
	u64 old = o->size, first = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
	spin_lock(&o->index_lock);
	o->size = size;
	if (o->backing != PHYS_NONE)
		o->backing_size = MIN(o->backing_size, size);
	spin_unlock(&o->index_lock);
	if (size < old) {
		memobj_unmap(o, first, UINT64_MAX, true);
		drop_pages(o, first, UINT64_MAX);
		/* A cut page that was mapped in place must be seen through its zero-tailed copy from now on. */
		if (o->backing != PHYS_NONE && first && !IS_ALIGNED(size, PAGE_SIZE))
			memobj_unmap(o, first - 1, first - 1, false);
	}
	zero_page_tail(o, MIN(size, old)); /* stores through a mapping behind the old end must not appear */
	mutex_unlock(&o->lock);
	return OK;
}

static void zero_bytes(struct memobj *o, u64 offset, u64 n)
{
	struct page *p;
	phys_t pa;
	if (memobj_get_page(o, offset >> PAGE_SHIFT, MEMOBJ_WRITE, &p, &pa))
		return;
	memset((char *)phys_to_virt(pa) + (offset & PAGE_MASK), 0, n);
	if (p)
		page_put(p);
}

void memobj_punch(struct memobj *o, u64 offset, u64 len)
{
	u64 end = offset + len > o->size || offset + len < offset ? o->size : offset + len;
	while (offset < end) {
		u64 n = MIN(PAGE_SIZE - (offset & PAGE_MASK), end - offset);
		bool hole_reads_zero = !memobj_refillable(o) && !(o->backing != PHYS_NONE && offset < o->backing_size);
		if (n == PAGE_SIZE && hole_reads_zero) { /* all whole pages at once: the range may be exabytes of nothing */
			u64 index = offset >> PAGE_SHIFT, last = (end >> PAGE_SHIFT) - 1;
			n = (last - index + 1) << PAGE_SHIFT;
			memobj_unmap(o, index, last, true);
			drop_pages(o, index, last);
		} else if (n == PAGE_SIZE || !hole_reads_zero || page_index_find(&o->index, offset >> PAGE_SHIFT)) {
			zero_bytes(o, offset, n);
		}
		offset += n;
		preempt_point();
	}
}

/* ---- dirty and clean ---- */

static void write_protect(struct aspace *as, u64 start, u64 end)
{
	spin_lock(&as->table_lock);
	u64 *slot = pt_slot(as, start);
	bool was_writable = slot && (*slot & PTE_WRITE) && (*slot & PTE_COUNTED) && phys_to_page(*slot & PTE_ADDRESS)->obj;
	if (was_writable)
		__atomic_and_fetch(slot, ~PTE_WRITE, __ATOMIC_RELAXED);
	spin_unlock(&as->table_lock);
	if (was_writable)
		tlb_flush_range(as, start, end - start);
}

status_t memobj_for_each_dirty(struct memobj *o, dirty_fn fn, void *arg)
{
	for (u64 index = 0;; index++) {
		spin_lock(&o->index_lock);
		struct page *p = page_index_next(&o->index, &index);
		bool dirty = p && (p->flags & PAGE_FLAG_DIRTY);
		if (dirty) {
			page_get(p);
			p->flags &= (u16)~PAGE_FLAG_DIRTY; /* first, so that a store during fn marks it again */
			for_each_mapping(o, index, index, write_protect);
			clock_enter(o, p);
		}
		spin_unlock(&o->index_lock);
		if (!p)
			return OK;
		if (!dirty)
			continue;
		status_t st = fn(o, index, p, arg);
		if (st) {
			spin_lock(&o->index_lock);
			if (p->obj == o)
				mark_dirty_locked(p);
			spin_unlock(&o->index_lock);
		}
		page_put(p);
		if (st)
			return st;
	}
}

void memobj_drop_clean(struct memobj *o)
{
	if (!memobj_refillable(o))
		return;
	for (u64 index = 0;; index++) {
		spin_lock(&o->index_lock);
		struct page *p = page_index_next(&o->index, &index);
		struct page *dropped = NULL;
		if (p && !(p->flags & PAGE_FLAG_DIRTY)) {
			for_each_mapping(o, index, index, pt_unmap_range_object);
			dropped = page_leave_locked(o, index);
		}
		spin_unlock(&o->index_lock);
		if (!p)
			return;
		if (dropped)
			page_put(dropped);
	}
}

/* ---- reclaim: one clock over pages that can be filled again ---- */

/* The oldest page's object with a reference, and the page (not referenced). */
static struct memobj *clock_take(struct page **page)
{
	struct memobj *o = NULL;
	spin_lock(&clock_lock);
	if (!list_empty(&clock_pages)) {
		struct page *p = list_first(&clock_pages, struct page, lru);
		list_remove(&p->lru);
		list_push_back(&clock_pages, &p->lru);
		o = p->obj; /* valid: a page leaves its object under clock_lock */
		u32 refs = o->refs;
		while (refs && !__atomic_compare_exchange_n(&o->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
							    __ATOMIC_RELAXED))
			;
		*page = p;
		if (!refs)
			o = NULL;
	}
	spin_unlock(&clock_lock);
	return o;
}

static void put_without_sleeping(struct memobj *o)
{
	if (__atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL))
		return;
	spin_lock(&clock_lock);
	list_push_back(&dead_objects, &o->mappings);
	spin_unlock(&clock_lock);
}

/* Some cache always stays: without a floor, programs would fetch their own text over and over (each fill taking the
 * pages of the last) instead of memory running out, and the process that takes it being ended. */
static u64 cache_floor(void)
{
	return MIN(MAX(mm_total_pages() / CACHE_FLOOR_DIVISOR, CACHE_FLOOR_MIN), CACHE_FLOOR_MAX);
}

u64 reclaim_pages(u64 want)
{
	u64 freed = 0, floor = cache_floor(), budget = clock_count * 2 + 1; /* two turns: the first clears the ACTIVE marks */
	while (freed < want && budget-- && clock_count > floor) {
		struct page *p, *dropped = NULL;
		struct memobj *o = clock_take(&p);
		if (!o && list_empty(&clock_pages))
			break;
		if (!o)
			continue;
		spin_lock(&o->index_lock);
		if (p->obj == o && page_index_find(&o->index, p->index) == p) {
			if (p->flags & PAGE_FLAG_ACTIVE) {
				p->flags &= (u16)~PAGE_FLAG_ACTIVE;
			} else if (!(p->flags & (PAGE_FLAG_DIRTY | PAGE_FLAG_WRITEBACK | PAGE_FLAG_PINNED))) {
				for_each_mapping(o, p->index, p->index, pt_unmap_range_object);
				if (p->refs == 1)
					dropped = page_leave_locked(o, p->index);
			}
		}
		spin_unlock(&o->index_lock);
		if (dropped) {
			page_put(dropped);
			freed++;
		}
		put_without_sleeping(o);
	}
	return freed;
}
