/* SPDX-License-Identifier: MIT */
/* Kernel random numbers: ChaCha20 keystream, key erased after each use, reseeded from RDRAND and the TSC. */
#ifndef AMBOS_KERNEL_RANDOM_H
#define AMBOS_KERNEL_RANDOM_H

#include "status.h"

void random_bytes(void *out, size_t size);
u64 random_u64(void);
void random_add_entropy(const void *data, size_t size); /* mixes in; never makes the state weaker */

#endif
