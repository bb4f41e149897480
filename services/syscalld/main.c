// SPDX-License-Identifier: MIT
// syscalld: Linux policy. Grants the lease, and answers what exceeds it. Decisions are in policy.c. The policy file is
// state: limits.conf of the boot archive at first, then what root writes to /proc/sys/ambos/policy; each change is a new
// generation, whose lease replaces the one before. A new instance announces the same generation again.
#include <string.h>

#include "../../abi/core/broker.h"
#include "../../lib/service/service.h"
#include "policy.h"

enum { CAP_SYS_ADMIN = 21, CAP_SYS_TIME = 25 };

struct syscalld_root { u32 generation; u32 size; char text[POLICY_FILE_BYTES]; };
static struct policy_rules rules; /* what the text says; readers and the writer hold the state lock */

static struct policy_caller caller_of(const struct service_request *r)
{
	return (struct policy_caller){ r->message.caller.uid, r->message.caller.capabilities };
}

static s64 grant(struct service_request *r)
{
	if (r->message.reply_capacity < sizeof(rules.limits))
		return ERR_INVAL;
	state_lock();
	memcpy(r->reply_payload, rules.limits, sizeof(rules.limits));
	state_unlock();
	r->reply_payload_size = sizeof(rules.limits);
	return OK;
}

static s64 file_read(struct service_request *r)
{
	struct syscalld_root *root = state_root();
	if (r->message.reply_capacity < POLICY_FILE_BYTES)
		return ERR_INVAL;
	state_lock();
	memcpy(r->reply_payload, root->text, root->size);
	r->reply_payload_size = root->size;
	state_unlock();
	return OK;
}

/* What the kernel may decide alone. The floor of nice values is 0 where the file allows more: what goes below is asked. */
static status_t lease_announce(u32 generation, const struct policy_rules *now)
{
	struct policy_lease lease = {
		.generation = generation, .signal_scope = now->signal_scope, .nice_floor = now->nice_floor > 0 ? now->nice_floor : 0,
	};
	memcpy(lease.limits, now->limits, sizeof(lease.limits));
	return (status_t)ambos_call(AMBOS_CALL_MM_BROKER, MM_POLICY_LEASE, (u64)&lease, sizeof(lease), 0, 0);
}

static struct policy_rules rules_default(void)
{
	struct policy_rules d = { .signal_scope = POLICY_SIGNAL_CAPABLE, .nice_floor = -20, .realtime = true };
	for (u32 i = 0; i < POLICY_LIMITS; i++)
		d.limits[i] = (struct policy_limit){ UINT64_MAX, UINT64_MAX };
	return d;
}

/* The change is committed first: whoever dies after that finds it, and announces it. */
static s64 file_write(struct service_request *r)
{
	struct syscalld_root *root = state_root();
	struct policy_rules wanted = rules_default();
	u32 size = r->message.payload_size, line;
	if (!(r->message.caller.capabilities >> CAP_SYS_ADMIN & 1))
		return ERR_PERM;
	if (size > POLICY_FILE_BYTES)
		return ERR_2BIG;
	if (rules_parse((const char *)r->payload, size, &wanted, &line)) {
		service_log("policy file: line %u", line);
		return ERR_INVAL;
	}
	txn_begin();
	u32 generation = root->generation + 1;
	txn_write(root->text, r->payload, size);
	TXN_SET(root->size, size);
	TXN_SET(root->generation, generation);
	rules = wanted;
	txn_commit(r, OK);
	return lease_announce(generation, &wanted);
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
	state_lock();
	s64 st = policy_schedule(&rules, &c, request_args(r));
	state_unlock();
	return st;
}

static s64 signal_op(struct service_request *r)
{
	struct policy_caller c = caller_of(r);
	state_lock();
	s64 st = policy_signal(&rules, &c, request_args(r));
	state_unlock();
	return st;
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
	{ POLICY_FILE_READ, 0, file_read, "file read" },
	{ POLICY_FILE_WRITE, 0, file_write, "file write" },
};

static void file_from_archive(struct syscalld_root *root)
{
	static char text[POLICY_FILE_BYTES];
	struct mm_member m = { .name = "limits.conf", .va = (u64)text, .size = sizeof(text) };
	s64 st = ambos_call(AMBOS_CALL_MM_BROKER, MM_BOOT_MEMBER, (u64)&m, sizeof(m), 0, 0);
	if (st)
		service_panic("limits.conf: %lld", (long long)st);
	u32 size = (u32)m.size;
	txn_write(root->text, text, size);
	TXN_SET(root->size, size);
	TXN_SET(root->generation, 1);
}

static status_t start(bool first)
{
	struct syscalld_root *root = state_root();
	u32 line = 0;
	if (first)
		file_from_archive(root);
	rules = rules_default();
	if (rules_parse(root->text, root->size, &rules, &line))
		service_panic("limits.conf: line %u", line);
	return lease_announce(root->generation, &rules);
}

int main(void)
{
	static const struct service_config config = {
		.name = "syscalld", .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = 2,
		.state_root_size = sizeof(struct syscalld_root), .start = start,
	};
	return service_run(&config);
}
