/*
 * The client's session with the master: links that break, masters that do not lead, sessions that
 * are lost, callers that leave.
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

static enum world_verdict hold_type(struct cl_world *world, struct puppet *puppet,
				    const struct dfs_session_event *request)
{
	(void)puppet;
	return request->type == world->context ? WORLD_HOLD : WORLD_SERVE;
}

static u32 refusals;
static enum world_verdict refuse_first(struct cl_world *world, struct puppet *puppet,
				       const struct dfs_session_event *request)
{
	if (puppet->index != WORLD_MASTER || request->type != world->context || refusals == 0)
		return WORLD_SERVE;
	refusals--;
	return WORLD_REFUSE;
}

static void each_link_begins_with_what_is_held(void **state)
{
	u64 ino, ino2;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	u64 second = world_create(&w, "g", 0, &ino2);
	assert_int_equal(world_write(&w, ino2, second, 0, 100, 1), 0);
	assert_int_equal(world_flush(&w, ino2, second), 0);
	world_cut(&w, WORLD_MASTER);
	world_run(&w, DFS_SEC);
	assert_int_equal(w.attach_opens, 2);
	assert_int_equal(w.attach_grants, 1); /* g's chunk is committed. */
	assert_int_equal(w.sessions_made, 1);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_close(&w, ino2, second), 0);
}

static void a_release_under_way_still_counts_as_held(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	w.intercept = hold_type;
	w.context = DFS_MSG_RELEASE;
	assert_int_equal(world_close(&w, ino, handle), 0);
	w.intercept = NULL;
	world_cut(&w, WORLD_MASTER);
	world_run(&w, DFS_SEC);
	assert_int_equal(w.attach_opens, 1);
	assert_int_equal(world_file(&w, ino)->opens, 0);
}

static void another_leader_is_looked_for(void **state)
{
	u16 types[] = {DFS_MSG_GETATTR, DFS_MSG_MUTATE, DFS_MSG_ATTACH};
	(void)state;
	struct world_file *file = world_add(&w, 1, "f", S_IFREG | 0600);
	w.intercept = refuse_first;
	w.refuse = DFS_ENOT_LEADER;
	for (size_t i = 0; i < dfs_array_count(types); i++) {
		struct cl_call set = {.op = CL_SETATTR,
				      .ino = file->attr.ino,
				      .set = {.valid = DFS_SETATTR_MODE, .mode = S_IFREG | 0644}};
		w.context = types[i];
		refusals = 1;
		if (types[i] == DFS_MSG_ATTACH)
			world_cut(&w, WORLD_MASTER);
		u64 get = world_handle_call(&w, CL_GETATTR, file->attr.ino, 0);
		u64 change = world_call(&w, &set);
		world_run(&w, 3 * DFS_SEC);
		assert_int_equal(refusals, 0);
		assert_int_equal(world_status(&w, get), 0);
		assert_int_equal(world_status(&w, change), 0);
	}
	assert_int_equal(w.sequence_max, 3); /* The one refused kept its number. */
	assert_int_equal(w.sessions_made, 1);
}

static void a_lost_session_fails_changes_and_keeps_files_and_data(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 600000, 1), 0);
	w.intercept = hold_type;
	w.context = DFS_MSG_MUTATE;
	struct cl_call call = {.op = CL_MKDIR, .ino = 1, .name = dfs_span_text("d"), .mode = 0755};
	u64 change = world_call(&w, &call);
	u64 get = world_handle_call(&w, CL_GETATTR, ino, 0);
	w.intercept = NULL;
	/* The master forgot us, and what it had granted. */
	w.session = 12345;
	world_file(&w, ino)->opens = 0;
	world_file(&w, ino)->granted[0] = 0;
	world_cut(&w, WORLD_MASTER);
	world_run(&w, DFS_SEC);
	assert_int_equal(w.sessions_made, 2);
	assert_int_equal(world_status(&w, change), DFS_ENO_SESSION);
	assert_int_equal(world_status(&w, get), 0);
	assert_int_equal(world_file(&w, ino)->opens, 1);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	world_expect(&w, ino, handle, 0, 600000, 1);
	assert_int_equal(world_file(&w, ino)->attr.size, 600000);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_file(&w, ino)->opens, 0);
}

