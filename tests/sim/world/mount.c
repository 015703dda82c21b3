/*
 * Calls and look-up counts of one mount; see mount.h.
 */
#include "tests/sim/world/mount.h"

#include "libdfsproto/base/errors.h"
#include "libdfsproto/base/map.h"

#include <stdlib.h>

struct known {
	struct dfs_map_node by_ino;
	struct dfs_list link; /* In mount->known, oldest first. */
	u64 lookups;
	u32 holds;
};

struct mount {
	struct sim *sim;
	struct sim_node *node;
	const struct cl *core;
	u64 life;
	u64 calls_made;
	struct dfs_map calls;
	struct dfs_list calls_list; /* Oldest first. */
	struct dfs_map inodes;
	struct dfs_list known;
	struct attr_cache attrs;
};

struct mount *mount_new(struct sim *sim)
{
	struct mount *mount = calloc(1, sizeof(*mount));
	DFS_ASSERT(mount != NULL);
	mount->sim = sim;
	dfs_list_init(&mount->calls_list);
	dfs_list_init(&mount->known);
	return mount;
}

static void known_free(struct mount *mount, struct known *known)
{
	dfs_map_remove(&mount->inodes, &known->by_ino);
	dfs_list_remove(&known->link);
	free(known);
}

void mount_free(struct mount *mount)
{
	if (mount == NULL)
		return;
	DFS_ASSERT(dfs_list_empty(&mount->calls_list));
	while (!dfs_list_empty(&mount->known))
		known_free(mount, dfs_list_first(&mount->known, struct known, link));
	attr_cache_clear(&mount->attrs);
	dfs_map_fini(&mount->calls);
	dfs_map_fini(&mount->inodes);
	free(mount);
}

void mount_bind(struct mount *mount, struct sim_node *node)
{
	mount->node = node;
}

void mount_serve(struct mount *mount, const struct cl *core)
{
	mount->core = core;
}

bool mount_changing(const struct mount *mount)
{
	return cl_changing(mount->core);
}

struct sim_node *mount_node(const struct mount *mount)
{
	return mount->node;
}

u64 mount_life(const struct mount *mount)
{
	return mount->life;
}

u32 mount_calls_in_flight(const struct mount *mount)
{
	return mount->calls.count;
}

bool mount_oldest_call(const struct mount *mount, enum cl_op *ret_op, u64 *ret_id)
{
	if (dfs_list_empty(&mount->calls_list))
		return false;
	struct call *call = dfs_list_first(&mount->calls_list, struct call, link);
	*ret_op = call->call.op;
	*ret_id = call->id;
	return true;
}

/* --- Look-ups. --- */

static struct known *known_of(struct mount *mount, u64 ino)
{
	struct dfs_map_node *node = dfs_map_find(&mount->inodes, ino);
	if (node != NULL)
		return dfs_map_entry(node, struct known, by_ino);
	struct known *known = calloc(1, sizeof(*known));
	DFS_ASSERT(known != NULL);
	dfs_map_insert(&mount->inodes, &known->by_ino, ino);
	dfs_list_push_back(&mount->known, &known->link);
	return known;
}

static bool counts_lookup(enum cl_op op)
{
	return op == CL_LOOKUP || op == CL_MKNOD || op == CL_MKDIR || op == CL_SYMLINK ||
	       op == CL_LINK || op == CL_CREATE;
}

void mount_hold(struct mount *mount, u64 ino)
{
	known_of(mount, ino)->holds++;
}

void mount_unhold(struct mount *mount, u64 ino)
{
	struct dfs_map_node *node = dfs_map_find(&mount->inodes, ino);
	if (node == NULL)
		return; /* Held in an earlier life of the mount. */
	struct known *known = dfs_map_entry(node, struct known, by_ino);
	if (known->holds > 0)
		known->holds--;
}

void mount_forget(struct mount *mount, u64 ino)
{
	struct dfs_map_node *node = dfs_map_find(&mount->inodes, ino);
	if (node == NULL || ino == DFS_INO_ROOT)
		return;
	struct known *known = dfs_map_entry(node, struct known, by_ino);
	if (known->holds > 0)
		return;
	struct cl_call call = {.op = CL_FORGET, .ino = ino, .count = known->lookups};
	known_free(mount, known);
	if (sim_up(mount->node) && call.count > 0)
		sim_call(mount->node, ++mount->calls_made, &call);
}

void mount_forget_some(struct mount *mount, struct dfs_prng *prng, u32 of_256)
{
	u64 inos[32];
	u32 count = 0;
	dfs_list_for_each (node, &mount->known) {
		struct known *known = dfs_list_entry(node, struct known, link);
		if (known->holds == 0 && count < dfs_array_count(inos) &&
		    dfs_prng_below(prng, 256) < of_256)
			inos[count++] = known->by_ino.key;
	}
	for (u32 i = 0; i < count; i++)
		mount_forget(mount, inos[i]);
}

/* --- Answers. --- */

void answer_clear(struct answer *answer)
{
	free(answer->bytes);
	free(answer->entries);
	memset(answer, 0, sizeof(*answer));
}

static void take_bytes(struct answer *answer, const u8 *data, u32 length)
{
	answer->bytes = realloc(answer->bytes, answer->bytes_count + length + 1);
	DFS_ASSERT(answer->bytes != NULL);
	if (data != NULL)
		memcpy(answer->bytes + answer->bytes_count, data, length);
	else
		memset(answer->bytes + answer->bytes_count, 0, length);
	answer->bytes_count += length;
}

