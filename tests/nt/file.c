// SPDX-License-Identifier: MIT
/* Files: dispositions, share modes, delete on close, rename, case, directories, positions, sizes, times. */
#include "check.h"
#include <winternl.h>
#include <stdlib.h>

static HANDLE make(const char *name, DWORD access, DWORD share, DWORD disposition, DWORD flags)
{
	return CreateFileA(name, access, share, NULL, disposition, flags, NULL);
}

static void put(const char *name, const char *text)
{
	DWORD n;
	HANDLE h = make(name, GENERIC_WRITE, 0, CREATE_ALWAYS, 0);
	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(WriteFile(h, text, (DWORD)strlen(text), &n, NULL) && n == strlen(text));
	CHECK(CloseHandle(h));
}

CASE(dispositions_create_open_and_truncate)
{
	DeleteFileA("d.txt");
	CHECK_ERROR(make("d.txt", GENERIC_READ, 0, OPEN_EXISTING, 0), ERROR_FILE_NOT_FOUND);
	CHECK_ERROR(make("none\\d.txt", GENERIC_READ, 0, OPEN_EXISTING, 0), ERROR_PATH_NOT_FOUND);
	CHECK_ERROR(make("d.txt", GENERIC_WRITE, 0, TRUNCATE_EXISTING, 0), ERROR_FILE_NOT_FOUND);
	SetLastError(1);
	HANDLE h = make("d.txt", GENERIC_WRITE, 0, CREATE_NEW, 0);
	CHECK(h != INVALID_HANDLE_VALUE);
	CloseHandle(h);
	CHECK_ERROR(make("d.txt", GENERIC_WRITE, 0, CREATE_NEW, 0), ERROR_FILE_EXISTS);
	put("d.txt", "hello");
	SetLastError(0);
	h = make("d.txt", GENERIC_READ | GENERIC_WRITE, 0, OPEN_ALWAYS, 0);
	CHECK(h != INVALID_HANDLE_VALUE && GetLastError() == ERROR_ALREADY_EXISTS);
	CHECK(GetFileSize(h, NULL) == 5);
	CloseHandle(h);
	h = make("d.txt", GENERIC_WRITE, 0, CREATE_ALWAYS, 0);
	CHECK(h != INVALID_HANDLE_VALUE && GetLastError() == ERROR_ALREADY_EXISTS);
	CHECK(GetFileSize(h, NULL) == 0);
	CloseHandle(h);
	CHECK(DeleteFileA("d.txt"));
	CHECK_ERROR(DeleteFileA("d.txt"), ERROR_FILE_NOT_FOUND);
}

CASE(share_modes_hold_between_handles)
{
	put("s.txt", "x");
	HANDLE a = make("s.txt", GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING, 0);
	HANDLE b = make("s.txt", GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING, 0);
	CHECK(a != INVALID_HANDLE_VALUE && b != INVALID_HANDLE_VALUE);
	CHECK_ERROR(make("s.txt", GENERIC_WRITE, FILE_SHARE_READ, OPEN_EXISTING, 0), ERROR_SHARING_VIOLATION);
	CHECK_ERROR(make("s.txt", GENERIC_READ, 0, OPEN_EXISTING, 0), ERROR_SHARING_VIOLATION);
	CHECK_ERROR(DeleteFileA("s.txt"), ERROR_SHARING_VIOLATION);
	CloseHandle(b);
	HANDLE c = make("s.txt", 0, 0, OPEN_EXISTING, 0);
	CHECK(c != INVALID_HANDLE_VALUE);
	CloseHandle(c);
	CloseHandle(a);
	CHECK(DeleteFileA("s.txt"));
}

