/*
 * Operations on the space of open files: fallocate(2), and lseek(2) for holes and data. A punch and
 * a zeroing are writes of zeros that are stored when they return.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"

#define CHUNK_BYTES (UINT64_C(1) << DFS_CHUNK_SHIFT)

static u64 draw(struct actor *actor, u64 bound)
{
	return dfs_prng_below(&actor->proc.prng, bound);
}

/* Mostly a part of what is there; now and then all of it, whole chunks, or only blocks. */
static void draw_range(struct actor *actor, const struct history *data, u64 *ret_offset,
		       u64 *ret_length)
{
	u64 size = history_size(data);
	*ret_offset = draw(actor, size + 1);
	*ret_length = 1 + draw(actor, 2 * (u64)actor->world->shape.file_bytes);
	switch (draw(actor, 8)) {
	case 0:
		*ret_offset = 0;
		*ret_length = size + 1;
		break;
	case 1:
		*ret_offset = *ret_offset / CHUNK_BYTES * CHUNK_BYTES;
		*ret_length = CHUNK_BYTES + draw(actor, 3);
		break;
	case 2:
		*ret_offset &= ~(u64)(DFS_BLOCK_BYTES - 1);
		*ret_length = (1 + draw(actor, 8)) * DFS_BLOCK_BYTES;
		break;
	case 3:
		*ret_offset = actor_draw_offset(actor, data);
		break;
	default:
		break;
	}
}

bool act_allocate(struct actor *actor)
{
	static const u32 modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
				    FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
	struct actor_file *open = actor_pick_open(actor);
	if (open == NULL)
		return false;
	struct history *data = &open->node->data;
	u32 mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	if (draw(actor, 2) == 0)
		mode = modes[draw(actor, dfs_array_count(modes))];
	u64 offset, length;
	draw_range(actor, data, &offset, &length);
	bool holes = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
	u32 before = data->ops_count;
	if (holes)
		history_punch(data, offset, length);
	if ((mode & FALLOC_FL_KEEP_SIZE) == 0)
		history_grow(data, offset + length);
	open->node->mtime_known = false;
	int got = proc_fallocate(&actor->proc, &open->file, mode, offset, length);
	if (got != 0)
		history_doubt_from(data, before);
	bool told = actor_is_frail(actor) && actor_tells_of_loss(actor, open->node, got);
	if (actor_is_lost(actor, data, got, offset, length))
		told = true;
	if (told)
		history_loss_told(data);
	(void)actor_judge(actor, told ? 0 : got, 0, "fallocate", "");
	return true;
}

bool act_seek(struct actor *actor)
{
	struct actor_file *open = actor_pick_open(actor);
	if (open == NULL)
		return false;
	struct history *data = &open->node->data;
	u64 size = history_size(data), offset = actor_draw_offset(actor, data), found = 0;
	bool hole = draw(actor, 2) == 0;
	int got = proc_lseek(&actor->proc, &open->file, offset, hole, &found);
	if (actor_is_lost(actor, data, got, offset, dfs_max(size, offset) - offset))
		return true;
	/* Where data may be dropped for want of room, the file may be shorter. */
	bool none = got == DFS_ENXIO && (offset >= size || !hole || actor_is_frail(actor));
	if (actor_judge(actor, none ? 0 : got, 0, "lseek", "") != SAME || data->size_uncertain)
		return true;
	if (none)
		found = dfs_max(size, offset);
	u64 from = hole ? found : offset;
	u64 to = hole ? found / DFS_BLOCK_BYTES * DFS_BLOCK_BYTES + DFS_BLOCK_BYTES : found;
	if (found < offset || (!none && found > size) || (!none && !hole && found == size) ||
	    !history_may_be_hole(data, from, dfs_min(to, size)))
		world_fail(actor->world, "%s: lseek of ino %llu from %llu found a %s at %llu%s",
			   actor->name, (unsigned long long)open->node->ino,
			   (unsigned long long)offset, hole ? "hole" : "byte of data",
			   (unsigned long long)found, none ? " (none)" : "");
	return true;
}
