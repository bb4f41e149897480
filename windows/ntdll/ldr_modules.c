// SPDX-License-Identifier: MIT
/* The module list: PEB.Ldr with its three lists, look-ups by address, name and path, and the functions that show it. */
#include "loader.h"
#include <nt/runtime.h>

PEB_LDR_DATA loader_data;
RTL_CRITICAL_SECTION loader_section;
struct module *main_module, *ntdll_module, *kernel32_module;
static struct module *last_found; /* of module_of_address: call sites repeat */

void list_insert_tail(LIST_ENTRY *head, LIST_ENTRY *entry)
{
	entry->Flink = head;
	entry->Blink = head->Blink;
	head->Blink->Flink = entry;
	head->Blink = entry;
}
void list_remove(LIST_ENTRY *entry)
{
	entry->Blink->Flink = entry->Flink;
	entry->Flink->Blink = entry->Blink;
	entry->Flink = entry->Blink = entry;
}
bool names_equal(const WCHAR *a, SIZE_T a_characters, const WCHAR *b, SIZE_T b_characters)
{
	if (a_characters != b_characters)
		return false;
	for (SIZE_T i = 0; i < a_characters; i++)
		if (a[i] != b[i] && RtlUpcaseUnicodeChar(a[i]) != RtlUpcaseUnicodeChar(b[i]))
			return false;
	return true;
}
static bool copy_text(UNICODE_STRING *to, const UNICODE_STRING *from)
{
	to->Buffer = heap_allocate(from->Length + sizeof(WCHAR));
	if (!to->Buffer)
		return false;
	memcpy(to->Buffer, from->Buffer, from->Length);
	to->Buffer[from->Length / sizeof(WCHAR)] = 0;
	to->Length = from->Length;
	to->MaximumLength = (USHORT)(from->Length + sizeof(WCHAR));
	return true;
}
static ULONG name_hash(const UNICODE_STRING *name)
{
	ULONG hash = 0;
	for (ULONG i = 0; i < name->Length / sizeof(WCHAR); i++)
		hash = hash * 65599 + RtlUpcaseUnicodeChar(name->Buffer[i]);
	return hash;
}
struct module *module_add(void *base, const UNICODE_STRING *path, const UNICODE_STRING *name)
{
	IMAGE_NT_HEADERS *nt = RtlImageNtHeader(base);
	struct module *module = nt ? heap_allocate_zeroed(sizeof(*module)) : NULL;
	if (!module)
		return NULL;
	LDR_DATA_TABLE_ENTRY *ldr = &module->ldr;
	if (!copy_text(&ldr->FullDllName, path)) {
		heap_free(module);
		return NULL;
	}
	ULONG skip = path->Length - name->Length;
	ldr->BaseDllName = (UNICODE_STRING){ name->Length, (USHORT)(name->Length + sizeof(WCHAR)),
		ldr->FullDllName.Buffer + skip / sizeof(WCHAR) };
	ldr->DllBase = base;
	ldr->SizeOfImage = nt->OptionalHeader.SizeOfImage;
	ldr->TimeDateStamp = nt->FileHeader.TimeDateStamp;
	ldr->OriginalBase = nt->OptionalHeader.ImageBase;
	ldr->BaseNameHashValue = name_hash(&ldr->BaseDllName);
	ldr->TlsIndex = NO_TLS_INDEX;
	ldr->LoadCount = 1;
	ldr->ReferenceCount = 1;
	module->references = 1;
	if (nt->FileHeader.Characteristics & IMAGE_FILE_DLL)
		ldr->Flags = LDRP_IMAGE_DLL;
	if (nt->OptionalHeader.AddressOfEntryPoint)
		ldr->EntryPoint = (char *)base + nt->OptionalHeader.AddressOfEntryPoint;
	list_insert_tail(&loader_data.InLoadOrderModuleList, &ldr->InLoadOrderLinks);
	list_insert_tail(&loader_data.InMemoryOrderModuleList, &ldr->InMemoryOrderLinks);
	ldr->InInitializationOrderLinks.Flink = ldr->InInitializationOrderLinks.Blink = &ldr->InInitializationOrderLinks;
	ldr->HashLinks.Flink = ldr->HashLinks.Blink = &ldr->HashLinks;
	ldr->NodeModuleLink.Flink = ldr->NodeModuleLink.Blink = &ldr->NodeModuleLink;
	return module;
}
void module_remove(struct module *module)
{
	list_remove(&module->ldr.InLoadOrderLinks);
	list_remove(&module->ldr.InMemoryOrderLinks);
	list_remove(&module->ldr.InInitializationOrderLinks);
	if (last_found == module)
		last_found = NULL;
	heap_free(module->dependencies);
	heap_free(module->ldr.FullDllName.Buffer);
	heap_free(module);
}
struct module *module_of_base(const void *base)
{
	struct module *module;
	FOR_EACH_MODULE(module, link) {
		if (module->ldr.DllBase == base)
			return module;
	}
	return NULL;
}
static bool contains(const struct module *module, const void *address)
{
	return (ULONG_PTR)address - (ULONG_PTR)module->ldr.DllBase < module->ldr.SizeOfImage;
}
struct module *module_of_address(const void *address)
{
	struct module *module = last_found;
	if (module && contains(module, address))
		return module;
	FOR_EACH_MODULE(module, link) {
		if (contains(module, address))
			return last_found = module;
	}
	return NULL;
}
struct module *module_by_name(const WCHAR *name, SIZE_T characters)
{
	struct module *module;
	FOR_EACH_MODULE(module, link) {
		if (names_equal(module->ldr.BaseDllName.Buffer, module->ldr.BaseDllName.Length / sizeof(WCHAR), name, characters))
			return module;
	}
	return NULL;
}
struct module *module_by_path(const UNICODE_STRING *path)
{
	struct module *module;
	FOR_EACH_MODULE(module, link) {
		if (names_equal(module->ldr.FullDllName.Buffer, module->ldr.FullDllName.Length / sizeof(WCHAR), path->Buffer,
			path->Length / sizeof(WCHAR)))
			return module;
	}
	return NULL;
}
static UNICODE_STRING blob_text(struct windows_text text)
{
	return (UNICODE_STRING){ (USHORT)text.bytes, (USHORT)(text.bytes + sizeof(WCHAR)),
		(PWSTR)(text.offset ? runtime_at(text.offset) : L"") };
}
static NTSTATUS module_from_blob(const struct windows_module *source)
{
	UNICODE_STRING path = blob_text(source->path), name = blob_text(source->name);
	if (name.Length > path.Length)
		path = name;
	struct module *module = module_add((void *)source->base, &path, &name);
	if (!module)
		return STATUS_NO_MEMORY;
	module->references = module->ldr.LoadCount = LOAD_COUNT_PINNED;
	module->is_system = source->flags & WINDOWS_MODULE_SYSTEM;
	module->ldr.Flags |= LDRP_STATIC_LINK;
	module->ldr.EntryPoint = (void *)source->entry;
	static const WCHAR kernel32[] = L"kernel32.dll";
	if (source->flags & WINDOWS_MODULE_MAIN) {
		main_module = module;
		module->is_main = true;
	} else if (source->flags & WINDOWS_MODULE_NTDLL) {
		ntdll_module = module;
		module->ldr.EntryPoint = NULL;
	} else if (names_equal(name.Buffer, name.Length / sizeof(WCHAR), kernel32, ARRAYSIZE(kernel32) - 1)) {
		kernel32_module = module;
	}
	return STATUS_SUCCESS;
}
static struct module *module_at(ULONG index)
{
	LIST_ENTRY *link = loader_data.InLoadOrderModuleList.Flink;
	while (index--)
		link = link->Flink;
	return MODULE_OF(link, InLoadOrderLinks);
}
static void list_reset(LIST_ENTRY *head)
{
	head->Flink = head->Blink = head;
}
/* The lists of a new process. Dependencies are indices of the same order as the list. */
NTSTATUS modules_from_blob(void)
{
	const struct windows_module *source = runtime_at(runtime_blob->modules);
	ULONG count = runtime_blob->module_count;
	loader_data.Length = sizeof(loader_data);
	loader_data.Initialized = TRUE;
	list_reset(&loader_data.InLoadOrderModuleList);
	list_reset(&loader_data.InMemoryOrderModuleList);
	list_reset(&loader_data.InInitializationOrderModuleList);
	for (ULONG i = 0; i < count; i++) {
		NTSTATUS status = module_from_blob(&source[i]);
		if (status)
			return status;
	}
	for (ULONG i = 0; i < count; i++) {
		struct module *module = module_at(i);
		const uint32_t *indices = runtime_at(source[i].dependencies);
		module->dependencies = heap_allocate(source[i].dependency_count * sizeof(struct module *) + 1);
		if (!module->dependencies)
			return STATUS_NO_MEMORY;
		for (ULONG j = 0; indices && j < source[i].dependency_count; j++)
			if (indices[j] < count)
				module->dependencies[module->dependency_count++] = module_at(indices[j]);
	}
	return main_module && ntdll_module ? STATUS_SUCCESS : STATUS_INVALID_IMAGE_FORMAT;
}

