// SPDX-License-Identifier: MIT
/* osbench: OS micro-benchmarks as one static Linux ELF. Prints "name value unit" per line.
 * The same binary runs on the Linux guest (peer) and on the project (subject), in the same QEMU, in one run. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
static const char *self;
static double budget = 150e6; /* ns of measuring per test */
static int fails;

typedef int (*op_fn)(void *);
static void bench(const char *name, op_fn op, void *arg) {
    if (op(arg)) { printf("%-22s FAIL errno=%d\n", name, errno); fails++; fflush(stdout); return; }
    double best = 1e30; long n = 1;
    for (;;) { double t = now(); for (long i = 0; i < n; i++) op(arg); t = now() - t; if (t > budget / 5) { best = t / n; break; } n *= 2; }
    for (int r = 0; r < 4; r++) { double t = now(); for (long i = 0; i < n; i++) op(arg); t = (now() - t) / n; if (t < best) best = t; }
    printf("%-22s %.1f ns\n", name, best); fflush(stdout);
}
static char buf[1 << 20];
static int op_getppid(void *a) { (void)a; return syscall(SYS_getppid) < 0; }
static int op_clock(void *a) { struct timespec t; (void)a; return clock_gettime(CLOCK_MONOTONIC, &t); }
static int op_read1(void *a) { return read(*(int *)a, buf, 1) != 1; }
static int op_write1(void *a) { return write(*(int *)a, buf, 1) != 1; }
static int op_fstat(void *a) { struct stat s; return fstat(*(int *)a, &s); }
static int op_stat(void *a) { struct stat s; return stat(a, &s); }
static int op_openclose(void *a) { int f = open(a, O_RDONLY); if (f < 0) return 1; return close(f); }
static int op_createunlink(void *a) { int f = open(a, O_CREAT | O_EXCL | O_RDWR, 0600); if (f < 0) return 1; if (write(f, buf, 1024) != 1024) return 1; close(f); return unlink(a); }
static int op_pread4k(void *a) { return pread(*(int *)a, buf, 4096, 8192) != 4096; }
static int op_reread(void *a) { int f = *(int *)a; lseek(f, 0, SEEK_SET); for (int i = 0; i < 64; i++) if (read(f, buf, 65536) != 65536) return 1; return 0; }
static int op_mmapread(void *a) { int f = *(int *)a; volatile char *p = mmap(0, 4 << 20, PROT_READ, MAP_SHARED, f, 0); if (p == MAP_FAILED) return 1; int s = 0; for (int i = 0; i < 4 << 20; i += 4096) s += p[i]; return munmap((void *)p, 4 << 20); }
static int op_mmapunmap(void *a) { (void)a; char *p = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); if (p == MAP_FAILED) return 1; p[0] = 1; return munmap(p, 65536); }
static int op_fault(void *a) { (void)a; char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); if (p == MAP_FAILED) return 1; for (int i = 0; i < 1 << 20; i += 4096) p[i] = 1; return munmap(p, 1 << 20); }
static int op_brk(void *a) { (void)a; void *p = sbrk(65536); if (p == (void *)-1) return 1; *(char *)p = 1; return sbrk(-65536) == (void *)-1; }
static int op_mprotect(void *a) { if (mprotect(a, 4096, PROT_READ)) return 1; return mprotect(a, 4096, PROT_READ | PROT_WRITE); }
static int op_fork(void *a) { (void)a; pid_t p = fork(); if (p < 0) return 1; if (!p) _exit(0); int st; return waitpid(p, &st, 0) != p; }
static int op_exec(void *a) { (void)a; pid_t p = vfork(); if (p < 0) return 1; if (!p) { execl(self, self, "--exit", (char *)0); _exit(9); } int st; return waitpid(p, &st, 0) != p || st; }
static int op_execv(void *a) { char **v = a; pid_t p = vfork(); if (p < 0) return 1; if (!p) { execv(v[0], v); _exit(9); } int st; return waitpid(p, &st, 0) != p || WEXITSTATUS(st) == 9; }
static void *thr(void *a) { return a; }
static int op_thread(void *a) { pthread_t t; (void)a; return pthread_create(&t, 0, thr, 0) || pthread_join(t, 0); }
static volatile int sigs; static void onsig(int s) { (void)s; sigs++; }
static int op_signal(void *a) { (void)a; return kill(getpid(), SIGUSR1); }
static int op_sigact(void *a) { struct sigaction sa = {.sa_handler = onsig}; (void)a; return sigaction(SIGUSR2, &sa, 0); }
static int op_yield(void *a) { (void)a; return sched_yield(); }
struct pp { int a[2], b[2]; pid_t pid; };
static int op_pipepp(void *a) { struct pp *p = a; return write(p->a[1], buf, 1) != 1 || read(p->b[0], buf, 1) != 1; }
static int op_sockpp(void *a) { int *s = a; return write(s[0], buf, 1) != 1 || read(s[0], buf, 1) != 1; }
static int fx[2] __attribute__((aligned(64)));
static void *fxthr(void *a) { (void)a; for (;;) { while (__atomic_load_n(&fx[0], __ATOMIC_ACQUIRE) == 0) syscall(SYS_futex, &fx[0], FUTEX_WAIT_PRIVATE, 0, 0, 0, 0); if (fx[0] == 2) return 0; fx[0] = 0; __atomic_store_n(&fx[1], 1, __ATOMIC_RELEASE); syscall(SYS_futex, &fx[1], FUTEX_WAKE_PRIVATE, 1, 0, 0, 0); } }
static int op_futexpp(void *a) { (void)a; __atomic_store_n(&fx[0], 1, __ATOMIC_RELEASE); syscall(SYS_futex, &fx[0], FUTEX_WAKE_PRIVATE, 1, 0, 0, 0); while (__atomic_load_n(&fx[1], __ATOMIC_ACQUIRE) == 0) syscall(SYS_futex, &fx[1], FUTEX_WAIT_PRIVATE, 0, 0, 0, 0); fx[1] = 0; return 0; }
static int op_poll(void *a) { return poll(a, 100, 0) < 0; }
static int op_epoll(void *a) { struct epoll_event e[8]; return epoll_wait(*(int *)a, e, 8, 0) < 0; }
static int op_pipebw(void *a) { int *p = a; for (int i = 0; i < 16; i++) if (write(p[1], buf, 65536) != 65536) return 1; return 0; }
static int op_getdents(void *a) { DIR *d = opendir(a); if (!d) return 1; while (readdir(d)) ; return closedir(d); }
static int op_rename(void *a) { char **v = a; return rename(v[0], v[1]) || rename(v[1], v[0]); }

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--exit")) return 0;
    self = argv[0]; if (getenv("BUDGET_MS")) budget = atof(getenv("BUDGET_MS")) * 1e6;
    const char *only = argc > 1 ? argv[1] : 0;
