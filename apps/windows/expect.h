/* SPDX-License-Identifier: MIT */
/* A demo says what it found, one line a fact, and ends with the number of facts that did not hold. The same output is
 * due on Windows, under Wine and here; the expected text stands beside each demo (NAME.expected). */
#pragma once
#include <stdio.h>
#include <windows.h>

static int failures;

#define FACT(condition) expect_fact(#condition, (condition) != 0, __LINE__)

static inline void expect_fact(const char *text, int holds, int line)
{
	if (holds)
		printf("ok %s\n", text);
	else
		printf("FAIL %s (line %d, last error %lu)\n", text, line, GetLastError());
	failures += !holds;
	fflush(stdout);
}
