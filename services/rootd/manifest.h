/* SPDX-License-Identifier: MIT */
/* Manifests: lines `key = words`, `#` comments. Keys: capabilities, linux (names of syscalls.def, or
 * `base`: what musl and
 * lib/service need), threads, pool_kib, state_kib, state_max_kib. Anything else is refused with its line number. */
#ifndef AMBOS_ROOTD_MANIFEST_H
#define AMBOS_ROOTD_MANIFEST_H

#include "../../abi/core/broker.h"
#include "../../abi/core/status.h"

/* Fills *out (service left alone). `bad_line` is the line at fault, 1 the first; `why` says what is wrong there. */
status_t manifest_parse(const char *text, size_t size, struct proc_service_define *out, u32 *bad_line,
		const char **why);

#endif
