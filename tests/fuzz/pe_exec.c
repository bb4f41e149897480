// SPDX-License-Identifier: MIT
// Executes mutated Windows programs: FILE COUNT SEED [FOLDER]. Each case changes a few bytes of FILE, mostly in headers and
// tables, or cuts it; the outcome is an errno of execve, an exit status or a signal. Prints "case outcome" lines: none may
// hang or hurt the guest (tests/system/fuzz_pe.sh).
#include "exec_case.h"
#include <string.h>

#define FILE_BYTES_MAX 65536

/* Headers and section table (0), a section table entry or directory (1), anywhere (2). */
static size_t choose_place(const uint8_t *f, size_t size)
{
	uint32_t pe;
	memcpy(&pe, f + 60, 4);
	switch (next_random() % 4) {
	case 0:
		return next_random() % 0x400;
	case 1:
		return pe + 24 + next_random() % 240;
	case 2:
		return pe + 264 + next_random() % 400;
	default:
		return next_random() % size;
	}
}

static void mutate(uint8_t *f, size_t size)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 7, 0x10, 0x3f, 0x40, 0x7f, 0xff, 0x1ff, 0x200, 0xfff, 0x1000, 0x1001, 0xffff, 0x10000, 0x7ffff000, 0x7fffffff,
		0x80000000, 0xfffff000, 0xffffffff, 0x100000000, 0x7fff00000000, 0x7fffffff0000, 0x800000000000, 0xffffffffffff0000,
	};
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	for (uint64_t n = 1 + next_random() % 4; n; n--) {
		size_t at = choose_place(f, size);
		if (at + 8 > size)
			continue;
		if (next_random() % 3 == 0)
			f[at] ^= (uint8_t)(1u << (next_random() % 8));
		else
			memcpy(f + (at & ~3ull), &values[next_random() % (sizeof(values) / sizeof(values[0]))], sizes[next_random() % 4]);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	uint64_t count = strtoull(argv[2], NULL, 0), seed = strtoull(argv[3], NULL, 0);
	uint8_t *good = malloc(FILE_BYTES_MAX), *f = malloc(FILE_BYTES_MAX);
	int fd = open(argv[1], O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, good, FILE_BYTES_MAX);
	char path[256];
	int *shared_errno = shared_errno_make();
	if (size < 1024)
		return 2;
	snprintf(path, sizeof(path), "%s/pe_fuzz_case.exe", argc > 4 ? argv[4] : "/tmp");
	for (uint64_t i = 0; i < count; i++) {
		random_start(seed, i);
		memcpy(f, good, (size_t)size);
		size_t bytes = i && next_random() % 16 == 0 ? 2 + next_random() % (uint64_t)(size - 2) : (size_t)size;
		if (i)
			mutate(f, (size_t)size);
		run_case(i, path, f, bytes, shared_errno);
	}
	unlink(path);
	return 0;
}
