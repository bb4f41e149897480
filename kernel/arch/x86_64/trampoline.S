/* SPDX-License-Identifier: MIT */
/* Real-mode start of a CPU at physical 0x8000; the words at 0x8ff0 and 0x8ff8 are the C entry and its stack. */
#define BASE 0x8000
	.section .rodata
	.globl ap_trampoline, ap_trampoline_end
	.code16
ap_trampoline:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl BASE + (gdt_pointer - ap_trampoline)
	movl $0x20, %eax
	movl %eax, %cr4
	movl $(boot_pml4 - 0xffffffff80000000), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x901, %eax
	wrmsr
	movl $0x80010011, %eax
	movl %eax, %cr0
	ljmpl $8, $(BASE + (long_mode - ap_trampoline))
	.code64
long_mode:
	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	xorl %eax, %eax
	movw %ax, %fs
	movw %ax, %gs
	movq (BASE + 0xff8), %rsp
	xorl %ebp, %ebp
	call *(BASE + 0xff0)
	ud2
	.balign 8
gdt: .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
	.word 23
	.long BASE + (gdt - ap_trampoline)
ap_trampoline_end:
	.section .bss
	.globl ap_stack, ap_cpu
	.balign 8
ap_stack: .skip 8
ap_cpu: .skip 8
