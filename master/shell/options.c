/*
 * Options are `--name VALUE` or `--name=VALUE`, each at most once. An unknown one is refused by its
 * name, so that a typing error never becomes a default.
 */
#include "master/shell/options.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_MIB_DEFAULT = 64, CACHE_MIB_MIN = 8, CACHE_MIB_MAX = 1 << 20 };

enum option {
	OPTION_LISTEN,
	OPTION_DATA,
	OPTION_KEY,
	OPTION_CACHE,
	OPTION_LOG_LEVEL,
	OPTIONS_COUNT
};

static const char *const names[OPTIONS_COUNT] = {
    [OPTION_LISTEN] = "--listen", [OPTION_DATA] = "--data",           [OPTION_KEY] = "--key",
    [OPTION_CACHE] = "--cache",   [OPTION_LOG_LEVEL] = "--log-level",
};

void ms_options_print_help(void)
{
	printf(
	    "dfs-master: serves the directory tree of a dfs cluster.\n"
	    "\n"
	    "Usage: dfs-master --listen HOST:PORT --data DIR [options]\n"
	    "\n"
	    "  --listen HOST:PORT  Address to serve on, and by which others reach this master.\n"
	    "  --data DIR          Where its log and state lie. An empty or absent DIR becomes a\n"
	    "                      new cluster.\n"
	    "  --key FILE          The cluster's key (default %s).\n"
	    "  --cache MIB         Memory for blocks of the state's tables (default %d).\n"
	    "  --log-level LEVEL   error, warn, info or debug (default info).\n"
	    "  --version           Print the version and exit.\n"
	    "  --help              Print this and exit.\n"
	    "\n"
	    "It runs in the foreground, logs to stderr, prints event=ready when it serves, and\n"
	    "stops on SIGTERM.\n",
	    DFS_KEY_PATH_DEFAULT, CACHE_MIB_DEFAULT);
}

static int parse_cache(const char *value, u64 *ret_bytes, struct dfs_sentence *ret_text)
{
	char *end;
	unsigned long long mib = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || mib < CACHE_MIB_MIN ||
	    mib > CACHE_MIB_MAX) {
		dfs_sentence_set(ret_text, "--cache %s: a number of MiB from %d to %d is expected",
				 value, CACHE_MIB_MIN, CACHE_MIB_MAX);
		return DFS_EINVAL;
	}
	*ret_bytes = mib << 20;
	return 0;
}

static int set(struct ms_options *options, enum option option, const char *value,
	       struct dfs_sentence *ret_text)
{
	switch (option) {
	case OPTION_LISTEN:
		options->listen = value;
		return 0;
	case OPTION_DATA:
		options->data = value;
		return 0;
	case OPTION_KEY:
		options->key = value;
		return 0;
	case OPTION_CACHE:
		return parse_cache(value, &options->cache_bytes, ret_text);
	case OPTION_LOG_LEVEL:
		if (dfs_log_level_parse(value, &options->log_level))
			return 0;
		dfs_sentence_set(ret_text, "--log-level %s: error, warn, info or debug is expected",
				 value);
		return DFS_EINVAL;
	case OPTIONS_COUNT:
		break;
	}
	return DFS_EINVAL;
}

/* Which option `argument` is; its value is behind `=` or NULL. */
static enum option find(const char *argument, const char **ret_value)
{
	for (u32 i = 0; i < OPTIONS_COUNT; i++) {
		size_t length = strlen(names[i]);
		if (strncmp(argument, names[i], length) != 0)
			continue;
		if (argument[length] != '\0' && argument[length] != '=')
			continue;
		*ret_value = argument[length] == '=' ? argument + length + 1 : NULL;
		return (enum option)i;
	}
	return OPTIONS_COUNT;
}

static int check(const struct ms_options *options, struct dfs_sentence *ret_text)
{
	if (options->listen == NULL || options->data == NULL) {
		dfs_sentence_set(ret_text, "%s is missing; dfs-master --help lists the options",
				 names[options->listen == NULL ? OPTION_LISTEN : OPTION_DATA]);
		return DFS_EINVAL;
	}
	if (strncmp(options->listen, "unix:", 5) == 0) {
		dfs_sentence_set(ret_text, "--listen %s: HOST:PORT is expected", options->listen);
		return DFS_EINVAL;
	}
	return 0;
}

int ms_options_parse(int argc, char **argv, struct ms_options *ret_options,
		     struct dfs_sentence *ret_text)
{
	struct ms_options options = {
	    .key = DFS_KEY_PATH_DEFAULT,
	    .cache_bytes = (u64)CACHE_MIB_DEFAULT << 20,
	    .log_level = DFS_LOG_INFO,
	};
	bool seen[OPTIONS_COUNT] = {false};
	for (int i = 1; i < argc; i++) {
		const char *value = NULL;
		options.help = options.help || strcmp(argv[i], "--help") == 0;
		options.version = options.version || strcmp(argv[i], "--version") == 0;
		if (options.help || options.version) {
			*ret_options = options;
			return 0;
		}
		enum option option = find(argv[i], &value);
		if (option == OPTIONS_COUNT) {
			dfs_sentence_set(ret_text,
					 "unknown option %s; dfs-master --help lists the options",
					 argv[i]);
			return DFS_EINVAL;
		}
		if (value == NULL && i + 1 < argc)
			value = argv[++i];
		if (value == NULL || value[0] == '\0' || seen[option]) {
			dfs_sentence_set(ret_text, "%s %s", names[option],
					 seen[option] ? "is given twice" : "needs a value");
			return DFS_EINVAL;
		}
		seen[option] = true;
		int status = set(&options, option, value, ret_text);
		if (status != 0)
			return status;
	}
	int status = check(&options, ret_text);
	if (status == 0)
		*ret_options = options;
	return status;
}
