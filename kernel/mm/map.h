/* SPDX-License-Identifier: MIT */
/* Private to kernel/mm: VMAs and the fault path below the public calls of aspace.h. All need as->lock. */
#ifndef AMBOS_MM_MAP_H
#define AMBOS_MM_MAP_H

#include "file.h"
#include "pagetable.h"

#define MMAP_MIN_ADDRESS 65536ull   /* vm.mmap_min_addr */
#define VMA_COUNT_MAX 65530u         /* vm.max_map_count */
#define STACK_GUARD_GAP MIB(1)      /* kept free below a growing stack, as Linux does */

bool memory_wait(u32 attempt);  /* after an allocation failed: false when it is of no use to try again; sleeps */
void memory_came_back(u64 pages);  /* wakes who waits for that many */
extern u32 aspaces_dying; /* [a] spaces whose memory is being released right now */
struct vma *vma_alloc(struct aspace *as); /* zeroed; NULL = no memory */
void vma_free(struct vma *v);
void vma_attach_object(struct vma *v);    /* references obj and file, enters the reverse map */
void vma_bury(struct vma *v, struct list_node *dead);  /* out of the tree already: leaves the reverse map */
void vma_release_dead(struct list_node *dead);         /* as->lock NOT held */
void vma_set_range(struct vma *v, u64 start, u64 end); /* moves the offset along with start */
void vma_insert(struct aspace *as, struct vma *v);
void vma_remove(struct aspace *as, struct vma *v);
struct vma *vma_next(struct vma *v);
struct vma *vma_prev(struct vma *v);
status_t vma_split(struct vma *v, u64 at) MUST_CHECK; /* v keeps [start, at) */
/* Makes *v (by splitting) lie within [start, end). */
status_t vma_isolate(struct vma **v, u64 start, u64 end) MUST_CHECK;
/* Gives what of *v lies within [start, end) this protection and these flags; *v is then that part, merged where it can be. */
status_t vma_set_rights(struct aspace *as, struct vma **v, u64 start, u64 end, u32 prot, u32 flags, struct list_node *dead) MUST_CHECK;
/* Joins v with its neighbours where attributes allow; returns the VMA that now covers v's range. */
struct vma *vma_merge(struct vma *v, struct list_node *dead);
status_t unmap_locked(struct aspace *as, u64 start, u64 end, struct list_node *dead) MUST_CHECK;
/* Changes MAP_F_* marks of all VMAs in the range; ERR_NOMEM at the end when it has holes. */
status_t vma_change_flags(struct aspace *as, u64 start, u64 end, u32 set, u32 clear, struct list_node *dead) MUST_CHECK;
/* Lowest address of a free range of `size`, top-down from mmap_top; 0 = none. */
u64 find_gap(struct aspace *as, u64 size, u32 flags);
bool range_is_free(struct aspace *as, u64 start, u64 end);
/* Inserts a mapping at va, where nothing is (map_locked of aspace_map without the choice of an address). */
status_t map_insert(struct aspace *as, const struct map_request *r, u64 va, struct list_node *dead) MUST_CHECK;
bool map_limit_ok(struct aspace *as, u64 add_pages);
/* RLIMIT_DATA: private writable memory that is not a stack (MAP_F_STACK stays on the parts of a split stack). */
static inline bool is_data(u32 prot, u32 flags)
{
	return (prot & PROT_W) && !(flags & (MAP_F_SHARED | MAP_F_STACK));
}
bool data_limit_ok(struct aspace *as, u64 add_pages);
void account_vma(struct aspace *as, const struct vma *v, s64 pages); /* v grew or shrank by that much */

/* Resolves one page. ERR_AGAIN: the lock was dropped to fill a page, look the VMA up again. */
status_t fault_page(struct aspace *as, struct vma *v, u64 va, u32 access);
/* Finds the VMA (growing a stack), checks rights and resolves; loops over ERR_AGAIN. */
status_t fault_locked(struct aspace *as, u64 va, u32 access, int *code);
void aspace_populate_locked_mappings(struct aspace *as, u64 va, u64 size); /* after growth of a locked mapping */
bool stack_grow(struct aspace *as, struct vma *v, u64 va);

/* memobj.c, for faults. index_lock held: page of the index or NULL. */
struct page *memobj_lookup_locked(struct memobj *o, u64 index);
bool memobj_in_backing(struct memobj *o, u64 index);  /* whole page usable in place */
void memobj_unmap(struct memobj *o, u64 first, u64 last, bool private_copies); /* reverse map; index_lock NOT held */

#endif
