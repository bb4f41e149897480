// SPDX-License-Identifier: MIT
/* Thread pool: work, timers, waits, cleanup groups, the older queue functions. */
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#include "check.h"

#define WAIT_MS 10000
static volatile LONG calls, timed_out;
static HANDLE done;

static VOID CALLBACK on_work(PTP_CALLBACK_INSTANCE i, PVOID context, PTP_WORK work) { InterlockedIncrement(&calls); }
static VOID CALLBACK on_timer(PTP_CALLBACK_INSTANCE i, PVOID context, PTP_TIMER timer)
{
	if (InterlockedIncrement(&calls) == 5)
		SetEvent(done);
}
static VOID CALLBACK on_wait(PTP_CALLBACK_INSTANCE i, PVOID context, PTP_WAIT wait, TP_WAIT_RESULT result)
{
	InterlockedIncrement(&calls);
	timed_out = result == WAIT_TIMEOUT;
	SetEventWhenCallbackReturns(i, done);
}
static DWORD WINAPI on_item(void *context)
{
	if (InterlockedIncrement(&calls) == 50)
		SetEvent(done);
	return 0;
}
static VOID CALLBACK on_old(void *context, BOOLEAN timeout)
{
	timed_out = timeout;
	if (InterlockedIncrement(&calls) == *(LONG *)context)
		SetEvent(done);
}
static BOOL finished(void) { return WaitForSingleObject(done, WAIT_MS) == WAIT_OBJECT_0; }

