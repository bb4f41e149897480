// SPDX-License-Identifier: MIT
/* Attributes and times that Linux has no place for, allocation size, file mode, flags of rename and delete, hints. */
#include "check.h"
#include <stdbool.h>
#include <stdlib.h>

typedef struct { union { LONG status; void *pointer; }; ULONG_PTR information; } iosb_t;
typedef LONG (WINAPI *set_file_t)(HANDLE, iosb_t *, void *, ULONG, ULONG);
typedef LONG (WINAPI *set_thread_t)(HANDLE, ULONG, void *, ULONG);
typedef LONG (WINAPI *query_thread_t)(HANDLE, ULONG, void *, ULONG, ULONG *);
static set_file_t set_file, query_file;
static bool peer; /* wine64 leaves some of this undone; what it does is asserted there, too */

#define STATUS(code) ((LONG)0xc0000000 + (code))
enum { FILE_MODE = 16, ALLOCATION = 19, RENAME_EX = 65, DISPOSITION_EX = 64 };

static HANDLE make(const char *name, DWORD access, DWORD disposition, DWORD flags)
{
	return CreateFileA(name, access, 7, NULL, disposition, flags, NULL);
}

static void put(const char *name, DWORD flags)
{
	HANDLE h = make(name, GENERIC_WRITE, CREATE_ALWAYS, flags);
	CHECK(h != INVALID_HANDLE_VALUE);
	CloseHandle(h);
}

CASE(hidden_and_system_are_kept)
{
	WIN32_FIND_DATAA found;
	put("h.txt", FILE_ATTRIBUTE_HIDDEN);
	CHECK(GetFileAttributesA("h.txt") == (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_ARCHIVE));
	CHECK(SetFileAttributesA("h.txt", FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_READONLY));
	CHECK((GetFileAttributesA("h.txt") & 7) == 7);
	HANDLE h = FindFirstFileA("h.*", &found);
	CHECK(h != INVALID_HANDLE_VALUE && (found.dwFileAttributes & 7) == 7);
	FindClose(h);
	if (!peer) /* it asks the host, where root may */
		CHECK_ERROR(make("h.txt", GENERIC_WRITE, OPEN_EXISTING, 0), ERROR_ACCESS_DENIED);
	CHECK(MoveFileA("h.txt", "moved.txt") && (GetFileAttributesA("moved.txt") & 7) == 7);
	CHECK(SetFileAttributesA("moved.txt", FILE_ATTRIBUTE_NORMAL));
	CHECK((GetFileAttributesA("moved.txt") & 7) == 0);
	CHECK(DeleteFileA("moved.txt"));
}

/* Rust's File::create truncates by hand what OPEN_ALWAYS says existed, and NUL cannot be truncated. */
CASE(nul_is_nothing_that_existed)
{
	DWORD done;
	SetLastError(0xdead);
	HANDLE h = make("nul", GENERIC_READ | GENERIC_WRITE, OPEN_ALWAYS, 0);
	CHECK(h != INVALID_HANDLE_VALUE && (peer || GetLastError() == 0));
	CHECK(WriteFile(h, "x", 1, &done, NULL) && done == 1);
	CloseHandle(h);
}

CASE(a_directory_keeps_hidden)
{
	CHECK(CreateDirectoryA("dir", NULL));
	CHECK(SetFileAttributesA("dir", FILE_ATTRIBUTE_HIDDEN));
	CHECK(GetFileAttributesA("dir") == (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_DIRECTORY));
	CHECK(SetFileAttributesA("dir", FILE_ATTRIBUTE_NORMAL));
	CHECK(GetFileAttributesA("dir") == FILE_ATTRIBUTE_DIRECTORY);
	CHECK(RemoveDirectoryA("dir"));
}

CASE(a_hidden_file_is_not_overwritten_by_accident)
{
	put("o.txt", FILE_ATTRIBUTE_HIDDEN);
	if (!peer)
		CHECK_ERROR(make("o.txt", GENERIC_WRITE, CREATE_ALWAYS, 0), ERROR_ACCESS_DENIED);
	put("o.txt", FILE_ATTRIBUTE_HIDDEN);
	CHECK(GetFileAttributesA("o.txt") & FILE_ATTRIBUTE_HIDDEN);
	HANDLE h = make("o.txt", GENERIC_WRITE, OPEN_EXISTING, 0);
	CHECK(h != INVALID_HANDLE_VALUE);
	CloseHandle(h);
	CHECK(DeleteFileA("o.txt"));
}

