/*
 * SipHash-2-4 against the vectors of its reference implementation (key 00..0f, message 00..n-1).
 */
#include "master/core/name_hash.h"
#include "tests/unit/ms_world.h"

static void the_hash_is_siphash_2_4(void **unused)
{
	(void)unused;
	const u64 key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	u8 message[15];
	for (u32 i = 0; i < sizeof(message); i++)
		message[i] = (u8)i;
	assert_true(ms_name_hash(key, dfs_span(message, 0)) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(ms_name_hash(key, dfs_span(message, 1)) == UINT64_C(0x74f839c593dc67fd));
	assert_true(ms_name_hash(key, dfs_span(message, 8)) == UINT64_C(0x93f5f5799a932462));
	/* The paper's appendix A. */
	assert_true(ms_name_hash(key, dfs_span(message, 15)) == UINT64_C(0xa129ca6149be45e5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_hash_is_siphash_2_4),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
