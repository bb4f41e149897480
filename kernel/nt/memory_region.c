// SPDX-License-Identifier: MIT
/* NT allocations: reserve, commit, protect, release, placeholders, views. Queries and faults: memory_state.c.
 * Invariants (aspace lock): regions do not overlap; each lies wholly on VMAs; a page is free (no VMA), reserved
 * (MAP_F_RESERVED, prot 0, no pages) or committed. VMAs of neighbouring regions may merge: a region's bounds count. */
#include "region.h"

#include "string.h"
#include "image.h"

/* ---- protections ---- */
s64 nt_protection_in(u32 page, u32 *prot, u32 *flags)
{
	static const struct { u32 page, prot; } table[] = {
		{ NT_PAGE_NOACCESS, 0 }, { NT_PAGE_READONLY, PROT_R }, { NT_PAGE_READWRITE, PROT_R | PROT_W },
		{ NT_PAGE_WRITECOPY, PROT_R | PROT_W }, { NT_PAGE_EXECUTE, PROT_X }, { NT_PAGE_EXECUTE_READ, PROT_R | PROT_X },
		{ NT_PAGE_EXECUTE_READWRITE, PROT_R | PROT_W | PROT_X }, { NT_PAGE_EXECUTE_WRITECOPY, PROT_R | PROT_W | PROT_X },
	};
	const u32 modifiers = NT_PAGE_GUARD | NT_PAGE_NOCACHE | NT_PAGE_WRITECOMBINE | NT_PAGE_TARGETS_NO_UPDATE;
	*flags = 0;
	for (u32 i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].page != (page & ~modifiers))
			continue;
		*prot = table[i].prot;
		if ((page & (NT_PAGE_GUARD | NT_PAGE_NOCACHE | NT_PAGE_WRITECOMBINE)) && !*prot)
			return NT(INVALID_PAGE_PROTECTION);
		if (page & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY))
			*flags = MAP_F_COPY;
		if (page & NT_PAGE_GUARD) {
			*flags |= MAP_F_GUARD | *prot << MAP_GUARDED_SHIFT;
			*prot = 0;
		}
		return 0;
	}
	return NT(INVALID_PAGE_PROTECTION);
}

u32 nt_page_of_vma(const struct vma *v)
{
	static const u8 pages[8] = { NT_PAGE_NOACCESS, NT_PAGE_READONLY, NT_PAGE_READWRITE, NT_PAGE_READWRITE, NT_PAGE_EXECUTE,
		NT_PAGE_EXECUTE_READ, NT_PAGE_EXECUTE_READWRITE, NT_PAGE_EXECUTE_READWRITE };
	u32 prot = v->prot & PROT_MASK, guard = 0;
	if (v->flags & MAP_F_RESERVED)
		return 0;
	if (v->flags & MAP_F_GUARD) {
		prot = v->flags >> MAP_GUARDED_SHIFT & PROT_MASK;
		guard = NT_PAGE_GUARD;
	}
	u32 page = pages[prot];
	if ((prot & PROT_W) && ((v->flags & MAP_F_COPY) || (v->file && image_is(v->file) && !(v->flags & MAP_F_SHARED))))
		page = prot & PROT_X ? NT_PAGE_EXECUTE_WRITECOPY : NT_PAGE_WRITECOPY;
	return page | guard;
}

