// SPDX-License-Identifier: MIT
/* Processes: fork, exit, wait4, waitid, groups, sessions, prctl, limits, ids. Needs no files and no exec. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int run_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(fn());
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int exit_seven(void) { return 7; }
CASE(exit_code_reaches_parent)
{
	int status = run_child(exit_seven);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static int die_by_term(void) { kill(getpid(), SIGTERM); return 0; }
CASE(death_by_signal_reaches_parent)
{
	int status = run_child(die_by_term);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && !WCOREDUMP(status));
}

static int die_by_null(void) { *(volatile int *)0 = 1; return 0; }
CASE(null_store_is_sigsegv)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	int status = run_child(die_by_null);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

CASE(fork_memory_is_private)
{
	static volatile int value = 1;
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	pid_t pid = fork();
	if (pid == 0) {
		value = 2;
		*shared = 3;
		_exit(value);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WEXITSTATUS(status) == 2 && value == 1 && *shared == 3);
	munmap(shared, 4096);
}

CASE(getppid_is_parent)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0)
		_exit(getppid() == parent ? 0 : 1);
	int status;
	waitpid(pid, &status, 0);
	CHECK(status == 0);
}

CASE(wait_without_children_is_echild)
{
	int status;
	CHECK_ERRNO(waitpid(-1, &status, 0), ECHILD);
	CHECK_ERRNO(waitpid(1 << 20, &status, 0), ECHILD);
	CHECK_ERRNO(waitpid(-1, &status, 0x40), EINVAL);
}

CASE(wnohang_returns_zero_while_child_runs)
{
	int fds[2], status;
	CHECK(pipe(fds) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		close(fds[1]);
		_exit(read(fds[0], &c, 1) == 0 ? 5 : 1);
	}
	close(fds[0]);
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	close(fds[1]);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WEXITSTATUS(status) == 5);
}

CASE(waitid_wnowait_leaves_the_zombie)
{
	siginfo_t info = { 0 };
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(9);
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	CHECK(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 9 && info.si_signo == SIGCHLD);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_ERRNO(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);
	CHECK_ERRNO(waitid(P_PID, (id_t)pid, &info, 0), EINVAL);
}

static pid_t waiting_child(void)
{
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

CASE(stop_and_continue_are_reported)
{
	int status;
	pid_t pid = waiting_child();
	CHECK(kill(pid, SIGSTOP) == 0);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0);
	CHECK(kill(pid, SIGCONT) == 0);
	CHECK(waitpid(pid, &status, WCONTINUED) == pid);
	CHECK(WIFCONTINUED(status));
	CHECK(kill(pid, SIGKILL) == 0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The parent looks again and again while the child comes to its stop: one report for one stop. */
CASE(a_stop_is_reported_once)
{
	for (int round = 0; round < 50; round++) {
		int status, reports = 0;
		pid_t pid = waiting_child();
		kill(pid, SIGSTOP);
		while (!reports)
			reports += waitpid(pid, &status, WUNTRACED | WNOHANG) == pid;
		for (int i = 0; i < 20; i++)
			reports += waitpid(pid, &status, WUNTRACED | WNOHANG) == pid;
		CHECK(reports == 1);
		kill(pid, SIGKILL);
		CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	}
}

/* It is stopped again before it could go on: that is another stop, told again. */
CASE(a_stop_right_after_a_continue_is_told)
{
	int status;
	pid_t pid = waiting_child();
	kill(pid, SIGSTOP);
	for (int round = 0; round < 300; round++) {
		CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
		kill(pid, SIGCONT);
		for (volatile int i = 0; i < round * 50; i++)
			;
		kill(pid, SIGSTOP);
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status))
		;
	CHECK(WIFSIGNALED(status));
}

CASE(stopped_child_dies_by_kill)
{
	int status;
	pid_t pid = waiting_child();
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

static void ignore_handler(int s) { (void)s; }
CASE(ignored_sigchld_reaps_by_itself)
{
	int status;
	signal(SIGCHLD, SIG_IGN);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
	signal(SIGCHLD, SIG_DFL);
	struct sigaction sa = { .sa_handler = ignore_handler, .sa_flags = SA_NOCLDWAIT | SA_RESTART };
	sigaction(SIGCHLD, &sa, NULL);
	pid = fork();
	if (pid == 0)
		_exit(0);
	CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
	sa.sa_flags = SA_NOCLDWAIT; /* no EINTR either: the child is gone when its signal comes */
	sigaction(SIGCHLD, &sa, NULL);
	for (int i = 0; i < 100; i++) {
		pid = fork();
		if (pid == 0) {
			usleep(1000);
			_exit(0);
		}
		CHECK_ERRNO(wait(&status), ECHILD);
	}
	signal(SIGCHLD, SIG_DFL);
}

static volatile sig_atomic_t chld_count;
static siginfo_t chld_info;
static void on_chld(int s, siginfo_t *i, void *u) { (void)s; (void)u; chld_count++; chld_info = *i; }
CASE(sigchld_carries_pid_and_status)
{
	struct sigaction sa = { .sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP };
	sigset_t block, old;
	int status;
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &old);
	sigaction(SIGCHLD, &sa, NULL);
	chld_count = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(33);
	while (!chld_count)
		sigsuspend(&old);
	CHECK(chld_info.si_pid == pid && chld_info.si_status == 33 && chld_info.si_code == CLD_EXITED);
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK(waitpid(pid, &status, 0) == pid);
	signal(SIGCHLD, SIG_DFL);
}

