// SPDX-License-Identifier: MIT
/* NtSetInformationFile: times and attributes, rename, link, delete, size, position, completion port. */
#include "file.h"

#include "string.h"
#include "../vfs/vfs_internal.h"

#define RENAME_NOREPLACE_K 1u
enum { SET_BASIC = 4, SET_RENAME = 10, SET_LINK = 11, SET_DISPOSITION = 13, SET_POSITION = 14, SET_MODE = 16, SET_ALLOCATION = 19,
	SET_END_OF_FILE = 20, SET_PIPE = 23, SET_COMPLETION = 30, SET_VALID_LENGTH = 39, SET_COMPLETION_FLAGS = 41,
	SET_DISPOSITION_EX = 64, SET_RENAME_EX = 65, SET_LINK_EX = 72 };
enum { DISPOSE_DELETE = 1, DISPOSE_POSIX = 2, DISPOSE_FORCE_IMAGE = 4, DISPOSE_ON_CLOSE = 8, DISPOSE_IGNORE_READONLY = 16 };
/* MS-FSCC 2.4.37. The others speak of pin states and storage reserves, which no file system here has. */
enum { RENAME_REPLACE = 1, RENAME_POSIX = 2, RENAME_IGNORE_READONLY = 0x40, RENAME_KNOWN = 0x1ff,
	RENAME_SUPPORTED = RENAME_REPLACE | RENAME_POSIX | RENAME_IGNORE_READONLY };

struct set_call { struct file *f; u64 va; u32 length, granted; };

static s64 fixed_in(const struct set_call *c, void *out, u32 size)
{
	return c->length < size ? NT(INFO_LENGTH_MISMATCH) : copy_in(out, user_ptr(c->va), size);
}

/* ---- times and attributes ---- */
static s64 time_ns(u64 ticks) { return ((s64)ticks - (s64)NT_EPOCH_TICKS) * 100; }
static bool time_given(u64 ticks) { return ticks && (s64)ticks > 0; } /* -1 and -2: leave it alone */

static s64 set_basic(const struct set_call *c)
{
	struct { u64 created, accessed, written, changed; u32 attributes, unused; } b;
	struct attr_change change = { 0 };
	struct node *n = c->f->where.node;
	s64 st = fixed_in(c, &b, sizeof(b));
	if (st)
		return st;
	/* No right is asked: kernelbase sets attributes through handles opened with SYNCHRONIZE alone. */
	if ((b.attributes & NT_ATTRIBUTE_DIRECTORY) && !node_is_dir(n))
		return NT(INVALID_PARAMETER);
	const struct { u64 ticks; u32 bit; s64 *to; } times[] = { { b.accessed, VFS_SET_ATIME, &change.atime_ns },
		{ b.written, VFS_SET_MTIME, &change.mtime_ns }, { b.changed, VFS_SET_CTIME, &change.ctime_ns },
		{ b.created, VFS_SET_BTIME, &change.btime_ns } };
	for (u32 i = 0; i < ARRAY_SIZE(times); i++) {
		if (!time_given(times[i].ticks))
			continue;
		change.valid |= times[i].bit;
		*times[i].to = time_ns(times[i].ticks);
	}
	if (b.attributes)
		return nt_attributes_change(c->f->where, b.attributes, &change);
	return change.valid ? position_change(c->f->where, &change) : 0;
}

/* ---- size ---- */
static s64 set_size(const struct set_call *c, bool allocation)
{
	u64 size;
	struct file *f = c->f;
	s64 st = fixed_in(c, &size, sizeof(size));
	if (st)
		return st;
	if (!(c->granted & FILE_WRITE_DATA))
		return NT(ACCESS_DENIED);
	if ((s64)size < 0 || !f->where.node->data)
		return NT(INVALID_PARAMETER);
	if (allocation && size >= f->where.node->data->size) {
		if (f->ops->fallocate && size)
			st = f->ops->fallocate(f, 1 /* keep the size */, 0, size);
		return st == ERR_OPNOTSUPP ? 0 : st == ERR_NOSPC ? NT(DISK_FULL) : st;
	}
	st = f->ops->truncate ? f->ops->truncate(f, size) : ERR_INVAL;
	return st == ERR_NOSPC ? NT(DISK_FULL) : st;
}

