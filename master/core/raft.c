/*
 * Feeding libraft events and carrying out its updates. What 0.22.1 does with memory, read in its
 * source (raft.c, restore.c, client.c, replication.c of tag v0.22.1):
 * - RAFT_START copies what it needs of `entries`; array and buffers stay ours. It keeps
 *   metadata->configuration.
 * - RAFT_SUBMIT hands the very same array back in update.entries; the batch memory of its first
 *   entry is for us to free once the log has it. The engine itself keeps only index and term.
 * - RAFT_SNAPSHOT keeps, or closes, metadata.configuration.
 * - A sole voter becomes leader inside RAFT_START, in the term it had, without a new entry, and
 * takes everything in its log for committed: so the log is synced before RAFT_START.
 */
#include "master/core/raft.h"

#include <raft.h>
#include <stdlib.h>

enum {
	TRAILING_ENTRIES = 1024, /* Kept behind a snapshot. */
	INFLIGHT_ENTRIES_MAX = 8192,
};

_Static_assert((int)MS_RAFT_COMMAND == (int)RAFT_COMMAND, "types of entries lie on disks");

struct ms_raft {
	struct raft raft;
	struct ms_log *log;
	bool ready;   /* raft_init was called. */
	bool started; /* RAFT_START was. */
	raft_term term;
	raft_id voted_for;
	u64 snapshot_index;
	struct raft_snapshot_metadata metadata; /* Until RAFT_START takes its configuration. */
	struct raft_entry *entries;             /* For RAFT_START. */
	u32 entries_count;
	u32 entries_capacity;
};

static int error_of(int code)
{
	switch (code) {
	case 0:
		return 0;
	case RAFT_NOTLEADER:
	case RAFT_LEADERSHIPLOST:
		return DFS_ENOT_LEADER;
	case RAFT_NOMEM:
		return DFS_ENOMEM;
	case RAFT_MALFORMED:
	case RAFT_CORRUPT:
		return DFS_ECORRUPT;
	default:
		return DFS_EIO;
	}
}

struct ms_raft *ms_raft_new(void)
{
	struct ms_raft *raft = calloc(1, sizeof(*raft));
	DFS_ASSERT(raft != NULL);
	return raft;
}

static void free_entries(struct ms_raft *raft)
{
	for (u32 i = 0; i < raft->entries_count; i++)
		raft_free(raft->entries[i].batch);
	free(raft->entries);
	raft->entries = NULL;
	raft->entries_count = 0;
	raft->entries_capacity = 0;
}

void ms_raft_free(struct ms_raft *raft)
{
	if (raft == NULL)
		return;
	free_entries(raft);
	if (!raft->started)
		raft_configuration_close(&raft->metadata.configuration);
	if (raft->ready)
		raft_close(&raft->raft, NULL);
	free(raft);
}

/* libraft reads numbers in place: give it aligned copies. */
static int decode_configuration(struct dfs_span bytes, struct raft_configuration *ret_configuration)
{
	struct raft_buffer buffer = {.base = raft_malloc(bytes.length + 1), .len = bytes.length};
	DFS_ASSERT(buffer.base != NULL);
	if (bytes.length > 0)
		memcpy(buffer.base, bytes.data, bytes.length);
	raft_configuration_init(ret_configuration);
	int status = error_of(raft_configuration_decode(&buffer, ret_configuration));
	raft_free(buffer.base);
	return status;
}

/* The first entry of a new cluster names its only voter. */
static int bootstrap(struct ms_raft *raft, const struct ms_raft_config *config)
{
	struct raft_configuration configuration;
	struct raft_buffer encoded;
	raft_configuration_init(&configuration);
	int status = error_of(
	    raft_configuration_add(&configuration, config->server, config->address, RAFT_VOTER));
	if (status == 0)
		status = error_of(raft_configuration_encode(&configuration, &encoded));
	raft_configuration_close(&configuration);
	if (status != 0)
		return status;
	struct dfs_log_identity identity = {.cluster = config->cluster, .server = config->server};
	struct dfs_log_vote vote = {.term = 1};
	struct dfs_log_entry entry = {
	    .term = 1, .type = RAFT_CHANGE, .data = dfs_span(encoded.base, encoded.len)};
	ms_log_put_identity(raft->log, &identity);
	ms_log_put_vote(raft->log, &vote);
	ms_log_put_entry(raft->log, 1, &entry);
	raft_free(encoded.base);
	return ms_log_write(raft->log);
}

