// SPDX-License-Identifier: MIT
/* Headless win32u: user32, gdi32 and imm32 load, and every call that needs a screen fails as the real one does when
 * there is no window station. Calls are counted; the names live in exports.def (build/exports.awk). */
#include <ntdll.h>

#define GDI_HANDLES 0x10000u    /* gdi32 finds a handle's entry by its low word, without asking us */
#define GDI_ENTRY_BYTES 24u     /* ntgdi.h: object, owner, unique, type, flags, user pointer */

BOOL WINAPI LibraryEntry(HINSTANCE module, DWORD reason, LPVOID reserved);
/* The table of GDI handles: there are none, and every entry says so. */
BOOL WINAPI LibraryEntry(HINSTANCE module, DWORD reason, LPVOID reserved)
{
	PVOID table = NULL;
	SIZE_T bytes = GDI_HANDLES * GDI_ENTRY_BYTES;
	if (reason != DLL_PROCESS_ATTACH || current_peb()->GdiSharedHandleTable)
		return TRUE;
	if (NtAllocateVirtualMemory(NtCurrentProcess(), &table, 0, &bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY))
		return FALSE;
	current_peb()->GdiSharedHandleTable = table;
	return TRUE;
}

/* Number of refused calls of this process, and the last name's place in exports.def: for debuggers. */
volatile LONG win32u_refused, win32u_last_refused;
ULONG_PTR win32u_refuse(void);
__asm__(".text\n.globl win32u_refuse\nwin32u_refuse:\n"
	"\tlock incl win32u_refused(%rip)\n\tmovl %eax, win32u_last_refused(%rip)\n\txorl %eax, %eax\n\tret\n");
