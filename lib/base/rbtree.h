/* SPDX-License-Identifier: MIT */
/* Intrusive red-black tree. The caller walks to the insertion point (it knows the key) and links;
 * the tree keeps the balance. See rbtree.c for the invariants. */
#ifndef AMBOS_BASE_RBTREE_H
#define AMBOS_BASE_RBTREE_H

#include "base.h"

struct rb_node {
	struct rb_node *parent, *left, *right;
	bool red;
};
struct rb_root {
	struct rb_node *node;
};

/* Links `n` below `parent` at `*slot` (&parent->left, &parent->right or &root->node) and rebalances. */
void rb_insert(struct rb_root *root, struct rb_node *n, struct rb_node *parent, struct rb_node **slot);
void rb_remove(struct rb_root *root, struct rb_node *n);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);

#define rb_entry(n, type, member) container_of(n, type, member)

#endif
