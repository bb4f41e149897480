// SPDX-License-Identifier: MIT
/* NtQueryDirectoryFile. The first call (and a restart) takes a snapshot of the names that match; each entry's attributes
 * are looked up when it is handed out, so names that vanished meanwhile are left out. Layouts: MS-FSCC 2.4. */
#include "file.h"

#include "nt_text.h"
#include "string.h"
#include "../vfs/vfs_internal.h"

#define SNAPSHOT_MAX (16u << 20)     /* bytes of names of one directory */
#define PIECE 16384u
#define DIRENT_NAME 19u
enum { DIR_DIRECTORY = 1, DIR_FULL = 2, DIR_BOTH = 3, DIR_NAMES = 12, DIR_ID_BOTH = 37, DIR_ID_FULL = 38, DIR_ID_EXTD = 60 };

struct nt_scan {
	struct nt_string pattern;
	char *names;                     /* NUL-terminated, one after the other */
	u32 bytes, room, at;
	bool any;                        /* an entry was handed out: the end is NO_MORE_FILES, else NO_SUCH_FILE */
};

void nt_scan_free(struct nt_scan *s)
{
	nt_string_free(&s->pattern);
	kfree(s->names);
	kfree(s);
}

static u32 wide_short_name(const char *name, u16 *out)
{
	char text[NT_SHORT_NAME_MAX];
	u32 n = nt_short_name(name, (u32)strlen(name), text);
	for (u32 i = 0; i < n; i++)
		out[i] = (u8)text[i];
	return n;
}

/* Short names match too, but only a pattern that asks for one: their other characters mean nothing to anybody. */
static bool matches(const struct nt_string *pattern, const char *name, u32 length)
{
	u16 wide[NAME_MAX_BYTES + 1];
	u32 count = pattern->bytes / 2;
	s64 n = nt_from_utf8(name, length, wide, NAME_MAX_BYTES + 1);
	if (n < 0 || nt_match(pattern->text, count, wide, (u32)n))
		return n >= 0;
	for (u32 i = 0; i < count; i++)
		if (pattern->text[i] == '~')
			return nt_match(pattern->text, count, wide, wide_short_name(name, wide));
	return false;
}

/* ---- the snapshot ---- */
static s64 add_name(struct nt_scan *s, const char *name)
{
	u32 length = (u32)strlen(name);
	if (!matches(&s->pattern, name, length))
		return 0;
	if (s->bytes + length + 1 > s->room) {
		u32 room = MAX(s->room * 2, 1024u);
		char *bigger = room > SNAPSHOT_MAX ? NULL : kmalloc(room);
		if (!bigger)
			return ERR_NOMEM;
		if (s->names)
			memcpy(bigger, s->names, s->bytes);
		kfree(s->names);
		s->names = bigger;
		s->room = room;
	}
	memcpy(s->names + s->bytes, name, length + 1);
	s->bytes += length + 1;
	return 0;
}

static s64 take_snapshot(struct file *f, struct nt_scan *s)
{
	char *piece = kmalloc(PIECE);
	bool root = f->where.node == f->where.mount->root;
	s64 st = piece ? 0 : ERR_NOMEM, n = 1;
	s->bytes = s->at = 0;
	f->pos = 0;
	f->private_data = NULL;
	while (!st && n > 0) {
		struct io_buf to;
		io_buf_init_kernel(&to, piece, PIECE);
		n = f->ops->readdir(f, &to, false);
		for (s64 i = 0; !st && i < n;) {
			u16 size;
			memcpy(&size, piece + i + 16, 2);
			const char *name = piece + i + DIRENT_NAME;
			bool dots = !strcmp(name, ".") || !strcmp(name, "..");
			if (!dots || !root)
				st = add_name(s, name);
			i += size;
		}
		if (n < 0)
			st = n;
	}
	kfree(piece);
	return st;
}

/* ---- entries ---- */
struct entry_common {
	u32 next, index;
	u64 created, accessed, written, changed, size, allocated;
	u32 attributes, name_bytes;
};
_Static_assert(sizeof(struct entry_common) == 64, "FILE_DIRECTORY_INFORMATION");

