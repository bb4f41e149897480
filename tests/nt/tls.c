// SPDX-License-Identifier: MIT
/* A TLS slot that is freed and given again is zero in every thread, also beyond the 64 in the TEB. */
#include "check.h"

#define SLOTS 200
#define SOON 10000u
static DWORD slots[SLOTS];
static HANDLE filled, look;

static DWORD WINAPI other_thread(void *arg)
{
	DWORD left = 0;
	for (int i = 0; i < SLOTS; i++)
		TlsSetValue(slots[i], arg);
	SetEvent(filled);
	WaitForSingleObject(look, SOON);
	for (int i = 0; i < SLOTS; i++)
		left += TlsGetValue(slots[i]) != NULL;
	return left;
}
CASE(slots_come_back_empty)
{
	DWORD left = 1;
	filled = CreateEventA(NULL, FALSE, FALSE, NULL);
	look = CreateEventA(NULL, FALSE, FALSE, NULL);
	for (int i = 0; i < SLOTS; i++)
		CHECK((slots[i] = TlsAlloc()) != TLS_OUT_OF_INDEXES && TlsSetValue(slots[i], &left));
	HANDLE thread = CreateThread(NULL, 0, other_thread, &left, 0, NULL);
	CHECK(WaitForSingleObject(filled, SOON) == WAIT_OBJECT_0);
	for (int i = 0; i < SLOTS; i++)
		CHECK(TlsFree(slots[i]));
	for (int i = 0; i < SLOTS; i++)
		CHECK((slots[i] = TlsAlloc()) != TLS_OUT_OF_INDEXES && !TlsGetValue(slots[i]));
	SetEvent(look);
	CHECK(WaitForSingleObject(thread, SOON) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &left) && left == 0);
	for (int i = 0; i < SLOTS; i++)
		TlsFree(slots[i]);
}

int main(void)
{
	RUN(slots_come_back_empty);
	return check_summary();
}
