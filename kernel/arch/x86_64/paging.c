// SPDX-License-Identifier: MIT
/* The final kernel page tables: image with W^X, direct map of the first 4 GiB and all RAM (never executable; the
 * image's text and constants read-only there too), fixed device pages. mm adds high memory, VMAP and MMIO.
 * Tables come from the bytes after the image and are reserved in boot_info. */
#include "arch.h"
#include "string.h"

#define FIXMAP_BASE (KERNEL_BASE + 0x3fe00000ull)
#define KERNEL_RW (PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | 0x60 /* accessed, dirty */)
#define LARGE_PAGE MIB(2)

static u64 *root;
static phys_t early_next;

static phys_t early_page(void)
{
	phys_t pa = early_next;
	early_next += PAGE_SIZE;
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

/* The slot for `va` at `level`: 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB. */
static u64 *slot_of(u64 va, u32 level)
{
	u64 *table = root;
	for (u32 l = 4; l > level; l--) {
		u64 *slot = &table[(va >> (PAGE_SHIFT + 9 * (l - 1))) & 511];
		if (!*slot)
			*slot = early_page() | PTE_PRESENT | PTE_WRITE;
		table = phys_to_virt(*slot & PTE_ADDRESS);
	}
	return &table[(va >> (PAGE_SHIFT + 9 * (level - 1))) & 511];
}

static void map_image(const u8 *start, const u8 *end, u64 bits)
{
	for (u64 va = (u64)start; va < (u64)end; va += PAGE_SIZE)
		*slot_of(va, 1) = (va - KERNEL_BASE) | bits;
}

/* Text and constants must not be writable through their second address either. */
static void map_direct_small(u64 base)
{
	u64 from = (u64)kernel_text_start - KERNEL_BASE, to = (u64)kernel_rodata_end - KERNEL_BASE;
	for (u64 pa = base; pa < base + LARGE_PAGE; pa += PAGE_SIZE)
		*slot_of(DIRECT_MAP_BASE + pa, 1) = pa | PTE_NX | (KERNEL_RW & ~(pa >= from && pa < to ? PTE_WRITE : 0));
}

static void map_direct(u64 base, u64 end)
{
	u64 from = (u64)kernel_text_start - KERNEL_BASE, to = (u64)kernel_rodata_end - KERNEL_BASE;
	for (u64 pa = base; pa < end; pa += LARGE_PAGE) {
		if (cpu_features.gib_pages && pa >= GIB(1) && IS_ALIGNED(pa, GIB(1)) && end - pa >= GIB(1)) {
			*slot_of(DIRECT_MAP_BASE + pa, 3) = pa | PTE_LARGE | PTE_NX | KERNEL_RW;
			pa += GIB(1) - LARGE_PAGE;
		} else if (pa < to && pa + LARGE_PAGE > from) {
			map_direct_small(pa);
		} else {
			*slot_of(DIRECT_MAP_BASE + pa, 2) = pa | PTE_LARGE | PTE_NX | KERNEL_RW;
		}
	}
}

void *fixmap_mmio(u32 slot, phys_t pa)
{
	u64 va = FIXMAP_BASE + slot * PAGE_SIZE;
	*slot_of(va, 1) = pa | KERNEL_RW | PTE_NX | PTE_UNCACHED | PTE_WRITE_THROUGH;
	return (void *)va;
}

void paging_init(void)
{
	early_next = (u64)kernel_image_end - KERNEL_BASE;
	phys_t first = early_next;
	phys_t root_pa = early_page();
	root = phys_to_virt(root_pa);
	map_image(kernel_text_start, kernel_text_end, PTE_PRESENT | PTE_GLOBAL);
	map_image(kernel_text_end, kernel_rodata_end, PTE_PRESENT | PTE_GLOBAL | PTE_NX);
	map_image(kernel_rodata_end, kernel_data_end, KERNEL_RW | PTE_NX);
	map_image(kernel_data_end, kernel_image_end, PTE_PRESENT | PTE_GLOBAL | PTE_NX);
	map_direct(0, GIB(4));
	fixmap_mmio(FIXMAP_LAPIC, platform.lapic_phys);
	fixmap_mmio(FIXMAP_IOAPIC, platform.ioapic_phys);
	boot_info_reserve(first, early_next - first);
	ap_page_table = root_pa;
	WRITE_CR(3, root_pa);
}
