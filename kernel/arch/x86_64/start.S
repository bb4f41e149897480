/* SPDX-License-Identifier: MIT */
/* PVH entry: 32-bit protected mode, paging off, ebx = hvm_start_info. Builds the first page tables (identity and
 * direct map of 4 GiB, kernel image at KERNEL_BASE), enters long mode and calls boot_main(start_info). */
#define KERNEL_BASE 0xffffffff80000000
#define PA(x) ((x) - KERNEL_BASE)

	.section .note.pvh, "a"
	.balign 4
	.long 4, 4, 18          /* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long PA(pvh_entry)

	.section .boot.text, "ax"
	.code32
	.globl pvh_entry
pvh_entry:
	cld
	movl %ebx, %esi
	/* four page directories of 2 MiB pages: [0, 4 GiB) */
	movl $PA(boot_pd), %edi
	movl $0x83, %eax
	movl $0, %edx
	movl $2048, %ecx
1:	movl %eax, (%edi)
	movl %edx, 4(%edi)
	addl $8, %edi
	addl $0x200000, %eax
	loop 1b
	movl $PA(boot_pd) + 3, %eax
	movl $PA(boot_pdpt), %edi
	movl $4, %ecx
2:	movl %eax, (%edi)
	addl $4096, %eax
	addl $8, %edi
	loop 2b
	movl $PA(boot_pd) + 3, PA(boot_pdpt_high) + 510 * 8
	movl $PA(boot_pd) + 4096 + 3, PA(boot_pdpt_high) + 511 * 8
	movl $PA(boot_pdpt) + 3, PA(boot_pml4)
	movl $PA(boot_pdpt) + 3, PA(boot_pml4) + 256 * 8
	movl $PA(boot_pdpt_high) + 3, PA(boot_pml4) + 511 * 8
	movl $PA(boot_pml4), %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x20, %eax         /* PAE */
	movl %eax, %cr4
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x901, %eax        /* LME, NXE, SCE */
	wrmsr
	movl %cr0, %eax
	orl $0x80010001, %eax   /* PG, WP, PE */
	movl %eax, %cr0
	lgdt PA(boot_gdt_pointer)
	ljmpl $8, $PA(boot_long)
	.code64
boot_long:
	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	xorl %eax, %eax
	movw %ax, %fs
	movw %ax, %gs
	movabsq $boot_stack_top, %rsp
	xorl %ebp, %ebp
	movl %esi, %edi
	movabsq $boot_main, %rax
	call *%rax
	ud2

	.section .boot.data, "aw"
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9a000000ffff
	.quad 0x00cf92000000ffff
boot_gdt_pointer:
	.word 23
	.long PA(boot_gdt)

	.section .bss
	.balign 4096
	.globl boot_pml4
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pdpt_high: .skip 4096
boot_pd: .skip 4096 * 4
	.globl boot_stack_top
boot_stack: .skip 16384
boot_stack_top:
