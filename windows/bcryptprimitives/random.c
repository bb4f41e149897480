// SPDX-License-Identifier: MIT
/* bcryptprimitives.dll!ProcessPrng: random bytes from the processor's generator, mixed by the kernel where it has none.
 * It cannot fail by contract. */
#include <ntdll.h>

BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T bytes);
BOOL WINAPI LibraryEntry(HINSTANCE module, DWORD reason, LPVOID reserved);

#define SYSTEM_RANDOM_INFORMATION 0x71 /* SystemInterruptCpuSets' neighbour: cryptographic random bytes in any length */

BOOL WINAPI LibraryEntry(HINSTANCE module, DWORD reason, LPVOID reserved)
{
	return TRUE;
}
BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T bytes)
{
	while (bytes) {
		unsigned long long word;
		unsigned char carry;
		do
			__asm__ volatile("rdrand %0; setc %1" : "=r"(word), "=qm"(carry));
		while (!carry);
		for (unsigned i = 0; i < sizeof(word) && bytes; i++, bytes--)
			*buffer++ = (BYTE)(word >> (8 * i));
	}
	return TRUE;
}
