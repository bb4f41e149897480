// SPDX-License-Identifier: MIT
/* Normalisation and international names of domains, by kernel32's doors and ntdll's own. What is checked only without Wine
 * (NT_PEER) is where it leaves RFC 3490 and 3491: direction, Unicode 3.2, STD3 rules, case of the prefix. */
#include "check.h"
#include <wchar.h>

#define ROOM 200
#define NO_TRANSLATION 0xc0000717
#define INVALID_NAME 0xc0000716
#define TOO_SMALL 0xc0000023
#define INVALID_PARAMETER 0xc000000d
#define NOT_FOUND 0xc0000034
typedef LONG status;
static status (WINAPI *normalize)(ULONG, const WCHAR *, LONG, WCHAR *, LONG *);
static status (WINAPI *is_normalized)(ULONG, const WCHAR *, LONG, BOOLEAN *);
static status (WINAPI *to_ascii)(DWORD, const WCHAR *, LONG, WCHAR *, LONG *);
static status (WINAPI *to_unicode)(DWORD, const WCHAR *, LONG, WCHAR *, LONG *);
static status (WINAPI *prepare)(DWORD, const WCHAR *, LONG, WCHAR *, LONG *);
static const NORM_FORM forms[] = { NormalizationC, NormalizationD, NormalizationKC, NormalizationKD };
static WCHAR out[ROOM];

