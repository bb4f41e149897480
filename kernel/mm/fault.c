// SPDX-License-Identifier: MIT
/* Page faults and access to another space's memory.
 * Entry points: aspace_fault (trap handler, user copies), aspace_populate, aspace_read_bytes/write_bytes.
 * Private anonymous: a read maps the shared zero page, a write takes a fresh page; a page with one reference
 * is ours to write, one with more is copied. Objects: the entry is stored under index_lock, after the page was
 * looked up and the size checked, so truncation (which removes pages and unmaps under the same lock) leaves no
 * stale entry. Whatever may sleep (filling, dirty budget) runs with as->lock dropped; the fault then restarts. */
#include "frame.h"
#include "map.h"
#include "process.h"
#include "string.h"
#include "tlb.h"

#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define FAULT_AROUND_PAGES 16ull /* 64 KiB: a file's neighbours are mapped with it when they are present */

static inline u64 pte_for(phys_t pa, u32 prot, u64 extra) { return pa | pte_bits(prot) | extra; }

/* Stores a fresh entry; table_lock is taken here. */
static void install(struct aspace *as, u64 *slot, u64 va, u64 pte)
{
	spin_lock(&as->table_lock);
	u64 old = __atomic_exchange_n(slot, pte, __ATOMIC_RELAXED);
	if (!(old & PTE_HELD) || (old & PTE_ADDRESS) == zero_page_pa)
		as->resident_pages++;
	spin_unlock(&as->table_lock);
	if (!(old & PTE_HELD))
		return;
	if (old & PTE_ACCESSED)
		tlb_flush_range(as, va, PAGE_SIZE);
	if (old & PTE_COUNTED)
		page_put(phys_to_page(old & PTE_ADDRESS));
}

/* ---- private pages ---- */

static bool sole_private_page(u64 pte)
{
	if (!(pte & PTE_COUNTED))
		return false;
	struct page *p = phys_to_page(pte & PTE_ADDRESS);
	return !p->obj && __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) == 1;
}

static void make_writable(struct aspace *as, struct vma *v, u64 *slot)
{
	spin_lock(&as->table_lock);
	u64 pte = *slot;
	if (pte & PTE_HELD)
		*slot = (pte & (PTE_ADDRESS | PTE_COUNTED)) | pte_bits(v->prot) | PTE_ACCESSED | PTE_DIRTY;
	spin_unlock(&as->table_lock);
}

/* Gives `slot` a private copy of the page at `from` (0: zeros). */
static status_t install_private(struct aspace *as, struct vma *v, u64 va, u64 *slot, const void *from)
{
	struct page *p = page_alloc_user(as->account, !from);
	if (!p)
		return ERR_NOMEM;
	phys_t pa = page_to_phys(p);
	if (from)
		page_copy(phys_to_virt(pa), from);
	install(as, slot, va, pte_for(pa, v->prot, PTE_COUNTED | PTE_ACCESSED | PTE_DIRTY));
	return OK;
}

static status_t fault_anonymous(struct aspace *as, struct vma *v, u64 va, u64 *slot, u32 access)
{
	u64 pte = *slot;
	if (access != FAULT_WRITE) {
		if (!(pte & PTE_HELD)) {
			spin_lock(&as->table_lock);
			*slot = pte_for(zero_page_pa, v->prot & ~(u32)PROT_W, PTE_ACCESSED);
			spin_unlock(&as->table_lock);
		}
		return OK;
	}
	if (!(pte & PTE_HELD) || (pte & PTE_ADDRESS) == zero_page_pa)
		return install_private(as, v, va, slot, NULL);
	if (pte & PTE_WRITE)
		return OK; /* another thread was faster, or a stale translation */
	if (sole_private_page(pte)) {
		make_writable(as, v, slot);
		return OK;
	}
	return install_private(as, v, va, slot, phys_to_virt(pte & PTE_ADDRESS));
}

/* ---- object pages ---- */

static u64 object_index(const struct vma *v, u64 va) { return (v->offset + (va - v->start)) >> PAGE_SHIFT; }

/* The entry for page `index` without write permission unless stores need no tracking; 0: not at hand.
 * index_lock held. A counted entry has taken its reference. */
