/* SPDX-License-Identifier: MIT */
/* Private to kernel/mm: what memobj.c and memobj_io.c share. */
#ifndef AMBOS_MM_MEMOBJ_H
#define AMBOS_MM_MEMOBJ_H

#include "frame.h"
#include "map.h"

/* Stores are noted page by page (PAGE_FLAG_DIRTY): somebody budgets, writes back or can fill pages again. */
static inline bool memobj_tracked(const struct memobj *o)
{
	return (o->ops && (o->ops->make_dirty || o->ops->fill)) || o->backing != PHYS_NONE;
}
/* A clean page may be dropped: it can be had again. */
static inline bool memobj_refillable(const struct memobj *o)
{
	return (o->ops && o->ops->fill) || o->backing != PHYS_NONE;
}
status_t memobj_insert(struct memobj *o, u64 index, struct page *p, u16 flags, bool past_end) MUST_CHECK;

#endif