CASE(creation_and_change_times_are_set)
{
	FILETIME created = { 0x12340000, 0x01c00000 }, written = { 0x43210000, 0x01c80000 }, c, w;
	struct { LARGE_INTEGER created, accessed, written, changed; DWORD attributes, unused; } basic = { 0 };
	iosb_t io;
	HANDLE h = make("t.txt", GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS, 0);
	CHECK(SetFileTime(h, &created, NULL, &written));
	CHECK(GetFileTime(h, &c, NULL, &w) && w.dwHighDateTime == 0x01c80000 && w.dwLowDateTime == 0x43210000);
	if (!peer) {
		CHECK(c.dwHighDateTime == 0x01c00000 && c.dwLowDateTime == 0x12340000);
		basic.changed.QuadPart = 0x01c9000011112222ll;
		CHECK(set_file(h, &io, &basic, sizeof(basic), 4) == 0);
		CHECK(query_file(h, &io, &basic, sizeof(basic), 4) == 0);
		CHECK(basic.changed.QuadPart / 10 == 0x01c9000011112222ll / 10);
		CHECK(basic.written.HighPart == 0x01c80000 && basic.created.HighPart == 0x01c00000);
	}
	CloseHandle(h);
	CHECK(DeleteFileA("t.txt"));
}

CASE(allocation_asks_for_space_and_keeps_the_size)
{
	LARGE_INTEGER allocation = { .QuadPart = 300000 };
	FILE_STANDARD_INFO info;
	iosb_t io;
	HANDLE h = make("a.txt", GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS, 0);
	CHECK(set_file(h, &io, &allocation, sizeof(allocation), ALLOCATION) == 0 || peer);
	CHECK(GetFileInformationByHandleEx(h, FileStandardInfo, &info, sizeof(info)) && info.EndOfFile.QuadPart == 0);
	allocation.QuadPart = 1ll << 46; /* no disk has it */
	CHECK(set_file(h, &io, &allocation, sizeof(allocation), ALLOCATION) == STATUS(0x7f) || peer);
	allocation.QuadPart = -1;
	CHECK(set_file(h, &io, &allocation, sizeof(allocation), ALLOCATION) == STATUS(0xd) || peer);
	CloseHandle(h);
	CHECK(DeleteFileA("a.txt"));
}

