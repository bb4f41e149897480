// SPDX-License-Identifier: MIT
/* Mapping, unmapping, protection and brk: the changes of the VMA tree.
 * Entry points: aspace_map, aspace_unmap, aspace_protect, aspace_brk; helpers in map.h.
 * Order of each change: check everything, allocate, then act; the tree is changed before the page tables, so
 * a reverse-map walk finds either the VMA and its entries or neither.
 * Errors follow mmap(2), munmap(2), mprotect(2), brk(2). */
#include "frame.h"
#include "map.h"
#include "string.h"

#define LOW_TOP 0x80000000ull    /* MAP_32BIT: the second GiB, mmap(2) */
#define LOW_BOTTOM 0x40000000ull
#define KEPT_FLAGS (MAP_F_SHARED | MAP_F_GROWSDOWN | MAP_F_STACK | MAP_F_LOCKED | MAP_F_NORESERVE | \
	MAP_F_WIPEONFORK | MAP_F_DONTFORK | MAP_F_NT)

static const char heap_name[] = "[heap]"; /* one address: names are compared as pointers when merging */

/* ---- finding room ---- */

/* What mappings above must leave free: a stack needs its guard gap below. */
static u64 start_with_gap(const struct vma *v)
{
	u64 gap = v->flags & MAP_F_GROWSDOWN ? STACK_GUARD_GAP : 0;
	return v->start > gap ? v->start - gap : 0;
}

bool range_is_free(struct aspace *as, u64 start, u64 end)
{
	struct vma *v = aspace_find_vma_locked(as, start);
	return !v || end <= start_with_gap(v);
}

