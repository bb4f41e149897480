// SPDX-License-Identifier: MIT
/* The printf subset of string.h. Pure: no locale, no floating point, no allocation. */
#include "string.h"

#define DIGITS_MAX 24 /* 64 bits in octal and a sign */

struct out { char *buf; size_t size, length; };
struct spec { bool left, zero; int width, precision, length; /* -2 hh, -1 h, 0, 1 l, 2 ll/z/j */ };

static void put(struct out *o, char c)
{
	if (o->length + 1 < o->size)
		o->buf[o->length] = c;
	o->length++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text, size_t n)
{
	int fill = s->width - (int)n;
	if (!s->left)
		pad(o, ' ', fill);
	for (size_t i = 0; i < n; i++)
		put(o, text[i]);
	if (s->left)
		pad(o, ' ', fill);
}

static void put_number(struct out *o, const struct spec *s, u64 v, u32 base, const char *prefix, bool upper)
{
	char digits[DIGITS_MAX];
	int n = 0, prefix_length = (int)strlen(prefix);
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	while (v) {
		digits[n++] = set[v % base];
		v /= base;
	}
	int zeros = MAX(s->precision < 0 ? 1 : s->precision, n) - n;
	if (s->zero && !s->left && s->precision < 0)
		zeros = MAX(zeros, s->width - n - prefix_length);
	int fill = s->width - n - zeros - prefix_length;
	if (!s->left)
		pad(o, ' ', fill);
	for (int i = 0; i < prefix_length; i++)
		put(o, prefix[i]);
	pad(o, '0', zeros);
	while (n)
		put(o, digits[--n]);
	if (s->left)
		pad(o, ' ', fill);
}

static const char *parse_spec(const char *p, struct spec *s, va_list *ap)
{
	*s = (struct spec){ .precision = -1 };
	for (;; p++) {
		if (*p == '-')
			s->left = true;
		else if (*p == '0')
			s->zero = true;
		else
			break;
	}
	if (*p == '*') {
		s->width = va_arg(*ap, int);
		p++;
	}
	while (*p >= '0' && *p <= '9')
		s->width = s->width * 10 + *p++ - '0';
	if (*p == '.') {
		s->precision = 0;
		if (*++p == '*') {
			s->precision = va_arg(*ap, int);
			p++;
		}
		while (*p >= '0' && *p <= '9')
			s->precision = s->precision * 10 + *p++ - '0';
	}
	for (;; p++) {
		if (*p == 'h')
			s->length--;
		else if (*p == 'l')
			s->length++;
		else if (*p == 'z' || *p == 'j' || *p == 't')
			s->length = 2;
		else
			return p;
	}
}

static void put_signed(struct out *o, const struct spec *s, va_list *ap)
{
	s64 v = s->length > 0 ? va_arg(*ap, s64) : va_arg(*ap, int);
	v = s->length == -1 ? (s16)v : s->length == -2 ? (s8)v : v;
	put_number(o, s, v < 0 ? -(u64)v : (u64)v, 10, v < 0 ? "-" : "", false);
}

static void put_unsigned(struct out *o, const struct spec *s, va_list *ap, u32 base, bool upper)
{
	u64 v = s->length > 0 ? va_arg(*ap, u64) : va_arg(*ap, u32);
	v = s->length == -1 ? (u16)v : s->length == -2 ? (u8)v : v;
	put_number(o, s, v, base, "", upper);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_text(o, s, text, s->precision >= 0 ? strnlen(text, (size_t)s->precision) : strlen(text));
}

int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { buf, size, 0 };
	va_list ap;
	va_copy(ap, args);
	for (const char *p = fmt; *p; p++) {
		struct spec s;
		if (*p != '%') {
			put(&o, *p);
			continue;
		}
		p = parse_spec(p + 1, &s, &ap);
		char c;
		switch (*p) {
		case 'd':
		case 'i': put_signed(&o, &s, &ap); break;
		case 'u': put_unsigned(&o, &s, &ap, 10, false); break;
		case 'o': put_unsigned(&o, &s, &ap, 8, false); break;
		case 'x': put_unsigned(&o, &s, &ap, 16, false); break;
		case 'X': put_unsigned(&o, &s, &ap, 16, true); break;
		case 'p': put_number(&o, &s, (u64)(uintptr_t)va_arg(ap, void *), 16, "0x", false); break;
		case 's': put_string(&o, &s, va_arg(ap, const char *)); break;
		case 'c':
			c = (char)va_arg(ap, int);
			put_text(&o, &s, &c, 1);
			break;
		case '%': put(&o, '%'); break;
		case '\0': p--; break;
		default: put(&o, '%'); put(&o, *p); break;
		}
	}
	va_end(ap);
	if (size)
		buf[MIN(o.length, size - 1)] = '\0';
	return (int)o.length;
}

int fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = fmt_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
