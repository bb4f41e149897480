// SPDX-License-Identifier: MIT
// Objects of a share that are in use and have no name. The server loses unlinked open files, so unlinking one renames it to a
// hidden name; FORGET unlinks that. The kernel forgets each kept object once.
// The hidden names lie in one folder of the share's root that is made when it is needed, so that the folder which lost the
// name can be removed, and that the launcher removes when no VM uses the share any more (tools/ambos/share_lock.c). What
// cannot be moved there (another file system of the host, a root that may not be written) is hidden where it is.
#include "share.h"

static u32 hidden_folder_name(char out[HIDDEN_NAME_MAX])
{
	return (u32)fmt_snprintf(out, HIDDEN_NAME_MAX, HIDDEN_PREFIX "%llx", (unsigned long long)vfsd_state()->boot_id[0]);
}

/* Other VMs may hide in the same folder. */
u32 hidden_name(u64 id, char out[HIDDEN_NAME_MAX])
{
	return (u32)fmt_snprintf(out, HIDDEN_NAME_MAX, HIDDEN_PREFIX "%llx-%llx", (unsigned long long)vfsd_state()->boot_id[0],
				 (unsigned long long)id);
}

static status_t make_folder(u32 fs, u32 root, const char *name, u32 name_size)
{
	struct p9 m;
	share_begin(&m, P9_TMKDIR);
	p9_put32(&m, root);
	p9_put_string(&m, name, name_size);
	p9_put32(&m, 0700);
	p9_put32(&m, P9_NO_ID);
	return share_exchange(fs, &m, NULL);
}

/* The hidden folder's cookie and its fid, pinned. */
static status_t folder_acquire(u32 fs, struct share_fid **out)
{
	char name[HIDDEN_NAME_MAX];
	u32 name_size = hidden_folder_name(name), fid = share_new_fid();
	struct share_fid *root;
	struct p9_qid qid;
	u64 id = 0;
	status_t st = share_acquire(fs, SHARE_ROOT_COOKIE, &root);
	if (st)
		return st;
	st = share_walk_name(fs, root->fid, fid, name, name_size, &qid);
	if (st == ERR_NOENT) {
		st = make_folder(fs, root->fid, name, name_size);
		if (!st || st == ERR_EXIST)
			st = share_walk_name(fs, root->fid, fid, name, name_size, &qid);
	}
	share_release(root);
	if (st)
		return st;
	st = share_learn(fs, &qid, SHARE_ROOT_COOKIE, name, name_size, &id);
	if (st) {
		share_clunk(fs, fid);
		return st;
	}
	share_adopt(fs, id, fid);
	return share_acquire(fs, id, out);
}

status_t share_hide(struct service_request *r, u32 fs, u64 dir, u32 dir_fid, const char *name, u32 name_size, u64 victim,
		    u64 *hidden_in)
{
	char hidden[HIDDEN_NAME_MAX];
	u32 size = hidden_name(victim, hidden);
	struct share_fid *folder;
	status_t st = folder_acquire(fs, &folder);
	if (!st) {
		*hidden_in = folder->id;
		st = share_send_rename(fs, dir_fid, name, name_size, folder->fid, hidden, size, r, HIDE_STEP);
		share_release(folder);
	}
	if (!st)
		return OK;
	*hidden_in = dir;
	return share_send_rename(fs, dir_fid, name, name_size, dir_fid, hidden, size, r, HIDE_HERE_STEP);
}

void share_show(struct service_request *r, u32 fs, u32 dir_fid, const char *name, u32 name_size, u64 victim, u64 hidden_in)
{
	char hidden[HIDDEN_NAME_MAX];
	u32 size = hidden_name(victim, hidden);
	struct share_fid *folder;
	status_t st = share_acquire(fs, hidden_in, &folder);
	if (!st) {
		st = share_send_rename(fs, folder->fid, hidden, size, dir_fid, name, name_size, r, SHOW_STEP);
		share_release(folder);
	}
	if (st)
		service_log("share: %s could not be shown again: %d", hidden, st);
}

