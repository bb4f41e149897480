// SPDX-License-Identifier: MIT
/* Access control lists: an ACL header and ACEs packed behind it. */
#include "rtl.h"

static char *acl_end(const ACL *acl) { return (char *)(uintptr_t)acl + acl->AclSize; }
static ACE_HEADER *first_ace(const ACL *acl) { return (ACE_HEADER *)(uintptr_t)(acl + 1); }
static ACE_HEADER *after(const ACE_HEADER *ace) { return (ACE_HEADER *)((uintptr_t)ace + ace->AceSize); }

NTSTATUS NTAPI RtlCreateAcl(PACL acl, DWORD bytes, DWORD revision)
{
	if (revision < MIN_ACL_REVISION || revision > MAX_ACL_REVISION || bytes > 0xffff)
		return STATUS_INVALID_PARAMETER;
	if (bytes < sizeof(ACL))
		return STATUS_BUFFER_TOO_SMALL;
	memset(acl, 0, bytes);
	acl->AclRevision = (BYTE)revision;
	acl->AclSize = (WORD)bytes;
	return STATUS_SUCCESS;
}

/* Where the next ACE goes: NULL when the list is full; FALSE when an ACE leads outside. */
BOOLEAN NTAPI RtlFirstFreeAce(PACL acl, ACE_HEADER **result)
{
	ACE_HEADER *ace = first_ace(acl);
	ULONG i;
	*result = NULL;
	for (i = 0; i < acl->AceCount; i++) {
		if ((char *)ace + sizeof(*ace) > acl_end(acl))
			return FALSE;
		ace = after(ace);
	}
	if ((char *)ace < acl_end(acl))
		*result = ace;
	return (char *)ace <= acl_end(acl);
}

BOOLEAN NTAPI RtlValidAcl(PACL acl)
{
	ACE_HEADER *ace;
	ULONG i;
	if (!acl || acl->AclRevision < MIN_ACL_REVISION || acl->AclRevision > MAX_ACL_REVISION || acl->AclSize < sizeof(ACL))
		return FALSE;
	ace = first_ace(acl);
	for (i = 0; i < acl->AceCount; i++, ace = after(ace))
		if ((char *)(ace + 1) > acl_end(acl) || ace->AceSize < sizeof(*ace) || (char *)ace + ace->AceSize > acl_end(acl))
			return FALSE;
	return TRUE;
}

