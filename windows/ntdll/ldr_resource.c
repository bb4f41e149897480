// SPDX-License-Identifier: MIT
/* Resources of mapped modules: the three-level directory, and message tables. Offsets come from the file: checked against
 * the directory's size before use. */
#include "loader.h"

struct resource_info { ULONG_PTR type, name, language; };

static const IMAGE_RESOURCE_DIRECTORY *root_of(HMODULE module, ULONG *size)
{
	return RtlImageDirectoryEntryToData(module, TRUE, IMAGE_DIRECTORY_ENTRY_RESOURCE, size);
}
struct tree { const char *root; ULONG size; };
static const IMAGE_RESOURCE_DIRECTORY *directory_at(const struct tree *tree, ULONG offset)
{
	if (offset > tree->size || tree->size - offset < sizeof(IMAGE_RESOURCE_DIRECTORY))
		return NULL;
	const IMAGE_RESOURCE_DIRECTORY *directory = (const void *)(tree->root + offset);
	SIZE_T entries = (SIZE_T)directory->NumberOfNamedEntries + directory->NumberOfIdEntries;
	return entries * sizeof(IMAGE_RESOURCE_DIRECTORY_ENTRY) <= tree->size - offset - sizeof(*directory) ? directory : NULL;
}
static const IMAGE_RESOURCE_DIRECTORY_ENTRY *entries_of(const IMAGE_RESOURCE_DIRECTORY *directory)
{
	return (const IMAGE_RESOURCE_DIRECTORY_ENTRY *)(directory + 1);
}
static bool name_matches(const struct tree *tree, const IMAGE_RESOURCE_DIRECTORY_ENTRY *entry, const WCHAR *name)
{
	ULONG offset = entry->NameOffset;
	SIZE_T characters = wcslen(name);
	if (offset > tree->size - sizeof(WORD))
		return false;
	const IMAGE_RESOURCE_DIR_STRING_U *text = (const void *)(tree->root + offset);
	if (text->Length != characters || (SIZE_T)offset + sizeof(WORD) + characters * sizeof(WCHAR) > tree->size)
		return false;
	return names_equal(text->NameString, characters, name, characters);
}
/* id below 0x10000, or a string. */
static const IMAGE_RESOURCE_DIRECTORY_ENTRY *entry_of(const struct tree *tree, const IMAGE_RESOURCE_DIRECTORY *directory, ULONG_PTR id)
{
	const IMAGE_RESOURCE_DIRECTORY_ENTRY *entry = entries_of(directory);
	ULONG named = directory->NumberOfNamedEntries, total = named + directory->NumberOfIdEntries;
	if (id >> 16) {
		for (ULONG i = 0; i < named; i++)
			if (name_matches(tree, &entry[i], (const WCHAR *)id))
				return &entry[i];
		return NULL;
	}
	for (ULONG i = named; i < total; i++)
		if (entry[i].Id == id)
			return &entry[i];
	return NULL;
}
/* The language level: the one asked for, then neutral and English forms of it, then whatever is there. */
static const IMAGE_RESOURCE_DIRECTORY_ENTRY *language_entry(const struct tree *tree, const IMAGE_RESOURCE_DIRECTORY *directory,
	WORD language)
{
	WORD user = LOWORD(current_teb()->CurrentLocale), wanted[8];
	ULONG count = 0;
	if (language)
		wanted[count++] = language;
	wanted[count++] = MAKELANGID(PRIMARYLANGID(language), SUBLANG_NEUTRAL);
	if (!language) {
		wanted[count++] = user;
		wanted[count++] = MAKELANGID(PRIMARYLANGID(user), SUBLANG_NEUTRAL);
	}
	wanted[count++] = MAKELANGID(LANG_ENGLISH, SUBLANG_DEFAULT);
	wanted[count++] = MAKELANGID(LANG_ENGLISH, SUBLANG_NEUTRAL);
	for (ULONG i = 0; i < count; i++) {
		const IMAGE_RESOURCE_DIRECTORY_ENTRY *entry = entry_of(tree, directory, wanted[i]);
		if (entry)
			return entry;
	}
	return !language && directory->NumberOfNamedEntries + directory->NumberOfIdEntries ? entries_of(directory) : NULL;
}
static NTSTATUS find(HMODULE module, const struct resource_info *info, ULONG level, bool directory_wanted, const void **result)
{
	static const NTSTATUS missing[3] = { STATUS_RESOURCE_TYPE_NOT_FOUND, STATUS_RESOURCE_NAME_NOT_FOUND, STATUS_RESOURCE_LANG_NOT_FOUND };
	struct tree tree;
	const IMAGE_RESOURCE_DIRECTORY *directory = root_of(module, &tree.size);
	const ULONG_PTR ids[3] = { info ? info->type : 0, info && level > 1 ? info->name : 0, info && level > 2 ? info->language : 0 };
	if (!directory)
		return STATUS_RESOURCE_DATA_NOT_FOUND;
	if (level > 3)
		return STATUS_INVALID_PARAMETER;
	tree.root = (const char *)directory;
	for (ULONG i = 0; i < level; i++) {
		if (!(directory = directory_at(&tree, (ULONG)((const char *)directory - tree.root))))
			return STATUS_INVALID_IMAGE_FORMAT;
		const IMAGE_RESOURCE_DIRECTORY_ENTRY *entry = i == 2 ? language_entry(&tree, directory, (WORD)ids[2]) : entry_of(&tree,
			directory, ids[i]);
		if (!entry)
			return missing[i];
		if (!entry->DataIsDirectory) {
			if (directory_wanted || i + 1 < level)
				return STATUS_RESOURCE_DATA_NOT_FOUND;
			*result = tree.root + entry->OffsetToData;
			return STATUS_SUCCESS;
		}
		directory = (const void *)(tree.root + entry->OffsetToDirectory);
	}
	if (!directory_wanted)
		return STATUS_RESOURCE_DATA_NOT_FOUND;
	*result = directory;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI LdrFindResource_U(HMODULE module, const void *info, ULONG level, const IMAGE_RESOURCE_DATA_ENTRY **entry)
{
	return find(module, info, level, false, (const void **)entry);
}
NTSTATUS NTAPI LdrFindResourceDirectory_U(HMODULE module, const void *info, ULONG level, const IMAGE_RESOURCE_DIRECTORY **directory);
NTSTATUS NTAPI LdrFindResourceDirectory_U(HMODULE module, const void *info, ULONG level, const IMAGE_RESOURCE_DIRECTORY **directory)
{
	return find(module, info, level, true, (const void **)directory);
}
NTSTATUS NTAPI LdrAccessResource(HMODULE module, const IMAGE_RESOURCE_DATA_ENTRY *entry, void **data, ULONG *size)
{
	ULONG bytes;
	if (!root_of(module, &bytes))
		return STATUS_RESOURCE_DATA_NOT_FOUND;
	if (data) {
		if ((ULONG_PTR)module & 1) {
			HMODULE base = (HMODULE)((ULONG_PTR)module & ~(ULONG_PTR)3);
			*data = RtlImageRvaToVa(RtlImageNtHeader(base), base, entry->OffsetToData, NULL);
		} else {
			*data = (char *)((ULONG_PTR)module & ~(ULONG_PTR)3) + entry->OffsetToData;
		}
	}
	if (size)
		*size = entry->Size;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlFindMessage(HMODULE module, ULONG type, ULONG language, ULONG id, const MESSAGE_RESOURCE_ENTRY **result);
NTSTATUS NTAPI RtlFindMessage(HMODULE module, ULONG type, ULONG language, ULONG id, const MESSAGE_RESOURCE_ENTRY **result)
{
	const struct resource_info info = { type, 1, language };
	const IMAGE_RESOURCE_DATA_ENTRY *data;
	void *memory;
	NTSTATUS status = LdrFindResource_U(module, &info, 3, &data);
	if (!status)
		status = LdrAccessResource(module, data, &memory, NULL);
	if (status)
		return status;
	const MESSAGE_RESOURCE_DATA *table = memory;
	const MESSAGE_RESOURCE_BLOCK *block = table->Blocks;
	for (ULONG i = 0; i < table->NumberOfBlocks; i++, block++) {
		if (id < block->LowId || id > block->HighId)
			continue;
		const MESSAGE_RESOURCE_ENTRY *entry = (const void *)((const char *)table + block->OffsetToEntries);
		for (ULONG skip = id - block->LowId; skip; skip--)
			entry = (const void *)((const char *)entry + entry->Length);
		*result = entry;
		return STATUS_SUCCESS;
	}
	return STATUS_MESSAGE_NOT_FOUND;
}
