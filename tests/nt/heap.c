// SPDX-License-Identifier: MIT
/* Heaps: sizes, fixed heaps up to their end, growth in place, user values, walks, what a heap's head shows. */
#include "check.h"

typedef BOOLEAN(NTAPI *get_info_fn)(HANDLE, ULONG, void *, void **, ULONG *);
typedef BOOLEAN(NTAPI *set_value_fn)(HANDLE, ULONG, void *, void *);
typedef BOOLEAN(NTAPI *set_flags_fn)(HANDLE, ULONG, void *, ULONG, ULONG);
#define ADD_USER_INFO 0x100u

static void *ntdll(const char *name) { return (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), name); }

CASE(blocks_lie_8_bytes_apart)
{
	HANDLE h = HeapCreate(HEAP_NO_SERIALIZE, 0, 0);
	char *a = HeapAlloc(h, 0, 0x7e8), *b = HeapAlloc(h, 0, 0x7e8), *c = HeapAlloc(h, 0, 0x7e8);
	CHECK(b - a == 0x7f0 || c - b == 0x7f0);
	memset(a, 1, 0x7e8);
	memset(b, 2, 0x7e8);
	memset(c, 3, 0x7e8);
	CHECK(HeapValidate(h, 0, NULL) && HeapSize(h, 0, b) == 0x7e8 && a[0x7e7] == 1 && b[0] == 2 && b[0x7e7] == 2 && c[0] == 3);
	CHECK(HeapFree(h, 0, b) && HeapValidate(h, 0, NULL) && a[0x7e7] == 1 && c[0] == 3);
	CHECK(HeapFree(h, 0, a) && HeapFree(h, 0, c) && HeapValidate(h, 0, NULL));
	CHECK(HeapDestroy(h));
}

CASE(a_fixed_heap_up_to_its_end)
{
	HANDLE h = HeapCreate(0, 0x40000, 0x40000);
	char *p = HeapAlloc(h, 0, 0x40000 - 0xc00);
	CHECK(p && HeapSize(h, 0, p) == 0x40000 - 0xc00 && HeapFree(h, 0, p));
	CHECK_ERROR(HeapAlloc(h, 0, 0x100000), ERROR_NOT_ENOUGH_MEMORY);
	CHECK(HeapDestroy(h));
}

CASE(in_place_and_moved)
{
	HANDLE h = HeapCreate(0, 0, 0);
	char *p = HeapAlloc(h, HEAP_ZERO_MEMORY, 0x100000);
	CHECK(p && HeapReAlloc(h, HEAP_REALLOC_IN_PLACE_ONLY, p, 0x60000) == p && HeapSize(h, 0, p) == 0x60000);
	memset(p, 7, 0x60000);
	p = HeapReAlloc(h, HEAP_ZERO_MEMORY, p, 0x200000);
	CHECK(p && p[0x5ffff] == 7 && p[0x60000] == 0 && p[0x1fffff] == 0);
	CHECK(HeapFree(h, 0, p) && HeapDestroy(h));
}

CASE(user_values_and_flags)
{
	HANDLE h = HeapCreate(0, 0, 0);
	ULONG flags = 0;
	void *value = (void *)5;
	char *plain = HeapAlloc(h, 0, 16);
	char *p = HeapAlloc(h, 0x200 | ADD_USER_INFO, 0x1000);
	CHECK(((get_info_fn)ntdll("RtlGetUserInfoHeap"))(h, 0, plain, &value, &flags) && value == (void *)5 && flags == 0);
	CHECK(((get_info_fn)ntdll("RtlGetUserInfoHeap"))(h, 0, p, &value, &flags) && value == NULL && flags == 0x200);
	CHECK(((set_value_fn)ntdll("RtlSetUserValueHeap"))(h, 0, p, (void *)0x1234));
	CHECK(((set_flags_fn)ntdll("RtlSetUserFlagsHeap"))(h, 0, p, 0x200, 0x400));
	CHECK(((get_info_fn)ntdll("RtlGetUserInfoHeap"))(h, 0, p, &value, &flags) && value == (void *)0x1234 && flags != 0x200);
	CHECK_ERROR(((set_flags_fn)ntdll("RtlSetUserFlagsHeap"))(h, 0, p, 0, 0x1000), ERROR_INVALID_PARAMETER);
	CHECK(HeapDestroy(h));
}

CASE(a_walk_tiles_the_heap)
{
	HANDLE h = HeapCreate(0, 0, 0);
	PROCESS_HEAP_ENTRY e = { 0 };
	char *p = HeapAlloc(h, 0, 123), *end = NULL;
	CHECK(p && HeapWalk(h, &e) && e.wFlags == PROCESS_HEAP_REGION && e.lpData == h);
	CHECK(HeapWalk(h, &e) && e.wFlags == PROCESS_HEAP_ENTRY_BUSY && e.lpData == p && e.cbData == 123);
	end = p + 123 + e.cbOverhead + 16;
	CHECK(HeapWalk(h, &e) && e.wFlags == 0 && e.lpData == end && e.cbOverhead == 32);
	end += e.cbData + 64;
	CHECK(HeapWalk(h, &e) && e.wFlags == PROCESS_HEAP_UNCOMMITTED_RANGE && e.lpData == end);
	CHECK_ERROR(HeapWalk(h, &e), ERROR_NO_MORE_ITEMS);
	CHECK(HeapDestroy(h));
}

CASE(the_head_shows_its_flags)
{
	HANDLE h = HeapCreate(HEAP_NO_SERIALIZE, 0, 0);
	const DWORD *head = (const DWORD *)h;
	CHECK(head[4] == 0xffeeffee && head[28] == (0x1000 | HEAP_NO_SERIALIZE | HEAP_GROWABLE) && head[29] == HEAP_NO_SERIALIZE);
	CHECK(HeapDestroy(h));
}

static unsigned next_random(unsigned *state) { return *state = *state * 1103515245u + 12345u, *state >> 8; }

CASE(a_million_bytes_in_disorder)
{
	enum { SLOTS = 256, STEPS = 20000 };
	static struct { unsigned char *at; SIZE_T bytes; unsigned char fill; } slot[SLOTS];
	HANDLE h = HeapCreate(0, 0, 0);
	unsigned state = 1, wrong = 0;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = next_random(&state) % SLOTS;
		SIZE_T bytes = next_random(&state) % (step % 16 ? 700 : 9000);
		for (SIZE_T k = 0; k < slot[i].bytes; k += 37)
			wrong += slot[i].at[k] != slot[i].fill;
		if (slot[i].bytes)
			wrong += slot[i].at[slot[i].bytes - 1] != slot[i].fill;
		if (slot[i].at && step & 1)
			slot[i].at = HeapReAlloc(h, 0, slot[i].at, bytes);
		else {
			wrong += slot[i].at && !HeapFree(h, 0, slot[i].at);
			slot[i].at = HeapAlloc(h, 0, bytes);
		}
		slot[i].bytes = bytes;
		slot[i].fill = (unsigned char)step;
		memset(slot[i].at, slot[i].fill, bytes);
		if (step % 997 == 0)
			wrong += !HeapValidate(h, 0, NULL);
	}
	CHECK(wrong == 0 && HeapValidate(h, 0, NULL) && HeapDestroy(h));
}

int main(void)
{
	RUN(blocks_lie_8_bytes_apart);
	RUN(a_fixed_heap_up_to_its_end);
	RUN(in_place_and_moved);
	RUN(user_values_and_flags);
	RUN(a_walk_tiles_the_heap);
	RUN(the_head_shows_its_flags);
	RUN(a_million_bytes_in_disorder);
	return check_summary();
}
