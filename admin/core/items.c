/*
 * STATUS lines: see items.h.
 */
#include "admin/core/items.h"

#include <stdio.h>
#include <stdlib.h>

int ad_items_decode(struct dfs_span body, u16 version, struct ad_items *ret_items)
{
	struct dfs_status_reply reply;
	struct dfs_status_item item;
	int status = dfs_status_reply_decode(body, version, &reply);
	if (status != 0)
		return status;
	struct ad_items items = {.count = reply.items.count};
	items.items = calloc(dfs_max(items.count, 1u), sizeof(*items.items));
	DFS_ASSERT(items.items != NULL);
	struct dfs_items each = reply.items;
	while (dfs_status_item_next(&each, &item)) {
		ad_text_add_span(&items.bytes, item.key);
		ad_text_add_span(&items.bytes, dfs_span("", 1));
		ad_text_add_span(&items.bytes, item.value);
		ad_text_add_span(&items.bytes, dfs_span("", 1));
	}
	/* Only now do they stay where they are. A NUL inside shortens a text, nothing worse. */
	const char *at = ad_text_get(&items.bytes);
	each = reply.items;
	for (u32 i = 0; dfs_status_item_next(&each, &item); i++) {
		items.items[i] = (struct ad_item){.key = at, .value = at + item.key.length + 1};
		at += item.key.length + 1 + item.value.length + 1;
	}
	*ret_items = items;
	return 0;
}

void ad_items_fini(struct ad_items *items)
{
	free(items->items);
	ad_text_fini(&items->bytes);
	*items = (struct ad_items){0};
}

const char *ad_items_get(const struct ad_items *items, const char *key)
{
	for (u32 i = 0; i < items->count; i++) {
		if (strcmp(items->items[i].key, key) == 0)
			return items->items[i].value;
	}
	return "";
}

u64 ad_items_number(const struct ad_items *items, const char *key)
{
	return strtoull(ad_items_get(items, key), NULL, 10);
}

const char *ad_field_rest(const char *value, const char *name)
{
	size_t length = strlen(name);
	bool quoted = false;
	bool begins = true;
	for (const char *at = value; *at != '\0'; at++) {
		if (begins && !quoted && strncmp(at, name, length) == 0 && at[length] == '=')
			return at + length + 1;
		quoted ^= *at == '"';
		begins = *at == ' ';
	}
	return "";
}

const char *ad_field(const char *value, const char *name, char *ret_text, u32 text_bytes)
{
	const char *at = ad_field_rest(value, name);
	char end = *at == '"' ? '"' : ' ';
	at += end == '"';
	const char *stop = strchr(at, end);
	size_t length = stop == NULL ? strlen(at) : (size_t)(stop - at);
	snprintf(ret_text, text_bytes, "%.*s", (int)dfs_min(length, (size_t)text_bytes), at);
	return ret_text;
}

u64 ad_field_number(const char *value, const char *name)
{
	return strtoull(ad_field_rest(value, name), NULL, 10);
}
