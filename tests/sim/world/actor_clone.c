/*
 * copy_file_range(2): what one file holds another holds as well, from then on; whoever is written,
 * cut or removed later, the other one stays as it is. The source is synced before, so that it is
 * certain what it holds whatever loses power meanwhile.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"

#include <stdlib.h>

enum { SOURCE_BYTES_MAX = 512 << 10 };

#define CHUNK_BYTES (UINT64_C(1) << DFS_CHUNK_SHIFT)

static u64 draw(struct actor *actor, u64 bound)
{
	return dfs_prng_below(&actor->proc.prng, bound);
}

/* copy_file_range(2) until all is there; where the file system cannot share, the kernel reads and
 * writes instead. ret_shared: all of it is shared. */
static int copy(struct actor *actor, struct range from, struct range to, const u8 *bytes,
		u32 length, bool *ret_shared)
{
	u32 done = 0;
	int got = 0;
	while (got == 0 && done < length) {
		u64 count = 0;
		got = proc_clone(&actor->proc, &from, &to, length - done, &count);
		if (got == 0 && (count == 0 || count > length - done))
			world_fail(actor->world, "%s: %llu of %u bytes were cloned", actor->name,
				   (unsigned long long)count, length - done);
		from.offset += count;
		to.offset += count;
		done += (u32)count;
	}
	*ret_shared = got == 0;
	if (got == DFS_ENOTSUP)
		got = proc_write(&actor->proc, to.file, to.offset, bytes + done, length - done);
	return got;
}

static void clone(struct actor *actor, struct actor_file *from, struct actor_file *to, u64 offset)
{
	struct history *data = &to->node->data;
	u32 length = (u32)history_size(&from->node->data);
	u8 *bytes = malloc(length);
	DFS_ASSERT(bytes != NULL);
	image_read(&from->node->data.now, 0, bytes, length);
	history_write(data, offset, bytes, length);
	to->node->mtime_known = false;
	bool shared;
	struct range source = {.file = &from->file};
	struct range target = {.file = &to->file, .offset = offset};
	int got = copy(actor, source, target, bytes, length, &shared);
	sim_trace(actor->world->sim, "%-8s clone of %u bytes to %llu: %s", actor->name, length,
		  (unsigned long long)offset, shared ? "shared" : "copied, or failed");
	bool told = actor_tells_of_loss(actor, to->node, got);
	if (got != 0 || (actor_is_frail(actor) && !shared))
		history_doubt_last(data);
	else if (shared)
		history_stored(data);
	if (actor_is_lost(actor, data, got, offset, length) ||
	    actor_is_lost(actor, &from->node->data, got, 0, length))
		told = true;
	if (told)
		history_held_back_lost(data, DFS_CHUNK_SHIFT);
	(void)actor_judge(actor, told ? 0 : got, 0, "clone", "");
	free(bytes);
}

bool act_clone(struct actor *actor)
{
	struct actor_file *from = actor_pick_open(actor);
	struct actor_file *to = actor_pick_open(actor);
	if (from == NULL || to == NULL || from->node == NULL || to->append)
		return false;
	u64 size = history_size(&from->node->data);
	u64 offset = draw(actor, 3) * CHUNK_BYTES;
	if (size == 0 || size > SOURCE_BYTES_MAX || (from->node == to->node && offset < size))
		return false;
	if (!actor_sync_file(actor, from))
		return true;
	actor_drop_dead_files(actor);
	const struct history *data = from->node == NULL ? NULL : &from->node->data;
	if (data == NULL || to->node == NULL || data->uncertain || data->lossy ||
	    data->size_uncertain || history_size(data) != size)
		return true;
	/* Mostly a file that is made anew so, as cp does. */
	if (from->node != to->node && draw(actor, 2) == 0) {
		history_truncate(&to->node->data, 0);
		to->node->mtime_known = false;
		int got = proc_ftruncate(&actor->proc, &to->file, 0);
		if (got != 0)
			history_doubt_last(&to->node->data);
		bool told = actor_is_frail(actor) && actor_tells_of_loss(actor, to->node, got);
		if (actor_judge(actor, told ? 0 : got, 0, "ftruncate", "") != SAME || got != 0)
			return true;
	}
	clone(actor, from, to, offset);
	return true;
}
