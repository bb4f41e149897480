// SPDX-License-Identifier: MIT
// ELF64 validation. Field offsets: elf(5), System V ABI AMD64 supplement.
#include "elf.h"
#include "../base/string.h"

#define MACHINE_X86_64 62
#define PT_LOAD 1
#define PT_INTERP 3
#define PT_GNU_STACK 0x6474e551
#define ALIGNMENT_MAX GIB(1) /* the largest page there is; Linux ignores what it cannot satisfy, too */
#define PF_X 1
#define PF_W 2
#define PF_R 4

struct elf_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_program_header {
	u32 type, flags;
	u64 offset, va, pa, file_size, mem_size, alignment;
};
_Static_assert(sizeof(struct elf_header) == ELF_HEADER_BYTES, "layout");
_Static_assert(sizeof(struct elf_program_header) == ELF_PROGRAM_HEADER_BYTES, "layout");

static status_t fail(const char **step, const char *name, status_t st)
{
	*step = name;
	return st;
}

status_t elf_parse_header(const void *bytes, size_t size, struct elf_image *out, const char **step)
{
	struct elf_header h;
	memset(out, 0, sizeof(*out));
	if (size < sizeof(h))
		return fail(step, "header_size", ERR_NOEXEC);
	memcpy(&h, bytes, sizeof(h));
	if (memcmp(h.ident, "\177ELF", 4) != 0)
		return fail(step, "format", ERR_NOEXEC);
	if (h.type != ELF_TYPE_EXEC && h.type != ELF_TYPE_DYN)
		return fail(step, "type", ERR_NOEXEC);
	if (h.machine != MACHINE_X86_64)
		return fail(step, "machine", ERR_NOEXEC);
	if (h.phentsize != sizeof(struct elf_program_header))
		return fail(step, "program_header_size", ERR_NOEXEC);
	if (h.phnum == 0 || h.phnum > ELF_PROGRAM_HEADERS_MAX)
		return fail(step, "program_header_count", ERR_NOEXEC);
	if (h.phoff > INT64_MAX - (u64)h.phnum * sizeof(struct elf_program_header))
		return fail(step, "program_header_offset", ERR_NOEXEC);
	out->type = h.type;
	out->header_count = h.phnum;
	out->entry = h.entry;
	out->headers_offset = h.phoff;
	out->low = UINT64_MAX;
	out->alignment = PAGE_SIZE;
	return OK;
}

static status_t check_load(const struct elf_program_header *p, const char **step)
{
	if (p->file_size > p->mem_size)
		return fail(step, "segment_file_size", ERR_INVAL);
	if (p->va >= ELF_USER_TOP || p->mem_size > ELF_USER_TOP - p->va)
		return fail(step, "segment_address", ERR_INVAL);
	if (p->file_size && ((p->va ^ p->offset) & PAGE_MASK))
		return fail(step, "segment_offset_congruence", ERR_INVAL);
	if (p->offset > INT64_MAX - p->file_size - PAGE_SIZE)
		return fail(step, "segment_offset", ERR_INVAL);
	return OK;
}

static void widen_areas(struct elf_image *out, const struct elf_segment *s)
{
	u64 file_end = s->va + s->file_size;
	if ((s->prot & ELF_X) && (out->code_start == 0 || s->va < out->code_start))
		out->code_start = s->va;
	if ((s->prot & ELF_X) && file_end > out->code_end)
		out->code_end = file_end;
	if (s->va > out->data_start)
		out->data_start = s->va;
	if (file_end > out->data_end)
		out->data_end = file_end;
}

static status_t add_load(struct elf_image *out, const struct elf_program_header *p, const char **step)
{
	status_t st = check_load(p, step);
	if (st)
		return st;
	if (out->segment_count == ELF_SEGMENTS_MAX)
		return fail(step, "segment_count", ERR_NOEXEC);
	struct elf_segment *s = &out->segments[out->segment_count++];
	s->va = p->va;
	s->offset = p->file_size ? p->offset : p->va & PAGE_MASK;
	s->file_size = p->file_size;
	s->mem_size = p->mem_size;
	s->prot = (p->flags & PF_R ? ELF_R : 0) | (p->flags & PF_W ? ELF_W : 0) | (p->flags & PF_X ? ELF_X : 0);
	s->unused = 0;
	if (p->alignment > out->alignment && p->alignment <= ALIGNMENT_MAX && (p->alignment & (p->alignment - 1)) == 0)
		out->alignment = p->alignment;
	out->low = MIN(out->low, ALIGN_DOWN(p->va, PAGE_SIZE));
	out->high = MAX(out->high, ALIGN_UP(p->va + p->mem_size, PAGE_SIZE));
	out->brk = MAX(out->brk, p->va + p->mem_size);
	if (out->headers_offset >= p->offset && out->headers_offset - p->offset < p->file_size && !out->headers_va)
		out->headers_va = p->va + (out->headers_offset - p->offset);
	widen_areas(out, s);
	return OK;
}

static status_t add_header(struct elf_image *out, const struct elf_program_header *p, const char **step)
{
	switch (p->type) {
	case PT_LOAD:
		return add_load(out, p, step);
	case PT_INTERP:
		if (out->interpreter_size) /* only the first counts */
			return OK;
		if (p->file_size < 2 || p->file_size > ELF_INTERPRETER_MAX)
			return fail(step, "interpreter_size", ERR_NOEXEC);
		if (p->offset > INT64_MAX - p->file_size)
			return fail(step, "interpreter_offset", ERR_INVAL);
		out->interpreter_offset = p->offset;
		out->interpreter_size = p->file_size;
		return OK;
	case PT_GNU_STACK:
		out->has_stack_flags = true;
		out->executable_stack = (p->flags & PF_X) != 0;
		return OK;
	default:
		return OK;
	}
}

status_t elf_parse_segments(const void *headers, size_t size, struct elf_image *out, const char **step)
{
	if (size < (size_t)out->header_count * sizeof(struct elf_program_header))
		return fail(step, "program_header_read", ERR_NOEXEC);
	for (u32 i = 0; i < out->header_count; i++) {
		struct elf_program_header p;
		memcpy(&p, (const u8 *)headers + i * sizeof(p), sizeof(p));
		status_t st = add_header(out, &p, step);
		if (st)
			return st;
	}
	if (out->segment_count == 0 || out->low >= out->high)
		return fail(step, "no_segment", ERR_INVAL);
	if (out->type == ELF_TYPE_EXEC && out->entry >= ELF_USER_TOP)
		return fail(step, "entry", ERR_INVAL);
	return OK;
}

status_t elf_check_interpreter(const char *text, u64 size, const char **step)
{
	if (size < 2 || text[size - 1] != '\0')
		return fail(step, "interpreter_text", ERR_NOEXEC);
	return OK;
}
