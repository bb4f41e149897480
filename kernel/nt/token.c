// SPDX-License-Identifier: MIT
/* Tokens: who a program is, as far as the DLLs of a console program ask. One user (SID S-1-5-21-0-0-0-1000), member of
 * Users and Administrators, not elevated by UAC; access is decided by the Linux credentials, so nothing here grants any.
 * Layouts: MSDN, TOKEN_INFORMATION_CLASS. */
#include "nt_internal.h"
#include "../../lib/base/string.h"

enum token_class { TOKEN_USER = 1, TOKEN_GROUPS, TOKEN_PRIVILEGES, TOKEN_OWNER, TOKEN_PRIMARY_GROUP, TOKEN_DEFAULT_DACL, TOKEN_SOURCE,
	TOKEN_TYPE, TOKEN_LEVEL, TOKEN_STATISTICS, TOKEN_RESTRICTED_SIDS, TOKEN_SESSION_ID, TOKEN_ELEVATION_TYPE = 18,
	TOKEN_LINKED = 19, TOKEN_ELEVATION = 20, TOKEN_HAS_RESTRICTIONS = 21, TOKEN_VIRTUALIZATION_ALLOWED = 23,
	TOKEN_VIRTUALIZATION_ENABLED = 24, TOKEN_INTEGRITY = 25, TOKEN_UI_ACCESS = 26, TOKEN_MANDATORY_POLICY = 27,
	TOKEN_IS_APP_CONTAINER = 29, TOKEN_APP_CONTAINER_SID = 31 };
enum { TOKEN_PRIMARY = 1, TOKEN_IMPERSONATION = 2 };
enum { ACCESS_DUPLICATE = 2, ACCESS_QUERY = 8, ACCESS_QUERY_SOURCE = 0x10, ACCESS_ADJUST_PRIVILEGES = 0x20 };

struct sid { u8 revision, count, authority[6]; u32 sub[5]; };
#define SID_BYTES(n) (8u + 4u * (n))
static const struct sid sid_user = { 1, 5, { 0, 0, 0, 0, 0, 5 }, { 21, 0, 0, 0, 1000 } };
static const struct sid sid_group = { 1, 5, { 0, 0, 0, 0, 0, 5 }, { 21, 0, 0, 0, 513 } };
static const struct sid sid_everyone = { 1, 1, { 0, 0, 0, 0, 0, 1 }, { 0 } };
static const struct sid sid_users = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 32, 545 } };
static const struct sid sid_administrators = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 32, 544 } };
static const struct sid sid_interactive = { 1, 1, { 0, 0, 0, 0, 0, 5 }, { 4 } };
static const struct sid sid_authenticated = { 1, 1, { 0, 0, 0, 0, 0, 5 }, { 11 } };
static const struct sid sid_logon = { 1, 3, { 0, 0, 0, 0, 0, 5 }, { 5, 0, 0 } };
static const struct sid sid_integrity = { 1, 1, { 0, 0, 0, 0, 0, 16 }, { 0x2000 } };
#define GROUP_USUAL 7u          /* mandatory, enabled by default, enabled */
#define GROUP_OWNER 0xfu
#define GROUP_LOGON 0xc0000007u
#define GROUP_INTEGRITY 0x60u
static const struct { const struct sid *sid; u32 attributes; } groups[] = {
	{ &sid_group, GROUP_USUAL }, { &sid_everyone, GROUP_USUAL }, { &sid_administrators, GROUP_OWNER }, { &sid_users, GROUP_USUAL },
	{ &sid_interactive, GROUP_USUAL }, { &sid_authenticated, GROUP_USUAL }, { &sid_logon, GROUP_LOGON },
};
#define PRIVILEGES_MAX 8u
struct privilege { u32 low; s32 high; u32 attributes; };
struct token {
	u64 id;
	u32 type, level;
	struct spinlock lock;       /* RANK_OBJECT: privileges */
	struct privilege privileges[PRIVILEGES_MAX]; u32 privilege_count;
};
/* Change notify (always on); shutdown, undock, increase working set, time zone; debug and backup for an administrator. */
static const struct privilege initial[] = { { 23, 0, 3 }, { 19, 0, 0 }, { 25, 0, 0 }, { 33, 0, 0 },
	{ 34, 0, 0 }, { 20, 0, 0 }, { 17, 0, 0 }, { 18, 0, 0 } };

