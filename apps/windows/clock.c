// SPDX-License-Identifier: MIT
/* Time: the tick count moves while nothing else runs (it is read from the shared page without a call), the clocks agree. */
#include "expect.h"

int main(void)
{
	LARGE_INTEGER frequency, before, after;
	FILETIME time;
	ULONGLONG start = GetTickCount64(), spins = 0;
	QueryPerformanceCounter(&before);
	while (GetTickCount64() - start < 50 && spins < 4000000000ull)
		spins++;
	FACT(GetTickCount64() - start >= 50);
	QueryPerformanceCounter(&after);
	FACT(QueryPerformanceFrequency(&frequency) && frequency.QuadPart >= 1000000);
	double elapsed = (double)(after.QuadPart - before.QuadPart) / (double)frequency.QuadPart;
	FACT(elapsed > 0.02 && elapsed < 20);
	start = GetTickCount64();
	Sleep(30);
	FACT(GetTickCount64() - start >= 15);
	GetSystemTimeAsFileTime(&time);
	FACT(time.dwHighDateTime > 0x01da0000);
	GetSystemTimePreciseAsFileTime(&time);
	FACT(time.dwHighDateTime > 0x01da0000);
	FACT((DWORD)GetTickCount64() - GetTickCount() < 1000 || GetTickCount() - (DWORD)GetTickCount64() < 1000);
	return failures;
}
