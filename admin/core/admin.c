/*
 * The frame around every command: events to peers, output, colours, the end. See admin.h.
 */
#include "admin/core/admin_i.h"

#include <stdio.h>
#include <stdlib.h>

struct ad *ad_new(const struct ad_config *config)
{
	static const struct ad_handlers *const handlers[AD_COMMANDS_COUNT] = {
	    [AD_STATUS] = &ad_status_handlers, [AD_INFO] = &ad_info_handlers,
	    [AD_FSCK] = &ad_fsck_handlers,     [AD_QUOTA] = &ad_quota_handlers,
	    [AD_TRASH] = &ad_trash_handlers,
	};
	struct ad *ad = calloc(1, sizeof(*ad));
	DFS_ASSERT(ad != NULL);
	ad->config = *config;
	ad->identity = config->identity;
	ad->handlers = handlers[config->arguments->command];
	DFS_ASSERT(ad->handlers != NULL);
	ad->next_link = 1;
	ad->wake_at = DFS_NEVER;
	dfs_list_init(&ad->peers);
	return ad;
}

void ad_free(struct ad *ad)
{
	if (ad == NULL)
		return;
	ad->handlers->fini(ad);
	ad_peers_fini(ad);
	ad_text_fini(&ad->out);
	ad_text_fini(&ad->complaints);
	free(ad);
}

const struct ad_text *ad_output(const struct ad *ad)
{
	return &ad->out;
}

const struct ad_text *ad_complaints(const struct ad *ad)
{
	return &ad->complaints;
}

enum ad_exit ad_exit_code(const struct ad *ad)
{
	return ad->code;
}

const char *ad_progress(const struct ad *ad)
{
	return ad->finished ? "" : ad->progress;
}

void ad_error_json(const struct ad_arguments *arguments, const char *sentence, struct ad_text *out)
{
	struct ad_json json = {.out = out};
	if (!arguments->json)
		return;
	ad_json_open(&json, NULL, '{');
	ad_json_text(&json, "error", dfs_span_text(sentence));
	ad_json_close(&json, '}');
	ad_text_add(out, "\n");
}

void ad_complain(struct ad *ad, const char *format, ...)
{
	struct ad_text text = {0};
	va_list arguments;
	va_start(arguments, format);
	ad_text_vadd(&text, format, arguments);
	va_end(arguments);
	ad_text_add(&ad->complaints, "dfs: %s\n", ad_text_get(&text));
	if (ad->out.length == 0)
		ad_error_json(ad->config.arguments, ad_text_get(&text), &ad->out);
	ad_text_fini(&text);
}

static const char *next_step(const struct ad *ad, const struct ad_answer *answer)
{
	bool master = answer->peer == ad->master;
	switch (answer->status) {
	case DFS_EWRONG_KEY:
	case DFS_EWRONG_CLUSTER:
		return "give the key of that cluster with --key or DFS_KEY";
	case DFS_EWRONG_VERSION:
		return "install the dfs of the cluster's version";
	case DFS_ETIMEDOUT:
		if (answer->peer->was_up)
			return "it was there and is silent now: look at its log";
		return master
			   ? "check that dfs-master runs there, or give other addresses with "
			     "--masters, --mount or DFS_MASTERS"
			   : "check that dfs-chunkserver runs there and can be reached from here";
	case DFS_ENOT_LEADER:
		return "it is starting, or another master leads: try again";
	case DFS_ENOSYS:
		return "it is older than this dfs: upgrade it";
	default:
		return "look at its log";
	}
}

void ad_complain_answer(struct ad *ad, const struct ad_answer *answer, const char *what)
{
	const struct ad_peer *peer = answer->peer;
	const char *from = ad->config.masters_from;
	bool master = peer == ad->master;
	char who[DFS_ADDRESS_BYTES_MAX + 80];
	snprintf(who, sizeof(who), "%s %s%s%s%s", master ? "master" : "chunkserver", peer->address,
		 master ? " (from " : "", master ? from : "", master ? ")" : "");
	if (peer->refusal != 0)
		ad_complain(ad, "cannot %s: %s: %s: %s; %s", what, who,
			    dfs_error_text(peer->refusal), peer->refusal_text,
			    next_step(ad, answer));
	else if (answer->status == DFS_ETIMEDOUT && !peer->was_up)
		ad_complain(ad, "cannot %s: %s does not answer; %s", what, who,
			    next_step(ad, answer));
	else
		ad_complain(ad, "cannot %s: %s: %s; %s", what, who, dfs_error_text(answer->status),
			    next_step(ad, answer));
}

void ad_finish(struct ad *ad, enum ad_exit code)
{
	DFS_ASSERT(!ad->finished);
	ad->finished = true;
	ad->code = code;
}

const char *ad_paint(const struct ad *ad, enum ad_paint paint)
{
	static const char *const codes[] = {
	    [AD_GOOD] = "\033[32m",
	    [AD_BAD] = "\033[31m",
	    [AD_WARN] = "\033[33m",
	    [AD_BOLD] = "\033[1m",
	};
	return ad->config.colours ? codes[paint] : "";
}

const char *ad_unpaint(const struct ad *ad)
{
	return ad->config.colours ? "\033[0m" : "";
}

static void ad_step(void *core, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct ad *ad = core;
	if (ad->exited)
		return;
	ad->now = ev->now;
	ad->wall = ev->wall;
	switch (ev->kind) {
	case DFS_EV_BOOT: {
		u64 seed;
		memcpy(ad->identity.seed, ev->seed, DFS_SEED_BYTES);
		memcpy(&seed, ev->seed, sizeof(seed));
		dfs_prng_seed(&ad->identity.prng, seed);
		ad->master = ad_peer_new(ad, DFS_ROLE_MASTER, ad->config.masters, fxs);
		ad->handlers->start(ad, fxs);
		break;
	}
	case DFS_EV_LINK_UP:
	case DFS_EV_LINK_BYTES:
	case DFS_EV_LINK_ROOM:
	case DFS_EV_LINK_DOWN:
		ad_peers_step(ad, ev, fxs);
		break;
	case DFS_EV_TIMER:
		ad_peers_tick(ad, fxs);
		break;
	case DFS_EV_STOP:
		if (!ad->finished) {
			ad_complain(ad, "interrupted");
			ad_finish(ad, AD_EXIT_FAILED);
		}
		break;
	default:
		break;
	}
	if (!ad->finished && ad->wake_at <= ad->now) {
		ad->wake_at = DFS_NEVER;
		ad->handlers->woken(ad, fxs);
	}
	if (ad->finished) {
		ad_peers_close(ad, fxs);
		dfs_fx_exit(fxs, 0);
		ad->exited = true;
	}
}

static nsec ad_deadline(const void *core)
{
	const struct ad *ad = core;
	return ad->exited ? DFS_NEVER : dfs_min(ad_peers_deadline(ad), ad->wake_at);
}

static void ad_room(void *core, u64 link, u8 **ret_data, u32 *ret_length)
{
	struct ad_peer *peer = ad_peer_find(core, link);
	*ret_data = NULL;
	*ret_length = 0;
	if (peer != NULL)
		dfs_session_room(peer->session, ret_data, ret_length);
}

static void ad_check(const void *core)
{
	const struct ad *ad = core;
	DFS_ASSERT(!ad->exited || ad->finished);
	dfs_list_for_each (at, &ad->peers)
		dfs_session_check(dfs_list_entry(at, struct ad_peer, in_all)->session);
}

const struct dfs_core_ops ad_core_ops = {
    .step = ad_step,
    .deadline = ad_deadline,
    .room = ad_room,
    .check = ad_check,
};
