/* SPDX-License-Identifier: MIT */
/* Regions of an address space, for memory_region.c and memory_state.c. The space's lock is held. */
#ifndef AMBOS_NT_REGION_H
#define AMBOS_NT_REGION_H

#include "nt_memory.h"
#include "../mm/map.h"

#define PROT_MASK 7u
struct nt_region *nt_region_find(struct aspace *as, u64 va); /* that holds va, or NULL */
/* Caching is of a whole allocation. */
static inline u32 nt_page_in_region(const struct nt_region *r, u32 page)
{
	return r && page && page != NT_PAGE_NOACCESS ? page | (r->protect & (NT_PAGE_NOCACHE | NT_PAGE_WRITECOMBINE)) : page;
}
u32 nt_page_of_vma(const struct vma *v);                     /* NT_PAGE_*; 0: reserved */
bool nt_all_committed(struct aspace *as, u64 start, u64 end);
/* Gives every page of [start, end), which VMAs cover, this protection and these MAP_F_NT marks. */
s64 nt_change_pages(struct aspace *as, u64 start, u64 end, u32 prot, u32 flags, struct list_node *dead) MUST_CHECK;


struct nt_region *nt_region_new(u64 start, u64 end, u32 type, u32 protect); /* NULL: no memory */
void nt_region_insert(struct aspace *as, struct nt_region *r);
void nt_region_free(struct nt_region *r);
s64 nt_find_place(struct aspace *as, const struct nt_place *p, u64 size, u64 *va) MUST_CHECK;
s64 nt_isolate_placeholder(struct aspace *as, u64 va, u64 size, struct nt_region **out) MUST_CHECK;
/* Of views (memory_view.c). */
bool nt_page_within(u32 view, u32 page);
s64 nt_change_view(struct aspace *as, const struct nt_region *r, u64 start, u64 end, u32 prot, u32 flags,
	struct list_node *dead) MUST_CHECK;
s64 nt_view_commit(struct aspace *as, struct nt_region *r, u64 start, u64 end, u32 prot, u32 flags, struct list_node *dead) MUST_CHECK;
void nt_view_sync(struct aspace *as, struct nt_region *r, struct list_node *dead);
/* Takes the pages away; of a watched region it stays known which were written. */
s64 nt_watch_decommit(struct aspace *as, const struct nt_region *r, u64 start, u64 end) MUST_CHECK;

#endif
