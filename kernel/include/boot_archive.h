/* SPDX-License-Identifier: MIT */
/* The pinned boot archive: ELF files and manifests of rootd and the foundation services, page aligned,
 * inside the kernel image, fully resident. Table ends with a NULL name. */
#ifndef AMBOS_KERNEL_BOOT_ARCHIVE_H
#define AMBOS_KERNEL_BOOT_ARCHIVE_H
struct boot_member { const char *name; const unsigned char *start, *end; };
extern const struct boot_member boot_archive[];
#endif