static void a_commit_of_a_lost_session_is_made_again(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	w.intercept = hold_type;
	w.context = DFS_MSG_MUTATE;
	u64 id = world_handle_call(&w, CL_FSYNC, ino, handle);
	assert_false(world_answer(&w, id)->done);
	w.intercept = NULL;
	w.session = 12345;
	w.puppets[WORLD_MASTER].held_count = 0;
	world_cut(&w, WORLD_MASTER);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(world_file(&w, ino)->attr.size, 1000);
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void a_caller_that_leaves_an_open_leaves_no_hold(void **state)
{
	struct world_file *file = world_add(&w, 1, "f", S_IFREG | 0600);
	u16 types[] = {DFS_MSG_OPEN, DFS_MSG_MUTATE};
	(void)state;
	for (size_t i = 0; i < dfs_array_count(types); i++) {
		struct cl_call call = {.op = i == 0 ? CL_OPEN : CL_CREATE,
				       .ino = i == 0 ? file->attr.ino : 1,
				       .name = dfs_span_text("f"),
				       .mode = S_IFREG | 0600,
				       .flags = O_RDWR};
		w.intercept = hold_type;
		w.context = types[i];
		u64 id = world_call(&w, &call);
		world_cancel(&w, id);
		assert_int_equal(world_status(&w, id), DFS_EINTR);
		w.intercept = NULL;
		/* It is served after all. */
		world_cut(&w, WORLD_MASTER);
		world_run(&w, DFS_SEC);
		assert_int_equal(world_file(&w, file->attr.ino)->opens, 0);
	}
	assert_true(world_count(&w, DFS_MSG_RELEASE) >= 2);
}

static void a_caller_that_leaves_a_question_is_answered_at_once(void **state)
{
	(void)state;
	w.puppets[WORLD_MASTER].away = true;
	world_cut(&w, WORLD_MASTER);
	struct cl_call make = {.op = CL_MKDIR, .ino = 1, .name = dfs_span_text("d"), .mode = 0755};
	u64 get = world_handle_call(&w, CL_GETATTR, 1, 0);
	u64 change = world_call(&w, &make);
	world_run(&w, 30 * DFS_SEC);
	assert_false(world_answer(&w, get)->done);
	world_cancel(&w, get);
	world_cancel(&w, change);
	assert_int_equal(world_status(&w, get), DFS_EINTR);
	assert_int_equal(world_status(&w, change), DFS_EINTR);
	w.puppets[WORLD_MASTER].away = false;
	world_run(&w, 3 * DFS_SEC);
	assert_int_equal(world_ops(&w, DFS_OP_MAKE), 1); /* It was under way. */
}

static void truncation_left_by_its_caller_opens_its_gate(void **state)
{
	u64 ino;
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_flush(&w, ino, handle), 0);
	w.intercept = hold_type;
	w.context = DFS_MSG_MUTATE;
	struct cl_call cut = {.op = CL_SETATTR, .ino = ino, .set = {.valid = DFS_SETATTR_SIZE}};
	u64 id = world_call(&w, &cut);
	u8 data[10] = {7};
	u64 write = world_write_call(&w, ino, handle, 0, data, sizeof(data), O_RDWR);
	assert_false(world_answer(&w, write)->done);
	world_cancel(&w, id);
	assert_int_equal(world_status(&w, id), DFS_EINTR);
	assert_false(world_answer(&w, write)->done);
	w.intercept = NULL;
	world_cut(&w, WORLD_MASTER);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, write), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	assert_int_equal(world_file(&w, ino)->attr.size, 10);
}

static void a_busy_master_is_asked_again(void **state)
{
	struct cl_call make = {.op = CL_MKDIR, .ino = 1, .name = dfs_span_text("d"), .mode = 0755};
	(void)state;
	w.intercept = refuse_first;
	w.refuse = DFS_EBUSY;
	w.context = DFS_MSG_MUTATE;
	refusals = 3;
	u64 id = world_call(&w, &make);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), 0);
	assert_int_equal(w.sequence_max, 4); /* A refusal is a result: each try has a number. */
	refusals = 1000;
	id = world_call(&w, &make);
	world_run(&w, 60 * DFS_SEC);
	assert_int_equal(world_status(&w, id), DFS_EBUSY);
}

static void wrong_key(struct cl_config *config)
{
	config->identity.key[3] ^= 1;
}

static void a_refusal_is_told_to_whoever_mounts(void **state)
{
	int error;
	struct dfs_span text;
	(void)state;
	world_fini(&w);
	world_boot(&w, wrong_key);
	assert_false(cl_ready(w.cl, &error, &text));
	assert_int_equal(error, DFS_EWRONG_KEY);
	assert_true(text.length > 0);
}

static enum world_verdict garbage(struct cl_world *world, struct puppet *puppet,
				  const struct dfs_session_event *request)
{
	struct dfs_writer writer;
	if (request->type != world->context)
		return WORLD_SERVE;
	dfs_session_writer(puppet->session, &writer);
	dfs_put_u32(&writer, 0xffffffff);
	puppet_reply(puppet, request, 0, &writer, NULL);
	return WORLD_DONE;
}

static void answers_that_make_no_sense_are_errors(void **state)
{
	u64 ino;
	u16 types[] = {DFS_MSG_LOOKUP,   DFS_MSG_GETATTR, DFS_MSG_READLINK,
		       DFS_MSG_GETXATTR, DFS_MSG_STATFS,  DFS_MSG_MUTATE};
	struct cl_call calls[] = {
	    {.op = CL_LOOKUP, .ino = 1, .name = dfs_span_text("f")},
	    {.op = CL_GETATTR, .ino = 1},
	    {.op = CL_READLINK, .ino = 1},
	    {.op = CL_GETXATTR, .ino = 1, .name = dfs_span_text("user.a"), .size = 9},
	    {.op = CL_STATFS, .ino = 1},
	    {.op = CL_MKDIR, .ino = 1, .name = dfs_span_text("d")},
	};
	(void)state;
	u64 handle = world_create(&w, "f", 0, &ino);
	assert_int_equal(world_write(&w, ino, handle, 0, 1000, 1), 0);
	assert_int_equal(world_close(&w, ino, handle), 0);
	w.intercept = garbage;
	for (size_t i = 0; i < dfs_array_count(types); i++) {
		w.context = types[i];
		assert_int_equal(world_status(&w, world_call(&w, &calls[i])), DFS_EMALFORMED);
	}
	w.context = DFS_MSG_OPEN;
	struct cl_call open = {.op = CL_OPEN, .ino = ino};
	assert_int_equal(world_status(&w, world_call(&w, &open)), DFS_EMALFORMED);
	w.context = DFS_MSG_READ;
	handle = world_open(&w, ino, O_RDWR);
	u64 id = world_read_call(&w, ino, handle, 0, 10, 0);
	world_run(&w, DFS_SEC);
	assert_int_equal(world_status(&w, id), DFS_EIO);
	w.intercept = NULL;
	assert_int_equal(world_close(&w, ino, handle), 0);
}

static void calls_on_handles_that_do_not_exist_are_invalid(void **state)
{
	enum cl_op ops[] = {CL_READ, CL_WRITE, CL_FLUSH, CL_FSYNC, CL_READDIR};
	(void)state;
	for (size_t i = 0; i < dfs_array_count(ops); i++) {
		struct cl_call call = {.op = ops[i], .ino = 1, .handle = 99, .size = 10};
		assert_int_equal(world_status(&w, world_call(&w, &call)), DFS_EINVAL);
	}
	u64 id = world_handle_call(&w, CL_RELEASE, 1, 99);
	assert_int_equal(world_status(&w, id), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(each_link_begins_with_what_is_held),
	    TEST(a_release_under_way_still_counts_as_held),
	    TEST(another_leader_is_looked_for),
	    TEST(a_lost_session_fails_changes_and_keeps_files_and_data),
	    TEST(a_commit_of_a_lost_session_is_made_again),
	    TEST(a_caller_that_leaves_an_open_leaves_no_hold),
	    TEST(a_caller_that_leaves_a_question_is_answered_at_once),
	    TEST(truncation_left_by_its_caller_opens_its_gate),
	    TEST(a_busy_master_is_asked_again),
	    TEST(a_refusal_is_told_to_whoever_mounts),
	    TEST(answers_that_make_no_sense_are_errors),
	    TEST(calls_on_handles_that_do_not_exist_are_invalid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
