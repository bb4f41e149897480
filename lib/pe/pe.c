// SPDX-License-Identifier: MIT
// Headers and section table of a PE32+ file. What Windows refuses is refused; what it merely ignores is ignored.
#include "pe.h"

#include <string.h>

#define DOS_HEADER_BYTES 64u
#define FILE_HEADER_BYTES 24u        /* with the signature */
#define OPTIONAL_FIXED_BYTES 112u
#define SECTION_HEADER_BYTES 40u
#define MACHINE_X64 0x8664u
#define MAGIC_PE32_PLUS 0x20bu
#define FILE_ALIGNMENT_MIN 512u
#define BASE_ALIGNMENT 0x10000u

static u16 get16(const u8 *p) { u16 v; memcpy(&v, p, 2); return v; }
static u32 get32(const u8 *p) { u32 v; memcpy(&v, p, 4); return v; }
static u64 get64(const u8 *p) { u64 v; memcpy(&v, p, 8); return v; }

static status_t refuse(const char **step, const char *name)
{
	*step = name;
	return ERR_NOEXEC;
}

static bool is_power(u32 v) { return v && !(v & (v - 1)); }

static status_t check_optional(const struct pe_image *p, u32 file_alignment, const char **step)
{
	if (!is_power(p->section_alignment) || p->section_alignment < PAGE_SIZE || !is_power(file_alignment) ||
	    file_alignment < FILE_ALIGNMENT_MIN || file_alignment > p->section_alignment)
		return refuse(step, "alignment");
	if (!p->size || p->size > PE_SIZE_MAX || !p->headers_size || p->headers_size > p->size)
		return refuse(step, "image_size");
	if (p->preferred_base % BASE_ALIGNMENT || p->preferred_base >= 1ull << 47)
		return refuse(step, "image_base");
	if (p->entry >= p->size)
		return refuse(step, "entry");
	return OK;
}

static status_t read_optional(const u8 *o, u32 size, struct pe_image *p, const char **step)
{
	if (size < OPTIONAL_FIXED_BYTES || get16(o) != MAGIC_PE32_PLUS)
		return refuse(step, "optional_header");
	p->entry = get32(o + 16);
	p->preferred_base = get64(o + 24);
	p->section_alignment = get32(o + 32);
	p->os_major = get16(o + 40);
	p->os_minor = get16(o + 42);
	p->subsystem_major = get16(o + 48);
	p->subsystem_minor = get16(o + 50);
	u64 image_size = ALIGN_UP((u64)get32(o + 56), PAGE_SIZE);
	p->size = image_size > PE_SIZE_MAX ? 0 : (u32)image_size;
	p->headers_size = get32(o + 60);
	p->checksum = get32(o + 64);
	p->subsystem = get16(o + 68);
	p->dll_characteristics = get16(o + 70);
	p->stack_reserve = get64(o + 72);
	p->stack_commit = get64(o + 80);
	p->heap_reserve = get64(o + 88);
	p->heap_commit = get64(o + 96);
	p->loader_flags = get32(o + 104);
	u32 count = MIN(get32(o + 108), (u32)PE_DIRECTORIES);
	if (OPTIONAL_FIXED_BYTES + count * 8 > size)
		return refuse(step, "data_directories");
	for (u32 i = 0; i < count; i++)
		p->directories[i] = (struct pe_directory){ get32(o + 112 + i * 8), get32(o + 116 + i * 8) };
	return check_optional(p, get32(o + 36), step);
}

static status_t read_section(const u8 *s, u64 file_size, const struct pe_image *p, u64 low, struct pe_section *out,
			     const char **step)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->name, s, 8);
	out->virtual_size = get32(s + 8);
	out->rva = get32(s + 12);
	out->raw_size = get32(s + 16);
	out->raw_offset = get32(s + 20);
	out->flags = get32(s + 36);
	if (!out->virtual_size)
		out->virtual_size = out->raw_size;
	u64 end = ALIGN_UP((u64)out->rva + out->virtual_size, PAGE_SIZE);
	if (out->rva % PAGE_SIZE || out->rva < low || end > p->size)
		return refuse(step, "section_place");
	out->raw_size = MIN(out->raw_size, (u32)(end - out->rva));
	if (!out->raw_offset)
		out->raw_size = 0;
	if (out->raw_size && (out->raw_offset > file_size || out->raw_size > file_size - out->raw_offset)) {
		/* bytes behind the file's end are allowed only as padding of the last section */
		u64 have = out->raw_offset < file_size ? file_size - out->raw_offset : 0;
		if (have < MIN(out->raw_size, out->virtual_size))
			return refuse(step, "section_data");
		out->raw_size = (u32)have;
	}
	return OK;
}

static status_t read_sections(const u8 *table, u32 count, u64 file_size, struct pe_image *p, const char **step)
{
	u64 low = ALIGN_UP((u64)p->headers_size, PAGE_SIZE);
	p->section_count = 0;
	for (u32 i = 0; i < count; i++) {
		struct pe_section *s = &p->sections[p->section_count];
		status_t st = read_section(table + (u64)i * SECTION_HEADER_BYTES, file_size, p, low, s, step);
		if (st)
			return st;
		if (!s->virtual_size)
			continue;
		low = ALIGN_UP((u64)s->rva + s->virtual_size, PAGE_SIZE);
		p->section_count++;
	}
	return p->section_count ? OK : refuse(step, "sections");
}

status_t pe_parse(const u8 *head, u64 head_size, u64 file_size, struct pe_image *p, const char **step)
{
	memset(p, 0, offsetof(struct pe_image, sections));
	if (head_size < DOS_HEADER_BYTES || get16(head) != 0x5a4d)
		return refuse(step, "dos_header");
	u64 at = get32(head + 60);
	if (at > head_size || head_size - at < FILE_HEADER_BYTES || get32(head + at) != 0x4550)
		return refuse(step, "pe_header");
	p->machine = get16(head + at + 4);
	u32 count = get16(head + at + 6), optional = get16(head + at + 20);
	p->time_stamp = get32(head + at + 8);
	p->characteristics = get16(head + at + 22);
	if (p->machine != MACHINE_X64)
		return refuse(step, "machine");
	if (!(p->characteristics & PE_EXECUTABLE))
		return refuse(step, "characteristics");
	u64 table = at + FILE_HEADER_BYTES + optional;
	if (!count || count > PE_SECTIONS_MAX || table + (u64)count * SECTION_HEADER_BYTES > head_size)
		return refuse(step, "section_table");
	status_t st = read_optional(head + at + FILE_HEADER_BYTES, optional, p, step);
	if (!st && p->headers_size > file_size)
		st = refuse(step, "headers_size");
	return st ? st : read_sections(head + table, count, file_size, p, step);
}
