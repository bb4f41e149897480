// SPDX-License-Identifier: MIT
/* Attributes: permission checks, stat, chmod, chown, times, truncate by position.
 * Rules of permission: path_resolution(7), capabilities(7). Mode and owner are vfsd's decision (SETATTR); times
 * and size of authoritative file systems are ours while the node is leased. */
#include "vfs_internal.h"

#define RELATIME_NS (24ull * 3600 * NSEC_PER_SEC) /* mount(8): an access time older than a day is renewed */

status_t node_permission(struct node *n, u32 want, const struct cred *c)
{
	u32 mode = n->mode;
	if (!c)
		return OK;
	if (c->fsuid == n->uid)
		mode >>= 6;
	else if (c->fsgid == n->gid || ((mode >> 3 ^ mode) & 7 && cred_in_group(c, n->gid)))
		mode >>= 3;
	if (!(want & ~mode & 7))
		return OK;
	if (node_is_dir(n)) {
		if (cred_has_cap(c, CAP_DAC_OVERRIDE_K) || (!(want & 2) && cred_has_cap(c, CAP_DAC_READ_SEARCH_K)))
			return OK;
		return ERR_ACCES;
	}
	if (want == 4 && cred_has_cap(c, CAP_DAC_READ_SEARCH_K))
		return OK;
	if ((!(want & 1) || (n->mode & 0111)) && cred_has_cap(c, CAP_DAC_OVERRIDE_K))
		return OK;
	return ERR_ACCES;
}

status_t position_access(struct position at, u32 want, const struct cred *c)
{
	struct node *n = at.node;
	if (want & 2) {
		bool stored = node_is_regular(n) || node_is_dir(n) || node_is_link(n);
		if (stored && mount_read_only(at.mount))
			return ERR_ROFS;
	}
	return node_permission(n, want, c);
}

bool cred_owns(const struct cred *c, const struct node *n)
{
	return !c || c->fsuid == n->uid || cred_has_cap(c, CAP_FOWNER_K);
}

status_t node_sticky_check(struct node *dir, struct node *victim, const struct cred *c)
{
	if (!(dir->mode & S_ISVTX_K) || !c || c->fsuid == victim->uid || c->fsuid == dir->uid)
		return OK;
	return cred_has_cap(c, CAP_FOWNER_K) ? OK : ERR_PERM;
}

void node_attributes(struct node *n, struct attributes *out)
{
	spin_lock(&n->spin);
	*out = (struct attributes){
		.dev = n->fs->dev, .ino = n->ino, .mode = n->mode, .nlink = n->nlink, .uid = n->uid, .gid = n->gid,
				.rdev = mode_is(n->mode, S_IFREG_K) ? 0 : n->rdev,
		.block_size = (u32)PAGE_SIZE, .atime_ns = n->atime_ns, .mtime_ns = n->mtime_ns, .ctime_ns = n->ctime_ns,
		.btime_ns = n->btime_ns, .dos_attributes = n->dos_attributes,
	};
	spin_unlock(&n->spin);
	if (n->data) {
		out->size = n->data->size;
		out->blocks_512 = node_blocks_512(n);
	} else if (n->symlink && node_is_link(n)) {
		out->size = strlen(n->symlink);
	} else {
		out->size = n->plain_size;
		out->blocks_512 = ALIGN_UP(n->plain_size, PAGE_SIZE) / 512;
	}
}

/* relatime: an access time is renewed when it is not newer than the last change, or a day old. */
void node_touch_atime(struct mount *m, struct node *n)
{
	u32 off = MS_NOATIME_K | MS_RDONLY_K | (node_is_dir(n) ? MS_NODIRATIME_K : 0);
	if ((m && m->flags & off) || (n->fs->flags & (FS_READ_ONLY | FS_SHARED | FS_NO_DATA_CACHE)))
		return;
	bool strict = m && (m->flags & MS_STRICTATIME_K);
	if (!strict && n->atime_ns > n->mtime_ns && n->atime_ns > n->ctime_ns) {
		if ((u64)n->atime_ns + RELATIME_NS > time_boot_wall_ns() + time_now_ns())
			return;
	}
	spin_lock(&n->spin);
	n->atime_ns = vfs_now();
	n->flags |= NODE_ATTR_DIRTY;
	spin_unlock(&n->spin);
}

