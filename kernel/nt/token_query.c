// SPDX-License-Identifier: MIT
/* NtQueryInformationToken. An answer is built in a buffer whose pointers are those of the caller's.
 * Layouts: MSDN, TOKEN_INFORMATION_CLASS. */
#include "token.h"
#include "../../lib/base/string.h"

enum token_class { TOKEN_USER = 1, TOKEN_GROUPS, TOKEN_PRIVILEGES, TOKEN_OWNER, TOKEN_PRIMARY_GROUP, TOKEN_DEFAULT_DACL, TOKEN_SOURCE,
	TOKEN_TYPE, TOKEN_LEVEL, TOKEN_STATISTICS, TOKEN_RESTRICTED_SIDS, TOKEN_SESSION_ID, TOKEN_GROUPS_AND_PRIVILEGES,
	TOKEN_SANDBOX_INERT = 15, TOKEN_ORIGIN = 17, TOKEN_ELEVATION_TYPE = 18, TOKEN_LINKED = 19, TOKEN_ELEVATION = 20,
	TOKEN_HAS_RESTRICTIONS = 21, TOKEN_VIRTUALIZATION_ALLOWED = 23, TOKEN_VIRTUALIZATION_ENABLED = 24,
	TOKEN_INTEGRITY = TOKEN_CLASS_INTEGRITY, TOKEN_UI_ACCESS = 26, TOKEN_MANDATORY_POLICY = 27, TOKEN_LOGON_SID = 28,
	TOKEN_IS_APP_CONTAINER = 29, TOKEN_CAPABILITIES = 30, TOKEN_APP_CONTAINER_SID = 31, TOKEN_APP_CONTAINER_NUMBER = 32 };
#define GROUP_INTEGRITY 0x60u
#define LOGON_SESSION 999u     /* that of the system: who began the user's and, here, the user's own */
#define ELEVATION_DEFAULT 1u   /* no linked token */
#define POLICY_VALID 3u        /* no writing up, new processes have the lower level */

#define ANSWER_MAX 4000u
struct answer { u8 bytes[ANSWER_MAX]; u32 size; u64 va; };
struct pair { u64 sid; u32 attributes, unused; };
_Static_assert(88 + (RESTRICTING_MAX + MEMBERS_MAX) * (sizeof(struct pair) + NT_SID_BYTES_MAX) +
	PRIVILEGES_MAX * sizeof(struct nt_luid_attributes) <= ANSWER_MAX, "the longest answer fits");

static u64 put_sid(struct answer *o, const struct nt_sid *s)
{
	u64 at = o->va + o->size;
	memcpy(o->bytes + o->size, s, NT_SID_BYTES(s->count));
	o->size += NT_SID_BYTES(s->count);
	return at;
}

static void put_user(struct answer *o, const struct nt_sid *s, u32 attributes)
{
	struct pair pair = { .attributes = attributes };
	o->size = sizeof(pair);
	pair.sid = put_sid(o, s);
	memcpy(o->bytes, &pair, sizeof(pair));
}

static void put_integrity(struct answer *o, const struct nt_token *t)
{
	struct nt_sid sid = { 1, 1, { 0, 0, 0, 0, 0, 16 }, { t->integrity } };
	put_user(o, &sid, GROUP_INTEGRITY);
}

static void put_pointer(struct answer *o, const struct nt_sid *s)
{
	u64 at = 0;
	o->size = sizeof(at);
	at = put_sid(o, s);
	memcpy(o->bytes, &at, sizeof(at));
}

/* Pairs, then the SIDs that they point to; where the pairs stand. */
static u64 put_pairs(struct answer *o, const struct nt_member *list, u32 count)
{
	u32 at = o->size;
	o->size += count * (u32)sizeof(struct pair);
	for (u32 i = 0; i < count; i++) {
		struct pair pair = { put_sid(o, &list[i].sid), list[i].attributes, 0 };
		memcpy(o->bytes + at + i * sizeof(pair), &pair, sizeof(pair));
	}
	return o->va + at;
}