/* ---- the tree of regions ---- */
static struct nt_region *region_above(struct aspace *as, u64 va) /* containing or next above */
{
	struct nt_region *found = NULL;
	for (struct rb_node *n = as->nt_regions.node; n;) {
		struct nt_region *r = rb_entry(n, struct nt_region, node);
		if (va < r->end) {
			found = r;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

struct nt_region *nt_region_find(struct aspace *as, u64 va)
{
	struct nt_region *r = region_above(as, va);
	return r && va >= r->start ? r : NULL;
}

void nt_region_insert(struct aspace *as, struct nt_region *r)
{
	struct rb_node *parent = NULL, **slot = &as->nt_regions.node;
	while (*slot) {
		parent = *slot;
		slot = r->start < rb_entry(parent, struct nt_region, node)->start ? &parent->left : &parent->right;
	}
	rb_insert(&as->nt_regions, &r->node, parent, slot);
}

struct nt_region *nt_region_new(u64 start, u64 end, u32 type, u32 protect)
{
	struct nt_region *r = kzalloc(sizeof(*r));
	if (r)
		*r = (struct nt_region){ .start = start, .end = end, .type = type, .protect = protect };
	return r;
}

void nt_region_free(struct nt_region *r)
{
	if (r->section)
		file_put(r->section);
	kfree(r);
}

/* r keeps [start, at); the rest becomes a region of its own. */
static s64 region_split(struct aspace *as, struct nt_region *r, u64 at)
{
	struct nt_region *upper = nt_region_new(at, r->end, r->type, r->protect);
	if (!upper)
		return ERR_NOMEM;
	upper->flags = r->flags;
	r->end = at;
	nt_region_insert(as, upper);
	return 0;
}

s64 nt_region_note(struct aspace *as, u64 start, u64 size, u32 type, u32 protect, struct file *section)
{
	struct nt_region *r = nt_region_new(start, start + ALIGN_UP(size, PAGE_SIZE), type, protect);
	if (!r)
		return ERR_NOMEM;
	mutex_lock(&as->lock);
	struct nt_region *there = region_above(as, start);
	bool clash = there && there->start < r->end;
	if (!clash) {
		if (section) {
			file_get(section);
			r->section = section;
		}
		nt_region_insert(as, r);
	}
	mutex_unlock(&as->lock);
	if (clash)
		kfree(r);
	return clash ? NT(CONFLICTING_ADDRESSES) : 0;
}

void nt_regions_free(struct aspace *as)
{
	struct rb_node *n;
	while ((n = as->nt_regions.node)) {
		rb_remove(&as->nt_regions, n);
		nt_region_free(rb_entry(n, struct nt_region, node));
	}
}

/* ---- finding room ---- */
static bool range_free(struct aspace *as, u64 start, u64 end)
{
	struct vma *v = aspace_find_vma_locked(as, start);
	return !v || v->start >= end;
}

static u64 find_upwards(struct aspace *as, u64 low, u64 high, u64 size, u64 alignment)
{
	u64 at = ALIGN_UP(low, alignment);
	for (struct vma *v = aspace_find_vma_locked(as, at); at < high && high - at >= size; v = vma_next(v)) {
		if (!v || v->start >= at + size)
			return at;
		at = ALIGN_UP(MAX(at, v->end), alignment);
	}
	return 0;
}

static u64 find_downwards(struct aspace *as, u64 low, u64 high, u64 size, u64 alignment)
{
	while (high >= size && high - size >= low) {
		u64 at = ALIGN_DOWN(high - size, alignment);
		struct vma *v = aspace_find_vma_locked(as, at);
		if (at < low || !at)
			return 0;
		if (!v || v->start >= at + size)
			return at;
		high = v->start;
	}
	return 0;
}

s64 nt_find_place(struct aspace *as, const struct nt_place *p, u64 size, u64 *va)
{
	u64 alignment = MAX(p->alignment, NT_ALLOCATION_GRANULARITY);
	u64 low = MAX(p->low, MMAP_MIN_ADDRESS), high = MIN(p->high ? p->high : UINT64_MAX, NT_ADDRESS_TOP);
	if (p->base) {
		*va = ALIGN_DOWN(p->base, NT_ALLOCATION_GRANULARITY);
		if (*va < low || *va >= high || size > high - *va)
			return NT(INVALID_PARAMETER);
		return range_free(as, *va, *va + size) ? 0 : NT(CONFLICTING_ADDRESSES);
	}
	if (size >= high)
		return NT(NO_MEMORY);
	if (high == NT_ADDRESS_TOP && low == MMAP_MIN_ADDRESS && !p->top_down) {
		u64 gap = find_gap(as, size + alignment - PAGE_SIZE, 0);
		*va = gap ? ALIGN_UP(gap, alignment) : 0;
		if (gap)
			as->search_top = *va;
	} else {
		*va = p->top_down ? find_downwards(as, low, high, size, alignment) : find_upwards(as, low, high, size, alignment);
	}
	return *va ? 0 : NT(NO_MEMORY);
}

/* ---- pages of a region ---- */
/* [start, end) is covered by VMAs. */
s64 nt_change_pages(struct aspace *as, u64 start, u64 end, u32 prot, u32 flags, struct list_node *dead)
{
	for (u64 at = start; at < end;) {
		struct vma *v = aspace_find_vma_locked(as, at);
		if (!v || v->start > at)
			return NT(CONFLICTING_ADDRESSES);
		if (v->prot != prot || (v->flags & MAP_F_NT) != flags) {
			status_t st = vma_set_rights(as, &v, start, end, prot, (v->flags & ~(u32)MAP_F_NT) | flags, dead);
			if (st)
				return st;
		}
		at = v->end;
	}
	return 0;
}

static s64 add_private(struct aspace *as, u64 va, u64 size, u32 type, u32 protect, u32 prot, u32 flags, struct list_node *dead)
{
	bool commit = type & NT_MEM_COMMIT;
	struct map_request m = {
		.va = va, .size = size, .prot = commit ? prot : 0, .max_prot = PROT_MASK,
		.flags = commit ? flags : MAP_F_RESERVED,
	};
	struct nt_region *r = nt_region_new(va, va + size, NT_MEM_PRIVATE, protect);
	if (!r)
		return ERR_NOMEM;
	status_t st = map_insert(as, &m, va, dead);
	if (st) {
		kfree(r);
		return st;
	}
	if (type & NT_MEM_RESERVE_PLACEHOLDER)
		r->flags |= NT_REGION_PLACEHOLDER;
	if (type & NT_MEM_WRITE_WATCH)
		r->flags |= NT_REGION_WRITE_WATCH;
	as->nt_watched |= (type & NT_MEM_WRITE_WATCH) != 0;
	nt_region_insert(as, r);
	return 0;
}

s64 nt_memory_reserve(struct aspace *as, const struct nt_place *place, u64 size, u32 type, u32 protect, u64 *va)
{
	struct list_node dead = LIST_INIT(dead);
	u32 prot, flags;
	s64 st = nt_protection_in(protect, &prot, &flags);
	if (st)
		return st;
	if (protect & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY))
		return NT(INVALID_PAGE_PROTECTION);
	mutex_lock(&as->lock);
	st = nt_find_place(as, place, size, va);
	if (!st)
		st = add_private(as, *va, size, type, protect, prot, flags, &dead);
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

/* From the bottom: a reserved page, the guard page, the stack. Inserted as they are, because splitting costs more. */
static status_t stack_pages(struct aspace *as, u64 va, u64 size, struct list_node *dead)
{
	const u32 prot = PROT_R | PROT_W;
	const u64 guard = va + STACK_RESERVED_PAGES * PAGE_SIZE;
	const struct map_request parts[] = {
		{ .va = va, .size = guard - va, .flags = MAP_F_RESERVED },
		{ .va = guard, .size = PAGE_SIZE, .flags = MAP_F_GUARD | prot << MAP_GUARDED_SHIFT },
		{ .va = guard + PAGE_SIZE, .size = va + size - guard - PAGE_SIZE, .prot = prot },
	};
	status_t st = OK;
	for (u32 i = 0; i < ARRAY_SIZE(parts) && !st; i++) {
		struct map_request part = parts[i];
		part.max_prot = PROT_MASK;
		st = map_insert(as, &part, part.va, dead);
	}
	if (st && unmap_locked(as, va, va + size, dead)) { /* whole mappings: nothing to split */ }
	return st;
}

s64 nt_memory_stack(struct aspace *as, const struct nt_place *place, u64 size, u64 *va)
{
	struct list_node dead = LIST_INIT(dead);
	struct nt_region *r = NULL;
	mutex_lock(&as->lock);
	s64 st = nt_find_place(as, place, size, va);
	if (!st && !(r = nt_region_new(*va, *va + size, NT_MEM_PRIVATE, NT_PAGE_READWRITE)))
		st = ERR_NOMEM;
	if (!st)
		st = stack_pages(as, *va, size, &dead);
	if (!st)
		nt_region_insert(as, r);
	else
		kfree(r);
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

/* Cuts placeholder pieces off so that one region is exactly [va, va + size). */
s64 nt_isolate_placeholder(struct aspace *as, u64 va, u64 size, struct nt_region **out)
{
	struct nt_region *r = nt_region_find(as, va);
	if (!r || !(r->flags & NT_REGION_PLACEHOLDER) || r->start != va || r->end != va + size)
		return NT(CONFLICTING_ADDRESSES);
	*out = r;
	return 0;
}

s64 nt_memory_replace_placeholder(struct aspace *as, u64 va, u64 size, u32 type, u32 protect)
{
	struct list_node dead = LIST_INIT(dead);
	struct nt_region *r;
	u32 prot, flags;
	s64 st = nt_protection_in(protect, &prot, &flags);
	if (st)
		return st;
	mutex_lock(&as->lock);
	st = nt_isolate_placeholder(as, va, size, &r);
	if (!st && (type & NT_MEM_COMMIT))
		st = nt_change_pages(as, va, va + size, prot, flags, &dead);
	if (!st) {
		r->flags = type & NT_MEM_WRITE_WATCH ? NT_REGION_WRITE_WATCH : 0;
		r->protect = protect;
	}
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

s64 nt_memory_commit(struct aspace *as, u64 va, u64 size, u32 protect)
{
	struct list_node dead = LIST_INIT(dead);
	u32 prot, flags;
	s64 st = nt_protection_in(protect, &prot, &flags);
	if (st)
		return st;
	mutex_lock(&as->lock);
	struct nt_region *r = nt_region_find(as, va);
	if (!r || size > r->end - va || (r->flags & NT_REGION_PLACEHOLDER))
		st = NT(CONFLICTING_ADDRESSES);
	else if (r->type == NT_MEM_IMAGE || (r->flags & NT_REGION_FILE))
		st = NT(ALREADY_COMMITTED);
	else if (r->type == NT_MEM_PRIVATE && (protect & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY)))
		st = NT(INVALID_PAGE_PROTECTION);
	else if (r->type == NT_MEM_MAPPED && !nt_page_within(r->protect, protect))
		st = NT(SECTION_PROTECTION);
	else
		st = r->type == NT_MEM_MAPPED ? nt_view_commit(as, r, va, va + size, prot, flags, &dead) :
			nt_change_pages(as, va, va + size, prot, flags, &dead);
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

s64 nt_memory_reset(struct aspace *as, u64 va, u64 size)
{
	mutex_lock(&as->lock);
	struct nt_region *r = nt_region_find(as, va);
	s64 st = 0;
	if (!r || size > r->end - va)
		st = NT(CONFLICTING_ADDRESSES);
	else if (r->type == NT_MEM_PRIVATE) /* what a view shows is not one process's to give up */
		pt_unmap_range(as, va, va + size, false); /* the content is of no use any more: zeroes from now on */
	mutex_unlock(&as->lock);
	return st;
}

/* ---- free ---- */
/* The range a free call means: size 0 is the whole region, from its start. */
static s64 free_range(struct aspace *as, u64 *va, u64 *size, struct nt_region **out)
{
	u64 start = ALIGN_DOWN(*va, PAGE_SIZE), end = ALIGN_UP(*va + *size, PAGE_SIZE);
	struct nt_region *r = nt_region_find(as, start);
	if (!r)
		return NT(MEMORY_NOT_ALLOCATED);
	if (r->type != NT_MEM_PRIVATE)
		return NT(UNABLE_TO_DELETE_SECTION);
	if (!*size) {
		if (start != r->start)
			return NT(FREE_VM_NOT_AT_BASE);
		end = r->end;
	}
	if (end > r->end || end <= start)
		return NT(UNABLE_TO_FREE_VM);
	*va = start;
	*size = end - start;
	*out = r;
	return 0;
}

s64 nt_memory_decommit(struct aspace *as, u64 *va, u64 *size)
{
	struct list_node dead = LIST_INIT(dead);
	struct nt_region *r;
	mutex_lock(&as->lock);
	s64 st = free_range(as, va, size, &r);
	if (!st && (r->flags & NT_REGION_PLACEHOLDER))
		st = NT(CONFLICTING_ADDRESSES);
	if (!st) {
		st = nt_watch_decommit(as, r, *va, *va + *size);
		if (!st)
			st = nt_change_pages(as, *va, *va + *size, 0, MAP_F_RESERVED, &dead);
	}
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

/* Makes r exactly [start, end): what is left on either side stays a region. */
static s64 region_cut(struct aspace *as, struct nt_region **r, u64 start, u64 end)
{
	s64 st = 0;
	if ((*r)->end > end)
		st = region_split(as, *r, end);
	if (!st && (*r)->start < start) {
		st = region_split(as, *r, start);
		*r = st ? *r : nt_region_find(as, start);
	}
	return st;
}

static s64 preserve_placeholder(struct aspace *as, struct nt_region *r, u64 va, u64 size, struct list_node *dead)
{
	if ((r->flags & NT_REGION_PLACEHOLDER) && r->start == va && r->end == va + size)
		return NT(CONFLICTING_ADDRESSES); /* nothing to split off */
	s64 st = region_cut(as, &r, va, va + size);
	if (st)
		return st;
	r->flags = NT_REGION_PLACEHOLDER;
	pt_unmap_range(as, va, va + size, false);
	return nt_change_pages(as, va, va + size, 0, MAP_F_RESERVED, dead);
}

static s64 coalesce(struct aspace *as, struct nt_region *first, u64 va, u64 size)
{
	if (first->start != va || first->end >= va + size)
		return NT(CONFLICTING_ADDRESSES);
	for (u64 at = va; at < va + size;) {
		struct nt_region *r = nt_region_find(as, at);
		if (!r || !(r->flags & NT_REGION_PLACEHOLDER) || r->end > va + size)
			return NT(CONFLICTING_ADDRESSES);
		at = r->end;
	}
	while (first->end < va + size) {
		struct nt_region *r = nt_region_find(as, first->end);
		first->end = r->end;
		rb_remove(&as->nt_regions, &r->node);
		kfree(r);
	}
	return 0;
}

static s64 release_range(struct aspace *as, struct nt_region *r, u64 va, u64 size, struct list_node *dead)
{
	s64 st = region_cut(as, &r, va, va + size);
	if (!st)
		st = unmap_locked(as, va, va + size, dead);
	if (st)
		return st;
	rb_remove(&as->nt_regions, &r->node);
	kfree(r);
	return 0;
}

s64 nt_memory_release(struct aspace *as, u64 *va, u64 *size, u32 placeholder)
{
	struct list_node dead = LIST_INIT(dead);
	struct nt_region *r;
	s64 st;
	mutex_lock(&as->lock);
	if (placeholder & NT_MEM_COALESCE_PLACEHOLDERS) {
		r = nt_region_find(as, *va);
		st = r ? coalesce(as, r, *va, *size) : NT(MEMORY_NOT_ALLOCATED);
	} else {
		st = free_range(as, va, size, &r);
		if (!st && (placeholder & NT_MEM_PRESERVE_PLACEHOLDER))
			st = preserve_placeholder(as, r, *va, *size, &dead);
		else if (!st)
			st = release_range(as, r, *va, *size, &dead);
	}
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

/* ---- protect ---- */
static s64 protect_allowed(struct aspace *as, const struct nt_region *r, u64 start, u64 end, u32 page, u32 prot)
{
	if (!nt_all_committed(as, start, end))
		return NT(NOT_COMMITTED);
	if (r && r->type == NT_MEM_MAPPED)
		return nt_page_within(r->protect, page) ? 0 : NT(SECTION_PROTECTION);
	if (r && r->type == NT_MEM_PRIVATE && (page & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY)))
		return NT(INVALID_PAGE_PROTECTION);
	struct vma *v = aspace_find_vma_locked(as, start);
	return prot & ~v->max_prot ? NT(SECTION_PROTECTION) : 0;
}

s64 nt_memory_protect(struct aspace *as, u64 va, u64 size, u32 protect, u32 *old)
{
	struct list_node dead = LIST_INIT(dead);
	u32 prot, flags;
	s64 st = nt_protection_in(protect, &prot, &flags);
	if (st)
		return st;
	mutex_lock(&as->lock);
	struct nt_region *r = nt_region_find(as, va);
	nt_view_sync(as, r, &dead);
	struct vma *v = aspace_find_vma_locked(as, va);
	if (!v || v->start > va || (r && size > r->end - va) || (!r && size > v->end - va)) {
		st = NT(CONFLICTING_ADDRESSES);
	} else {
		*old = nt_page_in_region(r, nt_page_of_vma(v));
		st = protect_allowed(as, r, va, va + size, protect, prot | (flags >> MAP_GUARDED_SHIFT & PROT_MASK));
		if (!st)
			st = r && r->type == NT_MEM_MAPPED ? nt_change_view(as, r, va, va + size, prot, flags, &dead) :
				nt_change_pages(as, va, va + size, prot, flags, &dead);
	}
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}
