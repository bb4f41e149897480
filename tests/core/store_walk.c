// SPDX-License-Identifier: MIT
// The n-th-store walk: for each operation that changes vfsd's state, vfsd is made to die at its n-th store point, for n = 1, 2, ...
// until the operation runs through; every time the operation must succeed and its effect must be exactly once there.
// Runs in the guest on a kernel with test_ipc; prints the n of each operation. Argument: a folder to walk in that is on a 9p
// share; without one, a folder of the root, with the operations that a share does not have.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "native.h"

#define PRIVATE_ONLY 3
#define WALK_MAX 4096 /* an operation with more store points than this is a bug of its own */

static u32 door(u64 kill_at)
{
	struct service_test_request q = { kill_at };
	struct service_test_reply reply = { 0 };
	s64 st = call_service(SERVICE_VFSD, SERVICE_OP_TEST, &q, sizeof(q), &reply, sizeof(reply));
	if (st)
		printf("test door: %lld\n", (long long)st);
	return reply.generation;
}

static bool exists(const char *path, nlink_t links)
{
	struct stat s;
	return lstat(path, &s) == 0 && (links == 0 || s.st_nlink == links);
}

static bool make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0644);
	if (fd < 0)
		return false;
	bool good = write(fd, "0123456789", 10) == 10;
	close(fd);
	return good;
}

/* Each operation: prepare, run (under the hook), check. */
static bool none(void) { return true; }
static bool file_ready(void) { return make_file("a"); }
static bool two_ready(void) { return make_file("a") && make_file("b"); }
static bool dir_ready(void) { return mkdir("d", 0755) == 0; }
static bool run_create(void) { int fd = open("a", O_CREAT | O_EXCL | O_WRONLY, 0600); return fd >= 0 && close(fd) == 0; }
static bool run_mkdir(void) { return mkdir("d", 0755) == 0; }
static bool run_rmdir(void) { return rmdir("d") == 0; }
static bool run_symlink(void) { return symlink("target", "s") == 0; }
static bool run_link(void) { return link("a", "l") == 0; }
static bool run_unlink(void) { return unlink("a") == 0; }
static bool run_rename(void) { return rename("a", "r") == 0; }
static bool run_replace(void) { return rename("a", "b") == 0; }
static bool run_truncate(void) { return truncate("a", 4) == 0; }
static bool run_chmod(void) { return chmod("a", 0751) == 0; }
static bool run_mount(void) { return mount("tmpfs", "d", "tmpfs", 0, "") == 0; }
static bool run_umount(void) { return umount("d") == 0; }
static bool mounted(void) { return dir_ready() && run_mount(); }
static bool check_create(void) { struct stat s; return stat("a", &s) == 0 && (s.st_mode & 07777) == 0600 && s.st_nlink == 1; }
static bool check_dir(void) { return exists("d", 2); }
static bool check_no_dir(void) { return !exists("d", 0); }
static bool check_symlink(void) { char t[16] = ""; return readlink("s", t, 15) == 6 && strcmp(t, "target") == 0; }
static bool check_link(void) { return exists("a", 2) && exists("l", 2); }
static bool check_unlink(void) { return !exists("a", 0); }
static bool check_rename(void) { return !exists("a", 0) && exists("r", 1); }
static bool check_replace(void) { return !exists("a", 0) && exists("b", 1); }
static bool check_truncate(void) { struct stat s; return stat("a", &s) == 0 && s.st_size == 4; }
static bool check_chmod(void) { struct stat s; return stat("a", &s) == 0 && (s.st_mode & 07777) == 0751; }
static bool check_mount(void) { return make_file("d/inside"); }
static bool check_umount(void) { return exists("d", 2) && !exists("d/inside", 0); }

/* The object stays readable after its name is gone; nothing of it may lie in the page cache. */
static int open_file = -1;
static bool open_ready(void)
{
	if (!two_ready())
		return false;
	open_file = open("b", O_RDONLY);
	return open_file >= 0;
}
static bool open_unlinked(void) { return open_ready() && unlink("b") == 0; }
static bool open_reads(void)
{
	char text[16] = "";
	struct stat s;
	return posix_fadvise(open_file, 0, 0, POSIX_FADV_DONTNEED) == 0 && pread(open_file, text, 15, 0) == 10 &&
	       !strcmp(text, "0123456789") && fstat(open_file, &s) == 0 && s.st_nlink == 0;
}
static bool run_unlink_open(void) { return unlink("b") == 0; }
static bool run_forget(void) { return close(open_file) == 0; }
static bool check_unlink_open(void) { return !exists("b", 0) && open_reads() && close(open_file) == 0; }
static bool check_replace_open(void) { return check_replace() && open_reads() && close(open_file) == 0; }
static bool check_forget(void) { return !exists("b", 0); }

