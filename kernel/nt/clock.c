// SPDX-License-Identifier: MIT
/* Time for Windows programs: KUSER_SHARED_DATA at 0x7ffe0000 and the time calls. The page is one for all processes,
 * read-only there, and written at most every millisecond while a thread of such a process runs; so GetTickCount64 and
 * Go's clock move without a call. Readers take High1 and High2 around Low; the order of stores is High2, Low, High1. */
#include "nt_internal.h"
#include "linux.h"
#include "mm.h"
#include "trap.h"
#include "../../lib/base/string.h"

#define UPDATE_NS NSEC_PER_MSEC
#define TICKS_AT_START 10000u /* ms: kernelbase takes a count below its intervals (1 s) for "asked before" */
#define TICK_MULTIPLIER (1u << 24)      /* TickCount is in milliseconds then */
#define PERFORMANCE_FREQUENCY NT_TICKS_PER_SECOND
#define BUILD_NUMBER 19045u
#define PRODUCT_WORKSTATION 1u
#define ALIGNMENT_UNIT 0x10000u

struct system_time { u32 low; s32 high1, high2; };
struct shared_data {
	u32 tick_count_low, tick_multiplier;           /* 000 */
	struct system_time interrupt_time, system_time, time_zone_bias; /* 008 014 020 */
	u16 image_number_low, image_number_high;       /* 02c */
	u16 system_root[260];                          /* 030 */
	u32 max_stack_trace_depth, crypto_exponent, time_zone_id, large_page_minimum; /* 238 */
	u32 ait_sampling, app_compat_flag; u64 random_seed_version; u32 global_validation, time_zone_stamp; /* 248 */
	u32 build_number, product_type;                /* 260 264 */
	u8 product_type_valid, reserved0; u16 native_architecture; /* 268 26a */
	u32 major, minor;                              /* 26c 270 */
	u8 processor_features[64];                     /* 274 */
	u32 reserved1, reserved3, time_slip, alternative_architecture; /* 2b4 */
	u32 unused; u64 system_expiration;             /* 2c4 2c8 */
	u32 suite_mask; u8 debugger_enabled, mitigation; u16 cycles_per_yield; /* 2d0 */
	u32 active_console, dismount_count, com_plus, last_rit_tick; /* 2d8 */
	u32 physical_pages; u8 safe_boot, virtualization; u8 reserved12[2]; /* 2e8 */
	u32 shared_flags, reserved_pad; u64 test_ret;  /* 2f0 2f8 */
	s64 qpc_frequency; u32 system_call, reserved2; u64 system_pad[2]; /* 300 308 310 */
	struct system_time tick_count; u32 tick_pad;   /* 320 */
	u32 cookie, cookie_pad; s64 console_session; u64 time_update_lock, baseline_time, baseline_interrupt; /* 330 */
	u64 qpc_increment, interrupt_increment;        /* 358 */
	u16 qpc_data, active_group_count; u32 active_cycles; /* ... */
};
_Static_assert(offsetof(struct shared_data, build_number) == 0x260 && offsetof(struct shared_data, processor_features) == 0x274 &&
	       offsetof(struct shared_data, physical_pages) == 0x2e8 && offsetof(struct shared_data, qpc_frequency) == 0x300 &&
	       offsetof(struct shared_data, tick_count) == 0x320 && offsetof(struct shared_data, cookie) == 0x330, "KUSER_SHARED_DATA");
#define ACTIVE_PROCESSOR_COUNT 0x3c0u
#define ACTIVE_GROUP_COUNT 0x3c4u
#define XSTATE_AT 0x3d8u
#define XSTATE_FEATURES 64u
/* Standard format, so neither compaction nor sizes of "all features"; ends at 0x720. */
struct xstate_configuration {
	u64 enabled, enabled_volatile;
	u32 size, control;
	struct { u32 offset, size; } features[XSTATE_FEATURES];
	u64 supervisor, aligned;
	u32 all_size, all_sizes[XSTATE_FEATURES], pad;
	u64 user_supervisor;
};

static struct memobj *shared_object;
static struct shared_data *shared;
static u64 shared_updated_ns;

static void put_time(struct system_time *t, u64 value)
{
	__atomic_store_n(&t->high2, (s32)(value >> 32), __ATOMIC_RELEASE);
	__atomic_store_n(&t->low, (u32)value, __ATOMIC_RELEASE);
	__atomic_store_n(&t->high1, (s32)(value >> 32), __ATOMIC_RELEASE);
}

