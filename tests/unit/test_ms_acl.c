/*
 * Access control lists: the value's form, what the mode has to do with them, and how directories
 * hand them down. What must come out was written down from ext4's answers.
 */
#include "tests/unit/ms_world.h"

#include "libdfsproto/wire/xattr_name.h"
#include "master/core/acl.h"

/* A list from text: "u::rwx u:5:r g::x m::rw o::-", one letter per tag. */
static struct dfs_span list(u8 *out, const char *text)
{
	struct dfs_writer writer;
	dfs_writer_init(&writer, DFS_PROTOCOL_VERSION, 0);
	dfs_put_u32(&writer, 2);
	for (const char *at = text; *at != '\0';) {
		char kind = *at;
		u32 id = 0;
		at += 2;
		bool named = *at != ':';
		for (; *at != ':'; at++)
			id = id * 10 + (u32)(*at - '0');
		u32 permissions = 0;
		for (at++; *at != '\0' && *at != ' '; at++)
			permissions |= *at == 'r' ? 4 : *at == 'w' ? 2 : *at == 'x' ? 1 : 0;
		while (*at == ' ')
			at++;
		u32 tag = kind == 'u'   ? (named ? MS_ACL_USER : MS_ACL_USER_OBJ)
			  : kind == 'g' ? (named ? MS_ACL_GROUP : MS_ACL_GROUP_OBJ)
			  : kind == 'm' ? MS_ACL_MASK
			  : kind == 'o' ? MS_ACL_OTHER
					: 0x40;
		dfs_put_u16(&writer, (u16)tag);
		dfs_put_u16(&writer, (u16)permissions);
		dfs_put_u32(&writer, named ? id : UINT32_MAX);
	}
	u32 bytes = writer.buf->length;
	memcpy(out, writer.buf->data, bytes);
	dfs_writer_fini(&writer);
	return dfs_span(out, bytes);
}

static void lists_are_checked_as_linux_does(void **unused)
{
	(void)unused;
	static const struct {
		const char *text;
		int status;
	} rows[] = {
	    {"", 0},
	    {"u::rwx g::rx o::r", 0},
	    {"u::rwx g::rx m::rx o::r", 0},
	    {"u::rwx u:5:r g::rx m::rx o::r", 0},
	    {"u::rwx u:5:r u:5:w u:4:- g::rx g:7:x g:0:w m::rx o::-", 0},
	    {"u::rwx u:5:r g::rx o::r", DFS_EINVAL}, /* Names need a mask. */
	    {"u::rwx g::rx g:5:r o::r", DFS_EINVAL},
	    {"u::rwx g::rx", DFS_EINVAL},
	    {"u::rwx o::rx", DFS_EINVAL},
	    {"g::rwx o::rx", DFS_EINVAL},
	    {"u::rwx o::r g::rx", DFS_EINVAL},
	    {"u::rwx u::rwx g::rx o::r", DFS_EINVAL},
	    {"u::rwx g::rx o::r o::r", DFS_EINVAL},
	    {"u::rwx g::rx m::r m::r o::r", DFS_EINVAL},
	    {"u::rwx g::rx m::r u:5:r o::r", DFS_EINVAL},
	    {"u::rwx g::rx o::r m::r", DFS_EINVAL},
	    {"u::rwx g::rx u:5:r m::r o::r", DFS_EINVAL},
	    {"u::rwx g::rx q::r o::r", DFS_EINVAL},
	};
	u8 bytes[256];
	struct ms_acl acl;
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		int status = ms_acl_decode(list(bytes, rows[i].text), &acl);
		if (status != rows[i].status)
			print_error("list %u: %d\n", i, status);
		assert_int_equal(status, rows[i].status);
	}
	struct dfs_span good = list(bytes, "u::rwx u:5:r g::rx m::rx o::r");
	for (u32 cut = 1; cut < 8; cut++)
		assert_int_equal(ms_acl_decode(dfs_span(bytes, good.length - cut), &acl),
				 DFS_EINVAL);
	assert_int_equal(ms_acl_decode(dfs_span(bytes, 3), &acl), DFS_EINVAL);
	bytes[6] = 8; /* A permission that is none. */
	assert_int_equal(ms_acl_decode(good, &acl), DFS_EINVAL);
	good = list(bytes, "u::rwx u:4294967295:r g::rx m::rx o::r");
	assert_int_equal(ms_acl_decode(good, &acl), DFS_EINVAL);
	bytes[0] = 3;
	assert_int_equal(ms_acl_decode(good, &acl), DFS_ENOTSUP);
}

