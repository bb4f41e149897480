/* SPDX-License-Identifier: MIT */
/* For the unit tests beside the code (*_test.c): check(what, holds) prints what does not hold; main ends with
 * `return failures != 0;`. */
#ifndef AMBOS_TESTS_UNIT_H
#define AMBOS_TESTS_UNIT_H

#include <stdbool.h>
#include <stdio.h>

static int failures;

static inline void check(const char *what, bool holds)
{
	if (holds)
		return;
	printf("FAIL %s\n", what);
	failures++;
}

#endif
