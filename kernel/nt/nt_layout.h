/* SPDX-License-Identifier: MIT */
/* CONTEXT and EXCEPTION_RECORD of x64 as programs see them. Sources: winnt.h as documented on MSDN. */
#ifndef AMBOS_KERNEL_NT_LAYOUT_H
#define AMBOS_KERNEL_NT_LAYOUT_H

#include "../../lib/base/base.h"

struct nt_context {
	u64 home[6];
	u32 flags, mxcsr;
	u16 cs, ds, es, fs, gs, ss;
	u32 eflags;
	u64 dr[6];
	u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rip;
	u8 fxsave[512];
	u8 vector[26 * 16];
	u64 vector_control, debug_control, last_branch_to, last_branch_from, last_exception_to, last_exception_from;
};
struct nt_context_chunk { s32 offset; u32 length; };
struct nt_context_ex { struct nt_context_chunk all, legacy, xstate; u64 unused; };
struct nt_xstate { u64 mask, compaction, reserved[6]; u8 avx[256]; }; /* what CONTEXT_EX's xstate names */
struct nt_record {
	u32 code, flags;
	u64 record, address;
	u32 count, unused;
	u64 information[15];
};
_Static_assert(sizeof(struct nt_context) == 0x4d0 && offsetof(struct nt_context, fxsave) == 0x100 &&
	       offsetof(struct nt_context, rip) == 0xf8 && offsetof(struct nt_context, eflags) == 0x44, "CONTEXT");
_Static_assert(sizeof(struct nt_context_ex) == 0x20 && sizeof(struct nt_record) == 0x98, "CONTEXT_EX, EXCEPTION_RECORD");

#define NT_CONTEXT_AMD64 0x100000u
#define NT_CONTEXT_CONTROL 0x1u
#define NT_CONTEXT_INTEGER 0x2u
#define NT_CONTEXT_SEGMENTS 0x4u
#define NT_CONTEXT_FLOATING_POINT 0x8u
#define NT_CONTEXT_DEBUG 0x10u
#define NT_CONTEXT_XSTATE 0x40u
#define NT_XSTATE_AVX 4u
#define NT_CONTEXT_EXCEPTION_ACTIVE 0x8000000u

#endif
