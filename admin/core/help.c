/*
 * The help pages. Each command's has its purpose, its use, its options and its exit codes.
 */
#include "admin/core/arguments.h"

#define COMMON                                                                                     \
	"Where the cluster is (the first that is given counts):\n"                                 \
	"  --masters HOST:PORT[,HOST:PORT...]   The masters.\n"                                    \
	"  --mount DIR        A mount of it: the masters are taken from the mount table.\n"        \
	"  DFS_MASTERS        The masters, from the environment.\n"                                \
	"  Otherwise the mount that the files lie in, or the only mount of dfs there is.\n"        \
	"Its key: --key FILE, or DFS_KEY, or /etc/dfs/cluster.key.\n"                              \
	"\n"                                                                                       \
	"  --json             One JSON object on standard output, for programs.\n"                 \
	"  --timeout SECONDS  Wait so long for any one answer (default 10).\n"                     \
	"  --color WHEN       auto (on terminals), always or never.\n"                             \
	"  --help             This page.\n"

static const char overview[] =
    "dfs: look at a dfs cluster, check it, repair it.\n"
    "\n"
    "Usage: dfs COMMAND [options] [FILE...]\n"
    "\n"
    "  dfs status         One screen: master, chunkservers, clients, space, warnings.\n"
    "  dfs info FILE...   Where the chunks of files are.\n"
    "  dfs fsck           Check that everything fits together; --repair what is safe.\n"
    "  dfs quota VERB     How much users, groups and directory trees may use.\n"
    "  dfs trash ...      Keep what is deleted for a while; list it, restore it.\n"
    "  dfs help COMMAND   More about one of them.\n"
    "\n" COMMON "  --version          Print the version.\n"
    "\n"
    "Exit codes: 0 all is well; 1 done, and something is wrong with the cluster; 2 it could not\n"
    "be done: no answer, wrong key, no such file; 3 the command line was not understood.\n";

static const char status_page[] =
    "dfs status: what the master and the chunkservers say of themselves, on one screen.\n"
    "\n"
    "Usage: dfs status [options]\n"
    "\n" COMMON "\n"
    "Exit codes: 0 all is well; 1 there are warnings; 2 the master does not answer, or refuses;\n"
    "3 the command line was not understood.\n";

static const char info_page[] =
    "dfs info: where the chunks of files are.\n"
    "\n"
    "Usage: dfs info [options] FILE...\n"
    "\n"
    "The files lie on a mount of dfs on this machine. For each: inode, size, size of its chunks,\n"
    "and for each chunk its place in the file, its id, length and epoch, and who has copies.\n"
    "Bytes that a program has written and not yet closed or synced may not be in a chunk yet.\n"
    "\n" COMMON "\n"
    "Exit codes: 0 all chunks can be reached; 1 some cannot; 2 a file is not on dfs, or the "
    "master\n"
    "does not answer; 3 the command line was not understood.\n";

static const char fsck_page[] =
    "dfs fsck: check the master's tables against each other and against the chunkservers.\n"
    "\n"
    "Usage: dfs fsck [options]\n"
    "\n"
    "  --data             Also read all data and compare it with its checksums. Reads every disk.\n"
    "  --repair           Put right what can be put right without losing anything; the changes\n"
    "                     go through the master's log. What is not safe is explained.\n"
    "\n"
    "The cluster may be in use: the tables are read as of one moment, and what looks wrong on the\n"
    "chunkservers is looked at again before it is told. Without --repair nothing is changed. Each\n"
    "fault is one line: its name, which never changes, then inode=, chunk= and the like, then "
    "what\n"
    "it means; find DIR -inum N finds the file of an inode. It needs about 200 bytes of memory "
    "here\n"
    "for each file and each chunk.\n"
    "\n" COMMON "\n"
    "Exit codes: 0 no fault, or all were repaired; 1 faults are left; 2 the check could not be\n"
    "completed; 3 the command line was not understood.\n";

