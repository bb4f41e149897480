// SPDX-License-Identifier: MIT
// hash_bytes for host tests that do not link the freestanding lib/base/string.c (it would replace the C library's).
#include "../../lib/base/string.h"

u64 hash_bytes(const void *data, size_t n, u64 seed)
{
	const u8 *p = data;
	u64 h = 0xcbf29ce484222325ull ^ seed;
	while (n--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return hash_u64(h);
}
