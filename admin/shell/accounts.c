/*
 * See accounts.h.
 */
#include "admin/shell/accounts.h"

#include "libdfsproto/base/errors.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

int account_find(bool group, const char *name, u64 *ret_id, struct dfs_sentence *ret_text)
{
	const struct passwd *user = group ? NULL : getpwnam(name);
	const struct group *members = group ? getgrnam(name) : NULL;
	char *end;
	if (user != NULL)
		*ret_id = user->pw_uid;
	if (members != NULL)
		*ret_id = members->gr_gid;
	if (user != NULL || members != NULL)
		return 0;
	unsigned long long number = strtoull(name, &end, 10);
	if (name[0] < '0' || name[0] > '9' || *end != '\0' || number >= UINT32_MAX) {
		dfs_sentence_set(ret_text,
				 "there is no %s \"%s\" on this machine; give its number if it is "
				 "known elsewhere only",
				 group ? "group" : "user", name);
		return DFS_ENOENT;
	}
	*ret_id = number;
	return 0;
}

const char *account_name(bool group, u64 id)
{
	if (group) {
		const struct group *members = getgrgid((gid_t)id);
		return members == NULL ? NULL : members->gr_name;
	}
	const struct passwd *user = getpwuid((uid_t)id);
	return user == NULL ? NULL : user->pw_name;
}
