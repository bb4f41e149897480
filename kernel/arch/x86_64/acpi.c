// SPDX-License-Identifier: MIT
/* The ACPI facts that the machine layer needs: CPUs (MADT) and the PCI configuration window (MCFG).
 * ACPI 6.4 section 5.2.12; PCI firmware specification 4.1.2. Firmware is trusted, lengths are checked. */
#include "arch.h"
#include "boot_info.h"
#include "mm.h"
#include "string.h"

struct sdt { char signature[4]; u32 length; u8 revision, checksum; char oem[18]; u32 creator[2]; } PACKED;
extern u32 acpi_apic_ids[MAX_CPUS];
extern u32 acpi_cpu_count;
phys_t acpi_mcfg_base;

#define MADT_LOCAL_APIC 0
#define BIOS_AREA_START 0xe0000
#define BIOS_AREA_END 0x100000

static void parse_madt(const struct sdt *t)
{
	const u8 *p = (const u8 *)t + sizeof(*t) + 8, *end = (const u8 *)t + t->length;
	for (; p + 2 <= end && p[1] >= 2; p += p[1])
		if (p[0] == MADT_LOCAL_APIC && p + 8 <= end && (p[4] & 1) && acpi_cpu_count < MAX_CPUS)
			acpi_apic_ids[acpi_cpu_count++] = p[3];
}

static void parse_table(phys_t pa)
{
	const struct sdt *t = phys_to_virt(pa);
	if (!memcmp(t->signature, "APIC", 4))
		parse_madt(t);
	else if (!memcmp(t->signature, "MCFG", 4) && t->length >= sizeof(*t) + 24)
		acpi_mcfg_base = *(const u64 *)((const u8 *)t + sizeof(*t) + 8);
}

static phys_t find_rsdp(void)
{
	if (boot_info.rsdp)
		return boot_info.rsdp;
	for (phys_t a = BIOS_AREA_START; a < BIOS_AREA_END; a += 16)
		if (!memcmp(phys_to_virt(a), "RSD PTR ", 8))
			return a;
	return 0;
}

void acpi_init(void)
{
	phys_t rsdp = find_rsdp();
	if (!rsdp) {
		klog(LOG_WARN, "acpi: no RSDP: one CPU, no NVDIMM");
		return;
	}
	const u8 *r = phys_to_virt(rsdp);
	bool wide = r[15] >= 2 && *(const u64 *)(r + 24);
	const struct sdt *root = phys_to_virt(wide ? *(const u64 *)(r + 24) : *(const u32 *)(r + 16));
	const u8 *entry = (const u8 *)root + sizeof(*root);
	u32 size = wide ? 8 : 4, count = (root->length - (u32)sizeof(*root)) / size;
	for (u32 i = 0; i < count; i++, entry += size)
		parse_table(wide ? *(const u64 *)entry : *(const u32 *)entry);
}
