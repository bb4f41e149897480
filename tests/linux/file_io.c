// SPDX-License-Identifier: MIT
/* Regular files: read, write, append, seek, truncate, sparse files, mmap coherence, deleted files, O_TMPFILE, memfd. */
#include "check.h"
#include "scratch.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char buf[65536];

static int fresh(const char *name)
{
	unlink(name);
	return open(name, O_CREAT | O_RDWR, 0644);
}
static off_t size_of(int fd)
{
	struct stat s;
	return fstat(fd, &s) ? -1 : s.st_size;
}

CASE(write_then_read_back)
{
	int fd = fresh("f");
	for (int i = 0; i < 10000; i++)
		buf[i] = (char)(i * 7);
	CHECK(write(fd, buf, 10000) == 10000);
	CHECK(size_of(fd) == 10000);
	memset(buf, 0, sizeof(buf));
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, buf, 20000) == 10000);
	int bad = 0;
	for (int i = 0; i < 10000; i++)
		bad += buf[i] != (char)(i * 7);
	CHECK(bad == 0);
	CHECK(read(fd, buf, 10) == 0);
	close(fd);
}
CASE(pread_pwrite_leave_the_position)
{
	int fd = fresh("f");
	CHECK(pwrite(fd, "abcdef", 6, 0) == 6);
	CHECK(lseek(fd, 0, SEEK_CUR) == 0);
	CHECK(pread(fd, buf, 3, 2) == 3 && !memcmp(buf, "cde", 3));
	CHECK_ERRNO(pread(fd, buf, 3, -1), EINVAL);
	close(fd);
}
CASE(append_writes_at_the_end)
{
	int fd = fresh("f"), a = open("f", O_WRONLY | O_APPEND);
	CHECK(write(fd, "12345", 5) == 5);
	CHECK(lseek(a, 0, SEEK_SET) == 0 && write(a, "67", 2) == 2);
	CHECK(size_of(fd) == 7);
	CHECK(pread(fd, buf, 10, 0) == 7 && !memcmp(buf, "1234567", 7));
	CHECK(lseek(a, 0, SEEK_CUR) == 7);
	close(a);
	close(fd);
}
CASE(holes_read_as_zero)
{
	int fd = fresh("f");
	CHECK(pwrite(fd, "x", 1, 100000) == 1);
	CHECK(size_of(fd) == 100001);
	CHECK(pread(fd, buf, 4096, 50000) == 4096);
	int bad = 0;
	for (int i = 0; i < 4096; i++)
		bad += buf[i] != 0;
	CHECK(bad == 0);
	struct stat s;
	CHECK(fstat(fd, &s) == 0 && s.st_blocks * 512 < 100000);
	close(fd);
}
CASE(lseek_rules)
{
	int fd = fresh("f");
	CHECK(write(fd, "0123456789", 10) == 10);
	CHECK(lseek(fd, -3, SEEK_END) == 7 && read(fd, buf, 10) == 3);
	CHECK(lseek(fd, 100, SEEK_SET) == 100 && read(fd, buf, 10) == 0);
	CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERRNO(lseek(fd, 0, 77), EINVAL);
	CHECK(lseek(fd, 0, SEEK_DATA) == 0 && lseek(fd, 0, SEEK_HOLE) == 10);
	CHECK_ERRNO(lseek(fd, 10, SEEK_DATA), ENXIO);
	close(fd);
}
CASE(holes_are_found)
{
	const off_t block = 65536;
	int fd = fresh("f");
	CHECK(pwrite(fd, "x", 1, block) == 1 && pwrite(fd, "x", 1, 4 * block) == 1 && ftruncate(fd, 8 * block) == 0);
	CHECK(lseek(fd, 0, SEEK_HOLE) == 0 && lseek(fd, 0, SEEK_DATA) == block);
	CHECK(lseek(fd, block, SEEK_DATA) == block && lseek(fd, block + 1, SEEK_DATA) == block + 1);
	off_t hole = lseek(fd, block, SEEK_HOLE);
	CHECK(hole > block && hole <= 2 * block);
	CHECK(lseek(fd, hole, SEEK_DATA) == 4 * block && lseek(fd, hole + 5, SEEK_HOLE) == hole + 5);
	CHECK(lseek(fd, 7 * block, SEEK_HOLE) == 7 * block);
	CHECK_ERRNO(lseek(fd, 7 * block, SEEK_DATA), ENXIO);
	CHECK_ERRNO(lseek(fd, 8 * block, SEEK_HOLE), ENXIO);
	CHECK_ERRNO(lseek(fd, -1, SEEK_HOLE), ENXIO);
	close(fd);
}
static ssize_t copy_range(int in, off_t from, int out, off_t to, size_t n)
{
	return syscall(SYS_copy_file_range, in, &from, out, &to, n, 0);
}
CASE(copy_file_range_checks_kinds_first)
{
	int fd = fresh("f"), other = fresh("g"), dir = open(".", O_RDONLY), p[2];
	int append = open("g", O_WRONLY | O_APPEND), reader = open("g", O_RDONLY), writer = open("f", O_WRONLY);
	CHECK(pipe(p) == 0 && write(fd, "0123456789", 10) == 10);
	CHECK_ERRNO(copy_range(fd, 0, dir, 0, 5), EISDIR);
	CHECK_ERRNO(copy_range(dir, 0, other, 0, 5), EISDIR);
	CHECK_ERRNO(syscall(SYS_copy_file_range, fd, NULL, p[0], NULL, 5, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_copy_file_range, fd, NULL, p[1], NULL, 5, 0), EINVAL);
	CHECK_ERRNO(copy_range(fd, 0, append, 0, 5), EBADF);
	CHECK_ERRNO(copy_range(fd, 0, reader, 0, 5), EBADF);
	CHECK_ERRNO(copy_range(writer, 0, other, 0, 5), EBADF);
	CHECK_ERRNO(copy_range(fd, 0, other, 1, SIZE_MAX), EOVERFLOW);
	CHECK_ERRNO(copy_range(fd, 5, other, 0, SIZE_MAX), EOVERFLOW);
	CHECK_ERRNO(copy_range(fd, 0, fd, 5, 6), EINVAL);
	CHECK(copy_range(fd, 4, fd, 10, SIZE_MAX / 2) == 6); /* what is there does not overlap */
	CHECK(copy_range(fd, 0, other, 0, SIZE_MAX) == 16 && copy_range(fd, 99, other, 0, 5) == 0);
	close(fd), close(other), close(dir), close(append), close(reader), close(writer), close(p[0]), close(p[1]);
	unlink("g");
}
CASE(truncate_shrinks_grows_and_zeroes)
{
	int fd = fresh("f");
	memset(buf, 'z', 9000);
	CHECK(write(fd, buf, 9000) == 9000);
	CHECK(ftruncate(fd, 5000) == 0 && size_of(fd) == 5000);
	CHECK(ftruncate(fd, 9000) == 0 && size_of(fd) == 9000);
	CHECK(pread(fd, buf, 4000, 5000) == 4000);
	int bad = 0;
	for (int i = 0; i < 4000; i++)
		bad += buf[i] != 0;
	CHECK(bad == 0 && pread(fd, buf, 1, 4999) == 1 && buf[0] == 'z');
	CHECK(truncate("f", 1) == 0 && size_of(fd) == 1);
	CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
	CHECK_ERRNO(truncate("missing", 1), ENOENT);
	CHECK_ERRNO(truncate(".", 1), EISDIR);
	int r = open("f", O_RDONLY);
	CHECK_ERRNO(ftruncate(r, 0), EINVAL);
	close(r);
	close(fd);
}
CASE(mode_of_the_open_file_is_enforced)
{
	int fd = fresh("f"), r = open("f", O_RDONLY), w = open("f", O_WRONLY);
	CHECK_ERRNO(write(r, "x", 1), EBADF);
	CHECK_ERRNO(read(w, buf, 1), EBADF);
	CHECK_ERRNO(read(fd, (void *)8, 0) == 0 ? -1 : 0, 0);
	close(r);
	close(w);
	close(fd);
}
CASE(vectors)
{
	int fd = fresh("f");
	struct iovec v[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
	CHECK(writev(fd, v, 3) == 5);
	char x[2], y[8];
	struct iovec r[2] = { { x, 2 }, { y, 8 } };
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, r, 2) == 5 && !memcmp(x, "ab", 2) && !memcmp(y, "cde", 3));
	CHECK(preadv(fd, r, 2, 1) == 4 && x[0] == 'b');
	close(fd);
}
CASE(partial_fault_gives_partial_write)
{
	int fd = fresh("f");
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(m + 4096, 4096);
	memset(m, 'q', 4096);
	CHECK_ERRNO(write(fd, m + 4096, 10), EFAULT);
	ssize_t n = write(fd, m + 4090, 100);
	CHECK(n == 6 || (n == -1 && errno == EFAULT));
	munmap(m, 4096);
	close(fd);
}
CASE(times_follow_reads_and_writes)
{
	struct stat a, b;
	int fd = fresh("f");
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	futimens(fd, old);
	CHECK(fstat(fd, &a) == 0 && a.st_mtim.tv_sec == 1000);
	CHECK(write(fd, "x", 1) == 1);
	CHECK(fstat(fd, &b) == 0 && b.st_mtim.tv_sec > 100000 && b.st_ctim.tv_sec > 100000);
	CHECK(pread(fd, buf, 1, 0) == 1 && fstat(fd, &a) == 0 && a.st_atim.tv_sec > 100000);
	futimens(fd, old);
	CHECK(pread(fd, buf, 1, 1) == 0 && fstat(fd, &a) == 0 && a.st_atim.tv_sec > 100000); /* at the end, too */
	close(fd);
}
CASE(unlinked_file_lives_until_closed)
{
	int fd = fresh("gone");
	struct stat s;
	CHECK(write(fd, "data", 4) == 4 && unlink("gone") == 0);
	CHECK(fstat(fd, &s) == 0 && s.st_nlink == 0 && s.st_size == 4);
	CHECK(pread(fd, buf, 10, 0) == 4 && !memcmp(buf, "data", 4));
	CHECK(pwrite(fd, "more", 4, 4) == 4 && size_of(fd) == 8);
	int again = fresh("gone");
	CHECK(size_of(again) == 0 && size_of(fd) == 8);
	close(again);
	close(fd);
	unlink("gone");
}
CASE(shared_mapping_and_file_are_one)
{
	int fd = fresh("f");
	CHECK(ftruncate(fd, 8192) == 0);
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED);
	m[5000] = 'M';
	CHECK(pread(fd, buf, 1, 5000) == 1 && buf[0] == 'M');
	CHECK(pwrite(fd, "W", 1, 100) == 1 && m[100] == 'W');
	CHECK(msync(m, 8192, MS_SYNC) == 0);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	p[100] = 'P';
	CHECK(m[100] == 'W' && pread(fd, buf, 1, 100) == 1 && buf[0] == 'W');
	munmap(p, 8192);
	munmap(m, 8192);
	int r = open("f", O_RDONLY);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0) == MAP_FAILED && errno == EACCES);
	m = mmap(NULL, 4096, PROT_READ, MAP_SHARED, r, 0);
	CHECK(m != MAP_FAILED);
	CHECK_ERRNO(mprotect(m, 4096, PROT_READ | PROT_WRITE), EACCES);
	munmap(m, 4096);
	close(r);
	close(fd);
}
CASE(mapping_beyond_the_end_is_sigbus)
{
	int fd = fresh("f"), status;
	CHECK(ftruncate(fd, 4096) == 0);
	char *m = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	if (fork() == 0) {
		signal(SIGBUS, SIG_DFL);
		_exit(((volatile char *)m)[4096]);
	}
	CHECK(wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	munmap(m, 8192);
	close(fd);
}
CASE(file_size_limit)
{
	int status;
	fflush(stdout);
	if (fork() == 0) {
		struct rlimit l = { 100, 100 };
		int fd = fresh("limited");
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &l);
		int bad = write(fd, buf, 200) != 100;
		bad |= (write(fd, buf, 1) != -1 || errno != EFBIG) << 1;
		bad |= (ftruncate(fd, 101) != -1 || errno != EFBIG) << 2;
		_exit(bad);
	}
	CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	unlink("limited");
}
CASE(fallocate_forms)
{
	int fd = fresh("f");
	CHECK(fallocate(fd, 0, 0, 10000) == 0 && size_of(fd) == 10000);
	CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 50000) == 0 && size_of(fd) == 10000);
	memset(buf, 'k', 10000);
	CHECK(pwrite(fd, buf, 10000, 0) == 10000);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 6000) == 0);
	CHECK(pread(fd, buf, 10000, 0) == 10000);
	int bad = 0;
	for (int i = 0; i < 10000; i++)
		bad += buf[i] != (i >= 1000 && i < 7000 ? 0 : 'k');
	CHECK(bad == 0);
	CHECK_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
	int p[2], null = open("/dev/null", O_RDWR);
	CHECK(pipe(p) == 0);
	CHECK_ERRNO(fallocate(p[1], 0, 0, 1), ESPIPE);
	CHECK_ERRNO(fallocate(null, 0, 0, 1), ENODEV);
	close(null);
	close(p[0]);
	close(p[1]);
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
	close(fd);
}
CASE(tmpfile_and_linkat)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	struct stat s;
	char path[64];
	CHECK(fd >= 0 && fstat(fd, &s) == 0 && s.st_nlink == 0);
	CHECK(write(fd, "tmp", 3) == 3);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
	CHECK(fstat(fd, &s) == 0 && s.st_nlink == 1);
	close(fd);
	fd = open("named", O_RDONLY);
	CHECK(fd >= 0 && read(fd, buf, 10) == 3);
	close(fd);
	CHECK(unlink("named") == 0);
	CHECK_ERRNO(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
}
CASE(memfd_with_seals)
{
	int fd = memfd_create("thing", MFD_ALLOW_SEALING);
	CHECK(fd >= 0 && write(fd, "abc", 3) == 3 && size_of(fd) == 3);
	CHECK(fcntl(fd, F_GET_SEALS) == 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	CHECK_ERRNO(ftruncate(fd, 1), EPERM);
	CHECK_ERRNO(ftruncate(fd, 10), EPERM);
	CHECK(pwrite(fd, "x", 1, 0) == 1);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	CHECK_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	close(fd);
	fd = memfd_create("plain", 0);
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	close(fd);
	CHECK_ERRNO(memfd_create("x", 0x4000), EINVAL);
}
CASE(writing_clears_setuid_for_others)
{
	int status;
	struct stat s;
	if (getuid())
		return;
	int fd = fresh("suid");
	CHECK(fchmod(fd, 06777) == 0);
	if (fork() == 0) {
		int w = open("suid", O_WRONLY);
		if (setgid(12345) || setuid(12345))
			_exit(1);
		_exit(write(w, "x", 1) != 1);
	}
	CHECK(wait(&status) > 0 && status == 0);
	CHECK(fstat(fd, &s) == 0 && (s.st_mode & 07777) == 0777);
	close(fd);
	unlink("suid");
}
CASE(many_writers_append_without_loss)
{
	int fd = fresh("log"), status;
	for (int c = 0; c < 4; c++) {
		if (fork() == 0) {
			int a = open("log", O_WRONLY | O_APPEND);
			for (int i = 0; i < 200; i++)
				if (write(a, "0123456789abcde\n", 16) != 16)
					_exit(1);
			_exit(0);
		}
	}
	for (int c = 0; c < 4; c++)
		CHECK(wait(&status) > 0 && status == 0);
	CHECK(size_of(fd) == 4 * 200 * 16);
	close(fd);
	unlink("log");
}
CASE(sync_calls)
{
	int fd = fresh("f");
	CHECK(write(fd, "x", 1) == 1 && fsync(fd) == 0 && fdatasync(fd) == 0 && syncfs(fd) == 0);
	sync();
	close(fd);
}

CASE(ranges_within_one_file_may_not_overlap)
{
	char text[16];
	off_t from = 0, to = 0;
	int fd = open("ranges", O_CREAT | O_RDWR | O_TRUNC, 0600), dir = open(".", O_RDONLY);
	CHECK(copy_file_range(fd, &from, fd, &to, 10, 0) == 0); /* nothing there, nothing overlaps */
	CHECK(write(fd, "abcd", 4) == 4);
	CHECK_ERRNO(copy_file_range(fd, &from, fd, &to, 10, 0), EINVAL);
	to = 4;
	CHECK(copy_file_range(fd, &from, fd, &to, 10, 0) == 4); /* cut at the end before */
	CHECK(pread(fd, text, 16, 0) == 8 && memcmp(text, "abcdabcd", 8) == 0);
	CHECK_ERRNO(copy_file_range(dir, NULL, fd, NULL, 1, 0), EISDIR);
	CHECK_ERRNO(sendfile(fd, dir, NULL, 1), EINVAL);
	int size = 0;
	CHECK(ioctl(fd, FIGETBSZ, &size) == 0 && size >= 512);
	CHECK(lseek(fd, 4, SEEK_SET) == 4);
	CHECK_ERRNO(lseek(fd, LONG_MAX, SEEK_CUR), EINVAL);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, LONG_MAX & ~4095l) == MAP_FAILED && errno == EOVERFLOW);
	CHECK(fcntl(fd, F_GETLEASE) == F_UNLCK && fcntl(dir, F_GETLEASE) == F_UNLCK);
	close(dir);
	close(fd);
	unlink("ranges");
}

int main(void)
{
	if (scratch_enter("file_io"))
		return 99;
	RUN(write_then_read_back);
	RUN(pread_pwrite_leave_the_position);
	RUN(append_writes_at_the_end);
	RUN(holes_read_as_zero);
	RUN(lseek_rules);
	RUN(holes_are_found);
	RUN(copy_file_range_checks_kinds_first);
	RUN(truncate_shrinks_grows_and_zeroes);
	RUN(mode_of_the_open_file_is_enforced);
	RUN(vectors);
	RUN(partial_fault_gives_partial_write);
	RUN(times_follow_reads_and_writes);
	RUN(unlinked_file_lives_until_closed);
	RUN(shared_mapping_and_file_are_one);
	RUN(mapping_beyond_the_end_is_sigbus);
	RUN(file_size_limit);
	RUN(fallocate_forms);
	RUN(tmpfile_and_linkat);
	RUN(memfd_with_seals);
	RUN(writing_clears_setuid_for_others);
	RUN(many_writers_append_without_loss);
	RUN(ranges_within_one_file_may_not_overlap);
	RUN(sync_calls);
	unlink("f");
	CHECK(scratch_leave() == 0);
	return check_summary();
}
