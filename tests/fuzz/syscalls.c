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
#include <sys/time.h>
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
/* Calls write where their arguments say, so a counter may be hit: each worker sees only its own page, which lies alone
 * in the middle of a range that nobody can touch, and a pair that does not fit together is not believed. */
#define GUARD_SIZE (64ul << 20)
#define COUNT_SECRET 0x5bd1e9955bd1e995ull
struct counter { volatile uint64_t calls, check; };

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
/* A blocking call ends after one or two of these, so that most of the time is spent in calls. A worker that has undone
 * this (by a mask, an action or a timer that it drew) is found by the supervisor. */
#define ALARM_USEC 20000
#define CALLS_PER_ALARM_RESET 256
static void alarm_handler(int signo) { (void)signo; }
static void alarm_reset(void)
{
	struct sigaction action = { .sa_handler = alarm_handler };
	struct itimerval interval = { { 0, ALARM_USEC }, { 0, ALARM_USEC } };
	sigset_t none;
	sigemptyset(&none);
	sigaction(SIGALRM, &action, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setitimer(ITIMER_REAL, &interval, NULL);
}
static struct counter *counter_create(void)
{
	char *range = mmap(NULL, 2 * GUARD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (range == MAP_FAILED)
		return NULL;
	void *page = mmap(range + GUARD_SIZE, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return page == MAP_FAILED ? NULL : page;
}
static void counter_set(struct counter *c, uint64_t calls)
{
	c->calls = calls;
	c->check = calls ^ COUNT_SECRET;
}
/* What the worker did since `last`; 0 also when a call wrote over the pair (or is just between its two stores). */
static uint64_t counter_progress(const struct counter *c, uint64_t last)
{
	uint64_t calls = c->calls;
	return (calls ^ COUNT_SECRET) == c->check && calls > last ? calls - last : 0;
}
static void worker(struct counter *progress, uint64_t seed, int as_user)
{
	uint64_t calls = 0;
	long self = syscall(SYS_getpid);
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
		if (calls % CALLS_PER_ALARM_RESET == 0)
			alarm_reset();
		counter_set(progress, ++calls);
		syscall(r->number, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (syscall(SYS_getpid) != self) /* a child of ours: it has started, that is enough */
			_exit(0);
	}
}
struct slot { pid_t pid; uint64_t last; struct counter *counter; };
static struct slot slots[WORKERS];

static void slot_start(struct slot *slot, uint64_t seed)
{
	counter_set(slot->counter, 0);
	slot->last = 0;
	slot->pid = fork();
	if (slot->pid != 0)
		return;
	for (int s = 1; s < 65; s++)
		signal(s, SIG_DFL);
	setsid();
	struct counter *own = slot->counter;
	for (int i = 0; i < WORKERS; i++)
		if (slots[i].counter != own)
			munmap((char *)slots[i].counter - GUARD_SIZE, 2 * GUARD_SIZE);
	worker(own, seed, (slot - slots) & 1);
}
/* Reaps a dead worker and ends one without progress. Returns the calls it made since the last look. */
static uint64_t slot_look(struct slot *slot)
{
	if (slot->pid <= 0)
		return 0;
	uint64_t done = counter_progress(slot->counter, slot->last);
	slot->last += done;
	if (!done)
		kill(slot->pid, SIGKILL);
	if (waitpid(slot->pid, NULL, done ? WNOHANG : 0) != 0)
		slot->pid = 0;
	return done;
}

/* The other clock is set by the calls themselves. */
static time_t monotonic_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int main(int argc, char **argv)
{
	long seconds = argc > 1 ? atol(argv[1]) : 10;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL), total = 0, spawned = 0;
	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < WORKERS; i++)
		if (!(slots[i].counter = counter_create()))
			return 1;
	if (arena == MAP_FAILED)
		return 1;
	for (int s = 1; s < 65; s++)
		if (s != SIGCHLD)
			signal(s, SIG_IGN);
	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	for (time_t end = monotonic_seconds() + seconds; monotonic_seconds() < end; sleep(STUCK_SECONDS)) {
		for (struct slot *slot = slots; slot < slots + WORKERS; slot++) {
			total += slot_look(slot);
			if (slot->pid > 0)
				continue;
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			slot_start(slot, seed);
			spawned++;
		}
		while (waitpid(-1, NULL, WNOHANG) > 0) { /* what workers left behind */ }
	}
	for (struct slot *slot = slots; slot < slots + WORKERS; slot++) {
		total += counter_progress(slot->counter, slot->last);
		if (slot->pid > 0)
			kill(slot->pid, SIGKILL);
	}
	printf("calls %llu workers %llu\n", (unsigned long long)total, (unsigned long long)spawned);
	return 0;
}
