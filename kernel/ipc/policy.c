// SPDX-License-Identifier: MIT
// The kernel's side of abi/proto/policy.h: the lease that syscalld gave (what may be decided here), questions beyond
// it, and its replacement when the policy file changes. None of the questions is hot.
#include "policy.h"
#include "../../abi/proto/policy.h"
#include "native.h"
#include "mm.h"
#include "service.h"
#include "trap.h"
#include "user_ptr.h"
#include "../../lib/base/string.h"

/* What the mechanism alone would do, until syscalld gives a lease (init=NAME without services). */
static struct policy_lease lease = { .signal_scope = POLICY_SIGNAL_CAPABLE, .nice_floor = -20 }; /* [process_tree_lock] */

static status_t ask(u32 op, const void *args, u32 size)
{
	struct route_request r = {
		.service = SERVICE_SYSCALLD, .op = op, .cause = HOP_LEASE_EXCEEDED, .args = args,
			.args_size = size, .killable_only = true,
	};
	s64 st = route_call(&r);
	return st == ERR_NOSYS ? OK : st < 0 ? (status_t)st : OK;
}

void policy_limits_changed(struct process *p)
{
	struct aspace *as = process_aspace_get(p);
	if (!as)
		return;
	as->limit_as_bytes = p->rlimits[RLIMIT_AS].soft;
	as->limit_data_bytes = p->rlimits[RLIMIT_DATA].soft;
	as->limit_stack_bytes = p->rlimits[RLIMIT_STACK].soft;
	aspace_put(as);
}

status_t policy_grant(struct process *p)
{
	struct policy_limit limits[POLICY_LIMITS];
	struct route_request r = {
		.service = SERVICE_SYSCALLD, .op = POLICY_GRANT, .cause = HOP_FIRST_USE, .reply_payload = limits,
			.reply_capacity = sizeof(limits), .killable_only = true,
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

/* A limit that still is what the old policy gave follows the new one; one that the program set stays, below it. */
static void limits_replace_locked(struct process *p, const struct policy_lease *old, const struct policy_lease *new)
{
	for (u32 i = 0; i < POLICY_LIMITS; i++) {
		struct rlimit_k *l = &p->rlimits[i];
		const struct policy_limit *was = &old->limits[i], *is = &new->limits[i];
		if (l->soft == was->soft && l->hard == was->hard) {
			*l = (struct rlimit_k){ is->soft, is->hard };
		} else if (was->soft != is->soft || was->hard != is->hard) {
			l->hard = MIN(l->hard, is->hard);
			l->soft = MIN(l->soft, l->hard);
		}
	}
}

/* Same or older generation: a syscalld that was started again says what the kernel knows already. */
static bool lease_replace(const struct policy_lease *new)
{
	spin_lock(&process_tree_lock);
	bool newer = new->generation > lease.generation;
	if (newer && lease.generation)
		list_for_each(p, &process_all, struct process, all_link)
			if (!p->service)
				limits_replace_locked(p, &lease, new);
	if (newer)
		lease = *new;
	spin_unlock(&process_tree_lock);
	return newer;
}

s64 policy_lease_set(u64 va, u64 size)
{
	struct policy_lease *new = kmalloc(sizeof(*new));
	status_t st = new ? broker_copy_in(new, va, size, sizeof(*new)) : ERR_NOMEM;
	if (!st && lease_replace(new)) {
		struct process *p;
		for (u32 from = 1; (p = process_next(from)); process_put(p)) {
			from = p->pid + 1;
			if (!p->service)
				policy_limits_changed(p);
		}
		klog(LOG_INFO, "policy: lease %u", new->generation);
	}
	kfree(new);
	return st;
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

status_t policy_schedule_change(const struct thread *target, s32 policy, s32 priority, s32 nice)
{
	struct process *p = target->process;
	bool within = policy == target->policy && priority <= target->rt_priority;
	if ((within || !policy) && (nice >= target->nice || nice >= lease.nice_floor))
		return OK;
	struct cred *theirs = p ? process_cred_get(p) : NULL;
	struct policy_schedule_request q = {
		.target_uid = theirs ? theirs->uid : 0, .target_euid = theirs ? theirs->euid : 0, .policy = policy,
		.priority = priority, .old_nice = target->nice, .nice = nice,
		.rtprio_limit = p ? (u32)MIN(p->rlimits[RLIMIT_RTPRIO].soft, (u64)UINT32_MAX) : 0,
		.nice_limit = p ? (u32)MIN(p->rlimits[RLIMIT_NICE].soft, (u64)UINT32_MAX) : 0,
	};
	cred_put(theirs);
	return ask(POLICY_SCHEDULE, &q, sizeof(q));
}

bool policy_signal_by_capability(struct process *target, const struct cred *theirs, s32 signal)
{
	if (lease.signal_scope >= POLICY_SIGNAL_CAPABLE || process_current()->service)
		return true;
	struct policy_signal_request q = {
		.target_pid = target->pid, .target_uid = theirs->uid, .target_suid = theirs->suid, .signal = signal,
	};
	return ask(POLICY_SIGNAL, &q, sizeof(q)) == OK;
}

status_t policy_clock_set(void) { return ask(POLICY_CLOCK_SET, NULL, 0); }
status_t policy_hostname_set(void) { return ask(POLICY_HOSTNAME, NULL, 0); }
