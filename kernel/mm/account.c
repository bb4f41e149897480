// SPDX-License-Identifier: MIT
/* Charging: see mm.h. Pages carry their account, so an account outlives its holders until its last page. */
#include "frame.h"

struct account *account_create(u64 limit_pages)
{
	struct account *a = kmalloc(sizeof(*a));
	if (!a)
		return NULL;
	a->pages = 1; /* the bias */
	a->limit_pages = limit_pages;
	a->refs = 1;
	return a;
}

void account_put(struct account *a)
{
	if (a && !__atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL))
		account_uncharge(a, 1);
}

status_t account_charge(struct account *a, u64 pages)
{
	u64 now = __atomic_add_fetch(&a->pages, pages, __ATOMIC_RELAXED);
	if (likely(now - 1 <= a->limit_pages))
		return OK;
	__atomic_sub_fetch(&a->pages, pages, __ATOMIC_RELAXED);
	return ERR_NOMEM;
}

void account_uncharge(struct account *a, u64 pages)
{
	if (!__atomic_sub_fetch(&a->pages, pages, __ATOMIC_ACQ_REL))
		kfree(a);
}
