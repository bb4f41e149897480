// SPDX-License-Identifier: MIT
/* Security descriptors: absolute (pointers) and self-relative (offsets) ones. What a new object gets is its creator's
 * descriptor: no inheritance is computed, as everything in this system is one user's. */
#include "rtl.h"

typedef SECURITY_DESCRIPTOR descriptor;
typedef SECURITY_DESCRIPTOR_RELATIVE relative_descriptor;
#define IS_RELATIVE(d) (((const descriptor *)(d))->Control & SE_SELF_RELATIVE)
#define VALID_CONTROL_MASK (SE_DACL_AUTO_INHERIT_REQ | SE_SACL_AUTO_INHERIT_REQ | SE_DACL_AUTO_INHERITED | SE_SACL_AUTO_INHERITED | \
	SE_DACL_PROTECTED | SE_SACL_PROTECTED)

static PVOID part(const void *d, DWORD offset) { return offset ? (char *)(uintptr_t)d + offset : NULL; }
static PSID owner_of(const void *d) { return IS_RELATIVE(d) ? part(d, ((relative_descriptor *)d)->Owner) : ((descriptor *)d)->Owner; }
static PSID group_of(const void *d) { return IS_RELATIVE(d) ? part(d, ((relative_descriptor *)d)->Group) : ((descriptor *)d)->Group; }
static PACL acl_of(const void *d, bool system)
{
	const descriptor *a = d;
	const relative_descriptor *r = d;
	if (!(a->Control & (system ? SE_SACL_PRESENT : SE_DACL_PRESENT)))
		return NULL;
	if (IS_RELATIVE(d))
		return part(d, system ? r->Sacl : r->Dacl);
	return system ? a->Sacl : a->Dacl;
}

NTSTATUS NTAPI RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR d, DWORD revision)
{
	if (revision != SECURITY_DESCRIPTOR_REVISION)
		return STATUS_UNKNOWN_REVISION;
	memset(d, 0, sizeof(descriptor));
	((descriptor *)d)->Revision = SECURITY_DESCRIPTOR_REVISION;
	return STATUS_SUCCESS;
}

BOOLEAN NTAPI RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR d)
{
	return d && ((descriptor *)d)->Revision == SECURITY_DESCRIPTOR_REVISION && (!owner_of(d) || RtlValidSid(owner_of(d))) &&
		(!group_of(d) || RtlValidSid(group_of(d))) && (!acl_of(d, false) || RtlValidAcl(acl_of(d, false))) &&
		(!acl_of(d, true) || RtlValidAcl(acl_of(d, true)));
}

/* A part of a self-relative descriptor of untrusted origin lies inside and is whole. */
static bool part_inside(ULONG total, const void *d, DWORD offset, bool sid)
{
	const char *at = (const char *)d + offset;
	if (!offset)
		return true;
	if (offset < sizeof(relative_descriptor) || offset > total || total - offset < sizeof(ACL) || offset & 3)
		return false;
	if (sid)
		return RtlValidSid((PSID)(uintptr_t)at) && RtlLengthSid((PSID)(uintptr_t)at) <= total - offset;
	return ((const ACL *)at)->AclSize <= total - offset && RtlValidAcl((PACL)(uintptr_t)at);
}

BOOLEAN NTAPI RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR value, ULONG bytes, SECURITY_INFORMATION required)
{
	const relative_descriptor *d = value;
	if (bytes < sizeof(*d) || d->Revision != SECURITY_DESCRIPTOR_REVISION || !(d->Control & SE_SELF_RELATIVE))
		return FALSE;
	if ((required & OWNER_SECURITY_INFORMATION && !d->Owner) || (required & GROUP_SECURITY_INFORMATION && !d->Group))
		return FALSE;
	return part_inside(bytes, d, d->Owner, true) && part_inside(bytes, d, d->Group, true) && part_inside(bytes, d, d->Dacl, false) &&
		part_inside(bytes, d, d->Sacl, false);
}

static ULONG aligned(ULONG bytes) { return (bytes + 3) & ~3u; }

