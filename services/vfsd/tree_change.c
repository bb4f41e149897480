// SPDX-License-Identifier: MIT
// Requests that change the tree, but rename (tree_rename.c). Each runs inside the caller's transaction, which is
// aborted when it fails; the kernel has checked search and write permission, policy that needs more is here.
#include "tree.h"

/* No '/' and no NUL inside: the kernel splits paths. */
status_t name_check(const char *name, u32 size)
{
	if (!size)
		return ERR_NOENT;
	if (size > TREE_NAME_MAX)
		return ERR_NAMETOOLONG;
	return name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.')) ? ERR_INVAL : OK;
}

static bool has_cap(const struct ipc_caller *c, int cap) { return c->capabilities >> cap & 1; }

status_t dir_change(struct tree_dir *d)
{
	if (vfsd_state()->fs[d->fs].flags & FS_READ_ONLY)
		return ERR_ROFS;
	return dir_record(d);
}

bool sticky_refuses(const struct ipc_caller *c, const struct tree_dir *d, const struct tree_object *victim)
{
	return d->record->mode & MODE_STICKY && c->uid != d->record->uid && c->uid != victim->uid &&
	       !has_cap(c, CAP_FOWNER);
}

void dir_touch(struct tree_dir *d, s32 nlink_change)
{
	s64 now[2] = { change_time_ns(), change_time_ns() };
	_Static_assert(offsetof(struct tree_object, ctime_ns) == offsetof(struct tree_object, mtime_ns) + 8, "one store");
	txn_write(&d->record->mtime_ns, now, sizeof(now));
	if (nlink_change)
		TXN_SET(d->record->nlink, d->record->nlink + (u32)nlink_change);
}

status_t tree_lookup(u32 fs, u64 dir, const char *name, u32 name_size, struct vfs_node *out)
{
	struct tree_dir d;
	struct tree_name at;
	status_t st = dir_load(fs, dir, &d);
	if (!st)
		st = dir_find(&d, name, name_size, &at);
	if (st)
		return st;
	return at.ino ? tree_node(fs, at.ino, out) : ERR_NOENT;
}

static status_t store_target(struct tree_object *o, const struct tree_create *r)
{
	if (!r->target_size)
		return ERR_NOENT;
	if (r->target_size > TREE_SYMLINK_MAX)
		return ERR_NAMETOOLONG;
	u64 text = state_alloc(r->target_size);
	if (!text)
		return ERR_NOSPC;
	txn_write(state_ptr(text), r->target, r->target_size);
	TXN_SET(o->target, text);
	TXN_SET(o->size, (u64)r->target_size);
	return OK;
}

/* A fresh object of the request's type and owner, without a name. `dir` gives the group when it is setgid. */
static status_t make_object(const struct tree_create *r, const struct tree_object *dir, struct tree_object **out)
{
	struct fs_record *f = &vfsd_state()->fs[r->fs];
	if (f->object_max && f->object_count >= f->object_max)
		return ERR_NOSPC;
	s64 now = change_time_ns();
	bool directory = (r->mode & MODE_TYPE) == MODE_DIRECTORY;
	struct tree_object fresh = {
		.fs = r->fs, .ino = f->next_ino, .mode = r->mode, .nlink = directory ? 2 : 1, .uid = r->uid, .gid = r->gid,
		.rdev = r->rdev, .atime_ns = now, .mtime_ns = now, .ctime_ns = now, .btime_ns = now,
		.parent = directory && dir ? dir->ino : 0,
	};
	if (dir && dir->mode & MODE_SETGID) {
		fresh.gid = dir->gid;
		fresh.mode |= directory ? MODE_SETGID : 0;
	}
	TXN_SET(f->next_ino, f->next_ino + 1);
	*out = object_new(&fresh);
	return *out ? OK : ERR_NOSPC;
}

static status_t type_check(const struct ipc_caller *c, u32 mode)
{
	switch (mode & MODE_TYPE) {
	case MODE_CHARACTER:
	case MODE_BLOCK:
		return has_cap(c, CAP_MKNOD) ? OK : ERR_PERM;
	case MODE_REGULAR:
	case MODE_DIRECTORY:
	case MODE_SYMLINK:
	case MODE_FIFO:
	case MODE_SOCKET:
		return OK;
	default:
		return ERR_INVAL;
	}
}

