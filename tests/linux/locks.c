// SPDX-License-Identifier: MIT
/* Record locks: fcntl, OFD locks, flock, deadlock detection, release on close and exit. */
#include "check.h"
#include "scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int lock(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	return fcntl(fd, cmd, &l);
}
/* Runs fn in a child; true when it returned 0. */
static int child(int (*fn)(void))
{
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(fn());
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static int try_write_lock_is_refused(void)
{
	int fd = open("f", O_RDWR);
	return !(lock(fd, F_SETLK, F_WRLCK, 0, 10) == -1 && (errno == EAGAIN || errno == EACCES));
}
static int try_far_write_lock_works(void)
{
	int fd = open("f", O_RDWR);
	return lock(fd, F_SETLK, F_WRLCK, 100, 10);
}
static int read_locks_are_shared(void)
{
	int fd = open("f", O_RDWR);
	return lock(fd, F_SETLK, F_RDLCK, 0, 10);
}
static int getlk_names_the_owner(void)
{
	int fd = open("f", O_RDWR);
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0 };
	if (fcntl(fd, F_GETLK, &l))
		return 1;
	return !(l.l_type == F_WRLCK && l.l_pid == getppid() && l.l_start == 5 && l.l_len == 5);
}

CASE(write_lock_excludes_other_processes)
{
	int fd = open("f", O_RDWR);
	CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 10) == 0);
	CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 20) == 0);
	CHECK(lock(fd, F_SETLK, F_UNLCK, 10, 10) == 0);
	CHECK(child(try_write_lock_is_refused));
	CHECK(child(try_far_write_lock_works));
	close(fd);
}
CASE(closing_any_descriptor_drops_posix_locks)
{
	int fd = open("f", O_RDWR);
	CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 0) == 0);
	close(open("f", O_RDONLY));
	CHECK(child(try_far_write_lock_works));
	CHECK(child(read_locks_are_shared));
	close(fd);
}
CASE(read_locks_share_and_exclude_writers)
{
	int fd = open("f", O_RDWR);
	CHECK(lock(fd, F_SETLK, F_RDLCK, 0, 10) == 0);
	CHECK(child(read_locks_are_shared));
	CHECK(child(try_write_lock_is_refused));
	close(fd);
}
CASE(ranges_split_and_getlk_reports)
{
	int fd = open("f", O_RDWR);
	CHECK(lock(fd, F_SETLK, F_WRLCK, 5, 5) == 0);
	CHECK(child(getlk_names_the_owner));
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	CHECK(fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_UNLCK);
	CHECK_ERRNO(lock(fd, F_SETLK, 9, 0, 1), EINVAL);
	CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, -5, 1), EINVAL);
	int r = open("f", O_RDONLY);
	CHECK_ERRNO(lock(r, F_SETLK, F_WRLCK, 0, 1), EBADF);
	close(r);
	close(fd);
}
CASE(waiting_lock_is_granted_on_exit)
{
	int p[2], status;
	char c;
	CHECK(pipe(p) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open("f", O_RDWR);
		lock(fd, F_SETLK, F_WRLCK, 0, 0);
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		usleep(50000);
		_exit(0);
	}
	CHECK(read(p[0], &c, 1) == 1);
	int fd = open("f", O_RDWR);
	CHECK(lock(fd, F_SETLKW, F_WRLCK, 0, 0) == 0);
	close(fd);
	waitpid(pid, &status, 0);
	close(p[0]);
	close(p[1]);
}
CASE(deadlock_is_detected)
{
	int up[2], down[2], status;
	char c;
	CHECK(pipe(up) == 0 && pipe(down) == 0);
	int fd = open("f", O_RDWR);
	CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		int mine = open("f", O_RDWR);
		lock(mine, F_SETLK, F_WRLCK, 1, 1);
		if (write(up[1], "x", 1) != 1)
			_exit(1);
		_exit(lock(mine, F_SETLKW, F_WRLCK, 0, 1) != 0);
	}
	CHECK(read(up[0], &c, 1) == 1);
	usleep(50000);
	CHECK_ERRNO(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
	close(fd);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	close(up[0]);
	close(up[1]);
	close(down[0]);
	close(down[1]);
}
/* A second lock in the way may close a circle after the first has gone: it is found when the waiter wakes. */
CASE(delayed_deadlock_is_detected)
{
	int ready[2], go[2], status, fd = open("f", O_RDWR);
	char c;
	CHECK(pipe(ready) == 0 && pipe(go) == 0);
	pid_t first = fork();
	if (first == 0) { /* in the way of the parent first, without waiting for anyone */
		lock(fd, F_SETLK, F_WRLCK, 0, 1);
		_exit(write(ready[1], "x", 1) != 1 || read(go[0], &c, 1) != 1);
	}
	CHECK(read(ready[0], &c, 1) == 1);
	CHECK(lock(fd, F_SETLK, F_WRLCK, 2, 1) == 0);
	pid_t second = fork();
	if (second == 0) { /* has byte 1, waits for byte 2 of the parent */
		lock(fd, F_SETLK, F_WRLCK, 1, 1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(100000); /* the parent waits for the first child now */
		if (write(go[1], "x", 1) != 1)
			_exit(1);
		alarm(10);
		_exit(lock(fd, F_SETLKW, F_WRLCK, 2, 1) != 0 && errno != EDEADLK);
	}
	CHECK(read(ready[0], &c, 1) == 1);
	alarm(10);
	int result = lock(fd, F_SETLKW, F_WRLCK, 0, 2); /* one of the two is told */
	alarm(0);
	CHECK(result == 0 || errno == EDEADLK);
	lock(fd, F_SETLK, F_UNLCK, 0, 0);
	CHECK(waitpid(first, &status, 0) == first && status == 0);
	CHECK(waitpid(second, &status, 0) == second && status == 0);
	close(fd);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	close(go[1]);
}
static int lock_a_fifo(void)
{
	int fd = open("fifo", O_RDWR);
	return flock(fd, LOCK_EX | LOCK_NB) || lock(fd, F_SETLK, F_WRLCK, 0, 0);
}
static int lock_a_device(void)
{
	int fd = open("/dev/null", O_RDWR);
	return flock(fd, LOCK_SH | LOCK_NB) || lock(fd, F_SETLK, F_RDLCK, 7, 1);
}
static int lock_a_directory(void)
{
	int fd = open(".", O_RDONLY);
	return flock(fd, LOCK_EX | LOCK_NB) || lock(fd, F_SETLK, F_RDLCK, 0, 0);
}
CASE(locks_of_each_kind_of_file_end_with_it)
{
	CHECK(mkfifo("fifo", 0600) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(child(lock_a_fifo) && child(lock_a_device) && child(lock_a_directory));
	int fd = open("/dev/null", O_RDWR);
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 7, .l_len = 1 };
	CHECK(fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_UNLCK);
	close(fd);
	unlink("fifo");
}
static int pipe_ends[2];
static int try_pipe_lock_is_refused(void)
{
	return lock(pipe_ends[1], F_SETLK, F_WRLCK, 0, 1) != -1 || errno != EAGAIN;
}
static int try_pipe_lock(void) { return lock(pipe_ends[1], F_SETLK, F_WRLCK, 0, 1); }
CASE(an_inherited_pipe_can_be_locked) /* make -O does so with its output */
{
	CHECK(pipe(pipe_ends) == 0);
	CHECK_ERRNO(fcntl(pipe_ends[1], F_SETLK, (void *)8), EFAULT);
	CHECK(lock(pipe_ends[1], F_SETLKW, F_WRLCK, 0, 1) == 0);
	CHECK(child(try_pipe_lock_is_refused));
	CHECK(lock(pipe_ends[1], F_SETLKW, F_UNLCK, 0, 1) == 0);
	CHECK(child(try_pipe_lock) && child(try_pipe_lock));
	CHECK(flock(pipe_ends[1], LOCK_EX) == 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
CASE(ofd_locks_belong_to_the_open_file)
{
	int a = open("f", O_RDWR), b = open("f", O_RDWR), c = dup(a);
	CHECK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10) == 0);
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 10), EAGAIN);
	CHECK_ERRNO(lock(b, F_SETLK, F_WRLCK, 0, 10), EAGAIN);
	CHECK(lock(c, F_OFD_SETLK, F_WRLCK, 0, 10) == 0);
	close(open("f", O_RDWR));
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 10), EAGAIN);
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	CHECK(fcntl(b, F_OFD_GETLK, &l) == 0 && l.l_type == F_WRLCK && l.l_pid == -1);
	l = (struct flock){ .l_type = F_UNLCK, .l_whence = SEEK_SET };
	CHECK_ERRNO(fcntl(a, F_GETLK, &l), EINVAL);
	if (fcntl(a, F_OFD_GETLK, &l) == 0) /* since Linux 6.6: what it holds itself */
		CHECK(l.l_type == F_WRLCK && l.l_len == 10);
	l = (struct flock){ .l_type = F_UNLCK, .l_whence = SEEK_SET };
	if (fcntl(b, F_OFD_GETLK, &l) == 0)
		CHECK(l.l_type == F_UNLCK);
	close(a);
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 10), EAGAIN);
	close(c);
	CHECK(lock(b, F_OFD_SETLK, F_WRLCK, 0, 10) == 0);
	close(b);
}
CASE(flock_belongs_to_the_open_file)
{
	int a = open("f", O_RDWR), b = open("f", O_RDWR);
	CHECK(flock(a, LOCK_EX) == 0);
	CHECK_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK(lock(b, F_SETLK, F_WRLCK, 0, 0) == 0);
	CHECK(flock(a, LOCK_SH) == 0);
	CHECK(flock(b, LOCK_SH | LOCK_NB) == 0);
	CHECK_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK(flock(a, LOCK_UN) == 0);
	CHECK(flock(b, LOCK_EX | LOCK_NB) == 0);
	close(b);
	CHECK(flock(a, LOCK_EX | LOCK_NB) == 0);
	CHECK_ERRNO(flock(a, 77), EINVAL);
	close(a);
}
static void on_alarm(int sig) { (void)sig; }
CASE(waiting_is_interrupted_by_a_signal)
{
	int a = open("f", O_RDWR), b = open("f", O_RDWR);
	struct sigaction sa = { .sa_handler = on_alarm };
	sigaction(SIGALRM, &sa, NULL);
	CHECK(flock(a, LOCK_EX) == 0);
	alarm(1);
	CHECK_ERRNO(flock(b, LOCK_EX), EINTR);
	close(a);
	close(b);
}

int main(void)
{
	if (scratch_enter("locks"))
		return 99;
	close(open("f", O_CREAT | O_RDWR, 0644));
	RUN(write_lock_excludes_other_processes);
	RUN(closing_any_descriptor_drops_posix_locks);
	RUN(read_locks_share_and_exclude_writers);
	RUN(ranges_split_and_getlk_reports);
	RUN(waiting_lock_is_granted_on_exit);
	RUN(deadlock_is_detected);
	RUN(delayed_deadlock_is_detected);
	RUN(locks_of_each_kind_of_file_end_with_it);
	RUN(an_inherited_pipe_can_be_locked);
	RUN(ofd_locks_belong_to_the_open_file);
	RUN(flock_belongs_to_the_open_file);
	RUN(waiting_is_interrupted_by_a_signal);
	unlink("f");
	CHECK(scratch_leave() == 0);
	return check_summary();
}
