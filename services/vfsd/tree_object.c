// SPDX-License-Identifier: MIT
// Objects and names of the tree: what the image says, overlaid by the records of the state object.
#include "tree.h"
#include <time.h>

#define DAMAGE_LOGGED 16u /* lines about a damaged image: enough to see it, no flood */

struct erofs tree_image;
bool tree_has_image;
u64 tree_memory_bytes = GIB(1); /* until the kernel's figure is known */

void tree_set_image(const struct erofs *image)
{
	tree_image = *image;
	tree_has_image = true;
}

s64 wall_time_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * (s64)NSEC_PER_SEC + t.tv_nsec;
}

static s64 change_time;

void tree_begin(void)
{
	change_time = wall_time_ns();
	tree_reclaim();
}

s64 change_time_ns(void) { return change_time; }

struct fs_record *fs_get(u32 fs)
{
	if (!fs || fs >= FS_MAX || vfsd_state()->fs[fs].state != FS_STATE_LIVE)
		return NULL;
	return &vfsd_state()->fs[fs];
}

bool tree_is_base(u32 fs, u64 ino)
{
	return tree_has_image && vfsd_state()->fs[fs].kind == FS_KIND_ROOT && ino >= TREE_INO_BIAS &&
	       ino < TREE_PRIVATE_INO;
}

static status_t load_base(u64 ino, struct erofs_inode *out)
{
	const char *reason = NULL;
	status_t st = erofs_inode(&tree_image, ino - TREE_INO_BIAS, out, &reason);
	if (!st)
		return OK;
	static u32 logged;
	if (logged++ < DAMAGE_LOGGED)
		service_log("image: inode %llu: %s", (unsigned long long)(ino - TREE_INO_BIAS), reason);
	return ERR_IO;
}

static u64 blocks_of(u32 mode, u64 size)
{
	u32 type = mode & MODE_TYPE;
	return type == MODE_REGULAR || type == MODE_DIRECTORY ? (size + PAGE_MASK) / PAGE_SIZE * 8 : 0;
}

static void attributes_of_record(const struct tree_object *o, struct vfs_attributes *out)
{
	*out = (struct vfs_attributes){
		.ino = o->ino,
		.mode = o->mode,
		.nlink = o->nlink,
		.uid = o->uid,
		.gid = o->gid,
		.rdev = (u32)o->rdev,
		.size = o->size,
		.blocks_512 = blocks_of(o->mode, o->size),
		.atime_ns = o->atime_ns,
		.mtime_ns = o->mtime_ns,
		.ctime_ns = o->ctime_ns,
		.btime_ns = o->btime_ns,
		.dos_attributes = o->xattrs ? tree_dos_attributes(o) : 0,
	};
}

static void attributes_of_base(u64 ino, const struct erofs_inode *b, struct vfs_attributes *out)
{
	*out = (struct vfs_attributes){
		.ino = ino, .mode = b->mode, .nlink = b->nlink, .uid = b->uid, .gid = b->gid, .rdev = (u32)b->rdev, .size = b->size,
		.blocks_512 = blocks_of(b->mode, b->size),
		.atime_ns = b->mtime_ns, .mtime_ns = b->mtime_ns, .ctime_ns = b->mtime_ns, .btime_ns = b->mtime_ns,
	};
}

status_t tree_attributes(u32 fs, u64 ino, struct vfs_attributes *out)
{
	struct tree_object *o = object_find(fs, ino);
	if (o) {
		attributes_of_record(o, out);
		return OK;
	}
	struct erofs_inode base;
	if (!tree_is_base(fs, ino))
		return ERR_STALE;
	status_t st = load_base(ino, &base);
	if (!st)
		attributes_of_base(ino, &base, out);
	return st;
}

/* The image pads the last block with zeros, so a whole file's last page is used in place, too. */
static u64 backing_bytes(const struct erofs_inode *base, u64 size_now)
{
	u64 padded = ALIGN_UP(base->size, PAGE_SIZE);
	bool whole = tree_image.block_size >= PAGE_SIZE && base->data_offset + padded <= tree_image.size;
	return size_now == base->size && whole ? padded : MIN(base->size, size_now);
}

status_t tree_node(u32 fs, u64 ino, struct vfs_node *out)
{
	*out = (struct vfs_node){ .cookie = ino, .backing = VFS_NO_BACKING };
	status_t st = tree_attributes(fs, ino, &out->attr);
	if (st || (out->attr.mode & MODE_TYPE) != MODE_REGULAR || !tree_is_base(fs, ino))
		return st;
	struct erofs_inode base;
	st = load_base(ino, &base);
	if (!st && base.size && base.flat_size == base.size) {
		out->backing = base.data_offset;
		out->backing_size = backing_bytes(&base, out->attr.size);
	}
	return st;
}