/* Asking for no data and no deletion neither conflicts nor keeps others out, whatever is shared. */
CASE(opens_without_data_access_leave_share_modes_alone)
{
	const DWORD harmless[] = { READ_CONTROL, WRITE_DAC | READ_CONTROL | SYNCHRONIZE, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES,
		FILE_READ_EA };
	put("sn.txt", "x");
	HANDLE all = make("sn.txt", GENERIC_READ | GENERIC_WRITE | DELETE, 7, OPEN_EXISTING, 0);
	CHECK(all != INVALID_HANDLE_VALUE);
	for (unsigned i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		HANDLE h = make("sn.txt", harmless[i], 0, OPEN_EXISTING, 0);
		CHECK(h != INVALID_HANDLE_VALUE);
		HANDLE other = make("sn.txt", GENERIC_READ | GENERIC_WRITE | DELETE, 7, OPEN_EXISTING, 0);
		CHECK(other != INVALID_HANDLE_VALUE);
		CloseHandle(other);
		CloseHandle(h);
	}
	CHECK_ERROR(make("sn.txt", GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING, 0), ERROR_SHARING_VIOLATION);
	CloseHandle(all);
	HANDLE alone = make("sn.txt", FILE_READ_DATA, 0, OPEN_EXISTING, 0);
	CHECK(alone != INVALID_HANDLE_VALUE);
	HANDLE h = make("sn.txt", READ_CONTROL, 0, OPEN_EXISTING, 0);
	CHECK(h != INVALID_HANDLE_VALUE);
	CloseHandle(h);
	CHECK_ERROR(make("sn.txt", FILE_EXECUTE, 7, OPEN_EXISTING, 0), ERROR_SHARING_VIOLATION);
	CHECK_ERROR(make("sn.txt", FILE_APPEND_DATA, 7, OPEN_EXISTING, 0), ERROR_SHARING_VIOLATION);
	CHECK_ERROR(make("sn.txt", DELETE, 7, OPEN_EXISTING, 0), ERROR_SHARING_VIOLATION);
	CloseHandle(alone);
	CHECK(DeleteFileA("sn.txt"));
}

CASE(delete_on_close_removes_with_the_last_handle)
{
	HANDLE h = make("doc.txt", GENERIC_WRITE | DELETE, FILE_SHARE_DELETE | FILE_SHARE_READ, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE);
	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(GetFileAttributesA("doc.txt") != INVALID_FILE_ATTRIBUTES);
	CloseHandle(h);
	CHECK_ERROR(GetFileAttributesA("doc.txt"), ERROR_FILE_NOT_FOUND);
}

CASE(names_differ_in_case_only)
{
	WIN32_FIND_DATAA found;
	put("MixedCase.TXT", "abc");
	CHECK(GetFileAttributesA("mixedcase.txt") != INVALID_FILE_ATTRIBUTES);
	HANDLE h = FindFirstFileA("MIXEDCASE.txt", &found);
	CHECK(h != INVALID_HANDLE_VALUE && !strcmp(found.cFileName, "MixedCase.TXT"));
	FindClose(h);
	CHECK_ERROR(make("mixedcase.TXT", GENERIC_WRITE, 0, CREATE_NEW, 0), ERROR_FILE_EXISTS);
	CHECK(MoveFileA("mixedcase.txt", "Other.txt") && MoveFileA("OTHER.txt", "MIXEDCASE.txt"));
	h = FindFirstFileA("mixedcase.txt", &found);
	CHECK(h != INVALID_HANDLE_VALUE && !strcmp(found.cFileName, "MIXEDCASE.txt"));
	FindClose(h);
	CHECK(DeleteFileA("MixedCase.txt"));
	CHECK_ERROR(GetFileAttributesA("mixedcase.txt"), ERROR_FILE_NOT_FOUND);
}

CASE(directories_are_listed_and_removed)
{
	WIN32_FIND_DATAA found;
	int files = 0, dots = 0;
	CHECK(CreateDirectoryA("dir", NULL));
	CHECK_ERROR(CreateDirectoryA("dir", NULL), ERROR_ALREADY_EXISTS);
	for (int i = 0; i < 20; i++) {
		char name[32];
		sprintf(name, "dir\\f%02d.dat", i);
		put(name, name);
	}
	put("dir\\other.txt", "1");
	HANDLE h = FindFirstFileA("dir\\*", &found);
	CHECK(h != INVALID_HANDLE_VALUE);
	do {
		if (found.cFileName[0] == '.')
			dots++;
		else
			files++;
	} while (FindNextFileA(h, &found));
	CHECK(GetLastError() == ERROR_NO_MORE_FILES);
	FindClose(h);
	CHECK(files == 21 && dots == 2);
	files = 0;
	h = FindFirstFileA("dir\\F*.DAT", &found);
	do {
		files += found.nFileSizeLow == 11;
	} while (FindNextFileA(h, &found));
	FindClose(h);
	CHECK(files == 20);
	CHECK_ERROR(FindFirstFileA("dir\\*.none", &found), ERROR_FILE_NOT_FOUND);
	CHECK_ERROR(RemoveDirectoryA("dir"), ERROR_DIR_NOT_EMPTY);
	CHECK_ERROR(DeleteFileA("dir"), ERROR_ACCESS_DENIED);
	for (int i = 0; i < 20; i++) {
		char name[32];
		sprintf(name, "dir\\f%02d.dat", i);
		CHECK(DeleteFileA(name));
	}
	CHECK(DeleteFileA("dir\\other.txt"));
	CHECK(RemoveDirectoryA("dir"));
	CHECK_ERROR(GetFileAttributesA("dir"), ERROR_FILE_NOT_FOUND);
}