static void lists_have_one_form(void **unused)
{
	(void)unused;
	u8 bytes[256], again[MS_ACL_BYTES_MAX];
	struct ms_acl acl;
	struct dfs_span value = list(bytes, "u::rwx u:5:r g::rx m::rx o::r");
	u8 canonical[256];
	memcpy(canonical, bytes, value.length);
	memset(bytes + 8, 7, 4); /* The owner's entry names nobody. */
	assert_int_equal(ms_acl_decode(value, &acl), 0);
	assert_int_equal(ms_acl_encode(&acl, again), value.length);
	assert_memory_equal(again, canonical, value.length);
}

static void too_many_entries_are_refused(void **unused)
{
	(void)unused;
	static u8 bytes[4 + 8 * (DFS_ACL_ENTRIES_MAX + 1)] = {2};
	struct ms_acl acl;
	assert_int_equal(ms_acl_decode(dfs_span(bytes, sizeof(bytes)), &acl), DFS_ENOSPC);
}

static int set(struct world *w, u64 ino, const char *name, const char *text, u32 flags)
{
	u8 bytes[256];
	return WORLD_DO(w, SETXATTR, setxattr, .ino = ino, .name = dfs_span_text(name),
			.value = list(bytes, text), .flags = flags);
}

static int remove_list(struct world *w, u64 ino, const char *name)
{
	return WORLD_DO(w, REMOVEXATTR, removexattr, .ino = ino, .name = dfs_span_text(name));
}

/* NULL: there must be none. */
static void expect_list(struct world *w, u64 ino, const char *name, const char *text)
{
	u8 bytes[256];
	struct dfs_span value;
	u64 change;
	int status = ms_getxattr(w->state, ino, dfs_span_text(name), &value, &change);
	assert_int_equal(status, text == NULL ? DFS_ENODATA : 0);
	if (text != NULL)
		assert_true(dfs_span_equal(value, list(bytes, text)));
	world_check(w);
}

#define ACCESS  DFS_XATTR_ACL_ACCESS
#define DEFAULT DFS_XATTR_ACL_DEFAULT

static void list_and_mode_follow_each_other(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(set(&w, f, ACCESS, "u::rwx u:5:rw g::r m::rx o::-", 0), 0);
	assert_int_equal(w.last.attr.mode & 07777, 0750);
	assert_int_equal(w.last.attr.ctime, w.wall);
	assert_int_equal(w.last.attr.acls, DFS_ACL_ACCESS);
	expect_list(&w, f, ACCESS, "u::rwx u:5:rw g::r m::rx o::-");
	assert_int_equal(
	    WORLD_DO(&w, SETATTR, setattr, .ino = f, .valid = DFS_SETATTR_MODE, .mode = 0624), 0);
	expect_list(&w, f, ACCESS, "u::rw u:5:rw g::r m::w o::r");
	/* Flags of setxattr(2) do not count for lists. */
	assert_int_equal(set(&w, f, ACCESS, "u::r g::w o::x", DFS_SETXATTR_CREATE), 0);
	assert_int_equal(w.last.attr.mode & 07777, 0421);
	assert_int_equal(w.last.attr.acls, 0);
	assert_int_equal(w.last.attr.xattrs, 0);
	expect_list(&w, f, ACCESS, NULL);
	world_close(&w);
}

static void a_list_that_goes_leaves_the_mode(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	assert_int_equal(set(&w, f, ACCESS, "u::rwx u:5:rw g::r m::rx o::-", 0), 0);
	assert_int_equal(remove_list(&w, f, ACCESS), 0);
	assert_int_equal(w.last.attr.mode & 07777, 0750);
	expect_list(&w, f, ACCESS, NULL);
	u64 change = w.last.attr.change;
	s64 ctime = w.last.attr.ctime;
	assert_int_equal(remove_list(&w, f, ACCESS), 0); /* None: fine, and no change. */
	assert_int_equal(w.last.attr.change, change);
	assert_int_equal(w.last.attr.ctime, ctime);
	assert_int_equal(set(&w, f, ACCESS, "u::rwx u:5:rw g::r m::rx o::-", 0), 0);
	assert_int_equal(set(&w, f, ACCESS, "", 0), 0); /* An empty one means the same. */
	assert_int_equal(w.last.attr.mode & 07777, 0750);
	expect_list(&w, f, ACCESS, NULL);
	world_close(&w);
}

static void a_stranger_to_the_group_takes_set_group_id_away(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	assert_int_equal(world_make(&w, ROOT, "p", S_IFREG | 02755), 0);
	u64 p = w.last.attr.ino;
	assert_int_equal(set(&w, p, ACCESS, "u::rwx g::rx o::rx", 0), 0);
	assert_int_equal(w.last.attr.mode & 07777, 02755);
	assert_int_equal(set(&w, p, ACCESS, "u::rwx g::rx o::rx", DFS_SETXATTR_DROP_SGID), 0);
	assert_int_equal(w.last.attr.mode & 07777, 0755);
	world_check(&w);
	world_close(&w);
}

