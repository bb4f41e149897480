// SPDX-License-Identifier: MIT
/* Threads and clone flags: pthreads, raw clone, tids, exit of threads and groups, robust mutexes. */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

struct clone3_args { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; };

static _Atomic int counter;
static void *return_arg(void *arg) { return arg; }
CASE(create_and_join)
{
	pthread_t t;
	void *result;
	CHECK(pthread_create(&t, NULL, return_arg, &counter) == 0);
	CHECK(pthread_join(t, &result) == 0 && result == (void *)&counter);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long guarded;
static void *count_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		guarded++;
		pthread_mutex_unlock(&mutex);
	}
	atomic_fetch_add(&counter, 1);
	return NULL;
}
CASE(mutex_excludes)
{
	pthread_t t[8];
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&t[i], NULL, count_many, NULL) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	CHECK(guarded == 16000 && counter == 8);
}

CASE(five_hundred_threads)
{
	static pthread_t t[500];
	pthread_attr_t attr;
	int made = 0;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	atomic_store(&counter, 0);
	for (int i = 0; i < 500; i++)
		made += pthread_create(&t[i], &attr, count_many, NULL) == 0;
	CHECK(made == 500);
	for (int i = 0; i < made; i++)
		pthread_join(t[i], NULL);
	CHECK(counter == 500);
}

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int stage;
static void *cond_partner(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 100; i++) {
		while (stage % 2 == 0)
			pthread_cond_wait(&cond, &mutex);
		stage++;
		pthread_cond_broadcast(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}
CASE(condition_ping_pong)
{
	pthread_t t;
	stage = 0;
	pthread_create(&t, NULL, cond_partner, NULL);
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 100; i++) {
		stage++;
		pthread_cond_broadcast(&cond);
		while (stage % 2 == 1)
			pthread_cond_wait(&cond, &mutex);
	}
	pthread_mutex_unlock(&mutex);
	pthread_join(t, NULL);
	CHECK(stage == 200);
}

static pid_t thread_tid, thread_pid;
static void *tell_ids(void *arg)
{
	(void)arg;
	thread_tid = (pid_t)syscall(SYS_gettid);
	thread_pid = getpid();
	return NULL;
}
CASE(threads_share_pid_not_tid)
{
	pthread_t t;
	pthread_create(&t, NULL, tell_ids, NULL);
	pthread_join(t, NULL);
	CHECK(thread_pid == getpid() && thread_tid != getpid());
}

static volatile int handled_by;
static void who_handler(int s) { (void)s; handled_by = (int)syscall(SYS_gettid); }
static volatile int stop_waiting;
static void *wait_for_stop(void *arg)
{
	(void)arg;
	thread_tid = (pid_t)syscall(SYS_gettid);
	while (!stop_waiting)
		usleep(1000);
	return NULL;
}
CASE(tgkill_hits_its_thread)
{
	pthread_t t;
	signal(SIGUSR1, who_handler);
	handled_by = stop_waiting = thread_tid = 0;
	pthread_create(&t, NULL, wait_for_stop, NULL);
	while (!*(volatile pid_t *)&thread_tid)
		sched_yield();
	CHECK(pthread_kill(t, SIGUSR1) == 0);
	while (!handled_by)
		sched_yield();
	CHECK(handled_by == thread_tid);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid() + 1, thread_tid, SIGUSR1), ESRCH);
	stop_waiting = 1;
	pthread_join(t, NULL);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 0, SIGUSR1), EINVAL);
}

CASE(process_signal_goes_to_a_thread_that_takes_it)
{
	pthread_t t;
	sigset_t set;
	stop_waiting = handled_by = thread_tid = 0;
	pthread_create(&t, NULL, wait_for_stop, NULL);
	while (!*(volatile pid_t *)&thread_tid)
		sched_yield();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 1000 && !handled_by; i++)
		usleep(1000);
	CHECK(handled_by == thread_tid);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	stop_waiting = 1;
	pthread_join(t, NULL);
}

