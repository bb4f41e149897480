/* SPDX-License-Identifier: MIT */
/* Handlers of the Linux table: s64 linux_<name>(a0..a5), >= 0 or a negative status. Undefined handlers of
 * KERNEL rows are weak: the dispatcher answers NOSYS and counts them. */
#ifndef AMBOS_KERNEL_LINUX_H
#define AMBOS_KERNEL_LINUX_H

#include "call.h"
#include "file.h"
#include "vfs.h"

#define LINUX_HANDLER(name) s64 linux_##name(u64 a0 UNUSED, u64 a1 UNUSED, u64 a2 UNUSED, u64 a3 UNUSED, u64 a4 UNUSED, u64 a5 UNUSED)

#define LINUX_CALL(nr, name, how, ...) s64 linux_##name(u64, u64, u64, u64, u64, u64) WEAK;
#include "../../abi/linux/syscalls.def"
#undef LINUX_CALL

/* Timespec <-> ns, with range checks (ERR_INVAL). */
status_t timespec_in(struct user_ptr p, u64 *ns) MUST_CHECK;      /* non-negative, tv_nsec < 1e9 */
status_t timespec_out(struct user_ptr p, u64 ns) MUST_CHECK;

#endif
