/* SPDX-License-Identifier: MIT */
/* Instructions that may fault on user memory, and where to go on. Section .ex_table holds struct ex_entry,
 * in no order. The page fault handler, for a fault at a kernel rip that is listed here: with EX_NOFAULT it
 * jumps to the fix-up at once; otherwise it calls aspace_fault first and jumps only when that fails.
 * A kernel fault at an address below USER_TOP whose rip is not listed is a panic.
 * A listed rip that takes #GP (non-canonical address) also goes to its fix-up. */
#ifndef AMBOS_KERNEL_EXTABLE_H
#define AMBOS_KERNEL_EXTABLE_H

#define EX_NOFAULT 1 /* never resolve the fault: the caller may hold spinlocks */

#ifdef __ASSEMBLY__
#define EX_TABLE(fault, fixup) EX_TABLE_FLAGS(fault, fixup, 0)
#define EX_TABLE_FLAGS(fault, fixup, flags)  \
	.pushsection .ex_table, "a";         \
	.balign 8;                           \
	.quad fault, fixup, flags;           \
	.popsection
#else
#include "status.h"
struct ex_entry { u64 fault, fixup, flags; };
extern const struct ex_entry ex_table_start[], ex_table_end[]; /* kernel.ld */
const struct ex_entry *ex_table_find(u64 rip); /* NULL when not listed; kernel/mm/extable.c */
#endif

#endif
