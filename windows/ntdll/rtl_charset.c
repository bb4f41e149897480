// SPDX-License-Identifier: MIT
/* Conversion between code pages and UTF-16 by the tables of rtl_nls.c, under the Rtl names. Lengths are bytes; a result that does
 * not fit is cut silently (RtlxxxN), as the callers of these functions expect. */
#include "rtl.h"

NTSTATUS utf8_to_unicode(WCHAR *out, ULONG room, ULONG *length, const char *text, ULONG bytes);
NTSTATUS utf8_from_unicode(char *out, ULONG room, ULONG *length, const WCHAR *text, ULONG bytes);

static ULONG double_byte_to_unicode(const struct code_page *table, WCHAR *out, ULONG room, const unsigned char *in, ULONG bytes)
{
	ULONG used = 0;
	while (bytes && (!out || used < room)) {
		USHORT offset = table->lead_offsets[*in];
		WCHAR c = table->from_bytes[*in];
		in++, bytes--;
		if (offset) {
			if (!bytes) {
				c = 0;
			} else {
				c = table->lead_offsets[offset + *in];
				in++, bytes--;
			}
		}
		if (out)
			out[used] = c;
		used++;
	}
	return used;
}

ULONG code_page_to_unicode(const struct code_page *table, WCHAR *out, ULONG room, const char *text, ULONG bytes)
{
	const unsigned char *in = (const unsigned char *)text;
	ULONG i, count;
	if (table->code_page == CODE_PAGE_UTF8) {
		utf8_to_unicode(out, room, &count, text, bytes);
		return count;
	}
	room /= sizeof(WCHAR);
	if (table->lead_offsets)
		return double_byte_to_unicode(table, out, room, in, bytes) * sizeof(WCHAR);
	count = out && room < bytes ? room : bytes;
	for (i = 0; out && i < count; i++)
		out[i] = table->from_bytes[in[i]];
	return count * sizeof(WCHAR);
}

/* Upper case for the RtlUpcase family: through the table and back, so that what has no upper case in the code page stays. */
static WCHAR upcase_for(const struct code_page *table, WCHAR c)
{
	WCHAR upper;
	if (table->lead_offsets) {
		USHORT code = ((USHORT *)table->to_bytes)[c];
		c = code >> 8 ? table->lead_offsets[table->lead_offsets[code >> 8] + (code & 0xff)] : table->from_bytes[code];
	} else {
		c = table->from_bytes[((BYTE *)table->to_bytes)[c]];
	}
	upper = unicode_upper(c);
	return upper;
}

ULONG code_page_from_unicode(const struct code_page *table, char *out, ULONG room, const WCHAR *text, ULONG bytes, bool upcase)
{
	ULONG i, used = 0, count = bytes / sizeof(WCHAR);
	if (table->code_page == CODE_PAGE_UTF8) {
		WCHAR *upper = upcase ? heap_allocate(bytes + 1) : NULL;
		for (i = 0; upper && i < count; i++)
			upper[i] = unicode_upper(text[i]);
		utf8_from_unicode(out, room, &used, upper ? upper : text, bytes);
		if (upper)
			heap_free(upper);
		return used;
	}
	for (i = 0; i < count && (!out || used < room); i++) {
		WCHAR c = upcase ? upcase_for(table, text[i]) : text[i];
		if (table->lead_offsets) {
			USHORT code = ((USHORT *)table->to_bytes)[c];
			if (code >> 8) {
				if (out && used + 1 == room)
					break;
				if (out)
					out[used] = (char)(code >> 8);
				used++;
			}
			if (out)
				out[used] = (char)code;
		} else if (out) {
			out[used] = (char)((BYTE *)table->to_bytes)[c];
		}
		used++;
	}
	return used;
}

