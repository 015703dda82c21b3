/*
 * See mountinfo.h.
 */
#include "libdfsproto/host/mountinfo.h"

void dfs_mountinfo_unescape(char *text)
{
	char *out = text;
	for (const char *in = text; *in != '\0'; in++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
		    in[3] >= '0' && in[3] <= '7') {
			*out++ = (char)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}
