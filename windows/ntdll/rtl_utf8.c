// SPDX-License-Identifier: MIT
/* UTF-8 and UTF-16. Ill-formed input becomes U+FFFD, one for each part that begins no sequence, and STATUS_SOME_NOT_MAPPED;
 * overlong forms, surrogates and what is past U+10FFFF are ill-formed. A full destination ends with STATUS_BUFFER_TOO_SMALL. */
#include "rtl.h"

#define REPLACEMENT 0xfffd
#define ILL_FORMED 0xffffffffu

/* The next character, or ILL_FORMED after the maximal part that could have begun one. */
static ULONG next_character(const unsigned char **at, const unsigned char *end)
{
	static const struct { unsigned char first, last, low, high, more; } forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 1 }, { 0xe0, 0xe0, 0xa0, 0xbf, 2 }, { 0xe1, 0xec, 0x80, 0xbf, 2 }, { 0xed, 0xed, 0x80, 0x9f, 2 },
		{ 0xee, 0xef, 0x80, 0xbf, 2 }, { 0xf0, 0xf0, 0x90, 0xbf, 3 }, { 0xf1, 0xf3, 0x80, 0xbf, 3 }, { 0xf4, 0xf4, 0x80, 0x8f, 3 },
	};
	unsigned char lead = *(*at)++, more;
	unsigned i;
	ULONG value;
	if (lead < 0x80)
		return lead;
	for (i = 0; i < ARRAYSIZE(forms); i++)
		if (lead >= forms[i].first && lead <= forms[i].last)
			break;
	if (i == ARRAYSIZE(forms))
		return ILL_FORMED;
	more = forms[i].more;
	value = lead & (0x3fu >> more);
	if (*at == end || (**at & 0xc0) != 0x80)
		return ILL_FORMED;
	if (**at < forms[i].low || **at > forms[i].high) {
		++*at; /* a second byte that the first cannot have goes with it */
		return ILL_FORMED;
	}
	for (; more; more--) {
		if (*at == end || (**at & 0xc0) != 0x80)
			return ILL_FORMED;
		value = value << 6 | (*(*at)++ & 0x3f);
	}
	return value;
}

NTSTATUS utf8_to_unicode(WCHAR *out, ULONG room, ULONG *length, const char *text, ULONG bytes)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
	ULONG used = 0;
	NTSTATUS status = STATUS_SUCCESS;
	room /= sizeof(WCHAR);
	while (at < end) {
		ULONG c = next_character(&at, end), units;
		if (c == ILL_FORMED)
			c = REPLACEMENT, status = STATUS_SOME_NOT_MAPPED;
		units = c > 0xffff ? 2 : 1;
		if (out) {
			if (used == room) {
				status = STATUS_BUFFER_TOO_SMALL;
				break;
			}
			out[used] = (WCHAR)(units == 2 ? 0xd7c0 + (c >> 10) : c);
			if (units == 2 && used + 1 == room) {
				used++;
				status = STATUS_BUFFER_TOO_SMALL;
				break;
			}
			if (units == 2)
				out[used + 1] = (WCHAR)(0xdc00 | (c & 0x3ff));
		}
		used += units;
	}
	*length = used * sizeof(WCHAR);
	return status;
}

static ULONG encode(ULONG c, unsigned char bytes[4])
{
	if (c < 0x80) {
		bytes[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		bytes[0] = (unsigned char)(0xc0 | c >> 6), bytes[1] = 0x80 | (c & 0x3f);
		return 2;
	}
	if (c < 0x10000) {
		bytes[0] = (unsigned char)(0xe0 | c >> 12), bytes[1] = 0x80 | (c >> 6 & 0x3f), bytes[2] = 0x80 | (c & 0x3f);
		return 3;
	}
	bytes[0] = (unsigned char)(0xf0 | c >> 18), bytes[1] = 0x80 | (c >> 12 & 0x3f);
	bytes[2] = 0x80 | (c >> 6 & 0x3f), bytes[3] = 0x80 | (c & 0x3f);
	return 4;
}

NTSTATUS utf8_from_unicode(char *out, ULONG room, ULONG *length, const WCHAR *text, ULONG bytes)
{
	ULONG count = bytes / sizeof(WCHAR), i, used = 0;
	NTSTATUS status = STATUS_SUCCESS;
	for (i = 0; i < count; i++) {
		unsigned char encoded[4];
		ULONG c = text[i], size;
		if (c >= 0xd800 && c <= 0xdbff && i + 1 < count && text[i + 1] >= 0xdc00 && text[i + 1] <= 0xdfff)
			c = 0x10000 + ((c & 0x3ff) << 10) + (text[++i] & 0x3ff);
		else if (c >= 0xd800 && c <= 0xdfff)
			c = REPLACEMENT, status = STATUS_SOME_NOT_MAPPED;
		size = encode(c, encoded);
		if (out) {
			if (room - used < size) {
				status = STATUS_BUFFER_TOO_SMALL;
				break;
			}
			memcpy(out + used, encoded, size);
		}
		used += size;
	}
	*length = used;
	return status;
}

NTSTATUS NTAPI RtlUTF8ToUnicodeN(LPWSTR out, DWORD room, LPDWORD length, LPCSTR text, DWORD bytes)
{
	ULONG used;
	NTSTATUS status;
	if (!text)
		return STATUS_INVALID_PARAMETER_4;
	if (!length && !out)
		return STATUS_INVALID_PARAMETER;
	status = utf8_to_unicode(out, room, &used, text, bytes);
	if (length)
		*length = used;
	return status;
}

NTSTATUS NTAPI RtlUnicodeToUTF8N(LPSTR out, DWORD room, LPDWORD length, LPCWSTR text, DWORD bytes)
{
	ULONG used;
	NTSTATUS status;
	if (!text)
		return STATUS_INVALID_PARAMETER_4;
	if (!length && !out)
		return STATUS_INVALID_PARAMETER;
	if (out && bytes % sizeof(WCHAR))
		return STATUS_INVALID_PARAMETER_5;
	status = utf8_from_unicode(out, room, &used, text, bytes);
	if (length)
		*length = used;
	return status;
}
