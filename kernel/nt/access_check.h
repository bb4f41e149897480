/* SPDX-License-Identifier: MIT */
/* May a subject (a token's SIDs) do what it asks with what a security descriptor protects: MSDN AccessCheck, MS-DTYP 2.5.3.2.
 * Nothing of the kernel is needed here. Lists come from programs: nt_acl_valid says whether one may be walked. */
#ifndef AMBOS_NT_ACCESS_CHECK_H
#define AMBOS_NT_ACCESS_CHECK_H

#include "../../lib/base/base.h"

#define NT_SID_SUBS_MAX 15u
#define NT_SID_BYTES(subs) (8u + 4u * (subs))
#define NT_SID_BYTES_MAX NT_SID_BYTES(NT_SID_SUBS_MAX)
/* As they lie in memory (MS-DTYP 2.4.4, 2.4.5, 2.4.6). */
struct nt_acl { u8 revision, unused; u16 size, count, unused2; };
struct nt_ace { u8 type, flags; u16 size; u32 mask; };
enum nt_descriptor_control { NT_DESCRIPTOR_DACL = 4, NT_DESCRIPTOR_SACL = 0x10, NT_DESCRIPTOR_RELATIVE = 0x8000 };
#define NT_DESCRIPTOR_REVISION 1u
struct nt_sid { u8 revision, count, authority[6]; u32 sub[NT_SID_SUBS_MAX]; };

enum nt_group_attribute { NT_GROUP_MANDATORY = 1, NT_GROUP_BY_DEFAULT = 2, NT_GROUP_ENABLED = 4, NT_GROUP_OWNER = 8,
	NT_GROUP_DENY_ONLY = 0x10, NT_GROUP_LOGON = 0xc0000000 };
struct nt_member { struct nt_sid sid; u32 attributes; };

enum nt_used_privilege { NT_USED_SECURITY = 1, NT_USED_TAKE_OWNERSHIP = 2 };
struct nt_subject {
	const struct nt_member *members; u32 count;         /* the user and the groups */
	const struct nt_member *restricting; u32 restricting_count;
	bool write_restricted;                              /* the restricting SIDs count for writing only */
	u32 integrity;                                      /* last number of the integrity level's SID */
	u32 privileges;                                     /* enum nt_used_privilege: enabled */
};
struct nt_mapping { u32 read, write, execute, all; };
struct nt_protection { const struct nt_sid *owner; const u8 *dacl, *sacl; }; /* lists: valid ones, or NULL */
enum nt_access_result { NT_ACCESS_GRANTED, NT_ACCESS_REFUSED, NT_ACCESS_NO_PRIVILEGE };
struct nt_verdict { enum nt_access_result result; u32 granted, used; };

bool nt_sid_valid(const u8 *sid, u32 room);
bool nt_sid_equal(const u8 *a, const struct nt_sid *b); /* a: a valid one */
bool nt_acl_valid(const u8 *acl, u32 room);
struct nt_verdict nt_access_check(const struct nt_subject *s, const struct nt_protection *p, u32 desired, const struct nt_mapping *map);

#endif
