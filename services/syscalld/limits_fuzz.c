// SPDX-License-Identifier: MIT
// libFuzzer harness: any policy file is parsed or refused, and what is accepted is within its bounds.
// LINK: services/syscalld/limits.c
#include <stdlib.h>

#include "policy.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct policy_rules rules = { .nice_floor = -20 };
	u32 line = 0;
	if (rules_parse((const char *)data, size, &rules, &line))
		return 0;
	if (rules.nice_floor < -20 || rules.nice_floor > 19 || rules.signal_scope > POLICY_SIGNAL_CAPABLE)
		abort();
	for (u32 i = 0; i < POLICY_LIMITS; i++)
		if (rules.limits[i].soft > rules.limits[i].hard)
			abort();
	return 0;
}
