// SPDX-License-Identifier: MIT
/* futex(2): wait, wake, bitsets, requeue, wake-op, timeouts, shared words, PI locks. */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

static long futex(void *word, int op, unsigned val, const void *timeout, void *word2, unsigned val3)
{
	return syscall(SYS_futex, word, op, val, timeout, word2, val3);
}

CASE(wait_on_other_value_is_eagain)
{
	unsigned word = 1;
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex((char *)&word + 1, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex((void *)16, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, NULL, NULL, 0), EINVAL);
	CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0);
}

static long ms_since(const struct timespec *start)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

CASE(wait_times_out)
{
	unsigned word = 1;
	struct timespec t = { 0, 30000000 }, start, bad = { 0, 2000000000 };
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 1, &t, NULL, 0), ETIMEDOUT);
	CHECK(ms_since(&start) >= 29);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 1, &bad, NULL, 0), EINVAL);
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 20000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 1, &t, NULL, ~0u), ETIMEDOUT);
	CHECK(ms_since(&start) >= 18 && ms_since(&start) < 2000);
	t = start;
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &t, NULL, ~0u), ETIMEDOUT);
}

static _Atomic unsigned word, word2;
static _Atomic int woken, waiting;
struct wait_arg { unsigned bitset; _Atomic unsigned *word; int op; };
static void *waiter(void *arg)
{
	struct wait_arg *a = arg;
	atomic_fetch_add(&waiting, 1);
	while (futex(a->word, a->op, 0, NULL, NULL, a->bitset) != 0)
		if (errno != EINTR)
			return NULL;
	atomic_fetch_add(&woken, 1);
	return NULL;
}

static void start_waiters(pthread_t *t, struct wait_arg *args, int n)
{
	waiting = woken = 0;
	for (int i = 0; i < n; i++)
		pthread_create(&t[i], NULL, waiter, &args[i]);
	while (waiting < n)
		usleep(1000);
	usleep(30000); /* they are asleep now */
}

static void expect_woken(int n)
{
	for (int i = 0; i < 1000 && woken < n; i++)
		usleep(1000);
	usleep(5000);
	CHECK(woken == n);
}

CASE(wake_counts)
{
	pthread_t t[4];
	struct wait_arg a = { ~0u, &word, FUTEX_WAIT_BITSET_PRIVATE }, args[4] = { a, a, a, a };
	start_waiters(t, args, 4);
	CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
	expect_woken(1);
	CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0) == 3);
	expect_woken(4);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

CASE(bitsets_select)
{
	pthread_t t[2];
	struct wait_arg args[2] = { { 1, &word, FUTEX_WAIT_BITSET_PRIVATE }, { 2, &word, FUTEX_WAIT_BITSET_PRIVATE } };
	start_waiters(t, args, 2);
	CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 4) == 0);
	CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 2) == 1);
	CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 1) == 1);
	expect_woken(2);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
}

CASE(requeue_moves_waiters)
{
	pthread_t t[4];
	struct wait_arg a = { ~0u, &word, FUTEX_WAIT_BITSET_PRIVATE }, args[4] = { a, a, a, a };
	start_waiters(t, args, 4);
	CHECK_ERRNO(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &word2, 77), EAGAIN);
	CHECK(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &word2, 0) == 3);
	expect_woken(1);
	CHECK(futex(&word2, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0) == 2);
	expect_woken(3);
	CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0) == 1);
	expect_woken(4);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

CASE(wake_op_changes_and_wakes)
{
	pthread_t t[2];
	struct wait_arg args[2] = { { ~0u, &word, FUTEX_WAIT_BITSET_PRIVATE }, { ~0u, &word2, FUTEX_WAIT_BITSET_PRIVATE } };
	start_waiters(t, args, 2);
	word2 = 5;
	CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word2, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)) == 2);
	CHECK(word2 == 8);
	CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word2, FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_GT, 100)) == 0);
	CHECK(word2 == 0);
	expect_woken(2);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
}

CASE(shared_word_between_processes)
{
	_Atomic unsigned *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		while (*w == 0)
			futex(w, FUTEX_WAIT, 0, NULL, NULL, 0);
		_exit(3);
	}
	usleep(20000);
	*w = 1;
	futex(w, FUTEX_WAKE, 1, NULL, NULL, 0);
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
	munmap((void *)w, 4096);
}

static void nothing(int s) { (void)s; }
CASE(signal_interrupts_wait)
{
	unsigned w = 0;
	struct sigaction sa = { .sa_handler = nothing };
	struct itimerval it = { { 0, 0 }, { 0, 20000 } };
	struct timespec t = { 5, 0 };
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	CHECK_ERRNO(futex(&w, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0), EINTR);
}

