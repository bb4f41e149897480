// SPDX-License-Identifier: MIT
/* Tokens: who a program is, as far as the DLLs of a console program ask. One user (SID S-1-5-21-0-0-0-1000), member of
 * Users and Administrators, not elevated by UAC. Objects are judged by the Linux credentials and handles, so nothing here
 * grants or takes access to any; a token is judged where a program asks for it (token_access.c). */
#include "token.h"
#include "../../lib/base/string.h"

#define NT_AUTHORITY { 0, 0, 0, 0, 0, 5 }
#define USUAL ((u32)NT_GROUP_MANDATORY | NT_GROUP_BY_DEFAULT | NT_GROUP_ENABLED)
static const struct nt_member initial_members[] = {
	{ { 1, 5, NT_AUTHORITY, { 21, 0, 0, 0, 1000 } }, NT_GROUP_ENABLED },
	{ { 1, 5, NT_AUTHORITY, { 21, 0, 0, 0, 513 } }, USUAL },
	{ { 1, 1, { 0, 0, 0, 0, 0, 1 }, { 0 } }, USUAL },                  /* everyone */
	{ { 1, 2, NT_AUTHORITY, { 32, 544 } }, USUAL | NT_GROUP_OWNER },   /* administrators */
	{ { 1, 2, NT_AUTHORITY, { 32, 545 } }, USUAL },                    /* users */
	{ { 1, 1, NT_AUTHORITY, { 4 } }, USUAL },                          /* interactive */
	{ { 1, 1, NT_AUTHORITY, { 11 } }, USUAL },                         /* authenticated */
	{ { 1, 3, NT_AUTHORITY, { 5, 0, 0 } }, USUAL | NT_GROUP_LOGON },
};
_Static_assert(ARRAY_SIZE(initial_members) == MEMBERS_MAX, "the user and all groups");
/* Change notify (always on); shutdown, undock, increase working set, time zone; debug, backup, restore for an administrator. */
static const struct nt_luid_attributes initial_privileges[] = { { PRIVILEGE_CHANGE_NOTIFY, 0, 3 }, { PRIVILEGE_SHUTDOWN, 0, 0 },
	{ PRIVILEGE_UNDOCK, 0, 0 }, { PRIVILEGE_WORKING_SET, 0, 0 }, { PRIVILEGE_TIME_ZONE, 0, 0 }, { 20, 0, 0 }, { 17, 0, 0 },
	{ 18, 0, 0 } };

static u64 last_luid = 1000;
u64 nt_luid_new(void) { return __atomic_add_fetch(&last_luid, 1, __ATOMIC_RELAXED); }

static void token_free(struct nt_token *t)
{
	if (t)
		kfree(t->restricting);
	kfree(t);
}
static void token_release(struct file *f) { token_free(f->object); }
static const struct file_ops token_ops = { .name = "nt-token", .nt_type = NT_TYPE_TOKEN, .release = token_release };

/* Takes t over. */
static struct file *token_file(struct nt_token *t)
{
	struct file *f = t ? file_create(&token_ops, t, 2) : NULL;
	if (!f) {
		token_free(t);
		return NULL;
	}
	t->id = nt_luid_new();
	spin_init(&t->lock, RANK_OBJECT);
	return f;
}

static struct file *token_create(void)
{
	struct nt_token *t = kzalloc(sizeof(*t));
	if (t) {
		t->type = TOKEN_PRIMARY;
		t->integrity = INTEGRITY_MEDIUM;
		t->count = ARRAY_SIZE(initial_members);
		memcpy(t->members, initial_members, sizeof(initial_members));
		t->privilege_count = ARRAY_SIZE(initial_privileges);
		memcpy(t->privileges, initial_privileges, sizeof(initial_privileges));
	}
	return token_file(t);
}