static s64 changed_at(const struct attr_change *c) { return c->valid & VFS_SET_CTIME ? c->ctime_ns : vfs_now(); }

static void change_times_locally(struct node *n, const struct attr_change *c)
{
	spin_lock(&n->spin);
	if (c->valid & VFS_SET_ATIME)
		n->atime_ns = c->atime_ns;
	if (c->valid & VFS_SET_MTIME)
		n->mtime_ns = c->mtime_ns;
	n->ctime_ns = changed_at(c);
	n->flags |= NODE_ATTR_DIRTY;
	spin_unlock(&n->spin);
}

static status_t change_remotely(struct node *n, const struct attr_change *c)
{
	struct vfs_setattr_request r = {
		.fs = n->fs->id, .valid = c->valid, .cookie = n->cookie, .mode = c->mode, .uid = c->uid, .gid = c->gid,
		.atime_ns = c->atime_ns, .mtime_ns = c->mtime_ns, .ctime_ns = changed_at(c), .btime_ns = c->btime_ns,
		.dos_attributes = c->dos_attributes,
	};
	struct vfs_attributes reply;
	if (n->fs->id) {
		s64 st = vfs_call(VFS_SETATTR, fs_cause(n->fs, HOP_BY_DESIGN), &r, sizeof(r), &reply, sizeof(reply), NULL, 0);
		if (st < 0)
			return (status_t)st;
	} else {
		reply = (struct vfs_attributes){ .mode = c->mode, .uid = c->uid, .gid = c->gid, .btime_ns = c->btime_ns,
			.dos_attributes = c->dos_attributes };
	}
	spin_lock(&n->spin);
	if (c->valid & VFS_SET_MODE)
		n->mode = (n->mode & S_IFMT_K) | (reply.mode & 07777);
	if (c->valid & VFS_SET_UID)
		n->uid = reply.uid;
	if (c->valid & VFS_SET_GID)
		n->gid = reply.gid;
	if (c->valid & VFS_SET_ATIME)
		n->atime_ns = c->atime_ns;
	if (c->valid & VFS_SET_MTIME)
		n->mtime_ns = c->mtime_ns;
	if (c->valid & VFS_SET_BTIME)
		n->btime_ns = reply.btime_ns; /* a share keeps its own */
	if (c->valid & VFS_SET_DOS) {
		n->dos_attributes = reply.dos_attributes;
		n->flags &= ~(u32)NODE_NO_XATTR;
	}
	n->ctime_ns = changed_at(c);
	spin_unlock(&n->spin);
	return OK;
}

static status_t check_owner_change(const struct node *n, const struct attr_change *c, const struct cred *cred)
{
	if (!cred || cred_has_cap(cred, CAP_CHOWN_K))
		return OK;
	if ((c->valid & VFS_SET_UID) && (c->uid != n->uid || cred->fsuid != n->uid))
		return ERR_PERM;
	if ((c->valid & VFS_SET_GID) && c->gid != n->gid) {
		if (cred->fsuid != n->uid || (cred->fsgid != c->gid && !cred_in_group(cred, c->gid)))
			return ERR_PERM;
	}
	return OK;
}

/* What a change of the owner takes away, chown(2). */
static u32 set_id_to_drop(const struct node *n) { return S_ISUID_K | (n->mode & 010 ? S_ISGID_K : 0); }

