/*
 * dfs quota: limits are set, told and taken away.
 *
 *   RESOLVING --LOOKUPs, only for a subtree's own root--> the verb
 *   set     SETTING --SET_QUOTA--> LOOKING --a tree that is being counted--> the walk --> ENDING
 *   remove  LOOKING --QUOTAS: is there one, what is around it?--> SETTING --SET_QUOTA--> the walk
 *   get     LOOKING --> printed
 *   report  REPORTING --QUOTAS until no more, kind by kind--> printed
 *
 * The walk, over directories that wait on a stack, the topmost one first:
 *   ADOPTING --ADOPT until all its names are taken in--> LISTING --READDIR: its directories join
 * the stack--> the next one; when there is none, ENDING (SET_QUOTA: it is whole) or printed.
 */
#include "admin/core/admin_i.h"
#include "admin/core/quota_view.h"
#include "admin/core/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum quota_state {
	QUOTA_RESOLVING, /* Waits for LOOKUP_REPLY. */
	QUOTA_SETTING,   /* Waits for the answer to SET_QUOTA. */
	QUOTA_LOOKING,   /* Waits for QUOTAS_REPLY. */
	QUOTA_ADOPTING,  /* Waits for ADOPT_REPLY. */
	QUOTA_LISTING,   /* Waits for READDIR_REPLY. */
	QUOTA_ENDING,    /* Waits for the answer to SET_QUOTA(COUNTED). */
	QUOTA_REPORTING, /* Waits for QUOTAS_REPLY. */
};

enum { LISTING_BYTES = 65536 };

struct quota_work {
	enum quota_state state;
	struct ad_resolve resolve;
	u8 kind;
	u64 id;
	u64 tree; /* The walk: what its directories count in. */
	u64 *stack;
	u32 stack_count;
	u32 stack_capacity;
	u64 directory;         /* The one at work. */
	u64 directories_count; /* The walk has seen so many, */
	u64 names_count;       /* and names in them. */
	u32 exceeded;
	struct ad_table table;
	struct ad_json json;
};

static enum ad_quota_verb verb_of(const struct ad *ad)
{
	return ad->config.arguments->quota.verb;
}

/* What an operator calls it, or NULL. */
static const char *name_of(const struct ad *ad, u8 kind, u64 id)
{
	const struct quota_work *work = ad->work;
	if (kind != DFS_QUOTA_TREE)
		return ad->config.account_name(kind == DFS_QUOTA_GROUP, id);
	return work->kind == kind && work->id == id ? ad->config.files[0].path : NULL;
}

/* --- Questions. --- */

static void ask_quotas(struct ad *ad, u64 from, u32 count, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	struct dfs_writer writer;
	struct dfs_quotas quotas = {.kind = work->kind, .from = from, .count = count};
	ad_begin(ad->master, &writer);
	dfs_quotas_put(&writer, &quotas);
	ad_ask(ad, ad->master, DFS_MSG_QUOTAS, &writer, 0, fxs);
}

static void look(struct ad *ad, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	work->state = QUOTA_LOOKING;
	ask_quotas(ad, work->id, 1, fxs);
}

static void ask_set(struct ad *ad, enum quota_state state, u32 valid, struct dfs_fxs *fxs)
{
	const struct ad_quota_arguments *quota = &ad->config.arguments->quota;
	struct quota_work *work = ad->work;
	struct dfs_writer writer;
	struct dfs_set_quota set = {
	    .kind = work->kind,
	    .id = work->id,
	    .valid = valid,
	    .bytes_soft = quota->bytes_soft,
	    .bytes_hard = quota->bytes_hard,
	    .inodes_soft = quota->inodes_soft,
	    .inodes_hard = quota->inodes_hard,
	    .grace = quota->grace,
	};
	work->state = state;
	ad_begin(ad->master, &writer);
	dfs_set_quota_put(&writer, &set);
	ad_ask(ad, ad->master, DFS_MSG_SET_QUOTA, &writer, 0, fxs);
}

