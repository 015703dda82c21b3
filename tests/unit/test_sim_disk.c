/*
 * The simulator's disk: what it keeps over a process's death, what a power cut may take and may
 * not.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/disk_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BYTES = 16384 };

static struct disk_result run(struct disk_sim *disk, const struct dfs_io *io, struct dfs_buf *buf)
{
	struct disk_result result;
	disk_sim_finish(disk, disk_sim_begin(disk, io, buf), &result);
	return result;
}

static int put(struct disk_sim *disk, u64 file, u64 offset, u8 value, u64 length)
{
	struct dfs_buf *buf = dfs_buf_new((u32)length);
	memset(buf->data, value, length);
	struct dfs_io io = {.kind = DFS_IO_FILE_WRITE,
			    .file = file,
			    .offset = offset,
			    .length = length,
			    .attribute = dfs_span_text("attribute")};
	int status = run(disk, &io, buf).status;
	dfs_buf_unref(buf);
	return status;
}

static int simple(struct disk_sim *disk, enum dfs_io_kind kind, u64 file, u64 length)
{
	struct dfs_io io = {.kind = kind, .file = file, .length = length};
	struct disk_result result = run(disk, &io, NULL);
	dfs_buf_unref(result.buf);
	return result.status;
}

static void a_process_death_keeps_the_page_cache(void **state)
{
	(void)state;
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 1);
	struct disk_sim *disk = disk_sim_new(DFS_MIB, 1);
	assert_int_equal(put(disk, 7, 100, 'x', 5000), 0);
	disk_sim_crash(disk, false, &prng);
	u8 bytes[5100];
	u64 length;
	assert_int_equal(disk_sim_peek(disk, 7, 0, bytes, sizeof(bytes), &length), 0);
	assert_int_equal(length, 5100);
	assert_int_equal(bytes[99], 0);
	assert_int_equal(bytes[100], 'x');
	assert_int_equal(bytes[5099], 'x');
	disk_sim_free(disk);
}

/* Old bytes are synced 'a's, new ones un-synced 'b's: each sector is one or the other, never less.
 */
static void a_power_cut_keeps_synced_bytes_and_tears_the_rest_by_sector(void **state)
{
	(void)state;
	bool seen_old = false, seen_new = false, seen_torn = false;
	for (u64 seed = 0; seed < 100; seed++) {
		struct dfs_prng prng;
		dfs_prng_seed(&prng, seed);
		struct disk_sim *disk = disk_sim_new(DFS_MIB, seed);
		assert_int_equal(put(disk, 7, 0, 'a', BYTES), 0);
		assert_int_equal(simple(disk, DFS_IO_FILE_SYNC, 7, 0), 0);
		assert_int_equal(put(disk, 7, 1000, 'b', BYTES - 2000), 0);
		disk_sim_crash(disk, true, &prng);
		u8 bytes[BYTES];
		u64 length, new = 0;
		assert_int_equal(disk_sim_peek(disk, 7, 0, bytes, BYTES, &length), 0);
		assert_int_equal(length, BYTES);
		for (u64 i = 0; i < BYTES; i++) {
			assert_true(bytes[i] == 'a' || (bytes[i] == 'b' && i >= 1000));
			new += bytes[i] == 'b';
			if (i % DISK_SECTOR_BYTES != 0 && i != 1000 && i != BYTES - 1000)
				assert_int_equal(bytes[i], bytes[i - 1]);
		}
		seen_old = seen_old || new == 0;
		seen_new = seen_new || new == BYTES - 2000;
		seen_torn = seen_torn || (new > 0 && new < BYTES - 2000);
		disk_sim_free(disk);
	}
	assert_true(seen_old && seen_new && seen_torn);
}

static void names_are_durable_only_after_a_sync(void **state)
{
	(void)state;
	bool lost = false, kept = false, back = false, gone = false;
	for (u64 seed = 0; seed < 100; seed++) {
		struct dfs_prng prng;
		dfs_prng_seed(&prng, seed);
		struct disk_sim *disk = disk_sim_new(DFS_MIB, seed);
		assert_int_equal(put(disk, 1, 0, 'a', 100), 0); /* Never synced. */
		assert_int_equal(put(disk, 2, 0, 'a', 100), 0); /* Synced. */
		assert_int_equal(simple(disk, DFS_IO_FILE_SYNC, 2, 0), 0);
		assert_int_equal(put(disk, 3, 0, 'a', 100), 0); /* Synced, then unlinked. */
		assert_int_equal(simple(disk, DFS_IO_FILE_SYNC, 3, 0), 0);
		assert_int_equal(simple(disk, DFS_IO_FILE_UNLINK, 3, 0), 0);
		assert_int_equal(simple(disk, DFS_IO_FILE_UNLINK, 3, 0), DFS_ENOENT);
		disk_sim_crash(disk, true, &prng);
		u8 byte;
		u64 length;
		int one = disk_sim_peek(disk, 1, 0, &byte, 1, &length);
		assert_int_equal(disk_sim_peek(disk, 2, 0, &byte, 1, &length), 0);
		assert_int_equal(byte, 'a');
		int three = disk_sim_peek(disk, 3, 0, &byte, 1, &length);
		lost = lost || one == DFS_ENOENT;
		kept = kept || one == 0;
		gone = gone || three == DFS_ENOENT;
		back = back || three == 0;
		disk_sim_free(disk);
	}
	assert_true(lost && kept && back && gone);
}

