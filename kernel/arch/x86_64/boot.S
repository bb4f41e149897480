// SPDX-License-Identifier: MIT
/* First instructions: PVH entry of the boot CPU (32-bit, paging off, ebx = hvm_start_info) and the trampoline of
 * the others (16-bit, copied to AP_TRAMPOLINE). Both go to 64-bit mode on the boot tables: the first 4 GiB at 0
 * and at DIRECT_MAP_BASE, the first GiB at KERNEL_BASE. Contract: Xen's PVH boot protocol, docs/misc/pvh. */
#include "arch.h"
#define PHYS(symbol) ((symbol) - 0xffffffff80000000)
#define ELFNOTE_PHYS32_ENTRY 18
#define BOOT_STACK_SIZE 16384

.section .note.pvh, "a", @note
	.balign	4
	.long	4, 8, ELFNOTE_PHYS32_ENTRY
	.asciz	"Xen"
	.quad	PHYS(boot_start32)

.section .text.boot, "ax"
.code32
.globl boot_start32
boot_start32:
	cli
	cld
	mov	%ebx, %esi
	/* 2048 large pages: 4 GiB */
	mov	$PHYS(boot_pd), %edi
	mov	$0x83, %eax
1:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	cmp	$PHYS(boot_pd) + 4 * 4096, %edi
	jb	1b
	mov	$PHYS(boot_pd) + 3, %eax
	mov	$PHYS(boot_pdpt_low), %edi
2:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	cmp	$PHYS(boot_pdpt_low) + 32, %edi
	jb	2b
	movl	$PHYS(boot_pd) + 3, PHYS(boot_pdpt_high) + 510 * 8
	movl	$PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4)
	movl	$PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4) + 256 * 8
	movl	$PHYS(boot_pdpt_high) + 3, PHYS(boot_pml4) + 511 * 8
	lgdt	PHYS(boot_gdt_pointer)
	mov	$PHYS(boot_start64_low), %ebp
enter_long_mode: /* to ebp; esi kept */
	mov	%cr4, %eax
	or	$0xa0, %eax /* PAE, PGE */
	mov	%eax, %cr4
	mov	$PHYS(boot_pml4), %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$(EFER_LME | EFER_NXE | EFER_SCE), %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80010001, %eax /* PG, WP, PE */
	mov	%eax, %cr0
	ljmp	$KERNEL_CS, $PHYS(long_mode_low)
.code64
long_mode_low:
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%ebp, %ebp
	jmp	*%rbp
boot_start64_low:
	movabs	$boot_start64, %rax
	jmp	*%rax
boot_start64:
	lea	boot_stack_top(%rip), %rsp
	xor	%ebp, %ebp
	/* The stack protector's guard must not change under a running function. */
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	movabs	$0x9e3779b97f4a7c15, %rcx
	imul	%rcx, %rax
	xor	%al, %al
	mov	%rax, __stack_chk_guard(%rip)
	mov	%esi, %edi
	call	kernel_main
	ud2

/* Copied to AP_TRAMPOLINE; runs there in real mode with cs = AP_TRAMPOLINE >> 4. */
.section .rodata
.balign 16
.globl ap_trampoline_start, ap_trampoline_end
ap_trampoline_start:
.code16
	cli
	cld
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	AP_TRAMPOLINE + ap_gdt_pointer - ap_trampoline_start
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$0x08, $(AP_TRAMPOLINE + ap_start32 - ap_trampoline_start)
.code32
ap_start32:
	mov	$KERNEL_DS, %eax
	mov	%eax, %ds
	mov	$PHYS(ap_start64_low), %ebp
	mov	$PHYS(enter_long_mode), %eax
	jmp	*%eax
.balign 8
ap_gdt_pointer:
	.word	boot_gdt_end - boot_gdt - 1
	.long	PHYS(boot_gdt)
ap_trampoline_end:
.code64

.section .text
ap_start64_low:
	movabs	$ap_start64, %rax
	jmp	*%rax
ap_start64:
	mov	ap_page_table(%rip), %rax
	mov	%rax, %cr3
	mov	$1, %eax
	lock xadd %rax, ap_next(%rip)
	mov	ap_stacks(, %rax, 8), %rsp
	mov	%eax, %edi
	xor	%ebp, %ebp
	call	ap_main
	ud2

.section .data
.balign 16
boot_gdt:
	.quad	0
	.quad	0x00cf9b000000ffff /* 0x08: 32-bit code */
	.quad	0x00af9b000000ffff /* 0x10: 64-bit code */
	.quad	0x00cf93000000ffff /* 0x18: data */
boot_gdt_end:
boot_gdt_pointer:
	.word	boot_gdt_end - boot_gdt - 1
	.long	PHYS(boot_gdt)
	.long	0

.section .bss.page_aligned, "aw", @nobits
.balign 4096
boot_pml4:
	.skip	4096
boot_pdpt_low:
	.skip	4096
boot_pdpt_high:
	.skip	4096
boot_pd:
	.skip	4 * 4096
.globl boot_stack, boot_stack_top
boot_stack:
	.skip	BOOT_STACK_SIZE
boot_stack_top:
.section .note.GNU-stack, "", @progbits
