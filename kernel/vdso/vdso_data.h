/* SPDX-License-Identifier: MIT */
/* The page of clock data behind the vDSO image: written by the kernel (linux/vdso.c), read by programs. */
#ifndef AMBOS_VDSO_DATA_H
#define AMBOS_VDSO_DATA_H

struct vdso_data {
	unsigned int sequence;           /* odd while wall_boot_ns changes */
	unsigned int cpu_in_tsc_aux;     /* rdtscp works and tells the CPU number */
	unsigned long tsc_base, mult;    /* monotonic ns = (tsc - tsc_base) * mult >> 32 */
	unsigned long wall_boot_ns;      /* CLOCK_REALTIME at monotonic 0 */
};
#define VDSO_IMAGE_SIZE 4096             /* the data page follows the image */

#endif
