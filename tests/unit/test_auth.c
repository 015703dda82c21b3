/*
 * session/auth.c: HMAC-SHA256 against the published vectors (RFC 4231), nonces, comparison.
 */
#include "libdfsproto/session/session_i.h"
#include "tests/unit/unit.h"

/* RFC 4231, test case 3 is for a 20-byte key; ours has 32 bytes, and HMAC pads keys with zeros, so
 * a shorter key followed by zeros is the same key. */
static void published_values_come_out(void **state)
{
	(void)state;
	u8 key[32] = {0}, data[50], proof[32];
	static const u8 expected[32] = {0x77, 0x3e, 0xa9, 0x1e, 0x36, 0x80, 0x0e, 0x46,
					0x85, 0x4d, 0xb8, 0xeb, 0xd0, 0x91, 0x81, 0xa7,
					0x29, 0x59, 0x09, 0x8b, 0x3e, 0xf8, 0xc1, 0x22,
					0xd9, 0x63, 0x55, 0x14, 0xce, 0xd5, 0x65, 0xfe};
	memset(key, 0xaa, 20);
	memset(data, 0xdd, sizeof(data));
	dfs_auth_proof(key, "", dfs_span(data, 20), dfs_span(data, 30), proof);
	assert_memory_equal(proof, expected, 32);

	/* Case 2: "Jefe". */
	static const u8 expected2[32] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
					 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
					 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
					 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
	u8 jefe[32] = "Jefe";
	dfs_auth_proof(jefe, "what do ya want ", dfs_span_text("for nothing?"),
		       (struct dfs_span){0}, proof);
	assert_memory_equal(proof, expected2, 32);
}

static void labels_and_keys_make_different_proofs(void **state)
{
	(void)state;
	u8 key[32] = {1}, a[32], b[32];
	struct dfs_span body = dfs_span_text("body");
	dfs_auth_proof(key, "dfs acceptor 1", body, body, a);
	dfs_auth_proof(key, "dfs opener 1", body, body, b);
	assert_memory_not_equal(a, b, 32);
	key[31] = 1;
	dfs_auth_proof(key, "dfs acceptor 1", body, body, b);
	assert_memory_not_equal(a, b, 32);
}

static void nonces_never_repeat_and_follow_the_seed(void **state)
{
	(void)state;
	struct dfs_identity one = {.seed = {7}}, two = {.seed = {7}}, other = {.seed = {8}};
	u8 made[50][32], again[32];
	for (u32 i = 0; i < 50; i++) {
		session_nonce(&one, made[i]);
		for (u32 j = 0; j < i; j++)
			assert_memory_not_equal(made[i], made[j], 32);
	}
	session_nonce(&two, again);
	assert_memory_equal(again, made[0], 32);
	session_nonce(&other, again);
	assert_memory_not_equal(again, made[0], 32);
}

static void only_an_equal_proof_is_equal(void **state)
{
	(void)state;
	u8 proof[33] = {1, 2, 3}, other[33];
	memcpy(other, proof, sizeof(other));
	assert_true(session_proof_equal(dfs_span(other, 32), proof));
	assert_false(session_proof_equal(dfs_span(other, 31), proof));
	assert_false(session_proof_equal(dfs_span(other, 33), proof));
	assert_false(session_proof_equal((struct dfs_span){0}, proof));
	other[31] ^= 0x80;
	assert_false(session_proof_equal(dfs_span(other, 32), proof));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_values_come_out),
	    cmocka_unit_test(labels_and_keys_make_different_proofs),
	    cmocka_unit_test(nonces_never_repeat_and_follow_the_seed),
	    cmocka_unit_test(only_an_equal_proof_is_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
