// SPDX-License-Identifier: MIT
// libFuzzer harness of LZNT1: any input ends within its output's bounds; what was expanded can be packed and comes back.
// LINK: windows/ntdll/lznt1.c
// CFLAGS: -Iwindows/ntdll
#include "lznt1.h"

#include <stdlib.h>
#include <string.h>

#define OUT_BYTES 20000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lznt1_workspace workspace;
	size_t offset = size ? data[0] * 64u : 0, used = 0, packed = 0, again = 0;
	uint8_t *out = malloc(OUT_BYTES), *other = malloc(2 * OUT_BYTES), *chunk = malloc(LZNT1_CHUNK);
	(void)!lznt1_expand_at(data, size, offset, out, size ? data[size - 1] * 70u : 0, chunk, &used);
	if (lznt1_expand(data, size, out, OUT_BYTES, &used) == LZNT1_OK) {
		uint8_t *back = malloc(used + 1);
		if (used > OUT_BYTES || lznt1_compress(out, used, other, 2 * OUT_BYTES, &workspace, &packed) != LZNT1_OK)
			abort();
		if (used && (lznt1_expand(other, packed, back, used, &again) != LZNT1_OK || again != used || memcmp(back, out, used)))
			abort();
		free(back);
	}
	free(out);
	free(other);
	free(chunk);
	return 0;
}
