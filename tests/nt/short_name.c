// SPDX-License-Identifier: MIT
/* Short (8.3) names of files: that long names have one, that it finds the file, and the way back. */
#include "check.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define LONG_DIR "a folder with spaces"
#define LONG_FILE "a long name, too.text"

static const char *last_part(const char *path)
{
	const char *at = strrchr(path, '\\');
	return at ? at + 1 : path;
}

static bool is_short(const char *name)
{
	const char *dot = strchr(name, '.');
	size_t base = dot ? (size_t)(dot - name) : strlen(name);
	return base >= 1 && base <= 8 && (!dot || (strlen(dot + 1) <= 3 && !strchr(dot + 1, '.'))) && !strpbrk(name, " +,;=[]");
}

static bool write_file(const char *path, const char *text)
{
	DWORD done;
	HANDLE h = CreateFileA(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	bool well = h != INVALID_HANDLE_VALUE && WriteFile(h, text, (DWORD)strlen(text), &done, NULL);
	CloseHandle(h);
	return well;
}

CASE(a_long_name_has_a_short_one_that_finds_it)
{
	char shorter[MAX_PATH], longer[MAX_PATH], text[16] = "";
	DWORD done;
	CHECK(CreateDirectoryA(LONG_DIR, NULL));
	CHECK(write_file(LONG_DIR "\\" LONG_FILE, "text"));
	CHECK(GetShortPathNameA(LONG_DIR "\\" LONG_FILE, shorter, MAX_PATH) > 0);
	CHECK(!strpbrk(shorter, " ,"));
	CHECK(is_short(last_part(shorter)));
	HANDLE h = CreateFileA(shorter, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
	CHECK(h != INVALID_HANDLE_VALUE && ReadFile(h, text, sizeof(text), &done, NULL) && !memcmp(text, "text", 4));
	CloseHandle(h);
	CHECK(GetLongPathNameA(shorter, longer, MAX_PATH) > 0 && !strcmp(longer, LONG_DIR "\\" LONG_FILE));
	for (char *c = shorter; *c; c++)
		*c = (char)tolower(*c);
	CHECK(GetFileAttributesA(shorter) != INVALID_FILE_ATTRIBUTES);
	CHECK(DeleteFileA(shorter));
	CHECK(GetFileAttributesA(LONG_DIR "\\" LONG_FILE) == INVALID_FILE_ATTRIBUTES);
	CHECK(GetShortPathNameA(LONG_DIR, shorter, MAX_PATH) > 0 && RemoveDirectoryA(shorter));
}

CASE(a_search_tells_it_and_finds_by_it)
{
	WIN32_FIND_DATAA found, again;
	CHECK(write_file(LONG_FILE, "x"));
	HANDLE h = FindFirstFileA(LONG_FILE, &found);
	CHECK(h != INVALID_HANDLE_VALUE && is_short(found.cAlternateFileName));
	FindClose(h);
	h = FindFirstFileA(found.cAlternateFileName, &again);
	CHECK(h != INVALID_HANDLE_VALUE && !strcmp(again.cFileName, LONG_FILE));
	FindClose(h);
	CHECK(DeleteFileA(LONG_FILE));
	CHECK_ERROR(CreateFileA(found.cAlternateFileName, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL), ERROR_FILE_NOT_FOUND);
}

CASE(a_short_name_is_its_own)
{
	char shorter[MAX_PATH];
	WIN32_FIND_DATAA found;
	CHECK(write_file("Plain.txt", "x"));
	CHECK(GetShortPathNameA("Plain.txt", shorter, MAX_PATH) == 9 && !strcmp(shorter, "Plain.txt"));
	HANDLE h = FindFirstFileA("plain.txt", &found);
	CHECK(h != INVALID_HANDLE_VALUE && !found.cAlternateFileName[0]);
	FindClose(h);
	CHECK(DeleteFileA("Plain.txt"));
	CHECK_ERROR(GetShortPathNameA("none at all", shorter, MAX_PATH), ERROR_FILE_NOT_FOUND);
}

int main(void)
{
	char temp[MAX_PATH], dir[MAX_PATH + 32];
	GetTempPathA(sizeof(temp), temp);
	sprintf(dir, "%snt-short-%lu", temp, GetCurrentProcessId());
	CreateDirectoryA(dir, NULL);
	if (!SetCurrentDirectoryA(dir)) {
		printf("cannot use %s: error %lu\n", dir, GetLastError());
		return 99;
	}
	RUN(a_long_name_has_a_short_one_that_finds_it);
	RUN(a_search_tells_it_and_finds_by_it);
	RUN(a_short_name_is_its_own);
	SetCurrentDirectoryA(temp);
	RemoveDirectoryA(dir);
	return check_summary();
}