/* Called for each entry of the log: the engine wants terms, and the contents of configurations. */
static int load_entry(void *context, u64 index, const struct dfs_log_entry *entry)
{
	struct ms_raft *raft = context;
	(void)index;
	if (entry->type < RAFT_COMMAND || entry->type > RAFT_CHANGE || entry->term == 0)
		return DFS_ECORRUPT;
	if (raft->entries_count == raft->entries_capacity) {
		u32 capacity = dfs_max(raft->entries_capacity * 2, 256u);
		void *entries = realloc(raft->entries, capacity * sizeof(*raft->entries));
		DFS_ASSERT(entries != NULL);
		raft->entries = entries;
		raft->entries_capacity = capacity;
	}
	struct raft_entry *loaded = &raft->entries[raft->entries_count++];
	memset(loaded, 0, sizeof(*loaded));
	loaded->term = entry->term;
	loaded->type = (enum raft_entry_type)entry->type;
	if (entry->type != RAFT_CHANGE)
		return 0;
	loaded->batch = raft_malloc(entry->data.length + 1);
	DFS_ASSERT(loaded->batch != NULL);
	if (entry->data.length > 0)
		memcpy(loaded->batch, entry->data.data, entry->data.length);
	loaded->buf.base = loaded->batch;
	loaded->buf.len = entry->data.length;
	return 0;
}

static int load_found(struct ms_raft *raft, const struct ms_raft_config *config,
		      const struct ms_log_found *found, struct dfs_text *reason)
{
	if (found->identity.cluster != config->cluster) {
		dfs_text_add(reason,
			     "the log is of cluster %016llx but the key is of cluster %016llx; "
			     "use that cluster's key, or another directory",
			     (unsigned long long)found->identity.cluster,
			     (unsigned long long)config->cluster);
		return DFS_EWRONG_CLUSTER;
	}
	if (found->identity.server != config->server) {
		dfs_text_add(reason, "the log is of master %llu, this is master %llu",
			     (unsigned long long)found->identity.server,
			     (unsigned long long)config->server);
		return DFS_EWRONG_CLUSTER;
	}
	raft->term = found->vote.term;
	raft->voted_for = found->vote.voted_for;
	if (!found->has_snapshot)
		return 0;
	raft->snapshot_index = found->snapshot.index;
	raft->metadata.index = found->snapshot.index;
	raft->metadata.term = found->snapshot.term;
	raft->metadata.configuration_index = found->snapshot.configuration_index;
	int status =
	    decode_configuration(found->snapshot.configuration, &raft->metadata.configuration);
	if (status != 0)
		dfs_text_add(reason, "the voters in the log's snapshot record do not decode");
	return status;
}

/* Log and state must overlap, or acknowledged operations are missing. */
static int check_overlap(const struct ms_raft *raft, const struct ms_raft_config *config,
			 struct dfs_text *reason)
{
	const struct ms_log *log = raft->log;
	if (log->last < config->applied || log->last < raft->snapshot_index) {
		dfs_text_add(reason,
			     "the log ends at entry %llu but the state reaches to %llu: the log "
			     "was lost or replaced; restore the directory from a backup",
			     (unsigned long long)log->last, (unsigned long long)config->applied);
		return DFS_ECORRUPT;
	}
	if (log->first > config->applied + 1 || raft->snapshot_index > config->applied ||
	    (log->first > 1 && log->first > raft->snapshot_index + 1)) {
		dfs_text_add(
		    reason,
		    "the state reaches to entry %llu but the log starts at %llu: the state "
		    "was lost or replaced; restore the directory from a backup",
		    (unsigned long long)config->applied, (unsigned long long)log->first);
		return DFS_ECORRUPT;
	}
	return 0;
}

