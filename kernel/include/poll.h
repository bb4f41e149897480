/* SPDX-License-Identifier: MIT */
/* Waiting for readiness of many files at once: the core under poll, ppoll, select and pselect6. */
#ifndef AMBOS_KERNEL_POLL_H
#define AMBOS_KERNEL_POLL_H

#include "file.h"

#define POLL_NVAL 0x020
#define POLL_QUEUES_MAX 2   /* per file, see file_ops.poll */
#define POLL_INLINE 16      /* descriptors watched without an allocation */

struct pollfd_k { s32 fd; s16 events, revents; };
_Static_assert(sizeof(struct pollfd_k) == 8, "struct pollfd");

/* Fills revents of each entry; number of entries with events, 0 at the deadline, ERR_INTR, ERR_NOMEM.
 * deadline 0 only looks. */
s64 poll_files(struct pollfd_k *fds, u32 count, u64 deadline_ns) MUST_CHECK;

#endif
