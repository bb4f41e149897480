// SPDX-License-Identifier: MIT
/* The walk of a DACL. For every right the first entry that names it decides, so one walk finds all that a subject may have,
 * and what it asks is compared with that. Entries with conditions are not evaluated and object types are not asked for:
 * such an entry grants nothing, and one that denies does deny (MS-DTYP: an unknown condition). */
#include "access_check.h"
#include "../include/nt_access.h"

#include "../../lib/base/string.h"

enum ace_type { ACE_ALLOW, ACE_DENY, ACE_OBJECT_ALLOW = 5, ACE_OBJECT_DENY = 6, ACE_CALLBACK_DENY = 10, ACE_CALLBACK_OBJECT_DENY = 12,
	ACE_LABEL = 17 };
enum { ACE_INHERIT_ONLY = 8, OBJECT_TYPE = 1, OBJECT_INHERITED_TYPE = 2, GUID_BYTES = 16 };
enum { LABEL_NO_WRITE_UP = 1, LABEL_NO_READ_UP = 2, LABEL_NO_EXECUTE_UP = 4, LABEL_AUTHORITY = 16, INTEGRITY_MEDIUM = 0x2000 };
enum { ACL_REVISION_MIN = 2, ACL_REVISION_MAX = 4 };

static const struct nt_sid owner_rights = { 1, 1, { 0, 0, 0, 0, 0, 3 }, { 4 } };

bool nt_sid_valid(const u8 *sid, u32 room)
{
	return room >= NT_SID_BYTES(0) && sid[0] == 1 && sid[1] <= NT_SID_SUBS_MAX && NT_SID_BYTES(sid[1]) <= room;
}

bool nt_sid_equal(const u8 *a, const struct nt_sid *b)
{
	return a[1] == b->count && !memcmp(a, b, NT_SID_BYTES(b->count));
}

bool nt_acl_valid(const u8 *list, u32 room)
{
	struct nt_acl l;
	u32 at = sizeof(l);
	if (room < sizeof(l))
		return false;
	memcpy(&l, list, sizeof(l));
	if (l.revision < ACL_REVISION_MIN || l.revision > ACL_REVISION_MAX || l.size < sizeof(l) || l.size > room)
		return false;
	for (u32 i = 0; i < l.count; i++) {
		struct nt_ace a;
		if (l.size - at < sizeof(a))
			return false;
		memcpy(&a, list + at, sizeof(a));
		if (a.size < sizeof(a) || a.size % 4 || a.size > l.size - at)
			return false;
		at += a.size;
	}
	return true;
}

/* ---- one entry after the other ---- */
struct entry { struct nt_ace head; const u8 *sid; bool denies, typed; };
struct cursor { const u8 *list; u32 at, left; };

static struct cursor begin(const u8 *list)
{
	struct nt_acl l;
	memcpy(&l, list, sizeof(l));
	return (struct cursor){ list, sizeof(l), l.count };
}

/* The next entry that is for this object itself and names a SID that can be read. */
static bool next(struct cursor *c, struct entry *e)
{
	while (c->left) {
		const u8 *at = c->list + c->at;
		u32 sid = sizeof(e->head), flags = 0;
		memcpy(&e->head, at, sizeof(e->head));
		u32 type = e->head.type;
		c->at += e->head.size;
		c->left--;
		bool object = type == ACE_OBJECT_ALLOW || type == ACE_OBJECT_DENY || type == ACE_CALLBACK_OBJECT_DENY;
		if (object && e->head.size >= sid + sizeof(flags)) {
			memcpy(&flags, at + sid, sizeof(flags));
			sid += (u32)sizeof(flags) + (flags & OBJECT_TYPE ? GUID_BYTES : 0) + (flags & OBJECT_INHERITED_TYPE ? GUID_BYTES : 0);
		}
		e->typed = flags & OBJECT_TYPE;
		e->denies = type == ACE_DENY || type == ACE_OBJECT_DENY || type == ACE_CALLBACK_DENY || type == ACE_CALLBACK_OBJECT_DENY;
		e->sid = at + sid;
		bool known = e->denies || type == ACE_ALLOW || type == ACE_OBJECT_ALLOW || type == ACE_LABEL;
		if (known && !(e->head.flags & ACE_INHERIT_ONLY) && sid <= e->head.size && nt_sid_valid(e->sid, e->head.size - sid))
			return true;
	}
	return false;
}

