// SPDX-License-Identifier: MIT
/* Wide strings of the C library part of ntdll, and the conversions by the ANSI code page. */
#include "rtl.h"

/* The case of ntdll's comparisons is ASCII's. */
static WCHAR ascii_lower(WCHAR c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
static WCHAR ascii_upper(WCHAR c) { return c >= 'a' && c <= 'z' ? c - 32 : c; }

#define CHAR WCHAR
#define UNIT WCHAR
#define WANTED WCHAR
#define STR(stem) wcs##stem
#define STR_(stem) _wcs##stem
#define LOWER(c) ascii_lower(c)
#define UPPER(c) ascii_upper(c)
#include "rtl_crt_string.h"

int wcsncmp(const WCHAR *a, const WCHAR *b, size_t limit)
{
	for (; limit && *a && *a == *b; a++, b++, limit--)
		;
	return limit ? *a - *b : 0;
}

WCHAR *wcstok(WCHAR *s, const WCHAR *separators)
{
	static WCHAR *rest;
	return wcstok_s(s, separators, &rest);
}

size_t mbstowcs(WCHAR *to, const char *from, size_t count)
{
	ULONG length = (ULONG)strlen(from) + (to ? 1 : 0), bytes;
	if (!to)
		return code_page_to_unicode(&ansi_code_page, NULL, 0, from, length) / sizeof(WCHAR);
	bytes = code_page_to_unicode(&ansi_code_page, to, (ULONG)(count * sizeof(WCHAR)), from, length);
	bytes /= sizeof(WCHAR);
	return bytes && !to[bytes - 1] ? bytes - 1 : bytes;
}

size_t wcstombs(char *to, const WCHAR *from, size_t count)
{
	ULONG length = ((ULONG)wcslen(from) + (to ? 1 : 0)) * sizeof(WCHAR), bytes;
	if (!to)
		return code_page_from_unicode(&ansi_code_page, NULL, 0, from, length, false);
	bytes = code_page_from_unicode(&ansi_code_page, to, (ULONG)count, from, length, false);
	return bytes && !to[bytes - 1] ? bytes - 1 : bytes;
}
