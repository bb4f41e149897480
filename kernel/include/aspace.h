/* SPDX-License-Identifier: MIT */
/* Address spaces and memory objects.
 * Private anonymous memory is plain counted pages under copy-on-write page tables; file and shared memory
 * are memobjs with a page index. A private file mapping maps the object's pages read-only and copies on write. */
#ifndef AMBOS_KERNEL_ASPACE_H
#define AMBOS_KERNEL_ASPACE_H

#include "mm.h"
#include "page_index.h"
#include "sched.h"
#include "user_ptr.h"

/* ---- memory objects ---- */
struct memobj;
struct memobj_ops {
	/* Makes page `index` present in the index (memobj_insert_page), reading ahead up to `count` pages if it
	 * likes. Called without the memobj lock; may sleep (route to a service). NULL: holes are zero pages. */
	status_t (*fill)(struct memobj *obj, u64 index, u64 count);
	/* Before the first store to a page through a mapping or memobj_write: space budget, dirty tracking.
	 * Called without the memobj lock; may sleep. NULL: always allowed. */
	status_t (*make_dirty)(struct memobj *obj, u64 index);
	/* A store through a shared mapping faulted: the file changes now. Called without index_lock; must not sleep. May be NULL. */
	void (*stored)(struct memobj *obj);
	void (*destroy)(struct memobj *obj); /* last reference gone; pages already dropped */
};
/* Locks: [l] lock, [p] index_lock (spin), [a] atomic, [I] immutable. */
struct memobj {
	u32 refs;                     /* [a] */
	u32 flags;                    /* [I] MEMOBJ_* */
	struct mutex lock;            /* size changes, truncate against fill and faults */
	struct spinlock index_lock;
	struct page_index index;      /* [p] struct page * by page number */
	u64 page_count;               /* [p] */
	u64 size;                     /* [l] bytes; faults beyond ALIGN_UP(size, page) are SIGBUS */
	phys_t backing;               /* [I] image bytes used in place, or PHYS_NONE */
	u64 backing_size;             /* [l] bytes of backing that still count (shrinks on truncate) */
	struct list_node mappings;    /* [p] struct vma by memobj_link: reverse map */
	const struct memobj_ops *ops; /* [I] may be NULL */
	void *owner;                  /* [I] the node, for ops */
	struct account *account;      /* [I] charged for index pages, may be NULL; referenced */
};
#define MEMOBJ_SHARED_ANON 1 /* tmpfs-like: pages are the only copy */
#define MEMOBJ_PHYSICAL 2    /* backing is used in place for stores too, never copied (DMA pages, device memory) */
#define MEMOBJ_UNCACHED 4    /* with MEMOBJ_PHYSICAL: mapped uncached (BARs); not readable through memobj_read */

struct memobj *memobj_create(u64 size, const struct memobj_ops *ops, void *owner); /* refs 1; NULL = no memory */
static inline void memobj_get(struct memobj *o) { __atomic_add_fetch(&o->refs, 1, __ATOMIC_RELAXED); }
void memobj_put(struct memobj *o);

enum memobj_access { MEMOBJ_READ = 0, MEMOBJ_WRITE = 1, MEMOBJ_NOFILL = 2 };
/* Finds (filling, allocating or copying from the backing as access demands) page `index`.
 * *pa is valid while the caller holds the returned *page reference (NULL page: image memory, always valid).
 * MEMOBJ_WRITE never returns backing memory. ERR_FAULT beyond the end. */
status_t memobj_get_page(struct memobj *o, u64 index, u32 access, struct page **page, phys_t *pa) MUST_CHECK;
/* For fill(): gives a page (refs taken over). ERR_EXIST when somebody was faster (caller puts its page). */
status_t memobj_insert_page(struct memobj *o, u64 index, struct page *p) MUST_CHECK;
s64 memobj_read(struct memobj *o, struct io_buf *to, u64 offset);    /* clipped to size; bytes or error */
s64 memobj_write(struct memobj *o, struct io_buf *from, u64 offset); /* extends size; bytes or error */
status_t memobj_resize(struct memobj *o, u64 size) MUST_CHECK;       /* drops pages beyond, zeroes the tail, unmaps */
void memobj_drop_clean(struct memobj *o);                            /* revoke: drop what can be filled again */
void memobj_punch(struct memobj *o, u64 offset, u64 len);
/* First byte from offset (below the size) on that is data, UINT64_MAX: none; or that is in a hole, at the latest the size. */
u64 memobj_seek(struct memobj *o, u64 offset, bool data);
bool memobj_mapped_writable(struct memobj *o);                       /* a shared mapping that may store exists */
/* Calls fn for each dirty page in order (write-back); fn may sleep. Clears the dirty mark when fn returns OK. */
typedef status_t (*dirty_fn)(struct memobj *o, u64 index, struct page *p, void *arg);
status_t memobj_for_each_dirty(struct memobj *o, dirty_fn fn, void *arg);

