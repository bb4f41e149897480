/* SPDX-License-Identifier: MIT */
/* A program named by its DOS path. */
#ifndef AMBOS_RUNTIMED_DOS_PATH_H
#define AMBOS_RUNTIMED_DOS_PATH_H

#include "base/base.h"
#include "core/status.h"

bool dos_path_is(const char *name);                                      /* "C:\\x", "z:/x", "\\\\?\\C:\\x" */
status_t dos_path_find(const char *name, char *path, u32 size) MUST_CHECK; /* NOENT: no such file or drive */

#endif
