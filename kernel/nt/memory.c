// SPDX-License-Identifier: MIT
/* NtAllocateVirtualMemory(Ex), NtFree, NtProtect, NtRead/WriteVirtualMemory, lock, flush, write watch, barriers.
 * The rules of allocations are in memory_region.c; here are arguments and their checks. */
#include "nt_memory.h"

#include "string.h"
#include "tlb.h"
#include "../vfs/vfs_internal.h"

#define ZERO_BITS_MAX 21u       /* more is refused, up to 31; from 32 the number is a mask */
#define COPY_CHUNK 4096u        /* of another process's memory at a time */
#define PREFETCH_BYTES_MAX MIB(16) /* of one call: it cannot be interrupted, and a hint must not use the memory up */
#define LINUX_MADV_POPULATE_READ 22
#define COPY_ALL_MAX MIB(64)    /* one call moves at most this much: it cannot be interrupted */
#define EXTENDED_PARAMETERS_MAX 8u
#define PREFETCH_RANGES_MAX 1024u

static s64 range_in(u64 base_va, u64 size_va, u64 *base, u64 *size)
{
	s64 st = copy_in(base, user_ptr(base_va), 8);
	if (!st)
		st = copy_in(size, user_ptr(size_va), 8);
	return st;
}

static s64 range_out(u64 base_va, u64 size_va, u64 base, u64 size)
{
	s64 st = copy_out(user_ptr(base_va), &base, 8);
	if (!st)
		st = copy_out(user_ptr(size_va), &size, 8);
	return st;
}

/* Highest address + 1 that `zero_bits` leaves; 0: any. */
s64 nt_zero_bits_limit(u64 zero_bits, u64 *high)
{
	*high = 0;
	if (!zero_bits)
		return 0;
	if (zero_bits >= 32) {
		u32 shift = (u32)__builtin_clzll(zero_bits);
		*high = shift ? 1ull << (64 - shift) : 0;
		return 0;
	}
	if (zero_bits > ZERO_BITS_MAX)
		return NT(INVALID_PARAMETER_3);
	*high = 1ull << (32 - zero_bits);
	return 0;
}

/* ---- allocate ---- */
static s64 check_types(u32 type, bool extended)
{
	u32 known = NT_MEM_COMMIT | NT_MEM_RESERVE | NT_MEM_TOP_DOWN | NT_MEM_WRITE_WATCH | NT_MEM_RESET;
	if (extended)
		known |= NT_MEM_RESERVE_PLACEHOLDER | NT_MEM_REPLACE_PLACEHOLDER;
	if ((type & ~known) || !(type & (NT_MEM_COMMIT | NT_MEM_RESERVE | NT_MEM_RESET)))
		return NT(INVALID_PARAMETER); /* MEM_RESET_UNDO too: what MEM_RESET gave up is gone at once */
	if ((type & NT_MEM_RESET) && type != NT_MEM_RESET)
		return NT(INVALID_PARAMETER);
	if ((type & NT_MEM_WRITE_WATCH) && !(type & NT_MEM_RESERVE))
		return NT(INVALID_PARAMETER);
	if ((type & NT_MEM_RESERVE_PLACEHOLDER) && type != (NT_MEM_RESERVE | NT_MEM_RESERVE_PLACEHOLDER))
		return NT(INVALID_PARAMETER);
	if ((type & NT_MEM_REPLACE_PLACEHOLDER) && !(type & NT_MEM_RESERVE))
		return NT(INVALID_PARAMETER);
	return 0;
}

