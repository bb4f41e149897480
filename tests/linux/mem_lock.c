// SPDX-License-Identifier: MIT
/* mlock(2), mlockall(2): what is resident, what counts against RLIMIT_MEMLOCK. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

static char *map_pages(size_t n)
{
	char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	return p;
}

CASE(mlock_populates_and_checks)
{
	unsigned char vec[2] = { 0 };
	char *p = map_pages(2);
	CHECK(mlock(p, 2 * PAGE) == 0);
	CHECK(mincore(p, 2 * PAGE, vec) == 0 && (vec[0] & 1) && (vec[1] & 1));
	CHECK_ERRNO(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
	CHECK(munlock(p, 2 * PAGE) == 0);
	CHECK_ERRNO(mlockall(0), EINVAL);
	CHECK_ERRNO(mlockall(64), EINVAL);
	munmap(p, 2 * PAGE);
	CHECK_ERRNO(mlock(p, PAGE), ENOMEM);
}

static int lock_beyond_the_limit(void)
{
	struct rlimit few = { 64 * PAGE, 64 * PAGE };
	char *p, *end;
	if (setrlimit(RLIMIT_MEMLOCK, &few) || mlockall(MCL_FUTURE) || setresuid(65534, 65534, 65534))
		return 1;
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 2;
	if (mmap(NULL, 256 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EAGAIN)
		return 3;
	if (mremap(p, 2 * PAGE, 256 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED || errno != EAGAIN)
		return 4;
	end = sbrk(0);
	if (sbrk((long)(256 * PAGE)) != (void *)-1 || sbrk(0) != end)
		return 5;
	if (munlockall() || mlock(p, 2 * PAGE))
		return 7;
	char *q = mmap(NULL, 62 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q == MAP_FAILED || mlock(q, 62 * PAGE) || mlock(q, 62 * PAGE) || mlock(p, PAGE))
		return 8; /* what is locked already does not count again */
	if (mlock(end - 1, 1) != -1 || errno != ENOMEM)
		return 9;
	return munlockall() || mmap(NULL, 256 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 6 : 0;
}
CASE(future_locks_count_against_the_limit)
{
	int status;
	if (geteuid())
		return;
	pid_t child = fork();
	if (!child)
		_exit(lock_beyond_the_limit());
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	if (status)
		printf("  status %x\n", status);
}

int main(void)
{
	RUN(mlock_populates_and_checks);
	RUN(future_locks_count_against_the_limit);
	return check_summary();
}
