// SPDX-License-Identifier: MIT
// vfsd: names, attributes and mounts. Start-up, and dispatch of each request to the tables of its file system's kind.
#include "vfsd.h"
#include "facts.h"
#include <sys/random.h>

/* Copies the next NUL-terminated string of the payload; false when there is none or it is too long. */
static bool next_string(const char **p, const char *end, char *out, u32 size)
{
	size_t n = strnlen(*p, (size_t)(end - *p));
	if (*p + n >= end || n >= size)
		return false;
	memcpy(out, *p, n + 1);
	*p += n + 1;
	return true;
}

struct mount_strings { char type[16], source[64], options[1024]; };

static s64 mount_locally(struct service_request *r, const struct mount_strings *m, struct vfs_mount_reply *out)
{
	u32 kind = !strcmp(m->type, "root") ? FS_KIND_ROOT : !strcmp(m->type, "devtmpfs") ? FS_KIND_DEVTMPFS :
		   !strcmp(m->type, "tmpfs") || !strcmp(m->type, "ramfs") ? FS_KIND_TMPFS : FS_KIND_NONE;
	txn_begin();
	tree_begin();
	s64 st = kind ? tree_mount(kind, m->options, &out->fs) : shown_mount(m->type, out);
	if (!st) {
		struct fs_record *f = fs_get(out->fs);
		out->fs_flags = f->flags;
		out->magic = f->magic;
		txn_write(f->source, m->source, sizeof(m->source));
		if (kind)
			st = tree_node(out->fs, f->root_ino, &out->root);
	}
	if (!st)
		request_reply_args(r, out, sizeof(*out));
	return finish_transaction(r, st);
}

static bool image_is_bad;

static s64 handle_mount(struct service_request *r)
{
	struct mount_strings m = { 0 };
	struct vfs_mount_reply out = { 0 };
	const char *p = payload_text(r), *end = p + r->message.payload_size;
	if (!next_string(&p, end, m.type, sizeof(m.type)) || !next_string(&p, end, m.source, sizeof(m.source)) ||
	    !next_string(&p, end, m.options, sizeof(m.options)))
		return ERR_INVAL;
	if (!strcmp(m.type, "root") && image_is_bad)
		return ERR_BADMSG;
	if (!strcmp(m.type, "9p"))
		return share_mount(r, m.source, m.options, &out);
	return mount_locally(r, &m, &out);
}

/* What an operation answers on a file system whose table has no handler for it. */
static s64 default_answer(u32 op)
{
	switch (op) {
	case VFS_SYNC:
	case VFS_FORGET:
		return OK;
	case VFS_GETXATTR:
	case VFS_LISTXATTR:
	case VFS_SETXATTR:
	case VFS_REMOVEXATTR:
		return ERR_OPNOTSUPP;
	case VFS_READLINK:
	case VFS_READ:
	case VFS_READ_DIRECT:
		return ERR_INVAL;
	case VFS_TMPFILE:
		return ERR_OPNOTSUPP;
	case VFS_WRITE:
		return ERR_ROFS;
	default:
		return ERR_PERM;
	}
}

/* Every request but MOUNT starts with the number of its file system. */
static s64 handle_any(struct service_request *r)
{
	static const service_handler *const tables[] = {
		[FS_KIND_ROOT] = tree_handlers, [FS_KIND_TMPFS] = tree_handlers, [FS_KIND_DEVTMPFS] = tree_handlers,
		[FS_KIND_SHOWN] = shown_handlers, [FS_KIND_9P] = share_handlers,
	};
	u32 fs;
	memcpy(&fs, request_args(r), sizeof(fs));
	state_lock();
	struct fs_record *f = fs_get(fs);
	u32 kind = f ? f->kind : FS_KIND_NONE;
	state_unlock();
	if (!kind)
		return ERR_STALE;
	service_handler handler = tables[kind][r->message.op];
	return handler ? handler(r) : default_answer(r->message.op);
}

static status_t start(bool first)
{
	static struct erofs image;
	u64 size = 0;
	const char *reason = NULL;
	const void *data = service_system_image(&size);
	if (!data) {
		service_log("no system image: the root is empty");
	} else if (erofs_open(&image, data, size, &reason)) {
		image_is_bad = true;
		service_log("system image refused: %s", reason);
	} else {
		tree_set_image(&image);
		if (first)
			service_log("system image: %llu inodes, %llu MiB", (unsigned long long)image.inode_count,
				    (unsigned long long)(size >> 20));
	}
	tree_memory_bytes = facts_memory_bytes();
	reclaim_start();
	if (first) {
		u64 id[2];
		if (getrandom(id, sizeof(id), 0) != sizeof(id))
			service_panic("no random numbers");
		txn_write(vfsd_state()->boot_id, id, sizeof(id));
	}
	return OK;
}

#define VFSD_STATE_VERSION 1
#define ANY(op, request) SERVICE_OP(op, struct request, handle_any)

int main(void)
{
	static const struct service_op ops[] = {
		SERVICE_OP(VFS_MOUNT, struct vfs_mount_request, handle_mount),
		ANY(VFS_UNMOUNT, vfs_node_request), ANY(VFS_LOOKUP, vfs_name_request), ANY(VFS_GETATTR, vfs_node_request),
		ANY(VFS_SETATTR, vfs_setattr_request), ANY(VFS_READLINK, vfs_node_request), ANY(VFS_CREATE, vfs_create_request),
		ANY(VFS_MKDIR, vfs_create_request), ANY(VFS_SYMLINK, vfs_create_request), ANY(VFS_LINK, vfs_link_request),
		ANY(VFS_UNLINK, vfs_name_request), ANY(VFS_RMDIR, vfs_name_request), ANY(VFS_RENAME, vfs_rename_request),
		ANY(VFS_READDIR, vfs_io_request), ANY(VFS_READ, vfs_io_request), ANY(VFS_WRITE, vfs_io_request),
		ANY(VFS_READ_DIRECT, vfs_io_request), ANY(VFS_WRITE_DIRECT, vfs_io_request), ANY(VFS_STATFS, vfs_node_request),
		ANY(VFS_SYNC, vfs_node_request), ANY(VFS_FORGET, vfs_node_request), ANY(VFS_GETXATTR, vfs_node_request),
		ANY(VFS_LISTXATTR, vfs_node_request), ANY(VFS_TMPFILE, vfs_create_request), ANY(VFS_OPEN, vfs_node_request),
		ANY(VFS_MAGIC_LINK, vfs_node_request), ANY(VFS_SETXATTR, vfs_node_request),
		ANY(VFS_REMOVEXATTR, vfs_node_request),
	};
	static const struct service_config config = {
		.name = "vfsd", .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = VFSD_STATE_VERSION,
		.state_root_size = sizeof(struct vfsd_state), .start = start,
	};
	return service_run(&config);
}