CASE(orphans_go_to_the_subreaper)
{
	int fds[2], status;
	pid_t grandchild = 0;
	CHECK(pipe(fds) == 0);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	pid_t child = fork();
	if (child == 0) {
		pid_t middle = getpid(), g = fork();
		if (g == 0) {
			while (getppid() == middle)
				sched_yield();
			_exit(44);
		}
		if (write(fds[1], &g, sizeof(g)) != sizeof(g))
			_exit(1);
		_exit(0);
	}
	CHECK(read(fds[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(waitpid(grandchild, &status, 0) == grandchild);
	CHECK(WEXITSTATUS(status) == 44);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 0) == 0);
	close(fds[0]);
	close(fds[1]);
}

CASE(groups_and_sessions)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (getpgid(0) == getpid() || setpgid(0, 0) != 0 || getpgrp() != getpid())
			_exit(1);
		if (setsid() != -1 || errno != EPERM) /* a group leader cannot */
			_exit(2);
		pid_t inner = fork();
		if (inner == 0) {
			if (setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid())
				_exit(1);
			if (setpgid(0, 0) != -1 || errno != EPERM) /* a session leader cannot move */
				_exit(2);
			_exit(0);
		}
		int st;
		waitpid(inner, &st, 0);
		_exit(st == 0 ? 0 : 3);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(status == 0);
	CHECK_ERRNO(getpgid(1 << 20), ESRCH);
	CHECK_ERRNO(setpgid(0, -1), EINVAL);
	CHECK_ERRNO(setpgid(1 << 20, 0), ESRCH);
}

CASE(wait_by_group)
{
	int status;
	pid_t a = fork();
	if (a == 0) {
		setpgid(0, 0);
		_exit(1);
	}
	setpgid(a, a);
	pid_t b = fork();
	if (b == 0)
		_exit(2);
	CHECK(waitpid(-a, &status, 0) == a);
	CHECK(waitpid(0, &status, 0) == b);
}

CASE(group_kill_reaches_all)
{
	int status, fds[2];
	char c;
	CHECK(pipe(fds) == 0);
	pid_t leader = fork();
	if (leader == 0) {
		setpgid(0, 0);
		pid_t other = fork();
		if (write(fds[1], "x", 1) != 1)
			_exit(9);
		for (;;)
			pause();
		(void)other;
	}
	CHECK(read(fds[0], &c, 1) == 1 && read(fds[0], &c, 1) == 1);
	CHECK(kill(-leader, SIGTERM) == 0);
	CHECK(waitpid(leader, &status, 0) == leader && WTERMSIG(status) == SIGTERM);
	close(fds[1]);
	CHECK(read(fds[0], &c, 1) == 0); /* the other one is gone too */
	close(fds[0]);
}

CASE(vfork_shares_memory_until_exit)
{
	static volatile int seen;
	int status;
	seen = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		seen = 1;
		_exit(6);
	}
	CHECK(seen == 1);
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 6);
}

CASE(pidfd_waits_and_signals)
{
	siginfo_t info = { 0 };
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	CHECK(fd >= 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	CHECK(poll(&p, 1, 0) == 0);
	CHECK(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0);
	CHECK(poll(&p, 1, 5000) == 1);
	CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == 0);
	CHECK(info.si_pid == pid && info.si_status == SIGKILL && info.si_code == CLD_KILLED);
	CHECK_ERRNO(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0), ESRCH);
	close(fd);
}

CASE(prctl_options)
{
	char name[16] = { 0 };
	CHECK(prctl(PR_SET_NAME, "a-name-that-is-too-long") == 0);
	CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a-name-that-is-") == 0);
	CHECK(prctl(PR_GET_DUMPABLE) == 1);
	CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 7), EINVAL);
	CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
	CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	CHECK_ERRNO(prctl(12345), EINVAL);
}

