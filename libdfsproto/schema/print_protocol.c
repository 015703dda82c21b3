/*
 * Prints libdfsproto/PROTOCOL.md from the tables: wire.def, ops.def, errors.def, limits.def. What
 * the tables cannot say (frame, handshake, rules of a session) stands here as text, with its
 * numbers taken from the headers. `cmake --build build/dev --target protocol` writes the page; the
 * test golden/protocol fails when the committed page differs.
 */
#include "libdfsproto/session/session.h"
#include "libdfsproto/wire/frame.h"

#include <stdio.h>

/* Text inside a table's cell. */
static void cell(const char *text)
{
	for (; *text != 0; text++) {
		if (*text == '|')
			putchar('\\');
		putchar(*text);
	}
}

static void title(const char *name, const char *number, const char *doc)
{
	printf("\n#### %s%s%s\n%s\n", name, number[0] == 0 ? "" : " ", number, doc);
}

static bool table_begun;

static void row(const char *type, const char *name, const char *unit, const char *since,
		const char *doc)
{
	if (!table_begun)
		printf("\n| type | field | unit | since | meaning |\n|---|---|---|---|---|\n");
	table_begun = true;
	printf("| ");
	cell(type);
	printf(" | %s | ", name);
	cell(unit);
	printf(" | %s | ", since);
	cell(doc);
	printf(" |\n");
}

static void row_bounded(const char *kind, u64 max, const char *name, const char *unit,
			const char *since, const char *doc)
{
	char type[80];
	snprintf(type, sizeof(type), "%s, at most %llu", kind, (unsigned long long)max);
	row(type, name, unit, since, doc);
}