static void *exit_group_from_thread(void *arg)
{
	(void)arg;
	_exit(21);
}
CASE(exit_group_ends_all_threads)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t;
		for (int i = 0; i < 4; i++)
			pthread_create(&t, NULL, wait_for_stop, (void *)(stop_waiting = 0, NULL));
		pthread_create(&t, NULL, exit_group_from_thread, NULL);
		for (;;)
			pause();
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 21);
}

static void *late_exit(void *arg)
{
	(void)arg;
	usleep(30000);
	syscall(SYS_exit, 3);
	return NULL;
}
CASE(process_lives_until_its_last_thread)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t;
		pthread_create(&t, NULL, late_exit, NULL);
		syscall(SYS_exit, 42); /* the leader only; the last thread's code is the process's */
	}
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void *fault_in_thread(void *arg)
{
	*(volatile int *)arg = 1;
	return NULL;
}
CASE(fault_in_a_thread_kills_the_process)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t;
		pthread_create(&t, NULL, fault_in_thread, NULL);
		for (;;)
			pause();
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static char child_stack[65536] __attribute__((aligned(16)));
static int shared_value;
static int vm_child(void *arg) { shared_value = *(int *)arg; return 8; }
CASE(clone_vm_shares_memory)
{
	int status, in = 55;
	pid_t pid = clone(vm_child, child_stack + sizeof(child_stack), CLONE_VM | SIGCHLD, &in);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 8);
	CHECK(shared_value == 55);
}

CASE(clone_child_without_sigchld_needs_wclone)
{
	int status, in = 1;
	pid_t pid = clone(vm_child, child_stack + sizeof(child_stack), CLONE_VM, &in);
	CHECK(pid > 0);
	CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
	CHECK(waitpid(pid, &status, __WALL) == pid);
}

static int files_child(void *arg) { return close(*(int *)arg); }
CASE(clone_files_shares_descriptors)
{
	int fds[2], status;
	CHECK(pipe(fds) == 0);
	pid_t pid = clone(files_child, child_stack + sizeof(child_stack), CLONE_VM | CLONE_FILES | SIGCHLD, &fds[0]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_ERRNO(fcntl(fds[0], F_GETFD), EBADF);
	pid = clone(files_child, child_stack + sizeof(child_stack), CLONE_VM | SIGCHLD, &fds[1]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(fcntl(fds[1], F_GETFD) >= 0);
	close(fds[1]);
}

CASE(bad_flag_combinations)
{
	CHECK_ERRNO(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	struct clone3_args a = { .flags = 1ull << 60 };
	CHECK_ERRNO(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone3, &a, 8), EINVAL);
	a = (struct clone3_args){ .exit_signal = 100 };
	CHECK_ERRNO(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
	a = (struct clone3_args){ .exit_signal = SIGCHLD, .stack_size = 4096 };
	CHECK_ERRNO(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);
}

CASE(namespaces_need_a_right)
{
	static const int kinds[] = { CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET };
	int status;
	if (!fork()) {
		int bad = geteuid() ? 0 : setuid(65534);
		for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (syscall(SYS_clone, kinds[i] | SIGCHLD, 0, 0, 0, 0) != -1 || errno != EPERM)
				bad |= 1 << i;
		_exit(bad);
	}
	CHECK(wait(&status) > 0 && status == 0);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0), EINVAL);
}

static int shared_fd;
static int unshares(void *arg)
{
	CHECK(unshare(CLONE_FILES | CLONE_FS) == 0);
	umask(0777);
	if (chdir("/proc"))
		return 1;
	return close(shared_fd) ? 2 : fcntl(shared_fd, F_GETFD) == -1 ? 0 : 3;
}
CASE(unshare_gives_own_files_and_directory)
{
	int status;
	char before[4096], after[4096];
	umask(022);
	shared_fd = dup(1);
	CHECK(getcwd(before, sizeof(before)) != NULL);
	pid_t pid = clone(unshares, child_stack + sizeof(child_stack), CLONE_FILES | CLONE_FS | CLONE_VM | SIGCHLD, NULL);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(fcntl(shared_fd, F_GETFD) >= 0 && umask(022) == 022);
	CHECK(getcwd(after, sizeof(after)) != NULL && strcmp(before, after) == 0);
	close(shared_fd);
	CHECK(unshare(0) == 0 && unshare(CLONE_SYSVSEM) == 0 && unshare(CLONE_THREAD) == 0);
	CHECK_ERRNO(unshare(CLONE_SETTLS), EINVAL);
	if (!fork())
		_exit((geteuid() == 0 && setuid(65534)) || unshare(CLONE_NEWNS) != -1 || errno != EPERM);
	CHECK(wait(&status) > 0 && status == 0);
}

CASE(clone3_with_pidfd_and_tids)
{
	int pidfd = -1, status;
	pid_t parent_tid = 0;
	struct clone3_args a = {
		.flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .pidfd = (uintptr_t)&pidfd, .parent_tid = (uintptr_t)&parent_tid,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0)
		_exit(4);
	CHECK(pid > 0 && pidfd >= 0 && parent_tid == pid);
	CHECK(fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 4);
	close(pidfd);
}

CASE(child_tid_is_set_and_cleared)
{
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	*word = 1;
	struct clone3_args a = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, .child_tid = (uintptr_t)word,
		.exit_signal = SIGCHLD, .stack = (uintptr_t)child_stack, .stack_size = sizeof(child_stack),
	};
	pid_t pid;
	__asm__ volatile("syscall\n\ttest %%eax, %%eax\n\tjnz 1f\n\tmov $60, %%eax\n\txor %%edi, %%edi\n\tsyscall\n1:"
			 : "=a"(pid) : "a"(SYS_clone3), "D"(&a), "S"(sizeof(a)) : "rcx", "r11", "memory");
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(*word == 0);
	munmap(word, 4096);
}

