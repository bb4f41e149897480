// SPDX-License-Identifier: MIT
/* Pools, workers, cleanup groups, work objects (rules in pool.h). */
#include "pool.h"

#define MAXIMUM_THREADS 500   /* as documented for the default pool */
#define IDLE_SECONDS 5        /* a worker without work leaves */
#define TICKS_PER_SECOND 10000000ll
RTL_SRWLOCK pool_lock;
static struct pool default_pool = { .references = 1, .maximum = MAXIMUM_THREADS };

void pool_list_add(LIST_ENTRY *head, LIST_ENTRY *entry)
{
	entry->Flink = head;
	entry->Blink = head->Blink;
	head->Blink->Flink = entry;
	head->Blink = entry;
}
void pool_list_take(LIST_ENTRY *entry)
{
	entry->Blink->Flink = entry->Flink;
	entry->Flink->Blink = entry->Blink;
	entry->Flink = entry->Blink = entry;
}
ULONGLONG pool_now(void)
{
	LARGE_INTEGER now;
	NtQuerySystemTime(&now);
	return (ULONGLONG)now.QuadPart;
}
NTSTATUS pool_thread(LPTHREAD_START_ROUTINE function, void *argument, const struct pool *pool)
{
	return RtlCreateUserThread(NtCurrentProcess(), NULL, FALSE, 0, pool ? pool->stack_reserve : 0, pool ? pool->stack_commit : 0, function,
		argument, NULL, NULL);
}
static void pool_put_locked(struct pool *pool)
{
	if (--pool->references || pool == &default_pool)
		return;
	pool->closing = true;
	if (pool->threads)
		RtlWakeAllConditionVariable(&pool->work); /* the last worker frees it */
	else
		heap_free(pool);
}
void pool_object_put_locked(struct pool_object *object)
{
	if (--object->references)
		return;
	pool_put_locked(object->pool);
	while (object->completions.Flink != &object->completions) {
		struct completion *completion = CONTAINING_RECORD(object->completions.Flink, struct completion, link);
		pool_list_take(&completion->link);
		heap_free(completion);
	}
	if (object->dispose)
		object->dispose(object->context);
	heap_free(object);
}
static void call(struct pool_object *object, struct pool_instance *instance, ULONG result, struct completion *completion)
{
	PTP_CALLBACK_INSTANCE i = (PTP_CALLBACK_INSTANCE)instance;
	switch (object->kind) {
	case POOL_WORK: ((PTP_WORK_CALLBACK)object->callback)(i, object->context, (PTP_WORK)object); break;
	case POOL_SIMPLE: ((PTP_SIMPLE_CALLBACK)object->callback)(i, object->context); break;
	case POOL_TIMER: ((PTP_TIMER_CALLBACK)object->callback)(i, object->context, (PTP_TIMER)object); break;
	case POOL_WAIT: ((PTP_WAIT_CALLBACK)object->callback)(i, object->context, (PTP_WAIT)object, result); break;
	case POOL_IO:
		((void(NTAPI *)(PTP_CALLBACK_INSTANCE, void *, void *, IO_STATUS_BLOCK *, void *))object->callback)(i, object->context,
			completion->value, &completion->io, object);
		break;
	}
	if (object->finalization)
		object->finalization(i, object->context);
}
/* What the callback left to be done at its end. */
static void finish_instance(const struct pool_instance *instance)
{
	if (instance->section)
		RtlLeaveCriticalSection(instance->section);
	if (instance->mutex)
		NtReleaseMutant(instance->mutex, NULL);
	if (instance->semaphore)
		NtReleaseSemaphore(instance->semaphore, (ULONG)instance->semaphore_count, NULL);
	if (instance->event)
		NtSetEvent(instance->event, NULL);
	if (instance->module)
		LdrUnloadDll(instance->module);
}
void pool_object_run_locked(struct pool_object *object)
{
	struct pool_instance instance = { .object = object, .associated = true };
	struct completion *completion = NULL;
	ULONG result = object->result;
	if (object->kind == POOL_IO) {
		completion = CONTAINING_RECORD(object->completions.Flink, struct completion, link);
		pool_list_take(&completion->link);
		object->started--;
	}
	object->running++;
	pool_leave();
	call(object, &instance, result, completion);
	finish_instance(&instance);
	heap_free(completion);
	pool_enter();
	object->running--;
	if (!instance.associated)
		object->detached--;
	if (!object->pending && object->running == object->detached)
		RtlWakeAllConditionVariable(&object->finished);
	pool_object_put_locked(object); /* of the queue entry */
}
static void run_one_locked(struct pool *pool)
{
	struct pool_object *object = CONTAINING_RECORD(pool->queue.Flink, struct pool_object, queue_link);
	pool_list_take(&object->queue_link);
	pool->calls--;
	if (--object->pending)
		pool_list_add(&pool->queue, &object->queue_link);
	else
		object->queued = false;
	pool_object_run_locked(object);
}
static DWORD WINAPI worker(void *argument)
{
	struct pool *pool = argument;
	LARGE_INTEGER timeout = { .QuadPart = -IDLE_SECONDS * TICKS_PER_SECOND };
	pool_enter();
	pool->starting--;
	for (;;) {
		while (pool->queue.Flink != &pool->queue)
			run_one_locked(pool);
		if (pool->closing)
			break;
		pool->idle++;
		NTSTATUS status = RtlSleepConditionVariableSRW(&pool->work, &pool_lock, &timeout, 0);
		pool->idle--;
		if (status == STATUS_TIMEOUT && pool->queue.Flink == &pool->queue && pool->threads > pool->minimum)
			break;
	}
	bool last = !--pool->threads && pool->closing;
	pool_leave();
	if (last)
		heap_free(pool);
	return 0;
}
static NTSTATUS worker_add_locked(struct pool *pool)
{
	pool->threads++;
	pool->starting++;
	NTSTATUS status = pool_thread(worker, pool, pool);
	if (status) {
		pool->threads--;
		pool->starting--;
	}
	return status;
}
/* One more call of the object; the reference belongs to the queue entry. */
void pool_object_submit_locked(struct pool_object *object)
{
	struct pool *pool = object->pool;
	object->references++;
	object->pending++;
	if (!object->queued) {
		object->queued = true;
		pool_list_add(&pool->queue, &object->queue_link);
	}
	pool->calls++;
	if (pool->calls > pool->idle + pool->starting && pool->threads < pool->maximum && worker_add_locked(pool)) {
		/* another worker comes to it */
	}
	RtlWakeConditionVariable(&pool->work);
}
static void pool_setup(struct pool *pool)
{
	if (!pool->queue.Flink)
		pool->queue.Flink = pool->queue.Blink = &pool->queue;
}
NTSTATUS pool_object_make(enum pool_kind kind, void *callback, void *context, TP_CALLBACK_ENVIRON *environment, struct pool_object **out)
{
	struct pool_object *object = heap_allocate_zeroed(sizeof(*object));
	if (!object)
		return STATUS_NO_MEMORY;
	object->kind = kind;
	object->references = 1;
	object->callback = callback;
	object->context = context;
	object->completions.Flink = object->completions.Blink = &object->completions;
	object->group_link.Flink = object->group_link.Blink = &object->group_link;
	object->service_link.Flink = object->service_link.Blink = &object->service_link;
	object->pool = environment && environment->Pool ? (struct pool *)environment->Pool : &default_pool;
	pool_enter();
	pool_setup(object->pool);
	object->pool->references++;
	if (environment) {
		object->group = (struct group *)environment->CleanupGroup;
		object->cancelled = environment->CleanupGroupCancelCallback;
		object->finalization = environment->FinalizationCallback;
		object->race_module = environment->RaceDll;
	}
	if (object->group) {
		object->references++;
		pool_list_add(&object->group->members, &object->group_link);
	}
	pool_leave();
	*out = object;
	return STATUS_SUCCESS;
}
static void stop_locked(struct pool_object *object)
{
	object->closing = true;
	if (object->kind == POOL_TIMER)
		pool_timer_disarm_locked(object);
	if (object->kind == POOL_WAIT)
		pool_wait_disarm_locked(object);
}
static void leave_group_locked(struct pool_object *object)
{
	if (!object->group)
		return;
	pool_list_take(&object->group_link);
	object->group = NULL;
	pool_object_put_locked(object);
}
void pool_object_release(struct pool_object *object)
{
	pool_enter();
	stop_locked(object);
	leave_group_locked(object);
	pool_object_put_locked(object);
	pool_leave();
}
static void cancel_pending_locked(struct pool_object *object)
{
	LONG pending = object->kind == POOL_IO ? 0 : object->pending; /* a completed operation is always reported */
	if (!pending)
		return;
	object->pending = 0;
	object->pool->calls -= pending;
	object->queued = false;
	pool_list_take(&object->queue_link);
	for (LONG i = 0; i < pending; i++)
		pool_object_put_locked(object);
}
static void wait_locked(struct pool_object *object)
{
	while (object->pending || object->running > object->detached || (object->kind == POOL_IO && object->started && object->pending))
		RtlSleepConditionVariableSRW(&object->finished, &pool_lock, NULL, 0);
}
void pool_object_wait(struct pool_object *object, bool cancel)
{
	pool_enter();
	object->references++;
	if (cancel)
		cancel_pending_locked(object);
	wait_locked(object);
	pool_object_put_locked(object);
	pool_leave();
}

