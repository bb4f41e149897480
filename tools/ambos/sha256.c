// SPDX-License-Identifier: MIT
// SHA-256 (FIPS 180-4), for `ambos image verify`. The constants are the fractional parts of the square and cube
// roots of the first primes, computed here from the definition instead of being listed.
#include <string.h>

#include "sha256.h"

static u32 round_constants[64], initial_state[8];

/* floor((p^(1/root) mod 1) * 2^32) by bisection in 128-bit integers; p < 312, so the root is below 18. */
static u32 root_fraction(u32 prime, u32 root)
{
	u64 low = 0, high = 18ull << 32;
	while (high - low > 1) {
		u64 middle = (low + high) / 2;
		unsigned __int128 power = (unsigned __int128)middle * middle; /* < 2^74 */
		bool above;
		if (root == 2)
			above = power > (unsigned __int128)prime << 64;
		else /* compare middle^3 with prime << 96, scaled down by 2^32 without losing order: divide instead */
			above = power > (((unsigned __int128)prime << 96) / middle);
		if (above)
			high = middle;
		else
			low = middle;
	}
	return (u32)low;
}

static void make_constants(void)
{
	u32 count = 0;
	for (u32 n = 2; count < 64; n++) {
		bool prime = true;
		for (u32 d = 2; d * d <= n; d++)
			prime &= n % d != 0;
		if (!prime)
			continue;
		round_constants[count] = root_fraction(n, 3);
		if (count < 8)
			initial_state[count] = root_fraction(n, 2);
		count++;
	}
}

static u32 rotate(u32 x, u32 n)
{
	return x >> n | x << (32 - n);
}

static void compress(u32 state[8], const u8 *block)
{
	u32 w[64], v[8];
	for (u32 i = 0; i < 16; i++)
		w[i] = (u32)block[4 * i] << 24 | (u32)block[4 * i + 1] << 16 | (u32)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (u32 i = 16; i < 64; i++) {
		u32 s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		u32 s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	memcpy(v, state, sizeof(v));
	for (u32 i = 0; i < 64; i++) {
		u32 s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
		u32 t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + round_constants[i] + w[i];
		u32 s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
		u32 t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (u32 i = 0; i < 8; i++)
		state[i] += v[i];
}

void sha256_start(struct sha256 *s)
{
	if (!round_constants[0])
		make_constants();
	memset(s, 0, sizeof(*s));
	memcpy(s->state, initial_state, sizeof(s->state));
}

void sha256_add(struct sha256 *s, const void *data, size_t size)
{
	const u8 *p = data;
	while (size > 0) {
		size_t used = s->total % 64, n = MIN(64 - used, size);
		memcpy(s->block + used, p, n);
		s->total += n;
		p += n;
		size -= n;
		if (s->total % 64 == 0)
			compress(s->state, s->block);
	}
}

void sha256_finish(struct sha256 *s, u8 digest[32])
{
	u64 bits = s->total * 8;
	u8 tail[8];
	static const u8 one = 0x80, zero = 0;
	sha256_add(s, &one, 1);
	while (s->total % 64 != 56)
		sha256_add(s, &zero, 1);
	for (u32 i = 0; i < 8; i++)
		tail[i] = (u8)(bits >> (56 - 8 * i));
	sha256_add(s, tail, 8);
	for (u32 i = 0; i < 32; i++)
		digest[i] = (u8)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}
