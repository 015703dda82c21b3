/*
 * Options are `--name VALUE` or `--name=VALUE`, anywhere on the line; `--` ends them. What is
 * unknown is refused with the nearest word that is known, so that a typing error never becomes
 * something else.
 */
#include "admin/core/arguments.h"

#include "admin/core/duration.h"
#include "admin/core/suggest.h"
#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/limits.h"

#include <stdlib.h>

#define TIMEOUT_DEFAULT (10 * DFS_SEC)

enum { TIMEOUT_S_MAX = 3600, LIMIT_DEFAULT = 1000, LIMIT_MAX = 1000000 };

enum option {
	OPTION_MASTERS,
	OPTION_KEY,
	OPTION_MOUNT,
	OPTION_TIMEOUT,
	OPTION_COLOUR,
	OPTION_JSON,
	OPTION_DATA,
	OPTION_REPAIR,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_TREE,
	OPTION_BYTES,
	OPTION_INODES,
	OPTION_GRACE,
	OPTION_KEEP,
	OPTION_NO_RECURSE,
	OPTION_RECURSIVE,
	OPTION_TO,
	OPTION_DELETED_AFTER,
	OPTION_OLDER,
	OPTION_LIMIT,
	OPTION_HELP,
	OPTION_VERSION,
	OPTIONS_COUNT
};

enum { FOR_ALL = 0 };

#define FOR(verb) (1u << AD_TRASH_##verb)

static const struct {
	const char *name;
	bool flag;
	u32 command; /* The only one that has it, or FOR_ALL. */
	u32 verbs;   /* Of AD_TRASH: those that have it. */
} options[OPTIONS_COUNT] = {
    [OPTION_MASTERS] = {"--masters", false, FOR_ALL, 0},
    [OPTION_KEY] = {"--key", false, FOR_ALL, 0},
    [OPTION_MOUNT] = {"--mount", false, FOR_ALL, 0},
    [OPTION_TIMEOUT] = {"--timeout", false, FOR_ALL, 0},
    [OPTION_COLOUR] = {"--color", false, FOR_ALL, 0},
    [OPTION_JSON] = {"--json", true, FOR_ALL, 0},
    [OPTION_DATA] = {"--data", true, AD_FSCK, 0},
    [OPTION_REPAIR] = {"--repair", true, AD_FSCK, 0},
    [OPTION_USER] = {"--user", false, AD_QUOTA, 0},
    [OPTION_GROUP] = {"--group", false, AD_QUOTA, 0},
    [OPTION_TREE] = {"--tree", true, AD_QUOTA, 0},
    [OPTION_BYTES] = {"--bytes", false, AD_QUOTA, 0},
    [OPTION_INODES] = {"--inodes", false, AD_QUOTA, 0},
    [OPTION_GRACE] = {"--grace", false, AD_QUOTA, 0},
    [OPTION_KEEP] = {"--keep", false, AD_TRASH, FOR(ON)},
    [OPTION_NO_RECURSE] = {"--no-recurse", true, AD_TRASH, FOR(ON) | FOR(OFF)},
    [OPTION_RECURSIVE] = {"--recursive", true, AD_TRASH, FOR(RESTORE)},
    [OPTION_TO] = {"--to", false, AD_TRASH, FOR(RESTORE)},
    [OPTION_DELETED_AFTER] = {"--deleted-after", false, AD_TRASH, FOR(LIST) | FOR(RESTORE)},
    [OPTION_OLDER] = {"--older", false, AD_TRASH, FOR(EMPTY)},
    [OPTION_LIMIT] = {"--limit", false, AD_TRASH, FOR(LIST)},
    [OPTION_HELP] = {"--help", true, FOR_ALL, 0},
    [OPTION_VERSION] = {"--version", true, FOR_ALL, 0},
};

static const char *const commands[AD_COMMANDS_COUNT] = {
    [AD_NONE] = "help", [AD_STATUS] = "status", [AD_INFO] = "info",
    [AD_FSCK] = "fsck", [AD_QUOTA] = "quota",   [AD_TRASH] = "trash",
};

static const char *const verbs[AD_TRASH_COUNT] = {
    [AD_TRASH_ON] = "on",     [AD_TRASH_OFF] = "off",         [AD_TRASH_SHOW] = "show",
    [AD_TRASH_LIST] = "list", [AD_TRASH_RESTORE] = "restore", [AD_TRASH_EMPTY] = "empty",
};

