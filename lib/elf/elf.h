/* SPDX-License-Identifier: MIT */
/* ELF64 x86-64 executables: a pure parser. It reads only the bytes it is given and never trusts one:
 * whatever it accepts can be mapped without further checks (sums do not wrap, addresses are user addresses).
 * elf_parse_header needs the first ELF_HEADER_BYTES; elf_parse_segments the program headers.
 * The rules are those Linux's loader enforces (elf(5), and behaviour observed with mutated headers);
 * `step` names the check that failed, for the log line of loaderd. */
#ifndef AMBOS_LIB_ELF_H
#define AMBOS_LIB_ELF_H

#include "../../abi/core/status.h"
#include "../base/base.h"

#define ELF_HEADER_BYTES 64
#define ELF_PROGRAM_HEADER_BYTES 56
#define ELF_PROGRAM_HEADERS_MAX (65536 / ELF_PROGRAM_HEADER_BYTES) /* as Linux */
#define ELF_SEGMENTS_MAX 32     /* PT_LOADs in one file; real files have 4 or 5 */
#define ELF_INTERPRETER_MAX 4096 /* PATH_MAX */
#define ELF_USER_TOP 0x00007ffffffff000ull

enum elf_type { ELF_TYPE_EXEC = 2, ELF_TYPE_DYN = 3 };
enum elf_prot { ELF_R = 1, ELF_W = 2, ELF_X = 4 }; /* same bits as the kernel's enum prot */

struct elf_segment {
	u64 va;            /* as in the file, not page aligned */
	u64 offset;        /* congruent to va modulo the page size */
	u64 file_size, mem_size;
	u32 prot;
	u32 unused;
};
struct elf_image {
	u16 type;
	u16 header_count;
	u32 segment_count;
	u64 entry;
	u64 headers_offset;
	u64 headers_va;            /* address of the program headers inside a segment, 0 when none covers them */
	u64 low, high;             /* page-aligned span of all segments */
	u64 alignment;             /* largest PT_LOAD alignment, >= PAGE_SIZE, a power of two */
	u64 brk;                   /* end of the highest segment */
	u64 code_start, code_end, data_start, data_end;
	u64 interpreter_offset;    /* PT_INTERP, size 0 when there is none */
	u64 interpreter_size;      /* with its NUL */
	bool has_stack_flags, executable_stack;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
};

status_t elf_parse_header(const void *bytes, size_t size, struct elf_image *out, const char **step) MUST_CHECK;
/* `headers` are out->header_count program headers, read from out->headers_offset. */
status_t elf_parse_segments(const void *headers, size_t size, struct elf_image *out, const char **step) MUST_CHECK;
/* The text of PT_INTERP as read from the file: ends with NUL, not empty. */
status_t elf_check_interpreter(const char *text, u64 size, const char **step) MUST_CHECK;

#endif
