/*
 * The state machine's test bench: see ms_world.h.
 */
#include "tests/unit/ms_world.h"

static void open_state(struct world *w)
{
	char text[256] = "";
	struct dfs_text reason = {.data = text, .capacity = sizeof(text)};
	struct ms_state_config config = {.kv = kv_sim_kv(w->sim),
					 .cluster = WORLD_CLUSTER,
					 .rows_cached = 64,
					 .hash_bits = w->hash_bits};
	int status = ms_state_open(&config, &reason, &w->state);
	if (status != 0)
		print_error("%s\n", text);
	assert_int_equal(status, 0);
}

void world_open(struct world *w, u32 hash_bits)
{
	*w = (struct world){
	    .hash_bits = hash_bits, .wall = 1000 * DFS_SEC, .uid = 1000, .gid = 1000};
	w->sim = kv_sim_new(KV_SIM_UNLOGGED);
	open_state(w);
	assert_int_equal(WORLD_DO(w, SESSION_OPEN, session_open, .node = 7, .host = 8,
				  .name = dfs_span_text("test")),
			 0);
	w->session = w->last.session;
	assert_int_equal(WORLD_DO(w, RESERVE, reserve, .chunks = 1000000), 0);
	assert_int_equal(w->last.reserved, 1);
}

void world_close(struct world *w)
{
	ms_state_close(w->state);
	kv_sim_free(w->sim);
	for (u32 i = 0; i < w->log_count; i++)
		free((void *)(uintptr_t)w->log[i].op.body.data);
	free(w->log);
}

void world_reopen(struct world *w)
{
	assert_int_equal(ms_state_settle(w->state), 0);
	ms_state_close(w->state);
	open_state(w);
}

void world_check(struct world *w)
{
	char text[256] = "";
	struct dfs_text reason = {.data = text, .capacity = sizeof(text)};
	int status = ms_state_check(w->state, &reason);
	if (status != 0)
		print_error("after %u operations: %s\n", w->log_count, text);
	assert_int_equal(status, 0);
}

static struct world_entry *append(struct world *w)
{
	if (w->log_count == w->log_capacity) {
		w->log_capacity = w->log_capacity * 2 + 64;
		w->log = realloc(w->log, w->log_capacity * sizeof(*w->log));
		assert_non_null(w->log);
	}
	return &w->log[w->log_count++];
}

int world_apply(struct world *w, u16 op, struct dfs_writer *body)
{
	bool leader = op >= DFS_OP_FROM_LEADER;
	struct world_entry *entry = append(w);
	u32 bytes = body->buf->length;
	u8 *copy = malloc(dfs_max(bytes, 1u));
	assert_non_null(copy);
	memcpy(copy, body->buf->data, bytes);
	dfs_writer_fini(body);
	w->wall += DFS_SEC;
	*entry = (struct world_entry){
	    /* Three operations to an entry, so that both parts of positions are used. */
	    .at = {.index = 1 + (w->log_count - 1) / 3, .number = (w->log_count - 1) % 3},
	    .op = {
		.wall = w->wall,
		.session = leader ? 0 : w->session,
		.sequence = leader ? 0 : ++w->sequence,
		.acked = leader ? 0 : w->acked,
		.uid = w->uid,
		.gid = w->gid,
		.op = op,
		.version = DFS_PROTOCOL_VERSION,
		.body = dfs_span(copy, bytes),
	    }};
	assert_int_equal(ms_apply(w->state, entry->at, &entry->op, &w->last), 0);
	assert_false(w->last.skipped);
	if (!leader && !w->keep_results)
		w->acked = w->sequence;
	return w->last.status;
}

int world_replay(const struct world *w, u32 i, struct ms_state *state, struct ms_result *result)
{
	return ms_apply(state, w->log[i].at, &w->log[i].op, result);
}

int world_make(struct world *w, u64 parent, const char *name, u32 mode)
{
	struct dfs_span target = S_ISLNK(mode) ? dfs_span_text("target") : dfs_span(NULL, 0);
	return WORLD_DO(w, MAKE, make, .parent = parent, .name = dfs_span_text(name), .mode = mode,
			.target = target);
}

u64 world_file(struct world *w, u64 parent, const char *name)
{
	assert_int_equal(world_make(w, parent, name, S_IFREG | 0644), 0);
	return w->last.attr.ino;
}

u64 world_directory(struct world *w, u64 parent, const char *name)
{
	assert_int_equal(world_make(w, parent, name, S_IFDIR | 0755), 0);
	return w->last.attr.ino;
}

int world_link(struct world *w, u64 ino, u64 parent, const char *name)
{
	return WORLD_DO(w, LINK, link, .ino = ino, .parent = parent, .name = dfs_span_text(name));
}