ULONG NTAPI RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR d)
{
	ULONG bytes;
	if (!d)
		return 0;
	bytes = IS_RELATIVE(d) ? sizeof(relative_descriptor) : sizeof(descriptor);
	if (owner_of(d))
		bytes += RtlLengthSid(owner_of(d));
	if (group_of(d))
		bytes += RtlLengthSid(group_of(d));
	if (acl_of(d, true))
		bytes += acl_of(d, true)->AclSize;
	if (acl_of(d, false))
		bytes += acl_of(d, false)->AclSize;
	return bytes;
}

NTSTATUS NTAPI RtlGetControlSecurityDescriptor(PSECURITY_DESCRIPTOR d, PSECURITY_DESCRIPTOR_CONTROL control, LPDWORD revision)
{
	*revision = ((descriptor *)d)->Revision;
	if (*revision != SECURITY_DESCRIPTOR_REVISION)
		return STATUS_UNKNOWN_REVISION;
	*control = ((descriptor *)d)->Control;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSetControlSecurityDescriptor(PSECURITY_DESCRIPTOR d, SECURITY_DESCRIPTOR_CONTROL which,
	SECURITY_DESCRIPTOR_CONTROL bits)
{
	if ((which | bits) & ~VALID_CONTROL_MASK)
		return STATUS_INVALID_PARAMETER;
	((descriptor *)d)->Control = (((descriptor *)d)->Control & ~which) | (bits & which);
	return STATUS_SUCCESS;
}

static NTSTATUS get_acl(PSECURITY_DESCRIPTOR d, PBOOLEAN present, PACL *acl, PBOOLEAN defaulted, bool system)
{
	if (((descriptor *)d)->Revision != SECURITY_DESCRIPTOR_REVISION)
		return STATUS_UNKNOWN_REVISION;
	*present = (((descriptor *)d)->Control & (system ? SE_SACL_PRESENT : SE_DACL_PRESENT)) != 0;
	if (*present) {
		*acl = acl_of(d, system);
		*defaulted = (((descriptor *)d)->Control & (system ? SE_SACL_DEFAULTED : SE_DACL_DEFAULTED)) != 0;
	}
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR d, PBOOLEAN present, PACL *acl, PBOOLEAN defaulted)
{
	return get_acl(d, present, acl, defaulted, false);
}
NTSTATUS NTAPI RtlGetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR d, PBOOLEAN present, PACL *acl, PBOOLEAN defaulted)
{
	return get_acl(d, present, acl, defaulted, true);
}

/* Setting is for absolute descriptors only. */
static NTSTATUS settable(const descriptor *d)
{
	if (d->Revision != SECURITY_DESCRIPTOR_REVISION)
		return STATUS_UNKNOWN_REVISION;
	return IS_RELATIVE(d) ? STATUS_INVALID_SECURITY_DESCR : STATUS_SUCCESS;
}

static NTSTATUS set_acl(descriptor *d, BOOLEAN present, PACL acl, BOOLEAN defaulted, bool system)
{
	WORD is_present = system ? SE_SACL_PRESENT : SE_DACL_PRESENT, is_default = system ? SE_SACL_DEFAULTED : SE_DACL_DEFAULTED;
	NTSTATUS status = settable(d);
	if (status)
		return status;
	if (!present) {
		d->Control &= ~is_present;
		return STATUS_SUCCESS;
	}
	d->Control |= is_present;
	if (system)
		d->Sacl = acl;
	else
		d->Dacl = acl;
	d->Control = defaulted ? d->Control | is_default : d->Control & ~is_default;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR d, BOOLEAN present, PACL acl, BOOLEAN defaulted)
{
	return set_acl(d, present, acl, defaulted, false);
}
NTSTATUS NTAPI RtlSetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR d, BOOLEAN present, PACL acl, BOOLEAN defaulted)
{
	return set_acl(d, present, acl, defaulted, true);
}

