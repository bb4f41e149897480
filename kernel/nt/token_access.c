// SPDX-License-Identifier: MIT
/* What programs ask of tokens when they guard objects of their own: NtAccessCheck, NtPrivilegeCheck, NtAdjustPrivilegesToken. */
#include "token.h"
#include "../../lib/base/string.h"

#define USED_FOR_ACCESS 0x80000000u
enum { SET_ALL_NECESSARY = 1 };

s64 nt_sid_in(u64 va, struct nt_sid *out)
{
	u8 head[2];
	if (COPY_IN(&head, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (head[0] != 1 || head[1] > NT_SID_SUBS_MAX)
		return NT(INVALID_SID);
	if (copy_in(out, user_ptr(va), NT_SID_BYTES(head[1])))
		return NT(ACCESS_VIOLATION);
	return out->revision == head[0] && out->count == head[1] ? 0 : NT(INVALID_SID);
}

s64 nt_privileges_in(u64 va, struct nt_luid_attributes *list, u32 *count)
{
	*count = 0;
	if (!va)
		return 0;
	if (COPY_IN(count, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (*count > PRIVILEGE_LIST_MAX)
		return NT(INVALID_PARAMETER);
	return *count && copy_in(list, user_ptr(va + 4), *count * sizeof(list[0])) ? NT(ACCESS_VIOLATION) : 0;
}

/* ---- the security descriptor of a caller: absolute, or in one piece ---- */
struct captured { struct nt_sid owner; u8 *dacl, *sacl; };
struct places { u64 owner, group, sacl, dacl; u32 control; };

static s64 places_in(u64 va, struct places *out)
{
	struct { u8 revision, unused; u16 control; } head;
	if (COPY_IN(&head, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (head.revision != NT_DESCRIPTOR_REVISION)
		return NT(UNKNOWN_REVISION);
	out->control = head.control;
	u64 at[4];
	u32 offsets[4];
	bool relative = head.control & NT_DESCRIPTOR_RELATIVE;
	if (relative ? COPY_IN(&offsets, user_ptr(va + 4)) : COPY_IN(&at, user_ptr(va + 8)))
		return NT(ACCESS_VIOLATION);
	for (u32 i = 0; relative && i < ARRAY_SIZE(at); i++)
		at[i] = offsets[i] ? va + offsets[i] : 0;
	out->owner = at[0];
	out->group = at[1];
	out->sacl = head.control & NT_DESCRIPTOR_SACL ? at[2] : 0;
	out->dacl = head.control & NT_DESCRIPTOR_DACL ? at[3] : 0;
	return 0;
}

static s64 acl_in(u64 va, u8 **out)
{
	struct nt_acl head;
	if (!va)
		return 0;
	if (COPY_IN(&head, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (head.size < sizeof(head))
		return NT(INVALID_ACL);
	*out = kmalloc(head.size);
	if (!*out)
		return ERR_NOMEM;
	if (copy_in(*out, user_ptr(va), head.size))
		return NT(ACCESS_VIOLATION);
	return nt_acl_valid(*out, head.size) ? 0 : NT(INVALID_ACL);
}

static void captured_free(struct captured *c)
{
	kfree(c->dacl);
	kfree(c->sacl);
}

/* The caller frees it, whatever this returns. */
static s64 descriptor_in(u64 va, struct captured *out)
{
	struct places p;
	struct nt_sid group;
	*out = (struct captured){ 0 };
	s64 st = places_in(va, &p);
	if (!st && (!p.owner || !p.group))
		st = NT(INVALID_SECURITY_DESCR);
	if (!st)
		st = nt_sid_in(p.owner, &out->owner);
	if (!st)
		st = nt_sid_in(p.group, &group);
	if (!st)
		st = acl_in(p.dacl, &out->dacl);
	return st ? st : acl_in(p.sacl, &out->sacl);
}

static u32 enabled_privileges(struct nt_token *t)
{
	u32 out = 0;
	spin_lock(&t->lock);
	for (u32 i = 0; i < t->privilege_count; i++) {
		if (!(t->privileges[i].attributes & PRIVILEGE_ENABLED) || t->privileges[i].high)
			continue;
		out |= t->privileges[i].low == PRIVILEGE_SECURITY ? NT_USED_SECURITY : 0;
		out |= t->privileges[i].low == PRIVILEGE_TAKE_OWNERSHIP ? NT_USED_TAKE_OWNERSHIP : 0;
	}
	spin_unlock(&t->lock);
	return out;
}

/* PRIVILEGE_SET has room for one even when it names none. */
static s64 used_out(u32 used, u64 va, u64 length_va)
{
	struct { u32 count, control; struct nt_luid_attributes list[2]; } set = { 0 };
	u32 length;
	if (used & NT_USED_SECURITY)
		set.list[set.count++] = (struct nt_luid_attributes){ PRIVILEGE_SECURITY, 0, USED_FOR_ACCESS };
	if (used & NT_USED_TAKE_OWNERSHIP)
		set.list[set.count++] = (struct nt_luid_attributes){ PRIVILEGE_TAKE_OWNERSHIP, 0, USED_FOR_ACCESS };
	u32 needed = 8 + (u32)sizeof(set.list[0]) * (set.count ? set.count : 1);
	if (COPY_IN(&length, user_ptr(length_va)))
		return NT(ACCESS_VIOLATION);
	if (length < needed)
		return COPY_OUT(user_ptr(length_va), &needed) ? NT(ACCESS_VIOLATION) : NT(BUFFER_TOO_SMALL);
	return copy_out(user_ptr(va), &set, set.count ? needed : 8) ? NT(ACCESS_VIOLATION) : 0;
}

static s64 client_get(u64 handle, struct file **out)
{
	s64 st = nt_token_get(handle, TOKEN_QUERY, out, NULL);
	if (st)
		return st;
	struct nt_token *t = nt_token_of(*out);
	if (t->type != TOKEN_IMPERSONATION)
		st = NT(NO_IMPERSONATION_TOKEN);
	else if (t->level < TOKEN_IDENTIFICATION)
		st = NT(BAD_IMPERSONATION_LEVEL);
	if (st)
		file_put(*out);
	return st;
}

/* (descriptor, token, access, mapping, PRIVILEGE_SET, its length in and out, granted out, status out): a refusal is an
 * answer, not a failure of the call. */
NT_HANDLER(AccessCheck)
{
	struct nt_mapping map;
	struct captured c;
	struct file *f;
	u32 desired = (u32)a[2];
	if (COPY_IN(&map, user_ptr(a[3])))
		return NT(ACCESS_VIOLATION);
	if (desired & (NT_GENERIC_ALL | NT_GENERIC_EXECUTE | NT_GENERIC_WRITE | NT_GENERIC_READ))
		return NT(GENERIC_NOT_MAPPED);
	s64 st = client_get(a[1], &f);
	if (st)
		return st;
	struct nt_token *t = nt_token_of(f);
	struct nt_subject s = { t->members, t->count, t->restricting, t->restricting_count, t->write_restricted, t->integrity,
		enabled_privileges(t) };
	struct nt_verdict v = { 0 };
	st = descriptor_in(a[0], &c);
	if (!st) {
		struct nt_protection p = { &c.owner, c.dacl, c.sacl };
		v = nt_access_check(&s, &p, desired, &map);
		st = used_out(v.used, a[4], a[5]);
	}
	captured_free(&c);
	file_put(f);
	if (st)
		return st;
	u32 status = 0;
	if (v.result == NT_ACCESS_REFUSED)
		status = (u32)NT(ACCESS_DENIED);
	else if (v.result == NT_ACCESS_NO_PRIVILEGE)
		status = (u32)NT(PRIVILEGE_NOT_HELD);
	return COPY_OUT(user_ptr(a[6]), &v.granted) || COPY_OUT(user_ptr(a[7]), &status) ? NT(ACCESS_VIOLATION) : 0;
}

/* ---- privileges ---- */
/* (token, PRIVILEGE_SET, result out): are all, or any, of the set enabled? Those that are get marked. */
NT_HANDLER(PrivilegeCheck)
{
	struct file *f;
	struct { u32 count, control; struct nt_luid_attributes list[PRIVILEGE_LIST_MAX]; } set;
	if (copy_in(&set, user_ptr(a[1]), 8))
		return NT(ACCESS_VIOLATION);
	if (set.count > PRIVILEGE_LIST_MAX)
		return NT(INVALID_PARAMETER);
	u64 bytes = set.count * sizeof(set.list[0]);
	if (copy_in(set.list, user_ptr(a[1] + 8), bytes))
		return NT(ACCESS_VIOLATION);
	s64 st = nt_token_get(a[0], TOKEN_QUERY, &f, NULL);
	if (st)
		return st;
	struct nt_token *t = nt_token_of(f);
	u32 held = 0;
	spin_lock(&t->lock);
	for (u32 i = 0; i < set.count; i++)
		for (u32 k = 0; k < t->privilege_count; k++)
			if (t->privileges[k].low == set.list[i].low && t->privileges[k].high == set.list[i].high &&
			    (t->privileges[k].attributes & PRIVILEGE_ENABLED)) {
				set.list[i].attributes |= USED_FOR_ACCESS;
				held++;
			}
	spin_unlock(&t->lock);
	u8 result = set.control & SET_ALL_NECESSARY ? held == set.count : held > 0;
	file_put(f);
	if (copy_out(user_ptr(a[1] + 8), set.list, bytes))
		return NT(ACCESS_VIOLATION);
	return COPY_OUT(user_ptr(a[2]), &result) ? NT(ACCESS_VIOLATION) : 0;
}

/* What one entry asks for; its state before goes behind those of the others. */
static bool adjust_one(struct nt_token *t, const struct nt_luid_attributes *p, struct nt_luid_attributes *before, u32 *changed)
{
	for (u32 i = 0; i < t->privilege_count; i++) {
		struct nt_luid_attributes *own = &t->privileges[i];
		if (own->low != p->low || own->high != p->high)
			continue;
		u32 wanted = (own->attributes & PRIVILEGE_ENABLED_BY_DEFAULT) | (p->attributes & PRIVILEGE_ENABLED);
		if (p->attributes & PRIVILEGE_REMOVED) {
			t->privilege_count--;
			memmove(own, own + 1, (t->privilege_count - i) * sizeof(*own));
		} else if (wanted != own->attributes) {
			before[(*changed)++] = *own;
			own->attributes = wanted;
		}
		return true;
	}
	return false;
}

static u32 adjust(struct nt_token *t, bool disable_all, const struct nt_luid_attributes *list, u32 count, struct nt_luid_attributes *before,
		  u32 *changed)
{
	u32 done = 0;
	for (u32 i = 0; i < count; i++)
		done += adjust_one(t, &list[i], before, changed);
	for (u32 i = 0; disable_all && i < t->privilege_count; i++) {
		struct nt_luid_attributes off = { t->privileges[i].low, t->privileges[i].high, 0 };
		done += adjust_one(t, &off, before, changed);
	}
	return done;
}

/* (token, disable all, new state, length, previous, length out). Room for the previous state is asked for before anything
 * changes, as much as all entries would take. */
NT_HANDLER(AdjustPrivilegesToken)
{
	struct file *f;
	u32 count = 0, changed = 0;
	struct nt_luid_attributes list[PRIVILEGE_LIST_MAX], before[PRIVILEGE_LIST_MAX];
	bool disable_all = (u8)a[1];
	s64 st = disable_all ? 0 : a[2] ? nt_privileges_in(a[2], list, &count) : NT(INVALID_PARAMETER);
	if (st)
		return st;
	st = nt_token_get(a[0], TOKEN_ADJUST_PRIVILEGES | (a[4] ? TOKEN_QUERY : 0), &f, NULL);
	if (st)
		return st;
	struct nt_token *t = nt_token_of(f);
	u32 needed = 4 + (disable_all ? t->privilege_count : count) * (u32)sizeof(list[0]), done = 0;
	if (a[4] && (u32)a[3] < needed)
		st = a[5] && COPY_OUT(user_ptr(a[5]), &needed) ? NT(ACCESS_VIOLATION) : NT(BUFFER_TOO_SMALL);
	if (!st) {
		spin_lock(&t->lock);
		done = adjust(t, disable_all, list, count, before, &changed);
		spin_unlock(&t->lock);
	}
	file_put(f);
	if (st)
		return st;
	needed = 4 + changed * (u32)sizeof(before[0]);
	if (a[4] && (COPY_OUT(user_ptr(a[4]), &changed) || (changed && copy_out(user_ptr(a[4] + 4), before, needed - 4))))
		return NT(ACCESS_VIOLATION);
	if (a[4] && a[5] && COPY_OUT(user_ptr(a[5]), &needed))
		return NT(ACCESS_VIOLATION);
	return done < count ? NT(NOT_ALL_ASSIGNED) : 0;
}