static int found_by(const char *pattern)
{
	WIN32_FIND_DATAA found;
	HANDLE h = FindFirstFileA(pattern, &found);
	int count = h != INVALID_HANDLE_VALUE;
	while (h != INVALID_HANDLE_VALUE && FindNextFileA(h, &found))
		count++;
	FindClose(h);
	return count;
}
CASE(a_period_before_a_star_may_end_the_name)
{
	CHECK(CreateDirectoryA("dir", NULL));
	put("dir\\plain", "1");
	put("dir\\plain.txt", "1");
	CHECK(found_by("dir\\*.*") == 4); /* with . and .. */
	CHECK(found_by("dir\\plain.*") == 2);
	CHECK(found_by("dir\\pl*.t*") == 1);
	CHECK(DeleteFileA("dir\\plain") && DeleteFileA("dir\\plain.txt") && RemoveDirectoryA("dir"));
}

CASE(rename_refuses_and_replaces)
{
	put("r1.txt", "one");
	put("r2.txt", "two!");
	CHECK_ERROR(MoveFileA("r1.txt", "r2.txt"), ERROR_ALREADY_EXISTS);
	CHECK(MoveFileExA("r1.txt", "r2.txt", MOVEFILE_REPLACE_EXISTING));
	HANDLE h = make("r2.txt", GENERIC_READ, 0, OPEN_EXISTING, 0);
	CHECK(GetFileSize(h, NULL) == 3);
	CloseHandle(h);
	CHECK_ERROR(GetFileAttributesA("r1.txt"), ERROR_FILE_NOT_FOUND);
	CHECK(CopyFileA("r2.txt", "r3.txt", TRUE));
	CHECK_ERROR(CopyFileA("r2.txt", "r3.txt", TRUE), ERROR_FILE_EXISTS);
	CHECK(CreateHardLinkA("r4.txt", "r3.txt", NULL));
	h = make("r4.txt", GENERIC_READ, 0, OPEN_EXISTING, 0);
	BY_HANDLE_FILE_INFORMATION info;
	CHECK(GetFileInformationByHandle(h, &info) && info.nNumberOfLinks == 2 && info.nFileSizeLow == 3);
	CloseHandle(h);
	DeleteFileA("r2.txt");
	DeleteFileA("r3.txt");
	DeleteFileA("r4.txt");
}

