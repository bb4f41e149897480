// SPDX-License-Identifier: MIT
// Requests that change names and attributes on a 9p share. The one exchange that acts is a nested call (share.h), what
// is learnt from it goes into the path records afterwards; the reply is stored with that commit.
// Unlinking an object that is still in use renames it to a hidden name, because the server loses unlinked open files;
// FORGET unlinks that. The kernel forgets each kept object once.
#include "share.h"

#define HIDDEN_NAME_MAX 64u
#define RENAME_NOREPLACE 1u
#define AT_REMOVEDIR 0x200u
#define P9_OPEN_READ_WRITE 2u
#define P9_OPEN_CREATE_EXCLUSIVE 0300u /* O_CREAT | O_EXCL, Linux numbers */

static u32 hidden_name(u64 id, char out[HIDDEN_NAME_MAX])
{
	return (u32)fmt_snprintf(out, HIDDEN_NAME_MAX, HIDDEN_PREFIX "%llx", (unsigned long long)id);
}

/* After an object was made: looks at it, notes who owns what we make, answers with its lease. */
static s64 answer_made(struct service_request *r, u32 fs, u64 dir, const char *name, u32 name_size,
		       struct vfs_node *node)
{
	status_t st = share_lookup(r, fs, dir, name, name_size, node);
	if (st)
		return st;
	txn_begin();
	request_reply_args(r, node, sizeof(*node));
	return finish_transaction(r, OK);
}

static s64 make(struct service_request *r, u8 type, const char *target, u32 target_size)
{
	const struct vfs_create_request *q = request_args(r);
	const char *name = payload_text(r);
	u32 name_size = r->message.payload_size;
	struct share_fid *d;
	struct vfs_node node;
	struct p9 m;
	status_t st = name_check(name, name_size);
	if (!st && is_hidden_name(name, name_size))
		st = ERR_INVAL;
	if (!st)
		st = share_acquire(q->fs, q->dir, &d);
	if (st)
		return st;
	share_begin(&m, type);
	p9_put32(&m, d->fid);
	p9_put_string(&m, name, name_size);
	if (type == P9_TSYMLINK) {
		p9_put_string(&m, target, target_size);
	} else {
		p9_put32(&m, type == P9_TMKDIR ? q->mode & 07777 : q->mode);
		if (type == P9_TMKNOD) {
			p9_put32(&m, (u32)(q->rdev >> 8 & 0xfff));
			p9_put32(&m, (u32)(q->rdev & 0xff));
		}
	}
	p9_put32(&m, P9_NO_ID);
	st = share_exchange(q->fs, &m, r);
	share_release(d);
	return st ? st : answer_made(r, q->fs, q->dir, name, name_size, &node);
}

SHARE_HANDLER(mkdir) { return make(r, P9_TMKDIR, NULL, 0); }
SHARE_HANDLER(symlink) { return make(r, P9_TSYMLINK, (const char *)r->payload2, r->message.payload2_size); }

/* The fid that creates is open afterwards and is kept: the mode may forbid to open the file again. */
SHARE_HANDLER(create)
{
	const struct vfs_create_request *q = request_args(r);
	const char *name = payload_text(r);
	u32 name_size = r->message.payload_size, type = q->mode & MODE_TYPE;
	struct share_fid *d;
	struct vfs_node node;
	struct p9 m;
	if (type && type != MODE_REGULAR)
		return make(r, P9_TMKNOD, NULL, 0);
	status_t st = name_check(name, name_size);
	if (!st && is_hidden_name(name, name_size))
		st = ERR_INVAL;
	if (!st)
		st = share_acquire(q->fs, q->dir, &d);
	if (st)
		return st;
	u32 fid = share_new_fid();
	st = share_walk_name(q->fs, d->fid, fid, NULL, 0, NULL);
	share_release(d);
	if (st)
		return st;
	share_begin(&m, P9_TLCREATE);
	p9_put32(&m, fid);
	p9_put_string(&m, name, name_size);
	p9_put32(&m, P9_OPEN_READ_WRITE | P9_OPEN_CREATE_EXCLUSIVE);
	p9_put32(&m, q->mode & 07777);
	p9_put32(&m, P9_NO_ID);
	st = share_exchange(q->fs, &m, r);
	if (st) {
		share_clunk(q->fs, fid);
		return st;
	}
	s64 done = answer_made(r, q->fs, q->dir, name, name_size, &node);
	if (done < 0 || r->message.flags & IPC_RETRY)
		share_clunk(q->fs, fid); /* a repeat's fid was never opened */
	else
		share_adopt_open(q->fs, node.cookie, fid, P9_OPEN_READ_WRITE);
	return done;
}

