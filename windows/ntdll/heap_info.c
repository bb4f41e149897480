// SPDX-License-Identifier: MIT
/* The heap's inspection side: user values, walk, validation, lock, compatibility information. */
#include "heap.h"

BOOLEAN NTAPI RtlLockHeap(HANDLE handle);
BOOLEAN NTAPI RtlLockHeap(HANDLE handle)
{
	struct heap *heap = heap_of(handle);
	if (heap)
		heap_enter(heap, 0);
	return heap != NULL;
}
BOOLEAN NTAPI RtlUnlockHeap(HANDLE handle);
BOOLEAN NTAPI RtlUnlockHeap(HANDLE handle)
{
	struct heap *heap = heap_of(handle);
	if (heap)
		heap_leave(heap, 0);
	return heap != NULL;
}
ULONG NTAPI RtlGetProcessHeaps(ULONG count, HANDLE *heaps);
ULONG NTAPI RtlGetProcessHeaps(ULONG count, HANDLE *heaps)
{
	ULONG found = 0;
	RtlAcquireSRWLockShared(&heap_list_lock);
	for (LIST_ENTRY *link = heap_list.Flink; link != &heap_list; link = link->Flink, found++)
		if (found < count)
			heaps[found] = CONTAINING_RECORD(link, struct heap, link);
	RtlReleaseSRWLockShared(&heap_list_lock);
	return found;
}
BOOLEAN NTAPI RtlGetUserInfoHeap(HANDLE handle, ULONG flags, void *memory, void **value, ULONG *user_flags);
BOOLEAN NTAPI RtlGetUserInfoHeap(HANDLE handle, ULONG flags, void *memory, void **value, ULONG *user_flags)
{
	struct heap *heap = heap_of(handle);
	if (!heap)
		return FALSE;
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	if (block) {
		if (heap_user_value(block))
			*value = *heap_user_value(block);
		*user_flags = heap_user_flags(block);
	}
	heap_leave(heap, flags);
	return block != NULL;
}
BOOLEAN NTAPI RtlSetUserValueHeap(HANDLE handle, ULONG flags, void *memory, void *value);
BOOLEAN NTAPI RtlSetUserValueHeap(HANDLE handle, ULONG flags, void *memory, void *value)
{
	struct heap *heap = heap_of(handle);
	if (!heap)
		return FALSE;
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	void **stored = block ? heap_user_value(block) : NULL;
	if (stored)
		*stored = value;
	heap_leave(heap, flags);
	return stored != NULL;
}
BOOLEAN NTAPI RtlSetUserFlagsHeap(HANDLE handle, ULONG flags, void *memory, ULONG clear, ULONG set);
BOOLEAN NTAPI RtlSetUserFlagsHeap(HANDLE handle, ULONG flags, void *memory, ULONG clear, ULONG set)
{
	struct heap *heap = heap_of(handle);
	if (!heap || ((clear | set) & ~HEAP_USER_FLAGS))
		return heap_refuse();
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	if (block)
		block->kind = (uint8_t)((block->kind & ~(clear >> BLOCK_USER_SHIFT)) | set >> BLOCK_USER_SHIFT);
	heap_leave(heap, flags);
	return block != NULL;
}
static bool segment_valid(struct heap *heap, const struct heap_segment *segment)
{
	const struct heap_block *mark = (const struct heap_block *)(segment->committed_end - HEAP_END_BYTES);
	struct heap_block *block = (struct heap_block *)segment->first_block;
	uint32_t free_before = 0;
	for (; block < mark; block = heap_next(block)) {
		bool told = block->kind & BLOCK_PREVIOUS_FREE;
		if (told != (free_before != 0) || (told && block->prev_units != free_before) || block->units < 2 || heap_next(block) > mark)
			return false;
		free_before = heap_state(block) == HEAP_FREE ? block->units : 0;
		if (free_before ? (heap->flags & HEAP_FREE_CHECKING_ENABLED) && !heap_free_intact(block) :
				!heap_busy_block(heap, block + 1) || !heap_tail_intact(heap, block))
			return false;
	}
	return block == mark && heap_state(mark) == HEAP_END && !(mark->kind & BLOCK_PREVIOUS_FREE) == !free_before;
}
/* Safe for any address, unlike heap_busy_block. */
static bool memory_is_ours(struct heap *heap, const void *memory)
{
	for (LIST_ENTRY *link = heap->segments.Flink; link != &heap->segments; link = link->Flink) {
		const struct heap_segment *segment = CONTAINING_RECORD(link, struct heap_segment, link);
		if ((const char *)memory > segment->first_block && (const char *)memory < segment->committed_end)
			return true;
	}
	for (LIST_ENTRY *link = heap->large.Flink; link != &heap->large; link = link->Flink)
		if (CONTAINING_RECORD(link, struct heap_large, link) + 1 == memory)
			return true;
	return false;
}
BOOLEAN NTAPI RtlValidateHeap(HANDLE handle, ULONG flags, const void *memory);
BOOLEAN NTAPI RtlValidateHeap(HANDLE handle, ULONG flags, const void *memory)
{
	struct heap *heap = heap_of(handle);
	bool valid = true;
	if (!heap)
		return FALSE;
	heap_enter(heap, flags);
	if (memory) {
		struct heap_block *block = memory_is_ours(heap, memory) ? heap_busy_block(heap, memory) : NULL;
		valid = block && heap_tail_intact(heap, block);
	} else {
		for (LIST_ENTRY *link = heap->segments.Flink; link != &heap->segments && valid; link = link->Flink)
			valid = segment_valid(heap, CONTAINING_RECORD(link, struct heap_segment, link));
	}
	heap_leave(heap, flags);
	return valid;
}
SIZE_T NTAPI RtlCompactHeap(HANDLE handle, ULONG flags);
SIZE_T NTAPI RtlCompactHeap(HANDLE handle, ULONG flags)
{
	struct heap *heap = heap_of(handle);
	SIZE_T largest = 0;
	if (!heap)
		return 0;
	heap_enter(heap, flags);
	for (LIST_ENTRY *link = heap->segments.Flink; link != &heap->segments; link = link->Flink) {
		struct heap_block *block = (struct heap_block *)CONTAINING_RECORD(link, struct heap_segment, link)->first_block;
		for (; heap_state(block) != HEAP_END; block = heap_next(block))
			if (heap_state(block) == HEAP_FREE && (SIZE_T)block->units * HEAP_UNIT > largest)
				largest = (SIZE_T)block->units * HEAP_UNIT;
	}
	heap_leave(heap, flags);
	return largest;
}

