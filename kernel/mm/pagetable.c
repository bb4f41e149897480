// SPDX-License-Identifier: MIT
/* User page tables: walk, unmap, protect, tear down. See pagetable.h for the locking.
 * Invariant: an entry with PTE_COUNTED owns one reference of its page; the reference is dropped only after
 * the TLBs of as->cpu_mask were flushed (struct unmap_batch). An entry without PTE_ACCESSED was never in a
 * TLB, so clearing it needs no flush. */
#include "pagetable.h"
#include "frame.h"
#include "string.h"
#include "tlb.h"

static inline u64 *table_of(u64 entry) { return phys_to_virt(entry & PTE_ADDRESS); }
static inline u32 index_at(u64 va, u32 level) { return (va >> (PAGE_SHIFT + 9 * (level - 1))) & 511; }

static inline void table_uncharge(struct aspace *as, u64 pages)
{
	if (as->account && pages)
		account_uncharge(as->account, pages);
}

u64 *pt_slot_or_next(struct aspace *as, u64 va, u64 *next)
{
	u64 *table = phys_to_virt(as->page_table);
	for (u32 level = 4; level > 1; level--) {
		u64 entry = table[index_at(va, level)];
		if (!(entry & PTE_PRESENT)) {
			u64 span = 1ull << (PAGE_SHIFT + 9 * (level - 1));
			*next = ALIGN_DOWN(va, span) + span;
			return NULL;
		}
		table = table_of(entry);
	}
	return &table[index_at(va, 1)];
}

u64 *pt_slot(struct aspace *as, u64 va)
{
	u64 next;
	return pt_slot_or_next(as, va, &next);
}

u64 *pt_slot_alloc(struct aspace *as, u64 va)
{
	u64 *table = phys_to_virt(as->page_table);
	for (u32 level = 4; level > 1; level--) {
		u64 *slot = &table[index_at(va, level)];
		if (unlikely(!(*slot & PTE_PRESENT))) {
			struct page *p = page_alloc(ALLOC_ZERO);
			if (!p)
				return NULL;
			stat_add(&stat_pagetable_pages, 1);
			as->table_pages++;
			account_charge_always(as->account, 1);
			list_push_back(&as->tables, &p->lru);
			*slot = page_to_phys(p) | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED;
		}
		table = table_of(*slot);
	}
	return &table[index_at(va, 1)];
}

/* ---- batches ---- */

void batch_init(struct unmap_batch *b, struct aspace *as)
{
	b->as = as;
	b->start = UINT64_MAX;
	b->end = 0;
	b->count = 0;
	b->tables = 0;
}

static void batch_flush(struct unmap_batch *b)
{
	if (b->start < b->end)
		tlb_flush_range(b->as, b->start, b->end - b->start);
	for (u32 i = 0; i < b->count; i++)
		page_put(b->pages[i]);
	batch_init(b, b->as);
}

void batch_note(struct unmap_batch *b, u64 va, u64 old_pte)
{
	if (old_pte & PTE_ACCESSED) {
		b->start = MIN(b->start, va);
		b->end = MAX(b->end, va + PAGE_SIZE);
	}
	if (old_pte & PTE_COUNTED)
		b->pages[b->count++] = phys_to_page(old_pte & PTE_ADDRESS);
	if (unlikely(b->count == BATCH_PAGES))
		batch_flush(b); /* legal under table_lock, see tlb.h */
}

void batch_finish(struct unmap_batch *b)
{
	if (b->count || b->start < b->end)
		batch_flush(b);
}

/* ---- unmap ---- */

/* Takes the whole lowest-level table at `va` out of the tree; its entries are already clear. */
static void table_remove(struct aspace *as, struct unmap_batch *b, u64 va)
{
	u64 *table = phys_to_virt(as->page_table);
	for (u32 level = 4; level > 2; level--)
		table = table_of(table[index_at(va, level)]);
	u64 *slot = &table[index_at(va, 2)];
	struct page *p = phys_to_page(*slot & PTE_ADDRESS);
	*slot = 0;
	list_remove(&p->lru);
	as->table_pages--;
	table_uncharge(as, 1);
	stat_add(&stat_pagetable_pages, -1);
	batch_note(b, va, page_to_phys(p) | PTE_COUNTED | PTE_ACCESSED); /* paging-structure caches: always flush */
}

#define SLOTS_AT_ONCE 8 /* a cache line of them */

/* Stacks and reservations are mostly holes. */
static inline u64 *skip_holes(u64 *slot, const u64 *stop)
{
	while (slot + SLOTS_AT_ONCE <= stop && !(slot[0] | slot[1] | slot[2] | slot[3] | slot[4] | slot[5] | slot[6] | slot[7]))
		slot += SLOTS_AT_ONCE;
	return slot;
}

static void unmap_slots(struct aspace *as, struct unmap_batch *b, u64 *slot, u64 va, u64 stop, bool object_only)
{
	for (const u64 *end = slot + ((stop - va) >> PAGE_SHIFT); va < stop; va += PAGE_SIZE, slot++) {
		u64 pte = *slot;
		if (!pte && (va & (SLOTS_AT_ONCE * PAGE_SIZE - 1)) == 0) {
			u64 *next = skip_holes(slot, end);
			va += (u64)(next - slot) << PAGE_SHIFT;
			slot = next;
			if (va >= stop)
				break;
			pte = *slot;
		}
		if (!(pte & PTE_HELD)) {
			if (unlikely(pte))
				*slot = 0; /* a mark of NT's write watch */
			continue;
		}
		if (object_only && (pte & PTE_COUNTED) && !phys_to_page(pte & PTE_ADDRESS)->obj)
			continue;
		pte = __atomic_exchange_n(slot, 0, __ATOMIC_RELAXED); /* another CPU may set the accessed bit */
		if ((pte & PTE_ADDRESS) != zero_page_pa)
			as->resident_pages--;
		batch_note(b, va, pte);
	}
}

