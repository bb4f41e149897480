// SPDX-License-Identifier: MIT
// Requests on 9p shares that change nothing there: mount, look-up, attributes, listings, data. Changes of names and
// attributes are in share_change.c. WRITE repeats harmlessly, so it is here.
#include "share.h"

#define P9_MAGIC 0x01021997u
#define READ_HEADER 11u
#define WRITE_HEADER 23u
#define TRIES 2 /* a fid may be clunked between finding and using it: once more with a fresh one */

bool is_hidden_name(const char *name, u32 size)
{
	u32 n = sizeof(HIDDEN_PREFIX) - 1;
	return size >= n && !memcmp(name, HIDDEN_PREFIX, n);
}

struct vfs_attributes share_attributes(const struct service_request *r, u32 fs, const struct p9_attributes *a)
{
	struct fs_record *f = &vfsd_state()->fs[fs];
	return (struct vfs_attributes){
		.ino = a->qid.path,
		.mode = a->mode,
		.nlink = (u32)MIN(a->nlink, (u64)UINT32_MAX),
		.uid = a->uid == f->host_uid ? r->message.caller.uid : a->uid,
		.gid = a->gid == f->host_gid ? r->message.caller.gid : a->gid,
		.rdev = (u32)a->rdev,
		.size = a->size,
		.blocks_512 = a->blocks,
		.atime_ns = a->atime_ns,
		.mtime_ns = a->mtime_ns,
		.ctime_ns = a->ctime_ns,
		.btime_ns = a->ctime_ns,
	};
}

void share_fill_node(struct service_request *r, u32 fs, u64 id, const struct p9_attributes *a, struct vfs_node *out)
{
	*out = (struct vfs_node){ .cookie = id,
				  .attr = share_attributes(r, fs, a),
				  .backing = VFS_NO_BACKING,
				  .lease_ns = VFS_SHARED_LEASE_NS };
}

/* The record's cookie for what was found under (dir, name). */
status_t share_learn(u32 fs, const struct p9_qid *qid, u64 dir, const char *name, u32 name_size, u64 *id)
{
	txn_begin();
	struct share_path *p = path_learn(fs, qid, dir, name, name_size);
	if (!p) {
		txn_abort();
		return ERR_NOMEM;
	}
	*id = p->id;
	txn_commit(NULL, OK);
	return OK;
}

status_t share_lookup(struct service_request *r, u32 fs, u64 dir, const char *name, u32 name_size, struct vfs_node *out)
{
	struct share_fid *d;
	struct p9_attributes a;
	u64 id = 0;
	status_t st = share_acquire(fs, dir, &d);
	if (st)
		return st;
	u32 fid = share_new_fid();
	st = share_walk_name(fs, d->fid, fid, name, name_size, NULL);
	share_release(d);
	if (st)
		return st;
	st = share_getattr(fs, fid, &a);
	if (!st)
		st = share_learn(fs, &a.qid, dir, name, name_size, &id);
	if (st) {
		share_clunk(fs, fid);
		return st;
	}
	share_adopt(fs, id, fid);
	share_fill_node(r, fs, id, &a, out);
	return OK;
}

/* The record of the object when it says that the name leads to it. */
static bool known_record(const struct service_request *r, const struct vfs_name_request *q, struct p9_qid *qid)
{
	state_lock();
	const struct share_path *p = q->known ? path_find(q->fs, q->known) : NULL;
	const char *name = p ? state_ptr(p->name) : NULL;
	bool known = name && !p->flags && p->parent == q->dir && p->name_size == r->message.payload_size &&
		     !memcmp(name, payload_text(r), p->name_size);
	if (known)
		*qid = (struct p9_qid){ .path = p->qid_path, .type = p->qid_type };
	state_unlock();
	return known;
}

/* A name whose object has a fid already takes one exchange, not three: QEMU's fids are paths, so GETATTR looks the name up, and
 * the qid tells whether it is still the same object. False: it has to be walked. */
static bool lookup_known(struct service_request *r, const struct vfs_name_request *q, struct vfs_node *out)
{
	struct p9_qid qid;
	struct p9_attributes a;
	struct share_fid *f;
	if (!known_record(r, q, &qid) || share_acquire(q->fs, q->known, &f))
		return false;
	status_t st = share_getattr(q->fs, f->fid, &a);
	share_release(f);
	if (st || a.qid.path != qid.path || a.qid.type != qid.type) {
		share_drop(q->fs, q->known);
		return false;
	}
	share_fill_node(r, q->fs, q->known, &a, out);
	return true;
}

