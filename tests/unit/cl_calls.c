/*
 * Whole operations for the client's tests: see cl_world.h.
 */
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>

const struct world_call *world_answer(const struct cl_world *world, u64 id)
{
	return &world->calls[id];
}

int world_status(struct cl_world *world, u64 id)
{
	assert_true(world->calls[id].done);
	return world->calls[id].status;
}

u32 world_count(const struct cl_world *world, u16 type)
{
	u32 count = 0;
	for (u32 i = 0; i < WORLD_PUPPETS; i++)
		count += world->puppets[i].counts[type];
	return count;
}

u32 world_ops(const struct cl_world *world, u16 op)
{
	return world->puppets[WORLD_MASTER].ops[op];
}

void world_counts_clear(struct cl_world *world)
{
	for (u32 i = 0; i < WORLD_PUPPETS; i++) {
		memset(world->puppets[i].counts, 0, sizeof(world->puppets[i].counts));
		memset(world->puppets[i].ops, 0, sizeof(world->puppets[i].ops));
	}
}

u32 world_trips(const struct cl_world *world)
{
	u32 count = 0;
	for (u16 type = DFS_MSG_ATTACH; type < WORLD_TYPES; type++)
		count += world_count(world, type);
	return count;
}

u64 world_lookup(struct cl_world *world, u64 parent, const char *name)
{
	struct cl_call call = {.op = CL_LOOKUP, .ino = parent, .name = dfs_span_text(name)};
	u64 id = world_call(world, &call);
	assert_int_equal(world_status(world, id), 0);
	return world_answer(world, id)->attr.ino;
}

u64 world_create(struct cl_world *world, const char *name, int flags, u64 *ret_ino)
{
	struct cl_call call = {.op = CL_CREATE,
			       .ino = DFS_INO_ROOT,
			       .name = dfs_span_text(name),
			       .mode = S_IFREG | 0644,
			       .flags = (u32)(flags | O_CREAT | O_RDWR)};
	u64 id = world_call(world, &call);
	assert_int_equal(world_status(world, id), 0);
	*ret_ino = world_answer(world, id)->attr.ino;
	assert_int_not_equal(world_answer(world, id)->handle, 0);
	return world_answer(world, id)->handle;
}

u64 world_open(struct cl_world *world, u64 ino, int flags)
{
	struct cl_call call = {.op = CL_OPEN, .ino = ino, .flags = (u32)flags};
	u64 id = world_call(world, &call);
	assert_int_equal(world_status(world, id), 0);
	return world_answer(world, id)->handle;
}

u8 world_byte(u64 offset, u32 seed)
{
	return (u8)((offset * 131 + (offset >> 9) * 7 + seed * 29) % 251 + 1);
}

u64 world_write_call(struct cl_world *world, u64 ino, u64 handle, u64 offset, const u8 *data,
		     u32 bytes, int flags)
{
	struct dfs_buf *buf = dfs_buf_new(dfs_max(bytes, 1u));
	memcpy(buf->data, data, bytes);
	struct cl_call call = {.op = CL_WRITE,
			       .ino = ino,
			       .handle = handle,
			       .offset = offset,
			       .size = bytes,
			       .flags = (u32)flags,
			       .data = {.buf = buf, .bytes = bytes}};
	u64 id = world_call(world, &call);
	dfs_buf_unref(buf);
	return id;
}

int world_write(struct cl_world *world, u64 ino, u64 handle, u64 offset, u32 bytes, u32 seed)
{
	u8 *data = malloc(bytes + 1);
	assert_non_null(data);
	for (u32 i = 0; i < bytes; i++)
		data[i] = world_byte(offset + i, seed);
	u64 id = world_write_call(world, ino, handle, offset, data, bytes, O_RDWR);
	free(data);
	int status = world_status(world, id);
	if (status == 0)
		assert_int_equal(world_answer(world, id)->count, bytes);
	return status;
}

u64 world_handle_call(struct cl_world *world, enum cl_op op, u64 ino, u64 handle)
{
	struct cl_call call = {.op = op, .ino = ino, .handle = handle};
	return world_call(world, &call);
}

int world_flush(struct cl_world *world, u64 ino, u64 handle)
{
	return world_status(world, world_handle_call(world, CL_FLUSH, ino, handle));
}

int world_fsync(struct cl_world *world, u64 ino, u64 handle)
{
	return world_status(world, world_handle_call(world, CL_FSYNC, ino, handle));
}

int world_close(struct cl_world *world, u64 ino, u64 handle)
{
	int status = world_flush(world, ino, handle);
	u64 id = world_handle_call(world, CL_RELEASE, ino, handle);
	assert_int_equal(world_status(world, id), 0);
	return status;
}

u64 world_read_call(struct cl_world *world, u64 ino, u64 handle, u64 offset, u32 bytes, int flags)
{
	struct cl_call call = {.op = CL_READ,
			       .ino = ino,
			       .handle = handle,
			       .offset = offset,
			       .size = bytes,
			       .flags = (u32)flags};
	return world_call(world, &call);
}

void world_expect(struct cl_world *world, u64 ino, u64 handle, u64 offset, u32 bytes, u32 seed)
{
	u64 id = world_read_call(world, ino, handle, offset, bytes, 0);
	assert_int_equal(world_status(world, id), 0);
	const struct world_call *answer = world_answer(world, id);
	assert_int_equal(answer->bytes_count, bytes);
	for (u32 i = 0; i < bytes; i++)
		assert_int_equal(answer->bytes[i], world_byte(offset + i, seed));
}

void world_expect_zeros(struct cl_world *world, u64 ino, u64 handle, u64 offset, u32 bytes)
{
	u64 id = world_read_call(world, ino, handle, offset, bytes, 0);
	assert_int_equal(world_status(world, id), 0);
	const struct world_call *answer = world_answer(world, id);
	assert_int_equal(answer->bytes_count, bytes);
	for (u32 i = 0; i < bytes; i++)
		assert_int_equal(answer->bytes[i], 0);
}

u64 world_size(struct cl_world *world, u64 ino)
{
	u64 id = world_handle_call(world, CL_GETATTR, ino, 0);
	assert_int_equal(world_status(world, id), 0);
	return world_answer(world, id)->attr.size;
}

int world_truncate(struct cl_world *world, u64 ino, u64 size)
{
	struct cl_call call = {
	    .op = CL_SETATTR, .ino = ino, .set = {.valid = DFS_SETATTR_SIZE, .size = size}};
	return world_status(world, world_call(world, &call));
}