#define B(n, f, x) do { if (!only || strstr(n, only)) bench(n, f, x); } while (0)
    const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"; char big[256], small[256], sm2[256];
    snprintf(big, 256, "%s/osb.big", tmp); snprintf(small, 256, "%s/osb.small", tmp); snprintf(sm2, 256, "%s/osb.small2", tmp);
    int f = open(big, O_CREAT | O_RDWR | O_TRUNC, 0600); for (int i = 0; i < 4; i++) if (write(f, buf, sizeof buf) != sizeof buf) { puts("setup FAIL"); return 1; }
    int z = open("/dev/zero", O_RDWR), nul = open("/dev/null", O_RDWR);
    B("null_syscall", op_getppid, 0); B("clock_gettime", op_clock, 0); B("read_zero_1B", op_read1, &z); B("write_null_1B", op_write1, &nul);
    B("fstat", op_fstat, &f); B("stat", op_stat, big); B("stat_deep", op_stat, (void *)"/usr/bin/../lib/../bin"); B("open_close", op_openclose, big);
    B("pread_4k", op_pread4k, &f); B("reread_4M", op_reread, &f); B("mmap_reread_4M", op_mmapread, &f);
    B("create_write_unlink", op_createunlink, small); 
    { int g = open(small, O_CREAT | O_RDWR, 0600); close(g); char *v[2] = {small, sm2}; B("rename_pair", op_rename, v); unlink(small); }
    B("getdents_dev", op_getdents, (void *)"/dev");
    B("mmap_touch_unmap", op_mmapunmap, 0); B("fault_256_pages", op_fault, 0); B("brk_pair", op_brk, 0);
    { char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); p[0] = 1; B("mprotect_pair", op_mprotect, p); }
    signal(SIGUSR1, onsig); B("sigaction", op_sigact, 0); B("signal_deliver", op_signal, 0); B("sched_yield", op_yield, 0);
    { struct pp p; if (!pipe(p.a) && !pipe(p.b)) { p.pid = fork(); if (!p.pid) { close(p.a[1]); char c; while (read(p.a[0], &c, 1) == 1) if (write(p.b[1], &c, 1) != 1) break; _exit(0); } B("pipe_pingpong", op_pipepp, &p); close(p.a[1]); waitpid(p.pid, 0, 0); close(p.a[0]); close(p.b[0]); close(p.b[1]); } }
    { int s[2]; if (!socketpair(AF_UNIX, SOCK_STREAM, 0, s)) { pid_t q = fork(); if (!q) { close(s[0]); char c; while (read(s[1], &c, 1) == 1) if (write(s[1], &c, 1) != 1) break; _exit(0); } close(s[1]); B("unix_pingpong", op_sockpp, s); close(s[0]); waitpid(q, 0, 0); } }
    { pthread_t t; if (!pthread_create(&t, 0, fxthr, 0)) { B("futex_pingpong", op_futexpp, 0); fx[0] = 2; syscall(SYS_futex, &fx[0], FUTEX_WAKE_PRIVATE, 1, 0, 0, 0); pthread_join(t, 0); } }
    { int p[2]; if (!pipe(p)) { pid_t q = fork(); if (!q) { close(p[1]); while (read(p[0], buf, 65536) > 0) ; _exit(0); } close(p[0]); B("pipe_bw_1M", op_pipebw, p); close(p[1]); waitpid(q, 0, 0); } }
    { struct pollfd pf[100]; int e = epoll_create1(0); for (int i = 0; i < 100; i++) { int p[2]; if (pipe(p)) break; pf[i].fd = p[0]; pf[i].events = POLLIN; struct epoll_event ev = {.events = EPOLLIN, .data.fd = p[0]}; epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev); } B("poll_100", op_poll, pf); B("epoll_wait_100", op_epoll, &e); }
    B("thread_create_join", op_thread, 0); B("fork_exit_wait", op_fork, 0); B("vfork_exec_static", op_exec, 0);
    { char *v[] = {"/bin/bash", "-c", ":", 0}; if (!access(v[0], X_OK)) B("exec_bash_dyn", op_execv, v); }
    { char *v[] = {"/bin/true", 0}; if (!access(v[0], X_OK)) B("exec_true_dyn", op_execv, v); }
    unlink(big); printf("OSBENCH-END fails=%d\n", fails); return 0;
}
