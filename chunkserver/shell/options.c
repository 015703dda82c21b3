/*
 * Options are `--name VALUE` or `--name=VALUE`; only --disk may be given more than once. An unknown
 * one is refused by its name, so that a typing error never becomes a default.
 */
#include "chunkserver/shell/options.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/address.h"
#include "libdfsproto/host/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESERVE_DEFAULT (UINT64_C(256) << 20)

enum option {
	OPTION_LISTEN,
	OPTION_ADVERTISE,
	OPTION_SOCKET,
	OPTION_DISK,
	OPTION_MASTERS,
	OPTION_KEY,
	OPTION_RESERVE,
	OPTION_LOG_LEVEL,
	OPTION_REBUILD,
	OPTION_HELP,
	OPTION_VERSION,
	OPTIONS_COUNT
};

static const char *const names[OPTIONS_COUNT] = {
    [OPTION_LISTEN] = "--listen",   [OPTION_ADVERTISE] = "--advertise",
    [OPTION_SOCKET] = "--socket",   [OPTION_DISK] = "--disk",
    [OPTION_MASTERS] = "--masters", [OPTION_KEY] = "--key",
    [OPTION_RESERVE] = "--reserve", [OPTION_LOG_LEVEL] = "--log-level",
    [OPTION_REBUILD] = "--rebuild", [OPTION_HELP] = "--help",
    [OPTION_VERSION] = "--version",
};

void cs_options_print_help(void)
{
	printf(
	    "dfs-chunkserver: keeps the chunks of a dfs cluster's files on this machine's disks.\n"
	    "\n"
	    "Usage: dfs-chunkserver --listen HOST:PORT --disk DIR --masters LIST [options]\n"
	    "\n"
	    "  --listen HOST:PORT     Address to serve on.\n"
	    "  --advertise HOST:PORT  Address by which others reach it (default: as --listen).\n"
	    "  --socket PATH          Unix socket for clients on this machine: faster than TCP.\n"
	    "  --disk DIR             Directory on a disk of its own; may be given up to %d "
	    "times.\n"
	    "                         An empty DIR becomes a new disk of this cluster.\n"
	    "  --masters LIST         The masters, as HOST:PORT[,HOST:PORT...].\n"
	    "  --key FILE             The cluster's key (default %s).\n"
	    "  --reserve SIZE         Space to leave free on each disk: 500M, 2G ... (default "
	    "256M;\n"
	    "                         at most a quarter of the disk).\n"
	    "  --rebuild              Set the disks' indexes aside and make new ones from the "
	    "chunks.\n"
	    "  --log-level LEVEL      error, warn, info or debug (default info).\n"
	    "  --version              Print the version and exit.\n"
	    "  --help                 Print this and exit.\n"
	    "\n"
	    "It runs in the foreground, logs to stderr, prints event=ready when it serves, and\n"
	    "stops on SIGTERM.\n",
	    DFS_DISKS_MAX, DFS_KEY_PATH_DEFAULT);
}

static int parse_size(const char *value, u64 *ret_bytes, struct dfs_sentence *ret_text)
{
	static const char units[] = "KMGT";
	char *end;
	unsigned long long number = strtoull(value, &end, 10);
	const char *unit = *end == '\0' ? NULL : strchr(units, *end);
	u32 shift = unit == NULL ? 0 : 10u * (u32)(unit - units + 1);
	bool good = value[0] >= '0' && value[0] <= '9' && number <= (UINT64_MAX >> shift);
	if (!good || (*end != '\0' && (unit == NULL || end[1] != '\0'))) {
		dfs_sentence_set(ret_text, "--reserve %s: a size like 500M or 2G is expected",
				 value);
		return DFS_EINVAL;
	}
	*ret_bytes = (u64)number << shift;
	return 0;
}

static int parse_address(const char *name, const char *value, struct dfs_sentence *ret_text)
{
	struct dfs_address address;
	int status = dfs_address_parse(dfs_span_text(value), &address);
	if (status == 0 && !address.local)
		return 0;
	dfs_sentence_set(ret_text, "%s %s: HOST:PORT is expected", name, value);
	return DFS_EINVAL;
}

