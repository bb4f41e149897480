// SPDX-License-Identifier: MIT
/* Time zone (names are references to resources, the same by every road), timer resolution. */
#include "check.h"

typedef LONG NTSTATUS;
#define TIMER_RESOLUTION_NOT_SET ((NTSTATUS)0xc0000245)
#define INFO_LENGTH_MISMATCH ((NTSTATUS)0xc0000004)
enum { CURRENT_TIME_ZONE = 44, DYNAMIC_TIME_ZONE = 102 };
static NTSTATUS(NTAPI *query_zone)(DYNAMIC_TIME_ZONE_INFORMATION *);
static NTSTATUS(NTAPI *query_system)(ULONG, void *, ULONG, ULONG *);
static NTSTATUS(NTAPI *set_resolution)(ULONG, BOOLEAN, ULONG *);
static NTSTATUS(NTAPI *query_resolution)(ULONG *, ULONG *, ULONG *);

CASE(zone_is_the_same_by_every_road)
{
	DYNAMIC_TIME_ZONE_INFORMATION a, b;
	TIME_ZONE_INFORMATION short_form;
	ULONG needed = 0;
	memset(&a, 0xcc, sizeof(a));
	memset(&b, 0x55, sizeof(b));
	memset(&short_form, 0x55, sizeof(short_form));
	CHECK(query_zone(&a) == 0);
	CHECK(query_system(DYNAMIC_TIME_ZONE, &b, sizeof(b), &needed) == 0);
	CHECK(needed == sizeof(b) && memcmp(&a, &b, sizeof(b)) == 0);
	CHECK(query_system(CURRENT_TIME_ZONE, &short_form, sizeof(short_form), &needed) == 0);
	CHECK(needed == sizeof(short_form) && memcmp(&a, &short_form, sizeof(short_form)) == 0);
	CHECK(query_system(CURRENT_TIME_ZONE, &short_form, sizeof(short_form) - 1, &needed) == INFO_LENGTH_MISMATCH);
}
CASE(zone_names_are_resources_and_resolve)
{
	DYNAMIC_TIME_ZONE_INFORMATION a, b;
	CHECK(query_zone(&a) == 0);
	CHECK(wcsncmp(a.StandardName, L"@tzres.dll,-", 12) == 0 && wcsncmp(a.DaylightName, L"@tzres.dll,-", 12) == 0);
	CHECK(GetDynamicTimeZoneInformation(&b) != TIME_ZONE_ID_INVALID);
	CHECK(b.StandardName[0] && b.StandardName[0] != '@');
	CHECK(b.DaylightName[0] && b.DaylightName[0] != '@');
}
CASE(resolution_is_set_and_taken_back)
{
	ULONG coarsest = 0, finest = 0, before = 0, now = 0, again = 0;
	CHECK(query_resolution(&coarsest, &finest, &before) == 0);
	CHECK(finest <= before && before <= coarsest);
	CHECK(set_resolution(0, FALSE, &now) == TIMER_RESOLUTION_NOT_SET && now == before);
	CHECK(set_resolution(finest - 1, TRUE, &now) == 0 && now == finest);
	CHECK(query_resolution(&coarsest, &finest, &again) == 0 && again == finest);
	CHECK(set_resolution(coarsest + 1, TRUE, &now) == 0 && now == before);
	CHECK(set_resolution(0, FALSE, &now) == 0 && now == before);
	CHECK(set_resolution(0, FALSE, &now) == TIMER_RESOLUTION_NOT_SET);
	CHECK(set_resolution(finest, TRUE, NULL) == (NTSTATUS)STATUS_ACCESS_VIOLATION);
	CHECK(query_resolution(&coarsest, &finest, &now) == 0 && now == before);
}
int main(void)
{
	HMODULE ntdll = GetModuleHandleA("ntdll.dll");
	query_zone = (void *)GetProcAddress(ntdll, "RtlQueryDynamicTimeZoneInformation");
	query_system = (void *)GetProcAddress(ntdll, "NtQuerySystemInformation");
	set_resolution = (void *)GetProcAddress(ntdll, "NtSetTimerResolution");
	query_resolution = (void *)GetProcAddress(ntdll, "NtQueryTimerResolution");
	RUN(zone_is_the_same_by_every_road);
	RUN(zone_names_are_resources_and_resolve);
	RUN(resolution_is_set_and_taken_back);
	return check_summary();
}
