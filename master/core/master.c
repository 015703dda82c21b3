/*
 * The master's core as the host sees it: events in, effects out. Start reading here, then
 * master_i.h for what the files share.
 *
 * Each step handles one event, then applies what was committed, a few entries at most, and does a
 * little background work if its turn has come. What is queued for the log is submitted in the timer
 * step that ends the host's turn: deadline() asks for it by saying "now".
 */
#include "master/core/master_i.h"

#include <stdlib.h>

#define SESSION_TIMEOUT  (60 * DFS_SEC)
#define BACKGROUND_PAUSE DFS_MSEC /* Between two turns of background work. */
#define SETTLE_AGE       (20 * DFS_MSEC)

enum {
	APPLY_ENTRIES = 4, /* In one step. */
	SETTLE_ROWS = 128, /* About 300 us. */
};

struct ms *ms_new(const struct ms_config *config)
{
	struct ms *ms = calloc(1, sizeof(*ms));
	DFS_ASSERT(ms != NULL);
	ms->identity = config->identity;
	memcpy(ms->kvs, config->kvs, sizeof(ms->kvs));
	size_t length = strlen(config->address);
	DFS_ASSERT(length <= DFS_ADDRESS_BYTES_MAX);
	memcpy(ms->address, config->address, length + 1);
	ms->server = config->server;
	ms->rows_cached = config->rows_cached;
	ms->bootstrap = config->bootstrap;
	if (config->tuning != NULL) {
		ms->tuned = true;
		ms->tuning = *config->tuning;
	}
	ms_clients_init(&ms->clients,
			config->session_timeout == 0 ? SESSION_TIMEOUT : config->session_timeout);
	ms_log_init(&ms->log, ms->kvs[MS_KV_LOG]);
	ms->raft = ms_raft_new();
	ms_leader_init(ms);
	ms_peers_init(ms);
	ms_trims_init(ms);
	ms_lost_init(ms);
	ms_gate_init(ms);
	dfs_list_init(&ms->waiting.requests);
	return ms;
}

void ms_free(struct ms *ms)
{
	struct dfs_map_node *node = NULL;
	if (ms == NULL)
		return;
	ms_waiting_fini(ms);
	ms_leader_fini(ms);
	ms_gate_fini(ms);
	while ((node = dfs_map_next(&ms->clients.by_session, node)) != NULL) {
		struct ms_client *client = dfs_map_entry(node, struct ms_client, by_session);
		u64 chunk;
		while ((chunk = ms_grant_oldest(client)) != 0)
			(void)ms_grant_release(&ms->grants, client, chunk);
		ms_gate_let_go(ms, client);
	}
	ms_clients_fini(&ms->clients);
	ms_leases_fini(&ms->leases);
	ms_grants_fini(&ms->grants);
	ms_garbage_fini(ms);
	ms_strays_fini(ms);
	ms_trims_fini(ms);
	ms_lost_fini(ms);
	ms_reaper_fini(ms);
	ms_peers_fini(ms);
	ms_servers_fini(&ms->servers);
	ms_raft_free(ms->raft);
	ms_log_fini(&ms->log);
	ms_state_close(ms->state);
	free(ms);
}

/* The cause as an operator of a master must read it, and what to do. */
static const char *explain(int status)
{
	switch (status) {
	case DFS_EDISK_FULL:
		return "the disk is full; free some space on it, then start the master again";
	case DFS_EIO:
		return "input/output error; check the disk, then start the master again";
	case DFS_ECORRUPT:
		return "it is damaged; check the disk, and restore it from a copy";
	default:
		return dfs_error_text(status);
	}
}

void ms_give_up(struct ms *ms, struct dfs_fxs *fxs, const char *what, int status)
{
	if (ms->phase == MS_PHASE_ENDED)
		return;
	dfs_fx_log(fxs, DFS_LOG_ERROR, "event=failed error=%s text=\"%s: %s\"",
		   dfs_error_name(status), what, explain(status));
	dfs_fx_exit(fxs, status);
	ms->phase = MS_PHASE_ENDED;
}

/* Open the tables, read the log, start its sync: what a crash of the process left in the system's
 * memory must be on the disk before it counts as committed. */
static void on_boot(struct ms *ms, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	char text[DFS_LOG_LINE_BYTES] = "";
	struct dfs_text reason = {.data = text, .capacity = sizeof(text)};
	u64 seed;
	memcpy(ms->identity.seed, ev->seed, DFS_SEED_BYTES);
	memcpy(&seed, ev->seed, sizeof(seed));
	dfs_prng_seed(&ms->identity.prng, seed);
	ms->started = ev->now;
	struct ms_state_config state = {.kv = ms->kvs[MS_KV_STATE],
					.cluster = ms->identity.cluster,
					.rows_cached = ms->rows_cached};
	int status = ms_state_open(&state, &reason, &ms->state);
	if (status != 0) {
		ms_give_up(ms, fxs, text[0] == '\0' ? "state store (state/)" : text, status);
		return;
	}
	u64 applied = ms_state_applied(ms->state).index;
	struct ms_raft_config config = {
	    .log = &ms->log,
	    .cluster = ms->identity.cluster,
	    .server = ms->server,
	    .address = ms->address,
	    .bootstrap = ms->bootstrap,
	    .applied = applied,
	};
	status = ms_raft_load(ms->raft, &config, &reason);
	if (status != 0) {
		ms_give_up(ms, fxs, text[0] == '\0' ? "log store (log/)" : text, status);
		return;
	}
	ms->leader.flushed_index = applied;
	ms->leader.next = dfs_max(applied, ms->log.first);
	ms->log.dirty = false;
	ms->phase = MS_PHASE_SYNCING;
	struct dfs_io io = {.kind = DFS_IO_KV_SYNC, .disk = MS_KV_LOG};
	dfs_fx_io(fxs, MS_IO_LOG_SYNC, &io, NULL);
}

