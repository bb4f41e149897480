// SPDX-License-Identifier: MIT
/* Machine state that a switch between threads carries: extended state and the FS/GS bases of user mode.
 * Kernel threads have none. With FSGSBASE programs change the bases without telling us, so they are read here. */
#include "arch.h"
#include "../../sched/sched_private.h"

extern void user_enter_at(struct trap_frame *f) NORETURN;

static inline u64 read_fs_base(void) { u64 v; __asm__ volatile("rdfsbase %0" : "=r"(v)); return v; }
static inline void write_fs_base(u64 v) { __asm__ volatile("wrfsbase %0" : : "r"(v)); }
/* In the kernel GS holds struct cpu; the user's base waits in KERNEL_GS_BASE, reachable fast by swapgs. */
static inline u64 read_user_gs(void) { u64 v; __asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(v)); return v; }
static inline void write_user_gs(u64 v) { __asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(v)); }

void arch_switch_state(struct thread *from, struct thread *to)
{
	if (from->process && from->state != THREAD_DEAD) {
		fpu_save(from->fpu_area);
		from->user_fs_base = read_fs_base();
		from->user_gs_base = read_user_gs();
	}
	struct arch_cpu *a = cpu_this()->arch;
	a->tss.rsp[0] = (u64)to->kernel_stack + KERNEL_STACK_SIZE;
	if (to->process) {
		fpu_restore(to->fpu_area);
		write_fs_base(to->user_fs_base);
		write_user_gs(to->user_gs_base);
	}
}

void user_enter(void) { user_enter_at(thread_user_frame(thread_current())); }

/* The current thread's bases: exec clears them, arch_prctl and set_tls write them, clone copies them. */
void thread_segments_load(const struct thread *t)
{
	write_fs_base(t->user_fs_base);
	write_user_gs(t->user_gs_base);
}

void thread_segments_save(struct thread *t)
{
	t->user_fs_base = read_fs_base();
	t->user_gs_base = read_user_gs();
}
