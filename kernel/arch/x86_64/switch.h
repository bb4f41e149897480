/* SPDX-License-Identifier: MIT */
/* The switch between two threads of user mode, inline: the hot path of IPC. Only on CPUs with FSGSBASE and XSAVEOPT
 * (cpu_direct_switch). cpu.c has the general form. */
#ifndef AMBOS_ARCH_SWITCH_H
#define AMBOS_ARCH_SWITCH_H

#define HANDOFF_INLINE static inline __attribute__((always_inline))

#include "mm.h"
#include "process.h"

HANDOFF_INLINE void stack_for_traps(struct cpu *c, const struct thread *to)
{
	c->kernel_stack_top = (u64)to->kernel_stack + KERNEL_STACK_SIZE;
	*c->tss_stack = c->kernel_stack_top;
}

/* FS and GS base of user mode; the kernel's GS base is loaded, so two swapgs lead to the user's. A service thread sets FS
 * once, by arch_prctl, and never GS: nothing to save when it gives the CPU away. */
HANDOFF_INLINE void segments_switch(struct thread *from, const struct thread *to, bool to_service)
{
	u64 fs, gs, wanted = to->user_gs_base;
	if (to_service) {
		__asm__ volatile("rdfsbase %0" : "=r"(fs));
		from->user_fs_base = fs;
		__asm__ volatile("swapgs; rdgsbase %0; wrgsbase %1; swapgs" : "=&r"(gs) : "r"(wanted));
		from->user_gs_base = gs;
	} else if (unlikely(wanted)) {
		__asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(wanted));
	}
	__asm__ volatile("wrfsbase %0" : : "r"(to->user_fs_base));
}

/* All components that are enabled. */
HANDOFF_INLINE void extended_switch(struct cpu *c, struct thread *from, const struct thread *to)
{
	__asm__ volatile("xsaveopt64 (%0)\n\txrstor64 (%1)"
			 : : "r"(from->fpu_area), "r"(to->fpu_area), "a"(~0u), "d"(~0u) : "memory");
	from->fpu_cpu = c->id + 1;
	c->fpu_owner = NULL;
}

/* As context_switch, with all registers given up. Returns the thread that was left last. */
HANDOFF_INLINE struct thread *stack_switch(struct thread *from, struct thread *to)
{
	__asm__ volatile("push	%%rbp\n\t"
			 "push	$1f\n\t"
			 "mov	%%rsp, (%%rdi)\n\t"
			 "mov	(%%rsi), %%rsp\n\t"
			 "ret\n"
			 "1:	pop	%%rbp"
			 : "+D"(from), "+S"(to)
			 : : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	return from;
}

HANDOFF_INLINE struct thread *arch_switch_direct(struct cpu *c, struct thread *from, struct thread *to,
						bool to_service)
{
	segments_switch(from, to, to_service);
	extended_switch(c, from, to);
	stack_for_traps(c, to);
	return stack_switch(from, to);
}

#endif
