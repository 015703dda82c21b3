/*
 * How quotas are shown: as a table and as JSON.
 */
#ifndef DFS_ADMIN_QUOTA_VIEW_H
#define DFS_ADMIN_QUOTA_VIEW_H

#include "admin/core/json.h"
#include "admin/core/table.h"
#include "libdfsproto/wire/messages.h"

/* Above a soft limit, or at a hard one. */
bool ad_quota_exceeded(const struct dfs_quota *quota);
/* `who` is the name of the user or group, or a path; empty: its number is shown. */
void ad_quota_table(struct ad_table *ret_table);
void ad_quota_row(struct ad_table *table, const struct dfs_quota *quota, struct dfs_span who);
void ad_quota_json(struct ad_json *json, const struct dfs_quota *quota, struct dfs_span who);

#endif
