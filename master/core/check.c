/*
 * ms_state_check: every row of every table is decoded and compared with the rows it belongs to.
 */
#include "libdfsproto/wire/xattr_name.h"
#include "master/core/acl.h"
#include "master/core/check_i.h"
#include "master/core/dentry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef unsigned long long ull;

int check_wrong(struct check *check, const char *format, ...)
{
	char line[256];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (check->reason != NULL)
		dfs_text_add(check->reason, "%s", line);
	return DFS_ECORRUPT;
}

struct check_inode *check_find(const struct check *check, u64 ino)
{
	struct dfs_map_node *node = dfs_map_find(&check->inodes, ino);
	return node == NULL ? NULL : dfs_map_entry(node, struct check_inode, node);
}

static int see_inode(struct check *check, const struct ms_scan *scan)
{
	u64 ino = ms_key_first(scan->key);
	struct dfs_row_inode row;
	int status = ms_row_inode_open(check->state, scan->value, &row);
	if (status != 0)
		return status;
	if (ino == 0 || ino >= check->state->counters.next_ino)
		return check_wrong(check, "inode %llu was never given out", (ull)ino);
	if (row.chunk_shift < DFS_CHUNK_SHIFT_MIN || row.chunk_shift > DFS_CHUNK_SHIFT_MAX)
		return check_wrong(check, "inode %llu: chunk shift %u", (ull)ino, row.chunk_shift);
	struct check_inode *inode = calloc(1, sizeof(*inode));
	DFS_ASSERT(inode != NULL);
	inode->row = row;
	dfs_map_insert(&check->inodes, &inode->node, ino);
	return 0;
}

/* An empty row keeps a place before another one, never the last of its chain. */
static int see_place(struct check *check, u64 parent, u64 cookie, bool empty)
{
	if (check->empty_cookie != 0 &&
	    (parent != check->empty_parent || cookie != check->empty_cookie + 1))
		return check_wrong(check, "directory %llu: empty row %llx at the end of its chain",
				   (ull)check->empty_parent, (ull)check->empty_cookie);
	check->empty_parent = parent;
	check->empty_cookie = empty ? cookie : 0;
	return 0;
}

static int see_dentry(struct check *check, const struct ms_scan *scan)
{
	u64 parent = ms_key_first(scan->key);
	u64 cookie = ms_key_second(scan->key);
	struct dfs_row_dentry row;
	struct ms_dentry found;
	int status = ms_row_dentry_open(check->state, scan->value, &row);
	if (status == 0)
		status = see_place(check, parent, cookie, row.ino == 0);
	if (status != 0 || row.ino == 0)
		return status;
	struct check_inode *directory = check_find(check, parent);
	struct check_inode *inode = check_find(check, row.ino);
	if (directory == NULL || !ms_is_directory(&directory->row))
		return check_wrong(check, "a name lies in %llu, no directory", (ull)parent);
	if (inode == NULL)
		return check_wrong(check, "directory %llu names inode %llu, which is not there",
				   (ull)parent, (ull)row.ino);
	if (row.type != (inode->row.mode & S_IFMT))
		return check_wrong(check, "directory %llu: wrong type for inode %llu", (ull)parent,
				   (ull)row.ino);
	if (ms_name_check(row.name) != 0)
		return check_wrong(check, "directory %llu: a name that is none", (ull)parent);
	status = ms_dentry_find(check->state, parent, row.name, &found);
	if (status != 0 || found.cookie != cookie)
		return check_wrong(check, "directory %llu: a name is not found at its place %llx",
				   (ull)parent, (ull)cookie);
	directory->entries++;
	inode->names++;
	if (ms_is_directory(&inode->row)) {
		directory->subdirectories++;
		inode->named_in = parent;
	}
	return 0;
}

static int see_symlink(struct check *check, const struct ms_scan *scan)
{
	u64 ino = ms_key_first(scan->key);
	struct check_inode *inode = check_find(check, ino);
	struct dfs_row_symlink row;
	int status = ms_row_symlink_open(check->state, scan->value, &row);
	if (status != 0)
		return status;
	if (inode == NULL || !S_ISLNK(inode->row.mode) || inode->row.size != row.target.length)
		return check_wrong(check, "a target without its symbolic link %llu", (ull)ino);
	inode->symlink = true;
	return 0;
}

static int see_acl(struct check *check, u64 ino, struct check_inode *inode, struct dfs_span name,
		   struct dfs_span value)
{
	struct ms_acl acl;
	u32 mode;
	if (ms_acl_decode(value, &acl) != 0 || acl.count == 0)
		return check_wrong(check, "inode %llu: no access control list", (ull)ino);
	inode->acls |= dfs_xattr_acl(name);
	bool whole = ms_acl_mode(&acl, inode->row.mode, &mode);
	if (dfs_xattr_acl(name) == DFS_ACL_DEFAULT)
		return S_ISDIR(inode->row.mode)
			   ? 0
			   : check_wrong(check, "file %llu has a default list", (ull)ino);
	if (whole || mode != inode->row.mode)
		return check_wrong(check, "inode %llu: mode %o, its list says %o", (ull)ino,
				   inode->row.mode, mode);
	return 0;
}

