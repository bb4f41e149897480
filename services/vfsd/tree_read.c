// SPDX-License-Identifier: MIT
// Requests that only read the tree. Listing positions: image names at block << 16 | index (lib/erofs), private names
// at PRIVATE_POSITION + sequence; both stay valid whatever changes. "." and ".." are the kernel's.
#include "tree.h"

#define PRIVATE_POSITION (1ull << 48)
#define STATFS_BLOCK 4096u

bool dirent_put(u8 *buf, u32 size, u32 *used, u64 ino, u64 offset, u8 type, const char *name, u32 name_size)
{
	u32 record = ALIGN_UP((u32)offsetof(struct vfs_dirent, name) + name_size, 8u);
	if (record > size - *used)
		return false;
	struct vfs_dirent head = {
		.ino = ino, .offset = offset, .record_size = (u16)record, .type = type, .name_size = (u8)name_size
	};
	memset(buf + *used, 0, record);
	memcpy(buf + *used, &head, offsetof(struct vfs_dirent, name));
	memcpy(buf + *used + offsetof(struct vfs_dirent, name), name, name_size);
	*used += record;
	return true;
}

/* Image names; true when the buffer is full. */
static s64 list_base(struct tree_dir *d, u64 position, u8 *buf, u32 size, u32 *used)
{
	struct erofs_entry e;
	for (;; position = e.position) {
		status_t st = erofs_next_entry(&tree_image, &d->base, position, &e);
		if (st)
			return st == ERR_NOENT ? 0 : ERR_IO;
		if (e.name[0] == '.' && (e.name_size == 1 || (e.name_size == 2 && e.name[1] == '.')))
			continue;
		if (d->record && d->record->base_hidden && entry_find(d->fs, d->ino, e.name, e.name_size))
			continue;
		if (!dirent_put(buf, size, used, e.nid + TREE_INO_BIAS, e.position, e.type, e.name, e.name_size))
			return 1;
	}
}

s64 tree_readdir(u32 fs, u64 dir, u64 offset, u8 *buf, u32 size)
{
	struct tree_dir d;
	u32 used = 0;
	status_t st = dir_load(fs, dir, &d);
	if (st)
		return st == ERR_NOENT ? 0 : st; /* removed directory: empty */
	if (d.has_base && offset < PRIVATE_POSITION) {
		s64 full = list_base(&d, offset, buf, size, &used);
		if (full)
			return full < 0 ? full : used ? (s64)used : ERR_INVAL;
	}
	if (!d.record)
		return used;
	u64 sequence = offset >= PRIVATE_POSITION ? offset - PRIVATE_POSITION : 0;
	struct tree_entry *e = entry_after(d.record, sequence);
	for (; e; e = state_ptr(e->next)) {
		if (!e->ino)
			continue;
		u64 after = PRIVATE_POSITION + e->sequence + 1;
		if (!dirent_put(buf, size, &used, e->ino, after, e->type, e->name, e->name_size)) {
			entry_hint(d.record, e);
			return used ? (s64)used : ERR_INVAL;
		}
	}
	return used;
}

s64 tree_readlink(u32 fs, u64 ino, char *buf, u32 size)
{
	struct tree_object *o = object_find(fs, ino);
	struct erofs_inode base;
	if (o && (o->mode & MODE_TYPE) != MODE_SYMLINK)
		return ERR_INVAL;
	if (o && o->target) {
		u32 n = (u32)MIN(o->size, (u64)size);
		memcpy(buf, state_ptr(o->target), n);
		return n;
	}
	if (!tree_is_base(fs, ino))
		return ERR_STALE;
	if (erofs_inode(&tree_image, ino - TREE_INO_BIAS, &base, NULL))
		return ERR_IO;
	if ((base.mode & MODE_TYPE) != MODE_SYMLINK)
		return ERR_INVAL;
	return erofs_read(&tree_image, &base, 0, buf, size);
}

s64 tree_read(u32 fs, u64 ino, u64 offset, u8 *buf, u64 size)
{
	struct erofs_inode base;
	if (!tree_is_base(fs, ino))
		return fs_get(fs) ? 0 : ERR_STALE; /* private data is the kernel's: holes here */
	if (erofs_inode(&tree_image, ino - TREE_INO_BIAS, &base, NULL))
		return ERR_IO;
	s64 n = erofs_read(&tree_image, &base, offset, buf, size);
	return n < 0 ? ERR_IO : n;
}

/* blocks is the bound of private data; the kernel takes its own use from blocks_free. */
void tree_statfs(u32 fs, struct vfs_statfs_reply *out)
{
	struct fs_record *f = &vfsd_state()->fs[fs];
	u64 blocks = f->size_max / STATFS_BLOCK, objects = f->object_max;
	*out = (struct vfs_statfs_reply){
		.type = f->magic,
		.block_size = STATFS_BLOCK,
		.blocks = blocks,
		.blocks_free = blocks,
		.blocks_available = blocks,
		.files = objects,
		.files_free = objects > f->object_count ? objects - f->object_count : 0,
		.name_max = TREE_NAME_MAX,
		.flags = f->flags & FS_READ_ONLY ? 1 : 0,
		.fsid = fs,
	};
}
