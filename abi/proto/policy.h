/* SPDX-License-Identifier: MIT */
/* Kernel <-> syscalld: leases granted at exec, and what exceeds them. */
#ifndef AMBOS_PROTO_POLICY_H
#define AMBOS_PROTO_POLICY_H

#include "../../lib/base/base.h"

enum policy_op {
	POLICY_GRANT = 1,      /* a program's leases: reply struct policy_leases */
	POLICY_PRLIMIT = 2,    /* change of a limit */
	POLICY_CREDENTIALS = 3,/* set*id, setgroups, capset: old and wanted in, result out */
	POLICY_CLOCK_SET = 4,
	POLICY_SCHEDULE = 5,   /* class, priority, nice below the lease */
	POLICY_SIGNAL = 6,     /* kill outside the signal lease */
	POLICY_HOSTNAME = 7,
};
struct policy_limit { u64 soft, hard; };
struct policy_leases { u32 generation; u32 signal_scope; u64 clock_flags;
	s32 nice_floor; u32 limits_changed; }; /* + payload: 16 policy_limit */
struct policy_prlimit_request { u32 target_pid; u32 resource; struct policy_limit old, wanted; };
struct policy_ids { u32 uid, gid, euid, egid, suid, sgid, fsuid, fsgid; u64 effective, permitted, inheritable; };
struct policy_credentials_request { u32 kind; u32 securebits; struct policy_ids old; u32 wanted[3];
	u32 unused; u64 wanted_caps[3]; }; /* kind: Linux call number */
struct policy_schedule_request { u32 target_uid; s32 policy, priority, old_nice, nice; u32 rtprio_limit, nice_limit; };
#define POLICY_LIMITS 16u
struct policy_signal_request { u32 target_pid, target_uid, target_suid; s32 signal; };

#endif
