// SPDX-License-Identifier: MIT
// Requests that change names and attributes on a 9p share. The one exchange that acts is a nested call (share.h), what
// is learnt from it goes into the path records afterwards; the reply is stored with that commit.
// Objects that are still in use when they lose their name: share_hide.c.
#include "share.h"

#define RENAME_NOREPLACE 1u
#define AT_REMOVEDIR 0x200u

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
	if (st == ERR_NXIO && type == P9_TMKNOD)
		st = ERR_PERM; /* the server opens what it made and refuses special files: mknod(2) says EPERM for that */
	return st ? st : answer_made(r, q->fs, q->dir, name, name_size, &node);
}

SHARE_HANDLER(mkdir) { return make(r, P9_TMKDIR, NULL, 0); }
SHARE_HANDLER(symlink) { return make(r, P9_TSYMLINK, (const char *)r->payload2, r->message.payload2_size); }

status_t share_lcreate(u32 fs, u32 fid, const char *name, u32 name_size, u32 mode, struct service_request *change)
{
	struct p9 m;
	share_begin(&m, P9_TLCREATE);
	p9_put32(&m, fid);
	p9_put_string(&m, name, name_size);
	p9_put32(&m, P9_OPEN_READ_WRITE | P9_OPEN_CREATE_EXCLUSIVE);
	p9_put32(&m, mode & 07777);
	p9_put32(&m, P9_NO_ID);
	return share_exchange(fs, &m, change);
}