static u64 last_luid = 1000;
static u64 luid_new(void) { return __atomic_add_fetch(&last_luid, 1, __ATOMIC_RELAXED); }

static void token_release(struct file *f) { kfree(f->object); }
static const struct file_ops token_ops = { .name = "nt-token", .nt_type = NT_TYPE_TOKEN, .release = token_release };

static struct file *token_create(u32 type, u32 level)
{
	struct token *t = kzalloc(sizeof(*t));
	struct file *f = t ? file_create(&token_ops, t, 2) : NULL;
	if (!f) {
		kfree(t);
		return NULL;
	}
	spin_init(&t->lock, RANK_OBJECT);
	t->id = luid_new();
	t->type = type;
	t->level = level;
	t->privilege_count = ARRAY_SIZE(initial);
	memcpy(t->privileges, initial, sizeof(initial));
	return f;
}

/* One primary token per process, made at first use, so that adjusted privileges stay. */
static struct file *process_token(struct process *p)
{
	if (!p->nt)
		return token_create(TOKEN_PRIMARY, 0);
	spin_lock(&nt_dispatcher_lock);
	struct file *f = p->nt->token;
	if (f)
		file_get(f);
	spin_unlock(&nt_dispatcher_lock);
	if (f)
		return f;
	f = token_create(TOKEN_PRIMARY, 0);
	if (!f)
		return NULL;
	spin_lock(&nt_dispatcher_lock);
	struct file *other = p->nt->token;
	if (!other)
		p->nt->token = f;
	file_get(other ? other : f);
	spin_unlock(&nt_dispatcher_lock);
	if (!other)
		return f;
	file_put(f);
	return other;
}

static s64 open_process_token(u64 process, u32 access, u32 attributes, u64 va)
{
	struct process *p;
	s64 st = nt_process_get(process, NT_PROCESS_QUERY_LIMITED_INFORMATION, &p);
	if (st)
		return st;
	struct file *f = process_token(p);
	process_put(p);
	return f ? nt_handle_out(f, nt_access_map(NT_TYPE_TOKEN, access), attributes, va, 0) : ERR_NOMEM;
}
NT_HANDLER(OpenProcessToken) { return open_process_token(a[0], (u32)a[1], 0, a[2]); }
NT_HANDLER(OpenProcessTokenEx) { return open_process_token(a[0], (u32)a[1], (u32)a[2], a[3]); }

static s64 open_thread_token(u64 thread, u32 access, u32 attributes, u64 va)
{
	struct thread *t;
	s64 st = nt_thread_get(thread, NT_THREAD_QUERY_LIMITED_INFORMATION, &t);
	if (st)
		return st;
	spin_lock(&nt_dispatcher_lock);
	struct file *f = t->nt ? t->nt->token : NULL;
	if (f)
		file_get(f);
	spin_unlock(&nt_dispatcher_lock);
	thread_put(t);
	return f ? nt_handle_out(f, nt_access_map(NT_TYPE_TOKEN, access), attributes, va, 0) : NT(NO_TOKEN);
}
NT_HANDLER(OpenThreadToken) { return open_thread_token(a[0], (u32)a[1], 0, a[3]); }
NT_HANDLER(OpenThreadTokenEx) { return open_thread_token(a[0], (u32)a[1], (u32)a[3], a[4]); }

