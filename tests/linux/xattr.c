// SPDX-License-Identifier: MIT
/* Extended attributes of the user and trusted namespaces: set, get, list, remove, flags, sizes, rights. xattr(7),
 * setxattr(2). Where the file system of the temporary directory has none (tmpfs before Linux 6.6) the cases skip. */
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "check.h"
#include "scratch.h"

#ifndef XATTR_CREATE
#define XATTR_CREATE 1
#define XATTR_REPLACE 2
#endif

static char value[256];
static ssize_t get(const char *path, const char *name)
{
	memset(value, 0, sizeof(value));
	return getxattr(path, name, value, sizeof(value));
}
static void file_make(const char *path) { close(open(path, O_CREAT | O_WRONLY, 0644)); }

CASE(set_get_list_remove)
{
	char names[64];
	file_make("f");
	CHECK(setxattr("f", "user.one", "first", 5, 0) == 0);
	CHECK(setxattr("f", "user.two", "", 0, 0) == 0);
	CHECK(get("f", "user.one") == 5 && !memcmp(value, "first", 5));
	CHECK(get("f", "user.two") == 0);
	CHECK(listxattr("f", NULL, 0) == 18);
	CHECK(listxattr("f", names, sizeof(names)) == 18);
	CHECK(setxattr("f", "user.one", "a longer value than before", 26, 0) == 0);
	CHECK(get("f", "user.one") == 26);
	CHECK(removexattr("f", "user.two") == 0);
	CHECK_ERRNO(removexattr("f", "user.two"), ENODATA);
	CHECK_ERRNO(get("f", "user.two"), ENODATA);
	CHECK(listxattr("f", names, sizeof(names)) == 9 && !strcmp(names, "user.one"));
}
CASE(flags_and_sizes)
{
	static char big[65537];
	CHECK_ERRNO(setxattr("f", "user.one", "x", 1, XATTR_CREATE), EEXIST);
	CHECK_ERRNO(setxattr("f", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	CHECK_ERRNO(setxattr("f", "user.one", "x", 1, 8), EINVAL);
	CHECK_ERRNO(setxattr("f", "user.one", big, sizeof(big), 0), E2BIG);
	CHECK_ERRNO(setxattr("f", "nonsense", "x", 1, 0), EOPNOTSUPP);
	CHECK_ERRNO(setxattr("f", "user.", "x", 1, 0), EINVAL);
	CHECK_ERRNO(setxattr("f", "", "x", 1, 0), ERANGE);
	CHECK_ERRNO(getxattr("f", "user.one", value, 3), ERANGE);
	CHECK(getxattr("f", "user.one", NULL, 0) == 26);
	CHECK_ERRNO(getxattr("missing", "user.one", value, 3), ENOENT);
}
CASE(descriptors_and_links)
{
	int fd = open("f", O_RDWR), dir = open(".", O_RDONLY | O_DIRECTORY);
	CHECK(fsetxattr(fd, "user.fd", "v", 1, 0) == 0);
	CHECK(fgetxattr(fd, "user.fd", value, sizeof(value)) == 1 && value[0] == 'v');
	CHECK(fremovexattr(fd, "user.fd") == 0);
	CHECK(fsetxattr(dir, "user.dir", "d", 1, 0) == 0);
	CHECK(get(".", "user.dir") == 1);
	CHECK(fremovexattr(dir, "user.dir") == 0);
	CHECK(symlink("f", "l") == 0);
	CHECK_ERRNO(lsetxattr("l", "user.x", "v", 1, 0), EPERM);
	CHECK(get("l", "user.one") == 26);
	CHECK(mkfifo("p", 0600) == 0);
	CHECK_ERRNO(setxattr("p", "user.x", "v", 1, 0), EPERM);
	close(fd);
	close(dir);
}
CASE(attributes_follow_the_object)
{
	CHECK(link("f", "g") == 0);
	CHECK(rename("f", "h") == 0);
	CHECK(get("g", "user.one") == 26 && get("h", "user.one") == 26);
	CHECK(unlink("g") == 0 && get("h", "user.one") == 26);
	CHECK(truncate("h", 100) == 0 && chmod("h", 0600) == 0 && get("h", "user.one") == 26);
}
CASE(many_attributes_are_kept_apart)
{
	char name[32], text[32];
	file_make("many");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "user.n%d", i);
		snprintf(text, sizeof(text), "v%d", i * 7);
		CHECK(setxattr("many", name, text, strlen(text), 0) == 0);
	}
	for (int i = 0; i < 40; i += 2) {
		snprintf(name, sizeof(name), "user.n%d", i);
		CHECK(removexattr("many", name) == 0);
	}
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "user.n%d", i);
		snprintf(text, sizeof(text), "v%d", i * 7);
		CHECK(i & 1 ? get("many", name) == (ssize_t)strlen(text) && !strcmp(value, text) : get("many", name) == -1);
	}
}
CASE(change_of_an_attribute_changes_ctime)
{
	struct stat a, b;
	stat("h", &a);
	usleep(20000);
	CHECK(setxattr("h", "user.time", "x", 1, 0) == 0);
	stat("h", &b);
	CHECK(b.st_ctim.tv_sec > a.st_ctim.tv_sec || b.st_ctim.tv_nsec > a.st_ctim.tv_nsec);
	CHECK(b.st_mtim.tv_sec == a.st_mtim.tv_sec && b.st_mtim.tv_nsec == a.st_mtim.tv_nsec);
}
CASE(permissions_of_the_file_decide)
{
	if (geteuid() != 0) {
		printf("  skipped: needs root\n");
		return;
	}
	CHECK(chmod("many", 0604) == 0 && chmod(".", 0755) == 0);
	CHECK(setxattr("many", "trusted.t", "x", 1, 0) == 0);
	CHECK(get("many", "trusted.t") == 1);
	ssize_t all = listxattr("many", NULL, 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
			_exit(1);
		if (get("many", "user.n1") != 2)
			_exit(2);
		if (setxattr("many", "user.n1", "x", 1, 0) != -1 || errno != EACCES)
			_exit(3);
		if (get("many", "trusted.t") != -1 || errno != ENODATA)
			_exit(4);
		if (setxattr("many", "trusted.t", "x", 1, 0) != -1 || errno != EPERM)
			_exit(5);
		_exit(listxattr("many", NULL, 0) == all - 10 ? 0 : 6);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
}

int main(void)
{
	scratch_enter("xattr");
	file_make("probe");
	if (setxattr("probe", "user.probe", "x", 1, 0) && errno == EOPNOTSUPP) {
		printf("skipped: no user attributes in %s\n", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
		return 0;
	}
	RUN(set_get_list_remove);
	RUN(flags_and_sizes);
	RUN(descriptors_and_links);
	RUN(attributes_follow_the_object);
	RUN(many_attributes_are_kept_apart);
	RUN(change_of_an_attribute_changes_ctime);
	RUN(permissions_of_the_file_decide);
	return check_summary();
}
