// SPDX-License-Identifier: MIT
// API set schema, version 6: names of contracts (without the part behind the last hyphen) hashed and sorted, each with
// its host DLL. All offsets are from the start of the schema, all lengths in bytes of UTF-16.
#include "pe.h"

#include <string.h>

#define SCHEMA_VERSION 6u
#define HEADER_BYTES 28u
#define ENTRY_BYTES 24u
#define HASH_BYTES 8u
#define VALUE_BYTES 20u

static bool inside(const struct pe_api_set *s, u64 at, u64 size) { return at <= s->size && size <= s->size - at; }
static u32 get32(const struct pe_api_set *s, u64 at) { u32 x; memcpy(&x, s->bytes + at, 4); return x; }
static u32 get16(const struct pe_api_set *s, u64 at) { u16 x; memcpy(&x, s->bytes + at, 2); return x; }
static u32 lower(u32 c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

/* Characters of `name` that count: up to the last hyphen. 0: not a contract name. */
static u32 hashed_length(const char *name)
{
	if (strlen(name) < 5)
		return 0;
	u32 prefix = lower((u8)name[0]) << 16 | lower((u8)name[1]) << 8 | lower((u8)name[2]);
	if (name[3] != '-' || (prefix != 0x617069 /* api */ && prefix != 0x657874 /* ext */))
		return 0;
	const char *last = strrchr(name, '-');
	return (u32)(last - name);
}

static bool name_equals(const struct pe_api_set *s, u64 at, u32 bytes, const char *name, u32 length)
{
	if (bytes != length * 2 || !inside(s, at, bytes))
		return false;
	for (u32 i = 0; i < length; i++)
		if (lower(get16(s, at + i * 2)) != lower((u8)name[i]))
			return false;
	return true;
}

static status_t read_host(const struct pe_api_set *s, u64 entry, char host[PE_HOST_MAX])
{
	u64 value = get32(s, entry + 16);
	if (!get32(s, entry + 20))
		return ERR_NOENT;
	if (!inside(s, value, VALUE_BYTES))
		return ERR_NOEXEC;
	u64 at = get32(s, value + 12), bytes = get32(s, value + 16), n = bytes / 2;
	if (!inside(s, at, bytes) || n >= PE_HOST_MAX)
		return ERR_NOEXEC;
	for (u64 i = 0; i < n; i++)
		host[i] = (char)get16(s, at + i * 2);
	host[n] = '\0';
	return n ? OK : ERR_NOENT;
}

/* First slot of the sorted hash table whose hash is not below `hash`. */
static u32 hash_lower_bound(const struct pe_api_set *s, u64 hashes, u32 count, u32 hash)
{
	u32 low = 0, high = count;
	while (low < high) {
		u32 middle = low + (high - low) / 2;
		if (get32(s, hashes + (u64)middle * HASH_BYTES) < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

status_t pe_api_set_find(const struct pe_api_set *s, const char *name, char host[PE_HOST_MAX])
{
	u32 length = hashed_length(name), hash = 0;
	if (!length)
		return ERR_NOENT;
	if (s->size < HEADER_BYTES || get32(s, 0) != SCHEMA_VERSION)
		return ERR_NOEXEC;
	u32 count = get32(s, 12);
	u64 entries = get32(s, 16), hashes = get32(s, 20);
	if (!inside(s, entries, (u64)count * ENTRY_BYTES) || !inside(s, hashes, (u64)count * HASH_BYTES))
		return ERR_NOEXEC;
	for (u32 i = 0; i < length; i++)
		hash = hash * get32(s, 24) + lower((u8)name[i]);
	for (u32 i = hash_lower_bound(s, hashes, count, hash); i < count; i++) {
		if (get32(s, hashes + (u64)i * HASH_BYTES) != hash)
			break;
		u32 index = get32(s, hashes + (u64)i * HASH_BYTES + 4);
		u64 entry = entries + (u64)index * ENTRY_BYTES;
		if (index >= count)
			return ERR_NOEXEC;
		if (name_equals(s, get32(s, entry + 4), get32(s, entry + 12), name, length))
			return read_host(s, entry, host);
	}
	return ERR_NOENT;
}
