/* SPDX-License-Identifier: MIT */
/* What entry.S leaves on the kernel stack, and the work done on each way back to user mode. */
#ifndef AMBOS_KERNEL_TRAP_H
#define AMBOS_KERNEL_TRAP_H

#include "status.h"

/* Lowest address first; the hardware frame is the tail. `vector` is TRAP_SYSCALL for a system call,
 * then `error` holds the call number. The frame of a user entry sits at the top of the kernel stack. */
struct trap_frame {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};
#define TRAP_SYSCALL 0x100

static inline bool frame_is_user(const struct trap_frame *f) { return (f->cs & 3) == 3; }
struct thread;
struct trap_frame *thread_user_frame(struct thread *t); /* top of its kernel stack */

/* Dispatcher of `syscall`: looks at the process's personality; Ambos native calls have bit 31 set.
 * kernel/linux/table.c; result is stored to f->rax by the caller in entry.S. */
s64 syscall_dispatch(struct trap_frame *f);
/* Called with the frame before any return to user mode when thread->work != 0: reschedule, signals, stop, exit. */
void user_return_work(struct trap_frame *f);
/* A CPU exception in user mode that is not a resolvable page fault becomes a signal (or NT exception).
 * signal number, si_code, si_addr as in sigaction(2). kernel/linux/signal.c */
void exception_deliver(struct trap_frame *f, int signo, int code, u64 addr);

/* Extended state (XSAVE, eager). Size from CPUID; areas are 64-byte aligned. */
size_t fpu_area_size(void);
void fpu_save(void *area);
void fpu_restore(const void *area);
void fpu_init_area(void *area);
void fpu_set_control(void *area, u16 control); /* x87 control word of an area that fpu_init_area made */
/* The x87 and SSE part as FXSAVE has it, 512 bytes: whole, also where the CPU left a part out because it was initial. */
void fpu_get_legacy(const void *area, void *out);
void fpu_set_legacy(void *area, const void *from, u32 mxcsr); /* mxcsr checked by the caller: 16 bits */
/* Upper halves of the 16 AVX registers. False: initial (zero), `out` untouched; NULL makes them so. */
bool fpu_get_avx(const void *area, void *out);
void fpu_set_avx(void *area, const void *from);
u64 fpu_features(void); /* XCR0; 0: no XSAVE */
/* Checks an area that a program wrote (sigreturn) before fpu_restore: ERR_INVAL for reserved bits. */
status_t fpu_validate(void *area, size_t size) MUST_CHECK;
/* The current thread's user FS and GS base: CPU -> thread (a program may have changed them), thread -> CPU. */
void thread_segments_save(struct thread *t);
void thread_segments_load(const struct thread *t);
#define USER_CODE_SELECTOR 0x33
#define USER_DATA_SELECTOR 0x2b
/* Enters user mode for the first time with this frame at the top of the current thread's kernel stack. */
void user_enter(void) NORETURN;

#endif
