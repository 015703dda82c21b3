/*
 * The checker: rows come in, findings go out. See check.h; what is looked at is in check_tree.c,
 * check_chunks.c and check_end.c.
 */
#include "master/core/check_i.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/wire/record.h"

#include <stdlib.h>

enum { FINDINGS_MAX = 1000000 };

struct ms_check *ms_check_new(void)
{
	struct ms_check *check = calloc(1, sizeof(*check));
	DFS_ASSERT(check != NULL);
	return check;
}

static void free_nodes(struct dfs_map *map)
{
	struct dfs_map_node *node;
	while ((node = dfs_map_next(map, NULL)) != NULL) {
		dfs_map_remove(map, node);
		free(node); /* The first member of each struct in these maps. */
	}
	dfs_map_fini(map);
}

void ms_check_free(struct ms_check *check)
{
	_Static_assert(offsetof(struct check_inode, node) == 0, "freed by its node");
	_Static_assert(offsetof(struct ms_checked_chunk, node) == 0, "freed by its node");
	_Static_assert(offsetof(struct check_cut, node) == 0, "freed by its node");
	_Static_assert(offsetof(struct check_session, node) == 0, "freed by its node");
	_Static_assert(offsetof(struct check_quota, node) == 0, "freed by its node");
	if (check == NULL)
		return;
	free_nodes(&check->inodes);
	free_nodes(&check->chunks);
	free_nodes(&check->cuts);
	free_nodes(&check->sessions);
	free_nodes(&check->quotas);
	free(check->places);
	free(check->chain.names);
	free(check->orphans.ids);
	free(check->sessions_in_order.ids);
	free(check->findings);
	free(check);
}

const struct ms_fault_info *ms_fault_info(u16 fault)
{
	static const struct {
		u16 fault;
		struct ms_fault_info info;
	} rows[] = {
#define FAULT(NAME, number, id, subject, at, noted, found, repair, meaning)                        \
	{number, {id, {subject, at, noted, found}, (repair) != 0, meaning}},
#include "master/core/faults.def"
#undef FAULT
	};
	for (u32 i = 0; i < dfs_array_count(rows); i++) {
		if (rows[i].fault == fault)
			return &rows[i].info;
	}
	return NULL;
}

void check_wrong(struct ms_check *check, enum ms_fault fault, u64 subject, u64 at, u64 noted,
		 u64 found)
{
	if (check->findings_count == FINDINGS_MAX) {
		check->findings_dropped++;
		return;
	}
	if (check->findings_count == check->findings_capacity) {
		check->findings_capacity = check->findings_capacity * 2 + 64;
		check->findings =
		    realloc(check->findings, check->findings_capacity * sizeof(*check->findings));
		DFS_ASSERT(check->findings != NULL);
	}
	check->findings[check->findings_count++] = (struct ms_finding){
	    .fault = (u16)fault, .subject = subject, .at = at, .noted = noted, .found = found};
}

void check_ids_add(struct check_ids *list, u64 id)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity * 2 + 64;
		list->ids = realloc(list->ids, list->capacity * sizeof(*list->ids));
		DFS_ASSERT(list->ids != NULL);
	}
	list->ids[list->count++] = id;
}

struct check_inode *check_find(const struct ms_check *check, u64 ino)
{
	struct dfs_map_node *node = dfs_map_find(&check->inodes, ino);
	return node == NULL ? NULL : dfs_map_entry(node, struct check_inode, node);
}

static void see_format(struct ms_check *check, const struct dfs_row_format *row)
{
	u64 seed = row->cluster;
	check->format = *row;
	check->hash_key[0] = dfs_splitmix64(&seed);
	check->hash_key[1] = dfs_splitmix64(&seed);
	check->hash_mask = (UINT64_C(1) << (row->hash_bits & 63)) - 1;
}

static void see_session(struct ms_check *check, u64 session)
{
	struct check_session *node = calloc(1, sizeof(*node));
	DFS_ASSERT(node != NULL);
	dfs_map_insert(&check->sessions, &node->node, session);
	check_ids_add(&check->sessions_in_order, session);
	check->counts.sessions++;
}

static void see_result(struct ms_check *check, u64 session, u64 sequence)
{
	if (dfs_map_find(&check->sessions, session) == NULL)
		check_wrong(check, MS_FAULT_RESULT_UNOWNED, session, sequence, 0, 0);
}

/* Numbers in a key, by table: see tables.h. */
static bool key_good(struct dfs_span key)
{
	static const u8 numbers[MS_TABLE_END] = {
	    [MS_TABLE_INODE] = 1,   [MS_TABLE_DENTRY] = 2, [MS_TABLE_SYMLINK] = 1,
	    [MS_TABLE_XATTR] = 1,   [MS_TABLE_MAP] = 2,    [MS_TABLE_CHUNK] = 1,
	    [MS_TABLE_SESSION] = 1, [MS_TABLE_RESULT] = 2, [MS_TABLE_ORPHAN] = 1,
	    [MS_TABLE_GARBAGE] = 1, [MS_TABLE_TRIM] = 2,   [MS_TABLE_CUT] = 1,
	    [MS_TABLE_QUOTA] = 2,   [MS_TABLE_TRASH] = 2,
	};
	if (key.length == 0 || key.data[0] == 0 || key.data[0] >= MS_TABLE_END)
		return false;
	u32 bytes = 1 + numbers[key.data[0]] * 8u;
	return key.data[0] == MS_TABLE_XATTR ? key.length > bytes : key.length == bytes;
}

/* Decode one row and hand it on; else the status of decoding it. */
#define SEE(NAME, name, call)                                                                      \
	case MS_TABLE_##NAME: {                                                                    \
		struct dfs_row_##name row;                                                         \
		status = dfs_row_##name##_decode(body, version, &row);                             \
		if (status == 0)                                                                   \
			call;                                                                      \
		break;                                                                             \
	}

