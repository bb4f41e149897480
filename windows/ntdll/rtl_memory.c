// SPDX-License-Identifier: MIT
/* Memory: copy, fill, compare under their C and their Rtl names, and the encoding of pointers.
 * The compiler is told not to turn these loops into calls of themselves (build/windows.mk). */
#include "rtl.h"

typedef ULONGLONG word __attribute__((aligned(1), may_alias));
#define BLOCK 32 /* bytes a turn of the copy loop; larger gains nothing without wider registers */

typedef long long vector __attribute__((vector_size(16), aligned(1), may_alias));

static void copy_up(unsigned char *to, const unsigned char *from, size_t bytes)
{
	for (; bytes >= BLOCK; bytes -= BLOCK, to += BLOCK, from += BLOCK) {
		vector first = *(const vector *)from, second = *(const vector *)(from + 16);
		*(vector *)to = first;
		*(vector *)(to + 16) = second;
	}
	for (; bytes >= 8; bytes -= 8, to += 8, from += 8)
		*(word *)to = *(const word *)from;
	for (; bytes; bytes--)
		*to++ = *from++;
}

static void copy_down(unsigned char *to, const unsigned char *from, size_t bytes)
{
	to += bytes, from += bytes;
	for (; bytes >= BLOCK; bytes -= BLOCK) {
		to -= BLOCK, from -= BLOCK;
		vector first = *(const vector *)from, second = *(const vector *)(from + 16);
		*(vector *)to = first;
		*(vector *)(to + 16) = second;
	}
	for (; bytes >= 8; bytes -= 8) {
		to -= 8, from -= 8;
		*(word *)to = *(const word *)from;
	}
	for (; bytes; bytes--)
		*--to = *--from;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	if ((uintptr_t)to - (uintptr_t)from >= bytes)
		copy_up(to, from, bytes);
	else
		copy_down(to, from, bytes);
	return to;
}

/* Programs rely on overlapping memcpy: the one of Windows is memmove. */
void *memcpy(void *to, const void *from, size_t bytes)
{
	return memmove(to, from, bytes);
}

void *memset(void *to, int value, size_t bytes)
{
	unsigned char *at = to;
	ULONGLONG pattern = 0x0101010101010101u * (unsigned char)value;
	vector wide = { (long long)pattern, (long long)pattern };
	for (; bytes >= BLOCK; bytes -= BLOCK, at += BLOCK)
		*(vector *)at = wide, *(vector *)(at + 16) = wide;
	for (; bytes >= 8; bytes -= 8, at += 8)
		*(word *)at = pattern;
	for (; bytes; bytes--)
		*at++ = (unsigned char)value;
	return to;
}

/* How many bytes are the same. */
static size_t same_bytes(const unsigned char *a, const unsigned char *b, size_t bytes)
{
	size_t i = 0;
	while (bytes - i >= 8 && *(const word *)(a + i) == *(const word *)(b + i))
		i += 8;
	while (i < bytes && a[i] == b[i])
		i++;
	return i;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	size_t i = same_bytes(a, b, bytes);
	if (i == bytes)
		return 0;
	return ((const unsigned char *)a)[i] < ((const unsigned char *)b)[i] ? -1 : 1;
}

void *memchr(const void *memory, int value, size_t bytes)
{
	const unsigned char *at = memory;
	for (; bytes; bytes--, at++)
		if (*at == (unsigned char)value)
			return (void *)(uintptr_t)at;
	return NULL;
}

void *_memccpy(void *to, const void *from, int stop, size_t bytes)
{
	unsigned char *out = to;
	const unsigned char *in = from;
	while (bytes--)
		if ((*out++ = *in++) == (unsigned char)stop)
			return out;
	return NULL;
}

int _memicmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *first = a, *second = b;
	int difference = 0;
	for (; bytes && !difference; bytes--)
		difference = tolower(*first++) - tolower(*second++);
	return difference;
}

#define C_EINVAL 22
#define C_ERANGE 34

int memcpy_s(void *to, size_t room, const void *from, size_t bytes)
{
	if (!bytes)
		return 0;
	if (!to)
		return C_EINVAL;
	if (!from || room < bytes) {
		memset(to, 0, room);
		return from ? C_ERANGE : C_EINVAL;
	}
	memmove(to, from, bytes);
	return 0;
}

int memmove_s(void *to, size_t room, const void *from, size_t bytes)
{
	if (!bytes)
		return 0;
	if (!to || !from)
		return C_EINVAL;
	if (room < bytes)
		return C_ERANGE;
	memmove(to, from, bytes);
	return 0;
}

void NTAPI RtlCopyMemory(void *to, const void *from, SIZE_T bytes) { memmove(to, from, bytes); }
void NTAPI RtlCopyMemoryNonTemporal(void *to, const void *from, SIZE_T bytes) { memmove(to, from, bytes); }
void NTAPI RtlMoveMemory(void *to, const void *from, SIZE_T bytes) { memmove(to, from, bytes); }
void NTAPI RtlFillMemory(void *to, SIZE_T bytes, BYTE value) { memset(to, value, bytes); }
void NTAPI RtlZeroMemory(void *to, SIZE_T bytes) { memset(to, 0, bytes); }
SIZE_T NTAPI RtlCompareMemory(const void *a, const void *b, SIZE_T bytes) { return same_bytes(a, b, bytes); }

void NTAPI RtlFillMemoryUlong(ULONG *to, SIZE_T bytes, ULONG value)
{
	SIZE_T i;
	for (i = 0; i < bytes / sizeof(ULONG); i++)
		to[i] = value;
}

SIZE_T NTAPI RtlCompareMemoryUlong(const ULONG *memory, SIZE_T bytes, ULONG value)
{
	SIZE_T i = 0;
	while (i < bytes / sizeof(ULONG) && memory[i] == value)
		i++;
	return i * sizeof(ULONG);
}

/* A secret per process against overwritten function pointers: rotation and key from one random word. */
static ULONGLONG pointer_key(void)
{
	static ULONGLONG key;
	ULONGLONG now = __atomic_load_n(&key, __ATOMIC_RELAXED);
	if (!now) {
		ULONGLONG expected = 0;
		now = (__builtin_ia32_rdtsc() ^ (uintptr_t)&now ^ (uintptr_t)current_teb()->ClientId.UniqueProcess << 40) * 0x9e3779b97f4a7c15u;
		now |= 1; /* never "not set" */
		if (!__atomic_compare_exchange_n(&key, &expected, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			now = expected;
	}
	return now;
}

static ULONGLONG rotate_right(ULONGLONG value, unsigned count)
{
	return count & 63 ? value >> (count & 63) | value << (64 - (count & 63)) : value;
}

PVOID NTAPI RtlEncodePointer(PVOID pointer)
{
	ULONGLONG key = pointer_key();
	return (PVOID)rotate_right((ULONGLONG)pointer ^ key, (unsigned)key);
}

PVOID NTAPI RtlDecodePointer(PVOID pointer)
{
	ULONGLONG key = pointer_key();
	return (PVOID)(rotate_right((ULONGLONG)pointer, 64 - ((unsigned)key & 63)) ^ key);
}

/* The system-wide pair uses a fixed key: programs of one boot must agree. */
#define SYSTEM_POINTER_KEY 0xdeadbeefcafe5a5au
PVOID NTAPI RtlEncodeSystemPointer(PVOID pointer) { return (PVOID)((ULONGLONG)pointer ^ SYSTEM_POINTER_KEY); }
PVOID NTAPI RtlDecodeSystemPointer(PVOID pointer) { return (PVOID)((ULONGLONG)pointer ^ SYSTEM_POINTER_KEY); }