static int see_xattr(struct check *check, const struct ms_scan *scan)
{
	u64 ino = ms_key_first(scan->key);
	struct check_inode *inode = check_find(check, ino);
	struct dfs_row_xattr row;
	int status = ms_row_xattr_open(check->state, scan->value, &row);
	if (status != 0)
		return status;
	if (inode == NULL)
		return check_wrong(check, "an attribute of inode %llu, which is not there",
				   (ull)ino);
	u64 name_bytes = scan->key.length - 9 + 1;
	inode->xattrs_names_bytes += name_bytes;
	inode->xattrs_bytes += name_bytes + row.value.length;
	struct dfs_span name = dfs_span(scan->key.data + 9, scan->key.length - 9);
	return dfs_xattr_acl(name) == 0 ? 0 : see_acl(check, ino, inode, name, row.value);
}

static int see_orphan(struct check *check, const struct ms_scan *scan)
{
	u64 ino = ms_key_first(scan->key);
	struct check_inode *inode = check_find(check, ino);
	struct dfs_row_orphan row;
	int status = ms_row_orphan_open(check->state, scan->value, &row);
	if (status == 0 && inode == NULL)
		status = check_wrong(check, "orphan %llu is not there", (ull)ino);
	if (status == 0)
		inode->orphan = true;
	return status;
}

static int see_session(struct check *check, const struct ms_scan *scan)
{
	struct dfs_row_session row;
	u64 id = ms_key_first(scan->key);
	int status = ms_row_session_open(check->state, scan->value, &row);
	if (status == 0 && ms_session_find(check->state, id) == NULL)
		status = check_wrong(check, "session %llu is not in memory", (ull)id);
	check->sessions++;
	return status;
}

static int see_result(struct check *check, const struct ms_scan *scan)
{
	struct dfs_row_result row;
	u64 sequence = ms_key_second(scan->key);
	const struct ms_session *session = ms_session_find(check->state, ms_key_first(scan->key));
	int status = ms_row_result_open(check->state, scan->value, &row);
	if (status != 0)
		return status;
	if (session == NULL || sequence <= session->acked || sequence > session->highest ||
	    row.acked > session->acked)
		return check_wrong(check, "result %llu of session %llu is not expected",
				   (ull)sequence, (ull)ms_key_first(scan->key));
	return 0;
}

/* Inodes first: the others find theirs in memory. */
static const struct {
	enum ms_table table;
	int (*see)(struct check *check, const struct ms_scan *scan);
} passes[] = {
    {MS_TABLE_INODE, see_inode},           {MS_TABLE_DENTRY, see_dentry},
    {MS_TABLE_SYMLINK, see_symlink},       {MS_TABLE_XATTR, see_xattr},
    {MS_TABLE_MAP, check_see_map},         {MS_TABLE_CHUNK, check_see_chunk},
    {MS_TABLE_GARBAGE, check_see_garbage}, {MS_TABLE_ORPHAN, see_orphan},
    {MS_TABLE_TRIM, check_see_trim},       {MS_TABLE_CUT, check_see_cut},
    {MS_TABLE_SESSION, see_session},       {MS_TABLE_RESULT, see_result},
};

static int pass(struct check *check, enum ms_table table,
		int (*see)(struct check *check, const struct ms_scan *scan))
{
	int status = 0;
	struct ms_scan scan;
	ms_scan_begin(&scan, check->state, ms_key0(table), ms_key0(table + 1));
	while (status == 0 && ms_scan_next(&scan))
		status = see(check, &scan);
	int scan_status = ms_scan_end(&scan);
	return status != 0 ? status : scan_status;
}

static int check_totals(struct check *check)
{
	const struct dfs_row_counters *counters = &check->state->counters;
	if (check->empty_cookie != 0)
		return see_place(check, 0, 0, false);
	if (counters->inodes != check->inodes.count)
		return check_wrong(check, "inodes: counted %u, noted %llu", check->inodes.count,
				   (ull)counters->inodes);
	if (counters->chunks != check->chunks)
		return check_wrong(check, "chunks: counted %llu, noted %llu", (ull)check->chunks,
				   (ull)counters->chunks);
	if (counters->garbage != check->garbage)
		return check_wrong(check, "garbage: counted %llu, noted %llu", (ull)check->garbage,
				   (ull)counters->garbage);
	if (check->sessions != check->state->sessions.count)
		return check_wrong(check, "sessions: counted %llu, in memory %u",
				   (ull)check->sessions, check->state->sessions.count);
	if (check->trims != check->bounds)
		return check_wrong(check, "%llu bounds, %llu trims", (ull)check->bounds,
				   (ull)check->trims);
	return 0;
}

int ms_state_check(struct ms_state *state, struct dfs_text *reason)
{
	struct check check = {.state = state, .reason = reason};
	int status = state->failure != 0 ? state->failure : ms_state_reread(state);
	for (size_t i = 0; status == 0 && i < dfs_array_count(passes); i++)
		status = pass(&check, passes[i].table, passes[i].see);
	if (status == 0)
		status = check_totals(&check);
	if (status == 0)
		status = check_inodes(&check);
	struct dfs_map_node *node;
	while ((node = dfs_map_next(&check.inodes, NULL)) != NULL) {
		dfs_map_remove(&check.inodes, node);
		free(dfs_map_entry(node, struct check_inode, node));
	}
	dfs_map_fini(&check.inodes);
	return status;
}
