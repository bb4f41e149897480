/* SPDX-License-Identifier: MIT */
/* Ways into the kernel: syscall, exceptions and interrupts; ways back: sysret, iret; and the stack switch.
 * Every entry leaves a struct trap_frame (trap.h) at the top of the kernel stack and IF clear. */
#define GS_CURRENT 8
#define GS_STACK_TOP 16
#define GS_SCRATCH 24
#define THREAD_WORK 24
#define TRAP_SYSCALL 0x100
#define USER_CS 0x33
#define USER_DS 0x2b

.macro PUSH_REGISTERS
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rax
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
.endm
.macro POP_REGISTERS
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
.endm

	.text
	.globl syscall_entry
syscall_entry:
	swapgs
	movq %rsp, %gs:GS_SCRATCH
	movq %gs:GS_STACK_TOP, %rsp
	pushq $USER_DS
	pushq %gs:GS_SCRATCH
	pushq %r11
	pushq $USER_CS
	pushq %rcx
	pushq %rax                      /* error = call number */
	pushq $TRAP_SYSCALL
	PUSH_REGISTERS
	movq %rsp, %rdi
	xorl %ebp, %ebp
	call syscall_dispatch
	movq %rax, 10*8(%rsp)
	movq %gs:GS_CURRENT, %rax
	cmpl $0, THREAD_WORK(%rax)
	jne return_with_work
return_fast:
	/* sysret needs: syscall frame unchanged in rip/flags form, canonical rip */
	cmpq $TRAP_SYSCALL, 15*8(%rsp)
	jne return_iret
	movq 17*8(%rsp), %rcx
	movq %rcx, %rax
	shrq $47, %rax
	jnz return_iret
	POP_REGISTERS
	movq 2*8(%rsp), %rcx            /* rip */
	movq 4*8(%rsp), %r11            /* rflags */
	movq 5*8(%rsp), %rsp
	swapgs
	sysretq

return_with_work:
	movq %rsp, %rdi
	call user_return_work
	movq %gs:GS_CURRENT, %rax
	cmpl $0, THREAD_WORK(%rax)
	jne return_with_work
	jmp return_fast

	.globl return_iret
return_iret:
	POP_REGISTERS
	addq $16, %rsp
	swapgs
	.globl iret_to_user
iret_to_user:
	iretq

/* A new thread's first return to user mode: rsp = its trap frame. */
	.globl thread_first_return
thread_first_return:
	call sched_after_switch
	.globl user_enter_frame
user_enter_frame:
	movq %gs:GS_CURRENT, %rax
	cmpl $0, THREAD_WORK(%rax)
	je 1f
	movq %rsp, %rdi
	call user_return_work
	jmp user_enter_frame
1:	jmp return_iret

/* void user_enter_at(struct trap_frame *) */
	.globl user_enter_at
user_enter_at:
	movq %rdi, %rsp
	jmp user_enter_frame

trap_common:
	cld
	PUSH_REGISTERS
	testb $3, 18*8(%rsp)
	jz 1f
	swapgs
	movq %rsp, %rdi
	xorl %ebp, %ebp
	call trap_dispatch
	movq %gs:GS_CURRENT, %rax
2:	cmpl $0, THREAD_WORK(%rax)
	je return_iret
	movq %rsp, %rdi
	call user_return_work
	movq %gs:GS_CURRENT, %rax
	jmp 2b
1:	movq %rsp, %rdi
	call trap_dispatch
	POP_REGISTERS
	addq $16, %rsp
	iretq

/* NMI, double fault, machine check: own stack, GS unknown. */
trap_paranoid:
	cld
	PUSH_REGISTERS
	movl $0xc0000101, %ecx
	rdmsr
	testl %edx, %edx
	js 1f
	swapgs
1:	movq %rsp, %rdi
	call trap_dispatch
	ud2

.macro TRAP n
	.balign 16
	.if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n == 21)
	.else
	pushq $0
	.endif
	pushq $\n
	.if (\n == 2) || (\n == 8) || (\n == 18)
	jmp trap_paranoid
	.else
	jmp trap_common
	.endif
.endm
	.balign 16
	.globl trap_stubs
trap_stubs:
	.altmacro
	.set n, 0
	.rept 256
	TRAP %n
	.set n, n + 1
	.endr
	.noaltmacro

/* void switch_stack(u64 *save_rsp, u64 new_rsp): callee-saved registers travel on the stack. */
	.globl switch_stack
switch_stack:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

/* First run of a kernel thread: r12 = fn, r13 = arg. */
	.globl thread_first_kernel
thread_first_kernel:
	call sched_after_switch
	movq %r13, %rdi
	call *%r12
	call sched_exit_current
	ud2
	.section .note.GNU-stack, "", @progbits
