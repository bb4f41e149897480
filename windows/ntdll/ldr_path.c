// SPDX-License-Identifier: MIT
/* Search paths of LoadLibrary and CreateProcess, and the directories that programs add to them. */
#include "loader.h"

#define SYSTEM_DIRECTORIES L"C:\\Windows\\System32;C:\\Windows\\System;C:\\Windows"
#define SYSTEM32 L"C:\\Windows\\System32"
#define LOAD_SEARCH_FLAGS (LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_APPLICATION_DIR | LOAD_LIBRARY_SEARCH_USER_DIRS | \
	LOAD_LIBRARY_SEARCH_SYSTEM32 | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS)
#define ENVIRONMENT_LIMIT 32767u

struct dll_directory { LIST_ENTRY link; SIZE_T characters; WCHAR path[]; };
static LIST_ENTRY dll_directories = { &dll_directories, &dll_directories };
static RTL_SRWLOCK directory_lock;
static UNICODE_STRING set_directory; /* SetDllDirectory: Buffer NULL = not set, empty = leave the current directory out */
static ULONG default_flags;
static ULONG path_mode;

/* A string that grows; failed when memory ended. */
struct builder { WCHAR *text; SIZE_T used, size; bool failed; };
static void append(struct builder *builder, const WCHAR *text, SIZE_T count)
{
	if (builder->used + count + 2 > builder->size && !builder->failed) {
		SIZE_T size = (builder->used + count + 2) * 2;
		WCHAR *grown = heap_allocate(size * sizeof(WCHAR));
		builder->failed = !grown;
		if (grown) {
			memcpy(grown, builder->text, builder->used * sizeof(WCHAR));
			heap_free(builder->text);
			builder->text = grown;
			builder->size = size;
		}
	}
	if (builder->failed || !count)
		return;
	if (builder->used)
		builder->text[builder->used++] = ';';
	memcpy(builder->text + builder->used, text, count * sizeof(WCHAR));
	builder->used += count;
}
static NTSTATUS finish(struct builder *builder, PWSTR *path)
{
	append(builder, L"", 0);
	if (builder->failed) {
		heap_free(builder->text);
		return STATUS_NO_MEMORY;
	}
	builder->text[builder->used] = 0;
	*path = builder->text;
	return STATUS_SUCCESS;
}
static SIZE_T directory_characters(const WCHAR *path, SIZE_T characters)
{
	while (characters && path[characters - 1] != '\\' && path[characters - 1] != '/')
		characters--;
	return characters > 3 ? characters - 1 : characters; /* keep the separator of C:\ */
}
static void append_program_directory(struct builder *builder)
{
	const UNICODE_STRING *image = &current_peb()->ProcessParameters->ImagePathName;
	append(builder, image->Buffer, directory_characters(image->Buffer, image->Length / sizeof(WCHAR)));
}
static void append_environment(struct builder *builder)
{
	UNICODE_STRING name = { 8, 10, (PWSTR)L"PATH" }, value = { 0, 0, NULL };
	if (RtlQueryEnvironmentVariable_U(NULL, &name, &value) != STATUS_BUFFER_TOO_SMALL)
		return;
	USHORT bytes = (USHORT)(value.Length + sizeof(WCHAR));
	value = (UNICODE_STRING){ 0, bytes, heap_allocate(bytes) };
	if (value.Buffer && !RtlQueryEnvironmentVariable_U(NULL, &name, &value))
		append(builder, value.Buffer, value.Length / sizeof(WCHAR));
	heap_free(value.Buffer);
}
static void append_user_directories(struct builder *builder)
{
	RtlAcquireSRWLockShared(&directory_lock);
	for (LIST_ENTRY *link = dll_directories.Blink; link != &dll_directories; link = link->Blink) {
		const struct dll_directory *directory = CONTAINING_RECORD(link, struct dll_directory, link);
		append(builder, directory->path, directory->characters);
	}
	append(builder, set_directory.Buffer, set_directory.Length / sizeof(WCHAR));
	RtlReleaseSRWLockShared(&directory_lock);
}
static bool is_absolute(const WCHAR *path)
{
	return path && path[0] && (path[1] == ':' || (path[0] == '\\' && path[1] == '\\'));
}
static void build_flags(struct builder *builder, const WCHAR *module, ULONG flags)
{
	if (flags & LOAD_LIBRARY_SEARCH_DEFAULT_DIRS)
		flags |= LOAD_LIBRARY_SEARCH_APPLICATION_DIR | LOAD_LIBRARY_SEARCH_USER_DIRS | LOAD_LIBRARY_SEARCH_SYSTEM32;
	if ((flags & LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR) && is_absolute(module))
		append(builder, module, directory_characters(module, wcslen(module)));
	if (flags & LOAD_LIBRARY_SEARCH_APPLICATION_DIR)
		append_program_directory(builder);
	if (flags & LOAD_LIBRARY_SEARCH_USER_DIRS)
		append_user_directories(builder);
	if (flags & LOAD_LIBRARY_SEARCH_SYSTEM32)
		append(builder, SYSTEM32, ARRAYSIZE(SYSTEM32) - 1);
}
static void build_default(struct builder *builder, const WCHAR *module, ULONG flags)
{
	const WCHAR *last = (flags & LOAD_WITH_ALTERED_SEARCH_PATH) && module ? wcsrchr(module, '\\') : NULL;
	if (last) /* a relative one counts too, one with slashes does not */
		append(builder, module, directory_characters(module, (SIZE_T)(last + 1 - module)));
	else
		append_program_directory(builder);
	RtlAcquireSRWLockShared(&directory_lock);
	bool directory_set = set_directory.Buffer != NULL;
	append(builder, set_directory.Buffer, set_directory.Length / sizeof(WCHAR));
	RtlReleaseSRWLockShared(&directory_lock);
	append(builder, SYSTEM_DIRECTORIES, ARRAYSIZE(SYSTEM_DIRECTORIES) - 1);
	if (!directory_set)
		append(builder, L".", 1); /* safe search mode: behind the system directories */
	append_environment(builder);
}
NTSTATUS NTAPI LdrGetDllPath(PCWSTR module, ULONG flags, PWSTR *path, PWSTR *unknown)
{
	struct builder builder = { 0 };
	*unknown = NULL;
	*path = NULL;
	if ((flags & LOAD_WITH_ALTERED_SEARCH_PATH) && (flags & LOAD_SEARCH_FLAGS))
		return STATUS_INVALID_PARAMETER;
	if ((flags & LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR) && module && !is_absolute(module))
		return STATUS_INVALID_PARAMETER;
	if (!(flags & (LOAD_SEARCH_FLAGS | LOAD_WITH_ALTERED_SEARCH_PATH)))
		flags |= default_flags;
	if (flags & LOAD_SEARCH_FLAGS)
		build_flags(&builder, module, flags);
	else
		build_default(&builder, module, flags);
	return finish(&builder, path);
}
void NTAPI RtlReleasePath(PWSTR path)
{
	heap_free(path);
}
NTSTATUS NTAPI RtlGetSearchPath(PWSTR *path);
NTSTATUS NTAPI RtlGetSearchPath(PWSTR *path)
{
	struct builder builder = { 0 };
	append_program_directory(&builder);
	if (!(path_mode & BASE_SEARCH_PATH_ENABLE_SAFE_SEARCHMODE))
		append(&builder, L".", 1);
	append(&builder, SYSTEM_DIRECTORIES, ARRAYSIZE(SYSTEM_DIRECTORIES) - 1);
	if (path_mode & BASE_SEARCH_PATH_ENABLE_SAFE_SEARCHMODE)
		append(&builder, L".", 1);
	append_environment(&builder);
	return finish(&builder, path);
}
/* Where CreateProcess looks for a program given without directory. */
NTSTATUS NTAPI RtlGetExePath(PCWSTR name, PWSTR *path);
NTSTATUS NTAPI RtlGetExePath(PCWSTR name, PWSTR *path)
{
	struct builder builder = { 0 };
	UNICODE_STRING variable = { 66, 68, (PWSTR)L"NoDefaultCurrentDirectoryInExePath" }, value = { 0, 0, NULL };
	variable.Length = (USHORT)(wcslen(variable.Buffer) * sizeof(WCHAR));
	bool current = wcschr(name, '\\') || RtlQueryEnvironmentVariable_U(NULL, &variable, &value) == STATUS_VARIABLE_NOT_FOUND;
	append_program_directory(&builder);
	if (current)
		append(&builder, L".", 1);
	append(&builder, SYSTEM_DIRECTORIES, ARRAYSIZE(SYSTEM_DIRECTORIES) - 1);
	append_environment(&builder);
	return finish(&builder, path);
}
NTSTATUS NTAPI RtlSetSearchPathMode(ULONG flags);
NTSTATUS NTAPI RtlSetSearchPathMode(ULONG flags)
{
	static bool permanent;
	switch (flags) {
	case BASE_SEARCH_PATH_ENABLE_SAFE_SEARCHMODE:
	case BASE_SEARCH_PATH_DISABLE_SAFE_SEARCHMODE:
		if (permanent)
			return STATUS_ACCESS_DENIED;
		path_mode = flags;
		return STATUS_SUCCESS;
	case BASE_SEARCH_PATH_ENABLE_SAFE_SEARCHMODE | BASE_SEARCH_PATH_PERMANENT:
		permanent = true;
		path_mode = BASE_SEARCH_PATH_ENABLE_SAFE_SEARCHMODE;
		return STATUS_SUCCESS;
	default:
		return STATUS_INVALID_PARAMETER;
	}
}
NTSTATUS NTAPI LdrSetDllDirectory(const UNICODE_STRING *directory);
NTSTATUS NTAPI LdrSetDllDirectory(const UNICODE_STRING *directory)
{
	UNICODE_STRING copy = { 0, 0, NULL };
	if (directory->Buffer) {
		USHORT room = (USHORT)(directory->Length + sizeof(WCHAR));
		copy = (UNICODE_STRING){ directory->Length, room, heap_allocate(room) };
		if (!copy.Buffer)
			return STATUS_NO_MEMORY;
		memcpy(copy.Buffer, directory->Buffer, directory->Length);
		copy.Buffer[copy.Length / sizeof(WCHAR)] = 0;
	}
	RtlAcquireSRWLockExclusive(&directory_lock);
	PWSTR old = set_directory.Buffer;
	set_directory = copy;
	RtlReleaseSRWLockExclusive(&directory_lock);
	heap_free(old);
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI LdrGetDllDirectory(UNICODE_STRING *directory);
NTSTATUS NTAPI LdrGetDllDirectory(UNICODE_STRING *directory)
{
	NTSTATUS status = STATUS_SUCCESS;
	RtlAcquireSRWLockShared(&directory_lock);
	directory->Length = (USHORT)(set_directory.Length + sizeof(WCHAR));
	if (directory->MaximumLength >= directory->Length) {
		memcpy(directory->Buffer, set_directory.Buffer ? set_directory.Buffer : L"", set_directory.Length);
		directory->Length = set_directory.Length;
		directory->Buffer[set_directory.Length / sizeof(WCHAR)] = 0;
	} else {
		status = STATUS_BUFFER_TOO_SMALL;
		if (directory->MaximumLength)
			directory->Buffer[0] = 0;
	}
	RtlReleaseSRWLockShared(&directory_lock);
	return status;
}
NTSTATUS NTAPI LdrSetDefaultDllDirectories(ULONG flags);
NTSTATUS NTAPI LdrSetDefaultDllDirectories(ULONG flags)
{
	const ULONG allowed = LOAD_LIBRARY_SEARCH_APPLICATION_DIR | LOAD_LIBRARY_SEARCH_USER_DIRS | LOAD_LIBRARY_SEARCH_SYSTEM32 |
		LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
	if (!flags || (flags & ~allowed))
		return STATUS_INVALID_PARAMETER;
	default_flags = flags;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI LdrAddDllDirectory(const UNICODE_STRING *directory, void **cookie);
NTSTATUS NTAPI LdrAddDllDirectory(const UNICODE_STRING *directory, void **cookie)
{
	if (!is_absolute(directory->Buffer))
		return STATUS_INVALID_PARAMETER;
	struct dll_directory *entry = heap_allocate(sizeof(*entry) + directory->Length + sizeof(WCHAR));
	if (!entry)
		return STATUS_NO_MEMORY;
	entry->characters = directory->Length / sizeof(WCHAR);
	memcpy(entry->path, directory->Buffer, directory->Length);
	entry->path[entry->characters] = 0;
	RtlAcquireSRWLockExclusive(&directory_lock);
	list_insert_tail(&dll_directories, &entry->link);
	RtlReleaseSRWLockExclusive(&directory_lock);
	*cookie = entry;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI LdrRemoveDllDirectory(void *cookie);
NTSTATUS NTAPI LdrRemoveDllDirectory(void *cookie)
{
	NTSTATUS status = STATUS_INVALID_PARAMETER;
	RtlAcquireSRWLockExclusive(&directory_lock);
	for (LIST_ENTRY *link = dll_directories.Flink; link != &dll_directories; link = link->Flink)
		if (link == cookie) {
			list_remove(link);
			heap_free(link);
			status = STATUS_SUCCESS;
			break;
		}
	RtlReleaseSRWLockExclusive(&directory_lock);
	return status;
}
/* No execution options are kept for any program. */
NTSTATUS NTAPI LdrQueryImageFileExecutionOptions(const UNICODE_STRING *key, PCWSTR value, ULONG type, void *data, ULONG bytes,
	ULONG *needed);
NTSTATUS NTAPI LdrQueryImageFileExecutionOptions(const UNICODE_STRING *key, PCWSTR value, ULONG type, void *data, ULONG bytes,
	ULONG *needed)
{
	return STATUS_OBJECT_NAME_NOT_FOUND;
}
