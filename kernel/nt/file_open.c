// SPDX-License-Identifier: MIT
/* NtCreateFile, NtOpenFile, NtDeleteFile: dispositions, options, access, share modes, delete on close.
 * Share modes are counted on the node among NT opens only: a Linux program's open neither asks nor is asked.
 * Entry for others: nt_open_object. The kernel's Linux side (walk, open_position, vfs_create_at) does the work. */
#include "file.h"

#include "string.h"
#include "../vfs/vfs_internal.h"

#define RACES_MAX 8u  /* create against delete of the same name: look again this often */

u32 nt_attributes_of(const struct attributes *a)
{
	u32 out = (a->mode & 0222 ? 0 : NT_ATTRIBUTE_READONLY) | (a->dos_attributes & (NT_ATTRIBUTE_HIDDEN | NT_ATTRIBUTE_SYSTEM));
	if (mode_is(a->mode, S_IFDIR_K))
		out |= a->dos_attributes & NT_ATTRIBUTE_READONLY;
	if (mode_is(a->mode, S_IFDIR_K))
		return out | NT_ATTRIBUTE_DIRECTORY;
	if (mode_is(a->mode, S_IFLNK_K))
		return out | NT_ATTRIBUTE_REPARSE_POINT;
	return out | NT_ATTRIBUTE_ARCHIVE;
}

s64 nt_attributes_change(struct position at, u32 attributes, struct attr_change *change)
{
	struct node *n = at.node;
	bool directory = node_is_dir(n), read_only = attributes & NT_ATTRIBUTE_READONLY;
	u32 stored = attributes & (NT_ATTRIBUTE_HIDDEN | NT_ATTRIBUTE_SYSTEM | (directory ? NT_ATTRIBUTE_READONLY : 0));
	struct fs_context *fs = thread_current()->fs;
	if (!directory && read_only == !!(n->mode & 0222)) {
		change->valid |= VFS_SET_MODE;
		change->mode = read_only ? n->mode & 07555 : (n->mode & 07777) | (0222 & ~(fs ? fs->umask : 0));
	}
	if (stored != n->dos_attributes) {
		change->valid |= VFS_SET_DOS;
		change->dos_attributes = stored;
	}
	return change->valid ? position_change(at, change) : 0;
}

/* ---- share modes ---- */
static bool share_conflict(const struct nt_share *s, bool reads, bool writes, bool deletes, u32 share)
{
	return (reads && s->share_read < s->counted) || (writes && s->share_write < s->counted) ||
	       (deletes && s->share_delete < s->counted) || (s->readers && !(share & FILE_SHARE_READ)) ||
	       (s->writers && !(share & FILE_SHARE_WRITE)) || (s->deleters && !(share & FILE_SHARE_DELETE));
}

static void share_count(struct nt_share *s, const struct nt_open *o, u32 by)
{
	s->counted += by;
	s->readers += o->access & (FILE_READ_DATA | FILE_EXECUTE) ? by : 0;
	s->writers += o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA) ? by : 0;
	s->deleters += o->access & NT_DELETE ? by : 0;
	s->share_read += o->share & FILE_SHARE_READ ? by : 0;
	s->share_write += o->share & FILE_SHARE_WRITE ? by : 0;
	s->share_delete += o->share & FILE_SHARE_DELETE ? by : 0;
}

s64 nt_share_enter(struct node *n, struct nt_open *o)
{
	bool reads = o->access & (FILE_READ_DATA | FILE_EXECUTE), writes = o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA);
	bool deletes = o->access & NT_DELETE, counts = reads || writes || deletes;
	struct nt_share *fresh = kzalloc(sizeof(*fresh));
	s64 st = 0;
	if (!fresh)
		return ERR_NOMEM;
	list_init(&fresh->locks);
	list_init(&fresh->lock_waits);
	spin_lock(&n->spin);
	struct nt_share *s = n->share ? n->share : fresh;
	if (s->delete_pending)
		st = NT(DELETE_PENDING);
	else if (counts && share_conflict(s, reads, writes, deletes, o->share))
		st = NT(SHARING_VIOLATION);
	if (!st) {
		s->opens++;
		if (counts)
			share_count(s, o, 1);
		o->shared_counted = counts;
		n->share = s;
		if (s == fresh)
			fresh = NULL;
	}
	spin_unlock(&n->spin);
	kfree(fresh);
	return st;
}

