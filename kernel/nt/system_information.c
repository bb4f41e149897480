// SPDX-License-Identifier: MIT
/* NtQuerySystemInformation(Ex), NtPowerInformation. Classes that no program here asked for are INVALID_INFO_CLASS.
 * Layouts: SYSTEM_*_INFORMATION of winternl.h, 64-bit. */
#include "nt_internal.h"
#include "nt_memory.h"

#include "linux.h"
#include "nt_text.h"
#include "random.h"
#include "string.h"

#define LOWEST_ADDRESS 0x10000ull
#define HIGHEST_ADDRESS 0x7ffffffeffffull
#define TIMER_RESOLUTION 10000u        /* 1 ms in 100 ns */
#define FAMILY_MODEL_MAX 64u
#define PROCESS_BYTES_MAX (4u << 20)   /* of one answer about all processes */
enum { SYSTEM_BASIC = 0, SYSTEM_PROCESSOR = 1, SYSTEM_PERFORMANCE = 2, SYSTEM_TIME = 3, SYSTEM_PROCESSES = 5, SYSTEM_PROCESSOR_TIMES = 8,
	SYSTEM_FILE_CACHE = 21, SYSTEM_INTERRUPTS = 23, SYSTEM_TIME_ADJUSTMENT = 28, SYSTEM_KERNEL_DEBUGGER = 35, SYSTEM_REGISTRY_QUOTA = 37,
	SYSTEM_EMULATION_BASIC = 62, SYSTEM_LOGICAL_PROCESSORS = 73, SYSTEM_FIRMWARE = 76,
	SYSTEM_LOGICAL_PROCESSORS_EX = 107, SYSTEM_SUPPORTED_PROCESSORS = 181, SYSTEM_CPU_SETS = 175 };

struct basic { u32 reserved, timer_resolution, page_size, pages, lowest_page, highest_page, granularity, unused; u64 lowest,
	highest, affinity;
	u8 processors, unused2[7]; };
struct processor { u16 architecture, level, revision, maximum; u32 features; };
struct performance { u64 idle_time; u8 io[36]; u32 available_pages, committed_pages, commit_limit, peak_commitment;
	u8 rest[252]; } __attribute__((packed));
struct time_of_day { u64 boot, now; s64 bias; u32 zone, unused; u64 boot_bias, sleep_bias; };
struct processor_times { u64 idle, kernel, user, dpc, interrupt; u32 interrupts, unused; };
struct interrupts { u32 context_switches, dpc_count, dpc_rate, time_increment, dpc_bypass, apc_bypass; };
_Static_assert(sizeof(struct basic) == 64 && sizeof(struct processor) == 12 && sizeof(struct processor_times) == 48 &&
	sizeof(struct time_of_day) == 48 && sizeof(struct performance) == 312, "layout");

static u64 cpu_idle_ns(u32 i) { return MIN(sched_thread_runtime_ns(cpus[i]->idle), time_now_ns()); }

struct answer { u64 va, length, return_va; };

static s64 put(const struct answer *o, const void *data, u32 size, bool exact)
{
	return nt_query_out(o->va, o->length, o->return_va, data, size, exact);
}

static void fill_basic(struct basic *b)
{
	struct mm_stats m;
	mm_stats_read(&m);
	*b = (struct basic){ .timer_resolution = TIMER_RESOLUTION, .page_size = PAGE_SIZE, .pages = (u32)m.total_pages, .lowest_page = 1,
		.highest_page = (u32)m.total_pages, .granularity = NT_ALLOCATION_GRANULARITY, .lowest = LOWEST_ADDRESS,
		.highest = HIGHEST_ADDRESS, .affinity = cpu_count >= 64 ? UINT64_MAX : (1ull << cpu_count) - 1, .processors = (u8)cpu_count };
}

static void cpuid(u32 leaf, u32 *a, u32 *b, u32 *c, u32 *d)
{
	__asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(leaf), "c"(0));
}