CASE(positions_sizes_and_end_of_file)
{
	char buf[16];
	DWORD n;
	LARGE_INTEGER at = { .QuadPart = 3 }, now;
	HANDLE h = make("p.bin", GENERIC_READ | GENERIC_WRITE, 0, CREATE_ALWAYS, 0);
	CHECK(WriteFile(h, "0123456789", 10, &n, NULL) && n == 10);
	CHECK(SetFilePointerEx(h, at, &now, FILE_BEGIN) && now.QuadPart == 3);
	CHECK(ReadFile(h, buf, 4, &n, NULL) && n == 4 && !memcmp(buf, "3456", 4));
	CHECK(SetFilePointer(h, 0, NULL, FILE_CURRENT) == 7);
	CHECK(ReadFile(h, buf, 16, &n, NULL) && n == 3);
	CHECK(ReadFile(h, buf, 16, &n, NULL) && n == 0);
	OVERLAPPED o = { .Offset = 2 };
	CHECK(ReadFile(h, buf, 2, &n, &o) && n == 2 && !memcmp(buf, "23", 2));
	o.Offset = 100;
	CHECK_ERROR(ReadFile(h, buf, 2, &n, &o), ERROR_HANDLE_EOF);
	CHECK(SetFilePointer(h, 4, NULL, FILE_BEGIN) == 4 && SetEndOfFile(h));
	CHECK(GetFileSize(h, NULL) == 4);
	CHECK_ERROR(SetFilePointer(h, -10, NULL, FILE_CURRENT), ERROR_NEGATIVE_SEEK);
	CHECK(FlushFileBuffers(h));
	CloseHandle(h);
	h = make("p.bin", FILE_APPEND_DATA, 0, OPEN_EXISTING, 0);
	CHECK(WriteFile(h, "zz", 2, &n, NULL) && n == 2);
	CloseHandle(h);
	h = make("p.bin", GENERIC_READ, 0, OPEN_EXISTING, 0);
	CHECK(ReadFile(h, buf, 16, &n, NULL) && n == 6 && !memcmp(buf, "0123zz", 6));
	CHECK_ERROR(WriteFile(h, "x", 1, &n, NULL), ERROR_ACCESS_DENIED);
	CloseHandle(h);
	DeleteFileA("p.bin");
}

CASE(times_and_attributes)
{
	FILETIME t = { 0x12345680, 0x01d00000 }, read;
	put("t.txt", "t");
	HANDLE h = make("t.txt", GENERIC_READ | GENERIC_WRITE, 0, OPEN_EXISTING, 0);
	CHECK(SetFileTime(h, NULL, NULL, &t));
	CHECK(GetFileTime(h, NULL, NULL, &read) && CompareFileTime(&t, &read) == 0);
	CloseHandle(h);
	CHECK(SetFileAttributesA("t.txt", FILE_ATTRIBUTE_READONLY));
	CHECK(GetFileAttributesA("t.txt") & FILE_ATTRIBUTE_READONLY);
	CHECK_ERROR(DeleteFileA("t.txt"), ERROR_ACCESS_DENIED); /* Wine as root opens it for writing: not asked here */
	CHECK(SetFileAttributesA("t.txt", FILE_ATTRIBUTE_NORMAL));
	CHECK(DeleteFileA("t.txt"));
}

CASE(overlapped_file_io_reports_to_event_and_port)
{
	char buf[8];
	DWORD n;
	ULONG_PTR key;
	OVERLAPPED o = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) }, *done;
	put("o.bin", "overlapped");
	HANDLE h = make("o.bin", GENERIC_READ, 0, OPEN_EXISTING, FILE_FLAG_OVERLAPPED);
	BOOL ok = ReadFile(h, buf, 4, NULL, &o);
	CHECK(ok || GetLastError() == ERROR_IO_PENDING);
	CHECK(GetOverlappedResult(h, &o, &n, TRUE) && n == 4 && !memcmp(buf, "over", 4));
	CHECK(WaitForSingleObject(o.hEvent, 1000) == WAIT_OBJECT_0);
	HANDLE port = CreateIoCompletionPort(h, NULL, 77, 0);
	CHECK(port != NULL);
	o.Offset = 4;
	ok = ReadFile(h, buf, 6, NULL, &o);
	CHECK(ok || GetLastError() == ERROR_IO_PENDING);
	CHECK(GetQueuedCompletionStatus(port, &n, &key, &done, 1000) && key == 77 && done == &o && n == 6);
	CHECK(!memcmp(buf, "lapped", 6));
	CloseHandle(port);
	CloseHandle(h);
	CloseHandle(o.hEvent);
	DeleteFileA("o.bin");
}

