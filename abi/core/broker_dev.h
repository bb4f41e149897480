/* SPDX-License-Identifier: MIT */
/* SYS_AMBOS_DEV_BROKER: devices for driver services (operation, struct pointer, struct size).
 * Needs capability DEV. PCI functions are named by `address` (bus << 8 | device << 3 | function). The first service
 * that claims a function owns it for the life of the machine: a new instance of the same service finds claim, DMA
 * regions and interrupts as they were. Bus mastering is on only after DEV_CLAIM with DEV_BUS_MASTER.
 * Each struct is read and written back; unknown operations and sizes are refused with INVAL. */
#ifndef AMBOS_CORE_BROKER_DEV_H
#define AMBOS_CORE_BROKER_DEV_H

#include "../../lib/base/base.h"

enum dev_op {
	DEV_ENUMERATE = 1,   /* struct dev_function: in `index`; NOENT past the last */
	DEV_CLAIM = 2,       /* struct dev_claim. BUSY: another service has it */
	DEV_CONFIG_READ = 3, /* struct dev_config: 1, 2 or 4 bytes, aligned, any register */
	DEV_MAP_BAR = 4,     /* struct dev_map: uncached, read-write */
	DEV_DMA = 5,         /* struct dev_dma: find or allocate pinned, contiguous, zeroed pages by name */
	DEV_IRQ = 6,         /* struct dev_irq: a file that counts interrupts of one MSI-X vector */
};
#define DEV_BAR_COUNT 6
#define DEV_NAME_BYTES 16
#define DEV_DMA_MAX_BYTES (4u << 20) /* largest contiguous run the frame allocator keeps (order 10) */
#define DEV_DMA_REGIONS_MAX 64u      /* per machine: two for each of 16 shares, a dozen for the console device */
#define DEV_IRQS_MAX 32u             /* per machine */

struct dev_function {
	u32 index;           /* in */
	u32 address;
	u16 vendor, device, subsystem_vendor, subsystem;
	u32 class_code;      /* class << 16 | subclass << 8 | programming interface */
	u32 irq_count;       /* MSI-X vectors, 0: none */
	u64 bar_address[DEV_BAR_COUNT]; /* 0: absent, or I/O ports */
	u64 bar_size[DEV_BAR_COUNT];
};
enum dev_claim_flag { DEV_BUS_MASTER = 1 };
struct dev_claim { u32 address, flags; };
struct dev_config { u32 address; u16 offset; u16 size; u32 value; u32 unused; };
struct dev_map { u32 address, bar; u64 offset, size; u64 va; }; /* offset, size: page multiples; out: va */
struct dev_dma {
	u32 address;         /* owner function, claimed */
	u32 existed;         /* out: 1 when a previous instance allocated it */
	char name[DEV_NAME_BYTES]; /* NUL-terminated, unique in the function */
	u64 size;            /* page multiple; must be equal when it exists */
	u64 va, bus;         /* out */
};
/* The file: read (8 bytes) blocks until the count is not 0, returns and clears it; poll: readable when not 0.
 * Asking again for the same vector gives another file of the same counter. */
struct dev_irq { u32 address, vector; s32 fd; u32 unused; };

#endif
