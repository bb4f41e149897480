// SPDX-License-Identifier: MIT
/* Changes of names: create, unlink, rename, link. Each is one routed call made under the directory's mutex, and
 * the name cache is brought up to date from the reply before the mutex is released, so nothing has to be revoked.
 * An object about to lose its name is first taken out of the cache: later look-ups queue behind the mutex, so
 * "still used" (VFS_UNLINK_KEEP) cannot change while vfsd decides. */
#include "vfs_internal.h"

#define RENAME_NOREPLACE_K 1u
#define RENAME_EXCHANGE_K 2u

status_t directory_writable(struct position dir)
{
	if (dir.node->flags & NODE_UNLINKED)
		return ERR_NOENT;
	status_t st = node_permission(dir.node, 3, current_cred());
	if (st)
		return st;
	return mount_read_only(dir.mount) ? ERR_ROFS : OK;
}

void directory_changed_locked(struct node *dir)
{
	listing_drop(dir);
	spin_lock(&dir->spin);
	dir->mtime_ns = dir->ctime_ns = vfs_now();
	dir->version++;
	spin_unlock(&dir->spin);
}

static void count_links(struct node *n, s32 change)
{
	spin_lock(&n->spin);
	n->nlink += (u32)change;
	spin_unlock(&n->spin);
}

/* Two payloads: names of rename, name and target of symlink. */
static s64 call_two(u32 op, const struct filesystem *fs, const void *args, u32 args_size, void *reply, u32 reply_size,
		    const char *first, const char *second)
{
	struct route_request r = {
		.service = SERVICE_VFSD, .op = op, .cause = fs_cause(fs, HOP_BY_DESIGN), .args = args, .args_size = args_size,
		.reply = reply, .reply_size = reply_size, .payload = first, .payload_size = (u32)strlen(first),
		.payload2 = second, .payload2_size = second ? (u32)strlen(second) : 0, .killable_only = true,
	};
	return route_call(&r);
}

/* The caller was killed, or vfsd died twice over the call: nobody knows whether the change was made. The names are
 * asked again, whoever looks next. */
static bool unsure(s64 st)
{
	return st == ERR_INTR || st == ERR_IO || st == ERR_CANCELED || st <= ERR_RESTART;
}

static void forget_name(struct node *dir, const char *name, u32 length)
{
	name_remove(dir, name, length, true);
	listing_drop(dir);
	spin_lock(&dir->spin);
	dir->flags |= NODE_STALE;
	spin_unlock(&dir->spin);
}

/* ---- create ---- */
static u32 create_op(u32 mode)
{
	if (mode_is(mode, S_IFDIR_K))
		return VFS_MKDIR;
	return mode_is(mode, S_IFLNK_K) ? VFS_SYMLINK : VFS_CREATE;
}

/* What a directory with S_ISGID gives what is made in it. */
void inherit_group(const struct node *dir, u32 *mode, u32 *gid)
{
	if (!(dir->mode & S_ISGID_K))
		return;
	*gid = dir->gid;
	if (mode_is(*mode, S_IFDIR_K))
		*mode |= S_ISGID_K;
}

/* Less the umask. A program for the group that the directory gives is only made by members of that. */
u32 mode_of_new(const struct node *dir, u32 asked)
{
	const struct cred *c = current_cred();
	const struct fs_context *fs = thread_current()->fs;
	bool group_program = (dir->mode & S_ISGID_K) && !mode_is(asked, S_IFDIR_K) && (asked & S_ISGID_K) && (asked & 010);
	if (group_program && c && !cred_in_group(c, dir->gid) && !cred_has_cap(c, CAP_FSETID_K))
		asked &= ~S_ISGID_K;
	return asked & ~(fs ? fs->umask : 0);
}

static status_t create_locked(struct node *dir, const char *name, u32 length, const struct create_args *a,
		struct node **out)
{
	const struct cred *c = current_cred();
	struct vfs_create_request r = {
		.fs = dir->fs->id, .mode = a->mode, .dir = dir->cookie, .rdev = a->rdev,
		.uid = c ? c->fsuid : 0, .gid = c ? c->fsgid : 0,
	};
	struct vfs_node lease;
	bool directory = mode_is(a->mode, S_IFDIR_K);
	inherit_group(dir, &r.mode, &r.gid);
	s64 st = call_two(create_op(a->mode), dir->fs, &r, sizeof(r), &lease, sizeof(lease), name, a->target);
	if (unsure(st))
		forget_name(dir, name, length);
	if (st < 0)
		return (status_t)st;
	struct node *n = node_from_lease(dir->fs, &lease);
	directory_changed_locked(dir);
	if (directory)
		count_links(dir, 1);
	if (!n) { /* made, but not remembered: the next look-up finds it */
		name_remove(dir, name, length, false);
		return ERR_NOMEM;
	}
	name_insert(dir, name, length, n, lease.lease_ns);
	*out = n;
	return OK;
}

