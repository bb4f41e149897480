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
/* What a service receives from SYS_AMBOS_IPC_RECEIVE and _ANSWER; payload follows in the service's buffer. The first four
 * fields are stored for IPC_LONG messages only: a service starts with -1 and zeros and puts them back after such a call. */
struct ipc_message {
	s32 attached_fd;           /* lent file, valid until the reply; -1 when none */
	u32 reply_capacity;        /* bytes of reply payload that the caller takes */
	u32 payload_size, payload2_size; /* payload2 follows payload directly */
	u64 call_id;
	u32 op;
	u16 flags;                 /* IPC_* */
	u16 args_size;
	struct ipc_caller caller;
	u8 args[IPC_ARGS_BYTES];
};
enum ipc_message_flag {
	IPC_LONG = 16,             /* with payload, attached file or reply buffer, or an event */
	IPC_RETRY = 1,             /* sent before to an instance that died: answer a stored reply first */
	IPC_CANCEL = 2,            /* the caller gave up on call_id: end it soon; no reply to this message */
	IPC_NOTIFY = 4,            /* an event (op = what), no reply: service death for rootd, child exit for runtimed */
	IPC_NESTED = 8,            /* made by a service while it served another call: its stored reply outlives delivery */
};
/* Capabilities of the native calls (CAP_x of calls.def): bits of ipc_service_info.capabilities. */
enum ambos_capability {
	AMBOS_CAP_NONE = 0,
	AMBOS_CAP_IPC_CALL = 1, AMBOS_CAP_PROC_PREPARE = 2, AMBOS_CAP_PROC_MAP = 4, AMBOS_CAP_PROC_LINUX = 8,
	AMBOS_CAP_PROC_WINDOWS = 16, AMBOS_CAP_PROC_COMMIT = 32, AMBOS_CAP_MM = 64, AMBOS_CAP_VFS = 128,
		AMBOS_CAP_DEV = 256,
	AMBOS_CAP_PROC_SPAWN = 512,    /* PROC_PREPARE operations that launch and watch programs (initd, runtimed) */
	AMBOS_CAP_SERVICES = 1024,     /* PROC_PREPARE operations that start services (rootd) */
	AMBOS_CAP_POLICY = 2048,       /* MM operation that replaces the policy lease (syscalld) */
};
enum ambos_call_number {
#define AMBOS_CALL(number, NAME, handler, capability, ...) AMBOS_CALL_##NAME = (number),
#include "calls.def"
#undef AMBOS_CALL
};
/* Answered by lib/service for every service: debug door of the kill walk (kernels started with test_ipc only). */
#define SERVICE_OP_TEST 0xfff0u
/* answered by the kernel: ends the service's process, pid 1 and rootd included (tests only) */
#define SERVICE_OP_KILL 0xfff1u
struct service_test_request { u64 kill_at; };                    /* die at the n-th store point from now; 0: never */
struct service_test_reply { u64 store_points; u32 pid, generation; }; /* since the state object was made */
#define SERVICE_LOG_BYTES 512          /* one log line */
#define SERVICE_STATE_BASE 0x100000000000ull /* where each instance finds its state object */
#define IPC_STEP_MAX 1023              /* nested calls numbered 1..1023 within one call (10 bits of its id) */

/* SYS_AMBOS_SERVICE_INFO */
struct ipc_service_info {
	u32 service;               /* enum service_id */
	u32 generation;            /* 1 for the first instance */
	u64 state_base, state_size, state_max;
	u64 pool_bytes;
	u64 capabilities;
	u32 threads;               /* workers, from the manifest */
	u32 unused;
	char name[16];
};
/* SYS_AMBOS_IPC_CALL: a call to a service of lower rank. Retried with the same (parent, step) it has the same id. */
struct ipc_outcall {
	u32 service, op;
	u64 parent_id;             /* call being served, 0 = none */
	u32 step;                  /* 1..IPC_STEP_MAX within the parent; 0 without one */
	u32 args_size;
	s32 attached_fd;           /* lent for the call, or -1 */
	u32 payload_size, payload2_size;
	u32 reply_args_size;       /* capacity of reply_args */
	u32 reply_capacity;
	u32 reply_length;          /* out */
	u64 args, payload, payload2, reply_args, reply_payload; /* addresses */
};
_Static_assert(sizeof(struct ipc_service_info) == 72 && sizeof(struct ipc_outcall) == 88, "layout");
/* SYS_AMBOS_IPC_CALL_SHORT: a call with arguments only, described in one register. Sizes are multiples of 8; op and the
 * size of the arguments stand where struct ipc_message has them. */
#define IPC_SHORT_BYTES 120
#define IPC_SHORT_CALL(service, op, args_size, reply_size) \
	((u64)(args_size) << 48 | (u64)(reply_size) << 40 | (u64)(service) << 32 | (u32)(op))
struct ipc_reply {
	u64 call_id;
	s64 status;                /* >= 0 or ERR_* */
	u32 args_size;
	u32 payload_size;
	u64 payload;               /* address in the service */
	u8 args[IPC_ARGS_BYTES];
};
_Static_assert(sizeof(struct ipc_message) == 16 + 16 + 24 + IPC_ARGS_BYTES, "layout");
_Static_assert(sizeof(struct ipc_reply) == 32 + IPC_ARGS_BYTES, "layout");

#endif