static void update(u64 now)
{
	u64 ticks = now / NSEC_PER_MSEC + TICKS_AT_START;
	put_time(&shared->interrupt_time, now / 100);
	put_time(&shared->system_time, nt_time_from_ns(now + time_boot_wall_ns()));
	put_time(&shared->tick_count, ticks);
	shared->tick_count_low = (u32)ticks;
}

/* Features that programs look for (winnt.h, PF_*); every CPU that we run on has the x86-64-v1 ones. */
static void put_features(struct shared_data *d)
{
	static const u8 always[] = { 2, 3, 6, 8, 9, 10, 12, 13, 14, 17, 20, 23, 28, 32 };
	for (u32 i = 0; i < sizeof(always); i++)
		d->processor_features[always[i]] = 1;
	u32 a = 1, b, c, dx;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(dx) : "2"(0));
	d->processor_features[36] = c >> 9 & 1;   /* SSSE3 */
	d->processor_features[37] = c >> 19 & 1;  /* SSE4.1 */
	d->processor_features[38] = c >> 20 & 1;  /* SSE4.2 */
	d->processor_features[39] = (c >> 28 & 1) && (c >> 27 & 1);  /* AVX */
	a = 7;
	c = 0;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(dx));
	d->processor_features[40] = d->processor_features[39] && (b >> 5 & 1); /* AVX2 */
	d->processor_features[22] = b & 1;        /* RDFSBASE */
}

static void put_xstate(struct shared_data *d)
{
	struct xstate_configuration *x = (void *)((u8 *)d + XSTATE_AT);
	x->enabled = x->enabled_volatile = fpu_features();
	x->size = (u32)fpu_area_size();
	for (u32 i = 0; i < XSTATE_FEATURES && x->enabled; i++) {
		u32 r[4] = { 160, 0 }; /* x87, then the SSE registers behind it */
		if (i == 1)
			r[0] = 256, r[1] = 160;
		else if (i)
			__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(0xd), "2"(i));
		if (x->enabled >> i & 1)
			x->features[i].size = r[0], x->features[i].offset = r[1];
	}
}

static void fill(struct shared_data *d)
{
	static const char root[] = "C:\\Windows";
	for (u32 i = 0; i < sizeof(root); i++)
		d->system_root[i] = (u8)root[i];
	d->tick_multiplier = TICK_MULTIPLIER;
	d->image_number_low = d->image_number_high = 0x8664;
	d->native_architecture = 9;
	d->build_number = BUILD_NUMBER;
	d->product_type = PRODUCT_WORKSTATION;
	d->product_type_valid = 1;
	d->major = 10;
	d->large_page_minimum = (u32)MIB(2);
	d->suite_mask = 0x100; /* single user terminal services */
	d->mitigation = 2;     /* NXSupportPolicy: opt in */
	d->active_console = 1;
	struct mm_stats memory;
	mm_stats_read(&memory);
	d->physical_pages = (u32)memory.total_pages;
	d->qpc_frequency = PERFORMANCE_FREQUENCY;
	u8 *bytes = (u8 *)d;
	memcpy(bytes + ACTIVE_PROCESSOR_COUNT, &cpu_count, sizeof(u32));
	bytes[ACTIVE_GROUP_COUNT] = 1;
	put_features(d);
	put_xstate(d);
}

