// SPDX-License-Identifier: MIT
// Requests on the tree file systems: arguments in, one engine call in a transaction (or under the state lock),
// reply out.
#include "vfsd.h"

s64 finish_transaction(struct service_request *r, s64 status)
{
	if (status < 0) {
		txn_abort();
		return status;
	}
	bool garbage = tree_has_garbage();
	txn_commit(r, status);
	if (garbage)
		reclaim_wake();
	return status;
}

static void begin_change(void)
{
	txn_begin();
	tree_begin();
}

static s64 handle_lookup(struct service_request *r)
{
	const struct vfs_name_request *q = request_args(r);
	struct vfs_node node;
	state_lock();
	status_t st = tree_lookup(q->fs, q->dir, payload_text(r), r->message.payload_size, &node);
	state_unlock();
	if (!st)
		request_reply_args(r, &node, sizeof(node));
	return st;
}

static s64 handle_getattr(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct vfs_node node;
	state_lock();
	status_t st = tree_node(q->fs, q->cookie, &node);
	state_unlock();
	if (!st)
		request_reply_args(r, &node, sizeof(node));
	return st;
}

static s64 handle_setattr(struct service_request *r)
{
	struct vfs_attributes out;
	begin_change();
	status_t st = tree_setattr(&r->message.caller, request_args(r), &out);
	if (!st)
		request_reply_args(r, &out, sizeof(out));
	return finish_transaction(r, st);
}

static s64 handle_readlink(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	state_lock();
	s64 n = tree_readlink(q->fs, q->cookie, (char *)r->reply_payload, r->message.reply_capacity);
	state_unlock();
	if (n < 0)
		return n;
	r->reply_payload_size = (u32)n;
	return OK;
}

static struct tree_create create_of(struct service_request *r, u32 type)
{
	const struct vfs_create_request *q = request_args(r);
	u32 given = q->mode & MODE_TYPE;
	return (struct tree_create){
		.fs = q->fs,
		.mode = (q->mode & 07777) | (type    ? type
					     : given ? given
						     : MODE_REGULAR),
		.uid = q->uid,
		.gid = q->gid,
		.dir = q->dir,
		.rdev = q->rdev,
		.name = payload_text(r),
		.name_size = r->message.payload_size,
		.target = (const char *)r->payload2,
		.target_size = r->message.payload2_size,
	};
}

static s64 create_as(struct service_request *r, u32 type)
{
	struct tree_create c = create_of(r, type);
	struct vfs_node node;
	begin_change();
	status_t st = tree_create(&r->message.caller, &c, &node);
	if (!st)
		request_reply_args(r, &node, sizeof(node));
	return finish_transaction(r, st);
}

static s64 handle_create(struct service_request *r)
{
	u32 type = create_of(r, 0).mode & MODE_TYPE;
	return type == MODE_DIRECTORY || type == MODE_SYMLINK ? ERR_INVAL : create_as(r, 0);
}
static s64 handle_mkdir(struct service_request *r) { return create_as(r, MODE_DIRECTORY); }
static s64 handle_symlink(struct service_request *r) { return create_as(r, MODE_SYMLINK); }

static s64 handle_tmpfile(struct service_request *r)
{
	struct tree_create c = create_of(r, 0);
	struct vfs_node node;
	begin_change();
	status_t st = tree_tmpfile(&c, &node);
	if (!st)
		request_reply_args(r, &node, sizeof(node));
	return finish_transaction(r, st);
}

static s64 handle_link(struct service_request *r)
{
	const struct vfs_link_request *q = request_args(r);
	struct vfs_attributes out;
	begin_change();
	status_t st = tree_link(q->fs, q->dir, payload_text(r), r->message.payload_size, q->cookie, &out);
	if (!st)
		request_reply_args(r, &out, sizeof(out));
	return finish_transaction(r, st);
}

static s64 unlink_as(struct service_request *r, bool directory)
{
	struct vfs_unlink_reply out;
	begin_change();
	status_t st = tree_unlink(&r->message.caller, request_args(r), payload_text(r), r->message.payload_size,
				  directory, &out);
	if (!st)
		request_reply_args(r, &out, sizeof(out));
	return finish_transaction(r, st);
}
static s64 handle_unlink(struct service_request *r) { return unlink_as(r, false); }
static s64 handle_rmdir(struct service_request *r) { return unlink_as(r, true); }

