/*
 * The RocksDB store behind kv.h: what it returns, what a kill leaves of it, how opening fails, and
 * syncs through the host.
 */
#include "tests/unit/host_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct dfs_kv_options small = {.cache_bytes = 1 << 20, .memtable_bytes = 256 << 10};

static struct dfs_kv_rocks *open_store(const char *path, enum dfs_kv_kind kind)
{
	struct dfs_kv_rocks *kv = NULL;
	struct dfs_sentence sentence;
	int error = dfs_kv_rocks_open(path, kind, &small, &kv, &sentence);
	if (error != 0)
		print_message("%s\n", sentence.text);
	assert_int_equal(error, 0);
	return kv;
}

static void put_text(struct dfs_kv *kv, const char *key, const char *value)
{
	struct dfs_kv_batch batch = {0};
	dfs_kv_batch_put(&batch, dfs_span_text(key), dfs_span_text(value));
	assert_int_equal(dfs_kv_write(kv, &batch), 0);
	dfs_kv_batch_fini(&batch);
}

static void assert_value(struct dfs_kv *kv, const char *key, const char *value)
{
	struct dfs_span got;
	int status = dfs_kv_get(kv, dfs_span_text(key), &got);
	assert_int_equal(status, value == NULL ? DFS_ENOENT : 0);
	if (value != NULL)
		assert_true(dfs_span_equal(got, dfs_span_text(value)));
}

static void assert_keys(struct dfs_kv *kv, const char *from, const char *to, const char *expected)
{
	char keys[256] = {0};
	struct dfs_span key;
	struct dfs_span value;
	struct dfs_kv_iter *iter = dfs_kv_iter_new(kv, dfs_span_text(from), dfs_span_text(to));
	while (dfs_kv_iter_next(kv, iter, &key, &value))
		strncat(keys, (const char *)key.data, key.length);
	assert_false(dfs_kv_iter_next(kv, iter, &key, &value));
	assert_int_equal(dfs_kv_iter_free(kv, iter), 0);
	assert_string_equal(keys, expected);
}

static void batches_apply_in_order_and_scans_keep_their_bounds(void **state)
{
	(void)state;
	char directory[256];
	make_directory(directory);
	struct dfs_kv_rocks *rocks = open_store(directory, DFS_KV_LOGGED);
	struct dfs_kv *kv = dfs_kv_rocks_kv(rocks);
	assert_value(kv, "a", NULL);
	put_text(kv, "a", "1");
	put_text(kv, "b", "");
	put_text(kv, "c", "3");
	put_text(kv, "d", "4");
	assert_value(kv, "a", "1");
	assert_value(kv, "b", "");
	assert_keys(kv, "", "", "abcd");
	assert_keys(kv, "b", "d", "bc");
	assert_keys(kv, "bb", "", "cd");
	assert_keys(kv, "e", "", "");
	struct dfs_kv_batch batch = {0};
	dfs_kv_batch_delete_range(&batch, dfs_span_text("b"), dfs_span_text("d"));
	dfs_kv_batch_put(&batch, dfs_span_text("c"), dfs_span_text("new"));
	dfs_kv_batch_delete(&batch, dfs_span_text("d"));
	assert_int_equal(dfs_kv_write(kv, &batch), 0);
	dfs_kv_batch_fini(&batch);
	assert_keys(kv, "", "", "ac");
	assert_value(kv, "c", "new");
	/* A scan sees the store as of its start. */
	struct dfs_span key;
	struct dfs_span value;
	struct dfs_kv_iter *iter = dfs_kv_iter_new(kv, (struct dfs_span){0}, (struct dfs_span){0});
	put_text(kv, "ab", "later");
	assert_true(dfs_kv_iter_next(kv, iter, &key, &value));
	assert_true(dfs_kv_iter_next(kv, iter, &key, &value));
	assert_true(dfs_span_equal(key, dfs_span_text("c")));
	assert_int_equal(dfs_kv_iter_free(kv, iter), 0);
	assert_true(dfs_kv_rocks_memory_bytes(rocks) > 0);
	dfs_kv_rocks_close(rocks);
	remove_tree(directory);
}

