/* SPDX-License-Identifier: MIT */
/* The serial port as log and console of a machine without services. */
#ifndef AMBOS_KERNEL_SERIAL_H
#define AMBOS_KERNEL_SERIAL_H

#include "spinlock.h"

void serial_write(const char *text, size_t size);
void serial_init(void);
int serial_read(void); /* a byte, or -1 when none is there */
/* `fn` gets each input byte, in interrupt context. One handler; NULL ends it. */
void serial_set_input(void (*fn)(u8 byte));

/* Panic, other CPUs stopped: a lock that one of them held is free again. */
void serial_break_lock(void);

#endif
