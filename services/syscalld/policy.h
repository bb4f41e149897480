/* SPDX-License-Identifier: MIT */
/* Decisions of syscalld: pure functions over what the kernel sent (unit-tested on the host), and the limits file. */
#ifndef AMBOS_SYSCALLD_POLICY_H
#define AMBOS_SYSCALLD_POLICY_H

#include "../../abi/core/status.h"
#include "../../abi/proto/policy.h"

struct policy_caller { u32 uid; u64 capabilities; };

/* What the policy file says. */
struct policy_rules {
	struct policy_limit limits[POLICY_LIMITS];
	u32 signal_scope;      /* enum policy_signal_scope */
	s32 nice_floor;        /* nobody gets a nice value below it */
	bool realtime;         /* the real-time classes may be had at all */
};
/* `NAME = SOFT HARD`, `signals = user|capable`, `nice_floor = N`, `realtime = yes|no` lines. ERR_INVAL and the line number
 * on the first bad one; what is not named stays as it was. */
status_t rules_parse(const char *text, u64 size, struct policy_rules *rules, u32 *bad_line);
status_t policy_prlimit(const struct policy_caller *c, const struct policy_prlimit_request *q);
/* Linux's set*id rules (setuid(2), setreuid(2), setresuid(2), setfsuid(2), capset(2)); *out is the new set. */
status_t policy_credentials(const struct policy_caller *c, const struct policy_credentials_request *q,
		struct policy_ids *out);
status_t policy_schedule(const struct policy_rules *rules, const struct policy_caller *c, const struct policy_schedule_request *q);
status_t policy_signal(const struct policy_rules *rules, const struct policy_caller *c, const struct policy_signal_request *q);
status_t policy_needs(const struct policy_caller *c, u32 capability);

#endif
