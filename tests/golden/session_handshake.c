/*
 * The handshake as it lies on the wire, byte for byte, with the reason each refusal gives: printed
 * and compared with session_handshake.txt. A difference means that older peers see it too.
 */
#include "libdfsproto/wire/frame.h"
#include "tests/unit/session_pair.h"

#include <stdio.h>

static void print_hex(const u8 *data, u32 length)
{
	for (u32 i = 0; i < length; i++)
		printf("%s%02x", i % 32 == 0 ? "\n    " : "", data[i]);
	printf("\n");
}

/* Every frame that a side sent, as text and as bytes. */
static void print_said(const char *who, const struct pair_pipe *said)
{
	struct dfs_framer *framer = dfs_framer_new();
	struct dfs_frame frame;
	u8 *room;
	u32 room_bytes;
	dfs_framer_room(framer, &room, &room_bytes);
	DFS_ASSERT(room_bytes >= said->length);
	memcpy(room, said->data, said->length);
	dfs_framer_received(framer, said->length);
	while (dfs_framer_next(framer, &frame) == 1) {
		char data[4096];
		struct dfs_text text = {.data = data, .capacity = sizeof(data)};
		/* The one request here is GETATTR, whose reply's row is the next one. */
		u16 row = (u16)(frame.type + (frame.flags & DFS_FRAME_REPLY));
		dfs_msg_dump(&text, row, frame.body, frame.version);
		printf("%s: version=%u request=%llu flags=%u status=%d %s", who, frame.version,
		       (unsigned long long)frame.request, frame.flags, frame.status, data);
		print_hex(frame.body.data - DFS_FRAME_HEADER_BYTES,
			  DFS_FRAME_HEADER_BYTES + frame.body.length);
	}
	dfs_framer_free(framer);
}

static void scenario(const char *name, void (*change)(struct session_pair *pair), bool request)
{
	struct session_pair pair;
	pair_init(&pair, 1);
	pair.recording = true;
	pair.on_event = pair_echo;
	if (change != NULL)
		change(&pair);
	pair_start(&pair);
	if (request)
		pair_request(&pair, PAIR_CONNECTOR, 5, 0);
	pair_settle(&pair);
	printf("== %s\n", name);
	print_said("connector", &pair.ends[PAIR_CONNECTOR].said);
	print_said("acceptor", &pair.ends[PAIR_ACCEPTOR].said);
	for (u32 i = 0; i < pair.events_count; i++) {
		static const char *const kinds[] = {"up", "lost", "refused", "request", "reply"};
		const struct pair_event *event = &pair.events[i];
		printf("%s hears: %s %s %s\n",
		       event->side == PAIR_CONNECTOR ? "connector" : "acceptor", kinds[event->kind],
		       dfs_error_name(event->status), event->text);
	}
	pair_fini(&pair);
}

static void change_key(struct session_pair *pair)
{
	pair->ends[PAIR_CONNECTOR].identity.key[0]++;
}

static void change_cluster(struct session_pair *pair)
{
	pair->ends[PAIR_CONNECTOR].identity.cluster++;
}

static void change_roles(struct session_pair *pair)
{
	pair->roles = 1u << DFS_ROLE_CHUNKSERVER;
}

static void change_expectation(struct session_pair *pair)
{
	pair->expect_role = DFS_ROLE_CHUNKSERVER;
}

int main(void)
{
	scenario("a handshake and a request", NULL, true);
	scenario("another key", change_key, false);
	scenario("another cluster", change_cluster, false);
	scenario("a role that is not served", change_roles, false);
	scenario("a role that was not expected", change_expectation, false);
	return 0;
}
