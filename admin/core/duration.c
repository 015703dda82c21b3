/*
 * See duration.h.
 */
#include "admin/core/duration.h"

#include <stdlib.h>
#include <string.h>

bool ad_duration_parse(const char *text, u32 *ret_seconds)
{
	static const struct {
		const char *unit;
		u32 seconds;
	} units[] = {{"", 1},      {"s", 1},      {"m", 60},      {"h", 3600},
		     {"d", 86400}, {"w", 604800}, {"y", 31536000}};
	char *end;
	if (text[0] < '0' || text[0] > '9' || strlen(text) > 12)
		return false;
	u64 count = strtoull(text, &end, 10);
	for (u32 i = 0; i < dfs_array_count(units); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		u64 seconds = count * units[i].seconds;
		if (count > UINT32_MAX || seconds == 0 || seconds > UINT32_MAX)
			return false;
		*ret_seconds = (u32)seconds;
		return true;
	}
	return false;
}
