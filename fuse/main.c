/*
 * mount.dfs: what mount(8) runs for `mount -t dfs SOURCE DIR -o OPTIONS`, and the process that
 * serves the mount afterwards. Here: arguments, key, going into the background. Then
 * shell/mounter.c.
 */
#include "fuse/shell/background.h"
#include "fuse/shell/mount_point.h"
#include "fuse/shell/mounter.h"
#include "fuse/shell/options.h"
#include "libdfsproto/host/ids.h"
#include "libdfsproto/host/key.h"

#include <string.h>
#include <unistd.h>

static int fail(enum mount_exit code, const char *text)
{
	fprintf(stderr, "mount.dfs: %s\n", text);
	return code;
}

/* A client is a new node with each mount: its sessions never mix with those of an earlier one. */
static int identity_make(const struct mount_options *options, const char *path,
			 struct dfs_identity *ret_identity, struct dfs_sentence *ret_text)
{
	struct dfs_identity identity = {
	    .node = dfs_id_random(),
	    .host = dfs_host_id(),
	    .role = DFS_ROLE_CLIENT,
	};
	int status = dfs_key_load(options->key, identity.key, ret_text);
	if (status != 0)
		return status;
	identity.cluster = dfs_cluster_id(identity.key);
	char machine[32] = "";
	if (gethostname(machine, sizeof(machine) - 1) != 0)
		snprintf(machine, sizeof(machine), "unnamed");
	snprintf(identity.name, sizeof(identity.name), "%s:%.30s", machine, path);
	*ret_identity = identity;
	return 0;
}

static int mount_run(const struct mount_options *options, const char *path,
		     const struct dfs_identity *identity)
{
	struct background background;
	char text[MOUNT_TEXT_BYTES];
	int status = background_enter(options, &background, text);
	if (status == 0)
		status = background_log_open(options, path, text);
	if (status != 0) {
		background_report(&background, MOUNT_EXIT_FAILED, text);
		return MOUNT_EXIT_FAILED;
	}
	return mounter_run(&(struct mounter_config){
	    .options = options,
	    .identity = identity,
	    .path = path,
	    .background = &background,
	});
}

int main(int argc, char **argv)
{
	struct mount_options options;
	struct dfs_identity identity;
	struct dfs_sentence sentence;
	char path[PATH_MAX];
	char text[MOUNT_TEXT_BYTES];

	if (mount_options_parse(argc, argv, &options, text) != 0)
		return fail(MOUNT_EXIT_USAGE, text);
	if (options.action == MOUNT_ACTION_HELP) {
		mount_options_help(stdout);
		return MOUNT_EXIT_OK;
	}
	if (options.action == MOUNT_ACTION_VERSION) {
		printf("mount.dfs %s\n", DFS_VERSION);
		return MOUNT_EXIT_OK;
	}
	if (mount_point_check(&options, path, text) != 0)
		return fail(MOUNT_EXIT_FAILED, text);
	if (options.remount)
		return mount_point_remount(&options, path, text) == 0
			   ? MOUNT_EXIT_OK
			   : fail(MOUNT_EXIT_FAILED, text);
	if (identity_make(&options, path, &identity, &sentence) != 0)
		return fail(MOUNT_EXIT_FAILED, sentence.text);
	if (options.verbose)
		printf("mount.dfs: mounting %s (masters %s) on %s\n", options.source,
		       options.masters, path);
	return mount_run(&options, path, &identity);
}
