/*
 * Log lines and sentences: see log.h. No buffering and no lock: one write(2) per line keeps lines
 * of several threads apart and loses nothing when the process dies.
 */
#include "libdfsproto/host/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 2048 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void dfs_sentence_set(struct dfs_sentence *text, const char *format, ...)
{
	if (text == NULL)
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text->text, sizeof(text->text), format, arguments);
	va_end(arguments);
}

/* Control bytes would let a peer's name forge lines. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f)
			*text = '?';
	}
}

void dfs_log_print(enum dfs_log_level level, const char *line)
{
	struct timespec wall;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &wall);
	gmtime_r(&wall.tv_sec, &utc);
	char out[LINE_BYTES_MAX];
	int length =
	    snprintf(out, sizeof(out) - 1, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ %s %s",
		     utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
		     utc.tm_sec, wall.tv_nsec / 1000, level_names[level], line);
	DFS_ASSERT(length > 0);
	size_t bytes = dfs_min((size_t)length, sizeof(out) - 2);
	out[bytes] = '\0';
	make_printable(out);
	out[bytes] = '\n';
	/* Nothing sensible can be done when stderr is gone. */
	ssize_t written = write(STDERR_FILENO, out, bytes + 1);
	(void)written;
}

void dfs_log_printf(enum dfs_log_level level, const char *format, ...)
{
	char line[LINE_BYTES_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	dfs_log_print(level, line);
}

bool dfs_log_level_parse(const char *text, enum dfs_log_level *ret_level)
{
	for (u32 level = 0; level < dfs_array_count(level_names); level++) {
		if (strcmp(text, level_names[level]) == 0) {
			*ret_level = (enum dfs_log_level)level;
			return true;
		}
	}
	return false;
}
