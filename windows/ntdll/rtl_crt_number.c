// SPDX-License-Identifier: MIT
/* Text to number and number to text of the C library part of ntdll. */
#include "rtl.h"

#define C_EINVAL 22
#define C_ERANGE 34

static int digit_value(WCHAR c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	return 99;
}

/* The zeros of the decimal digit runs that wcstol knows beside ASCII's. */
static int wide_digit_value(WCHAR c)
{
	static const WCHAR zeros[] = { 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
		0x17e0, 0x1810, 0xff10 };
	unsigned i;
	for (i = 0; c > 0x7f && i < ARRAYSIZE(zeros); i++)
		if (c >= zeros[i] && c < zeros[i] + 10)
			return c - zeros[i];
	return digit_value(c);
}

/* One reader for both widths: the text is seen through this. */
struct number_text { const void *text; bool wide; };
static WCHAR character(const struct number_text *n, size_t i)
{
	return n->wide ? ((const WCHAR *)n->text)[i] : ((const unsigned char *)n->text)[i];
}

struct number { ULONGLONG value; size_t end; bool negative, overflow; };

static struct number read_number(const struct number_text *n, int base)
{
	struct number result = { 0 };
	size_t i = 0;
	bool any = false;
	while (n->wide ? iswspace(character(n, i)) : isspace(character(n, i)))
		i++;
	if (character(n, i) == '-')
		result.negative = true, i++;
	else if (character(n, i) == '+')
		i++;
	if ((base == 0 || base == 16) && (n->wide ? wide_digit_value(character(n, i)) : digit_value(character(n, i))) == 0 &&
	    (character(n, i + 1) | 0x20) == 'x') {
		i += 2, base = 16;
	} else if (base == 0) {
		base = (n->wide ? wide_digit_value(character(n, i)) : digit_value(character(n, i))) == 0 ? 8 : 10;
	}
	for (;; i++) {
		int digit = n->wide ? wide_digit_value(character(n, i)) : digit_value(character(n, i));
		if (digit >= base)
			break;
		any = true;
		if (result.value > (~0ull - (unsigned)digit) / (unsigned)base)
			result.overflow = true;
		result.value = result.value * (unsigned)base + (unsigned)digit;
	}
	result.end = any ? i : 0;
	return result;
}

static LONG to_long(struct number n)
{
	if (!n.negative)
		return n.overflow || n.value > (ULONG)MAXLONG ? MAXLONG : (LONG)n.value;
	return n.overflow || n.value > (ULONG)MAXLONG + 1 ? (LONG)0x80000000 : (LONG)(0 - (ULONG)n.value);
}

static ULONG to_unsigned_long(struct number n)
{
	ULONG value = n.overflow || n.value > 0xffffffffu ? 0xffffffffu : (ULONG)n.value;
	return n.negative ? 0 - value : value;
}

long strtol(const char *s, char **end, int base)
{
	struct number n = read_number(&(struct number_text){ s, false }, base);
	if (end)
		*end = (char *)(uintptr_t)(s + n.end);
	return to_long(n);
}

unsigned long strtoul(const char *s, char **end, int base)
{
	struct number n = read_number(&(struct number_text){ s, false }, base);
	if (end)
		*end = (char *)(uintptr_t)(s + n.end);
	return to_unsigned_long(n);
}

long wcstol(const WCHAR *s, WCHAR **end, int base)
{
	struct number n = read_number(&(struct number_text){ s, true }, base);
	if (end)
		*end = (WCHAR *)(uintptr_t)(s + n.end);
	return to_long(n);
}

unsigned long wcstoul(const WCHAR *s, WCHAR **end, int base)
{
	struct number n = read_number(&(struct number_text){ s, true }, base);
	if (end)
		*end = (WCHAR *)(uintptr_t)(s + n.end);
	return to_unsigned_long(n);
}

__int64 _wcstoi64(const WCHAR *s, WCHAR **end, int base)
{
	struct number n = read_number(&(struct number_text){ s, true }, base);
	if (end)
		*end = (WCHAR *)(uintptr_t)(s + n.end);
	if (!n.negative)
		return n.overflow || n.value > MAXLONGLONG ? MAXLONGLONG : (LONGLONG)n.value;
	return n.overflow || n.value > (ULONGLONG)MAXLONGLONG + 1 ? MINLONGLONG : -(LONGLONG)n.value;
}

unsigned __int64 _wcstoui64(const WCHAR *s, WCHAR **end, int base)
{
	struct number n = read_number(&(struct number_text){ s, true }, base);
	if (end)
		*end = (WCHAR *)(uintptr_t)(s + n.end);
	return n.overflow ? MAXULONGLONG : n.negative ? 0 - n.value : n.value;
}