static void only_directories_have_default_lists(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 f = world_file(&w, ROOT, "f");
	u64 d = world_directory(&w, ROOT, "d");
	assert_int_equal(world_make(&w, ROOT, "l", S_IFLNK), 0);
	u64 l = w.last.attr.ino;
	assert_int_equal(set(&w, f, DEFAULT, "u::rwx g::rx o::r", 0), DFS_EACCES);
	assert_int_equal(set(&w, f, DEFAULT, "", 0), 0);
	assert_int_equal(remove_list(&w, f, DEFAULT), 0);
	assert_int_equal(set(&w, l, ACCESS, "u::rwx g::rx o::r", 0), DFS_ENOTSUP);
	assert_int_equal(remove_list(&w, l, ACCESS), DFS_ENOTSUP);
	u32 mode = world_attr(&w, d).mode;
	assert_int_equal(set(&w, d, DEFAULT, "u::rwx g::rx o::r", 0), 0);
	assert_int_equal(w.last.attr.mode, mode);
	assert_int_equal(w.last.attr.acls, DFS_ACL_DEFAULT);
	expect_list(&w, d, DEFAULT, "u::rwx g::rx o::r"); /* Kept: it stands in for the umask. */
	assert_int_equal(remove_list(&w, d, DEFAULT), 0);
	expect_list(&w, d, DEFAULT, NULL);
	world_close(&w);
}

static u64 make(struct world *w, u64 parent, const char *name, u32 mode, u32 umask)
{
	assert_int_equal(WORLD_DO(w, MAKE, make, .parent = parent, .name = dfs_span_text(name),
				  .mode = mode, .umask = umask,
				  .target = dfs_span_text(S_ISLNK(mode) ? "t" : "")),
			 0);
	return w->last.attr.ino;
}

static void new_inodes_inherit(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	u64 d = world_directory(&w, ROOT, "d");
	make(&w, d, "before", S_IFREG | 0666, 022);
	assert_int_equal(w.last.attr.mode & 07777, 0644);
	assert_int_equal(set(&w, d, DEFAULT, "u::rwx u:5:rwx g::rx m::rwx o::x", 0), 0);

	u64 f = make(&w, d, "f", S_IFREG | 0666, 077); /* The umask does not count now. */
	assert_int_equal(w.last.attr.mode & 07777, 0660);
	assert_int_equal(w.last.attr.acls, DFS_ACL_ACCESS);
	expect_list(&w, f, ACCESS, "u::rw u:5:rwx g::rx m::rw o::-");

	u64 sub = make(&w, d, "sub", S_IFDIR | 0751, 077);
	assert_int_equal(w.last.attr.mode & 07777, 0751);
	assert_int_equal(w.last.attr.acls, DFS_ACL_ACCESS | DFS_ACL_DEFAULT);
	expect_list(&w, sub, ACCESS, "u::rwx u:5:rwx g::rx m::rx o::x");
	expect_list(&w, sub, DEFAULT, "u::rwx u:5:rwx g::rx m::rwx o::x");

	make(&w, d, "link", S_IFLNK | 0777, 077);
	assert_int_equal(w.last.attr.mode, S_IFLNK | 0777);
	assert_int_equal(w.last.attr.acls, 0);

	assert_int_equal(set(&w, d, DEFAULT, "u::rwx g::rx o::-", 0), 0);
	make(&w, d, "plain", S_IFREG | 0666, 0); /* The mode says it all. */
	assert_int_equal(w.last.attr.mode & 07777, 0640);
	assert_int_equal(w.last.attr.acls, 0);
	world_check(&w);
	assert_int_equal(world_unlink(&w, d, "f"), 0);
	assert_int_equal(world_purge(&w, f), 0);
	world_check(&w); /* The lists went with it. */
	world_close(&w);
}

static void the_groups_bit_goes_down_with_the_lists(void **unused)
{
	(void)unused;
	struct world w;
	world_open(&w, 0);
	assert_int_equal(world_make(&w, ROOT, "d", S_IFDIR | 02775), 0);
	u64 d = w.last.attr.ino;
	assert_int_equal(set(&w, d, DEFAULT, "u::rwx g::rx g:9:rw m::rwx o::-", 0), 0);
	make(&w, d, "sub", S_IFDIR | 0777, 022);
	assert_int_equal(w.last.attr.mode & 07777, 02770);
	world_check(&w);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_are_checked_as_linux_does),
	    cmocka_unit_test(lists_have_one_form),
	    cmocka_unit_test(too_many_entries_are_refused),
	    cmocka_unit_test(list_and_mode_follow_each_other),
	    cmocka_unit_test(a_list_that_goes_leaves_the_mode),
	    cmocka_unit_test(a_stranger_to_the_group_takes_set_group_id_away),
	    cmocka_unit_test(only_directories_have_default_lists),
	    cmocka_unit_test(new_inodes_inherit),
	    cmocka_unit_test(the_groups_bit_goes_down_with_the_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
