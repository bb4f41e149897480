// SPDX-License-Identifier: MIT
/* NtQueryInformationThread and NtSetInformationThread. A class that is not here is INVALID_INFO_CLASS. */
#include "nt_internal.h"
#include "linux.h"
#include "../../lib/base/string.h"

enum thread_class {
	CLASS_BASIC = 0, CLASS_TIMES = 1, CLASS_PRIORITY = 2, CLASS_BASE_PRIORITY = 3, CLASS_AFFINITY = 4, CLASS_IMPERSONATION = 5,
	CLASS_START_ADDRESS = 9, CLASS_ZERO_TLS = 10,
	CLASS_LAST_THREAD = 12, CLASS_IDEAL_PROCESSOR = 13, CLASS_PRIORITY_BOOST = 14, CLASS_IO_PENDING = 16,
	CLASS_HIDE = 17, CLASS_BREAK_ON_TERMINATION = 18, CLASS_IS_TERMINATED = 20, CLASS_IO_PRIORITY = 22, CLASS_CYCLES = 23,
	CLASS_PAGE_PRIORITY = 24, CLASS_GROUP = 30, CLASS_IDEAL_PROCESSOR_EX = 33, CLASS_SUSPEND_COUNT = 35, CLASS_NAME = 38,
};
#define STILL_ACTIVE 0x103u
#define NAME_BYTES_MAX 65534u

struct basic { u32 exit_status, unused; u64 teb, pid, tid, affinity; s32 priority, base_priority; };
struct times { u64 created, exited, kernel, user; };
struct group { u64 mask; u16 group, reserved[3]; };
struct text { u16 bytes, maximum; u32 unused; u64 buffer; };
_Static_assert(sizeof(struct basic) == 48 && sizeof(struct group) == 16, "THREAD_*_INFORMATION");

static u64 affinity_all(void) { return cpu_count >= 64 ? UINT64_MAX : BIT(cpu_count) - 1; }

/* Both priorities are the increment: kernelbase's GetThreadPriority gives `priority` to its caller. */
static struct basic basic_of(struct thread *t)
{
	struct nt_thread *n = t->nt;
	return (struct basic){
		.exit_status = n && n->exited.state ? n->exit_code : STILL_ACTIVE, .teb = n ? n->teb : 0, .pid = t->process->pid,
		.tid = nt_thread_id(t->tid),
		.affinity = t->affinity & affinity_all(), .priority = n ? n->base_priority : 0, .base_priority = n ? n->base_priority : 0,
	};
}

static struct times times_of(struct thread *t)
{
	u64 user, system;
	thread_times(t, &user, &system);
	struct times r = { .kernel = system / 100, .user = user / 100 };
	if (t->nt)
		r.created = nt_time_from_ns(t->nt->create_time_ns);
	if (t->nt && t->nt->exit_time_ns)
		r.exited = nt_time_from_ns(t->nt->exit_time_ns);
	return r;
}

static s64 name_out(const u64 *a, struct thread *t)
{
	u32 bytes = t->nt ? t->nt->description_bytes : 0;
	u16 *copy = kmalloc(bytes + sizeof(u16));
	if (!copy)
		return ERR_NOMEM;
	spin_lock(&nt_dispatcher_lock);
	bytes = t->nt ? MIN(bytes, t->nt->description_bytes) : 0;
	if (bytes)
		memcpy(copy, t->nt->description, bytes);
	spin_unlock(&nt_dispatcher_lock);
	struct text head = { (u16)bytes, (u16)bytes, 0, a[2] + sizeof(head) };
	u32 size = (u32)sizeof(head) + bytes;
	s64 st = 0;
	if (a[4] && COPY_OUT(user_ptr(a[4]), &size))
		st = NT(ACCESS_VIOLATION);
	else if ((u32)a[3] < size)
		st = NT(BUFFER_TOO_SMALL);
	else if (COPY_OUT(user_ptr(a[2]), &head) || (bytes && copy_out(user_ptr(head.buffer), copy, bytes)))
		st = NT(ACCESS_VIOLATION);
	kfree(copy);
	return st;
}

