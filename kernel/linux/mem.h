/* SPDX-License-Identifier: MIT */
/* Shared by the memory handlers. */
#ifndef AMBOS_LINUX_MEM_H
#define AMBOS_LINUX_MEM_H

#include "linux.h"

/* May `size` more bytes be locked by a mapping? EPERM without any allowance, EAGAIN over RLIMIT_MEMLOCK. */
s64 memlock_check(u64 size);

#endif
