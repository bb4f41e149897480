// SPDX-License-Identifier: MIT
/* Memory and string functions of the kernel and ntdll. Services link musl's. Copies use 64-bit words, or rep movsb
 * where the CPU says that it is fast (ERMS; memory_use_erms), since TCG makes rep slow and hardware the reverse. */
#ifndef AMBOS_SERVICE
#include "string.h"

bool memory_use_erms;
#define ERMS_WORTH_BYTES 256

typedef u64 word __attribute__((may_alias, aligned(1)));

__attribute__((optimize("no-tree-loop-distribute-patterns")))
void *memcpy(void *dst, const void *src, size_t n)
{
	u8 *d = dst;
	const u8 *s = src;
	if (memory_use_erms && n >= ERMS_WORTH_BYTES) {
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
		return dst;
	}
	for (; n >= 32; n -= 32, d += 32, s += 32) {
		u64 a = ((const word *)s)[0], b = ((const word *)s)[1], c = ((const word *)s)[2], e = ((const word *)s)[3];
		((word *)d)[0] = a;
		((word *)d)[1] = b;
		((word *)d)[2] = c;
		((word *)d)[3] = e;
	}
	for (; n >= 8; n -= 8, d += 8, s += 8)
		*(word *)d = *(const word *)s;
	while (n--)
		*d++ = *s++;
	return dst;
}

__attribute__((optimize("no-tree-loop-distribute-patterns")))
void *memmove(void *dst, const void *src, size_t n)
{
	u8 *d = (u8 *)dst + n;
	const u8 *s = (const u8 *)src + n;
	if ((u8 *)dst <= (const u8 *)src || (u8 *)dst >= s)
		return memcpy(dst, src, n);
	for (; n >= 8; n -= 8) {
		d -= 8;
		s -= 8;
		*(word *)d = *(const word *)s;
	}
	while (n--)
		*--d = *--s;
	return dst;
}

__attribute__((optimize("no-tree-loop-distribute-patterns")))
void *memset(void *dst, int c, size_t n)
{
	u8 *d = dst;
	u64 v = (u8)c * 0x0101010101010101ull;
	if (memory_use_erms && n >= ERMS_WORTH_BYTES) {
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
		return dst;
	}
	for (; n >= 32; n -= 32, d += 32) {
		((word *)d)[0] = v;
		((word *)d)[1] = v;
		((word *)d)[2] = v;
		((word *)d)[3] = v;
	}
	for (; n >= 8; n -= 8, d += 8)
		*(word *)d = v;
	while (n--)
		*d++ = (u8)c;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;
	for (; n >= 8 && *(const word *)p == *(const word *)q; n -= 8, p += 8, q += 8)
		;
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	const char *p = s;
	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;
	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	while (n && *a && *a == *b)
		a++, b++, n--;
	return n ? (u8)*a - (u8)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;
	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}
#endif
