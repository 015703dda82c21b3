/*
 * The records of schema/disk_chunkserver.def as C structs with their codecs. Everything here may
 * come from a damaged disk: decoding bounds all of it, index.c and store.c decide what an error
 * means.
 */
#ifndef CS_CORE_RECORDS_H
#define CS_CORE_RECORDS_H

#include "libdfsproto/wire/coding.h"

#define DFS_TABLE "libdfsproto/schema/disk_chunkserver.def"
#include "libdfsproto/wire/rows.h"
#undef DFS_TABLE

#define RECORD(NAME, name, doc)
#define FIELD(type, name, unit, since, doc)
#define BYTES(name, max, unit, since, doc)
#define INLINE(record, name, since, doc)
#define LIST(record, name, max, since, doc)
#define END(name)
#define MSG(NAME, name, number, since, doc) DFS_##NAME##_MAGIC = number,
enum dfs_cs_magic {
#include "libdfsproto/schema/disk_chunkserver.def"
};
#include "libdfsproto/wire/rows_end.h"

#define CS_DISK_VERSION 1 /* Of all records above. */

#endif
