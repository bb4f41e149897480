// SPDX-License-Identifier: MIT
/* Waiting for memory: idle nodes and names go first, then a program (object/oom.c). Nothing may be locked here.
 * One kernel thread looks for memory, with CPU shares of its own: among the thousands of a fork bomb that all lack memory,
 * one of them that looked for all would get its turn once in a second. */
#include "frame.h"
#include "map.h"
#include "process.h"

#define MEMORY_PAUSE_NS NSEC_PER_SEC /* who waits is woken in turn; looking again often, thousands would fill the CPUs */
#define MEMORY_WAITS 20          /* times that: a large victim takes a while to end on a busy host */
#define HUNT_PAUSE_NS NSEC_PER_MSEC /* what ends takes about that long; memory also comes back where nobody tells */
#define ROOM_SEEN_MAX 16384      /* pages: enough for all waiters */
#define PAGES_PER_WAITER 2       /* woken for memory that came back: each wants a page, and a table perhaps */
#define PROGRAM_FRAMES 64        /* what the kernel takes for a small program: tables, stack, descriptors */
#define NODE_RECLAIM_BATCH 256   /* about a quarter MiB of nodes and names per attempt */

#pragma weak oom_kill
u32 vfs_reclaim(u32 count) WEAK; /* vfs.h */

static struct wait_queue waiters = { SPINLOCK_INIT(RANK_WAIT_QUEUE), LIST_INIT(waiters.waiters) };
static struct wait_queue hunter_sleeps = { SPINLOCK_INIT(RANK_WAIT_QUEUE), LIST_INIT(hunter_sleeps.waiters) };
static u32 vain_hunts; /* [a] counts those that found nothing to end: who waited since before need not go on */

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

static void hunter(void *arg UNUSED)
{
	for (;;) {
		WAIT_EVENT(&hunter_sleeps, !list_empty(&waiters.waiters), DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE);
		if (!frames_above_reserve(PROGRAM_FRAMES) && !hunt()) {
			__atomic_add_fetch(&vain_hunts, 1, __ATOMIC_RELEASE);
			wait_queue_wake(&waiters, UINT32_MAX, 0);
			continue;
		}
		wait_prepare();
		wait_sleep(time_now_ns() + HUNT_PAUSE_NS, WAIT_UNINTERRUPTIBLE);
		wait_finish();
		u64 room = PAGES_PER_WAITER;
		while (room < ROOM_SEEN_MAX && frames_above_reserve(room * 2))
			room *= 2;
		if (frames_above_reserve(room))
			memory_came_back(room);
	}
}

void memory_hunter_start(void)
{
	if (!kernel_thread_create("memory", hunter, NULL))
		panic("no memory for the thread that looks for memory");
}

bool memory_wait(u32 attempt)
{
	struct thread *t = thread_current();
	status_t st = OK;
	if (attempt >= MEMORY_WAITS || (t && t->process && (t->process->flags & PROC_EXITING)))
		return false;
	struct waiter w;
	waiter_init(&w);
	w.fn = wake_once;
	waiter_add(&waiters, &w);
	u32 vain = __atomic_load_n(&vain_hunts, __ATOMIC_ACQUIRE); /* an earlier one was not for this waiter */
	wake_all(&hunter_sleeps);
	wait_prepare();
	if (list_linked(&w.link)) /* not woken yet */
		st = wait_sleep(time_now_ns() + MEMORY_PAUSE_NS, WAIT_KILLABLE);
	wait_finish();
	waiter_remove(&w);
	return st != ERR_INTR && vain == __atomic_load_n(&vain_hunts, __ATOMIC_ACQUIRE);
}

bool memory_admit_program(void)
{
	for (u32 attempt = 0; !frames_above_reserve(PROGRAM_FRAMES); attempt++)
		if (!reclaim_pages(PROGRAM_FRAMES) && !memory_wait(attempt))
			return false;
	return true;
}
