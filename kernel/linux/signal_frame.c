// SPDX-License-Identifier: MIT
/* The x86-64 signal frame: pushed on the user stack at delivery, read back by rt_sigreturn.
 * Layout: sigaction(2), the psABI, and what glibc, musl, unwinders and gdb expect of Linux (ucontext with
 * sigcontext, then siginfo; the XSAVE image above, framed by two magic numbers). */
#include "signal.h"
#include "cpu.h"
#include "linux.h"
#include "trap.h"
#include "../../lib/base/string.h"

#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4
#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u
#define FXSAVE_BYTES 512
#define FXSAVE_SOFTWARE 464        /* bytes left to software at the end of the FXSAVE image */
#define XSAVE_HEADER_END 576       /* FXSAVE image and XSAVE header */
#define XSAVE_AVX_END 832          /* and the upper halves of the YMM registers */
#define XFEATURES_COMMON 7ull      /* x87, SSE, AVX: the ones below XSAVE_AVX_END */
#define RED_ZONE 128
#define FPU_STACK_BUFFER 4096      /* larger images (AMX) are copied through the heap */
#define RFLAGS_FROM_USER 0x50dd5ull /* CF PF AF ZF SF TF DF OF RF AC: what rt_sigreturn may set */
#define RFLAGS_TF 0x100ull
#define RFLAGS_DF 0x400ull
#define RFLAGS_RF 0x10000ull

struct sigcontext_user {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2, fpstate, reserved[8];
};
struct stack_user { u64 sp; u32 flags, pad; u64 size; };
struct sigframe_user {
	u64 restorer;
	u64 uc_flags, uc_link;
	struct stack_user uc_stack;
	struct sigcontext_user mc;
	sigset_t_k uc_sigmask;
	u64 info[16];
};
_Static_assert(sizeof(struct sigcontext_user) == 256 && sizeof(struct sigframe_user) == 440, "Linux layout");
struct xstate_software { u32 magic1, extended_size; u64 xfeatures; u32 xstate_size, padding[7]; };
_Static_assert(FXSAVE_SOFTWARE + sizeof(struct xstate_software) == FXSAVE_BYTES, "Linux layout");

static void *fpu_initial_area; /* register state at handler entry */

static u64 xfeatures_enabled(void)
{
	u32 low, high;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (u64)high << 32 | low;
}

/* Bytes of an image that say anything: states that are not in XSTATE_BV are initial whatever memory holds. */
static size_t xsave_used_bytes(const void *area, size_t full)
{
	u64 in_use = *(const u64 *)((const u8 *)area + FXSAVE_BYTES);
	return (in_use & ~XFEATURES_COMMON) ? full : MIN(full, (size_t)XSAVE_AVX_END);
}

bool signal_on_altstack(const struct thread *t, u64 sp)
{
	return !(t->altstack_flags & SS_AUTODISARM) && sp > t->altstack_base && sp - t->altstack_base <= t->altstack_size;
}

static void registers_to_user(struct sigcontext_user *mc, const struct trap_frame *f, const struct thread *t, sigset_t_k mask)
{
	mc->r8 = f->r8; mc->r9 = f->r9; mc->r10 = f->r10; mc->r11 = f->r11;
	mc->r12 = f->r12; mc->r13 = f->r13; mc->r14 = f->r14; mc->r15 = f->r15;
	mc->rdi = f->rdi; mc->rsi = f->rsi; mc->rbp = f->rbp; mc->rbx = f->rbx;
	mc->rdx = f->rdx; mc->rax = f->rax; mc->rcx = f->rcx; mc->rsp = f->rsp;
	mc->rip = f->rip; mc->rflags = f->rflags;
	mc->cs = (u16)f->cs; mc->ss = (u16)f->ss; mc->gs = mc->fs = 0;
	mc->err = t->fault_error; mc->trapno = t->fault_vector; mc->oldmask = mask; mc->cr2 = t->fault_address;
	for (u32 i = 0; i < ARRAY_SIZE(mc->reserved); i++)
		mc->reserved[i] = 0;
}

