// SPDX-License-Identifier: MIT
/* From an address to its RUNTIME_FUNCTION: the image's table, or one of the tables that a JIT registered (fixed, by
 * callback, growable). The list of those is under a lock that a look-up takes shared. */
#include "unwind.h"

typedef PRUNTIME_FUNCTION(CALLBACK *table_callback)(DWORD64, PVOID);
struct dynamic_table {
	LIST_ENTRY link;
	ULONG64 start, end, base;
	PRUNTIME_FUNCTION functions;
	volatile DWORD count;
	DWORD maximum;
	table_callback callback;
	void *context;
	ULONG64 identifier;  /* of a callback */
};
static LIST_ENTRY tables = { &tables, &tables };
static RTL_SRWLOCK tables_lock;
#define CALLBACK_TAG 3u   /* low bits of a callback table's identifier */

static PRUNTIME_FUNCTION search(PRUNTIME_FUNCTION functions, ULONG count, ULONG64 offset)
{
	ULONG low = 0, high = count;
	while (low < high) {
		ULONG middle = low + (high - low) / 2;
		if (offset < functions[middle].BeginAddress)
			high = middle;
		else if (offset >= functions[middle].EndAddress)
			low = middle + 1;
		else
			return &functions[middle];
	}
	return NULL;
}

/* Growable tables have no end of their last function before the next is added: the range's end bounds it. */
static PRUNTIME_FUNCTION search_image(ULONG64 base, ULONG64 pc)
{
	ULONG bytes;
	PRUNTIME_FUNCTION functions = RtlImageDirectoryEntryToData((HMODULE)base, TRUE, IMAGE_DIRECTORY_ENTRY_EXCEPTION, &bytes);
	return functions ? search(functions, bytes / sizeof(*functions), pc - base) : NULL;
}

static PRUNTIME_FUNCTION search_dynamic(ULONG64 pc, DWORD64 *base)
{
	PRUNTIME_FUNCTION found = NULL;
	table_callback callback = NULL;
	void *context = NULL;
	RtlAcquireSRWLockShared(&tables_lock);
	for (LIST_ENTRY *e = tables.Flink; e != &tables; e = e->Flink) {
		struct dynamic_table *t = CONTAINING_RECORD(e, struct dynamic_table, link);
		if (pc < t->start || pc >= t->end)
			continue;
		*base = t->base;
		callback = t->callback;
		context = t->context;
		if (!callback)
			found = search(t->functions, t->count, pc - t->base);
		if (found || callback)
			break;
	}
	RtlReleaseSRWLockShared(&tables_lock);
	return callback ? callback(pc, context) : found;
}

PRUNTIME_FUNCTION NTAPI RtlLookupFunctionEntry(DWORD64 pc, PDWORD64 base, PUNWIND_HISTORY_TABLE history)
{
	void *image;
	PRUNTIME_FUNCTION function;
	(void)history;
	if (RtlPcToFileHeader((void *)pc, &image)) {
		*base = (DWORD64)image;
		function = search_image(*base, pc);
	} else {
		*base = 0;
		function = search_dynamic(pc, base);
	}
	while (function && (function->UnwindData & 1))
		function = (PRUNTIME_FUNCTION)(*base + (function->UnwindData & ~1u));
	return function;
}

PRUNTIME_FUNCTION NTAPI RtlLookupFunctionTable(DWORD64 pc, PDWORD64 base, PULONG bytes);
PRUNTIME_FUNCTION NTAPI RtlLookupFunctionTable(DWORD64 pc, PDWORD64 base, PULONG bytes)
{
	void *image;
	if (!RtlPcToFileHeader((void *)pc, &image))
		return NULL;
	*base = (DWORD64)image;
	return RtlImageDirectoryEntryToData(image, TRUE, IMAGE_DIRECTORY_ENTRY_EXCEPTION, bytes);
}

