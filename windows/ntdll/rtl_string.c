// SPDX-License-Identifier: MIT
/* Counted strings: initialising, copying, appending, freeing, and the conversions between ANSI, OEM and Unicode strings.
 * A counted string that is allocated here lies on the process heap and is freed by RtlFree*String. */
#include "rtl.h"

#define STRING_MAX 0xffff

void NTAPI RtlInitAnsiString(PANSI_STRING s, PCSZ text)
{
	size_t length = text ? strlen(text) : 0;
	if (length > STRING_MAX - 1)
		length = STRING_MAX - 1;
	s->Buffer = (PCHAR)(uintptr_t)text;
	s->Length = (USHORT)length;
	s->MaximumLength = text ? (USHORT)(length + 1) : 0;
}
void NTAPI RtlInitString(PSTRING s, PCSZ text) { RtlInitAnsiString(s, text); }

NTSTATUS NTAPI RtlInitAnsiStringEx(PANSI_STRING s, PCSZ text)
{
	if (text && strlen(text) + 1 > STRING_MAX)
		return STATUS_NAME_TOO_LONG;
	RtlInitAnsiString(s, text);
	return STATUS_SUCCESS;
}

void NTAPI RtlInitUnicodeString(PUNICODE_STRING s, PCWSTR text)
{
	size_t bytes = text ? wcslen(text) * sizeof(WCHAR) : 0;
	if (bytes > STRING_MAX - 3)
		bytes = STRING_MAX - 3;
	s->Buffer = (PWSTR)(uintptr_t)text;
	s->Length = (USHORT)bytes;
	s->MaximumLength = text ? (USHORT)(bytes + sizeof(WCHAR)) : 0;
}

NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING s, PCWSTR text)
{
	if (text && wcslen(text) * sizeof(WCHAR) > STRING_MAX - 3)
		return STATUS_NAME_TOO_LONG;
	RtlInitUnicodeString(s, text);
	return STATUS_SUCCESS;
}

BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING s, PCWSTR text)
{
	size_t bytes = (wcslen(text) + 1) * sizeof(WCHAR);
	s->Buffer = heap_allocate(bytes);
	if (!s->Buffer)
		return FALSE;
	memcpy(s->Buffer, text, bytes);
	s->Length = (USHORT)(bytes - sizeof(WCHAR));
	s->MaximumLength = (USHORT)bytes;
	return TRUE;
}

BOOLEAN NTAPI RtlCreateUnicodeStringFromAsciiz(PUNICODE_STRING s, PCSZ text)
{
	ANSI_STRING ansi;
	RtlInitAnsiString(&ansi, text);
	return !RtlAnsiStringToUnicodeString(s, &ansi, TRUE);
}

void NTAPI RtlFreeUnicodeString(PUNICODE_STRING s)
{
	if (!s->Buffer)
		return;
	heap_free(s->Buffer);
	*s = (UNICODE_STRING){ 0 };
}

void NTAPI RtlFreeAnsiString(PANSI_STRING s)
{
	if (!s->Buffer)
		return;
	heap_free(s->Buffer);
	*s = (ANSI_STRING){ 0 };
}
void NTAPI RtlFreeOemString(PSTRING s) { RtlFreeAnsiString(s); }

void NTAPI RtlEraseUnicodeString(UNICODE_STRING *s)
{
	if (!s->Buffer)
		return;
	memset(s->Buffer, 0, s->MaximumLength);
	s->Length = 0;
}

void NTAPI RtlCopyString(STRING *to, const STRING *from)
{
	if (!from) {
		to->Length = 0;
		return;
	}
	to->Length = from->Length < to->MaximumLength ? from->Length : to->MaximumLength;
	memcpy(to->Buffer, from->Buffer, to->Length);
}

void NTAPI RtlCopyUnicodeString(UNICODE_STRING *to, const UNICODE_STRING *from)
{
	if (!from) {
		to->Length = 0;
		return;
	}
	to->Length = from->Length < to->MaximumLength ? from->Length : to->MaximumLength;
	memcpy(to->Buffer, from->Buffer, to->Length);
	if (to->Length < to->MaximumLength)
		to->Buffer[to->Length / sizeof(WCHAR)] = 0;
}

