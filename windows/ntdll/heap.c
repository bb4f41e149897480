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
	if ((heap_state(block) != HEAP_BUSY && heap_state(block) != HEAP_LARGE) || block->check != heap_check(heap, block))
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
	block->kind = HEAP_FREE | (block->kind & BLOCK_PREVIOUS_FREE);
	if (heap->flags & HEAP_FREE_CHECKING_ENABLED)
		heap_fill_free(block);
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
/* In the bin of its own size blocks may be too small: looked through when nothing larger is left. */
static struct heap_block *bin_scan(struct heap *heap, uint32_t units)
{
	struct bin at = bin_of(units);
	for (struct heap_free *entry = heap->bins[at.level][at.sub]; entry; entry = entry->next)
		if (entry->block.units >= units)
			return &entry->block;
	return NULL;
}
#define LEAST_UNITS 2u
static void tell_next(struct heap_block *block, bool free)
{
	struct heap_block *next = heap_next(block);
	next->kind = (uint8_t)((next->kind & ~BLOCK_PREVIOUS_FREE) | (free ? BLOCK_PREVIOUS_FREE : 0));
	if (free)
		next->prev_units = block->units;
}
/* block, taken from its bin, keeps units; what is left becomes free. */
static void split(struct heap *heap, struct heap_block *block, uint32_t units)
{
	uint32_t rest = block->units - units;
	if (rest < LEAST_UNITS) {
		tell_next(block, false);
		return;
	}
	block->units = units;
	struct heap_block *second = heap_next(block), *after;
	second->units = rest;
	second->kind = 0;
	after = heap_next(second);
	if (heap_state(after) == HEAP_FREE) { /* shrinking in place: keep invariant 3 */
		bin_remove(heap, after);
		second->units += after->units;
	}
	bin_insert(heap, second);
	tell_next(second, true);
}
static struct heap_block *release_block(struct heap *heap, struct heap_block *block)
{
	struct heap_block *next = heap_next(block);
	if (heap_state(next) == HEAP_FREE) {
		bin_remove(heap, next);
		block->units += next->units;
	}
	if (block->kind & BLOCK_PREVIOUS_FREE) {
		struct heap_block *previous = (struct heap_block *)((char *)block - (SIZE_T)block->prev_units * HEAP_UNIT);
		bin_remove(heap, previous);
		previous->units += block->units;
		block->kind = 0;
		block = previous;
	}
	bin_insert(heap, block);
	tell_next(block, true);
	return block;
}

