/* SPDX-License-Identifier: MIT */
/* The trace ring: per CPU, always compiled in, fixed-size events; the panic screen shows the last ones. */
#ifndef AMBOS_KERNEL_TRACE_H
#define AMBOS_KERNEL_TRACE_H

#include "cpu.h"

enum trace_kind { TRACE_SYSCALL_ENTER = 1, TRACE_SYSCALL_EXIT, TRACE_SIGNAL, TRACE_EXEC, TRACE_FAULT, TRACE_EXIT, TRACE_MARK };
struct trace_event { u64 tsc; u32 tid; u32 kind; u64 a, b; };

extern u32 trace_enabled; /* bit per kind */
void trace_record(enum trace_kind kind, u64 a, u64 b);
static inline void trace_event(enum trace_kind kind, u64 a, u64 b)
{
	if (unlikely(trace_enabled & BIT(kind)))
		trace_record(kind, a, b);
}
void trace_print(u32 count); /* this CPU's last events, newest first, to the log */

#endif
