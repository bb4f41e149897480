// SPDX-License-Identifier: MIT
// libFuzzer harness: whatever is accepted keeps the promises of elf.h.
// LINK: lib/elf/elf.c
#include <stdlib.h>

#include "elf.h"

static void promise(bool kept)
{
	if (!kept)
		abort();
}

static void check_segment(const struct elf_image *image, const struct elf_segment *s)
{
	promise(s->file_size <= s->mem_size);
	promise(s->va < ELF_USER_TOP && s->mem_size <= ELF_USER_TOP - s->va);
	promise(!s->file_size || ((s->va ^ s->offset) & PAGE_MASK) == 0);
	promise(s->offset + s->file_size >= s->offset);
	promise(s->va >= image->low && s->va + s->mem_size <= image->high);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct elf_image image;
	const char *step = NULL;
	status_t st = elf_parse_header(data, size, &image, &step);
	if (!st && image.headers_offset > size)
		return 0;
	if (!st)
		st = elf_parse_segments(data + image.headers_offset, size - image.headers_offset, &image, &step);
	promise(st == OK || step != NULL);
	if (st)
		return 0;
	promise(image.low < image.high && IS_ALIGNED(image.low | image.high, PAGE_SIZE));
	promise((image.alignment & (image.alignment - 1)) == 0 && image.alignment >= PAGE_SIZE);
	for (u32 i = 0; i < image.segment_count; i++)
		check_segment(&image, &image.segments[i]);
	return 0;
}