static void number_batch(struct dfs_kv_batch *batch, u32 number)
{
	char key[32];
	u8 value[512];
	memset(value, (int)number, sizeof(value));
	dfs_kv_batch_clear(batch);
	/* Two keys per batch: both or none may survive. */
	for (u32 half = 0; half < 2; half++) {
		snprintf(key, sizeof(key), "%u-%08u", half, number);
		dfs_kv_batch_put(batch, dfs_span_text(key), dfs_span(value, sizeof(value)));
	}
}

/* The child's part: `flush_at` batches are followed by a flush; then death without any clean-up. */
static int write_then_die(char **arguments)
{
	struct dfs_kv_rocks *rocks = NULL;
	u32 count = (u32)atoi(arguments[2]);
	u32 flush_at = (u32)strtoul(arguments[3], NULL, 10);
	if (dfs_kv_rocks_open(arguments[0], (enum dfs_kv_kind)atoi(arguments[1]), &small, &rocks,
			      NULL) != 0)
		return 1;
	struct dfs_kv_batch batch = {0};
	for (u32 i = 1; i <= count; i++) {
		number_batch(&batch, i);
		if (dfs_kv_write(dfs_kv_rocks_kv(rocks), &batch) != 0)
			return 1;
		if (i == flush_at && dfs_kv_rocks_flush(rocks) != 0)
			return 1;
	}
	if (flush_at == UINT32_MAX) {
		u8 *large = calloc(1, 1 << 20);
		put_text(dfs_kv_rocks_kv(rocks), "before", "value");
		dfs_kv_batch_clear(&batch);
		dfs_kv_batch_put(&batch, dfs_span_text("large"), dfs_span(large, 1 << 20));
		if (dfs_kv_write(dfs_kv_rocks_kv(rocks), &batch) != 0)
			return 1;
		put_text(dfs_kv_rocks_kv(rocks), "after", "value");
	}
	kill(getpid(), SIGKILL);
	return 1;
}

/* In a process of its own: a forked copy of this one would lack RocksDB's threads. */
static void write_and_die(const char *directory, enum dfs_kv_kind kind, u32 count, u32 flush_at)
{
	char texts[3][16];
	snprintf(texts[0], sizeof(texts[0]), "%d", (int)kind);
	snprintf(texts[1], sizeof(texts[1]), "%u", count);
	snprintf(texts[2], sizeof(texts[2]), "%u", flush_at);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		execl("/proc/self/exe", "test_host_kv", directory, texts[0], texts[1], texts[2],
		      NULL);
		_exit(1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

/* How many batches are there: a prefix, each complete. */
static u32 surviving(const char *directory, enum dfs_kv_kind kind, u32 count)
{
	struct dfs_kv_rocks *rocks = open_store(directory, kind);
	u32 last = 0;
	for (u32 i = 1; i <= count; i++) {
		u32 halves = 0;
		for (u32 half = 0; half < 2; half++) {
			char key[32];
			struct dfs_span value;
			snprintf(key, sizeof(key), "%u-%08u", half, i);
			int status = dfs_kv_get(dfs_kv_rocks_kv(rocks), dfs_span_text(key), &value);
			if (status == DFS_ENOENT)
				continue;
			assert_int_equal(status, 0);
			assert_int_equal(value.length, 512);
			assert_int_equal(value.data[511], (u8)i);
			halves++;
		}
		assert_true(halves != 1);
		if (halves == 2) {
			assert_int_equal(last, i - 1); /* No hole before it. */
			last = i;
		}
	}
	dfs_kv_rocks_close(rocks);
	return last;
}

static void a_kill_leaves_a_logged_store_complete(void **state)
{
	(void)state;
	char directory[256];
	make_directory(directory);
	write_and_die(directory, DFS_KV_LOGGED, 5000, 0);
	assert_int_equal(surviving(directory, DFS_KV_LOGGED, 6000), 5000);
	remove_tree(directory);
}

static void a_kill_leaves_an_unlogged_store_with_a_prefix(void **state)
{
	(void)state;
	for (u32 round = 0; round < 5; round++) {
		char directory[256];
		make_directory(directory);
		write_and_die(directory, DFS_KV_UNLOGGED, 3000, 700 + round);
		u32 last = surviving(directory, DFS_KV_UNLOGGED, 4000);
		assert_in_range(last, 700 + round, 3000);
		remove_tree(directory);
	}
}

static void a_clean_close_keeps_everything(void **state)
{
	(void)state;
	for (u32 kind = DFS_KV_LOGGED; kind <= DFS_KV_UNLOGGED; kind++) {
		char directory[256];
		make_directory(directory);
		struct dfs_kv_rocks *rocks = open_store(directory, (enum dfs_kv_kind)kind);
		put_text(dfs_kv_rocks_kv(rocks), "key", "value");
		dfs_kv_rocks_close(rocks);
		rocks = open_store(directory, (enum dfs_kv_kind)kind);
		assert_value(dfs_kv_rocks_kv(rocks), "key", "value");
		dfs_kv_rocks_close(rocks);
		remove_tree(directory);
	}
}

/* The only file in the directory whose name ends so. */
static void find_file(const char *directory, const char *end, char path[600])
{
	char command[700];
	snprintf(command, sizeof(command), "ls %s/*%s | tail -n 1", directory, end);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(path, 600, pipe));
	pclose(pipe);
	path[strcspn(path, "\n")] = '\0';
}

static void overwrite(const char *path, u64 offset, u32 length, u8 byte)
{
	u8 *bytes = malloc(length);
	memset(bytes, byte, length);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, length, (off_t)offset), length);
	close(fd);
	free(bytes);
}

