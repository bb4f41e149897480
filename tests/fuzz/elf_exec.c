// SPDX-License-Identifier: MIT
// Executes mutated ELF files: COUNT SEED [FOLDER]. Each case changes a few header fields of a small static program and runs
// it; the outcome is an errno of execve, an exit status or a signal. Prints one line "case outcome" each, so that the
// same seed on the host's Linux and in the guest can be compared (tests/system/fuzz_elf.sh).
#include "exec_case.h"
#include <string.h>

#define FILE_BYTES 8192
#define HEADERS 3
#define CODE_OFFSET 0x1000

static void put(uint8_t *at, uint64_t v, int bytes) { memcpy(at, &v, (size_t)bytes); }

static void header(uint8_t *p, uint32_t type, uint32_t flags, uint64_t offset, uint64_t va, uint64_t file, uint64_t mem)
{
	put(p, type, 4);
	put(p + 4, flags, 4);
	put(p + 8, offset, 8);
	put(p + 16, va, 8);
	put(p + 24, va, 8);
	put(p + 32, file, 8);
	put(p + 40, mem, 8);
	put(p + 48, 0x1000, 8);
}

/* exit_group(7) from a code segment, a data segment with bss, a stack note; ET_EXEC or ET_DYN. */
static void make_file(uint8_t f[FILE_BYTES], int pie)
{
	static const uint8_t code[] = { 0xb8, 231, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05 };
	uint64_t base = pie ? 0 : 0x400000;
	memset(f, 0, FILE_BYTES);
	memcpy(f, "\177ELF\2\1\1", 7);
	put(f + 16, pie ? 3 : 2, 2);
	put(f + 18, 62, 2);
	put(f + 20, 1, 4);
	put(f + 24, base + CODE_OFFSET, 8);
	put(f + 32, 64, 8);
	put(f + 52, 64, 2);
	put(f + 54, 56, 2);
	put(f + 56, HEADERS, 2);
	header(f + 64, 1, 5, 0, base, CODE_OFFSET + sizeof(code), CODE_OFFSET + sizeof(code));
	header(f + 120, 1, 6, CODE_OFFSET + 0x100, base + 0x2100, 0x80, 0x3000);
	header(f + 176, 0x6474e551, 6, 0, 0, 0, 0);
	memcpy(f + CODE_OFFSET, code, sizeof(code));
}

static void mutate(uint8_t f[FILE_BYTES])
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 7, 0x3f, 0x40, 0x7f, 0x80, 0xff, 0x100, 0xfff, 0x1000, 0x1001, 0x7fff, 0xffff, 0x10000, 0x400000, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 0x7ffffffff000, 0x7fffffffffff, 0x800000000000, 0xffffffff80000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffff000, 0xffffffffffffffff,
	};
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	for (uint64_t n = 1 + next_random() % 3; n; n--) {
		uint64_t at = next_random() % (64 + 56 * HEADERS - 8);
		uint64_t kind = next_random() % 4;
		if (kind == 0)
			f[at] ^= (uint8_t)(1u << (next_random() % 8));
		else if (kind == 1)
			f[at] = (uint8_t)next_random();
		else
			put(f + (at & ~7ull), values[next_random() % (sizeof(values) / sizeof(values[0]))], sizes[next_random() % 4]);
	}
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	uint8_t *f = malloc(FILE_BYTES);
	char path[256];
	int *shared_errno = shared_errno_make();
	snprintf(path, sizeof(path), "%s/elf_fuzz_case", argc > 3 ? argv[3] : "/tmp");
	for (uint64_t i = 0; i < count; i++) {
		random_start(seed, i);
		make_file(f, next_random() & 1);
		size_t size = next_random() % 16 ? FILE_BYTES : next_random() % FILE_BYTES;
		if (i)
			mutate(f);
		run_case(i, path, f, i ? size : FILE_BYTES, shared_errno);
	}
	unlink(path);
	return 0;
}
