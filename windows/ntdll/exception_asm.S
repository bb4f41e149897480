/* SPDX-License-Identifier: MIT */
/* Entries of the kernel (exceptions, APCs), capture of a context, and calls of handlers under a frame of their own, so that
 * an exception inside a handler is known as nested, and one during an unwind as collided. */
#define CONTEXT_RBX 0x90
#define CONTEXT_XMM6 0x200
#define RECORD 0x4f0
#define MACHINE_FRAME 0x590
	.text

	.macro SAVED_CONTEXT
	.seh_savereg %rbx, 0x90
	.seh_savereg %rbp, 0xa0
	.seh_savereg %rsi, 0xa8
	.seh_savereg %rdi, 0xb0
	.seh_savereg %r12, 0xd8
	.seh_savereg %r13, 0xe0
	.seh_savereg %r14, 0xe8
	.seh_savereg %r15, 0xf0
	.seh_savexmm %xmm6, 0x200
	.seh_savexmm %xmm7, 0x210
	.seh_savexmm %xmm8, 0x220
	.seh_savexmm %xmm9, 0x230
	.seh_savexmm %xmm10, 0x240
	.seh_savexmm %xmm11, 0x250
	.seh_savexmm %xmm12, 0x260
	.seh_savexmm %xmm13, 0x270
	.seh_savexmm %xmm14, 0x280
	.seh_savexmm %xmm15, 0x290
	.endm

	.globl KiUserExceptionDispatcher
	.def KiUserExceptionDispatcher; .scl 2; .type 32; .endef
	.seh_proc KiUserExceptionDispatcher
KiUserExceptionDispatcher:
	.seh_pushframe
	.seh_stackalloc MACHINE_FRAME
	SAVED_CONTEXT
	.seh_endprologue
	cld
	lea	RECORD(%rsp), %rcx
	mov	%rsp, %rdx
	call	exception_enter
	nop
	int3
	.seh_endproc

/* The home slots of the context are the routine and its arguments. */
	.globl KiUserApcDispatcher
	.def KiUserApcDispatcher; .scl 2; .type 32; .endef
KiUserApcDispatcher:
	cld
	mov	8(%rsp), %rcx
	mov	16(%rsp), %rdx
	mov	24(%rsp), %r8
	mov	%rsp, %r9
	mov	(%rsp), %rax
	mov	%rsp, %rbx
	sub	$0x20, %rsp
	call	*%rax
	mov	%rbx, %rcx
	mov	$1, %edx
	call	NtContinue
	int3

	.globl RtlCaptureContext
	.def RtlCaptureContext; .scl 2; .type 32; .endef
	.seh_proc RtlCaptureContext
RtlCaptureContext:
	pushfq
	.seh_stackalloc 8
	.seh_endprologue
	movl	$0x10000f, 0x30(%rcx)
	stmxcsr	0x34(%rcx)
	mov	%cs, 0x38(%rcx)
	mov	%ds, 0x3a(%rcx)
	mov	%es, 0x3c(%rcx)
	mov	%fs, 0x3e(%rcx)
	mov	%gs, 0x40(%rcx)
	mov	%ss, 0x42(%rcx)
	mov	%rax, 0x78(%rcx)
	mov	(%rsp), %eax
	mov	%eax, 0x44(%rcx)
	mov	%rcx, 0x80(%rcx)
	mov	%rdx, 0x88(%rcx)
	mov	%rbx, 0x90(%rcx)
	lea	16(%rsp), %rax
	mov	%rax, 0x98(%rcx)
	mov	%rbp, 0xa0(%rcx)
	mov	%rsi, 0xa8(%rcx)
	mov	%rdi, 0xb0(%rcx)
	mov	%r8, 0xb8(%rcx)
	mov	%r9, 0xc0(%rcx)
	mov	%r10, 0xc8(%rcx)
	mov	%r11, 0xd0(%rcx)
	mov	%r12, 0xd8(%rcx)
	mov	%r13, 0xe0(%rcx)
	mov	%r14, 0xe8(%rcx)
	mov	%r15, 0xf0(%rcx)
	mov	8(%rsp), %rax
	mov	%rax, 0xf8(%rcx)
	fxsave	0x100(%rcx)
	mov	0x78(%rcx), %rax
	popfq
	ret
	.seh_endproc

/* handler_call(record, frame, context, dispatcher, handler): for exceptions. unwind_call: the same for unwinds. */
	.macro HANDLER_CALL name, inner
	.globl \name
	.def \name; .scl 2; .type 32; .endef
	.seh_proc \name
\name:
	sub	$0x28, %rsp
	.seh_stackalloc 0x28
	.seh_endprologue
	mov	%r9, 0x20(%rsp)
	call	*0x50(%rsp)
	nop
	add	$0x28, %rsp
	ret
	.seh_handler \inner, @except, @unwind
	.seh_handlerdata
	.text
	.seh_endproc
	.endm
	HANDLER_CALL handler_call, nested_handler
	HANDLER_CALL unwind_call, collided_handler

/* consolidate_call(context, callback, record): runs the callback (a catch block) below everything, under a frame that
 * unwinds straight to `context`, then goes on where it says. */
	.globl consolidate_call
	.def consolidate_call; .scl 2; .type 32; .endef
	.seh_proc consolidate_call
consolidate_call:
	.seh_pushframe
	.seh_stackalloc 0x100
	.seh_savereg %rbx, 0x20
	.seh_savereg %rbp, 0x28
	.seh_savereg %rsi, 0x30
	.seh_savereg %rdi, 0x38
	.seh_savereg %r12, 0x40
	.seh_savereg %r13, 0x48
	.seh_savereg %r14, 0x50
	.seh_savereg %r15, 0x58
	.seh_savexmm %xmm6, 0x60
	.seh_savexmm %xmm7, 0x70
	.seh_savexmm %xmm8, 0x80
	.seh_savexmm %xmm9, 0x90
	.seh_savexmm %xmm10, 0xa0
	.seh_savexmm %xmm11, 0xb0
	.seh_savexmm %xmm12, 0xc0
	.seh_savexmm %xmm13, 0xd0
	.seh_savexmm %xmm14, 0xe0
	.seh_savexmm %xmm15, 0xf0
	.seh_endprologue
	sub	$0x128, %rsp
	mov	0x90(%rcx), %rax
	mov	%rax, 0x20(%rsp)
	mov	0xa0(%rcx), %rax
	mov	%rax, 0x28(%rsp)
	mov	0xa8(%rcx), %rax
	mov	%rax, 0x30(%rsp)
	mov	0xb0(%rcx), %rax
	mov	%rax, 0x38(%rsp)
	mov	0xd8(%rcx), %rax
	mov	%rax, 0x40(%rsp)
	mov	0xe0(%rcx), %rax
	mov	%rax, 0x48(%rsp)
	mov	0xe8(%rcx), %rax
	mov	%rax, 0x50(%rsp)
	mov	0xf0(%rcx), %rax
	mov	%rax, 0x58(%rsp)
	mov	0xf8(%rcx), %rax
	mov	%rax, 0x100(%rsp)
	mov	0x98(%rcx), %rax
	mov	%rax, 0x118(%rsp)
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	movups	(CONTEXT_XMM6 + 16 * \n)(%rcx), %xmm0
	movups	%xmm0, (0x60 + 16 * \n)(%rsp)
	.endr
	mov	%rcx, %rbx
	mov	%r8, %rcx
	call	*%rdx
	mov	%rax, 0xf8(%rbx)
	mov	%rbx, %rcx
	xor	%edx, %edx
	call	NtContinue
	int3
	.seh_endproc
