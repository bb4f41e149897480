// SPDX-License-Identifier: MIT
/* /proc files that tools read: smaps against maps and statm, net/unix against sockets, writable sysctls. proc(5). */
#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "scratch.h"

static char text[1 << 20];
static size_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t used = 0;
	ssize_t n;
	while (fd >= 0 && (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	text[used] = '\0';
	return used;
}
/* Sum of the rows `name` (with colon) in kB. */
static long sum_of(const char *name)
{
	long sum = 0;
	for (char *p = text; (p = strstr(p, name)); p++)
		if (p == text || p[-1] == '\n')
			sum += atol(p + strlen(name));
	return sum;
}

CASE(smaps_counts_touched_pages)
{
	size_t size = 64 << 12;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), head[40];
	memset(p, 1, 40 << 12);
	mprotect(p, size, PROT_READ); /* a mapping of its own */
	snprintf(head, sizeof(head), "%lx-%lx ", (unsigned long)p, (unsigned long)p + size);
	CHECK(slurp("/proc/self/smaps") > 0);
	char *at = strstr(text, head);
	CHECK(at != NULL);
	if (at) {
		long kb = -1, rss = -1, dirty = -1, anonymous = -1;
		sscanf(strstr(at, "\nSize:") + 6, "%ld", &kb);
		sscanf(strstr(at, "\nRss:") + 5, "%ld", &rss);
		sscanf(strstr(at, "\nPrivate_Dirty:") + 15, "%ld", &dirty);
		sscanf(strstr(at, "\nAnonymous:") + 11, "%ld", &anonymous);
		CHECK(kb == 256 && rss == 160 && dirty == 160 && anonymous == 160);
		CHECK(strstr(at, "\nVmFlags: rd ") != NULL);
	}
	munmap(p, size);
}
CASE(rollup_is_the_sum)
{
	CHECK(slurp("/proc/self/smaps") > 0);
	long rss = sum_of("Rss:"), pss = sum_of("Pss:");
	CHECK(slurp("/proc/self/smaps_rollup") > 0);
	CHECK(strstr(text, "[rollup]") != NULL);
	CHECK(labs(sum_of("Rss:") - rss) <= 64 && labs(sum_of("Pss:") - pss) <= 64);
	CHECK(rss > 20 && pss <= rss);
}
CASE(net_unix_lists_bound_and_listening_sockets)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	char want[64];
	int s = socket(AF_UNIX, SOCK_STREAM, 0), hidden = socket(AF_UNIX, SOCK_DGRAM, 0);
	strcpy(a.sun_path, "listener.sock");
	CHECK(bind(s, (void *)&a, sizeof(a)) == 0 && listen(s, 3) == 0);
	memset(a.sun_path, 0, sizeof(a.sun_path));
	strcpy(a.sun_path + 1, "ambos-abstract");
	CHECK(bind(hidden, (void *)&a, sizeof(sa_family_t) + 15) == 0);
	fstat(s, &st);
	CHECK(slurp("/proc/net/unix") > 0);
	CHECK(!strncmp(text, "Num ", 4));
	snprintf(want, sizeof(want), " 00010000 0001 01 %5lu listener.sock\n", (unsigned long)st.st_ino);
	CHECK(strstr(text, want) != NULL);
	CHECK(strstr(text, " @ambos-abstract\n") != NULL);
	close(s);
	close(hidden);
	slurp("/proc/net/unix");
	CHECK(strstr(text, want) == NULL);
	unlink("listener.sock");
}
CASE(net_tables_have_their_headings)
{
	CHECK(slurp("/proc/net/dev") > 0 && strstr(text, "Inter-|") == text);
	CHECK(slurp("/proc/self/net/tcp") > 0 && strstr(text, "  sl  local_address") == text);
	CHECK(slurp("/proc/net/route") > 0 && strstr(text, "Iface\tDestination") == text);
}
CASE(identity_maps_are_the_first_namespace)
{
	unsigned inside, outside, count;
	CHECK(slurp("/proc/self/uid_map") > 0 && sscanf(text, "%u %u %u", &inside, &outside, &count) == 3);
	CHECK(slurp("/proc/self/oom_score") > 0 && atoi(text) >= 0 && atoi(text) <= 2000);
}
CASE(allowed_cpus_follow_the_affinity)
{
	cpu_set_t old, one;
	sched_getaffinity(0, sizeof(old), &old);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one)) {
		printf("  skipped: CPU 0 is not ours\n");
		return;
	}
	slurp("/proc/self/status");
	CHECK(strstr(text, "\nCpus_allowed_list:\t0\n") != NULL);
	sched_setaffinity(0, sizeof(old), &old);
}
CASE(host_name_can_be_read_and_written_by_root)
{
	struct utsname u;
	uname(&u);
	CHECK(slurp("/proc/sys/kernel/hostname") == strlen(u.nodename) + 1);
	if (geteuid() == 0 && access("/proc/sys/kernel/hostname", W_OK) == 0) {
		int fd = open("/proc/sys/kernel/hostname", O_WRONLY);
		CHECK(fd >= 0 && write(fd, u.nodename, strlen(u.nodename)) == (ssize_t)strlen(u.nodename));
		close(fd);
	}
	struct stat st;
	CHECK(stat("/proc/sys/kernel/hostname", &st) == 0 && (st.st_mode & 0777) == 0644);
}
static int mount_events(int fd)
{
	struct pollfd p = { fd, POLLPRI, 0 };
	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}
