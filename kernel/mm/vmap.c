// SPDX-License-Identifier: MIT
/* The kernel's own mappings: direct map extension, MMIO and kernel stacks in the VMAP area.
 * Entry points: mm_init, direct_map_add, mmio_map, kernel_stack_alloc/free.
 * PML4 slots of the direct map (as far as RAM and devices go) and of VMAP are filled by vmap_init, before the
 * first address space copies the upper half; a slot filled later is not seen by spaces that exist. */
#include "boot_info.h"
#include "frame.h"
#include "pagetable.h"
#include "spinlock.h"
#include "string.h"
#include "tlb.h"
#include "usercopy.h"

#define DIRECT_MAP_SLOTS 2ull  /* 1 TiB: RAM, NVDIMM and the 64-bit PCI hole that QEMU gives */
#define VMAP_SLOTS 1ull        /* 512 GiB of stacks and MMIO */
#define LARGE_PAGE MIB(2)
#define STACK_PAGES (KERNEL_STACK_SIZE / PAGE_SIZE)
#define STACK_STRIDE (KERNEL_STACK_SIZE + PAGE_SIZE) /* one unmapped guard page below each */
#define STACKS_CACHED 96  /* 1.5 MiB: more than a busy system starts and ends at once */
#define STACKS_TRIMMED 64u /* unmapped together: one flush for them, or a thousand exits at once become a storm of flushes */
#define STACKS_BASE (VMAP_BASE + GIB(256)) /* MMIO grows from VMAP_BASE, stacks from here */

phys_t kernel_page_table;

static struct spinlock vmap_lock = SPINLOCK_INIT(RANK_PAGE_TABLE);
static u64 mmio_next = VMAP_BASE;
static u64 stack_next = STACKS_BASE;
static void *free_stacks;
static u32 free_stack_count;
static u64 free_slots;

static phys_t read_page_table_root(void)
{
	u64 cr3;
	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	return cr3 & PTE_ADDRESS;
}

static u64 *table_of(u64 entry) { return phys_to_virt(entry & PTE_ADDRESS); }

static u64 *kernel_table_below(u64 *slot)
{
	if (!(*slot & PTE_PRESENT)) {
		struct page *p = page_alloc(ALLOC_ZERO);
		if (!p)
			return NULL;
		stat_add(&stat_pagetable_pages, 1);
		*slot = page_to_phys(p) | PTE_PRESENT | PTE_WRITE;
	}
	DEBUG_ASSERT(!(*slot & PTE_LARGE));
	return table_of(*slot);
}

/* The slot of `va` at `level` (1 = 4 KiB, 2 = 2 MiB); NULL without memory or under a larger page. */
static u64 *kernel_slot(u64 va, u32 level)
{
	u64 *table = phys_to_virt(kernel_page_table);
	for (u32 l = 4; l > level; l--) {
		u64 *slot = &table[(va >> (PAGE_SHIFT + 9 * (l - 1))) & 511];
		if (l < 4 && (*slot & PTE_PRESENT) && (*slot & PTE_LARGE))
			return NULL;
		if (!(table = kernel_table_below(slot)))
			return NULL;
	}
	return &table[(va >> (PAGE_SHIFT + 9 * (level - 1))) & 511];
}

void direct_map_add(phys_t pa, u64 size)
{
	spin_lock(&vmap_lock);
	for (u64 at = ALIGN_DOWN(pa, LARGE_PAGE); at < pa + size; at += LARGE_PAGE) {
		u64 *slot = kernel_slot(DIRECT_MAP_BASE + at, 2);
		if (slot && !(*slot & PTE_PRESENT))
			*slot = at | PTE_PRESENT | PTE_WRITE | PTE_LARGE | PTE_GLOBAL | PTE_NX | PTE_ACCESSED | PTE_DIRTY;
	}
	spin_unlock(&vmap_lock);
}

static bool kernel_map_page(u64 va, phys_t pa, u64 bits)
{
	u64 *slot = kernel_slot(va, 1);
	if (!slot)
		return false;
	*slot = pa | bits | PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY;
	return true;
}

