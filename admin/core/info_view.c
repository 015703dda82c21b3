/*
 * Rendering of files: see info_view.h.
 */
#include "admin/core/info_view.h"

#include "admin/core/table.h"

#include <stdio.h>
#include <sys/stat.h>

typedef unsigned long long ull;

static const char *type_of(u32 mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "directory";
	case S_IFREG:
		return "file";
	case S_IFLNK:
		return "symbolic link";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	case S_IFIFO:
		return "pipe";
	case S_IFSOCK:
		return "socket";
	default:
		return "unknown";
	}
}

static bool can_read(const struct ad_chunk_view *chunk, const struct ad_copy_view *copy)
{
	return copy->held && copy->epoch == chunk->epoch && copy->state == DFS_HELD_GOOD;
}

static bool reachable(const struct ad_chunk_view *chunk)
{
	for (u32 i = 0; i < chunk->copies_count; i++) {
		if (can_read(chunk, &chunk->copies[i]))
			return true;
	}
	return false;
}

u32 ad_info_unreachable(const struct ad_info_view *view)
{
	u32 count = 0;
	for (u32 i = 0; i < view->chunks_count; i++)
		count += !reachable(&view->chunks[i]);
	return count;
}

/* What is wrong with a copy, or NULL. */
static const char *complaint(const struct ad_chunk_view *chunk, const struct ad_copy_view *copy)
{
	if (!copy->answered)
		return "does not answer";
	if (!copy->held)
		return "does not hold it";
	if (copy->epoch != chunk->epoch)
		return "another epoch";
	return copy->state == DFS_HELD_GOOD ? NULL : "suspect";
}

static void chunk_row(struct ad_table *table, const struct ad_chunk_view *chunk,
		      const struct ad_copy_view *copy, bool first)
{
	char a[AD_NUMBER_BYTES];
	if (first) {
		ad_table_cell(table, "%llu", (ull)chunk->index);
		ad_table_cell(table, "%016llx", (ull)chunk->chunk);
		ad_table_cell(table, "%u", chunk->epoch);
	} else {
		for (u32 i = 0; i < 3; i++)
			ad_table_cell(table, "%s", "");
	}
	if (copy == NULL) {
		ad_table_cell(table, "-");
		ad_table_cell(table, chunk->epoch == 0 ? "LOST: no chunkserver has it"
						       : "AWAY: no chunkserver that is up has it");
		return;
	}
	ad_table_cell(table, "%s", copy->held ? ad_size(copy->length, a) : "-");
	const char *wrong = complaint(chunk, copy);
	if (wrong == NULL)
		ad_table_cell(table, "%s, disk %u%s", copy->address, copy->disk,
			      chunk->shared ? ", shared" : "");
	else
		ad_table_cell(table, "%s: %s", copy->address, wrong);
}

void ad_info_print(const struct ad_info_view *view, const struct ad_paints *paints,
		   struct ad_text *out)
{
	static const char *const titles[] = {">chunk", "id", ">epoch", ">length", "copies"};
	const struct dfs_attr *attr = &view->attr;
	char a[AD_NUMBER_BYTES], b[AD_NUMBER_BYTES], c[AD_NUMBER_BYTES];
	ad_text_add(out, "%s%s%s\n", paints->bold, view->path, paints->off);
	ad_text_add(out, "  inode %llu, %s, %s%s%s", (ull)attr->ino, type_of(attr->mode),
		    ad_size(attr->size, a), attr->size >= 1024 ? " = " : "",
		    attr->size >= 1024 ? ad_count(attr->size, b) : "");
	ad_text_add(out, "%s\n", attr->size >= 1024 ? " bytes" : "");
	if (!S_ISREG(attr->mode))
		return;
	ad_text_add(out, "  chunks of %s: %s\n", ad_size(UINT64_C(1) << attr->chunk_shift, a),
		    ad_count(view->chunks_count, c));
	if (view->chunks_count == 0)
		return;
	struct ad_table table;
	ad_table_init(&table, dfs_array_count(titles), titles);
	for (u32 i = 0; i < view->chunks_count; i++) {
		const struct ad_chunk_view *chunk = &view->chunks[i];
		for (u32 j = 0; j < chunk->copies_count; j++)
			chunk_row(&table, chunk, &chunk->copies[j], j == 0);
		if (chunk->copies_count == 0)
			chunk_row(&table, chunk, NULL, true);
	}
	ad_table_print(&table, "  ", out);
	ad_table_fini(&table);
	u32 missing = ad_info_unreachable(view);
	if (missing > 0)
		ad_text_add(out, "  %s%u of them cannot be read now%s\n", paints->bad, missing,
			    paints->off);
}

static void put_copy(struct ad_json *json, const struct ad_copy_view *copy)
{
	static const char *const states[] = {"good", "suspect", "gone"};
	ad_json_open(json, NULL, '{');
	ad_json_id(json, "server", copy->server);
	ad_json_text(json, "address", dfs_span_text(copy->address));
	ad_json_bool(json, "answered", copy->answered);
	ad_json_bool(json, "held", copy->held);
	if (copy->held) {
		ad_json_number(json, "length", copy->length);
		ad_json_number(json, "epoch", copy->epoch);
		ad_json_number(json, "disk", copy->disk);
		ad_json_text(json, "state", dfs_span_text(states[dfs_min(copy->state, 2u)]));
	}
	ad_json_close(json, '}');
}

void ad_info_print_json(const struct ad_info_view *view, struct ad_json *json)
{
	const struct dfs_attr *attr = &view->attr;
	ad_json_open(json, NULL, '{');
	ad_json_text(json, "path", dfs_span_text(view->path));
	ad_json_number(json, "inode", attr->ino);
	ad_json_text(json, "type", dfs_span_text(type_of(attr->mode)));
	ad_json_number(json, "size", attr->size);
	ad_json_number(json, "chunk_size", UINT64_C(1) << attr->chunk_shift);
	ad_json_number(json, "unreachable", ad_info_unreachable(view));
	ad_json_open(json, "chunks", '[');
	for (u32 i = 0; i < view->chunks_count; i++) {
		const struct ad_chunk_view *chunk = &view->chunks[i];
		ad_json_open(json, NULL, '{');
		ad_json_number(json, "index", chunk->index);
		ad_json_id(json, "chunk", chunk->chunk);
		ad_json_number(json, "epoch", chunk->epoch);
		ad_json_bool(json, "lost", chunk->epoch == 0);
		if (chunk->valid != DFS_VALID_ALL)
			ad_json_number(json, "valid", chunk->valid);
		ad_json_bool(json, "shared", chunk->shared);
		ad_json_open(json, "copies", '[');
		for (u32 j = 0; j < chunk->copies_count; j++)
			put_copy(json, &chunk->copies[j]);
		ad_json_close(json, ']');
		ad_json_close(json, '}');
	}
	ad_json_close(json, ']');
	ad_json_close(json, '}');
}
