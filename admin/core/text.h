/*
 * Text that grows: what a command will print, put together piece by piece.
 */
#ifndef DFS_ADMIN_TEXT_H
#define DFS_ADMIN_TEXT_H

#include "libdfsproto/base/span.h"

#include <stdarg.h>

/* A zeroed struct is empty. `data` is NUL-terminated once something was added. */
struct ad_text {
	char *data;
	u32 length;
	u32 capacity;
};

void ad_text_add(struct ad_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ad_text_vadd(struct ad_text *text, const char *format, va_list arguments);
void ad_text_add_span(struct ad_text *text, struct dfs_span bytes);
/* A name or path for a terminal: what it would act on is shown as `?`. */
void ad_text_add_name(struct ad_text *text, struct dfs_span name);
void ad_text_fini(struct ad_text *text);
/* "" when nothing was added. */
const char *ad_text_get(const struct ad_text *text);

/* --- How people like to read numbers. --- */
enum { AD_NUMBER_BYTES = 32 };
/* "0 B", "1.5 KiB", "16 GiB": three figures. */
const char *ad_size(u64 bytes, char ret_text[AD_NUMBER_BYTES]);
/* "1,234,567". */
const char *ad_count(u64 count, char ret_text[AD_NUMBER_BYTES]);
/* "42 s", "5 min", "3 h 7 min", "12 d 4 h". */
const char *ad_duration(u64 seconds, char ret_text[AD_NUMBER_BYTES]);
/* "1 chunk", "3 chunks": `one` and `many` are the words. */
const char *ad_plural(u64 count, const char *one, const char *many);

#endif