static u64 object_entry_locked(struct vma *v, u64 index, bool write)
{
	struct memobj *o = v->obj;
	u32 prot = v->prot;
	struct page *p = memobj_lookup_locked(o, index);
	if (!p) {
		if (o->flags & MEMOBJ_PHYSICAL)
			return pte_for(o->backing + (index << PAGE_SHIFT), prot, o->flags & MEMOBJ_UNCACHED ? PTE_UNCACHED : 0);
		if (write || !memobj_in_backing(o, index))
			return 0;
		return pte_for(o->backing + (index << PAGE_SHIFT), prot & ~(u32)PROT_W, 0);
	}
	bool tracked = o->ops && o->ops->make_dirty && !(p->flags & PAGE_FLAG_DIRTY);
	if (write && tracked)
		return 0;
	if (tracked || !(v->flags & MAP_F_SHARED))
		prot &= ~(u32)PROT_W;
	page_get(p);
	p->flags |= PAGE_FLAG_ACTIVE;
	return pte_for(page_to_phys(p), prot, PTE_COUNTED);
}

/* Maps present neighbours of a read fault; index_lock and table_lock held. */
static void fault_around_locked(struct aspace *as, struct vma *v, u64 va, u64 *slot)
{
	u64 window = ALIGN_DOWN(va, FAULT_AROUND_PAGES * PAGE_SIZE);
	u64 from = MAX(v->start, window), to = MIN(v->end, window + FAULT_AROUND_PAGES * PAGE_SIZE);
	u64 *at = slot - ((va - from) >> PAGE_SHIFT); /* the window never leaves one table */
	u64 limit = ALIGN_UP(v->obj->size, PAGE_SIZE);
	for (; from < to; from += PAGE_SIZE, at++) {
		u64 index = object_index(v, from);
		if ((*at & PTE_HELD) || (index << PAGE_SHIFT) >= limit)
			continue;
		u64 pte = object_entry_locked(v, index, false);
		if (!pte)
			continue;
		*at = pte;
		as->resident_pages++;
	}
}

/* Fast part: the page is at hand. ERR_AGAIN: it is not. */
static status_t map_object_page(struct aspace *as, struct vma *v, u64 va, u64 *slot, bool write)
{
	struct memobj *o = v->obj;
	u64 index = object_index(v, va), old = 0;
	status_t st = OK;
	spin_lock(&o->index_lock);
	if ((index << PAGE_SHIFT) >= ALIGN_UP(o->size, PAGE_SIZE)) {
		spin_unlock(&o->index_lock);
		return ERR_IO;
	}
	u64 pte = object_entry_locked(v, index, write);
	if (!pte) {
		st = ERR_AGAIN;
	} else {
		spin_lock(&as->table_lock);
		old = __atomic_exchange_n(slot, pte | PTE_ACCESSED | (write ? PTE_DIRTY : 0), __ATOMIC_RELAXED);
		if (!(old & PTE_HELD))
			as->resident_pages++;
		if (!write)
			fault_around_locked(as, v, va, slot);
		spin_unlock(&as->table_lock);
	}
	spin_unlock(&o->index_lock);
	if (!(old & PTE_HELD))
		return st;
	if ((old & PTE_ADDRESS) != (pte & PTE_ADDRESS) && (old & PTE_ACCESSED))
		tlb_flush_range(as, va, PAGE_SIZE);
	if (old & PTE_COUNTED)
		page_put(phys_to_page(old & PTE_ADDRESS));
	return st;
}

/* Slow part: makes the page present (and dirty) with as->lock dropped. */
static status_t fill_unlocked(struct aspace *as, struct vma *v, u64 va, u32 access)
{
	struct memobj *o = v->obj;
	u64 index = object_index(v, va);
	struct page *p = NULL;
	phys_t pa;
	memobj_get(o);
	mutex_unlock(&as->lock);
	status_t st = memobj_get_page(o, index, access, &p, &pa);
	if (!st && p)
		page_put(p);
	memobj_put(o);
	mutex_lock(&as->lock);
	if (st == ERR_FAULT)
		return ERR_IO; /* beyond the end: SIGBUS */
	return st ? st : ERR_AGAIN;
}

