// SPDX-License-Identifier: MIT
/* Handle tables of user mode: equal slots in one reservation, free ones linked. The owner of a slot sets bit 0 of its first
 * word to say that it is allocated. */
#include "rtl.h"

typedef struct _RTL_HANDLE { struct _RTL_HANDLE *next; } RTL_HANDLE;
struct handle_table { ULONG max_count, handle_bytes, unused[2]; RTL_HANDLE *next_free; char *first, *memory, *end; };

void NTAPI RtlInitializeHandleTable(ULONG max_count, ULONG handle_bytes, struct handle_table *table)
{
	*table = (struct handle_table){ .max_count = max_count, .handle_bytes = handle_bytes };
}

NTSTATUS NTAPI RtlDestroyHandleTable(struct handle_table *table)
{
	PVOID base = table->memory;
	SIZE_T bytes = 0;
	return base ? NtFreeVirtualMemory(NtCurrentProcess(), &base, &bytes, MEM_RELEASE) : STATUS_SUCCESS;
}

static bool reserve(struct handle_table *table)
{
	PVOID base = NULL;
	SIZE_T bytes = (SIZE_T)table->max_count * table->handle_bytes;
	ULONG i;
	if (table->memory || !bytes)
		return false;
	if (NtAllocateVirtualMemory(NtCurrentProcess(), &base, 0, &bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE))
		return false;
	table->memory = table->first = base;
	table->end = table->first + (SIZE_T)table->max_count * table->handle_bytes;
	for (i = table->max_count; i; i--) {
		RTL_HANDLE *handle = (RTL_HANDLE *)(table->first + (SIZE_T)(i - 1) * table->handle_bytes);
		handle->next = table->next_free;
		table->next_free = handle;
	}
	return true;
}

RTL_HANDLE *NTAPI RtlAllocateHandle(struct handle_table *table, ULONG *index)
{
	RTL_HANDLE *handle;
	if (!table->next_free && !reserve(table))
		return NULL;
	handle = table->next_free;
	table->next_free = handle->next;
	memset(handle, 0, table->handle_bytes);
	if (index)
		*index = (ULONG)(((char *)handle - table->first) / table->handle_bytes);
	return handle;
}

BOOLEAN NTAPI RtlIsValidHandle(const struct handle_table *table, const RTL_HANDLE *handle)
{
	const char *at = (const char *)handle;
	return at >= table->first && at < table->end && !((at - table->first) % table->handle_bytes) && ((uintptr_t)handle->next & 1);
}

BOOLEAN NTAPI RtlIsValidIndexHandle(const struct handle_table *table, ULONG index, RTL_HANDLE **handle)
{
	RTL_HANDLE *found;
	if (index >= table->max_count || !table->first)
		return FALSE;
	found = (RTL_HANDLE *)(table->first + (SIZE_T)index * table->handle_bytes);
	if (!RtlIsValidHandle(table, found))
		return FALSE;
	*handle = found;
	return TRUE;
}

BOOLEAN NTAPI RtlFreeHandle(struct handle_table *table, RTL_HANDLE *handle)
{
	if (!RtlIsValidHandle(table, handle))
		return FALSE;
	memset(handle, 0, table->handle_bytes);
	handle->next = table->next_free;
	table->next_free = handle;
	return TRUE;
}
