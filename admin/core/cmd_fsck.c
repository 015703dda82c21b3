/*
 * dfs fsck: see fsck_i.h for its phases and files.
 *
 *   STATUS --> WALK --> OPENS --> INVENTORY --> SUSPECTS --> DATA --> REPAIR --> printed
 *                                                          (--data)  (--repair)
 */
#include "admin/core/fsck_i.h"

#include "admin/core/items.h"

#include <stdlib.h>

void fsck_add_fault(struct fsck *fsck, const struct ms_finding *finding)
{
	if (fsck->faults_count == fsck->faults_capacity) {
		fsck->faults_capacity = fsck->faults_capacity * 2 + 64;
		fsck->faults = realloc(fsck->faults, fsck->faults_capacity * sizeof(*fsck->faults));
		DFS_ASSERT(fsck->faults != NULL);
	}
	fsck->faults[fsck->faults_count++] = (struct fsck_fault){.finding = *finding};
}

void fsck_add_suspect(struct fsck *fsck, enum ms_fault fault, u64 subject, u64 at, u64 noted,
		      u64 found, u32 server)
{
	if (fsck->suspects_count == fsck->suspects_capacity) {
		fsck->suspects_capacity = fsck->suspects_capacity * 2 + 64;
		fsck->suspects =
		    realloc(fsck->suspects, fsck->suspects_capacity * sizeof(*fsck->suspects));
		DFS_ASSERT(fsck->suspects != NULL);
	}
	fsck->suspects[fsck->suspects_count++] = (struct fsck_suspect){
	    .finding =
		{.fault = (u16)fault, .subject = subject, .at = at, .noted = noted, .found = found},
	    .server = server,
	};
}

void fsck_server_failed(struct ad *ad, struct fsck_server *server, const struct ad_answer *answer)
{
	struct fsck *fsck = ad->work;
	if (!server->failed)
		ad_complain_answer(ad, answer, "check all chunks");
	server->failed = true;
	fsck->incomplete = true;
}

enum { WALKS_MAX = 3 };

static void ask_walk(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct dfs_walk walk = {.position = fsck->position, .bytes_max = DFS_WALK_BYTES_MAX};
	struct dfs_writer writer;
	ad_begin(ad->master, &writer);
	dfs_walk_put(&writer, &walk);
	ad_ask(ad, ad->master, DFS_MSG_WALK, &writer, 0, fxs);
}

/* The link broke and the walk with it: once more from the beginning. */
static bool walk_again(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	if (++fsck->walks >= WALKS_MAX)
		return false;
	ms_check_free(fsck->check);
	fsck->check = ms_check_new();
	fsck->position = 0;
	ask_walk(ad, fxs);
	return true;
}

static void start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = calloc(1, sizeof(*fsck));
	struct dfs_writer writer;
	DFS_ASSERT(fsck != NULL);
	ad->work = fsck;
	fsck->began = ad->now;
	fsck->check = ms_check_new();
	ad_begin(ad->master, &writer);
	dfs_status_put(&writer, &(struct dfs_status){});
	ad_ask(ad, ad->master, DFS_MSG_STATUS, &writer, 0, fxs);
}

static void add_server(struct ad *ad, const struct ad_item *item, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	char online[8];
	struct fsck_server *server = &fsck->servers[fsck->servers_count++];
	server->node = strtoull(item->key + 7, NULL, 16);
	ad_field(item->value, "address", server->address, sizeof(server->address));
	ad_field(item->value, "online", online, sizeof(online));
	if (strcmp(online, "yes") == 0 && server->address[0] != '\0')
		server->peer = ad_server(ad, server->node, server->address, fxs);
	else
		fsck->away_count++;
}

static int take_status(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct ad_items items;
	int status = ad_items_decode(answer->body, answer->version, &items);
	if (status != 0)
		return status;
	if (strcmp(ad_items_get(&items, "phase"), "leading") != 0)
		status = DFS_ENOT_LEADER;
	fsck->servers = calloc(dfs_max(items.count, 1u), sizeof(*fsck->servers));
	DFS_ASSERT(fsck->servers != NULL);
	for (u32 i = 0; status == 0 && i < items.count; i++) {
		if (strncmp(items.items[i].key, "server.", 7) == 0)
			add_server(ad, &items.items[i], fxs);
	}
	ad_items_fini(&items);
	if (status == 0)
		fsck_next(ad, fxs);
	return status;
}

