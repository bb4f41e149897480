/* SPDX-License-Identifier: MIT */
/* One line of the call trace: built in place, written to the second serial port. */
#ifndef AMBOS_KERNEL_TRACE_LINE_H
#define AMBOS_KERNEL_TRACE_LINE_H

#include "cpu.h"

struct trap_frame;

#define LINE_BYTES 768u
struct line { char text[LINE_BYTES]; u32 used; };
void line_add(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void line_write(struct line *l);
/* kernel/debug/trace_nt.c: calls of Windows programs. */
void trace_nt_enter(const struct trap_frame *f, u64 nr);
void trace_nt_exit(const struct trap_frame *f, u64 nr, s64 result);

#endif
