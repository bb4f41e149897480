// SPDX-License-Identifier: MIT
/* Volumes and their names: what the mount point manager tells, the Win32 functions above it, the volumes by their names.
 * C: and Z: are there in Wine too; its files cannot be opened by a volume's name (Windows' can), so there it is not asked. */
#include "check.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <winternl.h>

#define QUERY_POINTS 0x6d0008u
#define NAME_BYTES 256
#define GUID_NAME "\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\"
#define STATUS_BAD_PARAMETER ((NTSTATUS)0xc000000d)
#define STATUS_MORE_IS_THERE ((NTSTATUS)0x80000005)

static bool is_wine(void) { return getenv("NT_PEER") != NULL; }

static bool is_volume_name(const char *name)
{
	return strlen(name) == strlen(GUID_NAME) && !memcmp(name, GUID_NAME, 11) && name[19] == '-' && !strcmp(name + 47, "}\\");
}

static const char *volume_of(const char *root)
{
	static char name[NAME_BYTES];
	return GetVolumeNameForVolumeMountPointA(root, name, sizeof(name)) ? name : "none";
}

CASE(types_of_drives)
{
	CHECK(GetDriveTypeA("C:\\") == DRIVE_FIXED);
	CHECK(GetDriveTypeA("Z:\\") == DRIVE_FIXED);
	CHECK(GetDriveTypeW(L"C:\\") == DRIVE_FIXED);
	CHECK(GetDriveTypeA(NULL) == DRIVE_FIXED);
	CHECK(GetDriveTypeA("\\\\?\\C:\\") == DRIVE_FIXED);
	CHECK(GetDriveTypeA("Q:\\") == DRIVE_NO_ROOT_DIR);
	CHECK(GetDriveTypeA("C:\\missing\\") == DRIVE_NO_ROOT_DIR);
	CHECK(GetDriveTypeA("\\\\server\\share\\") == DRIVE_NO_ROOT_DIR);
	CHECK(GetDriveTypeA(GUID_NAME) == DRIVE_NO_ROOT_DIR);
}

CASE(each_volume_is_found_once)
{
	char name[NAME_BYTES], c[NAME_BYTES], z[NAME_BYTES];
	strcpy(c, volume_of("C:\\"));
	strcpy(z, volume_of("Z:\\"));
	CHECK(is_volume_name(c) && is_volume_name(z) && strcmp(c, z));
	HANDLE h = FindFirstVolumeA(name, sizeof(name));
	unsigned count = 0, seen = 0;
	CHECK(h != INVALID_HANDLE_VALUE);
	do {
		CHECK(is_volume_name(name));
		count++;
		seen += !strcmp(name, c) || !strcmp(name, z);
	} while (FindNextVolumeA(h, name, sizeof(name)));
	CHECK(GetLastError() == ERROR_NO_MORE_FILES);
	CHECK(count >= 2 && seen == 2);
	CHECK(FindVolumeClose(h));
	WCHAR small[10];
	CHECK_ERROR(FindFirstVolumeW(small, 10) != INVALID_HANDLE_VALUE, ERROR_FILENAME_EXCED_RANGE);
}

CASE(volume_name_of_a_mount_point)
{
	char name[NAME_BYTES];
	CHECK(GetVolumeNameForVolumeMountPointA("C:\\", name, 50) && is_volume_name(name));
	CHECK_ERROR(GetVolumeNameForVolumeMountPointA("C:\\", name, 49), ERROR_FILENAME_EXCED_RANGE);
	CHECK_ERROR(GetVolumeNameForVolumeMountPointA("C:", name, sizeof(name)), ERROR_INVALID_NAME);
	CHECK_ERROR(GetVolumeNameForVolumeMountPointA("Q:\\", name, sizeof(name)), ERROR_FILE_NOT_FOUND);
	CHECK_ERROR(GetVolumeNameForVolumeMountPointA("C:\\Windows\\", name, sizeof(name)), ERROR_NOT_A_REPARSE_POINT);
}

