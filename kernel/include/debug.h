/* SPDX-License-Identifier: MIT */
/* Log ring, symbols, error ring. */
#ifndef AMBOS_KERNEL_DEBUG_H
#define AMBOS_KERNEL_DEBUG_H

#include "cpu.h"

void log_init(void);
void log_break_locks(void);               /* panic: other CPUs are stopped, maybe inside */
void log_print_tail(u32 lines);           /* panic: what the console level hid */
#define LOG_RING_BYTES 65536u            /* the last few hundred lines */
void log_set_level(enum log_level level); /* what goes to the serial port */
enum log_level log_get_level(void);
/* Copies up to `size` bytes of the log from absolute position *at (moved on, and forward past what was overwritten). */
s64 log_read(char *buf, size_t size, u64 *at);
/* Name of the function that holds `address` and the offset in it; NULL when unknown. */
const char *symbol_find(u64 address, u64 *offset);

#endif
