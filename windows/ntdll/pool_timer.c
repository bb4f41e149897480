// SPDX-License-Identifier: MIT
/* Timers and waits of the thread pool. One thread serves all timers, one thread per 63 handles serves waits; both only submit
 * objects to their pools. Armed objects hold a reference and stand in a list under pool_lock. */
#include "pool.h"

#define TICKS_PER_MILLISECOND 10000ull
#define WAITS_PER_THREAD 63u /* one handle is the thread's own event */
static LIST_ENTRY timers = { &timers, &timers }; /* by due time */
static RTL_CONDITION_VARIABLE timers_changed;
static bool timer_thread_runs;

/* Below 0: from now, 0: now, above: absolute. */
static ULONGLONG due_time(const LARGE_INTEGER *timeout)
{
	return timeout->QuadPart <= 0 ? pool_now() + (ULONGLONG)-timeout->QuadPart : (ULONGLONG)timeout->QuadPart;
}
static void timer_insert_locked(struct pool_object *timer)
{
	LIST_ENTRY *at = timers.Flink;
	while (at != &timers && CONTAINING_RECORD(at, struct pool_object, service_link)->due <= timer->due)
		at = at->Flink;
	pool_list_add(at, &timer->service_link);
}
static void timer_fire_locked(struct pool_object *timer, ULONGLONG now)
{
	pool_list_take(&timer->service_link);
	pool_object_submit_locked(timer);
	if (timer->period_ms) {
		timer->due += timer->period_ms * TICKS_PER_MILLISECOND;
		if (timer->due <= now)
			timer->due = now + 1;
		timer_insert_locked(timer);
	} else {
		timer->armed = false;
		pool_object_put_locked(timer);
	}
}
static DWORD WINAPI timer_thread(void *unused)
{
	pool_enter();
	for (;;) {
		ULONGLONG now = pool_now();
		struct pool_object *first = timers.Flink == &timers ? NULL : CONTAINING_RECORD(timers.Flink, struct pool_object, service_link);
		if (first && first->due <= now) {
			timer_fire_locked(first, now);
			continue;
		}
		LARGE_INTEGER timeout = { .QuadPart = first ? -(LONGLONG)(first->due - now) : 0 };
		RtlSleepConditionVariableSRW(&timers_changed, &pool_lock, first ? &timeout : NULL, 0);
	}
	return 0;
}
void pool_timer_disarm_locked(struct pool_object *timer)
{
	if (!timer->armed)
		return;
	timer->armed = false;
	pool_list_take(&timer->service_link);
	pool_object_put_locked(timer);
}
NTSTATUS NTAPI TpAllocTimer(struct pool_object **out, PTP_TIMER_CALLBACK callback, void *context, TP_CALLBACK_ENVIRON *environment)
{
	NTSTATUS status = pool_object_make(POOL_TIMER, (void *)callback, context, environment, out);
	if (status)
		return status;
	pool_enter();
	if (!timer_thread_runs)
		timer_thread_runs = !(status = pool_thread(timer_thread, NULL, NULL));
	pool_leave();
	if (status)
		pool_object_release(*out);
	return status;
}
/* timeout NULL: stop. The window in which the system may delay the timer is not used. */
void NTAPI TpSetTimer(struct pool_object *timer, LARGE_INTEGER *timeout, LONG period, LONG window)
{
	pool_enter();
	pool_timer_disarm_locked(timer);
	timer->timer_set = timeout != NULL;
	timer->period_ms = timeout ? (ULONG)period : 0;
	if (timeout && !timer->closing) {
		timer->due = due_time(timeout);
		timer->armed = true;
		timer->references++;
		timer_insert_locked(timer);
		RtlWakeConditionVariable(&timers_changed);
	}
	pool_leave();
}
BOOL NTAPI TpIsTimerSet(struct pool_object *timer);
BOOL NTAPI TpIsTimerSet(struct pool_object *timer)
{
	return timer->timer_set;
}
void NTAPI TpReleaseTimer(struct pool_object *timer);
void NTAPI TpReleaseTimer(struct pool_object *timer)
{
	pool_object_release(timer);
}
void NTAPI TpWaitForTimer(struct pool_object *timer, BOOL cancel);
void NTAPI TpWaitForTimer(struct pool_object *timer, BOOL cancel)
{
	pool_object_wait(timer, cancel);
}

struct wait_server { LIST_ENTRY link, objects; ULONG count; HANDLE changed; };
static LIST_ENTRY wait_servers = { &wait_servers, &wait_servers };