static struct dynamic_table *table_add(const struct dynamic_table *value)
{
	struct dynamic_table *t = RtlAllocateHeap(current_peb()->ProcessHeap, 0, sizeof(*t));
	if (!t)
		return NULL;
	*t = *value;
	RtlAcquireSRWLockExclusive(&tables_lock);
	t->link = (LIST_ENTRY){ &tables, tables.Blink };
	tables.Blink->Flink = &t->link;
	tables.Blink = &t->link;
	RtlReleaseSRWLockExclusive(&tables_lock);
	return t;
}

static void table_unlink(struct dynamic_table *t)
{
	t->link.Flink->Blink = t->link.Blink;
	t->link.Blink->Flink = t->link.Flink;
}

BOOLEAN CDECL RtlAddFunctionTable(PRUNTIME_FUNCTION functions, DWORD count, DWORD64 base);
BOOLEAN CDECL RtlAddFunctionTable(PRUNTIME_FUNCTION functions, DWORD count, DWORD64 base)
{
	struct dynamic_table t = { .base = base, .functions = functions, .count = count, .maximum = count };
	t.start = base + (count ? functions[0].BeginAddress : 0);
	t.end = base + (count ? functions[count - 1].EndAddress : 0);
	return table_add(&t) != NULL;
}

BOOLEAN CDECL RtlInstallFunctionTableCallback(DWORD64 identifier, DWORD64 base, DWORD bytes, table_callback callback, PVOID context,
	PCWSTR dll);
BOOLEAN CDECL RtlInstallFunctionTableCallback(DWORD64 identifier, DWORD64 base, DWORD bytes, table_callback callback, PVOID context,
	PCWSTR dll)
{
	(void)dll; /* for debuggers in another process */
	if ((identifier & CALLBACK_TAG) != CALLBACK_TAG)
		return FALSE;
	struct dynamic_table t = { .start = base, .end = base + bytes, .base = base, .callback = callback, .context = context,
		.identifier = identifier };
	return table_add(&t) != NULL;
}

DWORD NTAPI RtlAddGrowableFunctionTable(void **table, PRUNTIME_FUNCTION functions, DWORD count, DWORD maximum, ULONG_PTR start,
	ULONG_PTR end);
DWORD NTAPI RtlAddGrowableFunctionTable(void **table, PRUNTIME_FUNCTION functions, DWORD count, DWORD maximum, ULONG_PTR start,
	ULONG_PTR end)
{
	struct dynamic_table t = { .start = start, .end = end, .base = start, .functions = functions, .count = count, .maximum = maximum };
	if (count > maximum)
		return (DWORD)STATUS_INVALID_PARAMETER;
	*table = table_add(&t);
	return *table ? STATUS_SUCCESS : (DWORD)STATUS_NO_MEMORY;
}
void NTAPI RtlGrowFunctionTable(void *table, DWORD count);
void NTAPI RtlGrowFunctionTable(void *table, DWORD count)
{
	struct dynamic_table *t = table;
	if (count <= t->maximum)
		__atomic_store_n(&t->count, count, __ATOMIC_RELEASE);
}
void NTAPI RtlDeleteGrowableFunctionTable(void *table);
void NTAPI RtlDeleteGrowableFunctionTable(void *table)
{
	RtlAcquireSRWLockExclusive(&tables_lock);
	table_unlink(table);
	RtlReleaseSRWLockExclusive(&tables_lock);
	RtlFreeHeap(current_peb()->ProcessHeap, 0, table);
}

BOOLEAN CDECL RtlDeleteFunctionTable(PRUNTIME_FUNCTION functions);
BOOLEAN CDECL RtlDeleteFunctionTable(PRUNTIME_FUNCTION functions)
{
	struct dynamic_table *found = NULL;
	RtlAcquireSRWLockExclusive(&tables_lock);
	for (LIST_ENTRY *e = tables.Flink; e != &tables && !found; e = e->Flink) {
		struct dynamic_table *t = CONTAINING_RECORD(e, struct dynamic_table, link);
		if (t->callback ? t->identifier == (ULONG64)functions : t->functions == functions)
			found = t;
	}
	if (found)
		table_unlink(found);
	RtlReleaseSRWLockExclusive(&tables_lock);
	if (found)
		RtlFreeHeap(current_peb()->ProcessHeap, 0, found);
	return found != NULL;
}