static int is(const WCHAR *from, const WCHAR *c, const WCHAR *d, const WCHAR *kc, const WCHAR *kd)
{
	const WCHAR *wanted[] = { c, d, kc, kd };
	int good = 1;
	for (int i = 0; i < 4; i++) {
		int length = NormalizeString(forms[i], from, -1, out, ROOM);
		good &= length == (int)wcslen(wanted[i]) + 1 && !wcscmp(out, wanted[i]);
		good &= IsNormalizedString(forms[i], wanted[i], -1) && IsNormalizedString(forms[i], from, -1) == !wcscmp(from, wanted[i]);
	}
	return good;
}
CASE(known_examples_in_four_forms)
{
	CHECK(is(L"", L"", L"", L"", L""));
	CHECK(is(L"abc", L"abc", L"abc", L"abc", L"abc"));
	CHECK(is(L"\x212b", L"\xc5", L"A\x30a", L"\xc5", L"A\x30a"));
	CHECK(is(L"\x1e9b\x323", L"\x1e9b\x323", L"\x17f\x323\x307", L"\x1e69", L"s\x323\x307"));
	CHECK(is(L"\xfb01", L"\xfb01", L"\xfb01", L"fi", L"fi"));
	CHECK(is(L"q\x307\x323", L"q\x323\x307", L"q\x323\x307", L"q\x323\x307", L"q\x323\x307"));
	CHECK(is(L"\x958", L"\x915\x93c", L"\x915\x93c", L"\x915\x93c", L"\x915\x93c")); /* an exclusion */
	CHECK(is(L"\x9c7\x9be", L"\x9cb", L"\x9c7\x9be", L"\x9cb", L"\x9c7\x9be"));          /* two starters */
}
CASE(hangul_is_by_algorithm)
{
	CHECK(is(L"\xac00", L"\xac00", L"\x1100\x1161", L"\xac00", L"\x1100\x1161"));
	CHECK(is(L"\xd7a3", L"\xd7a3", L"\x1112\x1175\x11c2", L"\xd7a3", L"\x1112\x1175\x11c2"));
	CHECK(is(L"\xac00\x11a8", L"\xac01", L"\x1100\x1161\x11a8", L"\xac01", L"\x1100\x1161\x11a8"));
	CHECK(is(L"\xac01\x11a8", L"\xac01\x11a8", L"\x1100\x1161\x11a8\x11a8", L"\xac01\x11a8", L"\x1100\x1161\x11a8\x11a8"));
}
CASE(characters_beyond_the_first_plane)
{
	CHECK(is(L"\xd834\xdd5e", L"\xd834\xdd57\xd834\xdd65", L"\xd834\xdd57\xd834\xdd65", L"\xd834\xdd57\xd834\xdd65",
		L"\xd834\xdd57\xd834\xdd65"));
	CHECK(is(L"\xd87e\xdc00", L"\x4e3d", L"\x4e3d", L"\x4e3d", L"\x4e3d"));
	CHECK(is(L"\xd804\xdc99\xd804\xdcba", L"\xd804\xdc9a", L"\xd804\xdc99\xd804\xdcba", L"\xd804\xdc9a", L"\xd804\xdc99\xd804\xdcba"));
	CHECK(is(L"\xd835\xdc00", L"\xd835\xdc00", L"\xd835\xdc00", L"A", L"A"));
}
CASE(the_longest_mapping)
{
	int length = NormalizeString(NormalizationKD, L"\xfdfa", 1, out, ROOM);
	CHECK(length == 18 && out[0] == 0x635 && out[17] == 0x645);
}
CASE(a_length_goes_past_nul)
{
	CHECK(NormalizeString(NormalizationD, L"ab\0\xc5", 4, out, ROOM) == 5 && !memcmp(out, L"ab\0A\x30a", 10));
	CHECK(!IsNormalizedString(NormalizationD, L"ab\0\xc5", 4));
	CHECK(IsNormalizedString(NormalizationD, L"ab\0\xc5", -1));
}
CASE(room_for_nothing_asks_for_an_estimate)
{
	CHECK(NormalizeString(NormalizationC, L"\xc5", -1, NULL, 0) >= 2);
	CHECK(NormalizeString(NormalizationD, L"\xc5\xc5", 2, NULL, 0) >= 4);
	CHECK(NormalizeString(NormalizationKD, L"\xfdfa", 1, NULL, 0) >= 18);
	CHECK(NormalizeString(NormalizationC, L"", 0, NULL, 0) == 0);
}
CASE(small_room_fails_with_what_it_takes)
{
	LONG length = 2;
	CHECK(normalize(NormalizationC, L"A\xc5 x", -1, out, &length) == (status)TOO_SMALL && length >= 5);
	length = 3;
	CHECK(normalize(NormalizationD, L"A\xc5 x", 4, out, &length) == (status)TOO_SMALL && length >= 5);
	CHECK(NormalizeString(NormalizationD, L"A\xc5 x", 4, out, 3) <= -5 && GetLastError() == ERROR_INSUFFICIENT_BUFFER);
	length = 5;
	CHECK(normalize(NormalizationD, L"A\xc5 x", 4, out, &length) == 0 && length == 5);
}
CASE(what_is_no_text_is_told_with_its_place)
{
	static const struct { const WCHAR *text; int place; } rows[] = { { L"A\xd800 x", 2 }, { L"gg\xdc00 x", 2 }, { L"abc\xd800", 4 },
		{ L"a\xfdd0", 1 }, { L"ab\xffff", 2 }, { L"a\xd83f\xdffe", 1 } };
	for (int i = 0; i < 6; i++) {
		for (int form = 0; form < 4; form++) {
			LONG length = ROOM;
			BOOLEAN normal = 9;
			CHECK(normalize(forms[form], rows[i].text, -1, out, &length) == (status)NO_TRANSLATION && length == rows[i].place);
			CHECK(is_normalized(forms[form], rows[i].text, -1, &normal) == (status)NO_TRANSLATION && normal == 9);
		}
		SetLastError(0xdead);
		CHECK(NormalizeString(NormalizationC, rows[i].text, -1, out, ROOM) == -rows[i].place);
		CHECK(GetLastError() == ERROR_NO_UNICODE_TRANSLATION);
		CHECK_ERROR(IsNormalizedString(NormalizationC, rows[i].text, -1), ERROR_NO_UNICODE_TRANSLATION);
	}
}
CASE(full_room_comes_before_what_is_no_text)
{
	for (int form = 0; form < 4; form++) {
		LONG length = 2;
		CHECK(normalize(forms[form], L"AB\xd800Z", -1, out, &length) == (status)NO_TRANSLATION && length == 3);
		length = 1;
		if (getenv("NT_PEER") && form != 3) /* Windows' answers; Wine marks its own as wrong */
			continue;
		CHECK(normalize(forms[form], L"AB\xd800Z", -1, out, &length) == (status)TOO_SMALL && length == (form < 2 ? 14 : 73));
	}
}
CASE(other_forms_are_refused)
{
	LONG length = ROOM;
	BOOLEAN normal;
	CHECK(normalize(NormalizationOther, L"a", 1, out, &length) == (status)INVALID_PARAMETER);
	CHECK(normalize(3, L"a", 1, out, &length) == (status)NOT_FOUND);
	CHECK(is_normalized(NormalizationOther, L"a", 1, &normal) == (status)INVALID_PARAMETER);
	CHECK(is_normalized(0x101, L"a", 1, &normal) == (status)NOT_FOUND);
	CHECK(length == ROOM);
	CHECK_ERROR(NormalizeString(3, L"a", 1, out, ROOM) - ROOM, ERROR_INVALID_PARAMETER);
}
CASE(a_long_run_of_marks)
{
	static WCHAR text[3001], result[4000];
	text[0] = 'a';
	for (int i = 1; i <= 3000; i++)
		text[i] = i % 2 ? 0x301 : 0x323;
	CHECK(NormalizeString(NormalizationC, text, 3001, result, 4000) == 3000);
	CHECK(result[0] == 0x1ea1 && result[1] == 0x323 && result[1499] == 0x323 && result[1500] == 0x301 && result[2999] == 0x301);
}

