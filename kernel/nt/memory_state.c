// SPDX-License-Identifier: MIT
/* What NT memory is in: queries, write watch, guard pages and growing stacks. Allocations: memory_region.c. */
#include "region.h"

#include "image.h"
#include "tlb.h"

/* ---- committed pages ---- */
bool nt_all_committed(struct aspace *as, u64 start, u64 end)
{
	while (start < end) {
		struct vma *v = aspace_find_vma_locked(as, start);
		if (!v || v->start > start || (v->flags & MAP_F_RESERVED))
			return false;
		start = v->end;
	}
	return true;
}

/* ---- queries ---- */
static u64 next_used(struct aspace *as, u64 va)
{
	struct vma *v = aspace_find_vma_locked(as, va);
	return v ? MAX(v->start, va) : NT_ADDRESS_TOP;
}

static void query_used(struct aspace *as, struct vma *v, u64 va, struct nt_memory_basic *out)
{
	struct nt_region *r = nt_region_find(as, va);
	u64 end = r ? r->end : v->end, at;
	u32 page = nt_page_of_vma(v);
	bool image = !r && v->file && image_is(v->file); /* of the process start: its VMAs tell */
	out->allocation_base = r ? r->start : image ? v->start - v->offset : v->start;
	out->allocation_protect = r ? r->protect : image ? NT_PAGE_EXECUTE_WRITECOPY : page;
	out->state = v->flags & MAP_F_RESERVED ? NT_MEM_RESERVE : NT_MEM_COMMIT;
	out->protect = nt_page_in_region(r, page);
	out->type = r ? r->type : image ? NT_MEM_IMAGE : v->obj ? NT_MEM_MAPPED : NT_MEM_PRIVATE;
	for (at = v->end; at < end; at = v->end) {
		v = vma_next(v);
		if (!v || v->start != at || nt_page_of_vma(v) != page)
			break;
	}
	out->size = MIN(at, end) - va;
}

void nt_memory_query(struct aspace *as, u64 va, struct nt_memory_basic *out)
{
	va = ALIGN_DOWN(va, PAGE_SIZE);
	struct list_node dead = LIST_INIT(dead);
	*out = (struct nt_memory_basic){ .base = va };
	mutex_lock(&as->lock);
	nt_view_sync(as, nt_region_find(as, va), &dead);
	u64 used = next_used(as, va);
	if (used > va || va >= NT_ADDRESS_TOP) {
		out->size = used - va;
		out->state = NT_MEM_FREE;
		out->protect = NT_PAGE_NOACCESS;
	} else {
		query_used(as, aspace_find_vma_locked(as, va), va, out);
	}
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
}

bool nt_memory_region_at(struct aspace *as, u64 va, struct nt_region *out)
{
	mutex_lock(&as->lock);
	struct nt_region *r = nt_region_find(as, va);
	if (r) {
		*out = *r;
		if (r->section)
			file_get(r->section);
	}
	mutex_unlock(&as->lock);
	return r;
}

/* A page was written when its entry is dirty: the processor sets the bit, and so does the fault that gives a page. */
s64 nt_memory_write_watch(struct aspace *as, u64 va, u64 size, bool reset, u64 *out, u64 *count)
{
	u64 found = 0, next = 0;
	s64 st = 0;
	mutex_lock(&as->lock);
	struct nt_region *r = nt_region_find(as, va);
	if (!r || !(r->flags & NT_REGION_WRITE_WATCH) || size > r->end - va)
		st = NT(INVALID_PARAMETER_1);
	u64 end = va + size;
	spin_lock(&as->table_lock);
	while (!st && va < end && (!out || found < *count)) {
		u64 *slot = pt_slot_or_next(as, va, &next);
		if (!slot) {
			va = next;
			continue;
		}
		if (*slot & PTE_DIRTY) {
			if (out)
				out[found] = va;
			found++;
			if (reset)
				__atomic_and_fetch(slot, ~PTE_DIRTY, __ATOMIC_RELAXED);
		}
		va += PAGE_SIZE;
	}
	spin_unlock(&as->table_lock);
	if (reset && found)
		tlb_flush_range(as, end - size, size);
	mutex_unlock(&as->lock);
	*count = found;
	return st;
}

