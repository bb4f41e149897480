// SPDX-License-Identifier: MIT
/* Signals: handlers, masks, queues, frames, restart of calls, alternate stacks, faults. */
#include <fenv.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "check.h"

static volatile sig_atomic_t count, last;
static siginfo_t last_info;
static void count_handler(int s) { count++; last = s; }
static void info_handler(int s, siginfo_t *i, void *u) { (void)u; count++; last = s; last_info = *i; }

static void install(int signo, void (*fn)(int), int flags)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };
	sigaction(signo, &sa, NULL);
}

CASE(handler_runs_before_kill_returns)
{
	count = 0;
	install(SIGUSR1, count_handler, 0);
	CHECK(kill(getpid(), SIGUSR1) == 0 && count == 1);
	CHECK(raise(SIGUSR1) == 0 && count == 2);
	signal(SIGUSR1, SIG_DFL);
}

CASE(siginfo_of_kill_and_sigqueue)
{
	struct sigaction sa = { .sa_sigaction = info_handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGUSR1, &sa, NULL);
	kill(getpid(), SIGUSR1);
	CHECK(last_info.si_code == SI_USER && last_info.si_pid == getpid() && last_info.si_uid == getuid());
	sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 77 });
	CHECK(last_info.si_code == SI_QUEUE && last_info.si_value.sival_int == 77);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	CHECK(last_info.si_code == SI_TKILL);
	signal(SIGUSR1, SIG_DFL);
}

CASE(blocked_signal_waits_and_merges)
{
	sigset_t set, pending;
	count = 0;
	install(SIGUSR1, count_handler, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	CHECK(count == 0);
	CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK(count == 1);
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGUSR1));
}

static volatile int order[8], order_count;
static void order_handler(int s, siginfo_t *i, void *u) { (void)u; order[order_count++ & 7] = s * 100 + i->si_value.sival_int; }
CASE(realtime_signals_queue_in_order)
{
	struct sigaction sa = { .sa_sigaction = order_handler, .sa_flags = SA_SIGINFO };
	sigset_t set;
	sigfillset(&sa.sa_mask);
	int low = SIGRTMIN + 1, high = SIGRTMIN + 2;
	sigaction(low, &sa, NULL);
	sigaction(high, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, low);
	sigaddset(&set, high);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigqueue(getpid(), high, (union sigval){ .sival_int = 1 });
	sigqueue(getpid(), low, (union sigval){ .sival_int = 2 });
	sigqueue(getpid(), low, (union sigval){ .sival_int = 3 });
	order_count = 0;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	if (order_count != 3)
		printf("  order_count %d\n", order_count);
	CHECK(order_count == 3);
	CHECK(order[0] == low * 100 + 2 && order[1] == low * 100 + 3 && order[2] == high * 100 + 1);
}

static volatile int nested_max, nested;
static void nest_handler(int s)
{
	(void)s;
	nested++;
	if (nested > nested_max)
		nested_max = nested;
	if (nested < 3)
		raise(SIGUSR2);
	nested--;
}
CASE(handler_masks_its_own_signal_unless_nodefer)
{
	nested_max = nested = 0;
	install(SIGUSR2, nest_handler, SA_NODEFER);
	raise(SIGUSR2);
	CHECK(nested_max == 3);
	nested_max = nested = 0;
	install(SIGUSR2, nest_handler, SA_RESETHAND);
	signal(SIGUSR2, SIG_IGN);
	raise(SIGUSR2);
	CHECK(nested_max == 0);
}

CASE(resethand_resets)
{
	struct sigaction sa;
	install(SIGUSR1, count_handler, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == SIG_DFL);
}

CASE(sigaction_refuses_kill_and_stop)
{
	struct sigaction sa = { .sa_handler = count_handler };
	CHECK_ERRNO(sigaction(SIGKILL, &sa, NULL), EINVAL);
	CHECK_ERRNO(sigaction(SIGSTOP, &sa, NULL), EINVAL);
	CHECK_ERRNO(sigaction(65, &sa, NULL), EINVAL);
	CHECK_ERRNO(kill(getpid(), 65), EINVAL);
	CHECK_ERRNO(kill(1 << 20, 0), ESRCH);
}

