// SPDX-License-Identifier: MIT
/* What activation contexts tell of themselves: RtlQueryInformationActivationContext and application settings. */
#include "actctx.h"
#include "rtl.h"

enum { BASIC_INFORMATION = 1, DETAILED_INFORMATION, ASSEMBLY_INFORMATION, FILE_INFORMATION, RUN_LEVEL_INFORMATION,
	COMPATIBILITY_INFORMATION };
#define QUERY_FLAGS (QUERY_ACTCTX_FLAG_USE_ACTIVE_ACTCTX | QUERY_ACTCTX_FLAG_ACTCTX_IS_HMODULE | \
	QUERY_ACTCTX_FLAG_ACTCTX_IS_ADDRESS | QUERY_ACTCTX_FLAG_NO_ADDREF)
#define ASSEMBLY_IS_ROOT 1u
#define ASSEMBLY_IS_PRIVATE 0x10u
#define FILE_IS_THERE 2u
#define FORMAT_VERSION 1u

struct basic_information { HANDLE context; ULONG flags; };
/* mingw's header has them without the version of newer Windows. */
struct system_element { GUID id; ULONG kind; ULONGLONG version; };
struct system_information { ULONG count; struct system_element elements[]; };
_Static_assert(sizeof(struct system_element) == 32 && sizeof(struct system_information) == 8, "COMPATIBILITY_CONTEXT_ELEMENT");

struct query { const struct activation_context *context; HANDLE handle; const void *instance; void *buffer; SIZE_T size, needed; };

