// SPDX-License-Identifier: MIT
/* Atom tables of this process (the global table is the kernel's, NtAddAtom). Names compare without case; atoms below
 * 0xc000 and names "#number" stand for themselves. A table is an array of slots searched in turn: they stay small. */
#include "rtl.h"

#define FIRST_STRING_ATOM 0xc000
#define STRING_ATOMS 0x4000
#define NAME_LIMIT 255 /* characters */

struct atom_entry { WCHAR *name; ULONG length, hash, references; bool pinned; };
struct atom_table { ULONG magic, used, room; RTL_SRWLOCK lock; struct atom_entry *entries; };
#define ATOM_TABLE_MAGIC 0x6d6f7441

NTSTATUS NTAPI RtlCreateAtomTable(ULONG buckets, struct atom_table **table)
{
	if (*table)
		return buckets ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	*table = heap_allocate_zeroed(sizeof(**table));
	if (!*table)
		return STATUS_NO_MEMORY;
	(*table)->magic = ATOM_TABLE_MAGIC;
	return STATUS_SUCCESS;
}

static struct atom_table *checked(struct atom_table *table)
{
	return table && table->magic == ATOM_TABLE_MAGIC ? table : NULL;
}

static void drop(struct atom_entry *entry)
{
	heap_free(entry->name);
	*entry = (struct atom_entry){ 0 };
}

