/*
 * See chained.h.
 */
#include "libdfsproto/wire/chained.h"

#define FROM_REPLY(NAME, name)                                                                     \
	case DFS_MSG_##NAME: {                                                                     \
		struct dfs_##name##_reply reply;                                                   \
		int status = dfs_##name##_reply_decode(body, version, &reply);                     \
		if (status == 0)                                                                   \
			*ret_chained = reply.chained;                                              \
		return status;                                                                     \
	}

int dfs_chained_of(u16 type, struct dfs_span body, u16 version, struct dfs_chained *ret_chained)
{
	switch (type) {
		FROM_REPLY(WRITE, write)
		FROM_REPLY(SYNC, sync)
		FROM_REPLY(PUNCH, punch)
	default:
		*ret_chained = (struct dfs_chained){0};
		return 0;
	}
}
