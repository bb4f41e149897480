/* SPDX-License-Identifier: MIT */
/* Private to kernel/mm: user page tables. The lower half of each space is its own, the upper half is shared.
 * Tables are added and removed under as->lock (mutex) and stores happen under as->table_lock, so the reverse
 * map, which holds only table_lock, may walk and clear entries. */
#ifndef AMBOS_MM_PAGETABLE_H
#define AMBOS_MM_PAGETABLE_H

#include "aspace.h"

#define PTE_PRESENT 0x001ull
#define PTE_WRITE 0x002ull
#define PTE_USER 0x004ull
#define PTE_UNCACHED 0x018ull /* PWT | PCD */
#define PTE_ACCESSED 0x020ull
#define PTE_DIRTY 0x040ull
#define PTE_LARGE 0x080ull
#define PTE_GLOBAL 0x100ull
#define PTE_COUNTED 0x200ull  /* software: this entry holds a reference on a struct page */
#define PTE_HIDDEN 0x100ull   /* software, of a user entry that is not present: PROT_NONE, the page is kept */
#define PTE_HELD (PTE_PRESENT | PTE_HIDDEN) /* there is a page behind the user entry */
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

#define PT_SPAN MIB(2)        /* what one lowest-level table maps */
#define BATCH_PAGES 60

/* Translations taken away and pages to release once no TLB can hold them. */
struct unmap_batch {
	struct aspace *as;
	u64 start, end; /* to flush; start >= end: nothing */
	u32 count;
	u32 tables;     /* page-table pages among them: always flush */
	struct page *pages[BATCH_PAGES];
};

u64 *pt_slot(struct aspace *as, u64 va);        /* NULL when there is no table */
u64 *pt_slot_alloc(struct aspace *as, u64 va);  /* as->lock held; NULL when out of memory */
/* Slot of va, or NULL with *next = the first address above va that may have a table. */
u64 *pt_slot_or_next(struct aspace *as, u64 va, u64 *next);
void pt_release_range(struct aspace *as, u64 start, u64 end); /* dead space: drops pages, leaves entries */
void pt_free_tables(struct aspace *as);                         /* no VMA is left; only idle CPUs may have it loaded */

void batch_init(struct unmap_batch *b, struct aspace *as);
void batch_note(struct unmap_batch *b, u64 va, u64 old_pte); /* table_lock held; old entry was replaced or cleared */
void batch_finish(struct unmap_batch *b);                    /* flush, then release; table_lock not held */
/* Clears [start, end). as->lock held when free_tables (else only reverse-map callers). Takes table_lock. */
void pt_unmap_range(struct aspace *as, u64 start, u64 end, bool free_tables);
/* Drops only entries of object pages or image memory, not private copies. */
void pt_unmap_range_object(struct aspace *as, u64 start, u64 end);
/* Moves the entries of [from, from + size) to `to`, where nothing is mapped. as->lock held. */
status_t pt_move_range(struct aspace *as, u64 from, u64 to, u64 size) MUST_CHECK;
void pt_protect_range(struct aspace *as, u64 start, u64 end, u32 prot);

static inline u64 pte_bits(u32 prot)
{
	u64 bits = PTE_PRESENT | PTE_USER;
	if (prot & PROT_W)
		bits |= PTE_WRITE;
	if (!(prot & PROT_X))
		bits |= PTE_NX;
	return bits;
}
extern phys_t zero_page_pa; /* mapped read-only for reads of untouched anonymous memory; never counted */

void aspace_init(void);
void memobj_init(void);

#endif