static void ask_adopt(struct ad *ad, u64 cookie, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	struct dfs_writer writer;
	struct dfs_adopt adopt = {.ino = work->directory, .tree = work->tree, .cookie = cookie};
	work->state = QUOTA_ADOPTING;
	ad_begin(ad->master, &writer);
	dfs_adopt_put(&writer, &adopt);
	ad_ask(ad, ad->master, DFS_MSG_ADOPT, &writer, 0, fxs);
}

static void ask_listing(struct ad *ad, u64 cookie, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	struct dfs_writer writer;
	struct dfs_readdir readdir = {
	    .ino = work->directory, .cookie = cookie, .bytes_max = LISTING_BYTES};
	work->state = QUOTA_LISTING;
	ad_begin(ad->master, &writer);
	dfs_readdir_put(&writer, &readdir);
	ad_ask(ad, ad->master, DFS_MSG_READDIR, &writer, 0, fxs);
}

/* --- The end. --- */

static void show(struct ad *ad, const struct dfs_quota *quota)
{
	struct quota_work *work = ad->work;
	const char *name = name_of(ad, quota->kind, quota->id);
	struct dfs_span who = name != NULL ? dfs_span_text(name) : quota->path;
	work->exceeded += ad_quota_exceeded(quota);
	if (ad->config.arguments->json)
		ad_quota_json(&work->json, quota, who);
	else
		ad_quota_row(&work->table, quota, who);
}

static void print(struct ad *ad)
{
	struct quota_work *work = ad->work;
	if (ad->config.arguments->json) {
		ad_json_close(&work->json, ']');
		ad_json_close(&work->json, '}');
		ad_text_add(&ad->out, "\n");
	} else if (verb_of(ad) != AD_QUOTA_REMOVE) {
		ad_table_print(&work->table, "", &ad->out);
	}
	bool told = verb_of(ad) == AD_QUOTA_GET || verb_of(ad) == AD_QUOTA_REPORT;
	ad_finish(ad, told && work->exceeded > 0 ? AD_EXIT_FOUND : AD_EXIT_OK);
}

/* --- The walk. --- */

static void push(struct quota_work *work, u64 ino)
{
	if (work->stack_count == work->stack_capacity) {
		work->stack_capacity = work->stack_capacity * 2 + 64;
		work->stack = realloc(work->stack, work->stack_capacity * sizeof(*work->stack));
		DFS_ASSERT(work->stack != NULL);
	}
	work->stack[work->stack_count++] = ino;
}

static void walk_next(struct ad *ad, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	if (work->stack_count > 0) {
		work->directory = work->stack[--work->stack_count];
		work->directories_count++;
		ask_adopt(ad, 0, fxs);
	} else if (verb_of(ad) == AD_QUOTA_SET) {
		ask_set(ad, QUOTA_ENDING, DFS_QUOTA_COUNTED, fxs);
	} else {
		print(ad);
	}
}

static void walk(struct ad *ad, u64 tree, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	work->tree = tree;
	push(work, work->id);
	walk_next(ad, fxs);
}

static void show_progress(struct ad *ad)
{
	const struct quota_work *work = ad->work;
	const char *what = verb_of(ad) == AD_QUOTA_SET ? "counted" : "handed back";
	snprintf(ad->progress, sizeof(ad->progress), "%llu names in %llu directories %s",
		 (unsigned long long)work->names_count, (unsigned long long)work->directories_count,
		 what);
}

static int take_listing(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	struct dfs_readdir_reply reply;
	struct dfs_dirent entry;
	u64 cookie = 0;
	int status = dfs_readdir_reply_decode(answer->body, answer->version, &reply);
	while (status == 0 && dfs_dirent_next(&reply.entries, &entry)) {
		work->names_count++;
		cookie = entry.cookie;
		if (S_ISDIR(entry.attr.mode))
			push(work, entry.attr.ino);
	}
	if (status != 0)
		return status;
	show_progress(ad);
	if (reply.end != 0 || cookie == 0)
		walk_next(ad, fxs);
	else
		ask_listing(ad, cookie, fxs);
	return 0;
}