int ms_raft_load(struct ms_raft *raft, const struct ms_raft_config *config, struct dfs_text *reason)
{
	DFS_ASSERT(!raft->ready);
	raft->log = config->log;
	struct ms_log_found found;
	int status = ms_log_read(raft->log, &found, reason);
	if (status != 0)
		return status;
	if (found.blank) {
		if (config->applied > 0) {
			dfs_text_add(reason, "the state holds a cluster but its log is missing; "
					     "restore the directory from a backup");
			return DFS_ECORRUPT;
		}
		if (!config->bootstrap) {
			dfs_text_add(reason, "the log is empty and no new cluster was asked for");
			return DFS_ENOENT;
		}
		raft->term = 1;
		status = bootstrap(raft, config);
		if (status != 0)
			dfs_text_add(reason, "cannot write the log: %s", dfs_error_text(status));
	} else {
		status = load_found(raft, config, &found, reason);
	}
	if (status == 0)
		status = ms_log_walk(raft->log, load_entry, raft, reason);
	if (status == 0)
		status = check_overlap(raft, config, reason);
	if (status != 0)
		return status;
	status = error_of(raft_init(&raft->raft, NULL, NULL, config->server, config->address));
	if (status != 0)
		return status;
	raft->ready = true;
	raft_set_pre_vote(&raft->raft, true);
	raft_set_max_inflight_entries(&raft->raft, INFLIGHT_ENTRIES_MAX);
	return 0;
}

static void store_entries(struct ms_raft *raft, const struct raft_update *update)
{
	for (unsigned i = 0; i < update->entries.n; i++) {
		const struct raft_entry *entry = &update->entries.batch[i];
		struct dfs_log_entry stored = {.term = entry->term,
					       .type = (u16)entry->type,
					       .data = dfs_span(entry->buf.base, entry->buf.len)};
		ms_log_put_entry(raft->log, update->entries.index + i, &stored);
	}
	raft_free(update->entries.batch[0].batch);
}

/* Terms, votes and entries go to the log as one batch. A message would have to wait for its sync;
 * with one voter there is nobody to send any to. */
static int carry_out(struct ms_raft *raft, const struct raft_update *update)
{
	if (update->flags & ((RAFT_UPDATE_CURRENT_TERM) | (RAFT_UPDATE_VOTED_FOR))) {
		struct dfs_log_vote vote = {.term = raft_current_term(&raft->raft),
					    .voted_for = raft_voted_for(&raft->raft)};
		ms_log_put_vote(raft->log, &vote);
	}
	if (update->flags & (RAFT_UPDATE_ENTRIES))
		store_entries(raft, update);
	if ((update->flags & (RAFT_UPDATE_MESSAGES)) && update->messages.n > 0)
		return DFS_ENOTSUP;
	if (update->flags & (RAFT_UPDATE_SNAPSHOT))
		return DFS_ENOTSUP;
	return ms_log_write(raft->log);
}

static int step(struct ms_raft *raft, struct raft_event *event, nsec now)
{
	struct raft_update update = {0};
	event->time = now / DFS_MSEC;
	event->capacity = UINT16_MAX;
	int status = error_of(raft_step(&raft->raft, event, &update));
	return status != 0 ? status : carry_out(raft, &update);
}

int ms_raft_start(struct ms_raft *raft, nsec now, struct dfs_text *reason)
{
	DFS_ASSERT(raft->ready);
	DFS_ASSERT(!raft->started);
	struct raft_event event = {.type = RAFT_START};
	event.start.term = raft->term;
	event.start.voted_for = raft->voted_for;
	event.start.metadata = raft->snapshot_index == 0 ? NULL : &raft->metadata;
	event.start.start_index = raft->log->first;
	event.start.entries = raft->entries;
	event.start.n_entries = raft->entries_count;
	raft->started = true;
	int status = step(raft, &event, now);
	free_entries(raft);
	if (status != 0) {
		dfs_text_add(reason, "raft does not start: %s",
			     status == DFS_ENOTSUP
				 ? "this build runs one voter, and the log names more"
				 : raft_errmsg(&raft->raft));
		return status;
	}
	if (!ms_raft_leads(raft)) {
		dfs_text_add(reason,
			     "this build runs one voter, and the log does not name master "
			     "%llu as the only one",
			     (unsigned long long)raft->raft.id);
		return DFS_ENOTSUP;
	}
	return 0;
}

