// SPDX-License-Identifier: MIT
/* From hvm_start_info (Xen PVH ABI, start_info.h) to boot_info, then the portable kernel_main. */
#include "arch.h"
#include "boot_info.h"
#include "mm.h"
#include "string.h"

struct hvm_start_info {
	u32 magic, version, flags, module_count;
	u64 modules, command_line, rsdp, memory_map;
	u32 memory_map_entries, reserved;
};
struct hvm_module { u64 base, size, command_line, reserved; };
struct hvm_memory { u64 base, size; u32 type, reserved; };
#define HVM_MAGIC 0x336ec578u
#define HVM_MEMORY_RAM 1
#define LOW_MEMORY_END 0x100000 /* BIOS data, trampoline: left alone */

struct boot_info boot_info;
extern char kernel_start[], kernel_end[];
void boot_cpu_init(void);
void kernel_main(void) NORETURN;

static void reserve(u64 base, u64 size)
{
	if (size && boot_info.reserved_count < BOOT_RANGES_MAX)
		boot_info.reserved[boot_info.reserved_count++] = (struct boot_range){ base, size };
}

static void read_memory_map(const struct hvm_start_info *s)
{
	const struct hvm_memory *m = phys_to_virt(s->memory_map);
	for (u32 i = 0; i < s->memory_map_entries && boot_info.ram_count < BOOT_RANGES_MAX; i++) {
		u64 start = ALIGN_UP(m[i].base, PAGE_SIZE), end = ALIGN_DOWN(m[i].base + m[i].size, PAGE_SIZE);
		if (m[i].type != HVM_MEMORY_RAM || end <= LOW_MEMORY_END)
			continue;
		start = MAX(start, (u64)LOW_MEMORY_END);
		boot_info.ram[boot_info.ram_count++] = (struct boot_range){ start, end - start };
	}
}

void boot_main(u32 start_info)
{
	const struct hvm_start_info *s = phys_to_virt(start_info);
	boot_cpu_init();
	serial_init();
	if (s->magic != HVM_MAGIC)
		panic("not started through PVH (magic %x)", s->magic);
	if (s->command_line)
		str_copy(boot_info.command_line, phys_to_virt(s->command_line), sizeof(boot_info.command_line));
	read_memory_map(s);
	boot_info.rsdp = s->rsdp;
	u64 kernel_phys = (u64)kernel_start - KERNEL_BASE;
	reserve(kernel_phys, (u64)kernel_end - (u64)kernel_start);
	const struct hvm_module *m = phys_to_virt(s->modules);
	for (u32 i = 0; i < s->module_count && i < ARRAY_SIZE(boot_info.modules); i++) {
		boot_info.modules[boot_info.module_count++] = (struct boot_range){ m[i].base, m[i].size };
		reserve(ALIGN_DOWN(m[i].base, PAGE_SIZE), ALIGN_UP(m[i].size + (m[i].base & PAGE_MASK), PAGE_SIZE));
	}
	kernel_main();
}
