// SPDX-License-Identifier: MIT
// Relocations, imports and exports of an image in RVA layout.
#include "pe.h"

#include <string.h>

#define IMPORT_DESCRIPTOR_BYTES 20u
#define DELAY_DESCRIPTOR_BYTES 32u
#define EXPORT_DIRECTORY_BYTES 40u
#define BLOCK_HEADER_BYTES 8u
#define RELOC_ABSOLUTE 0
#define RELOC_HIGHLOW 3
#define RELOC_DIR64 10
#define THUNKS_MAX 65536u            /* of one DLL: ordinals are 16 bits */

static status_t refuse(const char **step, const char *name)
{
	*step = name;
	return ERR_NOEXEC;
}

static bool inside(const struct pe_view *v, u64 rva, u64 size) { return rva <= v->size && size <= v->size - rva; }
static u16 get16(const struct pe_view *v, u64 rva) { u16 x; memcpy(&x, v->bytes + rva, 2); return x; }
static u32 get32(const struct pe_view *v, u64 rva) { u32 x; memcpy(&x, v->bytes + rva, 4); return x; }
static u64 get64(const struct pe_view *v, u64 rva) { u64 x; memcpy(&x, v->bytes + rva, 8); return x; }

const char *pe_text(const struct pe_view *v, u32 rva)
{
	if (!rva || rva >= v->size)
		return NULL;
	const char *s = (const char *)v->bytes + rva;
	return memchr(s, '\0', MIN(v->size - rva, (u64)PE_NAME_MAX)) ? s : NULL;
}

int pe_name_compare(const char *a, const char *b)
{
	for (;; a++, b++) {
		int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : (u8)*a, y = *b >= 'A' && *b <= 'Z' ? *b + 32 : (u8)*b;
		if (x != y || !x)
			return x - y;
	}
}

/* ---- relocations ---- */
static status_t relocate_block(u8 *bytes, const struct pe_view *v, u64 block, u64 size, u64 delta, const char **step)
{
	u64 page = get32(v, block);
	for (u64 at = block + BLOCK_HEADER_BYTES; at + 2 <= block + size; at += 2) {
		u16 entry = get16(v, at);
		u64 place = page + (entry & 0xfff), value;
		switch (entry >> 12) {
		case RELOC_ABSOLUTE:
			break;
		case RELOC_DIR64:
			if (!inside(v, place, 8))
				return refuse(step, "relocation_place");
			value = get64(v, place) + delta;
			memcpy(bytes + place, &value, 8);
			break;
		default: /* a 32-bit address cannot name a high base */
			return refuse(step, "relocation_type");
		}
	}
	return OK;
}

status_t pe_relocate(u8 *bytes, const struct pe_view *v, u64 delta, const char **step)
{
	struct pe_directory d = v->image->directories[PE_RELOCATION];
	if (!delta || !d.size)
		return OK;
	if (!inside(v, d.rva, d.size))
		return refuse(step, "relocation_directory");
	for (u64 at = 0; at + BLOCK_HEADER_BYTES <= d.size;) {
		u32 size = get32(v, d.rva + at + 4);
		if (size < BLOCK_HEADER_BYTES || size > d.size - at)
			return refuse(step, "relocation_block");
		status_t st = relocate_block(bytes, v, d.rva + at, size, delta, step);
		if (st)
			return st;
		at += ALIGN_UP(size, 4u);
	}
	return OK;
}

/* ---- imports ---- */
status_t pe_import_at(const struct pe_view *v, u32 index, struct pe_import *out, const char **step)
{
	struct pe_directory d = v->image->directories[PE_IMPORT];
	u64 at = d.rva + (u64)index * IMPORT_DESCRIPTOR_BYTES;
	if (!d.rva || !d.size)
		return ERR_NOENT;
	if (!inside(v, at, IMPORT_DESCRIPTOR_BYTES))
		return refuse(step, "import_directory");
	u32 lookup = get32(v, at), name = get32(v, at + 12), table = get32(v, at + 16);
	if (!name || !table)
		return ERR_NOENT;
	*out = (struct pe_import){ pe_text(v, name), lookup ? lookup : table, table };
	return out->dll ? OK : refuse(step, "import_name");
}