static void a_torn_log_keeps_what_came_before(void **state)
{
	(void)state;
	char directory[256];
	char path[600];
	make_directory(directory);
	write_and_die(directory, DFS_KV_LOGGED, 200, 0);
	snprintf(path, sizeof(path), "%s/journal-0", directory);
	/* Each record is about 1100 bytes: this hits the middle one of 200. Those behind it stay.
	 */
	overwrite(path, 110 << 10, 64, 0);
	u32 last = surviving(directory, DFS_KV_LOGGED, 300);
	assert_in_range(last, 80, 120);
	/* Nor do they come back after the next life has written over the gap and was killed too. */
	write_and_die(directory, DFS_KV_LOGGED, last + 1, 0);
	assert_int_equal(surviving(directory, DFS_KV_LOGGED, 300), last + 1);
	remove_tree(directory);
}

static void a_batch_larger_than_the_log_survives_a_kill(void **state)
{
	(void)state;
	char directory[256];
	make_directory(directory);
	write_and_die(directory, DFS_KV_LOGGED, 1, UINT32_MAX);
	struct dfs_kv_rocks *rocks = open_store(directory, DFS_KV_LOGGED);
	struct dfs_span value;
	assert_int_equal(dfs_kv_get(dfs_kv_rocks_kv(rocks), dfs_span_text("large"), &value), 0);
	assert_int_equal(value.length, 1 << 20);
	assert_int_equal(dfs_kv_get(dfs_kv_rocks_kv(rocks), dfs_span_text("after"), &value), 0);
	dfs_kv_rocks_close(rocks);
	assert_int_equal(surviving(directory, DFS_KV_LOGGED, 10), 1);
	remove_tree(directory);
}

static void a_lost_journal_is_refused(void **state)
{
	(void)state;
	char directory[256];
	char path[600];
	make_directory(directory);
	write_and_die(directory, DFS_KV_LOGGED, 10, 0);
	snprintf(path, sizeof(path), "%s/journal-1", directory);
	assert_int_equal(unlink(path), 0);
	struct dfs_kv_rocks *kv = NULL;
	struct dfs_sentence sentence = {{0}};
	assert_int_equal(dfs_kv_rocks_open(directory, DFS_KV_LOGGED, &small, &kv, &sentence),
			 DFS_ECORRUPT);
	assert_non_null(strstr(sentence.text, "journal"));
	remove_tree(directory);
}

static void expect_refusal(const char *path, const struct dfs_kv_options *options, int error,
			   const char *part)
{
	struct dfs_kv_rocks *kv = NULL;
	struct dfs_sentence sentence = {{0}};
	int got = dfs_kv_rocks_open(path, DFS_KV_LOGGED, options, &kv, &sentence);
	if (got != error || strstr(sentence.text, part) == NULL)
		print_message("%d: %s\n", got, sentence.text);
	assert_int_equal(got, error);
	assert_non_null(strstr(sentence.text, part));
	assert_non_null(strstr(sentence.text, path));
}

