/*
 * Intrusive circular doubly linked list: the head is a node that holds nothing.
 * A node is on at most one list; list_remove() leaves it pointing at itself, so
 * that removing twice is harmless.
 */
#ifndef MESHD_BASE_LIST_H
#define MESHD_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_insert(struct list *before, struct list *node, struct list *after)
{
	node->prev = before;
	node->next = after;
	before->next = node;
	after->prev = node;
}

static inline void list_push_back(struct list *head, struct list *node)
{
	list_insert(head->prev, node, head);
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_insert(head, node, head->next);
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The first node, removed; there must be one. */
static inline struct list *list_pop_front(struct list *head)
{
	struct list *first = head->next;

	head->next = first->next;
	first->next->prev = head;
	list_init(first);
	return first;
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

/* The current element may be removed (and freed) in the body; no other may. */
/* NOLINTBEGIN(bugprone-macro-parentheses): names that are declared take no parentheses */
#define list_for_each(pos, next_, head)                                                                                \
	for (struct list *pos = (head)->next, *next_ = pos->next; pos != (head); pos = next_, next_ = pos->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
