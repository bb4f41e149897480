// SPDX-License-Identifier: MIT
/* What has to do with 32-bit processes, of which there are none, and window system callbacks. */
#include "rtl.h"

#define USER_KEY L"\\Registry\\User\\S-1-5-21-0-0-0-1000"

NTSTATUS NTAPI RtlFormatCurrentUserKeyPath(UNICODE_STRING *path)
{
	return RtlCreateUnicodeString(path, USER_KEY) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

NTSTATUS NTAPI NtCreateKey(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *, ULONG, const UNICODE_STRING *, ULONG, PULONG);

NTSTATUS NTAPI RtlOpenCurrentUser(ACCESS_MASK access, PHANDLE key)
{
	UNICODE_STRING name;
	OBJECT_ATTRIBUTES attributes = { .Length = sizeof(attributes), .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE };
	RtlInitUnicodeString(&name, USER_KEY);
	return NtCreateKey(key, access, &attributes, 0, NULL, 0, NULL);
}

NTSTATUS NTAPI RtlWow64IsWowGuestMachineSupported(USHORT machine, BOOLEAN *supported)
{
	*supported = FALSE;
	return STATUS_SUCCESS;
}

/* No window system calls back into this process. */
NTSTATUS NTAPI NtCallbackReturn(PVOID result, ULONG bytes, NTSTATUS status) { return STATUS_NO_CALLBACK_ACTIVE; }