static void fpu_image(struct thread *t, size_t full)
{
	u8 *area = t->fpu_area;
	fpu_save(area);
	struct xstate_software *sw = (void *)(area + FXSAVE_SOFTWARE);
	sw->magic1 = FP_XSTATE_MAGIC1;
	sw->extended_size = (u32)full + sizeof(u32);
	sw->xfeatures = xfeatures_enabled();
	sw->xstate_size = (u32)full;
}

/* The copy itself uses vector registers: a switch inside it leaves those of the copy in fpu_area, the program's come back
 * when it has ended. Then the image goes through the heap. */
static status_t fpu_to_user_again(u64 va, struct thread *t, size_t full)
{
	u8 *copy = kmalloc(full);
	if (!copy)
		return ERR_NOMEM;
	fpu_image(t, full);
	memcpy(copy, t->fpu_area, full);
	status_t st = copy_out(user_ptr(va), copy, xsave_used_bytes(copy, full));
	kfree(copy);
	return st;
}

static status_t fpu_to_user(u64 va, struct thread *t)
{
	size_t full = fpu_area_size();
	u32 magic2 = FP_XSTATE_MAGIC2;
	fpu_image(t, full);
	t->fpu_cpu = 0; /* each switch sets it */
	status_t st = copy_out(user_ptr(va), t->fpu_area, xsave_used_bytes(t->fpu_area, full));
	if (!st && unlikely(t->fpu_cpu))
		st = fpu_to_user_again(va, t, full);
	return st ? st : COPY_OUT(user_ptr(va + full), &magic2);
}

