/*
 * Looking again. The tables were of one moment, the inventories of later ones, and the cluster goes
 * on working: files are removed, chunks written and deleted. A suspect counts as a fault only when
 * it still is one after several rounds, by what the master and the chunkserver say then.
 *
 *   EXAMINING --EXAMINE of all suspects, in batches--> HOLDING --INVENTORY of them at their
 *   servers--> none left, or enough rounds: faults. Else, a second later: the next round.
 */
#include "admin/core/fsck_i.h"

enum { ROUNDS = 5 };

#define ROUND_PAUSE DFS_SEC

#define TAG_EXAMINE (UINT64_C(1) << FSCK_TAG_SHIFT)

static void hold_start(struct ad *ad, struct dfs_fxs *fxs);

enum kind { INODE, CHUNK, SESSION };

static enum kind kind_of(const struct fsck_suspect *suspect)
{
	switch (suspect->finding.fault) {
	case MS_FAULT_ORPHAN_KEPT:
	case MS_FAULT_OPEN_MISSING:
		return INODE;
	case MS_FAULT_SESSION_UNKNOWN:
		return SESSION;
	default:
		return CHUNK;
	}
}

/* The next batch goes to the master, or, when there is none, the servers' turn comes. */
static void examine(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct dfs_writer ids[3], writer; /* By kind. */
	fsck->batch = dfs_min(fsck->suspects_count - fsck->at, (u32)DFS_EXAMINE_MAX);
	if (fsck->batch == 0) {
		hold_start(ad, fxs);
		return;
	}
	for (u32 i = 0; i < 3; i++)
		dfs_writer_init(&ids[i], DFS_PROTOCOL_VERSION, 0);
	for (u32 i = 0; i < fsck->batch; i++) {
		const struct fsck_suspect *suspect = &fsck->suspects[fsck->at + i];
		struct dfs_id id = {.id = suspect->finding.subject};
		dfs_id_put(&ids[kind_of(suspect)], &id);
	}
	struct dfs_examine request = {.inodes = dfs_writer_items(&ids[INODE]),
				      .chunks = dfs_writer_items(&ids[CHUNK]),
				      .sessions = dfs_writer_items(&ids[SESSION])};
	ad_begin(ad->master, &writer);
	dfs_examine_put(&writer, &request);
	ad_ask(ad, ad->master, DFS_MSG_EXAMINE, &writer, TAG_EXAMINE, fxs);
	for (u32 i = 0; i < 3; i++)
		dfs_writer_fini(&ids[i]);
}

static void take_chunk(struct fsck_suspect *suspect, const struct dfs_chunk_fact *fact)
{
	struct ms_finding *finding = &suspect->finding;
	bool mapped = fact->state == DFS_CHUNK_MAPPED;
	if (finding->fault == MS_FAULT_STRAY) {
		suspect->cleared = fact->state != DFS_CHUNK_UNKNOWN;
		return;
	}
	if (!mapped) {
		suspect->cleared = true;
		return;
	}
	if (finding->fault == MS_FAULT_CHUNK_LOST || finding->fault == MS_FAULT_CHUNK_AWAY) {
		/* Where a shared one is, the master cannot tell but of its first place. */
		bool same = fact->references > 1 || fact->ino == 0 ||
			    (fact->ino == finding->at && fact->index == finding->noted);
		bool away = fact->copies_online == 0 && (fact->copies > 0 || fact->home_away != 0);
		suspect->cleared = !same;
		finding->fault = away ? MS_FAULT_CHUNK_AWAY : MS_FAULT_CHUNK_LOST;
	}
}

static void take_inode(struct fsck_suspect *suspect, const struct dfs_inode_fact *fact)
{
	if (suspect->finding.fault == MS_FAULT_OPEN_MISSING)
		suspect->cleared = fact->exists != 0 || fact->open == 0;
	else
		suspect->cleared = fact->exists == 0 || fact->orphan == 0 || fact->held != 0;
}

static int take_examined(struct ad *ad, const struct ad_answer *answer)
{
	struct fsck *fsck = ad->work;
	struct dfs_examine_reply reply;
	struct dfs_inode_fact inode;
	struct dfs_chunk_fact chunk;
	struct dfs_session_fact session;
	int status = dfs_examine_reply_decode(answer->body, answer->version, &reply);
	for (u32 i = 0; status == 0 && i < fsck->batch; i++) {
		struct fsck_suspect *suspect = &fsck->suspects[fsck->at + i];
		enum kind kind = kind_of(suspect);
		if (kind == INODE && dfs_inode_fact_next(&reply.inodes, &inode)) {
			take_inode(suspect, &inode);
		} else if (kind == CHUNK && dfs_chunk_fact_next(&reply.chunks, &chunk)) {
			take_chunk(suspect, &chunk);
			/* Just after the master's start: a server that was not known yet, and so
			 * not asked, may have it. */
			if (chunk.copies_online > fsck->servers_count)
				fsck->incomplete = true;
		} else if (kind == SESSION && dfs_session_fact_next(&reply.sessions, &session)) {
			suspect->cleared = session.exists == 0 || session.known != 0;
		} else {
			status = DFS_EMALFORMED;
		}
	}
	return status;
}