status_t tree_create(const struct ipc_caller *c, const struct tree_create *r, struct vfs_node *out)
{
	struct tree_dir d;
	struct tree_name at;
	struct tree_object *o;
	bool directory = (r->mode & MODE_TYPE) == MODE_DIRECTORY;
	status_t st = name_check(r->name, r->name_size);
	if (!st)
		st = type_check(c, r->mode);
	if (!st)
		st = dir_load(r->fs, r->dir, &d);
	if (!st)
		st = dir_find(&d, r->name, r->name_size, &at);
	if (!st && at.ino)
		st = ERR_EXIST;
	if (!st)
		st = dir_change(&d);
	if (!st && directory && d.record->nlink >= TREE_LINK_MAX)
		st = ERR_MLINK;
	if (!st)
		st = make_object(r, d.record, &o);
	if (!st && (r->mode & MODE_TYPE) == MODE_SYMLINK)
		st = store_target(o, r);
	if (!st)
		st = dir_set(&d, r->name, r->name_size, &at, o->ino, (u8)(r->mode >> 12 & 15));
	if (st)
		return st;
	dir_touch(&d, directory);
	return tree_node(r->fs, o->ino, out);
}

status_t tree_tmpfile(const struct tree_create *r, struct vfs_node *out)
{
	struct tree_object *o;
	if (vfsd_state()->fs[r->fs].flags & FS_READ_ONLY)
		return ERR_ROFS;
	if ((r->mode & MODE_TYPE) != MODE_REGULAR)
		return ERR_INVAL;
	struct tree_dir d = { 0 };
	status_t st = r->dir ? dir_load(r->fs, r->dir, &d) : OK; /* dir 0: memfd, no directory at all */
	if (!st)
		st = make_object(r, d.record, &o);
	if (st)
		return st;
	TXN_SET(o->nlink, 0u);
	TXN_SET(o->flags, (u32)OBJECT_TMPFILE);
	return tree_node(r->fs, o->ino, out);
}

status_t tree_link(u32 fs, u64 dir, const char *name, u32 name_size, u64 ino, struct vfs_attributes *out)
{
	struct tree_dir d;
	struct tree_name at;
	struct tree_object *o;
	status_t st = name_check(name, name_size);
	if (!st)
		st = dir_load(fs, dir, &d);
	if (!st)
		st = dir_find(&d, name, name_size, &at);
	if (!st && at.ino)
		st = ERR_EXIST;
	if (!st)
		st = dir_change(&d);
	if (!st)
		st = tree_object(fs, ino, &o);
	if (st)
		return st;
	if ((o->mode & MODE_TYPE) == MODE_DIRECTORY)
		return ERR_PERM;
	if (!o->nlink && !(o->flags & OBJECT_TMPFILE))
		return ERR_NOENT;
	if (o->nlink >= TREE_LINK_MAX)
		return ERR_MLINK;
	st = dir_set(&d, name, name_size, &at, ino, (u8)(o->mode >> 12 & 15));
	if (st)
		return st;
	TXN_SET(o->nlink, o->nlink + 1);
	TXN_SET(o->flags, o->flags & ~(u32)OBJECT_TMPFILE);
	TXN_SET(o->ctime_ns, change_time_ns());
	dir_touch(&d, 0);
	return tree_attributes(fs, ino, out);
}

void object_unlinked(struct tree_object *o, u32 fewer, bool keep)
{
	u32 left = o->nlink > fewer ? o->nlink - fewer : 0;
	if (!left && !keep) {
		object_free(o);
		return;
	}
	TXN_SET(o->nlink, left);
	TXN_SET(o->ctime_ns, change_time_ns());
	if (!left)
		TXN_SET(o->flags, o->flags | OBJECT_DEAD);
}

