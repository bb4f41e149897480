// SPDX-License-Identifier: MIT
/* Signals on readiness: O_ASYNC, F_SETOWN, F_SETSIG, F_NOTIFY. fcntl(2), signal(7). */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "scratch.h"

#ifndef F_SETOWN_EX
#define F_SETOWN_EX 15
#define F_GETOWN_EX 16
#endif
struct owner { int type, pid; };
enum { OWNER_TID, OWNER_PID, OWNER_PGRP };

static volatile sig_atomic_t got, last_code, last_fd, last_band;
static void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	got++;
	last_code = info->si_code;
	last_fd = info->si_fd;
	last_band = (int)info->si_band;
}
static void catch(int signo)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigaction(signo, &sa, NULL);
	got = 0;
}
static int asynchronous(int fd)
{
	return fcntl(fd, F_SETOWN, getpid()) || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
}
static void put(int fd) { CHECK(write(fd, "x", 1) == 1); }
static void take(int fd)
{
	char c;
	CHECK(read(fd, &c, 1) == 1);
}

CASE(a_write_signals_the_reader_before_it_returns)
{
	int p[2];
	CHECK(pipe(p) == 0);
	catch(SIGIO);
	CHECK(asynchronous(p[0]) == 0 && (fcntl(p[0], F_GETFL) & O_ASYNC));
	put(p[1]);
	CHECK(got == 1 && last_code == SI_KERNEL);
	put(p[1]);
	CHECK(got == 2);
	take(p[0]);
	take(p[0]);
	CHECK(got == 2);
	CHECK(fcntl(p[0], F_SETFL, 0) == 0 && !(fcntl(p[0], F_GETFL) & O_ASYNC));
	put(p[1]);
	CHECK(got == 2);
	int on = 1;
	CHECK(ioctl(p[0], FIOASYNC, &on) == 0 && (fcntl(p[0], F_GETFL) & O_ASYNC));
	put(p[1]);
	CHECK(got == 3);
	close(p[1]);
	CHECK(got == 4);
	close(p[0]);
}
CASE(the_chosen_signal_tells_file_and_direction)
{
	int p[2], q[2];
	CHECK(pipe(p) == 0 && pipe(q) == 0);
	catch(SIGRTMIN + 1);
	CHECK(fcntl(p[0], F_GETSIG) == 0 && fcntl(p[0], F_SETSIG, SIGRTMIN + 1) == 0);
	CHECK(fcntl(p[0], F_GETSIG) == SIGRTMIN + 1);
	CHECK_ERRNO(fcntl(p[0], F_SETSIG, 65), EINVAL);
	CHECK(asynchronous(p[0]) == 0);
	CHECK(fcntl(q[1], F_SETSIG, SIGRTMIN + 1) == 0 && asynchronous(q[1]) == 0);
	put(p[1]);
	CHECK(got == 1 && last_code == POLL_IN && last_fd == p[0] && (last_band & 1));
	for (int i = 0; i < 65536 / 4096; i++) {
		static char page[4096];
		CHECK(write(q[1], page, sizeof(page)) == sizeof(page));
	}
	got = 0;
	static char page[4096];
	CHECK(read(q[0], page, sizeof(page)) == sizeof(page));
	CHECK(got == 1 && last_code == POLL_OUT && last_fd == q[1] && (last_band & 4));
	close(p[0]);
	close(p[1]);
	close(q[1]);
	close(q[0]);
}
static void pair_signals(int reader, int writer)
{
	catch(SIGIO);
	CHECK(asynchronous(reader) == 0);
	put(writer);
	for (int i = 0; !got && i < 200; i++) /* Linux's terminals pass bytes on from a work queue */
		usleep(10000);
	CHECK(got >= 1);
	got = 0;
	CHECK(fcntl(reader, F_SETFL, 0) == 0);
	put(writer);
	CHECK(got == 0);
	close(reader);
	close(writer);
}
CASE(sockets_and_terminals_signal)
{
	int s[2], master, slave;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	pair_signals(s[0], s[1]);
	CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
	pair_signals(master, slave);
}
CASE(inotify_signals)
{
	int in = inotify_init();
	catch(SIGIO);
	CHECK(inotify_add_watch(in, ".", IN_CREATE) > 0 && asynchronous(in) == 0);
	close(open("file", O_CREAT | O_WRONLY, 0600));
	CHECK(got == 1);
	unlink("file");
	close(in);
}
CASE(owners_are_processes_threads_or_groups)
{
	int p[2], status;
	struct owner o;
	CHECK(pipe(p) == 0);
	CHECK(fcntl(p[0], F_GETOWN) == 0);
	CHECK_ERRNO(fcntl(p[0], F_SETOWN, 0x3ffffff), ESRCH);
	CHECK_ERRNO(fcntl(p[0], F_SETOWN, -0x3ffffff), ESRCH);
	o = (struct owner){ 7, getpid() };
	CHECK_ERRNO(fcntl(p[0], F_SETOWN_EX, &o), EINVAL);
	o = (struct owner){ OWNER_TID, (int)syscall(SYS_gettid) };
	CHECK(fcntl(p[0], F_SETOWN_EX, &o) == 0);
	o = (struct owner){ 0, 0 };
	CHECK(fcntl(p[0], F_GETOWN_EX, &o) == 0 && o.type == OWNER_TID && o.pid == (int)syscall(SYS_gettid));
	catch(SIGIO);
	CHECK(fcntl(p[0], F_SETFL, O_ASYNC) == 0);
	put(p[1]);
	CHECK(got == 1);
	pid_t child = fork();
	if (child == 0) { /* a group of its own, which the parent is no member of */
		setpgid(0, 0);
		got = 0;
		int bad = fcntl(p[0], F_SETOWN, -getpgrp()) != 0;
		put(p[1]);
		_exit(bad | (got != 1) << 1);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(got == 1);
	CHECK(fcntl(p[0], F_SETOWN, 0) == 0);
	put(p[1]);
	CHECK(got == 1);
	close(p[0]);
	close(p[1]);
}
CASE(another_process_interrupts_a_sleep)
{
	int p[2], status;
	CHECK(pipe(p) == 0);
	catch(SIGIO);
	CHECK(asynchronous(p[0]) == 0);
	pid_t child = fork();
	if (child == 0) {
		usleep(50000);
		put(p[1]);
		_exit(0);
	}
	while (!got && usleep(100000) == 0)
		continue;
	CHECK(got == 1);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	close(p[0]);
	close(p[1]);
}
CASE(regular_files_ignore_the_flag)
{
	int on = 1, fd = open("plain", O_CREAT | O_RDWR, 0600);
	catch(SIGIO);
	CHECK_ERRNO(ioctl(fd, FIOASYNC, &on), ENOTTY);
	CHECK(asynchronous(fd) == 0 && !(fcntl(fd, F_GETFL) & O_ASYNC));
	put(fd);
	CHECK(got == 0);
	close(fd);
	unlink("plain");
}

CASE(directories_tell_changes_once_or_often)
{
	catch(SIGRTMIN + 2);
	int fd = open(".", O_RDONLY), plain = open("plain", O_CREAT | O_RDWR, 0600);
	CHECK_ERRNO(fcntl(plain, F_NOTIFY, DN_MODIFY), ENOTDIR);
	CHECK(fcntl(fd, F_SETSIG, SIGRTMIN + 2) == 0);
	CHECK(fcntl(fd, F_NOTIFY, DN_MODIFY) == 0 && fcntl(fd, F_GETOWN) == getpid());
	put(plain);
	CHECK(got == 1 && last_fd == fd && last_code == POLL_MSG);
	put(plain);
	CHECK(got == 1); /* once */
	CHECK(fcntl(fd, F_NOTIFY, DN_CREATE | DN_DELETE | DN_MULTISHOT) == 0);
	close(open("other", O_CREAT | O_WRONLY, 0600));
	CHECK(got == 2);
	unlink("other");
	CHECK(got == 3);
	CHECK(fcntl(fd, F_NOTIFY, 0) == 0 && fcntl(fd, F_NOTIFY, DN_RENAME | DN_MULTISHOT) == 0);
	CHECK(mkdir("sub", 0700) == 0 && rename("plain", "sub/plain") == 0 && rename("sub/plain", "plain") == 0);
	CHECK(got == 3); /* in and out is no new name */
	CHECK(rename("sub", "sub2") == 0 && got == 4);
	rmdir("sub2");
	got = 3;
	CHECK(fcntl(fd, F_NOTIFY, 0) == 0);
	unlink("plain");
	CHECK(got == 3);
	CHECK(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT) == 0);
	close(dup(fd)); /* any number of it */
	close(open("other", O_CREAT | O_WRONLY, 0600));
	CHECK(got == 3);
	unlink("other");
	close(plain);
	close(fd);
}

int main(void)
{
	if (scratch_enter("sigio"))
		return 99;
	RUN(a_write_signals_the_reader_before_it_returns);
	RUN(the_chosen_signal_tells_file_and_direction);
	RUN(sockets_and_terminals_signal);
	RUN(inotify_signals);
	RUN(owners_are_processes_threads_or_groups);
	RUN(another_process_interrupts_a_sleep);
	RUN(regular_files_ignore_the_flag);
	RUN(directories_tell_changes_once_or_often);
	CHECK(scratch_leave() == 0);
	return check_summary();
}
