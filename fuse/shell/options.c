/*
 * The options of mount.dfs, one table: what -o accepts, what it does, and what --help says of it.
 * Options that mean something only to mount(8), fstab or systemd are accepted and have no effect
 * here, on purpose; anything else that is not in the table is refused by name.
 *
 * See options.h; the SOURCE argument is taken apart in source.c.
 */
#include "fuse/shell/options.h"

#include "libdfsproto/base/errors.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

enum option_kind {
	OPTION_SET,    /* A flag of mount(2), set … */
	OPTION_CLEAR,  /* … or cleared. */
	OPTION_NOTED,  /* For others than us; a value is allowed. */
	OPTION_TOGGLE, /* bool in struct mount_options becomes true … */
	OPTION_UNDO,   /* … or false. */
	OPTION_TEXT,   /* char[1024]. */
	OPTION_TIME,   /* Seconds into nsec. */
	OPTION_BYTES,  /* 64M, 1G, … into u64. */
	OPTION_LEVEL,
};

struct option_row {
	const char *name;
	enum option_kind kind;
	unsigned long flag; /* MS_*, or the field's offset. */
	const char *help;   /* NULL: the row above says it. */
};

#define AT(field) offsetof(struct mount_options, field)

static const struct option_row rows[] = {
    {"key", OPTION_TEXT, AT(key), "=FILE   the cluster's key (default " MOUNT_KEY_DEFAULT ")"},
    {"retry", OPTION_TIME, AT(retry), "=SECONDS   give up mounting after this long (default 10)"},
    {"bg", OPTION_TOGGLE, AT(background),
     "   when retry has passed, go on trying in the background"},
    {"fg", OPTION_UNDO, AT(background), "   fail when retry has passed (default)"},
    {"timeout", OPTION_TIME, AT(timeout),
     "=SECONDS   calls fail with ETIMEDOUT after this; 0: they wait, interruptibly (default 0)"},
    {"write_behind", OPTION_BYTES, AT(write_behind_bytes),
     "=SIZE   memory for data not yet sent, 1M to 64G (default 64M)"},
    {"log", OPTION_TEXT, AT(log), "=FILE   append log lines to FILE (default: the system log)"},
    {"log_level", OPTION_LEVEL, 0, "=error|warn|info|debug   (default info)"},
    {"allow_other", OPTION_UNDO, AT(private_to_owner),
     "   every user may use the mount; permissions are checked (default for root)"},
    {"noallow_other", OPTION_TOGGLE, AT(private_to_owner), "   only the mounting user may"},
    {"default_permissions", OPTION_NOTED, 0, "   always on"},
    {"ro", OPTION_SET, MS_RDONLY, ", rw"},
    {"rw", OPTION_CLEAR, MS_RDONLY, NULL},
    {"nodev", OPTION_SET, MS_NODEV, ", dev"},
    {"dev", OPTION_CLEAR, MS_NODEV, NULL},
    {"nosuid", OPTION_SET, MS_NOSUID, ", suid"},
    {"suid", OPTION_CLEAR, MS_NOSUID, NULL},
    {"noexec", OPTION_SET, MS_NOEXEC, ", exec"},
    {"exec", OPTION_CLEAR, MS_NOEXEC, NULL},
    {"sync", OPTION_SET, MS_SYNCHRONOUS, ", async   sync: every write is followed by fsync"},
    {"async", OPTION_CLEAR, MS_SYNCHRONOUS, NULL},
    {"dirsync", OPTION_SET, MS_DIRSYNC, NULL},
    {"noatime", OPTION_SET, MS_NOATIME,
     ", atime, nodiratime, diratime, relatime, norelatime, strictatime, nostrictatime, "
     "lazytime, nolazytime   when access times move (default relatime; told lazily in any case)"},
    {"atime", OPTION_CLEAR, MS_NOATIME, NULL},
    {"nodiratime", OPTION_SET, MS_NODIRATIME, NULL},
    {"diratime", OPTION_CLEAR, MS_NODIRATIME, NULL},
    {"relatime", OPTION_SET, MS_RELATIME, NULL},
    {"norelatime", OPTION_CLEAR, MS_RELATIME, NULL},
    {"strictatime", OPTION_SET, MS_STRICTATIME, NULL},
    {"nostrictatime", OPTION_CLEAR, MS_STRICTATIME, NULL},
    {"lazytime", OPTION_SET, MS_LAZYTIME, NULL},
    {"nolazytime", OPTION_CLEAR, MS_LAZYTIME, NULL},
    {"silent", OPTION_SET, MS_SILENT, NULL},
    {"loud", OPTION_CLEAR, MS_SILENT, NULL},
    {"remount", OPTION_TOGGLE, AT(remount), "   change ro/rw, dev, suid, exec, atime of a mount"},
    {"defaults", OPTION_NOTED, 0,
     ", auto, noauto, nofail, _netdev, user, users, nouser, owner, group, comment=, x-…   for "
     "fstab; no effect here"},
    {"auto", OPTION_NOTED, 0, NULL},
    {"noauto", OPTION_NOTED, 0, NULL},
    {"nofail", OPTION_NOTED, 0, NULL},
    {"_netdev", OPTION_NOTED, 0, NULL},
    {"user", OPTION_NOTED, 0, NULL},
    {"users", OPTION_NOTED, 0, NULL},
    {"nouser", OPTION_NOTED, 0, NULL},
    {"nousers", OPTION_NOTED, 0, NULL},
    {"owner", OPTION_NOTED, 0, NULL},
    {"noowner", OPTION_NOTED, 0, NULL},
    {"group", OPTION_NOTED, 0, NULL},
    {"nogroup", OPTION_NOTED, 0, NULL},
    {"comment", OPTION_NOTED, 0, NULL},
    /* What the kernel shows of a mount, and mount(8) repeats at a remount. */
    {"user_id", OPTION_NOTED, 0, NULL},
    {"group_id", OPTION_NOTED, 0, NULL},
    {"max_read", OPTION_NOTED, 0, NULL},
};

