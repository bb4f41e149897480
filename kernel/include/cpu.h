/* SPDX-License-Identifier: MIT */
/* Per-CPU data and the machine operations that portable kernel code may use.
 * arch/x86_64 implements all of it; GS points at struct cpu while in the kernel. */
#ifndef AMBOS_KERNEL_CPU_H
#define AMBOS_KERNEL_CPU_H

#include "status.h"

struct thread;
struct aspace;
struct runqueue;

#define MAX_CPUS 64 /* xAPIC ids are 8 bits; QEMU users ask for a few */

/* Fields at the top are known to entry.S by offset (asserted in arch/x86_64/cpu.c). */
struct cpu {
	struct cpu *self;          /* gs:0 */
	struct thread *current;    /* gs:8 */
	u64 kernel_stack_top;      /* gs:16  stack that syscall and interrupt entry switch to */
	u64 user_rsp_scratch;      /* gs:24 */
	u32 id;                    /* gs:32  dense, 0 = boot CPU */
	u32 need_resched;          /* gs:36  set by timer and wake-up, cleared by schedule() */
	u32 apic_id;
	u32 online;
	struct thread *idle;
	struct runqueue *runqueue;
	struct aspace *aspace;     /* whose page table is loaded (NULL: kernel's) */
	u32 shootdown_pending;     /* another CPU wants our TLB flushed */
	u32 lock_depth;            /* debug: spinlocks held */
	u64 timer_deadline_ns;     /* what the local timer is armed for; UINT64_MAX when not */
	u64 tick_due_ns;           /* sched/cputime.c: next sample of what runs */
	u64 user_ticks, nice_ticks, system_ticks;
	bool interrupted_user;     /* of the interrupt that is being handled */
	void *frame_cache;         /* mm/frame.c */
	void *slab_cache;          /* mm/slab.c */
	u64 slice_end_ns;          /* of the running thread, or of who handed it the CPU */
	void *arch;                /* arch private: GDT, TSS, IST stacks */
	u64 *tss_stack;            /* where the CPU finds the stack for traps from user mode; unaligned */
	struct thread *fpu_owner;  /* whose extended registers are loaded, if it last ran here */
	void *trace;               /* debug/trace.c ring */
	u64 counters[32];          /* enum cpu_counter in counters.h */
};

static inline struct cpu *cpu_this(void)
{
	struct cpu *c;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(c));
	return c;
}
static inline struct thread *thread_current(void)
{
	struct thread *t;
	__asm__ volatile("mov %%gs:8, %0" : "=r"(t));
	return t;
}
static inline void cpu_pause(void) { __asm__ volatile("pause" ::: "memory"); }

extern struct cpu *cpus[MAX_CPUS]; /* dense, cpu_count entries */
extern u32 cpu_count;

void cpu_send_reschedule(u32 cpu_id);  /* IPI: leave user mode or idle and look at need_resched */
bool cpu_number_in_tsc_aux(void);      /* rdtscp in user mode gives cpu->id */
void preempt_point(void);              /* long kernel work calls it with no spinlock held: lets interrupts and other threads in */
void cpu_halt_forever(void) NORETURN;
void machine_power_off(u32 code) NORETURN; /* ends the VM; `code` is shown to QEMU (isa-debug-exit) when present */

/* Time: monotonic nanoseconds since boot, from the TSC. Callable anywhere. */
extern u64 time_tsc_start, time_ns_scale;  /* constant after boot; ns = (tsc - start) * scale >> 32 */
static inline u64 time_tsc_to_ns(u64 tsc)
{
	return (u64)(((unsigned __int128)(tsc - time_tsc_start) * time_ns_scale) >> 32);
}
static inline u64 time_now_ns(void)
{
	u32 low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return time_tsc_to_ns((u64)high << 32 | low);
}
u64 time_boot_wall_ns(void); /* CLOCK_REALTIME at monotonic 0, from the RTC; adjusted by clock_settime */
void time_set_boot_wall_ns(u64 ns);
void time_clock_parameters(u64 *tsc_base, u64 *mult); /* ns = (tsc - tsc_base) * mult >> 32; constant after boot */

#endif
