/*
 * Growing text and numbers for people: see text.h.
 */
#include "admin/core/text.h"

#include <stdio.h>
#include <stdlib.h>

static void grow(struct ad_text *text, size_t more)
{
	size_t wanted = (size_t)text->length + more + 1;
	if (wanted <= text->capacity)
		return;
	size_t capacity = dfs_max(wanted, (size_t)text->capacity * 2);
	DFS_ASSERT(capacity <= UINT32_MAX);
	text->data = realloc(text->data, capacity);
	DFS_ASSERT(text->data != NULL);
	text->capacity = (u32)capacity;
}

void ad_text_vadd(struct ad_text *text, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	int bytes = vsnprintf(NULL, 0, format, arguments);
	DFS_ASSERT(bytes >= 0);
	grow(text, (size_t)bytes);
	(void)vsnprintf(text->data + text->length, (size_t)bytes + 1, format, again);
	va_end(again);
	text->length += (u32)bytes;
}

void ad_text_add(struct ad_text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	ad_text_vadd(text, format, arguments);
	va_end(arguments);
}

void ad_text_add_span(struct ad_text *text, struct dfs_span bytes)
{
	grow(text, bytes.length);
	if (bytes.length > 0)
		memcpy(text->data + text->length, bytes.data, bytes.length);
	text->length += bytes.length;
	text->data[text->length] = '\0';
}

void ad_text_add_name(struct ad_text *text, struct dfs_span name)
{
	for (u32 i = 0; i < name.length; i++) {
		u8 byte = name.data[i];
		ad_text_add(text, "%c", byte < 0x20 || byte == 0x7f ? '?' : byte);
	}
}

void ad_text_fini(struct ad_text *text)
{
	free(text->data);
	*text = (struct ad_text){0};
}

const char *ad_text_get(const struct ad_text *text)
{
	return text->data == NULL ? "" : text->data;
}

const char *ad_size(u64 bytes, char ret_text[AD_NUMBER_BYTES])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	u32 unit = 0;
	u64 tenths = bytes;
	if (bytes < 1024) {
		snprintf(ret_text, AD_NUMBER_BYTES, "%llu B", (unsigned long long)bytes);
		return ret_text;
	}
	/* In tenths from here on, rounded down: a disk is never said to be emptier than it is. */
	while (tenths >= 1024 * 1024) {
		tenths /= 1024;
		unit++;
	}
	tenths = tenths * 10 / 1024;
	unit++;
	if (tenths < 1000 && tenths % 10 != 0)
		snprintf(ret_text, AD_NUMBER_BYTES, "%llu.%llu %s",
			 (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10),
			 units[unit]);
	else
		snprintf(ret_text, AD_NUMBER_BYTES, "%llu %s", (unsigned long long)(tenths / 10),
			 units[unit]);
	return ret_text;
}

const char *ad_count(u64 count, char ret_text[AD_NUMBER_BYTES])
{
	char digits[AD_NUMBER_BYTES];
	u32 length = (u32)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	char *out = ret_text;
	for (u32 i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return ret_text;
}

const char *ad_duration(u64 seconds, char ret_text[AD_NUMBER_BYTES])
{
	unsigned long long minutes = seconds / 60;
	unsigned long long hours = minutes / 60;
	if (seconds < 60)
		snprintf(ret_text, AD_NUMBER_BYTES, "%llu s", (unsigned long long)seconds);
	else if (hours == 0)
		snprintf(ret_text, AD_NUMBER_BYTES, "%llu min", minutes);
	else if (hours < 24)
		snprintf(ret_text, AD_NUMBER_BYTES, "%llu h %llu min", hours, minutes % 60);
	else
		snprintf(ret_text, AD_NUMBER_BYTES, "%llu d %llu h", hours / 24, hours % 24);
	return ret_text;
}

const char *ad_plural(u64 count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}
