/*
 * The puppets' master as far as space goes: what the chunks of its files take, and the operations
 * that change maps without anybody writing.
 */
#include "tests/unit/cl_world.h"
#include "tests/unit/unit.h"

u32 puppet_chunk_length(const struct world_file *file, u64 index)
{
	u64 start = index << WORLD_SHIFT;
	if (file->chunks[index] == 0 || file->attr.size <= start)
		return 0;
	return (u32)dfs_min(file->attr.size - start, (u64)WORLD_CHUNK_BYTES);
}

struct dfs_room puppet_room(const struct cl_world *world)
{
	u64 used = 0;
	for (u32 i = 0; i < world->files_count; i++)
		for (u64 index = 0; index < 8; index++)
			used +=
			    (puppet_chunk_length(&world->files[i], index) + 4095u) / 4096 * 4096;
	u64 left = world->limit - dfs_min(used, world->limit);
	return (struct dfs_room){.bytes = world->limit == 0 ? DFS_ROOM_ALL : left};
}

int puppet_allocate(struct cl_world *world, struct dfs_span body, struct dfs_mutate_reply *reply)
{
	struct dfs_allocate allocate;
	assert_int_equal(dfs_allocate_decode(body, DFS_PROTOCOL_VERSION, &allocate), 0);
	struct world_file *file = world_file(world, allocate.ino);
	u64 end = allocate.offset + allocate.length;
	for (u64 i = 0; i < 8 && (allocate.flags & DFS_ALLOCATE_PUNCH) != 0; i++) {
		u64 start = i << WORLD_SHIFT;
		if (allocate.offset <= start &&
		    (end >= start + WORLD_CHUNK_BYTES || end >= file->attr.size))
			file->chunks[i] = 0;
	}
	file->attr.change++;
	if ((allocate.flags & DFS_ALLOCATE_KEEP_SIZE) == 0)
		file->attr.size = dfs_max(file->attr.size, end);
	reply->attr = file->attr;
	return 0;
}

int puppet_clone(struct cl_world *world, struct dfs_span body, struct dfs_mutate_reply *reply)
{
	struct dfs_clone clone;
	assert_int_equal(dfs_clone_decode(body, DFS_PROTOCOL_VERSION, &clone), 0);
	struct world_file *file = world_file(world, clone.ino);
	const struct world_file *source = world_file(world, clone.source);
	for (u64 i = 0; i < clone.chunks.count; i++) {
		file->chunks[clone.index + i] = source->chunks[clone.source_index + i];
		file->servers[clone.index + i] = source->servers[clone.source_index + i];
		file->valid[clone.index + i] = source->valid[clone.source_index + i];
	}
	file->attr.change++;
	file->attr.size = dfs_max(file->attr.size, clone.end);
	file->attr.allocated = 0;
	for (u64 i = 0; i < 8; i++)
		file->attr.allocated += puppet_chunk_length(file, i);
	reply->attr = file->attr;
	return 0;
}
