/* SPDX-License-Identifier: MIT */
/* What the boot path (PVH or multiboot) told us, in one form. Filled by arch/x86_64 before mm_init.
 * Before mm_init the direct map must cover [0, 4 GiB) at least; mm_init adds higher RAM. */
#ifndef AMBOS_KERNEL_BOOT_INFO_H
#define AMBOS_KERNEL_BOOT_INFO_H

#include "mm.h"

#define BOOT_RANGES_MAX 32
#define BOOT_COMMAND_LINE_MAX 2048

struct boot_range { u64 base, size; };
struct boot_info {
	struct boot_range ram[BOOT_RANGES_MAX];      /* usable RAM, ascending */
	u32 ram_count;
	/* Inside RAM but taken: kernel image, early page tables, modules, AP trampoline. */
	struct boot_range reserved[BOOT_RANGES_MAX];
	u32 reserved_count;
	struct boot_range modules[4];                /* boot modules (an image given as initrd) */
	u32 module_count;
	phys_t rsdp;                                 /* 0: search */
	char command_line[BOOT_COMMAND_LINE_MAX];
};
extern struct boot_info boot_info;

#endif
