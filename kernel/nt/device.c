// SPDX-License-Identifier: MIT
/* NtDeviceIoControlFile and NtFsControlFile: where a code goes by what the handle is. */
#include "file.h"

#include "nt_text.h"
#include "pipe.h"
#include "string.h"
#include "../vfs/vfs_internal.h"

enum { FSCTL_LOCK_VOLUME = 0x90018, FSCTL_GET_COMPRESSION = 0x9003c, FSCTL_SET_REPARSE_POINT = 0x900a4, FSCTL_GET_REPARSE_POINT = 0x900a8,
	FSCTL_CREATE_OR_GET_OBJECT_ID = 0x900c0, FSCTL_SET_SPARSE = 0x900c4 };
#define SYMLINK_RELATIVE 1u

/* REPARSE_DATA_BUFFER of a symbolic link: tag, length, then the offsets of two names and the names. */
static s64 get_reparse(struct nt_io *io, const u64 *a)
{
	struct { u32 tag; u16 length, unused; u16 substitute_at, substitute_bytes, print_at, print_bytes; u32 flags; } head;
	struct node *n = io->file->where.node;
	if (!n || !node_is_link(n))
		return NT(NOT_A_REPARSE_POINT);
	char *target = kmalloc(PATH_MAX_BYTES);
	u16 *wide = kmalloc(PATH_MAX_BYTES * sizeof(u16));
	s64 length = target && wide ? node_read_link(n, target, PATH_MAX_BYTES) : ERR_NOMEM;
	if (length >= 0)
		length = nt_path_from_utf8(target, (u32)length, wide, PATH_MAX_BYTES);
	bool relative = target && target[0] != '/';
	kfree(target);
	s64 st = length < 0 ? length : 0;
	u16 bytes = (u16)(length * 2);
	head = (__typeof__(head)){ .tag = NT_REPARSE_SYMLINK, .length = (u16)(12 + bytes), .substitute_bytes = bytes, .print_bytes = bytes,
		.flags = relative ? SYMLINK_RELATIVE : 0 };
	if (!st && (u32)a[9] < sizeof(head) + bytes)
		st = NT(BUFFER_TOO_SMALL);
	if (!st && (copy_out(user_ptr(a[8]), &head, sizeof(head)) || copy_out(user_ptr(a[8] + sizeof(head)), wide, bytes)))
		st = NT(ACCESS_VIOLATION);
	kfree(wide);
	io->information = st ? 0 : sizeof(head) + bytes;
	return st;
}

static s64 disk_control(struct nt_io *io, u32 code, const u64 *a)
{
	u16 uncompressed = 0;
	switch (code) {
	case FSCTL_GET_REPARSE_POINT:
		return get_reparse(io, a);
	case FSCTL_SET_SPARSE: /* every file may have holes */
		return io->file->where.node ? 0 : NT(INVALID_PARAMETER);
	case FSCTL_GET_COMPRESSION:
		if ((u32)a[9] < 2)
			return NT(INVALID_PARAMETER);
		io->information = 2;
		return copy_out(user_ptr(a[8]), &uncompressed, 2);
	default:
		return NT(INVALID_DEVICE_REQUEST);
	}
}

static s64 control(const u64 *a, bool file_system)
{
	struct nt_io io;
	struct file *f;
	u32 code = (u32)a[5], granted;
	s64 st = nt_handle_get_access(a[0], NT_TYPE_FILE, 0, &f, &granted);
	if (st)
		return st;
	st = nt_io_begin(&io, f, a);
	if (!st && nt_pipe_is(f)) {
		st = nt_pipe_control(&io, code, a); /* ends the operation itself */
	} else if (!st) {
		if (nt_pipe_directory_is(f))
			st = nt_pipe_directory_control(code, a);
		else if (nt_console_is(f))
			st = nt_console_control(&io, code, a);
		else if (nt_mount_manager_is(f) && !file_system)
			st = nt_mount_manager_control(&io, code, granted, a);
		else if (pipe_is(f) && code == FSCTL_PIPE_PEEK)
			st = nt_linux_pipe_peek(f, a, &io.information);
		else if (f->where.node && nt_device_of(f) == NT_DEVICE_DISK && file_system)
			st = disk_control(&io, code, a);
		else
			st = nt_device_of(f) == NT_DEVICE_DISK ? NT(INVALID_DEVICE_REQUEST) : NT(ILLEGAL_FUNCTION);
		st = nt_io_finish(&io, st, io.information);
	}
	file_put(f);
	return st;
}

NT_HANDLER(DeviceIoControlFile) { return control(a, false); }
NT_HANDLER(FsControlFile) { return control(a, true); }
