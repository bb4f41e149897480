/* SPDX-License-Identifier: MIT */
/* Routed calls: the only way the kernel asks a service. Inputs are copied into the call when it is made,
 * results are copied out by the kernel; a call survives the death of the service that executes it. */
#ifndef AMBOS_KERNEL_CALL_H
#define AMBOS_KERNEL_CALL_H

#include "../../abi/core/ipc.h"
#include "process.h"

struct service;
struct exec_session;

/* Why a call left the kernel (design 1.2); counted per row of the call table that caused it. */
enum hop_cause { HOP_FIRST_USE, HOP_CHANGED, HOP_EVICTED, HOP_LEASE_EXCEEDED, HOP_SHARED_MOUNT,
		HOP_BY_DESIGN, HOP_CAUSE_COUNT };

/* Describes one call; lives on the caller's stack, which sleeps until the call is done, so inputs stay put
 * without a copy. */
struct route_request {
	enum service_id service;
	u32 op;                       /* of the service's protocol .def */
	enum hop_cause cause;
	const void *args;             /* fixed part, <= IPC_ARGS_BYTES */
	u32 args_size;
	const void *payload;          /* variable input (names, data), <= IPC_PAYLOAD_BYTES; may be NULL */
	u32 payload_size;
	const void *payload2;         /* second input, appended (rename's new name); may be NULL */
	u32 payload2_size;
	struct file *attach;          /* lent to the service for the call: appears as ipc_message.attached_fd */
	void *reply;                  /* fixed reply goes here */
	u32 reply_size;
	void *reply_payload;          /* variable output buffer (kernel memory); may be NULL */
	u32 reply_capacity;
	u32 reply_length;             /* out: bytes written to reply_payload */
	bool killable_only;           /* not interrupted by ordinary signals (namespace changes, page fills) */
	u64 call_id;                  /* in: 0 = a fresh one; out */
	struct call *parent;          /* call being served, when a service makes this one */
	struct exec_session *exec;    /* LOADER_LOAD: what the PROC brokers work on */
	u32 reply_args_length;        /* out: bytes written to reply */
};
/* OK or the service's status (negative). ERR_INTR/ERR_RESTART when interrupted and the service cancelled it,
 * ERR_IO after two deaths without progress. Sleeps. No spinlock held. */
s64 route_call(struct route_request *r) MUST_CHECK;

/* Counts by row of the call tables (kernel/debug/call_count.c): Linux numbers, then those of NT from NT_ROW_FIRST. */
#define NT_ROW_FIRST 512u
#define CALL_ROWS (NT_ROW_FIRST + 256u)
u64 hop_count(u32 row, enum hop_cause cause);
void refused_record(u64 row);
u64 refused_count(u32 row); /* refused or not implemented */

#endif
