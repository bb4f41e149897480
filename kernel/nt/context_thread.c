// SPDX-License-Identifier: MIT
/* NtGetContextThread and NtSetContextThread: of the caller, or of a thread that is made to stand for it. */
#include "nt_internal.h"

#include "nt_layout.h"
#include "sched.h"
#include "trap.h"

#define PARK_POLL_NS NSEC_PER_MSEC        /* how often a thread that reads another's context looks whether it stands */

static bool stands(struct thread *t)
{
	return !__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) &&
		(t->nt->parked || t->state == THREAD_BLOCKED || t->state == THREAD_DEAD || t->held);
}

/* The thread was suspended before: waits until it is in the kernel and will not leave. */
static s64 wait_until_it_stands(struct thread *t)
{
	bool never = false;
	while (!stands(t)) {
		if (t->nt->exited.state || (thread_current()->work & WORK_EXIT))
			return NT(THREAD_IS_TERMINATING);
		if (nt_sleep(&never, false, time_now_ns() + PARK_POLL_NS)) { /* looks again */ }
	}
	return 0;
}

struct context_copy { struct nt_context context; struct nt_xstate extended; u64 extended_va; };

static s64 with_thread_standing(struct thread *t, struct context_copy *k, bool set)
{
	struct nt_context *c = &k->context;
	u32 previous;
	bool self = t == thread_current();
	s64 st = self ? 0 : nt_thread_suspend(t, &previous);
	if (st)
		return st;
	if (!self)
		st = wait_until_it_stands(t);
	if (!st && set) {
		st = nt_context_apply(c, t);
		if (!st && k->extended_va)
			nt_xstate_apply(&k->extended, t);
		if (thread_user_frame(t)->vector == TRAP_SYSCALL && t->state == THREAD_BLOCKED && !t->nt->parked)
			t->nt->frame_replaced = true; /* its call does not overwrite rax */
		thread_user_frame(t)->vector = 0;
	} else if (!st) {
		nt_context_capture(c, t, c->flags & (NT_CONTEXT_ALL | (k->extended_va ? NT_CONTEXT_XSTATE : 0)) & ~NT_CONTEXT_AMD64);
		if (k->extended_va)
			nt_xstate_capture(&k->extended, t);
	}
	if (!self)
		nt_thread_resume(t);
	return st;
}

static s64 context_copy_in(struct context_copy *k, u64 va)
{
	if (COPY_IN(&k->context, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (!(k->context.flags & NT_CONTEXT_AMD64))
		return NT(INVALID_PARAMETER);
	s64 st = nt_xstate_find(&k->context, va, &k->extended_va);
	if (!st && k->extended_va && COPY_IN(&k->extended, user_ptr(k->extended_va)))
		st = NT(ACCESS_VIOLATION);
	return st;
}

static s64 context_copy_out(const struct context_copy *k, u64 va)
{
	if (COPY_OUT(user_ptr(va), &k->context) || (k->extended_va && COPY_OUT(user_ptr(k->extended_va), &k->extended)))
		return NT(ACCESS_VIOLATION);
	return 0;
}

static s64 context_call(const u64 *a, u32 access, bool set)
{
	struct thread *t;
	s64 st = nt_thread_get(a[0], access, &t);
	if (st)
		return st;
	struct context_copy *k = kmalloc(sizeof(*k));
	st = !k ? ERR_NOMEM : !t->nt ? NT(INVALID_PARAMETER) : context_copy_in(k, a[1]);
	if (!st)
		st = with_thread_standing(t, k, set);
	if (!st && !set)
		st = context_copy_out(k, a[1]);
	if (!st && set && t == thread_current())
		t->nt->frame_replaced = true;
	kfree(k);
	thread_put(t);
	return st;
}

NT_HANDLER(GetContextThread) { return context_call(a, NT_THREAD_GET_CONTEXT, false); }
NT_HANDLER(SetContextThread) { return context_call(a, NT_THREAD_SET_CONTEXT, true); }
