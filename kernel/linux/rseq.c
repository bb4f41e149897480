// SPDX-License-Identifier: MIT
/* rseq(2): a thread's area tells it its CPU number, and names a sequence of instructions that goes to its abort address
 * when the thread was preempted, moved or given a signal inside it.
 * The scheduler sets WORK_RSEQ only where a sequence can have been left: at a preemption that came by interrupt or fault
 * (a sequence must not make calls) and at a move to another CPU; so a call that sleeps costs nothing.
 * Facts: rseq(2), the layouts of linux/rseq.h (version 0, 32 bytes). */
#include "linux.h"
#include "signal.h"
#include "trap.h"

#define RSEQ_FLAG_UNREGISTER 1
#define RSEQ_CPU_NONE UINT32_MAX
#define RSEQ_SIZE 32

struct rseq_user { u32 cpu_start, cpu; u64 sequence; u32 flags, unused[3]; };
_Static_assert(sizeof(struct rseq_user) == RSEQ_SIZE, "Linux layout");
struct rseq_sequence { u32 version, flags; u64 start, length, abort; };
_Static_assert(sizeof(struct rseq_sequence) == RSEQ_SIZE, "Linux layout");

#define AREA_FIELD(t, field) user_ptr((t)->rseq_va + offsetof(struct rseq_user, field))

/* Leaves the sequence that the frame is in, if any. */
static status_t sequence_leave(struct trap_frame *f, struct thread *t)
{
	u64 at, zero = 0;
	struct rseq_sequence s;
	u32 signature;
	status_t st = COPY_IN(&at, AREA_FIELD(t, sequence));
	if (st || !at)
		return st;
	st = COPY_IN(&s, user_ptr(at));
	if (st)
		return st;
	if (s.version || s.flags || s.start >= USER_TOP || s.abort >= USER_TOP || s.start + s.length < s.start ||
	    s.start + s.length >= USER_TOP || s.abort - s.start < s.length)
		return ERR_INVAL;
	st = COPY_OUT(AREA_FIELD(t, sequence), &zero);
	if (st || f->rip - s.start >= s.length)
		return st;
	st = COPY_IN(&signature, user_ptr(s.abort - sizeof(signature)));
	if (st || signature != t->rseq_signature)
		return st ? st : FAIL(ERR_INVAL, "rseq: wrong signature before the abort address");
	f->rip = s.abort;
	return OK;
}

void rseq_settle(struct trap_frame *f, struct thread *t)
{
	if (!t->rseq_va)
		return;
	status_t st = sequence_leave(f, t);
	u32 cpu = cpu_this()->id, both[2] = { cpu, cpu };
	if (!st && t->rseq_cpu != cpu + 1) {
		t->rseq_cpu = cpu + 1; /* before the copy: a move while it sleeps sets WORK_RSEQ again */
		st = copy_out(user_ptr(t->rseq_va), both, sizeof(both));
	}
	if (st) {
		t->rseq_va = 0;
		signal_force(SIGSEGV, SI_KERNEL, 0);
	}
}

static s64 rseq_unregister(struct thread *t, u64 va, u32 size, u32 flags, u32 signature)
{
	struct rseq_user empty = { .cpu = RSEQ_CPU_NONE };
	if (flags & ~(u32)RSEQ_FLAG_UNREGISTER || !t->rseq_va || va != t->rseq_va || size != RSEQ_SIZE)
		return ERR_INVAL;
	if (signature != t->rseq_signature)
		return ERR_PERM;
	if (copy_out(user_ptr(va), &empty, offsetof(struct rseq_user, flags)))
		return ERR_FAULT;
	t->rseq_va = 0;
	return OK;
}

LINUX_HANDLER(rseq)
{
	struct thread *t = thread_current();
	u64 sequence = 0;
	if ((u32)a2 & RSEQ_FLAG_UNREGISTER)
		return rseq_unregister(t, a0, (u32)a1, (u32)a2, (u32)a3);
	if ((u32)a2)
		return ERR_INVAL;
	if (t->rseq_va)
		return a0 != t->rseq_va || (u32)a1 != RSEQ_SIZE ? ERR_INVAL : (u32)a3 != t->rseq_signature ? ERR_PERM : ERR_BUSY;
	if (a0 % RSEQ_SIZE || (u32)a1 != RSEQ_SIZE)
		return ERR_INVAL;
	if (!a0 || copy_out(user_ptr(a0 + offsetof(struct rseq_user, sequence)), &sequence, sizeof(sequence)))
		return ERR_FAULT;
	t->rseq_va = a0;
	t->rseq_signature = (u32)a3;
	t->rseq_cpu = 0;
	thread_notify(t, WORK_RSEQ); /* the CPU number is filled in on the way back */
	return OK;
}
