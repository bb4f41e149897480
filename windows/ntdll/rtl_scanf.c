// SPDX-License-Identifier: MIT
/* sscanf of ntdll: integers, characters, strings, sets; no floating point, as on Windows. */
#include "rtl.h"

struct scan { const char *start, *at; };
struct conversion { bool suppress, wide; int width, size; }; /* size: bytes of an integer, or 8 for double */

static void skip_space(struct scan *s)
{
	while (isspace((unsigned char)*s->at))
		s->at++;
}

static const char *read_conversion(const char *format, struct conversion *c)
{
	*c = (struct conversion){ .size = 4 };
	if (*format == '*')
		c->suppress = true, format++;
	for (; isdigit((unsigned char)*format); format++)
		c->width = c->width * 10 + *format - '0';
	for (;; format++) {
		if (*format == 'h')
			c->size = c->size == 2 ? 1 : 2;
		else if (*format == 'l')
			c->size = c->wide ? 8 : 4, c->wide = true;
		else if (*format == 'L')
			c->size = 8;
		else if (format[0] == 'I' && format[1] == '6' && format[2] == '4')
			c->size = 8, format += 2;
		else
			return format;
	}
}

static bool scan_integer(struct scan *s, const struct conversion *c, int base, void *out)
{
	int room = c->width ? c->width : MAXLONG;
	bool negative = false, any = false;
	ULONGLONG value = 0;
	skip_space(s);
	if (*s->at == '-' || *s->at == '+')
		negative = *s->at++ == '-', room--;
	if ((base == 0 || base == 16) && room > 1 && s->at[0] == '0' && (s->at[1] | 32) == 'x')
		s->at += 2, room -= 2, base = 16;
	else if (!base)
		base = *s->at == '0' ? 8 : 10;
	for (; room > 0; room--, s->at++) {
		int c0 = (unsigned char)*s->at, digit = isdigit(c0) ? c0 - '0' : isalpha(c0) ? (c0 | 32) - 'a' + 10 : 99;
		if (digit >= base)
			break;
		value = value * (unsigned)base + (unsigned)digit;
		any = true;
	}
	if (negative)
		value = 0 - value;
	if (any && out)
		memcpy(out, &value, (size_t)c->size);
	return any;
}

/* Membership of "%[...]"; *end: behind the ']'. */
static void read_set(const char *format, const char **end, bool set[256])
{
	bool value = true;
	const char *at = format;
	if (*at == '^')
		value = false, at++;
	memset(set, !value, 256);
	do {
		unsigned char from = (unsigned char)*at, to = from;
		if (!from)
			break;
		if (at[1] == '-' && at[2] && at[2] != ']')
			to = (unsigned char)at[2], at += 2;
		for (unsigned c = from; c <= to; c++)
			set[c] = value;
		at++;
	} while (*at != ']');
	*end = *at ? at + 1 : at;
}

static bool scan_text(struct scan *s, const struct conversion *c, const bool *set, bool terminate, char *out)
{
	int room = c->width ? c->width : terminate ? MAXLONG : 1, count = 0;
	for (; room-- > 0 && *s->at && (!set || set[(unsigned char)*s->at]); s->at++, count++)
		if (out)
			*out++ = *s->at;
	if (out && terminate && count)
		*out = 0;
	return count > 0;
}

static bool convert(struct scan *s, const char **format, struct conversion *c, void *out)
{
	bool set[256];
	char kind = *(*format)++;
	switch (kind) {
	case 'd': case 'u': return scan_integer(s, c, 10, out);
	case 'i': return scan_integer(s, c, 0, out);
	case 'o': return scan_integer(s, c, 8, out);
	case 'p': c->size = 8; return scan_integer(s, c, 16, out);
	case 'x': case 'X': return scan_integer(s, c, 16, out);
	case 'c': return scan_text(s, c, NULL, false, out);
	case 's':
		skip_space(s);
		for (unsigned i = 0; i < 256; i++)
			set[i] = !isspace((int)i);
		return scan_text(s, c, set, true, out);
	case '[':
		read_set(*format, format, set);
		return scan_text(s, c, set, true, out);
	}
	return false;
}

int sscanf(const char *text, const char *format, ...)
{
	struct scan s = { text, text };
	int assigned = 0;
	va_list arguments;
	va_start(arguments, format);
	while (*format) {
		struct conversion c;
		if (isspace((unsigned char)*format)) {
			skip_space(&s);
			format++;
			continue;
		}
		if (*format != '%' || format[1] == '%') {
			format += *format == '%';
			if (*s.at != *format++)
				break;
			s.at++;
			continue;
		}
		format = read_conversion(format + 1, &c);
		if (*format == 'n') {
			*va_arg(arguments, int *) = (int)(s.at - s.start);
			format++;
			continue;
		}
		if (!convert(&s, &format, &c, c.suppress ? NULL : va_arg(arguments, void *))) {
			if (!assigned && !*s.at)
				assigned = -1;
			break;
		}
		assigned += !c.suppress;
	}
	va_end(arguments);
	return assigned;
}
