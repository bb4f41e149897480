/* SPDX-License-Identifier: MIT */
/* What the conformance programs of both worlds share: one function per case, named after the behaviour; main runs them in order.
 *	CASE(read_at_eof_returns_zero) { ...CHECK(n == 0)...; }
 *	int main(void) { RUN(read_at_eof_returns_zero); return check_summary(); }
 * Prints "ok NAME" or "FAIL NAME" per case, after a line "file:line: condition (error)" per check that failed; the exit
 * status is the failures (max 99). CHECK and the checks of an error stand in linux/check.h and nt/check.h. */
#ifndef AMBOS_TESTS_CASES_H
#define AMBOS_TESTS_CASES_H

#include <stdio.h>
#include <string.h>

static int check_failures, check_cases, check_failed_here;

#define CASE(name) static void name(void)
#define RUN(name)                                                                                \
	do {                                                                                     \
		check_failed_here = 0;                                                           \
		check_cases++;                                                                   \
		name();                                                                          \
		printf("%s %s\n", check_failed_here ? "FAIL" : "ok", #name);                     \
		fflush(stdout);                                                                  \
		check_failures += check_failed_here != 0;                                        \
	} while (0)

static inline int check_summary(void)
{
	printf("%d cases, %d failed\n", check_cases, check_failures);
	return check_failures > 99 ? 99 : check_failures;
}

#endif
