// SPDX-License-Identifier: MIT
/* Narrow strings of the C library part of ntdll. */
#include "rtl.h"

#define CHAR char
#define UNIT unsigned char
#define WANTED int
#define STR(stem) str##stem
#define STR_(stem) _str##stem
#define LOWER(c) ((UNIT)tolower((UNIT)(c)))
#define UPPER(c) ((UNIT)toupper((UNIT)(c)))
#include "rtl_crt_string.h"

int _strcmpi(const char *a, const char *b) { return _stricmp(a, b); }

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit && *a && *a == *b; a++, b++, limit--)
		;
	return !limit || *a == *b ? 0 : (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}
