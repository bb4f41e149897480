// SPDX-License-Identifier: MIT
/* Open directories: getdents over a cached listing. A directory's listing is fetched whole once and dropped at
 * each change of its names; cursors are vfsd's own stable positions (vfs_dirent.offset), so a dropped listing
 * disturbs no reader. Too large, uncached or shared directories are read in pieces at each call.
 * file->private_data = (listing generation, byte offset): where the last call stopped.
 * Cursor: 0 before ".", 1 before "..", 2 + vfsd's position after that. */
#include "vfs_internal.h"

#include "nt_text.h"

#define LISTING_MAX (1u << 20)          /* larger directories (about 25,000 names) are not cached */
#define LISTING_PIECE (64u << 10)       /* bytes asked of vfsd at a time */
#define DIRENT_BYTES_MAX 280u           /* 19 + 255 + NUL, aligned to 8 */
#define DT_DIR_K 4

struct listing {
	u32 *folded;                     /* made at the first look-up without case: hash table of byte offsets + 1 */
	u32 folded_size;                 /* a power of two */
	u32 generation;
	bool ordered;                    /* positions ascend: a vanished cursor finds its successor */
	u32 length;
	u8 data[];                       /* struct vfs_dirent, packed */
};
static u32 listing_generation;

void listing_drop(struct node *dir)
{
	struct listing *l = dir->listing;
	if (l)
		kfree(l->folded);
	kfree(l);
	dir->listing = NULL;
}

static bool cacheable(const struct node *dir)
{
	return !(dir->fs->flags & (FS_SHARED | FS_NO_NAME_CACHE | FS_NO_DATA_CACHE));
}

static s64 fetch_piece(struct node *dir, u64 position, u8 *buf)
{
	struct vfs_io_request r = { .fs = dir->fs->id, .cookie = dir->cookie, .offset = position, .size = LISTING_PIECE };
	enum hop_cause cause = fs_cause(dir->fs, dir->was_listed ? HOP_CHANGED : HOP_FIRST_USE);
	return vfs_call_data(VFS_READDIR, cause, &r, sizeof(r), buf, LISTING_PIECE, NULL, 0);
}

/* Bytes of whole, sane records in a reply; the last position in *last. */
static u32 check_records(const u8 *buf, u32 length, u64 *last, bool *ordered)
{
	u32 at = 0;
	while (at + offsetof(struct vfs_dirent, name) < length) {
		const struct vfs_dirent *d = (const void *)(buf + at);
		if (d->record_size < offsetof(struct vfs_dirent, name) + d->name_size || at + d->record_size > length ||
				d->record_size % 8 || !d->name_size)
			break;
		if (d->offset <= *last)
			*ordered = false;
		*last = d->offset;
		at += d->record_size;
	}
	return at;
}

static struct listing *grow(struct listing *l, u32 used, u32 extra)
{
	struct listing *bigger = kmalloc(sizeof(*l) + used + extra);
	if (!bigger)
		return NULL;
	if (l)
		memcpy(bigger, l, sizeof(*l) + used);
	return bigger;
}

/* The whole directory. OK with *out NULL: too large to keep. */
static status_t fetch_all(struct node *dir, struct listing **out)
{
	u8 *piece = kmalloc(LISTING_PIECE);
	struct listing *l = NULL;
	u64 last = 0;
	u32 used = 0;
	bool ordered = true;
	s64 got = piece ? 0 : ERR_NOMEM;
	while (got >= 0) {
		got = fetch_piece(dir, last, piece);
		if (got <= 0)
			break;
		u32 sane = check_records(piece, (u32)got, &last, &ordered);
		struct listing *bigger = used + sane > LISTING_MAX ? NULL : grow(l, used, sane);
		kfree(l);
		l = bigger;
		if (!l || !sane)
			break;
		memcpy(l->data + used, piece, sane);
		used += sane;
	}
	if (got == 0 && !l)
		l = kmalloc(sizeof(*l));
	kfree(piece);
	if (got < 0) {
		kfree(l);
		return (status_t)got;
	}
	if (l) {
		l->generation = __atomic_add_fetch(&listing_generation, 1, __ATOMIC_RELAXED);
		l->ordered = ordered;
		l->length = used;
		l->folded = NULL;
	}
	*out = l;
	return OK;
}

/* False: the buffer is full (*st NOSPC) or the copy failed. */
static bool put_record(struct io_buf *to, const struct vfs_dirent *d, const char *name, u64 next,
		bool old_format, status_t *st)
{
	u8 record[DIRENT_BYTES_MAX];
	u32 header = old_format ? 18 : 19;
	u32 size = ALIGN_UP(header + d->name_size + 1u + (old_format ? 1 : 0), 8);
	if (size > to->remaining) {
		*st = ERR_NOSPC;
		return false;
	}
	memset(record, 0, size);
	memcpy(record, &d->ino, 8);
	memcpy(record + 8, &next, 8);
	u16 short_size = (u16)size;
	memcpy(record + 16, &short_size, 2);
	if (old_format)
		record[size - 1] = d->type;
	else
		record[18] = d->type;
	memcpy(record + header, name, d->name_size);
	if (io_buf_put(to, record, size) != size) {
		*st = ERR_FAULT;
		return false;
	}
	return true;
}

