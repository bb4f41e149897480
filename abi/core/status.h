/* SPDX-License-Identifier: MIT */
/* status_t: 0 or a negative ERR_* code; counts and status share s64 where a call returns both. */
#ifndef AMBOS_CORE_STATUS_H
#define AMBOS_CORE_STATUS_H

typedef int status_t;

enum {
	OK = 0,
#define STATUS(name, errno_value, ntstatus, text) ERR_##name = -(errno_value),
#include "status.def"
#undef STATUS
};

#endif
