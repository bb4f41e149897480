// SPDX-License-Identifier: MIT
/* What a Windows process finds before its first instruction: PEB, blob, and for each thread a TEB and a stack.
 * The kernel writes only the fields that it must vouch for; ntdll fills the rest (docs/design/windows.md).
 * Places: system DLLs from nt_system_base() upwards, images that cannot have their own base from nt_image_base(), both
 * chosen once per boot; allocations below them, downwards. */
#include "nt_start.h"
#include "nt_memory.h"
#include "aspace.h"
#include "random.h"
#include "../mm/map.h"
#include "../../lib/base/string.h"

#define SYSTEM_WINDOW 0x7ff800000000ull      /* 32 GiB at the top, as on Windows */
#define IMAGE_WINDOW 0x7f8000000000ull       /* up to the system DLLs: half a TiB */
#define ALLOCATION_TOP 0x7f0000000000ull
#define SLIDE_UNITS 0x8000u                  /* 15 bits of 64 KiB: 2 GiB, well inside a window */
#define ALLOCATION_UNIT 0x10000ull           /* allocation granularity of NT */
#define STACK_RESERVE_DEFAULT MIB(1)         /* of a program that names none */
#define STACK_RESERVE_MAX GIB(16)            /* a larger request is a damaged header */

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

/* At NT's granularity. */
static status_t map_pages(struct aspace *as, u64 size, u64 *va)
{
	struct list_node dead = LIST_INIT(dead);
	struct map_request r = {
		.size = size, .prot = PROT_R | PROT_W, .max_prot = PROT_R | PROT_W | PROT_X, .flags = MAP_F_NORESERVE,
	};
	mutex_lock(&as->lock);
	u64 gap = find_gap(as, ALIGN_UP(size, ALLOCATION_UNIT) + ALLOCATION_UNIT - PAGE_SIZE, 0);
	*va = ALIGN_UP(gap, ALLOCATION_UNIT);
	if (gap)
		as->search_top = *va;
	status_t st = gap ? map_insert(as, &r, *va, &dead) : ERR_NOMEM;
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

static status_t store(struct aspace *as, u64 va, const void *from, u64 size)
{
	s64 n = size ? aspace_write_bytes(as, va, from, size) : 0;
	return n < 0 ? (status_t)n : (u64)n == size ? OK : ERR_FAULT;
}

static status_t store_word(struct aspace *as, u64 va, u64 value) { return store(as, va, &value, sizeof(value)); }

struct thread_memory { u64 teb, low, limit, base; };

static status_t teb_fill(struct aspace *as, const struct nt_stack_request *r, const struct thread_memory *m)
{
	const u64 head[] = {
		[TEB_STACK_BASE / 8] = m->base, [TEB_STACK_LIMIT / 8] = m->limit, [TEB_SELF / 8] = m->teb,
		[TEB_PROCESS_ID / 8] = r->pid, [TEB_THREAD_ID / 8] = nt_thread_id(r->tid), [TEB_PEB / 8] = r->peb,
	};
	status_t st = store(as, m->teb, head, sizeof(head));
	return st ? st : store_word(as, m->teb + TEB_DEALLOCATION_STACK, m->low);
}

static void thread_memory_free(struct aspace *as, const struct thread_memory *m)
{
	if (m->teb && aspace_unmap(as, m->teb, NT_TEB_BYTES)) { /* it unmapped it itself */ }
	u64 low = m->low, size = 0;
	if (m->base && nt_memory_release(as, &low, &size, 0)) { /* the same */ }
}

void nt_teb_destroy(struct aspace *as, u64 teb)
{
	struct thread_memory m = { .teb = teb };
	u64 limits[2];
	bool known = aspace_read_bytes(as, teb + TEB_STACK_BASE, limits, 8) == 8 &&
		aspace_read_bytes(as, teb + TEB_DEALLOCATION_STACK, limits + 1, 8) == 8;
	if (known && limits[1] < limits[0] && IS_ALIGNED(limits[0] | limits[1], PAGE_SIZE)) {
		m.base = limits[0];
		m.low = limits[1];
	}
	thread_memory_free(as, &m);
}

s64 nt_teb_create(struct aspace *as, const struct nt_stack_request *r, u64 *teb, u64 *stack_top)
{
	const struct nt_process *own = process_current()->nt;
	u64 usual = own && own->start.stack_reserve ? own->start.stack_reserve : STACK_RESERVE_DEFAULT;
	u64 size = ALIGN_UP(MAX(r->reserve ? r->reserve : usual, r->commit), ALLOCATION_UNIT);
	struct thread_memory m = { 0 };
	struct nt_place place = { 0 };
	if (size > STACK_RESERVE_MAX)
		return FAIL(ERR_NOMEM, "stack reserve of a Windows thread");
	s64 st = nt_zero_bits_limit(r->zero_bits, &place.high);
	if (!st)
		st = nt_memory_stack(as, &place, size, &m.low);
	if (st)
		return st;
	m.limit = m.low + (STACK_RESERVED_PAGES + 1) * PAGE_SIZE;
	m.base = m.low + size;
	st = map_pages(as, NT_TEB_BYTES, &m.teb);
	if (!st)
		st = teb_fill(as, r, &m);
	if (st)
		thread_memory_free(as, &m);
	*teb = m.teb;
	*stack_top = m.base;
	return st;
}

status_t nt_shared_data_map(struct aspace *as) WEAK; /* linked with the clock page */

status_t nt_process_build(struct aspace *as, struct nt_commit *c, const void *blob, u32 pid, u32 tid)
{
	status_t st = map_pages(as, NT_PEB_BYTES, &c->peb);
	if (!st)
		st = store_word(as, c->peb + PEB_IMAGE_BASE, c->start.image_base);
	if (!st)
		st = map_pages(as, ALIGN_UP(c->start.blob_bytes, PAGE_SIZE), &c->start.blob);
	if (!st)
		st = store(as, c->start.blob, blob, c->start.blob_bytes);
	if (!st && nt_shared_data_map)
		st = nt_shared_data_map(as);
	struct nt_stack_request r = { c->start.stack_reserve, c->start.stack_commit, c->peb, pid, tid, 0 };
	if (!st && nt_teb_create(as, &r, &c->teb, &c->stack_top))
		st = FAIL(ERR_NOMEM, "stack of a Windows program");
	return st;
}
