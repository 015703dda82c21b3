/*
 * Writing JSON: see json.h.
 */
#include "admin/core/json.h"

#include <stdio.h>

/* Bytes of the well-formed UTF-8 sequence that begins here (RFC 3629), or 0. */
static u32 sequence(struct dfs_span at)
{
	static const struct {
		u8 first_min, first_max, second_min, second_max, bytes;
	} forms[] = {
	    {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	for (u32 i = 0; i < dfs_array_count(forms); i++) {
		if (at.data[0] < forms[i].first_min || at.data[0] > forms[i].first_max)
			continue;
		if (forms[i].bytes > at.length)
			return 0;
		for (u32 j = 1; j < forms[i].bytes; j++) {
			u8 low = j == 1 ? forms[i].second_min : 0x80;
			u8 high = j == 1 ? forms[i].second_max : 0xbf;
			if (at.data[j] < low || at.data[j] > high)
				return 0;
		}
		return forms[i].bytes;
	}
	return 0;
}

static void put_string(struct ad_text *out, struct dfs_span value)
{
	ad_text_add(out, "\"");
	while (value.length > 0) {
		u8 byte = value.data[0];
		u32 bytes = sequence(value);
		if (bytes == 0)
			ad_text_add(out, "\\ufffd");
		else if (byte == '"' || byte == '\\')
			ad_text_add(out, "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7f)
			ad_text_add(out, "\\u%04x", byte);
		else
			ad_text_add_span(out, dfs_span(value.data, bytes));
		bytes = dfs_max(bytes, 1u);
		value = dfs_span(value.data + bytes, value.length - bytes);
	}
	ad_text_add(out, "\"");
}

static void begin(struct ad_json *json, const char *key)
{
	if (json->some)
		ad_text_add(json->out, ",");
	json->some = true;
	if (key == NULL)
		return;
	put_string(json->out, dfs_span_text(key));
	ad_text_add(json->out, ":");
}

void ad_json_open(struct ad_json *json, const char *key, char bracket)
{
	begin(json, key);
	ad_text_add(json->out, "%c", bracket);
	json->some = false;
}

void ad_json_close(struct ad_json *json, char bracket)
{
	ad_text_add(json->out, "%c", bracket);
	json->some = true;
}

void ad_json_text(struct ad_json *json, const char *key, struct dfs_span value)
{
	begin(json, key);
	put_string(json->out, value);
}

void ad_json_number(struct ad_json *json, const char *key, u64 value)
{
	begin(json, key);
	ad_text_add(json->out, "%llu", (unsigned long long)value);
}

void ad_json_bool(struct ad_json *json, const char *key, bool value)
{
	begin(json, key);
	ad_text_add(json->out, value ? "true" : "false");
}

void ad_json_id(struct ad_json *json, const char *key, u64 value)
{
	char text[24];
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)value);
	ad_json_text(json, key, dfs_span_text(text));
}
