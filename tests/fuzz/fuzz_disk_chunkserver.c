/*
 * The records on a chunkserver's disk: the seal, then the row. Input: the row's index, a byte that
 * says whether the record is sealed already, then the record or its body.
 */
#include "libdfsproto/wire/messages.h"
#include "libdfsproto/wire/record.h"
#include "tests/fuzz/fuzz.h"

#define DFS_TABLE "libdfsproto/schema/disk_chunkserver.def"
#include "libdfsproto/wire/rows.h"
#include "libdfsproto/wire/rows_code.h"
#include "tests/fuzz/rows_functions.h"

static const struct fuzz_row rows[] = {
#include "tests/fuzz/rows_entries.h"
};
#undef DFS_TABLE

#include "tests/fuzz/records.h"
