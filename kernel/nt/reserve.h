/* SPDX-License-Identifier: MIT */
/* Which pages of a SEC_RESERVE section are committed: one for all views, kept by the section and its views as a file. */
#ifndef AMBOS_NT_RESERVE_H
#define AMBOS_NT_RESERVE_H

#include "nt_memory.h"

struct file *nt_reserve_create(u64 size);                                    /* NULL: no memory */
s64 nt_reserve_commit(struct file *reserve, u64 start, u64 end) MUST_CHECK;  /* offsets in the section, of pages */
/* The first committed run in [start, end). */
bool nt_reserve_next(struct file *reserve, u64 start, u64 end, u64 *first, u64 *last);

#endif