static s64 word_out(const u64 *a, u32 value) { return NT_INFORMATION_OF(value, a); }

static s64 query(const u64 *a, struct thread *t)
{
	struct basic basic = basic_of(t);
	struct times times = times_of(t);
	struct group group = { .mask = basic.affinity };
	u64 start = t->nt ? t->nt->start_address : 0, cycles[2] = { (times.kernel + times.user) * 100, 0 };
	u8 hidden = t->nt && t->nt->hidden;
	switch ((u32)a[1]) {
	case CLASS_BASIC: return NT_INFORMATION_OF(basic, a);
	case CLASS_TIMES: return NT_INFORMATION_OF(times, a);
	case CLASS_AFFINITY: return NT_INFORMATION_OF(basic.affinity, a);
	case CLASS_START_ADDRESS: return NT_INFORMATION_OF(start, a);
	case CLASS_LAST_THREAD: return word_out(a, t->process->thread_count == 1);
	case CLASS_PRIORITY_BOOST: return word_out(a, t->nt ? t->nt->no_boost : 0);
	case CLASS_IO_PENDING: return word_out(a, 0);
	case CLASS_HIDE: return NT_INFORMATION_OF(hidden, a);
	case CLASS_BREAK_ON_TERMINATION: return word_out(a, 0);
	case CLASS_IS_TERMINATED: return word_out(a, t->nt ? t->nt->exited.state > 0 : t->exiting);
	case CLASS_IO_PRIORITY: return word_out(a, t->nt ? t->nt->io_priority : NT_IO_PRIORITY_NORMAL);
	case CLASS_PAGE_PRIORITY: return word_out(a, t->nt ? t->nt->page_priority : NT_PAGE_PRIORITY_NORMAL);
	case CLASS_CYCLES: return NT_INFORMATION_OF(cycles, a);
	case CLASS_GROUP: return NT_INFORMATION_OF(group, a);
	case CLASS_IDEAL_PROCESSOR_EX: return word_out(a, 0);
	case CLASS_SUSPEND_COUNT: return word_out(a, t->nt ? t->nt->suspend_count : 0);
	case CLASS_NAME: return name_out(a, t);
	default: return NT(INVALID_INFO_CLASS);
	}
}

static u32 query_access(u32 class)
{
	switch (class) {
	case CLASS_BASIC:
	case CLASS_TIMES:
	case CLASS_LAST_THREAD:
	case CLASS_PRIORITY_BOOST:
	case CLASS_IS_TERMINATED:
	case CLASS_CYCLES:
	case CLASS_GROUP:
	case CLASS_IDEAL_PROCESSOR_EX:
	case CLASS_SUSPEND_COUNT:
	case CLASS_NAME: return NT_THREAD_QUERY_LIMITED_INFORMATION;
	default: return NT_THREAD_QUERY_INFORMATION;
	}
}

NT_HANDLER(QueryInformationThread)
{
	struct thread *t;
	s64 st = nt_thread_get(a[0], query_access((u32)a[1]), &t);
	if (st)
		return st;
	st = query(a, t);
	thread_put(t);
	return st;
}

/* ---- changes ---- */
static s64 set_name(const u64 *a, struct thread *t)
{
	struct text u;
	u16 *name = NULL;
	if ((u32)a[3] != sizeof(u))
		return NT(INFO_LENGTH_MISMATCH);
	if (COPY_IN(&u, user_ptr(a[2])))
		return NT(ACCESS_VIOLATION);
	if (u.bytes > NAME_BYTES_MAX || (u.bytes && !(name = kmalloc(u.bytes))))
		return ERR_NOMEM;
	if (u.bytes && copy_in(name, user_ptr(u.buffer), u.bytes)) {
		kfree(name);
		return NT(ACCESS_VIOLATION);
	}
	spin_lock(&nt_dispatcher_lock);
	u16 *old = t->nt->description;
	t->nt->description = name;
	t->nt->description_bytes = u.bytes;
	spin_unlock(&nt_dispatcher_lock);
	kfree(old);
	u32 n = 0;
	for (; n < sizeof(t->name) - 1 && n < u.bytes / 2u; n++)
		t->name[n] = name[n] < 0x80 ? (char)name[n] : '?';
	if (n)
		t->name[n] = '\0';
	return 0;
}

