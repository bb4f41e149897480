// SPDX-License-Identifier: MIT
/* API set names (api-ms-win-..., ext-ms-...): look-up in the schema that PEB.ApiSetMap points at (version 6, published layout):
 * a hash table over the name up to its last hyphen, then the host DLL's name. */
#include "loader.h"

struct api_set_header { ULONG version, size, flags, count, entries, hashes, factor; };
struct api_set_entry { ULONG flags, name, name_bytes, hashed_bytes, values, value_count; };
struct api_set_value { ULONG flags, name, name_bytes, host, host_bytes; };
struct api_set_hash { ULONG hash, index; };
#define API_SET_VERSION 6u

static WCHAR lower(WCHAR c) { return c >= 'A' && c <= 'Z' ? (WCHAR)(c + 32) : c; }
static bool prefix(const WCHAR *name, SIZE_T characters, const char *wanted)
{
	for (SIZE_T i = 0; wanted[i]; i++)
		if (i >= characters || lower(name[i]) != (WCHAR)wanted[i])
			return false;
	return true;
}
static bool same(const char *map, const struct api_set_entry *entry, const WCHAR *name, SIZE_T characters)
{
	const WCHAR *stored = (const WCHAR *)(map + entry->name);
	if (entry->hashed_bytes != characters * sizeof(WCHAR))
		return false;
	for (SIZE_T i = 0; i < characters; i++)
		if (lower(stored[i]) != lower(name[i]))
			return false;
	return true;
}
static const struct api_set_entry *find(const char *map, const WCHAR *name, SIZE_T characters)
{
	const struct api_set_header *header = (const void *)map;
	const struct api_set_hash *hashes = (const void *)(map + header->hashes);
	ULONG hash = 0, low = 0, high = header->count;
	for (SIZE_T i = 0; i < characters; i++)
		hash = hash * header->factor + lower(name[i]);
	while (low < high) {
		ULONG middle = (low + high) / 2;
		if (hashes[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < header->count && hashes[low].hash == hash; low++) {
		const struct api_set_entry *entry = (const struct api_set_entry *)(map + header->entries) + hashes[low].index;
		if (same(map, entry, name, characters))
			return entry;
	}
	return NULL;
}
static const struct api_set_entry *entry_of(const WCHAR *name, SIZE_T characters)
{
	const char *map = current_peb()->ApiSetMap;
	if (!map || ((const struct api_set_header *)map)->version != API_SET_VERSION)
		return NULL;
	while (characters && name[characters - 1] != '-')
		characters--;
	return characters > 1 ? find(map, name, characters - 1) : NULL;
}
/* NULL: not an API set name, or one without host. The host name is not NUL-terminated. */
const WCHAR *api_set_host(const WCHAR *name, SIZE_T characters, SIZE_T *host_characters)
{
	if (!prefix(name, characters, "api-") && !prefix(name, characters, "ext-"))
		return NULL;
	const char *map = current_peb()->ApiSetMap;
	const struct api_set_entry *entry = entry_of(name, characters);
	if (!entry || !entry->value_count)
		return NULL;
	const struct api_set_value *value = (const void *)(map + entry->values);
	if (!value->host_bytes)
		return NULL;
	*host_characters = value->host_bytes / sizeof(WCHAR);
	return (const WCHAR *)(map + value->host);
}
NTSTATUS NTAPI ApiSetQueryApiSetPresenceEx(const UNICODE_STRING *name, BOOLEAN *in_schema, BOOLEAN *present);
NTSTATUS NTAPI ApiSetQueryApiSetPresenceEx(const UNICODE_STRING *name, BOOLEAN *in_schema, BOOLEAN *present)
{
	SIZE_T characters = name->Length / sizeof(WCHAR);
	const struct api_set_entry *entry = entry_of(name->Buffer, characters);
	/* The name must come without extension. */
	for (SIZE_T i = 0; i < characters; i++)
		if (name->Buffer[i] == '.')
			return STATUS_INVALID_PARAMETER;
	*in_schema = entry != NULL;
	*present = entry && entry->value_count;
	return STATUS_SUCCESS;
}
BOOLEAN NTAPI ApiSetQueryApiSetPresence(const UNICODE_STRING *name, BOOLEAN *present);
BOOLEAN NTAPI ApiSetQueryApiSetPresence(const UNICODE_STRING *name, BOOLEAN *present)
{
	BOOLEAN in_schema;
	return (BOOLEAN)ApiSetQueryApiSetPresenceEx(name, &in_schema, present);
}
