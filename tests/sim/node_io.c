/*
 * DFS_FX_IO: disks and stores, with latency. What is under way when a node dies is decided by
 * disk_sim and kv_sim.
 */
#include "tests/sim/sim_i.h"

#include "libdfsproto/base/errors.h"

#include <stdlib.h>

static bool is_sync(enum dfs_io_kind kind)
{
	return kind == DFS_IO_FILE_SYNC || kind == DFS_IO_KV_SYNC || kind == DFS_IO_KV_FLUSH;
}

static nsec latency(struct sim *sim, enum dfs_io_kind kind)
{
	nsec longest = is_sync(kind) ? sim->tuning.sync_max : sim->tuning.write_max;
	nsec time = sim_between(sim, longest / 10, longest);
	if (sim->tuning.slow_io > 0 && dfs_prng_below(&sim->prng, 1024) < sim->tuning.slow_io)
		time *= 100;
	return time;
}

static void io_free(struct io *io)
{
	sim_disarm(io->node->sim, &io->done);
	dfs_list_remove(&io->link);
	free(io);
}

void sim_fail_io(struct sim_node *node, u64 nth, enum sim_io_fault fault)
{
	DFS_ASSERT(nth > 0);
	node->fail_at = node->ios_ended + nth;
	node->fault = fault;
}

u64 sim_ios(const struct sim_node *node)
{
	return node->ios_ended;
}

static void finish_failing(struct disk_sim *disk, struct disk_op *op, enum sim_io_fault fault,
			   struct disk_result *ret_result)
{
	static const struct disk_faults none;
	static const struct disk_faults all = {
	    .read_error = 65536, .write_error = 65536, .sync_error = 65536};
	u64 capacity = disk_sim_capacity(disk);
	if (fault == SIM_IO_NOSPC)
		disk_sim_set_capacity(disk, 0);
	else
		disk_sim_set_faults(disk, &all);
	disk_sim_finish(disk, op, ret_result);
	disk_sim_set_capacity(disk, capacity);
	disk_sim_set_faults(disk, &none);
}

static void finish(struct io *io, struct disk_result *ret_result)
{
	struct sim_node *node = io->node;
	bool fails = ++node->ios_ended == node->fail_at;
	if (io->op != NULL && fails)
		finish_failing(node->disks[io->disk], io->op, node->fault, ret_result);
	else if (io->op != NULL)
		disk_sim_finish(node->disks[io->disk], io->op, ret_result);
	else if (fails && node->fault == SIM_IO_EIO)
		ret_result->status = DFS_EIO;
	else
		ret_result->status = kv_sim_sync_finish(node->kvs[io->disk], io->mark);
}

static void io_done(struct sim_alarm *alarm)
{
	struct io *io = dfs_container_of(alarm, struct io, done);
	struct sim_node *node = io->node;
	struct disk_result result = {0};
	finish(io, &result);
	struct dfs_ev ev = {
	    .kind = DFS_EV_IO_DONE,
	    .tag = io->tag,
	    .status = result.status,
	    .count = result.count,
	    .aux = result.aux,
	    .buf = result.buf,
	};
	io_free(io);
	node_step(node, &ev);
	dfs_buf_unref(result.buf);
}

void io_begin(struct sim_node *node, const struct dfs_fx *fx)
{
	struct io *io = calloc(1, sizeof(*io));
	DFS_ASSERT(io != NULL);
	io->node = node;
	io->tag = fx->tag;
	io->kind = fx->io.kind;
	io->disk = fx->io.disk;
	io->done.fire = io_done;
	if (io->kind == DFS_IO_KV_SYNC || io->kind == DFS_IO_KV_FLUSH) {
		DFS_ASSERT(io->disk < node->spec.kvs_count);
		DFS_ASSERT((io->kind == DFS_IO_KV_FLUSH) ==
			   (node->spec.kv_kinds[io->disk] == KV_SIM_UNLOGGED));
		io->mark = kv_sim_sync_begin(node->kvs[io->disk]);
	} else {
		DFS_ASSERT(io->disk < node->spec.disks_count);
		io->op = disk_sim_begin(node->disks[io->disk], &fx->io, fx->buf);
	}
	dfs_list_push_back(&node->ios, &io->link);
	sim_after(node->sim, &io->done, latency(node->sim, io->kind));
}

void io_drop_all(struct sim_node *node)
{
	while (!dfs_list_empty(&node->ios))
		io_free(dfs_list_first(&node->ios, struct io, link));
}
