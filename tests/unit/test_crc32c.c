/*
 * base/crc32c.h: the published check values (RFC 3720, B.4), and any split gives the same.
 */
#include "libdfsproto/base/crc32c.h"
#include "libdfsproto/base/prng.h"
#include "tests/unit/unit.h"

static void published_values_come_out(void **state)
{
	(void)state;
	u8 bytes[32];
	assert_int_equal(dfs_crc32c("123456789", 9), 0xe3069283);
	assert_int_equal(dfs_crc32c("", 0), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(dfs_crc32c(bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(dfs_crc32c(bytes, 32), 0x62a8ab43);
	for (u32 i = 0; i < 32; i++)
		bytes[i] = (u8)i;
	assert_int_equal(dfs_crc32c(bytes, 32), 0x46dd794e);
	for (u32 i = 0; i < 32; i++)
		bytes[i] = (u8)(31 - i);
	assert_int_equal(dfs_crc32c(bytes, 32), 0x113fdb5c);
}

/* Bit by bit, from the polynomial. */
static u32 slow_crc32c(const u8 *data, size_t length)
{
	u32 crc = ~0u;
	for (size_t i = 0; i < length; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
	}
	return ~crc;
}

static void every_split_gives_the_same(void **state)
{
	(void)state;
	u8 bytes[3000];
	struct dfs_prng prng;
	dfs_prng_seed(&prng, 4);
	for (u32 i = 0; i < sizeof(bytes); i++)
		bytes[i] = (u8)dfs_prng_next(&prng);
	u32 whole = dfs_crc32c(bytes, sizeof(bytes));
	assert_int_equal(whole, slow_crc32c(bytes, sizeof(bytes)));
	for (u32 at = 0; at <= sizeof(bytes); at++) {
		u32 crc = dfs_crc32c_extend(0, bytes, at);
		assert_int_equal(dfs_crc32c_extend(crc, bytes + at, sizeof(bytes) - at), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_values_come_out),
	    cmocka_unit_test(every_split_gives_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
