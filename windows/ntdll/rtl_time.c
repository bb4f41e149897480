// SPDX-License-Identifier: MIT
/* Calendar time and the time zone. Times are 100 ns since 1601 in the proleptic Gregorian calendar; the zone is the blob's. */
#include "rtl.h"
#include "nt/runtime.h"

#define TICKS_PER_SECOND 10000000ll
#define TICKS_PER_MILLISECOND 10000
#define SECONDS_PER_DAY 86400
#define DAYS_PER_400_YEARS 146097
#define SECONDS_1601_TO_1970 11644473600ll
#define SECONDS_1601_TO_1980 11960006400ll
#define EPOCH_WEEKDAY 1 /* 1601-01-01 was a Monday */

typedef struct { SHORT year, month, day, hour, minute, second, milliseconds, weekday; } time_fields;

/* Days since 1601-01-01 of a date; months count from March so that the leap day is the last of its year. */
static LONGLONG days_of(int year, int month, int day)
{
	int y = month > 2 ? year : year - 1, m = (month + 9) % 12;
	LONGLONG days = 365ll * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
	return days - 584694; /* of 1601-01-01 in this count */
}

static void date_of(LONGLONG days, int *year, int *month, int *day)
{
	LONGLONG z = days + 584694, era = z / DAYS_PER_400_YEARS;
	int of_era = (int)(z - era * DAYS_PER_400_YEARS);
	int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int m = (5 * of_year + 2) / 153;
	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (int)era * 400 + year_of_era + (*month <= 2);
}

void NTAPI RtlTimeToTimeFields(const LARGE_INTEGER *time, time_fields *fields)
{
	LONGLONG seconds = time->QuadPart / TICKS_PER_SECOND, days = seconds / SECONDS_PER_DAY;
	int of_day = (int)(seconds % SECONDS_PER_DAY), year, month, day;
	date_of(days, &year, &month, &day);
	fields->year = (SHORT)year, fields->month = (SHORT)month, fields->day = (SHORT)day;
	fields->hour = (SHORT)(of_day / 3600);
	fields->minute = (SHORT)(of_day / 60 % 60);
	fields->second = (SHORT)(of_day % 60);
	fields->milliseconds = (SHORT)(time->QuadPart % TICKS_PER_SECOND / TICKS_PER_MILLISECOND);
	fields->weekday = (SHORT)((days + EPOCH_WEEKDAY) % 7);
}

static bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

BOOLEAN NTAPI RtlTimeFieldsToTime(time_fields *f, LARGE_INTEGER *time)
{
	static const unsigned char lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	if (f->milliseconds < 0 || f->milliseconds > 999 || f->second < 0 || f->second > 59 || f->minute < 0 || f->minute > 59 ||
		f->hour < 0 ||
	    f->hour > 23 || f->month < 1 || f->month > 12 || f->day < 1 || f->year < 1601 ||
	    f->day > lengths[f->month - 1] + (f->month == 2 && is_leap(f->year)))
		return FALSE;
	time->QuadPart = ((days_of(f->year, f->month, f->day) * 24 + f->hour) * 60 + f->minute) * 60 + f->second;
	time->QuadPart = time->QuadPart * TICKS_PER_SECOND + f->milliseconds * TICKS_PER_MILLISECOND;
	return TRUE;
}

void NTAPI RtlTimeToElapsedTimeFields(const LARGE_INTEGER *time, time_fields *fields)
{
	LONGLONG seconds = time->QuadPart / TICKS_PER_SECOND;
	int of_day = (int)(seconds % SECONDS_PER_DAY);
	*fields = (time_fields){ .day = (SHORT)(seconds / SECONDS_PER_DAY), .hour = (SHORT)(of_day / 3600), .minute =
		(SHORT)(of_day / 60 % 60),
		.second = (SHORT)(of_day % 60), .milliseconds = (SHORT)(time->QuadPart % TICKS_PER_SECOND / TICKS_PER_MILLISECOND) };
}

static BOOLEAN to_seconds(const LARGE_INTEGER *time, LONGLONG epoch, ULONG *seconds)
{
	LONGLONG since = time->QuadPart / TICKS_PER_SECOND - epoch;
	if (since < 0 || since > 0xffffffffll)
		return FALSE;
	*seconds = (ULONG)since;
	return TRUE;
}