/* The fid that creates is open afterwards and is kept: the mode may forbid to open the file again. */
SHARE_HANDLER(create)
{
	const struct vfs_create_request *q = request_args(r);
	const char *name = payload_text(r);
	u32 name_size = r->message.payload_size, type = q->mode & MODE_TYPE;
	struct share_fid *d;
	struct vfs_node node;
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
	st = share_lcreate(q->fs, fid, name, name_size, q->mode, r);
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

/* A repeat may find the hidden name of an unnamed object gone: then the exchange is not sent but answered from the store. */
static status_t send_link(struct service_request *r, u32 fs, u32 dir, u64 id, const char *name, u32 name_size)
{
	struct share_fid *f = NULL;
	struct p9 m;
	status_t st = share_acquire(fs, id, &f);
	if (st && !(r->message.flags & IPC_RETRY))
		return st;
	share_begin(&m, P9_TLINK);
	p9_put32(&m, dir);
	p9_put32(&m, f ? f->fid : P9_NO_FID);
	p9_put_string(&m, name, name_size);
	st = share_exchange(fs, &m, r);
	if (f)
		share_release(f);
	return st;
}

SHARE_HANDLER(link)
{
	const struct vfs_link_request *q = request_args(r);
	const char *name = payload_text(r);
	u32 name_size = r->message.payload_size;
	struct share_fid *d;
	struct vfs_node node;
	status_t st = name_check(name, name_size);
	if (!st)
		st = share_acquire(q->fs, q->dir, &d);
	if (st)
		return st;
	st = send_link(r, q->fs, d->fid, q->cookie, name, name_size);
	share_release(d);
	if (st)
		return st;
	share_hidden_linked(r, q->fs, q->cookie);
	st = share_lookup(r, q->fs, q->dir, name, name_size, &node);
	if (st)
		return st;
	txn_begin();
	request_reply_args(r, &node.attr, sizeof(node.attr));
	return finish_transaction(r, OK);
}

status_t share_send_rename(u32 fs, u32 old_dir, const char *old_name, u32 old_size, u32 new_dir, const char *new_name,
			   u32 new_size, struct service_request *change, u32 step)
{
	struct p9 m;
	share_begin(&m, P9_TRENAMEAT);
	p9_put32(&m, old_dir);
	p9_put_string(&m, old_name, old_size);
	p9_put32(&m, new_dir);
	p9_put_string(&m, new_name, new_size);
	return share_exchange_step(fs, &m, change, step);
}

status_t share_send_unlink(u32 fs, u32 dir, const char *name, u32 name_size, u32 flags, struct service_request *change,
			   u32 step)
{
	struct p9 m;
	share_begin(&m, P9_TUNLINKAT);
	p9_put32(&m, dir);
	p9_put_string(&m, name, name_size);
	p9_put32(&m, flags);
	return share_exchange_step(fs, &m, change, step);
}

/* ---- intents: a repeat must do what the first try had begun, though the names have changed since ---- */
static struct share_intent *intent_find(u64 call_id)
{
	for (u32 i = 0; i < INTENTS; i++)
		if (vfsd_state()->intents[i].call_id == call_id)
			return &vfsd_state()->intents[i];
	return NULL;
}

static bool intent_known(const struct service_request *r, struct share_intent *out)
{
	state_lock();
	struct share_intent *i = r->message.flags & IPC_RETRY ? intent_find(r->message.call_id) : NULL;
	if (i)
		*out = *i;
	state_unlock();
	return i;
}

static u32 links_left(const struct share_intent *i)
{
	return i->directory || !i->victim_links ? 0 : i->victim_links - 1;
}

/* A place for a new one: a call that is long over (its error came from outside) leaves the oldest. Locked. */
static struct share_intent *intent_place(void)
{
	struct share_intent *oldest = &vfsd_state()->intents[0];
	for (u32 i = 1; i < INTENTS && oldest->call_id; i++)
		if (vfsd_state()->intents[i].call_id < oldest->call_id)
			oldest = &vfsd_state()->intents[i];
	return oldest;
}

/* What loses its last name leaves the qid table first: the server may give the inode's number to a new object before
 * we have its answer. */
static void intent_note(const struct service_request *r, u32 fs, struct share_intent *intent)
{
	intent->call_id = r->message.call_id;
	txn_begin();
	txn_write(intent_place(), intent, sizeof(*intent));
	struct share_path *p = intent->victim && !intent->hide && !links_left(intent) ? path_find(fs, intent->victim) : NULL;
	if (p)
		path_detach(p);
	txn_commit(NULL, OK);
}

/* Within the transaction that ends the call. */
static void intent_done(const struct service_request *r)
{
	struct share_intent *i = intent_find(r->message.call_id);
	if (i)
		TXN_SET(i->call_id, (u64)0);
}

static void intent_victim(struct share_intent *i, const struct vfs_node *victim, u32 flags)
{
	i->victim = victim->cookie;
	i->victim_links = victim->attr.nlink;
	i->directory = (victim->attr.mode & MODE_TYPE) == MODE_DIRECTORY;
	i->hide = !i->directory && flags & VFS_UNLINK_KEEP && victim->attr.nlink == 1;
}

/* The server refused: the name stays. The reply is stored, so that a repeat does not begin anew. */
static s64 intent_failed(struct service_request *r, u32 fs, const struct share_intent *i, status_t st)
{
	txn_begin();
	struct share_path *p = path_find(fs, i->victim);
	if (p && path_attach(p))
		path_forget(p); /* no space: the next look-up learns it anew */
	intent_done(r);
	txn_commit(r, st);
	return st;
}

/* The name is gone: the record goes, or stays under the hidden name. Within a transaction. */
static status_t note_unlinked(u32 fs, const struct share_intent *i, u64 hidden_in)
{
	char name[HIDDEN_NAME_MAX];
	struct share_path *p = path_find(fs, i->victim);
	if (!p)
		return OK;
	if (i->hide) {
		TXN_SET(p->flags, (u8)(p->flags | PATH_HIDDEN));
		return path_rename(p, hidden_in, name, hidden_name(i->victim, name));
	}
	if (links_left(i))
		TXN_SET(p->flags, (u8)(p->flags | PATH_GONE)); /* found again under another of its names */
	else
		path_forget(p);
	return OK;
}

static status_t look(struct service_request *r, u32 fs, u64 dir, const char *name, u32 name_size, struct vfs_node *out)
{
	return is_hidden_name(name, name_size) ? ERR_NOENT : share_lookup(r, fs, dir, name, name_size, out);
}

static s64 unlink_as(struct service_request *r, bool directory)
{
	const struct vfs_name_request *q = request_args(r);
	const char *name = payload_text(r);
	u32 name_size = r->message.payload_size;
	struct share_fid *d;
	struct share_intent i = { 0 };
	struct vfs_node victim;
	u64 hidden_in = 0;
	status_t st;
	if (!intent_known(r, &i)) {
		st = look(r, q->fs, q->dir, name, name_size, &victim);
		if (st)
			return st;
		intent_victim(&i, &victim, q->flags);
		if (i.directory != directory)
			return directory ? ERR_NOTDIR : ERR_ISDIR;
		intent_note(r, q->fs, &i);
	}
	st = share_acquire(q->fs, q->dir, &d);
	if (st)
		return intent_failed(r, q->fs, &i, st);
	if (i.hide)
		st = share_hide(r, q->fs, q->dir, d->fid, name, name_size, i.victim, &hidden_in);
	else
		st = share_send_unlink(q->fs, d->fid, name, name_size, directory ? AT_REMOVEDIR : 0, r, CHANGE_STEP);
	share_release(d);
	if (st)
		return intent_failed(r, q->fs, &i, st);
	if (!i.hide)
		share_drop(q->fs, i.victim);
	struct vfs_unlink_reply out = { .cookie = i.victim, .nlink = links_left(&i) };
	txn_begin();
	st = note_unlinked(q->fs, &i, hidden_in);
	if (!st)
		intent_done(r);
	request_reply_args(r, &out, sizeof(out));
	return finish_transaction(r, st);
}
SHARE_HANDLER(unlink) { return unlink_as(r, false); }
SHARE_HANDLER(rmdir) { return unlink_as(r, true); }

static status_t rename_resolve(struct service_request *r, struct share_intent *i)
{
	const struct vfs_rename_request *q = request_args(r);
	const char *new_name = (const char *)r->payload2;
	u32 new_size = r->message.payload2_size;
	struct vfs_node moved, replaced;
	if (q->flags & ~(RENAME_NOREPLACE | VFS_UNLINK_KEEP) || is_hidden_name(new_name, new_size))
		return ERR_INVAL; /* the server cannot exchange */
	if (intent_known(r, i))
		return OK;
	status_t st = look(r, q->fs, q->old_dir, payload_text(r), r->message.payload_size, &moved);
	if (st)
		return st;
	st = look(r, q->fs, q->new_dir, new_name, new_size, &replaced);
	if (st && st != ERR_NOENT)
		return st;
	if (!st && q->flags & RENAME_NOREPLACE)
		return ERR_EXIST;
	if (!st && replaced.cookie != moved.cookie)
		intent_victim(i, &replaced, q->flags);
	i->moved = moved.cookie;
	intent_note(r, q->fs, i);
	return OK;
}

/* A replaced object that is in use is hidden first, and shown again when the rename is refused. */
static status_t rename_between(struct service_request *r, const struct share_intent *i, u32 from, u32 to, u64 *hidden_in)
{
	const struct vfs_rename_request *q = request_args(r);
	const char *new_name = (const char *)r->payload2;
	u32 new_size = r->message.payload2_size;
	bool hide = i->victim && i->hide;
	status_t st = hide ? share_hide(r, q->fs, q->new_dir, to, new_name, new_size, i->victim, hidden_in) : OK;
	if (st)
		return st;
	st = share_send_rename(q->fs, from, payload_text(r), r->message.payload_size, to, new_name, new_size, r, CHANGE_STEP);
	if (st && hide)
		share_show(r, q->fs, to, new_name, new_size, i->victim, *hidden_in);
	return st;
}

static status_t rename_act(struct service_request *r, const struct share_intent *i, u64 *hidden_in)
{
	const struct vfs_rename_request *q = request_args(r);
	struct share_fid *from, *to;
	status_t st = share_acquire(q->fs, q->old_dir, &from);
	if (st)
		return st;
	st = share_acquire(q->fs, q->new_dir, &to);
	if (!st) {
		st = rename_between(r, i, from->fid, to->fid, hidden_in);
		share_release(to);
	}
	share_release(from);
	return st;
}

SHARE_HANDLER(rename)
{
	const struct vfs_rename_request *q = request_args(r);
	struct share_intent i = { 0 };
	u64 hidden_in = 0;
	status_t st = rename_resolve(r, &i);
	if (st)
		return st;
	st = rename_act(r, &i, &hidden_in);
	if (st)
		return intent_failed(r, q->fs, &i, st);
	struct vfs_rename_reply out = { .moved_cookie = i.moved };
	if (i.victim) {
		out.replaced = 1;
		out.replaced_cookie = i.victim;
		out.replaced_nlink = links_left(&i);
		if (!i.hide)
			share_drop(q->fs, i.victim);
	}
	txn_begin();
	struct share_path *p = path_find(q->fs, i.moved);
	st = p ? path_rename(p, q->new_dir, (const char *)r->payload2, r->message.payload2_size) : OK;
	if (!st && i.victim)
		st = note_unlinked(q->fs, &i, hidden_in);
	if (!st)
		intent_done(r);
	request_reply_args(r, &out, sizeof(out));
	return finish_transaction(r, st);
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
	if (q->valid & VFS_SET_DOS && q->dos_attributes)
		return ERR_OPNOTSUPP;
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