static void start_raft(struct ms *ms, struct dfs_fxs *fxs)
{
	char text[DFS_LOG_LINE_BYTES] = "";
	struct dfs_text reason = {.data = text, .capacity = sizeof(text)};
	int status = ms_raft_start(ms->raft, ms->now, &reason);
	if (status != 0) {
		ms_give_up(ms, fxs, text, status);
		return;
	}
	ms->phase = MS_PHASE_REPLAYING;
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=replaying from=%llu to=%llu",
		   (unsigned long long)ms->leader.next,
		   (unsigned long long)ms_raft_committed(ms->raft));
}

/* Everything applied is in the state's tables on disk: nothing will have to be replayed. */
static void end_if_flushed(struct ms *ms, struct dfs_fxs *fxs)
{
	if (ms->leader.flushing)
		return;
	if (ms->leader.flushed_index < ms->leader.next - 1) {
		ms_leader_flush(ms, true, fxs);
		return;
	}
	dfs_fx_log(fxs, DFS_LOG_INFO, "event=stopped entry=%llu",
		   (unsigned long long)ms->leader.flushed_index);
	dfs_fx_exit(fxs, 0);
	ms->phase = MS_PHASE_ENDED;
}

static void on_io_done(struct ms *ms, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	bool is_sync = ev->tag == MS_IO_LOG_SYNC;
	DFS_ASSERT(is_sync || ev->tag == MS_IO_STATE_FLUSH);
	if (ev->status != 0) {
		ms_give_up(ms, fxs,
			   is_sync ? "cannot make the log store (log/) durable; check its disk"
				   : "cannot write the state store (state/); check its disk",
			   ev->status);
		return;
	}
	if (is_sync && ms->phase == MS_PHASE_SYNCING)
		start_raft(ms, fxs);
	else if (is_sync)
		ms_leader_synced(ms, fxs);
	else
		ms_leader_flushed(ms, fxs);
	if (!is_sync && ms->phase == MS_PHASE_STOPPING)
		end_if_flushed(ms, fxs);
}

static void on_timer(struct ms *ms, struct dfs_fxs *fxs)
{
	ms_peers_tick(ms, fxs);
	if (ms_raft_deadline(ms->raft) <= ms->now) {
		int status = ms_raft_timeout(ms->raft, ms->now);
		if (status != 0)
			ms_give_up(ms, fxs, "raft", status);
	}
}

static void on_stop(struct ms *ms, struct dfs_fxs *fxs)
{
	if (ms->phase == MS_PHASE_STOPPING)
		return;
	while (!dfs_list_empty(&ms->peers))
		ms_peer_close(ms, dfs_list_first(&ms->peers, struct ms_peer, in_order), fxs);
	if (ms->phase < MS_PHASE_REPLAYING) {
		dfs_fx_exit(fxs, 0);
		ms->phase = MS_PHASE_ENDED;
		return;
	}
	ms->phase = MS_PHASE_STOPPING;
	end_if_flushed(ms, fxs);
}

/* Rows that changed go to the state store a little later, when nobody waits for it: in the timer
 * step, before which the host has sent what was answered. */
static nsec settle_deadline(const struct ms *ms)
{
	u32 rows = ms_state_unsettled(ms->state);
	if (rows == 0)
		return DFS_NEVER;
	return rows >= SETTLE_ROWS ? 0 : ms->settle_at;
}

static void settle(struct ms *ms, bool timer)
{
	if (ms_state_unsettled(ms->state) == 0)
		ms->settle_at = ms->now + SETTLE_AGE; /* Of what changes next. */
	else if (timer && settle_deadline(ms) <= ms->now)
		(void)ms_state_settle(ms->state);
}

static nsec background_deadline(const struct ms *ms)
{
	nsec due = dfs_min(ms_garbage_deadline(ms), ms_strays_deadline(ms));
	due = dfs_min(due, dfs_min(ms_trims_deadline(ms), ms_reaper_deadline(ms)));
	due = dfs_min(due, dfs_min(ms_lost_deadline(ms), ms_expiry_deadline(ms)));
	return due == DFS_NEVER ? DFS_NEVER : dfs_max(due, ms->background_at);
}

