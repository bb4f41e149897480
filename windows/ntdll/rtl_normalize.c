// SPDX-License-Identifier: MIT
/* Normalisation (normalize_text.c) and domain names (idn.c) as ntdll exports them; lengths are in characters, -1 counts to the
 * NUL and takes it along. The functions of normaliz.dll and kernel32 turn a length into the negative one of a failure. */
#include "rtl.h"

#include "idn.h"
#include "normalize.h"

#define ESTIMATE_SMALL 64 /* an estimate up to here is for the worst case, above for text with an eighth more */
#define GROWTH_CANONICAL 3
#define SLACK_CANONICAL 1 /* what Windows adds to the estimate of the rest when the room was full before a bad unit */
#define SLACK_COMPATIBLE 8

void *normalize_allocate(size_t bytes)
{
	return heap_allocate(bytes);
}

void normalize_free(void *memory)
{
	heap_free(memory);
}

static NTSTATUS check_form(ULONG form)
{
	switch (form) {
	case 0: /* NormalizationOther */
		return STATUS_INVALID_PARAMETER;
	case NORMALIZE_C:
	case NORMALIZE_D:
	case NORMALIZE_KC:
	case NORMALIZE_KD:
		return STATUS_SUCCESS;
	}
	return STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS measure(const WCHAR *text, LONG length, size_t *units)
{
	if (length < -1 || (length && !text))
		return STATUS_INVALID_PARAMETER;
	*units = length < 0 ? wcslen(text) + 1 : (size_t)length;
	return STATUS_SUCCESS;
}

static LONG told_length(size_t units)
{
	return units > MAXLONG ? MAXLONG : (LONG)units;
}

static LONG estimate(ULONG form, size_t units)
{
	size_t worst = units * (form & NORMALIZE_COMPATIBLE ? UNICODE_MAPPING_MAX : GROWTH_CANONICAL), usual = units + units / 8;
	if (usual < ESTIMATE_SMALL)
		usual = ESTIMATE_SMALL;
	return told_length(worst < usual ? worst : usual);
}

NTSTATUS NTAPI RtlNormalizeString(ULONG form, const WCHAR *text, LONG length, WCHAR *out, LONG *out_length)
{
	size_t units = 0, used = 0;
	enum normalize_status result;
	LONG room = *out_length;
	NTSTATUS status = check_form(form);
	if (!status)
		status = measure(text, length, &units);
	if (!status && (room < 0 || (room && !out)))
		status = STATUS_INVALID_PARAMETER;
	if (status)
		return status;
	if (!room) {
		*out_length = estimate(form, units);
		return STATUS_SUCCESS;
	}
	result = normalize_text(form, text, units, out, (size_t)room, &used);
	if (result == NORMALIZE_NO_MEMORY)
		return STATUS_NO_MEMORY;
	if (result == NORMALIZE_FULL) {
		used = (size_t)room + (form & NORMALIZE_COMPATIBLE ? SLACK_COMPATIBLE : SLACK_CANONICAL);
		used += (size_t)estimate(form, units > (size_t)room ? units - (size_t)room : 0);
	}
	*out_length = told_length(used);
	if (result == NORMALIZE_BAD)
		return STATUS_NO_UNICODE_TRANSLATION;
	return result || used > (size_t)room ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIsNormalizedString(ULONG form, const WCHAR *text, LONG length, BOOLEAN *normal)
{
	size_t units = 0;
	bool answer;
	NTSTATUS status = check_form(form);
	if (!status)
		status = measure(text, length, &units);
	if (status)
		return status;
	switch (normalize_check(form, text, units, &answer)) {
	case NORMALIZE_NO_MEMORY:
		return STATUS_NO_MEMORY;
	case NORMALIZE_BAD:
		return STATUS_NO_UNICODE_TRANSLATION;
	default:
		*normal = answer;
		return STATUS_SUCCESS;
	}
}

static NTSTATUS convert(enum idn_operation operation, ULONG flags, const WCHAR *name, LONG length, WCHAR *out, LONG *out_length)
{
	size_t units = 0, used = 0;
	LONG room = *out_length;
	NTSTATUS status = measure(name, length, &units);
	if (!status && (!name || room < 0 || (room && !out) || (flags & ~(IDN_FLAG_UNASSIGNED | IDN_FLAG_STD3))))
		status = STATUS_INVALID_PARAMETER;
	if (status)
		return status;
	if (!idn_convert(operation, flags, name, units, out, (size_t)room, &used))
		return STATUS_INVALID_IDN_NORMALIZATION;
	*out_length = told_length(used);
	return room && used > (size_t)room ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIdnToAscii(ULONG flags, const WCHAR *name, LONG length, WCHAR *out, LONG *out_length)
{
	return convert(IDN_TO_ASCII, flags, name, length, out, out_length);
}

NTSTATUS NTAPI RtlIdnToUnicode(ULONG flags, const WCHAR *name, LONG length, WCHAR *out, LONG *out_length)
{
	return convert(IDN_TO_UNICODE, flags, name, length, out, out_length);
}

NTSTATUS NTAPI RtlIdnToNameprepUnicode(ULONG flags, const WCHAR *name, LONG length, WCHAR *out, LONG *out_length)
{
	return convert(IDN_PREPARE, flags, name, length, out, out_length);
}
