// SPDX-License-Identifier: MIT
/* Views: rights, protections within the view's, copies, names, commitment shared by views; who may read without access;
 * pages that the kernel writes count as written. */
#include "check.h"

#define KB64 0x10000u

static char *view_of(HANDLE file, DWORD protect, DWORD access, HANDLE *section)
{
	*section = CreateFileMappingA(file, NULL, protect, 0, KB64, NULL);
	return MapViewOfFile(*section, access, 0, 0, 0);
}

CASE(a_view_needs_the_right)
{
	HANDLE s, none;
	char *p = view_of(INVALID_HANDLE_VALUE, PAGE_READWRITE, FILE_MAP_WRITE, &s);
	CHECK(p && DuplicateHandle(GetCurrentProcess(), s, GetCurrentProcess(), &none, 0, FALSE, 0));
	CHECK_ERROR(MapViewOfFile(none, 0, 0, 0, 0), ERROR_ACCESS_DENIED);
	CHECK(CloseHandle(none) && DuplicateHandle(GetCurrentProcess(), s, GetCurrentProcess(), &none, FILE_MAP_READ, FALSE, 0));
	CHECK_ERROR(MapViewOfFile(none, FILE_MAP_WRITE, 0, 0, 0), ERROR_ACCESS_DENIED);
	CHECK(UnmapViewOfFile(p) && CloseHandle(none) && CloseHandle(s));
}

CASE(protections_stay_within_the_view)
{
	HANDLE s;
	DWORD old = 0;
	MEMORY_BASIC_INFORMATION m;
	char *p = view_of(INVALID_HANDLE_VALUE, PAGE_READWRITE, FILE_MAP_READ, &s);
	CHECK(p != NULL);
	CHECK_ERROR(VirtualProtect(p, 4096, PAGE_READWRITE, &old), ERROR_INVALID_PARAMETER);
	CHECK_ERROR(VirtualProtect(p, 4096, PAGE_EXECUTE_READ, &old), ERROR_INVALID_PARAMETER);
	CHECK(VirtualProtect(p, 4096, PAGE_NOACCESS, &old) && old == PAGE_READONLY);
	CHECK(VirtualProtect(p, 4096, PAGE_WRITECOPY, &old) && old == PAGE_NOACCESS);
	CHECK(VirtualQuery(p, &m, sizeof(m)) && m.Protect == PAGE_WRITECOPY && m.AllocationProtect == PAGE_READONLY);
	CHECK_ERROR(VirtualAlloc(p, 4096, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	CHECK(VirtualAlloc(p, 4096, MEM_COMMIT, PAGE_READONLY) == p);
	CHECK(UnmapViewOfFile(p) && CloseHandle(s));
}

CASE(a_page_becomes_a_copy)
{
	HANDLE s;
	DWORD old = 0;
	char *p = view_of(INVALID_HANDLE_VALUE, PAGE_READWRITE, FILE_MAP_WRITE, &s), *q = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);
	CHECK(p && q);
	p[0] = 1, p[4096] = 2;
	CHECK(VirtualProtect(p, 4096, PAGE_WRITECOPY, &old) && old == PAGE_READWRITE && p[0] == 1);
	p[0] = 9, p[4096] = 8;
	CHECK(q[4096] == 8);
	CHECK(UnmapViewOfFile(q) && UnmapViewOfFile(p) && CloseHandle(s));
}

CASE(files_are_committed)
{
	HANDLE s, f;
	char *p, path[MAX_PATH], name[MAX_PATH];
	GetTempPathA(sizeof(path), path);
	GetTempFileNameA(path, "vw", 0, name);
	f = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
	CHECK_ERROR(CreateFileMappingA(f, NULL, PAGE_READONLY, 0, 0, NULL), ERROR_FILE_INVALID);
	CHECK_ERROR(CreateFileMappingA(f, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL), ERROR_BAD_EXE_FORMAT);
	p = view_of(f, PAGE_READWRITE, FILE_MAP_WRITE, &s);
	CHECK(p != NULL);
	CHECK_ERROR(VirtualAlloc(p, 4096, MEM_COMMIT, PAGE_READWRITE), ERROR_ACCESS_DENIED);
	CHECK(p && UnmapViewOfFile(p) && CloseHandle(s));
	CHECK_ERROR(CreateFileMappingA(f, NULL, PAGE_READWRITE | SEC_RESERVE | SEC_COMMIT, 0, 0, NULL), ERROR_INVALID_PARAMETER);
	CHECK_ERROR(CreateFileMappingA(f, NULL, PAGE_READWRITE | 0x800000, 0, 0, NULL), ERROR_INVALID_PARAMETER);
	CHECK(CloseHandle(f));
}

CASE(a_name_ends_with_its_last_handle)
{
	HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "ambos view name");
	char *p = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);
	CHECK(p && CloseHandle(s));
	CHECK_ERROR(OpenFileMappingA(FILE_MAP_READ, FALSE, "ambos view name"), ERROR_FILE_NOT_FOUND);
	p[0] = 1;
	CHECK(UnmapViewOfFile(p));
}

