// SPDX-License-Identifier: MIT
/* \Device\MountPointManager: tells the names of the volumes (mount_point.c has what it tells). Drives and mount points are
 * never made or taken away, so of its controls only the query is there. Sizes and statuses: mountmgr.h and the
 * documentation of IOCTL_MOUNTMGR_QUERY_POINTS. */
#include "file.h"

#include "nt_internal.h"
#include "nt_mount.h"
#include "string.h"

enum { IOCTL_MOUNTMGR_QUERY_POINTS = 0x6d0008 };
#define CODE_ACCESS_SHIFT 14u /* the rights to data that a code asks of its handle */
#define LINK_NAME_MAX 80u /* \GLOBAL??\ and a volume's name */

static const struct file_ops manager_ops = { .name = "mount point manager" };

bool nt_mount_manager_is(const struct file *f) { return f->ops == &manager_ops; }

s64 nt_mount_manager_open(const struct nt_open_request *r, struct file **out)
{
	if (r->disposition != FILE_OPEN && r->disposition != FILE_OPEN_IF)
		return NT(ACCESS_DENIED);
	if (r->options & FILE_DIRECTORY_FILE)
		return NT(NOT_A_DIRECTORY);
	struct file *f = file_create(&manager_ops, NULL, 0);
	if (!f)
		return ERR_NOMEM;
	f->nt_open = nt_open_new(r);
	if (!f->nt_open) {
		file_put(f);
		return ERR_NOMEM;
	}
	*out = f;
	return 0;
}

/* What points are asked for, from the caller's buffer at va. */
static s64 wanted_in(u64 va, u32 bytes, struct nt_mount_wanted *out)
{
	struct nt_mount_point request;
	if (bytes < sizeof(request))
		return NT(INVALID_PARAMETER);
	if (COPY_IN(&request, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (!nt_mount_request_is_sound(&request, bytes))
		return NT(INVALID_PARAMETER);
	for (u32 i = 0; i < NT_MOUNT_PARTS; i++) {
		u32 n = MIN(request.part[i].bytes, NT_MOUNT_TEXT_MAX);
		out->bytes[i] = request.part[i].bytes;
		if (n && copy_in(out->text[i], user_ptr(va + request.part[i].at), n))
			return NT(ACCESS_VIOLATION);
	}
	return 0;
}

static s64 query_points(struct nt_io *io, const u64 *a)
{
	struct nt_mount_wanted wanted;
	u32 room = (u32)a[9];
	s64 st = wanted_in(a[6], (u32)a[7], &wanted);
	if (st)
		return st;
	if (room < NT_MOUNT_REPLY_LEAST)
		return NT(INVALID_PARAMETER);
	u8 *reply = kmalloc(NT_MOUNT_REPLY_MAX);
	if (!reply)
		return ERR_NOMEM;
	u32 size = nt_mount_reply(&wanted, reply);
	if (size > room) { /* only the size that is needed, the first member */
		st = NT(BUFFER_OVERFLOW);
		size = sizeof(u32);
	}
	if (copy_out(user_ptr(a[8]), reply, size))
		st = NT(ACCESS_VIOLATION);
	else
		io->information = size;
	kfree(reply);
	return st;
}

s64 nt_mount_manager_control(struct nt_io *io, u32 code, u32 granted, const u64 *a)
{
	u32 needed = code >> CODE_ACCESS_SHIFT & (FILE_READ_DATA | FILE_WRITE_DATA);
	if (needed & ~granted)
		return NT(ACCESS_DENIED);
	return code == IOCTL_MOUNTMGR_QUERY_POINTS ? query_points(io, a) : NT(INVALID_DEVICE_REQUEST);
}

static s64 add_link(const char *name, const char *device)
{
	char link[LINK_NAME_MAX], target[LINK_NAME_MAX];
	(void)fmt_snprintf(link, sizeof(link), "\\GLOBAL??\\%s", name);
	(void)fmt_snprintf(target, sizeof(target), "\\Device\\%s", device);
	return nt_name_add_link(link, target);
}

s64 nt_volume_links_add(void)
{
	s64 st = add_link("MountPointManager", "MountPointManager");
	for (u32 i = 0; i < NT_VOLUMES && !st; i++) {
		const char drive[] = { nt_volumes[i].letter, ':', '\0' };
		st = add_link(drive, nt_volumes[i].device);
		if (!st)
			st = add_link(nt_volumes[i].name, nt_volumes[i].device);
	}
	return st;
}
