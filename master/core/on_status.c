/*
 * STATUS: what this master knows of itself, for admin tools. Keys are stable; their order too.
 */
#include "master/core/master_i.h"

#include <stdio.h>

static void put_text(struct dfs_writer *items, const char *key, const char *value)
{
	struct dfs_status_item item = {.key = dfs_span_text(key), .value = dfs_span_text(value)};
	dfs_status_item_put(items, &item);
}

static void put_number(struct dfs_writer *items, const char *key, u64 value)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_text(items, key, text);
}

static const char *phase_name(enum ms_phase phase)
{
	switch (phase) {
	case MS_PHASE_LEADING:
		return "leading";
	case MS_PHASE_STOPPING:
	case MS_PHASE_ENDED:
		return "stopping";
	default:
		return "starting";
	}
}

/* Disks in a state, and chunks on all of them. */
static void count_disks(const struct ms_server *server, u32 state, u32 *ret_disks, u64 *ret_chunks)
{
	*ret_disks = 0;
	*ret_chunks = 0;
	for (u32 i = 0; i < server->disks_count; i++) {
		*ret_disks += server->disks[i].state == state;
		*ret_chunks += server->disks[i].chunks;
	}
}

static void put_servers(const struct ms *ms, struct dfs_writer *items)
{
	char key[64];
	char value[DFS_ADDRESS_BYTES_MAX + 200];
	for (u32 i = 0; i < ms->servers.count && items->items < DFS_STATUS_ITEMS_MAX; i++) {
		const struct ms_server *server = ms->servers.slots[i];
		u32 full, failed;
		u64 chunks;
		count_disks(server, DFS_DISK_FULL, &full, &chunks);
		count_disks(server, DFS_DISK_FAILED, &failed, &chunks);
		snprintf(key, sizeof(key), "server.%016llx", (unsigned long long)server->node);
		snprintf(value, sizeof(value),
			 "address=%s online=%s disks=%u bytes_total=%llu bytes_free=%llu "
			 "disks_full=%u disks_failed=%u chunks=%llu reporting=%s",
			 server->address, server->peer != NULL ? "yes" : "no", server->disks_count,
			 (unsigned long long)server->bytes_total,
			 (unsigned long long)server->bytes_free, full, failed,
			 (unsigned long long)chunks, server->reporting ? "yes" : "no");
		put_text(items, key, value);
	}
}

static const char *client_state(const struct ms_client *client)
{
	switch (client->state) {
	case MS_CLIENT_AWAITED:
		return "awaited";
	case MS_CLIENT_LINKED:
		return "up";
	case MS_CLIENT_UNLINKED:
		return "away";
	default:
		return "closing";
	}
}

/* In order of session, as many as there is room for. The name comes last: it may hold spaces. */
static void put_clients(const struct ms *ms, struct dfs_writer *items)
{
	char key[64];
	char value[DFS_ADDRESS_BYTES_MAX + 200];
	const struct ms_session *session = NULL;
	while (ms->state != NULL && items->items < DFS_STATUS_ITEMS_MAX &&
	       (session = ms_session_next(ms->state, session)) != NULL) {
		const struct ms_client *client = ms_client_find(&ms->clients, session->id);
		if (client == NULL)
			continue;
		snprintf(key, sizeof(key), "client.%llu", (unsigned long long)session->id);
		snprintf(value, sizeof(value),
			 "state=%s opens=%u grants=%u leases=%u opened=%llu name=%.*s",
			 client_state(client), client->opens_count, client->grants_count,
			 client->leases.count, (unsigned long long)(session->opened / DFS_SEC),
			 (int)session->name_bytes, (const char *)session->name);
		put_text(items, key, value);
	}
}

/* What the leader's soft state takes, by what grows with the cluster: copies, leases, grants. */
static u64 soft_bytes(const struct ms *ms)
{
	u64 leases = 0;
	struct dfs_map_node *node = NULL;
	while ((node = dfs_map_next(&ms->clients.by_session, node)) != NULL)
		leases += dfs_map_entry(node, struct ms_client, by_session)->leases.count;
	return ms->servers.copies_count * sizeof(struct ms_copy) +
	       leases * sizeof(struct ms_lease) +
	       ms->leases.by_ino.count * sizeof(struct ms_leased) +
	       ms->grants.by_chunk.count * (sizeof(struct ms_grant) + sizeof(struct ms_grant_hold));
}

static void put_all(struct ms *ms, struct dfs_writer *items)
{
	struct ms_counts counts = ms->state == NULL ? (struct ms_counts){0} : ms_counts(ms->state);
	put_text(items, "role", "master");
	put_text(items, "version", DFS_VERSION);
	put_text(items, "phase", phase_name(ms->phase));
	put_text(items, "address", ms->address);
	put_number(items, "uptime_s", (ms->now - ms->started) / DFS_SEC);
	put_number(items, "raft.term", ms_raft_term(ms->raft));
	put_number(items, "raft.committed", ms_raft_committed(ms->raft));
	put_number(items, "log.first", ms->log.first);
	put_number(items, "log.last", ms->log.last);
	put_number(items, "log.entries_submitted", ms->leader.batches_count);
	put_number(items, "log.syncs", ms->leader.syncs_count);
	put_number(items, "state.operations_applied", ms->leader.ops_count);
	put_number(items, "state.flushed", ms->leader.flushed_index);
	put_number(items, "inodes", counts.inodes);
	put_number(items, "chunks", counts.chunks);
	put_number(items, "garbage", counts.garbage);
	put_number(items, "trash.files", counts.trash);
	put_number(items, "trash.bytes", counts.trash_bytes);
	put_number(items, "copies", ms->servers.copies_count);
	put_number(items, "grants", ms->grants.by_chunk.count);
	put_number(items, "strays_deleted", ms->strays.deleted_count);
	put_number(items, "trims", ms->trims.by_chunk.count);
	put_number(items, "sessions", ms->clients.by_session.count);
	put_number(items, "sessions_awaited", ms->clients.awaited_count);
	put_number(items, "open_inodes", ms->clients.held_inodes.count);
	put_number(items, "links", ms->links.count);
	put_number(items, "orphans_waiting", ms->reaper.orphans.count);
	put_number(items, "memory.tables_bytes",
		   ms->state == NULL ? 0 : ms_state_memory(ms->state));
	put_number(items, "memory.log_bytes", dfs_kv_memory(ms->kvs[MS_KV_LOG]));
	put_number(items, "memory.soft_bytes", soft_bytes(ms));
	put_number(items, "servers", ms->servers.count);
	put_servers(ms, items);
	put_clients(ms, items);
}

void ms_on_status(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_writer items;
	struct dfs_writer writer;
	dfs_writer_init(&items, ms_peer_version(peer), 0);
	put_all(ms, &items);
	struct dfs_status_reply reply = {.items = dfs_writer_items(&items)};
	dfs_session_writer(peer->session, &writer);
	dfs_status_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
	dfs_writer_fini(&items);
}
