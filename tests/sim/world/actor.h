/*
 * A process that works in a directory of its own, at random, and knows exactly what it must find
 * there. After crashes it settles what it cannot know (actor_doubt.c) and goes on.
 */
#ifndef TESTS_SIM_WORLD_ACTOR_H
#define TESTS_SIM_WORLD_ACTOR_H

#include "tests/sim/model_fs.h"
#include "tests/sim/world/world.h"

enum { ACTOR_FILES_MAX = 3 };

struct actor_file {
	struct file file;
	struct model_node *node; /* NULL: not open. */
	bool append;
};

struct actor {
	struct world *world;
	struct proc proc;
	u32 index;
	char home[32]; /* "/a0": the model's root. */
	char name[16];
	struct model_fs fs;
	struct actor_file files[ACTOR_FILES_MAX];
	struct operator* operator; /* Who gives commands for it: actor_trash.c. */
	u64 operations;
	enum phase done; /* The last phase it has finished. */
};

void actors_start(struct world *world);
void actors_free(struct world *world);
/* Have all finished the phase that the world is in? */
bool actors_done(const struct world *world);
/* Every file the actors of this mount had open is gone; what was not flushed is in doubt. */
void actors_mount_died(struct world *world, const struct mount *mount);
/* A chunkserver lost power. */
void actors_power_cut(struct world *world);

/* What a call's status means beside the model's. */
enum verdict {
	SAME,  /* As predicted: carry it out in the model when it is 0. */
	DOUBT, /* Interrupted, or the mount died: it may have happened. The mount is up again. */
};
enum verdict actor_judge(struct actor *actor, int got, int predicted, const char *what,
			 const char *path);
/* `path` under the actor's home, in a buffer of PATH_BYTES. */
const char *actor_full(const struct actor *actor, const char *path, char *ret_full);

/* actor_doubt.c: questions repeated until they are answered, whatever happens to the mount. */
void actor_wait_settled(struct actor *actor, bool died);
int actor_ask_stat(struct actor *actor, const char *path, struct dfs_attr *ret_attr);
bool actor_ask_exists(struct actor *actor, const char *path);
/* Read what the servers have where the history is in doubt, and go on from that. False: the mount
 * died. */
bool actor_read_truth(struct actor *actor, struct model_node *node, const struct file *file);
/* The same, where that says anything about what follows. */
bool actor_settle_file(struct actor *actor, struct model_node *node, const struct file *file);

/* Operations, each at random; false when there was nothing to do it with. */
bool act_make(struct actor *actor);
bool act_remove(struct actor *actor);
bool act_rename(struct actor *actor);
bool act_link(struct actor *actor);
bool act_stat(struct actor *actor);
bool act_readdir(struct actor *actor);
bool act_attributes(struct actor *actor);
bool act_xattr(struct actor *actor);
bool act_list(struct actor *actor);
bool act_open(struct actor *actor);
bool act_close(struct actor *actor);
bool act_write(struct actor *actor);
bool act_read(struct actor *actor);
bool act_fsync(struct actor *actor);
bool act_truncate(struct actor *actor);
bool act_allocate(struct actor *actor); /* actor_space.c */
bool act_clone(struct actor *actor);    /* actor_clone.c */
bool act_seek(struct actor *actor);
bool act_save(struct actor *actor); /* As editors do: new file, fsync, rename over. */

/* actor_tmpfile.c: make a file without a name, or give one that is open its first name. */
bool act_tmpfile(struct actor *actor);

/* actor_trash.c */
bool act_restore(struct actor *actor);
/* Its directory keeps what is deleted from now on. */
void actor_trash_begin(struct actor *actor);
/* All that it has deleted goes for good. */
void actor_trash_end(struct actor *actor);

/* actor_files.c */
/* True: it succeeded, and all of the file is certain now. */
bool actor_sync_file(struct actor *actor, struct actor_file *open);
void actor_drop_dead_files(struct actor *actor);
struct actor_file *actor_free_file(struct actor *actor);
/* A random one that is open and whose length is known; NULL: none. */
struct actor_file *actor_pick_open(struct actor *actor);
/* Somewhere in a file, at its end, or behind it. */
u64 actor_draw_offset(struct actor *actor, const struct history *data);
/* Is the answer the one that tells of something lost? */
bool actor_tells_of_loss(struct actor *actor, struct model_node *node, int got);
/* True: it is open. O_CREAT in flags when it may be absent. */
bool actor_open_path(struct actor *actor, struct actor_file *open, const char *path, int flags);
void actor_close_file(struct actor *actor, struct actor_file *open);
/* False: it is not known what was written. */
bool actor_write_file(struct actor *actor, struct actor_file *open, u64 offset, u32 length);
/* Is the answer to a read there the loss of a chunk that was never synced, or rot? */
bool actor_is_lost(struct actor *actor, struct history *data, int got, u64 offset, u64 length);
/* Bytes that a read must have given which gave `count`: the file may end sooner than expected. */
u64 actor_bytes_due(const struct history *data, u64 offset, u64 length, u64 count);
/* In such a world what was written and not synced may vanish at any time, told or still to be told.
 */
static inline bool actor_is_frail(const struct actor *actor)
{
	return actor->world->shape.full;
}
void actor_read_range(struct actor *actor, const struct actor_file *open, u64 offset, u32 length);

/* actor_names.c, actor_attr.c */
void actor_rename(struct actor *actor, const char *from, const char *to, u32 flags);
void actor_check_directory(struct actor *actor, const struct model_node *directory,
			   bool attributes);
void actor_check_xattrs(struct actor *actor, const char *path, const struct model_node *node);
void actor_check_attr(struct actor *actor, const char *path, struct model_node *node,
		      const struct dfs_attr *attr);
/* Everything: names, attributes, contents. */
void actor_verify(struct actor *actor);
/* Remove everything, home included. */
void actor_wipe(struct actor *actor);

#endif
