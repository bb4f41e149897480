// SPDX-License-Identifier: MIT
// syscalld: Linux policy. Grants leases, and answers what exceeds one. Decisions are in policy.c, the limits file is
// read from the boot archive at each start, so a new instance decides alike.
#include <string.h>

#include "../../abi/core/broker.h"
#include "../../lib/service/service.h"
#include "policy.h"

#define LIMITS_FILE_BYTES 4096
enum { CAP_SYS_ADMIN = 21, CAP_SYS_TIME = 25 };

struct syscalld_root { u32 generation; u32 unused; };
static struct policy_limit limits[POLICY_LIMITS];

static struct policy_caller caller_of(const struct service_request *r)
{
	return (struct policy_caller){ r->message.caller.uid, r->message.caller.capabilities };
}

static s64 grant(struct service_request *r)
{
	struct syscalld_root *root = state_root();
	struct policy_leases leases = { .generation = root->generation, .nice_floor = 0 };
	if (r->message.reply_capacity < sizeof(limits))
		return ERR_INVAL;
	request_reply_args(r, &leases, sizeof(leases));
	memcpy(r->reply_payload, limits, sizeof(limits));
	r->reply_payload_size = sizeof(limits);
	return OK;
}

static s64 prlimit_op(struct service_request *r)
{
	struct policy_caller c = caller_of(r);
	return policy_prlimit(&c, request_args(r));
}

static s64 credentials_op(struct service_request *r)
{
	struct policy_caller c = caller_of(r);
	struct policy_ids ids;
	status_t st = policy_credentials(&c, request_args(r), &ids);
	if (!st)
		request_reply_args(r, &ids, sizeof(ids));
	return st;
}

static s64 clock_op(struct service_request *r)
{
	struct policy_caller c = caller_of(r);
	return policy_needs(&c, CAP_SYS_TIME);
}

static s64 schedule_op(struct service_request *r)
{
	struct policy_caller c = caller_of(r);
	return policy_schedule(&c, request_args(r));
}

static s64 signal_op(struct service_request *r)
{
	struct policy_caller c = caller_of(r);
	return policy_signal(&c, request_args(r));
}

static s64 hostname_op(struct service_request *r)
{
	struct policy_caller c = caller_of(r);
	return policy_needs(&c, CAP_SYS_ADMIN);
}

static const struct service_op ops[] = {
	{ POLICY_GRANT, 0, grant, "grant" },
	SERVICE_OP(POLICY_PRLIMIT, struct policy_prlimit_request, prlimit_op),
	SERVICE_OP(POLICY_CREDENTIALS, struct policy_credentials_request, credentials_op),
	{ POLICY_CLOCK_SET, 0, clock_op, "clock" },
	SERVICE_OP(POLICY_SCHEDULE, struct policy_schedule_request, schedule_op),
	SERVICE_OP(POLICY_SIGNAL, struct policy_signal_request, signal_op),
	{ POLICY_HOSTNAME, 0, hostname_op, "hostname" },
};

static void read_limits(void)
{
	static char text[LIMITS_FILE_BYTES];
	struct mm_member m = { .name = "limits.conf", .va = (u64)text, .size = sizeof(text) };
	u32 line = 0;
	for (u32 i = 0; i < POLICY_LIMITS; i++)
		limits[i] = (struct policy_limit){ UINT64_MAX, UINT64_MAX };
	s64 st = ambos_call(AMBOS_CALL_MM_BROKER, MM_BOOT_MEMBER, (u64)&m, sizeof(m), 0, 0);
	if (st)
		service_panic("limits.conf: %lld", (long long)st);
	if (limits_parse(text, m.size, limits, &line))
		service_panic("limits.conf: line %u", line);
}

static status_t start(bool first)
{
	struct syscalld_root *root = state_root();
	if (first)
		TXN_SET(root->generation, 1);
	read_limits();
	return OK;
}

int main(void)
{
	static const struct service_config config = {
		.name = "syscalld", .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = 1,
		.state_root_size = sizeof(struct syscalld_root), .start = start,
	};
	return service_run(&config);
}
