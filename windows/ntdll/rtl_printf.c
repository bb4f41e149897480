// SPDX-License-Identifier: MIT
/* The printf family of ntdll: integers, characters, strings of both widths, pointers; no floating point, as on Windows.
 * One formatter serves both widths: the format is read and the result written through struct sink.
 * A result that does not fit gives -1; exactly full leaves no room for the NUL and is no error. */
#include "rtl.h"

struct sink { void *out; size_t room, count; bool wide; };
struct source { const void *text; bool wide; };

static WCHAR format_at(const struct source *f, size_t i)
{
	return f->wide ? ((const WCHAR *)f->text)[i] : ((const unsigned char *)f->text)[i];
}

static void put(struct sink *s, WCHAR c)
{
	if (s->out && s->count < s->room) {
		if (s->wide)
			((WCHAR *)s->out)[s->count] = c;
		else
			((char *)s->out)[s->count] = (char)c;
	}
	s->count++;
}

static void pad(struct sink *s, int count, WCHAR c)
{
	while (count-- > 0)
		put(s, c);
}

enum length { LENGTH_NONE, LENGTH_SHORT, LENGTH_CHAR, LENGTH_LONG, LENGTH_64 };
struct directive {
	bool left, plus, space, alternative, zero;
	int width, precision; /* -1: none */
	enum length length;
	bool narrow, wide;    /* asked for by h, l, w */
};

static void put_padded(struct sink *s, const struct directive *d, const void *text, bool wide, int length)
{
	int i;
	if (!d->left)
		pad(s, d->width - length, d->zero ? '0' : ' ');
	for (i = 0; i < length; i++)
		put(s, wide ? ((const WCHAR *)text)[i] : ((const unsigned char *)text)[i]);
	if (d->left)
		pad(s, d->width - length, ' ');
}

#define CONVERSION_PIECE 64 /* characters converted at a time */

/* A string of the other width: converted piece by piece, counted in characters of the result. */
static void put_converted(struct sink *s, const struct directive *d, const void *text, bool wide, int length)
{
	ULONG bytes = (ULONG)length * (wide ? sizeof(WCHAR) : 1), i;
	ULONG units = wide ? code_page_from_unicode(&ansi_code_page, NULL, 0, text, bytes, false)
		: code_page_to_unicode(&ansi_code_page, NULL, 0, text, bytes) / sizeof(WCHAR);
	char small[CONVERSION_PIECE * 4];
	void *buffer = units * sizeof(WCHAR) <= sizeof(small) ? small : RtlAllocateHeap(current_peb()->ProcessHeap, 0, units * sizeof(WCHAR));
	if (!buffer)
		return;
	if (wide)
		code_page_from_unicode(&ansi_code_page, buffer, units, text, bytes, false);
	else
		code_page_to_unicode(&ansi_code_page, buffer, units * sizeof(WCHAR), text, bytes);
	if (wide && d->precision >= 0 && units > (ULONG)d->precision)
		units = (ULONG)d->precision;
	if (!d->left)
		pad(s, d->width - (int)units, d->zero ? '0' : ' ');
	for (i = 0; i < units; i++)
		put(s, wide ? ((unsigned char *)buffer)[i] : ((WCHAR *)buffer)[i]);
	if (d->left)
		pad(s, d->width - (int)units, ' ');
	if (buffer != small)
		RtlFreeHeap(current_peb()->ProcessHeap, 0, buffer);
}

static void put_string(struct sink *s, const struct directive *d, const void *text, bool wide, int length)
{
	if (wide == s->wide)
		put_padded(s, d, text, wide, length);
	else
		put_converted(s, d, text, wide, length);
}

static void put_text(struct sink *s, const struct directive *d, const void *text, bool wide)
{
	size_t limit = d->precision >= 0 ? (size_t)d->precision : MAXLONG;
	if (!text)
		text = wide ? (const void *)L"(null)" : "(null)";
	put_string(s, d, text, wide, (int)(wide ? wcsnlen(text, limit) : strnlen(text, limit)));
}

static void put_number(struct sink *s, const struct directive *d, ULONGLONG value, unsigned base, bool upper, bool negative,
	bool is_signed)
{
	char digits[65];
	char prefix[3] = { 0 };
	int count = (int)digits_of(value, base, upper, digits), zeros, prefix_length = 0, all;
	if (!value && d->precision == 0)
		count = 0;
	if (is_signed && (negative || d->plus || d->space))
		prefix[prefix_length++] = negative ? '-' : d->plus ? '+' : ' ';
	if (d->alternative && base == 16 && value) {
		prefix[prefix_length++] = '0';
		prefix[prefix_length++] = upper ? 'X' : 'x';
	}
	zeros = d->precision > count ? d->precision - count : 0;
	if (d->alternative && base == 8 && !zeros && (!count || digits[0] != '0'))
		zeros = 1;
	all = prefix_length + zeros + count;
	if (d->zero && !d->left && d->precision < 0 && d->width > all)
		zeros += d->width - all, all = d->width;
	if (!d->left)
		pad(s, d->width - all, ' ');
	for (int i = 0; i < prefix_length; i++)
		put(s, (WCHAR)prefix[i]);
	pad(s, zeros, '0');
	for (int i = 0; i < count; i++)
		put(s, (WCHAR)digits[i]);
	if (d->left)
		pad(s, d->width - all, ' ');
}

static size_t read_flags(const struct source *f, size_t i, struct directive *d)
{
	for (;; i++) {
		switch (format_at(f, i)) {
		case '-': d->left = true; break;
		case '+': d->plus = true; break;
		case ' ': d->space = true; break;
		case '#': d->alternative = true; break;
		case '0': d->zero = true; break;
		default: return i;
		}
	}
}

