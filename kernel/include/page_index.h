/* SPDX-License-Identifier: MIT */
/* Radix tree from page index to pointer, 64-way. Height 0 holds only index 0 in the root itself, so an object
 * of one page needs no node. Pure: the caller locks. */
#ifndef AMBOS_KERNEL_PAGE_INDEX_H
#define AMBOS_KERNEL_PAGE_INDEX_H

#include "../../lib/base/base.h"

#define INDEX_BITS 6
#define INDEX_SLOTS 64u

struct page_index {
	void *root;
	u32 height;
};
/* Nodes come from here (tests bring their own). */
void *index_node_alloc(void); /* zeroed struct index_node, or NULL */
void index_node_free(void *node);
struct index_node {
	u32 used;
	void *slots[INDEX_SLOTS];
};

static inline void *page_index_find(const struct page_index *t, u64 index)
{
	const struct index_node *n = t->root;
	if (t->height == 0)
		return index ? NULL : t->root;
	if (index >> (INDEX_BITS * t->height))
		return NULL;
	for (u32 shift = INDEX_BITS * (t->height - 1); n; shift -= INDEX_BITS) {
		n = n->slots[(index >> shift) & (INDEX_SLOTS - 1)];
		if (!shift)
			break;
	}
	return (void *)n;
}
bool page_index_insert(struct page_index *t, u64 index, void *item); /* slot must be empty; false = no memory */
void *page_index_remove(struct page_index *t, u64 index);            /* the item, or NULL */
/* First item with index >= *index; stores its index. NULL at the end. */
void *page_index_next(const struct page_index *t, u64 *index);

#endif
