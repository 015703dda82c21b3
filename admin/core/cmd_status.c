/*
 * dfs status: the master's STATUS, then that of each chunkserver it calls online, all at once.
 *
 *   MASTER --its lines--> SERVERS --all answered or timed out--> printed
 */
#include "admin/core/admin_i.h"
#include "admin/core/status_view.h"

#include <stdlib.h>

#define TAG_MASTER UINT64_MAX /* Others: the server's place in the view. */

struct status_work {
	struct ad_status_view view;
	u32 waiting; /* Answers of chunkservers. */
};

static void start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	ad->work = calloc(1, sizeof(struct status_work));
	DFS_ASSERT(ad->work != NULL);
	ad_begin(ad->master, &writer);
	dfs_status_put(&writer, &(struct dfs_status){});
	ad_ask(ad, ad->master, DFS_MSG_STATUS, &writer, TAG_MASTER, fxs);
}

static void print(struct ad *ad)
{
	struct status_work *work = ad->work;
	struct ad_paints paints = {
	    .good = ad_paint(ad, AD_GOOD),
	    .bad = ad_paint(ad, AD_BAD),
	    .warn = ad_paint(ad, AD_WARN),
	    .bold = ad_paint(ad, AD_BOLD),
	    .off = ad_unpaint(ad),
	};
	ad_status_judge(&work->view);
	if (ad->config.arguments->json)
		ad_status_print_json(&work->view, &ad->out);
	else
		ad_status_print(&work->view, &paints, &ad->out);
	ad_finish(ad, work->view.warnings_count > 0 ? AD_EXIT_FOUND : AD_EXIT_OK);
}

static void ask_server(struct ad *ad, struct ad_server_view *server, u32 index, struct dfs_fxs *fxs)
{
	struct status_work *work = ad->work;
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	char online[8];
	struct dfs_writer writer;
	ad_field(server->of_master, "address", address, sizeof(address));
	ad_field(server->of_master, "online", online, sizeof(online));
	if (strcmp(online, "yes") != 0 || address[0] == '\0')
		return;
	u64 node = strtoull(server->node, NULL, 16);
	struct ad_peer *peer = ad_server(ad, node, address, fxs);
	server->asked = true;
	work->waiting++;
	ad_begin(peer, &writer);
	dfs_status_put(&writer, &(struct dfs_status){});
	ad_ask(ad, peer, DFS_MSG_STATUS, &writer, index, fxs);
}

static void take_master(struct ad *ad, struct dfs_fxs *fxs)
{
	struct status_work *work = ad->work;
	struct ad_status_view *view = &work->view;
	const char *address = dfs_session_address(ad->master->session);
	memcpy(view->address, address, dfs_min(strlen(address), sizeof(view->address) - 1));
	view->servers = calloc(dfs_max(view->master.count, 1u), sizeof(*view->servers));
	DFS_ASSERT(view->servers != NULL);
	for (u32 i = 0; i < view->master.count; i++) {
		const struct ad_item *item = &view->master.items[i];
		if (strncmp(item->key, "server.", 7) != 0)
			continue;
		struct ad_server_view *server = &view->servers[view->servers_count++];
		server->node = item->key + 7;
		server->of_master = item->value;
		ask_server(ad, server, view->servers_count - 1, fxs);
	}
	if (work->waiting == 0)
		print(ad);
}

static void answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct status_work *work = ad->work;
	int status = answer->status;
	if (answer->tag == TAG_MASTER) {
		if (status == 0)
			status = ad_items_decode(answer->body, answer->version, &work->view.master);
		if (status == 0) {
			take_master(ad, fxs);
			return;
		}
		ad_complain_answer(ad, answer, "ask for the status");
		ad_finish(ad, AD_EXIT_FAILED);
		return;
	}
	struct ad_server_view *server = &work->view.servers[answer->tag];
	if (status == 0)
		status = ad_items_decode(answer->body, answer->version, &server->own);
	server->answered = status == 0;
	if (--work->waiting == 0)
		print(ad);
}

static void fini(struct ad *ad)
{
	struct status_work *work = ad->work;
	if (work == NULL)
		return;
	ad_status_view_fini(&work->view);
	free(work);
}

const struct ad_handlers ad_status_handlers = {
    .start = start,
    .answered = answered,
    .fini = fini,
};
