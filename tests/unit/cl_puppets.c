/*
 * The puppet master: files in memory, changes applied at once. It keeps to the protocol and checks
 * that the client does; what it cannot do, no test of the client needs.
 */
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

#include <sys/stat.h>

struct world_file *world_file(struct cl_world *world, u64 ino)
{
	assert_true(ino >= 1);
	return ino > world->files_count ? NULL : &world->files[ino - 1];
}

struct world_file *world_add(struct cl_world *world, u64 parent, const char *name, u32 mode)
{
	assert_true(world->files_count < WORLD_FILES_MAX);
	struct world_file *file = &world->files[world->files_count++];
	memset(file, 0, sizeof(*file));
	file->parent = parent;
	strcpy(file->name, name);
	file->attr = (struct dfs_attr){
	    .ino = world->files_count,
	    .mode = mode,
	    .nlink = S_ISDIR(mode) ? 2 : 1,
	    .change = 1,
	    .chunk_shift = WORLD_SHIFT,
	};
	for (u32 i = 0; i < 8; i++)
		file->valid[i] = DFS_VALID_ALL;
	return file;
}

static struct world_file *find(struct cl_world *world, u64 parent, struct dfs_span name)
{
	for (u32 i = 0; i < world->files_count; i++) {
		struct world_file *file = &world->files[i];
		if (file->parent == parent && file->attr.nlink > 0 &&
		    dfs_span_equal(dfs_span_text(file->name), name))
			return file;
	}
	return NULL;
}

static void put_replica(struct cl_world *world, struct dfs_writer *replicas, u32 server)
{
	const struct puppet *puppet = &world->puppets[server];
	struct dfs_replica replica = {
	    .server = puppet->identity.node,
	    .host = puppet->identity.host,
	    .address = dfs_span_text(puppet->addresses[0]),
	    .local = puppet->addresses[1][0] == '-' ? (struct dfs_span){0}
						    : dfs_span_text(puppet->addresses[1]),
	};
	dfs_replica_put(replicas, &replica);
}

/* Chunk `index` of a file: the map's, or the one that is granted. */
static void put_location(struct cl_world *world, struct dfs_writer *rows,
			 const struct world_file *file, u64 index)
{
	bool mapped = file->chunks[index] != 0;
	u32 server = mapped ? file->servers[index] : file->granted_to[index];
	struct dfs_writer replicas;
	dfs_writer_init(&replicas, DFS_PROTOCOL_VERSION, 0);
	if (!world->unknown) {
		put_replica(world, &replicas, server);
		if (world->chain != 0)
			put_replica(world, &replicas, 3 - server);
	}
	struct dfs_location location = {
	    .index = index,
	    .chunk = mapped ? file->chunks[index] : file->granted[index],
	    .epoch = 1,
	    .valid = mapped ? file->valid[index] : DFS_VALID_ALL,
	    .replicas = dfs_writer_items(&replicas),
	    .length = puppet_chunk_length(file, index),
	};
	dfs_location_put(rows, &location);
	dfs_writer_fini(&replicas);
}

static void put_map(struct cl_world *world, const struct world_file *file, u64 first, u64 count,
		    struct dfs_writer *rows)
{
	for (u64 i = first; i < dfs_min(first + count, (u64)8); i++) {
		if (file->chunks[i] != 0)
			put_location(world, rows, file, i);
	}
}

/* Where to write chunk `index`: the map's, the one promised before, or a new one. */
static void put_grant(struct cl_world *world, struct world_file *file, u64 index,
		      struct dfs_writer *rows)
{
	assert_true(index < 8);
	bool moved = file->granted[index] == 0 || file->granted_to[index] != world->place;
	if (file->chunks[index] == 0 && moved) {
		file->granted[index] = world->next_chunk++;
		file->granted_to[index] = world->place;
	}
	put_location(world, rows, file, index);
}

/* --- Changes. --- */

static void changed(struct world_file *file)
{
	file->attr.change++;
}

