/*
 * The decoder of access control lists, and what is done with a list that it took. Input: a mode,
 * then the value.
 */
#include "master/core/acl.h"
#include "tests/fuzz/fuzz.h"

enum { MODE_BYTES = 2 };

static bool owner_and_others_match(const struct ms_acl *acl, u32 mode)
{
	u32 told;
	(void)ms_acl_mode(acl, mode, &told);
	return told == mode;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct ms_acl acl, again;
	u8 value[MS_ACL_BYTES_MAX];
	if (size < MODE_BYTES)
		return 0;
	u32 mode = ((u32)data[0] | (u32)data[1] << 8) & 07777;
	if (ms_acl_decode(dfs_span(data + MODE_BYTES, size - MODE_BYTES), &acl) != 0 ||
	    acl.count == 0)
		return 0;
	/* One form: as long as what came in, and it stays as it is. */
	u32 bytes = ms_acl_encode(&acl, value);
	DFS_ASSERT(bytes == size - MODE_BYTES);
	DFS_ASSERT(ms_acl_decode(dfs_span(value, bytes), &again) == 0);
	DFS_ASSERT(again.count == acl.count);
	DFS_ASSERT(memcmp(again.v, acl.v, acl.count * sizeof(acl.v[0])) == 0);
	/* Whatever is done to list and mode, they agree. */
	ms_acl_follow(&again, mode);
	DFS_ASSERT(owner_and_others_match(&again, mode));
	u32 made;
	(void)ms_acl_inherit(&acl, mode, &made);
	DFS_ASSERT((made & ~mode) == 0);
	DFS_ASSERT(owner_and_others_match(&acl, made));
	bytes = ms_acl_encode(&acl, value);
	DFS_ASSERT(ms_acl_decode(dfs_span(value, bytes), &again) == 0);
	return 0;
}

size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity)
{
	struct ms_acl acl = {0};
	u32 users = (u32)dfs_prng_below(prng, 4);
	u32 groups = (u32)dfs_prng_below(prng, 4);
	u32 mask = users + groups > 0 ? 1 : (u32)dfs_prng_below(prng, 2);
	const struct {
		u32 tag, count;
	} parts[] = {
	    {MS_ACL_USER_OBJ, 1},   {MS_ACL_USER, users}, {MS_ACL_GROUP_OBJ, 1},
	    {MS_ACL_GROUP, groups}, {MS_ACL_MASK, mask},  {MS_ACL_OTHER, 1},
	};
	for (size_t i = 0; i < dfs_array_count(parts); i++) {
		bool named = parts[i].tag == MS_ACL_USER || parts[i].tag == MS_ACL_GROUP;
		for (u32 j = 0; j < parts[i].count; j++)
			acl.v[acl.count++] = (struct ms_acl_entry){
			    .tag = (u16)parts[i].tag,
			    .permissions = (u16)dfs_prng_below(prng, 8),
			    .id = named ? (u32)dfs_prng_below(prng, 70000) : UINT32_MAX,
			};
	}
	DFS_ASSERT(capacity >= MODE_BYTES + MS_ACL_BYTES_MAX);
	data[0] = (u8)dfs_prng_below(prng, 256);
	data[1] = (u8)dfs_prng_below(prng, 16);
	return MODE_BYTES + ms_acl_encode(&acl, data + MODE_BYTES);
}
