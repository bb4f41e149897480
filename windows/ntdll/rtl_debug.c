// SPDX-License-Identifier: MIT
/* Debug text, event tracing and the channels of Wine's DLLs. No trace session exists: providers register and learn that
 * nobody listens; debug text goes where the log is. */
#include "rtl.h"

#define DEBUG_LINE 512 /* characters of one DbgPrint; longer text is cut as on Windows */

NTSTATUS NTAPI vDbgPrintExWithPrefix(const char *prefix, ULONG component, ULONG level, const char *text, va_list arguments)
{
	char line[DEBUG_LINE];
	size_t used = strlen(prefix) < sizeof(line) ? strlen(prefix) : 0;
	int length;
	memcpy(line, prefix, used);
	length = format_narrow(line + used, sizeof(line) - used, text, arguments);
	NtAmbosMissing(line, length < 0 ? sizeof(line) : used + (size_t)length);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI vDbgPrintEx(ULONG component, ULONG level, const char *text, va_list arguments)
{
	return vDbgPrintExWithPrefix("", component, level, text, arguments);
}

NTSTATUS __cdecl DbgPrintEx(ULONG component, ULONG level, const char *text, ...)
{
	va_list arguments;
	va_start(arguments, text);
	vDbgPrintExWithPrefix("", component, level, text, arguments);
	va_end(arguments);
	return STATUS_SUCCESS;
}

NTSTATUS __cdecl DbgPrint(const char *text, ...)
{
	va_list arguments;
	va_start(arguments, text);
	vDbgPrintExWithPrefix("", 0, 0, text, arguments);
	va_end(arguments);
	return STATUS_SUCCESS;
}

/* Every channel is off. Its first byte is the set of classes that are on, all at first: callers look there before they
 * format what to say, so without the store each traced call of Wine's DLLs would build its text for nothing. */
unsigned char __cdecl __wine_dbg_get_channel_flags(void *channel)
{
	*(unsigned char *)channel = 0;
	return 0;
}
int __cdecl __wine_dbg_header(int class, void *channel, const char *function)
{
	*(unsigned char *)channel = 0;
	return -1;
}

int __cdecl __wine_dbg_output(const char *text)
{
	size_t length = strlen(text);
	NtAmbosMissing(text, length);
	return (int)length;
}
int __cdecl __wine_dbg_write(const char *text, unsigned length)
{
	NtAmbosMissing(text, length);
	return (int)length;
}

/* Wine's DLLs keep the pointer until the line is out: a ring of them is enough. */
const char *__cdecl __wine_dbg_strdup(const char *text)
{
	static char ring[8][300];
	static LONG next;
	char *place = ring[(ULONG)__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % ARRAYSIZE(ring)];
	size_t length = strnlen(text, sizeof(ring[0]) - 1);
	memcpy(place, text, length);
	place[length] = 0;
	return place;
}

static LONGLONG next_registration = 1;

ULONG NTAPI EtwEventRegister(LPCGUID provider, PVOID callback, PVOID context, ULONGLONG *handle)
{
	if (!handle)
		return ERROR_INVALID_PARAMETER;
	*handle = (ULONGLONG)__atomic_fetch_add(&next_registration, 1, __ATOMIC_RELAXED);
	return ERROR_SUCCESS;
}
ULONG NTAPI EtwEventUnregister(ULONGLONG handle) { return ERROR_SUCCESS; }
ULONG NTAPI EtwEventSetInformation(ULONGLONG handle, ULONG class, void *information, ULONG length) { return ERROR_SUCCESS; }
BOOLEAN NTAPI EtwEventEnabled(ULONGLONG handle, const void *event) { return FALSE; }
BOOLEAN NTAPI EtwEventProviderEnabled(ULONGLONG handle, UCHAR level, ULONGLONG keyword) { return FALSE; }
ULONG NTAPI EtwEventWrite(ULONGLONG handle, const void *event, ULONG count, void *data) { return ERROR_SUCCESS; }
ULONG NTAPI EtwEventWriteString(ULONGLONG handle, UCHAR level, ULONGLONG keyword, PCWSTR text) { return ERROR_SUCCESS; }
ULONG NTAPI EtwEventWriteTransfer(ULONGLONG handle, const void *event, LPCGUID activity, LPCGUID related, ULONG count, void *data)
{
	return ERROR_SUCCESS;
}

#define ACTIVITY_GET 1
#define ACTIVITY_SET 2
#define ACTIVITY_CREATE 3
#define ACTIVITY_GET_SET 4
#define ACTIVITY_CREATE_SET 5

static GUID new_activity(void)
{
	static LONG count;
	return (GUID){ (ULONG)__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED),
		(USHORT)(uintptr_t)current_teb()->ClientId.UniqueProcess, 0x4000, { 0x80 } };
}

