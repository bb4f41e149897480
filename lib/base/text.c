// SPDX-License-Identifier: MIT
/* The window of a long text (text.h). */
#include "text.h"

void text_add(struct text *t, const char *bytes, u64 size)
{
	u64 skip = MIN(t->skip, size);
	t->skip -= skip;
	u64 n = MIN(size - skip, t->room - t->used);
	memcpy(t->buf + t->used, bytes + skip, n);
	t->used += n;
}

void text_print(struct text *t, const char *fmt, ...)
{
	char line[TEXT_LINE_MAX];
	va_list ap;
	va_start(ap, fmt);
	int n = fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_add(t, line, MIN((u64)MAX(n, 0), sizeof(line) - 1));
}
