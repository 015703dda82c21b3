/*
 * What fuzz targets share. A target is a file fuzz_<name>.c with LLVMFuzzerTestOneInput() and, if
 * it can, fuzz_seed(); CMake finds it. With DFS_FUZZ (clang) it becomes a libFuzzer program,
 * otherwise driver.c runs it on seeded mutations of its own seeds. Run all of them with
 * tests/fuzz/run.
 */
#ifndef DFS_TESTS_FUZZ_H
#define DFS_TESTS_FUZZ_H

#include "libdfsproto/wire/coding.h"

#define FUZZ_INPUT_BYTES_MAX 65536

/* Must survive any input; a broken expectation is a DFS_ASSERT. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
/* A valid input to begin with; optional. Returns its size. */
size_t fuzz_seed(struct dfs_prng *prng, u8 *data, size_t capacity);

/* The generated functions of one row of a schema table: see rows_functions.h. */
struct fuzz_row {
	const char *name;
	size_t bytes;
	void (*sample)(struct dfs_sampler *, void *);
	void (*put)(struct dfs_writer *, const void *);
	int (*decode)(struct dfs_span, u16, void *);
	void (*dump)(struct dfs_text *, const void *);
};

/* Decode; what decodes must dump, and encode to the same bytes. Returns the decoder's status. */
int fuzz_row_check(const struct fuzz_row *row, u16 version, const u8 *data, size_t size);
/* A random value of the row, encoded. Returns its size; 0 when it did not fit. */
size_t fuzz_row_seed(const struct fuzz_row *row, u16 version, struct dfs_prng *prng, u8 *data,
		     size_t capacity);

#endif