/* Does this suspect concern the server? Lost chunks concern all. */
static bool concerns(const struct fsck_suspect *suspect, u32 server)
{
	if (suspect->cleared || kind_of(suspect) != CHUNK)
		return false;
	u16 fault = suspect->finding.fault;
	return fault == MS_FAULT_CHUNK_LOST || fault == MS_FAULT_CHUNK_AWAY ||
	       suspect->server == server;
}

/* The next batch for one server; its place in the list goes on behind it. */
static void hold(struct ad *ad, u32 index, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct fsck_server *server = &fsck->servers[index];
	struct dfs_writer ids, writer;
	if (server->peer == NULL || server->failed)
		return;
	dfs_writer_init(&ids, DFS_PROTOCOL_VERSION, 0);
	server->asked_from = server->asked;
	for (; server->asked < fsck->suspects_count && ids.items < DFS_EXAMINE_MAX;
	     server->asked++) {
		const struct fsck_suspect *suspect = &fsck->suspects[server->asked];
		struct dfs_id id = {.id = suspect->finding.subject};
		if (concerns(suspect, index))
			dfs_id_put(&ids, &id);
	}
	if (ids.items > 0) {
		struct dfs_inventory inventory = {.chunks = dfs_writer_items(&ids)};
		ad_begin(server->peer, &writer);
		dfs_inventory_put(&writer, &inventory);
		fsck->waiting++;
		ad_ask(ad, server->peer, DFS_MSG_INVENTORY, &writer, index, fxs);
	}
	dfs_writer_fini(&ids);
}

static void take_held(struct fsck *fsck, u32 server, const struct dfs_held *held)
{
	for (u32 i = fsck->servers[server].asked_from; i < fsck->servers[server].asked; i++) {
		struct fsck_suspect *suspect = &fsck->suspects[i];
		struct ms_finding *finding = &suspect->finding;
		if (finding->subject != held->chunk || !concerns(suspect, server))
			continue;
		if (finding->fault == MS_FAULT_STRAY) {
			suspect->confirmed = true;
		} else if (finding->fault == MS_FAULT_CHUNK_LOST ||
			   finding->fault == MS_FAULT_CHUNK_AWAY) {
			suspect->cleared = true;
		} else {
			const struct ms_checked_chunk *chunk =
			    ms_check_chunk(fsck->check, held->chunk);
			suspect->confirmed =
			    fsck_judge_copy(chunk, held, &finding->noted, &finding->found) ==
			    (enum ms_fault)finding->fault;
		}
	}
}

/* Nobody knows what a server has that says nothing. */
static bool is_uncertain(const struct fsck *fsck, const struct fsck_suspect *suspect)
{
	return suspect->finding.fault == MS_FAULT_CHUNK_LOST && fsck->incomplete;
}

/* A server that says nothing cannot clear anybody. */
static bool needs_confirmation(const struct fsck *fsck, const struct fsck_suspect *suspect)
{
	u16 fault = suspect->finding.fault;
	return kind_of(suspect) == CHUNK && fault != MS_FAULT_CHUNK_LOST &&
	       fault != MS_FAULT_CHUNK_AWAY && !fsck->servers[suspect->server].failed;
}

static void end_round(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	u32 kept = 0;
	for (u32 i = 0; i < fsck->suspects_count; i++) {
		const struct fsck_suspect *suspect = &fsck->suspects[i];
		if (suspect->cleared || is_uncertain(fsck, suspect) ||
		    (needs_confirmation(fsck, suspect) && !suspect->confirmed))
			continue;
		fsck->suspects[kept++] = *suspect;
	}
	fsck->suspects_count = kept;
	fsck->round++;
	if (kept > 0 && fsck->round < ROUNDS) {
		ad->wake_at = ad->now + ROUND_PAUSE;
		return;
	}
	for (u32 i = 0; i < kept; i++)
		fsck_add_fault(fsck, &fsck->suspects[i].finding);
	fsck_next(ad, fxs);
}

static void hold_start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	for (u32 i = 0; i < fsck->suspects_count; i++)
		fsck->suspects[i].confirmed = false;
	for (u32 i = 0; i < fsck->servers_count; i++) {
		fsck->servers[i].asked = 0;
		hold(ad, i, fxs);
	}
	if (fsck->waiting == 0)
		end_round(ad, fxs);
}

void fsck_suspects_woken(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	fsck->at = 0;
	examine(ad, fxs);
}

void fsck_suspects_start(struct ad *ad, struct dfs_fxs *fxs)
{
	fsck_suspects_woken(ad, fxs);
}

void fsck_suspects_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct ad_answer failure = *answer;
	if (answer->tag == TAG_EXAMINE) {
		if (failure.status == 0)
			failure.status = take_examined(ad, answer);
		if (failure.status != 0) {
			ad_complain_answer(ad, &failure, "look again at what seemed wrong");
			ad_finish(ad, AD_EXIT_FAILED);
			return;
		}
		fsck->at += fsck->batch;
		examine(ad, fxs);
		return;
	}
	struct dfs_inventory_reply reply;
	struct dfs_held held;
	u32 index = (u32)answer->tag;
	fsck->waiting--;
	if (failure.status == 0)
		failure.status = dfs_inventory_reply_decode(answer->body, answer->version, &reply);
	if (failure.status != 0)
		fsck_server_failed(ad, &fsck->servers[index], &failure);
	while (failure.status == 0 && dfs_held_next(&reply.chunks, &held))
		take_held(fsck, index, &held);
	hold(ad, index, fxs);
	if (fsck->waiting == 0)
		end_round(ad, fxs);
}