static u32 name_offset(u32 class)
{
	switch (class) {
	case DIR_DIRECTORY:
		return 64;
	case DIR_FULL:
		return 68;
	case DIR_BOTH:
		return 94;
	case DIR_NAMES:
		return 12;
	case DIR_ID_BOTH:
		return 104;
	case DIR_ID_FULL:
		return 80;
	case DIR_ID_EXTD:
		return 88;
	default:
		return 0;
	}
}

static s64 attributes_of(struct file *f, const char *name, struct attributes *out)
{
	struct node *dir = f->where.node, *child;
	if (!strcmp(name, ".") || !strcmp(name, "..")) {
		node_attributes(!name[1] || !dir->parent ? dir : dir->parent, out);
		return 0;
	}
	s64 st = name_lookup(dir, name, (u32)strlen(name), &child);
	if (st)
		return st;
	if (node_needs_refresh(child))
		st = node_refresh(child);
	node_attributes(child, out);
	node_put(child);
	return st;
}

static u64 ticks(s64 ns) { return ns > 0 ? nt_time_from_ns((u64)ns) : NT_EPOCH_TICKS; }

/* Builds the fixed part; the name's offset is returned. */
static u32 build(u8 *out, u32 class, const char *name, const struct attributes *a, u32 name_bytes)
{
	bool directory = mode_is(a->mode, S_IFDIR_K);
	u32 offset = name_offset(class), reparse = mode_is(a->mode, S_IFLNK_K) ? NT_REPARSE_SYMLINK : 0;
	memset(out, 0, offset);
	if (class == DIR_NAMES) {
		memcpy(out + 8, &name_bytes, 4);
		return offset;
	}
	struct entry_common e = {
		.created = ticks(a->btime_ns ? a->btime_ns : a->mtime_ns), .accessed = ticks(a->atime_ns), .written = ticks(a->mtime_ns),
		.changed = ticks(a->ctime_ns), .size = directory ? 0 : a->size, .allocated = directory ? 0 : a->blocks_512 * 512,
		.attributes = nt_attributes_of(a), .name_bytes = name_bytes,
	};
	memcpy(out, &e, sizeof(e));
	if (class != DIR_DIRECTORY)
		memcpy(out + 64, &reparse, 4); /* EaSize says the tag of a reparse point */
	if (class == DIR_BOTH || class == DIR_ID_BOTH) {
		u16 text[NT_SHORT_NAME_MAX];
		u32 n = wide_short_name(name, text);
		out[68] = (u8)(n * 2);
		memcpy(out + 70, text, n * 2);
	}
	if (class == DIR_ID_BOTH)
		memcpy(out + 96, &a->ino, 8);
	if (class == DIR_ID_FULL)
		memcpy(out + 72, &a->ino, 8);
	if (class == DIR_ID_EXTD) {
		u32 none = 0;
		memcpy(out + 64, &none, 4);
		memcpy(out + 68, &reparse, 4);
		memcpy(out + 72, &a->ino, 8);
	}
	return offset;
}

struct fill { u64 va; u32 length, used, last; bool any; };

/* OK, NT(BUFFER_OVERFLOW) when not even the first entry fits whole, ERR_NOSPC when a later one does not. */
static s64 put_entry(struct fill *o, u32 class, const char *name, const struct attributes *a)
{
	u16 wide[NAME_MAX_BYTES + 1];
	u8 fixed[112];
	s64 n = nt_from_utf8(name, (u32)strlen(name), wide, NAME_MAX_BYTES + 1);
	u32 bytes = n < 0 ? 0 : (u32)n * 2, at = o->any ? ALIGN_UP(o->used, 8) : 0;
	u32 offset = build(fixed, class, name, a, bytes);
	if (at + offset + bytes > o->length) {
		if (o->any)
			return ERR_NOSPC;
		if (offset > o->length)
			return NT(BUFFER_TOO_SMALL);
	}
	u32 fits = MIN(bytes, o->length - at - offset);
	if (o->any) {
		u32 next = at - o->last;
		if (copy_out(user_ptr(o->va + o->last), &next, 4))
			return NT(ACCESS_VIOLATION);
	}
	if (copy_out(user_ptr(o->va + at), fixed, offset) || copy_out(user_ptr(o->va + at + offset), wide, fits))
		return NT(ACCESS_VIOLATION);
	o->last = at;
	o->used = at + offset + fits;
	o->any = true;
	return fits < bytes ? NT(BUFFER_OVERFLOW) : 0;
}

