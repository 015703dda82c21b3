/*
 * What the simulator allows a file to contain after a crash: neither too little, or it cries wolf,
 * nor too much, or it finds nothing.
 */
#include "libdfsproto/base/limits.h"
#include "tests/sim/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool allows(const struct history *history, const char *text)
{
	u64 wrong;
	return history_allows(history, 0, 100, (const u8 *)text, strlen(text), &wrong);
}

static bool allows_bytes(const struct history *history, const char *bytes, u64 length)
{
	u64 wrong;
	return history_allows(history, 0, 100, (const u8 *)bytes, length, &wrong);
}

static void put(struct history *history, u64 offset, const char *text)
{
	history_write(history, offset, (const u8 *)text, strlen(text));
}

static void without_a_crash_only_the_last_bytes_are_right(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aaaa");
	put(&history, 2, "bb");
	assert_true(allows(&history, "aabb"));
	assert_false(allows(&history, "aaaa"));
	assert_false(allows(&history, "aab"));
	assert_false(allows(&history, "aabbb"));
	history_truncate(&history, 1);
	assert_true(allows(&history, "a"));
	assert_false(allows(&history, "aabb"));
	history_fini(&history);
}

static void a_power_cut_may_bring_back_what_was_synced(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aaaa");
	history_synced(&history);
	put(&history, 1, "bb");
	history_flushed(&history);
	history_power_cut(&history);
	assert_true(allows(&history, "aaaa"));
	assert_true(allows(&history, "abba"));
	assert_true(allows(&history, "abaa"));
	assert_false(allows(&history, "abbb"));
	assert_false(allows(&history, "ab"));
	history_fini(&history);
}

static void an_fsync_after_a_power_cut_claims_that_all_is_there(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aaaa");
	history_power_cut(&history);
	history_synced(&history);
	assert_true(allows(&history, "aaaa"));
	assert_false(allows(&history, "aa\1a"));
	history_fini(&history);
}

static void the_death_of_a_mount_may_take_what_was_not_flushed(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aa");
	history_flushed(&history);
	put(&history, 2, "bb");
	history_mount_died(&history);
	assert_true(allows(&history, "aa"));
	assert_true(allows(&history, "aabb"));
	assert_false(allows(&history, "bbbb"));
	assert_int_equal(history.size_min, 2);
	assert_int_equal(history.size_max, 4);
	history_adopt_size(&history, 2);
	history_adopted(&history);
	assert_true(allows(&history, "aa"));
	assert_false(allows(&history, "aabb"));
	history_fini(&history);
}

static void an_acknowledged_truncation_is_never_undone(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aaaa");
	history_synced(&history);
	history_truncate(&history, 1);
	history_truncate(&history, 4);
	history_power_cut(&history);
	assert_false(allows(&history, "aaaa"));
	u64 wrong;
	assert_true(history_allows(&history, 0, 4, (const u8 *)"a\0\0\0", 4, &wrong));
	history_fini(&history);
}

static void a_change_that_failed_may_have_happened(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aaaa");
	history_synced(&history);
	history_truncate(&history, 2);
	history_doubt_last(&history);
	assert_true(allows(&history, "aaaa"));
	assert_true(allows(&history, "aa"));
	assert_int_equal(history.size_min, 2);
	assert_int_equal(history.size_max, 4);
	history_adopt_size(&history, 4); /* It did not. */
	u64 offset, length;
	assert_true(history_next_range(&history, 0, 100, &offset, &length));
	assert_int_equal(offset, 2);
	history_fini(&history);
}

static void a_hole_may_come_back_after_a_power_cut_unless_it_took_the_chunk(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aaaa");
	history_synced(&history);
	history_punch(&history, 1, 2);
	assert_true(allows_bytes(&history, "a\0\0a", 4));
	assert_false(allows_bytes(&history, "aaaa", 4));
	history_power_cut(&history);
	assert_int_equal(history_size(&history), 4);
	assert_true(allows_bytes(&history, "a\0\0a", 4));
	assert_true(allows_bytes(&history, "aaaa", 4));
	/* To the end: the master has dropped the chunk, and that is in its log. */
	history_punch(&history, 0, 100);
	assert_true(allows_bytes(&history, "\0\0\0\0", 4));
	assert_false(allows_bytes(&history, "aaaa", 4));
	assert_true(history_may_be_lost(&history, 0, 4, DFS_CHUNK_SHIFT));
	history_fini(&history);
}

