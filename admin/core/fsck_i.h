/*
 * What the files of `dfs fsck` share.
 *
 *   cmd_fsck.c      STATUS: which chunkservers there are. WALK: the master's tables of one moment
 *                   into the checker (master/core/check.h). Then each phase in turn, and the end.
 *   fsck_opens.c    OPENS: what every client session holds open.
 *   fsck_servers.c  INVENTORY: what every chunkserver holds, against the tables.
 *   fsck_suspects.c SUSPECTS: the cluster is in use, so what looked wrong there is looked at again,
 *                   several times, before it counts.
 *   fsck_data.c     DATA: every block against its checksum.
 *   fsck_repair.c   REPAIR: one fault after another.
 *   fsck_view.c     The lines.
 */
#ifndef DFS_ADMIN_FSCK_I_H
#define DFS_ADMIN_FSCK_I_H

#include "admin/core/admin_i.h"
#include "master/core/check.h"

enum fsck_phase { /* Each waits for answers to its own questions; failures of the master end it. */
		  FSCK_STATUS,
		  FSCK_WALK,
		  FSCK_OPENS,
		  FSCK_INVENTORY,
		  FSCK_SUSPECTS,
		  FSCK_DATA,
		  FSCK_REPAIR,
};

/* The top byte of a tag: a server's place stands below. */
#define FSCK_TAG_SHIFT 32

struct fsck_copy {
	u64 chunk;
	u32 length;
	u32 epoch;
};

struct fsck_server {
	u64 node;
	char address[DFS_ADDRESS_BYTES_MAX + 1];
	struct ad_peer *peer; /* NULL: away, by what the master says. */
	bool failed;          /* It did not answer: the check is incomplete. */
	/* INVENTORY: where it stands. */
	u32 disk;
	u64 after;
	bool listed;
	/* SUSPECTS: those it is being asked about, and those it was asked about in this round. */
	u32 asked_from;
	u32 asked;
	/* DATA: copies to read. */
	struct fsck_copy *copies;
	u32 copies_count;
	u32 copies_capacity;
	u32 copy; /* The one being read ... */
	u32 offset;
	u32 tries; /* ... and how often this piece was bad. */
};

struct fsck_suspect {
	struct ms_finding finding;
	u32 server; /* The one that it is about. */
	bool cleared;
	bool confirmed; /* In this round, by its server. */
};

/* What became of a fault. */
enum fsck_outcome { FSCK_LEFT, FSCK_REPAIRED, FSCK_CHANGED, FSCK_REFUSED };

struct fsck_fault {
	struct ms_finding finding;
	enum fsck_outcome outcome;
	int status; /* REFUSED: why. */
};

struct fsck {
	enum fsck_phase phase;
	struct ms_check *check;
	u64 position; /* WALK: rows received. */
	u32 walks;    /* How often it was begun. */
	nsec began;
	struct fsck_server *servers;
	u32 servers_count;
	u32 away_count;
	u32 waiting; /* Answers that the phase waits for. */
	bool incomplete;
	struct fsck_suspect *suspects;
	u32 suspects_count;
	u32 suspects_capacity;
	u32 round;
	u32 at;    /* OPENS: the session. SUSPECTS: examined so far. REPAIR: the fault. */
	u32 batch; /* SUSPECTS: of them, in the question under way. */
	struct fsck_fault *faults;
	u32 faults_count;
	u32 faults_capacity;
	u64 faults_dropped;
	u64 bytes_read;
};

/* cmd_fsck.c */
void fsck_add_fault(struct fsck *fsck, const struct ms_finding *finding);
void fsck_add_suspect(struct fsck *fsck, enum ms_fault fault, u64 subject, u64 at, u64 noted,
		      u64 found, u32 server);
/* The phase is over. */
void fsck_next(struct ad *ad, struct dfs_fxs *fxs);
/* The chunkserver does not answer: said once; the check goes on without it. */
void fsck_server_failed(struct ad *ad, struct fsck_server *server, const struct ad_answer *answer);

/* Each begins its phase, and takes the answers to what it asked. */
void fsck_opens_start(struct ad *ad, struct dfs_fxs *fxs);
void fsck_opens_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);
void fsck_servers_start(struct ad *ad, struct dfs_fxs *fxs);
void fsck_servers_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);
void fsck_suspects_start(struct ad *ad, struct dfs_fxs *fxs);
void fsck_suspects_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);
void fsck_suspects_woken(struct ad *ad, struct dfs_fxs *fxs);
void fsck_data_start(struct ad *ad, struct dfs_fxs *fxs);
void fsck_data_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);
void fsck_repair_start(struct ad *ad, struct dfs_fxs *fxs);
void fsck_repair_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs);

/* fsck_servers.c: what is wrong with a copy of a chunk that the tables have, or 0. */
enum ms_fault fsck_judge_copy(const struct ms_checked_chunk *chunk, const struct dfs_held *held,
			      u64 *ret_noted, u64 *ret_found);
/* Is the chunk in a file, by the tables of that moment? */
static inline bool fsck_is_mapped(const struct ms_checked_chunk *chunk)
{
	return chunk != NULL && (chunk->flags & MS_CHECKED_MAPPED) != 0 &&
	       (chunk->flags & MS_CHECKED_DEAD) == 0;
}

/* fsck_view.c */
void fsck_print(struct ad *ad);

#endif
