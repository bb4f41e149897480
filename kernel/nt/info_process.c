// SPDX-License-Identifier: MIT
/* NtQueryInformationProcess and NtSetInformationProcess: the classes that kernelbase, runtimes and process lists ask.
 * A class that is not here is INVALID_INFO_CLASS. Layouts: winternl.h and MSDN, 64-bit. */
#include "nt_internal.h"
#include "linux.h"
#include "nt_mount.h"
#include "nt_text.h"
#include "vfs.h"
#include "../../lib/base/string.h"

enum process_class {
	CLASS_BASIC = 0, CLASS_QUOTA = 1, CLASS_IO_COUNTERS = 2, CLASS_VM_COUNTERS = 3, CLASS_TIMES = 4, CLASS_BASE_PRIORITY = 5,
	CLASS_DEBUG_PORT = 7, CLASS_ERROR_MODE = 12, CLASS_PRIORITY_CLASS = 18, CLASS_HANDLE_COUNT = 20, CLASS_AFFINITY = 21,
	CLASS_PRIORITY_BOOST = 22, CLASS_DEVICE_MAP = 23, CLASS_SESSION = 24, CLASS_WOW64 = 26, CLASS_IMAGE_NAME = 27,
	CLASS_BREAK_ON_TERMINATION = 29, CLASS_DEBUG_OBJECT = 30, CLASS_DEBUG_FLAGS = 31, CLASS_IO_PRIORITY = 33,
	CLASS_EXECUTE_FLAGS = 34, CLASS_COOKIE = 36, CLASS_CYCLES = 38, CLASS_PAGE_PRIORITY = 39, CLASS_IMAGE_NAME_WIN32 = 43,
	CLASS_GROUP = 47, CLASS_COMMAND_LINE = 60, CLASS_POWER_THROTTLING = 77, CLASS_CONTROL_ROUTINE = 0x4000,
};
#define EXECUTE_FLAGS 0xdu   /* data is not executable, permanently */

struct basic { u32 exit_status, unused; u64 peb, affinity; s32 priority, unused2; u64 pid, parent; };
struct vm_counters { u64 peak_virtual, virtual; u32 faults, unused; u64 peak_working, working, peak_paged, paged, peak_nonpaged, nonpaged,
	pagefile, peak_pagefile, private; };
struct times { u64 created, exited, kernel, user; };
struct quota { u64 paged, nonpaged, minimum, maximum, pagefile; s64 time; };
_Static_assert(sizeof(struct basic) == 48 && sizeof(struct vm_counters) == 96, "PROCESS_*_INFORMATION");

static u64 affinity_all(void) { return cpu_count >= 64 ? UINT64_MAX : BIT(cpu_count) - 1; }

/* The priority is the class's number, not its level: kernelbase's GetPriorityClass reads it so. */
static struct basic basic_of(struct process *p)
{
	struct thread *leader = p->leader;
	return (struct basic){
		.exit_status = nt_exit_code(p), .peb = p->nt ? p->nt->peb : 0,
		.affinity = leader && !p->zombie ? leader->affinity & affinity_all() : affinity_all(),
		.priority = p->nt ? (s32)p->nt->priority_class : NT_CLASS_NORMAL,
		.pid = p->pid, .parent = p->nt ? p->nt->parent_pid : 0,
	};
}

static struct vm_counters memory_of(struct process *p)
{
	struct aspace *as = process_aspace_get(p);
	struct vm_counters m = { .faults = (u32)p->minor_faults };
	if (!as)
		return m;
	m.virtual = m.peak_virtual = as->mapped_pages * PAGE_SIZE;
	m.working = as->resident_pages * PAGE_SIZE;
	m.peak_working = MAX(as->resident_pages, p->max_rss_pages) * PAGE_SIZE;
	m.pagefile = m.peak_pagefile = m.private = as->data_pages * PAGE_SIZE;
	aspace_put(as);
	return m;
}

static struct times times_of(struct process *p)
{
	u64 user, system;
	process_times(p, &user, &system);
	struct times t = { .created = nt_time_from_ns(p->start_ns + time_boot_wall_ns()), .kernel = system / 100, .user = user / 100 };
	if (p->zombie && p->nt)
		t.exited = nt_time_from_ns(p->nt->exit_time_ns);
	return t;
}

static u32 handles_of(struct process *p)
{
	struct fdtable *t = process_fds_get(p);
	u32 count = t ? fdtable_count(t) : 0;
	if (t)
		fdtable_put(t);
	return count;
}

/* ---- names: C:\ is the tree under drive_c, everything else Z:\ ---- */
#define HEAD_MAX 40u /* C: or \Device\HarddiskVolume1 */
#define IMAGE_PATH_MAX 4096u

