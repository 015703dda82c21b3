/*
 * The simulator's model file system against the real one: the same random operations on a directory
 * of the machine's own file system must give the same answers. A wrong model would excuse a wrong
 * dfs.
 */
#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/messages.h"
#include "tests/sim/model_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_BYTES = 1024, STEPS = 20000 };

struct pair {
	struct model_fs model;
	struct dfs_prng prng;
	int directory; /* The real root. */
};

static int outcome(int result)
{
	return result == 0 ? 0 : dfs_error_from_errno(errno);
}

static void draw_path(struct pair *pair, char *ret_path)
{
	char name[256];
	struct model_node *directory;
	struct model_entry *entry = model_pick_entry(&pair->model, &pair->prng, &directory);
	snprintf(name, sizeof(name), "n%u", (u32)dfs_prng_below(&pair->prng, 6));
	if (entry == NULL || dfs_prng_below(&pair->prng, 2) == 0)
		directory = model_pick_directory(&pair->model, &pair->prng);
	else
		snprintf(name, sizeof(name), "%s", entry->name);
	model_path(&pair->model, directory, name, ret_path);
}

static int make_both(struct pair *pair, const char *path, int *ret_real)
{
	u64 kind = dfs_prng_below(&pair->prng, 3);
	if (kind == 0) {
		*ret_real = outcome(mkdirat(pair->directory, path, 0755));
		return model_make(&pair->model, path, S_IFDIR | 0755, 0, NULL, true);
	}
	if (kind == 1) {
		*ret_real = outcome(symlinkat("nowhere", pair->directory, path));
		return model_make(&pair->model, path, S_IFLNK | 0777, 0, "nowhere", true);
	}
	*ret_real = outcome(mknodat(pair->directory, path, S_IFREG | 0644, 0));
	return model_make(&pair->model, path, S_IFREG | 0644, 0, NULL, true);
}

static int rename_both(struct pair *pair, const char *from, const char *to, int *ret_real)
{
	static const u32 kinds[][2] = {
	    {0, 0},
	    {DFS_RENAME_NOREPLACE, RENAME_NOREPLACE},
	    {DFS_RENAME_EXCHANGE, RENAME_EXCHANGE},
	    {DFS_RENAME_WHITEOUT, RENAME_WHITEOUT},
	};
	u64 kind = dfs_prng_below(&pair->prng, dfs_array_count(kinds));
	*ret_real = outcome(renameat2(pair->directory, from, pair->directory, to, kinds[kind][1]));
	return model_rename(&pair->model, from, to, kinds[kind][0], true);
}

static int step(struct pair *pair, const char *from, const char *to, int *ret_real)
{
	int status;
	const struct model_node *node = model_find(&pair->model, from, &status);
	switch (dfs_prng_below(&pair->prng, 8)) {
	case 0:
		*ret_real = outcome(unlinkat(pair->directory, from, 0));
		return model_unlink(&pair->model, from, true);
	case 1:
		*ret_real = outcome(unlinkat(pair->directory, from, AT_REMOVEDIR));
		return model_rmdir(&pair->model, from, true);
	case 2:
		if (node != NULL && model_is(node, S_IFDIR))
			break; /* Refused by the VFS, after other checks than the driver's. */
		*ret_real = outcome(linkat(pair->directory, from, pair->directory, to, 0));
		return model_link(&pair->model, from, to, true);
	case 3:
	case 4:
		return rename_both(pair, from, to, ret_real);
	default:
		break;
	}
	return make_both(pair, from, ret_real);
}

static void compare_links(struct pair *pair, const char *path)
{
	struct stat real;
	int status;
	const struct model_node *node = model_find(&pair->model, path, &status);
	int result = outcome(fstatat(pair->directory, path, &real, AT_SYMLINK_NOFOLLOW));
	if (node == NULL) {
		assert_int_equal(result, status);
		return;
	}
	assert_int_equal(result, 0);
	assert_int_equal(real.st_mode & S_IFMT, node->mode & S_IFMT);
	if (!S_ISDIR(real.st_mode) || real.st_nlink > 1) /* Some file systems do not count. */
		assert_int_equal(real.st_nlink, node->nlink);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(path);
}

static void the_model_answers_as_linux_does(void **state)
{
	(void)state;
	char root[] = "/tmp/dfs-model-XXXXXX";
	assert_non_null(mkdtemp(root));
	struct pair pair = {.directory = open(root, O_RDONLY | O_DIRECTORY)};
	assert_true(pair.directory >= 0);
	model_init(&pair.model);
	dfs_prng_seed(&pair.prng, 1);
	for (int i = 0; i < STEPS; i++) {
		char from[PATH_BYTES], to[PATH_BYTES];
		int real;
		draw_path(&pair, from);
		draw_path(&pair, to);
		int model = step(&pair, from, to, &real);
		if (model != real)
			fail_msg("step %d, %s, %s: Linux says %s, the model %s", i, from, to,
				 dfs_error_name(real), dfs_error_name(model));
		compare_links(&pair, from);
		compare_links(&pair, to);
	}
	model_fini(&pair.model);
	close(pair.directory);
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_model_answers_as_linux_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
