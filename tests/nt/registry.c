// SPDX-License-Identifier: MIT
/* Registry: create, set, query, enumerate, delete; what is there from the start. */
#include "check.h"

CASE(keys_and_values_live)
{
	HKEY k, sub;
	DWORD disposition, type, n, value = 7, keys, values;
	char buf[64];
	CHECK(RegCreateKeyExA(HKEY_CURRENT_USER, "Software\\AmbosTest", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &k, &disposition) == 0);
	CHECK(disposition == REG_CREATED_NEW_KEY);
	CHECK(RegSetValueExA(k, "Number", 0, REG_DWORD, (BYTE *)&value, 4) == 0);
	CHECK(RegSetValueExA(k, "Text", 0, REG_SZ, (BYTE *)"some text", 10) == 0);
	n = sizeof(buf);
	CHECK(RegQueryValueExA(k, "TEXT", NULL, &type, (BYTE *)buf, &n) == 0 && type == REG_SZ && !strcmp(buf, "some text"));
	n = 4;
	value = 0;
	CHECK(RegQueryValueExA(k, "number", NULL, &type, (BYTE *)&value, &n) == 0 && type == REG_DWORD && value == 7);
	n = 2;
	CHECK(RegQueryValueExA(k, "Text", NULL, &type, (BYTE *)buf, &n) == ERROR_MORE_DATA && n == 10);
	CHECK(RegQueryValueExA(k, "None", NULL, NULL, NULL, NULL) == ERROR_FILE_NOT_FOUND);
	CHECK(RegCreateKeyA(k, "Sub B", &sub) == 0 && RegCloseKey(sub) == 0);
	CHECK(RegCreateKeyA(k, "Sub A", &sub) == 0 && RegCloseKey(sub) == 0);
	CHECK(RegQueryInfoKeyA(k, NULL, NULL, NULL, &keys, NULL, NULL, &values, NULL, NULL, NULL, NULL) == 0 && keys == 2 && values == 2);
	n = sizeof(buf);
	CHECK(RegEnumKeyExA(k, 0, buf, &n, NULL, NULL, NULL, NULL) == 0 && !strcmp(buf, "Sub A"));
	n = sizeof(buf);
	CHECK(RegEnumKeyExA(k, 2, buf, &n, NULL, NULL, NULL, NULL) == ERROR_NO_MORE_ITEMS);
	n = sizeof(buf);
	CHECK(RegEnumValueA(k, 0, buf, &n, NULL, &type, NULL, NULL) == 0 && !strcmp(buf, "Number") && type == REG_DWORD);
	CHECK(RegDeleteValueA(k, "Number") == 0 && RegDeleteValueA(k, "Number") == ERROR_FILE_NOT_FOUND);
	CHECK(RegDeleteKeyA(k, "Sub A") == 0 && RegDeleteKeyA(k, "Sub B") == 0);
	CHECK(RegDeleteKeyA(HKEY_CURRENT_USER, "Software\\AmbosTest") == 0);
	CHECK(RegSetValueExA(k, "x", 0, REG_DWORD, (BYTE *)&value, 4) == ERROR_KEY_DELETED);
	CHECK(RegCloseKey(k) == 0);
	CHECK(RegOpenKeyA(HKEY_CURRENT_USER, "Software\\AmbosTest", &k) == ERROR_FILE_NOT_FOUND);
}

CASE(the_system_describes_itself)
{
	HKEY k;
	char buf[64];
	DWORD n = sizeof(buf), type;
	CHECK(RegOpenKeyExA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", 0, KEY_READ, &k) == 0);
	CHECK(RegQueryValueExA(k, "CurrentVersion", NULL, &type, (BYTE *)buf, &n) == 0 && type == REG_SZ);
	RegCloseKey(k);
	CHECK(RegOpenKeyExA(HKEY_LOCAL_MACHINE, "SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment", 0, KEY_READ, &k) == 0);
	RegCloseKey(k);
}

/* What the system's own DLLs register: classes and the time zones of the world. */
CASE(system_dlls_are_registered)
{
	HKEY k;
	DWORD keys = 0;
	BYTE zone[44];
	DWORD n = sizeof(zone);
	char path[MAX_PATH];
	CHECK(RegOpenKeyExA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Time Zones", 0, KEY_READ, &k) == 0);
	CHECK(RegQueryInfoKeyA(k, NULL, NULL, NULL, &keys, NULL, NULL, NULL, NULL, NULL, NULL, NULL) == 0 && keys > 100);
	CHECK(RegGetValueA(k, "W. Europe Standard Time", "TZI", RRF_RT_REG_BINARY, NULL, zone, &n) == 0 && n == 44);
	CHECK(*(LONG *)(void *)zone == -60);
	RegCloseKey(k);
	n = sizeof(path); /* the shell's link */
	CHECK(RegGetValueA(HKEY_CLASSES_ROOT, "CLSID\\{00021401-0000-0000-C000-000000000046}\\InprocServer32", NULL, RRF_RT_REG_SZ, NULL,
		path, &n) == 0);
	CHECK(GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES);
}

/* Keys and values that installers, build tools and locale calls look for. */
CASE(common_keys_are_there)
{
	static const char *keys[] = { "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall",
		"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run", "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System" };
	static const char *values[] = { "ProgramFilesDir", "ProgramFilesDir (x86)", "CommonFilesDir", "CommonFilesDir (x86)" };
	HKEY k;
	char path[MAX_PATH];
	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		LONG st = RegOpenKeyExA(HKEY_LOCAL_MACHINE, keys[i], 0, KEY_READ, &k);
		CHECK(st == 0);
		if (!st)
			RegCloseKey(k);
	}
	for (unsigned i = 0; i < sizeof(values) / sizeof(*values); i++) {
		DWORD n = sizeof(path);
		CHECK(RegGetValueA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Windows\\CurrentVersion", values[i], RRF_RT_REG_SZ, NULL, path,
			&n) == 0 && GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES);
	}
	CHECK(GetUserGeoID(GEOCLASS_NATION) == 244);
}

