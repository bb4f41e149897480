/* SPDX-License-Identifier: MIT */
/* Inside of the heap: two-level segregated fit over segments, one header of 16 bytes in front of each block, whose first 8
 * bytes belong to the block before it while that is busy.
 * Invariants, under the heap's lock:
 * 1. Blocks tile a segment from first_block to its end mark (state HEAP_END, HEAP_END_BYTES before the committed end).
 * 2. BLOCK_PREVIOUS_FREE tells that the block before is free, and then prev_units is its size.
 * 3. No two free neighbours: release_block merges, split makes only one.
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
#define HEAP_LARGE_BYTES 0xff000u /* from here a mapping of its own; "slightly less than 1,024 KB" (HeapCreate, fixed size) */
#define HEAP_FIRST_RESERVE 0x100000u
#define HEAP_SEGMENT_LIMIT 0x4000000u
#define HEAP_COMMIT_STEP 0x10000u

#define HEAP_END_BYTES 64u      /* of the end mark: so that what HeapWalk tells of the last block reaches the committed end */
#define HEAP_OVERLAP 8u         /* of the next header, that a busy block uses */
#define HEAP_TAIL_BYTES 16u
#define HEAP_TAIL_FILL 0xab
#define HEAP_FREE_FILL 0xfeeefeeeu
#define HEAP_SIGNATURE 0xffeeffeeu

enum heap_state { HEAP_FREE = 1, HEAP_BUSY, HEAP_LARGE, HEAP_END };
/* Of heap_block.kind: the state, marks, and HEAP_SETTABLE_USER_FLAGS shifted down. */
enum { BLOCK_STATE = 7, BLOCK_USER_VALUE = 8, BLOCK_PREVIOUS_FREE = 0x10, BLOCK_USER_FLAGS = 0xe0 };
#define BLOCK_USER_SHIFT 4
#define HEAP_ADD_USER_INFO 0x100u /* HEAP_SETTABLE_USER_VALUE */
#define HEAP_USER_FLAGS 0xe00u    /* HEAP_SETTABLE_USER_FLAGS */
/* Flags of winnt.h and winternl.h that the headers here lack. */
enum { HEAP_IS_PRIVATE = 0x1000, HEAP_WITH_PAGES = 0x1000000, HEAP_IS_SHARED = 0x4000000, HEAP_CHECK_ALL = 0x20000000,
	HEAP_CHECK_PARAMETERS = 0x40000000 };

struct heap_block {
	uint32_t prev_units, overlapped;
	uint32_t units;      /* with this header; large: 0 */
	uint16_t check;
	uint8_t kind;
	uint8_t unused;      /* bytes behind what the caller asked for */
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
/* Programs look at signature, flags and force_flags (their places are those of Windows 10). */
struct heap {
	uint64_t reserved[2];
	uint32_t signature, segment_flags;
	LIST_ENTRY link;     /* of all heaps */
	LIST_ENTRY segments, large;
	SIZE_T next_reserve;
	uint64_t unused;
	uint32_t magic, level_map;
	uint16_t key;
	bool growable;
	uint32_t protect;    /* PAGE_* of its memory */
	uint32_t compatibility, unused2;
	uint32_t flags, force_flags;
	RTL_CRITICAL_SECTION lock;
	uint32_t bin_maps[HEAP_LEVELS];
	struct heap_free *bins[HEAP_LEVELS][HEAP_SUB_BINS];
	struct heap_segment first;
};
_Static_assert(offsetof(struct heap, signature) == 0x10 && offsetof(struct heap, flags) == 0x70, "places that programs know");
_Static_assert(sizeof(struct heap_block) == HEAP_UNIT, "header");
_Static_assert(sizeof(struct heap_large) % 64 == 0, "alignment of large blocks");

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
static inline unsigned heap_state(const struct heap_block *block) { return block->kind & BLOCK_STATE; }
static inline uint32_t heap_user_flags(const struct heap_block *block)
{
	return (uint32_t)(block->kind & BLOCK_USER_FLAGS) << BLOCK_USER_SHIFT;
}
static inline SIZE_T heap_block_bytes(struct heap_block *block)
{
	if (heap_state(block) == HEAP_LARGE)
		return heap_large_of(block)->bytes;
	return (SIZE_T)block->units * HEAP_UNIT - HEAP_OVERLAP - block->unused;
}
static inline void **heap_user_value(struct heap_block *block)
{
	if (!(block->kind & BLOCK_USER_VALUE))
		return NULL;
	return heap_state(block) == HEAP_LARGE ? &heap_large_of(block)->user_value : (void **)heap_next(block) - 1;
}
struct heap *heap_of(HANDLE handle);                                 /* NULL: no heap */
struct heap_block *heap_busy_block(struct heap *heap, const void *memory); /* NULL: not a block of this heap */
bool heap_refuse(void);                                              /* last error "invalid parameter"; false */
/* heap_debug.c: what NtGlobalFlag asks of each heap. */
ULONG heap_global_flags(void);
ULONG heap_flag_of_program(const WCHAR *image, ULONG characters);
void heap_fill_free(struct heap_block *block);
bool heap_free_intact(struct heap_block *block);
bool heap_tail_intact(const struct heap *heap, struct heap_block *block);
void heap_enter(struct heap *heap, ULONG flags);
void heap_leave(struct heap *heap, ULONG flags);
extern LIST_ENTRY heap_list;
extern RTL_SRWLOCK heap_list_lock;

#endif
