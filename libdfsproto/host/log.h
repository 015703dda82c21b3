/*
 * What the host side says to people: log lines on stderr and sentences for operators.
 *
 * Cores never print; they emit DFS_FX_LOG and the host prints it here. Start-up code that fails
 * fills a struct dfs_sentence with one sentence that names the thing, the cause and the next step.
 */
#ifndef DFS_HOST_LOG_H
#define DFS_HOST_LOG_H

#include "libdfsproto/base/limits.h"
#include "libdfsproto/base/step.h"

/* A NUL-terminated sentence for operators, without a line end. */
struct dfs_sentence {
	char text[DFS_TEXT_BYTES_MAX];
};

/* Cut at the end when too long. `text` may be NULL: then nobody wants to know. */
void dfs_sentence_set(struct dfs_sentence *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One line on stderr, in one write: "2026-11-22T21:00:00.123456Z info event=…". From any thread. */
void dfs_log_print(enum dfs_log_level level, const char *line);
void dfs_log_printf(enum dfs_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "error", "warn", "info" or "debug"; false for anything else. */
bool dfs_log_level_parse(const char *text, enum dfs_log_level *ret_level);

#endif