NTSTATUS NTAPI LdrFindEntryForAddress(const void *address, PLDR_DATA_TABLE_ENTRY *entry)
{
	loader_lock();
	struct module *module = module_of_address(address);
	loader_unlock();
	if (!module)
		return STATUS_NO_MORE_ENTRIES;
	*entry = &module->ldr;
	return STATUS_SUCCESS;
}
PVOID NTAPI RtlPcToFileHeader(PVOID address, PVOID *base)
{
	loader_lock();
	struct module *module = module_of_address(address);
	loader_unlock();
	return *base = module ? module->ldr.DllBase : NULL;
}
typedef void(CALLBACK *enumerate_callback)(LDR_DATA_TABLE_ENTRY *, void *, BOOLEAN *);
NTSTATUS NTAPI LdrEnumerateLoadedModules(void *unknown, enumerate_callback callback, void *context);
NTSTATUS NTAPI LdrEnumerateLoadedModules(void *unknown, enumerate_callback callback, void *context)
{
	struct module *module;
	BOOLEAN stop = FALSE;
	if (unknown || !callback)
		return STATUS_INVALID_PARAMETER;
	loader_lock();
	FOR_EACH_MODULE(module, link) {
		callback(&module->ldr, context, &stop);
		if (stop)
			break;
	}
	loader_unlock();
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI LdrGetDllFullName(HMODULE base, UNICODE_STRING *name)
{
	loader_lock();
	struct module *module = base ? module_of_base(base) : main_module;
	NTSTATUS status = STATUS_SUCCESS;
	if (!module) {
		status = STATUS_DLL_NOT_FOUND;
	} else {
		const UNICODE_STRING *full = &module->ldr.FullDllName;
		USHORT with_end = (USHORT)(full->Length + sizeof(WCHAR));
		USHORT copied = with_end <= name->MaximumLength ? with_end : name->MaximumLength;
		memcpy(name->Buffer, full->Buffer, copied);
		name->Length = full->Length;
		if (name->MaximumLength < full->Length + sizeof(WCHAR)) {
			name->Length = name->MaximumLength;
			status = STATUS_BUFFER_TOO_SMALL;
		}
	}
	loader_unlock();
	return status;
}

/* A magic that ties an unlock to its thread; the low part only has to be non-zero. */
#define LOCK_MAGIC(thread) ((ULONG_PTR)(thread) << 8 | 1)
NTSTATUS NTAPI LdrLockLoaderLock(ULONG flags, ULONG *result, ULONG_PTR *magic)
{
	if (result)
		*result = 0;
	if (magic)
		*magic = 0;
	if (flags & ~(LDR_LOCK_RAISE_ON_ERRORS | LDR_LOCK_TRY))
		return STATUS_INVALID_PARAMETER_1;
	if (!result && (flags & LDR_LOCK_TRY))
		return STATUS_INVALID_PARAMETER_2;
	if (!magic)
		return STATUS_INVALID_PARAMETER_3;
	if (flags & LDR_LOCK_TRY) {
		if (!RtlTryEnterCriticalSection(&loader_section)) {
			*result = 2; /* not acquired */
			return STATUS_SUCCESS;
		}
	} else {
		loader_lock();
	}
	if (result)
		*result = 1;
	*magic = LOCK_MAGIC(current_teb()->ClientId.UniqueThread);
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI LdrUnlockLoaderLock(ULONG flags, ULONG_PTR magic)
{
	if (!magic)
		return STATUS_SUCCESS;
	if (flags & ~LDR_LOCK_RAISE_ON_ERRORS)
		return STATUS_INVALID_PARAMETER_1;
	if (magic != LOCK_MAGIC(current_teb()->ClientId.UniqueThread))
		return STATUS_INVALID_PARAMETER_2;
	loader_unlock();
	return STATUS_SUCCESS;
}
