// SPDX-License-Identifier: MIT
/* What of a range is in memory, page by page, for /proc/PID/smaps. The caller does not hold as->lock: tables are looked at
 * under table_lock in pieces, so the answer is of no one moment, as on Linux. */
#include "map.h"
#include "pagetable.h"

#define PIECE_PAGES 512u /* one lowest-level table per hold of table_lock */

/* A page of an object has one reference of the object itself; the rest are mappings (and users of the moment). */
static void count_page(struct map_usage *u, u64 pte)
{
	struct page *p = pte & PTE_COUNTED ? phys_to_page(pte & PTE_ADDRESS) : NULL;
	u32 refs = p ? __atomic_load_n(&p->refs, __ATOMIC_RELAXED) : 0;
	bool of_object = !p || p->obj;
	u32 mappings = p ? MAX(refs - (of_object && refs > 1), 1u) : 1;
	bool dirty = of_object ? p && p->flags & PAGE_FLAG_DIRTY : true;
	u64 *kind = mappings > 1 ? (dirty ? &u->shared_dirty : &u->shared_clean) : (dirty ? &u->private_dirty : &u->private_clean);
	*kind += PAGE_SIZE;
	u->resident += PAGE_SIZE;
	u->proportional += PAGE_SIZE / mappings;
	u->proportional_dirty += dirty ? PAGE_SIZE / mappings : 0;
	u->referenced += pte & PTE_ACCESSED ? PAGE_SIZE : 0;
	u->anonymous += of_object ? 0 : PAGE_SIZE;
}

void aspace_usage(struct aspace *as, u64 start, u64 end, struct map_usage *u)
{
	for (u64 at = start; at < end;) {
		spin_lock(&as->table_lock);
		for (u32 i = 0; i < PIECE_PAGES && at < end; i++) {
			u64 next = at + PAGE_SIZE, *slot = pt_slot_or_next(as, at, &next);
			if (slot && *slot & PTE_HELD && (*slot & PTE_ADDRESS) != zero_page_pa)
				count_page(u, *slot);
			at = slot ? at + PAGE_SIZE : next;
		}
		spin_unlock(&as->table_lock);
		preempt_point();
	}
}
