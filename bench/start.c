// SPDX-License-Identifier: MIT
/* Time from fork to the collected exit of a program, its output discarded: median of COUNT starts after one that is not
 * counted. A static ELF, the same on both systems. usage: start NAME COUNT PROGRAM [ARGUMENT]... */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAXIMUM = 1000 };

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;
	return (x > y) - (x < y);
}

static int run(char **arguments)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		dup2(open("/dev/null", O_RDWR), 1);
		execv(arguments[0], arguments);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv)
{
	static long long times[MAXIMUM];
	int count = argc > 3 ? atoi(argv[2]) : 0;
	if (count < 1 || count > MAXIMUM)
		return 2;
	for (int i = -1; i < count; i++) {
		long long start = now();
		if (!run(argv + 3)) {
			printf("%-34s FAIL\n", argv[1]);
			return 1;
		}
		if (i >= 0)
			times[i] = now() - start;
	}
	qsort(times, (size_t)count, sizeof(times[0]), by_value);
	printf("%-34s %9lld ns\n", argv[1], times[count / 2]);
	return 0;
}