CASE(every_submitted_work_runs_once)
{
	calls = 0;
	PTP_WORK work = CreateThreadpoolWork(on_work, NULL, NULL);
	for (int i = 0; i < 200; i++)
		SubmitThreadpoolWork(work);
	WaitForThreadpoolWorkCallbacks(work, FALSE);
	CHECK(calls == 200);
	CloseThreadpoolWork(work);
}
CASE(a_periodic_timer_comes_again_until_it_is_stopped)
{
	LARGE_INTEGER due = { .QuadPart = -10000 };
	FILETIME time = { due.LowPart, (DWORD)due.HighPart };
	calls = 0;
	PTP_TIMER timer = CreateThreadpoolTimer(on_timer, NULL, NULL);
	CHECK(!IsThreadpoolTimerSet(timer));
	SetThreadpoolTimer(timer, &time, 2, 0);
	CHECK(IsThreadpoolTimerSet(timer));
	CHECK(finished());
	SetThreadpoolTimer(timer, NULL, 0, 0);
	WaitForThreadpoolTimerCallbacks(timer, TRUE);
	LONG seen = calls;
	Sleep(30);
	CHECK(calls == seen);
	CloseThreadpoolTimer(timer);
}
CASE(a_wait_reports_the_signal_or_the_timeout)
{
	LARGE_INTEGER due = { .QuadPart = -100000 };
	FILETIME time = { due.LowPart, (DWORD)due.HighPart };
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
	PTP_WAIT wait = CreateThreadpoolWait(on_wait, NULL, NULL);
	SetThreadpoolWait(wait, event, NULL);
	SetEvent(event);
	CHECK(finished() && !timed_out);
	SetThreadpoolWait(wait, event, &time);
	CHECK(finished() && timed_out);
	WaitForThreadpoolWaitCallbacks(wait, FALSE);
	CloseThreadpoolWait(wait);
	CloseHandle(event);
}
CASE(a_cleanup_group_waits_for_its_members)
{
	TP_CALLBACK_ENVIRON environment;
	PTP_CLEANUP_GROUP group = CreateThreadpoolCleanupGroup();
	InitializeThreadpoolEnvironment(&environment);
	SetThreadpoolCallbackCleanupGroup(&environment, group, NULL);
	calls = 0;
	PTP_WORK work = CreateThreadpoolWork(on_work, NULL, &environment);
	for (int i = 0; i < 20; i++)
		SubmitThreadpoolWork(work);
	CloseThreadpoolCleanupGroupMembers(group, FALSE, NULL);
	CHECK(calls == 20);
	CloseThreadpoolCleanupGroup(group);
}
CASE(queued_work_items_run)
{
	calls = 0;
	for (int i = 0; i < 50; i++)
		CHECK(QueueUserWorkItem(on_item, NULL, 0));
	CHECK(finished() && calls == 50);
}
CASE(a_registered_wait_reports_signal_and_timeout)
{
	LONG wanted = 1;
	HANDLE registered, event = CreateEventA(NULL, FALSE, FALSE, NULL);
	calls = 0;
	CHECK(RegisterWaitForSingleObject(&registered, event, on_old, &wanted, INFINITE, WT_EXECUTEONLYONCE));
	SetEvent(event);
	CHECK(finished() && !timed_out);
	CHECK(UnregisterWaitEx(registered, INVALID_HANDLE_VALUE));
	calls = 0;
	CHECK(RegisterWaitForSingleObject(&registered, event, on_old, &wanted, 5, WT_EXECUTEONLYONCE));
	CHECK(finished() && timed_out);
	CHECK(UnregisterWaitEx(registered, INVALID_HANDLE_VALUE));
	CloseHandle(event);
}
CASE(a_timer_queue_runs_its_timers_and_ends)
{
	LONG wanted = 5;
	HANDLE timer, queue = CreateTimerQueue();
	calls = 0;
	CHECK(CreateTimerQueueTimer(&timer, queue, on_old, &wanted, 1, 2, 0));
	CHECK(finished());
	CHECK(DeleteTimerQueueEx(queue, INVALID_HANDLE_VALUE));
	LONG seen = calls;
	Sleep(20);
	CHECK(calls == seen);
}
static HANDLE trigger, answer;
static VOID CALLBACK set_answer(PVOID unused, BOOLEAN late)
{
	(void)unused, (void)late;
	SetEvent(answer);
}
static VOID CALLBACK ask_and_wait(PVOID out, BOOLEAN late)
{
	(void)late;
	SetEvent(trigger);
	*(DWORD *)out = WaitForSingleObject(answer, 50); /* its neighbour runs in this thread, so after this */
	SetEvent(done);
}
CASE(waits_with_execute_in_wait_thread_run_one_after_the_other)
{
	DWORD result = 99;
	HANDLE first, second, event = CreateEventA(NULL, FALSE, FALSE, NULL);
	trigger = CreateEventA(NULL, FALSE, FALSE, NULL);
	answer = CreateEventA(NULL, FALSE, FALSE, NULL);
	CHECK(RegisterWaitForSingleObject(&first, trigger, set_answer, NULL, INFINITE, WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD));
	CHECK(RegisterWaitForSingleObject(&second, event, ask_and_wait, &result, INFINITE, WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD));
	SetEvent(event);
	CHECK(WaitForSingleObject(done, 5000) == WAIT_OBJECT_0 && result == WAIT_TIMEOUT);
	CHECK(WaitForSingleObject(answer, 5000) == WAIT_OBJECT_0);
	CHECK(UnregisterWaitEx(first, INVALID_HANDLE_VALUE) && UnregisterWaitEx(second, INVALID_HANDLE_VALUE));
}
CASE(a_registered_wait_of_no_time_ends_at_once)
{
	LONG wanted = 1;
	HANDLE registered, event = CreateEventA(NULL, TRUE, FALSE, NULL);
	calls = 0;
	CHECK(RegisterWaitForSingleObject(&registered, event, on_old, &wanted, 0, WT_EXECUTEONLYONCE));
	CHECK(finished() && timed_out);
	CHECK(UnregisterWaitEx(registered, INVALID_HANDLE_VALUE));
	CloseHandle(event);
}
static VOID CALLBACK sleep_long(PVOID unused, BOOLEAN late)
{
	(void)unused, (void)late;
	WaitForSingleObject(answer, 5000);
}
CASE(a_slow_callback_holds_no_other_up_and_a_run_timer_stays_run)
{
	LONG wanted = 3;
	HANDLE timer[4], queue = CreateTimerQueue();
	calls = 0;
	for (int i = 0; i < 4; i++) /* two wait for the event, the others run meanwhile */
		CHECK(CreateTimerQueueTimer(&timer[i], queue, i % 2 ? on_old : sleep_long, &wanted, 0, 0, 0));
	Sleep(200);
	CHECK(calls == 2);
	CHECK(ChangeTimerQueueTimer(queue, timer[1], 1, 1)); /* accepted, without effect */
	Sleep(50);
	CHECK(calls == 2);
	SetEvent(answer);
	Sleep(10);
	SetEvent(answer);
	CHECK(DeleteTimerQueueEx(queue, INVALID_HANDLE_VALUE));
}
int main(void)
{
	done = CreateEventA(NULL, FALSE, FALSE, NULL);
	RUN(every_submitted_work_runs_once);
	RUN(a_periodic_timer_comes_again_until_it_is_stopped);
	RUN(a_wait_reports_the_signal_or_the_timeout);
	RUN(a_cleanup_group_waits_for_its_members);
	RUN(queued_work_items_run);
	RUN(a_registered_wait_reports_signal_and_timeout);
	RUN(a_timer_queue_runs_its_timers_and_ends);
	RUN(waits_with_execute_in_wait_thread_run_one_after_the_other);
	RUN(a_registered_wait_of_no_time_ends_at_once);
	RUN(a_slow_callback_holds_no_other_up_and_a_run_timer_stays_run);
	return check_summary();
}
