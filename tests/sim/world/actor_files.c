/*
 * Operations on open files. What a file may contain afterwards is in its history.
 */
#include "libdfsproto/base/errors.h"
#include "tests/sim/world/actor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { READ_BYTES_MAX = 256 << 10 };

#define CHUNK_BYTES (UINT64_C(1) << DFS_CHUNK_SHIFT)

static u64 draw(struct actor *actor, u64 bound)
{
	return dfs_prng_below(&actor->proc.prng, bound);
}

static void forget_file(struct actor *actor, struct actor_file *open)
{
	if (open->node->holds == 1)
		history_left(&open->node->data);
	model_unhold(&actor->fs, open->node);
	memset(open, 0, sizeof(*open));
}

void actor_drop_dead_files(struct actor *actor)
{
	for (u32 i = 0; i < ACTOR_FILES_MAX; i++) {
		struct actor_file *open = &actor->files[i];
		if (open->node != NULL && open->file.life != mount_life(actor->proc.mount))
			forget_file(actor, open);
	}
}

struct actor_file *actor_pick_open(struct actor *actor)
{
	actor_drop_dead_files(actor);
	u64 start = draw(actor, ACTOR_FILES_MAX);
	for (u64 i = 0; i < ACTOR_FILES_MAX; i++) {
		struct actor_file *open = &actor->files[(start + i) % ACTOR_FILES_MAX];
		if (open->node == NULL)
			continue;
		/* A size in doubt says nothing about the next append: find out first. */
		if (open->node->data.size_uncertain &&
		    !actor_settle_file(actor, open->node, &open->file)) {
			actor_wait_settled(actor, true);
			forget_file(actor, open);
			continue;
		}
		return open;
	}
	return NULL;
}

struct actor_file *actor_free_file(struct actor *actor)
{
	actor_drop_dead_files(actor);
	for (u32 i = 0; i < ACTOR_FILES_MAX; i++) {
		if (actor->files[i].node == NULL)
			return &actor->files[i];
	}
	return NULL;
}

/* --- Open and close. --- */

static void opened(struct actor *actor, struct actor_file *open, struct model_node *node,
		   const char *path, int flags)
{
	open->node = node;
	open->append = (flags & O_APPEND) != 0;
	model_hold(node);
	if (node->ino != 0 && node->ino != open->file.ino)
		world_fail(actor->world, "%s: %s is inode %llu, was %llu", actor->name, path,
			   (unsigned long long)open->file.ino, (unsigned long long)node->ino);
	node->ino = open->file.ino;
	/* Nobody had it open when a crash came: what is there now is what there is. */
	if (node->holds == 1 && !actor_settle_file(actor, node, &open->file)) {
		actor_wait_settled(actor, true);
		forget_file(actor, open);
	}
}

bool actor_open_path(struct actor *actor, struct actor_file *open, const char *path, int flags)
{
	char full[PATH_BYTES];
	int status;
	struct model_node *node = model_find(&actor->fs, path, &status);
	bool new = node == NULL;
	int predicted = 0;
	if (new)
		predicted = model_make(&actor->fs, path, S_IFREG | 0644, 0, NULL, false);
	else if ((flags & O_EXCL) != 0)
		predicted = DFS_EEXIST;
	bool truncates = !new &&predicted == 0 && (flags & O_TRUNC) != 0;
	if (truncates)
		history_truncate(&node->data, 0);
	memset(open, 0, sizeof(*open));
	int got = proc_open(&actor->proc, actor_full(actor, path, full), flags, 0644, &open->file);
	if (got != 0 && truncates)
		history_doubt_last(&node->data);
	enum verdict verdict = actor_judge(actor, got, predicted, "open", path);
	if (predicted != 0)
		return false;
	if (new && (verdict == SAME || actor_ask_exists(actor, path))) {
		model_make(&actor->fs, path, S_IFREG | 0644, 0, NULL, true);
		node = model_find(&actor->fs, path, &status);
	}
	if (truncates)
		node->mtime_known = false;
	if (verdict == DOUBT)
		return false;
	opened(actor, open, node, path, flags);
	return open->node != NULL;
}

bool act_open(struct actor *actor)
{
	struct actor_file *open = actor_free_file(actor);
	if (open == NULL)
		return false;
	char path[PATH_BYTES];
	int flags = O_RDWR;
	struct model_node *directory;
	struct model_entry *entry = model_pick_entry(&actor->fs, &actor->proc.prng, &directory);
	if (entry != NULL && model_is(entry->node, S_IFREG) && draw(actor, 3) != 0) {
		model_path(&actor->fs, directory, entry->name, path);
		if (draw(actor, 8) == 0)
			flags |= O_CREAT;
		if (draw(actor, 8) == 0)
			flags |= O_CREAT | O_EXCL;
		else if (draw(actor, 8) == 0)
			flags |= O_TRUNC;
	} else {
		char name[32];
		snprintf(name, sizeof(name), "f%u", (u32)draw(actor, 15));
		model_path(&actor->fs, model_pick_directory(&actor->fs, &actor->proc.prng), name,
			   path);
		int status;
		struct model_node *node = model_find(&actor->fs, path, &status);
		if (actor->fs.nodes_count > 80 || (node != NULL && !model_is(node, S_IFREG)))
			return false;
		flags |= O_CREAT;
	}
	if (draw(actor, 6) == 0)
		flags |= O_APPEND;
	(void)actor_open_path(actor, open, path, flags);
	return true;
}

