// SPDX-License-Identifier: MIT
/* Commitment of SEC_RESERVE sections: a bit for each page, in chunks that are made when the first of their bits is set. */
#include "nt_internal.h"

#include "reserve.h"
#include "vfs.h"

#define CHUNK_PAGES 32768ull            /* 128 MiB of section for 4 KiB of bits */
#define WORD_PAGES 64ull
#define RESERVE_SIZE_MAX (4ull << 40)   /* 32768 chunk pointers; more than any program reserves by one section */

struct reserve { struct spinlock lock; u64 pages; u64 *chunks[]; };

static void reserve_release(struct file *f)
{
	struct reserve *r = f->object;
	for (u64 i = 0; i * CHUNK_PAGES < r->pages; i++)
		kfree(r->chunks[i]);
	kfree(r);
}

static const struct file_ops reserve_ops = { .name = "reserve", .release = reserve_release };

struct file *nt_reserve_create(u64 size)
{
	u64 pages = size >> PAGE_SHIFT;
	if (size > RESERVE_SIZE_MAX)
		return NULL;
	struct reserve *r = kzalloc(sizeof(*r) + (pages + CHUNK_PAGES - 1) / CHUNK_PAGES * sizeof(u64 *));
	struct file *f = r ? file_create(&reserve_ops, r, 0) : NULL;
	if (!f)
		kfree(r);
	else
		r->pages = pages;
	return f;
}

static u64 *chunk_of(struct reserve *r, u64 page)
{
	u64 **slot = &r->chunks[page / CHUNK_PAGES];
	if (__atomic_load_n(slot, __ATOMIC_ACQUIRE))
		return *slot;
	u64 *fresh = kzalloc(CHUNK_PAGES / 8);
	spin_lock(&r->lock);
	if (!*slot && fresh) {
		__atomic_store_n(slot, fresh, __ATOMIC_RELEASE);
		fresh = NULL;
	}
	spin_unlock(&r->lock);
	kfree(fresh);
	return *slot;
}

s64 nt_reserve_commit(struct file *reserve, u64 start, u64 end)
{
	struct reserve *r = reserve->object;
	for (u64 page = start >> PAGE_SHIFT; page < MIN(end >> PAGE_SHIFT, r->pages); page++) {
		u64 *chunk = chunk_of(r, page);
		if (!chunk)
			return ERR_NOMEM;
		__atomic_or_fetch(&chunk[page % CHUNK_PAGES / WORD_PAGES], 1ull << page % WORD_PAGES, __ATOMIC_RELAXED);
	}
	return 0;
}

/* Pages from `page` that are all committed or all not: how far that is known at once. */
static bool committed(struct reserve *r, u64 page, u64 *next)
{
	u64 *chunk = __atomic_load_n(&r->chunks[page / CHUNK_PAGES], __ATOMIC_ACQUIRE);
	*next = page + 1;
	if (!chunk) {
		*next = (page / CHUNK_PAGES + 1) * CHUNK_PAGES;
		return false;
	}
	u64 word = __atomic_load_n(&chunk[page % CHUNK_PAGES / WORD_PAGES], __ATOMIC_RELAXED);
	if (!word || word == ~0ull)
		*next = (page / WORD_PAGES + 1) * WORD_PAGES;
	return word >> page % WORD_PAGES & 1;
}

bool nt_reserve_next(struct file *reserve, u64 start, u64 end, u64 *first, u64 *last)
{
	struct reserve *r = reserve->object;
	u64 page = start >> PAGE_SHIFT, stop = MIN(end >> PAGE_SHIFT, r->pages), next;
	while (page < stop && !committed(r, page, &next))
		page = next;
	if (page >= stop)
		return false;
	*first = page << PAGE_SHIFT;
	while (page < stop && committed(r, page, &next))
		page = next;
	*last = MIN(page, stop) << PAGE_SHIFT;
	return true;
}
