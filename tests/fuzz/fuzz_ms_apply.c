/*
 * Operations from hostile clients. Input: a list of {op number, length, body}, applied one after
 * another to a fresh file system, as one client's session (or the leader's, by number). Whatever
 * the bodies say, every invariant of the tables must hold afterwards, and a restart must find the
 * same.
 */
#include "master/core/state.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/kv_sim.h"

#include <sys/stat.h>

enum { HEADER_BYTES = 3, OPERATIONS_MAX = 64, HASH_BITS = 2 };

static struct ms_state *open_state(struct kv_sim *sim)
{
	struct ms_state *state = NULL;
	struct ms_state_config config = {
	    .kv = kv_sim_kv(sim), .cluster = 1, .rows_cached = 64, .hash_bits = HASH_BITS};
	int status = ms_state_open(&config, NULL, &state);
	DFS_ASSERT(status == 0);
	return state;
}

static void check(struct ms_state *state)
{
	char data[256];
	struct dfs_text reason = {.data = data, .capacity = sizeof(data)};
	int status = ms_state_check(state, &reason);
	DFS_ASSERT(status == 0);
}

/* The session and the chunk ids that later operations are about. */
static void prepare(struct ms_state *state)
{
	struct dfs_reserve reserve = {.chunks = 16};
	struct dfs_session_open session = {.node = 1};
	struct ms_result result;
	struct dfs_writer body;
	dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
	struct ms_op op = {.version = DFS_PROTOCOL_VERSION};
	dfs_reserve_put(&body, &reserve);
	op.op = DFS_OP_RESERVE;
	op.body = dfs_span(body.buf->data, body.buf->length);
	DFS_ASSERT(ms_apply(state, (struct ms_position){.index = 1}, &op, &result) == 0);
	body.buf->length = 0;
	dfs_session_open_put(&body, &session);
	op.op = DFS_OP_SESSION_OPEN;
	op.body = dfs_span(body.buf->data, body.buf->length);
	DFS_ASSERT(ms_apply(state, (struct ms_position){.index = 2}, &op, &result) == 0);
	dfs_writer_fini(&body);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kv_sim *sim = kv_sim_new(KV_SIM_UNLOGGED);
	struct ms_state *state = open_state(sim);
	prepare(state);
	u64 sequence = 0;
	bool mended = false;
	for (u32 i = 0; i < OPERATIONS_MAX && size >= HEADER_BYTES; i++) {
		u32 length = dfs_load_u16(data + 1);
		length = dfs_min(length, (u32)size - HEADER_BYTES);
		struct ms_op op = {
		    .wall = i,
		    .op = data[0],
		    .uid = i % 3, /* Limits are for all but root. */
		    .gid = i % 3,
		    .version = DFS_PROTOCOL_VERSION,
		    .body = dfs_span(data + HEADER_BYTES, length),
		};
		if (op.op < DFS_OP_FROM_LEADER) {
			op.session = 1;
			op.acked = sequence / 2;
			op.sequence = ++sequence;
		}
		struct ms_result result;
		struct ms_position at = {.index = 3 + i};
		DFS_ASSERT(ms_apply(state, at, &op, &result) == 0);
		DFS_ASSERT(result.status <= 0);
		/* MEND trusts the check that found the fault; a made-up one breaks the tables. */
		mended = mended || (op.op == DFS_OP_MEND && result.status == 0);
		if (mended)
			break;
		data += HEADER_BYTES + length;
		size -= HEADER_BYTES + length;
	}
	for (u32 i = 0; i < 2 && !mended; i++) {
		check(state);
		DFS_ASSERT(ms_state_settle(state) == 0);
		ms_state_close(state);
		state = open_state(sim);
	}
	ms_state_close(state);
	kv_sim_free(sim);
	return 0;
}

static struct dfs_span some_name(struct dfs_prng *prng)
{
	static const char names[] = "abcdef";
	return dfs_span(&names[dfs_prng_below(prng, 6)], 1);
}

static u64 some_ino(struct dfs_prng *prng)
{
	return 1 + dfs_prng_below(prng, 6);
}

