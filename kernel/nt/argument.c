// SPDX-License-Identifier: MIT
/* Copying NT arguments in and answers out: UNICODE_STRING, OBJECT_ATTRIBUTES, timeouts, query results.
 * Layouts: winternl.h as MSDN documents it, 64-bit. */
#include "nt_internal.h"
#include "linux.h"
#include "../../lib/base/string.h"

struct unicode_string { u16 length, maximum_length; u32 unused; u64 buffer; };
struct object_attributes { u32 length, unused; u64 root, name; u32 attributes, unused2; u64 security, quality; };
_Static_assert(sizeof(struct object_attributes) == 48, "OBJECT_ATTRIBUTES");

#define ATTRIBUTES_VALID 0x1ff2u

s64 nt_string_in(u64 va, struct nt_string *out)
{
	struct unicode_string s;
	*out = (struct nt_string){ 0 };
	if (!va)
		return 0;
	if (COPY_IN(&s, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (s.length & 1)
		return NT(OBJECT_NAME_INVALID);
	if (!s.length)
		return 0;
	u16 *text = kmalloc(s.length + sizeof(u16));
	if (!text)
		return ERR_NOMEM;
	if (copy_in(text, user_ptr(s.buffer), s.length)) {
		kfree(text);
		return NT(ACCESS_VIOLATION);
	}
	text[s.length / 2] = 0;
	*out = (struct nt_string){ text, s.length };
	return 0;
}

void nt_string_free(struct nt_string *s)
{
	kfree(s->text);
	*s = (struct nt_string){ 0 };
}

s64 nt_object_attributes_in(u64 va, struct nt_object_attributes *out)
{
	struct object_attributes o;
	*out = (struct nt_object_attributes){ 0 };
	if (!va)
		return 0;
	if (COPY_IN(&o, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	if (o.length != sizeof(o) || (o.attributes & ~ATTRIBUTES_VALID))
		return NT(INVALID_PARAMETER);
	out->root = o.root;
	out->attributes = o.attributes;
	return nt_string_in(o.name, &out->name);
}

s64 nt_query_out(u64 va, u64 length, u64 return_length_va, const void *data, u32 size, bool exact)
{
	if (return_length_va && COPY_OUT(user_ptr(return_length_va), &size))
		return NT(ACCESS_VIOLATION);
	length = (u32)length;
	if (exact ? length != size : length < size)
		return NT(INFO_LENGTH_MISMATCH);
	return copy_out(user_ptr(va), data, size) ? NT(ACCESS_VIOLATION) : 0;
}

u64 nt_system_time(void) { return nt_time_from_ns(time_wall_ns()); }

s64 nt_deadline_in(u64 va, u64 *deadline_ns)
{
	s64 ticks;
	*deadline_ns = DEADLINE_NEVER;
	if (!va)
		return 0;
	if (COPY_IN(&ticks, user_ptr(va)))
		return NT(ACCESS_VIOLATION);
	*deadline_ns = nt_deadline(ticks);
	return 0;
}

/* Negative: relative; positive: since 1601; the largest value of either sign never comes. */
u64 nt_deadline(s64 ticks)
{
	if (ticks == 0)
		return 0;
	if (ticks == INT64_MAX || ticks == INT64_MIN)
		return DEADLINE_NEVER;
	if (ticks < 0) {
		u64 relative = (u64)-ticks;
		return relative > UINT64_MAX / 200 ? DEADLINE_NEVER : deadline_from_relative(relative * 100);
	}
	u64 now = nt_system_time();
	if ((u64)ticks <= now)
		return 0;
	u64 left = (u64)ticks - now;
	return left > UINT64_MAX / 200 ? DEADLINE_NEVER : deadline_from_realtime(time_wall_ns() + left * 100);
}