/* ---- address spaces ---- */
enum prot { PROT_R = 1, PROT_W = 2, PROT_X = 4 };
enum map_flags {
	MAP_F_SHARED = 1, MAP_F_FIXED = 2, MAP_F_NOREPLACE = 4, MAP_F_POPULATE = 8, MAP_F_GROWSDOWN = 16,
	MAP_F_STACK = 32, MAP_F_32BIT = 64, MAP_F_LOCKED = 128, MAP_F_NORESERVE = 256,
	MAP_F_WIPEONFORK = 512, MAP_F_DONTFORK = 1024,
	MAP_F_RESERVED = 2048,         /* NT: address space without pages; prot is 0 */
	MAP_F_GUARD = 4096,            /* NT: prot is 0 until the first access, then what MAP_GUARDED_SHIFT keeps */
	MAP_F_COPY = 8192,             /* NT: asked for as copy-on-write, whatever the view is */
};
#define MAP_GUARDED_SHIFT 16
#define MAP_F_NT (MAP_F_RESERVED | MAP_F_GUARD | MAP_F_COPY | 7u << MAP_GUARDED_SHIFT)
struct file;
struct vma {
	struct rb_node node;          /* by start */
	struct list_node memobj_link; /* memobj->mappings, when obj */
	struct aspace *as;
	u64 start, end;               /* page aligned */
	u32 prot, max_prot, flags;
	struct memobj *obj;           /* NULL: private anonymous */
	u64 offset;                   /* bytes into obj at start */
	struct file *file;            /* kept for /proc/pid/maps and share modes; may be NULL */
	const char *name;             /* "[heap]", "[stack]", "[vdso]" or NULL */
	bool has_private;             /* a private file mapping with copied pages */
};
/* Locks: [l] lock, [t] table_lock, [a] atomic. */
struct aspace {
	u32 refs;               /* [a] */
	struct mutex lock;
	struct spinlock table_lock; /* page table stores */
	struct rb_root vmas;    /* [l] */
	struct vma *vma_hint;   /* [l] last hit */
	phys_t page_table;      /* immutable: CR3 */
	u64 cpu_mask;           /* [a] CPUs that may hold translations */
	u64 brk_start, brk_end; /* [l] */
	u64 mmap_top;           /* where mmap searches downwards from */
	u64 stack_start, arg_start, arg_end, env_start, env_end; /* [l] for /proc */
	u64 code_start, code_end, data_start, data_end;          /* [l] for /proc */
	u64 mapped_pages;       /* [l] sum of vma sizes */
	u64 resident_pages;     /* [t] */
	u64 locked_pages;       /* [l] */
	u64 data_pages;         /* [l] private, writable, not a stack: RLIMIT_DATA */
	u64 limit_as_bytes, limit_data_bytes, limit_stack_bytes; /* the memory lease: copied from rlimits */
	u64 vdso_base;
	struct account *account;
	u32 root_refs;          /* [a] 1 while refs > 0, and 1 per CPU that has page_table loaded */
	struct list_node tables; /* [l] page-table pages below the root, by page.lru */
	u32 table_pages;        /* [l] */
	u32 vma_count;          /* [l] */
	u64 search_top;         /* [l] no gap above it is larger than search_hole */
	u64 search_hole;        /* [l] */
	u64 search_base;        /* [l] the mmap_top that search_top belongs to */
	u32 lock_future;        /* [l] MAP_F_LOCKED when mlockall(MCL_FUTURE) */
	u32 membarrier_registered; /* [a] */
	struct rb_root nt_regions; /* [l] allocations of a Windows process: kernel/nt/memory_region.c */
	bool nt_watched;        /* [l] set for good with the first write-watched region */
};
/* /proc/PID/smaps, in bytes; only u64. */
struct map_usage {
	u64 resident, proportional, proportional_dirty, shared_clean, shared_dirty, private_clean, private_dirty, referenced, anonymous;
};
void aspace_usage(struct aspace *as, u64 start, u64 end, struct map_usage *u); /* adds what [start, end) has in memory */
struct map_request {
	u64 va;                /* hint, or the address when MAP_F_FIXED */
	u64 size;              /* bytes, rounded up */
	u32 prot, max_prot, flags;
	struct memobj *obj;    /* NULL: anonymous (private, or shared: a fresh memobj is made) */
	u64 offset;            /* page aligned */
	struct file *file;
	const char *name;
};
struct aspace *aspace_create(struct account *account);     /* empty; who pays (NULL: nobody); NULL = no memory */
status_t aspace_fork(struct aspace *from, struct account *account, struct aspace **out) MUST_CHECK;
static inline void aspace_get(struct aspace *as) { __atomic_add_fetch(&as->refs, 1, __ATOMIC_RELAXED); }
void aspace_put(struct aspace *as);                        /* tears down at zero; not from the CPU's loaded space */
void aspace_switch(struct aspace *as);                     /* load on this CPU; NULL: the kernel's */
void aspace_root_free(struct aspace *as);                  /* root_refs fell to zero */
static inline void aspace_root_put(struct aspace *as)
{
	if (unlikely(!__atomic_sub_fetch(&as->root_refs, 1, __ATOMIC_ACQ_REL)))
		aspace_root_free(as);
}
static inline void load_page_table(phys_t pa) { __asm__ volatile("mov %0, %%cr3" : : "r"(pa) : "memory"); }
static inline void aspace_unloaded(struct aspace *old, u64 bit)
{
	__atomic_and_fetch(&old->cpu_mask, ~bit, __ATOMIC_SEQ_CST);
	aspace_root_put(old);
}
/* From `old` (or the kernel's, NULL), which is loaded. */
static inline void aspace_switch_loaded(struct cpu *c, struct aspace *old, struct aspace *as)
{
	u64 bit = BIT(c->id);
	__atomic_add_fetch(&as->root_refs, 1, __ATOMIC_RELAXED);
	__atomic_or_fetch(&as->cpu_mask, bit, __ATOMIC_SEQ_CST); /* before the load: no shootdown may miss us */
	c->aspace = as;
	load_page_table(as->page_table);
	if (likely(old))
		aspace_unloaded(old, bit);
}
status_t aspace_map(struct aspace *as, const struct map_request *r, u64 *va) MUST_CHECK;
status_t aspace_unmap(struct aspace *as, u64 va, u64 size) MUST_CHECK;
status_t aspace_protect(struct aspace *as, u64 va, u64 size, u32 prot) MUST_CHECK;
/* MREMAP_* flags; address or error. */
s64 aspace_remap(struct aspace *as, u64 va, u64 old_size, u64 new_size, u32 flags, u64 new_va);
u64 aspace_brk(struct aspace *as, u64 new_end);            /* returns the end in force, as brk(2) */
status_t aspace_advise(struct aspace *as, u64 va, u64 size, int advice);
status_t aspace_lock_pages(struct aspace *as, u64 va, u64 size, bool lock, bool populate) MUST_CHECK; /* mlock, munlock */
void aspace_lock_all(struct aspace *as, bool lock, bool populate); /* mlockall(MCL_CURRENT), munlockall */
u64 aspace_locked_bytes(struct aspace *as, u64 start, u64 end);
status_t aspace_populate(struct aspace *as, u64 va, u64 size); /* prefaults; stops at the first failure */
/* mincore: one byte per page, 1 = resident. ERR_NOMEM over a hole. */
status_t aspace_resident(struct aspace *as, u64 va, u64 pages, u8 *out) MUST_CHECK;
/* msync: the next file mapped shared at or after *at (referenced, or NULL at the end); *at moves behind it. */
struct file *aspace_shared_file(struct aspace *as, u64 *at, u64 end, bool *hole, bool *locked);
u64 aspace_random_stack_top(void);                             /* ASLR: page-aligned, below USER_TOP */
enum fault_access { FAULT_READ = 0, FAULT_WRITE = 1, FAULT_EXEC = 2 };
/* Resolves a user fault on the current thread's space. OK: retry. ERR_FAULT: SIGSEGV (*code SEGV_MAPERR 1 or
 * SEGV_ACCERR 2). ERR_IO: SIGBUS. ERR_NOMEM: out of memory. May sleep. */
status_t aspace_fault(struct aspace *as, u64 va, u32 access, int *code);
/* Cross-process access: bytes moved or error; as need not be current. */
s64 aspace_read_bytes(struct aspace *as, u64 va, void *buf, size_t size);
s64 aspace_write_bytes(struct aspace *as, u64 va, const void *buf, size_t size);
s64 aspace_force_bytes(struct aspace *as, u64 va, void *buf, size_t size, bool write); /* past the mapping's rights */
struct vma *aspace_find_vma_locked(struct aspace *as, u64 va); /* containing or next above */
/* Identity of a futex word: (memobj, offset) when shared, (aspace, va) when private. */
status_t aspace_futex_key(struct aspace *as, u64 va, u64 *key_a, u64 *key_b);

#endif
