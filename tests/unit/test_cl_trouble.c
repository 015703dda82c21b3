/*
 * What callers see while servers are away, full, wrong or lying.
 */
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct cl_world w;

static int setup(void **state)
{
	(void)state;
	world_init(&w, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_fini(&w);
	return 0;
}

static enum world_verdict refuse_writes(struct cl_world *world, struct puppet *puppet,
					const struct dfs_session_event *request)
{
	if (request->type == DFS_MSG_WRITE && puppet->index == world->context)
		return WORLD_REFUSE;
	return WORLD_SERVE;
}

static enum world_verdict hold_type(struct cl_world *world, struct puppet *puppet,
				    const struct dfs_session_event *request)
{
	(void)puppet;
	return request->type == world->context ? WORLD_HOLD : WORLD_SERVE;
}

static enum world_verdict refuse_type(struct cl_world *world, struct puppet *puppet,
				      const struct dfs_session_event *request)
{
	(void)puppet;
	return request->type == world->context ? WORLD_REFUSE : WORLD_SERVE;
}

/* The first so many requests of a type are refused. */
static u32 refusals;
static enum world_verdict refuse_first(struct cl_world *world, struct puppet *puppet,
				       const struct dfs_session_event *request)
{
	(void)puppet;
	if (request->type != world->context || refusals == 0)
		return WORLD_SERVE;
	refusals--;
	return WORLD_REFUSE;
}

static void fresh_data_moves_when_a_disk_is_full(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	/* Some of it is stored already when the disk fills up. */
	assert_int_equal(world_write(&w, ino, handle, 0, 600000, 1), 0);
	assert_int_equal(world_count(&w, DFS_MSG_WRITE), 1);
	w.intercept = refuse_writes;
	w.refuse = DFS_EDISK_FULL;
	w.context = WORLD_SERVER_1;
	w.place = WORLD_SERVER_2;
	u64 id = world_handle_call(&w, CL_FLUSH, ino, handle);
	world_run(&w, 5 * DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_file(&w, ino)->servers[0], WORLD_SERVER_2);
	world_expect(&w, ino, handle, 0, 600000, 1);
	assert_int_equal(world_close(&w, ino, handle), 0);
	handle = world_open(&w, ino, O_RDONLY);
	world_expect(&w, ino, handle, 0, 600000, 1);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void disks_that_stay_full_are_told_once_per_handle(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	u64 other = world_open(&w, ino, O_RDWR);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	w.intercept = refuse_writes;
	w.refuse = DFS_EDISK_FULL;
	w.context = WORLD_SERVER_1;
	u64 id = world_handle_call(&w, CL_FLUSH, ino, handle);
	world_run(&w, 20 * DFS_SEC);
	assert_int_equal(world_status(&w, id), DFS_ENOSPC);
	assert_int_equal(w.errors_count, 1);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	assert_int_equal(world_write(&w, ino, other, 0, 10, 1), DFS_ENOSPC);
	assert_int_equal(world_fsync(&w, ino, other), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_close(&w, ino, other), 0);
	assert_int_equal(cl_dirty_bytes(w.cl), 0);
}

static void no_room_for_new_chunks_is_told_by_close(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	w.intercept = refuse_type;
	w.refuse = DFS_ENOSPC;
	w.context = DFS_MSG_GRANT;
	assert_int_equal(world_write(&w, ino, handle, WORLD_CHUNK_BYTES - 10, 20, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), DFS_ENOSPC);
	/* What had a place is there. */
	assert_int_equal(world_file(&w, ino)->attr.size, WORLD_CHUNK_BYTES);
}

static void what_is_lost_does_not_count_towards_the_size(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	w.intercept = refuse_type;
	w.refuse = DFS_EIO;
	w.context = DFS_MSG_GRANT;
	assert_int_equal(world_write(&w, ino, handle, WORLD_CHUNK_BYTES - 10, 20, 1), 0);
	assert_int_equal(world_size(&w, ino), WORLD_CHUNK_BYTES);
	w.intercept = NULL;
	assert_int_equal(world_flush(&w, ino, handle), DFS_EIO);
	assert_int_equal(world_size(&w, ino), WORLD_CHUNK_BYTES);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void data_waits_for_a_server_and_close_can_be_interrupted(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	w.puppets[WORLD_SERVER_1].away = true;
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	u64 id = world_handle_call(&w, CL_FLUSH, ino, handle);
	world_run(&w, 60 * DFS_SEC);
	assert_false(world_answer(&w, id)->done);
	world_cancel(&w, id);
	assert_int_equal(world_status(&w, id), DFS_EINTR);
	id = world_handle_call(&w, CL_RELEASE, ino, handle);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_file(&w, ino)->opens, 1); /* Its data still needs it. */
	w.puppets[WORLD_SERVER_1].away = false;
	world_run(&w, 3 * DFS_SEC);
	assert_int_equal(cl_dirty_bytes(w.cl), 0);
	assert_int_equal(world_file(&w, ino)->attr.size, 1000);
	assert_int_equal(world_file(&w, ino)->opens, 0);
}

static void a_broken_link_repeats_what_was_under_way(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	w.intercept = hold_type;
	w.context = DFS_MSG_WRITE;
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	u64 id = world_handle_call(&w, CL_FLUSH, ino, handle);
	assert_int_equal(w.puppets[WORLD_SERVER_1].held_count, 1);
	w.intercept = NULL;
	world_cut(&w, WORLD_SERVER_1);
	world_run(&w, 2 * DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void reads_wait_until_the_chunk_is_somewhere(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	w.unknown = true;
	handle = world_open(&w, ino, O_RDONLY);
	u64 id = world_read_call(&w, ino, handle, 0, 1000, 0);
	u64 gone = world_read_call(&w, ino, handle, 0, 10, 0);
	world_run(&w, 10 * DFS_SEC);
	assert_false(world_answer(&w, id)->done);
	world_cancel(&w, gone);
	assert_int_equal(world_status(&w, gone), DFS_EINTR);
	w.unknown = false;
	world_run(&w, 2 * DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_answer(&w, id)->bytes[999], world_byte(999, 1));
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void a_chunk_that_moved_is_found_again(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	handle = world_open(&w, ino, O_RDONLY);
	struct world_file *file = world_file(&w, ino);
	struct puppet_chunk *old = world_chunk(&w.puppets[WORLD_SERVER_1], file->chunks[0], false);
	struct puppet_chunk *new = world_chunk(&w.puppets[WORLD_SERVER_2], file->chunks[0], true);
	memcpy(new->data, old->data, 1000);
	new->length = 1000;
	old->id = 999999;
	file->servers[0] = WORLD_SERVER_2;
	u64 id = world_read_call(&w, ino, handle, 0, 1000, 0);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_answer(&w, id)->bytes[0], world_byte(0, 1));
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void damaged_bytes_are_read_again_and_then_an_error(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 100000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	struct puppet_chunk *chunk =
	    world_chunk(&w.puppets[WORLD_SERVER_1], world_file(&w, ino)->chunks[0], false);
	chunk->rotten = true;
	handle = world_open(&w, ino, O_RDONLY);
	u64 id = world_read_call(&w, ino, handle, 0, 100000, 0);
	assert_false(world_answer(&w, id)->done);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), DFS_EIO);
	assert_int_equal(world_count(&w, DFS_MSG_READ), 4);
	assert_non_null(strstr(w.last_error, "event=corrupt_read"));
	/* What was damaged on the way, even three times, is no damaged file. */
	chunk->rotten = true;
	id = world_read_call(&w, ino, handle, 0, 100000, 0);
	world_run(&w, 100 * DFS_MSEC);
	assert_int_equal(world_count(&w, DFS_MSG_READ), 7);
	chunk->rotten = false;
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void a_payload_damaged_on_its_way_is_sent_again(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	w.intercept = refuse_first;
	w.refuse = DFS_ECORRUPT;
	w.context = DFS_MSG_WRITE;
	refusals = 2;
	u64 id = world_handle_call(&w, CL_FLUSH, ino, handle);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 2), 0);
	refusals = 3;
	id = world_handle_call(&w, CL_FLUSH, ino, handle);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), DFS_EIO);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void data_is_written_again_when_its_chunk_was_not_taken(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 700000, 1), 0);
	/* Another mount has filled the hole with a chunk of its own, on another server. */
	struct world_file *file = world_file(&w, ino);
	struct puppet_chunk *theirs = world_chunk(&w.puppets[WORLD_SERVER_2], 777, true);
	theirs->length = 800000;
	memset(theirs->data, 9, 800000);
	file->chunks[0] = 777;
	file->servers[0] = WORLD_SERVER_2;
	file->granted[0] = 0;
	file->attr.size = 800000;
	file->attr.change++;
	u64 id = world_handle_call(&w, CL_FSYNC, ino, handle);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	world_expect(&w, ino, handle, 0, 700000, 1);
	assert_int_equal(theirs->data[5], world_byte(5, 1));
	assert_int_equal(theirs->data[750000], 9);
	assert_int_equal(world_size(&w, ino), 800000);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void a_power_cut_at_the_server_is_told_by_fsync(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	w.puppets[WORLD_SERVER_1].identity.host++; /* Its machine was started anew. */
	world_cut(&w, WORLD_SERVER_1);
	world_run(&w, DFS_SEC);
	handle = world_open(&w, ino, O_RDWR);
	u64 id = world_handle_call(&w, CL_FSYNC, ino, handle);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), DFS_EIO);
	assert_int_equal(world_fsync(&w, ino, handle), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void a_restart_of_the_daemon_alone_is_no_error(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	world_cut(&w, WORLD_SERVER_1);
	u64 id = world_handle_call(&w, CL_FSYNC, ino, handle);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(w.errors_count, 0);
}

static void closed_files_are_synced_in_the_end(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_count(&w, DFS_MSG_SYNC), 0);
	u64 id = world_handle_call(&w, CL_SYNC_ALL, 0, 0);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_count(&w, DFS_MSG_SYNC), 1);
	handle = world_open(&w, ino, O_RDWR);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	world_run(&w, 31 * DFS_SEC);
	assert_int_equal(world_count(&w, DFS_MSG_SYNC), 2);
	assert_int_equal(world_file(&w, ino)->opens, 0);
}

