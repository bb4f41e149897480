// SPDX-License-Identifier: MIT
/* Image sections over loaderd's image objects (image.h): asked for by file or by the name of a system DLL, mapped where
 * they are relocated to, or at a free place when that is taken. */
#include "section.h"

#include "image.h"

#define IMAGE_BASES_MAX 8u       /* other places that are tried: another thread may take one */

s64 nt_image_open(struct file *pe, const char *path, struct file **image, u64 *size)
{
	status_t st = image_request(pe, path, 0, image);
	if (!st)
		*size = image_layout(*image)->size;
	return st;
}

u64 nt_image_base(struct file *image) { return image_layout(image)->base; }

void nt_image_information(struct file *image, struct section_image_information *out)
{
	const struct image_layout *l = image_layout(image);
	*out = (struct section_image_information){
		.entry = l->entry ? l->base + l->entry : 0, .stack_reserve = l->stack_reserve, .stack_commit = l->stack_commit,
		.subsystem = l->subsystem, .subsystem_minor = l->subsystem_minor, .subsystem_major = l->subsystem_major,
		.os_minor = l->os_minor, .os_major = l->os_major, .characteristics = l->characteristics,
		.dll_characteristics = l->dll_characteristics, .machine = l->machine, .contains_code = 1,
		.image_flags = 4 /* dynamically relocated */, .loader_flags = l->loader_flags, .file_size = l->file_size,
		.checksum = l->checksum,
	};
}

/* Where the image's own place is taken: as it is, for the program's loader to relocate. */
static s64 map_elsewhere(struct aspace *as, struct file *image, u64 *base)
{
	s64 st = NT(CONFLICTING_ADDRESSES);
	for (u32 i = 0; st && i < IMAGE_BASES_MAX; i++) {
		struct nt_place place = { 0 };
		st = nt_memory_reserve(as, &place, image_layout(image)->size, NT_MEM_RESERVE, NT_PAGE_NOACCESS, base);
		if (st)
			return st;
		u64 start = *base, size = 0;
		st = nt_memory_release(as, &start, &size, 0);
		if (!st && image_map_at(as, image, *base))
			st = NT(CONFLICTING_ADDRESSES);
	}
	return st;
}

s64 nt_image_map(struct aspace *as, struct file *image, u64 wanted, u64 *va, u64 *bytes)
{
	const struct image_layout *l = image_layout(image);
	u64 base = l->base;
	if (wanted && wanted != base)
		return NT(CONFLICTING_ADDRESSES);
	s64 st = image_map(as, image);
	if (st == ERR_EXIST)
		st = map_elsewhere(as, image, &base);
	if (st)
		return st;
	*va = base;
	*bytes = l->size;
	st = nt_region_note(as, base, l->size, NT_MEM_IMAGE, NT_PAGE_EXECUTE_WRITECOPY, image);
	return st ? st : base != l->preferred ? NT(IMAGE_NOT_AT_BASE) : 0;
}
