// SPDX-License-Identifier: MIT
/* The heap: allocate, free, reallocate, create, destroy (rules in heap.h). */
#include "heap.h"

LIST_ENTRY heap_list = { &heap_list, &heap_list };
RTL_SRWLOCK heap_list_lock;

struct heap *heap_of(HANDLE handle)
{
	struct heap *heap = handle;
	return heap && !((ULONG_PTR)heap & (PAGE_BYTES - 1)) && heap->magic == HEAP_MAGIC ? heap : NULL;
}
void heap_enter(struct heap *heap, ULONG flags)
{
	if (!((heap->flags | flags) & HEAP_NO_SERIALIZE))
		RtlEnterCriticalSection(&heap->lock);
}
void heap_leave(struct heap *heap, ULONG flags)
{
	if (!((heap->flags | flags) & HEAP_NO_SERIALIZE))
		RtlLeaveCriticalSection(&heap->lock);
}
struct heap_block *heap_busy_block(struct heap *heap, const void *memory)
{
	struct heap_block *block = heap_block_of(memory);
	if (!memory || ((ULONG_PTR)memory & (HEAP_UNIT - 1)))
		return NULL;
	if ((block->state != HEAP_BUSY && block->state != HEAP_LARGE) || block->check != heap_check(heap, block))
		return NULL;
	return block;
}

static unsigned highest_bit(uint32_t value) { return 31 - (unsigned)__builtin_clz(value); }
struct bin { unsigned level, sub; };
static struct bin bin_of(uint32_t units)
{
	if (units < HEAP_SUB_BINS)
		return (struct bin){ 0, units };
	unsigned high = highest_bit(units);
	return (struct bin){ high - HEAP_SUB_SHIFT + 1, units >> (high - HEAP_SUB_SHIFT) & (HEAP_SUB_BINS - 1) };
}
static void bin_insert(struct heap *heap, struct heap_block *block)
{
	struct bin at = bin_of(block->units);
	struct heap_free *entry = (struct heap_free *)block, **head = &heap->bins[at.level][at.sub];
	block->state = HEAP_FREE;
	entry->next = *head;
	entry->previous = NULL;
	if (*head)
		(*head)->previous = entry;
	*head = entry;
	heap->level_map |= 1u << at.level;
	heap->bin_maps[at.level] |= 1u << at.sub;
}
static void bin_remove(struct heap *heap, struct heap_block *block)
{
	struct bin at = bin_of(block->units);
	struct heap_free *entry = (struct heap_free *)block;
	if (entry->next)
		entry->next->previous = entry->previous;
	if (entry->previous)
		entry->previous->next = entry->next;
	else if (!(heap->bins[at.level][at.sub] = entry->next) && !(heap->bin_maps[at.level] &= ~(1u << at.sub)))
		heap->level_map &= ~(1u << at.level);
}
/* A free block of at least units: any member of a bin whose least size is enough. */
static struct heap_block *bin_find(struct heap *heap, uint32_t units)
{
	uint32_t rounded = units;
	if (units >= HEAP_SUB_BINS)
		rounded += (1u << (highest_bit(units) - HEAP_SUB_SHIFT)) - 1;
	struct bin at = bin_of(rounded);
	uint32_t map = heap->bin_maps[at.level] & ~0u << at.sub;
	if (!map) {
		uint32_t levels = at.level + 1 < HEAP_LEVELS ? heap->level_map & ~0u << (at.level + 1) : 0;
		if (!levels)
			return NULL;
		at.level = (unsigned)__builtin_ctz(levels);
		map = heap->bin_maps[at.level];
	}
	return &heap->bins[at.level][__builtin_ctz(map)]->block;
}
#define LEAST_UNITS 2u
static void split(struct heap *heap, struct heap_block *block, uint32_t units)
{
	uint32_t rest = block->units - units;
	if (rest < LEAST_UNITS)
		return;
	block->units = units;
	struct heap_block *second = heap_next(block), *after;
	second->units = rest;
	second->prev_units = units;
	after = heap_next(second);
	if (after->state == HEAP_FREE) { /* shrinking in place: keep invariant 3 */
		bin_remove(heap, after);
		second->units += after->units;
		after = heap_next(second);
	}
	after->prev_units = second->units;
	bin_insert(heap, second);
}
static struct heap_block *release_block(struct heap *heap, struct heap_block *block)
{
	struct heap_block *next = heap_next(block);
	if (next->state == HEAP_FREE) {
		bin_remove(heap, next);
		block->units += next->units;
	}
	if (block->prev_units) {
		struct heap_block *previous = (struct heap_block *)((char *)block - (SIZE_T)block->prev_units * HEAP_UNIT);
		if (previous->state == HEAP_FREE) {
			bin_remove(heap, previous);
			previous->units += block->units;
			block->state = 0;
			block = previous;
		}
	}
	heap_next(block)->prev_units = block->units;
	bin_insert(heap, block);
	return block;
}