BOOLEAN NTAPI RtlTimeToSecondsSince1970(LARGE_INTEGER *time, ULONG *seconds) { return to_seconds(time, SECONDS_1601_TO_1970, seconds); }
BOOLEAN NTAPI RtlTimeToSecondsSince1980(const LARGE_INTEGER *time, ULONG *seconds)
{
	return to_seconds(time, SECONDS_1601_TO_1980, seconds);
}
void NTAPI RtlSecondsSince1970ToTime(ULONG seconds, LARGE_INTEGER *time)
{
	time->QuadPart = (seconds + SECONDS_1601_TO_1970) * TICKS_PER_SECOND;
}
void NTAPI RtlSecondsSince1980ToTime(ULONG seconds, LARGE_INTEGER *time)
{
	time->QuadPart = (seconds + SECONDS_1601_TO_1980) * TICKS_PER_SECOND;
}

/* Shared data page, written by the kernel: three words, equal high words mean that the low one belongs to them. */
struct shared_time { volatile ULONG low; volatile LONG high, high_again; };
#define SHARED_TICK_COUNT 0x7ffe0320u
#define SHARED_INTERRUPT_TIME 0x7ffe0008u
#define SHARED_SYSTEM_TIME 0x7ffe0014u

static LONGLONG shared_time(uintptr_t address)
{
	const struct shared_time *t = (const struct shared_time *)address;
	LONG high;
	ULONG low;
	do {
		high = t->high;
		low = t->low;
	} while (high != t->high_again);
	return (LONGLONG)high << 32 | low;
}

ULONG NTAPI NtGetTickCount(void) { return (ULONG)shared_time(SHARED_TICK_COUNT); }
ULONGLONG NTAPI RtlGetTickCount(void) { return (ULONGLONG)shared_time(SHARED_TICK_COUNT); }

BOOL NTAPI RtlQueryUnbiasedInterruptTime(ULONGLONG *time)
{
	if (!time) {
		current_teb()->LastErrorValue = ERROR_INVALID_PARAMETER;
		return FALSE;
	}
	*time = (ULONGLONG)shared_time(SHARED_INTERRUPT_TIME);
	return TRUE;
}

LONGLONG NTAPI RtlGetSystemTimePrecise(void)
{
	LARGE_INTEGER now;
	return NtQuerySystemTime(&now) ? shared_time(SHARED_SYSTEM_TIME) : now.QuadPart;
}

BOOL NTAPI RtlQueryPerformanceCounter(LARGE_INTEGER *counter)
{
	NtQueryPerformanceCounter(counter, NULL);
	return TRUE;
}

BOOL NTAPI RtlQueryPerformanceFrequency(LARGE_INTEGER *frequency)
{
	LARGE_INTEGER counter;
	NtQueryPerformanceCounter(&counter, frequency);
	return TRUE;
}

static void copy_name(WCHAR *out, ULONG room, struct windows_text text)
{
	ULONG count = text.offset ? text.bytes / sizeof(WCHAR) : 0;
	if (count > room - 1)
		count = room - 1;
	memcpy(out, runtime_at(text.offset), count * sizeof(WCHAR));
	out[count] = 0;
}

