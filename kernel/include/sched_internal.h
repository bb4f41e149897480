/* SPDX-License-Identifier: MIT */
/* Between sched/, arch/ and debug/ only. */
#ifndef AMBOS_KERNEL_SCHED_INTERNAL_H
#define AMBOS_KERNEL_SCHED_INTERNAL_H

#include "process.h"
#include "sched.h"

/* sched/ offers */
void sched_init(void);                   /* boot CPU; after mm_init */
bool sched_cpu_init(struct cpu *c);      /* run queue and timers of one CPU */
void sched_idle_loop(void) NORETURN;
void sched_interrupt(void);              /* reschedule interrupt */
struct trap_frame;
void cputime_interrupted(const struct trap_frame *f); /* on each interrupt, first */
void cputime_fault_done(const struct trap_frame *f);  /* a page fault of user mode was resolved */
void timer_interrupt(void);
void timer_cpu_init(u32 cpu);
void timer_want(u64 deadline_ns);        /* this CPU's hardware timer fires at the latest then */
u64 sched_tick(u64 now);                 /* slice end of the running thread, or never; may ask for a switch */
struct thread *sched_switch_finish(struct thread *from);
struct thread *thread_alloc_kernel(const char *name); /* without extended state */
void sched_selftest(void);
void thread_pool_init(void);
void sched_group_init(void);
extern struct sched_group *kernel_group;

/* arch/ offers */
void arch_thread_prepare(struct thread *t, void (*fn)(void *), void *arg);
void arch_switch_user_state(struct cpu *c, struct thread *from, struct thread *to);
struct thread *context_switch(struct thread *from, struct thread *to);
void arch_timer_program(u64 deadline_ns, u64 now);
void arch_stop_others(void);             /* panic: NMI to all */
void trap_bad_user_frame(struct trap_frame *f);
void trap_return_work(struct trap_frame *f);

/* debug/ offers */
void panic_frame(const struct trap_frame *f, const char *fmt, ...) PRINTF_LIKE(2, 3) NORETURN;
void panic_stop_here(const struct trap_frame *f);
void errors_print(u32 count);
void kernel_selftest(void);

#endif