#define RECORD(NAME, name, doc)             title("`" #name "`", "", doc);
#define FIELD(type, name, unit, since, doc) row(#type, "`" #name "`", #unit, #since, doc);
#define BYTES(name, max, unit, since, doc)                                                         \
	row_bounded("bytes", max, "`" #name "`", #unit, #since, doc);
#define INLINE(record, name, since, doc) row(#record, "`" #name "`", "record", #since, doc);
#define LIST(record, name, max, since, doc)                                                        \
	row_bounded("list of " #record, max, "`" #name "`", "records", #since, doc);
#define END(name) table_begun = false;

static void print_messages(void)
{
	printf("\n## Messages\n"
	       "A row gives the field's type, unit and the protocol version that brought it. "
	       "A reply travels under its request's number\nwith the REPLY flag; the numbers of "
	       "*_REPLY rows only order the table.\n");
#define MSG(NAME, name, number, since, doc)                                                        \
	title(#NAME, number < DFS_MSG_REQUESTS || dfs_msg_is_request(number) ? #number : "", doc);
#include "libdfsproto/schema/wire.def"
#undef MSG
}

static void print_operations(void)
{
	printf(
	    "\n## Operations\n"
	    "What MUTATE carries in `body` and the master's log holds. From number %d on they are "
	    "the leading master's own\nand are refused from clients.\n",
	    DFS_OP_FROM_LEADER);
#define MSG(NAME, name, number, since, doc) title(#NAME, #number, doc);
#include "libdfsproto/schema/ops.def"
}
#include "libdfsproto/wire/rows_end.h"

static void print_frame(void)
{
	printf(
	    "# The dfs protocol\n"
	    "Version %d; oldest version spoken: %d. Generated from `libdfsproto/schema/*.def` by "
	    "`cmake --build build/dev --target protocol`;\ndo not edit.\n\n"
	    "Runs over TCP or a unix socket. All integers are little-endian; nothing is "
	    "padded.\n\n",
	    DFS_PROTOCOL_VERSION, DFS_PROTOCOL_VERSION_MIN);
	printf("## Frame\n"
	       "Header of %d bytes, then the body (coded as below), then the raw payload.\n\n"
	       "| at | type | field | meaning |\n|---|---|---|---|\n"
	       "| 0 | u32 | magic | 0x%08x: `dfs1` in memory order |\n"
	       "| 4 | u16 | version | protocol version the body is coded with |\n"
	       "| 6 | u16 | type | message number; a reply has its request's |\n"
	       "| 8 | u16 | flags | %d REPLY; other bits are malformed |\n"
	       "| 10 | s16 | status | replies: 0 or a negated error number; else 0 |\n"
	       "| 12 | u64 | request | id chosen by who asks, returned in the reply; 0 for session "
	       "messages |\n"
	       "| 20 | u32 | body | bytes, at most %d |\n"
	       "| 24 | u32 | payload | bytes, at most %d |\n"
	       "| 28 | u32 | crc | CRC32C of bytes 0 to 27 and the body |\n\n",
	       DFS_FRAME_HEADER_BYTES, DFS_FRAME_MAGIC, DFS_FRAME_REPLY, DFS_BODY_BYTES_MAX,
	       DFS_PAYLOAD_BYTES_MAX);
	printf(
	    "The header's checksum does not cover the payload: WRITE and READ carry one CRC32C "
	    "per %d-byte block in their bodies.\n"
	    "A wrong magic, checksum, flag, status or length ends the link. A request of unknown "
	    "type is answered with NOSYS; a body\nthat does not decode with MALFORMED.\n\n",
	    DFS_BLOCK_BYTES);
	printf("## Coding\n"
	       "| type | bytes |\n|---|---|\n"
	       "| u8 u16 u32 u64 s64 | the integer, 1 to 8 bytes; s64 in two's complement |\n"
	       "| bytes | u32 length, then so many bytes |\n"
	       "| record | its fields in place |\n"
	       "| list | u32 count, u32 bytes, then the records one after another |\n\n"
	       "Lengths and counts above their bounds, bytes left over and bytes missing are "
	       "malformed. Fields newer than the frame's\nversion are left out by the sender and "
	       "zero for the receiver.\n");
}

static void print_session(void)
{
	printf(
	    "\n## Session\n"
	    "```\n"
	    "opener                              acceptor\n"
	    "  HELLO      -------------------->    checks versions, cluster, role\n"
	    "  checks     <--------------------  CHALLENGE, with its proof\n"
	    "  PROVE      -------------------->    checks the proof; up\n"
	    "  up         <--------------------  READY\n"
	    "```\n"
	    "- Proofs are HMAC-SHA256 under the cluster's key of %d bytes, over a label (14 and 12 "
	    "ASCII bytes, no NUL) and bodies as sent:\n"
	    "  the acceptor's of `dfs acceptor 1`, HELLO body, CHALLENGE body with an empty proof; "
	    "the opener's of `dfs opener 1`, HELLO\n  body, CHALLENGE body. Nonces have 32 bytes "
	    "and are never used twice.\n"
	    "- HELLO and REFUSE are coded with version 1 for ever; CHALLENGE chooses the newest "
	    "version both speak, which all that follows uses.\n"
	    "- Who finds a fault sends REFUSE, with an error and a sentence for people, and "
	    "closes.\n"
	    "- Before the session is up only the message that is due is taken, bodies have at most "
	    "%d bytes and there are no payloads.\n",
	    DFS_KEY_BYTES, DFS_HANDSHAKE_BODY_BYTES_MAX);
	printf("- Then requests flow both ways, each side numbering its own. Replies come in any "
	       "order. At most as many requests are\n"
	       "  unanswered as the other side gave credits.\n"
	       "- Who has sent nothing for a heartbeat (CHALLENGE) sends PING, which has no reply. "
	       "Who has heard nothing for three\n  heartbeats closes the link.\n"
	       "- After a loss the opener connects anew and sends what was not answered again, in "
	       "order and under the same ids.\n"
	       "  Mutations carry (session, sequence), so that each takes effect once.\n"
	       "- A new link of a node replaces its old one.\n");
}

static void print_limits(void)
{
	printf("\n## Limits\n| name | value | unit | meaning |\n|---|---|---|---|\n");
#define LIMIT(name, value, unit, meaning)                                                          \
	printf("| %s | %llu | %s | ", #name, (unsigned long long)(value), #unit);                  \
	cell(meaning);                                                                             \
	printf(" |\n");
#include "libdfsproto/schema/limits.def"
#undef LIMIT
}

static void print_errors(void)
{
	printf(
	    "\n## Errors\n"
	    "Retry: FINAL is an answer; AGAIN later at the same peer; ELSEWHERE at another one.\n\n"
	    "| number | name | errno of system calls | retry | meaning |\n|---|---|---|---|---|\n");
#define ERROR(name, number, posix, retry, text)                                                    \
	printf("| %d | %s | %s | %s | ", number, #name, #posix, #retry);                           \
	cell(text);                                                                                \
	printf(" |\n");
#include "libdfsproto/schema/errors.def"
#undef ERROR
}

int main(void)
{
	print_frame();
	print_session();
	print_messages();
	print_operations();
	print_errors();
	print_limits();
	return fflush(stdout) == 0 ? 0 : 1;
}
