// SPDX-License-Identifier: MIT
/* /proc/PID/mem, proc(5): own and other memory, past the mapping's rights, its ends and its permissions. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul

static int fd;
static char buf[2 * PAGE];

static long get(const void *at, size_t n) { return pread(fd, buf, n, (off_t)(uintptr_t)at); }
static long put(void *at, const char *text) { return pwrite(fd, text, strlen(text), (off_t)(uintptr_t)at); }

CASE(own_memory_is_read_and_written)
{
	char here[16] = "before";
	struct stat st;
	fd = open("/proc/self/mem", O_RDWR);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600 && st.st_size == 0 && st.st_rdev == 0);
	CHECK(get(here, 7) == 7 && !strcmp(buf, "before"));
	CHECK(put(here, "after!") == 6 && !strcmp(here, "after!"));
	CHECK(lseek(fd, (off_t)(uintptr_t)here, SEEK_SET) == (off_t)(uintptr_t)here && read(fd, buf, 2) == 2 && read(fd, buf, 3) == 3);
	CHECK(!memcmp(buf, "ter", 3) && lseek(fd, 0, SEEK_CUR) == (off_t)(uintptr_t)here + 5);
	CHECK_ERRNO(lseek(fd, 0, SEEK_END), EINVAL);
	CHECK(get(here, 0) == 0);
}

CASE(what_is_not_mapped_is_an_error)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED && munmap(p + PAGE, PAGE) == 0);
	CHECK_ERRNO(get(p + PAGE, 4), EIO);
	CHECK_ERRNO(put(p + PAGE, "x"), EIO);
	CHECK(get(p + PAGE - 10, 20) == 10);
	CHECK_ERRNO(get(NULL, 1), EIO);
	CHECK_ERRNO(syscall(SYS_pread64, fd, 16, 1, p), EFAULT);
	munmap(p, PAGE);
}

CASE(rights_of_mappings_do_not_count)
{
	char name[] = "/tmp/proc_mem_XXXXXX";
	int file = mkstemp(name), pipes[2];
	CHECK(file >= 0 && unlink(name) == 0 && write(file, "original", 8) == 8 && pipe(pipes) == 0);
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0), *q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	char *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED && q != MAP_FAILED && none != MAP_FAILED);
	CHECK(put(p, "CHANGED") == 7 && !memcmp(p, "CHANGEDl", 8) && !memcmp(q, "original", 8));
	CHECK(pread(file, buf, 8, 0) == 8 && !memcmp(buf, "original", 8));
	CHECK(write(pipes[1], "x", 1) == 1);
	CHECK_ERRNO(read(pipes[0], p, 1), EFAULT); /* still not writable */
	CHECK_ERRNO(put(q, "CHANGED"), EIO);
	CHECK(put(none, "deep") == 4 && get(none, 5) == 5 && !strcmp(buf, "deep"));
	CHECK(mprotect(none, PAGE, PROT_READ) == 0 && !strcmp(none, "deep"));
	munmap(p, PAGE);
	munmap(q, PAGE);
	munmap(none, PAGE);
	close(file);
	close(pipes[0]);
	close(pipes[1]);
}

CASE(code_can_be_changed)
{
	static const unsigned char answer[] = { 0xb8, 1, 0, 0, 0, 0xc3 }; /* mov $1, %eax; ret */
	char two = 2;
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	memcpy(p, answer, sizeof(answer));
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	int (*f)(void) = (int (*)(void))(uintptr_t)p;
	CHECK(f() == 1);
	CHECK(pwrite(fd, &two, 1, (off_t)(uintptr_t)(p + 1)) == 1 && f() == 2);
	munmap(p, PAGE);
}

static volatile char shared_place[8] = "parent";
CASE(another_process_is_reached_until_it_ends)
{
	char path[64];
	int ready[2], mine = fd, status;
	CHECK(pipe(ready) == 0);
	pid_t child = fork();
	if (!child) {
		memcpy((void *)shared_place, "child!", 6);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	CHECK(read(ready[0], buf, 1) == 1);
	fd = open(path, O_RDWR);
	CHECK(fd >= 0 && get((void *)shared_place, 7) == 7 && !strcmp(buf, "child!"));
	CHECK(put((void *)shared_place, "poked") == 5 && get((void *)shared_place, 6) == 6 && !memcmp(buf, "poked!", 6));
	CHECK(!strcmp((const char *)shared_place, "parent"));
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
	CHECK(get((void *)shared_place, 6) == 0);
	close(fd);
	close(ready[0]);
	close(ready[1]);
	fd = mine;
}

CASE(strangers_may_not_open_it)
{
	char path[64];
	int status;
	if (geteuid())
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", getpid());
	pid_t child = fork();
	if (!child) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		_exit(open(path, O_RDONLY) != -1 || errno != EACCES);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void)
{
	RUN(own_memory_is_read_and_written);
	RUN(what_is_not_mapped_is_an_error);
	RUN(rights_of_mappings_do_not_count);
	RUN(code_can_be_changed);
	RUN(another_process_is_reached_until_it_ends);
	RUN(strangers_may_not_open_it);
	return check_summary();
}
