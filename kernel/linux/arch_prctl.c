// SPDX-License-Identifier: MIT
/* arch_prctl(2): the FS and GS bases. CPUID cannot be made to fault here; CET is refused. */
#include "linux.h"

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004, ARCH_GET_CPUID = 0x1011,
	ARCH_SET_CPUID = 0x1012 };

LINUX_HANDLER(arch_prctl)
{
	struct thread *t = thread_current();
	thread_segments_save(t);
	switch (a0) {
	case ARCH_SET_FS: case ARCH_SET_GS:
		if (a1 >= USER_TOP)
			return ERR_PERM;
		*(a0 == ARCH_SET_FS ? &t->user_fs_base : &t->user_gs_base) = a1;
		thread_segments_load(t);
		return 0;
	case ARCH_GET_FS:
		return COPY_OUT(user_ptr(a1), &t->user_fs_base);
	case ARCH_GET_GS:
		return COPY_OUT(user_ptr(a1), &t->user_gs_base);
	case ARCH_GET_CPUID:
		return 1; /* the instruction works */
	case ARCH_SET_CPUID:
		return ERR_NODEV; /* arch_prctl(2): no CPU that can fault on it */
	default:
		return ERR_INVAL;
	}
}
