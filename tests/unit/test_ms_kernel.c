/*
 * The state machine against a real file system: the same random operations are done on tmpfs by
 * system calls, and each must end alike: same error, same attributes, same names. Directories are
 * held open, so that removed ones are used as well.
 *
 * Permissions are not compared (the kernel checks those in front of us), nor times to the
 * nanosecond.
 */
#include "libdfsproto/base/errors.h"
#include "tests/unit/ms_world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { DIRECTORIES = 8, OPERATIONS = 3000 };

#define TMPFS 0x01021994

struct pair {
	struct world w;
	struct dfs_prng prng;
	char root[64];
	struct {
		u64 ino;
		int fd;
	} directories[DIRECTORIES]; /* 0 is the root. */
};

static u64 below(struct pair *p, u64 bound)
{
	return dfs_prng_below(&p->prng, bound);
}

static const char *some_name(struct pair *p)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	return names[below(p, dfs_array_count(names))];
}

/* Same outcome? `posix` is what the system call returned. */
static void same(struct pair *p, const char *what, int status, int posix)
{
	int expected = posix == 0 ? 0 : errno;
	int found = dfs_error_errno(status);
	if (found != expected)
		print_error("%s: the kernel says %d, we say %d (operation %u)\n", what, expected,
			    found, p->w.log_count);
	assert_int_equal(found, expected);
}

static void compare_inode(struct pair *p, int fd, const char *name, u64 ino)
{
	struct stat st;
	struct dfs_attr attr = world_attr(&p->w, ino);
	assert_int_equal(fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), 0);
	assert_int_equal(attr.mode, st.st_mode);
	assert_int_equal(attr.nlink, st.st_nlink);
	if (!S_ISDIR(st.st_mode))
		assert_int_equal(attr.size, st.st_size);
}

static void compare_names(struct pair *p)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	for (int d = 0; d < DIRECTORIES; d++) {
		int fd = p->directories[d].fd;
		compare_inode(p, fd, "", p->directories[d].ino);
		for (size_t i = 0; i < dfs_array_count(names); i++) {
			u64 ino = world_lookup(&p->w, p->directories[d].ino, names[i]);
			bool there = faccessat(fd, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0;
			assert_int_equal(ino != 0, there);
			if (there)
				compare_inode(p, fd, names[i], ino);
		}
	}
}

/* A new directory takes a place among those that are used. */
static void adopt(struct pair *p, int parent, const char *name, u64 ino)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	u64 slot = 1 + below(p, DIRECTORIES - 1);
	if (p->directories[slot].fd != p->directories[0].fd)
		close(p->directories[slot].fd);
	p->directories[slot].fd = fd;
	p->directories[slot].ino = ino;
}

static void do_make(struct pair *p)
{
	u64 d = below(p, DIRECTORIES);
	int fd = p->directories[d].fd;
	u64 parent = p->directories[d].ino;
	const char *name = some_name(p);
	switch (below(p, 5)) {
	case 0: {
		int made = openat(fd, name, O_CREAT | O_EXCL | O_RDWR, 0640);
		same(p, "create", world_make(&p->w, parent, name, S_IFREG | 0640),
		     made < 0 ? -1 : 0);
		if (made >= 0)
			close(made);
		break;
	}
	case 1:
		same(p, "symlink", world_make(&p->w, parent, name, S_IFLNK | 0777),
		     symlinkat("target", fd, name));
		break;
	case 2:
		same(p, "mkfifo", world_make(&p->w, parent, name, S_IFIFO | 0600),
		     mkfifoat(fd, name, 0600));
		break;
	default: {
		int status = world_make(&p->w, parent, name, S_IFDIR | 0750);
		same(p, "mkdir", status, mkdirat(fd, name, 0750));
		if (status == 0)
			adopt(p, fd, name, p->w.last.attr.ino);
	}
	}
}

