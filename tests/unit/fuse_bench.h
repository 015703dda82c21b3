/*
 * A FUSE shell without a kernel and without a core: requests as the kernel makes them go in at one
 * end of a socket pair, the test plays the core, and what the kernel would get is read back.
 */
#ifndef DFS_TESTS_FUSE_BENCH_H
#define DFS_TESTS_FUSE_BENCH_H

#include "fuse/shell/shell.h"
#include "libdfsproto/base/errors.h"

#include <linux/fuse.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define WIRE_BYTES (2u << 20)

struct bench {
	uv_loop_t loop;
	struct fuse_shell *shell;
	int kernel; /* The kernel's end. */
	u64 unique;
	u32 pid;
	u32 withheld; /* INIT flags that the kernel does not offer. */

	/* The last call, and what it held. */
	u64 id;
	struct cl_call call;
	char name[256];
	char name2[4096];
	u32 calls;
	u64 cancelled;
	u32 ready;
	u32 ended;
	bool closed;
	bool keep_data; /* Reference the data of writes. */
	struct dfs_payload kept;
	u8 *reply; /* The last answer, header included. */
};

/* For cmocka_unit_test_setup_teardown. */
int fuse_bench_setup(void **state);
int fuse_bench_teardown(void **state);
/* Send one request and let the shell handle it; returns its number. */
u64 fuse_bench_put(struct bench *bench, u32 opcode, u64 ino, const void *body, size_t body_bytes,
		   const void *more, size_t more_bytes);
/* The next answer: bytes after the header, error as the kernel gets it. -1: none is there. */
ssize_t fuse_bench_get(struct bench *bench, u64 unique, int *ret_error, u8 **ret_body);
/* INIT. */
void fuse_bench_greet(struct bench *bench, struct fuse_init_out *ret_out);

#endif