static u64 parent_ino(const struct file *f)
{
	const struct node *n = f->where.node;
	const struct mount *m = f->where.mount;
	u64 ino;
	walk_enter();
	while (n == m->root && m->parent) {
		n = m->mountpoint;
		m = m->parent;
	}
	ino = n->parent ? n->parent->ino : n->ino;
	walk_leave();
	return ino;
}

static status_t put_dots(struct file *f, struct io_buf *to, bool old_format)
{
	status_t st = OK;
	while (f->pos < 2) {
		struct vfs_dirent d = { .type = DT_DIR_K, .name_size = (u8)(f->pos + 1) };
		d.ino = f->pos ? parent_ino(f) : f->where.node->ino;
		if (!put_record(to, &d, "..", f->pos + 1, old_format, &st))
			return st;
		f->pos++;
	}
	return OK;
}

/* Records from byte `at` on; stops when the buffer is full. True when all were put. */
static bool put_records(struct file *f, struct io_buf *to, const u8 *data, u32 length, u32 *at, bool old_format,
		status_t *st)
{
	while (*at < length) {
		const struct vfs_dirent *d = (const void *)(data + *at);
		bool dot = d->name_size <= 2 && d->name[0] == '.' && (d->name_size == 1 || d->name[1] == '.');
		if (!dot && !put_record(to, d, d->name, d->offset + 2, old_format, st))
			return false;
		f->pos = d->offset + 2;
		*at += d->record_size;
	}
	return true;
}

/* Byte offset of the first record behind cursor `position`, or false: not in this listing. */
static bool find_cursor(const struct file *f, const struct listing *l, u64 position, u32 *at)
{
	*at = 0;
	if (position == 0)
		return true;
	if ((u32)((uintptr_t)f->private_data >> 32) == l->generation) {
		*at = (u32)(uintptr_t)f->private_data;
		return true;
	}
	for (u32 i = 0; i < l->length;) {
		const struct vfs_dirent *d = (const void *)(l->data + i);
		if (l->ordered && d->offset > position) {
			*at = i;
			return true;
		}
		i += d->record_size;
		if (d->offset == position) {
			*at = i;
			return true;
		}
	}
	*at = l->length;
	return l->ordered;
}

static status_t read_pieces(struct file *f, struct io_buf *to, bool old_format)
{
	u8 *piece = kmalloc(LISTING_PIECE);
	status_t st = OK;
	if (!piece)
		return ERR_NOMEM;
	for (;;) {
		bool ordered;
		u64 last = f->pos - 2;
		s64 got = fetch_piece(f->where.node, f->pos - 2, piece);
		u32 at = 0, sane = got > 0 ? check_records(piece, (u32)got, &last, &ordered) : 0;
		if (got < 0)
			st = (status_t)got;
		if (!sane || !put_records(f, to, piece, sane, &at, old_format, &st))
			break;
	}
	kfree(piece);
	return st;
}

static status_t read_locked(struct file *f, struct io_buf *to, bool old_format)
{
	struct node *n = f->where.node;
	struct listing *l = n->listing;
	status_t st = OK;
	if (!l && cacheable(n)) {
		st = fetch_all(n, &l);
		n->listing = l;
		n->was_listed = 1;
	}
	u32 at;
	if (st || !l || !find_cursor(f, l, f->pos - 2, &at))
		return st ? st : read_pieces(f, to, old_format);
	put_records(f, to, l->data, l->length, &at, old_format, &st);
	if (f->pos > 2)
		f->private_data = (void *)((uintptr_t)l->generation << 32 | at); /* hint for the next call */
	return st;
}

static s64 directory_readdir(struct file *f, struct io_buf *to, bool old_format)
{
	struct node *n = f->where.node;
	u64 before = to->remaining;
	if (n->flags & NODE_UNLINKED)
		return ERR_NOENT;
	status_t st = put_dots(f, to, old_format);
	if (!st) {
		if (cacheable(n)) {
			mutex_lock(&n->lock);
			st = read_locked(f, to, old_format);
			mutex_unlock(&n->lock);
		} else {
			st = read_pieces(f, to, old_format);
		}
	}
	bool full = st == ERR_NOSPC;
	if (full)
		st = OK;
	node_touch_atime(f->where.mount, n);
	NOTIFY(n, IN_ACCESS_K, NULL, 0);
	s64 put = (s64)(before - to->remaining);
	if (put)
		return put;
	if (st)
		return st;
	return full ? ERR_INVAL : 0;
}

