/*
 * OPENS: what a client session holds open, for an admin tool that compares it with the tables.
 */
#include "master/core/master_i.h"

void ms_on_opens(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		 struct dfs_fxs *fxs)
{
	struct dfs_opens opens;
	struct dfs_writer ids, writer;
	const struct ms_client *client = NULL;
	int status = dfs_opens_decode(request->body, ms_peer_version(peer), &opens);
	if (status == 0)
		client = ms_client_find(&ms->clients, opens.session);
	if (status == 0 && client == NULL)
		status = DFS_ENO_SESSION;
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_writer_init(&ids, ms_peer_version(peer), 0);
	dfs_list_for_each (node, &client->opens) {
		const struct ms_open *open = dfs_list_entry(node, struct ms_open, in_client);
		struct dfs_id id = {.id = open->inode->by_ino.key};
		if (ids.items < DFS_ATTACH_ITEMS_MAX)
			dfs_id_put(&ids, &id);
	}
	struct dfs_opens_reply reply = {.inodes = dfs_writer_items(&ids)};
	dfs_session_writer(peer->session, &writer);
	dfs_opens_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
	dfs_writer_fini(&ids);
}
