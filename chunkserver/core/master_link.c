/*
 * The links to the masters: one connector each, so that all of them know where chunks are.
 *
 *   DOWN --up--> REGISTERING --ok--> REPORTING --last part ok--> CURRENT
 *     ^               |                  |                         |
 *     |               +------error-------+---------error-----------+--> REFUSED --a second-->
 * REGISTERING
 *     +-- lost, from anywhere
 */
#include "chunkserver/core/disk.h"
#include "chunkserver/core/master.h"
#include "chunkserver/core/peers.h"
#include "chunkserver/core/report.h"
#include "libdfsproto/base/errors.h"

#include <string.h>

#define RETRY_AFTER (1 * DFS_SEC)
#define SPACE_EVERY (5 * DFS_SEC)

static void move(struct cs_master *master, enum cs_master_state to)
{
	static const u32 any = (1u << CS_MASTER_STATES) - 1;
	static const u32 allowed[CS_MASTER_STATES] = {
	    [CS_MASTER_DOWN] = any,
	    [CS_MASTER_REGISTERING] = any,
	    [CS_MASTER_REPORTING] = CS_FROM(CS_MASTER_REGISTERING),
	    [CS_MASTER_CURRENT] = CS_FROM(CS_MASTER_REPORTING),
	    [CS_MASTER_REFUSED] = any & ~CS_FROM(CS_MASTER_DOWN),
	};
	DFS_ASSERT((allowed[to] & CS_FROM(master->state)) != 0);
	master->state = (u8)to;
}

void cs_masters_init(struct cs *cs)
{
	const char *at = cs->masters_text;
	while (*at != '\0' && cs->masters_count < CS_MASTERS_MAX) {
		size_t length = strcspn(at, ",");
		if (length > 0) {
			struct cs_master *master = &cs->masters[cs->masters_count];
			struct dfs_span address = dfs_span(at, length);
			master->index = cs->masters_count++;
			master->session = dfs_session_new_connector(&cs->identity, DFS_ROLE_MASTER,
								    &address, 1, &cs->next_link);
			DFS_ASSERT(master->session != NULL);
			if (cs->config.tuning != NULL)
				dfs_session_tune(master->session, cs->config.tuning);
			dfs_writer_init(&master->changes, DFS_PROTOCOL_VERSION, 0);
		}
		at += length;
		at += *at == ',';
	}
}

void cs_masters_open(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->masters_count; i++)
		dfs_session_open(cs->masters[i].session, cs->now, fxs);
}

void cs_masters_close(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->masters_count; i++)
		dfs_session_close(cs->masters[i].session, fxs);
}

void cs_masters_fini(struct cs *cs)
{
	for (u32 i = 0; i < cs->masters_count; i++) {
		dfs_session_free(cs->masters[i].session);
		dfs_writer_fini(&cs->masters[i].changes);
	}
}

static void changes_clear(struct cs_master *master)
{
	master->changes.buf->length = 0;
	master->changes.items = 0;
	master->report_overflow = false;
}

static struct dfs_items take_disks(struct cs *cs, struct dfs_writer *ret_writer, u16 version)
{
	dfs_writer_init(ret_writer, version, 0);
	cs_report_disks(cs, ret_writer);
	return dfs_writer_items(ret_writer);
}

static void send_register(struct cs *cs, struct cs_master *master, struct dfs_fxs *fxs)
{
	struct dfs_writer disks, writer;
	u16 version = dfs_session_peer(master->session)->version;
	move(master, CS_MASTER_REGISTERING);
	changes_clear(master);
	master->report_disk = 0;
	master->report_chunk = 0;
	master->space_at = cs->now + SPACE_EVERY;
	if (master->outstanding != 0)
		dfs_session_cancel(master->session, master->outstanding);
	struct dfs_register body = {
	    .address = dfs_span_text(cs->address),
	    .local = dfs_span_text(cs->local),
	    .disks = take_disks(cs, &disks, version),
	};
	dfs_session_writer(master->session, &writer);
	dfs_register_put(&writer, &body);
	master->outstanding =
	    dfs_session_request_first(master->session, DFS_MSG_REGISTER, &writer, 0, fxs);
	dfs_writer_fini(&disks);
}

