// SPDX-License-Identifier: MIT
/* readahead(2), posix_fadvise(2), sync_file_range(2): errors, and that data survives the advice. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "check.h"
#include "scratch.h"

static int fd, pipes[2];
#define fadvise(fd, offset, size, advice) syscall(SYS_fadvise64, (long)(fd), (long)(offset), (long)(size), (long)(advice))
#define sync_range(fd, offset, size, flags) syscall(SYS_sync_file_range, (long)(fd), (long)(offset), (long)(size), (long)(flags))
#define read_ahead(fd, offset, size) syscall(SYS_readahead, (long)(fd), (long)(offset), (long)(size))

CASE(advice_is_checked)
{
	for (int advice = 0; advice <= 5; advice++)
		CHECK(fadvise(fd, 0, 0, advice) == 0);
	CHECK_ERRNO(fadvise(fd, 0, 0, 6), EINVAL);
	CHECK_ERRNO(fadvise(fd, 0, -1, 0), EINVAL);
	CHECK_ERRNO(fadvise(-1, 0, 0, 0), EBADF);
	CHECK_ERRNO(fadvise(pipes[0], 0, 0, 0), ESPIPE);
}
CASE(readahead_is_checked)
{
	CHECK(read_ahead(fd, 0, 1 << 20) == 0);
	CHECK(read_ahead(fd, 1 << 30, 4096) == 0);
	CHECK_ERRNO(read_ahead(pipes[0], 0, 4096), EINVAL);
	CHECK_ERRNO(read_ahead(-1, 0, 4096), EBADF);
	int w = open("data", O_WRONLY);
	CHECK_ERRNO(read_ahead(w, 0, 4096), EBADF);
	close(w);
}
CASE(sync_file_range_is_checked)
{
	CHECK(sync_range(fd, 0, 0, 7) == 0);
	CHECK(sync_range(fd, 4096, 4096, 2) == 0);
	CHECK(sync_range(fd, 0, 0, 0) == 0);
	CHECK_ERRNO(sync_range(fd, 0, 0, 8), EINVAL);
	CHECK_ERRNO(sync_range(fd, -1, 0, 2), EINVAL);
	CHECK_ERRNO(sync_range(fd, 0, -1, 2), EINVAL);
	CHECK_ERRNO(sync_range(pipes[1], 0, 0, 2), ESPIPE);
	CHECK_ERRNO(sync_range(-1, 0, 0, 2), EBADF);
}
CASE(data_survives_dontneed)
{
	static char text[70000], back[70000];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 31 >> 3);
	CHECK(pwrite(fd, text, sizeof(text), 0) == sizeof(text));
	char *map = mmap(NULL, sizeof(text), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map[5000] = 'm';
	CHECK(fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	CHECK(map[5000] == 'm' && map[5001] == text[5001]);
	text[5000] = 'm';
	CHECK(pread(fd, back, sizeof(back), 0) == sizeof(back) && !memcmp(text, back, sizeof(text)));
	munmap(map, sizeof(text));
}
CASE(epoll_gives_as_many_events_as_there_is_room_for)
{
	enum { COUNT = 3000 };
	static struct epoll_event events[COUNT + 1];
	struct rlimit l;
	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max < COUNT + 50 ? l.rlim_max : COUNT + 50;
	if (setrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur < COUNT + 50) {
		printf("  skipped: too few descriptors\n");
		return;
	}
	int ep = epoll_create1(0);
	for (int i = 0; i < COUNT; i++) {
		struct epoll_event e = { .events = EPOLLIN | EPOLLET };
		epoll_ctl(ep, EPOLL_CTL_ADD, eventfd(1, 0), &e);
	}
	CHECK(epoll_wait(ep, events, COUNT + 1, 0) == COUNT);
	CHECK(epoll_wait(ep, events, COUNT + 1, 0) == 0);
}

CASE(positioned_vectors_take_flags)
{
	char text[] = "flags", back[6] = "";
	struct iovec v = { text, 5 }, w = { back, 5 };
	CHECK(syscall(SYS_pwritev2, fd, &v, 1, 100, 0, 2) == 5);
	CHECK(syscall(SYS_pwritev2, fd, &v, 1, 200, 0, 4) == 5);
	CHECK(syscall(SYS_preadv2, fd, &w, 1, 200, 0, 1) == 5 && !strcmp(back, "flags"));
	CHECK(syscall(SYS_pwritev2, pipes[1], &v, 1, -1L, -1L, 2) == 5);
	CHECK_ERRNO(syscall(SYS_preadv2, fd, &w, 1, 0, 0, 0x1000), EOPNOTSUPP);
}

int main(void)
{
	CHECK(scratch_enter("advice") == 0);
	fd = open("data", O_RDWR | O_CREAT, 0600);
	CHECK(pipe(pipes) == 0 && fd >= 0);
	RUN(advice_is_checked);
	RUN(readahead_is_checked);
	RUN(sync_file_range_is_checked);
	RUN(data_survives_dontneed);
	RUN(positioned_vectors_take_flags);
	RUN(epoll_gives_as_many_events_as_there_is_room_for);
	unlink("data");
	scratch_leave();
	return check_summary();
}
