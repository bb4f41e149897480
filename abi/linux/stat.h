/* SPDX-License-Identifier: MIT */
/* File type bits and struct stat of x86-64, stat(2) and inode(7). */
#ifndef AMBOS_LINUX_STAT_H
#define AMBOS_LINUX_STAT_H

#include "../../lib/base/base.h"

#define S_IFMT_K 0170000
#define S_IFSOCK_K 0140000
#define S_IFLNK_K 0120000
#define S_IFREG_K 0100000
#define S_IFBLK_K 0060000
#define S_IFDIR_K 0040000
#define S_IFCHR_K 0020000
#define S_IFIFO_K 0010000
#define S_ISREG_K(m) (((m) & S_IFMT_K) == S_IFREG_K)
#define S_ISDIR_K(m) (((m) & S_IFMT_K) == S_IFDIR_K)
#define S_ISFIFO_K(m) (((m) & S_IFMT_K) == S_IFIFO_K)
#define S_ISSOCK_K(m) (((m) & S_IFMT_K) == S_IFSOCK_K)
#define S_ISCHR_K(m) (((m) & S_IFMT_K) == S_IFCHR_K)

struct linux_stat {
	u64 st_dev, st_ino, st_nlink;
	u32 st_mode, st_uid, st_gid, pad;
	u64 st_rdev;
	s64 st_size, st_blksize, st_blocks;
	u64 st_atime_sec, st_atime_nsec, st_mtime_sec, st_mtime_nsec, st_ctime_sec, st_ctime_nsec;
	s64 unused[3];
};
_Static_assert(sizeof(struct linux_stat) == 144, "struct stat of x86-64");

#endif
