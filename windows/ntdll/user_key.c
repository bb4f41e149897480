// SPDX-License-Identifier: MIT
/* The registry key of the current user: one user, one SID (docs/design/windows.md). */
#include <ntdll.h>

#define USER_KEY L"\\Registry\\User\\S-1-5-21-0-0-0-1000"

NTSTATUS NTAPI RtlFormatCurrentUserKeyPath(UNICODE_STRING *path);
NTSTATUS NTAPI RtlFormatCurrentUserKeyPath(UNICODE_STRING *path)
{
	return RtlCreateUnicodeString(path, USER_KEY) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}
NTSTATUS NTAPI RtlOpenCurrentUser(ACCESS_MASK access, HANDLE *key);
NTSTATUS NTAPI RtlOpenCurrentUser(ACCESS_MASK access, HANDLE *key)
{
	UNICODE_STRING name = { sizeof(USER_KEY) - sizeof(WCHAR), sizeof(USER_KEY), (PWSTR)USER_KEY };
	OBJECT_ATTRIBUTES attributes = object_named(&name);
	return NtOpenKey(key, access, &attributes);
}
