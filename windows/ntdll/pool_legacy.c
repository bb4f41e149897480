// SPDX-License-Identifier: MIT
/* The older interfaces over the pool: QueueUserWorkItem, RegisterWaitForSingleObject, timer queues. */
#include "pool.h"

#define EXECUTE_ONLY_ONCE 8u /* WT_EXECUTEONLYONCE */
#define EXECUTE_IN_WAIT_THREAD 4u
#define NO_TIMEOUT 0xffffffffu
#define TICKS_PER_MILLISECOND 10000ll
#define WAIT_FOR_CALLBACKS ((HANDLE)~(ULONG_PTR)0)
typedef void(NTAPI *wait_function)(void *context, BOOLEAN timed_out);

struct work_item { LPTHREAD_START_ROUTINE function; void *context; };
static void NTAPI run_item(PTP_CALLBACK_INSTANCE instance, void *context)
{
	struct work_item item = *(struct work_item *)context;
	heap_free(context);
	item.function(item.context);
}
NTSTATUS NTAPI RtlQueueWorkItem(LPTHREAD_START_ROUTINE function, void *context, ULONG flags);
NTSTATUS NTAPI RtlQueueWorkItem(LPTHREAD_START_ROUTINE function, void *context, ULONG flags)
{
	struct work_item *item = heap_allocate(sizeof(*item));
	if (!item)
		return STATUS_NO_MEMORY;
	*item = (struct work_item){ function, context };
	NTSTATUS status = TpSimpleTryPost(run_item, item, NULL);
	if (status)
		heap_free(item);
	return status;
}

/* A registered wait or a queue's timer. done: set when the last callback is over, for the deleter that does not wait. */
struct legacy {
	struct pool_object *object;
	wait_function function;
	void *context;
	HANDLE handle, done;
	ULONG timeout_ms, period_ms, flags;
	bool deleted, expired; /* expired: a timer without period that ran; it cannot be armed again */
	struct timer_queue *queue;
	LIST_ENTRY link; /* in the queue, under pool_lock */
};
struct timer_queue { LIST_ENTRY timers; };

