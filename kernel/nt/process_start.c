// SPDX-License-Identifier: MIT
/* What a Windows process finds before its first instruction: PEB, blob, and for each thread a TEB and a stack.
 * The kernel writes only the fields that it must vouch for; ntdll fills the rest (docs/design/windows.md).
 * Places: system DLLs from nt_system_base() upwards, images that cannot have their own base from nt_image_base(), both
 * chosen once per boot; allocations below them, downwards. */
#include "nt_process.h"
#include "aspace.h"
#include "random.h"
#include "../../lib/base/string.h"

#define SYSTEM_WINDOW 0x7ff800000000ull      /* top 32 GiB, as on Windows: below lie no Linux-sized gaps */
#define IMAGE_WINDOW 0x7ff600000000ull
#define ALLOCATION_TOP 0x7ff400000000ull
#define SLIDE_UNITS 0x8000u                  /* 15 bits of 64 KiB: 2 GiB, well inside a window */
#define ALLOCATION_UNIT 0x10000ull           /* allocation granularity of NT */
#define STACK_RESERVE_DEFAULT MIB(1)         /* of a program that names none */
#define STACK_RESERVE_MAX GIB(1)             /* a larger request is a damaged header */

static u64 slide_once(u64 *slide)
{
	u64 chosen = __atomic_load_n(slide, __ATOMIC_ACQUIRE), none = 0;
	if (chosen)
		return chosen;
	chosen = (1 + random_u64() % SLIDE_UNITS) * ALLOCATION_UNIT;
	return __atomic_compare_exchange_n(slide, &none, chosen, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ? chosen : none;
}

u64 nt_system_base(void)
{
	static u64 slide;
	return SYSTEM_WINDOW + slide_once(&slide);
}

u64 nt_image_base(void)
{
	static u64 slide;
	return IMAGE_WINDOW + slide_once(&slide);
}

void nt_layout_choose(struct aspace *as)
{
	as->mmap_top = ALLOCATION_TOP - random_u64() % SLIDE_UNITS * ALLOCATION_UNIT;
	as->stack_start = as->mmap_top;
	as->limit_stack_bytes = UINT64_MAX;
}

/* Reserves at NT's granularity: `skip` bytes above the 64 KiB boundary stay free of the mapping. */
static status_t map_pages(struct aspace *as, u64 size, u64 guard, const char *name, u64 *va)
{
	struct map_request hole = { .size = ALIGN_UP(size, ALLOCATION_UNIT) + ALLOCATION_UNIT, .flags = MAP_F_NORESERVE };
	u64 low;
	status_t st = aspace_map(as, &hole, &low);
	if (st)
		return st;
	*va = ALIGN_UP(low, ALLOCATION_UNIT);
	st = aspace_unmap(as, low, hole.size);
	if (st)
		return st;
	struct map_request r = {
		.va = *va + guard, .size = size - guard, .prot = PROT_R | PROT_W, .max_prot = PROT_R | PROT_W | PROT_X,
		.flags = MAP_F_FIXED | MAP_F_NOREPLACE | MAP_F_NORESERVE, .name = name,
	};
	return aspace_map(as, &r, &low);
}

static status_t store(struct aspace *as, u64 va, const void *from, u64 size)
{
	s64 n = size ? aspace_write_bytes(as, va, from, size) : 0;
	return n < 0 ? (status_t)n : (u64)n == size ? OK : ERR_FAULT;
}

static status_t store_word(struct aspace *as, u64 va, u64 value) { return store(as, va, &value, sizeof(value)); }

static status_t teb_fill(struct aspace *as, u64 peb, u32 pid, u32 tid, const struct nt_thread_memory *m)
{
	const u64 fields[][2] = {
		{ TEB_STACK_BASE, m->stack_base }, { TEB_STACK_LIMIT, m->stack_limit }, { TEB_SELF, m->teb },
		{ TEB_PROCESS_ID, pid }, { TEB_THREAD_ID, tid }, { TEB_PEB, peb }, { TEB_DEALLOCATION_STACK, m->stack_low },
	};
	status_t st = OK;
	for (u32 i = 0; i < ARRAY_SIZE(fields) && !st; i++)
		st = store_word(as, m->teb + fields[i][0], fields[i][1]);
	return st;
}

void nt_teb_destroy(struct aspace *as, const struct nt_thread_memory *m)
{
	if (m->teb && aspace_unmap(as, m->teb, NT_TEB_BYTES)) { /* nothing was there */ }
	if (m->stack_base && aspace_unmap(as, m->stack_low, m->stack_base - m->stack_low)) { /* nothing was there */ }
}

status_t nt_teb_create(struct aspace *as, u64 peb, u64 stack_reserve, u32 pid, u32 tid, struct nt_thread_memory *out)
{
	u64 size = ALIGN_UP(stack_reserve ? stack_reserve : STACK_RESERVE_DEFAULT, ALLOCATION_UNIT);
	memset(out, 0, sizeof(*out));
	if (stack_reserve > STACK_RESERVE_MAX)
		return FAIL(ERR_NOMEM, "stack reserve of a Windows thread");
	status_t st = map_pages(as, size, PAGE_SIZE, NULL, &out->stack_low);
	if (st)
		return st;
	out->stack_limit = out->stack_low + PAGE_SIZE;
	out->stack_base = out->stack_low + size;
	st = map_pages(as, NT_TEB_BYTES, 0, NULL, &out->teb);
	if (!st)
		st = teb_fill(as, peb, pid, tid, out);
	if (st)
		nt_teb_destroy(as, out);
	return st;
}

status_t nt_process_build(struct aspace *as, struct nt_start *start, const void *blob, u32 pid, u32 tid,
			  struct nt_thread_memory *out)
{
	status_t st = map_pages(as, NT_PEB_BYTES, 0, NULL, &start->peb);
	if (!st)
		st = store_word(as, start->peb + PEB_IMAGE_BASE, start->image_base);
	if (!st)
		st = map_pages(as, ALIGN_UP(start->blob_bytes, PAGE_SIZE), 0, NULL, &start->blob);
	if (!st)
		st = store(as, start->blob, blob, start->blob_bytes);
	if (!st && nt_shared_data_map)
		st = nt_shared_data_map(as);
	return st ? st : nt_teb_create(as, start->peb, start->stack_reserve, pid, tid, out);
}

void nt_process_free(struct nt_process *n)
{
	if (n && n->state && nt_state_free)
		nt_state_free(n->state);
	kfree(n);
}
