// SPDX-License-Identifier: MIT
/* Narrow strings of the C library part of ntdll. The _s functions return EINVAL or ERANGE and empty the
 * destination: ntdll has no invalid parameter handler. */
#include "rtl.h"

#define C_EINVAL 22
#define C_ERANGE 34
#define TRUNCATE ((size_t)-1)
#define STRUNCATE 80

size_t strlen(const char *s)
{
	const char *end = s;
	while (*end)
		end++;
	return (size_t)(end - s);
}

size_t strnlen(const char *s, size_t limit)
{
	size_t i = 0;
	while (i < limit && s[i])
		i++;
	return i;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a == (unsigned char)*b ? 0 : (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit && *a && *a == *b; a++, b++, limit--)
		;
	return !limit || *a == *b ? 0 : (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

int _strnicmp(const char *a, const char *b, size_t limit)
{
	int difference = 0;
	for (; limit; limit--, a++, b++) {
		difference = tolower((unsigned char)*a) - tolower((unsigned char)*b);
		if (difference || !*a)
			break;
	}
	return limit ? difference : 0;
}
int _stricmp(const char *a, const char *b) { return _strnicmp(a, b, ~(size_t)0); }
int _strcmpi(const char *a, const char *b) { return _strnicmp(a, b, ~(size_t)0); }

char *strcpy(char *to, const char *from)
{
	memmove(to, from, strlen(from) + 1);
	return to;
}

char *strcat(char *to, const char *from)
{
	strcpy(to + strlen(to), from);
	return to;
}

char *strncpy(char *to, const char *from, size_t limit)
{
	size_t i = 0;
	for (; i < limit && from[i]; i++)
		to[i] = from[i];
	for (; i < limit; i++)
		to[i] = 0;
	return to;
}

char *strncat(char *to, const char *from, size_t limit)
{
	char *end = to + strlen(to);
	size_t length = strnlen(from, limit);
	memmove(end, from, length);
	end[length] = 0;
	return to;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;
	do
		if (*s == (char)c)
			found = s;
	while (*s++);
	return (char *)(uintptr_t)found;
}

size_t strspn(const char *s, const char *accept)
{
	size_t i = 0;
	while (s[i] && strchr(accept, s[i]))
		i++;
	return i;
}

size_t strcspn(const char *s, const char *reject)
{
	size_t i = 0;
	while (s[i] && !strchr(reject, s[i]))
		i++;
	return i;
}

char *strpbrk(const char *s, const char *accept)
{
	s += strcspn(s, accept);
	return *s ? (char *)(uintptr_t)s : NULL;
}

char *strstr(const char *s, const char *wanted)
{
	size_t length = strlen(wanted), have = strlen(s);
	for (; have >= length; s++, have--)
		if (!memcmp(s, wanted, length))
			return (char *)(uintptr_t)s;
	return NULL;
}

char *_strlwr(char *s)
{
	char *at = s;
	for (; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return s;
}

char *_strupr(char *s)
{
	char *at = s;
	for (; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return s;
}

static int change_case(char *s, size_t room, char *(*change)(char *))
{
	if (!s)
		return C_EINVAL;
	if (strnlen(s, room) == room) {
		if (room)
			*s = 0;
		return C_EINVAL;
	}
	change(s);
	return 0;
}
int _strlwr_s(char *s, size_t room) { return change_case(s, room, _strlwr); }
int _strupr_s(char *s, size_t room) { return change_case(s, room, _strupr); }

int strcpy_s(char *to, size_t room, const char *from)
{
	size_t length;
	if (!to || !room)
		return C_EINVAL;
	if (!from) {
		*to = 0;
		return C_EINVAL;
	}
	length = strnlen(from, room);
	if (length == room) {
		*to = 0;
		return C_ERANGE;
	}
	memmove(to, from, length + 1);
	return 0;
}

int strcat_s(char *to, size_t room, const char *from)
{
	size_t used, length;
	if (!to || !room)
		return C_EINVAL;
	used = strnlen(to, room);
	if (!from || used == room) {
		*to = 0;
		return C_EINVAL;
	}
	length = strnlen(from, room - used);
	if (length == room - used) {
		*to = 0;
		return C_ERANGE;
	}
	memmove(to + used, from, length + 1);
	return 0;
}

/* Both counted _s functions: append to what is there at position used. */
static int append_counted(char *to, size_t used, size_t room, const char *from, size_t count)
{
	size_t length = strnlen(from, count < room - used ? count : room - used);
	if (length == room - used) {
		if (count != TRUNCATE) {
			*to = 0;
			return C_ERANGE;
		}
		memmove(to + used, from, room - used - 1);
		to[room - 1] = 0;
		return STRUNCATE;
	}
	memmove(to + used, from, length);
	to[used + length] = 0;
	return 0;
}

int strncpy_s(char *to, size_t room, const char *from, size_t count)
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

int strncat_s(char *to, size_t room, const char *from, size_t count)
{
	size_t used;
	if (!to || !room)
		return C_EINVAL;
	used = strnlen(to, room);
	if (!from || used == room) {
		*to = 0;
		return count || used == room ? C_EINVAL : 0;
	}
	return count ? append_counted(to, used, room, from, count) : 0;
}

char *strtok_s(char *s, const char *separators, char **rest)
{
	char *end;
	if (!separators || !rest || (!s && !*rest))
		return NULL;
	if (!s)
		s = *rest;
	s += strspn(s, separators);
	*rest = s;
	if (!*s)
		return NULL;
	end = s + strcspn(s, separators);
	*rest = *end ? end + 1 : end;
	*end = 0;
	return s;
}
