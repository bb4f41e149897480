// SPDX-License-Identifier: MIT
/* What is counted by row of the two call tables (row numbers: call.h): hops to services by cause, and calls that were
 * refused or not implemented. Read as /proc/ambos/hops and /proc/ambos/refused. Both are rare beside calls that stay
 * in the kernel, so the counts are shared by all CPUs. */
#include "call.h"
#include "service.h"
#include "sched.h"

static u64 hops[CALL_ROWS][HOP_CAUSE_COUNT];
static u64 refused[CALL_ROWS];

void hop_record(enum hop_cause cause)
{
	u64 row = thread_current()->syscall_nr;
	if (row < CALL_ROWS)
		__atomic_add_fetch(&hops[row][cause], 1, __ATOMIC_RELAXED);
}

u64 hop_count(u32 row, enum hop_cause cause)
{
	return row < CALL_ROWS && (u32)cause < HOP_CAUSE_COUNT ? hops[row][cause] : 0;
}

void refused_record(u64 row)
{
	if (row < CALL_ROWS)
		__atomic_add_fetch(&refused[row], 1, __ATOMIC_RELAXED);
}

u64 refused_count(u32 row) { return row < CALL_ROWS ? refused[row] : 0; }