status_t vfs_create_at(struct position parent, const char *name, u32 length, const struct create_args *a,
		struct node **out)
{
	struct node *dir = parent.node, *there = NULL;
	mutex_lock(&dir->lock);
	/* A shared mount's owner says EXIST itself; looking first would only be one more call. */
	status_t st = dir->fs->flags & FS_SHARED ? ERR_NOENT : name_lookup_locked(dir, name, length, &there);
	if (!st) {
		node_put(there);
		st = ERR_EXIST;
	} else if (st == ERR_NOENT) {
		st = directory_writable(parent);
		if (!st)
			st = create_locked(dir, name, length, a, out);
	}
	mutex_unlock(&dir->lock);
	if (!st)
		NOTIFY(dir, IN_CREATE_K | (mode_is(a->mode, S_IFDIR_K) ? IN_ISDIR_K : 0), name, 0);
	return st;
}

/* ---- unlink ---- */
static status_t unlink_checks(struct position parent, struct node *victim, bool directory)
{
	status_t st = directory_writable(parent);
	if (!st)
		st = node_sticky_check(parent.node, victim, current_cred());
	if (st)
		return st;
	if (directory && !node_is_dir(victim))
		return ERR_NOTDIR;
	if (!directory && node_is_dir(victim))
		return ERR_ISDIR;
	return node_is_mountpoint(victim) ? ERR_BUSY : OK;
}

/* Hard links: the path kept for an open object goes, and a shared mount must learn the others by name again. */
static void other_names_remain(struct node *n)
{
	names_drop_unhashed(n);
	if (n->fs->flags & FS_SHARED)
		names_revoke_node(n);
}

static void remember_absence(struct node *dir, const char *name, u32 length)
{
	if (!(dir->fs->flags & (FS_SHARED | FS_NO_NAME_CACHE)))
		name_insert(dir, name, length, NULL, 0);
}

/* link(2) may not revive an object whose last name is being removed: both hold the object's mutex. A directory's
 * mutex ranks with its parent's and is not needed, because directories have one name. */
static void victim_lock(struct node *n)
{
	if (!node_is_dir(n))
		mutex_lock(&n->lock);
}

static void victim_unlock(struct node *n)
{
	if (!node_is_dir(n))
		mutex_unlock(&n->lock);
}

static status_t unlink_locked(struct node *dir, struct node *victim, const char *name, u32 length, bool directory)
{
	struct vfs_unlink_reply reply;
	name_remove(dir, name, length, true);
	victim_lock(victim);
	bool keep = __atomic_load_n(&victim->refs, __ATOMIC_ACQUIRE) > 1;
	struct vfs_name_request r = { .fs = dir->fs->id, .flags = keep ? VFS_UNLINK_KEEP : 0, .dir = dir->cookie };
	s64 st = vfs_call(directory ? VFS_RMDIR : VFS_UNLINK, fs_cause(dir->fs, HOP_BY_DESIGN), &r, sizeof(r), &reply,
			  sizeof(reply), name, length);
	if (st >= 0)
		node_set_unlinked(victim, directory ? 0 : reply.nlink, keep);
	victim_unlock(victim);
	if (st < 0) {
		if (unsure(st))
			forget_name(dir, name, length);
		else if (st != ERR_NOENT)
			name_insert(dir, name, length, victim, 0);
		names_drop_unhashed(victim);
		return (status_t)st;
	}
	if (victim->nlink)
		other_names_remain(victim);
	if (directory)
		count_links(dir, -1);
	directory_changed_locked(dir);
	remember_absence(dir, name, length);
	return OK;
}

status_t vfs_unlink_at(struct position parent, const char *name, u32 length, bool directory)
{
	struct node *dir = parent.node, *victim;
	mutex_lock(&dir->lock);
	status_t st = name_lookup_locked(dir, name, length, &victim);
	if (st) {
		mutex_unlock(&dir->lock);
		return st;
	}
	st = unlink_checks(parent, victim, directory);
	if (!st)
		st = unlink_locked(dir, victim, name, length, directory);
	mutex_unlock(&dir->lock);
	if (!st) {
		if (!directory)
			NOTIFY(victim, IN_LINKS_K, NULL, 0);
		NOTIFY_IF_GONE(victim);
		NOTIFY(dir, IN_DELETE_K | (directory ? IN_ISDIR_K : 0), name, 0);
	}
	node_put(victim);
	return st;
}

/* ---- rename ---- */
struct rename {
	const struct walk_result *from, *to;
	struct node *old_dir, *new_dir, *moved, *replaced;
	u32 flags;
};

static void lock_two(struct node *a, struct node *b)
{
	struct node *first = a < b ? a : b, *second = a < b ? b : a;
	mutex_lock(&first->lock);
	if (first != second)
		mutex_lock_nested(&second->lock);
}

