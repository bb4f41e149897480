// SPDX-License-Identifier: MIT
/* selftest=panic|fault|stack|protect on the command line: ways to die on purpose, so that a test can look at the panic
 * screen; selftest=sched is sched/selftest.c. */
#include "boot_option.h"
#include "mm.h"
#include "sched_internal.h"
#include "string.h"

extern const u8 kernel_text_start[];

static __attribute__((noinline)) u64 recurse(u64 depth)
{
	volatile u64 frame[64];
	frame[depth % 64] = depth;
	return depth == UINT64_MAX ? 0 : recurse(depth + 1) + frame[(depth + 1) % 64];
}

void kernel_selftest(void)
{
	char name[16];
	if (!boot_option("selftest", name, sizeof(name)))
		return;
	if (strcmp(name, "sched") == 0)
		sched_selftest();
	else if (strcmp(name, "panic") == 0)
		panic("selftest");
	else if (strcmp(name, "fault") == 0)
		*(volatile u32 *)(uintptr_t)KIB(64) = 1;
	else if (strcmp(name, "stack") == 0)
		klog(LOG_WARN, "%llu", (unsigned long long)recurse(0));
	else if (strcmp(name, "protect") == 0)
		*(volatile u8 *)phys_to_virt((u64)kernel_text_start - KERNEL_BASE) = 0;
	panic("selftest=%s did not end the machine", name);
}
