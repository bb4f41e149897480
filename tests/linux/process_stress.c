// SPDX-License-Identifier: MIT
/* Stress: processes with threads that fork, kill, stop, exit and signal each other at random moments.
 * usage: process_stress [rounds]. Each round checks that everything is reaped with a plausible status. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static unsigned seed = 12345;
static unsigned pick(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}
static void nap(unsigned us)
{
	struct timespec t = { 0, us * 1000 };
	nanosleep(&t, NULL);
}

static volatile int hits;
static void on_signal(int s) { (void)s; hits++; }
static void *spin(void *arg)
{
	double keep = 1.5, got;
	(void)arg;
	for (;;) {
		__asm__ volatile("movsd %1, %%xmm9; mov $2000, %%ecx; 1: dec %%ecx; jnz 1b; movsd %%xmm9, %0"
				 : "=m"(got) : "m"(keep) : "ecx", "xmm9");
		if (got != keep)
			_exit(99);
	}
}
static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		nap(100);
	return NULL;
}
static void *forker(void *arg)
{
	(void)arg;
	for (;;) {
		int status;
		pid_t pid = fork();
		if (pid == 0)
			_exit(5);
		if (pid > 0)
			waitpid(pid, &status, 0);
	}
}
static void *short_lived(void *arg) { return arg; }
static void *maker(void *arg)
{
	(void)arg;
	for (;;) {
		pthread_t t;
		if (pthread_create(&t, NULL, short_lived, NULL) == 0)
			pthread_join(t, NULL);
	}
	return NULL;
}
static void *(*const bodies[])(void *) = { spin, sleeper, forker, maker };

static int victim(unsigned threads)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	pthread_t t;
	sigaction(SIGUSR1, &sa, NULL);
	for (unsigned i = 0; i < threads; i++)
		pthread_create(&t, NULL, bodies[pick(4)], NULL);
	switch (pick(4)) {
	case 0: nap(pick(3000)); _exit(7);
	case 1: nap(pick(3000)); syscall(SYS_exit, 0); break;
	case 2: spin(NULL); break;
	default: break;
	}
	for (;;)
		pause();
}

/* Orphans of victims come here too when this program is pid 1. */
static int is_end_of(const pid_t *pids, int n, pid_t pid, int status)
{
	for (int i = 0; i < n; i++)
		if (pids[i] == pid && (WIFEXITED(status) || WIFSIGNALED(status))) {
			CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGUSR1
						  : WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 0);
			return 1;
		}
	return 0;
}

static void round_of(unsigned n)
{
	enum { VICTIMS = 6 };
	pid_t pids[VICTIMS];
	int status, left = 0;
	for (int i = 0; i < VICTIMS; i++) {
		seed += n * 77 + i;
		unsigned threads = pick(5);
		pids[i] = fork();
		if (pids[i] == 0) {
			setpgid(0, 0);
			victim(threads);
		}
		left += pids[i] > 0;
	}
	CHECK(left == VICTIMS);
	for (int i = 0; i < 60; i++) {
		static const int signals[] = { SIGUSR1, SIGUSR1, SIGSTOP, SIGCONT, SIGUSR1, SIGCONT };
		kill(pids[pick(VICTIMS)], signals[pick(6)]);
		if (pick(3) == 0)
			nap(pick(300));
		pid_t pid;
		while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0)
			left -= is_end_of(pids, VICTIMS, pid, status);
	}
	for (int i = 0; i < VICTIMS; i++)
		kill(pids[i], SIGKILL);
	while (left > 0) {
		pid_t pid = waitpid(-1, &status, 0);
		if (pid < 0)
			break;
		left -= is_end_of(pids, VICTIMS, pid, status);
	}
}

static unsigned rounds = 20;
CASE(everything_is_reaped)
{
	for (unsigned i = 0; i < rounds; i++)
		round_of(i);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0); /* children must not print the buffer again */
	if (argc > 1)
		rounds = (unsigned)atoi(argv[1]);
	RUN(everything_is_reaped);
	return check_summary();
}
