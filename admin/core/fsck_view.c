/*
 * The lines of `dfs fsck`: one fault each, its identifier first, then numbers by name, then what it
 * means. Scripts look for the identifiers and the names; the sentences may change.
 */
#include "admin/core/fsck_i.h"

typedef unsigned long long ull;

static bool is_hex(const char *word)
{
	return strcmp(word, "chunk") == 0 || strcmp(word, "server") == 0 ||
	       strcmp(word, "cookie") == 0;
}

static void numbers_of(const struct ms_finding *finding, u64 ret_values[4])
{
	ret_values[0] = finding->subject;
	ret_values[1] = finding->at;
	ret_values[2] = finding->noted;
	ret_values[3] = finding->found;
}

static const char *outcome_of(const struct fsck_fault *fault, bool repairing)
{
	const struct ms_fault_info *info = ms_fault_info(fault->finding.fault);
	switch (fault->outcome) {
	case FSCK_REPAIRED:
		return "repaired";
	case FSCK_CHANGED:
		return "changed meanwhile, check again";
	case FSCK_REFUSED:
		return "not repaired";
	case FSCK_LEFT:
		break;
	}
	if (info->repair)
		return repairing ? "not repaired" : "dfs fsck --repair puts it right";
	return "not safe to repair";
}

static const char *address_of(const struct fsck *fsck, u64 node)
{
	for (u32 i = 0; i < fsck->servers_count; i++) {
		if (fsck->servers[i].node == node)
			return fsck->servers[i].address;
	}
	return NULL;
}

static void print_fault(struct ad *ad, const struct fsck_fault *fault)
{
	const struct fsck *fsck = ad->work;
	const struct ms_fault_info *info = ms_fault_info(fault->finding.fault);
	bool done = fault->outcome == FSCK_REPAIRED;
	u64 values[4];
	numbers_of(&fault->finding, values);
	ad_text_add(&ad->out, "%s%s%s", ad_paint(ad, done ? AD_GOOD : AD_BAD), info->id,
		    ad_unpaint(ad));
	for (u32 i = 0; i < 4; i++) {
		const char *word = info->words[i];
		if (word[0] == '\0')
			continue;
		if (is_hex(word))
			ad_text_add(&ad->out, " %s=%016llx", word, (ull)values[i]);
		else
			ad_text_add(&ad->out, " %s=%llu", word, (ull)values[i]);
		if (strcmp(word, "server") == 0 && address_of(fsck, values[i]) != NULL)
			ad_text_add(&ad->out, " address=%s", address_of(fsck, values[i]));
	}
	ad_text_add(&ad->out, ": %s [%s", info->meaning,
		    outcome_of(fault, ad->config.arguments->repair));
	if (fault->outcome == FSCK_REFUSED)
		ad_text_add(&ad->out, ": %s", dfs_error_text(fault->status));
	ad_text_add(&ad->out, "]\n");
}

static void print_summary(struct ad *ad, u32 repaired)
{
	const struct fsck *fsck = ad->work;
	struct ms_checked_counts counts = ms_check_counts(fsck->check);
	char a[AD_NUMBER_BYTES], b[AD_NUMBER_BYTES], c[AD_NUMBER_BYTES];
	ull left = fsck->faults_count - repaired + fsck->faults_dropped;
	ad_text_add(&ad->out, "checked %s inodes, %s chunks, %s rows, %u of %u chunkservers",
		    ad_count(counts.inodes, a), ad_count(counts.chunks, b),
		    ad_count(counts.rows, c), fsck->servers_count - fsck->away_count,
		    fsck->servers_count);
	if (ad->config.arguments->data)
		ad_text_add(&ad->out, ", %s of data", ad_size(fsck->bytes_read, a));
	ad_text_add(&ad->out, " in %s\n", ad_duration((ad->now - fsck->began) / DFS_SEC, a));
	if (fsck->faults_dropped > 0)
		ad_text_add(&ad->out, "%llu more faults are not listed\n",
			    (ull)fsck->faults_dropped);
	if (repaired > 0)
		ad_text_add(&ad->out, "%s%u repaired%s\n", ad_paint(ad, AD_GOOD), repaired,
			    ad_unpaint(ad));
	if (left > 0)
		ad_text_add(&ad->out, "%s%llu %s%s\n", ad_paint(ad, AD_BAD), left,
			    ad_plural(left, "fault", "faults"), ad_unpaint(ad));
	else if (!fsck->incomplete)
		ad_text_add(&ad->out, "%sno fault%s%s\n", ad_paint(ad, AD_GOOD),
			    repaired > 0 ? " is left" : "", ad_unpaint(ad));
	if (fsck->incomplete)
		ad_text_add(&ad->out, "%sthe check is not complete%s\n", ad_paint(ad, AD_BAD),
			    ad_unpaint(ad));
}

static void put_fault(struct ad_json *json, const struct fsck_fault *fault, bool repairing)
{
	const struct ms_fault_info *info = ms_fault_info(fault->finding.fault);
	u64 values[4];
	numbers_of(&fault->finding, values);
	ad_json_open(json, NULL, '{');
	ad_json_text(json, "fault", dfs_span_text(info->id));
	for (u32 i = 0; i < 4; i++) {
		if (info->words[i][0] == '\0')
			continue;
		if (is_hex(info->words[i]))
			ad_json_id(json, info->words[i], values[i]);
		else
			ad_json_number(json, info->words[i], values[i]);
	}
	ad_json_text(json, "meaning", dfs_span_text(info->meaning));
	ad_json_bool(json, "repairable", info->repair);
	ad_json_bool(json, "repaired", fault->outcome == FSCK_REPAIRED);
	ad_json_text(json, "outcome", dfs_span_text(outcome_of(fault, repairing)));
	ad_json_close(json, '}');
}

static void print_json(struct ad *ad, u32 repaired)
{
	const struct fsck *fsck = ad->work;
	struct ms_checked_counts counts = ms_check_counts(fsck->check);
	struct ad_json json = {.out = &ad->out};
	/* What went wrong before is on standard error; here it is a flag. */
	ad->out.length = 0;
	ad_json_open(&json, NULL, '{');
	ad_json_bool(&json, "complete", !fsck->incomplete);
	ad_json_number(&json, "inodes", counts.inodes);
	ad_json_number(&json, "chunks", counts.chunks);
	ad_json_number(&json, "rows", counts.rows);
	ad_json_number(&json, "chunkservers", fsck->servers_count);
	ad_json_number(&json, "chunkservers_away", fsck->away_count);
	ad_json_number(&json, "bytes_read", fsck->bytes_read);
	ad_json_number(&json, "left", fsck->faults_count - repaired + fsck->faults_dropped);
	ad_json_number(&json, "repaired", repaired);
	ad_json_open(&json, "faults", '[');
	for (u32 i = 0; i < fsck->faults_count; i++)
		put_fault(&json, &fsck->faults[i], ad->config.arguments->repair);
	ad_json_close(&json, ']');
	ad_json_close(&json, '}');
	ad_text_add(&ad->out, "\n");
}

void fsck_print(struct ad *ad)
{
	const struct fsck *fsck = ad->work;
	u32 repaired = 0;
	for (u32 i = 0; i < fsck->faults_count; i++)
		repaired += fsck->faults[i].outcome == FSCK_REPAIRED;
	if (ad->config.arguments->json) {
		print_json(ad, repaired);
		return;
	}
	for (u32 i = 0; i < fsck->faults_count; i++)
		print_fault(ad, &fsck->faults[i]);
	print_summary(ad, repaired);
}
