// SPDX-License-Identifier: MIT
/* PCI configuration by ports 0xcf8/0xcfc (mechanism 1: every PC has it, with or without firmware tables), the scan of
 * all functions, and addresses for BARs that the firmware left empty (qboot assigns none).
 * Entry points: pci_scan once, then pci_find. Callers hold dev_mutex. */
#include "dev_internal.h"

#include "base/string.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000u
#define REG_VENDOR 0x00
#define REG_COMMAND 0x04
#define REG_CLASS 0x08
#define REG_HEADER 0x0e
#define REG_BAR 0x10
#define REG_SECONDARY_BUS 0x19
#define REG_SUBSYSTEM 0x2c
#define REG_CAPABILITIES 0x34
#define COMMAND_IO 1u
#define COMMAND_MEMORY 2u
#define CLASS_BRIDGE 0x06
#define CAPABILITY_MSIX 0x11
#define CAPABILITY_STEPS 48u         /* 192 bytes of 4-byte capabilities: a longer chain is a loop */
#define BUS_DEPTH 4u                 /* bridges behind bridges; QEMU's default machine has none */
/* q35: firmware places BARs downwards from 0xfec00000 and ECAM at 0xb0000000; RAM ends at 0x80000000 or below. */
#define WINDOW_START 0xc0000000ull
#define WINDOW_END 0xfe000000ull

static struct pci_function functions[PCI_FUNCTIONS_MAX];
static u32 function_count;
static bool scanned;