static int op_make(struct cl_world *world, struct dfs_span body, struct dfs_mutate_reply *reply,
		   struct dfs_writer *grants)
{
	struct dfs_make make;
	char name[64] = {0};
	assert_int_equal(dfs_make_decode(body, DFS_PROTOCOL_VERSION, &make), 0);
	struct world_file *file = find(world, make.parent, make.name);
	if (file != NULL && make.reuse == 0)
		return DFS_EEXIST;
	reply->existed = file != NULL;
	if (file == NULL) {
		memcpy(name, make.name.data, make.name.length);
		file = world_add(world, make.parent, name, make.mode);
		if (make.target.length > 0)
			memcpy(file->target, make.target.data, make.target.length);
	}
	file->opens += make.open;
	if (make.open != 0 && reply->existed == 0)
		put_grant(world, file, 0, grants);
	reply->attr = file->attr;
	return 0;
}

static int op_setattr(struct cl_world *world, struct dfs_span body, struct dfs_mutate_reply *reply)
{
	struct dfs_setattr set;
	assert_int_equal(dfs_setattr_decode(body, DFS_PROTOCOL_VERSION, &set), 0);
	struct world_file *file = world_file(world, set.ino);
	if (file == NULL || file->attr.nlink == 0)
		return DFS_ESTALE;
	changed(file);
	if ((set.valid & DFS_SETATTR_SIZE) != 0) {
		for (u64 i = 0; i < 8; i++) {
			u64 start = i << WORLD_SHIFT;
			if (start >= set.size)
				file->chunks[i] = 0;
			else if (set.size - start < WORLD_CHUNK_BYTES && set.size < file->attr.size)
				file->valid[i] = (u32)(set.size - start);
		}
		file->attr.size = set.size;
	}
	if ((set.valid & DFS_SETATTR_ATIME) != 0)
		file->attr.atime = set.atime;
	if ((set.valid & DFS_SETATTR_MTIME) != 0)
		file->attr.mtime = set.mtime;
	if ((set.valid & DFS_SETATTR_MODE) != 0)
		file->attr.mode = set.mode;
	reply->attr = file->attr;
	return 0;
}

static int op_commit(struct cl_world *world, struct dfs_span body, struct dfs_mutate_reply *reply)
{
	struct dfs_commit commit;
	struct dfs_committed item;
	assert_int_equal(dfs_commit_decode(body, DFS_PROTOCOL_VERSION, &commit), 0);
	struct world_file *file = world_file(world, commit.ino);
	struct dfs_items items = commit.chunks;
	while (dfs_committed_next(&items, &item)) {
		assert_true(item.index < 8);
		if (item.chunk != file->chunks[item.index] &&
		    item.chunk != file->granted[item.index])
			return DFS_ESTALE;
	}
	while (dfs_committed_next(&commit.chunks, &item)) {
		if (file->chunks[item.index] != 0)
			continue;
		file->chunks[item.index] = item.chunk;
		file->servers[item.index] = file->granted_to[item.index];
		file->granted[item.index] = 0;
		file->valid[item.index] = DFS_VALID_ALL;
	}
	changed(file);
	file->attr.size = dfs_max(file->attr.size, commit.size);
	file->attr.mtime = commit.mtime;
	reply->attr = file->attr;
	return 0;
}

static int op_unlink(struct cl_world *world, struct dfs_span body, struct dfs_mutate_reply *reply)
{
	struct dfs_unlink unlink;
	assert_int_equal(dfs_unlink_decode(body, DFS_PROTOCOL_VERSION, &unlink), 0);
	struct world_file *file = find(world, unlink.parent, unlink.name);
	if (file == NULL)
		return DFS_ENOENT;
	file->attr.nlink = 0;
	changed(file);
	reply->attr = file->attr;
	return 0;
}

static int op_setxattr(struct cl_world *world, struct dfs_span body)
{
	struct dfs_setxattr set;
	assert_int_equal(dfs_setxattr_decode(body, DFS_PROTOCOL_VERSION, &set), 0);
	struct world_file *file = world_file(world, set.ino);
	memcpy(file->xattr, set.value.data, set.value.length);
	file->xattr_length = set.value.length;
	return 0;
}

static int op_accessed(struct cl_world *world, struct dfs_span body)
{
	struct dfs_accessed accessed;
	struct dfs_accessed_item item;
	assert_int_equal(dfs_accessed_decode(body, DFS_PROTOCOL_VERSION, &accessed), 0);
	while (dfs_accessed_item_next(&accessed.inodes, &item)) {
		struct world_file *file = world_file(world, item.ino);
		if (file != NULL && file->attr.atime == item.known)
			file->attr.atime = item.atime;
	}
	return 0;
}

