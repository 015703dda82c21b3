/*
 * base/errors.h: the table holds together.
 */
#include "libdfsproto/base/errors.h"
#include "tests/unit/unit.h"

#include <errno.h>

static const int all[] = {
#define ERROR(name, number, posix, retry, text) DFS_E##name,
#include "libdfsproto/schema/errors.def"
#undef ERROR
};

static void every_error_is_complete_and_unique(void **state)
{
	(void)state;
	for (u32 i = 0; i < dfs_array_count(all); i++) {
		assert_true(all[i] < 0);
		assert_true(all[i] >= INT16_MIN); /* A frame's status. */
		assert_true(dfs_error_known(all[i]));
		assert_true(dfs_error_errno(all[i]) > 0);
		assert_string_not_equal(dfs_error_name(all[i]), "UNKNOWN");
		assert_true(strlen(dfs_error_text(all[i])) > 5);
		for (u32 j = 0; j < i; j++) {
			assert_int_not_equal(all[i], all[j]);
			assert_string_not_equal(dfs_error_name(all[i]), dfs_error_name(all[j]));
		}
	}
}

static void success_and_strangers_have_answers_too(void **state)
{
	(void)state;
	assert_int_equal(dfs_error_errno(0), 0);
	assert_string_equal(dfs_error_name(0), "OK");
	assert_true(dfs_error_known(0));
	assert_false(dfs_error_known(-30000));
	assert_false(dfs_error_known(1));
	assert_int_equal(dfs_error_errno(-30000), EIO);
	assert_string_equal(dfs_error_name(-30000), "UNKNOWN");
}

static void errnos_map_back(void **state)
{
	(void)state;
	assert_int_equal(dfs_error_from_errno(0), 0);
	assert_int_equal(dfs_error_from_errno(ENOENT), DFS_ENOENT);
	assert_int_equal(dfs_error_from_errno(EIO), DFS_EIO);
	assert_int_equal(dfs_error_from_errno(ENOSPC), DFS_ENOSPC);
	assert_int_equal(dfs_error_from_errno(ELNRNG), DFS_EIO);
}

static void retry_classes_are_those_of_the_table(void **state)
{
	(void)state;
	assert_int_equal(dfs_error_retry(DFS_ENOENT), DFS_RETRY_FINAL);
	assert_int_equal(dfs_error_retry(DFS_EBUSY), DFS_RETRY_AGAIN);
	assert_int_equal(dfs_error_retry(DFS_ENOT_LEADER), DFS_RETRY_ELSEWHERE);
	assert_int_equal(dfs_error_retry(-30000), DFS_RETRY_FINAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_error_is_complete_and_unique),
	    cmocka_unit_test(success_and_strangers_have_answers_too),
	    cmocka_unit_test(errnos_map_back),
	    cmocka_unit_test(retry_classes_are_those_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
