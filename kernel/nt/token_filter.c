// SPDX-License-Identifier: MIT
/* Tokens that are worth less. NtFilterToken makes a copy with SIDs that only count where they deny, without privileges, with
 * restricting SIDs that must be allowed too; NtSetInformationToken lowers the integrity level. */
#include "token.h"
#include "../../lib/base/string.h"

enum filter_flag { DISABLE_MAX_PRIVILEGE = 1, SANDBOX_INERT = 2, LUA_TOKEN = 4, WRITE_RESTRICTED = 8, FILTER_FLAGS = 15 };
#define GROUP_LIST_MAX 128u /* more than a token of Windows usually has */
static const struct nt_sid administrators = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 32, 544 } };

struct sid_list { struct nt_member *list; u32 count; };

/* TOKEN_GROUPS: a count, then pairs of a pointer and attributes. The caller frees the list, whatever this returns. */
static s64 groups_in(u64 va, u32 most, struct sid_list *out)
{
	*out = (struct sid_list){ 0 };
	if (!va)
		return 0;
	if (COPY_IN(&out->count, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (out->count > most)
		return NT(INVALID_PARAMETER);
	if (!out->count)
		return 0;
	out->list = kzalloc(out->count * sizeof(*out->list));
	if (!out->list)
		return ERR_NOMEM;
	s64 st = 0;
	for (u32 i = 0; !st && i < out->count; i++) {
		struct { u64 sid; u32 attributes, unused; } pair;
		if (COPY_IN(&pair, user_ptr(va + 8 + i * sizeof(pair))))
			return NT(ACCESS_VIOLATION);
		st = nt_sid_in(pair.sid, &out->list[i].sid);
		out->list[i].attributes = pair.attributes;
	}
	return st;
}

static void only_deny(struct nt_token *t, const struct nt_sid *sid)
{
	for (u32 i = 0; i < t->count; i++)
		if (nt_sid_equal((const u8 *)sid, &t->members[i].sid)) {
			t->members[i].attributes &= ~((u32)NT_GROUP_ENABLED | NT_GROUP_BY_DEFAULT | NT_GROUP_OWNER);
			t->members[i].attributes |= NT_GROUP_DENY_ONLY;
		}
}

/* What a user without an administrator's rights has as well. */
static bool of_users(u32 privilege)
{
	return privilege == PRIVILEGE_CHANGE_NOTIFY || privilege == PRIVILEGE_SHUTDOWN || privilege == PRIVILEGE_UNDOCK ||
	       privilege == PRIVILEGE_WORKING_SET || privilege == PRIVILEGE_TIME_ZONE;
}

static bool named(const struct nt_luid_attributes *p, const struct nt_luid_attributes *list, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (p->low == list[i].low && p->high == list[i].high)
			return true;
	return false;
}

static void delete_privileges(struct nt_token *t, u32 flags, const struct nt_luid_attributes *list, u32 count)
{
	u32 kept = 0;
	for (u32 i = 0; i < t->privilege_count; i++) {
		const struct nt_luid_attributes *p = &t->privileges[i];
		if ((flags & DISABLE_MAX_PRIVILEGE) && p->low != PRIVILEGE_CHANGE_NOTIFY)
			continue;
		if (((flags & LUA_TOKEN) && !of_users(p->low)) || named(p, list, count))
			continue;
		t->privileges[kept++] = *p;
	}
	t->privilege_count = kept;
}

static bool in_list(const struct nt_sid *sid, const struct nt_member *list, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (nt_sid_equal((const u8 *)sid, &list[i].sid))
			return true;
	return false;
}

/* A token that is restricted already keeps of its SIDs what is named again. */
static s64 restrict_to(struct nt_token *t, const struct sid_list *named_now)
{
	struct nt_member *list = kmalloc(named_now->count * sizeof(*list));
	u32 count = 0;
	if (!list)
		return ERR_NOMEM;
	for (u32 i = 0; i < named_now->count; i++) {
		const struct nt_sid *sid = &named_now->list[i].sid;
		if ((t->restricting && !in_list(sid, t->restricting, t->restricting_count)) || in_list(sid, list, count))
			continue;
		list[count++] = (struct nt_member){ *sid, NT_GROUP_MANDATORY | NT_GROUP_BY_DEFAULT | NT_GROUP_ENABLED };
	}
	if (!count) { /* an empty list would mean that nothing restricts */
		kfree(list);
		return NT(INVALID_PARAMETER);
	}
	kfree(t->restricting);
	t->restricting = list;
	t->restricting_count = count;
	return 0;
}

struct filter { u32 flags; struct sid_list disable, restricting; struct nt_luid_attributes *privileges; u32 privilege_count; };

/* The caller frees it, whatever this returns. */
static s64 filter_in(const u64 *a, struct filter *f)
{
	*f = (struct filter){ .flags = (u32)a[1], .privileges = kmalloc(PRIVILEGE_LIST_MAX * sizeof(*f->privileges)) };
	if (!f->privileges)
		return ERR_NOMEM;
	if (f->flags & ~(u32)FILTER_FLAGS)
		return NT(INVALID_PARAMETER);
	s64 st = groups_in(a[2], GROUP_LIST_MAX, &f->disable);
	if (!st)
		st = nt_privileges_in(a[3], f->privileges, &f->privilege_count);
	if (!st)
		st = groups_in(a[4], RESTRICTING_MAX, &f->restricting);
	for (u32 i = 0; !st && i < f->restricting.count; i++)
		st = f->restricting.list[i].attributes ? NT(INVALID_PARAMETER) : 0;
	return st;
}

static void filter_free(struct filter *f)
{
	kfree(f->disable.list);
	kfree(f->restricting.list);
	kfree(f->privileges);
}

static s64 apply(const struct filter *f, struct nt_token *t)
{
	bool before = t->restricting_count > 0;
	s64 st = f->restricting.count ? restrict_to(t, &f->restricting) : 0;
	if (st)
		return st;
	for (u32 i = 0; i < f->disable.count; i++)
		only_deny(t, &f->disable.list[i].sid);
	if (f->flags & LUA_TOKEN)
		only_deny(t, &administrators);
	delete_privileges(t, f->flags, f->privileges, f->privilege_count);
	t->filtered = true;
	t->inert |= !!(f->flags & SANDBOX_INERT);
	/* a token that was restricted for all access stays so */
	if (f->restricting.count)
		t->write_restricted = (f->flags & WRITE_RESTRICTED) && (t->write_restricted || !before);
	return 0;
}

/* (token, flags, SIDs to disable, privileges to delete, SIDs to restrict to, out): the new handle may what the old one may. */
NT_HANDLER(FilterToken)
{
	struct file *from, *to = NULL;
	struct filter f;
	u32 granted = 0;
	s64 st = filter_in(a, &f);
	if (!st)
		st = nt_token_get(a[0], TOKEN_DUPLICATE, &from, &granted);
	if (!st) {
		struct nt_token *t = nt_token_of(from);
		to = nt_token_copy(t, t->type, t->level);
		file_put(from);
		st = to ? apply(&f, nt_token_of(to)) : ERR_NOMEM;
	}
	filter_free(&f);
	if (st) {
		if (to)
			file_put(to);
		return st;
	}
	return nt_handle_out(to, granted, 0, a[5], 0);
}

/* TOKEN_MANDATORY_LABEL. Up again is for who acts as a part of the system: nobody here. */
static s64 lower_integrity(u64 handle, u64 va, u32 length)
{
	struct { u64 sid; u32 attributes, unused; } label;
	struct nt_sid sid = { 0 };
	struct file *f;
	if (length < sizeof(label))
		return NT(INFO_LENGTH_MISMATCH);
	if (COPY_IN(&label, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	s64 st = nt_sid_in(label.sid, &sid);
	if (st)
		return st;
	const struct nt_sid form = { 1, 1, { 0, 0, 0, 0, 0, 16 }, { sid.sub[0] } };
	if (!nt_sid_equal((const u8 *)&sid, &form))
		return NT(INVALID_PARAMETER);
	st = nt_token_get(handle, TOKEN_ADJUST_DEFAULT, &f, NULL);
	if (st)
		return st;
	struct nt_token *t = nt_token_of(f);
	spin_lock(&t->lock);
	if (sid.sub[0] > t->integrity)
		st = NT(PRIVILEGE_NOT_HELD);
	else
		t->integrity = sid.sub[0];
	spin_unlock(&t->lock);
	file_put(f);
	return st;
}

/* (token, class, value, length): what else can be set on Windows (owner, group, default list, session) is refused. */
NT_HANDLER(SetInformationToken)
{
	return (u32)a[1] == TOKEN_CLASS_INTEGRITY ? lower_integrity(a[0], a[2], (u32)a[3]) : NT(NOT_SUPPORTED);
}
