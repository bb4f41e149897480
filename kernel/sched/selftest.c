// SPDX-License-Identifier: MIT
/* selftest=sched: ping-pong, sleeping, mutexes and TLB shootdown over all CPUs, then power off: 0 = passed. */
#include "mm.h"
#include "sched_internal.h"
#include "tlb.h"

#define ROUNDS 20000
#define WORKERS 8
#define LOCKED_STEPS 2000
#define HANG_NS (20 * NSEC_PER_SEC)
#define OVERSLEEP_NS (200 * NSEC_PER_MSEC) /* a loaded host delays virtual CPUs by tens of milliseconds */

static struct wait_queue turn_wait;
static u32 turn, finished;
static struct mutex counter_mutex;
static u64 counter;

static void ping(void *arg)
{
	u32 me = (u32)(u64)arg;
	for (u32 i = 0; i < ROUNDS; i++) {
		(void)!WAIT_EVENT(&turn_wait, __atomic_load_n(&turn, __ATOMIC_ACQUIRE) == me, DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE);
		__atomic_store_n(&turn, !me, __ATOMIC_RELEASE);
		wake_all(&turn_wait);
	}
	__atomic_add_fetch(&finished, 1, __ATOMIC_ACQ_REL);
}

static void locker(void *arg UNUSED)
{
	for (u32 i = 0; i < LOCKED_STEPS; i++) {
		mutex_lock(&counter_mutex);
		u64 v = counter;
		if (i % 16 == 0)
			sched_yield_current();
		if (i % 256 == 0)
			tlb_flush_kernel(VMAP_BASE, PAGE_SIZE);
		counter = v + 1;
		mutex_unlock(&counter_mutex);
		preempt_point();
	}
	__atomic_add_fetch(&finished, 1, __ATOMIC_ACQ_REL);
}

static void sleeper(void *arg)
{
	for (u64 i = 1; i <= 5; i++) {
		u64 start = time_now_ns(), want = (i + (u64)arg) * NSEC_PER_MSEC;
		wait_prepare();
		while (wait_sleep(start + want, WAIT_UNINTERRUPTIBLE) != ERR_TIMEDOUT)
			wait_prepare();
		wait_finish();
		u64 took = time_now_ns() - start;
		if (took < want || took > want + OVERSLEEP_NS)
			panic("selftest: slept %lu ns instead of %lu", took, want);
	}
	__atomic_add_fetch(&finished, 1, __ATOMIC_ACQ_REL);
}

static void start(const char *name, void (*fn)(void *), u64 arg)
{
	if (!kernel_thread_create(name, fn, (void *)arg))
		panic("selftest: no memory");
}

static void wait_finished(const char *what, u32 count)
{
	u64 begin = time_now_ns();
	while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) != count) {
		wait_prepare();
		(void)!wait_sleep(time_now_ns() + NSEC_PER_MSEC, WAIT_UNINTERRUPTIBLE);
		wait_finish();
		if (time_now_ns() - begin > HANG_NS)
			panic("selftest: %s hangs", what);
	}
	finished = 0;
	klog(LOG_WARN, "selftest: %s ok, %llu us", what, (time_now_ns() - begin) / NSEC_PER_USEC);
}

void sched_selftest(void)
{
	wait_queue_init(&turn_wait);
	mutex_init(&counter_mutex, RANK_NODE_MUTEX);
	start("ping", ping, 0);
	start("pong", ping, 1);
	wait_finished("ping-pong", 2);
	for (u64 i = 0; i < WORKERS; i++)
		start("locker", locker, i);
	wait_finished("mutex", WORKERS);
	if (counter != (u64)WORKERS * LOCKED_STEPS)
		panic("selftest: counter %lu", counter);
	for (u64 i = 0; i < WORKERS; i++)
		start("sleeper", sleeper, i);
	wait_finished("sleep", WORKERS);
	machine_power_off(0);
}