bool ms_raft_leads(const struct ms_raft *raft)
{
	return raft->started && raft->raft.state == RAFT_LEADER;
}

u64 ms_raft_term(const struct ms_raft *raft)
{
	return raft->started ? raft_current_term(&raft->raft) : 0;
}

u64 ms_raft_committed(const struct ms_raft *raft)
{
	return raft->started ? raft_commit_index(&raft->raft) : 0;
}

/* A sole voter has nobody to hear from and nobody to reassure: its timer would only re-arm itself.
 */
nsec ms_raft_deadline(const struct ms_raft *raft)
{
	if (!raft->started || (ms_raft_leads(raft) && raft->raft.configuration.n == 1))
		return DFS_NEVER;
	return raft_timeout(&raft->raft) * DFS_MSEC;
}

int ms_raft_timeout(struct ms_raft *raft, nsec now)
{
	struct raft_event event = {.type = RAFT_TIMEOUT};
	return step(raft, &event, now);
}

int ms_raft_submit(struct ms_raft *raft, nsec now, struct dfs_span data, u64 *ret_index)
{
	if (!ms_raft_leads(raft))
		return DFS_ENOT_LEADER;
	void *memory = raft_malloc(data.length);
	DFS_ASSERT(memory != NULL);
	memcpy(memory, data.data, data.length);
	struct raft_entry entry = {.term = raft_current_term(&raft->raft),
				   .type = RAFT_COMMAND,
				   .buf = {.base = memory, .len = data.length},
				   .batch = memory};
	struct raft_event event = {.type = RAFT_SUBMIT};
	event.submit.entries = &entry;
	event.submit.n = 1;
	u64 index = raft_last_index(&raft->raft) + 1;
	u64 last = raft->log->last;
	int status = step(raft, &event, now);
	if (status != 0) {
		if (raft->log->last == last)
			raft_free(memory);
		return status;
	}
	DFS_ASSERT(raft->log->last == index);
	*ret_index = index;
	return 0;
}

int ms_raft_persisted(struct ms_raft *raft, nsec now, u64 index)
{
	if (index <= raft->raft.last_stored)
		return 0;
	struct raft_event event = {.type = RAFT_PERSISTED_ENTRIES};
	event.persisted_entries.index = index;
	return step(raft, &event, now);
}

int ms_raft_snapshot(struct ms_raft *raft, nsec now, u64 index)
{
	DFS_ASSERT(index <= ms_raft_committed(raft));
	if (index <= raft->snapshot_index || index < raft->log->first)
		return 0;
	struct dfs_log_entry last;
	u16 version;
	int status = ms_log_get(raft->log, index, &last, &version);
	if (status != 0)
		return status;
	struct raft_buffer encoded;
	status = error_of(raft_configuration_encode(&raft->raft.configuration_committed, &encoded));
	if (status != 0)
		return status;
	struct dfs_log_snapshot snapshot = {.index = index,
					    .term = last.term,
					    .configuration_index =
						raft->raft.configuration_committed_index,
					    .configuration = dfs_span(encoded.base, encoded.len)};
	struct raft_event event = {.type = RAFT_SNAPSHOT};
	event.snapshot.metadata.index = index;
	event.snapshot.metadata.term = last.term;
	event.snapshot.metadata.configuration_index = snapshot.configuration_index;
	event.snapshot.trailing = TRAILING_ENTRIES;
	status =
	    decode_configuration(snapshot.configuration, &event.snapshot.metadata.configuration);
	if (status == 0) {
		ms_log_put_snapshot(raft->log, &snapshot);
		if (index > TRAILING_ENTRIES)
			ms_log_drop(raft->log, index - TRAILING_ENTRIES);
		raft->snapshot_index = index;
		status = step(raft, &event, now);
	}
	raft_free(encoded.base);
	return status;
}
