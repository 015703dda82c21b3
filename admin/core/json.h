/*
 * Writing JSON (RFC 8259): commas and quotes are seen to, nesting is the caller's. Bytes that are
 * no UTF-8 become U+FFFD, since a string must be Unicode.
 */
#ifndef DFS_ADMIN_JSON_H
#define DFS_ADMIN_JSON_H

#include "admin/core/text.h"

struct ad_json {
	struct ad_text *out; /* Borrowed. */
	bool some;           /* A value stands before: a comma is due. */
};

/* `key` is NULL inside arrays. */
void ad_json_open(struct ad_json *json, const char *key, char bracket);
void ad_json_close(struct ad_json *json, char bracket);
void ad_json_text(struct ad_json *json, const char *key, struct dfs_span value);
void ad_json_number(struct ad_json *json, const char *key, u64 value);
void ad_json_bool(struct ad_json *json, const char *key, bool value);
/* 16 hex digits, as chunks and nodes are written everywhere: numbers beyond 2^53 do not survive in
 * every reader. */
void ad_json_id(struct ad_json *json, const char *key, u64 value);

#endif
