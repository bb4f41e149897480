/* SPDX-License-Identifier: MIT */
/* Who gets signals about a file: F_SETOWN, F_SETSIG, O_ASYNC. */
#ifndef AMBOS_KERNEL_ASYNC_H
#define AMBOS_KERNEL_ASYNC_H

#include "file.h"

status_t file_owner_set(struct file *f, u32 type, s32 id) MUST_CHECK; /* F_OWNER_*; id 0: nobody. INVAL, SRCH, NOMEM */
s32 file_owner_get(struct file *f, u32 *type);
status_t file_signal_set(struct file *f, int signo) MUST_CHECK;       /* 0: SIGIO */
int file_signal_get(struct file *f);
/* O_ASYNC on or off, set through descriptor `fd`; without effect on files that send nothing, as on Linux. */
status_t file_async_set(struct file *f, int fd, bool on) MUST_CHECK;
/* For F_NOTIFY: an owner, the current process when there is none, told by descriptor `fd`; an event to tell (any lock
 * of a rank below RANK_EPOLL_READY may be held; the file has an owner). */
#define FILE_EVENT_MESSAGE 0x400u /* POLLMSG */
status_t file_owner_default(struct file *f, int fd) MUST_CHECK;
void file_event_note(struct file *f, u32 event);
void file_owner_free(struct file *f);                                 /* at the file's end */

#endif
