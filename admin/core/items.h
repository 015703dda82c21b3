/*
 * What a daemon says of itself in STATUS: lines of key and value, kept after the message has gone.
 */
#ifndef DFS_ADMIN_ITEMS_H
#define DFS_ADMIN_ITEMS_H

#include "admin/core/text.h"
#include "libdfsproto/wire/messages.h"

struct ad_item {
	const char *key;
	const char *value;
};

struct ad_items {
	struct ad_item *items;
	u32 count;
	struct ad_text bytes; /* Where they point into. */
};

/* 0, or DFS_EMALFORMED. */
int ad_items_decode(struct dfs_span body, u16 version, struct ad_items *ret_items);
void ad_items_fini(struct ad_items *items);
/* "" when there is no such key. */
const char *ad_items_get(const struct ad_items *items, const char *key);
u64 ad_items_number(const struct ad_items *items, const char *key);

/* A field of a value of the form `a=1 b="two words" c=…`: its text into `ret_text`, cut to fit; ""
 * when there is none. `rest` takes everything to the end of the value: for names. */
const char *ad_field(const char *value, const char *name, char *ret_text, u32 text_bytes);
const char *ad_field_rest(const char *value, const char *name);
u64 ad_field_number(const char *value, const char *name);

#endif
