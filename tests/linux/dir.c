// SPDX-License-Identifier: MIT
/* Directories: mkdir, rmdir, listing with stable cursors, link counts, unlink rules, sticky bit. */
#include "check.h"
#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

static int touch(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0644);
	return fd < 0 ? -1 : close(fd);
}
static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;
	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}
static nlink_t links(const char *path)
{
	struct stat s;
	return stat(path, &s) ? 0 : s.st_nlink;
}

CASE(mkdir_rmdir_errors)
{
	CHECK(mkdir("d", 0755) == 0);
	CHECK_ERRNO(mkdir("d", 0755), EEXIST);
	CHECK_ERRNO(mkdir("missing/d", 0755), ENOENT);
	CHECK_ERRNO(mkdir("/", 0755), EEXIST);
	CHECK_ERRNO(mkdir("d/.", 0755), EEXIST);
	touch("f");
	CHECK_ERRNO(mkdir("f/d", 0755), ENOTDIR);
	CHECK_ERRNO(rmdir("f"), ENOTDIR);
	CHECK_ERRNO(unlink("d"), EISDIR);
	touch("d/x");
	CHECK_ERRNO(rmdir("d"), ENOTEMPTY);
	CHECK(unlink("d/x") == 0);
	CHECK_ERRNO(rmdir("d/."), EINVAL);
	CHECK_ERRNO(rmdir("d/.."), ENOTEMPTY);
	CHECK_ERRNO(unlink("f/"), ENOTDIR);
	CHECK(rmdir("d/") == 0);
	CHECK_ERRNO(rmdir("d"), ENOENT);
	CHECK(mkdir("slash/", 0700) == 0 && rmdir("slash") == 0);
	CHECK_ERRNO(unlinkat(AT_FDCWD, "f", 0x1000), EINVAL);
	CHECK(unlink("f") == 0);
}
CASE(link_counts_of_directories)
{
	mkdir("p", 0755);
	nlink_t n = links("p");
	mkdir("p/a", 0755);
	mkdir("p/b", 0755);
	CHECK(links("p") == n + 2);
	rmdir("p/a");
	CHECK(links("p") == n + 1);
	rmdir("p/b");
	CHECK(links("p") == n);
	rmdir("p");
}
CASE(empty_listing_has_dots)
{
	struct stat here, up;
	mkdir("e", 0755);
	DIR *d = opendir("e");
	struct dirent *a = readdir(d);
	stat("e", &here);
	stat(".", &up);
	CHECK(a && !strcmp(a->d_name, ".") && a->d_ino == here.st_ino && a->d_type == DT_DIR);
	a = readdir(d);
	CHECK(a && !strcmp(a->d_name, "..") && a->d_ino == up.st_ino);
	CHECK(!readdir(d));
	touch("e/late");
	rewinddir(d);
	int n = 0;
	while (readdir(d))
		n++;
	CHECK(n == 3);
	closedir(d);
	unlink("e/late");
	rmdir("e");
}
CASE(large_listing_is_complete_and_unique)
{
	char name[64];
	static char seen[1000];
	mkdir("big", 0755);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "big/a-rather-long-name-for-an-entry-%d", i);
		touch(name);
	}
	memset(seen, 0, sizeof(seen));
	DIR *d = opendir("big");
	struct dirent *e;
	int bad = 0;
	while ((e = readdir(d))) {
		int i;
		if (sscanf(e->d_name, "a-rather-long-name-for-an-entry-%d", &i) == 1) {
			bad += seen[i]++ || e->d_type != DT_REG;
		}
	}
	closedir(d);
	for (int i = 0; i < 1000; i++)
		bad += seen[i] != 1;
	CHECK(bad == 0);
}
CASE(deleting_while_listing_skips_nothing)
{
	char name[600];
	DIR *d = opendir("big");
	struct dirent *e;
	int n = 0;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "big/%s", e->d_name);
		CHECK(unlink(name) == 0);
		n++;
	}
	closedir(d);
	CHECK(n == 1000);
	CHECK(count_entries("big") == 2);
	CHECK(rmdir("big") == 0);
}
CASE(telldir_and_seekdir_return_to_the_entry)
{
	mkdir("s", 0755);
	char name[32], at5[300] = "";
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "s/%d", i);
		touch(name);
	}
	DIR *d = opendir("s");
	struct dirent *e;
	long pos = 0;
	for (int i = 0; i < 6; i++) {
		if (i == 5)
			pos = telldir(d);
		e = readdir(d);
		if (i == 5 && e)
			strcpy(at5, e->d_name);
	}
	while (readdir(d))
		;
	seekdir(d, pos);
	e = readdir(d);
	CHECK(e && !strcmp(e->d_name, at5));
	closedir(d);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "s/%d", i);
		unlink(name);
	}
	rmdir("s");
}
CASE(raw_getdents_forms)
{
	char buf[512];
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, 10), EINVAL);
	long n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
	CHECK(n > 0 && n % 8 == 0);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	CHECK(syscall(SYS_getdents, fd, buf, sizeof(buf)) > 0);
	while (syscall(SYS_getdents64, fd, buf, sizeof(buf)) > 0)
		;
	CHECK(syscall(SYS_getdents64, fd, buf, sizeof(buf)) == 0);
	close(fd);
	touch("f");
	fd = open("f", O_RDONLY);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOTDIR);
	close(fd);
	unlink("f");
}
CASE(listing_of_removed_directory_is_enoent)
{
	char buf[512];
	mkdir("gone", 0755);
	int fd = open("gone", O_RDONLY | O_DIRECTORY);
	CHECK(rmdir("gone") == 0);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOENT);
	struct stat s;
	CHECK(fstat(fd, &s) == 0 && s.st_nlink == 0);
	CHECK_ERRNO(openat(fd, "x", O_CREAT | O_RDWR, 0600), ENOENT);
	close(fd);
}
CASE(hard_links_share_everything)
{
	struct stat a, b;
	int fd = open("one", O_CREAT | O_RDWR, 0644);
	CHECK(write(fd, "1", 1) == 1);
	CHECK(link("one", "two") == 0);
	CHECK(stat("one", &a) == 0 && stat("two", &b) == 0 && a.st_ino == b.st_ino && a.st_nlink == 2);
	CHECK_ERRNO(link("one", "two"), EEXIST);
	CHECK_ERRNO(link("missing", "three"), ENOENT);
	mkdir("dir", 0755);
	CHECK_ERRNO(link("dir", "three"), EPERM);
	CHECK(unlink("one") == 0 && stat("two", &b) == 0 && b.st_nlink == 1 && b.st_size == 1);
	symlink("two", "sym");
	CHECK(link("sym", "hardsym") == 0 && lstat("hardsym", &b) == 0 && S_ISLNK(b.st_mode));
	CHECK(linkat(AT_FDCWD, "sym", AT_FDCWD, "three", AT_SYMLINK_FOLLOW) == 0 && links("two") == 2);
	close(fd);
	unlink("two");
	unlink("three");
	unlink("sym");
	unlink("hardsym");
	rmdir("dir");
}
CASE(setgid_directory_gives_its_group)
{
	struct stat s;
	if (getuid())
		return;
	mkdir("g", 0755);
	CHECK(chown("g", 0, 777) == 0 && chmod("g", 02775) == 0);
	touch("g/f");
	CHECK(stat("g/f", &s) == 0 && s.st_gid == 777);
	mkdir("g/d", 0755);
	CHECK(stat("g/d", &s) == 0 && s.st_gid == 777 && (s.st_mode & S_ISGID));
	unlink("g/f");
	rmdir("g/d");
	CHECK(chmod("g", 02777) == 0);
	umask(0);
	int status;
	pid_t pid = fork();
	if (pid == 0) { /* no member of the group: no program for it */
		if (setresgid(1000, 1000, 1000) || setgroups(0, NULL) || setresuid(1000, 1000, 1000))
			_exit(1);
		close(open("g/group", O_CREAT | O_WRONLY, 02755));
		close(open("g/no-program", O_CREAT | O_WRONLY, 02644));
		umask(010);
		close(open("g/masked", O_CREAT | O_WRONLY, 02755));
		if (stat("g/masked", &s) || (s.st_mode & 07777) != 0745)
			_exit(5);
		umask(0);
		int fd = open("g", O_TMPFILE | O_RDWR, 02755);
		int gone = fd < 0 || (fstat(fd, &s) == 0 && s.st_gid == 777 && !(s.st_mode & S_ISGID));
		_exit(stat("g/group", &s) || s.st_gid != 777 || (s.st_mode & S_ISGID) ? 2 :
			stat("g/no-program", &s) || !(s.st_mode & S_ISGID) ? 3 : !gone ? 4 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	umask(022);
	unlink("g/group");
	unlink("g/masked");
	unlink("g/no-program");
	rmdir("g");
}
CASE(chmod_outside_the_group_drops_setgid)
{
	struct stat s;
	int status;
	if (getuid())
		return;
	mkdir("g", 0755);
	touch("f");
	CHECK(chown("g", 1234, 777) == 0 && chown("f", 1234, 777) == 0);
	if (!fork()) {
		int bad = setgroups(0, NULL) || setgid(1234) || setuid(1234);
		bad |= chmod("g", 02775) ? 2 : 0;
		bad |= chmod("f", 06775) ? 4 : 0;
		_exit(bad);
	}
	CHECK(wait(&status) > 0 && status == 0);
	CHECK(stat("g", &s) == 0 && (s.st_mode & 07777) == 0775);
	CHECK(stat("f", &s) == 0 && (s.st_mode & 07777) == 04775);
	CHECK(chmod("g", 02775) == 0 && stat("g", &s) == 0 && (s.st_mode & 07777) == 02775); /* CAP_FSETID */
	unlink("f");
	rmdir("g");
}
CASE(names_with_a_slash_are_there_or_missing)
{
	touch("f");
	mkdir("d", 0755);
	CHECK_ERRNO(link("f", "d/"), EEXIST);
	CHECK_ERRNO(link("f", "none/"), ENOENT);
	CHECK_ERRNO(symlink("f", "d/"), EEXIST);
	CHECK_ERRNO(symlink("f", "none/"), ENOENT);
	CHECK_ERRNO(mknod("d/", S_IFREG | 0600, 0), EEXIST);
	unlink("f");
	rmdir("d");
}
CASE(sticky_directory_protects_entries)
{
	int status;
	if (getuid())
		return;
	mkdir("sticky", 0777);
	chmod("sticky", 01777);
	touch("sticky/root-file");
	if (fork() == 0) {
		int bad = 0;
		if (setgid(12345) || setuid(12345))
			_exit(99);
		bad |= touch("sticky/mine") ? 1 : 0;
		bad |= unlink("sticky/root-file") != -1 || errno != EPERM ? 2 : 0;
		bad |= rename("sticky/root-file", "sticky/x") != -1 || errno != EPERM ? 4 : 0;
		bad |= unlink("sticky/mine") ? 8 : 0;
		_exit(bad);
	}
	CHECK(wait(&status) > 0 && status == 0);
	unlink("sticky/root-file");
	rmdir("sticky");
}
CASE(directory_times_change_with_names)
{
	struct stat a, b;
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	mkdir("t", 0755);
	utimensat(AT_FDCWD, "t", old, 0);
	touch("t/f");
	CHECK(stat("t", &a) == 0 && a.st_mtim.tv_sec > 100000);
	utimensat(AT_FDCWD, "t", old, 0);
	unlink("t/f");
	CHECK(stat("t", &b) == 0 && b.st_mtim.tv_sec > 100000);
	rmdir("t");
}
CASE(statfs_answers)
{
	struct statfs s;
	CHECK(statfs(".", &s) == 0 && s.f_bsize > 0 && s.f_namelen == 255 && s.f_bfree <= s.f_blocks);
	int fd = open(".", O_RDONLY);
	CHECK(fstatfs(fd, &s) == 0);
	close(fd);
	CHECK_ERRNO(statfs("missing", &s), ENOENT);
}

int main(void)
{
	if (scratch_enter("dir") || chmod(".", 0755))
		return 99;
	umask(022);
	RUN(mkdir_rmdir_errors);
	RUN(link_counts_of_directories);
	RUN(empty_listing_has_dots);
	RUN(large_listing_is_complete_and_unique);
	RUN(deleting_while_listing_skips_nothing);
	RUN(telldir_and_seekdir_return_to_the_entry);
	RUN(raw_getdents_forms);
	RUN(listing_of_removed_directory_is_enoent);
	RUN(hard_links_share_everything);
	RUN(setgid_directory_gives_its_group);
	RUN(chmod_outside_the_group_drops_setgid);
	RUN(names_with_a_slash_are_there_or_missing);
	RUN(sticky_directory_protects_entries);
	RUN(directory_times_change_with_names);
	RUN(statfs_answers);
	CHECK(scratch_leave() == 0);
	return check_summary();
}
