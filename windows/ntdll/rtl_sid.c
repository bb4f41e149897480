// SPDX-License-Identifier: MIT
/* Security identifiers and access masks. */
#include "rtl.h"

BOOLEAN NTAPI RtlValidSid(PSID value)
{
	const SID *sid = value;
	return sid && sid->Revision == SID_REVISION && sid->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

DWORD NTAPI RtlLengthRequiredSid(DWORD count) { return (DWORD)(sizeof(SID) - sizeof(DWORD) + count * sizeof(DWORD)); }
DWORD NTAPI RtlLengthSid(PSID sid) { return sid ? RtlLengthRequiredSid(((SID *)sid)->SubAuthorityCount) : 0; }
BYTE *NTAPI RtlSubAuthorityCountSid(PSID sid) { return &((SID *)sid)->SubAuthorityCount; }
DWORD *NTAPI RtlSubAuthoritySid(PSID sid, DWORD index) { return &((SID *)sid)->SubAuthority[index]; }
SID_IDENTIFIER_AUTHORITY *NTAPI RtlIdentifierAuthoritySid(PSID sid) { return &((SID *)sid)->IdentifierAuthority; }

NTSTATUS NTAPI RtlInitializeSid(PSID value, SID_IDENTIFIER_AUTHORITY *authority, BYTE count)
{
	SID *sid = value;
	if (count > SID_MAX_SUB_AUTHORITIES)
		return STATUS_INVALID_PARAMETER;
	sid->Revision = SID_REVISION;
	sid->SubAuthorityCount = count;
	if (authority)
		sid->IdentifierAuthority = *authority;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAllocateAndInitializeSid(SID_IDENTIFIER_AUTHORITY *authority, BYTE count, DWORD s0, DWORD s1, DWORD s2, DWORD s3,
	DWORD s4,
	DWORD s5, DWORD s6, DWORD s7, PSID *result)
{
	const DWORD values[] = { s0, s1, s2, s3, s4, s5, s6, s7 };
	SID *sid;
	if (count > ARRAYSIZE(values))
		return STATUS_INVALID_SID;
	sid = heap_allocate(RtlLengthRequiredSid(ARRAYSIZE(values)));
	if (!sid)
		return STATUS_NO_MEMORY;
	RtlInitializeSid(sid, authority, count);
	memcpy(sid->SubAuthority, values, count * sizeof(DWORD));
	*result = sid;
	return STATUS_SUCCESS;
}

PVOID NTAPI RtlFreeSid(PSID sid)
{
	heap_free(sid);
	return NULL;
}

BOOL NTAPI RtlEqualSid(PSID a, PSID b)
{
	return RtlValidSid(a) && RtlValidSid(b) && *RtlSubAuthorityCountSid(a) == *RtlSubAuthorityCountSid(b) && !memcmp(a, b,
		RtlLengthSid(a));
}

BOOL NTAPI RtlEqualPrefixSid(PSID a, PSID b)
{
	BYTE count;
	if (!RtlValidSid(a) || !RtlValidSid(b))
		return FALSE;
	count = *RtlSubAuthorityCountSid(a);
	if (count != *RtlSubAuthorityCountSid(b))
		return FALSE;
	return !memcmp(a, b, RtlLengthRequiredSid(count ? count - 1u : 0));
}

BOOLEAN NTAPI RtlCopySid(DWORD room, PSID to, PSID from)
{
	if (!from || !RtlValidSid(from) || room < RtlLengthSid(from))
		return FALSE;
	memmove(to, from, RtlLengthSid(from));
	return TRUE;
}

NTSTATUS NTAPI RtlCopySidAndAttributesArray(ULONG count, const SID_AND_ATTRIBUTES *from, ULONG room, SID_AND_ATTRIBUTES *to, PSID storage,
	PSID *rest, ULONG *rest_bytes)
{
	char *at = storage;
	ULONG i;
	for (i = 0; i < count; i++) {
		ULONG bytes = RtlLengthSid(from[i].Sid);
		if (bytes > room)
			return STATUS_INVALID_PARAMETER;
		room -= bytes;
		to[i].Sid = at;
		to[i].Attributes = from[i].Attributes;
		memcpy(at, from[i].Sid, bytes);
		at += bytes;
	}
	*rest = at;
	*rest_bytes = room;
	return STATUS_SUCCESS;
}

#define SID_TEXT 200 /* "S-1-", 48 bits, 15 parts of up to 11 characters */

NTSTATUS NTAPI RtlConvertSidToUnicodeString(PUNICODE_STRING text, PSID value, BOOLEAN allocate)
{
	WCHAR buffer[SID_TEXT];
	const SID *sid = value;
	const BYTE *a;
	ULONG used, i, bytes;
	if (!RtlValidSid(value))
		return STATUS_INVALID_SID;
	a = sid->IdentifierAuthority.Value;
	if (a[0] || a[1])
		used = (ULONG)_snwprintf(buffer, SID_TEXT, L"S-%u-0x%02x%02x%02x%02x%02x%02x", sid->Revision, a[0], a[1], a[2], a[3], a[4], a[5]);
	else
		used = (ULONG)_snwprintf(buffer, SID_TEXT, L"S-%u-%u", sid->Revision,
			(ULONG)a[2] << 24 | (ULONG)a[3] << 16 | (ULONG)a[4] << 8 | a[5]);
	for (i = 0; i < sid->SubAuthorityCount; i++)
		used += (ULONG)_snwprintf(buffer + used, SID_TEXT - used, L"-%u", sid->SubAuthority[i]);
	bytes = used * sizeof(WCHAR);
	if (allocate) {
		text->Buffer = heap_allocate(bytes + sizeof(WCHAR));
		if (!text->Buffer)
			return STATUS_NO_MEMORY;
		text->MaximumLength = (USHORT)(bytes + sizeof(WCHAR));
	} else if (bytes > text->MaximumLength) {
		return STATUS_BUFFER_OVERFLOW;
	}
	text->Length = (USHORT)bytes;
	memcpy(text->Buffer, buffer, bytes);
	if (bytes + sizeof(WCHAR) <= text->MaximumLength)
		text->Buffer[used] = 0;
	return STATUS_SUCCESS;
}

void NTAPI RtlMapGenericMask(PACCESS_MASK mask, const GENERIC_MAPPING *mapping)
{
	if (*mask & GENERIC_READ)
		*mask |= mapping->GenericRead;
	if (*mask & GENERIC_WRITE)
		*mask |= mapping->GenericWrite;
	if (*mask & GENERIC_EXECUTE)
		*mask |= mapping->GenericExecute;
	if (*mask & GENERIC_ALL)
		*mask |= mapping->GenericAll;
	*mask &= 0x0fffffff;
}

BOOLEAN NTAPI RtlAreAllAccessesGranted(ACCESS_MASK granted, ACCESS_MASK wanted) { return (granted & wanted) == wanted; }
BOOLEAN NTAPI RtlAreAnyAccessesGranted(ACCESS_MASK granted, ACCESS_MASK wanted) { return (granted & wanted) != 0; }

void NTAPI RtlCopyLuid(PLUID to, const LUID *from) { *to = *from; }
BOOLEAN NTAPI RtlEqualLuid(const LUID *a, const LUID *b) { return a->LowPart == b->LowPart && a->HighPart == b->HighPart; }
void NTAPI RtlCopyLuidAndAttributesArray(ULONG count, const LUID_AND_ATTRIBUTES *from, LUID_AND_ATTRIBUTES *to)
{
	memcpy(to, from, count * sizeof(*from));
}

/* Privilege of this process's token (or the thread's). */
NTSTATUS NTAPI NtOpenProcessToken(HANDLE, ACCESS_MASK, HANDLE *);
NTSTATUS NTAPI NtOpenThreadToken(HANDLE, ACCESS_MASK, BOOLEAN, HANDLE *);
NTSTATUS NTAPI NtAdjustPrivilegesToken(HANDLE, BOOLEAN, PTOKEN_PRIVILEGES, DWORD, PTOKEN_PRIVILEGES, PDWORD);

NTSTATUS NTAPI RtlAdjustPrivilege(ULONG privilege, BOOLEAN enable, BOOLEAN thread, PBOOLEAN was_enabled)
{
	TOKEN_PRIVILEGES now = { .PrivilegeCount = 1 }, before;
	ULONG bytes = sizeof(before);
	HANDLE token;
	NTSTATUS status;
	if (thread)
		status = NtOpenThreadToken(NtCurrentThread(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, FALSE, &token);
	else
		status = NtOpenProcessToken(NtCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token);
	if (status)
		return status;
	now.Privileges[0].Luid.LowPart = privilege;
	now.Privileges[0].Attributes = enable ? SE_PRIVILEGE_ENABLED : 0;
	status = NtAdjustPrivilegesToken(token, FALSE, &now, bytes, &before, &bytes);
	NtClose(token);
	if (status == STATUS_NOT_ALL_ASSIGNED)
		return STATUS_PRIVILEGE_NOT_HELD;
	if (!status)
		*was_enabled = before.PrivilegeCount ? (before.Privileges[0].Attributes & SE_PRIVILEGE_ENABLED) != 0 : enable;
	return status;
}

NTSTATUS NTAPI NtDuplicateToken(HANDLE, ACCESS_MASK, OBJECT_ATTRIBUTES *, BOOLEAN, TOKEN_TYPE, HANDLE *);
#define THREAD_IMPERSONATION_TOKEN ((THREADINFOCLASS)5)

NTSTATUS NTAPI RtlImpersonateSelf(SECURITY_IMPERSONATION_LEVEL level)
{
	SECURITY_QUALITY_OF_SERVICE quality = { sizeof(quality), level, SECURITY_DYNAMIC_TRACKING, FALSE };
	OBJECT_ATTRIBUTES attributes = { .Length = sizeof(attributes), .SecurityQualityOfService = &quality };
	HANDLE own, copy;
	NTSTATUS status = NtOpenProcessToken(NtCurrentProcess(), TOKEN_DUPLICATE, &own);
	if (status)
		return status;
	status = NtDuplicateToken(own, TOKEN_IMPERSONATE, &attributes, FALSE, TokenImpersonation, &copy);
	if (!status) {
		status = NtSetInformationThread(NtCurrentThread(), THREAD_IMPERSONATION_TOKEN, &copy, sizeof(copy));
		NtClose(copy);
	}
	NtClose(own);
	return status;
}
