/* SPDX-License-Identifier: MIT */
/* The string functions of the C library part of ntdll over the type of a character: included once per type, without a
 * guard (rtl_crt_string.c, rtl_crt_wide.c). The includer defines what lib/base/string_template.h asks for, STR_(stem) for
 * names with an underscore, and LOWER and UPPER, which give a UNIT. The _s functions return EINVAL or ERANGE and empty the
 * destination: ntdll has no invalid parameter handler. */
#include "../../lib/base/string_template.h"

#define C_EINVAL 22
#define C_ERANGE 34
#define TRUNCATE ((size_t)-1)
#define STRUNCATE 80

int STR_(nicmp)(const CHAR *a, const CHAR *b, size_t limit)
{
	int difference = 0;
	for (; limit; limit--, a++, b++) {
		difference = LOWER(*a) - LOWER(*b);
		if (difference || !*a)
			break;
	}
	return limit ? difference : 0;
}
int STR_(icmp)(const CHAR *a, const CHAR *b) { return STR_(nicmp)(a, b, ~(size_t)0); }

CHAR *STR(cpy)(CHAR *to, const CHAR *from)
{
	memmove(to, from, (STR(len)(from) + 1) * sizeof(CHAR));
	return to;
}

CHAR *STR(cat)(CHAR *to, const CHAR *from)
{
	STR(cpy)(to + STR(len)(to), from);
	return to;
}

CHAR *STR(ncpy)(CHAR *to, const CHAR *from, size_t limit)
{
	size_t i = 0;
	for (; i < limit && from[i]; i++)
		to[i] = from[i];
	for (; i < limit; i++)
		to[i] = 0;
	return to;
}

CHAR *STR(ncat)(CHAR *to, const CHAR *from, size_t limit)
{
	CHAR *end = to + STR(len)(to);
	size_t length = STR(nlen)(from, limit);
	memmove(end, from, length * sizeof(CHAR));
	end[length] = 0;
	return to;
}

size_t STR(spn)(const CHAR *s, const CHAR *accept)
{
	size_t i = 0;
	while (s[i] && STR(chr)(accept, s[i]))
		i++;
	return i;
}

size_t STR(cspn)(const CHAR *s, const CHAR *reject)
{
	size_t i = 0;
	while (s[i] && !STR(chr)(reject, s[i]))
		i++;
	return i;
}

CHAR *STR(pbrk)(const CHAR *s, const CHAR *accept)
{
	s += STR(cspn)(s, accept);
	return *s ? (CHAR *)(uintptr_t)s : NULL;
}

CHAR *STR(str)(const CHAR *s, const CHAR *wanted)
{
	size_t length = STR(len)(wanted), have = STR(len)(s);
	for (; have >= length; s++, have--)
		if (!memcmp(s, wanted, length * sizeof(CHAR)))
			return (CHAR *)(uintptr_t)s;
	return NULL;
}

CHAR *STR_(lwr)(CHAR *s)
{
	CHAR *at = s;
	for (; *at; at++)
		*at = (CHAR)LOWER(*at);
	return s;
}

CHAR *STR_(upr)(CHAR *s)
{
	CHAR *at = s;
	for (; *at; at++)
		*at = (CHAR)UPPER(*at);
	return s;
}

static int change_case(CHAR *s, size_t room, CHAR *(*change)(CHAR *))
{
	if (!s)
		return C_EINVAL;
	if (STR(nlen)(s, room) == room) {
		if (room)
			*s = 0;
		return C_EINVAL;
	}
	change(s);
	return 0;
}
int STR_(lwr_s)(CHAR *s, size_t room) { return change_case(s, room, STR_(lwr)); }
int STR_(upr_s)(CHAR *s, size_t room) { return change_case(s, room, STR_(upr)); }

/* Append at position used; the whole family ends here. */
static int append_counted(CHAR *to, size_t used, size_t room, const CHAR *from, size_t count)
{
	size_t length = STR(nlen)(from, count < room - used ? count : room - used);
	if (length == room - used) {
		if (count != TRUNCATE) {
			*to = 0;
			return C_ERANGE;
		}
		memmove(to + used, from, (room - used - 1) * sizeof(CHAR));
		to[room - 1] = 0;
		return STRUNCATE;
	}
	memmove(to + used, from, length * sizeof(CHAR));
	to[used + length] = 0;
	return 0;
}

int STR(ncpy_s)(CHAR *to, size_t room, const CHAR *from, size_t count)
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
int STR(cpy_s)(CHAR *to, size_t room, const CHAR *from) { return STR(ncpy_s)(to, room, from, TRUNCATE - 1); }

int STR(ncat_s)(CHAR *to, size_t room, const CHAR *from, size_t count)
{
	size_t used;
	if (!to || !room)
		return C_EINVAL;
	used = STR(nlen)(to, room);
	if (!from || used == room) {
		*to = 0;
		return count || used == room ? C_EINVAL : 0;
	}
	return count ? append_counted(to, used, room, from, count) : 0;
}
int STR(cat_s)(CHAR *to, size_t room, const CHAR *from) { return STR(ncat_s)(to, room, from, TRUNCATE - 1); }

CHAR *STR(tok_s)(CHAR *s, const CHAR *separators, CHAR **rest)
{
	CHAR *end;
	if (!separators || !rest || (!s && !*rest))
		return NULL;
	if (!s)
		s = *rest;
	s += STR(spn)(s, separators);
	*rest = s;
	if (!*s)
		return NULL;
	end = s + STR(cspn)(s, separators);
	*rest = *end ? end + 1 : end;
	*end = 0;
	return s;
}
