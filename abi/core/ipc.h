/* SPDX-License-Identifier: MIT */
/* Native system calls and the message of a routed call: one header for kernel and services.
 * A native call has bit 31 set in RAX; arguments as in the Linux convention (rdi rsi rdx r10 r8 r9). */
#ifndef AMBOS_CORE_IPC_H
#define AMBOS_CORE_IPC_H

#include "../../lib/base/base.h"

enum service_id {
	SERVICE_NONE = 0,
#define SERVICE(id, NAME, name, rank) SERVICE_##NAME = (id),
#include "services.def"
#undef SERVICE
	SERVICE_COUNT,
};

#define AMBOS_CALL_BASE 0x80000000u
#define IPC_ARGS_BYTES 128
#define IPC_PAYLOAD_BYTES (128u << 10) /* one 9p message or one read-ahead window */

/* Credentials travel with each call. */
struct ipc_caller {
	u32 pid, tid;
	u32 uid, gid;       /* fsuid, fsgid */
	u64 capabilities;   /* effective */
};
/* What a service receives from SYS_AMBOS_IPC_RECEIVE; payload follows in the service's buffer. */
struct ipc_message {
	u64 call_id;
	u32 op;
	u32 flags;                 /* IPC_* */
	struct ipc_caller caller;
	s32 attached_fd;           /* lent file, valid until the reply; -1 when none */
	u32 args_size;
	u32 payload_size, payload2_size; /* payload2 follows payload directly */
	u32 reply_capacity;        /* bytes of reply payload that the caller takes */
	u32 unused;
	u8 args[IPC_ARGS_BYTES];
};
enum ipc_message_flag {
	IPC_RETRY = 1,             /* sent before to an instance that died: answer a stored reply first */
	IPC_CANCEL = 2,            /* the caller gave up on call_id: end it soon; no reply to this message */
	IPC_NOTIFY = 4,            /* an event (op = what), no reply: service death for rootd, child exit for runtimed */
};
struct ipc_reply {
	u64 call_id;
	s64 status;                /* >= 0 or ERR_* */
	u32 args_size;
	u32 payload_size;
	u64 payload;               /* address in the service */
	u8 args[IPC_ARGS_BYTES];
};
_Static_assert(sizeof(struct ipc_message) == 8 + 4 + 4 + 24 + 24 + IPC_ARGS_BYTES, "layout");
_Static_assert(sizeof(struct ipc_reply) == 32 + IPC_ARGS_BYTES, "layout");

#endif