static void put_groups(struct answer *o, const struct nt_member *list, u32 count)
{
	memcpy(o->bytes, &count, sizeof(count));
	o->size = 8;
	(void)put_pairs(o, list, count);
}

static void put_logon(struct answer *o, const struct nt_token *t)
{
	for (u32 i = 0; i < t->count; i++)
		if ((t->members[i].attributes & NT_GROUP_LOGON) == NT_GROUP_LOGON)
			put_groups(o, &t->members[i], 1);
}

static u32 put_privilege_list(struct answer *o, struct nt_token *t)
{
	spin_lock(&t->lock);
	u32 count = t->privilege_count;
	memcpy(o->bytes + o->size, t->privileges, count * sizeof(t->privileges[0]));
	spin_unlock(&t->lock);
	o->size += count * (u32)sizeof(t->privileges[0]);
	return count;
}

static void put_privileges(struct answer *o, struct nt_token *t)
{
	o->size = 4;
	u32 count = put_privilege_list(o, t);
	memcpy(o->bytes, &count, sizeof(count));
}

static u32 user_attributes(const struct nt_token *t) { return t->members[0].attributes & NT_GROUP_DENY_ONLY; }

/* TOKEN_GROUPS_AND_PRIVILEGES: the user stands among the SIDs. */
static void put_all(struct answer *o, struct nt_token *t)
{
	struct { u32 count, bytes; u64 at; } part[3] = { 0 };
	u64 session = LOGON_SESSION;
	struct nt_member members[MEMBERS_MAX];
	memcpy(members, t->members, sizeof(members));
	members[0].attributes = user_attributes(t);
	o->size = sizeof(part) + sizeof(session);
	u32 from = o->size;
	part[0].count = t->count;
	part[0].at = put_pairs(o, members, t->count);
	part[0].bytes = o->size - from;
	from = o->size = (o->size + 7) & ~7u;
	part[1].count = t->restricting_count;
	if (t->restricting_count)
		part[1].at = put_pairs(o, t->restricting, t->restricting_count);
	part[1].bytes = o->size - from;
	from = o->size;
	part[2].count = put_privilege_list(o, t);
	part[2].at = o->va + from;
	part[2].bytes = o->size - from;
	memcpy(o->bytes, part, sizeof(part));
	memcpy(o->bytes + sizeof(part), &session, sizeof(session));
}

/* Full access for the user and for administrators. */
static void put_dacl(struct answer *o, const struct nt_token *t)
{
	struct { u8 revision, unused; u16 size, count, unused2; } acl = { 2, 0, 0, 2, 0 };
	static const struct nt_sid administrators = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 32, 544 } };
	const struct nt_sid *who[] = { &t->members[0].sid, &administrators };
	o->size = 8 + sizeof(acl);
	for (u32 i = 0; i < ARRAY_SIZE(who); i++) {
		struct { u8 type, flags; u16 size; u32 mask; } ace = { 0, 0, (u16)(8 + NT_SID_BYTES(who[i]->count)), NT_GENERIC_ALL };
		memcpy(o->bytes + o->size, &ace, sizeof(ace));
		o->size += sizeof(ace);
		put_sid(o, who[i]);
	}
	acl.size = (u16)(o->size - 8);
	u64 at = o->va + 8;
	memcpy(o->bytes, &at, 8);
	memcpy(o->bytes + 8, &acl, sizeof(acl));
}

static void put_bytes(struct answer *o, const void *from, u32 size)
{
	memcpy(o->bytes, from, size);
	o->size = size;
}

static void put_word(struct answer *o, u32 value) { put_bytes(o, &value, sizeof(value)); }

static void put_source(struct answer *o, const struct nt_token *t)
{
	put_bytes(o, "User32 \0", 8);
	memcpy(o->bytes + 8, &t->id, 8);
	o->size = 16;
}

