// SPDX-License-Identifier: MIT
/* inotify: events of files and directories, moves, removal of watches. */
#include "check.h"
#include "scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static int in;
static char data[4096];
static ssize_t have, at;

/* Next event, or NULL when none is queued. */
static struct inotify_event *next(void)
{
	if (at >= have) {
		have = read(in, data, sizeof(data));
		at = 0;
		if (have <= 0) {
			have = 0;
			return NULL;
		}
	}
	struct inotify_event *e = (struct inotify_event *)(data + at);
	at += (ssize_t)sizeof(*e) + e->len;
	return e;
}
static int expect(int wd, unsigned mask, const char *name)
{
	struct inotify_event *e = next();
	if (e && e->wd == wd && e->mask == mask && !strcmp(e->len ? e->name : "", name))
		return 1;
	printf("  wanted wd %d mask %x '%s', got %d %x '%s'\n", wd, mask, name, e ? e->wd : -1, e ? e->mask : 0,
	       e && e->len ? e->name : "");
	return 0;
}
static void drain(void)
{
	while (next())
		;
}

CASE(empty_queue_would_block)
{
	char c[64];
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	CHECK(in >= 0);
	CHECK_ERRNO(read(in, c, sizeof(c)), EAGAIN);
	struct pollfd p = { .fd = in, .events = POLLIN };
	CHECK(poll(&p, 1, 0) == 0);
	CHECK_ERRNO(inotify_init1(0x1), EINVAL);
}
CASE(directory_hears_about_its_names)
{
	mkdir("d", 0755);
	int wd = inotify_add_watch(in, "d", IN_CREATE | IN_DELETE | IN_MOVE);
	CHECK(wd > 0);
	close(open("d/f", O_CREAT | O_WRONLY, 0644));
	CHECK(expect(wd, IN_CREATE, "f"));
	mkdir("d/sub", 0755);
	CHECK(expect(wd, IN_CREATE | IN_ISDIR, "sub"));
	CHECK(rename("d/f", "d/g") == 0);
	struct inotify_event *e = next();
	unsigned cookie = e ? e->cookie : 0;
	CHECK(e && e->mask == IN_MOVED_FROM && !strcmp(e->name, "f") && cookie);
	e = next();
	CHECK(e && e->mask == IN_MOVED_TO && !strcmp(e->name, "g") && e->cookie == cookie);
	rmdir("d/sub");
	CHECK(expect(wd, IN_DELETE | IN_ISDIR, "sub"));
	unlink("d/g");
	CHECK(expect(wd, IN_DELETE, "g"));
	CHECK(!next());
	CHECK(inotify_rm_watch(in, wd) == 0);
	CHECK(expect(wd, IN_IGNORED, ""));
	CHECK_ERRNO(inotify_rm_watch(in, wd), EINVAL);
}
CASE(file_events_reach_file_and_directory)
{
	char c;
	close(open("d/f", O_CREAT | O_WRONLY, 0644));
	int dir = inotify_add_watch(in, "d", IN_ALL_EVENTS), file = inotify_add_watch(in, "d/f", IN_MODIFY | IN_ATTRIB);
	drain();
	int fd = open("d/f", O_RDWR);
	CHECK(expect(dir, IN_OPEN, "f"));
	CHECK(write(fd, "x", 1) == 1);
	CHECK(expect(dir, IN_MODIFY, "f") && expect(file, IN_MODIFY, ""));
	CHECK(pread(fd, &c, 1, 0) == 1);
	CHECK(expect(dir, IN_ACCESS, "f"));
	fchmod(fd, 0600);
	CHECK(expect(dir, IN_ATTRIB, "f") && expect(file, IN_ATTRIB, ""));
	close(fd);
	CHECK(expect(dir, IN_CLOSE_WRITE, "f"));
	close(open("d/f", O_RDONLY));
	CHECK(expect(dir, IN_OPEN, "f") && expect(dir, IN_CLOSE_NOWRITE, "f"));
	struct pollfd p = { .fd = in, .events = POLLIN };
	CHECK(poll(&p, 1, 0) == 0);
	truncate("d/f", 0);
	CHECK(poll(&p, 1, 0) == 1 && (p.revents & POLLIN));
	drain();
	inotify_rm_watch(in, dir);
	inotify_rm_watch(in, file);
	drain();
}
CASE(deleting_the_watched_object_ends_the_watch)
{
	int file = inotify_add_watch(in, "d/f", IN_DELETE_SELF);
	unlink("d/f");
	CHECK(expect(file, IN_DELETE_SELF, "") && expect(file, IN_IGNORED, ""));
	int dir = inotify_add_watch(in, "d", IN_DELETE_SELF | IN_ONLYDIR);
	rmdir("d");
	CHECK(expect(dir, IN_DELETE_SELF, "") && expect(dir, IN_IGNORED, ""));
}
CASE(masks_and_errors)
{
	close(open("f", O_CREAT | O_WRONLY, 0644));
	CHECK_ERRNO(inotify_add_watch(in, "f", 0), EINVAL);
	CHECK_ERRNO(inotify_add_watch(in, "f", IN_ONLYDIR | IN_OPEN), ENOTDIR);
	CHECK_ERRNO(inotify_add_watch(in, "missing", IN_OPEN), ENOENT);
	int wd = inotify_add_watch(in, "f", IN_OPEN | IN_ONESHOT);
	CHECK(inotify_add_watch(in, "f", IN_OPEN | IN_ONESHOT | IN_MASK_ADD) == wd);
	CHECK_ERRNO(inotify_add_watch(in, "f", IN_OPEN | IN_MASK_CREATE), EEXIST);
	close(open("f", O_RDONLY));
	CHECK(expect(wd, IN_OPEN, "") && expect(wd, IN_IGNORED, ""));
	close(open("f", O_RDONLY));
	CHECK(!next());
	char small[8];
	wd = inotify_add_watch(in, "f", IN_OPEN);
	close(open("f", O_RDONLY));
	CHECK_ERRNO(read(in, small, sizeof(small)), EINVAL);
	unlink("f");
	close(in);
}

