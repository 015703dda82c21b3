/*
 * What clients hold open, against the tables: one session of the tables after the other. Files are
 * made and sessions end meanwhile, so what does not fit is a suspect only.
 */
#include "admin/core/fsck_i.h"

static void ask(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct dfs_writer writer;
	u32 count;
	const u64 *sessions = ms_check_sessions(fsck->check, &count);
	if (fsck->at == count) {
		fsck_next(ad, fxs);
		return;
	}
	ad_begin(ad->master, &writer);
	dfs_opens_put(&writer, &(struct dfs_opens){.session = sessions[fsck->at]});
	ad_ask(ad, ad->master, DFS_MSG_OPENS, &writer, sessions[fsck->at], fxs);
}

void fsck_opens_start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	fsck->at = 0;
	ask(ad, fxs);
}

void fsck_opens_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct ad_answer failure = *answer;
	struct dfs_opens_reply reply;
	struct dfs_id id;
	if (failure.status == 0)
		failure.status = dfs_opens_reply_decode(answer->body, answer->version, &reply);
	while (failure.status == 0 && dfs_id_next(&reply.inodes, &id)) {
		if (!ms_check_has_inode(fsck->check, id.id))
			fsck_add_suspect(fsck, MS_FAULT_OPEN_MISSING, id.id, answer->tag, 0, 0, 0);
	}
	if (failure.status == DFS_ENO_SESSION) {
		fsck_add_suspect(fsck, MS_FAULT_SESSION_UNKNOWN, answer->tag, 0, 0, 0, 0);
	} else if (failure.status != 0) {
		ad_complain_answer(ad, &failure, "ask what clients have open");
		ad_finish(ad, AD_EXIT_FAILED);
		return;
	}
	fsck->at++;
	ask(ad, fxs);
}