static u16 put_namespace(struct dfs_prng *prng, struct dfs_writer *body)
{
	static const u32 types[] = {S_IFREG, S_IFDIR, S_IFLNK};
	u32 type = types[dfs_prng_below(prng, 3)];
	struct dfs_make make = {.parent = some_ino(prng),
				.name = some_name(prng),
				.mode = type,
				.nameless = dfs_prng_below(prng, 8) == 0};
	struct dfs_rename rename = {.parent = some_ino(prng),
				    .name = some_name(prng),
				    .new_parent = some_ino(prng),
				    .new_name = some_name(prng),
				    .flags = (u32)dfs_prng_below(prng, 3)};
	struct dfs_link link = {
	    .ino = some_ino(prng), .parent = some_ino(prng), .name = some_name(prng)};
	struct dfs_unlink unlink = {.parent = some_ino(prng), .name = some_name(prng)};
	switch (dfs_prng_below(prng, 5)) {
	case 0:
	case 1:
		make.target = type == S_IFLNK ? some_name(prng) : dfs_span(NULL, 0);
		dfs_make_put(body, &make);
		return DFS_OP_MAKE;
	case 2:
		dfs_rename_put(body, &rename);
		return DFS_OP_RENAME;
	case 3:
		dfs_link_put(body, &link);
		return DFS_OP_LINK;
	default:
		dfs_unlink_put(body, &unlink); /* RMDIR has the same fields. */
		return dfs_prng_below(prng, 2) == 0 ? DFS_OP_UNLINK : DFS_OP_RMDIR;
	}
}

static u16 put_data(struct dfs_prng *prng, struct dfs_writer *body)
{
	struct dfs_writer list;
	struct dfs_committed item = {.index = dfs_prng_below(prng, 4),
				     .chunk = 1 + dfs_prng_below(prng, 16),
				     .length = (u32)dfs_prng_below(prng, 1 << 20),
				     .base = dfs_prng_below(prng, 16),
				     .base_bytes = (u32)dfs_prng_below(prng, 1 << 20)};
	dfs_writer_init(&list, DFS_PROTOCOL_VERSION, 0);
	dfs_committed_put(&list, &item);
	struct dfs_commit commit = {
	    .ino = some_ino(prng), .size = UINT64_C(1) << 28, .chunks = dfs_writer_items(&list)};
	struct dfs_setattr setattr = {.ino = some_ino(prng),
				      .valid = (u32)dfs_prng_below(prng, 256),
				      .uid = (u32)dfs_prng_below(prng, 3),
				      .gid = (u32)dfs_prng_below(prng, 3),
				      .size = dfs_prng_below(prng, UINT64_C(1) << 28)};
	struct dfs_setxattr setxattr = {
	    .ino = some_ino(prng), .name = dfs_span_text("user.a"), .value = some_name(prng)};
	struct dfs_allocate allocate = {.ino = some_ino(prng),
					.offset = dfs_prng_below(prng, UINT64_C(1) << 28),
					.length = dfs_prng_below(prng, UINT64_C(1) << 28),
					.flags = (u32)dfs_prng_below(prng, 4)};
	static const u16 ops[] = {DFS_OP_COMMIT, DFS_OP_SETATTR, DFS_OP_SETXATTR, DFS_OP_ALLOCATE};
	u64 kind = dfs_prng_below(prng, dfs_array_count(ops));
	if (kind == 0)
		dfs_commit_put(body, &commit);
	else if (kind == 1)
		dfs_setattr_put(body, &setattr);
	else if (kind == 2)
		dfs_setxattr_put(body, &setxattr);
	else
		dfs_allocate_put(body, &allocate);
	dfs_writer_fini(&list);
	return ops[kind];
}

static u16 put_trash(struct dfs_prng *prng, struct dfs_writer *body)
{
	struct dfs_trash_keep keep = {.ino = some_ino(prng),
				      .keep_s = (u32)dfs_prng_below(prng, 2)};
	struct dfs_restore restore = {
	    .ino = some_ino(prng), .parent = some_ino(prng), .name = some_name(prng)};
	struct dfs_remake remake = {.parent = some_ino(prng), .name = some_name(prng)};
	struct dfs_trash_key key = {.expires = DFS_SEC + dfs_prng_below(prng, OPERATIONS_MAX),
				    .ino = some_ino(prng)};
	struct dfs_expire expire;
	struct dfs_writer list;
	switch (dfs_prng_below(prng, 4)) {
	case 0:
		dfs_trash_keep_put(body, &keep);
		return DFS_OP_TRASH_KEEP;
	case 1:
		dfs_restore_put(body, &restore);
		return DFS_OP_RESTORE;
	case 2:
		dfs_writer_init(&list, DFS_PROTOCOL_VERSION, 0);
		dfs_trash_key_put(&list, &key);
		expire = (struct dfs_expire){.keys = dfs_writer_items(&list)};
		dfs_expire_put(body, &expire);
		dfs_writer_fini(&list);
		return DFS_OP_EXPIRE;
	default:
		dfs_remake_put(body, &remake);
		return DFS_OP_REMAKE;
	}
}

static u16 put_quota(struct dfs_prng *prng, struct dfs_writer *body)
{
	u64 directory = some_ino(prng);
	struct dfs_take_in take_in = {
	    .ino = directory, .tree = dfs_prng_below(prng, 3) == 0 ? some_ino(prng) : directory};
	struct dfs_limits limits = {.kind = (u8)(1 + dfs_prng_below(prng, 3)),
				    .id = directory,
				    .valid = (u32)dfs_prng_below(prng, 32),
				    .bytes_hard = dfs_prng_below(prng, 2) << 20,
				    .inodes_hard = dfs_prng_below(prng, 16)};
	if (dfs_prng_below(prng, 2) == 0) {
		dfs_take_in_put(body, &take_in);
		return DFS_OP_TAKE_IN;
	}
	dfs_limits_put(body, &limits);
	return DFS_OP_LIMITS;
}

static u16 put_clone(struct dfs_prng *prng, struct dfs_writer *body)
{
	struct dfs_writer list;
	u64 count = 1 + dfs_prng_below(prng, 3), index = dfs_prng_below(prng, 3);
	dfs_writer_init(&list, DFS_PROTOCOL_VERSION, 0);
	for (u64 i = 0; i < count; i++)
		dfs_id_put(&list, &(struct dfs_id){.id = dfs_prng_below(prng, 8)});
	struct dfs_clone clone = {.ino = some_ino(prng),
				  .index = index,
				  .source = some_ino(prng),
				  .source_index = dfs_prng_below(prng, 3),
				  .end = (index + count) << DFS_CHUNK_SHIFT,
				  .chunks = dfs_writer_items(&list)};
	dfs_clone_put(body, &clone);
	dfs_writer_fini(&list);
	return DFS_OP_CLONE;
}

static u16 put_leader(struct dfs_prng *prng, struct dfs_writer *body)
{
	struct dfs_writer list;
	u64 kind = dfs_prng_below(prng, 3);
	if (kind < 2)
		return kind == 0 ? put_trash(prng, body) : put_quota(prng, body);
	dfs_writer_init(&list, DFS_PROTOCOL_VERSION, 0);
	for (u64 i = 0; i < 4; i++)
		dfs_id_put(&list, &(struct dfs_id){.id = some_ino(prng)});
	struct dfs_purge purge = {.inodes = dfs_writer_items(&list)};
	dfs_purge_put(body, &purge); /* FORGET_CHUNKS has the same fields. */
	dfs_writer_fini(&list);
	return dfs_prng_below(prng, 2) == 0 ? DFS_OP_PURGE : DFS_OP_FORGET_CHUNKS;
}

size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	size_t size = 0;
	u64 operations = 1 + dfs_prng_below(prng, OPERATIONS_MAX);
	for (u64 i = 0; i < operations; i++) {
		struct dfs_writer body;
		dfs_writer_init(&body, DFS_PROTOCOL_VERSION, 0);
		u64 kind = dfs_prng_below(prng, 9);
		u16 op = kind < 4   ? put_namespace(prng, &body)
			 : kind < 6 ? put_data(prng, &body)
			 : kind < 7 ? put_clone(prng, &body)
				    : put_leader(prng, &body);
		u32 length = body.buf->length;
		if (size + HEADER_BYTES + length <= capacity) {
			data[size] = (u8)op;
			dfs_store_u16(data + size + 1, (u16)length);
			memcpy(data + size + HEADER_BYTES, body.buf->data, length);
			size += HEADER_BYTES + length;
		}
		dfs_writer_fini(&body);
	}
	return size;
}
