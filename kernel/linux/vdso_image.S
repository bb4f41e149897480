/* SPDX-License-Identifier: MIT */
/* The linked vDSO (build/kernel.mk makes it before this file is assembled). */
.section .rodata
.globl vdso_image_start, vdso_image_end
.balign 8
vdso_image_start:
	.incbin VDSO_IMAGE
vdso_image_end:
.section .note.GNU-stack, "", @progbits
