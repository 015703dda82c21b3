/*
 * The generated codecs, and look-ups by number.
 */
#include "libdfsproto/wire/messages.h"

#define DFS_TABLE "libdfsproto/schema/wire.def"
#include "libdfsproto/wire/rows_code.h"
#undef DFS_TABLE
#define DFS_TABLE "libdfsproto/schema/ops.def"
#include "libdfsproto/wire/rows_code.h"
#undef DFS_TABLE

#define RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc)
#define BYTES(name, max, unit, since, doc)
#define INLINE(record, name, since, doc)
#define LIST(record, name, max, since, doc)
#define END(name)

#define MSG(NAME, name, number, since, doc)                                                        \
	case number:                                                                               \
		return #NAME;
const char *dfs_msg_name(u16 type)
{
	switch (type) {
#include "libdfsproto/schema/wire.def"
	default:
		return "UNKNOWN";
	}
}

const char *dfs_op_name(u16 op)
{
	switch (op) {
#include "libdfsproto/schema/ops.def"
	default:
		return "UNKNOWN";
	}
}
#undef MSG

#define MSG(NAME, name, number, since, doc)                                                        \
	case number:                                                                               \
		return number >= DFS_MSG_REQUESTS && !is_reply(#NAME);
static bool is_reply(const char *name)
{
	static const char suffix[] = "_REPLY";
	size_t length = strlen(name);
	return length >= sizeof(suffix) &&
	       strcmp(name + length - (sizeof(suffix) - 1), suffix) == 0;
}

bool dfs_msg_is_request(u16 type)
{
	switch (type) {
#include "libdfsproto/schema/wire.def"
	default:
		return false;
	}
}
#undef MSG

#define MSG(NAME, name, number, since, doc)                                                        \
	case number: {                                                                             \
		struct dfs_##name value;                                                           \
		if (dfs_##name##_decode(body, version, &value) != 0) {                             \
			dfs_text_add(text, "malformed %s", #NAME);                                 \
			break;                                                                     \
		}                                                                                  \
		dfs_##name##_dump(text, &value);                                                   \
		break;                                                                             \
	}
void dfs_msg_dump(struct dfs_text *text, u16 type, struct dfs_span body, u16 version)
{
	switch (type) {
#include "libdfsproto/schema/wire.def"
	default:
		dfs_text_add(text, "unknown message %u", type);
	}
}

void dfs_op_dump(struct dfs_text *text, u16 op, struct dfs_span body, u16 version)
{
	switch (op) {
#include "libdfsproto/schema/ops.def"
	default:
		dfs_text_add(text, "unknown operation %u", op);
	}
}
#include "libdfsproto/wire/rows_end.h"