static void take_entries(struct answer *answer, const struct cl_reply *reply)
{
	answer->entries_count = reply->entries_count;
	answer->entries = calloc((size_t)reply->entries_count + 1, sizeof(*answer->entries));
	DFS_ASSERT(answer->entries != NULL);
	for (u32 i = 0; i < reply->entries_count; i++) {
		const struct cl_entry *from = &reply->entries[i];
		struct named *to = &answer->entries[i];
		DFS_ASSERT(from->name.length <= DFS_NAME_BYTES_MAX);
		memcpy(to->name, from->name.data, from->name.length);
		to->length = from->name.length;
		to->next_offset = from->next_offset;
		to->attr = from->attr;
	}
}

static void take_reply(struct answer *answer, const struct cl_reply *reply)
{
	answer->status = reply->status;
	if (reply->status != 0)
		return;
	answer->attr = reply->attr;
	answer->handle = reply->handle;
	answer->count = reply->count;
	answer->statfs = reply->statfs;
	if (reply->op == CL_READ) {
		DFS_ASSERT(reply->pieces_count <= CL_PIECES_MAX);
		for (u32 i = 0; i < reply->pieces_count; i++) {
			const struct dfs_payload *piece = &reply->pieces[i];
			take_bytes(answer,
				   piece->buf == NULL ? NULL : piece->buf->data + piece->offset,
				   piece->bytes);
		}
	} else if (reply->op == CL_READDIR) {
		take_entries(answer, reply);
	} else if (reply->op == CL_READLINK || reply->op == CL_GETXATTR ||
		   reply->op == CL_LISTXATTR) {
		take_bytes(answer, reply->bytes.data, reply->bytes.length);
	}
}

static void mix_answer(struct sim *sim, const struct call *call)
{
	const struct answer *answer = &call->answer;
	sim_mix(sim, (u64)call->call.op << 32 | (u32)answer->status);
	sim_mix(sim, answer->attr.ino);
	sim_mix(sim, answer->attr.size);
	sim_mix(sim, answer->count << 32 | answer->bytes_count);
	sim_mix(sim, answer->entries_count);
}

static void finish(struct mount *mount, struct call *call)
{
	dfs_map_remove(&mount->calls, &call->by_id);
	dfs_list_remove(&call->link);
	call->done = true;
	mix_answer(mount->sim, call);
	task_wake(call->task, dfs_prng_below(sim_prng(mount->sim), 50 * DFS_USEC));
}

void mount_reply(struct mount *mount, u64 id, const void *reply)
{
	const struct cl_reply *from = reply;
	if (from->op == CL_STALE) {
		attr_cache_stale(&mount->attrs, from->attr.ino);
		return;
	}
	struct dfs_map_node *node = dfs_map_find(&mount->calls, id);
	DFS_ASSERT(node != NULL); /* Answered twice, or never asked. */
	struct call *call = dfs_map_entry(node, struct call, by_id);
	DFS_ASSERT(from->op == call->call.op);
	take_reply(&call->answer, from);
	attr_cache_take(&mount->attrs, &call->call, from, call->attrs_version, sim_now(mount->sim));
	if (from->status == 0 && counts_lookup(from->op))
		known_of(mount, from->attr.ino)->lookups++;
	sim_trace(mount->sim, "%-8s reply call=%llu status=%s", sim_name(mount->node),
		  (unsigned long long)id, from->status == 0 ? "0" : dfs_error_name(from->status));
	finish(mount, call);
}

void mount_died(struct mount *mount)
{
	mount->life++;
	while (!dfs_list_empty(&mount->calls_list)) {
		struct call *call = dfs_list_first(&mount->calls_list, struct call, link);
		call->answer.status = MOUNT_DIED;
		finish(mount, call);
	}
	attr_cache_clear(&mount->attrs);
	while (!dfs_list_empty(&mount->known))
		known_free(mount, dfs_list_first(&mount->known, struct known, link));
}

/* --- Calls. --- */

void call_start(struct mount *mount, struct task *task, struct call *call)
{
	call->task = task;
	call->id = ++mount->calls_made;
	dfs_list_init(&call->link);
	if (!sim_up(mount->node)) {
		call->answer.status = MOUNT_DIED;
		call->done = true;
		return;
	}
	if (call->call.op == CL_GETATTR &&
	    attr_cache_find(&mount->attrs, call->call.ino, sim_now(mount->sim),
			    &call->answer.attr)) {
		call->done = true;
		mix_answer(mount->sim, call);
		return;
	}
	call->attrs_version = mount->attrs.version;
	dfs_map_insert(&mount->calls, &call->by_id, call->id);
	dfs_list_push_back(&mount->calls_list, &call->link);
	mount_trace_call(mount, call);
	sim_call(mount->node, call->id, &call->call);
}

void call_wait(struct mount *mount, struct call *call, nsec interrupt_after)
{
	nsec interrupt_at =
	    interrupt_after == DFS_NEVER ? DFS_NEVER : sim_now(mount->sim) + interrupt_after;
	while (!call->done && sim_now(mount->sim) < interrupt_at) {
		if (interrupt_at == DFS_NEVER)
			task_wait(call->task);
		else
			task_wait_until(call->task, interrupt_at);
	}
	if (!call->done && sim_up(mount->node)) {
		sim_trace(mount->sim, "%-8s interrupts call=%llu", sim_name(mount->node),
			  (unsigned long long)call->id);
		sim_cancel(mount->node, call->id);
	}
	while (!call->done)
		task_wait(call->task);
}