CASE(parent_death_signal)
{
	int fds[2], status;
	char c;
	CHECK(pipe(fds) == 0);
	pid_t child = fork();
	if (child == 0) {
		int ready[2];
		if (pipe(ready))
			_exit(1);
		if (fork() == 0) {
			close(fds[0]);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		_exit(read(ready[0], &c, 1) == 1 ? 0 : 1);
	}
	close(fds[1]);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(read(fds[0], &c, 1) == 0);
	close(fds[0]);
}

CASE(limits)
{
	struct rlimit r;
	CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur >= 256);
	r.rlim_cur = r.rlim_max + (r.rlim_max != RLIM_INFINITY);
	if (r.rlim_max != RLIM_INFINITY)
		CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &r), EINVAL);
	CHECK_ERRNO(getrlimit(99, &r), EINVAL);
	CHECK(getrlimit(RLIMIT_STACK, &r) == 0 && r.rlim_cur >= 1 << 20);
}

CASE(uname_and_ids)
{
	struct utsname u;
	CHECK(uname(&u) == 0 && strcmp(u.sysname, "Linux") == 0 && strcmp(u.machine, "x86_64") == 0);
	CHECK(getpid() == syscall(SYS_gettid));
	CHECK(getuid() == geteuid());
	CHECK(personality(0xffffffff) >= 0);
}

CASE(rusage_counts_children)
{
	struct rusage u;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct timeval start, now;
		gettimeofday(&start, NULL);
		do
			gettimeofday(&now, NULL);
		while ((now.tv_sec - start.tv_sec) * 1000000 + now.tv_usec - start.tv_usec < 30000);
		_exit(0);
	}
	CHECK(wait4(pid, &status, 0, &u) == pid);
	CHECK(u.ru_utime.tv_sec || u.ru_utime.tv_usec > 1000 || u.ru_stime.tv_usec > 1000);
	CHECK(getrusage(RUSAGE_CHILDREN, &u) == 0);
	CHECK(u.ru_utime.tv_sec || u.ru_utime.tv_usec > 1000 || u.ru_stime.tv_usec > 1000);
	CHECK_ERRNO(getrusage(5, &u), EINVAL);
}
CASE(rusage_leaves_out_who_was_not_waited_for)
{
	struct rusage before, after;
	int status;
	getrusage(RUSAGE_CHILDREN, &before);
	signal(SIGCHLD, SIG_IGN);
	if (fork() == 0) {
		size_t size = (size_t)before.ru_maxrss * 1024 + (8u << 20);
		char *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		_exit(m == MAP_FAILED);
	}
	CHECK_ERRNO(waitpid(-1, &status, 0), ECHILD);
	signal(SIGCHLD, SIG_DFL);
	getrusage(RUSAGE_CHILDREN, &after);
	CHECK(after.ru_maxrss == before.ru_maxrss);
}
CASE(load_averages_agree)
{
	struct sysinfo s;
	double load = -1;
	FILE *f = fopen("/proc/loadavg", "r");
	CHECK(f && fscanf(f, "%lf", &load) == 1);
	if (f)
		fclose(f);
	CHECK(sysinfo(&s) == 0);
	double told = (double)s.loads[0] / 65536;
	CHECK(told < load + 0.5 && told > load - 0.5);
}

CASE(many_children)
{
	int status, alive = 0;
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(i & 0x7f);
		alive += pid > 0;
	}
	while (alive > 0 && waitpid(-1, &status, 0) > 0)
		alive--;
	CHECK(alive == 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0); /* children must not print the buffer again */
	RUN(exit_code_reaches_parent);
	RUN(death_by_signal_reaches_parent);
	RUN(null_store_is_sigsegv);
	RUN(fork_memory_is_private);
	RUN(getppid_is_parent);
	RUN(wait_without_children_is_echild);
	RUN(wnohang_returns_zero_while_child_runs);
	RUN(waitid_wnowait_leaves_the_zombie);
	RUN(stop_and_continue_are_reported);
	RUN(a_stop_is_reported_once);
	RUN(a_stop_right_after_a_continue_is_told);
	RUN(stopped_child_dies_by_kill);
	RUN(ignored_sigchld_reaps_by_itself);
	RUN(sigchld_carries_pid_and_status);
	RUN(orphans_go_to_the_subreaper);
	RUN(groups_and_sessions);
	RUN(wait_by_group);
	RUN(group_kill_reaches_all);
	RUN(vfork_shares_memory_until_exit);
	RUN(pidfd_waits_and_signals);
	RUN(prctl_options);
	RUN(parent_death_signal);
	RUN(limits);
	RUN(uname_and_ids);
	RUN(rusage_counts_children);
	RUN(rusage_leaves_out_who_was_not_waited_for);
	RUN(load_averages_agree);
	RUN(many_children);
	return check_summary();
}
