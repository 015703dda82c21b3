/*
 * System calls on open files and directories; see proc.h.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/proc.h"

#include <stdlib.h>

enum {
	REQUEST_BYTES = 256 << 10, /* Largest read or write request, a power of two. */
	STALE_TRIES = 5,
	WIDTH = 4, /* Requests of one system call in flight at once. */
};

static int status_of(struct proc *proc, struct call *call)
{
	int status = proc_call(proc, call);
	answer_clear(&call->answer);
	return status;
}

/* A call on an open file; one of an earlier life of the mount is gone. */
static int fill_file(struct proc *proc, const struct file *file, enum cl_op op, struct call *call)
{
	proc_fill(proc, call, op, file->ino);
	call->call.handle = file->handle;
	return file->life == mount_life(proc->mount) ? 0 : MOUNT_DIED;
}

static int open_existing(struct proc *proc, u64 ino, int flags, struct file *file)
{
	struct call call;
	proc_fill(proc, &call, CL_OPEN, ino);
	call.call.flags = (u32)(flags & ~(O_CREAT | O_EXCL | O_TRUNC));
	int status = proc_call(proc, &call);
	if (status == 0) {
		file->ino = ino;
		file->handle = call.answer.handle;
	}
	answer_clear(&call.answer);
	return status;
}

static int create(struct proc *proc, const struct walk *walk, int flags, u32 mode,
		  struct file *file)
{
	struct call call;
	proc_fill(proc, &call, CL_CREATE, walk->parent);
	call.call.name = walk->name;
	call.call.flags = (u32)flags;
	call.call.mode = S_IFREG | mode;
	int status = proc_call(proc, &call);
	if (status == 0) {
		file->ino = call.answer.attr.ino;
		file->handle = call.answer.handle;
	}
	answer_clear(&call.answer);
	return status;
}

static int open_once(struct proc *proc, const char *path, int flags, u32 mode,
		     struct file *ret_file)
{
	struct walk walk;
	struct file file = {0};
	bool created = false;
	u64 life = mount_life(proc->mount);
	int status = walk_path(proc, path, &walk);
	if (status == 0 && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
		status = DFS_EEXIST;
	} else if (status == 0) {
		status = open_existing(proc, walk.ino, flags, &file);
	} else if (status == DFS_ENOENT && (flags & O_CREAT) != 0 && walk.name.length > 0) {
		status = create(proc, &walk, flags, mode, &file);
		created = true;
	}
	/* The mount may have died between its answer and this process's hearing of it. */
	if (status == 0 && life != mount_life(proc->mount))
		status = MOUNT_DIED;
	if (status == 0) {
		file.life = life;
		mount_hold(proc->mount, file.ino);
	}
	walk_end(proc, &walk);
	if (status == 0 && (flags & O_TRUNC) != 0 && !created) {
		status = proc_ftruncate(proc, &file, 0);
		if (status != 0)
			(void)proc_close(proc, &file);
	}
	if (status == 0)
		*ret_file = file;
	return status;
}

int proc_tmpfile(struct proc *proc, const char *directory, u32 mode, bool once,
		 struct file *ret_file)
{
	struct walk walk;
	struct file file = {0};
	u64 life = mount_life(proc->mount);
	int status = walk_path(proc, directory, &walk);
	if (status == 0) {
		struct walk in = {.parent = walk.ino};
		status = create(proc, &in, O_RDWR | O_TMPFILE | (once ? O_EXCL : 0), mode, &file);
	}
	if (status == 0 && life != mount_life(proc->mount))
		status = MOUNT_DIED;
	if (status == 0) {
		file.life = life;
		mount_hold(proc->mount, file.ino);
		*ret_file = file;
	}
	walk_end(proc, &walk);
	return status;
}

/* As the VFS does: what was replaced between its look-up and its opening is looked up again. */
int proc_open(struct proc *proc, const char *path, int flags, u32 mode, struct file *ret_file)
{
	int status = DFS_ESTALE;
	for (int i = 0; i < STALE_TRIES && status == DFS_ESTALE; i++)
		status = open_once(proc, path, flags, mode, ret_file);
	return status;
}

int proc_close(struct proc *proc, struct file *file)
{
	struct call call;
	int status = fill_file(proc, file, CL_FLUSH, &call);
	if (status == 0) {
		status = status_of(proc, &call);
		/* RELEASE is nobody's system call: it cannot be interrupted. */
		if (fill_file(proc, file, CL_RELEASE, &call) == 0) {
			call_start(proc->mount, proc->task, &call);
			call_wait(proc->mount, &call, DFS_NEVER);
			answer_clear(&call.answer);
		}
		if (file->life == mount_life(proc->mount))
			mount_unhold(proc->mount, file->ino);
	}
	memset(file, 0, sizeof(*file));
	return status;
}

