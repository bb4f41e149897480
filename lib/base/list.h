/* SPDX-License-Identifier: MIT */
/* Intrusive circular doubly linked list. A list head and a detached node both point at themselves. */
#ifndef AMBOS_BASE_LIST_H
#define AMBOS_BASE_LIST_H

#include "base.h"

struct list_node {
	struct list_node *prev, *next;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list_node *n) { n->prev = n->next = n; }
static inline bool list_empty(const struct list_node *head) { return head->next == head; }
static inline bool list_linked(const struct list_node *n) { return n->next != n; }

static inline void list_insert_between(struct list_node *n, struct list_node *prev, struct list_node *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}
static inline void list_push_front(struct list_node *head, struct list_node *n) { list_insert_between(n, head, head->next); }
static inline void list_push_back(struct list_node *head, struct list_node *n) { list_insert_between(n, head->prev, head); }
static inline void list_insert_before(struct list_node *at, struct list_node *n) { list_insert_between(n, at->prev, at); }

/* Removing leaves the node detached, so removing twice is harmless. */
static inline void list_remove(struct list_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
/* Leaves n's own links as they are: for a node that is not asked again. */
static inline void list_unlink(struct list_node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
}
static inline struct list_node *list_pop_front(struct list_node *head)
{
	struct list_node *n = head->next;
	if (n == head)
		return NULL;
	list_remove(n);
	return n;
}
/* Moves all nodes of `from` to the tail of `to`. */
static inline void list_splice_back(struct list_node *to, struct list_node *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_for_each(pos, head, type, member)                                  \
	for (type *pos = list_entry((head)->next, type, member); &pos->member != (head); \
	     pos = list_entry(pos->member.next, type, member))
#define list_for_each_safe(pos, head, type, member)                             \
	for (type *pos = list_entry((head)->next, type, member),                \
	     *pos##_next = list_entry(pos->member.next, type, member);          \
	     &pos->member != (head);                                            \
	     pos = pos##_next, pos##_next = list_entry(pos->member.next, type, member))

#endif
