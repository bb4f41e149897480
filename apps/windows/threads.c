// SPDX-License-Identifier: MIT
/* Threads and what they wait on: events, mutexes, semaphores, timers, critical sections, SRW locks, condition variables,
 * WaitOnAddress, run-once, APCs, suspension, completion ports, wait for all. */
#include "expect.h"

static CRITICAL_SECTION section;
static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static LONG counter, guarded, once_calls, address, apc_calls;
static HANDLE start, port;

static BOOL CALLBACK on_once(PINIT_ONCE init, PVOID parameter, PVOID *context)
{
	once_calls++;
	return TRUE;
}

static DWORD WINAPI worker(LPVOID argument)
{
	WaitForSingleObject(start, INFINITE);
	InitOnceExecuteOnce(&once, on_once, NULL, NULL);
	for (int i = 0; i < 2000; i++) {
		EnterCriticalSection(&section);
		counter++;
		LeaveCriticalSection(&section);
		AcquireSRWLockExclusive(&lock);
		guarded++;
		ReleaseSRWLockExclusive(&lock);
	}
	WakeAllConditionVariable(&changed);
	return (DWORD)(ULONG_PTR)argument;
}

static void test_locks(void)
{
	enum { THREADS = 6 };
	HANDLE threads[THREADS];
	DWORD code = 0;
	InitializeCriticalSectionAndSpinCount(&section, 100);
	start = CreateEventA(NULL, TRUE, FALSE, NULL);
	for (ULONG_PTR i = 0; i < THREADS; i++)
		threads[i] = CreateThread(NULL, 0, worker, (PVOID)(i + 40), 0, NULL);
	FACT(WaitForMultipleObjects(THREADS, threads, FALSE, 20) == WAIT_TIMEOUT);
	SetEvent(start);
	AcquireSRWLockExclusive(&lock);
	while (guarded < THREADS * 2000)
		if (!SleepConditionVariableSRW(&changed, &lock, 20000, 0))
			break;
	ReleaseSRWLockExclusive(&lock);
	FACT(WaitForMultipleObjects(THREADS, threads, TRUE, 20000) == WAIT_OBJECT_0);
	FACT(counter == THREADS * 2000 && guarded == THREADS * 2000 && once_calls == 1);
	FACT(GetExitCodeThread(threads[5], &code) && code == 45);
	for (int i = 0; i < THREADS; i++)
		CloseHandle(threads[i]);
}

static void test_objects(void)
{
	HANDLE automatic = CreateEventA(NULL, FALSE, TRUE, NULL), mutex = CreateMutexA(NULL, TRUE, "ambos-demo-mutex"), again;
	HANDLE semaphore = CreateSemaphoreA(NULL, 1, 2, NULL), timer = CreateWaitableTimerA(NULL, FALSE, NULL);
	LARGE_INTEGER due = { .QuadPart = -200000 };
	LONG previous = -1;
	FACT(WaitForSingleObject(automatic, 0) == WAIT_OBJECT_0 && WaitForSingleObject(automatic, 0) == WAIT_TIMEOUT);
	again = CreateMutexA(NULL, FALSE, "ambos-demo-mutex");
	FACT(again && GetLastError() == ERROR_ALREADY_EXISTS && WaitForSingleObject(again, 0) == WAIT_OBJECT_0);
	FACT(ReleaseMutex(again) && ReleaseMutex(mutex) && !ReleaseMutex(mutex) && GetLastError() == ERROR_NOT_OWNER);
	FACT(ReleaseSemaphore(semaphore, 1, &previous) && previous == 1);
	FACT(!ReleaseSemaphore(semaphore, 1, NULL) && GetLastError() == ERROR_TOO_MANY_POSTS);
	HANDLE both[2] = { semaphore, automatic };
	FACT(WaitForMultipleObjects(2, both, TRUE, 0) == WAIT_TIMEOUT);
	SetEvent(automatic);
	FACT(WaitForMultipleObjects(2, both, TRUE, 0) == WAIT_OBJECT_0 && WaitForSingleObject(automatic, 0) == WAIT_TIMEOUT);
	FACT(SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE) && WaitForSingleObject(timer, 5000) == WAIT_OBJECT_0);
	FACT(CloseHandle(semaphore) && WaitForSingleObject(semaphore, 0) == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE);
	CloseHandle(again);
	CloseHandle(mutex);
	CloseHandle(automatic);
	CloseHandle(timer);
}

static DWORD WINAPI poster(LPVOID argument)
{
	Sleep(20);
	address = 1;
	WakeByAddressSingle(&address);
	for (ULONG_PTR i = 1; i <= 3; i++)
		PostQueuedCompletionStatus(port, (DWORD)i, i * 10, NULL);
	return 0;
}

static void CALLBACK on_apc(ULONG_PTR value)
{
	apc_calls += (LONG)value;
}

static void test_queues(void)
{
	LONG zero = 0;
	DWORD bytes = 0, sum = 0;
	ULONG_PTR key;
	OVERLAPPED *overlapped;
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	HANDLE thread = CreateThread(NULL, 0, poster, NULL, CREATE_SUSPENDED, NULL);
	FACT(WaitForSingleObject(thread, 10) == WAIT_TIMEOUT && ResumeThread(thread) == 1);
	FACT(WaitOnAddress(&address, &zero, sizeof(zero), 10000) && address == 1);
	for (int i = 0; i < 3 && GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 10000); i++)
		sum += bytes * (DWORD)key;
	FACT(sum == 140);
	FACT(!GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0) && GetLastError() == WAIT_TIMEOUT);
	FACT(WaitForSingleObject(thread, 10000) == WAIT_OBJECT_0);
	FACT(QueueUserAPC(on_apc, GetCurrentThread(), 5) && SleepEx(5000, TRUE) == WAIT_IO_COMPLETION && apc_calls == 5);
	CloseHandle(thread);
	CloseHandle(port);
}

int main(void)
{
	test_locks();
	test_objects();
	test_queues();
	return failures;
}
