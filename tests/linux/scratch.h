/* SPDX-License-Identifier: MIT */
/* A fresh directory below $TMPDIR (default /tmp) as working directory; scratch_leave removes it when it is empty. */
#ifndef AMBOS_TESTS_SCRATCH_H
#define AMBOS_TESTS_SCRATCH_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_dir[PATH_MAX];

static inline int scratch_enter(const char *topic)
{
	const char *base = getenv("TMPDIR");
	snprintf(scratch_dir, sizeof(scratch_dir), "%s/ambos-%s-XXXXXX", base && *base ? base : "/tmp", topic);
	return !mkdtemp(scratch_dir) || chdir(scratch_dir) || chmod(".", 0777) ? -1 : 0;
}
static inline int scratch_leave(void)
{
	return chdir("/") || rmdir(scratch_dir) ? -1 : 0;
}

#endif
