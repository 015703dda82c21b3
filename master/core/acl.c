/*
 * Reading, judging and changing access control lists: see acl.h.
 */
#include "master/core/acl.h"

enum { VERSION = 2, HEAD_BYTES = 4, ENTRY_BYTES = 8, ID_NONE = UINT32_MAX };

static u32 get_u16(const u8 *at)
{
	return (u32)at[0] | (u32)at[1] << 8;
}

static u32 get_u32(const u8 *at)
{
	return get_u16(at) | get_u16(at + 2) << 16;
}

static void put_u16(u8 *at, u32 value)
{
	at[0] = (u8)value;
	at[1] = (u8)(value >> 8);
}

static void put_u32(u8 *at, u32 value)
{
	put_u16(at, value);
	put_u16(at + 2, value >> 16);
}

/*
 * Tags come in this order, OBJs and OTHER once each, MASK at most once and always when there are
 * named users or groups. `next` is the smallest tag that may follow; the order of tags is that of
 * their numbers.
 */
static int check_order(const struct ms_acl *acl)
{
	u32 next = MS_ACL_USER_OBJ;
	bool needs_mask = false;
	bool masked = false;
	u32 once = 0;
	for (u32 i = 0; i < acl->count; i++) {
		u32 tag = acl->v[i].tag;
		bool named = tag == MS_ACL_USER || tag == MS_ACL_GROUP;
		if (tag < next)
			return DFS_EINVAL;
		needs_mask = needs_mask || named;
		masked = masked || tag == MS_ACL_MASK;
		if (!named)
			once |= tag;
		next = named ? tag : tag << 1;
	}
	const u32 all = MS_ACL_USER_OBJ | MS_ACL_GROUP_OBJ | MS_ACL_OTHER;
	if ((once & all) != all || (needs_mask && !masked))
		return DFS_EINVAL;
	return 0;
}

static int decode_entry(const u8 *at, struct ms_acl_entry *ret_entry)
{
	u32 tag = get_u16(at);
	u32 permissions = get_u16(at + 2);
	u32 id = get_u32(at + 4);
	if ((permissions & ~7u) != 0)
		return DFS_EINVAL;
	switch (tag) {
	case MS_ACL_USER:
	case MS_ACL_GROUP:
		if (id == ID_NONE)
			return DFS_EINVAL;
		break;
	case MS_ACL_USER_OBJ:
	case MS_ACL_GROUP_OBJ:
	case MS_ACL_MASK:
	case MS_ACL_OTHER:
		id = ID_NONE; /* Whatever it was. */
		break;
	default:
		return DFS_EINVAL;
	}
	*ret_entry =
	    (struct ms_acl_entry){.tag = (u16)tag, .permissions = (u16)permissions, .id = id};
	return 0;
}

int ms_acl_decode(struct dfs_span value, struct ms_acl *ret_acl)
{
	struct ms_acl acl;
	if (value.length < HEAD_BYTES || (value.length - HEAD_BYTES) % ENTRY_BYTES != 0)
		return DFS_EINVAL;
	if (get_u32(value.data) != VERSION)
		return DFS_ENOTSUP;
	acl.count = (value.length - HEAD_BYTES) / ENTRY_BYTES;
	if (acl.count > DFS_ACL_ENTRIES_MAX)
		return DFS_ENOSPC;
	for (u32 i = 0; i < acl.count; i++) {
		int status = decode_entry(value.data + HEAD_BYTES + i * ENTRY_BYTES, &acl.v[i]);
		if (status != 0)
			return status;
	}
	int status = acl.count == 0 ? 0 : check_order(&acl);
	if (status != 0)
		return status;
	ret_acl->count = acl.count;
	memcpy(ret_acl->v, acl.v, acl.count * sizeof(acl.v[0]));
	return 0;
}

u32 ms_acl_encode(const struct ms_acl *acl, u8 ret_value[MS_ACL_BYTES_MAX])
{
	DFS_ASSERT(acl->count > 0);
	DFS_ASSERT(acl->count <= DFS_ACL_ENTRIES_MAX);
	put_u32(ret_value, VERSION);
	for (u32 i = 0; i < acl->count; i++) {
		u8 *at = ret_value + HEAD_BYTES + i * ENTRY_BYTES;
		put_u16(at, acl->v[i].tag);
		put_u16(at + 2, acl->v[i].permissions);
		put_u32(at + 4, acl->v[i].id);
	}
	return HEAD_BYTES + acl->count * ENTRY_BYTES;
}

/* The entries that permission bits stand for. `group` is the mask when there is one. */
struct classes {
	struct ms_acl_entry *owner;
	struct ms_acl_entry *group;
	struct ms_acl_entry *others;
};

static struct classes classes_of(struct ms_acl *acl)
{
	struct classes classes = {0};
	for (u32 i = 0; i < acl->count; i++) {
		struct ms_acl_entry *entry = &acl->v[i];
		if (entry->tag == MS_ACL_USER_OBJ)
			classes.owner = entry;
		else if (entry->tag == MS_ACL_GROUP_OBJ || entry->tag == MS_ACL_MASK)
			classes.group = entry; /* The mask comes later. */
		else if (entry->tag == MS_ACL_OTHER)
			classes.others = entry;
	}
	DFS_ASSERT(classes.owner != NULL && classes.group != NULL && classes.others != NULL);
	return classes;
}

/* Owner, group and others, without mask and names. */
static bool minimal(const struct ms_acl *acl)
{
	return acl->count == 3;
}

bool ms_acl_mode(const struct ms_acl *acl, u32 mode, u32 *ret_mode)
{
	u32 permissions = 0;
	for (u32 i = 0; i < acl->count; i++) {
		const struct ms_acl_entry *entry = &acl->v[i];
		if (entry->tag == MS_ACL_USER_OBJ)
			permissions |= (u32)entry->permissions << 6;
		else if (entry->tag == MS_ACL_GROUP_OBJ)
			permissions |= (u32)entry->permissions << 3;
		else if (entry->tag == MS_ACL_MASK)
			permissions = (permissions & ~070u) | (u32)entry->permissions << 3;
		else if (entry->tag == MS_ACL_OTHER)
			permissions |= entry->permissions;
	}
	*ret_mode = (mode & ~0777u) | permissions;
	return minimal(acl);
}

void ms_acl_follow(struct ms_acl *acl, u32 mode)
{
	struct classes classes = classes_of(acl);
	classes.owner->permissions = (u16)(mode >> 6 & 7);
	classes.group->permissions = (u16)(mode >> 3 & 7);
	classes.others->permissions = (u16)(mode & 7);
}

bool ms_acl_inherit(struct ms_acl *acl, u32 mode, u32 *ret_mode)
{
	struct classes classes = classes_of(acl);
	classes.owner->permissions &= (u16)(mode >> 6 & 7);
	classes.group->permissions &= (u16)(mode >> 3 & 7);
	classes.others->permissions &= (u16)(mode & 7);
	*ret_mode = (mode & ~0777u) | (u32)classes.owner->permissions << 6 |
		    (u32)classes.group->permissions << 3 | (u32)classes.others->permissions;
	return minimal(acl);
}