/* Where the record says that the object is hidden. False: it is not. */
struct hidden_place { u64 folder; u32 name_size; char name[HIDDEN_NAME_MAX]; };
static bool hidden_place(const struct share_path *p, struct hidden_place *out)
{
	const char *name = p ? state_ptr(p->name) : NULL;
	if (!name || !(p->flags & PATH_HIDDEN) || p->name_size > sizeof(out->name))
		return false;
	out->folder = p->parent;
	out->name_size = p->name_size;
	memcpy(out->name, name, p->name_size);
	return true;
}

static status_t remove_hidden(u32 fs, const struct hidden_place *at, struct service_request *change, u32 step)
{
	struct share_fid *folder;
	status_t st = share_acquire(fs, at->folder, &folder);
	if (st)
		return st;
	st = share_send_unlink(fs, folder->fid, at->name, at->name_size, 0, change, step);
	share_release(folder);
	return st;
}

SHARE_HANDLER(forget)
{
	const struct vfs_node_request *q = request_args(r);
	struct hidden_place at;
	txn_begin();
	struct share_path *p = path_find(q->fs, q->cookie);
	bool hidden = hidden_place(p, &at);
	if (hidden)
		path_detach(p);
	txn_commit(NULL, OK);
	share_drop(q->fs, q->cookie);
	status_t st = hidden ? remove_hidden(q->fs, &at, NULL, 0) : OK;
	if (st && st != ERR_NOENT)
		service_log("share: hidden file %.*s stays: %d", (int)at.name_size, at.name, st);
	txn_begin();
	p = path_find(q->fs, q->cookie);
	if (p && p->flags & (PATH_HIDDEN | PATH_GONE))
		path_forget(p);
	return finish_transaction(r, OK);
}

void share_hidden_linked(struct service_request *r, u32 fs, u64 id)
{
	struct hidden_place at;
	state_lock();
	bool hidden = hidden_place(path_find(fs, id), &at);
	state_unlock();
	if (!hidden)
		return;
	status_t st = remove_hidden(fs, &at, r, REVEAL_STEP);
	if (st && st != ERR_NOENT)
		service_log("share: hidden file %.*s stays: %d", (int)at.name_size, at.name, st);
	share_drop(fs, id); /* its fid is the old name's */
}

/* O_TMPFILE: made in the hidden folder; a name that a repeat of the call makes again. */
static status_t make_unnamed(struct service_request *r, u32 fs, u32 mode, struct share_fid *folder, u32 fid,
			     struct vfs_node *node)
{
	char name[HIDDEN_NAME_MAX];
	struct p9_attributes a;
	u64 id = 0;
	u32 size = (u32)fmt_snprintf(name, sizeof(name), HIDDEN_PREFIX "t%llx", (unsigned long long)r->message.call_id);
	status_t st = share_walk_name(fs, folder->fid, fid, NULL, 0, NULL);
	if (st)
		return st;
	st = share_lcreate(fs, fid, name, size, mode, r);
	share_clunk(fs, fid);
	if (!st)
		st = share_walk_name(fs, folder->fid, fid, name, size, NULL);
	if (st)
		return st;
	st = share_getattr(fs, fid, &a);
	if (!st)
		st = share_learn(fs, &a.qid, folder->id, name, size, &id);
	if (st) {
		share_clunk(fs, fid);
		return st;
	}
	share_adopt(fs, id, fid);
	share_fill_node(r, fs, id, &a, node);
	return OK;
}

SHARE_HANDLER(tmpfile)
{
	const struct vfs_create_request *q = request_args(r);
	struct share_fid *folder;
	struct vfs_node node;
	if ((q->mode & MODE_TYPE) != MODE_REGULAR || folder_acquire(q->fs, &folder))
		return ERR_OPNOTSUPP; /* a folder that may not be written: programs fall back on a name */
	status_t st = make_unnamed(r, q->fs, q->mode, folder, share_new_fid(), &node);
	share_release(folder);
	if (st)
		return st;
	txn_begin();
	struct share_path *p = path_find(q->fs, node.cookie);
	if (p)
		TXN_SET(p->flags, (u8)(p->flags | PATH_HIDDEN));
	request_reply_args(r, &node, sizeof(node));
	return finish_transaction(r, OK);
}