struct file *nt_token_copy(struct nt_token *from, u32 type, u32 level)
{
	struct nt_token *t = kmalloc(sizeof(*t));
	if (!t)
		return NULL;
	spin_lock(&from->lock); /* privileges and level belong together */
	*t = *from;
	spin_unlock(&from->lock);
	t->type = type;
	t->level = level;
	if (from->restricting_count) {
		t->restricting = kmalloc(from->restricting_count * sizeof(*t->restricting));
		if (!t->restricting) {
			kfree(t);
			return NULL;
		}
		memcpy(t->restricting, from->restricting, from->restricting_count * sizeof(*t->restricting));
	}
	return token_file(t);
}

/* ---- of processes and threads ---- */
static struct file *token_of_process_now(struct process *p)
{
	spin_lock(&nt_dispatcher_lock);
	struct file *f = p->nt->token;
	if (f)
		file_get(f);
	spin_unlock(&nt_dispatcher_lock);
	return f;
}

/* One primary token per process, made at first use, so that adjusted privileges stay. */
static struct file *process_token(struct process *p)
{
	if (!p->nt)
		return token_create();
	struct file *f = token_of_process_now(p);
	if (f)
		return f;
	f = token_create();
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

s64 nt_token_primary(u64 handle, struct file **out)
{
	s64 st = nt_handle_get(handle, NT_TYPE_TOKEN, TOKEN_ASSIGN_PRIMARY, out);
	if (st || nt_token_of(*out)->type == TOKEN_PRIMARY)
		return st;
	file_put(*out);
	*out = NULL;
	return NT(BAD_TOKEN_TYPE);
}

status_t nt_token_assign(struct process *p, struct file *from)
{
	struct file *f = nt_token_copy(nt_token_of(from), TOKEN_PRIMARY, 0);
	if (!f)
		return ERR_NOMEM;
	spin_lock(&nt_dispatcher_lock);
	struct file *old = p->nt->token;
	p->nt->token = f;
	spin_unlock(&nt_dispatcher_lock);
	if (old)
		file_put(old);
	return OK;
}

status_t nt_token_inherit(struct process *p, struct file **out)
{
	*out = NULL;
	spin_lock(&process_tree_lock); /* the parent may be ending: under the lock it is there still */
	struct file *f = p->parent && p->parent->nt ? token_of_process_now(p->parent) : NULL;
	spin_unlock(&process_tree_lock);
	if (!f)
		return OK;
	*out = nt_token_copy(nt_token_of(f), TOKEN_PRIMARY, 0);
	file_put(f);
	return *out ? OK : ERR_NOMEM;
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
	if (f && nt_token_of(f)->level == TOKEN_ANONYMOUS) {
		file_put(f);
		return NT(CANT_OPEN_ANONYMOUS);
	}
	return f ? nt_handle_out(f, nt_access_map(NT_TYPE_TOKEN, access), attributes, va, 0) : NT(NO_TOKEN);
}
NT_HANDLER(OpenThreadToken) { return open_thread_token(a[0], (u32)a[1], 0, a[3]); }
NT_HANDLER(OpenThreadTokenEx) { return open_thread_token(a[0], (u32)a[1], (u32)a[3], a[4]); }

/* Impersonation: the token only answers queries; access stays the process's. */
s64 nt_thread_impersonate(struct thread *t, u64 handle)
{
	struct file *f = NULL;
	s64 st = handle ? nt_handle_get(handle, NT_TYPE_TOKEN, TOKEN_IMPERSONATE, &f) : 0;
	if (st)
		return st;
	if (f && nt_token_of(f)->type != TOKEN_IMPERSONATION) {
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

s64 nt_token_get(u64 handle, u32 access, struct file **out, u32 *granted)
{
	struct thread *t = thread_current();
	u32 unused;
	if (!granted)
		granted = &unused;
	if (handle != ~3ull && handle != ~4ull && handle != ~5ull)
		return nt_handle_get_access(handle, NT_TYPE_TOKEN, access, out, granted);
	*granted = TOKEN_ALL_ACCESS;
	spin_lock(&nt_dispatcher_lock);
	*out = handle == ~3ull ? NULL : t->nt->token;
	if (*out)
		file_get(*out);
	spin_unlock(&nt_dispatcher_lock);
	if (!*out && handle == ~4ull)
		return NT(NO_TOKEN);
	if (!*out)
		*out = process_token(t->process);
	return *out ? 0 : ERR_NOMEM;
}

/* ---- copies ---- */
#define QUALITY_OFFSET 40u /* of OBJECT_ATTRIBUTES.SecurityQualityOfService */
/* The level stands in OBJECT_ATTRIBUTES (SECURITY_QUALITY_OF_SERVICE), the fourth argument says "only what is effective".
 * kernelbase as we have it (Wine 8.0's) gives no such structure and the level as fourth argument. That also gives what
 * Windows does without the structure when that argument is FALSE: a copy that only tells that somebody is there. */
static s64 level_in(u64 attributes_va, u32 argument, u32 *level, bool *effective)
{
	struct { u32 length, level; u8 tracking, effective_only, unused[2]; } quality = { .level = argument };
	u64 at = 0;
	if (attributes_va && COPY_IN(&at, user_ptr(attributes_va + QUALITY_OFFSET)))
		return NT(ACCESS_VIOLATION);
	if (at && COPY_IN(&quality, user_ptr(at)))
		return NT(ACCESS_VIOLATION);
	*level = quality.level;
	*effective = at && (u8)argument;
	return *level > TOKEN_DELEGATION ? NT(BAD_IMPERSONATION_LEVEL) : 0;
}

/* Only what is on: privileges that are off are left out; groups that are off there are none of. */
static void keep_effective(struct nt_token *t)
{
	u32 kept = 0;
	for (u32 i = 0; i < t->privilege_count; i++)
		if (t->privileges[i].attributes & PRIVILEGE_ENABLED)
			t->privileges[kept++] = t->privileges[i];
	t->privilege_count = kept;
}

/* A copy of an impersonation token is not worth more than it. */
static s64 copy_as(struct nt_token *from, u32 type, u32 level, bool effective, struct file **out)
{
	if (from->type == TOKEN_IMPERSONATION &&
	    (type == TOKEN_IMPERSONATION ? level > from->level : from->level < TOKEN_IMPERSONATES))
		return NT(BAD_IMPERSONATION_LEVEL);
	*out = nt_token_copy(from, type, type == TOKEN_IMPERSONATION ? level : 0);
	if (!*out)
		return ERR_NOMEM;
	if (effective)
		keep_effective(nt_token_of(*out));
	return 0;
}

/* (token, access, attributes, effective only or level, type, out) */
NT_HANDLER(DuplicateToken)
{
	struct file *f, *copy = NULL;
	struct nt_object_attributes oa;
	u32 type = (u32)a[4], level = 0, granted;
	bool effective = false;
	if (type != TOKEN_PRIMARY && type != TOKEN_IMPERSONATION)
		return NT(INVALID_PARAMETER);
	s64 st = nt_token_get(a[0], TOKEN_DUPLICATE, &f, &granted);
	if (st)
		return st;
	st = nt_object_attributes_in(a[2], &oa);
	nt_object_attributes_free(&oa);
	if (!st)
		st = level_in(a[2], (u32)a[3], &level, &effective);
	if (!st)
		st = copy_as(nt_token_of(f), type, level, effective, &copy);
	file_put(f);
	return st ? st : nt_handle_out(copy, (u32)a[1] ? nt_access_map(NT_TYPE_TOKEN, (u32)a[1]) : granted, oa.attributes, a[5], 0);
}

NT_HANDLER(AllocateLocallyUniqueId)
{
	u64 id = nt_luid_new();
	return COPY_OUT(user_ptr(a[0]), &id) ? NT(ACCESS_VIOLATION) : 0;
}
