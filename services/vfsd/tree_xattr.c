// SPDX-License-Identifier: MIT
/* Extended attributes of tree objects: one block per object that holds them all, replaced whole by each change (they are
 * few and small). Which namespaces a caller may use is the kernel's check; here are existence, flags and limits. */
#include "tree.h"

struct xattr_record { u32 size, value_size; u32 name_size, unused; char text[]; }; /* name, then value; size: multiple of 8 */

static u32 record_size(u32 name_size, u64 value_size)
{
	return (u32)ALIGN_UP(sizeof(struct xattr_record) + name_size + value_size, 8);
}

static const struct xattr_record *find(const struct tree_object *o, const char *name, u32 name_size)
{
	const char *block = o->xattrs ? state_ptr(o->xattrs) : NULL;
	for (u32 at = 0; block && at < o->xattr_bytes;) {
		const struct xattr_record *x = (const void *)(block + at);
		if (x->name_size == name_size && !memcmp(x->text, name, name_size))
			return x;
		at += x->size;
	}
	return NULL;
}

#define DOS_XATTR "user.DOSATTRIB"          /* the name and the text form that Wine and Samba use */
#define DOS_DIGITS_MAX 8u

u32 tree_dos_attributes(const struct tree_object *o)
{
	const struct xattr_record *x = find(o, DOS_XATTR, sizeof(DOS_XATTR) - 1);
	const char *text = x ? x->text + x->name_size : NULL;
	u32 value = 0;
	if (!x || x->value_size < 3 || x->value_size > 2 + DOS_DIGITS_MAX || text[0] != '0' || text[1] != 'x')
		return 0;
	for (u32 i = 2; i < x->value_size; i++) {
		u32 digit = (u8)text[i] - '0', letter = ((u8)text[i] | 32u) - 'a';
		if (digit > 9 && letter > 5)
			return 0; /* another program's form */
		value = value << 4 | (digit <= 9 ? digit : letter + 10);
	}
	return value & VFS_DOS_VALID;
}

static status_t object_exists(u32 fs, u64 ino, struct tree_object **out)
{
	struct vfs_attributes a;
	*out = object_find(fs, ino);
	return *out ? OK : tree_attributes(fs, ino, &a);
}

s64 tree_getxattr(u32 fs, u64 ino, const char *name, u32 name_size, u8 *buf, u32 size)
{
	struct tree_object *o;
	status_t st = object_exists(fs, ino, &o);
	if (st)
		return st;
	const struct xattr_record *x = find(o, name, name_size);
	if (!x)
		return ERR_NODATA;
	if (x->value_size > size)
		return ERR_RANGE;
	memcpy(buf, x->text + name_size, x->value_size);
	return x->value_size;
}

s64 tree_listxattr(u32 fs, u64 ino, u8 *buf, u32 size)
{
	struct tree_object *o;
	u32 used = 0;
	status_t st = object_exists(fs, ino, &o);
	if (st || !o || !o->xattrs)
		return st;
	const char *block = state_ptr(o->xattrs);
	for (u32 at = 0; at < o->xattr_bytes;) {
		const struct xattr_record *x = (const void *)(block + at);
		if (used + x->name_size + 1 > size)
			return ERR_RANGE;
		memcpy(buf + used, x->text, x->name_size);
		buf[used + x->name_size] = '\0';
		used += x->name_size + 1;
		at += x->size;
	}
	return used;
}

/* The block without `old` and, if `name` is given, with a new record at its end. */
static status_t replace(struct tree_object *o, const struct xattr_record *old, const char *name, u32 name_size,
			const void *value, u32 value_size)
{
	u32 before = o->xattr_bytes, added = name ? record_size(name_size, value_size) : 0;
	u32 bytes = before - (old ? old->size : 0) + added, used = 0;
	u64 block = 0;
	if (bytes > TREE_XATTR_MAX)
		return ERR_NOSPC;
	if (bytes && !(block = state_alloc(bytes)))
		return ERR_NOSPC;
	const char *from = before ? state_ptr(o->xattrs) : NULL;
	char *to = block ? state_ptr(block) : NULL;
	for (u32 at = 0; at < before;) {
		const struct xattr_record *x = (const void *)(from + at);
		if (x != old && to) {
			memcpy(to + used, x, x->size);
			used += x->size;
		}
		at += x->size;
	}
	if (name && to) {
		struct xattr_record *x = (void *)(to + used);
		memset(x, 0, added);
		*x = (struct xattr_record){ .size = added, .value_size = value_size, .name_size = name_size };
		memcpy(x->text, name, name_size);
		memcpy(x->text + name_size, value, value_size);
	}
	u64 gone = o->xattrs;
	TXN_SET(o->xattrs, block);
	TXN_SET(o->xattr_bytes, bytes);
	TXN_SET(o->ctime_ns, change_time_ns());
	if (gone)
		state_free(gone, before);
	return OK;
}

static status_t changeable(u32 fs, u64 ino, struct tree_object **o)
{
	return vfsd_state()->fs[fs].flags & FS_READ_ONLY ? ERR_ROFS : tree_object(fs, ino, o);
}

status_t tree_setxattr(const struct vfs_node_request *q, const char *name, u32 name_size, const void *value, u32 value_size)
{
	struct tree_object *o;
	if (!name_size || name_size > TREE_NAME_MAX)
		return ERR_RANGE;
	status_t st = changeable(q->fs, q->cookie, &o);
	if (st)
		return st;
	const struct xattr_record *old = find(o, name, name_size);
	if (old && q->flags & VFS_XATTR_CREATE)
		return ERR_EXIST;
	if (!old && q->flags & VFS_XATTR_REPLACE)
		return ERR_NODATA;
	return replace(o, old, name, name_size, value, value_size);
}

status_t tree_set_dos_attributes(struct tree_object *o, u32 value)
{
	const struct xattr_record *old = find(o, DOS_XATTR, sizeof(DOS_XATTR) - 1);
	char text[] = { '0', 'x', (char)('0' + (value & VFS_DOS_VALID)) };
	if (value & VFS_DOS_VALID)
		return replace(o, old, DOS_XATTR, sizeof(DOS_XATTR) - 1, text, sizeof(text));
	return old ? replace(o, old, NULL, 0, NULL, 0) : OK;
}

status_t tree_removexattr(const struct vfs_node_request *q, const char *name, u32 name_size)
{
	struct tree_object *o;
	status_t st = changeable(q->fs, q->cookie, &o);
	if (st)
		return st;
	const struct xattr_record *old = find(o, name, name_size);
	return old ? replace(o, old, NULL, 0, NULL, 0) : ERR_NODATA;
}
