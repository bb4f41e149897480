/* SPDX-License-Identifier: MIT */
/* TLB shootdown. Both return when no CPU can use an old translation; legal with spinlocks held
 * (spinning CPUs answer through cpu_relax_poll). CPUs outside as->cpu_mask are not disturbed. */
#ifndef AMBOS_KERNEL_TLB_H
#define AMBOS_KERNEL_TLB_H

#include "status.h"

#define TLB_FLUSH_ALL UINT64_MAX /* size: everything of the space */

struct aspace;
/* Pages of [va, va + size) of `as`; large ranges become a full flush. */
void tlb_flush_range(struct aspace *as, u64 va, u64 size);
/* Kernel mappings (VMAP area), on all CPUs. */
void tlb_flush_kernel(u64 va, u64 size);
static inline void tlb_invalidate_page_local(u64 va) { __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory"); }

#endif
