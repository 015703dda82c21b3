/*
 * What `dfs` reads from its command line and how it writes numbers, tables and JSON.
 */
#include "admin/core/arguments.h"
#include "admin/core/items.h"
#include "admin/core/json.h"
#include "admin/core/suggest.h"
#include "admin/core/table.h"
#include "libdfsproto/base/errors.h"
#include "tests/unit/unit.h"

/* Arguments as one line, cut at spaces. */
static int parse(const char *line, struct ad_arguments *arguments, struct ad_text *why)
{
	static char words[512];
	static char *argv[32];
	int argc = 0;
	snprintf(words, sizeof(words), "dfs %s", line);
	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	ad_text_fini(why);
	*arguments = (struct ad_arguments){0};
	return ad_arguments_parse(argc, argv, arguments, why);
}

static void options_stand_anywhere(void **unused)
{
	(void)unused;
	struct ad_arguments a;
	struct ad_text why = {0};
	assert_int_equal(parse("--json info a --key k b --timeout=5 -- --c", &a, &why), 0);
	assert_int_equal(a.command, AD_INFO);
	assert_true(a.json);
	assert_string_equal(a.key, "k");
	assert_int_equal(a.timeout, 5 * DFS_SEC);
	assert_int_equal(a.files_count, 3);
	assert_string_equal(a.files[0], "a");
	assert_string_equal(a.files[1], "b");
	assert_string_equal(a.files[2], "--c");
	assert_int_equal(parse("status --masters=m1,m2 --color never", &a, &why), 0);
	assert_string_equal(a.masters, "m1,m2");
	assert_int_equal(a.colour, AD_COLOUR_NEVER);
	assert_int_equal(parse("help status", &a, &why), 0);
	assert_true(a.help);
	assert_int_equal(a.command, AD_STATUS);
	assert_int_equal(parse("trash on d --keep 2w --no-recurse", &a, &why), 0);
	assert_int_equal(a.trash, AD_TRASH_ON);
	assert_int_equal(a.keep_s, 14 * 86400);
	assert_true(a.no_recurse);
	assert_int_equal(a.files_count, 1);
	assert_string_equal(a.files[0], "d");
	assert_int_equal(parse("trash on d", &a, &why), 0);
	assert_int_equal(a.keep_s, 86400);
	assert_int_equal(parse("trash restore -r d --deleted-after @5", &a, &why), 0);
	assert_true(a.recursive);
	assert_int_equal(a.since_s, 5);
	assert_int_equal(parse("trash list --deleted-after 90 --limit=7", &a, &why), 0);
	assert_int_equal(a.recent_s, 90);
	assert_int_equal(a.limit, 7);
	assert_int_equal(a.files_count, 0);
	assert_int_equal(parse("--version", &a, &why), 0);
	assert_true(a.version);
	ad_text_fini(&why);
}

static void what_is_not_understood_is_named(void **unused)
{
	(void)unused;
	static const char *const rows[][2] = {
	    {"", "a command is missing"},
	    {"statsu", "did you mean status?"},
	    {"stat", "did you mean status?"},
	    {"frobnicate", "dfs --help lists all"},
	    {"status --jsno", "did you mean --json?"},
	    {"status --master=x", "did you mean --masters?"},
	    {"status --key", "--key needs a value"},
	    {"status --key=", "--key needs a value"},
	    {"status --json=1", "--json takes no value"},
	    {"status --json --json", "--json is given twice"},
	    {"status --timeout 0", "seconds from 1"},
	    {"status --timeout x", "seconds from 1"},
	    {"status --color blue", "auto, always or never"},
	    {"status extra", "\"extra\" was given"},
	    {"info", "needs at least one file"},
	    {"status --repair", "it belongs to dfs fsck"},
	    {"fsk", "did you mean fsck?"},
	    {"trash", "needs to know what"},
	    {"trash onn d", "did you mean on?"},
	    {"trash on", "takes one path"},
	    {"trash list a b", "at most one"},
	    {"trash on d --keep 5x", "a time like"},
	    {"trash on d --keep 0", "a time like"},
	    {"trash list --keep 1d", "dfs trash list has no option --keep"},
	    {"trash restore f -r --to g", "--to is for one file"},
	    {"trash list --deleted-after @x", "seconds since 1970"},
	    {"trash list --limit 0", "a number from 1"},
	    {"status -r", "it belongs to dfs trash"},
	};
	struct ad_arguments a;
	struct ad_text why = {0};
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		assert_int_equal(parse(rows[i][0], &a, &why), DFS_EINVAL);
		if (strstr(ad_text_get(&why), rows[i][1]) == NULL)
			fail_msg("dfs %s: %s", rows[i][0], ad_text_get(&why));
	}
	ad_text_fini(&why);
}

