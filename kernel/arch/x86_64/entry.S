// SPDX-License-Identifier: MIT
/* Every way into and out of the kernel after boot, and the switch between kernel stacks.
 * Frames are struct trap_frame. IF is clear on each path; GS is the kernel's from swapgs on. A system call returns
 * by sysret when the frame still says so (rip = rcx, rflags = r11, canonical), else by iret. Intel SDM vol. 3, 5.8.8. */
#include "arch.h"

.macro PUSH_REGISTERS
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
.endm
.macro POP_REGISTERS
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
.endm
.macro CLOSE_USER_ACCESS
	testb	$1, trap_smap(%rip)
	jz	99f
	clac
99:
.endm

.text
.balign 64
.globl syscall_entry_general /* without the hot calls: for CPUs that lack what the direct switch uses */
syscall_entry_general:
	swapgs
	mov	%rsp, %gs:CPU_SCRATCH
	mov	%gs:CPU_STACK_TOP, %rsp
	jmp	syscall_full
.globl syscall_entry
syscall_entry:
	swapgs
	mov	%rsp, %gs:CPU_SCRATCH
	mov	%gs:CPU_STACK_TOP, %rsp
	test	%eax, %eax
	js	native_entry
syscall_full:
	push	$USER_DS
	push	%gs:CPU_SCRATCH
	push	%r11
	push	$USER_CS
	push	%rcx
	push	%rax
	push	$0x100 /* TRAP_SYSCALL */
	PUSH_REGISTERS
	mov	%rsp, %rdi
	call	syscall_dispatch
	mov	%rax, FRAME_RAX(%rsp)
	mov	%gs:CPU_CURRENT, %rdx
	mov	%gs:CPU_NEED_RESCHED, %eax
	or	THREAD_WORK(%rdx), %eax
	jnz	return_to_user
	mov	FRAME_RIP(%rsp), %rcx
	mov	FRAME_RFLAGS(%rsp), %r11
	cmp	%rcx, FRAME_RCX(%rsp)
	jne	return_by_iret
	cmp	%r11, FRAME_R11(%rsp)
	jne	return_by_iret
	cmpl	$USER_CS, FRAME_CS(%rsp)
	jne	return_by_iret
	mov	%rcx, %rax
	shr	$47, %rax
	jnz	return_by_iret
	test	$0x10100, %r11d /* RF, TF */
	jnz	return_by_iret
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	add	$8, %rsp
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	add	$8, %rsp
	pop	%rdx
	pop	%rsi
	pop	%rdi
	mov	40(%rsp), %rsp
	swapgs
	sysretq

/* The two hot native calls skip the frame: C keeps the registers that belong to its caller, those of the arguments are
 * zero afterwards. Only what a signal would need is stored, and the rest when there is one. They never ask for a restart. */
.macro NATIVE_FAST handler
	sub	$FRAME_SIZE, %rsp
	mov	%rcx, FRAME_RIP(%rsp)
	mov	%gs:CPU_SCRATCH, %rcx
	mov	%r11, FRAME_RFLAGS(%rsp)
	mov	%rcx, FRAME_RSP(%rsp)
	mov	%r10, %rcx
	call	\handler
	mov	%gs:CPU_CURRENT, %rdx
	mov	%gs:CPU_NEED_RESCHED, %ecx
	or	THREAD_WORK(%rdx), %ecx
	jnz	native_return_work
	mov	FRAME_RIP(%rsp), %rcx
	mov	FRAME_RFLAGS(%rsp), %r11
	xor	%edi, %edi
	xor	%esi, %esi
	xor	%edx, %edx
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	mov	FRAME_RSP(%rsp), %rsp
	swapgs
	sysretq
.endm
native_entry:
	cmp	$(NATIVE_BIT | NATIVE_ANSWER), %eax
	je	1f
	cmp	$(NATIVE_BIT | NATIVE_CALL_SHORT), %eax
	jne	syscall_full
	NATIVE_FAST ipc_call_fast