s64 nt_watch_decommit(struct aspace *as, const struct nt_region *r, u64 start, u64 end)
{
	u64 pages = (end - start) >> PAGE_SHIFT, next = 0;
	u8 *written = r->flags & NT_REGION_WRITE_WATCH ? kzalloc(pages) : NULL;
	if ((r->flags & NT_REGION_WRITE_WATCH) && !written)
		return ERR_NOMEM;
	for (u32 pass = 0; pass < 2; pass++) { /* the marks stay in entries without a page */
		spin_lock(&as->table_lock);
		for (u64 va = start; written && va < end;) {
			u64 *slot = pt_slot_or_next(as, va, &next);
			if (slot && !pass)
				written[(va - start) >> PAGE_SHIFT] = (*slot & PTE_DIRTY) != 0;
			else if (slot && written[(va - start) >> PAGE_SHIFT])
				*slot |= PTE_DIRTY;
			va = slot ? va + PAGE_SIZE : next;
		}
		spin_unlock(&as->table_lock);
		if (!pass)
			pt_unmap_range(as, start, end, false);
	}
	kfree(written);
	return 0;
}

/* The kernel is about to store into [va, va + size): watched pages count as written, whatever becomes of it. */
void nt_memory_will_store(struct aspace *as, u64 va, u64 size)
{
	int code;
	if (likely(!as->nt_watched))
		return;
	mutex_lock(&as->lock);
	struct nt_region *r = va < USER_TOP ? nt_region_find(as, va) : NULL;
	u64 end = r && (r->flags & NT_REGION_WRITE_WATCH) ? MIN(r->end, va + MIN(size, USER_TOP)) : 0;
	mutex_unlock(&as->lock);
	for (va = ALIGN_DOWN(va, PAGE_SIZE); va < end; va += PAGE_SIZE) {
		if (aspace_fault(as, va, FAULT_WRITE, &code))
			return;
		spin_lock(&as->table_lock);
		u64 *slot = pt_slot(as, va);
		if (slot && (*slot & PTE_PRESENT))
			__atomic_or_fetch(slot, PTE_DIRTY, __ATOMIC_RELAXED);
		spin_unlock(&as->table_lock);
	}
}

/* ---- faults that aspace_fault refused ---- */
#define TEB_STACK_LIMIT 0x10
#define TEB_STACK_BASE 0x08
#define TEB_DEALLOCATION_STACK 0x1478

/* The guard page of the thread's own stack was touched: it becomes memory and the next one the guard. */
static s64 grow_stack(struct aspace *as, u64 page, struct thread *t, u64 *limit, struct list_node *dead)
{
	u64 below = page - PAGE_SIZE;
	struct nt_region *r = nt_region_find(as, page);
	*limit = page;
	if (!r || below < r->start + PAGE_SIZE)
		return NT(STACK_OVERFLOW);
	return nt_change_pages(as, below, page, 0, MAP_F_GUARD | (PROT_R | PROT_W) << MAP_GUARDED_SHIFT, dead);
}

s64 nt_memory_fault(struct process *p, u64 va, u32 access UNUSED)
{
	struct thread *t = thread_current();
	struct aspace *as = p->aspace;
	struct list_node dead = LIST_INIT(dead);
	u64 page = ALIGN_DOWN(va, PAGE_SIZE), teb = t->user_gs_base, base = 0, bottom = 0, limit = 0;
	if (copy_in(&base, user_ptr(teb + TEB_STACK_BASE), 8) || copy_in(&bottom, user_ptr(teb + TEB_DEALLOCATION_STACK), 8))
		base = bottom = 0;
	mutex_lock(&as->lock);
	struct vma *v = aspace_find_vma_locked(as, page);
	bool guard = v && v->start <= page && (v->flags & MAP_F_GUARD);
	s64 st = NT(ACCESS_VIOLATION);
	if (v && v->start <= page && (v->flags & MAP_F_RESERVED)) {
		nt_view_sync(as, nt_region_find(as, page), &dead);
		v = aspace_find_vma_locked(as, page);
		if (!(v->flags & (MAP_F_RESERVED | MAP_F_GUARD)) && v->prot)
			st = 0; /* another view committed it; the next try finds what it may do */
	}
	if (guard) {
		st = nt_change_pages(as, page, page + PAGE_SIZE, v->flags >> MAP_GUARDED_SHIFT & PROT_MASK, 0, &dead);
		if (!st && va >= bottom && va < base)
			st = grow_stack(as, page, t, &limit, &dead);
		else if (!st)
			st = NT(GUARD_PAGE_VIOLATION);
	}
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	if (limit && copy_out(user_ptr(teb + TEB_STACK_LIMIT), &limit, 8))
		return NT(ACCESS_VIOLATION);
	return st;
}
