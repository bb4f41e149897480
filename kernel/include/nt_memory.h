/* SPDX-License-Identifier: MIT */
/* NT virtual memory: allocations ("regions") over the VMAs of an address space. A VMA knows protection and whether a page
 * is only reserved (MAP_F_RESERVED) or guarded (MAP_F_GUARD); a region knows where an allocation began, its type
 * and its first protection. All functions answer 0 or NT(...). */
#ifndef AMBOS_KERNEL_NT_MEMORY_H
#define AMBOS_KERNEL_NT_MEMORY_H

#include "nt.h"

#define NT_ALLOCATION_GRANULARITY 65536ull
#define NT_ADDRESS_TOP 0x7fffffff0000ull  /* user memory ends 64 KiB below 2^47 */
enum nt_page { NT_PAGE_NOACCESS = 1, NT_PAGE_READONLY = 2, NT_PAGE_READWRITE = 4, NT_PAGE_WRITECOPY = 8, NT_PAGE_EXECUTE = 0x10,
	NT_PAGE_EXECUTE_READ = 0x20, NT_PAGE_EXECUTE_READWRITE = 0x40, NT_PAGE_EXECUTE_WRITECOPY = 0x80, NT_PAGE_GUARD = 0x100,
	NT_PAGE_NOCACHE = 0x200, NT_PAGE_WRITECOMBINE = 0x400, NT_PAGE_TARGETS_NO_UPDATE = 0x40000000 };
enum nt_mem { NT_MEM_COALESCE_PLACEHOLDERS = 1, NT_MEM_PRESERVE_PLACEHOLDER = 2, NT_MEM_COMMIT = 0x1000, NT_MEM_RESERVE = 0x2000,
	NT_MEM_REPLACE_PLACEHOLDER = 0x4000, NT_MEM_DECOMMIT = 0x4000, NT_MEM_RELEASE = 0x8000, NT_MEM_FREE = 0x10000,
	NT_MEM_PRIVATE = 0x20000, NT_MEM_MAPPED = 0x40000, NT_MEM_RESERVE_PLACEHOLDER = 0x40000, NT_MEM_RESET = 0x80000,
	NT_MEM_TOP_DOWN = 0x100000, NT_MEM_WRITE_WATCH = 0x200000, NT_MEM_RESET_UNDO = 0x1000000, NT_MEM_IMAGE = 0x1000000,
	NT_MEM_LARGE_PAGES = 0x20000000 };
enum nt_region_flag { NT_REGION_PLACEHOLDER = 1, NT_REGION_WRITE_WATCH = 2, NT_REGION_RESERVED_SECTION = 4,
	NT_REGION_FILE = 8 /* a view of a file: always committed */ };

struct nt_region {
	struct rb_node node;     /* aspace.nt_regions, by start */
	u64 start, end;
	u32 protect;             /* NT_PAGE_* it was allocated with */
	u32 type;                /* NT_MEM_PRIVATE, _MAPPED, _IMAGE */
	u32 flags;
	struct file *section;    /* of a view; referenced */
	struct nt_region *next_dead;
};
/* Where a new allocation may lie. base 0: anywhere within [low, high). */
struct nt_place { u64 base, low, high, alignment; bool top_down; };
static inline bool nt_place_limited(const struct nt_place *p) { return p->low || p->high || p->alignment; }

/* For memory that others mapped (images, stacks, PEB): what NtQueryVirtualMemory says about it. section may be NULL. */
s64 nt_region_note(struct aspace *as, u64 start, u64 size, u32 type, u32 protect, struct file *section) MUST_CHECK;
void nt_regions_free(struct aspace *as);      /* the space dies */

s64 nt_zero_bits_limit(u64 zero_bits, u64 *high) MUST_CHECK; /* highest address + 1; 0: any */
s64 nt_place_in(u64 va, u64 count, struct nt_place *place) MUST_CHECK; /* MEM_EXTENDED_PARAMETER[count] */
s64 nt_protection_in(u32 page, u32 *prot, u32 *flags) MUST_CHECK;      /* PROT_*, MAP_F_GUARD and its bits */
s64 nt_memory_reserve(struct aspace *as, const struct nt_place *place, u64 size, u32 type, u32 protect, u64 *va) MUST_CHECK;
/* A thread's stack of `size` bytes: the lowest pages stay reserved, above them one guard page; the rest is there on demand. */
#define STACK_RESERVED_PAGES 2u
s64 nt_memory_stack(struct aspace *as, const struct nt_place *place, u64 size, u64 *va) MUST_CHECK;
s64 nt_memory_replace_placeholder(struct aspace *as, u64 va, u64 size, u32 type, u32 protect) MUST_CHECK;
s64 nt_memory_commit(struct aspace *as, u64 va, u64 size, u32 protect) MUST_CHECK;
s64 nt_memory_reset(struct aspace *as, u64 va, u64 size) MUST_CHECK;
s64 nt_memory_decommit(struct aspace *as, u64 *va, u64 *size) MUST_CHECK;
s64 nt_memory_release(struct aspace *as, u64 *va, u64 *size, u32 placeholder) MUST_CHECK;
s64 nt_memory_protect(struct aspace *as, u64 va, u64 size, u32 protect, u32 *old) MUST_CHECK;
struct nt_view { const struct map_request *map; struct file *section; u32 type, protect, region_flags, placeholder; };
s64 nt_memory_map(struct aspace *as, const struct nt_place *place, const struct nt_view *view, u64 *va) MUST_CHECK;
s64 nt_memory_unmap(struct aspace *as, u64 va, u32 flags) MUST_CHECK;
struct nt_memory_basic {
	u64 base, allocation_base;
	u32 allocation_protect; u16 partition, unused;
	u64 size;
	u32 state, protect, type, unused2;
};
_Static_assert(sizeof(struct nt_memory_basic) == 48, "MEMORY_BASIC_INFORMATION");
void nt_memory_query(struct aspace *as, u64 va, struct nt_memory_basic *out);
/* The region around va: *out gets its fields, section referenced. False: none. */
bool nt_memory_region_at(struct aspace *as, u64 va, struct nt_region *out);
/* Written pages of [va, va + size), at most *count addresses into `out`; optionally forgets them. */
s64 nt_memory_write_watch(struct aspace *as, u64 va, u64 size, bool reset, u64 *out, u64 *count) MUST_CHECK;
void nt_memory_will_store(struct aspace *as, u64 va, u64 size);

#endif
