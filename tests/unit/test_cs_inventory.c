/*
 * INVENTORY: a chunkserver says which chunks it holds.
 */
#include "libdfsproto/base/errors.h"
#include "tests/unit/cs_world.h"
#include "tests/unit/unit.h"

static int setup(void **state)
{
	struct cs_world *world = malloc(sizeof(*world));
	world_init(world, 2, 1);
	world_start(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	world_fini(*state);
	free(*state);
	return 0;
}

/* Ask; the reply is decoded from bytes that live as long as the world. */
static int inventory(struct cs_world *world, u32 disk, u64 after, const u64 *chunks, u32 count,
		     struct dfs_inventory_reply *ret_reply)
{
	struct dfs_writer writer, ids;
	dfs_writer_init(&ids, 1, 0);
	for (u32 i = 0; i < count; i++)
		dfs_id_put(&ids, &(struct dfs_id){.id = chunks[i]});
	struct dfs_inventory body = {
	    .disk = disk, .after = after, .chunks = dfs_writer_items(&ids)};
	world_writer(world, false, &writer);
	dfs_inventory_put(&writer, &body);
	u32 tag = world_send(world, false, DFS_MSG_INVENTORY, &writer, NULL);
	dfs_writer_fini(&ids);
	int status = world_status(world, tag);
	const struct world_reply *reply = &world->replies[tag];
	if (status == 0)
		assert_int_equal(dfs_inventory_reply_decode(
				     dfs_span(reply->body, reply->body_bytes), 1, ret_reply),
				 0);
	return status;
}

static void every_disk_lists_its_chunks_in_order(void **state)
{
	struct cs_world *world = *state;
	struct dfs_inventory_reply reply;
	struct dfs_held held;
	static u8 data[5000];
	u32 seen = 0;
	for (u64 chunk = 10; chunk < 30; chunk++)
		assert_int_equal(world_write_now(world, chunk, 0, data, 100 * (u32)chunk), 0);
	for (u32 disk = 0; disk < 2; disk++) {
		u64 last = 0;
		assert_int_equal(inventory(world, disk, 0, NULL, 0, &reply), 0);
		assert_int_equal(reply.disks, 2);
		assert_int_equal(reply.failed, 0);
		assert_int_equal(reply.next, 0);
		while (dfs_held_next(&reply.chunks, &held)) {
			assert_true(held.chunk > last);
			assert_int_equal(held.length, 100 * held.chunk);
			assert_int_equal(held.epoch, 1);
			assert_int_equal(held.disk, disk);
			assert_int_equal(held.state, DFS_HELD_GOOD);
			last = held.chunk;
			seen++;
		}
		assert_int_equal(inventory(world, disk, last, NULL, 0, &reply), 0);
		assert_int_equal(reply.chunks.count, 0);
	}
	assert_int_equal(seen, 20);
	assert_int_equal(inventory(world, 2, 0, NULL, 0, &reply), DFS_EINVAL);
	assert_int_equal(inventory(world, 0, UINT64_MAX, NULL, 0, &reply), 0);
}

static void asked_for_some_it_leaves_out_what_it_does_not_hold(void **state)
{
	struct cs_world *world = *state;
	struct dfs_inventory_reply reply;
	struct dfs_held held;
	static u8 data[100];
	const u64 asked[] = {12, 99, 11};
	assert_int_equal(world_write_now(world, 11, 0, data, 50), 0);
	assert_int_equal(world_write_now(world, 12, 0, data, 60), 0);
	assert_int_equal(inventory(world, 0, 0, asked, 3, &reply), 0);
	assert_int_equal(reply.chunks.count, 2);
	assert_true(dfs_held_next(&reply.chunks, &held));
	assert_int_equal(held.chunk, 12);
	assert_int_equal(held.length, 60);
	assert_int_equal(world_status(world, world_delete(world, asked, 1)), 0);
	assert_int_equal(inventory(world, 0, 0, asked, 3, &reply), 0);
	assert_int_equal(reply.chunks.count, 1);
}

/* The row of a chunk is all that says it is held: without it, nobody claims to have it. */
static void a_chunk_without_its_row_is_not_held(void **state)
{
	struct cs_world *world = *state;
	struct dfs_inventory_reply reply;
	static u8 data[100];
	const u64 asked[] = {11};
	const u8 key[] = {'c', 0, 0, 0, 0, 0, 0, 0, 11};
	assert_int_equal(world_write_now(world, 11, 0, data, 50), 0);
	world_stop(world);
	for (u32 i = 0; i < 2; i++) {
		struct dfs_kv_batch batch = {0};
		dfs_kv_batch_delete(&batch, dfs_span(key, sizeof(key)));
		assert_int_equal(dfs_kv_write(kv_sim_kv(world->kvs[i]), &batch), 0);
		dfs_kv_batch_fini(&batch);
	}
	world_start(world);
	assert_int_equal(inventory(world, 0, 0, asked, 1, &reply), 0);
	assert_int_equal(reply.chunks.count, 0);
}

static void a_failed_disk_says_so(void **state)
{
	struct cs_world *world = *state;
	struct dfs_inventory_reply reply;
	world_stop(world);
	world->kv_missing[1] = true;
	world_start(world);
	assert_int_equal(inventory(world, 1, 0, NULL, 0, &reply), 0);
	assert_int_equal(reply.disks, 2);
	assert_int_equal(reply.failed, 1);
	assert_int_equal(inventory(world, 0, 0, NULL, 0, &reply), 0);
	assert_int_equal(reply.failed, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(every_disk_lists_its_chunks_in_order),
	    TEST(asked_for_some_it_leaves_out_what_it_does_not_hold),
	    TEST(a_chunk_without_its_row_is_not_held),
	    TEST(a_failed_disk_says_so),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