static bool commit(void *address, SIZE_T bytes)
{
	return !NtAllocateVirtualMemory(NtCurrentProcess(), &address, 0, &bytes, MEM_COMMIT, PAGE_READWRITE);
}
/* One free block over [start, end) of a segment whose bookkeeping says committed_end == end. */
static void segment_open(struct heap *heap, char *start, char *end, uint32_t prev_units)
{
	struct heap_block *block = (struct heap_block *)start, *mark = (struct heap_block *)end - 1;
	block->units = (uint32_t)(((char *)mark - start) / HEAP_UNIT);
	block->prev_units = prev_units;
	*mark = (struct heap_block){ .prev_units = block->units, .state = HEAP_END };
	release_block(heap, block);
}
/* More committed memory at the end of a segment: its end mark becomes the start of the new free block. */
static bool segment_grow(struct heap *heap, struct heap_segment *segment, SIZE_T bytes)
{
	SIZE_T left = (SIZE_T)(segment->reserved_end - segment->committed_end);
	if (bytes > left)
		return false;
	bytes = ROUND_UP(bytes, HEAP_COMMIT_STEP) > left ? left : ROUND_UP(bytes, HEAP_COMMIT_STEP);
	if (!commit(segment->committed_end, bytes))
		return false;
	struct heap_block *mark = (struct heap_block *)segment->committed_end - 1;
	segment->committed_end += bytes;
	segment_open(heap, (char *)mark, segment->committed_end, mark->prev_units);
	return true;
}
static bool segment_add(struct heap *heap, SIZE_T bytes)
{
	void *base = NULL;
	SIZE_T reserve = heap->next_reserve;
	while (reserve < bytes + 2 * PAGE_BYTES)
		reserve *= 2;
	if (NtAllocateVirtualMemory(NtCurrentProcess(), &base, 0, &reserve, MEM_RESERVE, PAGE_READWRITE))
		return false;
	SIZE_T first = ROUND_UP(bytes + PAGE_BYTES, HEAP_COMMIT_STEP);
	if (first > reserve)
		first = reserve;
	if (!commit(base, first)) {
		reserve = 0;
		NtFreeVirtualMemory(NtCurrentProcess(), &base, &reserve, MEM_RELEASE);
		return false;
	}
	struct heap_segment *segment = base;
	segment->base = base;
	segment->first_block = (char *)base + ROUND_UP(sizeof(*segment), HEAP_UNIT);
	segment->committed_end = (char *)base + first;
	segment->reserved_end = (char *)base + reserve;
	segment->link.Flink = &heap->segments;
	segment->link.Blink = heap->segments.Blink;
	heap->segments.Blink->Flink = &segment->link;
	heap->segments.Blink = &segment->link;
	segment_open(heap, segment->first_block, segment->committed_end, 0);
	if (heap->next_reserve < HEAP_SEGMENT_LIMIT)
		heap->next_reserve *= 2;
	return true;
}
static bool heap_grow(struct heap *heap, SIZE_T bytes)
{
	SIZE_T wanted = bytes + bytes / HEAP_SUB_BINS + HEAP_UNIT; /* bin_find rounds up by at most one sub-bin */
	for (LIST_ENTRY *link = heap->segments.Flink; link != &heap->segments; link = link->Flink)
		if (segment_grow(heap, CONTAINING_RECORD(link, struct heap_segment, link), wanted))
			return true;
	return heap->growable && segment_add(heap, wanted);
}
/* A segment that is one free block goes back, except the first. */
static void segment_return(struct heap *heap, struct heap_block *block)
{
	if (block->prev_units || heap_next(block)->state != HEAP_END)
		return;
	struct heap_segment *segment = (struct heap_segment *)((char *)block - ROUND_UP(sizeof(*segment), HEAP_UNIT));
	if ((char *)block == heap->first.first_block)
		return;
	bin_remove(heap, block);
	segment->link.Blink->Flink = segment->link.Flink;
	segment->link.Flink->Blink = segment->link.Blink;
	void *base = segment->base;
	SIZE_T bytes = 0;
	NtFreeVirtualMemory(NtCurrentProcess(), &base, &bytes, MEM_RELEASE);
}