SHARE_HANDLER(link)
{
	const struct vfs_link_request *q = request_args(r);
	const char *name = payload_text(r);
	u32 name_size = r->message.payload_size;
	struct share_fid *d, *f;
	struct vfs_node node;
	struct p9 m;
	status_t st = name_check(name, name_size);
	if (!st)
		st = share_acquire(q->fs, q->dir, &d);
	if (st)
		return st;
	st = share_acquire(q->fs, q->cookie, &f);
	if (!st) {
		share_begin(&m, P9_TLINK);
		p9_put32(&m, d->fid);
		p9_put32(&m, f->fid);
		p9_put_string(&m, name, name_size);
		st = share_exchange(q->fs, &m, r);
		share_release(f);
	}
	share_release(d);
	if (!st)
		st = share_lookup(r, q->fs, q->dir, name, name_size, &node);
	if (st)
		return st;
	txn_begin();
	request_reply_args(r, &node.attr, sizeof(node.attr));
	return finish_transaction(r, OK);
}

static status_t send_rename(u32 fs, u32 old_dir, const char *old_name, u32 old_size, u32 new_dir,
			    const char *new_name, u32 new_size, struct service_request *change)
{
	struct p9 m;
	share_begin(&m, P9_TRENAMEAT);
	p9_put32(&m, old_dir);
	p9_put_string(&m, old_name, old_size);
	p9_put32(&m, new_dir);
	p9_put_string(&m, new_name, new_size);
	return share_exchange(fs, &m, change);
}

static status_t send_unlink(u32 fs, u32 dir, const char *name, u32 name_size, u32 flags, struct service_request *change)
{
	struct p9 m;
	share_begin(&m, P9_TUNLINKAT);
	p9_put32(&m, dir);
	p9_put_string(&m, name, name_size);
	p9_put32(&m, flags);
	return share_exchange(fs, &m, change);
}

/* The name is gone: the record goes, or stays under the hidden name. Within a transaction. */
static status_t note_unlinked(u32 fs, u64 id, bool hidden, u32 nlink)
{
	char name[HIDDEN_NAME_MAX];
	struct share_path *p = path_find(fs, id);
	if (!p)
		return OK;
	if (hidden) {
		TXN_SET(p->flags, (u8)PATH_HIDDEN);
		return path_rename(p, p->parent, name, hidden_name(id, name));
	}
	if (nlink)
		TXN_SET(p->flags, (u8)PATH_GONE); /* found again under another of its names */
	else
		path_forget(p);
	return OK;
}

/* What (dir, name) is now. On a repeat the name may be gone already: then only the cookie's record can say. */
static status_t victim_of(struct service_request *r, u32 fs, u64 dir, const char *name, u32 name_size,
			  struct vfs_node *out)
{
	return is_hidden_name(name, name_size) ? ERR_NOENT : share_lookup(r, fs, dir, name, name_size, out);
}

static s64 unlink_as(struct service_request *r, bool directory)
{
	const struct vfs_name_request *q = request_args(r);
	const char *name = payload_text(r);
	u32 name_size = r->message.payload_size;
	struct share_fid *d;
	struct vfs_node victim = { 0 };
	char hidden[HIDDEN_NAME_MAX];
	status_t st = victim_of(r, q->fs, q->dir, name, name_size, &victim);
	bool repeat = st == ERR_NOENT && r->message.flags & IPC_RETRY;
	if (st && !repeat)
		return st;
	bool hide = !directory && q->flags & VFS_UNLINK_KEEP && victim.attr.nlink == 1;
	st = share_acquire(q->fs, q->dir, &d);
	if (st)
		return st;
	u32 hidden_size = hide ? hidden_name(victim.cookie, hidden) : 0;
	if (hide)
		st = send_rename(q->fs, d->fid, name, name_size, d->fid, hidden, hidden_size, r);
	else
		st = send_unlink(q->fs, d->fid, name, name_size, directory ? AT_REMOVEDIR : 0, r);
	share_release(d);
	if (st)
		return st;
	u32 left = directory || !victim.attr.nlink ? 0 : victim.attr.nlink - 1;
	struct vfs_unlink_reply out = { .cookie = victim.cookie, .nlink = left };
	if (!hide)
		share_drop(q->fs, victim.cookie);
	txn_begin();
	st = victim.cookie ? note_unlinked(q->fs, victim.cookie, hide, left) : OK;
	request_reply_args(r, &out, sizeof(out));
	return finish_transaction(r, st);
}
SHARE_HANDLER(unlink) { return unlink_as(r, false); }
SHARE_HANDLER(rmdir) { return unlink_as(r, true); }

