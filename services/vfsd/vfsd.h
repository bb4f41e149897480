/* SPDX-License-Identifier: MIT */
/* Between main.c and the file systems: one table of handlers per kind of file system, indexed by VFS_* op. */
#ifndef AMBOS_VFSD_H
#define AMBOS_VFSD_H

#include "tree.h"

#define VFS_OP_MAX 32 /* above the last op of vfs.def */

extern const service_handler tree_handlers[VFS_OP_MAX];  /* root, tmpfs, devtmpfs */
extern const service_handler shown_handlers[VFS_OP_MAX]; /* procfs, sysfs, devpts */
extern const service_handler share_handlers[VFS_OP_MAX]; /* 9p */

/* Ends a handler that ran in a transaction: aborts on an error, else stores the reply with the commit. */
s64 finish_transaction(struct service_request *r, s64 status);
/* Starts the thread that cleans up what changing requests leave (reclaim.c), and tells it that there is something. */
void reclaim_start(void);
void reclaim_wake(void);
static inline const char *payload_text(const struct service_request *r) { return (const char *)r->payload; }

/* mount of the other kinds; within a transaction. */
s64 shown_mount(const char *type, struct vfs_mount_reply *out);
/* Outside a transaction: asks storaged and the server first. */
s64 share_mount(struct service_request *r, const char *source, const char *options, struct vfs_mount_reply *out);

#endif
