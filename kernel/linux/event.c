// SPDX-License-Identifier: MIT
/* Linux rows of eventfd, timerfd, signalfd and pidfd. */
#include "event_files.h"
#include "linux.h"

#include "linux/epoll.h"

#define FLAGS_MASK (O_NONBLOCK_K | O_CLOEXEC_K) /* EFD_, TFD_, SFD_ and PIDFD_ flags have the values of O_ flags */

struct itimerspec_k { u64 interval[2], value[2]; };

static s64 install_new(struct file *f, u32 flags)
{
	int fd;

	if (!f)
		return ERR_NOMEM;
	fd = fdtable_install(thread_current()->fds, f, 0, flags & O_CLOEXEC_K ? FD_CLOEXEC_K : 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

LINUX_HANDLER(eventfd2)
{
	u32 flags = (u32)a1;

	if (flags & ~(u32)(FLAGS_MASK | EFD_SEMAPHORE_K))
		return ERR_INVAL;
	return install_new(eventfd_create((u32)a0, flags & EFD_SEMAPHORE_K, flags & O_NONBLOCK_K), flags);
}

LINUX_HANDLER(eventfd) { return linux_eventfd2(a0, 0, 0, 0, 0, 0); }

LINUX_HANDLER(timerfd_create)
{
	u32 flags = (u32)a1;
	enum timerfd_clock clock;

	if (flags & ~(u32)FLAGS_MASK)
		return ERR_INVAL;
	switch ((int)a0) {
	case 0: /* CLOCK_REALTIME */
		clock = TIMERFD_REALTIME;
		break;
	case 1: case 7: /* CLOCK_MONOTONIC, CLOCK_BOOTTIME: the machine never sleeps, so they are one */
		clock = TIMERFD_MONOTONIC;
		break;
	case 8: case 9: /* the _ALARM clocks: there is no wake-up hardware, so privilege does not help */
		return FAIL(ERR_PERM, "alarm clock");
	default:
		return ERR_INVAL;
	}
	return install_new(timerfd_create(clock, flags & O_NONBLOCK_K), flags);
}

static status_t times_out(u64 arg, u64 left_ns, u64 interval_ns)
{
	status_t st = timespec_out(user_ptr(arg), interval_ns);

	return st ? st : timespec_out(user_ptr(arg + 16), left_ns);
}

LINUX_HANDLER(timerfd_settime)
{
	u64 interval, first, old_left, old_interval;
	struct file *f;
	bool held;
	status_t st;

	if (a1 & ~(u64)(TFD_TIMER_ABSTIME_K | TFD_TIMER_CANCEL_ON_SET_K))
		return ERR_INVAL;
	st = timespec_in(user_ptr(a2), &interval);
	if (st == OK)
		st = timespec_in(user_ptr(a2 + 16), &first);
	if (st)
		return st;
	f = fd_borrow((int)a0, &held);
	if (!f)
		return ERR_BADF;
	if (timerfd_is(f))
		st = timerfd_set(f, first, interval, (u32)a1, &old_left, &old_interval);
	else
		st = file_wrong_kind(f);
	fd_return(f, held);
	return st == OK && a3 ? times_out(a3, old_left, old_interval) : st;
}

LINUX_HANDLER(timerfd_gettime)
{
	u64 left = 0, interval = 0;
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	status_t st = OK;

	if (!f)
		return ERR_BADF;
	if (timerfd_is(f))
		timerfd_get(f, &left, &interval);
	else
		st = file_wrong_kind(f);
	fd_return(f, held);
	return st ? st : times_out(a1, left, interval);
}

LINUX_HANDLER(signalfd4)
{
	u32 flags = (u32)a3;
	sigset_t_k set;
	struct file *f;
	bool held;
	status_t st;

	if ((flags & ~(u32)FLAGS_MASK) || a2 != sizeof(set))
		return ERR_INVAL;
	st = COPY_IN(&set, user_ptr(a1));
	if (st)
		return st;
	if ((int)a0 == -1)
		return install_new(signalfd_create(set, flags & O_NONBLOCK_K), flags);
	f = fd_borrow((int)a0, &held);
	if (!f)
		return ERR_BADF;
	st = f->flags & O_PATH_K ? ERR_BADF : signalfd_change(f, set);
	fd_return(f, held);
	return st ? st : (int)a0;
}

LINUX_HANDLER(signalfd) { return linux_signalfd4(a0, a1, a2, 0, 0, 0); }

LINUX_HANDLER(pidfd_open)
{
	struct process *p;
	s64 fd;

	if ((a1 & ~(u64)O_NONBLOCK_K) || (s32)a0 <= 0)
		return ERR_INVAL;
	p = process_find((u32)a0);
	if (!p)
		return ERR_SRCH;
	fd = install_new(pidfd_create(p, (u32)a1), O_CLOEXEC_K);
	process_put(p);
	return fd;
}

LINUX_HANDLER(pidfd_getfd)
{
	bool held;
	struct file *pidfd = fd_borrow((int)a0, &held), *f = NULL;
	struct fdtable *table = NULL;
	struct process *p = pidfd ? pidfd_process(pidfd) : NULL;
	s64 result = ERR_BADF;

	if (!pidfd)
		return ERR_BADF;
	if (a2)
		result = ERR_INVAL;
	else if (p && !signal_permitted(p, SIGKILL)) /* the same ownership test as ptrace for equal credentials */
		result = ERR_PERM;
	else if (p)
		table = process_fds_get(p);
	if (table) {
		f = fdtable_get_file(table, (int)a1);
		fdtable_put(table);
		result = f ? install_new(f, O_CLOEXEC_K) : ERR_BADF;
	} else if (p && result == ERR_BADF) {
		result = ERR_SRCH;
	}
	if (p)
		process_put(p);
	fd_return(pidfd, held);
	return result;
}