static s64 fill_entries(struct file *f, struct nt_scan *s, struct fill *o, u32 class, bool single)
{
	while (s->at < s->bytes) {
		const char *name = s->names + s->at;
		struct attributes a;
		u32 step = (u32)strlen(name) + 1;
		s64 st = class == DIR_NAMES ? 0 : attributes_of(f, name, &a);
		if (st == ERR_NOENT) {
			s->at += step;
			continue;
		}
		if (!st)
			st = put_entry(o, class, name, &a);
		if (st == ERR_NOSPC)
			return 0;
		if (st && st != NT(BUFFER_OVERFLOW))
			return st;
		s->at += step;
		if (st || single)
			return st;
	}
	return 0;
}

static s64 query_locked(struct file *f, const u64 *a, struct fill *o, u32 class, bool single, bool restart)
{
	struct nt_open *open = f->nt_open;
	struct nt_string pattern;
	s64 st = nt_string_in(a[9], &pattern);
	if (st)
		return st;
	if (pattern.bytes / 2 > NT_PATTERN_MAX) {
		nt_string_free(&pattern);
		return ERR_NAMETOOLONG;
	}
	if (!open->scan || restart) {
		struct nt_scan *s = open->scan ? open->scan : kzalloc(sizeof(*s));
		if (!s) {
			nt_string_free(&pattern);
			return ERR_NOMEM;
		}
		if (!open->scan || pattern.text) {
			nt_string_free(&s->pattern);
			s->pattern = pattern;
			pattern.text = NULL;
		}
		s->any = false;
		open->scan = s;
		st = take_snapshot(f, s);
	}
	nt_string_free(&pattern);
	if (!st)
		st = fill_entries(f, open->scan, o, class, single);
	if (!st && !o->any) {
		st = open->scan->any ? NT(NO_MORE_FILES) : NT(NO_SUCH_FILE);
		open->scan->any = true;
	} else if (o->any) {
		open->scan->any = true;
	}
	return st;
}

NT_HANDLER(QueryDirectoryFile)
{
	u32 class = (u32)a[7];
	struct fill o = { .va = a[5], .length = (u32)a[6] };
	struct file *f;
	struct nt_io io;
	if (!name_offset(class))
		return NT(INVALID_INFO_CLASS);
	if (o.length < name_offset(class))
		return NT(INFO_LENGTH_MISMATCH);
	s64 st = nt_handle_get(a[0], NT_TYPE_FILE, FILE_READ_DATA, &f);
	if (st)
		return st;
	if (!f->where.node || !node_is_dir(f->where.node) || !f->ops->readdir || !f->nt_open)
		st = NT(INVALID_PARAMETER);
	if (!st)
		st = nt_io_begin(&io, f, a);
	if (!st) {
		mutex_lock(&f->pos_lock);
		st = query_locked(f, a, &o, class, (u8)a[8], (u8)a[10]);
		mutex_unlock(&f->pos_lock);
		if (st == NT(NO_MORE_FILES) || st == NT(NO_SUCH_FILE)) {
			struct { u64 status, information; } block = { (u64)st, 0 };
			nt_io_drop(&io);
			if (COPY_OUT(user_ptr(a[4]), &block))
				st = NT(ACCESS_VIOLATION);
		} else {
			st = nt_io_finish(&io, st, o.used);
		}
	}
	file_put(f);
	return st;
}
