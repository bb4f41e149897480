// SPDX-License-Identifier: MIT
/* Pipes, FIFOs by descriptor, descriptor duplication, vectors, splice and tee. */
#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int p[2];
static char big[200000];
static void *volatile bad_address = (void *)8;
static volatile int too_many = 1025;
static volatile int pipe_signals;

static void on_sigpipe(int s) { pipe_signals++; }
static void open_pipe(int flags) { CHECK(pipe2(p, flags) == 0); }
static void close_pipe(void) { close(p[0]); close(p[1]); }
static int revents(int fd, short events)
{
	struct pollfd f = { fd, events, 0 };
	poll(&f, 1, 0);
	return f.revents;
}

CASE(bytes_come_out_in_order)
{
	char b[8] = { 0 };
	open_pipe(0);
	CHECK(write(p[1], "abc", 3) == 3 && write(p[1], "def", 3) == 3);
	CHECK(read(p[0], b, 4) == 4 && !memcmp(b, "abcd", 4));
	CHECK(read(p[0], b, 8) == 2 && !memcmp(b, "ef", 2));
	close_pipe();
}
CASE(read_without_writers_is_end_of_file)
{
	char b;
	open_pipe(0);
	CHECK(write(p[1], "x", 1) == 1);
	close(p[1]);
	CHECK(read(p[0], &b, 1) == 1 && b == 'x');
	CHECK(read(p[0], &b, 1) == 0);
	CHECK(revents(p[0], POLLIN) == POLLHUP);
	close(p[0]);
}
CASE(write_without_readers_is_epipe_and_sigpipe)
{
	struct sigaction sa = { .sa_handler = on_sigpipe }, old;
	sigaction(SIGPIPE, &sa, &old);
	open_pipe(0);
	close(p[0]);
	pipe_signals = 0;
	CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
	CHECK(pipe_signals == 1);
	CHECK(revents(p[1], POLLOUT) & POLLERR);
	close(p[1]);
	sigaction(SIGPIPE, &old, NULL);
}
CASE(nonblocking_ends_say_again)
{
	char b;
	open_pipe(O_NONBLOCK);
	CHECK_ERRNO(read(p[0], &b, 1), EAGAIN);
	CHECK(write(p[1], big, sizeof(big)) == 65536);
	CHECK_ERRNO(write(p[1], &b, 1), EAGAIN);
	CHECK(revents(p[1], POLLOUT) == 0 && revents(p[0], POLLIN) == POLLIN);
	CHECK(read(p[0], big, 1) == 1);
	CHECK_ERRNO(write(p[1], big, 4096), EAGAIN); /* at most PIPE_BUF: all or nothing */
	CHECK(read(p[0], big, 4095) == 4095);
	CHECK(write(p[1], big, 4096) == 4096);
	close_pipe();
}
CASE(fionread_counts_bytes)
{
	int n = -1;
	open_pipe(0);
	CHECK(write(p[1], big, 5000) == 5000);
	CHECK(ioctl(p[0], FIONREAD, &n) == 0 && n == 5000);
	close_pipe();
}
CASE(size_can_be_read_and_set)
{
	open_pipe(O_NONBLOCK);
	CHECK(fcntl(p[0], F_GETPIPE_SZ) == 65536);
	CHECK(fcntl(p[0], F_SETPIPE_SZ, 0) == 4096);
	CHECK_ERRNO(fcntl(p[0], F_SETPIPE_SZ, (1u << 31) + 1), EINVAL);
	CHECK(fcntl(p[0], F_SETPIPE_SZ, 5000) == 8192);
	CHECK(write(p[1], big, sizeof(big)) == 8192);
	CHECK_ERRNO(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
	CHECK(fcntl(p[1], F_SETPIPE_SZ, 1048576) == 1048576);
	CHECK(write(p[1], big, sizeof(big)) == sizeof(big));
	CHECK(read(p[0], big, sizeof(big)) == sizeof(big) && read(p[0], big, sizeof(big)) == 8192);
	close_pipe();
	CHECK_ERRNO(fcntl(1, F_GETPIPE_SZ) == 0 ? -1 : fcntl(-1, F_GETPIPE_SZ), EBADF);
}
CASE(large_write_blocks_until_read)
{
	int status;
	long total = 0, n;
	open_pipe(0);
	for (int i = 0; i < (int)sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	if (!fork()) {
		close(p[0]);
		_exit(write(p[1], big, sizeof(big)) != sizeof(big));
	}
	close(p[1]);
	static char got[sizeof(big)];
	while ((n = read(p[0], got + total, 3000)) > 0)
		total += n;
	CHECK(total == sizeof(big) && !memcmp(big, got, sizeof(big)));
	wait(&status);
	CHECK(status == 0);
	close(p[0]);
}
CASE(blocked_read_is_interrupted)
{
	struct sigaction sa = { .sa_handler = on_sigpipe };
	char b;
	sigaction(SIGALRM, &sa, NULL);
	open_pipe(0);
	alarm(1);
	CHECK_ERRNO(read(p[0], &b, 1), EINTR);
	close_pipe();
}
CASE(bad_buffers_are_efault)
{
	open_pipe(0);
	CHECK_ERRNO(write(p[1], bad_address, 5), EFAULT);
	CHECK(write(p[1], "hello", 5) == 5);
	CHECK_ERRNO(read(p[0], bad_address, 5), EFAULT);
	CHECK_ERRNO(syscall(SYS_pipe2, bad_address, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_pipe2, p, 0x10), EINVAL);
	close_pipe();
}
CASE(wrong_directions_are_ebadf)
{
	char b = 0;
	open_pipe(0);
	CHECK_ERRNO(read(p[1], &b, 1), EBADF);
	CHECK_ERRNO(write(p[0], &b, 1), EBADF);
	CHECK_ERRNO(lseek(p[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERRNO(pread(p[0], &b, 1, 0), ESPIPE);
	CHECK_ERRNO(ftruncate(p[1], 0), EINVAL);
	CHECK_ERRNO(fsync(p[1]), EINVAL);
	CHECK_ERRNO(read(99, &b, 1), EBADF);
	close_pipe();
}
CASE(fstat_shows_a_fifo)
{
	struct stat st, st2;
	open_pipe(0);
	CHECK(fstat(p[0], &st) == 0 && S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0600);
	CHECK(fstat(p[1], &st2) == 0 && st.st_ino == st2.st_ino && st.st_blksize == 4096);
	close_pipe();
}
CASE(attributes_can_be_changed)
{
	int p[2], s[2];
	struct stat st;
	struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
	CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK(fchmod(p[0], 0640) == 0 && fstat(p[1], &st) == 0 && st.st_mode == (S_IFIFO | 0640)); /* of both ends */
	CHECK(futimens(p[0], t) == 0 && fstat(p[1], &st) == 0 && st.st_mtim.tv_sec == 2000 && st.st_atim.tv_nsec == 5);
	CHECK(fchmod(s[0], 0600) == 0 && fstat(s[0], &st) == 0 && st.st_mode == (S_IFSOCK | 0600));
	if (!getuid()) {
		int status;
		CHECK(fchown(p[0], 11, 22) == 0 && fstat(p[1], &st) == 0 && st.st_uid == 11 && st.st_gid == 22);
		if (!fork()) {
			int bad = setuid(65534);
			bad |= fchmod(p[0], 0777) != -1 || errno != EPERM ? 2 : 0;
			_exit(bad | (fchown(p[0], 65534, -1) != -1 || errno != EPERM ? 4 : 0));
		}
		CHECK(wait(&status) > 0 && status == 0);
	}
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(s[i]);
	}
}
CASE(vectors_are_gathered_and_scattered)
{
	char a[3], b[10];
	struct iovec out[] = { { "one", 3 }, { "", 0 }, { "two", 3 } }, in[] = { { a, 3 }, { b, 10 } };
	open_pipe(0);
	CHECK(writev(p[1], out, 3) == 6);
	CHECK(readv(p[0], in, 2) == 6 && !memcmp(a, "one", 3) && !memcmp(b, "two", 3));
	CHECK_ERRNO(readv(p[0], in, too_many), EINVAL);
	CHECK_ERRNO(preadv(p[0], in, 1, 0), ESPIPE);
	close_pipe();
}
CASE(duplicates_share_and_take_the_lowest_number)
{
	int fd, low;
	open_pipe(0);
	low = dup(0);
	close(low);
	CHECK((fd = dup(p[0])) == low);
	CHECK(fcntl(fd, F_GETFD) == 0);
	CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(p[0], F_GETFD) == 0);
	CHECK(dup2(p[0], 200) == 200 && dup2(200, 200) == 200);
	CHECK(dup3(p[0], 201, O_CLOEXEC) == 201 && fcntl(201, F_GETFD) == FD_CLOEXEC);
	CHECK_ERRNO(dup3(p[0], p[0], 0), EINVAL);
	CHECK_ERRNO(dup2(99, 99), EBADF);
	CHECK(fcntl(p[0], F_DUPFD, 150) == 150);
	CHECK(fcntl(p[0], F_DUPFD_CLOEXEC, 150) == 151 && fcntl(151, F_GETFD) == FD_CLOEXEC);
	CHECK_ERRNO(fcntl(p[0], F_DUPFD, 1 << 30), EINVAL);
	CHECK(fcntl(200, F_SETFL, O_NONBLOCK) == 0 && (fcntl(p[0], F_GETFL) & O_NONBLOCK));
	CHECK(syscall(SYS_close_range, 150, 201, 0) == 0);
	CHECK_ERRNO(fcntl(200, F_GETFD), EBADF);
	CHECK_ERRNO(syscall(SYS_close_range, 9, 8, 0), EINVAL);
	CHECK_ERRNO(close(200), EBADF);
	close(fd);
	close_pipe();
}
CASE(descriptor_limit_is_emfile)
{
	struct rlimit old, small = { 20, 4096 };
	int fds[64], n = 0;
	getrlimit(RLIMIT_NOFILE, &old);
	small.rlim_max = old.rlim_max;
	CHECK(setrlimit(RLIMIT_NOFILE, &small) == 0);
	while (n < 64 && (fds[n] = dup(1)) >= 0)
		n++;
	CHECK(errno == EMFILE && n < 20 && fds[n - 1] == 19);
	CHECK_ERRNO(dup2(1, 20), EBADF);
	CHECK_ERRNO(pipe(p), EMFILE);
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	CHECK(dup2(1, 300) == 300 && close(300) == 0);
}
CASE(splice_and_tee_move_bytes)
{
	int q[2];
	char b[16];
	open_pipe(0);
	CHECK(pipe(q) == 0);
	CHECK(write(p[1], "splice me", 9) == 9);
	CHECK(tee(p[0], q[1], 100, 0) == 9);
	CHECK(read(q[0], b, 16) == 9 && !memcmp(b, "splice me", 9));
	CHECK(splice(p[0], NULL, q[1], NULL, 6, 0) == 6);
	CHECK(read(q[0], b, 16) == 6 && !memcmp(b, "splice", 6));
	CHECK_ERRNO(splice(p[0], NULL, 1000, NULL, 6, 0), EBADF);
	CHECK(read(p[0], b, 16) == 3);
	CHECK_ERRNO(splice(p[0], NULL, q[1], NULL, 6, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_ERRNO(splice(p[0], NULL, p[1], NULL, 6, 0), EINVAL);
	struct iovec v = { "vm", 2 };
	CHECK(vmsplice(q[1], &v, 1, 0) == 2 && read(q[0], b, 16) == 2);
	close(q[0]);
	close(q[1]);
	close_pipe();
}
CASE(vmsplice_gives_what_there_is_room_for)
{
	static char big[200000], back[200000];
	open_pipe(0);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 4096);
	struct iovec v = { big, sizeof(big) }, to = { back, sizeof(back) };
	ssize_t n = vmsplice(p[1], &v, 1, 0);
	CHECK(n > 4096 && n <= 65536);
	CHECK_ERRNO(vmsplice(p[1], &v, 1, SPLICE_F_NONBLOCK), EAGAIN);
	ssize_t got = 0, r;
	while (got < n && (r = vmsplice(p[0], &to, 1, 0)) > 0) {
		got += r;
		to.iov_base = back + got;
		to.iov_len = sizeof(back) - (size_t)got;
	}
	CHECK(got == n && !memcmp(big, back, (size_t)n));
	CHECK_ERRNO(vmsplice(p[0], &to, 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_ERRNO(vmsplice(p[1], &v, 1025, 0), EINVAL);
	CHECK_ERRNO(vmsplice(p[1], &v, 1, 0x100), EINVAL);
	close_pipe();
}
CASE(memory_devices_behave)
{
	char b[100];
	struct stat st;
	int fd = open("/dev/null", O_RDWR);
	if (fd < 0)
		return; /* no file tree in this boot */
	CHECK(read(fd, b, 10) == 0 && write(fd, b, 10) == 10 && lseek(fd, 5, SEEK_SET) == 0);
	CHECK(fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0x103);
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	memset(b, 1, sizeof(b));
	CHECK(read(fd, b, 100) == 100 && b[0] == 0 && b[99] == 0 && write(fd, b, 7) == 7);
	close(fd);
	fd = open("/dev/full", O_RDWR);
	CHECK_ERRNO(write(fd, b, 1), ENOSPC);
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	CHECK(read(fd, b, 100) == 100 && memcmp(b, b + 50, 50));
	int bits = -1;
	CHECK(ioctl(fd, RNDGETENTCNT, &bits) == 0 && bits >= 0 && bits <= 4096);
	close(fd);
}

int main(void)
{
	RUN(bytes_come_out_in_order);
	RUN(read_without_writers_is_end_of_file);
	RUN(write_without_readers_is_epipe_and_sigpipe);
	RUN(nonblocking_ends_say_again);
	RUN(fionread_counts_bytes);
	RUN(size_can_be_read_and_set);
	RUN(large_write_blocks_until_read);
	RUN(blocked_read_is_interrupted);
	RUN(bad_buffers_are_efault);
	RUN(wrong_directions_are_ebadf);
	RUN(fstat_shows_a_fifo);
	RUN(attributes_can_be_changed);
	RUN(vectors_are_gathered_and_scattered);
	RUN(duplicates_share_and_take_the_lowest_number);
	RUN(descriptor_limit_is_emfile);
	RUN(splice_and_tee_move_bytes);
	RUN(vmsplice_gives_what_there_is_room_for);
	RUN(memory_devices_behave);
	return check_summary();
}