CASE(directories_are_told_apart)
{
	mkdir("top", 0755);
	mkdir("top/sub", 0755);
	int top = inotify_add_watch(in, "top", IN_ATTRIB | IN_MOVE_SELF | IN_DELETE | IN_DELETE_SELF);
	int sub = inotify_add_watch(in, "top/sub", IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
	chmod("top/sub", 0700);
	CHECK(expect(top, IN_ATTRIB | IN_ISDIR, "sub") && expect(sub, IN_ATTRIB | IN_ISDIR, ""));
	rename("top/sub", "moved");
	rename("moved", "top/sub");
	CHECK(expect(sub, IN_MOVE_SELF, "") && !next()); /* two of the same are one */
	rmdir("top/sub");
	CHECK(expect(sub, IN_DELETE_SELF, "") && expect(sub, IN_IGNORED, "") && expect(top, IN_DELETE | IN_ISDIR, "sub"));
	rmdir("top");
	drain();
}
CASE(links_tell_the_object_only)
{
	mkdir("d", 0755);
	close(open("d/a", O_CREAT | O_WRONLY, 0644));
	close(open("d/b", O_CREAT | O_WRONLY, 0644));
	int dir = inotify_add_watch(in, "d", IN_ALL_EVENTS);
	int a = inotify_add_watch(in, "d/a", IN_ALL_EVENTS), b = inotify_add_watch(in, "d/b", IN_ALL_EVENTS);
	CHECK(link("d/a", "d/c") == 0);
	CHECK(expect(a, IN_ATTRIB, "") && expect(dir, IN_CREATE, "c"));
	unlink("d/c");
	CHECK(expect(a, IN_ATTRIB, "") && expect(dir, IN_DELETE, "c"));
	CHECK(rename("d/a", "d/b") == 0);
	CHECK(expect(dir, IN_MOVED_FROM, "a") && expect(dir, IN_MOVED_TO, "b"));
	CHECK(expect(b, IN_ATTRIB, "") && expect(a, IN_MOVE_SELF, ""));
	CHECK(expect(b, IN_DELETE_SELF, "") && expect(b, IN_IGNORED, ""));
	close(open("d/b", O_WRONLY | O_TRUNC));
	CHECK(expect(dir, IN_OPEN, "b") && expect(a, IN_OPEN, ""));
	CHECK(expect(dir, IN_MODIFY, "b") && expect(a, IN_MODIFY, ""));
	drain();
	unlink("d/b");
	CHECK(expect(a, IN_ATTRIB, "") && expect(a, IN_DELETE_SELF, "") && expect(a, IN_IGNORED, ""));
	CHECK(expect(dir, IN_DELETE, "b") && !next());
	rmdir("d");
	drain();
}
CASE(an_open_file_is_deleted_with_its_last_close)
{
	mkdir("d", 0755);
	int fd = open("d/f", O_CREAT | O_WRONLY, 0644);
	int dir = inotify_add_watch(in, "d", IN_MODIFY | IN_DELETE), file = inotify_add_watch(in, "d/f", IN_ALL_EVENTS);
	unlink("d/f");
	CHECK(expect(file, IN_ATTRIB, "") && expect(dir, IN_DELETE, "f") && !next());
	CHECK(write(fd, "x", 1) == 1);
	CHECK(expect(dir, IN_MODIFY, "f") && expect(file, IN_MODIFY, ""));
	CHECK(inotify_add_watch(in, "d", IN_MODIFY | IN_EXCL_UNLINK) == dir);
	CHECK(write(fd, "x", 1) == 1);
	CHECK(expect(file, IN_MODIFY, "") && !next());
	close(fd);
	CHECK(expect(file, IN_CLOSE_WRITE, "") && expect(file, IN_DELETE_SELF, "") && expect(file, IN_IGNORED, ""));
	inotify_rm_watch(in, dir);
	rmdir("d");
	drain();
}
static long number_in(const char *path)
{
	char text[40] = { 0 };
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atol(text) : -1;
}
CASE(a_user_has_so_many_instances)
{
	long most = number_in("/proc/sys/fs/inotify/max_user_instances"), count = 0;
	int *fds = calloc((size_t)most + 2, sizeof(int));
	CHECK(most > 0 && number_in("/proc/sys/fs/inotify/max_user_watches") > 0);
	CHECK(number_in("/proc/sys/fs/inotify/max_queued_events") > 0);
	errno = 0;
	while (count <= most && (fds[count] = inotify_init()) >= 0)
		count++;
	CHECK(count && count <= most && errno == EMFILE);
	while (count)
		close(fds[--count]);
	free(fds);
	int again = inotify_init();
	CHECK(again >= 0);
	close(again);
}

int main(void)
{
	if (scratch_enter("inotify"))
		return 99;
	RUN(empty_queue_would_block);
	RUN(directory_hears_about_its_names);
	RUN(file_events_reach_file_and_directory);
	RUN(deleting_the_watched_object_ends_the_watch);
	RUN(directories_are_told_apart);
	RUN(links_tell_the_object_only);
	RUN(an_open_file_is_deleted_with_its_last_close);
	RUN(masks_and_errors);
	RUN(a_user_has_so_many_instances);
	CHECK(scratch_leave() == 0);
	return check_summary();
}
