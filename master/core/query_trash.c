/*
 * Questions about the trash: what is in it, what its time is up for, and where something in it
 * belongs.
 */
#include "master/core/dentry.h"
#include "master/core/trash.h"

/* Directories in the trash above each other that are looked through; beyond, the path counts. */
enum { CHAIN_MAX = 256 };

int ms_trash_kept(struct ms_state *state, u64 ino, u32 *ret_keep_s)
{
	struct dfs_row_inode row;
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &row);
	if (status != 0)
		return status == DFS_ENOENT ? DFS_ESTALE : status;
	if (!ms_is_directory(&row))
		return DFS_ENOTDIR;
	*ret_keep_s = row.keep_s;
	return 0;
}

static void scan_from(struct ms_scan *scan, struct ms_state *state,
		      const struct dfs_trash_key *after)
{
	struct ms_key from = ms_key0(MS_TABLE_TRASH);
	if (after->ino == UINT64_MAX)
		from = ms_key0(MS_TABLE_TRASH + 1); /* Never an inode's number: nothing. */
	else if (after->expires != 0)
		from = ms_key2(MS_TABLE_TRASH, after->expires, after->ino + 1);
	ms_scan_begin(scan, state, from, ms_key0(MS_TABLE_TRASH + 1));
}

int ms_trash_due(struct ms_state *state, u64 until, struct dfs_trash_key *ret_keys, u32 max,
		 u32 *ret_count, u64 *ret_next)
{
	struct dfs_trash_key start = {0};
	struct ms_scan scan;
	u32 count = 0;
	u64 next = 0;
	if (state->failure != 0)
		return state->failure;
	scan_from(&scan, state, &start);
	while (next == 0 && ms_scan_next(&scan)) {
		u64 expires = ms_key_first(scan.key);
		if (expires > until || count == max)
			next = expires;
		else
			ret_keys[count++] = (struct dfs_trash_key){.expires = expires,
								   .ino = ms_key_second(scan.key)};
	}
	*ret_count = count;
	*ret_next = next;
	return ms_scan_end(&scan);
}

/* `path` is `wanted`, or lies below it. */
static bool is_wanted(const struct dfs_list_trash *query, const struct dfs_row_trash *row)
{
	struct dfs_span wanted = query->path;
	if (row->deleted <= query->deleted_after)
		return false;
	if (wanted.length == 1 && query->exact == 0)
		wanted.length = 0; /* The root: all. */
	if (wanted.length == 0)
		return true;
	if (row->cut != 0 || row->path.length < wanted.length ||
	    memcmp(row->path.data, wanted.data, wanted.length) != 0)
		return false;
	if (row->path.length == wanted.length)
		return true;
	return query->exact == 0 && row->path.data[wanted.length] == '/';
}

static int put_item(struct ms_state *state, const struct dfs_trash_key *key,
		    const struct dfs_row_trash *row, struct dfs_writer *items)
{
	struct dfs_row_inode inode;
	u8 path[DFS_TRASH_PATH_BYTES_MAX];
	u32 length = row->path.length;
	if (length > 0)
		memcpy(path, row->path.data, length);
	struct dfs_trash_item item = {
	    .key = *key,
	    .deleted = row->deleted,
	    .uid = row->uid,
	    .cut = row->cut,
	    .path = dfs_span(path, length),
	};
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, key->ino), &inode);
	if (status == DFS_ENOENT)
		return 0; /* Damage, for the checker to tell: listing the rest helps more. */
	if (status != 0)
		return status;
	item.attr = ms_inode_attr(key->ino, &inode);
	dfs_trash_item_put(items, &item);
	return 0;
}

/* The row of an inode that is in the trash; DFS_ENOENT when it is not. */
static int find_row(struct ms_state *state, u64 ino, struct dfs_trash_key *ret_key,
		    struct dfs_row_trash *ret_row)
{
	struct dfs_row_inode inode;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &inode);
	if (status == 0 && inode.expires == 0)
		status = DFS_ENOENT;
	if (status != 0)
		return status;
	*ret_key = (struct dfs_trash_key){.expires = inode.expires, .ino = ino};
	return ms_row_trash_get(state, ms_key2(MS_TABLE_TRASH, inode.expires, ino), ret_row);
}