/* After a power cut the loss of what was not synced is told by a later call on the file. */
bool actor_tells_of_loss(struct actor *actor, struct model_node *node, int got)
{
	const struct shape *shape = &actor->world->shape;
	struct history *data = &node->data;
	if (got == 0 || got == MOUNT_DIED)
		return false;
	int posix = dfs_error_errno(got);
	if (world_is_full(shape, got)) {
		data->loss_heard = true;
		return true;
	}
	bool told = (data->loss_untold || data->lossy) && posix == dfs_error_errno(DFS_EIO);
	data->loss_told = data->loss_told || (told && data->lossy);
	return told;
}

void actor_close_file(struct actor *actor, struct actor_file *open)
{
	struct model_node *node = open->node;
	int got = proc_close(&actor->proc, &open->file);
	bool told = actor_tells_of_loss(actor, node, got);
	enum verdict verdict = actor_judge(actor, told ? 0 : got, 0, "close", "");
	if (verdict == SAME && !told)
		history_flushed(&node->data);
	if (told)
		history_loss_told(&node->data);
	forget_file(actor, open);
}

bool act_close(struct actor *actor)
{
	struct actor_file *open = actor_pick_open(actor);
	if (open == NULL)
		return false;
	actor_close_file(actor, open);
	return true;
}

/* --- Data. --- */

/* Bytes that tell which write they are of, with runs of zeros in between. */
static void fill(struct actor *actor, u8 *data, u32 length)
{
	u64 stamp = dfs_prng_next(&actor->proc.prng);
	bool holes = draw(actor, 8) == 0;
	for (u32 i = 0; i < length; i++) {
		u64 word = (stamp + i / 8) * UINT64_C(0x9e3779b97f4a7c15);
		data[i] = (u8)(word >> (8 * (i % 8)));
		if (holes && (i / 3000) % 2 == 1)
			data[i] = 0;
	}
}

u64 actor_draw_offset(struct actor *actor, const struct history *data)
{
	u64 size = history_size(data);
	switch (draw(actor, 8)) {
	case 0:
		return 0;
	case 1:
	case 2:
		return size;
	case 3: /* Beyond the end. */
		return size + draw(actor, 3 * actor->world->shape.file_bytes);
	case 4: /* Over the edge of two chunks, now and then. */
		if (draw(actor, 8) == 0)
			return CHUNK_BYTES - draw(actor, 10000);
		return draw(actor, size + 1);
	default:
		return draw(actor, dfs_min(size, CHUNK_BYTES / 64) + 1);
	}
}

bool actor_write_file(struct actor *actor, struct actor_file *open, u64 offset, u32 length)
{
	struct history *data = &open->node->data;
	u8 *bytes = malloc(length + 1);
	DFS_ASSERT(bytes != NULL);
	fill(actor, bytes, length);
	open->node->mtime_known = false;
	history_write(data, offset, bytes, length);
	int got = proc_write(&actor->proc, &open->file, offset, bytes, length);
	bool told = actor_tells_of_loss(actor, open->node, got);
	if (got != 0 || actor_is_frail(actor))
		history_doubt_last(data);
	if (told)
		history_held_back_lost(data, DFS_CHUNK_SHIFT);
	(void)actor_judge(actor, told ? 0 : got, 0, "write", "");
	free(bytes);
	return got == 0;
}

bool act_write(struct actor *actor)
{
	struct actor_file *open = actor_pick_open(actor);
	if (open == NULL)
		return false;
	u32 length = 1 + (u32)draw(actor, actor->world->shape.file_bytes);
	if (draw(actor, 3) == 0)
		length = 1 + (u32)draw(actor, 700);
	u64 offset = open->append ? history_size(&open->node->data)
				  : actor_draw_offset(actor, &open->node->data);
	(void)actor_write_file(actor, open, offset, length);
	return true;
}

bool actor_is_lost(struct actor *actor, struct history *data, int got, u64 offset, u64 length)
{
	if (actor->world->rotten && got == DFS_EIO)
		return true;
	if (got != DFS_EIO || !history_may_be_lost(data, offset, length, DFS_CHUNK_SHIFT))
		return false;
	data->loss_told = true;
	return true;
}