static void *die_holding(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}
CASE(robust_mutex_reports_dead_owner)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;
	pthread_t t;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&m, &attr);
	pthread_create(&t, NULL, die_holding, &m);
	pthread_join(t, NULL);
	CHECK(pthread_mutex_lock(&m) == EOWNERDEAD);
	CHECK(pthread_mutex_consistent(&m) == 0);
	CHECK(pthread_mutex_unlock(&m) == 0);
	CHECK(pthread_mutex_lock(&m) == 0);
	pthread_mutex_unlock(&m);
}

static void *stop_spin(void *arg)
{
	volatile unsigned long *n = arg;
	for (;;)
		(*n)++;
	return NULL;
}
CASE(stop_stops_all_threads)
{
	int status;
	volatile unsigned long *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t;
		pthread_create(&t, NULL, stop_spin, (void *)n);
		pthread_create(&t, NULL, stop_spin, (void *)(n + 8));
		for (;;)
			pause();
	}
	while (!n[0] || !n[8])
		usleep(1000);
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	unsigned long a = n[0], b = n[8];
	usleep(20000);
	CHECK(a == n[0] && b == n[8]);
	kill(pid, SIGCONT);
	for (int i = 0; i < 1000 && (a == n[0] || b == n[8]); i++)
		usleep(1000);
	CHECK(a != n[0] && b != n[8]);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0); /* children must not print the buffer again */
	RUN(create_and_join);
	RUN(mutex_excludes);
	RUN(five_hundred_threads);
	RUN(condition_ping_pong);
	RUN(threads_share_pid_not_tid);
	RUN(tgkill_hits_its_thread);
	RUN(process_signal_goes_to_a_thread_that_takes_it);
	RUN(exit_group_ends_all_threads);
	RUN(process_lives_until_its_last_thread);
	RUN(fault_in_a_thread_kills_the_process);
	RUN(clone_vm_shares_memory);
	RUN(clone_child_without_sigchld_needs_wclone);
	RUN(clone_files_shares_descriptors);
	RUN(bad_flag_combinations);
	RUN(namespaces_need_a_right);
	RUN(unshare_gives_own_files_and_directory);
	RUN(clone3_with_pidfd_and_tids);
	RUN(child_tid_is_set_and_cleared);
	RUN(robust_mutex_reports_dead_owner);
	RUN(stop_stops_all_threads);
	return check_summary();
}
