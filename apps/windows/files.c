// SPDX-License-Identifier: MIT
/* Files and folders: modes of creation, share modes, delete on close, rename, enumeration, attributes, times, mapping. */
#include "expect.h"
#include <string.h>

static char folder[MAX_PATH], path[MAX_PATH + 32], other[MAX_PATH + 32];

static HANDLE open_file(const char *name, DWORD access, DWORD share, DWORD how, DWORD flags)
{
	return CreateFileA(name, access, share, NULL, how, flags, NULL);
}

static void test_create(void)
{
	char buffer[32] = "";
	DWORD count;
	HANDLE file = open_file(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, CREATE_NEW, FILE_ATTRIBUTE_NORMAL);
	FACT(file != INVALID_HANDLE_VALUE);
	FACT(WriteFile(file, "hello files", 11, &count, NULL) && count == 11);
	FACT(SetFilePointer(file, 6, NULL, FILE_BEGIN) == 6 && ReadFile(file, buffer, 32, &count, NULL) &&
		count == 5 && !memcmp(buffer, "files", 5));
	FACT(ReadFile(file, buffer, 32, &count, NULL) && count == 0);
	FACT(GetFileSize(file, NULL) == 11 && GetFileType(file) == FILE_TYPE_DISK);
	FACT(open_file(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, OPEN_EXISTING, 0) == INVALID_HANDLE_VALUE &&
		GetLastError() == ERROR_SHARING_VIOLATION);
	FACT(!DeleteFileA(path) && GetLastError() == ERROR_SHARING_VIOLATION);
	FACT(SetFilePointer(file, 5, NULL, FILE_BEGIN) == 5 && SetEndOfFile(file) && GetFileSize(file, NULL) == 5);
	CloseHandle(file);
	FACT(open_file(path, GENERIC_READ, 0, CREATE_NEW, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_EXISTS);
	FACT(open_file(other, GENERIC_READ, 0, OPEN_EXISTING, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_NOT_FOUND);
	file = open_file(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, OPEN_ALWAYS, 0);
	FACT(file != INVALID_HANDLE_VALUE && GetLastError() == ERROR_ALREADY_EXISTS);
	CloseHandle(file);
}

static void test_names(void)
{
	char upper[MAX_PATH + 32];
	WIN32_FIND_DATAA found;
	int count = 0;
	snprintf(upper, sizeof(upper), "%s\\ONE.TXT", folder);
	FACT(GetFileAttributesA(upper) != INVALID_FILE_ATTRIBUTES);
	FACT(MoveFileA(path, other) && GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES && GetLastError() == ERROR_FILE_NOT_FOUND);
	FACT(CopyFileA(other, path, TRUE) && !CopyFileA(other, path, TRUE) && GetLastError() == ERROR_FILE_EXISTS);
	snprintf(upper, sizeof(upper), "%s\\*.TXT", folder);
	HANDLE find = FindFirstFileA(upper, &found);
	FACT(find != INVALID_HANDLE_VALUE);
	do
		count += found.nFileSizeLow == 5;
	while (FindNextFileA(find, &found));
	FACT(GetLastError() == ERROR_NO_MORE_FILES && count == 2 && FindClose(find));
	FACT(SetFileAttributesA(path, FILE_ATTRIBUTE_READONLY) && (GetFileAttributesA(path) & FILE_ATTRIBUTE_READONLY));
	FACT(!DeleteFileA(path) && GetLastError() == ERROR_ACCESS_DENIED);
	FACT(SetFileAttributesA(path, FILE_ATTRIBUTE_NORMAL));
}

static void test_delete_on_close(void)
{
	FILETIME time = { 0x80000000, 0x01d00000 }, got;
	HANDLE file = open_file(path, GENERIC_READ | GENERIC_WRITE | DELETE, 7, OPEN_EXISTING, FILE_FLAG_DELETE_ON_CLOSE);
	FACT(file != INVALID_HANDLE_VALUE);
	FACT(SetFileTime(file, NULL, NULL, &time) && GetFileTime(file, NULL, NULL, &got) && CompareFileTime(&time, &got) == 0);
	HANDLE map = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 8192, NULL);
	char *view = map ? MapViewOfFile(map, FILE_MAP_WRITE, 0, 0, 0) : NULL;
	FACT(view && !memcmp(view, "hello", 5));
	if (view)
		view[8191] = 'x';
	FACT(view && FlushViewOfFile(view, 0) && UnmapViewOfFile(view));
	CloseHandle(map);
	FACT(GetFileSize(file, NULL) == 8192);
	CloseHandle(file);
	FACT(GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES);
}

static void test_relative(void)
{
	char before[MAX_PATH], full[MAX_PATH], expected[MAX_PATH + 32];
	FACT(GetCurrentDirectoryA(sizeof(before), before) > 0 && SetCurrentDirectoryA(folder));
	snprintf(expected, sizeof(expected), "%s\\a\\b.c", folder);
	FACT(GetFullPathNameA("a/./x/../b.c", sizeof(full), full, NULL) && !strcmp(full, expected));
	FACT(GetFullPathNameA("..", sizeof(full), full, NULL) == (DWORD)(strrchr(folder, '\\') - folder));
	FACT(GetFileAttributesA("../nothing") == INVALID_FILE_ATTRIBUTES && GetFileAttributesA("..") & FILE_ATTRIBUTE_DIRECTORY);
	FACT(GetFullPathNameA("C:\\..\\..\\x\\y\\..", sizeof(full), full, NULL) && !strcmp(full, "C:\\x"));
	FACT(SetCurrentDirectoryA(before));
}

int main(void)
{
	char temporary[MAX_PATH];
	FACT(GetTempPathA(sizeof(temporary), temporary) > 0);
	snprintf(folder, sizeof(folder), "%sfiles-%lu", temporary, GetCurrentProcessId());
	snprintf(path, sizeof(path), "%s\\one.txt", folder);
	snprintf(other, sizeof(other), "%s\\Two.txt", folder);
	FACT(CreateDirectoryA(folder, NULL) && !CreateDirectoryA(folder, NULL) && GetLastError() == ERROR_ALREADY_EXISTS);
	test_relative();
	test_create();
	test_names();
	test_delete_on_close();
	FACT(!RemoveDirectoryA(folder) && GetLastError() == ERROR_DIR_NOT_EMPTY);
	FACT(DeleteFileA(other) && RemoveDirectoryA(folder));
	return failures;
}