static sigjmp_buf jump;
static volatile sig_atomic_t fault_code;
static void *volatile fault_addr;
static void fault_handler(int s, siginfo_t *i, void *u)
{
	(void)u;
	last = s;
	fault_code = i->si_code;
	fault_addr = i->si_addr;
	siglongjmp(jump, 1);
}
CASE(fault_carries_address_and_code)
{
	struct sigaction sa = { .sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &sa, NULL);
	char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!sigsetjmp(jump, 1))
		*(volatile char *)(p + 5) = 1;
	CHECK(last == SIGSEGV && fault_addr == p + 5 && fault_code == SEGV_ACCERR);
	munmap(p, 4096);
	if (!sigsetjmp(jump, 1))
		*(volatile char *)(p + 9) = 1;
	CHECK(fault_addr == p + 9 && fault_code == SEGV_MAPERR);
	signal(SIGSEGV, SIG_DFL);
	sigaction(SIGFPE, &sa, NULL);
	volatile int zero = 0, many = 100;
	if (!sigsetjmp(jump, 1))
		many = many / zero;
	CHECK(last == SIGFPE && fault_code == FPE_INTDIV);
	signal(SIGFPE, SIG_DFL);
	sigaction(SIGILL, &sa, NULL);
	if (!sigsetjmp(jump, 1))
		__asm__ volatile("ud2");
	CHECK(last == SIGILL);
	signal(SIGILL, SIG_DFL);
	sigaction(SIGTRAP, &sa, NULL);
	if (!sigsetjmp(jump, 1))
		__asm__ volatile("int3");
	CHECK(last == SIGTRAP);
	signal(SIGTRAP, SIG_DFL);
}

static void repair_handler(int s, siginfo_t *i, void *u)
{
	ucontext_t *uc = u;
	(void)s;
	(void)i;
	uc->uc_mcontext.gregs[REG_RAX] = 1234;
	uc->uc_mcontext.gregs[REG_RIP] += 2;
	sigaddset(&uc->uc_sigmask, SIGUSR2);
}
CASE(handler_can_change_the_context)
{
	struct sigaction sa = { .sa_sigaction = repair_handler, .sa_flags = SA_SIGINFO };
	sigset_t now;
	long value = 0;
	sigaction(SIGILL, &sa, NULL);
	__asm__ volatile("xor %%eax, %%eax\n\tud2" : "=a"(value));
	CHECK(value == 1234);
	sigprocmask(SIG_SETMASK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR2));
	sigemptyset(&now);
	sigprocmask(SIG_SETMASK, &now, NULL);
	signal(SIGILL, SIG_DFL);
}

static void fpu_handler(int s)
{
	(void)s;
	__asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pcmpeqb %%xmm15, %%xmm15" ::: "xmm0", "xmm7", "xmm15");
	count++;
}
CASE(vector_registers_survive_a_handler)
{
	double in = 3.25, out = 0, out15 = 0;
	long pid = getpid(), result;
	count = 0;
	install(SIGUSR1, fpu_handler, 0);
	__asm__ volatile("movsd %3, %%xmm7; movsd %3, %%xmm15; syscall; movsd %%xmm7, %1; movsd %%xmm15, %2"
			 : "=a"(result), "=m"(out), "=m"(out15)
			 : "m"(in), "a"(SYS_kill), "D"(pid), "S"(SIGUSR1)
			 : "rcx", "r11", "memory", "xmm7", "xmm15");
	CHECK(result == 0 && count == 1 && out == 3.25 && out15 == 3.25);
}

static void child_kills_parent(int signo, int delay_us)
{
	if (fork() == 0) {
		struct timespec ts = { 0, delay_us * 1000 };
		nanosleep(&ts, NULL);
		kill(getppid(), signo);
		_exit(0);
	}
}

