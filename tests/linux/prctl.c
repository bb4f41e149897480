// SPDX-License-Identifier: MIT
/* What a process or thread says about itself and gets told back: prctl(2), personality(2), ioprio_set(2). */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define DEFAULT_SLACK 50000
#define KEEP_CAPS 0x10
#define NO_AMBIENT_RAISE 0x40
#define IO(class, level) ((class) << 13 | (level))

static long option(int what, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return syscall(SYS_prctl, what, a, b, c, d);
}
static int in_child(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		check_failed_here = 0;
		int result = fn();
		fflush(stdout);
		_exit(result || check_failed_here);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int slack_of_child(void)
{
	CHECK(option(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 70000);
	CHECK(option(PR_SET_TIMERSLACK, 1, 0, 0, 0) == 0 && option(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 1);
	CHECK(option(PR_SET_TIMERSLACK, 0, 0, 0, 0) == 0 && option(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 70000);
	return 0;
}
CASE(timer_slack_is_kept_and_inherited)
{
	CHECK(option(PR_GET_TIMERSLACK, 0, 0, 0, 0) == DEFAULT_SLACK);
	CHECK(option(PR_SET_TIMERSLACK, 70000, 0, 0, 0) == 0 && option(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 70000);
	CHECK(in_child(slack_of_child) == 0);
	CHECK(option(PR_SET_TIMERSLACK, 0, 0, 0, 0) == 0 && option(PR_GET_TIMERSLACK, 0, 0, 0, 0) == DEFAULT_SLACK);
}

static int securebits_with_rights(void)
{
	CHECK(option(PR_GET_SECUREBITS, 0, 0, 0, 0) == 0 && option(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 0);
	CHECK_ERRNO(option(PR_SET_KEEPCAPS, 2, 0, 0, 0), EINVAL);
	CHECK(option(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && option(PR_GET_SECUREBITS, 0, 0, 0, 0) == KEEP_CAPS);
	CHECK(option(PR_SET_SECUREBITS, 0, 0, 0, 0) == 0 && option(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 0);
	CHECK_ERRNO(option(PR_SET_SECUREBITS, 0x10000, 0, 0, 0), EPERM);
	CHECK(option(PR_SET_SECUREBITS, KEEP_CAPS << 1 | NO_AMBIENT_RAISE, 0, 0, 0) == 0);
	CHECK_ERRNO(option(PR_SET_KEEPCAPS, 1, 0, 0, 0), EPERM);                      /* locked */
	CHECK_ERRNO(option(PR_SET_SECUREBITS, NO_AMBIENT_RAISE, 0, 0, 0), EPERM);     /* a lock stays */
	CHECK_ERRNO(option(PR_SET_SECUREBITS, KEEP_CAPS | KEEP_CAPS << 1, 0, 0, 0), EPERM);
	CHECK_ERRNO(option(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0), EPERM);
	return 0;
}
static int securebits_without(void)
{
	if (setresuid(1000, 1000, 1000))
		return 1;
	CHECK_ERRNO(option(PR_SET_SECUREBITS, 0, 0, 0, 0), EPERM);
	CHECK(option(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && option(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 1);
	CHECK_ERRNO(option(PR_CAPBSET_DROP, 1, 0, 0, 0), EPERM);
	return 0;
}
static unsigned long long permitted(void)
{
	char line[200];
	unsigned long long caps = 0;
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "CapPrm: %llx", &caps);
	if (f)
		fclose(f);
	return caps;
}
static int kept_through_setuid(void)
{
	unsigned long long before = permitted();
	CHECK(option(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
	CHECK(setresuid(1000, 1000, 1000) == 0 && permitted() == before);
	return 0;
}
CASE(securebits_have_locks)
{
	if (geteuid())
		return;
	CHECK(in_child(securebits_with_rights) == 0);
	CHECK(in_child(securebits_without) == 0);
	CHECK(in_child(kept_through_setuid) == 0);
}

CASE(switches_of_the_processor)
{
	int tsc = 0;
	CHECK(option(PR_GET_TSC, (unsigned long)&tsc, 0, 0, 0) == 0 && tsc == PR_TSC_ENABLE);
	CHECK(option(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0) == 0);
	CHECK_ERRNO(option(PR_SET_TSC, 5, 0, 0, 0), EINVAL);
	CHECK(option(PR_GET_SPECULATION_CTRL, 0, 0, 0, 0) >= 0);
	CHECK_ERRNO(option(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0), ENODEV);
	CHECK_ERRNO(option(PR_GET_SPECULATION_CTRL, 0, 1, 0, 0), EINVAL);
	CHECK(option(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0);
	CHECK_ERRNO(option(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
	CHECK_ERRNO(option(PR_SET_THP_DISABLE, 1, 0, 1, 0), EINVAL);
	CHECK(option(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 && option(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1);
	CHECK(option(PR_SET_THP_DISABLE, 0, 0, 0, 0) == 0 && option(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0);
}

static int other_domains(void)
{
	struct utsname u;
	CHECK(personality(PER_LINUX32) == PER_LINUX && personality(0xffffffff) == PER_LINUX32);
	CHECK(uname(&u) == 0 && !strcmp(u.machine, "i686") && strncmp(u.release, "2.6.", 4));
	int fd = open("/proc/self/personality", O_RDONLY);
	char text[20] = { 0 };
	CHECK(read(fd, text, sizeof(text) - 1) == 9 && !strcmp(text, "00000008\n"));
	close(fd);
	CHECK(personality(UNAME26) == PER_LINUX32);
	CHECK(uname(&u) == 0 && !strcmp(u.machine, "x86_64") && !strncmp(u.release, "2.6.", 4));
	CHECK(personality(SHORT_INODE | WHOLE_SECONDS) == UNAME26);
	return 0;
}
static int sticky(void)
{
	struct timeval tv = { 0, 20000 };
	struct timespec ts = { 0, 20000000 };
	fd_set set;
	FD_ZERO(&set);
	personality(STICKY_TIMEOUTS);
	CHECK(syscall(SYS_select, 0, &set, NULL, NULL, &tv) == 0 && tv.tv_sec == 0 && tv.tv_usec == 20000);
	CHECK(syscall(SYS_pselect6, 0, &set, NULL, NULL, &ts, NULL) == 0 && ts.tv_nsec == 20000000);
	CHECK(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8) == 0 && ts.tv_nsec == 20000000);
	personality(PER_LINUX);
	CHECK(syscall(SYS_select, 0, &set, NULL, NULL, &tv) == 0 && tv.tv_usec == 0);
	return 0;
}
CASE(personalities)
{
	CHECK(in_child(other_domains) == 0);
	CHECK(in_child(sticky) == 0);
}

static long io_get(int which, int who) { return syscall(SYS_ioprio_get, which, who); }
static long io_set(int which, int who, int priority) { return syscall(SYS_ioprio_set, which, who, priority); }
static int io_inherited(void) { return io_get(1, 0) != IO(2, 6); }
static int io_without_rights(void)
{
	if (setresuid(1000, 1000, 1000))
		return 1;
	CHECK_ERRNO(io_set(1, 0, IO(1, 4)), EPERM);
	CHECK(io_set(1, 0, IO(3, 0)) == 0 && io_get(1, 0) == IO(3, 0));
	CHECK_ERRNO(io_set(1, getppid(), IO(2, 1)), EPERM);
	CHECK(io_get(1, getppid()) == IO(2, 6));
	return 0;
}
static int io_of_a_group(void)
{
	setpgid(0, 0);
	CHECK(nice(10) == 10 && io_set(1, 0, 0) == 0 && io_get(1, 0) == 0);
	CHECK(io_get(2, 0) == IO(2, 6)); /* best effort, by the nice value */
	CHECK(io_set(2, 0, IO(3, 0)) == 0 && io_get(1, 0) == IO(3, 0));
	return 0;
}
CASE(io_priorities_are_kept)
{
	CHECK(io_get(1, 0) == 0);
	CHECK_ERRNO(io_get(0, 0), EINVAL);
	CHECK_ERRNO(io_get(4, 0), EINVAL);
	CHECK_ERRNO(io_get(1, 0x7fffffff), ESRCH);
	CHECK_ERRNO(io_set(4, 0, IO(2, 4)), EINVAL);
	CHECK_ERRNO(io_set(1, 0x7fffffff, IO(2, 4)), ESRCH);
	CHECK_ERRNO(io_set(1, 0, IO(0, 4)), EINVAL);
	CHECK_ERRNO(io_set(1, 0, IO(4, 0)), EINVAL);
	CHECK(io_set(1, 0, IO(2, 6)) == 0 && io_get(1, 0) == IO(2, 6) && io_get(1, getpid()) == IO(2, 6));
	CHECK(in_child(io_inherited) == 0);
	if (geteuid() == 0)
		CHECK(in_child(io_without_rights) == 0);
	CHECK(in_child(io_of_a_group) == 0);
	CHECK(io_set(1, 0, 0) == 0);
}

int main(void)
{
	RUN(timer_slack_is_kept_and_inherited);
	RUN(securebits_have_locks);
	RUN(switches_of_the_processor);
	RUN(personalities);
	RUN(io_priorities_are_kept);
	return check_summary();
}
