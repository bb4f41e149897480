// SPDX-License-Identifier: MIT
/* Random system calls: every row of abi/linux/syscalls.def with arguments drawn by kind, in WORKERS processes.
 * usage: syscalls SECONDS [SEED]. The supervisor replaces a worker that died or made no progress for a second (a
 * blocking call); it is done when the time is over. What is judged is the kernel, not the results: run it in the
 * guest and look for a panic. As root the rows that end the machine are left out; other workers run as uid 1000. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum kind {
#define KIND(name) KIND_##name,
#include "../../abi/linux/kinds.def"
#undef KIND
};
struct row { int number; const char *name; unsigned char result, kinds[6]; };
static const struct row rows[] = {
#define LINUX_CALL(nr, name, how, r, a, b, c, d, e, f) \
	{ nr, #name, KIND_##r, { KIND_##a, KIND_##b, KIND_##c, KIND_##d, KIND_##e, KIND_##f } },
#include "../../abi/linux/syscalls.def"
#undef LINUX_CALL
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))
#define WORKERS 8
/* Longer than any call that is not meant to block takes under TCG. */
#define STUCK_SECONDS 1

static uint64_t state;
static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}
static char *arena;
#define ARENA_SIZE (1 << 20)

static const char *const paths[] = { "/", "/tmp", "/tmp/f", "/tmp/d", "/etc/passwd", "/proc/self/maps", "/proc/self/fd/0", "/dev/null",
	"/dev/zero", "/dev/tty", "/dev/ptmx", "/dev/full", "", ".", "..", "/tmp/../tmp/./f", "/nonexistent",
	"/usr/bin/true", "/sys", "/dev/shm/x" };
static const uint64_t odd[] = { 0, 1, 2, 3, 4095, 4096, 4097, 65535, 65536, 0x7fffffff, 0x80000000u, 0xffffffffu, 0x7fffffffffffffff,
	0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffff000, 0x7ffffffff000, 0x7fffffffffff, 0xffff800000000000, 0xffffffff80000000 };

static uint64_t pointer(void)
{
	switch (draw() % 8) {
	case 0: return 0;
	case 1: return odd[draw() % (sizeof(odd) / sizeof(odd[0]))];
	case 2: return (uint64_t)arena + ARENA_SIZE - draw() % 64;         /* runs off the end */
	case 3: return (uint64_t)arena + draw() % ARENA_SIZE;              /* misaligned */
	default: return (uint64_t)arena + (draw() % (ARENA_SIZE / 64)) * 64;
	}
}
static uint64_t argument(enum kind k)
{
	if (draw() % 16 == 0)
		return odd[draw() % (sizeof(odd) / sizeof(odd[0]))];
	switch (k) {
	case KIND_PATH:
		if (draw() % 8 == 0)
			return pointer();
		strcpy(arena + 512, paths[draw() % (sizeof(paths) / sizeof(paths[0]))]);
		return (uint64_t)arena + 512;
	case KIND_PTR: case KIND_BUF_IN: case KIND_BUF_OUT: return pointer();
	case KIND_FD: return draw() % 12;
	case KIND_DIRFD: return draw() % 2 ? (uint64_t)AT_FDCWD : draw() % 12;
	case KIND_SIZE: case KIND_OFFSET: return draw() % 4 ? draw() % 70000 : draw();
	case KIND_SIGNAL: return draw() % 66;
	case KIND_MODE: return draw() & 07777;
	case KIND_OPEN_FLAGS: return draw() & 037777703;
	case KIND_PROT: return draw() & 7;
	case KIND_INT: case KIND_UINT: return draw() % 3 ? draw() % 8 : draw();
	default: return draw() % 3 ? 1ull << (draw() % 34) : draw();
	}
}
static int left_out(const struct row *r)
{
	static const char *const names[] = { "exit", "exit_group", "reboot", "kill", "vfork",
		"pause", "rt_sigreturn", "setrlimit", "prlimit64" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], r->name))
			return draw() % 1024 != 0 || !strcmp(r->name, "reboot"); /* seldom: they end the worker */
	return 0;
}
static void worker(volatile uint64_t *progress, uint64_t seed, int as_user)
{
	state = seed | 1;
	if (as_user && (setgid(1000) || setuid(1000)))
		_exit(1);
	if (chdir("/tmp"))
		_exit(1);
	for (int fd = 0; fd < 3; fd++) /* what it writes must not hide the supervisor's lines */
		dup2(open("/dev/null", O_RDWR), fd);
	for (int fd = 3; fd < 12; fd++)
		dup2(open(paths[draw() % (sizeof(paths) / sizeof(paths[0]))], O_RDWR | O_NONBLOCK), fd);
	for (size_t i = 0; i < ARENA_SIZE / 8; i++)
		((uint64_t *)(void *)arena)[i] = draw() % 4 ? draw() % 4096 : draw();
	for (;;) {
		const struct row *r = &rows[draw() % ROWS];
		uint64_t a[6];
		if (left_out(r))
			continue;
		for (int i = 0; i < 6; i++)
			a[i] = argument(r->kinds[i]);
		++*progress;
		syscall(r->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
}
int main(int argc, char **argv)
{
	long seconds = argc > 1 ? atol(argv[1]) : 10;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL), total = 0, spawned = 0;
	pid_t pids[WORKERS] = { 0 };
	uint64_t last[WORKERS] = { 0 };
	volatile uint64_t *progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED || arena == MAP_FAILED)
		return 1;
	for (int s = 1; s < 65; s++)
		if (s != SIGCHLD)
			signal(s, SIG_IGN);
	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	for (time_t end = time(NULL) + seconds; time(NULL) < end; sleep(STUCK_SECONDS)) {
		for (int i = 0; i < WORKERS; i++) {
			int stuck = pids[i] && progress[i] == last[i]; /* decided once: workers may write to the page */
			if (stuck)
				kill(pids[i], SIGKILL);
			last[i] = progress[i];
			if (pids[i] && waitpid(pids[i], NULL, stuck ? 0 : WNOHANG) == 0)
				continue;
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			pids[i] = fork();
			if (pids[i] == 0) {
				for (int s = 1; s < 65; s++)
					signal(s, SIG_DFL);
				setsid();
				worker(&progress[i], seed, i & 1);
			}
			spawned++;
		}
		while (waitpid(-1, NULL, WNOHANG) > 0) { /* what workers left behind */ }
	}
	for (int i = 0; i < WORKERS; i++) {
		total += progress[i];
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	}
	printf("calls %llu workers %llu\n", (unsigned long long)total, (unsigned long long)spawned);
	return 0;
}
