// SPDX-License-Identifier: MIT
// rename(2) and renameat2(2) on the tree: one transaction, all checks before the first change.
#include "tree.h"

#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE 2u

struct rename {
	const struct ipc_caller *caller;
	const struct vfs_rename_request *q;
	const char *old_name, *new_name;
	u32 old_size, new_size;
	struct tree_dir old_dir, new_dir;
	struct tree_name old_at, new_at;
	struct tree_object *moved, *replaced;
};

static bool is_directory(const struct tree_object *o) { return (o->mode & MODE_TYPE) == MODE_DIRECTORY; }

/* ERR_INVAL when `ancestor` is `ino` or above it. */
static status_t refuse_loop(u32 fs, u64 ancestor, u64 ino)
{
	u64 root = vfsd_state()->fs[fs].root_ino;
	for (u32 depth = 0; depth < TREE_DEPTH_MAX; depth++) {
		if (ino == ancestor)
			return ERR_INVAL;
		if (ino == root)
			return OK;
		s64 st = dir_parent(fs, ino, &ino);
		if (st)
			return (status_t)st;
	}
	return ERR_LOOP;
}

static status_t resolve(struct rename *r)
{
	u32 fs = r->q->fs;
	status_t st = name_check(r->old_name, r->old_size);
	if (!st)
		st = name_check(r->new_name, r->new_size);
	if (!st && r->q->flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | VFS_UNLINK_KEEP))
		st = ERR_INVAL;
	if (!st && r->q->flags & RENAME_NOREPLACE && r->q->flags & RENAME_EXCHANGE)
		st = ERR_INVAL;
	if (!st)
		st = dir_load(fs, r->q->old_dir, &r->old_dir);
	if (!st)
		st = r->q->new_dir == r->q->old_dir ? OK : dir_load(fs, r->q->new_dir, &r->new_dir);
	if (!st && r->q->new_dir == r->q->old_dir)
		r->new_dir = r->old_dir;
	if (!st)
		st = dir_find(&r->old_dir, r->old_name, r->old_size, &r->old_at);
	if (!st && !r->old_at.ino)
		st = ERR_NOENT;
	if (!st)
		st = dir_find(&r->new_dir, r->new_name, r->new_size, &r->new_at);
	if (!st && r->new_at.ino && r->q->flags & RENAME_NOREPLACE)
		st = ERR_EXIST;
	if (!st && !r->new_at.ino && r->q->flags & RENAME_EXCHANGE)
		st = ERR_NOENT;
	return st;
}

/* Records of everything that will change. */
static status_t make_records(struct rename *r)
{
	u32 fs = r->q->fs;
	status_t st = dir_change(&r->old_dir);
	if (r->q->old_dir == r->q->new_dir)
		r->new_dir.record = r->old_dir.record;
	if (!st)
		st = dir_change(&r->new_dir);
	if (!st)
		st = tree_object(fs, r->old_at.ino, &r->moved);
	if (!st && r->new_at.ino)
		st = tree_object(fs, r->new_at.ino, &r->replaced);
	return st;
}

static status_t check_replace(struct rename *r)
{
	struct tree_dir victim;
	if (is_directory(r->replaced) != is_directory(r->moved))
		return is_directory(r->moved) ? ERR_NOTDIR : ERR_ISDIR;
	if (!is_directory(r->replaced))
		return OK;
	status_t st = dir_load(r->q->fs, r->new_at.ino, &victim);
	if (!st && !dir_is_empty(&victim))
		st = ERR_NOTEMPTY;
	return st;
}

