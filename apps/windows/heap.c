// SPDX-License-Identifier: MIT
/* Heaps and memory: process heap, a heap of its own, growth, page protection, guard of freed regions, C allocator. */
#include "expect.h"
#include <stdlib.h>
#include <string.h>

static int churn(HANDLE heap)
{
	enum { SLOTS = 256, ROUNDS = 20000 };
	static unsigned char *slot[SLOTS];
	static unsigned size[SLOTS];
	unsigned seed = 1;
	for (int i = 0; i < ROUNDS; i++) {
		seed = seed * 1103515245 + 12345;
		unsigned at = (seed >> 8) % SLOTS;
		if (slot[at]) {
			for (unsigned k = 0; k < size[at]; k += 61)
				if (slot[at][k] != (unsigned char)at)
					return 0;
			if (!HeapFree(heap, 0, slot[at]))
				return 0;
			slot[at] = NULL;
			continue;
		}
		size[at] = 1 + (seed >> 16) % ((seed & 7) ? 300 : 70000);
		slot[at] = HeapAlloc(heap, 0, size[at]);
		if (!slot[at] || HeapSize(heap, 0, slot[at]) != size[at] || ((ULONG_PTR)slot[at] & 15))
			return 0;
		memset(slot[at], (int)at, size[at]);
	}
	for (int i = 0; i < SLOTS; i++)
		if (slot[i])
			HeapFree(heap, 0, slot[i]);
	memset(slot, 0, sizeof(slot));
	return 1;
}

static void test_heaps(void)
{
	HANDLE own = HeapCreate(0, 0, 0);
	FACT(own != NULL);
	FACT(churn(GetProcessHeap()));
	FACT(churn(own));
	FACT(HeapValidate(own, 0, NULL));
	FACT(HeapDestroy(own));
	char *text = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 100);
	FACT(text && text[0] == 0 && text[99] == 0);
	strcpy(text, "kept");
	text = HeapReAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, text, 100000);
	FACT(text && !strcmp(text, "kept") && text[99999] == 0);
	FACT(HeapFree(GetProcessHeap(), 0, text));
	HLOCAL local = LocalAlloc(LMEM_MOVEABLE | LMEM_ZEROINIT, 64);
	FACT(local && LocalSize(local) == 64 && LocalLock(local) != NULL);
	LocalUnlock(local);
	FACT(LocalFree(local) == NULL);
}

static void test_pages(void)
{
	MEMORY_BASIC_INFORMATION info;
	DWORD old;
	char *region = VirtualAlloc(NULL, 0x30000, MEM_RESERVE, PAGE_NOACCESS);
	FACT(region && ((ULONG_PTR)region & 0xffff) == 0);
	FACT(VirtualAlloc(region + 0x1000, 0x2000, MEM_COMMIT, PAGE_READWRITE) == region + 0x1000);
	region[0x1000] = 7;
	FACT(VirtualQuery(region + 0x1000, &info, sizeof(info)) == sizeof(info));
	FACT(info.AllocationBase == region && info.RegionSize == 0x2000 && info.State == MEM_COMMIT && info.Protect == PAGE_READWRITE);
	FACT(VirtualProtect(region + 0x1000, 0x1000, PAGE_READONLY, &old) && old == PAGE_READWRITE);
	FACT(VirtualQuery(region, &info, sizeof(info)) && info.State == MEM_RESERVE && info.RegionSize == 0x1000);
	FACT(!VirtualFree(region + 0x1000, 0, MEM_RELEASE));
	FACT(VirtualFree(region, 0, MEM_RELEASE));
	FACT(VirtualQuery(region, &info, sizeof(info)) && info.State == MEM_FREE);
}

int main(void)
{
	test_heaps();
	test_pages();
	char *big = malloc(50 << 20);
	FACT(big != NULL);
	memset(big, 1, 50 << 20);
	big = realloc(big, 10);
	FACT(big && big[9] == 1);
	free(big);
	return failures;
}
