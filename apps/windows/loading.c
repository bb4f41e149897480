// SPDX-License-Identifier: MIT
/* Imports a function of library.dll beside it: the right one, a missing DLL, a missing function, a DllMain that fails. */
#include "expect.h"

__declspec(dllimport) int library_answer(void);

int main(void)
{
	char path[MAX_PATH];
	FACT(library_answer() == 42);
	HMODULE module = GetModuleHandleA("library.dll"), again = LoadLibraryA("LIBRARY");
	FACT(module && module == again && FreeLibrary(again));
	FACT(GetProcAddress(module, "library_answer") != NULL && GetProcAddress(module, "absent") == NULL);
	FACT(GetLastError() == ERROR_PROC_NOT_FOUND);
	FACT(LoadLibraryA("no-such-library.dll") == NULL && GetLastError() == ERROR_MOD_NOT_FOUND);
	HMODULE version = LoadLibraryA("version.dll");
	FACT(version && GetProcAddress(version, "GetFileVersionInfoSizeW") && GetModuleFileNameA(version, path, sizeof(path)) > 12);
	FACT(GetProcAddress(GetModuleHandleA("kernel32"), "HeapAlloc") == GetProcAddress(GetModuleHandleA("ntdll"), "RtlAllocateHeap"));
	FACT(FreeLibrary(version));
	return failures;
}
