// SPDX-License-Identifier: MIT
/* Debug information of a process (own heaps only), exported functions by name, mapped files compared. */
#include "rtl.h"

struct debug_buffer {
	HANDLE section;
	PVOID base, remote_base;
	ULONG base_delta;
	HANDLE event_pair;
	ULONG unknown[2];
	HANDLE remote_thread;
	ULONG mask, information_bytes, allocated, section_bytes;
	PVOID modules, traces, heaps, locks, reserved[8];
};
struct heap_information {
	PVOID base;
	ULONG flags;
	USHORT entry_overhead, creator;
	SIZE_T allocated, committed;
	ULONG tags, entries, pseudo_tags, granularity, reserved[5];
	PVOID tag_list, entry_list;
};
struct process_heaps { ULONG count; struct heap_information heaps[]; };
#define HEAPS_LISTED 64
#define QUERY_HEAPS 0x04u
#define QUERY_HEAP_BLOCKS 0x10u

struct debug_buffer *NTAPI RtlCreateQueryDebugBuffer(ULONG bytes, BOOLEAN events)
{
	ULONG total = (ULONG)(sizeof(struct debug_buffer) + sizeof(struct process_heaps) + HEAPS_LISTED * sizeof(struct heap_information));
	struct debug_buffer *buffer = heap_allocate_zeroed(total);
	if (buffer) {
		buffer->base = buffer;
		buffer->section_bytes = total;
	}
	return buffer;
}

NTSTATUS NTAPI RtlDestroyQueryDebugBuffer(struct debug_buffer *buffer)
{
	heap_free(buffer);
	return STATUS_SUCCESS;
}

ULONG NTAPI RtlGetProcessHeaps(ULONG, HANDLE *);

NTSTATUS NTAPI RtlQueryProcessDebugInformation(ULONG process, ULONG mask, struct debug_buffer *buffer)
{
	struct process_heaps *list = (struct process_heaps *)(buffer + 1);
	HANDLE heaps[HEAPS_LISTED];
	ULONG i;
	if (process != (ULONG)(uintptr_t)current_teb()->ClientId.UniqueProcess)
		return STATUS_INVALID_CID;
	if (mask & ~(QUERY_HEAPS | QUERY_HEAP_BLOCKS))
		return STATUS_NOT_IMPLEMENTED;
	buffer->mask = mask;
	list->count = RtlGetProcessHeaps(HEAPS_LISTED, heaps);
	if (list->count > HEAPS_LISTED)
		list->count = HEAPS_LISTED;
	for (i = 0; i < list->count; i++)
		list->heaps[i] = (struct heap_information){ .base = heaps[i] };
	buffer->heaps = list;
	return STATUS_SUCCESS;
}

PVOID NTAPI RtlFindExportedRoutineByName(HMODULE module, const char *name)
{
	ULONG bytes;
	const IMAGE_NT_HEADERS *nt = RtlImageNtHeader(module);
	char *base = (char *)module; /* any view of an image: the loader need not know it */
	const IMAGE_EXPORT_DIRECTORY *exports = RtlImageDirectoryEntryToData(module, TRUE, IMAGE_DIRECTORY_ENTRY_EXPORT, &bytes);
	if (!nt || !exports)
		return NULL;
	const DWORD *names = (const void *)(base + exports->AddressOfNames), *functions = (const void *)(base + exports->AddressOfFunctions);
	const WORD *ordinals = (const void *)(base + exports->AddressOfNameOrdinals);
	DWORD low = 0, high = exports->NumberOfNames, start = (DWORD)((const char *)exports - base);
	while (low < high) {
		DWORD middle = low + (high - low) / 2;
		int order = strcmp(name, base + names[middle]);
		if (!order) {
			DWORD rva = ordinals[middle] < exports->NumberOfFunctions ? functions[ordinals[middle]] : 0;
			return rva && rva - start >= bytes ? base + rva : NULL; /* inside the directory: a forwarder */
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

#define MEMORY_BASIC 0
#define MEMORY_MAPPED_NAME 2
#define NAME_BYTES 1024 /* a longer name cannot be compared and is refused by the call */

NTSTATUS NTAPI NtAreMappedFilesTheSame(PVOID a, PVOID b)
{
	MEMORY_BASIC_INFORMATION first, second;
	char names[2][NAME_BYTES];
	UNICODE_STRING *first_name = (UNICODE_STRING *)names[0], *second_name = (UNICODE_STRING *)names[1];
	NTSTATUS status = NtQueryVirtualMemory(NtCurrentProcess(), a, MEMORY_BASIC, &first, sizeof(first), NULL);
	if (!status)
		status = NtQueryVirtualMemory(NtCurrentProcess(), b, MEMORY_BASIC, &second, sizeof(second), NULL);
	if (status || first.State == MEM_FREE || second.State == MEM_FREE)
		return STATUS_INVALID_ADDRESS;
	if (first.Type == MEM_PRIVATE || second.Type == MEM_PRIVATE)
		return STATUS_CONFLICTING_ADDRESSES;
	if (first.AllocationBase == second.AllocationBase)
		return STATUS_SUCCESS;
	if (first.Type != MEM_IMAGE || second.Type != MEM_IMAGE)
		return STATUS_NOT_SAME_DEVICE;
	status = NtQueryVirtualMemory(NtCurrentProcess(), a, MEMORY_MAPPED_NAME, first_name, NAME_BYTES, NULL);
	if (!status)
		status = NtQueryVirtualMemory(NtCurrentProcess(), b, MEMORY_MAPPED_NAME, second_name, NAME_BYTES, NULL);
	if (status)
		return status;
	return RtlEqualUnicodeString(first_name, second_name, TRUE) ? STATUS_SUCCESS : STATUS_NOT_SAME_DEVICE;
}
