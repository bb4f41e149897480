/* SPDX-License-Identifier: MIT */
/* Shared by the files of kernel/broker. */
#ifndef AMBOS_KERNEL_BROKER_H
#define AMBOS_KERNEL_BROKER_H

#include "native.h"
#include "service.h"

s64 broker_spawn(u64 va, u64 size);
s64 broker_spawn_status(u64 va, u64 size);
s64 broker_services(u32 op, u64 va, u64 size);

#endif