static status_t shared_make(void)
{
	if (likely(__atomic_load_n(&shared_object, __ATOMIC_ACQUIRE)))
		return OK;
	struct memobj *o = memobj_create(PAGE_SIZE, NULL, NULL), *none = NULL;
	struct page *page;
	phys_t pa;
	status_t st = o ? memobj_get_page(o, 0, MEMOBJ_WRITE, &page, &pa) : ERR_NOMEM;
	if (st) {
		if (o)
			memobj_put(o);
		return st;
	}
	struct shared_data *d = phys_to_virt(pa); /* the page reference is kept for ever */
	fill(d);
	if (!__atomic_load_n(&shared, __ATOMIC_ACQUIRE))
		shared = d;
	update(time_now_ns());
	if (!__atomic_compare_exchange_n(&shared_object, &none, o, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		memobj_put(o); /* two first programs at once: cannot be, interrupts are off and nothing slept; harmless */
	return OK;
}

status_t nt_shared_data_map(struct aspace *as)
{
	status_t st = shared_make();
	struct map_request r = {
		.va = NT_SHARED_DATA_VA, .size = PAGE_SIZE, .prot = PROT_R, .max_prot = PROT_R,
		.flags = MAP_F_SHARED | MAP_F_FIXED | MAP_F_NOREPLACE,
		.obj = shared_object, .name = "[shared-data]",
	};
	u64 va;
	return st ? st : aspace_map(as, &r, &va);
}

u64 nt_clock_tick(u64 now)
{
	u64 last = __atomic_load_n(&shared_updated_ns, __ATOMIC_RELAXED);
	if (now - last >= UPDATE_NS && shared &&
	    __atomic_compare_exchange_n(&shared_updated_ns, &last, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		update(now);
	return now + UPDATE_NS;
}

/* ---- calls ---- */
NT_HANDLER(QuerySystemTime)
{
	u64 now = nt_system_time();
	return COPY_OUT(user_ptr(a[0]), &now) ? NT(ACCESS_VIOLATION) : 0;
}

NT_HANDLER(SetSystemTime)
{
	return NT(PRIVILEGE_NOT_HELD); /* the clock belongs to Linux's clock_settime and its capability */
}

NT_HANDLER(QueryPerformanceCounter)
{
	u64 now = time_now_ns() / 100, frequency = PERFORMANCE_FREQUENCY;
	if (COPY_OUT(user_ptr(a[0]), &now) || (a[1] && COPY_OUT(user_ptr(a[1]), &frequency)))
		return NT(ACCESS_VIOLATION);
	return 0;
}

/* Timers here are exact whatever is asked; what is kept is what programs can see of it: the resolution in force is the
 * finest that a process asked for and did not take back, and RESOLUTION_USUAL without one. */
#define RESOLUTION_COARSEST 156250u /* 100 ns units, as Windows shows them */
#define RESOLUTION_FINEST 5000u
#define RESOLUTION_USUAL 10000u
static struct list_node resolution_requests = LIST_INIT(resolution_requests); /* nt_dispatcher_lock: struct nt_process */

static u32 resolution_in_force(void)
{
	u32 finest = RESOLUTION_USUAL;
	spin_lock(&nt_dispatcher_lock);
	list_for_each(n, &resolution_requests, struct nt_process, resolution_link)
		finest = MIN(finest, n->timer_resolution);
	spin_unlock(&nt_dispatcher_lock);
	return finest;
}

bool nt_timer_resolution_withdraw_locked(struct nt_process *n)
{
	bool asked = n->timer_resolution != 0;
	if (asked)
		list_remove(&n->resolution_link);
	n->timer_resolution = 0;
	return asked;
}

static bool resolution_request(struct nt_process *n, u32 wanted, bool set)
{
	spin_lock(&nt_dispatcher_lock);
	bool asked = nt_timer_resolution_withdraw_locked(n);
	if (set) {
		n->timer_resolution = MIN(MAX(wanted, RESOLUTION_FINEST), RESOLUTION_COARSEST);
		list_push_back(&resolution_requests, &n->resolution_link);
	}
	spin_unlock(&nt_dispatcher_lock);
	return asked || set;
}

NT_HANDLER(QueryTimerResolution)
{
	u32 coarsest = RESOLUTION_COARSEST, finest = RESOLUTION_FINEST, current = resolution_in_force();
	return COPY_OUT(user_ptr(a[0]), &coarsest) || COPY_OUT(user_ptr(a[1]), &finest) || COPY_OUT(user_ptr(a[2]), &current) ?
		NT(ACCESS_VIOLATION) : 0;
}

/* (wanted, set or take back, current out): a bad pointer leaves everything as it was. */
NT_HANDLER(SetTimerResolution)
{
	u32 current = resolution_in_force();
	if (COPY_OUT(user_ptr(a[2]), &current))
		return NT(ACCESS_VIOLATION);
	bool done = resolution_request(process_current()->nt, (u32)a[0], (u8)a[1]);
	current = resolution_in_force();
	if (COPY_OUT(user_ptr(a[2]), &current))
		return NT(ACCESS_VIOLATION);
	return done ? 0 : NT(TIMER_RESOLUTION_NOT_SET);
}