/* Walk entries as kernelbase's HeapWalk reads them. */
struct walk_entry {
	void *data;
	SIZE_T bytes;
	BYTE overhead, region;
	WORD flags;
	union {
		struct { HANDLE memory; DWORD reserved[3]; } block;
		struct { DWORD committed, uncommitted; void *first, *last; } region_info;
	};
};
enum { WALK_BUSY = 1, WALK_REGION = 2, WALK_BLOCK = 0x10, WALK_UNCOMMITTED = 0x1000, WALK_COMMITTED = 0x4000 };

static void walk_region(struct walk_entry *entry, const struct heap_segment *segment, BYTE index)
{
	*entry = (struct walk_entry){ .data = segment->base, .bytes = (SIZE_T)(segment->first_block - (char *)segment->base), .region = index,
		.flags = WALK_REGION };
	entry->region_info.committed = (DWORD)(segment->committed_end - (char *)segment->base);
	entry->region_info.uncommitted = (DWORD)(segment->reserved_end - segment->committed_end);
	entry->region_info.first = (void *)segment->first_block;
	entry->region_info.last = segment->reserved_end;
}
/* A free block: behind its header and its links; busy: what of it the caller did not get is overhead. */
static void walk_block(struct walk_entry *entry, struct heap_block *block, BYTE index)
{
	SIZE_T all = (SIZE_T)block->units * HEAP_UNIT, bytes = heap_state(block) == HEAP_FREE ? 0 : heap_block_bytes(block);
	if (heap_state(block) == HEAP_FREE)
		*entry = (struct walk_entry){ .data = (struct heap_free *)block + 1, .bytes = all - sizeof(struct heap_free),
			.overhead = sizeof(struct heap_free), .region = index };
	else
		*entry = (struct walk_entry){ .data = block + 1, .bytes = bytes, .overhead = (BYTE)(all ? all - bytes : 0), .region = index,
			.flags = WALK_COMMITTED | WALK_BUSY | WALK_BLOCK };
}
static NTSTATUS walk_large(struct walk_entry *entry, struct heap *heap, LIST_ENTRY *link)
{
	if (link == &heap->large)
		return STATUS_NO_MORE_ENTRIES;
	walk_block(entry, &CONTAINING_RECORD(link, struct heap_large, link)->block, 64);
	return STATUS_SUCCESS;
}
static NTSTATUS walk_segment(struct walk_entry *entry, struct heap *heap, LIST_ENTRY *link, BYTE index)
{
	if (link == &heap->segments)
		return walk_large(entry, heap, heap->large.Flink);
	walk_region(entry, CONTAINING_RECORD(link, struct heap_segment, link), index);
	return STATUS_SUCCESS;
}
static NTSTATUS walk_from(struct walk_entry *entry, struct heap_segment *segment, struct heap_block *block)
{
	BYTE index = entry->region;
	if (heap_state(block) != HEAP_END) {
		walk_block(entry, block, index);
		return STATUS_SUCCESS;
	}
	*entry = (struct walk_entry){ .data = segment->committed_end, .region = index, .flags = WALK_UNCOMMITTED,
		.bytes = (SIZE_T)(segment->reserved_end - segment->committed_end) };
	return STATUS_SUCCESS;
}
static NTSTATUS walk(struct heap *heap, struct walk_entry *entry)
{
	if (!entry->data)
		return walk_segment(entry, heap, heap->segments.Flink, 0);
	if (entry->region == 64) {
		struct heap_block *block = heap_busy_block(heap, entry->data);
		return block ? walk_large(entry, heap, heap_large_of(block)->link.Flink) : STATUS_INVALID_PARAMETER;
	}
	for (LIST_ENTRY *link = heap->segments.Flink; link != &heap->segments; link = link->Flink) {
		struct heap_segment *segment = CONTAINING_RECORD(link, struct heap_segment, link);
		char *at = entry->data;
		if (at < (char *)segment->base || at > segment->reserved_end)
			continue;
		if (entry->flags & WALK_UNCOMMITTED)
			return walk_segment(entry, heap, link->Flink, (BYTE)(entry->region + 1));
		if (entry->flags & WALK_REGION)
			return walk_from(entry, segment, (struct heap_block *)segment->first_block);
		struct heap_block *block = entry->flags & WALK_BUSY ? heap_block_of(at) : &((struct heap_free *)at - 1)->block;
		return walk_from(entry, segment, heap_next(block));
	}
	return STATUS_INVALID_PARAMETER;
}
NTSTATUS NTAPI RtlWalkHeap(HANDLE handle, struct walk_entry *entry);
NTSTATUS NTAPI RtlWalkHeap(HANDLE handle, struct walk_entry *entry)
{
	struct heap *heap = heap_of(handle);
	if (!heap || !entry)
		return (DWORD)STATUS_INVALID_HANDLE;
	heap_enter(heap, 0);
	NTSTATUS status = walk(heap, entry);
	heap_leave(heap, 0);
	return status;
}
#define COMPATIBILITY_INFORMATION 0
#define TERMINATE_ON_CORRUPTION 1
#define OPTIMIZE_RESOURCES 3
#define LOW_FRAGMENTATION 2u
DWORD NTAPI RtlQueryHeapInformation(PVOID handle, HEAP_INFORMATION_CLASS class, PVOID info, SIZE_T bytes, PSIZE_T needed)
{
	struct heap *heap = heap_of(handle);
	if ((int)class != COMPATIBILITY_INFORMATION)
		return (DWORD)STATUS_INVALID_INFO_CLASS;
	if (needed)
		*needed = sizeof(ULONG);
	if (bytes < sizeof(ULONG))
		return (DWORD)STATUS_BUFFER_TOO_SMALL;
	if (!heap)
		return (DWORD)STATUS_ACCESS_VIOLATION;
	*(ULONG *)info = heap->compatibility;
	return STATUS_SUCCESS;
}
DWORD NTAPI RtlSetHeapInformation(PVOID handle, HEAP_INFORMATION_CLASS class, PVOID info, SIZE_T bytes)
{
	struct heap *heap = heap_of(handle);
	if ((int)class == TERMINATE_ON_CORRUPTION || (int)class == OPTIMIZE_RESOURCES)
		return STATUS_SUCCESS; /* what they ask for is how this heap is */
	if ((int)class != COMPATIBILITY_INFORMATION)
		return (DWORD)STATUS_INVALID_INFO_CLASS;
	if (bytes < sizeof(ULONG))
		return (DWORD)STATUS_BUFFER_TOO_SMALL;
	if (!heap)
		return (DWORD)STATUS_INVALID_HANDLE;
	ULONG wanted = *(const ULONG *)info;
	if (wanted != LOW_FRAGMENTATION || !heap->growable || (heap->flags & HEAP_NO_SERIALIZE))
		return (DWORD)STATUS_UNSUCCESSFUL;
	heap->compatibility = LOW_FRAGMENTATION; /* how this heap is anyway */
	return STATUS_SUCCESS;
}
