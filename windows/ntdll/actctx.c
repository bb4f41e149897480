// SPDX-License-Identifier: MIT
/* Activation contexts: no manifest is read, so every look-up finds nothing and a new context cannot be made. Activating
 * the empty context works, since start-up code of C libraries does it. */
#include <ntdll.h>

NTSTATUS NTAPI RtlCreateActivationContext(HANDLE *handle, const void *request);
NTSTATUS NTAPI RtlCreateActivationContext(HANDLE *handle, const void *request)
{
	*handle = NULL;
	return STATUS_SXS_CANT_GEN_ACTCTX;
}
void NTAPI RtlAddRefActivationContext(HANDLE handle);
void NTAPI RtlAddRefActivationContext(HANDLE handle)
{
}
void NTAPI RtlReleaseActivationContext(HANDLE handle);
void NTAPI RtlReleaseActivationContext(HANDLE handle)
{
}
NTSTATUS NTAPI RtlZombifyActivationContext(HANDLE handle);
NTSTATUS NTAPI RtlZombifyActivationContext(HANDLE handle)
{
	return handle ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlActivateActivationContext(ULONG unknown, HANDLE handle, ULONG_PTR *cookie);
NTSTATUS NTAPI RtlActivateActivationContext(ULONG unknown, HANDLE handle, ULONG_PTR *cookie)
{
	if (handle)
		return STATUS_INVALID_PARAMETER;
	*cookie = ++current_teb()->ActivationContextStack.NextCookieSequenceNumber | 0x10000000u;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlDeactivateActivationContext(ULONG flags, ULONG_PTR cookie);
NTSTATUS NTAPI RtlDeactivateActivationContext(ULONG flags, ULONG_PTR cookie)
{
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlGetActiveActivationContext(HANDLE *handle);
NTSTATUS NTAPI RtlGetActiveActivationContext(HANDLE *handle)
{
	*handle = NULL;
	return STATUS_SUCCESS;
}
BOOLEAN NTAPI RtlIsActivationContextActive(HANDLE handle);
BOOLEAN NTAPI RtlIsActivationContextActive(HANDLE handle)
{
	return handle == NULL;
}
NTSTATUS NTAPI RtlFindActivationContextSectionString(ULONG flags, const GUID *guid, ULONG kind, const UNICODE_STRING *name, void *data);
NTSTATUS NTAPI RtlFindActivationContextSectionString(ULONG flags, const GUID *guid, ULONG kind, const UNICODE_STRING *name, void *data)
{
	if (!name || !name->Buffer || guid || !data)
		return STATUS_INVALID_PARAMETER;
	return STATUS_SXS_SECTION_NOT_FOUND;
}
NTSTATUS NTAPI RtlFindActivationContextSectionGuid(ULONG flags, const GUID *extension, ULONG kind, const GUID *guid, void *data);
NTSTATUS NTAPI RtlFindActivationContextSectionGuid(ULONG flags, const GUID *extension, ULONG kind, const GUID *guid, void *data)
{
	if (extension || !guid || !data)
		return STATUS_INVALID_PARAMETER;
	return STATUS_SXS_SECTION_NOT_FOUND;
}
NTSTATUS NTAPI RtlQueryActivationContextApplicationSettings(ULONG flags, HANDLE handle, PCWSTR space, PCWSTR name,
	PWSTR buffer, SIZE_T size,
	SIZE_T *written);
NTSTATUS NTAPI RtlQueryActivationContextApplicationSettings(ULONG flags, HANDLE handle, PCWSTR space, PCWSTR name,
	PWSTR buffer, SIZE_T size,
	SIZE_T *written)
{
	return flags ? STATUS_INVALID_PARAMETER : STATUS_SXS_KEY_NOT_FOUND;
}
enum { BASIC_INFORMATION = 1, DETAILED_INFORMATION, ASSEMBLY_INFORMATION, FILE_INFORMATION, RUNLEVEL_INFORMATION,
	COMPATIBILITY_INFORMATION };
NTSTATUS NTAPI RtlQueryInformationActivationContext(ULONG flags, HANDLE handle, const void *instance, ULONG class,
	void *buffer, SIZE_T size,
	SIZE_T *needed);
NTSTATUS NTAPI RtlQueryInformationActivationContext(ULONG flags, HANDLE handle, const void *instance, ULONG class,
	void *buffer, SIZE_T size,
	SIZE_T *needed)
{
	SIZE_T bytes = class == BASIC_INFORMATION ? sizeof(HANDLE) + sizeof(ULONG_PTR) : 3 * sizeof(ULONG);
	if (class == COMPATIBILITY_INFORMATION)
		bytes = sizeof(ULONG); /* number of elements */
	else if (class == DETAILED_INFORMATION || class == ASSEMBLY_INFORMATION || class == FILE_INFORMATION)
		return STATUS_SXS_KEY_NOT_FOUND;
	else if (class != BASIC_INFORMATION && class != RUNLEVEL_INFORMATION)
		return STATUS_INVALID_PARAMETER;
	if (needed)
		*needed = bytes;
	if (size < bytes)
		return STATUS_BUFFER_TOO_SMALL;
	memset(buffer, 0, bytes);
	return STATUS_SUCCESS;
}
