// SPDX-License-Identifier: MIT
/* Names and paths: open flags, symlinks, `..`, trailing slashes, permissions, openat2, stat and friends. */
#include "check.h"
#include "scratch.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static char base[PATH_MAX];

static int touch(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0644);
	return fd < 0 ? -1 : close(fd);
}
static int openat2_k(int dirfd, const char *path, unsigned long flags, unsigned long resolve)
{
	struct open_how how = { .flags = flags, .resolve = resolve };
	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

CASE(open_missing_is_enoent) { CHECK_ERRNO(open("missing", O_RDONLY), ENOENT); }
CASE(open_creat_makes_file_with_umask)
{
	struct stat s;
	umask(027);
	int fd = open("made", O_CREAT | O_RDWR, 0666);
	umask(022);
	CHECK(fd >= 0);
	CHECK(fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & 07777) == 0640 && s.st_size == 0 && s.st_nlink == 1);
	close(fd);
	unlink("made");
}
CASE(open_excl_on_existing_is_eexist)
{
	touch("a");
	CHECK_ERRNO(open("a", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	symlink("nowhere", "dangling");
	CHECK_ERRNO(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	unlink("dangling");
}
CASE(open_creat_through_dangling_symlink_makes_target)
{
	struct stat s;
	CHECK(symlink("target-of-link", "dangling") == 0);
	int fd = open("dangling", O_CREAT | O_RDWR, 0600);
	CHECK(fd >= 0);
	CHECK(lstat("target-of-link", &s) == 0 && S_ISREG(s.st_mode));
	close(fd);
	unlink("dangling");
	unlink("target-of-link");
}
CASE(open_trunc_empties)
{
	struct stat s;
	int fd = open("t", O_CREAT | O_WRONLY, 0600);
	CHECK(write(fd, "hello", 5) == 5);
	close(fd);
	fd = open("t", O_WRONLY | O_TRUNC);
	CHECK(fstat(fd, &s) == 0 && s.st_size == 0);
	close(fd);
	unlink("t");
}
CASE(open_directory_flags)
{
	mkdir("d", 0755);
	CHECK_ERRNO(open("d", O_WRONLY), EISDIR);
	CHECK_ERRNO(open("d", O_RDWR | O_CREAT, 0600), EISDIR);
	CHECK_ERRNO(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0);
	char c;
	CHECK_ERRNO(read(fd, &c, 1), EISDIR);
	close(fd);
	CHECK_ERRNO(open("newname/", O_CREAT | O_WRONLY, 0600), EISDIR);
}
CASE(nofollow_on_symlink_is_eloop)
{
	symlink("a", "l");
	CHECK_ERRNO(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	int fd = open("l", O_PATH | O_NOFOLLOW);
	struct stat s;
	CHECK(fd >= 0 && fstat(fd, &s) == 0 && S_ISLNK(s.st_mode));
	char c;
	CHECK_ERRNO(read(fd, &c, 1), EBADF);
	close(fd);
	unlink("l");
}
CASE(symlink_loop_is_eloop)
{
	symlink("loop2", "loop1");
	symlink("loop1", "loop2");
	CHECK_ERRNO(open("loop1", O_RDONLY), ELOOP);
	unlink("loop1");
	unlink("loop2");
}
CASE(chain_of_forty_symlinks_works_and_more_fails)
{
	char from[32], to[32];
	touch("link0");
	for (int i = 1; i <= 41; i++) {
		snprintf(from, sizeof(from), "link%d", i);
		snprintf(to, sizeof(to), "link%d", i - 1);
		CHECK(symlink(to, from) == 0);
	}
	int fd = open("link40", O_RDONLY);
	CHECK(fd >= 0);
	close(fd);
	CHECK_ERRNO(open("link41", O_RDONLY), ELOOP);
	for (int i = 0; i <= 41; i++) {
		snprintf(from, sizeof(from), "link%d", i);
		unlink(from);
	}
}
CASE(symlinks_in_the_middle_absolute_and_relative)
{
	char absolute[PATH_MAX + 8];
	struct stat a, b;
	mkdir("d/e", 0755);
	touch("d/e/f");
	snprintf(absolute, sizeof(absolute), "%s/d", base);
	symlink(absolute, "abs");
	symlink("../d/e", "d/rel");
	CHECK(stat("d/e/f", &a) == 0);
	CHECK(stat("abs/e/f", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(stat("d/rel/f", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(stat("abs/rel/../e/./f", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(lstat("abs/", &b) == 0 && S_ISDIR(b.st_mode));
	CHECK(lstat("abs", &b) == 0 && S_ISLNK(b.st_mode) && b.st_size == (off_t)strlen(absolute));
	unlink("abs");
	unlink("d/rel");
}
CASE(file_as_directory_is_enotdir)
{
	struct stat s;
	CHECK_ERRNO(stat("a/x", &s), ENOTDIR);
	CHECK_ERRNO(stat("a/", &s), ENOTDIR);
	CHECK_ERRNO(stat("a/.", &s), ENOTDIR);
	CHECK_ERRNO(stat("missing/..", &s), ENOENT);
}
CASE(empty_path_and_long_names)
{
	struct stat s;
	char name[300], path[PATH_MAX + 10];
	CHECK_ERRNO(stat("", &s), ENOENT);
	CHECK_ERRNO(open("", O_RDONLY), ENOENT);
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	CHECK_ERRNO(open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG);
	name[255] = 0;
	int fd = open(name, O_CREAT | O_RDWR, 0600);
	CHECK(fd >= 0);
	close(fd);
	CHECK(stat(name, &s) == 0);
	CHECK(unlink(name) == 0);
	memset(path, '/', sizeof(path));
	path[PATH_MAX] = 0;
	CHECK_ERRNO(stat(path, &s), ENAMETOOLONG);
	path[PATH_MAX - 1] = 0;
	CHECK(stat(path, &s) == 0);
}
CASE(bad_pointer_is_efault)
{
	struct stat s;
	CHECK_ERRNO(open((char *)8, O_RDONLY), EFAULT);
	CHECK_ERRNO(syscall(SYS_stat, "a", (void *)8), EFAULT);
	CHECK_ERRNO(stat((char *)-1L, &s), EFAULT);
}
CASE(dirfd_forms)
{
	struct stat s, t;
	int d = open("d", O_RDONLY | O_DIRECTORY), f = open("a", O_RDONLY);
	CHECK(fstatat(d, "e/f", &s, 0) == 0);
	CHECK_ERRNO(fstatat(f, "x", &s, 0), ENOTDIR);
	CHECK_ERRNO(fstatat(-7, "x", &s, 0), EBADF);
	CHECK(fstatat(-7, "/", &s, 0) == 0);
	CHECK(fstatat(f, "", &s, AT_EMPTY_PATH) == 0 && fstat(f, &t) == 0 && s.st_ino == t.st_ino);
	CHECK_ERRNO(fstatat(f, "", &s, 0), ENOENT);
	CHECK_ERRNO(fstatat(f, "", &s, 0x8000), EINVAL);
	int p = openat(d, "e", O_PATH);
	CHECK(p >= 0 && fstatat(p, "f", &s, 0) == 0);
	close(p);
	close(d);
	close(f);
}
CASE(empty_path_on_pipe_and_cwd)
{
	struct stat s;
	int p[2];
	CHECK(pipe(p) == 0);
	CHECK(fstatat(p[0], "", &s, AT_EMPTY_PATH) == 0 && S_ISFIFO(s.st_mode));
	CHECK(fstatat(AT_FDCWD, "", &s, AT_EMPTY_PATH) == 0 && S_ISDIR(s.st_mode));
	close(p[0]);
	close(p[1]);
}
CASE(getcwd_chdir_fchdir)
{
	char buf[PATH_MAX], want[PATH_MAX + 8];
	CHECK(chdir("d/e") == 0);
	snprintf(want, sizeof(want), "%s/d/e", base);
	CHECK(getcwd(buf, sizeof(buf)) && !strcmp(buf, want));
	CHECK(syscall(SYS_getcwd, buf, sizeof(buf)) == (long)strlen(want) + 1);
	CHECK_ERRNO(syscall(SYS_getcwd, buf, 3), ERANGE);
	CHECK(chdir("..") == 0 && chdir("..") == 0);
	CHECK(getcwd(buf, sizeof(buf)) && !strcmp(buf, base));
	CHECK_ERRNO(chdir("a"), ENOTDIR);
	int fd = open("d", O_PATH);
	CHECK(fchdir(fd) == 0);
	CHECK(chdir("..") == 0);
	close(fd);
	mkdir("gone", 0755);
	CHECK(chdir("gone") == 0 && rmdir("../gone") == 0);
	CHECK_ERRNO(syscall(SYS_getcwd, buf, sizeof(buf)), ENOENT);
	CHECK_ERRNO(open("x", O_CREAT | O_RDWR, 0600), ENOENT);
	CHECK(chdir(base) == 0);
}
CASE(dotdot_stops_at_root)
{
	struct stat a, b;
	CHECK(stat("/", &a) == 0 && stat("/../../..", &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
}
CASE(readlink_semantics)
{
	char buf[16];
	symlink("0123456789", "l");
	CHECK(readlink("l", buf, sizeof(buf)) == 10 && !memcmp(buf, "0123456789", 10));
	CHECK(readlink("l", buf, 4) == 4);
#ifdef __GLIBC__ /* musl answers this itself */
	CHECK_ERRNO(readlink("l", buf, 0), EINVAL);
#endif
	CHECK_ERRNO(readlink("a", buf, 4), EINVAL);
	CHECK_ERRNO(readlink("missing", buf, 4), ENOENT);
	int fd = open("l", O_PATH | O_NOFOLLOW);
	CHECK(readlinkat(fd, "", buf, sizeof(buf)) == 10);
	close(fd);
	unlink("l");
	CHECK_ERRNO(symlink("", "l"), ENOENT);
	CHECK_ERRNO(symlink("x", "a"), EEXIST);
}
CASE(access_checks_real_ids)
{
	chmod("a", 0400);
	CHECK(access("a", F_OK) == 0 && access("a", R_OK) == 0);
	CHECK_ERRNO(access("a", X_OK), EACCES);
	CHECK_ERRNO(access("missing", F_OK), ENOENT);
	CHECK_ERRNO(access("a", 0x10), EINVAL);
	chmod("a", 0644);
	CHECK_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, "a", R_OK, 0x4), EINVAL);
	CHECK(syscall(SYS_faccessat2, AT_FDCWD, "a", R_OK, AT_EACCESS) == 0);
}
CASE(other_users_are_kept_out)
{
	int status;
	if (getuid())
		return;
	mkdir("closed", 0700);
	touch("closed/f");
	chmod("a", 0600);
	if (fork() == 0) {
		struct stat s;
		int bad = 0;
		if (setgid(12345) || setuid(12345))
			_exit(99);
		bad |= open("a", O_RDONLY) != -1 || errno != EACCES ? 1 : 0;
		bad |= stat("closed/f", &s) != -1 || errno != EACCES ? 2 : 0;
		bad |= open("newfile", O_CREAT | O_RDWR, 0600) != -1 || errno != EACCES ? 4 : 0;
		bad |= unlink("a") != -1 || errno != EACCES ? 8 : 0;
		bad |= chmod("a", 0777) != -1 || errno != EPERM ? 16 : 0;
		bad |= access("a", R_OK) != -1 || errno != EACCES ? 32 : 0;
		_exit(bad);
	}
	CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	if (WEXITSTATUS(status))
		printf("  child reports %d\n", WEXITSTATUS(status));
	chmod("a", 0644);
	unlink("closed/f");
	rmdir("closed");
}
CASE(openat2_resolve_flags)
{
	char path[PATH_MAX + 8];
	int d = open("d", O_RDONLY | O_DIRECTORY);
	symlink("/etc", "d/out");
	symlink("e", "d/in");
	int fd = openat2_k(d, "e/f", O_RDONLY, RESOLVE_BENEATH);
	CHECK(fd >= 0);
	close(fd);
	CHECK_ERRNO(openat2_k(d, "../a", O_RDONLY, RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(openat2_k(d, "e/f", O_PATH | O_CREAT, 0), EINVAL);
	CHECK_ERRNO(openat2_k(d, "out/passwd", O_RDONLY, RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(openat2_k(d, "in/f", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
	fd = openat2_k(d, "/e/f", O_RDONLY, RESOLVE_IN_ROOT);
	CHECK(fd >= 0);
	close(fd);
	fd = openat2_k(d, "../../e/f", O_RDONLY, RESOLVE_IN_ROOT);
	CHECK(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/a", base);
	CHECK_ERRNO(openat2_k(d, path, O_RDONLY, RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(openat2_k(d, "e/f", O_RDONLY, 1ul << 20), EINVAL);
	CHECK_ERRNO(openat2_k(d, "e/f", 1ul << 40, 0), EINVAL);
	struct open_how how = { .flags = O_RDONLY };
	CHECK_ERRNO(syscall(SYS_openat2, d, "e/f", &how, 8), EINVAL);
	unlink("d/out");
	unlink("d/in");
	close(d);
}
#ifdef STATX_BASIC_STATS /* musl 1.2.3 has no statx */
CASE(statx_reports_what_stat_does)
{
	struct statx x;
	struct stat s;
	CHECK(stat("a", &s) == 0);
	CHECK(statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &x) == 0);
	CHECK(x.stx_ino == s.st_ino && x.stx_size == (unsigned long)s.st_size && x.stx_mode == s.st_mode &&
			x.stx_nlink == s.st_nlink);
	CHECK(x.stx_mtime.tv_sec == s.st_mtim.tv_sec && x.stx_mtime.tv_nsec == s.st_mtim.tv_nsec);
	CHECK(makedev(x.stx_dev_major, x.stx_dev_minor) == s.st_dev);
	CHECK_ERRNO(statx(AT_FDCWD, "a", 0, 0x80000000u, &x), EINVAL);
}
#endif
CASE(fifo_and_device_nodes)
{
	struct stat s;
	CHECK(mkfifo("fifo", 0600) == 0);
	CHECK(stat("fifo", &s) == 0 && S_ISFIFO(s.st_mode));
	CHECK_ERRNO(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	int r = open("fifo", O_RDONLY | O_NONBLOCK), w = open("fifo", O_WRONLY | O_NONBLOCK);
	char c = 0;
	CHECK(r >= 0 && w >= 0 && write(w, "x", 1) == 1 && read(r, &c, 1) == 1 && c == 'x');
	close(r);
	close(w);
	unlink("fifo");
	int fd = open("/dev/null", O_RDWR);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1 && read(fd, &c, 1) == 0);
	CHECK(fstat(fd, &s) == 0 && S_ISCHR(s.st_mode) && s.st_rdev == makedev(1, 3));
	close(fd);
	CHECK(mknod("sock", S_IFSOCK | 0600, 0) == 0);
	CHECK_ERRNO(open("sock", O_RDWR), ENXIO);
	unlink("sock");
	CHECK_ERRNO(mknod("dirnode", S_IFDIR | 0700, 0), EPERM);
}
CASE(times_and_modes)
{
	struct stat s;
	struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
	CHECK(utimensat(AT_FDCWD, "a", t, 0) == 0);
	CHECK(stat("a", &s) == 0 && s.st_atim.tv_sec == 1000 && s.st_atim.tv_nsec == 5 && s.st_mtim.tv_sec == 2000 &&
			s.st_mtim.tv_nsec == 7);
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_nsec = UTIME_NOW;
	CHECK(utimensat(AT_FDCWD, "a", t, 0) == 0);
	CHECK(stat("a", &s) == 0 && s.st_atim.tv_sec == 1000 && s.st_mtim.tv_sec > 100000);
	t[0].tv_nsec = 1000000000;
	CHECK_ERRNO(utimensat(AT_FDCWD, "a", t, 0), EINVAL);
	CHECK(chmod("a", 04755) == 0 && stat("a", &s) == 0 && (s.st_mode & 07777) == 04755);
	CHECK(chmod("a", 0644) == 0);
	int fd = open("a", O_RDONLY);
	CHECK(fchmod(fd, 0600) == 0 && fstat(fd, &s) == 0 && (s.st_mode & 07777) == 0600);
	CHECK(futimens(fd, NULL) == 0);
	close(fd);
	if (!getuid()) {
		CHECK(chown("a", 11, 22) == 0 && stat("a", &s) == 0 && s.st_uid == 11 && s.st_gid == 22);
		CHECK(chown("a", -1, 33) == 0 && stat("a", &s) == 0 && s.st_uid == 11 && s.st_gid == 33);
		CHECK(lchown("a", 0, 0) == 0);
		CHECK(chmod("a", 06755) == 0 && chown("a", -1, -1) == 0); /* nobody named, but the bits go */
		CHECK(stat("a", &s) == 0 && (s.st_mode & 07777) == 0755 && chmod("a", 0644) == 0);
	}
}
CASE(proc_self_fd_reopens)
{
	char path[64], buf[PATH_MAX], want[PATH_MAX + 8];
	int fd = open("a", O_RDWR);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(want, sizeof(want), "%s/a", base);
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);
	CHECK(n > 0);
	buf[n > 0 ? n : 0] = 0;
	CHECK(!strcmp(buf, want));
	int again = open(path, O_RDONLY);
	struct stat s, t;
	CHECK(again >= 0 && fstat(fd, &s) == 0 && fstat(again, &t) == 0 && s.st_ino == t.st_ino);
	CHECK(write(fd, "abc", 3) == 3 && read(again, buf, 10) == 3);
	close(again);
	close(fd);
	truncate("a", 0);
	int p[2];
	CHECK(pipe(p) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	again = open(path, O_WRONLY);
	CHECK(again >= 0 && write(again, "q", 1) == 1 && read(p[0], buf, 4) == 1);
	close(again);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	if (scratch_enter("path") || chmod(".", 0755) || !getcwd(base, sizeof(base)))
		return 99;
	umask(022);
	RUN(open_missing_is_enoent);
	RUN(open_creat_makes_file_with_umask);
	RUN(open_excl_on_existing_is_eexist);
	RUN(open_creat_through_dangling_symlink_makes_target);
	RUN(open_trunc_empties);
	RUN(open_directory_flags);
	RUN(nofollow_on_symlink_is_eloop);
	RUN(symlink_loop_is_eloop);
	RUN(chain_of_forty_symlinks_works_and_more_fails);
	RUN(symlinks_in_the_middle_absolute_and_relative);
	RUN(file_as_directory_is_enotdir);
	RUN(empty_path_and_long_names);
	RUN(bad_pointer_is_efault);
	RUN(dirfd_forms);
	RUN(empty_path_on_pipe_and_cwd);
	RUN(getcwd_chdir_fchdir);
	RUN(dotdot_stops_at_root);
	RUN(readlink_semantics);
	RUN(access_checks_real_ids);
	RUN(other_users_are_kept_out);
	RUN(openat2_resolve_flags);
#ifdef STATX_BASIC_STATS
	RUN(statx_reports_what_stat_does);
#endif
	RUN(fifo_and_device_nodes);
	RUN(times_and_modes);
	RUN(proc_self_fd_reopens);
	unlink("d/e/f");
	rmdir("d/e");
	rmdir("d");
	unlink("a");
	CHECK(scratch_leave() == 0);
	return check_summary();
}
