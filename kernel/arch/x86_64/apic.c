// SPDX-License-Identifier: MIT
/* Local APIC (xAPIC registers), I/O APIC, vectors of device interrupts.
 * Entry points: cpu_send_reschedule, irq_allocate_vector (MSI), irq_route_isa; the rest is private to arch. */
#include "arch.h"
#include "irq.h"
#include "sched_internal.h"
#include "spinlock.h"

enum { LAPIC_ID = 0x20, LAPIC_EOI = 0xb0, LAPIC_SPURIOUS = 0xf0, LAPIC_ICR_LOW = 0x300, LAPIC_ICR_HIGH = 0x310,
       LAPIC_TIMER = 0x320, LAPIC_LINT0 = 0x350, LAPIC_LINT1 = 0x360, LAPIC_ERROR = 0x370, LAPIC_TPR = 0x80,
       LAPIC_TIMER_INITIAL = 0x380, LAPIC_TIMER_CURRENT = 0x390, LAPIC_TIMER_DIVIDE = 0x3e0 };
#define LVT_MASKED 0x10000u
#define DIVIDE_BY_1 0xb
#define ICR_PENDING 0x1000u
#define ICR_NMI_OTHERS 0xc4400u
#define MSI_ADDRESS 0xfee00000u
#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_ACTIVE_LOW 0x2000u
#define IOAPIC_LEVEL 0x8000u
#define IOAPIC_MASKED 0x10000u

typedef void (*irq_fn)(void *arg);

static volatile u32 *lapic, *ioapic;
static struct { irq_fn fn; void *arg; } vectors[256];
static struct spinlock irq_lock = SPINLOCK_INIT(RANK_LOG - 1);

static inline u32 lapic_read(u32 reg) { return lapic[reg / 4]; }
static inline void lapic_write(u32 reg, u32 v) { lapic[reg / 4] = v; }

void apic_init(void)
{
	lapic = fixmap_mmio(FIXMAP_LAPIC, platform.lapic_phys);
	if (platform.ioapic_phys)
		ioapic = fixmap_mmio(FIXMAP_IOAPIC, platform.ioapic_phys);
	outb(0x21, 0xff); /* the two 8259s stay silent */
	outb(0xa1, 0xff);
}

void apic_init_this(void)
{
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_LINT0, LVT_MASKED);
	lapic_write(LAPIC_LINT1, LVT_MASKED);
	lapic_write(LAPIC_ERROR, LVT_MASKED);
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	lapic_write(LAPIC_TIMER, VECTOR_TIMER);
	lapic_write(LAPIC_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
}

u32 apic_id_this(void) { return lapic_read(LAPIC_ID) >> 24; }
void apic_timer_set(u64 count) { lapic_write(LAPIC_TIMER_INITIAL, count > UINT32_MAX ? UINT32_MAX : (u32)count); }
u32 apic_timer_read(void) { return lapic_read(LAPIC_TIMER_CURRENT); }

void apic_send(u32 apic_id, u32 low)
{
	while (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING)
		cpu_pause();
	lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
	lapic_write(LAPIC_ICR_LOW, low);
}

void apic_send_nmi_others(void)
{
	if (lapic)
		lapic_write(LAPIC_ICR_LOW, ICR_NMI_OTHERS);
}

void cpu_send_reschedule(u32 cpu_id) { apic_send(cpus[cpu_id]->apic_id, VECTOR_RESCHEDULE); }

void irq_dispatch(u32 vector)
{
	if (vector == VECTOR_SPURIOUS)
		return;
	lapic_write(LAPIC_EOI, 0);
	irq_fn fn = __atomic_load_n(&vectors[vector].fn, __ATOMIC_ACQUIRE);
	if (vector == VECTOR_TIMER)
		timer_interrupt();
	else if (vector == VECTOR_RESCHEDULE)
		sched_interrupt();
	else if (vector == VECTOR_SHOOTDOWN)
		tlb_answer();
	else if (fn)
		fn(vectors[vector].arg);
	else
		klog(LOG_WARN, "interrupt on unused vector %u", vector);
}

static int vector_take(irq_fn fn, void *arg)
{
	int found = ERR_NOSPC;
	spin_lock(&irq_lock);
	for (int v = VECTOR_DEVICE_FIRST; v <= VECTOR_DEVICE_LAST && found < 0; v++)
		if (!vectors[v].fn) {
			vectors[v].arg = arg;
			__atomic_store_n(&vectors[v].fn, fn, __ATOMIC_RELEASE);
			found = v;
		}
	spin_unlock(&irq_lock);
	return found;
}

int irq_allocate_vector(irq_fn fn, void *arg) { return vector_take(fn, arg); }
void irq_free_vector(int vector) { __atomic_store_n(&vectors[vector].fn, NULL, __ATOMIC_RELEASE); }
u64 irq_msi_address(void) { return MSI_ADDRESS | cpus[0]->apic_id << 12; }

static void ioapic_write(u32 reg, u32 v)
{
	ioapic[0] = reg;
	ioapic[4] = v;
}

status_t irq_route_isa(u32 line, irq_fn fn, void *arg)
{
	if (!ioapic || line >= 16)
		return ERR_NODEV;
	int v = vector_take(fn, arg);
	if (v < 0)
		return v;
	u16 flags = platform.isa_flags[line];
	u32 low = (u32)v | ((flags & 3) == 3 ? IOAPIC_ACTIVE_LOW : 0) | ((flags & 12) == 12 ? IOAPIC_LEVEL : 0);
	u32 reg = IOAPIC_REDIRECTION + 2 * (platform.isa_gsi[line] - platform.ioapic_gsi_base);
	spin_lock(&irq_lock);
	ioapic_write(reg + 1, cpus[0]->apic_id << 24);
	ioapic_write(reg, low);
	spin_unlock(&irq_lock);
	return OK;
}