u64 actor_bytes_due(const struct history *data, u64 offset, u64 length, u64 count)
{
	bool ended = offset + count >= history_size_least(data, DFS_CHUNK_SHIFT);
	return ended ? dfs_min(count, length) : length;
}

void actor_read_range(struct actor *actor, const struct actor_file *open, u64 offset, u32 length)
{
	u8 *bytes = malloc(length + 1);
	DFS_ASSERT(bytes != NULL);
	u32 count = 0;
	u64 wrong;
	struct history *data = &open->node->data;
	int got = proc_read(&actor->proc, &open->file, offset, bytes, length, &count);
	if (actor_is_lost(actor, data, got, offset, length)) {
		sim_trace(actor->world->sim, "%-8s read: lost", actor->name);
	} else if (actor_judge(actor, got, 0, "read", "") == SAME &&
		   !history_allows(data, offset, actor_bytes_due(data, offset, length, count),
				   bytes, count, &wrong))
		world_fail(actor->world,
			   "%s: read of ino %llu at %llu: byte %llu is wrong (0x%02x; %u of %u "
			   "bytes read, size %llu%s)",
			   actor->name, (unsigned long long)open->node->ino,
			   (unsigned long long)offset, (unsigned long long)wrong,
			   wrong - offset < count ? bytes[wrong - offset] : 0, count, length,
			   (unsigned long long)history_size(data),
			   data->uncertain ? ", in doubt" : "");
	actor->world->checked_bytes += count;
	free(bytes);
}

bool act_read(struct actor *actor)
{
	struct actor_file *open = actor_pick_open(actor);
	if (open == NULL)
		return false;
	u32 length = 1 + (u32)draw(actor, draw(actor, 2) == 0 ? READ_BYTES_MAX : 9000);
	actor_read_range(actor, open, actor_draw_offset(actor, &open->node->data), length);
	return true;
}

bool actor_sync_file(struct actor *actor, struct actor_file *open)
{
	struct history *data = &open->node->data;
	int got = proc_fsync(&actor->proc, &open->file, draw(actor, 2) == 0);
	if (got != 0 && !actor_tells_of_loss(actor, open->node, got)) {
		(void)actor_judge(actor, got, 0, "fsync", "");
		return false;
	}
	sim_trace(actor->world->sim, "%-8s fsync %s", actor->name,
		  got == 0 ? "succeeds" : "tells of a loss");
	/* What is there now, when something was lost before? */
	bool truth = true;
	if (got != 0)
		history_held_back_lost(data, DFS_CHUNK_SHIFT);
	if (got != 0)
		truth = actor_settle_file(actor, open->node, &open->file);
	else if (data->loss_hidden || data->loss_heard)
		truth = actor_read_truth(actor, open->node, &open->file);
	if (!truth)
		actor_wait_settled(actor, true);
	if (!truth || got != 0)
		return false;
	history_synced(data);
	data->loss_heard = false;
	/* Other descriptors may still have to be told. */
	data->loss_untold = data->loss_untold && open->node->holds > 1;
	return true;
}

bool act_fsync(struct actor *actor)
{
	struct actor_file *open = actor_pick_open(actor);
	if (open == NULL)
		return false;
	(void)actor_sync_file(actor, open);
	return true;
}

bool act_truncate(struct actor *actor)
{
	struct actor_file *open = actor_pick_open(actor);
	if (open == NULL)
		return false;
	struct history *data = &open->node->data;
	u64 size = draw(actor, 3) == 0 ? actor_draw_offset(actor, data)
				       : draw(actor, history_size(data) + 1);
	history_truncate(data, size);
	open->node->mtime_known = false;
	int got = proc_ftruncate(&actor->proc, &open->file, size);
	if (got != 0)
		history_doubt_last(data);
	bool told = actor_is_frail(actor) && actor_tells_of_loss(actor, open->node, got);
	(void)actor_judge(actor, told ? 0 : got, 0, "ftruncate", "");
	return true;
}

/* As editors save: a new file, synced, renamed over the old one. */
bool act_save(struct actor *actor)
{
	struct actor_file *open = actor_free_file(actor);
	int status;
	struct model_node *node = model_find(&actor->fs, "saved", &status);
	if (open == NULL || (node != NULL && !model_is(node, S_IFREG)))
		return false;
	node = model_find(&actor->fs, "saved.new", &status);
	if (node != NULL && !model_is(node, S_IFREG))
		return false;
	if (!actor_open_path(actor, open, "saved.new", O_RDWR | O_CREAT | O_TRUNC))
		return true;
	node = open->node;
	u32 length = 1 + (u32)draw(actor, actor->world->shape.file_bytes);
	if (!actor_write_file(actor, open, 0, length))
		return true;
	if (!actor_sync_file(actor, open))
		return true;
	actor_close_file(actor, open);
	actor_rename(actor, "saved.new", "saved", 0);
	return true;
}
