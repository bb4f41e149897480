/* SPDX-License-Identifier: MIT */
/* The serial port as log and console of a machine without services. */
#ifndef AMBOS_KERNEL_SERIAL_H
#define AMBOS_KERNEL_SERIAL_H

#include "spinlock.h"

void serial_write(const char *text, size_t size);
int serial_read(void); /* a byte, or -1 when none is there */

#endif
