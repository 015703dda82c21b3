/*
 * Questions about the namespace: LOOKUP, GETATTR, READDIR, READLINK, GETXATTR, LISTXATTR, STATFS.
 * Each is answered at once from the tables, which hold everything that was ever answered to
 * anybody.
 */
#include "master/core/master_i.h"

#include "libdfsproto/base/errors.h"

void ms_on_lookup(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_lookup lookup;
	struct dfs_lookup_reply reply = {0};
	struct dfs_writer writer;
	int status = dfs_lookup_decode(request->body, ms_peer_version(peer), &lookup);
	if (status == 0)
		status = ms_lookup(ms->state, lookup.parent, lookup.name, &reply.attr);
	if (status == DFS_ENOENT) {
		reply.attr = (struct dfs_attr){0};
		status = 0;
	}
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	reply.lease_ms = ms_gate_lease(ms, peer->client, lookup.parent, reply.attr.ino);
	dfs_session_writer(peer->session, &writer);
	dfs_lookup_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
}

void ms_on_getattr(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		   struct dfs_fxs *fxs)
{
	struct dfs_getattr getattr;
	struct dfs_getattr_reply reply = {0};
	struct dfs_writer writer;
	int status = dfs_getattr_decode(request->body, ms_peer_version(peer), &getattr);
	if (status == 0)
		status = ms_getattr(ms->state, getattr.ino, &reply.attr);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	reply.lease_ms = ms_gate_lease(ms, peer->client, getattr.ino, 0);
	dfs_session_writer(peer->session, &writer);
	dfs_getattr_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
}

/* All or nothing: a listing during which something changes is not worth a bit per entry. */
static u32 lease_listing(struct ms *ms, struct ms_client *client, u64 directory,
			 struct dfs_items entries)
{
	struct dfs_dirent entry;
	u32 lease_ms = ms_gate_lease(ms, client, directory, 0);
	while (lease_ms != 0 && dfs_dirent_next(&entries, &entry))
		lease_ms = ms_gate_lease(ms, client, entry.attr.ino, 0);
	return lease_ms;
}

void ms_on_readdir(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		   struct dfs_fxs *fxs)
{
	struct dfs_readdir readdir;
	struct dfs_readdir_reply reply = {0};
	struct dfs_writer writer;
	struct dfs_writer entries;
	int status = dfs_readdir_decode(request->body, ms_peer_version(peer), &readdir);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	struct ms_readdir query = {
	    .ino = readdir.ino,
	    .cookie = readdir.cookie,
	    .bytes_max = readdir.bytes_max,
	    .attributes = readdir.attributes != 0,
	};
	dfs_writer_init(&entries, ms_peer_version(peer), 0);
	status = ms_readdir(ms->state, &query, &entries, &reply.end, &reply.parent);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
	} else {
		reply.entries = dfs_writer_items(&entries);
		if (query.attributes)
			reply.lease_ms = lease_listing(ms, peer->client, query.ino, reply.entries);
		dfs_session_writer(peer->session, &writer);
		dfs_readdir_reply_put(&writer, &reply);
		ms_reply(peer, request, &writer, fxs);
	}
	dfs_writer_fini(&entries);
}

void ms_on_readlink(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		    struct dfs_fxs *fxs)
{
	struct dfs_readlink readlink;
	struct dfs_readlink_reply reply = {0};
	struct dfs_writer writer;
	int status = dfs_readlink_decode(request->body, ms_peer_version(peer), &readlink);
	if (status == 0)
		status = ms_readlink(ms->state, readlink.ino, &reply.target);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_session_writer(peer->session, &writer);
	dfs_readlink_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
}

void ms_on_getxattr(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		    struct dfs_fxs *fxs)
{
	struct dfs_getxattr getxattr;
	struct dfs_getxattr_reply reply = {0};
	struct dfs_writer writer;
	int status = dfs_getxattr_decode(request->body, ms_peer_version(peer), &getxattr);
	if (status == 0)
		status = ms_getxattr(ms->state, getxattr.ino, getxattr.name, &reply.value,
				     &reply.change);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_session_writer(peer->session, &writer);
	dfs_getxattr_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
}

void ms_on_listxattr(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		     struct dfs_fxs *fxs)
{
	struct dfs_listxattr listxattr;
	struct dfs_listxattr_reply reply = {0};
	struct dfs_writer writer;
	struct dfs_writer names;
	int status = dfs_listxattr_decode(request->body, ms_peer_version(peer), &listxattr);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_writer_init(&names, ms_peer_version(peer), 0);
	status = ms_listxattr(ms->state, listxattr.ino, &names);
	if (status == 0 && names.buf->length > DFS_XATTR_LIST_BYTES_MAX)
		status = DFS_ETOOBIG;
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
	} else {
		reply.names = dfs_span(names.buf->data, names.buf->length);
		dfs_session_writer(peer->session, &writer);
		dfs_listxattr_reply_put(&writer, &reply);
		ms_reply(peer, request, &writer, fxs);
	}
	dfs_writer_fini(&names);
}

/* Inside a tree that has limits, those are what df(1) shows. */
static int narrow_to_tree(struct ms *ms, u64 ino, struct dfs_statfs_reply *reply)
{
	struct ms_tree_space space;
	int status = ms_tree_space(ms->state, ino, &space);
	if (status == 0)
		status = ms_room_of(ms->state, ino, ms->wall, &reply->room);
	if (status == DFS_ESTALE) /* Gone, and still the current directory of somebody. */
		status = 0;
	if (status != 0)
		return status;
	reply->bytes_total = dfs_min(reply->bytes_total, space.bytes);
	reply->bytes_free = dfs_min(reply->bytes_free, space.bytes_left);
	if (space.inodes != UINT64_MAX) {
		reply->inodes = space.inodes - space.inodes_left;
		reply->inodes_free = space.inodes_left;
	}
	return 0;
}

/* Disks of servers that are away count as well: their space is not lost, only out of reach. */
void ms_on_statfs(struct ms *ms, struct ms_peer *peer, const struct dfs_session_event *request,
		  struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	struct dfs_statfs statfs;
	struct dfs_statfs_reply reply = {.inodes_free = UINT64_MAX, .room.bytes = DFS_ROOM_ALL};
	int status = dfs_statfs_decode(request->body, ms_peer_version(peer), &statfs);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	reply.inodes = ms_counts(ms->state).inodes;
	for (u32 i = 0; i < ms->servers.count; i++) {
		reply.bytes_total += ms->servers.slots[i]->bytes_total;
		reply.bytes_free += ms->servers.slots[i]->bytes_free;
	}
	status = statfs.ino == 0 ? 0 : narrow_to_tree(ms, statfs.ino, &reply);
	if (status != 0) {
		ms_reply_status(peer, request, status, fxs);
		return;
	}
	dfs_session_writer(peer->session, &writer);
	dfs_statfs_reply_put(&writer, &reply);
	ms_reply(peer, request, &writer, fxs);
}
