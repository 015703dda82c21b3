/*
 * Intrusive doubly linked list with a head, as in the Linux kernel's list.h. O(1) everywhere.
 * A node that is in no list points to itself, so removing it twice is harmless.
 */
#ifndef DFS_BASE_LIST_H
#define DFS_BASE_LIST_H

#include "libdfsproto/base/types.h"

struct dfs_list {
	struct dfs_list *next;
	struct dfs_list *prev;
};

static inline void dfs_list_init(struct dfs_list *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool dfs_list_empty(const struct dfs_list *list)
{
	return list->next == list;
}

static inline void dfs_list_insert_after(struct dfs_list *at, struct dfs_list *node)
{
	node->next = at->next;
	node->prev = at;
	at->next->prev = node;
	at->next = node;
}

static inline void dfs_list_push_front(struct dfs_list *head, struct dfs_list *node)
{
	dfs_list_insert_after(head, node);
}

static inline void dfs_list_push_back(struct dfs_list *head, struct dfs_list *node)
{
	dfs_list_insert_after(head->prev, node);
}

static inline void dfs_list_remove(struct dfs_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	dfs_list_init(node);
}

/* Move all of `from` to the end of `to`; `from` is empty afterwards. */
static inline void dfs_list_splice_back(struct dfs_list *to, struct dfs_list *from)
{
	if (dfs_list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	dfs_list_init(from);
}

#define dfs_list_entry(node, type, member) dfs_container_of(node, type, member)
#define dfs_list_first(head, type, member) dfs_list_entry((head)->next, type, member)
#define dfs_list_last(head, type, member)  dfs_list_entry((head)->prev, type, member)

#define dfs_list_for_each(node, head)                                                              \
	for (struct dfs_list *node = (head)->next; node != (head); node = node->next)
/* The current node may be removed inside the loop. */
#define dfs_list_for_each_safe(node, head)                                                         \
	for (struct dfs_list *node = (head)->next, *node##_next = node->next; node != (head);      \
	     node = node##_next, node##_next = node->next)

#endif