static void every_command_has_its_page(void **unused)
{
	(void)unused;
	for (u32 i = AD_NONE; i < AD_COMMANDS_COUNT; i++) {
		struct ad_text page = {0};
		ad_help((enum ad_command)i, &page);
		assert_non_null(strstr(ad_text_get(&page), "Usage: dfs "));
		assert_non_null(strstr(ad_text_get(&page), "Exit codes: 0"));
		if (i != AD_NONE)
			assert_non_null(
			    strstr(ad_text_get(&page), ad_command_name((enum ad_command)i)));
		ad_text_fini(&page);
	}
}

static void only_near_words_are_suggested(void **unused)
{
	(void)unused;
	static const char *const words[] = {"status", "info", "fsck"};
	assert_string_equal(ad_suggest("stauts", words, 3), "status");
	assert_string_equal(ad_suggest("inof", words, 3), "info");
	assert_string_equal(ad_suggest("fsk", words, 3), "fsck");
	assert_string_equal(ad_suggest("in", words, 3), "info");
	assert_null(ad_suggest("", words, 3));
	assert_null(ad_suggest("x", words, 3));
	assert_null(ad_suggest("remove", words, 3));
	assert_null(ad_suggest("statusstatusstatusstatusstatusstatus", words, 3));
}

static void numbers_are_for_people(void **unused)
{
	(void)unused;
	char text[AD_NUMBER_BYTES];
	assert_string_equal(ad_size(0, text), "0 B");
	assert_string_equal(ad_size(1023, text), "1023 B");
	assert_string_equal(ad_size(1024, text), "1 KiB");
	assert_string_equal(ad_size(1536, text), "1.5 KiB");
	assert_string_equal(ad_size(64 * DFS_MIB, text), "64 MiB");
	assert_string_equal(ad_size(DFS_MIB - 1, text), "1023 KiB");
	assert_string_equal(ad_size(UINT64_MAX, text), "15.9 EiB");
	assert_string_equal(ad_count(0, text), "0");
	assert_string_equal(ad_count(999, text), "999");
	assert_string_equal(ad_count(1234567, text), "1,234,567");
	assert_string_equal(ad_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
	assert_string_equal(ad_duration(59, text), "59 s");
	assert_string_equal(ad_duration(3599, text), "59 min");
	assert_string_equal(ad_duration(3661, text), "1 h 1 min");
	assert_string_equal(ad_duration(90000, text), "1 d 1 h");
}

static void columns_are_as_wide_as_their_cells(void **unused)
{
	(void)unused;
	static const char *const titles[] = {"name", ">size", "note"};
	struct ad_table table;
	struct ad_text out = {0};
	ad_table_init(&table, 3, titles);
	ad_table_cell(&table, "é");
	ad_table_cell(&table, "%d", 12345);
	ad_table_cell(&table, "x");
	ad_table_print(&table, "  ", &out);
	assert_string_equal(ad_text_get(&out), "  name   size  note\n"
					       "  é     12345  x\n");
	ad_table_fini(&table);
	ad_text_fini(&out);
}

static void json_is_valid_whatever_is_in_a_text(void **unused)
{
	(void)unused;
	struct ad_text out = {0};
	struct ad_json json = {.out = &out};
	ad_json_open(&json, NULL, '{');
	ad_json_text(&json, "a", dfs_span_text("q\"\\\n\x01 é \xff\xc3"));
	ad_json_number(&json, "b", 7);
	ad_json_open(&json, "c", '[');
	ad_json_bool(&json, NULL, true);
	ad_json_id(&json, NULL, 255);
	ad_json_close(&json, ']');
	ad_json_close(&json, '}');
	assert_string_equal(ad_text_get(&out),
			    "{\"a\":\"q\\\"\\\\\\u000a\\u0001 é \\ufffd\\ufffd\",\"b\":7,"
			    "\"c\":[true,\"00000000000000ff\"]}");
	ad_text_fini(&out);
}

static void fields_of_a_status_line_are_found(void **unused)
{
	(void)unused;
	char text[16];
	const char *line = "state=\"in use\" total=12 name=a b=c";
	assert_string_equal(ad_field(line, "state", text, sizeof(text)), "in use");
	assert_int_equal(ad_field_number(line, "total"), 12);
	assert_string_equal(ad_field(line, "use", text, sizeof(text)), "");
	assert_string_equal(ad_field_rest(line, "name"), "a b=c");
	assert_string_equal(ad_field_rest(line, "nam"), "");
	assert_string_equal(ad_field("a=0123456789", "a", text, 4), "012");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_stand_anywhere),
	    cmocka_unit_test(what_is_not_understood_is_named),
	    cmocka_unit_test(every_command_has_its_page),
	    cmocka_unit_test(only_near_words_are_suggested),
	    cmocka_unit_test(numbers_are_for_people),
	    cmocka_unit_test(columns_are_as_wide_as_their_cells),
	    cmocka_unit_test(json_is_valid_whatever_is_in_a_text),
	    cmocka_unit_test(fields_of_a_status_line_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
