// SPDX-License-Identifier: MIT
/* Mappings of a file against read, write and truncate of it, page by page.
 * usage: mem_file [FILE]   FILE is overwritten; by default a new file in /tmp. In the guest also run on a file of the
 * system image, whose pages are used in place until they are written. */
#include "check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

static const char *path;
static char *original; /* contents at the start */
static size_t size;
static int fd;
static sigjmp_buf jump;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(jump, 1);
}

static int faults(volatile char *p)
{
	if (sigsetjmp(jump, 1))
		return 1;
	(void)*p;
	return 0;
}

static void open_file(void)
{
	struct stat s;
	if (path) {
		fd = open(path, O_RDWR);
	} else {
		char name[] = "/tmp/mem_file_XXXXXX";
		fd = mkstemp(name);
		unlink(name);
		for (int i = 0; i < 10 * 4096 + 100; i += 4)
			if (write(fd, &i, 4) != 4)
				exit(99);
	}
	if (fd < 0 || fstat(fd, &s) || s.st_size < 6 * 4096)
		exit(98);
	size = (size_t)s.st_size;
	original = malloc(size);
	if (pread(fd, original, size, 0) != (ssize_t)size)
		exit(97);
}

CASE(shared_and_private_maps_show_the_file)
{
	char *s = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(s != MAP_FAILED && p != MAP_FAILED);
	CHECK(memcmp(s, original, size) == 0 && memcmp(p, original, size) == 0);
	size_t tail = size % PAGE;
	for (size_t i = size; tail && i < size - tail + PAGE; i++)
		CHECK(s[i] == 0);
	p[0] ^= 1;
	CHECK(s[0] == original[0] && p[0] != s[0] && memcmp(p + 1, original + 1, size - 1) == 0);
	munmap(s, size);
	munmap(p, size);
}

CASE(store_through_a_map_is_read_back)
{
	char *s = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *other = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	char byte = 0;
	CHECK(other[PAGE + 5] == original[PAGE + 5]);
	s[PAGE + 5] = original[PAGE + 5] = 'A';
	CHECK(other[PAGE + 5] == 'A');
	CHECK(pread(fd, &byte, 1, PAGE + 5) == 1 && byte == 'A');
	CHECK(other[0] == original[0] && other[2 * PAGE] == original[2 * PAGE] && other[PAGE + 4] == original[PAGE + 4]);
	CHECK(msync(s, 3 * PAGE, MS_SYNC) == 0);
	s[PAGE + 6] = original[PAGE + 6] = 'B';
	CHECK(pread(fd, &byte, 1, PAGE + 6) == 1 && byte == 'B');
	munmap(s, 3 * PAGE);
	munmap(other, 3 * PAGE);
}

CASE(store_through_a_map_changes_the_times)
{
	struct stat before, after;
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && fstat(fd, &before) == 0);
	usleep(20000);
	*(volatile char *)p = original[0];
	CHECK(msync(p, PAGE, MS_SYNC) == 0 && fstat(fd, &after) == 0);
	CHECK(after.st_mtim.tv_sec > before.st_mtim.tv_sec || after.st_mtim.tv_nsec > before.st_mtim.tv_nsec);
	CHECK(after.st_ctim.tv_sec > before.st_ctim.tv_sec || after.st_ctim.tv_nsec > before.st_ctim.tv_nsec);
	munmap(p, PAGE);
}

CASE(write_shows_in_present_maps)
{
	char *s = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(s[2 * PAGE + 9] == original[2 * PAGE + 9]);
	CHECK(pwrite(fd, "zz", 2, 2 * PAGE + 9) == 2);
	memcpy(original + 2 * PAGE + 9, "zz", 2);
	CHECK(memcmp(s, original, size) == 0);
	CHECK(pwrite(fd, "edge", 4, 3 * PAGE - 2) == 4);
	memcpy(original + 3 * PAGE - 2, "edge", 4);
	CHECK(memcmp(s, original, size) == 0);
	munmap(s, size);
}

CASE(write_from_a_map_of_the_same_file)
{
	char *s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(pwrite(fd, s + PAGE, PAGE, 3 * PAGE) == (ssize_t)PAGE);
	memcpy(original + 3 * PAGE, original + PAGE, PAGE);
	CHECK(memcmp(s, original, size) == 0);
	CHECK(pread(fd, s + 4 * PAGE, PAGE, 0) == (ssize_t)PAGE);
	memcpy(original + 4 * PAGE, original, PAGE);
	CHECK(memcmp(s, original, size) == 0);
	munmap(s, size);
}