/* ---- delete ---- */
/* Only "." and ".."? */
static s64 directory_empty(struct position at)
{
	struct file *f;
	char *records = kmalloc(PAGE_SIZE);
	s64 st = records ? open_position(at, O_DIRECTORY_K, false, &f) : ERR_NOMEM;
	if (st) {
		kfree(records);
		return st;
	}
	for (bool more = true; more && !st;) {
		struct io_buf to;
		io_buf_init_kernel(&to, records, PAGE_SIZE);
		s64 n = f->ops->readdir ? f->ops->readdir(f, &to, false) : ERR_NOTDIR;
		more = n > 0;
		for (s64 i = 0; i < n;) {
			u16 size;
			memcpy(&size, records + i + 16, 2);
			const char *name = records + i + 19;
			if (strcmp(name, ".") && strcmp(name, ".."))
				st = NT(DIRECTORY_NOT_EMPTY);
			i += size;
		}
		if (n < 0)
			st = n;
	}
	file_put(f);
	kfree(records);
	return st;
}

static s64 deletable(const struct set_call *c, u32 flags)
{
	struct node *n = c->f->where.node;
	if (!(n->mode & 0222) && !node_is_link(n) && !(flags & DISPOSE_IGNORE_READONLY))
		return NT(CANNOT_DELETE);
	if (n->exec_count)
		return NT(CANNOT_DELETE);
	return node_is_dir(n) ? directory_empty(c->f->where) : 0;
}

static s64 dispose(const struct set_call *c, u32 flags)
{
	struct node *n = c->f->where.node;
	struct nt_open *o = c->f->nt_open;
	if (!(c->granted & NT_DELETE))
		return NT(ACCESS_DENIED);
	if (!o || !(o->options & FILE_SHARE_ENTERED) || (flags & ~31u))
		return NT(INVALID_PARAMETER);
	s64 st = flags & DISPOSE_DELETE ? deletable(c, flags) : 0;
	if (st)
		return st;
	if ((flags & (DISPOSE_DELETE | DISPOSE_POSIX)) == (DISPOSE_DELETE | DISPOSE_POSIX))
		return position_unlink(c->f->where); /* the name goes at once, the object with its last handle */
	spin_lock(&n->spin);
	if (flags & DISPOSE_ON_CLOSE)
		o->delete_on_close = flags & DISPOSE_DELETE;
	else
		n->share->delete_pending = flags & DISPOSE_DELETE;
	spin_unlock(&n->spin);
	return 0;
}

static s64 set_disposition(const struct set_call *c, bool extended)
{
	u32 flags = 0;
	s64 st = fixed_in(c, &flags, extended ? 4 : 1);
	return st ? st : dispose(c, extended ? flags : flags ? DISPOSE_DELETE : 0);
}

/* ---- rename and link ---- */
struct rename_head { u32 flags, unused; u64 root; u32 name_bytes; };
#define RENAME_NAME_OFFSET 20u

/* A name without directory stays where the file is. */
static s64 beside(const struct set_call *c, struct nt_string *name)
{
	struct nt_string dir;
	s64 st = nt_file_object_name(c->f, &dir);
	if (st)
		return st;
	u32 keep = dir.bytes / 2;
	while (keep && dir.text[keep - 1] != '\\')
		keep--;
	u32 bytes = keep * 2 + name->bytes;
	u16 *text = kmalloc(bytes + 2);
	if (text) {
		memcpy(text, dir.text, keep * 2);
		memcpy(text + keep, name->text, name->bytes + 2);
		nt_string_free(name);
		*name = (struct nt_string){ text, bytes };
	}
	nt_string_free(&dir);
	return text ? 0 : ERR_NOMEM;
}

