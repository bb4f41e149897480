/* SPDX-License-Identifier: MIT */
/* Physical frames, kernel heap, kernel mappings.
 * Every RAM frame has a struct page; NVDIMM and device memory have none (phys_to_page gives NULL) and are
 * never counted. All RAM is mapped at DIRECT_MAP_BASE. */
#ifndef AMBOS_KERNEL_MM_H
#define AMBOS_KERNEL_MM_H

#include "../../lib/base/list.h"
#include "status.h"

typedef u64 phys_t;
#define PHYS_NONE (~(phys_t)0)

#define DIRECT_MAP_BASE 0xffff800000000000ull /* all physical memory below 64 TiB, 1 GiB or 2 MiB pages */
#define VMAP_BASE 0xffffc00000000000ull       /* kernel stacks with guard pages, mmio */
#define KERNEL_BASE 0xffffffff80000000ull     /* the kernel image, physical 0 + this */
#define USER_TOP 0x00007ffffffff000ull        /* first address that programs cannot have */

struct memobj;
struct account;

enum page_flag {
	PAGE_FLAG_SLAB = 1, PAGE_FLAG_DIRTY = 2, PAGE_FLAG_ACTIVE = 4, PAGE_FLAG_PINNED = 8, PAGE_FLAG_WRITEBACK = 16,
	PAGE_FLAG_FREE = 32,     /* head of a free buddy block */
	PAGE_FLAG_CACHED = 64,   /* on the reclaim clock */
	PAGE_FLAG_KERNEL = 128,  /* not a user or cache page (statistics) */
	PAGE_FLAG_ANON = 256,    /* counted as anonymous user memory */
};
/* Locks: [a] atomic, [o] the owning memobj's index lock, [m] private to mm. */
struct page {
	u32 refs;            /* [a] mappings + memobj index + temporary holders */
	u16 flags;           /* [o] */
	u8 order;            /* [m] */
	u8 slab_shift;       /* [m] */
	union {
		struct memobj *obj;      /* [o] page-cache owner, NULL for anonymous */
		struct slab_cache *slab; /* [m] */
	};
	union {
		u64 index;          /* [o] page index in obj */
		void *free_objects; /* [m] slab: first free object */
	};
	struct list_node lru; /* [m] free list, slab list or clock */
	union {
		struct account *account; /* [m] who is charged */
		u64 slab_used;           /* [m] objects handed out */
	};
};

/* ALLOC_USER fails at the low mark and may reclaim page cache first, so no spinlock may be held. Others go deeper
 * and never reclaim; neither do services stop at the mark. */
enum alloc_flags { ALLOC_ZERO = 1, ALLOC_USER = 2 };
struct page *page_alloc(u32 flags);                  /* one frame, refs = 1; NULL when out of memory */
struct page *page_alloc_order(u32 order, u32 flags); /* 2^order contiguous frames, refs of the first = 1 */
static inline void page_get(struct page *p) { __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED); }
void page_put(struct page *p);                       /* frees at zero */
void page_free_order(struct page *p, u32 order);
/* A charged anonymous page (ALLOC_USER); NULL when out of memory or over the account's limit. */
struct page *page_alloc_user(struct account *account, bool zero);
struct page *phys_to_page(phys_t pa);                /* NULL when pa is not RAM */
phys_t page_to_phys(const struct page *p);
static inline void *phys_to_virt(phys_t pa) { return (void *)(DIRECT_MAP_BASE + pa); }
static inline void *page_va(const struct page *p) { return phys_to_virt(page_to_phys(p)); }
phys_t virt_to_phys(const void *direct_map_va);

/* One-page primitives; 64-bit loops, or rep stos/movs where CPUID says ERMS. */
void page_clear(void *va);
void page_copy(void *dst, const void *src);

struct boot_info;
u64 mm_total_pages(void);
void mm_init(const struct boot_info *info);        /* boot CPU, once, before anything allocates */
/* Makes [pa, pa + size) reachable through phys_to_virt (NVDIMM, high memory). Harmless where it is already. */
void direct_map_add(phys_t pa, u64 size);

struct mm_stats { u64 total_pages, free_pages, kernel_pages, anon_pages, cache_pages, slab_pages, pagetable_pages; };
void mm_stats_read(struct mm_stats *out);

/* Heap: any size up to 4 MiB, 16-byte aligned, never zeroed unless kzalloc. NULL when out of memory. */
void *kmalloc(size_t size);
void *kzalloc(size_t size);
void kfree(void *p); /* NULL is fine */

/* Object caches for hot fixed-size objects. */
struct slab_cache;
struct slab_cache *slab_create(const char *name, size_t size, size_t align);
void *slab_alloc(struct slab_cache *c);  /* not zeroed */
void slab_free(struct slab_cache *c, void *obj);

#define KERNEL_STACK_SIZE 16384
void *kernel_stack_alloc(void);          /* lowest address; guard page below */
void kernel_stack_free(void *stack);
void *mmio_map(phys_t pa, u64 size, bool uncached); /* never unmapped */

/* Who pays: a process group of memory, a mount, a service. Charging fails with ERR_NOMEM at the limit.
 * A live account holds one page of bias on itself; it is freed when its references and its pages are gone. */
struct account {
	u64 pages;       /* [a] */
	u64 limit_pages; /* UINT64_MAX = none */
	struct account *parent; /* pays as well; NULL = none. Lives for ever (one per kind of memory) */
	u32 refs;        /* [a] */
};
struct account *account_create(u64 limit_pages, struct account *parent); /* refs 1; NULL = no memory */
u64 account_left(const struct account *a);           /* pages that may still be charged, parents seen */
/* Working memory of services, granted whole: what is unused of it is kept from programs. */
void pool_reserve(u64 pages);                        /* once for each service */
void account_use_pool(struct account *a, u64 pages); /* of an instance that has not started */
void memory_hunter_start(void);                      /* once threads run */
bool memory_admit_program(void);                     /* waits for room for one more program; false: there is none. Sleeps */
static inline void account_get(struct account *a) { if (a) __atomic_add_fetch(&a->refs, 1, __ATOMIC_RELAXED); }
void account_put(struct account *a);                 /* NULL is fine */
static inline u64 account_pages(const struct account *a) { return a->pages - 1; }
status_t account_charge(struct account *a, u64 pages) MUST_CHECK;
void account_charge_always(struct account *a, u64 pages); /* kernel objects with a limit of their own: past the limit, too */
void account_uncharge(struct account *a, u64 pages);

/* memcpy/memset/memcmp/... are in lib/base/string.h; chosen by CPUID at boot (rep movs only with ERMS). */

#endif