static s64 handle_rename(struct service_request *r)
{
	struct vfs_rename_reply out;
	begin_change();
	status_t st = tree_rename(&r->message.caller, request_args(r), payload_text(r), r->message.payload_size,
				  (const char *)r->payload2, r->message.payload2_size, &out);
	if (!st)
		request_reply_args(r, &out, sizeof(out));
	return finish_transaction(r, st);
}

static s64 handle_readdir(struct service_request *r)
{
	const struct vfs_io_request *q = request_args(r);
	u32 size = (u32)MIN(q->size, (u64)r->message.reply_capacity);
	state_lock();
	s64 n = tree_readdir(q->fs, q->cookie, q->offset, r->reply_payload, size);
	state_unlock();
	if (n < 0)
		return n;
	r->reply_payload_size = (u32)n;
	return OK;
}

static s64 handle_read(struct service_request *r)
{
	const struct vfs_io_request *q = request_args(r);
	s64 n = tree_read(q->fs, q->cookie, q->offset, r->reply_payload, MIN(q->size, (u64)r->message.reply_capacity));
	if (n < 0)
		return n;
	r->reply_payload_size = (u32)n;
	return n;
}

static s64 handle_statfs(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct vfs_statfs_reply out;
	state_lock();
	tree_statfs(q->fs, &out);
	state_unlock();
	request_reply_args(r, &out, sizeof(out));
	return OK;
}

static s64 handle_forget(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	begin_change();
	return finish_transaction(r, tree_forget(q->fs, q->cookie));
}

static s64 handle_getxattr(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	state_lock();
	s64 n = tree_getxattr(q->fs, q->cookie, payload_text(r), r->message.payload_size, r->reply_payload,
			      r->message.reply_capacity);
	state_unlock();
	if (n < 0)
		return n;
	r->reply_payload_size = (u32)n;
	return OK;
}

static s64 handle_listxattr(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	state_lock();
	s64 n = tree_listxattr(q->fs, q->cookie, r->reply_payload, r->message.reply_capacity);
	state_unlock();
	if (n < 0)
		return n;
	r->reply_payload_size = (u32)n;
	return OK;
}

static s64 handle_setxattr(struct service_request *r)
{
	begin_change();
	return finish_transaction(r, tree_setxattr(request_args(r), payload_text(r), r->message.payload_size, r->payload2,
						   r->message.payload2_size));
}

static s64 handle_removexattr(struct service_request *r)
{
	begin_change();
	return finish_transaction(r, tree_removexattr(request_args(r), payload_text(r), r->message.payload_size));
}

static s64 handle_unmount(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	begin_change();
	return finish_transaction(r, tree_unmount(q->fs));
}

static s64 handle_sync(struct service_request *r UNUSED) { return OK; } /* the kernel's pages are the only copy */

const service_handler tree_handlers[VFS_OP_MAX] = {
	[VFS_UNMOUNT] = handle_unmount, [VFS_LOOKUP] = handle_lookup,   [VFS_GETATTR] = handle_getattr,
	[VFS_OPEN] = handle_getattr,    [VFS_SETATTR] = handle_setattr, [VFS_READLINK] = handle_readlink,
	[VFS_CREATE] = handle_create,   [VFS_MKDIR] = handle_mkdir,     [VFS_SYMLINK] = handle_symlink,
	[VFS_LINK] = handle_link,       [VFS_UNLINK] = handle_unlink,   [VFS_RMDIR] = handle_rmdir,
	[VFS_RENAME] = handle_rename,   [VFS_READDIR] = handle_readdir, [VFS_READ] = handle_read,
	[VFS_STATFS] = handle_statfs,   [VFS_SYNC] = handle_sync,       [VFS_FORGET] = handle_forget,
	[VFS_TMPFILE] = handle_tmpfile, [VFS_GETXATTR] = handle_getxattr, [VFS_LISTXATTR] = handle_listxattr,
	[VFS_SETXATTR] = handle_setxattr, [VFS_REMOVEXATTR] = handle_removexattr,
};