/* Impersonation: the token only answers queries; access stays the process's. */
s64 nt_thread_impersonate(struct thread *t, u64 handle)
{
	struct file *f = NULL;
	s64 st = handle ? nt_handle_get(handle, NT_TYPE_TOKEN, 4, &f) : 0;
	if (st)
		return st;
	if (f && ((struct token *)f->object)->type != TOKEN_IMPERSONATION) {
		file_put(f);
		return NT(BAD_TOKEN_TYPE);
	}
	spin_lock(&nt_dispatcher_lock);
	struct file *old = t->nt->token;
	t->nt->token = f;
	spin_unlock(&nt_dispatcher_lock);
	if (old)
		file_put(old);
	return 0;
}

/* -4 process token, -5 thread token, -6 effective token. */
static s64 token_get(u64 handle, u32 access, struct file **out)
{
	struct thread *t = thread_current();
	if (handle != ~3ull && handle != ~4ull && handle != ~5ull)
		return nt_handle_get(handle, NT_TYPE_TOKEN, access, out);
	*out = handle == ~3ull ? NULL : t->nt->token;
	if (*out)
		file_get(*out);
	else if (handle == ~4ull)
		return NT(NO_TOKEN);
	else
		*out = process_token(t->process);
	return *out ? 0 : ERR_NOMEM;
}

/* ---- queries: an answer is built in a buffer whose pointers are those of the caller's ---- */
#define ANSWER_MAX 512u
struct answer { u8 bytes[ANSWER_MAX]; u32 size; u64 va; };

static u64 put_sid(struct answer *o, const struct sid *s)
{
	u64 at = o->va + o->size;
	memcpy(o->bytes + o->size, s, SID_BYTES(s->count));
	o->size += SID_BYTES(s->count);
	return at;
}

static void put_user(struct answer *o, const struct sid *s, u32 attributes)
{
	u64 pair[2] = { 0, attributes };
	o->size = sizeof(pair);
	pair[0] = put_sid(o, s);
	memcpy(o->bytes, pair, sizeof(pair));
}

static void put_pointer(struct answer *o, const struct sid *s)
{
	u64 at = 0;
	o->size = sizeof(at);
	at = put_sid(o, s);
	memcpy(o->bytes, &at, sizeof(at));
}

static void put_groups(struct answer *o)
{
	u32 count = ARRAY_SIZE(groups);
	memcpy(o->bytes, &count, sizeof(count));
	o->size = 8 + count * 16;
	for (u32 i = 0; i < count; i++) {
		u64 pair[2] = { put_sid(o, groups[i].sid), groups[i].attributes };
		memcpy(o->bytes + 8 + i * 16, pair, sizeof(pair));
	}
}

static void put_privileges(struct answer *o, struct token *t)
{
	spin_lock(&t->lock);
	memcpy(o->bytes, &t->privilege_count, 4);
	memcpy(o->bytes + 4, t->privileges, t->privilege_count * sizeof(struct privilege));
	o->size = 4 + t->privilege_count * (u32)sizeof(struct privilege);
	spin_unlock(&t->lock);
}

/* Full access for the user and for SYSTEM-like administrators. */
static void put_dacl(struct answer *o)
{
	struct { u8 revision, unused; u16 size, count, unused2; } acl = { 2, 0, 0, 2, 0 };
	const struct sid *who[] = { &sid_user, &sid_administrators };
	o->size = 8 + sizeof(acl);
	for (u32 i = 0; i < ARRAY_SIZE(who); i++) {
		struct { u8 type, flags; u16 size; u32 mask; } ace = { 0, 0, (u16)(8 + SID_BYTES(who[i]->count)), NT_GENERIC_ALL };
		memcpy(o->bytes + o->size, &ace, sizeof(ace));
		o->size += sizeof(ace);
		put_sid(o, who[i]);
	}
	acl.size = (u16)(o->size - 8);
	u64 at = o->va + 8;
	memcpy(o->bytes, &at, 8);
	memcpy(o->bytes + 8, &acl, sizeof(acl));
}

static void put_word(struct answer *o, u32 value)
{
	memcpy(o->bytes, &value, sizeof(value));
	o->size = sizeof(value);
}