static int list_one(struct ms_state *state, const struct dfs_list_trash *query,
		    struct dfs_writer *items)
{
	struct dfs_trash_key key;
	struct dfs_row_trash row;
	int status = find_row(state, query->ino, &key, &row);
	if (status == 0 && is_wanted(query, &row))
		status = put_item(state, &key, &row, items);
	return status == DFS_ENOENT ? 0 : status;
}

int ms_trash_list(struct ms_state *state, const struct dfs_list_trash *query,
		  struct dfs_writer *items, struct dfs_list_trash_reply *ret_reply)
{
	struct ms_scan scan;
	u32 looked_at = 0;
	int status = 0;
	bool more = true;
	if (state->failure != 0)
		return state->failure;
	*ret_reply = (struct dfs_list_trash_reply){.next = query->after, .end = query->ino != 0};
	if (query->ino != 0) {
		status = list_one(state, query, items);
		ret_reply->items = dfs_writer_items(items);
		return status;
	}
	scan_from(&scan, state, &query->after);
	while (status == 0 && looked_at < DFS_TRASH_LOOKED_AT_MAX &&
	       items->items < DFS_TRASH_ROWS_MAX && items->buf->length < DFS_TRASH_BYTES_MAX &&
	       (more = ms_scan_next(&scan))) {
		struct dfs_row_trash row;
		looked_at++;
		ret_reply->next = (struct dfs_trash_key){.expires = ms_key_first(scan.key),
							 .ino = ms_key_second(scan.key)};
		status = ms_row_trash_open(state, scan.value, &row);
		if (status == 0 && is_wanted(query, &row))
			status = put_item(state, &ret_reply->next, &row, items);
	}
	int scan_status = ms_scan_end(&scan);
	ret_reply->end = !more;
	ret_reply->items = dfs_writer_items(items);
	return status == 0 ? scan_status : status;
}

/* --- Where something belongs. --- */

/* Something in the trash, as its row has it. */
struct gone {
	u64 ino;
	u64 parent;
	bool cut;
	u32 path_bytes;
	u8 path[DFS_TRASH_PATH_BYTES_MAX];
};

static int load_gone(struct ms_state *state, u64 ino, struct gone *ret_gone)
{
	struct dfs_trash_key key;
	struct dfs_row_trash row;
	int status = find_row(state, ino, &key, &row);
	if (status != 0)
		return status;
	ret_gone->ino = ino;
	ret_gone->parent = row.parent;
	ret_gone->cut = row.cut != 0;
	ret_gone->path_bytes = row.path.length;
	if (row.path.length > 0)
		memcpy(ret_gone->path, row.path.data, row.path.length);
	return 0;
}

static struct dfs_span last_component(const struct gone *gone)
{
	u32 from = gone->path_bytes;
	while (from > 0 && gone->path[from - 1] != '/')
		from--;
	return dfs_span(gone->path + from, gone->path_bytes - from);
}

static void set(struct ms_recovery *recovery, u16 op, u64 ino, u64 parent, struct dfs_span name)
{
	*recovery =
	    (struct ms_recovery){.op = op, .ino = ino, .parent = parent, .name_bytes = name.length};
	DFS_ASSERT(name.length <= sizeof(recovery->name));
	if (name.length > 0)
		memcpy(recovery->name, name.data, name.length);
}

/* 0: gone for good; 1: there, with a name; 2: in the trash. */
enum { HOME_GONE, HOME_THERE, HOME_IN_TRASH };
static int look_at_home(struct ms_state *state, u64 ino, int *ret_home)
{
	struct dfs_row_inode row;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, ino), &row);
	*ret_home = HOME_GONE;
	if (status != 0)
		return status == DFS_ENOENT ? 0 : status;
	if (ms_is_directory(&row) && row.nlink > 0)
		*ret_home = HOME_THERE;
	else if (ms_is_directory(&row) && row.expires != 0)
		*ret_home = HOME_IN_TRASH;
	return 0;
}

/* Down the path that the thing had: to the directory it was in, or the first one that is missing.
 */
