/* SPDX-License-Identifier: MIT */
/* A text being rendered of which only the bytes [skip, skip + room) are kept: a long file is read in pieces. */
#ifndef AMBOS_VFSD_TEXT_H
#define AMBOS_VFSD_TEXT_H

#include "../../lib/base/string.h"

struct text { char *buf; u64 skip, room, used; };
void text_add(struct text *t, const char *bytes, u64 size);
void text_print(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3); /* one line, at most TEXT_LINE_MAX */
#define TEXT_LINE_MAX 1024

typedef unsigned long long ull; /* for %llu */

#endif
