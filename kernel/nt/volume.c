// SPDX-License-Identifier: MIT
/* NtQueryVolumeInformationFile: what a volume, pipe or console is. Layouts: MS-FSCC 2.5. Sizes come from vfsd (statfs). */
#include "file.h"

#include "string.h"
#include "../object/tty.h"
#include "../vfs/vfs_internal.h"

#define SECTOR 512u
enum { FS_VOLUME = 1, FS_SIZE = 3, FS_DEVICE = 4, FS_ATTRIBUTE = 5, FS_FULL_SIZE = 7, FS_OBJECT_ID = 8, FS_SECTOR_SIZE = 11 };
enum { FS_CASE_SENSITIVE_SEARCH = 1, FS_CASE_PRESERVED = 2, FS_UNICODE = 4, FS_REPARSE_POINTS = 0x80, FS_HARD_LINKS = 0x400000 };
enum { DEVICE_IS_MOUNTED = 0x20 };

enum nt_device nt_device_of(struct file *f)
{
	struct node *n = f->where.node;
	if (nt_console_is(f))
		return NT_DEVICE_CONSOLE;
	if (nt_pipe_is(f) || pipe_is(f))
		return NT_DEVICE_NAMED_PIPE;
	if (nt_mount_manager_is(f))
		return NT_DEVICE_UNKNOWN;
	if (!n)
		return f->ops->seek ? NT_DEVICE_DISK : NT_DEVICE_NAMED_PIPE; /* sockets and the like behave as pipes do */
	switch (n->mode & S_IFMT_K) {
	case S_IFIFO_K:
	case S_IFSOCK_K:
		return NT_DEVICE_NAMED_PIPE;
	case S_IFCHR_K:
		return NT_DEVICE_NULL;
	default:
		return NT_DEVICE_DISK;
	}
}


static s64 sizes(struct file *f, struct vfs_statfs_reply *out)
{
	struct vfs_node_request r = { .fs = f->where.node->fs->id, .cookie = f->where.node->cookie };
	*out = (struct vfs_statfs_reply){ .block_size = PAGE_SIZE };
	if (!r.fs)
		return 0;
	s64 st = vfs_call(VFS_STATFS, HOP_BY_DESIGN, &r, sizeof(r), out, sizeof(*out), NULL, 0);
	return st < 0 ? st : 0;
}

static s64 put(const u64 *a, const void *data, u32 size, u32 whole, u64 *information)
{
	u32 length = (u32)a[3], n = MIN(length, whole);
	if (length < size)
		return NT(INFO_LENGTH_MISMATCH);
	*information = n;
	if (copy_out(user_ptr(a[2]), data, n))
		return NT(ACCESS_VIOLATION);
	return n < whole ? NT(BUFFER_OVERFLOW) : 0;
}

static s64 query_size(struct file *f, const u64 *a, bool full, u64 *information)
{
	struct vfs_statfs_reply s;
	struct { u64 total, caller_free; union { u64 free; struct { u32 sectors, bytes; } small; }; u32 sectors, bytes; } v;
	s64 st = sizes(f, &s);
	if (st)
		return st;
	u32 block = s.block_size && s.block_size % SECTOR == 0 ? (u32)s.block_size : PAGE_SIZE;
	memset(&v, 0, sizeof(v));
	v.total = s.blocks;
	v.caller_free = s.blocks_available;
	if (!full) {
		v.small.sectors = block / SECTOR;
		v.small.bytes = SECTOR;
		return put(a, &v, 24, 24, information);
	}
	v.free = s.blocks_free;
	v.sectors = block / SECTOR;
	v.bytes = SECTOR;
	return put(a, &v, 32, 32, information);
}

static s64 query_volume(struct file *f, const u64 *a, u64 *information)
{
	static const u16 label[] = { 'A', 'm', 'b', 'o', 's' };
	u8 v[18 + sizeof(label)] = { 0 };
	u64 created = NT_EPOCH_TICKS;
	u32 serial = (u32)f->where.node->fs->dev, bytes = sizeof(label);
	memcpy(v, &created, 8);
	memcpy(v + 8, &serial, 4);
	memcpy(v + 12, &bytes, 4);
	memcpy(v + 18, label, bytes);
	return put(a, v, 24, 18 + bytes, information);
}

static s64 query_attributes(const u64 *a, u64 *information)
{
	static const u16 name[] = { 'N', 'T', 'F', 'S' }; /* programs take features for granted by this name */
	u8 v[12 + sizeof(name)];
	u32 flags = FS_CASE_SENSITIVE_SEARCH | FS_CASE_PRESERVED | FS_UNICODE | FS_REPARSE_POINTS | FS_HARD_LINKS;
	u32 longest = NAME_MAX_BYTES, bytes = sizeof(name);
	memcpy(v, &flags, 4);
	memcpy(v + 4, &longest, 4);
	memcpy(v + 8, &bytes, 4);
	memcpy(v + 12, name, bytes);
	return put(a, v, 16, sizeof(v), information);
}

static s64 query_place(struct file *f, const u64 *a, u64 *information)
{
	u32 sector[7] = { SECTOR, SECTOR, PAGE_SIZE, SECTOR, 3, 0, 0 };
	switch ((u32)a[4]) {
	case FS_VOLUME:
		return query_volume(f, a, information);
	case FS_SIZE:
	case FS_FULL_SIZE:
		return query_size(f, a, (u32)a[4] == FS_FULL_SIZE, information);
	case FS_ATTRIBUTE:
		return query_attributes(a, information);
	case FS_OBJECT_ID:
		return NT(OBJECT_NAME_NOT_FOUND);
	case FS_SECTOR_SIZE:
		return put(a, sector, sizeof(sector), sizeof(sector), information);
	default:
		return NT(INVALID_INFO_CLASS);
	}
}

NT_HANDLER(QueryVolumeInformationFile)
{
	struct { u64 status, information; } block = { 0, 0 };
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_FILE, 0, &f);
	if (st)
		return st;
	if ((u32)a[4] == FS_DEVICE) {
		u32 v[2] = { nt_device_of(f), f->where.node ? DEVICE_IS_MOUNTED : 0 };
		st = put(a, v, sizeof(v), sizeof(v), &block.information);
	} else if (!f->where.node || nt_device_of(f) != NT_DEVICE_DISK) {
		st = NT(INVALID_DEVICE_REQUEST);
	} else {
		st = query_place(f, a, &block.information);
	}
	file_put(f);
	block.status = nt_status(st);
	if (NT_IS_ERROR(block.status))
		return st;
	return COPY_OUT(user_ptr(a[1]), &block) ? NT(ACCESS_VIOLATION) : st;
}

NT_HANDLER(SetVolumeInformationFile) { return NT(ACCESS_DENIED); }
