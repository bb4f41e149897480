// SPDX-License-Identifier: MIT
/* Events, mutexes, semaphores, timers, ports, APCs, threads, suspension, named objects, handles. */
#include "check.h"

#define SOON 5000u /* ms: a wait that must end is given this long */
static CRITICAL_SECTION section;
static volatile LONG counter, spins, apc_sum;
static HANDLE event, mutex;

static DWORD WINAPI add_thousand(void *argument)
{
	for (int i = 0; i < 1000; i++) {
		EnterCriticalSection(&section);
		counter++;
		LeaveCriticalSection(&section);
	}
	return 17 + (DWORD)(ULONG_PTR)argument;
}
/* Leaving what was not entered leaves a wrong recursion count and a usable section. */
CASE(critical_section_left_by_mistake_is_usable)
{
	CRITICAL_SECTION s;
	InitializeCriticalSection(&s);
	LeaveCriticalSection(&s);
	LeaveCriticalSection(&s);
	CHECK(s.LockCount == -1 && s.RecursionCount == -2 && !s.OwningThread);
	EnterCriticalSection(&s);
	CHECK(s.RecursionCount == 1 && s.OwningThread == (HANDLE)(ULONG_PTR)GetCurrentThreadId());
	LeaveCriticalSection(&s);
	CHECK(s.LockCount == -1 && s.RecursionCount == 0);
	DeleteCriticalSection(&s);
}
CASE(threads_under_a_critical_section_count_exactly)
{
	HANDLE threads[4];
	DWORD code = 0;
	InitializeCriticalSection(&section);
	for (int i = 0; i < 4; i++)
		threads[i] = CreateThread(NULL, 0, add_thousand, (void *)(ULONG_PTR)i, 0, NULL);
	CHECK(WaitForMultipleObjects(4, threads, TRUE, SOON) == WAIT_OBJECT_0);
	CHECK(counter == 4000);
	CHECK(GetExitCodeThread(threads[2], &code) && code == 19);
	for (int i = 0; i < 4; i++)
		CloseHandle(threads[i]);
}
CASE(auto_event_releases_one_wait)
{
	event = CreateEventW(NULL, FALSE, FALSE, NULL);
	CHECK(WaitForSingleObject(event, 0) == WAIT_TIMEOUT);
	SetEvent(event);
	CHECK(WaitForSingleObject(event, 0) == WAIT_OBJECT_0);
	CHECK(WaitForSingleObject(event, 10) == WAIT_TIMEOUT);
}
static DWORD WINAPI hold_mutex(void *argument)
{
	(void)argument;
	return WaitForSingleObject(mutex, INFINITE);
}
CASE(mutex_of_a_dead_thread_is_abandoned)
{
	mutex = CreateMutexW(NULL, FALSE, NULL);
	HANDLE thread = CreateThread(NULL, 0, hold_mutex, NULL, 0, NULL);
	WaitForSingleObject(thread, SOON);
	CHECK(WaitForSingleObject(mutex, SOON) == WAIT_ABANDONED);
	CHECK(ReleaseMutex(mutex));
	CHECK_ERROR(ReleaseMutex(mutex), ERROR_NOT_OWNER);
	CloseHandle(thread);
}
CASE(semaphore_keeps_its_limit)
{
	LONG previous = 0;
	HANDLE s = CreateSemaphoreW(NULL, 1, 3, NULL);
	CHECK(ReleaseSemaphore(s, 2, &previous) && previous == 1);
	CHECK_ERROR(ReleaseSemaphore(s, 1, NULL), ERROR_TOO_MANY_POSTS);
	HANDLE both[2] = { event, s };
	CHECK(WaitForMultipleObjects(2, both, FALSE, 0) == WAIT_OBJECT_0 + 1);
	CHECK(WaitForMultipleObjects(2, both, TRUE, 10) == WAIT_TIMEOUT);
	SetEvent(event);
	CHECK(WaitForMultipleObjects(2, both, TRUE, SOON) == WAIT_OBJECT_0);
	CHECK(WaitForSingleObject(event, 0) == WAIT_TIMEOUT); /* wait-all consumed it */
	CloseHandle(s);
}
static void CALLBACK add_apc(ULONG_PTR n) { apc_sum += (LONG)n; }
static DWORD WINAPI sleep_alertable(void *argument)
{
	(void)argument;
	return SleepEx(INFINITE, TRUE);
}
CASE(apc_runs_in_alertable_waits_only)
{
	DWORD code = 0;
	QueueUserAPC(add_apc, GetCurrentThread(), 5);
	Sleep(1);
	CHECK(apc_sum == 0);
	CHECK(SleepEx(0, TRUE) == WAIT_IO_COMPLETION && apc_sum == 5);
	HANDLE thread = CreateThread(NULL, 0, sleep_alertable, NULL, 0, NULL);
	Sleep(20);
	QueueUserAPC(add_apc, thread, 7);
	CHECK(WaitForSingleObject(thread, SOON) == WAIT_OBJECT_0 && apc_sum == 12);
	CHECK(GetExitCodeThread(thread, &code) && code == WAIT_IO_COMPLETION);
	CloseHandle(thread);
}
CASE(waitable_timer_fires)
{
	LARGE_INTEGER due = { .QuadPart = -200000 };
	HANDLE timer = CreateWaitableTimerW(NULL, TRUE, NULL);
	CHECK(SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE));
	CHECK(WaitForSingleObject(timer, SOON) == WAIT_OBJECT_0);
	CHECK(WaitForSingleObject(timer, 0) == WAIT_OBJECT_0); /* manual reset */
	CloseHandle(timer);
}
CASE(completion_port_carries_packets)
{
	DWORD bytes = 0;
	ULONG_PTR key = 0;
	OVERLAPPED *o = NULL;
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	CHECK(PostQueuedCompletionStatus(port, 3, 4, (OVERLAPPED *)5));
	CHECK(GetQueuedCompletionStatus(port, &bytes, &key, &o, SOON) && bytes == 3 && key == 4 && o == (OVERLAPPED *)5);
	CHECK_ERROR(GetQueuedCompletionStatus(port, &bytes, &key, &o, 10), WAIT_TIMEOUT);
	CloseHandle(port);
}
static DWORD WINAPI spin(void *argument)
{
	for (;;)
		spins++;
	return (DWORD)(ULONG_PTR)argument;
}
CASE(suspended_thread_stands_and_shows_its_context)
{
	CONTEXT c = { .ContextFlags = CONTEXT_FULL };
	DWORD code = 0;
	HANDLE thread = CreateThread(NULL, 0, spin, NULL, 0, NULL);
	Sleep(30);
	CHECK(SuspendThread(thread) == 0);
	CHECK(GetThreadContext(thread, &c) && c.Rip);
	LONG seen = spins;
	Sleep(30);
	CHECK(spins == seen && seen);
	CHECK(ResumeThread(thread) == 1);
	Sleep(30);
	CHECK(spins != seen);
	CHECK(TerminateThread(thread, 99));
	CHECK(WaitForSingleObject(thread, SOON) == WAIT_OBJECT_0);
	CHECK(GetExitCodeThread(thread, &code) && code == 99);
	CloseHandle(thread);
}
CASE(named_event_is_one_object)
{
	SetLastError(0);
	HANDLE first = CreateEventW(NULL, TRUE, FALSE, L"Local\\ambos test event");
	CHECK(GetLastError() == 0);
	HANDLE second = CreateEventW(NULL, TRUE, FALSE, L"ambos test event");
	CHECK(GetLastError() == ERROR_ALREADY_EXISTS);
	SetEvent(first);
	CHECK(WaitForSingleObject(second, 0) == WAIT_OBJECT_0);
	CHECK_ERROR(OpenEventW(EVENT_ALL_ACCESS, FALSE, L"ambos no such event"), ERROR_FILE_NOT_FOUND);
	CHECK_ERROR(CreateMutexW(NULL, FALSE, L"ambos test event"), ERROR_INVALID_HANDLE);
	CloseHandle(first);
	CloseHandle(second);
	CHECK_ERROR(OpenEventW(EVENT_ALL_ACCESS, FALSE, L"ambos test event"), ERROR_FILE_NOT_FOUND); /* gone with its handles */
}
CASE(duplicate_has_its_own_life_and_access)
{
	HANDLE copy = NULL, weak = NULL;
	CHECK(DuplicateHandle(GetCurrentProcess(), event, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS) && copy != event);
	CHECK(CloseHandle(copy));
	CHECK_ERROR(CloseHandle(copy), ERROR_INVALID_HANDLE);
	CHECK(DuplicateHandle(GetCurrentProcess(), event, GetCurrentProcess(), &weak, SYNCHRONIZE, FALSE, 0));
	CHECK_ERROR(SetEvent(weak), ERROR_ACCESS_DENIED);
	CHECK(WaitForSingleObject(weak, 0) == WAIT_TIMEOUT);
	CloseHandle(weak);
}
static DWORD CALLBACK end_at_once(void *context) { return (DWORD)(ULONG_PTR)context; }
/* An ended thread keeps its id while a handle to it is open: no thread made meanwhile gets it. */
CASE(ended_thread_keeps_its_id_while_a_handle_is_open)
{
	LONG(NTAPI *alert)(HANDLE) = (LONG(NTAPI *)(HANDLE))(void *)GetProcAddress(GetModuleHandleW(L"ntdll"), "NtAlertThreadByThreadId");
	DWORD id, other;
	HANDLE held = CreateThread(NULL, 0, end_at_once, NULL, 0, &id);
	CHECK(WaitForSingleObject(held, 5000) == WAIT_OBJECT_0);
	for (int i = 0; i < 40; i++) {
		HANDLE t = CreateThread(NULL, 0, end_at_once, NULL, 0, &other);
		CHECK(other != id && WaitForSingleObject(t, 5000) == WAIT_OBJECT_0);
		CloseHandle(t);
	}
	CHECK(alert && alert((HANDLE)(ULONG_PTR)id) == 0);
	CloseHandle(held);
	CHECK(alert && alert((HANDLE)(ULONG_PTR)0xfffffffc) != 0);
}
static VOID CALLBACK count_apc(ULONG_PTR value) { apc_sum += (LONG)value; }
typedef LONG(NTAPI *queue_apc)(HANDLE, void *, ULONG_PTR, ULONG_PTR, ULONG_PTR);
typedef LONG(NTAPI *test_alert)(void);
CASE(apc_without_routine_ends_no_wait_and_test_alert_runs_others)
{
	queue_apc queue = (queue_apc)(void *)GetProcAddress(GetModuleHandleA("ntdll"), "NtQueueApcThread");
	test_alert test = (test_alert)(void *)GetProcAddress(GetModuleHandleA("ntdll"), "NtTestAlert");
	CHECK(queue(GetCurrentThread(), NULL, 0, 0, 0) == 0);
	CHECK(SleepEx(20, TRUE) == 0);
	apc_sum = 0;
	CHECK(QueueUserAPC(count_apc, GetCurrentThread(), 5) && apc_sum == 0);
	CHECK(test() == 0 && apc_sum == 5);
}
static BOOL CALLBACK make_once(INIT_ONCE *once, void *parameter, void **context)
{
	CHECK(*context == parameter);
	*context = (void *)0x1230;
	return TRUE;
}
CASE(init_once_gives_the_callback_the_callers_context)
{
	INIT_ONCE once = INIT_ONCE_STATIC_INIT;
	void *context = &once;
	CHECK(InitOnceExecuteOnce(&once, make_once, &once, &context) && context == (void *)0x1230);
	context = NULL;
	CHECK(InitOnceExecuteOnce(&once, make_once, NULL, &context) && context == (void *)0x1230);
}
CASE(thread_rights_are_those_of_its_handle)
{
	ULONG_PTR mask, system;
	FILETIME t[4];
	HANDLE weak = OpenThread(THREAD_QUERY_LIMITED_INFORMATION, FALSE, GetCurrentThreadId());
	CHECK(weak && GetThreadTimes(weak, &t[0], &t[1], &t[2], &t[3]));
	CHECK(SetThreadPriority(weak, 1) == 0 && GetLastError() == ERROR_ACCESS_DENIED);
	CHECK(SuspendThread(weak) == (DWORD)-1 && GetLastError() == ERROR_ACCESS_DENIED);
	CloseHandle(weak);
	HANDLE strong = OpenThread(THREAD_QUERY_INFORMATION, FALSE, GetCurrentThreadId());
	CHECK(GetThreadTimes(strong, &t[0], &t[1], &t[2], &t[3])); /* the limited right comes with it */
	CloseHandle(strong);
	CHECK(GetProcessAffinityMask(GetCurrentProcess(), &mask, &system));
	CHECK(SetThreadAffinityMask(GetCurrentThread(), ~(ULONG_PTR)0) == mask);
}
static DWORD WINAPI own_priority(void *unused)
{
	(void)unused;
	return (DWORD)GetThreadPriority(GetCurrentThread());
}
CASE(thread_priority_is_kept_and_bounded)
{
	static const int valid[] = { THREAD_PRIORITY_IDLE, -2, -1, 1, 2, THREAD_PRIORITY_TIME_CRITICAL };
	DWORD code = 99;
	for (unsigned i = 0; i < sizeof(valid) / sizeof(*valid); i++)
		CHECK(SetThreadPriority(GetCurrentThread(), valid[i]) && GetThreadPriority(GetCurrentThread()) == valid[i]);
	CHECK_ERROR(SetThreadPriority(GetCurrentThread(), 3), ERROR_INVALID_PARAMETER);
	HANDLE thread = CreateThread(NULL, 0, own_priority, NULL, 0, NULL);
	CHECK(WaitForSingleObject(thread, SOON) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &code) && code == THREAD_PRIORITY_NORMAL);
	CloseHandle(thread);
	CHECK(SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_NORMAL));
	CHECK(GetPriorityClass(GetCurrentProcess()) == NORMAL_PRIORITY_CLASS);
	CHECK(SetPriorityClass(GetCurrentProcess(), BELOW_NORMAL_PRIORITY_CLASS));
	CHECK(GetPriorityClass(GetCurrentProcess()) == BELOW_NORMAL_PRIORITY_CLASS);
	CHECK(GetThreadPriority(GetCurrentThread()) == THREAD_PRIORITY_NORMAL);
	CHECK(SetPriorityClass(GetCurrentProcess(), NORMAL_PRIORITY_CLASS));
}
static DWORD WINAPI x87_control(void *unused)
{
	unsigned short control;
	(void)unused;
	__asm__ volatile("fnstcw %0" : "=m"(control));
	return control;
}
CASE(threads_start_with_double_precision)
{
	DWORD code = 0;
	HANDLE thread = CreateThread(NULL, 0, x87_control, NULL, 0, NULL);
	CHECK(WaitForSingleObject(thread, SOON) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &code) && code == 0x27f);
	CloseHandle(thread);
}
CASE(tick_count_moves_by_itself)
{
	ULONGLONG start = GetTickCount64();
	while (GetTickCount64() == start)
		continue;
	CHECK(GetTickCount64() > start);
}

