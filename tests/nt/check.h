/* SPDX-License-Identifier: MIT */
/* Conformance programs for Windows (cases.h). Each passes under wine64 (or real Windows) before it counts here. */
#ifndef AMBOS_TESTS_NT_CHECK_H
#define AMBOS_TESTS_NT_CHECK_H

#include <windows.h>

#include "../cases.h"

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

#endif