static void put_statistics(struct answer *o, const struct nt_token *t)
{
	struct { u64 id, authentication; s64 expires; u32 type, level, charged, available, groups, privileges; u64 modified; } s = {
		t->id, LOGON_SESSION, INT64_MAX, t->type, t->level, 0, 0, t->count - 1, t->privilege_count, t->id };
	put_bytes(o, &s, sizeof(s));
}

static s64 fill_word(struct answer *o, const struct nt_token *t, u32 class)
{
	u32 value = 0;
	switch (class) {
	case TOKEN_TYPE: value = t->type; break;
	case TOKEN_LEVEL:
		if (t->type == TOKEN_PRIMARY)
			return NT(INVALID_PARAMETER);
		value = t->level;
		break;
	case TOKEN_SESSION_ID: value = 1; break;
	case TOKEN_SANDBOX_INERT: value = t->inert; break;
	case TOKEN_ELEVATION_TYPE: value = ELEVATION_DEFAULT; break;
	case TOKEN_HAS_RESTRICTIONS: value = t->filtered; break;
	case TOKEN_MANDATORY_POLICY: value = POLICY_VALID; break;
	case TOKEN_ELEVATION:
	case TOKEN_VIRTUALIZATION_ALLOWED:
	case TOKEN_VIRTUALIZATION_ENABLED:
	case TOKEN_UI_ACCESS:
	case TOKEN_IS_APP_CONTAINER:
	case TOKEN_APP_CONTAINER_NUMBER: break;
	default: return NT(INVALID_INFO_CLASS);
	}
	put_word(o, value);
	return 0;
}

static s64 fill(struct answer *o, struct nt_token *t, u32 class)
{
	const u64 session = LOGON_SESSION;
	switch (class) {
	case TOKEN_USER: put_user(o, &t->members[0].sid, user_attributes(t)); return 0;
	case TOKEN_GROUPS: put_groups(o, t->members + 1, t->count - 1); return 0;
	case TOKEN_PRIVILEGES: put_privileges(o, t); return 0;
	case TOKEN_OWNER: put_pointer(o, &t->members[0].sid); return 0;
	case TOKEN_PRIMARY_GROUP: put_pointer(o, &t->members[1].sid); return 0;
	case TOKEN_DEFAULT_DACL: put_dacl(o, t); return 0;
	case TOKEN_SOURCE: put_source(o, t); return 0;
	case TOKEN_STATISTICS: put_statistics(o, t); return 0;
	case TOKEN_RESTRICTED_SIDS: put_groups(o, t->restricting, t->restricting_count); return 0;
	case TOKEN_GROUPS_AND_PRIVILEGES: put_all(o, t); return 0;
	case TOKEN_ORIGIN: put_bytes(o, &session, sizeof(session)); return 0;
	case TOKEN_LINKED: return NT(NO_SUCH_LOGON_SESSION);
	case TOKEN_LOGON_SID: put_logon(o, t); return 0;
	case TOKEN_CAPABILITIES: put_groups(o, NULL, 0); return 0;
	case TOKEN_APP_CONTAINER_SID: o->size = 8; return 0;
	case TOKEN_INTEGRITY: put_integrity(o, t); return 0;
	default: return fill_word(o, t, class);
	}
}

NT_HANDLER(QueryInformationToken)
{
	struct file *f;
	s64 st = nt_token_get(a[0], (u32)a[1] == TOKEN_SOURCE ? TOKEN_QUERY_SOURCE : TOKEN_QUERY, &f, NULL);
	if (st)
		return st;
	struct answer *o = kzalloc(sizeof(*o));
	if (!o) {
		file_put(f);
		return ERR_NOMEM;
	}
	o->va = a[2];
	st = fill(o, nt_token_of(f), (u32)a[1]);
	file_put(f);
	if (!st && a[4] && COPY_OUT(user_ptr(a[4]), &o->size))
		st = NT(ACCESS_VIOLATION);
	if (!st)
		st = (u32)a[3] < o->size ? NT(BUFFER_TOO_SMALL) : copy_out(user_ptr(a[2]), o->bytes, o->size) ? NT(ACCESS_VIOLATION) : 0;
	kfree(o);
	return st;
}