const char *ad_command_name(enum ad_command command)
{
	return command == AD_NONE ? NULL : commands[command];
}

static int unknown(struct ad_text *why, const char *what, const char *typed, const char *nearest)
{
	ad_text_add(why, "unknown %s \"%.100s\"", what, typed);
	if (nearest != NULL)
		ad_text_add(why, "; did you mean %s?", nearest);
	else
		ad_text_add(why, "; dfs --help lists all");
	return DFS_EINVAL;
}

static int unknown_option(struct ad_text *why, const char *argument)
{
	const char *names[OPTIONS_COUNT];
	char typed[40] = "";
	for (u32 i = 0; i < OPTIONS_COUNT; i++)
		names[i] = options[i].name;
	size_t length = dfs_min(strcspn(argument, "="), sizeof(typed) - 1);
	memcpy(typed, argument, length);
	return unknown(why, "option", argument, ad_suggest(typed, names, OPTIONS_COUNT));
}

/* Which option the argument is; its value is behind `=` or NULL. */
static enum option find(const char *argument, const char **ret_value)
{
	*ret_value = NULL;
	if (strcmp(argument, "-h") == 0)
		return OPTION_HELP;
	if (strcmp(argument, "-r") == 0)
		return OPTION_RECURSIVE;
	for (u32 i = 0; i < OPTIONS_COUNT; i++) {
		size_t length = strlen(options[i].name);
		if (strncmp(argument, options[i].name, length) != 0)
			continue;
		if (argument[length] == '=')
			*ret_value = argument + length + 1;
		if (argument[length] == '\0' || argument[length] == '=')
			return (enum option)i;
	}
	return OPTIONS_COUNT;
}

static int set_timeout(struct ad_arguments *arguments, const char *value, struct ad_text *why)
{
	char *end;
	unsigned long seconds = strtoul(value, &end, 10);
	bool good = value[0] >= '0' && value[0] <= '9' && *end == '\0';
	if (!good || seconds == 0 || seconds > TIMEOUT_S_MAX) {
		ad_text_add(why, "--timeout %.50s: seconds from 1 to %d are expected", value,
			    TIMEOUT_S_MAX);
		return DFS_EINVAL;
	}
	arguments->timeout = seconds * DFS_SEC;
	return 0;
}

static int set_colour(struct ad_arguments *arguments, const char *value, struct ad_text *why)
{
	static const char *const words[] = {
	    [AD_COLOUR_AUTO] = "auto", [AD_COLOUR_ALWAYS] = "always", [AD_COLOUR_NEVER] = "never"};
	for (u32 i = 0; i < dfs_array_count(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			arguments->colour = (enum ad_colour)i;
			return 0;
		}
	}
	ad_text_add(why, "--color %.50s: auto, always or never is expected", value);
	return DFS_EINVAL;
}

static int set_duration(u32 *seconds, const char *option, const char *value, struct ad_text *why)
{
	if (ad_duration_parse(value, seconds))
		return 0;
	ad_text_add(why, "%s %.50s: a time like 90s, 15m, 12h, 7d or 2w is expected", option,
		    value);
	return DFS_EINVAL;
}

/* A number from 1 to `max`, all digits. */
static bool is_number(const char *value, u64 max, u64 *ret_number)
{
	char *end;
	*ret_number = strtoull(value, &end, 10);
	return value[0] >= '0' && value[0] <= '9' && *end == '\0' && *ret_number > 0 &&
	       *ret_number <= max;
}

/* So long ago, or a moment as date(1) and touch(1) write it: @SECONDS. */
static int set_deleted_after(struct ad_arguments *arguments, const char *value, struct ad_text *why)
{
	if (value[0] != '@')
		return set_duration(&arguments->recent_s, "--deleted-after", value, why);
	if (is_number(value + 1, UINT64_MAX / DFS_SEC, &arguments->since_s))
		return 0;
	ad_text_add(why, "--deleted-after %.50s: seconds since 1970 are expected behind the @",
		    value);
	return DFS_EINVAL;
}

