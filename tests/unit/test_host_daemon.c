/*
 * The frame of a daemon: keys, ids, small durable files, the lock of a directory, signals.
 */
#include "tests/unit/host_fixture.h"

#include "libdfsproto/host/daemon.h"
#include "libdfsproto/host/ids.h"
#include "libdfsproto/host/key.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char good[] = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n";

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void expect_key_error(const char *path, int error, const char *part)
{
	u8 key[DFS_KEY_BYTES];
	struct dfs_sentence sentence = {{0}};
	assert_int_equal(dfs_key_load(path, key, &sentence), error);
	assert_non_null(strstr(sentence.text, path));
	assert_non_null(strstr(sentence.text, part));
}

static void a_key_loads_or_the_sentence_says_why_not(void **state)
{
	(void)state;
	char directory[256];
	char path[300];
	u8 key[DFS_KEY_BYTES];
	struct dfs_sentence sentence;
	make_directory(directory);
	snprintf(path, sizeof(path), "%s/key", directory);
	expect_key_error(path, DFS_ENOENT, "openssl rand -hex 32");
	write_file(path, good, 0600);
	assert_int_equal(dfs_key_load(path, key, &sentence), 0);
	assert_int_equal(key[0], 0x00);
	assert_int_equal(key[1], 0x11);
	assert_int_equal(key[31], 0xff);
	write_file(path, good, 0644);
	expect_key_error(path, DFS_EACCES, "chmod 600");
	write_file(path, "abc\n", 0600);
	expect_key_error(path, DFS_EINVAL, "64 hex digits");
	write_file(path, "", 0600);
	expect_key_error(path, DFS_EINVAL, "64 hex digits");
	char longer[200];
	snprintf(longer, sizeof(longer), "%s%s", good, good);
	write_file(path, longer, 0600);
	expect_key_error(path, DFS_EINVAL, "64 hex digits");
	char bad[sizeof(good)];
	memcpy(bad, good, sizeof(good));
	bad[10] = 'g';
	write_file(path, bad, 0600);
	expect_key_error(path, DFS_EINVAL, "64 hex digits");
	remove_tree(directory);
}

static void the_cluster_id_is_the_hash_of_the_key(void **state)
{
	(void)state;
	u8 key[DFS_KEY_BYTES] = {0};
	/* (printf 'dfs cluster id'; head -c 32 /dev/zero) | sha256sum | head -c 16, byte by byte
	 * from the end. */
	u64 id = dfs_cluster_id(key);
	assert_int_equal(id, UINT64_C(0x8d1855853613f398));
	key[0] = 1;
	assert_int_not_equal(id, dfs_cluster_id(key));
}

static void ids_are_stable_where_they_should_be(void **state)
{
	(void)state;
	char directory[256];
	char path[300];
	struct dfs_sentence sentence;
	u64 first = 0;
	u64 second = 0;
	assert_int_equal(dfs_host_id(), dfs_host_id());
	assert_int_equal(dfs_boot_id(), dfs_boot_id());
	assert_int_not_equal(dfs_id_random(), dfs_id_random());
	make_directory(directory);
	snprintf(path, sizeof(path), "%s/node", directory);
	assert_int_equal(dfs_node_id(path, &first, &sentence), 0);
	assert_int_equal(dfs_node_id(path, &second, &sentence), 0);
	assert_int_equal(first, second);
	assert_int_not_equal(first, 0);
	const char *const damaged[] = {"", "123\n", "zzzzzzzzzzzzzzzz\n", "0000000000000000\n",
				       "0123456789abcdef0\n"};
	for (u32 i = 0; i < dfs_array_count(damaged); i++) {
		write_file(path, damaged[i], 0600);
		assert_int_equal(dfs_node_id(path, &second, &sentence), DFS_ECORRUPT);
		assert_non_null(strstr(sentence.text, path));
	}
	snprintf(path, sizeof(path), "%s/absent/node", directory);
	assert_int_equal(dfs_node_id(path, &second, &sentence), DFS_ENOENT);
	remove_tree(directory);
}

