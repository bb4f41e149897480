// SPDX-License-Identifier: MIT
/* Limits in /proc/sys that programs ask for, and that they are true where a program can tell. proc(5). */
#include <fcntl.h>
#include <mqueue.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define TIB (1ul << 40)

static long limit(const char *name)
{
	char path[128], text[64];
	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	int fd = open(path, O_RDONLY);
	long n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return atol(text);
}

CASE(limits_are_numbers)
{
	CHECK(limit("vm/mmap_min_addr") >= 0 && limit("vm/max_map_count") >= 1024);
	CHECK(limit("net/core/somaxconn") >= 128);
	CHECK(limit("fs/inotify/max_user_watches") >= 1024 && limit("fs/inotify/max_queued_events") >= 1024);
	CHECK(limit("fs/mqueue/queues_max") > 0 && limit("fs/mqueue/msg_max") > 0 && limit("fs/mqueue/msgsize_max") > 0);
}

CASE(overcommit_is_what_it_says)
{
	long mode = limit("vm/overcommit_memory");
	void *p = mmap(NULL, 32 * TIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mode >= 0 && mode <= 2 && (p != MAP_FAILED) == (mode == 1));
	if (p != MAP_FAILED)
		munmap(p, 32 * TIB);
}

CASE(plain_queues_have_the_default_limits)
{
	struct mq_attr a;
	mqd_t q = mq_open("/ambos-plain", O_CREAT | O_RDWR, 0600, NULL);
	CHECK(q >= 0 && mq_getattr(q, &a) == 0);
	CHECK(a.mq_maxmsg == limit("fs/mqueue/msg_default") && a.mq_msgsize == limit("fs/mqueue/msgsize_default"));
	CHECK(mq_close(q) == 0 && mq_unlink("/ambos-plain") == 0);
}

int main(void)
{
	RUN(limits_are_numbers);
	RUN(overcommit_is_what_it_says);
	RUN(plain_queues_have_the_default_limits);
	return check_summary();
}
