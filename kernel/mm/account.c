// SPDX-License-Identifier: MIT
/* Charging: see mm.h. Pages carry their account, so an account outlives its holders until its last page. */
#include "frame.h"

static struct slab_cache *account_cache;
static struct account pools = { .pages = 1, .refs = 1 };

void account_init(void)
{
	account_cache = slab_create("account", sizeof(struct account), 16);
}

struct account *account_create(u64 limit_pages, struct account *parent)
{
	struct account *a = account_cache ? slab_alloc(account_cache) : NULL;
	if (!a)
		return NULL;
	a->pages = 1; /* the bias */
	a->limit_pages = limit_pages;
	a->parent = parent;
	a->refs = 1;
	return a;
}

static void drop(struct account *a, u64 pages)
{
	if (!__atomic_sub_fetch(&a->pages, pages, __ATOMIC_ACQ_REL))
		slab_free(account_cache, a);
}

void account_put(struct account *a)
{
	if (a && !__atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL))
		drop(a, 1); /* the bias, which only this account pays */
}

status_t account_charge(struct account *a, u64 pages)
{
	for (struct account *payer = a; payer; payer = payer->parent) {
		u64 now = __atomic_add_fetch(&payer->pages, pages, __ATOMIC_RELAXED);
		if (likely(now - 1 <= payer->limit_pages))
			continue;
		for (struct account *paid = a; paid != payer; paid = paid->parent)
			__atomic_sub_fetch(&paid->pages, pages, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&payer->pages, pages, __ATOMIC_RELAXED);
		return ERR_NOMEM;
	}
	return OK;
}

void account_charge_always(struct account *a, u64 pages)
{
	for (; a; a = a->parent)
		__atomic_add_fetch(&a->pages, pages, __ATOMIC_RELAXED);
}

void pool_reserve(u64 pages)
{
	__atomic_add_fetch(&pools.limit_pages, pages, __ATOMIC_RELAXED);
}

void account_use_pool(struct account *a, u64 pages)
{
	account_charge_always(&pools, account_pages(a));
	a->limit_pages = pages;
	a->parent = &pools;
}

u64 pools_unused(void)
{
	u64 used = account_pages(&pools);
	return used < pools.limit_pages ? pools.limit_pages - used : 0;
}

void account_uncharge(struct account *a, u64 pages)
{
	struct account *parent = a->parent;
	drop(a, pages);
	if (parent)
		__atomic_sub_fetch(&parent->pages, pages, __ATOMIC_RELAXED);
}

u64 account_left(const struct account *a)
{
	u64 left = UINT64_MAX;
	for (; a; a = a->parent) {
		u64 used = account_pages(a), limit = a->limit_pages;
		left = MIN(left, used < limit ? limit - used : 0);
	}
	return left;
}