static const char quota_page[] =
    "dfs quota: how much users, groups and directory trees use, and how much they may.\n"
    "\n"
    "Usage: dfs quota set    DIR | --user NAME | --group NAME  LIMITS\n"
    "       dfs quota get    DIR | --user NAME | --group NAME\n"
    "       dfs quota remove DIR | --user NAME | --group NAME\n"
    "       dfs quota report [--user] [--group] [--tree]\n"
    "\n"
    "  --bytes SOFT:HARD   Space, with K, M, G, T or P (1024 each); 0: no such limit. One number "
    "is\n"
    "                      the hard limit alone.\n"
    "  --inodes SOFT:HARD  Files, directories and other objects, with K, M or G (1000 each).\n"
    "  --grace TIME        How long a soft limit may be exceeded: 90s, 30m, 12h, 7d (default 7d).\n"
    "\n"
    "DIR lies on a mount of dfs on this machine; all that is below it counts, for root as well.\n"
    "What is in it already is counted while dfs quota set runs; should it be interrupted, the "
    "same\n"
    "command goes on. Trees may lie inside each other, up to 8. Between trees, rename(2) and "
    "link(2) of\n"
    "directories and of files with several names are EXDEV, and mv copies. Inside a tree with "
    "limits\n"
    "df shows those. A user and a group use what they own; root has no limits. NAME may be a "
    "number.\n"
    "\n" COMMON "\n"
    "Exit codes: 0 done; 1 get, report: somebody is above a soft limit, or at a hard one; 2 it "
    "could\n"
    "not be done: no answer, no such directory, user or quota; 3 the command line was not "
    "understood.\n";
static const char trash_page[] =
    "dfs trash: keep what is deleted for a while, list it, restore it.\n"
    "\n"
    "Usage: dfs trash on DIR [--keep TIME] [--no-recurse]\n"
    "       dfs trash off DIR [--no-recurse]\n"
    "       dfs trash show DIR\n"
    "       dfs trash list [PATH] [--deleted-after TIME] [--limit N]\n"
    "       dfs trash restore PATH|INODE [--to PATH] [-r] [--deleted-after TIME]\n"
    "       dfs trash empty [PATH] [--older TIME]\n"
    "\n"
    "Off until it is turned on for a directory; DIR and everything below it then keep what is\n"
    "deleted or replaced in them for so long (default 1d). New directories do as the one they are\n"
    "made in; one that is moved keeps its own setting. Kept are files, symbolic links and\n"
    "directories that lose their last name, with everything but the name. The space they take\n"
    "becomes free when their time is up, or with dfs trash empty.\n"
    "\n"
    "  --keep TIME        How long: 90s, 15m, 12h, 7d, 2w, 1y.\n"
    "  --no-recurse       Leave the directories that are below DIR already as they are.\n"
    "  --deleted-after TIME   Only what was deleted since TIME ago, or since @SECONDS (of 1970):\n"
    "                     --deleted-after @$(date -d 'yesterday 8:00' +%s)\n"
    "  --limit N          The newest N (default 1000).\n"
    "  --to PATH          Restore it there: a directory, or a name that is not taken.\n"
    "  -r, --recursive    Restore everything that was deleted below PATH: rm -rf undone.\n"
    "  --older TIME       Only what was deleted longer ago.\n"
    "\n"
    "PATH is what something was called on a mount of this machine; it need not be there any more.\n"
    "Of several versions the newest is restored; INODE, as the list shows it, names another one.\n"
    "Something comes back to the directory it was in, also if that was moved since. Directories\n"
    "above that were deleted come back as well; those whose time is up are made anew, root's and\n"
    "closed to others (mode 0700). Nothing is ever overwritten.\n"
    "\n" COMMON "\n"
    "Exit codes: 0 done; 1 some of it could not be restored; 2 nothing was: the message says why;\n"
    "3 the command line was not understood.\n";

void ad_help(enum ad_command command, struct ad_text *out)
{
	static const char *const pages[AD_COMMANDS_COUNT] = {
	    [AD_NONE] = overview,  [AD_STATUS] = status_page, [AD_INFO] = info_page,
	    [AD_FSCK] = fsck_page, [AD_QUOTA] = quota_page,   [AD_TRASH] = trash_page,
	};
	ad_text_add(out, "%s", pages[command]);
}
