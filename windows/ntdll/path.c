// SPDX-License-Identifier: MIT
/* DOS path names: kinds, full paths, NT names, the current directory. */
#include <ntdll.h>

enum path_kind { PATH_INVALID, PATH_UNC, PATH_ABSOLUTE_DRIVE, PATH_RELATIVE_DRIVE, PATH_ABSOLUTE, PATH_RELATIVE, PATH_DEVICE,
	PATH_UNC_DOT };
#define NT_PATH_LIMIT 32767u /* characters of a UNICODE_STRING */

static bool separator(WCHAR c) { return c == '\\' || c == '/'; }

ULONG NTAPI RtlDetermineDosPathNameType_U(PCWSTR path);
ULONG NTAPI RtlDetermineDosPathNameType_U(PCWSTR path)
{
	if (separator(path[0])) {
		if (!separator(path[1]))
			return PATH_ABSOLUTE;
		if (path[2] != '.' && path[2] != '?')
			return PATH_UNC;
		if (separator(path[3]))
			return PATH_DEVICE;
		return path[3] ? PATH_UNC : PATH_UNC_DOT;
	}
	if (!path[0] || path[1] != ':')
		return PATH_RELATIVE;
	return separator(path[2]) ? PATH_ABSOLUTE_DRIVE : PATH_RELATIVE_DRIVE;
}
static bool equal_ascii(const WCHAR *text, SIZE_T count, const char *name)
{
	for (SIZE_T i = 0; i < count; i++)
		if (!name[i] || (text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]) != (WCHAR)name[i])
			return false;
	return !name[count];
}
static bool device_word(const WCHAR *text, SIZE_T count)
{
	if (count == 3)
		return equal_ascii(text, 3, "aux") || equal_ascii(text, 3, "con") || equal_ascii(text, 3, "nul") || equal_ascii(text, 3, "prn");
	if (count == 4 && text[3] >= '1' && text[3] <= '9')
		return equal_ascii(text, 3, "com") || equal_ascii(text, 3, "lpt");
	return (count == 6 && equal_ascii(text, 6, "conin$")) || (count == 7 && equal_ascii(text, 7, "conout$"));
}
/* Low word: bytes of the device's name, high word: byte offset in path; 0: no device. */
ULONG NTAPI RtlIsDosDeviceName_U(PCWSTR path)
{
	ULONG kind = RtlDetermineDosPathNameType_U(path);
	SIZE_T start = 0, end = wcslen(path);
	if (kind == PATH_INVALID || kind == PATH_UNC || kind == PATH_UNC_DOT)
		return 0;
	if (kind == PATH_DEVICE)
		return end == 7 && equal_ascii(path + 4, 3, "con") && path[2] == '.' ? 8u << 16 | 6 : 0;
	if (end && path[end - 1] == ':')
		end--;
	for (SIZE_T i = 0; i < end; i++)
		if (separator(path[i]) || (i == 1 && path[1] == ':'))
			start = i + 1;
	if (start >= end)
		return 0;
	SIZE_T stop = start;
	while (stop < end && path[stop] != '.' && path[stop] != ':')
		stop++;
	while (stop > start && path[stop - 1] == ' ')
		stop--;
	if (!device_word(path + start, stop - start))
		return 0;
	return (ULONG)(start * sizeof(WCHAR)) << 16 | (ULONG)((stop - start) * sizeof(WCHAR));
}