CASE(read_is_interrupted_or_restarted)
{
	int fds[2];
	char c;
	CHECK(pipe(fds) == 0);
	install(SIGUSR1, count_handler, 0);
	child_kills_parent(SIGUSR1, 20000);
	CHECK_ERRNO(read(fds[0], &c, 1), EINTR);
	wait(NULL);
	install(SIGUSR1, count_handler, SA_RESTART);
	count = 0;
	if (fork() == 0) {
		struct timespec ts = { 0, 20000000 };
		nanosleep(&ts, NULL);
		kill(getppid(), SIGUSR1);
		nanosleep(&ts, NULL);
		_exit(write(fds[1], "y", 1) != 1);
	}
	CHECK(read(fds[0], &c, 1) == 1 && c == 'y' && count == 1);
	wait(NULL);
	close(fds[0]);
	close(fds[1]);
}

CASE(nanosleep_reports_the_rest)
{
	struct timespec ts = { 2, 0 }, rest = { 0 };
	install(SIGUSR1, count_handler, SA_RESTART);
	child_kills_parent(SIGUSR1, 20000);
	CHECK_ERRNO(nanosleep(&ts, &rest), EINTR);
	CHECK(rest.tv_sec == 1 && rest.tv_nsec > 0);
	wait(NULL);
}

CASE(nanosleep_goes_on_after_stop_and_continue)
{
	struct timespec start, end;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct timespec ts = { 0, 200000000 };
		clock_gettime(CLOCK_MONOTONIC, &start);
		int r = nanosleep(&ts, NULL);
		clock_gettime(CLOCK_MONOTONIC, &end);
		long ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
		_exit(r == 0 && ms >= 195 ? 0 : 1);
	}
	struct timespec nap = { 0, 30000000 };
	nanosleep(&nap, NULL);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

CASE(sigsuspend_swaps_the_mask)
{
	sigset_t block, empty, now;
	sigemptyset(&empty);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_SETMASK, &block, NULL);
	count = 0;
	install(SIGUSR1, count_handler, 0);
	kill(getpid(), SIGUSR1);
	CHECK(count == 0);
	CHECK_ERRNO(sigsuspend(&empty), EINTR);
	CHECK(count == 1);
	sigprocmask(SIG_SETMASK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR1));
	sigprocmask(SIG_SETMASK, &empty, NULL);
}

CASE(sigtimedwait_takes_blocked_signals)
{
	sigset_t set, old;
	siginfo_t info;
	struct timespec zero = { 0, 0 }, some = { 0, 20000000 }, invalid = { 0, -1 };
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	CHECK_ERRNO(sigtimedwait(&set, &info, &zero), EAGAIN);
	CHECK_ERRNO(sigtimedwait(&set, &info, &some), EAGAIN);
	CHECK_ERRNO(sigtimedwait(&set, &info, &invalid), EINVAL);
	sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 5 });
	CHECK(sigtimedwait(&set, &info, &zero) == SIGUSR1 && info.si_value.sival_int == 5);
	child_kills_parent(SIGUSR1, 20000);
	CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_code == SI_USER);
	wait(NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

CASE(default_actions)
{
	static const struct { int signo, dies; } table[] = {
		{ SIGHUP, 1 }, { SIGPIPE, 1 }, { SIGALRM, 1 }, { SIGUSR2, 1 }, { SIGCHLD, 0 }, { SIGURG, 0 }, { SIGWINCH, 0 },
		{ SIGCONT, 0 }, { SIGXCPU, 1 }, { SIGIO, 1 }, { SIGSYS, 1 },
	};
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int status;
		pid_t pid = fork();
		if (pid == 0) {
			signal(table[i].signo, SIG_DFL);
			raise(table[i].signo);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (table[i].dies)
			CHECK(WIFSIGNALED(status) && WTERMSIG(status) == table[i].signo);
		else
			CHECK(WIFEXITED(status));
	}
}

CASE(blocked_fault_kills)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t all;
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		signal(SIGSEGV, SIG_IGN);
		*(volatile int *)8 = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static volatile sig_atomic_t thread_id_step;
static char id_stack[65536];
static int thread_main(void *arg)
{
	*(volatile int *)arg = (int)syscall(SYS_gettid);
	while (thread_id_step == 0)
		;
	syscall(SYS_exit, 0);
	return 0;
}
static void step_handler(int s) { (void)s; thread_id_step++; }
CASE(kill_takes_the_id_of_any_thread)
{
	volatile int tid = 0;
	siginfo_t info = { .si_code = SI_QUEUE };
	install(SIGUSR1, step_handler, 0);
	thread_id_step = 0;
	if (clone(thread_main, id_stack + sizeof(id_stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			CLONE_SYSVSEM, (void *)&tid) < 0)
		CHECK(0);
	while (!tid)
		usleep(1000);
	CHECK(kill(tid, 0) == 0);
	CHECK(syscall(SYS_rt_sigqueueinfo, tid, 0, &info) == 0);
	CHECK(kill(tid, SIGUSR1) == 0);
	while (thread_id_step == 0)
		usleep(1000);
	CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, -1, SIGUSR1, &info), ESRCH);
}

