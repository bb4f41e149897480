// SPDX-License-Identifier: MIT
/* Delivery on the way back to user mode: handlers, default actions, job-control stops, call restart.
 * Entry points: user_return_work, exception_deliver (trap.h). Rules: signal(7), "Interruption of system calls".
 * The frame's `vector` says whether it is a system call whose result may be a restart code; it is cleared once
 * that was decided, so a second signal in the same return does not decide again, and iret is used. */
#include "nt.h"
#include "signal.h"
#include "trap.h"

#define SYSCALL_INSTRUCTION_SIZE 2
#define NR_RESTART_SYSCALL 219

/* Puts the call back in front of the program, or turns the restart code into EINTR. */
static void settle_call(struct trap_frame *f, const struct sigaction_k *handler)
{
	if (f->vector != TRAP_SYSCALL)
		return;
	s64 result = (s64)f->rax;
	if (result > ERR_RESTART || result < ERR_RESTART_BLOCK)
		return;
	bool restart = !handler || result == ERR_RESTART_NOINTR || (result == ERR_RESTART && (handler->flags & SA_RESTART));
	if (restart) {
		f->rax = result == ERR_RESTART_BLOCK ? NR_RESTART_SYSCALL : (u32)f->error;
		f->rip -= SYSCALL_INSTRUCTION_SIZE;
	} else {
		f->rax = (u64)ERR_INTR;
	}
	f->vector = 0;
}

/* The thread that takes a stop signal stops the process; each thread joins on its next way to user mode. */
static void stop_begin_locked(struct process *p, int signo)
{
	if (p->flags & (PROC_STOPPED | PROC_EXITING))
		return;
	p->stop_signal = signo;
	p->stopped_count = 0;
	p->reported_stop = false; /* here and not with the report: a parent that looks may see the stop complete before that */
	__atomic_and_fetch(&p->flags, ~(u32)PROC_CONTINUED, __ATOMIC_RELEASE);
	__atomic_or_fetch(&p->flags, PROC_STOPPED, __ATOMIC_RELEASE);
	list_for_each(t, &p->threads, struct thread, process_link)
		thread_notify(t, WORK_STOP);
}

static void stop_report(struct process *p)
{
	spin_lock(&process_tree_lock);
	if (p->flags & PROC_STOPPED)
		signal_notify_parent_locked(p, CLD_STOPPED);
	spin_unlock(&process_tree_lock);
}

static void continue_report(struct process *p)
{
	if (!(__atomic_fetch_and(&p->flags, ~(u32)PROC_CONTINUED, __ATOMIC_ACQ_REL) & PROC_CONTINUED))
		return;
	spin_lock(&process_tree_lock);
	p->reported_continue = false; /* reported_stop may be the next stop's already */
	signal_notify_parent_locked(p, CLD_CONTINUED);
	spin_unlock(&process_tree_lock);
}

static void thread_stop(struct thread *t)
{
	struct process *p = t->process;
	spin_lock(&p->signal_lock);
	__atomic_and_fetch(&t->work, ~(u32)WORK_STOP, __ATOMIC_RELAXED);
	bool stopped = p->flags & PROC_STOPPED;
	bool last = stopped && ++p->stopped_count == p->thread_count;
	spin_unlock(&p->signal_lock);
	if (last)
		stop_report(p);
	/* WORK_STOP: it went on and was stopped again before this thread saw that; it counts for the new stop next. */
	if (stopped && WAIT_EVENT(&p->stop_wait, !(p->flags & PROC_STOPPED) || (t->work & (WORK_EXIT | WORK_STOP)), DEADLINE_NEVER,
	    WAIT_KILLABLE)) { /* killed: WORK_EXIT is seen next */ }
	continue_report(p);
}

static bool stop_is_refused(struct process *p, int signo)
{
	return signo != SIGSTOP && pgrp_is_orphaned(p->pgid);
}

static void default_action(struct process *p, int signo, const struct siginfo_k *info)
{
	if (SIGBIT(signo) & SIGNALS_STOP) {
		if (stop_is_refused(p, signo))
			return;
		spin_lock(&p->signal_lock);
		if (!(p->pending.set & SIGBIT(SIGCONT)))
			stop_begin_locked(p, signo);
		spin_unlock(&p->signal_lock);
		return;
	}
	if (p->nt && nt_signal && nt_signal(p, signo))
		return;
	s32 core = (SIGBIT(signo) & SIGNALS_CORE) && p->rlimits[RLIMIT_CORE].soft && (p->flags & PROC_DUMPABLE) ? 0x80 : 0;
	if (info->code > 0 && (SIGBIT(signo) & SIGNALS_FAULT))
		klog(LOG_INFO, "%s[%u]: signal %d code %d at 0x%llx", thread_current()->name, p->pid, signo, info->code,
			(unsigned long long)info->addr);
	process_exit_group(signo | core);
}

