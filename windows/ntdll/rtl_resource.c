// SPDX-License-Identifier: MIT
/* RTL_RESOURCE: the old reader-writer lock. Recursive for its exclusive owner, who may also acquire it shared.
 * active: readers when positive, depth of the owner when negative. Waiters sleep on the counter. */
#include "rtl.h"

struct resource {
	RTL_CRITICAL_SECTION lock;
	HANDLE shared_semaphore;
	UINT shared_waiters;
	HANDLE exclusive_semaphore;
	UINT exclusive_waiters;
	INT active;
	HANDLE owner;
	DWORD timeout_boost;
	PVOID debug;
};

void NTAPI RtlInitializeResource(struct resource *r)
{
	memset(r, 0, sizeof(*r));
	RtlInitializeCriticalSection(&r->lock);
}

void NTAPI RtlDeleteResource(struct resource *r)
{
	RtlDeleteCriticalSection(&r->lock);
}

static bool take(struct resource *r, bool exclusive)
{
	HANDLE self = current_teb()->ClientId.UniqueThread;
	if (r->active < 0 && r->owner == self) {
		r->active--;
		return true;
	}
	if (exclusive ? r->active != 0 : r->active < 0)
		return false;
	r->active += exclusive ? -1 : 1;
	if (exclusive)
		r->owner = self;
	return true;
}

static BOOLEAN acquire(struct resource *r, BOOLEAN wait, bool exclusive)
{
	BOOLEAN taken;
	UINT *waiters = exclusive ? &r->exclusive_waiters : &r->shared_waiters;
	RtlEnterCriticalSection(&r->lock);
	while (!(taken = take(r, exclusive)) && wait) {
		INT seen = r->active;
		++*waiters;
		RtlLeaveCriticalSection(&r->lock);
		RtlWaitOnAddress(&r->active, &seen, sizeof(seen), NULL);
		RtlEnterCriticalSection(&r->lock);
		--*waiters;
	}
	RtlLeaveCriticalSection(&r->lock);
	return taken;
}

BOOLEAN NTAPI RtlAcquireResourceExclusive(struct resource *r, BOOLEAN wait) { return acquire(r, wait, true); }
BOOLEAN NTAPI RtlAcquireResourceShared(struct resource *r, BOOLEAN wait) { return acquire(r, wait, false); }

void NTAPI RtlReleaseResource(struct resource *r)
{
	RtlEnterCriticalSection(&r->lock);
	if (r->active)
		r->active += r->active > 0 ? -1 : 1;
	if (!r->active)
		r->owner = NULL;
	RtlLeaveCriticalSection(&r->lock);
	RtlWakeAddressAll(&r->active);
}

#define IS_EXCLUSIVE_OWNER(r) ((r)->active < 0 && (r)->owner == current_teb()->ClientId.UniqueThread)

void NTAPI RtlConvertExclusiveToShared(struct resource *r)
{
	RtlEnterCriticalSection(&r->lock);
	if (r->active == -1 && IS_EXCLUSIVE_OWNER(r)) {
		r->active = 1;
		r->owner = NULL;
	}
	RtlLeaveCriticalSection(&r->lock);
	RtlWakeAddressAll(&r->active);
}

void NTAPI RtlConvertSharedToExclusive(struct resource *r)
{
	RtlReleaseResource(r);
	RtlAcquireResourceExclusive(r, TRUE);
}