static size_t read_count(const struct source *f, size_t i, int *count, va_list *arguments)
{
	if (format_at(f, i) == '*') {
		*count = va_arg(*arguments, int);
		return i + 1;
	}
	for (*count = 0; format_at(f, i) >= '0' && format_at(f, i) <= '9'; i++)
		*count = *count * 10 + format_at(f, i) - '0';
	return i;
}

static size_t read_length(const struct source *f, size_t i, struct directive *d)
{
	for (;; i++) {
		switch (format_at(f, i)) {
		case 'h':
			d->length = d->length == LENGTH_SHORT ? LENGTH_CHAR : LENGTH_SHORT;
			d->narrow = true;
			break;
		case 'l':
			d->length = d->wide ? LENGTH_64 : LENGTH_LONG;
			d->wide = true;
			break;
		case 'w': d->wide = true; break;
		case 'L': case 'j': d->length = LENGTH_64; break;
		case 'z': case 't': d->length = LENGTH_64; break;
		case 'I':
			if (format_at(f, i + 1) == '6' && format_at(f, i + 2) == '4')
				d->length = LENGTH_64, i += 2;
			else if (format_at(f, i + 1) == '3' && format_at(f, i + 2) == '2')
				d->length = LENGTH_LONG, i += 2;
			else
				d->length = LENGTH_64;
			break;
		case 'F': case 'N':
			break;
		default: return i;
		}
	}
}

static void put_integer(struct sink *s, const struct directive *d, WCHAR kind, va_list *arguments)
{
	bool is_signed = kind == 'd' || kind == 'i', negative = false;
	ULONGLONG value;
	if (d->length == LENGTH_64) {
		value = va_arg(*arguments, ULONGLONG);
	} else {
		int small = va_arg(*arguments, int);
		if (d->length == LENGTH_SHORT || d->length == LENGTH_CHAR)
			small = is_signed ? (short)small : (unsigned short)small;
		value = is_signed ? (ULONGLONG)small : (ULONG)small;
	}
	if (is_signed && (LONGLONG)value < 0)
		negative = true, value = 0 - value;
	put_number(s, d, value, kind == 'o' ? 8 : kind == 'x' || kind == 'X' ? 16 : 10, kind == 'X', negative, is_signed);
}

static void put_counted(struct sink *s, const struct directive *d, const UNICODE_STRING *string)
{
	bool wide = d->wide;
	if (!string || !string->Buffer)
		put_text(s, d, NULL, s->wide);
	else
		put_string(s, d, string->Buffer, wide, wide ? string->Length / (int)sizeof(WCHAR) : string->Length);
}

static void put_directive(struct sink *s, struct directive *d, WCHAR kind, va_list *arguments)
{
	bool opposite = kind == 'C' || kind == 'S', wide = d->wide ? true : d->narrow ? false : s->wide != opposite;
	switch (kind) {
	case 'd': case 'i': case 'u': case 'o': case 'x': case 'X':
		put_integer(s, d, kind, arguments);
		break;
	case 'p':
		d->precision = 16, d->zero = false, d->plus = d->space = d->alternative = false;
		put_number(s, d, va_arg(*arguments, ULONGLONG), 16, true, false, false);
		break;
	case 'c': case 'C': {
		int value = va_arg(*arguments, int);
		WCHAR wide_char = (WCHAR)value;
		char narrow_char = (char)value;
		struct directive plain = *d;
		plain.precision = -1;
		put_string(s, &plain, wide ? (void *)&wide_char : (void *)&narrow_char, wide, 1);
		break;
	}
	case 's': case 'S':
		put_text(s, d, va_arg(*arguments, const void *), wide);
		break;
	case 'Z':
		put_counted(s, d, va_arg(*arguments, const UNICODE_STRING *));
		break;
	case 'n':
		*va_arg(*arguments, int *) = (int)s->count;
		break;
	default:
		put(s, kind);
	}
}

static void format(struct sink *s, const struct source *f, va_list *arguments)
{
	size_t i = 0;
	WCHAR c;
	while ((c = format_at(f, i)) != 0) {
		struct directive d = { .precision = -1 };
		i++;
		if (c != '%') {
			put(s, c);
			continue;
		}
		i = read_flags(f, i, &d);
		i = read_count(f, i, &d.width, arguments);
		if (d.width < 0)
			d.left = true, d.width = -d.width;
		if (format_at(f, i) == '.')
			i = read_count(f, i + 1, &d.precision, arguments);
		i = read_length(f, i, &d);
		if (!format_at(f, i))
			break;
		put_directive(s, &d, format_at(f, i++), arguments);
	}
}

static int finish(struct sink *s)
{
	size_t length = s->count;
	if (s->out && length < s->room) {
		if (s->wide)
			((WCHAR *)s->out)[length] = 0;
		else
			((char *)s->out)[length] = 0;
	}
	return s->out && length > s->room ? -1 : (int)length;
}

int format_narrow(char *out, size_t limit, const char *text, va_list arguments)
{
	struct sink sink = { .out = out, .room = limit };
	struct source source = { text, false };
	va_list copy;
	va_copy(copy, arguments);
	format(&sink, &source, &copy);
	va_end(copy);
	return finish(&sink);
}

int format_wide(WCHAR *out, size_t limit, const WCHAR *text, va_list arguments)
{
	struct sink sink = { .out = out, .room = limit, .wide = true };
	struct source source = { text, true };
	va_list copy;
	va_copy(copy, arguments);
	format(&sink, &source, &copy);
	va_end(copy);
	return finish(&sink);
}
