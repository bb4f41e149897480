/* SPDX-License-Identifier: MIT */
/* Shared by the files of lib/service. */
#ifndef AMBOS_SERVICE_INTERNAL_H
#define AMBOS_SERVICE_INTERNAL_H

#include "service.h"

#define WORKERS_MAX 32u

struct stored_reply {
	u64 call_id;              /* 0: free; stored inside the transaction */
	u64 sequence;
	s64 status;
	u32 args_size, payload_size;
	u32 nested, unused;
	u8 args[IPC_ARGS_BYTES];
	u8 payload[TXN_REPLY_PAYLOAD];
};

/* Maps and checks the state object; rolls back what did not commit. True: the root was never filled. */
bool state_open(const struct service_config *config, const struct ipc_service_info *info);
void state_first_done(void);                     /* inside the transaction that fills the root */
const struct stored_reply *reply_find(u64 call_id);
/* The caller has the reply: its slot is free (a nested call's stays until it is the oldest). */
void reply_delivered(u64 call_id);
void state_test(u64 kill_at);
u64 state_store_points(void);

#endif