static status_t fault_private_write(struct aspace *as, struct vma *v, u64 va, u64 *slot)
{
	u64 pte = *slot;
	if (pte & PTE_HELD) {
		bool private_page = (pte & PTE_COUNTED) && !phys_to_page(pte & PTE_ADDRESS)->obj;
		if (private_page && (pte & PTE_WRITE))
			return OK;
		if (private_page && sole_private_page(pte)) {
			make_writable(as, v, slot);
			return OK;
		}
	} else {
		status_t st = map_object_page(as, v, va, slot, false);
		if (st == ERR_AGAIN)
			return fill_unlocked(as, v, va, MEMOBJ_READ);
		if (st)
			return st;
	}
	/* Hold the source: truncation may unmap it at any time. */
	spin_lock(&as->table_lock);
	pte = *slot;
	struct page *source = pte & PTE_COUNTED ? phys_to_page(pte & PTE_ADDRESS) : NULL;
	if (source)
		page_get(source);
	spin_unlock(&as->table_lock);
	if (!(pte & PTE_HELD))
		return ERR_AGAIN;
	v->has_private = true;
	status_t st = install_private(as, v, va, slot, phys_to_virt(pte & PTE_ADDRESS));
	if (source)
		page_put(source);
	return st;
}

static status_t fault_object(struct aspace *as, struct vma *v, u64 va, u64 *slot, u32 access)
{
	bool write = access == FAULT_WRITE;
	if (write && !(v->flags & MAP_F_SHARED))
		return fault_private_write(as, v, va, slot);
	u64 pte = *slot;
	if ((pte & PTE_HELD) && (!write || (pte & PTE_WRITE)))
		return OK;
	status_t st = map_object_page(as, v, va, slot, write);
	if (st == ERR_AGAIN)
		return fill_unlocked(as, v, va, write ? MEMOBJ_WRITE : MEMOBJ_READ);
	if (write && !st && v->obj->ops && v->obj->ops->stored)
		v->obj->ops->stored(v->obj);
	return st;
}

/* ---- the fault ---- */

status_t fault_page(struct aspace *as, struct vma *v, u64 va, u32 access)
{
	va = ALIGN_DOWN(va, PAGE_SIZE);
	u64 *slot = pt_slot_alloc(as, va);
	if (!slot)
		return ERR_NOMEM;
	return v->obj ? fault_object(as, v, va, slot, access) : fault_anonymous(as, v, va, slot, access);
}

/* mmap(2) MAP_GROWSDOWN, getrlimit(2) RLIMIT_STACK: downwards to the limit, never into the guard gap. */
bool stack_grow(struct aspace *as, struct vma *v, u64 va)
{
	u64 start = ALIGN_DOWN(va, PAGE_SIZE);
	struct vma *below = vma_prev(v);
	if (!(v->flags & MAP_F_GROWSDOWN) || start < MMAP_MIN_ADDRESS || v->end - start > as->limit_stack_bytes)
		return false;
	if (below && below->prot && start < below->end + STACK_GUARD_GAP)
		return false;
	if (below && start < below->end)
		return false;
	u64 pages = (v->start - start) >> PAGE_SHIFT;
	if (!map_limit_ok(as, pages))
		return false;
	account_vma(as, v, (s64)pages);
	vma_set_range(v, start, v->end);
	return true;
}

static bool access_allowed(const struct vma *v, u32 access)
{
	if (access == FAULT_WRITE)
		return v->prot & PROT_W;
	if (access == FAULT_EXEC)
		return v->prot & PROT_X;
	return v->prot & (PROT_R | PROT_W | PROT_X); /* page tables cannot express write-only or execute-only */
}

status_t fault_locked(struct aspace *as, u64 va, u32 access, int *code)
{
	status_t st;
	do {
		struct vma *v = aspace_find_vma_locked(as, va);
		if (!v || (va < v->start && !stack_grow(as, v, va))) {
			*code = SEGV_MAPERR;
			return ERR_FAULT;
		}
		if (!access_allowed(v, access)) {
			*code = SEGV_ACCERR;
			return ERR_FAULT;
		}
		st = fault_page(as, v, va, access);
	} while (st == ERR_AGAIN);
	return st;
}

/* A space that has used up its own account (a service its pool) has nothing to wait for: its own fault, SIGBUS. */
static bool account_is_full(const struct aspace *as)
{
	if (!as->account || account_left(as->account))
		return false;
	klog(LOG_ERROR, "%s uses more than its pool of %llu KiB", thread_current()->name,
	     (unsigned long long)as->account->limit_pages * (PAGE_SIZE / 1024));
	return true;
}

status_t aspace_fault(struct aspace *as, u64 va, u32 access, int *code)
{
	if (va >= USER_TOP) {
		*code = SEGV_MAPERR;
		return ERR_FAULT;
	}
	for (u32 attempt = 0;; attempt++) {
		mutex_lock(&as->lock);
		status_t st = fault_locked(as, va, access, code);
		mutex_unlock(&as->lock);
		if (st == ERR_NOMEM && account_is_full(as))
			return ERR_IO;
		if (st == ERR_NOMEM && memory_wait(attempt))
			continue;
		if (!st && thread_current()->process)
			thread_current()->process->minor_faults++;
		return st;
	}
}

