// SPDX-License-Identifier: MIT
/* Comparing, searching, hashing and case mapping of counted strings, by the case table. */
#include "rtl.h"

WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR c) { return unicode_upper(c); }
WCHAR NTAPI RtlDowncaseUnicodeChar(WCHAR c) { return unicode_lower(c); }

/* ASCII only, whatever the code page. */
CHAR NTAPI RtlUpperChar(CHAR c) { return c >= 'a' && c <= 'z' ? c - 32 : c; }

void NTAPI RtlUpperString(STRING *to, const STRING *from)
{
	USHORT i, length = from->Length < to->MaximumLength ? from->Length : to->MaximumLength;
	for (i = 0; i < length; i++)
		to->Buffer[i] = RtlUpperChar(from->Buffer[i]);
	to->Length = length;
}

static NTSTATUS map_string(UNICODE_STRING *to, const UNICODE_STRING *from, BOOLEAN allocate, WCHAR (*map)(WCHAR))
{
	ULONG i;
	if (allocate) {
		to->MaximumLength = from->Length;
		to->Buffer = heap_allocate(from->Length);
		if (!to->Buffer)
			return STATUS_NO_MEMORY;
	} else if (from->Length > to->MaximumLength) {
		return STATUS_BUFFER_OVERFLOW;
	}
	for (i = 0; i < from->Length / sizeof(WCHAR); i++)
		to->Buffer[i] = map(from->Buffer[i]);
	to->Length = from->Length;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUpcaseUnicodeString(UNICODE_STRING *to, const UNICODE_STRING *from, BOOLEAN allocate)
{
	return map_string(to, from, allocate, unicode_upper);
}

NTSTATUS NTAPI RtlDowncaseUnicodeString(UNICODE_STRING *to, const UNICODE_STRING *from, BOOLEAN allocate)
{
	return map_string(to, from, allocate, unicode_lower);
}

LONG NTAPI RtlCompareUnicodeStrings(const WCHAR *a, SIZE_T a_length, const WCHAR *b, SIZE_T b_length, BOOLEAN ignore_case)
{
	SIZE_T i, shorter = a_length < b_length ? a_length : b_length;
	for (i = 0; i < shorter; i++) {
		int difference = a[i] - b[i];
		if (difference && ignore_case)
			difference = unicode_upper(a[i]) - unicode_upper(b[i]);
		if (difference)
			return difference;
	}
	return (LONG)(a_length - b_length);
}

LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN ignore_case)
{
	return RtlCompareUnicodeStrings(a->Buffer, a->Length / sizeof(WCHAR), b->Buffer, b->Length / sizeof(WCHAR), ignore_case);
}

BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN ignore_case)
{
	return a->Length == b->Length && !RtlCompareUnicodeString(a, b, ignore_case);
}

BOOLEAN NTAPI RtlPrefixUnicodeString(const UNICODE_STRING *prefix, const UNICODE_STRING *s, BOOLEAN ignore_case)
{
	SIZE_T length = prefix->Length / sizeof(WCHAR);
	return prefix->Length <= s->Length && !RtlCompareUnicodeStrings(prefix->Buffer, length, s->Buffer, length, ignore_case);
}

static LONG compare_bytes(const char *a, ULONG a_length, const char *b, ULONG b_length, BOOLEAN ignore_case)
{
	ULONG i, shorter = a_length < b_length ? a_length : b_length;
	for (i = 0; i < shorter; i++) {
		int difference = (unsigned char)a[i] - (unsigned char)b[i];
		if (difference && ignore_case)
			difference = (unsigned char)RtlUpperChar(a[i]) - (unsigned char)RtlUpperChar(b[i]);
		if (difference)
			return difference;
	}
	return (LONG)a_length - (LONG)b_length;
}

LONG NTAPI RtlCompareString(const STRING *a, const STRING *b, BOOLEAN ignore_case)
{
	return compare_bytes(a->Buffer, a->Length, b->Buffer, b->Length, ignore_case);
}

BOOLEAN NTAPI RtlEqualString(const STRING *a, const STRING *b, BOOLEAN ignore_case)
{
	return a->Length == b->Length && !RtlCompareString(a, b, ignore_case);
}

BOOLEAN NTAPI RtlPrefixString(const STRING *prefix, const STRING *s, BOOLEAN ignore_case)
{
	return prefix->Length <= s->Length && !compare_bytes(prefix->Buffer, prefix->Length, s->Buffer, prefix->Length, ignore_case);
}

NTSTATUS NTAPI RtlUpcaseUnicodeStringToOemString(STRING *, const UNICODE_STRING *, BOOLEAN);

/* Computer names compare after upper-casing in the OEM code page. */
BOOLEAN NTAPI RtlEqualComputerName(const UNICODE_STRING *a, const UNICODE_STRING *b)
{
	STRING first, second;
	BOOLEAN equal = FALSE;
	if (RtlUpcaseUnicodeStringToOemString(&first, a, TRUE))
		return FALSE;
	if (!RtlUpcaseUnicodeStringToOemString(&second, b, TRUE)) {
		equal = RtlEqualString(&first, &second, FALSE);
		RtlFreeOemString(&second);
	}
	RtlFreeOemString(&first);
	return equal;
}
BOOLEAN NTAPI RtlEqualDomainName(const UNICODE_STRING *a, const UNICODE_STRING *b) { return RtlEqualComputerName(a, b); }

#define HASH_DEFAULT 0
#define HASH_X65599 1