static void unmap_range(struct aspace *as, u64 start, u64 end, bool free_tables, bool object_only)
{
	struct unmap_batch b;
	u64 next = 0;
	batch_init(&b, as);
	spin_lock(&as->table_lock);
	for (u64 va = start; va < end;) {
		u64 *slot = pt_slot_or_next(as, va, &next);
		if (!slot) {
			va = next;
			continue;
		}
		u64 stop = MIN(end, ALIGN_DOWN(va, PT_SPAN) + PT_SPAN);
		unmap_slots(as, &b, slot, va, stop, object_only);
		if (free_tables && stop - va == PT_SPAN)
			table_remove(as, &b, va);
		va = stop;
		if (free_tables && unlikely(cpu_this()->need_resched)) {
			spin_unlock(&as->table_lock);
			batch_finish(&b);
			preempt_point();
			spin_lock(&as->table_lock);
		}
	}
	spin_unlock(&as->table_lock);
	batch_finish(&b);
}

void pt_unmap_range(struct aspace *as, u64 start, u64 end, bool free_tables)
{
	unmap_range(as, start, end, free_tables, false);
}

void pt_unmap_range_object(struct aspace *as, u64 start, u64 end)
{
	unmap_range(as, start, end, false, true);
}

/* The entry for new rights. A read-only entry becomes writable at once only when it is a private page that
 * nobody shares; for all others the write fault decides about copies and dirt. */
static u64 protected_entry(u64 old, u64 bits)
{
	if ((bits & PTE_WRITE) && !(old & PTE_WRITE)) {
		struct page *p = old & PTE_COUNTED ? phys_to_page(old & PTE_ADDRESS) : NULL;
		if (!p || p->obj || p->refs != 1)
			bits &= ~PTE_WRITE;
	}
	return bits | (old & (PTE_ADDRESS | PTE_COUNTED | PTE_UNCACHED | PTE_ACCESSED | PTE_DIRTY));
}

/* Returns the old entry; another CPU may set accessed and dirty bits meanwhile. */
static u64 slot_protect(u64 *slot, u64 bits)
{
	u64 old = *slot;
	while (!__atomic_compare_exchange_n(slot, &old, protected_entry(old, bits), false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
	return old;
}

void pt_protect_range(struct aspace *as, u64 start, u64 end, u32 prot)
{
	u64 next = 0, bits = pte_bits(prot), first = UINT64_MAX, last = 0;
	if (!(prot & (PROT_R | PROT_W | PROT_X)))
		bits = (bits & ~(PTE_USER | PTE_PRESENT)) | PTE_HIDDEN; /* keeps the page, out of reach for the kernel too */
	spin_lock(&as->table_lock);
	for (u64 va = start; va < end;) {
		u64 *slot = pt_slot_or_next(as, va, &next);
		if (!slot) {
			va = next;
			continue;
		}
		u64 stop = MIN(end, ALIGN_DOWN(va, PT_SPAN) + PT_SPAN);
		for (; va < stop; va += PAGE_SIZE, slot++) {
			if (!(*slot & PTE_HELD))
				continue;
			u64 old = slot_protect(slot, bits);
			/* More rights need no flush: a stale entry faults once more and is found in order. */
			bool less = ((old & ~*slot) & (PTE_WRITE | PTE_USER)) || ((*slot & ~old) & PTE_NX);
			if (less && (old & PTE_ACCESSED)) {
				first = MIN(first, va);
				last = MAX(last, va + PAGE_SIZE);
			}
		}
	}
	spin_unlock(&as->table_lock);
	if (first < last)
		tlb_flush_range(as, first, last - first);
}

/* ---- tear-down ---- */

/* Drops the pages of one VMA of a dead space: no CPU runs in it, so nothing is flushed. */
void pt_release_range(struct aspace *as, u64 start, u64 end)
{
	u64 next = 0;
	for (u64 va = start; va < end;) {
		u64 *slot = pt_slot_or_next(as, va, &next);
		if (!slot) {
			va = next;
			continue;
		}
		u64 stop = MIN(end, ALIGN_DOWN(va, PT_SPAN) + PT_SPAN);
		for (; va < stop; va += PAGE_SIZE, slot++)
			if (*slot & PTE_COUNTED)
				page_put(phys_to_page(*slot & PTE_ADDRESS));
		if (unlikely(cpu_this()->need_resched))
			preempt_point();
	}
}

/* An idle CPU may still have the root loaded. It runs no user code, but its speculation must find the root empty
 * and cached upper entries gone before the tables are freed. */
void pt_free_tables(struct aspace *as)
{
	struct list_node *n;
	if (as->cpu_mask) {
		memset(phys_to_virt(as->page_table), 0, PAGE_SIZE / 2);
		tlb_flush_range(as, 0, TLB_FLUSH_ALL);
	}
	table_uncharge(as, as->table_pages);
	as->table_pages = 0;
	while ((n = list_pop_front(&as->tables))) {
		stat_add(&stat_pagetable_pages, -1);
		page_put(list_entry(n, struct page, lru));
	}
}
