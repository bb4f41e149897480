// SPDX-License-Identifier: MIT
/* The formatter (string.h lists what it knows), hashing and the bounded copy. */
#include "string.h"

struct sink {
	char *buf;
	size_t size, length;
};

static void put(struct sink *s, char c)
{
	if (s->length + 1 < s->size)
		s->buf[s->length] = c;
	s->length++;
}

static void put_padded(struct sink *s, const char *text, size_t n, int width, bool left, char pad)
{
	size_t fill = width > 0 && (size_t)width > n ? (size_t)width - n : 0;
	for (size_t i = 0; !left && i < fill; i++)
		put(s, pad);
	for (size_t i = 0; i < n; i++)
		put(s, text[i]);
	for (size_t i = 0; left && i < fill; i++)
		put(s, ' ');
}

struct spec { bool left, zero; int width, precision, longs; };

static void put_number(struct sink *s, u64 v, bool negative, u32 base, bool upper, const struct spec *f)
{
	char digits[24];
	size_t at = sizeof(digits);
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	do {
		digits[--at] = set[v % base];
		v /= base;
	} while (v);
	while (f->precision > (int)(sizeof(digits) - at) && at > 1)
		digits[--at] = '0';
	bool zero = f->zero && !f->left && f->precision < 0;
	if (negative && zero) {
		put(s, '-');
		put_padded(s, digits + at, sizeof(digits) - at, f->width - 1, false, '0');
		return;
	}
	if (negative)
		digits[--at] = '-';
	put_padded(s, digits + at, sizeof(digits) - at, f->width, f->left, zero ? '0' : ' ');
}

static const char *parse_spec(const char *p, struct spec *f, va_list *ap)
{
	*f = (struct spec){ .precision = -1 };
	for (;; p++) {
		if (*p == '-')
			f->left = true;
		else if (*p == '0')
			f->zero = true;
		else
			break;
	}
	if (*p == '*') {
		f->width = va_arg(*ap, int);
		p++;
	}
	for (; *p >= '0' && *p <= '9'; p++)
		f->width = f->width * 10 + (*p - '0');
	if (*p == '.') {
		f->precision = 0;
		if (*++p == '*') {
			f->precision = va_arg(*ap, int);
			p++;
		}
		for (; *p >= '0' && *p <= '9'; p++)
			f->precision = f->precision * 10 + (*p - '0');
	}
	for (;; p++) {
		if (*p == 'l' || *p == 'z' || *p == 'j')
			f->longs++;
		else if (*p != 'h')
			return p;
	}
}

static void put_conversion(struct sink *s, char c, const struct spec *f, va_list *ap)
{
	switch (c) {
	case 'd': case 'i': {
		s64 v = f->longs ? va_arg(*ap, s64) : va_arg(*ap, int);
		put_number(s, v < 0 ? 0 - (u64)v : (u64)v, v < 0, 10, false, f);
		break;
	}
	case 'u': case 'x': case 'X': case 'o': {
		u64 v = f->longs ? va_arg(*ap, u64) : va_arg(*ap, unsigned int);
		put_number(s, v, false, c == 'u' ? 10 : c == 'o' ? 8 : 16, c == 'X', f);
		break;
	}
	case 'p':
		put(s, '0');
		put(s, 'x');
		put_number(s, (u64)va_arg(*ap, void *), false, 16, false, f);
		break;
	case 'c': {
		char ch = (char)va_arg(*ap, int);
		put_padded(s, &ch, 1, f->width, f->left, ' ');
		break;
	}
	case 's': {
		const char *text = va_arg(*ap, const char *);
		text = text ? text : "(null)";
		size_t n = 0;
		while ((f->precision < 0 || n < (size_t)f->precision) && text[n])
			n++;
		put_padded(s, text, n, f->width, f->left, ' ');
		break;
	}
	default:
		put(s, '%');
		put(s, c);
	}
}

int fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink s = { buf, size, 0 };
	va_list ap;
	va_copy(ap, args);
	for (; *fmt; fmt++) {
		struct spec f;
		if (*fmt != '%') {
			put(&s, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &f, &ap);
		if (!*fmt)
			break;
		if (*fmt == '%')
			put(&s, '%');
		else
			put_conversion(&s, *fmt, &f, &ap);
	}
	va_end(ap);
	if (size)
		buf[s.length < size ? s.length : size - 1] = '\0';
	return (int)s.length;
}

int fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = fmt_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

size_t str_copy(char *dst, const char *src, size_t size)
{
	size_t n = 0;
	for (; src[n]; n++)
		if (n + 1 < size)
			dst[n] = src[n];
	if (size)
		dst[n < size ? n : size - 1] = '\0';
	return n;
}

u64 hash_bytes(const void *data, size_t n, u64 seed)
{
	const u8 *p = data;
	u64 h = seed ^ 0xcbf29ce484222325ull;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return hash_u64(h);
}
