// SPDX-License-Identifier: MIT
/* Modules, heap and the dead: LoadLibrary's counts and errors, forwarders, API sets, resources, heap edges, a handle of a process
 * that is gone. */
#include "check.h"

static DWORD WINAPI nothing(void *context) { return 0; }

CASE(libraries_count_their_users)
{
	HMODULE first = LoadLibraryA("version.dll"), second = LoadLibraryA("VERSION");
	CHECK(first && first == second);
	CHECK(FreeLibrary(first));
	CHECK(GetModuleHandleA("version.dll") == first);
	CHECK(GetProcAddress(first, "GetFileVersionInfoA"));
	CHECK(FreeLibrary(second));
	CHECK(!GetModuleHandleA("version.dll"));
}
CASE(absent_libraries_and_functions_have_their_errors)
{
	CHECK_ERROR((long long)(ULONG_PTR)LoadLibraryA("no-such-library.dll"), ERROR_MOD_NOT_FOUND);
	CHECK_ERROR((long long)(ULONG_PTR)GetProcAddress(GetModuleHandleA("kernel32.dll"), "NoSuchFunction"), ERROR_PROC_NOT_FOUND);
	CHECK_ERROR((long long)(ULONG_PTR)GetModuleHandleA("no-such-library.dll"), ERROR_MOD_NOT_FOUND);
}
CASE(forwarders_and_api_sets_lead_to_the_function)
{
	HMODULE kernel = GetModuleHandleA("kernel32.dll"), native = GetModuleHandleA("ntdll.dll");
	CHECK((void *)GetProcAddress(kernel, "HeapAlloc") == (void *)GetProcAddress(native, "RtlAllocateHeap"));
	HMODULE set = LoadLibraryA("api-ms-win-core-synch-l1-2-0.dll");
	CHECK(set && set == GetModuleHandleA("kernelbase.dll"));
	CHECK(GetProcAddress(set, "WaitOnAddress"));
}
CASE(the_module_of_an_address_is_found)
{
	HMODULE module = NULL;
	char path[MAX_PATH];
	CHECK(GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
		(char *)nothing, &module));
	CHECK(module == GetModuleHandleA(NULL));
	DWORD length = GetModuleFileNameA(NULL, path, sizeof(path));
	CHECK(length > 4 && !lstrcmpiA(path + length - 4, ".exe"));
	SetLastError(0);
	CHECK(GetModuleFileNameA(NULL, path, 4) == 4 && GetLastError() == ERROR_INSUFFICIENT_BUFFER);
}
CASE(heap_blocks_keep_their_sizes_and_contents)
{
	HANDLE heap = HeapCreate(0, 0, 0);
	unsigned char *small = HeapAlloc(heap, HEAP_ZERO_MEMORY, 100), *large = HeapAlloc(heap, 0, 3 << 20);
	CHECK(small && large && HeapSize(heap, 0, small) == 100 && HeapSize(heap, 0, large) == 3 << 20);
	memset(small, 0x5a, 100);
	small = HeapReAlloc(heap, HEAP_ZERO_MEMORY, small, 70000);
	CHECK(small && small[99] == 0x5a && !small[100] && !small[69999]);
	large = HeapReAlloc(heap, 0, large, 10);
	CHECK(large && HeapSize(heap, 0, large) == 10);
	CHECK(!HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, large, 16 << 20));
	CHECK(HeapValidate(heap, 0, NULL) && HeapValidate(heap, 0, small));
	CHECK(!HeapValidate(heap, 0, (void *)0xdeadbe00));
	CHECK(HeapFree(heap, 0, small) && HeapFree(heap, 0, large) && HeapFree(heap, 0, NULL));
	CHECK(HeapDestroy(heap));
	HANDLE fixed = HeapCreate(0, 0x1000, 0x10000);
	CHECK(fixed && HeapAlloc(fixed, 0, 0x1000) && !HeapAlloc(fixed, 0, 0x20000));
	CHECK(HeapDestroy(fixed));
}
CASE(a_thread_cannot_start_in_a_process_that_is_gone)
{
	char command[MAX_PATH + 8];
	STARTUPINFOA start = { .cb = sizeof(start) };
	PROCESS_INFORMATION child;
	DWORD code = 0;
	DWORD length = GetModuleFileNameA(NULL, command, MAX_PATH);
	memcpy(command + length, " child", 7);
	CHECK(CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &start, &child));
	CHECK(!WaitForSingleObject(child.hProcess, 30000) && GetExitCodeProcess(child.hProcess, &code) && code == 5);
	CHECK(!CreateRemoteThread(child.hProcess, NULL, 0, nothing, NULL, 0, NULL));
	CloseHandle(child.hThread);
	CloseHandle(child.hProcess);
}
int main(int argc, char **argv)
{
	if (argc > 1)
		return 5;
	RUN(libraries_count_their_users);
	RUN(absent_libraries_and_functions_have_their_errors);
	RUN(forwarders_and_api_sets_lead_to_the_function);
	RUN(the_module_of_an_address_is_found);
	RUN(heap_blocks_keep_their_sizes_and_contents);
	RUN(a_thread_cannot_start_in_a_process_that_is_gone);
	return check_summary();
}
