/*
 * See quota_view.h.
 */
#include "admin/core/quota_view.h"

#include <stdio.h>

typedef unsigned long long ull;

static const char *kind_name(u8 kind)
{
	return kind == DFS_QUOTA_USER ? "user" : kind == DFS_QUOTA_GROUP ? "group" : "tree";
}

static const char *state_name(u8 state)
{
	static const char *const names[] = {"", "counting", "ending"};
	return names[dfs_min(state, (u8)DFS_QUOTA_ENDING)];
}

bool ad_quota_exceeded(const struct dfs_quota *quota)
{
	return (quota->bytes_soft != 0 && quota->bytes > quota->bytes_soft) ||
	       (quota->bytes_hard != 0 && quota->bytes >= quota->bytes_hard) ||
	       (quota->inodes_soft != 0 && quota->inodes > quota->inodes_soft) ||
	       (quota->inodes_hard != 0 && quota->inodes >= quota->inodes_hard);
}

void ad_quota_table(struct ad_table *ret_table)
{
	static const char *const titles[] = {"",        ">bytes", ">soft", ">hard", "grace",
					     ">inodes", ">soft",  ">hard", "grace", ""};
	ad_table_init(ret_table, dfs_array_count(titles), titles);
}

static const char *grace_text(u64 left, char text[AD_NUMBER_BYTES])
{
	if (left == UINT64_MAX)
		return "";
	return left == 0 ? "over" : ad_duration(left, text);
}

void ad_quota_row(struct ad_table *table, const struct dfs_quota *quota, struct dfs_span who)
{
	char a[AD_NUMBER_BYTES];
	const char *kind = kind_name(quota->kind);
	struct ad_text name = {0};
	ad_text_add_name(&name, who);
	if (who.length > 0)
		ad_table_cell(table, "%s %s", kind, ad_text_get(&name));
	else
		ad_table_cell(table, "%s %llu", kind, (ull)quota->id);
	ad_text_fini(&name);
	ad_table_cell(table, "%s", ad_size(quota->bytes, a));
	ad_table_cell(table, "%s", quota->bytes_soft == 0 ? "-" : ad_size(quota->bytes_soft, a));
	ad_table_cell(table, "%s", quota->bytes_hard == 0 ? "-" : ad_size(quota->bytes_hard, a));
	ad_table_cell(table, "%s", grace_text(quota->bytes_left, a));
	ad_table_cell(table, "%s", ad_count(quota->inodes, a));
	ad_table_cell(table, "%s", quota->inodes_soft == 0 ? "-" : ad_count(quota->inodes_soft, a));
	ad_table_cell(table, "%s", quota->inodes_hard == 0 ? "-" : ad_count(quota->inodes_hard, a));
	ad_table_cell(table, "%s", grace_text(quota->inodes_left, a));
	ad_table_cell(table, "%s", state_name(quota->state));
}

static void put_limits(struct ad_json *json, const char *key, const u64 numbers[3], u64 left)
{
	ad_json_open(json, key, '{');
	ad_json_number(json, "used", numbers[0]);
	ad_json_number(json, "soft", numbers[1]);
	ad_json_number(json, "hard", numbers[2]);
	if (left != UINT64_MAX)
		ad_json_number(json, "grace_left_s", left);
	ad_json_close(json, '}');
}

void ad_quota_json(struct ad_json *json, const struct dfs_quota *quota, struct dfs_span who)
{
	const u64 bytes[] = {quota->bytes, quota->bytes_soft, quota->bytes_hard};
	const u64 inodes[] = {quota->inodes, quota->inodes_soft, quota->inodes_hard};
	ad_json_open(json, NULL, '{');
	ad_json_text(json, "kind", dfs_span_text(kind_name(quota->kind)));
	ad_json_number(json, "id", quota->id);
	if (who.length > 0)
		ad_json_text(json, "name", who);
	put_limits(json, "bytes", bytes, quota->bytes_left);
	put_limits(json, "inodes", inodes, quota->inodes_left);
	ad_json_number(json, "grace_s", quota->grace);
	ad_json_bool(json, "exceeded", ad_quota_exceeded(quota));
	if (quota->kind == DFS_QUOTA_TREE) {
		ad_json_number(json, "outer", quota->outer);
		ad_json_bool(json, "whole", quota->state == DFS_QUOTA_WHOLE);
	}
	ad_json_close(json, '}');
}