/* kmalloc'd, with a NUL behind it. */
static s64 nt_text_joined(struct nt_string *out, const char *head, const char *path)
{
	u32 head_bytes = (u32)strlen(head), path_bytes = (u32)strlen(path);
	u16 *text = kmalloc((head_bytes + path_bytes + 1) * sizeof(u16));
	if (!text)
		return ERR_NOMEM;
	s64 chars = nt_path_from_utf8(head, head_bytes, text, head_bytes); /* there is a unit for each byte: neither can fail */
	chars += nt_path_from_utf8(path, path_bytes, text + chars, path_bytes);
	text[chars] = 0;
	*out = (struct nt_string){ text, (u32)chars * 2 };
	return 0;
}

/* Path of the program: with a drive letter, or below its volume's device. kmalloc'd text. */
static s64 image_path(struct process *p, bool win32, struct nt_string *out)
{
	char *path = kmalloc(IMAGE_PATH_MAX);
	struct fs_context *fs = fs_context_initial();
	spin_lock(&process_tree_lock);
	struct file *exe = p->exe;
	if (exe)
		file_get(exe);
	spin_unlock(&process_tree_lock);
	s64 n = path && fs && exe ? vfs_path_of(exe->where, fs->root, path, IMAGE_PATH_MAX) : ERR_NOMEM;
	if (exe)
		file_put(exe);
	if (fs)
		fs_context_put(fs);
	if (n >= 0 && n < (s64)IMAGE_PATH_MAX) {
		path[n] = '\0';
		u32 skip;
		char head[HEAD_MAX];
		const struct nt_volume *v = nt_volume_of(path, &skip);
		if (win32)
			(void)fmt_snprintf(head, sizeof(head), "%c:", v->letter);
		else
			(void)fmt_snprintf(head, sizeof(head), "\\Device\\%s", v->device);
		n = nt_text_joined(out, head, path + skip);
	}
	kfree(path);
	return n < 0 ? n : 0;
}

static s64 name_out(const u64 *a, struct process *p, bool win32)
{
	struct nt_string s = { 0 };
	s64 st = image_path(p, win32, &s);
	if (st)
		return st;
	struct { u16 bytes, maximum; u32 unused; u64 text; } head = { (u16)s.bytes, (u16)(s.bytes + 2), 0, a[2] + sizeof(head) };
	u32 size = (u32)sizeof(head) + s.bytes + 2;
	if (a[4] && COPY_OUT(user_ptr(a[4]), &size))
		st = NT(ACCESS_VIOLATION);
	else if ((u32)a[3] < size)
		st = NT(INFO_LENGTH_MISMATCH);
	else if (COPY_OUT(user_ptr(a[2]), &head) || copy_out(user_ptr(head.text), s.text, s.bytes + 2))
		st = NT(ACCESS_VIOLATION);
	nt_string_free(&s);
	return st;
}

/* ---- queries ---- */
static s64 word_out(const u64 *a, u32 value) { return NT_INFORMATION_OF(value, a); }
static s64 quad_out(const u64 *a, u64 value) { return NT_INFORMATION_OF(value, a); }

static s64 vm_out(const u64 *a, struct process *p)
{
	struct vm_counters m = memory_of(p);
	u32 size = (u32)a[3] < sizeof(m) ? sizeof(m) - sizeof(u64) : sizeof(m); /* with PrivateUsage, or the older form */
	return nt_query_out(a[2], a[3], a[4], &m, size, false);
}

static s64 cookie_out(const u64 *a, struct process *p)
{
	if (p != process_current())
		return NT(INVALID_PARAMETER);
	return word_out(a, p->nt->cookie);
}

static s64 query_number(const u64 *a, struct process *p)
{
	u8 priority[2] = { 0, p->nt ? (u8)p->nt->priority_class : NT_CLASS_NORMAL };
	switch ((u32)a[1]) {
	case CLASS_DEBUG_PORT: return quad_out(a, 0);
	case CLASS_ERROR_MODE: return word_out(a, p->nt ? p->nt->error_mode : 0);
	case CLASS_PRIORITY_CLASS: return NT_INFORMATION_OF(priority, a);
	case CLASS_HANDLE_COUNT: return nt_query_out(a[2], a[3], a[4], &(u32[2]){ handles_of(p), handles_of(p) }, (u32)a[3] == 8 ? 8 : 4, true);
	case CLASS_AFFINITY: return quad_out(a, basic_of(p).affinity);
	case CLASS_PRIORITY_BOOST: return word_out(a, p->nt ? p->nt->no_boost : 0);
	case CLASS_SESSION: return word_out(a, 1);
	case CLASS_WOW64: return quad_out(a, 0);
	case CLASS_BREAK_ON_TERMINATION: return word_out(a, 0);
	case CLASS_DEBUG_OBJECT: return (u32)a[3] == 8 ? NT(PORT_NOT_SET) : NT(INFO_LENGTH_MISMATCH);
	case CLASS_DEBUG_FLAGS: return word_out(a, 1);
	case CLASS_IO_PRIORITY: return word_out(a, p->nt ? p->nt->io_priority : NT_IO_PRIORITY_NORMAL);
	case CLASS_PAGE_PRIORITY: return word_out(a, p->nt ? p->nt->page_priority : NT_PAGE_PRIORITY_NORMAL);
	case CLASS_EXECUTE_FLAGS: return word_out(a, EXECUTE_FLAGS);
	case CLASS_COOKIE: return cookie_out(a, p);
	default: return NT(INVALID_INFO_CLASS);
	}
}