CASE(fork_inherits_mask_and_clears_pending)
{
	sigset_t set, pending;
	int status;
	install(SIGUSR1, count_handler, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t mask;
		sigprocmask(SIG_BLOCK, NULL, &mask);
		sigpending(&pending);
		_exit(sigismember(&mask, SIGUSR1) && !sigismember(&pending, SIGUSR1) ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK(status == 0);
	count = 0;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK(count == 1);
}

CASE(alarm_and_itimer)
{
	struct itimerval it = { { 0, 0 }, { 0, 30000 } }, now;
	count = 0;
	install(SIGALRM, count_handler, 0);
	CHECK(setitimer(ITIMER_REAL, &it, NULL) == 0);
	CHECK(getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_usec > 0 && now.it_value.tv_usec <= 30000);
	pause();
	CHECK(count == 1);
	CHECK(alarm(100) == 0);
	CHECK(alarm(0) >= 99);
	it.it_interval.tv_usec = it.it_value.tv_usec = 10000;
	setitimer(ITIMER_REAL, &it, NULL);
	while (count < 4)
		pause();
	it = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &it, NULL);
	CHECK(count >= 4);
}

CASE(killed_while_blocked_in_read)
{
	int fds[2], status;
	char c;
	CHECK(pipe(fds) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t all;
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		_exit(read(fds[0], &c, 1) < 0);
	}
	struct timespec nap = { 0, 20000000 };
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
	close(fds[0]);
	close(fds[1]);
}

static volatile long spins;
CASE(busy_loop_gets_signals)
{
	struct itimerval it = { { 0, 0 }, { 0, 20000 } };
	count = 0;
	install(SIGALRM, count_handler, 0);
	setitimer(ITIMER_REAL, &it, NULL);
	while (!count)
		spins++;
	CHECK(count == 1);
	signal(SIGALRM, SIG_DFL);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0); /* children must not print the buffer again */
	RUN(handler_runs_before_kill_returns);
	RUN(siginfo_of_kill_and_sigqueue);
	RUN(blocked_signal_waits_and_merges);
	RUN(realtime_signals_queue_in_order);
	RUN(handler_masks_its_own_signal_unless_nodefer);
	RUN(resethand_resets);
	RUN(sigaction_refuses_kill_and_stop);
	RUN(fault_carries_address_and_code);
	RUN(handler_can_change_the_context);
	RUN(vector_registers_survive_a_handler);
	RUN(read_is_interrupted_or_restarted);
	RUN(nanosleep_reports_the_rest);
	RUN(nanosleep_goes_on_after_stop_and_continue);
	RUN(sigsuspend_swaps_the_mask);
	RUN(sigtimedwait_takes_blocked_signals);
	RUN(default_actions);
	RUN(blocked_fault_kills);
	RUN(kill_takes_the_id_of_any_thread);
	RUN(fork_inherits_mask_and_clears_pending);
	RUN(alarm_and_itimer);
	RUN(killed_while_blocked_in_read);
	RUN(busy_loop_gets_signals);
	return check_summary();
}
