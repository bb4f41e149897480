// SPDX-License-Identifier: MIT
/* Frame allocator: a buddy for orders 0..MAX_ORDER under one lock, and a stack of single frames per CPU in
 * front of it (the kernel runs with interrupts off, so the stack needs no guard).
 * Entry points: page_alloc, page_alloc_order, page_put, page_free_order, phys_to_page, page_to_phys.
 * Invariants: 1. a block on free list k has PAGE_FLAG_FREE and order k on its head page and on no other;
 * 2. free_frames counts the frames on the lists only (per-CPU stacks hold at most CACHE_SIZE each);
 * 3. user allocations leave reserve_frames to the kernel, and to the services what is unused of their pools. */
#include "frame.h"
#include "boot_info.h"
#include "process.h"
#include "spinlock.h"
#include "string.h"

#define CACHE_SIZE 64   /* frames per CPU: a 4 KiB-touching loop takes the lock once in CACHE_BATCH pages */
#define CACHE_BATCH 32
#define MAX_SEGMENTS 8  /* RAM ranges separated by holes; q35 has two or three */
#define RESERVE_DIVISOR 64 /* 1/64 of RAM stays for kernel and services */
#define RESERVE_MAX_FRAMES 8192

struct frame_cache {
	u32 count;
	struct page *pages[CACHE_SIZE];
};
struct segment {
	u64 first_pfn, frame_count;
	struct page *pages;
};

static struct segment segments[MAX_SEGMENTS];
static u32 segment_count;
static struct spinlock buddy_lock = SPINLOCK_INIT(RANK_FRAME);
static struct list_node free_lists[MAX_ORDER + 1];
static struct frame_cache caches[MAX_CPUS];
static u64 total_frames, free_frames, reserve_frames;
u64 stat_anon_pages, stat_cache_pages, stat_slab_pages, stat_pagetable_pages, stat_kernel_pages;

struct page *phys_to_page(phys_t pa)
{
	u64 pfn = pa >> PAGE_SHIFT;
	for (u32 i = 0; i < segment_count; i++)
		if (pfn - segments[i].first_pfn < segments[i].frame_count)
			return segments[i].pages + (pfn - segments[i].first_pfn);
	return NULL;
}

static struct segment *segment_of(const struct page *p)
{
	for (u32 i = 0; i < segment_count; i++)
		if (p >= segments[i].pages && p < segments[i].pages + segments[i].frame_count)
			return &segments[i];
	panic("not a page: %p", (const void *)p);
}

phys_t page_to_phys(const struct page *p)
{
	const struct segment *s = &segments[0];
	if (unlikely(p < s->pages || p >= s->pages + s->frame_count))
		s = segment_of(p);
	return (s->first_pfn + (u64)(p - s->pages)) << PAGE_SHIFT;
}

phys_t virt_to_phys(const void *va)
{
	u64 a = (u64)va;
	return a >= KERNEL_BASE ? a - KERNEL_BASE : a - DIRECT_MAP_BASE;
}

/* ---- buddy ---- */

static void block_link(struct page *p, u32 order)
{
	p->flags = PAGE_FLAG_FREE;
	p->order = (u8)order;
	list_push_front(&free_lists[order], &p->lru);
	free_frames += 1ull << order;
}

static void block_unlink(struct page *p)
{
	list_remove(&p->lru);
	p->flags = 0;
	free_frames -= 1ull << p->order;
}

static void buddy_free_locked(struct page *p, u32 order)
{
	struct segment *s = segment_of(p);
	u64 pfn = s->first_pfn + (u64)(p - s->pages);
	while (order < MAX_ORDER) {
		u64 buddy_pfn = pfn ^ (1ull << order);
		if (buddy_pfn - s->first_pfn >= s->frame_count)
			break;
		struct page *buddy = s->pages + (buddy_pfn - s->first_pfn);
		if (!(buddy->flags & PAGE_FLAG_FREE) || buddy->order != order)
			break;
		block_unlink(buddy);
		pfn &= ~(1ull << order);
		order++;
	}
	block_link(s->pages + (pfn - s->first_pfn), order);
}

static struct page *buddy_alloc_locked(u32 order)
{
	u32 k = order;
	while (k <= MAX_ORDER && list_empty(&free_lists[k]))
		k++;
	if (k > MAX_ORDER)
		return NULL;
	struct page *p = list_first(&free_lists[k], struct page, lru);
	block_unlink(p);
	while (k > order) {
		k--;
		block_link(p + (1ull << k), k);
	}
	p->order = (u8)order;
	return p;
}

/* ---- per-CPU stacks ---- */

/* Services go on when programs must wait: their own memory and what they make the kernel allocate. */
static bool for_service(void)
{
	struct thread *t = thread_current();
	return t && t->process && (t->process->flags & PROC_SERVICE);
}

static bool below_reserve(u32 flags, u64 frames)
{
	return (flags & ALLOC_USER) && free_frames < reserve_frames + pools_unused() + frames && !for_service();
}

bool frames_above_reserve(u64 frames) { return !below_reserve(ALLOC_USER, frames); }

static struct page *alloc_slow(struct frame_cache *c, u32 flags)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		spin_lock(&buddy_lock);
		if (!below_reserve(flags, 1)) {
			while (c->count < CACHE_BATCH) {
				struct page *p = buddy_alloc_locked(0);
				if (!p)
					break;
				c->pages[c->count++] = p;
			}
		}
		spin_unlock(&buddy_lock);
		if (c->count)
			return c->pages[--c->count];
		if (!(flags & ALLOC_USER) || !reclaim_pages(CACHE_BATCH))
			break;
	}
	return NULL;
}

static void cache_drain(struct frame_cache *c)
{
	spin_lock(&buddy_lock);
	/* The oldest half goes: the newest frames are warm. */
	for (u32 i = 0; i < CACHE_BATCH; i++)
		buddy_free_locked(c->pages[i], 0);
	spin_unlock(&buddy_lock);
	memmove(c->pages, c->pages + CACHE_BATCH, (CACHE_SIZE - CACHE_BATCH) * sizeof(c->pages[0]));
	c->count = CACHE_SIZE - CACHE_BATCH;
}

struct page *page_alloc(u32 flags)
{
	struct frame_cache *c = &caches[cpu_this()->id];
	struct page *p;
	if (likely(c->count))
		p = c->pages[--c->count];
	else if (!(p = alloc_slow(c, flags)))
		return NULL;
	p->refs = 1;
	p->flags = 0;
	p->order = 0;
	p->obj = NULL;
	p->account = NULL;
	list_init(&p->lru);
	if (flags & ALLOC_ZERO)
		page_clear(page_va(p));
	return p;
}

static void free_one(struct page *p)
{
	struct frame_cache *c = &caches[cpu_this()->id];
	if (unlikely(c->count == CACHE_SIZE))
		cache_drain(c);
	c->pages[c->count++] = p;
}

struct page *page_alloc_order(u32 order, u32 flags)
{
	if (order == 0)
		return page_alloc(flags);
	if (order > MAX_ORDER)
		return NULL;
	struct page *p = NULL;
	for (int attempt = 0; attempt < 2 && !p; attempt++) {
		spin_lock(&buddy_lock);
		if (!below_reserve(flags, 1ull << order))
			p = buddy_alloc_locked(order);
		spin_unlock(&buddy_lock);
		if (!p && (!(flags & ALLOC_USER) || !reclaim_pages(1ull << order)))
			break;
	}
	if (!p)
		return NULL;
	p->refs = 1;
	p->flags = 0;
	p->obj = NULL;
	p->account = NULL;
	list_init(&p->lru);
	if (flags & ALLOC_ZERO)
		for (u64 i = 0; i < 1ull << order; i++)
			page_clear(page_va(p + i));
	return p;
}

void page_free_order(struct page *p, u32 order)
{
	DEBUG_ASSERT(!(p->flags & PAGE_FLAG_FREE));
	if (order == 0) {
		free_one(p);
		return;
	}
	spin_lock(&buddy_lock);
	buddy_free_locked(p, order);
	spin_unlock(&buddy_lock);
}

void page_put(struct page *p)
{
	DEBUG_ASSERT(p->refs > 0);
	/* The sole owner need not pay for a locked instruction. */
	if (__atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) != 1 && __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (p->flags & PAGE_FLAG_ANON) {
		if (p->account)
			account_uncharge(p->account, 1);
		stat_add(&stat_anon_pages, -1);
	}
	page_free_order(p, p->order);
}

struct page *page_alloc_user(struct account *account, bool zero)
{
	if (account && account_charge(account, 1))
		return NULL;
	struct page *p = page_alloc(ALLOC_USER | (zero ? ALLOC_ZERO : 0));
	if (unlikely(!p)) {
		if (account)
			account_uncharge(account, 1);
		return NULL;
	}
	p->account = account;
	p->flags = PAGE_FLAG_ANON;
	stat_add(&stat_anon_pages, 1);
	return p;
}

