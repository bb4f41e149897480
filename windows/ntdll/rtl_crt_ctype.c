// SPDX-License-Identifier: MIT
/* Character classes. ntdll's narrow ones are those of the C locale, the wide ones those of Latin-1 by table and beyond
 * by the case table; single-character case mapping beside them. */
#include "rtl.h"

/* Macros of mingw's header. */
#undef __isascii
#undef __toascii
#undef __iscsym
#undef __iscsymf
#undef _tolower
#undef _toupper
#undef iswalnum
#undef iswalpha
#undef iswdigit
#undef iswlower
#undef iswspace
#undef iswxdigit
#undef iswgraph
#undef iswprint
#undef iswctype

enum { UPPER = 1, LOWER = 2, DIGIT = 4, SPACE = 8, PUNCT = 0x10, CONTROL = 0x20, BLANK = 0x40, HEX = 0x80, ALPHA = 0x100 };

USHORT ctype_of(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return DIGIT | HEX;
	if (c >= 'A' && c <= 'Z')
		return UPPER | ALPHA | (c <= 'F' ? HEX : 0);
	if (c >= 'a' && c <= 'z')
		return LOWER | ALPHA | (c <= 'f' ? HEX : 0);
	if (c == ' ')
		return SPACE | BLANK;
	if (c == '\t')
		return CONTROL | SPACE | BLANK;
	if (c >= '\n' && c <= '\r')
		return CONTROL | SPACE;
	if (c < 0x20 || c == 0x7f)
		return CONTROL;
	return c < 0x7f ? PUNCT : 0;
}

static int in_class(int c, USHORT mask) { return c >= 0 && c < 256 ? ctype_of((unsigned char)c) & mask : 0; }
int isalnum(int c) { return in_class(c, UPPER | LOWER | DIGIT); }
int isalpha(int c) { return in_class(c, UPPER | LOWER); }
int iscntrl(int c) { return in_class(c, CONTROL); }
int isdigit(int c) { return in_class(c, DIGIT); }
int isgraph(int c) { return in_class(c, UPPER | LOWER | DIGIT | PUNCT); }
int islower(int c) { return in_class(c, LOWER); }
/* The tab has the blank bit of the class table but is no printing character. */
int isprint(int c) { return c == '\t' ? 0 : in_class(c, UPPER | LOWER | DIGIT | PUNCT | BLANK); }
int ispunct(int c) { return in_class(c, PUNCT); }
int isspace(int c) { return in_class(c, SPACE); }
int isupper(int c) { return in_class(c, UPPER); }
int isxdigit(int c) { return in_class(c, HEX); }
int __isascii(int c) { return (unsigned)c < 0x80; }
int __toascii(int c) { return c & 0x7f; }
int __iscsym(int c) { return (c < 127) && (isalnum(c) || c == '_'); }
int __iscsymf(int c) { return (c < 127) && (isalpha(c) || c == '_'); }
int tolower(int c) { return (char)c >= 'A' && (char)c <= 'Z' ? c + 32 : c; }

/* By the ANSI code page; a character of two bytes has its first in the low byte. */
int toupper(int c)
{
	char bytes[3] = { (char)c, (char)(c >> 8), 0 };
	LPSTR at = bytes;
	WCHAR wide;
	if ((unsigned)c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	wide = unicode_upper(RtlAnsiCharToUnicodeChar(&at));
	switch (code_page_from_unicode(&ansi_code_page, bytes, 2, &wide, sizeof(wide), false)) {
	case 1: return (unsigned char)bytes[0];
	case 2: return (unsigned char)bytes[1] + ((unsigned char)bytes[0] << 8);
	}
	return c;
}
int _tolower(int c) { return c + 32; }
int _toupper(int c) { return c - 32; }

/* Latin-1 in the class bits; above, ntdll has no class. */
static USHORT wide_class(WCHAR c)
{
	if (c < 0x80)
		return ctype_of((unsigned char)c);
	if (c > 0xff)
		return 0;
	if (c < 0xa0)
		return CONTROL;
	if (c == 0xa0)
		return SPACE | BLANK;
	if (c == 0xb2 || c == 0xb3 || c == 0xb9)
		return PUNCT | DIGIT;
	if (c < 0xc0 || c == 0xd7 || c == 0xf7)
		return PUNCT;
	return (c < 0xdf ? UPPER : LOWER) | ALPHA;
}
int iswctype(WCHAR c, USHORT mask) { return wide_class(c) & mask; }
int iswalnum(WCHAR c) { return iswctype(c, ALPHA | UPPER | LOWER | DIGIT); }
int iswalpha(WCHAR c) { return iswctype(c, ALPHA | UPPER | LOWER); }
int iswdigit(WCHAR c) { return iswctype(c, DIGIT); }
int iswlower(WCHAR c) { return iswctype(c, LOWER); }
int iswspace(WCHAR c) { return iswctype(c, SPACE); }
int iswxdigit(WCHAR c) { return iswctype(c, HEX); }
int iswgraph(WCHAR c) { return iswctype(c, ALPHA | UPPER | LOWER | DIGIT | PUNCT); }
int iswprint(WCHAR c) { return iswctype(c, ALPHA | UPPER | LOWER | DIGIT | PUNCT | BLANK); }
WCHAR towlower(WCHAR c) { return (c < 0x80 ? c >= 'A' && c <= 'Z' : (c >= 0xc0 && c <= 0xde && c != 0xd7)) ? c + 32 : c; }
WCHAR towupper(WCHAR c) { return unicode_upper(c); }
