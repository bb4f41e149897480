// SPDX-License-Identifier: MIT
/* MD4 (RFC 1320), MD5 (RFC 1321) and SHA-1 (FIPS 180) under the names that advapi32 forwards to. */
#include "rtl.h"

struct md_context { ULONG bits[2], state[4]; BYTE in[64], digest[16]; };

static ULONG rotate(ULONG value, unsigned count) { return value << count | value >> (32 - count); }

static void md4_block(ULONG state[4], const ULONG x[16])
{
	static const unsigned char shifts[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	static const unsigned char order[16] = { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15 };
	ULONG a = state[0], b = state[1], c = state[2], d = state[3];
	unsigned i;
	for (i = 0; i < 48; i++) {
		ULONG f, t;
		if (i < 16)
			f = ((b & c) | (~b & d)) + x[i];
		else if (i < 32)
			f = ((b & c) | (b & d) | (c & d)) + x[(i & 3) * 4 + (i - 16) / 4] + 0x5a827999;
		else
			f = (b ^ c ^ d) + x[order[i - 32]] + 0x6ed9eba1;
		t = rotate(a + f, shifts[i / 16][i & 3]);
		a = d, d = c, c = b, b = t;
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

/* floor(2^32 * |sin(i + 1)|), RFC 1321 section 3.4. */
static const ULONG md5_sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1,
	0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453,
	0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942,
	0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05,
	0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d,
	0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static void md5_block(ULONG state[4], const ULONG x[16])
{
	static const unsigned char shifts[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } };
	ULONG a = state[0], b = state[1], c = state[2], d = state[3];
	unsigned i;
	for (i = 0; i < 64; i++) {
		ULONG f, t;
		unsigned g;
		switch (i / 16) {
		case 0: f = (b & c) | (~b & d), g = i; break;
		case 1: f = (d & b) | (~d & c), g = (5 * i + 1) & 15; break;
		case 2: f = b ^ c ^ d, g = (3 * i + 5) & 15; break;
		default: f = c ^ (b | ~d), g = 7 * i & 15;
		}
		t = b + rotate(a + f + md5_sines[i] + x[g], shifts[i / 16][i & 3]);
		a = d, d = c, c = b, b = t;
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

typedef void md_block(ULONG state[4], const ULONG x[16]);

static void md_start(struct md_context *c)
{
	c->bits[0] = c->bits[1] = 0;
	c->state[0] = 0x67452301, c->state[1] = 0xefcdab89, c->state[2] = 0x98badcfe, c->state[3] = 0x10325476;
}

static void md_add(struct md_context *c, const BYTE *data, ULONG bytes, md_block *block)
{
	ULONG have = c->bits[0] >> 3 & 63, words[16];
	ULONGLONG total = ((ULONGLONG)c->bits[1] << 32 | c->bits[0]) + ((ULONGLONG)bytes << 3);
	c->bits[0] = (ULONG)total, c->bits[1] = (ULONG)(total >> 32);
	while (bytes) {
		ULONG here = 64 - have < bytes ? 64 - have : bytes;
		memcpy(c->in + have, data, here);
		have += here, data += here, bytes -= here;
		if (have < 64)
			break;
		memcpy(words, c->in, sizeof(words));
		block(c->state, words);
		have = 0;
	}
}

static void md_finish(struct md_context *c, md_block *block)
{
	ULONG length[2] = { c->bits[0], c->bits[1] };
	static const BYTE padding[64] = { 0x80 };
	ULONG have = c->bits[0] >> 3 & 63;
	md_add(c, padding, have < 56 ? 56 - have : 120 - have, block);
	md_add(c, (const BYTE *)length, sizeof(length), block);
	memcpy(c->digest, c->state, sizeof(c->digest));
}

void NTAPI MD4Init(struct md_context *c) { md_start(c); }
void NTAPI MD4Update(struct md_context *c, const void *data, ULONG bytes) { md_add(c, data, bytes, md4_block); }
void NTAPI MD4Final(struct md_context *c) { md_finish(c, md4_block); }
void NTAPI MD5Init(struct md_context *c) { md_start(c); }
void NTAPI MD5Update(struct md_context *c, const void *data, ULONG bytes) { md_add(c, data, bytes, md5_block); }
void NTAPI MD5Final(struct md_context *c) { md_finish(c, md5_block); }

struct sha_context { ULONG unused[6], state[5], count[2]; BYTE buffer[64]; };

static void sha_block(ULONG state[5], const BYTE *data)
{
	ULONG w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], i;
	for (i = 0; i < 16; i++)
		w[i] = (ULONG)data[4 * i] << 24 | (ULONG)data[4 * i + 1] << 16 | (ULONG)data[4 * i + 2] << 8 | data[4 * i + 3];
	for (; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (i = 0; i < 80; i++) {
		ULONG f, k, t;
		if (i < 20)
			f = (b & c) | (~b & d), k = 0x5a827999;
		else if (i < 40)
			f = b ^ c ^ d, k = 0x6ed9eba1;
		else if (i < 60)
			f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
		else
			f = b ^ c ^ d, k = 0xca62c1d6;
		t = rotate(a, 5) + f + e + k + w[i];
		e = d, d = c, c = rotate(b, 30), b = a, a = t;
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* count[0] is the high word, in bytes. */
void NTAPI A_SHAInit(struct sha_context *c)
{
	c->state[0] = 0x67452301, c->state[1] = 0xefcdab89, c->state[2] = 0x98badcfe, c->state[3] = 0x10325476, c->state[4] = 0xc3d2e1f0;
	c->count[0] = c->count[1] = 0;
}

void NTAPI A_SHAUpdate(struct sha_context *c, const BYTE *data, ULONG bytes)
{
	ULONG have = c->count[1] & 63;
	c->count[1] += bytes;
	if (c->count[1] < bytes)
		c->count[0]++;
	c->count[0] += bytes >> 29;
	while (bytes) {
		ULONG here = 64 - have < bytes ? 64 - have : bytes;
		memcpy(c->buffer + have, data, here);
		have += here, data += here, bytes -= here;
		if (have < 64)
			break;
		sha_block(c->state, c->buffer);
		have = 0;
	}
}

void NTAPI A_SHAFinal(struct sha_context *c, ULONG *result)
{
	static const BYTE padding[64] = { 0x80 };
	ULONG have = c->count[1] & 63, i, length[2] = { __builtin_bswap32(c->count[0]), 0 };
	length[0] = __builtin_bswap32(c->count[0] << 3 | c->count[1] >> 29);
	length[1] = __builtin_bswap32(c->count[1] << 3);
	A_SHAUpdate(c, padding, have < 56 ? 56 - have : 120 - have);
	A_SHAUpdate(c, (const BYTE *)length, sizeof(length));
	for (i = 0; i < 5; i++)
		result[i] = __builtin_bswap32(c->state[i]);
	A_SHAInit(c);
}
