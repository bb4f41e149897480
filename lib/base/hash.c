// SPDX-License-Identifier: MIT
/* hash_bytes: FNV-1a, eight bytes at a time where there are eight, finished by a multiply and shift. */
#include "string.h"

#define FNV_PRIME 0x100000001b3ull
#define FNV_BASIS 0xcbf29ce484222325ull

u64 hash_bytes(const void *data, size_t n, u64 seed)
{
	const u8 *p = data;
	u64 h = FNV_BASIS ^ seed;
	for (; n >= 8; n -= 8, p += 8) {
		u64 v;
		__builtin_memcpy(&v, p, 8);
		h = (h ^ v) * FNV_PRIME;
		h ^= h >> 29;
	}
	for (; n; n--, p++)
		h = (h ^ *p) * FNV_PRIME;
	return hash_u64(h);
}
