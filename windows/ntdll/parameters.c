// SPDX-License-Identifier: MIT
/* RTL_USER_PROCESS_PARAMETERS for child processes: one heap block of structure, strings and environment. In the
 * "denormalised" form string pointers are offsets from the block's start. */
#include <ntdll.h>

#define STRING_FIELDS(apply) \
	apply(CurrentDirectory.DosPath) apply(DllPath) apply(ImagePathName) apply(CommandLine) apply(WindowTitle) apply(Desktop) \
	apply(ShellInfo) apply(RuntimeInfo)

PRTL_USER_PROCESS_PARAMETERS NTAPI RtlNormalizeProcessParams(RTL_USER_PROCESS_PARAMETERS *p)
{
	if (!p || (p->Flags & PROCESS_PARAMS_FLAG_NORMALIZED))
		return p;
#define NORMALIZE(field) \
	if (p->field.Buffer) \
		p->field.Buffer = (PWSTR)((char *)p + (ULONG_PTR)p->field.Buffer);
	STRING_FIELDS(NORMALIZE)
	p->Flags |= PROCESS_PARAMS_FLAG_NORMALIZED;
	return p;
}
PRTL_USER_PROCESS_PARAMETERS NTAPI RtlDeNormalizeProcessParams(RTL_USER_PROCESS_PARAMETERS *p);
PRTL_USER_PROCESS_PARAMETERS NTAPI RtlDeNormalizeProcessParams(RTL_USER_PROCESS_PARAMETERS *p)
{
	if (!p || !(p->Flags & PROCESS_PARAMS_FLAG_NORMALIZED))
		return p;
#define DENORMALIZE(field) \
	if (p->field.Buffer) \
		p->field.Buffer = (PWSTR)((char *)p->field.Buffer - (ULONG_PTR)p);
	STRING_FIELDS(DENORMALIZE)
	p->Flags &= ~PROCESS_PARAMS_FLAG_NORMALIZED;
	return p;
}
static SIZE_T room_of(const UNICODE_STRING *text)
{
	return ROUND_UP(text->MaximumLength, sizeof(PVOID));
}
static void put_text(UNICODE_STRING *to, const UNICODE_STRING *from, char **room)
{
	*to = (UNICODE_STRING){ from->Length, from->MaximumLength, from->MaximumLength ? (PWSTR)*room : NULL };
	memcpy(*room, from->Buffer, from->Length);
	if (from->MaximumLength > from->Length)
		memset(*room + from->Length, 0, from->MaximumLength - from->Length);
	*room += room_of(from);
}
static SIZE_T environment_bytes(const WCHAR *block)
{
	const WCHAR *p = block;
	while (*p)
		p += wcslen(p) + 1;
	return ((SIZE_T)(p - block) + 1) * sizeof(WCHAR);
}
/* NULL parts are the caller's own (directory, DLL path, environment) or empty. */
NTSTATUS NTAPI RtlCreateProcessParametersEx(RTL_USER_PROCESS_PARAMETERS **result, const UNICODE_STRING *image,
	const UNICODE_STRING *dll_path,
	const UNICODE_STRING *directory, const UNICODE_STRING *command, PWSTR environment, const UNICODE_STRING *title,
	const UNICODE_STRING *desktop, const UNICODE_STRING *shell, const UNICODE_STRING *runtime, ULONG flags);
NTSTATUS NTAPI RtlCreateProcessParametersEx(RTL_USER_PROCESS_PARAMETERS **result, const UNICODE_STRING *image,
	const UNICODE_STRING *dll_path,
	const UNICODE_STRING *directory, const UNICODE_STRING *command, PWSTR environment, const UNICODE_STRING *title,
	const UNICODE_STRING *desktop, const UNICODE_STRING *shell, const UNICODE_STRING *runtime, ULONG flags)
{
	static const UNICODE_STRING null_text = { 0, 0, NULL }, empty = { 0, sizeof(WCHAR), (PWSTR)L"" };
	NTSTATUS status = STATUS_SUCCESS;
	RtlAcquirePebLock();
	const RTL_USER_PROCESS_PARAMETERS *own = current_peb()->ProcessParameters;
	UNICODE_STRING current = directory ? *directory : own->CurrentDirectory.DosPath;
	current.MaximumLength = current.Length + sizeof(WCHAR) > MAX_PATH * sizeof(WCHAR) ? (USHORT)(current.Length + 2 * sizeof(WCHAR)) :
		(USHORT)(MAX_PATH * sizeof(WCHAR));
	if (!dll_path)
		dll_path = &own->DllPath;
	if (!environment)
		environment = own->Environment;
	if (!command)
		command = image;
	const UNICODE_STRING *texts[] = { &current, dll_path, image, command, title ? title : &empty, desktop ? desktop : &empty,
		shell ? shell : &empty, runtime ? runtime : &null_text };
	SIZE_T environment_size = environment ? environment_bytes(environment) : 0, bytes = sizeof(*own);
	for (ULONG i = 0; i < ARRAYSIZE(texts); i++)
		bytes += room_of(texts[i]);
	environment_size = ROUND_UP(bytes + environment_size, sizeof(PVOID)) - bytes;
	RTL_USER_PROCESS_PARAMETERS *p = heap_allocate_zeroed(bytes + environment_size);
	if (p) {
		char *room = (char *)(p + 1);
		ULONG i = 0;
		p->AllocationSize = p->Size = (ULONG)bytes;
		p->Flags = PROCESS_PARAMS_FLAG_NORMALIZED;
		p->ProcessGroupId = own->ProcessGroupId;
#define PUT(field) put_text(&p->field, texts[i++], &room);
		STRING_FIELDS(PUT)
		if (environment) {
			p->Environment = memcpy(room, environment, environment_bytes(environment));
			p->EnvironmentSize = environment_size;
		}
		*result = flags & PROCESS_PARAMS_FLAG_NORMALIZED ? p : RtlDeNormalizeProcessParams(p);
	} else {
		status = STATUS_NO_MEMORY;
	}
	RtlReleasePebLock();
	return status;
}
NTSTATUS NTAPI RtlCreateProcessParameters(RTL_USER_PROCESS_PARAMETERS **result, const UNICODE_STRING *image, const UNICODE_STRING *dll_path,
	const UNICODE_STRING *directory, const UNICODE_STRING *command, PWSTR environment, const UNICODE_STRING *title,
	const UNICODE_STRING *desktop, const UNICODE_STRING *shell, const UNICODE_STRING *runtime);
NTSTATUS NTAPI RtlCreateProcessParameters(RTL_USER_PROCESS_PARAMETERS **result, const UNICODE_STRING *image, const UNICODE_STRING *dll_path,
	const UNICODE_STRING *directory, const UNICODE_STRING *command, PWSTR environment, const UNICODE_STRING *title,
	const UNICODE_STRING *desktop, const UNICODE_STRING *shell, const UNICODE_STRING *runtime)
{
	return RtlCreateProcessParametersEx(result, image, dll_path, directory, command, environment, title, desktop, shell, runtime, 0);
}
void NTAPI RtlDestroyProcessParameters(RTL_USER_PROCESS_PARAMETERS *p);
void NTAPI RtlDestroyProcessParameters(RTL_USER_PROCESS_PARAMETERS *p)
{
	heap_free(p);
}
