// SPDX-License-Identifier: MIT
/* Design 1.2: the calls named there make no hop in the steady state. Runs a fixed list of them twice and compares
 * /proc/ambos/hops around the second pass; in the first pass a named row may only have causes that a steady state
 * has not (first use, changed, evicted, lease exceeded). Counters are read with readv, which is not in the list.
 * Prints one line per row with hops, then "ok" or "FAIL" lines. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROWS_MAX 500
#define CAUSES 6
static const char *const causes[CAUSES] = { "first-use", "changed", "evicted", "lease-exceeded", "shared-mount", "by-design" };
enum { FIRST_USE, CHANGED, EVICTED, LEASE_EXCEEDED, SHARED_MOUNT, BY_DESIGN };
/* Rows that the list below uses by name, and those behind them. */
static const char *const named[] = {
	"read", "write", "open", "openat", "close", "stat", "lstat", "fstat", "newfstatat", "access", "faccessat", "faccessat2",
	"readlink", "readlinkat", "lseek", "pread64", "pwrite64", "ftruncate", "dup", "dup2", "dup3", "fcntl", "pipe", "pipe2",
	"socketpair", "sendto", "recvfrom", "sendmsg", "recvmsg", "poll", "ppoll", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "eventfd2", "timerfd_create", "timerfd_settime", "signalfd4", "futex", "mmap", "munmap", "mprotect", "brk",
	"mremap", "clone", "clone3", "fork", "vfork", "exit", "exit_group", "wait4", "kill", "tgkill", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "clock_gettime", "gettimeofday", "time", "sched_yield", "getcwd", "chdir", "getdents64",
	"getpid", "getppid", "statx", "umask", "ioctl",
};
struct row { char name[32]; long count[CAUSES]; };
struct table { struct row rows[ROWS_MAX]; int used; };
static int counters = -1, failures;

static void snapshot(struct table *t)
{
	static char text[65536];
	size_t used = 0;
	lseek(counters, 0, SEEK_SET);
	for (;;) {
		struct iovec v = { text + used, sizeof(text) - 1 - used };
		ssize_t n = readv(counters, &v, 1);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	text[used] = 0;
	memset(t, 0, sizeof(*t));
	for (char *save, *line = strtok_r(text, "\n", &save); line && t->used < ROWS_MAX; line = strtok_r(NULL, "\n", &save)) {
		struct row *r = &t->rows[t->used++];
		char *word_save, *word = strtok_r(line, " ", &word_save);
		snprintf(r->name, sizeof(r->name), "%s", word);
		while ((word = strtok_r(NULL, " ", &word_save))) {
			char *equals = strchr(word, '=');
			int known = 0;
			for (int c = 0; equals && c < CAUSES; c++) {
				if (!strncmp(word, causes[c], (size_t)(equals - word)) && !causes[c][equals - word]) {
					r->count[c] = atol(equals + 1);
					known = 1;
				}
			}
			if (!known) {
				printf("FAIL every_hop_has_a_cause: %s %s\n", r->name, word);
				failures++;
			}
		}
	}
}

static struct row difference(const struct table *a, const struct row *b)
{
	struct row d = *b;
	for (int i = 0; i < a->used; i++)
		if (!strcmp(a->rows[i].name, b->name))
			for (int c = 0; c < CAUSES; c++)
				d.count[c] -= a->rows[i].count[c];
	return d;
}

static int is_named(const char *name)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (!strcmp(named[i], name))
			return 1;
	return 0;
}

/* Shows what was counted between two snapshots; `bad` is a bit mask of causes that a named row may not have. */
static void judge(const char *what, const struct table *a, const struct table *b, unsigned bad)
{
	int wrong = 0;
	for (int i = 0; i < b->used; i++) {
		struct row d = difference(a, &b->rows[i]);
		long any = 0;
		for (int c = 0; c < CAUSES; c++) {
			any += d.count[c];
			if (is_named(d.name) && (bad & (1u << c)))
				wrong += d.count[c] != 0;
		}
		if (!any)
			continue;
		printf("  %s: %s", what, d.name);
		for (int c = 0; c < CAUSES; c++)
			if (d.count[c])
				printf(" %s=%ld", causes[c], d.count[c]);
		printf("\n");
	}
	printf("%s %s\n", wrong ? "FAIL" : "ok", what);
	failures += wrong != 0;
}

static int must(int result, const char *what)
{
	if (result < 0) {
		printf("FAIL call: ");
		perror(what);
		failures++;
	}
	return result;
}
#define MUST(call) must((int)(call), #call)

static int pty_master, pty_slave;
static char page[4096];