static void fill_processor(struct processor *p)
{
	u32 a, b, c, d;
	cpuid(1, &a, &b, &c, &d);
	u32 family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 255 : 0);
	u32 model = (a >> 4 & 15) | (a >> 12 & 0xf0);
	*p = (struct processor){ .architecture = 9 /* AMD64 */, .level = (u16)family, .revision = (u16)(model << 8 | (a & 15)),
		.maximum = (u16)cpu_count, .features = 0 };
}

static s64 query_performance(const struct answer *o)
{
	struct mm_stats m;
	struct performance *p = kzalloc(sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	mm_stats_read(&m);
	for (u32 i = 0; i < cpu_count; i++)
		p->idle_time += cpu_idle_ns(i) / 100;
	p->available_pages = (u32)(m.free_pages + m.cache_pages);
	p->committed_pages = (u32)(m.total_pages - m.free_pages);
	p->commit_limit = (u32)m.total_pages;
	p->peak_commitment = p->committed_pages;
	s64 st = put(o, p, sizeof(*p), false);
	kfree(p);
	return st;
}

static s64 query_time(const struct answer *o)
{
	struct time_of_day t = { .boot = nt_time_from_ns(time_boot_wall_ns()), .now = nt_system_time() };
	u32 n = (u32)MIN(o->length, (u64)sizeof(t));
	if (o->return_va && COPY_OUT(user_ptr(o->return_va), &n))
		return NT(ACCESS_VIOLATION);
	if (o->length > sizeof(t))
		return NT(INFO_LENGTH_MISMATCH);
	return copy_out(user_ptr(o->va), &t, n);
}

static s64 query_processor_times(const struct answer *o)
{
	u32 size = cpu_count * (u32)sizeof(struct processor_times);
	struct processor_times *t = kzalloc(size);
	if (!t)
		return ERR_NOMEM;
	for (u32 i = 0; i < cpu_count; i++) {
		u64 user, nice, system, idle = cpu_idle_ns(i);
		cputime_of_cpu(cpus[i], time_now_ns() > idle ? time_now_ns() - idle : 0, &user, &nice, &system);
		t[i].idle = idle / 100;
		t[i].user = (user + nice) / 100;
		t[i].kernel = (system + idle) / 100; /* the kernel time of Windows contains the idle time */
	}
	s64 st = put(o, t, size, false);
	kfree(t);
	return st;
}

/* ---- processes: SYSTEM_PROCESS_INFORMATION with its threads ---- */
struct process_entry {
	u32 next, threads; u64 unused[3]; u64 created, user, kernel; u16 name_bytes, name_maximum; u32 unused2; u64 name_va;
	u32 base_priority, unused3; u64 pid, parent; u32 handles, session; u64 unique_key;
	u64 peak_virtual, virtual; u32 faults, unused4; u64 peak_working_set, working_set, pools[4], pagefile, peak_pagefile,
		private_pages, io[6];
};
struct thread_entry { u64 kernel, user, created; u32 wait_time, unused; u64 start; u64 pid, tid; u32 priority,
	base_priority, switches, state,
	reason, unused2; };
_Static_assert(sizeof(struct process_entry) == 256 && sizeof(struct thread_entry) == 80, "SYSTEM_PROCESS_INFORMATION");

struct listing { u8 *data; u32 used, room, last; u64 va; };

static u32 threads_of(struct process *p, u32 *tids, u32 max)
{
	u32 count = 0;
	spin_lock(&process_tree_lock);
	list_for_each(t, &p->threads, struct thread, process_link)
		if (count < max)
			tids[count++] = t->tid;
	spin_unlock(&process_tree_lock);
	return count;
}

#define THREADS_SHOWN_MAX 128u   /* per process: their numbers are on the kernel stack */

static void add_process(struct listing *l, struct process *p)
{
	u32 tids[THREADS_SHOWN_MAX];
	char name[16];
	u16 wide[16];
	u32 count = threads_of(p, tids, THREADS_SHOWN_MAX);
	struct aspace *as = process_aspace_get(p);
	struct fdtable *fds = process_fds_get(p);
	str_copy(name, p->leader && !p->zombie ? p->leader->name : p->last_name, sizeof(name));
	s64 units = nt_from_utf8(name, (u32)strlen(name), wide, ARRAY_SIZE(wide));
	u32 at = ALIGN_UP(l->used, 8), names = at + (u32)sizeof(struct process_entry) + count * (u32)sizeof(struct thread_entry);
	u32 end = names + (u32)(units > 0 ? units : 0) * 2 + 2;
	u64 user = 0, system = 0;
	process_times(p, &user, &system);
	if (end <= l->room) {
		struct process_entry e = { .threads = count, .created = nt_time_from_ns(time_boot_wall_ns() + p->start_ns), .user = user / 100,
			.kernel = system / 100, .name_bytes = (u16)(units * 2), .name_maximum = (u16)(units * 2 + 2), .name_va = l->va + names,
			.base_priority = 8, .pid = p->pid, .parent = p->parent ? p->parent->pid : 0, .handles = fds ? fdtable_count(fds) : 0,
			.virtual = as ? as->mapped_pages << PAGE_SHIFT : 0, .working_set = as ? as->resident_pages << PAGE_SHIFT : 0 };
		memcpy(l->data + at, &e, sizeof(e));
		for (u32 i = 0; i < count; i++) {
			struct thread_entry t = { .pid = p->pid, .tid = nt_thread_id(tids[i]), .priority = 8, .base_priority = 8, .state = 5,
				.created = e.created };
			memcpy(l->data + at + sizeof(e) + i * sizeof(t), &t, sizeof(t));
		}
		memcpy(l->data + names, wide, e.name_maximum);
		if (l->used) {
			u32 next = at - l->last;
			memcpy(l->data + l->last, &next, 4);
		}
		l->last = at;
	}
	l->used = end;
	if (as)
		aspace_put(as);
	if (fds)
		fdtable_put(fds);
}

static s64 query_processes(const struct answer *o)
{
	struct listing l = { .room = (u32)MIN(o->length, (u64)PROCESS_BYTES_MAX), .va = o->va };
	l.data = kzalloc(MAX(l.room, 8u));
	if (!l.data)
		return ERR_NOMEM;
	for (struct process *p = process_next(0), *next; p; p = next) {
		if (!(p->flags & PROC_SERVICE))
			add_process(&l, p);
		next = process_next(p->pid + 1);
		process_put(p);
	}
	s64 st = 0;
	if (o->return_va && COPY_OUT(user_ptr(o->return_va), &l.used))
		st = NT(ACCESS_VIOLATION);
	else if (l.used > l.room)
		st = NT(INFO_LENGTH_MISMATCH);
	else
		st = copy_out(user_ptr(o->va), l.data, l.used);
	kfree(l.data);
	return st;
}

/* Counters of interrupts per processor, which nobody reads as such: advapi32's RtlGenRandom takes them for random bytes,
 * as they are under Wine. So they are. */
static s64 query_interrupts(const struct answer *o)
{
	u32 size = cpu_count * (u32)sizeof(struct interrupts);
	struct interrupts *all = kmalloc(size);
	if (!all)
		return ERR_NOMEM;
	random_bytes(all, size);
	s64 st = put(o, all, size, true);
	kfree(all);
	return st;
}

/* ---- the calls ---- */
static s64 query_small(const struct answer *o, u32 class)
{
	union { struct basic basic; struct processor processor; u32 words[16]; u64 wide[8]; u8 bytes[64]; } u;
	memset(&u, 0, sizeof(u));
	switch (class) {
	case SYSTEM_BASIC:
	case SYSTEM_EMULATION_BASIC:
		fill_basic(&u.basic);
		return put(o, &u, sizeof(u.basic), true);
	case SYSTEM_PROCESSOR:
		fill_processor(&u.processor);
		return put(o, &u, sizeof(u.processor), false);
	case SYSTEM_FILE_CACHE: {
		struct mm_stats m;
		mm_stats_read(&m);
		u.wide[0] = u.wide[1] = m.cache_pages << PAGE_SHIFT;
		return put(o, &u, 64, false);
	}
	case SYSTEM_TIME_ADJUSTMENT:
		u.words[0] = u.words[1] = 156250;
		u.bytes[8] = 1;
		return put(o, &u, 12, true);
	case SYSTEM_KERNEL_DEBUGGER:
		u.bytes[1] = 1; /* not present */
		return put(o, &u, 2, false);
	case SYSTEM_REGISTRY_QUOTA:
		u.words[0] = MIB(32);
		return put(o, &u, 16, false);
	default:
		return NT(INVALID_INFO_CLASS);
	}
}

NT_HANDLER(QuerySystemInformation)
{
	struct answer o = { a[1], (u32)a[2], a[3] };
	switch ((u32)a[0]) {
	case SYSTEM_PERFORMANCE:
		return query_performance(&o);
	case SYSTEM_TIME:
		return query_time(&o);
	case SYSTEM_PROCESSES:
		return query_processes(&o);
	case SYSTEM_PROCESSOR_TIMES:
		return query_processor_times(&o);
	case SYSTEM_LOGICAL_PROCESSORS:
		return nt_query_logical_processors(o.va, o.length, o.return_va);
	case SYSTEM_INTERRUPTS:
		return query_interrupts(&o);
	default:
		return query_small(&o, (u32)a[0]);
	}
}

NT_HANDLER(QuerySystemInformationEx)
{
	struct answer o = { a[3], (u32)a[4], a[5] };
	u32 input;
	if (!a[1] || (u32)a[2] < sizeof(input))
		return NT(INVALID_PARAMETER);
	s64 st = copy_in(&input, user_ptr(a[1]), sizeof(input));
	if (st)
		return st;
	switch ((u32)a[0]) {
	case SYSTEM_LOGICAL_PROCESSORS_EX:
		return nt_query_logical_processors_ex(input, o.va, o.length, o.return_va);
	case SYSTEM_SUPPORTED_PROCESSORS: {
		u32 machines[2] = { 0x8664 | 1u << 16 | 1u << 17 | 1u << 18, 0 }; /* AMD64: kernel, user, native */
		return put(&o, machines, sizeof(machines), false);
	}
	default:
		return NT(INVALID_INFO_CLASS);
	}
}

NT_HANDLER(SetSystemInformation) { return NT(PRIVILEGE_NOT_HELD); }

/* ProcessorInformation (11) and SystemPowerCapabilities (4), SystemBatteryState (5): a machine without battery. */
NT_HANDLER(PowerInformation)
{
	struct { u32 number, maximum_mhz, mhz, limit_mhz, idle_maximum, idle; } p;
	u8 zero[76] = { 0 };
	if (a[1] || (u32)a[2])
		return NT(INVALID_PARAMETER);
	if ((u32)a[0] == 4 || (u32)a[0] == 5) {
		u32 size = (u32)a[0] == 4 ? 76 : 32;
		if ((u32)a[4] < size)
			return NT(BUFFER_TOO_SMALL);
		zero[0] = 1; /* power button; mains */
		return copy_out(user_ptr(a[3]), zero, size);
	}
	if ((u32)a[0] != 11)
		return NT(NOT_IMPLEMENTED);
	if ((u32)a[4] < sizeof(p) * cpu_count)
		return NT(BUFFER_TOO_SMALL);
	for (u32 i = 0; i < cpu_count; i++) {
		p = (__typeof__(p)){ .number = i, .maximum_mhz = 1000, .mhz = 1000, .limit_mhz = 1000 };
		if (copy_out(user_ptr(a[3] + i * sizeof(p)), &p, sizeof(p)))
			return NT(ACCESS_VIOLATION);
	}
	return 0;
}