/* The registers as a handler finds them; the image is made once. */
static status_t fpu_reset(void)
{
	void *area = __atomic_load_n(&fpu_initial_area, __ATOMIC_ACQUIRE), *none = NULL;
	if (unlikely(!area)) {
		void *block = kmalloc(ALIGN_UP(fpu_area_size(), 64) + 64);
		if (!block)
			return ERR_NOMEM;
		area = (void *)ALIGN_UP((u64)block, 64);
		fpu_init_area(area);
		if (!__atomic_compare_exchange_n(&fpu_initial_area, &none, area, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			kfree(block);
			area = none;
		}
	}
	fpu_restore(area);
	return OK;
}

status_t signal_frame_push(struct trap_frame *f, int signo, const struct siginfo_k *info, const struct sigaction_k *action,
	sigset_t_k mask)
{
	struct thread *t = thread_current();
	u64 sp = f->rsp - RED_ZONE;
	bool on_altstack = signal_on_altstack(t, f->rsp);
	if ((action->flags & SA_ONSTACK) && t->altstack_size && !on_altstack)
		sp = t->altstack_base + t->altstack_size;
	u64 fp = ALIGN_DOWN(sp - fpu_area_size() - sizeof(u32), 64);
	sp = ALIGN_DOWN(fp - sizeof(struct sigframe_user), 16) - 8;
	if (on_altstack && !signal_on_altstack(t, sp))
		return ERR_FAULT; /* alternate stack overflow: SIGSEGV, as Linux */
	if (!(action->flags & SA_RESTORER))
		return ERR_FAULT;
	struct sigframe_user frame; /* each field is set below: no cleared copy of 440 bytes first */
	frame.restorer = action->restorer;
	frame.uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	frame.uc_link = 0;
	frame.uc_stack.sp = t->altstack_base;
	frame.uc_stack.flags = t->altstack_flags | (t->altstack_size ? (on_altstack ? SS_ONSTACK : 0u) : SS_DISABLE);
	frame.uc_stack.pad = 0;
	frame.uc_stack.size = t->altstack_size;
	frame.uc_sigmask = mask;
	registers_to_user(&frame.mc, f, t, mask);
	frame.mc.fpstate = fp;
	siginfo_to_user(info, frame.info);
	status_t st = fpu_to_user(fp, t);
	if (!st)
		st = COPY_OUT(user_ptr(sp), &frame);
	if (st)
		return st;
	st = fpu_reset();
	if (st)
		return st;
	if (t->altstack_flags & SS_AUTODISARM)
		t->altstack_base = t->altstack_size = t->altstack_flags = 0;
	f->rdi = (u64)signo;
	f->rsi = sp + offsetof(struct sigframe_user, info);
	f->rdx = sp + offsetof(struct sigframe_user, uc_flags);
	f->rax = 0;
	f->rip = action->handler;
	f->rsp = sp;
	f->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	f->vector = 0;
	return OK;
}

/* Is it an image as fpu_to_user wrote it? Then all of it, and the number behind it, is in the buffer. */
static bool image_is_extended(const u8 *area, size_t full)
{
	const struct xstate_software *sw = (const void *)(area + FXSAVE_SOFTWARE);
	return sw->magic1 == FP_XSTATE_MAGIC1 && sw->xstate_size == full && sw->extended_size == full + sizeof(u32) &&
		*(const u32 *)(area + full) == FP_XSTATE_MAGIC2;
}

/* Brings back the registers of an image at `va`; what is not a well-formed extended image is taken as FXSAVE. */
static status_t fpu_from_user_buffer(u64 va, u8 *area, size_t full)
{
	status_t st = copy_in(area, user_ptr(va), full + sizeof(u32));
	if (st) {
		*(u32 *)(area + full) = 0;
		st = copy_in(area, user_ptr(va), FXSAVE_BYTES);
	}
	if (st)
		return st;
	if (!image_is_extended(area, full)) {
		memset(area + FXSAVE_BYTES, 0, XSAVE_HEADER_END - FXSAVE_BYTES);
		*(u64 *)(area + FXSAVE_BYTES) = 3; /* x87 and SSE */
	}
	st = fpu_validate(area, full);
	if (!st)
		fpu_restore(area);
	return st;
}

static status_t fpu_from_user(u64 va)
{
	size_t full = fpu_area_size();
	if (!va) {
		struct thread *t = thread_current();
		fpu_init_area(t->fpu_area);
		fpu_restore(t->fpu_area);
		return OK;
	}
	/* Not t->fpu_area: a fault may switch threads, which saves the live registers there. */
	if (full + sizeof(u32) <= FPU_STACK_BUFFER) {
		u8 buffer[FPU_STACK_BUFFER] __attribute__((aligned(64)));
		return fpu_from_user_buffer(va, buffer, full);
	}
	u8 *buffer = kmalloc(full + sizeof(u32) + 64);
	if (!buffer)
		return ERR_NOMEM;
	status_t st = fpu_from_user_buffer(va, (u8 *)ALIGN_UP((u64)buffer, 64), full);
	kfree(buffer);
	return st;
}

static void registers_from_user(struct trap_frame *f, const struct sigcontext_user *mc)
{
	f->r8 = mc->r8; f->r9 = mc->r9; f->r10 = mc->r10; f->r11 = mc->r11;
	f->r12 = mc->r12; f->r13 = mc->r13; f->r14 = mc->r14; f->r15 = mc->r15;
	f->rdi = mc->rdi; f->rsi = mc->rsi; f->rbp = mc->rbp; f->rbx = mc->rbx;
	f->rdx = mc->rdx; f->rax = mc->rax; f->rcx = mc->rcx; f->rsp = mc->rsp;
	f->rip = mc->rip;
	f->rflags = (f->rflags & ~RFLAGS_FROM_USER) | (mc->rflags & RFLAGS_FROM_USER);
	f->cs = USER_CODE_SELECTOR;
	f->ss = USER_DATA_SELECTOR;
	f->vector = 0; /* not a call any more: no restart, and return by iret */
}

LINUX_HANDLER(rt_sigreturn)
{
	struct thread *t = thread_current();
	struct trap_frame *f = thread_user_frame(t);
	struct sigframe_user frame;
	size_t size = offsetof(struct sigframe_user, info) - offsetof(struct sigframe_user, uc_flags);
	if (copy_in(&frame.uc_flags, user_ptr(f->rsp), size) || frame.mc.rip >= USER_TOP || fpu_from_user(frame.mc.fpstate)) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		f->vector = 0;
		return 0;
	}
	registers_from_user(f, &frame.mc);
	if (!(frame.uc_stack.flags & SS_DISABLE) && frame.uc_stack.size >= MINSIGSTKSZ && frame.uc_stack.sp < USER_TOP &&
	    !signal_on_altstack(t, f->rsp)) {
		t->altstack_base = frame.uc_stack.sp;
		t->altstack_size = frame.uc_stack.size;
		t->altstack_flags = frame.uc_stack.flags & SS_AUTODISARM;
	}
	signal_set_blocked(frame.uc_sigmask);
	return (s64)f->rax;
}
