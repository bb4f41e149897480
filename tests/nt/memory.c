// SPDX-License-Identifier: MIT
/* Virtual memory and sections: reserve, commit, protect, query, guard pages, views, write watch. */
#include "check.h"

#define KB64 0x10000u

CASE(reserve_commit_decommit_release)
{
	MEMORY_BASIC_INFORMATION m;
	char *p = VirtualAlloc(NULL, 4 * KB64, MEM_RESERVE, PAGE_READWRITE);
	CHECK(p && !((ULONG_PTR)p % KB64));
	CHECK(VirtualQuery(p + 5000, &m, sizeof(m)) == sizeof(m));
	CHECK(m.AllocationBase == p && m.BaseAddress == p + 4096 && m.State == MEM_RESERVE && m.RegionSize == 4 * KB64 - 4096);
	CHECK(m.Protect == 0 && m.AllocationProtect == PAGE_READWRITE && m.Type == MEM_PRIVATE);
	CHECK(VirtualAlloc(p + KB64, KB64, MEM_COMMIT, PAGE_READWRITE) == p + KB64);
	memset(p + KB64, 1, KB64);
	CHECK(VirtualQuery(p + KB64, &m, sizeof(m)) && m.State == MEM_COMMIT && m.RegionSize == KB64 && m.Protect == PAGE_READWRITE);
	CHECK(m.AllocationBase == p);
	CHECK(VirtualFree(p + KB64, 4096, MEM_DECOMMIT));
	CHECK(VirtualQuery(p + KB64, &m, sizeof(m)) && m.State == MEM_RESERVE);
	CHECK(VirtualAlloc(p + KB64, 4096, MEM_COMMIT, PAGE_READWRITE) && p[KB64] == 0);
	CHECK_ERROR(VirtualFree(p + KB64, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS);
	CHECK_ERROR(VirtualAlloc(p, KB64, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
	CHECK(VirtualQuery(p, &m, sizeof(m)) && m.State == MEM_FREE && m.Protect == PAGE_NOACCESS);
	CHECK(!VirtualFree(p, 0, MEM_RELEASE));
	CHECK_ERROR(VirtualAlloc(NULL, 0, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	CHECK_ERROR(VirtualAlloc(NULL, 4096, MEM_COMMIT, 0), ERROR_INVALID_PARAMETER);
}

CASE(fixed_and_low_addresses)
{
	char *p = VirtualAlloc((void *)0x20000123ull, 100, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	MEMORY_BASIC_INFORMATION m;
	CHECK(p == (char *)0x20000000ull);
	CHECK(VirtualQuery(p, &m, sizeof(m)) && m.RegionSize == 4096);
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
}

CASE(protect_tells_the_old_value)
{
	DWORD old;
	MEMORY_BASIC_INFORMATION m;
	char *p = VirtualAlloc(NULL, 3 * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	CHECK(VirtualProtect(p + 4096, 1, PAGE_READONLY, &old) && old == PAGE_READWRITE);
	CHECK(VirtualQuery(p, &m, sizeof(m)) && m.RegionSize == 4096 && m.Protect == PAGE_READWRITE);
	CHECK(VirtualQuery(p + 4096, &m, sizeof(m)) && m.RegionSize == 4096 && m.Protect == PAGE_READONLY && m.AllocationBase == p);
	CHECK(VirtualProtect(p, 3 * 4096, PAGE_EXECUTE_READ, &old) && old == PAGE_READWRITE);
	CHECK(VirtualProtect(p, 4096, PAGE_READWRITE | PAGE_GUARD, &old) && old == PAGE_EXECUTE_READ);
	CHECK(VirtualQuery(p, &m, sizeof(m)) && m.Protect == (PAGE_READWRITE | PAGE_GUARD));
	CHECK_ERROR(VirtualProtect(p, 4096, 0x77, &old), ERROR_INVALID_PARAMETER);
	CHECK_ERROR(VirtualProtect(p, 4096, PAGE_WRITECOPY, &old), ERROR_INVALID_PARAMETER);
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
}

CASE(mappings_share_and_copy)
{
	HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 3 * KB64, NULL);
	MEMORY_BASIC_INFORMATION m;
	CHECK(s != NULL);
	char *a = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0), *b = MapViewOfFile(s, FILE_MAP_READ, 0, KB64, 0);
	char *c = MapViewOfFile(s, FILE_MAP_COPY, 0, 0, 4096);
	CHECK(a && b && c);
	a[KB64] = 'x';
	CHECK(b[0] == 'x');
	c[0] = 'c';
	CHECK(a[0] == 0 && c[0] == 'c');
	CHECK(VirtualQuery(b, &m, sizeof(m)) && m.Type == MEM_MAPPED && m.RegionSize == 2 * KB64 && m.Protect == PAGE_READONLY);
	CHECK(MapViewOfFile(s, FILE_MAP_READ, 0, 4096, 0) == NULL && GetLastError() == ERROR_MAPPED_ALIGNMENT);
	CHECK(UnmapViewOfFile(a) && UnmapViewOfFile(b) && UnmapViewOfFile(c));
	CHECK_ERROR(UnmapViewOfFile(a), ERROR_INVALID_ADDRESS);
	CloseHandle(s);
}

CASE(file_mappings_reach_the_file)
{
	char name[MAX_PATH], dir[MAX_PATH], back[8];
	DWORD n;
	GetTempPathA(sizeof(dir), dir);
	GetTempFileNameA(dir, "map", 0, name);
	HANDLE f = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	CHECK_ERROR(CreateFileMappingA(f, NULL, PAGE_READWRITE, 0, 0, NULL), ERROR_FILE_INVALID);
	HANDLE s = CreateFileMappingA(f, NULL, PAGE_READWRITE, 0, 10000, NULL);
	CHECK(s && GetFileSize(f, NULL) == 10000);
	char *p = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);
	CHECK(p != NULL);
	memcpy(p + 5000, "mapped", 6);
	CHECK(FlushViewOfFile(p, 0));
	CHECK(SetFilePointer(f, 5000, NULL, FILE_BEGIN) == 5000 && ReadFile(f, back, 6, &n, NULL) && n == 6 && !memcmp(back, "mapped", 6));
	CHECK(UnmapViewOfFile(p));
	CloseHandle(s);
	CloseHandle(f);
	DeleteFileA(name);
}

CASE(named_sections_are_found)
{
	HANDLE a = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "ambos-test-section");
	CHECK(a && GetLastError() != ERROR_ALREADY_EXISTS);
	HANDLE b = OpenFileMappingA(FILE_MAP_WRITE, FALSE, "ambos-test-section");
	CHECK(b != NULL);
	char *x = MapViewOfFile(a, FILE_MAP_WRITE, 0, 0, 0), *y = MapViewOfFile(b, FILE_MAP_WRITE, 0, 0, 0);
	CHECK(x && y && x != y);
	*x = 42;
	CHECK(*y == 42);
	UnmapViewOfFile(x);
	UnmapViewOfFile(y);
	CloseHandle(a);
	CloseHandle(b);
	CHECK_ERROR(OpenFileMappingA(FILE_MAP_READ, FALSE, "ambos-test-section"), ERROR_FILE_NOT_FOUND);
}

CASE(write_watch_names_written_pages)
{
	void *pages[8];
	ULONG_PTR count = 8;
	DWORD granularity;
	char *p = VirtualAlloc(NULL, 8 * 4096, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
	CHECK(p != NULL);
	p[4096] = 1;
	p[5 * 4096] = 1;
	CHECK(GetWriteWatch(WRITE_WATCH_FLAG_RESET, p, 8 * 4096, pages, &count, &granularity) == 0);
	CHECK(count == 2 && pages[0] == p + 4096 && pages[1] == p + 5 * 4096 && granularity == 4096);
	count = 8;
	CHECK(GetWriteWatch(0, p, 8 * 4096, pages, &count, &granularity) == 0 && count == 0);
	p[4096] = 2;
	count = 8;
	CHECK(GetWriteWatch(0, p, 8 * 4096, pages, &count, &granularity) == 0 && count == 1 && pages[0] == p + 4096);
	CHECK(ResetWriteWatch(p, 8 * 4096) == 0);
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
}

CASE(bytes_of_a_process)
{
	char from[64] = "process memory", to[64] = "";
	SIZE_T n;
	CHECK(ReadProcessMemory(GetCurrentProcess(), from, to, 64, &n) && n == 64 && !strcmp(from, to));
	CHECK(WriteProcessMemory(GetCurrentProcess(), to, "changed", 8, &n) && n == 8 && !strcmp(to, "changed"));
	CHECK(!ReadProcessMemory(GetCurrentProcess(), (void *)0x1000, to, 8, &n));
}

int main(void)
{
	RUN(reserve_commit_decommit_release);
	RUN(fixed_and_low_addresses);
	RUN(protect_tells_the_old_value);
	RUN(mappings_share_and_copy);
	RUN(file_mappings_reach_the_file);
	RUN(named_sections_are_found);
	RUN(write_watch_names_written_pages);
	RUN(bytes_of_a_process);
	return check_summary();
}
