/* SPDX-License-Identifier: MIT */
/* Native calls inside the kernel: every handler of abi/core/calls.def has the form s64 handler(u64 x 6).
 * native_dispatch checks that the caller is a service and has the row's capability, then calls it. */
#ifndef AMBOS_KERNEL_NATIVE_H
#define AMBOS_KERNEL_NATIVE_H

#include "call.h"

#define AMBOS_CALL(number, NAME, handler, capability, ...) s64 handler(u64, u64, u64, u64, u64, u64);
#include "../../abi/core/calls.def"
#undef AMBOS_CALL
#define NATIVE_HANDLER(handler)                                                    \
	s64 handler(u64 a0 UNUSED, u64 a1 UNUSED, u64 a2 UNUSED, u64 a3 UNUSED,        \
		    u64 a4 UNUSED, u64 a5 UNUSED)

struct trap_frame;
extern bool native_tests_enabled; /* kernels started with test_ipc: programs may call toyd */
void native_init(void);
/* Entered by entry.S without a frame; ipc/fast.c. */
s64 ipc_call_fast(u64 word, u64 args, u64 reply_args, u64 parent_id, u64 step);
s64 ipc_answer_fast(u64 message, u64 buffer, u64 status, u64 args, u64 args_size, u64 call_id);
s64 native_dispatch(struct trap_frame *f);
/* Broker entry: copies the struct in after checking its exact size. */
status_t broker_copy_in(void *dst, u64 va, u64 given_size, size_t want_size) MUST_CHECK;

#endif
