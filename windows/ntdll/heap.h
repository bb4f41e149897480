/* SPDX-License-Identifier: MIT */
/* Inside of the heap: two-level segregated fit over segments, boundary tags, one header of 16 bytes in front of each block.
 * Invariants, under the heap's lock:
 * 1. Blocks tile a segment from first_block to its end mark (a block of size 0 in state HEAP_END at the committed end).
 * 2. prev_units of a block is the size of the block before it, 0 for the first.
 * 3. No two free neighbours: heap_release_block merges, heap_split makes only one.
 * 4. A free block is in the bin of its size; both bitmaps say which bins have members.
 * 5. check of a busy block is heap_check(heap, block): a stray pointer or a pointer of another heap is refused. */
#ifndef AMBOS_WINDOWS_HEAP_H
#define AMBOS_WINDOWS_HEAP_H

#include <ntdll.h>

#define HEAP_UNIT 16u
#define HEAP_SUB_BINS 16u /* per power of two: at most 6 % of a block is wasted by rounding */
#define HEAP_SUB_SHIFT 4u
#define HEAP_LEVELS 28u   /* up to 2^28 units: 4 GiB; larger is never in a segment */
#define HEAP_MAGIC 0x70614548u
#define HEAP_LARGE_BYTES 0xfe000u /* from here a mapping of its own; "slightly less than 1,024 KB" (HeapCreate, fixed size) */
#define HEAP_FIRST_RESERVE 0x100000u
#define HEAP_SEGMENT_LIMIT 0x4000000u
#define HEAP_COMMIT_STEP 0x10000u

enum heap_state { HEAP_FREE = 0xf1, HEAP_BUSY = 0xb5, HEAP_LARGE = 0x1a, HEAP_END = 0xed };
enum { BLOCK_HAS_USER_VALUE = 1 };

struct heap_block {
	uint32_t units;      /* with this header; large: 0 */
	uint32_t prev_units;
	uint16_t check;
	uint8_t state;       /* enum heap_state */
	uint8_t flags;
	uint16_t unused;     /* bytes at the end that the caller did not ask for */
	uint16_t user_flags;
};
struct heap_free { struct heap_block block; struct heap_free *next, *previous; };
struct heap_segment {
	LIST_ENTRY link;
	char *first_block, *committed_end, *reserved_end;
	void *base;
};
struct heap_large {
	LIST_ENTRY link;
	SIZE_T bytes, mapped; /* asked for; of the mapping */
	void *user_value;
	uint64_t unused;
	struct heap_block block; /* last: in front of the memory */
};
struct heap {
	uint64_t reserved[2];
	uint32_t magic, flags;
	LIST_ENTRY link;     /* of all heaps */
	LIST_ENTRY segments, large;
	RTL_CRITICAL_SECTION lock;
	SIZE_T next_reserve;
	uint16_t key;
	bool growable;
	uint32_t level_map, bin_maps[HEAP_LEVELS];
	struct heap_free *bins[HEAP_LEVELS][HEAP_SUB_BINS];
	struct heap_segment first;
};
_Static_assert(sizeof(struct heap_block) == HEAP_UNIT, "header");
_Static_assert(sizeof(struct heap_large) % HEAP_UNIT == 0, "alignment of large blocks");

static inline struct heap_block *heap_next(struct heap_block *block)
{
	return (struct heap_block *)((char *)block + (SIZE_T)block->units * HEAP_UNIT);
}
static inline struct heap_block *heap_block_of(const void *memory) { return (struct heap_block *)memory - 1; }
static inline struct heap_large *heap_large_of(struct heap_block *block) { return CONTAINING_RECORD(block, struct heap_large, block); }
static inline uint16_t heap_check(const struct heap *heap, const struct heap_block *block)
{
	return (uint16_t)(heap->key ^ (ULONG_PTR)block >> 4 ^ (ULONG_PTR)block >> 20);
}
static inline SIZE_T heap_user_room(const struct heap_block *block) { return block->flags & BLOCK_HAS_USER_VALUE ? HEAP_UNIT : 0; }
static inline SIZE_T heap_block_bytes(struct heap_block *block)
{
	if (block->state == HEAP_LARGE)
		return heap_large_of(block)->bytes;
	return (SIZE_T)block->units * HEAP_UNIT - sizeof(*block) - heap_user_room(block) - block->unused;
}
static inline void **heap_user_value(struct heap_block *block)
{
	if (block->state == HEAP_LARGE)
		return &heap_large_of(block)->user_value;
	return block->flags & BLOCK_HAS_USER_VALUE ? (void **)((char *)heap_next(block) - HEAP_UNIT) : NULL;
}
struct heap *heap_of(HANDLE handle);                                 /* NULL: no heap */
struct heap_block *heap_busy_block(struct heap *heap, const void *memory); /* NULL: not a block of this heap */
void heap_enter(struct heap *heap, ULONG flags);
void heap_leave(struct heap *heap, ULONG flags);
extern LIST_ENTRY heap_list;
extern RTL_SRWLOCK heap_list_lock;

#endif
