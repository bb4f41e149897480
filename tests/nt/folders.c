// SPDX-License-Identifier: MIT
/* The standard folders: shell32 names them from the profile, and they are there. */
#include "check.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef HRESULT (WINAPI *folder_t)(HWND, int, HANDLE, DWORD, LPSTR);
enum { DESKTOP = 0x10, DOCUMENTS = 5, START_MENU = 0xb, MUSIC = 0xd, ROAMING = 0x1a, LOCAL = 0x1c, CACHE = 0x20, COMMON_DATA = 0x23,
	WINDOWS = 0x24, SYSTEM = 0x25, PROGRAM_FILES = 0x26, PICTURES = 0x27, PROFILE = 0x28, COMMON_FILES = 0x2b, COMMON_DOCUMENTS = 0x2e };
static folder_t folder;

static bool is_folder(const char *path)
{
	DWORD attributes = GetFileAttributesA(path);
	return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

CASE(each_is_there)
{
	static const int all[] = { DESKTOP, DOCUMENTS, START_MENU, MUSIC, ROAMING, LOCAL, CACHE, COMMON_DATA, WINDOWS, SYSTEM, PROGRAM_FILES,
		PICTURES, PROFILE, COMMON_FILES, COMMON_DOCUMENTS };
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char path[MAX_PATH] = "";
		HRESULT result = folder(NULL, all[i], NULL, 0, path);
		if (result || !is_folder(path))
			printf("  folder %#x: result %#lx, %s\n", all[i], (unsigned long)result, path);
		CHECK(!result && is_folder(path));
	}
}

CASE(those_of_the_profile_can_be_written)
{
	static const int own[] = { DESKTOP, DOCUMENTS, ROAMING, LOCAL };
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		char path[MAX_PATH + 16] = "";
		CHECK(!folder(NULL, own[i], NULL, 0, path));
		strcat(path, "\\ambos.tmp");
		HANDLE h = CreateFileA(path, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE, NULL);
		CHECK(h != INVALID_HANDLE_VALUE);
		CloseHandle(h);
	}
}

int main(void)
{
	folder = (folder_t)(void *)GetProcAddress(LoadLibraryA("shell32.dll"), "SHGetFolderPathA");
	if (!folder)
		return 99;
	RUN(each_is_there);
	RUN(those_of_the_profile_can_be_written);
	return check_summary();
}