/* ---- start ---- */

/* The page array of a segment is cut from the segment's own end. */
static void segment_add(u64 base, u64 end)
{
	ASSERT(segment_count < MAX_SEGMENTS);
	struct segment *s = &segments[segment_count++];
	s->first_pfn = base >> PAGE_SHIFT;
	s->frame_count = (end - base) >> PAGE_SHIFT;
	total_frames += s->frame_count;
}

static void free_range(u64 base, u64 end)
{
	u64 pfn = ALIGN_UP(base, PAGE_SIZE) >> PAGE_SHIFT, last = end >> PAGE_SHIFT;
	while (pfn < last) {
		u32 order = pfn ? (u32)MIN(__builtin_ctzll(pfn), MAX_ORDER) : MAX_ORDER;
		while (pfn + (1ull << order) > last)
			order--;
		buddy_free_locked(phys_to_page(pfn << PAGE_SHIFT), order);
		pfn += 1ull << order;
	}
}

/* Frees [base, end) except the reserved ranges. */
static void free_around_reserved(const struct boot_info *info, u64 base, u64 end)
{
	while (base < end) {
		u64 stop = end, next = end;
		for (u32 i = 0; i < info->reserved_count; i++) {
			u64 from = ALIGN_DOWN(info->reserved[i].base, PAGE_SIZE);
			u64 to = ALIGN_UP(info->reserved[i].base + info->reserved[i].size, PAGE_SIZE);
			if (to <= base || from >= stop)
				continue;
			stop = MAX(from, base);
			next = to;
		}
		if (stop > base)
			free_range(base, stop);
		base = stop < end ? MAX(next, stop) : end;
	}
}

/* Highest address below `end` where `size` bytes overlap no reserved range and stay within the segment. */
static u64 place_array(const struct boot_info *info, u64 base, u64 end, u64 size)
{
	u64 at = ALIGN_DOWN(end - size, PAGE_SIZE);
	for (bool moved = true; moved;) {
		moved = false;
		for (u32 i = 0; i < info->reserved_count; i++) {
			u64 from = info->reserved[i].base, to = from + info->reserved[i].size;
			if (at < to && at + size > from) {
				at = ALIGN_DOWN(from - size, PAGE_SIZE);
				moved = true;
			}
		}
	}
	if (at < base || at > end)
		panic("no room for the page array of RAM at %lx", (unsigned long)base);
	return at;
}

static void segment_start(const struct boot_info *info, u64 base, u64 end)
{
	struct segment *s = &segments[segment_count];
	u64 size = ALIGN_UP(((end - base) >> PAGE_SHIFT) * sizeof(struct page), PAGE_SIZE);
	u64 array = place_array(info, base, end, size);
	s->pages = phys_to_virt(array);
	memset(s->pages, 0, size);
	segment_add(base, end);
	free_around_reserved(info, base, array);
	free_around_reserved(info, array + size, end);
}

void frame_init(const struct boot_info *info)
{
	for (u32 i = 0; i <= MAX_ORDER; i++)
		list_init(&free_lists[i]);
	for (u32 i = 0; i < info->ram_count; i++) {
		u64 base = ALIGN_UP(info->ram[i].base, PAGE_SIZE);
		u64 end = ALIGN_DOWN(info->ram[i].base + info->ram[i].size, PAGE_SIZE);
		if (end <= base || end - base < MIB(1)) /* the scraps below 1 MiB are not worth a segment */
			continue;
		if (end > GIB(4)) /* page tables for it come from the segments before */
			direct_map_add(base, end - base);
		segment_start(info, base, end);
	}
	reserve_frames = MIN(total_frames / RESERVE_DIVISOR, RESERVE_MAX_FRAMES);
}

u64 mm_total_pages(void) { return total_frames; }

void mm_stats_read(struct mm_stats *out)
{
	u64 cached = 0;
	for (u32 i = 0; i < MAX_CPUS; i++)
		cached += caches[i].count;
	out->total_pages = total_frames;
	out->free_pages = free_frames + cached;
	out->anon_pages = stat_anon_pages;
	out->cache_pages = stat_cache_pages;
	out->slab_pages = stat_slab_pages;
	out->pagetable_pages = stat_pagetable_pages;
	out->kernel_pages = total_frames - out->free_pages - stat_anon_pages - stat_cache_pages;
}