CASE(creating_asks_for_the_allocation)
{
	struct { USHORT bytes, room; const wchar_t *text; } name = { 0 };
	struct { ULONG length; HANDLE root; void *name; ULONG attributes; void *unused[2]; } oa = { sizeof(oa), NULL, &name, 0x40, { 0 } };
	typedef LONG (WINAPI *create_t)(HANDLE *, ULONG, void *, iosb_t *, LARGE_INTEGER *, ULONG, ULONG, ULONG, ULONG, void *, ULONG);
	create_t create = (create_t)(void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtCreateFile");
	wchar_t full[MAX_PATH + 8] = L"\\??\\";
	LARGE_INTEGER size = { .QuadPart = 1ll << 46 };
	HANDLE h = NULL;
	iosb_t io;
	GetFullPathNameW(L"c.txt", MAX_PATH, full + 4, NULL);
	name.text = full;
	name.bytes = name.room = (USHORT)(wcslen(full) * 2);
	if (!peer) {
		CHECK(create(&h, GENERIC_WRITE | SYNCHRONIZE, &oa, &io, &size, 0, 7, 2, 0x20, NULL, 0) == STATUS(0x7f));
		CHECK_ERROR(GetFileAttributesA("c.txt"), ERROR_FILE_NOT_FOUND);
		size.QuadPart = -5;
		CHECK(create(&h, GENERIC_WRITE | SYNCHRONIZE, &oa, &io, &size, 0, 7, 2, 0x20, NULL, 0) == STATUS(0xd));
	}
	size.QuadPart = 65536;
	CHECK(create(&h, GENERIC_WRITE | SYNCHRONIZE, &oa, &io, &size, 0, 7, 2, 0x20, NULL, 0) == 0 && GetFileSize(h, NULL) == 0);
	CloseHandle(h);
	CHECK(DeleteFileA("c.txt"));
}

CASE(mode_is_changed_and_told)
{
	iosb_t io;
	ULONG mode = 0;
	HANDLE h = make("m.txt", GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS, 0);
	CHECK(query_file(h, &io, &mode, sizeof(mode), FILE_MODE) == 0 && (mode & 0x30) == 0x20);
	mode = 0x20 | 4 | 2;
	CHECK(set_file(h, &io, &mode, sizeof(mode), FILE_MODE) == 0 || peer);
	CHECK(query_file(h, &io, &mode, sizeof(mode), FILE_MODE) == 0 && (peer || mode == (0x20 | 4 | 2)));
	mode = 0x30;
	CHECK(set_file(h, &io, &mode, sizeof(mode), FILE_MODE) == STATUS(0xd) || peer);
	CloseHandle(h);
	CHECK(DeleteFileA("m.txt"));
}

static LONG rename_flags(HANDLE h, ULONG flags, const wchar_t *name)
{
	union { struct { ULONG flags; HANDLE root; ULONG bytes; wchar_t name[64]; } s; char room[256]; } r;
	iosb_t io;
	memset(&r, 0, sizeof(r));
	r.s.flags = flags;
	r.s.bytes = (ULONG)wcslen(name) * 2;
	memcpy(r.s.name, name, r.s.bytes);
	return set_file(h, &io, &r, sizeof(r), RENAME_EX);
}

CASE(unknown_flags_of_rename_and_delete_are_refused)
{
	iosb_t io;
	ULONG flags = 0x20000001;
	HANDLE h = make("r.txt", GENERIC_WRITE | DELETE, CREATE_ALWAYS, 0);
	if (!peer) {
		CHECK(rename_flags(h, 0x80000000, L"r2.txt") == STATUS(0xd));
		CHECK(rename_flags(h, 0x30, L"r2.txt") == STATUS(0xbb)); /* storage reserves: there are none */
		CHECK(set_file(h, &io, &flags, sizeof(flags), DISPOSITION_EX) == STATUS(0xd));
		CHECK(rename_flags(h, 0, L"r2.txt") == 0);
		flags = 3; /* delete, POSIX: the name goes at once */
		CHECK(set_file(h, &io, &flags, sizeof(flags), DISPOSITION_EX) == 0);
		CHECK_ERROR(GetFileAttributesA("r2.txt"), ERROR_FILE_NOT_FOUND);
	}
	CloseHandle(h);
	DeleteFileA("r.txt");
}

CASE(priorities_are_told_back)
{
	HMODULE ntdll = GetModuleHandleA("ntdll.dll");
	set_thread_t set = (set_thread_t)(void *)GetProcAddress(ntdll, "NtSetInformationThread");
	query_thread_t query = (query_thread_t)(void *)GetProcAddress(ntdll, "NtQueryInformationThread");
	ULONG io = 1, page = 3, n;
	if (peer)
		return;
	CHECK(set(GetCurrentThread(), 22, &io, 4) == 0 && set(GetCurrentThread(), 24, &page, 4) == 0);
	io = page = 99;
	CHECK(query(GetCurrentThread(), 22, &io, 4, &n) == 0 && io == 1);
	CHECK(query(GetCurrentThread(), 24, &page, 4, &n) == 0 && page == 3);
	io = 3;
	CHECK(set(GetCurrentThread(), 22, &io, 4) == STATUS(0x61));
	io = 7;
	CHECK(set(GetCurrentThread(), 22, &io, 4) == STATUS(0xd));
}

CASE(prefetch_takes_ranges)
{
	typedef BOOL (WINAPI *prefetch_t)(HANDLE, ULONG_PTR, void *, ULONG);
	prefetch_t prefetch = (prefetch_t)(void *)GetProcAddress(GetModuleHandleA("kernelbase.dll"), "PrefetchVirtualMemory");
	struct { void *at; SIZE_T bytes; } range = { NULL, 0x20000 };
	if (!prefetch)
		return;
	range.at = VirtualAlloc(NULL, 0x20000, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	CHECK(prefetch(GetCurrentProcess(), 1, &range, 0));
	CHECK_ERROR(prefetch(GetCurrentProcess(), 0, &range, 0), ERROR_INVALID_PARAMETER);
	CHECK(VirtualFree(range.at, 0, MEM_RELEASE));
}

int main(void)
{
	char temp[MAX_PATH], dir[MAX_PATH + 32];
	HMODULE ntdll = GetModuleHandleA("ntdll.dll");
	peer = getenv("NT_PEER") != NULL;
	set_file = (set_file_t)(void *)GetProcAddress(ntdll, "NtSetInformationFile");
	query_file = (set_file_t)(void *)GetProcAddress(ntdll, "NtQueryInformationFile");
	GetTempPathA(sizeof(temp), temp);
	sprintf(dir, "%snt-attributes-%lu", temp, GetCurrentProcessId());
	CreateDirectoryA(dir, NULL);
	if (!SetCurrentDirectoryA(dir)) {
		printf("cannot use %s: error %lu\n", dir, GetLastError());
		return 99;
	}
	RUN(hidden_and_system_are_kept);
	RUN(nul_is_nothing_that_existed);
	RUN(a_directory_keeps_hidden);
	RUN(a_hidden_file_is_not_overwritten_by_accident);
	RUN(creation_and_change_times_are_set);
	RUN(allocation_asks_for_space_and_keeps_the_size);
	RUN(creating_asks_for_the_allocation);
	RUN(mode_is_changed_and_told);
	RUN(unknown_flags_of_rename_and_delete_are_refused);
	RUN(priorities_are_told_back);
	RUN(prefetch_takes_ranges);
	SetCurrentDirectoryA(temp);
	RemoveDirectoryA(dir);
	return check_summary();
}
