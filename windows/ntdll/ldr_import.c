// SPDX-License-Identifier: MIT
/* Exports, forwarders and imports of mapped modules. Modules of the process start come bound by loaderd; this binds what
 * comes at run time and answers GetProcAddress and delayed imports. */
#include "loader.h"

static void *at(const struct module *module, ULONG rva)
{
	return rva < module->ldr.SizeOfImage ? (char *)module->ldr.DllBase + rva : NULL;
}
static const IMAGE_EXPORT_DIRECTORY *exports_of(const struct module *module, ULONG *size)
{
	return RtlImageDirectoryEntryToData(module->ldr.DllBase, TRUE, IMAGE_DIRECTORY_ENTRY_EXPORT, size);
}
#define FORWARDER_NAME_LIMIT 260u
/* "library.function" or "library.#ordinal"; the library part may hold dots. */
static PVOID forwarded(struct module *module, const char *forwarder)
{
	WCHAR library[FORWARDER_NAME_LIMIT];
	SIZE_T dot = 0, length = strlen(forwarder);
	for (SIZE_T i = 0; i < length; i++)
		if (forwarder[i] == '.')
			dot = i;
	if (!dot || dot + sizeof(".dll") > FORWARDER_NAME_LIMIT)
		return NULL;
	for (SIZE_T i = 0; i < dot; i++)
		library[i] = (unsigned char)forwarder[i];
	memcpy(library + dot, L".dll", sizeof(L".dll"));
	UNICODE_STRING name = { (USHORT)((dot + 4) * sizeof(WCHAR)), (USHORT)((dot + 5) * sizeof(WCHAR)), library };
	struct module *target = NULL;
	SIZE_T host_characters;
	const WCHAR *host = api_set_host(library, dot + 4, &host_characters);
	target = host ? module_by_name(host, host_characters) : module_by_name(library, dot + 4);
	if (!target && (module_load(NULL, &name, 0, &target) || module_attach(target, NULL)))
		return NULL;
	const char *function = forwarder + dot + 1;
	if (*function != '#')
		return module_export(target, function, 0, module);
	ULONG ordinal = 0;
	for (function++; *function >= '0' && *function <= '9'; function++)
		ordinal = ordinal * 10 + (ULONG)(*function - '0');
	return module_export(target, NULL, ordinal, module);
}
static PVOID export_at(struct module *module, const IMAGE_EXPORT_DIRECTORY *exports, ULONG size, ULONG index)
{
	const ULONG *functions = at(module, exports->AddressOfFunctions);
	if (!functions || index >= exports->NumberOfFunctions || !functions[index])
		return NULL;
	char *address = at(module, functions[index]);
	if (address >= (const char *)exports && address < (const char *)exports + size)
		return forwarded(module, address);
	return address;
}
/* By name, or by ordinal when name is NULL. importer: for forwarders' messages only, may be NULL. */
PVOID module_export(struct module *module, const char *name, ULONG ordinal, struct module *importer)
{
	ULONG size = 0;
	const IMAGE_EXPORT_DIRECTORY *exports = exports_of(module, &size);
	if (!exports)
		return NULL;
	if (!name)
		return export_at(module, exports, size, ordinal - exports->Base);
	const ULONG *names = at(module, exports->AddressOfNames);
	const WORD *ordinals = at(module, exports->AddressOfNameOrdinals);
	ULONG low = 0, high = names && ordinals ? exports->NumberOfNames : 0;
	while (low < high) {
		ULONG middle = (low + high) / 2;
		const char *candidate = at(module, names[middle]);
		int order = candidate ? strcmp(candidate, name) : -1;
		if (!order)
			return export_at(module, exports, size, ordinals[middle]);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A stub for an import that does not exist: mov rcx, module; mov rdx, function; mov rax, AmbosMissingImport; jmp rax. */
#define STUB_BYTES 32u
static const char *ordinal_text(ULONG ordinal)
{
	char *text = heap_allocate(16), *end = text;
	char digits[11];
	int count = 0;
	if (!text)
		return "?";
	do
		digits[count++] = (char)('0' + ordinal % 10);
	while (ordinal /= 10);
	*end++ = '#';
	while (count)
		*end++ = digits[--count];
	*end = 0;
	return text;
}
PVOID import_missing_stub(const char *module, const char *function, ULONG ordinal)
{
	static unsigned char *page;
	static ULONG used;
	if (!page || used + STUB_BYTES > PAGE_BYTES) {
		void *fresh = NULL;
		SIZE_T bytes = PAGE_BYTES;
		if (NtAllocateVirtualMemory(NtCurrentProcess(), &fresh, 0, &bytes, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE))
			return NULL;
		page = fresh;
		used = 0;
	}
	unsigned char *stub = page + used;
	const void *values[3] = { module, function ? function : ordinal_text(ordinal), (const void *)AmbosMissingImport };
	static const unsigned char operations[3][2] = { { 0x48, 0xb9 }, { 0x48, 0xba }, { 0x48, 0xb8 } };
	for (unsigned i = 0; i < 3; i++) {
		memcpy(stub + i * 10, operations[i], 2);
		memcpy(stub + i * 10 + 2, &values[i], sizeof(void *));
	}
	stub[30] = 0xff;
	stub[31] = 0xe0;
	used += STUB_BYTES;
	return stub;
}
static NTSTATUS protect(void *start, SIZE_T bytes, ULONG protection, ULONG *old)
{
	return NtProtectVirtualMemory(NtCurrentProcess(), &start, &bytes, protection, old);
}
static NTSTATUS write_pointer(void **where, void *value)
{
	ULONG old;
	NTSTATUS status = protect(where, sizeof(*where), PAGE_READWRITE, &old);
	if (!status) {
		*where = value;
		status = protect(where, sizeof(*where), old, &old);
	}
	return status;
}
static PVOID import_address(struct module *module, struct module *from, const char *library, ULONG64 thunk)
{
	ULONG ordinal = (ULONG)(thunk & 0xffff);
	const IMAGE_IMPORT_BY_NAME *by_name = IMAGE_SNAP_BY_ORDINAL64(thunk) ? NULL : at(module, (ULONG)thunk);
	const char *name = by_name ? (const char *)by_name->Name : NULL;
	PVOID address = module_export(from, name, ordinal, module);
	return address ? address : import_missing_stub(library, name, ordinal);
}
/* The pages of an address table are made writable for the time of the writes. */
static NTSTATUS bind_descriptor(struct module *module, struct module *from, const IMAGE_IMPORT_DESCRIPTOR *descriptor, const char *library)
{
	const ULONG64 *names = at(module, descriptor->OriginalFirstThunk ? descriptor->OriginalFirstThunk : descriptor->FirstThunk);
	void **addresses = at(module, descriptor->FirstThunk);
	ULONG count = 0, old = 0;
	NTSTATUS status;
	if (!names || !addresses)
		return STATUS_INVALID_IMAGE_FORMAT;
	while (names[count])
		count++;
	if (!count)
		return STATUS_SUCCESS;
	if ((status = protect(addresses, count * sizeof(*addresses), PAGE_READWRITE, &old)))
		return status;
	for (ULONG i = 0; i < count && !status; i++) {
		PVOID address = import_address(module, from, library, names[i]);
		if (!address)
			status = STATUS_NO_MEMORY;
		else if (addresses[i] != address)
			addresses[i] = address;
	}
	protect(addresses, count * sizeof(*addresses), old, &old);
	return status;
}
static NTSTATUS load_import(struct module *module, const char *library, struct module **from)
{
	WCHAR wide[FORWARDER_NAME_LIMIT];
	SIZE_T length = strlen(library);
	if (length >= FORWARDER_NAME_LIMIT)
		return STATUS_NAME_TOO_LONG;
	for (SIZE_T i = 0; i <= length; i++)
		wide[i] = (unsigned char)library[i];
	UNICODE_STRING name = { (USHORT)(length * sizeof(WCHAR)), (USHORT)((length + 1) * sizeof(WCHAR)), wide };
	return module_load(NULL, &name, 0, from);
}
NTSTATUS module_bind_imports(struct module *module)
{
	ULONG size = 0, count = 0;
	const IMAGE_IMPORT_DESCRIPTOR *first = RtlImageDirectoryEntryToData(module->ldr.DllBase, TRUE, IMAGE_DIRECTORY_ENTRY_IMPORT, &size);
	NTSTATUS status = STATUS_SUCCESS;
	if (!first)
		return status;
	while (first[count].Name && first[count].FirstThunk)
		count++;
	module->dependencies = heap_allocate(count * sizeof(struct module *) + 1);
	if (!module->dependencies)
		return STATUS_NO_MEMORY;
	for (ULONG i = 0; i < count && !status; i++) {
		const char *library = at(module, first[i].Name);
		struct module *from = NULL;
		if (!library)
			return STATUS_INVALID_IMAGE_FORMAT;
		if ((status = load_import(module, library, &from)))
			break;
		module->dependencies[module->dependency_count++] = from;
		status = bind_descriptor(module, from, &first[i], library);
	}
	return status;
}
/* Names of Wine that programs use to tell it from Windows: imported by its own DLLs, hidden from look-ups by name. */
static bool hidden(const struct module *module, const char *name)
{
	return module == ntdll_module && name && name[0] == 'w' && name[1] == 'i' && name[2] == 'n' && name[3] == 'e' && name[4] == '_';
}
NTSTATUS NTAPI LdrGetProcedureAddress(HMODULE base, const ANSI_STRING *name, ULONG ordinal, PVOID *address)
{
	char text[512];
	const char *wanted = NULL;
	NTSTATUS status = STATUS_PROCEDURE_NOT_FOUND;
	if (name && name->Length) {
		if (name->Length >= sizeof(text))
			return status;
		memcpy(text, name->Buffer, name->Length);
		text[name->Length] = 0;
		wanted = text;
	}
	loader_lock();
	struct module *module = module_of_base(base);
	if (!module) {
		status = STATUS_DLL_NOT_FOUND;
	} else if (!hidden(module, wanted)) {
		PVOID found = module_export(module, wanted, ordinal, NULL);
		if (found) {
			*address = found;
			status = STATUS_SUCCESS;
		}
	}
	loader_unlock();
	return status;
}

/* Delayed imports: the first call through a thunk comes here. */
typedef struct {
	ULONG Size;
	const IMAGE_DELAYLOAD_DESCRIPTOR *DelayloadDescriptor;
	PIMAGE_THUNK_DATA ThunkAddress;
	LPCSTR TargetDllName;
	struct { ULONG ImportDescribedByName; union { LPCSTR Name; ULONG Ordinal; } Description; } TargetApiDescriptor;
	PVOID TargetModuleBase, Unused;
	DWORD LastError;
} delay_info;
typedef PVOID(WINAPI *delay_failure_hook)(ULONG notification, delay_info *info);
typedef PVOID(WINAPI *delay_system_hook)(LPCSTR library, LPCSTR function);
#define DELAYLOAD_GPA_FAILURE 4
static NTSTATUS delay_module(struct module *module, const char *library, HMODULE *handle, struct module **from)
{
	NTSTATUS status = STATUS_SUCCESS;
	if (*handle && (*from = module_of_base(*handle)))
		return status;
	if (!(status = load_import(module, library, from)))
		status = module_attach(*from, NULL);
	if (!status)
		write_pointer((void **)handle, (*from)->ldr.DllBase);
	return status;
}
PVOID NTAPI LdrResolveDelayLoadedAPI(PVOID base, const IMAGE_DELAYLOAD_DESCRIPTOR *descriptor, delay_failure_hook failure_hook,
	delay_system_hook system_hook, IMAGE_THUNK_DATA *thunk, ULONG flags);
PVOID NTAPI LdrResolveDelayLoadedAPI(PVOID base, const IMAGE_DELAYLOAD_DESCRIPTOR *descriptor, delay_failure_hook failure_hook,
	delay_system_hook system_hook, IMAGE_THUNK_DATA *thunk, ULONG flags)
{
	const char *image = base;
	const IMAGE_THUNK_DATA *table = (const void *)(image + descriptor->ImportAddressTableRVA);
	const IMAGE_THUNK_DATA *names = (const void *)(image + descriptor->ImportNameTableRVA);
	const char *library = image + descriptor->DllNameRVA;
	ULONG64 entry = names[thunk - table].u1.AddressOfData;
	bool by_ordinal = IMAGE_SNAP_BY_ORDINAL64(entry);
	const char *name = by_ordinal ? NULL : (const char *)((const IMAGE_IMPORT_BY_NAME *)(image + (ULONG)entry))->Name;
	struct module *from = NULL;
	PVOID address = NULL;
	loader_lock();
	struct module *module = module_of_base(base);
	if (module && !delay_module(module, library, (HMODULE *)(image + descriptor->ModuleHandleRVA), &from))
		address = module_export(from, name, (ULONG)(entry & 0xffff), module);
	if (address)
		write_pointer((void **)thunk, address);
	loader_unlock();
	if (address)
		return address;
	delay_info info = { .Size = sizeof(info), .DelayloadDescriptor = descriptor, .ThunkAddress = thunk, .TargetDllName = library,
		.TargetModuleBase = from ? from->ldr.DllBase : NULL, .LastError = ERROR_PROC_NOT_FOUND };
	info.TargetApiDescriptor.ImportDescribedByName = !by_ordinal;
	info.TargetApiDescriptor.Description.Name = name;
	if (by_ordinal)
		info.TargetApiDescriptor.Description.Ordinal = (ULONG)(entry & 0xffff);
	if (failure_hook && (address = failure_hook(DELAYLOAD_GPA_FAILURE, &info)))
		return address;
	if (system_hook)
		return system_hook(library, by_ordinal ? (LPCSTR)(entry & 0xffff) : name);
	return import_missing_stub(library, name, (ULONG)(entry & 0xffff));
}