int proc_fstat(struct proc *proc, const struct file *file, struct dfs_attr *ret_attr)
{
	struct call call;
	int status = fill_file(proc, file, CL_GETATTR, &call);
	if (status != 0)
		return status;
	status = proc_call(proc, &call);
	if (status == 0)
		*ret_attr = call.answer.attr;
	answer_clear(&call.answer);
	return status;
}

int proc_fsync(struct proc *proc, const struct file *file, bool data_only)
{
	struct call call;
	int status = fill_file(proc, file, CL_FSYNC, &call);
	call.call.flags = data_only ? 1 : 0;
	return status != 0 ? status : status_of(proc, &call);
}

int proc_ftruncate(struct proc *proc, const struct file *file, u64 size)
{
	struct call call;
	int status = fill_file(proc, file, CL_SETATTR, &call);
	call.call.set.valid = DFS_SETATTR_SIZE;
	call.call.set.size = size;
	return status != 0 ? status : status_of(proc, &call);
}

int proc_fallocate(struct proc *proc, const struct file *file, u32 mode, u64 offset, u64 length)
{
	struct call call;
	int status = fill_file(proc, file, CL_FALLOCATE, &call);
	call.call.flags = mode;
	call.call.offset = offset;
	call.call.size = length;
	return status != 0 ? status : status_of(proc, &call);
}

int proc_clone(struct proc *proc, const struct range *from, const struct range *to, u64 length,
	       u64 *ret_count)
{
	struct call call;
	int status = fill_file(proc, to->file, CL_CLONE, &call);
	if (from->file->life != to->file->life)
		status = MOUNT_DIED;
	if (status != 0)
		return status;
	call.call.offset = to->offset;
	call.call.ino2 = from->file->ino;
	call.call.handle2 = from->file->handle;
	call.call.offset2 = from->offset;
	call.call.size = length;
	status = proc_call(proc, &call);
	if (status == 0)
		*ret_count = call.answer.count;
	answer_clear(&call.answer);
	return status;
}

int proc_lseek(struct proc *proc, const struct file *file, u64 offset, bool hole, u64 *ret_offset)
{
	struct call call;
	int status = fill_file(proc, file, CL_LSEEK, &call);
	if (status != 0)
		return status;
	call.call.offset = offset;
	call.call.flags = hole;
	status = proc_call(proc, &call);
	if (status == 0)
		*ret_offset = call.answer.count;
	answer_clear(&call.answer);
	return status;
}

/* --- Data: several requests at once, as readahead and threads do. --- */

static u32 request_bytes(struct proc *proc)
{
	u32 shift = (u32)dfs_prng_below(&proc->prng, 7);
	return (u32)REQUEST_BYTES >> shift;
}

static int gather_read(struct call *call, u8 *ret_data, u32 wanted, u32 *ret_count, bool *ret_short)
{
	int status = call->answer.status;
	if (status == 0) {
		DFS_ASSERT(call->answer.bytes_count <= wanted);
		if (call->answer.bytes_count > 0)
			memcpy(ret_data, call->answer.bytes, call->answer.bytes_count);
		*ret_count += call->answer.bytes_count;
		*ret_short = call->answer.bytes_count < wanted;
	}
	return status;
}

int proc_read(struct proc *proc, const struct file *file, u64 offset, u8 *ret_data, u32 length,
	      u32 *ret_count)
{
	u32 size = request_bytes(proc), at = 0, count = 0;
	bool ended = false;
	int status = 0;
	while (at < length && !ended && status == 0) {
		struct call calls[WIDTH];
		u32 sizes[WIDTH], wide = 0, start = at;
		for (; wide < WIDTH && at < length && status == 0; wide++) {
			sizes[wide] = dfs_min(size, length - at);
			status = fill_file(proc, file, CL_READ, &calls[wide]);
			if (status != 0)
				break;
			calls[wide].call.offset = offset + at;
			calls[wide].call.size = sizes[wide];
			call_start(proc->mount, proc->task, &calls[wide]);
			at += sizes[wide];
		}
		for (u32 i = 0; i < wide; i++) {
			call_wait(proc->mount, &calls[i], DFS_NEVER);
			if (status == 0 && !ended)
				status = gather_read(&calls[i], ret_data + start, sizes[i], &count,
						     &ended);
			start += sizes[i];
			answer_clear(&calls[i].answer);
		}
	}
	if (status == 0)
		*ret_count = count;
	return status;
}

