// SPDX-License-Identifier: MIT
/* A DLL for loading.c, in three builds: good, with a DllMain that fails (-DFAIL_ATTACH), and without its function (-DEMPTY). */
#include <windows.h>

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved)
{
#ifdef FAIL_ATTACH
	return reason != DLL_PROCESS_ATTACH;
#else
	return TRUE;
#endif
}
#ifndef EMPTY
__declspec(dllexport) int library_answer(void) { return 42; }
#else
__declspec(dllexport) int library_other(void) { return 0; }
#endif
