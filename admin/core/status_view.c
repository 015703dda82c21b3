/*
 * Rendering of the status: see status_view.h.
 */
#include "admin/core/status_view.h"

#include "admin/core/json.h"
#include "admin/core/table.h"

#include <stdlib.h>

typedef unsigned long long ull;

static const char *count_of(const struct ad_items *items, const char *key,
			    char text[AD_NUMBER_BYTES])
{
	return ad_count(ad_items_number(items, key), text);
}

static void print_master(const struct ad_status_view *view, const struct ad_paints *paints,
			 struct ad_text *out)
{
	const struct ad_items *master = &view->master;
	char a[AD_NUMBER_BYTES], b[AD_NUMBER_BYTES], c[AD_NUMBER_BYTES], d[AD_NUMBER_BYTES];
	const char *phase = ad_items_get(master, "phase");
	bool leading = strcmp(phase, "leading") == 0;
	ad_text_add(out, "%sMaster%s %s  %s%s%s  up %s  version %s\n", paints->bold, paints->off,
		    view->address, leading ? paints->good : paints->warn, phase, paints->off,
		    ad_duration(ad_items_number(master, "uptime_s"), a),
		    ad_items_get(master, "version"));
	ad_text_add(out, "  log      term %s, entry %s, in the tables up to %s\n",
		    ad_items_get(master, "raft.term"), count_of(master, "raft.committed", a),
		    count_of(master, "state.flushed", b));
	ad_text_add(out, "  memory   tables %s, log %s, leases and locations %s\n",
		    ad_size(ad_items_number(master, "memory.tables_bytes"), a),
		    ad_size(ad_items_number(master, "memory.log_bytes"), b),
		    ad_size(ad_items_number(master, "memory.soft_bytes"), c));
	ad_text_add(out, "  files    %s inodes, %s chunks, %s open\n",
		    count_of(master, "inodes", a), count_of(master, "chunks", b),
		    count_of(master, "open_inodes", c));
	ad_text_add(out,
		    "  waiting  %s chunks to delete, %s to cut, %s inodes to purge, %s granted\n",
		    count_of(master, "garbage", a), count_of(master, "trims", b),
		    count_of(master, "orphans_waiting", c), count_of(master, "grants", d));
	if (ad_items_number(master, "trash.files") > 0)
		ad_text_add(out, "  trash    %s deleted files kept, %s\n",
			    count_of(master, "trash.files", a),
			    ad_size(ad_items_number(master, "trash.bytes"), b));
}

static u64 percent(u64 part, u64 whole)
{
	return whole == 0 ? 0 : (part / (whole / 100 + 1));
}

static void print_servers(const struct ad_status_view *view, const struct ad_paints *paints,
			  struct ad_text *out)
{
	static const char *const titles[] = {"address", "state", ">disks", ">chunks",
					     ">size",   ">free", ">used"};
	struct ad_table table;
	u64 all_total = 0;
	u64 all_free = 0;
	u32 online_count = 0;
	char a[AD_NUMBER_BYTES], b[AD_NUMBER_BYTES];
	ad_table_init(&table, dfs_array_count(titles), titles);
	for (u32 i = 0; i < view->servers_count; i++) {
		const char *of_master = view->servers[i].of_master;
		char address[DFS_ADDRESS_BYTES_MAX + 1];
		char online[8];
		u64 total = ad_field_number(of_master, "bytes_total");
		u64 left = ad_field_number(of_master, "bytes_free");
		bool is_online = strcmp(ad_field(of_master, "online", online, 8), "yes") == 0;
		ad_table_cell(&table, "%s",
			      ad_field(of_master, "address", address, sizeof(address)));
		ad_table_cell(&table, "%s", is_online ? "up" : "away");
		ad_table_cell(&table, "%llu", (ull)ad_field_number(of_master, "disks"));
		ad_table_cell(&table, "%s", ad_count(ad_field_number(of_master, "chunks"), a));
		ad_table_cell(&table, "%s", ad_size(total, a));
		ad_table_cell(&table, "%s", ad_size(left, a));
		ad_table_cell(&table, "%llu%%", (ull)percent(total - dfs_min(left, total), total));
		all_total += total;
		all_free += left;
		online_count += is_online;
	}
	ad_text_add(out, "\n%sChunkservers%s %u, %u up  space %s, %s free\n", paints->bold,
		    paints->off, view->servers_count, online_count, ad_size(all_total, a),
		    ad_size(all_free, b));
	if (view->servers_count > 0)
		ad_table_print(&table, "  ", out);
	ad_table_fini(&table);
}

/* Names may hold anything: what a terminal would act on is not sent there. */
static void add_printable(struct ad_table *table, const char *name)
{
	char text[128];
	u32 length = 0;
	for (; name[length] != '\0' && length < sizeof(text) - 1; length++) {
		u8 byte = (u8)name[length];
		text[length] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
	}
	text[length] = '\0';
	ad_table_cell(table, "%s", text);
}