void *mmio_map(phys_t pa, u64 size, bool uncached)
{
	u64 offset = pa & PAGE_MASK, pages = (offset + size + PAGE_MASK) >> PAGE_SHIFT;
	spin_lock(&vmap_lock);
	u64 va = mmio_next;
	bool ok = mmio_next + (pages + 1) * PAGE_SIZE <= STACKS_BASE;
	for (u64 i = 0; i < pages && ok; i++)
		ok = kernel_map_page(va + i * PAGE_SIZE, (pa - offset) + i * PAGE_SIZE, uncached ? PTE_UNCACHED : 0);
	if (ok)
		mmio_next += (pages + 1) * PAGE_SIZE;
	spin_unlock(&vmap_lock);
	return ok ? (void *)(va + offset) : NULL;
}

/* ---- kernel stacks ---- */

/* Free stacks stay mapped, linked through their first word, up to STACKS_CACHED; then most of them are unmapped
 * with one flush. A slot without a stack is linked through its first page table entry (never present: the link
 * is page aligned). */
static u64 *stack_slots(u64 va) { return kernel_slot(va, 1); }

static u64 slot_take_locked(void)
{
	u64 va = free_slots;
	if (va) {
		free_slots = *stack_slots(va);
		*stack_slots(va) = 0;
		return va;
	}
	va = stack_next + PAGE_SIZE;
	stack_next += STACK_STRIDE;
	return va;
}

static void *stack_map_new(void)
{
	spin_lock(&vmap_lock);
	u64 va = slot_take_locked();
	for (u64 i = 0; i < STACK_PAGES; i++) {
		struct page *p = page_alloc(0);
		if (!p || !kernel_map_page(va + i * PAGE_SIZE, page_to_phys(p), 0)) {
			spin_unlock(&vmap_lock);
			return NULL; /* the pages mapped so far stay in this slot: out of memory is rare and the loss bounded */
		}
		p->flags |= PAGE_FLAG_KERNEL;
	}
	spin_unlock(&vmap_lock);
	stat_add(&stat_kernel_pages, STACK_PAGES);
	return (void *)va;
}

void *kernel_stack_alloc(void)
{
	spin_lock(&vmap_lock);
	void *stack = free_stacks;
	if (stack) {
		free_stacks = *(void **)stack;
		free_stack_count--;
	}
	spin_unlock(&vmap_lock);
	return stack ? stack : stack_map_new();
}

static void stacks_trim_locked(void)
{
	struct page *pages[STACKS_TRIMMED * STACK_PAGES];
	u64 vas[STACKS_TRIMMED];
	u32 count = 0;
	for (u32 i = 0; i < STACKS_TRIMMED; i++) {
		vas[i] = (u64)free_stacks;
		free_stacks = *(void **)free_stacks;
		free_stack_count--;
		for (u64 k = 0; k < STACK_PAGES; k++) {
			u64 *slot = stack_slots(vas[i] + k * PAGE_SIZE);
			pages[count++] = phys_to_page(*slot & PTE_ADDRESS);
			*slot = 0;
		}
	}
	tlb_flush_kernel(STACKS_BASE, stack_next - STACKS_BASE);
	for (u32 i = 0; i < STACKS_TRIMMED; i++) {
		*stack_slots(vas[i]) = free_slots;
		free_slots = vas[i];
	}
	while (count)
		page_put(pages[--count]);
	stat_add(&stat_kernel_pages, -(s64)(STACKS_TRIMMED * STACK_PAGES));
}

void kernel_stack_free(void *stack)
{
	if (!stack)
		return;
	spin_lock(&vmap_lock);
	*(void **)stack = free_stacks;
	free_stacks = stack;
	if (++free_stack_count > STACKS_CACHED)
		stacks_trim_locked();
	spin_unlock(&vmap_lock);
}

/* ---- start ---- */

void vmap_init(void)
{
	u64 *root = phys_to_virt(kernel_page_table);
	for (u64 i = 0; i < DIRECT_MAP_SLOTS; i++)
		if (!kernel_table_below(&root[((DIRECT_MAP_BASE >> 39) + i) & 511]))
			panic("no memory for page tables");
	for (u64 i = 0; i < VMAP_SLOTS; i++)
		if (!kernel_table_below(&root[((VMAP_BASE >> 39) + i) & 511]))
			panic("no memory for page tables");
}

void mm_init(const struct boot_info *info)
{
	kernel_page_table = read_page_table_root();
	usercopy_init();
	frame_init(info);
	vmap_init();
	slab_init();
	aspace_init();
}