static void background(struct ms *ms, struct dfs_fxs *fxs)
{
	if (ms->phase != MS_PHASE_LEADING || background_deadline(ms) > ms->now)
		return;
	ms->background_at = ms->now + BACKGROUND_PAUSE;
	ms_reaper_work(ms, fxs);
	ms_lost_work(ms);
	ms_trims_work(ms, fxs);
	ms_garbage_work(ms, fxs);
	ms_strays_work(ms, fxs);
}

/* What follows from the event, whatever it was. */
static void go_on(struct ms *ms, bool timer, struct dfs_fxs *fxs)
{
	settle(ms, timer);
	for (u32 i = 0; i < APPLY_ENTRIES && ms_leader_apply(ms, fxs); i++)
		;
	if (ms->phase == MS_PHASE_ENDED)
		return;
	bool applied = !ms_leader_wants_apply(ms);
	if ((ms->phase == MS_PHASE_REPLAYING && applied) || ms->phase == MS_PHASE_LEADING)
		ms_reserve_chunks(ms);
	ms_gate_work(ms, fxs);
	if (ms_waiting_deadline(ms) <= ms->now)
		ms_waiting_wake(ms, fxs);
	background(ms, fxs);
	int failure = ms_state_failure(ms->state);
	if (failure != 0)
		ms_give_up(ms, fxs, "cannot read the state store (state/); check its disk",
			   failure);
	if (ms->phase != MS_PHASE_ENDED)
		ms_leader_flush(ms, false, fxs);
}

static void ms_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct ms *ms = core;
	if (ms->phase == MS_PHASE_ENDED)
		return;
	ms->now = ev->now;
	ms->wall = ev->wall;
	switch (ev->kind) {
	case DFS_EV_BOOT:
		on_boot(ms, ev, fxs);
		break;
	case DFS_EV_LINK_NEW:
		ms_peer_new(ms, ev->tag, fxs);
		break;
	case DFS_EV_LINK_UP:
	case DFS_EV_LINK_BYTES:
	case DFS_EV_LINK_ROOM:
	case DFS_EV_LINK_DOWN:
		ms_peer_step(ms, ev, fxs);
		break;
	case DFS_EV_IO_DONE:
		on_io_done(ms, ev, fxs);
		break;
	case DFS_EV_TIMER:
		on_timer(ms, fxs);
		break;
	case DFS_EV_STOP:
		on_stop(ms, fxs);
		break;
	case DFS_EV_CALL:
	case DFS_EV_CALL_CANCEL:
		break; /* The master takes no calls. */
	}
	if (ms->phase == MS_PHASE_REPLAYING || ms->phase == MS_PHASE_LEADING)
		go_on(ms, ev->kind == DFS_EV_TIMER, fxs);
	if (ev->kind == DFS_EV_TIMER)
		ms_leader_submit(ms, fxs);
	ms_peers_bury(ms);
}

static nsec ms_deadline(const void *core)
{
	const struct ms *ms = core;
	struct dfs_heap_node *top = dfs_heap_top(&ms->due);
	nsec due = top == NULL ? DFS_NEVER : top->key;
	if (ms->phase == MS_PHASE_NEW || ms->phase >= MS_PHASE_STOPPING)
		return DFS_NEVER;
	if (ms->phase == MS_PHASE_SYNCING)
		return due;
	if (ms_leader_wants_submit(ms) || ms_leader_wants_apply(ms))
		return 0;
	due = dfs_min(due, dfs_min(ms_waiting_deadline(ms), ms_raft_deadline(ms->raft)));
	due = dfs_min(due, dfs_min(ms_gate_deadline(ms), settle_deadline(ms)));
	return ms->phase == MS_PHASE_LEADING ? dfs_min(due, background_deadline(ms)) : due;
}

static void ms_room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	struct ms_peer *peer = ms_peer_find(core, link);
	*ret_data = NULL;
	*ret_length = 0;
	if (peer != NULL)
		dfs_session_room(peer->session, ret_data, ret_length);
}

static void ms_check(const void *core)
{
	const struct ms *ms = core;
	u32 peers = 0;
	dfs_list_for_each (node, &ms->peers) {
		const struct ms_peer *peer = dfs_list_entry(node, struct ms_peer, in_order);
		DFS_ASSERT(!peer->dead);
		DFS_ASSERT(peer->client == NULL || peer->client->peer == peer);
		DFS_ASSERT(peer->server == NULL || peer->server->peer == peer);
		dfs_session_check(peer->session);
		peers++;
	}
	DFS_ASSERT(peers == ms->links.count);
	DFS_ASSERT(dfs_list_empty(&ms->dead_peers));
	DFS_ASSERT(ms->leader.flushed_index < dfs_max(ms->leader.next, 1u) ||
		   ms->phase < MS_PHASE_REPLAYING);
	ms_clients_check(&ms->clients);
	ms_leases_check(&ms->leases);
}

const struct dfs_core_ops ms_core_ops = {
    .step = ms_step,
    .deadline = ms_deadline,
    .room = ms_room,
    .check = ms_check,
};
