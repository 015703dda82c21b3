/*
 * What `dfs trash` prints.
 */
#include "admin/core/table.h"
#include "admin/core/trash_i.h"

#include <stdlib.h>
#include <sys/stat.h>

typedef unsigned long long ull;

static const char *kind_of(u32 mode)
{
	return S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "link" : "file";
}

static int by_deletion(const void *a, const void *b)
{
	const struct trash_row *left = a;
	const struct trash_row *right = b;
	int order = (left->deleted > right->deleted) - (left->deleted < right->deleted);
	return order == 0 ? (left->key.ino > right->key.ino) - (left->key.ino < right->key.ino)
			  : order;
}

static void print_json(struct ad *ad)
{
	const struct trash *trash = ad->work;
	struct ad_json json = {.out = &ad->out};
	ad_json_open(&json, NULL, '{');
	ad_json_open(&json, "files", '[');
	for (u32 i = 0; i < trash->rows_count; i++) {
		const struct trash_row *row = &trash->rows[i];
		ad_json_open(&json, NULL, '{');
		ad_json_text(&json, "path", dfs_span(row->path, row->path_bytes));
		ad_json_bool(&json, "path_cut", row->cut);
		ad_json_number(&json, "inode", row->key.ino);
		ad_json_text(&json, "type", dfs_span_text(kind_of(row->mode)));
		ad_json_number(&json, "deleted", row->deleted / DFS_SEC);
		ad_json_number(&json, "expires", row->key.expires / DFS_SEC);
		ad_json_number(&json, "deleted_by", row->uid);
		ad_json_number(&json, "size", row->size);
		ad_json_number(&json, "allocated", row->allocated);
		ad_json_close(&json, '}');
	}
	ad_json_close(&json, ']');
	ad_json_number(&json, "not_shown", trash->dropped_count);
	ad_json_close(&json, '}');
	ad_text_add(&ad->out, "\n");
}

static u64 seconds_between(u64 earlier, u64 later)
{
	return later > earlier ? (later - earlier) / DFS_SEC : 0;
}

static void print_rows(struct ad *ad)
{
	static const char *const titles[] = {">deleted ago", ">left",  ">size",
					     ">uid",         ">inode", "path"};
	const struct trash *trash = ad->work;
	struct ad_table table;
	char text[AD_NUMBER_BYTES];
	ad_table_init(&table, dfs_array_count(titles), titles);
	for (u32 i = 0; i < trash->rows_count; i++) {
		const struct trash_row *row = &trash->rows[i];
		struct ad_text path = {0};
		ad_text_add_name(&path, dfs_span(row->path, row->path_bytes));
		ad_table_cell(&table, "%s",
			      ad_duration(seconds_between(row->deleted, ad->wall), text));
		ad_table_cell(&table, "%s",
			      ad_duration(seconds_between(ad->wall, row->key.expires), text));
		ad_table_cell(&table, "%s", S_ISREG(row->mode) ? ad_size(row->size, text) : "-");
		ad_table_cell(&table, "%u", row->uid);
		ad_table_cell(&table, "%llu", (ull)row->key.ino);
		ad_table_cell(&table, "%s%s%s", row->cut ? "…" : "", ad_text_get(&path),
			      S_ISDIR(row->mode) ? "/" : "");
		ad_text_fini(&path);
	}
	ad_table_print(&table, "", &ad->out);
	ad_table_fini(&table);
}

void trash_print_list(struct ad *ad)
{
	const struct trash *trash = ad->work;
	if (trash->rows_count > 0)
		qsort(trash->rows, trash->rows_count, sizeof(*trash->rows), by_deletion);
	if (ad->config.arguments->json) {
		print_json(ad);
		return;
	}
	if (trash->rows_count == 0) {
		ad_text_add(&ad->out, "Nothing is in the trash%s%s\n",
			    ad->config.place.path == NULL ? "" : " of ",
			    ad->config.place.path == NULL ? "" : ad->config.place.path);
		return;
	}
	print_rows(ad);
	if (trash->dropped_count > 0)
		ad_text_add(&ad->out,
			    "%llu more were deleted earlier; --limit shows more, a path or "
			    "--deleted-after fewer\n",
			    (ull)trash->dropped_count);
}

