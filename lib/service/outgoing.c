// SPDX-License-Identifier: MIT
// Calls to services of lower rank. Ids derive from the parent's id and a step number, so a repeated parent finds the
// stored replies of what it already asked for.
#include "service.h"

s64 service_call_full(struct service_request *r, struct ipc_outcall *call)
{
	call->parent_id = r ? r->message.call_id : 0;
	call->step = r ? r->next_step++ : 0;
	return ambos_call(AMBOS_CALL_IPC_CALL, (u64)call, 0, 0, 0, 0);
}

s64 service_call(struct service_request *r, enum service_id service, u32 op, const void *args, u32 args_size,
		 const void *payload, u32 payload_size, struct service_call_result *result)
{
	u32 reply_size = result ? result->args_size : 0;
	bool plain = !payload_size && !(result && result->capacity) && !((args_size | reply_size) & 7);
	if (result)
		result->length = 0;
	if (plain && args_size <= IPC_SHORT_BYTES && reply_size <= IPC_SHORT_BYTES)
		return ambos_call_short(IPC_SHORT_CALL(service, op, args_size, reply_size), args, result ? result->args : NULL,
					r ? r->message.call_id : 0, r ? r->next_step++ : 0);
	struct ipc_outcall call = {
		.service = service, .op = op, .args_size = args_size, .attached_fd = -1, .payload_size = payload_size,
		.args = (u64)args, .payload = (u64)payload,
	};
	if (result) {
		call.reply_args = (u64)result->args;
		call.reply_args_size = result->args_size;
		call.reply_payload = (u64)result->payload;
		call.reply_capacity = result->capacity;
	}
	s64 st = service_call_full(r, &call);
	if (result)
		result->length = call.reply_length;
	return st;
}