static void put_statistics(struct answer *o, const struct token *t)
{
	struct { u64 id, authentication; s64 expires; u32 type, level, charged, available, groups, privileges; u64 modified; } s = {
		t->id, 999, INT64_MAX, t->type, t->level, 0, 0, ARRAY_SIZE(groups), t->privilege_count, t->id };
	memcpy(o->bytes, &s, sizeof(s));
	o->size = sizeof(s);
}

static s64 answer_fill(struct answer *o, struct token *t, u32 class)
{
	switch (class) {
	case TOKEN_USER: put_user(o, &sid_user, 0); return 0;
	case TOKEN_GROUPS: put_groups(o); return 0;
	case TOKEN_PRIVILEGES: put_privileges(o, t); return 0;
	case TOKEN_OWNER: put_pointer(o, &sid_user); return 0;
	case TOKEN_PRIMARY_GROUP: put_pointer(o, &sid_group); return 0;
	case TOKEN_DEFAULT_DACL: put_dacl(o); return 0;
	case TOKEN_SOURCE:
		memcpy(o->bytes, "User32 \0", 8);
		memcpy(o->bytes + 8, &t->id, 8);
		o->size = 16;
		return 0;
	case TOKEN_TYPE: put_word(o, t->type); return 0;
	case TOKEN_LEVEL:
		if (t->type == TOKEN_PRIMARY)
			return NT(INVALID_PARAMETER);
		put_word(o, t->level);
		return 0;
	case TOKEN_STATISTICS: put_statistics(o, t); return 0;
	case TOKEN_RESTRICTED_SIDS: o->size = 8; return 0;
	case TOKEN_SESSION_ID: put_word(o, 1); return 0;
	case TOKEN_ELEVATION_TYPE: put_word(o, 1); return 0; /* default: no linked token */
	case TOKEN_LINKED: return NT(NO_SUCH_LOGON_SESSION);
	case TOKEN_ELEVATION:
	case TOKEN_HAS_RESTRICTIONS:
	case TOKEN_VIRTUALIZATION_ALLOWED:
	case TOKEN_VIRTUALIZATION_ENABLED:
	case TOKEN_UI_ACCESS:
	case TOKEN_IS_APP_CONTAINER: put_word(o, 0); return 0;
	case TOKEN_MANDATORY_POLICY: put_word(o, 3); return 0;
	case TOKEN_APP_CONTAINER_SID: o->size = 8; return 0;
	case TOKEN_INTEGRITY: put_user(o, &sid_integrity, GROUP_INTEGRITY); return 0;
	default: return NT(INVALID_INFO_CLASS);
	}
}

NT_HANDLER(QueryInformationToken)
{
	struct file *f;
	s64 st = token_get(a[0], (u32)a[1] == TOKEN_SOURCE ? ACCESS_QUERY_SOURCE : ACCESS_QUERY, &f);
	if (st)
		return st;
	struct answer *o = kzalloc(sizeof(*o));
	if (!o) {
		file_put(f);
		return ERR_NOMEM;
	}
	o->va = a[2];
	st = answer_fill(o, f->object, (u32)a[1]);
	file_put(f);
	if (!st && a[4] && COPY_OUT(user_ptr(a[4]), &o->size))
		st = NT(ACCESS_VIOLATION);
	if (!st)
		st = (u32)a[3] < o->size ? NT(BUFFER_TOO_SMALL) : copy_out(user_ptr(a[2]), o->bytes, o->size) ? NT(ACCESS_VIOLATION) : 0;
	kfree(o);
	return st;
}

static bool adjust_one(struct token *t, const struct privilege *p)
{
	for (u32 i = 0; i < t->privilege_count; i++)
		if (t->privileges[i].low == p->low && t->privileges[i].high == p->high) {
			t->privileges[i].attributes = (t->privileges[i].attributes & 1) | (p->attributes & 2);
			return true;
		}
	return false;
}