static void unlock_two(struct node *a, struct node *b)
{
	mutex_unlock(&a->lock);
	if (a != b)
		mutex_unlock(&b->lock);
}

/* Parents change only under namespace_mutex, which the caller holds. */
static bool is_inside(const struct node *dir, const struct node *ancestor)
{
	for (; dir; dir = dir->parent)
		if (dir == ancestor)
			return true;
	return false;
}

static status_t rename_types(const struct rename *r)
{
	bool moved_dir = node_is_dir(r->moved);
	if (!moved_dir && (r->from->trailing_slash || (r->to->trailing_slash && !(r->flags & RENAME_EXCHANGE_K))))
		return ERR_NOTDIR;
	if (moved_dir && is_inside(r->new_dir, r->moved))
		return ERR_INVAL;
	if (!r->replaced)
		return r->flags & RENAME_EXCHANGE_K ? ERR_NOENT : OK;
	if (r->flags & RENAME_NOREPLACE_K)
		return ERR_EXIST;
	if (node_is_dir(r->replaced) && is_inside(r->old_dir, r->replaced))
		return r->flags & RENAME_EXCHANGE_K ? ERR_INVAL : ERR_NOTEMPTY;
	if (r->flags & RENAME_EXCHANGE_K)
		return OK;
	if (moved_dir && !node_is_dir(r->replaced))
		return ERR_NOTDIR;
	if (!moved_dir && node_is_dir(r->replaced))
		return ERR_ISDIR;
	return OK;
}

static status_t rename_checks(const struct rename *r)
{
	const struct cred *c = current_cred();
	status_t st = directory_writable(r->from->at);
	if (!st)
		st = directory_writable(r->to->at);
	if (!st)
		st = node_sticky_check(r->old_dir, r->moved, c);
	if (!st && r->replaced)
		st = node_sticky_check(r->new_dir, r->replaced, c);
	if (!st)
		st = rename_types(r);
	if (!st && node_is_dir(r->moved) && r->old_dir != r->new_dir)
		st = node_permission(r->moved, 2, c); /* its `..` is rewritten */
	if (!st && (node_is_mountpoint(r->moved) || (r->replaced && node_is_mountpoint(r->replaced))))
		st = ERR_BUSY;
	return st;
}

static void rename_count_links(const struct rename *r)
{
	bool moved = node_is_dir(r->moved), other = r->replaced && node_is_dir(r->replaced);
	if (r->flags & RENAME_EXCHANGE_K) {
		count_links(r->old_dir, (other ? 1 : 0) - (moved ? 1 : 0));
		count_links(r->new_dir, (moved ? 1 : 0) - (other ? 1 : 0));
		return;
	}
	if (moved && r->old_dir != r->new_dir) {
		count_links(r->old_dir, -1);
		count_links(r->new_dir, 1);
	}
	if (other)
		count_links(r->new_dir, -1);
}

static status_t rename_act(struct rename *r)
{
	struct vfs_rename_reply reply;
	bool exchange = r->flags & RENAME_EXCHANGE_K, replace = r->replaced && !exchange, keep = false;
	if (replace) {
		name_remove(r->new_dir, r->to->last, r->to->last_length, true);
		victim_lock(r->replaced);
		keep = __atomic_load_n(&r->replaced->refs, __ATOMIC_ACQUIRE) > 1;
	}
	struct vfs_rename_request q = {
		.fs = r->old_dir->fs->id, .flags = r->flags | (keep ? VFS_UNLINK_KEEP : 0),
		.old_dir = r->old_dir->cookie, .new_dir = r->new_dir->cookie,
	};
	s64 st = call_two(VFS_RENAME, r->old_dir->fs, &q, sizeof(q), &reply, sizeof(reply), r->from->last, r->to->last);
	if (replace && st >= 0)
		node_set_unlinked(r->replaced, node_is_dir(r->replaced) ? 0 : reply.replaced_nlink, keep);
	if (replace)
		victim_unlock(r->replaced);
	if (unsure(st)) {
		forget_name(r->old_dir, r->from->last, r->from->last_length);
		forget_name(r->new_dir, r->to->last, r->to->last_length);
		return (status_t)st;
	}
	if (st < 0) {
		if (replace) {
			name_insert(r->new_dir, r->to->last, r->to->last_length, r->replaced, 0);
			names_drop_unhashed(r->replaced);
		}
		return (status_t)st;
	}
	name_move(r->old_dir, r->from->last, r->new_dir, r->to->last, exchange);
	if (replace && r->replaced->nlink)
		other_names_remain(r->replaced);
	rename_count_links(r);
	directory_changed_locked(r->old_dir);
	if (r->new_dir != r->old_dir)
		directory_changed_locked(r->new_dir);
	spin_lock(&r->moved->spin);
	r->moved->ctime_ns = vfs_now();
	spin_unlock(&r->moved->spin);
	return OK;
}

