// SPDX-License-Identifier: MIT
/* Wide strings of the C library part of ntdll, and the conversions by the ANSI code page. */
#include "rtl.h"

#define C_EINVAL 22
#define C_ERANGE 34
#define TRUNCATE ((size_t)-1)
#define STRUNCATE 80

size_t wcslen(const WCHAR *s)
{
	const WCHAR *end = s;
	while (*end)
		end++;
	return (size_t)(end - s);
}

size_t wcsnlen(const WCHAR *s, size_t limit)
{
	size_t i = 0;
	while (i < limit && s[i])
		i++;
	return i;
}

int wcscmp(const WCHAR *a, const WCHAR *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return *a == *b ? 0 : *a < *b ? -1 : 1;
}

int wcsncmp(const WCHAR *a, const WCHAR *b, size_t limit)
{
	for (; limit && *a && *a == *b; a++, b++, limit--)
		;
	return limit ? *a - *b : 0;
}

/* The case of ntdll's comparisons is ASCII's. */
static WCHAR ascii_lower(WCHAR c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

int _wcsnicmp(const WCHAR *a, const WCHAR *b, size_t limit)
{
	int difference = 0;
	for (; limit; limit--, a++, b++) {
		difference = ascii_lower(*a) - ascii_lower(*b);
		if (difference || !*a)
			break;
	}
	return limit ? difference : 0;
}
int _wcsicmp(const WCHAR *a, const WCHAR *b) { return _wcsnicmp(a, b, ~(size_t)0); }

WCHAR *wcscpy(WCHAR *to, const WCHAR *from)
{
	memmove(to, from, (wcslen(from) + 1) * sizeof(WCHAR));
	return to;
}

WCHAR *wcscat(WCHAR *to, const WCHAR *from)
{
	wcscpy(to + wcslen(to), from);
	return to;
}

WCHAR *wcsncpy(WCHAR *to, const WCHAR *from, size_t limit)
{
	size_t i = 0;
	for (; i < limit && from[i]; i++)
		to[i] = from[i];
	for (; i < limit; i++)
		to[i] = 0;
	return to;
}

WCHAR *wcsncat(WCHAR *to, const WCHAR *from, size_t limit)
{
	WCHAR *end = to + wcslen(to);
	size_t length = wcsnlen(from, limit);
	memmove(end, from, length * sizeof(WCHAR));
	end[length] = 0;
	return to;
}

WCHAR *wcschr(const WCHAR *s, WCHAR c)
{
	for (;; s++) {
		if (*s == c)
			return (WCHAR *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

WCHAR *wcsrchr(const WCHAR *s, WCHAR c)
{
	const WCHAR *found = NULL;
	do
		if (*s == c)
			found = s;
	while (*s++);
	return (WCHAR *)(uintptr_t)found;
}

size_t wcsspn(const WCHAR *s, const WCHAR *accept)
{
	size_t i = 0;
	while (s[i] && wcschr(accept, s[i]))
		i++;
	return i;
}

size_t wcscspn(const WCHAR *s, const WCHAR *reject)
{
	size_t i = 0;
	while (s[i] && !wcschr(reject, s[i]))
		i++;
	return i;
}

WCHAR *wcspbrk(const WCHAR *s, const WCHAR *accept)
{
	s += wcscspn(s, accept);
	return *s ? (WCHAR *)(uintptr_t)s : NULL;
}

WCHAR *wcsstr(const WCHAR *s, const WCHAR *wanted)
{
	size_t length = wcslen(wanted), have = wcslen(s);
	for (; have >= length; s++, have--)
		if (!memcmp(s, wanted, length * sizeof(WCHAR)))
			return (WCHAR *)(uintptr_t)s;
	return NULL;
}

WCHAR *_wcslwr(WCHAR *s)
{
	WCHAR *at = s;
	for (; *at; at++)
		*at = ascii_lower(*at);
	return s;
}

WCHAR *_wcsupr(WCHAR *s)
{
	WCHAR *at = s;
	for (; *at; at++)
		if (*at >= 'a' && *at <= 'z')
			*at -= 32;
	return s;
}

static int change_case(WCHAR *s, size_t room, WCHAR *(*change)(WCHAR *))
{
	if (!s)
		return C_EINVAL;
	if (wcsnlen(s, room) == room) {
		if (room)
			*s = 0;
		return C_EINVAL;
	}
	change(s);
	return 0;
}
int _wcslwr_s(WCHAR *s, size_t room) { return change_case(s, room, _wcslwr); }
int _wcsupr_s(WCHAR *s, size_t room) { return change_case(s, room, _wcsupr); }

/* Append at position used; the whole family ends here. */
static int append_counted(WCHAR *to, size_t used, size_t room, const WCHAR *from, size_t count)
{
	size_t length = wcsnlen(from, count < room - used ? count : room - used);
	if (length == room - used) {
		if (count != TRUNCATE) {
			*to = 0;
			return C_ERANGE;
		}
		memmove(to + used, from, (room - used - 1) * sizeof(WCHAR));
		to[room - 1] = 0;
		return STRUNCATE;
	}
	memmove(to + used, from, length * sizeof(WCHAR));
	to[used + length] = 0;
	return 0;
}

int wcsncpy_s(WCHAR *to, size_t room, const WCHAR *from, size_t count)
{
	if (!count) {
		if (to && room)
			*to = 0;
		return to && room ? 0 : C_EINVAL;
	}
	if (!to || !room)
		return C_EINVAL;
	if (!from) {
		*to = 0;
		return C_EINVAL;
	}
	return append_counted(to, 0, room, from, count);
}
int wcscpy_s(WCHAR *to, size_t room, const WCHAR *from) { return wcsncpy_s(to, room, from, TRUNCATE - 1); }

int wcsncat_s(WCHAR *to, size_t room, const WCHAR *from, size_t count)
{
	size_t used;
	if (!to || !room)
		return C_EINVAL;
	used = wcsnlen(to, room);
	if (!from || used == room) {
		*to = 0;
		return count || used == room ? C_EINVAL : 0;
	}
	return count ? append_counted(to, used, room, from, count) : 0;
}
int wcscat_s(WCHAR *to, size_t room, const WCHAR *from) { return wcsncat_s(to, room, from, TRUNCATE - 1); }

WCHAR *wcstok_s(WCHAR *s, const WCHAR *separators, WCHAR **rest)
{
	WCHAR *end;
	if (!separators || !rest || (!s && !*rest))
		return NULL;
	if (!s)
		s = *rest;
	s += wcsspn(s, separators);
	*rest = s;
	if (!*s)
		return NULL;
	end = s + wcscspn(s, separators);
	*rest = *end ? end + 1 : end;
	*end = 0;
	return s;
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