static DWORD WINAPI set_first(void *argument)
{
	*(volatile LONG *)argument = 1;
	return 7;
}
CASE(thread_that_never_ran_has_a_context_and_an_end)
{
	volatile LONG ran = 0;
	DWORD code = 0;
	CONTEXT c = { .ContextFlags = CONTEXT_CONTROL };
	HANDLE t = CreateThread(NULL, 0, set_first, (void *)&ran, CREATE_SUSPENDED, NULL);
	CHECK(t && WaitForSingleObject(t, 20) == WAIT_TIMEOUT);
	CHECK(GetThreadContext(t, &c) && c.Rip && c.Rsp);
	CHECK(SuspendThread(t) == 1 && ResumeThread(t) == 2);
	CHECK(WaitForSingleObject(t, 20) == WAIT_TIMEOUT);
	CHECK(TerminateThread(t, 5) && WaitForSingleObject(t, 5000) == WAIT_OBJECT_0);
	CHECK(GetExitCodeThread(t, &code) && code == 5 && !ran);
	CloseHandle(t);
	t = CreateThread(NULL, 0, set_first, (void *)&ran, CREATE_SUSPENDED, NULL);
	CHECK(ResumeThread(t) == 1 && WaitForSingleObject(t, 5000) == WAIT_OBJECT_0);
	CHECK(GetExitCodeThread(t, &code) && code == 7 && ran);
	CloseHandle(t);
	CHECK(CreateThread(NULL, 0, set_first, (void *)&ran, CREATE_SUSPENDED, NULL) != NULL); /* the process ends all the same */
}

