/* SPDX-License-Identifier: MIT */
/* Copies between kernel and user memory, and page clear/copy.
 *   copy_user(dst, src, n), copy_user_nofault, clear_user(dst, n): return the bytes NOT done.
 *   copy_user_string(dst, src, n): length without the NUL, n when no NUL was met, or -1 on a fault.
 *   cmpxchg_user32(p, expect, desired, actual): 0, or -1 on a fault.
 * Long copies use 16- or 32-byte registers and keep the user's values of them on the stack: a context switch
 * inside a fault saves and restores extended state as for any thread. copy_wide is set when AVX is on and
 * AVX-512 is off (a 32-byte store to a register would clear the user's upper half of it).
 * rep movs is not used: it is slow under TCG
 * and the copies that matter are 4 KiB and smaller. Fault fix-ups retry byte by byte, so the count is exact. */
#include "extable.h"

#define SSE_FROM 256 /* bytes; below this saving eight registers costs more than it gains */
#define AVX_FROM 512

.macro OPEN_USER
	testb	$1, user_access_smap
	jz	77f
	stac
77:
.endm
.macro CLOSE_USER
	testb	$1, user_access_smap
	jz	77f
	clac
77:
.endm

.macro SAVE_XMM
	sub	$128, %rsp
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	movups	%xmm\n, 16*\n(%rsp)
	.endr
.endm
.macro RESTORE_XMM
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	movups	16*\n(%rsp), %xmm\n
	.endr
	add	$128, %rsp
.endm

.macro SAVE_YMM
	sub	$256, %rsp
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	vmovups	%ymm\n, 32*\n(%rsp)
	.endr
.endm
.macro RESTORE_YMM
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	vmovups	32*\n(%rsp), %ymm\n
	.endr
	add	$256, %rsp
.endm

/* One instruction on user memory with its fix-up. */
.macro GUARD flags, fixup, insn:vararg
78:	\insn
	EX_TABLE_FLAGS(78b, \fixup, \flags)
.endm

.macro COPY_BODY flags, sse
	OPEN_USER
	.if \sse
	cmp	$SSE_FROM, %rdx
	jae	.Lsse\@
	.endif
.Lwords\@:
	sub	$32, %rdx
	jb	2f
1:	GUARD	\flags, .Lfix32\@, mov (%rsi), %rax
	GUARD	\flags, .Lfix32\@, mov 8(%rsi), %r8
	GUARD	\flags, .Lfix32\@, mov 16(%rsi), %r9
	GUARD	\flags, .Lfix32\@, mov 24(%rsi), %r10
	GUARD	\flags, .Lfix32\@, mov %rax, (%rdi)
	GUARD	\flags, .Lfix32\@, mov %r8, 8(%rdi)
	GUARD	\flags, .Lfix32\@, mov %r9, 16(%rdi)
	GUARD	\flags, .Lfix32\@, mov %r10, 24(%rdi)
	add	$32, %rsi
	add	$32, %rdi
	sub	$32, %rdx
	jae	1b
2:	add	$24, %rdx
	jnc	4f
3:	GUARD	\flags, .Lfix8\@, mov (%rsi), %rax
	GUARD	\flags, .Lfix8\@, mov %rax, (%rdi)
	add	$8, %rsi
	add	$8, %rdi
	sub	$8, %rdx
	jae	3b
4:	add	$8, %rdx
	jz	.Ldone\@
.Lbytes\@:
	GUARD	\flags, .Ldone\@, movzbl (%rsi), %eax
	GUARD	\flags, .Ldone\@, mov %al, (%rdi)
	inc	%rsi
	inc	%rdi
	dec	%rdx
	jnz	.Lbytes\@
.Ldone\@:
	CLOSE_USER
	mov	%rdx, %rax
	ret
.Lfix32\@:
	add	$32, %rdx
	jmp	.Lbytes\@
.Lfix8\@:
	add	$8, %rdx
	jmp	.Lbytes\@
	.if \sse
.Lsse\@:
	cmp	$AVX_FROM, %rdx
	jb	.Lnarrow\@
	cmpb	$0, copy_wide
	jne	.Lwide\@
.Lnarrow\@:
	SAVE_XMM
	sub	$128, %rdx