int world_unlink(struct world *w, u64 parent, const char *name)
{
	return WORLD_DO(w, UNLINK, unlink, .parent = parent, .name = dfs_span_text(name));
}

int world_rmdir(struct world *w, u64 parent, const char *name)
{
	return WORLD_DO(w, RMDIR, rmdir, .parent = parent, .name = dfs_span_text(name));
}

int world_rename(struct world *w, u64 parent, const char *name, u64 new_parent,
		 const char *new_name, u32 flags)
{
	return WORLD_DO(w, RENAME, rename, .parent = parent, .name = dfs_span_text(name),
			.new_parent = new_parent, .new_name = dfs_span_text(new_name),
			.flags = flags);
}

int world_truncate(struct world *w, u64 ino, u64 size)
{
	return WORLD_DO(w, SETATTR, setattr, .ino = ino, .valid = DFS_SETATTR_SIZE, .size = size);
}

int world_commit(struct world *w, u64 ino, u64 index, u64 first_chunk, u32 count)
{
	struct dfs_writer chunks;
	dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < count; i++) {
		struct dfs_committed item = {.index = index + i, .chunk = first_chunk + i};
		dfs_committed_put(&chunks, &item);
	}
	u64 size = (index + count) << DFS_CHUNK_SHIFT;
	int status = WORLD_DO(w, COMMIT, commit, .ino = ino, .size = size, .mtime = 77,
			      .chunks = dfs_writer_items(&chunks));
	dfs_writer_fini(&chunks);
	return status;
}

int world_clone(struct world *w, u64 source, u64 from, u64 ino, u64 to, u32 count)
{
	struct dfs_writer chunks;
	u64 size = world_attr(w, source).size, start = from << DFS_CHUNK_SHIFT;
	u64 bytes = (u64)count << DFS_CHUNK_SHIFT;
	dfs_writer_init(&chunks, DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < count; i++)
		dfs_id_put(&chunks, &(struct dfs_id){.id = world_chunk_at(w, source, from + i)});
	if (start < size)
		bytes = dfs_min(bytes, size - start);
	int status = WORLD_DO(w, CLONE, clone, .ino = ino, .index = to, .source = source,
			      .source_index = from, .end = (to << DFS_CHUNK_SHIFT) + bytes,
			      .mtime = 88, .chunks = dfs_writer_items(&chunks));
	dfs_writer_fini(&chunks);
	return status;
}

u64 world_chunk_at(struct world *w, u64 ino, u64 index)
{
	struct ms_location location;
	u32 count;
	assert_int_equal(ms_chunks(w->state, ino, index, 1, &location, 1, &count), 0);
	if (count > 0)
		assert_int_equal(location.index, index);
	return count == 0 ? 0 : location.chunk;
}

u64 world_huge_file(struct world *w, const char *name, u64 first_chunk)
{
	u64 f = world_file(w, ROOT, name);
	for (u32 done = 0; done < WORLD_MANY; done += 1000)
		assert_int_equal(world_commit(w, f, done, first_chunk + done, 1000), 0);
	return f;
}

u32 world_cut_all(struct world *w)
{
	u64 ino;
	u32 count, cuts = 0;
	for (;;) {
		assert_int_equal(ms_scan_cuts(w->state, 0, &ino, 1, &count), 0);
		if (count == 0)
			return cuts;
		assert_int_equal(WORLD_DO(w, CUT, cut, .ino = ino), 0);
		assert_true(w->last.garbage_count <= DFS_MAP_ROWS_PER_OP);
		cuts++;
	}
}

int world_commit_size(struct world *w, u64 ino, u64 size)
{
	return WORLD_DO(w, COMMIT, commit, .ino = ino, .size = size, .mtime = 77);
}

int world_purge(struct world *w, u64 ino)
{
	struct dfs_writer inodes;
	struct dfs_id item = {.id = ino};
	dfs_writer_init(&inodes, DFS_PROTOCOL_VERSION, 0);
	dfs_id_put(&inodes, &item);
	int status = WORLD_DO(w, PURGE, purge, .inodes = dfs_writer_items(&inodes));
	dfs_writer_fini(&inodes);
	return status;
}

u64 world_lookup(struct world *w, u64 parent, const char *name)
{
	struct dfs_attr attr = {0};
	int status = ms_lookup(w->state, parent, dfs_span_text(name), &attr);
	if (status != DFS_ENOENT)
		assert_int_equal(status, 0);
	return status == 0 ? attr.ino : 0;
}

struct dfs_attr world_attr(struct world *w, u64 ino)
{
	struct dfs_attr attr = {0};
	assert_int_equal(ms_getattr(w->state, ino, &attr), 0);
	return attr;
}
