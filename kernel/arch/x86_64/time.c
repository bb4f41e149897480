// SPDX-License-Identifier: MIT
/* Clocks: monotonic time from the TSC, its frequency and the local APIC timer's measured once against the ACPI
 * PM timer (3.579545 MHz) or the PIT, wall time from the RTC, the one-shot timer of each CPU. */
#include "arch.h"
#include "sched_internal.h"

#define PM_TIMER_HZ 3579545ull
#define PIT_HZ 1193182ull
#define CALIBRATE_NS (2 * NSEC_PER_MSEC) /* 1 us of reading error is 0.05 % */
#define SCALE_SHIFT 32
#define TIMER_MIN_NS 1000                /* shorter would fire before it is programmed */

u64 time_ns_scale, time_tsc_start;
static u64 apic_scale;       /* APIC timer ticks per ns << 32 */
static u64 wall_start_ns;

u64 time_boot_wall_ns(void) { return __atomic_load_n(&wall_start_ns, __ATOMIC_RELAXED); }
void time_clock_parameters(u64 *base, u64 *mult)
{
	*base = time_tsc_start;
	*mult = time_ns_scale;
}

void time_set_boot_wall_ns(u64 ns) { __atomic_store_n(&wall_start_ns, ns, __ATOMIC_RELAXED); }

/* ---- the reference: a counter that runs upwards at a known rate ---- */

static u32 pm_timer_read(void) { return inl(platform.pm_timer_port) & 0xffffff; }

static u32 pit_read(void)
{
	outb(0x43, 0x80); /* latch channel 2 */
	u32 low = inb(0x42);
	return 0xffff - (low | (u32)inb(0x42) << 8);
}

static void pit_start(void)
{
	outb(0x61, (u8)((inb(0x61) & ~2) | 1));
	outb(0x43, 0xb0);
	outb(0x42, 0xff);
	outb(0x42, 0xff);
}

/* TSC and reference taken together: of several tries the one with the shortest read. */
static u64 sample(u32 (*read)(void), u32 *reference, u32 *apic)
{
	u64 best = UINT64_MAX, at = 0;
	for (int i = 0; i < 4; i++) {
		u64 before = rdtsc();
		u32 r = read();
		u64 after = rdtsc();
		if (after - before < best) {
			best = after - before;
			at = before + best / 2;
			*reference = r;
			*apic = apic_timer_read();
		}
	}
	return at;
}

static void calibrate(void)
{
	bool pm = platform.pm_timer_port != 0;
	u32 (*read)(void) = pm ? pm_timer_read : pit_read;
	u32 mask = pm ? 0xffffff : 0xffff, r0, r1, a0, a1;
	u64 hz = pm ? PM_TIMER_HZ : PIT_HZ;
	if (!pm)
		pit_start();
	apic_timer_set(UINT32_MAX);
	u64 t0 = sample(read, &r0, &a0), t1;
	u32 wanted = (u32)(hz * CALIBRATE_NS / NSEC_PER_SEC);
	do
		cpu_pause();
	while (((read() - r0) & mask) < wanted);
	t1 = sample(read, &r1, &a1);
	apic_timer_set(0);
	u64 ns = ((r1 - r0) & mask) * NSEC_PER_SEC / hz;
	time_ns_scale = (ns << SCALE_SHIFT) / (t1 - t0);
	apic_scale = ((u64)(a0 - a1) << SCALE_SHIFT) / ns;
}

/* ---- RTC ---- */

static u8 cmos_read(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static u64 days_from_civil(u64 y, u64 m, u64 d)
{
	y -= m <= 2;
	u64 era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3ull : 9ull)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static u32 from_bcd(u8 v, bool binary) { return binary ? v : (v >> 4) * 10u + (v & 15u); }

/* Seconds since the epoch. While an update is in progress the fields may be torn: read until two agree. */
static u64 rtc_read(void)
{
	static const u8 regs[6] = { 0, 2, 4, 7, 8, 9 };
	u8 a[6], b[6];
	bool same = false;
	for (int tries = 0; tries < 100 && !same; tries++) {
		same = true;
		for (u32 i = 0; i < 6; i++)
			a[i] = cmos_read(regs[i]);
		for (u32 i = 0; i < 6; i++)
			same &= (b[i] = cmos_read(regs[i])) == a[i];
	}
	u8 mode = cmos_read(0x0b);
	bool binary = mode & 4;
	u32 hour = from_bcd(b[2] & 0x7f, binary);
	if (!(mode & 2)) /* 12-hour clock, bit 7 = afternoon */
		hour = hour % 12 + (b[2] & 0x80 ? 12 : 0);
	u64 days = days_from_civil(2000 + from_bcd(b[5], binary), from_bcd(b[4], binary), from_bcd(b[3], binary));
	return days * 86400 + hour * 3600ull + from_bcd(b[1], binary) * 60ull + from_bcd(b[0], binary);
}

void time_init(void)
{
	time_tsc_start = rdtsc();
	calibrate();
	wall_start_ns = rtc_read() * NSEC_PER_SEC - time_now_ns();
	klog(LOG_INFO, "time: TSC %llu kHz", (unsigned long long)((1000000ull << SCALE_SHIFT) / time_ns_scale));
}

void arch_timer_program(u64 deadline_ns, u64 now)
{
	u64 delta = deadline_ns > now + TIMER_MIN_NS ? deadline_ns - now : TIMER_MIN_NS;
	delta = MIN(delta, 2 * NSEC_PER_SEC); /* the counter has 32 bits; an early interrupt just programs again */
	apic_timer_set((delta * (apic_scale >> 16) >> (SCALE_SHIFT - 16)) + 1);
}