static void on_mutate(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct cl_world *world = puppet->world;
	struct dfs_mutate mutate;
	struct dfs_mutate_reply reply = {0};
	struct dfs_writer grants, writer;
	int status;
	assert_int_equal(dfs_mutate_decode(request->body, request->version, &mutate), 0);
	assert_int_equal(mutate.session, world->session);
	assert_true(mutate.acked < mutate.sequence);
	assert_true(mutate.acked >= world->acked);
	world->acked = mutate.acked;
	world->sequence_max = dfs_max(world->sequence_max, mutate.sequence);
	dfs_writer_init(&grants, DFS_PROTOCOL_VERSION, 0);
	switch (mutate.op) {
	case DFS_OP_MAKE:
		status = op_make(world, mutate.body, &reply, &grants);
		break;
	case DFS_OP_SETATTR:
		status = op_setattr(world, mutate.body, &reply);
		break;
	case DFS_OP_ACCESSED:
		status = op_accessed(world, mutate.body);
		break;
	case DFS_OP_COMMIT:
		status = op_commit(world, mutate.body, &reply);
		break;
	case DFS_OP_ALLOCATE:
		status = puppet_allocate(world, mutate.body, &reply);
		break;
	case DFS_OP_CLONE:
		status = puppet_clone(world, mutate.body, &reply);
		break;
	case DFS_OP_UNLINK:
		status = op_unlink(world, mutate.body, &reply);
		break;
	case DFS_OP_SETXATTR:
		status = op_setxattr(world, mutate.body);
		break;
	default:
		status = 0;
	}
	reply.grants = dfs_writer_items(&grants);
	reply.room = puppet_room(world);
	dfs_session_writer(puppet->session, &writer);
	dfs_mutate_reply_put(&writer, &reply);
	dfs_writer_fini(&grants);
	puppet_reply(puppet, request, status, &writer, NULL);
}

/* --- Questions. --- */

#define REPLY(name, ...)                                                                           \
	do {                                                                                       \
		struct dfs_##name##_reply reply_ = {__VA_ARGS__};                                  \
		struct dfs_writer writer_;                                                         \
		dfs_session_writer(puppet->session, &writer_);                                     \
		dfs_##name##_reply_put(&writer_, &reply_);                                         \
		puppet_reply(puppet, request, 0, &writer_, NULL);                                  \
	} while (0)

