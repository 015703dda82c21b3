/*
 * The socket pair, the recording core and the kernel's part of the conversation; see fuse_bench.h.
 */
#include "tests/unit/fuse_bench.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void text_keep(char *to, size_t bytes, struct dfs_span from)
{
	assert_true(from.length < bytes);
	memcpy(to, from.data, from.length);
	to[from.length] = '\0';
}

static void on_call(void *owner, u64 id, const struct cl_call *call)
{
	struct bench *bench = owner;
	bench->calls++;
	bench->id = id;
	bench->call = *call;
	if (call->name.length > 0)
		text_keep(bench->name, sizeof(bench->name), call->name);
	if (call->name2.length > 0)
		text_keep(bench->name2, sizeof(bench->name2), call->name2);
	if (call->op == CL_WRITE && bench->keep_data) {
		bench->kept = call->data;
		dfs_buf_ref(bench->kept.buf);
	}
}

static void on_cancel(void *owner, u64 id)
{
	struct bench *bench = owner;
	bench->cancelled = id;
	fuse_shell_reply(bench->shell, id,
			 &(struct cl_reply){.op = bench->call.op, .status = DFS_EINTR});
}

static void on_ready(void *owner)
{
	((struct bench *)owner)->ready++;
}

static void on_ended(void *owner)
{
	((struct bench *)owner)->ended++;
}

static void on_closed(void *owner)
{
	((struct bench *)owner)->closed = true;
}

u64 fuse_bench_put(struct bench *bench, u32 opcode, u64 ino, const void *body, size_t body_bytes,
		   const void *more, size_t more_bytes)
{
	size_t bytes = sizeof(struct fuse_in_header) + body_bytes + more_bytes;
	u8 *wire = malloc(bytes);
	struct fuse_in_header header = {.len = (u32)bytes,
					.opcode = opcode,
					.unique = bench->unique += 2,
					.nodeid = ino,
					.uid = 1000,
					.gid = 100,
					.pid = bench->pid};
	memcpy(wire, &header, sizeof(header));
	if (body_bytes > 0)
		memcpy(wire + sizeof(header), body, body_bytes);
	if (more_bytes > 0)
		memcpy(wire + sizeof(header) + body_bytes, more, more_bytes);
	assert_int_equal(write(bench->kernel, wire, bytes), bytes);
	free(wire);
	uv_run(&bench->loop, UV_RUN_NOWAIT);
	return header.unique;
}

ssize_t fuse_bench_get(struct bench *bench, u64 unique, int *ret_error, u8 **ret_body)
{
	ssize_t count = recv(bench->kernel, bench->reply, WIRE_BYTES, MSG_DONTWAIT);
	if (count < 0)
		return -1;
	struct fuse_out_header header;
	assert_true((size_t)count >= sizeof(header));
	memcpy(&header, bench->reply, sizeof(header));
	assert_int_equal(header.len, count);
	assert_int_equal(header.unique, unique);
	*ret_error = -header.error;
	*ret_body = bench->reply + sizeof(header);
	return count - (ssize_t)sizeof(header);
}

int fuse_bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	int fds[2];
	bench->reply = malloc(WIRE_BYTES);
	bench->pid = (u32)getpid();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	int bytes = (int)WIRE_BYTES;
	for (u32 i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	bench->kernel = fds[0];
	uv_loop_init(&bench->loop);
	struct fuse_shell_config config = {.loop = &bench->loop,
					   .port = {.call = on_call,
						    .cancel = on_cancel,
						    .ready = on_ready,
						    .ended = on_ended,
						    .owner = bench},
					   .fd = fds[1]};
	assert_int_equal(fuse_shell_new(&config, &bench->shell), 0);
	*state = bench;
	return 0;
}

int fuse_bench_teardown(void **state)
{
	struct bench *bench = *state;
	fuse_shell_close(bench->shell, on_closed, bench);
	uv_run(&bench->loop, UV_RUN_DEFAULT);
	assert_true(bench->closed);
	fuse_shell_free(bench->shell);
	close(bench->kernel);
	assert_int_equal(uv_loop_close(&bench->loop), 0);
	dfs_buf_pool_drain();
	free(bench->reply);
	free(bench);
	return 0;
}

void fuse_bench_greet(struct bench *bench, struct fuse_init_out *ret_out)
{
	struct fuse_init_in in = {.major = 7,
				  .minor = 31,
				  .max_readahead = 128 << 10,
				  .flags = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES |
					   FUSE_BIG_WRITES | FUSE_AUTO_INVAL_DATA |
					   FUSE_WRITEBACK_CACHE | FUSE_DO_READDIRPLUS |
					   FUSE_READDIRPLUS_AUTO | FUSE_ATOMIC_O_TRUNC |
					   FUSE_POSIX_ACL | FUSE_DONT_MASK | FUSE_SETXATTR_EXT};
	in.flags &= ~bench->withheld;
	int error;
	u8 *body;
	u64 unique = fuse_bench_put(bench, FUSE_INIT, 0, &in, sizeof(in), NULL, 0);
	ssize_t bytes = fuse_bench_get(bench, unique, &error, &body);
	assert_int_equal(error, 0);
	assert_true(bytes >= (ssize_t)sizeof(*ret_out));
	memcpy(ret_out, body, sizeof(*ret_out));
	assert_int_equal(bench->ready, 1);
}
