/*
 * dfs trash on, off and show: a directory, then those below it. Each is set before its
 * subdirectories are read: one that is made meanwhile inherits the new setting.
 *
 *   waits in `directories` --SET_TRASH--> --READDIR until its end--> done
 */
#include "admin/core/trash_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { WINDOW = 32, READDIR_BYTES = 65536 };

/* In a tag: the question is READDIR. The rest is the directory. */
#define TAG_READDIR (UINT64_C(1) << 63)

static void add(struct trash *trash, u64 ino)
{
	if (trash->directories_count == trash->directories_capacity) {
		trash->directories_capacity = trash->directories_capacity * 2 + 64;
		trash->directories = realloc(trash->directories, trash->directories_capacity *
								     sizeof(*trash->directories));
		DFS_ASSERT(trash->directories != NULL);
	}
	trash->directories[trash->directories_count++] = ino;
}

static void ask_set(struct ad *ad, u64 ino, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	const struct ad_arguments *arguments = ad->config.arguments;
	struct dfs_writer writer;
	struct dfs_set_trash set = {
	    .ino = ino,
	    .keep_s = arguments->trash == AD_TRASH_ON ? arguments->keep_s : 0,
	    .change = arguments->trash != AD_TRASH_SHOW,
	};
	trash->waiting++;
	ad_begin(ad->master, &writer);
	dfs_set_trash_put(&writer, &set);
	ad_ask(ad, ad->master, DFS_MSG_SET_TRASH, &writer, ino, fxs);
}

static void ask_readdir(struct ad *ad, u64 ino, u64 cookie, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	struct dfs_writer writer;
	struct dfs_readdir readdir = {.ino = ino, .cookie = cookie, .bytes_max = READDIR_BYTES};
	trash->waiting++;
	ad_begin(ad->master, &writer);
	dfs_readdir_put(&writer, &readdir);
	ad_ask(ad, ad->master, DFS_MSG_READDIR, &writer, ino | TAG_READDIR, fxs);
}

static void go_on(struct ad *ad, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	while (trash->waiting < WINDOW && trash->directories_count > 0)
		ask_set(ad, trash->directories[--trash->directories_count], fxs);
	snprintf(ad->progress, sizeof(ad->progress), "%llu directories set",
		 (unsigned long long)trash->kept_count);
	if (trash->waiting > 0)
		return;
	trash_print_kept(ad);
	ad_finish(ad, AD_EXIT_OK);
}

void trash_keep_start(struct ad *ad, u64 ino, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	trash->phase = TRASH_KEEPING;
	add(trash, ino);
	go_on(ad, fxs);
}

static int take_names(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	struct dfs_readdir_reply reply;
	struct dfs_dirent entry;
	u64 cookie = 0;
	int status = dfs_readdir_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		return status;
	while (dfs_dirent_next(&reply.entries, &entry)) {
		cookie = entry.cookie;
		if (S_ISDIR(entry.attr.mode))
			add(trash, entry.attr.ino);
	}
	if (reply.end == 0 && cookie != 0)
		ask_readdir(ad, answer->tag & ~TAG_READDIR, cookie, fxs);
	return 0;
}

static int take_set(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	const struct ad_arguments *arguments = ad->config.arguments;
	struct dfs_set_trash_reply reply;
	int status = dfs_set_trash_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		return status;
	trash->kept_count++;
	trash->keep_s = reply.keep_s;
	if (arguments->trash != AD_TRASH_SHOW && !arguments->no_recurse)
		ask_readdir(ad, answer->tag, 0, fxs);
	return 0;
}

void trash_keep_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct trash *trash = ad->work;
	int status = answer->status;
	trash->waiting--;
	if (status == 0 && (answer->tag & TAG_READDIR) != 0)
		status = take_names(ad, answer, fxs);
	else if (status == 0)
		status = take_set(ad, answer, fxs);
	/* One that was removed while we were on our way needs nothing any more. */
	bool gone = status == DFS_ESTALE || status == DFS_ENOENT;
	if (status != 0 && !(gone && trash->kept_count > 0)) {
		trash_fail(ad, answer, status, "set the trash of all directories");
		return;
	}
	go_on(ad, fxs);
}
