// SPDX-License-Identifier: MIT
/* rseq(2): registration rules, the CPU number, and sequences that are left on preemption and signals. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define SIGNATURE 0x53053053u
struct area { volatile uint32_t cpu_start, cpu; volatile uint64_t sequence; volatile uint32_t flags, unused[3]; };
static struct area area __attribute__((aligned(32)));

static long rseq(volatile void *p, uint32_t size, int flags, uint32_t signature)
{
	return syscall(SYS_rseq, p, size, flags, signature);
}

/* Runs fn in a child without a registration of the C library. */
static int in_fresh_thread(void *(*fn)(void *))
{
	pid_t pid = fork();
	if (pid == 0) {
		/* A raw thread has none; a vfork-like clone with its own stack is enough. */
		char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		int status;
		pid_t child = clone((int (*)(void *))(void *)fn, stack + 65536 - 64, CLONE_VM | SIGCHLD, NULL);
		if (child < 0 || waitpid(child, &status, 0) != child)
			_exit(99);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status));
	}
	int status;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

#define REQUIRE(condition, code) do { if (!(condition)) return (void *)(intptr_t)(code); } while (0)

static void *registration(void *arg)
{
	(void)arg;
	REQUIRE(rseq(&area, 32, 2, SIGNATURE) == -1 && errno == EINVAL, 1);
	REQUIRE(rseq((char *)&area + 8, 32, 0, SIGNATURE) == -1 && errno == EINVAL, 2);
	REQUIRE(rseq(&area, 16, 0, SIGNATURE) == -1 && errno == EINVAL, 3);
	REQUIRE(rseq((void *)0x7fffffffe000, 32, 0, SIGNATURE) == -1 && errno == EFAULT, 4);
	REQUIRE(rseq(&area, 32, 1, SIGNATURE) == -1 && errno == EINVAL, 5);
	REQUIRE(rseq(&area, 32, 0, SIGNATURE) == 0, 6);
	REQUIRE(area.cpu == area.cpu_start && area.cpu < 1024, 7);
	REQUIRE(rseq(&area, 32, 0, SIGNATURE) == -1 && errno == EBUSY, 8);
	REQUIRE(rseq(&area, 32, 0, 1) == -1 && errno == EPERM, 9);
	REQUIRE(rseq(&area, 32, 1, 1) == -1 && errno == EPERM, 10);
	REQUIRE(rseq(&area, 32, 1, SIGNATURE) == 0, 11);
	REQUIRE(area.cpu == UINT32_MAX && area.cpu_start == 0, 12);
	return NULL;
}
CASE(registration_follows_the_manual) { CHECK(in_fresh_thread(registration) == 0); }

static void *cpu_number(void *arg)
{
	(void)arg;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	REQUIRE(rseq(&area, 32, 0, SIGNATURE) == 0, 1);
	for (int round = 0; round < 20; round++)
		for (int cpu = 0; cpu < cpus && cpu < 8; cpu++) {
			cpu_set_t set;
			CPU_ZERO(&set);
			CPU_SET((size_t)cpu, &set);
			if (sched_setaffinity(0, sizeof(set), &set))
				continue;
			REQUIRE(area.cpu == (uint32_t)cpu, 2);
		}
	return NULL;
}
CASE(the_area_follows_moves_to_other_cpus) { CHECK(in_fresh_thread(cpu_number) == 0); }

/* A sequence that spins until something makes it leave: it can end only at its abort address. */
static void *spin_in_sequence(void)
{
	long aborted = 0;
	__asm__ volatile(
		".pushsection .data.rseq, \"aw\"\n"
		".balign 32\n"
		"1: .long 0, 0\n"
		".quad 2f, 3f - 2f, 4f\n"
		".popsection\n"
		"lea 1b(%%rip), %%rax\n"
		"mov %%rax, %1\n"
		"2: pause\n"
		"jmp 2b\n"
		"3: jmp 5f\n"
		".byte 0x0f, 0xb9, 0x3d\n"
		".long 0x53053053\n"
		"4: mov $1, %0\n"
		"5:\n"
		: "+r"(aborted), "=m"(area.sequence) : : "rax", "memory");
	return aborted ? NULL : (void *)2;
}
static void handler(int signo) { (void)signo; }
static void *left_by_signal(void *arg)
{
	(void)arg;
	struct itimerval v = { { 0, 0 }, { 0, 50000 } };
	REQUIRE(rseq(&area, 32, 0, SIGNATURE) == 0, 1);
	signal(SIGALRM, handler);
	setitimer(ITIMER_REAL, &v, NULL);
	void *result = spin_in_sequence();
	REQUIRE(area.sequence == 0, 3);
	return result;
}
CASE(a_signal_aborts_the_sequence) { CHECK(in_fresh_thread(left_by_signal) == 0); }

static void *left_by_preemption(void *arg)
{
	(void)arg;
	REQUIRE(rseq(&area, 32, 0, SIGNATURE) == 0, 1);
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	pid_t hog = fork();
	if (hog == 0) {
		for (;;)
			__asm__ volatile("pause");
	}
	void *result = spin_in_sequence();
	kill(hog, SIGKILL);
	return result;
}
CASE(a_preemption_aborts_the_sequence) { CHECK(in_fresh_thread(left_by_preemption) == 0); }

static void *bad_sequence(void *arg)
{
	(void)arg;
	REQUIRE(rseq(&area, 32, 0, SIGNATURE) == 0, 1);
	area.sequence = 0x1000;
	signal(SIGALRM, handler);
	syscall(SYS_kill, syscall(SYS_getpid), SIGALRM); /* raise may know the number of another thread here */
	return (void *)2;
}
CASE(a_bad_sequence_pointer_is_a_fault) { CHECK(in_fresh_thread(bad_sequence) == 100 + SIGSEGV); }

int main(void)
{
	RUN(registration_follows_the_manual);
	RUN(the_area_follows_moves_to_other_cpus);
	RUN(a_signal_aborts_the_sequence);
	RUN(a_preemption_aborts_the_sequence);
	RUN(a_bad_sequence_pointer_is_a_fault);
	return check_summary();
}