static int follow_path(struct ms_state *state, const struct gone *gone, struct ms_recovery *ret)
{
	struct dfs_span name = last_component(gone);
	u32 end = gone->path_bytes - name.length;
	u64 at = DFS_INO_ROOT;
	if (gone->cut)
		return DFS_ENOTSUP;
	for (u32 from = 1; from < end;) {
		struct dfs_attr attr;
		u32 to = from;
		while (to < end && gone->path[to] != '/')
			to++;
		struct dfs_span component = dfs_span(gone->path + from, to - from);
		int status = ms_lookup(state, at, component, &attr);
		if (status == DFS_ENOENT) {
			set(ret, DFS_OP_REMAKE, 0, at, component);
			return 0;
		}
		if (status == 0 && !S_ISDIR(attr.mode))
			status = DFS_ENOTDIR;
		if (status != 0)
			return status;
		at = attr.ino;
		from = to + 1;
	}
	set(ret, DFS_OP_RESTORE, gone->ino, at, name);
	return 0;
}

/* From what was asked for up through directories that are in the trash as well, to the first one
 * whose own directory is there; or below `stop`, which is taken for the directory `instead`. */
static int climb(struct ms_state *state, u64 ino, u64 stop, u64 instead, struct gone *gone,
		 struct ms_recovery *ret)
{
	int status = load_gone(state, ino, gone);
	for (u32 i = 0; status == 0; i++) {
		int home;
		if (gone->parent == stop) {
			set(ret, DFS_OP_RESTORE, gone->ino, instead, last_component(gone));
			return 0;
		}
		status = look_at_home(state, gone->parent, &home);
		if (status == 0 && home == HOME_THERE) {
			set(ret, DFS_OP_RESTORE, gone->ino, gone->parent, last_component(gone));
			return 0;
		}
		if (status == 0 && (home == HOME_GONE || i == CHAIN_MAX))
			return follow_path(state, gone, ret);
		if (status == 0)
			status = load_gone(state, gone->parent, gone);
	}
	return status;
}

/* A directory above whose name another one has by now: that one will do for what was in it. */
static int find_home(struct ms_state *state, u64 ino, struct ms_recovery *ret)
{
	u64 stop = 0;
	u64 instead = 0;
	struct gone gone;
	for (u32 i = 0; i <= CHAIN_MAX; i++) {
		struct dfs_attr attr;
		int status = climb(state, ino, stop, instead, &gone, ret);
		if (status != 0 || ret->op != DFS_OP_RESTORE || ret->ino == ino)
			return status;
		status = ms_lookup(state, ret->parent, dfs_span(ret->name, ret->name_bytes), &attr);
		if (status == DFS_ENOENT)
			return 0;
		if (status == 0 && !S_ISDIR(attr.mode))
			status = DFS_ENOTDIR;
		if (status != 0)
			return status;
		stop = ret->ino;
		instead = attr.ino;
	}
	return DFS_ENOTSUP;
}

int ms_trash_recovery(struct ms_state *state, const struct dfs_recover *request,
		      struct ms_recovery *ret_recovery)
{
	struct dfs_row_inode row;
	struct ms_recovery recovery = {0};
	struct gone gone;
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, request->ino), &row);
	if (status != 0)
		return status;
	if (row.expires == 0) {
		set(ret_recovery, 0, request->ino, 0, (struct dfs_span){0});
		return row.nlink > 0 ? 0 : DFS_ENOENT;
	}
	if (request->parent == 0) {
		status = find_home(state, request->ino, &recovery);
	} else {
		status = load_gone(state, request->ino, &gone);
		if (status == 0)
			set(&recovery, DFS_OP_RESTORE, request->ino, request->parent,
			    last_component(&gone));
	}
	if (status != 0)
		return status;
	if (recovery.op == DFS_OP_RESTORE && recovery.ino == request->ino &&
	    request->name.length != 0)
		set(&recovery, DFS_OP_RESTORE, recovery.ino, recovery.parent, request->name);
	/* A row that a repair made knows no name. */
	if (recovery.name_bytes == 0)
		return DFS_ENOTSUP;
	*ret_recovery = recovery;
	return 0;
}

int ms_path_now(struct ms_state *state, u64 parent, struct dfs_span name,
		u8 buffer[DFS_TRASH_PATH_BYTES_MAX], struct dfs_span *ret_path)
{
	struct ms_inode directory = {.ino = parent};
	struct ms_path path;
	if (state->failure != 0)
		return state->failure;
	int status = ms_row_inode_get(state, ms_key1(MS_TABLE_INODE, parent), &directory.row);
	if (status == 0)
		status = ms_path_find(state, &directory, name, &path);
	if (status != 0)
		return status;
	struct dfs_span found = ms_path_span(&path);
	memcpy(buffer, found.data, found.length);
	*ret_path = dfs_span(buffer, found.length);
	return 0;
}