NTSTATUS NTAPI RtlQueryDynamicTimeZoneInformation(DYNAMIC_TIME_ZONE_INFORMATION *info)
{
	const struct windows_time_zone *zone = runtime_blob ? &runtime_blob->time_zone : NULL;
	memset(info, 0, sizeof(*info));
	if (!zone)
		return STATUS_SUCCESS;
	info->Bias = zone->bias_minutes;
	info->StandardBias = zone->standard_bias;
	info->DaylightBias = zone->daylight_bias;
	memcpy(&info->StandardDate, zone->standard_date, sizeof(info->StandardDate));
	memcpy(&info->DaylightDate, zone->daylight_date, sizeof(info->DaylightDate));
	copy_name(info->StandardName, ARRAYSIZE(info->StandardName), zone->standard_name);
	copy_name(info->DaylightName, ARRAYSIZE(info->DaylightName), zone->daylight_name);
	copy_name(info->TimeZoneKeyName, ARRAYSIZE(info->TimeZoneKeyName), zone->key_name);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlQueryTimeZoneInformation(TIME_ZONE_INFORMATION *info)
{
	DYNAMIC_TIME_ZONE_INFORMATION dynamic;
	NTSTATUS status = RtlQueryDynamicTimeZoneInformation(&dynamic);
	memcpy(info, &dynamic, sizeof(*info));
	return status;
}

#define SYSTEM_CURRENT_TIME_ZONE 44
#define SYSTEM_DYNAMIC_TIME_ZONE 102
/* The zone is this process's blob; the kernel knows universal time only. */
NTSTATUS NTAPI NtQuerySystemInformation(SYSTEM_INFORMATION_CLASS wanted, PVOID buffer, ULONG bytes, PULONG needed)
{
	DYNAMIC_TIME_ZONE_INFORMATION zone;
	ULONG class = (ULONG)wanted, size = class == SYSTEM_CURRENT_TIME_ZONE ? sizeof(TIME_ZONE_INFORMATION) : sizeof(zone);
	NTSTATUS status = STATUS_INFO_LENGTH_MISMATCH;
	if (class != SYSTEM_CURRENT_TIME_ZONE && class != SYSTEM_DYNAMIC_TIME_ZONE)
		return CallQuerySystemInformation(class, buffer, bytes, needed);
	if (bytes >= size) {
		status = RtlQueryDynamicTimeZoneInformation(&zone);
		memcpy(buffer, &zone, size);
	}
	if (needed)
		*needed = size;
	return status;
}

/* The zone belongs to the machine. */
NTSTATUS NTAPI RtlSetTimeZoneInformation(const TIME_ZONE_INFORMATION *info) { return STATUS_PRIVILEGE_NOT_HELD; }
NTSTATUS NTAPI RtlSetDynamicTimeZoneInformation(const DYNAMIC_TIME_ZONE_INFORMATION *info) { return STATUS_PRIVILEGE_NOT_HELD; }

/* When a rule "month, nth weekday (5: the last), time of day" falls in a year, local time. */
static LONGLONG transition(const SYSTEMTIME *rule, int year)
{
	static const unsigned char lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int first, day, length = lengths[rule->wMonth - 1] + (rule->wMonth == 2 && is_leap(year));
	if (rule->wYear) {
		day = rule->wDay;
	} else {
		first = (int)((days_of(year, rule->wMonth, 1) + EPOCH_WEEKDAY) % 7);
		day = 1 + (rule->wDayOfWeek - first + 7) % 7 + (rule->wDay - 1) * 7;
		while (day > length)
			day -= 7;
	}
	return ((days_of(year, rule->wMonth, day) * 24 + rule->wHour) * 60 + rule->wMinute) * 60 * TICKS_PER_SECOND;
}

/* Minutes from local to universal time that hold now. */
static LONGLONG bias_now(void)
{
	DYNAMIC_TIME_ZONE_INFORMATION zone;
	LONGLONG now, start, end;
	int year, month, day;
	bool daylight;
	RtlQueryDynamicTimeZoneInformation(&zone);
	if (!zone.DaylightDate.wMonth || !zone.StandardDate.wMonth)
		return zone.Bias + zone.StandardBias;
	now = RtlGetSystemTimePrecise() - zone.Bias * 60 * TICKS_PER_SECOND;
	date_of(now / TICKS_PER_SECOND / SECONDS_PER_DAY, &year, &month, &day);
	start = transition(&zone.DaylightDate, year) + zone.StandardBias * 60 * TICKS_PER_SECOND;
	end = transition(&zone.StandardDate, year) + zone.DaylightBias * 60 * TICKS_PER_SECOND;
	daylight = start < end ? now >= start && now < end : now >= start || now < end;
	return zone.Bias + (daylight ? zone.DaylightBias : zone.StandardBias);
}

NTSTATUS NTAPI RtlLocalTimeToSystemTime(LARGE_INTEGER *local, LARGE_INTEGER *system)
{
	system->QuadPart = local->QuadPart + bias_now() * 60 * TICKS_PER_SECOND;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSystemTimeToLocalTime(const LARGE_INTEGER *system, LARGE_INTEGER *local)
{
	local->QuadPart = system->QuadPart - bias_now() * 60 * TICKS_PER_SECOND;
	return STATUS_SUCCESS;
}
