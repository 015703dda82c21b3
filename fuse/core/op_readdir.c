/*
 * Directories. Opening one asks nobody; READDIR takes a page from the master and hands it out piece
 * by piece, as the kernel's buffer allows. `.` and `..` come first, at the offsets 1 and 2; the
 * master's cookies, which are far larger, follow. A page is used as long as the reader goes on in
 * it; starting over asks anew.
 */
#include "fuse/core/client_i.h"
#include "fuse/core/flows.h"

#include <fcntl.h>
#include <sys/stat.h>

enum {
	OFFSET_DOT = 1,    /* After `.` */
	OFFSET_DOTDOT = 2, /* After `..` */
	PAGE_BYTES = 256 << 10,
	/* What the kernel's records need besides the name: struct fuse_dirent, fuse_direntplus. */
	ENTRY_BYTES = 24,
	ENTRY_PLUS_BYTES = 152,
};

void cl_opendir_start(struct cl *cl, struct cl_task *task)
{
	cl_task_make_handle(cl, task);
	struct cl_reply *reply = cl_reply_new(cl, task->op);
	reply->handle = task->made_handle;
	cl_task_reply(cl, task, reply);
}

/* All changes of names are durable when they are answered. */
void cl_fsyncdir_start(struct cl *cl, struct cl_task *task)
{
	cl_task_finish(cl, task, 0);
}

struct listing {
	struct cl_reply *reply;
	struct cl_entry *entries;
	u64 room;
	u32 entry_bytes;
};

static bool add(struct listing *listing, struct dfs_span name, u64 next,
		const struct dfs_attr *attr)
{
	u64 bytes = (listing->entry_bytes + name.length + 7) & ~UINT64_C(7);
	/* One entry is given whatever the room: none at all would mean the end. */
	if (bytes > listing->room && listing->reply->entries_count > 0)
		return false;
	listing->room -= dfs_min(bytes, listing->room);
	listing->entries[listing->reply->entries_count++] =
	    (struct cl_entry){.name = name, .next_offset = next, .attr = *attr};
	return true;
}

static bool add_dots(struct cl *cl, const struct cl_task *task, const struct cl_handle *handle,
		     struct listing *listing)
{
	u64 parent = task->ino == cl->root ? task->ino : handle->page_parent;
	struct dfs_attr here = {.ino = cl_ino_translate(cl, task->ino), .mode = S_IFDIR};
	struct dfs_attr above = {.ino = cl_ino_translate(cl, parent), .mode = S_IFDIR};
	if (task->offset < OFFSET_DOT && !add(listing, dfs_span_text("."), OFFSET_DOT, &here))
		return false;
	return task->offset >= OFFSET_DOTDOT ||
	       add(listing, dfs_span_text(".."), OFFSET_DOTDOT, &above);
}

static u64 cookie_of(const struct cl_task *task)
{
	return task->offset <= OFFSET_DOTDOT ? 0 : task->offset;
}

/* The entries of the page that follow the offset; false when the page does not have the place. */
static bool seek(const struct cl_task *task, const struct cl_handle *handle,
		 struct dfs_items *ret_entries)
{
	u64 cookie = cookie_of(task);
	struct dfs_dirent entry;
	if (handle->page == NULL || (!handle->page_attributes && (task->flags & 1) != 0))
		return false;
	*ret_entries = handle->page_entries;
	if (cookie == handle->page_after)
		return true;
	while (dfs_dirent_next(ret_entries, &entry)) {
		if (entry.cookie == cookie)
			return true;
	}
	return false;
}

static void give(struct cl *cl, struct cl_task *task, const struct cl_handle *handle,
		 struct dfs_items entries)
{
	struct listing listing = {
	    .reply = cl_reply_new(cl, task->op),
	    .room = task->size,
	    .entry_bytes = (task->flags & 1) != 0 ? ENTRY_PLUS_BYTES : ENTRY_BYTES,
	};
	struct dfs_dirent entry;
	u64 most = task->size / listing.entry_bytes + 1;
	listing.entries =
	    cl_reply_entries(cl, listing.reply, (u32)dfs_min(most, (u64)entries.count + 2));
	if (add_dots(cl, task, handle, &listing)) {
		while (dfs_dirent_next(&entries, &entry)) {
			if (handle->page_attributes)
				cl_attr_view(cl, &entry.attr);
			else
				entry.attr.ino = cl_ino_translate(cl, entry.attr.ino);
			if (!add(&listing, entry.name, entry.cookie, &entry.attr))
				break;
		}
	}
	if (handle->page != NULL)
		cl_keep_take(cl, dfs_buf_ref(handle->page)); /* The names are in it. */
	cl_task_reply(cl, task, listing.reply);
}

