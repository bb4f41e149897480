// SPDX-License-Identifier: MIT
/* Setting the wall clock: clock_settime, settimeofday, adjtimex, clock_adjtime. The clock is set at once or read; it is not
 * slewed, and there is no frequency to correct (ADJ_OFFSET, ADJ_FREQUENCY and their kin are EOPNOTSUPP). */
#include "cpu.h"
#include "linux.h"
#include "policy.h"

enum { ADJ_SETOFFSET = 0x100, ADJ_NANO = 0x2000, ADJ_OFFSET_SS_READ = 0xa001, ADJ_ADJTIME = 0x8000, ADJ_SINGLESHOT = 0x8001,
	ADJ_KNOWN = 0xf7bf };
enum { STA_UNSYNC = 0x40, STA_NANO = 0x2000, TIME_ERROR = 5 };
#define MAX_ERROR_US 16000000   /* NTP_PHASE_LIMIT: what a clock that nobody disciplines says */
#define TOLERANCE 32768000      /* 500 ppm in 1/65536 ppm */
#define TICK_US 10000           /* at USER_HZ 100 */
#define WEST_MAX_MINUTES (15 * 60)

struct timex_user {
	u32 modes, pad0;
	s64 offset, freq, maxerror, esterror;
	s32 status, pad1;
	s64 constant, precision, tolerance;
	struct timeval_user time;
	s64 tick, ppsfreq, jitter;
	s32 shift, pad2;
	s64 stabil, jitcnt, calcnt, errcnt, stbcnt;
	s32 tai, unused[11];
};
_Static_assert(sizeof(struct timex_user) == 208, "Linux layout");

static s64 set_wall(u64 ns)
{
	u64 now = time_now_ns();
	if (!cred_has_cap(thread_current()->cred, CAP_SYS_TIME))
		return ERR_PERM;
	if (ns < now) /* before boot: CLOCK_REALTIME may not be below CLOCK_MONOTONIC (clock_settime(2)) */
		return ERR_INVAL;
	status_t st = policy_clock_set();
	if (st)
		return st;
	u64 before = time_boot_wall_ns();
	time_set_boot_wall_ns(ns - now);
	vdso_update_clock();
	s64 delta = (s64)(ns - now - before);
	posix_timers_clock_set(delta);
	timerfds_clock_set(delta);
	sleepers_clock_set();
	return OK;
}

LINUX_HANDLER(clock_settime)
{
	u64 ns;
	if ((s32)a0 != CLOCK_REALTIME)
		return ERR_INVAL;
	status_t st = timespec_in(user_ptr(a1), &ns);
	return st ? st : set_wall(ns);
}

/* The time zone of the kernel is UTC: nothing here reads it, so another is refused. */
static s64 check_zone(u64 va)
{
	struct { s32 west, dst; } zone;
	if (COPY_IN(&zone, user_ptr(va)))
		return ERR_FAULT;
	if (!cred_has_cap(thread_current()->cred, CAP_SYS_TIME))
		return ERR_PERM;
	if (zone.west > WEST_MAX_MINUTES || zone.west < -WEST_MAX_MINUTES)
		return ERR_INVAL;
	return zone.west || zone.dst ? FAIL(ERR_OPNOTSUPP, "time zone of the kernel") : OK;
}

LINUX_HANDLER(settimeofday)
{
	struct timeval_user tv;
	if (a0 && COPY_IN(&tv, user_ptr(a0)))
		return ERR_FAULT;
	if (a0 && (tv.sec < 0 || tv.usec < 0 || tv.usec >= (s64)(NSEC_PER_SEC / NSEC_PER_USEC) || (u64)tv.sec > INT64_MAX / NSEC_PER_SEC))
		return ERR_INVAL;
	s64 st = a1 ? check_zone(a1) : OK;
	return st || !a0 ? st : set_wall((u64)tv.sec * NSEC_PER_SEC + (u64)tv.usec * NSEC_PER_USEC);
}

/* ADJ_SETOFFSET: a step, which may be negative by its seconds. */
static s64 step(const struct timex_user *x)
{
	s64 unit = x->modes & ADJ_NANO ? 1 : (s64)NSEC_PER_USEC, sum;
	if (x->time.usec < 0 || x->time.usec >= (s64)NSEC_PER_SEC / unit)
		return ERR_INVAL;
	if (__builtin_mul_overflow(x->time.sec, (s64)NSEC_PER_SEC, &sum) || __builtin_add_overflow(sum, x->time.usec * unit, &sum) ||
	    __builtin_add_overflow(sum, (s64)time_wall_ns(), &sum) || sum < 0)
		return ERR_INVAL;
	return set_wall((u64)sum);
}

static s64 adjust(u64 va)
{
	struct timex_user x;
	if (COPY_IN(&x, user_ptr(va)))
		return ERR_FAULT;
	u32 modes = x.modes, change = modes == ADJ_OFFSET_SS_READ ? 0 : modes & ~(u32)ADJ_NANO;
	if (change && !cred_has_cap(thread_current()->cred, CAP_SYS_TIME))
		return ERR_PERM;
	if ((modes & ~(u32)ADJ_KNOWN) || (modes & ADJ_SINGLESHOT) == ADJ_ADJTIME)
		return ERR_INVAL;
	if (change & ~(u32)ADJ_SETOFFSET)
		return FAIL(ERR_OPNOTSUPP, "clock adjustment other than a step");
	s64 st = change ? step(&x) : OK;
	if (st)
		return st;
	u64 now = time_wall_ns(), part = now % NSEC_PER_SEC;
	bool nano = modes & ADJ_NANO && modes != ADJ_OFFSET_SS_READ;
	x = (struct timex_user){
		.modes = modes, .maxerror = MAX_ERROR_US, .esterror = MAX_ERROR_US, .status = STA_UNSYNC | (nano ? STA_NANO : 0),
		.constant = 2, .precision = 1, .tolerance = TOLERANCE, .tick = TICK_US,
		.time = { (s64)(now / NSEC_PER_SEC), (s64)(nano ? part : part / NSEC_PER_USEC) },
	};
	return COPY_OUT(user_ptr(va), &x) ? ERR_FAULT : TIME_ERROR;
}

LINUX_HANDLER(adjtimex) { return adjust(a0); }

LINUX_HANDLER(clock_adjtime)
{
	u64 ns;
	if ((s32)a0 == CLOCK_REALTIME)
		return adjust(a1);
	return clock_read((s32)a0, &ns) ? ERR_INVAL : ERR_OPNOTSUPP;
}