static bool run_unnamed(void) { return (open_file = open(".", O_TMPFILE | O_RDWR, 0600)) >= 0; }
static bool unnamed_ready(void) { return run_unnamed() && write(open_file, "0123456789", 10) == 10; }
static bool check_unnamed(void) { return write(open_file, "0123456789", 10) == 10 && open_reads() && close(open_file) == 0; }
static bool run_name(void)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", open_file);
	return linkat(AT_FDCWD, path, AT_FDCWD, "l", AT_SYMLINK_FOLLOW) == 0;
}
static bool check_name(void)
{
	char text[16] = "";
	return close(open_file) == 0 && exists("l", 1) && (open_file = open("l", O_RDONLY)) >= 0 &&
	       read(open_file, text, 15) == 10 && !strcmp(text, "0123456789") && close(open_file) == 0;
}

/* Image files, each written once. */
static char image_path[512];
static const char *const image_folder = "/usr/lib/python3.11";
static DIR *image_dir;
static bool next_image_file(void)
{
	struct stat s;
	if (!image_dir)
		image_dir = opendir(image_folder);
	for (struct dirent *e; image_dir && (e = readdir(image_dir));) {
		snprintf(image_path, sizeof(image_path), "%s/%s", image_folder, e->d_name);
		if (stat(image_path, &s) == 0 && S_ISREG(s.st_mode) && s.st_size > 100)
			return true;
	}
	return false;
}
static u8 image_before[100];
static bool image_ready(void)
{
	if (!next_image_file())
		return false;
	int fd = open(image_path, O_RDONLY);
	bool good = fd >= 0 && read(fd, image_before, 100) == 100;
	close(fd);
	return good;
}
static bool run_image(void)
{
	int fd = open(image_path, O_WRONLY);
	bool good = fd >= 0 && pwrite(fd, "!", 1, 50) == 1;
	return close(fd) == 0 && good;
}
static bool check_image(void)
{
	u8 now[100];
	int fd = open(image_path, O_RDONLY);
	bool good = fd >= 0 && read(fd, now, 100) == 100 && now[50] == '!' && memcmp(now, image_before, 50) == 0 &&
		    memcmp(now + 51, image_before + 51, 49) == 0;
	close(fd);
	return good;
}

static const struct operation { const char *name; bool (*prepare)(void), (*run)(void), (*check)(void); } operations[] = {
	{ "create", none, run_create, check_create }, { "mkdir", none, run_mkdir, check_dir },
	{ "rmdir", dir_ready, run_rmdir, check_no_dir }, { "symlink", none, run_symlink, check_symlink },
	{ "link", file_ready, run_link, check_link }, { "unlink", file_ready, run_unlink, check_unlink },
	{ "rename", file_ready, run_rename, check_rename }, { "rename over a file", two_ready, run_replace, check_replace },
	{ "truncate", file_ready, run_truncate, check_truncate }, { "chmod", file_ready, run_chmod, check_chmod },
	{ "unlink while open", open_ready, run_unlink_open, check_unlink_open },
	{ "rename over an open file", open_ready, run_replace, check_replace_open },
	{ "close of an unlinked file", open_unlinked, run_forget, check_forget },
	{ "unnamed file", none, run_unnamed, check_unnamed }, { "name for an unnamed file", unnamed_ready, run_name, check_name },
	/* the last PRIVATE_ONLY are not done on a share */
	{ "mount", dir_ready, run_mount, check_mount }, { "umount", mounted, run_umount, check_umount },
	{ "first write to an image file", image_ready, run_image, check_image },
};

static void clean(void)
{
	const char *const names[] = { "a", "b", "l", "r", "s" };
	umount("d");
	rmdir("d");
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		unlink(names[i]);
}

static bool walk(const struct operation *o)
{
	for (u64 n = 1; n < WALK_MAX; n++) {
		clean();
		if (!o->prepare()) {
			printf("FAIL store_walk %s: cannot prepare, errno %d\n", o->name, errno);
			return false;
		}
		u32 before = door(n);
		errno = 0;
		bool ran = o->run();
		int error = errno;
		bool died = door(0) != before;
		bool good = ran && o->check();
		if (!good) {
			printf("FAIL store_walk %s at store %llu: %s, errno %d\n", o->name, (unsigned long long)n,
			       ran ? "wrong effect" : "error", error);
			return false;
		}
		if (!died) {
			printf("ok store_walk %s: n = %llu\n", o->name, (unsigned long long)(n - 1));
			return true;
		}
	}
	printf("FAIL store_walk %s never ran through\n", o->name);
	return false;
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "/walk";
	int failures = 0;
	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir(folder, 0755);
	if (chdir(folder))
		return 99;
	for (u32 i = 0; i < ARRAY_SIZE(operations) - (argc > 1 ? PRIVATE_ONLY : 0); i++)
		failures += !walk(&operations[i]);
	clean();
	return failures != 0;
}
