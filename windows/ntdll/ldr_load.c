// SPDX-License-Identifier: MIT
/* Loading and unloading at run time: find (API set, loaded list, known DLLs, search path), map, relocate, bind, attach.
 * A module that a load brings holds one reference on each of its imports; a cycle of imports is never unloaded. */
#include "actctx.h"

#define LOADER_PATH_LIMIT 1024u
struct dll_name { WCHAR text[LOADER_PATH_LIMIT]; SIZE_T characters; bool has_path; };

static bool separator(WCHAR c) { return c == '\\' || c == '/'; }
/* The name as asked, ".dll" added when its last part has no dot, a trailing dot removed. */
static NTSTATUS name_normalise(const UNICODE_STRING *wanted, struct dll_name *name)
{
	SIZE_T count = wanted->Length / sizeof(WCHAR);
	bool dot = false;
	while (count && wanted->Buffer[count - 1] == ' ')
		count--;
	if (!count)
		return STATUS_INVALID_PARAMETER;
	if (count + 5 > LOADER_PATH_LIMIT)
		return STATUS_NAME_TOO_LONG;
	name->has_path = false;
	for (SIZE_T i = 0; i < count; i++) {
		name->text[i] = wanted->Buffer[i];
		if (separator(wanted->Buffer[i])) {
			name->has_path = true;
			dot = false;
		} else if (wanted->Buffer[i] == '.') {
			dot = true;
		}
	}
	if (count > 1 && name->text[1] == ':')
		name->has_path = true;
	if (name->text[count - 1] == '.') {
		count--;
	} else if (!dot) {
		memcpy(name->text + count, L".dll", 4 * sizeof(WCHAR));
		count += 4;
	}
	name->text[count] = 0;
	name->characters = count;
	return STATUS_SUCCESS;
}
static const WCHAR *base_name(const WCHAR *path)
{
	const WCHAR *base = path;
	for (const WCHAR *p = path; *p; p++)
		if (separator(*p) || (*p == ':' && p == path + 1))
			base = p + 1;
	return base;
}
static UNICODE_STRING text_of(const WCHAR *text)
{
	USHORT bytes = (USHORT)(wcslen(text) * sizeof(WCHAR));
	return (UNICODE_STRING){ bytes, (USHORT)(bytes + sizeof(WCHAR)), (PWSTR)text };
}
static NTSTATUS open_known(const WCHAR *name, HANDLE *section)
{
	WCHAR path[LOADER_PATH_LIMIT + 16] = L"\\KnownDlls\\";
	wcscpy(path + 11, name);
	UNICODE_STRING text = text_of(path);
	OBJECT_ATTRIBUTES attributes = object_named(&text);
	return NtOpenSection(section, SECTION_MAP_READ | SECTION_MAP_EXECUTE | SECTION_QUERY, &attributes);
}
static NTSTATUS open_file_section(const WCHAR *dos_path, HANDLE *section)
{
	UNICODE_STRING nt;
	IO_STATUS_BLOCK io;
	HANDLE file;
	NTSTATUS status = RtlDosPathNameToNtPathName_U_WithStatus(dos_path, &nt, NULL, NULL);
	if (status)
		return status;
	OBJECT_ATTRIBUTES attributes = object_named(&nt);
	status = NtOpenFile(&file, FILE_READ_DATA | FILE_EXECUTE | SYNCHRONIZE, &attributes, &io, FILE_SHARE_READ | FILE_SHARE_DELETE,
		FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE);
	RtlFreeUnicodeString(&nt);
	if (status)
		return status;
	status = NtCreateSection(section, SECTION_MAP_READ | SECTION_MAP_EXECUTE | SECTION_MAP_WRITE | SECTION_QUERY, NULL, NULL,
		PAGE_EXECUTE_READ, SEC_IMAGE, file);
	NtClose(file);
	return status;
}
static bool means_absent(NTSTATUS status)
{
	return status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_PATH_NOT_FOUND || status == STATUS_NO_SUCH_FILE ||
		status == STATUS_OBJECT_NAME_INVALID || status == STATUS_OBJECT_PATH_SYNTAX_BAD || status == STATUS_FILE_IS_A_DIRECTORY ||
		status == STATUS_OBJECT_PATH_INVALID || status == STATUS_NOT_A_DIRECTORY;
}
/* Directories of a search path, each tried with the name. full receives the path that opened. */
static NTSTATUS open_on_path(const WCHAR *search, const struct dll_name *name, WCHAR *full, HANDLE *section)
{
	while (*search) {
		SIZE_T count = 0;
		while (search[count] && search[count] != ';')
			count++;
		if (count && count + name->characters + 2 < LOADER_PATH_LIMIT) {
			memcpy(full, search, count * sizeof(WCHAR));
			SIZE_T end = count;
			if (!separator(full[end - 1]))
				full[end++] = '\\';
			memcpy(full + end, name->text, (name->characters + 1) * sizeof(WCHAR));
			NTSTATUS status = open_file_section(full, section);
			if (!means_absent(status))
				return status;
		}
		search += count;
		if (*search)
			search++;
	}
	return STATUS_DLL_NOT_FOUND;
}
static void system_path(const WCHAR *name, WCHAR *full)
{
	wcscpy(full, L"C:\\Windows\\System32\\");
	wcscpy(full + 20, name);
}
static NTSTATUS find_section(const WCHAR *search, const struct dll_name *name, WCHAR *full, HANDLE *section)
{
	if (name->has_path) {
		if (!RtlGetFullPathName_U(name->text, LOADER_PATH_LIMIT * sizeof(WCHAR), full, NULL))
			return STATUS_DLL_NOT_FOUND;
		NTSTATUS status = open_file_section(full, section);
		return means_absent(status) ? STATUS_DLL_NOT_FOUND : status;
	}
	if (!open_known(name->text, section)) {
		system_path(name->text, full);
		return STATUS_SUCCESS;
	}
	PWSTR path = NULL, unused = NULL;
	if (!search && !LdrGetDllPath(name->text, 0, &path, &unused))
		search = path;
	NTSTATUS status = search ? open_on_path(search, name, full, section) : STATUS_DLL_NOT_FOUND;
	if (path)
		RtlReleasePath(path);
	return status;
}
/* Behind the entries; NULL: one of a kind that this machine has not. */
IMAGE_BASE_RELOCATION *NTAPI LdrProcessRelocationBlock(void *page, UINT count, USHORT *entries, INT_PTR delta);
IMAGE_BASE_RELOCATION *NTAPI LdrProcessRelocationBlock(void *page, UINT count, USHORT *entries, INT_PTR delta)
{
	for (UINT i = 0; i < count; i++) {
		char *where = (char *)page + (entries[i] & 0xfff);
		switch (entries[i] >> 12) {
		case IMAGE_REL_BASED_ABSOLUTE: break; /* padding */
		case IMAGE_REL_BASED_HIGH: *(WORD *)where += (WORD)(delta >> 16); break;
		case IMAGE_REL_BASED_LOW: *(WORD *)where += (WORD)delta; break;
		case IMAGE_REL_BASED_HIGHLOW: *(ULONG *)where += (ULONG)delta; break;
		case IMAGE_REL_BASED_DIR64: *(ULONG64 *)where += (ULONG64)delta; break;
		default: return NULL;
		}
	}
	return (IMAGE_BASE_RELOCATION *)(entries + count);
}
static NTSTATUS relocate(void *base, const IMAGE_NT_HEADERS *nt)
{
	ULONG64 delta = (ULONG64)(ULONG_PTR)base - nt->OptionalHeader.ImageBase;
	ULONG bytes = 0;
	char *block = RtlImageDirectoryEntryToData(base, TRUE, IMAGE_DIRECTORY_ENTRY_BASERELOC, &bytes), *end = block + bytes;
	if (!delta)
		return STATUS_SUCCESS;
	if (!block || (nt->FileHeader.Characteristics & IMAGE_FILE_RELOCS_STRIPPED))
		return STATUS_CONFLICTING_ADDRESSES;
	while (block + sizeof(IMAGE_BASE_RELOCATION) <= end) {
		const IMAGE_BASE_RELOCATION *header = (const void *)block;
		if (header->SizeOfBlock < sizeof(*header) || header->VirtualAddress >= nt->OptionalHeader.SizeOfImage)
			break;
		void *page = (char *)base + header->VirtualAddress, *start = page;
		SIZE_T covered = 2 * PAGE_BYTES; /* a value may reach into the next page */
		ULONG old;
		NTSTATUS status = NtProtectVirtualMemory(NtCurrentProcess(), &start, &covered, PAGE_READWRITE, &old);
		if (status) {
			start = page;
			covered = PAGE_BYTES;
			if ((status = NtProtectVirtualMemory(NtCurrentProcess(), &start, &covered, PAGE_READWRITE, &old)))
				return status;
		}
		UINT count = (UINT)((header->SizeOfBlock - sizeof(*header)) / sizeof(WORD));
		if (!LdrProcessRelocationBlock(page, count, (USHORT *)(header + 1), (INT_PTR)delta))
			status = STATUS_INVALID_IMAGE_FORMAT;
		NtProtectVirtualMemory(NtCurrentProcess(), &start, &covered, old, &old);
		if (status)
			return status;
		block += header->SizeOfBlock;
	}
	return STATUS_SUCCESS;
}
enum { VIEW_SHARE = 1 };
static NTSTATUS map_module(HANDLE section, const WCHAR *full, struct module **module)
{
	void *base = NULL;
	SIZE_T size = 0;
	NTSTATUS status = NtMapViewOfSection(section, NtCurrentProcess(), &base, 0, 0, NULL, &size, VIEW_SHARE, 0, PAGE_EXECUTE_READ);
	if (!NT_SUCCESS(status))
		return status;
	IMAGE_NT_HEADERS *nt = RtlImageNtHeader(base);
	if (!nt || nt->FileHeader.Machine != IMAGE_FILE_MACHINE_AMD64)
		status = STATUS_INVALID_IMAGE_FORMAT;
	else if (status == STATUS_IMAGE_NOT_AT_BASE)
		status = relocate(base, nt);
	UNICODE_STRING path = text_of(full), name = text_of(base_name(full));
	if (NT_SUCCESS(status) && !(*module = module_add(base, &path, &name)))
		status = STATUS_NO_MEMORY;
	if (!NT_SUCCESS(status)) {
		NtUnmapViewOfSection(NtCurrentProcess(), base);
		return status;
	}
	(*module)->mapped_here = true;
	return STATUS_SUCCESS;
}
static void reference(struct module *module)
{
	if (module->references != LOAD_COUNT_PINNED)
		module->ldr.LoadCount = (SHORT)++module->references;
}
static void unmap(struct module *module)
{
	void *base = module->ldr.DllBase;
	bool mapped = module->mapped_here;
	tls_module_remove(module);
	module_remove(module);
	if (mapped)
		NtUnmapViewOfSection(NtCurrentProcess(), base);
}
/* One reference less; the last one detaches and unloads, then releases what it imports. */
void module_release(struct module *module)
{
	if (module->references == LOAD_COUNT_PINNED || --module->references > 0) {
		module->ldr.LoadCount = (SHORT)module->references;
		return;
	}
	bool attached = module->ldr.Flags & LDRP_PROCESS_ATTACHED;
	module->ldr.Flags |= LDRP_UNLOAD_IN_PROGRESS;
	module_detach(module, NULL);
	if (attached)
		notify_loaded(2, module);
	struct module **dependencies = module->dependencies;
	ULONG count = module->dependency_count;
	module->dependencies = NULL;
	unmap(module);
	for (ULONG i = count; i-- > 0;)
		module_release(dependencies[i]);
	heap_free(dependencies);
}
static struct module *already_loaded(const struct dll_name *name)
{
	if (!name->has_path)
		return module_by_name(name->text, name->characters);
	WCHAR full[LOADER_PATH_LIMIT];
	if (!RtlGetFullPathName_U(name->text, sizeof(full), full, NULL))
		return NULL;
	UNICODE_STRING path = text_of(full);
	return module_by_path(&path);
}
static NTSTATUS resolve_name(const UNICODE_STRING *wanted, struct dll_name *name)
{
	NTSTATUS status = name_normalise(wanted, name);
	SIZE_T characters;
	const WCHAR *host = status || name->has_path ? NULL : api_set_host(name->text, name->characters, &characters);
	if (host && characters < LOADER_PATH_LIMIT) {
		memcpy(name->text, host, characters * sizeof(WCHAR));
		name->text[characters] = 0;
		name->characters = characters;
	}
	return status;
}
/* Into the place that the active context has for a DLL's bare name. */
static void redirect(struct dll_name *name, WCHAR *full)
{
	HANDLE file;
	if (name->has_path || !context_dll_path(name->text, name->characters, full, LOADER_PATH_LIMIT) || open_file_section(full, &file))
		return;
	NtClose(file);
	wcscpy(name->text, full);
	name->characters = wcslen(full);
	name->has_path = true;
}
/* Loads, binds and gives TLS; the caller attaches. The module has one more reference. */
NTSTATUS module_load(const WCHAR *search_path, const UNICODE_STRING *wanted, ULONG flags, struct module **module)
{
	struct dll_name *name = heap_allocate(sizeof(*name) + LOADER_PATH_LIMIT * sizeof(WCHAR));
	if (!name)
		return STATUS_NO_MEMORY;
	WCHAR *full = (WCHAR *)(name + 1);
	HANDLE section = NULL;
	NTSTATUS status = resolve_name(wanted, name);
	if (!status)
		redirect(name, full);
	if (!status && (*module = already_loaded(name))) {
		reference(*module);
		heap_free(name);
		return STATUS_SUCCESS;
	}
	if (!status)
		status = find_section(search_path, name, full, &section);
	if (NT_SUCCESS(status)) {
		status = map_module(section, full, module);
		NtClose(section);
	}
	heap_free(name);
	if (status)
		return status;
	if (!(flags & DONT_RESOLVE_DLL_REFERENCES))
		status = module_bind_imports(*module);
	if (!status)
		status = tls_module_add(*module);
	if (status)
		module_release(*module);
	return status;
}
#define FLAGS_LIMIT 0x10000u /* Windows has a pointer where Wine's kernelbase passes the flags themselves */
NTSTATUS NTAPI LdrLoadDll(const WCHAR *path, ULONG *flags_or_pointer, const UNICODE_STRING *name, HMODULE *handle)
{
	ULONG flags = (ULONG_PTR)flags_or_pointer < FLAGS_LIMIT ? (ULONG)(ULONG_PTR)flags_or_pointer : *flags_or_pointer;
	struct module *module = NULL;
	if ((ULONG_PTR)path < FLAGS_LIMIT)
		path = NULL; /* flags of newer Windows: the default path */
	loader_lock();
	NTSTATUS status = module_load(path, name, flags, &module);
	if (!status && !(flags & DONT_RESOLVE_DLL_REFERENCES) && !process_detaching && (status = module_attach(module, NULL)))
		module_release(module);
	loader_unlock();
	*handle = status ? NULL : module->ldr.DllBase;
	return status;
}
NTSTATUS NTAPI LdrUnloadDll(HMODULE handle)
{
	loader_lock();
	struct module *module = module_of_base(handle);
	if (module && !process_detaching)
		module_release(module);
	loader_unlock();
	return module || process_detaching ? STATUS_SUCCESS : STATUS_DLL_NOT_FOUND;
}
static void pin(struct module *module)
{
	module->references = LOAD_COUNT_PINNED;
	module->ldr.LoadCount = LOAD_COUNT_PINNED;
	for (ULONG i = 0; i < module->dependency_count; i++)
		if (module->dependencies[i]->references != LOAD_COUNT_PINNED)
			pin(module->dependencies[i]);
}
#define ADDREF_PIN 1u
NTSTATUS NTAPI LdrAddRefDll(ULONG flags, HMODULE handle);
NTSTATUS NTAPI LdrAddRefDll(ULONG flags, HMODULE handle)
{
	if (flags & ~ADDREF_PIN)
		return STATUS_INVALID_PARAMETER;
	loader_lock();
	struct module *module = module_of_base(handle);
	if (module && (flags & ADDREF_PIN))
		pin(module);
	else if (module)
		reference(module);
	loader_unlock();
	return module ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
#define HANDLE_UNCHANGED_REFCOUNT 1u
#define HANDLE_PIN 2u
NTSTATUS NTAPI LdrGetDllHandleEx(ULONG flags, const WCHAR *path, ULONG *characteristics, const UNICODE_STRING *wanted, HMODULE *handle)
{
	if (flags & ~(HANDLE_UNCHANGED_REFCOUNT | HANDLE_PIN))
		return STATUS_INVALID_PARAMETER;
	struct dll_name *name = heap_allocate(sizeof(*name));
	if (!name)
		return STATUS_NO_MEMORY;
	loader_lock();
	NTSTATUS status = resolve_name(wanted, name);
	struct module *module = status ? NULL : already_loaded(name);
	if (!status && !module)
		status = STATUS_DLL_NOT_FOUND;
	if (module && (flags & HANDLE_PIN))
		pin(module);
	else if (module && !(flags & HANDLE_UNCHANGED_REFCOUNT))
		reference(module);
	if (handle)
		*handle = module ? module->ldr.DllBase : NULL;
	loader_unlock();
	heap_free(name);
	return status;
}
NTSTATUS NTAPI LdrGetDllHandle(const WCHAR *path, ULONG flags, const UNICODE_STRING *name, HMODULE *handle);
NTSTATUS NTAPI LdrGetDllHandle(const WCHAR *path, ULONG flags, const UNICODE_STRING *name, HMODULE *handle)
{
	return LdrGetDllHandleEx(HANDLE_UNCHANGED_REFCOUNT, path, NULL, name, handle);
}