static s64 query(const u64 *a, struct process *p)
{
	struct basic basic;
	struct times times;
	u64 io[6] = { 0 };
	struct quota quota = { UINT64_MAX, UINT64_MAX, 0x32000, 0x159000, UINT64_MAX, -1 };
	switch ((u32)a[1]) {
	case CLASS_BASIC:
		basic = basic_of(p);
		return NT_INFORMATION_OF(basic, a);
	case CLASS_QUOTA: return NT_INFORMATION_OF(quota, a);
	case CLASS_IO_COUNTERS: return NT_INFORMATION_OF(io, a);
	case CLASS_VM_COUNTERS: return vm_out(a, p);
	case CLASS_TIMES:
		times = times_of(p);
		return NT_INFORMATION_OF(times, a);
	case CLASS_CYCLES:
		times = times_of(p);
		io[0] = (times.user + times.kernel) * 100;
		return nt_query_out(a[2], a[3], a[4], io, 2 * sizeof(u64), true);
	case CLASS_IMAGE_NAME: return name_out(a, p, false);
	case CLASS_IMAGE_NAME_WIN32: return name_out(a, p, true);
	default: return query_number(a, p);
	}
}

NT_HANDLER(QueryInformationProcess)
{
	struct process *p;
	s64 st = nt_process_get(a[0], (u32)a[1] == CLASS_COOKIE ? 0 : NT_PROCESS_QUERY_LIMITED_INFORMATION, &p);
	if (st)
		return st;
	st = query(a, p);
	process_put(p);
	return st;
}

/* ---- changes ---- */
static s64 set_affinity(struct process *p, u64 mask)
{
	if (!mask || (mask & ~affinity_all()))
		return NT(INVALID_PARAMETER);
	spin_lock(&process_tree_lock);
	list_for_each(t, &p->threads, struct thread, process_link)
		sched_set_affinity(t, mask);
	spin_unlock(&process_tree_lock);
	return 0;
}

static u32 input_size(u32 class)
{
	switch (class) {
	case CLASS_PRIORITY_CLASS: return 2;
	case CLASS_AFFINITY:
	case CLASS_CONTROL_ROUTINE: return 8;
	case CLASS_ERROR_MODE:
	case CLASS_PRIORITY_BOOST:
	case CLASS_IO_PRIORITY:
	case CLASS_PAGE_PRIORITY:
	case CLASS_EXECUTE_FLAGS: return 4;
	default: return 0;
	}
}

static s64 set(const u64 *a, struct process *p)
{
	u64 value = 0;
	u32 size = input_size((u32)a[1]);
	if (!size)
		return NT(INVALID_INFO_CLASS);
	if ((u32)a[3] != size)
		return NT(INFO_LENGTH_MISMATCH);
	if (copy_in(&value, user_ptr(a[2]), size))
		return NT(ACCESS_VIOLATION);
	switch ((u32)a[1]) {
	case CLASS_ERROR_MODE: p->nt->error_mode = (u32)value; return 0;
	case CLASS_PRIORITY_CLASS: return nt_priority_set_class(p, (u32)value >> 8);
	case CLASS_AFFINITY: return set_affinity(p, value);
	case CLASS_PRIORITY_BOOST: p->nt->no_boost = value != 0; return 0;
	case CLASS_CONTROL_ROUTINE: p->nt->control_routine = value; return 0;
	case CLASS_IO_PRIORITY: return nt_io_priority_set(&p->nt->io_priority, (u32)value);
	case CLASS_PAGE_PRIORITY: return nt_page_priority_set(&p->nt->page_priority, (u32)value);
	default: return value == EXECUTE_FLAGS || value == (EXECUTE_FLAGS & 5) ? 0 : NT(ACCESS_DENIED); /* no executable data */
	}
}

NT_HANDLER(SetInformationProcess)
{
	struct process *p;
	s64 st = nt_process_get(a[0], NT_PROCESS_SET_INFORMATION, &p);
	if (st)
		return st;
	st = p->nt ? set(a, p) : NT(NOT_SUPPORTED);
	process_put(p);
	return st;
}