#define BODY(name)                                                                                 \
	struct dfs_##name body;                                                                    \
	assert_int_equal(dfs_##name##_decode(request->body, request->version, &body), 0)

static void on_attach(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct cl_world *world = puppet->world;
	BODY(attach);
	world->attach_opens = body.opens.count;
	world->attach_grants = body.grants.count;
	if (body.session != 0 && body.session != world->session) {
		puppet_reply(puppet, request, DFS_ENO_SESSION, NULL, NULL);
		return;
	}
	if (body.session == 0) {
		world->session = 900 + ++world->sessions_made;
		world->acked = 0;
	}
	REPLY(attach, .session = world->session, .timeout_ms = 60000);
}

static void on_open(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct cl_world *world = puppet->world;
	struct dfs_writer rows;
	BODY(open);
	struct world_file *file = world_file(world, body.ino);
	if (file == NULL || file->attr.nlink == 0) {
		puppet_reply(puppet, request, DFS_ESTALE, NULL, NULL);
		return;
	}
	assert_int_equal(body.session, world->session);
	file->opens++;
	dfs_writer_init(&rows, DFS_PROTOCOL_VERSION, 0);
	put_map(world, file, 0, 8, &rows);
	REPLY(open, .attr = file->attr, .room = puppet_room(world),
	      .chunks = dfs_writer_items(&rows));
	dfs_writer_fini(&rows);
}

static void on_release(struct puppet *puppet, const struct dfs_session_event *request)
{
	BODY(release);
	world_file(puppet->world, body.ino)->opens--;
	puppet_reply(puppet, request, 0, NULL, NULL);
}

static void on_chunks(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct dfs_writer rows;
	BODY(chunks);
	struct world_file *file = world_file(puppet->world, body.ino);
	while (body.skip != 0 && body.index < 8 && file->chunks[body.index] == 0)
		body.index++;
	dfs_writer_init(&rows, DFS_PROTOCOL_VERSION, 0);
	put_map(puppet->world, file, body.index, body.count, &rows);
	REPLY(chunks, .chunks = dfs_writer_items(&rows));
	dfs_writer_fini(&rows);
}

static void on_grant(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct cl_world *world = puppet->world;
	struct dfs_writer rows;
	BODY(grant);
	assert_int_equal(body.session, world->session);
	dfs_writer_init(&rows, DFS_PROTOCOL_VERSION, 0);
	for (u64 i = 0; i < body.count; i++)
		put_grant(world, world_file(world, body.ino), body.index + i, &rows);
	REPLY(grant, .room = puppet_room(world), .chunks = dfs_writer_items(&rows));
	dfs_writer_fini(&rows);
}

static void on_lookup(struct puppet *puppet, const struct dfs_session_event *request)
{
	BODY(lookup);
	struct world_file *file = find(puppet->world, body.parent, body.name);
	if (dfs_span_equal(body.name, dfs_span_text("..")))
		file = world_file(puppet->world, world_file(puppet->world, body.parent)->parent);
	if (file == NULL)
		puppet_reply(puppet, request, DFS_ENOENT, NULL, NULL);
	else
		REPLY(lookup, .attr = file->attr);
}

static void on_getattr(struct puppet *puppet, const struct dfs_session_event *request)
{
	BODY(getattr);
	struct world_file *file = world_file(puppet->world, body.ino);
	if (file == NULL)
		puppet_reply(puppet, request, DFS_ESTALE, NULL, NULL);
	else
		REPLY(getattr, .attr = file->attr, .lease_ms = puppet->world->lease_ms);
}

/* Cookies are 1000 + ino; three entries a page. */
static void on_readdir(struct puppet *puppet, const struct dfs_session_event *request)
{
	struct cl_world *world = puppet->world;
	struct dfs_writer entries;
	u8 end = 1;
	BODY(readdir);
	dfs_writer_init(&entries, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < world->files_count; i++) {
		const struct world_file *file = &world->files[i];
		if (file->parent != body.ino || file->attr.nlink == 0 ||
		    1000 + i + 1 <= body.cookie)
			continue;
		if (entries.items == 3) {
			end = 0;
			break;
		}
		struct dfs_dirent entry = {
		    .cookie = 1000 + i + 1, .name = dfs_span_text(file->name), .attr = file->attr};
		dfs_dirent_put(&entries, &entry);
	}
	REPLY(readdir, .end = end, .parent = world_file(world, body.ino)->parent,
	      .entries = dfs_writer_items(&entries));
	dfs_writer_fini(&entries);
}

static void on_text(struct puppet *puppet, const struct dfs_session_event *request)
{
	if (request->type == DFS_MSG_READLINK) {
		BODY(readlink);
		REPLY(readlink,
		      .target = dfs_span_text(world_file(puppet->world, body.ino)->target));
		return;
	}
	BODY(getxattr);
	struct world_file *file = world_file(puppet->world, body.ino);
	if (file->xattr_length == 0)
		puppet_reply(puppet, request, DFS_ENODATA, NULL, NULL);
	else
		REPLY(getxattr, .value = dfs_span(file->xattr, file->xattr_length),
		      .change = file->attr.change);
}

void puppet_serve(struct puppet *puppet, const struct dfs_session_event *request)
{
	if (puppet->index != WORLD_MASTER) {
		puppet_server(puppet, request);
		return;
	}
	switch (request->type) {
	case DFS_MSG_ATTACH:
		on_attach(puppet, request);
		break;
	case DFS_MSG_MUTATE:
		on_mutate(puppet, request);
		break;
	case DFS_MSG_OPEN:
		on_open(puppet, request);
		break;
	case DFS_MSG_RELEASE:
		on_release(puppet, request);
		break;
	case DFS_MSG_CHUNKS:
		on_chunks(puppet, request);
		break;
	case DFS_MSG_GRANT:
		on_grant(puppet, request);
		break;
	case DFS_MSG_LOOKUP:
		on_lookup(puppet, request);
		break;
	case DFS_MSG_GETATTR:
		on_getattr(puppet, request);
		break;
	case DFS_MSG_READDIR:
		on_readdir(puppet, request);
		break;
	case DFS_MSG_READLINK:
	case DFS_MSG_GETXATTR:
		on_text(puppet, request);
		break;
	case DFS_MSG_STATFS:
		REPLY(statfs, .bytes_total = 1000, .bytes_free = 600, .inodes = 7,
		      .room = puppet_room(puppet->world));
		break;
	default:
		puppet_reply(puppet, request, 0, NULL, NULL);
		break;
	}
}