static int see(struct ms_check *check, struct dfs_span key, struct dfs_span value)
{
	u8 table = key.data[0];
	u64 first = key.length >= 9 ? ms_key_first(key) : 0;
	u64 second = key.length >= 17 ? ms_key_second(key) : 0;
	u16 version;
	struct dfs_span body;
	int status = dfs_record_open(value, MS_MAGIC(table), MS_DISK_VERSION, &version, &body);
	if (status != 0)
		return status;
	switch (table) {
		SEE(FORMAT, format, see_format(check, &row))
		SEE(COUNTERS, counters, check->counters = row)
		SEE(INODE, inode, check_see_inode(check, first, &row))
		SEE(DENTRY, dentry, check_see_dentry(check, first, second, &row))
		SEE(SYMLINK, symlink, check_see_symlink(check, first, &row))
		SEE(XATTR, xattr,
		    check_see_xattr(check, first, dfs_span(key.data + 9, key.length - 9), &row))
		SEE(MAP, map, check_see_map(check, first, second, &row))
		SEE(CHUNK, chunk, check_see_chunk(check, first, &row))
		SEE(SESSION, session, see_session(check, first))
		SEE(RESULT, result, see_result(check, first, second))
		SEE(ORPHAN, orphan, check_see_orphan(check, first))
		SEE(GARBAGE, garbage, check_see_garbage(check, first))
		SEE(TRIM, trim, check_see_trim(check, first, second, &row))
		SEE(CUT, cut, check_see_cut(check, first, &row))
		SEE(QUOTA, quota, check_see_quota(check, first, second, &row))
		SEE(TRASH, trash, check_see_trash(check, first, second))
	}
	return status;
}

int ms_check_row(struct ms_check *check, struct dfs_span key, struct dfs_span value)
{
	check->counts.rows++;
	int status = key_good(key) ? see(check, key, value) : DFS_ECORRUPT;
	if (status == DFS_EWRONG_VERSION)
		return status;
	if (status != 0)
		check_wrong(check, MS_FAULT_ROW_DAMAGED, key.length == 0 ? 0 : key.data[0],
			    key.length >= 9 ? ms_key_first(key) : 0, 0, 0);
	return 0;
}

static void check_count(struct ms_check *check, enum ms_fault fault, u64 noted, u64 found)
{
	if (noted != found)
		check_wrong(check, fault, 0, 0, noted, found);
}

static int order(u64 a, u64 b)
{
	return a < b ? -1 : a > b;
}

int ms_finding_compare(const void *a, const void *b)
{
	const struct ms_finding *left = a;
	const struct ms_finding *right = b;
	int result = order(left->fault, right->fault);
	if (result == 0)
		result = order(left->subject, right->subject);
	if (result == 0)
		result = order(left->at, right->at);
	if (result == 0)
		result = order(left->noted, right->noted);
	return result == 0 ? order(left->found, right->found) : result;
}

void ms_check_end(struct ms_check *check)
{
	check_chain_end(check);
	if (check->format.format == 0)
		check_wrong(check, MS_FAULT_ROW_DAMAGED, MS_TABLE_FORMAT, 0, 0, 0);
	if (check->counters.next_ino == 0)
		check_wrong(check, MS_FAULT_ROW_DAMAGED, MS_TABLE_COUNTERS, 0, 0, 0);
	check_count(check, MS_FAULT_COUNT_INODES, check->counters.inodes, check->counts.inodes);
	check_count(check, MS_FAULT_COUNT_CHUNKS, check->counters.chunks, check->counts.chunks);
	check_count(check, MS_FAULT_COUNT_GARBAGE, check->counters.garbage, check->counts.garbage);
	check_count(check, MS_FAULT_COUNT_TRASH, check->counters.trash, check->counts.trash);
	check_count(check, MS_FAULT_COUNT_TRASH_BYTES, check->counters.trash_bytes,
		    check->counts.trash_bytes);
	check_inodes(check);
	check_chunks(check);
	check_quotas(check);
	if (check->findings_count > 0)
		qsort(check->findings, check->findings_count, sizeof(*check->findings),
		      ms_finding_compare);
}

const struct ms_finding *ms_check_findings(const struct ms_check *check, u32 *ret_count,
					   u64 *ret_dropped)
{
	*ret_count = check->findings_count;
	*ret_dropped = check->findings_dropped;
	return check->findings;
}

struct ms_checked_counts ms_check_counts(const struct ms_check *check)
{
	return check->counts;
}

struct ms_checked_chunk *ms_check_chunk(const struct ms_check *check, u64 chunk)
{
	struct dfs_map_node *node = dfs_map_find(&check->chunks, chunk);
	return node == NULL ? NULL : dfs_map_entry(node, struct ms_checked_chunk, node);
}

struct ms_checked_chunk *ms_check_chunk_next(const struct ms_check *check,
					     const struct ms_checked_chunk *chunk)
{
	struct dfs_map_node *node =
	    dfs_map_next(&check->chunks, chunk == NULL ? NULL : &chunk->node);
	return node == NULL ? NULL : dfs_map_entry(node, struct ms_checked_chunk, node);
}

const u64 *ms_check_orphans(const struct ms_check *check, u32 *ret_count)
{
	*ret_count = check->orphans.count;
	return check->orphans.ids;
}

const u64 *ms_check_sessions(const struct ms_check *check, u32 *ret_count)
{
	*ret_count = check->sessions_in_order.count;
	return check->sessions_in_order.ids;
}

bool ms_check_has_inode(const struct ms_check *check, u64 ino)
{
	return check_find(check, ino) != NULL;
}