static void print_clients(const struct ad_status_view *view, const struct ad_paints *paints,
			  struct ad_text *out)
{
	enum { SHOWN_MAX = 20 };
	static const char *const titles[] = {"client", "state", ">open", ">cached", ">granted"};
	const struct ad_items *master = &view->master;
	struct ad_table table;
	u32 count = 0;
	char state[16], a[AD_NUMBER_BYTES];
	ad_table_init(&table, dfs_array_count(titles), titles);
	for (u32 i = 0; i < master->count; i++) {
		const char *value = master->items[i].value;
		if (strncmp(master->items[i].key, "client.", 7) != 0 || count++ >= SHOWN_MAX)
			continue;
		add_printable(&table, ad_field_rest(value, "name"));
		ad_table_cell(&table, "%s", ad_field(value, "state", state, sizeof(state)));
		ad_table_cell(&table, "%s", ad_count(ad_field_number(value, "opens"), a));
		ad_table_cell(&table, "%s", ad_count(ad_field_number(value, "leases"), a));
		ad_table_cell(&table, "%s", ad_count(ad_field_number(value, "grants"), a));
	}
	ad_text_add(out, "\n%sClients%s %s\n", paints->bold, paints->off,
		    count_of(master, "sessions", a));
	if (count > 0)
		ad_table_print(&table, "  ", out);
	if (count > SHOWN_MAX)
		ad_text_add(out, "  … and %u more; --json lists them\n", count - SHOWN_MAX);
	ad_table_fini(&table);
}

void ad_status_print(const struct ad_status_view *view, const struct ad_paints *paints,
		     struct ad_text *out)
{
	print_master(view, paints, out);
	print_servers(view, paints, out);
	print_clients(view, paints, out);
	if (view->warnings_count == 0) {
		ad_text_add(out, "\n%sNo warnings%s\n", paints->good, paints->off);
		return;
	}
	ad_text_add(out, "\n%sWarnings%s %u\n", paints->bold, paints->off, view->warnings_count);
	const char *warning = ad_text_get(&view->warnings);
	for (u32 i = 0; i < view->warnings_count; i++, warning += strlen(warning) + 1)
		ad_text_add(out, "  %s!%s %s\n", paints->bad, paints->off, warning);
}

/* Numbers as numbers: a daemon's values are all texts on the wire. */
static void put_value(struct ad_json *json, const char *key, const char *value)
{
	char *end;
	ull number = strtoull(value, &end, 10);
	if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && end - value < 20 &&
	    (value[0] != '0' || value[1] == '\0'))
		ad_json_number(json, key, number);
	else
		ad_json_text(json, key, dfs_span_text(value));
}

/* `a=1 b="x y"` as members of an object. The name, which comes last, takes the rest. */
static void put_fields(struct ad_json *json, const char *value)
{
	char name[64];
	char text[DFS_TEXT_BYTES_MAX + 1];
	while (*value != '\0') {
		size_t length = strcspn(value, "=");
		if (value[length] == '\0' || length >= sizeof(name))
			return;
		memcpy(name, value, length);
		name[length] = '\0';
		if (strcmp(name, "name") == 0) {
			ad_json_text(json, name, dfs_span_text(value + length + 1));
			return;
		}
		ad_field(value, name, text, sizeof(text));
		put_value(json, name, text);
		bool quoted = value[length + 1] == '"';
		value += length + 1 + strlen(text) + (quoted ? 2 : 0);
		value += *value == ' ';
	}
}

static void put_lines(struct ad_json *json, const struct ad_items *items)
{
	for (u32 i = 0; i < items->count; i++) {
		const char *key = items->items[i].key;
		const char *value = items->items[i].value;
		if (strncmp(key, "server.", 7) == 0 || strncmp(key, "client.", 7) == 0)
			continue;
		if (strncmp(key, "disk.", 5) != 0 && strncmp(key, "master.", 7) != 0) {
			put_value(json, key, value);
			continue;
		}
		ad_json_open(json, key, '{');
		put_fields(json, value);
		ad_json_close(json, '}');
	}
}

static void put_servers(struct ad_json *json, const struct ad_status_view *view)
{
	ad_json_open(json, "chunkservers", '[');
	for (u32 i = 0; i < view->servers_count; i++) {
		const struct ad_server_view *server = &view->servers[i];
		ad_json_open(json, NULL, '{');
		ad_json_text(json, "node", dfs_span_text(server->node));
		put_fields(json, server->of_master);
		ad_json_bool(json, "answered", server->answered);
		if (server->answered) {
			ad_json_open(json, "own", '{');
			put_lines(json, &server->own);
			ad_json_close(json, '}');
		}
		ad_json_close(json, '}');
	}
	ad_json_close(json, ']');
}

void ad_status_print_json(const struct ad_status_view *view, struct ad_text *out)
{
	struct ad_json json = {.out = out};
	ad_json_open(&json, NULL, '{');
	ad_json_open(&json, "master", '{');
	put_lines(&json, &view->master);
	ad_json_close(&json, '}');
	put_servers(&json, view);
	ad_json_open(&json, "clients", '[');
	for (u32 i = 0; i < view->master.count; i++) {
		if (strncmp(view->master.items[i].key, "client.", 7) != 0)
			continue;
		ad_json_open(&json, NULL, '{');
		put_value(&json, "session", view->master.items[i].key + 7);
		put_fields(&json, view->master.items[i].value);
		ad_json_close(&json, '}');
	}
	ad_json_close(&json, ']');
	ad_json_open(&json, "warnings", '[');
	const char *warning = ad_text_get(&view->warnings);
	for (u32 i = 0; i < view->warnings_count; i++, warning += strlen(warning) + 1)
		ad_json_text(&json, NULL, dfs_span_text(warning));
	ad_json_close(&json, ']');
	ad_json_close(&json, '}');
	ad_text_add(out, "\n");
}
