// SPDX-License-Identifier: MIT
/* Character sets, comparison, dates and numbers of the default locale, messages of system errors. */
#include "expect.h"
#include <string.h>
#include <wchar.h>

static void test_conversion(void)
{
	static const WCHAR wide[] = L"gr\u00fc\u00df \u20ac \U0001f600";
	char narrow[64];
	WCHAR back[64];
	int n = WideCharToMultiByte(CP_UTF8, 0, wide, -1, narrow, sizeof(narrow), NULL, NULL);
	FACT(n == 16 && !strcmp(narrow, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"));
	FACT(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, narrow, -1, back, 64) == 10 && !wcscmp(back, wide));
	FACT(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xff", -1, back, 64) == 0 && GetLastError() == ERROR_NO_UNICODE_TRANSLATION);
	FACT(MultiByteToWideChar(1252, 0, "\x80\xe4", -1, back, 64) == 3 && back[0] == 0x20ac && back[1] == 0xe4);
	FACT(MultiByteToWideChar(437, 0, "\x81", -1, back, 64) == 2 && back[0] == 0xfc);
	FACT(WideCharToMultiByte(CP_UTF8, 0, wide, -1, narrow, 3, NULL, NULL) == 0 && GetLastError() == ERROR_INSUFFICIENT_BUFFER);
}

static void test_compare(void)
{
	WCHAR mapped[32];
	FACT(CompareStringOrdinal(L"ABC", -1, L"abc", -1, TRUE) == CSTR_EQUAL);
	FACT(CompareStringW(LOCALE_INVARIANT, NORM_IGNORECASE, L"\u00c4pfel", -1, L"\u00e4pfel", -1) == CSTR_EQUAL);
	FACT(CompareStringW(LOCALE_INVARIANT, 0, L"a", -1, L"b", -1) == CSTR_LESS_THAN);
	FACT(lstrcmpiW(L"straSSe", L"STRASSE") == 0);
	FACT(LCMapStringEx(LOCALE_NAME_INVARIANT, LCMAP_UPPERCASE, L"gr\u00fcn", -1, mapped, 32, NULL, NULL, 0) == 5 &&
		!wcscmp(mapped, L"GR\u00dcN"));
}

static void test_format(void)
{
	static const SYSTEMTIME day = { 2024, 2, 4, 29, 13, 5, 9, 0 };
	FILETIME file;
	SYSTEMTIME again;
	WCHAR text[200];
	FACT(GetDateFormatEx(L"en-US", 0, &day, L"yyyy-MM-dd dddd", text, 200, NULL) && !wcscmp(text, L"2024-02-29 Thursday"));
	FACT(GetTimeFormatEx(L"en-US", 0, &day, L"HH:mm:ss", text, 200) && !wcscmp(text, L"13:05:09"));
	FACT(SystemTimeToFileTime(&day, &file) && FileTimeToSystemTime(&file, &again) && again.wDay == 29 && again.wHour == 13);
	FACT(FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM, NULL, ERROR_FILE_NOT_FOUND, MAKELANGID(LANG_ENGLISH,
		SUBLANG_ENGLISH_US), text, 200, NULL));
	FACT(!wcsncmp(text, L"File not found", 14) || !wcsncmp(text, L"The system cannot find", 22));
	FACT(GetUserDefaultLocaleName(text, 200) > 0 && GetACP() != 0 && GetOEMCP() != 0);
}

int main(void)
{
	test_conversion();
	test_compare();
	test_format();
	return failures;
}
