/* SPDX-License-Identifier: MIT */
/* Conformance programs for Windows: as tests/linux/check.h. Each passes under wine64 (or real Windows) before it counts here. */
#ifndef AMBOS_TESTS_NT_CHECK_H
#define AMBOS_TESTS_NT_CHECK_H

#include <windows.h>
#include <stdio.h>
#include <string.h>

static int check_failures, check_cases, check_failed_here;

#define CASE(name) static void name(void)
#define CHECK(condition)                                                                                 \
	do {                                                                                             \
		if (!(condition)) {                                                                      \
			printf("  %s:%d: %s (error %lu)\n", __FILE__, __LINE__, #condition, GetLastError()); \
			check_failed_here++;                                                             \
		}                                                                                        \
	} while (0)
#define CHECK_ERROR(call, code)                                                                          \
	do {                                                                                             \
		SetLastError(0xdead);                                                                    \
		long long check_result_ = (long long)(call);                                             \
		if ((check_result_ != 0 && check_result_ != -1 && check_result_ != 0xffffffffll) || GetLastError() != (DWORD)(code)) {     \
			printf("  %s:%d: %s: result %lld error %lu, expected %s\n", __FILE__, __LINE__, #call, check_result_, \
			       GetLastError(), #code);                                                   \
			check_failed_here++;                                                             \
		}                                                                                        \
	} while (0)
#define RUN(name)                                                                                        \
	do {                                                                                             \
		check_failed_here = 0;                                                                   \
		check_cases++;                                                                           \
		name();                                                                                  \
		printf("%s %s\n", check_failed_here ? "FAIL" : "ok", #name);                             \
		fflush(stdout);                                                                          \
		check_failures += check_failed_here != 0;                                                \
	} while (0)
static inline int check_summary(void)
{
	printf("%d passed, %d failed\n", check_cases - check_failures, check_failures);
	return check_failures > 99 ? 99 : check_failures;
}

#endif
