// SPDX-License-Identifier: MIT
/* See page_index.h. Invariants: a node other than the root is never empty; when the tree is empty the root is
 * NULL and the height 0. */
#include "../include/page_index.h"

static bool grow(struct page_index *t)
{
	if (!t->root) { /* empty: any height is right */
		t->height++;
		return true;
	}
	struct index_node *n = index_node_alloc();
	if (!n)
		return false;
	n->slots[0] = t->root;
	n->used = 1;
	t->root = n;
	t->height++;
	return true;
}

static void shrink_empty(struct page_index *t)
{
	if (!t->root)
		t->height = 0;
}

/* Frees the empty nodes on the path to `index`, from the bottom. */
static void prune(struct page_index *t, u64 index)
{
	for (;;) {
		void **link = &t->root;
		struct index_node *n = t->root, *parent = NULL;
		if (!n || t->height == 0)
			break;
		for (u32 shift = INDEX_BITS * (t->height - 1); shift; shift -= INDEX_BITS) {
			void **slot = &n->slots[(index >> shift) & (INDEX_SLOTS - 1)];
			if (!*slot)
				break;
			parent = n;
			link = slot;
			n = *slot;
		}
		if (n->used)
			break;
		index_node_free(n);
		*link = NULL;
		if (parent)
			parent->used--;
	}
	shrink_empty(t);
}

bool page_index_insert(struct page_index *t, u64 index, void *item)
{
	while (t->height < 11 && index >> (INDEX_BITS * t->height))
		if (!grow(t))
			goto fail;
	if (t->height == 0) {
		t->root = item;
		return true;
	}
	void **slot = &t->root;
	struct index_node *parent = NULL;
	for (u32 level = t->height; level; level--) {
		if (!*slot) {
			struct index_node *n = index_node_alloc();
			if (!n)
				goto fail;
			*slot = n;
			if (parent)
				parent->used++;
		}
		parent = *slot;
		slot = &parent->slots[(index >> (INDEX_BITS * (level - 1))) & (INDEX_SLOTS - 1)];
	}
	*slot = item;
	parent->used++;
	return true;
fail:
	prune(t, index);
	return false;
}

void *page_index_remove(struct page_index *t, u64 index)
{
	void *item = page_index_find(t, index);
	if (!item)
		return NULL;
	if (t->height == 0) {
		t->root = NULL;
		return item;
	}
	struct index_node *n = t->root;
	for (u32 shift = INDEX_BITS * (t->height - 1); shift; shift -= INDEX_BITS)
		n = n->slots[(index >> shift) & (INDEX_SLOTS - 1)];
	n->slots[index & (INDEX_SLOTS - 1)] = NULL;
	if (--n->used == 0)
		prune(t, index);
	return item;
}

static void *next_below(const struct index_node *n, u32 height, u64 *index)
{
	u32 shift = INDEX_BITS * (height - 1);
	for (u64 i = (*index >> shift) & (INDEX_SLOTS - 1); i < INDEX_SLOTS; i++) {
		if (n->slots[i] && height == 1)
			return n->slots[i];
		if (n->slots[i]) {
			void *found = next_below(n->slots[i], height - 1, index);
			if (found)
				return found;
			continue; /* *index has reached the next slot of this level by carrying */
		}
		*index = ((*index >> shift) + 1) << shift;
	}
	return NULL;
}

void *page_index_next(const struct page_index *t, u64 *index)
{
	if (!t->root)
		return NULL;
	if (t->height == 0)
		return *index ? NULL : t->root;
	if (*index >> (INDEX_BITS * t->height))
		return NULL;
	return next_below(t->root, t->height, index);
}
