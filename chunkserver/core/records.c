/*
 * The generated codecs of this daemon's disk records.
 */
#include "chunkserver/core/records.h"

#include "libdfsproto/wire/messages.h"

#define DFS_TABLE "libdfsproto/schema/disk_chunkserver.def"
#include "libdfsproto/wire/rows_code.h"
#undef DFS_TABLE