static void small_buffer(struct cl_config *config)
{
	config->write_behind_bytes = 4 * DFS_MIB;
}

static void writers_wait_while_the_buffer_is_full(void **state)
{
	u64 ino;
	static u8 data[DFS_WIRE_IO_BYTES];
	u64 ids[20];
	(void)state;
	world_fini(&w);
	world_init(&w, small_buffer);
	u64 handle = world_create(&w, "f", 0, &ino);
	w.puppets[WORLD_SERVER_1].away = true;
	u32 waiting = 0;
	for (u32 i = 0; i < 14; i++) {
		ids[i] = world_write_call(&w, ino, handle, (u64)i * sizeof(data), data,
					  sizeof(data), O_RDWR);
		waiting += !world_answer(&w, ids[i])->done;
	}
	assert_true(cl_dirty_bytes(w.cl) <= 4 * DFS_MIB);
	assert_true(waiting >= 6);
	world_cancel(&w, ids[13]);
	assert_int_equal(world_status(&w, ids[13]), DFS_EINTR);
	/* Another file still gets something. */
	u64 ino2;
	u64 second = world_create(&w, "g", 0, &ino2);
	assert_int_equal(world_write(&w, ino2, second, 0, 100, 1), 0);
	w.puppets[WORLD_SERVER_1].away = false;
	world_run(&w, 4 * DFS_SEC);
	for (u32 i = 0; i < 13; i++)
		assert_int_equal(world_status(&w, ids[i]), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_close(&w, ino2, second), 0);
	assert_int_equal(world_file(&w, ino)->attr.size, 13 * sizeof(data));
}

