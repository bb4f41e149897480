// SPDX-License-Identifier: MIT
/* Linux rows on descriptors: close, dup, fcntl, ioctl, flock. Record locks and flock are in vfs/lock.c. */
#include "async.h"
#include "linux.h"
#include "vfs.h"

#include "linux/fcntl.h"
#include "linux/ioctl.h"
#include "linux/stat.h"

s64 file_seals(struct file *f, int command, u64 seals) WEAK;
s64 vfs_syncfs(struct file *f) WEAK;

#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4
#define SIGNAL_LAST 64

LINUX_HANDLER(close) { return fdtable_close(thread_current()->fds, (int)a0); }

LINUX_HANDLER(close_range)
{
	struct thread *t = thread_current();
	u32 first = (u32)a0, last = (u32)a1;
	status_t st;

	if ((a2 & ~(u64)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return ERR_INVAL;
	if (a2 & CLOSE_RANGE_UNSHARE) {
		st = fdtable_unshare();
		if (st)
			return st;
	}
	return fdtable_close_range(t->fds, first, last, a2 & CLOSE_RANGE_CLOEXEC);
}

static s64 duplicate_from(int fd, u64 min, u32 fd_flags)
{
	struct process *p = process_current();
	struct file *f = fd_get(fd);
	int new_fd;

	if (!f)
		return ERR_BADF;
	if (min >= p->rlimits[RLIMIT_NOFILE].soft || min > INT32_MAX) {
		file_put(f);
		return ERR_INVAL;
	}
	new_fd = fdtable_install(thread_current()->fds, f, (int)min, fd_flags);
	if (new_fd < 0)
		file_put(f);
	return new_fd;
}

LINUX_HANDLER(dup)
{
	struct file *f = fd_get((int)a0);
	int new_fd;

	if (!f)
		return ERR_BADF;
	new_fd = fdtable_install(thread_current()->fds, f, 0, 0);
	if (new_fd < 0)
		file_put(f);
	return new_fd;
}

static s64 duplicate_to(int fd, int new_fd, u32 fd_flags)
{
	struct file *f = fd_get(fd);
	status_t st;

	if (!f)
		return ERR_BADF;
	st = fdtable_install_at(thread_current()->fds, new_fd, f, fd_flags);
	if (st) {
		file_put(f);
		return st;
	}
	return new_fd;
}

LINUX_HANDLER(dup2)
{
	struct file *f;

	if ((int)a0 != (int)a1)
		return duplicate_to((int)a0, (int)a1, 0);
	f = fd_get((int)a0);
	if (!f)
		return ERR_BADF;
	file_put(f);
	return (int)a1;
}

LINUX_HANDLER(dup3)
{
	if ((a2 & ~(u64)O_CLOEXEC_K) || (int)a0 == (int)a1)
		return ERR_INVAL;
	return duplicate_to((int)a0, (int)a1, a2 ? FD_CLOEXEC_K : 0);
}

static s64 fcntl_owner_ex(struct file *f, bool set, u64 arg)
{
	struct f_owner_ex_k owner;
	status_t st;

	if (!set) {
		u32 type;
		owner.pid = file_owner_get(f, &type);
		owner.type = (s32)type;
		return COPY_OUT(user_ptr(arg), &owner);
	}
	st = COPY_IN(&owner, user_ptr(arg));
	return st ? st : file_owner_set(f, (u32)owner.type, owner.pid);
}

/* A negative number is a group. */
static s64 fcntl_set_owner(struct file *f, s32 who)
{
	if (who == INT32_MIN)
		return ERR_INVAL;
	return file_owner_set(f, who < 0 ? F_OWNER_PGRP_K : F_OWNER_PID_K, who < 0 ? -who : who);
}

static s64 fcntl_get_owner(struct file *f)
{
	u32 type;
	s32 id = file_owner_get(f, &type);
	return type == F_OWNER_PGRP_K ? -id : id;
}

static s64 fcntl_set_flags(struct file *f, int fd, u32 flags)
{
	status_t st = (flags ^ f->flags) & O_ASYNC_K ? file_async_set(f, fd, flags & O_ASYNC_K) : OK;
	return st ? st : file_fcntl_flags(f, flags);
}

/* Commands that only look at or change the open file. */
static s64 fcntl_file(struct file *f, int fd, int command, u64 arg)
{
	switch (command) {
	case F_SETFL_K:
		return fcntl_set_flags(f, fd, (u32)arg);
	case F_GETLK_K: case F_SETLK_K: case F_SETLKW_K:
	case F_OFD_GETLK_K: case F_OFD_SETLK_K: case F_OFD_SETLKW_K:
		return file_lock_fcntl(f, command, user_ptr(arg));
	case F_SETOWN_K:
		return fcntl_set_owner(f, (s32)arg);
	case F_GETOWN_K:
		return fcntl_get_owner(f);
	case F_SETOWN_EX_K: case F_GETOWN_EX_K:
		return fcntl_owner_ex(f, command == F_SETOWN_EX_K, arg);
	case F_GETLEASE_K:
		return F_UNLCK_K; /* nobody can set one */
	case F_NOTIFY_K:
		return fcntl_notify(f, fd, (u32)arg);
	case F_SETSIG_K:
		if (arg > SIGNAL_LAST)
			return ERR_INVAL;
		return file_signal_set(f, (int)arg);
	case F_GETSIG_K:
		return file_signal_get(f);
	case F_SETPIPE_SZ_K:
		return pipe_is(f) ? pipe_set_size(f, (u32)arg) : ERR_BADF;
	case F_GETPIPE_SZ_K:
		return pipe_is(f) ? pipe_get_size(f) : ERR_BADF;
	case F_ADD_SEALS_K: case F_GET_SEALS_K:
		return file_seals ? file_seals(f, command, arg) : ERR_INVAL;
	default:
		return FAIL(ERR_INVAL, "fcntl command");
	}
}

LINUX_HANDLER(fcntl)
{
	struct fdtable *t = thread_current()->fds;
	int fd = (int)a0, command = (int)a1;
	struct file *f;
	bool held;
	s64 result;

	switch (command) {
	case F_DUPFD_K:
		return duplicate_from(fd, (u32)a2, 0);
	case F_DUPFD_CLOEXEC_K:
		return duplicate_from(fd, (u32)a2, FD_CLOEXEC_K);
	case F_GETFD_K:
		return fdtable_get_flags(t, fd);
	case F_SETFD_K:
		return fdtable_set_flags(t, fd, (u32)a2 & FD_CLOEXEC_K);
	default:
		break;
	}
	f = fd_borrow(fd, &held);
	if (!f)
		return ERR_BADF;
	if (command == F_GETFL_K)
		result = f->flags & ~(u32)(O_CREAT_K | O_EXCL_K | O_NOCTTY_K | O_TRUNC_K | O_CLOEXEC_K);
	else
		result = (f->flags & O_PATH_K) ? ERR_BADF : fcntl_file(f, fd, command, a2);
	fd_return(f, held);
	return result;
}

static s64 ioctl_async(struct file *f, int fd, u64 arg)
{
	int on;
	status_t st = COPY_IN(&on, user_ptr(arg));

	if (st)
		return st;
	if (!on == !(f->flags & O_ASYNC_K))
		return OK;
	return f->ops->signals_io ? fcntl_set_flags(f, fd, f->flags ^ O_ASYNC_K) : ERR_NOTTY;
}

LINUX_HANDLER(ioctl)
{
	struct fdtable *t = thread_current()->fds;
	u32 command = (u32)a1;
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	s64 result;

	if (!f)
		return ERR_BADF;
	if (f->flags & O_PATH_K)
		result = ERR_BADF;
	else if (command == FIOCLEX_K || command == FIONCLEX_K)
		result = fdtable_set_flags(t, (int)a0, command == FIOCLEX_K ? FD_CLOEXEC_K : 0);
	else if (command == FIOASYNC_K)
		result = ioctl_async(f, (int)a0, a2);
	else
		result = file_ioctl(f, command, a2);
	fd_return(f, held);
	return result;
}

static s64 ioctl_nonblock(struct file *f, u64 arg)
{
	int on;
	status_t st = COPY_IN(&on, user_ptr(arg));

	if (st)
		return st;
	return file_fcntl_flags(f, on ? f->flags | O_NONBLOCK_K : f->flags & ~(u32)O_NONBLOCK_K);
}

/* Bytes between the position and the end of a regular file. */
static s64 ioctl_readable(struct file *f, u64 arg)
{
	struct attributes attr;
	status_t st = file_stat(f, &attr);
	int left;

	if (st)
		return st;
	left = (int)MIN(attr.size > f->pos ? attr.size - f->pos : 0, (u64)INT32_MAX);
	return COPY_OUT(user_ptr(arg), &left);
}

/* Of the file system. */
static s64 ioctl_block_size(struct file *f, u64 arg)
{
	struct attributes attr;
	status_t st = file_stat(f, &attr);
	int size;

	if (st)
		return st;
	size = (int)attr.block_size;
	return COPY_OUT(user_ptr(arg), &size);
}

s64 file_ioctl(struct file *f, u32 command, u64 arg)
{
	if (command == FIONBIO_K)
		return ioctl_nonblock(f, arg);
	if (command == FIGETBSZ_K && f->where.node)
		return ioctl_block_size(f, arg);
	if (command == FIONREAD_K && f->where.node && S_ISREG_K(f->where.node->mode))
		return ioctl_readable(f, arg);
	return f->ops->ioctl ? f->ops->ioctl(f, command, arg) : ERR_NOTTY;
}

LINUX_HANDLER(flock)
{
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	s64 result;

	if (!f)
		return ERR_BADF;
	if (f->flags & O_PATH_K)
		result = ERR_BADF;
	else
		result = file_flock(f, (int)a1);
	fd_return(f, held);
	return result;
}

LINUX_HANDLER(syncfs)
{
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	s64 result;

	if (!f)
		return ERR_BADF;
	if (f->flags & O_PATH_K)
		result = ERR_BADF;
	else if (vfs_syncfs)
		result = vfs_syncfs(f);
	else
		result = f->ops->sync ? f->ops->sync(f, false) : OK; /* nothing is kept back: no dirty state exists */
	fd_return(f, held);
	return result;
}