static NTSTATUS done(ULONG *length, ULONG result)
{
	if (length)
		*length = result;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlMultiByteToUnicodeN(LPWSTR out, DWORD room, LPDWORD length, LPCSTR text, DWORD bytes)
{
	return done(length, code_page_to_unicode(&ansi_code_page, out, room, text, bytes));
}

NTSTATUS NTAPI RtlOemToUnicodeN(LPWSTR out, DWORD room, LPDWORD length, LPCSTR text, DWORD bytes)
{
	return done(length, code_page_to_unicode(&oem_code_page, out, room, text, bytes));
}

NTSTATUS NTAPI RtlConsoleMultiByteToUnicodeN(LPWSTR out, DWORD room, LPDWORD length, LPCSTR text, DWORD bytes, DWORD *unused)
{
	if (unused)
		*unused = 0;
	return done(length, code_page_to_unicode(&ansi_code_page, out, room, text, bytes));
}

NTSTATUS NTAPI RtlCustomCPToUnicodeN(struct code_page *table, LPWSTR out, DWORD room, LPDWORD length, LPCSTR text, DWORD bytes)
{
	return done(length, code_page_to_unicode(table, out, room, text, bytes));
}

NTSTATUS NTAPI RtlUnicodeToMultiByteN(LPSTR out, DWORD room, LPDWORD length, LPCWSTR text, DWORD bytes)
{
	return done(length, code_page_from_unicode(&ansi_code_page, out, room, text, bytes, false));
}

NTSTATUS NTAPI RtlUnicodeToOemN(LPSTR out, DWORD room, LPDWORD length, LPCWSTR text, DWORD bytes)
{
	return done(length, code_page_from_unicode(&oem_code_page, out, room, text, bytes, false));
}

NTSTATUS NTAPI RtlUnicodeToCustomCPN(struct code_page *table, LPSTR out, DWORD room, LPDWORD length, LPCWSTR text, DWORD bytes)
{
	return done(length, code_page_from_unicode(table, out, room, text, bytes, false));
}

NTSTATUS NTAPI RtlUpcaseUnicodeToMultiByteN(LPSTR out, DWORD room, LPDWORD length, LPCWSTR text, DWORD bytes)
{
	return done(length, code_page_from_unicode(&ansi_code_page, out, room, text, bytes, true));
}

NTSTATUS NTAPI RtlUpcaseUnicodeToOemN(LPSTR out, DWORD room, LPDWORD length, LPCWSTR text, DWORD bytes)
{
	return done(length, code_page_from_unicode(&oem_code_page, out, room, text, bytes, true));
}

NTSTATUS NTAPI RtlUpcaseUnicodeToCustomCPN(struct code_page *table, LPSTR out, DWORD room, LPDWORD length, LPCWSTR text, DWORD bytes)
{
	return done(length, code_page_from_unicode(table, out, room, text, bytes, true));
}

NTSTATUS NTAPI RtlMultiByteToUnicodeSize(DWORD *size, LPCSTR text, ULONG bytes)
{
	*size = code_page_to_unicode(&ansi_code_page, NULL, 0, text, bytes);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlUnicodeToMultiByteSize(PULONG size, PWCH text, ULONG bytes)
{
	*size = code_page_from_unicode(&ansi_code_page, NULL, 0, text, bytes, false);
	return STATUS_SUCCESS;
}

/* Sizes with the NUL behind. */
DWORD NTAPI RtlxAnsiStringToUnicodeSize(const ANSI_STRING *s)
{
	return code_page_to_unicode(&ansi_code_page, NULL, 0, s->Buffer, s->Length) + 2;
}
DWORD NTAPI RtlAnsiStringToUnicodeSize(const ANSI_STRING *s) { return RtlxAnsiStringToUnicodeSize(s); }
DWORD NTAPI RtlxOemStringToUnicodeSize(const ANSI_STRING *s)
{
	return code_page_to_unicode(&oem_code_page, NULL, 0, s->Buffer, s->Length) + 2;
}
UINT NTAPI RtlOemStringToUnicodeSize(const ANSI_STRING *s) { return RtlxOemStringToUnicodeSize(s); }
DWORD NTAPI RtlxUnicodeStringToAnsiSize(const UNICODE_STRING *s)
{
	return code_page_from_unicode(&ansi_code_page, NULL, 0, s->Buffer, s->Length, false) + 1;
}
DWORD NTAPI RtlUnicodeStringToAnsiSize(const UNICODE_STRING *s) { return RtlxUnicodeStringToAnsiSize(s); }
DWORD NTAPI RtlxUnicodeStringToOemSize(const UNICODE_STRING *s)
{
	return code_page_from_unicode(&oem_code_page, NULL, 0, s->Buffer, s->Length, false) + 1;
}
DWORD NTAPI RtlUnicodeStringToOemSize(const UNICODE_STRING *s) { return RtlxUnicodeStringToOemSize(s); }

WCHAR NTAPI RtlAnsiCharToUnicodeChar(LPSTR *text)
{
	const unsigned char *in = *(const unsigned char **)text;
	ULONG bytes = 1;
	WCHAR c = 0;
	if (ansi_code_page.code_page == CODE_PAGE_UTF8)
		bytes = *in < 0xc0 ? 1 : *in < 0xe0 ? 2 : *in < 0xf0 ? 3 : 4;
	else if (ansi_code_page.lead_offsets && ansi_code_page.lead_offsets[*in])
		bytes = 2;
	code_page_to_unicode(&ansi_code_page, &c, sizeof(c), *text, bytes);
	*text += bytes;
	return c;
}
