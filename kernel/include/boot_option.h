/* SPDX-License-Identifier: MIT */
/* The kernel command line: words KEY or KEY=VALUE. arch/x86_64 stores it before main runs. */
#ifndef AMBOS_KERNEL_BOOT_OPTION_H
#define AMBOS_KERNEL_BOOT_OPTION_H

#include "status.h"

#define BOOT_COMMAND_LINE_BYTES 2048 /* as Linux's COMMAND_LINE_SIZE */

/* Value of `key` copied into buf ("" for a bare word); NULL when absent or longer than buf. */
const char *boot_option(const char *key, char *buf, size_t size);

/* Starts pid 1 (init=NAME) or rootd from the boot archive; called in a kernel thread, returns only when
 * rootd was started. */
void start_first_process(void);

#endif