static SIZE_T text_bytes(const WCHAR *text) { return text ? (wcslen(text) + 1) * sizeof(WCHAR) : 0; }
/* Puts the text at *at and moves on; tells its bytes without the end. */
static const WCHAR *put_text(WCHAR **at, const WCHAR *text, DWORD *bytes)
{
	WCHAR *place = *at;
	*bytes = text ? (DWORD)(wcslen(text) * sizeof(WCHAR)) : 0;
	if (!text)
		return NULL;
	memcpy(place, text, text_bytes(text));
	*at += wcslen(text) + 1;
	return place;
}
static bool too_small(struct query *query, SIZE_T bytes)
{
	query->needed = bytes;
	return query->size < bytes || !query->buffer;
}
static NTSTATUS query_detailed(struct query *query)
{
	const struct activation_context *context = query->context;
	const WCHAR *manifest = context->assembly_count ? context->assemblies[0]->path : NULL;
	const WCHAR *directory = context->directory;
	if (too_small(query, sizeof(ACTIVATION_CONTEXT_DETAILED_INFORMATION) + text_bytes(manifest) + text_bytes(directory)))
		return STATUS_BUFFER_TOO_SMALL;
	ACTIVATION_CONTEXT_DETAILED_INFORMATION *information = query->buffer;
	WCHAR *at = (WCHAR *)(information + 1);
	ULONG some = context->assembly_count ? 1 : 0;
	DWORD bytes;
	*information = (ACTIVATION_CONTEXT_DETAILED_INFORMATION){ .ulFormatVersion = some ? FORMAT_VERSION : 0,
		.ulAssemblyCount = context->assembly_count, .ulRootManifestPathType = some ? ACTIVATION_CONTEXT_PATH_TYPE_WIN32_FILE : 0,
		.ulRootConfigurationPathType = some ? ACTIVATION_CONTEXT_PATH_TYPE_NONE : 0,
		.ulAppDirPathType = directory ? ACTIVATION_CONTEXT_PATH_TYPE_WIN32_FILE : 0 };
	information->lpRootManifestPath = put_text(&at, manifest, &bytes);
	information->ulRootManifestPathChars = bytes / (DWORD)sizeof(WCHAR);
	information->lpAppDirPath = put_text(&at, directory, &bytes);
	information->ulAppDirPathChars = bytes / (DWORD)sizeof(WCHAR);
	return STATUS_SUCCESS;
}
/* The index counts from one. */
static NTSTATUS query_assembly(struct query *query)
{
	const struct activation_context *context = query->context;
	const ULONG *index = query->instance;
	if (!index || !*index || *index > context->assembly_count)
		return STATUS_INVALID_PARAMETER;
	const struct assembly *assembly = context->assemblies[*index - 1];
	if (too_small(query, sizeof(ACTIVATION_CONTEXT_ASSEMBLY_DETAILED_INFORMATION) + text_bytes(assembly->identity) +
		text_bytes(assembly->path) + text_bytes(assembly->directory)))
		return STATUS_BUFFER_TOO_SMALL;
	ACTIVATION_CONTEXT_ASSEMBLY_DETAILED_INFORMATION *information = query->buffer;
	WCHAR *at = (WCHAR *)(information + 1);
	*information = (ACTIVATION_CONTEXT_ASSEMBLY_DETAILED_INFORMATION){ .ulFlags = *index == 1 ? ASSEMBLY_IS_ROOT : ASSEMBLY_IS_PRIVATE,
		.ulManifestPathType = ACTIVATION_CONTEXT_PATH_TYPE_WIN32_FILE, .ulPolicyPathType = ACTIVATION_CONTEXT_PATH_TYPE_NONE,
		.ulManifestVersionMajor = 1, .ulFileCount = assembly->manifest.file_count };
	information->lpAssemblyEncodedAssemblyIdentity = put_text(&at, assembly->identity, &information->ulEncodedAssemblyIdentityLength);
	information->lpAssemblyManifestPath = put_text(&at, assembly->path, &information->ulManifestPathLength);
	information->lpAssemblyDirectoryName = put_text(&at, assembly->directory, &information->ulAssemblyDirectoryNameLength);
	return STATUS_SUCCESS;
}
static NTSTATUS query_file(struct query *query)
{
	const struct activation_context *context = query->context;
	const ACTIVATION_CONTEXT_QUERY_INDEX *index = query->instance;
	if (!index || index->ulAssemblyIndex >= context->assembly_count)
		return STATUS_INVALID_PARAMETER;
	const struct manifest *manifest = &context->assemblies[index->ulAssemblyIndex]->manifest;
	if (index->ulFileIndexInAssembly >= manifest->file_count)
		return STATUS_INVALID_PARAMETER;
	const struct xml_text *name = &manifest->files[index->ulFileIndexInAssembly].name;
	if (too_small(query, sizeof(ASSEMBLY_FILE_DETAILED_INFORMATION) + (name->count + 1) * sizeof(WCHAR)))
		return STATUS_BUFFER_TOO_SMALL;
	ASSEMBLY_FILE_DETAILED_INFORMATION *information = query->buffer;
	WCHAR *text = (WCHAR *)(information + 1);
	memcpy(text, name->at, name->count * sizeof(WCHAR));
	text[name->count] = 0;
	query->needed = 0; /* this class tells a size only on failure */
	*information = (ASSEMBLY_FILE_DETAILED_INFORMATION){ FILE_IS_THERE, (DWORD)(name->count * sizeof(WCHAR)), 0, text, NULL };
	return STATUS_SUCCESS;
}
static NTSTATUS query_run_level(struct query *query)
{
	ACTIVATION_CONTEXT_RUN_LEVEL_INFORMATION *information = query->buffer;
	if (too_small(query, sizeof(*information)))
		return STATUS_BUFFER_TOO_SMALL;
	const struct manifest *manifest = query->context->assembly_count ? &query->context->assemblies[0]->manifest : NULL;
	*information = (ACTIVATION_CONTEXT_RUN_LEVEL_INFORMATION){ 0, manifest ? (ACTCTX_REQUESTED_RUN_LEVEL)manifest->run_level :
		ACTCTX_RUN_LEVEL_UNSPECIFIED, manifest && manifest->ui_access };
	return STATUS_SUCCESS;
}
static NTSTATUS query_systems(struct query *query)
{
	const struct manifest *manifest = query->context->assembly_count ? &query->context->assemblies[0]->manifest : NULL;
	struct system_information *information = query->buffer;
	ULONG count = manifest ? manifest->system_count : 0;
	if (too_small(query, sizeof(*information) + count * sizeof(information->elements[0])))
		return STATUS_BUFFER_TOO_SMALL;
	memset(information, 0, query->needed);
	information->count = count;
	for (ULONG i = 0; i < count; i++) {
		memcpy(&information->elements[i].id, manifest->systems[i].id, sizeof(GUID));
		information->elements[i].kind = manifest->systems[i].kind;
		information->elements[i].version = manifest->systems[i].version;
	}
	return STATUS_SUCCESS;
}
static NTSTATUS query_basic(struct query *query, ULONG flags)
{
	struct basic_information *information = query->buffer;
	if (too_small(query, sizeof(*information)))
		return STATUS_BUFFER_TOO_SMALL;
	*information = (struct basic_information){ .context = query->handle };
	if (query->handle && !(flags & QUERY_ACTCTX_FLAG_NO_ADDREF))
		RtlAddRefActivationContext(query->handle);
	return STATUS_SUCCESS;
}
static NTSTATUS query_class(struct query *query, ULONG class, ULONG flags)
{
	switch (class) {
	case BASIC_INFORMATION: return query_basic(query, flags);
	case DETAILED_INFORMATION: return query_detailed(query);
	case ASSEMBLY_INFORMATION: return query_assembly(query);
	case FILE_INFORMATION: return query_file(query);
	case RUN_LEVEL_INFORMATION: return query_run_level(query);
	case COMPATIBILITY_INFORMATION: return query_systems(query);
	default: return STATUS_INVALID_PARAMETER;
	}
}
/* Which context is meant; its handle is NULL for the program's own. Modules have none of their own: the program's stands for them. */
static NTSTATUS choose(ULONG flags, HANDLE *handle)
{
	if (flags & QUERY_ACTCTX_FLAG_USE_ACTIVE_ACTCTX) {
		if (*handle)
			return STATUS_INVALID_PARAMETER;
		*handle = context_active();
	} else if (flags & (QUERY_ACTCTX_FLAG_ACTCTX_IS_HMODULE | QUERY_ACTCTX_FLAG_ACTCTX_IS_ADDRESS)) {
		if (!*handle)
			return STATUS_INVALID_PARAMETER;
		loader_lock();
		bool known = flags & QUERY_ACTCTX_FLAG_ACTCTX_IS_HMODULE ? module_of_base(*handle) != NULL : module_of_address(*handle) != NULL;
		loader_unlock();
		*handle = NULL;
		return known ? STATUS_SUCCESS : STATUS_DLL_NOT_FOUND;
	}
	return STATUS_SUCCESS;
}
static struct activation_context *context_meant(HANDLE handle, bool *referenced)
{
	*referenced = handle != NULL;
	return handle ? context_of_handle(handle) : context_of_process();
}
NTSTATUS NTAPI RtlQueryInformationActivationContext(ULONG flags, HANDLE handle, const void *instance, ULONG class, void *buffer,
	SIZE_T size, SIZE_T *needed)
{
	struct query query = { .instance = instance, .buffer = buffer, .size = size };
	bool referenced;
	if (needed)
		*needed = 0;
	if ((flags & ~QUERY_FLAGS) || (size && !buffer))
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = choose(flags, &handle);
	if (status)
		return status;
	struct activation_context *context = handle || class != COMPATIBILITY_INFORMATION ? context_meant(handle, &referenced) :
		context_of_image();
	referenced = handle != NULL;
	if (!context)
		return STATUS_INVALID_PARAMETER;
	query.context = context;
	query.handle = handle;
	status = query_class(&query, class, flags);
	if (referenced)
		context_release(context);
	if (needed)
		*needed = query.needed;
	return status;
}
static NTSTATUS find_setting(const struct manifest *manifest, const struct xml_text *space, PCWSTR name, const struct xml_text **value)
{
	const SIZE_T characters = wcslen(name);
	for (ULONG i = 0; i < manifest->setting_count; i++) {
		const struct manifest_setting *setting = &manifest->settings[i];
		if (setting->name.count == characters && !memcmp(setting->name.at, name, characters * sizeof(WCHAR)) &&
			setting->space.count == space->count && !memcmp(setting->space.at, space->at, space->count * sizeof(WCHAR))) {
			*value = &setting->value;
			return STATUS_SUCCESS;
		}
	}
	return STATUS_SXS_KEY_NOT_FOUND;
}
NTSTATUS NTAPI RtlQueryActivationContextApplicationSettings(ULONG flags, HANDLE handle, PCWSTR space, PCWSTR name, PWSTR buffer,
	SIZE_T size, SIZE_T *written)
{
	static const WCHAR first_space[] = L"http://schemas.microsoft.com/SMI/2005/WindowsSettings";
	const struct xml_text wanted = { space ? space : first_space, wcslen(space ? space : first_space) }, *value;
	bool referenced;
	if (flags || !name || !manifest_settings_space(&wanted))
		return STATUS_INVALID_PARAMETER;
	struct activation_context *context = context_meant(handle, &referenced);
	if (!context)
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = context->assembly_count ? find_setting(&context->assemblies[0]->manifest, &wanted, name, &value) :
		STATUS_SXS_KEY_NOT_FOUND;
	if (!status && written)
		*written = value->count + 1;
	if (!status && (size <= value->count || !buffer)) {
		status = STATUS_BUFFER_TOO_SMALL;
	} else if (!status) {
		memcpy(buffer, value->at, value->count * sizeof(WCHAR));
		buffer[value->count] = 0;
	}
	if (referenced)
		context_release(context);
	return status;
}
