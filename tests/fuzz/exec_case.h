/* SPDX-License-Identifier: MIT */
/* What the fuzzers of program files share: numbers that a seed repeats, and one case: written, executed, its end printed
 * as "N exit=CODE", "N signal=NUMBER" or "N errno=NUMBER". */
#ifndef AMBOS_TESTS_EXEC_CASE_H
#define AMBOS_TESTS_EXEC_CASE_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOP_SECONDS 2 /* a mutated program that loops is ended by SIGALRM */

static uint64_t state;
static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}
static void random_start(uint64_t seed, uint64_t i)
{
	state = (seed * 0x9e3779b97f4a7c15ull + i * 0xbf58476d1ce4e5b9ull) | 1;
	next_random();
}

/* Where the child leaves execve's errno. */
static int *shared_errno_make(void)
{
	int *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return at;
}

static void run_case(uint64_t i, const char *path, const uint8_t *f, size_t size, int *shared_errno)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755), status = 0;
	if (fd < 0 || write(fd, f, size) != (ssize_t)size) {
		perror(path);
		exit(2);
	}
	close(fd);
	*shared_errno = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		char *argv[] = { (char *)path, NULL }, *envp[] = { NULL };
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		dup2(null, 2);
		alarm(LOOP_SECONDS);
		execve(path, argv, envp);
		*shared_errno = errno;
		_exit(99);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("wait");
		exit(2);
	}
	const char *what = *shared_errno ? "errno" : WIFSIGNALED(status) ? "signal" : "exit";
	int value = *shared_errno ? *shared_errno : WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	printf("%llu %s=%d\n", (unsigned long long)i, what, value);
}

#endif
