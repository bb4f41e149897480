/* SPDX-License-Identifier: MIT */
/* Between sched/ and arch/: run queues, the switch, timer hardware. */
#ifndef AMBOS_SCHED_PRIVATE_H
#define AMBOS_SCHED_PRIVATE_H

#include "process.h"

/* Locks: [r] lock. */
struct runqueue {
	struct spinlock lock;
	struct list_node realtime;   /* [r] by priority, highest first */
	struct rb_root fair;         /* [r] by vruntime */
	struct rb_node *fair_first;  /* [r] */
	u32 count;                   /* [r] runnable, not counting the running one */
	u64 min_vruntime;            /* [r] */
	struct spinlock timer_lock;
	struct rb_root timers;       /* [timer_lock] */
	struct timer *timer_first;   /* [timer_lock] */
	struct timer *timer_running; /* [timer_lock] */
};

void sched_wake_here(struct thread *t);
bool sched_switch_direct(struct thread *to);
void sched_init(void);                 /* boot CPU: its idle thread is the boot stack */
void sched_init_cpu(struct cpu *c);
struct thread *sched_make_idle(struct cpu *c);
void sched_idle_loop(void) NORETURN;
struct thread *sched_after_switch_from(void);
void timer_interrupt(void);
void timers_init_cpu(struct runqueue *rq);
void timer_hardware_arm(u64 deadline_ns);
void timer_rearm_cpu(void);            /* hardware to the earliest of timers and slice end */
void switch_stack(u64 *save_rsp, u64 new_rsp);
void arch_switch_state(struct thread *from, struct thread *to);

#endif
