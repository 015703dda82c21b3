/*
 * What is said on links, as lines for people: one per frame, when it is sent.
 */
#include "tests/sim/sim_i.h"

#include "libdfsproto/wire/frame.h"
#include "libdfsproto/wire/messages.h"

static const char *peer_name(const struct end *end)
{
	const struct end *peer = (end->tag & DFS_LINK_ACCEPTED) != 0 ? end - 1 : end + 1;
	return peer->node == NULL ? "?" : peer->node->spec.name;
}

void trace_send(struct sim_node *node, const struct end *to, const struct dfs_fx *fx)
{
	struct sim *sim = node->sim;
	if (sim->trace == NULL || fx->buf->length < DFS_FRAME_HEADER_BYTES)
		return;
	const u8 *header = fx->buf->data;
	u16 type = dfs_load_u16(header + 6);
	u16 flags = dfs_load_u16(header + 8);
	int status = (int16_t)dfs_load_u16(header + 10);
	if (dfs_load_u32(header) != DFS_FRAME_MAGIC)
		return;
	if (type == DFS_MSG_PING && sim->trace_level < DFS_LOG_DEBUG)
		return;
	char line[600] = "";
	struct dfs_text text = {.data = line, .capacity = sizeof(line)};
	bool reply = (flags & DFS_FRAME_REPLY) != 0;
	struct dfs_span body =
	    dfs_span(header + DFS_FRAME_HEADER_BYTES, fx->buf->length - DFS_FRAME_HEADER_BYTES);
	if (reply && status < 0)
		dfs_text_add(&text, "%s", dfs_error_name(status));
	else if (body.length > 0)
		dfs_msg_dump(&text, reply ? (u16)(type + 1) : type, body, DFS_PROTOCOL_VERSION);
	sim_trace(sim, "%-8s -> %-8s %s%s #%llu %s%s", node->spec.name, peer_name(to),
		  dfs_msg_name(type), reply ? " answered" : "",
		  (unsigned long long)dfs_load_u64(header + 12), line,
		  fx->payload_bytes > 0 ? " + payload" : "");
}