struct nt_attributes { ULONG length; HANDLE root; void *name; ULONG attributes; void *security, *quality; };
CASE(a_failure_leaves_handle_0)
{
	LONG (WINAPI *create)(HANDLE *, ULONG, void *, ULONG, BOOLEAN) = (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtCreateEvent");
	LONG (WINAPI *open)(HANDLE *, ULONG, void *) = (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtOpenMutant");
	struct nt_attributes no_name = { .length = sizeof(no_name) };
	HANDLE h = (HANDLE)0x1234;
	CHECK(create(&h, EVENT_ALL_ACCESS, NULL, 77, FALSE) < 0 && !h);
	h = (HANDLE)0x1234;
	CHECK(open(&h, MUTANT_ALL_ACCESS, &no_name) < 0 && !h);
}

int main(void)
{
	RUN(thread_that_never_ran_has_a_context_and_an_end);
	RUN(critical_section_left_by_mistake_is_usable);
	RUN(threads_under_a_critical_section_count_exactly);
	RUN(auto_event_releases_one_wait);
	RUN(mutex_of_a_dead_thread_is_abandoned);
	RUN(semaphore_keeps_its_limit);
	RUN(apc_runs_in_alertable_waits_only);
	RUN(waitable_timer_fires);
	RUN(completion_port_carries_packets);
	RUN(suspended_thread_stands_and_shows_its_context);
	RUN(named_event_is_one_object);
	RUN(duplicate_has_its_own_life_and_access);
	RUN(ended_thread_keeps_its_id_while_a_handle_is_open);
	RUN(apc_without_routine_ends_no_wait_and_test_alert_runs_others);
	RUN(init_once_gives_the_callback_the_callers_context);
	RUN(thread_rights_are_those_of_its_handle);
	RUN(thread_priority_is_kept_and_bounded);
	RUN(threads_start_with_double_precision);
	RUN(tick_count_moves_by_itself);
	RUN(a_failure_leaves_handle_0);
	return check_summary();
}