static NTSTATUS get_sid(PSECURITY_DESCRIPTOR d, PSID *sid, PBOOLEAN defaulted, bool group)
{
	if (!d || !sid || !defaulted)
		return STATUS_INVALID_PARAMETER;
	*sid = group ? group_of(d) : owner_of(d);
	*defaulted = (((descriptor *)d)->Control & (group ? SE_GROUP_DEFAULTED : SE_OWNER_DEFAULTED)) != 0;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR d, PSID *sid, PBOOLEAN defaulted)
{
	return get_sid(d, sid, defaulted, false);
}
NTSTATUS NTAPI RtlGetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR d, PSID *sid, PBOOLEAN defaulted)
{
	return get_sid(d, sid, defaulted, true);
}

NTSTATUS NTAPI RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR value, PSID sid, BOOLEAN defaulted)
{
	descriptor *d = value;
	NTSTATUS status = settable(d);
	if (status)
		return status;
	d->Owner = sid;
	d->Control = defaulted ? d->Control | SE_OWNER_DEFAULTED : d->Control & ~SE_OWNER_DEFAULTED;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR value, PSID sid, BOOLEAN defaulted)
{
	descriptor *d = value;
	NTSTATUS status = settable(d);
	if (status)
		return status;
	d->Group = sid;
	d->Control = defaulted ? d->Control | SE_GROUP_DEFAULTED : d->Control & ~SE_GROUP_DEFAULTED;
	return STATUS_SUCCESS;
}

static DWORD append(char *base, ULONG *used, const void *data, ULONG bytes)
{
	DWORD at = *used;
	if (!data)
		return 0;
	memcpy(base + at, data, bytes);
	*used += aligned(bytes);
	return at;
}