static int take_rows(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct dfs_walk_reply reply;
	struct dfs_table_row row;
	int status = dfs_walk_reply_decode(answer->body, answer->version, &reply);
	while (status == 0 && dfs_table_row_next(&reply.rows, &row)) {
		status = ms_check_row(fsck->check, row.key, row.value);
		fsck->position++;
	}
	if (status != 0)
		return status;
	if (reply.end == 0) {
		ask_walk(ad, fxs);
		return 0;
	}
	ms_check_end(fsck->check);
	u32 count, orphans_count;
	const struct ms_finding *findings =
	    ms_check_findings(fsck->check, &count, &fsck->faults_dropped);
	const u64 *orphans = ms_check_orphans(fsck->check, &orphans_count);
	for (u32 i = 0; i < count; i++)
		fsck_add_fault(fsck, &findings[i]);
	for (u32 i = 0; i < orphans_count; i++)
		fsck_add_suspect(fsck, MS_FAULT_ORPHAN_KEPT, orphans[i], 0, 0, 0, 0);
	fsck_next(ad, fxs);
	return 0;
}

static int compare_faults(const void *a, const void *b)
{
	const struct fsck_fault *left = a;
	const struct fsck_fault *right = b;
	return ms_finding_compare(&left->finding, &right->finding);
}

static void finish(struct ad *ad)
{
	struct fsck *fsck = ad->work;
	bool left = fsck->faults_dropped > 0;
	for (u32 i = 0; i < fsck->faults_count; i++)
		left = left || fsck->faults[i].outcome != FSCK_REPAIRED;
	fsck_print(ad);
	if (fsck->incomplete)
		ad_finish(ad, AD_EXIT_FAILED);
	else
		ad_finish(ad, left ? AD_EXIT_FOUND : AD_EXIT_OK);
}

void fsck_next(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	const struct ad_arguments *arguments = ad->config.arguments;
	DFS_ASSERT(fsck->waiting == 0);
	switch (fsck->phase++) {
	case FSCK_STATUS:
		ask_walk(ad, fxs);
		return;
	case FSCK_WALK:
		fsck_opens_start(ad, fxs);
		return;
	case FSCK_OPENS:
		fsck_servers_start(ad, fxs);
		return;
	case FSCK_INVENTORY:
		fsck_suspects_start(ad, fxs);
		return;
	case FSCK_SUSPECTS:
		if (arguments->data)
			fsck_data_start(ad, fxs);
		else
			fsck_next(ad, fxs);
		return;
	case FSCK_DATA:
		if (fsck->faults_count > 0)
			qsort(fsck->faults, fsck->faults_count, sizeof(*fsck->faults),
			      compare_faults);
		if (arguments->repair)
			fsck_repair_start(ad, fxs);
		else
			finish(ad);
		return;
	case FSCK_REPAIR:
		finish(ad);
		return;
	}
}

static void answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct ad_answer failure = *answer;
	switch (fsck->phase) {
	case FSCK_OPENS:
		fsck_opens_answered(ad, answer, fxs);
		return;
	case FSCK_INVENTORY:
		fsck_servers_answered(ad, answer, fxs);
		return;
	case FSCK_SUSPECTS:
		fsck_suspects_answered(ad, answer, fxs);
		return;
	case FSCK_DATA:
		fsck_data_answered(ad, answer, fxs);
		return;
	case FSCK_REPAIR:
		fsck_repair_answered(ad, answer, fxs);
		return;
	case FSCK_STATUS:
		if (failure.status == 0)
			failure.status = take_status(ad, answer, fxs);
		break;
	case FSCK_WALK:
		if (failure.status == DFS_ESTALE && walk_again(ad, fxs))
			return;
		if (failure.status == 0)
			failure.status = take_rows(ad, answer, fxs);
		break;
	}
	if (failure.status == 0)
		return;
	if (failure.status == DFS_ESTALE)
		ad_complain(ad, "cannot check the tables: the link to the master broke on the way, "
				"every time; try again");
	else if (failure.status == DFS_EBUSY)
		ad_complain(ad, "cannot check the tables: others are being checked already; try "
				"again when they are done");
	else
		ad_complain_answer(ad, &failure, "check the tables");
	ad_finish(ad, AD_EXIT_FAILED);
}

static void fini(struct ad *ad)
{
	struct fsck *fsck = ad->work;
	if (fsck == NULL)
		return;
	for (u32 i = 0; i < fsck->servers_count; i++)
		free(fsck->servers[i].copies);
	ms_check_free(fsck->check);
	free(fsck->servers);
	free(fsck->suspects);
	free(fsck->faults);
	free(fsck);
}

const struct ad_handlers ad_fsck_handlers = {
    .start = start,
    .answered = answered,
    .woken = fsck_suspects_woken,
    .fini = fini,
};
