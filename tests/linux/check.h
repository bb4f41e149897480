/* SPDX-License-Identifier: MIT */
/* Conformance programs: one function per case, named after the behaviour; main runs them in order.
 *	CASE(read_at_eof_returns_zero) { ...CHECK(n == 0)...; }
 *	int main(void) { RUN(read_at_eof_returns_zero); return check_summary(); }
 * Prints "ok NAME" or "FAIL NAME: file:line: condition (errno)" per case; the exit status is the failures (max 99).
 * Every program must pass on Linux before it is used here. */
#ifndef AMBOS_TESTS_CHECK_H
#define AMBOS_TESTS_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int check_failures, check_cases;
static int check_failed_here;

#define CASE(name) static void name(void)
#define CHECK(cond)                                                                              \
	do {                                                                                     \
		int check_errno_ = errno;                                                        \
		if (!(cond)) {                                                                   \
			printf("  %s:%d: %s (errno %d %s)\n", __FILE__, __LINE__, #cond, errno,   \
			       strerror(errno));                                                 \
			check_failed_here++;                                                     \
		}                                                                                \
		(void)check_errno_;                                                              \
	} while (0)
#define CHECK_ERRNO(call, code)                                                                  \
	do {                                                                                     \
		errno = 0;                                                                       \
		long check_result_ = (long)(call);                                               \
		if (check_result_ != -1 || errno != (code)) {                                    \
			printf("  %s:%d: %s: result %ld errno %d, expected -1 and %s\n", __FILE__, \
			       __LINE__, #call, check_result_, errno, #code);                    \
			check_failed_here++;                                                     \
		}                                                                                \
	} while (0)
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
