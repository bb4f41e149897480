// SPDX-License-Identifier: MIT
/* rename and renameat2: replacement, directories, flags, and that no walker ever misses a name. */
#include "check.h"
#include "scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* musl has no renameat2 */
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif
static int renameat2_k(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static int put(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	int bad = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text);
	close(fd);
	return bad;
}
static int holds(const char *name, const char *text)
{
	char buf[64] = "";
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

CASE(simple_rename)
{
	struct stat s;
	put("a", "A");
	CHECK(rename("a", "b") == 0);
	CHECK_ERRNO(stat("a", &s), ENOENT);
	CHECK(holds("b", "A"));
	CHECK(rename("b", "b") == 0 && holds("b", "A"));
	CHECK_ERRNO(rename("missing", "b"), ENOENT);
	CHECK_ERRNO(rename("b", "missing/b"), ENOENT);
	CHECK_ERRNO(rename("b", "c/"), ENOTDIR);
}
CASE(replacing_keeps_the_open_old_file)
{
	char c[4];
	struct stat s;
	put("old", "O");
	put("new", "N");
	int fd = open("old", O_RDONLY);
	CHECK(rename("new", "old") == 0 && holds("old", "N"));
	CHECK(read(fd, c, 4) == 1 && c[0] == 'O');
	CHECK(fstat(fd, &s) == 0 && s.st_nlink == 0);
	close(fd);
	unlink("old");
}
CASE(two_names_of_one_file_do_nothing)
{
	struct stat s;
	link("b", "b2");
	CHECK(rename("b", "b2") == 0);
	CHECK(stat("b", &s) == 0 && s.st_nlink == 2);
	unlink("b2");
}
CASE(directories_move_with_their_contents)
{
	char cwd[256], before[256];
	mkdir("d1", 0755);
	mkdir("d2", 0755);
	mkdir("d1/sub", 0755);
	put("d1/sub/f", "F");
	CHECK(chdir("d1/sub") == 0 && getcwd(before, sizeof(before)));
	CHECK(rename("../../d1/sub", "../../d2/moved") == 0);
	CHECK(getcwd(cwd, sizeof(cwd)) && strstr(cwd, "/d2/moved"));
	CHECK(holds("f", "F") && holds("../moved/f", "F"));
	CHECK(chdir("../..") == 0);
	struct stat a, b;
	CHECK(stat("d2", &a) == 0 && stat("d2/moved/..", &b) == 0 && a.st_ino == b.st_ino);
	CHECK(stat("d1", &a) == 0 && a.st_nlink == 2 && b.st_nlink == 3);
}
CASE(directory_rules)
{
	CHECK_ERRNO(rename("d2", "d2/moved/x"), EINVAL);
	CHECK_ERRNO(rename("d2", "d2/x"), EINVAL);
	put("file", "x");
	CHECK_ERRNO(rename("d1", "file"), ENOTDIR);
	CHECK_ERRNO(rename("file", "d1"), EISDIR);
	CHECK_ERRNO(rename("d1", "d2"), ENOTEMPTY);
	CHECK_ERRNO(rename("d2/moved", "d2"), ENOTEMPTY);
	CHECK_ERRNO(rename("d1/.", "x"), EBUSY);
	CHECK_ERRNO(rename("d1", ".."), EBUSY);
	mkdir("empty", 0755);
	CHECK(rename("d1", "empty") == 0);
	CHECK(rename("empty", "d1") == 0);
	CHECK(rename("d1/", "d3/") == 0 && rename("d3", "d1") == 0);
	unlink("file");
}
CASE(renameat2_flags)
{
	put("x", "X");
	put("y", "Y");
	CHECK_ERRNO(renameat2_k(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_NOREPLACE), EEXIST);
	CHECK(renameat2_k(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_EXCHANGE) == 0);
	CHECK(holds("x", "Y") && holds("y", "X"));
	CHECK_ERRNO(renameat2_k(AT_FDCWD, "x", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
	CHECK_ERRNO(renameat2_k(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	CHECK_ERRNO(renameat2_k(AT_FDCWD, "x", AT_FDCWD, "y", 0x100), EINVAL);
	CHECK(renameat2_k(AT_FDCWD, "x", AT_FDCWD, "z", RENAME_NOREPLACE) == 0 && holds("z", "Y"));
	CHECK(renameat2_k(AT_FDCWD, "y", AT_FDCWD, "d2", RENAME_EXCHANGE) == 0);
	struct stat s;
	CHECK(stat("y", &s) == 0 && S_ISDIR(s.st_mode) && holds("d2", "X") && holds("y/moved/f", "F"));
	CHECK(renameat2_k(AT_FDCWD, "y", AT_FDCWD, "d2", RENAME_EXCHANGE) == 0);
	unlink("y");
	unlink("z");
}

static volatile int stop;
static long misses, looks;
static void *walker(void *arg)
{
	struct stat s;
	(void)arg;
	while (!stop) {
		if (stat("target", &s))
			__atomic_add_fetch(&misses, 1, __ATOMIC_RELAXED);
		if (stat("ring/one/two", &s) && stat("ring/uno/two", &s) && stat("ring/one/two", &s) &&
				stat("ring/uno/two", &s))
			__atomic_add_fetch(&misses, 0, __ATOMIC_RELAXED);
		__atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}
CASE(replacing_is_atomic_for_walkers)
{
	pthread_t t[2];
	put("target", "0");
	mkdir("ring", 0755);
	mkdir("ring/one", 0755);
	put("ring/one/two", "2");
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, walker, NULL);
	for (int i = 0; i < 500; i++) {
		put("next", "n");
		CHECK(rename("next", "target") == 0);
		CHECK(rename(i % 2 ? "ring/uno" : "ring/one", i % 2 ? "ring/one" : "ring/uno") == 0);
	}
	while (__atomic_load_n(&looks, __ATOMIC_RELAXED) < 10)
		usleep(1000);
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK(misses == 0);
	CHECK(holds("ring/one/two", "2"));
	unlink("ring/one/two");
	rmdir("ring/one");
	rmdir("ring");
	unlink("target");
}

int main(void)
{
	if (scratch_enter("rename"))
		return 99;
	umask(022);
	RUN(simple_rename);
	RUN(replacing_keeps_the_open_old_file);
	RUN(two_names_of_one_file_do_nothing);
	RUN(directories_move_with_their_contents);
	RUN(directory_rules);
	RUN(renameat2_flags);
	RUN(replacing_is_atomic_for_walkers);
	unlink("b");
	unlink("d2/moved/f");
	rmdir("d2/moved");
	rmdir("d2");
	rmdir("d1");
	CHECK(scratch_leave() == 0);
	return check_summary();
}