CASE(paths_of_a_volume)
{
	char paths[NAME_BYTES], name[NAME_BYTES];
	DWORD n = 0;
	strcpy(name, volume_of("Z:\\"));
	CHECK(GetVolumePathNamesForVolumeNameA(name, paths, sizeof(paths), &n) && n == 5 && !memcmp(paths, "Z:\\\0", 5));
	n = 0;
	CHECK_ERROR(GetVolumePathNamesForVolumeNameA(name, paths, 2, &n), ERROR_MORE_DATA);
	CHECK(n == 5);
	CHECK(GetVolumePathNamesForVolumeNameA(volume_of("C:\\"), paths, sizeof(paths), &n) && !memcmp(paths, "C:\\\0", 5));
	CHECK_ERROR(GetVolumePathNamesForVolumeNameA(GUID_NAME, paths, sizeof(paths), &n), ERROR_FILE_NOT_FOUND);
	name[strlen(name) - 1] = '\0';
	CHECK_ERROR(GetVolumePathNamesForVolumeNameA(name, paths, sizeof(paths), &n), ERROR_INVALID_NAME);
}

CASE(volume_path_of_a_path)
{
	char path[NAME_BYTES];
	CHECK(GetVolumePathNameA("C:\\Windows\\System32", path, sizeof(path)) && !strcmp(path, "C:\\"));
	CHECK(GetVolumePathNameA("Z:\\missing\\x", path, sizeof(path)) && !strcmp(path, "Z:\\"));
	CHECK(GetVolumePathNameA("\\\\?\\C:\\Windows", path, sizeof(path)) && !strcmp(path, "\\\\?\\C:\\"));
	CHECK_ERROR(GetVolumePathNameA("Q:\\a", path, sizeof(path)), ERROR_FILE_NOT_FOUND);
}

CASE(devices_of_drives_and_volume_names_agree)
{
	char drive[NAME_BYTES], volume[NAME_BYTES], name[NAME_BYTES];
	static const char *const roots[] = { "C:\\", "Z:\\" };
	for (unsigned i = 0; i < 2; i++) {
		char letter[3] = { roots[i][0], ':', '\0' };
		strcpy(name, volume_of(roots[i]) + 4);
		name[strlen(name) - 1] = '\0';
		CHECK(QueryDosDeviceA(letter, drive, sizeof(drive)) > 0);
		CHECK(QueryDosDeviceA(name, volume, sizeof(volume)) > 0);
		CHECK(!strcmp(drive, volume) && !strncmp(drive, "\\Device\\Harddisk", 16));
	}
	CHECK_ERROR(QueryDosDeviceA("Q:", drive, sizeof(drive)), ERROR_FILE_NOT_FOUND);
}

CASE(volume_information_by_volume_name)
{
	char name[NAME_BYTES], label[2][64], system[2][64];
	DWORD serial[2] = { 1, 2 }, longest[2] = { 0 }, flags[2] = { 0 };
	strcpy(name, volume_of("C:\\"));
	CHECK(GetVolumeInformationA("C:\\", label[0], 64, &serial[0], &longest[0], &flags[0], system[0], 64));
	CHECK(GetVolumeInformationA(name, label[1], 64, &serial[1], &longest[1], &flags[1], system[1], 64));
	CHECK(!strcmp(label[0], label[1]) && serial[0] == serial[1] && longest[0] == longest[1] && flags[0] == flags[1]);
	CHECK(!strcmp(system[0], system[1]));
	CHECK(!GetVolumeInformationA(GUID_NAME, label[0], 64, NULL, NULL, NULL, system[0], 64));
}

