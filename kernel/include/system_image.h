/* SPDX-License-Identifier: MIT */
/* Where the system image lies in physical memory: NVDIMM (NFIT) or boot module; size 0: there is none.
 * Found at boot by the part that reads the firmware tables. */
#ifndef AMBOS_KERNEL_SYSTEM_IMAGE_H
#define AMBOS_KERNEL_SYSTEM_IMAGE_H

#include "mm.h"

struct system_image { phys_t base; u64 size; };
extern struct system_image system_image;
void system_image_find(void); /* once, before the first service starts */
u64 system_image_phys(void);   /* 0: none */

#endif