/* Attributes come along if they are asked for, or likely to be: in the first page, and as long as
 * the reader looks at what it finds, as `ls -l` does. */
static bool attributes_help(const struct cl *cl, const struct cl_task *task)
{
	return (task->flags & 1) != 0 || cookie_of(task) == 0 || cl->cache.asked_in == task->ino;
}

/* Whoever has read page after page from the start to the end knows all names. */
static void learn(struct cl *cl, const struct cl_task *task, struct cl_handle *handle, nsec until)
{
	struct dfs_items entries = handle->page_entries;
	struct dfs_dirent entry = {.cookie = cookie_of(task)};
	bool goes_on = cookie_of(task) != 0 && cookie_of(task) == handle->listing_next;
	if (!goes_on)
		handle->listing = 0;
	if (!handle->page_attributes || until <= cl->now) {
		handle->listing = 0;
		return;
	}
	cl_cache_dir_lease(cl, task->ino, until);
	while (dfs_dirent_next(&entries, &entry)) {
		cl_cache_put_name(cl, task->ino, entry.name, entry.attr.ino, until);
		cl_cache_put_attr(cl, &entry.attr, until);
	}
	if (cookie_of(task) == 0)
		handle->listing = cl_cache_listing_begin(cl, task->ino);
	handle->listing_next = entry.cookie;
	if (handle->page_end)
		cl_cache_listing_end(cl, task->ino, handle->listing);
}

static void ask(struct cl *cl, struct cl_task *task)
{
	struct dfs_readdir body = {
	    .ino = task->ino,
	    .cookie = cookie_of(task),
	    .bytes_max = PAGE_BYTES,
	    .attributes = attributes_help(cl, task),
	};
	struct dfs_writer writer;
	task->asked_attributes = body.attributes != 0;
	cl->cache.asked_in = 0;
	cl_master_begin(cl, &writer);
	dfs_readdir_put(&writer, &body);
	cl_task_ask(cl, task, DFS_MSG_READDIR, &writer);
}

void cl_readdir_start(struct cl *cl, struct cl_task *task)
{
	struct cl_handle *handle = cl_task_handle(cl, task);
	struct dfs_items entries;
	if (handle == NULL || handle->inode != NULL) {
		cl_task_finish(cl, task, DFS_EINVAL);
		return;
	}
	task->ino = handle->ino;
	if ((handle->flags & O_NOATIME) == 0)
		cl_accessed_cached(cl, task->ino);
	/* From the start: see what is there now. At the end of a page: it goes on. */
	if (task->offset != 0 && seek(task, handle, &entries) &&
	    (entries.count > 0 || handle->page_end))
		give(cl, task, handle, entries);
	else
		ask(cl, task);
}

void cl_readdir_answer(struct cl *cl, struct cl_task *task, const struct cl_answer *answer)
{
	struct cl_handle *handle = cl_task_handle(cl, task);
	struct dfs_readdir_reply reply;
	int status = handle == NULL ? DFS_EINVAL : 0;
	if (status == 0)
		status = dfs_readdir_reply_decode(answer->body, answer->version, &reply);
	/* An empty page that is not the end would be asked for again and again. */
	if (status == 0 && reply.entries.count == 0 && reply.end == 0)
		status = DFS_EMALFORMED;
	if (status != 0) {
		cl_task_finish(cl, task, status);
		return;
	}
	dfs_buf_unref(handle->page);
	handle->page = dfs_buf_new(dfs_max(reply.entries.bytes.length, 1u));
	if (reply.entries.bytes.length > 0)
		memcpy(handle->page->data, reply.entries.bytes.data, reply.entries.bytes.length);
	handle->page_entries = reply.entries;
	handle->page_entries.bytes.data = handle->page->data;
	handle->page_after = cookie_of(task);
	handle->page_parent = reply.parent;
	handle->page_end = reply.end != 0;
	handle->page_attributes = task->asked_attributes;
	learn(cl, task, handle, cl_cache_until(task->asked_at, reply.lease_ms));
	give(cl, task, handle, handle->page_entries);
}
