// SPDX-License-Identifier: MIT
// Messages to the user: one line, "ambos: what: what to do". The terminal is put back first.
#include <stdio.h>
#include <stdlib.h>

#include "ambos.h"

static void print_line(const char *fmt, va_list ap)
{
	fputs("ambos: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void say(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
}

void die(int status, const char *fmt, ...)
{
	terminal_restore();
	va_list ap;
	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
	exit(status);
}