static void send_items(struct cs_master *master, bool full, bool last,
		       const struct dfs_items *items, struct dfs_fxs *fxs)
{
	struct dfs_writer writer;
	struct dfs_report body = {.full = full, .last = last, .chunks = *items};
	dfs_session_writer(master->session, &writer);
	dfs_report_put(&writer, &body);
	master->outstanding =
	    dfs_session_request(master->session, DFS_MSG_REPORT, &writer, NULL, last, fxs);
}

static void send_part(struct cs *cs, struct cs_master *master, struct dfs_fxs *fxs)
{
	struct dfs_writer part;
	dfs_writer_init(&part, dfs_session_peer(master->session)->version, 0);
	bool last = cs_report_part(cs, master, &part, fxs);
	struct dfs_items items = dfs_writer_items(&part);
	send_items(master, true, last, &items, fxs);
	dfs_writer_fini(&part);
}

static void send_changes(struct cs_master *master, struct dfs_fxs *fxs)
{
	struct dfs_items items = dfs_writer_items(&master->changes);
	send_items(master, false, false, &items, fxs);
	changes_clear(master);
}

static void send_space(struct cs *cs, struct cs_master *master, struct dfs_fxs *fxs)
{
	struct dfs_writer disks, writer;
	u16 version = dfs_session_peer(master->session)->version;
	struct dfs_space body = {.disks = take_disks(cs, &disks, version)};
	dfs_session_writer(master->session, &writer);
	dfs_space_put(&writer, &body);
	master->space_request =
	    dfs_session_request(master->session, DFS_MSG_SPACE, &writer, NULL, 0, fxs);
	master->space_at = cs->now + SPACE_EVERY;
	dfs_writer_fini(&disks);
	for (u32 i = 0; i < cs->disks_count; i++) {
		cs->disks[i].bytes_free_told = cs->disks[i].bytes_free;
		cs->disks[i].full_told = cs->disks[i].full;
	}
}

static void refused(struct cs *cs, struct cs_master *master, int status, struct dfs_fxs *fxs)
{
	dfs_fx_log(fxs, status == DFS_ENOT_LEADER ? DFS_LOG_DEBUG : DFS_LOG_WARN,
		   "event=register_refused master=%s error=%s text=\"%s\"",
		   dfs_session_address(master->session), dfs_error_name(status),
		   dfs_error_text(status));
	move(master, CS_MASTER_REFUSED);
	master->at = cs->now + RETRY_AFTER;
}

static void on_reply(struct cs *cs, struct cs_master *master, const struct dfs_session_event *event,
		     struct dfs_fxs *fxs)
{
	if (event->request == master->space_request) {
		master->space_request = 0;
		return;
	}
	if (event->request != master->outstanding)
		return;
	master->outstanding = 0;
	if (event->status != 0) {
		refused(cs, master, event->status, fxs);
		return;
	}
	switch (master->state) {
	case CS_MASTER_REGISTERING:
		move(master, CS_MASTER_REPORTING);
		send_part(cs, master, fxs);
		return;
	case CS_MASTER_REPORTING:
		if (event->tag == 0) { /* Not the last part. */
			send_part(cs, master, fxs);
			return;
		}
		move(master, CS_MASTER_CURRENT);
		dfs_fx_log(fxs, DFS_LOG_INFO, "event=registered master=%s chunks=%u",
			   dfs_session_address(master->session), cs->chunks.count);
		return;
	default:
		return; /* Changes have arrived. */
	}
}

static void on_lost(struct cs_master *master, const struct dfs_session_event *event,
		    struct dfs_fxs *fxs)
{
	dfs_fx_log(fxs, event->kind == DFS_SESSION_EV_REFUSED ? DFS_LOG_ERROR : DFS_LOG_WARN,
		   "event=master_%s master=%s error=%s text=\"%.*s\"",
		   event->kind == DFS_SESSION_EV_REFUSED ? "refused" : "lost",
		   dfs_session_address(master->session), dfs_error_name(event->status),
		   (int)event->text.length,
		   event->text.length > 0 ? (const char *)event->text.data : "");
	if (master->outstanding != 0)
		dfs_session_cancel(master->session, master->outstanding);
	if (master->space_request != 0)
		dfs_session_cancel(master->session, master->space_request);
	master->outstanding = 0;
	master->space_request = 0;
	changes_clear(master);
	move(master, CS_MASTER_DOWN);
}