#define DUPLICATE_ADD_NUL 1
#define DUPLICATE_EMPTY_TOO 2

NTSTATUS NTAPI RtlDuplicateUnicodeString(ULONG flags, const UNICODE_STRING *from, UNICODE_STRING *to)
{
	ULONG bytes;
	if (!from || !to || from->Length > from->MaximumLength || (!from->Length && from->MaximumLength && !from->Buffer) || flags ==
		2 || flags > 3)
		return STATUS_INVALID_PARAMETER;
	bytes = from->Length + (flags & DUPLICATE_ADD_NUL ? sizeof(WCHAR) : 0);
	if (!from->Length && flags != (DUPLICATE_ADD_NUL | DUPLICATE_EMPTY_TOO))
		bytes = 0;
	*to = (UNICODE_STRING){ 0 };
	if (!bytes)
		return STATUS_SUCCESS;
	if (bytes > STRING_MAX)
		return STATUS_NAME_TOO_LONG;
	to->Buffer = heap_allocate(bytes);
	if (!to->Buffer)
		return STATUS_NO_MEMORY;
	memcpy(to->Buffer, from->Buffer, from->Length);
	to->Length = from->Length;
	to->MaximumLength = (USHORT)bytes;
	if (flags & DUPLICATE_ADD_NUL)
		to->Buffer[to->Length / sizeof(WCHAR)] = 0;
	return STATUS_SUCCESS;
}

