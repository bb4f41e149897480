/* SPDX-License-Identifier: MIT */
/* fcntl(2) commands, x86-64. */
#ifndef AMBOS_LINUX_FCNTL_H
#define AMBOS_LINUX_FCNTL_H

#include "../../lib/base/base.h"

enum {
	F_DUPFD_K = 0, F_GETFD_K = 1, F_SETFD_K = 2, F_GETFL_K = 3, F_SETFL_K = 4, F_GETLK_K = 5, F_SETLK_K = 6,
	F_SETLKW_K = 7, F_SETOWN_K = 8, F_GETOWN_K = 9, F_SETSIG_K = 10, F_GETSIG_K = 11, F_SETOWN_EX_K = 15,
	F_GETOWN_EX_K = 16, F_OFD_GETLK_K = 36, F_OFD_SETLK_K = 37, F_OFD_SETLKW_K = 38, F_GETLEASE_K = 1025, F_NOTIFY_K = 1026,
	F_DUPFD_CLOEXEC_K = 1030,
	F_SETPIPE_SZ_K = 1031, F_GETPIPE_SZ_K = 1032, F_ADD_SEALS_K = 1033, F_GET_SEALS_K = 1034,
};
enum { F_RDLCK_K = 0, F_WRLCK_K = 1, F_UNLCK_K = 2 };
enum { F_OWNER_TID_K = 0, F_OWNER_PID_K = 1, F_OWNER_PGRP_K = 2 };
struct f_owner_ex_k { s32 type, pid; };

#endif