/* --- Answers. --- */

static int take_one(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	struct dfs_quotas_reply reply;
	struct dfs_quota quota;
	int status = dfs_quotas_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		return status;
	bool found = dfs_quota_next(&reply.quotas, &quota) && quota.id == work->id;
	if (!found)
		quota = (struct dfs_quota){.kind = work->kind,
					   .id = work->id,
					   .bytes_left = UINT64_MAX,
					   .inodes_left = UINT64_MAX};
	if (!found && work->kind == DFS_QUOTA_TREE)
		return DFS_ENOENT;
	if (verb_of(ad) == AD_QUOTA_REMOVE) {
		work->tree = quota.outer;
		ask_set(ad, QUOTA_SETTING, DFS_QUOTA_END, fxs);
	} else if (verb_of(ad) == AD_QUOTA_SET && quota.state == DFS_QUOTA_COUNTING) {
		walk(ad, work->id, fxs);
	} else {
		show(ad, &quota);
		print(ad);
	}
	return 0;
}

static void begin_report(struct ad *ad, u8 kind, struct dfs_fxs *fxs)
{
	const struct ad_quota_arguments *quota = &ad->config.arguments->quota;
	struct quota_work *work = ad->work;
	const bool wanted[] = {[DFS_QUOTA_USER] = quota->users,
			       [DFS_QUOTA_GROUP] = quota->groups,
			       [DFS_QUOTA_TREE] = quota->trees};
	bool all = !quota->users && !quota->groups && !quota->trees;
	while (kind <= DFS_QUOTA_TREE && !all && !wanted[kind])
		kind++;
	if (kind > DFS_QUOTA_TREE) {
		print(ad);
		return;
	}
	work->kind = kind;
	work->state = QUOTA_REPORTING;
	ask_quotas(ad, 0, DFS_QUOTAS_MAX, fxs);
}

static int take_report(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	struct dfs_quotas_reply reply;
	struct dfs_quota quota = {0};
	int status = dfs_quotas_reply_decode(answer->body, answer->version, &reply);
	if (status != 0)
		return status;
	while (dfs_quota_next(&reply.quotas, &quota))
		show(ad, &quota);
	if (reply.end == 0 && reply.quotas.count > 0)
		ask_quotas(ad, quota.id + 1, DFS_QUOTAS_MAX, fxs);
	else
		begin_report(ad, (u8)(work->kind + 1), fxs);
	return 0;
}

static void begin_verb(struct ad *ad, struct dfs_fxs *fxs)
{
	if (verb_of(ad) == AD_QUOTA_SET)
		ask_set(ad, QUOTA_SETTING, ad->config.arguments->quota.valid, fxs);
	else
		look(ad, fxs);
}

static int take_lookup(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	int status;
	switch (ad_resolve_answered(ad, &work->resolve, answer, &status, fxs)) {
	case AD_RESOLVE_WAITS:
		return 0;
	case AD_RESOLVE_DONE:
		work->id = work->resolve.attr.ino;
		begin_verb(ad, fxs);
		return 0;
	case AD_RESOLVE_ABSENT:
		return DFS_ESTALE;
	case AD_RESOLVE_FAILED:
		break;
	}
	return status;
}