/* Characters of the part that ".." cannot leave. */
static SIZE_T root_length(const WCHAR *path)
{
	switch (RtlDetermineDosPathNameType_U(path)) {
	case PATH_ABSOLUTE_DRIVE:
		return 3;
	case PATH_DEVICE:
		return 4;
	case PATH_UNC: {
		SIZE_T i = 2;
		for (int part = 0; part < 2; part++) {
			while (path[i] && !separator(path[i]))
				i++;
			while (separator(path[i]))
				i++;
		}
		return i;
	}
	default:
		return 0;
	}
}
/* In place: separators become one '\', "." and ".." go, dots and spaces at the end of the name go. */
static void collapse(WCHAR *path)
{
	SIZE_T root = root_length(path), from = root, to = root;
	for (SIZE_T i = 0; i < root; i++)
		if (path[i] == '/')
			path[i] = '\\';
	while (path[from]) {
		while (separator(path[from]))
			from++;
		SIZE_T start = from;
		while (path[from] && !separator(path[from]))
			from++;
		SIZE_T count = from - start;
		if (count == 1 && path[start] == '.') {
			if (!path[from] && to > root)
				to--; /* the separator of the name before */
			continue;
		}
		if (!count)
			continue;
		if (count == 2 && path[start] == '.' && path[start + 1] == '.') {
			while (to > root && separator(path[to - 1]))
				to--;
			while (to > root && !separator(path[to - 1]))
				to--;
			if (!path[from] && to > root)
				to--;
			continue;
		}
		if (to > root && path[to - 1] != '\\')
			path[to++] = '\\';
		memmove(path + to, path + start, count * sizeof(WCHAR));
		to += count;
		if (path[from] && path[to - 1] == '.' && !(count > 1 && path[to - 2] == '.'))
			to--; /* a directory's trailing dot */
		if (path[from])
			path[to++] = '\\', from++;
	}
	if (!(to > root && path[to - 1] == '\\'))
		while (to > root && (path[to - 1] == ' ' || path[to - 1] == '.'))
			to--;
	path[to] = 0;
}
static const UNICODE_STRING *current_directory(void) { return &current_peb()->ProcessParameters->CurrentDirectory.DosPath; }
static WCHAR *put(WCHAR *to, const WCHAR *from, SIZE_T count)
{
	memcpy(to, from, count * sizeof(WCHAR));
	return to + count;
}
/* What a name without root stands on, into buffer (room for the current directory, or 4): "C:" alone means its own directory. */
static WCHAR *put_base(WCHAR *to, const WCHAR *path, ULONG kind, SIZE_T *skip)
{
	const UNICODE_STRING *current = current_directory();
	SIZE_T count = current->Length / sizeof(WCHAR);
	*skip = 0;
	if (kind == PATH_RELATIVE)
		return put(to, current->Buffer, count);
	if (kind == PATH_ABSOLUTE) {
		SIZE_T root = root_length(current->Buffer);
		*skip = 1;
		return put(to, current->Buffer, root ? root : count);
	}
	if (kind == PATH_RELATIVE_DRIVE) {
		*skip = 2;
		if (count > 1 && (current->Buffer[0] | 32) == (path[0] | 32) && current->Buffer[1] == ':')
			return put(to, current->Buffer, count);
		WCHAR variable[] = { '=', path[0] & ~32, ':', 0 };
		UNICODE_STRING name = { 6, 8, variable }, value = { 0, MAX_PATH * sizeof(WCHAR), to };
		if (!RtlQueryEnvironmentVariable_U(NULL, &name, &value) && value.Length) {
			to += value.Length / sizeof(WCHAR);
			*to++ = '\\';
			return to;
		}
		*to++ = path[0];
		*to++ = ':';
		*to++ = '\\';
	}
	return to;
}
/* Heap string of the full path; NULL: no memory or too long. */
static WCHAR *full_path(const WCHAR *path)
{
	ULONG device = RtlIsDosDeviceName_U(path), kind = RtlDetermineDosPathNameType_U(path);
	SIZE_T length = wcslen(path), skip;
	if (length > NT_PATH_LIMIT)
		return NULL;
	RtlAcquirePebLock();
	WCHAR *full = heap_allocate((length + current_directory()->Length / sizeof(WCHAR) + MAX_PATH + 8) * sizeof(WCHAR)), *to = full;
	if (full && device) {
		to = put(to, L"\\\\.\\", 4);
		to = put(to, path + (device >> 17), (device & 0xffff) / sizeof(WCHAR));
		*to = 0;
	} else if (full && length == 3 && separator(path[0]) && separator(path[1]) && (path[2] == '.' || path[2] == '?')) {
		to = put(to, L"\\\\.\\", 5);
		full[2] = path[2];
	} else if (full) {
		to = put_base(to, path, kind, &skip);
		put(to, path + skip, length - skip + 1);
		collapse(full);
	}
	RtlReleasePebLock();
	return full;
}
/* The name behind the last separator, if it is not part of the root. */
static PWSTR file_part_of(PWSTR full)
{
	PWSTR last = full + wcslen(full);
	if (last > full && separator(last[-1]))
		return NULL;
	while (last > full && !separator(last[-1]))
		last--;
	return *last && (SIZE_T)(last - full) >= root_length(full) ? last : NULL;
}
ULONG NTAPI RtlGetFullPathName_U(PCWSTR name, ULONG bytes, PWSTR buffer, PWSTR *file_part)
{
	if (file_part)
		*file_part = NULL;
	if (!name || !*name)
		return 0;
	SIZE_T used = wcslen(name);
	while (used && name[used - 1] == ' ')
		used--;
	if (!used)
		return 0;
	WCHAR *full = full_path(name);
	if (!full)
		return 0;
	SIZE_T length = wcslen(full);
	ULONG result = (ULONG)(length * sizeof(WCHAR));
	if (result + sizeof(WCHAR) > bytes) {
		result += sizeof(WCHAR);
	} else {
		memcpy(buffer, full, result + sizeof(WCHAR));
		if (file_part)
			*file_part = RtlIsDosDeviceName_U(name) ? NULL : file_part_of(buffer);
	}
	heap_free(full);
	return result;
}
/* \\.\X and \\?\X become \??\X, \\server\share becomes \??\UNC\server\share, others get \??\ in front. */
static NTSTATUS nt_name(const WCHAR *full, UNICODE_STRING *nt)
{
	SIZE_T skip = 0, length = wcslen(full);
	const WCHAR *prefix = L"\\??\\";
	if (separator(full[0]) && separator(full[1])) {
		bool device = (full[2] == '.' || full[2] == '?') && (separator(full[3]) || !full[3]);
		skip = device ? (full[3] ? 4 : 3) : 2;
		prefix = device ? L"\\??\\" : L"\\??\\UNC\\";
	} else if (full[0] == '\\' && full[1] == '?') { /* it is one already */
		skip = 4;
	}
	SIZE_T before = wcslen(prefix), characters = before + length - skip;
	if (characters >= NT_PATH_LIMIT)
		return STATUS_NAME_TOO_LONG;
	nt->Buffer = heap_allocate((characters + 1) * sizeof(WCHAR));
	if (!nt->Buffer)
		return STATUS_NO_MEMORY;
	put(put(nt->Buffer, prefix, before), full + skip, length - skip + 1);
	nt->Length = (USHORT)(characters * sizeof(WCHAR));
	nt->MaximumLength = (USHORT)(nt->Length + sizeof(WCHAR));
	return STATUS_SUCCESS;
}
static SIZE_T blanks(const WCHAR *path)
{
	SIZE_T count = 0;
	while (path[count] == ' ')
		count++;
	return count;
}
BOOLEAN NTAPI RtlDoesFileExists_U(PCWSTR);
/* "C:\nowhere\nul" is no device: the folder before a device name has to exist. */
static bool device_directory_exists(const WCHAR *path)
{
	SIZE_T before = RtlIsDosDeviceName_U(path) >> 17;
	WCHAR *folder;
	bool exists = true;
	if (!before || !separator(path[before - 1]) || (separator(path[0]) && separator(path[1])))
		return true;
	folder = heap_allocate((before + 1) * sizeof(WCHAR));
	if (folder) {
		memcpy(folder, path, before * sizeof(WCHAR));
		folder[before] = 0;
		exists = RtlDoesFileExists_U(folder);
		heap_free(folder);
	}
	return exists;
}
NTSTATUS NTAPI RtlDosPathNameToNtPathName_U_WithStatus(PCWSTR path, PUNICODE_STRING nt, PWSTR *file_part, CURDIR *directory)
{
	NTSTATUS status;
	bool no_file = false;
	if (directory)
		memset(directory, 0, sizeof(*directory));
	if (file_part)
		*file_part = NULL;
	if (!path || !path[blanks(path)] || !device_directory_exists(path))
		return STATUS_OBJECT_NAME_INVALID;
	if (path[0] == '\\' && (path[1] == '\\' || (path[1] == '?' && path[2] && path[3] && path[4])) && path[2] == '?' && path[3] == '\\') {
		status = nt_name(path, nt); /* \\?\ and \??\: taken as they are */
	} else {
		WCHAR *full = full_path(path);
		if (!full)
			return STATUS_NO_MEMORY;
		status = *full ? nt_name(full, nt) : STATUS_OBJECT_NAME_INVALID;
		no_file = (RtlIsDosDeviceName_U(path) && !separator(path[1])) || !file_part_of(full);
		heap_free(full);
	}
	if (!status && file_part && !no_file) {
		PWSTR end = nt->Buffer + nt->Length / sizeof(WCHAR), last = end;
		while (last > nt->Buffer && last[-1] != '\\')
			last--;
		*file_part = last < end ? last : NULL;
	}
	return status;
}
BOOLEAN NTAPI RtlDosPathNameToNtPathName_U(PCWSTR path, PUNICODE_STRING nt, PWSTR *file_part, CURDIR *directory)
{
	return !RtlDosPathNameToNtPathName_U_WithStatus(path, nt, file_part, directory);
}
NTSTATUS NTAPI RtlDosPathNameToRelativeNtPathName_U_WithStatus(PCWSTR path, PUNICODE_STRING nt, PWSTR *file_part, void *relative);
NTSTATUS NTAPI RtlDosPathNameToRelativeNtPathName_U_WithStatus(PCWSTR path, PUNICODE_STRING nt, PWSTR *file_part, void *relative)
{
	if (relative)
		memset(relative, 0, sizeof(UNICODE_STRING) + 2 * sizeof(PVOID)); /* name, directory handle, reference: none */
	return RtlDosPathNameToNtPathName_U_WithStatus(path, nt, file_part, NULL);
}
BOOLEAN NTAPI RtlDosPathNameToRelativeNtPathName_U(PCWSTR path, PUNICODE_STRING nt, PWSTR *file_part, void *relative);
BOOLEAN NTAPI RtlDosPathNameToRelativeNtPathName_U(PCWSTR path, PUNICODE_STRING nt, PWSTR *file_part, void *relative)
{
	return !RtlDosPathNameToRelativeNtPathName_U_WithStatus(path, nt, file_part, relative);
}
void NTAPI RtlReleaseRelativeName(void *relative);
void NTAPI RtlReleaseRelativeName(void *relative)
{
}
BOOLEAN NTAPI RtlDoesFileExists_U(PCWSTR path);
BOOLEAN NTAPI RtlDoesFileExists_U(PCWSTR path)
{
	UNICODE_STRING nt;
	FILE_BASIC_INFORMATION info;
	if (RtlDosPathNameToNtPathName_U_WithStatus(path, &nt, NULL, NULL))
		return FALSE;
	OBJECT_ATTRIBUTES attributes = object_named(&nt);
	NTSTATUS status = NtQueryAttributesFile(&attributes, &info);
	RtlFreeUnicodeString(&nt);
	/* What exists but cannot be looked at exists. */
	return status == STATUS_SUCCESS || status == STATUS_SHARING_VIOLATION || status == STATUS_ACCESS_DENIED;
}
/* Bytes of the full path, with room for the NUL when buffer is too small; 0: not found. */
ULONG NTAPI RtlDosSearchPath_U(PCWSTR paths, PCWSTR name, PCWSTR extension, ULONG bytes, PWSTR buffer, PWSTR *file_part)
{
	ULONG kind = RtlDetermineDosPathNameType_U(name), result = 0;
	SIZE_T extra = 0, longest = 0, name_length = wcslen(name);
	if (kind != PATH_RELATIVE)
		return RtlDoesFileExists_U(name) ? RtlGetFullPathName_U(name, bytes, buffer, file_part) : 0;
	const WCHAR *last = wcsrchr(name, '\\');
	if (extension && !wcsrchr(last ? last : name, '.'))
		extra = wcslen(extension);
	for (const WCHAR *p = paths, *end; *p; p = *end ? end + 1 : end) {
		for (end = p; *end && *end != ';'; end++)
			;
		if ((SIZE_T)(end - p) > longest)
			longest = (SIZE_T)(end - p);
	}
	WCHAR *whole = heap_allocate((longest + name_length + extra + 2) * sizeof(WCHAR));
	for (const WCHAR *p = paths, *end; whole && *p && !result; p = *end ? end + 1 : end) {
		for (end = p; *end && *end != ';'; end++)
			;
		WCHAR *to = put(whole, p, (SIZE_T)(end - p));
		if (to > whole && !separator(to[-1]))
			*to++ = '\\';
		to = put(to, name, name_length);
		to = put(to, extension ? extension : L"", extra);
		*to = 0;
		if (RtlDoesFileExists_U(whole))
			result = RtlGetFullPathName_U(whole, bytes, buffer, file_part);
	}
	heap_free(whole);
	return result;
}
ULONG NTAPI RtlGetCurrentDirectory_U(ULONG bytes, PWSTR buffer)
{
	RtlAcquirePebLock();
	const UNICODE_STRING *current = current_directory();
	SIZE_T count = current->Length / sizeof(WCHAR);
	if (count > 3 && separator(current->Buffer[count - 1]))
		count--;
	ULONG length = (ULONG)(count * sizeof(WCHAR));
	if (length + sizeof(WCHAR) > bytes) {
		length += sizeof(WCHAR);
	} else {
		memcpy(buffer, current->Buffer, length);
		buffer[count] = 0;
	}
	RtlReleasePebLock();
	return length;
}
NTSTATUS path_open(const WCHAR *path, ACCESS_MASK access, ULONG share, ULONG options, ULONG attribute, HANDLE *handle)
{
	UNICODE_STRING nt;
	IO_STATUS_BLOCK io;
	NTSTATUS status = RtlDosPathNameToNtPathName_U_WithStatus(path, &nt, NULL, NULL);
	if (status)
		return status;
	OBJECT_ATTRIBUTES attributes = object_named(&nt);
	attributes.Attributes |= attribute;
	status = NtOpenFile(handle, access | SYNCHRONIZE, &attributes, &io, share, options | FILE_SYNCHRONOUS_IO_NONALERT);
	RtlFreeUnicodeString(&nt);
	return status;
}
static NTSTATUS open_directory(const WCHAR *path, HANDLE *handle)
{
	return path_open(path, FILE_TRAVERSE, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_DIRECTORY_FILE | FILE_OPEN_FOR_BACKUP_INTENT,
		OBJ_INHERIT, handle);
}
/* At the start: programs name files relative to this handle (Zig's run-time does). A folder that cannot be opened leaves it 0. */
void path_open_current_directory(void)
{
	CURDIR *current = &current_peb()->ProcessParameters->CurrentDirectory;
	if (open_directory(current->DosPath.Buffer, &current->Handle))
		current->Handle = NULL;
}
static NTSTATUS store_directory(const WCHAR *full, HANDLE handle, HANDLE *old)
{
	CURDIR *current = &current_peb()->ProcessParameters->CurrentDirectory;
	SIZE_T length = wcslen(full);
	if ((length + 2) * sizeof(WCHAR) > current->DosPath.MaximumLength)
		return STATUS_NAME_TOO_LONG;
	*old = current->Handle;
	current->Handle = handle;
	WCHAR *to = put(current->DosPath.Buffer, full, length);
	if (length && !separator(to[-1]))
		*to++ = '\\';
	*to = 0;
	current->DosPath.Length = (USHORT)((to - current->DosPath.Buffer) * sizeof(WCHAR));
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlSetCurrentDirectory_U(const UNICODE_STRING *directory);
NTSTATUS NTAPI RtlSetCurrentDirectory_U(const UNICODE_STRING *directory)
{
	HANDLE handle = NULL, old = NULL;
	WCHAR *text = heap_allocate(directory->Length + sizeof(WCHAR)), *full = NULL;
	NTSTATUS status = STATUS_NO_MEMORY;
	if (text) {
		memcpy(text, directory->Buffer, directory->Length);
		text[directory->Length / sizeof(WCHAR)] = 0;
		status = open_directory(text, &handle);
	}
	if (!status) {
		RtlAcquirePebLock();
		full = full_path(text);
		status = full ? store_directory(full, handle, &old) : STATUS_NO_MEMORY;
		RtlReleasePebLock();
		NtClose(status ? handle : old);
	}
	heap_free(full);
	heap_free(text);
	return status;
}
BOOLEAN NTAPI RtlAreLongPathsEnabled(void);
BOOLEAN NTAPI RtlAreLongPathsEnabled(void)
{
	return TRUE; /* no limit of MAX_PATH here */
}
ULONG NTAPI RtlGetLongestNtPathLength(void);
ULONG NTAPI RtlGetLongestNtPathLength(void)
{
	return MAX_PATH + 9;
}
static bool legal_short(WCHAR c)
{
	static const char refused[] = "*?<>|\"+=,;[]:/\\ .";
	for (const char *p = refused; *p; p++)
		if (c == (WCHAR)*p)
			return false;
	return c >= 0x20;
}
NTSTATUS NTAPI RtlUpcaseUnicodeStringToCountedOemString(STRING *, const UNICODE_STRING *, BOOLEAN);
/* 8.3 names of ASCII letters; the OEM copy is upper case, and made of a name of the right length even if it is not legal. */
BOOLEAN NTAPI RtlIsNameLegalDOS8Dot3(PUNICODE_STRING name, POEM_STRING oem, PBOOLEAN spaces)
{
	SIZE_T count = name->Length / sizeof(WCHAR), dot = count;
	bool space = false;
	if (count > 12)
		return FALSE;
	if (oem && RtlUpcaseUnicodeStringToCountedOemString(oem, name, FALSE))
		return FALSE;
	if (count && name->Buffer[0] == '.') {
		bool dots = count == 1 || (count == 2 && name->Buffer[1] == '.');
		if (dots && spaces)
			*spaces = FALSE;
		return dots;
	}
	for (SIZE_T i = 0; i < count; i++) {
		WCHAR c = name->Buffer[i];
		if (c == ' ') {
			if (!i || i == count - 1 || name->Buffer[i + 1] == '.')
				return FALSE;
			space = true;
		} else if (c == '.') {
			if (dot != count)
				return FALSE;
			dot = i;
		} else if (!legal_short(c)) {
			return FALSE;
		}
	}
	if (dot > 8 || (dot != count && (count - dot > 4 || count - dot == 1)))
		return FALSE;
	if (spaces)
		*spaces = space;
	return TRUE;
}