static void begin_write(struct proc *proc, struct call *call, u64 offset, const u8 *data, u32 size)
{
	struct dfs_buf *buf = dfs_buf_new(size + 64);
	u32 shift = (u32)dfs_prng_below(&proc->prng, 64);
	memcpy(buf->data + shift, data, size);
	buf->length = shift + size;
	call->call.offset = offset;
	call->call.size = size;
	call->call.data = (struct dfs_payload){.buf = buf, .offset = shift, .bytes = size};
	call_start(proc->mount, proc->task, call);
}

int proc_write(struct proc *proc, const struct file *file, u64 offset, const u8 *data, u32 length)
{
	u32 size = request_bytes(proc), at = 0;
	int status = 0;
	while (at < length && status == 0) {
		struct call calls[WIDTH];
		u32 wide = 0;
		for (; wide < WIDTH && at < length && status == 0; wide++) {
			u32 part = dfs_min(size, length - at);
			status = fill_file(proc, file, CL_WRITE, &calls[wide]);
			if (status != 0)
				break;
			begin_write(proc, &calls[wide], offset + at, data + at, part);
			at += part;
		}
		for (u32 i = 0; i < wide; i++) {
			call_wait(proc->mount, &calls[i], DFS_NEVER);
			dfs_buf_unref(calls[i].call.data.buf);
			if (status == 0)
				status = calls[i].answer.status;
			if (status == 0)
				DFS_ASSERT(calls[i].answer.count == calls[i].call.size);
			answer_clear(&calls[i].answer);
		}
	}
	return status;
}

/* --- Directories. --- */

static void keep_entries(struct answer *list, const struct answer *part)
{
	size_t room = (size_t)list->entries_count + part->entries_count + 1;
	struct named *entries = realloc(list->entries, room * sizeof(*entries));
	DFS_ASSERT(entries != NULL);
	list->entries = entries;
	for (u32 i = 0; i < part->entries_count; i++) {
		const struct named *entry = &part->entries[i];
		if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
			list->entries[list->entries_count++] = *entry;
	}
}

static int open_directory(struct proc *proc, const char *path, struct walk *walk,
			  struct file *ret_file)
{
	int status = walk_path(proc, path, walk);
	if (status != 0)
		return status;
	struct call call;
	proc_fill(proc, &call, CL_OPENDIR, walk->ino);
	status = proc_call(proc, &call);
	*ret_file = (struct file){
	    .ino = walk->ino, .handle = call.answer.handle, .life = mount_life(proc->mount)};
	answer_clear(&call.answer);
	return status;
}

static void close_directory(struct proc *proc, const struct file *file)
{
	struct call call;
	if (fill_file(proc, file, CL_RELEASEDIR, &call) != 0)
		return;
	call_start(proc->mount, proc->task, &call);
	call_wait(proc->mount, &call, DFS_NEVER);
	answer_clear(&call.answer);
}

int proc_readdir(struct proc *proc, const char *path, u32 chunk, bool attributes,
		 struct answer *ret_list)
{
	struct walk walk;
	struct file file = {0};
	struct answer list = {0};
	int status = open_directory(proc, path, &walk, &file);
	u64 cookie = 0;
	while (status == 0) {
		struct call call;
		status = fill_file(proc, &file, CL_READDIR, &call);
		if (status != 0)
			break;
		call.call.offset = cookie;
		call.call.size = chunk;
		call.call.flags = attributes ? 1 : 0;
		status = proc_call(proc, &call);
		u32 count = call.answer.entries_count;
		if (status == 0 && count > 0) {
			keep_entries(&list, &call.answer);
			cookie = call.answer.entries[count - 1].next_offset;
		}
		answer_clear(&call.answer);
		if (count == 0 || status != 0)
			break;
	}
	if (walk.ino != 0 && file.handle != 0)
		close_directory(proc, &file);
	walk_end(proc, &walk);
	if (status == 0)
		*ret_list = list;
	else
		answer_clear(&list);
	return status;
}

int proc_fsyncdir(struct proc *proc, const char *path)
{
	struct walk walk;
	struct file file = {0};
	int status = open_directory(proc, path, &walk, &file);
	if (status == 0) {
		struct call call;
		status = fill_file(proc, &file, CL_FSYNCDIR, &call);
		if (status == 0)
			status = status_of(proc, &call);
		close_directory(proc, &file);
	}
	walk_end(proc, &walk);
	return status;
}