status_t tree_unlink(const struct ipc_caller *c, const struct vfs_name_request *q, const char *name, u32 name_size,
		     bool directory, struct vfs_unlink_reply *out)
{
	struct tree_dir d, victim;
	struct tree_name at;
	struct tree_object *o;
	status_t st = name_check(name, name_size);
	if (!st)
		st = dir_load(q->fs, q->dir, &d);
	if (!st)
		st = dir_find(&d, name, name_size, &at);
	if (!st && !at.ino)
		st = ERR_NOENT;
	if (!st)
		st = dir_change(&d);
	if (!st)
		st = tree_object(q->fs, at.ino, &o);
	if (!st && sticky_refuses(c, &d, o))
		st = ERR_PERM;
	if (st)
		return st;
	bool is_directory = (o->mode & MODE_TYPE) == MODE_DIRECTORY;
	if (is_directory != directory)
		return directory ? ERR_NOTDIR : ERR_ISDIR;
	if (directory) {
		st = dir_load(q->fs, at.ino, &victim);
		if (!st && !dir_is_empty(&victim))
			st = ERR_NOTEMPTY;
		if (st)
			return st;
	}
	st = dir_clear(&d, name, name_size, &at);
	if (st)
		return st;
	dir_touch(&d, directory ? -1 : 0);
	out->cookie = o->ino;
	out->nlink = directory ? 0 : o->nlink - 1;
	object_unlinked(o, directory ? o->nlink : 1, q->flags & VFS_UNLINK_KEEP);
	return OK;
}

static status_t setattr_policy(const struct ipc_caller *c, const struct vfs_setattr_request *q,
			       const struct vfs_attributes *a)
{
	bool owner = c->uid == a->uid || has_cap(c, CAP_FOWNER);
	u32 bits_now = a->mode & 07777, bits_less = bits_now & ~(MODE_SETUID | MODE_SETGID);
	bool only_clears = !(q->mode & 07777 & ~bits_now) && (q->mode & bits_less) == bits_less; /* a write by anybody */
	if (q->valid & VFS_SET_MODE && !owner && !only_clears)
		return ERR_PERM;
	if (q->valid & VFS_SET_UID && q->uid != a->uid && !has_cap(c, CAP_CHOWN))
		return ERR_PERM;
	if (q->valid & VFS_SET_GID && q->gid != a->gid && c->uid != a->uid && !has_cap(c, CAP_CHOWN))
		return ERR_PERM; /* membership of the new group is the kernel's check: it has the group list */
	return OK;
}

/* A change of owner takes set-id bits away from what is not a directory (chown(2)). */
static u32 mode_after_chown(u32 mode)
{
	if ((mode & MODE_TYPE) == MODE_DIRECTORY)
		return mode;
	mode &= ~MODE_SETUID;
	return mode & 0010 ? mode & ~MODE_SETGID : mode;
}

status_t tree_setattr(const struct ipc_caller *c, const struct vfs_setattr_request *q, struct vfs_attributes *out)
{
	struct tree_object *o;
	if (vfsd_state()->fs[q->fs].flags & FS_READ_ONLY)
		return ERR_ROFS;
	status_t st = tree_attributes(q->fs, q->cookie, out);
	if (!st)
		st = setattr_policy(c, q, out);
	if (!st)
		st = tree_object(q->fs, q->cookie, &o);
	if (!st && q->valid & VFS_SET_DOS)
		st = tree_set_dos_attributes(o, q->dos_attributes);
	if (st)
		return st;
	struct tree_object n = *o;
	if (q->valid & VFS_SET_MODE)
		n.mode = (o->mode & MODE_TYPE) | (q->mode & 07777);
	else if (q->valid & (VFS_SET_UID | VFS_SET_GID))
		n.mode = mode_after_chown(o->mode);
	n.uid = q->valid & VFS_SET_UID ? q->uid : o->uid;
	n.gid = q->valid & VFS_SET_GID ? q->gid : o->gid;
	if (q->valid & VFS_SET_SIZE && (o->mode & MODE_TYPE) == MODE_REGULAR)
		n.size = q->size;
	n.atime_ns = q->valid & VFS_SET_ATIME ? q->atime_ns : o->atime_ns;
	n.mtime_ns = q->valid & VFS_SET_MTIME ? q->mtime_ns : o->mtime_ns;
	n.btime_ns = q->valid & VFS_SET_BTIME ? q->btime_ns : o->btime_ns;
	if (q->valid & VFS_SET_CTIME)
		n.ctime_ns = q->ctime_ns;
	else if (q->valid != VFS_SET_ATIME)
		n.ctime_ns = change_time_ns();
	txn_write(o, &n, sizeof(n));
	return tree_attributes(q->fs, q->cookie, out);
}

status_t tree_forget(u32 fs, u64 ino)
{
	struct tree_object *o = object_find(fs, ino);
	if (o && !o->nlink)
		object_free(o);
	return OK;
}
