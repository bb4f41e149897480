// SPDX-License-Identifier: MIT
// libFuzzer harness: what is accepted is laid out, relocated and walked as loaderd does it.
// LINK: lib/pe/pe.c lib/pe/pe_tables.c lib/pe/api_set.c
#include <stdlib.h>
#include <string.h>

#include "pe.h"

#define WALK_MAX 64u                 /* descriptors and thunks per input: speed */
#define SIZE_MAX_HERE (1u << 20)

static void promise(bool kept)
{
	if (!kept)
		abort();
}

static void walk_imports(const struct pe_view *v)
{
	struct pe_import import;
	struct pe_thunk thunk;
	const char *step = NULL;
	for (u32 i = 0; i < WALK_MAX && !pe_import_at(v, i, &import, &step); i++)
		for (u32 n = 0; n < WALK_MAX && !pe_thunk_at(v, &import, n, &thunk, &step); n++)
			promise(!thunk.name || strlen(thunk.name) < PE_NAME_MAX);
	for (u32 i = 0; i < WALK_MAX && !pe_delay_import_at(v, i, &import, &step); i++)
		promise(strlen(import.dll) < PE_NAME_MAX);
}

static void walk_exports(const struct pe_view *v)
{
	struct pe_exports e;
	struct pe_symbol s;
	const char *step = NULL;
	if (pe_exports_open(v, &e, &step))
		return;
	if (!pe_export_find(v, &e, "malloc", 3, &s))
		promise(s.rva < v->size);
	for (u32 i = 0; i < WALK_MAX; i++)
		if (!pe_export_ordinal(v, &e, e.base + i, &s))
			promise(s.rva < v->size && (!s.forward || strlen(s.forward) < PE_NAME_MAX));
}

static void walk(const u8 *data, const struct pe_image *image)
{
	u8 *bytes = calloc(1, image->size);
	struct pe_view v = { bytes, image->size, image };
	const char *step = NULL;
	memcpy(bytes, data, image->headers_size);
	for (u32 i = 0; i < image->section_count; i++)
		memcpy(bytes + image->sections[i].rva, data + image->sections[i].raw_offset, image->sections[i].raw_size);
	if (pe_relocate(bytes, &v, 0x10000, &step))
		promise(step != NULL);
	walk_imports(&v);
	walk_exports(&v);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct pe_image image;
	struct pe_api_set set = { data, size };
	char host[PE_HOST_MAX];
	const char *step = NULL;
	if (!pe_api_set_find(&set, "api-ms-win-core-file-l1-1-0.dll", host))
		promise(strlen(host) < PE_HOST_MAX);
	status_t st = pe_parse(data, MIN(size, (size_t)PE_HEADERS_MAX), size, &image, &step);
	promise(st == OK || step != NULL);
	if (st || image.size > SIZE_MAX_HERE)
		return 0;
	u64 low = 0;
	for (u32 i = 0; i < image.section_count; i++) {
		const struct pe_section *s = &image.sections[i];
		promise(s->rva >= low && (u64)s->rva + s->raw_size <= image.size && s->rva % PAGE_SIZE == 0);
		promise((u64)s->raw_offset + s->raw_size <= size);
		low = ALIGN_UP((u64)s->rva + s->virtual_size, PAGE_SIZE);
	}
	walk(data, &image);
	return 0;
}
