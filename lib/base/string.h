/* SPDX-License-Identifier: MIT */
/* Freestanding memory and string functions (kernel, ntdll) and the formatter used by every log line. */
#ifndef AMBOS_BASE_STRING_H
#define AMBOS_BASE_STRING_H

#include "base.h"

extern bool string_use_rep; /* set once at start when CPUID says ERMS; false means plain loops */
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/* Copies at most size-1 bytes and ends with NUL; returns strlen(src). */
size_t str_copy(char *dst, const char *src, size_t size);

/* printf subset: %d %i %u %x %X %c %s %p %% with - 0 width .precision and h hh l ll z j. Always NUL-terminates; returns
 * the length the full text would have, as snprintf. */
int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int fmt_snprintf(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* FNV-1a over bytes, finished with a multiply-shift so that low bits are usable as a table index. */
u64 hash_bytes(const void *data, size_t n, u64 seed);
static inline u64 hash_u64(u64 x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ull;
	return x ^ (x >> 29);
}

#endif