static void a_small_file_is_replaced_whole(void **state)
{
	(void)state;
	char directory[256];
	char path[300];
	char back[32];
	make_directory(directory);
	snprintf(path, sizeof(path), "%s/f", directory);
	assert_int_equal(dfs_file_replace(path, dfs_span_text("a long text")), 0);
	assert_int_equal(dfs_file_replace(path, dfs_span_text("short")), 0);
	assert_int_equal(dfs_file_read(path, back, sizeof(back)), 5);
	assert_memory_equal(back, "short", 5);
	assert_int_equal(dfs_file_read(path, back, 5), -EFBIG);
	assert_int_equal(dfs_file_read(directory, back, sizeof(back)), -EISDIR);
	remove_tree(directory);
}

static void a_locked_directory_names_its_holder(void **state)
{
	(void)state;
	char directory[256];
	char pid[32];
	struct dfs_daemon first;
	struct dfs_daemon second;
	struct dfs_sentence sentence;
	make_directory(directory);
	dfs_daemon_init(&first, "dfs-first");
	dfs_daemon_init(&second, "dfs-second");
	assert_int_equal(dfs_daemon_lock(&first, directory, &sentence), 0);
	assert_int_equal(dfs_daemon_lock(&second, directory, &sentence), DFS_EBUSY);
	snprintf(pid, sizeof(pid), "dfs-first, pid %d;", (int)getpid());
	assert_non_null(strstr(sentence.text, pid));
	dfs_daemon_fini(&first);
	assert_int_equal(dfs_daemon_lock(&second, directory, &sentence), 0);
	dfs_daemon_fini(&second);
	assert_int_equal(dfs_daemon_lock(&second, "/nonexistent", &sentence), DFS_ENOENT);
	remove_tree(directory);
}

struct stopping {
	bool booted;
	bool stopped;
};

static void stopping_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct stopping *stopping = core;
	if (ev->kind == DFS_EV_BOOT) {
		stopping->booted = true;
		raise(SIGTERM);
	}
	if (ev->kind == DFS_EV_STOP) {
		stopping->stopped = true;
		dfs_fx_exit(fxs, 0);
	}
}

static nsec stopping_deadline(const void *core)
{
	(void)core;
	return DFS_NEVER;
}

static const struct dfs_core_ops stopping_ops = {.step = stopping_step,
						 .deadline = stopping_deadline};

static void a_signal_stops_a_daemon_cleanly(void **state)
{
	(void)state;
	struct dfs_daemon daemon;
	struct dfs_host *host;
	struct dfs_listener *listener;
	struct stopping stopping = {0};
	struct dfs_sentence sentence;
	dfs_daemon_init(&daemon, "dfs-test");
	assert_int_equal(dfs_listener_open("127.0.0.1:0", &listener, &sentence), 0);
	struct dfs_host_config config = {
	    .loop = &daemon.loop,
	    .ops = &stopping_ops,
	    .core = &stopping,
	    .listeners = &listener,
	    .listeners_count = 1,
	    .owner = &daemon,
	    .exit = dfs_daemon_exit,
	};
	dfs_host_new(&config, &host);
	assert_int_equal(dfs_daemon_run(&daemon, host), 0);
	assert_true(stopping.booted);
	assert_true(stopping.stopped);
	dfs_daemon_fini(&daemon);
}

static void log_levels_have_names(void **state)
{
	(void)state;
	enum dfs_log_level level = DFS_LOG_ERROR;
	assert_true(dfs_log_level_parse("debug", &level));
	assert_int_equal(level, DFS_LOG_DEBUG);
	assert_false(dfs_log_level_parse("verbose", &level));
	assert_int_equal(level, DFS_LOG_DEBUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_loads_or_the_sentence_says_why_not),
	    cmocka_unit_test(the_cluster_id_is_the_hash_of_the_key),
	    cmocka_unit_test(ids_are_stable_where_they_should_be),
	    cmocka_unit_test(a_small_file_is_replaced_whole),
	    cmocka_unit_test(a_locked_directory_names_its_holder),
	    cmocka_unit_test(a_signal_stops_a_daemon_cleanly),
	    cmocka_unit_test(log_levels_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