__attribute__((format(printf, 2, 3))) static int refuse(char *text, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(text, MOUNT_TEXT_BYTES, format, list);
	va_end(list);
	return DFS_EINVAL;
}

/* All names, for the sentence that refuses another one. */
static void known_names(char *out, size_t bytes)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < dfs_array_count(rows) && used < bytes; i++)
		used += (size_t)snprintf(out + used, bytes - used, "%s%s", i == 0 ? "" : " ",
					 rows[i].name);
}

static int parse_seconds(const char *name, const char *value, nsec *ret, char *text)
{
	char *end;
	errno = 0;
	unsigned long long seconds = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || seconds > 1000000)
		return refuse(text,
			      "Option %s=%s: expected a whole number of seconds, 0 to "
			      "1000000.",
			      name, value);
	*ret = seconds * DFS_SEC;
	return 0;
}

static int parse_bytes(const char *name, const char *value, u64 *ret, char *text)
{
	char *end;
	errno = 0;
	u64 bytes = strtoull(value, &end, 10);
	u64 unit = 1;
	if (*end == 'K' || *end == 'k')
		unit = DFS_KIB;
	else if (*end == 'M' || *end == 'm')
		unit = DFS_MIB;
	else if (*end == 'G' || *end == 'g')
		unit = DFS_GIB;
	if (unit != 1)
		end++;
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 ||
	    bytes > 64 * DFS_GIB / unit || bytes * unit < DFS_MIB)
		return refuse(text,
			      "Option %s=%s: expected a size between 1M and 64G, such as 64M.",
			      name, value);
	*ret = bytes * unit;
	return 0;
}

static int parse_level(const char *value, enum dfs_log_level *ret, char *text)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	for (u32 i = 0; i < dfs_array_count(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			*ret = (enum dfs_log_level)i;
			return 0;
		}
	}
	return refuse(text, "Option log_level=%s: expected error, warn, info or debug.", value);
}