static int name_is(int (WINAPI *call)(DWORD, const WCHAR *, int, WCHAR *, int), const WCHAR *from, const WCHAR *wanted)
{
	int length = (int)wcslen(wanted);
	return call(0, from, -1, NULL, 0) == length + 1 && call(0, from, -1, out, ROOM) == length + 1 && !wcscmp(out, wanted) &&
		call(0, from, (int)wcslen(from), out, ROOM) == length && !wmemcmp(out, wanted, length);
}
CASE(names_become_ascii)
{
	CHECK(name_is(IdnToAscii, L"B\xfc" L"cher.de", L"xn--bcher-kva.de"));
	CHECK(name_is(IdnToAscii, L"xn--bcher-kva.de", L"xn--bcher-kva.de"));
	CHECK(name_is(IdnToAscii, L"A.B.C.", L"A.B.C."));
	CHECK(name_is(IdnToAscii, L"\xdc.ABC", L"xn--tda.abc"));
	CHECK(name_is(IdnToAscii, L"fa\xdf", L"fass"));
	CHECK(name_is(IdnToAscii, L"a\x3002\x62\xff0e\x63\xff61\x64", L"a.b.c.d"));
	CHECK(name_is(IdnToAscii, L"\xd55c\xad6d", L"xn--3e0b707e"));
	CHECK(name_is(IdnToAscii, L"\xd800\xdf00", L"xn--097c"));
	CHECK(name_is(IdnToAscii, L"a\xad\x62", L"ab"));
	CHECK(name_is(IdnToAscii, L"\x33c6\x31", L"xn--ckg1-gd9a"));
}
CASE(names_become_unicode)
{
	CHECK(name_is(IdnToUnicode, L"xn--bcher-kva.de", L"b\xfc" L"cher.de"));
	CHECK(name_is(IdnToUnicode, L"xn--3e0b707e", L"\xd55c\xad6d"));
	CHECK(name_is(IdnToUnicode, L"xn--097c", L"\xd800\xdf00"));
	CHECK(name_is(IdnToUnicode, L"A.ab--cd.", L"A.ab--cd."));
	CHECK_ERROR(IdnToUnicode(0, L"xn--fa-hia", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToUnicode(0, L"xn--99999999", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToUnicode(0, L"b\xfc" L"cher", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToUnicode(0, L"a..b", -1, out, ROOM), ERROR_INVALID_NAME);
}
CASE(names_are_prepared)
{
	CHECK(name_is(IdnToNameprepUnicode, L"B\xdc" L"CHER.De", L"b\xfc" L"cher.de"));
	CHECK(name_is(IdnToNameprepUnicode, L"A.B", L"A.B"));
	CHECK(name_is(IdnToNameprepUnicode, L"\xff21\xad\x30a", L"\xe5"));
	CHECK(name_is(IdnToNameprepUnicode, L"a\x340", L"\xe0"));
	CHECK(name_is(IdnToNameprepUnicode, L"\x130", L"i\x307"));
	CHECK(name_is(IdnToNameprepUnicode, L"xn--\xe4", L"xn--\xe4"));
}
CASE(what_is_no_name)
{
	static const WCHAR *rows[] = { L"", L".", L".a", L"a..b", L"\xad", L"a\xd800", L"a\x200e", L"a\x2028", L"\x80", L"ab\xfdd0", L"a\x1f",
		L"a\x7f", L"\x2024", L"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		LONG length = ROOM;
		CHECK(to_ascii(0, rows[i], -1, out, &length) == (status)INVALID_NAME && length == ROOM);
		CHECK(prepare(0, rows[i], -1, out, &length) == (status)INVALID_NAME && length == ROOM);
		CHECK_ERROR(IdnToAscii(0, rows[i], -1, out, ROOM), ERROR_INVALID_NAME);
	}
	CHECK_ERROR(IdnToAscii(0, L"xn--\xe4", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToAscii(0, L"ab\0c", 4, out, ROOM), ERROR_INVALID_NAME);
}
CASE(flags_of_names)
{
	CHECK_ERROR(IdnToAscii(0, L"a\x378", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK(IdnToAscii(IDN_ALLOW_UNASSIGNED, L"a\x378", -1, out, ROOM) == 10 && !wcscmp(out, L"xn--a-qib"));
	CHECK(IdnToAscii(0, L"a_b", -1, out, ROOM) == 4);
	CHECK_ERROR(IdnToAscii(IDN_USE_STD3_ASCII_RULES, L"a_b", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToAscii(IDN_USE_STD3_ASCII_RULES, L"-a", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToUnicode(IDN_USE_STD3_ASCII_RULES, L"a-", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK(IdnToAscii(IDN_USE_STD3_ASCII_RULES, L"a-b.c", -1, out, ROOM) == 6);
	CHECK_ERROR(IdnToAscii(0x10, L"abc", -1, out, ROOM), ERROR_INVALID_PARAMETER);
}
CASE(lengths_of_names)
{
	LONG length = 6;
	CHECK(to_ascii(0, L"b\xfc" L"cher", -1, out, &length) == (status)TOO_SMALL && length == 14);
	length = 3;
	CHECK(to_unicode(0, L"abc", -1, out, &length) == (status)TOO_SMALL);
	length = 0;
	CHECK(prepare(0, L"b\xfc" L"cher", -1, NULL, &length) == 0 && length == 7);
	length = ROOM;
	CHECK(to_ascii(0, NULL, 0, out, &length) == (status)INVALID_PARAMETER && length == ROOM);
	CHECK(to_ascii(0, L"abc", -2, out, &length) == (status)INVALID_PARAMETER);
	CHECK(to_unicode(0, L"abc", -2, out, &length) == (status)INVALID_PARAMETER);
	CHECK(to_unicode(0, L"", -1, out, &length) == 0 && length == 1);
	CHECK_ERROR(IdnToAscii(0, L"abc", -1, out, 3), ERROR_INSUFFICIENT_BUFFER);
}
CASE(where_the_standards_are_stricter)
{
	CHECK(name_is(IdnToUnicode, L"XN--bcher-KVA", L"b\xfc" L"cher"));
	CHECK_ERROR(IdnToAscii(0, L"\x5d0\x61", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToAscii(0, L"\x5d0\x31", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK(IdnToAscii(0, L"\x5d0\x31\x5d0", -1, out, ROOM) > 0);
	CHECK_ERROR(IdnToAscii(0, L"\x221", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToAscii(IDN_ALLOW_UNASSIGNED, L"\xe000", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK(IdnToAscii(IDN_USE_STD3_ASCII_RULES, L"b\xfc" L"cher", -1, out, ROOM) == 14);
	CHECK_ERROR(IdnToAscii(IDN_USE_STD3_ASCII_RULES, L"\xe4-", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToUnicode(0, L"xn--abc-", -1, out, ROOM), ERROR_INVALID_NAME);
	CHECK_ERROR(IdnToUnicode(0x10, L"abc", -1, out, ROOM), ERROR_INVALID_PARAMETER);
	CHECK_ERROR(NormalizeString(NormalizationC, L"abc", -2, out, ROOM) - ROOM, ERROR_INVALID_PARAMETER);
}

int main(void)
{
	HMODULE ntdll = GetModuleHandleA("ntdll.dll");
	normalize = (void *)GetProcAddress(ntdll, "RtlNormalizeString");
	is_normalized = (void *)GetProcAddress(ntdll, "RtlIsNormalizedString");
	to_ascii = (void *)GetProcAddress(ntdll, "RtlIdnToAscii");
	to_unicode = (void *)GetProcAddress(ntdll, "RtlIdnToUnicode");
	prepare = (void *)GetProcAddress(ntdll, "RtlIdnToNameprepUnicode");
	RUN(known_examples_in_four_forms);
	RUN(hangul_is_by_algorithm);
	RUN(characters_beyond_the_first_plane);
	RUN(the_longest_mapping);
	RUN(a_length_goes_past_nul);
	RUN(room_for_nothing_asks_for_an_estimate);
	RUN(small_room_fails_with_what_it_takes);
	RUN(what_is_no_text_is_told_with_its_place);
	RUN(full_room_comes_before_what_is_no_text);
	RUN(other_forms_are_refused);
	RUN(a_long_run_of_marks);
	RUN(names_become_ascii);
	RUN(names_become_unicode);
	RUN(names_are_prepared);
	RUN(what_is_no_name);
	RUN(flags_of_names);
	RUN(lengths_of_names);
	if (!getenv("NT_PEER"))
		RUN(where_the_standards_are_stricter);
	return check_summary();
}