CASE(byte_range_locks_are_mandatory)
{
	char buf[8];
	DWORD n;
	OVERLAPPED o = { .Offset = 2 };
	put("l.bin", "0123456789");
	HANDLE a = make("l.bin", GENERIC_READ | GENERIC_WRITE, 3, OPEN_EXISTING, 0);
	HANDLE b = make("l.bin", GENERIC_READ | GENERIC_WRITE, 3, OPEN_EXISTING, 0);
	CHECK(LockFileEx(a, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 4, 0, &o));
	CHECK_ERROR(LockFileEx(b, LOCKFILE_FAIL_IMMEDIATELY, 0, 4, 0, &o), ERROR_LOCK_VIOLATION);
	CHECK(LockFile(b, 6, 0, 2, 0));
	CHECK(UnlockFile(b, 6, 0, 2, 0));
	CHECK(!UnlockFile(b, 2, 0, 4, 0));
	CHECK(SetFilePointer(a, 2, NULL, FILE_BEGIN) == 2 && ReadFile(a, buf, 4, &n, NULL) && n == 4);
	CHECK(UnlockFileEx(a, 0, 4, 0, &o));
	CHECK(LockFileEx(b, 0, 0, 4, 0, &o) && LockFileEx(a, 0, 0, 4, 0, &o));
	CHECK_ERROR(LockFileEx(a, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &o), ERROR_LOCK_VIOLATION);
	CloseHandle(b);
	CloseHandle(a);
	DeleteFileA("l.bin");
}

CASE(directory_changes_are_told)
{
	DWORD buf[256], n;
	OVERLAPPED o = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
	CHECK(CreateDirectoryA("watched", NULL));
	HANDLE h = make("watched", FILE_LIST_DIRECTORY, 7, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OVERLAPPED);
	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(ReadDirectoryChangesW(h, buf, sizeof(buf), FALSE, FILE_NOTIFY_CHANGE_FILE_NAME, NULL, &o, NULL));
	CHECK(WaitForSingleObject(o.hEvent, 50) == WAIT_TIMEOUT);
	put("watched\\new.txt", "1");
	CHECK(WaitForSingleObject(o.hEvent, 5000) == WAIT_OBJECT_0);
	CHECK(GetOverlappedResult(h, &o, &n, TRUE) && n >= 12);
	FILE_NOTIFY_INFORMATION *info = (void *)buf;
	CHECK(info->Action == FILE_ACTION_ADDED && !wcsncmp(info->FileName, L"new.txt", 7) && info->FileNameLength == 14);
	CHECK(ReadDirectoryChangesW(h, buf, sizeof(buf), FALSE, FILE_NOTIFY_CHANGE_FILE_NAME, NULL, &o, NULL));
	CHECK(CancelIo(h));
	CHECK(!GetOverlappedResult(h, &o, &n, TRUE) && GetLastError() == ERROR_OPERATION_ABORTED);
	CloseHandle(h);
	CloseHandle(o.hEvent);
	DeleteFileA("watched\\new.txt");
	CHECK(RemoveDirectoryA("watched"));
}

/* FindFirstChangeNotification waits for the directory handle itself. */
CASE(change_notification_waits_for_a_change)
{
	CHECK(CreateDirectoryA("noticed", NULL));
	HANDLE h = FindFirstChangeNotificationA("noticed", FALSE, FILE_NOTIFY_CHANGE_FILE_NAME);
	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(WaitForSingleObject(h, 50) == WAIT_TIMEOUT);
	put("noticed\\one.txt", "1");
	CHECK(WaitForSingleObject(h, 5000) == WAIT_OBJECT_0);
	CHECK(FindNextChangeNotification(h));
	CHECK(WaitForSingleObject(h, 50) == WAIT_TIMEOUT);
	DeleteFileA("noticed\\one.txt");
	CHECK(WaitForSingleObject(h, 5000) == WAIT_OBJECT_0);
	CHECK(FindCloseChangeNotification(h));
	CHECK(RemoveDirectoryA("noticed"));
}

CASE(volume_and_type)
{
	char fs[32], cwd[MAX_PATH];
	DWORD longest, flags;
	ULARGE_INTEGER a, b, c;
	HANDLE h = make("NUL", GENERIC_READ | GENERIC_WRITE, 3, OPEN_EXISTING, 0);
	DWORD n;
	CHECK(h != INVALID_HANDLE_VALUE && GetFileType(h) == FILE_TYPE_CHAR);
	CHECK(WriteFile(h, "abc", 3, &n, NULL) && n == 3);
	CHECK(ReadFile(h, fs, 3, &n, NULL) && n == 0);
	CloseHandle(h);
	put("v.txt", "v");
	h = make("v.txt", GENERIC_READ, 0, OPEN_EXISTING, 0);
	CHECK(GetFileType(h) == FILE_TYPE_DISK);
	CHECK(GetFinalPathNameByHandleA(h, cwd, sizeof(cwd), 0) > 0 && !strncmp(cwd, "\\\\?\\", 4) && strstr(cwd, "v.txt"));
	CloseHandle(h);
	CHECK(GetVolumeInformationA(NULL, NULL, 0, NULL, &longest, &flags, fs, sizeof(fs)) && longest == 255);
	CHECK(GetDiskFreeSpaceExA(NULL, &a, &b, &c) && b.QuadPart >= c.QuadPart);
	CHECK(GetCurrentDirectoryA(sizeof(cwd), cwd) > 0);
	DeleteFileA("v.txt");
}

