// SPDX-License-Identifier: MIT
/* Programs that use up one thing each; tests/system/limits.exp asks whether a shell beside them still answers.
 * usage: limits memory MIB | bomb | sessions | descriptors PROCESSES | fill DIRECTORY. What was taken is held until a signal. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP (1ul << 20)

static void hold(void)
{
	for (;;)
		pause();
}

static void memory(unsigned long most)
{
	unsigned long done = 0;
	for (; done < most; done++) {
		char *p = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			break;
		memset(p, 1, STEP);
	}
	printf("took %lu MiB\n", done);
	fflush(stdout);
	hold();
}

static void bomb(void)
{
	for (;;)
		fork();
}

/* Each child is a session, and a process group, of its own. */
static void sessions(void)
{
	for (;;)
		if (fork() == 0)
			setsid();
}

/* A full pipe or a socket pair with a message queued costs the kernel the most memory for a descriptor. */
static int take_descriptors(void)
{
	static char bytes[65536];
	int count = 0, fds[2];
	for (;; count += 2) {
		if (count % 4 ? pipe2(fds, O_NONBLOCK) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
			return count;
		if (write(fds[1], bytes, sizeof(bytes)) < 0 && errno != EAGAIN)
			return count;
	}
}

static void descriptors(int processes)
{
	struct rlimit limit = { 0, 0 };
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < processes; i++)
		if (fork() == 0) {
			take_descriptors();
			hold();
		}
	hold();
}

/* Fills the file system of `directory` to the last byte; prints the errno's name. */
static int fill(const char *directory)
{
	static char bytes[65536];
	char path[256];
	snprintf(path, sizeof(path), "%s/limits.fill", directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	unsigned long done = 0;
	for (size_t size = sizeof(bytes); fd >= 0 && size;) {
		ssize_t n = write(fd, bytes, size);
		if (n > 0)
			done += (unsigned long)n;
		else if (errno == ENOSPC)
			size /= 2;
		else
			break;
	}
	printf("filled %s %lu MiB %s\n", directory, done / STEP, strerrorname_np(errno));
	return errno != ENOSPC;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *value = argc > 2 ? argv[2] : "";
	if (!strcmp(what, "memory"))
		memory(strtoul(value, NULL, 10));
	else if (!strcmp(what, "bomb"))
		bomb();
	else if (!strcmp(what, "sessions"))
		sessions();
	else if (!strcmp(what, "descriptors"))
		descriptors(atoi(value));
	else if (!strcmp(what, "fill"))
		return fill(value);
	return 2;
}
