/* SPDX-License-Identifier: MIT */
/* Handlers of the Linux table: s64 linux_<name>(a0..a5), >= 0 or a negative status. Undefined handlers of
 * KERNEL rows are weak: the dispatcher answers NOSYS and counts them. */
#ifndef AMBOS_KERNEL_LINUX_H
#define AMBOS_KERNEL_LINUX_H

#include "call.h"
#include "file.h"
#include "vfs.h"

#define LINUX_HANDLER(name) s64 linux_##name(u64 a0 UNUSED, u64 a1 UNUSED, u64 a2 UNUSED, u64 a3 UNUSED, u64 a4 UNUSED, u64 a5 UNUSED)

#define LINUX_CALL(nr, name, how, ...) s64 linux_##name(u64, u64, u64, u64, u64, u64) WEAK;
#include "../../abi/linux/syscalls.def"
#undef LINUX_CALL

/* Timespec <-> ns, with range checks (ERR_INVAL). */
struct timeval_user { s64 sec, usec; };
status_t timespec_in(struct user_ptr p, u64 *ns) MUST_CHECK;      /* non-negative, tv_nsec < 1e9 */
status_t timespec_out(struct user_ptr p, u64 ns) MUST_CHECK;

/* kernel/linux/table.c: names of rows; the tracer's switch (one branch per entry and exit). */
const char *linux_call_name(u32 nr);      /* NULL: no such row */
extern u32 syscall_trace_enabled;
void syscall_trace_enter(struct trap_frame *f) WEAK;
void syscall_trace_exit(struct trap_frame *f, s64 result) WEAK;
void trace_launch(const struct exec_args *a);          /* only when syscall_trace_enabled */
void trace_launch_result(s64 result);

/* time.c */
u64 time_wall_ns(void);                                           /* CLOCK_REALTIME */
/* Deadline (monotonic ns) of an absolute time on a clock; RELATIVE adds now. Saturates at DEADLINE_NEVER. */
u64 deadline_from_relative(u64 ns);
u64 deadline_from_realtime(u64 wall_ns);
/* A deadline that stands for a time on the wall clock, whatever it will be set to; only for wait_sleep_until, which is
 * wait_sleep for these as well as for plain ones. */
#define DEADLINE_WALL (1ull << 63)
static inline u64 deadline_on_wall(u64 wall_ns) { return wall_ns | DEADLINE_WALL; }
status_t wait_sleep_until(u64 deadline, enum wait_flags flags) MUST_CHECK;
enum linux_clock {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM,
	CLOCK_SGI_CYCLE, CLOCK_TAI, /* the former is gone since Linux 4.4 */
};
s64 clock_read(s32 clock, u64 *ns) MUST_CHECK;                    /* any clockid_t; ERR_INVAL */
/* The wall clock was set `delta_ns` forward (or back): what waits for a time on it, by its own time, moves (clock_settime(2)). */
void posix_timers_clock_set(s64 delta_ns);
void timerfds_clock_set(s64 delta_ns);
void sleepers_clock_set(void);
static inline u64 deadline_moved(u64 deadline_ns, s64 delta_ns) /* never 0 */
{
	if (delta_ns < 0)
		return deadline_ns > DEADLINE_NEVER - (u64)-delta_ns ? DEADLINE_NEVER : deadline_ns + (u64)-delta_ns;
	return deadline_ns > (u64)delta_ns ? deadline_ns - (u64)delta_ns : 1;
}
void vdso_update_clock(void);                                     /* after a change of the wall clock */
status_t vdso_map(struct aspace *as, u64 *base) MUST_CHECK;       /* AT_SYSINFO_EHDR; base 0: none */

/* Installs two files lowest first and copies the pair of numbers out; takes both references over, on failure too. */
status_t fd_install_pair(struct file *first, struct file *second, u32 fd_flags, u64 user_pair) MUST_CHECK;
/* The one conversion to struct stat; used by fstat, stat, lstat and newfstatat. */
struct linux_stat;
s64 fcntl_notify(struct file *f, int fd, u32 wanted); /* inotify.c */
void stat_from_attributes(const struct attributes *a, struct linux_stat *s);

#endif
