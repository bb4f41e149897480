// SPDX-License-Identifier: MIT
/* Where a signal's frame goes and comes back from: alternate stacks, stacks that cannot take it, pages that fault while
 * it is written. sigaltstack(2), sigreturn(2). */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

static volatile sig_atomic_t count;
static void count_handler(int s) { (void)s; count++; }

static void install(int signo, void (*fn)(int), int flags)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };
	sigaction(signo, &sa, NULL);
}

static char altstack[65536];
static volatile int on_altstack;
static void stack_handler(int s)
{
	char here;
	stack_t now;
	(void)s;
	sigaltstack(NULL, &now);
	on_altstack = &here >= altstack && &here < altstack + sizeof(altstack) && (now.ss_flags & SS_ONSTACK);
	CHECK_ERRNO(syscall(SYS_sigaltstack, &now, NULL), EPERM); /* musl refuses the flag itself */
}
CASE(alternate_stack_is_used)
{
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) }, old;
	CHECK(sigaltstack(&ss, &old) == 0 && (old.ss_flags & SS_DISABLE));
	install(SIGUSR1, stack_handler, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK(on_altstack);
	ss.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&ss, &old) == 0 && old.ss_sp == altstack);
	ss.ss_flags = 0;
	ss.ss_size = 100;
	CHECK_ERRNO(sigaltstack(&ss, NULL), ENOMEM);
}

CASE(bad_sigreturn_is_fatal)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		__asm__ volatile("mov $16, %%rsp; mov $15, %%eax; syscall" ::: "memory");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

CASE(handler_on_bad_stack_is_fatal)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		long me = getpid();
		install(SIGUSR1, count_handler, 0);
		__asm__ volatile("mov $4096, %%rsp; syscall" : : "a"(SYS_kill), "D"(me), "S"(SIGUSR1) : "rcx", "r11", "memory");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void exit_handler(int s) { _exit(s == SIGSEGV ? 7 : 8); }
CASE(segv_handler_hears_of_a_bad_alternate_stack)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		stack_t ss = { .ss_sp = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = 65536 };
		sigaltstack(&ss, NULL);
		install(SIGUSR1, exit_handler, SA_ONSTACK);
		install(SIGSEGV, exit_handler, 0);
		raise(SIGUSR1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

#define FLAPS 20000 /* of which some hundreds hit: without care one of the first 10,000 loses registers */
static char *flapping;
static volatile int flap;
static int flap_main(void *arg)
{
	(void)arg;
	while (flap) {
		mprotect(flapping, 65536, PROT_READ);
		mprotect(flapping, 65536, PROT_READ | PROT_WRITE);
	}
	syscall(SYS_exit, 0);
	return 0;
}
/* The frame is pushed onto pages whose protection changes: the push sleeps in the middle or fails, and no register is lost. */
CASE(vector_registers_survive_faults_of_the_frame)
{
	static char stack[65536];
	unsigned char before[64], after[64];
	int bad = 0;
	flapping = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ss = { .ss_sp = flapping, .ss_size = 65536 }, off = { .ss_flags = SS_DISABLE };
	sigaltstack(&ss, NULL);
	install(SIGUSR2, count_handler, SA_ONSTACK);
	install(SIGSEGV, count_handler, 0);
	for (size_t i = 0; i < sizeof(before); i++)
		before[i] = (unsigned char)(i * 3 + 1);
	flap = 1;
	CHECK(clone(flap_main, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			CLONE_SYSVSEM, NULL) > 0);
	for (int i = 0; i < FLAPS && !bad; i++) {
		long r = SYS_tkill;
		__asm__ volatile("movdqu (%1), %%xmm0; movdqu 16(%1), %%xmm1; movdqu 32(%1), %%xmm7; movdqu 48(%1), %%xmm15\n\t"
				 "syscall\n\t"
				 "movdqu %%xmm0, (%2); movdqu %%xmm1, 16(%2); movdqu %%xmm7, 32(%2); movdqu %%xmm15, 48(%2)"
				 : "+a"(r) : "r"(before), "r"(after), "D"(getpid()), "S"(SIGUSR2)
				 : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm7", "xmm15");
		bad = memcmp(before, after, sizeof(before)) != 0;
	}
	CHECK(!bad);
	flap = 0;
	usleep(10000);
	sigaltstack(&off, NULL);
	signal(SIGSEGV, SIG_DFL);
}

int main(void)
{
	RUN(alternate_stack_is_used);
	RUN(bad_sigreturn_is_fatal);
	RUN(handler_on_bad_stack_is_fatal);
	RUN(segv_handler_hears_of_a_bad_alternate_stack);
	RUN(vector_registers_survive_faults_of_the_frame);
	return check_summary();
}