NTSTATUS NTAPI RtlEmptyAtomTable(struct atom_table *table, BOOLEAN pinned_too)
{
	ULONG i;
	if (!checked(table))
		return STATUS_INVALID_PARAMETER;
	RtlAcquireSRWLockExclusive(&table->lock);
	for (i = 0; i < table->used; i++)
		if (table->entries[i].name && (pinned_too || !table->entries[i].pinned))
			drop(&table->entries[i]);
	RtlReleaseSRWLockExclusive(&table->lock);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlDestroyAtomTable(struct atom_table *table)
{
	if (!checked(table))
		return STATUS_INVALID_PARAMETER;
	RtlEmptyAtomTable(table, TRUE);
	table->magic = 0;
	heap_free(table->entries);
	heap_free(table);
	return STATUS_SUCCESS;
}

static ULONG hash_of(const WCHAR *name, ULONG length)
{
	ULONG hash = 0, i;
	for (i = 0; i < length; i++)
		hash = hash * 31 + unicode_upper(name[i]);
	return hash;
}

enum name_kind { NAME_BAD, NAME_EMPTY, NAME_INTEGER, NAME_STRING };

/* "#1234" and pointers below 64 Ki are integer atoms. */
static enum name_kind kind_of(const WCHAR *name, ULONG *length, ATOM *atom)
{
	ULONG value = 0, i;
	if ((uintptr_t)name < 0x10000) {
		*atom = (ATOM)(uintptr_t)name;
		return *atom && *atom < FIRST_STRING_ATOM ? NAME_INTEGER : NAME_BAD;
	}
	*length = (ULONG)wcsnlen(name, NAME_LIMIT + 1);
	if (!*length)
		return NAME_EMPTY;
	if (*length > NAME_LIMIT)
		return NAME_BAD;
	if (name[0] != '#' || *length == 1)
		return NAME_STRING;
	for (i = 1; i < *length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return NAME_STRING;
		if (value < 0x10000)
			value = value * 10 + name[i] - '0';
	}
	if (value >= FIRST_STRING_ATOM)
		return *length > 6 || value > 0xffff ? NAME_STRING : NAME_BAD;
	*atom = value ? (ATOM)value : FIRST_STRING_ATOM;
	return NAME_INTEGER;
}

static struct atom_entry *find(struct atom_table *table, const WCHAR *name, ULONG length)
{
	ULONG hash = hash_of(name, length), i;
	for (i = 0; i < table->used; i++) {
		struct atom_entry *e = &table->entries[i];
		if (e->name && e->hash == hash && e->length == length && !RtlCompareUnicodeStrings(e->name, length, name, length, TRUE))
			return e;
	}
	return NULL;
}

static struct atom_entry *add(struct atom_table *table, const WCHAR *name, ULONG length)
{
	ULONG i;
	WCHAR *copy;
	for (i = 0; i < table->used && table->entries[i].name; i++)
		;
	if (i == STRING_ATOMS)
		return NULL;
	if (i == table->room) {
		ULONG room = table->room ? 2 * table->room : 32;
		struct atom_entry *entries = heap_allocate_zeroed(room * sizeof(*entries));
		if (!entries)
			return NULL;
		memcpy(entries, table->entries, table->used * sizeof(*entries));
		heap_free(table->entries);
		table->entries = entries, table->room = room;
	}
	copy = heap_allocate((length + 1) * sizeof(WCHAR));
	if (!copy)
		return NULL;
	memcpy(copy, name, length * sizeof(WCHAR));
	copy[length] = 0;
	if (i == table->used)
		table->used++;
	table->entries[i] = (struct atom_entry){ copy, length, hash_of(name, length), 0, false };
	return &table->entries[i];
}

static ATOM atom_of(struct atom_table *table, const struct atom_entry *entry)
{
	return (ATOM)(FIRST_STRING_ATOM + (entry - table->entries));
}

static struct atom_entry *entry_of(struct atom_table *table, ATOM atom)
{
	ULONG i = atom - FIRST_STRING_ATOM;
	return atom >= FIRST_STRING_ATOM && i < table->used && table->entries[i].name ? &table->entries[i] : NULL;
}

NTSTATUS NTAPI RtlAddAtomToAtomTable(struct atom_table *table, const WCHAR *name, ATOM *atom)
{
	struct atom_entry *entry;
	NTSTATUS status = STATUS_SUCCESS;
	ATOM value = 0;
	ULONG length = 0;
	if (!checked(table))
		return STATUS_INVALID_PARAMETER;
	switch (kind_of(name, &length, &value)) {
	case NAME_BAD: return STATUS_INVALID_PARAMETER;
	case NAME_EMPTY: return STATUS_OBJECT_NAME_INVALID;
	case NAME_INTEGER:
		if (value >= FIRST_STRING_ATOM)
			return STATUS_INVALID_PARAMETER;
		break;
	case NAME_STRING:
		RtlAcquireSRWLockExclusive(&table->lock);
		entry = find(table, name, length);
		if (!entry)
			entry = add(table, name, length);
		if (entry) {
			entry->references++;
			value = atom_of(table, entry);
		} else {
			status = STATUS_NO_MEMORY;
		}
		RtlReleaseSRWLockExclusive(&table->lock);
	}
	if (!status && atom)
		*atom = value;
	return status;
}

NTSTATUS NTAPI RtlLookupAtomInAtomTable(struct atom_table *table, const WCHAR *name, ATOM *atom)
{
	struct atom_entry *entry;
	ATOM value = 0;
	ULONG length = 0;
	if (!checked(table))
		return STATUS_INVALID_PARAMETER;
	switch (kind_of(name, &length, &value)) {
	case NAME_BAD: return STATUS_INVALID_PARAMETER;
	case NAME_EMPTY: return STATUS_OBJECT_NAME_INVALID;
	case NAME_INTEGER: break;
	case NAME_STRING:
		RtlAcquireSRWLockShared(&table->lock);
		entry = find(table, name, length);
		if (entry)
			value = atom_of(table, entry);
		RtlReleaseSRWLockShared(&table->lock);
		if (!value)
			return STATUS_OBJECT_NAME_NOT_FOUND;
	}
	if (atom)
		*atom = value;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlDeleteAtomFromAtomTable(struct atom_table *table, ATOM atom)
{
	struct atom_entry *entry;
	NTSTATUS status = STATUS_SUCCESS;
	if (!checked(table))
		return STATUS_INVALID_PARAMETER;
	if (atom && atom < FIRST_STRING_ATOM)
		return STATUS_SUCCESS;
	RtlAcquireSRWLockExclusive(&table->lock);
	entry = entry_of(table, atom);
	if (!entry)
		status = STATUS_INVALID_HANDLE;
	else if (entry->pinned)
		status = STATUS_WAS_LOCKED;
	else if (!--entry->references)
		drop(entry);
	RtlReleaseSRWLockExclusive(&table->lock);
	return status;
}

NTSTATUS NTAPI RtlPinAtomInAtomTable(struct atom_table *table, ATOM atom)
{
	struct atom_entry *entry;
	NTSTATUS status = STATUS_SUCCESS;
	if (!checked(table))
		return STATUS_INVALID_PARAMETER;
	if (atom < FIRST_STRING_ATOM)
		return atom ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	RtlAcquireSRWLockExclusive(&table->lock);
	entry = entry_of(table, atom);
	if (entry)
		entry->pinned = true;
	else
		status = STATUS_INVALID_HANDLE;
	RtlReleaseSRWLockExclusive(&table->lock);
	return status;
}

/* length: bytes of room in, bytes of the name (without NUL) out. */
static NTSTATUS give_name(const WCHAR *text, ULONG count, WCHAR *name, ULONG *length)
{
	ULONG bytes = count * sizeof(WCHAR);
	if (!length)
		return STATUS_SUCCESS;
	if (!*length) {
		*length = bytes;
		return STATUS_BUFFER_TOO_SMALL;
	}
	if (bytes > *length - sizeof(WCHAR))
		bytes = *length - sizeof(WCHAR);
	if (bytes) {
		memcpy(name, text, bytes);
		name[bytes / sizeof(WCHAR)] = 0;
	}
	*length = bytes;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlQueryAtomInAtomTable(struct atom_table *table, ATOM atom, ULONG *references, ULONG *pinned, WCHAR *name, ULONG *length)
{
	struct atom_entry *entry;
	WCHAR text[8];
	NTSTATUS status = STATUS_INVALID_HANDLE;
	if (!checked(table))
		return STATUS_INVALID_PARAMETER;
	if (atom < FIRST_STRING_ATOM) {
		if (!atom)
			return STATUS_INVALID_PARAMETER;
		if (references)
			*references = 1;
		if (pinned)
			*pinned = 1;
		return give_name(text, (ULONG)_snwprintf(text, ARRAYSIZE(text), L"#%u", atom), name, length);
	}
	RtlAcquireSRWLockShared(&table->lock);
	entry = entry_of(table, atom);
	if (entry) {
		if (references)
			*references = entry->references;
		if (pinned)
			*pinned = entry->pinned;
		status = give_name(entry->name, entry->length, name, length);
	}
	RtlReleaseSRWLockShared(&table->lock);
	return status;
}