/* ---- prefault ---- */

static bool resolved(struct aspace *as, u64 va, bool write)
{
	u64 *slot = pt_slot(as, va);
	return slot && (*slot & PTE_PRESENT) && (!write || (*slot & PTE_WRITE));
}

status_t aspace_populate(struct aspace *as, u64 va, u64 size)
{
	u64 end = ALIGN_UP(va + size, PAGE_SIZE);
	status_t st = OK;
	int code;
	mutex_lock(&as->lock);
	for (u64 at = ALIGN_DOWN(va, PAGE_SIZE); at < end && !st; at += PAGE_SIZE) {
		struct vma *v = aspace_find_vma_locked(as, at);
		if (!v || v->start > at) {
			st = ERR_NOMEM;
			break;
		}
		if (!v->prot) {
			at = v->end - PAGE_SIZE;
			continue;
		}
		bool write = (v->prot & PROT_W) && !(v->flags & MAP_F_SHARED);
		if (!resolved(as, at, write))
			st = fault_locked(as, at, write ? FAULT_WRITE : FAULT_READ, &code);
		if (cpu_this()->need_resched) {
			mutex_unlock(&as->lock);
			preempt_point();
			mutex_lock(&as->lock);
		}
	}
	mutex_unlock(&as->lock);
	return st;
}

/* ---- another space's bytes ---- */

/* As ptrace(2) reaches memory: whatever the mapping's rights; a store into a private one goes to a copy. */
static status_t fault_forced(struct aspace *as, u64 va, u32 access)
{
	status_t st;
	do {
		struct vma *v = aspace_find_vma_locked(as, va);
		if (!v || va < v->start || (access == FAULT_WRITE && !(v->prot & PROT_W) && (v->flags & MAP_F_SHARED)))
			return ERR_FAULT;
		st = fault_page(as, v, va, access);
	} while (st == ERR_AGAIN);
	return st;
}

static s64 access_bytes(struct aspace *as, u64 va, void *buf, size_t size, bool write, bool force)
{
	u32 access = write ? FAULT_WRITE : FAULT_READ;
	size_t done = 0;
	int code;
	mutex_lock(&as->lock);
	while (done < size && va < USER_TOP) {
		size_t n = MIN(size - done, PAGE_SIZE - (va & PAGE_MASK));
		struct vma *v = aspace_find_vma_locked(as, va);
		bool allowed = v && va >= v->start && access_allowed(v, access);
		if ((!allowed || !resolved(as, va, write)) && (force ? fault_forced(as, va, access) : fault_locked(as, va, access, &code)))
			break;
		spin_lock(&as->table_lock);
		u64 *slot = pt_slot(as, va);
		u64 pte = slot ? *slot : 0;
		if (write && (pte & PTE_HELD))
			__atomic_or_fetch(slot, PTE_DIRTY, __ATOMIC_RELAXED); /* what NT's write watch looks at */
		struct page *p = pte & PTE_COUNTED ? phys_to_page(pte & PTE_ADDRESS) : NULL;
		if (p)
			page_get(p);
		spin_unlock(&as->table_lock);
		if (!(pte & PTE_HELD) || (!force && !(pte & PTE_PRESENT)))
			continue; /* truncated meanwhile: the next round finds out */
		char *memory = (char *)phys_to_virt(pte & PTE_ADDRESS) + (va & PAGE_MASK);
		memcpy(write ? memory : (char *)buf + done, write ? (char *)buf + done : memory, n);
		if (p)
			page_put(p);
		done += n;
		va += n;
	}
	mutex_unlock(&as->lock);
	return done || !size ? (s64)done : ERR_FAULT;
}

s64 aspace_read_bytes(struct aspace *as, u64 va, void *buf, size_t size)
{
	return access_bytes(as, va, buf, size, false, false);
}

s64 aspace_write_bytes(struct aspace *as, u64 va, const void *buf, size_t size)
{
	return access_bytes(as, va, (void *)buf, size, true, false);
}

s64 aspace_force_bytes(struct aspace *as, u64 va, void *buf, size_t size, bool write)
{
	return access_bytes(as, va, buf, size, write, true);
}