CASE(changes_of_the_mounts_can_be_polled_for)
{
	char dir[] = "/tmp/mounts-XXXXXX";
	int early = open("/proc/self/mounts", O_RDONLY), e = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLPRI }, out;
	CHECK(mount_events(early) == 0);
	CHECK(epoll_ctl(e, EPOLL_CTL_ADD, early, &ev) == 0 && epoll_wait(e, &out, 1, 0) == 0);
	CHECK(mkdtemp(dir) != NULL);
	if (mount("none", dir, "tmpfs", 0, NULL) == 0) {
		int late = open("/proc/self/mountinfo", O_RDONLY);
		CHECK(epoll_wait(e, &out, 1, 2000) == 1 && out.events == (EPOLLPRI | EPOLLERR));
		CHECK(epoll_wait(e, &out, 1, 0) == 0 && mount_events(early) == 0 && mount_events(late) == 0);
		CHECK(umount(dir) == 0);
		CHECK(mount_events(late) == (POLLPRI | POLLERR) && mount_events(late) == 0);
		close(late);
	} else {
		printf("  skipped: no right to mount\n");
	}
	rmdir(dir);
	close(e);
	close(early);
}
CASE(names_cannot_be_made)
{
	if (geteuid())
		return;
	CHECK_ERRNO(open("/proc/sys/kernel/nothing", O_CREAT | O_WRONLY | O_TRUNC, 0644), ENOENT);
	CHECK_ERRNO(open("/proc/self/nothing", O_CREAT | O_WRONLY, 0644), ENOENT);
	CHECK_ERRNO(mkdir("/proc/nothing", 0755), ENOENT);
	CHECK_ERRNO(symlink("a", "/proc/nothing"), ENOENT);
	CHECK_ERRNO(mkdir("/proc/version", 0755), EEXIST);
	CHECK_ERRNO(unlink("/proc/version"), EPERM);
	CHECK_ERRNO(open("/dev/pts/nothing", O_CREAT | O_WRONLY, 0644), EACCES);
	CHECK_ERRNO(mkdir("/dev/pts/nothing", 0755), EPERM);
	CHECK_ERRNO(symlink("a", "/dev/pts/nothing"), EPERM);
}
CASE(numbers_of_the_system_are_told)
{
	static const char *const names[] = { "kernel/overflowuid", "kernel/overflowgid", "fs/overflowuid", "fs/overflowgid",
		"fs/protected_hardlinks", "fs/protected_symlinks", "fs/suid_dumpable", "kernel/core_uses_pid", "kernel/tainted" };
	char path[64];
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/proc/sys/%s", names[i]);
		CHECK(slurp(path) > 1 && text[0] >= '0' && text[0] <= '9');
	}
}