static void *large_allocate(struct heap *heap, SIZE_T bytes)
{
	void *base = NULL;
	SIZE_T mapped = bytes + sizeof(struct heap_large);
	if (!heap->growable || mapped < bytes ||
		NtAllocateVirtualMemory(NtCurrentProcess(), &base, 0, &mapped, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE))
		return NULL;
	struct heap_large *large = base;
	large->bytes = bytes;
	large->mapped = mapped;
	large->block.state = HEAP_LARGE;
	large->block.check = heap_check(heap, &large->block);
	large->link.Flink = heap->large.Flink;
	large->link.Blink = &heap->large;
	heap->large.Flink->Blink = &large->link;
	heap->large.Flink = &large->link;
	return large + 1;
}
static void large_free(struct heap_large *large)
{
	void *base = large;
	SIZE_T bytes = 0;
	large->link.Blink->Flink = large->link.Flink;
	large->link.Flink->Blink = large->link.Blink;
	NtFreeVirtualMemory(NtCurrentProcess(), &base, &bytes, MEM_RELEASE);
}
#define HEAP_ADD_USER_INFO 0x100u /* HEAP_SETTABLE_USER_VALUE */
static uint32_t units_for(SIZE_T bytes, SIZE_T extra)
{
	SIZE_T units = (ROUND_UP(bytes ? bytes : 1, HEAP_UNIT) + extra) / HEAP_UNIT + 1;
	return (uint32_t)(units < LEAST_UNITS ? LEAST_UNITS : units);
}
static void set_busy(struct heap *heap, struct heap_block *block, SIZE_T bytes)
{
	block->state = HEAP_BUSY;
	block->check = heap_check(heap, block);
	block->unused = (uint16_t)((SIZE_T)block->units * HEAP_UNIT - sizeof(*block) - heap_user_room(block) - bytes);
}
static void *allocate_locked(struct heap *heap, ULONG flags, SIZE_T bytes)
{
	if (bytes >= HEAP_LARGE_BYTES)
		return large_allocate(heap, bytes);
	uint8_t block_flags = flags & HEAP_ADD_USER_INFO ? BLOCK_HAS_USER_VALUE : 0;
	uint32_t units = units_for(bytes, block_flags ? HEAP_UNIT : 0);
	struct heap_block *block = bin_find(heap, units);
	if (!block && (!heap_grow(heap, (SIZE_T)units * HEAP_UNIT) || !(block = bin_find(heap, units))))
		return NULL;
	bin_remove(heap, block);
	split(heap, block, units);
	block->flags = block_flags;
	block->user_flags = (uint16_t)(flags & 0xe00); /* HEAP_SETTABLE_USER_FLAGS */
	set_busy(heap, block, bytes);
	if (block_flags)
		*heap_user_value(block) = NULL;
	return block + 1;
}
static void *allocation_failed(ULONG flags)
{
	current_teb()->LastStatusValue = STATUS_NO_MEMORY;
	if (flags & HEAP_GENERATE_EXCEPTIONS)
		RtlRaiseStatus(STATUS_NO_MEMORY);
	return NULL;
}
static bool status_invalid(void)
{
	current_teb()->LastStatusValue = STATUS_INVALID_PARAMETER;
	RtlSetLastWin32Error(ERROR_INVALID_PARAMETER);
	return false;
}
PVOID NTAPI RtlAllocateHeap(HANDLE handle, ULONG flags, SIZE_T bytes)
{
	struct heap *heap = heap_of(handle);
	if (!heap) {
		status_invalid();
		return NULL;
	}
	heap_enter(heap, flags);
	void *memory = allocate_locked(heap, flags, bytes);
	heap_leave(heap, flags);
	if (!memory)
		return allocation_failed(heap->flags | flags);
	if (((heap->flags | flags) & HEAP_ZERO_MEMORY) && bytes < HEAP_LARGE_BYTES)
		memset(memory, 0, bytes);
	return memory;
}
static void free_locked(struct heap *heap, struct heap_block *block)
{
	if (block->state == HEAP_LARGE)
		large_free(heap_large_of(block));
	else
		segment_return(heap, release_block(heap, block));
}
BOOLEAN NTAPI RtlFreeHeap(HANDLE handle, ULONG flags, PVOID memory)
{
	struct heap *heap = heap_of(handle);
	if (!memory)
		return TRUE;
	if (!heap)
		return status_invalid();
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	if (block)
		free_locked(heap, block);
	heap_leave(heap, flags);
	return block ? TRUE : status_invalid();
}
static bool grow_in_place(struct heap *heap, struct heap_block *block, uint32_t units)
{
	struct heap_block *next = heap_next(block);
	if (next->state != HEAP_FREE || block->units + next->units < units)
		return false;
	bin_remove(heap, next);
	block->units += next->units;
	heap_next(block)->prev_units = block->units;
	split(heap, block, units);
	return true;
}
/* True: the block at its place now holds bytes. */
static bool resize_in_place(struct heap *heap, struct heap_block *block, SIZE_T bytes)
{
	if (block->state == HEAP_LARGE) {
		struct heap_large *large = heap_large_of(block);
		if (bytes < HEAP_LARGE_BYTES / 2 || bytes + sizeof(*large) > large->mapped)
			return false;
		large->bytes = bytes;
		return true;
	}
	if (bytes >= HEAP_LARGE_BYTES)
		return false;
	void *value = block->flags & BLOCK_HAS_USER_VALUE ? *heap_user_value(block) : NULL;
	uint32_t units = units_for(bytes, heap_user_room(block));
	if (units > block->units) {
		if (!grow_in_place(heap, block, units))
			return false;
	} else {
		split(heap, block, units);
	}
	set_busy(heap, block, bytes);
	if (block->flags & BLOCK_HAS_USER_VALUE)
		*heap_user_value(block) = value;
	return true;
}
static void *move_block(struct heap *heap, ULONG flags, struct heap_block *block, SIZE_T old, SIZE_T bytes)
{
	void **value = heap_user_value(block);
	void *memory = allocate_locked(heap, flags | (value ? HEAP_ADD_USER_INFO : 0), bytes);
	if (!memory)
		return NULL;
	memcpy(memory, block + 1, old < bytes ? old : bytes);
	if (value && heap_user_value(heap_block_of(memory)))
		*heap_user_value(heap_block_of(memory)) = *value;
	heap_block_of(memory)->user_flags = block->user_flags;
	free_locked(heap, block);
	return memory;
}
PVOID NTAPI RtlReAllocateHeap(HANDLE handle, ULONG flags, PVOID memory, SIZE_T bytes)
{
	struct heap *heap = heap_of(handle);
	if (!memory) {
		RtlSetLastWin32Error(ERROR_SUCCESS);
		return NULL;
	}
	if (!heap) {
		status_invalid();
		return NULL;
	}
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	SIZE_T old = block ? heap_block_bytes(block) : 0;
	void *result = NULL;
	if (block && resize_in_place(heap, block, bytes))
		result = memory;
	else if (block && !(flags & HEAP_REALLOC_IN_PLACE_ONLY))
		result = move_block(heap, flags, block, old, bytes);
	heap_leave(heap, flags);
	if (!block)
		status_invalid();
	else if (!result)
		return allocation_failed(heap->flags | flags);
	else if (((heap->flags | flags) & HEAP_ZERO_MEMORY) && bytes > old)
		memset((char *)result + old, 0, bytes - old);
	return result;
}
SIZE_T NTAPI RtlSizeHeap(HANDLE handle, ULONG flags, const void *memory)
{
	struct heap *heap = heap_of(handle);
	SIZE_T bytes = ~(SIZE_T)0;
	if (!heap) {
		status_invalid();
		return bytes;
	}
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	if (block)
		bytes = heap_block_bytes(block);
	else
		status_invalid();
	heap_leave(heap, flags);
	return bytes;
}
static void heap_setup(struct heap *heap, ULONG flags, SIZE_T reserve, SIZE_T committed, bool growable)
{
	heap->magic = HEAP_MAGIC;
	heap->flags = flags & (HEAP_NO_SERIALIZE | HEAP_GENERATE_EXCEPTIONS | HEAP_ZERO_MEMORY | HEAP_CREATE_ENABLE_EXECUTE | HEAP_GROWABLE);
	heap->growable = growable;
	heap->key = (uint16_t)(__builtin_ia32_rdtsc() ^ (ULONG_PTR)heap >> 12);
	heap->next_reserve = HEAP_FIRST_RESERVE;
	heap->segments.Flink = heap->segments.Blink = &heap->first.link;
	heap->first.link.Flink = heap->first.link.Blink = &heap->segments;
	heap->large.Flink = heap->large.Blink = &heap->large;
	RtlInitializeCriticalSectionEx(&heap->lock, 0, RTL_CRITICAL_SECTION_FLAG_NO_DEBUG_INFO);
	heap->first.base = heap;
	heap->first.first_block = (char *)ROUND_UP((ULONG_PTR)(heap + 1), HEAP_UNIT);
	heap->first.committed_end = (char *)heap + committed;
	heap->first.reserved_end = (char *)heap + reserve;
	segment_open(heap, heap->first.first_block, heap->first.committed_end, 0);
	RtlAcquireSRWLockExclusive(&heap_list_lock);
	heap->link.Flink = &heap_list;
	heap->link.Blink = heap_list.Blink;
	heap_list.Blink->Flink = &heap->link;
	heap_list.Blink = &heap->link;
	RtlReleaseSRWLockExclusive(&heap_list_lock);
}
/* base: the caller's memory for the first segment is not supported by any program we know; refused. */
PVOID NTAPI RtlCreateHeap(ULONG flags, PVOID base, SIZE_T reserve, SIZE_T commit_bytes, PVOID lock, PRTL_HEAP_PARAMETERS parameters)
{
	bool growable = (flags & HEAP_GROWABLE) || !reserve;
	void *memory = NULL;
	SIZE_T least = ROUND_UP(sizeof(struct heap) + PAGE_BYTES, PAGE_BYTES);
	if (base) {
		status_invalid();
		return NULL;
	}
	if (!growable)
		reserve += least; /* a fixed heap can hand out what it was asked to hold */
	commit_bytes = ROUND_UP(commit_bytes < least ? least : commit_bytes, HEAP_COMMIT_STEP);
	if (growable && reserve < HEAP_FIRST_RESERVE)
		reserve = HEAP_FIRST_RESERVE;
	reserve = ROUND_UP(reserve < commit_bytes ? commit_bytes : reserve, HEAP_COMMIT_STEP);
	if (NtAllocateVirtualMemory(NtCurrentProcess(), &memory, 0, &reserve, MEM_RESERVE, PAGE_READWRITE))
		return NULL;
	if (!commit(memory, commit_bytes)) {
		SIZE_T all = 0;
		NtFreeVirtualMemory(NtCurrentProcess(), &memory, &all, MEM_RELEASE);
		return NULL;
	}
	heap_setup(memory, flags, reserve, commit_bytes, growable);
	return memory;
}
static void release_memory(void *base)
{
	SIZE_T bytes = 0;
	NtFreeVirtualMemory(NtCurrentProcess(), &base, &bytes, MEM_RELEASE);
}
/* NULL on success, as documented. */
HANDLE NTAPI RtlDestroyHeap(HANDLE handle)
{
	struct heap *heap = heap_of(handle);
	if (!heap || handle == current_peb()->ProcessHeap)
		return handle;
	RtlAcquireSRWLockExclusive(&heap_list_lock);
	heap->link.Blink->Flink = heap->link.Flink;
	heap->link.Flink->Blink = heap->link.Blink;
	RtlReleaseSRWLockExclusive(&heap_list_lock);
	RtlDeleteCriticalSection(&heap->lock);
	while (heap->large.Flink != &heap->large)
		large_free(CONTAINING_RECORD(heap->large.Flink, struct heap_large, link));
	for (LIST_ENTRY *link = heap->segments.Flink, *next; link != &heap->segments; link = next) {
		struct heap_segment *segment = CONTAINING_RECORD(link, struct heap_segment, link);
		next = link->Flink;
		if (segment != &heap->first)
			release_memory(segment->base);
	}
	heap->magic = 0;
	release_memory(heap);
	return NULL;
}
