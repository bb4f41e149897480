/* SPDX-License-Identifier: MIT */
/* The volumes of Windows programs and what the mount point manager tells of them: IOCTL_MOUNTMGR_QUERY_POINTS, layouts of
 * mountmgr.h in the Windows DDK. Nothing here needs the kernel: it is tested and fuzzed on the host. */
#ifndef AMBOS_KERNEL_NT_MOUNT_H
#define AMBOS_KERNEL_NT_MOUNT_H

#include "../../lib/base/base.h"

/* Made once by chance and never changed: programs may keep a volume's name. All guests have the same two. */
#define NT_VOLUME_NAME_C "Volume{c4a1d6b2-8e57-4f0b-9c3d-5b7e20f1a643}"
#define NT_VOLUME_NAME_Z "Volume{5d09be71-2f4c-4a86-b1e8-937c6a40d25a}"

#define NT_VOLUME_ROOT_C "/system/drive_c"

struct nt_volume {
	char letter;
	const char *root;            /* path in the guest */
	const char *device;          /* \Device\NAME without "\Device\" */
	const char *name;            /* \??\NAME without "\??\" */
};
enum { NT_VOLUMES = 2 };
extern const struct nt_volume nt_volumes[NT_VOLUMES];
const struct nt_volume *nt_volume_of(const char *path, u32 *skip); /* of a path of the guest; its first *skip bytes are the root's */

struct nt_mount_point {              /* MOUNTMGR_MOUNT_POINT: offsets from the start of the buffer, lengths in bytes */
	struct nt_mount_part { u32 at; u16 bytes, unused; } part[3];
};
enum nt_mount_part_kind { NT_MOUNT_LINK, NT_MOUNT_ID, NT_MOUNT_DEVICE, NT_MOUNT_PARTS };
struct nt_mount_points { u32 size, count; };  /* MOUNTMGR_MOUNT_POINTS, the points follow */
#define NT_MOUNT_REPLY_LEAST (sizeof(struct nt_mount_points) + sizeof(struct nt_mount_point))
#define NT_MOUNT_REPLY_MAX 1024u  /* both volumes with all their names need 620 bytes or so */
#define NT_MOUNT_TEXT_MAX 128u    /* longer than any name that there is, so what is longer matches nothing */

/* What a point must have to be told; a part of no bytes does not count. */
struct nt_mount_wanted {
	u32 bytes[NT_MOUNT_PARTS];
	u8 text[NT_MOUNT_PARTS][NT_MOUNT_TEXT_MAX]; /* the first bytes, all of them when they are not too many */
};
/* Does every part lie inside a request of `bytes` bytes? */
bool nt_mount_request_is_sound(const struct nt_mount_point *request, u32 bytes);
/* The whole reply into out (NT_MOUNT_REPLY_MAX); its size in bytes. */
u32 nt_mount_reply(const struct nt_mount_wanted *wanted, u8 *out);

#endif