static void a_store_that_cannot_be_opened_says_why(void **state)
{
	(void)state;
	char directory[256];
	char path[600];
	make_directory(directory);
	struct dfs_kv_options must = small;
	must.must_exist = true;
	expect_refusal(directory, &must, DFS_ENOENT, "check the path");
	expect_refusal("/nonexistent/a/b", &small, DFS_ENOENT, "check the path");

	struct dfs_kv_rocks *rocks = open_store(directory, DFS_KV_LOGGED);
	put_text(dfs_kv_rocks_kv(rocks), "key", "value");
	expect_refusal(directory, &small, DFS_EBUSY, "another process");
	dfs_kv_rocks_close(rocks);

	snprintf(path, sizeof(path), "%s/CURRENT", directory);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "garbage\n", 8), 8);
	close(fd);
	expect_refusal(directory, &small, DFS_ECORRUPT, "damaged");
	/* Without CURRENT it must not be taken for a new, empty store. */
	assert_int_equal(unlink(path), 0);
	expect_refusal(directory, &small, DFS_ECORRUPT, "damaged");
	remove_tree(directory);
}

static void a_damaged_table_is_an_error_not_a_wrong_answer(void **state)
{
	(void)state;
	char directory[256];
	char path[600];
	make_directory(directory);
	struct dfs_kv_rocks *rocks = open_store(directory, DFS_KV_UNLOGGED);
	put_text(dfs_kv_rocks_kv(rocks), "key", "value");
	dfs_kv_rocks_close(rocks);
	find_file(directory, ".sst", path);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "XXXX", 4, 2), 4);
	close(fd);
	struct dfs_kv_rocks *damaged = NULL;
	struct dfs_sentence sentence;
	int error = dfs_kv_rocks_open(directory, DFS_KV_UNLOGGED, &small, &damaged, &sentence);
	if (error == 0) {
		struct dfs_span value;
		error = dfs_kv_get(dfs_kv_rocks_kv(damaged), dfs_span_text("key"), &value);
		dfs_kv_rocks_close(damaged);
	}
	assert_int_equal(error, DFS_ECORRUPT);
	remove_tree(directory);
}

static void syncs_through_the_host_end_once_each(void **state)
{
	(void)state;
	char directory[256];
	make_directory(directory);
	struct dfs_kv_rocks *rocks[2] = {open_store(directory, DFS_KV_LOGGED), NULL};
	struct dfs_host_config config = {.kvs = rocks, .kvs_count = 2};
	struct fixture *f = fixture_new(&config);
	struct io_result results[100];
	for (u32 i = 0; i < 100; i++) {
		char key[16];
		snprintf(key, sizeof(key), "%u", i);
		put_text(dfs_kv_rocks_kv(rocks[0]), key, "value");
		struct dfs_io io = {.kind = i % 10 == 0 ? DFS_IO_KV_FLUSH : DFS_IO_KV_SYNC};
		io_start(f, io, NULL, &results[i]);
		if (i % 7 == 0)
			uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	for (u32 i = 0; i < 100; i++) {
		io_wait(f, &results[i]);
		assert_int_equal(results[i].status, 0);
	}
	assert_int_equal(io_do(f, (struct dfs_io){.kind = DFS_IO_KV_SYNC, .disk = 1}, NULL).status,
			 DFS_EDISK_FAILED);
	assert_int_equal(f->ios_done, 101);
	fixture_free(f);
	dfs_kv_rocks_close(rocks[0]);
	remove_tree(directory);
}

int main(int count, char **arguments)
{
	if (count == 5)
		return write_then_die(arguments + 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_kill_leaves_a_logged_store_complete),
	    cmocka_unit_test(a_kill_leaves_an_unlogged_store_with_a_prefix),
	    cmocka_unit_test(a_torn_log_keeps_what_came_before),
	    cmocka_unit_test(a_batch_larger_than_the_log_survives_a_kill),
	    cmocka_unit_test(a_lost_journal_is_refused),
	    cmocka_unit_test(batches_apply_in_order_and_scans_keep_their_bounds),
	    cmocka_unit_test(a_clean_close_keeps_everything),
	    cmocka_unit_test(a_store_that_cannot_be_opened_says_why),
	    cmocka_unit_test(a_damaged_table_is_an_error_not_a_wrong_answer),
	    cmocka_unit_test(syncs_through_the_host_end_once_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