static NTSTATUS append_bytes(STRING *to, const void *text, size_t bytes)
{
	if (to->Length + bytes > to->MaximumLength)
		return STATUS_BUFFER_TOO_SMALL;
	memmove(to->Buffer + to->Length, text, bytes);
	to->Length = (USHORT)(to->Length + bytes);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAppendAsciizToString(STRING *to, LPCSTR text) { return text ? append_bytes(to, text, strlen(text)) : STATUS_SUCCESS; }
NTSTATUS NTAPI RtlAppendStringToString(STRING *to, const STRING *from)
{
	return from->Length ? append_bytes(to, from->Buffer, from->Length) : STATUS_SUCCESS;
}

static NTSTATUS append_wide(UNICODE_STRING *to, const WCHAR *text, size_t bytes)
{
	if (to->Length + bytes > to->MaximumLength)
		return STATUS_BUFFER_TOO_SMALL;
	memmove((char *)to->Buffer + to->Length, text, bytes);
	to->Length = (USHORT)(to->Length + bytes);
	if (to->Length + sizeof(WCHAR) <= to->MaximumLength)
		to->Buffer[to->Length / sizeof(WCHAR)] = 0;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING to, PCWSTR text)
{
	return text ? append_wide(to, text, wcslen(text) * sizeof(WCHAR)) : STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING to, PCUNICODE_STRING from)
{
	return from->Length ? append_wide(to, from->Buffer, from->Length) : STATUS_SUCCESS;
}

/* Bytes to Unicode: one body for ANSI and OEM. */
static NTSTATUS to_unicode(const struct code_page *table, UNICODE_STRING *to, const STRING *from, BOOLEAN allocate)
{
	ULONG bytes = code_page_to_unicode(table, NULL, 0, from->Buffer, from->Length);
	if (bytes + sizeof(WCHAR) > STRING_MAX)
		return STATUS_INVALID_PARAMETER_2;
	to->Length = (USHORT)bytes;
	if (allocate) {
		to->MaximumLength = (USHORT)(bytes + sizeof(WCHAR));
		to->Buffer = heap_allocate(to->MaximumLength);
		if (!to->Buffer)
			return STATUS_NO_MEMORY;
	} else if (bytes + sizeof(WCHAR) > to->MaximumLength) {
		return STATUS_BUFFER_OVERFLOW;
	}
	code_page_to_unicode(table, to->Buffer, bytes, from->Buffer, from->Length);
	to->Buffer[bytes / sizeof(WCHAR)] = 0;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAnsiStringToUnicodeString(PUNICODE_STRING to, PCANSI_STRING from, BOOLEAN allocate)
{
	return to_unicode(&ansi_code_page, to, from, allocate);
}

NTSTATUS NTAPI RtlOemStringToUnicodeString(UNICODE_STRING *to, const STRING *from, BOOLEAN allocate)
{
	return to_unicode(&oem_code_page, to, from, allocate);
}

static NTSTATUS from_unicode(const struct code_page *table, STRING *to, const UNICODE_STRING *from, BOOLEAN allocate, bool upcase)
{
	NTSTATUS status = STATUS_SUCCESS;
	ULONG bytes = code_page_from_unicode(table, NULL, 0, from->Buffer, from->Length, upcase);
	if (bytes + 1 > STRING_MAX && allocate)
		return STATUS_INVALID_PARAMETER_2;
	if (allocate) {
		to->MaximumLength = (USHORT)(bytes + 1);
		to->Buffer = heap_allocate(to->MaximumLength);
		if (!to->Buffer)
			return STATUS_NO_MEMORY;
	} else if (bytes + 1 > to->MaximumLength) {
		if (!to->MaximumLength) {
			to->Length = (USHORT)bytes;
			return STATUS_BUFFER_OVERFLOW;
		}
		bytes = to->MaximumLength - 1u;
		status = STATUS_BUFFER_OVERFLOW;
	}
	to->Length = (USHORT)code_page_from_unicode(table, to->Buffer, bytes, from->Buffer, from->Length, upcase);
	to->Buffer[bytes] = 0;
	return status;
}

NTSTATUS NTAPI RtlUnicodeStringToAnsiString(PANSI_STRING to, PCUNICODE_STRING from, BOOLEAN allocate)
{
	return from_unicode(&ansi_code_page, to, from, allocate, false);
}

NTSTATUS NTAPI RtlUnicodeStringToOemString(POEM_STRING to, PCUNICODE_STRING from, BOOLEAN allocate)
{
	return from_unicode(&oem_code_page, to, from, allocate, false);
}

NTSTATUS NTAPI RtlUpcaseUnicodeStringToAnsiString(STRING *to, const UNICODE_STRING *from, BOOLEAN allocate)
{
	return from_unicode(&ansi_code_page, to, from, allocate, true);
}

NTSTATUS NTAPI RtlUpcaseUnicodeStringToOemString(STRING *to, const UNICODE_STRING *from, BOOLEAN allocate)
{
	return from_unicode(&oem_code_page, to, from, allocate, true);
}

/* Without a NUL behind. */
static NTSTATUS counted_oem(STRING *to, const UNICODE_STRING *from, BOOLEAN allocate, bool upcase)
{
	NTSTATUS status = STATUS_SUCCESS;
	ULONG bytes = code_page_from_unicode(&oem_code_page, NULL, 0, from->Buffer, from->Length, upcase);
	to->Length = (USHORT)bytes;
	if (allocate) {
		to->MaximumLength = (USHORT)bytes;
		to->Buffer = heap_allocate(bytes);
		if (!to->Buffer)
			return STATUS_NO_MEMORY;
	} else if (to->MaximumLength < bytes) {
		status = STATUS_BUFFER_OVERFLOW;
		to->Length = to->MaximumLength;
	}
	code_page_from_unicode(&oem_code_page, to->Buffer, to->Length, from->Buffer, from->Length, upcase);
	return status;
}

NTSTATUS NTAPI RtlUnicodeStringToCountedOemString(STRING *to, const UNICODE_STRING *from, BOOLEAN allocate)
{
	return counted_oem(to, from, allocate, false);
}

NTSTATUS NTAPI RtlUpcaseUnicodeStringToCountedOemString(STRING *to, const UNICODE_STRING *from, BOOLEAN allocate)
{
	return counted_oem(to, from, allocate, true);
}