NTSTATUS NTAPI RtlMakeSelfRelativeSD(PSECURITY_DESCRIPTOR from, PSECURITY_DESCRIPTOR to, LPDWORD room)
{
	PSID owner = owner_of(from), group = group_of(from);
	PACL system = acl_of(from, true), dacl = acl_of(from, false);
	ULONG used = sizeof(relative_descriptor), needed;
	relative_descriptor *r = to;
	if (IS_RELATIVE(from)) {
		needed = RtlLengthSecurityDescriptor(from);
		if (*room < needed) {
			*room = needed;
			return STATUS_BUFFER_TOO_SMALL;
		}
		memmove(to, from, needed);
		return STATUS_SUCCESS;
	}
	needed = used + (owner ? aligned(RtlLengthSid(owner)) : 0) + (group ? aligned(RtlLengthSid(group)) : 0) +
		(system ? aligned(system->AclSize) : 0) + (dacl ? aligned(dacl->AclSize) : 0);
	if (*room < needed || !to) {
		*room = needed;
		return STATUS_BUFFER_TOO_SMALL;
	}
	memset(r, 0, needed);
	r->Revision = ((descriptor *)from)->Revision;
	r->Sbz1 = ((descriptor *)from)->Sbz1;
	r->Control = ((descriptor *)from)->Control | SE_SELF_RELATIVE;
	r->Sacl = append(to, &used, system, system ? system->AclSize : 0);
	r->Dacl = append(to, &used, dacl, dacl ? dacl->AclSize : 0);
	r->Owner = append(to, &used, owner, owner ? RtlLengthSid(owner) : 0);
	r->Group = append(to, &used, group, group ? RtlLengthSid(group) : 0);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAbsoluteToSelfRelativeSD(PSECURITY_DESCRIPTOR from, PSECURITY_DESCRIPTOR to, PULONG room)
{
	return IS_RELATIVE(from) ? STATUS_BAD_DESCRIPTOR_FORMAT : RtlMakeSelfRelativeSD(from, to, room);
}

NTSTATUS NTAPI RtlSelfRelativeToAbsoluteSD(PSECURITY_DESCRIPTOR from, PSECURITY_DESCRIPTOR to, PDWORD room, PACL dacl, PDWORD dacl_room,
	PACL system, PDWORD system_room, PSID owner, PDWORD owner_room, PSID group, PDWORD group_room)
{
	descriptor *d = to;
	const void *parts[4];
	PDWORD rooms[4] = { dacl_room, system_room, owner_room, group_room };
	void *places[4] = { dacl, system, owner, group };
	ULONG sizes[4], i;
	bool small;
	if (!IS_RELATIVE(from))
		return STATUS_BAD_DESCRIPTOR_FORMAT;
	parts[0] = acl_of(from, false), parts[1] = acl_of(from, true), parts[2] = owner_of(from), parts[3] = group_of(from);
	small = *room < sizeof(*d);
	for (i = 0; i < 4; i++) {
		sizes[i] = !parts[i] ? 0 : i < 2 ? ((const ACL *)parts[i])->AclSize : RtlLengthSid((PSID)(uintptr_t)parts[i]);
		small |= *rooms[i] < sizes[i];
	}
	if (small) {
		*room = sizeof(*d);
		for (i = 0; i < 4; i++)
			*rooms[i] = sizes[i];
		return STATUS_BUFFER_TOO_SMALL;
	}
	for (i = 0; i < 4; i++) {
		if (parts[i])
			memmove(places[i], parts[i], sizes[i]);
		else
			places[i] = NULL;
	}
	memset(d, 0, sizeof(*d));
	d->Revision = ((const relative_descriptor *)from)->Revision;
	d->Control = ((const relative_descriptor *)from)->Control & ~SE_SELF_RELATIVE;
	d->Dacl = places[0], d->Sacl = places[1], d->Owner = places[2], d->Group = places[3];
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlCopySecurityDescriptor(PSECURITY_DESCRIPTOR from, PSECURITY_DESCRIPTOR *to)
{
	ULONG bytes = 0;
	NTSTATUS status = RtlMakeSelfRelativeSD(from, NULL, &bytes);
	if (status != STATUS_BUFFER_TOO_SMALL)
		return status;
	*to = heap_allocate(bytes);
	return *to ? RtlMakeSelfRelativeSD(from, *to, &bytes) : STATUS_NO_MEMORY;
}

NTSTATUS NTAPI RtlNewSecurityObjectWithMultipleInheritance(PSECURITY_DESCRIPTOR parent, PSECURITY_DESCRIPTOR creator,
	PSECURITY_DESCRIPTOR *result,
	GUID **types, ULONG type_count, BOOLEAN container, ULONG flags, HANDLE token, PGENERIC_MAPPING mapping)
{
	descriptor empty;
	RtlCreateSecurityDescriptor(&empty, SECURITY_DESCRIPTOR_REVISION);
	return RtlCopySecurityDescriptor(creator ? creator : &empty, result);
}

NTSTATUS NTAPI RtlNewSecurityObjectEx(PSECURITY_DESCRIPTOR parent, PSECURITY_DESCRIPTOR creator, PSECURITY_DESCRIPTOR *result, GUID *type,
	BOOLEAN container, ULONG flags, HANDLE token, PGENERIC_MAPPING mapping)
{
	return RtlNewSecurityObjectWithMultipleInheritance(parent, creator, result, type ? &type : NULL, type != NULL, container,
		flags, token, mapping);
}

NTSTATUS NTAPI RtlNewSecurityObject(PSECURITY_DESCRIPTOR parent, PSECURITY_DESCRIPTOR creator, PSECURITY_DESCRIPTOR *result,
	BOOLEAN container,
	HANDLE token, PGENERIC_MAPPING mapping)
{
	return RtlNewSecurityObjectEx(parent, creator, result, NULL, container, 0, token, mapping);
}

NTSTATUS NTAPI RtlDeleteSecurityObject(PSECURITY_DESCRIPTOR *d)
{
	heap_free(*d);
	*d = NULL;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlConvertToAutoInheritSecurityObject(PSECURITY_DESCRIPTOR parent, PSECURITY_DESCRIPTOR current,
	PSECURITY_DESCRIPTOR *result,
	GUID *type, BOOL container, PGENERIC_MAPPING mapping)
{
	return RtlCopySecurityDescriptor(current, result);
}
