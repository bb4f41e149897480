// SPDX-License-Identifier: MIT
/* "Unix calls" of Debian's DLLs (facts 2.1): memory query class 1000 on a module answers with a table of functions, which
 * __wine_unix_call_dispatcher then runs. Here they are ordinary functions. ws2_32 and crypt32 refuse to load without. */
#include "loader.h"
#include <nt/runtime.h>

typedef NTSTATUS (*unix_function)(void *arguments);
#define UNIX_FUNCTIONS_CLASS 1000u /* 1001: for 32-bit callers, refused */
NTSTATUS __cdecl unix_call(ULONG64 table, ULONG code, void *arguments);
NTSTATUS __cdecl __wine_unix_call(ULONG64 table, ULONG code, void *arguments);

/* ws2_32: names are not resolved, there is no network. Results are Winsock codes. */
#define NO_SUCH_HOST 11001 /* WSAHOST_NOT_FOUND */
static NTSTATUS name_not_found(void *arguments) { return NO_SUCH_HOST; }
struct gethostname_arguments { char *name; unsigned size; };
static NTSTATUS host_name(void *arguments)
{
	static const char name[] = "ambos";
	const struct gethostname_arguments *wanted = arguments;
	if (wanted->size < sizeof(name))
		return 10014; /* WSAEFAULT */
	memcpy(wanted->name, name, sizeof(name));
	return 0;
}
static const unix_function ws2_32_table[] = { name_not_found, name_not_found, name_not_found, host_name, name_not_found };

/* crypt32: no key stores, no system certificates. */
static NTSTATUS succeed(void *arguments) { return STATUS_SUCCESS; }
static NTSTATUS not_supported(void *arguments) { return STATUS_NOT_SUPPORTED; }
static NTSTATUS no_more(void *arguments) { return STATUS_NO_MORE_ENTRIES; }
static const unix_function crypt32_table[] = { succeed, succeed, not_supported, not_supported, not_supported, succeed, no_more };

static const struct unix_library {
	const WCHAR *name;
	const unix_function *table;
	ULONG count;
} libraries[] = {
	{ L"ws2_32.dll", ws2_32_table, ARRAYSIZE(ws2_32_table) },
	{ L"crypt32.dll", crypt32_table, ARRAYSIZE(crypt32_table) },
};
NTSTATUS __cdecl unix_call(ULONG64 table, ULONG code, void *arguments)
{
	for (ULONG i = 0; i < ARRAYSIZE(libraries); i++)
		if ((ULONG64)(ULONG_PTR)libraries[i].table == table)
			return code < libraries[i].count ? libraries[i].table[code](arguments) : STATUS_INVALID_PARAMETER;
	return STATUS_INVALID_HANDLE;
}
NTSTATUS __cdecl __wine_unix_call(ULONG64 table, ULONG code, void *arguments)
{
	return unix_call(table, code, arguments);
}
extern NTSTATUS(__cdecl *__wine_unix_call_dispatcher)(ULONG64, ULONG, void *);
NTSTATUS(__cdecl *__wine_unix_call_dispatcher)(ULONG64, ULONG, void *) = unix_call;

static NTSTATUS unix_table(const void *base, void *buffer, SIZE_T bytes)
{
	NTSTATUS status = STATUS_DLL_NOT_FOUND;
	if (bytes != sizeof(ULONG64))
		return STATUS_INFO_LENGTH_MISMATCH;
	loader_lock();
	const struct module *module = module_of_base(base);
	for (ULONG i = 0; module && i < ARRAYSIZE(libraries); i++) {
		const UNICODE_STRING *name = &module->ldr.BaseDllName;
		if (!names_equal(name->Buffer, name->Length / sizeof(WCHAR), libraries[i].name, wcslen(libraries[i].name)))
			continue;
		*(ULONG64 *)buffer = (ULONG64)(ULONG_PTR)libraries[i].table;
		status = STATUS_SUCCESS;
	}
	loader_unlock();
	return status;
}
NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE process, const void *address, ULONG class, PVOID buffer, SIZE_T bytes, SIZE_T *needed)
{
	if (class == UNIX_FUNCTIONS_CLASS && process == NtCurrentProcess())
		return unix_table(address, buffer, bytes);
	return CallQueryVirtualMemory(process, address, class, buffer, bytes, needed);
}
