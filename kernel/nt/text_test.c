// SPDX-License-Identifier: MIT
// Unit test of names between NT and Linux: conversions that come back, case, patterns.
// CFLAGS: -Ikernel/include -Ilib/base
#include "nt_text.h"
#include "../../tests/unit.h"

#include <stdio.h>
#include <string.h>

static u32 widen(const char *s, u16 *out)
{
	return (u32)nt_from_utf8(s, (u32)strlen(s), out, 256);
}

static void returns(const char *what, const char *bytes, u32 n)
{
	u16 wide[256];
	char back[256];
	s64 units = nt_from_utf8(bytes, n, wide, 256);
	s64 length = nt_to_utf8(wide, (u32)units, back, 256);
	check(what, length == (s64)n && !memcmp(back, bytes, n));
}

static int match(const char *pattern, const char *name)
{
	u16 p[256], n[256];
	u32 pn = widen(pattern, p), nn = widen(name, n);
	return nt_match(p, pn, n, nn);
}

int main(void)
{
	char all[256];
	for (u32 i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	returns("every byte comes back", all, 255);
	returns("text comes back", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z", 11);
	returns("overlong bytes come back", "\xc0\x80\xed\xb2\x80\xff\xf5", 7);
	u16 alone[] = { 0xd800, 'a' }, back[4];
	char bytes[16];
	s64 n = nt_to_utf8(alone, 2, bytes, sizeof(bytes));
	check("a lone surrogate comes back", n == 4 && nt_from_utf8(bytes, 4, back, 4) == 2 && back[0] == 0xd800);
	check("no room is refused", nt_to_utf8(alone, 2, bytes, 3) < 0 && nt_from_utf8("abc", 3, back, 2) < 0);
	check("case: ASCII", nt_upcase('z') == 'Z' && nt_upcase('[') == '[' && nt_upcase('1') == '1');
	check("case: Latin, Greek, Cyrillic", nt_upcase(0xe9) == 0xc9 && nt_upcase(0x3b1) == 0x391 && nt_upcase(0x44f) == 0x42f);
	check("case: pairs", nt_upcase(0x101) == 0x100 && nt_upcase(0x100) == 0x100 && nt_upcase(0xdf) == 0xdf);
	check("names equal but for case", nt_names_equal("\xc3\xa9T", 3, "\xc3\x89t", 3) && !nt_names_equal("a", 1, "ab", 2));
	check("hashes agree", nt_name_hash("\xc3\xa9T", 3) == nt_name_hash("\xc3\x89t", 3));
	check("star", match("*", "x") && match("*.txt", "A.TXT") && !match("*.txt", "a.tx") && match("a*b*c", "aXXbYYc"));
	check("question mark", match("a?c", "abc") && !match("a?c", "ac"));
	check("DOS star", match("<.c", "a.b.c") && match("<", "abc"));
	check("DOS question mark and dot", match("a>>", "a") && match("a\"b", "a.b") && match("a\"", "a"));
	check("a period before a star ends a name", match("*.*", "x") && match("a.*", "a") && match("a.*", "a.b.c") && !match("a.*", "ab"));
	check("DOS star ends at the last period", !match("<b", "a.ab") && match("<.b", "a.a.b") && match("<b", "a.b"));
	char stars[256] = "", name[256] = "";
	memset(name, 'a', 252);
	for (u32 i = 0; i < 252; i++)
		stars[i] = i % 2 ? 'a' : '*';
	check("many stars match", match(stars, name));
	stars[251] = 'b';
	check("many stars end", !match(stars, name));
	return failures != 0;
}