static status_t check_change(struct node *n, const struct attr_change *c, const struct cred *cred)
{
	status_t st = check_owner_change(n, c, cred);
	if (st)
		return st;
	bool takes_bits = c->owner_call && !node_is_dir(n) && (n->mode & set_id_to_drop(n));
	if ((c->valid & VFS_SET_MODE) && !cred_owns(cred, n))
		return ERR_PERM;
	if (takes_bits && !cred_owns(cred, n) && !cred_has_cap(cred, CAP_CHOWN_K))
		return ERR_PERM;
	if ((c->valid & VFS_SET_DOS) && !cred_owns(cred, n) && (st = node_permission(n, 2, cred)))
		return st; /* xattr(7): user attributes ask for write permission */
	if (c->valid & (VFS_SET_ATIME | VFS_SET_MTIME | VFS_SET_CTIME | VFS_SET_BTIME)) {
		if (cred_owns(cred, n))
			return OK;
		if (!c->times_to_now)
			return ERR_PERM;
		return node_permission(n, 2, cred);
	}
	return OK;
}

/* Set-id bits that the change itself takes away (chmod(2), chown(2)). */
static void adjust_set_id(const struct node *n, struct attr_change *c, const struct cred *cred)
{
	if (c->valid & VFS_SET_MODE) {
		bool member = !cred || cred->fsgid == n->gid || cred_in_group(cred, n->gid) || cred_has_cap(cred, CAP_FSETID_K);
		if (!member)
			c->mode &= ~S_ISGID_K;
	} else if (c->owner_call && !node_is_dir(n)) {
		u32 drop = set_id_to_drop(n);
		if (n->mode & drop) {
			c->valid |= VFS_SET_MODE;
			c->mode = n->mode & 07777 & ~drop;
		}
	}
}

status_t position_change(struct position at, const struct attr_change *change)
{
	struct node *n = at.node;
	struct attr_change c = *change;
	const struct cred *cred = current_cred();
	status_t st = mount_read_only(at.mount) ? ERR_ROFS : check_change(n, &c, cred);
	if (st)
		return st;
	adjust_set_id(n, &c, cred);
	bool only_times = !(c.valid & ~(u32)(VFS_SET_ATIME | VFS_SET_MTIME | VFS_SET_CTIME));
	if (c.valid && only_times && (n->fs->flags & FS_KERNEL_DATA)) {
		change_times_locally(n, &c);
	} else if (c.valid) {
		mutex_lock(&n->lock);
		st = change_remotely(n, &c);
		mutex_unlock(&n->lock);
	}
	if (!st && c.valid)
		NOTIFY(n, IN_ATTRIB_K, NULL, 0);
	return st;
}

status_t own_attributes_change(struct own_attributes *own, const struct attr_change *change)
{
	static struct spinlock lock = SPINLOCK_INIT(RANK_OBJECT);
	struct node shadow = { .mode = own->mode, .uid = own->uid, .gid = own->gid };
	struct attr_change c = *change;
	status_t st = check_change(&shadow, &c, current_cred());
	if (st)
		return st;
	adjust_set_id(&shadow, &c, current_cred());
	spin_lock(&lock);
	if (c.valid & VFS_SET_MODE)
		own->mode = (own->mode & S_IFMT_K) | c.mode;
	if (c.valid & VFS_SET_UID)
		own->uid = c.uid;
	if (c.valid & VFS_SET_GID)
		own->gid = c.gid;
	if (c.valid & VFS_SET_ATIME)
		own->atime_ns = c.atime_ns;
	if (c.valid & VFS_SET_MTIME)
		own->mtime_ns = c.mtime_ns;
	own->ctime_ns = changed_at(&c);
	spin_unlock(&lock);
	return OK;
}

status_t position_truncate(struct position at, u64 size)
{
	struct node *n = at.node;
	if (node_is_dir(n))
		return ERR_ISDIR;
	if (!node_is_regular(n))
		return ERR_INVAL;
	status_t st = position_access(at, 2, current_cred());
	if (st)
		return st;
	if (!n->data)
		return OK; /* procfs: size is always 0 */
	st = node_writer_begin(n);
	if (st)
		return st;
	mutex_lock(&n->lock);
	st = node_truncate(n, size);
	if (!st)
		node_clear_setid(n);
	mutex_unlock(&n->lock);
	node_writer_end(n);
	if (!st)
		NOTIFY(n, IN_MODIFY_K, NULL, 0);
	return st;
}
