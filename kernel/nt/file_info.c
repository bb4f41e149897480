// SPDX-License-Identifier: MIT
/* NtQueryInformationFile, NtQueryAttributesFile, NtQueryFullAttributesFile. Layouts: FILE_*_INFORMATION of MS-FSCC 2.4. */
#include "file.h"

#include "nt_text.h"
#include "string.h"
#include "../vfs/vfs_internal.h"

struct file_basic { u64 created, accessed, written, changed; u32 attributes, unused; };
struct file_standard { u64 allocated, size; u32 links; u8 delete_pending, directory, unused[2]; };
struct file_network_open { u64 created, accessed, written, changed, allocated, size; u32 attributes, unused; };
struct file_stream { u32 next, name_bytes; u64 size, allocated; u16 name[7]; u16 unused; };
struct file_all { struct file_basic basic; struct file_standard standard; u64 index; u32 ea_size, access; u64 position;
	u32 mode, alignment, name_bytes; u16 name[2]; };
_Static_assert(sizeof(struct file_basic) == 40 && sizeof(struct file_standard) == 24 && sizeof(struct file_all) == 104, "layout");
#define ALL_NAME_OFFSET 100u
enum { CLASS_BASIC = 4, CLASS_STANDARD = 5, CLASS_INTERNAL = 6, CLASS_EA = 7, CLASS_ACCESS = 8, CLASS_NAME = 9, CLASS_POSITION = 14,
	CLASS_MODE = 16, CLASS_ALIGNMENT = 17, CLASS_ALL = 18, CLASS_ALTERNATE_NAME = 21, CLASS_STREAM = 22, CLASS_PIPE = 23,
	CLASS_PIPE_REMOTE = 25, CLASS_NETWORK_OPEN = 34, CLASS_ATTRIBUTE_TAG = 35, CLASS_COMPLETION_FLAGS = 41,
	CLASS_NORMALIZED_NAME = 48, CLASS_REMOTE_DEVICE = 51, CLASS_ID = 59, CLASS_CASE_SENSITIVE = 71 };

static u64 ticks(s64 ns) { return ns > 0 ? nt_time_from_ns((u64)ns) : NT_EPOCH_TICKS; }

static void fill_basic(const struct attributes *a, struct file_basic *b)
{
	*b = (struct file_basic){ .created = ticks(a->btime_ns ? a->btime_ns : a->mtime_ns), .accessed = ticks(a->atime_ns),
		.written = ticks(a->mtime_ns), .changed = ticks(a->ctime_ns), .attributes = nt_attributes_of(a) };
}

static void fill_standard(struct file *f, const struct attributes *a, struct file_standard *s)
{
	bool directory = mode_is(a->mode, S_IFDIR_K);
	struct node *n = f->where.node;
	*s = (struct file_standard){ .allocated = directory ? 0 : a->blocks_512 * 512, .size = directory ? 0 : a->size,
		.links = directory ? 1 : a->nlink, .directory = directory };
	if (!n)
		return;
	spin_lock(&n->spin);
	s->delete_pending = n->share && n->share->delete_pending;
	spin_unlock(&n->spin);
	if (s->delete_pending && s->links)
		s->links--;
}

static void fill_network_open(const struct attributes *a, struct file_network_open *n)
{
	struct file_basic b;
	bool directory = mode_is(a->mode, S_IFDIR_K);
	fill_basic(a, &b);
	*n = (struct file_network_open){ b.created, b.accessed, b.written, b.changed, directory ? 0 : a->blocks_512 * 512,
		directory ? 0 : a->size, b.attributes, 0 };
}

static u32 mode_of(const struct file *f)
{
	const u32 shown = FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY | FILE_NO_BUFFERING | FILE_SYNCHRONOUS | FILE_DELETE_ON_CLOSE;
	return f->nt_open ? f->nt_open->options & shown : FILE_SYNCHRONOUS_NONALERT;
}

/* A fixed part and a name behind it: what fits of the name is copied, BUFFER_OVERFLOW when not all did. */
static s64 put_name(struct file *f, void *fixed, u32 fixed_bytes, u32 least, u64 va, u32 length, u64 *information)
{
	struct nt_string name;
	u16 drive;
	if (length < least)
		return NT(INFO_LENGTH_MISMATCH);
	s64 st = nt_path_of(f, &name, &drive);
	if (st)
		return st;
	memcpy((u8 *)fixed + fixed_bytes - 4, &name.bytes, 4);
	u32 put = MIN(name.bytes, length - fixed_bytes);
	st = copy_out(user_ptr(va), fixed, fixed_bytes);
	if (!st)
		st = copy_out(user_ptr(va + fixed_bytes), name.text, put);
	*information = fixed_bytes + put;
	if (!st && put < name.bytes)
		st = NT(BUFFER_OVERFLOW);
	nt_string_free(&name);
	return st;
}