CASE(a_volume_is_opened_by_its_names)
{
	char name[NAME_BYTES];
	static const char *const devices[] = { "\\\\.\\C:", "\\\\.\\Z:" };
	for (unsigned i = 0; i < 2; i++) {
		strcpy(name, volume_of(i ? "Z:\\" : "C:\\"));
		name[strlen(name) - 1] = '\0';
		HANDLE h = CreateFileA(name, 0, 7, NULL, OPEN_EXISTING, 0, NULL);
		CHECK(h != INVALID_HANDLE_VALUE);
		CHECK(CloseHandle(h));
		if (is_wine() && i) /* there it is the disk under the root, which the host keeps to itself */
			continue;
		h = CreateFileA(devices[i], 0, 7, NULL, OPEN_EXISTING, 0, NULL);
		CHECK(h != INVALID_HANDLE_VALUE);
		CHECK(CloseHandle(h));
	}
	CHECK_ERROR(CreateFileA("\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}", 0, 7, NULL, OPEN_EXISTING, 0, NULL),
		ERROR_FILE_NOT_FOUND);
	if (!is_wine()) /* there the root of a disk may be readable as itself */
		CHECK_ERROR(CreateFileA("\\\\.\\C:", GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL), ERROR_ACCESS_DENIED);
}

CASE(files_by_volume_name)
{
	char name[NAME_BYTES], path[NAME_BYTES + 16], other[NAME_BYTES + 16];
	WIN32_FIND_DATAA found;
	if (is_wine())
		return;
	strcpy(name, volume_of("C:\\"));
	CHECK(GetDriveTypeA(name) == DRIVE_FIXED);
	CHECK(GetFileAttributesA(name) != INVALID_FILE_ATTRIBUTES && (GetFileAttributesA(name) & FILE_ATTRIBUTE_DIRECTORY));
	sprintf(path, "%sWINDOWS\\system32\\kernel32.DLL", name);
	CHECK(GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES);
	HANDLE h = CreateFileA(path, GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL);
	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(GetFinalPathNameByHandleA(h, other, sizeof(other), VOLUME_NAME_DOS) > 0 && !strncmp(other, "\\\\?\\C:\\Windows\\", 15));
	CloseHandle(h);
	sprintf(path, "%s*", name);
	h = FindFirstFileA(path, &found);
	CHECK(h != INVALID_HANDLE_VALUE);
	FindClose(h);
	sprintf(path, "%smissing\\x", name);
	CHECK_ERROR(GetFileAttributesA(path), ERROR_PATH_NOT_FOUND);
	path[strlen(name) - 1] = 'x'; /* no backslash after the name */
	CHECK(GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES);
}

