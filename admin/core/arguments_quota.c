/*
 * What belongs to `dfs quota` on the command line: see arguments.h.
 */
#include "admin/core/arguments.h"

#include "admin/core/suggest.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/messages.h"

#include <stdlib.h>

static const char *const verbs[] = {
    [AD_QUOTA_NONE] = "",         [AD_QUOTA_SET] = "set",       [AD_QUOTA_GET] = "get",
    [AD_QUOTA_REPORT] = "report", [AD_QUOTA_REMOVE] = "remove",
};

int ad_quota_verb(struct ad_quota_arguments *quota, const char *word, struct ad_text *why)
{
	for (u32 i = 1; i < dfs_array_count(verbs); i++) {
		if (strcmp(word, verbs[i]) == 0) {
			quota->verb = (enum ad_quota_verb)i;
			return 0;
		}
	}
	const char *nearest = ad_suggest(word, verbs + 1, dfs_array_count(verbs) - 1);
	ad_text_add(why, "unknown verb \"%.100s\" of dfs quota", word);
	if (nearest != NULL)
		ad_text_add(why, "; did you mean %s?", nearest);
	else
		ad_text_add(why, "; set, get, report and remove are known");
	return DFS_EINVAL;
}

/* Digits and perhaps one of the letters, each `base` times the one before. Nothing is 0. */
static bool parse(const char *text, size_t length, u64 base, const char *letters, u64 *ret_value)
{
	u64 value = 0;
	size_t at = 0;
	for (; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
		if (value > (UINT64_MAX >> 1) / 10 - 10)
			return false;
		value = value * 10 + (u64)(text[at] - '0');
	}
	if (at < length && at > 0) {
		char letter = text[at] >= 'a' && text[at] <= 'z' ? (char)(text[at] - 32) : text[at];
		const char *found = letter == '\0' ? NULL : strchr(letters, letter);
		if (found == NULL)
			return false;
		for (const char *each = letters; each <= found; each++) {
			if (value > (UINT64_MAX >> 1) / base)
				return false;
			value *= base;
		}
		at++;
	}
	*ret_value = value;
	return at == length;
}

int ad_quota_limits(struct ad_quota_arguments *quota, bool bytes, const char *value,
		    struct ad_text *why)
{
	const char *name = bytes ? "--bytes" : "--inodes";
	const char *letters = bytes ? "KMGTP" : "KMG";
	u64 base = bytes ? 1024 : 1000;
	const char *colon = strchr(value, ':');
	u64 soft = 0, hard;
	bool good = colon == NULL || parse(value, (size_t)(colon - value), base, letters, &soft);
	const char *rest = colon == NULL ? value : colon + 1;
	good = good && parse(rest, strlen(rest), base, letters, &hard);
	if (!good) {
		ad_text_add(why,
			    "%s %.50s: SOFT:HARD or HARD is expected, numbers with an optional %s",
			    name, value, bytes ? "K, M, G, T or P" : "K, M or G");
		return DFS_EINVAL;
	}
	if (hard != 0 && soft > hard) {
		ad_text_add(why, "%s %.50s: the soft limit is above the hard one", name, value);
		return DFS_EINVAL;
	}
	if (bytes) {
		quota->bytes_soft = soft;
		quota->bytes_hard = hard;
		quota->valid |= DFS_QUOTA_SET_BYTES;
	} else {
		quota->inodes_soft = soft;
		quota->inodes_hard = hard;
		quota->valid |= DFS_QUOTA_SET_INODES;
	}
	return 0;
}

int ad_quota_grace(struct ad_quota_arguments *quota, const char *value, struct ad_text *why)
{
	static const struct {
		char letter;
		u32 seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	unsigned long long number = strtoull(value, &end, 10);
	bool digits = value[0] >= '0' && value[0] <= '9';
	for (u32 i = 0; digits && i < dfs_array_count(units); i++) {
		bool whole = end[0] == units[i].letter && (end[0] == '\0' || end[1] == '\0');
		if (!whole || number > UINT32_MAX / units[i].seconds)
			continue;
		quota->grace = (u32)number * units[i].seconds;
		quota->valid |= DFS_QUOTA_SET_GRACE;
		return 0;
	}
	ad_text_add(why, "--grace %.50s: a time like 90s, 30m, 12h or 7d is expected", value);
	return DFS_EINVAL;
}

static int wrong(struct ad_text *why, const char *verb, const char *what)
{
	ad_text_add(why, "dfs quota %s %s; dfs quota --help tells more", verb, what);
	return DFS_EINVAL;
}

int ad_quota_check(const struct ad_arguments *arguments, struct ad_text *why)
{
	const struct ad_quota_arguments *quota = &arguments->quota;
	const char *verb = verbs[quota->verb];
	u32 subjects = arguments->files_count + (quota->user != NULL) + (quota->group != NULL);
	if (quota->verb == AD_QUOTA_NONE) {
		ad_text_add(why, "dfs quota needs to know what to do: set, get, report or remove; "
				 "dfs quota --help tells more");
		return DFS_EINVAL;
	}
	if (quota->verb != AD_QUOTA_SET && quota->valid != 0)
		return wrong(why, verb, "takes no limits");
	if (quota->verb == AD_QUOTA_REPORT)
		return subjects == 0 ? 0 : wrong(why, verb, "is of all: it takes no name");
	if (quota->trees)
		return wrong(why, verb, "takes a directory, and no --tree");
	if (subjects != 1)
		return wrong(why, verb, "needs one directory, --user or --group");
	if (quota->verb == AD_QUOTA_SET && quota->valid == 0)
		return wrong(why, verb, "needs --bytes, --inodes or --grace");
	return 0;
}