static int set_limit(struct ad_arguments *arguments, const char *value, struct ad_text *why)
{
	u64 limit;
	if (!is_number(value, LIMIT_MAX, &limit)) {
		ad_text_add(why, "--limit %.50s: a number from 1 to %d is expected", value,
			    LIMIT_MAX);
		return DFS_EINVAL;
	}
	arguments->limit = (u32)limit;
	return 0;
}

static int set(struct ad_arguments *arguments, enum option option, const char *value,
	       struct ad_text *why)
{
	switch (option) {
	case OPTION_MASTERS:
		arguments->masters = value;
		return 0;
	case OPTION_KEY:
		arguments->key = value;
		return 0;
	case OPTION_MOUNT:
		arguments->mount = value;
		return 0;
	case OPTION_TIMEOUT:
		return set_timeout(arguments, value, why);
	case OPTION_COLOUR:
		return set_colour(arguments, value, why);
	case OPTION_JSON:
		arguments->json = true;
		return 0;
	case OPTION_DATA:
		arguments->data = true;
		return 0;
	case OPTION_REPAIR:
		arguments->repair = true;
		return 0;
	case OPTION_USER:
		arguments->quota.user = value;
		arguments->quota.users = true;
		return 0;
	case OPTION_GROUP:
		arguments->quota.group = value;
		arguments->quota.groups = true;
		return 0;
	case OPTION_TREE:
		arguments->quota.trees = true;
		return 0;
	case OPTION_BYTES:
	case OPTION_INODES:
		return ad_quota_limits(&arguments->quota, option == OPTION_BYTES, value, why);
	case OPTION_GRACE:
		return ad_quota_grace(&arguments->quota, value, why);
	case OPTION_KEEP:
		return set_duration(&arguments->keep_s, "--keep", value, why);
	case OPTION_NO_RECURSE:
		arguments->no_recurse = true;
		return 0;
	case OPTION_RECURSIVE:
		arguments->recursive = true;
		return 0;
	case OPTION_TO:
		arguments->to = value;
		return 0;
	case OPTION_DELETED_AFTER:
		return set_deleted_after(arguments, value, why);
	case OPTION_OLDER:
		return set_duration(&arguments->older_s, "--older", value, why);
	case OPTION_LIMIT:
		return set_limit(arguments, value, why);
	case OPTION_HELP:
		arguments->help = true;
		return 0;
	case OPTION_VERSION:
		arguments->version = true;
		return 0;
	case OPTIONS_COUNT:
		break;
	}
	return DFS_EINVAL;
}

/* One option at argv[*at], which moves past a value of its own. */
static int take_option(int argc, char **argv, int *at, bool seen[OPTIONS_COUNT],
		       struct ad_arguments *arguments, struct ad_text *why)
{
	const char *value;
	enum option option = find(argv[*at], &value);
	if (option == OPTIONS_COUNT)
		return unknown_option(why, argv[*at]);
	const char *name = options[option].name;
	/* A report is of all users, or all groups. */
	bool kind = option == OPTION_USER || option == OPTION_GROUP;
	bool flag = options[option].flag || (kind && arguments->quota.verb == AD_QUOTA_REPORT);
	if (flag && value != NULL) {
		ad_text_add(why, "%s takes no value", name);
		return DFS_EINVAL;
	}
	if (!flag && value == NULL && *at + 1 < argc)
		value = argv[++*at];
	if (!flag && (value == NULL || value[0] == '\0')) {
		ad_text_add(why, "%s needs a value", name);
		return DFS_EINVAL;
	}
	if (seen[option]) {
		ad_text_add(why, "%s is given twice", name);
		return DFS_EINVAL;
	}
	seen[option] = true;
	return set(arguments, option, value, why);
}

static int take_command(struct ad_arguments *arguments, const char *word, struct ad_text *why)
{
	for (u32 i = 0; i < AD_COMMANDS_COUNT; i++) {
		if (strcmp(word, commands[i]) != 0)
			continue;
		/* `dfs help COMMAND` is `dfs COMMAND --help`. */
		if (i == AD_NONE)
			arguments->help = true;
		else
			arguments->command = (enum ad_command)i;
		return 0;
	}
	return unknown(why, "command", word, ad_suggest(word, commands, AD_COMMANDS_COUNT));
}