static void a_timeout(struct cl_config *config)
{
	config->timeout = 10 * DFS_SEC;
}

static void calls_time_out_when_told_to(void **state)
{
	(void)state;
	world_fini(&w);
	world_init(&w, a_timeout);
	w.puppets[WORLD_MASTER].away = true;
	world_cut(&w, WORLD_MASTER);
	u64 id = world_handle_call(&w, CL_GETATTR, 1, 0);
	world_run(&w, 9 * DFS_SEC);
	assert_false(world_answer(&w, id)->done);
	world_run(&w, 2 * DFS_SEC);
	assert_int_equal(world_status(&w, id), DFS_ETIMEDOUT);
}

static void leaving_writes_back_and_says_good_bye(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	world_stop(&w);
	assert_true(w.exited);
	assert_int_equal(world_file(&w, ino)->attr.size, 1000);
	assert_int_equal(world_count(&w, DFS_MSG_SYNC), 1);
	assert_int_equal(world_count(&w, DFS_MSG_DETACH), 1);
	assert_int_equal(w.errors_count, 0);
}

static void leaving_names_the_files_that_lose_something(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	w.puppets[WORLD_SERVER_1].away = true;
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	u64 id = world_handle_call(&w, CL_FLUSH, ino, handle);
	world_stop(&w);
	assert_int_equal(world_status(&w, id), DFS_ESTOPPING);
	assert_false(w.exited);
	world_run(&w, 6 * DFS_SEC);
	assert_true(w.exited);
	assert_non_null(strstr(w.last_error, "event=data_lost"));
	assert_non_null(strstr(w.last_error, "name=\"f\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(fresh_data_moves_when_a_disk_is_full),
	    TEST(disks_that_stay_full_are_told_once_per_handle),
	    TEST(no_room_for_new_chunks_is_told_by_close),
	    TEST(what_is_lost_does_not_count_towards_the_size),
	    TEST(data_waits_for_a_server_and_close_can_be_interrupted),
	    TEST(a_broken_link_repeats_what_was_under_way),
	    TEST(reads_wait_until_the_chunk_is_somewhere),
	    TEST(a_chunk_that_moved_is_found_again),
	    TEST(damaged_bytes_are_read_again_and_then_an_error),
	    TEST(a_payload_damaged_on_its_way_is_sent_again),
	    TEST(data_is_written_again_when_its_chunk_was_not_taken),
	    TEST(a_power_cut_at_the_server_is_told_by_fsync),
	    TEST(a_restart_of_the_daemon_alone_is_no_error),
	    TEST(closed_files_are_synced_in_the_end),
	    TEST(writers_wait_while_the_buffer_is_full),
	    TEST(calls_time_out_when_told_to),
	    TEST(leaving_writes_back_and_says_good_bye),
	    TEST(leaving_names_the_files_that_lose_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
