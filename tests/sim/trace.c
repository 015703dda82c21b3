/*
 * What is said on links, as lines for people: one per frame, when it is sent. Fields that say
 * nothing about the course of things (times, nonces, checksums) are left out.
 */
#include "tests/sim/sim_i.h"

#include "libdfsproto/wire/frame.h"
#include "libdfsproto/wire/messages.h"

enum { LINE_BYTES = 4096 };

static const char *peer_name(const struct end *end)
{
	const struct end *peer = (end->tag & DFS_LINK_ACCEPTED) != 0 ? end - 1 : end + 1;
	return peer->node == NULL ? "?" : peer->node->spec.name;
}

static bool is_noise(const char *token, size_t length)
{
	static const char *const keys[] = {
	    "allocated",   "atime",       "mtime",   "ctime", "btime", "change",
	    "uid",         "gid",         "rdev",    "crcs",  "nonce", "proof",
	    "host",        "server",      "local",   "acked", "chain", "chunk_shift",
	    "version_min", "version_max", "cluster", "node",  "rdev",  "credits",
	};
	for (u32 i = 0; i < dfs_array_count(keys); i++) {
		size_t key = strlen(keys[i]);
		if (length > key && token[key] == '=' && strncmp(token, keys[i], key) == 0)
			return true;
	}
	return false;
}

/* A token ends at a space that is not inside quotes; brackets around a dropped value stay balanced.
 */
static void leave_out_noise(const char *from, char *to)
{
	const char *start = to;
	while (*from != '\0') {
		const char *end = from;
		bool quoted = false;
		while (*end != '\0' && (quoted || *end != ' ')) {
			if (*end == '"' && (end == from || end[-1] != '\\'))
				quoted = !quoted;
			end++;
		}
		size_t length = (size_t)(end - from);
		bool opens = memchr(from, '{', length) != NULL && memchr(from, '"', length) == NULL;
		if (opens || !is_noise(from, length)) {
			memcpy(to, from, length);
			to += length;
			*to++ = ' ';
		}
		from = *end == '\0' ? end : end + 1;
	}
	while (to > start && to[-1] == ' ')
		to--;
	*to = '\0';
}

/* The operation inside a MUTATE is what people want to see of it. */
static bool dump_operation(struct dfs_text *text, struct dfs_span body)
{
	struct dfs_mutate mutate;
	if (dfs_mutate_decode(body, DFS_PROTOCOL_VERSION, &mutate) != 0)
		return false;
	dfs_text_add(text, "MUTATE{ sequence=%llu ", (unsigned long long)mutate.sequence);
	dfs_op_dump(text, mutate.op, mutate.body, DFS_PROTOCOL_VERSION);
	dfs_text_add(text, " }");
	return true;
}

static void dump(struct dfs_text *text, u16 type, bool reply, int status, struct dfs_span body)
{
	if (body.length == 0 || (reply && status < 0))
		dfs_text_add(text, "%s%s%s", dfs_msg_name(type), reply ? " answered" : "",
			     reply && status == 0 ? "" : " ");
	if (reply && status < 0)
		dfs_text_add(text, "%s", dfs_error_name(status));
	else if (reply && body.length > 0)
		dfs_msg_dump(text, (u16)(type + 1), body, DFS_PROTOCOL_VERSION);
	else if (body.length > 0 && (type != DFS_MSG_MUTATE || !dump_operation(text, body)))
		dfs_msg_dump(text, type, body, DFS_PROTOCOL_VERSION);
}

void trace_send(struct sim_node *node, const struct end *to, const struct dfs_fx *fx)
{
	struct sim *sim = node->sim;
	if (sim->trace == NULL || fx->buf->length < DFS_FRAME_HEADER_BYTES)
		return;
	const u8 *header = fx->buf->data;
	u16 type = dfs_load_u16(header + 6);
	bool reply = (dfs_load_u16(header + 8) & DFS_FRAME_REPLY) != 0;
	int status = (int16_t)dfs_load_u16(header + 10);
	if (dfs_load_u32(header) != DFS_FRAME_MAGIC ||
	    (type == DFS_MSG_PING && sim->trace_level < DFS_LOG_DEBUG))
		return;
	char line[LINE_BYTES] = "", shorter[LINE_BYTES];
	struct dfs_text text = {.data = line, .capacity = sizeof(line) - 2};
	dump(&text, type, reply, status,
	     dfs_span(header + DFS_FRAME_HEADER_BYTES, fx->buf->length - DFS_FRAME_HEADER_BYTES));
	leave_out_noise(line, shorter);
	char payload[40] = "";
	if (fx->payload_bytes > 0)
		snprintf(payload, sizeof(payload), " + %u bytes", fx->payload_bytes);
	sim_trace(sim, "%-8s -> %-8s %s%s", node->spec.name, peer_name(to), shorter, payload);
}