static void files(void)
{
	struct stat s;
	char c[64];
	int fd = MUST(open("file", O_RDWR | O_CREAT, 0644));
	MUST(write(fd, page, sizeof(page)));
	MUST(lseek(fd, 0, SEEK_SET));
	MUST(read(fd, page, sizeof(page)));
	MUST(pread(fd, page, 100, 10));
	MUST(pwrite(fd, page, 100, 5000));
	MUST(ftruncate(fd, 4096));
	MUST(fstat(fd, &s));
	close(MUST(dup(fd)));
	MUST(fcntl(fd, F_GETFL));
	close(fd);
	MUST(stat("file", &s));
	MUST(lstat("link", &s));
	MUST(stat("link", &s));
	MUST(access("file", R_OK));
	MUST(readlink("link", c, sizeof(c)));
	if (stat("missing", &s) != -1 || open("dir/missing", O_RDONLY) != -1)
		failures++;
	close(MUST(open("/etc/passwd", O_RDONLY)));
	MUST(stat("/usr/bin/env", &s));
	MUST(stat("/bin/../lib/os-release", &s));
	fd = MUST(open("/usr/bin/env", O_RDONLY));
	MUST(read(fd, page, sizeof(page)));
	void *m = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
	MUST(m == MAP_FAILED ? -1 : ((volatile char *)m)[4096] * 0);
	munmap(m, 8192);
	close(fd);
	fd = MUST(open("dir", O_RDONLY | O_DIRECTORY));
	MUST(syscall(SYS_getdents64, fd, page, sizeof(page)));
	close(fd);
	MUST(chdir("dir"));
	MUST(chdir(".."));
	MUST(getcwd(c, sizeof(c)) ? 0 : -1);
	fd = MUST(open("/dev/null", O_WRONLY));
	MUST(write(fd, "x", 1));
	close(fd);
}

static void streams(void)
{
	int p[2];
	char c[8];
	MUST(pipe(p));
	MUST(write(p[1], "x", 1));
	struct pollfd f = { .fd = p[0], .events = POLLIN };
	MUST(poll(&f, 1, 0));
	MUST(read(p[0], c, 1));
	close(p[0]);
	close(p[1]);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	MUST(send(p[0], "abc", 3, 0));
	MUST(recv(p[1], c, 3, 0));
	close(p[0]);
	close(p[1]);
	MUST(write(pty_master, "y\n", 2));
	MUST(read(pty_slave, c, sizeof(c)));
	MUST(write(pty_slave, "z", 1));
	MUST(read(pty_master, c, sizeof(c)));
}

static void events(void)
{
	unsigned long one = 1;
	int e = MUST(epoll_create1(0)), v = MUST(eventfd(0, 0)), t = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
	struct epoll_event ev = { .events = EPOLLIN };
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, v, &ev));
	MUST(write(v, &one, 8));
	MUST(epoll_wait(e, &ev, 1, 0));
	MUST(read(v, &one, 8));
	struct itimerspec when = { .it_value = { 0, 1000 } };
	MUST(timerfd_settime(t, 0, &when, NULL));
	MUST(read(t, &one, 8));
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL));
	int s = MUST(signalfd(-1, &set, 0));
	struct signalfd_siginfo info;
	kill(getpid(), SIGUSR2);
	MUST(read(s, &info, sizeof(info)));
	close(s);
	close(t);
	close(v);
	close(e);
	int word = 0;
	syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
	struct timespec short_time = { 0, 1000 };
	syscall(SYS_futex, &word, FUTEX_WAIT, 0, &short_time, NULL, 0);
}

static void memory(void)
{
	char *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 65536; i += 4096)
		m[i] = 1;
	m = mremap(m, 65536, 131072, MREMAP_MAYMOVE);
	MUST(m == MAP_FAILED ? -1 : 0);
	MUST(mprotect(m, 4096, PROT_READ));
	munmap(m, 131072);
	void *end = sbrk(65536);
	*(char *)end = 1;
	sbrk(-65536);
}

static volatile int signals;
static void on_signal(int sig) { signals += sig != 0; }
static void *thread(void *arg) { return arg; }

static void processes(void)
{
	struct timespec now;
	int status;
	pthread_t t;
	signal(SIGUSR1, on_signal);
	kill(getpid(), SIGUSR1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	sched_yield();
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	MUST(waitpid(pid, &status, 0));
}

/* Not zero by design, but bounded: exec may ask loaderd, and syscalld for its leases. */
static void execute(void)
{
	int status;
	pid_t pid = vfork();
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(9);
	}
	MUST(waitpid(pid, &status, 0));
	if (status)
		failures++;
}

static void pass(void)
{
	files();
	streams();
	events();
	memory();
	processes();
}

int main(void)
{
	static struct table a, b, c, d;
	char dir[] = "/tmp/hops-XXXXXX";
	counters = open("/proc/ambos/hops", O_RDONLY);
	if (counters < 0 || !mkdtemp(dir) || chdir(dir) || mkdir("dir", 0755) || symlink("file", "link") ||
	    openpty(&pty_master, &pty_slave, NULL, NULL, NULL)) {
		perror("hops");
		return 99;
	}
	close(open("file", O_CREAT | O_WRONLY, 0644)); /* making a name is a hop by design */
	execute();
	fflush(stdout);
	snapshot(&a);
	snapshot(&a);
	pass();
	snapshot(&b);
	pass();
	snapshot(&c);
	execute();
	snapshot(&d);
	judge("first_pass_has_no_hop_by_design", &a, &b, 1u << BY_DESIGN | 1u << SHARED_MOUNT);
	judge("second_pass_has_no_hop", &b, &c, ~0u);
	judge("second_exec_asks_only_by_design", &c, &d, ~(1u << BY_DESIGN));
	return failures != 0;
}
