// SPDX-License-Identifier: MIT
/* Limits that count what all processes of one real user id hold together: RLIMIT_NPROC, RLIMIT_SIGPENDING
 * (getrlimit(2), sigqueue(3)). Starts as root: the users here are nobody else's. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define USER_A 54321
#define USER_B 54322
#define LIMIT 5

/* Runs fn as that user with the limit; its result, or 100 and more when it could not. */
static int as_user(unsigned uid, int resource, int (*fn)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit r = { LIMIT, LIMIT };
		if (setrlimit(resource, &r) || setresuid(uid, uid, uid))
			_exit(100);
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

/* How many children can be made; unreaped ones stay. -1: refused with another error than EAGAIN. */
static int fork_up_to_limit(pid_t *pids, int lives)
{
	for (int n = 0; n < LIMIT + 2; n++) {
		pids[n] = fork();
		if (pids[n] == 0) {
			if (lives)
				pause();
			_exit(0);
		}
		if (pids[n] < 0)
			return errno == EAGAIN ? n : -1;
	}
	return LIMIT + 2;
}

static void end_children(const pid_t *pids, int count)
{
	for (int i = 0; i < count; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

static int fill_processes(void)
{
	pid_t pids[LIMIT + 2];
	int first = fork_up_to_limit(pids, 1);
	end_children(pids, first);
	int second = fork_up_to_limit(pids, 1);
	end_children(pids, second);
	return first == second ? first : 50;
}
CASE(processes_are_limited_by_user) { CHECK(as_user(USER_A, RLIMIT_NPROC, fill_processes) == LIMIT - 1); }

static int zombies_only(void)
{
	pid_t pids[LIMIT + 2];
	int count = fork_up_to_limit(pids, 0);
	end_children(pids, count);
	for (int round = 0; round < 30; round++) { /* a child counts once at every moment of its exit */
		int next = fork_up_to_limit(pids, 0);
		end_children(pids, next);
		if (next != count)
			return 60;
	}
	pid_t again = fork();
	if (again == 0)
		_exit(0);
	waitpid(again, NULL, 0);
	return again > 0 ? count : 50;
}
CASE(unreaped_children_count) { CHECK(as_user(USER_A, RLIMIT_NPROC, zombies_only) == LIMIT - 1); }

static int other_user_in_the_same_tree(void)
{
	pid_t pids[LIMIT + 2];
	int count = fork_up_to_limit(pids, 1), grown = fork() < 0;
	end_children(pids, count);
	return grown ? count : 50;
}
CASE(another_user_has_a_count_of_its_own)
{
	pid_t sleeper = fork();
	if (sleeper == 0) {
		if (setresuid(USER_A, USER_A, USER_A))
			_exit(1);
		for (;;)
			pause();
	}
	usleep(50000);
	CHECK(as_user(USER_B, RLIMIT_NPROC, other_user_in_the_same_tree) == LIMIT - 1);
	CHECK(as_user(USER_A, RLIMIT_NPROC, other_user_in_the_same_tree) == LIMIT - 2);
	kill(sleeper, SIGKILL);
	waitpid(sleeper, NULL, 0);
}

/* Two threads fork at the same time: together they get no more than one alone. */
static pid_t racing[2][LIMIT + 2];
static int raced[2];
static void *fork_racing(void *which)
{
	int i = which != NULL;
	raced[i] = fork_up_to_limit(racing[i], 1);
	return NULL;
}
static int fork_from_two_threads(void)
{
	for (int round = 0; round < 50; round++) {
		pthread_t t;
		if (pthread_create(&t, NULL, fork_racing, racing))
			return 50;
		fork_racing(NULL);
		pthread_join(t, NULL);
		end_children(racing[0], raced[0]);
		end_children(racing[1], raced[1]);
		int together = raced[0] + raced[1]; /* the second thread counts, unless it ended before our last fork */
		if (together < LIMIT - 2 || together > LIMIT - 1)
			return 60 + together;
	}
	return 0;
}
CASE(a_race_does_not_pass_the_limit) { CHECK(as_user(USER_A, RLIMIT_NPROC, fork_from_two_threads) == 0); }

/* Real-time signals that stay queued, up to the limit; -1: refused with another error than EAGAIN. */
static int queue_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int n = 0; n < LIMIT + 2; n++)
		if (sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = n }))
			return errno == EAGAIN ? n : -1;
	return LIMIT + 2;
}
CASE(queued_signals_are_limited) { CHECK(as_user(USER_A, RLIMIT_SIGPENDING, queue_signals) == LIMIT); }

CASE(queued_signals_count_by_user)
{
	int ready[2], status;
	CHECK(pipe(ready) == 0);
	pid_t holder = fork();
	if (holder == 0) {
		struct rlimit r = { LIMIT, LIMIT };
		int ok = !setrlimit(RLIMIT_SIGPENDING, &r) && !setresuid(USER_A, USER_A, USER_A) && queue_signals() == LIMIT;
		if (write(ready[1], &ok, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	char ok = 0;
	CHECK(read(ready[0], &ok, 1) == 1 && ok == 1);
	CHECK(as_user(USER_A, RLIMIT_SIGPENDING, queue_signals) == 0);
	CHECK(as_user(USER_B, RLIMIT_SIGPENDING, queue_signals) == LIMIT);
	kill(holder, SIGKILL);
	CHECK(waitpid(holder, &status, 0) == holder);
	CHECK(as_user(USER_A, RLIMIT_SIGPENDING, queue_signals) == LIMIT); /* what was queued went with its process */
	close(ready[0]);
	close(ready[1]);
}

static int plain_signals_always_arrive(void)
{
	sigset_t set;
	int taken;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (queue_signals() != LIMIT)
		return 1;
	kill(getpid(), SIGUSR1);
	return sigwait(&set, &taken) || taken != SIGUSR1 ? 2 : 0;
}
CASE(a_plain_signal_needs_no_room) { CHECK(as_user(USER_A, RLIMIT_SIGPENDING, plain_signals_always_arrive) == 0); }

int main(void)
{
	if (getuid()) {
		puts("ok user_limits_needs_root");
		return 0;
	}
	RUN(processes_are_limited_by_user);
	RUN(unreaped_children_count);
	RUN(another_user_has_a_count_of_its_own);
	RUN(a_race_does_not_pass_the_limit);
	RUN(queued_signals_are_limited);
	RUN(queued_signals_count_by_user);
	RUN(a_plain_signal_needs_no_room);
	return check_summary();
}