NTSTATUS NTAPI TpAllocPool(struct pool **out, void *reserved);
NTSTATUS NTAPI TpAllocPool(struct pool **out, void *reserved)
{
	struct pool *pool = reserved ? NULL : heap_allocate_zeroed(sizeof(*pool));
	if (!pool)
		return reserved ? STATUS_INVALID_PARAMETER : STATUS_NO_MEMORY;
	pool->references = 1;
	pool->maximum = MAXIMUM_THREADS;
	pool_setup(pool);
	*out = pool;
	return STATUS_SUCCESS;
}
void NTAPI TpReleasePool(struct pool *pool);
void NTAPI TpReleasePool(struct pool *pool)
{
	pool_enter();
	pool_put_locked(pool);
	pool_leave();
}
void NTAPI TpSetPoolMaxThreads(struct pool *pool, DWORD maximum);
void NTAPI TpSetPoolMaxThreads(struct pool *pool, DWORD maximum)
{
	pool_enter();
	pool->maximum = maximum ? (LONG)maximum : 1;
	if (pool->minimum > pool->maximum)
		pool->minimum = pool->maximum;
	pool_leave();
}
BOOL NTAPI TpSetPoolMinThreads(struct pool *pool, DWORD minimum);
BOOL NTAPI TpSetPoolMinThreads(struct pool *pool, DWORD minimum)
{
	BOOL done = TRUE;
	pool_enter();
	while (done && pool->threads < (LONG)minimum) {
		done = worker_add_locked(pool) == STATUS_SUCCESS;
	}
	if (done) {
		pool->minimum = (LONG)minimum;
		if (pool->maximum < pool->minimum)
			pool->maximum = pool->minimum;
	}
	pool_leave();
	return done;
}
struct stack_information { SIZE_T reserve, commit; };
NTSTATUS NTAPI TpQueryPoolStackInformation(struct pool *pool, struct stack_information *information);
NTSTATUS NTAPI TpQueryPoolStackInformation(struct pool *pool, struct stack_information *information)
{
	const IMAGE_NT_HEADERS *nt = RtlImageNtHeader(current_peb()->ImageBaseAddress);
	pool_enter();
	information->reserve = pool->stack_reserve ? pool->stack_reserve : nt->OptionalHeader.SizeOfStackReserve;
	information->commit = pool->stack_commit ? pool->stack_commit : nt->OptionalHeader.SizeOfStackCommit;
	pool_leave();
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI TpSetPoolStackInformation(struct pool *pool, const struct stack_information *information);
NTSTATUS NTAPI TpSetPoolStackInformation(struct pool *pool, const struct stack_information *information)
{
	pool_enter();
	pool->stack_reserve = information->reserve;
	pool->stack_commit = information->commit;
	pool_leave();
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI TpAllocCleanupGroup(struct group **out);
NTSTATUS NTAPI TpAllocCleanupGroup(struct group **out)
{
	struct group *group = heap_allocate_zeroed(sizeof(*group));
	if (!group)
		return STATUS_NO_MEMORY;
	group->members.Flink = group->members.Blink = &group->members;
	*out = group;
	return STATUS_SUCCESS;
}
/* Releases every member: pending calls are cancelled or waited for, the owner's reference goes. */
void NTAPI TpReleaseCleanupGroupMembers(struct group *group, BOOL cancel, void *user);
void NTAPI TpReleaseCleanupGroupMembers(struct group *group, BOOL cancel, void *user)
{
	pool_enter();
	while (group->members.Flink != &group->members) {
		struct pool_object *object = CONTAINING_RECORD(group->members.Flink, struct pool_object, group_link);
		pool_list_take(&object->group_link);
		object->group = NULL; /* the group's reference is ours now */
		bool owned = !object->closing && object->kind != POOL_SIMPLE;
		stop_locked(object);
		LONG pending = object->pending;
		if (cancel)
			cancel_pending_locked(object);
		wait_locked(object);
		PTP_CLEANUP_GROUP_CANCEL_CALLBACK cancelled = cancel && pending ? object->cancelled : NULL;
		void *context = object->context;
		pool_leave();
		if (cancelled)
			cancelled(context, user);
		pool_enter();
		if (owned)
			pool_object_put_locked(object);
		pool_object_put_locked(object);
	}
	pool_leave();
}
void NTAPI TpReleaseCleanupGroup(struct group *group);
void NTAPI TpReleaseCleanupGroup(struct group *group)
{
	heap_free(group);
}

NTSTATUS NTAPI TpAllocWork(struct pool_object **out, PTP_WORK_CALLBACK callback, void *context, TP_CALLBACK_ENVIRON *environment);
NTSTATUS NTAPI TpAllocWork(struct pool_object **out, PTP_WORK_CALLBACK callback, void *context, TP_CALLBACK_ENVIRON *environment)
{
	return pool_object_make(POOL_WORK, (void *)callback, context, environment, out);
}
void NTAPI TpPostWork(struct pool_object *work);
void NTAPI TpPostWork(struct pool_object *work)
{
	pool_enter();
	pool_object_submit_locked(work);
	pool_leave();
}
void NTAPI TpReleaseWork(struct pool_object *work);
void NTAPI TpReleaseWork(struct pool_object *work)
{
	pool_object_release(work);
}
void NTAPI TpWaitForWork(struct pool_object *work, BOOL cancel);
void NTAPI TpWaitForWork(struct pool_object *work, BOOL cancel)
{
	pool_object_wait(work, cancel);
}
NTSTATUS NTAPI TpSimpleTryPost(PTP_SIMPLE_CALLBACK callback, void *context, TP_CALLBACK_ENVIRON *environment)
{
	struct pool_object *object;
	NTSTATUS status = pool_object_make(POOL_SIMPLE, (void *)callback, context, environment, &object);
	if (status)
		return status;
	pool_enter();
	pool_object_submit_locked(object);
	pool_object_put_locked(object);
	pool_leave();
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI TpCallbackMayRunLong(struct pool_instance *instance);
NTSTATUS NTAPI TpCallbackMayRunLong(struct pool_instance *instance)
{
	struct pool *pool = instance->object->pool;
	NTSTATUS status = STATUS_SUCCESS;
	pool_enter();
	if (!pool->idle && pool->threads >= pool->maximum) {
		status = STATUS_TOO_MANY_THREADS;
	} else if (!pool->idle) {
		status = worker_add_locked(pool);
	}
	pool_leave();
	return status;
}
void NTAPI TpCallbackLeaveCriticalSectionOnCompletion(struct pool_instance *instance, RTL_CRITICAL_SECTION *section);
void NTAPI TpCallbackLeaveCriticalSectionOnCompletion(struct pool_instance *instance, RTL_CRITICAL_SECTION *section)
{
	if (!instance->section)
		instance->section = section;
}
void NTAPI TpCallbackReleaseMutexOnCompletion(struct pool_instance *instance, HANDLE mutex);
void NTAPI TpCallbackReleaseMutexOnCompletion(struct pool_instance *instance, HANDLE mutex)
{
	if (!instance->mutex)
		instance->mutex = mutex;
}
void NTAPI TpCallbackReleaseSemaphoreOnCompletion(struct pool_instance *instance, HANDLE semaphore, DWORD count);
void NTAPI TpCallbackReleaseSemaphoreOnCompletion(struct pool_instance *instance, HANDLE semaphore, DWORD count)
{
	if (instance->semaphore)
		return;
	instance->semaphore = semaphore;
	instance->semaphore_count = (LONG)count;
}
void NTAPI TpCallbackSetEventOnCompletion(struct pool_instance *instance, HANDLE event);
void NTAPI TpCallbackSetEventOnCompletion(struct pool_instance *instance, HANDLE event)
{
	if (!instance->event)
		instance->event = event;
}
void NTAPI TpCallbackUnloadDllOnCompletion(struct pool_instance *instance, HMODULE module);
void NTAPI TpCallbackUnloadDllOnCompletion(struct pool_instance *instance, HMODULE module)
{
	if (!instance->module)
		instance->module = module;
}
void NTAPI TpDisassociateCallback(struct pool_instance *instance);
void NTAPI TpDisassociateCallback(struct pool_instance *instance)
{
	struct pool_object *object = instance->object;
	pool_enter();
	if (instance->associated) {
		instance->associated = false;
		object->detached++;
		if (!object->pending && object->running == object->detached)
			RtlWakeAllConditionVariable(&object->finished);
	}
	pool_leave();
}