static const struct option_row *row_find(const char *name)
{
	for (size_t i = 0; i < dfs_array_count(rows); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

static int option_apply(struct mount_options *options, const struct option_row *row,
			const char *value, char *text)
{
	bool wants_value = row->kind == OPTION_TEXT || row->kind == OPTION_TIME ||
			   row->kind == OPTION_BYTES || row->kind == OPTION_LEVEL;
	void *field = (char *)options + (wants_value || row->kind >= OPTION_TOGGLE ? row->flag : 0);

	if (wants_value && (value == NULL || value[0] == '\0'))
		return refuse(text, "Option %s needs a value: %s%s.", row->name, row->name,
			      row->help);
	if (!wants_value && value != NULL && row->kind != OPTION_NOTED)
		return refuse(text, "Option %s takes no value, but %s=%s was given.", row->name,
			      row->name, value);
	switch (row->kind) {
	case OPTION_SET:
		options->flags |= row->flag;
		options->flags_seen |= row->flag;
		return 0;
	case OPTION_CLEAR:
		options->flags &= ~row->flag;
		options->flags_seen |= row->flag;
		return 0;
	case OPTION_NOTED:
		return 0;
	case OPTION_TOGGLE:
		*(bool *)field = true;
		return 0;
	case OPTION_UNDO:
		*(bool *)field = false;
		return 0;
	case OPTION_TEXT:
		if (strlen(value) >= sizeof(options->key))
			return refuse(text, "Option %s: the path is too long.", row->name);
		strcpy(field, value);
		return 0;
	case OPTION_TIME:
		return parse_seconds(row->name, value, (nsec *)field, text);
	case OPTION_BYTES:
		return parse_bytes(row->name, value, (u64 *)field, text);
	case OPTION_LEVEL:
		return parse_level(value, &options->log_level, text);
	}
	return 0;
}

/* One "name" or "name=value"; `item` is taken apart in place. */
static int option_parse(struct mount_options *options, char *item, char *text)
{
	if (item[0] == '\0' || strncmp(item, "x-", 2) == 0 || strncmp(item, "X-", 2) == 0)
		return 0;
	char *value = strchr(item, '=');
	if (value != NULL)
		*value++ = '\0';
	const struct option_row *row = row_find(item);
	if (row != NULL)
		return option_apply(options, row, value, text);
	if (options->sloppy)
		return 0;
	char names[768];
	known_names(names, sizeof(names));
	return refuse(text, "Unknown option \"%s\". Known options: %s.", item, names);
}

/* A list as -o takes it; commas inside double quotes do not separate. Works on `list` in place. */
static int list_parse(struct mount_options *options, char *list, char *text)
{
	char *item = list;
	bool quoted = false;
	for (char *at = list;; at++) {
		if (*at == '"') {
			quoted = !quoted;
			memmove(at, at + 1, strlen(at));
			at--;
			continue;
		}
		if (*at != '\0' && (*at != ',' || quoted))
			continue;
		bool last = *at == '\0';
		*at = '\0';
		int status = option_parse(options, item, text);
		if (status != 0 || last)
			return status;
		item = at + 1;
	}
}

/* -s must be known before the first -o is judged, wherever it stands. */
static int flags_parse(int argc, char **argv, struct mount_options *options, bool lists, char *text)
{
	static const struct option longs[] = {
	    {"help", no_argument, NULL, 'h'},          {"version", no_argument, NULL, 'V'},
	    {"foreground", no_argument, NULL, 'f'},    {"verbose", no_argument, NULL, 'v'},
	    {"options", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0},
	};
	int flag;
	optind = 0; /* Start anew, GNU fashion. */
	opterr = 0;
	while ((flag = getopt_long(argc, argv, ":o:nsvfhVt:N:", longs, NULL)) != -1) {
		int status = 0;
		switch (flag) {
		case 'o':
			status = lists ? list_parse(options, optarg, text) : 0;
			break;
		case 's':
			options->sloppy = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'f':
			options->foreground = true;
			break;
		case 'h':
			options->action = MOUNT_ACTION_HELP;
			break;
		case 'V':
			options->action = MOUNT_ACTION_VERSION;
			break;
		case 'n': /* No /etc/mtab: never written here. */
		case 't': /* The type: mount(8) repeats it. */
		case 'N': /* The mount namespace: mount(8) has entered it. */
			break;
		case ':':
			return refuse(text, "The flag %s needs an argument; see mount.dfs --help.",
				      argv[optind - 1]);
		default:
			return refuse(text, "Unknown flag \"%s\"; see mount.dfs --help.",
				      argv[optind - 1]);
		}
		if (status != 0)
			return status;
	}
	return 0;
}

int mount_options_parse(int argc, char **argv, struct mount_options *ret_options,
			char ret_text[MOUNT_TEXT_BYTES])
{
	struct mount_options options = {
	    .key = MOUNT_KEY_DEFAULT,
	    .log_level = DFS_LOG_INFO,
	    .retry = 10 * DFS_SEC,
	};
	int status = flags_parse(argc, argv, &options, false, ret_text);
	if (status == 0 && options.action == MOUNT_ACTION_MOUNT)
		status = flags_parse(argc, argv, &options, true, ret_text);
	if (status != 0)
		return status;
	if (options.action == MOUNT_ACTION_MOUNT) {
		if (argc - optind != 2)
			return refuse(ret_text,
				      "Expected SOURCE and DIR, got %d argument%s; see "
				      "mount.dfs --help.",
				      argc - optind, argc - optind == 1 ? "" : "s");
		options.source = argv[optind];
		options.dir = argv[optind + 1];
		if (!options.remount)
			status =
			    mount_source_parse(options.source, options.masters,
					       sizeof(options.masters), &options.subtree, ret_text);
		if (status != 0)
			return status;
	}
	*ret_options = options;
	return 0;
}

void mount_options_help(FILE *out)
{
	fprintf(
	    out,
	    "Usage: mount.dfs MASTER[,MASTER...]:/[SUBTREE] DIR [-o OPTION[,OPTION...]] [flags]\n"
	    "       mount -t dfs MASTER[,MASTER...]:/[SUBTREE] DIR [-o ...]\n"
	    "Mount a dfs cluster. MASTER is HOST or HOST:PORT (default port " MOUNT_PORT_DEFAULT
	    "), or [IPV6]:PORT.\n\nFlags:\n"
	    "  -o OPTIONS        see below\n"
	    "  -f, --foreground  stay in the foreground and log to stderr\n"
	    "  -s                skip options that are not known\n"
	    "  -v, --verbose     say what is done\n"
	    "  -n                accepted: /etc/mtab is never written\n"
	    "  -h, --help        this text\n"
	    "  -V, --version     the version\n\nOptions:\n");
	for (size_t i = 0; i < dfs_array_count(rows); i++) {
		if (rows[i].help != NULL)
			fprintf(out, "  %s%s\n", rows[i].name, rows[i].help);
	}
	fprintf(out, "\nA line for /etc/fstab:\n"
		     "  master.example:/  /mnt/dfs  dfs  _netdev,nofail  0  0\n"
		     "Exit status: 0 mounted, 1 bad usage, 32 the mount failed.\n");
}