CASE(truncate_cuts_maps_and_zeroes_the_tail)
{
	char *s = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(s[5 * PAGE] == original[5 * PAGE] && s[4 * PAGE + 200] == original[4 * PAGE + 200]);
	CHECK(ftruncate(fd, 4 * PAGE + 100) == 0);
	CHECK(faults(s + 5 * PAGE));
	CHECK(s[4 * PAGE + 99] == original[4 * PAGE + 99] && s[4 * PAGE + 100] == 0);
	s[4 * PAGE + 300] = 'x';
	CHECK(ftruncate(fd, 6 * PAGE) == 0);
	CHECK(s[4 * PAGE + 300] == 0 && s[4 * PAGE + 99] == original[4 * PAGE + 99] && s[5 * PAGE] == 0);
	char buf[200];
	CHECK(pread(fd, buf, 200, 4 * PAGE) == 200 && memcmp(buf, original + 4 * PAGE, 100) == 0 && buf[100] == 0);
	munmap(s, 6 * PAGE);
	size = 6 * PAGE;
	memset(original + 4 * PAGE + 100, 0, 2 * PAGE - 100);
}

CASE(append_grows_the_map)
{
	char *s = mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(faults(s + 6 * PAGE));
	CHECK(pwrite(fd, "end", 3, 7 * PAGE) == 3);
	CHECK(!faults(s + 6 * PAGE) && s[6 * PAGE] == 0 && memcmp(s + 7 * PAGE, "end", 4) == 0);
	munmap(s, 8 * PAGE);
}

CASE(rights_follow_the_descriptor)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	int ro = open(path ? path : name, O_RDONLY), wo = open(path ? path : name, O_WRONLY);
	CHECK(ro >= 0 && wo >= 0);
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED && errno == EACCES);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0) == MAP_FAILED && errno == EACCES);
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	CHECK(p != MAP_FAILED);
	CHECK_ERRNO(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	munmap(p, PAGE);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0);
	CHECK(p != MAP_FAILED);
	p[0] = 1;
	munmap(p, PAGE);
	int dir = open("/", O_RDONLY);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0) == MAP_FAILED && errno == ENODEV);
	close(dir);
	close(ro);
	close(wo);
}

CASE(map_outlives_descriptor_and_fork)
{
	int again = dup(fd);
	char *s = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, again, 0);
	close(again);
	p[PAGE] = 'p';
	pid_t pid = fork();
	if (pid == 0) {
		s[7] = 'c';
		_exit(p[PAGE] == 'p' && p[0] == original[0] ? 0 : 1);
	}
	int status = -1;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	original[7] = 'c';
	char byte = 0;
	CHECK(s[7] == 'c' && pread(fd, &byte, 1, 7) == 1 && byte == 'c' && p[7] == 'c');
	munmap(s, 2 * PAGE);
	munmap(p, 2 * PAGE);
}

CASE(a_huge_hole_is_punched_at_once)
{
	const off_t huge = 1l << 60;
	char c = 1;
	int fd = memfd_create("huge", 0);
	CHECK(ftruncate(fd, huge) == 0 && pwrite(fd, "a", 1, 1l << 50) == 1);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, huge - 100) == 0);
	CHECK(pread(fd, &c, 1, 1l << 50) == 1 && c == 0);
	close(fd);
}

CASE(seals_hold_for_each_way_to_the_size)
{
	char name[64];
	int sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", sealed);
	CHECK(ftruncate(sealed, PAGE) == 0 && fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	CHECK_ERRNO(ftruncate(sealed, 0), EPERM);
	CHECK_ERRNO(truncate(name, 0), EPERM);
	CHECK_ERRNO(open(name, O_RDWR | O_TRUNC), EPERM);
	CHECK(truncate(name, 2 * PAGE) == 0 && fcntl(sealed, F_ADD_SEALS, F_SEAL_GROW) == 0);
	CHECK_ERRNO(truncate(name, 3 * PAGE), EPERM);
	CHECK(lseek(sealed, 0, SEEK_END) == (off_t)(2 * PAGE));
	close(sealed);
}
CASE(holes_read_zero)
{
	CHECK(ftruncate(fd, 0) == 0 && ftruncate(fd, 1 << 20) == 0);
	char *s = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char byte = 1;
	CHECK(s[500000] == 0 && pread(fd, &byte, 1, 700000) == 1 && byte == 0);
	s[300000] = 1;
	CHECK(pread(fd, &byte, 1, 300000) == 1 && byte == 1 && s[299999] == 0);
	if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 300000 / PAGE * PAGE, PAGE))
		CHECK(s[300000] == 0);
	munmap(s, 1 << 20);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_fault };
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	path = argc > 1 ? argv[1] : NULL;
	open_file();
	RUN(shared_and_private_maps_show_the_file);
	RUN(store_through_a_map_is_read_back);
	RUN(store_through_a_map_changes_the_times);
	RUN(write_shows_in_present_maps);
	RUN(write_from_a_map_of_the_same_file);
	RUN(rights_follow_the_descriptor);
	RUN(truncate_cuts_maps_and_zeroes_the_tail);
	RUN(append_grows_the_map);
	RUN(map_outlives_descriptor_and_fork);
	RUN(a_huge_hole_is_punched_at_once);
	RUN(seals_hold_for_each_way_to_the_size);
	RUN(holes_read_zero);
	return check_summary();
}
