/* SPDX-License-Identifier: MIT */
/* Private to kernel/mm: the assembler routines of copy.S. */
#ifndef AMBOS_MM_USERCOPY_H
#define AMBOS_MM_USERCOPY_H

#include "status.h"

size_t copy_user(void *dst, const void *src, size_t n);         /* bytes not copied */
size_t copy_user_nofault(void *dst, const void *src, size_t n);
size_t clear_user(void *dst, size_t n);
s64 copy_user_string(char *dst, const void *src, size_t n);
s32 cmpxchg_user32(void *p, u32 expect, u32 desired, u32 *actual);
void usercopy_init(void);
extern u8 user_access_smap, copy_wide; /* read by copy.S */

#endif