static void rename_notify(const struct rename *r)
{
	static u32 move_cookie;
	u32 dir = node_is_dir(r->moved) ? IN_ISDIR_K : 0;
	u32 cookie = __atomic_add_fetch(&move_cookie, 1, __ATOMIC_RELAXED);
	u32 within = r->old_dir == r->new_dir ? IN_MOVED_WITHIN_K : 0;
	NOTIFY(r->old_dir, IN_MOVED_FROM_K | within | dir, r->from->last, cookie);
	NOTIFY(r->new_dir, IN_MOVED_TO_K | dir, r->to->last, cookie);
	bool replaced = r->replaced && !(r->flags & RENAME_EXCHANGE_K);
	if (replaced)
		NOTIFY(r->replaced, IN_LINKS_K, NULL, 0);
	NOTIFY(r->moved, IN_MOVE_SELF_K, NULL, 0);
	if (replaced)
		NOTIFY_IF_GONE(r->replaced);
}

static status_t rename_locked(struct rename *r, bool *same)
{
	status_t st = name_lookup_locked(r->old_dir, r->from->last, r->from->last_length, &r->moved);
	if (st)
		return st;
	st = name_lookup_locked(r->new_dir, r->to->last, r->to->last_length, &r->replaced);
	if (st == ERR_NOENT)
		r->replaced = NULL;
	else if (st)
		return st;
	st = rename_checks(r);
	if (st)
		return st;
	*same = r->moved == r->replaced; /* two names of one object: nothing to do, rename(2) */
	return *same ? OK : rename_act(r);
}

status_t vfs_rename_at(const struct walk_result *from, const struct walk_result *to, u32 flags)
{
	struct rename r = { .from = from, .to = to, .old_dir = from->at.node, .new_dir = to->at.node, .flags = flags };
	bool same = false;
	if (from->at.mount != to->at.mount || r.old_dir->fs != r.new_dir->fs)
		return ERR_XDEV;
	mutex_lock(&namespace_mutex);
	lock_two(r.old_dir, r.new_dir);
	status_t st = rename_locked(&r, &same);
	unlock_two(r.old_dir, r.new_dir);
	mutex_unlock(&namespace_mutex);
	if (!st && !same)
		rename_notify(&r);
	if (r.moved)
		node_put(r.moved);
	if (r.replaced)
		node_put(r.replaced);
	return st;
}

/* ---- link ---- */
/* Is the new name free, and may we make it? */
static status_t link_place(const struct walk_result *to)
{
	struct node *dir = to->at.node, *there;
	status_t st = dir->fs->flags & FS_SHARED ? ERR_NOENT : name_lookup_locked(dir, to->last, to->last_length, &there);
	if (!st) {
		node_put(there);
		return ERR_EXIST;
	}
	return st == ERR_NOENT ? directory_writable(to->at) : st;
}

static status_t link_locked(struct node *dir, struct node *n, const struct walk_result *to)
{
	if ((n->flags & NODE_UNLINKED) && !(n->flags & NODE_LINKABLE))
		return ERR_NOENT;
	struct vfs_link_request r = { .fs = dir->fs->id, .dir = dir->cookie, .cookie = n->cookie };
	struct vfs_attributes reply;
	s64 done = vfs_call(VFS_LINK, fs_cause(dir->fs, HOP_BY_DESIGN), &r, sizeof(r), &reply, sizeof(reply), to->last,
			    to->last_length);
	if (unsure(done))
		forget_name(dir, to->last, to->last_length);
	if (done < 0)
		return (status_t)done;
	spin_lock(&n->spin);
	n->nlink = reply.nlink;
	n->ctime_ns = vfs_now();
	n->flags &= ~(u32)(NODE_UNLINKED | NODE_KEPT | NODE_LINKABLE);
	spin_unlock(&n->spin);
	directory_changed_locked(dir);
	name_insert(dir, to->last, to->last_length, n, 0);
	return OK;
}

status_t vfs_link_at(struct position object, const struct walk_result *to)
{
	struct node *n = object.node, *dir = to->at.node;
	mutex_lock(&dir->lock);
	status_t st = link_place(to);
	if (!st && (object.mount != to->at.mount || n->fs != dir->fs))
		st = ERR_XDEV;
	else if (!st && node_is_dir(n))
		st = ERR_PERM;
	if (!st) {
		mutex_lock(&n->lock);
		st = link_locked(dir, n, to);
		mutex_unlock(&n->lock);
	}
	mutex_unlock(&dir->lock);
	if (!st) {
		NOTIFY(n, IN_LINKS_K, NULL, 0);
		NOTIFY(dir, IN_CREATE_K, to->last, 0);
	}
	return st;
}
