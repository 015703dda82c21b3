/*
 * What `dfs status` concludes from what daemons say, and `dfs info` from what servers hold.
 */
#include "admin/core/info_view.h"
#include "admin/core/status_view.h"
#include "libdfsproto/base/errors.h"
#include "tests/unit/unit.h"

static const struct ad_paints plain = {"", "", "", "", ""};

/* Keys and values in turn, NULL at the end, as a daemon would send them. */
static struct ad_items items_of(const char *const *texts)
{
	struct dfs_writer items, body;
	struct ad_items decoded;
	dfs_writer_init(&items, 1, 0);
	for (; texts[0] != NULL; texts += 2) {
		struct dfs_status_item item = {.key = dfs_span_text(texts[0]),
					       .value = dfs_span_text(texts[1])};
		dfs_status_item_put(&items, &item);
	}
	dfs_writer_init(&body, 1, 0);
	dfs_status_reply_put(&body, &(struct dfs_status_reply){.items = dfs_writer_items(&items)});
	assert_int_equal(ad_items_decode(dfs_span(body.buf->data, body.buf->length), 1, &decoded),
			 0);
	dfs_writer_fini(&items);
	dfs_writer_fini(&body);
	return decoded;
}

#define SERVER                                                                                     \
	"address=a:1 online=%s disks=2 bytes_total=1000000 bytes_free=%d disks_full=%d "           \
	"disks_failed=%d chunks=7"

/* A master and one chunkserver, and the warnings as one text. */
static struct ad_status_view view_of(const char *phase, const char *server, const char *const *own)
{
	const char *const master[] = {"phase", phase,      "sessions",
				      "1",     "client.4", "state=up opens=2 name=host: a \x1b",
				      NULL};
	struct ad_status_view view = {.address = "m:1"};
	view.master = items_of(master);
	view.servers = calloc(1, sizeof(*view.servers));
	assert_non_null(view.servers);
	if (server != NULL) {
		view.servers_count = 1;
		view.servers[0] =
		    (struct ad_server_view){.of_master = server, .node = "01", .asked = true};
	}
	if (own != NULL) {
		view.servers[0].own = items_of(own);
		view.servers[0].answered = true;
	}
	ad_status_judge(&view);
	return view;
}

static void warnings_name_what_is_wrong(void **unused)
{
	(void)unused;
	static const char *const sound[] = {"corrupt", "0", "disk.0", "errors=0", NULL};
	static const char *const ill[] = {"corrupt", "3", "disk.0", "errors=9", NULL};
	const struct {
		const char *phase;
		const char *online;
		int left, full, failed;
		const char *const *own;
		u32 count;
		const char *says;
	} rows[] = {
	    {"leading", "yes", 500000, 0, 0, sound, 0, ""},
	    {"leading", "no", 500000, 0, 0, NULL, 1, "is away"},
	    {"leading", "yes", 500000, 0, 0, NULL, 1, "does not answer here"},
	    {"leading", "yes", 500000, 1, 2, sound, 2, "2 of its disks failed"},
	    {"leading", "yes", 50000, 0, 0, sound, 1, "space runs out"},
	    {"leading", "yes", 500000, 0, 0, ill, 2, "3 damaged chunks"},
	    {"starting", "yes", 500000, 0, 0, sound, 1, "it is starting"},
	};
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		char server[200];
		snprintf(server, sizeof(server), SERVER, rows[i].online, rows[i].left, rows[i].full,
			 rows[i].failed);
		struct ad_status_view view = view_of(rows[i].phase, server, rows[i].own);
		if (view.warnings_count != rows[i].count ||
		    strstr(ad_text_get(&view.warnings), rows[i].says) == NULL)
			fail_msg("row %u: %u warnings, the first: %s", i, view.warnings_count,
				 ad_text_get(&view.warnings));
		ad_status_view_fini(&view);
	}
	struct ad_status_view view = view_of("leading", NULL, NULL);
	assert_int_equal(view.warnings_count, 1);
	ad_status_view_fini(&view);
}

static void a_screen_and_an_object_are_made_of_it(void **unused)
{
	(void)unused;
	char server[200];
	struct ad_text out = {0};
	snprintf(server, sizeof(server), SERVER, "no", 500000, 0, 0);
	struct ad_status_view view = view_of("leading", server, NULL);
	ad_status_print(&view, &plain, &out);
	assert_non_null(strstr(ad_text_get(&out), "a:1      away"));
	assert_non_null(strstr(ad_text_get(&out), "Chunkservers 1, 0 up"));
	assert_null(strchr(ad_text_get(&out), 0x1b)); /* Names do not reach the terminal. */
	ad_text_fini(&out);
	ad_status_print_json(&view, &out);
	assert_non_null(strstr(ad_text_get(&out), "\"online\":\"no\",\"disks\":2"));
	assert_non_null(strstr(ad_text_get(&out), "\"name\":\"host: a \\u001b\"}"));
	ad_text_fini(&out);
	ad_status_view_fini(&view);
}

static void a_malformed_status_is_refused(void **unused)
{
	(void)unused;
	struct ad_items items;
	assert_int_equal(ad_items_decode(dfs_span_text("\x01"), 1, &items), DFS_EMALFORMED);
}

static void chunks_without_a_good_copy_are_counted(void **unused)
{
	(void)unused;
	struct ad_chunk_view chunks[] = {
	    {.epoch = 1, .copies_count = 1, .copies = {{.held = true, .epoch = 1}}},
	    {.epoch = 1, .copies_count = 1, .copies = {{.held = true, .epoch = 2}}},
	    {.epoch = 1, .copies_count = 1, .copies = {{.answered = true}}},
	    {.epoch = 1,
	     .copies_count = 2,
	     .copies = {{.held = true, .epoch = 1, .state = DFS_HELD_SUSPECT},
			{.held = true, .epoch = 1, .answered = true, .length = 5}}},
	    {.epoch = 0},
	};
	struct ad_info_view view = {
	    .path = "f",
	    .attr = {.ino = 7, .mode = 0100644, .size = 5, .chunk_shift = 16},
	    .chunks = chunks,
	    .chunks_count = dfs_array_count(chunks),
	};
	struct ad_text out = {0};
	assert_int_equal(ad_info_unreachable(&view), 3);
	ad_info_print(&view, &plain, &out);
	assert_non_null(strstr(ad_text_get(&out), "LOST: no chunkserver has it"));
	assert_non_null(strstr(ad_text_get(&out), "3 of them cannot be read now"));
	ad_text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(warnings_name_what_is_wrong),
	    cmocka_unit_test(a_screen_and_an_object_are_made_of_it),
	    cmocka_unit_test(a_malformed_status_is_refused),
	    cmocka_unit_test(chunks_without_a_good_copy_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