/* The word behind `dfs trash`, and what goes with it. */
static int check_trash(struct ad_arguments *arguments, const bool seen[OPTIONS_COUNT],
		       struct ad_text *why)
{
	u32 verb = 0;
	if (arguments->files_count == 0) {
		ad_text_add(why, "dfs trash needs to know what: on, off, show, list, restore or "
				 "empty; dfs trash --help tells more");
		return DFS_EINVAL;
	}
	const char *word = arguments->files[0];
	while (verb < AD_TRASH_COUNT && strcmp(word, verbs[verb]) != 0)
		verb++;
	if (verb == AD_TRASH_COUNT)
		return unknown(why, "word behind dfs trash:", word,
			       ad_suggest(word, verbs, AD_TRASH_COUNT));
	arguments->trash = (enum ad_trash)verb;
	arguments->files++;
	arguments->files_count--;
	for (u32 i = 0; i < OPTIONS_COUNT; i++) {
		if (seen[i] && options[i].command == AD_TRASH &&
		    (options[i].verbs & 1u << verb) == 0) {
			ad_text_add(why, "dfs trash %s has no option %s; dfs trash --help", word,
				    options[i].name);
			return DFS_EINVAL;
		}
	}
	bool any = verb == AD_TRASH_LIST || verb == AD_TRASH_EMPTY;
	if (arguments->files_count > 1 || (arguments->files_count == 0 && !any)) {
		ad_text_add(why, "dfs trash %s takes %s path; dfs trash --help", word,
			    any ? "at most one" : "one");
		return DFS_EINVAL;
	}
	if (arguments->recursive && arguments->to != NULL) {
		ad_text_add(why, "dfs trash restore -r puts everything where it was; --to is for "
				 "one file");
		return DFS_EINVAL;
	}
	return 0;
}

static int check(struct ad_arguments *arguments, const bool seen[OPTIONS_COUNT],
		 struct ad_text *why)
{
	if (arguments->help || arguments->version)
		return 0;
	if (arguments->command == AD_NONE) {
		ad_text_add(why, "a command is missing; dfs --help lists them");
		return DFS_EINVAL;
	}
	const char *name = commands[arguments->command];
	for (u32 i = 0; i < OPTIONS_COUNT; i++) {
		u32 only = options[i].command;
		if (seen[i] && only != FOR_ALL && only != arguments->command) {
			ad_text_add(why, "dfs %s has no option %s; it belongs to dfs %s", name,
				    options[i].name, commands[only]);
			return DFS_EINVAL;
		}
	}
	if (arguments->command == AD_TRASH)
		return check_trash(arguments, seen, why);
	if (arguments->command == AD_INFO && arguments->files_count == 0) {
		ad_text_add(why, "dfs info needs at least one file; dfs info --help tells more");
		return DFS_EINVAL;
	}
	if (arguments->command == AD_QUOTA)
		return ad_quota_check(arguments, why);
	if (arguments->command != AD_INFO && arguments->files_count > 0) {
		ad_text_add(why,
			    "dfs %s takes no argument, and \"%.100s\" was given; dfs %s --help",
			    name, arguments->files[0], name);
		return DFS_EINVAL;
	}
	return 0;
}

int ad_arguments_parse(int argc, char **argv, struct ad_arguments *ret_arguments,
		       struct ad_text *why)
{
	struct ad_arguments arguments = {.timeout = TIMEOUT_DEFAULT,
					 .keep_s = DFS_TRASH_KEEP_S,
					 .limit = LIMIT_DEFAULT,
					 .files = argv};
	bool seen[OPTIONS_COUNT] = {false};
	bool options_end = false;
	for (int i = 1; i < argc; i++) {
		int status = 0;
		if (!options_end && strcmp(argv[i], "--") == 0)
			options_end = true;
		else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0')
			status = take_option(argc, argv, &i, seen, &arguments, why);
		else if (arguments.command == AD_NONE)
			status = take_command(&arguments, argv[i], why);
		else if (arguments.command == AD_QUOTA && arguments.quota.verb == AD_QUOTA_NONE)
			status = ad_quota_verb(&arguments.quota, argv[i], why);
		else /* There is always room: argv[0] and what was parsed are behind us. */
			arguments.files[arguments.files_count++] = argv[i];
		if (status != 0) {
			ret_arguments->json = arguments.json;
			return status;
		}
	}
	int status = check(&arguments, seen, why);
	ret_arguments->json = arguments.json;
	if (status == 0)
		*ret_arguments = arguments;
	return status;
}