static bool commit(void *address, SIZE_T bytes, ULONG protect)
{
	return !NtAllocateVirtualMemory(NtCurrentProcess(), &address, 0, &bytes, MEM_COMMIT, protect);
}
/* One free block over [start, end) of a segment whose bookkeeping says committed_end == end. */
static void segment_open(struct heap *heap, char *start, char *end)
{
	struct heap_block *block = (struct heap_block *)start, *mark = (struct heap_block *)(end - HEAP_END_BYTES);
	block->units = (uint32_t)(((char *)mark - start) / HEAP_UNIT);
	block->kind &= BLOCK_PREVIOUS_FREE;
	*mark = (struct heap_block){ .kind = HEAP_END };
	release_block(heap, block);
}
/* More committed memory at the end of a segment, where `least` bytes will do: its end mark becomes the new free block. */
static bool segment_grow(struct heap *heap, struct heap_segment *segment, SIZE_T least, SIZE_T wanted)
{
	SIZE_T left = (SIZE_T)(segment->reserved_end - segment->committed_end);
	struct heap_block *mark = (struct heap_block *)(segment->committed_end - HEAP_END_BYTES);
	SIZE_T have = mark->kind & BLOCK_PREVIOUS_FREE ? (SIZE_T)mark->prev_units * HEAP_UNIT : 0;
	if (!left || least > have + left)
		return false;
	SIZE_T bytes = ROUND_UP(wanted > have ? wanted - have : 1, HEAP_COMMIT_STEP);
	if (bytes > left)
		bytes = left;
	if (!commit(segment->committed_end, bytes, heap->protect))
		return false;
	segment->committed_end += bytes;
	segment_open(heap, (char *)mark, segment->committed_end);
	return true;
}
static bool segment_add(struct heap *heap, SIZE_T bytes)
{
	void *base = NULL;
	SIZE_T reserve = heap->next_reserve;
	while (reserve < bytes + 2 * PAGE_BYTES)
		reserve *= 2;
	if (NtAllocateVirtualMemory(NtCurrentProcess(), &base, 0, &reserve, MEM_RESERVE, heap->protect))
		return false;
	SIZE_T first = ROUND_UP(bytes + PAGE_BYTES, HEAP_COMMIT_STEP);
	if (first > reserve)
		first = reserve;
	if (!commit(base, first, heap->protect)) {
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
	segment_open(heap, segment->first_block, segment->committed_end);
	if (heap->next_reserve < HEAP_SEGMENT_LIMIT)
		heap->next_reserve *= 2;
	return true;
}
static bool heap_grow(struct heap *heap, SIZE_T bytes)
{
	SIZE_T wanted = bytes + bytes / HEAP_SUB_BINS + HEAP_UNIT; /* bin_find rounds up by at most one sub-bin */
	for (LIST_ENTRY *link = heap->segments.Flink; link != &heap->segments; link = link->Flink)
		if (segment_grow(heap, CONTAINING_RECORD(link, struct heap_segment, link), bytes, wanted))
			return true;
	return heap->growable && segment_add(heap, wanted);
}
/* A segment that is one free block goes back, except the first. */
static void segment_return(struct heap *heap, struct heap_block *block)
{
	struct heap_segment *segment = NULL;
	if (heap_state(heap_next(block)) != HEAP_END)
		return;
	for (LIST_ENTRY *link = heap->segments.Flink; link != &heap->segments && !segment; link = link->Flink)
		if (CONTAINING_RECORD(link, struct heap_segment, link)->first_block == (char *)block)
			segment = CONTAINING_RECORD(link, struct heap_segment, link);
	if (!segment || segment == &heap->first)
		return;
	bin_remove(heap, block);
	segment->link.Blink->Flink = segment->link.Flink;
	segment->link.Flink->Blink = segment->link.Blink;
	void *base = segment->base;
	SIZE_T bytes = 0;
	NtFreeVirtualMemory(NtCurrentProcess(), &base, &bytes, MEM_RELEASE);
}

static uint8_t block_kind(enum heap_state state, ULONG flags)
{
	return (uint8_t)(state | (flags & HEAP_ADD_USER_INFO ? BLOCK_USER_VALUE : 0) | (flags & HEAP_USER_FLAGS) >> BLOCK_USER_SHIFT);
}
static void *large_allocate(struct heap *heap, ULONG flags, SIZE_T bytes)
{
	void *base = NULL;
	SIZE_T mapped = bytes + sizeof(struct heap_large);
	if (!heap->growable || mapped < bytes ||
		NtAllocateVirtualMemory(NtCurrentProcess(), &base, 0, &mapped, MEM_RESERVE | MEM_COMMIT, heap->protect))
		return NULL;
	struct heap_large *large = base;
	large->bytes = bytes;
	large->mapped = mapped;
	large->block.kind = block_kind(HEAP_LARGE, flags);
	large->block.check = heap_check(heap, &large->block);
	large->link.Flink = &heap->large; /* at the end: a walk shows them in the order they came */
	large->link.Blink = heap->large.Blink;
	heap->large.Blink->Flink = &large->link;
	heap->large.Blink = &large->link;
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
/* Bytes of a block besides the caller's and the part of its header that no block before uses. */
static SIZE_T extra_bytes(const struct heap *heap, ULONG flags)
{
	SIZE_T extra = (heap->flags | flags) & (HEAP_TAIL_CHECKING_ENABLED | HEAP_FREE_CHECKING_ENABLED) ? HEAP_UNIT : HEAP_OVERLAP;
	if (heap->flags & HEAP_TAIL_CHECKING_ENABLED)
		extra += HEAP_TAIL_BYTES;
	if (heap->flags & (HEAP_CHECK_ALL | HEAP_CHECK_PARAMETERS))
		extra += HEAP_UNIT;
	return extra + (flags & HEAP_ADD_USER_INFO ? HEAP_UNIT : 0);
}
static uint32_t units_for(SIZE_T bytes, SIZE_T extra)
{
	return (uint32_t)(ROUND_UP((bytes < HEAP_UNIT ? HEAP_UNIT : bytes) + extra, HEAP_UNIT) / HEAP_UNIT);
}
static void set_busy(struct heap *heap, struct heap_block *block, ULONG flags, SIZE_T bytes)
{
	char *end = (char *)(block + 1) + bytes, *next = (char *)heap_next(block);
	block->kind = (uint8_t)(block_kind(HEAP_BUSY, flags) | (block->kind & BLOCK_PREVIOUS_FREE));
	block->check = heap_check(heap, block);
	block->unused = (uint8_t)((SIZE_T)block->units * HEAP_UNIT - HEAP_OVERLAP - bytes);
	if (block->kind & BLOCK_USER_VALUE)
		memset(end, 0, (SIZE_T)(next - end));
	if (heap->flags & HEAP_TAIL_CHECKING_ENABLED)
		memset(end, HEAP_TAIL_FILL, HEAP_TAIL_BYTES);
}
static struct heap_block *find_room(struct heap *heap, uint32_t units)
{
	struct heap_block *block = bin_find(heap, units);
	if (!block && !heap->growable)
		block = bin_scan(heap, units);
	if (!block && heap_grow(heap, (SIZE_T)units * HEAP_UNIT) && !(block = bin_find(heap, units)))
		block = bin_scan(heap, units);
	return block;
}
static void *allocate_locked(struct heap *heap, ULONG flags, SIZE_T bytes)
{
	if (bytes >= HEAP_LARGE_BYTES)
		return large_allocate(heap, flags, bytes);
	uint32_t units = units_for(bytes, extra_bytes(heap, flags));
	struct heap_block *block = find_room(heap, units);
	if (!block)
		return NULL;
	bin_remove(heap, block);
	split(heap, block, units);
	set_busy(heap, block, flags, bytes);
	return block + 1;
}
static void *allocation_failed(ULONG flags)
{
	current_teb()->LastStatusValue = STATUS_NO_MEMORY;
	RtlSetLastWin32Error(ERROR_NOT_ENOUGH_MEMORY);
	if (flags & HEAP_GENERATE_EXCEPTIONS)
		RtlRaiseStatus(STATUS_NO_MEMORY);
	return NULL;
}
bool heap_refuse(void)
{
	current_teb()->LastStatusValue = STATUS_INVALID_PARAMETER;
	RtlSetLastWin32Error(ERROR_INVALID_PARAMETER);
	return false;
}
PVOID NTAPI RtlAllocateHeap(HANDLE handle, ULONG flags, SIZE_T bytes)
{
	struct heap *heap = heap_of(handle);
	if (!heap) {
		heap_refuse();
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
	if (heap_state(block) == HEAP_LARGE)
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
		return heap_refuse();
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	if (block)
		free_locked(heap, block);
	heap_leave(heap, flags);
	return block ? TRUE : heap_refuse();
}
static bool grow_in_place(struct heap *heap, struct heap_block *block, uint32_t units)
{
	struct heap_block *next = heap_next(block);
	if (heap_state(next) != HEAP_FREE || block->units + next->units < units)
		return false;
	bin_remove(heap, next);
	block->units += next->units;
	split(heap, block, units);
	return true;
}
/* Shrinking gives the pages back, so it cannot be taken back in place. */
static bool large_resize(struct heap_large *large, ULONG flags, SIZE_T bytes)
{
	SIZE_T mapped = ROUND_UP(bytes + sizeof(*large), PAGE_BYTES);
	bool small = bytes < HEAP_LARGE_BYTES / 2; /* better a block of a segment, unless it may not move */
	if (mapped > large->mapped || mapped < bytes || (small && !(flags & HEAP_REALLOC_IN_PLACE_ONLY)))
		return false;
	void *rest = (char *)large + mapped;
	SIZE_T left = large->mapped - mapped;
	if (left && NtFreeVirtualMemory(NtCurrentProcess(), &rest, &left, MEM_DECOMMIT))
		return false;
	large->mapped = mapped;
	large->bytes = bytes;
	return true;
}
/* True: the block at its place now holds bytes. */
static bool resize_in_place(struct heap *heap, ULONG flags, struct heap_block *block, SIZE_T bytes)
{
	if (heap_state(block) == HEAP_LARGE)
		return large_resize(heap_large_of(block), flags, bytes);
	if (bytes >= HEAP_LARGE_BYTES)
		return false;
	void *value = heap_user_value(block) ? *heap_user_value(block) : NULL;
	ULONG kept = heap_user_flags(block) | (block->kind & BLOCK_USER_VALUE ? HEAP_ADD_USER_INFO : 0);
	uint32_t units = units_for(bytes, extra_bytes(heap, kept));
	if (units <= block->units)
		split(heap, block, units);
	else if (!grow_in_place(heap, block, units))
		return false;
	set_busy(heap, block, kept, bytes);
	if (heap_user_value(block))
		*heap_user_value(block) = value;
	return true;
}
static void *move_block(struct heap *heap, ULONG flags, struct heap_block *block, SIZE_T old, SIZE_T bytes)
{
	void **value = heap_user_value(block);
	flags = (flags & ~(HEAP_ADD_USER_INFO | HEAP_USER_FLAGS)) | heap_user_flags(block) | (value ? HEAP_ADD_USER_INFO : 0);
	void *memory = allocate_locked(heap, flags, bytes);
	if (!memory)
		return NULL;
	memcpy(memory, block + 1, old < bytes ? old : bytes);
	if (value)
		*heap_user_value(heap_block_of(memory)) = *value;
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
		heap_refuse();
		return NULL;
	}
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	SIZE_T old = block ? heap_block_bytes(block) : 0;
	void *result = NULL;
	if (block && resize_in_place(heap, flags, block, bytes))
		result = memory;
	else if (block && !(flags & HEAP_REALLOC_IN_PLACE_ONLY))
		result = move_block(heap, flags, block, old, bytes);
	heap_leave(heap, flags);
	if (!block)
		heap_refuse();
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
		heap_refuse();
		return bytes;
	}
	heap_enter(heap, flags);
	struct heap_block *block = heap_busy_block(heap, memory);
	if (block)
		bytes = heap_block_bytes(block);
	else
		heap_refuse();
	heap_leave(heap, flags);
	return bytes;
}
static ULONG protect_of(ULONG flags) { return flags & HEAP_CREATE_ENABLE_EXECUTE ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE; }
static ULONG kept_flags(const struct heap *heap, ULONG flags)
{
	flags &= HEAP_NO_SERIALIZE | HEAP_GENERATE_EXCEPTIONS | HEAP_ZERO_MEMORY | HEAP_CREATE_ENABLE_EXECUTE | HEAP_GROWABLE;
	flags |= heap_global_flags();
	if (heap->growable)
		flags |= HEAP_GROWABLE;
	return current_peb()->ProcessHeap ? flags | HEAP_IS_PRIVATE : flags;
}
static void heap_setup(struct heap *heap, ULONG flags, SIZE_T reserve, SIZE_T committed, bool growable)
{
	heap->magic = HEAP_MAGIC;
	heap->signature = HEAP_SIGNATURE;
	heap->growable = growable;
	heap->flags = kept_flags(heap, flags);
	heap->force_flags = heap->flags & ~(ULONG)(HEAP_IS_SHARED | HEAP_DISABLE_COALESCE_ON_FREE | HEAP_CREATE_ENABLE_EXECUTE);
	if (!(heap->flags & HEAP_WITH_PAGES))
		heap->force_flags &= ~(ULONG)(HEAP_GROWABLE | HEAP_IS_PRIVATE);
	heap->protect = protect_of(flags);
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
	segment_open(heap, heap->first.first_block, heap->first.committed_end);
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
		heap_refuse();
		return NULL;
	}
	if (!growable)
		reserve += least; /* a fixed heap can hand out what it was asked to hold */
	commit_bytes = ROUND_UP(commit_bytes < least ? least : commit_bytes, HEAP_COMMIT_STEP);
	if (growable && reserve < HEAP_FIRST_RESERVE)
		reserve = HEAP_FIRST_RESERVE;
	reserve = ROUND_UP(reserve < commit_bytes ? commit_bytes : reserve, HEAP_COMMIT_STEP);
	if (NtAllocateVirtualMemory(NtCurrentProcess(), &memory, 0, &reserve, MEM_RESERVE, protect_of(flags)))
		return NULL;
	if (!commit(memory, commit_bytes, protect_of(flags))) {
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
