/*
 * One repair after another, each through the master. Counters first: other repairs move them, and
 * the master puts a count right only while it says what the check has read.
 */
#include "admin/core/fsck_i.h"

static bool is_counter(const struct fsck_fault *fault)
{
	u16 number = fault->finding.fault;
	return number == MS_FAULT_COUNT_INODES || number == MS_FAULT_COUNT_CHUNKS ||
	       number == MS_FAULT_COUNT_GARBAGE || number == MS_FAULT_COUNT_TRASH ||
	       number == MS_FAULT_COUNT_TRASH_BYTES;
}

/* `at` runs twice over the faults: once for the counters, once for the rest. */
static struct fsck_fault *next(struct fsck *fsck)
{
	for (; fsck->at < 2 * fsck->faults_count; fsck->at++) {
		bool counters = fsck->at < fsck->faults_count;
		struct fsck_fault *fault = &fsck->faults[fsck->at % fsck->faults_count];
		const struct ms_fault_info *info = ms_fault_info(fault->finding.fault);
		if (info->repair && is_counter(fault) == counters)
			return fault;
	}
	return NULL;
}

static void ask(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	const struct fsck_fault *fault = next(fsck);
	struct dfs_writer writer;
	if (fault == NULL) {
		fsck_next(ad, fxs);
		return;
	}
	struct dfs_repair repair = {
	    .fault = fault->finding.fault,
	    .subject = fault->finding.subject,
	    .at = fault->finding.at,
	    .noted = fault->finding.noted,
	    .found = fault->finding.found,
	};
	ad_begin(ad->master, &writer);
	dfs_repair_put(&writer, &repair);
	ad_ask(ad, ad->master, DFS_MSG_REPAIR, &writer, 0, fxs);
}

void fsck_repair_start(struct ad *ad, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	fsck->at = 0;
	ask(ad, fxs);
}

void fsck_repair_answered(struct ad *ad, const struct ad_answer *answer, struct dfs_fxs *fxs)
{
	struct fsck *fsck = ad->work;
	struct fsck_fault *fault = next(fsck);
	DFS_ASSERT(fault != NULL);
	fault->status = answer->status;
	if (answer->status == 0)
		fault->outcome = FSCK_REPAIRED;
	else
		fault->outcome = answer->status == DFS_ESTALE ? FSCK_CHANGED : FSCK_REFUSED;
	if (answer->status == DFS_ETIMEDOUT || answer->peer->refusal != 0) {
		ad_complain_answer(ad, answer, "repair");
		fsck->incomplete = true;
		fsck_next(ad, fxs);
		return;
	}
	fsck->at++;
	ask(ad, fxs);
}
