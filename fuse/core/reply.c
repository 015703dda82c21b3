/*
 * Answers to callers. The host looks at them after the step, so they, and the buffers they point
 * into, live until the next step begins.
 */
#include "fuse/core/client_i.h"

#include <stdlib.h>

enum { FREE_REPLIES_MAX = 64 };

struct cl_reply_node {
	struct dfs_list in_list;
	struct cl_reply reply;
	struct cl_entry *entries;
};

struct cl_reply *cl_reply_new(struct cl *cl, enum cl_op op)
{
	struct cl_reply_node *node;
	if (dfs_list_empty(&cl->free_replies)) {
		node = calloc(1, sizeof(*node));
		DFS_ASSERT(node != NULL);
	} else {
		node = dfs_list_first(&cl->free_replies, struct cl_reply_node, in_list);
		dfs_list_remove(&node->in_list);
		memset(node, 0, sizeof(*node));
	}
	node->reply.op = op;
	dfs_list_push_back(&cl->replies, &node->in_list);
	return &node->reply;
}

struct cl_entry *cl_reply_entries(struct cl *cl, struct cl_reply *reply, u32 count)
{
	(void)cl;
	struct cl_reply_node *node = dfs_container_of(reply, struct cl_reply_node, reply);
	DFS_ASSERT(node->entries == NULL);
	node->entries = calloc(dfs_max(count, 1u), sizeof(*node->entries));
	DFS_ASSERT(node->entries != NULL);
	reply->entries = node->entries;
	return node->entries;
}

void cl_keep_take(struct cl *cl, struct dfs_buf *buf)
{
	if (cl->kept_count == cl->kept_capacity) {
		cl->kept_capacity = dfs_max(cl->kept_capacity * 2, 32u);
		cl->kept = realloc(cl->kept, cl->kept_capacity * sizeof(struct dfs_buf *));
		DFS_ASSERT(cl->kept != NULL);
	}
	cl->kept[cl->kept_count++] = buf;
}

void cl_replies_release(struct cl *cl)
{
	u32 kept = 0;
	for (u32 i = 0; i < cl->kept_count; i++)
		dfs_buf_unref(cl->kept[i]);
	cl->kept_count = 0;
	dfs_list_for_each_safe (at, &cl->replies) {
		struct cl_reply_node *node = dfs_list_entry(at, struct cl_reply_node, in_list);
		dfs_list_remove(&node->in_list);
		free(node->entries);
		node->entries = NULL;
		if (kept++ < FREE_REPLIES_MAX)
			dfs_list_push_front(&cl->free_replies, &node->in_list);
		else
			free(node);
	}
}

void cl_replies_fini(struct cl *cl)
{
	cl_replies_release(cl);
	dfs_list_for_each_safe (at, &cl->free_replies)
		free(dfs_list_entry(at, struct cl_reply_node, in_list));
	free(cl->kept);
}