static struct vma *last_below(struct aspace *as, u64 va)
{
	struct vma *found = NULL;
	for (struct rb_node *n = as->vmas.node; n;) {
		struct vma *v = rb_entry(n, struct vma, node);
		if (v->start < va) {
			found = v;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return found;
}

/* First fit downwards from `high`; *largest grows to the largest gap that was too small. */
static u64 gap_below(struct aspace *as, u64 high, u64 bottom, u64 size, u64 *largest)
{
	struct vma *v = last_below(as, high);
	for (;;) {
		u64 low = v ? MAX(v->end, bottom) : bottom;
		if (high > low && high - low >= size)
			return high - size;
		if (high > low)
			*largest = MAX(*largest, high - low);
		if (!v || v->start <= bottom)
			return 0;
		high = start_with_gap(v);
		v = vma_prev(v);
	}
}

u64 find_gap(struct aspace *as, u64 size, u32 flags)
{
	u64 ignored = 0;
	if (flags & MAP_F_32BIT)
		return gap_below(as, LOW_TOP, LOW_BOTTOM, size, &ignored);
	if (size <= as->search_hole || as->search_base != as->mmap_top) {
		as->search_base = as->mmap_top;
		as->search_top = as->mmap_top;
		as->search_hole = 0;
	}
	u64 va = gap_below(as, as->search_top, MMAP_MIN_ADDRESS, size, &as->search_hole);
	if (va)
		as->search_top = va;
	else /* nothing left below the stack's room: take some of that, or what lies above the stack */
		va = gap_below(as, USER_TOP, as->mmap_top, size, &ignored);
	return va;
}

/* A gap that ends at the next VMA above `end` opened: the search must see it again. */
static void note_gap(struct aspace *as, u64 end)
{
	if (end <= as->search_top)
		return;
	struct vma *v = aspace_find_vma_locked(as, end);
	as->search_top = MIN(as->mmap_top, v ? start_with_gap(v) : as->mmap_top);
}

bool map_limit_ok(struct aspace *as, u64 add_pages)
{
	u64 limit = as->limit_as_bytes;
	return limit == UINT64_MAX || ((as->mapped_pages + add_pages) << PAGE_SHIFT) <= limit;
}

bool data_limit_ok(struct aspace *as, u64 add_pages)
{
	u64 limit = as->limit_data_bytes;
	return limit == UINT64_MAX || ((as->data_pages + add_pages) << PAGE_SHIFT) <= limit;
}

/* Heuristic overcommit: one request over all of RAM is refused (vm.overcommit_memory 0, proc(5)). */
static bool overcommit_ok(u64 size, u32 prot, u32 flags, bool private_or_anon)
{
	struct mm_stats stats;
	if (!(prot & PROT_W) || (flags & MAP_F_NORESERVE) || !private_or_anon || size < MIB(16))
		return true;
	mm_stats_read(&stats);
	return size >> PAGE_SHIFT <= stats.total_pages;
}

/* ---- split and merge ---- */

status_t vma_split(struct vma *v, u64 at)
{
	struct vma *upper = vma_alloc(v->as);
	if (!upper)
		return ERR_NOMEM;
	upper->prot = v->prot;
	upper->max_prot = v->max_prot;
	upper->flags = v->flags & ~(u32)MAP_F_GROWSDOWN;
	upper->obj = v->obj;
	upper->file = v->file;
	upper->name = v->name;
	upper->has_private = v->has_private;
	upper->offset = v->offset + (at - v->start);
	upper->start = at;
	upper->end = v->end;
	vma_attach_object(upper);
	vma_set_range(v, v->start, at);
	vma_insert(v->as, upper);
	return OK;
}

static bool mergeable(const struct vma *low, const struct vma *high)
{
	return low->end == high->start && low->prot == high->prot && low->max_prot == high->max_prot &&
	       low->flags == high->flags && low->obj == high->obj && low->file == high->file &&
	       low->name == high->name && (!low->obj || low->offset + (low->end - low->start) == high->offset);
}

static void absorb_next(struct vma *low, struct vma *high, struct list_node *dead)
{
	u64 end = high->end;
	low->has_private |= high->has_private;
	vma_remove(low->as, high);
	vma_bury(high, dead);
	vma_set_range(low, low->start, end);
}

struct vma *vma_merge(struct vma *v, struct list_node *dead)
{
	struct vma *next = vma_next(v), *prev = vma_prev(v);
	if (next && mergeable(v, next))
		absorb_next(v, next, dead);
	if (prev && mergeable(prev, v)) {
		absorb_next(prev, v, dead);
		v = prev;
	}
	return v;
}

/* ---- unmap ---- */

void account_vma(struct aspace *as, const struct vma *v, s64 pages)
{
	as->mapped_pages += (u64)pages;
	if (is_data(v->prot, v->flags))
		as->data_pages += (u64)pages;
	if (v->flags & MAP_F_LOCKED)
		as->locked_pages += (u64)pages;
}

status_t unmap_locked(struct aspace *as, u64 start, u64 end, struct list_node *dead)
{
	struct vma *v = aspace_find_vma_locked(as, start);
	if (!v || v->start >= end)
		return OK;
	if (v->start < start && v->end > end) {
		status_t st = vma_split(v, end);
		if (st)
			return st;
	}
	while (v && v->start < end) {
		struct vma *next = vma_next(v);
		u64 from = MAX(v->start, start), to = MIN(v->end, end);
		account_vma(as, v, -(s64)((to - from) >> PAGE_SHIFT));
		if (v->start < start) {
			vma_set_range(v, v->start, start);
		} else if (v->end > end) {
			vma_set_range(v, end, v->end);
		} else {
			vma_remove(as, v);
			vma_bury(v, dead);
		}
		v = next;
	}
	pt_unmap_range(as, start, end, true);
	note_gap(as, end);
	return OK;
}

status_t aspace_unmap(struct aspace *as, u64 va, u64 size)
{
	struct list_node dead;
	if (!IS_ALIGNED(va, PAGE_SIZE) || va > USER_TOP || size > USER_TOP - va)
		return ERR_INVAL;
	size = ALIGN_UP(size, PAGE_SIZE);
	if (!size)
		return ERR_INVAL;
	list_init(&dead);
	mutex_lock(&as->lock);
	status_t st = unmap_locked(as, va, va + size, &dead);
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

/* ---- map ---- */

static status_t choose_address(struct aspace *as, const struct map_request *r, u64 size, u64 *va)
{
	if (r->flags & (MAP_F_FIXED | MAP_F_NOREPLACE)) {
		if (!IS_ALIGNED(r->va, PAGE_SIZE))
			return ERR_INVAL;
		if (r->va > USER_TOP || size > USER_TOP - r->va)
			return ERR_NOMEM;
		if (r->va < MMAP_MIN_ADDRESS)
			return ERR_PERM;
		if (r->flags & MAP_F_NOREPLACE) {
			struct vma *v = aspace_find_vma_locked(as, r->va);
			if (v && v->start < r->va + size)
				return ERR_EXIST;
		}
		*va = r->va;
		return OK;
	}
	u64 hint = ALIGN_UP(r->va, PAGE_SIZE);
	if (r->va && hint >= MMAP_MIN_ADDRESS && hint <= USER_TOP && size <= USER_TOP - hint &&
	    range_is_free(as, hint, hint + size)) {
		*va = hint;
		return OK;
	}
	*va = find_gap(as, size, r->flags);
	return *va ? OK : ERR_NOMEM;
}

/* The common growth: an anonymous request that continues the VMA below it. */
static bool extend_previous(struct aspace *as, const struct vma *like)
{
	if (like->obj || !like->start)
		return false;
	struct vma *prev = aspace_find_vma_locked(as, like->start - 1);
	if (!prev || !mergeable(prev, like))
		return false;
	prev->end = like->end;
	account_vma(as, prev, (s64)((like->end - like->start) >> PAGE_SHIFT));
	struct vma *next = vma_next(prev);
	if (next && mergeable(prev, next)) {
		struct list_node dead;
		list_init(&dead);
		absorb_next(prev, next, &dead);
		vma_release_dead(&dead); /* anonymous: nothing that sleeps */
	}
	return true;
}

static status_t insert_mapping(struct aspace *as, const struct vma *like, struct list_node *dead)
{
	if (extend_previous(as, like))
		return OK;
	struct vma *v = vma_alloc(as);
	if (!v)
		return ERR_NOMEM;
	v->start = like->start;
	v->end = like->end;
	v->prot = like->prot;
	v->max_prot = like->max_prot;
	v->flags = like->flags;
	v->obj = like->obj;
	v->offset = like->offset;
	v->file = like->file;
	v->name = like->name;
	vma_attach_object(v);
	vma_insert(as, v);
	account_vma(as, v, (s64)((v->end - v->start) >> PAGE_SHIFT));
	vma_merge(v, dead);
	return OK;
}

status_t map_insert(struct aspace *as, const struct map_request *r, u64 va, struct list_node *dead)
{
	u64 size = ALIGN_UP(r->size, PAGE_SIZE);
	if (!map_limit_ok(as, size >> PAGE_SHIFT) || (is_data(r->prot, r->flags) && !data_limit_ok(as, size >> PAGE_SHIFT)))
		return ERR_NOMEM;
	struct vma like = {
		.start = va, .end = va + size, .prot = r->prot, .max_prot = r->max_prot,
		.flags = (r->flags & KEPT_FLAGS) | as->lock_future, .obj = r->obj,
		.offset = r->obj ? r->offset : 0, .file = r->file, .name = r->name,
	};
	if (r->flags & MAP_F_FIXED) {
		status_t st = unmap_locked(as, va, va + size, dead);
		if (st)
			return st;
	}
	return insert_mapping(as, &like, dead);
}

static status_t map_locked(struct aspace *as, const struct map_request *r, struct memobj *obj, u64 size, u64 *va,
			   struct list_node *dead)
{
	struct map_request with_object = *r;
	status_t st = choose_address(as, r, size, va);
	if (st)
		return st;
	with_object.obj = obj;
	return map_insert(as, &with_object, *va, dead);
}

status_t aspace_map(struct aspace *as, const struct map_request *r, u64 *va)
{
	struct memobj *obj = r->obj, *fresh = NULL;
	struct list_node dead;
	if (!r->size || !IS_ALIGNED(r->offset, PAGE_SIZE))
		return ERR_INVAL;
	u64 size = ALIGN_UP(r->size, PAGE_SIZE);
	if (size > USER_TOP || size < r->size)
		return ERR_NOMEM;
	if (r->offset + size < r->offset)
		return ERR_OVERFLOW;
	if (!overcommit_ok(size, r->prot, r->flags, !obj || !(r->flags & MAP_F_SHARED)))
		return ERR_NOMEM;
	if (!obj && (r->flags & MAP_F_SHARED)) {
		obj = fresh = memobj_create(size, NULL, NULL);
		if (!obj)
			return ERR_NOMEM;
		obj->flags |= MEMOBJ_SHARED_ANON;
		account_get(obj->account = as->account);
	}
	list_init(&dead);
	mutex_lock(&as->lock);
	status_t st = map_locked(as, r, obj, size, va, &dead);
	bool locked = !st && ((r->flags | as->lock_future) & MAP_F_LOCKED);
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	if (fresh)
		memobj_put(fresh);
	if (locked || (!st && (r->flags & MAP_F_POPULATE)))
		(void)aspace_populate(as, *va, size); /* mmap(2): a failure to populate does not fail the call */
	return st;
}

/* ---- protect ---- */

status_t vma_isolate(struct vma **vp, u64 start, u64 end)
{
	struct vma *v = *vp;
	if (v->start < start) {
		status_t st = vma_split(v, start);
		if (st)
			return st;
		v = vma_next(v);
	}
	*vp = v;
	return v->end > end ? vma_split(v, end) : OK;
}

status_t vma_set_rights(struct aspace *as, struct vma **vp, u64 start, u64 end, u32 prot, u32 flags, struct list_node *dead)
{
	status_t st = vma_isolate(vp, start, end);
	if (st)
		return st;
	struct vma *v = *vp;
	u64 pages = (v->end - v->start) >> PAGE_SHIFT;
	account_vma(as, v, -(s64)pages);
	v->prot = prot;
	v->flags = flags;
	account_vma(as, v, (s64)pages);
	pt_protect_range(as, v->start, v->end, prot);
	*vp = vma_merge(v, dead);
	return OK;
}

static status_t protect_one(struct aspace *as, struct vma **vp, u64 start, u64 end, u32 prot, struct list_node *dead)
{
	struct vma *v = *vp;
	if (prot & ~v->max_prot)
		return ERR_ACCES;
	if (v->prot == prot)
		return OK;
	if (!v->obj && !overcommit_ok(MIN(v->end, end) - MAX(v->start, start), prot, v->flags, true))
		return ERR_NOMEM;
	bool becomes_data = is_data(prot, v->flags) && !is_data(v->prot, v->flags);
	if (becomes_data && !data_limit_ok(as, (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT))
		return ERR_NOMEM;
	return vma_set_rights(as, vp, start, end, prot, v->flags, dead);
}

status_t vma_change_flags(struct aspace *as, u64 start, u64 end, u32 set, u32 clear, struct list_node *dead)
{
	bool hole = false;
	struct vma *v = aspace_find_vma_locked(as, start);
	for (u64 at = start; at < end;) {
		if (!v || v->start >= end)
			return ERR_NOMEM;
		hole |= v->start > at;
		u32 flags = (v->flags & ~clear) | set;
		if (flags != v->flags) {
			status_t st = vma_isolate(&v, start, end);
			if (st)
				return st;
			u64 pages = (v->end - v->start) >> PAGE_SHIFT;
			if (!(v->flags & MAP_F_LOCKED) && (flags & MAP_F_LOCKED))
				as->locked_pages += pages;
			if ((v->flags & MAP_F_LOCKED) && !(flags & MAP_F_LOCKED))
				as->locked_pages -= pages;
			v->flags = flags;
			v = vma_merge(v, dead);
		}
		at = v->end;
		v = vma_next(v);
	}
	return hole ? ERR_NOMEM : OK;
}

status_t aspace_protect(struct aspace *as, u64 va, u64 size, u32 prot)
{
	struct list_node dead;
	status_t st = OK;
	if (!IS_ALIGNED(va, PAGE_SIZE))
		return ERR_INVAL;
	u64 end = va + ALIGN_UP(size, PAGE_SIZE);
	if (end < va || end > USER_TOP)
		return ERR_NOMEM;
	if (end == va)
		return OK;
	list_init(&dead);
	mutex_lock(&as->lock);
	struct vma *v = aspace_find_vma_locked(as, va);
	for (u64 at = va; at < end && !st;) {
		if (!v || v->start > at) {
			st = ERR_NOMEM; /* a hole: what lies before it has changed, as on Linux */
			break;
		}
		st = protect_one(as, &v, at, end, prot, &dead);
		at = v->end;
		v = vma_next(v);
	}
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

/* ---- brk ---- */

static status_t brk_grow_locked(struct aspace *as, u64 from, u64 to, struct list_node *dead)
{
	struct vma like = {
		.start = from, .end = to, .prot = PROT_R | PROT_W, .max_prot = PROT_R | PROT_W | PROT_X,
		.flags = as->lock_future, .name = heap_name,
	};
	if (to > USER_TOP || !range_is_free(as, from, to) || !map_limit_ok(as, (to - from) >> PAGE_SHIFT) ||
	    !data_limit_ok(as, (to - from) >> PAGE_SHIFT) || !overcommit_ok(to - from, PROT_W, 0, true))
		return ERR_NOMEM;
	return insert_mapping(as, &like, dead);
}

u64 aspace_brk(struct aspace *as, u64 new_end)
{
	struct list_node dead;
	bool populate = false;
	list_init(&dead);
	mutex_lock(&as->lock);
	u64 old_end = as->brk_end;
	u64 from = ALIGN_UP(old_end, PAGE_SIZE), to = ALIGN_UP(new_end, PAGE_SIZE);
	status_t st = OK;
	if (new_end < as->brk_start || to < new_end || new_end - as->brk_start > as->limit_data_bytes)
		st = ERR_NOMEM;
	else if (to > from)
		st = brk_grow_locked(as, from, to, &dead);
	else if (to < from)
		st = unmap_locked(as, to, from, &dead);
	if (!st) {
		as->brk_end = new_end;
		populate = to > from && as->lock_future;
	}
	u64 result = as->brk_end;
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	if (populate)
		(void)aspace_populate(as, from, to - from);
	return result;
}
