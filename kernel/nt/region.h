/* SPDX-License-Identifier: MIT */
/* Regions of an address space, for memory_region.c and memory_state.c. The space's lock is held. */
#ifndef AMBOS_NT_REGION_H
#define AMBOS_NT_REGION_H

#include "nt_memory.h"
#include "../mm/map.h"

#define PROT_MASK 7u
struct nt_region *nt_region_find(struct aspace *as, u64 va); /* that holds va, or NULL */
u32 nt_page_of_vma(const struct vma *v);                     /* NT_PAGE_*; 0: reserved */
/* Gives every page of [start, end), which VMAs cover, this protection and these MAP_F_NT marks. */
s64 nt_change_pages(struct aspace *as, u64 start, u64 end, u32 prot, u32 flags, struct list_node *dead) MUST_CHECK;

#endif
