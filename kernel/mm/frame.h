/* SPDX-License-Identifier: MIT */
/* Private to kernel/mm: frames, reclaim and the kernel's page table. */
#ifndef AMBOS_MM_FRAME_H
#define AMBOS_MM_FRAME_H

#include "cpu.h"
#include "mm.h"

#define MAX_ORDER 10 /* 4 MiB: the largest kmalloc, and one large-page pair */

void frame_init(const struct boot_info *info);
void slab_init(void);
void vmap_init(void);
extern phys_t kernel_page_table; /* PML4 of the kernel; its upper half is copied into every space */

/* Counters that mm_stats_read reports; changed without locks, so they are approximate across CPUs. */
extern u64 stat_anon_pages, stat_cache_pages, stat_slab_pages, stat_pagetable_pages, stat_kernel_pages;
static inline void stat_add(u64 *counter, s64 n) { __atomic_add_fetch(counter, (u64)n, __ATOMIC_RELAXED); }

/* Frees clean page-cache pages; returns how many. Called with no mm lock held. */
u64 reclaim_pages(u64 want);
void account_init(void);
u64 pools_unused(void);                  /* granted to services, not taken yet */
bool frames_above_reserve(u64 frames);   /* a program may have that many more */


#endif