/* Takes the next signal that has a handler; acts on the others. Returns its number, or 0 when there is none. */
static int next_handled(struct thread *t, struct siginfo_k *info, struct sigaction_k *action)
{
	struct process *p = t->process;
	for (;;) {
		spin_lock(&p->signal_lock);
		int signo = t->work & (WORK_EXIT | WORK_STOP) ? 0 : signal_dequeue_locked(t, ~t->blocked, info);
		if (!signo) {
			spin_unlock(&p->signal_lock);
			return 0;
		}
		struct sigaction_k *a = &p->actions->action[signo - 1];
		*action = *a;
		if (action->handler > SIG_IGN_K && (action->flags & SA_RESETHAND)) {
			spin_lock(&p->actions->lock);
			a->handler = SIG_DFL_K;
			spin_unlock(&p->actions->lock);
		}
		bool protected = p->pid == 1 && !t->fault_forced;
		spin_unlock(&p->signal_lock);
		if (action->handler > SIG_IGN_K)
			return signo;
		if (action->handler == SIG_IGN_K || (SIGBIT(signo) & SIGNALS_IGNORED_BY_DEFAULT) || protected)
			continue;
		default_action(p, signo, info);
	}
}

static void handler_enter(struct trap_frame *f, struct thread *t, int signo, const struct siginfo_k *info,
	const struct sigaction_k *action)
{
	sigset_t_k mask = t->restore_mask ? t->saved_mask : t->blocked;
	if (signal_frame_push(f, signo, info, action, mask)) {
		if (signo == SIGSEGV)
			process_kill(t->process, SIGSEGV);
		else
			signal_force(SIGSEGV, SI_KERNEL, 0); /* its handler may have a better stack */
		return;
	}
	sigset_t_k blocked = t->blocked | action->mask;
	if (!(action->flags & SA_NODEFER))
		blocked |= SIGBIT(signo);
	t->restore_mask = false;
	signal_set_blocked(blocked);
}

static void deliver(struct trap_frame *f, struct thread *t)
{
	struct siginfo_k info;
	struct sigaction_k action;
	int signo = next_handled(t, &info, &action);
	if (signo) {
		if (t->rseq_va)
			rseq_settle(f, t);
		settle_call(f, &action);
		handler_enter(f, t, signo, &info, &action);
		return;
	}
	if (t->work & (WORK_EXIT | WORK_STOP))
		return;
	settle_call(f, NULL);
	if (t->restore_mask) {
		t->restore_mask = false;
		signal_set_blocked(t->saved_mask);
		return;
	}
	spin_lock(&t->process->signal_lock);
	signal_recalculate_locked(t);
	spin_unlock(&t->process->signal_lock);
}

void user_return_work(struct trap_frame *f)
{
	struct thread *t = thread_current();
	for (;;) {
		u32 work = __atomic_load_n(&t->work, __ATOMIC_ACQUIRE);
		if (work & WORK_RESCHED) {
			__atomic_and_fetch(&t->work, ~(u32)WORK_RESCHED, __ATOMIC_RELAXED);
			schedule();
		} else if (work & WORK_EXIT) {
			struct process *p = t->process;
			thread_exit_current(p->flags & PROC_EXITING ? (s32)p->group_exit_code : 0);
		} else if (work & WORK_IO_SIGNAL) {
			async_signals_send();
		} else if (work & WORK_CPU_TIME) {
			__atomic_and_fetch(&t->work, ~(u32)WORK_CPU_TIME, __ATOMIC_RELAXED);
			cpu_time_check(t);
		} else if (work & WORK_RSEQ) {
			__atomic_and_fetch(&t->work, ~(u32)WORK_RSEQ, __ATOMIC_RELAXED);
			rseq_settle(f, t);
		} else if (work & WORK_STOP) {
			thread_stop(t);
		} else if (work & WORK_NT) {
			nt_return_work(f, t);
		} else if (work & WORK_SIGNAL) {
			deliver(f, t);
		} else {
			__atomic_and_fetch(&t->work, ~(u32)WORK_CALL_CANCEL, __ATOMIC_RELAXED);
			return;
		}
	}
}

void exception_deliver(struct trap_frame *f, int signo, int code, u64 addr)
{
	struct thread *t = thread_current();
	t->fault_vector = (u32)f->vector;
	t->fault_error = (u32)f->error;
	t->fault_address = addr;
	if (unlikely(t->nt) && signo != SIGKILL && nt_exception_deliver && nt_exception_deliver(f, signo, code, addr))
		return;
	signal_force(signo, code, addr);
}
