// SPDX-License-Identifier: MIT
/* The string section of DLL redirection, in the layout that FindActCtxSectionString gives out, and look-ups in it.
 * Sections of window classes, COM classes and the others are not made: look-ups there find no section. */
#include "actctx.h"

#define SECTION_MAGIC 0x64487353u /* "SsHd" */
#define DATA_FORMAT 1u
#define HASH_X65599 1u
#define PATH_OMITS_ASSEMBLY_ROOT 2u
#define ROSTER_FIRST 1u           /* assemblies count from one */

struct section_header {
	ULONG magic, bytes, format, data_format, flags, count, index_offset, hash, search_offset, global_offset, global_bytes;
};
struct section_index { ULONG hash, name_offset, name_bytes, data_offset, data_bytes, roster; };
struct redirection { ULONG bytes, flags, total_bytes, path_count, path_offset; };

static ULONG hash_of(const WCHAR *name, SIZE_T characters)
{
	ULONG hash = 0;
	for (SIZE_T i = 0; i < characters; i++)
		hash = hash * 65599 + RtlUpcaseUnicodeChar(name[i]);
	return hash;
}
/* Files of assemblies; those with a loadFrom are left out, since their place is not the assembly's. */
static const struct manifest_file *file_of(const struct activation_context *context, ULONG assembly, ULONG file)
{
	const struct manifest_file *entry = &context->assemblies[assembly]->manifest.files[file];
	return entry->load_from.count ? NULL : entry;
}
NTSTATUS context_build_section(struct activation_context *context)
{
	SIZE_T bytes = sizeof(struct section_header), names = 0;
	ULONG count = 0;
	for (ULONG a = 0; a < context->assembly_count; a++)
		for (ULONG f = 0; f < context->assemblies[a]->manifest.file_count; f++)
			if (file_of(context, a, f)) {
				names += ROUND_UP((file_of(context, a, f)->name.count + 1) * sizeof(WCHAR), sizeof(ULONG));
				count++;
			}
	if (!count)
		return STATUS_SUCCESS;
	bytes += count * (sizeof(struct section_index) + sizeof(struct redirection)) + names;
	struct section_header *header = heap_allocate_zeroed(bytes);
	if (!header)
		return STATUS_NO_MEMORY;
	*header = (struct section_header){ SECTION_MAGIC, sizeof(*header), 1, DATA_FORMAT, 0, count, sizeof(*header), HASH_X65599, 0, 0, 0 };
	struct section_index *index = (struct section_index *)(header + 1);
	char *base = (char *)header, *free_space = (char *)(index + count);
	for (ULONG a = 0; a < context->assembly_count; a++)
		for (ULONG f = 0; f < context->assemblies[a]->manifest.file_count; f++) {
			const struct manifest_file *file = file_of(context, a, f);
			if (!file)
				continue;
			ULONG name_bytes = (ULONG)(file->name.count * sizeof(WCHAR));
			*index = (struct section_index){ hash_of(file->name.at, file->name.count), (ULONG)(free_space - base), name_bytes, 0,
				sizeof(struct redirection), a + ROSTER_FIRST };
			memcpy(free_space, file->name.at, name_bytes);
			free_space += ROUND_UP(name_bytes + sizeof(WCHAR), sizeof(ULONG));
			index++->data_offset = (ULONG)(free_space - base);
			*(struct redirection *)free_space = (struct redirection){ sizeof(struct redirection), PATH_OMITS_ASSEMBLY_ROOT, 0, 0, 0 };
			free_space += sizeof(struct redirection);
		}
	context->dll_section = header;
	context->dll_section_bytes = (ULONG)bytes;
	return STATUS_SUCCESS;
}
static const struct section_index *find(const struct activation_context *context, const WCHAR *name, SIZE_T characters)
{
	const struct section_header *header = context->dll_section;
	const struct section_index *index = (const struct section_index *)(header + 1);
	ULONG hash = hash_of(name, characters);
	for (ULONG i = 0; i < header->count; i++)
		if (index[i].hash == hash && names_equal((const WCHAR *)((const char *)header + index[i].name_offset),
			index[i].name_bytes / sizeof(WCHAR), name, characters))
			return &index[i];
	return NULL;
}
/* In the thread's context, then in the program's. */
static NTSTATUS look_up(const WCHAR *name, SIZE_T characters, struct activation_context **context, const struct section_index **index)
{
	for (SIZE_T i = 0; i < characters; i++)
		if (name[i] == ':') /* absolute, as no assembly's file is: not worth reading the program's manifest */
			return STATUS_SXS_KEY_NOT_FOUND;
	struct activation_context *const places[2] = { context_active(), context_of_process() };
	NTSTATUS status = STATUS_SXS_SECTION_NOT_FOUND;
	for (ULONG i = 0; i < 2; i++) {
		if (!places[i] || !places[i]->dll_section)
			continue;
		status = STATUS_SXS_KEY_NOT_FOUND;
		if ((*index = find(places[i], name, characters))) {
			*context = places[i];
			return STATUS_SUCCESS;
		}
	}
	return status;
}
bool context_dll_path(const WCHAR *name, SIZE_T characters, WCHAR *full, SIZE_T limit)
{
	struct activation_context *context;
	const struct section_index *index;
	if (look_up(name, characters, &context, &index))
		return false;
	const WCHAR *path = context->assemblies[index->roster - ROSTER_FIRST]->path;
	SIZE_T count = wcslen(path);
	while (count && path[count - 1] != '\\' && path[count - 1] != '/')
		count--;
	if (count + characters + 1 > limit)
		return false;
	memcpy(full, path, count * sizeof(WCHAR));
	memcpy(full + count, name, characters * sizeof(WCHAR));
	full[count + characters] = 0;
	return true;
}
#define RETURN_CONTEXT 1u /* FIND_ACTCTX_SECTION_KEY_RETURN_HACTCTX */
static void describe(const struct activation_context *context, const struct section_index *index, ULONG flags,
	ACTCTX_SECTION_KEYED_DATA *data)
{
	data->ulDataFormatVersion = DATA_FORMAT;
	data->lpData = (char *)context->dll_section + index->data_offset;
	data->ulLength = index->data_bytes;
	data->lpSectionGlobalData = NULL;
	data->ulSectionGlobalDataLength = 0;
	data->lpSectionBase = context->dll_section;
	data->ulSectionTotalLength = context->dll_section_bytes;
	data->hActCtx = NULL;
	if (data->cbSize >= offsetof(ACTCTX_SECTION_KEYED_DATA, ulAssemblyRosterIndex) + sizeof(ULONG))
		data->ulAssemblyRosterIndex = index->roster;
	if (flags & RETURN_CONTEXT) {
		data->hActCtx = (HANDLE)context;
		RtlAddRefActivationContext(data->hActCtx);
	}
}
NTSTATUS NTAPI RtlFindActivationContextSectionString(ULONG flags, const GUID *guid, ULONG kind, const UNICODE_STRING *name, void *data);
NTSTATUS NTAPI RtlFindActivationContextSectionString(ULONG flags, const GUID *guid, ULONG kind, const UNICODE_STRING *name, void *data)
{
	ACTCTX_SECTION_KEYED_DATA *keyed = data;
	struct activation_context *context;
	const struct section_index *index;
	if (!name || !name->Buffer || guid || !data || (flags & ~RETURN_CONTEXT) ||
		keyed->cbSize < offsetof(ACTCTX_SECTION_KEYED_DATA, ulAssemblyRosterIndex))
		return STATUS_INVALID_PARAMETER;
	if (kind != ACTIVATION_CONTEXT_SECTION_DLL_REDIRECTION)
		return STATUS_SXS_SECTION_NOT_FOUND;
	NTSTATUS status = look_up(name->Buffer, name->Length / sizeof(WCHAR), &context, &index);
	if (!status)
		describe(context, index, flags, keyed);
	return status;
}
NTSTATUS NTAPI RtlFindActivationContextSectionGuid(ULONG flags, const GUID *extension, ULONG kind, const GUID *guid, void *data);
NTSTATUS NTAPI RtlFindActivationContextSectionGuid(ULONG flags, const GUID *extension, ULONG kind, const GUID *guid, void *data)
{
	const ACTCTX_SECTION_KEYED_DATA *keyed = data;
	if (extension || !guid || !data || (flags & ~RETURN_CONTEXT) ||
		keyed->cbSize < offsetof(ACTCTX_SECTION_KEYED_DATA, ulAssemblyRosterIndex))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SXS_SECTION_NOT_FOUND;
}
