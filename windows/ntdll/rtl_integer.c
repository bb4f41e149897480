// SPDX-License-Identifier: MIT
/* Numbers and counted strings, 64-bit arithmetic under its old names, checksums, pseudo-random numbers. */
#include "rtl.h"

static bool base_known(ULONG base) { return base == 0 || base == 2 || base == 8 || base == 10 || base == 16; }

static NTSTATUS to_chars(ULONGLONG value, ULONG base, ULONG room, char *out)
{
	char digits[65];
	unsigned count;
	if (!base_known(base))
		return STATUS_INVALID_PARAMETER;
	count = digits_of(value, base ? base : 10, true, digits);
	if (count > room)
		return STATUS_BUFFER_OVERFLOW;
	if (!out)
		return STATUS_ACCESS_VIOLATION;
	memcpy(out, digits, count < room ? count + 1 : count);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIntegerToChar(ULONG value, ULONG base, ULONG room, PCHAR out) { return to_chars(value, base, room, out); }
NTSTATUS NTAPI RtlLargeIntegerToChar(const ULONGLONG *value, ULONG base, ULONG room, PCHAR out)
{
	return to_chars(*value, base, room, out);
}

static NTSTATUS to_string(ULONGLONG value, ULONG base, UNICODE_STRING *out)
{
	char digits[65];
	unsigned i, count;
	if (!base_known(base))
		return STATUS_INVALID_PARAMETER;
	count = digits_of(value, base ? base : 10, true, digits);
	out->Length = (USHORT)(count * sizeof(WCHAR));
	if (out->Length >= out->MaximumLength)
		return STATUS_BUFFER_OVERFLOW;
	for (i = 0; i <= count; i++)
		out->Buffer[i] = (unsigned char)digits[i];
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIntegerToUnicodeString(ULONG value, ULONG base, UNICODE_STRING *out) { return to_string(value, base, out); }
NTSTATUS NTAPI RtlInt64ToUnicodeString(ULONGLONG value, ULONG base, UNICODE_STRING *out) { return to_string(value, base, out); }

struct reader { const char *narrow; const WCHAR *wide; ULONG count; }; /* count: characters of wide */
static WCHAR peek(const struct reader *r, ULONG i)
{
	return r->narrow ? (unsigned char)r->narrow[i] : i < r->count ? r->wide[i] : 0;
}

static NTSTATUS parse(const struct reader *r, ULONG base, ULONG *result)
{
	ULONG i = 0, value = 0;
	bool negative = false;
	while (r->narrow ? peek(r, i) && peek(r, i) <= ' ' : i < r->count && peek(r, i) <= ' ')
		i++;
	if (peek(r, i) == '+' || peek(r, i) == '-')
		negative = peek(r, i++) == '-';
	if (!base) {
		base = 10;
		if (peek(r, i) == '0') {
			WCHAR kind = peek(r, i + 1);
			base = kind == 'b' ? 2 : kind == 'o' ? 8 : kind == 'x' ? 16 : 10;
			if (base != 10)
				i += 2;
		}
	} else if (!base_known(base)) {
		return STATUS_INVALID_PARAMETER;
	}
	if (!result)
		return STATUS_ACCESS_VIOLATION;
	for (;; i++) {
		WCHAR c = peek(r, i);
		ULONG digit = c >= '0' && c <= '9' ? (ULONG)(c - '0') : c >= 'A' && c <= 'Z' ? c - 'A' + 10u : c >= 'a' && c <= 'z'
			? c - 'a' + 10u : 99;
		if (digit >= base)
			break;
		value = value * base + digit;
	}
	*result = negative ? 0 - value : value;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlCharToInteger(PCSZ text, ULONG base, PULONG value)
{
	return parse(&(struct reader){ .narrow = text }, base, value);
}

NTSTATUS NTAPI RtlUnicodeStringToInteger(PCUNICODE_STRING s, ULONG base, PULONG value)
{
	return parse(&(struct reader){ .wide = s->Buffer, .count = s->Length / sizeof(WCHAR) }, base, value);
}

ULONGLONG NTAPI RtlEnlargedUnsignedMultiply(ULONG a, ULONG b) { return (ULONGLONG)a * b; }
LONGLONG NTAPI RtlEnlargedIntegerMultiply(INT a, INT b) { return (LONGLONG)a * b; }
USHORT __fastcall RtlUshortByteSwap(USHORT value) { return __builtin_bswap16(value); }
ULONG __fastcall RtlUlongByteSwap(ULONG value) { return __builtin_bswap32(value); }
ULONGLONG __fastcall RtlUlonglongByteSwap(ULONGLONG value) { return __builtin_bswap64(value); }

#define CRC32_POLYNOMIAL 0xedb88320u
#define CRC64_POLYNOMIAL 0x9a6c9329ac4bc9b5u

static ULONGLONG crc(const BYTE *data, SIZE_T bytes, ULONGLONG value, ULONGLONG polynomial)
{
	for (; bytes; bytes--) {
		int i;
		value ^= *data++;
		for (i = 0; i < 8; i++)
			value = value >> 1 ^ (value & 1 ? polynomial : 0);
	}
	return value;
}

DWORD NTAPI RtlComputeCrc32(DWORD start, const BYTE *data, INT bytes)
{
	return ~(DWORD)crc(data, (SIZE_T)bytes, (DWORD)~start, CRC32_POLYNOMIAL);
}
DWORD NTAPI RtlCrc32(const void *data, SIZE_T bytes, DWORD start) { return RtlComputeCrc32(start, data, (INT)bytes); }
ULONGLONG NTAPI RtlCrc64(const void *data, SIZE_T bytes, ULONGLONG start) { return ~crc(data, bytes, ~start, CRC64_POLYNOMIAL); }

#define RANDOM_MODULUS 0x7fffffffu

ULONG NTAPI RtlUniform(PULONG seed)
{
	*seed = (ULONG)(((ULONGLONG)*seed * 0x7fffffed + 0x7fffffc3) % RANDOM_MODULUS);
	return *seed;
}

#define RANDOM_CELLS 128

/* Shuffled as in the algorithm by MacLaren and Marsaglia: the generator picks the cell, the cell's old value is the result. */
ULONG NTAPI RtlRandom(PULONG seed)
{
	static ULONG cells[RANDOM_CELLS], start = 0x12345;
	static LONG filled;
	ULONG where, result;
	if (!__atomic_load_n(&filled, __ATOMIC_ACQUIRE)) {
		for (where = 0; where < RANDOM_CELLS; where++)
			cells[where] = RtlUniform(&start);
		__atomic_store_n(&filled, 1, __ATOMIC_RELEASE);
	}
	result = RtlUniform(seed);
	where = RtlUniform(seed) & (RANDOM_CELLS - 1);
	return __atomic_exchange_n(&cells[where], result, __ATOMIC_RELAXED);
}
ULONG NTAPI RtlRandomEx(PULONG seed) { return RtlRandom(seed); }
