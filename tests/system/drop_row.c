/*
 * drop_row logged|unlogged STORE KEY: remove one row, whose key is given in hex, from a store that
 * nobody has open. The system tests damage indexes and tables with it; they compile it themselves,
 * against the libraries of the build under test. Exit: 0 removed, 1 not there, 2 failed.
 */
#include "libdfsproto/base/errors.h"
#include "libdfsproto/host/kv_rocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct dfs_kv_options options = {.must_exist = true};
	struct dfs_sentence text = {0};
	struct dfs_kv_rocks *store;
	struct dfs_kv_batch batch = {0};
	struct dfs_span value;
	u8 key[DFS_KV_KEY_BYTES_MAX];
	size_t length = argc == 4 ? strlen(argv[3]) / 2 : 0;
	if (length == 0 || length > sizeof(key))
		return 2;
	for (size_t i = 0; i < length; i++) {
		char digits[3] = {argv[3][2 * i], argv[3][2 * i + 1]};
		key[i] = (u8)strtoul(digits, NULL, 16);
	}
	enum dfs_kv_kind kind = strcmp(argv[1], "logged") == 0 ? DFS_KV_LOGGED : DFS_KV_UNLOGGED;
	if (dfs_kv_rocks_open(argv[2], kind, &options, &store, &text) != 0) {
		fprintf(stderr, "drop_row: %s\n", text.text);
		return 2;
	}
	struct dfs_kv *kv = dfs_kv_rocks_kv(store);
	int status = dfs_kv_get(kv, dfs_span(key, length), &value);
	dfs_kv_batch_delete(&batch, dfs_span(key, length));
	if (status == 0)
		status = dfs_kv_write(kv, &batch);
	if (status == 0)
		status = dfs_kv_rocks_sync(store);
	dfs_kv_rocks_close(store);
	dfs_kv_batch_fini(&batch);
	return status == 0 ? 0 : status == DFS_ENOENT ? 1 : 2;
}