/* (token, disable all, new state, length, previous, length out): the previous state is not kept by callers we know. */
NT_HANDLER(AdjustPrivilegesToken)
{
	struct file *f;
	u32 count = 0, none = 0, needed = 4;
	struct privilege list[PRIVILEGES_MAX * 4];
	if (!(u8)a[1] && (!a[2] || COPY_IN(&count, user_ptr(a[2]))))
		return NT(ACCESS_VIOLATION);
	if (count > ARRAY_SIZE(list))
		return NT(INVALID_PARAMETER);
	if (count && copy_in(list, user_ptr(a[2] + 4), count * sizeof(list[0])))
		return NT(ACCESS_VIOLATION);
	s64 st = token_get(a[0], ACCESS_ADJUST_PRIVILEGES, &f);
	if (st)
		return st;
	struct token *t = f->object;
	u32 done = 0;
	spin_lock(&t->lock);
	for (u32 i = 0; i < count; i++)
		done += adjust_one(t, &list[i]);
	for (u32 i = 0; (u8)a[1] && i < t->privilege_count; i++)
		t->privileges[i].attributes &= ~2u;
	spin_unlock(&t->lock);
	file_put(f);
	if (a[4] && (u32)a[3] >= needed && COPY_OUT(user_ptr(a[4]), &none))
		return NT(ACCESS_VIOLATION);
	if (a[5] && COPY_OUT(user_ptr(a[5]), &needed))
		return NT(ACCESS_VIOLATION);
	return done < count ? NT(NOT_ALL_ASSIGNED) : 0;
}

/* (token, access, attributes, effective only, type, out) */
NT_HANDLER(DuplicateToken)
{
	struct file *f;
	struct nt_object_attributes oa;
	u32 type = (u32)a[4];
	if (type != TOKEN_PRIMARY && type != TOKEN_IMPERSONATION)
		return NT(INVALID_PARAMETER);
	s64 st = token_get(a[0], ACCESS_DUPLICATE, &f);
	if (st)
		return st;
	st = nt_object_attributes_in(a[2], &oa);
	nt_object_attributes_free(&oa);
	struct token *from = f->object;
	struct file *copy = st ? NULL : token_create(type, type == TOKEN_IMPERSONATION ? 2 : 0);
	if (copy) {
		struct token *to = copy->object;
		memcpy(to->privileges, from->privileges, sizeof(to->privileges));
	}
	u32 access = (u32)a[1] ? nt_access_map(NT_TYPE_TOKEN, (u32)a[1]) : 0xf01ff;
	file_put(f);
	if (st)
		return st;
	return copy ? nt_handle_out(copy, access, oa.attributes, a[5], 0) : ERR_NOMEM;
}

/* (token, PRIVILEGE_SET, result out): enabled privileges of the set. */
NT_HANDLER(PrivilegeCheck)
{
	struct file *f;
	struct { u32 count, control; struct privilege list[PRIVILEGES_MAX]; } set;
	if (copy_in(&set, user_ptr(a[1]), 8))
		return NT(ACCESS_VIOLATION);
	if (set.count > PRIVILEGES_MAX)
		return NT(INVALID_PARAMETER);
	if (copy_in(set.list, user_ptr(a[1] + 8), set.count * sizeof(set.list[0])))
		return NT(ACCESS_VIOLATION);
	s64 st = token_get(a[0], ACCESS_QUERY, &f);
	if (st)
		return st;
	struct token *t = f->object;
	u32 held = 0;
	for (u32 i = 0; i < set.count; i++)
		for (u32 k = 0; k < t->privilege_count; k++)
			held += t->privileges[k].low == set.list[i].low && (t->privileges[k].attributes & 2);
	u8 result = set.control & 1 ? held == set.count : held > 0;
	file_put(f);
	return COPY_OUT(user_ptr(a[2]), &result) ? NT(ACCESS_VIOLATION) : 0;
}

NT_HANDLER(AllocateLocallyUniqueId)
{
	u64 id = luid_new();
	return COPY_OUT(user_ptr(a[0]), &id) ? NT(ACCESS_VIOLATION) : 0;
}
