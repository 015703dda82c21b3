/*
 * What the commands share: peers and questions to them, output, and how a command ends.
 *
 * A command starts with ad_<command>_start(), asks with ad_ask(), hears by its `answered`, and ends
 * with ad_finish(). Each question ends in exactly one answer: the peer's, or a failure after the
 * time-out or when the peer refuses us; ad_finish() drops those still open.
 */
#ifndef DFS_ADMIN_ADMIN_I_H
#define DFS_ADMIN_ADMIN_I_H

#include "admin/core/admin.h"
#include "admin/core/json.h"
#include "libdfsproto/base/list.h"
#include "libdfsproto/base/map.h"

enum { AD_MASTERS_MAX = 16 };

/* The master (whichever leads), or one chunkserver. */
struct ad_peer {
	struct dfs_list in_all;
	struct dfs_list requests; /* struct ad_request, in order of deadline. */
	struct dfs_session *session;
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	u64 node; /* Chunkservers: as the master knows it. */
	bool was_up;
	int refusal; /* 0, or why it will have nothing to do with us. */
	char refusal_text[DFS_TEXT_BYTES_MAX + 1];
};

struct ad_answer {
	struct ad_peer *peer;
	u64 tag;
	int status;
	u16 version;             /* What the body is coded with. */
	struct dfs_span body;    /* Borrowed for the call. */
	struct dfs_buf *payload; /* Likewise; may be NULL. */
};

struct ad;

struct ad_handlers {
	void (*start)(struct ad *ad, struct dfs_fxs *fxs);
	void (*answered)(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);
	void (*woken)(struct ad *ad, struct dfs_fxs *fxs); /* ad->wake_at has come; may be NULL. */
	void (*fini)(struct ad *ad);
};
extern const struct ad_handlers ad_status_handlers, ad_info_handlers, ad_fsck_handlers,
    ad_quota_handlers, ad_trash_handlers;

struct ad {
	struct ad_config config;
	struct dfs_identity identity;
	const struct ad_handlers *handlers;
	void *work; /* The command's own. */
	nsec now;
	nsec wall;
	u64 next_link;
	struct dfs_list peers;
	struct ad_peer *master;
	nsec wake_at; /* For the command; DFS_NEVER: not. */
	struct ad_text out;
	struct ad_text complaints;
	enum ad_exit code;
	char progress[80]; /* "": nothing to say. */
	bool finished;
	bool exited;
};

/* peers.c */
struct ad_peer *ad_peer_new(struct ad *ad, u16 role, const char *addresses, struct dfs_fxs *fxs);
/* The chunkserver of that node; made when it is not there. */
struct ad_peer *ad_server(struct ad *ad, u64 node, const char *address, struct dfs_fxs *fxs);
void ad_peers_fini(struct ad *ad);
void ad_peers_close(struct ad *ad, struct dfs_fxs *fxs);
void ad_peers_step(struct ad *ad, const struct dfs_ev *ev, struct dfs_fxs *fxs);
void ad_peers_tick(struct ad *ad, struct dfs_fxs *fxs);
nsec ad_peers_deadline(const struct ad *ad);
struct ad_peer *ad_peer_find(const struct ad *ad, u64 link);
/* `writer` was begun by ad_begin() for the same peer and is taken. */
void ad_begin(struct ad_peer *peer, struct dfs_writer *ret_writer);
void ad_ask(struct ad *ad, struct ad_peer *peer, u16 type, struct dfs_writer *writer, u64 tag,
	    struct dfs_fxs *fxs);

/* admin.c */
/* Say on standard error what went wrong: "dfs: …". With --json also as {"error": …}, unless the
 * command has printed something else. */
__attribute__((format(printf, 2, 3))) void ad_complain(struct ad *ad, const char *format, ...);
/* The sentence for a question that failed: who, why, and what to do. */
void ad_complain_answer(struct ad *ad, const struct ad_answer *answer, const char *what);
void ad_finish(struct ad *ad, enum ad_exit code);
/* `text` in a colour, or as it is. */
enum ad_paint { AD_GOOD, AD_BAD, AD_WARN, AD_BOLD };
const char *ad_paint(const struct ad *ad, enum ad_paint paint);
const char *ad_unpaint(const struct ad *ad);

#endif
