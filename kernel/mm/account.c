// SPDX-License-Identifier: MIT
/* Charging: see mm.h. Pages carry their account, so an account outlives its holders until its last page. */
#include "frame.h"

struct account *account_create(u64 limit_pages, struct account *parent)
{
	struct account *a = kmalloc(sizeof(*a));
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
		kfree(a);
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
