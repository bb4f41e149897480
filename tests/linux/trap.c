// SPDX-License-Identifier: MIT
// Exceptions as signals, register state across switches and signals, hostile signal frames. sigaction(2), sigreturn(2).
// No case for unmasked SSE exceptions: QEMU's TCG never raises them.
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

#define ARCH_SET_GS 0x1001 /* asm/prctl.h, which musl has not */
#define ARCH_GET_GS 0x1004

static sigjmp_buf back;
static volatile int got_signal, got_code, traps;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	got_signal = signo;
	got_code = info->si_code;
	siglongjmp(back, 1);
}

static void catch(int signo)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	sigaction(signo, &action, NULL);
}

static int raised(int signo, int code, void (*fn)(void))
{
	got_signal = got_code = 0;
	catch(signo);
	if (!sigsetjmp(back, 1))
		fn();
	signal(signo, SIG_DFL);
	return got_signal == signo && got_code == code;
}

static void divide(void) { __asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" : : : "rax", "rcx", "rdx"); }
static void undefined(void) { __asm__ volatile("ud2"); }
static void privileged(void) { __asm__ volatile("cli"); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void software_interrupt(void) { __asm__ volatile("int $0x30"); }
static void null_store(void) { *(volatile int *)(uintptr_t)8 = 1; }
static void kernel_load(void) { (void)*(volatile int *)(uintptr_t)0xffff800000000000ull; }
static void non_canonical(void) { (void)*(volatile int *)(uintptr_t)0x8000000000000000ull; }
static void jump_to_data(void) { static char data[16]; ((void (*)(void))(uintptr_t)data)(); }
static void x87_divide(void)
{
	uint16_t control = 0x37b; /* zero divide not masked */
	__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}
static void on_step(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	got_code = info->si_code;
	if (++traps == 3)
		((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
}

static int single_step(void)
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	sigaction(SIGTRAP, &action, NULL);
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop; nop; nop" : : : "memory", "cc");
	signal(SIGTRAP, SIG_DFL);
	return traps == 3 && got_code == TRAP_TRACE;
}

/* The handler makes the frame that sigreturn restores unusable; the process must die by SIGSEGV, or resume. */
static int bad_field;
static void spoil(int signo, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	(void)signo, (void)info;
	switch (bad_field) {
	case 0: u->uc_mcontext.gregs[REG_RIP] = (greg_t)0x8000000000000000ull; break;
	case 1: u->uc_mcontext.gregs[REG_RIP] = (greg_t)0xffffffff80200000ull; break;
	case 2: u->uc_mcontext.gregs[REG_RIP] = 0x7ffffffff000ll; break;
	case 3: u->uc_mcontext.gregs[REG_RSP] = (greg_t)0x8000000000000000ull; break;
	}
}
static int killed_by_frame(int field)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct sigaction action = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };
		bad_field = field;
		sigaction(SIGUSR1, &action, NULL);
		raise(SIGUSR1);
		__asm__ volatile("push $0; pop %%rax" : : : "rax", "memory");
		_exit(0);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}

/* Each thread keeps its own values in vector registers, MXCSR and segment bases over many switches. */
static void *keeps_registers(void *arg)
{
	uint64_t mine = 0x0101010101010101ull * (uint64_t)(uintptr_t)arg, seen[2] = { 0, 0 }, base = 0;
	uint32_t control = 0x1f80 | ((uint32_t)(uintptr_t)arg & 3) << 13, control_seen = 0;
	syscall(SYS_arch_prctl, ARCH_SET_GS, mine & 0x7fffffffull);
	__asm__ volatile("ldmxcsr %0" : : "m"(control));
	for (int i = 0; i < 2000; i++) {
		__asm__ volatile("movq %2, %%xmm7\n\tmovddup %%xmm7, %%xmm7\n\tmov $24, %%eax\n\tsyscall\n\tmovups %%xmm7, %0\n\tstmxcsr %1"
				 : "=m"(seen), "=m"(control_seen) : "r"(mine) : "rax", "rcx", "r11", "xmm7", "memory");
		syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
		if (seen[0] != mine || seen[1] != mine || control_seen != control || base != (mine & 0x7fffffffull))
			return (void *)1;
	}
	return NULL;
}

static int registers_kept(void)
{
	pthread_t threads[6];
	int bad = 0;
	for (uintptr_t i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, keeps_registers, (void *)(i + 1));
	for (int i = 0; i < 6; i++) {
		void *result;
		pthread_join(threads[i], &result);
		bad += result != NULL;
	}
	return bad == 0;
}

CASE(divide_by_zero_is_fpe_intdiv) { CHECK(raised(SIGFPE, FPE_INTDIV, divide)); }
CASE(undefined_instruction_is_ill_illopn) { CHECK(raised(SIGILL, ILL_ILLOPN, undefined)); }
CASE(privileged_instruction_is_segv_kernel) { CHECK(raised(SIGSEGV, SI_KERNEL, privileged)); }
CASE(int3_is_trap_kernel) { CHECK(raised(SIGTRAP, SI_KERNEL, breakpoint)); }
CASE(int_n_is_segv_kernel) { CHECK(raised(SIGSEGV, SI_KERNEL, software_interrupt)); }
CASE(null_store_is_segv_maperr) { CHECK(raised(SIGSEGV, SEGV_MAPERR, null_store)); }
CASE(kernel_load_is_segv_maperr) { CHECK(raised(SIGSEGV, SEGV_MAPERR, kernel_load)); }
CASE(non_canonical_load_is_segv_kernel) { CHECK(raised(SIGSEGV, SI_KERNEL, non_canonical)); }
CASE(jump_to_data_is_segv_accerr) { CHECK(raised(SIGSEGV, SEGV_ACCERR, jump_to_data)); }
CASE(x87_divide_is_fltdiv) { CHECK(raised(SIGFPE, FPE_FLTDIV, x87_divide)); }
CASE(single_step_traps) { CHECK(single_step()); }
CASE(spoiled_frame_kills_only_the_process) { CHECK(killed_by_frame(0) && killed_by_frame(1) && killed_by_frame(2) && killed_by_frame(3)); }
#define ARCH_GET_CPUID 0x1011
#define ARCH_SET_CPUID 0x1012
CASE(cpuid_stays_usable)
{
	CHECK(syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0) == 1);
	if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1)) /* a CPU that can fault on it takes this, too */
		CHECK(errno == ENODEV);
}
CASE(threads_keep_registers) { CHECK(registers_kept()); }

int main(void)
{
	RUN(cpuid_stays_usable);
	RUN(divide_by_zero_is_fpe_intdiv);
	RUN(undefined_instruction_is_ill_illopn);
	RUN(privileged_instruction_is_segv_kernel);
	RUN(int3_is_trap_kernel);
	RUN(int_n_is_segv_kernel);
	RUN(null_store_is_segv_maperr);
	RUN(kernel_load_is_segv_maperr);
	RUN(non_canonical_load_is_segv_kernel);
	RUN(jump_to_data_is_segv_accerr);
	RUN(x87_divide_is_fltdiv);
	__asm__ volatile("fninit");
	RUN(single_step_traps);
	RUN(spoiled_frame_kills_only_the_process);
	RUN(threads_keep_registers);
	return check_summary();
}