static pthread_mutex_t pi;
static long guarded;
static void *pi_worker(void *arg)
{
	(void)arg;
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&pi);
		guarded++;
		pthread_mutex_unlock(&pi);
	}
	return NULL;
}
CASE(pi_mutex_excludes)
{
	pthread_mutexattr_t attr;
	pthread_t t[4];
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	CHECK(pthread_mutex_init(&pi, &attr) == 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, pi_worker, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK(guarded == 2000);
	unsigned w = (unsigned)syscall(SYS_gettid);
	CHECK_ERRNO(futex(&w, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
	CHECK(futex(&w, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0 && w == 0);
	CHECK_ERRNO(futex(&w, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EPERM);
	CHECK(futex(&w, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
}

/* An owner that unlocks and ends while another looks for it is no missing owner: the C library would wait for ever on ESRCH. */
static void *pi_once(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
	return NULL;
}
CASE(pi_owner_may_end_after_unlock)
{
	for (int round = 0; round < 200; round++) {
		pthread_t t[4];
		for (int i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, pi_once, &pi);
		for (int i = 0; i < 4; i++)
			CHECK(pthread_join(t[i], NULL) == 0);
	}
}

static _Atomic unsigned ping, pong;
static void *ponger(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 2000; i++) {
		while (ping == i)
			futex(&ping, FUTEX_WAIT_PRIVATE, i, NULL, NULL, 0);
		pong++;
		futex(&pong, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return NULL;
}
static _Atomic unsigned rank_word;
static _Atomic int woken_order[4], woken_count;
static void *wait_at_priority(void *arg)
{
	struct sched_param p = { .sched_priority = (int)(intptr_t)arg };
	if (p.sched_priority && syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p))
		return (void *)1;
	if (futex((void *)&rank_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0))
		return (void *)1;
	woken_order[woken_count++] = p.sched_priority;
	return NULL;
}
CASE(the_higher_priority_wakes_first)
{
	static const int arrival[4] = { 0, 5, 20, 5 }, leave[4] = { 20, 5, 5, 0 };
	pthread_t t[4];
	void *failed;
	if (geteuid())
		return;
	for (int i = 0; i < 4; i++) {
		CHECK(!pthread_create(&t[i], NULL, wait_at_priority, (void *)(intptr_t)arrival[i]));
		usleep(20000);
	}
	for (int i = 0; i < 4; i++) {
		CHECK(futex((void *)&rank_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
		for (int spin = 0; woken_count == i && spin < 1000; spin++)
			usleep(1000);
		CHECK(woken_order[i] == leave[i]);
	}
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(t[i], &failed) && !failed);
}

CASE(no_wake_is_lost)
{
	pthread_t t;
	pthread_create(&t, NULL, ponger, NULL);
	for (unsigned i = 0; i < 2000; i++) {
		ping++;
		futex(&ping, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		while (pong == i)
			futex(&pong, FUTEX_WAIT_PRIVATE, i, NULL, NULL, 0);
	}
	pthread_join(t, NULL);
	CHECK(ping == 2000 && pong == 2000);
}

CASE(a_shared_word_must_be_there)
{
	unsigned word = 0;
	FILE *f = tmpfile();
	CHECK(f && ftruncate(fileno(f), 4096) == 0);
	void *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *cut = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
	CHECK(syscall(SYS_futex, cut, FUTEX_WAKE, 1, NULL, NULL, 0) == 0);
	CHECK(ftruncate(fileno(f), 0) == 0);
	CHECK_ERRNO(syscall(SYS_futex, none, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_futex, cut, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, none, 0), EFAULT);
	CHECK(syscall(SYS_futex, none, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0) == 0);
	munmap(none, 4096);
	munmap(cut, 4096);
	fclose(f);
}

/* futex_waitv(2) */
struct waitv_word { uint64_t value, address; uint32_t flags, reserved; };
static uint32_t waitv_words[3];
static long waitv(struct waitv_word *words, unsigned count, unsigned flags, const struct timespec *until, int clock)
{
	return syscall(449, words, count, flags, until, clock);
}
static void *wakes_the_last(void *unused)
{
	while (!syscall(SYS_futex, &waitv_words[2], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0))
		usleep(1000);
	return NULL;
}

CASE(one_wait_for_several_words)
{
	struct waitv_word w[3];
	struct timespec until;
	pthread_t t;
	for (int i = 0; i < 3; i++)
		w[i] = (struct waitv_word){ 0, (uintptr_t)&waitv_words[i], 2 | FUTEX_PRIVATE_FLAG, 0 };
	CHECK(pthread_create(&t, NULL, wakes_the_last, NULL) == 0);
	CHECK(waitv(w, 3, 0, NULL, 0) == 2);
	pthread_join(t, NULL);
	clock_gettime(CLOCK_MONOTONIC, &until);
	CHECK_ERRNO(waitv(w, 3, 0, &until, CLOCK_MONOTONIC), ETIMEDOUT);
	CHECK_ERRNO(waitv(w, 3, 0, &until, CLOCK_REALTIME), ETIMEDOUT);
	CHECK_ERRNO(waitv(w, 3, 0, &until, CLOCK_BOOTTIME), EINVAL);
	w[1].value = 1;
	CHECK_ERRNO(waitv(w, 3, 0, NULL, 0), EAGAIN);
	CHECK(syscall(SYS_futex, &waitv_words[0], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0); /* none is left behind */
	w[1].address = 16;
	CHECK_ERRNO(waitv(w, 3, 0, NULL, 0), EFAULT);
	w[1].flags = 0;
	CHECK_ERRNO(waitv(w, 3, 0, NULL, 0), EINVAL);
	CHECK_ERRNO(waitv(w, 0, 0, NULL, 0), EINVAL);
	CHECK_ERRNO(waitv(w, 129, 0, NULL, 0), EINVAL);
	CHECK_ERRNO(waitv(w, 1, 1, NULL, 0), EINVAL);
	CHECK_ERRNO(waitv((void *)8, 1, 0, NULL, 0), EFAULT);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0); /* children must not print the buffer again */
	RUN(wait_on_other_value_is_eagain);
	RUN(wait_times_out);
	RUN(wake_counts);
	RUN(bitsets_select);
	RUN(requeue_moves_waiters);
	RUN(wake_op_changes_and_wakes);
	RUN(shared_word_between_processes);
	RUN(a_shared_word_must_be_there);
	RUN(one_wait_for_several_words);
	RUN(signal_interrupts_wait);
	RUN(pi_mutex_excludes);
	RUN(pi_owner_may_end_after_unlock);
	RUN(the_higher_priority_wakes_first);
	RUN(no_wake_is_lost);
	return check_summary();
}
