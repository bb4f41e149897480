// SPDX-License-Identifier: MIT
// 9p shares: not landed yet; the type is refused.
#include "vfsd.h"

const service_handler share_handlers[VFS_OP_MAX] = { 0 };

s64 share_mount(struct service_request *r UNUSED, const char *source UNUSED, const char *options UNUSED, struct vfs_mount_reply *out UNUSED)
{
	return ERR_NODEV;
}
