/*
 * dfs trash restore: of each path the newest version, directories first, then files, several at a
 * time. RECOVER brings back one thing at a time: when that is a directory above, it is asked again.
 */
#include "admin/core/trash_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { WINDOW = 32, COMPLAINTS_MAX = 10 };

/* Directories, shorter paths first: those above come before those in them. Then the rest. */
static int by_turn(const void *a, const void *b)
{
	const struct trash_row *left = a;
	const struct trash_row *right = b;
	int order = S_ISDIR(right->mode) - S_ISDIR(left->mode);
	if (order == 0)
		order =
		    (left->path_bytes > right->path_bytes) - (left->path_bytes < right->path_bytes);
	if (order == 0)
		order = (left->key.ino > right->key.ino) - (left->key.ino < right->key.ino);
	return order;
}

static int by_path(const void *a, const void *b)
{
	const struct trash_row *left = a;
	const struct trash_row *right = b;
	int order = dfs_span_compare(dfs_span(left->path, left->path_bytes),
				     dfs_span(right->path, right->path_bytes));
	if (order == 0)
		order = (left->deleted < right->deleted) - (left->deleted > right->deleted);
	return order;
}

/* Of each path the newest. */
static void choose(struct trash *trash)
{
	u32 kept = 0;
	if (trash->rows_count > 0)
		qsort(trash->rows, trash->rows_count, sizeof(*trash->rows), by_path);
	for (u32 i = 0; i < trash->rows_count; i++) {
		struct trash_row *row = &trash->rows[i];
		const struct trash_row *last = kept == 0 ? NULL : &trash->rows[kept - 1];
		if (last != NULL && !row->cut &&
		    dfs_span_equal(dfs_span(last->path, last->path_bytes),
				   dfs_span(row->path, row->path_bytes))) {
			free(row->path);
			trash->older_count++;
			continue;
		}
		trash->rows[kept++] = *row;
	}
	trash->rows_count = kept;
	if (kept > 0)
		qsort(trash->rows, kept, sizeof(*trash->rows), by_turn);
}

static void ask(struct ad *ad, u32 index, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	struct dfs_writer writer;
	struct dfs_recover recover = {
	    .ino = trash->rows[index].key.ino,
	    .parent = trash->to_parent,
	    .name = trash->to_name,
	};
	trash->waiting++;
	ad_begin(ad->master, &writer);
	dfs_recover_put(&writer, &recover);
	ad_ask(ad, ad->master, DFS_MSG_RECOVER, &writer, index, fxs);
}

static void go_on(struct ad *ad, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	while (trash->at < trash->rows_count) {
		/* A directory that others wait for is not asked for twice. */
		u32 window = S_ISDIR(trash->rows[trash->at].mode) ? 1 : WINDOW;
		if (trash->waiting >= window)
			break;
		ask(ad, trash->at++, fxs);
	}
	snprintf(ad->progress, sizeof(ad->progress), "%u of %u restored", trash->restored_count,
		 trash->rows_count);
	if (trash->waiting > 0)
		return;
	trash_print_restored(ad);
	if (trash->failed_count == 0)
		ad_finish(ad, AD_EXIT_OK);
	else
		ad_finish(ad, trash->restored_count > 0 ? AD_EXIT_FOUND : AD_EXIT_FAILED);
}

void trash_restore_start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	const char *path = ad->config.place.path;
	trash->phase = TRASH_RESTORING;
	if (trash->dropped_count > 0) {
		ad_complain(ad,
			    "%s: too much was deleted below it to restore it at once; restore "
			    "the directories in it one after another",
			    path);
		ad_finish(ad, AD_EXIT_FAILED);
		return;
	}
	if (trash->rows_count == 0 && path == NULL) {
		ad_complain(ad, "inode %s is not in the trash; dfs trash list shows what is",
			    ad->config.arguments->files[0]);
		ad_finish(ad, AD_EXIT_FAILED);
		return;
	}
	if (trash->rows_count == 0) {
		ad_complain(ad,
			    "nothing %s %s is in the trash; dfs trash list shows what is below a "
			    "directory",
			    ad->config.arguments->recursive ? "that was below" : "called", path);
		ad_finish(ad, AD_EXIT_FAILED);
		return;
	}
	choose(trash);
	go_on(ad, fxs);
}

static const char *advice(int status)
{
	switch (status) {
	case DFS_EEXIST:
		return "that name is taken, and nothing is overwritten; give another with --to";
	case DFS_ENOENT:
		return "it is not in the trash any more: it was restored, or its time was up";
	case DFS_ENOTDIR:
		return "what has the name of its directory now is none; say where with --to";
	case DFS_ENOTSUP:
		return "it is not known any more where it was; say where with --to";
	default:
		return dfs_error_text(status);
	}
}

static void complain(struct ad *ad, const struct trash_row *row, int status)
{
	struct trash *trash = ad->work;
	struct ad_text text = {0};
	trash->failed_count++;
	if (trash->failed_count > COMPLAINTS_MAX)
		return;
	ad_text_add_name(&text, dfs_span(row->path, row->path_bytes));
	ad_complain(ad, "cannot restore %s (inode %llu): %s", ad_text_get(&text),
		    (unsigned long long)row->key.ino, advice(status));
	ad_text_fini(&text);
}

/* Where it is now takes the place of where it was. */
static void set_path(struct trash_row *row, struct dfs_span path)
{
	char *copy;
	if (path.length == 0)
		return;
	copy = malloc(path.length + 1);
	DFS_ASSERT(copy != NULL);
	memcpy(copy, path.data, path.length);
	copy[path.length] = '\0';
	free(row->path);
	row->path = copy;
	row->path_bytes = path.length;
}

void trash_restore_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	struct trash_row *row = &trash->rows[answer->tag];
	struct dfs_recover_reply reply;
	int status = answer->status;
	trash->waiting--;
	if (status == 0)
		status = dfs_recover_reply_decode(answer->body, answer->version, &reply);
	if (status == DFS_ETIMEDOUT || answer->peer->refusal != 0) {
		trash_fail(ad, answer, status, "restore");
		return;
	}
	if (status != 0) {
		complain(ad, row, status);
	} else if (reply.attr.ino != row->key.ino) {
		trash->made_count++;
		ask(ad, (u32)answer->tag, fxs);
	} else {
		trash->restored_count++;
		set_path(row, reply.path);
	}
	go_on(ad, fxs);
}
