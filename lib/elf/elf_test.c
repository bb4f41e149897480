// SPDX-License-Identifier: MIT
// Unit test of the ELF parser: a good image, then one mutation per rule.
// LINK: lib/elf/elf.c
#include <stdio.h>
#include <string.h>

#include "elf.h"
#include "../../tests/unit.h"

struct file { u8 header[64]; u8 segments[4][56]; };

static void put(u8 *at, u64 value, u32 bytes)
{
	memcpy(at, &value, bytes);
}

static void program_header(u8 *p, u32 type, u32 flags, u64 offset, u64 va, u64 file_size, u64 mem_size, u64 align)
{
	put(p, type, 4);
	put(p + 4, flags, 4);
	put(p + 8, offset, 8);
	put(p + 16, va, 8);
	put(p + 32, file_size, 8);
	put(p + 40, mem_size, 8);
	put(p + 48, align, 8);
}

static struct file good_file(void)
{
	struct file f;
	memset(&f, 0, sizeof(f));
	memcpy(f.header, "\177ELF\2\1\1", 7);
	put(f.header + 16, ELF_TYPE_EXEC, 2);
	put(f.header + 18, 62, 2);
	put(f.header + 24, 0x401000, 8);
	put(f.header + 32, 64, 8);
	put(f.header + 54, 56, 2);
	put(f.header + 56, 4, 2);
	program_header(f.segments[0], 1, 4, 0, 0x400000, 0x200, 0x200, 0x1000);
	program_header(f.segments[1], 1, 5, 0x1000, 0x401000, 0x100, 0x100, 0x1000);
	program_header(f.segments[2], 1, 6, 0x2010, 0x403010, 0x20, 0x2000, 0x1000);
	program_header(f.segments[3], 0x6474e551, 6, 0, 0, 0, 0, 16);
	return f;
}

static status_t parse(const struct file *f, struct elf_image *image, const char **step)
{
	*step = "";
	status_t st = elf_parse_header(f, sizeof(*f), image, step);
	return st ? st : elf_parse_segments(f->segments, sizeof(f->segments), image, step);
}

static void refused(const char *name, const struct file *f, status_t want, const char *want_step)
{
	struct elf_image image;
	const char *step;
	status_t st = parse(f, &image, &step);
	check(name, st == want && strcmp(step, want_step) == 0);
}

static void accepted(void)
{
	struct file f = good_file();
	struct elf_image image;
	const char *step;
	check("good file is accepted", parse(&f, &image, &step) == OK);
	check("three segments", image.segment_count == 3);
	check("span is page aligned", image.low == 0x400000 && image.high == 0x406000);
	check("brk is the end of the data", image.brk == 0x405010);
	check("program headers have an address", image.headers_va == 0x400040);
	check("stack is not executable", image.has_stack_flags && !image.executable_stack);
	check("code area", image.code_start == 0x401000 && image.code_end == 0x401100);
}

static void alignment_rules(void)
{
	struct file f = good_file();
	struct elf_image image;
	const char *step;
	put(f.segments[1] + 48, 0x200000, 8);
	check("the largest alignment counts", parse(&f, &image, &step) == OK && image.alignment == 0x200000);
	put(f.segments[1] + 48, 0x8000000000000000, 8);
	check("an absurd alignment is ignored", parse(&f, &image, &step) == OK && image.alignment == PAGE_SIZE);
	put(f.segments[1] + 48, 0x1800, 8);
	check("no power of two is ignored", parse(&f, &image, &step) == OK && image.alignment == PAGE_SIZE);
}

static void header_rules(void)
{
	struct file f = good_file();
	f.header[0] = 0;
	refused("bad magic", &f, ERR_NOEXEC, "format");
	f = good_file();
	put(f.header + 16, 1, 2);
	refused("relocatable file", &f, ERR_NOEXEC, "type");
	f = good_file();
	put(f.header + 18, 3, 2);
	refused("i386", &f, ERR_NOEXEC, "machine");
	f = good_file();
	put(f.header + 54, 32, 2);
	refused("wrong entry size", &f, ERR_NOEXEC, "program_header_size");
	f = good_file();
	put(f.header + 56, 0, 2);
	refused("no program headers", &f, ERR_NOEXEC, "program_header_count");
	f = good_file();
	put(f.header + 32, UINT64_MAX - 10, 8);
	refused("program headers beyond any file", &f, ERR_NOEXEC, "program_header_offset");
}

static void segment_rules(void)
{
	struct file f = good_file();
	put(f.segments[1] + 32, 0x200, 8);
	refused("more file than memory", &f, ERR_INVAL, "segment_file_size");
	f = good_file();
	put(f.segments[1] + 16, 0xffffffff81000000, 8);
	refused("kernel address", &f, ERR_INVAL, "segment_address");
	f = good_file();
	put(f.segments[2] + 40, UINT64_MAX - 0x1000, 8);
	refused("size that wraps", &f, ERR_INVAL, "segment_address");
	f = good_file();
	put(f.segments[1] + 8, 0x1001, 8);
	refused("offset not congruent", &f, ERR_INVAL, "segment_offset_congruence");
	f = good_file();
	for (u32 i = 0; i < 3; i++)
		put(f.segments[i], 0, 4);
	refused("nothing to load", &f, ERR_INVAL, "no_segment");
	f = good_file();
	program_header(f.segments[3], 3, 4, 0, 0, 1, 1, 1);
	refused("interpreter too short", &f, ERR_NOEXEC, "interpreter_size");
}

int main(void)
{
	const char *step;
	accepted();
	alignment_rules();
	header_rules();
	segment_rules();
	check("interpreter text", elf_check_interpreter("/lib/ld", 8, &step) == OK);
	check("interpreter without NUL", elf_check_interpreter("/lib/ld", 7, &step) == ERR_NOEXEC);
	return failures != 0;
}