static void growing_changes_no_byte_and_is_never_undone(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aaaa");
	history_grow(&history, 2);
	assert_int_equal(history_size(&history), 4);
	history_grow(&history, 6);
	assert_true(allows_bytes(&history, "aaaa\0\0", 6));
	history_mount_died(&history);
	/* The write is lost, the length is not. */
	assert_true(history.size_uncertain);
	assert_int_equal(history.size_min, 6);
	assert_int_equal(history.size_max, 6);
	assert_true(allows_bytes(&history, "\0\0\0\0\0\0", 6));
	history_fini(&history);
}

static void what_is_stored_at_once_is_part_of_any_size(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aaaa");
	history_synced(&history);
	put(&history, 4, "bb");
	history_doubt_last(&history);
	put(&history, 6, "cc"); /* As a clone does. */
	history_stored(&history);
	assert_true(history.size_uncertain);
	assert_int_equal(history_size_least(&history, DFS_CHUNK_SHIFT), 8);
	assert_int_equal(history_size_most(&history), 8);
	history_fini(&history);
}

static void holes_are_where_nothing_but_zeros_is(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 8192, "a");
	assert_true(history_may_be_hole(&history, 0, 8192));
	assert_false(history_may_be_hole(&history, 0, 8193));
	assert_true(history_may_be_hole(&history, 8193, UINT64_MAX));
	history_punch(&history, 8192, 1);
	assert_true(history_may_be_hole(&history, 0, 8193));
	history_fini(&history);
}

enum { CHUNK_SHIFT = 4 };

static void a_told_loss_takes_what_was_held_back_for_a_chunk_that_may_be_gone(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aa");
	history_flushed(&history);
	put(&history, 2, "bb");
	history_held_back_lost(&history, CHUNK_SHIFT); /* No power was cut. */
	assert_false(history.size_uncertain);
	assert_int_equal(history_size_least(&history, CHUNK_SHIFT), 4);
	history_power_cut(&history);
	assert_false(history.size_uncertain);
	assert_int_equal(history_size_least(&history, CHUNK_SHIFT), 2);
	assert_int_equal(history_size_most(&history), 4);
	history_held_back_lost(&history, CHUNK_SHIFT);
	assert_int_equal(history.size_min, 2);
	assert_int_equal(history.size_max, 4);
	assert_true(allows(&history, "aa"));
	assert_true(allows(&history, "aabb"));
	history_fini(&history);
}

static void what_was_held_back_for_a_synced_chunk_stays(void **state)
{
	(void)state;
	struct history history = {0};
	put(&history, 0, "aa");
	history_synced(&history);
	put(&history, 2, "bb");
	history_power_cut(&history);
	history_held_back_lost(&history, CHUNK_SHIFT);
	assert_false(history.size_uncertain);
	assert_int_equal(history_size_least(&history, CHUNK_SHIFT), 4);
	/* The next chunk has never been synced. */
	put(&history, 1 << CHUNK_SHIFT, "c");
	history_held_back_lost(&history, CHUNK_SHIFT);
	assert_int_equal(history.size_min, 4);
	assert_int_equal(history.size_max, (1 << CHUNK_SHIFT) + 1);
	history_fini(&history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_crash_only_the_last_bytes_are_right),
	    cmocka_unit_test(a_power_cut_may_bring_back_what_was_synced),
	    cmocka_unit_test(an_fsync_after_a_power_cut_claims_that_all_is_there),
	    cmocka_unit_test(the_death_of_a_mount_may_take_what_was_not_flushed),
	    cmocka_unit_test(an_acknowledged_truncation_is_never_undone),
	    cmocka_unit_test(a_change_that_failed_may_have_happened),
	    cmocka_unit_test(a_hole_may_come_back_after_a_power_cut_unless_it_took_the_chunk),
	    cmocka_unit_test(growing_changes_no_byte_and_is_never_undone),
	    cmocka_unit_test(what_is_stored_at_once_is_part_of_any_size),
	    cmocka_unit_test(holes_are_where_nothing_but_zeros_is),
	    cmocka_unit_test(a_told_loss_takes_what_was_held_back_for_a_chunk_that_may_be_gone),
	    cmocka_unit_test(what_was_held_back_for_a_synced_chunk_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
