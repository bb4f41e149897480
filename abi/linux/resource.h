/* SPDX-License-Identifier: MIT */
/* Resource limit numbers, getrlimit(2). */
#ifndef AMBOS_LINUX_RESOURCE_H
#define AMBOS_LINUX_RESOURCE_H

#define RLIMIT_FSIZE_K 1
#define RLIMIT_NOFILE_K 7
#define RLIM_INFINITY_K UINT64_MAX

#endif