CASE(views_share_what_is_committed)
{
	HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE, 0, 16 * KB64, NULL);
	char *p = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0), *q = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0), *r;
	MEMORY_BASIC_INFORMATION m;
	CHECK(p && q && VirtualQuery(q, &m, sizeof(m)) && m.State == MEM_RESERVE && m.RegionSize == 16 * KB64);
	CHECK(VirtualAlloc(p + KB64, KB64, MEM_COMMIT, PAGE_READWRITE) == p + KB64);
	p[KB64] = 7;
	CHECK(VirtualQuery(q, &m, sizeof(m)) && m.State == MEM_RESERVE && m.RegionSize == KB64);
	CHECK(VirtualQuery(q + KB64, &m, sizeof(m)) && m.State == MEM_COMMIT && m.RegionSize == KB64 && m.Protect == PAGE_READWRITE);
	CHECK(q[KB64] == 7);
	CHECK(VirtualAlloc(p + 4 * KB64, KB64, MEM_COMMIT, PAGE_READWRITE) == p + 4 * KB64);
	p[4 * KB64] = 5;
	CHECK(q[4 * KB64] == 5); /* found by the fault */
	r = MapViewOfFile(s, FILE_MAP_READ, 0, 0, 0);
	CHECK(r && r[KB64] == 7 && VirtualQuery(r + KB64, &m, sizeof(m)) && m.Protect == PAGE_READONLY);
	CHECK(UnmapViewOfFile(p) && UnmapViewOfFile(q) && UnmapViewOfFile(r) && CloseHandle(s));
}

CASE(no_access_binds_the_kernel_too)
{
	DWORD old;
	SIZE_T n = 1;
	char *p = VirtualAlloc(NULL, 4 * 4096, MEM_COMMIT, PAGE_READWRITE), *to = VirtualAlloc(NULL, 4 * 4096, MEM_COMMIT, PAGE_READWRITE);
	memset(p, 1, 4 * 4096);
	CHECK(VirtualProtect(p + 2 * 4096, 4096, PAGE_NOACCESS, &old));
	CHECK(!WriteProcessMemory(GetCurrentProcess(), to, p, 4 * 4096, &n) && n == 0 && to[0] == 0);
	CHECK(!VirtualProtect(p, 4096, PAGE_READONLY, NULL) && GetLastError() == ERROR_NOACCESS);
	p[0] = 2;
	CHECK_ERROR(VirtualFree(p, 1, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	CHECK(VirtualFree(p, 0, MEM_RELEASE) && VirtualFree(to, 0, MEM_RELEASE));
}

CASE(the_kernel_writes_too)
{
	char *p = VirtualAlloc(NULL, KB64, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE), path[MAX_PATH], name[MAX_PATH];
	void *pages[16];
	ULONG_PTR count = 16;
	DWORD size, n;
	GetTempPathA(sizeof(path), path);
	GetTempFileNameA(path, "vw", 0, name);
	HANDLE f = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
	CHECK(GetWriteWatch(WRITE_WATCH_FLAG_RESET, p, KB64, pages, &count, &size) == 0 && count == 0);
	count = 16;
	CHECK(ReadFile(f, p, 3 * 4096, &n, NULL) && n == 0);
	CHECK(GetWriteWatch(WRITE_WATCH_FLAG_RESET, p, KB64, pages, &count, &size) == 0 && count == 3);
	p[5 * 4096] = 1;
	CHECK(VirtualFree(p, KB64, MEM_DECOMMIT));
	count = 16;
	CHECK(GetWriteWatch(0, p, KB64, pages, &count, &size) == 0 && count == 1 && pages[0] == p + 5 * 4096);
	CHECK(VirtualFree(p, 0, MEM_RELEASE) && CloseHandle(f));
}

CASE(caching_is_of_the_allocation)
{
	DWORD old;
	MEMORY_BASIC_INFORMATION m;
	char *p = VirtualAlloc(NULL, 8192, MEM_COMMIT, PAGE_READWRITE | PAGE_NOCACHE);
	CHECK(VirtualProtect(p, 4096, PAGE_READONLY, &old) && old == (PAGE_READWRITE | PAGE_NOCACHE));
	CHECK(VirtualQuery(p, &m, sizeof(m)) && m.Protect == (PAGE_READONLY | PAGE_NOCACHE) && m.RegionSize == 4096);
	CHECK(VirtualFree(p, 0, MEM_RELEASE));
}

int main(void)
{
	RUN(a_view_needs_the_right);
	RUN(protections_stay_within_the_view);
	RUN(a_page_becomes_a_copy);
	RUN(files_are_committed);
	RUN(a_name_ends_with_its_last_handle);
	RUN(views_share_what_is_committed);
	RUN(no_access_binds_the_kernel_too);
	RUN(the_kernel_writes_too);
	RUN(caching_is_of_the_allocation);
	return check_summary();
}