static s64 allocate(struct aspace *as, struct nt_place *place, u64 *base, u64 *size, u32 type, u32 protect)
{
	u64 granularity = type & NT_MEM_RESERVE && !(type & NT_MEM_REPLACE_PLACEHOLDER) ? NT_ALLOCATION_GRANULARITY : PAGE_SIZE;
	u64 start = ALIGN_DOWN(*base, granularity), end = ALIGN_UP(*base + *size, PAGE_SIZE);
	if (!*size || end <= *base)
		return NT(INVALID_PARAMETER_4);
	*size = end - start;
	place->base = start;
	place->top_down = type & NT_MEM_TOP_DOWN;
	if (type & NT_MEM_REPLACE_PLACEHOLDER) {
		*base = start;
		return start ? nt_memory_replace_placeholder(as, start, *size, type, protect) : NT(INVALID_PARAMETER);
	}
	if (start && nt_place_limited(place))
		return NT(INVALID_PARAMETER); /* an address and requirements of it */
	if ((type & NT_MEM_RESERVE) || (!start && (type & NT_MEM_COMMIT)))
		return nt_memory_reserve(as, place, *size, type, protect, base);
	*base = start;
	if (type & NT_MEM_RESET)
		return nt_memory_reset(as, start, *size);
	return nt_memory_commit(as, start, *size, protect);
}

static s64 allocate_call(u64 process, u64 base_va, u64 size_va, struct nt_place *place, u32 type, u32 protect)
{
	struct aspace *as;
	u64 base, size;
	s64 st = range_in(base_va, size_va, &base, &size);
	if (!st)
		st = nt_process_space_get(process, NT_PROCESS_VM_OPERATION, &as);
	if (st)
		return st;
	if (base >= USER_TOP || size >= USER_TOP)
		st = base >= USER_TOP ? NT(INVALID_PARAMETER_2) : NT(INVALID_PARAMETER_4);
	else
		st = allocate(as, place, &base, &size, type, protect);
	aspace_put(as);
	return st ? st : range_out(base_va, size_va, base, size);
}

NT_HANDLER(AllocateVirtualMemory)
{
	struct nt_place place = { 0 };
	u64 base;
	s64 st = check_types((u32)a[4], false);
	if (!st)
		st = nt_zero_bits_limit(a[2], &place.high);
	if (!st)
		st = copy_in(&base, user_ptr(a[1]), 8);
	if (!st && base)
		place.high = 0; /* they say where to search, not what an address may be */
	return st ? st : allocate_call(a[0], a[1], a[3], &place, (u32)a[4], (u32)a[5]);
}

/* MEM_EXTENDED_PARAMETER: the type in the low 8 bits, then a value. */
enum { PARAMETER_ADDRESS = 1, PARAMETER_NUMA_NODE = 2, PARAMETER_ATTRIBUTES = 5 };

