// SPDX-License-Identifier: MIT
/* Waiting for memory: idle nodes and names go first, then a program (object/oom.c). Nothing may be locked here. */
#include "frame.h"
#include "map.h"
#include "process.h"

#define MEMORY_PAUSE_NS NSEC_PER_SEC /* who waits is woken in turn; looking again often, thousands would fill the CPUs */
#define MEMORY_WAITS 20          /* times that: a large victim takes a while to end on a busy host */
#define HUNT_PAUSE_NS NSEC_PER_MSEC
#define HUNT_ROUNDS 500          /* then another thread may try */
#define ROOM_SEEN_MAX 16384      /* pages: enough for all waiters */
#define PAGES_PER_WAITER 2       /* woken for memory that came back: each wants a page, and a table perhaps */
#define PROGRAM_FRAMES 64        /* what the kernel takes for a small program: tables, stack, descriptors */
#define NODE_RECLAIM_BATCH 256   /* about a quarter MiB of nodes and names per attempt */

#pragma weak oom_kill
u32 vfs_reclaim(u32 count) WEAK; /* vfs.h */

static struct wait_queue waiters = { SPINLOCK_INIT(RANK_WAIT_QUEUE), LIST_INIT(waiters.waiters) };
static u32 hunting; /* [a] one thread at a time looks for memory: the others would only look at the same places */

static bool wake_once(struct waiter *w, u64 key UNUSED)
{
	list_remove(&w->link); /* the next one's turn */
	thread_wake(w->thread);
	return true;
}

/* In the order of asking: a fork bomb's thousands are not served before a shell that asked first. */
void memory_came_back(u64 pages)
{
	if (unlikely(!list_empty(&waiters.waiters)))
		wait_queue_wake(&waiters, (u32)MIN(pages / PAGES_PER_WAITER + 1, UINT32_MAX), 0);
}

/* True when something has come or is on its way. */
static bool hunt(void)
{
	if (vfs_reclaim && vfs_reclaim(NODE_RECLAIM_BATCH))
		return true; /* idle nodes and names went instead of a program */
	return aspaces_dying || (oom_kill && oom_kill()); /* memory on its way back is waited for */
}

static bool pause_until_killed(u64 pause_ns)
{
	wait_prepare();
	status_t st = wait_sleep(time_now_ns() + pause_ns, WAIT_KILLABLE);
	wait_finish();
	return st != ERR_INTR;
}

/* Memory may also come back where nobody tells: the hunter sees it and serves the others. */
static bool hunt_until_room(void)
{
	bool found = false;
	for (u32 round = 0; round < HUNT_ROUNDS && hunt(); round++) {
		found = pause_until_killed(HUNT_PAUSE_NS);
		if (!found || frames_above_reserve(PAGES_PER_WAITER))
			break;
	}
	u64 room = PAGES_PER_WAITER;
	while (room < ROOM_SEEN_MAX && frames_above_reserve(room * 2))
		room *= 2;
	__atomic_store_n(&hunting, 0, __ATOMIC_RELEASE);
	memory_came_back(room);
	return found;
}

bool memory_wait(u32 attempt)
{
	struct thread *t = thread_current();
	u32 nobody = 0;
	if (attempt >= MEMORY_WAITS || (t && t->process && (t->process->flags & PROC_EXITING)))
		return false;
	if (__atomic_compare_exchange_n(&hunting, &nobody, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return hunt_until_room();
	struct waiter w;
	waiter_init(&w);
	w.fn = wake_once;
	waiter_add(&waiters, &w);
	bool go_on = pause_until_killed(MEMORY_PAUSE_NS);
	waiter_remove(&w);
	return go_on;
}

bool memory_admit_program(void)
{
	for (u32 attempt = 0; !frames_above_reserve(PROGRAM_FRAMES); attempt++)
		if (!reclaim_pages(PROGRAM_FRAMES) && !memory_wait(attempt))
			return false;
	return true;
}