/* Fills handles with the event and the armed objects; the earliest due time, 0 for none. */
static ULONG gather_locked(struct wait_server *server, HANDLE *handles, struct pool_object **objects, ULONGLONG *due)
{
	ULONG count = 0;
	*due = 0;
	handles[0] = server->changed;
	for (LIST_ENTRY *link = server->objects.Flink; link != &server->objects; link = link->Flink) {
		struct pool_object *object = CONTAINING_RECORD(link, struct pool_object, service_link);
		objects[count] = object;
		handles[++count] = object->handle;
		if (object->has_due && (!*due || object->due < *due))
			*due = object->due;
	}
	return count;
}
static void wait_fire_locked(struct wait_server *server, struct pool_object *wait, ULONG result)
{
	wait->armed = false;
	wait->result = result;
	pool_list_take(&wait->service_link);
	server->count--;
	if (wait->in_wait_thread) {
		wait->references++; /* as a queue entry's */
		pool_object_run_locked(wait);
	} else {
		pool_object_submit_locked(wait);
	}
	pool_object_put_locked(wait);
}
static bool still_here_locked(const struct wait_server *server, const struct pool_object *wait)
{
	for (const LIST_ENTRY *link = server->objects.Flink; link != &server->objects; link = link->Flink)
		if (link == &wait->service_link)
			return true;
	return false;
}
static struct pool_object *first_due_locked(const struct wait_server *server, ULONGLONG now)
{
	for (LIST_ENTRY *link = server->objects.Flink; link != &server->objects; link = link->Flink) {
		struct pool_object *object = CONTAINING_RECORD(link, struct pool_object, service_link);
		if (object->has_due && object->due <= now)
			return object;
	}
	return NULL;
}
static void fire_due_locked(struct wait_server *server)
{
	ULONGLONG now = pool_now();
	for (struct pool_object *due; (due = first_due_locked(server, now));)
		wait_fire_locked(server, due, WAIT_TIMEOUT); /* may drop the lock: looks again from the start */
}
static DWORD WINAPI wait_thread(void *argument)
{
	struct wait_server *server = argument;
	HANDLE handles[WAITS_PER_THREAD + 1];
	struct pool_object *objects[WAITS_PER_THREAD];
	ULONGLONG due;
	pool_enter();
	for (;;) {
		ULONG count = gather_locked(server, handles, objects, &due);
		LARGE_INTEGER timeout = { .QuadPart = (LONGLONG)due };
		pool_leave();
		NTSTATUS status = NtWaitForMultipleObjects(count + 1, handles, TRUE, FALSE, due ? &timeout : NULL);
		pool_enter();
		ULONG index = (ULONG)status & 0x7f;
		if (status == STATUS_TIMEOUT)
			fire_due_locked(server);
		else if (NT_SUCCESS(status) && index && index <= count && still_here_locked(server, objects[index - 1]))
			wait_fire_locked(server, objects[index - 1], status >= STATUS_ABANDONED_WAIT_0 ? WAIT_ABANDONED : WAIT_OBJECT_0);
		else if (!NT_SUCCESS(status) && count) /* a handle that was closed or is no object: no wait of ours can go on */
			for (ULONG i = 0; i < count; i++)
				if (still_here_locked(server, objects[i]) && NtWaitForSingleObject(handles[i + 1], FALSE, &(LARGE_INTEGER){
					.QuadPart = 0 }) < 0)
					pool_wait_disarm_locked(objects[i]);
	}
	return 0;
}
/* A server with room; its thread lives as long as the process. */
static struct wait_server *server_locked(void)
{
	for (LIST_ENTRY *link = wait_servers.Flink; link != &wait_servers; link = link->Flink) {
		struct wait_server *server = CONTAINING_RECORD(link, struct wait_server, link);
		if (server->count < WAITS_PER_THREAD)
			return server;
	}
	struct wait_server *server = heap_allocate_zeroed(sizeof(*server));
	if (!server)
		return NULL;
	server->objects.Flink = server->objects.Blink = &server->objects;
	if (NtCreateEvent(&server->changed, EVENT_ALL_ACCESS, NULL, 1 /* synchronisation */, FALSE)) {
		heap_free(server);
		return NULL;
	}
	if (pool_thread(wait_thread, server, NULL)) {
		NtClose(server->changed);
		heap_free(server);
		return NULL;
	}
	pool_list_add(&wait_servers, &server->link);
	return server;
}
static struct wait_server *server_of_locked(const struct pool_object *wait)
{
	for (LIST_ENTRY *link = wait_servers.Flink; link != &wait_servers; link = link->Flink)
		if (still_here_locked(CONTAINING_RECORD(link, struct wait_server, link), wait))
			return CONTAINING_RECORD(link, struct wait_server, link);
	return NULL;
}
void pool_wait_disarm_locked(struct pool_object *wait)
{
	struct wait_server *server = wait->armed ? server_of_locked(wait) : NULL;
	if (!server)
		return;
	wait->armed = false;
	pool_list_take(&wait->service_link);
	server->count--;
	NtSetEvent(server->changed, NULL);
	pool_object_put_locked(wait);
}
NTSTATUS NTAPI TpAllocWait(struct pool_object **out, PTP_WAIT_CALLBACK callback, void *context, TP_CALLBACK_ENVIRON *environment)
{
	return pool_object_make(POOL_WAIT, (void *)callback, context, environment, out);
}
void NTAPI TpSetWait(struct pool_object *wait, HANDLE handle, LARGE_INTEGER *timeout)
{
	pool_enter();
	pool_wait_disarm_locked(wait);
	struct wait_server *server = handle && !wait->closing ? server_locked() : NULL;
	if (server) {
		wait->handle = handle;
		wait->has_due = timeout != NULL;
		wait->due = timeout ? due_time(timeout) : 0;
		wait->armed = true;
		wait->references++;
		server->count++;
		pool_list_add(&server->objects, &wait->service_link);
		NtSetEvent(server->changed, NULL);
	}
	pool_leave();
}
void NTAPI TpReleaseWait(struct pool_object *wait);
void NTAPI TpReleaseWait(struct pool_object *wait)
{
	pool_object_release(wait);
}
void NTAPI TpWaitForWait(struct pool_object *wait, BOOL cancel);
void NTAPI TpWaitForWait(struct pool_object *wait, BOOL cancel)
{
	pool_object_wait(wait, cancel);
}