static s64 query_all(struct file *f, const struct attributes *a, u32 granted, u64 va, u32 length, u64 *information)
{
	struct file_all all = { .index = a->ino, .access = granted, .position = f->pos, .mode = mode_of(f) };
	fill_basic(a, &all.basic);
	fill_standard(f, a, &all.standard);
	return put_name(f, &all, ALL_NAME_OFFSET, sizeof(all), va, length, information);
}

static s64 put(u64 va, u32 length, const void *data, u32 size, u64 *information)
{
	if (length < size)
		return NT(INFO_LENGTH_MISMATCH);
	*information = size;
	return copy_out(user_ptr(va), data, size);
}

static s64 query_stream(const struct attributes *a, u64 va, u32 length, u64 *information)
{
	struct file_stream s = { .name_bytes = 14, .size = a->size, .allocated = a->blocks_512 * 512,
		.name = { ':', ':', '$', 'D', 'A', 'T', 'A' } };
	if (mode_is(a->mode, S_IFDIR_K)) {
		*information = 0;
		return 0;
	}
	return put(va, length, &s, offsetof(struct file_stream, name) + 14, information);
}

static s64 query_short_name(struct file *f, u64 va, u32 length, u64 *information)
{
	struct { u32 bytes; u16 text[NT_SHORT_NAME_MAX]; } out = { 0 };
	s64 n = nt_short_name_of(f, out.text);
	if (n <= 0)
		return n ? n : NT(OBJECT_NAME_NOT_FOUND);
	out.bytes = (u32)n * 2;
	if (length < 8)
		return NT(INFO_LENGTH_MISMATCH);
	u32 fits = MIN(length, 4 + out.bytes);
	s64 st = put(va, length, &out, fits, information);
	return st || fits == 4 + out.bytes ? st : NT(BUFFER_OVERFLOW);
}

/* Classes that only files with a place have. */
static s64 query_place(struct file *f, const struct attributes *at, u32 granted, const u64 *a, u64 *information)
{
	u32 length = (u32)a[3];
	union { struct file_basic basic; struct file_standard standard; struct file_network_open open; u64 pair[3]; u32 words[6]; } u;
	memset(&u, 0, sizeof(u));
	switch ((u32)a[4]) {
	case CLASS_BASIC:
		fill_basic(at, &u.basic);
		return put(a[2], length, &u, sizeof(u.basic), information);
	case CLASS_STANDARD:
		fill_standard(f, at, &u.standard);
		return put(a[2], length, &u, sizeof(u.standard), information);
	case CLASS_NETWORK_OPEN:
		fill_network_open(at, &u.open);
		return put(a[2], length, &u, sizeof(u.open), information);
	case CLASS_ATTRIBUTE_TAG:
		u.words[0] = nt_attributes_of(at);
		u.words[1] = mode_is(at->mode, S_IFLNK_K) ? NT_REPARSE_SYMLINK : 0;
		return put(a[2], length, &u, 8, information);
	case CLASS_NAME:
	case CLASS_NORMALIZED_NAME:
		return put_name(f, &u, 4, 8, a[2], length, information);
	case CLASS_ALL:
		return query_all(f, at, granted, a[2], length, information);
	case CLASS_STREAM:
		return query_stream(at, a[2], length, information);
	case CLASS_ID:
		u.pair[0] = at->dev;
		u.pair[1] = at->ino;
		return put(a[2], length, &u, 24, information);
	case CLASS_ALTERNATE_NAME:
		return query_short_name(f, a[2], length, information);
	default:
		return NT(INVALID_INFO_CLASS);
	}
}

static s64 query(struct file *f, u32 granted, const u64 *a, u64 *information)
{
	struct attributes at;
	u32 length = (u32)a[3], word = 0;
	u64 wide = 0;
	s64 st = file_stat(f, &at);
	if (st)
		return st;
	switch ((u32)a[4]) {
	case CLASS_INTERNAL:
		wide = at.ino;
		return put(a[2], length, &wide, 8, information);
	case CLASS_POSITION:
		wide = f->pos;
		return put(a[2], length, &wide, 8, information);
	case CLASS_EA:
	case CLASS_ALIGNMENT:
	case CLASS_CASE_SENSITIVE:
		return put(a[2], length, &word, 4, information);
	case CLASS_ACCESS:
		return put(a[2], length, &granted, 4, information);
	case CLASS_MODE:
		word = mode_of(f);
		return put(a[2], length, &word, 4, information);
	case CLASS_COMPLETION_FLAGS:
		st = nt_file_completion_flags(f, &word);
		return st ? st : put(a[2], length, &word, 4, information);
	case CLASS_REMOTE_DEVICE:
		return put(a[2], length, &word, 1, information);
	default:
		return query_place(f, &at, granted, a, information);
	}
}