static s64 target_name_in(const struct set_call *c, struct rename_head *head, struct nt_object_attributes *oa)
{
	*oa = (struct nt_object_attributes){ .attributes = NT_OBJ_CASE_INSENSITIVE };
	if (c->length < RENAME_NAME_OFFSET || copy_in(head, user_ptr(c->va), RENAME_NAME_OFFSET))
		return c->length < RENAME_NAME_OFFSET ? NT(INFO_LENGTH_MISMATCH) : NT(ACCESS_VIOLATION);
	if (!head->name_bytes || (head->name_bytes & 1) || head->name_bytes > c->length - RENAME_NAME_OFFSET || head->name_bytes > 0xfffe)
		return NT(INVALID_PARAMETER);
	oa->root = head->root;
	oa->name.text = kmalloc(head->name_bytes + 2);
	if (!oa->name.text)
		return ERR_NOMEM;
	oa->name.bytes = head->name_bytes;
	s64 st = copy_in(oa->name.text, user_ptr(c->va + RENAME_NAME_OFFSET), head->name_bytes);
	oa->name.text[head->name_bytes / 2] = 0;
	if (!st && !oa->root && oa->name.text[0] != '\\')
		st = beside(c, &oa->name);
	if (st)
		nt_object_attributes_free(oa);
	return st;
}

static s64 replace_allowed(struct node *there, u32 flags)
{
	if (!(flags & RENAME_REPLACE))
		return NT(OBJECT_NAME_COLLISION);
	if (node_is_dir(there) || (!(there->mode & 0222) && !(flags & RENAME_IGNORE_READONLY)))
		return NT(ACCESS_DENIED);
	spin_lock(&there->spin);
	bool open = there->share && there->share->opens && !(flags & RENAME_POSIX);
	spin_unlock(&there->spin);
	return open ? NT(ACCESS_DENIED) : 0;
}

static s64 rename_to(const struct set_call *c, struct nt_target *t, u32 flags, bool link)
{
	struct walk_result from = { .at = { c->f->where.mount, NULL } }, to;
	const char *slash = t->path;
	char wanted[NAME_MAX_BYTES + 1];
	for (const char *p = t->path; *p; p++)
		if (*p == '/')
			slash = p + 1;
	str_copy(wanted, slash, sizeof(wanted));
	s64 st = nt_walk(t, false, &to);
	if (st)
		return st;
	if (!to.missing) {
		bool itself = to.at.node == c->f->where.node;
		st = itself && !link ? 0 : replace_allowed(to.at.node, flags);
		struct node *dir;
		struct position there = to.at;
		if (!st)
			st = position_name(there, &dir, to.last);
		if (!st) { /* the place is the directory that holds the name; it is spelled as wanted */
			to.at.node = dir;
			if (link) /* a new link replaces: the old name goes first */
				st = vfs_unlink_at(to.at, to.last, (u32)strlen(to.last), false);
			else if (strcmp(to.last, wanted) && !itself)
				st = vfs_unlink_at(to.at, to.last, (u32)strlen(to.last), false);
			node_put(there.node);
		}
	}
	to.last_length = (u32)str_copy(to.last, wanted, sizeof(to.last));
	if (!st && link) {
		st = vfs_link_at(c->f->where, &to);
	} else if (!st) {
		st = position_name(c->f->where, &from.at.node, from.last);
		from.last_length = (u32)strlen(from.last);
		if (!st)
			st = vfs_rename_at(&from, &to, flags & RENAME_REPLACE ? 0 : RENAME_NOREPLACE_K);
		if (from.at.node)
			node_put(from.at.node);
	}
	walk_result_put(&to);
	return st;
}

static s64 set_name(const struct set_call *c, bool extended, bool link)
{
	struct rename_head head;
	struct nt_object_attributes oa;
	struct nt_target t;
	if (!link && !(c->granted & NT_DELETE))
		return NT(ACCESS_DENIED);
	s64 st = target_name_in(c, &head, &oa);
	if (st)
		return st;
	if (!extended)
		head.flags = head.flags & 0xff ? RENAME_REPLACE : 0;
	if (head.flags & ~(u32)RENAME_SUPPORTED) {
		nt_object_attributes_free(&oa);
		return head.flags & ~(u32)RENAME_KNOWN ? NT(INVALID_PARAMETER) : NT(NOT_SUPPORTED);
	}
	st = nt_target_in(&oa, &t);
	if (!st) {
		st = t.kind == NT_TARGET_PATH ? rename_to(c, &t, head.flags, link) : NT(OBJECT_NAME_INVALID);
		nt_target_free(&t);
	}
	nt_object_attributes_free(&oa);
	return st == ERR_EXIST ? NT(OBJECT_NAME_COLLISION) : st == ERR_XDEV ? NT(NOT_SAME_DEVICE) : nt_status_of_path(st);
}

