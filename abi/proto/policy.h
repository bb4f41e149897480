/* SPDX-License-Identifier: MIT */
/* Kernel <-> syscalld: leases granted at exec, and what exceeds them. */
#ifndef AMBOS_PROTO_POLICY_H
#define AMBOS_PROTO_POLICY_H

#include "../../lib/base/base.h"

enum policy_op {
	POLICY_GRANT = 1,      /* limits of a first program: reply payload 16 policy_limit */
	POLICY_PRLIMIT = 2,    /* change of a limit */
	POLICY_CREDENTIALS = 3,/* set*id, setgroups, capset: old and wanted in, result out */
	POLICY_CLOCK_SET = 4,
	POLICY_SCHEDULE = 5,   /* class, priority, nice below the lease */
	POLICY_SIGNAL = 6,     /* kill outside the signal lease */
	POLICY_HOSTNAME = 7,
	POLICY_FILE_READ = 8,  /* reply payload: the policy file in force */
	POLICY_FILE_WRITE = 9, /* payload: a new one, whole; INVAL and the old one stays when a line is wrong */
};
#define POLICY_FILE_BYTES 4096u
/* Whom kill(2) may reach without a question. The mechanism's own rule (same user, or CAP_KILL) holds in any case. */
enum policy_signal_scope { POLICY_SIGNAL_USER = 0, POLICY_SIGNAL_CAPABLE = 1 };
#define POLICY_LIMITS 16u
struct policy_limit { u64 soft, hard; };
/* MM_POLICY_LEASE, one for the machine: what the kernel decides without asking, and the limits that it gave. A higher
 * generation revokes the one before: limits that programs have not changed follow, the others stay below the new hard
 * ones. The real-time classes and nice values below nice_floor are always asked for. */
struct policy_lease { u32 generation, signal_scope; s32 nice_floor; u32 unused; struct policy_limit limits[POLICY_LIMITS]; };
struct policy_prlimit_request { u32 target_pid; u32 resource; struct policy_limit old, wanted; };
struct policy_ids { u32 uid, gid, euid, egid, suid, sgid, fsuid, fsgid; u64 effective, permitted, inheritable; };
struct policy_credentials_request { u32 kind; u32 securebits; struct policy_ids old; u32 wanted[3];
	u32 unused; u64 wanted_caps[3]; }; /* kind: Linux call number */
struct policy_schedule_request { u32 target_uid, target_euid; s32 policy, priority, old_nice, nice; u32 rtprio_limit, nice_limit; };
struct policy_signal_request { u32 target_pid, target_uid, target_suid; s32 signal; };

#endif