5:	GUARD	\flags, .Lfix128\@, movups (%rsi), %xmm0
	GUARD	\flags, .Lfix128\@, movups 16(%rsi), %xmm1
	GUARD	\flags, .Lfix128\@, movups 32(%rsi), %xmm2
	GUARD	\flags, .Lfix128\@, movups 48(%rsi), %xmm3
	GUARD	\flags, .Lfix128\@, movups 64(%rsi), %xmm4
	GUARD	\flags, .Lfix128\@, movups 80(%rsi), %xmm5
	GUARD	\flags, .Lfix128\@, movups 96(%rsi), %xmm6
	GUARD	\flags, .Lfix128\@, movups 112(%rsi), %xmm7
	GUARD	\flags, .Lfix128\@, movups %xmm0, (%rdi)
	GUARD	\flags, .Lfix128\@, movups %xmm1, 16(%rdi)
	GUARD	\flags, .Lfix128\@, movups %xmm2, 32(%rdi)
	GUARD	\flags, .Lfix128\@, movups %xmm3, 48(%rdi)
	GUARD	\flags, .Lfix128\@, movups %xmm4, 64(%rdi)
	GUARD	\flags, .Lfix128\@, movups %xmm5, 80(%rdi)
	GUARD	\flags, .Lfix128\@, movups %xmm6, 96(%rdi)
	GUARD	\flags, .Lfix128\@, movups %xmm7, 112(%rdi)
	sub	$-128, %rsi
	sub	$-128, %rdi
	sub	$128, %rdx
	jae	5b
	RESTORE_XMM
	add	$128, %rdx
	jz	.Ldone\@
	jmp	.Lwords\@
.Lfix128\@:
	RESTORE_XMM
	add	$128, %rdx
	jmp	.Lbytes\@
.Lwide\@:
	SAVE_YMM
	sub	$256, %rdx
6:	GUARD	\flags, .Lfix256\@, vmovups (%rsi), %ymm0
	GUARD	\flags, .Lfix256\@, vmovups 32(%rsi), %ymm1
	GUARD	\flags, .Lfix256\@, vmovups 64(%rsi), %ymm2
	GUARD	\flags, .Lfix256\@, vmovups 96(%rsi), %ymm3
	GUARD	\flags, .Lfix256\@, vmovups 128(%rsi), %ymm4
	GUARD	\flags, .Lfix256\@, vmovups 160(%rsi), %ymm5
	GUARD	\flags, .Lfix256\@, vmovups 192(%rsi), %ymm6
	GUARD	\flags, .Lfix256\@, vmovups 224(%rsi), %ymm7
	GUARD	\flags, .Lfix256\@, vmovups %ymm0, (%rdi)
	GUARD	\flags, .Lfix256\@, vmovups %ymm1, 32(%rdi)
	GUARD	\flags, .Lfix256\@, vmovups %ymm2, 64(%rdi)
	GUARD	\flags, .Lfix256\@, vmovups %ymm3, 96(%rdi)
	GUARD	\flags, .Lfix256\@, vmovups %ymm4, 128(%rdi)
	GUARD	\flags, .Lfix256\@, vmovups %ymm5, 160(%rdi)
	GUARD	\flags, .Lfix256\@, vmovups %ymm6, 192(%rdi)
	GUARD	\flags, .Lfix256\@, vmovups %ymm7, 224(%rdi)
	add	$256, %rsi
	add	$256, %rdi
	sub	$256, %rdx
	jae	6b
	RESTORE_YMM
	add	$256, %rdx
	jz	.Ldone\@
	jmp	.Lwords\@
.Lfix256\@:
	RESTORE_YMM
	add	$256, %rdx
	jmp	.Lbytes\@
	.endif
.endm

	.text
	.globl	copy_user
	.type	copy_user, @function
copy_user:
	COPY_BODY 0, 1

	.globl	copy_user_nofault
	.type	copy_user_nofault, @function
copy_user_nofault:
	COPY_BODY EX_NOFAULT, 0

/* copy_short(dst, src, n), n a multiple of 8 up to 128: each word is 8 bytes of code, so n bytes are the last n of
 * the run. Not zero on a fault. Only with SMAP (cpu_direct_switch). */
	.balign	16
	.globl	copy_short
	.type	copy_short, @function
copy_short:
	lea	9f(%rip), %rcx
	sub	%rdx, %rcx
	stac
	jmp	*%rcx
	.set offset, 120
	.rept 16
	GUARD	0, 8f, {disp8} mov offset(%rsi), %rax
	GUARD	0, 8f, {disp8} mov %rax, offset(%rdi)
	.set offset, offset - 8
	.endr
9:	clac
	xor	%eax, %eax
	ret
8:	clac
	mov	$1, %eax
	ret

	.globl	clear_user
	.type	clear_user, @function
clear_user:
	OPEN_USER
	xor	%eax, %eax
	sub	$32, %rsi
	jb	2f
1:	GUARD	0, 6f, mov %rax, (%rdi)
	GUARD	0, 6f, mov %rax, 8(%rdi)
	GUARD	0, 6f, mov %rax, 16(%rdi)
	GUARD	0, 6f, mov %rax, 24(%rdi)
	add	$32, %rdi
	sub	$32, %rsi
	jae	1b
2:	add	$32, %rsi
	jz	5f
4:	GUARD	0, 5f, movb $0, (%rdi)
	inc	%rdi
	dec	%rsi
	jnz	4b
5:	CLOSE_USER
	mov	%rsi, %rax
	ret
6:	add	$32, %rsi
	jmp	4b

	.globl	copy_user_string
	.type	copy_user_string, @function