NTSTATUS NTAPI RtlGetAce(PACL acl, DWORD index, LPVOID *result)
{
	ACE_HEADER *ace = first_ace(acl);
	if (index >= acl->AceCount)
		return STATUS_INVALID_PARAMETER;
	while (index-- && (char *)ace < acl_end(acl))
		ace = after(ace);
	if ((char *)ace >= acl_end(acl))
		return STATUS_INVALID_PARAMETER;
	*result = ace;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlDeleteAce(PACL acl, DWORD index)
{
	PVOID found;
	ACE_HEADER *end = first_ace(acl), *ace;
	ULONG i;
	NTSTATUS status = RtlGetAce(acl, index, &found);
	if (status)
		return status;
	for (i = 0; i < acl->AceCount; i++)
		end = after(end);
	ace = after(found);
	memmove(found, ace, (size_t)((char *)end - (char *)ace));
	acl->AceCount--;
	return STATUS_SUCCESS;
}

/* Inserts a run of ACEs before the given index (MAXDWORD: at the end). */
NTSTATUS NTAPI RtlAddAce(PACL acl, DWORD revision, DWORD index, PACE_HEADER list, DWORD bytes)
{
	ACE_HEADER *free_place, *ace, *place;
	ULONG count = 0, i;
	if (!RtlValidAcl(acl) || !RtlFirstFreeAce(acl, &free_place))
		return STATUS_INVALID_PARAMETER;
	for (ace = list; (char *)ace < (char *)list + bytes; ace = after(ace), count++)
		if (ace->AceSize < sizeof(*ace))
			return STATUS_INVALID_PARAMETER;
	if ((char *)ace > (char *)list + bytes)
		return STATUS_INVALID_PARAMETER;
	if (!free_place || (char *)free_place + bytes > acl_end(acl))
		return STATUS_BUFFER_TOO_SMALL;
	place = first_ace(acl);
	for (i = 0; i < index && i < acl->AceCount; i++)
		place = after(place);
	memmove((char *)place + bytes, place, (size_t)((char *)free_place - (char *)place));
	memcpy(place, list, bytes);
	acl->AceCount = (WORD)(acl->AceCount + count);
	if (revision > acl->AclRevision)
		acl->AclRevision = (BYTE)revision;
	return STATUS_SUCCESS;
}

/* One ACE "header, mask, SID", or with two GUIDs between. */
static NTSTATUS add_ace(PACL acl, DWORD revision, DWORD flags, ACCESS_MASK mask, const GUID *object, const GUID *inherited,
	PSID sid, BYTE type)
{
	ACE_HEADER *place;
	ULONG bytes = sizeof(ACE_HEADER) + sizeof(ACCESS_MASK) + RtlLengthSid(sid), present = 0;
	bool with_object = type == ACCESS_ALLOWED_OBJECT_ACE_TYPE || type == ACCESS_DENIED_OBJECT_ACE_TYPE || type ==
		SYSTEM_AUDIT_OBJECT_ACE_TYPE;
	char *at;
	if (!RtlValidSid(sid))
		return STATUS_INVALID_SID;
	if (revision > MAX_ACL_REVISION || acl->AclRevision > MAX_ACL_REVISION)
		return STATUS_REVISION_MISMATCH;
	if (!RtlValidAcl(acl) || !RtlFirstFreeAce(acl, &place))
		return STATUS_INVALID_ACL;
	if (with_object)
		bytes += sizeof(DWORD) + (object ? sizeof(GUID) : 0) + (inherited ? sizeof(GUID) : 0);
	if (!place || (char *)place + bytes > acl_end(acl))
		return STATUS_ALLOTTED_SPACE_EXCEEDED;
	*place = (ACE_HEADER){ type, (BYTE)flags, (WORD)bytes };
	at = (char *)(place + 1);
	memcpy(at, &mask, sizeof(mask));
	at += sizeof(mask);
	if (with_object) {
		present = (object ? ACE_OBJECT_TYPE_PRESENT : 0) | (inherited ? ACE_INHERITED_OBJECT_TYPE_PRESENT : 0);
		memcpy(at, &present, sizeof(present));
		at += sizeof(present);
		if (object)
			memcpy(at, object, sizeof(GUID)), at += sizeof(GUID);
		if (inherited)
			memcpy(at, inherited, sizeof(GUID)), at += sizeof(GUID);
	}
	memcpy(at, sid, RtlLengthSid(sid));
	if (revision > acl->AclRevision)
		acl->AclRevision = (BYTE)revision;
	acl->AceCount++;
	return STATUS_SUCCESS;
}

static DWORD audit_flags(DWORD flags, BOOL success, BOOL failure)
{
	return flags | (success ? SUCCESSFUL_ACCESS_ACE_FLAG : 0) | (failure ? FAILED_ACCESS_ACE_FLAG : 0);
}

NTSTATUS NTAPI RtlAddAccessAllowedAceEx(PACL acl, DWORD revision, DWORD flags, DWORD mask, PSID sid)
{
	return add_ace(acl, revision, flags, mask, NULL, NULL, sid, ACCESS_ALLOWED_ACE_TYPE);
}
NTSTATUS NTAPI RtlAddAccessAllowedAce(PACL acl, DWORD revision, DWORD mask, PSID sid)
{
	return RtlAddAccessAllowedAceEx(acl, revision, 0, mask, sid);
}
NTSTATUS NTAPI RtlAddAccessDeniedAceEx(PACL acl, DWORD revision, DWORD flags, DWORD mask, PSID sid)
{
	return add_ace(acl, revision, flags, mask, NULL, NULL, sid, ACCESS_DENIED_ACE_TYPE);
}
NTSTATUS NTAPI RtlAddAccessDeniedAce(PACL acl, DWORD revision, DWORD mask, PSID sid)
{
	return RtlAddAccessDeniedAceEx(acl, revision, 0, mask, sid);
}
NTSTATUS NTAPI RtlAddAuditAccessAceEx(PACL acl, DWORD revision, DWORD flags, DWORD mask, PSID sid, BOOL success, BOOL failure)
{
	return add_ace(acl, revision, audit_flags(flags, success, failure), mask, NULL, NULL, sid, SYSTEM_AUDIT_ACE_TYPE);
}
NTSTATUS NTAPI RtlAddAuditAccessAce(PACL acl, DWORD revision, DWORD mask, PSID sid, BOOL success, BOOL failure)
{
	return RtlAddAuditAccessAceEx(acl, revision, 0, mask, sid, success, failure);
}
NTSTATUS NTAPI RtlAddAccessAllowedObjectAce(PACL acl, DWORD revision, DWORD flags, DWORD mask, GUID *object, GUID *inherited, PSID sid)
{
	return add_ace(acl, revision, flags, mask, object, inherited, sid,
		object || inherited ? ACCESS_ALLOWED_OBJECT_ACE_TYPE : ACCESS_ALLOWED_ACE_TYPE);
}
NTSTATUS NTAPI RtlAddAccessDeniedObjectAce(PACL acl, DWORD revision, DWORD flags, DWORD mask, GUID *object, GUID *inherited, PSID sid)
{
	return add_ace(acl, revision, flags, mask, object, inherited, sid,
		object || inherited ? ACCESS_DENIED_OBJECT_ACE_TYPE : ACCESS_DENIED_ACE_TYPE);
}
NTSTATUS NTAPI RtlAddAuditAccessObjectAce(PACL acl, DWORD revision, DWORD flags, DWORD mask, GUID *object, GUID *inherited, PSID sid,
	BOOL success, BOOL failure)
{
	return add_ace(acl, revision, audit_flags(flags, success, failure), mask, object, inherited, sid,
		object || inherited ? SYSTEM_AUDIT_OBJECT_ACE_TYPE : SYSTEM_AUDIT_ACE_TYPE);
}

#define MANDATORY_POLICIES 7

NTSTATUS NTAPI RtlAddMandatoryAce(PACL acl, DWORD revision, DWORD flags, DWORD policy, DWORD type, PSID sid)
{
	if (type != SYSTEM_MANDATORY_LABEL_ACE_TYPE || policy & ~(DWORD)MANDATORY_POLICIES)
		return STATUS_INVALID_PARAMETER;
	return add_ace(acl, revision, flags, policy, NULL, NULL, sid, (BYTE)type);
}

NTSTATUS NTAPI RtlQueryInformationAcl(PACL acl, PVOID information, DWORD bytes, ACL_INFORMATION_CLASS class)
{
	ACL_SIZE_INFORMATION *size = information;
	ACE_HEADER *ace = first_ace(acl);
	ULONG i;
	switch (class) {
	case AclRevisionInformation:
		if (bytes < sizeof(ACL_REVISION_INFORMATION))
			return STATUS_INVALID_PARAMETER;
		((ACL_REVISION_INFORMATION *)information)->AclRevision = acl->AclRevision;
		return STATUS_SUCCESS;
	case AclSizeInformation:
		if (bytes < sizeof(*size))
			return STATUS_INVALID_PARAMETER;
		size->AceCount = acl->AceCount;
		for (i = 0; i < acl->AceCount && (char *)ace < acl_end(acl); i++)
			ace = after(ace);
		size->AclBytesInUse = (DWORD)((char *)ace - (char *)acl);
		size->AclBytesFree = acl->AclSize - size->AclBytesInUse;
		return STATUS_SUCCESS;
	default:
		return STATUS_INVALID_PARAMETER;
	}
}

NTSTATUS NTAPI RtlSetInformationAcl(PACL acl, PVOID information, DWORD bytes, ACL_INFORMATION_CLASS class)
{
	if (class != AclRevisionInformation || bytes < sizeof(ACL_REVISION_INFORMATION))
		return STATUS_INVALID_PARAMETER;
	acl->AclRevision = (BYTE)((ACL_REVISION_INFORMATION *)information)->AclRevision;
	return STATUS_SUCCESS;
}
