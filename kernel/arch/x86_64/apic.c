// SPDX-License-Identifier: MIT
/* Local APIC: inter-processor interrupts and the one-shot timer. The timer's rate is measured once against the
 * ACPI-independent PIT; CPUID leaf 15h is not there under TCG. */
#include "arch.h"
#include "irq.h"
#include "mm.h"
#include "../../sched/sched_private.h"

#define APIC_BASE_PHYS 0xfee00000u
#define REG_ID 0x20
#define REG_EOI 0xb0
#define REG_SPURIOUS 0xf0
#define REG_ICR_LOW 0x300
#define REG_ICR_HIGH 0x310
#define REG_LVT_TIMER 0x320
#define REG_LVT_LINT0 0x350
#define REG_INITIAL 0x380
#define REG_CURRENT 0x390
#define REG_DIVIDE 0x3e0
#define DIVIDE_BY_1 0xb
#define PIT_HZ 1193182u
/* Long enough that the PIT's tick (0.8 us) is below 0.05 %, short enough not to show in the boot time. */
#define CALIBRATION_TICKS 2386u /* 2 ms */

static volatile u32 *apic = (volatile u32 *)(DIRECT_MAP_BASE + APIC_BASE_PHYS);
static u64 apic_mult; /* ticks = ns * mult >> 32 */
static u64 tsc_mult; /* ns = tsc * mult >> 32 */
static u64 tsc_base, wall_boot_ns;

static u32 reg(u32 r) { return apic[r / 4]; }
static void set_reg(u32 r, u32 v) { apic[r / 4] = v; }

void apic_eoi(void) { set_reg(REG_EOI, 0); }
u64 irq_msi_address(void) { return APIC_BASE_PHYS | (u64)cpus[0]->apic_id << 12; }

void apic_send(u32 apic_id, u32 icr)
{
	while (reg(REG_ICR_LOW) & 1 << 12)
		cpu_pause();
	set_reg(REG_ICR_HIGH, apic_id << 24);
	set_reg(REG_ICR_LOW, icr);
}

void apic_init_cpu(void)
{
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | 1 << 11);
	set_reg(REG_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
	set_reg(REG_LVT_LINT0, 1 << 16);
	set_reg(REG_DIVIDE, DIVIDE_BY_1);
	set_reg(REG_LVT_TIMER, VECTOR_TIMER);
	cpu_this()->apic_id = reg(REG_ID) >> 24;
}

/* PIT channel 2, mode 0: output goes high after the count. */
static void pit_start(u16 ticks)
{
	out8(0x61, (u8)((in8(0x61) & ~2) | 1));
	out8(0x43, 0xb0);
	out8(0x42, (u8)ticks);
	out8(0x42, (u8)(ticks >> 8));
}

static u8 cmos(u8 r)
{
	out8(0x70, r);
	u8 v = in8(0x71);
	return (u8)((v & 15) + (v >> 4) * 10);
}

/* The RTC in UTC, as QEMU sets it, in seconds since the epoch (days by the civil-calendar formula). */
static u64 rtc_seconds(void)
{
	u32 s, m, h, day, month, year;
	do {
		s = cmos(0);
		m = cmos(2);
		h = cmos(4);
		day = cmos(7);
		month = cmos(8);
		year = 2000u + cmos(9);
	} while (s != cmos(0));
	u32 y = month <= 2 ? year - 1 : year, era_year = y % 400;
	u32 day_of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
	u64 days = (u64)(y / 400) * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + day_of_year - 719468;
	return ((days * 24 + h) * 60 + m) * 60 + s;
}

#define PIC_MASTER_DATA 0x21
#define PIC_SLAVE_DATA 0xa1

void apic_init(void)
{
	/* Before LINT0: a request that the firmware's timer left pending must be withdrawn while LINT0 still passes it on. */
	out8(PIC_MASTER_DATA, 0xff);
	out8(PIC_SLAVE_DATA, 0xff);
	apic_init_cpu();
	set_reg(REG_INITIAL, UINT32_MAX);
	pit_start(CALIBRATION_TICKS);
	u64 tsc = read_tsc();
	u32 count = reg(REG_CURRENT);
	while (!(in8(0x61) & 0x20))
		;
	u64 tsc_delta = read_tsc() - tsc;
	u64 apic_delta = count - reg(REG_CURRENT);
	set_reg(REG_INITIAL, 0);
	u64 ns = (u64)CALIBRATION_TICKS * NSEC_PER_SEC / PIT_HZ;
	apic_mult = (apic_delta << 32) / ns;
	tsc_mult = (ns << 32) / tsc_delta;
	tsc_base = tsc;
	wall_boot_ns = rtc_seconds() * NSEC_PER_SEC;
}

u64 time_tsc_to_ns(u64 tsc) { return (u64)((unsigned __int128)(tsc - tsc_base) * tsc_mult >> 32); }
u64 time_now_ns(void) { return time_tsc_to_ns(read_tsc()); }
u64 time_boot_wall_ns(void) { return wall_boot_ns; }
void time_set_boot_wall_ns(u64 ns) { wall_boot_ns = ns; }
void time_clock_parameters(u64 *base, u64 *mult) { *base = tsc_base; *mult = tsc_mult; }

void timer_hardware_arm(u64 deadline_ns)
{
	u64 now = time_now_ns(), delta = deadline_ns > now ? deadline_ns - now : 0;
	u64 ticks = (u64)((unsigned __int128)delta * apic_mult >> 32);
	set_reg(REG_INITIAL, (u32)(ticks < 1 ? 1 : ticks > UINT32_MAX ? UINT32_MAX : ticks));
}

void cpu_send_reschedule(u32 cpu_id) { apic_send(cpus[cpu_id]->apic_id, VECTOR_RESCHEDULE); }
