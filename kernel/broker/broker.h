/* SPDX-License-Identifier: MIT */
/* Shared by the files of kernel/broker. */
#ifndef AMBOS_KERNEL_BROKER_H
#define AMBOS_KERNEL_BROKER_H

#include "exec.h"
#include "native.h"
#include "service.h"

s64 broker_spawn(u64 va, u64 size);
s64 broker_spawn_status(u64 va, u64 size);
s64 broker_services(u32 op, u64 va, u64 size);
/* For the parts of the PROC brokers, `c` being the call that the thread serves. */
status_t broker_session_find(u64 call_id, struct call *c, struct exec_session **out) MUST_CHECK;
status_t broker_session_with_space(u64 call_id, struct call *c, struct exec_session **out) MUST_CHECK;
s64 broker_image(struct call *c, u32 op, u64 va, u64 size);       /* PROC_MAP's image operations and PROC_WRITE */
s64 broker_arguments(struct call *c, u64 va, u64 size);
s64 broker_windows_layout(u64 va, u64 size);
s64 broker_windows_runtime(struct call *c, u64 op, u64 va, u64 size);

#endif
