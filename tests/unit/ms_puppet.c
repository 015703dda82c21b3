/*
 * The things a puppet can say to the master, and what it heard. See ms_cluster.h.
 */
#include "tests/unit/ms_puppet.h"

#include "tests/unit/unit.h"

void puppet_cut(struct puppet *puppet)
{
	struct puppet_call call = {.cut = true};
	sim_call(puppet->node, 0, &call);
}

void puppet_writer(struct puppet *puppet, struct dfs_writer *ret_body)
{
	dfs_session_writer(puppet->session, ret_body);
}

u32 puppet_say(struct puppet *puppet, u16 type, struct dfs_writer *body)
{
	assert_true(puppet->replies_count < PUPPET_REPLIES_MAX);
	struct puppet_call call = {.type = type, .body = body, .tag = puppet->replies_count++};
	sim_call(puppet->node, 0, &call);
	return (u32)call.tag;
}

const struct puppet_reply *puppet_ask(struct puppet *puppet, u16 type, struct dfs_writer *body)
{
	u32 index = puppet_say(puppet, type, body);
	nsec end = sim_now(puppet->cluster->sim) + 10 * DFS_SEC;
	while (!puppet->replies[index].done && sim_now(puppet->cluster->sim) < end)
		ms_cluster_run(puppet->cluster, DFS_MSEC);
	return puppet->replies[index].done ? &puppet->replies[index] : NULL;
}

void puppet_attach(struct puppet *puppet)
{
	struct puppet_call call = {.type = DFS_MSG_ATTACH};
	puppet->attach_status = 1;
	sim_call(puppet->node, 0, &call);
	for (u32 i = 0; i < 1000 && puppet->attach_status == 1; i++)
		ms_cluster_run(puppet->cluster, DFS_MSEC);
}

u32 puppet_mutate(struct puppet *puppet, u64 sequence, u16 op, struct dfs_writer *body)
{
	struct dfs_writer writer;
	struct dfs_mutate mutate = {
	    .session = puppet->attached,
	    .sequence = sequence,
	    .acked = sequence > 64 ? sequence - 64 : 0,
	    .op = op,
	    .body = dfs_span(body->buf->data, body->buf->length),
	};
	puppet_writer(puppet, &writer);
	dfs_mutate_put(&writer, &mutate);
	dfs_writer_fini(body);
	return puppet_say(puppet, DFS_MSG_MUTATE, &writer);
}

const struct puppet_reply *puppet_change(struct puppet *puppet, u64 sequence, u16 op,
					 struct dfs_writer *body)
{
	u32 index = puppet_mutate(puppet, sequence, op, body);
	for (u32 i = 0; i < 10000 && !puppet->replies[index].done; i++)
		ms_cluster_run(puppet->cluster, DFS_MSEC);
	assert_true(puppet->replies[index].done);
	return &puppet->replies[index];
}

static struct dfs_span body_of(const struct puppet_reply *reply)
{
	return dfs_span(reply->body, reply->length);
}

int puppet_make(struct puppet *puppet, u64 sequence, const char *name, bool open,
		struct dfs_mutate_reply *ret_reply)
{
	struct dfs_writer body;
	struct dfs_mutate_reply decoded;
	struct dfs_make make = {
	    .parent = DFS_INO_ROOT, .name = dfs_span_text(name), .mode = 0100644, .open = open};
	dfs_writer_init(&body, 1, 0);
	dfs_make_put(&body, &make);
	const struct puppet_reply *reply = puppet_change(puppet, sequence, DFS_OP_MAKE, &body);
	if (reply->status == 0) {
		assert_int_equal(dfs_mutate_reply_decode(body_of(reply), 1, &decoded), 0);
		if (ret_reply != NULL)
			*ret_reply = decoded;
	}
	return reply->status;
}

int puppet_unlink(struct puppet *puppet, u64 sequence, const char *name)
{
	struct dfs_writer body;
	struct dfs_unlink unlink = {.parent = DFS_INO_ROOT, .name = dfs_span_text(name)};
	dfs_writer_init(&body, 1, 0);
	dfs_unlink_put(&body, &unlink);
	return puppet_change(puppet, sequence, DFS_OP_UNLINK, &body)->status;
}

int puppet_commit(struct puppet *puppet, u64 sequence, u64 ino, u64 chunk, u64 size)
{
	struct dfs_writer body, chunks;
	struct dfs_committed committed = {.index = 0, .chunk = chunk};
	dfs_writer_init(&chunks, 1, 0);
	dfs_committed_put(&chunks, &committed);
	struct dfs_commit commit = {
	    .ino = ino, .size = size, .mtime = 1, .chunks = dfs_writer_items(&chunks)};
	dfs_writer_init(&body, 1, 0);
	dfs_commit_put(&body, &commit);
	dfs_writer_fini(&chunks);
	return puppet_change(puppet, sequence, DFS_OP_COMMIT, &body)->status;
}

int puppet_lookup(struct puppet *puppet, const char *name, struct dfs_attr *ret_attr)
{
	struct dfs_writer body;
	struct dfs_lookup_reply decoded;
	struct dfs_lookup lookup = {.parent = DFS_INO_ROOT, .name = dfs_span_text(name)};
	puppet_writer(puppet, &body);
	dfs_lookup_put(&body, &lookup);
	const struct puppet_reply *reply = puppet_ask(puppet, DFS_MSG_LOOKUP, &body);
	assert_non_null(reply);
	if (reply->status == 0) {
		assert_int_equal(dfs_lookup_reply_decode(body_of(reply), 1, &decoded), 0);
		*ret_attr = decoded.attr;
	}
	return reply->status;
}

