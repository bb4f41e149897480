// SPDX-License-Identifier: MIT
/* The register state of a thread as CONTEXT: captured for exceptions, APCs and GetContextThread, applied by NtContinue
 * and SetContextThread. User code segments and flags are forced to what user mode may have. */
#include "nt_internal.h"
#include "nt_layout.h"
#include "../../lib/base/string.h"

#define EFLAGS_USER 0x40dd5u  /* arithmetic, TF, DF, AC: what a program may set */
#define EFLAGS_FIXED 0x202u   /* IF, bit 1 */
#define MXCSR_AT 24
#define MXCSR_ALLOWED 0xffffu
#define TEB_SEGMENT 0x53u     /* fs as 64-bit Windows shows it */

void nt_context_capture(struct nt_context *c, struct thread *t, u32 flags)
{
	const struct trap_frame *f = thread_user_frame(t);
	memset(c, 0, sizeof(*c));
	c->flags = NT_CONTEXT_AMD64 | flags;
	c->cs = USER_CODE_SELECTOR;
	c->ss = c->ds = c->es = c->gs = USER_DATA_SELECTOR;
	c->fs = TEB_SEGMENT;
	c->eflags = (u32)f->rflags;
	c->rip = f->rip;
	c->rsp = f->rsp;
	c->rax = f->rax, c->rcx = f->rcx, c->rdx = f->rdx, c->rbx = f->rbx;
	c->rbp = f->rbp, c->rsi = f->rsi, c->rdi = f->rdi;
	c->r8 = f->r8, c->r9 = f->r9, c->r10 = f->r10, c->r11 = f->r11;
	c->r12 = f->r12, c->r13 = f->r13, c->r14 = f->r14, c->r15 = f->r15;
	if (t == thread_current())
		fpu_save(t->fpu_area);
	fpu_get_legacy(t->fpu_area, c->fxsave);
	memcpy(&c->mxcsr, c->fxsave + MXCSR_AT, sizeof(c->mxcsr));
}

static void apply_integer(const struct nt_context *c, struct trap_frame *f)
{
	f->rax = c->rax, f->rcx = c->rcx, f->rdx = c->rdx, f->rbx = c->rbx;
	f->rbp = c->rbp, f->rsi = c->rsi, f->rdi = c->rdi;
	f->r8 = c->r8, f->r9 = c->r9, f->r10 = c->r10, f->r11 = c->r11;
	f->r12 = c->r12, f->r13 = c->r13, f->r14 = c->r14, f->r15 = c->r15;
}

static void apply_float(const struct nt_context *c, struct thread *t)
{
	u32 mxcsr = c->mxcsr & MXCSR_ALLOWED;
	bool current = t == thread_current();
	if (current)
		fpu_save(t->fpu_area);
	fpu_set_legacy(t->fpu_area, c->fxsave, mxcsr);
	if (current)
		fpu_restore(t->fpu_area);
	else
		t->fpu_cpu = 0; /* registers that a CPU may still hold for it are stale */
}

/* x->mask names what is wanted, and after it what is there: a part that is not is in its initial state. */
void nt_xstate_capture(struct nt_xstate *x, struct thread *t)
{
	if (t == thread_current())
		fpu_save(t->fpu_area);
	if (!(x->mask & NT_XSTATE_AVX) || !fpu_get_avx(t->fpu_area, x->avx))
		x->mask &= ~(u64)NT_XSTATE_AVX;
}

void nt_xstate_apply(const struct nt_xstate *x, struct thread *t)
{
	bool current = t == thread_current();
	if (current)
		fpu_save(t->fpu_area);
	fpu_set_avx(t->fpu_area, x->mask & NT_XSTATE_AVX ? x->avx : NULL);
	if (current)
		fpu_restore(t->fpu_area);
	else
		t->fpu_cpu = 0;
}

s64 nt_xstate_find(const struct nt_context *c, u64 context_va, u64 *va)
{
	struct nt_context_ex ex;
	*va = 0;
	if (!(c->flags & NT_CONTEXT_XSTATE) || !(fpu_features() & NT_XSTATE_AVX))
		return 0;
	if (COPY_IN(&ex, user_ptr(context_va + sizeof(*c))))
		return NT(ACCESS_VIOLATION);
	*va = context_va + sizeof(*c) + (u64)(s64)ex.xstate.offset;
	return ex.xstate.length < sizeof(struct nt_xstate) ? NT(INVALID_PARAMETER) : 0;
}

s64 nt_context_apply(const struct nt_context *c, struct thread *t)
{
	struct trap_frame *f = thread_user_frame(t);
	if ((c->flags & NT_CONTEXT_CONTROL) && c->rip >= USER_TOP)
		return NT(ACCESS_VIOLATION);
	if (c->flags & NT_CONTEXT_CONTROL) {
		f->rip = c->rip;
		f->rsp = c->rsp;
		f->rflags = (c->eflags & EFLAGS_USER) | EFLAGS_FIXED;
	}
	if (c->flags & NT_CONTEXT_INTEGER)
		apply_integer(c, f);
	if (c->flags & NT_CONTEXT_FLOATING_POINT)
		apply_float(c, t);
	f->cs = USER_CODE_SELECTOR;
	f->ss = USER_DATA_SELECTOR;
	return 0;
}
