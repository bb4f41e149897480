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

int main(void)
{
	RUN(keys_and_values_live);
	RUN(the_system_describes_itself);
	return check_summary();
}