static status_t check(struct rename *r)
{
	u32 fs = r->q->fs;
	bool exchange = r->q->flags & RENAME_EXCHANGE, across = r->q->old_dir != r->q->new_dir;
	status_t st = OK;
	if (sticky_refuses(r->caller, &r->old_dir, r->moved))
		return ERR_PERM;
	if (r->replaced && sticky_refuses(r->caller, &r->new_dir, r->replaced))
		return ERR_PERM;
	if (is_directory(r->moved))
		st = refuse_loop(fs, r->moved->ino, r->q->new_dir);
	if (!st && r->replaced && is_directory(r->replaced))
		st = refuse_loop(fs, r->replaced->ino, r->q->old_dir);
	if (st == ERR_INVAL && !exchange && refuse_loop(fs, r->moved->ino, r->q->new_dir) == OK)
		st = ERR_NOTEMPTY; /* the target holds the source */
	if (!st && r->replaced && !exchange)
		st = check_replace(r);
	if (!st && across && is_directory(r->moved) && !(r->replaced && is_directory(r->replaced)) &&
	    r->new_dir.record->nlink >= TREE_LINK_MAX)
		st = ERR_MLINK;
	return st;
}

static void set_parent(struct tree_object *o, u64 parent)
{
	if (is_directory(o))
		TXN_SET(o->parent, parent);
	TXN_SET(o->ctime_ns, change_time_ns());
}

static status_t act(struct rename *r, struct vfs_rename_reply *out)
{
	bool exchange = r->q->flags & RENAME_EXCHANGE;
	u8 moved_type = r->old_at.type, replaced_type = r->new_at.type;
	s32 old_change = -(s32)is_directory(r->moved), new_change = is_directory(r->moved);
	if (r->replaced && is_directory(r->replaced)) {
		new_change--;
		old_change += exchange;
	}
	if (!r->replaced && !r->new_at.in_base && !r->old_at.in_base && r->q->old_dir == r->q->new_dir &&
	    entry_rename(r->old_at.entry, r->new_name, r->new_size)) {
		set_parent(r->moved, r->q->new_dir);
		dir_touch(&r->old_dir, 0);
		*out = (struct vfs_rename_reply){ .moved_cookie = r->moved->ino };
		return OK;
	}
	/* the old name first: in one directory clearing it may free the record that sits beside the new one */
	status_t st = exchange ? dir_set(&r->old_dir, r->old_name, r->old_size, &r->old_at, r->replaced->ino, replaced_type)
			       : dir_clear(&r->old_dir, r->old_name, r->old_size, &r->old_at);
	if (!st)
		st = dir_set(&r->new_dir, r->new_name, r->new_size, &r->new_at, r->moved->ino, moved_type);
	if (st)
		return st;
	set_parent(r->moved, r->q->new_dir);
	dir_touch(&r->old_dir, old_change);
	dir_touch(&r->new_dir, new_change);
	*out = (struct vfs_rename_reply){ .moved_cookie = r->moved->ino };
	if (!r->replaced)
		return OK;
	out->replaced_cookie = r->replaced->ino;
	if (exchange) {
		set_parent(r->replaced, r->q->old_dir);
		return OK;
	}
	bool directory = is_directory(r->replaced);
	out->replaced = 1;
	out->replaced_nlink = directory ? 0 : r->replaced->nlink - 1;
	object_unlinked(r->replaced, directory ? r->replaced->nlink : 1, r->q->flags & VFS_UNLINK_KEEP);
	return OK;
}

status_t tree_rename(const struct ipc_caller *c, const struct vfs_rename_request *q, const char *old_name, u32 old_size,
		     const char *new_name, u32 new_size, struct vfs_rename_reply *out)
{
	struct rename r = {
		.caller = c, .q = q, .old_name = old_name, .new_name = new_name, .old_size = old_size, .new_size = new_size,
	};
	status_t st = resolve(&r);
	if (!st && r.old_at.ino == r.new_at.ino) { /* two names of one object: nothing happens (rename(2)) */
		*out = (struct vfs_rename_reply){ .moved_cookie = r.old_at.ino };
		return OK;
	}
	if (!st)
		st = make_records(&r);
	if (!st)
		st = check(&r);
	return st ? st : act(&r, out);
}