copy_user_string:
	OPEN_USER
	mov	%rdi, %r11
	movabs	$0x0101010101010101, %r9
	movabs	$0x8080808080808080, %r10
	sub	$8, %rdx
	jb	3f
1:	GUARD	0, 3f, mov (%rsi), %rax
	mov	%rax, %rcx
	mov	%rax, %r8
	sub	%r9, %rcx
	not	%r8
	and	%r10, %rcx
	and	%r8, %rcx
	mov	%rax, (%rdi)
	jnz	2f
	add	$8, %rsi
	add	$8, %rdi
	sub	$8, %rdx
	jae	1b
	jmp	3f
2:	bsf	%rcx, %rcx
	shr	$3, %ecx
	lea	(%rdi, %rcx), %rax
	sub	%r11, %rax
	CLOSE_USER
	ret
3:	add	$8, %rdx
	jz	5f
4:	GUARD	0, 6f, movzbl (%rsi), %eax
	mov	%al, (%rdi)
	test	%al, %al
	jz	5f
	inc	%rsi
	inc	%rdi
	dec	%rdx
	jnz	4b
5:	CLOSE_USER
	mov	%rdi, %rax
	sub	%r11, %rax
	ret
6:	CLOSE_USER
	mov	$-1, %rax
	ret

	.globl	cmpxchg_user32
	.type	cmpxchg_user32, @function
cmpxchg_user32:
	OPEN_USER
	mov	%esi, %eax
	GUARD	EX_NOFAULT, 1f, lock cmpxchg %edx, (%rdi)
	CLOSE_USER
	mov	%eax, (%rcx)
	xor	%eax, %eax
	ret
1:	CLOSE_USER
	mov	$-1, %eax
	ret

	.globl	page_clear
	.type	page_clear, @function
page_clear:
	cmpb	$0, copy_wide
	jne	2f
	sub	$16, %rsp
	movups	%xmm0, (%rsp)
	xorps	%xmm0, %xmm0
	mov	$16, %ecx
1:
	.set offset, 0
	.rept 16
	movaps	%xmm0, offset(%rdi)
	.set offset, offset + 16
	.endr
	add	$256, %rdi
	dec	%ecx
	jnz	1b
	movups	(%rsp), %xmm0
	add	$16, %rsp
	ret
2:	sub	$32, %rsp
	vmovups	%ymm0, (%rsp)
	vxorps	%ymm0, %ymm0, %ymm0
	mov	$8, %ecx
3:
	.set offset, 0
	.rept 16
	vmovaps	%ymm0, offset(%rdi)
	.set offset, offset + 32
	.endr
	add	$512, %rdi
	dec	%ecx
	jnz	3b
	vmovups	(%rsp), %ymm0
	add	$32, %rsp
	ret

	.globl	page_copy
	.type	page_copy, @function
page_copy:
	cmpb	$0, copy_wide
	jne	2f
	SAVE_XMM
	mov	$32, %ecx
1:	movaps	(%rsi), %xmm0
	movaps	16(%rsi), %xmm1
	movaps	32(%rsi), %xmm2
	movaps	48(%rsi), %xmm3
	movaps	64(%rsi), %xmm4
	movaps	80(%rsi), %xmm5
	movaps	96(%rsi), %xmm6
	movaps	112(%rsi), %xmm7
	movaps	%xmm0, (%rdi)
	movaps	%xmm1, 16(%rdi)
	movaps	%xmm2, 32(%rdi)
	movaps	%xmm3, 48(%rdi)
	movaps	%xmm4, 64(%rdi)
	movaps	%xmm5, 80(%rdi)
	movaps	%xmm6, 96(%rdi)
	movaps	%xmm7, 112(%rdi)
	sub	$-128, %rsi
	sub	$-128, %rdi
	dec	%ecx
	jnz	1b
	RESTORE_XMM
	ret
2:	SAVE_YMM
	mov	$16, %ecx
3:	vmovaps	(%rsi), %ymm0
	vmovaps	32(%rsi), %ymm1
	vmovaps	64(%rsi), %ymm2
	vmovaps	96(%rsi), %ymm3
	vmovaps	128(%rsi), %ymm4
	vmovaps	160(%rsi), %ymm5
	vmovaps	192(%rsi), %ymm6
	vmovaps	224(%rsi), %ymm7
	vmovaps	%ymm0, (%rdi)
	vmovaps	%ymm1, 32(%rdi)
	vmovaps	%ymm2, 64(%rdi)
	vmovaps	%ymm3, 96(%rdi)
	vmovaps	%ymm4, 128(%rdi)
	vmovaps	%ymm5, 160(%rdi)
	vmovaps	%ymm6, 192(%rdi)
	vmovaps	%ymm7, 224(%rdi)
	add	$256, %rsi
	add	$256, %rdi
	dec	%ecx
	jnz	3b
	RESTORE_YMM
	ret
	.section .note.GNU-stack, "", @progbits
