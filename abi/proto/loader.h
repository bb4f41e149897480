/* SPDX-License-Identifier: MIT */
/* Kernel <-> loaderd: one call per execve or spawn. loaderd gets a node (attached_fd), never a path. */
#ifndef AMBOS_PROTO_LOADER_H
#define AMBOS_PROTO_LOADER_H

#include "../../lib/base/base.h"

enum loader_op { LOADER_LOAD = 1 };
/* payload: path as the caller wrote it (AT_EXECFN, log lines only). The call id names the prepared process
 * in PROC_* broker calls; the kernel reaps what was prepared when the call fails. */
struct loader_load_request { u32 script_depth; u32 flags; u64 node_version; u64 node_cookie; u32 node_fs; u32 unused; };

#endif
