/*
 * Look-ups in schema/errors.def.
 */
#include "libdfsproto/base/errors.h"

#include <errno.h>

struct row {
	int error;
	int posix;
	enum dfs_retry retry;
	const char *name;
	const char *text;
};

static const struct row rows[] = {
#define ERROR(name, number, posix, retry, text)                                                    \
	{DFS_E##name, posix, DFS_RETRY_##retry, #name, text},
#include "libdfsproto/schema/errors.def"
#undef ERROR
};

static const struct row unknown = {0, EIO, DFS_RETRY_FINAL, "UNKNOWN", "unknown error"};
static const struct row success = {0, 0, DFS_RETRY_FINAL, "OK", "success"};

static const struct row *find(int error)
{
	if (error == 0)
		return &success;
	for (size_t i = 0; i < dfs_array_count(rows); i++) {
		if (rows[i].error == error)
			return &rows[i];
	}
	return &unknown;
}

const char *dfs_error_name(int error)
{
	return find(error)->name;
}

const char *dfs_error_text(int error)
{
	return find(error)->text;
}

int dfs_error_errno(int error)
{
	return find(error)->posix;
}

enum dfs_retry dfs_error_retry(int error)
{
	return find(error)->retry;
}

bool dfs_error_known(int error)
{
	return find(error) != &unknown;
}

int dfs_error_from_errno(int posix)
{
	if (posix == 0)
		return 0;
	for (size_t i = 0; i < dfs_array_count(rows); i++) {
		if (rows[i].posix == posix)
			return rows[i].error;
	}
	return DFS_EIO;
}