CASE(time_zones_have_their_years)
{
	DYNAMIC_TIME_ZONE_INFORMATION d = { 0 };
	TIME_ZONE_INFORMATION z;
	SYSTEMTIME summer = { 2024, 7, 0, 1, 12, 0, 0, 0 }, there;
	wcscpy(d.TimeZoneKeyName, L"W. Europe Standard Time");
	CHECK(GetTimeZoneInformationForYear(2024, &d, &z) && z.Bias == -60 && z.DaylightBias == -60);
	CHECK(SystemTimeToTzSpecificLocalTime(&z, &summer, &there) && there.wHour == 14);
}

static DWORD number(HKEY k, const char *name)
{
	DWORD value = 0xdead, n = 4;
	return RegQueryValueExA(k, name, NULL, NULL, (BYTE *)&value, &n) == 0 ? value : 0xdead;
}
static void set(HKEY k, const char *name, DWORD value) { CHECK(RegSetValueExA(k, name, 0, REG_DWORD, (BYTE *)&value, 4) == 0); }
static DWORD values_of(HKEY k)
{
	DWORD n = 0xdead;
	return RegQueryInfoKeyA(k, NULL, NULL, NULL, NULL, NULL, NULL, &n, NULL, NULL, NULL, NULL) == 0 ? n : 0xdead;
}
/* Answers may be remembered by the system; what was written shows at once, whatever was asked before. */
CASE(reads_after_writes_are_new)
{
	HKEY top, k, again;
	char name[64];
	CHECK(RegCreateKeyA(HKEY_CURRENT_USER, "Software\\AmbosLease", &top) == 0);
	for (DWORD round = 0; round < 3; round++) {
		DWORD n = sizeof(name), type;
		CHECK(RegOpenKeyA(top, "Below", &again) == ERROR_FILE_NOT_FOUND);
		CHECK(RegEnumKeyA(top, 0, name, sizeof(name)) == ERROR_NO_MORE_ITEMS);
		CHECK(RegCreateKeyA(top, "Below", &k) == 0 && RegOpenKeyA(top, "BELOW", &again) == 0);
		CHECK(RegEnumKeyA(top, 0, name, sizeof(name)) == 0 && !strcmp(name, "Below"));
		CHECK(number(k, "a") == 0xdead && values_of(again) == 0);
		set(k, "a", round);
		CHECK(number(again, "A") == round && values_of(again) == 1);
		set(again, "A", round + 1);
		CHECK(number(k, "a") == round + 1 && values_of(k) == 1);
		set(again, "b", 5);
		set(again, "A", round + 1); /* nothing new */
		set(k, "a", round + 7);
		set(again, "A", round + 1); /* new again */
		CHECK(number(k, "a") == round + 1 && number(k, "b") == 5 && values_of(k) == 2);
		CHECK(RegDeleteValueA(k, "a") == 0 && number(again, "a") == 0xdead && values_of(again) == 1);
		set(again, "A", round + 1); /* after its deletion */
		CHECK(number(k, "a") == round + 1);
		CHECK(RegEnumValueA(k, 0, name, &n, NULL, &type, NULL, NULL) == 0);
		CHECK(RegDeleteKeyA(top, "Below") == 0 && RegCloseKey(k) == 0 && RegCloseKey(again) == 0);
	}
	CHECK(RegCloseKey(top) == 0 && RegDeleteKeyA(HKEY_CURRENT_USER, "Software\\AmbosLease") == 0);
}

#define WRITES 300
static HKEY shared;
static DWORD WINAPI writer(void *arg)
{
	for (DWORD i = 0; i < WRITES; i++) {
		DWORD value = i % 2 ? (DWORD)(ULONG_PTR)arg : i;
		RegSetValueExA(shared, "both", 0, REG_DWORD, (BYTE *)&value, 4);
		RegQueryValueExA(shared, "both", NULL, NULL, NULL, NULL);
	}
	return 0;
}
CASE(writers_side_by_side_leave_what_is_read)
{
	HKEY again;
	CHECK(RegCreateKeyA(HKEY_CURRENT_USER, "Software\\AmbosWriters", &shared) == 0);
	HANDLE threads[2] = { CreateThread(NULL, 0, writer, (void *)1000, 0, NULL), CreateThread(NULL, 0, writer, (void *)2000, 0, NULL) };
	CHECK(WaitForMultipleObjects(2, threads, TRUE, 60000) == WAIT_OBJECT_0);
	DWORD last = number(shared, "both");
	CHECK(last == 1000 || last == 2000);
	CHECK(RegOpenKeyA(HKEY_CURRENT_USER, "Software\\AmbosWriters", &again) == 0 && number(again, "both") == last);
	set(shared, "other", 1); /* drops what is remembered of the key's list, not of the value */
	CHECK(number(again, "both") == last && values_of(again) == 2);
	RegCloseKey(again);
	RegCloseKey(shared);
	CHECK(RegDeleteKeyA(HKEY_CURRENT_USER, "Software\\AmbosWriters") == 0);
}

int main(void)
{
	RUN(reads_after_writes_are_new);
	RUN(writers_side_by_side_leave_what_is_read);
	RUN(keys_and_values_live);
	RUN(the_system_describes_itself);
	RUN(system_dlls_are_registered);
	RUN(common_keys_are_there);
	RUN(time_zones_have_their_years);
	return check_summary();
}