ULONG NTAPI EtwEventActivityIdControl(ULONG code, GUID *id)
{
	GUID *own = &current_teb()->ActivityId, before = *own;
	if (!id)
		return ERROR_INVALID_PARAMETER;
	switch (code) {
	case ACTIVITY_GET: *id = before; break;
	case ACTIVITY_SET: *own = *id; break;
	case ACTIVITY_CREATE: *id = new_activity(); break;
	case ACTIVITY_GET_SET: *own = *id, *id = before; break;
	case ACTIVITY_CREATE_SET: *id = before, *own = new_activity(); break;
	default: return ERROR_INVALID_PARAMETER;
	}
	return ERROR_SUCCESS;
}

ULONG NTAPI EtwRegisterTraceGuidsW(PVOID callback, PVOID context, const GUID *control, ULONG count, PVOID guids, PCWSTR image,
	PCWSTR resource,
	ULONGLONG *handle)
{
	ULONG i;
	struct { const GUID *guid; HANDLE handle; } *registration = guids;
	for (i = 0; guids && i < count; i++)
		registration[i].handle = (HANDLE)(ULONG_PTR)0xdeadbeef;
	if (handle)
		*handle = (ULONGLONG)__atomic_fetch_add(&next_registration, 1, __ATOMIC_RELAXED);
	return ERROR_SUCCESS;
}
ULONG NTAPI EtwRegisterTraceGuidsA(PVOID callback, PVOID context, const GUID *control, ULONG count, PVOID guids, PCSTR image,
	PCSTR resource,
	ULONGLONG *handle)
{
	return EtwRegisterTraceGuidsW(callback, context, control, count, guids, NULL, NULL, handle);
}
ULONG NTAPI EtwUnregisterTraceGuids(ULONGLONG handle) { return ERROR_SUCCESS; }
ULONG NTAPI EtwGetTraceEnableFlags(ULONGLONG handle) { return 0; }
UCHAR NTAPI EtwGetTraceEnableLevel(ULONGLONG handle) { return 0; }
ULONGLONG NTAPI EtwGetTraceLoggerHandle(void *buffer) { return ~0ull; }
ULONG NTAPI EtwLogTraceEvent(ULONGLONG session, void *event) { return ERROR_CALL_NOT_IMPLEMENTED; }
ULONG EtwTraceMessage(ULONGLONG session, ULONG flags, LPGUID guid, USHORT number, ...) { return ERROR_SUCCESS; }
ULONG NTAPI EtwTraceMessageVa(ULONGLONG session, ULONG flags, LPGUID guid, USHORT number, va_list arguments) { return ERROR_SUCCESS; }

/* Quality metrics: not taken. */
ULONGLONG NTAPI WinSqmStartSession(PVOID a, ULONG b, ULONG c) { return 0; }
void NTAPI WinSqmEndSession(HANDLE session) { }
void NTAPI WinSqmIncrementDWORD(HANDLE session, ULONG id, ULONG value) { }
void NTAPI WinSqmSetDWORD(HANDLE session, ULONG id, ULONG value) { }
BOOL NTAPI WinSqmIsOptedIn(void) { return FALSE; }
