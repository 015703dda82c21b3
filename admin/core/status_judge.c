/*
 * What of a status an operator should hear about: each warning names the thing, the cause and the
 * next step.
 */
#include "admin/core/status_view.h"

#include <stdlib.h>

/* Percent of space left from which on it is told. */
enum { SPACE_LOW = 10, LEFT_LOW = 100 };

__attribute__((format(printf, 2, 3))) static void warn(struct ad_status_view *view,
						       const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	ad_text_vadd(&view->warnings, format, arguments);
	va_end(arguments);
	ad_text_add_span(&view->warnings, dfs_span("", 1));
	view->warnings_count++;
}

static void judge_disks(struct ad_status_view *view, const struct ad_server_view *server,
			const char *address)
{
	for (u32 i = 0; i < server->own.count; i++) {
		const struct ad_item *item = &server->own.items[i];
		unsigned long long errors = ad_field_number(item->value, "errors");
		if (strncmp(item->key, "disk.", 5) != 0 || errors == 0)
			continue;
		warn(view,
		     "chunkserver %s: disk %s had %llu read errors; look at the kernel's log and "
		     "replace the disk",
		     address, item->key + 5, errors);
	}
}

static void judge_server(struct ad_status_view *view, const struct ad_server_view *server)
{
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	char online[8];
	ad_field(server->of_master, "address", address, sizeof(address));
	ad_field(server->of_master, "online", online, sizeof(online));
	unsigned long long failed = ad_field_number(server->of_master, "disks_failed");
	unsigned long long full = ad_field_number(server->of_master, "disks_full");
	unsigned long long corrupt = ad_items_number(&server->own, "corrupt");
	if (strcmp(online, "yes") != 0) {
		warn(view,
		     "chunkserver %s is away: files whose chunks are only there cannot be read; "
		     "start dfs-chunkserver there, or look at its log",
		     address);
		return;
	}
	if (server->asked && !server->answered)
		warn(view,
		     "chunkserver %s is up for the master and does not answer here; check the "
		     "network between",
		     address);
	if (failed > 0)
		warn(view,
		     "chunkserver %s: %llu of its disks failed; its log says why, replace them",
		     address, failed);
	if (full > 0)
		warn(view, "chunkserver %s: %llu of its disks are full; add disks or remove files",
		     address, full);
	if (corrupt > 0)
		warn(view,
		     "chunkserver %s found %llu damaged chunks since it started; dfs fsck --data "
		     "names them",
		     address, corrupt);
	judge_disks(view, server, address);
}

static void judge_space(struct ad_status_view *view)
{
	char total_text[AD_NUMBER_BYTES], free_text[AD_NUMBER_BYTES];
	u64 total = 0;
	u64 left = 0;
	for (u32 i = 0; i < view->servers_count; i++) {
		total += ad_field_number(view->servers[i].of_master, "bytes_total");
		left += ad_field_number(view->servers[i].of_master, "bytes_free");
	}
	if (view->servers_count == 0)
		warn(view, "no chunkserver has ever registered with this master since it started: "
			   "nothing can be written or read; start dfs-chunkserver");
	else if (total > 0 && left / SPACE_LOW < total / LEFT_LOW)
		warn(view,
		     "space runs out: %s of %s are free; add disks or chunkservers, or remove "
		     "files",
		     ad_size(left, free_text), ad_size(total, total_text));
}

void ad_status_judge(struct ad_status_view *view)
{
	const struct ad_items *master = &view->master;
	const char *phase = ad_items_get(master, "phase");
	unsigned long long awaited = ad_items_number(master, "sessions_awaited");
	if (strcmp(phase, "leading") != 0) {
		warn(view, "the master does not serve: it is %s; wait, or look at its log", phase);
		return;
	}
	if (awaited > 0)
		warn(view,
		     "the master waits for %llu clients of before its start to come back; nothing "
		     "is deleted until they do or expire",
		     awaited);
	judge_space(view);
	for (u32 i = 0; i < view->servers_count; i++)
		judge_server(view, &view->servers[i]);
}

void ad_status_view_fini(struct ad_status_view *view)
{
	ad_items_fini(&view->master);
	for (u32 i = 0; i < view->servers_count; i++)
		ad_items_fini(&view->servers[i].own);
	free(view->servers);
	ad_text_fini(&view->warnings);
	*view = (struct ad_status_view){0};
}
