/* SPDX-License-Identifier: MIT */
/* Tokens inside kernel/nt. All but the privileges and the integrity level of one stays as it was made. */
#ifndef AMBOS_NT_TOKEN_H
#define AMBOS_NT_TOKEN_H

#include "access_check.h"
#include "nt_internal.h"

enum nt_token_type { TOKEN_PRIMARY = 1, TOKEN_IMPERSONATION = 2 };
enum nt_token_level { TOKEN_ANONYMOUS, TOKEN_IDENTIFICATION, TOKEN_IMPERSONATES, TOKEN_DELEGATION };
enum nt_token_access { TOKEN_ASSIGN_PRIMARY = 1, TOKEN_DUPLICATE = 2, TOKEN_IMPERSONATE = 4, TOKEN_QUERY = 8, TOKEN_QUERY_SOURCE = 0x10,
	TOKEN_ADJUST_PRIVILEGES = 0x20, TOKEN_ADJUST_DEFAULT = 0x80, TOKEN_ALL_ACCESS = 0xf01ff };
enum nt_privilege { PRIVILEGE_SECURITY = 8, PRIVILEGE_TAKE_OWNERSHIP = 9, PRIVILEGE_SHUTDOWN = 19, PRIVILEGE_CHANGE_NOTIFY = 23,
	PRIVILEGE_UNDOCK = 25, PRIVILEGE_WORKING_SET = 33, PRIVILEGE_TIME_ZONE = 34 };
enum nt_privilege_attribute { PRIVILEGE_ENABLED_BY_DEFAULT = 1, PRIVILEGE_ENABLED = 2, PRIVILEGE_REMOVED = 4 };

#define PRIVILEGES_MAX 8u
#define PRIVILEGE_LIST_MAX 64u /* of a caller: there are 36 */
#define MEMBERS_MAX 8u
#define RESTRICTING_MAX 24u    /* an answer that names all of them fits ANSWER_MAX */
#define INTEGRITY_MEDIUM 0x2000u
enum { TOKEN_CLASS_INTEGRITY = 25 };
struct nt_luid_attributes { u32 low; s32 high; u32 attributes; };
struct nt_token {
	u64 id;
	u32 type, level;
	bool filtered, inert, write_restricted;
	u32 count, restricting_count;
	struct nt_member members[MEMBERS_MAX];     /* the user first */
	struct nt_member *restricting;             /* kmalloc'd */
	u32 integrity;                             /* [l] last number of its SID */
	struct spinlock lock;                      /* [l] RANK_OBJECT: privileges too */
	struct nt_luid_attributes privileges[PRIVILEGES_MAX]; u32 privilege_count;
};
static inline struct nt_token *nt_token_of(struct file *f) { return f->object; }

struct file *nt_token_copy(struct nt_token *from, u32 type, u32 level); /* NULL = no memory */
/* -4 process token, -5 thread token, -6 effective token, or a handle. granted may be NULL. */
s64 nt_token_get(u64 handle, u32 access, struct file **out, u32 *granted) MUST_CHECK;
u64 nt_luid_new(void);
/* Caller's SIDs and lists of them. */
s64 nt_sid_in(u64 va, struct nt_sid *out) MUST_CHECK;
s64 nt_privileges_in(u64 va, struct nt_luid_attributes *list, u32 *count) MUST_CHECK; /* room for PRIVILEGE_LIST_MAX; va 0: none */

#endif