/* ---- the rest ---- */
static s64 set_position(const struct set_call *c)
{
	u64 position;
	s64 st = fixed_in(c, &position, sizeof(position));
	if (st || (s64)position < 0)
		return st ? st : NT(INVALID_PARAMETER);
	mutex_lock(&c->f->pos_lock);
	c->f->pos = position;
	mutex_unlock(&c->f->pos_lock);
	return 0;
}

static s64 set_completion(const struct set_call *c)
{
	struct { u64 port, key; } info;
	struct file *port;
	s64 st = fixed_in(c, &info, sizeof(info));
	if (!st)
		st = nt_handle_get(info.port, NT_TYPE_IO_COMPLETION, 2 /* IO_COMPLETION_MODIFY_STATE */, &port);
	if (st)
		return st;
	st = nt_file_set_port(c->f, port, info.key);
	file_put(port);
	return st;
}

static s64 set_mode(const struct set_call *c)
{
	const u32 changeable = FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY | FILE_SYNCHRONOUS;
	u32 mode;
	s64 st = fixed_in(c, &mode, sizeof(mode));
	if (st || !c->f->nt_open)
		return st ? st : NT(INVALID_PARAMETER);
	struct file *f = c->f;
	u32 now = f->nt_open->options;
	/* synchronous stays synchronous: waiting operations rely on it */
	if ((mode & ~changeable) || (mode & FILE_SYNCHRONOUS) == FILE_SYNCHRONOUS || !(mode & FILE_SYNCHRONOUS) != !(now & FILE_SYNCHRONOUS))
		return NT(INVALID_PARAMETER);
	__atomic_store_n(&f->nt_open->options, (now & ~changeable) | mode, __ATOMIC_RELAXED);
	if (mode & FILE_WRITE_THROUGH)
		__atomic_or_fetch(&f->flags, O_DSYNC_K, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&f->flags, ~(u32)O_DSYNC_K, __ATOMIC_RELAXED);
	return 0;
}

static s64 set_flags(const struct set_call *c)
{
	u32 flags;
	s64 st = fixed_in(c, &flags, sizeof(flags));
	return st ? st : flags & ~7u ? NT(INVALID_PARAMETER) : nt_file_completion_flags(c->f, &flags);
}

static s64 set_place(const struct set_call *c, u32 class)
{
	switch (class) {
	case SET_BASIC:
		return set_basic(c);
	case SET_RENAME:
	case SET_RENAME_EX:
		return set_name(c, class == SET_RENAME_EX, false);
	case SET_LINK:
	case SET_LINK_EX:
		return set_name(c, class == SET_LINK_EX, true);
	case SET_DISPOSITION:
	case SET_DISPOSITION_EX:
		return set_disposition(c, class == SET_DISPOSITION_EX);
	case SET_ALLOCATION:
	case SET_END_OF_FILE:
		return set_size(c, class == SET_ALLOCATION);
	case SET_POSITION:
		return set_position(c);
	default:
		return NT(INVALID_INFO_CLASS);
	}
}

static s64 set(const struct set_call *c, u32 class)
{
	switch (class) {
	case SET_MODE:
		return set_mode(c);
	case SET_COMPLETION:
		return set_completion(c);
	case SET_COMPLETION_FLAGS:
		return set_flags(c);
	case SET_PIPE:
		return nt_device_of(c->f) == NT_DEVICE_NAMED_PIPE ? nt_pipe_set(c->f, class, c->va, c->length) : NT(INVALID_PARAMETER);
	case SET_VALID_LENGTH:
		return NT(PRIVILEGE_NOT_HELD);
	default:
		return c->f->where.node && nt_device_of(c->f) == NT_DEVICE_DISK ? set_place(c, class) : NT(INVALID_PARAMETER);
	}
}

NT_HANDLER(SetInformationFile)
{
	struct { u64 status, information; } block = { 0, 0 };
	struct set_call c = { .va = a[2], .length = (u32)a[3] };
	s64 st = nt_handle_get_access(a[0], NT_TYPE_FILE, 0, &c.f, &c.granted);
	if (st)
		return st;
	st = set(&c, (u32)a[4]);
	file_put(c.f);
	if (st)
		return st;
	return COPY_OUT(user_ptr(a[1]), &block) ? NT(ACCESS_VIOLATION) : 0;
}
