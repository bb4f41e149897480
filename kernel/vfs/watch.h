/* SPDX-License-Identifier: MIT */
/* inotify and F_NOTIFY as their Linux rows see them. */
#ifndef AMBOS_KERNEL_WATCH_H
#define AMBOS_KERNEL_WATCH_H

#include "../include/vfs.h"

struct file *inotify_create(u32 flags);             /* NULL = no memory */
struct file *inotify_create_for(struct user *owner, u32 flags, status_t *st); /* counts in the user's instances */
bool file_is_inotify(const struct file *f);
s64 inotify_add(struct file *f, struct node *n, u32 mask);  /* watch descriptor or error */
s64 inotify_remove(struct file *f, s32 wd);
/* Changes of the directory f in `mask` (IN_*, IN_ONESHOT) signal its owner; added to what table `by` asked for before. */
status_t dnotify_add(struct file *f, const struct fdtable *by, u32 mask) MUST_CHECK;

#endif
