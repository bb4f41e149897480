// SPDX-License-Identifier: MIT
/* mremap(2): shrink, grow in place, or move. Page table entries move, pages do not.
 * MREMAP_DONTUNMAP keeps the old range mapped; old_size 0 maps shared pages a second time. */
#include "frame.h"
#include "map.h"
#include "tlb.h"

enum { REMAP_MAYMOVE = 1, REMAP_FIXED = 2, REMAP_DONTUNMAP = 4 };

static status_t prepare_tables(struct aspace *as, u64 from, u64 to, u64 size)
{
	u64 next = 0;
	for (u64 at = 0; at < size;) {
		if (!pt_slot_or_next(as, from + at, &next)) {
			at = next - from;
			continue;
		}
		/* Spans of source and target are offset against each other: both ends of the source's span. */
		u64 stop = MIN(size, ALIGN_DOWN(from + at, PT_SPAN) + PT_SPAN - from);
		if (!pt_slot_alloc(as, to + at) || !pt_slot_alloc(as, to + stop - PAGE_SIZE))
			return ERR_NOMEM;
		at = stop;
	}
	return OK;
}

status_t pt_move_range(struct aspace *as, u64 from, u64 to, u64 size)
{
	u64 next = 0, moved = 0;
	status_t st = prepare_tables(as, from, to, size);
	if (st)
		return st;
	spin_lock(&as->table_lock);
	for (u64 at = 0; at < size; at += PAGE_SIZE) {
		u64 *slot = pt_slot_or_next(as, from + at, &next);
		if (!slot) {
			at = next - from - PAGE_SIZE;
			continue;
		}
		u64 pte = __atomic_exchange_n(slot, 0, __ATOMIC_RELAXED);
		if (!(pte & PTE_HELD))
			continue;
		*pt_slot(as, to + at) = pte;
		moved++;
	}
	spin_unlock(&as->table_lock);
	if (moved)
		tlb_flush_range(as, from, size);
	return OK;
}

static bool growth_allowed(struct aspace *as, const struct vma *v, u64 add)
{
	if (is_data(v->prot, v->flags) && !data_limit_ok(as, add >> PAGE_SHIFT))
		return false;
	return map_limit_ok(as, add >> PAGE_SHIFT) && (v->obj || add >> PAGE_SHIFT <= mm_total_pages());
}

static s64 grow_in_place(struct aspace *as, struct vma *v, u64 va, u64 new_size, struct list_node *dead)
{
	u64 pages = (va + new_size - v->end) >> PAGE_SHIFT;
	vma_set_range(v, v->start, va + new_size);
	account_vma(as, v, (s64)pages);
	vma_merge(v, dead);
	return (s64)va;
}

/* keep_old: the old range stays mapped, and empty (private) or showing the same object (shared). */
static s64 move(struct aspace *as, struct vma *v, u64 va, u64 old_size, u64 new_size, u64 target, bool keep_old,
		struct list_node *dead)
{
	struct vma *n = vma_alloc(as);
	if (!n)
		return ERR_NOMEM;
	n->start = target;
	n->end = target + new_size;
	n->prot = v->prot;
	n->max_prot = v->max_prot;
	n->flags = v->flags;
	n->obj = v->obj;
	n->file = v->file;
	n->name = v->name;
	n->has_private = v->has_private;
	n->offset = v->obj ? v->offset + (va - v->start) : 0;
	vma_attach_object(n); /* before the entries move: a truncation must find them in one place or the other */
	status_t st = pt_move_range(as, va, target, MIN(old_size, new_size));
	if (st) {
		vma_bury(n, dead);
		return st;
	}
	vma_insert(as, n);
	account_vma(as, n, (s64)(new_size >> PAGE_SHIFT));
	vma_merge(n, dead);
	if (keep_old)
		return (s64)target;
	/* Only a split in the middle can fail, and then the empty old range stays mapped: harmless. */
	st = unmap_locked(as, va, va + old_size, dead);
	return st ? st : (s64)target;
}

static s64 remap_locked(struct aspace *as, u64 va, u64 old_size, u64 new_size, u32 flags, u64 new_va,
			struct list_node *dead)
{
	struct vma *v = aspace_find_vma_locked(as, va);
	bool keep_old = (flags & REMAP_DONTUNMAP) || !old_size;
	status_t st;
	if (!v || v->start > va)
		return ERR_FAULT;
	if (!old_size && (!v->obj || !(v->flags & MAP_F_SHARED)))
		return ERR_INVAL; /* only shared pages can be seen twice */
	if (old_size > v->end - va)
		return ERR_FAULT;
	if (new_size > old_size && !growth_allowed(as, v, new_size - old_size))
		return ERR_NOMEM;
	if (flags & REMAP_FIXED) {
		st = unmap_locked(as, new_va, new_va + new_size, dead);
		v = aspace_find_vma_locked(as, va);
		return st ? st : move(as, v, va, old_size, new_size, new_va, keep_old, dead);
	}
	if (new_size <= old_size && !keep_old) {
		st = new_size < old_size ? unmap_locked(as, va + new_size, va + old_size, dead) : OK;
		return st ? st : (s64)va;
	}
	if (!keep_old && va + old_size == v->end && new_size <= USER_TOP - va && range_is_free(as, v->end, va + new_size))
		return grow_in_place(as, v, va, new_size, dead);
	if (!(flags & REMAP_MAYMOVE))
		return ERR_NOMEM;
	u64 target = find_gap(as, new_size, 0);
	return target ? move(as, v, va, old_size, new_size, target, keep_old, dead) : ERR_NOMEM;
}

s64 aspace_remap(struct aspace *as, u64 va, u64 old_size, u64 new_size, u32 flags, u64 new_va)
{
	struct list_node dead;
	if ((flags & ~(u32)(REMAP_MAYMOVE | REMAP_FIXED | REMAP_DONTUNMAP)))
		return ERR_INVAL;
	if ((flags & (REMAP_FIXED | REMAP_DONTUNMAP)) && !(flags & REMAP_MAYMOVE))
		return ERR_INVAL;
	if (!IS_ALIGNED(va, PAGE_SIZE) || old_size > USER_TOP || new_size > USER_TOP)
		return ERR_INVAL;
	old_size = ALIGN_UP(old_size, PAGE_SIZE);
	new_size = ALIGN_UP(new_size, PAGE_SIZE);
	if (!new_size || ((flags & REMAP_DONTUNMAP) && old_size != new_size))
		return ERR_INVAL;
	if (!old_size && !(flags & REMAP_MAYMOVE))
		return ERR_INVAL;
	if (flags & (REMAP_FIXED | REMAP_DONTUNMAP)) { /* with DONTUNMAP alone new_va is a hint, checked all the same */
		if (!IS_ALIGNED(new_va, PAGE_SIZE) || new_va > USER_TOP - new_size)
			return ERR_INVAL;
		if (va + old_size > new_va && new_va + new_size > va)
			return ERR_INVAL;
	}
	if ((flags & REMAP_FIXED) && new_va < MMAP_MIN_ADDRESS)
		return ERR_PERM;
	list_init(&dead);
	mutex_lock(&as->lock);
	s64 result = remap_locked(as, va, old_size, new_size, flags, new_va, &dead);
	bool populate = result > 0 && new_size > old_size && as->locked_pages;
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	if (populate)
		aspace_populate_locked_mappings(as, (u64)result, new_size);
	return result;
}
