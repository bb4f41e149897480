/* SPDX-License-Identifier: MIT */
/* Native calls for test programs (kernels booted with test_ipc let programs call toyd and the test door). */
#ifndef AMBOS_TESTS_NATIVE_H
#define AMBOS_TESTS_NATIVE_H

#include "../../abi/core/ipc.h"
#include "../../abi/core/status.h"
#include "../../abi/proto/toy.h"

static inline s64 native_call1(u32 number, u64 a0)
{
	s64 result;
	__asm__ volatile("syscall" : "=a"(result) : "a"((u64)(AMBOS_CALL_BASE | number)), "D"(a0) : "rcx", "r11", "memory");
	return result;
}
static inline s64 call_service(u32 service, u32 op, const void *args, u32 args_size, void *reply, u32 reply_size)
{
	struct ipc_outcall o = {
		.service = service, .op = op, .args_size = args_size, .attached_fd = -1, .args = (u64)args,
		.reply_args = (u64)reply, .reply_args_size = reply_size,
	};
	return native_call1(AMBOS_CALL_IPC_CALL, (u64)&o);
}

#endif