static void a_sync_covers_only_completed_writes(void **state)
{
	(void)state;
	bool lost = false;
	for (u64 seed = 0; seed < 50; seed++) {
		struct dfs_prng prng;
		dfs_prng_seed(&prng, seed);
		struct disk_sim *disk = disk_sim_new(DFS_MIB, seed);
		assert_int_equal(put(disk, 7, 0, 'a', 512), 0);
		struct dfs_io sync = {.kind = DFS_IO_FILE_SYNC, .file = 7};
		struct disk_op *op = disk_sim_begin(disk, &sync, NULL);
		assert_int_equal(put(disk, 7, 512, 'b', 512), 0);
		struct disk_result result;
		disk_sim_finish(disk, op, &result);
		assert_int_equal(result.status, 0);
		disk_sim_crash(disk, true, &prng);
		u8 bytes[1024];
		u64 length;
		assert_int_equal(disk_sim_peek(disk, 7, 0, bytes, 1024, &length), 0);
		assert_int_equal(bytes[0], 'a');
		lost = lost || bytes[600] != 'b';
		disk_sim_free(disk);
	}
	assert_true(lost);
}

static void a_full_disk_refuses_and_counts_freed_space(void **state)
{
	(void)state;
	struct disk_sim *disk = disk_sim_new(4 * 4096, 1);
	assert_int_equal(put(disk, 1, 0, 'a', 3 * 4096), 0);
	assert_int_equal(put(disk, 2, 0, 'a', 2 * 4096), DFS_EDISK_FULL);
	struct dfs_io punch = {.kind = DFS_IO_FILE_PUNCH, .file = 1, .offset = 0, .length = 8192};
	assert_int_equal(run(disk, &punch, NULL).status, 0);
	assert_int_equal(put(disk, 2, 0, 'a', 2 * 4096), 0);
	struct dfs_io space = {.kind = DFS_IO_DISK_SPACE};
	struct disk_result result = run(disk, &space, NULL);
	assert_int_equal(result.count, 4096);
	assert_int_equal(result.aux, 4 * 4096);
	disk_sim_free(disk);
}

static void a_list_gives_every_file_once_with_its_attribute(void **state)
{
	(void)state;
	struct disk_sim *disk = disk_sim_new(DFS_MIB, 3);
	for (u64 id = 100; id > 0; id--)
		assert_int_equal(put(disk, id * 3, 0, 'a', id), 0);
	u64 after = 0, seen = 0;
	for (;;) {
		struct dfs_io list = {.kind = DFS_IO_DISK_LIST, .offset = after};
		struct disk_result result = run(disk, &list, NULL);
		assert_int_equal(result.status, 0);
		const u8 *at = result.buf->data;
		for (u64 i = 0; i < result.count; i++) {
			struct dfs_listed listed;
			memcpy(&listed, at, sizeof(listed));
			assert_int_equal(listed.file, ++seen * 3);
			assert_int_equal(listed.length, seen);
			assert_memory_equal(at + sizeof(listed), "attribute", 9);
			at += sizeof(listed) + ((listed.attribute_bytes + 7) & ~7u);
			after = listed.file;
		}
		dfs_buf_unref(result.buf);
		if (result.count == 0)
			break;
	}
	assert_int_equal(seen, 100);
	disk_sim_free(disk);
}

static void rot_flips_one_bit(void **state)
{
	(void)state;
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 5);
	struct disk_sim *disk = disk_sim_new(DFS_MIB, 5);
	assert_int_equal(put(disk, 9, 0, 0, 600), 0);
	assert_int_equal(disk_sim_rot(disk, &prng), 9);
	u8 bytes[600];
	u64 length;
	int bits = 0;
	assert_int_equal(disk_sim_peek(disk, 9, 0, bytes, 600, &length), 0);
	for (int i = 0; i < 600; i++)
		bits += __builtin_popcount(bytes[i]);
	assert_int_equal(bits, 1);
	disk_sim_free(disk);
}

static int no_buffer_is_left(void **state)
{
	(void)state;
	assert_int_equal(dfs_buf_live_count(), 0);
	dfs_buf_pool_drain();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_process_death_keeps_the_page_cache),
	    cmocka_unit_test(a_power_cut_keeps_synced_bytes_and_tears_the_rest_by_sector),
	    cmocka_unit_test(names_are_durable_only_after_a_sync),
	    cmocka_unit_test(a_sync_covers_only_completed_writes),
	    cmocka_unit_test(a_full_disk_refuses_and_counts_freed_space),
	    cmocka_unit_test(a_list_gives_every_file_once_with_its_attribute),
	    cmocka_unit_test(rot_flips_one_bit),
	};
	return cmocka_run_group_tests(tests, NULL, no_buffer_is_left);
}