static volatile sig_atomic_t got;
static void handler(int signo) { got = signo; }
CASE(a_process_directory_is_good_for_pidfd_send_signal)
{
	int own = open("/proc/self", O_RDONLY | O_DIRECTORY), fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	int other = open("/proc/thread-self", O_RDONLY | O_DIRECTORY);
	signal(SIGUSR1, handler);
	CHECK(syscall(SYS_pidfd_send_signal, own, SIGUSR1, NULL, 0) == 0 && got == SIGUSR1);
	CHECK_ERRNO(syscall(SYS_pidfd_send_signal, fds, 0, NULL, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_pidfd_send_signal, other, 0, NULL, 0), EBADF);
	close(own);
	close(fds);
	close(other);
}
/* Is there a line that starts so in the fdinfo of fd? */
static int info_has(int fd, const char *line)
{
	char path[40], with_break[80];
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(with_break, sizeof(with_break), "\n%s", line);
	slurp(path);
	if (strstr(text, with_break))
		return 1;
	printf("  no '%s' in: %s\n", line, text);
	return 0;
}
CASE(fdinfo_shows_what_an_event_file_waits_for)
{
	char line[80];
	int event = eventfd(26, EFD_SEMAPHORE), epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	CHECK(info_has(event, "eventfd-count:               1a\n") && info_has(event, "eventfd-semaphore: 1\n"));
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = 0x1234 };
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e) == 0);
	snprintf(line, sizeof(line), "tfd: %8d events: 80000019 data:             1234  pos:0 ino:", event);
	CHECK(info_has(epoll, line));
	struct itimerspec at = { .it_interval = { 1, 500 }, .it_value = { 100, 0 } };
	timerfd_settime(timer, 0, &at, NULL);
	CHECK(info_has(timer, "clockid: 1\nticks: 0\nsettime flags: 00\nit_value: (99, "));
	CHECK(info_has(timer, "it_interval: (1, 500)\n"));
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	int sig = signalfd(-1, &set, 0), in = inotify_init();
	CHECK(info_has(sig, "sigmask:\t0000000000000200\n"));
	CHECK(inotify_add_watch(in, "/", IN_MODIFY | IN_ONESHOT | IN_EXCL_UNLINK | IN_DONT_FOLLOW) == 1);
	struct stat st;
	stat("/", &st);
	snprintf(line, sizeof(line), "inotify wd:1 ino:%lx sdev:", (unsigned long)st.st_ino);
	CHECK(info_has(in, line) && strstr(text, " mask:84000002 ignored_mask:0"));
	close(event);
	close(epoll);
	close(timer);
	close(sig);
	close(in);
}
CASE(fdinfo_of_a_pidfd_names_the_process)
{
	char line[40];
	pid_t child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	int fd = (int)syscall(SYS_pidfd_open, child, 0);
	snprintf(line, sizeof(line), "Pid:\t%d\nNSpid:\t%d\n", child, child);
	CHECK(info_has(fd, line) && info_has(fd, "flags:\t02000002\n"));
	CHECK(fcntl(fd, F_SETFD, 0) == 0 && info_has(fd, "flags:\t02\n"));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK(info_has(fd, "Pid:\t-1\nNSpid:\t-1\n"));
	close(fd);
}
static char state_of(pid_t pid)
{
	char path[40];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	slurp(path);
	char *end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}
static volatile char seen, leave;
static void *look_at_leader(void *arg)
{
	for (int i = 0; i < 1000 && (seen = state_of(getpid())) != *(const char *)arg; i++)
		usleep(1000);
	while (!leave)
		usleep(1000);
	return NULL;
}
CASE(the_state_is_the_first_threads)
{
	pthread_t t;
	char last;
	int fds[2];
	CHECK(pthread_create(&t, NULL, look_at_leader, (void *)"S") == 0);
	leave = 1;
	pthread_join(t, NULL);
	CHECK(seen == 'S');
	leave = 0;
	CHECK(pipe(fds) == 0);
	pid_t child = fork();
	if (child == 0) {
		pthread_create(&t, NULL, look_at_leader, (void *)"?");
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		syscall(SYS_exit, 0);
	}
	CHECK(read(fds[0], &last, 1) == 1);
	for (int i = 0; i < 1000 && (seen = state_of(child)) != 'Z'; i++)
		usleep(1000);
	CHECK(seen == 'Z' && kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	CHECK(scratch_enter("proc") == 0);
	RUN(smaps_counts_touched_pages);
	RUN(rollup_is_the_sum);
	RUN(net_unix_lists_bound_and_listening_sockets);
	RUN(net_tables_have_their_headings);
	RUN(identity_maps_are_the_first_namespace);
	RUN(allowed_cpus_follow_the_affinity);
	RUN(a_process_directory_is_good_for_pidfd_send_signal);
	RUN(fdinfo_shows_what_an_event_file_waits_for);
	RUN(fdinfo_of_a_pidfd_names_the_process);
	RUN(the_state_is_the_first_threads);
	RUN(changes_of_the_mounts_can_be_polled_for);
	RUN(names_cannot_be_made);
	RUN(numbers_of_the_system_are_told);
	RUN(host_name_can_be_read_and_written_by_root);
	scratch_leave();
	return check_summary();
}
