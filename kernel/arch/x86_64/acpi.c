// SPDX-License-Identifier: MIT
/* The ACPI facts that the arch part needs: MADT (processors, I/O APIC, ISA overrides) and FADT (PM timer, power off).
 * Tables lie below 4 GiB, which the boot tables map. ACPI 6.4, 5.2.9 and 5.2.12. NFIT is read by broker/system_image.c. */
#include "arch.h"
#include "string.h"

#define ACPI_TABLES_MAX 64 /* bounds a broken root table */
#define MADT_ENTRIES_AT 44
#define FADT_PM1A_CONTROL_AT 64
#define FADT_PM_TIMER_AT 76
#define MADT_ENABLED 1

struct platform platform;

struct acpi_table {
	char signature[4];
	u32 length;
	u8 rest[28];
} PACKED;

static u32 read32(const void *p) { u32 v; memcpy(&v, p, 4); return v; }
static u16 read16(const void *p) { u16 v; memcpy(&v, p, 2); return v; }

static const u8 *rsdp_find(void)
{
	if (boot_info.rsdp)
		return phys_to_virt(boot_info.rsdp);
	for (phys_t pa = 0xe0000; pa < 0x100000; pa += 16)
		if (memcmp(phys_to_virt(pa), "RSD PTR ", 8) == 0)
			return phys_to_virt(boot_info.rsdp = pa);
	return NULL;
}

static void madt_cpu(u32 apic_id, u32 flags)
{
	if ((flags & MADT_ENABLED) && platform.apic_count < MAX_CPUS && apic_id < 255)
		platform.apic_ids[platform.apic_count++] = apic_id;
}

static void madt_entry(const u8 *e)
{
	switch (e[0]) {
	case 0:
		madt_cpu(e[3], read32(e + 4));
		break;
	case 1:
		if (!platform.ioapic_phys) {
			platform.ioapic_phys = read32(e + 4);
			platform.ioapic_gsi_base = read32(e + 8);
		}
		break;
	case 2:
		if (e[3] < 16) {
			platform.isa_gsi[e[3]] = (u8)read32(e + 4);
			platform.isa_flags[e[3]] = read16(e + 8);
		}
		break;
	case 9:
		madt_cpu(read32(e + 4), read32(e + 8));
		break;
	}
}

static void madt_read(const struct acpi_table *t)
{
	const u8 *base = (const u8 *)t;
	platform.lapic_phys = read32(base + 36);
	for (u32 at = MADT_ENTRIES_AT; at + 2 <= t->length && base[at + 1] >= 2; at += base[at + 1])
		madt_entry(base + at);
}

static void table_read(const struct acpi_table *t)
{
	const u8 *base = (const u8 *)t;
	if (memcmp(t->signature, "APIC", 4) == 0) {
		madt_read(t);
	} else if (memcmp(t->signature, "FACP", 4) == 0 && t->length > FADT_PM_TIMER_AT + 4) {
		platform.pm_control_port = (u16)read32(base + FADT_PM1A_CONTROL_AT);
		platform.pm_timer_port = (u16)read32(base + FADT_PM_TIMER_AT);
	}
}

void acpi_read(void)
{
	for (u32 i = 0; i < 16; i++)
		platform.isa_gsi[i] = (u8)i;
	platform.lapic_phys = 0xfee00000;
	const u8 *rsdp = rsdp_find();
	if (!rsdp) {
		klog(LOG_WARN, "acpi: no RSDP, one CPU only");
		return;
	}
	u64 xsdt = 0;
	if (rsdp[15] >= 2)
		memcpy(&xsdt, rsdp + 24, 8);
	const struct acpi_table *root = phys_to_virt(xsdt ? xsdt : read32(rsdp + 16));
	u32 entry_size = xsdt ? 8 : 4, count = (root->length - sizeof(*root)) / entry_size;
	for (u32 i = 0; i < count && i < ACPI_TABLES_MAX; i++) {
		u64 pa = 0;
		memcpy(&pa, (const u8 *)(root + 1) + (u64)i * entry_size, entry_size);
		if (pa < GIB(4))
			table_read(phys_to_virt(pa));
	}
}
