/*
 * LIST_TRASH, page by page. What is to be listed or restored is gathered; what is to be emptied
 * leaves the trash page by page, so that memory stays small however much lies there.
 */
#include "admin/core/trash_i.h"

#include <stdio.h>
#include <stdlib.h>

/* What -r restores at once; each costs about 100 bytes and its path. */
enum { RESTORE_ROWS_MAX = 1000000 };

static bool is_inode_only(const struct ad *ad)
{
	return ad->config.arguments->trash == AD_TRASH_RESTORE && ad->config.place.path == NULL;
}

static void ask_page(struct ad *ad, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	const struct ad_arguments *arguments = ad->config.arguments;
	struct dfs_writer writer;
	struct dfs_list_trash list = {.after = trash->next, .deleted_after = trash->since};
	if (is_inode_only(ad))
		list.ino = strtoull(arguments->files[0], NULL, 10);
	else if (ad->config.place.path != NULL)
		list.path = dfs_span_text(ad->config.place.cluster);
	list.exact = arguments->trash == AD_TRASH_RESTORE && !arguments->recursive;
	trash->phase = TRASH_LISTING;
	ad_begin(ad->master, &writer);
	dfs_list_trash_put(&writer, &list);
	ad_ask(ad, ad->master, DFS_MSG_LIST_TRASH, &writer, 0, fxs);
}

void trash_gather_start(struct ad *ad, struct dfs_fxs *fxs)
{
	ask_page(ad, fxs);
}

/* The first rows go: later ones are of more interest. */
static void forget(struct trash *trash, u32 count)
{
	for (u32 i = 0; i < count; i++)
		free(trash->rows[i].path);
	trash->rows_count -= count;
	memmove(trash->rows, trash->rows + count, trash->rows_count * sizeof(*trash->rows));
	trash->dropped_count += count;
}

static void add(struct trash *trash, const struct dfs_trash_item *item)
{
	if (trash->rows_count == trash->rows_capacity) {
		trash->rows_capacity = trash->rows_capacity * 2 + 64;
		trash->rows = realloc(trash->rows, trash->rows_capacity * sizeof(*trash->rows));
		DFS_ASSERT(trash->rows != NULL);
	}
	char *path = malloc(item->path.length + 1);
	DFS_ASSERT(path != NULL);
	if (item->path.length > 0)
		memcpy(path, item->path.data, item->path.length);
	path[item->path.length] = '\0';
	trash->rows[trash->rows_count++] = (struct trash_row){
	    .key = item->key,
	    .deleted = item->deleted,
	    .size = item->attr.size,
	    .allocated = item->attr.allocated,
	    .mode = item->attr.mode,
	    .uid = item->uid,
	    .cut = item->cut != 0,
	    .path_bytes = item->path.length,
	    .path = path,
	};
}

/* One page leaves the trash. */
static void ask_empty(struct ad *ad, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	struct dfs_writer keys, writer;
	dfs_writer_init(&keys, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < trash->rows_count; i++)
		dfs_trash_key_put(&keys, &trash->rows[i].key);
	struct dfs_empty_trash empty = {.keys = dfs_writer_items(&keys)};
	trash->phase = TRASH_EMPTYING;
	ad_begin(ad->master, &writer);
	dfs_empty_trash_put(&writer, &empty);
	ad_ask(ad, ad->master, DFS_MSG_EMPTY_TRASH, &writer, 0, fxs);
	dfs_writer_fini(&keys);
}

static void finish_emptying(struct ad *ad)
{
	trash_print_emptied(ad);
	ad_finish(ad, AD_EXIT_OK);
}

static void page_emptied(struct ad *ad, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	for (u32 i = 0; i < trash->rows_count; i++)
		trash->emptied_bytes += trash->rows[i].allocated;
	trash->emptied_count += trash->rows_count;
	snprintf(ad->progress, sizeof(ad->progress), "%llu files removed for good",
		 (unsigned long long)trash->emptied_count);
	forget(trash, trash->rows_count);
	if (trash->end)
		finish_emptying(ad);
	else
		ask_page(ad, fxs);
}

static void page_listed(struct ad *ad, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	const struct ad_arguments *arguments = ad->config.arguments;
	bool list = arguments->trash == AD_TRASH_LIST;
	u32 max = list ? arguments->limit : RESTORE_ROWS_MAX;
	if (arguments->trash == AD_TRASH_EMPTY && trash->rows_count > 0) {
		ask_empty(ad, fxs);
		return;
	}
	if (trash->rows_count > 2 * max || (trash->end && trash->rows_count > max))
		forget(trash, trash->rows_count - max);
	if (!trash->end) {
		ask_page(ad, fxs);
	} else if (list) {
		trash_print_list(ad);
		ad_finish(ad, AD_EXIT_OK);
	} else if (arguments->trash == AD_TRASH_RESTORE) {
		trash_restore_start(ad, fxs);
	} else {
		finish_emptying(ad);
	}
}

static int take_page(struct ad *ad, const struct ad_answer *answer)
{
	struct trash *trash = ad->work;
	const struct ad_arguments *arguments = ad->config.arguments;
	struct dfs_list_trash_reply reply;
	struct dfs_trash_item item;
	u64 until = arguments->older_s == 0 ? UINT64_MAX : ad->wall - arguments->older_s * DFS_SEC;
	int status = dfs_list_trash_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		return status;
	while (dfs_trash_item_next(&reply.items, &item)) {
		if (item.deleted <= until)
			add(trash, &item);
	}
	trash->next = reply.next;
	trash->end = reply.end != 0;
	return 0;
}

void trash_gather_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	const struct trash *trash = ad->work;
	bool listing = trash->phase == TRASH_LISTING;
	int status = answer->status;
	if (status == 0 && listing)
		status = take_page(ad, answer);
	if (status != 0)
		trash_fail(ad, answer, status, listing ? "list the trash" : "empty the trash");
	else if (listing)
		page_listed(ad, fxs);
	else
		page_emptied(ad, fxs);
}
