/* SPDX-License-Identifier: MIT */
/* A text being rendered of which only the bytes [skip, skip + room) are kept: a long file is read in pieces (kernel, vfsd). */
#ifndef AMBOS_BASE_TEXT_H
#define AMBOS_BASE_TEXT_H

#include "string.h"

#define TEXT_LINE_MAX 1024 /* one call of text_print; what is longer is cut */

struct text { char *buf; u64 skip, room, used; };
void text_add(struct text *t, const char *bytes, u64 size);
void text_print(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline bool text_full(const struct text *t) { return t->used == t->room; }

#endif
