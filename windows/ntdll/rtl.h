/* SPDX-License-Identifier: MIT */
/* What the rtl_*.c files share. They are exports by name that no header of mingw declares: the export list
 * (exports_*.def) is their contract, so a second list of prototypes here would only be a copy to keep. */
#ifndef AMBOS_WINDOWS_RTL_H
#define AMBOS_WINDOWS_RTL_H

#include "ntdll.h"
#include <inaddr.h>
#include <in6addr.h>

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wattributes" /* mingw declares some as imports: this is where they come from */
#pragma GCC diagnostic ignored "-Warray-bounds" /* the TEB at gs:0x30 looks like a null pointer to gcc 12 */

/* rtl_nls.c: the tables that are in force; ansi/oem code page data NULL means UTF-8. */
struct code_page {
	USHORT code_page, max_char_size;
	USHORT default_char, unicode_default_char, translated_default_char, translated_unicode_default_char;
	USHORT double_byte;
	BYTE lead_bytes[12];
	USHORT *from_bytes;    /* 256 words */
	void *to_bytes;        /* BYTE[65536], or USHORT[65536] with double_byte */
	USHORT *ranges;
	USHORT *lead_offsets;  /* word i: offset of lead byte i's 256 words from here; 0: single byte */
};
_Static_assert(sizeof(struct code_page) == 64, "CPTABLEINFO");
#define CODE_PAGE_UTF8 65001
extern struct code_page ansi_code_page, oem_code_page;
WCHAR unicode_upper(WCHAR);
WCHAR unicode_lower(WCHAR);
USHORT ctype_of(unsigned char); /* rtl_crt_ctype.c: _UPPER ... of the C locale */

/* rtl_charset.c: lengths in bytes as the Rtl functions have them; destination NULL counts only. */
ULONG code_page_to_unicode(const struct code_page *, WCHAR *, ULONG, const char *, ULONG);
ULONG code_page_from_unicode(const struct code_page *, char *, ULONG, const WCHAR *, ULONG, bool upcase);

/* rtl_printf.c */
int format_narrow(char *out, size_t limit, const char *format, va_list arguments);
int format_wide(WCHAR *out, size_t limit, const WCHAR *format, va_list arguments);

/* For the digits of a number, most significant first; returns their count. */
static inline unsigned digits_of(ULONGLONG value, unsigned base, bool upper, char digits[65])
{
	char turned[65];
	unsigned count = 0, i;
	do
		turned[count++] = (char)(value % base + (value % base < 10 ? '0' : (upper ? 'A' : 'a') - 10));
	while ((value /= base) != 0);
	for (i = 0; i < count; i++)
		digits[i] = turned[count - 1 - i];
	digits[count] = 0;
	return count;
}

WCHAR NTAPI RtlAnsiCharToUnicodeChar(LPSTR *);

/* rtl_sid.c, rtl_acl.c */
BOOLEAN NTAPI RtlValidSid(PSID);
DWORD NTAPI RtlLengthSid(PSID);
BOOLEAN NTAPI RtlValidAcl(PACL);

int _snwprintf(WCHAR *, size_t, const WCHAR *, ...);
int _snprintf(char *, size_t, const char *, ...);
size_t wcsnlen(const WCHAR *, size_t);
size_t strnlen(const char *, size_t);

#endif
