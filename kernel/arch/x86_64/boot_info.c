// SPDX-License-Identifier: MIT
/* Reads PVH's hvm_start_info (Xen public/arch-x86/hvm/start_info.h, version 1) into boot_info: RAM, command line,
 * modules, RSDP. Modules and the first MiB are left out of RAM; the kernel image is reserved inside it. */
#include "arch.h"
#include "string.h"

#define START_MAGIC 0x336ec578
#define MEMORY_RAM 1

struct start_info {
	u32 magic, version, flags, module_count;
	u64 modules, command_line, rsdp, memory_map;
	u32 memory_map_entries, reserved;
};
struct start_module { u64 base, size, command_line, reserved; };
struct start_memory { u64 base, size; u32 type, reserved; };

struct boot_info boot_info;

void boot_info_reserve(phys_t base, u64 size)
{
	if (boot_info.reserved_count == BOOT_RANGES_MAX)
		panic("too many reserved boot ranges");
	boot_info.reserved[boot_info.reserved_count++] = (struct boot_range){ base, size };
}

static void ram_add(u64 base, u64 end)
{
	base = ALIGN_UP(MAX(base, MIB(1)), PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	if (base >= end)
		return;
	if (boot_info.ram_count == BOOT_RANGES_MAX) {
		klog(LOG_WARN, "boot: more than %d RAM ranges, rest unused", BOOT_RANGES_MAX);
		return;
	}
	u32 at = boot_info.ram_count++;
	for (; at > 0 && boot_info.ram[at - 1].base > base; at--)
		boot_info.ram[at] = boot_info.ram[at - 1];
	boot_info.ram[at] = (struct boot_range){ base, end - base };
}

/* A module is image memory without struct page: RAM on both sides of it is kept. */
static void ram_add_around_modules(u64 base, u64 end)
{
	for (u32 i = 0; i < boot_info.module_count; i++) {
		u64 from = boot_info.modules[i].base, to = ALIGN_UP(from + boot_info.modules[i].size, PAGE_SIZE);
		if (from >= end || to <= base)
			continue;
		ram_add_around_modules(base, from);
		base = to;
	}
	if (base < end)
		ram_add(base, end);
}

void boot_info_read(phys_t pa)
{
	const struct start_info *s = phys_to_virt(pa);
	if (s->magic != START_MAGIC || s->version < 1)
		panic("boot: no PVH start info of version 1");
	boot_info.rsdp = s->rsdp;
	if (s->command_line)
		str_copy(boot_info.command_line, phys_to_virt(s->command_line), sizeof(boot_info.command_line));
	const struct start_module *m = phys_to_virt(s->modules);
	for (u32 i = 0; i < s->module_count && i < ARRAY_SIZE(boot_info.modules); i++)
		boot_info.modules[boot_info.module_count++] = (struct boot_range){ m[i].base, m[i].size };
	const struct start_memory *map = phys_to_virt(s->memory_map);
	for (u32 i = 0; i < s->memory_map_entries; i++)
		if (map[i].type == MEMORY_RAM)
			ram_add_around_modules(map[i].base, map[i].base + map[i].size);
	u64 start = (u64)kernel_image_start - KERNEL_BASE;
	boot_info_reserve(start, (u64)kernel_image_end - KERNEL_BASE - start);
}
