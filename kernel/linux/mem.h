/* SPDX-License-Identifier: MIT */
/* Shared by the memory handlers. */
#ifndef AMBOS_LINUX_MEM_H
#define AMBOS_LINUX_MEM_H

#include "linux.h"

/* May `size` more bytes be locked by a mapping? EPERM without any allowance, EAGAIN over RLIMIT_MEMLOCK. */
s64 memlock_check(u64 size);
/* The same for what mlockall(MCL_FUTURE) or a locked mapping that grows would lock by itself: EAGAIN only. */
s64 memlock_check_future(u64 size);
s64 memlock_check_growth(u64 va, u64 old_size, u64 new_size);

#endif