/* The atoi family wraps around silently. */
static LONGLONG wrapping(const struct number_text *text)
{
	LONGLONG value = 0;
	size_t i = 0;
	bool negative = false;
	while (text->wide ? iswspace(character(text, i)) : isspace(character(text, i)))
		i++;
	if (character(text, i) == '-' || character(text, i) == '+')
		negative = character(text, i++) == '-';
	for (; character(text, i) >= '0' && character(text, i) <= '9'; i++)
		value = (LONGLONG)((ULONGLONG)value * 10 + character(text, i) - '0');
	return negative ? (LONGLONG)(0 - (ULONGLONG)value) : value;
}
int atoi(const char *s) { return (int)wrapping(&(struct number_text){ s, false }); }
long atol(const char *s) { return (long)wrapping(&(struct number_text){ s, false }); }
__int64 _atoi64(const char *s) { return wrapping(&(struct number_text){ s, false }); }
int _wtoi(const WCHAR *s) { return (int)wrapping(&(struct number_text){ s, true }); }
long _wtol(const WCHAR *s) { return (long)wrapping(&(struct number_text){ s, true }); }
__int64 _wtoi64(const WCHAR *s) { return wrapping(&(struct number_text){ s, true }); }

/* Number to text: the sign only in base 10, no check of the base beyond what keeps the loop finite. */
static unsigned number_digits(ULONGLONG value, bool negative, int base, char out[66])
{
	char digits[65];
	unsigned count, at = 0;
	if (base < 2) {
		out[0] = 0;
		return 0;
	}
	count = digits_of(negative ? 0 - value : value, (unsigned)base, false, digits);
	if (negative)
		out[at++] = '-';
	memmove(out + at, digits, count + 1);
	return at + count;
}

static char *narrow(ULONGLONG value, bool negative, char *out, int base)
{
	char text[66];
	memmove(out, text, number_digits(value, negative, base, text) + 1);
	return out;
}

static WCHAR *wide(ULONGLONG value, bool negative, WCHAR *out, int base)
{
	char text[66];
	unsigned i, count = number_digits(value, negative, base, text);
	for (i = 0; i <= count; i++)
		out[i] = (unsigned char)text[i];
	return out;
}
#define IS_SIGNED(value, base) ((base) == 10 && (value) < 0)
#define LONG_PARTS(value, base) (ULONGLONG)value, IS_SIGNED(value, base)
#define INT_PARTS(value, base) IS_SIGNED(value, base) ? (ULONGLONG)value : (ULONG)value, IS_SIGNED(value, base)
char *_itoa(int value, char *out, int base) { return narrow(INT_PARTS(value, base), out, base); }
char *_ltoa(long value, char *out, int base) { return _itoa(value, out, base); }
char *_ultoa(unsigned long value, char *out, int base) { return narrow(value, false, out, base); }
char *_i64toa(__int64 value, char *out, int base) { return narrow(LONG_PARTS(value, base), out, base); }
char *_ui64toa(unsigned __int64 value, char *out, int base) { return narrow(value, false, out, base); }
WCHAR *_itow(int value, WCHAR *out, int base) { return wide(INT_PARTS(value, base), out, base); }
WCHAR *_ltow(long value, WCHAR *out, int base) { return _itow(value, out, base); }
WCHAR *_ultow(unsigned long value, WCHAR *out, int base) { return wide(value, false, out, base); }
WCHAR *_i64tow(__int64 value, WCHAR *out, int base) { return wide(LONG_PARTS(value, base), out, base); }
WCHAR *_ui64tow(unsigned __int64 value, WCHAR *out, int base) { return wide(value, false, out, base); }

static int narrow_s(ULONGLONG value, bool negative, char *out, size_t room, int base)
{
	char text[66];
	unsigned count;
	if (!out || !room)
		return C_EINVAL;
	*out = 0;
	if (base < 2 || base > 36)
		return C_EINVAL;
	count = number_digits(value, negative, base, text);
	if (count >= room)
		return C_ERANGE;
	memmove(out, text, count + 1);
	return 0;
}

static int wide_s(ULONGLONG value, bool negative, WCHAR *out, size_t room, int base)
{
	char text[66];
	int error = room && out ? narrow_s(value, negative, text, room < 66 ? room : 66, base) : C_EINVAL;
	size_t i = 0;
	if (!out || !room)
		return error;
	do
		out[i] = (unsigned char)text[i];
	while (text[i++]);
	return error;
}
int _itoa_s(int value, char *out, size_t room, int base) { return narrow_s(INT_PARTS(value, base), out, room, base); }
int _ltoa_s(long value, char *out, size_t room, int base) { return _itoa_s(value, out, room, base); }
int _ultoa_s(unsigned long value, char *out, size_t room, int base) { return narrow_s(value, false, out, room, base); }
int _i64toa_s(__int64 value, char *out, size_t room, int base) { return narrow_s(LONG_PARTS(value, base), out, room, base); }
int _ui64toa_s(unsigned __int64 value, char *out, size_t room, int base) { return narrow_s(value, false, out, room, base); }
int _itow_s(int value, WCHAR *out, size_t room, int base) { return wide_s(INT_PARTS(value, base), out, room, base); }
int _ltow_s(long value, WCHAR *out, size_t room, int base) { return _itow_s(value, out, room, base); }
int _ultow_s(unsigned long value, WCHAR *out, size_t room, int base) { return wide_s(value, false, out, room, base); }
int _i64tow_s(__int64 value, WCHAR *out, size_t room, int base) { return wide_s(LONG_PARTS(value, base), out, room, base); }
int _ui64tow_s(unsigned __int64 value, WCHAR *out, size_t room, int base) { return wide_s(value, false, out, room, base); }