status_t pe_delay_import_at(const struct pe_view *v, u32 index, struct pe_import *out, const char **step)
{
	struct pe_directory d = v->image->directories[PE_DELAY_IMPORT];
	u64 at = d.rva + (u64)index * DELAY_DESCRIPTOR_BYTES;
	if (!d.rva || !d.size)
		return ERR_NOENT;
	if (!inside(v, at, DELAY_DESCRIPTOR_BYTES))
		return refuse(step, "delay_directory");
	u32 name = get32(v, at + 4);
	if (!name)
		return ERR_NOENT;
	*out = (struct pe_import){ pe_text(v, name), get32(v, at + 16), get32(v, at + 12) };
	return out->dll ? OK : refuse(step, "delay_name");
}

status_t pe_thunk_at(const struct pe_view *v, const struct pe_import *import, u32 index, struct pe_thunk *out,
		     const char **step)
{
	u64 at = import->lookup + (u64)index * 8, place = import->table + (u64)index * 8;
	if (!inside(v, at, 8) || !inside(v, place, 8) || index >= THUNKS_MAX)
		return refuse(step, "import_thunk");
	u64 value = get64(v, at);
	if (!value)
		return ERR_NOENT;
	if (value >> 63) {
		*out = (struct pe_thunk){ .ordinal = (u16)value };
		return OK;
	}
	if (value > UINT32_MAX - 2 || !inside(v, value, 2))
		return refuse(step, "import_thunk");
	*out = (struct pe_thunk){ .hint = get16(v, value), .name = pe_text(v, (u32)value + 2) };
	return out->name ? OK : refuse(step, "import_function_name");
}

/* ---- exports ---- */
status_t pe_exports_open(const struct pe_view *v, struct pe_exports *out, const char **step)
{
	struct pe_directory d = v->image->directories[PE_EXPORT];
	if (!d.rva || !d.size)
		return ERR_NOENT;
	if (d.size < EXPORT_DIRECTORY_BYTES || !inside(v, d.rva, d.size))
		return refuse(step, "export_directory");
	*out = (struct pe_exports){
		.base = get32(v, d.rva + 16), .function_count = get32(v, d.rva + 20), .name_count = get32(v, d.rva + 24),
		.functions = get32(v, d.rva + 28), .names = get32(v, d.rva + 32), .ordinals = get32(v, d.rva + 36),
		.directory = d,
	};
	if (!inside(v, out->functions, (u64)out->function_count * 4) || !inside(v, out->names, (u64)out->name_count * 4) ||
	    !inside(v, out->ordinals, (u64)out->name_count * 2))
		return refuse(step, "export_tables");
	return OK;
}

static status_t symbol_at(const struct pe_view *v, const struct pe_exports *e, u32 index, struct pe_symbol *out)
{
	if (index >= e->function_count)
		return ERR_NOENT;
	u32 rva = get32(v, e->functions + (u64)index * 4);
	if (!rva || rva >= v->size)
		return ERR_NOENT;
	bool forward = rva >= e->directory.rva && rva - e->directory.rva < e->directory.size;
	*out = (struct pe_symbol){ rva, forward ? pe_text(v, rva) : NULL };
	return forward && !out->forward ? ERR_NOENT : OK;
}

static const char *name_at(const struct pe_view *v, const struct pe_exports *e, u32 i)
{
	return pe_text(v, get32(v, e->names + (u64)i * 4));
}

status_t pe_export_find(const struct pe_view *v, const struct pe_exports *e, const char *name, u32 hint,
			struct pe_symbol *out)
{
	u32 low = 0, high = e->name_count;
	const char *hinted = hint < high ? name_at(v, e, hint) : NULL;
	if (hinted && strcmp(hinted, name) == 0)
		return symbol_at(v, e, get16(v, e->ordinals + (u64)hint * 2), out);
	while (low < high) {
		u32 middle = low + (high - low) / 2;
		const char *at = name_at(v, e, middle);
		int order = at ? strcmp(at, name) : -1;
		if (order == 0)
			return symbol_at(v, e, get16(v, e->ordinals + (u64)middle * 2), out);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return ERR_NOENT;
}

status_t pe_export_ordinal(const struct pe_view *v, const struct pe_exports *e, u32 ordinal, struct pe_symbol *out)
{
	return ordinal < e->base ? ERR_NOENT : symbol_at(v, e, ordinal - e->base, out);
}
