// SPDX-License-Identifier: MIT
/* Time from fork to the collected exit of a program, its output discarded: median of COUNT starts after one that is not
 * counted. Several programs take turns, so that a slow moment of the host meets all of them. A static ELF, the same on
 * both systems. usage: start COUNT NAME PROGRAM [ARGUMENT]... [-- NAME PROGRAM [ARGUMENT]...]... */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STARTS_MAX = 1000, PROGRAMS_MAX = 8 };
struct program { char *name, **arguments; long long times[STARTS_MAX]; };

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

/* Cuts the arguments at each "--". */
static int programs_of(char **at, struct program *programs)
{
	int count = 0;
	for (; *at && count < PROGRAMS_MAX; count++) {
		programs[count].name = *at++;
		programs[count].arguments = at;
		while (*at && strcmp(*at, "--"))
			at++;
		if (at == programs[count].arguments)
			return 0;
		if (*at)
			*at++ = NULL;
	}
	return *at ? 0 : count;
}

int main(int argc, char **argv)
{
	static struct program programs[PROGRAMS_MAX];
	int starts = argc > 3 ? atoi(argv[1]) : 0, count = argc > 3 ? programs_of(argv + 2, programs) : 0;
	if (starts < 1 || starts > STARTS_MAX || count < 1)
		return 2;
	for (int i = -1; i < starts; i++)
		for (int k = 0; k < count; k++) {
			long long start = now();
			if (!run(programs[k].arguments)) {
				printf("%-34s FAIL\n", programs[k].name);
				return 1;
			}
			if (i >= 0)
				programs[k].times[i] = now() - start;
		}
	for (int k = 0; k < count; k++) {
		qsort(programs[k].times, (size_t)starts, sizeof(programs[k].times[0]), by_value);
		printf("%-34s %9lld ns\n", programs[k].name, programs[k].times[starts / 2]);
	}
	return 0;
}