CASE(final_path_with_volume_name)
{
	char path[NAME_BYTES], name[NAME_BYTES];
	WCHAR small[10];
	strcpy(name, volume_of("C:\\"));
	HANDLE h = CreateFileA("C:\\Windows", 0, 7, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
	CHECK(h != INVALID_HANDLE_VALUE);
	DWORD n = GetFinalPathNameByHandleA(h, path, sizeof(path), VOLUME_NAME_GUID);
	CHECK(n == strlen(path) && !strncmp(path, name, strlen(name)) && !_stricmp(path + strlen(name), "Windows"));
	CHECK(GetFinalPathNameByHandleW(h, small, 10, VOLUME_NAME_GUID) == n + 1);
	CHECK(GetFinalPathNameByHandleA(h, path, sizeof(path), VOLUME_NAME_NT) && !strncmp(path, "\\Device\\Harddisk", 16));
	CloseHandle(h);
}

/* ---- the manager itself ---- */
struct part { ULONG at; USHORT bytes, unused; };
struct request { struct part link, id, device; WCHAR text[100]; };
#define REQUEST_HEAD 24u
static union { UCHAR bytes[4096]; struct { ULONG size, count; struct { struct part link, id, device; } point[16]; } r; } reply;

static NTSTATUS control(ULONG code, const void *in, ULONG in_bytes, ULONG room, ULONG *information)
{
	static NTSTATUS(NTAPI *call)(HANDLE, HANDLE, PVOID, PVOID, IO_STATUS_BLOCK *, ULONG, PVOID, ULONG, PVOID, ULONG);
	IO_STATUS_BLOCK block = { .Information = 0x777 };
	if (!call)
		call = (void *)GetProcAddress(GetModuleHandleA("ntdll"), "NtDeviceIoControlFile");
	HANDLE h = CreateFileA("\\\\.\\MountPointManager", 0, 3, NULL, OPEN_EXISTING, 0, NULL);
	memset(reply.bytes, 0xcc, sizeof(reply.bytes));
	NTSTATUS st = call(h, NULL, NULL, NULL, &block, code, (void *)in, in_bytes, reply.bytes, room);
	*information = (ULONG)block.Information;
	CloseHandle(h);
	return st;
}

static bool part_is(const struct part *p, const WCHAR *text)
{
	ULONG bytes = (ULONG)wcslen(text) * 2;
	return p->bytes == bytes && p->at + bytes <= reply.r.size && !memcmp(reply.bytes + p->at, text, bytes);
}

CASE(manager_opens_with_any_rights)
{
	static const DWORD rights[] = { 0, FILE_READ_ATTRIBUTES, GENERIC_READ, GENERIC_READ | GENERIC_WRITE };
	char byte;
	DWORD n;
	for (unsigned i = 0; i < 4; i++) {
		HANDLE h = CreateFileA("\\\\.\\MountPointManager", rights[i], 3, NULL, OPEN_EXISTING, 0, NULL);
		CHECK(h != INVALID_HANDLE_VALUE);
		CHECK(!ReadFile(h, &byte, 1, &n, NULL) && !WriteFile(h, "x", 1, &n, NULL));
		CloseHandle(h);
	}
	CHECK(CreateFileA("\\\\.\\MountPointManager\\x", 0, 3, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
}

CASE(points_of_one_link)
{
	struct request q = { .link = { REQUEST_HEAD, 28, 0 }, .text = L"\\dosdevices\\c:" };
	WCHAR device[64] = L"";
	ULONG n;
	CHECK(control(QUERY_POINTS, &q, REQUEST_HEAD + 28, sizeof(reply), &n) == 0 && n == reply.r.size && reply.r.count == 1);
	CHECK(part_is(&reply.r.point[0].link, L"\\DosDevices\\C:"));
	CHECK(reply.r.point[0].id.bytes > 0 && reply.r.point[0].id.at + reply.r.point[0].id.bytes <= n);
	CHECK(QueryDosDeviceW(L"C:", device, 64) && part_is(&reply.r.point[0].device, device));
	q = (struct request){ .device = { REQUEST_HEAD, (USHORT)(wcslen(device) * 2), 0 } };
	wcscpy(q.text, device);
	CHECK(control(QUERY_POINTS, &q, sizeof(q), sizeof(reply), &n) == 0 && reply.r.count == 2);
	q.device.bytes -= 2;
	CHECK(control(QUERY_POINTS, &q, sizeof(q), sizeof(reply), &n) == 0 && reply.r.count == 0 && reply.r.size == 8 && n == 8);
}

CASE(points_into_small_buffers)
{
	struct request q = { .text = L"" };
	ULONG n, whole;
	CHECK(control(QUERY_POINTS, &q, REQUEST_HEAD, sizeof(reply), &whole) == 0 && whole == reply.r.size && reply.r.count >= 4);
	CHECK(control(QUERY_POINTS, &q, REQUEST_HEAD, whole, &n) == 0 && n == whole);
	CHECK(control(QUERY_POINTS, &q, REQUEST_HEAD, whole - 1, &n) == STATUS_MORE_IS_THERE && n == 4 && reply.r.size == whole);
	CHECK(reply.r.count == 0xcccccccc);
	CHECK(control(QUERY_POINTS, &q, REQUEST_HEAD, 32, &n) == STATUS_MORE_IS_THERE && reply.r.size == whole);
	CHECK(control(QUERY_POINTS, &q, REQUEST_HEAD, 31, &n) == STATUS_BAD_PARAMETER && n == 0x777);
	CHECK(control(QUERY_POINTS, &q, REQUEST_HEAD, 0, &n) == STATUS_BAD_PARAMETER);
}

CASE(bad_requests_are_refused)
{
	struct request q = { .link = { REQUEST_HEAD, 28, 0 }, .text = L"\\DosDevices\\C:" };
	ULONG n, size = REQUEST_HEAD + 28;
	CHECK(control(QUERY_POINTS, &q, REQUEST_HEAD - 1, sizeof(reply), &n) == STATUS_BAD_PARAMETER);
	CHECK(control(QUERY_POINTS, NULL, 0, sizeof(reply), &n) == STATUS_BAD_PARAMETER);
	CHECK(control(QUERY_POINTS, &q, size - 1, sizeof(reply), &n) == STATUS_BAD_PARAMETER);
	q.link.at = 0xfffffff8; /* wraps into the buffer */
	CHECK(control(QUERY_POINTS, &q, size, sizeof(reply), &n) == STATUS_BAD_PARAMETER);
	q.link.at = size;
	CHECK(control(QUERY_POINTS, &q, size, sizeof(reply), &n) == STATUS_BAD_PARAMETER);
	q.link = (struct part){ REQUEST_HEAD, 0xffff, 0 };
	CHECK(control(QUERY_POINTS, &q, size, sizeof(reply), &n) == STATUS_BAD_PARAMETER);
	q.link = (struct part){ REQUEST_HEAD, 27, 0 }; /* half a character */
	CHECK(control(QUERY_POINTS, &q, size, sizeof(reply), &n) == 0 && reply.r.count == 0);
	q.link.bytes = 28;
	q.device = (struct part){ 0xffffffff, 0xffff, 0 };
	CHECK(control(QUERY_POINTS, &q, size, sizeof(reply), &n) == STATUS_BAD_PARAMETER);
	q.device = (struct part){ 0, 0, 0 };
	q.id = (struct part){ size - 1, 2, 0 };
	CHECK(control(QUERY_POINTS, &q, size, sizeof(reply), &n) == STATUS_BAD_PARAMETER);
}

CASE(unknown_controls_are_refused)
{
	static const ULONG codes[] = { 0x6d0ffc, 0x70000 };
	struct request q = { .text = L"" };
	ULONG n;
	for (unsigned i = 0; i < 2; i++) {
		NTSTATUS st = control(codes[i], &q, sizeof(q), sizeof(reply), &n);
		CHECK(st == (NTSTATUS)(is_wine() ? 0xc00000bb : 0xc0000010)); /* Wine: not supported; Windows: no such request */
	}
	CHECK(control(0x6dc000 /* make a point */, &q, sizeof(q), sizeof(reply), &n) == (NTSTATUS)0xc0000022); /* asks for rights */
	CHECK(control(0x6dc004 /* take points away */, &q, sizeof(q), sizeof(reply), &n) == (NTSTATUS)0xc0000022);
}

int main(void)
{
	RUN(types_of_drives);
	RUN(each_volume_is_found_once);
	RUN(volume_name_of_a_mount_point);
	RUN(paths_of_a_volume);
	RUN(volume_path_of_a_path);
	RUN(devices_of_drives_and_volume_names_agree);
	RUN(volume_information_by_volume_name);
	RUN(a_volume_is_opened_by_its_names);
	RUN(files_by_volume_name);
	RUN(final_path_with_volume_name);
	RUN(manager_opens_with_any_rights);
	RUN(points_of_one_link);
	RUN(points_into_small_buffers);
	RUN(bad_requests_are_refused);
	RUN(unknown_controls_are_refused);
	return check_summary();
}
