/* SPDX-License-Identifier: MIT */
/* Kernel <-> loaderd: one call per execve or spawn. loaderd gets a node (attached_fd), never a path. */
#ifndef AMBOS_PROTO_LOADER_H
#define AMBOS_PROTO_LOADER_H

#include "../../lib/base/base.h"

enum loader_op { LOADER_LOAD = 1, LOADER_IMAGE = 2 };
/* payload: path as the caller wrote it (AT_EXECFN, log lines only). The call id names the prepared process
 * in PROC_* broker calls; the kernel reaps what was prepared when the call fails. */
struct loader_load_request { u32 script_depth; u32 flags; u64 node_version; u64 node_cookie; u32 node_fs; u32 unused; };

/* LOADER_IMAGE: a PE file as image object, for NtCreateSection(SEC_IMAGE). loaderd answers with PROC_IMAGE_GIVE.
 * attached_fd: the file; with LOADER_IMAGE_KNOWN none, and the payload is the base name of a system DLL (\KnownDlls).
 * payload otherwise: absolute path. base 0: where it usually goes; else that base (ERR_NOEXEC without relocations).
 * Errors: ERR_NOEXEC not a PE32+ x86-64 image, ERR_NOENT no such system DLL. */
enum loader_image_flag { LOADER_IMAGE_KNOWN = 1 };
struct loader_image_request { u32 flags; u32 node_fs; u64 node_version, node_cookie; u64 base; };

#endif