static s64 set_affinity(struct thread *t, u64 mask)
{
	if (!mask || (mask & ~affinity_all()))
		return NT(INVALID_PARAMETER);
	sched_set_affinity(t, mask);
	return 0;
}

static u32 input_size(u32 class)
{
	switch (class) {
	case CLASS_ZERO_TLS:
	case CLASS_BASE_PRIORITY:
	case CLASS_IDEAL_PROCESSOR:
	case CLASS_PRIORITY_BOOST:
	case CLASS_IO_PRIORITY:
	case CLASS_IDEAL_PROCESSOR_EX:
	case CLASS_PAGE_PRIORITY: return 4;
	case CLASS_AFFINITY:
	case CLASS_IMPERSONATION:
	case CLASS_START_ADDRESS: return 8;
	case CLASS_GROUP: return sizeof(struct group);
	default: return 0;
	}
}

static s64 set_number(u32 class, struct thread *t, const struct group *in)
{
	u32 value = (u32)in->mask;
	switch (class) {
	case CLASS_BASE_PRIORITY: return nt_priority_set_increment(t, (s32)value);
	case CLASS_AFFINITY: return set_affinity(t, value == UINT32_MAX ? affinity_all() : in->mask); /* the low half alone says "all" */
	case CLASS_GROUP: return in->group ? NT(INVALID_PARAMETER) : set_affinity(t, in->mask);
	case CLASS_ZERO_TLS: return t->process == process_current() ? nt_thread_zero_tls(value) : NT(INVALID_PARAMETER);
	case CLASS_IMPERSONATION: return nt_thread_impersonate(t, in->mask);
	case CLASS_START_ADDRESS: t->nt->start_address = in->mask; return 0;
	case CLASS_IDEAL_PROCESSOR: return value <= 64 ? 0 : NT(INVALID_PARAMETER); /* a hint; the previous one is 0 */
	case CLASS_IDEAL_PROCESSOR_EX: return 0;
	case CLASS_PRIORITY_BOOST: t->nt->no_boost = value != 0; return 0;
	case CLASS_IO_PRIORITY: return nt_io_priority_set(&t->nt->io_priority, value);
	default: return nt_page_priority_set(&t->nt->page_priority, value);
	}
}

static s64 set(const u64 *a, struct thread *t)
{
	struct group in = { 0 };
	u32 class = (u32)a[1], size = input_size(class);
	if (class == CLASS_NAME)
		return set_name(a, t);
	if (class == CLASS_HIDE) {
		t->nt->hidden = true;
		return (u32)a[3] ? NT(INFO_LENGTH_MISMATCH) : 0;
	}
	if (!size)
		return NT(INVALID_INFO_CLASS);
	if ((u32)a[3] != size)
		return NT(INFO_LENGTH_MISMATCH);
	if (copy_in(&in, user_ptr(a[2]), size))
		return NT(ACCESS_VIOLATION);
	return set_number(class, t, &in);
}

static u32 set_access(u32 class)
{
	switch (class) {
	case CLASS_BASE_PRIORITY:
	case CLASS_PRIORITY_BOOST:
	case CLASS_IDEAL_PROCESSOR:
	case CLASS_IDEAL_PROCESSOR_EX:
	case CLASS_NAME: return NT_THREAD_SET_LIMITED_INFORMATION;
	case CLASS_IMPERSONATION: return NT_THREAD_SET_TOKEN;
	default: return NT_THREAD_SET_INFORMATION;
	}
}

NT_HANDLER(SetInformationThread)
{
	struct thread *t;
	s64 st = nt_thread_get(a[0], set_access((u32)a[1]), &t);
	if (st)
		return st;
	st = t->nt ? set(a, t) : NT(NOT_SUPPORTED);
	thread_put(t);
	return st;
}