static void dispose_legacy(void *context)
{
	struct legacy *legacy = context;
	if (legacy->done)
		NtSetEvent(legacy->done, NULL);
	heap_free(legacy);
}
static LARGE_INTEGER *relative(ULONG milliseconds, LARGE_INTEGER *time)
{
	time->QuadPart = -(LONGLONG)milliseconds * TICKS_PER_MILLISECOND;
	return milliseconds == NO_TIMEOUT ? NULL : time;
}
static void arm_wait(struct legacy *legacy)
{
	LARGE_INTEGER time;
	TpSetWait(legacy->object, legacy->handle, relative(legacy->timeout_ms, &time));
}
static void NTAPI run_wait(PTP_CALLBACK_INSTANCE instance, void *context, PTP_WAIT wait, TP_WAIT_RESULT result)
{
	struct legacy *legacy = context;
	legacy->function(legacy->context, result == WAIT_TIMEOUT);
	if (!(legacy->flags & EXECUTE_ONLY_ONCE) && !legacy->deleted)
		arm_wait(legacy);
}
NTSTATUS NTAPI RtlRegisterWait(HANDLE *out, HANDLE handle, wait_function function, void *context, ULONG milliseconds, ULONG flags);
NTSTATUS NTAPI RtlRegisterWait(HANDLE *out, HANDLE handle, wait_function function, void *context, ULONG milliseconds, ULONG flags)
{
	struct legacy *legacy = heap_allocate_zeroed(sizeof(*legacy));
	if (!legacy)
		return STATUS_NO_MEMORY;
	*legacy = (struct legacy){ .function = function, .context = context, .handle = handle, .timeout_ms = milliseconds, .flags = flags };
	NTSTATUS status = TpAllocWait(&legacy->object, run_wait, legacy, NULL);
	if (status) {
		heap_free(legacy);
		return status;
	}
	legacy->object->dispose = dispose_legacy;
	legacy->object->in_wait_thread = flags & EXECUTE_IN_WAIT_THREAD;
	*out = legacy;
	arm_wait(legacy);
	return STATUS_SUCCESS;
}
/* event: NULL does not wait, WAIT_FOR_CALLBACKS does, another is set when the last callback is over. */
static NTSTATUS remove_legacy(struct legacy *legacy, HANDLE event)
{
	struct pool_object *object = legacy->object;
	pool_enter();
	legacy->deleted = true;
	object->closing = true;
	bool busy = object->pending || object->running;
	if (event && event != WAIT_FOR_CALLBACKS)
		legacy->done = event;
	if (legacy->queue)
		pool_list_take(&legacy->link);
	pool_leave();
	if (object->kind == POOL_WAIT)
		TpSetWait(object, NULL, NULL);
	else
		TpSetTimer(object, NULL, 0, 0);
	if (event == WAIT_FOR_CALLBACKS)
		pool_object_wait(object, true);
	pool_object_release(object);
	return busy && event != WAIT_FOR_CALLBACKS ? STATUS_PENDING : STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlDeregisterWaitEx(HANDLE handle, HANDLE event);
NTSTATUS NTAPI RtlDeregisterWaitEx(HANDLE handle, HANDLE event)
{
	return handle ? remove_legacy(handle, event) : STATUS_INVALID_HANDLE;
}
NTSTATUS NTAPI RtlDeregisterWait(HANDLE handle);
NTSTATUS NTAPI RtlDeregisterWait(HANDLE handle)
{
	return RtlDeregisterWaitEx(handle, NULL);
}

static struct timer_queue *default_queue(void)
{
	static struct timer_queue queue;
	pool_enter();
	if (!queue.timers.Flink)
		queue.timers.Flink = queue.timers.Blink = &queue.timers;
	pool_leave();
	return &queue;
}
NTSTATUS NTAPI RtlCreateTimerQueue(HANDLE *out);
NTSTATUS NTAPI RtlCreateTimerQueue(HANDLE *out)
{
	struct timer_queue *queue = heap_allocate(sizeof(*queue));
	if (!queue)
		return STATUS_NO_MEMORY;
	queue->timers.Flink = queue->timers.Blink = &queue->timers;
	*out = queue;
	return STATUS_SUCCESS;
}
static void NTAPI run_timer(PTP_CALLBACK_INSTANCE instance, void *context, PTP_TIMER timer)
{
	struct legacy *legacy = context;
	legacy->expired |= !legacy->period_ms;
	legacy->function(legacy->context, TRUE);
}
static void arm_timer(struct legacy *legacy, ULONG due, ULONG period)
{
	LARGE_INTEGER time;
	LARGE_INTEGER *timeout = relative(due, &time);
	if (timeout && !due)
		timeout->QuadPart = -1;
	legacy->period_ms = legacy->flags & EXECUTE_ONLY_ONCE ? 0 : period;
	TpSetTimer(legacy->object, timeout, (LONG)legacy->period_ms, 0);
}
NTSTATUS NTAPI RtlCreateTimer(HANDLE queue_handle, HANDLE *out, wait_function function, void *context, DWORD due, DWORD period,
	ULONG flags);
NTSTATUS NTAPI RtlCreateTimer(HANDLE queue_handle, HANDLE *out, wait_function function, void *context, DWORD due, DWORD period, ULONG flags)
{
	struct timer_queue *queue = queue_handle ? queue_handle : default_queue();
	struct legacy *legacy = heap_allocate_zeroed(sizeof(*legacy));
	if (!legacy)
		return STATUS_NO_MEMORY;
	*legacy = (struct legacy){ .function = function, .context = context, .flags = flags, .queue = queue };
	NTSTATUS status = TpAllocTimer(&legacy->object, run_timer, legacy, NULL);
	if (status) {
		heap_free(legacy);
		return status;
	}
	legacy->object->dispose = dispose_legacy;
	pool_enter();
	pool_list_add(&queue->timers, &legacy->link);
	pool_leave();
	*out = legacy;
	arm_timer(legacy, due, period);
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlUpdateTimer(HANDLE queue, HANDLE timer, DWORD due, DWORD period);
NTSTATUS NTAPI RtlUpdateTimer(HANDLE queue, HANDLE timer, DWORD due, DWORD period)
{
	if (!((struct legacy *)timer)->expired)
		arm_timer(timer, due, period);
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlDeleteTimer(HANDLE queue, HANDLE timer, HANDLE event);
NTSTATUS NTAPI RtlDeleteTimer(HANDLE queue, HANDLE timer, HANDLE event)
{
	return timer ? remove_legacy(timer, event) : STATUS_INVALID_PARAMETER_1;
}
NTSTATUS NTAPI RtlDeleteTimerQueueEx(HANDLE handle, HANDLE event);
NTSTATUS NTAPI RtlDeleteTimerQueueEx(HANDLE handle, HANDLE event)
{
	struct timer_queue *queue = handle;
	if (!queue || queue->timers.Flink == NULL)
		return STATUS_INVALID_HANDLE;
	bool set = event && event != WAIT_FOR_CALLBACKS;
	for (;;) {
		pool_enter();
		LIST_ENTRY *first = queue->timers.Flink;
		pool_leave();
		if (first == &queue->timers)
			break;
		/* The event of the queue is set at the end: callbacks are waited for here. */
		remove_legacy(CONTAINING_RECORD(first, struct legacy, link), event ? WAIT_FOR_CALLBACKS : NULL);
	}
	heap_free(queue);
	if (set)
		NtSetEvent(event, NULL);
	return event ? STATUS_SUCCESS : STATUS_PENDING;
}
