/* SPDX-License-Identifier: MIT */
/* File systems whose contents are shown facts: procfs, sysfs, devpts. Each is a table of paths; a cookie is
 * (task bit 62 | pid << 40 | index << 16 | table position + 1), so nothing has to be remembered. */
#ifndef AMBOS_VFSD_SHOWN_H
#define AMBOS_VFSD_SHOWN_H

#include "facts.h"
#include "vfsd.h"

enum shown_tree { SHOWN_PROC, SHOWN_SYS, SHOWN_PTS, SHOWN_PROCESS /* below /proc/PID */, SHOWN_TREE_COUNT };
enum shown_flag {
	SHOWN_PIDS = 1,
	SHOWN_TASKS = 2,
	SHOWN_FDS = 4,
	SHOWN_CPUS = 8,
	SHOWN_PTYS = 16, /* directory with numbered children */
	SHOWN_TRACE = 32, /* needs what ptrace(2) would need */
	SHOWN_PROCESS_ONLY = 64, /* not below task/TID */
	SHOWN_MOUNTS = 128, /* may be polled for changes of the mounts */
};
struct shown_context {
	const struct ipc_caller *caller;
	u32 pid;                 /* process trees; a thread's id with task */
	u32 index;               /* fd, cpu or pty number */
	bool task;
	struct text *text;
};
struct shown_entry {
	const char *path;        /* relative to the root of its tree; last component "*": a numbered child */
	u32 mode;
	u32 flags;
	status_t (*render)(struct shown_context *c);         /* files: the text; symlinks: the target */
	s64 (*write)(struct shown_context *c, const char *bytes, u32 size);
	u32 magic;               /* VFS_MAGIC_* */
};
struct shown_table { const struct shown_entry *entries; u32 count; };

extern const struct shown_table proc_table, process_table, sys_table, pts_table;
bool may_trace(const struct ipc_caller *c, const struct facts_process *p);
#define USER_HZ 100u /* the unit of times in procfs, fixed by the ABI */
static inline ull ticks(u64 ns) { return ns / (NSEC_PER_SEC / USER_HZ); }

#define SHOW_DIR (MODE_DIRECTORY | 0555)
#define SHOW_FILE (MODE_REGULAR | 0444)
#define SHOW_LINK (MODE_SYMLINK | 0777)

#endif
