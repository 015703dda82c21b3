/*
 * STATUS: what an operator's tool wants to know of this daemon, as lines of key and value.
 */
#include "chunkserver/core/disk.h"
#include "chunkserver/core/master.h"
#include "chunkserver/core/peers.h"
#include "libdfsproto/base/errors.h"

#include <stdarg.h>
#include <stdio.h>

enum { VALUE_BYTES = 200 };

static void put(struct dfs_writer *items, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put(struct dfs_writer *items, const char *key, const char *format, ...)
{
	char value[VALUE_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	struct dfs_status_item item = {.key = dfs_span_text(key), .value = dfs_span_text(value)};
	dfs_status_item_put(items, &item);
}

static void put_disks(struct cs *cs, struct dfs_writer *items)
{
	static const char *const states[] = {"in use", "full", "failed"};
	for (u32 i = 0; i < cs->disks_count; i++) {
		const struct cs_disk *disk = &cs->disks[i];
		char key[32];
		snprintf(key, sizeof(key), "disk.%u", i);
		put(items, key,
		    "state=\"%s\" chunks=%llu total=%llu free=%llu to_check=%u errors=%u",
		    states[cs_disk_state(disk)], (unsigned long long)disk->chunks_count,
		    (unsigned long long)disk->bytes_total, (unsigned long long)disk->bytes_free,
		    disk->unchecked, disk->read_errors);
	}
}

static void put_masters(struct cs *cs, struct dfs_writer *items)
{
	static const char *const states[] = {"down", "registering", "reporting", "current",
					     "refused"};
	for (u32 i = 0; i < cs->masters_count; i++) {
		char key[32];
		snprintf(key, sizeof(key), "master.%u", i);
		put(items, key, "address=%s state=%s", dfs_session_address(cs->masters[i].session),
		    states[cs->masters[i].state]);
	}
}

void cs_on_status(struct cs *cs, const struct cs_request *request, struct dfs_fxs *fxs)
{
	struct dfs_status status;
	struct dfs_session *session = cs_session_of(cs, &request->origin);
	if (dfs_status_decode(request->body, request->version, &status) != 0) {
		cs_reply_status(cs, &request->origin, DFS_EMALFORMED, fxs);
		return;
	}
	struct dfs_writer items, writer;
	dfs_writer_init(&items, request->version, 0);
	put(&items, "daemon", "dfs-chunkserver %s", DFS_VERSION);
	put(&items, "node", "%016llx", (unsigned long long)cs->identity.node);
	put(&items, "cluster", "%016llx", (unsigned long long)cs->identity.cluster);
	put(&items, "address", "%s", cs->address);
	put(&items, "chunks", "%u", cs->chunks.count);
	put(&items, "requests_in_work", "%u", cs->ops_live);
	put(&items, "peers", "%u", cs->peers.count);
	put(&items, "reads", "%llu", (unsigned long long)cs->reads_count);
	put(&items, "writes", "%llu", (unsigned long long)cs->writes_count);
	put(&items, "syncs", "%llu", (unsigned long long)cs->syncs_count);
	put(&items, "corrupt", "%llu", (unsigned long long)cs->corrupt_count);
	put_disks(cs, &items);
	put_masters(cs, &items);
	struct dfs_status_reply reply = {.items = dfs_writer_items(&items)};
	dfs_session_writer(session, &writer);
	dfs_status_reply_put(&writer, &reply);
	dfs_session_reply(session, request->origin.request, request->origin.type, 0, &writer, NULL,
			  fxs);
	dfs_writer_fini(&items);
}