static bool is_member(const struct nt_member *list, u32 count, const u8 *sid, bool deny)
{
	for (u32 i = 0; i < count; i++)
		if ((list[i].attributes & (deny ? NT_GROUP_ENABLED | NT_GROUP_DENY_ONLY : NT_GROUP_ENABLED)) && nt_sid_equal(sid, &list[i].sid))
			return true;
	return false;
}

static u32 mapped(u32 mask, const struct nt_mapping *map)
{
	return (mask & 0x0fffffff) | (mask & 0x80000000 ? map->read : 0) | (mask & 0x40000000 ? map->write : 0) |
	       (mask & 0x20000000 ? map->execute : 0) | (mask & 0x10000000 ? map->all : 0);
}

/* What one list of SIDs may have: an owner reads and writes the list itself, unless it speaks of its owner. */
static u32 allowed_to(const struct nt_member *list, u32 count, const struct nt_protection *p, const struct nt_mapping *map)
{
	bool owner = is_member(list, count, (const u8 *)p->owner, false), spoken_of = false;
	u32 granted = 0, denied = 0;
	struct cursor c = begin(p->dacl);
	struct entry e;
	while (next(&c, &e)) {
		bool of_owner = nt_sid_equal(e.sid, &owner_rights);
		spoken_of |= of_owner && e.head.type != ACE_LABEL;
		if (e.head.type == ACE_LABEL || (e.typed && !e.denies) || !((of_owner && owner) || is_member(list, count, e.sid, e.denies)))
			continue;
		u32 mask = mapped(e.head.mask, map);
		if (e.denies)
			denied |= mask & ~granted;
		else
			granted |= mask & ~denied;
	}
	return granted | (owner && !spoken_of ? NT_READ_CONTROL | NT_WRITE_DAC : 0);
}

/* Rights that the object's integrity level keeps from a lower subject; without a label: medium, no writing. */
static u32 kept_by_label(const struct nt_subject *s, const struct nt_protection *p, const struct nt_mapping *map)
{
	u32 level = INTEGRITY_MEDIUM, policy = LABEL_NO_WRITE_UP;
	struct cursor c = p->sacl ? begin(p->sacl) : (struct cursor){ 0 };
	struct entry e;
	while (next(&c, &e))
		if (e.head.type == ACE_LABEL && e.sid[1] == 1 && e.sid[7] == LABEL_AUTHORITY) {
			memcpy(&level, e.sid + NT_SID_BYTES(0), sizeof(level));
			policy = e.head.mask;
			break;
		}
	if (s->integrity >= level)
		return 0;
	return ~((policy & LABEL_NO_READ_UP ? 0 : map->read) | (policy & LABEL_NO_WRITE_UP ? 0 : map->write) |
		 (policy & LABEL_NO_EXECUTE_UP ? 0 : map->execute));
}

struct nt_verdict nt_access_check(const struct nt_subject *s, const struct nt_protection *p, u32 desired, const struct nt_mapping *map)
{
	struct nt_verdict v = { 0 };
	u32 want = desired & ~NT_MAXIMUM_ALLOWED, by_privilege = 0, allowed = desired & NT_MAXIMUM_ALLOWED ? map->all | want : want;
	if ((want & NT_ACCESS_SYSTEM_SECURITY) && !(s->privileges & NT_USED_SECURITY))
		return (struct nt_verdict){ .result = NT_ACCESS_NO_PRIVILEGE };
	if (want & NT_ACCESS_SYSTEM_SECURITY) {
		by_privilege |= NT_ACCESS_SYSTEM_SECURITY;
		v.used |= NT_USED_SECURITY;
	}
	if ((want & NT_WRITE_OWNER) && (s->privileges & NT_USED_TAKE_OWNERSHIP)) {
		by_privilege |= NT_WRITE_OWNER;
		v.used |= NT_USED_TAKE_OWNERSHIP;
	}
	if (p->dacl)
		allowed = allowed_to(s->members, s->count, p, map);
	if (p->dacl && s->restricting_count) {
		u32 passes = allowed_to(s->restricting, s->restricting_count, p, map);
		allowed &= s->write_restricted ? passes | map->read | map->execute : passes;
	}
	/* that right comes from the privilege alone */
	allowed = (allowed & ~(kept_by_label(s, p, map) | NT_ACCESS_SYSTEM_SECURITY)) | by_privilege;
	v.granted = desired & NT_MAXIMUM_ALLOWED ? allowed : want;
	if ((want & ~allowed) || (!v.granted && p->dacl))
		return (struct nt_verdict){ .result = NT_ACCESS_REFUSED };
	return v;
}
