// SPDX-License-Identifier: MIT
// Requests to storaged, made on our own initiative: each may be repeated.
#include <string.h>

#include "runtimed.h"

s64 storage_find(const char *name)
{
	struct storage_port_reply reply = { 0 };
	struct service_call_result result = { .args = &reply, .args_size = sizeof(reply) };
	s64 st = service_call(NULL, SERVICE_STORAGED, STORAGE_PORT_FIND, NULL, 0, name, (u32)strlen(name), &result);
	return st < 0 ? st : (s64)reply.port;
}

status_t storage_attach(u32 port, u32 direction, s32 fd)
{
	struct storage_attach request = { port, direction };
	struct ipc_outcall call = {
		.service = SERVICE_STORAGED, .op = STORAGE_PORT_ATTACH, .args = (u64)&request,
				.args_size = sizeof(request), .attached_fd = fd,
	};
	s64 st = service_call_full(NULL, &call);
	/* BUSY: attached by the instance before us, the same file, for its number is recorded first. BADF: that instance
	 * had closed its end, which it does only after the attachment. */
	return st == ERR_BUSY || st == ERR_BADF ? OK : (status_t)st;
}

static status_t end_call(u32 op, u32 port, u32 direction, u64 bytes, void *reply, u32 reply_size)
{
	struct storage_end request = { .port = port, .direction = direction, .bytes = bytes };
	struct service_call_result result = { .args = reply, .args_size = reply_size };
	return (status_t)service_call(NULL, SERVICE_STORAGED, op, &request, sizeof(request), NULL, 0, &result);
}

status_t storage_input_end(u32 port, u64 bytes)
{
	return end_call(STORAGE_PORT_INPUT_END, port, STORAGE_FROM_HOST, bytes, NULL, 0);
}

status_t storage_output_close(u32 port)
{
	return end_call(STORAGE_PORT_OUTPUT_CLOSE, port, STORAGE_TO_HOST, 0, NULL, 0);
}

status_t storage_progress(u32 port, u32 direction, struct storage_progress *out)
{
	return end_call(STORAGE_PORT_PROGRESS, port, direction, 0, out, sizeof(*out));
}
