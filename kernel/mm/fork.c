// SPDX-License-Identifier: MIT
/* aspace_fork: VMAs are copied, and page tables only where a fault could not rebuild them: anonymous memory
 * and the private copies of file mappings, write-protected in both spaces. Shared and clean file pages fault
 * in again. The flush of the parent comes before the child can run and before as->lock is released. */
#include "frame.h"
#include "map.h"
#include "string.h"
#include "tlb.h"

#define FLUSH_RANGES 16 /* VMAs with written pages in a small process; more become one full flush */

struct fork_state {
	struct aspace *from, *to;
	struct { u64 start, end; } flush[FLUSH_RANGES];
	u32 flush_count;
};

static void flush_note(struct fork_state *f, u64 start, u64 end)
{
	if (f->flush_count < FLUSH_RANGES) {
		f->flush[f->flush_count].start = start;
		f->flush[f->flush_count].end = end;
	}
	f->flush_count++;
}

static void flush_parent(struct fork_state *f)
{
	if (f->flush_count > FLUSH_RANGES) {
		tlb_flush_range(f->from, 0, TLB_FLUSH_ALL);
		return;
	}
	for (u32 i = 0; i < f->flush_count; i++)
		tlb_flush_range(f->from, f->flush[i].start, f->flush[i].end - f->flush[i].start);
}

/* Copies one table's worth; returns false without memory. */
static bool copy_slots(struct fork_state *f, u64 *slot, u64 va, u64 stop, u64 *first, u64 *last)
{
	u64 *target = NULL;
	u64 resident = 0;
	for (; va < stop; va += PAGE_SIZE, slot++, target += target != NULL) {
		u64 pte = *slot;
		if (!(pte & PTE_COUNTED))
			continue; /* absent, zero page or image memory: a fault brings it back */
		struct page *p = phys_to_page(pte & PTE_ADDRESS);
		if (p->obj)
			continue;
		if (pte & PTE_WRITE) {
			pte = __atomic_fetch_and(slot, ~PTE_WRITE, __ATOMIC_RELAXED) & ~PTE_WRITE;
			*first = MIN(*first, va);
			*last = va + PAGE_SIZE;
		}
		if (!target && !(target = pt_slot_alloc(f->to, va)))
			return false;
		page_get(p);
		*target = pte & ~(PTE_ACCESSED | PTE_DIRTY);
		resident++;
	}
	f->to->resident_pages += resident;
	return true;
}

static bool copy_pages(struct fork_state *f, struct vma *v)
{
	u64 next = 0, first = UINT64_MAX, last = 0;
	bool ok = true;
	spin_lock(&f->from->table_lock);
	for (u64 va = v->start; va < v->end && ok;) {
		u64 *slot = pt_slot_or_next(f->from, va, &next);
		if (!slot) {
			va = next;
			continue;
		}
		u64 stop = MIN(v->end, ALIGN_DOWN(va, PT_SPAN) + PT_SPAN);
		ok = copy_slots(f, slot, va, stop, &first, &last);
		va = stop;
		if (unlikely(cpu_this()->need_resched)) {
			spin_unlock(&f->from->table_lock);
			preempt_point();
			spin_lock(&f->from->table_lock);
		}
	}
	spin_unlock(&f->from->table_lock);
	if (first < last)
		flush_note(f, first, last);
	return ok;
}

static struct vma *copy_vma(struct aspace *to, const struct vma *v)
{
	struct vma *copy = vma_alloc(to);
	if (!copy)
		return NULL;
	copy->start = v->start;
	copy->end = v->end;
	copy->prot = v->prot;
	copy->max_prot = v->max_prot;
	copy->flags = v->flags & ~(u32)MAP_F_LOCKED; /* locks are not inherited, mlock(2) */
	copy->obj = v->obj;
	copy->offset = v->offset;
	copy->file = v->file;
	copy->name = v->name;
	copy->has_private = v->has_private;
	vma_attach_object(copy);
	account_vma(to, copy, (s64)((v->end - v->start) >> PAGE_SHIFT));
	return copy;
}

static void copy_fields(struct aspace *to, const struct aspace *from)
{
	to->brk_start = from->brk_start;
	to->brk_end = from->brk_end;
	to->mmap_top = from->mmap_top;
	to->stack_start = from->stack_start;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->code_start = from->code_start;
	to->code_end = from->code_end;
	to->data_start = from->data_start;
	to->data_end = from->data_end;
	to->limit_as_bytes = from->limit_as_bytes;
	to->limit_data_bytes = from->limit_data_bytes;
	to->limit_stack_bytes = from->limit_stack_bytes;
	to->vdso_base = from->vdso_base;
	to->search_top = from->search_top;
	to->search_hole = from->search_hole;
	to->search_base = from->search_base;
}

static status_t fork_vmas(struct fork_state *f)
{
	struct rb_node *parent = NULL, **slot = &f->to->vmas.node;
	for (struct rb_node *n = rb_first(&f->from->vmas); n; n = rb_next(n)) {
		struct vma *v = rb_entry(n, struct vma, node);
		if (v->flags & MAP_F_DONTFORK) {
			f->to->search_top = f->to->mmap_top; /* a gap more than the parent has */
			continue;
		}
		struct vma *copy = copy_vma(f->to, v);
		if (!copy)
			return ERR_NOMEM;
		rb_insert(&f->to->vmas, &copy->node, parent, slot); /* ascending: always right of the last */
		f->to->vma_count++;
		parent = &copy->node;
		slot = &copy->node.right;
		if ((v->flags & (MAP_F_SHARED | MAP_F_WIPEONFORK)) || (v->obj && !v->has_private))
			continue;
		if (!copy_pages(f, v))
			return ERR_NOMEM;
	}
	return OK;
}

status_t aspace_fork(struct aspace *from, struct account *account, struct aspace **out)
{
	struct fork_state f = { .from = from, .to = aspace_create(account) };
	if (!f.to)
		return ERR_NOMEM;
	mutex_lock(&from->lock);
	copy_fields(f.to, from);
	status_t st = fork_vmas(&f);
	flush_parent(&f);
	mutex_unlock(&from->lock);
	if (st) {
		aspace_put(f.to);
		return st;
	}
	*out = f.to;
	return OK;
}