/* ---- look-up without case, for NT opens ---- */
static u32 fold_slot(const struct listing *l, const char *name, u32 length)
{
	return nt_name_hash(name, length) & (l->folded_size - 1);
}

static bool fold_build(struct listing *l)
{
	u32 count = 0;
	for (u32 i = 0; i < l->length; i += ((const struct vfs_dirent *)(const void *)(l->data + i))->record_size)
		count++;
	l->folded_size = 8;
	while (l->folded_size < count * 2)
		l->folded_size *= 2;
	l->folded = kzalloc(l->folded_size * sizeof(u32));
	for (u32 i = 0; l->folded && i < l->length;) {
		const struct vfs_dirent *d = (const void *)(l->data + i);
		u32 slot = fold_slot(l, d->name, d->name_size);
		while (l->folded[slot])
			slot = (slot + 1) & (l->folded_size - 1);
		l->folded[slot] = i + 1;
		i += d->record_size;
	}
	return l->folded;
}

static status_t take_name(const struct vfs_dirent *d, char *found)
{
	memcpy(found, d->name, d->name_size);
	found[d->name_size] = '\0';
	return OK;
}

/* A name of the form 8.3 that no file has may be another one's short name: rare, so it has no index. */
static status_t short_find(const struct listing *l, const char *name, u32 length, char *found)
{
	const struct vfs_dirent *d;
	for (u32 i = 0; i < l->length && nt_may_be_short_name(name, length); i += d->record_size) {
		d = (const void *)(l->data + i);
		if (nt_has_short_name(d->name, d->name_size, name, length))
			return take_name(d, found);
	}
	return ERR_NOENT;
}

static status_t fold_find(const struct listing *l, const char *name, u32 length, char *found)
{
	for (u32 slot = fold_slot(l, name, length); l->folded[slot]; slot = (slot + 1) & (l->folded_size - 1)) {
		const struct vfs_dirent *d = (const void *)(l->data + l->folded[slot] - 1);
		if (nt_names_equal(d->name, d->name_size, name, length))
			return take_name(d, found);
	}
	return short_find(l, name, length, found);
}

static status_t scan_pieces(struct node *dir, const char *name, u32 length, char *found)
{
	u8 *piece = kmalloc(LISTING_PIECE);
	status_t st = piece ? OK : ERR_NOMEM;
	bool maybe_short = nt_may_be_short_name(name, length);
	for (u64 last = 0; !st;) {
		bool ordered;
		s64 got = fetch_piece(dir, last, piece);
		u32 sane = got > 0 ? check_records(piece, (u32)got, &last, &ordered) : 0;
		for (u32 at = 0; at < sane;) {
			const struct vfs_dirent *d = (const void *)(piece + at);
			if (nt_names_equal(d->name, d->name_size, name, length) ||
			    (maybe_short && nt_has_short_name(d->name, d->name_size, name, length))) {
				take_name(d, found);
				kfree(piece);
				return OK;
			}
			at += d->record_size;
		}
		if (!sane)
			st = got < 0 ? (status_t)got : ERR_NOENT;
	}
	kfree(piece);
	return st;
}

status_t directory_find_folded(struct node *dir, const char *name, u32 length, char *found)
{
	if (!node_is_dir(dir))
		return ERR_NOTDIR;
	if (!cacheable(dir))
		return scan_pieces(dir, name, length, found);
	mutex_lock(&dir->lock);
	struct listing *l = dir->listing;
	status_t st = OK;
	if (!l) {
		st = fetch_all(dir, &l);
		dir->listing = l;
		dir->was_listed = 1;
	}
	bool indexed = !st && l && (l->folded || fold_build(l));
	if (indexed)
		st = fold_find(l, name, length, found);
	mutex_unlock(&dir->lock);
	return st || indexed ? st : scan_pieces(dir, name, length, found);
}

static s64 directory_seek(struct file *f, s64 offset, int whence)
{
	if (whence == 1)
		offset += (s64)f->pos;
	else if (whence != 0)
		return ERR_INVAL;
	if (offset < 0)
		return ERR_INVAL;
	f->pos = (u64)offset;
	f->private_data = NULL;
	return offset;
}

static s64 directory_read(struct file *f UNUSED, struct io_buf *to UNUSED, u64 *pos UNUSED)
{
	return ERR_ISDIR;
}

static status_t directory_sync(struct file *f UNUSED, bool data_only UNUSED)
{
	return OK; /* each change of names reached vfsd before its call returned */
}

const struct file_ops directory_ops = {
	.name = "directory",
	.read = directory_read,
	.seek = directory_seek,
	.stat = node_file_stat,
	.sync = directory_sync,
	.readdir = directory_readdir,
	.close = node_file_close,
	.release = node_file_release,
};