static void pull(struct cs *cs, struct cs_master *master, struct dfs_fxs *fxs)
{
	struct dfs_session_event event;
	while (dfs_session_next(master->session, cs->now, &event, fxs)) {
		switch (event.kind) {
		case DFS_SESSION_EV_UP:
			send_register(cs, master, fxs);
			break;
		case DFS_SESSION_EV_LOST:
		case DFS_SESSION_EV_REFUSED:
			on_lost(master, &event, fxs);
			break;
		case DFS_SESSION_EV_REPLY:
			on_reply(cs, master, &event, fxs);
			break;
		case DFS_SESSION_EV_REQUEST: {
			struct cs_request request = {
			    .origin = {master->index + 1, event.request, event.type},
			    .version = dfs_session_peer(master->session)->version,
			    .from_master = true,
			    .body = event.body,
			    .payload = event.payload,
			};
			cs_dispatch(cs, &request, fxs);
			break;
		}
		}
	}
}

bool cs_masters_step(struct cs *cs, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->masters_count; i++) {
		struct cs_master *master = &cs->masters[i];
		if (dfs_session_link(master->session) != ev->tag)
			continue;
		dfs_session_step(master->session, ev, fxs);
		pull(cs, master, fxs);
		return true;
	}
	return false;
}

struct dfs_session *cs_masters_find(const struct cs *cs, u64 link)
{
	for (u32 i = 0; i < cs->masters_count; i++)
		if (dfs_session_link(cs->masters[i].session) == link)
			return cs->masters[i].session;
	return NULL;
}

static bool changes_due(const struct cs *cs, const struct cs_master *master)
{
	return master->state == CS_MASTER_CURRENT && master->outstanding == 0 &&
	       master->changes.items > 0 &&
	       (cs->now >= master->changes_at ||
		master->changes.items >= DFS_REPORT_CHUNKS_MAX / 2);
}

static bool takes_space(const struct cs_master *master)
{
	return (master->state == CS_MASTER_REPORTING || master->state == CS_MASTER_CURRENT) &&
	       master->space_request == 0;
}

void cs_masters_tick(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->masters_count; i++) {
		struct cs_master *master = &cs->masters[i];
		if (dfs_session_deadline(master->session) <= cs->now) {
			dfs_session_tick(master->session, cs->now, fxs);
			pull(cs, master, fxs);
		}
		if ((master->state == CS_MASTER_REFUSED && cs->now >= master->at) ||
		    (master->state == CS_MASTER_CURRENT && master->report_overflow))
			send_register(cs, master, fxs);
		if (changes_due(cs, master))
			send_changes(master, fxs);
		if (takes_space(master) && cs->now >= master->space_at)
			send_space(cs, master, fxs);
	}
}

nsec cs_masters_deadline(const struct cs *cs)
{
	nsec deadline = DFS_NEVER;
	for (u32 i = 0; i < cs->masters_count; i++) {
		const struct cs_master *master = &cs->masters[i];
		deadline = dfs_min(deadline, dfs_session_deadline(master->session));
		if (master->state == CS_MASTER_REFUSED)
			deadline = dfs_min(deadline, master->at);
		if (master->state == CS_MASTER_CURRENT && master->outstanding == 0 &&
		    master->changes.items > 0)
			deadline = dfs_min(deadline, master->changes_at);
		if (takes_space(master))
			deadline = dfs_min(deadline, master->space_at);
	}
	return deadline;
}

void cs_report_restart(struct cs *cs, struct dfs_fxs *fxs)
{
	for (u32 i = 0; i < cs->masters_count; i++)
		if (cs_master_wants_changes(&cs->masters[i]))
			send_register(cs, &cs->masters[i], fxs);
}

void cs_report_space(struct cs *cs, struct dfs_fxs *fxs)
{
	(void)fxs;
	for (u32 i = 0; i < cs->masters_count; i++)
		cs->masters[i].space_at = cs->now;
}