static int take_answer(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct quota_work *work = ad->work;
	struct dfs_adopt_reply adopted;
	int status = answer->status;
	bool walking = work->state == QUOTA_ADOPTING || work->state == QUOTA_LISTING;
	if (walking && work->directory != work->id &&
	    (status == DFS_ESTALE || status == DFS_ENOENT || status == DFS_ENOTDIR)) {
		walk_next(ad, fxs); /* Gone, or a tree of its own. */
		return 0;
	}
	if (status != 0)
		return status;
	switch (work->state) {
	case QUOTA_RESOLVING:
		return take_lookup(ad, answer, fxs);
	case QUOTA_SETTING:
		if (verb_of(ad) == AD_QUOTA_SET)
			look(ad, fxs);
		else if (work->kind == DFS_QUOTA_TREE)
			walk(ad, work->tree, fxs);
		else
			print(ad);
		return 0;
	case QUOTA_LOOKING:
		return take_one(ad, answer, fxs);
	case QUOTA_ADOPTING:
		status = dfs_adopt_reply_decode(answer->body, answer->version, &adopted);
		if (status == 0 && adopted.next != 0)
			ask_adopt(ad, adopted.next, fxs);
		else if (status == 0)
			ask_listing(ad, 0, fxs);
		return status;
	case QUOTA_LISTING:
		return take_listing(ad, answer, fxs);
	case QUOTA_ENDING:
		look(ad, fxs);
		return 0;
	case QUOTA_REPORTING:
		return take_report(ad, answer, fxs);
	}
	return DFS_EMALFORMED;
}

static void answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	const struct quota_work *work = ad->work;
	struct ad_answer failure = *answer;
	failure.status = take_answer(ad, answer, fxs);
	if (failure.status == 0)
		return;
	const char *who = name_of(ad, work->kind, work->id);
	ad->out.length = 0;
	switch (failure.status) {
	case DFS_ENOENT:
		ad_complain(ad, "%s has no quota; dfs quota set makes one", who);
		break;
	case DFS_ENOTDIR:
		ad_complain(ad, "%s is no directory; a quota is of a directory and all below it",
			    who);
		break;
	case DFS_EMLINK:
		ad_complain(ad,
			    "%s: more than %d quotas would lie inside each other; remove one of "
			    "them with dfs quota remove",
			    who, DFS_QUOTA_DEPTH_MAX);
		break;
	case DFS_EBUSY:
		ad_complain(ad,
			    "%s: what counted in its last quota is not handed back yet; end that "
			    "with dfs quota remove, and close files that were deleted in it",
			    who);
		break;
	case DFS_ESTALE:
		ad_complain(ad, "%s was removed or moved meanwhile; look, and try again", who);
		break;
	default:
		ad_complain_answer(ad, &failure, "ask for quotas");
		break;
	}
	ad_finish(ad, AD_EXIT_FAILED);
}

static void start(struct ad *ad, struct dfs_fxs *fxs)
{
	const struct ad_quota_arguments *quota = &ad->config.arguments->quota;
	struct quota_work *work = calloc(1, sizeof(*work));
	DFS_ASSERT(work != NULL);
	ad->work = work;
	work->json.out = &ad->out;
	ad_quota_table(&work->table);
	if (ad->config.arguments->json) {
		ad_json_open(&work->json, NULL, '{');
		ad_json_open(&work->json, "quotas", '[');
	}
	if (quota->verb == AD_QUOTA_REPORT) {
		begin_report(ad, DFS_QUOTA_USER, fxs);
		return;
	}
	work->id = ad->config.account;
	work->kind = quota->user != NULL    ? DFS_QUOTA_USER
		     : quota->group != NULL ? DFS_QUOTA_GROUP
					    : DFS_QUOTA_TREE;
	if (work->kind == DFS_QUOTA_TREE) {
		const struct ad_file *file = &ad->config.files[0];
		work->state = QUOTA_RESOLVING;
		work->id = file->ino; /* A mount shows its own root as 1. */
		if (work->id != DFS_INO_ROOT ||
		    ad_resolve_start(ad, &work->resolve, file->subtree, fxs) == AD_RESOLVE_DONE)
			begin_verb(ad, fxs);
	} else if (work->id == 0 && quota->verb == AD_QUOTA_SET) {
		ad_complain(ad, "root has no limits: set those of other users and groups");
		ad_finish(ad, AD_EXIT_FAILED);
	} else {
		begin_verb(ad, fxs);
	}
}

static void fini(struct ad *ad)
{
	struct quota_work *work = ad->work;
	if (work == NULL)
		return;
	ad_table_fini(&work->table);
	free(work->stack);
	free(work);
}

const struct ad_handlers ad_quota_handlers = {
    .start = start,
    .answered = answered,
    .fini = fini,
};