NTSTATUS NTAPI RtlHashUnicodeString(PCUNICODE_STRING s, BOOLEAN ignore_case, ULONG algorithm, ULONG *hash)
{
	ULONG i;
	if (!s || !hash || algorithm > HASH_X65599)
		return STATUS_INVALID_PARAMETER;
	*hash = 0;
	for (i = 0; i < s->Length / sizeof(WCHAR); i++)
		*hash = *hash * 65599 + (ignore_case ? unicode_upper(s->Buffer[i]) : s->Buffer[i]);
	return STATUS_SUCCESS;
}

#define FIND_FROM_END 1
#define FIND_COMPLEMENT 2

NTSTATUS NTAPI RtlFindCharInUnicodeString(ULONG flags, const UNICODE_STRING *s, const UNICODE_STRING *set, USHORT *position)
{
	ULONG count = s->Length / sizeof(WCHAR), members = set->Length / sizeof(WCHAR), i, j;
	*position = 0;
	if (flags & ~(ULONG)(FIND_FROM_END | FIND_COMPLEMENT | 4))
		return STATUS_NOT_FOUND;
	for (i = 0; i < count; i++) {
		ULONG at = flags & FIND_FROM_END ? count - 1 - i : i;
		for (j = 0; j < members && s->Buffer[at] != set->Buffer[j]; j++)
			;
		if ((j < members) == !(flags & FIND_COMPLEMENT)) {
			*position = (USHORT)((flags & FIND_FROM_END ? at : at + 1) * sizeof(WCHAR));
			return STATUS_SUCCESS;
		}
	}
	return STATUS_NOT_FOUND;
}

#define TEXT_ALL_TESTS 0x7f0f
enum { IS_ASCII16 = 1, IS_STATISTICS = 2, IS_CONTROLS = 4, IS_SIGNATURE = 8, IS_REVERSE_ASCII16 = 0x10, IS_REVERSE_STATISTICS = 0x20,
	IS_REVERSE_CONTROLS = 0x40, IS_REVERSE_SIGNATURE = 0x80, IS_ILLEGAL = 0x100, IS_ODD_LENGTH = 0x200, IS_DBCS_LEAD = 0x400,
		IS_NULL_BYTES = 0x1000 };
#define SWAPPED(c) ((WCHAR)((c) << 8 | (c) >> 8))
#define TEXT_SAMPLE 256 /* characters looked at */

static int text_controls(const WCHAR *text, ULONG count, bool reverse)
{
	static const WCHAR controls[] = { '\r', '\n', '\t', ' ', 0x3000 };
	ULONG i, j;
	for (i = 0; i < count; i++)
		for (j = 0; j < ARRAYSIZE(controls); j++)
			if (text[i] == (reverse ? SWAPPED(controls[j]) : controls[j]))
				return reverse ? IS_REVERSE_CONTROLS : IS_CONTROLS;
	return 0;
}

/* Most high bytes alike: the text stays within one page, as text in UTF-16 does. */
static int text_statistics(const BYTE *bytes, ULONG count)
{
	ULONG i, low_changes = 0, high_changes = 0;
	BYTE last_low = 0, last_high = 0;
	for (i = 0; i < count; i++) {
		BYTE low = bytes[2 * i], high = bytes[2 * i + 1];
		low_changes += (ULONG)(low > last_low ? low - last_low : last_low - low);
		high_changes += (ULONG)(high > last_high ? high - last_high : last_high - high);
		last_low = low, last_high = high;
	}
	return (low_changes < 127 && !high_changes) || (high_changes && high_changes * 3 < low_changes) || (!high_changes &&
		low_changes) ? IS_STATISTICS : 0;
}

BOOLEAN NTAPI RtlIsTextUnicode(LPCVOID memory, INT length, INT *wanted)
{
	const WCHAR *text = memory;
	ULONG tests = wanted ? (ULONG)*wanted : TEXT_ALL_TESTS | IS_SIGNATURE | IS_REVERSE_SIGNATURE, out = 0, count, i;
	if (length < (INT)sizeof(WCHAR)) {
		if (wanted)
			*wanted = 0;
		return FALSE;
	}
	count = (ULONG)length / sizeof(WCHAR);
	if (count > TEXT_SAMPLE)
		count = TEXT_SAMPLE;
	if (length & 1)
		out |= IS_ODD_LENGTH;
	if (text[0] == 0xfeff)
		out |= IS_SIGNATURE;
	if (text[0] == 0xfffe)
		out |= IS_REVERSE_SIGNATURE;
	out |= (ULONG)text_statistics(memory, count) | (ULONG)text_controls(text, count, false) | (ULONG)text_controls(text, count, true);
	for (i = 0; i < count; i++) {
		if (!text[i])
			out |= IS_NULL_BYTES;
		if (text[i] == 0xffff || text[i] == 0xfffe || text[i] == 0x0a0d || (i && text[i] == 0xfeff))
			out |= text[i] == 0xfffe && !i ? 0 : IS_ILLEGAL;
	}
	for (i = 0; i < count && text[i] <= 0x7f && text[i]; i++)
		;
	if (i == count)
		out |= IS_ASCII16;
	if (wanted) {
		out &= tests;
		*wanted = (INT)out;
	}
	if (out & IS_SIGNATURE)
		return TRUE;
	if (out & (IS_ILLEGAL | IS_ODD_LENGTH | IS_REVERSE_SIGNATURE | IS_REVERSE_CONTROLS))
		return FALSE;
	return (out & (IS_ASCII16 | IS_STATISTICS | IS_CONTROLS | IS_NULL_BYTES)) != 0;
}