static s64 place_requirements(u64 va, struct nt_place *place)
{
	struct { u64 low, high, alignment; } r;
	if (COPY_IN(&r, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (r.alignment && (r.alignment < NT_ALLOCATION_GRANULARITY || (r.alignment & (r.alignment - 1))))
		return NT(INVALID_PARAMETER);
	if (!IS_ALIGNED(r.low, NT_ALLOCATION_GRANULARITY) || r.low >= NT_ADDRESS_TOP || r.high >= NT_ADDRESS_TOP)
		return NT(INVALID_PARAMETER);
	if (r.high && (!IS_ALIGNED(r.high + 1, PAGE_SIZE) || r.high <= r.low))
		return NT(INVALID_PARAMETER);
	place->low = r.low;
	place->high = r.high ? r.high + 1 : 0;
	place->alignment = r.alignment;
	return 0;
}

s64 nt_place_in(u64 va, u64 count, struct nt_place *place)
{
	struct { u64 type, value; } p;
	bool seen = false;
	if (count > EXTENDED_PARAMETERS_MAX || (count && !va))
		return NT(INVALID_PARAMETER);
	for (u64 i = 0; i < count; i++) {
		s64 st = COPY_IN(&p, user_ptr(va + i * sizeof(p)));
		if (st)
			return st;
		u32 kind = p.type & 0xff;
		if (kind == PARAMETER_NUMA_NODE)
			continue; /* a preference, and there is one node */
		if (kind == PARAMETER_ATTRIBUTES && !p.value)
			continue;
		if (kind != PARAMETER_ADDRESS)
			return NT(INVALID_PARAMETER);
		if (seen)
			return NT(INVALID_PARAMETER);
		seen = true;
		st = place_requirements(p.value, place);
		if (st)
			return st;
	}
	return 0;
}

NT_HANDLER(AllocateVirtualMemoryEx)
{
	struct nt_place place = { 0 };
	s64 st = check_types((u32)a[3], true);
	if (!st)
		st = nt_place_in(a[5], (u32)a[6], &place);
	return st ? st : allocate_call(a[0], a[1], a[2], &place, (u32)a[3], (u32)a[4]);
}

/* ---- free, protect ---- */
static s64 free_memory(struct aspace *as, u64 *base, u64 *size, u32 type)
{
	const u32 placeholder = NT_MEM_COALESCE_PLACEHOLDERS | NT_MEM_PRESERVE_PLACEHOLDER;
	u32 flags = type & placeholder;
	if (type == NT_MEM_DECOMMIT) {
		bool all = !*size;
		s64 st = nt_memory_decommit(as, base, size);
		if (!st && all)
			*size = 0; /* as it was asked */
		return st;
	}
	if ((type & ~placeholder) != NT_MEM_RELEASE || flags == placeholder)
		return NT(INVALID_PARAMETER_4);
	if (!flags && *size && !IS_ALIGNED(*size, PAGE_SIZE))
		return NT(INVALID_PARAMETER_3); /* of a part only in whole pages */
	if (flags && (!*size || !IS_ALIGNED(*base | *size, PAGE_SIZE)))
		return NT(INVALID_PARAMETER_3);
	return nt_memory_release(as, base, size, flags);
}

NT_HANDLER(FreeVirtualMemory)
{
	struct aspace *as;
	u64 base, size;
	s64 st = range_in(a[1], a[2], &base, &size);
	if (!st)
		st = nt_process_space_get(a[0], NT_PROCESS_VM_OPERATION, &as);
	if (st)
		return st;
	st = base >= USER_TOP || size >= USER_TOP ? NT(INVALID_PARAMETER_2) : free_memory(as, &base, &size, (u32)a[3]);
	aspace_put(as);
	return st ? st : range_out(a[1], a[2], base, size);
}

NT_HANDLER(ProtectVirtualMemory)
{
	struct aspace *as;
	u64 base, size;
	u32 old = 0;
	s64 st = range_in(a[1], a[2], &base, &size);
	if (!st && (!size || base >= USER_TOP || size >= USER_TOP))
		st = NT(INVALID_PARAMETER);
	if (!st)
		st = copy_out(user_ptr(a[4]), &old, sizeof(old)); /* nothing changes when the answer has no place */
	if (!st)
		st = nt_process_space_get(a[0], NT_PROCESS_VM_OPERATION, &as);
	if (st)
		return st;
	u64 start = ALIGN_DOWN(base, PAGE_SIZE);
	size = ALIGN_UP(base + size, PAGE_SIZE) - start;
	st = nt_memory_protect(as, start, size, (u32)a[3], &old);
	aspace_put(as);
	if (!st)
		st = range_out(a[1], a[2], start, size);
	return st ? st : copy_out(user_ptr(a[4]), &old, sizeof(old));
}

/* ---- another process's bytes ---- */
/* The source is looked at before the first byte goes over. */
static s64 readable(u64 va, u64 size)
{
	u8 byte;
	for (u64 at = va; at < va + size; at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE)
		if (copy_in(&byte, user_ptr(at), 1))
			return NT(PARTIAL_COPY);
	return 0;
}

static s64 transfer(struct aspace *as, u64 remote, u64 local, u64 size, bool write, u64 *done)
{
	u8 *chunk = kmalloc(COPY_CHUNK);
	s64 st = !chunk ? ERR_NOMEM : write ? readable(local, size) : 0;
	while (!st && *done < size) {
		u64 n = MIN(size - *done, COPY_CHUNK);
		s64 moved;
		if (write) {
			st = copy_in(chunk, user_ptr(local + *done), n);
			moved = st ? 0 : aspace_write_bytes(as, remote + *done, chunk, n);
		} else {
			moved = aspace_read_bytes(as, remote + *done, chunk, n);
			if (moved > 0)
				st = copy_out(user_ptr(local + *done), chunk, (u64)moved);
		}
		if (!st && moved > 0)
			*done += (u64)moved;
		if (!st && moved < (s64)n)
			st = NT(PARTIAL_COPY);
	}
	if (st == ERR_FAULT)
		st = *done ? NT(PARTIAL_COPY) : NT(ACCESS_VIOLATION);
	kfree(chunk);
	return st;
}

static s64 transfer_call(const u64 *a, u32 access, bool write)
{
	struct aspace *as;
	u64 done = 0;
	if (a[3] > COPY_ALL_MAX || a[1] >= USER_TOP)
		return a[1] >= USER_TOP ? NT(PARTIAL_COPY) : NT(INSUFFICIENT_RESOURCES);
	s64 st = nt_process_space_get(a[0], access, &as);
	if (!st) {
		st = transfer(as, a[1], a[2], a[3], write, &done);
		aspace_put(as);
	}
	s64 copied = a[4] ? copy_out(user_ptr(a[4]), &done, 8) : 0;
	return copied ? copied : st;
}

NT_HANDLER(ReadVirtualMemory) { return transfer_call(a, NT_PROCESS_VM_READ, false); }
NT_HANDLER(WriteVirtualMemory) { return transfer_call(a, NT_PROCESS_VM_WRITE, true); }

/* ---- lock, flush, hints, barriers ---- */
static s64 lock_call(const u64 *a, bool lock)
{
	struct aspace *as;
	u64 base, size;
	s64 st = range_in(a[1], a[2], &base, &size);
	if (!st && (!size || (u32)a[3] & ~3u || !(u32)a[3] || base >= USER_TOP || size >= USER_TOP))
		st = NT(INVALID_PARAMETER);
	if (!st)
		st = nt_process_space_get(a[0], NT_PROCESS_VM_OPERATION, &as);
	if (st)
		return st;
	u64 start = ALIGN_DOWN(base, PAGE_SIZE);
	size = ALIGN_UP(base + size, PAGE_SIZE) - start;
	status_t done = aspace_lock_pages(as, start, size, lock, lock);
	aspace_put(as);
	if (done)
		return done == ERR_NOMEM ? NT(ACCESS_VIOLATION) : done;
	return range_out(a[1], a[2], start, size);
}

NT_HANDLER(LockVirtualMemory) { return lock_call(a, true); }
NT_HANDLER(UnlockVirtualMemory) { return lock_call(a, false); }

NT_HANDLER(FlushVirtualMemory)
{
	struct aspace *as;
	u64 base, size;
	u64 io[2] = { 0, 0 };
	bool hole = false, locked = false;
	s64 st = range_in(a[1], a[2], &base, &size);
	if (!st)
		st = nt_process_space_get(a[0], NT_PROCESS_VM_OPERATION, &as);
	if (st)
		return st;
	struct nt_region r;
	if (base >= USER_TOP || size >= USER_TOP || !nt_memory_region_at(as, base, &r)) {
		aspace_put(as);
		return NT(NOT_MAPPED_VIEW);
	}
	if (r.section)
		file_put(r.section);
	u64 at = ALIGN_DOWN(base, PAGE_SIZE), end = size ? ALIGN_UP(base + size, PAGE_SIZE) : r.end;
	for (struct file *f; !st && (f = aspace_shared_file(as, &at, end, &hole, &locked));) {
		if (f->where.node && f->where.node->data)
			st = node_write_back(f->where.node);
		file_put(f);
	}
	aspace_put(as);
	if (!st)
		st = range_out(a[1], a[2], ALIGN_DOWN(base, PAGE_SIZE), end - ALIGN_DOWN(base, PAGE_SIZE));
	return st || !a[3] ? st : copy_out(user_ptr(a[3]), io, sizeof(io));
}

/* VmPrefetchInformation is the one class that is a hint: the ranges are brought in where that is possible. */
/* What cannot be fetched is left to the fault that needs it. Gives the bytes it was about. */
static u64 prefetch(struct aspace *as, u64 base, u64 size)
{
	if (size && aspace_advise(as, ALIGN_DOWN(base, PAGE_SIZE), size + (base & PAGE_MASK), LINUX_MADV_POPULATE_READ))
		klog(LOG_DEBUG, "prefetch of %llu bytes stopped", (unsigned long long)size);
	return size;
}

NT_HANDLER(SetInformationVirtualMemory)
{
	struct { u64 base, size; } range;
	u64 room = PREFETCH_BYTES_MAX;
	struct aspace *as = NULL;
	if ((u32)a[1] != 0)
		return NT(INVALID_PARAMETER_2);
	if (!a[4])
		return NT(INVALID_PARAMETER_5);
	if ((u32)a[5] != 4)
		return NT(INVALID_PARAMETER_6);
	if (!a[2] || a[2] > PREFETCH_RANGES_MAX)
		return NT(INVALID_PARAMETER_3);
	s64 st = nt_process_space_get(a[0], NT_PROCESS_VM_OPERATION, &as);
	for (u64 i = 0; !st && i < a[2]; i++) {
		st = COPY_IN(&range, user_ptr(a[3] + i * sizeof(range)));
		if (!st && (!range.size || range.base >= USER_TOP || range.size >= USER_TOP))
			st = NT(INVALID_PARAMETER_4);
		else if (!st)
			room -= prefetch(as, range.base, MIN(range.size, room));
	}
	aspace_put(as);
	return st;
}

NT_HANDLER(FlushInstructionCache)
{
	struct process *p; /* stores reach instruction fetch by themselves on this processor */
	s64 st = nt_process_get(a[0], NT_PROCESS_VM_WRITE, &p);
	if (!st)
		process_put(p);
	return st;
}

NT_HANDLER(FlushProcessWriteBuffers)
{
	tlb_flush_range(process_current()->aspace, 0, PAGE_SIZE); /* interrupts each CPU that runs this space: a barrier */
	return 0;
}

/* ---- write watch ---- */
static s64 watch_call(struct aspace *as, const u64 *a, u64 count)
{
	u64 *pages = kmalloc(count * 8);
	u32 granularity = PAGE_SIZE;
	if (!pages)
		return ERR_NOMEM;
	s64 st = nt_memory_write_watch(as, a[2], a[3], a[1] & 1, pages, &count);
	if (!st)
		st = copy_out(user_ptr(a[4]), pages, count * 8);
	if (!st)
		st = copy_out(user_ptr(a[5]), &count, 8);
	if (!st)
		st = copy_out(user_ptr(a[6]), &granularity, sizeof(granularity));
	kfree(pages);
	return st;
}

#define WATCH_PAGES_MAX 262144ull /* addresses per call: 2 MiB of kernel memory */

NT_HANDLER(GetWriteWatch)
{
	struct aspace *as;
	u64 count;
	if ((u32)a[1] & ~1u)
		return NT(INVALID_PARAMETER_2);
	s64 st = copy_in(&count, user_ptr(a[5]), 8);
	if (!st && count && !a[4])
		st = NT(ACCESS_VIOLATION);
	if (!st && (!count || !a[3] || a[2] >= USER_TOP || a[3] > USER_TOP - a[2]))
		st = NT(INVALID_PARAMETER);
	if (!st)
		st = nt_process_space_get(a[0], NT_PROCESS_VM_OPERATION, &as);
	if (st)
		return st;
	st = watch_call(as, a, MIN(MIN(count, ALIGN_UP(a[3], PAGE_SIZE) / PAGE_SIZE + 1), WATCH_PAGES_MAX));
	aspace_put(as);
	return st;
}

NT_HANDLER(ResetWriteWatch)
{
	struct aspace *as;
	u64 count = 0;
	if (!a[2] || a[1] >= USER_TOP || a[2] > USER_TOP - a[1])
		return NT(INVALID_PARAMETER);
	s64 st = nt_process_space_get(a[0], NT_PROCESS_VM_OPERATION, &as);
	if (st)
		return st;
	st = nt_memory_write_watch(as, ALIGN_DOWN(a[1], PAGE_SIZE), a[2], true, NULL, &count);
	aspace_put(as);
	return st;
}