/* Names below a handle, the one of the current directory first, and with the device's name before them. */
static NTSTATUS (NTAPI *nt_open)(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG);
static NTSTATUS open_below(HANDLE root, const WCHAR *name)
{
	UNICODE_STRING text = { (USHORT)(wcslen(name) * 2), (USHORT)(wcslen(name) * 2 + 2), (WCHAR *)name };
	OBJECT_ATTRIBUTES oa;
	IO_STATUS_BLOCK io;
	HANDLE h;
	InitializeObjectAttributes(&oa, &text, OBJ_CASE_INSENSITIVE, root, NULL);
	NTSTATUS status = nt_open(&h, GENERIC_READ | SYNCHRONIZE, &oa, &io, 7, 0x20 /* FILE_SYNCHRONOUS_IO_NONALERT */);
	if (!status)
		CloseHandle(h);
	return status;
}
CASE(current_directory_has_a_handle)
{
	struct current { UNICODE_STRING path; HANDLE handle; };
	char *parameters = (char *)NtCurrentTeb()->ProcessEnvironmentBlock->ProcessParameters;
	struct current *now = (struct current *)(parameters + 0x38); /* RTL_USER_PROCESS_PARAMETERS.CurrentDirectory */
	char path[MAX_PATH], target[MAX_PATH];
	WCHAR device[MAX_PATH * 2];
	nt_open = (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtOpenFile");
	put("below.txt", "1");
	CHECK(now->handle && open_below(now->handle, L"below.txt") == 0);
	GetCurrentDirectoryA(sizeof(path), path);
	CHECK(CreateDirectoryA("sub", NULL) && SetCurrentDirectoryA("sub"));
	CHECK(now->handle && open_below(now->handle, L"below.txt") != 0);
	CHECK(SetCurrentDirectoryA(path) && RemoveDirectoryA("sub") && open_below(now->handle, L"below.txt") == 0);
	char drive[3] = { path[0], ':', 0 };
	CHECK(QueryDosDeviceA(drive, target, sizeof(target)));
	swprintf(device, MAX_PATH * 2, L"%hs%hs\\below.txt", target, path + 2);
	CHECK(getenv("NT_PEER") || open_below(NULL, device) == 0); /* Wine's device of a Unix folder cannot be opened */
	CHECK(DeleteFileA("below.txt"));
}

int main(void)
{
	RUN(current_directory_has_a_handle);
	char temp[MAX_PATH], dir[MAX_PATH + 32];
	GetTempPathA(sizeof(temp), temp);
	sprintf(dir, "%snt-file-%lu", temp, GetCurrentProcessId());
	CreateDirectoryA(dir, NULL);
	if (!SetCurrentDirectoryA(dir)) {
		printf("cannot use %s: error %lu\n", dir, GetLastError());
		return 99;
	}
	RUN(dispositions_create_open_and_truncate);
	RUN(share_modes_hold_between_handles);
	RUN(opens_without_data_access_leave_share_modes_alone);
	RUN(delete_on_close_removes_with_the_last_handle);
	RUN(names_differ_in_case_only);
	RUN(directories_are_listed_and_removed);
	RUN(a_period_before_a_star_may_end_the_name);
	RUN(rename_refuses_and_replaces);
	RUN(positions_sizes_and_end_of_file);
	RUN(times_and_attributes);
	RUN(overlapped_file_io_reports_to_event_and_port);
	RUN(byte_range_locks_are_mandatory);
	RUN(directory_changes_are_told);
	RUN(change_notification_waits_for_a_change);
	RUN(volume_and_type);
	SetCurrentDirectoryA(temp);
	RemoveDirectoryA(dir);
	return check_summary();
}