/* The last NT open of a node to be deleted takes its name away. */
static void share_leave(struct file *f)
{
	struct node *n = f->where.node;
	struct nt_open *o = f->nt_open;
	struct nt_share *dead = NULL;
	bool remove = false;
	spin_lock(&n->spin);
	struct nt_share *s = n->share;
	if (o->delete_on_close)
		s->delete_pending = true;
	if (o->shared_counted)
		share_count(s, o, (u32)-1);
	if (!--s->opens) {
		remove = s->delete_pending;
		n->share = NULL;
		dead = s;
	}
	spin_unlock(&n->spin);
	kfree(dead);
	if (remove && !(n->flags & NODE_UNLINKED)) {
		status_t st = position_unlink(f->where);
		if (st)
			klog(LOG_DEBUG, "delete on close: %d", st);
	}
}

void nt_open_release(struct file *f)
{
	struct nt_open *o = f->nt_open;
	if (o->notify)
		nt_notify_release(f);
	if (f->where.node && (o->options & FILE_SHARE_ENTERED)) {
		nt_locks_release(f);
		share_leave(f);
	}
	if (o->port)
		file_put(o->port);
	if (o->scan)
		nt_scan_free(o->scan);
	kfree(o);
	f->nt_open = NULL;
}

struct nt_open *nt_open_new(const struct nt_open_request *r)
{
	struct nt_open *o = kzalloc(sizeof(*o));
	if (o)
		*o = (struct nt_open){ .access = r->access, .share = r->share, .options = r->options,
			.delete_on_close = r->options & FILE_DELETE_ON_CLOSE };
	return o;
}

/* ---- opening what is there ---- */
static u32 linux_flags(const struct nt_open_request *r, const struct node *n)
{
	bool reads = r->access & (FILE_READ_DATA | FILE_EXECUTE), writes = r->access & (FILE_WRITE_DATA | FILE_APPEND_DATA);
	if (node_is_link(n))
		return O_PATH_K;
	if (node_is_dir(n))
		return reads ? O_DIRECTORY_K : O_PATH_K;
	if (writes)
		return (reads ? 2 : 1) | O_NOCTTY_K | (r->options & FILE_WRITE_THROUGH ? O_DSYNC_K : 0);
	return reads ? O_NOCTTY_K : O_PATH_K;
}

static bool is_read_only(const struct node *n) { return !(n->mode & 0222) && !node_is_link(n); }

/* A volume is opened as itself to ask about it; its bytes nobody may have. */
static bool asks_about_volume(const struct nt_open_request *r, const struct nt_target *t)
{
	return t->kind == NT_TARGET_VOLUME && !(r->access & (FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA | NT_DELETE));
}

