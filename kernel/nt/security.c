// SPDX-License-Identifier: MIT
/* NtQuerySecurityObject: a self-relative security descriptor made from what the object is: owner and group are the one
 * user, the list grants that user everything and, for files, others what the mode bits say. Nothing can be set. */
#include "access_check.h"
#include "file.h"

#include "string.h"

enum { OWNER_INFORMATION = 1, GROUP_INFORMATION = 2, DACL_INFORMATION = 4, SACL_INFORMATION = 8, LABEL_INFORMATION = 0x10 };
#define FULL_ACCESS 0x1f01ffu
#define READ_ACCESS 0x120089u
#define WRITE_ACCESS 0x120116u
#define EXECUTE_ACCESS 0x1200a0u

static const u32 user_sid[] = { 0x0501, 0x05000000, 21, 0, 0, 0, 1000 };     /* S-1-5-21-0-0-0-1000 */
static const u32 group_sid[] = { 0x0501, 0x05000000, 21, 0, 0, 0, 513 };
static const u32 everyone_sid[] = { 0x0101, 0x01000000, 0 };                  /* S-1-1-0 */
struct descriptor { u8 revision, unused; u16 control; u32 owner, group, sacl, dacl; };

static u32 put_ace(u8 *at, u32 mask, const u32 *sid, u32 sid_bytes)
{
	struct nt_ace a = { .size = (u16)(sizeof(a) + sid_bytes), .mask = mask };
	memcpy(at, &a, sizeof(a));
	memcpy(at + sizeof(a), sid, sid_bytes);
	return a.size;
}

static u32 others_mask(struct file *f)
{
	struct attributes a;
	if (f->ops->nt_type || !f->where.node || file_stat(f, &a))
		return f->ops->nt_type ? NT_GENERIC_ALL : FULL_ACCESS;
	return (a.mode & 4 ? READ_ACCESS : 0) | (a.mode & 2 ? WRITE_ACCESS | NT_DELETE : 0) | (a.mode & 1 ? EXECUTE_ACCESS : 0);
}

static u32 put_acl(u8 *at, struct file *f)
{
	struct nt_acl l = { .revision = 2, .count = 2 };
	u32 used = sizeof(l), others = others_mask(f);
	used += put_ace(at + used, f->ops->nt_type ? (u32)NT_GENERIC_ALL : FULL_ACCESS, user_sid, sizeof(user_sid));
	used += put_ace(at + used, others, everyone_sid, sizeof(everyone_sid));
	l.size = (u16)used;
	memcpy(at, &l, sizeof(l));
	return used;
}

NT_HANDLER(QuerySecurityObject)
{
	struct descriptor d = { .revision = NT_DESCRIPTOR_REVISION, .control = NT_DESCRIPTOR_RELATIVE };
	u8 out[sizeof(d) + 2 * sizeof(user_sid) + 96] __attribute__((aligned(8)));
	u32 wanted = (u32)a[1], used = sizeof(d);
	struct file *f;
	if (wanted & SACL_INFORMATION)
		return NT(PRIVILEGE_NOT_HELD);
	s64 st = nt_handle_get(a[0], NT_TYPE_ANY, wanted & ~(u32)LABEL_INFORMATION ? NT_READ_CONTROL : 0, &f);
	if (st)
		return st;
	if (wanted & OWNER_INFORMATION) {
		d.owner = used;
		memcpy(out + used, user_sid, sizeof(user_sid));
		used += sizeof(user_sid);
	}
	if (wanted & GROUP_INFORMATION) {
		d.group = used;
		memcpy(out + used, group_sid, sizeof(group_sid));
		used += sizeof(group_sid);
	}
	if (wanted & DACL_INFORMATION) {
		d.control |= NT_DESCRIPTOR_DACL;
		d.dacl = used;
		used += put_acl(out + used, f);
	}
	file_put(f);
	memcpy(out, &d, sizeof(d));
	if (a[4] && COPY_OUT(user_ptr(a[4]), &used))
		return NT(ACCESS_VIOLATION);
	if ((u32)a[3] < used)
		return NT(BUFFER_TOO_SMALL);
	return copy_out(user_ptr(a[2]), out, used) ? NT(ACCESS_VIOLATION) : 0;
}

NT_HANDLER(SetSecurityObject) { return NT(NOT_SUPPORTED); }
