// SPDX-License-Identifier: MIT
/* Headless win32u: user32, gdi32 and imm32 load, and every call that needs a screen fails as the real one does when
 * there is no window station. Calls are counted; the names live in exports.def (build/exports.awk). */
#include <ntdll.h>

BOOL WINAPI LibraryEntry(HINSTANCE module, DWORD reason, LPVOID reserved);
BOOL WINAPI LibraryEntry(HINSTANCE module, DWORD reason, LPVOID reserved)
{
	return TRUE;
}

/* Number of refused calls of this process, and the last name's place in exports.def: for debuggers. */
volatile LONG win32u_refused, win32u_last_refused;
ULONG_PTR win32u_refuse(void);
__asm__(".text\n.globl win32u_refuse\nwin32u_refuse:\n"
	"\tlock incl win32u_refused(%rip)\n\tmovl %eax, win32u_last_refused(%rip)\n\txorl %eax, %eax\n\tret\n");
