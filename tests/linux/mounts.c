// SPDX-License-Identifier: MIT
/* Mounted file systems as programs see them: statfs flags, statx, links and watches across a mount. Needs the right to mount. */
#include "check.h"
#include "scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int touch(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0644);
	return fd < 0 ? -1 : close(fd);
}
static unsigned long flags_with(unsigned long flags)
{
	struct statvfs s;
	if (mount("none", "m", "tmpfs", flags, "size=1m"))
		return 0;
	CHECK(statvfs("m", &s) == 0);
	umount("m");
	return s.f_flag;
}

CASE(flags_are_told)
{
	const unsigned long all = ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME | ST_NODIRATIME | ST_RELATIME | ST_RDONLY;
	CHECK((flags_with(0) & all) == ST_RELATIME);
	CHECK((flags_with(MS_NODIRATIME | MS_NOSUID) & all) == (ST_NODIRATIME | ST_RELATIME | ST_NOSUID));
	CHECK((flags_with(MS_NOATIME | MS_NODEV | MS_NOEXEC) & all) == (ST_NOATIME | ST_NODEV | ST_NOEXEC));
	CHECK((flags_with(MS_STRICTATIME | MS_RDONLY) & all) == ST_RDONLY);
}
CASE(the_end_of_a_mount_ends_its_watches)
{
	char data[4096];
	int in = inotify_init1(IN_NONBLOCK);
	CHECK(mount("none", "m", "tmpfs", 0, "size=1m") == 0 && touch("m/f") == 0);
	int wd = inotify_add_watch(in, "m/f", IN_OPEN);
	CHECK(wd > 0 && umount("m") == 0);
	struct pollfd p = { .fd = in, .events = POLLIN };
	CHECK(poll(&p, 1, 1000) == 1);
	ssize_t n = read(in, data, sizeof(data));
	struct inotify_event *e = (struct inotify_event *)data;
	CHECK(n == 2 * (ssize_t)sizeof(*e) && e[0].wd == wd && e[0].mask == IN_UNMOUNT && e[1].wd == wd && e[1].mask == IN_IGNORED);
	CHECK_ERRNO(inotify_rm_watch(in, wd), EINVAL);
	close(in);
}
CASE(errors_of_links_have_an_order)
{
	CHECK(mount("none", "m", "tmpfs", 0, "size=1m") == 0 && touch("m/f") == 0 && mkdir("m/d", 0755) == 0 && touch("here") == 0);
	CHECK_ERRNO(link("here", "m/f"), EEXIST);
	CHECK_ERRNO(link("here", "m/new"), EXDEV);
	CHECK_ERRNO(link("m/d", "m/f"), EEXIST);
	CHECK_ERRNO(link("m/d", "m/new"), EPERM);
	CHECK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK_ERRNO(link("m/d", "m/new"), EROFS);
	CHECK_ERRNO(link("here", "m/new"), EROFS);
	CHECK(umount("m") == 0);
	unlink("here");
}
#ifdef STATX_ATTR_MOUNT_ROOT
CASE(statx_knows_roots)
{
	struct statx root, inside, outside;
	CHECK(mount("none", "m", "tmpfs", 0, "size=1m") == 0 && touch("m/f") == 0);
	CHECK(statx(AT_FDCWD, "m", 0, STATX_MNT_ID, &root) == 0 && statx(AT_FDCWD, "m/f", 0, STATX_MNT_ID, &inside) == 0);
	CHECK(statx(AT_FDCWD, ".", 0, STATX_MNT_ID, &outside) == 0);
	CHECK((root.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) && (root.stx_attributes & STATX_ATTR_MOUNT_ROOT));
	CHECK(!(inside.stx_attributes & STATX_ATTR_MOUNT_ROOT) && !(outside.stx_attributes & STATX_ATTR_MOUNT_ROOT));
	CHECK((root.stx_mask & STATX_MNT_ID) && root.stx_mnt_id == inside.stx_mnt_id && root.stx_mnt_id != outside.stx_mnt_id);
	CHECK(umount("m") == 0);
}
#endif

int main(void)
{
	if (scratch_enter("mounts"))
		return 99;
	mkdir("m", 0755);
	if (mount("none", "m", "tmpfs", 0, "size=1m") == 0 && umount("m") == 0) {
		RUN(flags_are_told);
		RUN(the_end_of_a_mount_ends_its_watches);
		RUN(errors_of_links_have_an_order);
#ifdef STATX_ATTR_MOUNT_ROOT
		RUN(statx_knows_roots);
#endif
	}
	rmdir("m");
	CHECK(scratch_leave() == 0);
	return check_summary();
}