struct share_rename {
	const char *old_name, *new_name;
	u32 old_size, new_size;
	struct vfs_node moved, replaced;
	bool hide;
};

/* A replaced object that is in use moves to its hidden name first. A repeat finds it there and goes on. */
static status_t hide_replaced(u32 fs, struct share_fid *dir, const struct share_rename *n)
{
	char hidden[HIDDEN_NAME_MAX];
	u32 size = hidden_name(n->replaced.cookie, hidden);
	status_t st = send_rename(fs, dir->fid, n->new_name, n->new_size, dir->fid, hidden, size, NULL);
	if (st)
		return st;
	txn_begin();
	st = note_unlinked(fs, n->replaced.cookie, true, 0);
	if (st)
		txn_abort();
	else
		txn_commit(NULL, OK);
	return st;
}

static status_t rename_act(struct service_request *r, const struct share_rename *n)
{
	const struct vfs_rename_request *q = request_args(r);
	struct share_fid *from, *to;
	status_t st = share_acquire(q->fs, q->old_dir, &from);
	if (st)
		return st;
	st = share_acquire(q->fs, q->new_dir, &to);
	if (!st) {
		if (n->hide)
			st = hide_replaced(q->fs, to, n);
		if (!st)
			st = send_rename(q->fs, from->fid, n->old_name, n->old_size, to->fid, n->new_name, n->new_size, r);
		share_release(to);
	}
	share_release(from);
	return st;
}

static status_t rename_resolve(struct service_request *r, struct share_rename *n)
{
	const struct vfs_rename_request *q = request_args(r);
	bool repeat = r->message.flags & IPC_RETRY;
	if (q->flags & ~(RENAME_NOREPLACE | VFS_UNLINK_KEEP))
		return ERR_INVAL; /* the server cannot exchange */
	if (is_hidden_name(n->new_name, n->new_size))
		return ERR_INVAL;
	status_t st = victim_of(r, q->fs, q->old_dir, n->old_name, n->old_size, &n->moved);
	if (st && !(repeat && st == ERR_NOENT))
		return st;
	bool gone = st == ERR_NOENT;
	st = victim_of(r, q->fs, q->new_dir, n->new_name, n->new_size, &n->replaced);
	if (st && st != ERR_NOENT)
		return st;
	if (gone) { /* the first try has moved it */
		n->moved = n->replaced;
		n->replaced = (struct vfs_node){ 0 };
		return st;
	}
	if (!st && q->flags & RENAME_NOREPLACE)
		return ERR_EXIST;
	n->hide = !st && q->flags & VFS_UNLINK_KEEP && n->replaced.attr.nlink == 1 &&
		  (n->replaced.attr.mode & MODE_TYPE) != MODE_DIRECTORY;
	return OK;
}

SHARE_HANDLER(rename)
{
	const struct vfs_rename_request *q = request_args(r);
	struct share_rename n = {
		.old_name = payload_text(r), .new_name = (const char *)r->payload2, .old_size = r->message.payload_size,
		.new_size = r->message.payload2_size,
	};
	struct vfs_rename_reply out = { 0 };
	status_t st = rename_resolve(r, &n);
	if (!st)
		st = rename_act(r, &n);
	if (st)
		return st;
	out.moved_cookie = n.moved.cookie;
	if (n.replaced.cookie && n.replaced.cookie != n.moved.cookie) {
		bool directory = (n.replaced.attr.mode & MODE_TYPE) == MODE_DIRECTORY;
		out.replaced = 1;
		out.replaced_cookie = n.replaced.cookie;
		out.replaced_nlink = directory ? 0 : n.replaced.attr.nlink - 1;
		if (!n.hide)
			share_drop(q->fs, n.replaced.cookie);
	}
	txn_begin();
	struct share_path *p = path_find(q->fs, n.moved.cookie);
	st = p ? path_rename(p, q->new_dir, n.new_name, n.new_size) : OK;
	if (!st && out.replaced && !n.hide)
		st = note_unlinked(q->fs, n.replaced.cookie, false, out.replaced_nlink);
	request_reply_args(r, &out, sizeof(out));
	return finish_transaction(r, st);
}