static s64 handle_lookup(struct service_request *r)
{
	const struct vfs_name_request *q = request_args(r);
	struct vfs_node node;
	if (is_hidden_name(payload_text(r), r->message.payload_size))
		return ERR_NOENT;
	status_t st = lookup_known(r, q, &node) ? OK : share_lookup(r, q->fs, q->dir, payload_text(r), r->message.payload_size, &node);
	if (!st)
		request_reply_args(r, &node, sizeof(node));
	return st;
}

static s64 handle_getattr(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct share_fid *f;
	struct p9_attributes a;
	struct vfs_node node;
	status_t st = share_acquire(q->fs, q->cookie, &f);
	if (st)
		return st;
	st = share_getattr(q->fs, f->fid, &a);
	if (r->message.op == VFS_GETATTR)
		share_close_written(f); /* the kernel asks so after it wrote a file's pages back */
	share_release(f);
	if (st) {
		share_drop(q->fs, q->cookie);
		return st == ERR_NOENT ? ERR_STALE : st;
	}
	share_fill_node(r, q->fs, q->cookie, &a, &node);
	request_reply_args(r, &node, sizeof(node));
	return OK;
}

static s64 handle_readlink(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct share_fid *f;
	struct p9 m;
	u16 size;
	status_t st = share_acquire(q->fs, q->cookie, &f);
	if (st)
		return st;
	share_begin(&m, P9_TREADLINK);
	p9_put32(&m, f->fid);
	st = share_exchange(q->fs, &m, NULL);
	share_release(f);
	if (st)
		return st;
	const char *target = p9_get_string(&m, &size);
	if (!target)
		return ERR_PROTO;
	r->reply_payload_size = MIN((u32)size, r->message.reply_capacity);
	memcpy(r->reply_payload, target, r->reply_payload_size);
	return OK;
}

/* One Tread or Treaddir; the bytes start at the returned pointer. */
static s64 read_piece(u32 fs, u8 type, u32 fid, u64 offset, u32 size, const u8 **data)
{
	struct p9 m;
	share_begin(&m, type);
	p9_put32(&m, fid);
	p9_put64(&m, offset);
	p9_put32(&m, size);
	status_t st = share_exchange(fs, &m, NULL);
	if (st)
		return st;
	u32 count = p9_get32(&m);
	if (m.bad || count > m.size - m.at || count > size)
		return ERR_PROTO;
	*data = m.data + m.at;
	return count;
}

static s64 read_data(const struct vfs_io_request *q, struct share_fid *f, u8 *out, u32 size)
{
	u32 fid, done = 0, piece = share_msize(q->fs) - READ_HEADER;
	s64 n = share_open(f, 0, &fid);
	while (!n && done < size) {
		const u8 *data = NULL;
		u32 wanted = MIN(size - done, piece);
		n = read_piece(q->fs, P9_TREAD, fid, q->offset + done, wanted, &data);
		if (n <= 0 || !data)
			break;
		memcpy(out + done, data, (size_t)n);
		done += (u32)n;
		if ((u32)n < wanted)
			break; /* the server reads until the piece or the file ends */
		n = 0;
	}
	return n < 0 ? n : done;
}

static s64 handle_read(struct service_request *r)
{
	const struct vfs_io_request *q = request_args(r);
	u32 size = (u32)MIN(q->size, (u64)r->message.reply_capacity);
	s64 n = ERR_IO;
	for (int i = 0; i < TRIES && n < 0; i++) {
		struct share_fid *f;
		status_t st = share_acquire(q->fs, q->cookie, &f);
		if (st)
			return st;
		n = read_data(q, f, r->reply_payload, size);
		share_release(f);
		if (n < 0)
			share_drop(q->fs, q->cookie);
	}
	if (n < 0)
		return n;
	r->reply_payload_size = (u32)n;
	return n;
}

