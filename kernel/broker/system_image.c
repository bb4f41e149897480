// SPDX-License-Identifier: MIT
// Finds the system image: the first persistent memory range of ACPI's NFIT, else the first boot module. The fallback is
// logged. Tables: ACPI 6.4 sections 5.2.5 (RSDP), 5.2.8 (XSDT), 5.2.25.2 (SPA range structure).
#include "system_image.h"
#include "boot_info.h"
#include "broker.h"
#include "../../lib/base/string.h"

#define NFIT_HEADER_BYTES 40
#define SPA_BYTES 56
#define TABLES_MAX 64 /* more than any firmware has; bounds a broken XSDT */

struct system_image system_image;

struct acpi_header {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
} PACKED;
struct acpi_rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
} PACKED;
struct nfit_spa {
	u16 type, length, index, flags;
	u32 unused, proximity;
	u8 guid[16];
	u64 base, size, attributes;
} PACKED;
static const u8 persistent_memory_guid[16] = {
	0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40, 0xac, 0x43, 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb,
};

static const struct acpi_rsdp *rsdp_find(void)
{
	if (boot_info.rsdp)
		return phys_to_virt(boot_info.rsdp);
	for (phys_t pa = 0xe0000; pa < 0x100000; pa += 16) /* where BIOS puts it */
		if (memcmp(phys_to_virt(pa), "RSD PTR ", 8) == 0)
			return phys_to_virt(pa);
	return NULL;
}

static const struct acpi_header *table_find(const char *signature)
{
	const struct acpi_rsdp *rsdp = rsdp_find();
	if (!rsdp)
		return NULL;
	bool wide = rsdp->revision >= 2 && rsdp->xsdt;
	const struct acpi_header *root = phys_to_virt(wide ? rsdp->xsdt : rsdp->rsdt);
	const u8 *entry = (const u8 *)(root + 1);
	u32 count = (root->length - sizeof(*root)) / (wide ? 8 : 4);
	for (u32 i = 0; i < count && i < TABLES_MAX; i++) {
		u64 pa = 0;
		memcpy(&pa, entry + i * (wide ? 8u : 4u), wide ? 8 : 4);
		const struct acpi_header *h = phys_to_virt(pa);
		if (memcmp(h->signature, signature, 4) == 0)
			return h;
	}
	return NULL;
}

static bool find_nvdimm(void)
{
	const struct acpi_header *nfit = table_find("NFIT");
	if (!nfit)
		return false;
	for (u32 at = NFIT_HEADER_BYTES; at + SPA_BYTES <= nfit->length;) {
		struct nfit_spa s;
		memcpy(&s, (const u8 *)nfit + at, sizeof(s));
		if (s.type == 0 && s.length >= SPA_BYTES && memcmp(s.guid, persistent_memory_guid, 16) == 0) {
			system_image = (struct system_image){ s.base, s.size };
			return true;
		}
		if (s.length == 0)
			return false;
		at += s.length;
	}
	return false;
}

void system_image_find(void)
{
	if (find_nvdimm()) {
		klog(LOG_INFO, "system image: NVDIMM, %llu MiB", (unsigned long long)(system_image.size >> 20));
	} else if (boot_info.module_count) {
		system_image = (struct system_image){ boot_info.modules[0].base, boot_info.modules[0].size };
		klog(LOG_WARN, "system image: fallback to the boot module");
	} else {
		klog(LOG_WARN, "system image: none");
		return;
	}
	direct_map_add(system_image.base, system_image.size);
}

u64 system_image_phys(void)
{
	return system_image.base;
}
