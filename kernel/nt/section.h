/* SPDX-License-Identifier: MIT */
/* Image sections, as section.c uses them: section_image.c over the image objects of loaderd. */
#ifndef AMBOS_NT_SECTION_H
#define AMBOS_NT_SECTION_H

#include "nt_memory.h"

struct section_image_information { /* SECTION_IMAGE_INFORMATION */
	u64 entry;
	u32 zero_bits, unused;
	u64 stack_reserve, stack_commit;
	u32 subsystem;
	u16 subsystem_minor, subsystem_major, os_minor, os_major;
	u16 characteristics, dll_characteristics, machine;
	u8 contains_code, image_flags;
	u32 loader_flags, file_size, checksum;
};
_Static_assert(sizeof(struct section_image_information) == 64, "layout");

/* The image of `pe` (path: absolute) or, with pe NULL, the system DLL `path`. A status. */
s64 nt_image_open(struct file *pe, const char *path, struct file **image, u64 *size) WEAK;
u64 nt_image_base(struct file *image) WEAK;
void nt_image_information(struct file *image, struct section_image_information *out) WEAK;
/* base 0: anywhere. Out: where it is and its size. 0 or NT(IMAGE_NOT_AT_BASE), else an error. */
s64 nt_image_map(struct aspace *as, struct file *image, u64 base, u64 *va, u64 *size) WEAK;

#endif
