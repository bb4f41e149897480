// SPDX-License-Identifier: MIT
/* mlock, munlock, mlockall, munlockall, membarrier (mlock(2), membarrier(2)). */
#include "mem.h"
#include "tlb.h"
#include "../../abi/linux/mman.h"

#define CAP_IPC_LOCK_BIT 14    /* capabilities(7) */

static bool lock_unlimited(void) { return cred_has_cap(thread_current()->cred, CAP_IPC_LOCK_BIT); }
static u64 lock_limit(void) { return process_current()->rlimits[RLIMIT_MEMLOCK].soft; }

static bool within_limit(u64 bytes)
{
	u64 locked = process_current()->aspace->locked_pages << PAGE_SHIFT;
	return lock_unlimited() || (bytes <= lock_limit() && locked <= lock_limit() - bytes);
}

s64 memlock_check(u64 size)
{
	if (!lock_unlimited() && lock_limit() == 0)
		return ERR_PERM;
	return within_limit(size) ? OK : ERR_AGAIN;
}

s64 memlock_check_future(u64 size)
{
	return !process_current()->aspace->lock_future || within_limit(ALIGN_UP(size, PAGE_SIZE)) ? OK : ERR_AGAIN;
}

s64 memlock_check_growth(u64 va, u64 old_size, u64 new_size)
{
	struct aspace *as = process_current()->aspace;
	u64 from = ALIGN_UP(old_size, PAGE_SIZE), to = ALIGN_UP(new_size, PAGE_SIZE);

	if (to <= from || !as->locked_pages)
		return OK;
	return !aspace_locked_bytes(as, va, va + PAGE_SIZE) || within_limit(to - from) ? OK : ERR_AGAIN;
}

static s64 lock_range(u64 va, u64 size, bool populate)
{
	if (!lock_unlimited() && lock_limit() == 0)
		return ERR_PERM;
	u64 start = ALIGN_DOWN(va, PAGE_SIZE), bytes = ALIGN_UP(size + (va & PAGE_MASK), PAGE_SIZE);
	if (!within_limit(bytes) && !within_limit(bytes - aspace_locked_bytes(process_current()->aspace, start, start + bytes)))
		return ERR_NOMEM; /* what is locked already does not count again */
	return aspace_lock_pages(process_current()->aspace, va, size, true, populate);
}

LINUX_HANDLER(mlock)
{
	return lock_range(a0, a1, true);
}

LINUX_HANDLER(mlock2)
{
	if (a2 & ~(u64)LINUX_MLOCK_ONFAULT)
		return ERR_INVAL;
	return lock_range(a0, a1, !a2);
}

LINUX_HANDLER(munlock)
{
	return aspace_lock_pages(process_current()->aspace, a0, a1, false, false);
}

static void set_future(struct aspace *as, bool lock)
{
	mutex_lock(&as->lock);
	as->lock_future = lock ? MAP_F_LOCKED : 0;
	mutex_unlock(&as->lock);
}

LINUX_HANDLER(mlockall)
{
	struct aspace *as = process_current()->aspace;
	if (!a0 || (a0 & ~(u64)(LINUX_MCL_CURRENT | LINUX_MCL_FUTURE | LINUX_MCL_ONFAULT)) || a0 == LINUX_MCL_ONFAULT)
		return ERR_INVAL;
	if (!lock_unlimited() && lock_limit() == 0)
		return ERR_PERM;
	if ((a0 & LINUX_MCL_CURRENT) && !lock_unlimited() && as->mapped_pages << PAGE_SHIFT > lock_limit())
		return ERR_NOMEM;
	set_future(as, a0 & LINUX_MCL_FUTURE);
	if (a0 & LINUX_MCL_CURRENT)
		aspace_lock_all(as, true, !(a0 & LINUX_MCL_ONFAULT));
	return OK;
}

LINUX_HANDLER(munlockall)
{
	set_future(process_current()->aspace, false);
	aspace_lock_all(process_current()->aspace, false, false);
	return OK;
}

LINUX_HANDLER(membarrier)
{
	struct aspace *as = process_current()->aspace;
	if (a1)
		return ERR_INVAL;
	switch (a0) {
	case LINUX_MEMBARRIER_QUERY:
		return LINUX_MEMBARRIER_GLOBAL | LINUX_MEMBARRIER_PRIVATE_EXPEDITED |
		       LINUX_MEMBARRIER_REGISTER_PRIVATE_EXPEDITED;
	case LINUX_MEMBARRIER_GLOBAL:
		tlb_flush_kernel(VMAP_BASE, PAGE_SIZE); /* every CPU takes an interrupt, which is the barrier */
		return OK;
	case LINUX_MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
		as->membarrier_registered = 1;
		return OK;
	case LINUX_MEMBARRIER_PRIVATE_EXPEDITED:
		if (!as->membarrier_registered)
			return ERR_PERM;
		tlb_flush_range(as, 0, PAGE_SIZE); /* interrupts the CPUs that run this space */
		return OK;
	default:
		return ERR_INVAL;
	}
}
