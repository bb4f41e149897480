/* SPDX-License-Identifier: MIT */
/* SYS_AMBOS_VFS_BROKER: what vfsd may ask of the kernel (operation, struct pointer, exact struct size). Needs
 * capability VFS. Facts are copies taken at the call; nothing here changes the kernel but REVOKE and SET. Structs are
 * read and written back. Texts whose format the kernel owns come through FACTS_TEXT, everything else as numbers. */
#ifndef AMBOS_CORE_BROKER_VFS_H
#define AMBOS_CORE_BROKER_VFS_H

#include "../../lib/base/base.h"

enum vfs_broker_op {
	VFS_REVOKE = 1,          /* struct vfs_revoke */
	FACTS_MACHINE = 2,       /* struct facts_machine */
	FACTS_CPU = 3,           /* struct facts_cpu: in `cpu`; NOENT past the last */
	FACTS_PROCESS = 4,       /* struct facts_process: in `pid` (any thread's id); with FACTS_NEXT the first pid >= it */
	FACTS_THREAD = 5,        /* struct facts_thread: in `pid`, `tid`; with FACTS_NEXT the next tid >= it */
	FACTS_FD = 6,            /* struct facts_fd: in `pid`, `fd`; with FACTS_NEXT the next open fd >= it */
	FACTS_TEXT = 7,          /* struct facts_text */
	FACTS_PTY = 8,           /* struct facts_pty: in `number`; with FACTS_NEXT the next one >= it */
	FACTS_SET = 9,           /* struct facts_set: writable procfs files */
};
#define FACTS_NEXT 1u
#define FACTS_NAME_BYTES 16
#define FACTS_LIMITS 16

struct vfs_revoke { u32 fs, flags; u64 dir; u64 name; u32 name_size, unused; }; /* flags VFS_REVOKE_*; name: address */
struct facts_machine {
	/* bytes */
	u64 memory_total, memory_free, memory_cached, memory_anonymous, memory_slab, memory_page_tables, memory_kernel;
	u64 uptime_ns, boot_wall_ns;
	u64 context_switches, interrupts, forks;
	u32 processes, threads, running, blocked;
	u32 cpus, last_pid;
	u32 load[3];             /* 1, 5, 15 minutes in 1/2048 */
	u32 unused;
};
struct facts_cpu { u32 cpu, unused; u64 user_ns, nice_ns, system_ns, idle_ns; };
struct facts_process {
	u32 pid, flags;          /* in; out: the pid found */
	u32 ppid, pgid, sid, tty_device, tty_group;
	u32 thread_count;
	u32 uid, euid, suid, fsuid, gid, egid, sgid, fsgid, group_count;
	u32 groups[32];          /* the first ones */
	u32 umask;
	char state, unused[3];
	char name[FACTS_NAME_BYTES];
	u32 kernel_flags;        /* enum process_flag: service, dumpable, ... */
	s32 nice, priority, policy, exit_signal, exit_status, oom_score_adj;
	u32 cpu, personality;
	u64 start_ns, user_ns, system_ns, children_user_ns, children_system_ns;
	u64 minor_faults, major_faults, children_minor_faults, children_major_faults;
	u64 virtual_bytes, resident_bytes, locked_bytes, resident_max_bytes;
	u64 data_bytes, stack_bytes, text_bytes, file_bytes;
	u64 code_start, code_end, stack_start, arg_start, arg_end, env_start, env_end, data_start, data_end, brk_start;
	u64 signal_pending, signal_shared, signal_blocked, signal_ignored, signal_caught;
	u64 capabilities[5];     /* inheritable, permitted, effective, bounding, ambient */
	u64 voluntary_switches, involuntary_switches;
	u64 limits[FACTS_LIMITS][2];
	u64 queued_signals, fd_count;
	u64 read_bytes, write_bytes;
	u64 affinity;            /* bit per CPU, of the leader */
};
struct facts_thread {
	u32 pid, tid, flags, cpu;
	char state, unused[3];
	char name[FACTS_NAME_BYTES];
	s32 nice, policy, priority;
	u64 user_ns, system_ns, voluntary_switches, involuntary_switches, minor_faults, major_faults;
	u64 signal_pending, signal_blocked;
	u64 affinity;
};
/* file_flags: O_* */
struct facts_fd { u32 pid; s32 fd; u32 flags, file_flags; u64 position, ino; u32 mode, mount; };
enum facts_text_kind {
	TEXT_COMMAND = 1,        /* argv, NUL-terminated strings */
	TEXT_ENVIRONMENT = 2,
	TEXT_AUXV = 3,
	TEXT_MAPS = 4,           /* lines of /proc/pid/maps */
	TEXT_MOUNTS = 5,         /* lines of /proc/pid/mounts */
	TEXT_MOUNT_INFO = 6,
	TEXT_FD_PATH = 7,        /* target of /proc/pid/fd/N: index = N */
	TEXT_EXE = 8, TEXT_CWD = 9, TEXT_ROOT = 10,
	TEXT_FD_INFO = 11,       /* lines of /proc/pid/fdinfo/N besides pos, flags, mnt_id */
	TEXT_KERNEL_COMMAND = 12,
	TEXT_HOPS = 13,          /* one line per row of the call table that left the kernel */
	TEXT_SERVICES = 14,
	TEXT_INTERRUPTS = 15,
	TEXT_LOCKS = 16,
	TEXT_SMAPS = 17,         /* lines of /proc/pid/smaps */
	TEXT_SMAPS_ROLLUP = 18,
	TEXT_UNIX = 19,          /* lines of /proc/net/unix */
	TEXT_REFUSED = 20,       /* one line per row that was refused or is not implemented, with how often */
};
/* bytes [offset, offset+size) to va; out: length */
struct facts_text { u32 pid, kind; s32 index; u32 length; u64 offset, va, size; };
struct facts_pty { u32 number, flags; u32 uid, gid, mode, unused; u64 rdev; s64 atime_ns, mtime_ns, ctime_ns; };
enum facts_set_kind { SET_OOM_SCORE_ADJ = 1, SET_THREAD_NAME = 2, SET_HOST_NAME = 3, SET_DOMAIN_NAME = 4 };
#define FACTS_SET_TEXT_BYTES 72 /* the longest, a host name with its NUL, has 65 */
struct facts_set { u32 pid, kind; s64 value; char name[FACTS_SET_TEXT_BYTES]; };

#endif