static s64 write_data(const struct vfs_io_request *q, struct share_fid *f, const u8 *data, u32 size)
{
	u32 fid, done = 0, piece = share_msize(q->fs) - WRITE_HEADER;
	status_t st = share_open(f, 2, &fid);
	while (!st && done < size) {
		struct p9 m;
		u32 n = MIN(size - done, piece);
		share_begin(&m, P9_TWRITE);
		p9_put32(&m, fid);
		p9_put64(&m, q->offset + done);
		p9_put32(&m, n);
		p9_put_bytes(&m, data + done, n);
		st = share_exchange(q->fs, &m, NULL);
		u32 written = st ? 0 : p9_get32(&m);
		if (!st && (!written || written > n))
			st = ERR_IO;
		done += written;
	}
	return done ? (s64)done : st;
}

static s64 handle_write(struct service_request *r)
{
	const struct vfs_io_request *q = request_args(r);
	s64 n = ERR_IO;
	for (int i = 0; i < TRIES && n < 0 && n != ERR_NOSPC; i++) {
		struct share_fid *f;
		status_t st = share_acquire(q->fs, q->cookie, &f);
		if (st)
			return st;
		n = write_data(q, f, r->payload, r->message.payload_size);
		share_release(f);
		if (n < 0)
			share_drop(q->fs, q->cookie);
	}
	return n;
}

static s64 list(struct service_request *r, struct share_fid *f)
{
	const struct vfs_io_request *q = request_args(r);
	u32 fid = 0, size = (u32)MIN(q->size, (u64)r->message.reply_capacity), piece = share_msize(q->fs) - READ_HEADER;
	u64 offset = q->offset;
	s64 n = share_open(f, 0, &fid);
	while (!n) {
		const u8 *data = NULL;
		struct p9_entry e;
		n = read_piece(q->fs, P9_TREADDIR, fid, offset, MIN(piece, size), &data);
		if (n <= 0)
			break;
		struct p9 m = { .data = (u8 *)data, .size = (u32)n };
		u64 before = offset;
		while (p9_get_entry(&m, &e)) {
			if (!is_hidden_name(e.name, e.name_size) &&
			    !dirent_put(r->reply_payload, size, &r->reply_payload_size, e.qid.path, e.offset,
					e.type, e.name, e.name_size))
				return OK;
			offset = e.offset;
		}
		if (m.bad || offset == before)
			return ERR_PROTO;
		n = r->reply_payload_size ? 1 : 0; /* a piece at a time, but never an empty one before the end */
	}
	return n < 0 ? n : OK;
}

static s64 handle_readdir(struct service_request *r)
{
	const struct vfs_io_request *q = request_args(r);
	s64 st = ERR_IO;
	for (int i = 0; i < TRIES && st < 0; i++) {
		struct share_fid *f;
		st = share_acquire(q->fs, q->cookie, &f);
		if (st)
			return st;
		r->reply_payload_size = 0;
		st = list(r, f);
		share_release(f);
		if (st < 0)
			share_drop(q->fs, q->cookie);
	}
	return st;
}

static s64 handle_statfs(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct p9 m;
	status_t st = share_open_session(q->fs);
	if (st)
		return st;
	share_begin(&m, P9_TSTATFS);
	p9_put32(&m, q->fs);
	st = share_exchange(q->fs, &m, NULL);
	if (st)
		return st;
	struct vfs_statfs_reply out = { .type = P9_MAGIC };
	p9_get32(&m);
	out.block_size = p9_get32(&m);
	out.blocks = p9_get64(&m);
	out.blocks_free = p9_get64(&m);
	out.blocks_available = p9_get64(&m);
	out.files = p9_get64(&m);
	out.files_free = p9_get64(&m);
	out.fsid = p9_get64(&m);
	out.name_max = p9_get32(&m);
	if (m.bad)
		return ERR_PROTO;
	request_reply_args(r, &out, sizeof(out));
	return OK;
}

static s64 handle_sync(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct share_fid *f;
	struct p9 m;
	u32 fid;
	if (!q->cookie)
		return OK; /* pages were written with WRITE before; the host syncs its own */
	status_t st = share_acquire(q->fs, q->cookie, &f);
	if (st)
		return st;
	st = share_open(f, 0, &fid);
	if (!st) {
		share_begin(&m, P9_TFSYNC);
		p9_put32(&m, fid);
		p9_put32(&m, 0);
		st = share_exchange(q->fs, &m, NULL);
	}
	share_release(f);
	return st;
}