status_t tree_object(u32 fs, u64 ino, struct tree_object **out)
{
	*out = object_find(fs, ino);
	if (*out)
		return OK;
	struct vfs_attributes a;
	status_t st = tree_attributes(fs, ino, &a);
	if (st)
		return st;
	u64 parent = 0;
	if ((a.mode & MODE_TYPE) == MODE_DIRECTORY && dir_parent(fs, ino, &parent))
		return ERR_IO;
	struct tree_object fresh = {
		.fs = fs, .ino = ino, .flags = OBJECT_BASE, .mode = a.mode, .nlink = a.nlink, .uid = a.uid, .gid = a.gid,
		.rdev = a.rdev, .size = a.size, .atime_ns = a.atime_ns, .mtime_ns = a.mtime_ns, .ctime_ns = a.ctime_ns,
		.btime_ns = a.btime_ns, .parent = parent,
	};
	*out = object_new(&fresh);
	return *out ? OK : ERR_NOSPC;
}

status_t dir_load(u32 fs, u64 ino, struct tree_dir *out)
{
	*out = (struct tree_dir){ .fs = fs, .ino = ino, .record = object_find(fs, ino), .has_base = tree_is_base(fs, ino) };
	if (out->has_base) {
		status_t st = load_base(ino, &out->base);
		if (st)
			return st;
	} else if (!out->record) {
		return ERR_STALE;
	}
	u32 mode = out->record ? out->record->mode : out->base.mode;
	if ((mode & MODE_TYPE) != MODE_DIRECTORY)
		return ERR_NOTDIR;
	if (out->record && out->record->flags & OBJECT_DEAD)
		return ERR_NOENT;
	return OK;
}

status_t dir_record(struct tree_dir *d)
{
	return d->record ? OK : tree_object(d->fs, d->ino, &d->record);
}

static bool is_dots(const char *name, u32 size)
{
	return name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.'));
}

status_t dir_find(struct tree_dir *d, const char *name, u32 name_size, struct tree_name *out)
{
	*out = (struct tree_name){ 0 };
	if (d->record && d->record->first_entry)
		out->entry = entry_find(d->fs, d->ino, name, name_size);
	if (out->entry) {
		out->ino = out->entry->ino;
		out->type = out->entry->type;
		out->in_base = out->entry->flags & ENTRY_HIDES_BASE;
		return OK;
	}
	struct erofs_entry e;
	if (!d->has_base || is_dots(name, name_size))
		return OK;
	status_t st = erofs_lookup(&tree_image, &d->base, name, name_size, &e);
	if (st == ERR_NOENT)
		return OK;
	if (st)
		return ERR_IO;
	out->ino = e.nid + TREE_INO_BIAS;
	out->type = e.type;
	out->in_base = true;
	return OK;
}

/* Makes `name` lead to ino; `at` is what dir_find gave and is updated. */
status_t dir_set(struct tree_dir *d, const char *name, u32 name_size, struct tree_name *at, u64 ino, u8 type)
{
	if (dir_record(d))
		return ERR_NOSPC;
	bool was_live = at->entry && at->entry->ino;
	if (!at->entry) {
		at->entry = entry_new(d->record, name, name_size, ino, type, at->in_base ? ENTRY_HIDES_BASE : 0);
		if (!at->entry)
			return ERR_NOSPC;
		if (at->in_base)
			TXN_SET(d->record->base_hidden, d->record->base_hidden + 1);
	} else {
		TXN_SET(at->entry->ino, ino);
		TXN_SET(at->entry->type, type);
	}
	if (!was_live)
		TXN_SET(d->record->live_entries, d->record->live_entries + 1);
	at->ino = ino;
	at->type = type;
	return OK;
}

/* Takes the name away: a private entry goes, an image name is hidden. */
status_t dir_clear(struct tree_dir *d, const char *name, u32 name_size, struct tree_name *at)
{
	if (at->in_base) {
		status_t st = dir_set(d, name, name_size, at, 0, 0);
		if (!st)
			TXN_SET(d->record->live_entries, d->record->live_entries - 1);
		return st;
	}
	entry_free(d->record, at->entry);
	TXN_SET(d->record->live_entries, d->record->live_entries - 1);
	*at = (struct tree_name){ 0 };
	return OK;
}

bool dir_is_empty(struct tree_dir *d)
{
	if (d->record && d->record->live_entries)
		return false;
	if (!d->has_base)
		return true;
	u32 hidden = d->record ? d->record->base_hidden : 0;
	u64 names = 0, position = 0;
	struct erofs_entry e;
	for (; !erofs_next_entry(&tree_image, &d->base, position, &e); position = e.position)
		names += !is_dots(e.name, e.name_size);
	return names <= hidden;
}

s64 dir_parent(u32 fs, u64 ino, u64 *parent)
{
	struct tree_object *o = object_find(fs, ino);
	struct erofs_inode base;
	struct erofs_entry e;
	if (o) {
		*parent = o->parent;
		return OK;
	}
	if (!tree_is_base(fs, ino))
		return ERR_STALE;
	status_t st = load_base(ino, &base);
	if (!st && erofs_lookup(&tree_image, &base, "..", 2, &e))
		st = ERR_IO;
	if (!st)
		*parent = e.nid + TREE_INO_BIAS;
	return st;
}
