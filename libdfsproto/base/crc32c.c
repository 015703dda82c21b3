/*
 * ISA-L's crc32_iscsi wants the running value un-inverted; these two keep the usual convention.
 */
#include "libdfsproto/base/crc32c.h"

#include <isa-l/crc.h>

u32 dfs_crc32c_extend(u32 crc, const void *data, size_t length)
{
	u8 *bytes = (u8 *)(uintptr_t)data; /* ISA-L takes a non-const pointer and only reads. */
	while (length > INT32_MAX) {
		crc = ~crc32_iscsi(bytes, INT32_MAX, ~crc);
		bytes += INT32_MAX;
		length -= INT32_MAX;
	}
	return ~crc32_iscsi(bytes, (int)length, ~crc);
}

u32 dfs_crc32c(const void *data, size_t length)
{
	return dfs_crc32c_extend(0, data, length);
}