void trash_print_kept(struct ad *ad)
{
	const struct trash *trash = ad->work;
	const struct ad_arguments *arguments = ad->config.arguments;
	const char *path = ad->config.place.path;
	char text[AD_NUMBER_BYTES];
	struct ad_json json = {.out = &ad->out};
	u32 keep_s = trash->keep_s;
	if (arguments->trash != AD_TRASH_SHOW)
		keep_s = arguments->trash == AD_TRASH_ON ? arguments->keep_s : 0;
	if (arguments->json) {
		ad_json_open(&json, NULL, '{');
		ad_json_number(&json, "keep_s", keep_s);
		ad_json_number(&json, "directories", trash->kept_count);
		ad_json_close(&json, '}');
		ad_text_add(&ad->out, "\n");
		return;
	}
	ad_text_add(&ad->out, "%s", path);
	if (trash->kept_count > 1)
		ad_text_add(&ad->out, " and %llu %s below it", (ull)trash->kept_count - 1,
			    ad_plural(trash->kept_count - 1, "directory", "directories"));
	if (keep_s > 0)
		ad_text_add(&ad->out, ": what is deleted is kept for %s",
			    ad_duration(keep_s, text));
	else
		ad_text_add(&ad->out, ": what is deleted is gone");
	if (arguments->no_recurse)
		ad_text_add(&ad->out, "; directories that are in it already stay as they are");
	ad_text_add(&ad->out, "\n");
}

void trash_print_emptied(struct ad *ad)
{
	const struct trash *trash = ad->work;
	char count[AD_NUMBER_BYTES], size[AD_NUMBER_BYTES];
	struct ad_json json = {.out = &ad->out};
	if (ad->config.arguments->json) {
		ad_json_open(&json, NULL, '{');
		ad_json_number(&json, "removed", trash->emptied_count);
		ad_json_number(&json, "allocated", trash->emptied_bytes);
		ad_json_close(&json, '}');
		ad_text_add(&ad->out, "\n");
		return;
	}
	ad_text_add(&ad->out, "%s removed for good; %s become free\n",
		    ad_count(trash->emptied_count, count), ad_size(trash->emptied_bytes, size));
}

static void print_restored_json(struct ad *ad)
{
	const struct trash *trash = ad->work;
	struct ad_json json = {.out = &ad->out};
	ad_json_open(&json, NULL, '{');
	ad_json_number(&json, "restored", trash->restored_count);
	ad_json_number(&json, "directories_above", trash->made_count);
	ad_json_number(&json, "failed", trash->failed_count);
	ad_json_number(&json, "older_versions", trash->older_count);
	if (trash->rows_count == 1 && trash->restored_count == 1)
		ad_json_text(&json, "path",
			     dfs_span(trash->rows[0].path, trash->rows[0].path_bytes));
	ad_json_close(&json, '}');
	ad_text_add(&ad->out, "\n");
}

void trash_print_restored(struct ad *ad)
{
	const struct trash *trash = ad->work;
	char text[AD_NUMBER_BYTES];
	if (ad->config.arguments->json) {
		ad->out.length = 0; /* One object, and it says how many failed. */
		print_restored_json(ad);
		return;
	}
	if (trash->rows_count == 1 && trash->restored_count == 1) {
		const struct trash_row *row = &trash->rows[0];
		ad_text_add(&ad->out, "restored ");
		ad_text_add_name(&ad->out, dfs_span(row->path, row->path_bytes));
		ad_text_add(&ad->out, "\n");
		if (S_ISDIR(row->mode) && !ad->config.arguments->recursive)
			ad_text_add(&ad->out, "only the directory itself: -r restores what was in "
					      "it as well\n");
	} else if (trash->rows_count > 1) {
		ad_text_add(&ad->out, "%s restored", ad_count(trash->restored_count, text));
		if (trash->failed_count > 0)
			ad_text_add(&ad->out, ", %s not", ad_count(trash->failed_count, text));
		ad_text_add(&ad->out, "\n");
	}
	if (trash->older_count > 0)
		ad_text_add(&ad->out, "%s older %s in the trash; dfs trash list shows inodes\n",
			    ad_count(trash->older_count, text),
			    ad_plural(trash->older_count, "version stays", "versions stay"));
}
