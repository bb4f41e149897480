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
static inline s64 call_short(u64 description, const void *args, void *reply)
{
	register u64 parent __asm__("r10") = 0;
	s64 result;
	__asm__ volatile("syscall"
			 : "=a"(result), "+D"(description), "+S"(args), "+d"(reply), "+r"(parent)
			 : "a"((u64)(AMBOS_CALL_BASE | AMBOS_CALL_IPC_CALL_SHORT))
			 : "rcx", "r11", "r8", "r9", "memory");
	return result;
}
/* What both forms can say goes by each of them in turn. */
static inline s64 call_service(u32 service, u32 op, const void *args, u32 args_size, void *reply, u32 reply_size)
{
	static u32 turn;
	bool fits = service == SERVICE_TOYD && args_size <= IPC_SHORT_BYTES && reply_size <= IPC_SHORT_BYTES;
	if (fits && !((args_size | reply_size) & 7) && op < SERVICE_OP_TEST && (turn++ & 1))
		return call_short(IPC_SHORT_CALL(service, op, args_size, reply_size), args, reply);
	struct ipc_outcall o = {
		.service = service, .op = op, .args_size = args_size, .attached_fd = -1, .args = (u64)args,
		.reply_args = (u64)reply, .reply_args_size = reply_size,
	};
	return native_call1(AMBOS_CALL_IPC_CALL, (u64)&o);
}

#endif
