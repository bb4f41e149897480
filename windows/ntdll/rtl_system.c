// SPDX-License-Identifier: MIT
/* Small questions about the machine, the thread and the user. */
#include "rtl.h"

#define SHARED_PROCESSOR_FEATURES 0x7ffe0274u
#define PROCESSOR_FEATURES 64
#define USER_KEY L"\\Registry\\User\\S-1-5-21-0-0-0-1000"

BOOLEAN NTAPI RtlIsProcessorFeaturePresent(UINT feature)
{
	return feature < PROCESSOR_FEATURES && ((const volatile BYTE *)(uintptr_t)SHARED_PROCESSOR_FEATURES)[feature];
}

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

#define ERROR_MODE_BITS 0x70u /* RTL_ERRORMODE_*: the bits of SetThreadErrorMode, shifted as the TEB has them */

DWORD NTAPI RtlGetThreadErrorMode(void) { return current_teb()->HardErrorDisabled; }

NTSTATUS NTAPI RtlSetThreadErrorMode(DWORD mode, LPDWORD before)
{
	if (mode & ~ERROR_MODE_BITS)
		return STATUS_INVALID_PARAMETER_1;
	if (before)
		*before = current_teb()->HardErrorDisabled;
	current_teb()->HardErrorDisabled = mode;
	return STATUS_SUCCESS;
}

ULONG NTAPI NtGetCurrentProcessorNumber(void);

void NTAPI RtlGetCurrentProcessorNumberEx(PROCESSOR_NUMBER *number)
{
	*number = (PROCESSOR_NUMBER){ .Number = (BYTE)NtGetCurrentProcessorNumber() };
}

/* This is no 32-bit process and there are none: redirection has nothing to change. */
NTSTATUS NTAPI RtlWow64EnableFsRedirection(BOOLEAN enable) { return STATUS_NOT_IMPLEMENTED; }
NTSTATUS NTAPI RtlWow64EnableFsRedirectionEx(ULONG disable, ULONG *before) { return STATUS_NOT_IMPLEMENTED; }

NTSTATUS NTAPI RtlWow64GetProcessMachines(HANDLE process, USHORT *current, USHORT *native)
{
	PROCESS_BASIC_INFORMATION information;
	NTSTATUS status = NtQueryInformationProcess(process, ProcessBasicInformation, &information, sizeof(information), NULL);
	if (status)
		return status;
	if (current)
		*current = 0;
	if (native)
		*native = IMAGE_FILE_MACHINE_AMD64;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlWow64IsWowGuestMachineSupported(USHORT machine, BOOLEAN *supported)
{
	*supported = FALSE;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlWow64GetThreadContext(HANDLE thread, PVOID context) { return STATUS_NOT_IMPLEMENTED; }
NTSTATUS NTAPI RtlWow64SetThreadContext(HANDLE thread, const void *context) { return STATUS_NOT_IMPLEMENTED; }
/* No window system calls back into this process. */
NTSTATUS NTAPI NtCallbackReturn(PVOID result, ULONG bytes, NTSTATUS status) { return STATUS_NO_CALLBACK_ACTIVE; }
