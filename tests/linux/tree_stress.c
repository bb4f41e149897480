// SPDX-License-Identifier: MIT
/* Many threads change one small tree at once: every call ends in success or in an errno that a race can explain,
 * no data goes astray, and in the end listings, look-ups and link counts agree. */
#include "check.h"
#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 6
#define STEPS 1500
#define DIRS 3
#define NAMES 5

static int surprises;

static int expected(const char *what, int result, const int *allowed)
{
	if (result >= 0)
		return 1;
	for (; *allowed; allowed++)
		if (errno == *allowed)
			return 0;
	if (__atomic_add_fetch(&surprises, 1, __ATOMIC_RELAXED) < 10)
		printf("  %s: errno %d %s\n", what, errno, strerror(errno));
	return 0;
}
#define ALLOW(...) ((const int[]){ __VA_ARGS__, 0 })

static void pick(unsigned *seed, char *name)
{
	sprintf(name, "d%d/n%d", rand_r(seed) % DIRS, rand_r(seed) % NAMES);
}

/* A file's content is its own first byte repeated: a reader that sees two different bytes saw a mix. */
static void check_content(int fd)
{
	char buf[256];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);
	for (ssize_t i = 1; i < n; i++) {
		if (buf[i] != buf[0]) {
			printf("  content: byte 0 is %#x, byte %ld of %ld is %#x\n", buf[0], (long)i, (long)n, buf[i]);
			__atomic_add_fetch(&surprises, 1, __ATOMIC_RELAXED);
			return;
		}
	}
}

static void step(unsigned *seed)
{
	char a[32], b[32], data[128];
	struct stat s;
	int fd;
	pick(seed, a);
	pick(seed, b);
	switch (rand_r(seed) % 10) {
	case 0: case 1:
		fd = open(a, O_CREAT | O_EXCL | O_RDWR, 0644);
		if (expected("create", fd, ALLOW(EEXIST))) {
			memset(data, 'a' + rand_r(seed) % 26, sizeof(data));
			expected("write", (int)write(fd, data, sizeof(data)), ALLOW(EIO));
			close(fd);
		}
		return;
	case 2:
		expected("unlink", unlink(a), ALLOW(ENOENT, EISDIR));
		return;
	case 3: case 4:
		expected("rename", rename(a, b), ALLOW(ENOENT, EISDIR, ENOTDIR, ENOTEMPTY, EINVAL));
		return;
	case 5:
		expected("link", link(a, b), ALLOW(ENOENT, EEXIST, EPERM));
		return;
	case 6:
		if (expected("mkdir", mkdir(a, 0755), ALLOW(EEXIST)))
			expected("rmdir", rmdir(a), ALLOW(ENOENT, ENOTEMPTY, ENOTDIR));
		return;
	case 7:
		fd = open(a, O_RDONLY);
		if (expected("open", fd, ALLOW(ENOENT))) {
			if (!fstat(fd, &s) && S_ISREG(s.st_mode))
				check_content(fd);
			close(fd);
		}
		return;
	case 8:
		expected("stat", stat(a, &s), ALLOW(ENOENT));
		return;
	default: {
		DIR *d = opendir("d0");
		int n = 0;
		while (d && readdir(d))
			n++;
		/* names made while the folder is read may come as well, each rename anew: bounded, but not by NAMES */
		if (!d || n < 2 || n > 100 * NAMES) {
			printf("  readdir: %d entries, errno %d\n", n, errno);
			__atomic_add_fetch(&surprises, 1, __ATOMIC_RELAXED);
		}
		if (d)
			closedir(d);
	}
	}
}

static void *worker(void *arg)
{
	unsigned seed = (unsigned)(long)arg;
	for (int i = 0; i < STEPS; i++)
		step(&seed);
	return NULL;
}

CASE(threads_on_one_tree)
{
	pthread_t t[THREADS];
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, worker, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CHECK(surprises == 0);
}
CASE(processes_on_one_tree)
{
	int status;
	fflush(stdout);
	for (long i = 0; i < THREADS; i++) {
		if (fork() == 0) {
			surprises = 0;
			worker((void *)(i + 100));
			_exit(surprises != 0);
		}
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(wait(&status) > 0 && status == 0);
}
CASE(listings_and_lookups_agree)
{
	char name[600];
	struct stat s;
	for (int i = 0; i < DIRS; i++) {
		char dir[8];
		int listed = 0, found = 0;
		sprintf(dir, "d%d", i);
		DIR *d = opendir(dir);
		for (struct dirent *e; (e = readdir(d));) {
			if (e->d_name[0] == '.')
				continue;
			listed++;
			snprintf(name, sizeof(name), "%s/%s", dir, e->d_name);
			CHECK(lstat(name, &s) == 0 && s.st_ino == e->d_ino && s.st_nlink >= 1);
		}
		closedir(d);
		for (int n = 0; n < NAMES; n++) {
			sprintf(name, "%s/n%d", dir, n);
			found += lstat(name, &s) == 0;
		}
		CHECK(listed == found);
	}
}
CASE(everything_can_be_removed)
{
	char name[32];
	for (int i = 0; i < DIRS; i++) {
		for (int n = 0; n < NAMES; n++) {
			sprintf(name, "d%d/n%d", i, n);
			if (unlink(name) && errno == EISDIR)
				rmdir(name);
		}
		sprintf(name, "d%d", i);
		CHECK(rmdir(name) == 0);
	}
}

int main(void)
{
	char name[8];
	if (scratch_enter("tree_stress"))
		return 99;
	for (int i = 0; i < DIRS; i++) {
		sprintf(name, "d%d", i);
		mkdir(name, 0755);
	}
	RUN(threads_on_one_tree);
	RUN(processes_on_one_tree);
	RUN(listings_and_lookups_agree);
	RUN(everything_can_be_removed);
	CHECK(scratch_leave() == 0);
	return check_summary();
}
