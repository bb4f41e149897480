// SPDX-License-Identifier: MIT
/* Linux rows of epoll. Events are gathered in kernel memory and copied out in pieces of EVENTS_BATCH. */
#include "epoll.h"
#include "linux.h"

#define EVENTS_INLINE 16
#define EVENTS_BATCH 1024                        /* one kmalloc of 12 KiB */
#define EVENTS_MAX (INT32_MAX / (s32)sizeof(struct epoll_event_k)) /* epoll_wait(2): EINVAL beyond */

static s64 create(u32 fd_flags)
{
	struct file *f = epoll_create_file();
	int fd;

	if (!f)
		return ERR_NOMEM;
	fd = fdtable_install(thread_current()->fds, f, 0, fd_flags);
	if (fd < 0)
		file_put(f);
	return fd;
}

LINUX_HANDLER(epoll_create) { return (s32)a0 <= 0 ? ERR_INVAL : create(0); }

LINUX_HANDLER(epoll_create1)
{
	if (a0 & ~(u64)O_CLOEXEC_K)
		return ERR_INVAL;
	return create(a0 ? FD_CLOEXEC_K : 0);
}

static s64 control(struct file *epoll, struct file *target, int operation, int fd, const struct epoll_event_k *event)
{
	if ((epoll->flags | target->flags) & O_PATH_K)
		return ERR_BADF;
	if (!target->ops->poll)
		return ERR_PERM;
	if (!epoll_is(epoll) || epoll == target)
		return ERR_INVAL;
	switch (operation) {
	case EPOLL_CTL_ADD_K:
		return epoll_add(epoll, target, fd, event);
	case EPOLL_CTL_MOD_K:
		return epoll_modify(epoll, target, fd, event);
	case EPOLL_CTL_DEL_K:
		return epoll_remove(epoll, target, fd);
	default:
		return FAIL(ERR_INVAL, "epoll_ctl operation");
	}
}

LINUX_HANDLER(epoll_ctl)
{
	struct epoll_event_k event = { 0, 0 };
	struct file *epoll, *target;
	bool epoll_held, target_held;
	s64 result = OK;

	if ((int)a1 != EPOLL_CTL_DEL_K)
		result = COPY_IN(&event, user_ptr(a3));
	if (result)
		return result;
	epoll = fd_borrow((int)a0, &epoll_held);
	if (!epoll)
		return ERR_BADF;
	target = fd_borrow((int)a2, &target_held);
	if (!target) {
		fd_return(epoll, epoll_held);
		return ERR_BADF;
	}
	result = control(epoll, target, (int)a1, (int)a2, &event);
	fd_return(target, target_held);
	fd_return(epoll, epoll_held);
	return result;
}

/* Waits for the first piece only. A level-triggered file goes to the end of the ready list when it was reported, so the
 * rounds are bounded by what was ready at the start: no file is reported twice. */
static s64 gather(struct file *epoll, u64 user_events, struct epoll_event_k *events, u32 piece, u32 max, u64 deadline_ns)
{
	u32 left = MIN(max, MAX(epoll_ready_count(epoll), piece)), done = 0;
	while (left) {
		s64 n = epoll_wait_events(epoll, events, MIN(piece, left), done ? 0 : deadline_ns);
		if (n <= 0)
			return done ? (s64)done : n;
		if (copy_out(user_ptr(user_events + done * sizeof(*events)), events, (size_t)n * sizeof(*events)))
			return done ? (s64)done : (s64)ERR_FAULT;
		done += (u32)n;
		left -= (u32)n;
		if (n < piece)
			break;
	}
	return done;
}

static s64 wait_events(int fd, u64 user_events, s32 max, u64 deadline_ns)
{
	struct epoll_event_k inline_events[EVENTS_INLINE], *events = inline_events;
	struct file *epoll;
	bool held;
	s64 result;

	if (max <= 0 || max > EVENTS_MAX)
		return ERR_INVAL;
	u32 piece = MIN((u32)max, (u32)EVENTS_BATCH);
	epoll = fd_borrow(fd, &held);
	if (!epoll)
		return ERR_BADF;
	if (piece > EVENTS_INLINE)
		events = kmalloc(piece * sizeof(*events));
	if (!epoll_is(epoll))
		result = file_wrong_kind(epoll);
	else if (!events)
		result = ERR_NOMEM;
	else
		result = gather(epoll, user_events, events, piece, (u32)max, deadline_ns);
	if (events != inline_events)
		kfree(events);
	fd_return(epoll, held);
	return result;
}

static u64 deadline_from_ms(s32 timeout_ms)
{
	if (timeout_ms < 0)
		return DEADLINE_NEVER;
	return timeout_ms ? deadline_from_relative((u64)timeout_ms * NSEC_PER_MSEC) : 0;
}

LINUX_HANDLER(epoll_wait) { return wait_events((int)a0, a1, (s32)a2, deadline_from_ms((s32)a3)); }

static s64 wait_with_mask(int fd, u64 events, s32 max, u64 deadline_ns, u64 mask, u64 mask_size)
{
	s64 result = signal_mask_temporary(user_ptr(mask), mask_size);

	if (result)
		return result;
	result = wait_events(fd, events, max, deadline_ns);
	signal_mask_finish(result == ERR_INTR);
	return result;
}

LINUX_HANDLER(epoll_pwait) { return wait_with_mask((int)a0, a1, (s32)a2, deadline_from_ms((s32)a3), a4, a5); }

LINUX_HANDLER(epoll_pwait2)
{
	u64 deadline = DEADLINE_NEVER, ns;
	status_t st = OK;

	if (a3) {
		st = timespec_in(user_ptr(a3), &ns);
		if (st)
			return st;
		deadline = ns ? deadline_from_relative(ns) : 0;
	}
	return wait_with_mask((int)a0, a1, (s32)a2, deadline, a4, a5);
}