1:	NATIVE_FAST ipc_answer_fast
native_return_work:
	mov	%rax, %rdi
	mov	FRAME_RIP(%rsp), %rcx
	mov	FRAME_RFLAGS(%rsp), %r11
	mov	FRAME_RSP(%rsp), %rdx
	lea	FRAME_SIZE(%rsp), %rsp
	xor	%eax, %eax
	push	$USER_DS
	push	%rdx
	push	%r11
	push	$USER_CS
	push	%rcx
	push	%rax
	push	$0x100 /* TRAP_SYSCALL */
	push	%rax /* rdi, rsi, rdx */
	push	%rax
	push	%rax
	push	%rcx
	push	%rdi /* rax: the result */
	push	%rax /* r8, r9, r10 */
	push	%rax
	push	%rax
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	jmp	return_to_user

/* 32-bit syscall instruction: no such ABI here; the program gets ENOSYS. */
.globl syscall_entry_compat
syscall_entry_compat:
	mov	$-38, %eax
	sysretl

/* rsp = user frame at the top of the kernel stack. */
.globl return_to_user
return_to_user:
	mov	%gs:CPU_CURRENT, %rdx
	mov	%gs:CPU_NEED_RESCHED, %eax
	or	THREAD_WORK(%rdx), %eax
	jz	return_by_iret
	mov	%rsp, %rdi
	call	trap_return_work
	jmp	return_to_user
return_by_iret:
	POP_REGISTERS
	swapgs
	add	$16, %rsp
.globl iret_user
iret_user:
	iretq

.globl user_enter
user_enter:
	mov	%gs:CPU_STACK_TOP, %rsp
	sub	$FRAME_SIZE, %rsp
	jmp	return_to_user

trap_common:
	cld
	PUSH_REGISTERS
	CLOSE_USER_ACCESS
	testb	$3, FRAME_CS(%rsp)
	jz	trap_from_kernel
	swapgs
	mov	%rsp, %rdi
	call	trap_dispatch
	jmp	return_to_user
trap_from_kernel:
	lea	iret_user(%rip), %rax
	cmp	%rax, FRAME_RIP(%rsp)
	je	trap_bad_iret
	mov	%rsp, %rdi
	call	trap_dispatch
	POP_REGISTERS
	add	$16, %rsp
	iretq
/* The frame that iret was to load is not valid: GS is the user's already. The program gets a signal. */
trap_bad_iret:
	swapgs
	mov	%rsp, %rdi
	call	trap_bad_user_frame
	mov	%gs:CPU_STACK_TOP, %rsp
	sub	$FRAME_SIZE, %rsp
	jmp	return_to_user

/* NMI, double fault, machine check: own stacks, GS may be either; never return to a scheduler decision. */
trap_paranoid:
	cld
	PUSH_REGISTERS
	CLOSE_USER_ACCESS
	mov	$0xc0000101, %ecx
	rdmsr
	xor	%ebx, %ebx
	test	%edx, %edx
	js	1f
	swapgs
	inc	%ebx
1:	mov	%rsp, %rdi
	call	trap_dispatch
	test	%ebx, %ebx
	jz	2f
	swapgs
2:	POP_REGISTERS
	add	$16, %rsp
	iretq

.balign 16
.globl trap_stubs
trap_stubs:
.set vector, 0
.rept 256
	.balign 16
	.if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21 && vector != 29 && vector != 30
	push	$0
	.endif
	.if vector < 128
	push	$vector
	.else
	pushq	$vector
	.endif
	.if vector == 2 || vector == 8 || vector == 18
	jmp	trap_paranoid
	.else
	jmp	trap_common
	.endif
	.set vector, vector + 1
.endr

/* struct thread *context_switch(from, to): returns, on to's stack, the thread that was left. On top of the stack of a
 * thread that is switched out lies the address where it goes on, with the thread that was left in rdi; the direct
 * switch in switch.h has its own. */
.balign 16
.globl context_switch
context_switch:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	$context_switch_resume
	mov	%rsp, THREAD_RSP(%rdi)
	mov	THREAD_RSP(%rsi), %rsp
	ret
.globl context_switch_resume
context_switch_resume:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	mov	%rdi, %rax
	ret

/* First return of context_switch in a new thread: r12 = function, r13 = argument. */
.globl thread_start
thread_start:
	xor	%ebp, %ebp
	mov	%rax, %rdi
	call	sched_switch_finish
	mov	%r13, %rdi
	call	*%r12
	call	sched_exit_current
	ud2
.section .note.GNU-stack, "", @progbits
