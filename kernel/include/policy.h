/* SPDX-License-Identifier: MIT */
/* Questions to syscalld. The caller has already refused what no policy may allow (bad arguments, missing
 * capability); these
 * ask whether the change is wanted. While syscalld is not defined (init=NAME without services) the answer is yes. */
#ifndef AMBOS_KERNEL_POLICY_H
#define AMBOS_KERNEL_POLICY_H

#include "process.h"

/* Sets the limits of a process that is about to run its first program. */
status_t policy_grant(struct process *p) MUST_CHECK;
status_t policy_limit_change(u32 pid, u32 resource, const struct rlimit_k *old,
		const struct rlimit_k *wanted) MUST_CHECK;
/* The current call (setuid and its family, setgroups, capset) would replace `old` by `wanted`. */
status_t policy_credentials_change(const struct cred *old, const struct cred *wanted) MUST_CHECK;
/* The call would give target this class, priority and nice value; the lease decides what needs no question. */
status_t policy_schedule_change(const struct thread *target, s32 policy, s32 priority, s32 nice) MUST_CHECK;
/* A holder of CAP_KILL signals a process of somebody else. Sleeps. */
bool policy_signal_by_capability(struct process *target, const struct cred *theirs, s32 signal);
s64 policy_lease_set(u64 va, u64 size);          /* broker: struct policy_lease in the service */
void policy_limits_changed(struct process *p);   /* the memory limits are a lease that the address space keeps */
s64 credentials_commit(struct cred *c);          /* linux/cred.c: asks, then replaces; takes c over */
status_t policy_clock_set(void) MUST_CHECK;
status_t policy_hostname_set(void) MUST_CHECK;

#endif
