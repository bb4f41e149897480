// SPDX-License-Identifier: MIT
/* Memory calls: mmap, munmap, mprotect, brk, mremap, madvise, mincore, msync, mlock, fork copies, stack growth. */
#include "check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#ifndef MADV_FREE
#define MADV_FREE 8
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static sigjmp_buf fault_jump;
static volatile int fault_signal, fault_code, fault_expected;
static void *volatile fault_address;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!fault_expected)
		_exit(98);
	fault_expected = 0;
	fault_signal = sig;
	fault_code = info->si_code;
	fault_address = info->si_addr;
	siglongjmp(fault_jump, 1);
}

static void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	fault_signal = 0;
	fault_expected = 1;
}

static int reads(volatile char *p)
{
	catch_faults();
	if (sigsetjmp(fault_jump, 1))
		return 0;
	(void)*p;
	return 1;
}

static int writes(volatile char *p, char c)
{
	catch_faults();
	if (sigsetjmp(fault_jump, 1))
		return 0;
	*p = c;
	return 1;
}

static char *map_pages(size_t n)
{
	char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static int child_status(pid_t pid)
{
	int status = -1;
	waitpid(pid, &status, 0);
	return status;
}

CASE(anonymous_memory_reads_zero_and_keeps_stores)
{
	char *p = map_pages(16);
	int sum = 0;
	CHECK(p != NULL);
	for (size_t i = 0; i < 16 * PAGE; i += 64)
		sum |= p[i];
	CHECK(sum == 0);
	memset(p, 7, 16 * PAGE);
	CHECK(p[0] == 7 && p[16 * PAGE - 1] == 7);
	CHECK(munmap(p, 16 * PAGE) == 0);
	CHECK(!reads(p) && fault_signal == SIGSEGV && fault_code == SEGV_MAPERR && fault_address == p);
}

CASE(mmap_argument_errors)
{
	CHECK_ERRNO(syscall(SYS_mmap, 0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 123), EINVAL);
	CHECK_ERRNO(syscall(SYS_mmap, 0x10001, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_mmap, 0, 1ul << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK_ERRNO(syscall(SYS_mmap, 0, -1ul, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK_ERRNO(syscall(SYS_mmap, 0x7ffffffff000ul, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		    ENOMEM);
}

CASE(munmap_argument_errors)
{
	CHECK_ERRNO(munmap((void *)1, PAGE), EINVAL);
	CHECK_ERRNO(munmap((void *)PAGE, 0), EINVAL);
	CHECK_ERRNO(munmap((void *)0x7ffffffff000ul, 2 * PAGE), EINVAL);
	CHECK(munmap((void *)0x10000000, PAGE) == 0);
}

static int map_when_all_below_the_stack_is_taken(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end, last = 65536;
	char line[512];
	while (maps && fgets(line, sizeof(line), maps) && sscanf(line, "%lx-%lx", &start, &end) == 2 && !strstr(line, "[stack]")) {
		const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
		if (start > last && mmap((void *)last, start - last, PROT_NONE, flags, -1, 0) == MAP_FAILED)
			return 1;
		last = end > last ? end : last;
	}
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 2;
	*p = 1;
	return 0;
}
CASE(a_full_space_has_room_beside_the_stack)
{
	int status;
	pid_t child = fork();
	if (!child)
		_exit(map_when_all_below_the_stack_is_taken());
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

CASE(fixed_replaces_and_noreplace_refuses)
{
	char *p = map_pages(4);
	memset(p, 1, 4 * PAGE);
	CHECK(mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + PAGE);
	CHECK(p[0] == 1 && p[PAGE] == 0 && p[2 * PAGE] == 1);
	CHECK_ERRNO(syscall(SYS_mmap, p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK(munmap(p, 4 * PAGE) == 0);
	CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == p);
	munmap(p, PAGE);
}

CASE(hint_is_used_when_free)
{
	char *p = map_pages(8);
	munmap(p + 2 * PAGE, PAGE);
	CHECK(mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == p + 2 * PAGE);
	char *q = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(q != MAP_FAILED && q != p);
	munmap(q, PAGE);
	munmap(p, 8 * PAGE);
}

CASE(map_32bit_is_low)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	CHECK(p != MAP_FAILED && (uintptr_t)p < 0x80000000ul);
	p[0] = 1;
	munmap(p, PAGE);
}

CASE(unmap_in_the_middle_keeps_the_rest)
{
	char *p = map_pages(9);
	for (int i = 0; i < 9; i++)
		p[i * PAGE] = (char)i;
	CHECK(munmap(p + 3 * PAGE, 3 * PAGE) == 0);
	for (int i = 0; i < 9; i++)
		CHECK(i >= 3 && i < 6 ? !reads(p + i * PAGE) : p[i * PAGE] == i);
	munmap(p, 9 * PAGE);
}

CASE(protect_takes_and_gives_rights)
{
	char *p = map_pages(3);
	memset(p, 5, 3 * PAGE);
	CHECK(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
	CHECK(!writes(p + PAGE, 1) && fault_signal == SIGSEGV && fault_code == SEGV_ACCERR);
	CHECK(reads(p + PAGE) && p[PAGE] == 5);
	CHECK(writes(p, 6) && writes(p + 2 * PAGE, 6));
	CHECK(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
	CHECK(!reads(p + PAGE));
	CHECK(mprotect(p, 3 * PAGE, PROT_READ | PROT_WRITE) == 0);
	CHECK(writes(p + PAGE, 9) && p[PAGE] == 9 && p[PAGE + 1] == 5);
	munmap(p, 3 * PAGE);
}

CASE(protect_argument_errors)
{
	char *p = map_pages(3);
	CHECK_ERRNO(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL);
	CHECK(mprotect(p, 0, PROT_READ) == 0);
	CHECK_ERRNO(mprotect(p, PAGE, 0x100), EINVAL);
	munmap(p + PAGE, PAGE);
	CHECK_ERRNO(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	CHECK(!writes(p, 1));
	munmap(p, 3 * PAGE);
}

CASE(execute_needs_permission)
{
	unsigned char *p = (unsigned char *)map_pages(1);
	p[0] = 0xb8; p[1] = 42; p[2] = p[3] = p[4] = 0; p[5] = 0xc3; /* mov $42, %eax; ret */
	int (*fn)(void) = (int (*)(void))p;
	catch_faults();
	volatile int ran = 0;
	if (!sigsetjmp(fault_jump, 1)) {
		fn();
		ran = 1;
	}
	CHECK(!ran && fault_signal == SIGSEGV && fault_code == SEGV_ACCERR);
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK(fn() == 42);
	munmap(p, PAGE);
}

static char *kernel_brk(char *end) { return (char *)syscall(SYS_brk, end); }

CASE(brk_grows_and_shrinks)
{
	char *start = kernel_brk(NULL);
	CHECK(kernel_brk(start + 10 * PAGE) == start + 10 * PAGE);
	CHECK(start[10 * PAGE - 1] == 0 && writes(start + 5 * PAGE, 3));
	CHECK(kernel_brk(start) == start);
	CHECK(kernel_brk(start + 10 * PAGE) == start + 10 * PAGE);
	CHECK(start[5 * PAGE] == 0);
	CHECK(kernel_brk((char *)1) == start + 10 * PAGE);
	CHECK(kernel_brk(start) == start && kernel_brk(NULL) == start);
}

CASE(remap_grows_moves_and_shrinks)
{
	char *p = map_pages(4);
	for (int i = 0; i < 4; i++)
		p[i * PAGE] = (char)(i + 1);
	CHECK(mremap(p, 4 * PAGE, 2 * PAGE, 0) == p);
	CHECK(!reads(p + 2 * PAGE) && p[PAGE] == 2);
	char *block = mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(block == p + 2 * PAGE);
	CHECK(mremap(p, 2 * PAGE, 64 * PAGE, 0) == MAP_FAILED && errno == ENOMEM);
	char *q = mremap(p, 2 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p);
	CHECK(q[0] == 1 && q[PAGE] == 2 && q[2 * PAGE] == 0 && writes(q + 599 * PAGE, 1));
	CHECK(!reads(p));
	char *target = map_pages(4);
	CHECK(mremap(q, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
	CHECK(target[0] == 1 && target[PAGE] == 2 && target[3 * PAGE] == 0);
	CHECK(!reads(q) && reads(q + 2 * PAGE));
	munmap(q, 600 * PAGE);
	munmap(target, 4 * PAGE);
	munmap(block, PAGE);
}

CASE(remap_can_keep_the_old_range)
{
	char *p = map_pages(2), *s = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p[0] = 1;
	char *q = (char *)syscall(SYS_mremap, p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(q != MAP_FAILED && q != p && q[0] == 1 && p[0] == 0);
	CHECK_ERRNO(syscall(SYS_mremap, p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_mremap, p, PAGE, PAGE, MREMAP_DONTUNMAP, NULL), EINVAL);
	CHECK_ERRNO(mremap(p, 0, PAGE, MREMAP_MAYMOVE), EINVAL);
	s[PAGE] = 5;
	char *twice = mremap(s, 0, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(twice != MAP_FAILED && twice != s && twice[PAGE] == 5);
	twice[0] = 6;
	CHECK(s[0] == 6);
	munmap(p, 2 * PAGE);
	munmap(q, 2 * PAGE);
	munmap(s, 2 * PAGE);
	munmap(twice, 2 * PAGE);
}

CASE(rlimit_data_is_enforced)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit r = { 8 << 20, 8 << 20 };
		if (setrlimit(RLIMIT_DATA, &r))
			_exit(2);
		void *p = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		void *q = mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p != MAP_FAILED || errno != ENOMEM || q == MAP_FAILED)
			_exit(3);
		_exit(mprotect(q, 16 << 20, PROT_READ | PROT_WRITE) == -1 && errno == ENOMEM ? 0 : 4);
	}
	CHECK(child_status(pid) == 0);
}

CASE(remap_argument_errors)
{
	char *p = map_pages(2);
	CHECK_ERRNO(mremap(p + 1, PAGE, PAGE, 0), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, 0, 0), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, PAGE, 64), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, PAGE, MREMAP_FIXED, p + PAGE), EINVAL);
	CHECK_ERRNO(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE), EINVAL);
	munmap(p, 2 * PAGE);
	CHECK_ERRNO(mremap(p, PAGE, 2 * PAGE, 0), EFAULT);
}

CASE(dontneed_and_free_zero_anonymous_memory)
{
	char *p = map_pages(4);
	memset(p, 3, 4 * PAGE);
	CHECK(madvise(p + PAGE, PAGE, MADV_DONTNEED) == 0);
	CHECK(p[0] == 3 && p[PAGE] == 0 && p[2 * PAGE] == 3);
	CHECK(madvise(p, 4 * PAGE, MADV_FREE) == 0);
	p[0] = 9;
	CHECK(p[0] == 9);
	CHECK_ERRNO(madvise(p, PAGE, 12345), EINVAL);
	CHECK_ERRNO(madvise(p + 1, PAGE, MADV_NORMAL), EINVAL);
	munmap(p + PAGE, PAGE);
	CHECK_ERRNO(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
	munmap(p, 4 * PAGE);
}

CASE(mincore_tells_touched_pages)
{
	unsigned char vec[4] = { 9, 9, 9, 9 };
	char *p = map_pages(4);
	p[2 * PAGE] = 1;
	CHECK(mincore(p, 4 * PAGE, vec) == 0);
	CHECK(!(vec[0] & 1) && !(vec[1] & 1) && (vec[2] & 1) && !(vec[3] & 1));
	CHECK_ERRNO(mincore(p + 1, PAGE, vec), EINVAL);
	CHECK_ERRNO(mincore(p, PAGE, (unsigned char *)1), EFAULT);
	munmap(p, 4 * PAGE);
	CHECK_ERRNO(mincore(p, PAGE, vec), ENOMEM);
}

CASE(msync_checks_arguments)
{
	char *p = map_pages(2);
	CHECK(msync(p, 2 * PAGE, MS_SYNC) == 0);
	CHECK_ERRNO(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERRNO(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_ERRNO(msync(p, PAGE, 64), EINVAL);
	munmap(p + PAGE, PAGE);
	CHECK_ERRNO(msync(p, 2 * PAGE, MS_SYNC), ENOMEM);
	munmap(p, PAGE);
}

CASE(populate_makes_pages_resident)
{
	unsigned char vec[4] = { 0 };
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	CHECK(p != MAP_FAILED && mincore(p, 4 * PAGE, vec) == 0);
	CHECK((vec[0] & vec[1] & vec[2] & vec[3] & 1) == 1);
	munmap(p, 4 * PAGE);
}

CASE(fork_copies_private_memory)
{
	char *p = map_pages(3);
	p[0] = 1;
	p[PAGE] = 2;
	pid_t pid = fork();
	if (pid == 0) {
		int ok = p[0] == 1 && p[PAGE] == 2 && p[2 * PAGE] == 0;
		p[0] = 10;
		p[2 * PAGE] = 30;
		_exit(ok && p[0] == 10 ? 0 : 1);
	}
	p[PAGE] = 20;
	CHECK(child_status(pid) == 0);
	CHECK(p[0] == 1 && p[PAGE] == 20 && p[2 * PAGE] == 0);
	munmap(p, 3 * PAGE);
}

CASE(fork_shares_shared_memory)
{
	volatile char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p[0] = 1;
	pid_t pid = fork();
	if (pid == 0) {
		p[PAGE] = 5;
		_exit(p[0] == 1 ? 0 : 1);
	}
	CHECK(child_status(pid) == 0);
	CHECK(p[PAGE] == 5);
	munmap((void *)p, 2 * PAGE);
}

CASE(wipe_and_dont_fork)
{
	char *wiped = map_pages(1), *absent = map_pages(1);
	wiped[0] = 1;
	absent[0] = 1;
	CHECK(madvise(wiped, PAGE, MADV_WIPEONFORK) == 0);
	CHECK(madvise(absent, PAGE, MADV_DONTFORK) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(wiped[0] == 0 && !reads(absent) ? 0 : 1);
	CHECK(child_status(pid) == 0);
	CHECK(wiped[0] == 1 && absent[0] == 1);
	munmap(wiped, PAGE);
	munmap(absent, PAGE);
}

static int deep(int n)
{
	volatile char frame[3000];
	frame[0] = (char)n;
	frame[2999] = 1;
	return n ? deep(n - 1) + frame[2999] : 0;
}

CASE(stack_grows)
{
	CHECK(deep(1500) == 1500);
}

CASE(calls_fail_on_unmapped_buffers)
{
	char *p = map_pages(2);
	int fds[2];
	CHECK(pipe(fds) == 0);
	munmap(p + PAGE, PAGE);
	CHECK_ERRNO(write(fds[1], p + PAGE, 10), EFAULT);
	CHECK(write(fds[1], "hello", 5) == 5);
	CHECK_ERRNO(read(fds[0], p + PAGE, 5), EFAULT);
	CHECK_ERRNO(read(fds[0], (void *)0xffff800000000000ul, 5), EFAULT);
	close(fds[0]);
	close(fds[1]);
	munmap(p, PAGE);
}

CASE(rlimit_as_is_enforced)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit r = { 64 << 20, 64 << 20 };
		if (setrlimit(RLIMIT_AS, &r))
			_exit(2);
		void *p = mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		_exit(p == MAP_FAILED && errno == ENOMEM && map_pages(16) ? 0 : 1);
	}
	CHECK(child_status(pid) == 0);
}

CASE(process_vm_moves_bytes)
{
	char source[64] = "across", target[64] = "";
	struct iovec local = { target, 64 }, remote = { source, 64 };
	CHECK(process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 64);
	CHECK(strcmp(target, "across") == 0);
	CHECK_ERRNO(process_vm_readv(getpid(), &local, 1, &remote, 1, 1), EINVAL);
	struct iovec bad = { (void *)1, 64 };
	CHECK_ERRNO(process_vm_readv(getpid(), &local, 1, &bad, 1, 0), EFAULT);
}

CASE(memfd_is_shared_by_its_mappings)
{
	int fd = memfd_create("m", 0);
	CHECK(fd >= 0 && ftruncate(fd, 3 * PAGE) == 0);
	char *a = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *b = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	char *c = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(a != MAP_FAILED && b != MAP_FAILED && c != MAP_FAILED);
	CHECK(c[PAGE] == 0);
	a[PAGE] = 7;
	CHECK(b[0] == 7 && c[PAGE] == 7);
	c[PAGE] = 8;
	CHECK(a[PAGE] == 7 && b[0] == 7);
	char byte = 0;
	CHECK(pread(fd, &byte, 1, PAGE) == 1 && byte == 7);
	CHECK(pwrite(fd, "x", 1, PAGE) == 1 && b[0] == 'x' && c[PAGE] == 8);
	CHECK(ftruncate(fd, PAGE) == 0);
	CHECK(!reads(b) && fault_signal == SIGBUS && !reads(c + PAGE));
	CHECK(ftruncate(fd, 3 * PAGE) == 0);
	CHECK(a[PAGE] == 0);
	CHECK_ERRNO(memfd_create("m", 0x80), EINVAL);
	munmap(a, 3 * PAGE);
	munmap(b, 2 * PAGE);
	munmap(c, 3 * PAGE);
	close(fd);
}

CASE(memfd_seals_are_kept)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING), plain = memfd_create("plain", 0);
	CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0 && fcntl(fd, F_GET_SEALS) == 0);
	CHECK(fcntl(plain, F_GET_SEALS) == F_SEAL_SEAL);
	CHECK_ERRNO(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	munmap(p, PAGE);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	CHECK_ERRNO(write(fd, "x", 1), EPERM);
	CHECK_ERRNO(ftruncate(fd, 0), EPERM);
	CHECK_ERRNO(ftruncate(fd, 2 * PAGE), EPERM);
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(p != MAP_FAILED && p[0] == 0);
	munmap(p, PAGE);
	close(fd);
	close(plain);
}

CASE(many_mappings_split_and_merge)
{
	char *p = map_pages(256);
	for (int i = 0; i < 256; i += 2)
		CHECK(mprotect(p + i * PAGE, PAGE, PROT_READ) == 0);
	for (int i = 1; i < 256; i += 2)
		p[i * PAGE] = (char)i;
	CHECK(mprotect(p, 256 * PAGE, PROT_READ | PROT_WRITE) == 0);
	for (int i = 0; i < 256; i++)
		CHECK(p[i * PAGE] == (i % 2 ? (char)i : 0));
	CHECK(munmap(p, 256 * PAGE) == 0);
}

CASE(no_rights_bind_the_kernel_too)
{
	int ends[2];
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte = 0;
	CHECK(p != MAP_FAILED && pipe(ends) == 0);
	memset(p, 5, 8192);
	CHECK(mprotect(p, 4096, PROT_NONE) == 0);
	CHECK_ERRNO(write(ends[1], p, 16), EFAULT);
	CHECK(write(ends[1], p + 4096, 1) == 1);
	CHECK_ERRNO(read(ends[0], p, 1), EFAULT);
	pid_t child = fork();
	if (!child) {
		int kept = write(ends[1], p, 16) < 0 && !mprotect(p, 4096, PROT_READ) && p[0] == 5 && p[4095] == 5;
		_exit(kept ? 0 : 1);
	}
	int status = -1;
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0 && p[100] == 5);
	p[100] = 6;
	CHECK(write(ends[1], p + 100, 1) == 1 && read(ends[0], &byte, 1) == 1 && (byte == 6 || byte == 5));
	CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && munmap(p, 8192) == 0);
}

int main(void)
{
	RUN(anonymous_memory_reads_zero_and_keeps_stores);
	RUN(mmap_argument_errors);
	RUN(munmap_argument_errors);
	RUN(a_full_space_has_room_beside_the_stack);
	RUN(fixed_replaces_and_noreplace_refuses);
	RUN(hint_is_used_when_free);
	RUN(map_32bit_is_low);
	RUN(unmap_in_the_middle_keeps_the_rest);
	RUN(protect_takes_and_gives_rights);
	RUN(protect_argument_errors);
	RUN(execute_needs_permission);
	RUN(brk_grows_and_shrinks);
	RUN(remap_grows_moves_and_shrinks);
	RUN(remap_argument_errors);
	RUN(remap_can_keep_the_old_range);
	RUN(rlimit_data_is_enforced);
	RUN(dontneed_and_free_zero_anonymous_memory);
	RUN(mincore_tells_touched_pages);
	RUN(msync_checks_arguments);
	RUN(populate_makes_pages_resident);
	RUN(fork_copies_private_memory);
	RUN(fork_shares_shared_memory);
	RUN(wipe_and_dont_fork);
	RUN(stack_grows);
	RUN(calls_fail_on_unmapped_buffers);
	RUN(rlimit_as_is_enforced);
	RUN(process_vm_moves_bytes);
	RUN(many_mappings_split_and_merge);
	RUN(memfd_is_shared_by_its_mappings);
	RUN(memfd_seals_are_kept);
	RUN(no_rights_bind_the_kernel_too);
	return check_summary();
}