int puppet_getattr(struct puppet *puppet, u64 ino, struct dfs_attr *ret_attr)
{
	struct dfs_writer body;
	struct dfs_getattr_reply decoded;
	struct dfs_getattr getattr = {.ino = ino};
	puppet_writer(puppet, &body);
	dfs_getattr_put(&body, &getattr);
	const struct puppet_reply *reply = puppet_ask(puppet, DFS_MSG_GETATTR, &body);
	assert_non_null(reply);
	if (reply->status == 0) {
		assert_int_equal(dfs_getattr_reply_decode(body_of(reply), 1, &decoded), 0);
		*ret_attr = decoded.attr;
	}
	return reply->status;
}

u32 puppet_grant(struct puppet *puppet, u64 ino, u64 index, u32 count)
{
	struct dfs_writer body;
	struct dfs_grant grant = {
	    .session = puppet->attached, .ino = ino, .index = index, .count = count};
	puppet_writer(puppet, &body);
	dfs_grant_put(&body, &grant);
	return puppet_say(puppet, DFS_MSG_GRANT, &body);
}

bool puppet_first_location(struct dfs_items locations, struct dfs_location *ret_location)
{
	return dfs_location_next(&locations, ret_location);
}

int puppet_open(struct puppet *puppet, u64 ino)
{
	struct dfs_writer body;
	struct dfs_open open = {.session = puppet->attached, .ino = ino};
	puppet_writer(puppet, &body);
	dfs_open_put(&body, &open);
	return puppet_ask(puppet, DFS_MSG_OPEN, &body)->status;
}

int puppet_release(struct puppet *puppet, u64 ino)
{
	struct dfs_writer body;
	struct dfs_release release = {.session = puppet->attached, .ino = ino};
	puppet_writer(puppet, &body);
	dfs_release_put(&body, &release);
	return puppet_ask(puppet, DFS_MSG_RELEASE, &body)->status;
}

u64 puppet_status(struct puppet *puppet, const char *name)
{
	struct dfs_writer body;
	struct dfs_status_reply decoded;
	struct dfs_status_item item;
	struct dfs_status nothing;
	char text[32] = "";
	puppet_writer(puppet, &body);
	dfs_status_put(&body, &nothing);
	const struct puppet_reply *reply = puppet_ask(puppet, DFS_MSG_STATUS, &body);
	assert_non_null(reply);
	assert_int_equal(dfs_status_reply_decode(body_of(reply), 1, &decoded), 0);
	while (dfs_status_item_next(&decoded.items, &item)) {
		if (dfs_span_equal(item.key, dfs_span_text(name)) &&
		    item.value.length < sizeof(text))
			memcpy(text, item.value.data, item.value.length);
	}
	assert_true(text[0] != '\0');
	return strtoull(text, NULL, 10);
}

int puppet_register(struct puppet *puppet, u64 bytes_free, u32 disk_state)
{
	struct dfs_writer body, disks;
	struct dfs_disk_space disk = {
	    .bytes_total = UINT64_C(1) << 40, .bytes_free = bytes_free, .state = disk_state};
	dfs_writer_init(&disks, 1, 0);
	dfs_disk_space_put(&disks, &disk);
	struct dfs_register registration = {.address = dfs_span_text(puppet->identity.name),
					    .disks = dfs_writer_items(&disks)};
	puppet_writer(puppet, &body);
	dfs_register_put(&body, &registration);
	dfs_writer_fini(&disks);
	return puppet_ask(puppet, DFS_MSG_REGISTER, &body)->status;
}

int puppet_report(struct puppet *puppet, bool full, u64 chunk, u32 state)
{
	struct dfs_writer body, chunks;
	struct dfs_held held = {.chunk = chunk, .epoch = 1, .length = 4096, .state = state};
	dfs_writer_init(&chunks, 1, 0);
	if (chunk != 0)
		dfs_held_put(&chunks, &held);
	struct dfs_report report = {
	    .full = full, .last = full, .chunks = dfs_writer_items(&chunks)};
	puppet_writer(puppet, &body);
	dfs_report_put(&body, &report);
	dfs_writer_fini(&chunks);
	return puppet_ask(puppet, DFS_MSG_REPORT, &body)->status;
}

u32 puppet_asked_count(const struct puppet *puppet, u16 type)
{
	u32 count = 0;
	for (u32 i = 0; i < puppet->asked_count; i++)
		count += puppet->asked[i].type == type;
	return count;
}

bool puppet_asked_delete(const struct puppet *puppet, u64 chunk)
{
	for (u32 i = 0; i < puppet->asked_count; i++) {
		const struct puppet_asked *asked = &puppet->asked[i];
		struct dfs_delete_chunks request;
		struct dfs_id id;
		if (asked->type != DFS_MSG_DELETE_CHUNKS)
			continue;
		assert_int_equal(
		    dfs_delete_chunks_decode(dfs_span(asked->body, asked->length), 1, &request), 0);
		while (dfs_id_next(&request.chunks, &id)) {
			if (id.id == chunk)
				return true;
		}
	}
	return false;
}

void puppet_answer(struct puppet *puppet, int status)
{
	struct puppet_call call = {0};
	puppet->answer_status = status;
	sim_call(puppet->node, 0, &call);
}
