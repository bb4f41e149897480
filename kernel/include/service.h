/* SPDX-License-Identifier: MIT */
#ifndef AMBOS_KERNEL_SERVICE_H
#define AMBOS_KERNEL_SERVICE_H

#include "call.h"

/* Starts rootd from the boot archive and returns; rootd starts the rest. */
void start_rootd(void);

#endif
