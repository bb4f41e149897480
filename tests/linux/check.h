/* SPDX-License-Identifier: MIT */
/* Conformance programs for Linux (cases.h). Every program must pass on Linux before it is used here. */
#ifndef AMBOS_TESTS_CHECK_H
#define AMBOS_TESTS_CHECK_H

#include <errno.h>

#include "../cases.h"

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

#endif