static inline void out32(u16 port, u32 value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out16(u16 port, u16 value) { __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline u32 in32(u16 port) { u32 v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u16 in16(u16 port) { u16 v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u8 in8(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }

u32 pci_read(u32 address, u32 offset, u32 size)
{
	const u16 port = (u16)(CONFIG_DATA + (offset & 3));
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | address << 8 | (offset & 0xfc));
	return size == 4 ? in32(port) : size == 2 ? in16(port) : in8(port);
}

void pci_write(u32 address, u32 offset, u32 size, u32 value)
{
	const u16 port = (u16)(CONFIG_DATA + (offset & 3));
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | address << 8 | (offset & 0xfc));
	if (size == 4)
		out32(port, value);
	else if (size == 2)
		out16(port, (u16)value);
	else
		out8(port, (u8)value);
}

u32 pci_count(void) { return function_count; }
struct pci_function *pci_at(u32 index) { return &functions[index]; }

struct pci_function *pci_find(u32 address)
{
	for (u32 i = 0; i < function_count; i++)
		if (functions[i].info.address == address)
			return &functions[i];
	return NULL;
}

static void find_capabilities(struct pci_function *f)
{
	const u32 address = f->info.address;
	u8 at = (u8)pci_read(address, REG_CAPABILITIES, 1) & 0xfc;
	for (u32 i = 0; at >= 0x40 && i < CAPABILITY_STEPS; i++) {
		if (pci_read(address, at, 1) == CAPABILITY_MSIX) {
			f->msix_offset = at;
			f->info.irq_count = (pci_read(address, at + 2u, 2) & 0x7ff) + 1;
		}
		at = (u8)pci_read(address, at + 1u, 1) & 0xfc;
	}
}

/* Sizes one BAR with decoding off. True when it takes two registers. */
static bool probe_bar(struct pci_function *f, u32 bar)
{
	const u32 address = f->info.address, reg = REG_BAR + 4 * bar;
	u32 low = pci_read(address, reg, 4);
	if (low & 1)
		return false; /* I/O ports */
	bool wide = (low & 6) == 4 && bar + 1 < DEV_BAR_COUNT;
	u64 high = wide ? pci_read(address, reg + 4, 4) : 0;
	pci_write(address, reg, 4, UINT32_MAX);
	u64 mask = pci_read(address, reg, 4) & ~15u;
	pci_write(address, reg, 4, low);
	if (wide) {
		pci_write(address, reg + 4, 4, UINT32_MAX);
		mask |= (u64)pci_read(address, reg + 4, 4) << 32;
		pci_write(address, reg + 4, 4, (u32)high);
	} else {
		mask |= 0xffffffff00000000ull;
	}
	if ((u32)mask == 0)
		return wide;
	f->info.bar_size[bar] = ~mask + 1;
	f->info.bar_address[bar] = high << 32 | (low & ~15u);
	return wide;
}

static void probe_bars(struct pci_function *f)
{
	const u32 address = f->info.address;
	u32 command = pci_read(address, REG_COMMAND, 2);
	pci_write(address, REG_COMMAND, 2, command & ~(COMMAND_IO | COMMAND_MEMORY));
	for (u32 bar = 0; bar < DEV_BAR_COUNT; bar++)
		bar += probe_bar(f, bar);
	pci_write(address, REG_COMMAND, 2, command);
}

static void add_function(u32 address, u32 id)
{
	if (function_count == PCI_FUNCTIONS_MAX) {
		klog(LOG_WARN, "dev: more than %u PCI functions, %x:%x at %x ignored", PCI_FUNCTIONS_MAX,
				id & 0xffff, id >> 16, address);
		return;
	}
	struct pci_function *f = &functions[function_count];
	u32 subsystem = pci_read(address, REG_SUBSYSTEM, 4);
	f->info = (struct dev_function){
		.index = function_count, .address = address, .vendor = (u16)id, .device = (u16)(id >> 16),
		.subsystem_vendor = (u16)subsystem, .subsystem = (u16)(subsystem >> 16),
		.class_code = pci_read(address, REG_CLASS, 4) >> 8,
	};
	function_count++;
	find_capabilities(f);
	if (f->info.class_code >> 16 != CLASS_BRIDGE)
		probe_bars(f);
}

static void scan_bus(u32 bus, u32 depth)
{
	for (u32 slot = 0; slot < 32; slot++) {
		u32 last = 0;
		for (u32 fn = 0; fn <= last; fn++) {
			u32 address = bus << 8 | slot << 3 | fn;
			u32 id = pci_read(address, REG_VENDOR, 4);
			if ((id & 0xffff) == 0xffff)
				continue;
			u32 header = pci_read(address, REG_HEADER, 1);
			if (fn == 0 && (header & 0x80))
				last = 7;
			if ((header & 0x7f) == 0)
				add_function(address, id);
			u32 below = (header & 0x7f) == 1 ? pci_read(address, REG_SECONDARY_BUS, 1) : 0;
			if (below > bus && depth < BUS_DEPTH)
				scan_bus(below, depth + 1);
		}
	}
}

/* True when [start, start + size) touches an assigned BAR; *end is then the end of that BAR. */
static bool window_taken(u64 start, u64 size, u64 *end)
{
	for (u32 i = 0; i < function_count; i++)
		for (u32 bar = 0; bar < DEV_BAR_COUNT; bar++) {
			u64 at = functions[i].info.bar_address[bar], length = functions[i].info.bar_size[bar];
			if (at && start < at + length && at < start + size) {
				*end = at + length;
				return true;
			}
		}
	return false;
}

static void assign_bar(struct pci_function *f, u32 bar)
{
	const u64 size = f->info.bar_size[bar];
	const u64 align = MAX(size, PAGE_SIZE); /* a page of its own, so that it can be mapped alone */
	u64 at = ALIGN_UP(WINDOW_START, align), end;
	while (at + size <= WINDOW_END && window_taken(at, align, &end))
		at = ALIGN_UP(end, align);
	if (at + size > WINDOW_END) {
		klog(LOG_WARN, "dev: no room for BAR %u of %x (%llu bytes)", bar, f->info.address, (unsigned long long)size);
		f->info.bar_size[bar] = 0;
		return;
	}
	const u32 reg = REG_BAR + 4 * bar;
	bool wide = (pci_read(f->info.address, reg, 4) & 6) == 4;
	pci_write(f->info.address, reg, 4, (u32)at);
	if (wide)
		pci_write(f->info.address, reg + 4, 4, (u32)(at >> 32));
	f->info.bar_address[bar] = at;
}

void pci_scan(void)
{
	if (scanned)
		return;
	scanned = true;
	scan_bus(0, 0);
	for (u32 i = 0; i < function_count; i++)
		for (u32 bar = 0; bar < DEV_BAR_COUNT; bar++)
			if (functions[i].info.bar_size[bar] && !functions[i].info.bar_address[bar])
				assign_bar(&functions[i], bar);
}