/* The hidden name of an object that was kept. */
SHARE_HANDLER(forget)
{
	const struct vfs_node_request *q = request_args(r);
	char name[HIDDEN_NAME_MAX];
	state_lock();
	struct share_path *p = path_find(q->fs, q->cookie);
	bool hidden = p && p->flags & PATH_HIDDEN;
	u64 parent = p ? p->parent : 0;
	state_unlock();
	share_drop(q->fs, q->cookie);
	if (hidden) {
		struct share_fid *d;
		status_t st = share_acquire(q->fs, parent, &d);
		if (!st) {
			st = send_unlink(q->fs, d->fid, name, hidden_name(q->cookie, name), 0, NULL);
			share_release(d);
		}
		if (st && st != ERR_NOENT)
			service_log("share: hidden file %s stays: %d", name, st);
	}
	txn_begin();
	p = path_find(q->fs, q->cookie);
	if (p && p->flags & (PATH_HIDDEN | PATH_GONE))
		path_forget(p);
	return finish_transaction(r, OK);
}

/* Owners: a change to the ids that are shown is nothing, any other is refused. */
static status_t check_owner(const struct service_request *r, const struct vfs_setattr_request *q,
			    const struct vfs_attributes *now)
{
	if (q->valid & VFS_SET_UID && q->uid != now->uid && q->uid != r->message.caller.uid)
		return ERR_PERM;
	if (q->valid & VFS_SET_GID && q->gid != now->gid && q->gid != r->message.caller.gid)
		return ERR_PERM;
	return OK;
}

static void put_time(struct p9 *m, bool set, s64 ns)
{
	s64 seconds = ns / (s64)NSEC_PER_SEC, rest = ns % (s64)NSEC_PER_SEC;
	if (rest < 0) {
		rest += (s64)NSEC_PER_SEC;
		seconds--;
	}
	p9_put64(m, set ? (u64)seconds : 0);
	p9_put64(m, set ? (u64)rest : 0);
}

SHARE_HANDLER(setattr)
{
	const struct vfs_setattr_request *q = request_args(r);
	struct share_fid *f;
	struct p9_attributes a;
	struct p9 m;
	status_t st = share_acquire(q->fs, q->cookie, &f);
	if (st)
		return st;
	st = share_getattr(q->fs, f->fid, &a);
	struct vfs_attributes now = share_attributes(r, q->fs, &a);
	if (!st)
		st = check_owner(r, q, &now);
	u32 valid = (q->valid & VFS_SET_MODE ? P9_SET_MODE : 0) | (q->valid & VFS_SET_SIZE ? P9_SET_SIZE : 0) |
		    (q->valid & VFS_SET_ATIME ? P9_SET_ATIME | P9_SET_ATIME_TO : 0) |
		    (q->valid & VFS_SET_MTIME ? P9_SET_MTIME | P9_SET_MTIME_TO : 0);
	if (!st && valid) {
		share_begin(&m, P9_TSETATTR);
		p9_put32(&m, f->fid);
		p9_put32(&m, valid);
		p9_put32(&m, q->mode & 07777);
		p9_put32(&m, P9_NO_ID);
		p9_put32(&m, P9_NO_ID);
		p9_put64(&m, q->valid & VFS_SET_SIZE ? q->size : 0);
		put_time(&m, q->valid & VFS_SET_ATIME, q->atime_ns);
		put_time(&m, q->valid & VFS_SET_MTIME, q->mtime_ns);
		st = share_exchange(q->fs, &m, NULL);
		if (!st)
			st = share_getattr(q->fs, f->fid, &a);
	}
	share_release(f);
	if (st)
		return st;
	now = share_attributes(r, q->fs, &a);
	request_reply_args(r, &now, sizeof(now));
	return OK;
}
