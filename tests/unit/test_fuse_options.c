/*
 * What administrators type, right and wrong.
 */
#include "fuse/shell/options.h"

#include "libdfsproto/base/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

static struct mount_options parsed;
static char text[MOUNT_TEXT_BYTES];

/* `line` is split at blanks. */
static int parse(const char *line)
{
	char copy[1024];
	char *argv[32] = {(char[]){"mount.dfs"}};
	int argc = 1;
	char *rest = NULL;
	static char kept[1024];
	snprintf(copy, sizeof(copy), "%s", line);
	memcpy(kept, copy, sizeof(kept)); /* The result points into its arguments. */
	for (char *word = strtok_r(kept, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	text[0] = '\0';
	memset(&parsed, 0, sizeof(parsed));
	return mount_options_parse(argc, argv, &parsed, text);
}

static void says(const char *line, const char *expected)
{
	assert_int_equal(parse(line), DFS_EINVAL);
	if (strstr(text, expected) == NULL)
		fail_msg("\"%s\" says \"%s\", without \"%s\"", line, text, expected);
}

static void mount8_calls_it_with_source_and_directory_first(void **state)
{
	(void)state;
	assert_int_equal(parse("m1:/ /mnt/dfs -n -v -o rw,nosuid,_netdev,key=/k"), 0);
	assert_string_equal(parsed.masters, "m1:9420");
	assert_string_equal(parsed.subtree, "/");
	assert_string_equal(parsed.source, "m1:/");
	assert_string_equal(parsed.dir, "/mnt/dfs");
	assert_string_equal(parsed.key, "/k");
	assert_int_equal(parsed.flags, MS_NOSUID);
	assert_int_equal(parsed.flags_seen, MS_NOSUID | MS_RDONLY);
	assert_true(parsed.verbose);
	assert_false(parsed.foreground);
	assert_int_equal(parsed.retry, 10 * DFS_SEC);
}

static void masters_get_the_default_port(void **state)
{
	(void)state;
	assert_int_equal(parse("a,b:77,[::1],[fe80::2]:9:/x/y /m"), 0);
	assert_string_equal(parsed.masters, "a:9420,b:77,[::1]:9420,[fe80::2]:9");
	assert_string_equal(parsed.subtree, "/x/y");
}

static void what_is_wrong_with_a_source_is_said(void **state)
{
	(void)state;
	says("host /m", "has no \":/\"");
	says(":/ /m", "names no master");
	says("a,,b:/ /m", "empty");
	says("a:0:/ /m", "is no port");
	says("a:65536:/ /m", "is no port");
	says("a:x:/ /m", "is no port");
	says("::1:/ /m", "brackets");
	says("[::1:/ /m", "IPV6");
	says(":5:/ /m", "host is missing");
	says("a:/", "Expected SOURCE and DIR");
	says("a:/ /m /n", "got 3 arguments");
}

static void values_are_checked(void **state)
{
	(void)state;
	assert_int_equal(parse("a:/ /m -o retry=3,timeout=7,write_behind=128M,log=/l,bg,ro -f"), 0);
	assert_int_equal(parsed.retry, 3 * DFS_SEC);
	assert_int_equal(parsed.timeout, 7 * DFS_SEC);
	assert_int_equal(parsed.write_behind_bytes, 128 * DFS_MIB);
	assert_string_equal(parsed.log, "/l");
	assert_true(parsed.background);
	assert_true(parsed.foreground);
	assert_int_equal(parsed.flags, MS_RDONLY);
	says("a:/ /m -o retry=-1", "whole number of seconds");
	says("a:/ /m -o retry=1x", "whole number of seconds");
	says("a:/ /m -o retry", "needs a value");
	says("a:/ /m -o key=", "needs a value");
	says("a:/ /m -o ro=1", "takes no value");
	says("a:/ /m -o write_behind=12", "between 1M and 64G");
	says("a:/ /m -o write_behind=99999999999G", "between 1M and 64G");
	says("a:/ /m -o log_level=loud", "error, warn, info or debug");
}

static void what_is_meant_for_fstab_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(
	    parse("a:/ /m -o defaults,auto,noauto,nofail,_netdev,user,user=joe,users,"
		  "nouser,owner,comment=x,x-systemd.automount,x-gvfs-name=y,X-mount.mkdir,"
		  "allow_other,default_permissions,,async"),
	    0);
	assert_false(parsed.private_to_owner);
}

static void unknown_options_are_refused_by_name(void **state)
{
	(void)state;
	says("a:/ /m -o ro,big_writes,noatime", "\"big_writes\"");
	assert_non_null(strstr(text, "write_behind"));
	says("a:/ /m -q", "\"-q\"");
	says("a:/ /m --wrong", "\"--wrong\"");
	says("a:/ /m -o", "needs an argument");
	assert_int_equal(parse("a:/ /m -o big_writes,ro -s"), 0);
	assert_int_equal(parsed.flags, MS_RDONLY);
}

static void later_options_win(void **state)
{
	(void)state;
	assert_int_equal(parse("a:/ /m -o ro,nodev -o rw,dev,noatime,atime,bg,fg"), 0);
	assert_int_equal(parsed.flags, 0);
	assert_int_equal(parsed.flags_seen, MS_RDONLY | MS_NODEV | MS_NOATIME);
	assert_false(parsed.background);
}

static void quotes_protect_commas(void **state)
{
	(void)state;
	assert_int_equal(parse("a:/ /m -o \"key=/a,b\",ro"), 0);
	assert_string_equal(parsed.key, "/a,b");
	assert_int_equal(parsed.flags, MS_RDONLY);
}

static void help_and_version_need_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(parse("--help"), 0);
	assert_int_equal(parsed.action, MOUNT_ACTION_HELP);
	assert_int_equal(parse("-V"), 0);
	assert_int_equal(parsed.action, MOUNT_ACTION_VERSION);
}

static void a_remount_needs_no_masters(void **state)
{
	(void)state;
	assert_int_equal(parse("whatever /m -o remount,ro"), 0);
	assert_true(parsed.remount);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mount8_calls_it_with_source_and_directory_first),
	    cmocka_unit_test(masters_get_the_default_port),
	    cmocka_unit_test(what_is_wrong_with_a_source_is_said),
	    cmocka_unit_test(values_are_checked),
	    cmocka_unit_test(what_is_meant_for_fstab_is_accepted),
	    cmocka_unit_test(unknown_options_are_refused_by_name),
	    cmocka_unit_test(later_options_win),
	    cmocka_unit_test(quotes_protect_commas),
	    cmocka_unit_test(help_and_version_need_nothing_else),
	    cmocka_unit_test(a_remount_needs_no_masters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
