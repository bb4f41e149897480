// SPDX-License-Identifier: MIT
/* Red-black tree, after Cormen et al., chapter 13.
 * Invariants: (1) the root is black; (2) a red node has black children; (3) every path from a node
 * to a missing child meets the same number of black nodes. rb_insert breaks at most (2), rb_remove
 * at most (3); each repairs it on the way up. */
#include "rbtree.h"

static void replace_child(struct rb_root *root, struct rb_node *old, struct rb_node *new)
{
	struct rb_node *parent = old->parent;
	if (!parent)
		root->node = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

static void rotate_left(struct rb_root *root, struct rb_node *x)
{
	struct rb_node *y = x->right;
	x->right = y->left;
	if (y->left)
		y->left->parent = x;
	replace_child(root, x, y);
	y->left = x;
	x->parent = y;
}

static void rotate_right(struct rb_root *root, struct rb_node *x)
{
	struct rb_node *y = x->left;
	x->left = y->right;
	if (y->right)
		y->right->parent = x;
	replace_child(root, x, y);
	y->right = x;
	x->parent = y;
}

void rb_insert(struct rb_root *root, struct rb_node *n, struct rb_node *parent, struct rb_node **slot)
{
	n->parent = parent;
	n->left = n->right = NULL;
	n->red = true;
	*slot = n;
	while ((parent = n->parent) && parent->red) {
		struct rb_node *grand = parent->parent;
		bool left = grand->left == parent;
		struct rb_node *uncle = left ? grand->right : grand->left;
		if (uncle && uncle->red) {
			parent->red = uncle->red = false;
			grand->red = true;
			n = grand;
			continue;
		}
		if (left && n == parent->right) {
			rotate_left(root, parent);
			parent = n;
		} else if (!left && n == parent->left) {
			rotate_right(root, parent);
			parent = n;
		}
		parent->red = false;
		grand->red = true;
		if (left)
			rotate_right(root, grand);
		else
			rotate_left(root, grand);
		break;
	}
	root->node->red = false;
}

static bool is_red(const struct rb_node *n) { return n && n->red; }

/* `n` (possibly NULL) below `parent` lacks one black; push the lack up until it can be paid. */
static void repair_black(struct rb_root *root, struct rb_node *n, struct rb_node *parent)
{
	while (n != root->node && !is_red(n)) {
		bool left = parent->left == n;
		struct rb_node *s = left ? parent->right : parent->left;
		if (s->red) {
			s->red = false;
			parent->red = true;
			if (left)
				rotate_left(root, parent);
			else
				rotate_right(root, parent);
			s = left ? parent->right : parent->left;
		}
		if (!is_red(s->left) && !is_red(s->right)) {
			s->red = true;
			n = parent;
			parent = n->parent;
			continue;
		}
		if (left && !is_red(s->right)) {
			s->left->red = false;
			s->red = true;
			rotate_right(root, s);
			s = parent->right;
		} else if (!left && !is_red(s->left)) {
			s->right->red = false;
			s->red = true;
			rotate_left(root, s);
			s = parent->left;
		}
		s->red = parent->red;
		parent->red = false;
		if (left) {
			s->right->red = false;
			rotate_left(root, parent);
		} else {
			s->left->red = false;
			rotate_right(root, parent);
		}
		n = root->node;
	}
	if (n)
		n->red = false;
}

void rb_remove(struct rb_root *root, struct rb_node *n)
{
	struct rb_node *child, *parent;
	bool removed_red = n->red;
	if (!n->left || !n->right) {
		child = n->left ? n->left : n->right;
		parent = n->parent;
		replace_child(root, n, child);
	} else {
		struct rb_node *s = n->right;
		while (s->left)
			s = s->left;
		removed_red = s->red;
		child = s->right;
		parent = s->parent == n ? s : s->parent;
		if (s->parent != n) {
			replace_child(root, s, child);
			s->right = n->right;
			s->right->parent = s;
		}
		replace_child(root, n, s);
		s->left = n->left;
		s->left->parent = s;
		s->red = n->red;
	}
	if (!removed_red)
		repair_black(root, child, parent);
	n->parent = n->left = n->right = NULL;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *n = root->node;
	while (n && n->left)
		n = n->left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *n = root->node;
	while (n && n->right)
		n = n->right;
	return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
	if (n->right) {
		n = n->right;
		while (n->left)
			n = n->left;
		return (struct rb_node *)n;
	}
	while (n->parent && n == n->parent->right)
		n = n->parent;
	return n->parent;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
	if (n->left) {
		n = n->left;
		while (n->right)
			n = n->right;
		return (struct rb_node *)n;
	}
	while (n->parent && n == n->parent->left)
		n = n->parent;
	return n->parent;
}
