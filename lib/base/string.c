// SPDX-License-Identifier: MIT
/* Memory and string functions without a libc and without vector registers (the kernel has none of its own).
 * string_use_rep: the processor has fast rep movs/stos (CPUID ERMS); under TCG it has not and loops win. */
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns") /* or memcpy's loop becomes a call of memcpy */
#endif
#include "string.h"

#define REP_FROM 256 /* bytes; rep has a start-up cost */

typedef u64 u64_any __attribute__((may_alias, aligned(1)));
typedef u32 u32_any __attribute__((may_alias, aligned(1)));
typedef u16 u16_any __attribute__((may_alias, aligned(1)));

bool string_use_rep;

static inline void copy_small(u8 *d, const u8 *s, size_t n) /* n < 16; both ends overlap-safe: all loads first */
{
	if (n >= 8) {
		u64 a = *(const u64_any *)s, b = *(const u64_any *)(s + n - 8);
		*(u64_any *)d = a;
		*(u64_any *)(d + n - 8) = b;
	} else if (n >= 4) {
		u32 a = *(const u32_any *)s, b = *(const u32_any *)(s + n - 4);
		*(u32_any *)d = a;
		*(u32_any *)(d + n - 4) = b;
	} else if (n >= 2) {
		u16 a = *(const u16_any *)s, b = *(const u16_any *)(s + n - 2);
		*(u16_any *)d = a;
		*(u16_any *)(d + n - 2) = b;
	} else if (n) {
		*d = *s;
	}
}

static inline void copy_forward(u8 *d, const u8 *s, size_t n)
{
	for (; n >= 64; n -= 64, d += 64, s += 64) {
		const u64_any *from = (const u64_any *)s;
		u64_any *to = (u64_any *)d;
		u64 a = from[0], b = from[1], c = from[2], e = from[3];
		to[0] = a;
		to[1] = b;
		to[2] = c;
		to[3] = e;
		a = from[4], b = from[5], c = from[6], e = from[7];
		to[4] = a;
		to[5] = b;
		to[6] = c;
		to[7] = e;
	}
	for (; n >= 16; n -= 16, d += 16, s += 16) {
		u64 a = *(const u64_any *)s, b = *(const u64_any *)(s + 8);
		*(u64_any *)d = a;
		*(u64_any *)(d + 8) = b;
	}
	copy_small(d, s, n);
}

void *memcpy(void *dst, const void *src, size_t n)
{
#ifdef __x86_64__
	if (n >= REP_FROM && string_use_rep) {
		void *d = dst;
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
		return dst;
	}
#endif
	copy_forward(dst, src, n);
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;
	if ((size_t)(d - s) >= n) { /* d before s, or apart */
		copy_forward(d, s, n);
		return dst;
	}
	while (n >= 8) {
		n -= 8;
		u64 v = *(const u64_any *)(s + n);
		*(u64_any *)(d + n) = v;
	}
	copy_small(d, s, n);
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	u8 *d = dst;
	u64 v = (u8)c * 0x0101010101010101ull;
#ifdef __x86_64__
	if (n >= REP_FROM && string_use_rep) {
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
		return dst;
	}
#endif
	for (; n >= 64; n -= 64, d += 64) {
		u64_any *to = (u64_any *)d;
		to[0] = v;
		to[1] = v;
		to[2] = v;
		to[3] = v;
		to[4] = v;
		to[5] = v;
		to[6] = v;
		to[7] = v;
	}
	for (; n >= 8; n -= 8, d += 8)
		*(u64_any *)d = v;
	while (n--)
		*d++ = (u8)c;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;
	for (; n >= 8; n -= 8, x += 8, y += 8)
		if (*(const u64_any *)x != *(const u64_any *)y)
			break;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}

#define CHAR char
#define UNIT u8
#define WANTED int
#define STR(stem) str##stem
#include "string_template.h"

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

size_t str_copy(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src);
	if (size) {
		size_t copied = MIN(n, size - 1);
		memcpy(dst, src, copied);
		dst[copied] = '\0';
	}
	return n;
}
