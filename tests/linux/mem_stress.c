// SPDX-License-Identifier: MIT
/* Memory under threads: mapping, protecting, forking and truncating at once, and running out of memory.
 * usage: mem_stress [rounds]   (default 50) */
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define THREADS 4
#define PAGES 64

static int rounds = 50;
static int bad;

static void fail(const char *what)
{
	__atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
	printf("  %s\n", what);
}

static void *map_and_check(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	for (int r = 0; r < rounds; r++) {
		size_t n = 1 + rand_r(&seed) % PAGES;
		char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) {
			fail("mmap");
			break;
		}
		for (size_t i = 0; i < n; i++) {
			if (*(uint64_t *)(p + i * PAGE))
				fail("fresh page is not zero");
			*(uint64_t *)(p + i * PAGE) = (uint64_t)(uintptr_t)p + i;
		}
		mprotect(p, n * PAGE / 2 & ~(PAGE - 1), PROT_READ);
		mprotect(p, n * PAGE, PROT_READ | PROT_WRITE);
		for (size_t i = 0; i < n; i++)
			if (*(uint64_t *)(p + i * PAGE) != (uint64_t)(uintptr_t)p + i)
				fail("page changed");
		char *q = mremap(p, n * PAGE, (n + 3) * PAGE, MREMAP_MAYMOVE);
		if (q == MAP_FAILED || *(uint64_t *)q != (uint64_t)(uintptr_t)p)
			fail("mremap");
		munmap(q, (n + 3) * PAGE);
	}
	return NULL;
}

static char *shared_private;

static void *fork_and_check(void *arg)
{
	(void)arg;
	for (int r = 0; r < rounds / 4; r++) {
		pid_t pid = fork();
		if (pid == 0) {
			for (int i = 0; i < PAGES; i++) {
				uint64_t *word = (uint64_t *)(shared_private + i * PAGE);
				if (word[1] != (uint64_t)i)
					_exit(1);
				word[1] = 77;
			}
			_exit(0);
		}
		int status = -1;
		waitpid(pid, &status, 0);
		if (pid < 0 || status)
			fail("forked child saw other bytes");
		for (int i = 0; i < PAGES; i++)
			if (((uint64_t *)(shared_private + i * PAGE))[1] != (uint64_t)i)
				fail("child's store reached the parent");
	}
	return NULL;
}

static void *count_up(void *arg)
{
	volatile uint64_t *word = arg;
	for (int r = 0; r < rounds * 200; r++) {
		volatile uint64_t *w = (volatile uint64_t *)((char *)word + (r % PAGES) * PAGE);
		uint64_t before = *w;
		*w = before + 1;
		if (*w != before + 1) {
			fail("lost store");
			break;
		}
	}
	return NULL;
}

CASE(threads_map_fork_and_store_at_once)
{
	pthread_t t[THREADS + 2];
	shared_private = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < PAGES; i++)
		((uint64_t *)(shared_private + i * PAGE))[1] = (uint64_t)i;
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, map_and_check, (void *)(uintptr_t)(i + 1)) == 0);
	CHECK(pthread_create(&t[THREADS], NULL, fork_and_check, NULL) == 0);
	CHECK(pthread_create(&t[THREADS + 1], NULL, count_up, shared_private) == 0);
	for (int i = 0; i < THREADS + 2; i++)
		pthread_join(t[i], NULL);
	CHECK(bad == 0);
}

static int truncating;
static int file;

static void *truncate_loop(void *arg)
{
	(void)arg;
	for (int r = 0; r < rounds; r++) {
		if (ftruncate(file, 0) || ftruncate(file, PAGES * PAGE))
			fail("ftruncate");
		sched_yield();
	}
	__atomic_store_n(&truncating, 0, __ATOMIC_RELEASE);
	return NULL;
}

static void ignore_bus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	/* The page is beyond the end now: give the access private memory so that it ends. */
	mmap((void *)((uintptr_t)info->si_addr & ~(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

CASE(truncation_races_with_mappings)
{
	struct sigaction sa = { .sa_sigaction = ignore_bus, .sa_flags = SA_SIGINFO };
	pthread_t t;
	sigaction(SIGBUS, &sa, NULL);
	file = memfd_create("race", 0);
	CHECK(file >= 0 && ftruncate(file, PAGES * PAGE) == 0);
	truncating = 1;
	CHECK(pthread_create(&t, NULL, truncate_loop, NULL) == 0);
	while (__atomic_load_n(&truncating, __ATOMIC_ACQUIRE)) {
		char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		if (p == MAP_FAILED)
			break;
		for (int i = 0; i < PAGES; i++)
			p[i * PAGE] = 1;
		munmap(p, PAGES * PAGE);
	}
	pthread_join(t, NULL);
	CHECK(bad == 0);
	close(file);
}

static long free_kib(void)
{
	struct sysinfo s;
	return sysinfo(&s) ? -1 : (long)(s.freeram * s.mem_unit >> 10);
}

CASE(memory_comes_back)
{
	long before = free_kib();
	for (int r = 0; r < rounds; r++) {
		pid_t pid = fork();
		if (pid == 0) {
			char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memset(p, 1, 1 << 20);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	long after = free_kib();
	printf("  free before %ld KiB, after %ld KiB\n", before, after);
	CHECK(after > before - (rounds << 10) / 2); /* a leak would be 1 MiB a round; others may allocate too */
}

CASE(running_out_of_memory_kills_the_greedy)
{
	struct sysinfo machine;
	if (sysinfo(&machine) || machine.totalram * machine.mem_unit > 2ul << 30)
		return; /* a guest of ours, not the machine that runs the tests */
	pid_t pid = fork();
	if (pid == 0) {
		for (;;) {
			char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (p == MAP_FAILED)
				_exit(3);
			memset(p, 1, 1 << 20);
		}
	}
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid);
	printf("  wait status %#x\n", (unsigned)status);
	CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 3));
	char *p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	memset(p, 1, 8 << 20);
	munmap(p, 8 << 20);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		rounds = atoi(argv[1]);
	RUN(threads_map_fork_and_store_at_once);
	RUN(truncation_races_with_mappings);
	RUN(memory_comes_back);
	RUN(running_out_of_memory_kills_the_greedy);
	return check_summary();
}
