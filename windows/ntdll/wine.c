// SPDX-License-Identifier: MIT
/* Private names that Debian's DLLs import from their own ntdll: versions and path translation (debug channels: rtl_debug.c). */
#include <ntdll.h>

const char *__cdecl wine_get_version(void);
const char *__cdecl wine_get_version(void)
{
	return "8.0";
}
void __cdecl wine_get_host_version(const char **system, const char **release);
void __cdecl wine_get_host_version(const char **system, const char **release)
{
	if (system)
		*system = "Ambos";
	if (release)
		*release = "1";
}
/* There is no wineserver. */
unsigned __cdecl wine_server_call(void *request);
unsigned __cdecl wine_server_call(void *request)
{
	return (unsigned)STATUS_NOT_IMPLEMENTED;
}

/* \??\C:\x is /system/drive_c/x, \??\Z:\x is /x (docs/design/windows.md). */
#define DRIVE_C "/system/drive_c"
NTSTATUS __cdecl wine_nt_to_unix_file_name(const OBJECT_ATTRIBUTES *attributes, char *name, ULONG *size, ULONG disposition);
NTSTATUS __cdecl wine_nt_to_unix_file_name(const OBJECT_ATTRIBUTES *attributes, char *name, ULONG *size, ULONG disposition)
{
	const UNICODE_STRING *nt = attributes->ObjectName;
	SIZE_T characters = nt->Length / sizeof(WCHAR);
	if (attributes->RootDirectory || characters < 6 || memcmp(nt->Buffer, L"\\??\\", 8) || nt->Buffer[5] != ':')
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	WCHAR drive = nt->Buffer[4] | 32;
	const char *prefix = drive == 'c' ? DRIVE_C : "";
	if (drive != 'c' && drive != 'z')
		return STATUS_NO_SUCH_DEVICE;
	DWORD bytes = 0, before = (DWORD)strlen(prefix);
	RtlUnicodeToUTF8N(NULL, 0, &bytes, nt->Buffer + 6, (DWORD)((characters - 6) * sizeof(WCHAR)));
	ULONG needed = before + (bytes ? bytes : 1) + 1;
	if (!name || *size < needed) {
		*size = needed;
		return STATUS_BUFFER_TOO_SMALL;
	}
	memcpy(name, prefix, before);
	RtlUnicodeToUTF8N(name + before, bytes, &bytes, nt->Buffer + 6, (DWORD)((characters - 6) * sizeof(WCHAR)));
	if (!bytes)
		name[before + bytes++] = '/';
	for (DWORD i = before; i < before + bytes; i++)
		if (name[i] == '\\')
			name[i] = '/';
	name[before + bytes] = 0;
	*size = needed;
	return STATUS_SUCCESS;
}
NTSTATUS __cdecl wine_unix_to_nt_file_name(const char *name, WCHAR *buffer, ULONG *size);
NTSTATUS __cdecl wine_unix_to_nt_file_name(const char *name, WCHAR *buffer, ULONG *size)
{
	const char *rest = name;
	const WCHAR *prefix = L"\\??\\Z:";
	if (name[0] != '/')
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	if (!strncmp(name, DRIVE_C, sizeof(DRIVE_C) - 1) && (name[sizeof(DRIVE_C) - 1] == '/' || !name[sizeof(DRIVE_C) - 1])) {
		prefix = L"\\??\\C:";
		rest = name + sizeof(DRIVE_C) - 1;
	}
	DWORD bytes = 0;
	RtlUTF8ToUnicodeN(NULL, 0, &bytes, rest, (DWORD)strlen(rest));
	ULONG needed = 6 + bytes / sizeof(WCHAR) + 1 + !*rest;
	if (!buffer || *size < needed) {
		*size = needed;
		return STATUS_BUFFER_TOO_SMALL;
	}
	memcpy(buffer, prefix, 6 * sizeof(WCHAR));
	RtlUTF8ToUnicodeN(buffer + 6, bytes, &bytes, rest, (DWORD)strlen(rest));
	SIZE_T end = 6 + bytes / sizeof(WCHAR);
	if (end == 6)
		buffer[end++] = '\\';
	for (SIZE_T i = 6; i < end; i++)
		if (buffer[i] == '/')
			buffer[i] = '\\';
	buffer[end] = 0;
	*size = needed;
	return STATUS_SUCCESS;
}