static s64 check_found(const struct nt_open_request *r, const struct nt_target *t, const struct node *n)
{
	bool overwrites = r->disposition == FILE_SUPERSEDE || r->disposition == FILE_OVERWRITE || r->disposition == FILE_OVERWRITE_IF;
	bool directory = node_is_dir(n);
	if (r->disposition == FILE_CREATE)
		return (r->options & FILE_DIRECTORY_FILE) && !directory ? NT(OBJECT_NAME_COLLISION) : NT(OBJECT_NAME_COLLISION);
	if ((r->options & FILE_DIRECTORY_FILE) && !directory && !node_is_link(n))
		return NT(NOT_A_DIRECTORY);
	if ((r->options & FILE_NON_DIRECTORY_FILE) && directory && !asks_about_volume(r, t))
		return NT(FILE_IS_A_DIRECTORY);
	if (t->trailing && !directory && !node_is_link(n))
		return NT(OBJECT_NAME_INVALID);
	if (directory && overwrites)
		return r->options & FILE_DIRECTORY_FILE ? NT(INVALID_PARAMETER) : NT(OBJECT_NAME_COLLISION);
	/* MS-FSA 2.1.5.1.2: what is hidden or a system file is only overwritten by who says so */
	if (overwrites && (n->dos_attributes & ~r->attributes & (NT_ATTRIBUTE_HIDDEN | NT_ATTRIBUTE_SYSTEM)))
		return NT(ACCESS_DENIED);
	if (is_read_only(n) && !directory) {
		if (overwrites || (r->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
			return NT(ACCESS_DENIED);
		if (r->options & FILE_DELETE_ON_CLOSE)
			return NT(CANNOT_DELETE);
	}
	return 0;
}

/* Opens the node with its NT part; share modes are asked before anything changes. */
static s64 open_node(const struct nt_open_request *r, struct position at, bool created, struct file **out)
{
	struct nt_open *o = nt_open_new(r);
	if (!o)
		return ERR_NOMEM;
	struct file *f;
	s64 st = open_position(at, linux_flags(r, at.node), created, &f);
	if (st) {
		kfree(o);
		return nt_status_of_path(st);
	}
	if (f->where.node != at.node) { /* a device that is not a place: no share modes */
		f->nt_open = o;
		*out = f;
		return 0;
	}
	st = nt_share_enter(at.node, o);
	if (st) {
		kfree(o);
		file_put(f);
		return st;
	}
	o->options |= FILE_SHARE_ENTERED;
	f->nt_open = o;
	*out = f;
	return 0;
}

static s64 open_found(const struct nt_open_request *r, const struct nt_target *t, struct walk_result *w, struct file **out, u32 *result)
{
	bool truncate = r->disposition == FILE_SUPERSEDE || r->disposition == FILE_OVERWRITE || r->disposition == FILE_OVERWRITE_IF;
	s64 st = check_found(r, t, w->at.node);
	if (!st)
		st = open_node(r, w->at, false, out);
	*result = r->disposition == FILE_SUPERSEDE ? FILE_SUPERSEDED : truncate ? FILE_OVERWRITTEN : FILE_OPENED;
	if (st || !truncate || !node_is_regular(w->at.node))
		return st;
	struct attr_change change = { 0 };
	st = position_truncate(w->at, 0);
	if (!st)
		st = nt_attributes_change(w->at, r->attributes, &change);
	if (st) {
		(*out)->nt_open->delete_on_close = false;
		file_put(*out);
	}
	return st;
}

/* ---- making what is not ---- */
static s64 mark_created(const struct nt_open_request *r, struct position at)
{
	u32 marks = NT_ATTRIBUTE_HIDDEN | NT_ATTRIBUTE_SYSTEM | (node_is_dir(at.node) ? NT_ATTRIBUTE_READONLY : 0);
	struct attr_change change = { .valid = VFS_SET_DOS, .dos_attributes = r->attributes & marks };
	return change.dos_attributes ? position_change(at, &change) : 0;
}

static s64 create_missing(const struct nt_open_request *r, const struct nt_target *t, struct walk_result *w, struct file **out, u32 *result)
{
	bool directory = r->options & FILE_DIRECTORY_FILE;
	struct fs_context *fs = thread_current()->fs;
	u32 mode = (directory ? S_IFDIR_K | 0777 : S_IFREG_K | 0666) & ~(fs ? fs->umask : 0);
	struct node *n;
	if (r->disposition == FILE_OPEN || r->disposition == FILE_OVERWRITE)
		return NT(OBJECT_NAME_NOT_FOUND);
	if (t->trailing && !directory)
		return NT(OBJECT_NAME_INVALID);
	if ((r->attributes & NT_ATTRIBUTE_READONLY) && !directory) {
		if (r->options & FILE_DELETE_ON_CLOSE)
			return NT(CANNOT_DELETE);
		mode &= ~0222u;
	}
	struct create_args c = { .mode = mode };
	s64 st = vfs_create_at(w->at, w->last, w->last_length, &c, &n);
	if (st)
		return st == ERR_EXIST ? st : nt_status_of_path(st);
	struct position at = { w->at.mount, n };
	st = mark_created(r, at);
	if (!st)
		st = open_node(r, at, true, out);
	else
		(void)!vfs_unlink_at(w->at, w->last, w->last_length, directory);
	node_put(n);
	*result = FILE_CREATED;
	return st;
}

/* The size to set aside for what was made or emptied; where nothing can be set aside it is a hint. */
static s64 allocate(const struct nt_open_request *r, struct file *f, u32 result, u64 size)
{
	if (!size || result == FILE_OPENED || !node_is_regular(f->where.node) || !f->ops->fallocate)
		return 0;
	s64 st = f->ops->fallocate(f, 1 /* keep the size */, 0, size);
	if (!st || st == ERR_OPNOTSUPP || st == ERR_BADF)
		return 0;
	f->nt_open->delete_on_close |= result == FILE_CREATED;
	return st == ERR_NOSPC || st == ERR_FBIG ? NT(DISK_FULL) : st;
}

static s64 allocation_in(const struct nt_open_request *r, u64 *size)
{
	*size = 0;
	if (!r->allocation_va)
		return 0;
	s64 st = copy_in(size, user_ptr(r->allocation_va), 8);
	return st ? NT(ACCESS_VIOLATION) : (s64)*size < 0 ? NT(INVALID_PARAMETER) : 0;
}

static s64 open_path(const struct nt_open_request *r, const struct nt_target *t, struct file **out, u32 *result)
{
	s64 st = 0;
	for (u32 i = 0; i < RACES_MAX; i++) {
		struct walk_result w;
		st = nt_walk(t, !(r->options & FILE_OPEN_REPARSE_POINT), &w);
		if (st)
			return st;
		st = w.missing ? create_missing(r, t, &w, out, result) : open_found(r, t, &w, out, result);
		walk_result_put(&w);
		if (st != ERR_EXIST && st != ERR_STALE)
			return st;
	}
	return st;
}

static s64 open_null(const struct nt_open_request *r, struct file **out)
{
	s64 st = vfs_open(AT_FDCWD_K, "/dev/null", 2, 0, out);
	if (!st && !((*out)->nt_open = nt_open_new(r))) {
		file_put(*out);
		st = ERR_NOMEM;
	}
	return st;
}

/* ---- the calls ---- */
s64 nt_open_finish(struct file *f, const struct nt_open_request *r, u32 object_attributes, u32 result)
{
	struct { u64 status, information; } block = { 0, result };
	if (COPY_OUT(user_ptr(r->iosb_va), &block)) {
		file_put(f);
		return NT(ACCESS_VIOLATION);
	}
	return nt_handle_out(f, r->access, object_attributes, r->handle_va, 0);
}

static s64 check_request(const struct nt_open_request *r)
{
	const u32 with_directory = FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS | FILE_WRITE_THROUGH | FILE_DELETE_ON_CLOSE |
		FILE_OPEN_REPARSE_POINT |
		FILE_OPEN_BY_FILE_ID | 0x4000 /* for backup */ | 0x800000 /* no recall */ | 0x8 | 0x4 | 0x20000;
	if ((r->options & ~(u32)FILE_OPTIONS_VALID) || r->disposition >= FILE_DISPOSITIONS || (r->share & ~7u))
		return NT(INVALID_PARAMETER);
	if (r->options & FILE_OPEN_BY_FILE_ID)
		return NT(NOT_SUPPORTED);
	if ((r->options & FILE_DIRECTORY_FILE) && (r->options & FILE_NON_DIRECTORY_FILE))
		return NT(INVALID_PARAMETER);
	if ((r->options & FILE_DIRECTORY_FILE) && (r->options & ~with_directory))
		return NT(INVALID_PARAMETER);
	if ((r->options & FILE_DIRECTORY_FILE) && (r->disposition == FILE_SUPERSEDE || r->disposition == FILE_OVERWRITE ||
			r->disposition == FILE_OVERWRITE_IF))
		return NT(INVALID_PARAMETER);
	if ((r->options & FILE_SYNCHRONOUS) == FILE_SYNCHRONOUS)
		return NT(INVALID_PARAMETER);
	if ((r->options & FILE_SYNCHRONOUS) && !(r->access & NT_SYNCHRONIZE))
		return NT(INVALID_PARAMETER);
	if ((r->options & FILE_DELETE_ON_CLOSE) && !(r->access & NT_DELETE))
		return NT(INVALID_PARAMETER);
	return 0;
}

s64 nt_open_object(const struct nt_open_request *r, const struct nt_object_attributes *oa)
{
	struct nt_target t;
	struct file *f;
	u32 result = FILE_OPENED;
	u64 size;
	s64 st = nt_target_in(oa, &t);
	if (st)
		return st;
	switch (t.kind) {
	case NT_TARGET_PATH:
	case NT_TARGET_VOLUME:
		st = allocation_in(r, &size);
		if (!st)
			st = open_path(r, &t, &f, &result);
		if (!st && (st = allocate(r, f, result, size)))
			file_put(f);
		break;
	case NT_TARGET_NULL:
		st = open_null(r, &f);
		result = 0; /* a driver tells no result, so CreateFile with OPEN_ALWAYS tells no ERROR_ALREADY_EXISTS */
		break;
	case NT_TARGET_MOUNT_MANAGER:
		st = nt_mount_manager_open(r, &f);
		break;
	case NT_TARGET_PIPE:
		st = nt_pipe_open(r, oa, &t);
		nt_target_free(&t);
		return st;
	case NT_TARGET_CONSOLE:
		st = nt_console_open(r, oa, &t);
		nt_target_free(&t);
		return st;
	default:
		st = NT(OBJECT_NAME_NOT_FOUND);
	}
	nt_target_free(&t);
	return st ? st : nt_open_finish(f, r, oa->attributes, result);
}

static s64 open_call(struct nt_open_request *r, u64 attributes_va)
{
	struct nt_object_attributes oa;
	s64 st = nt_object_attributes_in(attributes_va, &oa);
	if (st)
		return st;
	r->access = nt_access_map(NT_TYPE_FILE, r->access);
	st = check_request(r);
	if (!st)
		st = nt_open_object(r, &oa);
	nt_object_attributes_free(&oa);
	return st;
}

NT_HANDLER(CreateFile)
{
	struct nt_open_request r = {
		.handle_va = a[0], .access = (u32)a[1], .iosb_va = a[3], .allocation_va = a[4], .attributes = (u32)a[5],
		.share = (u32)a[6], .disposition = (u32)a[7], .options = (u32)a[8],
	};
	if ((u32)a[10])
		return NT(EAS_NOT_SUPPORTED);
	return open_call(&r, a[2]);
}

NT_HANDLER(OpenFile)
{
	struct nt_open_request r = {
		.handle_va = a[0], .access = (u32)a[1], .iosb_va = a[3], .share = (u32)a[4], .disposition = FILE_OPEN,
		.options = (u32)a[5],
	};
	return open_call(&r, a[2]);
}

NT_HANDLER(DeleteFile)
{
	struct nt_object_attributes oa;
	struct nt_target t;
	struct file *f;
	u32 result;
	struct nt_open_request r = { .access = NT_DELETE, .share = 7, .disposition = FILE_OPEN,
		.options = FILE_DELETE_ON_CLOSE | FILE_OPEN_REPARSE_POINT };
	s64 st = nt_object_attributes_in(a[0], &oa);
	if (st)
		return st;
	st = nt_target_in(&oa, &t);
	if (!st) {
		st = t.kind == NT_TARGET_PATH ? open_path(&r, &t, &f, &result) : NT(INVALID_DEVICE_REQUEST);
		nt_target_free(&t);
	}
	nt_object_attributes_free(&oa);
	if (!st)
		file_put(f);
	return st;
}
