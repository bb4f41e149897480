// SPDX-License-Identifier: MIT
// The kernel's side of abi/proto/policy.h. None of these calls is hot: each changes what programs may do.
#include "policy.h"
#include "../../abi/proto/policy.h"
#include "call.h"
#include "trap.h"

static status_t ask(u32 op, const void *args, u32 size)
{
	struct route_request r = {
		.service = SERVICE_SYSCALLD, .op = op, .cause = HOP_LEASE_EXCEEDED, .args = args,
			.args_size = size, .killable_only = true,
	};
	s64 st = route_call(&r);
	return st == ERR_NOSYS ? OK : st < 0 ? (status_t)st : OK;
}

status_t policy_grant(struct process *p)
{
	struct policy_leases leases;
	struct policy_limit limits[POLICY_LIMITS];
	struct route_request r = {
		.service = SERVICE_SYSCALLD, .op = POLICY_GRANT, .cause = HOP_FIRST_USE, .reply = &leases,
			.reply_size = sizeof(leases),
		.reply_payload = limits, .reply_capacity = sizeof(limits), .killable_only = true,
	};
	s64 st = route_call(&r);
	if (st == ERR_NOSYS)
		return OK;
	if (st < 0 || r.reply_length != sizeof(limits))
		return st < 0 ? (status_t)st : FAIL(ERR_PROTO, "grant of another size");
	_Static_assert(POLICY_LIMITS == RLIMIT_COUNT, "one limit per resource");
	spin_lock(&process_tree_lock);
	for (u32 i = 0; i < POLICY_LIMITS; i++)
		p->rlimits[i] = (struct rlimit_k){ limits[i].soft, limits[i].hard };
	spin_unlock(&process_tree_lock);
	return OK;
}

status_t policy_limit_change(u32 pid, u32 resource, const struct rlimit_k *old, const struct rlimit_k *wanted)
{
	struct policy_prlimit_request q = {
		.target_pid = pid, .resource = resource, .old = { old->soft, old->hard },
			.wanted = { wanted->soft, wanted->hard },
	};
	return ask(POLICY_PRLIMIT, &q, sizeof(q));
}

status_t policy_credentials_change(const struct cred *old, const struct cred *wanted)
{
	struct thread *t = thread_current();
	const struct trap_frame *f = thread_user_frame(t);
	struct policy_credentials_request q = {
		.kind = (u32)t->syscall_nr, .securebits = old->securebits,
		.old = { old->uid, old->gid, old->euid, old->egid, old->suid, old->sgid, old->fsuid,
			old->fsgid, old->cap_effective,
			 old->cap_permitted, old->cap_inheritable },
		.wanted = { (u32)f->rdi, (u32)f->rsi, (u32)f->rdx },
		.wanted_caps = { wanted->cap_effective, wanted->cap_permitted, wanted->cap_inheritable },
	};
	return ask(POLICY_CREDENTIALS, &q, sizeof(q));
}

status_t policy_clock_set(void) { return ask(POLICY_CLOCK_SET, NULL, 0); }
status_t policy_hostname_set(void) { return ask(POLICY_HOSTNAME, NULL, 0); }