static int add_disk(struct cs_options *options, const char *value, struct dfs_sentence *ret_text)
{
	for (u32 i = 0; i < options->disks_count; i++) {
		if (strcmp(options->disks[i], value) == 0) {
			dfs_sentence_set(ret_text, "--disk %s is given twice", value);
			return DFS_EINVAL;
		}
	}
	if (options->disks_count == DFS_DISKS_MAX) {
		dfs_sentence_set(ret_text, "--disk %s: at most %d disks are possible", value,
				 DFS_DISKS_MAX);
		return DFS_EINVAL;
	}
	options->disks[options->disks_count++] = value;
	return 0;
}

static int set(struct cs_options *options, enum option option, const char *value,
	       struct dfs_sentence *ret_text)
{
	switch (option) {
	case OPTION_LISTEN:
		options->listen = value;
		return parse_address(names[option], value, ret_text);
	case OPTION_ADVERTISE:
		options->advertise = value;
		return parse_address(names[option], value, ret_text);
	case OPTION_SOCKET:
		options->socket = value;
		return 0;
	case OPTION_DISK:
		return add_disk(options, value, ret_text);
	case OPTION_MASTERS:
		options->masters = value;
		return 0;
	case OPTION_KEY:
		options->key = value;
		return 0;
	case OPTION_RESERVE:
		return parse_size(value, &options->reserve_bytes, ret_text);
	case OPTION_LOG_LEVEL:
		if (dfs_log_level_parse(value, &options->log_level))
			return 0;
		dfs_sentence_set(ret_text, "--log-level %s: error, warn, info or debug is expected",
				 value);
		return DFS_EINVAL;
	case OPTION_REBUILD:
		options->rebuild = true;
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	case OPTION_VERSION:
		options->version = true;
		return 0;
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

static int check(const struct cs_options *options, struct dfs_sentence *ret_text)
{
	const char *missing = NULL;
	if (options->listen == NULL)
		missing = names[OPTION_LISTEN];
	else if (options->disks_count == 0)
		missing = names[OPTION_DISK];
	else if (options->masters == NULL)
		missing = names[OPTION_MASTERS];
	if (missing != NULL) {
		dfs_sentence_set(
		    ret_text, "%s is missing; dfs-chunkserver --help lists the options", missing);
		return DFS_EINVAL;
	}
	/* Each of the masters, too, before anything is touched. */
	const char *at = options->masters;
	for (;;) {
		char one[DFS_ADDRESS_BYTES_MAX + 1];
		size_t length = strcspn(at, ",");
		snprintf(one, sizeof(one), "%.*s", (int)dfs_min(length, sizeof(one) - 1), at);
		int status = parse_address(names[OPTION_MASTERS], one, ret_text);
		if (status != 0 || at[length] == '\0')
			return status;
		at += length + 1;
	}
}

static bool is_flag(enum option option)
{
	return option == OPTION_REBUILD || option == OPTION_HELP || option == OPTION_VERSION;
}

int cs_options_parse(int argc, char **argv, struct cs_options *ret_options,
		     struct dfs_sentence *ret_text)
{
	struct cs_options options = {
	    .key = DFS_KEY_PATH_DEFAULT,
	    .reserve_bytes = RESERVE_DEFAULT,
	    .log_level = DFS_LOG_INFO,
	};
	bool seen[OPTIONS_COUNT] = {false};
	for (int i = 1; i < argc; i++) {
		const char *value = NULL;
		enum option option = find(argv[i], &value);
		if (option == OPTIONS_COUNT || (is_flag(option) && value != NULL)) {
			dfs_sentence_set(
			    ret_text, "unknown option %s; dfs-chunkserver --help lists the options",
			    argv[i]);
			return DFS_EINVAL;
		}
		if (value == NULL && !is_flag(option) && i + 1 < argc)
			value = argv[++i];
		bool twice = seen[option] && option != OPTION_DISK;
		bool lacks = !is_flag(option) && (value == NULL || value[0] == '\0');
		if (twice || lacks) {
			dfs_sentence_set(ret_text, "%s %s", names[option],
					 twice ? "is given twice" : "needs a value");
			return DFS_EINVAL;
		}
		seen[option] = true;
		int status = set(&options, option, value, ret_text);
		if (status != 0)
			return status;
	}
	int status = options.help || options.version ? 0 : check(&options, ret_text);
	if (status == 0)
		*ret_options = options;
	return status;
}