/* ---- mount ---- */
static bool option_known(const char *s, size_t n)
{
	static const char *const known[] = { "trans=virtio", "version=9p2000.L", "access=any", "access=client",
					     "cache=none" };
	for (u32 i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i]) == n && !memcmp(known[i], s, n))
			return true;
	return n > 6 && !memcmp(s, "msize=", 6); /* ours is fixed by the transport */
}

static status_t check_options(const char *s)
{
	while (*s) {
		const char *end = strchr(s, ',');
		size_t n = end ? (size_t)(end - s) : strlen(s);
		if (!option_known(s, n))
			return ERR_INVAL;
		s += n + (end ? 1 : 0);
	}
	return OK;
}

static s64 make_fs(const char *source, u32 device)
{
	txn_begin();
	tree_begin();
	s64 fs = fs_slot(FS_KIND_9P);
	if (fs < 0) {
		txn_abort();
		return fs;
	}
	struct fs_record fresh = vfsd_state()->fs[fs];
	fresh.device = device;
	fresh.magic = P9_MAGIC;
	fresh.flags = FS_SHARED;
	fresh.root_ino = SHARE_ROOT_COOKIE;
	fresh.host_uid = fresh.host_gid = P9_NO_ID;
	str_copy(fresh.source, source, sizeof(fresh.source));
	txn_write(&vfsd_state()->fs[fs], &fresh, sizeof(fresh));
	txn_commit(NULL, OK);
	return fs;
}

static s64 handle_unmount(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	share_detach(q->fs);
	txn_begin();
	return finish_transaction(r, tree_unmount(q->fs));
}

s64 share_mount(struct service_request *r, const char *source, const char *options, struct vfs_mount_reply *out)
{
	struct storage_9p_reply found;
	struct service_call_result result = { .args = &found, .args_size = sizeof(found) };
	struct p9_attributes a;
	s64 st = check_options(options);
	if (!st)
		st = service_call(NULL, SERVICE_STORAGED, STORAGE_9P_FIND, NULL, 0, source, (u32)strlen(source), &result);
	if (st)
		return st;
	s64 fs = make_fs(source, found.device);
	if (fs < 0)
		return fs;
	st = share_open_session((u32)fs);
	if (!st)
		st = share_getattr((u32)fs, (u32)fs, &a);
	txn_begin();
	if (st) { /* the slot goes back */
		if (tree_unmount((u32)fs)) { /* has no objects: cannot fail */ }
		txn_commit(NULL, OK);
		return st;
	}
	struct fs_record *f = &vfsd_state()->fs[fs];
	TXN_SET(f->host_uid, a.uid);
	TXN_SET(f->host_gid, a.gid);
	if (!path_learn((u32)fs, &a.qid, 0, "", 0)) {
		txn_abort();
		return ERR_NOSPC;
	}
	out->fs = (u32)fs;
	out->fs_flags = f->flags;
	out->magic = f->magic;
	share_fill_node(r, (u32)fs, SHARE_ROOT_COOKIE, &a, &out->root);
	request_reply_args(r, out, sizeof(*out));
	return finish_transaction(r, OK);
}

const service_handler share_handlers[VFS_OP_MAX] = {
	[VFS_UNMOUNT] = handle_unmount, [VFS_LOOKUP] = handle_lookup,   [VFS_GETATTR] = handle_getattr,
	[VFS_OPEN] = handle_getattr,    [VFS_SETATTR] = share_setattr,  [VFS_READLINK] = handle_readlink,
	[VFS_CREATE] = share_create,    [VFS_MKDIR] = share_mkdir,      [VFS_SYMLINK] = share_symlink,
	[VFS_LINK] = share_link,        [VFS_UNLINK] = share_unlink,    [VFS_RMDIR] = share_rmdir,
	[VFS_RENAME] = share_rename,    [VFS_READDIR] = handle_readdir, [VFS_READ] = handle_read,
	[VFS_WRITE] = handle_write,     [VFS_STATFS] = handle_statfs,   [VFS_SYNC] = handle_sync,
	[VFS_FORGET] = share_forget,    [VFS_TMPFILE] = share_tmpfile,
};