/* Standard information of pipes and consoles: programs ask it of any handle. */
static s64 query_device(struct file *f, u32 granted, const u64 *a, u64 *information)
{
	u32 class = (u32)a[4];
	struct file_standard s = { .allocated = 4096, .links = 1, .delete_pending = 1 };
	if (class == CLASS_STANDARD)
		return put(a[2], (u32)a[3], &s, sizeof(s), information);
	if (nt_device_of(f) == NT_DEVICE_NAMED_PIPE && (class == CLASS_NAME || (class >= CLASS_PIPE && class <= CLASS_PIPE_REMOTE)))
		return nt_pipe_query(f, class, a[2], (u32)a[3], information);
	if (class == CLASS_ACCESS || class == CLASS_MODE || class == CLASS_COMPLETION_FLAGS || class == CLASS_INTERNAL ||
	    class == CLASS_POSITION || class == CLASS_REMOTE_DEVICE)
		return query(f, granted, a, information);
	return class <= CLASS_CASE_SENSITIVE ? NT(INVALID_PARAMETER) : NT(INVALID_INFO_CLASS);
}

NT_HANDLER(QueryInformationFile)
{
	struct { u64 status, information; } block = { 0, 0 };
	struct file *f;
	u32 granted;
	s64 st = nt_handle_get_access(a[0], NT_TYPE_FILE, 0, &f, &granted);
	if (st)
		return st;
	bool place = f->where.node && nt_device_of(f) == NT_DEVICE_DISK;
	st = place ? query(f, granted, a, &block.information) : query_device(f, granted, a, &block.information);
	file_put(f);
	block.status = nt_status(st);
	if (NT_IS_ERROR(block.status))
		return st;
	return COPY_OUT(user_ptr(a[1]), &block) ? NT(ACCESS_VIOLATION) : st;
}

/* ---- by name ---- */
static s64 attributes_by_name(u64 attributes_va, struct attributes *out)
{
	struct nt_object_attributes oa;
	struct nt_target t;
	struct walk_result w;
	s64 st = nt_object_attributes_in(attributes_va, &oa);
	if (st)
		return st;
	st = nt_target_in(&oa, &t);
	if (!st) {
		st = t.kind == NT_TARGET_PATH || t.kind == NT_TARGET_VOLUME ? nt_walk(&t, true, &w) : NT(INVALID_DEVICE_REQUEST);
		if (!st) {
			if (w.missing) {
				st = NT(OBJECT_NAME_NOT_FOUND);
			} else if (t.trailing && !node_is_dir(w.at.node)) {
				st = NT(OBJECT_NAME_INVALID);
			} else {
				if (node_needs_refresh(w.at.node))
					st = node_refresh(w.at.node);
				node_attributes(w.at.node, out);
			}
			walk_result_put(&w);
		}
		nt_target_free(&t);
	}
	nt_object_attributes_free(&oa);
	return st;
}

NT_HANDLER(QueryAttributesFile)
{
	struct attributes at;
	struct file_basic b;
	s64 st = attributes_by_name(a[0], &at);
	if (st)
		return st;
	fill_basic(&at, &b);
	return COPY_OUT(user_ptr(a[1]), &b) ? NT(ACCESS_VIOLATION) : 0;
}

NT_HANDLER(QueryFullAttributesFile)
{
	struct attributes at;
	struct file_network_open n;
	s64 st = attributes_by_name(a[0], &at);
	if (st)
		return st;
	fill_network_open(&at, &n);
	return COPY_OUT(user_ptr(a[1]), &n) ? NT(ACCESS_VIOLATION) : 0;
}

/* Extended attributes: there are none that NT programs could see. */
NT_HANDLER(QueryEaFile)
{
	struct { u64 status, information; } block = { 0, 0 };
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_FILE, FILE_READ_EA, &f);
	if (st)
		return st;
	file_put(f);
	return COPY_OUT(user_ptr(a[1]), &block) ? NT(ACCESS_VIOLATION) : NT(NO_EAS_ON_FILE);
}

NT_HANDLER(SetEaFile) { return NT(EAS_NOT_SUPPORTED); }