static void do_link(struct pair *p)
{
	u64 from = below(p, DIRECTORIES);
	u64 to = below(p, DIRECTORIES);
	const char *name = some_name(p);
	const char *new_name = some_name(p);
	u64 ino = world_lookup(&p->w, p->directories[from].ino, name);
	if (ino == 0) /* The kernel would say so before it asks us. */
		return;
	same(p, "link", world_link(&p->w, ino, p->directories[to].ino, new_name),
	     linkat(p->directories[from].fd, name, p->directories[to].fd, new_name, 0));
}

static void do_remove(struct pair *p)
{
	u64 d = below(p, DIRECTORIES);
	const char *name = some_name(p);
	if (below(p, 2) == 0)
		same(p, "unlink", world_unlink(&p->w, p->directories[d].ino, name),
		     unlinkat(p->directories[d].fd, name, 0));
	else
		same(p, "rmdir", world_rmdir(&p->w, p->directories[d].ino, name),
		     unlinkat(p->directories[d].fd, name, AT_REMOVEDIR));
}

static void do_rename(struct pair *p)
{
	u64 from = below(p, DIRECTORIES);
	u64 to = below(p, DIRECTORIES);
	const char *name = some_name(p);
	const char *new_name = some_name(p);
	u32 flags = (u32)below(p, 4);
	same(p, "rename",
	     world_rename(&p->w, p->directories[from].ino, name, p->directories[to].ino, new_name,
			  flags),
	     renameat2(p->directories[from].fd, name, p->directories[to].fd, new_name, flags));
}

static void do_attributes(struct pair *p)
{
	u64 d = below(p, DIRECTORIES);
	int fd = p->directories[d].fd;
	const char *name = some_name(p);
	u64 ino = world_lookup(&p->w, p->directories[d].ino, name);
	if (ino == 0 || S_ISLNK(world_attr(&p->w, ino).mode))
		return;
	u32 mode = (u32)below(p, 01000) | 0700;
	same(p, "chmod",
	     WORLD_DO(&p->w, SETATTR, setattr, .ino = ino, .valid = DFS_SETATTR_MODE, .mode = mode),
	     fchmodat(fd, name, mode, 0));
	if (!S_ISREG(world_attr(&p->w, ino).mode))
		return;
	u64 size = below(p, 1 << 20);
	int file = openat(fd, name, O_RDWR);
	assert_true(file >= 0);
	same(p, "truncate", world_truncate(&p->w, ino, size), ftruncate(file, (off_t)size));
	close(file);
}

static void start(struct pair *p, u64 seed)
{
	*p = (struct pair){.root = "/dev/shm/dfs-test-XXXXXX"};
	dfs_prng_seed(&p->prng, seed);
	assert_non_null(mkdtemp(p->root));
	(void)chmod(p->root, 0755);
	world_open(&p->w, 4);
	int fd = open(p->root, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	for (int i = 0; i < DIRECTORIES; i++) {
		p->directories[i].ino = ROOT;
		p->directories[i].fd = fd;
	}
}

static void stop(struct pair *p)
{
	char command[128];
	for (int i = 1; i < DIRECTORIES; i++) {
		if (p->directories[i].fd != p->directories[0].fd)
			close(p->directories[i].fd);
	}
	close(p->directories[0].fd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", p->root);
	assert_int_equal(system(command), 0);
	world_close(&p->w);
}

static void every_operation_ends_as_on_tmpfs(void **unused)
{
	(void)unused;
	struct statfs fs;
	if (statfs("/dev/shm", &fs) != 0 || fs.f_type != TMPFS) {
		print_message("no tmpfs at /dev/shm to compare with\n");
		skip();
	}
	(void)umask(0);
	for (u64 seed = 1; seed <= 8; seed++) {
		struct pair p;
		start(&p, seed);
		while (p.w.log_count < OPERATIONS) {
			switch (below(&p, 9)) {
			case 0:
			case 1:
			case 2:
				do_make(&p);
				break;
			case 3:
				do_link(&p);
				break;
			case 4:
			case 5:
				do_remove(&p);
				break;
			case 6:
				do_attributes(&p);
				break;
			default:
				do_rename(&p);
			}
			if (below(&p, 10) == 0)
				compare_names(&p);
		}
		world_check(&p.w);
		stop(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_operation_ends_as_on_tmpfs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
