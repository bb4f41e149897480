// SPDX-License-Identifier: MIT
/* Where memory may lie, what a stack looks like, given-up content, further views of an image, AVX state in contexts. */
#include "check.h"

#include <winternl.h>

#define KB64 0x10000u
#define STATUS_OF(x) ((ULONG)(x))
#define INVALID_PARAMETER_STATUS 0xc000000du
#define CONFLICTING_STATUS 0xc0000018u

struct requirements { void *low, *high; SIZE_T alignment; };
struct parameter { ULONG64 type; void *pointer; };
typedef NTSTATUS(NTAPI *allocate_fn)(HANDLE, void **, ULONG_PTR, SIZE_T *, ULONG, ULONG);
typedef NTSTATUS(NTAPI *allocate_ex_fn)(HANDLE, void **, SIZE_T *, ULONG, ULONG, struct parameter *, ULONG);

static void *ntdll(const char *name) { return (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), name); }

static ULONG allocate_within(void *at, SIZE_T bytes, struct requirements *r, ULONG parameters, char **out)
{
	allocate_ex_fn allocate = (allocate_ex_fn)ntdll("NtAllocateVirtualMemoryEx");
	struct parameter list[2] = { { 1, r }, { 1, r } };
	void *base = at;
	NTSTATUS status = allocate(GetCurrentProcess(), &base, &bytes, MEM_RESERVE, PAGE_READWRITE, list, parameters);
	*out = base;
	return STATUS_OF(status);
}

CASE(address_requirements)
{
	struct requirements low = { NULL, (void *)0x20000fffull, 0 }, aligned = { NULL, NULL, 0x40000 }, odd = { NULL, NULL, 0x30000 };
	struct requirements unaligned = { NULL, (void *)0x20000800ull, 0 }, beyond = { NULL, (void *)0x7ffffffeffffull, 0 };
	char *p;
	CHECK(allocate_within(NULL, KB64, &low, 1, &p) == 0 && p && p + KB64 <= (char *)0x20001000ull);
	CHECK(allocate_within(p, KB64, &low, 1, &p) == INVALID_PARAMETER_STATUS);
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
	CHECK(allocate_within(NULL, 4096, &aligned, 1, &p) == 0 && !((ULONG_PTR)p & 0x3ffff));
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
	CHECK(allocate_within(NULL, 4096, &odd, 1, &p) == INVALID_PARAMETER_STATUS);
	CHECK(allocate_within(NULL, 4096, &unaligned, 1, &p) == INVALID_PARAMETER_STATUS);
	CHECK(allocate_within(NULL, 4096, &aligned, 2, &p) == INVALID_PARAMETER_STATUS);
	beyond.high = (char *)beyond.high + 0x1000;
	CHECK(allocate_within(NULL, 4096, &beyond, 1, &p) == INVALID_PARAMETER_STATUS);
}

CASE(zero_bits_do_not_judge_an_address)
{
	allocate_fn allocate = (allocate_fn)ntdll("NtAllocateVirtualMemory");
	char *p = VirtualAlloc(NULL, 4096, MEM_RESERVE, PAGE_READWRITE);
	void *again = p;
	SIZE_T bytes = 4096;
	CHECK(STATUS_OF(allocate(GetCurrentProcess(), &again, 12, &bytes, MEM_RESERVE, PAGE_READWRITE)) == CONFLICTING_STATUS);
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
}

static DWORD WINAPI look_at_stack(void *unused)
{
	NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
	char *low = *(char **)((char *)tib + 0x1478);
	MEMORY_BASIC_INFORMATION m;
	(void)unused;
	if ((char *)tib->StackBase - low != 0x400000 || !VirtualQuery(low, &m, sizeof(m)))
		return 1;
	if (m.AllocationBase != low || m.AllocationProtect != PAGE_READWRITE || m.Type != MEM_PRIVATE)
		return 2;
	char *guard = low + m.RegionSize;
	if (!VirtualQuery(guard, &m, sizeof(m)) || m.AllocationBase != low || m.Protect != (PAGE_READWRITE | PAGE_GUARD))
		return 3;
	if (!VirtualQuery(tib->StackLimit, &m, sizeof(m)) || m.Protect != PAGE_READWRITE || m.State != MEM_COMMIT)
		return 4;
	return (char *)m.BaseAddress + m.RegionSize == (char *)tib->StackBase ? 0 : 5;
}

CASE(a_stack_is_one_allocation_with_a_guard)
{
	DWORD code = 99;
	HANDLE t = CreateThread(NULL, 0x400000, look_at_stack, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
	CHECK(t && WaitForSingleObject(t, INFINITE) == WAIT_OBJECT_0 && GetExitCodeThread(t, &code) && code == 0);
	CloseHandle(t);
	t = CreateThread(NULL, 0x80000000u, look_at_stack, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
	CHECK(t && WaitForSingleObject(t, INFINITE) == WAIT_OBJECT_0 && GetExitCodeThread(t, &code) && code == 1);
	CloseHandle(t);
}

CASE(reset_gives_up_content)
{
	char *p = VirtualAlloc(NULL, 8192, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	MEMORY_BASIC_INFORMATION m;
	memset(p, 0x55, 8192);
	CHECK(VirtualAlloc(p, 4096, MEM_RESET, PAGE_NOACCESS) == p);
	CHECK((*p == 0x55 || *p == 0) && p[4096] == 0x55);
	CHECK(VirtualQuery(p, &m, sizeof(m)) && m.RegionSize == 8192 && m.Protect == PAGE_READWRITE);
	*p = 3;
	CHECK(*p == 3);
	CHECK_ERROR(VirtualAlloc(p, 4 * KB64, MEM_RESET, PAGE_NOACCESS), ERROR_INVALID_ADDRESS);
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
}

CASE(a_second_view_of_an_image_is_as_the_first)
{
	char path[MAX_PATH];
	HMODULE loaded = GetModuleHandleA("ntdll.dll");
	GetModuleFileNameA(loaded, path, sizeof(path));
	HANDLE file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
	HANDLE section = CreateFileMappingA(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL);
	char *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
	CHECK(view && view != (char *)loaded && !memcmp(view, loaded, 0x1000));
	CHECK(view && UnmapViewOfFile(view));
	CloseHandle(section);
	CloseHandle(file);
}

int main(void)
{
	RUN(address_requirements);
	RUN(zero_bits_do_not_judge_an_address);
	RUN(a_stack_is_one_allocation_with_a_guard);
	RUN(reset_gives_up_content);
	RUN(a_second_view_of_an_image_is_as_the_first);
	return check_summary();
}
