// SPDX-License-Identifier: MIT
/* The vDSO: clocks without entering the kernel, from the time-stamp counter and the data page. Runs in user mode; the
 * symbols and their version are the ABI (vdso(7)). What it does not know it asks the kernel. */
#include "vdso_data.h"

struct timespec { long sec, nsec; };
struct timeval { long sec, usec; };
struct timezone { int minutes_west, dst; };

enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_TAI = 11 };
#define REALTIME_CLOCKS (1u << 0 | 1u << 5 | 1u << 11)         /* REALTIME, REALTIME_COARSE, TAI */
#define MONOTONIC_CLOCKS (1u << 1 | 1u << 4 | 1u << 6 | 1u << 7) /* MONOTONIC, RAW, COARSE, BOOTTIME */
#define NSEC_PER_SEC 1000000000ul
#define NR_GETTIMEOFDAY 96
#define NR_CLOCK_GETTIME 228
#define NR_CLOCK_GETRES 229
#define NR_GETCPU 309

extern const volatile struct vdso_data vdso_data __attribute__((visibility("hidden")));

long __vdso_time(long *out);
int __vdso_clock_gettime(int clock, struct timespec *ts);
int __vdso_clock_getres(int clock, struct timespec *ts);
int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static inline long system_call(long nr, long a, long b, long c)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

static inline unsigned long monotonic_ns(void)
{
	unsigned low, high;
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	unsigned long tsc = (unsigned long)high << 32 | low;
	return (unsigned long)((unsigned __int128)(tsc - vdso_data.tsc_base) * vdso_data.mult >> 32);
}

static inline unsigned long wall_ns(void)
{
	unsigned sequence;
	unsigned long boot;
	do {
		sequence = __atomic_load_n(&vdso_data.sequence, __ATOMIC_ACQUIRE);
		boot = vdso_data.wall_boot_ns;
		__asm__ volatile("" ::: "memory"); /* loads are not reordered on x86 */
	} while ((sequence & 1) || sequence != vdso_data.sequence);
	return boot + monotonic_ns();
}

int __vdso_clock_gettime(int clock, struct timespec *ts)
{
	unsigned long ns;
	unsigned bit = (unsigned)clock < 32 ? 1u << clock : 0;
	if (bit & MONOTONIC_CLOCKS)
		ns = monotonic_ns();
	else if (bit & REALTIME_CLOCKS)
		ns = wall_ns();
	else
		return (int)system_call(NR_CLOCK_GETTIME, clock, (long)ts, 0);
	ts->sec = (long)(ns / NSEC_PER_SEC);
	ts->nsec = (long)(ns % NSEC_PER_SEC);
	return 0;
}

int __vdso_clock_getres(int clock, struct timespec *ts)
{
	return (int)system_call(NR_CLOCK_GETRES, clock, (long)ts, 0);
}

int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz)
{
	unsigned long ns = wall_ns();
	if (tv) {
		tv->sec = (long)(ns / NSEC_PER_SEC);
		tv->usec = (long)(ns % NSEC_PER_SEC / 1000);
	}
	if (tz)
		tz->minutes_west = tz->dst = 0;
	return 0;
}

long __vdso_time(long *out)
{
	long seconds = (long)(wall_ns() / NSEC_PER_SEC);
	if (out)
		*out = seconds;
	return seconds;
}

long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	if (!vdso_data.cpu_in_tsc_aux)
		return system_call(NR_GETCPU, (long)cpu, (long)node, 0);
	unsigned number;
	__asm__ volatile("rdtscp" : "=c"(number) : : "rax", "rdx");
	if (cpu)
		*cpu = number;
	if (node)
		*node = 0;
	return 0;
}

int clock_gettime(int clock, struct timespec *ts) __attribute__((weak, alias("__vdso_clock_gettime")));
int clock_getres(int clock, struct timespec *ts) __attribute__((weak, alias("__vdso_clock_getres")));
int gettimeofday(struct timeval *tv, struct timezone *tz) __attribute__((weak, alias("__vdso_gettimeofday")));
long time(long *out) __attribute__((weak, alias("__vdso_time")));
long getcpu(unsigned *cpu, unsigned *node, void *unused) __attribute__((weak, alias("__vdso_getcpu")));
