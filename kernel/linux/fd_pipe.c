// SPDX-License-Identifier: MIT
/* Linux rows that make descriptors pairwise: pipe, pipe2. fd_install_pair is shared with socketpair. */
#include "linux.h"

status_t fd_install_pair(struct file *first, struct file *second, u32 fd_flags, u64 user_pair)
{
	struct fdtable *t = thread_current()->fds;
	int fds[2];
	status_t st = ERR_FAULT;

	fds[0] = fdtable_install(t, first, 0, fd_flags);
	if (fds[0] < 0) {
		file_put(first);
		file_put(second);
		return fds[0];
	}
	fds[1] = fdtable_install(t, second, 0, fd_flags);
	if (fds[1] < 0) {
		st = fds[1];
		file_put(second);
	} else {
		st = copy_out(user_ptr(user_pair), fds, sizeof(fds));
		if (st == OK)
			return OK;
		(void)fdtable_close(t, fds[1]);
	}
	(void)fdtable_close(t, fds[0]);
	return st;
}

LINUX_HANDLER(pipe2)
{
	struct file *read_end, *write_end;
	status_t st;

	st = pipe_create(&read_end, &write_end, (u32)a1);
	if (st)
		return st;
	return fd_install_pair(read_end, write_end, a1 & O_CLOEXEC_K ? FD_CLOEXEC_K : 0, a0);
}

LINUX_HANDLER(pipe) { return linux_pipe2(a0, 0, 0, 0, 0, 0); }
