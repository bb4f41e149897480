// SPDX-License-Identifier: MIT
/* Views of sections: mapping, protections within the view's, copies of single pages, commitment that all views of a
 * SEC_RESERVE section share (section_reserve.c). */
#include "region.h"

#include "reserve.h"
#include "string.h"

/* May a page of a view that was mapped with `view` have the protection `page`? A copy needs no right to store. */
bool nt_page_within(u32 view, u32 page)
{
	u32 have, wanted, flags;
	if (nt_protection_in(view & 0xff, &have, &flags) || nt_protection_in(page & 0xff, &wanted, &flags))
		return false;
	if (view & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY))
		have &= ~(u32)PROT_W;
	if (page & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY))
		wanted &= ~(u32)PROT_W;
	if (wanted & PROT_X)
		wanted |= PROT_R;
	return !(wanted & ~(have & PROT_X ? have | PROT_R : have));
}

/* Of a view, where a page may become a copy of its own, and go back as long as nothing was copied. */
s64 nt_change_view(struct aspace *as, const struct nt_region *r, u64 start, u64 end, u32 prot, u32 flags, struct list_node *dead)
{
	bool copied_view = r->protect & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY), copy = copied_view || (flags & MAP_F_COPY);
	s64 st = nt_change_pages(as, start, end, prot & ~(u32)PROT_W, flags, dead);
	for (u64 at = start; !st && at < end;) {
		struct vma *v = aspace_find_vma_locked(as, at);
		if (!!(v->flags & MAP_F_SHARED) == copy && (copy || !v->has_private)) {
			st = vma_isolate(&v, start, end);
			if (!st)
				v->flags ^= MAP_F_SHARED;
		}
		at = v->end;
	}
	return st ? st : nt_change_pages(as, start, end, prot, flags, dead);
}

/* What other views of the section committed is committed here too, with the view's protection. */
void nt_view_sync(struct aspace *as, struct nt_region *r, struct list_node *dead)
{
	u32 prot, flags;
	if (!r || !(r->flags & NT_REGION_RESERVED_SECTION) || nt_protection_in(r->protect & 0xff, &prot, &flags))
		return;
	for (u64 at = r->start; at < r->end;) {
		struct vma *v = aspace_find_vma_locked(as, at);
		u64 end = MIN(v->end, r->end), delta = v->offset - v->start, first, last;
		if ((v->flags & MAP_F_RESERVED) && nt_reserve_next(r->section, at + delta, end + delta, &first, &last)) {
			end = last - delta;
			if (nt_change_pages(as, first - delta, end, prot, flags, dead))
				return; /* stays reserved here: the access will fail for want of memory */
		}
		at = end;
	}
}

s64 nt_view_commit(struct aspace *as, struct nt_region *r, u64 start, u64 end, u32 prot, u32 flags, struct list_node *dead)
{
	if (r->flags & NT_REGION_RESERVED_SECTION) {
		struct vma *v = aspace_find_vma_locked(as, start);
		s64 st = nt_reserve_commit(r->section, v->offset + (start - v->start), v->offset + (end - v->start));
		if (st)
			return st;
	}
	return nt_change_view(as, r, start, end, prot, flags, dead);
}

static s64 map_locked(struct aspace *as, const struct nt_place *place, const struct nt_view *view, u64 *va, struct nt_region **gone,
		struct list_node *dead)
{
	struct map_request m = *view->map;
	u64 size = ALIGN_UP(m.size, PAGE_SIZE);
	s64 st;
	*gone = NULL;
	if (view->placeholder) {
		*va = place->base;
		st = nt_isolate_placeholder(as, *va, size, gone);
		m.flags |= MAP_F_FIXED;
	} else {
		st = nt_find_place(as, place, size, va);
	}
	if (st)
		return st;
	struct nt_region *r = nt_region_new(*va, *va + size, view->type, view->protect);
	if (!r)
		return ERR_NOMEM;
	st = map_insert(as, &m, *va, dead);
	if (st) {
		kfree(r);
		*gone = NULL;
		return st;
	}
	if (*gone)
		rb_remove(&as->nt_regions, &(*gone)->node);
	r->flags = view->region_flags;
	r->section = view->section;
	if (r->section)
		file_get(r->section);
	nt_region_insert(as, r);
	return 0;
}

s64 nt_memory_map(struct aspace *as, const struct nt_place *place, const struct nt_view *view, u64 *va)
{
	struct list_node dead = LIST_INIT(dead);
	struct nt_region *gone;
	mutex_lock(&as->lock);
	s64 st = map_locked(as, place, view, va, &gone, &dead);
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	if (!st && gone)
		nt_region_free(gone);
	return st;
}

/* va may be anywhere in the view. With MEM_PRESERVE_PLACEHOLDER the addresses stay reserved. */
s64 nt_memory_unmap(struct aspace *as, u64 va, u32 flags)
{
	struct list_node dead = LIST_INIT(dead);
	struct file *section = NULL;
	mutex_lock(&as->lock);
	struct nt_region *r = nt_region_find(as, va);
	s64 st = r && r->type != NT_MEM_PRIVATE ? 0 : NT(NOT_MAPPED_VIEW);
	if (!st)
		st = unmap_locked(as, r->start, r->end, &dead);
	if (!st) {
		section = r->section;
		r->section = NULL;
		if (flags & NT_MEM_PRESERVE_PLACEHOLDER) {
			struct map_request m = { .size = r->end - r->start, .max_prot = PROT_MASK, .flags = MAP_F_RESERVED };
			r->type = NT_MEM_PRIVATE;
			r->flags = NT_REGION_PLACEHOLDER;
			r->protect = NT_PAGE_NOACCESS;
			st = map_insert(as, &m, r->start, &dead);
		} else {
			rb_remove(&as->nt_regions, &r->node);
			kfree(r);
		}
	}
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	if (section)
		file_put(section);
	return st;
}
