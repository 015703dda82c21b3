/*
 * Proof of the cluster key, and nonces: HMAC-SHA256 (RFC 2104, FIPS 198-1) by OpenSSL.
 *
 * The only file of the library that calls OpenSSL. Nonces are HMACs of a counter under the seed
 * that came with EV_BOOT, so that a core needs no randomness of its own and a simulation repeats
 * exactly. Used by handshake.c.
 */
#include "libdfsproto/session/session_i.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

_Static_assert(DFS_SEED_BYTES == DFS_KEY_BYTES, "a seed can be a key");

/* Label, a and b are hashed one after the other. The label's length is fixed by the message kind
 * and both bodies code their own lengths, so no two different inputs give the same bytes. */
void dfs_auth_proof(const u8 key[DFS_KEY_BYTES], const char *label, struct dfs_span a,
		    struct dfs_span b, u8 ret_proof[32])
{
	struct dfs_buf *text = dfs_buf_new((u32)strlen(label) + a.length + b.length);
	struct dfs_span parts[] = {dfs_span_text(label), a, b};
	for (u32 i = 0; i < dfs_array_count(parts); i++) {
		if (parts[i].length > 0)
			memcpy(text->data + text->length, parts[i].data, parts[i].length);
		text->length += parts[i].length;
	}
	u32 length = 0;
	u8 proof[EVP_MAX_MD_SIZE];
	const u8 *made =
	    HMAC(EVP_sha256(), key, DFS_KEY_BYTES, text->data, text->length, proof, &length);
	dfs_buf_unref(text);
	DFS_ASSERT(made != NULL);
	DFS_ASSERT(length == DFS_PROOF_BYTES);
	memcpy(ret_proof, proof, DFS_PROOF_BYTES);
}

void session_nonce(struct dfs_identity *identity, u8 ret_nonce[DFS_NONCE_BYTES])
{
	u8 counter[8];
	dfs_store_u64(counter, ++identity->nonces);
	dfs_auth_proof(identity->seed, "dfs nonce 1", dfs_span(counter, sizeof(counter)),
		       (struct dfs_span){0}, ret_nonce);
}

bool session_proof_equal(struct dfs_span a, const u8 b[DFS_PROOF_BYTES])
{
	return a.length == DFS_PROOF_BYTES && CRYPTO_memcmp(a.data, b, DFS_PROOF_BYTES) == 0;
}
